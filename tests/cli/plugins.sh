#!/bin/bash
# plugins.sh - peer2view plugins: lists, JSON, samples; where plugins are looked for; broken ones.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
p2v=$P2V_BUILDDIR/peer2view
good=$P2V_BUILDDIR/tests/abi/plugins/.libs
bad=$P2V_BUILDDIR/tests/abi/modules/.libs
export P2V_PLUGIN_PATH=$good

run "$p2v" plugins
expect "all" 0 "*manifest.fixture *cc.fixture *1.2*one window, for tests*cc.spare *registry.fixture *" ""
run "$p2v" plugins cc
expect "of one kind" 0 "cc.fixture *cc.spare *" ""
case $out in
  *cache*) not_ok "of one kind alone" "$out" ;;
  *) ok "of one kind alone" ;;
esac
run "$p2v" plugins cc.fixture
expect "one" 0 "cc.fixture 1.2: one window, for tests*licence  BSD-2-Clause*window = 12000*1200 to 1000000*" ""
run "$p2v" plugins cc.fixtur
expect "one that is not there" 1 "" "peer2view: there is no plugin cc.fixtur in *; did you mean fixture?"
run "$p2v" plugins cd
expect "an unknown kind" 2 "" "*there is no kind 'cd'; did you mean 'cc'?*"
run "$p2v" plugins --json --man
expect "two forms at once" 2 "" "*exclude each other*"
run "$p2v" plugins --role tracker
expect "--role without --ini" 2 "" "*--role goes with --ini*"
run "$p2v" plugins --ini --role trackr
expect "an unknown role" 2 "" "*there is no role 'trackr'*"

# ---- JSON ----
if command -v jq >/dev/null; then
  run "$p2v" plugins --json
  expect "--json" 0 "\[*\]" ""
  # query NAME EXPRESSION: true of the last output
  query() {
    if jq -e "$2" "$work/out" >"$work/jq" 2>&1; then ok "$1"; else not_ok "$1" "$(<"$work/jq")"; fi
  }
  query "an array of one object a plugin" 'type == "array" and length == 7 and all(.[]; type == "object")'
  query "every member is there" 'all(.[]; (.kind, .name, .version, .summary, .source, .license, .abi, .file | type == "string") and (.options | type == "array"))'
  query "every option's members are there" 'all(.[].options[]; (.name, .type, .unit, .default, .help | type == "string") and (.live | type == "boolean"))'
  query "numbers have bounds" '[.[] | select(.kind == "cc" and .name == "fixture") | .options[] | select(.type == "u32" or .type == "u64" or .type == "usec" or .type == "real") | has("min") and has("max")] | length == 4 and all'
  query "a size" '.[] | select(.kind == "cc" and .name == "fixture") | .options[] | select(.name == "window") | .type == "u32" and .unit == "B" and .default == "12000" and .min == 1200 and .max == 1000000'
  query "a length of time, in microseconds" '.[] | select(.kind == "cc" and .name == "fixture") | .options[] | select(.name == "hold") | .type == "usec" and .max == 10000000'
  query "a fraction" '.[] | select(.kind == "cc" and .name == "fixture") | .options[] | select(.name == "gain") | .min == 0.1 and .max == 0.95'
  query "choices" '.[] | select(.kind == "cc" and .name == "fixture") | .options[] | select(.name == "mode") | .choices == ["slow", "fast"]'
  query "what may change at run time" '[.[] | .options[] | select(.live) | .name] == ["loud"]'
  query "text that JSON escapes" '[.[] | .options[] | select(.name == "label") | .help] == ["A word for the log; \"-\\\" do no harm"]'
  query "the ABI and the file" '.[0] | .abi == "1.0" and (.file | endswith(".so"))'
  run "$p2v" plugins cc.spare --json
  query "one object for one plugin" 'length == 1 and .[0].options == []'
  P2V_PLUGIN_PATH='' run "$p2v" plugins --json
  query "an empty array for none" '. == []'
else
  skip "--json" "no jq"
fi

# ---- samples ----
for role in agent tracker; do
  run "$p2v" plugins --ini --role "$role"
  expect "--ini for $role" 0 "*\[peer2view\]*role = $role*\[plugins\]*\[cc.fixture\]*;window = 12000*" ""
  # What is commented out is as right as what is not: all of it at once, with the tests' plugins, and with
  # a word where something must be given.
  awk '/^#/ { must = must || /It must be given/ || /must be given\./; next }
    /^;\[/ { named = 1; next }
    /^\[/ { named = 0; plugins = $0 == "[plugins]" }
    named { next }
    /^;/ { sub(/^;/, ""); if (plugins) sub(/= [a-z]+$/, "= fixture"); if (/=$/ && must) $0 = $0 " x" }
    { must = 0; print }' "$work/out" >"$work/$role.ini"
  [ $role = tracker ] || printf '[channel a]\nmount = /a\norigin = http://cdn.example/\n' >>"$work/$role.ini"
  [ $role = agent ] || (cd "$work" && "$p2v" authority init x >/dev/null)
  cd "$work" || exit 1
  run "$p2v" check "$work/$role.ini"
  expect "all options of the sample for $role at once" 0 "*: right: role $role*" ""
done
run "$p2v" plugins cc --ini
expect "--ini of a kind" 0 "# one window, for tests
\[cc.fixture\]*" ""

# ---- where they are looked for ----
mkdir -p "$work/a/modules/.libs" "$work/b/modules" "$work/c"
for d in a b c; do cp "$p2v" "$work/$d/"; done
cp "$good/p2v_cc_spare.so" "$work/a/modules/.libs/"
cp "$good/p2v_cc_spare.so" "$work/b/modules/"
unset P2V_PLUGIN_PATH
run "$work/a/peer2view" plugins cc.spare
expect "before installation, in modules/.libs" 0 "*file *$work/a/modules/.libs/p2v_cc_spare.so*" ""
run "$work/b/peer2view" plugins cc.spare
expect "before installation, in modules" 0 "*file *$work/b/modules/p2v_cc_spare.so*" ""
P2V_PLUGIN_PATH=$work/a/modules/.libs run "$work/b/peer2view" plugins cc.spare
expect "P2V_PLUGIN_PATH stands before the folder beside the program" 0 "*$work/a/modules/.libs*" ""
P2V_PLUGIN_PATH=$work/none:$work/b/modules:$good run "$work/c/peer2view" plugins cc.spare
expect "the first folder that has it" 0 "*$work/b/modules/p2v_cc_spare.so*" ""
if find "$work/a" "$work/b" -name '*.la' | grep -q .; then not_ok "without .la files"; else ok "without .la files"; fi

# ---- broken ones ----
P2V_PLUGIN_PATH=$bad:$good run "$p2v" plugins
expect "broken ones are named, and stop nobody" 0 "*cc.longer *cc.spare *" "*p2v_cc_magic.so: its magic number is *"
if [ "$(wc -l <"$work/err")" = 19 ]; then ok "each on a line"; else not_ok "each on a line" "$err"; fi
P2V_PLUGIN_PATH=$bad run "$p2v" plugins cc.unresolved
expect "one that was asked for" 1 "" "peer2view: *p2v_cc_unresolved.so: undefined symbol: p2v_nobody_has_this"
P2V_PLUGIN_PATH=$bad run "$p2v" plugins cc.major --json
expect "one that was asked for, as JSON" 1 "" "peer2view: *made for plugin ABI 2.0*"
end
