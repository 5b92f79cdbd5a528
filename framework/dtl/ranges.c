/* ranges.c - spans in a sorted array: there are few, and most changes are at its ends. */
#include "framework/dtl/ranges.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void p2v_ranges_fini(struct p2v_ranges *r)
{
	free(r->v);
	*r = (struct p2v_ranges){ NULL, 0, 0 };
}

/* @return the first span that ends at or above x, n: none */
static size_t find(const struct p2v_ranges *r, uint64_t x)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->v[mid].hi < x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Put k spans in the place of `old` spans from index i. */
static int splice(
	struct p2v_ranges *r, size_t i, size_t old, const struct p2v_span *spans, size_t k)
{
	size_t n = r->n - old + k;

	if (n > r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 4;
		struct p2v_span *v = realloc(r->v, cap * sizeof *v);

		if (!v)
			return P2V_ENOMEM;
		r->v = v;
		r->cap = cap;
	}
	if (r->n > i + old && old != k)
		memmove(&r->v[i + k], &r->v[i + old], (r->n - i - old) * sizeof *r->v);
	for (size_t j = 0; j < k; j++)
		r->v[i + j] = spans[j];
	r->n = n;
	return P2V_OK;
}

int p2v_ranges_add(struct p2v_ranges *r, uint64_t lo, uint64_t hi)
{
	struct p2v_span s = { lo, hi };
	size_t i = find(r, lo), j = i;

	assert(lo < hi);
	for (; j < r->n && r->v[j].lo <= hi; j++) {
		s.lo = r->v[j].lo < s.lo ? r->v[j].lo : s.lo;
		s.hi = r->v[j].hi > s.hi ? r->v[j].hi : s.hi;
	}
	return splice(r, i, j - i, &s, 1);
}

int p2v_ranges_cut(struct p2v_ranges *r, uint64_t lo, uint64_t hi)
{
	size_t i = find(r, lo), j, k = 0;
	struct p2v_span rest[2];

	assert(lo < hi);
	if (i < r->n && r->v[i].hi == lo)
		i++;
	for (j = i; j < r->n && r->v[j].lo < hi; j++) {
		if (r->v[j].lo < lo)
			rest[k++] = (struct p2v_span){ r->v[j].lo, lo };
		if (r->v[j].hi > hi)
			rest[k++] = (struct p2v_span){ hi, r->v[j].hi };
	}
	return i == j ? P2V_OK : splice(r, i, j - i, rest, k);
}

void p2v_ranges_drop_below(struct p2v_ranges *r, uint64_t x)
{
	size_t i = find(r, x);

	if (i < r->n && r->v[i].hi == x)
		i++;
	if (i)
		memmove(r->v, r->v + i, (r->n - i) * sizeof *r->v);
	r->n -= i;
	if (r->n && r->v[0].lo < x)
		r->v[0].lo = x;
}

bool p2v_ranges_has(const struct p2v_ranges *r, uint64_t lo, uint64_t hi)
{
	size_t i = find(r, hi);

	return lo >= hi || (i < r->n && r->v[i].lo <= lo);
}
