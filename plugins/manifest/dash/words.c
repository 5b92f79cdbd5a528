/* words.c - what stands in an MPD's attributes: durations, dates, ranges, URL templates. */
#include <stdlib.h>
#include <string.h>

#include "plugins/manifest/dash/dash.h"

/* [us] 1100 years: sums of a few stay far from overflow. */
#define TIME_MAX (INT64_C(1) << 55)

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits, and behind a point up to six more that count. @return whether there is a digit */
static bool take_decimal(struct p2v_str *s, uint64_t *whole, uint64_t *micro)
{
	bool any = false;
	uint64_t unit = 100000;

	*whole = *micro = 0;
	for (; s->n && digit(s->p[0]); s->p++, s->n--) {
		any = true;
		if (*whole < UINT64_C(1) << 58)
			*whole = *whole * 10 + (uint64_t)(s->p[0] - '0');
	}
	if (!s->n || (s->p[0] != '.' && s->p[0] != ','))
		return any;
	s->p++;
	s->n--;
	for (; s->n && digit(s->p[0]); s->p++, s->n--) {
		any = true;
		*micro += unit * (uint64_t)(s->p[0] - '0');
		unit /= 10;
	}
	return any;
}

static uint64_t seconds_of(char unit, bool time)
{
	switch (unit) {
	case 'Y': return time ? 0 : UINT64_C(31536000);
	case 'M': return time ? 60 : UINT64_C(2592000);
	case 'W': return time ? 0 : 604800;
	case 'D': return time ? 0 : 86400;
	case 'H': return time ? 3600 : 0;
	case 'S': return time ? 1 : 0;
	default: return 0;
	}
}

bool dash_take_duration(struct p2v_str s, p2v_usec *out)
{
	const uint64_t most = TIME_MAX / 1000000;
	uint64_t sum = 0, us = 0;
	bool time = false, any = false;

	if (!s.n || s.p[0] != 'P')
		return false;
	s.p++;
	s.n--;
	while (s.n) {
		uint64_t whole, micro, unit;

		if (!time && s.p[0] == 'T') {
			time = true;
			s.p++;
			s.n--;
			continue;
		}
		if (!take_decimal(&s, &whole, &micro) || !s.n)
			return false;
		unit = seconds_of(s.p[0], time);
		if (unit == 0 || whole > most / unit)
			return false;
		s.p++;
		s.n--;
		sum += whole * unit;
		us += micro * unit;
		any = true;
		if (sum > most)
			return false;
	}
	*out = (p2v_usec)(sum * 1000000 + us);
	return any && *out <= TIME_MAX;
}

/* Exactly n digits and then the sign; 0: no sign. */
static bool take_field(struct p2v_str *s, size_t n, char sign, unsigned *out)
{
	*out = 0;
	if (s->n < n + (sign != 0))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!digit(s->p[i]))
			return false;
		*out = *out * 10 + (unsigned)(s->p[i] - '0');
	}
	if (sign && s->p[n] != sign)
		return false;
	s->p += n + (sign != 0);
	s->n -= n + (sign != 0);
	return true;
}

/* Days since 1970-01-01 in the Gregorian calendar: years that begin in March end in the leap day.
 */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2), era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool take_zone(struct p2v_str s, int64_t *minutes)
{
	unsigned h, m = 0;
	bool west;

	*minutes = 0;
	if (s.n == 0 || words_is(s, "Z") || words_is(s, "z"))
		return true;
	west = s.p[0] == '-';
	if (!west && s.p[0] != '+')
		return false;
	s.p++;
	s.n--;
	if (!take_field(&s, 2, 0, &h))
		return false;
	if (s.n && s.p[0] == ':') {
		s.p++;
		s.n--;
	}
	if (s.n && !take_field(&s, 2, 0, &m))
		return false;
	*minutes = (int64_t)(h * 60 + m) * (west ? -1 : 1);
	return s.n == 0 && h < 24 && m < 60;
}

