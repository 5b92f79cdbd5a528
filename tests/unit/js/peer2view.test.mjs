// peer2view.test.mjs - sdk/js/peer2view.js without a browser: URLs, when the agent is believed, when the CDN steps in.
import assert from "node:assert/strict";
import http from "node:http";
import { afterEach, test } from "node:test";
import { Peer2View, addressSpace } from "../../../sdk/js/peer2view.js";

const open = new Set();
afterEach(() => {
  for (const close of open) close();
  open.clear();
  delete globalThis.isSecureContext;
});

/** A server whose answers are those of `answer(path)`: a body, a status, or "never". */
async function server(answer, port = 0) {
  const seen = [];
  const s = http.createServer((q, a) => {
    seen.push(q.url);
    const what = answer(q.url);
    if (what === "never") return;
    a.writeHead(typeof what === "number" ? what : 200);
    a.end(typeof what === "number" ? "" : what);
  });
  await new Promise((done) => s.listen(port, "127.0.0.1", done));
  const close = () => {
    s.closeAllConnections();
    s.close();
  };
  open.add(close);
  return { url: `http://127.0.0.1:${s.address().port}`, port: s.address().port, seen, close };
}

const agentOf = (rest, port) => server((path) => (path === "/readyz" ? "ready\n" : rest(path)), port);

/** For a CDN and an agent, with short times. */
function made(cdn, agent, more = {}) {
  const p = new Peer2View({ cdn: cdn + "/live/", agent, timeout: 500, patience: 150, fresh: 0, retry: 100, ...more });
  open.add(() => p.close());
  return p;
}

const text = async (p, url, init) => (await p.fetch(url, init)).text();

test("the CDN's URLs and the agent's", () => {
  const p = new Peer2View({ cdn: ["https://cdn.example/live/", "http://other.example:81/x"], agent: "http://127.0.0.1:8780" });
  for (const [cdn, agent] of [
    ["https://cdn.example/live/a/m.m3u8?t=1", "http://127.0.0.1:8780/x/https/cdn.example/live/a/m.m3u8?t=1"],
    ["http://other.example:81/x/y", "http://127.0.0.1:8780/x/http/other.example:81/x/y"],
  ]) {
    assert.equal(p.toAgent(cdn), agent);
    assert.equal(p.toCdn(agent), cdn);
    assert.equal(p.toAgent(agent), agent);
    assert.equal(p.toCdn(cdn), cdn);
  }
  for (const not of ["https://cdn.example/other", "https://cdn.example.evil/live/", "http://cdn.example/live/", "http://other.example:81/xy"])
    assert.equal(p.toAgent(not), null);
  assert.equal(p.toCdn("http://127.0.0.1:8780/x/https/cdn2.example:8443/s.ts?a=b"), "https://cdn2.example:8443/s.ts?a=b");
  assert.equal(p.url("https://cdn.example/live/m.m3u8"), "https://cdn.example/live/m.m3u8", "not before the agent was seen");
});

test("mounts", () => {
  const p = new Peer2View({ cdn: { "https://cdn.example/live/": "/news" }, agent: "http://127.0.0.1:1/" });
  assert.equal(p.toAgent("https://cdn.example/live/m.m3u8"), "http://127.0.0.1:1/news/m.m3u8");
  assert.equal(p.toCdn("http://127.0.0.1:1/news/v/1.ts"), "https://cdn.example/live/v/1.ts");
  assert.equal(p.toCdn("http://127.0.0.1:1/newsletter/1.ts"), "http://127.0.0.1:1/newsletter/1.ts");
});

test("bad options are refused", () => {
  assert.throws(() => new Peer2View({}), /cdn/);
  assert.throws(() => new Peer2View({ cdn: "ftp://cdn.example/" }), /no HTTP URL/);
  assert.throws(() => new Peer2View({ cdn: "/live/" }), TypeError);
});

