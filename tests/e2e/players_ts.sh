#!/bin/bash
# players_ts.sh - players of others and our own on HLS with transport streams, through agents and from the CDN.
. "$P2V_SRCDIR/tests/e2e/lib.sh"
. "$P2V_SRCDIR/tests/e2e/watch.sh"
needs ffmpeg
make_source
cdn
encode_ts
tracker
every_player 10
end_well tracker
end
