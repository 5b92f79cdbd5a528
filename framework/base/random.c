/* random.c - reproducible random numbers for decisions. */
#include "framework/base/random.h"

void p2v_random_init(struct p2v_random *r, uint64_t seed, const char *name)
{
	uint64_t x = p2v_mix64(seed + UINT64_C(0x9e3779b97f4a7c15));

	for (; *name; name++)
		x = p2v_mix64(x ^ (uint64_t)(unsigned char)*name) + UINT64_C(0x9e3779b97f4a7c15);
	for (int i = 0; i < 4; i++) {
		x += UINT64_C(0x9e3779b97f4a7c15);
		r->s[i] = p2v_mix64(x);
	}
}

static uint64_t rotl(uint64_t x, unsigned k)
{
	return x << k | x >> (64 - k);
}

uint64_t p2v_random_next(struct p2v_random *r)
{
	uint64_t result = rotl(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rotl(r->s[3], 45);
	return result;
}

uint64_t p2v_random_below(struct p2v_random *r, uint64_t n)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;

	do
		x = p2v_random_next(r);
	while (x >= limit);
	return x % n;
}

double p2v_random_unit(struct p2v_random *r)
{
	return (double)(p2v_random_next(r) >> 11) / 9007199254740992.0;
}

/* -log2(h / 2^64) with 26 bits after the point: the integer part counts leading zeros, each
 * squaring of the mantissa gives one more bit. */
static uint64_t minus_log2(uint64_t h)
{
	uint64_t whole = 0, bits = 0, m;

	if (h == 0)
		h = 1;
	while (!(h >> 63)) {
		h <<= 1;
		whole++;
	}
	m = h >> 32; /* mantissa in [2^31, 2^32): 1.0 to 2.0 */
	for (int i = 0; i < 26; i++) {
		m = m * m >> 31;
		bits <<= 1;
		if (m >> 32) {
			bits |= 1;
			m >>= 1;
		}
	}
	return ((whole + 1) << 26) - bits;
}

uint64_t p2v_rendezvous(uint64_t key, uint64_t node, uint32_t weight)
{
	if (weight == 0)
		return UINT64_MAX;
	return (minus_log2(p2v_mix64(key ^ p2v_mix64(node))) << 20) / weight;
}
