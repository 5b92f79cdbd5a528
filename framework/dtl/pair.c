/* pair.c - the sessions to one host, and what they weigh together. */
#include "framework/dtl/pair.h"

#include <stdlib.h>

struct p2v_pair {
	uint8_t ip[16];
	UT_hash_handle hh;
	struct p2v_list sessions;
	double sum; /* of their priorities */
};

/* The sum changed, and with it, maybe, the part of each. */
static void moved(struct p2v_pair *p)
{
	P2V_LIST_EACH (it, &p->sessions)
		P2V_OF(it, struct p2v_session, in_pair)->priority_moved = true;
}

int p2v_pair_join(struct p2v_session *s)
{
	struct p2v_dtl *d = s->dtl;
	struct p2v_pair *p;

	HASH_FIND(hh, d->pairs, s->addr.ip, sizeof s->addr.ip, p);
	if (!p) {
		p = calloc(1, sizeof *p);
		if (!p)
			return P2V_ENOMEM;
		memcpy(p->ip, s->addr.ip, sizeof p->ip);
		p2v_list_init(&p->sessions);
		HASH_ADD(hh, d->pairs, ip, sizeof p->ip, p);
		if (!P2V_HASH_ADDED(hh, p)) {
			free(p);
			return P2V_ENOMEM;
		}
	}
	p2v_list_push(&p->sessions, &s->in_pair);
	s->pair = p;
	s->weight = 0;
	return P2V_OK;
}

void p2v_pair_leave(struct p2v_session *s)
{
	struct p2v_pair *p = s->pair;

	if (!p)
		return;
	p->sum -= s->weight;
	s->weight = 0;
	s->pair = NULL;
	p2v_list_remove(&s->in_pair);
	moved(p);
	if (p2v_list_empty(&p->sessions)) {
		HASH_DEL(s->dtl->pairs, p);
		free(p);
	}
}

void p2v_pair_weigh(struct p2v_session *s, double priority)
{
	if (!s->pair || priority == s->weight)
		return;
	s->pair->sum += priority - s->weight;
	s->weight = priority;
	moved(s->pair);
}

double p2v_pair_part(const struct p2v_session *s)
{
	/* Sums of floating-point numbers that came and went are a little off. */
	return s->pair && s->pair->sum > P2V_PAIR_MOST + 1e-6 ? P2V_PAIR_MOST / s->pair->sum : 1;
}
