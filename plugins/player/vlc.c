/* vlc.c - player/vlc: VLC and libvlc. Measured with 3.0: playback ends at the first 404 or 503,
 * while it waited 40 s for an answer and went on: so a miss is kept from it for long. */
#include "plugins/player/model.h"

static uint32_t vlc_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	return model_named(user_agent, "LibVLC/") || model_named(user_agent, "VLC/") ? 100 : 0;
}

MODEL_FAMILY(vlc, "VLC and libvlc", "own", vlc_match, "0.5", "0.65", "30s", "60s");
