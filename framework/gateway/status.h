/* status.h - what anybody may ask a node about itself: /healthz /readyz /version /metrics
 * /stats.json. Serves agents and trackers alike. */
#ifndef P2V_GATEWAY_STATUS_H
#define P2V_GATEWAY_STATUS_H

#include "framework/base/http.h"
#include "framework/base/node.h"

struct p2v_status {
	struct p2v_node *node;
	const char *role, *version;
	p2v_usec started;
	const char
		*allow_hosts; /* names that may stand in Host beside the local ones, one a line */
	/** Members into /stats.json's object. May be NULL. */
	void (*json)(void *ctx, struct p2v_json *j);
	/** @return NULL: ready; else why not. May be NULL. */
	const char *(*ready)(void *ctx);
	void *ctx;
};

/** @return whether the Host header names this node. A page elsewhere that had its own name point
 * here (DNS rebinding) does not. */
bool p2v_status_host_allowed(const struct p2v_status *s, const struct p2v_http_request *rq);

/** Answer a request for one of the status pages.
 * @param allowed  [in] whose pages may read whether this node is ready, for
 *                 Access-Control-Allow-Origin; absent: nobody's
 * @return false: it is none of them; nothing was done */
bool p2v_status_answer(const struct p2v_status *s, struct p2v_exchange *x,
	const struct p2v_http_request *rq, struct p2v_str allowed);

/** Answer with a short text, for errors above all. `head`: without its body. `allowed`: as above.
 */
void p2v_status_text(const struct p2v_node *node, struct p2v_exchange *x, uint32_t status,
	bool head, struct p2v_str allowed, const char *text);

#endif
