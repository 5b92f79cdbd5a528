#!/bin/bash
# sim_long.sh - every scenario of conf/scenarios, with forty viewers and beside the same event from the CDN alone: whatever happens
# in it, nobody is given what was not encoded, and savings stay within their bound. The line of figures of each says the rest. Minutes.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
command -v jq >/dev/null || skip_all "no jq"
unset P2V_PLUGIN_PATH
for file in "$P2V_SRCDIR"/conf/scenarios/*.ini; do
  name=$(basename "$file" .ini)
  run "$P2V_BUILDDIR/p2v-sim" run "$file" --peers 40 --set run.duration=200s --baseline cdn --json
  printf '# %s %s\n' "$name" "$(jq -c '[.savings,.achieved,.longer_share,.lower_share,.stalls,.wasted_share,.speed_x]' <"$work/out")"
  if [ "$code" = 0 ] && [ "$(jq '.polluted == 0 and .played > 20 and .savings > 0.02 and .savings <= .bound + 0.02
    and .wasted_share < 0.2' <"$work/out")" = true ]; then
    ok "$name"
  else
    not_ok "$name" "$out$err"
  fi
done
end
