/* source.c - which partner to ask for which chunks of a fragment. */
#include "framework/delivery/transfer.h"

#define ASK_CHUNKS 16u /* in one request, at most: 256 KiB */
#define ASK_FIRST  4u  /* … of a partner whose rate is not known yet */
#define ASK_LEAST  2u
#define ASK_TIME   (200 * P2V_MSEC) /* that one request takes, so that others can take over soon */
#define ASKS_A_MATE \
	2u /* requests to one partner for one fragment: the second hides the round trip */
#define RETRY_SOON (500 * P2V_MSEC)

/* Chunks of word w that are missing and that nobody brings. */
static uint64_t open_word(const struct p2v_fragment *f, uint32_t w)
{
	uint64_t v = p2v_chunk_range(w, 0, f->n_chunks) & ~f->here[w];

	P2V_LIST_EACH (it, &f->asks) {
		const struct p2v_ask *a = P2V_OF(it, struct p2v_ask, in_fragment);

		v &= ~p2v_chunk_range(w, a->next, a->first + a->count);
	}
	return v;
}

/* All such chunks: those that partners tell of while they receive them, and whether there are
 * any. */
struct open {
	uint64_t traded[P2V_TRADED / P2V_WORD];
	bool any;
};

static struct open open_chunks(const struct p2v_fragment *f)
{
	uint32_t words = p2v_chunk_words(f->n_chunks);
	struct open o = { .any = false };

	for (uint32_t w = 0; w < words; w++) {
		uint64_t v;

		if (w >= P2V_TRADED / P2V_WORD && o.any)
			break;
		v = open_word(f, w);
		o.any |= v != 0;
		if (w < P2V_TRADED / P2V_WORD)
			o.traded[w] = v;
	}
	return o;
}

/* Of those, what this partner can bring; NULL: all. */
static uint64_t word_of(
	const struct p2v_fragment *f, const struct p2v_holder *h, uint32_t hops, uint32_t w)
{
	uint64_t brings = h ? p2v_holder_brings(h, hops, w) : UINT64_MAX;

	return brings ? brings & open_word(f, w) : 0;
}

/* The first run of such chunks, from `from` on.
 * @param hops  of ours; 0: only chunks that are at the partner now */
static bool run_from(const struct p2v_fragment *f, const struct p2v_holder *h, uint32_t hops,
	uint32_t from, uint32_t *first, uint32_t *count)
{
	uint32_t words = p2v_chunk_words(f->n_chunks), w = from / P2V_WORD;
	uint64_t v = w < words ? word_of(f, h, hops, w) & p2v_chunk_range(w, from, UINT32_MAX) : 0;

	*first = f->n_chunks;
	*count = 0;
	while (!v && ++w < words)
		v = word_of(f, h, hops, w);
	if (!v)
		return false;
	*first = w * P2V_WORD + p2v_chunk_lowest(v);
	v = ~v & p2v_chunk_range(w, *first, UINT32_MAX);
	while (!v && ++w < words)
		v = ~word_of(f, h, hops, w);
	*count = (v ? w * P2V_WORD + p2v_chunk_lowest(v) : f->n_chunks) - *first;
	return true;
}

bool p2v_ask_gap(const struct p2v_fragment *f, uint32_t from, uint32_t *first, uint32_t *count)
{
	return run_from(f, NULL, 0, from, first, count);
}

/* Who is asked for a share of what was not there yet is asked for no more until that came: others
 * bring the other shares. */
static size_t asks_to(const struct p2v_fragment *f, const struct p2v_mate *m)
{
	size_t n = 0;

	P2V_LIST_EACH (it, &f->asks) {
		const struct p2v_ask *a = P2V_OF(it, struct p2v_ask, in_fragment);

		if (a->mate == m)
			n += a->of > 1 ? ASKS_A_MATE : 1;
	}
	return n;
}

/* Whether it has, or will have, something of what we want. @param o  of f, while it is known */
static bool fits(const struct p2v_fragment *f, const struct p2v_holder *h, const struct open *o)
{
	uint64_t v = 0;

	if (h->state == 0 || h->length == 0 ||
		(h->length != P2V_LENGTH_OPEN && h->length > f->d->conf->max_fragment))
		return false;
	if (!f->known)
		return h->state == P2V_ANNOUNCED_COMPLETE || h->hops < f->hops;
	if (!p2v_holder_same(h, f))
		return false;
	if (f->length == P2V_LENGTH_UNKNOWN) /* one brings it all, to wherever it ends */
		return p2v_list_empty(&f->asks) && p2v_holder_brings_all(h, f->hops);
	if (!o->any)
		return false;
	if (p2v_holder_brings_all(h, f->hops))
		return true;
	for (uint32_t w = 0; w < P2V_TRADED / P2V_WORD; w++)
		v |= p2v_holder_brings(h, f->hops, w) & o->traded[w];
	return v != 0;
}

static bool usable(const struct p2v_fragment *f, const struct p2v_holder *h, const struct open *o,
	p2v_usec now)
{
	return h->not_before <= now && fits(f, h, o) && asks_to(f, h->mate) < ASKS_A_MATE;
}

bool p2v_source_new(const struct p2v_fragment *f, const struct p2v_holder *h)
{
	struct open o;

	if (f->complete || f->job || (!f->known && !p2v_list_empty(&f->asks)))
		return false;
	o = open_chunks(f);
	if (!usable(f, h, &o, p2v_now(&f->d->node->world)))
		return false;
	return asks_to(f, h->mate) > 0 || p2v_ask_partners(f) < f->d->conf->sources;
}

