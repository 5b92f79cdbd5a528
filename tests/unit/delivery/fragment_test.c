/* fragment_test.c - fragments in memory, compared byte by byte with a model: from the CDN, from
 * peers, both at once; what is missing, what is counted, what is forgotten. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/delivery/shelf.h"
#include "tests/unit/oom.h"

TestSuite(fragment, .timeout = 60);

#define CHUNK ((size_t)P2V_CHUNK)

Test(fragment, one_url_is_one_fragment)
{
	struct p2v_fragment *a, *b;
	struct shelf s;

	shelf_open(&s);
	a = shelf_fragment(&s, "http://cdn/live/a.ts?token=1");
	b = shelf_fragment(&s, "http://cdn/live/b.ts");
	cr_assert_not_null(a);
	cr_assert_neq(a, b);
	cr_assert_eq(shelf_fragment(&s, "http://cdn/live/a.ts?token=2"), a, "tokens do not count");
	cr_assert_eq(p2v_fragment_find(s.d, &b->key), b);
	cr_assert(p2v_fragment_idle(a));
	shelf_close(&s);
}

Test(fragment, bytes_in_order_make_it_whole)
{
	static const size_t sizes[] = { 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 100000 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (size_t step = 1000; step <= 40000; step += 13000) {
			struct p2v_fragment *f;
			struct shelf s;

			shelf_open(&s);
			f = shelf_fragment(&s, "http://cdn/live/a.ts");
			shelf_known(f, sizes[i]);
			for (size_t off = 0; off < sizes[i]; off += step) {
				size_t n = sizes[i] - off < step ? sizes[i] - off : step;

				cr_assert(!f->complete);
				cr_assert_eq(p2v_fragment_missing(f), sizes[i] - off);
				cr_assert_eq(shelf_fill(f, off, n), (ptrdiff_t)n);
			}
			cr_assert(f->complete);
			cr_assert_eq(f->held, sizes[i]);
			cr_assert_eq(s.d->held, sizes[i]);
			cr_assert_eq(f->from_cdn, sizes[i]);
			cr_assert_eq(f->hops, 0);
			shelf_close(&s);
		}
}

Test(fragment, nothing_is_a_fragment_too)
{
	struct p2v_fragment *f;
	struct shelf s;

	shelf_open(&s);
	f = shelf_fragment(&s, "http://cdn/live/a.ts");
	shelf_known(f, 0);
	cr_assert(f->complete);
	cr_assert_eq(p2v_fragment_missing(f), 0);
	f = shelf_fragment(&s, "http://cdn/live/b.ts");
	shelf_known(f, P2V_LENGTH_UNKNOWN);
	p2v_fragment_ended(f, 0);
	cr_assert(f->complete);
	shelf_close(&s);
}

Test(fragment, an_untold_length_is_known_in_the_end)
{
	static const size_t sizes[] = { 1, CHUNK - 1, CHUNK, CHUNK + 1, 50000 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct p2v_fragment *f;
		struct shelf s;

		shelf_open(&s);
		f = shelf_fragment(&s, "http://cdn/live/a.ts");
		shelf_known(f, P2V_LENGTH_UNKNOWN);
		cr_assert_eq(shelf_fill(f, 0, sizes[i]), (ptrdiff_t)sizes[i]);
		cr_assert(!f->complete);
		cr_assert_eq(p2v_fragment_missing(f), 0, "nobody knows");
		p2v_fragment_ended(f, sizes[i]);
		cr_assert(f->complete);
		cr_assert_eq(f->length, sizes[i]);
		cr_assert_eq(f->n_whole, f->n_chunks);
		shelf_close(&s);
	}
}

Test(fragment, more_than_was_promised_is_refused)
{
	struct p2v_fragment *f;
	struct shelf s;

	shelf_open(&s);
	f = shelf_fragment(&s, "http://cdn/live/a.ts");
	shelf_known(f, 1000);
	cr_assert_eq(shelf_fill(f, 0, 1001), P2V_EPROTO);
	cr_assert_eq(shelf_fill(f, 1000, 1), P2V_EPROTO);
	cr_assert_eq(shelf_fill(f, 0, 1000), 1000);
	shelf_close(&s);
}

/* Bytes come from everywhere, twice, in any order: what is here is right, and counted once. */
Test(fragment, anything_in_any_order)
{
	for (uint64_t seed = 0; seed < 60; seed++) {
		size_t size = 1 + (size_t)(seed * 7919 % 200000);
		uint32_t chunks = (uint32_t)((size + CHUNK - 1) / CHUNK);
		uint32_t *filled = calloc(chunks, sizeof *filled); /* the model */
		uint64_t fresh = 0, given = 0, asked = 0;
		struct p2v_fragment *f;
		struct p2v_random r;
		struct shelf s;

		shelf_open(&s);
		p2v_random_init(&r, seed, "fragment");
		f = shelf_fragment(&s, "http://cdn/live/a.ts");
		shelf_known(f, size);
		while (!f->complete) {
			uint32_t i = (uint32_t)p2v_random_below(&r, chunks);
			uint32_t first, count, whole = p2v_fragment_chunk_size(f, i);
			size_t off = i * CHUNK, n;

			if (p2v_random_below(&r, 3) == 0) {
				bool is_new = shelf_put(f, i);

				cr_assert_eq(is_new, filled[i] < whole);
				given += whole - filled[i];
				filled[i] = whole;
			} else { /* the CDN goes on where a chunk ends, or begins anew */
				off += p2v_random_below(&r, 2) ? filled[i] : 0;
				n = 1 + (size_t)p2v_random_below(&r, 40000);
				n = n < size - off ? n : size - off;
				asked = 0;
				for (size_t at = off; at < off + n;) {
					uint32_t k = (uint32_t)(at / CHUNK);
					size_t in = at % CHUNK;
					size_t part = CHUNK - in < off + n - at ? CHUNK - in
										: off + n - at;

					if (in <= filled[k] && in + part > filled[k]) {
						asked += in + part - filled[k];
						filled[k] = (uint32_t)(in + part);
					}
					at += part;
				}
				cr_assert_eq(shelf_fill(f, off, n), (ptrdiff_t)asked);
				fresh += asked;
			}
			asked = 0;
			for (uint32_t k = 0; k < chunks; k++) {
				cr_assert_eq(f->chunks[k].filled, filled[k]);
				cr_assert_eq(f->chunks[k].whole,
					filled[k] == p2v_fragment_chunk_size(f, k));
				asked += filled[k];
			}
			cr_assert_eq(f->held, asked);
			cr_assert_eq(s.d->held, asked);
			cr_assert_eq(p2v_fragment_missing(f), size - asked);
			cr_assert_eq(f->from_cdn, fresh);
			cr_assert_eq(f->from_p2p, given);
			cr_assert_eq(p2v_ask_gap(f, 0, &first, &count), f->n_whole < f->n_chunks);
			if (count) {
				cr_assert(!f->chunks[first].whole);
				cr_assert(first == 0 || f->chunks[first - 1].whole);
				cr_assert(
					first + count == chunks || f->chunks[first + count].whole);
			}
		}
		for (size_t i = 0; i < size; i++)
			cr_assert_eq(f->chunks[i / CHUNK].buf->data[i % CHUNK], shelf_byte(i));
		free(filled);
		shelf_close(&s);
	}
}

