/* p2v_cc_unresolved.c - built wrong on purpose: it calls what no library has. */
#include "tests/abi/sample.h"

void p2v_nobody_has_this(void *st);

static const struct p2v_cc_ops lost_ops = {
	.size = sizeof lost_ops, SAMPLE_OPS, .close = p2v_nobody_has_this
};

P2V_PLUGIN(p2v_cc_unresolved) = { P2V_HEADER(CC), .name = "unresolved", SAMPLE_REST,
	.options = sample_options, .ops.cc = &lost_ops };
