/* browser.c - player/browser: whatever plays in a web page. hls.js, dash.js, Shaka and the
 * browser's own player bear the browser's name, so nothing says which of them it is; a channel can
 * (`player = dashjs`). Each habit is that of the most demanding of them: hls.js leaves a fragment
 * that is not there in half its duration when its buffer is short, rises on 0.7 of what it sees,
 * and waits 10 s for the first byte, as Shaka does. */
#include "plugins/player/model.h"

static uint32_t browser_match(const void *conf, struct p2v_str user_agent)
{
	(void)conf;
	return model_named(user_agent, "Mozilla/5.0") ? 50 : 0;
}

MODEL_FAMILY(browser, "any player in a web page", "own", browser_match, "0.5", "0.65", "3s", "9s");
