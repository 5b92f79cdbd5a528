/* dialer.c - staggered calls to one peer's addresses. */
#include "framework/reach/dialer.h"

#include <string.h>

static void finish(struct p2v_dial *d, struct p2v_session *s)
{
	struct p2v_err why = d->why;

	p2v_dial_cancel(d);
	d->done(d, s, &why);
}

static bool waiting(const struct p2v_dial *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->sessions[i])
			return true;
	return false;
}

/* Call the next address; the timer brings the one after it, or the verdict when there is none. */
static void call(struct p2v_dial *d)
{
	p2v_usec now = p2v_now(&d->node->world);

	while (d->next < d->n) {
		size_t i = d->next++;

		if (p2v_dtl_dial(d->dtl, &d->addrs[i], &d->sessions[i], &d->why) == P2V_OK)
			break;
		d->sessions[i] = NULL;
	}
	if (d->next < d->n)
		p2v_arm(&d->node->world, &d->timer, now + P2V_DIAL_STAGGER);
	else if (!waiting(d))
		p2v_arm(&d->node->world, &d->timer, now);
}

static void fire(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_dial *d = t->owner;

	(void)now;
	if (d->next < d->n)
		call(d);
	else if (!waiting(d))
		finish(d, NULL);
}

void p2v_dial_start(struct p2v_dial *d, struct p2v_node *node, struct p2v_dtl *dtl,
	const struct p2v_id *want, const struct p2v_addr *addrs, size_t n)
{
	d->node = node;
	d->dtl = dtl;
	d->any = !want;
	if (want)
		d->want = *want;
	d->n = n < P2V_DIAL_ADDRESSES ? n : P2V_DIAL_ADDRESSES;
	for (size_t i = 0; i < d->n; i++)
		d->addrs[i] = addrs[i];
	d->next = 0;
	memset(d->sessions, 0, sizeof d->sessions);
	(void)p2v_fail(&d->why, P2V_ENOENT, "it has no address");
	d->timer.fire = fire;
	d->timer.owner = d;
	d->active = true;
	call(d);
}

void p2v_dial_cancel(struct p2v_dial *d)
{
	if (!d->active)
		return;
	d->active = false;
	p2v_disarm(&d->node->world, &d->timer);
	for (size_t i = 0; i < d->n; i++) {
		struct p2v_session *s = d->sessions[i];

		d->sessions[i] = NULL;
		if (s)
			p2v_session_close(s, P2V_DTL_DONE, "reached otherwise");
	}
}

static bool take(struct p2v_dial *d, struct p2v_session *s)
{
	for (size_t i = 0; d->active && i < d->n; i++)
		if (d->sessions[i] == s) {
			d->sessions[i] = NULL;
			return true;
		}
	return false;
}

static int judge(struct p2v_dial *d, struct p2v_session *s)
{
	if (d->any)
		return d->right ? d->right(d, s, &d->why) : P2V_OK;
	return memcmp(&p2v_session_remote(s)->id, &d->want, sizeof d->want) == 0
		       ? P2V_OK
		       : p2v_fail(&d->why, P2V_EPERM, "another peer answered at its address");
}

bool p2v_dial_opened(struct p2v_dial *d, struct p2v_session *s)
{
	if (!take(d, s))
		return false;
	if (judge(d, s) == P2V_OK) {
		finish(d, s);
	} else {
		p2v_session_close(s, P2V_DTL_DONE, "not whom I called");
		call(d);
	}
	return true;
}

bool p2v_dial_closed(struct p2v_dial *d, struct p2v_session *s, const struct p2v_err *why)
{
	if (!take(d, s))
		return false;
	d->why = *why;
	call(d);
	return true;
}
