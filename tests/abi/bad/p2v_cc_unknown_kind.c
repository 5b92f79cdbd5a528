/* p2v_cc_unknown_kind.c - built wrong on purpose: a kind that no host knows. */
#include "tests/abi/sample.h"

enum { P2V_KIND_OTHER = 99, P2V_OTHER_ABI = 1 };

P2V_PLUGIN(p2v_cc_unknown_kind) = { P2V_HEADER(OTHER), .name = "unknown_kind", SAMPLE_REST,
	SAMPLE_TABLES };
