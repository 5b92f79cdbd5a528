/* text.c - borrowed text, numbers in text, and a growing text. */
#include "framework/base/text.h"

#include <stdlib.h>
#include <string.h>

struct p2v_str p2v_str_of(const char *nul_ended)
{
	return (struct p2v_str){ nul_ended, nul_ended ? strlen(nul_ended) : 0 };
}

bool p2v_str_is(struct p2v_str s, const char *nul_ended)
{
	return s.p && strlen(nul_ended) == s.n && memcmp(s.p, nul_ended, s.n) == 0;
}

bool p2v_str_equal(struct p2v_str a, struct p2v_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool p2v_str_is_nocase(struct p2v_str s, const char *nul_ended)
{
	if (!s.p)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!nul_ended[i] || lower(s.p[i]) != lower(nul_ended[i]))
			return false;
	return nul_ended[s.n] == 0;
}

bool p2v_str_starts(struct p2v_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.p && s.n >= n && memcmp(s.p, prefix, n) == 0;
}

bool p2v_str_ends_nocase(struct p2v_str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.p && s.n >= n && p2v_str_is_nocase((struct p2v_str){ s.p + s.n - n, n }, suffix);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct p2v_str p2v_str_trim(struct p2v_str s)
{
	while (s.n && blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

size_t p2v_str_find(struct p2v_str s, char c)
{
	const char *q = s.n ? memchr(s.p, c, s.n) : NULL;

	return q ? (size_t)(q - s.p) : s.n;
}

bool p2v_str_split(struct p2v_str *rest, char sep, struct p2v_str *head)
{
	size_t i;

	if (!rest->p)
		return false;
	i = p2v_str_find(*rest, sep);
	*head = (struct p2v_str){ rest->p, i };
	if (i == rest->n) {
		*rest = (struct p2v_str){ NULL, 0 };
	} else {
		rest->p += i + 1;
		rest->n -= i + 1;
	}
	return true;
}

char *p2v_str_dup(struct p2v_str s)
{
	char *q = malloc(s.n + 1);

	if (q) {
		if (s.n)
			memcpy(q, s.p, s.n);
		q[s.n] = 0;
	}
	return q;
}

size_t p2v_utf8(struct p2v_str s)
{
	unsigned char first = s.n ? (unsigned char)s.p[0] : 0xff, lo = 0x80, hi = 0xbf;
	size_t k;

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	k = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (first == 0xe0)
		lo = 0xa0;
	else if (first == 0xed)
		hi = 0x9f;
	else if (first == 0xf0)
		lo = 0x90;
	else if (first == 0xf4)
		hi = 0x8f;
	if (s.n < k || (unsigned char)s.p[1] < lo || (unsigned char)s.p[1] > hi)
		return 0;
	for (size_t i = 2; i < k; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
	return k;
}

int p2v_parse_u64(struct p2v_str s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return P2V_EPARSE;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)(s.p[i] - '0');

		if (d > 9 || v > (UINT64_MAX - d) / 10)
			return P2V_EPARSE;
		v = v * 10 + d;
	}
	if (v < min || v > max)
		return P2V_EPARSE;
	*out = v;
	return P2V_OK;
}

int p2v_parse_size(struct p2v_str s, uint64_t *out)
{
	static const struct {
		const char *suffix;
		uint64_t factor;
	} units[] = { { "Ki", 1024 }, { "Mi", 1024 * 1024 }, { "Gi", 1024 * 1024 * 1024 },
		{ "k", 1000 }, { "M", 1000000 }, { "G", 1000000000 } };
	uint64_t v, factor = 1;

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		size_t n = strlen(units[i].suffix);

		if (s.n > n && memcmp(s.p + s.n - n, units[i].suffix, n) == 0) {
			factor = units[i].factor;
			s.n -= n;
			break;
		}
	}
	if (p2v_parse_u64(s, 0, UINT64_MAX / factor, &v) < 0)
		return P2V_EPARSE;
	*out = v * factor;
	return P2V_OK;
}

int p2v_parse_real(struct p2v_str s, double *out)
{
	static const double pow10[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
		1e11, 1e12, 1e13, 1e14, 1e15 };
	uint64_t digits = 0; /* below 10^15, so that it and the power of ten are exact and one
				division rounds */
	unsigned after = 0;
	bool minus = false, point = false, any = false;
	size_t i = 0;
	double v;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		minus = s.p[i++] == '-';
	for (; i < s.n; i++) {
		if (s.p[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s.p[i] < '0' || s.p[i] > '9')
			return P2V_EPARSE;
		any = true;
		if (digits < 100000000000000 && after < 15) {
			digits = digits * 10 + (uint64_t)(s.p[i] - '0');
			after += point;
		} else if (!point) {
			return P2V_EPARSE; /* too large; digits after the point are simply dropped
					    */
		}
	}
	if (!any)
		return P2V_EPARSE;
	v = (double)digits / pow10[after];
	*out = minus ? -v : v;
	return P2V_OK;
}

int p2v_parse_usec(struct p2v_str s, const char *unit, p2v_usec *out)
{
	static const struct {
		const char *suffix;
		double us;
	} units[] = { { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 }, { "m", 60e6 }, { "h", 3600e6 },
		{ "d", 86400e6 } };
	struct p2v_str number = s, suffix;
	double v, factor = 0;

	while (number.n && !(number.p[number.n - 1] >= '0' && number.p[number.n - 1] <= '9') &&
		number.p[number.n - 1] != '.')
		number.n--;
	suffix = p2v_str_trim((struct p2v_str){ number.p + number.n, s.n - number.n });
	if (suffix.n == 0)
		suffix = p2v_str_of(unit);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (p2v_str_is(suffix, units[i].suffix))
			factor = units[i].us;
	if (factor <= 0 || p2v_parse_real(number, &v) < 0 || v < 0 || v * factor > 9e15)
		return P2V_EPARSE;
	*out = (p2v_usec)(v * factor + 0.5);
	return P2V_OK;
}

int p2v_parse_bool(struct p2v_str s, bool *out)
{
	static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no",
		"false", "off", "0" };

	for (size_t i = 0; i < 4; i++) {
		if (p2v_str_is_nocase(s, yes[i]) || p2v_str_is_nocase(s, no[i])) {
			*out = p2v_str_is_nocase(s, yes[i]);
			return P2V_OK;
		}
	}
	return P2V_EPARSE;
}

size_t p2v_decimal(uint64_t v, char out[P2V_DECIMAL_MAX])
{
	char back[P2V_DECIMAL_MAX];
	size_t n = 0;

	do {
		back[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (size_t i = 0; i < n; i++)
		out[i] = back[n - 1 - i];
	return n;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int p2v_parse_hex(struct p2v_str s, uint8_t *out, size_t n)
{
	if (s.n != 2 * n)
		return P2V_EPARSE;
	for (size_t i = 0; i < s.n; i++)
		if (hex_digit(s.p[i]) < 0)
			return P2V_EPARSE;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(hex_digit(s.p[2 * i]) << 4 | hex_digit(s.p[2 * i + 1]));
	return P2V_OK;
}

char *p2v_hex(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = 0;
	return out;
}

/* Year, month and day of a day since 1970-01-01; the inverse of counting days in 400-year cycles
 * that begin on 1 March (a leap day is then the last one of its year). */
static void day_of(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	int64_t shifted = days + 719468; /* since 0000-03-01 */
	int64_t cycle = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t in = shifted - cycle * 146097;
	int64_t year = (in - in / 1460 + in / 36524 - in / 146096) / 365;
	int64_t in_year = in - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153; /* 0: March */

	*d = (unsigned)(in_year - (153 * month + 2) / 5 + 1);
	*m = (unsigned)(month < 10 ? month + 3 : month - 9);
	*y = cycle * 400 + year + (*m <= 2);
}

char *p2v_date_text(int64_t us, char out[P2V_DATE_TEXT])
{
	int64_t day = us / (86400 * P2V_SECOND), in = us % (86400 * P2V_SECOND), y;
	unsigned m, d, part;
	int n;

	if (in < 0) {
		in += 86400 * P2V_SECOND;
		day--;
	}
	day_of(day, &y, &m, &d);
	part = (unsigned)(in % P2V_SECOND);
	in /= P2V_SECOND;
	n = snprintf(out, P2V_DATE_TEXT, "%04lld-%02u-%02uT%02u:%02u:%02u", (long long)y, m, d,
		(unsigned)(in / 3600), (unsigned)(in / 60 % 60), (unsigned)(in % 60));
	if (part % 1000)
		n += snprintf(out + n, P2V_DATE_TEXT - (size_t)n, ".%06u", part);
	else if (part)
		n += snprintf(out + n, P2V_DATE_TEXT - (size_t)n, ".%03u", part / 1000);
	(void)snprintf(out + n, P2V_DATE_TEXT - (size_t)n, "Z");
	return out;
}

unsigned p2v_text_distance(const char *a, const char *b, unsigned limit)
{
	enum { MAX = 64 };
	unsigned row[MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > MAX || nb > MAX)
		return limit + 1;
	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned change = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
			unsigned best = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;

			diagonal = row[j];
			row[j] = change < best ? change : best;
		}
	}
	return row[nb] > limit ? limit + 1 : row[nb];
}

const char *p2v_text_nearest(const char *word, const char *const *candidates)
{
	unsigned best = (unsigned)strlen(word) / 3 + 1;
	const char *found = NULL;

	for (; *candidates; candidates++) {
		unsigned d = p2v_text_distance(word, *candidates, best);

		if (d < best || (d == best && !found)) {
			best = d;
			found = *candidates;
		}
	}
	return found;
}

void p2v_text_fini(struct p2v_text *t)
{
	free(t->p);
	*t = (struct p2v_text){ 0 };
}

static bool reserve(struct p2v_text *t, size_t more)
{
	size_t cap = t->cap ? t->cap : 64;
	char *q;

	if (t->oom || more >= SIZE_MAX / 2 - t->n) {
		t->oom = true;
		return false;
	}
	if (t->n + more + 1 <= t->cap)
		return true;
	while (cap < t->n + more + 1)
		cap *= 2;
	q = realloc(t->p, cap);
	if (!q) {
		t->oom = true;
		return false;
	}
	t->p = q;
	t->cap = cap;
	return true;
}

void p2v_text_add(struct p2v_text *t, const char *p, size_t n)
{
	if (!reserve(t, n))
		return;
	if (n)
		memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = 0;
}

void p2v_text_str(struct p2v_text *t, struct p2v_str s)
{
	p2v_text_add(t, s.p, s.n);
}

void p2v_text_puts(struct p2v_text *t, const char *nul_ended)
{
	p2v_text_add(t, nul_ended, strlen(nul_ended));
}

void p2v_text_printf(struct p2v_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(t, (size_t)n))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(t->p + t->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->n += (size_t)n;
}

#define COLUMNS 80u

static void paragraph(struct p2v_text *t, struct p2v_str text, unsigned indent, unsigned at)
{
	struct p2v_str word;

	while (p2v_str_split(&text, ' ', &word)) {
		if (word.n == 0)
			continue;
		if (at > indent && at + 1 + word.n > COLUMNS) {
			p2v_text_puts(t, "\n");
			at = 0;
		} else if (at > indent) {
			p2v_text_puts(t, " ");
			at++;
		}
		for (; at < indent; at++)
			p2v_text_puts(t, " ");
		p2v_text_str(t, word);
		at += (unsigned)word.n;
	}
	p2v_text_puts(t, "\n");
}

void p2v_text_paragraphs(struct p2v_text *t, const char *text, unsigned indent, unsigned at)
{
	const char *end;

	for (; (end = strstr(text, "\n\n")); text = end + 2, at = 0) {
		paragraph(t, (struct p2v_str){ text, (size_t)(end - text) }, indent, at);
		p2v_text_puts(t, "\n");
	}
	paragraph(t, p2v_str_of(text), indent, at);
}
