#!/bin/bash
# man.sh - every manual page that the program prints, judged by the formatter that people read it with.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
p2v=$P2V_BUILDDIR/peer2view
fixtures=$P2V_BUILDDIR/tests/abi/plugins/.libs

if man --version >/dev/null 2>&1; then
  lint() { LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l "$1"; }
elif command -v groff >/dev/null; then
  lint() { groff -ww -man -Tutf8 "$1"; }
else
  skip_all "neither man nor groff"
fi

# page NAME FILE WORDS...: no warning, and each of the words is in the text.
page() {
  local name=$1 file=$2 text missing='' word
  shift 2
  text=$(lint "$file" 2>"$work/err")
  text=$(printf '%s' "$text" | sed 's/.\x08//g; s/\x1b\[[0-9;]*m//g' | tr -s ' \n' '  ')
  for word; do
    case $text in
      *"$word"*) ;;
      *) missing="$missing '$word'" ;;
    esac
  done
  if [ -s "$work/err" ]; then
    not_ok "$name" "$(<"$work/err")"
  elif [ -n "$missing" ]; then
    not_ok "$name" "missing:$missing"
  else
    ok "$name"
  fi
}

"$p2v" --man >"$work/peer2view.1"
page "peer2view(1)" "$work/peer2view.1" NAME SYNOPSIS COMMANDS "EXIT STATUS" ENVIRONMENT "peer2view check" \
  "peer2view plugins" --json P2V_PLUGIN_PATH "SEE ALSO"
"$p2v" --man=peer2view.ini.5 >"$work/peer2view.ini.5"
page "peer2view.ini(5)" "$work/peer2view.ini.5" "[peer2view]" "[plugins]" "[KIND.NAME]" log_level \
  "Default: info." "may change while the program runs"
for page in peer2view.1 peer2view.ini.5; do
  if [ ! -e "$P2V_BUILDDIR/framework/host/$page" ]; then
    skip "$page as built" "built for another machine"
  elif cmp -s "$work/$page" "$P2V_BUILDDIR/framework/host/$page"; then
    ok "$page as built is what the program prints"
  else
    not_ok "$page as built is what the program prints"
  fi
done
if [ -e "$fixtures/p2v_cc_fixture.so" ]; then
  P2V_PLUGIN_PATH=$fixtures "$p2v" plugins cc.fixture --man >"$work/p2v_cc_fixture.7"
  page "p2v_cc_fixture(7)" "$work/p2v_cc_fixture.7" "p2v_cc_fixture" "[cc.fixture]" "Default: 12000." \
    "from 1200 to 1000000" 'A word for the log; "-\" do no harm.' "one of slow, fast" "several times"
fi
"$p2v" plugins --json 2>/dev/null | grep -o '"kind":"[a-z]*","name":"[A-Za-z0-9_]*"' |
  sed 's/"kind":"\(.*\)","name":"\(.*\)"/\1.\2/' >"$work/names"
while read -r name; do
  "$p2v" plugins "$name" --man >"$work/plugin.7"
  page "$name" "$work/plugin.7" NAME OPTIONS "[plugins]"
done <"$work/names"
end
