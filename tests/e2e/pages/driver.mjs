// driver.mjs - opens pages in Chromium, and writes down how each of them plays. It knows no player: it looks at the page's
// <video>, and at what the browser fetches.
//
//   node driver.mjs MODULES OUT [CHROMIUM-ARGUMENT]...
//
// Reads a line of JSON a command from its input: {"open": NAME, "url": URL, "granted": true}, {"close": NAME}. What is seen of
// a page is in OUT/NAME.json, twice a second. Ends with its input, or when it is told to.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

const [modules, out, ...args] = process.argv.slice(2);
const { chromium } = createRequire(path.resolve(modules, "x.js"))("playwright-core");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  headless: true,
  handleSIGTERM: false,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    ...args,
  ],
});

/** Looks at the picture, in the page. */
function watch() {
  const w = { frames: 0, dropped: 0, startup_ms: 0, still_ms: 0, stalls: 0, time: 0, width: 0, error: "" };
  globalThis.p2vWatch = w;
  let time = -1;
  let moved = 0; // when it last did
  let base = 0;
  let frames = 0;
  let still = 0;
  setInterval(() => {
    const v = document.querySelector("video");
    if (!v) return;
    const now = performance.now();
    const q = v.getVideoPlaybackQuality();
    if (q.totalVideoFrames < frames) base += frames; // it was loaded anew
    frames = q.totalVideoFrames;
    w.frames = base + frames;
    w.dropped = q.droppedVideoFrames;
    w.width = v.videoWidth;
    if (v.error) w.error = `${v.error.code} ${v.error.message}`;
    const stands = w.startup_ms && now - moved > 300 ? now - moved : 0; // less than that is the measure's own
    w.still_ms = still + stands;
    if (v.currentTime !== time) {
      still += stands;
      if (stands) w.stalls++;
      if (!w.startup_ms && v.currentTime > 0 && frames > 0) w.startup_ms = now;
      time = v.currentTime;
      moved = now;
    }
    w.time = v.currentTime;
  }, 50);
}

const pages = new Map();

async function open({ open: name, url, granted, proxy }) {
  const context = await browser.newContext({
    ...(proxy && { proxy: { server: proxy, bypass: "<-loopback>" } }),
    ignoreHTTPSErrors: true,
    viewport: { width: 160, height: 90 }, // what is not drawn costs nothing
  });
  if (granted) await context.grantPermissions(["local-network-access"]);
  await context.addInitScript(watch);
  const page = await context.newPage();
  // Requests and, where the agent says so, whence its bytes came: a number for each server.
  const it = { context, page, requests: {}, failed: {}, sources: {}, bad: [], console: [] };
  const count = (where, url) => {
    const { origin } = new URL(url);
    where[origin] = (where[origin] ?? 0) + 1;
  };
  page.on("request", (q) => /^http/.test(q.url()) && count(it.requests, q.url()));
  const bad = (text) => it.bad.length < 20 && it.bad.push(text.slice(0, 200));
  page.on("requestfailed", (q) => {
    if (!/^http/.test(q.url())) return;
    count(it.failed, q.url());
    bad(`${q.url()} ${q.failure()?.errorText}`);
  });
  page.on("response", (a) => {
    const source = a.headers()["x-p2v-source"];
    if (a.status() >= 400) bad(`${a.url()} ${a.status()}`);
    if (source) it.sources[source] = (it.sources[source] ?? 0) + 1;
  });
  page.on("console", (m) => it.console.length < 40 && it.console.push(m.text().slice(0, 300)));
  page.on("pageerror", (e) => it.console.push(String(e).slice(0, 300)));
  pages.set(name, it);
  await page.goto(url, { waitUntil: "commit" });
}

async function note(name, it) {
  const seen = await it.page.evaluate(() => globalThis.p2vWatch).catch(() => undefined);
  const { requests, failed, sources, bad, console } = it;
  const file = path.join(out, name + ".json");
  fs.writeFileSync(file + ".part", JSON.stringify({ ...seen, requests, failed, sources, bad, console }));
  fs.renameSync(file + ".part", file);
}

const noting = setInterval(() => pages.forEach((it, name) => void note(name, it)), 500);
const input = readline.createInterface({ input: process.stdin });
process.on("SIGTERM", () => input.close());
console.log("ready");
for await (const line of input) {
  const command = JSON.parse(line);
  if (command.open) await open(command);
  else if (command.close && pages.has(command.close)) {
    const it = pages.get(command.close);
    pages.delete(command.close);
    await note(command.close, it);
    await it.context.close();
  }
}
clearInterval(noting);
await browser.close();
process.exit(0);
