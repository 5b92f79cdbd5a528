/* gstreamer.c - player/gstreamer: what is made with GStreamer's souphttpsrc or its adaptive
 * demuxers. Measured with 1.22: a 404 is asked for again each 10 ms, and after some seconds an
 * assertion of its own ends the program; a fragment of which nothing comes is asked for again after
 * 10 s. So a miss is kept from it for nearly as long. It rises when 0.8 of what it sees is enough
 * (bandwidth-target-ratio). */
#include "plugins/player/model.h"

static uint32_t gstreamer_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	return model_named(user_agent, "GStreamer") ? 100 : 0;
}

MODEL_FAMILY(gstreamer, "GStreamer: playbin, playbin3 and what is made of them", "own",
	gstreamer_match, "0.5", "0.75", "8s", "9s");
