# lab.sh - to be sourced by what measures in the lab: two network namespaces with a bottleneck between them (p2v-link), what
# runs in them, and its end. Each lab belongs to the shell that opened it, $BASHPID: its namespaces bear that number, and
# whatever a lab that crashed has left is found by it and removed by the next one.
# shellcheck shell=bash
PATH=$PATH:/usr/sbin:/sbin

LAB_PREFIX=p2vlab
LAB_ADDR_A=10.77.0.1 LAB_ADDR_B=10.77.0.2
LAB_PIDS=() LAB_LINK=''

# Why there can be no lab here; nothing when there can.
lab_refusal() {
  local c ns=$LAB_PREFIX-$BASHPID-t
  for c in ip setpriv jq; do
    command -v $c >/dev/null || { echo "$c is not installed"; return; }
  done
  [ "$(id -u)" -eq 0 ] || { echo "only root may make network namespaces"; return; }
  [ -c /dev/net/tun ] || { echo "there is no /dev/net/tun"; return; }
  ip netns add "$ns" 2>/dev/null || { echo "network namespaces are not allowed here"; return; }
  ip -n "$ns" tuntap add lab0 mode tun 2>/dev/null || echo "TUN devices are not allowed here"
  ip netns del "$ns"
}

# The programs of a build: that of P2V_BUILDDIR, or one made here. Sets LAB_BIN.
lab_build() {
  if [ -n "${P2V_BUILDDIR:-}" ]; then
    LAB_BIN=$P2V_BUILDDIR
  else
    # shellcheck disable=SC2086
    need_packages $BUILD_PACKAGES $LAB_PACKAGES
    need_build lab
    LAB_BIN=$BUILD
  fi
  [ -x "$LAB_BIN/p2v-link" ] || die "$LAB_BIN has no p2v-link"
}

# lab_remove NAMESPACE: with whatever runs in it.
lab_remove() {
  local p
  for p in $(ip netns pids "$1" 2>/dev/null); do
    kill -KILL "$p" 2>/dev/null
  done
  ip netns del "$1" 2>/dev/null
}

# Remove what labs have left whose shells are gone.
lab_sweep() {
  local ns pid
  for ns in $(ip netns list 2>/dev/null | sed -n "s/^\($LAB_PREFIX-[0-9]*-[abt]\)\b.*/\1/p"); do
    pid=${ns#"$LAB_PREFIX"-}
    pid=${pid%-*}
    [ -e "/proc/$pid" ] || lab_remove "$ns"
  done
}

# lab_side NAMESPACE ADDRESS ADDRESS6
lab_side() {
  ip netns add "$1" && ip -n "$1" link set lo up && ip -n "$1" tuntap add lab0 mode tun &&
    ip -n "$1" link set lab0 mtu "${LAB_MTU:-1500}" txqueuelen 10000 && ip -n "$1" addr add "$2/24" dev lab0 &&
    ip -n "$1" -6 addr add "$3/64" dev lab0 nodad && ip -n "$1" link set lab0 up &&
    # What one flow has learnt of the path is not the next one's.
    ip netns exec "$1" sysctl -q -w net.ipv4.tcp_no_metrics_save=1
}

# lab_open DIR [OPTION OF p2v-link]...: sets LAB_A and LAB_B, the namespaces. Logs and the link's statistics go to DIR.
lab_open() {
  local i
  LAB_DIR=$1
  shift
  LAB_A=$LAB_PREFIX-$BASHPID-a LAB_B=$LAB_PREFIX-$BASHPID-b
  trap lab_close EXIT
  trap 'exit 130' INT TERM
  lab_side "$LAB_A" $LAB_ADDR_A fd77::1 && lab_side "$LAB_B" $LAB_ADDR_B fd77::2 || return 1
  setpriv --pdeathsig TERM -- "$LAB_BIN/p2v-link" "$@" "$LAB_A" "$LAB_B" >"$LAB_DIR/link.json" 2>"$LAB_DIR/link.log" </dev/null &
  LAB_LINK=$!
  for ((i = 0; i < 100; i++)); do
    grep -qs ': ready$' "$LAB_DIR/link.log" && return 0
    kill -0 $LAB_LINK 2>/dev/null || break
    sleep 0.05
  done
  cat "$LAB_DIR/link.log" >&2
  return 1
}

# lab_in a|b COMMAND...: in that namespace, in the foreground
lab_in() {
  local ns=$LAB_A
  [ "$1" = a ] || ns=$LAB_B
  shift
  ip netns exec "$ns" "$@"
}

# lab_start a|b NAME COMMAND...: in the background, until the lab closes. Its output goes to NAME.out, the rest to NAME.log; its
# process id is in $!.
lab_start() {
  local ns=$LAB_A name=$2
  [ "$1" = a ] || ns=$LAB_B
  shift 2
  # A measurement should not be one of what else runs on the machine.
  setpriv --pdeathsig KILL -- nice -n -5 ip netns exec "$ns" "$@" >"$LAB_DIR/$name.out" 2>"$LAB_DIR/$name.log" </dev/null &
  LAB_PIDS+=($!)
}

# lab_listens PORT: wait until somebody in B has a TCP socket there.
lab_listens() {
  local i
  for ((i = 0; i < 100; i++)); do
    [ -z "$(lab_in b ss -Htln "sport = :$1")" ] || return 0
    sleep 0.05
  done
  return 1
}

# A kernel flow from A to B: lab_tcp_server PORT, then lab_tcp NAME PORT CC SECONDS, whose process is then in $!. iperf3's own
# result is in NAME.out.
lab_tcp_server() {
  lab_start b "tcp-$1" iperf3 -s -1 -p "$1"
  lab_listens "$1"
}
lab_tcp() { lab_start a "$1" iperf3 -c $LAB_ADDR_B -p "$2" -C "$3" -t "$4" -J; }

# End the link, so that its statistics are written. @return its status
lab_stop_link() {
  local code=0
  [ -n "$LAB_LINK" ] || return 0
  kill -TERM "$LAB_LINK" 2>/dev/null
  wait "$LAB_LINK" || code=$?
  LAB_LINK=''
  return $code
}

lab_close() {
  local p
  trap - EXIT
  for p in "${LAB_PIDS[@]}"; do
    kill -KILL "$p" 2>/dev/null
    wait "$p" 2>/dev/null
  done
  LAB_PIDS=()
  lab_stop_link
  lab_remove "$LAB_A"
  lab_remove "$LAB_B"
}
