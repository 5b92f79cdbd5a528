/* hlsjs.c - player/hlsjs: hls.js. Read in its version 1.7.4: a request that has no byte after 10 s
 * is given up (fragLoadPolicy); from half a fragment's duration on it looks whether the rest would
 * take longer than its buffer lasts, and then loads a lower rendition instead; it rises when 0.7 of
 * what it sees is enough (abrBandWidthUpFactor), the wait for the first byte left out. Its
 * User-Agent is the browser's: it is chosen by the channel. */
#include "plugins/player/model.h"

static uint32_t hlsjs_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	(void)user_agent;
	return 0; /* only a page knows */
}

MODEL_FAMILY(hlsjs, "hls.js, where a channel says so", "hls.js 1.7.4", hlsjs_match, "0.5", "0.65",
	"3s", "9s");
