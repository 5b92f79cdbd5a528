/* gstreamer.c - player/gstreamer: what is made with GStreamer's souphttpsrc or its adaptive
 * demuxers. Measured with 1.22: a 404 is asked for again without a pause, and then an assertion of
 * its own ends the program: so a miss is kept from it for nearly as long as it waits (souphttpsrc:
 * 15 s). It rises when 0.8 of what it sees is enough (bandwidth-target-ratio). */
#include "plugins/player/model.h"

static uint32_t gstreamer_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	return model_named(user_agent, "GStreamer") ? 100 : 0;
}

MODEL_FAMILY(gstreamer, "GStreamer: playbin, playbin3 and what is made of them", "own",
	gstreamer_match, "0.5", "0.75", "10s", "13s");
