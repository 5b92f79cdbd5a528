/* sample.h - a congestion controller that keeps one window, for plugins that are built wrong on
 * purpose: each of them changes one thing of SAMPLE. Nothing here is ever called. */
#ifndef P2V_TESTS_ABI_SAMPLE_H
#define P2V_TESTS_ABI_SAMPLE_H

#include <peer2view/cc.h>
#include <peer2view/plugin.h>

struct sample_conf {
	uint32_t window;
};

static int sample_open(
	void *st, const struct p2v_env *env, const void *conf, uint32_t mss, struct p2v_err *err)
{
	(void)st;
	(void)env;
	(void)conf;
	(void)mss;
	(void)err;
	return P2V_OK;
}

static void sample_on_ack(void *st, const struct p2v_cc_ack *ack)
{
	(void)st;
	(void)ack;
}

static void sample_on_loss(void *st, const struct p2v_cc_loss *loss)
{
	(void)st;
	(void)loss;
}

static void sample_view(const void *st, struct p2v_cc_view *out)
{
	(void)st;
	*out = (struct p2v_cc_view){ .cwnd = 12000, .ssthresh = UINT64_MAX };
}

/* clang-format off */
/* All but .size. */
#define SAMPLE_OPS .open = sample_open, .on_ack = sample_on_ack, .on_loss = sample_on_loss, \
	.view = sample_view
#define SAMPLE_TEXTS .version = "1.0", .summary = "built wrong on purpose", .source = "own", \
	.license = "BSD-2-Clause"
#define SAMPLE_REST SAMPLE_TEXTS, .conf_size = sizeof(struct sample_conf), .state_size = 8
/* P2V_HEADER(CC) with other sizes. */
#define SAMPLE_HEADER(plugin_size, one_option) .magic = P2V_MAGIC, .abi_major = P2V_ABI_MAJOR, \
	.abi_minor = P2V_ABI_MINOR, .size = (plugin_size), .kind = P2V_KIND_CC, \
	.kind_abi = P2V_CC_ABI, .option_size = (one_option)
#define SAMPLE_OPTION(dflt) P2V_OPT_U32(struct sample_conf, window, dflt, 1200, 1e6, "B", "window")
/* clang-format on */

static const struct p2v_cc_ops sample_ops = { .size = sizeof sample_ops, SAMPLE_OPS };
static const struct p2v_option sample_options[] = { SAMPLE_OPTION("12000"), P2V_OPT_END };

#define SAMPLE_TABLES .options = sample_options, .ops.cc = &sample_ops

#endif
