/* p2v_cc_bad_stride.c - built wrong on purpose: its options have no length, so that their table
 * would never end. */
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_cc_bad_stride) = { SAMPLE_HEADER(sizeof(struct p2v_plugin), 0), .name = "bad_stride",
	SAMPLE_REST, SAMPLE_TABLES };
