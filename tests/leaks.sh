#!/bin/bash
# leaks.sh PROGRAM [ARG]... - run a test program of a sanitizer build, and fail when a case of it left memory behind.
# Criterion's cases are processes of their own, and Criterion looks at what they report, not at how they exit: so a leak
# that is found at the exit stands in the standard error only.
errors=$(mktemp) || exit 99
trap 'rm -f "$errors"' EXIT
"$@" 2>"$errors"
status=$?
cat "$errors" >&2
if grep -q 'ERROR: LeakSanitizer' "$errors"; then
  echo "Bail out! memory leaks; see the log"
  exit 1
fi
exit $status
