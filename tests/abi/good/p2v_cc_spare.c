/* p2v_cc_spare.c - a right plugin without options: a second one of its kind, for the tests of the
 * host. */
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_cc_spare) = { P2V_HEADER(CC), .name = "spare", .version = "1.0",
	.summary = "nothing to set, for tests", .source = "own", .license = "BSD-2-Clause",
	.state_size = 8, .ops.cc = &sample_ops };
