/* play_test.c - whole scenarios as p2v-sim plays them: what is conserved, what repeats, what a run
 * without peers has in common with one that has them, and what each fault must not break. */
#include <config.h>

#include <criterion/criterion.h>

#include <ltdl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "sdk/sim/cli/play.h"
#include "sdk/sim/cli/report.h"

static void init(void)
{
	LTDL_SET_PRELOADED_SYMBOLS();
}

TestSuite(play, .timeout = 300, .init = init);

enum { SETS_MAX = 16 };

/* A scenario of conf/scenarios, with those settings behind it, NULL-ended. */
static void open_scenario(struct p2v_scenario *s, const char *name, const char *const *more)
{
	const char *source = getenv("P2V_SRCDIR"), *build = getenv("P2V_BUILDDIR");
	const char *sets[SETS_MAX];
	char file[512], modules[512], folder[512];
	struct p2v_err err;
	size_t n = 0;

	(void)snprintf(file, sizeof file, "%s/conf/scenarios/%s.ini", source ? source : ".", name);
	(void)snprintf(folder, sizeof folder, "%s/modules/.libs", build ? build : ".");
	(void)snprintf(modules, sizeof modules, "run.plugin_path=%.480s", folder);
	if (access(folder, X_OK) == 0)
		sets[n++] = modules;
	sets[n++] = "run.from=0s";
#ifdef FIDELITY_FLOW
	sets[n++] = "run.fidelity=flow";
#endif
	for (; *more && n < SETS_MAX; more++)
		sets[n++] = *more;
	if (p2v_scenario_init(s, file, sets, n, &err) < 0)
		cr_assert_fail("%s", err.text);
}

static struct p2v_play play(const struct p2v_scenario *s, bool baseline, uint64_t shuffle)
{
	struct p2v_play out;
	struct p2v_err err;

	if (p2v_play(s, baseline, shuffle, NULL, NULL, &out, &err) < 0)
		cr_assert_fail("%s", err.text);
	return out;
}

/* What no run may break, whatever happens in it. */
static void lawful(const char *name, const struct p2v_play *p)
{
	const struct p2v_sim_ledger *l = &p->ledger;
	uint64_t p2p = 0, cdn = 0, uploaded = 0;

	cr_assert_eq(l->sent, l->received + l->lost + l->in_flight, "%s", name);
	cr_assert_eq(
		l->sent_bytes, l->received_bytes + l->lost_bytes + l->in_flight_bytes, "%s", name);
	cr_assert_eq(p->polluted, 0, "%s: a player was given what nobody encoded", name);
	for (size_t i = 0; i < p->n; i++) {
		p2p += p->viewers[i].p2p;
		cdn += p->viewers[i].cdn;
		uploaded += p->viewers[i].uploaded;
	}
	cr_assert_leq(p->after.down_p2p, uploaded, "%s: more came than was sent", name);
	cr_assert_leq(p2p + cdn, p->after.down + p->after.loaded * (p->after.down == 0),
		"%s: more was handed over than came", name);
	cr_assert_leq(p->after.loaded, p2p + cdn, "%s: more was loaded than handed over", name);
	cr_assert_leq(p->after.down - p->after.down_p2p, p->after.origin + p->after.wasted,
		"%s: more came from the CDN than it sent", name);
	cr_assert_leq(p->after.distinct, p->after.loaded, "%s", name);
}

static double savings(const struct p2v_play *p)
{
	return (double)p->after.p2p / (double)(p->after.p2p + p->after.cdn);
}

/* ---- the same, and not the same ---- */

static const char *const churn_small[] = { "run.peers=10", "run.duration=80s", "arrivals.over=10s",
	"stays.short_share=0.6", "stays.short_mean=20s", NULL };

