/* define.c - variables (draft-pantos-hls-rfc8216bis 4.3 and 4.4.2.3): what they are, and texts with
 * them filled in. A value is filled in once: what it holds is not looked at again, so that no text
 * grows out of all bounds. */
#include <string.h>

#include "plugins/manifest/hls/hls.h"

enum { VARS_MAX = 64 };

void hls_vars_clear(struct hls *h)
{
	struct hls_state *st = h->st;

	st->n_vars = 0;
	st->line.n = st->variant.n = st->map.n = st->identity.n = st->key.n = st->values.n = 0;
	h->room = &st->line;
}

/* ---- rooms ---- */

static bool put(struct hls *h, struct hls_room *room, const char *p, size_t n)
{
	if (sizeof room->p - room->n < n) {
		hls_fail(h, P2V_ELIMIT, "with its variables filled in, it is longer than %zu bytes",
			sizeof room->p);
		return false;
	}
	if (n)
		memcpy(room->p + room->n, p, n);
	room->n += n;
	return true;
}

static struct p2v_str copy(struct hls *h, struct hls_room *room, struct p2v_str s)
{
	size_t from = room->n;

	if (!put(h, room, s.p, s.n))
		return (struct p2v_str){ "", 0 };
	return (struct p2v_str){ room->p + from, s.n };
}

/* What stands in the body stays there. */
static bool stands(const struct hls *h, struct p2v_str s)
{
	return s.p >= h->text.p && s.p <= h->text.p + h->text.n;
}

struct p2v_str hls_keep(struct hls *h, struct hls_room *room, struct p2v_str s)
{
	room->n = 0;
	return s.n == 0 || stands(h, s) ? s : copy(h, room, s);
}

/* ---- filling in ---- */

static bool of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* s begins with "{$". @return [B] of the reference; 0: it is none */
static size_t reference(struct p2v_str s, struct p2v_str *name)
{
	size_t n = 2;

	while (n < s.n && of_name(s.p[n]))
		n++;
	if (n == 2 || n == s.n || s.p[n] != '}')
		return 0;
	*name = (struct p2v_str){ s.p + 2, n - 2 };
	return n + 1;
}

static bool put_value(struct hls *h, struct p2v_str name)
{
	struct hls_state *st = h->st;

	for (size_t i = 0; i < st->n_vars; i++) {
		if (!hls_same(st->vars[i].name, name))
			continue;
		if (st->vars[i].value.p)
			return put(h, h->room, st->vars[i].value.p, st->vars[i].value.n);
		hls_fail(h, P2V_EPARSE,
			"the variable '%.*s' is imported, but no master playlist that is known "
			"here defines any",
			HLS_CUT(name));
		return false;
	}
	hls_fail(h, P2V_EPARSE, "the variable '%.*s' is not defined", HLS_CUT(name));
	return false;
}

/* @return [B] before the next reference; s.n: there is none */
static size_t find(struct p2v_str s, struct p2v_str *name, size_t *len)
{
	size_t at = 0;

	while (at < s.n) {
		const char *brace = memchr(s.p + at, '{', s.n - at);

		if (!brace)
			break;
		at = (size_t)(brace - s.p);
		if (at + 1 < s.n && s.p[at + 1] == '$') {
			*len = reference((struct p2v_str){ s.p + at, s.n - at }, name);
			if (*len)
				return at;
		}
		at++;
	}
	return s.n;
}

struct p2v_str hls_expand(struct hls *h, struct p2v_str s)
{
	struct p2v_str name = { NULL, 0 };
	size_t len = 0, at = s.n ? find(s, &name, &len) : 0, from = h->room->n;

	if (at == s.n)
		return s;
	while (s.n) {
		if (!put(h, h->room, s.p, at))
			return (struct p2v_str){ "", 0 };
		if (at == s.n)
			break;
		if (!put_value(h, name))
			return (struct p2v_str){ "", 0 };
		s.p += at + len;
		s.n -= at + len;
		at = find(s, &name, &len);
	}
	return (struct p2v_str){ h->room->p + from, h->room->n - from };
}

