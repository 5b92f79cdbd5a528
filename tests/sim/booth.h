/* booth.h - an agent by itself on a machine, a site as its CDN on another, and players' requests
 * made to it: by HTTP from the agent's own machine, or handed to its gateway directly, where HTTP
 * clients cannot say what is to be said. Further agents may join it in the same world; what they
 * send each other is listened to. */
#ifndef P2V_TESTS_SIM_BOOTH_H
#define P2V_TESTS_SIM_BOOTH_H

#include "framework/host/agent.h"
#include "sdk/sim/crypto.h"
#include "sdk/sim/record.h"
#include "sdk/sim/world.h"
#include "tests/sim/site.h"
#include "tests/sim/swarm_rig.h"

enum { BOOTH_CHANNELS = 3, BOOTH_WORDS = 4, VISIT_HEADERS = 6, VISIT_MAX = 4 << 20 };

/** What an agent is made of: defaults, for a test to change before booth_open. */
struct booth_conf {
	struct p2v_gateway_conf gateway;
	struct p2v_overlay_conf overlay;
	struct p2v_delivery_conf delivery;
	struct p2v_dtl_conf transport;
	struct p2v_channel_conf channels[BOOTH_CHANNELS];
	size_t n_channels; /* 1: "/live" is http://cdn/live/ */
	struct p2v_link cdn_link, box_link;
	struct p2v_swarm_plugins plugins; /* a NULL conf: the plugin's defaults */
};

/** Bytes that agents' datagrams are searched for. */
struct booth_word {
	const char *p; /* outlives the booth */
	size_t n;
	uint64_t seen; /* datagrams that had them */
};

struct booth {
	struct p2v_sim *sim;
	struct booth *first; /* whose world it joined; NULL: the world is its own */
	struct booth_word words[BOOTH_WORDS];
	size_t n_words;
	struct p2v_machine *cdn_machine, *other_machine, *box_machine;
	struct site cdn, other; /* "cdn" and "cdn2" */
	struct booth_conf conf;
	struct p2v_world box;     /* the machine's world */
	struct p2v_world_ops tap; /* the agent's: the same, with its HTTP server seen through */
	struct p2v_list raws;
	const struct p2v_http_handler *handler; /* of the gateway */
	void *handler_ctx;
	struct p2v_node node;
	struct p2v_sim_crypto crypto;
	struct p2v_sim_records *records;
	struct p2v_agent *agent;
	void *bound[8];
	size_t n_bound;
};

struct booth_conf booth_conf(void);
void booth_open(struct booth *b, const struct booth_conf *conf);
/** A further agent, on a machine of its own, in the world of another booth, which closes after it.
 * @param number  above 0, another for each */
void booth_join(
	struct booth *b, struct booth *first, const struct booth_conf *conf, unsigned number);
void booth_close(struct booth *b);
/** A plugin with its options bound, at their defaults if it comes without: for as long as b. */
struct p2v_agent_plugin booth_plugin(struct booth *b, struct p2v_agent_plugin p);
/** Search what agents send each other for a text from now on. No cryptography hides it here.
 * @param b  [in] the first booth
 * @return index in b->words */
size_t booth_listen(struct booth *b, const char *text);
/** Let that much virtual time pass. */
void booth_run(struct booth *b, p2v_usec time);

/** One request, and what came of it. */
struct visit {
	/* to be set before it begins; zero is usual */
	const char *headers[VISIT_HEADERS]; /* "Name: value" */
	const char *host;                   /* "127.0.0.1:8780" */
	bool head, redirects;
	size_t pause_at, leave_at; /* [B] of the body; 0: never */

	/* what was seen */
	struct booth *booth;
	struct p2v_fetch *fetch;
	uint32_t status;
	uint64_t length; /* as promised; P2V_LENGTH_UNKNOWN */
	size_t n;        /* [B] of the body */
	char *body;      /* NUL-ended */
	char fields[8192], url[512];
	bool done;
	int code;
	p2v_usec began, head_at, first_at, done_at;
};

/** Begin a request; the visit is as it was set. @param path  [in] "/live/a.ts?x" */
void visit_begin(struct booth *b, struct visit *v, const char *path);
/** Go on reading after a pause. */
void visit_resume(struct visit *v);
void visit_leave(struct visit *v);
/** Let time pass until it is done. At most a virtual minute. */
void visit_wait(struct visit *v);
/** Begin and wait. @return its status; 0: no answer */
uint32_t visit_get(struct booth *b, struct visit *v, const char *path);
/** Forget what came of it, so that it can be made again. */
void visit_fini(struct visit *v);
/** @return the value of a header field; "": there is none; the first of several */
const char *visit_field(const struct visit *v, const char *name);
/** @return how many fields have that name */
unsigned visit_fields(const struct visit *v, const char *name);
/** Check a body against a page's. @param off  [B] of the page's body where it begins */
void visit_expect(const struct visit *v, const struct page *p, uint64_t off, size_t n);

/** A request handed to the gateway without HTTP, and its answer. */
struct raw {
	struct p2v_exchange x;
	struct p2v_list in_booth;
	struct booth *booth;
	bool replied, ended, aborted, gone;
	uint32_t status;
	uint64_t length;
	size_t n, room; /* [B] of the body; [B] that there is room for */
	char fields[4096], body[65536];
};

/** @param method, target  [in] as in a request line
 * @param headers  [in] "Name: value", NULL-ended
 * @param room     [B] that the client takes */
void raw_ask(struct booth *b, struct raw *r, const char *method, const char *target,
	const char *const *headers, size_t room);
/** The client takes more. */
void raw_take(struct raw *r, size_t room);
/** The client leaves. */
void raw_leave(struct raw *r);
const char *raw_field(const struct raw *r, const char *name);

#endif
