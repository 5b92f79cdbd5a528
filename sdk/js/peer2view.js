// peer2view.js - a page plays through the viewer's own peer2view agent while there is one, and from the CDN while there
// is none. It finds out which by itself, at the start and while it plays. No dependencies; sdk/doc/browser.md shows its use.

/**
 * @typedef {object} Options
 * @property {string | string[] | Record<string, string>} cdn  What of the CDN goes through the agent: beginnings of URLs
 *   (`"https://cdn.example/live/"`), which need no more of the agent than that a mount or `open_hosts` names them; or an
 *   object of such beginnings and the agent's mounts for them (`{ "https://cdn.example/live/": "/news" }`).
 * @property {string} [agent]     Where the agent is: "http://127.0.0.1:8780".
 * @property {number} [timeout]   [ms] for the agent to say that it is there: 800.
 * @property {number} [patience]  [ms] without a byte, after which the agent is asked whether it still lives: 1000.
 * @property {number} [fresh]     [ms] for which an answer stands for the next request, too: 2000.
 * @property {number} [retry]     [ms] until an agent that was not there is looked for again; doubles up to a minute: 5000.
 * @property {boolean} [ask]      Whether the browser may ask the viewer for leave to reach the agent: true. If false, nothing
 *   is asked before `ask()` is called.
 */

/**
 * Where a request goes.
 * @typedef {object} Way
 * @property {string} url     To be fetched.
 * @property {string} cdn     The same at the CDN.
 * @property {boolean} agent  Whether `url` is the agent's.
 */

/** @typedef {"unknown" | "up" | "down" | "forbidden"} State */

const LONGEST = 60000; // [ms] between two looks at an agent that is not there
const STRIKES = 3; // so often an answer of the agent may be worse than the CDN's before it is left alone for a while

/** @param {string} text */
const slashed = (text) => (text.endsWith("/") ? text : text + "/");

/** @param {number} ms */
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * What Local Network Access calls the place of a host: "loopback", "local", or nothing that a browser knows by its name.
 * @param {string} host  as `URL.hostname` has it
 * @returns {"loopback" | "local" | undefined}
 */
