#!/bin/bash
# words.sh - the host and the transport know no streaming protocol: its name is in neither code nor comment.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
cd "$P2V_SRCDIR" || exit 1
words='hls|hds|smooth|dash|mss'

for d in framework/host framework/dtl; do
  found=$(grep -rniwE --include='*.[ch]' --include='*.def' "$words" "$d")
  if [ -z "$found" ]; then ok "$d"; else not_ok "$d" "$found"; fi
done
mkdir "$work/x"
echo '/* as HLS has it */' >"$work/x/x.c"
if grep -rqniwE --include='*.[ch]' "$words" "$work/x"; then ok "this test sees a word"; else not_ok "this test sees a word"; fi
echo 'int p2v_dashboard; /* smoothed */' >"$work/x/x.c"
if grep -rqniwE --include='*.[ch]' "$words" "$work/x"; then not_ok "whole words alone"; else ok "whole words alone"; fi
end
