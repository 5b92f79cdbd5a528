#!/bin/bash
# install.sh - what make install puts where, and that the installed program works from there.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
make=${MAKE:-make}
unset MAKEFLAGS MFLAGS MAKELEVEL P2V_PLUGIN_PATH
dest=$work/dest

run "$make" -s -C "$P2V_BUILDDIR" install DESTDIR="$dest"
if [ "$code" = 0 ]; then ok "make install"; else not_ok "make install" "$out$err"; fi
# where NAME PATTERN: exactly one file of that path under DESTDIR
where() {
  local found
  found=$(find "$dest" -path "$dest/*$2" -type f)
  if [ -n "$found" ] && [ "$(printf '%s\n' "$found" | wc -l)" = 1 ]; then ok "$1"; else not_ok "$1" "$found"; fi
}
where "the program" "/bin/peer2view"
where "a header" "/include/peer2view/plugin.h"
where "the pkg-config file" "/pkgconfig/peer2view.pc"
where "the macro" "/share/aclocal/p2v.m4"
where "the template" "/share/peer2view/template/mine.c"
if [ -e "$P2V_BUILDDIR/framework/host/peer2view.1" ]; then
  where "peer2view(1)" "/man1/peer2view.1"
  where "peer2view.ini(5)" "/man5/peer2view.ini.5"
fi
for la in "$P2V_BUILDDIR"/modules/*.la; do
  [ -e "$la" ] || continue
  name=${la##*/}
  name=${name%.la}
  [ ! -e "$P2V_BUILDDIR/modules/.libs/$name.so" ] || where "$name.so" "/peer2view/$name.so"
  [ ! -e "$P2V_BUILDDIR/modules/$name.7" ] || where "$name(7)" "/man7/$name.7"
done
run find "$dest" -type f -name '*.h' -not -path '*/include/peer2view/*'
expect "headers are in one folder" 0 "" ""

# As distributions do.
cp -R "$dest" "$work/moved"
find "$work/moved" -name '*.la' -delete
bin=$(find "$work/moved" -path '*/bin/peer2view')
run "$bin" --version
expect "the installed program runs" 0 "peer2view *" ""
dir=$(find "$work/moved" -name 'p2v_*.so' -exec dirname {} \; | sort -u)
if [ -n "$dir" ]; then
  P2V_PLUGIN_PATH=$dir run "$bin" plugins
  expect "every installed plugin loads, without .la files" 0 "*" ""
  if [ "$(wc -l <"$work/out")" = "$(find "$dir" -name 'p2v_*.so' | wc -l)" ]; then
    ok "one line a plugin"
  else
    not_ok "one line a plugin" "$out"
  fi
fi
run "$make" -s -C "$P2V_BUILDDIR" uninstall DESTDIR="$dest"
run find "$dest" -type f
expect "make uninstall leaves nothing" 0 "" ""
end
