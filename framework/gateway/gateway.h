/* gateway.h - the player's side: an HTTP server that looks like the CDN. Mounts, the open form,
 * replies as bytes arrive, rewriting, pass-through of all that is not shared. */
#ifndef P2V_GATEWAY_GATEWAY_H
#define P2V_GATEWAY_GATEWAY_H

#include "framework/delivery/delivery.h"

/** Bound from [gateway]. */
struct p2v_gateway_conf {
	const char *listen;      /* address:port */
	const char *allow_hosts; /* further names in Host, one a line; "*": any */
	const char
		*open_hosts; /* CDN hosts that the open form and the proxy form reach, one a line */
	const char *allow_origins; /* sites whose pages may use this agent, one a line; "*": any */
};
extern const struct p2v_option p2v_gateway_options[];

struct p2v_gateway;

/** @param channels  [in] shape (n), the mounts; outlive it
 * @param version    [in] for /version
 * @param json       [in] members into /stats.json's object; may be NULL */
P2V_MUST_USE int p2v_gateway_new(struct p2v_node *node, const struct p2v_gateway_conf *conf,
	struct p2v_delivery *d, struct p2v_channel *channels, size_t n, const char *version,
	void (*json)(void *ctx, struct p2v_json *j), void *ctx, struct p2v_gateway **out,
	struct p2v_err *err);
/** Stop listening, and cut what is under way. */
void p2v_gateway_stop(struct p2v_gateway *g);
/** After the delivery, which holds channels of it. */
void p2v_gateway_free(struct p2v_gateway *g);
/** Where it listens. */
struct p2v_addr p2v_gateway_bound(const struct p2v_gateway *g);
/** No further requests; @return how many are still being answered */
size_t p2v_gateway_drain(struct p2v_gateway *g);

#endif
