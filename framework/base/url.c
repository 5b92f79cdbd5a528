/* url.c - URLs as RFC 3986 has them. */
#include "framework/base/url.h"

#include <string.h>

#include "framework/base/addr.h"
#include "framework/base/random.h"

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_scheme_char(char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

/* Letters differ from their capitals in one bit. */
static bool spells(struct p2v_str s, const char *letters, size_t n)
{
	size_t i = 0;

	while (i < n && i < s.n && (s.p[i] | 32) == letters[i])
		i++;
	return i == n && s.n == n;
}

static uint16_t scheme_port(struct p2v_str scheme)
{
	if (spells(scheme, "http", 4))
		return 80;
	return spells(scheme, "https", 5) ? 443 : 0;
}

/* No host has these, and parsers that let them pass differ in what they take for the host. */
static bool host_char(char c)
{
	switch (c) {
	case '[':
	case ']':
	case '\\':
	case '"':
	case '<':
	case '>':
	case '^':
	case '`':
	case '{':
	case '|':
	case '}': return false;
	default: return true;
	}
}

static bool all_host_chars(struct p2v_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!host_char(s.p[i]))
			return false;
	return true;
}

/* User information is kept in the authority, but is not part of the host.
 * @param h  [inout] the authority; then what stands behind the user information
 * @return false: a character in it that no host has */
static bool skip_user(struct p2v_str *h)
{
	size_t i = h->n;

	while (i > 0 && h->p[i - 1] != '@')
		i--;
	if (i == 0)
		return true;
	if (!all_host_chars((struct p2v_str){ h->p, i - 1 }))
		return false;
	h->p += i;
	h->n -= i;
	return true;
}

/* A host in brackets is an IPv6 address; any other has no character that it cannot have.
 * @param h     [in] of an authority, without user information
 * @param port  [out] what stands behind the colon; empty: nothing */
static int split_host(struct p2v_str h, struct p2v_str *host, struct p2v_str *port)
{
	bool bracketed = h.n && h.p[0] == '[';
	size_t end = 0, behind;
	struct p2v_addr ip;

	if (bracketed) {
		end = p2v_str_find(h, ']');
		if (end == h.n)
			return P2V_EPARSE;
		*host = (struct p2v_str){ h.p + 1, end - 1 };
		if (p2v_str_find(*host, ':') == host->n || p2v_addr_parse_ip(*host, &ip) < 0)
			return P2V_EPARSE;
		behind = end + 1;
	} else {
		while (end < h.n && h.p[end] != ':' && host_char(h.p[end]))
			end++;
		*host = (struct p2v_str){ h.p, end };
		behind = end;
	}
	*port = (struct p2v_str){ NULL, 0 };
	if (behind == h.n)
		return P2V_OK;
	if (h.p[behind] != ':')
		return P2V_EPARSE;
	*port = (struct p2v_str){ h.p + behind + 1, h.n - behind - 1 };
	return P2V_OK;
}

static int split_authority(struct p2v_url *u)
{
	struct p2v_str h = u->authority, port;
	uint64_t n;

	if (!skip_user(&h) || split_host(h, &u->host, &port) < 0)
		return P2V_EPARSE;
	u->port = scheme_port(u->scheme);
	if (port.n) {
		if (p2v_parse_u64(port, 0, UINT16_MAX, &n) < 0)
			return P2V_EPARSE;
		u->port = (uint16_t)n;
	}
	return P2V_OK;
}

static struct p2v_str cut(struct p2v_str *s, size_t n, size_t skip)
{
	struct p2v_str head = { s->p, n };

	s->p += n + skip;
	s->n -= n + skip;
	return head;
}

/* What stands behind the first `sep` is cut off. Absent: there is none. */
static struct p2v_str cut_behind(struct p2v_str *s, char sep)
{
	const char *at = s->n ? memchr(s->p, sep, s->n) : NULL;
	struct p2v_str tail = { NULL, 0 };

	if (at) {
		tail = (struct p2v_str){ at + 1, (size_t)(s->p + s->n - at) - 1 };
		s->n = (size_t)(at - s->p);
	}
	return tail;
}

