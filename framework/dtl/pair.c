/* pair.c - the sessions to one host, and what they weigh together. */
#include "framework/dtl/pair.h"

#include <stdlib.h>

struct p2v_pair {
	uint8_t ip[16];
	UT_hash_handle hh;
	size_t n;   /* sessions */
	double sum; /* of their priorities */
};

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
		HASH_ADD(hh, d->pairs, ip, sizeof p->ip, p);
		if (!P2V_HASH_ADDED(hh, p)) {
			free(p);
			return P2V_ENOMEM;
		}
	}
	p->n++;
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
	if (--p->n == 0) {
		HASH_DEL(s->dtl->pairs, p);
		free(p);
	}
}

void p2v_pair_weigh(struct p2v_session *s, double priority)
{
	if (!s->pair)
		return;
	s->pair->sum += priority - s->weight;
	s->weight = priority;
}

double p2v_pair_part(const struct p2v_session *s)
{
	/* Sums of floating-point numbers that came and went are a little off. */
	return s->pair && s->pair->sum > P2V_PAIR_MOST + 1e-6 ? P2V_PAIR_MOST / s->pair->sum : 1;
}