Test(play, a_run_without_peers_has_the_same_audience)
{
	struct p2v_scenario s;
	struct p2v_play a, b;
	size_t left = 0;

	open_scenario(&s, "churn", churn_small);
	a = play(&s, false, 0);
	b = play(&s, true, 0);
	lawful("churn", &a);
	lawful("churn from the CDN", &b);
	cr_assert_eq(a.n, b.n);
	cr_assert_gt(a.n, 10, "those who left were replaced");
	for (size_t i = 0; i < a.n; i++) {
		const struct p2v_seen *x = &a.viewers[i], *y = &b.viewers[i];

		cr_assert_eq(x->came, y->came);
		cr_assert_eq(x->from, y->from);
		cr_assert_eq(x->until, y->until);
		left += x->until < s.run->duration;
	}
	cr_assert_gt(left, 3);
	cr_assert_gt(savings(&a), 0.3);
	cr_assert_eq(b.after.p2p, 0);
	p2v_play_fini(&a);
	p2v_play_fini(&b);
	p2v_scenario_fini(&s);
}

Test(play, the_same_seed_is_the_same_run_and_another_is_not)
{
	const char *other[] = { "run.peers=10", "run.duration=80s", "arrivals.over=10s",
		"run.seed=2", NULL };
	struct p2v_scenario s;
	struct p2v_play a, b, c;

	open_scenario(&s, "churn", churn_small);
	a = play(&s, false, 0);
	p2v_scenario_fini(&s);
	open_scenario(&s, "churn", churn_small); /* all of it anew */
	b = play(&s, false, 0);
	p2v_scenario_fini(&s);
	cr_assert_eq(a.hash, b.hash);
	cr_assert_eq(a.events, b.events);
	open_scenario(&s, "churn", other);
	c = play(&s, false, 0);
	p2v_scenario_fini(&s);
	cr_assert_neq(a.hash, c.hash);
	p2v_play_fini(&a);
	p2v_play_fini(&b);
	p2v_play_fini(&c);
}

Test(play, shuffled_ties_are_another_run_with_the_same_result)
{
	const char *const sets[] = { "run.peers=12", "run.duration=80s", "arrivals.over=10s",
		NULL };
	struct p2v_scenario s;
	struct p2v_play usual, again, v[3];

	open_scenario(&s, "single-bitrate", sets);
	usual = play(&s, false, 0);
	for (uint64_t i = 0; i < 3; i++) {
		v[i] = play(&s, false, i + 1);
		lawful("shuffled", &v[i]);
		cr_assert_neq(v[i].hash, usual.hash);
		cr_assert_lt(fabs(savings(&v[i]) - savings(&usual)), 0.04, "%.3f and %.3f",
			savings(&v[i]), savings(&usual));
		cr_assert_eq(v[i].stalls, usual.stalls);
	}
	again = play(&s, false, 1);
	cr_assert_eq(again.hash, v[0].hash, "the same shuffle is the same run");
	p2v_play_fini(&again);
	p2v_play_fini(&usual);
	for (size_t i = 0; i < 3; i++)
		p2v_play_fini(&v[i]);
	p2v_scenario_fini(&s);
}

/* ---- every scenario, in small ---- */

static const struct small {
	const char *name;
	const char *sets[8];
	double least; /* savings */
} smalls[] = {
	{ "paper", { "run.peers=12", "arrivals.over=20s" }, 0.5 },
	{ "flashcrowd",
		{ "run.peers=22", "arrivals.over=10s", "arrivals.flash_at=20s",
			"arrivals.flash_over=10s" },
		0.5 },
	{ "massfailure", { "run.peers=12", "arrivals.over=5s", "event failure.at=40s" }, 0.5 },
	{ "skewed-upload", { "run.peers=12", "arrivals.over=5s" }, 0.05 },
	{ "tracker-death", { "run.peers=12", "arrivals.over=30s", "event tracker.at=25s" }, 0.05 },
	{ "encoder-restart", { "run.peers=8", "arrivals.over=5s", "event restart.at=40s" }, 0.3 },
	{ "partition",
		{ "run.peers=12", "arrivals.over=5s", "event split.at=30s",
			"event split.lasts=15s" },
		0.5 },
	{ "slow-uploader", { "run.peers=12", "arrivals.over=5s" }, 0.2 },
	{ "freeriders", { "run.peers=12", "arrivals.over=5s" }, 0.4 },
	{ "polluters", { "run.peers=12", "arrivals.over=5s", "population.polluters=0.3" }, 0.3 },
	{ "small-swarm", { "run.peers=3", "run.from=20s", "arrivals.over=5s" }, 0.5 },
};

