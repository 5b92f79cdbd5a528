/* nat.h - one NAT box for UDP: which outside port an inside address gets, who may send to it, and
 * when it is forgotten. Addresses and times alone: no sockets, no packets, no clock. The simulator
 * passes virtual datagrams through it, a box in a real network real ones. TCP is not here. */
#ifndef P2V_NAT_NAT_H
#define P2V_NAT_NAT_H

#include "framework/base/addr.h"
#include "framework/base/random.h"

/** What a box looks at: of a remote when it makes a mapping, or lets something in. The terms are
 * those of RFC 4787 (4.1, 5) in the short form of NATCracker (Roverso, El-Ansary and Haridi: NAT
 * combinations matter, ICCCN 2009). */
enum p2v_nat_scope {
	P2V_NAT_EI, /* nothing: endpoint-independent */
	P2V_NAT_HD, /* its host: address-dependent */
	P2V_NAT_PD  /* its host and port: address and port-dependent */
};

/** Which port a new mapping gets. */
enum p2v_nat_allocation {
	P2V_NAT_PP, /* port preservation: that of the inside; where it is taken, a random one */
	P2V_NAT_PC, /* port contiguity: the next free one above the last that was given */
	P2V_NAT_RD  /* random */
};

struct p2v_nat_type {
	enum p2v_nat_scope mapping;
	enum p2v_nat_allocation allocation;
	enum p2v_nat_scope filtering;
};

enum { P2V_NAT_TYPES = 27, P2V_NAT_NAME = 9 };

/** Types in the order of their names' parts, filtering the fastest.
 * @param i  0…P2V_NAT_TYPES-1 */
struct p2v_nat_type p2v_nat_type_at(unsigned i);
/** @return its number, as p2v_nat_type_at has it */
unsigned p2v_nat_type_number(struct p2v_nat_type t);
/** @param out  [out] "EI-PP-PD": mapping, allocation, filtering @return out */
char *p2v_nat_type_text(struct p2v_nat_type t, char out[P2V_NAT_NAME]);
/** @return P2V_OK or P2V_EPARSE, quietly */
P2V_MUST_USE int p2v_nat_type_parse(struct p2v_str text, struct p2v_nat_type *out);

/** What is said when a table has no room for one more. */
enum p2v_nat_full {
	P2V_NAT_FULL_DROP,  /* the newcomer is dropped */
	P2V_NAT_FULL_OLDEST /* what was unused for longest makes room */
};

struct p2v_nat_conf {
	struct p2v_nat_type type;
	struct p2v_addr outside;     /* its port is ignored */
	uint16_t port_min, port_max; /* that may be given; preserved ports may lie elsewhere */
	p2v_usec timeout;            /* [us] without refresh until a mapping, and each remote in
				      * it, is forgotten: RFC 4787 REQ-5 asks for 2 min */
	bool inbound_refresh;        /* what comes in refreshes, too; what goes out always does:
				      * RFC 4787 REQ-6 */
	bool hairpin;                /* an inside address reaches another by the outside: REQ-9 */
	bool hairpin_inside;   /* … and is seen by its inside address, which REQ-9 a forbids */
	uint32_t mappings_max; /* beside those of p2v_nat_map; at most P2V_NAT_MAPPINGS */
	uint32_t remotes_max;  /* that are remembered for each mapping */
	uint32_t sessions_max; /* … and in all; at most P2V_NAT_SESSIONS */
	enum p2v_nat_full full;
};

enum { P2V_NAT_MAPPINGS = 60000, P2V_NAT_SESSIONS = 1 << 24 };

/** A home router as RFC 4787 wants it: EI-PP-PD, all ports from 1024 on, two minutes, refreshed by
 * what goes out, hairpin with the outside address, 4096 mappings of 4096 remotes, 65536 remotes in
 * all, and the oldest makes room. The address is to be set. */
void p2v_nat_conf_default(struct p2v_nat_conf *conf);

enum p2v_nat_verdict {
	P2V_NAT_PASS,
	P2V_NAT_UNKNOWN,    /* from outside, to a port that nobody has */
	P2V_NAT_FILTERED,   /* … from a remote that may not */
	P2V_NAT_FULL,       /* no room for a mapping, no port, or no memory */
	P2V_NAT_NO_HAIRPIN, /* from inside to the box's own outside address */
	P2V_NAT_VERDICTS
};

