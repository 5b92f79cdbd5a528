/* ffmpeg.c - player/ffmpeg: libavformat, and so ffmpeg, ffplay, mpv. Measured with 5.1: it plays
 * the rendition that it was told to and measures nothing, so a fragment has all its duration; a 404
 * or 503 costs it that fragment, and it has no limit to its patience. */
#include "plugins/player/model.h"

static uint32_t ffmpeg_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	return model_named(user_agent, "Lavf/") || model_named(user_agent, "libmpv") ||
			       model_named(user_agent, "mpv ")
		       ? 100
		       : 0;
}

MODEL_FAMILY(
	ffmpeg, "libavformat: ffmpeg, ffplay, mpv", "own", ffmpeg_match, "1", "0", "3s", "60s");
