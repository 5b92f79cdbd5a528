#!/bin/bash
# leaks.sh - a play from begin to end in a build with sanitizers: what a node took it gives back, whoever leaves first.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg
sanitized || skip_all "this build has no sanitizers"
make_source
mkdir -p "$www/slow"
head -c 12000000 /dev/urandom >"$www/slow/some.bin"
cdn_more='location /slow/ { limit_rate 100k; }'
cdn
encode_ts
tracker
for n in a b c; do agent $n "channel slow.mount=/slow" "channel slow.origin=http://$cdn/slow/"; done
await_live 3 live/v2/index.m3u8
for n in a b c; do play ours p$n "$(url_of $n)"; done
soon "peers serve each other" more_than 300000 served_bytes_total_p2p a b c
soon "… a too" more_than 0 served_bytes_total_p2p a
# One leaves in the middle of everything, and does not wait for what is under way.
part loader curl -s -m 300 -o "$work/got" "$(url_of a /slow/some.bin)"
await 60 [ -s "$work/got" ]
hit a TERM
await 60 in_log a event=draining
hit a TERM
await 60 gone loader
reap loader
await 60 gone a
reap a
is "one leaves at once" [ "$code" = 1 ]
is "… and has given all back" eval "! grep -qaE 'Sanitizer|runtime error:' '$work/a.log'"
before=$(counter served_bytes_total_p2p b c)
soon "the others go on" more_than "$before" served_bytes_total_p2p b c
hit b HUP
await 60 in_log b event=reloaded
end_well b c
for n in pa pb pc; do
  hit $n INT 2>/dev/null
  await 60 gone $n
  reap $n
  is "$n gave all back" eval "! grep -qaE 'Sanitizer|runtime error:' '$work/$n.log'"
done
end_well tracker
end
