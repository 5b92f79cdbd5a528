# watch.sh - for the tests of the whole to source after lib.sh: players of others and our own, how many frames
# each of them has shown, and for how long its picture stood still.
# shellcheck shell=bash

declare -A kind_of=() shown=() shown_at=() began=() frozen=() result=()

# How the players that are installed are called: in $players; each name is a kind for `play`.
players=''
find_players() {
  local dir=$P2V_BUILDDIR/tests/e2e
  [ -w "$dir" ] || dir=$work
  players=ours
  command -v ffmpeg >/dev/null && players="$players ffmpeg"
  if gst-inspect-1.0 --version >/dev/null 2>&1; then
    # Its first run on a machine looks at every plugin, which takes a while.
    export GST_REGISTRY=$dir/gstreamer.registry
    if flock "$dir/gstreamer.lock" gst-inspect-1.0 playbin3 >/dev/null 2>&1 &&
      gst-inspect-1.0 hlsdemux2 >/dev/null 2>&1 && gst-inspect-1.0 avdec_h264 >/dev/null 2>&1; then
      players="$players gst"
    fi
    # The old demultiplexers, which are all there is for Smooth.
    if gst-inspect-1.0 mssdemux >/dev/null 2>&1; then players="$players gst1"; fi
  fi
  if command -v cvlc >/dev/null; then players="$players vlc"; fi
  if command -v mpv >/dev/null; then players="$players mpv"; fi
  if command -v yt-dlp >/dev/null; then players="$players ytdlp"; fi
}
# with_player KIND: whether it is installed; else a case is skipped for that reason.
with_player() {
  case " $players " in *" $1 "*) return 0 ;; esac
  skip "$1 plays" "$1 is not installed"
  return 1
}

# play KIND NAME URL [VARIABLE=VALUE]...: a player begins. Frames are really decoded, and shown to nobody.
play() {
  local kind=$1 name=$2 url=$3 as=() proxy=''
  shift 3
  case ${1:-} in http_proxy=*) proxy=${1#*=} ;; esac
  kind_of[$name]=$kind shown[$name]=0 frozen[$name]=0 began[$name]=0
  case $kind in
    ours) part "$name" env "$@" "$player" --json --progress --trace "$work/$name.trace" "$url" ;;
    ffmpeg)
      part "$name" env "$@" ffmpeg -nostdin -nostats -stats_period 0.1 -re -i "$url" \
        -map "0:v:${ffmpeg_video:-0}" -map 0:a:0? -progress "$work/$name.progress" -f null -
      ;;
    gst | gst1)
      local bin=playbin3
      [ $kind = gst ] || bin=playbin
      part "$name" env "$@" gst-launch-1.0 -v -m $bin uri="$url" \
        video-sink="fakesink sync=true silent=false name=vs" audio-sink="fakesink sync=true silent=false name=as"
      ;;
    mpv)
      part "$name" env "$@" mpv --no-config --vo=null --ao=null --no-input-terminal --msg-level=all=warn,ffmpeg=v \
        --vf='lavfi=[showinfo=checksum=0]' --af='lavfi=[ashowinfo]' "$url"
      ;;
    ytdlp)
      # It only loads; what it has is decoded when it leaves.
      part "$name" env "$@" yt-dlp --no-config --no-part --no-cache-dir -o "$work/$name.flv" "$url"
      ;;
    vlc)
      # It refuses to run as root.
      [ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
      mkdir -p "$work/$name.home"
      [ "$(id -u)" -ne 0 ] || chown 65534:65534 "$work/$name.home"
      mkfifo "$work/$name.in"
      exec {vlc_in}<>"$work/$name.in"
      printf -v "vlc_in_$name" %s "$vlc_in"
      part_in=$work/$name.in
      part "$name" "${as[@]}" setpriv --pdeathsig KILL -- env HOME="$work/$name.home" XDG_RUNTIME_DIR="$work/$name.home" "$@" \
        cvlc -I rc --rc-fake-tty -V dummy -A dummy --no-keyboard-events ${proxy:+"--http-proxy=$proxy"} "$url"
      part_in=/dev/null
      ;;
  esac
}

tell_vlc() {
  local fd=vlc_in_$1
  echo "$2" >&"${!fd}"
}