/** What happened since the box was made. */
struct p2v_nat_count {
	uint64_t out[P2V_NAT_VERDICTS], in[P2V_NAT_VERDICTS]; /* datagrams, by verdict */
	uint64_t hairpins;               /* of those that went out and in again */
	uint64_t made, expired, evicted; /* mappings, but for those of p2v_nat_map */
	uint64_t reboots;
};

struct p2v_nat;

/** @param conf   [in] copied
 * @param random  [in] the box's own stream; outlives it
 * @return P2V_OK; P2V_ECONF: a limit is 0 or too great, the ports are in the wrong order or the
 * time is not above 0; P2V_ENOMEM; with err */
P2V_MUST_USE int p2v_nat_new(const struct p2v_nat_conf *conf, struct p2v_random *random,
	struct p2v_nat **out, struct p2v_err *err);
void p2v_nat_free(struct p2v_nat *n);
/** @return borrowed for the box's life */
const struct p2v_nat_conf *p2v_nat_conf_of(const struct p2v_nat *n);
void p2v_nat_count(const struct p2v_nat *n, struct p2v_nat_count *out);
/** @return [1] mappings that it holds at that time */
size_t p2v_nat_mappings(struct p2v_nat *n, p2v_usec now);

/** A datagram leaves. Time never goes back from one call to the next.
 * @param src     [in] inside address and port
 * @param dst     [in] remote address and port, not this box's own
 * @param now     [us] on the caller's clock
 * @param shown   [out] the source that the remote sees; written when it passes; may be src
 * @return P2V_NAT_PASS or P2V_NAT_FULL */
P2V_MUST_USE enum p2v_nat_verdict p2v_nat_out(struct p2v_nat *n, const struct p2v_addr *src,
	const struct p2v_addr *dst, p2v_usec now, struct p2v_addr *shown);
/** A datagram comes.
 * @param port    that it was sent to, at the outside address
 * @param src     [in] remote address and port
 * @param inside  [out] whom it is for; written when it passes
 * @return P2V_NAT_PASS, P2V_NAT_UNKNOWN, P2V_NAT_FILTERED */
P2V_MUST_USE enum p2v_nat_verdict p2v_nat_in(struct p2v_nat *n, uint16_t port,
	const struct p2v_addr *src, p2v_usec now, struct p2v_addr *inside);
/** A datagram from inside to the outside address itself: out and in again.
 * @param src     [in] inside address and port
 * @param port    that it was sent to, at the outside address
 * @param shown   [out] the source that the other sees, inside or outside; may be src
 * @param inside  [out] whom it is for
 * @return any verdict; the filter judges by the outside address of the source */
P2V_MUST_USE enum p2v_nat_verdict p2v_nat_hairpin(struct p2v_nat *n, const struct p2v_addr *src,
	uint16_t port, p2v_usec now, struct p2v_addr *shown, struct p2v_addr *inside);
/** Whom a port of the outside address belongs to, without any effect.
 * @return false: nobody */
bool p2v_nat_holder(const struct p2v_nat *n, uint16_t port, p2v_usec now, struct p2v_addr *inside);

/** An explicit mapping, as PCP's MAP (RFC 6887 11) and UPnP's AddPortMapping make it: whatever the
 * type, all that the inside address sends goes out there, and anybody may send to it. Again: it is
 * renewed, or moved if the port is another one.
 * @param inside  [in] address and port
 * @param port    wanted; 0: any
 * @param until   [us] when it ends; P2V_NEVER: with the box
 * @param given   [out] the outside port, the wanted one if it was free
 * @return P2V_OK; P2V_ELIMIT: no port is free, or there are mappings_max; P2V_ENOMEM: and one that
 * was to be moved is gone */
P2V_MUST_USE int p2v_nat_map(struct p2v_nat *n, const struct p2v_addr *inside, uint16_t port,
	p2v_usec until, p2v_usec now, uint16_t *given);
/** End it. @return P2V_OK or P2V_ENOENT */
P2V_MUST_USE int p2v_nat_unmap(struct p2v_nat *n, const struct p2v_addr *inside);

/** Power off and on: all is forgotten, and ports begin elsewhere. */
void p2v_nat_reboot(struct p2v_nat *n);

#endif
