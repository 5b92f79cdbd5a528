/* shaking.c - callers whose handshake has not ended: how many of them there may be. Each costs as
 * much as seven sessions that are up or more, and all that a caller has shown is that its address
 * is its own. */
#include "framework/dtl/inside.h"

enum { SHAKING_MOST = 1024 };
#define SHAKING_STALE (2 * P2V_SECOND) /* several round trips of any path */

/* Strangers have half of the places at most. */
static size_t most(const struct p2v_dtl *d)
{
	size_t half = d->conf.max_sessions / 2;

	return half > SHAKING_MOST ? SHAKING_MOST : half > 0 ? half : 1;
}

bool p2v_shaking_room(const struct p2v_dtl *d)
{
	const struct p2v_list *it = p2v_list_first(&d->shaking);

	/* Those who are at it come first: who is dropped now asks again. */
	return d->n_shaking < most(d) ||
	       p2v_now(&d->node->world) - P2V_OF(it, struct p2v_session, in_shaking)->born >=
		       SHAKING_STALE;
}

void p2v_shaking_enter(struct p2v_session *s)
{
	struct p2v_dtl *d = s->dtl;

	if (d->n_shaking >= most(d))
		p2v_session_free(
			P2V_OF(p2v_list_first(&d->shaking), struct p2v_session, in_shaking));
	p2v_list_push(&d->shaking, &s->in_shaking);
	d->n_shaking++;
}

void p2v_shaking_leave(struct p2v_session *s)
{
	if (p2v_list_empty(&s->in_shaking))
		return;
	p2v_list_remove(&s->in_shaking);
	s->dtl->n_shaking--;
}
