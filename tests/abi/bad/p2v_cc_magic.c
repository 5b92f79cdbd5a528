/* p2v_cc_magic.c - built wrong on purpose: another magic number. */
#include "tests/abi/sample.h"

#undef P2V_MAGIC
#define P2V_MAGIC 0x12345678u

P2V_PLUGIN(p2v_cc_magic) = { P2V_HEADER(CC), .name = "magic", SAMPLE_REST, SAMPLE_TABLES };
