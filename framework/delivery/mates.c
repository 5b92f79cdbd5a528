/* mates.c - what partners have and follow, as they tell us. */
#include <stdlib.h>
#include <string.h>

#include "framework/delivery/inside.h"

/* ---- who has what ---- */

static struct p2v_holding *holding_find(struct p2v_delivery *d, const struct p2v_id *key)
{
	struct p2v_holding *h = d->told_last;

	/* What is new all partners tell of at the same time. */
	if (h && memcmp(&h->key, key, sizeof *key) == 0)
		return h;
	HASH_FIND(hh, d->holdings, key, sizeof *key, h);
	if (h)
		d->told_last = h;
	return h;
}

void p2v_holding_join(struct p2v_fragment *f)
{
	f->holding = holding_find(f->d, &f->key);
	if (f->holding)
		f->holding->fragment = f;
}

void p2v_holding_part(struct p2v_fragment *f)
{
	if (f->holding)
		f->holding->fragment = NULL;
	f->holding = NULL;
}

static void holding_free(struct p2v_delivery *d, struct p2v_holding *h)
{
	if (h->fragment)
		h->fragment->holding = NULL;
	if (d->told_last == h)
		d->told_last = NULL;
	HASH_DEL(d->holdings, h);
	free(h);
}

void p2v_holder_free(struct p2v_holder *h)
{
	struct p2v_holding *of = h->holding;

	p2v_list_remove(&h->in_holding);
	p2v_list_remove(&h->in_mate);
	h->mate->n_holds--;
	if (p2v_list_empty(&of->holders))
		holding_free(h->mate->d, of);
	free(h);
}

static struct p2v_holding *holding_get(struct p2v_delivery *d, const struct p2v_id *key)
{
	struct p2v_holding *h = holding_find(d, key);

	if (h)
		return h;
	h = calloc(1, sizeof *h);
	if (!h)
		return NULL;
	h->key = *key;
	p2v_list_init(&h->holders);
	HASH_ADD(hh, d->holdings, key, sizeof h->key, h);
	if (!P2V_HASH_ADDED(hh, h)) {
		free(h);
		return NULL;
	}
	h->fragment = p2v_fragment_find(d, key);
	if (h->fragment)
		h->fragment->holding = h;
	return h;
}

static struct p2v_holder *holder_find(struct p2v_holding *of, const struct p2v_mate *m)
{
	P2V_LIST_EACH (it, &of->holders) {
		struct p2v_holder *h = P2V_OF(it, struct p2v_holder, in_holding);

		if (h->mate == m)
			return h;
	}
	return NULL;
}

struct p2v_list *p2v_fragment_holders(const struct p2v_fragment *f)
{
	return f->holding ? &f->holding->holders : &f->d->nobody;
}

struct p2v_holder *p2v_fragment_holder(const struct p2v_fragment *f, const struct p2v_mate *m)
{
	return f->holding ? holder_find(f->holding, m) : NULL;
}

static struct p2v_holder *holder_get(struct p2v_mate *m, const struct p2v_id *key)
{
	struct p2v_holding *of;
	struct p2v_holder *h;

	while (m->n_holds >= P2V_HOLDINGS_MAX)
		p2v_holder_free(P2V_OF(p2v_list_first(&m->holds), struct p2v_holder, in_mate));
	of = holding_get(m->d, key);
	if (!of)
		return NULL;
	h = holder_find(of, m);
	if (h)
		return h;
	h = calloc(1, sizeof *h);
	if (!h) {
		if (p2v_list_empty(&of->holders))
			holding_free(m->d, of);
		return NULL;
	}
	h->holding = of;
	h->mate = m;
	p2v_list_push(&of->holders, &h->in_holding);
	p2v_list_push(&m->holds, &h->in_mate);
	m->n_holds++;
	return h;
}

/* ---- what they tell us ---- */

static void on_have(struct p2v_mate *m, const struct p2v_msg_have *q)
{
	struct p2v_fragment *f;
	struct p2v_holder *h;
	struct p2v_id key;

	memcpy(key.b, q->key.p, sizeof key.b);
	h = holder_get(m, &key);
	if (!h)
		return;
	h->length = q->length;
	h->generation = q->generation;
	h->state = (uint32_t)q->state;
	h->hops = (uint32_t)q->hops;
	memset(h->chunks, 0, sizeof h->chunks);
	for (size_t i = 0; i < q->chunks.n; i++)
		h->chunks[i / 8] |= (uint64_t)q->chunks.p[i] << i % 8 * 8;
	f = h->holding->fragment;
	if (f && f->wanted && p2v_source_new(f, h))
		p2v_plan(f);
}

static void on_gone(struct p2v_mate *m, const struct p2v_msg_gone *q)
{
	for (size_t i = 0; i < q->keys.n; i++) {
		struct p2v_fragment *f;
		struct p2v_holding *of;
		struct p2v_holder *h;
		struct p2v_id key;

		memcpy(key.b, q->keys.v[i].p, sizeof key.b);
		of = holding_find(m->d, &key);
		h = of ? holder_find(of, m) : NULL;
		if (!h)
			continue;
		f = of->fragment;
		p2v_holder_free(h);
		if (f)
			p2v_mate_lost(m, f);
	}
}

