# low.sh - for tests of low latency to source, behind lib.sh: a live encoder's parts, and the origin that serves them.
# shellcheck shell=bash
origin=$P2V_BUILDDIR/p2v-origin
low='' # host:port of the origin

# low_to PIPE: options of an output that writes a part each 200 ms to a pipe
low_to() {
  printf '%s\n' -f mp4 -movflags empty_moov+default_base_moof+frag_keyframe -frag_duration 200000 \
    -flush_packets 1 "$1"
}

# low_origin NAME [OPTION]...: an origin with two qualities of the picture and one sound, which waits for its encoder;
# where it listens is in ${http_of[NAME]}
low_origin() {
  local name=$1
  shift
  part "$name" "$origin" "$@" "v0=$work/$name.v0" "v1=$work/$name.v1" "a0=$work/$name.a0"
  await 60 eval "[ -s '$work/$name.out' ] || gone $name"
  http_of[$name]=$(sed -nE '1s|http://([^/]+)/.*|\1|p' "$work/$name.out")
  [ -n "${http_of[$name]}" ] || bail "the origin does not start: $(tail -n 3 "$work/$name.log")"
}

# low_encoder NAME ORIGIN...: one live encoder for all of these origins
low_encoder() {
  local name=$1 o args=()
  shift
  for o; do
    mapfile -t -O ${#args[@]} args < <(
      printf '%s\n' -map 0:1 -c copy; low_to "$work/$o.v0"
      printf '%s\n' -map 0:2 -c copy; low_to "$work/$o.v1"
      printf '%s\n' -map 0:3 -c copy; low_to "$work/$o.a0")
  done
  part "$name" ffmpeg -y -nostdin -loglevel warning -re -stream_loop -1 -i "$source" "${args[@]}"
}

# low_on_air NAME: until that origin has a stream
low_on_air() {
  await 60 curl -sf -m 10 -o "$work/low" "http://${http_of[$1]}/live/master.m3u8" ||
    bail "there is no stream at $1: $(tail -n 3 "$work/$1.log")"
}
