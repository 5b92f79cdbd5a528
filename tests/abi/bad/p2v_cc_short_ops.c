/* p2v_cc_short_ops.c - built wrong on purpose: its operations end before one that its kind must
 * have, as if it had been built before that one was thought of. What lies behind must not be read.
 */
#include "tests/abi/sample.h"

static const struct p2v_cc_ops short_ops = { .size = offsetof(struct p2v_cc_ops, on_ecn),
	SAMPLE_OPS };

P2V_PLUGIN(p2v_cc_short_ops) = { P2V_HEADER(CC), .name = "short_ops", SAMPLE_REST,
	.options = sample_options, .ops.cc = &short_ops };
