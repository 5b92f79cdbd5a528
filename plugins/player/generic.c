/* generic.c - player/generic: any player that no other plugin knows, from its requests alone. */
#include "plugins/player/model.h"

static uint32_t generic_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	(void)user_agent;
	return 1; /* any plugin that knows its player is better */
}

MODEL_FAMILY(generic, "any player, from its requests alone", "own", generic_match, "0.5", "0.65",
	"3s", "60s");
