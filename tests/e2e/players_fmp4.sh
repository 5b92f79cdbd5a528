#!/bin/bash
# players_fmp4.sh - the same with fragmented MP4, where picture and sound come apart and there are two languages.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg
make_source
cdn
encode_fmp4
tracker
every_player 10
end_well tracker
end
