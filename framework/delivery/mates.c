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
	free(h->v);
	free(h);
}

static void forget_told(struct p2v_holder *h)
{
	if (h->many)
		free(h->told.words);
	h->many = false;
	h->told.word = 0;
}

void p2v_holder_free(struct p2v_holding *of, struct p2v_holder *h)
{
	struct p2v_delivery *d = h->mate->d;
	size_t after = of->n - 1 - (size_t)(h - of->v);

	h->mate->n_holds--;
	forget_told(h);
	memmove(h, h + 1, after * sizeof *h);
	if (--of->n == 0)
		holding_free(d, of);
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

static struct p2v_holder *holder_find(const struct p2v_holding *of, const struct p2v_mate *m)
{
	for (uint32_t i = 0; i < of->n; i++)
		if (of->v[i].mate == m)
			return &of->v[i];
	return NULL;
}

struct p2v_holder *p2v_fragment_holder(const struct p2v_fragment *f, const struct p2v_mate *m)
{
	return f->holding ? holder_find(f->holding, m) : NULL;
}

/* The oldest first, until it has only so many. */
static void forget_holds(struct p2v_mate *m, uint32_t most)
{
	struct p2v_holding *of, *next;

	HASH_ITER (hh, m->d->holdings, of, next) {
		struct p2v_holder *h;

		if (m->n_holds <= most)
			return;
		h = holder_find(of, m);
		if (h)
			p2v_holder_free(of, h);
	}
}

/* @return a place for one more, empty; NULL: no memory */
static struct p2v_holder *holder_add(struct p2v_holding *of, struct p2v_mate *m)
{
	const uint32_t step = 4;
	struct p2v_holder *v = of->v;

	if (of->n == of->cap) {
		v = realloc(v, (of->cap + step) * sizeof *v);
		if (!v)
			return NULL;
		of->v = v;
		of->cap += step;
	}
	v[of->n] = (struct p2v_holder){ .mate = m };
	m->n_holds++;
	return &v[of->n++];
}

static struct p2v_holder *holder_get(struct p2v_mate *m, struct p2v_holding *of)
{
	struct p2v_holder *h = holder_find(of, m);

	if (!h)
		h = holder_add(of, m);
	if (!h && of->n == 0)
		holding_free(m->d, of);
	return h;
}

/* @param b  [in] bits, as in the message have @return P2V_ENOMEM */
static int note_told(struct p2v_holder *h, struct p2v_bytes b)
{
	uint64_t words[P2V_TRADED / P2V_WORD] = { 0 };

	for (size_t i = 0; i < b.n; i++)
		words[i / 8] |= (uint64_t)b.p[i] << i % 8 * 8;
	if (b.n <= sizeof h->told.word) {
		forget_told(h);
		h->told.word = words[0];
		return P2V_OK;
	}
	if (!h->many) {
		uint64_t *v = malloc(sizeof words);

		if (!v)
			return P2V_ENOMEM;
		h->told.words = v;
		h->many = true;
	}
	memcpy(h->told.words, words, sizeof words);
	return P2V_OK;
}

/* ---- what they tell us ---- */

static void on_have(struct p2v_mate *m, const struct p2v_msg_have *q)
{
	struct p2v_fragment *f;
	struct p2v_holding *of;
	struct p2v_holder *h;
	struct p2v_id key;

	if (m->n_holds >= P2V_HOLDINGS_MAX) /* some at a time: each look goes through all */
		forget_holds(m, P2V_HOLDINGS_MAX - P2V_HOLDINGS_MAX / 8);
	memcpy(key.b, q->key.p, sizeof key.b);
	of = holding_get(m->d, &key);
	h = of ? holder_get(m, of) : NULL;
	if (!h)
		return;
	h->length = q->length < P2V_LENGTH_MUCH   ? (uint32_t)q->length
		    : q->length == P2V_VARINT_MAX ? P2V_LENGTH_OPEN
						  : P2V_LENGTH_MUCH;
	h->generation = q->generation;
	h->state = (uint8_t)q->state;
	h->hops = (uint8_t)q->hops;
	if (note_told(h, q->chunks) < 0) {
		p2v_holder_free(of, h);
		return;
	}
	f = of->fragment;
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
		p2v_holder_free(of, h);
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

/* @return a place for one more; NULL: there is none */
static struct p2v_following *following_add(struct p2v_mate *m)
{
	struct p2v_following *v = NULL;

	if (m->n_follows < P2V_FOLLOWS_MAX)
		v = realloc(m->follows, (m->n_follows + 1) * sizeof *v);
	if (!v)
		return NULL;
	m->follows = v;
	return &v[m->n_follows++];
}

static void on_follow(struct p2v_mate *m, const struct p2v_msg_follow *q)
{
	struct p2v_following *g = p2v_mate_following(m, q->rendition);
	bool known = g != NULL;

	if (g && !q->on) {
		*g = m->follows[--m->n_follows];
	} else if (q->on) {
		g = g ? g : following_add(m);
		if (g)
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
	return p2v_holder_told(h, w);
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
	forget_holds(m, 0);
	p2v_mate_discharge(m);
	p2v_list_remove(&m->in_served);
	p2v_list_remove(&m->in_delivery);
	free(m->follows);
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
