/* shaka.c - player/shaka: Shaka Player. Read in its version 5.2.12: a request without a byte for 10
 * s, or in the middle for 5 s, is given up (retryParameters), and after the second attempt the
 * fragment is an error, after which it stands still for long: so a miss is kept from it for longer.
 * It rises when 0.85 of what it sees is enough (bandwidthUpgradeTarget), and falls at 0.95. Its
 * User-Agent is the browser's: it is chosen by the channel. */
#include "plugins/player/model.h"

static uint32_t shaka_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	(void)user_agent;
	return 0; /* only a page knows */
}

MODEL_FAMILY(shaka, "Shaka Player, where a channel says so", "Shaka Player 5.2.12", shaka_match,
	"0.5", "0.8", "6s", "9s");
