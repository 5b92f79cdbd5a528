/* tell.c - what partners are told of us: which renditions are read here, which fragments are here
 * or coming. Only what they can make use of: see sdk/doc/delivery.md. */
#include <stdlib.h>
#include <string.h>

#include "framework/delivery/transfer.h"

#define GONE_BATCH  32u
#define TELL_CHUNKS 4u              /* new ones, before partners are told of them, … */
#define TELL_GAP    (60 * P2V_MSEC) /* … and time since they were told last */

static bool shares(const struct p2v_mate *m, const struct p2v_feed *feed)
{
	return p2v_partner_in(m->partner, &feed->channel->id);
}

/* ---- who was told of what ---- */

static bool was_told(const struct p2v_fragment *f, const struct p2v_mate *m)
{
	return f->told_to[m->slot / 64] >> m->slot % 64 & 1;
}

bool p2v_mate_enrol(struct p2v_mate *m)
{
	uint64_t *taken = m->d->slots;

	for (size_t w = 0; w < P2V_MATES_MAX / 64; w++)
		if (~taken[w]) {
			m->slot = (uint32_t)w * 64 + p2v_chunk_lowest(~taken[w]);
			taken[w] |= (uint64_t)1 << m->slot % 64;
			return true;
		}
	return false;
}

void p2v_mate_discharge(struct p2v_mate *m)
{
	uint64_t bit = (uint64_t)1 << m->slot % 64;

	m->d->slots[m->slot / 64] &= ~bit;
	for (struct p2v_fragment *f = m->d->fragments; f; f = f->hh.next)
		f->told_to[m->slot / 64] &= ~bit;
}

/* ---- have and gone ---- */

/* Chunks of word w that are here, or are sure to come: from a partner nearer to the CDN. Whoever
 * asks for those here waits, and nobody waits for himself in a circle. */
static uint64_t held_word(const struct p2v_fragment *f, uint32_t w)
{
	uint64_t v = f->here[w];

	P2V_LIST_EACH (it, &f->asks) {
		const struct p2v_ask *a = P2V_OF(it, struct p2v_ask, in_fragment);

		if (a->of > 1 && !a->blind && !a->to_end && a->hops < f->hops)
			v |= p2v_chunk_range(w, a->next, a->first + a->count);
	}
	return v;
}

/* @param out  [out] bits, as in the message @return [B] of them */
static size_t held_chunks(const struct p2v_fragment *f, uint8_t out[P2V_TRADED / 8])
{
	size_t n = 0, all = f->n_chunks < P2V_TRADED ? (f->n_chunks + 7) / 8 : P2V_TRADED / 8;
	uint64_t word = 0;

	for (size_t i = 0; i < all; i++) {
		if (i % 8 == 0)
			word = held_word(f, (uint32_t)(i / 8));
		out[i] = (uint8_t)(word >> i % 8 * 8);
		n = out[i] ? i + 1 : n;
	}
	return n;
}

static uint32_t count_held(const struct p2v_fragment *f)
{
	uint32_t n = 0;

	for (uint32_t w = 0; w < p2v_chunk_words(f->n_chunks); w++)
		n += p2v_chunk_count(held_word(f, w));
	return n;
}

/* @return false: no memory; partners hear of it another time */
static bool encode_have(const struct p2v_fragment *f, struct p2v_slice *out)
{
	uint8_t chunks[P2V_TRADED / 8];
	struct p2v_msg_have q = { .key = { f->key.b, sizeof f->key.b },
		.length = f->known && !f->open ? f->length : P2V_VARINT_MAX,
		.generation = f->known ? f->generation : 0,
		.state = f->complete ? P2V_ANNOUNCED_COMPLETE : P2V_ANNOUNCED_ARRIVING,
		.hops = f->hops < P2V_HOPS_MAX ? f->hops : P2V_HOPS_MAX,
		.rendition = f->rendition_key };

	if (!f->complete)
		q.chunks = (struct p2v_bytes){ chunks, held_chunks(f, chunks) };
	return p2v_talk_encode(P2V_MSG_have, &q, out) == P2V_OK;
}

/* @param have  [in,out] made for the first who is told */
static void tell_have(struct p2v_mate *m, struct p2v_fragment *f, struct p2v_slice *have)
{
	if (!have->p && !encode_have(f, have))
		return;
	f->told_to[m->slot / 64] |= (uint64_t)1 << m->slot % 64;
	p2v_partner_send_slice(m->partner, have);
}

/* Whoever reads the rendition; of somebody who reads more than can be noted, nobody knows. */
static bool listens(const struct p2v_mate *m, const struct p2v_fragment *f)
{
	return (m->n_follows == P2V_FOLLOWS_MAX || p2v_mate_follows(m, f->rendition_key)) &&
	       shares(m, f->feed);
}

