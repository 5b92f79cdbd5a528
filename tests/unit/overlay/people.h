/* people.h - identities for tests: an authority, a tracker that issues by it, and members, each in
 * a world whose clock the test moves. */
#ifndef P2V_TESTS_OVERLAY_PEOPLE_H
#define P2V_TESTS_OVERLAY_PEOPLE_H

#include "framework/overlay/identity.h"
#include "tests/unit/fake_world.h"

#define PEOPLE_START (INT64_C(1767225600) * P2V_SECOND) /* 2026-01-01 */

/** One node's identity, and what it shows. */
struct person {
	struct fake_world *world;
	struct p2v_node node;
	struct p2v_identity *me;
	struct p2v_crypto crypto;
	struct p2v_trust trust;
	struct p2v_slice leaf, issuer; /* shown last; issuer.n == 0: none */
	struct p2v_slice key;
	unsigned shown;
};

struct people {
	struct fake_world world; /* one clock and one log for all */
	struct p2v_authority authority;
	struct person tracker;
};

/** An authority that is valid for `days`, and its tracker, who admits guests. */
void people_init(struct people *p, uint32_t days);
void people_fini(struct people *p);

struct p2v_str people_pem(const struct p2v_text *t);
/** Somebody with a fresh key. @param authority  [in] whom to believe; NULL: nobody */
void person_init(struct person *x, struct people *p, const struct p2v_authority *authority);
void person_fini(struct person *x);
/** What it shows now. */
struct p2v_chain person_chain(const struct person *x);
const struct p2v_id *person_id(struct person *x);
/** How `who` judges `x`. @return as judge */
int person_judge(
	struct person *who, const struct person *x, struct p2v_remote *out, struct p2v_err *err);
/** Shake hands with the tracker, be issued a certificate, install it; fails the test if that does
 * not work.
 * @param channels  [in] shape (n); n == 0: all
 * @param lifetime  [s] */
void person_enrol(struct person *x, struct people *p, const struct p2v_id *channels, size_t n,
	uint64_t lifetime);

#endif
