/* memo.c - a table in which a new question takes the place of an old one. */
#include "sdk/sim/memo.h"

#include <stdlib.h>
#include <string.h>

#include "framework/base/random.h"

enum { PLACES = 2048 }; /* statements about the chunks that are under way */

struct place {
	struct p2v_memo_question q; /* n == 0: none yet */
	uint8_t answer[P2V_MEMO_ANSWER];
};

struct p2v_sim_memo {
	struct place v[PLACES];
};

struct p2v_sim_memo *p2v_sim_memo_new(void)
{
	return calloc(1, sizeof(struct p2v_sim_memo));
}

void p2v_sim_memo_free(struct p2v_sim_memo *m)
{
	free(m);
}

void p2v_memo_add(struct p2v_memo_question *q, const uint8_t *p, size_t n)
{
	if (q->n >= sizeof q->p || n >= sizeof q->p - q->n) {
		q->n = sizeof q->p + 1;
		return;
	}
	q->p[q->n] = (uint8_t)n;
	if (n)
		memcpy(q->p + q->n + 1, p, n);
	q->n += n + 1;
}

/* What is alike lies anywhere: collisions cost time alone. */
static size_t place_of(const struct p2v_memo_question *q)
{
	uint64_t h = q->n;
	size_t i = 0;

	for (; i + 8 <= q->n; i += 8)
		h = (h ^ p2v_load64(q->p + i)) * UINT64_C(0x9e3779b97f4a7c15);
	for (; i < q->n; i++)
		h = (h ^ q->p[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(p2v_mix64(h) % PLACES);
}

uint8_t *p2v_sim_memo_at(struct p2v_sim_memo *m, const struct p2v_memo_question *q, bool *known)
{
	struct place *at;

	*known = false;
	if (!m || q->n == 0 || q->n > sizeof q->p)
		return NULL;
	at = &m->v[place_of(q)];
	*known = at->q.n == q->n && memcmp(at->q.p, q->p, q->n) == 0;
	if (!*known) {
		at->q.n = q->n;
		memcpy(at->q.p, q->p, q->n);
	}
	return at->answer;
}
