/* window.c - cache/window: fetch what lies between the player and the live edge, keep what other
 * viewers may still want. Source: Peer2View, section II, Proactive caching; the window is our own.
 */
#include <peer2view/cache.h>
#include <peer2view/plugin.h>

struct conf {
	p2v_usec ahead;
	p2v_usec behind;
};

struct state {
	const struct conf *conf;
};

static int window_open(void *vst, const struct p2v_env *env, const void *conf, struct p2v_err *err)
{
	struct state *st = vst;

	(void)env;
	(void)err;
	st->conf = conf;
	return P2V_OK;
}

/* At the lowest priority: the host raises it as a fragment's time nears. */
static void window_ahead(void *vst, const struct p2v_cache_view *view,
	const struct p2v_cache_frag *frags, size_t n, double *priority)
{
	const struct state *st = vst;
	uint64_t held = view->held;

	for (size_t i = 0; i < n; i++) {
		bool init = frags[i].flags & P2V_FRAG_INIT;

		priority[i] = -1;
		if (frags[i].flags & P2V_FRAG_COMPLETE)
			continue;
		/* A full cache is no reason to be late: only what is far ahead waits for room. */
		if (init)
			priority[i] = 1;
		else if (view->position != P2V_UNKNOWN &&
			 frags[i].t < view->position + st->conf->ahead &&
			 (held < view->limit || frags[i].t <= view->position + 2 * frags[i].dur))
			priority[i] = 0;
		held += frags[i].held;
	}
}

static void window_keep(void *vst, const struct p2v_cache_view *view,
	const struct p2v_cache_frag *frags, size_t n, double *worth)
{
	const struct state *st = vst;

	for (size_t i = 0; i < n; i++) {
		const struct p2v_cache_frag *f = &frags[i];
		p2v_usec unused = view->now - f->used;

		if (f->flags & P2V_FRAG_REQUESTED)
			worth[i] = 1e9;
		else if ((f->flags & P2V_FRAG_INIT) && unused < 10 * st->conf->behind)
			worth[i] = 1e6;
		else if (unused > st->conf->behind &&
			 !((f->flags & P2V_FRAG_FOLLOWED) && !(f->flags & P2V_FRAG_SERVED)))
			worth[i] = -1;
		else /* what the player has yet to see, then what was wanted last */
			worth[i] = ((f->flags & P2V_FRAG_SERVED) ? 0.0 : 1e3) +
				   1.0 / (1.0 + (double)unused / 1e6);
	}
}

static const struct p2v_option options[] = {
	P2V_OPT_USEC(struct conf, ahead, "30s", 0, 3600e6, "s",
		"how far ahead of the player fragments are fetched"),
	P2V_OPT_USEC(struct conf, behind, "30s", 1e6, 3600e6, "s",
		"how long a fragment that nobody asks for is kept for others"),
	P2V_OPT_END
};

static const struct p2v_cache_ops ops = {
	.size = sizeof ops, .open = window_open, .ahead = window_ahead, .keep = window_keep
};

P2V_PLUGIN(p2v_cache_window) = { P2V_HEADER(CACHE), .name = "window", .version = "1.0",
	.summary = "from the player to the live edge, and a while for others",
	.source = "Peer2View (Roverso, El-Ansary, Haridi), section II; the window is own",
	.license = "BSD-2-Clause", .conf_size = sizeof(struct conf),
	.state_size = sizeof(struct state), .options = options, .ops.cache = &ops };
