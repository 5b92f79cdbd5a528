/* avplayer.c - player/avplayer: AVFoundation, the player of Apple's systems. By what others tell of
 * it, never measured here: it gives up a media file of which nothing comes (CoreMediaErrorDomain
 * -12889) after 10 s, some say after 6 s, and then leaves that rendition. */
#include "plugins/player/model.h"

static uint32_t avplayer_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	return model_named(user_agent, "AppleCoreMedia/") ? 100 : 0;
}

MODEL_FAMILY(avplayer, "AVPlayer, by what others tell of it", "reports", avplayer_match, "0.5",
	"0.65", "3s", "5s");
