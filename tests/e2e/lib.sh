# lib.sh - for the tests of the whole to source: real parts (an encoder, nginx as the CDN, a tracker, agents),
# started and ended. All of it is on loopback, each part dies with the test, however that ends, and its logs
# are shown when a case failed. How players are watched is in watch.sh.
# shellcheck shell=bash
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
p2v=$P2V_BUILDDIR/peer2view
player=$P2V_BUILDDIR/p2v-player
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C.UTF-8
# A node with sanitizers that leaks ends with another status than 0; those are looked at.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=1
unset P2V_PLUGIN_PATH http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY no_proxy NO_PROXY

declare -A pid_of=() http_of=()
failed=no
www=$work/www
mkdir -p "$www"
chmod 755 "$work" "$www"

say() { printf '# %s\n' "$*"; }
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# needs COMMAND...: without them there is nothing to test.
needs() {
  local c
  for c in "$@"; do
    command -v "$c" >/dev/null || skip_all "$c is not installed"
  done
}
needs setpriv nginx curl jq
# needs_demo COMMAND...: nor without what sdk/demo would install.
needs_demo() {
  local p
  needs ffmpeg dpkg-query "$@"
  for p in ffmpeg nginx-light jq curl procps util-linux; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
      skip_all "the demo would install $p, which is not a test's business"
  done
}

# A build with sanitizers is slow and large by its nature.
sanitized() { grep -qa __asan_init "$p2v" || grep -qa __asan_init "$P2V_BUILDDIR/.libs/peer2view" 2>/dev/null; }