/* Readers hold slices of what was here: they stay as they were. */
Test(fragment, a_slice_outlives_what_it_was_cut_from)
{
	struct p2v_fragment *f;
	struct p2v_slice part;
	struct shelf s;

	shelf_open(&s);
	f = shelf_fragment(&s, "http://cdn/live/a.ts");
	shelf_known(f, 2 * CHUNK);
	cr_assert_eq(shelf_fill(f, 0, 1000), 1000);
	part = p2v_slice_of(f->chunks[0].buf, 0, 1000);
	cr_assert(shelf_put(f, 0));
	cr_assert(!shelf_put(f, 0), "it is here");
	p2v_fragment_reset(f);
	for (size_t i = 0; i < 1000; i++)
		cr_assert_eq(part.p[i], shelf_byte(i));
	p2v_slice_drop(&part);
	shelf_close(&s);
}

Test(fragment, hops_are_those_of_the_nearest_source)
{
	struct p2v_fragment *f;
	struct shelf s;

	shelf_open(&s);
	f = shelf_fragment(&s, "http://cdn/live/a.ts");
	shelf_known(f, 3 * CHUNK);
	cr_assert_eq(f->hops, P2V_HOPS_MAX);
	cr_assert(shelf_put(f, 1));
	cr_assert_eq(f->hops, 4);
	cr_assert_eq(shelf_fill(f, 0, 10), 10);
	cr_assert_eq(f->hops, 0);
	cr_assert(shelf_put(f, 2));
	cr_assert_eq(f->hops, 0);
	shelf_close(&s);
}

