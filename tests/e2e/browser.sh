# browser.sh - for the tests of the whole to source after lib.sh: pages in Chromium, and how they play. The pages' own site is
# $site, another origin than the CDN's; what the browser takes for addresses of the internet is in $cdn alone.
# shellcheck shell=bash

modules=${P2V_NODE_MODULES:-$P2V_BUILDDIR/tests/e2e/pages/node_modules}
needs node
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip_all "chromium is not installed"
export CHROMIUM
for p in playwright-core hls.js dashjs shaka-player; do
  [ -e "$modules/$p/package.json" ] || skip_all "$p is not installed; sdk/check does it, as 'npm ci' in $P2V_SRCDIR/tests/e2e/pages would"
done

# Beside the stream, the web server has the pages, the players and the module. All of the CDN's may be read by any page.
pages=$work/pages
mkdir -p "$pages"
cp "$P2V_SRCDIR"/tests/e2e/pages/page.* "$pages"
page_types='types { text/html html; text/javascript js mjs; } access_log off; add_header Cache-Control max-age=3600;'
cdn_more="add_header Access-Control-Allow-Origin *; location = /favicon.ico { return 204; }
  location ^~ /-pages/ { alias $pages/; $page_types }
  location ^~ /-modules/ { alias $modules/; $page_types }
  location ^~ /-peer2view/ { alias $P2V_SRCDIR/sdk/js/; $page_types }"

# browser [ARGUMENT]...: Chromium. The CDN and the pages' site are on the internet for it, agents are on this machine.
browser() {
  site=http://site.localhost:${cdn##*:}
  mkdir -p "$work/seen"
  mkfifo "$work/browser.in"
  exec {browser_in}<>"$work/browser.in"
  part_in=$work/browser.in
  part browser node "$P2V_SRCDIR/tests/e2e/pages/driver.mjs" "$modules" "$work/seen" \
    --ip-address-space-overrides="127.0.0.1:${cdn##*:}=public" \
    --host-resolver-rules="MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost, EXCLUDE localhost" "$@"
  part_in=/dev/null
  await 60 eval 'grep -q ready "$work/browser.out" || gone browser'
  alive browser || bail "the browser does not start: $(tail -n 5 "$work/browser.log")"
}

# open_page NAME PATH [MEMBER]...: a page below $site; members of JSON say more, as "granted":true for leave to reach agents.
open_page() {
  local name=$1 path=$2 m members=''
  shift 2
  for m in "$@"; do members="$members,$m"; done
  echo "{\"open\":\"$name\",\"url\":\"$site/-pages/$path\"$members}" >&"$browser_in"
}
close_page() { echo "{\"close\":\"$1\"}" >&"$browser_in"; }

# open_player NAME PLAYER URL [OPTIONS] [MEMBER]...: a player without the module
open_player() {
  local name=$1 what
  what=$(jq -rn --arg p "$2" --arg u "$3" --argjson o "${4:-{\}}" '{player: $p, url: $u, options: $o} | tojson | @uri')
  shift 3
  [ $# = 0 ] || shift
  open_page "$name" "page.html#$what" '"granted":true' "$@"
}

# seen NAME FILTER: what jq makes of what was seen of a page
seen() { jq -r "$2" "$work/seen/$1.json" 2>/dev/null; }
# asked_of NAME ADDRESS: how many requests of that page went to http://ADDRESS
asked_of() { seen "$1" ".requests[\"http://$2\"] // 0"; }
# from_peers NAME: how many of its fragments came from peers, wholly or in part
from_peers() { seen "$1" '(.sources.p2p // 0) + (.sources.mixed // 0)'; }
# What is seen of a page is written down twice a second: whoever waits for it need not look more often.
not_yet() {
  sleep 0.4
  return 1
}
# at_least N COMMAND...: whether that prints so large a number
at_least() { [ "$("${@:2}")" -ge "$1" ] 2>/dev/null || not_yet; }

# page_shows N NAME...: whether each of these pages has shown so many frames
page_shows() {
  local n
  for n in "${@:2}"; do [ "$(seen "$n" '.frames // 0')" -ge "$1" ] 2>/dev/null || not_yet || return 1; done
}

# mark NAME...: from here on; frames_since NAME and still_since NAME count from there.
declare -A marked_frames=() marked_still=()
mark() {
  local n
  for n in "$@"; do
    marked_frames[$n]=$(seen "$n" '.frames // 0')
    marked_still[$n]=$(seen "$n" '.still_ms // 0 | floor')
  done
}
frames_since() { echo $(($(seen "$1" '.frames // 0') - ${marked_frames[$1]:-0})); }
still_since() { echo $(($(seen "$1" '.still_ms // 0 | floor') - ${marked_still[$1]:-0})); }

# page_played NAME SECONDS [LIKE]: since the mark it showed most of what there is to see in so long, and stood still no longer
# than LIKE, but for what a busy machine does.
page_played() {
  local frames still most=1500
  frames=$(frames_since "$1") still=$(still_since "$1")
  [ -z "${3:-}" ] || most=$((most + $(still_since "$3")))
  echo "$frames frames in $2 s, stood still for $still ms of $most; $(seen "$1" '[.error, .requests, .sources, .bad, .console[-8:]] | tojson')"
  [ "$frames" -ge $(($2 * 25 * 8 / 10)) ] && [ "$still" -le $most ]
}

# guide_page FILE TITLE AGENT [FOLDER]: the page of that title in sdk/doc/browser.md, with this test's addresses for those of the
# guide: the CDN's, the agent's, and where players and the module lie.
guide_page() {
  awk -v title="<title>$2</title>" '
    /^```html/ { inside = 1; block = ""; next }
    /^```/ { if (inside && index(block, title)) printf "%s", block; inside = 0 }
    inside { block = block $0 "\n" }' "$P2V_SRCDIR/sdk/doc/browser.md" |
    sed -e "s#https://cdn.example/live/#http://$cdn/${4:-live}/#g" -e "s#new Peer2View({#& agent: \"http://$3\", retry: 1000,#" \
      -e 's#"/modules/#"/-modules/#g; s#"/peer2view/#"/-peer2view/#g' >"$pages/$1.html"
  [ -s "$pages/$1.html" ] || bail "the guide has no page for $2"
}
