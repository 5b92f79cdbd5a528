/* doc_url.c - the URIs of one document, resolved. */
#include "framework/stream/doc_url.h"

static bool is_http(struct p2v_str url)
{
	struct p2v_url u;

	return p2v_url_split(url, &u) == P2V_OK && p2v_url_is_http(&u);
}

void p2v_doc_urls_again(struct p2v_doc_urls *u, const char *base, const char *dir)
{
	*u = (struct p2v_doc_urls){ .base = p2v_str_of(base), .dir = p2v_str_of(dir) };
	u->base_http = is_http(u->base);
}

int p2v_doc_urls_init(struct p2v_doc_urls *u, const char *base)
{
	int rc;

	p2v_doc_urls_again(u, base, "");
	if (u->base.n == 0)
		return P2V_OK;
	rc = p2v_url_resolve(u->base, p2v_str_of("."), &u->dir_text);
	u->dir = (struct p2v_str){ u->dir_text.p, u->dir_text.n };
	return rc;
}

void p2v_doc_urls_fini(struct p2v_doc_urls *u)
{
	p2v_text_fini(&u->dir_text);
	p2v_text_fini(&u->out);
}

bool p2v_doc_urls_are_plain(const struct p2v_doc_urls *u, struct p2v_str ref)
{
	return u->base.n > 0 && u->dir.n + ref.n <= P2V_URL_MAX && p2v_url_is_plain(ref);
}

int p2v_doc_urls_resolve(struct p2v_doc_urls *u, struct p2v_str ref)
{
	int rc;

	u->out.n = 0;
	if (p2v_doc_urls_are_plain(u, ref)) {
		p2v_text_str(&u->out, u->dir);
		p2v_text_str(&u->out, ref);
		u->http = u->base_http;
		return u->out.oom ? P2V_ENOMEM : P2V_OK;
	}
	rc = p2v_url_resolve(u->base.n > 0 ? u->base : ref, ref, &u->out);
	u->http = rc == P2V_OK && is_http((struct p2v_str){ u->out.p, u->out.n });
	return rc;
}