Test(fragment, what_is_forgotten_is_counted_as_waste)
{
	const enum p2v_metric dup = P2V_M_WASTED_DUPLICATE, unplayed = P2V_M_WASTED_UNPLAYED;
	struct p2v_fragment *f;
	struct shelf s;

	shelf_open(&s);
	f = shelf_fragment(&s, "http://cdn/live/a.ts");
	shelf_known(f, 3 * CHUNK);
	cr_assert_eq(shelf_fill(f, 0, 1000), 1000);
	cr_assert(shelf_put(f, 2));
	p2v_fragment_reset(f);
	cr_assert_eq(s.node.metrics.v[dup], 1000 + CHUNK);
	cr_assert(!f->known && !f->complete && f->n_chunks == 0);
	cr_assert_eq(s.d->held, 0);
	/* It can come anew, as another content. */
	shelf_known(f, CHUNK);
	cr_assert_eq(shelf_fill(f, 0, CHUNK), (ptrdiff_t)CHUNK);
	cr_assert(f->complete);
	p2v_fragment_free(f);
	cr_assert_eq(s.node.metrics.v[unplayed], CHUNK);
	cr_assert_eq(s.d->held, 0);
	shelf_close(&s);
}

/* Of many, the least worth go first, and no more than has to. */
Test(fragment, memory_stays_within_its_limit)
{
	struct shelf s;

	shelf_open(&s);
	s.dconf.cache = 1 << 20;
	for (unsigned i = 0; i < 100; i++) {
		struct p2v_fragment *f;
		char url[64];

		(void)snprintf(url, sizeof url, "http://cdn/live/%u.ts", i);
		f = shelf_fragment(&s, url);
		shelf_known(f, 4 * CHUNK);
		cr_assert_eq(shelf_fill(f, 0, 4 * CHUNK), (ptrdiff_t)(4 * CHUNK));
		f->served = true;
		f->used = s.world.now;
		s.world.now += 10 * P2V_MSEC;
		p2v_delivery_evict(s.d);
		cr_assert_leq(s.d->held, 1u << 20);
		cr_assert_not_null(shelf_fragment(&s, url));
		cr_assert(shelf_fragment(&s, url)->complete, "the newest is worth most");
	}
	cr_assert_gt(s.d->held, (1u << 20) - 5 * CHUNK);
	cr_assert_eq(s.node.metrics.v[P2V_M_CACHE_BYTES], s.d->held);
	shelf_close(&s);
}

/* ---- how long the CDN would take ---- */

static void rates(struct shelf *s, const uint64_t *v, size_t n)
{
	s->d->n_rates = 0;
	for (size_t i = 0; i < n; i++)
		p2v_cdn_remember(s->d, v[i], (p2v_usec)(i + 1) * P2V_MSEC);
}

