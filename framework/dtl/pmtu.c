/* pmtu.c - the search for the path's MTU. The largest size is tried first, for most paths carry it;
 * then halves of what is left. */
#include "framework/dtl/pmtu.h"

void p2v_pmtu_init(struct p2v_pmtu *p, uint32_t max)
{
	*p = (struct p2v_pmtu){
		.mtu = P2V_MSS, .max = max, .bound = max + 1, .due = P2V_NEVER, .hole = P2V_UNKNOWN
	};
}

/* @return whether the search is over */
static bool found(const struct p2v_pmtu *p)
{
	return p->mtu >= p->max || p->mtu + P2V_PMTU_STEP >= p->bound;
}

/* Choose the next size, or rest: RFC 8899 5.2, SEARCHING and SEARCH_COMPLETE. */
static void go_on(struct p2v_pmtu *p, p2v_usec now)
{
	p->tries = 0;
	if (p->mtu >= p->max) {
		p->due = P2V_NEVER;
	} else if (found(p)) {
		p->bound = p->max + 1; /* paths change: look again later */
		p->probe = p->max;
		p->due = now + P2V_PMTU_AGAIN;
	} else {
		p->probe = p->bound > p->max ? p->max : p->mtu + (p->bound - p->mtu) / 2;
		p->due = now;
	}
}

uint32_t p2v_pmtu_wants(struct p2v_pmtu *p, p2v_usec now)
{
	if (now < p->due)
		return 0;
	if (p->bound > p->max) {
		p->began = now;
	} else if (now - p->began >= P2V_PMTU_AGAIN) { /* what did not pass then may pass now */
		p->bound = p->max + 1;
		go_on(p, now);
		p->began = now;
	}
	return p->probe;
}

void p2v_pmtu_sent(struct p2v_pmtu *p)
{
	p->due = P2V_NEVER;
}

static void probe_lost(struct p2v_pmtu *p, p2v_usec now)
{
	if (++p->tries < P2V_PMTU_TRIES) {
		p->due = now;
		return;
	}
	p->bound = p->probe;
	go_on(p, now);
}

/* Full packets vanish, smaller ones arrive: RFC 8899 4.3. A path that does so again soon after is
 * left alone for a while. */
static void fall_back(struct p2v_pmtu *p, p2v_usec now)
{
	bool again = p->hole != P2V_UNKNOWN && now - p->hole < P2V_PMTU_AGAIN / 10;

	p->hole = now;
	p->vanished = 0;
	p->tries = 0;
	p->bound = p->mtu;
	p->mtu = P2V_MSS;
	go_on(p, now);
	if (again)
		p->due = now + P2V_PMTU_AGAIN;
}

bool p2v_pmtu_outcome(struct p2v_pmtu *p, const struct p2v_outcome *o, p2v_usec now)
{
	uint32_t before = p->mtu;

	if (p->acked < P2V_PMTU_AFTER && o->acked_bytes) {
		p->acked += o->acked_bytes;
		if (p->acked >= P2V_PMTU_AFTER)
			go_on(p, now);
	}
	if (o->probe_acked > p->mtu) {
		p->mtu = o->probe_acked;
		p->vanished = 0;
		if (p->bound <= p->mtu)
			p->bound = p->max + 1;
		go_on(p, now);
	} else if (o->probe_lost && o->probe_lost == p->probe && p->due == P2V_NEVER) {
		probe_lost(p, now);
	}
	if (o->full_acked)
		p->vanished = 0;
	p->vanished += o->full_lost;
	if (p->vanished >= P2V_PMTU_VANISHED && p->mtu > P2V_MSS)
		fall_back(p, now);
	return p->mtu != before;
}
