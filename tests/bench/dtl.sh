#!/bin/bash
# dtl.sh - the transport beside what it is made of: raw DTLS with and without segments, TLS and TCP, all in one run,
# in turns, medians. Ratios count: they hold from one machine to the next, and processor time holds on a busy one.
#
# usage: make bench [ROUNDS=5] [SECONDS_EACH=2] [BENCH_JSON=file]
set -u
perf=$P2V_BUILDDIR/p2v-perf
raw=$P2V_BUILDDIR/tests/bench/raw
sessions=$P2V_BUILDDIR/tests/bench/sessions
# It does not lie where the loader looks for modules by itself.
modules=P2V_PLUGIN_PATH=$P2V_BUILDDIR/modules/.libs:$P2V_BUILDDIR/modules
rounds=${ROUNDS:-5}
each=${SECONDS_EACH:-2}
json=${BENCH_JSON:-$P2V_BUILDDIR/bench-dtl.json}
unset P2V_PLUGIN_PATH
server=0
work=$(mktemp -d "${TMPDIR:-/tmp}/p2v_bench_XXXXXX")
trap '[ "$server" = 0 ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

command -v jq >/dev/null || {
  echo "bench: skipped: jq is not installed"
  exit 0
}

# note NAME COMMAND...: one line of JSON for the case, or a reason why there is none.
note() {
  local name=$1
  shift
  if "$@" >"$work/out" 2>"$work/err" </dev/null; then
    jq -c --arg name "$name" '{name: $name} + .' <"$work/out" >>"$work/all"
  elif ! grep -qs "^$name " "$work/skipped"; then
    echo "$name ($(tail -n 1 "$work/err"))" >>"$work/skipped"
  fi
}

# by_perf [OPTION]...: one run of p2v-perf, with a server of its own.
by_perf() {
  local port code
  : >"$work/server"
  "$perf" -s --port 0 --one "$@" >"$work/server" 2>"$work/server_err" </dev/null &
  server=$!
  for _ in $(seq 300); do
    port=$(sed -n 's/^listening on port //p' "$work/server")
    [ -n "$port" ] && break
    sleep 0.02
  done
  "$perf" -c 127.0.0.1 --port "${port:-1}" -t "$each" --json "$@" >"$work/perf"
  code=$?
  wait "$server"
  server=0
  jq -c '{bytes, seconds, goodput_bps, cpu_s_per_gb, lost}' "$work/perf"
  return $code
}

: >"$work/all"
: >"$work/skipped"
for i in $(seq "$rounds"); do
  echo "round $i of $rounds" >&2
  note raw_segments "$raw" dtls-segments "$each"
  note dtl_segments by_perf
  note raw_single "$raw" dtls-single "$each"
  note dtl_single by_perf --no-segments
  note tls "$raw" tls "$each"
  note tcp "$raw" tcp "$each"
  note raw_handshakes "$raw" handshakes 200
  note dtl_handshakes env "$modules" "$sessions" handshakes 200
done
note raw_heap "$raw" heap 200
note dtl_heap env "$modules" "$sessions" heap 200

# ---- medians and ratios ----
jq -s --argjson rounds "$rounds" '
  def median: sort | if length == 0 then null else .[(length / 2 | floor)] end;
  def of(n; f): map(select(.name == n) | f) | median;
  def per(a; b): if a != null and b != null and b != 0 then a / b * 1000 | round / 1000 else null end;
  . as $all | [$all[].name] | unique | map(. as $n | {key: $n, value: ($all | {
      mbyte_per_s: (of($n; .goodput_bps) | if . then . / 8e6 | round else null end),
      cpu_s_per_gb: of($n; .cpu_s_per_gb), per_cpu_s: of($n; .per_cpu_s), heap: of($n; .heap_per_session)}
      | with_entries(select(.value != null)))}) | from_entries
  | . + {ratios: [
    {what: "loopback, one stream: MB/s to raw DTLS with segments", target: ">= 0.60",
      is: per(.dtl_segments.mbyte_per_s; .raw_segments.mbyte_per_s)},
    {what: "processor s/GB to raw DTLS with segments", target: "<= 1.80",
      is: per(.dtl_segments.cpu_s_per_gb; .raw_segments.cpu_s_per_gb)},
    {what: "without segments: MB/s to raw DTLS, one send each", target: ">= 0.85",
      is: per(.dtl_single.mbyte_per_s; .raw_single.mbyte_per_s)},
    {what: "  processor s/GB without segments to raw, one send each", target: "",
      is: per(.dtl_single.cpu_s_per_gb; .raw_single.cpu_s_per_gb)},
    {what: "heap of an idle session, kB", target: "<= 90",
      is: (if .dtl_heap then .dtl_heap.heap / 100 | round / 10 else null end)},
    {what: "  to that of OpenSSL alone", target: "", is: per(.dtl_heap.heap; .raw_heap.heap)},
    {what: "handshakes a processor second to raw DTLS", target: ">= 0.80",
      is: per(.dtl_handshakes.per_cpu_s; .raw_handshakes.per_cpu_s)}], rounds: $rounds}' \
  "$work/all" >"$json"

echo
printf '%-22s %10s %14s\n' "median of $rounds" "MB/s" "processor s/GB"
jq -r 'to_entries[] | select(.value | type == "object" and has("cpu_s_per_gb")) |
  [.key, .value.mbyte_per_s, .value.cpu_s_per_gb] | @tsv' "$json" |
  while IFS=$'\t' read -r name rate cost; do printf '%-22s %10s %14s\n' "$name" "$rate" "$cost"; done
jq -r 'to_entries[] | select(.value | type == "object" and has("per_cpu_s")) |
  "\(.key): \(.value.per_cpu_s) a processor second"' "$json"
jq -r 'to_entries[] | select(.value | type == "object" and has("heap")) | "\(.key): \(.value.heap) B"' "$json"
echo
printf '%-58s %8s  %s\n' ratio is target
jq -r '.ratios[] | [.what, (.is // "none"), .target] | @tsv' "$json" |
  while IFS=$'\t' read -r what is target; do printf '%-58s %8s  %s\n' "$what" "$is" "$target"; done
[ ! -s "$work/skipped" ] || sed 's/^/skipped: /' "$work/skipped"
echo "as JSON: $json"