Test(fragment, the_cdns_rate_is_taken_cautiously)
{
	static const uint64_t steady[] = { 500, 100, 400, 300, 200, 600, 700, 800, 900, 1000 };
	static const uint64_t thinner[] = { 1000, 1000, 1000, 1000, 1000, 1000, 50, 60 };
	static const uint64_t once[] = { 1000, 1000, 1000, 1000, 1000, 1000, 1000, 400 };
	static const uint64_t fell[] = { 1000, 1000, 1000, 1000, 1000, 1000, 1000, 60 };
	struct shelf s;

	shelf_open(&s);
	cr_assert_eq(p2v_cdn_rate(s.d), 125000, "before anything is known");
	cr_assert_eq(p2v_cdn_estimate(s.d, 125000), P2V_SECOND + 200 * P2V_MSEC);
	rates(&s, steady, 10);
	cr_assert_eq(p2v_cdn_rate(s.d), 300, "the third of ten");
	cr_assert_eq(p2v_cdn_estimate(s.d, 600), 2 * P2V_SECOND + 10 * P2V_MSEC);
	rates(&s, thinner, 8);
	cr_assert_eq(p2v_cdn_rate(s.d), 60, "the line became thinner a moment ago");
	rates(&s, once, 8);
	cr_assert_eq(p2v_cdn_rate(s.d), 1000, "once is no rule");
	rates(&s, fell, 8);
	cr_assert_eq(p2v_cdn_rate(s.d), 60, "but so far nobody falls by chance");
	cr_assert_gt(p2v_cdn_estimate(s.d, UINT64_MAX), 3600 * P2V_SECOND);
	shelf_close(&s);
}

/* ---- heads ---- */

/* One that differs in anything from what was checked has to be checked itself. */
Test(fragment, a_head_that_was_checked_is_known_again)
{
	static const char text[] = "A: b\r\n", other[] = "A: c\r\n";
	struct p2v_bytes headers = { (const uint8_t *)text, sizeof text - 1 };
	struct p2v_proof proof = { .fetched = 7, .made = true }, wrong;
	struct p2v_statement st, two;
	struct p2v_fragment *f;
	struct shelf s;

	shelf_open(&s);
	f = shelf_fragment(&s, "http://cdn/live/a.ts");
	memset(&proof.signer, 1, sizeof proof.signer);
	memset(proof.signature, 2, f->d->node->crypto.ops->signature_size);
	st = (struct p2v_statement){ &f->key, 100, 5 };
	cr_assert(!p2v_fragment_head_is(f, &st, 100, headers, &proof), "nothing is known yet");
	cr_assert_eq(p2v_fragment_set_known(f, 100, 100, 5, p2v_str_of(text), &proof), P2V_OK);
	cr_assert(p2v_fragment_head_is(f, &st, 100, headers, &proof));
	for (size_t i = 0; i < 8; i++) {
		wrong = proof;
		wrong.signature[i] ^= 1;
		cr_assert(!p2v_fragment_head_is(f, &st, 100, headers, &wrong), "byte %zu", i);
	}
	wrong = proof;
	wrong.signer.b[31] ^= 1;
	cr_assert(!p2v_fragment_head_is(f, &st, 100, headers, &wrong));
	wrong = proof;
	wrong.fetched++;
	cr_assert(!p2v_fragment_head_is(f, &st, 100, headers, &wrong));
	cr_assert(!p2v_fragment_head_is(f, &st, 101, headers, &proof));
	two = (struct p2v_statement){ &f->key, 101, 5 };
	cr_assert(!p2v_fragment_head_is(f, &two, 100, headers, &proof));
	two = (struct p2v_statement){ &f->key, 100, 6 };
	cr_assert(!p2v_fragment_head_is(f, &two, 100, headers, &proof));
	headers.n--;
	cr_assert(!p2v_fragment_head_is(f, &st, 100, headers, &proof));
	headers = (struct p2v_bytes){ (const uint8_t *)other, sizeof other - 1 };
	cr_assert(!p2v_fragment_head_is(f, &st, 100, headers, &proof));
	p2v_fragment_reset(f);
	headers = (struct p2v_bytes){ (const uint8_t *)text, sizeof text - 1 };
	cr_assert(!p2v_fragment_head_is(f, &st, 100, headers, &proof), "forgotten since");
	shelf_close(&s);
}

/* ---- buffers of others ---- */

static struct p2v_buf *whole_buffer(uint64_t off, size_t n)
{
	struct p2v_buf *b = p2v_buf_new(n);

