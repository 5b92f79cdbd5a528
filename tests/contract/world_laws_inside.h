/* world_laws_inside.h - what the files of the laws share with each other. */
#ifndef P2V_TESTS_WORLD_LAWS_INSIDE_H
#define P2V_TESTS_WORLD_LAWS_INSIDE_H

#include "tests/contract/world_laws.h"

/** One law while it is checked. */
struct laws {
	struct p2v_rig rig;
	unsigned inside; /* calls into the world that are on the stack, see INSIDE */
	bool failed;
};

struct law {
	const char *name; /* a sentence */
	void (*check)(struct laws *l);
};

extern const struct law p2v_laws_basic[], p2v_laws_http[]; /* ended by name == NULL */

/** Note that a law is broken, with the place; the rest of the check goes on. */
void p2v_law_broken(struct laws *l, const char *file, int line, const char *what);
/** Run the worlds for a moment, so that what must not happen has its chance. */
void p2v_law_settle(struct laws *l);
/** A callback begins: it must not be inside a call that the law made. */
#define CALLED(l) HOLDS(l, (l)->inside == 0)

#define HOLDS(l, cond)                                                  \
	do {                                                            \
		if (!(cond))                                            \
			p2v_law_broken((l), __FILE__, __LINE__, #cond); \
	} while (0)
/** Leave the check when the rest would make no sense. */
#define NEEDS(l, cond)                                                  \
	do {                                                            \
		if (!(cond)) {                                          \
			p2v_law_broken((l), __FILE__, __LINE__, #cond); \
			return;                                         \
		}                                                       \
	} while (0)
/** A call into the world, inside which no callback may run. */
#define INSIDE(l, call)        \
	do {                   \
		(l)->inside++; \
		call;          \
		(l)->inside--; \
	} while (0)
#define UNTIL(l, cond, ctx) (l)->rig.until((l)->rig.self, cond, ctx)

#endif
