#!/bin/bash
# families.sh - simulated players with the habits of each family, taken for what they are and for anybody: who is known stalls no
# more for it, where lines are thin and where the CDN fails for a while.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
sim=$P2V_BUILDDIR/p2v-sim
export LC_ALL=C

# What of a family's habits the simulated player can have: which part of what it sees it trusts, whether it gives up what comes
# slowly, how often it asks again, and how long it waits.
declare -A habits=(
  [hlsjs]="abr_rise=0.7 idle_timeout=10s"
  [browser]="abr_rise=0.7 idle_timeout=10s"
  [avplayer]="abr_rise=0.7 idle_timeout=10s error_retries=1"
  [dashjs]="abr_rise=0.9 abr_keep=0.9 idle_timeout=20s error_retries=3 retry_delay_max=1s"
  [shaka]="abr_rise=0.85 abandon=no idle_timeout=10s error_retries=1"
  [gstreamer]="abr_rise=0.8 abr_keep=0.8 abandon=no idle_timeout=15s error_retries=3 retry_delay=10ms"
  [vlc]="abandon=no error_retries=0 miss_rounds=0 idle_timeout=60s"
  [ffmpeg]="abr=fixed rendition=2 abandon=no error_retries=0 idle_timeout=60s"
)
outage=('event out.kind=cdn-outage' 'event out.lasts=5s')

# stalled FAMILY PLUGIN SECTION.KEY=VALUE...: stalls and their time [s] of three audiences
stalled() {
  local family=$1 plugin=$2 seed set=() h
  shift 2
  for h in ${habits[$family]}; do set+=("--set=player.$h"); done
  for h in run.duration=80s run.from=0s population.upload=homogeneous "plugins.player=$plugin" "$@"; do set+=("--set=$h"); done
  for seed in 1 2 3; do
    "$sim" run "$P2V_SRCDIR/conf/scenarios/small-swarm.ini" -n 10 --seed=$seed "${set[@]}" --json || return 1
  done | jq -s -r '"\(map(.stalls) | add) \(map(.stalled_s) | add) \(map(.savings) | add / 3) \(map(.mean_bitrate) | add / 3)"'
}

# no_worse NAME FAMILY SECTION.KEY=VALUE...: and its bit rate is the same but for one part in a hundred
no_worse() {
  local name=$1 family=$2 as_it_is as_anybody
  shift 2
  as_it_is=$(stalled "$family" "$family" "$@") || { not_ok "$family, $name" "the simulator failed"; return; }
  as_anybody=$(stalled "$family" generic "$@") || { not_ok "$family, $name" "the simulator failed"; return; }
  echo "# $family, $name: stalls, seconds, savings, bit/s: $as_it_is; as generic: $as_anybody"
  if awk -v a="$as_it_is" -v b="$as_anybody" 'BEGIN { split(a, x, " "); split(b, y, " ")
      exit !(x[1] <= y[1] && x[2] <= y[2] + 0.05 && x[4] >= 0.99 * y[4] && x[3] > 0) }'; then
    ok "$family, $name: known, it stalls no more"
  else
    not_ok "$family, $name: known, it stalls no more" "$as_it_is; as generic: $as_anybody"
  fi
}

command -v jq >/dev/null || skip_all "jq is not installed"
for family in avplayer browser dashjs ffmpeg gstreamer hlsjs shaka vlc; do
  no_worse "thin lines" $family population.up=3M population.down=5M
  no_worse "the CDN fails" $family population.up=3M population.down=20M "${outage[@]}" 'event out.at=40s'
  no_worse "the CDN fails later in a fragment" $family population.up=5M population.down=20M "${outage[@]}" 'event out.at=41.2s'
done
end
