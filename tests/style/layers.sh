#!/bin/bash
# layers.sh - each floor includes only what lies below it (CONTRIBUTING.md, "Floors"). A table of who may
# include whom; a line of output for each include that breaks it.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99

# ---- words ----
iso_pure='assert ctype errno float inttypes iso646 limits math stdalign stdarg stdbool stddef stdint stdio stdlib stdnoreturn string'
iso_all="$iso_pure complex fenv locale setjmp signal stdatomic tgmath threads time uchar wchar wctype"
# Third-party headers, by library.
library() {
  case $1 in
    ev.h) echo libev ;;
    curl/*) echo libcurl ;;
    microhttpd.h) echo libmicrohttpd ;;
    openssl/*) echo openssl ;;
    ini.h) echo inih ;;
    ltdl.h | libltdl/*) echo libltdl ;;
    jansson.h) echo jansson ;;
    uthash.h | utlist.h | utarray.h) echo uthash ;;
    expat.h) echo expat ;;
    hiredis/*) echo hiredis ;;
    criterion/*) echo criterion ;;
  esac
}
# Height of a room. Rooms of one height do not know each other.
floor() {
  case $1 in
    base) echo 0 ;;
    dtl) echo 1 ;;
    reach) echo 2 ;;
    overlay) echo 3 ;;
    stream) echo 4 ;;
    delivery) echo 5 ;;
    gateway | tracker) echo 6 ;;
    world) echo 7 ;;
    host) echo 8 ;;
    *) echo 99 ;;
  esac
}
# Exceptions, file:header. Each is pure all the same: it turns bytes into other bytes.
exception() {
  case $1:$2 in
    framework/base/addr.c:arpa/inet.h | framework/base/addr.c:netinet/in.h | framework/base/addr.c:sys/socket.h) return 0 ;;
    framework/base/hash.h:uthash.h) return 0 ;;
    framework/stream/channel.c:regex.h) return 0 ;;
    framework/dtl/session*.c:openssl/* | framework/dtl/session*.h:openssl/*) return 0 ;;
    framework/overlay/identity*.c:openssl/* | framework/overlay/identity*.h:openssl/*) return 0 ;;
    plugins/manifest/*:expat.h) return 0 ;;
  esac
  return 1
}
is_iso() { # HEADER LIST
  case " $2 " in
    *" ${1%.h} "*) [[ $1 == *.h ]] ;;
    *) return 1 ;;
  esac
}

# ---- the table ----
# allowed FILE HEADER QUOTED: may FILE include HEADER?
allowed() {
  local file=$1 header=$2 quoted=$3 room other
  exception "$file" "$header" && return 0
  case $file in
    include/*)
      [[ $header == peer2view/* ]] || is_iso "$header" "$iso_pure"
      ;;
    plugins/registry/* | plugins/monitor/* | plugins/nat/portmap*) # adapters
      [[ $header != framework/* && $header != sdk/* ]]
      ;;
    plugins/* | sdk/template/*)
      if [ "$quoted" = 1 ]; then # a plugin that is a folder has headers of its own, and those of manifests share a room
        [[ $header == "$(dirname "$file")"/* || $header != */* || $file:$header == plugins/manifest/*:plugins/manifest/shared/* ]]
      else
        [[ $header == peer2view/* ]] || is_iso "$header" "$iso_pure"
      fi
      ;;
    framework/*)
      room=${file#framework/}
      room=${room%%/*}
      case $header in
        peer2view/*) return 0 ;;
        framework/*inside.h | framework/*/private*) [[ $header == framework/$room/* ]] ;;
        framework/*)
          other=${header#framework/}
          other=${other%%/*}
          [ "$other" = "$room" ] || [ "$(floor "$other")" -lt "$(floor "$room")" ]
          ;;
        sdk/* | plugins/* | tests/*) return 1 ;;
        config.h) return 0 ;;
        *)
          case $room in
            world | host) return 0 ;;
            *) is_iso "$header" "$iso_pure" ;;
          esac
          ;;
      esac
      ;;
    sdk/nat/*) # arithmetic that the simulator and the lab share
      [[ $header == peer2view/* || $header == framework/base/* || $header == sdk/nat/* ]] || is_iso "$header" "$iso_pure"
      ;;
    sdk/sim/*)
      case $header in
        framework/world/* | framework/host/main*) return 1 ;;
      esac
      case $(library "$header") in
        libev | libcurl | libmicrohttpd) return 1 ;;
      esac
      return 0
      ;;
    *) return 0 ;;
  esac
}

# includes FILE: "HEADER QUOTED LINE", one a line
includes() {
  sed -n -e 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*<\([^>]*\)>.*/\1 0/p' \
    -e 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1 1/p' "$1"
}

# judge ROOT FOLDER: prints what breaks the table
judge() {
  local file header quoted library libraries
  (cd "$1" && find "$2" -name '*.[ch]' -o -name '*.def') | LC_ALL=C sort | while read -r file; do
    libraries=''
    while read -r header quoted; do
      allowed "$file" "$header" "$quoted" || echo "$file may not include $header"
      case $file in
        framework/world/*.c | framework/host/*.c | plugins/registry/*.c | plugins/monitor/*.c)
          library=$(library "$header")
          case " $libraries " in
            *" $library "*) ;;
            *) libraries="$libraries $library" ;;
          esac
          ;;
      esac
    done < <(includes "$1/$file")
    [ "$(wc -w <<<"$libraries")" -le 1 ] || echo "$file uses more than one library:$libraries"
  done
}

cd "$P2V_SRCDIR" || exit 1
for d in include framework/* plugins/* sdk/*; do
  [ -d "$d" ] || continue
  [ -n "$(find "$d" -name '*.[ch]')" ] || continue
  broken=$(judge . "$d")
  if [ -z "$broken" ]; then ok "$d"; else not_ok "$d" "$broken"; fi
done

# ---- does this test see what it should? ----
# sees NAME FILE INCLUDE: a tree with this one include breaks the table
sees() {
  rm -rf "$work/tree"
  mkdir -p "$work/tree/$(dirname "$2")"
  printf '%b\n' "$3" >"$work/tree/$2"
  if [ -n "$(judge "$work/tree" "${2%%/*}")" ]; then ok "$1"; else not_ok "$1"; fi
}
# passes NAME FILE INCLUDE
passes() {
  local broken
  rm -rf "$work/tree"
  mkdir -p "$work/tree/$(dirname "$2")"
  printf '%b\n' "$3" >"$work/tree/$2"
  broken=$(judge "$work/tree" "${2%%/*}")
  if [ -z "$broken" ]; then ok "$1"; else not_ok "$1" "$broken"; fi
}
sees "a public header with a third-party one" include/peer2view/x.h '#include <openssl/ssl.h>'
sees "a policy that includes the framework" plugins/cc/x.c '#include "framework/base/text.h"'
sees "a policy with a clock" plugins/select/x.c '#include <time.h>'
sees "a policy with sockets" plugins/cache/x.c '# include  <sys/socket.h>'
sees "an adapter that includes the framework" plugins/registry/x.c '#include "framework/base/text.h"'
sees "a lower floor that includes a higher one" framework/dtl/x.c '#include "framework/delivery/x.h"'
sees "a room that includes its neighbour" framework/gateway/x.c '#include "framework/tracker/x.h"'
sees "the world's insides in the host" framework/host/x.c '#include "framework/world/inside.h"'
sees "a core room with sockets" framework/delivery/x.c '#include <sys/socket.h>'
sees "a core room with signals" framework/overlay/x.c '#include <signal.h>'
sees "OpenSSL where it does not belong" framework/gateway/x.c '#include <openssl/evp.h>'
sees "two libraries in one file" framework/world/x.c '#include <ev.h>\n#include <curl/curl.h>'
sees "libcurl in the simulator" sdk/sim/x.c '#include <curl/curl.h>'
sees "a NAT box with sockets" sdk/nat/x.c '#include <sys/socket.h>'
sees "a NAT box that knows the simulator" sdk/nat/x.c '#include "sdk/sim/world.h"'
sees "the real world in the simulator" sdk/sim/x.c '#include "framework/world/loop.h"'
passes "OpenSSL in a session" framework/dtl/session.c '#include <openssl/ssl.h>'
passes "a higher floor that includes a lower one" framework/delivery/x.c '#include "framework/dtl/dtl.h"\n#include <string.h>'
passes "expat in a manifest plugin" plugins/manifest/x.c '#include <expat.h>\n#include <peer2view/manifest.h>'
end
