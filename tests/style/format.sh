#!/bin/bash
# format.sh - the formatter has nothing to change, and no file is left to be finished.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
cd "$P2V_SRCDIR" || exit 1

for d in include framework plugins sdk tests; do
  files=$(find "$d" -name '*.[ch]' | LC_ALL=C sort)
  [ -n "$files" ] || continue
  if [ -z "${CLANG_FORMAT:-}" ]; then
    skip "$d is formatted" "clang-format is missing"
  else
    # shellcheck disable=SC2086
    wrong=$("$CLANG_FORMAT" --dry-run -Werror $files 2>&1)
    if [ -z "$wrong" ]; then ok "$d is formatted"; else not_ok "$d is formatted" "$(printf '%s\n' "$wrong" | grep error: | head -20)"; fi
  fi
  # shellcheck disable=SC2086
  wrong=$(grep -nwE 'TO''DO|FIX''ME|XX''X' $files)
  if [ -z "$wrong" ]; then ok "$d is finished"; else not_ok "$d is finished" "$wrong"; fi
  # shellcheck disable=SC2086
  wrong=$(awk 'FNR == 1 && !/^\/\*/ { print FILENAME ": does not begin with a comment that says what lives here" }' $files)
  if [ -z "$wrong" ]; then ok "$d: each file says what lives in it"; else not_ok "$d: each file says what lives in it" "$wrong"; fi
done
end
