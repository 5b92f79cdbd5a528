/* http.c - what HTTP messages mean (RFC 9110, RFC 9111). */
#include "framework/base/http.h"

#include <stdlib.h>
#include <string.h>

struct p2v_str p2v_header_get(const struct p2v_header *v, size_t n, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (v[i].name.n == length && p2v_str_is_nocase(v[i].name, name))
			return v[i].value;
	return (struct p2v_str){ NULL, 0 };
}

bool p2v_header_block_next(struct p2v_str *block, struct p2v_header *out)
{
	struct p2v_str line;

	while (p2v_str_split(block, '\n', &line)) {
		struct p2v_str value = p2v_str_trim(line);

		if (!p2v_str_split(&value, ':', &out->name) || !value.p)
			continue;
		out->value = p2v_str_trim(value);
		return true;
	}
	return false;
}

struct p2v_str p2v_header_block_get(struct p2v_str block, const char *name)
{
	struct p2v_header h;

	while (p2v_header_block_next(&block, &h))
		if (p2v_str_is_nocase(h.name, name))
			return h.value;
	return (struct p2v_str){ NULL, 0 };
}

static struct p2v_str copy_to(char **at, struct p2v_str s)
{
	struct p2v_str copy = { *at, s.n };

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

struct p2v_header *p2v_headers_dup(const struct p2v_header *v, size_t n)
{
	size_t size = n * sizeof *v;
	struct p2v_header *out;
	char *at;

	for (size_t i = 0; i < n; i++)
		size += v[i].name.n + v[i].value.n;
	out = malloc(size ? size : 1);
	if (!out)
		return NULL;
	at = (char *)(out + n);
	for (size_t i = 0; i < n; i++) {
		out[i].name = copy_to(&at, v[i].name);
		out[i].value = copy_to(&at, v[i].value);
	}
	return out;
}

struct p2v_range p2v_range_parse(struct p2v_str s)
{
	struct p2v_range r = { false, false, 0, UINT64_MAX }, none = { false, false, 0, 0 };
	struct p2v_str a, b;

	s = p2v_str_trim(s);
	if (s.n < 6 || !p2v_str_is_nocase((struct p2v_str){ s.p, 6 }, "bytes="))
		return none;
	b = (struct p2v_str){ s.p + 6, s.n - 6 };
	if (!p2v_str_split(&b, '-', &a) || !b.p)
		return none;
	a = p2v_str_trim(a);
	b = p2v_str_trim(b);
	r.set = true;
	if (a.n == 0) {
		r.suffix = true;
		return p2v_parse_u64(b, 0, UINT64_MAX, &r.first) < 0 ? none : r;
	}
	if (p2v_parse_u64(a, 0, UINT64_MAX, &r.first) < 0)
		return none;
	if (b.n && (p2v_parse_u64(b, 0, UINT64_MAX, &r.last) < 0 || r.last < r.first))
		return none;
	return r;
}

enum p2v_range_kind p2v_range_place(
	const struct p2v_range *r, uint64_t length, uint64_t *first, uint64_t *last)
{
	if (!r->set)
		return P2V_RANGE_NONE;
	if (r->suffix) {
		if (r->first == 0 || length == 0)
			return P2V_RANGE_BAD;
		*first = r->first < length ? length - r->first : 0;
		*last = length - 1;
		return P2V_RANGE_OK;
	}
	if (r->first >= length)
		return P2V_RANGE_BAD;
	*first = r->first;
	*last = r->last < length ? r->last : length - 1;
	return P2V_RANGE_OK;
}

int p2v_content_range_parse(struct p2v_str s, uint64_t *first, uint64_t *last, uint64_t *total)
{
	struct p2v_str range, a;

	s = p2v_str_trim(s);
	if (s.n < 6 || !p2v_str_is_nocase((struct p2v_str){ s.p, 6 }, "bytes "))
		return P2V_EPARSE;
	s = (struct p2v_str){ s.p + 6, s.n - 6 };
	if (!p2v_str_split(&s, '/', &range) || !s.p || !p2v_str_split(&range, '-', &a) || !range.p)
		return P2V_EPARSE;
	if (p2v_parse_u64(a, 0, UINT64_MAX - 1, first) < 0 ||
		p2v_parse_u64(range, *first, UINT64_MAX - 1, last) < 0)
		return P2V_EPARSE;
	*total = P2V_LENGTH_UNKNOWN;
	if (!p2v_str_is(s, "*") && p2v_parse_u64(s, *last + 1, UINT64_MAX - 1, total) < 0)
		return P2V_EPARSE;
	return P2V_OK;
}

/* Seconds, perhaps in quotes; a number that is too large means very long (RFC 9111 1.2.2). */
static bool delta_seconds(struct p2v_str s, p2v_usec *out)
{
	const uint64_t most = UINT64_C(1) << 31;
	uint64_t v = 0;

	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = (struct p2v_str){ s.p + 1, s.n - 2 };
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
		if (v > most)
			v = most;
	}
	*out = (p2v_usec)v * P2V_SECOND;
	return s.n > 0;
}

struct p2v_cache_control p2v_cache_control_parse(struct p2v_str s)
{
	struct p2v_cache_control c = { .max_age = 0 };
	struct p2v_str item, name;

	while (p2v_str_split(&s, ',', &item)) {
		item = p2v_str_trim(item);
		if (!p2v_str_split(&item, '=', &name))
			continue;
		c.no_store |= p2v_str_is_nocase(name, "no-store");
		c.no_cache |= p2v_str_is_nocase(name, "no-cache");
		c.is_private |= p2v_str_is_nocase(name, "private");
		c.must_revalidate |= p2v_str_is_nocase(name, "must-revalidate");
		if (p2v_str_is_nocase(name, "max-age") && item.p)
			c.has_max_age |= delta_seconds(item, &c.max_age);
	}
	return c;
}