# not_ok NAME [TEXT]: as in tap.sh; the parts' logs are shown at the end.
not_ok() {
  failed=yes
  tap_n=$((tap_n + 1))
  echo "not ok $tap_n - $1"
  [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

# is NAME COMMAND...: a case that is what the command says; its output is the reason.
is() {
  local name=$1 why
  shift
  if why=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$*: $why"; fi
}

# await SECONDS COMMAND...: until it is true
await() {
  local until=$(($(now_ms) + $1 * 1000))
  shift
  while ! "$@"; do
    [ "$(now_ms)" -lt "$until" ] || return 1
    sleep 0.1
  done
}

# soon NAME COMMAND...: a case that comes true, or fails after a minute.
soon() {
  local name=$1
  shift
  if await 60 "$@"; then ok "$name"; else not_ok "$name" "it did not come true: $*"; fi
}

# ---- parts ----

# part NAME COMMAND...: start it in the background. Its log is $work/NAME.log, its output $work/NAME.out, its
# input $part_in. Not from within a subshell: a part dies with whoever started it.
part_in=/dev/null
part() {
  local name=$1
  shift
  [ ! -s "$work/$name.log" ] || cat "$work/$name.log" >>"$work/$name.log.before"
  # Here and now, so that nobody waits for a line that the one before has written.
  : >"$work/$name.log"
  setpriv --pdeathsig KILL -- "$@" <"$part_in" >"$work/$name.out" 2>"$work/$name.log" &
  pid_of[$name]=$!
}

alive() { kill -0 "${pid_of[$1]:-0}" 2>/dev/null; }
gone() { ! alive "$1"; }
hit() { kill "-$2" "${pid_of[$1]}"; } # NAME SIGNAL

# reap NAME: wait for its end; its status is in $code.
reap() {
  wait "${pid_of[$1]}" 2>/dev/null
  code=$?
  unset "pid_of[$1]"
}

# finish NAME [SIGNAL]: end it; its status is in $code, 137 when it had to be killed.
finish() {
  local p=${pid_of[$1]:-}
  code=0
  [ -n "$p" ] || return 0
  kill -CONT "$p" 2>/dev/null
  kill "-${2:-TERM}" "$p" 2>/dev/null
  await 30 gone "$1" || kill -KILL "$p" 2>/dev/null
  reap "$1"
}

# end_well NAME...: each node ends with status 0, and a build with sanitizers found nothing.
end_well() {
  local n why=""
  for n in "$@"; do
    finish "$n"
    [ "$code" = 0 ] || why="$why $n ended with status $code"
    ! grep -aqE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$work/$n.log" || why="$why $n: $(grep -aE -A 12 \
      'ERROR: (Address|Leak)Sanitizer|runtime error:' "$work/$n.log")"
  done
  if [ -z "$why" ]; then ok "$* end well"; else not_ok "$* end well" "$why"; fi
}

tidy_up() {
  local n f
  trap - EXIT
  for n in "${!pid_of[@]}"; do
    kill -CONT "${pid_of[$n]}" 2>/dev/null
    kill -TERM "${pid_of[$n]}" 2>/dev/null
  done
  for n in "${!pid_of[@]}"; do
    await 5 gone "$n" || kill -KILL "${pid_of[$n]}" 2>/dev/null
    wait "${pid_of[$n]}" 2>/dev/null
  done
  if [ $failed = yes ]; then
    for f in "$work"/*.log.before "$work"/*.log; do
      [ -s "$f" ] || continue
      echo "# ---- ${f##*/}"
      tail -n 40 "$f" | tr -cd '\t\n -~' | cut -c 1-300 | sed 's/^/# /'
    done
  fi
  [ -z "${P2V_KEEP:-}" ] || cp -R "$work" "$P2V_KEEP/"
  rm -rf "$work"
}
trap tidy_up EXIT
trap 'exit 130' INT TERM

# bail WHY [NAME]: a part that everything needs does not start.
bail() {
  failed=yes
  echo "Bail out! $1"
  exit 1
}

# in_log NAME PATTERN: whether its log has that; logged NAME PATTERN prints the pattern's first group.
in_log() { grep -qaE -- "$2" "$work/$1.log"; }
logged() { sed -nE "s/.*$2.*/\1/p" "$work/$1.log" | tail -n 1; }
times_in_log() { grep -caE -- "$2" "$work/$1.log"; }

# ---- the stream ----

# A minute in three qualities (380, 700 and 1400 kbit/s, filled up to exactly that) and two languages, encoded
# once for all tests; its path is in $source.
make_source() {
  local dir=$P2V_BUILDDIR/tests/e2e
  mkdir -p "$dir" 2>/dev/null
  [ -w "$dir" ] || dir=$work
  source=$dir/source.mp4
  (
    flock 9
    [ ! -s "$source" ] || exit 0
    ffmpeg -y -nostdin -loglevel error -f lavfi -i testsrc2=size=640x360:rate=25 \
      -f lavfi -i sine=frequency=440:sample_rate=44100 -f lavfi -i sine=frequency=880:sample_rate=44100 -t 60 \
      -filter_complex "[0:v]split=3[a][b][c];[a]scale=160x90[v0];[b]scale=320x180[v1];[c]null[v2]" \
      -map "[v0]" -map "[v1]" -map "[v2]" -map 1:a -map 2:a \
      -c:v libx264 -preset ultrafast -tune zerolatency -profile:v main -pix_fmt yuv420p \
      -g 50 -keyint_min 50 -sc_threshold 0 -bf 0 -x264-params nal-hrd=cbr \
      -b:v:0 380k -minrate:v:0 380k -maxrate:v:0 380k -bufsize:v:0 760k \
      -b:v:1 700k -minrate:v:1 700k -maxrate:v:1 700k -bufsize:v:1 1400k \
      -b:v:2 1400k -minrate:v:2 1400k -maxrate:v:2 1400k -bufsize:v:2 2800k \
      -c:a aac -b:a 64k -ac 2 -f mp4 "$source.part" && mv "$source.part" "$source"
  ) 9>"$dir/source.lock" 2>"$work/source.log"
  [ -s "$source" ] || bail "no stream could be encoded"
}

# encode NAME OUTPUT-OPTION...: a live encoder, which writes in real time what the source holds, from second
# $encode_from on.
encode_from=0
encode() {
  local name=$1
  shift
  part "$name" ffmpeg -nostdin -loglevel warning -re -stream_loop -1 -ss "$encode_from" -i "$source" -c copy "$@"
}
hls_flags=delete_segments+program_date_time+independent_segments+temp_file

# encode_ts [NAME] [FOLDER]: three qualities, each with its sound, in transport streams. "One 2 s fragment after another."
encode_ts() {
  local dir=$www/${2:-live}
  mkdir -p "$dir"
  encode "${1:-encoder}" -map 0:0 -map 0:3 -map 0:1 -map 0:3 -map 0:2 -map 0:3 \
    -f hls -hls_time 2 -hls_list_size 6 -hls_delete_threshold 6 -hls_flags $hls_flags \
    -var_stream_map "v:0,a:0 v:1,a:1 v:2,a:2" -master_pl_name master.m3u8 \
    -hls_segment_filename "$dir/v%v/seg%d.ts" "$dir/v%v/index.m3u8"
}

# encode_fmp4 [NAME] [FOLDER]: three qualities and two languages apart, in fragmented MP4.
encode_fmp4() {
  local dir=$www/${2:-live}
  mkdir -p "$dir"
  encode "${1:-encoder}" -map 0:0 -map 0:1 -map 0:2 -map 0:3 -map 0:4 \
    -f hls -hls_segment_type fmp4 -hls_time 2 -hls_list_size 6 -hls_delete_threshold 6 -hls_flags $hls_flags \
    -var_stream_map "v:0,agroup:a v:1,agroup:a v:2,agroup:a a:0,agroup:a,default:yes,language:en a:1,agroup:a,language:de" \
    -master_pl_name master.m3u8 -hls_fmp4_init_filename init.mp4 \
    -hls_segment_filename "$dir/v%v/seg%d.m4s" "$dir/v%v/index.m3u8"
}

# encode_dash [NAME] [FOLDER], encode_dash_number: three qualities and the sound in a presentation each whose fragments the manifest
# lists (live.mpd), or which players number by the clock (num.mpd).
encode_mpd() {
  local name=$1 dir=$www/$2 mpd=$3
  shift 3
  mkdir -p "$dir"
  encode "$name" -map 0:0 -map 0:1 -map 0:2 -map 0:3 -f dash -seg_duration 2 -window_size 6 -extra_window_size 6 \
    -use_template 1 -adaptation_sets "id=0,streams=v id=1,streams=a" "$@" "$dir/$mpd.mpd"
}
encode_dash() { encode_mpd "${1:-encoder}" "${2:-live}" live -use_timeline 1; }
encode_dash_number() {
  # shellcheck disable=SC2016
  encode_mpd "${1:-encoder}" "${2:-live}" num -use_timeline 0 ${cdn:+-utc_timing_url "http://$cdn/time"} \
    -init_seg_name 'num-init-$RepresentationID$.m4s' -media_seg_name 'num-$RepresentationID$-$Number%05d$.m4s'
}

# encode_smooth [NAME] [FOLDER]: three qualities and the sound in a presentation each, live.ism/Manifest.
encode_smooth() {
  local dir=$www/${2:-live}
  mkdir -p "$dir"
  encode "${1:-encoder}" -map 0:0 -map 0:1 -map 0:2 -map 0:3 -f smoothstreaming -window_size 8 -extra_window_size 6 \
    -lookahead_count 2 -min_frag_duration 2000000 "$dir/live.ism"
}

# encode_hds [NAME] [FOLDER]: three qualities, each with its sound, hds/index.f4m.
encode_hds() {
  local dir=$www/${2:-live}/hds
  mkdir -p "$dir"
  encode "${1:-encoder}" -map 0:0 -map 0:3 -map 0:1 -map 0:3 -map 0:2 -map 0:3 -f hds -window_size 8 -extra_window_size 6 \
    -min_frag_duration 2000000 "$dir"
}

# on_air_now MANIFEST: the fragments that there are of what a manifest below $www names, of its best quality.
on_air_now() {
  local at=$www/$1
  [ -s "$at" ] || return 1
  case $1 in
    *.m3u8) grep -v '^#' "$at" ;;
    *live.mpd) compgen -G "${at%/*}/chunk-stream2-*.m4s" ;;
    *num.mpd) compgen -G "${at%/*}/num-2-*.m4s" ;;
    *Manifest) compgen -G "${at%/*}/QualityLevels(14*)/Fragments(video=*)" ;;
    *.f4m) compgen -G "${at%/*}/stream2Seg1-Frag*" ;;
  esac
}
# on_air N MANIFEST: whether there are that many
on_air() { [ "$(on_air_now "$2" | wc -l)" -ge "$1" ]; }
# await_live N MANIFEST [ENCODER]
await_live() {
  await 120 eval "on_air $1 $2 || gone ${3:-encoder}" && alive "${3:-encoder}" || bail "the encoder does not encode"
}
# await_fresh MANIFEST: until the next fragment of those is there
await_fresh() {
  local newest
  newest=$(on_air_now "$1" | sort -V | tail -n 1)
  await 10 eval "[ \"\$(on_air_now '$1' | sort -V | tail -n 1)\" != '$newest' ]"
}

