/* p2v_cc_minor.c - built wrong on purpose: a newer minor version of the ABI. */
#include "tests/abi/sample.h"

#undef P2V_ABI_MINOR
#define P2V_ABI_MINOR 7

P2V_PLUGIN(p2v_cc_minor) = { P2V_HEADER(CC), .name = "minor", SAMPLE_REST, SAMPLE_TABLES };
