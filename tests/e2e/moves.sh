#!/bin/bash
# moves.sh - one end's address changes while bytes are under way over a real link: what a NAT does, or a laptop that goes from
# one network to another. The session goes on, and every byte arrives.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
. "$P2V_SRCDIR/sdk/lab/lab.sh"
export LC_ALL=C.UTF-8
LAB_BIN=$P2V_BUILDDIR
why=$(lab_refusal)
if [ -n "$why" ]; then
  skip "a session whose remote moves" "$why"
  end
  exit 0
fi
lab_sweep
bytes=5000000

# to a|b OLD NEW: its side has another address from now on
to() { lab_in "$1" ip addr del "$2/24" dev lab0 && lab_in "$1" ip addr add "$3/24" dev lab0; }

listening() {
  local i
  for ((i = 0; i < 100; i++)); do
    [ -z "$(lab_in b ss -Hlun "sport = :7000")" ] || return 0
    sleep 0.05
  done
  return 1
}

# moving a|b OLD NEW: two seconds' worth of bytes from A to B, and a move after the first
moving() {
  lab_start b server "$LAB_BIN/p2v-perf" -s --port 7000
  listening || return 1
  lab_start a client "$LAB_BIN/p2v-perf" -c $LAB_ADDR_B --port 7000 -n $bytes --json
  client=$!
  sleep 1
  to "$@" || return 1
  wait $client
}

# move NAME a|b OLD NEW
move() {
  local dir=$work/$2 code
  mkdir -p "$dir"
  ( lab_open "$dir" --rate=20M --delay=10ms --queue=50ms || exit 9
    moving "$2" "$3" "$4"
    code=$?
    lab_close
    exit $code ) >"$dir/out" 2>"$dir/err"
  code=$?
  if [ $code -eq 0 ] && jq -e ".bytes == $bytes and .seconds < 10" "$dir/client.out" >/dev/null; then
    ok "$1"
    echo "# $(jq -c '[.seconds, .goodput_bps, .lost]' "$dir/client.out")"
  else
    not_ok "$1" "status $code
$(cat "$dir/err" "$dir/client.out" "$dir/client.log" "$dir/server.log")"
  fi
}
move "the sender moves" a $LAB_ADDR_A 10.77.0.11
move "the receiver moves" b $LAB_ADDR_B 10.77.0.12
end
