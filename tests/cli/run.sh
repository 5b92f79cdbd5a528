#!/bin/bash
# run.sh - the life of a node: start, reload, end; as tracker and as agent.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
p2v=$P2V_BUILDDIR/peer2view
cd "$work" || exit 1
unset P2V_PLUGIN_PATH

# launch FILE: a node in the background, once it is ready or gone; its log is in $log
launch() {
  log=$work/log
  : >"$log"
  "$p2v" run "$1" >"$work/out" 2>"$log" </dev/null &
  node=$!
  await 'event=ready' || true
}
# await PATTERN: until the log has it, or the node is gone
await() {
  for _ in $(seq 600); do
    grep -q -- "$1" "$log" && return 0
    kill -0 "$node" 2>/dev/null || { grep -q -- "$1" "$log"; return; }
    sleep 0.1
  done
  return 1
}
# has NAME PATTERN: the log has it, or soon will
has() {
  if await "$2"; then ok "$1"; else not_ok "$1" "$(<"$log")"; fi
}
# ends NAME STATUS
ends() {
  wait "$node"
  code=$?
  if [ "$code" = "$2" ] && [ ! -s "$work/out" ]; then ok "$1"; else not_ok "$1" "status $code; $(<"$log")$(<"$work/out")"; fi
}

"$p2v" authority init authority >/dev/null || echo "Bail out! no authority"
cat >tracker.ini <<'EOF'
[peer2view]
role = tracker
log_level = info
[authority]
directory = authority
[tracker]
listen = 127.0.0.1:0
[status]
listen = 127.0.0.1:0
EOF
cat >agent.ini <<'EOF'
[peer2view]
log_level = info
[gateway]
listen = 127.0.0.1:0
[overlay]
listen = 127.0.0.1:0
[channel news]
mount = /news
origin = http://127.0.0.1:9/live/
EOF

for role in tracker agent; do
  cp $role.ini t.ini
  launch t.ini
  has "$role: it says when it serves" "event=ready role=$role version="
  kill -HUP "$node"
  has "$role: a reload that changes nothing" "event=reloaded changed=0 after_restart=0"
  printf '[transport]\nmax_sessions = 9\n' >>t.ini
  kill -HUP "$node"
  has "$role: an option that waits for a restart" 'event=option_changed section="transport" option=max_sessions effect=after_restart'
  has "$role: a reload that waits for a restart" "event=reloaded changed=0 after_restart=1"
  printf 'max_sesions = 9\n' >>t.ini
  kill -HUP "$node"
  has "$role: a reload that fails says why" "event=reload_failed why=\"t.ini:[0-9]*: \[transport\] has no key 'max_sesions'"
  sed 's/^log_level = info$/log_level = error/' $role.ini >t.ini
  kill -HUP "$node"
  has "$role: a live option" 'event=option_changed section="peer2view" option=log_level effect=now'
  kill -TERM "$node"
  ends "$role: SIGTERM ends it" 0
  if grep -q 'event=drained' "$log"; then not_ok "$role: the new log level holds" "$(<"$log")"; else ok "$role: the new log level holds"; fi
done

launch tracker.ini
kill -INT "$node"
ends "SIGINT ends it" 0
if grep -q 'event=draining signal=2' "$log" && grep -q 'event=drained' "$log"; then ok "it drains"; else not_ok "it drains" "$(<"$log")"; fi

printf '[plugins]\ncc = nobody\n' >wrong.ini
launch wrong.ini
ends "a wrong file does not start" 1
has "and says why" "peer2view: wrong.ini:2: there is no plugin cc.nobody"
if grep -q 'event=' "$log"; then not_ok "nothing was half-started" "$(<"$log")"; else ok "nothing was half-started"; fi
sed 's/directory = .*/directory = elsewhere/' tracker.ini >lost.ini
launch lost.ini
ends "a tracker without its authority does not start" 1
has "and names the file" "elsewhere"
end