/* What it has of this very content. */
static const struct p2v_holder *has_of(const struct p2v_mate *m, const struct p2v_fragment *f)
{
	const struct p2v_holder *h = p2v_fragment_holder(f, m);

	return h && p2v_holder_same(h, f) ? h : NULL;
}

/* @return how many chunks are here and not there, as far as it told */
static uint32_t lacks(const struct p2v_holder *h, const struct p2v_fragment *f)
{
	uint32_t words = p2v_chunk_words(f->n_chunks), n = 0;

	for (uint32_t w = 0; w < words && w < P2V_TRADED / P2V_WORD; w++)
		n += p2v_chunk_count(f->here[w] & ~p2v_holder_told(h, w));
	return n;
}

/* As many as come in a certain part of the time that a fragment lasts. */
static uint32_t chunks_worth(const struct p2v_fragment *f)
{
	uint32_t n = (uint32_t)p2v_scale(f->dur, TELL_CHUNKS);

	return n > 0 ? n : 1;
}

/* Whether it can make anything of what is new here. Who is further from the CDN may ask for all
 * that will come, so it is told once, and when all is here. Who is as near, or has said nothing
 * of it, can have only what is here already. */
static bool cares(const struct p2v_mate *m, const struct p2v_fragment *f)
{
	const struct p2v_holder *h;

	if (!listens(m, f))
		return false;
	h = has_of(m, f);
	if (!h)
		return true;
	if (h->state == P2V_ANNOUNCED_COMPLETE)
		return false;
	if (f->complete)
		return true;
	return h->hops > f->hops ? !was_told(f, m) : lacks(h, f) >= chunks_worth(f);
}

static void tell(struct p2v_fragment *f)
{
	struct p2v_slice have = { NULL, NULL, 0 };

	f->announced = f->complete ? P2V_ANNOUNCED_COMPLETE : P2V_ANNOUNCED_ARRIVING;
	f->told = count_held(f);
	f->told_at = p2v_now(&f->d->node->world);
	p2v_tell_rest(f);
	P2V_LIST_EACH (it, &f->d->mates) {
		struct p2v_mate *m = P2V_OF(it, struct p2v_mate, in_delivery);

		if (cares(m, f))
			tell_have(m, f, &have);
	}
	p2v_slice_drop(&have);
}

static bool may_tell(const struct p2v_fragment *f)
{
	return f->known && f->shared && f->d->overlay && p2v_overlay_may_upload(f->d->overlay);
}

static void fire(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_fragment *f = t->owner;

	(void)now;
	if (f->announced == P2V_ANNOUNCED_ARRIVING && may_tell(f))
		tell(f);
}

void p2v_tell_rest(struct p2v_fragment *f)
{
	if (f->tell_timer)
		p2v_disarm(&f->d->node->world, f->tell_timer);
	free(f->tell_timer);
	f->tell_timer = NULL;
}

static void tell_at(struct p2v_fragment *f, p2v_usec due)
{
	if (!f->tell_timer)
		f->tell_timer = calloc(1, sizeof *f->tell_timer);
	if (!f->tell_timer) { /* rather too often than never */
		tell(f);
		return;
	}
	f->tell_timer->fire = fire;
	f->tell_timer->owner = f;
	p2v_arm(&f->d->node->world, f->tell_timer, due);
}

/* To wait for the CDN's answer, tell of it, and be asked costs a round trip that a part has no time
 * for: so it is told when it is asked for, and partners that ask wait here. */
void p2v_mates_promise(struct p2v_fragment *f)
{
	if (f->known || f->whole <= f->dur || f->announced != P2V_ANNOUNCED_NOT ||
		p2v_fragment_holders(f) > 0 || !f->d->overlay ||
		!p2v_overlay_may_upload(f->d->overlay))
		return;
	f->hops = 0;
	tell(f);
}

void p2v_mates_tell_have(struct p2v_fragment *f)
{
	enum p2v_announced now = f->complete ? P2V_ANNOUNCED_COMPLETE : P2V_ANNOUNCED_ARRIVING;
	p2v_usec gap = p2v_scale(f->dur, TELL_GAP);

	if (!may_tell(f))
		return;
	if (f->announced < now) {
		tell(f);
	} else if (f->announced == P2V_ANNOUNCED_ARRIVING &&
		   f->n_whole >= f->told + chunks_worth(f)) {
		if (p2v_now(&f->d->node->world) - f->told_at >= gap)
			tell(f);
		else
			tell_at(f, f->told_at + gap);
	}
}

/* What it was not told when it would not have cared. */
static void tell_again(struct p2v_mate *m, struct p2v_fragment *f)
{
	struct p2v_slice have = { NULL, NULL, 0 };

	if (f->announced != P2V_ANNOUNCED_NOT && cares(m, f))
		tell_have(m, f, &have);
	p2v_slice_drop(&have);
}

