#!/bin/bash
# Builds the template against the installed tree in a folder of its own, installs it into another, and has
# the installed program load it. Run by `make installcheck`, which sets:
#   P2V_BIN P2V_ACLOCAL P2V_PKGCONFIG P2V_TEMPLATE  folders of the installed tree, with DESTDIR
#   P2V_DESTDIR                                     DESTDIR, or nothing
set -eu
for tool in autoreconf automake libtoolize pkg-config; do
  command -v "$tool" >/dev/null || {
    echo "installcheck: skipped: $tool is missing" >&2
    exit 0
  }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/p2v_installcheck_XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() {
  echo "installcheck: $1" >&2
  [ -z "${2:-}" ] || cat "$2" >&2
  exit 1
}

cp "$P2V_TEMPLATE"/* "$work"
chmod -R u+w "$work"
cd "$work"
unset MAKEFLAGS MAKELEVEL MFLAGS CONFIG_SITE P2V_PLUGIN_PATH
export ACLOCAL_PATH=$P2V_ACLOCAL${ACLOCAL_PATH:+:$ACLOCAL_PATH}
export PKG_CONFIG_PATH=$P2V_PKGCONFIG${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
[ -z "$P2V_DESTDIR" ] || export PKG_CONFIG_SYSROOT_DIR=$P2V_DESTDIR
autoreconf -i >log 2>&1 || fail "autoreconf of the template failed:" log
./configure PEER2VIEW="$P2V_BIN/peer2view" >log 2>&1 || fail "configure of the template failed:" log
make >log 2>&1 || fail "make of the template failed:" log
! grep -i 'warning:' log || fail "the template makes warnings:" log
make check >log 2>&1 || fail "make check of the template failed:" log
make install DESTDIR="$work/dest" >log 2>&1 || fail "make install of the template failed:" log
where=$(pkg-config --variable=plugindir peer2view)
where=${where#"$P2V_DESTDIR"}
[ -f "$work/dest$where/p2v_select_mine.so" ] || fail "the plugin was not installed into $where"
# As distributions do.
find "$work/dest" -name '*.la' -delete
P2V_PLUGIN_PATH=$work/dest$where "$P2V_BIN/peer2view" plugins select.mine >log 2>&1 ||
  fail "the installed program does not take the plugin:" log
grep -q '^select.mine 1: the fastest first$' log || fail "it tells something else of the plugin:" log
# An ABI that the installed peer2view does not have is refused.
sed 's/P2V_PLUGINS(.*)/P2V_PLUGINS([1.99])/' configure.ac >configure.new && mv configure.new configure.ac
autoreconf >log 2>&1 || fail "autoreconf of the template failed:" log
if ./configure >log 2>&1; then fail "a plugin ABI that is too new was not refused:" log; fi
grep -q 'these plugins need 1.99' log || fail "the refusal does not say why:" log
echo "installcheck: the template builds against the installed tree, and its plugin loads"
