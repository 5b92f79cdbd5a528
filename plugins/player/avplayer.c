/* avplayer.c - player/avplayer: AVFoundation, the player of Apple's systems. By documentation
 * alone, never measured here: it gives up a media file of which nothing came for 10 s
 * (CoreMediaErrorDomain -12889), and then leaves that rendition for another one. */
#include "plugins/player/model.h"

static uint32_t avplayer_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	return model_named(user_agent, "AppleCoreMedia/") ? 100 : 0;
}

MODEL_FAMILY(avplayer, "AVPlayer, by its documentation", "documentation", avplayer_match, "0.5",
	"0.65", "3s", "8s");
