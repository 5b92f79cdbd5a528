/* registry_laws.h - the laws of kind registry. Whoever has such a plugin gives it a stage, on which
 * time passes and answers arrive, and checks every law. */
#ifndef P2V_TESTS_REGISTRY_LAWS_H
#define P2V_TESTS_REGISTRY_LAWS_H

#include <peer2view/plugin.h>
#include <peer2view/registry.h>

/** One opened registry, empty. */
struct registry_stage {
	const struct p2v_registry_ops *ops;
	void *st;
	/** @return what the registry takes for the time */
	p2v_usec (*now)(struct registry_stage *s);
	/** Let time pass. */
	void (*pass)(struct registry_stage *s, p2v_usec time);
	/** Wait until something was answered. @return false: nothing will be */
	bool (*answer)(struct registry_stage *s);
};

struct registry_law {
	const char *name;
	void (*check)(struct registry_stage *s);
};
extern const struct registry_law registry_laws[];
extern const size_t registry_laws_n;

#endif
