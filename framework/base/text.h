/* text.h - borrowed text, numbers in text, and a growing text. No locale, no allocation but in
 * p2v_text. */
#ifndef P2V_BASE_TEXT_H
#define P2V_BASE_TEXT_H

#include <peer2view/base.h>

/* ---- borrowed text ---- */

struct p2v_str p2v_str_of(const char *nul_ended);         /* NULL gives the absent string */
bool p2v_str_is(struct p2v_str s, const char *nul_ended); /* byte for byte */
bool p2v_str_equal(struct p2v_str a, struct p2v_str b);
bool p2v_str_is_nocase(struct p2v_str s, const char *nul_ended); /* ASCII case ignored */
bool p2v_str_starts(struct p2v_str s, const char *prefix);
bool p2v_str_ends_nocase(struct p2v_str s, const char *suffix);
struct p2v_str p2v_str_trim(struct p2v_str s); /* without blanks and line ends at both ends */
/** Cut off what stands before the first `sep`.
 * @param rest  [inout] what is left; absent when nothing is
 * @return false when *rest was absent */
bool p2v_str_split(struct p2v_str *rest, char sep, struct p2v_str *head);
/** @return index of the first c, or s.n */
size_t p2v_str_find(struct p2v_str s, char c);
/** @return a heap copy, NUL-ended; NULL: no memory */
char *p2v_str_dup(struct p2v_str s);
/** @return [B] length of the well-formed UTF-8 sequence (RFC 3629) that s begins with, 0: it begins
 * with none */
size_t p2v_utf8(struct p2v_str s);

/* ---- numbers and lengths of time ---- */

/** Decimal digits only. @return P2V_OK or P2V_EPARSE; *out untouched on error */
P2V_MUST_USE int p2v_parse_u64(struct p2v_str s, uint64_t min, uint64_t max, uint64_t *out);
/** Digits with an optional k M G (powers of 1000) or Ki Mi Gi (powers of 1024). */
P2V_MUST_USE int p2v_parse_size(struct p2v_str s, uint64_t *out);
/** "-1.25", "3"; no exponent, no infinity. Correctly rounded to the nearest double for up to 15
 * digits. */
P2V_MUST_USE int p2v_parse_real(struct p2v_str s, double *out);
/** "250ms", "2s", "1.5s", "10m", "2h", "300us"; a bare number is in `unit` ("us", "ms", "s"). */
P2V_MUST_USE int p2v_parse_usec(struct p2v_str s, const char *unit, p2v_usec *out);
#define P2V_DECIMAL_MAX 20u /* [B] of the largest number */
/** A number's decimal digits, without a NUL. @param out  [out] shape (P2V_DECIMAL_MAX) @return [B]
 * how many there are */
size_t p2v_decimal(uint64_t v, char out[P2V_DECIMAL_MAX]);
/** "yes no true false on off 1 0" */
P2V_MUST_USE int p2v_parse_bool(struct p2v_str s, bool *out);
/** Lower or upper case hex digits to bytes. @return P2V_OK or P2V_EPARSE when s is not 2n hex
 * digits */
P2V_MUST_USE int p2v_parse_hex(struct p2v_str s, uint8_t *out, size_t n);
/** @param out  [out] shape (2n + 1), NUL-ended @return out */
char *p2v_hex(const uint8_t *p, size_t n, char *out);

#define P2V_DATE_TEXT 40u /* [B] room for any date's text with its NUL */
/** A date and time of day as RFC 3339 has it, UTC, with three or six digits behind the second where
 * they are not all zero.
 * @param us   [us] since 1970-01-01 UTC
 * @param out  [out] shape (P2V_DATE_TEXT) @return out */
char *p2v_date_text(int64_t us, char out[P2V_DATE_TEXT]);

/** @return edits (insert, delete, change) between a and b, at most `limit` + 1 */
unsigned p2v_text_distance(const char *a, const char *b, unsigned limit);
/** The candidate nearest to `word`, for "did you mean": NULL when none is within a third of its
 * length and one more edit.
 * @param candidates  [in] NULL-ended */
const char *p2v_text_nearest(const char *word, const char *const *candidates);

/* ---- a growing text ---- */

struct p2v_text {
	char *p;  /* NUL-ended once anything was added; heap */
	size_t n; /* [B] without the NUL */
	size_t cap;
	bool oom; /* an allocation failed: what follows was dropped */
};

void p2v_text_fini(struct p2v_text *t);
void p2v_text_add(struct p2v_text *t, const char *p, size_t n);
void p2v_text_str(struct p2v_text *t, struct p2v_str s);
void p2v_text_puts(struct p2v_text *t, const char *nul_ended);
void p2v_text_printf(struct p2v_text *t, const char *fmt, ...) P2V_PRINTF(2, 3);

/** Paragraphs, broken at blanks so that no line is longer than 80 characters, where words allow it.
 * @param t       [in,out] gets the lines, the last one ended, too
 * @param text    [in] paragraphs, "\n\n" between them; borrowed during the call
 * @param indent  [in] blanks before each line
 * @param at      [in] the column at which t stands: 0, or where the caller left off on the first
 * line */
void p2v_text_paragraphs(struct p2v_text *t, const char *text, unsigned indent, unsigned at);

#endif
