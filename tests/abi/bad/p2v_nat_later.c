/* p2v_nat_later.c - a plugin of a kind that this host does not drive, told by its file name. */
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_nat_later) = { P2V_HEADER(CC), .name = "later", SAMPLE_REST, SAMPLE_TABLES };
