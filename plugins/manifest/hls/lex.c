/* lex.c - the words of a playlist (RFC 8216 sections 4.1 and 4.2). */
#include "plugins/manifest/hls/lex.h"

#include <string.h>

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

struct p2v_str hls_trim(struct p2v_str s)
{
	while (s.n && blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool hls_is(struct p2v_str s, const char *nul_ended)
{
	return s.p && strlen(nul_ended) == s.n && memcmp(s.p, nul_ended, s.n) == 0;
}

bool hls_same(struct p2v_str a, struct p2v_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* @return [B] of the character that begins s, which is not empty; 0: it is none */
static size_t utf8_char(struct p2v_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4 || s.n < n)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0; /* shorter forms exist */
	else if (p[0] == 0xed)
		hi = 0x9f; /* surrogates */
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f; /* beyond U+10FFFF */
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Eight at a time: most is. */
static bool is_ascii(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return (v & UINT64_C(0x8080808080808080)) == 0;
}

bool hls_utf8(struct p2v_str s)
{
	while (s.n) {
		size_t n = s.n >= sizeof(uint64_t) && is_ascii(s.p) ? sizeof(uint64_t)
								    : utf8_char(s);

		if (n == 0)
			return false;
		s.p += n;
		s.n -= n;
	}
	return true;
}

static const char *find_lf(const char *p, const char *end)
{
	const char *lf = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

	return lf ? lf : end;
}

struct hls_lines hls_lines_of(struct p2v_str text)
{
	const char *end = text.n ? text.p + text.n : text.p;

	return (struct hls_lines){ text.p, end, find_lf(text.p, end), 0, false };
}

bool hls_line_next(struct hls_lines *it, struct p2v_str *line)
{
	const char *end, *cr;

	if (it->p == it->end)
		return false;
	if (it->p > it->lf)
		it->lf = find_lf(it->p, it->end);
	cr = memchr(it->p, '\r', (size_t)(it->lf - it->p));
	end = cr ? cr : it->lf;
	*line = hls_trim((struct p2v_str){ it->p, (size_t)(end - it->p) });
	it->p = end;
	if (cr && end + 1 == it->lf && it->lf < it->end)
		it->p += 2;
	else if (end < it->end) {
		it->p++;
		it->lone_cr |= cr != NULL;
	}
	it->n++;
	return true;
}

bool hls_tag(struct p2v_str line, struct p2v_str *name, struct p2v_str *value)
{
	const char *colon;

	if (line.n < 4 || memcmp(line.p, "#EXT", 4) != 0)
		return false;
	colon = memchr(line.p, ':', line.n);
	*name = (struct p2v_str){ line.p + 1, colon ? (size_t)(colon - line.p) - 1 : line.n - 1 };
	*name = hls_trim(*name);
	*value = (struct p2v_str){ line.p + line.n, 0 };
	if (colon)
		*value = hls_trim(
			(struct p2v_str){ colon + 1, (size_t)(line.p + line.n - colon) - 1 });
	return true;
}

/* ---- attributes ---- */

/* The quote that ends a value is the first one before a comma or the end, as hls.js has it: so a
 * value in two pairs of quotes is still one value.
 * @param s  [in] what stands behind the opening quote
 * @return [B] where the closing one stands; s.n: nowhere */
static size_t closing_quote(struct p2v_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t k = i + 1;

		if (s.p[i] != '"')
			continue;
		while (k < s.n && blank(s.p[k]))
			k++;
		if (k == s.n || s.p[k] == ',')
			return i;
	}
	return s.n;
}

static struct p2v_str cut_at(struct p2v_str *s, char c)
{
	const char *q = s->n ? memchr(s->p, c, s->n) : NULL;
	struct p2v_str head = { s->p, q ? (size_t)(q - s->p) : s->n };

	s->p += head.n + (q ? 1 : 0);
	s->n -= head.n + (q ? 1 : 0);
	return head;
}

/* *s begins with a quote. @return false: that quote is never closed; *s is as before */
static bool quoted_value(struct p2v_str *s, struct hls_attr *out)
{
	struct p2v_str in = { s->p + 1, s->n - 1 };
	size_t n = closing_quote(in);

	if (n == in.n)
		return false;
	s->p += n + 2;
	s->n -= n + 2;
	(void)cut_at(s, ',');
	in.n = n;
	out->flags |= HLS_ATTR_QUOTED;
	while (in.n >= 2 && in.p[0] == '"' && in.p[in.n - 1] == '"') {
		in.p++;
		in.n -= 2;
		out->flags |= HLS_ATTR_REQUOTED;
	}
	out->value = in;
	return true;
}

static void bare_value(struct p2v_str *s, struct hls_attr *out)
{
	struct p2v_str raw = cut_at(s, ',');

	out->value = hls_trim(raw);
	if (out->value.n != raw.n)
		out->flags |= HLS_ATTR_BLANKS;
	if (out->value.n && out->value.p[0] == '"') {
		out->value.p++;
		out->value.n--;
		out->flags |= HLS_ATTR_OPEN;
	}
}

bool hls_attr_next(struct hls_attrs *list, struct hls_attr *out)
{
	struct p2v_str *s = &list->rest, raw, v;

	if (s->n == 0)
		return false;
	*out = (struct hls_attr){ .flags = 0 };
	raw = *s;
	for (raw.n = 0; raw.n < s->n && s->p[raw.n] != '=' && s->p[raw.n] != ',';)
		raw.n++;
	out->name = hls_trim(raw);
	out->value = (struct p2v_str){ raw.p + raw.n, 0 };
	if (out->name.n != raw.n)
		out->flags |= HLS_ATTR_BLANKS;
	s->p += raw.n;
	s->n -= raw.n;
	if (s->n == 0 || s->p[0] == ',') { /* a name alone */
		(void)cut_at(s, ',');
		return true;
	}
	v = hls_trim((struct p2v_str){ s->p + 1, s->n - 1 });
	if (v.n && v.p != s->p + 1)
		out->flags |= HLS_ATTR_BLANKS;
	*s = v;
	if (v.n && v.p[0] == '"' && !list->unclosed) {
		if (quoted_value(s, out))
			return true;
		list->unclosed = true; /* looking again from further on would find none, either */
	}
	bare_value(s, out);
	return true;
}

/* ---- numbers ---- */

static void skip(struct p2v_str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

bool hls_take_u64(struct p2v_str *s, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s->n && digit(s->p[i]); i++) {
		unsigned d = (unsigned)(s->p[i] - '0');

		if (v > (UINT64_MAX - d) / 10)
			return false;
		v = v * 10 + d;
	}
	if (i == 0)
		return false;
	*out = v;
	skip(s, i);
	return true;
}

/* The digits behind a point, as millionths, rounded. @return how many there are */
static size_t fraction(struct p2v_str s, int64_t *us)
{
	int64_t v = 0, unit = 100000;
	size_t i;

	for (i = 0; i < s.n && digit(s.p[i]); i++) {
		if (unit) {
			v += (s.p[i] - '0') * unit;
			unit /= 10;
		} else if (i == 6 && s.p[i] >= '5') {
			v++;
		}
	}
	*us = v;
	return i;
}

bool hls_take_seconds(struct p2v_str *s, p2v_usec *out)
{
	p2v_usec whole = 0, part = 0;
	struct p2v_str at = *s;
	size_t n = 0, digits = 0;

	for (; n < at.n && digit(at.p[n]); n++)
		if (whole <= HLS_SECONDS_MAX)
			whole = whole * 10 + (at.p[n] - '0');
	digits = n;
	if (n < at.n && at.p[n] == '.') {
		size_t k = fraction((struct p2v_str){ at.p + n + 1, at.n - n - 1 }, &part);

		digits += k;
		n += 1 + k;
	}
	if (digits == 0 || whole > HLS_SECONDS_MAX / P2V_SECOND)
		return false;
	whole = whole * P2V_SECOND + part;
	if (whole > HLS_SECONDS_MAX)
		return false;
	*out = whole;
	skip(s, n);
	return true;
}

bool hls_take_range(struct p2v_str *s, uint64_t *len, bool *has_off, uint64_t *off)
{
	struct p2v_str at = *s;

	*has_off = false;
	*off = 0;
	if (!hls_take_u64(&at, len))
		return false;
	if (at.n && at.p[0] == '@') {
		skip(&at, 1);
		if (!hls_take_u64(&at, off))
			return false;
		*has_off = true;
	}
	if (*len == 0 || *len > INT64_MAX || *off > INT64_MAX - *len)
		return false;
	*s = at;
	return true;
}

/* ---- dates ---- */

/* Exactly n digits. */
static bool take_digits(struct p2v_str *s, size_t n, int64_t *out)
{
	int64_t v = 0;

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!digit(s->p[i]))
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	*out = v;
	skip(s, n);
	return true;
}

static bool take_char(struct p2v_str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	skip(s, 1);
	return true;
}

static bool leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar, year 1 or later. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	static const int before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t past = y - 1;

