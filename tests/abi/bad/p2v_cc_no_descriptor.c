/* p2v_cc_no_descriptor.c - built wrong on purpose: the descriptor bears another module's name. */
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_cc_copied) = { P2V_HEADER(CC), .name = "no_descriptor", SAMPLE_REST, SAMPLE_TABLES };
