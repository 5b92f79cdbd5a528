#!/bin/bash
# static_build.sh - a build with --disable-shared: the plugins are in the program itself. It configures and
# builds everything once more, so it belongs to `make check-long`.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
make=${MAKE:-make}
unset MAKEFLAGS MFLAGS MAKELEVEL P2V_PLUGIN_PATH
[ -x "$P2V_SRCDIR/configure" ] || skip_all "no configure in the source tree"
cd "$work" || exit 1

run "$P2V_SRCDIR/configure" --disable-shared CC="$CC"
if [ "$code" = 0 ]; then ok "configure --disable-shared"; else not_ok "configure --disable-shared" "$err"; fi
run "$make" -s -j2
if [ "$code" = 0 ]; then ok "make"; else not_ok "make" "$err"; fi
run find . -name '*.so'
expect "there are no shared objects" 0 "" ""
run ./peer2view plugins
expect "the program runs" 0 "*" ""
count=$(find modules -maxdepth 1 -name 'p2v_*.la' 2>/dev/null | wc -l)
if [ "$count" -gt 0 ] && [ "$(wc -l <out)" = "$count" ]; then
  ok "all $count plugins are in it"
else
  not_ok "all $count plugins are in it" "$out"
fi
for la in modules/p2v_*.la; do
  [ -e "$la" ] || continue
  name=${la##*/p2v_}
  name=${name%.la}
  run ./peer2view plugins "${name%%_*}.${name#*_}"
  expect "$name" 0 "*file *built in*" ""
done
run "$make" -s install DESTDIR="$work/dest"
if [ "$code" = 0 ]; then ok "make install"; else not_ok "make install" "$err"; fi
run find "$work/dest" -name peer2view -type f -exec {} plugins \;
if [ "$(wc -l <out)" = "$count" ]; then ok "the installed program has them too"; else not_ok "the installed program has them too" "$out$err"; fi
end
