#!/bin/bash
# sim_guide.sh - the guide "compare your heuristic with ours" of sdk/doc/simulator.md, run as it is written: every block of
# commands, in its order, against an installed tree.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
make=${MAKE:-make}
unset MAKEFLAGS MFLAGS MAKELEVEL P2V_PLUGIN_PATH CONFIG_SITE
for tool in autoreconf automake libtoolize pkg-config gnuplot; do
  command -v "$tool" >/dev/null || skip_all "no $tool"
done
parallel --version 2>/dev/null | grep -q GNU || skip_all "no GNU parallel"
[ -e "$P2V_BUILDDIR/modules/.libs/p2v_select_capacity.so" ] || skip_all "plugins are linked into the programs"

dest=$work/dest
run "$make" -s -C "$P2V_BUILDDIR" install DESTDIR="$dest"
if [ "$code" = 0 ]; then ok "make install"; else not_ok "make install" "$out$err"; fi
# folder PATTERN: where the one file of that path lies
folder() { dirname "$(find "$dest" -path "*$1" | head -n 1)"; }
bin=$(folder /bin/p2v-sim)
template=$(folder /template/mine.c)
PATH=$bin:$PATH
export PATH
ACLOCAL_PATH=$(folder /aclocal/p2v.m4)
PKG_CONFIG_PATH=$(folder /pkgconfig/peer2view.pc)
PKG_CONFIG_SYSROOT_DIR=$dest
P2V_PLUGIN_PATH=$(folder /p2v_select_capacity.so)
export ACLOCAL_PATH PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR P2V_PLUGIN_PATH

run p2v-sim run small-swarm --peers 2 --set run.duration=20s --set run.from=0s
expect "an installed scenario by its name" 0 "*scenario  *small-swarm*" ""

# The blocks of commands in the section of the guide.
sed -n '/^## Compare your heuristic/,/^## What is modelled/{
/^```sh$/,/^```$/{s/^```sh$/#block/;/^```$/d;p}}' "$P2V_SRCDIR/sdk/doc/simulator.md" |
  sed "s|/usr/local/share/peer2view/template|$template|" >"$work/guide"
n=$(grep -c '^#block$' "$work/guide")
if [ "$n" -ge 5 ]; then ok "the guide has its blocks"; else not_ok "the guide has its blocks" "$n"; fi
cd "$work" || exit 1
for ((i = 1; i <= n; i++)); do
  awk -v i="$i" '/^#block$/ { k++; next } k == i' "$work/guide" >"$work/block"
  first=$(head -n 1 "$work/block")
  run bash -e "$work/block"
  # A person's shell stays where the block went.
  case $(<"$work/block") in *"cd my-p2v"*) cd "$work/my-p2v" || exit 1 ;; esac
  if [ "$code" = 0 ]; then ok "$first"; else not_ok "$first" "$out$err"; fi
done
if [ -s "$work/my-p2v/mine/summary.json" ] && grep -q 'plugins.select=mine' "$work/my-p2v/compared/table.csv" &&
  grep -q '</svg>' "$work/my-p2v/compared/sweep.svg" && [ "$(wc -l <"$work/my-p2v/options/table.csv")" = 3 ]; then
  ok "what the guide promises is there"
else
  not_ok "what the guide promises is there" "$(ls -l "$work"/my-p2v/*/ 2>&1)"
fi
end
