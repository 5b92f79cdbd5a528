#!/bin/bash
# mtu.sh - paths that carry less than Ethernet, as real packets meet them: small from the start, at this end or at the other, and
# smaller in mid-transfer, where packets vanish without a word (a black hole: RFC 8899). What was sent arrives whole.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
. "$P2V_SRCDIR/sdk/lab/lab.sh"
export LC_ALL=C.UTF-8
perf=$P2V_BUILDDIR/p2v-perf
LAB_BIN=$P2V_BUILDDIR
rate=60mbit

# ---- a wire: two namespaces of the lab, a pair of virtual Ethernet devices between them ----

# side NAMESPACE ADDRESS ADDRESS6 MTU: one that sends as a wire carries, packet by packet: a packet that waits to be cut into
# segments by a device would pass whatever its MTU is.
side() {
  ip -n "$1" link set lab0 mtu "$4" gso_max_segs 1 up && ip -n "$1" addr add "$2/24" dev lab0 &&
    ip -n "$1" -6 addr add "$3/64" dev lab0 nodad && ip -n "$1" link set lo up &&
    ip netns exec "$1" tc qdisc add dev lab0 root tbf rate $rate burst 32k latency 50ms
}
# open_wire MTU-A MTU-B
open_wire() {
  LAB_A=$LAB_PREFIX-$BASHPID-a LAB_B=$LAB_PREFIX-$BASHPID-b
  trap lab_close EXIT
  trap 'exit 130' INT TERM
  ip netns add "$LAB_A" && ip netns add "$LAB_B" &&
    ip -n "$LAB_A" link add lab0 type veth peer name lab0 netns "$LAB_B" &&
    side "$LAB_A" $LAB_ADDR_A fd77::1 "$1" && side "$LAB_B" $LAB_ADDR_B fd77::2 "$2"
}

why=$(lab_refusal)
[ -n "$why" ] || why=$( (open_wire 1500 1500 || echo "no wire of that kind can be made here") 2>/dev/null)
[ -z "$why" ] || skip_all "$why"
lab_sweep

# serve: a server in B; returns when it listens.
serve() {
  local i
  lab_start b server "$perf" -s --port 7000
  for ((i = 0; i < 200; i++)); do
    grep -qs '^listening' "$LAB_DIR/server.out" && return 0
    sleep 0.05
  done
  return 1
}

# transfer [OPTION OF p2v-perf]...: from A; the result is in $LAB_DIR/client.out. After $change_at seconds the device of $change_in
# carries no more than $change_to.
change_at='' change_in='' change_to=''
transfer() {
  local pid
  serve || return
  lab_start a client timeout 20 "$perf" -c "$to" --port 7000 -i 250ms --json "$@"
  pid=$!
  if [ -n "$change_at" ]; then
    sleep "$change_at"
    ip -n "$change_in" link set lab0 mtu "$change_to"
  fi
  wait "$pid"
  echo $? >"$LAB_DIR/code"
  ip -n "$LAB_B" -s -j link show lab0 >"$LAB_DIR/link.json"
  ip -n "$LAB_A" -s -j link show lab0 >"$LAB_DIR/link-a.json"
}

# in_wire NAME MTU-A MTU-B FUNCTION [ARGUMENT]...: in a new wire, in a shell of its own; its files are in $work/NAME.
in_wire() {
  local name=$1 a=$2 b=$3
  shift 3
  LAB_DIR=$work/$name
  mkdir -p "$LAB_DIR"
  ( open_wire "$a" "$b" && "$@"; lab_close ) >"$LAB_DIR/out" 2>"$LAB_DIR/err"
}
# judge NAME TEXT FILTER: what jq says of the client's result; $dropped is how many packets the devices did not take.
judge() {
  local dir=$work/$1 dropped
  dropped=$(jq -s 'map(.[0].stats64.rx.dropped) | add' "$dir/link.json" "$dir/link-a.json" 2>/dev/null)
  if [ "$(cat "$dir/code" 2>/dev/null)" = 0 ] && jq -e --argjson dropped "${dropped:-0}" "$3" "$dir/client.out" >/dev/null 2>&1; then
    ok "$2"
  else
    not_ok "$2" "status $(cat "$dir/code" 2>/dev/null), $dropped dropped; wanted: $3
$(cat "$dir"/{err,client.log,client.out,server.log} 2>&1)"
  fi
}
# A datagram has 28 bytes of headers, over IPv6 48; the search ends within 8 bytes of what passes. A device takes 4 bytes more than its
# MTU: there might be a VLAN's tag.
fits() { echo ".mtu <= $1 + 4 and .mtu > $1 - 8"; }

# ---- small from the start ----
to=$LAB_ADDR_B
in_wire here 1300 1300 transfer -n 4Mi
judge here "1300 bytes: all arrives" ".bytes == 4194304 and (.error | not) and $(fits 1272)"
in_wire there 1500 1300 transfer -n 4Mi
judge there "1300 bytes at the far end, which says nothing" ".bytes == 4194304 and $(fits 1272) and \$dropped > 0"
in_wire least 1280 1280 transfer -n 8Mi -R
judge least "1280 bytes, the other way" ".bytes == 8388608 and $(fits 1252)"

# ---- smaller in mid-transfer ----
# 60 Mbit/s: 16 MiB take 2.3 s. What goes on goes on within three seconds, and at the rate of the wire.
hole() {
  change_at=0.8 change_in=$LAB_B change_to=1350
  if [ "$1" = -R ]; then change_in=$LAB_A; fi
  transfer -n 16Mi "$@"
}
whole='.bytes == 16777216 and (.error | not) and .lost > 0 and $dropped > 0'
goes_on='([.intervals[] | .goodput_bps > 1e6] | (map(if . then "x" else "." end) | add) | test("\\.{12}") | not)
  and ([.intervals[-4:-1][].goodput_bps] | add / length) > 4e7 and .seconds < 7'
in_wire hole 1500 1500 hole --cc cubic
judge hole "from 1500 to 1350 bytes in mid-transfer: all arrives" "$whole and $(fits 1322)"
judge hole "… without a long pause, and then as before" "$goes_on"
in_wire back 1500 1500 hole -R --no-segments
judge back "the same the other way, datagram by datagram" "$whole and $(fits 1322) and $goes_on"
to=fd77::2
in_wire six 1500 1500 hole --cc dtl
judge six "the same over IPv6" "$whole and $(fits 1302) and $goes_on"

# ---- the end ----
bash -c '. "$1"; eval "$2"; rate=$3; open_wire 1500 1500; echo $BASHPID; kill -KILL $BASHPID' \
  x "$P2V_SRCDIR/sdk/lab/lab.sh" "$(declare -f side open_wire)" $rate >"$work/pid" 2>/dev/null &
wait $! 2>/dev/null
pid=$(cat "$work/pid")
lab_sweep
left=$(ip netns list | grep -E "^$LAB_PREFIX-(${pid:-none}|$$)-")
if [ -n "$pid" ] && [ -z "$left" ]; then ok "nothing is left, of a shell that was killed neither"; else not_ok "nothing is left" "$pid: $left"; fi
end
