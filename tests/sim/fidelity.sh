#!/bin/bash
# fidelity.sh - the same events with packets and with flows: savings within 2 points, players alike; the same transfers
# within a tenth of their time and two round trips' fifth. P2V_LONG=1: more of them, and more viewers.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
jq=$(command -v jq) || { skip "fidelity" "there is no jq"; end; exit 0; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
bin=$P2V_BUILDDIR/tests/sim

# mean KEY FILE: over the runs in FILE
mean() { "$jq" -s "map(.$1) | add / length" "$2"; }
# within A B MOST: |A - B| <= MOST
within() { awk -v a="$1" -v b="$2" -v m="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(d <= m) }'; }

# same NAME SEEDS ARGUMENT…
same() {
  local name=$1 seeds=$2 p s wrong=
  shift 2
  for p in packet flow; do
    : >"$work/$p"
    for s in $seeds; do
      "$bin/fidelity_$p" -s "$s" "$@" >>"$work/$p" || { not_ok "$name" "fidelity_$p failed"; return; }
    done
  done
  within "$(mean savings "$work/packet")" "$(mean savings "$work/flow")" 0.02 || wrong+=' savings'
  within "$(mean offload "$work/packet")" "$(mean offload "$work/flow")" 0.02 || wrong+=' offload'
  within "$(mean stalled_s "$work/packet")" "$(mean stalled_s "$work/flow")" 1 || wrong+=' stalled_s'
  within "$(mean startup_p95_ms "$work/packet")" "$(mean startup_p95_ms "$work/flow")" 60 || wrong+=' startup_p95_ms'
  within "$(mean latency_p50_ms "$work/packet")" "$(mean latency_p50_ms "$work/flow")" 120 || wrong+=' latency_p50_ms'
  within "$(mean bitrate "$work/packet")" "$(mean bitrate "$work/flow")" 14000 || wrong+=' bitrate'
  for p in packet flow; do
    diag "$name, $p: $("$jq" -s -c '{savings: (map(.savings) | add / length), offload: (map(.offload) | add / length),
      stalled_s: (map(.stalled_s) | add / length), startup_p95_ms: (map(.startup_p95_ms) | add / length),
      latency_p50_ms: (map(.latency_p50_ms) | add / length), us_per_peer_s: (map(.us_per_peer_s) | add / length)}' "$work/$p")"
  done
  if [ -z "$wrong" ]; then ok "$name"; else not_ok "$name" "they differ in$wrong"; fi
}
