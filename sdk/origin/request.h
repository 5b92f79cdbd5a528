/* request.h - what a request asks a live stream for. */
#ifndef P2V_SDK_ORIGIN_REQUEST_H
#define P2V_SDK_ORIGIN_REQUEST_H

#include "framework/base/http.h"
#include "sdk/origin/server.h"

enum p2v_cmaf_what {
	P2V_CMAF_NOTHING = 0,
	P2V_CMAF_MASTER,
	P2V_CMAF_PLAYLIST,
	P2V_CMAF_MPD,
	P2V_CMAF_TIME,
	P2V_CMAF_INIT,
	P2V_CMAF_SEGMENT,
	P2V_CMAF_PART,
	P2V_CMAF_OPTIONS,
	P2V_CMAF_BAD_METHOD,
	P2V_CMAF_BAD_QUERY
};

struct p2v_cmaf_request {
	enum p2v_cmaf_what what;
	size_t rendition;
	uint64_t n; /* of a segment or part; of a playlist with `blocking` _HLS_msn */
	uint64_t i; /* of a part; of a playlist with `part` _HLS_part */
	bool head, sound;
	bool blocking, part, skip; /* delivery directives */
	struct p2v_range range;
	char host[128]; /* "" where it cannot be repeated */
};

/** @param out  [out] what it asks for; `what` tells also what is wrong with it */
void p2v_cmaf_request_read(const struct p2v_cmaf_stream *s, const struct p2v_http_request *in,
	struct p2v_cmaf_request *out);

enum p2v_cmaf_reload { P2V_CMAF_THERE, P2V_CMAF_NOT_YET, P2V_CMAF_TOO_FAR };

/** Whether a playlist has what a blocking request waits for (8216bis 6.2.5.2).
 * @param r  [in] of a stream that is ready and has not ended, with a segment */
enum p2v_cmaf_reload p2v_cmaf_reload(
	const struct p2v_cmaf_rendition *r, const struct p2v_cmaf_request *rq);

#endif