# ---- the CDN ----

# cdn [NAME]: nginx, serving $www, with further directives of its server block from $cdn_more. Where it listens
# is in $cdn, and stays the same when it is started again. Its log has a line a request:
# time, status, bytes, method, URI, "Range", connection, seconds that it took, which one of that connection, "Connection",
# "If-None-Match", "Cache-Control", "Accept-Encoding", "Referer", "User-Agent".
cdn='' cdn_more=''
cdn_conf() {
  cat >"$work/nginx.conf" <<CONF
daemon off;
master_process off;
$([ "$(id -u)" -ne 0 ] || echo "user root;")
pid $work/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  types {
    application/vnd.apple.mpegurl m3u8; video/mp2t ts; video/mp4 mp4 m4s; text/plain txt; application/dash+xml mpd;
    application/f4m+xml f4m; video/abst abst; text/html html; text/javascript js;
  }
  default_type application/octet-stream;
  client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
  uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  log_format one '\$msec \$status \$body_bytes_sent \$request_method \$request_uri "\$http_range" \$connection \$request_time '
    '\$connection_requests "\$http_connection" "\$http_if_none_match" "\$http_cache_control" "\$http_accept_encoding" "\$http_referer" '
    '"\$http_user_agent"';
  access_log $work/access.log one;
  gzip_types text/plain; gzip_min_length 1; gzip_http_version 1.0;
  server { listen $1; root $www; add_header Cache-Control no-cache;
    location = /-logged { access_log off; return 204; }
    location = /time { default_type text/plain; return 200 \$time_iso8601; }
    location ~ \\.ism/Manifest\$ { default_type text/xml; }
    $cdn_more
  }
}
CONF
}
cdn() {
  local at=$cdn _
  for _ in {1..30}; do
    cdn=${at:-127.0.0.1:$((20000 + RANDOM % 12000))}
    cdn_conf "$cdn"
    part cdn nginx -e stderr -c "$work/nginx.conf"
    await 20 eval "curl -s -m 5 -o /dev/null http://$cdn/ || gone cdn"
    if alive cdn && curl -s -m 5 -o /dev/null "http://$cdn/"; then
      return
    fi
    finish cdn
    sleep 0.1
  done
  bail "nginx does not start: $(tail -n 3 "$work/cdn.log")"
}
# asked PATTERN: how many requests the CDN had whose line of the log matches. It writes a line after the answer is on
# its way, which its reader may be faster than; but it is one process, and the next answer comes after that line.
asked() {
  curl -s -m 10 -o /dev/null "http://$cdn/-logged"
  grep -cE -- "$1" "$work/access.log"
}