struct p2v_following *p2v_mate_following(struct p2v_mate *m, uint64_t rendition)
{
	for (size_t i = 0; i < m->n_follows; i++)
		if (m->follows[i].rendition == rendition)
			return &m->follows[i];
	return NULL;
}

static void on_follow(struct p2v_mate *m, const struct p2v_msg_follow *q)
{
	struct p2v_following *g = p2v_mate_following(m, q->rendition);
	bool known = g != NULL;

	if (g && !q->on) {
		*g = m->follows[--m->n_follows];
	} else if (q->on && (g || m->n_follows < P2V_FOLLOWS_MAX)) {
		g = g ? g : &m->follows[m->n_follows++];
		*g = (struct p2v_following){ q->rendition, q->newest };
	}
	if (q->on && !known)
		p2v_mate_listens(m, q->rendition);
	if (q->newest)
		p2v_follow_news(m->d, q->rendition, q->newest);
	p2v_plan_all(m->d);
}

static void on_news(struct p2v_mate *m, const struct p2v_msg_news *q)
{
	struct p2v_following *g = p2v_mate_following(m, q->rendition);

	if (g && q->newest > g->newest)
		g->newest = q->newest;
	p2v_follow_news(m->d, q->rendition, q->newest);
}

static void on_message(void *ctx, struct p2v_partner *p, uint64_t number, const union p2v_msg *msg)
{
	struct p2v_mate *m = p2v_partner_user(p);

	(void)ctx;
	if (!m)
		return;
	switch (number) {
	case P2V_MSG_follow: on_follow(m, &msg->follow); break;
	case P2V_MSG_news: on_news(m, &msg->news); break;
	case P2V_MSG_have: on_have(m, &msg->have); break;
	case P2V_MSG_gone: on_gone(m, &msg->gone); break;
	default: break;
	}
}

bool p2v_holder_brings_all(const struct p2v_holder *h, uint32_t hops)
{
	/* Whoever is still receiving is waited for only by those further from the CDN, so nobody
	 * waits for himself in a circle; what is there already anybody can have. */
	return h->state == P2V_ANNOUNCED_COMPLETE || h->hops < hops;
}

uint64_t p2v_holder_brings(const struct p2v_holder *h, uint32_t hops, uint32_t w)
{
	if (p2v_holder_brings_all(h, hops))
		return UINT64_MAX;
	return w < P2V_TRADED / P2V_WORD ? h->chunks[w] : 0;
}

/* ---- coming and going ---- */

bool p2v_mate_follows(const struct p2v_mate *m, uint64_t rendition)
{
	for (size_t i = 0; i < m->n_follows; i++)
		if (m->follows[i].rendition == rendition)
			return true;
	return false;
}

void p2v_mate_view(
	const struct p2v_mate *m, const struct p2v_fragment *f, struct p2v_select_peer *out)
{
	p2v_partner_view(m->partner, out);
	if (p2v_mate_follows(m, f->rendition_key))
		out->flags |= P2V_PEER_FOLLOWS;
}

static void on_up(void *ctx, struct p2v_partner *p)
{
	struct p2v_delivery *d = ctx;
	struct p2v_mate *m = calloc(1, sizeof *m);

	if (!m) {
		p2v_partner_drop(p, false, "no memory");
		return;
	}
	m->d = d;
	m->partner = p;
	if (!p2v_mate_enrol(m)) {
		free(m);
		p2v_partner_drop(p, false, "too many partners");
		return;
	}
	p2v_list_init(&m->holds);
	p2v_list_init(&m->asks);
	p2v_list_init(&m->serves);
	p2v_list_init(&m->in_served);
	p2v_list_push(&d->mates, &m->in_delivery);
	p2v_partner_set_user(p, m);
	p2v_mate_introduce(m);
}

static void on_shares(void *ctx, struct p2v_partner *p)
{
	(void)ctx;
	if (p2v_partner_user(p))
		p2v_mate_introduce(p2v_partner_user(p));
}

static void mate_free(struct p2v_mate *m)
{
	p2v_partner_set_user(m->partner, NULL);
	p2v_ask_cancel_mate(m);
	p2v_serve_cancel_mate(m);
	while (!p2v_list_empty(&m->holds))
		p2v_holder_free(P2V_OF(p2v_list_first(&m->holds), struct p2v_holder, in_mate));
	p2v_mate_discharge(m);
	p2v_list_remove(&m->in_served);
	p2v_list_remove(&m->in_delivery);
	free(m);
}

static void on_down(void *ctx, struct p2v_partner *p)
{
	struct p2v_delivery *d = ctx;
	struct p2v_mate *m = p2v_partner_user(p);

	if (!m)
		return;
	mate_free(m);
	p2v_plan_all(d);
}

static void on_transfer(void *ctx, struct p2v_partner *p, struct p2v_stream *t)
{
	struct p2v_mate *m = p2v_partner_user(p);

	(void)ctx;
	if (m)
		p2v_serve_begin(m, t);
	else
		p2v_stream_release(t);
}

const struct p2v_overlay_handler *p2v_delivery_overlay_handler(void)
{
	static const struct p2v_overlay_handler handler = { .up = on_up,
		.shares = on_shares,
		.down = on_down,
		.message = on_message,
		.transfer = on_transfer };

	return &handler;
}
