// page.js - one player as its maker means it to be used, without the module: for playing from the CDN, and for all ways in
// which a player can be pointed at an agent. What it plays is in the address: page.html#{"player":"hls","url":"…","options":{}}.
const { player: kind, url, options = {} } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const video = document.querySelector("video");

const script = (src) =>
  new Promise((done, failed) => {
    const s = Object.assign(document.createElement("script"), { src: "/-modules/" + src, onload: done, onerror: failed });
    document.head.append(s);
  });

const kinds = {
  async hls() {
    const { default: Hls } = await import("/-modules/hls.js/dist/hls.mjs");
    const hls = new Hls(options);
    hls.on(Hls.Events.ERROR, (_, e) => console.log("hls.js", e.type, e.details, e.fatal));
    hls.loadSource(url);
    hls.attachMedia(video);
    // By the encoder's clock; what hls.js takes for the edge is what it was told of last.
    globalThis.latency = () => (hls.playingDate ? (Date.now() - hls.playingDate) / 1000 : hls.latency);
  },
  async dash() {
    await script("dashjs/dist/modern/umd/dash.all.min.js");
    if (url.endsWith("/Manifest")) await script("dashjs/dist/modern/umd/dash.mss.min.js");
    const player = dashjs.MediaPlayer().create();
    // The encoder's clock is ours, so nobody is asked what time it is.
    player.updateSettings({ streaming: { delay: { liveDelay: 6 }, utcSynchronization: { enabled: false } }, debug: { logLevel: 0 }, ...options });
    player.on("error", (e) => console.log("dash.js", e.error?.code, e.error?.message));
    player.initialize(video, url, true);
    globalThis.latency = () => player.getCurrentLiveLatency();
  },
  async shaka() {
    await script("shaka-player/dist/shaka-player.compiled.js");
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    player.configure(options);
    player.addEventListener("error", (e) => console.log("shaka", e.detail.code, String(e.detail.data).slice(0, 200)));
    await player.attach(video);
    await player.load(url);
    globalThis.latency = () => (Date.now() - player.getPlayheadTimeAsDate()) / 1000;
  },
  native() {
    // On a busy machine Chromium's own player gives up now and then, at the CDN as well; a page begins again.
    video.onerror = () => setTimeout(() => (video.src = url), 1000);
    video.src = url;
  },
};
await kinds[kind]();
setInterval(() => {
  const l = globalThis.latency?.();
  if (l && globalThis.p2vWatch) globalThis.p2vWatch.latency = l;
}, 500);