# frames NAME: how many it has shown so far
frames() {
  case ${kind_of[$1]} in
    ours) grep -ac playing "$work/$1.log" ;;
    ffmpeg) sed -n 's/^frame=//p' "$work/$1.progress" 2>/dev/null | tail -n 1 ;;
    gst*) grep -ac 'GstFakeSink:vs: last-message = chain' "$work/$1.out" ;;
    mpv) grep -acE 'Parsed_showinfo_0: n: *[0-9]+ ' "$work/$1.out" ;;
    ytdlp) stat -c %s "$work/$1.flv" 2>/dev/null ;;
    page) sed -n 's/^frames //p' "$work/$1.out" | tail -n 1 ;;
    vlc) sed -nE 's/^.*frames displayed *: *([0-9]+).*/\1/p' "$work/$1.out" | tail -n 1 ;;
  esac
}

# look NAME...: one look at each
look() {
  local name n t
  for name in "$@"; do
    [ "${kind_of[$name]}" != vlc ] || ! alive "$name" || tell_vlc "$name" stats
    n=$(frames "$name")
    n=${n:-0}
    t=$(now_ms)
    if [ "$n" -gt "${shown[$name]}" ]; then
      [ "${began[$name]}" -ne 0 ] || began[$name]=$t
      shown[$name]=$n shown_at[$name]=$t
    elif [ "${began[$name]}" -ne 0 ] && [ "${kind_of[$name]}" != ours ] && [ $((t - shown_at[$name])) -gt "${frozen[$name]}" ]; then
      frozen[$name]=$((t - shown_at[$name]))
    fi
  done
}

# all_began NAME...
all_began() {
  local n
  look "$@"
  for n in "$@"; do
    [ "${began[$n]}" -ne 0 ] || gone "$n" || return 1
  done
}

# at_best NAME...: whether our own players have come to the best quality, as each does soon after its begin
at_best() {
  local n
  for n in "$@"; do
    [ "$(grep -acE 'playing .* 16[0-9][0-9] kbit/s' "$work/$n.log")" -ge 2 ] || gone "$n" || return 1
  done
}

# watch SECONDS NAME...: until each has played for so long, or is gone.
watch() {
  local seconds=$1 until
  shift
  await 90 all_began "$@"
  until=$(($(now_ms) + seconds * 1000))
  while [ "$(now_ms)" -lt "$until" ]; do
    sleep 0.3
    look "$@"
  done
}

# decode NAME: what it has loaded is decoded, and its frames are what it has shown.
decode() {
  ffmpeg -nostdin -nostats -i "$work/$1.flv" -map 0:v:0 -map '0:a:0?' -progress "$work/$1.progress" -f null - 2>"$work/$1.decoded"
  shown[$1]=$(sed -n 's/^frame=//p' "$work/$1.progress" | tail -n 1)
}

# leave NAME...: each is told to end, as a viewer does. For our own player its result is in $work/NAME.out, and
# its frozen time and what it has shown are taken from there, 25 frames a second.
leave() {
  local n
  for n in "$@"; do
    result[$n]=played
    alive "$n" || result[$n]="ended by itself"
    case ${kind_of[$n]} in
      vlc) ! alive "$n" || tell_vlc "$n" quit ;;
      ytdlp | mpv | page) ! alive "$n" || hit "$n" TERM ;;
      *) ! alive "$n" || hit "$n" INT ;;
    esac
  done
  for n in "$@"; do
    [ -n "${pid_of[$n]:-}" ] || continue
    await 20 gone "$n" || hit "$n" KILL
    reap "$n"
    [ "${kind_of[$n]}" != ytdlp ] || decode "$n"
    [ "${kind_of[$n]}" = ours ] || continue
    shown[$n]=$(jq -r '(.played_ms // 0) / 40 | floor' "$work/$n.out" 2>/dev/null)
    frozen[$n]=$(jq -r '.stall_ms // 0 | floor' "$work/$n.out" 2>/dev/null)
    [ "$code" = 0 ] && jq -e .played "$work/$n.out" >/dev/null 2>&1 || result[$n]="did not play (status $code): $(<"$work/$n.out")"
  done
}

