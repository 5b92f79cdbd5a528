/* xml.c - a manifest in XML as a tree. */
#include "plugins/manifest/shared/xml.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/manifest/shared/words.h"

enum { UNIT = sizeof(uint64_t), CHUNK = 64 * 1024, PIECE = 1 << 20, NAMES = 64 };

/* ---- memory ---- */

struct xml_chunk {
	struct xml_chunk *next;
	size_t used, size, all; /* all: of this chunk and those behind it */
};

void *xml_take(struct xml_tree *t, size_t size)
{
	struct xml_chunk *c = t->memory;
	void *p;

	size = (size + UNIT - 1) / UNIT * UNIT;
	if (!c || c->size - c->used < size) {
		size_t n = size > CHUNK ? size : CHUNK, all = c ? c->all : 0;

		if (size > XML_MEMORY_MAX || all + n > XML_MEMORY_MAX)
			return NULL;
		c = malloc(sizeof *c + n);
		if (!c)
			return NULL;
		*c = (struct xml_chunk){ t->memory, 0, n, all + n };
		t->memory = c;
	}
	p = (char *)(c + 1) + c->used;
	c->used += size;
	return p;
}

void xml_free(struct xml_tree *t)
{
	while (t->memory) {
		struct xml_chunk *c = t->memory;

		t->memory = c->next;
		free(c);
	}
	t->root = NULL;
}

/* ---- making ---- */

struct reading {
	XML_Parser parser;
	struct xml_tree *tree;
	struct xml_node *at;                      /* the element that is open */
	unsigned depth;                           /* of elements that are open */
	struct xml_node **end[XML_DEPTH_MAX + 1]; /* at each depth, where the next one is put */
	const struct p2v_str *names[NAMES];       /* that were seen: most elements share a few */
	size_t counted;                           /* [B] of the body whose lines are counted */
	uint32_t line;                            /* that it stands in */
	char *text; /* of the element that is open, as far as it came */
	size_t n_text, text_room;
	size_t text_off;
	struct p2v_err *err;
	int rc;
};

static void give_up(struct reading *r, int rc)
{
	if (r->rc == P2V_OK)
		r->rc = rc;
	(void)XML_StopParser(r->parser, XML_FALSE);
}

static void no_room(struct reading *r)
{
	bool over = r->tree->memory && r->tree->memory->all + CHUNK > XML_MEMORY_MAX;

	if (over)
		give_up(r, p2v_fail(r->err, P2V_ELIMIT,
				   "what the manifest says takes more than %zu MiB",
				   XML_MEMORY_MAX >> 20));
	else
		give_up(r, p2v_fail(r->err, P2V_ENOMEM, "no memory for a manifest"));
}

/* @return what lasts as long as the tree; NULL: the reading is over */
static void *take(struct reading *r, size_t size)
{
	void *p = xml_take(r->tree, size);

	if (!p)
		no_room(r);
	return p;
}

static const struct p2v_str *keep_name(struct reading *r, const char *name)
{
	const struct p2v_str *seen;
	struct p2v_str *s;
	unsigned h = 0;
	size_t n = 0;

	for (; name[n]; n++)
		h = h * 31 + (unsigned char)name[n];
	h %= NAMES;
	seen = r->names[h];
	if (seen && seen->n == n && memcmp(seen->p, name, n) == 0)
		return seen;
	s = take(r, sizeof *s + n);
	if (s)
		*s = (struct p2v_str){ memcpy(s + 1, name, n), n };
	r->names[h] = s;
	return s;
}

static size_t here(const struct reading *r)
{
	return (size_t)XML_GetCurrentByteIndex(r->parser);
}

/* As XML_GetCurrentLineNumber says it, which takes a good part of the whole time. */
static uint32_t line_of(struct reading *r, size_t off)
{
	const char *at = r->tree->body.p + r->counted, *to = r->tree->body.p + off;

	if (!r->tree->placed)
		return (uint32_t)XML_GetCurrentLineNumber(r->parser);
	for (; at < to && (at = memchr(at, '\n', (size_t)(to - at))); at++)
		r->line++;
	r->counted = off;
	return r->line;
}

/* An element, its attributes and their values lie side by side. */
static struct xml_node *keep_element(struct reading *r, const char *name, const XML_Char **v)
{
	struct xml_node *e;
	uint32_t n = 0;
	size_t bytes = 0;
	char *p;