/* The best holder that can be asked now. */
static struct p2v_holder *choose(struct p2v_fragment *f, p2v_usec now)
{
	const struct p2v_policy *policy = f->d->policies.select;
	struct p2v_select_want want = { .key = p2v_id_short(&f->key),
		.bytes = p2v_fragment_missing(f) };
	struct p2v_select_peer view[P2V_SELECT_MAX];
	struct p2v_holder *who[P2V_SELECT_MAX], *best = NULL;
	double score[P2V_SELECT_MAX], most = 0;
	struct p2v_player_due due;
	struct open o = open_chunks(f);
	size_t n = 0;

	if (f->known && !o.any && f->length != P2V_LENGTH_UNKNOWN)
		return NULL;
	P2V_HOLDERS_EACH (h, f) {
		if (n == P2V_SELECT_MAX || !usable(f, h, &o, now))
			continue;
		p2v_mate_view(h->mate, f, &view[n]);
		view[n].flags |= h->state == P2V_ANNOUNCED_COMPLETE ? P2V_PEER_COMPLETE
								    : P2V_PEER_ARRIVING;
		view[n].flags |= h->mate->slow_until > now ? P2V_PEER_SUSPECT : 0;
		view[n].hops = h->hops;
		who[n++] = h;
	}
	if (n == 0)
		return NULL;
	p2v_plan_due(f, &due);
	want.slack = due.dry == P2V_NEVER ? P2V_NEVER : due.dry - now;
	if (policy->plugin->ops.select->sources(f->feed->select_state, &want, view, n, score) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (score[i] >= 0 && (!best || score[i] > most)) {
			best = who[i];
			most = score[i];
		}
	return best;
}

/* [chunks] that a partner can bring before the CDN would have to take over, at the rate that it
 * showed. */
static uint32_t in_time(const struct p2v_fragment *f, const struct p2v_holder *h, p2v_usec now)
{
	p2v_usec left = p2v_plan_latest(f) - now;
	struct p2v_select_peer view;
	p2v_usec time = p2v_scale(f->dur, ASK_TIME);
	uint64_t n, most;

	p2v_partner_view(h->mate->partner, &view);
	time = 2 * view.rtt > time ? 2 * view.rtt : time;
	if (view.rate == 0) { /* where each round costs much, there are to be few */
		most = ASK_FIRST * (uint64_t)time / ASK_TIME;
		return (uint32_t)(most < 1 ? 1 : most < ASK_CHUNKS ? most : ASK_CHUNKS);
	}
	most = view.rate * (uint64_t)time / P2V_SECOND / P2V_CHUNK;
	most = most < ASK_LEAST ? ASK_LEAST : most > ASK_CHUNKS ? ASK_CHUNKS : most;
	if (left > 3600 * P2V_SECOND)
		return (uint32_t)most;
	left -= view.rtt;
	n = left > 0 ? view.rate * (uint64_t)left / P2V_SECOND : 0;
	n = n > view.asked ? (n - view.asked) / P2V_CHUNK : 0;
	/* A rate that was seen with parts is of single chunks, which mostly waited for others: it
	 * says too little of one more. */
	if (n == 0 && f->whole > f->dur && left > time / 2)
		n = 1;
	return (uint32_t)(n < most ? n : most);
}

/* The next run to ask this partner for: of one's own share first, so that others bring other parts;
 * and what is there before what is yet to come. */
static bool next_run(
	struct p2v_fragment *f, const struct p2v_holder *h, uint32_t *first, uint32_t *count)
{
	uint32_t of, place = p2v_plan_share(f, &of);
	uint32_t n = f->length != P2V_LENGTH_UNKNOWN
			     ? f->n_chunks
			     : (uint32_t)(((uint64_t)h->length + P2V_CHUNK - 1) / P2V_CHUNK);
	uint32_t from = (uint32_t)((uint64_t)n * place / of);

	if (h->length == P2V_LENGTH_OPEN && f->length == P2V_LENGTH_UNKNOWN) {
		for (*first = 0; p2v_fragment_has(f, *first); ++*first) {
		}
		*count = P2V_CHUNKS_TO_END;
		return true;
	}
	if (!f->known) {
		*first = from;
		*count = n - from;
		return n > from;
	}
	return run_from(f, h, 0, from, first, count) || run_from(f, h, 0, 0, first, count) ||
	       run_from(f, h, f->hops, from, first, count) ||
	       run_from(f, h, f->hops, 0, first, count);
}

struct p2v_holder *p2v_source_next(
	struct p2v_fragment *f, p2v_usec now, uint32_t *first, uint32_t *count)
{
	struct p2v_holder *h;
	uint32_t most;

	/* Until the head is known there is one ask: it tells whether the rest is what it seems. */
	if (!f->known && !p2v_list_empty(&f->asks))
		return NULL;
	h = choose(f, now);
	if (!h || (asks_to(f, h->mate) == 0 && p2v_ask_partners(f) >= f->d->conf->sources))
		return NULL;
	if (!next_run(f, h, first, count))
		return NULL;
	most = in_time(f, h, now);
	if (most == 0 || *count != P2V_CHUNKS_TO_END)
		*count = *count < most ? *count : most;
	return h;
}

p2v_usec p2v_ask_again(const struct p2v_fragment *f, p2v_usec now)
{
	p2v_usec soonest = P2V_NEVER;
	struct open o = open_chunks(f);

	P2V_HOLDERS_EACH (h, f) {
		if (h->not_before > now && h->not_before < now + RETRY_SOON &&
			h->not_before < soonest && fits(f, h, &o))
			soonest = h->not_before;
	}
	return soonest;
}
