/* p2v_cc_bad_default.c - built wrong on purpose: an option's default is out of its range. */
#include "tests/abi/sample.h"

static const struct p2v_option options[] = { SAMPLE_OPTION("7"), P2V_OPT_END };

P2V_PLUGIN(p2v_cc_bad_default) = { P2V_HEADER(CC), .name = "bad_default", SAMPLE_REST,
	.options = options, .ops.cc = &sample_ops };
