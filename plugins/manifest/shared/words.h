/* words.h - what stands in the attributes of a manifest and before a fragment's media: words,
 * numbers, times in units of a scale. */
#ifndef P2V_MANIFEST_WORDS_H
#define P2V_MANIFEST_WORDS_H

#include <peer2view/base.h>
#include <string.h>

/** "%.*s" of at most 60 bytes. */
#define WORDS_CUT(s) ((int)((s).n < 60 ? (s).n : 60)), ((s).p ? (s).p : "")

/* Elements and attributes are looked for by name, many times in each: in line, the length of a word
 * that is written out is known. */
static inline struct p2v_str words_of(const char *word)
{
	return (struct p2v_str){ word, strlen(word) };
}

static inline bool words_same(struct p2v_str a, struct p2v_str b)
{
	return a.n == b.n && (a.n == 0 || (a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0));
}

static inline bool words_is(struct p2v_str s, const char *word)
{
	return words_same(s, words_of(word));
}

bool words_start(struct p2v_str s, const char *word);
/** Packagers differ in case.
 * @param lower  the word, in small letters */
bool words_is_nocase(struct p2v_str s, const char *lower);
bool words_end_nocase(struct p2v_str s, const char *lower);
/** @return whether `name` stands anywhere in s */
bool words_have(struct p2v_str s, const char *name);
/** Cut off what stands before the first blank, and that blank.
 * @return false: there is no blank; then *s stays */
bool words_next(struct p2v_str *s, struct p2v_str *out);
/** A number in digits alone. @return false: it is none, or it is above max; then *out stays */
bool words_number(struct p2v_str s, uint64_t max, uint64_t *out);
enum { WORDS_DIGITS = 99 }; /* of one number */
/** A number in digits.
 * @param width  at least so many digits, up to WORDS_DIGITS
 * @param out    [out] shape (WORDS_DIGITS)
 * @return how many there are */
size_t words_digits(uint64_t v, size_t width, char *out);
/** t units of 1/scale s in microseconds, to the nearest. t and scale are anything; no result is
 * over 2^58. */
p2v_usec words_usec(uint64_t t, uint64_t scale);

#endif
