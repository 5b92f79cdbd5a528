/* ffmpeg.c - player/ffmpeg: libavformat, and so ffmpeg, ffplay, mpv. Measured with 5.1: it plays
 * the rendition that it was told to and measures nothing, so nothing has to be fast for it to rise;
 * a 404 or 503 costs it that fragment, and there is no end to its patience. A fragment could have
 * all its duration, but what comes later is missing in its buffer when the CDN fails:
 * sdk/doc/players.md has the figures. */
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
	ffmpeg, "libavformat: ffmpeg, ffplay, mpv", "own", ffmpeg_match, "0.5", "0", "3s", "60s");
