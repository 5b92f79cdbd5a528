#!/bin/bash
# conformity_long.sh - the same scenario and seed is the same run, whoever compiled it and how: the hash of its events is
# that of a build without optimisation, of another compiler's, and of one with sanitizers. Three builds: it belongs to
# `make check-long`.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
jq=$(command -v jq) || skip_all "there is no jq"
command -v gcc >/dev/null && command -v clang >/dev/null || skip_all "it takes gcc and clang"
make=${MAKE:-make}
unset MAKEFLAGS MFLAGS MAKELEVEL P2V_PLUGIN_PATH
[ -x "$P2V_SRCDIR/configure" ] || skip_all "no configure in the source tree"

# built NAME CONFIGURE-ARGUMENT...
built() {
  mkdir -p "$work/$1" && cd "$work/$1" || exit 1
  if "$P2V_SRCDIR/configure" -q "${@:2}" >log 2>&1 && "$make" -s -j2 >>log 2>&1; then
    ok "$1 builds"
  else
    not_ok "$1 builds" "$(tail -n 5 log)"
  fi
  cd "$work" || exit 1
}
built gcc-O0 CC=gcc CFLAGS='-O0'
built clang-O2 CC=clang CFLAGS='-O2'
built sanitized --enable-sanitize CC=clang CFLAGS='-g -O1'

# hash BUILD ARGUMENT...
hash() { "$1/p2v-sim" run "${@:2}" --json 2>"$work/err" | "$jq" -r '"\(.log_hash) \(.events) \(.savings)"'; }

# same NAME ARGUMENT...
same() {
  local here there
  here=$(hash "$P2V_BUILDDIR" "${@:2}")
  echo "# $1: $here"
  for build in gcc-O0 clang-O2 sanitized; do
    there=$(hash "$work/$build" "${@:2}")
    if [ -n "$here" ] && [ "$here" = "$there" ]; then
      ok "$1: $build plays the same"
    else
      not_ok "$1: $build plays the same" "$here here, $there there; $(cat "$work/err")"
    fi
  done
}
for fidelity in packet flow; do
  with="--set run.fidelity=$fidelity --set run.from=0s"
  # shellcheck disable=SC2086
  {
    same "small-swarm, $fidelity" small-swarm --set run.duration=60s $with
    same "churn, $fidelity" churn --peers 12 --set run.duration=60s $with
    same "polluters, $fidelity" polluters --peers 10 --set run.duration=60s $with
    same "paper, $fidelity" paper --peers 20 --set run.duration=60s --set population.loss=0.01 $with
    same "shuffled, $fidelity" small-swarm --set run.duration=30s --shuffle-ties 7 $with
  }
done
end