	cr_assert(b);
	for (size_t i = 0; i < n; i++)
		b->data[i] = shelf_byte(off + i);
	return b;
}

static ptrdiff_t fill_from(
	struct p2v_fragment *f, uint64_t off, struct p2v_buf *b, size_t at, size_t n)
{
	return p2v_fragment_fill(f, off, (struct p2v_bytes){ b->data + at, n }, b, 1);
}

/* What comes in a buffer of just a chunk is kept there, also when it comes in parts. */
Test(fragment, a_buffer_that_is_a_chunk_is_kept)
{
	struct shelf s;
	struct p2v_fragment *f;
	struct p2v_buf *b = whole_buffer(0, CHUNK), *last = whole_buffer(CHUNK, 100);

	shelf_open(&s);
	f = shelf_fragment(&s, "http://cdn/live/a.ts");
	shelf_known(f, CHUNK + 100);
	cr_assert_eq(fill_from(f, 0, b, 0, 1000), 1000);
	cr_assert_eq(f->chunks[0].buf, b);
	cr_assert_eq(f->chunks[0].filled, 1000);
	cr_assert_eq(fill_from(f, 500, b, 500, 1000), 500, "what is there is passed over");
	cr_assert_eq(fill_from(f, 1500, b, 1500, CHUNK - 1500), CHUNK - 1500);
	cr_assert_eq(f->chunks[0].buf, b);
	cr_assert(f->chunks[0].whole);
	cr_assert_eq(fill_from(f, CHUNK, last, 0, 100), 100);
	cr_assert_eq(f->chunks[1].buf, last);
	cr_assert(f->complete);
	cr_assert_eq(f->held, CHUNK + 100);
	cr_assert_eq(b->refs, 2);
	shelf_close(&s);
	cr_assert_eq(b->refs, 1);
	cr_assert_eq(last->refs, 1);
	p2v_buf_unref(b);
	p2v_buf_unref(last);
}

/* The rest comes from elsewhere: a buffer of somebody else's is not written to. */
Test(fragment, a_buffer_of_others_is_not_changed)
{
	struct shelf s;
	struct p2v_fragment *f;
	struct p2v_buf *b = whole_buffer(0, CHUNK), *other = whole_buffer(0, CHUNK);
	struct p2v_buf *large = whole_buffer(0, 2 * CHUNK);
	struct p2v_slice early;

	memset(b->data + 1000, 0, CHUNK - 1000);
	shelf_open(&s);
	f = shelf_fragment(&s, "http://cdn/live/a.ts");
	shelf_known(f, 3 * CHUNK);
	cr_assert_eq(fill_from(f, 0, b, 0, 1000), 1000);
	early = p2v_slice_of(f->chunks[0].buf, 0, f->chunks[0].filled);
	cr_assert_eq(fill_from(f, 1000, other, 1000, CHUNK - 1000), CHUNK - 1000);
	cr_assert_neq(f->chunks[0].buf, b);
	cr_assert_neq(f->chunks[0].buf, other);
	cr_assert_eq(memcmp(f->chunks[0].buf->data, other->data, CHUNK), 0);
	cr_assert_eq(b->data[1000], 0);
	cr_assert_eq(memcmp(early.p, other->data, 1000), 0, "a reader has it still");
	p2v_slice_drop(&early);
	cr_assert_eq(fill_from(f, CHUNK, large, CHUNK, CHUNK), CHUNK);
	cr_assert_neq(f->chunks[1].buf, large, "it is more than a chunk");
	cr_assert_eq(memcmp(f->chunks[1].buf->data, large->data + CHUNK, CHUNK), 0);
	cr_assert_eq(fill_from(f, 2 * CHUNK, b, 0, 10), 10);
	shelf_close(&s);
	cr_assert_eq(b->refs, 1);
	cr_assert_eq(other->refs, 1);
	cr_assert_eq(large->refs, 1);
	p2v_buf_unref(b);
	p2v_buf_unref(other);
	p2v_buf_unref(large);
}

/* ---- proofs ---- */

/* What a peer brought is vouched for by whoever signed it, the rest by us; each is told as it was.
 */
