/* waiting.c - players that wait for a manifest: each is answered when it is here and may be told,
 * or when there is nothing better than an old one, or an error. */
#include <stdlib.h>
#include <string.h>

#include "framework/delivery/inside.h"

#define COALESCE \
	(100 * P2V_MSEC) /* a manifest that was fetched so lately serves another request too */
#define STALE_AFTER \
	(300 * P2V_MSEC) /* while the CDN fails, a player gets an old manifest rather than none */

/** One player's wait. */
struct p2v_waiter {
	struct p2v_list in_playlist;
	struct p2v_playlist *playlist;
	void (*done)(void *ctx, const struct p2v_manifest_answer *a);
	void *ctx;
	struct p2v_directives want;
	p2v_usec since, met; /* met: when there was what it waits for; P2V_UNKNOWN: not yet */
	bool held; /* what it waits for is here, and kept from it for a moment: reveal.c */
	struct p2v_timer timer;
};

static p2v_usec now_of(const struct p2v_playlist *p)
{
	return p2v_now(&p->feed->d->node->world);
}

static const struct p2v_delivery_conf *conf_of(const struct p2v_playlist *p)
{
	return p->feed->d->conf;
}

bool p2v_waiting_fresh(const struct p2v_playlist *p)
{
	p2v_usec age;

	if (p->failing != P2V_UNKNOWN || p->fetched == P2V_UNKNOWN)
		return false;
	age = now_of(p) - p->fetched;
	if (p->fetch) /* a silent server is found out after a while */
		return p->held && p->doc && age <= p->doc->head.target + COALESCE;
	return age <= COALESCE;
}

/* It waits for something that is not there yet. */
static bool unmet(const struct p2v_waiter *w)
{
	const struct p2v_playlist *p = w->playlist;

	return w->want.has_msn && p->doc && !p2v_directives_met(&w->want, p->doc);
}

bool p2v_waiting_more(const struct p2v_playlist *p)
{
	P2V_LIST_EACH (it, &p->waiters)
		if (unmet(P2V_OF(it, struct p2v_waiter, in_playlist)))
			return true;
	return false;
}

static void answer(struct p2v_waiter *w, uint32_t status, bool stale, const char *why)
{
	struct p2v_playlist *p = w->playlist;
	struct p2v_manifest_answer a = { .status = status,
		.why = why,
		.url = p->final_url ? p->final_url : p->url,
		.stale = stale,
		.held = w->want.has_msn };
	struct p2v_slice body;
	void (*done)(void *, const struct p2v_manifest_answer *) = w->done;
	void *ctx = w->ctx;

	a.moved = strcmp(a.url, p->url) != 0;
	if (status == 200) {
		a.doc = p->doc ? p2v_holding_find(p, &w->want) : NULL;
		body = a.doc ? a.doc->text : p->body;
		a.text = (struct p2v_str){ (const char *)body.p, body.n };
		a.type = (struct p2v_str){ p->type.p, p->type.n };
		a.headers = p->headers;
		a.n_headers = p->n_headers;
	} else if (!why) {
		a.why = p->failing != P2V_UNKNOWN ? p->why : "it says nothing";
	}
	p2v_waiter_cancel(w);
	done(ctx, &a);
}

/* The manifest does not tell yet of what the player waits for (RFC 8216bis 6.2.5.2). */
static void wait_on(struct p2v_waiter *w)
{
	struct p2v_playlist *p = w->playlist;
	p2v_usec target = p->doc->head.target > 0 ? p->doc->head.target : P2V_SECOND;
	p2v_usec until = w->since + 3 * target;

	if (p2v_directives_beyond(&w->want, p->doc))
		answer(w, 400, false, "what it is asked to tell of is too far ahead");
	else if (now_of(p) >= until)
		answer(w, 503, false, "what it is asked to tell of has not come");
	else
		p2v_arm(&p->feed->d->node->world, &w->timer, until);
}

