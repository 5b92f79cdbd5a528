/* dtl_net.h - a small network for tests of the transport: nodes in virtual time, and an application
 * that moves bytes which can be checked: whoever opens a stream says what it will send and what it
 * wants back. */
#ifndef P2V_TESTS_DTL_NET_H
#define P2V_TESTS_DTL_NET_H

#include <peer2view/plugin.h>
#include "framework/base/list.h"
#include "framework/base/policy.h"
#include "framework/dtl/dtl.h"
#include "framework/dtl/session.h"
#include "sdk/sim/record.h"
#include "sdk/sim/world.h"

enum { NET_ENDS = 24, NET_CONF = 256 };

extern const struct p2v_plugin p2v_cc_newreno_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_cc_cubic_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_cc_ledbat_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_cc_dtl_LTX_p2v_plugin;

struct net;

/** One direction after the other: the opener sends `size` bytes, the acceptor answers with `reply`
 * bytes. */
struct xfer {
	struct p2v_list in_end;
	struct end *end;
	struct p2v_stream *stream; /* NULL once it ended */
	bool opener;
	uint64_t key;
	uint64_t to_send, sent, to_get, got;
	uint8_t head[24]; /* of an accepted stream: key, size, reply */
	size_t head_n;
	bool finished, eof, wrong; /* wrong: a byte was not what it should be */
	bool ended;
	int code;
	uint64_t reason;
	p2v_usec began, took; /* until eof */
	uint64_t stop_at;     /* [B] got, at which the stream is reset; 0: never */
	bool idle;            /* do not read */
	uint64_t window;      /* [B] the session's, when the end arrived */
};

struct end {
	struct net *net;
	struct p2v_machine *machine;
	struct p2v_node node;
	struct p2v_policy cc;
	uint8_t cc_conf[NET_CONF];
	struct p2v_dtl_conf conf;
	struct p2v_sim_records *records;
	struct p2v_dtls *dtls; /* where the test makes real ones */
	struct p2v_dtl *dtl;
	uint16_t port; /* to bind; 0: 4433 */
	struct p2v_addr addr;
	struct p2v_list xfers;       /* in the order in which they began */
	struct p2v_session *session; /* the last that opened */
	unsigned opened, closed, accepted, probes;
	struct p2v_err why; /* of the last closed */
	unsigned ended;
	unsigned starved; /* times that the application found no memory */
	bool idle;        /* accepted streams are not read */
	uint64_t stop_at; /* for accepted streams */
};

struct net {
	struct p2v_sim *sim;
	struct end end[NET_ENDS];
	size_t n;
	const struct p2v_plugin *cc; /* of the ends that are added next */
};

/** @param cc  [in] the controller of every end, unless the test sets net->cc before it adds one */
void net_init(struct net *net, uint64_t seed, const struct p2v_plugin *cc);
/** Frees the transports, then the world. */
void net_fini(struct net *net);
/** Add a node with its own socket; its address ends in its number.
 * @param link  [in] of its machine */
struct end *net_end(struct net *net, const struct p2v_link *link);
/** The same with options of its own: NULL is the defaults; and a record layer of its own: NULL is
 * the simulator's. */
struct end *net_end_with(struct net *net, const struct p2v_link *link,
	const struct p2v_dtl_conf *conf, const struct p2v_records *records);
/** A node whose transport is opened later, by net_open. */
struct end *net_node(struct net *net, const struct p2v_link *link);
void net_open(struct end *e, const struct p2v_dtl_conf *conf, const struct p2v_records *records);
/** The transport's defaults. */
struct p2v_dtl_conf net_conf(void);
/** Dial, and run until it opened; fails the test when it does not. */
struct p2v_session *net_connect(struct end *from, struct end *to);
struct p2v_session *net_dial(struct end *from, struct end *to);
/** Run for so long. */
void net_run(struct net *net, p2v_usec time);
/** Run until all transfers of all ends ended, or until `limit` has passed. @return whether they
 * ended */
bool net_settle(struct net *net, p2v_usec limit);
/** Open a stream and send on it. */
struct xfer *net_send(struct p2v_session *s, uint64_t size, uint64_t reply);
/** Read what arrived on a transfer that was `idle`, and go on reading. */
void net_resume(struct xfer *x);
/** Assert that every transfer of an end went as it should: whole, in order, with P2V_OK. */
void net_check_whole(struct end *e);
/** Bytes of a pattern. */
void net_pattern(uint64_t key, uint64_t offset, uint8_t *out, size_t n);

#endif
