#!/bin/bash
# manifest.sh - peer2view manifest: from files, from the standard input, from the network. What the dump says of
# a protocol is the business of that plugin's own tests; this one's has a fragment a line.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
. "$P2V_SRCDIR/tests/cli/serve.sh" || exit 99
p2v=$P2V_BUILDDIR/peer2view
export P2V_PLUGIN_PATH=$P2V_BUILDDIR/tests/abi/plugins/.libs
cd "$work" || exit 1
manifest=$'#FIXTURE\na.ts\nsub/b.ts?x=1\n'
printf '%s' "$manifest" >index.txt

# urls: those of the last output, in a line
urls() { grep -o '"url":"[^"]*"' "$work/out" | sed 's/"url":"\(.*\)"/\1/' | tr '\n' ' '; }
# leads NAME URLS
leads() {
  if [ "$code" = 0 ] && [ -z "$err" ] && [ "$(urls)" = "$2 " ]; then ok "$1"; else not_ok "$1" "$code $out $err"; fi
}

run "$p2v" manifest index.txt --json --base https://cdn.example/live/index.txt
leads "a file, as if it came from elsewhere" "https://cdn.example/live/a.ts https://cdn.example/live/sub/b.ts?x=1"
if command -v jq >/dev/null; then
  if jq -e '.proto == "fixture" and .base == "https://cdn.example/live/index.txt" and (.tracks[0].segments | length) == 2 and
    .errors == []' "$work/out" >/dev/null; then ok "one object"; else not_ok "one object" "$out"; fi
else
  skip "one object" "no jq"
fi
run "$p2v" manifest index.txt
leads "a file, from where it lies" "file://$work/a.ts file://$work/sub/b.ts?x=1"
"$p2v" manifest - --base http://a.example/b/c <index.txt >"$work/out" 2>"$work/err"
code=$? err=$(<"$work/err") out=$(<"$work/out")
leads "the standard input" "http://a.example/b/a.ts http://a.example/b/sub/b.ts?x=1"

serve "200 OK" "$manifest"
run "$p2v" manifest "http://127.0.0.1:$port/x/index.txt?y=2" --json
wait "$server"
leads "a URL" "http://127.0.0.1:$port/x/a.ts http://127.0.0.1:$port/x/sub/b.ts?x=1"
if grep -q '^GET /x/index.txt?y=2 HTTP' "$work/request"; then ok "what is asked for"; else not_ok "what is asked for" "$(<"$work/request")"; fi
serve "404 Not Found" "$manifest"
run "$p2v" manifest "http://127.0.0.1:$port/index.txt" --json
wait "$server"
expect "a URL that is not there" 1 "" "peer2view: http://127.0.0.1:$port/index.txt: answered with status 404"
run "$p2v" manifest "http://127.0.0.1:$port/index.txt" --json
expect "a server that is not there" 1 "" "peer2view: http://127.0.0.1:$port/index.txt: *onnect*"

printf 'nothing like it\n' >other.txt
run "$p2v" manifest other.txt --json
expect "what no plugin reads" 1 "" "peer2view: other.txt: *"
: >empty
run "$p2v" manifest empty --json
expect "nothing at all" 1 "" "peer2view: empty: *"
run "$p2v" manifest missing.txt --json
expect "a missing file" 1 "" "peer2view: missing.txt: cannot be opened: No such file or directory"
run "$p2v" manifest "$work" --json
expect "a folder" 1 "" "peer2view: $work: cannot be read: Is a directory"
head -c 17000000 /dev/zero >large
run "$p2v" manifest large --json
expect "a file that is too large" 1 "" "peer2view: large: larger than 16777216 bytes"
run "$p2v" manifest index.txt --base x/y
expect "a base that is not absolute" 2 "" "*--base takes an absolute URL, not 'x/y'*"
mkdir none
P2V_PLUGIN_PATH=$work/none run "$p2v" manifest index.txt
expect "no plugins" 1 "" "peer2view: there is no manifest plugin in $work/none"
end
