/* p2v_cc_no_ops.c - built wrong on purpose: no operations at all. */
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_cc_no_ops) = { P2V_HEADER(CC), .name = "no_ops", SAMPLE_REST,
	.options = sample_options };
