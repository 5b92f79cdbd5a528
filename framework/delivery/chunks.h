/* chunks.h - sets of a fragment's chunks, a bit each. A set is looked at by the word, so that
 * whoever combines several never goes through chunks one by one. */
#ifndef P2V_DELIVERY_CHUNKS_H
#define P2V_DELIVERY_CHUNKS_H

#include <stdbool.h>
#include <stdint.h>

#define P2V_WORD 64u /* chunks in a word: chunk i is bit i % P2V_WORD of word i / P2V_WORD */

/** @return how many words n chunks take */
static inline uint32_t p2v_chunk_words(uint32_t n)
{
	return (n + P2V_WORD - 1) / P2V_WORD;
}

/** @return those of word w that lie in from…to-1 */
static inline uint64_t p2v_chunk_range(uint32_t w, uint32_t from, uint32_t to)
{
	uint32_t base = w * P2V_WORD, a = from > base ? from - base : 0,
		 z = to > base ? to - base : 0;

	z = z < P2V_WORD ? z : P2V_WORD;
	return a < z ? (UINT64_MAX << a) & (UINT64_MAX >> (P2V_WORD - z)) : 0;
}

/** @param v  [in] not 0 @return the number of its lowest bit */
static inline uint32_t p2v_chunk_lowest(uint64_t v)
{
#if defined(__GNUC__)
	return (uint32_t)__builtin_ctzll(v);
#else
	uint32_t n = 0;

	for (uint32_t half = P2V_WORD / 2; half > 0; half /= 2)
		if (!(v & (UINT64_MAX >> (P2V_WORD - half)))) {
			v >>= half;
			n += half;
		}
	return n;
#endif
}

/** @return how many bits v has */
static inline uint32_t p2v_chunk_count(uint64_t v)
{
	/* Sums of two, of four, of eight bits; then of all eights, in the highest. */
	v -= v >> 1 & UINT64_C(0x5555555555555555);
	v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
	v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (uint32_t)(v * UINT64_C(0x0101010101010101) >> 56);
}

#endif
