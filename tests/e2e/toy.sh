#!/bin/bash
# toy.sh - a protocol that the host never heard of: one plugin, built against the public headers alone and put in a folder
# of the plugin path, and its fragments are shared as any other's.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
export P2V_PLUGIN_PATH=$P2V_BUILDDIR/tests/abi/toy/.libs:$P2V_BUILDDIR/modules/.libs:$P2V_BUILDDIR/modules

is "the plugin is found" eval '"$p2v" plugins | grep -q "manifest.toy"'
is "nothing but tests knows it" eval '! grep -rqw toy "$P2V_SRCDIR"/{framework,plugins,include}'

mkdir -p "$www/live"
cdn
tracker
agent one
agent two

# The event: a fragment a second, of which the newest six are listed.
# shellcheck disable=SC2016
part encoder bash -c 'cd "$1" || exit 1
  for ((n = 1; n < 1000; n++)); do
    head -c 100000 /dev/urandom >"f$n.bin"
    { echo "toy 1 live 1000"; for ((k = n > 5 ? n - 5 : 1; k <= n; k++)); do echo "$k f$k.bin"; done; } >list.part
    mv list.part event.toy
    sleep 1
  done' encoder "$www/live"
await 20 test -s "$www/live/f4.bin"

# watch NAME: as a player does, each second the list and what is new in it, three behind the edge. A line a fragment that is
# not the CDN's in $work/NAME.wrong, and what came whole in $work/NAME.right.
watch_toy() {
  local base last=0 n f
  base=$(url_of "$1" /live/)
  : >"$work/$1.right"
  : >"$work/$1.wrong"
  for _ in {1..12}; do
    while read -r n f; do
      [ "$n" -gt "$last" ] || continue
      last=$n
      if curl -s -m 5 -o "$work/$1.body" "$base$f" && cmp -s "$work/$1.body" "$www/live/$f"; then
        echo "$n" >>"$work/$1.right"
      else
        echo "$n" >>"$work/$1.wrong"
      fi
    done < <(curl -s -m 5 "${base}event.toy" | sed 1d | head -n 4)
    sleep 1
  done
}
watch_toy one &
first=$!
watch_toy two
wait $first

for name in one two; do
  is "fragments came to $name" [ "$(wc -l <"$work/$name.right")" -ge 10 ]
  is "… each as the CDN has it" [ ! -s "$work/$name.wrong" ]
done
is "some came from the partner" more_than 300000 served_bytes_total_p2p one two
end_well one two tracker
end
