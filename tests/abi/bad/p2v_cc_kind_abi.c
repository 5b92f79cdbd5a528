/* p2v_cc_kind_abi.c - built wrong on purpose: another version of its kind. */
#include "tests/abi/sample.h"

#undef P2V_CC_ABI
#define P2V_CC_ABI 6

P2V_PLUGIN(p2v_cc_kind_abi) = { P2V_HEADER(CC), .name = "kind_abi", SAMPLE_REST, SAMPLE_TABLES };