/* The manifest is here: answer, or have the player wait for what it tells of. */
static void settle(struct p2v_waiter *w)
{
	struct p2v_playlist *p = w->playlist;
	p2v_usec until;

	if (unmet(w)) {
		wait_on(w);
		return;
	}
	if (w->met == P2V_UNKNOWN)
		w->met = now_of(p);
	until = p2v_reveal_at(p, &w->want, w->want.has_msn ? w->met : w->since);
	w->held = until > now_of(p);
	if (w->held)
		p2v_arm(&p->feed->d->node->world, &w->timer, until);
	else
		answer(w, 200, false, NULL);
}

void p2v_waiting_complete(const struct p2v_fragment *f)
{
	if (!f->rendition)
		return;
	P2V_LIST_EACH (it, &f->rendition->playlist->waiters) {
		struct p2v_waiter *w = P2V_OF(it, struct p2v_waiter, in_playlist);

		if (w->held)
			p2v_arm(&f->d->node->world, &w->timer, p2v_now(&f->d->node->world));
	}
}

void p2v_waiting_answer(struct p2v_playlist *p)
{
	struct p2v_list all = { &all, &all };

	/* Those that ask anew from within their answer wait for the next fetch. */
	P2V_LIST_EACH (it, &p->waiters) {
		p2v_list_remove(it);
		p2v_list_push(&all, it);
	}
	while (!p2v_list_empty(&all)) {
		struct p2v_waiter *w = P2V_OF(p2v_list_first(&all), struct p2v_waiter, in_playlist);

		p2v_list_remove(&w->in_playlist);
		p2v_list_push(&p->waiters, &w->in_playlist);
		settle(w);
	}
}

/* The CDN does not answer as it should: after a while an old manifest is better than none, and at
 * last an error. */
static void waiter_fire(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_waiter *w = t->owner;
	struct p2v_playlist *p = w->playlist;
	bool have = p->known && now - p->fetched <= conf_of(p)->stale;
	p2v_usec waited = now - w->since, hold = conf_of(p)->hold;

	if (w->want.bad)
		answer(w, 400, false, "the request is not one that can be waited for");
	else if (w->held || p2v_waiting_fresh(p)) /* it was so when it was asked for */
		settle(w);
	else if (unmet(w)) /* an old manifest is no answer to that */
		wait_on(w);
	else if (have && (p->failing != P2V_UNKNOWN || waited >= hold))
		answer(w, 200, true, NULL);
	else if (waited >= hold)
		answer(w, p->status ? p->status : 504, false, NULL);
	else
		p2v_arm(&p->feed->d->node->world, t, now + 100 * P2V_MSEC);
}

void p2v_waiter_cancel(struct p2v_waiter *w)
{
	p2v_disarm(&w->playlist->feed->d->node->world, &w->timer);
	p2v_list_remove(&w->in_playlist);
	free(w);
}

void p2v_waiting_cancel(struct p2v_playlist *p)
{
	P2V_LIST_EACH (it, &p->waiters)
		p2v_waiter_cancel(P2V_OF(it, struct p2v_waiter, in_playlist));
}

struct p2v_waiter *p2v_waiting_new(struct p2v_playlist *p, const struct p2v_directives *want,
	void (*done)(void *, const struct p2v_manifest_answer *), void *ctx)
{
	struct p2v_waiter *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->playlist = p;
	w->want = *want;
	w->done = done;
	w->ctx = ctx;
	w->since = p->asked = now_of(p);
	w->met = P2V_UNKNOWN;
	w->timer.fire = waiter_fire;
	w->timer.owner = w;
	p2v_list_push(&p->waiters, &w->in_playlist);
	p2v_arm(&p->feed->d->node->world, &w->timer,
		w->since + (w->want.bad || p2v_waiting_fresh(p) ? 0 : STALE_AFTER));
	return w;
}
