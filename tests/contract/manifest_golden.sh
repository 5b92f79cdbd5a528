#!/bin/bash
# Compares the neutral dump of each sample in tests/data with the one that was reviewed, byte for
# byte. NAME.json stands beside a sample that is understood, NAME.err (its one error) beside one
# that is not. With --write it makes these files anew in the source tree; look at what changed
# before you commit it.
set -u
dump=${P2V_BUILDDIR:-.}/tests/contract/manifest_dump
data=${P2V_SRCDIR:-.}/tests/data
shopt -s nullglob
samples=("$data"/{dash,hds,hls,smooth}/*.{m3u8,mpd,sidx,f4m,abst,ismc})

# A sample that means nothing without another manifest has a NAME.context beside it: what that told of it.
dump() {
  local folder=${1%/*}
  if [ -f "$1.context" ]; then
    "$dump" "$1" "https://cdn.example/live/${1##*/}" "${folder##*/}" "$(cat "$1.context")"
  else
    "$dump" "$1" "https://cdn.example/live/${1##*/}"
  fi
}

if [ "${1-}" = --write ]; then
  for f in "${samples[@]}"; do
    rm -f "${f%.*}.json" "${f%.*}.err"
    if text=$(dump "$f"); then kind=json; else kind=err; fi
    printf '%s\n' "$text" > "${f%.*}.$kind"
  done
  exit 0
fi

echo "1..${#samples[@]}"
n=0
for f in "${samples[@]}"; do
  n=$((n + 1))
  got=$(dump "$f")
  case $? in
  0) want=${f%.*}.json ;;
  1) want=${f%.*}.err ;;
  *) want= ;;
  esac
  if [ -n "$want" ] && [ -f "$want" ] && [ "$got" = "$(cat "$want")" ]; then
    echo "ok $n - ${f##*/}"
  else
    echo "not ok $n - ${f##*/}"
    diff <(tr ',' '\n' < "${want:-/dev/null}") <(tr ',' '\n' <<< "$got") | head -20 | sed 's/^/# /'
  fi
done