	for (; v[2 * n]; n++)
		bytes += strlen(v[2 * n + 1]);
	e = take(r, sizeof *e + n * sizeof e->attrs[0] + bytes);
	if (!e)
		return NULL;
	*e = (struct xml_node){ .name = keep_name(r, name), .parent = r->at, .n_attrs = n };
	p = (char *)&e->attrs[n];
	for (uint32_t i = 0; i < n; i++) {
		size_t k = strlen(v[2 * i + 1]);

		e->attrs[i] = (struct xml_attr){ keep_name(r, v[2 * i]), (uint32_t)(p - (char *)e),
			(uint32_t)k };
		memcpy(p, v[2 * i + 1], k);
		p += k;
	}
	return r->rc == P2V_OK ? e : NULL;
}

static void XMLCALL on_text(void *ctx, const XML_Char *p, int n)
{
	struct reading *r = ctx;
	size_t more = (size_t)n;

	if (r->rc != P2V_OK)
		return;
	if (r->n_text == 0)
		r->text_off = here(r);
	if (r->text_room - r->n_text < more) {
		size_t room = 2 * (r->n_text + more) + 256;
		char *grown = realloc(r->text, room);

		if (!grown) {
			no_room(r);
			return;
		}
		r->text = grown;
		r->text_room = room;
	}
	memcpy(r->text + r->n_text, p, more);
	r->n_text += more;
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attrs)
{
	struct reading *r = ctx;
	const char *colon = strrchr(name, ':');
	struct xml_node *e;

	if (r->rc != P2V_OK)
		return;
	if (r->depth == XML_DEPTH_MAX) {
		give_up(r, p2v_fail(r->err, P2V_EPARSE, "line %u: elements stand more than %u deep",
				   line_of(r, here(r)), XML_DEPTH_MAX));
		return;
	}
	e = keep_element(r, colon ? colon + 1 : name, attrs);
	if (!e)
		return;
	e->off = (uint32_t)here(r);
	e->len = (uint32_t)XML_GetCurrentByteCount(r->parser);
	e->line = line_of(r, e->off);
	*r->end[r->depth] = e;
	r->end[r->depth] = &e->next;
	r->end[++r->depth] = &e->first;
	r->at = e;
	r->n_text = 0;
	XML_SetCharacterDataHandler(r->parser, on_text);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct p2v_str trimmed(struct p2v_str s)
{
	while (s.n && blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Its place is told where it is plain text: no part of it stands in a comment or in CDATA. */
static void place_text(struct reading *r, struct xml_text *x)
{
	struct p2v_str raw = { r->tree->body.p + r->text_off, here(r) - r->text_off };

	raw = trimmed(raw);
	if (!r->tree->placed || raw.n == 0 || memchr(raw.p, '<', raw.n))
		return;
	x->off = (uint32_t)(raw.p - r->tree->body.p);
	x->len = (uint32_t)raw.n;
}

static void keep_text(struct reading *r, struct xml_node *e, struct p2v_str text)
{
	struct xml_text *x = take(r, sizeof *x + text.n);

	if (!x)
		return;
	*x = (struct xml_text){ .text = { memcpy(x + 1, text.p, text.n), text.n } };
	place_text(r, x);
	e->own = x;
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	struct reading *r = ctx;
	struct xml_node *e = r->at;
	struct p2v_str text = trimmed((struct p2v_str){ r->text, r->n_text });

	(void)name;
	if (r->rc != P2V_OK || !e)
		return;
	if (!e->first && text.n)
		keep_text(r, e, text);
	r->n_text = 0;
	r->depth--;
	r->at = e->parent;
	/* What comes now stands beside an element: it is nobody's own text. */
	XML_SetCharacterDataHandler(r->parser, NULL);
}

static void XMLCALL on_doctype(
	void *ctx, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid, int internal)
{
	struct reading *r = ctx;

	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;
	give_up(r, p2v_fail(r->err, P2V_EPARSE,
			   "line %u: a document type declaration has no place in a manifest",
			   (unsigned)XML_GetCurrentLineNumber(r->parser)));
}

static bool is_utf16(struct p2v_str s)
{
	const unsigned char *b = (const unsigned char *)s.p;

	return s.n >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff) ||
				   b[0] == 0 || b[1] == 0);
}

static int feed(struct reading *r, struct p2v_str body)
{
	for (size_t off = 0; r->rc == P2V_OK;) {
		size_t n = body.n - off < PIECE ? body.n - off : PIECE;
		bool last = off + n == body.n;

		if (XML_Parse(r->parser, body.p + off, (int)n, last) == XML_STATUS_ERROR) {
			enum XML_Error why = XML_GetErrorCode(r->parser);

			if (r->rc == P2V_OK && why == XML_ERROR_NO_MEMORY)
				return p2v_fail(r->err, P2V_ENOMEM, "no memory for a manifest");
			if (r->rc == P2V_OK)
				return p2v_fail(r->err, P2V_EPARSE, "line %u: %s",
					(unsigned)XML_GetCurrentLineNumber(r->parser),
					XML_ErrorString(why));
			break;
		}
		off += n;
		if (last)
			break;
	}
	return r->rc;
}

int xml_read(struct p2v_str body, struct xml_tree *t, struct p2v_err *err)
{
	struct reading r = { .tree = t, .end = { &t->root }, .line = 1, .err = err, .rc = P2V_OK };
	int rc;

	if (!body.p)
		body.p = ""; /* it is counted from */
	*t = (struct xml_tree){ .body = body, .placed = !is_utf16(body) };
	if (body.n > UINT32_MAX)
		return p2v_fail(err, P2V_ELIMIT, "a manifest of %zu bytes is too long", body.n);
	r.parser = XML_ParserCreate(NULL);
	if (!r.parser)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a manifest");
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	rc = feed(&r, body);
	XML_ParserFree(r.parser);
	free(r.text);
	return rc;
}

/* ---- looking ---- */

struct p2v_str xml_attr(const struct xml_node *e, struct p2v_str name)
{
	for (uint32_t i = 0; e && i < e->n_attrs; i++)
		if (words_same(*e->attrs[i].name, name))
			return (struct p2v_str){ (const char *)e + e->attrs[i].at, e->attrs[i].n };
	return (struct p2v_str){ NULL, 0 };
}

struct xml_node *xml_named(struct xml_node *e, struct p2v_str name)
{
	while (e && !words_same(*e->name, name))
		e = e->next;
	return e;
}

struct p2v_str xml_text(const struct xml_node *e)
{
	return e && e->own ? e->own->text : (struct p2v_str){ "", 0 };
}

/* ---- places ---- */

static size_t skip(const char *p, size_t i, size_t n, bool blanks)
{
	while (i < n && blank(p[i]) == blanks && (blanks || (p[i] != '=' && p[i] != '>')))
		i++;
	return i;
}

/* expat has read the tag, so it is well-formed: names, '=', quotes. */
bool xml_attr_place(const struct xml_tree *t, const struct xml_node *e, const char *name,
	struct p2v_manifest_uri *out)
{
	const char *p = t->body.p + e->off;
	size_t n = e->len, i;

	if (!t->placed || n > t->body.n - e->off)
		return false;
	i = skip(p, 1, n, false);
	for (;;) {
		size_t from = skip(p, i, n, true), end = skip(p, from, n, false);
		size_t open = skip(p, end, n, true);
		const char *close;

		if (end == from || open >= n || p[open] != '=')
			return false;
		open = skip(p, open + 1, n, true);
		close = open + 1 < n ? memchr(p + open + 1, p[open], n - open - 1) : NULL;
		if (!close)
			return false;
		if (words_is((struct p2v_str){ p + from, end - from }, name)) {
			*out = (struct p2v_manifest_uri){ .off = e->off + open + 1,
				.len = (size_t)(close - p) - open - 1,
				.escape = P2V_ESCAPE_XML };
			return out->len > 0;
		}
		i = (size_t)(close - p) + 1;
	}
}

void xml_fill_from(const struct xml_tree *t, struct p2v_manifest_uri *u, char mark)
{
	const char *at = memchr(t->body.p + u->off, mark, u->len);

	u->filled = at != NULL;
	u->fill_at = at ? (size_t)(at - t->body.p) - u->off : 0;
}

bool xml_text_place(const struct xml_node *e, struct p2v_manifest_uri *out)
{
	if (!e->own || !e->own->len)
		return false;
	*out = (struct p2v_manifest_uri){
		.off = e->own->off, .len = e->own->len, .escape = P2V_ESCAPE_XML
	};
	return true;
}