# ---- nodes ----

# ini FILE SECTION.KEY=VALUE...: a configuration. A later value replaces an earlier one; an empty one removes it.
ini() {
  local file=$1
  shift
  printf '%s\n' "$@" | awk '{
      dot = index($0, "."); eq = index($0, "="); s = substr($0, 1, dot - 1); k = substr($0, 1, eq - 1)
      if (!(s in seen)) { seen[s] = 1; order[++n] = s }
      if (!(k in value)) keys[s] = keys[s] "\n" k
      value[k] = substr($0, eq + 1)
    }
    END {
      for (i = 1; i <= n; i++) {
        m = split(keys[order[i]], name, "\n")
        title = "[" order[i] "]\n"
        for (j = 2; j <= m; j++) if (value[name[j]] != "") {
          print title substr(name[j], length(order[i]) + 2) " = " value[name[j]]
          title = ""
        }
      }
    }' >"$file"
}

# quiet_address: one of loopback that nobody has, and that nobody is given who takes any: for what is to be found there
# again after it was started anew
quiet_address() {
  local port _
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 12000))
    grep -qi "^ *[0-9]*: [0-9a-f]*:$(printf %04x $port) " /proc/net/{udp,udp6,tcp,tcp6} 2>/dev/null || break
  done
  echo 127.0.0.1:$port
}

