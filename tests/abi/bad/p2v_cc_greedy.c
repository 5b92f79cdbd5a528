/* p2v_cc_greedy.c - built wrong on purpose: it wants more memory for one state than a host gives.
 */
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_cc_greedy) = { P2V_HEADER(CC), .name = "greedy", SAMPLE_TEXTS,
	.conf_size = sizeof(struct sample_conf), .state_size = UINT64_C(1) << 40, SAMPLE_TABLES };
