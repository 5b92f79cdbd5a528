/* record.h - the record layer under a session: it authenticates both ends and turns packets into
 * datagrams and back. Two makers: framework/dtl/session.c (DTLS 1.2 shakes hands) and
 * sdk/sim/record.c (no cryptography, for virtual time). Nothing else knows how a packet is
 * protected, so that another layer can take their place. */
#ifndef P2V_DTL_RECORD_H
#define P2V_DTL_RECORD_H

#include <stdlib.h>

#include "framework/base/crypto.h"
#include "framework/base/slice.h"
#include "framework/base/world.h"

enum p2v_standing {
	P2V_IS_GUEST = 0, /* it holds the key of its id, but no authority vouches for it */
	P2V_IS_PEER,
	P2V_IS_TRACKER
};

/** Whom we speak with, once the handshake is done. */
struct p2v_remote {
	struct p2v_id id;       /* SHA-256 of its SubjectPublicKeyInfo */
	enum p2v_standing role; /* what its certificate makes it */
};

/** Whoever judges certificates: framework/overlay/identity, or a test. */
struct p2v_trust {
	void *ctx;
	/** @param chain   [in] shape (n), DER, the leaf first; n >= 1; the handshake proves that
	 * the remote holds its key
	 * @param dialled  we called it
	 * @param out      [out]
	 * @return P2V_OK; P2V_EPERM with err: refused, which ends the handshake, and the judge has
	 * told the log */
	int (*judge)(void *ctx, const struct p2v_bytes *chain, size_t n, bool dialled,
		struct p2v_remote *out, struct p2v_err *err);
};

enum p2v_record_state {
	P2V_RECORD_HANDSHAKE = 0,
	P2V_RECORD_UP,
	P2V_RECORD_FAILED,
	P2V_RECORD_CLOSED
};

/* A datagram that carries a packet begins with this byte, then the connection id by which its
 * receiver knows the session, wherever it comes from. */
enum { P2V_RECORD_PACKET = 48 };

/** @param cid  [out] the connection id
 * @return whether the datagram is one that carries a packet */
static inline bool p2v_record_cid(const uint8_t *p, size_t n, uint32_t *cid)
{
	if (n < 5 || p[0] != P2V_RECORD_PACKET)
		return false;
	*cid = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
	return true;
}

/** One session's record state. The maker embeds it. */
struct p2v_record {
	const struct p2v_records_ops *ops;
	enum p2v_record_state state;
	bool client;              /* we began the handshake; stream numbers follow from it */
	bool refused;             /* P2V_RECORD_FAILED: by our own judge */
	bool open;                /* it does not look at what packets carry: it may be lent */
	uint32_t overhead;        /* [B] that a datagram is larger than its packet; valid from
				     P2V_RECORD_UP on */
	uint32_t head;            /* [B] of it that stand before the packet; valid with it */
	uint32_t cid;             /* connection id that the remote's packets carry; valid with it:
				     both ends know both from the handshake's secrets */
	struct p2v_remote remote; /* valid from P2V_RECORD_UP on */
	struct p2v_err *why;      /* p2v_record_why; freed by the maker */
};

/** The maker's place for why it failed, which most never do. @return NULL: no memory */
static inline struct p2v_err *p2v_record_wrong(struct p2v_record *r)
{
	if (!r->why)
		r->why = calloc(1, sizeof *r->why);
	return r->why;
}

/** P2V_RECORD_FAILED: one sentence. Valid as long as r. */
static inline const struct p2v_err *p2v_record_why(const struct p2v_record *r)
{
	static const struct p2v_err none = { P2V_ENOMEM, "no memory" };

	return r->why ? r->why : &none;
}

/** What a datagram is to a session that there is with its address. */
enum p2v_record_class {
	P2V_RECORD_DATA = 0, /* of a session that is up */
	P2V_RECORD_SHAKE,    /* of the handshake under way, or of its end */
	P2V_RECORD_CALL,     /* the remote calls us: give it to `accept`, what comes of it takes the
				session's place */
	P2V_RECORD_STALE     /* drop it */
};

/** What a record layer hands up while it works on a datagram or a timer. */
struct p2v_record_up {
	void *ctx;
	/** Send a datagram (of the handshake or an alert) to the session's remote. */
	void (*emit)(void *ctx, const uint8_t *p, size_t n);
	/** One packet arrived, authenticated, not a replay. */
	void (*packet)(void *ctx, const uint8_t *p, size_t n);
};

struct p2v_records_ops {
	/** Begin as client; the first flight goes to up->emit. @return P2V_OK, P2V_ENOMEM,
	 * P2V_EPERM (no credentials) */
	int (*dial)(void *self, const struct p2v_record_up *up, struct p2v_record **out,
		struct p2v_err *err);

	/** A datagram from an address that has no session. Keeps no state until the address is
	 * proven, and emits no more bytes than came.
	 * @param out  [out] a session, when this datagram proved its address; else NULL. It may be
	 * UP already.
	 * @return P2V_OK, P2V_ENOMEM; P2V_EPROTO: not for us, dropped */
	int (*accept)(void *self, const struct p2v_addr *from, const uint8_t *p, size_t n,
		const struct p2v_record_up *up, struct p2v_record **out);

	/** What a datagram is to this session. When both ends call each other at once, each sees
	 * the other's call; the rule by which one of the two is STALE for its receiver is the
	 * maker's, and gives the same answer at both ends. */
	enum p2v_record_class (*classify)(struct p2v_record *r, const uint8_t *p, size_t n);

	/** A datagram of this session; its packet may have come from any address. Watch r->state
	 * afterwards. */
	void (*input)(
		struct p2v_record *r, const uint8_t *p, size_t n, const struct p2v_record_up *up);

	/** Protect one packet, n > 0.
	 * @param p    [in] shape (n); where it is out + head, nothing is copied
	 * @param out  [out] shape (cap), cap >= n + overhead
	 * @return [B] written, or P2V_E* */
	ptrdiff_t (*seal)(
		struct p2v_record *r, const uint8_t *p, size_t n, uint8_t *out, size_t cap);

	/** @return when `timeout` wants to be called (handshake retransmission); P2V_NEVER */
	p2v_usec (*deadline)(const struct p2v_record *r, p2v_usec now);
	void (*timeout)(struct p2v_record *r, p2v_usec now, const struct p2v_record_up *up);

	/** Tell the remote that it is over, if it can still hear. */
	void (*close)(struct p2v_record *r, const struct p2v_record_up *up);
	void (*free)(struct p2v_record *r);
};

struct p2v_records {
	const struct p2v_records_ops *ops;
	void *self;
};

#endif