test("address spaces", () => {
  for (const h of ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"]) assert.equal(addressSpace(h), "loopback");
  for (const h of ["10.1.2.3", "192.168.1.1", "172.16.0.1", "172.31.0.1", "169.254.1.1", "[fd00::1]", "[fe80::1]", "box.local"])
    assert.equal(addressSpace(h), "local");
  for (const h of ["172.32.0.1", "11.0.0.1", "agent.example", "[2001:db8::1]", "localhost.example"]) assert.equal(addressSpace(h), undefined);
});

test("through the agent while it is there", async () => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "agent");
  const p = made(cdn.url, agent.url, { fresh: 10000 });
  const states = [];
  p.addEventListener("change", (e) => states.push(e.detail));
  assert.equal(await p.ready(), true);
  assert.equal(await text(p, cdn.url + "/live/a"), "agent");
  assert.equal(await text(p, p.toAgent(cdn.url + "/live/b")), "agent");
  assert.equal(await text(p, cdn.url + "/elsewhere"), "cdn");
  assert.equal(agent.seen.filter((u) => u === "/readyz").length, 1, "its answers say that it is there");
  assert.deepEqual(states, ["up"]);
  assert.deepEqual(p.requests, { agent: 2, cdn: 1, rescued: 0 });
});

test("no agent: the CDN, at once, and nobody knocks at each request", async () => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "agent");
  agent.close();
  const p = made(cdn.url, agent.url, { retry: 60000 });
  assert.equal(await p.ready(), false);
  for (let i = 0; i < 5; i++) assert.equal(await text(p, cdn.url + "/live/" + i), "cdn");
  assert.equal(p.state, "down");
  const there = await agentOf(() => "agent", agent.port);
  assert.equal(await text(p, cdn.url + "/live/x"), "cdn");
  assert.deepEqual(there.seen, []);
});

test("what listens there may be something else", async () => {
  const cdn = await server(() => "cdn");
  for (const what of ["<html>", 404, 503]) {
    const other = await server(() => what);
    assert.equal(await made(cdn.url, other.url).ready(), false);
  }
});

test("an agent that says nothing holds nobody up", async () => {
  const cdn = await server(() => "cdn");
  const mute = await server(() => "never");
  const p = made(cdn.url, mute.url, { timeout: 100 });
  const began = performance.now();
  assert.equal(await text(p, cdn.url + "/live/a"), "cdn");
  assert.ok(performance.now() - began < 2000);
});

test("the agent dies, and comes back", async () => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "agent");
  const p = made(cdn.url, agent.url);
  assert.equal(await text(p, cdn.url + "/live/1"), "agent");
  agent.close();
  assert.equal(await text(p, cdn.url + "/live/2"), "cdn");
  assert.equal(p.state, "down");
  await agentOf(() => "again", agent.port);
  const until = performance.now() + 10000;
  let got;
  do {
    await new Promise((r) => setTimeout(r, 20));
    got = await text(p, cdn.url + "/live/3");
  } while (got === "cdn" && performance.now() < until);
  assert.equal(got, "again");
});

test("it dies before it is noticed: the same request is the CDN's", async () => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "agent");
  const p = made(cdn.url, agent.url, { fresh: 60000 });
  await p.ready();
  agent.close();
  assert.equal(await text(p, cdn.url + "/live/2"), "cdn");
  assert.deepEqual(p.requests, { agent: 1, cdn: 0, rescued: 1 });
});

test("it stops in the middle of a request", async () => {
  const cdn = await server(() => "cdn");
  let stopped = false;
  const agent = await server((path) => (stopped ? "never" : path === "/readyz" ? "ready" : ((stopped = true), "never")));
  const p = made(cdn.url, agent.url, { timeout: 100 });
  assert.equal(await text(p, cdn.url + "/live/a"), "cdn");
  assert.equal(p.state, "down");
});

test("it holds a request for long, and lives", async () => {
  const cdn = await server(() => "cdn");
  let give;
  const agent = http.createServer((q, a) => {
    if (q.url === "/readyz") a.end("ready");
    else give = () => a.end("held");
  });
  await new Promise((done) => agent.listen(0, "127.0.0.1", done));
  open.add(() => (agent.closeAllConnections(), agent.close()));
  const p = made(cdn.url, `http://127.0.0.1:${agent.address().port}`, { patience: 50 });
  setTimeout(() => give(), 400);
  assert.equal(await text(p, cdn.url + "/live/part?_HLS_msn=7"), "held");
});

