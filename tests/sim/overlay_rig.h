/* overlay_rig.h - a town for tests of the overlay: a tracker, nodes with an overlay, and callers
 * that speak the messages by hand, well or badly. All in virtual time. */
#ifndef P2V_TESTS_OVERLAY_RIG_H
#define P2V_TESTS_OVERLAY_RIG_H

#include <peer2view/plugin.h>
#include "framework/dtl/session.h"
#include "framework/overlay/identity.h"
#include "framework/overlay/inside.h"
#include "framework/tracker/tracker.h"
#include "sdk/sim/crypto.h"
#include "sdk/sim/record.h"
#include "sdk/sim/world.h"

enum { TOWN_NODES = 32, TOWN_CALLERS = 24, HEARD_MAX = 64 };

extern const struct p2v_id town_news, town_sport; /* two channels */

/** A machine with all that a transport needs. */
struct place {
	struct p2v_sim *sim;
	struct p2v_machine *machine;
	struct p2v_node node;
	struct p2v_sim_crypto sim_crypto;
	struct p2v_crypto_ops ops; /* its crypto's, with what is below */
	bool plain;                /* it has no certificate until one is issued */
	int64_t ends;              /* [us] wall time; 0: as `plain` says */
	uint64_t lifetime;         /* [s] of what it installs */
	struct p2v_sim_records *records;
	struct p2v_identity *identity; /* a secure town's: instead of all that is before */
	struct p2v_dtls *dtls;
	struct p2v_policy cc;
	uint8_t cc_conf[256];
	struct p2v_dtl_conf transport;
	struct p2v_addr addr; /* of its socket, once it has one */
};

/** A node with an overlay; the test is the application above it. */
struct citizen {
	struct place at;
	struct p2v_overlay_conf conf;
	struct p2v_policy select;
	struct p2v_overlay *overlay;
	unsigned ups, downs, shares, messages, transfers;
	bool hold; /* keep the transfers that come, unread; else they are released */
	struct p2v_stream_owner owner;
	unsigned ended; /* of those that are kept */
};

/** Somebody who speaks by hand. */
struct caller {
	struct place at;
	struct p2v_dtl *dtl;
	struct p2v_session *session; /* that it called */
	struct p2v_talk talk;        /* zeroed stream: it does not speak (any more) */
	bool deaf;                   /* does not read */
	bool answers;                /* speaks on the first stream that is opened to it */
	unsigned opened, closed, broken;
	struct p2v_err why; /* of the last closed */
	/* what it heard */
	unsigned heard[HEARD_MAX]; /* by message number */
	struct p2v_msg_refused refused;
	char text[201];
	struct p2v_msg_peers peers; /* its bytes point to what follows */
	struct p2v_id introduced[64];
	uint8_t addresses[64][6][18]; /* of each of them */
	size_t n_addresses[64];
	uint8_t observed[18];
	unsigned accepted;
};

struct town {
	struct p2v_sim *sim;
	FILE *log;
	char *lines;
	size_t n_lines;
	struct p2v_link link;
	bool secure; /* real certificates and DTLS */
	struct p2v_authority authority;
	struct place tracker_at;
	struct p2v_tracker_conf tracker_conf;
	struct p2v_policy registry;
	uint8_t registry_conf[64];
	struct p2v_tracker *tracker;
	struct citizen nodes[TOWN_NODES];
	size_t n_nodes;
	struct caller callers[TOWN_CALLERS];
	size_t n_callers;
	size_t places;
};

void town_init(struct town *t, uint64_t seed);
/** The same with an authority, identities and DTLS. Keys are random, so runs differ. */
void town_init_secure(struct town *t, uint64_t seed);
/** Frees all that is left of it. */
void town_fini(struct town *t);
/** Start the tracker, again if it was ended. Its options are in tracker_conf. */
void town_tracker(struct town *t);
void town_tracker_ends(struct town *t);
void town_run(struct town *t, p2v_usec time);
/** @return how often the text stands in the log so far */
size_t town_logged(struct town *t, const char *text);

/** A node with the defaults; it begins with node_start. */
struct citizen *town_node(struct town *t);
void node_start(struct citizen *c, const struct p2v_id *channel);
void node_end(struct citizen *c);
void node_join(struct citizen *c, const struct p2v_id *channel);
size_t node_partners(const struct citizen *c);
struct p2v_partner *node_partner(const struct citizen *c, const struct place *who);
const struct p2v_id *place_id(const struct place *p);
struct p2v_records place_records(const struct place *p);
struct p2v_str pem_of(const struct p2v_text *t);
/** In a secure town: a node that was given that key and certificate. */
struct citizen *town_node_with(
	struct town *t, const struct p2v_text *key, const struct p2v_text *certificate);
uint64_t node_gauge(const struct citizen *c, enum p2v_metric m);

/** Somebody who calls `to`. @param role  what its certificate makes it */
struct caller *town_caller(struct town *t, enum p2v_standing role);
/** Call, open a stream, run until it is up or refused. @return whether it is up */
bool caller_dial(struct town *t, struct caller *k, const struct p2v_addr *to);
/** Speak on that stream from now on. */
void caller_talk(struct caller *k, struct p2v_stream *s);
void caller_say(struct caller *k, enum p2v_message number, const void *msg);
/** Any bytes. */
void caller_write(struct caller *k, const void *p, size_t n);
/** @return [B] of a descriptor */
size_t caller_describe(const struct p2v_id *id, const struct p2v_addr *addr, uint8_t out[512]);
void caller_hello(
	struct caller *k, const struct p2v_id *as, const struct p2v_id *channels, size_t n);
/** Join at a tracker, with an address of its own. */
void caller_join(struct caller *k, const struct p2v_id *channel, uint32_t want);

#endif
