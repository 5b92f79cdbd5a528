/* p2v_cc_longer.c - longer structs than this host's, as a build of a later minor version has them
 * when it says that it asks for no more than this one. It must load. */
#include "tests/abi/sample.h"

struct later_ops {
	struct p2v_cc_ops now;
	void (*later)(void *st);
};

struct later_option {
	struct p2v_option now;
	const char *later;
};

struct later_plugin {
	struct p2v_plugin now;
	const char *later;
};

static const struct later_ops ops = { .now = { .size = sizeof(struct later_ops), SAMPLE_OPS } };
static const struct later_option options[] = { { SAMPLE_OPTION("24000"), "later" },
	{ P2V_OPT_END, NULL } };

extern __attribute__((visibility("default")))
const struct later_plugin p2v_cc_longer_LTX_p2v_plugin;
const struct later_plugin p2v_cc_longer_LTX_p2v_plugin = {
	.now = { SAMPLE_HEADER(sizeof(struct later_plugin), sizeof(struct later_option)),
		.name = "longer", SAMPLE_REST, .options = &options[0].now, .ops.cc = &ops.now },
	.later = "later"
};
