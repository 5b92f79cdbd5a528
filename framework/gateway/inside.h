/* inside.h - what the gateway's files share: one request of a player, and how it is answered. */
#ifndef P2V_GATEWAY_INSIDE_H
#define P2V_GATEWAY_INSIDE_H

#include "framework/base/http.h"
#include "framework/base/list.h"
#include "framework/gateway/gateway.h"
#include "framework/gateway/status.h"

#define P2V_HOSTS_MAX   64u
#define P2V_MISSES      64u
#define P2V_HEADERS_MAX 48u

/** A host beside the mounts' origins: one that the configuration opens, or that a manifest or
 * redirect named. */
struct p2v_host {
	struct p2v_list in_gateway;
	char *origin; /* "https://cdn2.example" */
	struct p2v_feed *feed;
	struct p2v_channel
		channel; /* of an opened host; of a named one the feed is the one that named it */
	bool own_channel;
};

struct p2v_gateway {
	struct p2v_node *node;
	const struct p2v_gateway_conf *conf;
	struct p2v_delivery *delivery;
	struct p2v_http_server *server;
	struct p2v_addr bound;
	struct p2v_status status;
	struct p2v_channel *channels;
	size_t n_channels;
	struct p2v_list hosts;
	size_t n_hosts;
	struct p2v_list requests;
	bool draining;
	void (*json)(void *ctx, struct p2v_json *j);
	void *ctx;
	struct p2v_miss {
		uint64_t url;
		p2v_usec at;
	} * misses; /* shape (P2V_MISSES): late 404s; NULL: there was none */
};

/** One request. What answers it is one of three: a fragment's reading, a manifest's waiter, a fetch
 * that passes through. */
struct p2v_request {
	struct p2v_list in_gateway;
	struct p2v_gateway *gateway;
	struct p2v_exchange *exchange;
	struct p2v_feed *feed;
	struct p2v_viewer *viewer;
	char *url;
	bool head, proxied, replied, done;
	struct p2v_range range;
	struct p2v_header *headers; /* of the player, kept for a fetch that begins later */
	size_t n_headers;           /* P2V_HEADERS_MAX at most */

	struct p2v_reading *reading;
	uint64_t left;    /* [B] to be written; P2V_LENGTH_UNKNOWN */
	uint64_t written; /* [B] */
	p2v_usec began;   /* writing */
	struct p2v_timer timer;

	struct p2v_waiter *waiter;

	struct p2v_fetch *fetch;
	bool paused;
};

/* reply.c */
struct p2v_reply_headers {
	struct p2v_header v[P2V_HEADERS_MAX];
	size_t n;
	char content_range[80], cache_status[80], max_age[40];
};
void p2v_reply_add(struct p2v_reply_headers *h, const char *name, struct p2v_str value);
/** Cross-origin headers that the CDN did not give. */
void p2v_reply_cors(const struct p2v_request *q, struct p2v_reply_headers *h);
void p2v_reply_send(
	struct p2v_request *q, uint32_t status, uint64_t length, const struct p2v_reply_headers *h);
void p2v_reply_error(struct p2v_request *q, uint32_t status, const char *text);

/* fragment_reply.c: @return false: no manifest lists it */
bool p2v_fragment_reply(struct p2v_request *q);
void p2v_fragment_reply_drained(struct p2v_request *q);

/* manifest_reply.c */
void p2v_manifest_reply(struct p2v_request *q);

/* pass_reply.c */
void p2v_pass_reply(struct p2v_request *q);
void p2v_pass_reply_drained(struct p2v_request *q);

/* route.c */
/** Where a request leads. @return P2V_OK with q->feed, q->url, q->proxied; P2V_ENOENT, P2V_EPERM,
 * P2V_EPARSE, P2V_ENOMEM */
int p2v_route(struct p2v_request *q, struct p2v_str target);
/** @return whether a target is a whole URL, as players write it that use us as their proxy */
bool p2v_route_is_proxied(struct p2v_str target);
/** The agent's path for a URL that something from q's feed named; its host becomes reachable.
 * @return false: as it is */
bool p2v_route_back(struct p2v_request *q, const char *url, struct p2v_text *out);
void p2v_route_fini(struct p2v_gateway *g);

#endif
