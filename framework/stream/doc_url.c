/* doc_url.c - the URIs of one document, resolved. */
#include "framework/stream/doc_url.h"

int p2v_doc_urls_init(struct p2v_doc_urls *u, const char *base)
{
	*u = (struct p2v_doc_urls){ .base = p2v_str_of(base) };
	if (u->base.n == 0)
		return P2V_OK;
	return p2v_url_resolve(u->base, p2v_str_of("."), &u->dir);
}

void p2v_doc_urls_fini(struct p2v_doc_urls *u)
{
	p2v_text_fini(&u->dir);
	p2v_text_fini(&u->out);
}

/* A path of plain names, perhaps with a query: nothing in it is escaped, removed or replaced when
 * it is resolved, so that it can simply be put behind the folder. */
static bool plain(struct p2v_str ref)
{
	bool path = true, segment_start = true;

	for (size_t i = 0; i < ref.n; i++) {
		char c = ref.p[i];

		if ((unsigned char)c <= ' ' || (unsigned char)c >= 127 || c == '#' || c == '"' ||
			c == '<' || c == '>')
			return false;
		if (path && (c == ':' || (segment_start && (c == '.' || c == '/'))))
			return false;
		if (c == '?') {
			if (i == 0)
				return false;
			path = false;
		}
		segment_start = c == '/';
	}
	return ref.n > 0;
}

int p2v_doc_urls_resolve(struct p2v_doc_urls *u, struct p2v_str ref)
{
	u->out.n = 0;
	if (u->base.n == 0)
		return p2v_url_resolve(ref, ref, &u->out);
	if (!plain(ref) || u->dir.n + ref.n > P2V_URL_MAX)
		return p2v_url_resolve(u->base, ref, &u->out);
	p2v_text_add(&u->out, u->dir.p, u->dir.n);
	p2v_text_add(&u->out, ref.p, ref.n);
	return u->out.oom ? P2V_ENOMEM : P2V_OK;
}