export function addressSpace(host) {
  if (host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127\./.test(host)) return "loopback";
  if (/^(10|192\.168|172\.(1[6-9]|2\d|3[01])|169\.254)\.\d/.test(host) || /^\[f(c|d|e[89ab])/.test(host) || host.endsWith(".local"))
    return "local";
  return undefined;
}

/** Sends `change` (an Event whose `detail` is the new state) when the agent comes, goes, or may not be reached. */
export class Peer2View extends EventTarget {
  /** @type {State} */ #state = "unknown";
  #agent;
  #space;
  /** @type {[string, string][]} */ #places = []; // beginnings of the CDN's URLs, and of the agent's
  #timeout;
  #patience;
  #fresh;
  #retry;
  #ask;
  #asked = false;
  #closed = false;
  #wait;
  #seen = -Infinity;
  #next = 0;
  /** @type {Promise<boolean> | null} */ #probe = null;
  /** @type {PermissionStatus | null | undefined} */ #permission;
  /** @type {Map<string, { n: number, until: number }>} */ #strikes = new Map();
  /** @type {(() => void)[]} */ #undo = [];

  /** How many requests went where; `rescued` went to the CDN after the agent had failed them. */
  requests = { agent: 0, cdn: 0, rescued: 0 };

  /** @param {Options} options */
  constructor(options) {
    super();
    const base = new URL(options.agent ?? "http://127.0.0.1:8780");
    this.#agent = base.origin;
    this.#space = addressSpace(base.hostname);
    this.#timeout = options.timeout ?? 800;
    this.#patience = options.patience ?? 1000;
    this.#fresh = options.fresh ?? 2000;
    this.#wait = this.#retry = options.retry ?? 5000;
    this.#ask = options.ask ?? true;
    const cdn = options.cdn;
    if (cdn === undefined) throw new TypeError("peer2view: `cdn` says which URLs may go through the agent");
    if (typeof cdn === "string" || Array.isArray(cdn)) for (const start of [cdn].flat()) this.#add(start);
    else for (const [start, mount] of Object.entries(cdn)) this.#add(start, mount);
  }

  /** @param {string} start @param {string} [mount] */
  #add(start, mount) {
    const url = new URL(start);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError(`peer2view: ${start} is no HTTP URL`);
    const path = mount === undefined ? `/x/${url.protocol.slice(0, -1)}/${url.host}${url.pathname}` : mount;
    this.#places.push([slashed(url.origin + url.pathname), slashed(this.#agent + path)]);
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** Whether requests go through the agent now. */
  get up() {
    return this.#state === "up";
  }

  // ---- URLs ----

  /**
   * The agent's URL for one of the CDN's, whether or not the agent is there.
   * @param {string} url
   * @returns {string | null}  null: it does not go through the agent
   */
  toAgent(url) {
    if (url.startsWith(this.#agent + "/")) return url;
    for (const [cdn, agent] of this.#places) if (url.startsWith(cdn)) return agent + url.slice(cdn.length);
    return null;
  }

  /**
   * The CDN's URL for one of the agent's, as players make them of relative ones. Others stay as they are.
   * @param {string} url
   */
  toCdn(url) {
    if (!url.startsWith(this.#agent + "/")) return url;
    for (const [cdn, agent] of this.#places) if (url.startsWith(agent)) return cdn + url.slice(agent.length);
    const open = /^\/x\/(https?)\/(.*)$/s.exec(url.slice(this.#agent.length));
    return open ? `${open[1]}://${open[2]}` : url;
  }

  /**
   * What to fetch instead of a URL, by what is known now. For what is to be tried even if the agent was not seen yet,
   * call `ready` before.
   * @param {string} url
   */
  url(url) {
    const cdn = this.toCdn(url);
    return (this.up && !this.#bypassed(cdn) && this.toAgent(url)) || cdn;
  }

  /**
   * Where a request goes. Looks after the agent when it was not heard of for a while.
   * @param {string} url  the CDN's or the agent's
   * @returns {Promise<Way>}
   */
  async route(url) {
    const now = this.#known(url);
    if (now) return now;
    const there = this.#state === "unknown" ? await this.ready() : await this.#look();
    return this.#way(url, there);
  }

  /** @param {string} url @returns {Way | null}  null: only a look at the agent can tell */
  #known(url) {
    if (!this.toAgent(url) || this.#bypassed(this.toCdn(url))) return this.#way(url, false);
    if (this.#state === "up") return performance.now() - this.#seen < this.#fresh ? this.#way(url, true) : null;
    if (this.#state === "unknown") return null;
    // Whoever waits for the agent to come back is not to wait: this one goes to the CDN, and what is seen is for the next.
    if (performance.now() >= this.#next) void this.#look();
    return this.#way(url, false);
  }

  /** @param {string} url @param {boolean} there @returns {Way} */
  #way(url, there) {
    const cdn = this.toCdn(url);
    const agent = there ? this.toAgent(url) : null;
    this.requests[agent ? "agent" : "cdn"]++;
    return { url: agent ?? cdn, cdn, agent: agent !== null };
  }

  // ---- whether the agent is there ----

  /**
   * Look for the agent.
   * @param {number} [timeout]  [ms]
   * @returns {Promise<boolean>}  whether it is there; false as well when nobody knows by then
   */
  async ready(timeout = this.#timeout) {
    if (this.#state === "unknown" || this.#probe) await Promise.race([this.#look(), sleep(timeout)]);
    // A viewer who is asked may take a while. Nobody waits for that, but who says yes later is heard.
    if (this.#state === "unknown") this.#set("down");
    return this.up;
  }

  /** Look for the agent now, and let the browser ask the viewer if it has to: for `ask: false`, in a click's handler. */
  ask() {
    this.#asked = true;
    return this.#look();
  }

  /** Whether the agent answers, asked anew. */
  #look() {
    if (this.#closed) return Promise.resolve(false);
    this.#probe ??= this.#probing().finally(() => (this.#probe = null));
    return this.#probe;
  }

  async #probing() {
    const leave = await this.#leave();
    if (leave === "denied" || (leave === "prompt" && !this.#ask && !this.#asked)) return this.#set("forbidden");
    const abort = new AbortController();
    // While the viewer is asked, the request waits for the answer.
    const timer = leave === "prompt" ? undefined : setTimeout(() => abort.abort(), this.#timeout);
    /** @type {RequestInit & { targetAddressSpace?: string }} */
    const init = { cache: "no-store", credentials: "omit", signal: abort.signal };
    if (this.#space) init.targetAddressSpace = this.#space;
    let there = false;
    try {
      const answer = await fetch(this.#agent + "/readyz", init);
      there = answer.ok && (await answer.text()).trim() === "ready";
    } catch {
      // Nothing there, or nothing that we may see: both mean the CDN.
    }
    clearTimeout(timer);
    return this.#set(there ? "up" : "down");
  }

  /**
   * What the browser says of this page and the agent's network (Local Network Access), without asking anybody.
   * @returns {Promise<PermissionState | undefined>}  undefined: it has no such permission
   */
  async #leave() {
    if (!this.#space || !globalThis.navigator?.permissions) return undefined;
    if (this.#permission === undefined) {
      this.#permission = null;
      for (const name of [`${this.#space}-network`, "local-network-access"]) {
        try {
          this.#permission = await navigator.permissions.query({ name: /** @type {PermissionName} */ (name) });
          break;
        } catch {
          // a browser that does not know it
        }
      }
      if (this.#permission) {
        const changed = () => (this.#next = 0);
        this.#permission.addEventListener("change", changed);
        this.#undo.push(() => this.#permission?.removeEventListener("change", changed));
      }
    }
    // Where the permission exists, a page that is not secure can neither ask for it nor use it.
    if (this.#permission && globalThis.isSecureContext === false) return "denied";
    return this.#permission?.state;
  }

  /** @param {State} state @returns {boolean} whether it is up */
  #set(state) {
    const now = performance.now();
    if (this.#closed) state = "down"; // a look that was under way comes too late
    if (state === "up") {
      this.#seen = now;
      this.#wait = this.#retry;
    } else {
      this.#next = now + this.#wait;
      this.#wait = Math.min(this.#wait * 2, LONGEST);
    }
    if (state !== this.#state) {
      this.#state = state;
      this.dispatchEvent(Object.assign(new Event("change"), { detail: state }));
    }
    return state === "up";
  }

  /** @param {string} cdn */
  #bypassed(cdn) {
    const s = this.#strikes.get(new URL(cdn).origin);
    return s !== undefined && performance.now() < s.until;
  }

  /**
   * How a way went, for adapters to players that are not here.
   * @param {Way} way
   * @param {boolean} well  false: the agent failed where the CDN did not
   */
  report(way, well) {
    const origin = new URL(way.cdn).origin;
    if (well) {
      if (way.agent) {
        this.#seen = performance.now();
        this.#strikes.delete(origin);
      }
      return;
    }
    const s = this.#strikes.get(origin) ?? { n: 0, until: 0 };
    s.n++;
    if (s.n >= STRIKES) s.until = performance.now() + Math.min(this.#retry * 2 ** (s.n - STRIKES), LONGEST);
    this.#strikes.set(origin, s);
  }

  /** The agent did not answer as it should: what it says next counts, not what it said. @returns {Promise<boolean>} */
  #doubt() {
    this.#seen = -Infinity;
    return this.#look();
  }

  /**
   * Watch over a request that the agent may never answer, being stopped or gone without a word.
   * @param {() => number} progress  [B] so far, or anything that grows
   * @param {() => void} giveUp      called once, when the agent does not answer either
   * @returns {() => void}           to be called at the request's end
   */
  #watch(progress, giveUp) {
    let last = progress();
    let ended = false;
    const timer = setInterval(async () => {
      const now = progress();
      const stuck = now === last;
      last = now;
      if (!stuck || (await this.#doubt()) || ended) return;
      end();
      giveUp();
    }, this.#patience);
    const end = () => {
      ended = true;
      clearInterval(timer);
    };
    return end;
  }

  // ---- players ----

  /**
   * As `fetch`, through the agent if it is there, and from the CDN if the agent fails. What breaks off in the middle of a
   * body is told to the reader, as with `fetch`.
   * @param {string} url
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  async fetch(url, init = {}) {
    const way = await this.route(url);
    if (!way.agent) return fetch(way.cdn, init);
    const abort = new AbortController();
    const theirs = init.signal;
    const stop = () => abort.abort(theirs?.reason);
    if (theirs?.aborted) stop();
    theirs?.addEventListener("abort", stop); // its body may be given up, too
    const end = this.#watch(() => 0, () => abort.abort());
    try {
      const answer = await fetch(way.url, { ...init, signal: abort.signal });
      if (answer.ok || answer.status === 304) {
        this.report(way, true);
        return answer;
      }
    } catch (e) {
      if (theirs?.aborted) throw theirs.reason;
      void this.#doubt();
    } finally {
      end();
    }
    theirs?.removeEventListener("abort", stop);
    return this.#rescue(way, init);
  }

  /** @param {Way} way @param {RequestInit} init */
  async #rescue(way, init) {
    this.requests.rescued++;
    const answer = await fetch(way.cdn, init);
    if (answer.ok) this.report(way, false);
    return answer;
  }

  /**
   * A loader for hls.js: `new Hls({ loader: p2v.hls(Hls) })`.
   * @param {any} Hls     the class
   * @param {any} [Base]  the loader that is to do the work
   */
  hls(Hls, Base = Hls.DefaultConfig.loader) {
    const p2v = this;
    return class {
      #config;
      #inner;
      #end = () => {};
      #over = false;
      context = null;

      /** @param {any} config */
      constructor(config) {
        this.#config = config;
        this.#inner = new Base(config);
        this.stats = this.#inner.stats;
      }

      /** @param {any} context @param {any} config @param {any} callbacks */
      load(context, config, callbacks) {
        this.context = context;
        const way = p2v.#known(context.url);
        if (way) {
          this.#begin(way, config, callbacks);
          return;
        }
        this.stats.loading.start = performance.now(); // hls.js looks at it at any time
        p2v.route(context.url).then((late) => {
          if (this.#over) return;
          this.stats.loading.start = 0;
          this.#begin(late, config, callbacks);
        });
      }

      /** @param {Way} way @param {any} config @param {any} callbacks */
      #begin(way, config, callbacks) {
        const own = { ...callbacks };
        for (const name of ["onSuccess", "onError", "onTimeout", "onAbort", "onProgress"]) {
          const theirs = callbacks[name];
          if (theirs) own[name] = this.#forward(name, theirs);
        }
        if (!way.agent) {
          this.#inner.load({ ...this.context, url: way.url }, config, own);
          return;
        }
        const success = own.onSuccess;
        let handed = false;
        const rescue = (/** @type {any} */ tell) => (/** @type {any[]} */ ...args) => {
          this.#end();
          if (this.#over) return;
          void p2v.#doubt();
          this.#quiet(this.#inner);
          if (handed) tell(...args); // hls.js has a part of it already, and asks again by itself
          else this.#again(way, config, own);
        };
        this.#end = p2v.#watch(
          () => this.stats.loading.first + this.stats.loaded,
          () => rescue(own.onError)({ code: 0, text: "the agent does not answer" }, this.context, null, this.stats),
        );
        const policy = { ...config.loadPolicy, errorRetry: null, timeoutRetry: null };
        this.#inner.load({ ...this.context, url: way.url }, { ...config, loadPolicy: policy }, {
          ...own,
          onError: rescue(own.onError),
          onTimeout: rescue(own.onTimeout),
          onProgress: own.onProgress && ((/** @type {any[]} */ ...args) => ((handed = true), own.onProgress(...args))),
          onSuccess: (/** @type {any[]} */ ...args) => {
            this.#end();
            p2v.report(way, true);
            success(...args);
          },
        });
      }

      /** hls.js is told of its own context. @param {string} name @param {any} theirs */
      #forward(name, theirs) {
        const at = { onSuccess: 2, onError: 1, onTimeout: 1, onAbort: 1, onProgress: 1 }[name] ?? 1;
        return (/** @type {any[]} */ ...args) => {
          args[at] = this.context;
          theirs(...args);
        };
      }

      /** @param {Way} way @param {any} config @param {any} own */
      #again(way, config, own) {
        const s = this.stats;
        p2v.requests.rescued++;
        this.#inner = new Base(this.#config);
        // One object for both, as hls.js keeps it; the CDN's speed is to be measured, not the agent's failure.
        Object.assign(s, { aborted: false, loaded: 0, total: 0, retry: 0, chunkCount: 0, bwEstimate: 0 });
        s.loading = { start: 0, first: 0, end: 0 };
        this.#inner.stats = s;
        const success = own.onSuccess;
        this.#inner.load({ ...this.context, url: way.cdn }, config, {
          ...own,
          onSuccess: (/** @type {any[]} */ ...args) => {
            p2v.report(way, false);
            success(...args);
          },
        });
      }

      /** @param {any} inner */
      #quiet(inner) {
        // What it notes at its end is not to be taken for the request's.
        inner.stats = { ...this.stats, loading: { ...this.stats.loading } };
        inner.destroy();
      }

      abort() {
        this.#stop();
        this.#inner.abort();
      }

      destroy() {
        this.#stop();
        this.#inner.destroy();
        this.context = null;
      }

      #stop() {
        this.#over = true;
        this.#end();
      }

      getCacheAge() {
        return this.#inner.getCacheAge?.() ?? null;
      }

      /** @param {string} name */
      getResponseHeader(name) {
        return this.#inner.getResponseHeader?.(name) ?? null;
      }
    };
  }

  /**
   * For dash.js 5: `p2v.dash(player)` before `player.initialize`. Smooth Streaming (dash.mss) as well.
   * @param {any} player
   */
  dash(player) {
    /** @type {WeakMap<object, { way: Way, until: number }>} */
    const ways = new WeakMap();
    const before = async (/** @type {any} */ request) => {
      const way = await this.route(request.url);
      if (way.agent) {
        // There is no other way to end a request that an agent keeps for ever.
        request.timeout = Math.min(request.timeout || Infinity, 8 * this.#patience);
        ways.set(request, { way, until: performance.now() + request.timeout - 50 });
      }
      request.url = way.url;
      return request;
    };
    const after = async (/** @type {any} */ response) => {
      const { way, until } = ways.get(response.request) ?? {};
      if (!way || !until) return response;
      ways.delete(response.request);
      if (response.status >= 200 && response.status < 300 && response.data) {
        this.report(way, true);
        return response;
      }
      // What dash.js gave up itself looks like what broke off; then the agent is well.
      if (response.status === 0 && (await this.#doubt()) && performance.now() < until) return response;
      return this.#refetch(way, response);
    };
    player.addRequestInterceptor(before);
    player.addResponseInterceptor(after);
    this.#undo.push(() => {
      player.removeRequestInterceptor?.(before);
      player.removeResponseInterceptor?.(after);
    });
  }

  /** What the agent did not give, for dash.js. @param {Way} way @param {any} response */
  async #refetch(way, response) {
    const q = response.request;
    try {
      const answer = await this.#rescue(way, { method: q.method, headers: q.headers, credentials: q.credentials === "include" ? "include" : "omit" });
      const bytes = q.responseType === "arraybuffer";
      response.data = bytes ? await answer.arrayBuffer() : await answer.text();
      response.status = answer.status;
      response.statusText = answer.statusText;
      response.headers = Object.fromEntries(answer.headers);
      response.url = answer.url;
    } catch {
      // The CDN does not answer either: dash.js sees the agent's failure, and tries again.
    }
    return response;
  }

  /**
   * For Shaka Player: `p2v.shaka(shaka)` once, before the first `load`. It is for all players of the page.
   * @param {any} shaka  the library
   */
  shaka(shaka) {
    const { HttpFetchPlugin, HttpXHRPlugin, NetworkingEngine } = shaka.net;
    const Operation = shaka.util.AbortableOperation;
    const base = HttpFetchPlugin.isSupported() ? HttpFetchPlugin.parse : HttpXHRPlugin.parse;
    const plugin = (/** @type {string} */ uri, /** @type {any[]} */ ...rest) => {
      const way = this.#known(uri);
      return (way ? Operation.completed(way) : Operation.notAbortable(this.route(uri))).chain((/** @type {Way} */ w) =>
        w.agent ? this.#shakaTry(Operation, base, w, rest) : base(w.url, ...rest),
      );
    };
    for (const scheme of ["http", "https"]) NetworkingEngine.registerScheme(scheme, plugin, undefined, true);
    this.#undo.push(() => {
      for (const scheme of ["http", "https"]) NetworkingEngine.registerScheme(scheme, base, undefined, true);
    });
  }

  /** @param {any} Operation @param {any} base @param {Way} way @param {any[]} rest */
  #shakaTry(Operation, base, way, rest) {
    const [request, type, progress, ...others] = rest;
    let bytes = 0;
    const seen = (/** @type {any[]} */ ...args) => {
      bytes += args[1] ?? 0;
      progress?.(...args);
    };
    const first = base(way.url, request, type, seen, ...others);
    const end = this.#watch(
      () => bytes,
      () => void first.abort(),
    );
    // Seen from outside the first and what follows it are one: whoever aborts means both.
    let left = false;
    const outer = new Operation(first.promise, () => {
      left = true;
      return first.abort();
    });
    return outer.chain(
      (/** @type {any} */ response) => {
        end();
        this.report(way, true);
        return response;
      },
      (/** @type {any} */ error) => {
        end();
        if (left) throw error;
        void this.#doubt();
        this.requests.rescued++;
        return base(way.cdn, ...rest).chain((/** @type {any} */ response) => {
          this.report(way, false);
          return response;
        });
      },
    );
  }

  /**
   * A `<video>` or `<audio>` that plays by itself. When the agent fails it goes on at the CDN, a live stream at its edge; it
   * stays there until it is loaded anew, as each change is seen.
   * @param {HTMLMediaElement} media
   * @param {string} url  at the CDN
   * @returns {Promise<() => void>}  to be called before the element plays something else
   */
  async native(media, url) {
    const way = await this.route(url);
    /** @type {() => void} */ let end = () => {};
    const toCdn = () => {
      done();
      void this.#doubt();
      this.requests.rescued++;
      const at = Number.isFinite(media.duration) ? media.currentTime : 0;
      const playing = media.autoplay || !media.paused;
      media.src = way.cdn;
      if (at > 0) media.currentTime = at;
      if (playing) media.play().catch(() => {});
    };
    const done = () => {
      end();
      media.removeEventListener("error", toCdn);
    };
    media.src = way.url;
    if (way.agent) {
      media.addEventListener("error", toCdn);
      // A picture that stands still because its player waits for more is looked after; one that is paused is not.
      end = this.#watch(() => (media.paused || media.readyState >= 3 ? performance.now() : media.currentTime), toCdn);
    }
    return done;
  }

  /** Players go on at the CDN; nothing is looked for any more. */
  close() {
    this.#closed = true;
    for (const undo of this.#undo.splice(0)) undo();
    this.#set("down");
  }
}
