#!/bin/bash
# link.sh - the lab's bottleneck as real packets meet it: rate, delay, queue, losses, each flow's part, its options, and
# what is left of a lab whose shell was killed.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
. "$P2V_SRCDIR/sdk/prepare.sh"
. "$P2V_SRCDIR/sdk/lab/lab.sh"
export LC_ALL=C.UTF-8
LAB_BIN=$P2V_BUILDDIR
link=$P2V_BUILDDIR/p2v-link

# ---- how it is called ----
run "$link" --help
expect "--help" 0 "Usage: p2v-link*--back*--rate=VALUE*--queue-bytes=VALUE*Exit status:*Examples:*" ""
run "$link" --version
expect "--version" 0 "p2v-link [0-9]*" ""
run "$link" a
expect "one namespace is not enough" 2 "" "p2v-link: it needs the names of two network namespaces*Try 'p2v-link --help'."
run "$link" --rat=20M a b c
expect "an argument too many" 2 "" "*'c' is one argument too many*"
run "$link" --qeue=1s a b
expect "an unknown option names the nearest" 2 "" "*'--qeue=1s'*did you mean --queue?*"
run "$link" --loss=2 a b
expect "a loss beyond everything" 2 "" "p2v-link: --loss: *"
run "$link" --rate=fast a b
expect "no rate" 2 "" "p2v-link: --rate: *"
run "$link" --every=0 a b
expect "no length of time" 2 "" "*--every: '0' is not a length of time*"
run "$link" p2v-none p2v-none
expect "no such namespace" 1 "" "p2v-link: namespace /run/netns/p2v-none: *"

# ---- packets ----
why=$(lab_refusal)
if [ -n "$why" ]; then
  skip "a real link" "$why"
  end
  exit 0
fi
lab_sweep

# in_lab NAME FUNCTION OPTION...: runs it inside a new lab, in a shell of its own; then $work/NAME/link.json is there.
in_lab() {
  local name=$1 what=$2
  shift 2
  mkdir -p "$work/$name"
  ( lab_open "$work/$name" "$@" && { "$what"; lab_stop_link; }; lab_close ) >"$work/$name/out" 2>"$work/$name/err"
  js=$work/$name/link.json
}
# judge NAME FILTER: what jq says of the statistics
judge() {
  if jq -e "$2" "$js" >/dev/null 2>&1; then ok "$1"; else not_ok "$1" "$2
$(cat "$js" "${js%/*}/err")"; fi
}
# within NAME VALUE LOW HIGH
within() {
  if awk -v v="$2" -v a="$3" -v b="$4" 'BEGIN { exit !(v != "" && v >= a && v <= b) }'; then ok "$1"; else
    not_ok "$1" "$2 is not within $3 and $4
$(cat "$js" "${js%/*}/err" "${js%/*}/out")"
  fi
}

pings() { lab_in a ping -q -c 20 -i 0.05 -s 72 $LAB_ADDR_B; }
rtt_of() { sed -n 's|^rtt min/avg/max/mdev = \([0-9.]*\)/\([0-9.]*\)/.*|\1|p' "$work/$1/out"; }
if command -v ping >/dev/null; then
  # 100 bytes at 1 Mbit/s are 0.8 ms, and at 200 kbit/s 4 ms
  in_lab delay pings --rate=1M --delay=30ms --back --delay=10ms --rate=200k
  within "delay and sending, each way its own: 44.8 ms" "$(rtt_of delay)" 44.8 45.8
  judge "twenty went each way" '[.forth, .back | .flows[] | select(.proto == 1) | [.packets, .bytes]] == [[20, 2000], [20, 2000]]'
else
  skip "delay and sending" "ping is not installed"
fi

