/* p2v_cc_no_text.c - built wrong on purpose: it does not tell its licence. */
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_cc_no_text) = { P2V_HEADER(CC), .name = "no_text", .version = "1.0", .summary = "",
	.source = "own", .conf_size = sizeof(struct sample_conf), SAMPLE_TABLES };