test("an answer that the CDN gives better is the CDN's; an agent that is always worse is left alone", async () => {
  const cdn = await server((path) => (path.includes("missing") ? 404 : "cdn"));
  const agent = await agentOf(() => 403);
  const p = made(cdn.url, agent.url, { retry: 60000 });
  // What the CDN does not have either is no fault of the agent.
  for (let i = 0; i < 5; i++) assert.equal((await p.fetch(cdn.url + "/live/missing")).status, 404);
  assert.equal((await p.route(cdn.url + "/live/x")).agent, true);
  for (let i = 0; i < 6; i++) assert.equal(await text(p, cdn.url + "/live/" + i), "cdn");
  assert.equal(agent.seen.filter((u) => /live\/\d/.test(u)).length, 3);
  assert.equal(p.url(cdn.url + "/live/x"), cdn.url + "/live/x");
});

test("who gives up himself has given up", async () => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "never");
  const p = made(cdn.url, agent.url, { patience: 10000 });
  await p.ready();
  await assert.rejects(p.fetch(cdn.url + "/live/a", { signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
  assert.deepEqual(cdn.seen, []);
  assert.equal(p.requests.rescued, 0);
});

test("closed: the CDN", async () => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "agent");
  const p = made(cdn.url, agent.url);
  await p.ready();
  p.close();
  assert.equal(await text(p, p.toAgent(cdn.url + "/live/a")), "cdn");
});

/** A browser's permission, for as long as the test runs. */
function permission(t, state, known = ["loopback-network"]) {
  const it = Object.assign(new EventTarget(), { state });
  const query = async ({ name }) => {
    if (!known.includes(name)) throw new TypeError(name);
    return it;
  };
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { permissions: { query } }, configurable: true });
  t.after(() => (before ? Object.defineProperty(globalThis, "navigator", before) : delete globalThis.navigator));
  return it;
}

test("a browser that denies it is not asked again, and the agent not called", async (t) => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "agent");
  for (const known of [["loopback-network"], ["local-network-access"]]) {
    const leave = permission(t, "denied", known);
    const p = made(cdn.url, agent.url);
    assert.equal(await p.ready(), false);
    assert.equal(p.state, "forbidden");
    assert.equal(await text(p, cdn.url + "/live/a"), "cdn");
    assert.deepEqual(agent.seen, []);
    leave.state = "granted"; // the viewer has changed his mind
    leave.dispatchEvent(new Event("change"));
    await text(p, cdn.url + "/live/b");
    const until = performance.now() + 10000;
    while (!p.up && performance.now() < until) await new Promise((r) => setTimeout(r, 10));
    assert.equal(await text(p, cdn.url + "/live/c"), "agent");
    agent.seen.length = 0;
  }
});

test("the viewer is asked only when the page wants it", async (t) => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "agent");
  permission(t, "prompt");
  const p = made(cdn.url, agent.url, { ask: false });
  assert.equal(await p.ready(), false);
  assert.deepEqual(agent.seen, []);
  assert.equal(await p.ask(), true);
  assert.equal(p.state, "up");
});

test("a viewer who takes his time holds nobody up, and is heard", async (t) => {
  const cdn = await server(() => "cdn");
  let say;
  const asked = http.createServer((q, a) => (q.url === "/readyz" ? (say = () => a.end("ready")) : a.end("agent")));
  await new Promise((done) => asked.listen(0, "127.0.0.1", done));
  open.add(() => (asked.closeAllConnections(), asked.close()));
  permission(t, "prompt");
  const p = made(cdn.url, `http://127.0.0.1:${asked.address().port}`, { timeout: 50, retry: 60000 });
  assert.equal(await p.ready(), false);
  assert.equal(await text(p, cdn.url + "/live/a"), "cdn");
  setTimeout(() => say(), 200);
  await new Promise((done) => p.addEventListener("change", (e) => e.detail === "up" && done()));
  assert.equal(await text(p, cdn.url + "/live/b"), "agent");
});