	return past * 365 + past / 4 - past / 100 + past / 400 + before[m - 1] +
	       (m > 2 && leap(y)) + d - 719163;
}

static bool take_day(struct p2v_str *s, int64_t *days)
{
	static const int length[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t y, m, d;

	if (!take_digits(s, 4, &y) || !take_char(s, '-') || !take_digits(s, 2, &m) ||
		!take_char(s, '-') || !take_digits(s, 2, &d))
		return false;
	if (y < 1 || m < 1 || m > 12 || d < 1 || d > length[m - 1] + (m == 2 && leap(y)))
		return false;
	*days = days_of(y, m, d);
	return true;
}

static bool take_clock(struct p2v_str *s, int64_t *us)
{
	int64_t h, m, sec = 0, part = 0;

	if (!take_digits(s, 2, &h) || !take_char(s, ':') || !take_digits(s, 2, &m))
		return false;
	if (take_char(s, ':') && !take_digits(s, 2, &sec))
		return false;
	if (s->n > 1 && (s->p[0] == '.' || s->p[0] == ',') && digit(s->p[1])) {
		size_t n = fraction((struct p2v_str){ s->p + 1, s->n - 1 }, &part);

		skip(s, n + 1);
	}
	if (h > 24 || m > 59 || sec > 60) /* 24:00 ends a day, 60 is a leap second */
		return false;
	*us = ((h * 60 + m) * 60 + sec) * P2V_SECOND + part;
	return true;
}

/* @return false: something that looks like an offset is none */
static bool take_offset(struct p2v_str *s, int64_t *us, bool *zone)
{
	int64_t h, m = 0, sign;

	*us = 0;
	*zone = take_char(s, 'Z') || take_char(s, 'z');
	if (*zone || s->n == 0 || (s->p[0] != '+' && s->p[0] != '-'))
		return true;
	sign = s->p[0] == '-' ? -1 : 1;
	skip(s, 1);
	if (!take_digits(s, 2, &h))
		return false;
	if (take_char(s, ':') || (s->n && digit(s->p[0]))) {
		if (!take_digits(s, 2, &m))
			return false;
	}
	if (h > 23 || m > 59)
		return false;
	*us = sign * (h * 60 + m) * 60 * P2V_SECOND;
	*zone = true;
	return true;
}

bool hls_take_date(struct p2v_str *s, int64_t *out, bool *zone)
{
	struct p2v_str at = *s;
	int64_t days, clock, offset;

	if (!take_day(&at, &days))
		return false;
	if (!take_char(&at, 'T') && !take_char(&at, 't') && !take_char(&at, ' '))
		return false;
	if (!take_clock(&at, &clock) || !take_offset(&at, &offset, zone))
		return false;
	*out = days * 86400 * P2V_SECOND + clock - offset;
	*s = at;
	return true;
}

static int nibble(char c)
{
	if (digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hls_hex16(struct p2v_str s, uint8_t out[16])
{
	if (s.n < 3 || s.n > 34 || s.p[0] != '0' || (s.p[1] | 32) != 'x')
		return false;
	memset(out, 0, 16);
	for (size_t i = 2; i < s.n; i++) {
		size_t from_end = s.n - 1 - i;
		int v = nibble(s.p[i]);

		if (v < 0)
			return false;
		out[15 - from_end / 2] |= (uint8_t)(from_end % 2 ? v << 4 : v);
	}
	return true;
}