Test(fragment, each_chunk_has_its_own_proof)
{
	struct shelf s;
	struct p2v_fragment *f;
	struct p2v_proof told, again;

	shelf_open(&s);
	f = shelf_fragment(&s, "http://cdn/live/a.ts");
	shelf_known(f, 20 * CHUNK);
	for (uint32_t i = 0; i < 19; i++) {
		struct p2v_proof proof = { .signer = { { (uint8_t)(i % 5), 1 } },
			.fetched = 1000 + i,
			.signature = { (uint8_t)i, 9 },
			.made = true };

		cr_assert(p2v_fragment_put(f, i, whole_buffer(i * CHUNK, CHUNK), CHUNK, &proof, 1));
		cr_assert_not(
			p2v_fragment_put(f, i, whole_buffer(i * CHUNK, CHUNK), CHUNK, &proof, 1));
	}
	cr_assert_eq(f->n_signers, 5);
	cr_assert_eq(shelf_fill(f, 19 * CHUNK, CHUNK), CHUNK);
	for (uint32_t i = 0; i < 19; i++) {
		cr_assert_eq(p2v_fragment_proof(f, i, &told), P2V_OK);
		cr_assert_eq(told.signer.b[0], i % 5);
		cr_assert_eq(told.fetched, 1000 + i);
		cr_assert_eq(told.signature[0], i);
		cr_assert_eq(told.signature[1], 9);
	}
	cr_assert_eq(s.crypto.signatures, 0);
	cr_assert_eq(p2v_fragment_proof(f, 19, &told), P2V_OK);
	cr_assert_eq(p2v_fragment_proof(f, 19, &again), P2V_OK);
	cr_assert_eq(s.crypto.signatures, 1, "made once");
	cr_assert_eq(memcmp(&told.signer, &s.crypto.id, sizeof told.signer), 0);
	cr_assert_eq(memcmp(told.signature, again.signature, sizeof told.signature), 0);
	cr_assert_eq(told.fetched, 1);
	shelf_close(&s);
}

/* ---- without memory ---- */

/* Whatever fails, what is here stays right, and it can go on. */
Test(fragment, without_memory_it_stays_as_it_was)
{
	for (long after = 0; after < 12; after++) {
		struct p2v_proof proof = { .fetched = 1 };
		static uint8_t bytes[3 * P2V_CHUNK];
		struct p2v_fragment *f;
		ptrdiff_t fresh;
		struct shelf s;

		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = shelf_byte(i);
		shelf_open(&s);
		oom_after(after);
		f = shelf_fragment(&s, "http://cdn/live/a.ts");
		oom_after(-1);
		if (!f)
			f = shelf_fragment(&s, "http://cdn/live/a.ts");
		cr_assert_not_null(f);
		oom_after(after);
		if (p2v_fragment_set_known(
			    f, sizeof bytes, sizeof bytes, 5, p2v_str_of("A: b\r\n"), &proof) < 0) {
			oom_after(-1);
			cr_assert(!f->known);
			shelf_known(f, sizeof bytes);
		}
		oom_after(after);
		fresh = p2v_fragment_fill(f, 0, (struct p2v_bytes){ bytes, sizeof bytes }, NULL, 1);
		oom_after(-1);
		if (fresh < 0) {
			cr_assert_eq(fresh, P2V_ENOMEM);
			cr_assert_eq(p2v_fragment_missing(f), sizeof bytes - f->held);
			cr_assert_eq(s.d->held, f->held);
			cr_assert_eq(f->from_cdn, f->held, "what came is counted all the same");
			fresh = p2v_fragment_fill(
				f, 0, (struct p2v_bytes){ bytes, sizeof bytes }, NULL, 1);
			cr_assert_geq(fresh, 0);
		}
		cr_assert(f->complete);
		cr_assert_eq(f->held, sizeof bytes);
		for (size_t i = 0; i < sizeof bytes; i++)
			cr_assert_eq(f->chunks[i / CHUNK].buf->data[i % CHUNK], shelf_byte(i));
		shelf_close(&s);
	}
}