# played NAME SECONDS [LIKE]: it showed most of what there is to see in so long, and its picture did not stand still
# for longer than that of LIKE, which plays from the CDN directly, and what a busy machine does.
played() {
  local least=$(($2 * 25 * 8 / 10)) most=$((1500 + ${frozen[${3:-$1}]}))
  echo "${result[$1]}, ${shown[$1]} frames instead of $least, stood still for ${frozen[$1]} ms instead of $most"
  [ "${result[$1]}" = played ] && [ "${shown[$1]:-0}" -ge $least ] && [ "${frozen[$1]:-99999}" -le $most ]
}

# as_smooth NAME LIKE [MS]: its picture stood still no longer than that of LIKE, but for so much (500)
as_smooth() {
  echo "${result[$1]}, stood still for ${frozen[$1]} ms, $2 for ${frozen[$2]} ms"
  [ "${result[$1]}" = played ] && [ "${frozen[$1]}" -le $((${3:-500} + ${frozen[$2]})) ]
}

# heard NAME: how much of the sound it has decoded, in whatever it counts
heard() {
  case ${kind_of[$1]} in
    ours) echo 1 ;; # it decodes nothing
    ffmpeg) sed -nE 's/^video:.* audio:([0-9]+)kB.*/\1/p' "$work/$1.log" | tail -n 1 ;;
    gst*) grep -ac 'GstFakeSink:as: last-message = chain' "$work/$1.out" ;;
    mpv) grep -ac 'ashowinfo_0: n:' "$work/$1.out" ;;
    ytdlp) sed -nE 's/^video:.* audio:([0-9]+)kB.*/\1/p' "$work/$1.decoded" | tail -n 1 ;;
    vlc) sed -nE 's/^.*audio decoded *: *([0-9]+).*/\1/p' "$work/$1.out" | tail -n 1 ;;
  esac
}

# every_player SECONDS: the stream that is on air below /live/ is watched for so long by every kind of player: one from the
# CDN, two on agents of their own, which are each other's only peers. Then how that went.
every_player() {
  local kind all='' kinds=''
  find_players
  for kind in ours ffmpeg gst vlc; do
    case " $players " in *" $kind "*) kinds="$kinds $kind" ;; esac
  done
  for kind in $kinds; do
    agent "${kind}_1" "channel live.swarm=$kind"
    agent "${kind}_2" "channel live.swarm=$kind"
  done
  await_live 4 live/v2/index.m3u8
  # All are to watch the same rendition: those that choose go to the best, as nothing holds them up.
  ffmpeg_video=2
  for kind in $kinds; do
    play "$kind" "$kind" "http://$cdn/live/master.m3u8"
    play "$kind" "${kind}1" "$(url_of "${kind}_1")"
    play "$kind" "${kind}2" "$(url_of "${kind}_2")"
    all="$all $kind ${kind}1 ${kind}2"
  done
  # shellcheck disable=SC2086
  watch "$1" $all
  # shellcheck disable=SC2086
  leave $all
  for kind in ours ffmpeg gst vlc; do
    with_player $kind || continue
    is "$kind plays from the CDN" played $kind "$1"
    is "$kind plays through an agent" played ${kind}1 "$1" $kind
    is "$kind plays through another agent" played ${kind}2 "$1" $kind
    is "$kind: there is sound" [ "$(heard ${kind}1)" -gt 0 -a "$(heard ${kind}2)" -gt 0 ]
    is "$kind: bytes came from peers" more_than 100000 served_bytes_total_p2p ${kind}_1 ${kind}_2
    is "$kind: no byte that came from peers was wrong" [ "$(counter integrity_failures_total ${kind}_1 ${kind}_2)" = 0 ]
    is "$kind: nothing was kept from a player" [ "$(counter fragments_total_failed ${kind}_1 ${kind}_2)" = 0 ]
    end_well ${kind}_1 ${kind}_2
  done
}

# ---- the ways in which a player finds its agent ----