# start_node NAME: run $work/NAME.ini until it serves. Its address for HTTP is then in ${http_of[NAME]}.
start_node() {
  part "$1" "$p2v" run "$work/$1.ini"
  await 60 eval "in_log $1 event=ready || gone $1"
  in_log "$1" event=ready || return 1
  http_of[$1]=$(logged "$1" ' http=([0-9.:]+)')
}

# make_authority [NAME]: a folder with a new one, $work/NAME.
make_authority() { "$p2v" authority init "$work/${1:-authority}" >/dev/null || bail "no authority could be made"; }

# tracker [SECTION.KEY=VALUE]...: where agents call it is in $tracker, and stays the same when it is started again.
tracker=''
tracker() {
  [ -e "$work/authority" ] || make_authority
  ini "$work/tracker.ini" peer2view.role=tracker "authority.directory=$work/authority" \
    "tracker.listen=${tracker:-$(quiet_address)}" status.listen=127.0.0.1:0 "$@"
  start_node tracker || bail "the tracker does not start"
  tracker=$(logged tracker 'event=tracker udp=([0-9.:]+)')
}

# agent NAME [SECTION.KEY=VALUE]...: an agent of $tracker with the channel /live; ready and enrolled.
agent_conf() {
  local name=$1
  shift
  ini "$work/$name.ini" peer2view.role=agent "channel live.mount=/live" "channel live.origin=http://$cdn/live/" \
    gateway.listen=127.0.0.1:0 "overlay.tracker=$tracker" overlay.listen=127.0.0.1:0 \
    "identity.authority=${tracker:+$work/authority/ca.pem}" "$@"
}
agent() {
  agent_conf "$@"
  start_node "$1" || bail "agent $1 does not start: $(tail -n 3 "$work/$1.log")"
  ! grep -q '^tracker' "$work/$1.ini" || await 60 in_log "$1" event=enrolled || bail "agent $1 does not enrol"
}

# restart NAME: the agent begins again, at the address where its player knows it (which was a quiet one).
restart() {
  sed -i "/^\[gateway\]/,/^\[/ s/^listen = .*/listen = ${http_of[$1]}/" "$work/$1.ini"
  start_node "$1" || bail "$1 does not start again: $(tail -n 3 "$work/$1.log")"
}

url_of() { echo "http://${http_of[$1]}${2:-/live/master.m3u8}"; }
# stats NAME FILTER: what jq makes of the node's /stats.json
stats() { curl -s -m 10 "http://${http_of[$1]}/stats.json" | jq -r "$2"; }
# counter KEY NAME...: the sum of that counter over agents
counter() {
  local key=$1 n sum=0 v
  shift
  for n in "$@"; do
    v=$(stats "$n" ".counters.$key // 0")
    sum=$((sum + ${v:-0}))
  done
  echo $sum
}
# partners NAME N: whether it has at least that many
partners() { [ "$(stats "$1" '.partners | length')" -ge "$2" ] 2>/dev/null; }
# more_than N KEY NAME...: whether that counter, summed over agents, has passed N
more_than() { [ "$(counter "${@:2}")" -gt "$1" ]; }
