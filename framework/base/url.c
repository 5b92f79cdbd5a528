/* url.c - URLs as RFC 3986 has them. */
#include "framework/base/url.h"

#include <string.h>

#include "framework/base/addr.h"

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_scheme_char(char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

static uint16_t scheme_port(struct p2v_str scheme)
{
	if (p2v_str_is_nocase(scheme, "http"))
		return 80;
	return p2v_str_is_nocase(scheme, "https") ? 443 : 0;
}

/* No host has these, and parsers that let them pass differ in what they take for the host. */
static bool host_char(char c)
{
	return c && !strchr("[]\\\"<>^`{|}", c);
}

static bool all_host_chars(struct p2v_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!host_char(s.p[i]))
			return false;
	return true;
}

/* A host in brackets is an IPv6 address; any other has no character that it cannot have. */
static bool host_good(struct p2v_str h, bool bracketed)
{
	struct p2v_addr ip;

	if (bracketed)
		return p2v_str_find(h, ':') < h.n && p2v_addr_parse_ip(h, &ip) == P2V_OK;
	return all_host_chars(h);
}

static int split_authority(struct p2v_url *u)
{
	struct p2v_str h = u->authority, port = { NULL, 0 };
	bool bracketed;
	uint64_t n;

	for (size_t i = h.n; i-- > 0;)
		if (h.p[i] == '@') { /* user information is kept in the authority, but is not part
					of the host */
			if (!all_host_chars((struct p2v_str){ h.p, i }))
				return P2V_EPARSE;
			h.p += i + 1;
			h.n -= i + 1;
			break;
		}
	bracketed = h.n && h.p[0] == '[';
	if (bracketed) {
		size_t end = p2v_str_find(h, ']');

		if (end == h.n)
			return P2V_EPARSE;
		if (end + 1 < h.n) {
			if (h.p[end + 1] != ':')
				return P2V_EPARSE;
			port = (struct p2v_str){ h.p + end + 2, h.n - end - 2 };
		}
		h = (struct p2v_str){ h.p + 1, end - 1 };
	} else {
		size_t colon = p2v_str_find(h, ':');

		if (colon < h.n)
			port = (struct p2v_str){ h.p + colon + 1, h.n - colon - 1 };
		h.n = colon;
	}
	if (!host_good(h, bracketed))
		return P2V_EPARSE;
	u->host = h;
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

int p2v_url_split(struct p2v_str text, struct p2v_url *out)
{
	struct p2v_url u = { .port = 0 };
	struct p2v_str s = text;
	size_t i;

	if (!s.p || s.n > P2V_URL_MAX)
		return P2V_EPARSE;
	for (i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 127)
			return P2V_EPARSE;
	for (i = 0; i < s.n && is_scheme_char(s.p[i]); i++) {
	}
	if (i > 0 && i < s.n && s.p[i] == ':' && is_alpha(s.p[0]))
		u.scheme = cut(&s, i, 1);
	i = p2v_str_find(s, '#');
	if (i < s.n) {
		u.fragment = (struct p2v_str){ s.p + i + 1, s.n - i - 1 };
		s.n = i;
	}
	i = p2v_str_find(s, '?');
	if (i < s.n) {
		u.query = (struct p2v_str){ s.p + i + 1, s.n - i - 1 };
		s.n = i;
	}
	if (p2v_str_starts(s, "//")) {
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
	return u->host.n > 0 &&
	       (p2v_str_is_nocase(u->scheme, "http") || p2v_str_is_nocase(u->scheme, "https"));
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
	in = p2v_str_trim(in);
	for (size_t i = 0; i < in.n; i++) {
		if (must_escape(in.p[i]))
			p2v_text_printf(out, "%%%02X", (unsigned char)in.p[i]);
		else
			p2v_text_add(out, in.p + i, 1);
	}
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
