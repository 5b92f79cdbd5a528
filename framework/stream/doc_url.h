/* doc_url.h - the URIs of one document, resolved against where it came from. The result is what
 * p2v_url_resolve gives; names beside the manifest, which nearly all are, take a shorter way. */
#ifndef P2V_STREAM_DOC_URL_H
#define P2V_STREAM_DOC_URL_H

#include "framework/base/url.h"

struct p2v_doc_urls {
	struct p2v_str base; /* borrowed; empty: not known, and only absolute URIs lead anywhere */
	struct p2v_str dir;  /* the base without its last segment; of dir_text, or borrowed */
	bool base_http;      /* the base is http or https, with a host */
	struct p2v_text dir_text;
	struct p2v_text out; /* the URL that was resolved last */
	bool http;           /* … is http or https, with a host */
};

/** @param base  [in] absolute, or empty; outlives u
 * @return P2V_OK; P2V_EPARSE: base is neither; P2V_ENOMEM. p2v_doc_urls_fini in any case. */
P2V_MUST_USE int p2v_doc_urls_init(struct p2v_doc_urls *u, const char *base);
/** The same for a base that was good before.
 * @param dir  [in] as it came out then; outlives u */
void p2v_doc_urls_again(struct p2v_doc_urls *u, const char *base, const char *dir);
void p2v_doc_urls_fini(struct p2v_doc_urls *u);

/** @return whether what ref resolves to is its folder and then ref itself; false where ref is
 * absent */
bool p2v_doc_urls_are_plain(const struct p2v_doc_urls *u, struct p2v_str ref);

/** Resolve ref into u->out, which holds until the next call, and u->http.
 * @return P2V_OK; P2V_EPARSE: it leads nowhere; P2V_ENOMEM */
P2V_MUST_USE int p2v_doc_urls_resolve(struct p2v_doc_urls *u, struct p2v_str ref);

#endif
