/* p2v_cc_other_name.c - built wrong on purpose: a name other than its file's. */
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_cc_other_name) = { P2V_HEADER(CC), .name = "someone", SAMPLE_REST, SAMPLE_TABLES };
