# tap.sh - for shell tests to source: a case a line, as TAP has it, and a folder that goes away at the end.
# shellcheck shell=bash
set -u
tap_n=0
work=$(mktemp -d "${TMPDIR:-/tmp}/p2v_test_XXXXXX")
trap 'rm -rf "$work"' EXIT

# ok NAME: a case that passed.
ok() {
  tap_n=$((tap_n + 1))
  echo "ok $tap_n - $1"
}

# not_ok NAME [TEXT]: a case that failed, and why.
not_ok() {
  tap_n=$((tap_n + 1))
  echo "not ok $tap_n - $1"
  [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

# skip NAME WHY
skip() {
  tap_n=$((tap_n + 1))
  echo "ok $tap_n - $1 # SKIP $2"
}

# skip_all WHY: nothing of this file can run here.
skip_all() {
  echo "1..0 # SKIP $1"
  exit 0
}

# end: how many there were.
end() {
  echo "1..$tap_n"
}

# run COMMAND...: its output goes to $out and $err, its status to $code.
run() {
  "$@" >"$work/out" 2>"$work/err" </dev/null
  code=$?
  out=$(<"$work/out")
  err=$(<"$work/err")
}

# expect NAME CODE PATTERN-OF-OUT PATTERN-OF-ERR: judges the last run; patterns are those of [[ == ]].
expect() {
  # shellcheck disable=SC2053
  if [ "$code" = "$2" ] && [[ $out == $3 ]] && [[ $err == $4 ]]; then
    ok "$1"
  else
    not_ok "$1" "status $code instead of $2
stdout: $out
stderr: $err
wanted: $3 and $4"
  fi
}
