/* p2v_cc_no_op.c - built wrong on purpose: an operation that its kind must have is not there. */
#include "tests/abi/sample.h"

static const struct p2v_cc_ops lame_ops = {
	.size = sizeof lame_ops, .open = sample_open, .on_ack = sample_on_ack, .view = sample_view
};

P2V_PLUGIN(p2v_cc_no_op) = { P2V_HEADER(CC), .name = "no_op", SAMPLE_REST,
	.options = sample_options, .ops.cc = &lame_ops };