#define BYTES (UINT64_MAX / 255) /* a 1 in each byte */

/* A control character or a blank: below '!', or 127. Eight bytes at a time; the high bit of a byte
 * of (v - low) & ~v tells that it was below, or that a lower one was and borrowed from it, which is
 * as good here. */
static bool has_control(struct p2v_str s)
{
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t v = p2v_load64((const uint8_t *)s.p + i), del = v ^ BYTES * 127;

		if ((((v - BYTES * '!') & ~v) | ((del - BYTES) & ~del)) & BYTES * 128)
			return true;
	}
	for (; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 127)
			return true;
	return false;
}

int p2v_url_split(struct p2v_str text, struct p2v_url *out)
{
	struct p2v_url u = { .port = 0 };
	struct p2v_str s = text;
	size_t i = 0;

	if (!s.p || s.n > P2V_URL_MAX || has_control(s))
		return P2V_EPARSE;
	while (i < s.n && is_scheme_char(s.p[i]))
		i++;
	if (i > 0 && i < s.n && s.p[i] == ':' && is_alpha(s.p[0]))
		u.scheme = cut(&s, i, 1);
	u.fragment = cut_behind(&s, '#');
	u.query = cut_behind(&s, '?');
	if (s.n >= 2 && s.p[0] == '/' && s.p[1] == '/') {
		s.p += 2;
		s.n -= 2;
		u.authority = cut(&s, p2v_str_find(s, '/'), 0);
		if (split_authority(&u) < 0)
			return P2V_EPARSE;
	}
	u.path = s;
	*out = u;
	return P2V_OK;
}

bool p2v_url_is_http(const struct p2v_url *u)
{
	return u->host.n > 0 && scheme_port(u->scheme) != 0;
}

/* RFC 3986 5.2.4 on the text from `from` on, in place: "." and ".." segments go. */
static void remove_dots(struct p2v_text *t, size_t from)
{
	char *in = t->p + from, *end = t->p + t->n, *out = in, *start = in;

	while (in < end) {
		char *next = memchr(in + 1, '/', (size_t)(end - in - 1));
		size_t n = (size_t)((next ? next : end) - in);

		if (n == 2 && memcmp(in, "/.", 2) == 0) {
			if (!next)
				*out++ = '/';
		} else if (n == 3 && memcmp(in, "/..", 3) == 0) {
			while (out > start && *--out != '/') {
			}
			if (!next)
				*out++ = '/';
		} else {
			memmove(out, in, n);
			out += n;
		}
		in += n;
	}
	t->n = (size_t)(out - t->p);
	t->p[t->n] = 0;
}

/* @param rooted  an empty path is "/" (RFC 3986 6.2.3, which asks it of http) */
static void add_path(struct p2v_text *t, struct p2v_str dir, struct p2v_str path, bool rooted)
{
	size_t from = t->n;

	if (path.n ? path.p[0] != '/' : rooted || dir.n) {
		if (dir.n == 0)
			p2v_text_puts(t, "/");
		p2v_text_str(t, dir);
	}
	p2v_text_str(t, path);
	if (!t->oom && t->n > from)
		remove_dots(t, from);
}

/* Packagers leave blanks, quotes and letters of all languages in file names. A browser's player
 * escapes these (RFC 3987 3.1), so it asks for the escaped name. */
static bool must_escape(char c)
{
	return c == ' ' || c == '"' || c == '<' || c == '>' || (unsigned char)c >= 0x80;
}

static int escape(struct p2v_str in, struct p2v_text *out)
{
	size_t from = 0;

	in = p2v_str_trim(in);
	for (size_t i = 0; i < in.n; i++) {
		if (!must_escape(in.p[i]))
			continue;
		p2v_text_add(out, in.p + from, i - from);
		p2v_text_printf(out, "%%%02X", (unsigned char)in.p[i]);
		from = i + 1;
	}
	p2v_text_add(out, in.p + from, in.n - from);
	if (!out->p && !out->oom)
		p2v_text_puts(out, "");
	return out->oom ? P2V_ENOMEM : P2V_OK;
}