Test(play, every_scenario_keeps_the_laws)
{
	for (size_t i = 0; i < sizeof smalls / sizeof smalls[0]; i++) {
		const struct small *k = &smalls[i];
		const char *sets[SETS_MAX] = { "run.duration=70s" };
		struct p2v_scenario s;
		struct p2v_play p;

		for (size_t n = 0; n < 8 && k->sets[n]; n++)
			sets[n + 1] = k->sets[n];
		open_scenario(&s, k->name, sets);
		p = play(&s, false, 0);
		(void)fprintf(stderr, "# %s: savings %.3f stalls %llu\n", k->name, savings(&p),
			(unsigned long long)p.stalls);
		lawful(k->name, &p);
		cr_assert_geq(savings(&p), k->least, "%s: %.3f", k->name, savings(&p));
		if (strcmp(k->name, "polluters") == 0)
			cr_assert_gt(p.after.integrity, 0, "forged chunks were met");
		if (strcmp(k->name, "freeriders") == 0)
			for (size_t n = 0; n < p.n; n++)
				cr_assert(!s.audience.v[n].person.free_rider ||
					  p.viewers[n].uploaded == 0);
		p2v_play_fini(&p);
		p2v_scenario_fini(&s);
	}
}

/* ---- NAT boxes ---- */

/* Whether a call to b can arrive once b has called a, too, or without that: RFC 4787 4.1 and 5.
 * Class 0 is open. */
static bool can_be_called(size_t b, size_t a)
{
	struct p2v_nat_type to, from = { .mapping = P2V_NAT_EI };

	if (b == 0)
		return true;
	to = p2v_nat_type_at((unsigned)b - 1);
	if (a)
		from = p2v_nat_type_at((unsigned)a - 1);
	if (to.filtering == P2V_NAT_EI)
		return true;
	return to.mapping == P2V_NAT_EI &&
	       (to.filtering == P2V_NAT_HD || from.mapping == P2V_NAT_EI);
}

static struct p2v_pair_count sum_pairs(const struct p2v_play *p)
{
	struct p2v_pair_count t = { .tried = 0 };

	cr_assert(p->pairs);
	for (size_t a = 0; a < P2V_PAIR_CLASSES; a++)
		for (size_t b = 0; b < P2V_PAIR_CLASSES; b++) {
			const struct p2v_pair_count *c = &p->pairs->v[a][b];

			cr_assert(a <= b || c->tried + c->sessions == 0);
			cr_assert_leq(c->connected, c->tried);
			cr_assert_leq(c->connected, c->sessions);
			cr_assert_eq(c->direct, c->sessions, "there are no relays");
			cr_assert(c->connected == 0 || can_be_called(a, b) || can_be_called(b, a),
				"classes %zu and %zu met", a, b);
			t.tried += c->tried;
			t.connected += c->connected;
		}
	return t;
}

Test(play, viewers_meet_as_their_boxes_let_them)
{
	const char *const sets[] = { "run.peers=24", "run.duration=50s", "arrivals.over=15s",
		NULL };
	struct p2v_pair_count t;
	struct p2v_scenario s;
	struct p2v_play a, b;

	open_scenario(&s, "nat-realistic", sets);
	a = play(&s, false, 0);
	b = play(&s, false, 0);
	lawful("nat-realistic", &a);
	cr_assert_eq(a.hash, b.hash);
	t = sum_pairs(&a);
	cr_assert_gt(t.connected, 20);
	cr_assert_gt(t.tried, t.connected + 20, "not all do");
	cr_assert_gt(savings(&a), 0.3, "%.3f", savings(&a));
	p2v_play_fini(&a);
	p2v_play_fini(&b);
	p2v_scenario_fini(&s);
}

