/* dtl_box.h - one endpoint in a box: what it sends and receives, and the clock, are the test's, and
 * nothing around it allocates. So what is held is the endpoint's. */
#ifndef P2V_TESTS_DTL_BOX_H
#define P2V_TESTS_DTL_BOX_H

#include "framework/dtl/packet.h"
#include "tests/sim/dtl_certs.h"
#include "tests/sim/dtl_net.h"
#include "tests/sim/dtl_wire.h"
#include "tests/sim/held.h"

enum { REMOTES = 4096, KB = 1024 };

struct box;

/* A remote: a record layer, and packets that the test makes. */
struct remote {
	struct box *box;
	struct p2v_addr addr;
	struct p2v_record *record;
	struct p2v_record_up up;
	struct p2v_session *session; /* the endpoint's */
	uint64_t next;               /* number of its next packet */
	uint64_t top;                /* one above the largest that it saw */
	uint32_t stamp;
	uint64_t every; /* a dumb one acknowledges each so-many-th packet; 0: none */
	bool dumb, closed;
	uint64_t close_code;
	uint64_t max_data, max_stream, sent; /* [B] granted in all, on stream 0, and sent on it */
};

/* An endpoint and the world around it. */
struct box {
	struct wire wire; /* its first socket is the endpoint's */
	struct p2v_node node;
	struct p2v_policy cc;
	uint8_t cc_conf[NET_CONF];
	struct p2v_random random;
	p2v_usec hop;                   /* one way */
	struct p2v_sim_records *sim[2]; /* the endpoint's, the remotes' */
	struct p2v_dtls *dtls[2];
	struct p2v_records remotes;
	struct p2v_dtl *dtl;
	struct queue in, out; /* to the endpoint, and from it */
	struct remote remote[REMOTES];
	size_t n_remotes;
	uint64_t in_bytes, out_bytes;
	unsigned opened, closed;
	bool reads;
	struct authority ca;
	struct judge judge;
	struct shown shown;
	long before, most; /* [B] held, without the endpoint's guests */
};

/** Note what is held now, if it is more than before. */
void box_look(struct box *b);
/** Deliver what the endpoint has sent. */
void box_to_remotes(struct box *b);
/** Deliver what remotes have sent. */
void box_to_endpoint(struct box *b);
/** Let so much time pass. */
void box_run(struct box *b, p2v_usec time);
/** @param dtls  real records: OpenSSL's handshake; else the simulator's
 * @param conf  [in] NULL: the defaults */
struct box *box_new(bool dtls, const struct p2v_dtl_conf *conf);
void box_free(struct box *b);
/** From here on what is held counts. */
void box_mark(struct box *b);
/** A remote that begins its handshake; box_run goes on with it. */
struct remote *remote_new(struct box *b);
/** It goes without a word. */
void remote_drop(struct remote *r);
/** n bytes at an offset, at most 1100. */
void remote_stream(struct remote *r, uint64_t id, uint64_t offset, size_t n);
/** Send a packet of one frame. */
void remote_frame(struct remote *r, const struct p2v_frame *f);
/** Send a packet of these frames, whatever they are. */
void remote_frames(struct remote *r, const void *frames, size_t n);

#endif
