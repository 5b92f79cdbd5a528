/* p2v_cc_major.c - built wrong on purpose: the next major version of the ABI. */
#include "tests/abi/sample.h"

#undef P2V_ABI_MAJOR
#define P2V_ABI_MAJOR 2

P2V_PLUGIN(p2v_cc_major) = { P2V_HEADER(CC), .name = "major", SAMPLE_REST, SAMPLE_TABLES };
