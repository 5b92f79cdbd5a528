# For pages: a module that finds the agent and falls back to the CDN (sdk/doc/browser.md).
jsdir = $(pkgdatadir)/js
dist_js_DATA = %reldir%/peer2view.js
