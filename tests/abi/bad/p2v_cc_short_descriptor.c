/* p2v_cc_short_descriptor.c - built wrong on purpose: fewer bytes than the first version had. */
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_cc_short_descriptor) = { SAMPLE_HEADER(offsetof(struct p2v_plugin, check),
						sizeof(struct p2v_option)),
	.name = "short_descriptor", SAMPLE_REST, SAMPLE_TABLES };