# A sender that knows no mercy, at both ends of the wire: what comes out is the rate. bash writes a datagram a printf.
flood() {
  lab_in a bash -c 'exec 3>/dev/udp/'$LAB_ADDR_B'/9; printf -v x %1472s ""; end=$((${EPOCHREALTIME/./} + 3000000))
    while [ ${EPOCHREALTIME/./} -lt $end ]; do printf %s "$x" >&3; done' 2>/dev/null
}
# Nobody listens there; a packet that tells so comes back for each.
in_lab rate flood --rate=4M --delay=5ms --queue=50ms --trace="$work/trace" --every=250ms
rate() {
  jq -s '[.[] | {at_s, b: ([.forth.flows[] | select(.proto == 17) | .bytes] | add // 0)}] | map(select(.b > 0)) | . as $t |
    [range(4; length) | ($t[.].b - $t[. - 4].b) * 8 / ($t[.].at_s - $t[. - 4].at_s)] | max' "$work/trace"
}
# The second of the best rate: on a busy machine the sender may not always be there.
within "what comes out is within 2 % of the rate" "$(rate)" 3920000 4080000
judge "the queue is filled, and never beyond its bound" '.forth | .dropped > 100 and .wait_max_ms > 46 and .wait_max_ms <= 47.001'
judge "the flow's drops are the queue's" '.forth | .dropped == ([.flows[].dropped] | add)'
# How late it was, and how busy, depends on what else the machine does; that it tells so does not.
judge "it tells how late it was" '(.late | type) == "number" and .late_max_ms >= 0 and .cpu_s > 0 and .cpu_s <= .seconds * 1.01'

burst() {
  lab_in a bash -c 'exec 3>/dev/udp/'$LAB_ADDR_B'/9; printf -v x %972s ""
    for i in {1..3000}; do printf %s "$x" >&3; [ $((i % 50)) -ne 0 ] || sleep 0.005; done' 2>/dev/null
  sleep 0.3
}
in_lab loss burst --rate=0 --delay=1ms --loss=0.1 --seed=5
# 300 of 3000, a standard deviation of 16.4: within four of them
judge "one in ten is lost" '.forth | .lost >= 234 and .lost <= 366'
# (the sender skips one now and then: it is told that nobody listens)
judge "what is not lost arrives" '.forth | .packets + .lost >= 2900 and .dropped == 0 and .lost == ([.flows[].lost] | add)'
in_lab hole burst --rate=0 --mtu=999
judge "a black hole for packets larger than its mtu" '.forth | .oversize == 3000'

kernel_flows() {
  local one
  lab_tcp_server 5201 && lab_tcp_server 5202 || return
  lab_tcp one 5201 cubic 4
  one=$!
  lab_tcp two 5202 reno 4
  wait $one $!
  jq -r .end.sender_tcp_congestion "$LAB_DIR/one.out" "$LAB_DIR/two.out"
}
if command -v iperf3 >/dev/null; then
  in_lab tcp kernel_flows --rate=20M --delay=10ms --queue=50ms
  if [ "$(cat "$work/tcp/out")" = "cubic
reno" ]; then ok "kernel TCP of two kinds crosses it"; else not_ok "kernel TCP of two kinds crosses it" "$(cat "$work/tcp/out" "$work/tcp/err")"; fi
  judge "both fill it together" '.forth | .bytes * 8 / 4.3 / 20000000 > 0.8'
  judge "packets have the size of a wire" '[.forth.flows[] | select(.bytes > 1000000) | .bytes / .packets] | length == 2 and all(. <= 1500)'
else
  skip "kernel TCP" "iperf3 is not installed"
fi

# ---- the end ----
# A shell that is killed cannot clean up; its link ends by itself, and its namespaces are removed by the next lab.
bash -c '. "$1"; LAB_BIN=$2; lab_open "$3" --rate=1M && lab_start b idle sleep 600 && echo $BASHPID; kill -KILL $BASHPID' \
  x "$P2V_SRCDIR/sdk/lab/lab.sh" "$LAB_BIN" "$work" >"$work/pid" 2>/dev/null
pid=$(cat "$work/pid")
if [ -n "$pid" ] && [ "$(ip netns list | grep -c "^$LAB_PREFIX-$pid-")" = 2 ]; then
  ok "a lab whose shell was killed leaves its namespaces"
else
  not_ok "a lab whose shell was killed leaves its namespaces" "$pid: $(ip netns list)"
fi
lab_sweep
if ip netns list | grep -q "^$LAB_PREFIX-${pid:-none}-"; then not_ok "the next one removes them"; else ok "the next one removes them"; fi

run "$P2V_SRCDIR/sdk/lab/link" --help
expect "sdk/lab/link --help" 0 "Usage: sdk/lab/link *LAB_ADDR_B*" ""
run "$P2V_SRCDIR/sdk/lab/link" --delay=1ms -- sh -c 'ip -br addr show lab0; ip netns exec $LAB_B true && exit 7'
expect "sdk/lab/link runs a command in a lab and tells how it ended" 7 "lab0 *10.77.0.1/24*{*\"forth\":*}" ""
left=$(ip netns list | grep "^$LAB_PREFIX-$$-")
if [ -z "$left" ]; then ok "nothing is left"; else not_ok "nothing is left" "$left"; fi
end
