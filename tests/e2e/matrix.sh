#!/bin/bash
# matrix.sh - each protocol by each player that is installed and can play it, in each way in which it finds an agent: it
# plays, as well as from the CDN, and a part of it came from another one. P2V_MATRIX: only those cells, like "dash:vlc".
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg
make_source
cdn
encode_ts ts
encode_fmp4 fmp4 live/fmp4
encode_dash dash
encode_dash_number number
encode_smooth smooth
encode_hds hds
tracker
find_players

# cell PROTOCOL ENCODER MANIFEST LISTED FRAGMENTS SECONDS KIND...: LISTED is what names the fragments of which there have to be so many
cell() {
  local protocol=$1 encoder=$2 manifest=$3 listed=$4 least=$5 seconds=$6 kind
  shift 6
  for kind in "$@"; do
    case " ${P2V_MATRIX:-$protocol:$kind} " in *" $protocol:$kind "*) ;; *) continue ;; esac
    with_player "$kind" || continue
    await_live "$least" "live/$listed" "$encoder"
    watched=''
    # By number a player begins with the newest fragment, and never has more than that to play. So peers can bring
    # something only if it does not begin right after that came, and an agent leaves the CDN less than its usual second.
    if [ "$protocol" = number ]; then
      ready_ways "${protocol}_$kind" delivery.margin=300ms
      await_fresh "live/$listed" && sleep 1.2
    else
      ready_ways "${protocol}_$kind"
      # Where players begin depends on the manifest that they see, and how ffmpeg goes on depends on where it began: all
      # see the same one.
      await_fresh "live/$listed" && sleep 0.4
    fi
    begin_ways "$kind" "${protocol}_$kind" "$manifest"
    # shellcheck disable=SC2086
    watch "$seconds" $watched
    # shellcheck disable=SC2086
    leave $watched
    end_ways "$protocol by $kind" "${protocol}_$kind" "$seconds"
  done
}

# Those that do not choose play the best.
ffmpeg_video=2
cell ts ts master.m3u8 v2/index.m3u8 4 10 ffmpeg mpv vlc gst gst1
cell fmp4 fmp4 fmp4/master.m3u8 fmp4/v2/index.m3u8 4 10 ffmpeg mpv vlc gst
# Of what a manifest lists VLC has less than a fragment left when it asks for the next one, and stands still for some of
# that, from the CDN too.
cell dash dash live.mpd live.mpd 6 10 ffmpeg vlc mpv
cell number number num.mpd num.mpd 6 10 ffmpeg vlc
# Where the list begins with the first fragment ever, the old demultiplexer asks for that again after some seconds, and
# fails in an assertion of its own: from the CDN too.
cell smooth smooth live.ism/Manifest live.ism/Manifest 12 12 gst1
# It looks for new fragments each five seconds.
cell hds hds hds/index.f4m hds/index.f4m 6 14 ytdlp

end_well tracker
end
