/* p2v_cc_other_kind.c - built wrong on purpose: a kind other than its file name says. */
#include <peer2view/cache.h>
#include "tests/abi/sample.h"

P2V_PLUGIN(p2v_cc_other_kind) = { P2V_HEADER(CACHE), .name = "other_kind", SAMPLE_REST,
	SAMPLE_TABLES };