/* ---- definitions ---- */

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The query's value of that name, without its escapes, as hls.js takes it. Of several the first. */
static bool from_query(struct hls *h, struct p2v_str name, struct p2v_str *out)
{
	struct hls_room *room = &h->st->values;
	size_t from = room->n;
	const char *p = h->url.n ? memchr(h->url.p, '?', h->url.n) : NULL,
		   *end = p ? h->url.p + h->url.n : NULL;

	while (p && p < end && *p != '#') {
		const char *start = ++p;
		size_t n;

		while (p < end && *p != '&' && *p != '#')
			p++;
		n = (size_t)(p - start);
		if (n <= name.n || start[name.n] != '=' || memcmp(start, name.p, name.n) != 0)
			continue;
		for (const char *q = start + name.n + 1; q < p; q++) {
			int hi = *q == '%' && p - q > 2 ? nibble(q[1]) : -1;
			int lo = hi >= 0 ? nibble(q[2]) : -1;
			char c = lo >= 0 ? (char)(hi << 4 | lo) : *q == '+' ? ' ' : *q;

			if (!put(h, room, &c, 1))
				return false;
			q += lo >= 0 ? 2 : 0;
		}
		*out = (struct p2v_str){ room->p + from, room->n - from };
		return true;
	}
	return false;
}

/* One netstring, which is 5:hello, is taken off. */
static bool take_text(struct p2v_str *rest, struct p2v_str *out)
{
	uint64_t n;

	if (!hls_take_u64(rest, &n) || rest->n == 0 || rest->p[0] != ':' || n > rest->n - 1)
		return false;
	*out = (struct p2v_str){ rest->p + 1, (size_t)n };
	rest->p += n + 1;
	rest->n -= (size_t)n + 1;
	return true;
}

/* What the master playlist defines by that name: the value stays until the parse is over. */
static bool from_master(const struct hls *h, struct p2v_str name, struct p2v_str *out)
{
	struct p2v_str rest = h->given, its;

	while (take_text(&rest, &its) && take_text(&rest, out))
		if (hls_same(its, name))
			return true;
	return false;
}

struct p2v_str hls_vars_tell(struct hls *h)
{
	struct hls_state *st = h->st;
	struct hls_room *room = &st->context;

	room->n = 0;
	for (size_t i = 0; i < st->n_vars; i++) {
		struct p2v_str name = st->vars[i].name, value = st->vars[i].value;
		char a[24], b[24];
		size_t n_a = (size_t)snprintf(a, sizeof a, "%zu:", name.n);
		size_t n_b = (size_t)snprintf(b, sizeof b, "%zu:", value.n);

		if (!value.p)
			continue;
		if (n_a + name.n + n_b + value.n > sizeof room->p - room->n) {
			hls_warn(h, "no room for '%.*s': no other playlist can import it",
				HLS_CUT(name));
			continue;
		}
		(void)put(h, room, a, n_a);
		(void)put(h, room, name.p, name.n);
		(void)put(h, room, b, n_b);
		(void)put(h, room, value.p, value.n);
	}
	return (struct p2v_str){ room->n ? room->p : NULL, room->n };
}

/* @return s, where it stays until the parse is over */
static struct p2v_str lasting(struct hls *h, struct p2v_str s)
{
	return s.n == 0 || stands(h, s) ? s : copy(h, &h->st->values, s);
}

static void add(struct hls *h, struct p2v_str name, struct p2v_str value)
{
	struct hls_state *st = h->st;

	for (size_t i = 0; i < st->n_vars; i++)
		if (hls_same(st->vars[i].name, name))
			hls_fail(h, P2V_EPARSE, "the variable '%.*s' is defined twice",
				HLS_CUT(name));
	if (st->n_vars == VARS_MAX) {
		hls_fail(h, P2V_ELIMIT, "more than %d variables", VARS_MAX);
		return;
	}
	st->vars[st->n_vars].name = lasting(h, name);
	st->vars[st->n_vars++].value = value;
}

void hls_define(struct hls *h, struct p2v_str list)
{
	struct p2v_str name, value, import, query;
	const struct hls_want want[] = { { "NAME", true, &name, NULL },
		{ "VALUE", true, &value, NULL }, { "IMPORT", true, &import, NULL },
		{ "QUERYPARAM", true, &query, NULL } };

	hls_read_attrs(h, list, want, sizeof want / sizeof want[0]);
	if (h->rc != P2V_OK)
		return;
	if (name.n && value.p) {
		add(h, name, lasting(h, value));
	} else if (import.n) {
		value = (struct p2v_str){ NULL, 0 };
		if (h->given.p && !from_master(h, import, &value))
			hls_fail(h, P2V_EPARSE,
				"the variable '%.*s' is not defined by the master playlist",
				HLS_CUT(import));
		else
			add(h, import, value);
	} else if (query.n) {
		if (from_query(h, query, &value))
			add(h, query, value);
		else
			hls_fail(h, P2V_EPARSE, "the playlist's URL has no parameter '%.*s'",
				HLS_CUT(query));
	} else {
		hls_fail(h, P2V_EPARSE,
			"#EXT-X-DEFINE says neither NAME and VALUE nor IMPORT nor QUERYPARAM");
	}
}