bool dash_take_date(struct p2v_str s, int64_t *out)
{
	unsigned year, month, day, h = 0, min = 0;
	uint64_t sec = 0, micro = 0;
	int64_t zone = 0;

	if (!take_field(&s, 4, '-', &year) || !take_field(&s, 2, '-', &month) ||
		!take_field(&s, 2, 0, &day))
		return false;
	if (s.n && s.p[0] == 'T') {
		s.p++;
		s.n--;
		if (!take_field(&s, 2, ':', &h) || !take_field(&s, 2, 0, &min))
			return false;
		if (s.n && s.p[0] == ':') {
			s.p++;
			s.n--;
			if (!take_decimal(&s, &sec, &micro))
				return false;
		}
	}
	if (!take_zone(s, &zone) || month < 1 || month > 12 || day < 1 || day > 31 || h > 24 ||
		min > 59 || sec > 60)
		return false;
	*out = ((days_of(year, month, day) * 24 + h) * 60 + min - zone) * 60 * P2V_SECOND +
	       (int64_t)(sec * 1000000 + micro);
	return true;
}

bool dash_take_range(struct p2v_str s, struct p2v_manifest_range *out)
{
	const char *dash = s.n ? memchr(s.p, '-', s.n) : NULL;
	uint64_t first, last;

	if (!dash ||
		!words_number((struct p2v_str){ s.p, (size_t)(dash - s.p) }, INT64_MAX, &first) ||
		!words_number((struct p2v_str){ dash + 1, (size_t)(s.p + s.n - dash - 1) },
			INT64_MAX, &last) ||
		last < first)
		return false;
	*out = (struct p2v_manifest_range){ true, first, last - first + 1 };
	return true;
}

/* ---- templates ---- */

/* "%05d" behind an identifier. @return whether it is one */
static bool take_width(struct p2v_str *name, unsigned *width)
{
	const char *at = memchr(name->p, '%', name->n);
	size_t n = at ? (size_t)(name->p + name->n - at) : 0;

	*width = 1;
	if (!at)
		return true;
	if (n < 4 || at[1] != '0' || at[n - 1] != 'd')
		return false;
	*width = 0;
	for (size_t i = 2; i < n - 1; i++) {
		if (!digit(at[i]) || *width > 99)
			return false;
		*width = *width * 10 + (unsigned)(at[i] - '0');
	}
	name->n = (size_t)(at - name->p);
	return *width <= 99;
}

/* @return what an identifier stands for, in out; absent: it is none */
static struct p2v_str value_of(struct p2v_str name, const struct dash_values *v,
	char out[static WORDS_DIGITS], const char **why)
{
	struct p2v_str none = { NULL, 0 };
	unsigned width;
	uint64_t number;

	if (name.n == 0)
		return (struct p2v_str){ "$", 1 };
	if (words_is(name, "RepresentationID"))
		return v->id.p ? v->id : (struct p2v_str){ "", 0 };
	if (!take_width(&name, &width)) {
		*why = "a width that is none";
		return none;
	}
	if (words_is(name, "Number"))
		number = v->number;
	else if (words_is(name, "Time"))
		number = v->time;
	else if (words_is(name, "Bandwidth"))
		number = v->bandwidth;
	else {
		*why = "an identifier that is none";
		return none;
	}
	return (struct p2v_str){ out, words_digits(number, width, out) };
}

static bool put(char *out, size_t *at, struct p2v_str s)
{
	if (s.n > DASH_URI_MAX - *at)
		return false;
	if (s.n)
		memcpy(out + *at, s.p, s.n);
	*at += s.n;
	return true;
}

size_t dash_fill(struct p2v_str tmpl, const struct dash_values *v, char *out, const char **why)
{
	size_t at = 0;
	bool fits = true;

	*why = "no text";
	while (tmpl.n && fits) {
		const char *open = memchr(tmpl.p, '$', tmpl.n), *close;
		size_t n = open ? (size_t)(open - tmpl.p) : tmpl.n;
		struct p2v_str value;
		char number[WORDS_DIGITS];

		fits = put(out, &at, (struct p2v_str){ tmpl.p, n });
		tmpl.p += n;
		tmpl.n -= n;
		if (!tmpl.n)
			break;
		close = memchr(tmpl.p + 1, '$', tmpl.n - 1);
		if (!close) {
			*why = "a '$' without its other";
			return 0;
		}
		n = (size_t)(close - tmpl.p) - 1;
		value = value_of((struct p2v_str){ tmpl.p + 1, n }, v, number, why);
		if (!value.p)
			return 0;
		fits = fits && put(out, &at, value);
		tmpl.p += n + 2;
		tmpl.n -= n + 2;
	}
	if (fits)
		return at;
	*why = "more text than a URL has";
	return 0;
}
