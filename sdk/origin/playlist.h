/* playlist.h - what a stream looks like as HLS (draft-pantos-hls-rfc8216bis) and as DASH
 * (ISO/IEC 23009-1, low latency as the DASH-IF's guidelines have it). */
#ifndef P2V_SDK_ORIGIN_PLAYLIST_H
#define P2V_SDK_ORIGIN_PLAYLIST_H

#include "sdk/origin/stream.h"

/** Parts are listed up to three target durations behind the edge, and delta updates reach back six.
 */
enum { P2V_CMAF_PARTS_LISTED = 3, P2V_CMAF_SKIP_UNTIL = 6 };

/** The master playlist. @param s  [in] ready */
void p2v_cmaf_master(const struct p2v_cmaf_stream *s, struct p2v_text *out);

/** A media playlist.
 * @param r     [in] of a stream that is ready, with a segment
 * @param skip  a delta update, if there is anything to skip */
void p2v_cmaf_playlist(const struct p2v_cmaf_rendition *r, bool skip, struct p2v_text *out);

/** The MPD.
 * @param s     [in] ready
 * @param host  [in] "HOST:PORT" under which this server was asked, for the clock; absent: none
 * @param wall  [us since 1970-01-01 UTC] now */
void p2v_cmaf_mpd(
	const struct p2v_cmaf_stream *s, struct p2v_str host, int64_t wall, struct p2v_text *out);

#endif