void p2v_mate_listens(struct p2v_mate *m, uint64_t rendition)
{
	for (struct p2v_fragment *f = m->d->fragments; f; f = f->hh.next)
		if (f->rendition_key == rendition)
			tell_again(m, f);
}

void p2v_mate_lost(struct p2v_mate *m, struct p2v_fragment *f)
{
	if (f->rendition && !was_told(f, m))
		tell_again(m, f);
}

void p2v_mates_tell_gone(struct p2v_delivery *d, struct p2v_fragment *const *v, size_t n)
{
	if (n == 0)
		return;
	P2V_LIST_EACH (it, &d->mates) {
		struct p2v_mate *m = P2V_OF(it, struct p2v_mate, in_delivery);
		struct p2v_msg_gone q;

		q.keys.n = 0;
		for (size_t i = 0; i < n && q.keys.n < sizeof q.keys.v / sizeof q.keys.v[0]; i++)
			if (was_told(v[i], m))
				q.keys.v[q.keys.n++] = (struct p2v_bytes){ v[i]->key.b,
					sizeof v[i]->key.b };
		if (q.keys.n)
			p2v_partner_send(m->partner, P2V_MSG_gone, &q);
	}
	for (size_t i = 0; i < n; i++)
		memset(v[i]->told_to, 0, sizeof v[i]->told_to);
}

void p2v_mates_tell_all_gone(struct p2v_delivery *d)
{
	struct p2v_fragment *v[GONE_BATCH];
	size_t n = 0;

	for (struct p2v_fragment *f = d->fragments; f; f = f->hh.next) {
		if (f->announced == P2V_ANNOUNCED_NOT)
			continue;
		f->announced = P2V_ANNOUNCED_NOT;
		p2v_tell_rest(f);
		v[n++] = f;
		if (n == GONE_BATCH) {
			p2v_mates_tell_gone(d, v, n);
			n = 0;
		}
	}
	if (n > 0)
		p2v_mates_tell_gone(d, v, n);
}

/* ---- follow and news ---- */

/* Where there are parts, each of them is news: so many are counted in a fragment. */
enum { PARTS_COUNTED = 1024 };

uint64_t p2v_rendition_newest(const struct p2v_rendition *r)
{
	const struct p2v_timeline *tl = &r->timeline;
	uint64_t n = tl->n > tl->n_init ? tl->v[tl->n - 1].n + 1 : 0, parts = 0;

	if (r->listed) /* others would look for the rest in the manifest, and not find it */
		return r->listed;
	if (tl->n_parts == 0 || n > P2V_VARINT_MAX / PARTS_COUNTED - 1)
		return n;
	for (size_t i = tl->n_parts; i-- > 0 && tl->parts[i].n >= n;)
		parts += !tl->parts[i].hint;
	return n * PARTS_COUNTED + (parts < PARTS_COUNTED ? parts : PARTS_COUNTED - 1);
}

static void tell_follow(struct p2v_mate *m, const struct p2v_rendition *r, bool on)
{
	struct p2v_msg_follow q = {
		.rendition = r->key, .on = on, .newest = p2v_rendition_newest(r)
	};

	p2v_partner_send(m->partner, P2V_MSG_follow, &q);
}

void p2v_mates_tell_follow(struct p2v_rendition *r, bool on)
{
	P2V_LIST_EACH (it, &r->feed->d->mates) {
		struct p2v_mate *m = P2V_OF(it, struct p2v_mate, in_delivery);

		if (shares(m, r->feed))
			tell_follow(m, r, on);
	}
}

/* Only to those who follow it and have not told us of it themselves. */
void p2v_mates_tell_news(struct p2v_rendition *r)
{
	struct p2v_msg_news q = { .rendition = r->key, .newest = p2v_rendition_newest(r) };

	if (q.newest <= r->told_newest)
		return;
	r->told_newest = q.newest;
	P2V_LIST_EACH (it, &r->feed->d->mates) {
		struct p2v_mate *m = P2V_OF(it, struct p2v_mate, in_delivery);
		struct p2v_following *g = p2v_mate_following(m, r->key);

		if (g && g->newest < q.newest) {
			g->newest = q.newest;
			p2v_partner_send(m->partner, P2V_MSG_news, &q);
		}
	}
}

void p2v_mate_introduce(struct p2v_mate *m)
{
	struct p2v_delivery *d = m->d;

	P2V_LIST_EACH (it, &d->feeds) {
		struct p2v_feed *feed = P2V_OF(it, struct p2v_feed, in_delivery);

		if (!shares(m, feed))
			continue;
		P2V_LIST_EACH (at, &feed->renditions) {
			const struct p2v_rendition *r = P2V_OF(at, struct p2v_rendition, in_feed);

			if (r->followed)
				tell_follow(m, r, true);
		}
	}
	for (struct p2v_fragment *f = d->fragments; f; f = f->hh.next)
		tell_again(m, f);
}
