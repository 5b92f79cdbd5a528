#!/bin/bash
# symbols.sh - what policies and the core are made of, as the linker sees it. A policy exports its descriptor
# alone, has nothing that can be written to, and calls only pure functions of the C library. The core calls
# nothing that meets the outside: no clock, socket, file, thread, stream.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
nm=${NM:-nm}
nm=${nm%% *}
cd "$P2V_BUILDDIR" || exit 1

pure='memchr memcmp memcpy memmove memset bcmp strchr strcmp strcspn strlen strncmp strnlen strpbrk strrchr strspn strstr snprintf vsnprintf'
chk='__memcpy_chk __memmove_chk __memset_chk __snprintf_chk __vsnprintf_chk __stack_chk_fail'
kept='__cxa_finalize __gmon_start__ _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable'

# judge MODULE: prints what is wrong with it
judge() {
  local so=$1 name symbol version
  name=$(basename "$so" .so)
  "$nm" -D --defined-only "$so" | awk '{ print $NF }' | while read -r symbol; do
    [ "$symbol" = "${name}_LTX_p2v_plugin" ] || echo "$name exports $symbol"
  done
  "$nm" -D --defined-only "$so" | grep -q " ${name}_LTX_p2v_plugin\$" || echo "$name does not export its descriptor"
  "$nm" -D --undefined-only "$so" | awk '{ print $NF }' | while IFS=@ read -r symbol version; do
    case " $pure $chk $kept " in
      *" $symbol "*) continue ;;
    esac
    case $name:$symbol in
      p2v_manifest_*:XML_*) continue ;;
      # What is read by expat is a tree before it is told, and is gone when the parse ends.
      p2v_manifest_*:malloc | p2v_manifest_*:calloc | p2v_manifest_*:realloc | p2v_manifest_*:free | p2v_manifest_*:qsort) continue ;;
    esac
    echo "$name calls $symbol, which is not on the list of pure functions"
  done
  # Tables of constants that hold addresses lie in .data.rel.ro, which is read-only once loaded.
  "$nm" -f sysv "$so" | awk -F'|' -v name="$name" '
    { gsub(/ /, "", $1); gsub(/ /, "", $4); gsub(/ /, "", $7) }
    ($7 ~ /^\.(data|bss|tdata|tbss)(\.|$)/ && $7 !~ /^\.data\.rel\.ro/) &&
    ($4 == "OBJECT" || $4 == "TLS") && $1 !~ /^(completed\.[0-9]+|__dso_handle|__TMC_END__)$/ {
      print name " has " $1 " in " $7 ", which can be written to" }'
}

modules=$(find modules/.libs tests/abi/plugins/.libs -maxdepth 1 -name 'p2v_*.so' 2>/dev/null |
  grep -E '/p2v_(cc|select|cache|player|manifest|nat)_' | grep -v '/p2v_nat_portmap' | LC_ALL=C sort)
sanitized=no
for so in $modules; do
  if "$nm" -D --undefined-only "$so" | grep -qE '__(asan|ubsan|sanitizer)_'; then sanitized=yes; fi
done
if [ "$sanitized" = yes ]; then
  skip "policies" "a build with sanitizers has their symbols too"
elif [ -z "$modules" ]; then
  skip "policies" "a build without shared objects"
else
  for so in $modules; do
    wrong=$(judge "$so")
    if [ -z "$wrong" ]; then ok "$so"; else not_ok "$so" "$wrong"; fi
  done
fi

# ---- the core ----
outside='accept bind clock_gettime close connect exit fclose fopen fputs fprintf fread fwrite getenv getrandom
gettimeofday listen nanosleep open printf pthread_create pthread_mutex_lock putchar puts qsort rand random read
recv recvfrom recvmmsg recvmsg secure_getenv send sendmmsg sendmsg sendto setenv sleep socket srand stderr stdin
stdout strtod time usleep vfprintf vprintf write'
core=.libs/libp2v_core.a
[ -e "$core" ] || core=libp2v_core.a
if [ -e "$core" ]; then
  wrong=$("$nm" -u "$core" 2>/dev/null | awk '/:$/ { file = $1 } NF == 2 { print file, $2 }' |
    while read -r file symbol; do
      case " ${outside//$'\n'/ } " in
        *" $symbol "*) echo "$file calls $symbol" ;;
      esac
    done)
  if [ -z "$wrong" ]; then ok "the core"; else not_ok "the core" "$wrong"; fi
else
  not_ok "the core" "there is no libp2v_core.a"
fi

# ---- does this test see what it should? ----
# sees NAME PATTERN CODE: a module of this code is found wrong
sees() {
  printf '%s\n' "$3" >"$work/x.c"
  if ! $CC -w -shared -fPIC -o "$work/p2v_cc_x.so" "$work/x.c" 2>"$work/err"; then
    skip "$1" "the compiler makes no shared object"
    return
  fi
  # shellcheck disable=SC2053
  if [[ $(judge "$work/p2v_cc_x.so") == $2 ]]; then ok "$1"; else not_ok "$1" "$(judge "$work/p2v_cc_x.so")"; fi
}
sees "a right one" "" 'extern const int *const p2v_cc_x_LTX_p2v_plugin; static const int v = 1;
  const int *const p2v_cc_x_LTX_p2v_plugin = &v;'
sees "a second export" "*exports helper*" 'const int p2v_cc_x_LTX_p2v_plugin = 1; int helper(void) { return 1; }'
sees "no descriptor" "*does not export its descriptor*" 'static int v;'
sees "a clock" "*calls time,*" '#include <time.h>
  const int p2v_cc_x_LTX_p2v_plugin = 1; static long t(void) { return (long)time(0); } long (*const f)(void) = t;'
sees "a counter" "*has n in .bss*" 'const int p2v_cc_x_LTX_p2v_plugin = 1; static int n; static int c(void) { return ++n; }
  int (*const f)(void) = c;'
sees "a variable" "*has n in .data*" 'const int p2v_cc_x_LTX_p2v_plugin = 1; static int n = 5; static int c(void) { return ++n; }
  int (*const f)(void) = c;'
end
