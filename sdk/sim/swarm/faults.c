/* faults.c - machines that die, a network in two parts, an encoder that begins again. */
#include "sdk/sim/swarm/faults.h"

#include <stdlib.h>

#include "sdk/sim/box.h"
#include "sdk/sim/cdn/encoder.h"

enum { MASS_FAILURE, MASS_EXIT, TRACKER_DEATH, CDN_OUTAGE, ENCODER_RESTART, PARTITION, NAT_REBOOT };

const struct p2v_preset p2v_fault_kinds[] = {
	{ "mass-failure", "a share of the viewers vanishes in an instant, without a word", "own" },
	{ "mass-exit", "a share of the viewers leaves in an instant, and says so", "own" },
	{ "tracker-death", "the tracker is silent; it comes back where `lasts` is set", "own" },
	{ "cdn-outage", "the CDN accepts connections and answers nothing, as long as `lasts`",
		"own" },
	{ "encoder-restart", "the encoder begins again with the same names and other content",
		"own" },
	{ "partition",
		"a share of the viewers and the others hear nothing of each other, nor that share of "
		"the tracker; all reach the CDN",
		"own" },
	{ "nat-reboot", "the NAT boxes of a share of the viewers forget all, in an instant",
		"own" },
	{ NULL, NULL, NULL }
};
static const char *const kinds[] = { "mass-failure", "mass-exit", "tracker-death", "cdn-outage",
	"encoder-restart", "partition", "nat-reboot", NULL };

/* clang-format off */
#define C struct p2v_fault_conf
const struct p2v_option p2v_fault_options[] = {
	P2V_OPT_ENUM(C, kind, "mass-failure", kinds, "what happens: see p2v-sim list-presets"),
	P2V_OPT_USEC(C, at, "60s", 0, 86400e6, "s", "when, since the run began"),
	P2V_OPT_USEC(C, lasts, "0s", 0, 86400e6, "s", "how long, where it can be undone; 0: to the end"),
	P2V_OPT_REAL(C, share, "0.3", 0, 1, "1", "of the viewers that are there at that time"),
	P2V_OPT_END
};
#undef C
/* clang-format on */

struct fault {
	struct p2v_faults *all;
	const struct p2v_fault_conf *conf;
	uint64_t key;
};

struct p2v_faults {
	struct p2v_swarm *swarm;
	size_t n;
	struct fault v[];
};

static bool hits(const struct fault *f, size_t viewer)
{
	uint64_t draw = p2v_mix64(p2v_mix64(f->key) ^ viewer);

	return (double)(draw >> 11) / 9007199254740992.0 < f->conf->share;
}

static void viewers_leave(const struct fault *f, bool abrupt)
{
	struct p2v_swarm *s = f->all->swarm;

	for (size_t i = 0; i < p2v_swarm_viewers(s); i++)
		if (p2v_swarm_is_here(s, i) && hits(f, i))
			p2v_swarm_leave(s, i, abrupt);
}

/* Those that come later are on the larger side. */
static void split(const struct fault *f, bool apart)
{
	struct p2v_swarm *s = f->all->swarm;

	for (size_t i = 0; i < p2v_swarm_viewers(s); i++)
		if (!apart || (p2v_swarm_is_here(s, i) && hits(f, i)))
			p2v_machine_set_island(p2v_swarm_machine(s, i), apart ? 1 : 0);
}

static void boxes_reboot(const struct fault *f)
{
	struct p2v_swarm *s = f->all->swarm;

	for (size_t i = 0; i < p2v_swarm_viewers(s); i++) {
		struct p2v_sim_box *b = p2v_machine_box(p2v_swarm_machine(s, i));

		if (b && p2v_swarm_is_here(s, i) && hits(f, i))
			p2v_nat_reboot(p2v_sim_box_nat(b));
	}
}

static void freeze(struct p2v_machine *m, bool frozen)
{
	if (m)
		p2v_machine_freeze(m, frozen);
}

static void tracker_dies(const struct fault *f)
{
	struct p2v_machine *m = p2v_swarm_tracker_machine(f->all->swarm);

	if (m && f->conf->lasts == 0)
		p2v_machine_kill(m);
	else
		freeze(m, true);
}

static void begin(void *ctx)
{
	const struct fault *f = ctx;
	struct p2v_swarm *s = f->all->swarm;

	switch (f->conf->kind) {
	case MASS_FAILURE: viewers_leave(f, true); break;
	case MASS_EXIT: viewers_leave(f, false); break;
	case TRACKER_DEATH: tracker_dies(f); break;
	case CDN_OUTAGE: freeze(p2v_swarm_origin_machine(s), true); break;
	case ENCODER_RESTART:
		p2v_encoder_restart(
			p2v_origin_encoder(p2v_swarm_origin(s)), p2v_sim_now(p2v_swarm_sim(s)));
		break;
	case NAT_REBOOT: boxes_reboot(f); break;
	default: split(f, true); break;
	}
}

static void undo(void *ctx)
{
	const struct fault *f = ctx;
	struct p2v_swarm *s = f->all->swarm;

	switch (f->conf->kind) {
	case TRACKER_DEATH: freeze(p2v_swarm_tracker_machine(s), false); break;
	case CDN_OUTAGE: freeze(p2v_swarm_origin_machine(s), false); break;
	case PARTITION: split(f, false); break;
	default: break; /* the others cannot be undone */
	}
}

int p2v_faults_new(struct p2v_swarm *s, uint64_t seed, const struct p2v_fault_conf *const *confs,
	size_t n, struct p2v_faults **out, struct p2v_err *err)
{
	struct p2v_faults *all = calloc(1, sizeof *all + n * sizeof all->v[0]);
	struct p2v_sim *sim = p2v_swarm_sim(s);

	if (!all)
		return p2v_fail(err, P2V_ENOMEM, "no memory for events");
	all->swarm = s;
	all->n = n;
	for (size_t i = 0; i < n; i++) {
		all->v[i] = (struct fault){ all, confs[i], p2v_mix64(seed) + i };
		p2v_sim_at(sim, confs[i]->at, begin, &all->v[i]);
		if (confs[i]->lasts)
			p2v_sim_at(sim, confs[i]->at + confs[i]->lasts, undo, &all->v[i]);
	}
	*out = all;
	return P2V_OK;
}

void p2v_faults_free(struct p2v_faults *f)
{
	free(f);
}
