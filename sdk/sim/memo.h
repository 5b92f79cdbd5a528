/* memo.h - what stand-ins for digests and signatures gave lately: the same statement is checked by
 * each of the machines that hold what it is about. An answer depends on the question's bytes alone,
 * so whether it is remembered changes nothing but the time it takes. */
#ifndef P2V_SIM_MEMO_H
#define P2V_SIM_MEMO_H

#include <peer2view/base.h>

enum {
	P2V_MEMO_QUESTION = 144, /* [B] longest question */
	P2V_MEMO_ANSWER = 64     /* [B] of an answer, or less */
};

struct p2v_sim_memo;

/** A question that is being put together: its bytes one behind the other, each part with its
 * length. */
struct p2v_memo_question {
	size_t n; /* [B] of p; above P2V_MEMO_QUESTION: it is too long to be remembered */
	uint8_t p[P2V_MEMO_QUESTION];
};

/** @return NULL: no memory */
struct p2v_sim_memo *p2v_sim_memo_new(void);
void p2v_sim_memo_free(struct p2v_sim_memo *m); /* NULL is allowed */

/** Add a part to a question, of which n was 0 at first. */
void p2v_memo_add(struct p2v_memo_question *q, const uint8_t *p, size_t n);
/** @param m     NULL: nothing is remembered
 * @param known  [out] whether the answer is there
 * @return where the answer is, or is to be written, P2V_MEMO_ANSWER bytes, until the next call;
 * NULL: it is not remembered */
uint8_t *p2v_sim_memo_at(struct p2v_sim_memo *m, const struct p2v_memo_question *q, bool *known);

#endif
