/* url.h - URLs as RFC 3986 has them: parts, resolution of references, and a canonical form. */
#ifndef P2V_BASE_URL_H
#define P2V_BASE_URL_H

#include "framework/base/text.h"

#define P2V_URL_MAX 8192u /* [B] longest URL that is read or made */

/** Parts of a URL or reference, borrowed from its text. An absent part has p == NULL. */
struct p2v_url {
	struct p2v_str scheme, authority, path, query,
		fragment;    /* path is never absent, but may be empty */
	struct p2v_str host; /* of the authority, IPv6 without brackets */
	uint16_t port;       /* of the authority, or the scheme's own; 0: neither */
};

/** Split a URL or a relative reference. @return P2V_OK; P2V_EPARSE: too long, a control character
 * or blank in it, or an authority that is none */
P2V_MUST_USE int p2v_url_split(struct p2v_str text, struct p2v_url *out);

/** @return whether it is absolute http or https with a host */
bool p2v_url_is_http(const struct p2v_url *u);

/** Resolve a reference against a base (RFC 3986 5.2), without its fragment. Blanks, quotes, angle
 * brackets and bytes beyond ASCII in `ref` are escaped, as browsers do; an empty path of http
 * becomes "/".
 * @param base  [in] absolute
 * @param out   [inout] the result is appended; nothing is on P2V_EPARSE
 * @return P2V_OK; P2V_EPARSE: not absolute, too long, or without an authority (data:, mailto:);
 * P2V_ENOMEM */
P2V_MUST_USE int p2v_url_resolve(struct p2v_str base, struct p2v_str ref, struct p2v_text *out);

/** @return whether a reference is a path of plain names, perhaps with a query: nothing in it is
 * escaped, removed or replaced when it is resolved, so that it can simply be put behind the folder
 * of the base. Most are. */
bool p2v_url_is_plain(struct p2v_str ref);

/** scheme://host[:port] in lower case, without a default port. */
void p2v_url_origin(const struct p2v_url *u, struct p2v_text *out);

/** Same scheme, host and port. */
bool p2v_url_same_origin(const struct p2v_url *a, const struct p2v_url *b);

#endif
