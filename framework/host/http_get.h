/* http_get.h - one HTTP request that waits for its answer: for commands, not for nodes, whose
 * fetches go through the world. */
#ifndef P2V_HOST_HTTP_GET_H
#define P2V_HOST_HTTP_GET_H

#include "framework/base/text.h"

struct p2v_got {
	long status;
	struct p2v_text body;
	char *url;  /* where it came from in the end; heap */
	char *type; /* Content-Type; heap; NULL: not said */
};

/** GET, following at most 5 redirects.
 * @param url  [in] http or https
 * @param max  [B] largest body
 * @param out  [out] undone with p2v_got_fini; zeroed on failure
 * @return P2V_OK, whatever the status; P2V_EIO, P2V_ETIMEDOUT, P2V_ELIMIT, P2V_ENOMEM with err */
P2V_MUST_USE int p2v_http_get(
	const char *url, size_t max, struct p2v_got *out, struct p2v_err *err);
void p2v_got_fini(struct p2v_got *g);

#endif