Test(play, neighbours_at_home_meet_whatever_the_box)
{
	const char *const apart[] = { "run.peers=8", "run.duration=50s", "arrivals.over=5s",
		"population.nat=PD-RD-PD", NULL };
	const char *const together[] = { "run.peers=8", "run.duration=50s", "arrivals.over=5s",
		"population.nat=PD-RD-PD", "population.household=4", NULL };
	struct p2v_scenario s;
	struct p2v_play a, b;

	open_scenario(&s, "nat-realistic", apart);
	a = play(&s, false, 0);
	cr_assert_gt(sum_pairs(&a).tried, 10);
	cr_assert_eq(sum_pairs(&a).connected, 0);
	cr_assert_eq(a.after.p2p, 0);
	p2v_scenario_fini(&s);
	open_scenario(&s, "nat-realistic", together);
	b = play(&s, false, 0);
	cr_assert(b.pairs);
	cr_assert_gt(savings(&b), 0.3, "%.3f", savings(&b));
	p2v_play_fini(&a);
	p2v_play_fini(&b);
	p2v_scenario_fini(&s);
}

Test(play, boxes_that_were_started_anew_are_survived)
{
	const char *const quiet[] = { "run.peers=12", "run.duration=70s", "arrivals.over=10s",
		"population.nat=EI-RD-EI", NULL };
	const char *const anew[] = { "run.peers=12", "run.duration=70s", "arrivals.over=10s",
		"population.nat=EI-RD-EI", "event some.kind=nat-reboot", "event some.at=40s",
		"event some.share=0.3", NULL };
	struct p2v_scenario s;
	struct p2v_play a, b;

	open_scenario(&s, "nat-realistic", quiet);
	a = play(&s, false, 0);
	p2v_scenario_fini(&s);
	open_scenario(&s, "nat-realistic", anew);
	b = play(&s, false, 0);
	lawful("nat-reboot", &b);
	cr_assert_neq(a.hash, b.hash);
	cr_assert_gt(savings(&a), 0.4);
	cr_assert_gt(savings(&b), savings(&a) - 0.2, "%.3f, %.3f", savings(&b), savings(&a));
	p2v_play_fini(&a);
	p2v_play_fini(&b);
	p2v_scenario_fini(&s);
}

/* ---- memory ---- */

#ifdef FIDELITY_FLOW
#define VIEWER_MOST 92e3 /* [B] */
#else
#define VIEWER_MOST 235e3
#endif

Test(play, a_viewer_needs_little_beside_its_media)
{
	const char *const sets[] = { "run.peers=40", "run.duration=40s", "arrivals.over=5s", NULL };
	struct p2v_scenario s;
	struct p2v_play p;

	open_scenario(&s, "single-bitrate", sets);
	p = play(&s, false, 0);
	(void)fprintf(stderr, "# %.0f bytes a viewer\n", p.bytes_per_peer);
	if (!isnan(p.bytes_per_peer))
		cr_assert_lt(p.bytes_per_peer, VIEWER_MOST);
	p2v_play_fini(&p);
	p2v_scenario_fini(&s);
}

Test(play, viewers_that_left_are_forgotten)
{
	/* Many short visits: if each kept its agent, the last would need as much as all. */
	const char *const few[] = { "run.peers=4", "run.duration=60s", "arrivals.over=1s",
		"stays.law=churn", "stays.short_share=1", "stays.short_mean=1h", NULL };
	const char *const many[] = { "run.peers=4", "run.duration=60s", "arrivals.over=1s",
		"stays.law=churn", "stays.short_share=1", "stays.short_mean=4s", NULL };
	struct p2v_scenario s;
	struct p2v_play a, b;

	open_scenario(&s, "single-bitrate", few);
	a = play(&s, false, 0);
	p2v_scenario_fini(&s);
	open_scenario(&s, "single-bitrate", many);
	b = play(&s, false, 0);
	p2v_scenario_fini(&s);
	cr_assert_eq(a.n, 4);
	cr_assert_gt(b.n, 30);
	if (!isnan(a.bytes_per_peer) && !isnan(b.bytes_per_peer))
		cr_assert_lt(b.bytes_per_peer, 2 * a.bytes_per_peer + 200e3);
	p2v_play_fini(&a);
	p2v_play_fini(&b);
}
