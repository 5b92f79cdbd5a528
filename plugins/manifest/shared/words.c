/* words.c - words, numbers, times in units of a scale. */
#include "plugins/manifest/shared/words.h"

bool words_start(struct p2v_str s, const char *word)
{
	size_t n = strlen(word);

	return s.n >= n && memcmp(s.p, word, n) == 0;
}

bool words_is_nocase(struct p2v_str s, const char *lower)
{
	size_t i = 0;

	for (; i < s.n && lower[i]; i++) {
		char c = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];

		if (c != lower[i])
			return false;
	}
	return i == s.n && !lower[i];
}

bool words_end_nocase(struct p2v_str s, const char *lower)
{
	size_t n = strlen(lower);

	return s.n >= n && words_is_nocase((struct p2v_str){ s.p + s.n - n, n }, lower);
}

bool words_have(struct p2v_str s, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i + n <= s.n; i++)
		if (memcmp(s.p + i, name, n) == 0)
			return true;
	return false;
}

bool words_next(struct p2v_str *s, struct p2v_str *out)
{
	const char *blank = s->n ? memchr(s->p, ' ', s->n) : NULL;

	if (!blank)
		return false;
	*out = (struct p2v_str){ s->p, (size_t)(blank - s->p) };
	s->n -= out->n + 1;
	s->p = blank + 1;
	return true;
}

bool words_number(struct p2v_str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)(unsigned char)s.p[i] - '0';

		if (d > 9 || v > (max - d) / 10)
			return false;
		v = v * 10 + d;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

size_t words_digits(uint64_t v, size_t width, char *out)
{
	char digits[20]; /* of UINT64_MAX */
	size_t n = 0, zeros;

	do
		digits[sizeof digits - ++n] = (char)('0' + v % 10);
	while (v /= 10);
	zeros = width > n ? width - n : 0;
	memset(out, '0', zeros);
	memcpy(out + zeros, digits + sizeof digits - n, n);
	return zeros + n;
}

p2v_usec words_usec(uint64_t t, uint64_t scale)
{
	const uint64_t most = UINT64_C(1) << 58;
	uint64_t whole, rest;

	if (scale == 0)
		return 0;
	whole = t / scale;
	rest = t % scale;
	if (whole > most / 1000000)
		return (p2v_usec)most;
	while (rest >
		UINT64_MAX / 1000001) { /* a scale so fine that its last digits do not count */
		rest /= 2;
		scale /= 2;
	}
	return (p2v_usec)(whole * 1000000 + (rest * 1000000 + scale / 2) / scale);
}
