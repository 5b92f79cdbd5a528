/* p2v_cc_bad_offset.c - built wrong on purpose: an option lies behind the end of its struct. */
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_cc_bad_offset) = { P2V_HEADER(CC), .name = "bad_offset", SAMPLE_TEXTS,
	.conf_size = 2, SAMPLE_TABLES };