test("a page that is not secure does not knock where it is not let in", async (t) => {
  const agent = await agentOf(() => "agent");
  permission(t, "granted");
  globalThis.isSecureContext = false;
  const p = made("http://cdn.example", agent.url);
  assert.equal(await p.ready(), false);
  assert.equal(p.state, "forbidden");
  assert.deepEqual(agent.seen, []);
});

/** What dash.js does with a request: its interceptors around a load. */
function dashPlayer() {
  const list = { before: [], after: [] };
  return {
    addRequestInterceptor: (f) => list.before.push(f),
    addResponseInterceptor: (f) => list.after.push(f),
    removeRequestInterceptor: (f) => (list.before = list.before.filter((g) => g !== f)),
    removeResponseInterceptor: (f) => (list.after = list.after.filter((g) => g !== f)),
    async load(url, load, responseType = "arraybuffer") {
      let request = { url, method: "GET", headers: {}, credentials: "omit", timeout: 0, responseType };
      for (const f of list.before) request = await f(request);
      let response = { request, url: request.url, status: 0, ...(await load(request)) };
      for (const f of list.after) response = await f(response);
      return response;
    },
  };
}

test("dash.js", async () => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "agent");
  const p = made(cdn.url, agent.url);
  const player = dashPlayer();
  const url = cdn.url + "/live/1.m4s";
  p.dash(player);
  let r = await player.load(url, (q) => ({ status: 200, data: q.url }));
  assert.equal(r.data, p.toAgent(url));
  r = await player.load(url, () => ({ status: 404 }));
  assert.equal(r.status, 200);
  assert.equal(Buffer.from(r.data).toString(), "cdn");
  assert.equal(r.url, url, "what is relative to it is the CDN's");
  r = await player.load(url, () => ({ status: 200, data: null }), ""); // broken off in its middle
  assert.equal(r.data, "cdn");
  r = await player.load(url, () => ({ status: 0 }));
  assert.equal(r.status, 0, "the agent lives: the player has given up by itself");
  r = await player.load(url, async () => (agent.close(), { status: 0 }));
  assert.equal(Buffer.from(r.data).toString(), "cdn");
  r = await player.load(url, (q) => ({ status: 200, data: q.url }));
  assert.equal(r.data, url);
  p.close();
  r = await player.load(url, (q) => ({ status: 200, data: q.url }));
  assert.equal(r.data, url);
});

/** A <video>, as far as it is needed. */
class Media extends EventTarget {
  src = "";
  paused = false;
  autoplay = false;
  readyState = 4;
  currentTime = 0;
  duration = Infinity;
  plays = 0;
  async play() {
    this.plays++;
  }
}

test("a video by itself: its agent fails it", async () => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "agent");
  const p = made(cdn.url, agent.url);
  const url = cdn.url + "/live/m.m3u8";
  const v = new Media();
  await p.native(v, url);
  assert.equal(v.src, p.toAgent(url));
  v.dispatchEvent(new Event("error"));
  assert.equal(v.src, url);
  assert.equal(v.plays, 1);
  v.src = "";
  v.dispatchEvent(new Event("error"));
  assert.equal(v.src, "", "once");
});

test("a video by itself: it stands still because its agent is dead, not because it is paused", async () => {
  const cdn = await server(() => "cdn");
  const agent = await agentOf(() => "agent");
  const p = made(cdn.url, agent.url, { patience: 40 });
  const v = Object.assign(new Media(), { duration: 60, currentTime: 7, readyState: 2, paused: true });
  await p.native(v, cdn.url + "/live/vod.m3u8");
  agent.close();
  await new Promise((r) => setTimeout(r, 200));
  assert.equal(v.src, p.toAgent(cdn.url + "/live/vod.m3u8"));
  v.paused = false;
  const until = performance.now() + 10000;
  while (v.src.startsWith(agent.url) && performance.now() < until) await new Promise((r) => setTimeout(r, 10));
  assert.equal(v.src, cdn.url + "/live/vod.m3u8");
  assert.equal(v.currentTime, 7);
});