# Players of one kind watch what is on air, one of them from the CDN, and by each of $ways:
#   mount  two, through mounts of two agents, which are each other's only peers
#   open   two, through the open form of one agent and with another one as HTTP proxy; those are each other's peers
# ready_ways TAG [SECTION.KEY=VALUE]...: the agents; begin_ways KIND TAG MANIFEST: the players, whose names are added to $watched.
ways='mount open' watched=''
ready_ways() {
  local tag=$1 name
  shift
  # The CDN by a name that is this machine on every machine.
  local open=("channel live.mount=" "channel live.origin=" "gateway.open_hosts=cdn.localhost:${cdn##*:}")
  case $ways in *mount*) for name in a b; do agent "${tag}_$name" "channel live.swarm=$tag" "$@"; done ;; esac
  case $ways in *open*) for name in c d; do agent "${tag}_$name" "${open[@]}" "$@"; done ;; esac
}
begin_ways() {
  local kind=$1 tag=$2 manifest=$3 host=cdn.localhost:${cdn##*:}
  play "$kind" "${tag}_cdn" "http://$cdn/live/$manifest"
  watched="$watched ${tag}_cdn"
  case $ways in
    *mount*)
      play "$kind" "${tag}_one" "$(url_of "${tag}_a" "/live/$manifest")"
      play "$kind" "${tag}_two" "$(url_of "${tag}_b" "/live/$manifest")"
      watched="$watched ${tag}_one ${tag}_two"
      ;;
  esac
  case $ways in
    *open*)
      play "$kind" "${tag}_opened" "http://${http_of[${tag}_c]}/x/http/$host/live/$manifest"
      play "$kind" "${tag}_proxied" "http://$host/live/$manifest" "http_proxy=http://${http_of[${tag}_d]}/"
      watched="$watched ${tag}_opened ${tag}_proxied"
      ;;
  esac
}

# known AGENT KIND: whether the agent takes its player for what it is
known() {
  local -A family=([ours]=generic [ffmpeg]=ffmpeg [mpv]=ffmpeg [gst]=gstreamer [gst1]=gstreamer [vlc]=vlc [ytdlp]=browser)
  in_log "$1" "event=player .*family=${family[$2]}\$"
}
# pair_played WHAT TAG SECONDS AGENT AGENT PLAYER...: how that went for the players of two agents
pair_played() {
  local what=$1 tag=$2 seconds=$3 a=${2}_$4 b=${2}_$5 n seen=played
  shift 5
  case ${kind_of[${tag}_cdn]} in
    ytdlp) seen=loaded ;;
    gst1) [ "${what%% *}" != smooth ] || seen=unsteady ;;
  esac
  for n in "$@"; do
    is "$what plays: $n" $seen "${tag}_$n" "$seconds" "${tag}_cdn"
    is "$what: there is sound: $n" [ "$(heard "${tag}_$n")" -gt 0 ]
  done
  is "$what: the player is known" known "$a" "${kind_of[${tag}_cdn]}"
  is "$what: bytes came from peers" more_than 0 served_bytes_total_p2p "$a" "$b"
  is "$what: no byte that came from peers was wrong" [ "$(counter integrity_failures_total "$a" "$b")" = 0 ]
  is "$what: nothing was kept from a player" [ "$(counter fragments_total_failed "$a" "$b")" = 0 ]
  end_well "$a" "$b"
}
# end_ways WHAT TAG SECONDS: the same for all that begin_ways began
end_ways() {
  case $ways in *mount*) pair_played "$1" "$2" "$3" a b one two ;; esac
  case $ways in *open*) pair_played "$1, opened and as proxy" "$2" "$3" c d opened proxied ;; esac
}

# loaded NAME SECONDS LIKE: of a player that only loads: it has nearly as much as LIKE, which began a little before
loaded() {
  echo "${result[$1]}, ${shown[$1]} frames, $3 has ${shown[$3]}"
  [ "${result[$1]}" = played ] && [ "${shown[$1]:-0}" -ge 100 ] && [ $((10 * ${shown[$1]})) -ge $((7 * ${shown[$3]})) ]
}

# unsteady NAME SECONDS: of GStreamer's demultiplexer for Smooth, which from the CDN alone, too, stands still for 5 s at times, or fails
# in an assertion of its own: it showed a good part of what there was, and if it ended, then by that.
unsteady() {
  local least=$(($2 * 25 * 4 / 10))
  echo "${result[$1]}, ${shown[$1]} frames instead of $least"
  [ "${result[$1]}" = played ] || grep -qa 'gstmssfragmentparser.*assertion failed' "$work/$1.log" || return 1
  [ "${shown[$1]:-0}" -ge $least ]
}