static void join(const struct p2v_url *b, const struct p2v_url *r, struct p2v_text *out)
{
	struct p2v_str dir = b->path, none = { NULL, 0 };
	struct p2v_str scheme = r->scheme.p ? r->scheme : b->scheme;
	bool rooted = scheme_port(scheme) != 0;

	p2v_text_str(out, scheme);
	p2v_text_puts(out, "://");
	p2v_text_str(out, r->authority.p ? r->authority : b->authority);
	if (r->authority.p || r->scheme.p) {
		add_path(out, none, r->path, rooted);
	} else if (r->path.n == 0) {
		add_path(out, none, b->path, rooted);
		if (!r->query.p && b->query.p) {
			p2v_text_puts(out, "?");
			p2v_text_str(out, b->query);
		}
	} else {
		while (dir.n && dir.p[dir.n - 1] != '/')
			dir.n--;
		add_path(out, dir, r->path, true);
	}
	if (r->query.p) {
		p2v_text_puts(out, "?");
		p2v_text_str(out, r->query);
	}
}

int p2v_url_resolve(struct p2v_str base, struct p2v_str ref, struct p2v_text *out)
{
	struct p2v_text clean = { 0 };
	struct p2v_url b, r;
	int rc = escape(ref, &clean);

	if (rc == P2V_OK && (p2v_url_split(base, &b) < 0 || !b.scheme.p || !b.authority.p ||
				    p2v_url_split((struct p2v_str){ clean.p, clean.n }, &r) < 0))
		rc = P2V_EPARSE;
	if (rc == P2V_OK && r.scheme.p && !r.authority.p)
		rc = P2V_EPARSE; /* data:, blob: and the like are no place to fetch from */
	if (rc == P2V_OK) {
		size_t from = out->n;

		join(&b, &r, out);
		if (out->oom)
			rc = P2V_ENOMEM;
		else if (out->n - from > P2V_URL_MAX)
			rc = P2V_EPARSE;
		if (rc == P2V_EPARSE) {
			out->n = from;
			out->p[from] = 0;
		}
	}
	p2v_text_fini(&clean);
	return rc;
}

/* What a character from '!' to '~' means in a plain reference; most mean nothing. */
enum { ESCAPED = 1, QUERY, COLON, DOT, SLASH };

static const uint8_t meaning['~' + 1] = { ['"'] = ESCAPED,
	['#'] = ESCAPED,
	['<'] = ESCAPED,
	['>'] = ESCAPED,
	['?'] = QUERY,
	[':'] = COLON,
	['.'] = DOT,
	['/'] = SLASH };

/* A look a character: what is told of each fragment of each manifest comes through here. */
bool p2v_url_is_plain(struct p2v_str ref)
{
	size_t segment = 0; /* where the path's segment begins; SIZE_MAX: in the query */

	for (size_t i = 0; i < ref.n; i++) {
		unsigned char c = (unsigned char)ref.p[i];
		uint8_t m;

		if (c <= ' ' || c > '~')
			return false;
		m = meaning[c];
		if (m == 0)
			continue;
		if (m == ESCAPED)
			return false;
		if (segment == SIZE_MAX)
			continue;
		if (m == QUERY ? i == 0 : m == COLON || i == segment)
			return false;
		segment = m == QUERY ? SIZE_MAX : m == SLASH ? i + 1 : segment;
	}
	return ref.n > 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static void add_lower(struct p2v_text *out, struct p2v_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = lower(s.p[i]);

		p2v_text_add(out, &c, 1);
	}
}

static bool same_nocase(struct p2v_str a, struct p2v_str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

void p2v_url_origin(const struct p2v_url *u, struct p2v_text *out)
{
	bool v6 = p2v_str_find(u->host, ':') < u->host.n;

	add_lower(out, u->scheme);
	p2v_text_puts(out, v6 ? "://[" : "://");
	add_lower(out, u->host);
	p2v_text_puts(out, v6 ? "]" : "");
	if (u->port != scheme_port(u->scheme))
		p2v_text_printf(out, ":%u", u->port);
}

bool p2v_url_same_origin(const struct p2v_url *a, const struct p2v_url *b)
{
	return a->port == b->port && same_nocase(a->host, b->host) &&
	       same_nocase(a->scheme, b->scheme);
}
