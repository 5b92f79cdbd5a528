/* dashjs.c - player/dashjs: dash.js, DASH and Smooth. Read in its version 5.2.1: a request is given
 * up after 20 s (fragmentRequestTimeout), or when it would take 1.8 times the fragment's duration
 * (AbandonRequestsRule); it rises when 0.9 of what it sees is enough (bandwidthSafetyFactor), and
 * does not count what came within 10 ms. It asks for a missing fragment three more times, one
 * second apart, and then for the next one, and stands still for long: so a miss is kept from it for
 * longer. Its User-Agent is the browser's: it is chosen by the channel. */
#include "plugins/player/model.h"

static uint32_t dashjs_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	(void)user_agent;
	return 0; /* only a page knows */
}

MODEL_FAMILY(dashjs, "dash.js, where a channel says so", "dash.js 5.2.1", dashjs_match, "0.5",
	"0.85", "6s", "18s");
