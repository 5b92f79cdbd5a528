/* doc_rewrite.c - the same manifest with other URIs in it. */
#include <assert.h>
#include <string.h>

#include "framework/stream/doc.h"
#include "framework/stream/doc_url.h"

/* ---- XML ---- */

static const struct {
	const char *name;
	size_t n;
	char c;
} entities[] = { { "amp;", 4, '&' }, { "lt;", 3, '<' }, { "gt;", 3, '>' }, { "quot;", 5, '"' },
	{ "apos;", 5, '\'' } };

static void add_utf8(struct p2v_text *out, uint32_t c)
{
	char b[4];
	size_t n;

	if (c < 0x80) {
		b[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		b[0] = (char)(0xc0 | c >> 6);
		n = 2;
	} else if (c < 0x10000) {
		b[0] = (char)(0xe0 | c >> 12);
		n = 3;
	} else {
		b[0] = (char)(0xf0 | c >> 18);
		n = 4;
	}
	for (size_t i = 1; i < n; i++)
		b[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
	p2v_text_add(out, b, n);
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
}

/* A character by its number: "#38;" or "#x26;".
 * @return [B] how much it is; 0: it is none */
static size_t numeric(struct p2v_str s, struct p2v_text *out)
{
	bool hex = s.n > 1 && s.p[1] == 'x';
	size_t i = hex ? 2 : 1, digits = 0;
	uint32_t v = 0;

	if (s.n == 0 || s.p[0] != '#')
		return 0;
	for (; i < s.n && digit_of(s.p[i]) < (hex ? 16u : 10u) && digits < 8; i++, digits++)
		v = v * (hex ? 16 : 10) + digit_of(s.p[i]);
	if (digits == 0 || i == s.n || s.p[i] != ';' || v == 0 || v > 0x10ffff ||
		(v >= 0xd800 && v < 0xe000))
		return 0;
	add_utf8(out, v);
	return i + 1;
}

/* What is no reference stays as it stands. */
static void from_xml(struct p2v_str s, struct p2v_text *out)
{
	while (s.n) {
		size_t used = 1;

		if (s.p[0] == '&') {
			struct p2v_str name = { s.p + 1, s.n - 1 };
			size_t k = numeric(name, out);

			for (size_t i = 0; k == 0 && i < sizeof entities / sizeof entities[0];
				i++) {
				if (p2v_str_starts(name, entities[i].name)) {
					p2v_text_add(out, &entities[i].c, 1);
					k = entities[i].n;
				}
			}
			used += k;
		}
		if (used == 1)
			p2v_text_add(out, s.p, 1);
		s.p += used;
		s.n -= used;
	}
}

static void to_xml(struct p2v_str s, struct p2v_text *out)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t k = 0, n = sizeof entities / sizeof entities[0];

		while (k < n && entities[k].c != s.p[i])
			k++;
		if (k < n) {
			p2v_text_puts(out, "&");
			p2v_text_add(out, entities[k].name, entities[k].n);
		} else {
			p2v_text_add(out, s.p + i, 1);
		}
	}
}

/* ---- one URI ---- */

struct rewrite {
	struct p2v_doc_urls urls;
	const struct p2v_doc_base *base; /* that urls has; NULL: none yet */
	struct p2v_text plain, fresh;    /* as it stands without escapes; what it is replaced by */
	p2v_doc_map map;
	void *ctx;
};

/* The URI without its escapes. What players fill in is left behind: then it is a folder alone.
 * @param kept  [out] [B] of raw that stay as they are, at its end */
static struct p2v_str plain_of(
	struct rewrite *w, struct p2v_str raw, const struct p2v_manifest_uri *u, size_t *kept)
{
	size_t n = u->filled && u->fill_at < raw.n ? u->fill_at : raw.n;

	while (n < raw.n && n > 0 && raw.p[n - 1] != '/')
		n--;
	*kept = raw.n - n;
	if (u->value.p)
		return u->value;
	raw.n = n;
	if (u->escape == P2V_ESCAPE_XML) {
		w->plain.n = 0;
		from_xml(raw, &w->plain);
		raw = (struct p2v_str){ w->plain.p, w->plain.n };
	}
	return *kept && raw.n == 0 ? p2v_str_of(".") : raw;
}

/* @return false: leave it as it stands */
static bool ask(struct rewrite *w, struct p2v_str uri, const struct p2v_doc_place *p)
{
	w->fresh.n = 0;
	if (p2v_doc_urls_resolve(&w->urls, uri) < 0 || !w->urls.http)
		return false;
	return w->map(w->ctx, &(struct p2v_doc_uri){ uri, w->urls.out.p, p->base->url, p->at.role },
		&w->fresh);
}

static void put(struct p2v_text *out, struct p2v_str s, enum p2v_uri_escape escape)
{
	if (escape == P2V_ESCAPE_XML) {
		to_xml(s, out);
		return;
	}
	if (escape == P2V_ESCAPE_BARE)
		p2v_text_puts(out, "\"");
	p2v_text_str(out, s);
	if (escape == P2V_ESCAPE_BARE)
		p2v_text_puts(out, "\"");
}

/* What the next URI is relative to. */
static void relative_to(struct rewrite *w, const struct p2v_doc_base *base)
{
	if (w->base == base)
		return;
	p2v_doc_urls_fini(&w->urls);
	w->base = base;
	p2v_doc_urls_again(&w->urls, base->url, base->dir);
}

void p2v_doc_rewrite(const struct p2v_doc *d, p2v_doc_map map, void *ctx, struct p2v_text *out)
{
	const struct p2v_str text = { (const char *)d->text.p, d->text.n };
	struct rewrite w = { .map = map, .ctx = ctx };
	size_t from = 0;

	for (size_t i = 0; i < d->n_uris && !out->oom; i++) {
		const struct p2v_manifest_uri *u = &d->uris[i].at;
		struct p2v_str uri;
		size_t kept;

		assert(u->off >= from && u->off <= text.n && u->len <= text.n - u->off);
		relative_to(&w, d->uris[i].base);
		uri = plain_of(&w, (struct p2v_str){ text.p + u->off, u->len }, u, &kept);
		if (!ask(&w, uri, &d->uris[i]))
			continue;
		p2v_text_add(out, text.p + from, u->off - from);
		put(out, (struct p2v_str){ w.fresh.p, w.fresh.n }, u->escape);
		from = u->off + u->len - kept;
	}
	if (from < text.n)
		p2v_text_add(out, text.p + from, text.n - from);
	out->oom |= w.fresh.oom || w.plain.oom || w.urls.out.oom;
	p2v_text_fini(&w.fresh);
	p2v_text_fini(&w.plain);
	p2v_doc_urls_fini(&w.urls);
}
