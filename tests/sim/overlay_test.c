/* overlay_test.c - nodes among nodes, in virtual time: introductions, partners, what a lost tracker
 * changes and what it does not. Whoever breaks the rules is in overlay_rogue_test.c. */
#include "tests/sim/overlay_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(overlay, .timeout = 120);

static struct town t;

/* A tracker and n nodes in one swarm, each with its first second of its own. */
static void village(uint64_t seed, size_t n, uint32_t partners)
{
	town_init(&t, seed);
	town_tracker(&t);
	for (size_t i = 0; i < n; i++) {
		struct citizen *c = town_node(&t);

		c->conf.partners = partners;
		node_start(c, &town_news);
		town_run(&t, P2V_SECOND / 4);
	}
}

static unsigned downs(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < t.n_nodes; i++)
		n += t.nodes[i].downs;
	return n;
}

static size_t trackers_up(void)
{
	size_t n = 0;

	for (size_t i = 0; i < t.n_nodes; i++)
		n += node_gauge(&t.nodes[i], P2V_M_TRACKER_UP);
	return n;
}

/* Whoever is somebody's partner has it as a partner, once, and nobody is its own. */
static void check_mesh(void)
{
	for (size_t i = 0; i < t.n_nodes; i++)
		for (size_t j = 0; j < t.n_nodes; j++) {
			struct p2v_partner *p = node_partner(&t.nodes[i], &t.nodes[j].at);

			cr_assert_eq(!p, !node_partner(&t.nodes[j], &t.nodes[i].at));
			cr_assert(!p || i != j, "nobody is its own partner");
			for (struct p2v_partner *q = p ? p2v_partner_next(p) : NULL; q;
				q = p2v_partner_next(q))
				cr_assert(memcmp(p2v_partner_id(q), p2v_partner_id(p), 32) != 0,
					"one session for each pair");
		}
}

Test(overlay, a_mesh_comes_about)
{
	village(1, 16, 4);
	town_run(&t, 30 * P2V_SECOND);
	cr_assert_eq(trackers_up(), 16);
	for (size_t i = 0; i < t.n_nodes; i++) {
		struct citizen *c = &t.nodes[i];

		cr_assert_geq(node_partners(c), 4);
		cr_assert_leq(node_partners(c), 8);
		cr_assert_eq(node_partners(c), c->ups - c->downs);
		cr_assert_eq(node_gauge(c, P2V_M_PEERS_PARTNER), node_partners(c));
		for (struct p2v_partner *p = p2v_partner_first(c->overlay); p;
			p = p2v_partner_next(p)) {
			cr_assert(p2v_partner_in(p, &town_news));
			cr_assert_not(p2v_partner_in(p, &town_sport));
		}
	}
	check_mesh();
	town_fini(&t);
}

static uint64_t hash_of(uint64_t seed)
{
	uint64_t h;

	village(seed, 12, 4);
	town_run(&t, 60 * P2V_SECOND);
	node_end(&t.nodes[3]);
	node_start(&t.nodes[3], &town_news);
	town_run(&t, 30 * P2V_SECOND);
	h = p2v_sim_hash(t.sim);
	town_fini(&t);
	return h;
}

Test(overlay, the_same_seed_gives_the_same_run)
{
	uint64_t first = hash_of(1);

	cr_assert_eq(hash_of(1), first);
	cr_assert_neq(hash_of(2), first);
}

/* They know each other for long, and call in the same moment, when the swarm is large enough. */
Test(overlay, calls_that_cross_make_one_session)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		town_init(&t, seed);
		t.link.delay = (p2v_usec)seed * 10 * P2V_MSEC;
		town_tracker(&t);
		for (size_t i = 0; i < 3; i++)
			town_node(&t)->conf.min_swarm = 3;
		node_start(&t.nodes[0], &town_news);
		node_start(&t.nodes[1], &town_news);
		town_run(&t, 10 * P2V_SECOND);
		node_start(&t.nodes[2], &town_news);
		town_run(&t, 6 * P2V_SECOND);
		for (size_t i = 0; i < 3; i++)
			cr_assert_eq(node_partners(&t.nodes[i]), 2, "seed %d", (int)seed);
		check_mesh();
		town_fini(&t);
	}
}

Test(overlay, two_who_call_each_other_have_one_session)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct citizen *a, *b;

		town_init(&t, seed);
		t.link.delay = (p2v_usec)seed * 7 * P2V_MSEC;
		town_tracker(&t);
		a = town_node(&t);
		b = town_node(&t);
		node_start(a, &town_news);
		node_start(b, &town_news);
		town_run(&t, 30 * P2V_SECOND);
		cr_assert_eq(node_partners(a), 1);
		cr_assert_eq(node_partners(b), 1);
		cr_assert_leq(a->downs + b->downs, 2);
		town_run(&t, 60 * P2V_SECOND);
		cr_assert_eq(node_partners(a), 1);
		cr_assert_leq(a->downs + b->downs, 2, "it stays so");
		town_fini(&t);
	}
}

Test(overlay, a_small_swarm_keeps_to_the_cdn)
{
	town_init(&t, 1);
	town_tracker(&t);
	for (size_t i = 0; i < 4; i++) {
		struct citizen *c = town_node(&t);

		c->conf.min_swarm = 4;
		if (i < 3)
			node_start(c, &town_news);
	}
	town_run(&t, 60 * P2V_SECOND);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(node_partners(&t.nodes[i]), 0);
		cr_assert_eq(node_gauge(&t.nodes[i], P2V_M_PEERS_KNOWN), 2);
	}
	node_start(&t.nodes[3], &town_news);
	town_run(&t, 15 * P2V_SECOND);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(
			node_partners(&t.nodes[i]), 3, "%zu: %zu", i, node_partners(&t.nodes[i]));
	town_fini(&t);
}

Test(overlay, activation_draws_by_id)
{
	size_t active = 0;

	town_init(&t, 1);
	town_tracker(&t);
	for (size_t i = 0; i < 24; i++) {
		struct citizen *c = town_node(&t);

		c->conf.activation = 50;
		node_start(c, &town_news);
	}
	town_run(&t, 30 * P2V_SECOND);
	for (size_t i = 0; i < 24; i++) {
		struct citizen *c = &t.nodes[i];
		bool in = p2v_id_short(place_id(&c->at)) % 100 < 50;

		active += in;
		cr_assert_eq(p2v_overlay_active(c->overlay), in);
		cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), in);
		cr_assert_eq(node_partners(c) > 0, in);
	}
	cr_assert(active > 2 && active < 22, "%zu", active);
	town_fini(&t);
}

Test(overlay, switched_off_and_on_at_run_time)
{
	struct citizen *c;
	struct p2v_link_count before, after;

	village(1, 6, 3);
	town_run(&t, 20 * P2V_SECOND);
	c = &t.nodes[2];
	cr_assert_geq(node_partners(c), 3);
	c->conf.p2p_enabled = false;
	p2v_overlay_reconfigured(c->overlay);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(node_partners(c), 0);
	cr_assert_eq(c->downs, c->ups);
	cr_assert_eq(p2v_overlay_capacity(c->overlay), 0);
	town_run(&t, 5 * P2V_SECOND);
	cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), 0);
	town_run(&t, 60 * P2V_SECOND); /* until it has expired at the tracker */
	p2v_machine_count(c->at.machine, &before);
	town_run(&t, 300 * P2V_SECOND);
	p2v_machine_count(c->at.machine, &after);
	cr_assert_leq(after.sent - before.sent, 60, "it calls nobody, and hardly anybody calls it");
	c->conf.p2p_enabled = true;
	p2v_overlay_reconfigured(c->overlay);
	town_run(&t, 30 * P2V_SECOND);
	cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), 1);
	cr_assert_geq(node_partners(c), 3);
	check_mesh();
	town_fini(&t);
}

/* Twice as many as it looks for, and those whom it turned away call ever more seldom. */
Test(overlay, full)
{
	struct citizen *hub;

	town_init(&t, 1);
	town_tracker(&t);
	hub = town_node(&t);
	hub->conf.partners = 1;
	node_start(hub, &town_news);
	for (size_t i = 0; i < 6; i++)
		node_start(town_node(&t), &town_news);
	for (int s = 0; s < 600; s++) {
		town_run(&t, P2V_SECOND);
		cr_assert_leq(node_partners(hub), 2);
	}
	cr_assert_geq(node_partners(hub), 1);
	for (size_t i = 1; i < t.n_nodes; i++)
		cr_assert_geq(node_partners(&t.nodes[i]), 5, "the others have each other");
	cr_assert_geq(town_logged(&t, ": full"), 5);
	cr_assert_leq(town_logged(&t, ": full"), 6 * 9, "%zu", town_logged(&t, ": full"));
	check_mesh();
	town_fini(&t);
}

Test(overlay, nobody_is_there_to_be_called)
{
	struct citizen *c;
	struct caller *k;

	town_init(&t, 1);
	town_tracker(&t);
	c = town_node(&t);
	node_start(c, &town_news);
	k = town_caller(&t, P2V_IS_PEER);
	cr_assert(caller_dial(&t, k, &t.tracker_at.addr));
	for (int i = 0; i < 20; i++) {
		caller_join(k, &town_news, 0);
		town_run(&t, 10 * P2V_SECOND);
	}
	/* The caller's transport answers, but nobody says hello. */
	cr_assert_eq(c->ups, 0);
	cr_assert_geq(k->opened, 4);
	cr_assert_leq(k->opened, 12, "after 2, 4, 8 … s: %u", k->opened);
	cr_assert_geq(town_logged(&t, "it did not say hello"), 3);
	town_fini(&t);
}

Test(overlay, another_channel_on_the_same_session)
{
	struct citizen *a, *b;
	struct p2v_partner *p;
	struct p2v_id many = { { 0 } };

	village(1, 2, 4);
	town_run(&t, 10 * P2V_SECOND);
	a = &t.nodes[0];
	b = &t.nodes[1];
	p = node_partner(a, &b->at);
	cr_assert(p);
	cr_assert_eq(a->shares + b->shares, 0);
	node_join(a, &town_sport);
	town_run(&t, 2 * P2V_SECOND);
	cr_assert_not(p2v_partner_in(p, &town_sport));
	cr_assert_eq(a->shares + b->shares, 0);
	node_join(b, &town_sport);
	town_run(&t, 2 * P2V_SECOND);
	cr_assert_eq(node_partner(a, &b->at), p, "the session is the same");
	cr_assert(p2v_partner_in(p, &town_sport));
	cr_assert(p2v_partner_in(node_partner(b, &a->at), &town_sport));
	cr_assert_eq(a->shares, 1);
	cr_assert_eq(b->shares, 1);
	node_join(b, &town_sport);
	town_run(&t, 2 * P2V_SECOND);
	cr_assert_eq(a->shares + b->shares, 2, "again is no news");
	for (uint8_t i = 0; i < P2V_CHANNELS_MAX - 2; i++) {
		many.b[31] = i;
		node_join(a, &many);
	}
	many.b[31] = 99;
	cr_assert_eq(p2v_overlay_join(a->overlay, &many), P2V_ELIMIT);
	town_run(&t, 30 * P2V_SECOND);
	cr_assert_eq(node_gauge(a, P2V_M_TRACKER_UP), 1);
	cr_assert_eq(node_partner(a, &b->at), p);
	town_fini(&t);
}

/* Members of different channels part again, and a node that both share one with knows both. */
Test(overlay, no_partner_without_a_channel_in_common)
{
	struct caller *k;
	struct citizen *c;

	town_init(&t, 1);
	c = town_node(&t);
	c->conf.tracker = "";
	node_start(c, &town_news);
	k = town_caller(&t, P2V_IS_PEER);
	cr_assert(caller_dial(&t, k, &c->at.addr));
	caller_hello(k, place_id(&k->at), &town_sport, 1);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->closed, 1);
	cr_assert_eq(c->ups, 0);
	cr_assert(caller_dial(&t, k, &c->at.addr));
	caller_hello(k, place_id(&k->at), (struct p2v_id[]){ town_sport, town_news }, 2);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->closed, 1);
	cr_assert_eq(c->ups, 1);
	cr_assert_eq(k->heard[P2V_MSG_hello], 1);
	town_fini(&t);
}

/* ---- the tracker comes and goes ---- */

Test(overlay, a_tracker_that_freezes_takes_no_partner_away)
{
	p2v_usec came[16] = { 0 }, earliest = P2V_NEVER, latest = 0;
	unsigned before;

	village(1, 16, 4);
	town_run(&t, 30 * P2V_SECOND);
	before = downs();
	p2v_machine_freeze(t.tracker_at.machine, true);
	town_run(&t, 200 * P2V_SECOND);
	cr_assert_eq(trackers_up(), 0);
	cr_assert_eq(downs(), before, "partners stay");
	cr_assert_geq(town_logged(&t, "event=tracker_lost"), 16);
	p2v_machine_freeze(t.tracker_at.machine, false);
	for (int i = 0; i < 3000 && trackers_up() < 16; i++) {
		town_run(&t, 100 * P2V_MSEC);
		for (size_t k = 0; k < 16; k++)
			if (!came[k] && node_gauge(&t.nodes[k], P2V_M_TRACKER_UP))
				came[k] = p2v_sim_now(t.sim);
	}
	cr_assert_eq(trackers_up(), 16);
	for (size_t k = 0; k < 16; k++) {
		earliest = came[k] < earliest ? came[k] : earliest;
		latest = came[k] > latest ? came[k] : latest;
	}
	cr_assert_geq(latest - earliest, 5 * P2V_SECOND, "not all at once");
	cr_assert_eq(downs(), before);
	town_fini(&t);
}

Test(overlay, a_tracker_that_restarts_learns_all_again)
{
	struct caller *k;

	village(1, 8, 4);
	town_run(&t, 30 * P2V_SECOND);
	town_tracker_ends(&t);
	town_run(&t, 20 * P2V_SECOND);
	cr_assert_eq(trackers_up(), 0, "it said goodbye");
	town_tracker(&t);
	town_run(&t, 100 * P2V_SECOND);
	cr_assert_eq(trackers_up(), 8);
	k = town_caller(&t, P2V_IS_PEER);
	cr_assert(caller_dial(&t, k, &t.tracker_at.addr));
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->peers.members, 9);
	cr_assert_eq(k->peers.descriptors.n, 8);
	town_fini(&t);
}

Test(overlay, a_name_that_cannot_be_looked_up)
{
	struct citizen *c;

	town_init(&t, 1);
	c = town_node(&t);
	c->conf.tracker = "tracker:8790";
	node_start(c, &town_news);
	town_run(&t, 30 * P2V_SECOND);
	cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), 0);
	cr_assert_geq(town_logged(&t, "event=tracker_lost"), 3);
	cr_assert_leq(town_logged(&t, "event=tracker_lost"), 6);
	town_tracker(&t); /* now it has a name */
	town_run(&t, 60 * P2V_SECOND);
	cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), 1);
	town_fini(&t);
}

Test(overlay, places_where_no_tracker_can_be)
{
	static const char *const where[] = { "tracker", "tracker:", "tracker:0", "tracker:99999",
		":8790", "10.0.0.77:8790" };

	town_init(&t, 1);
	for (size_t i = 0; i < sizeof where / sizeof *where; i++) {
		struct citizen *c = town_node(&t);

		c->conf.tracker = where[i];
		node_start(c, &town_news);
	}
	town_run(&t, 60 * P2V_SECOND);
	for (size_t i = 0; i < t.n_nodes; i++)
		cr_assert_eq(node_gauge(&t.nodes[i], P2V_M_TRACKER_UP), 0);
	cr_assert_geq(town_logged(&t, "event=tracker_lost"), 6);
	town_fini(&t);
}

Test(overlay, whoever_is_no_tracker_is_not_taken_for_one)
{
	struct citizen *c, *other;

	town_init(&t, 1);
	other = town_node(&t);
	other->conf.tracker = "";
	node_start(other, &town_news);
	p2v_sim_name(t.sim, "tracker", &other->at.addr);
	c = town_node(&t);
	c->conf.tracker = "tracker:7000";
	node_start(c, &town_news);
	town_run(&t, 30 * P2V_SECOND);
	cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), 0);
	cr_assert_geq(town_logged(&t, "is not a tracker"), 3);
	cr_assert_eq(c->ups + other->ups, 0);
	town_fini(&t);
}

/* A name with several addresses, which the simulator's names have not. */
static struct p2v_addr places[3];
static struct {
	p2v_lookup_done done;
	void *ctx;
	unsigned asked, cancelled;
} lookup;

static void answer(void *ctx)
{
	p2v_lookup_done done = lookup.done;
	struct p2v_err err = { P2V_OK, "" };

	(void)ctx;
	lookup.done = NULL;
	if (done)
		done(lookup.ctx, places, 3, &err);
}

static int resolve(void *self, const char *host, uint16_t port, p2v_lookup_done done, void *ctx,
	struct p2v_lookup **out, struct p2v_err *err)
{
	(void)self;
	(void)err;
	cr_assert_str_eq(host, "tracker");
	cr_assert_eq(port, 8790);
	cr_assert_not(lookup.done);
	lookup.done = done;
	lookup.ctx = ctx;
	lookup.asked++;
	*out = (struct p2v_lookup *)(void *)&lookup;
	p2v_sim_at(t.sim, p2v_sim_now(t.sim) + 100 * P2V_MSEC, answer, NULL);
	return P2V_OK;
}

static void resolve_cancel(void *self, struct p2v_lookup *l)
{
	(void)self;
	cr_assert_eq((void *)l, (void *)&lookup);
	lookup.done = NULL;
	lookup.cancelled++;
}

Test(overlay, a_tracker_at_the_last_of_its_addresses)
{
	struct p2v_world_ops ops;
	struct citizen *other, *c;

	town_init(&t, 1);
	town_tracker(&t);
	other = town_node(&t);
	other->conf.tracker = "";
	node_start(other, &town_news);
	places[0] = other->at.addr; /* it answers, but it is no tracker */
	places[1] = p2v_addr_v4(0x0a0000f0, 8790);
	places[2] = t.tracker_at.addr;
	c = town_node(&t);
	ops = *c->at.node.world.ops;
	ops.resolve = resolve;
	ops.resolve_cancel = resolve_cancel;
	c->at.node.world.ops = &ops;
	node_start(c, &town_news);
	town_run(&t, 50 * P2V_MSEC); /* ended while the name is looked up */
	node_end(c);
	cr_assert_eq(lookup.cancelled, 1);
	town_run(&t, P2V_SECOND);
	node_start(c, &town_news);
	town_run(&t, 3 * P2V_SECOND);
	cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), 1);
	cr_assert_eq(town_logged(&t, "event=tracker_lost"), 0, "at the first attempt");
	cr_assert_eq(other->ups, 0);
	cr_assert_eq(lookup.asked, 2);
	town_fini(&t);
}

/* ---- enrolment ---- */

static struct citizen *newcomer(const char *token)
{
	struct citizen *c = town_node(&t);

	c->at.plain = true;
	c->at.lifetime = (uint64_t)(t.tracker_conf.certificate_lifetime / P2V_SECOND);
	c->conf.token = token;
	node_start(c, &town_news);
	return c;
}

Test(overlay, admission_by_token)
{
	struct citizen *wrong, *none, *right;

	town_init(&t, 1);
	t.tracker_conf.admit = 1;
	t.tracker_conf.tokens = "first\nsecond\n";
	town_tracker(&t);
	wrong = newcomer("secon");
	none = newcomer("");
	right = newcomer("second");
	town_run(&t, 300 * P2V_SECOND);
	cr_assert_eq(node_gauge(right, P2V_M_TRACKER_UP), 1);
	cr_assert_eq(node_gauge(wrong, P2V_M_TRACKER_UP), 0);
	cr_assert_eq(node_gauge(none, P2V_M_TRACKER_UP), 0);
	cr_assert_eq(t.tracker_at.node.metrics.v[P2V_M_ENROLLED], 1);
	cr_assert_geq(t.tracker_at.node.metrics.v[P2V_M_ENROL_REFUSED], 2);
	cr_assert_leq(t.tracker_at.node.metrics.v[P2V_M_ENROL_REFUSED], 10, "each minute at most");
	cr_assert_geq(
		town_logged(&t, "event=tracker_refused what=enrol why=\"the token is not known\""),
		1);
	cr_assert_geq(
		town_logged(&t, "event=tracker_refused what=enrol why=\"a token is needed\""), 1);
	wrong->conf.token = "first";
	town_run(&t, 100 * P2V_SECOND);
	cr_assert_eq(node_gauge(wrong, P2V_M_TRACKER_UP), 1);
	town_fini(&t);
}

Test(overlay, certificates_are_renewed)
{
	struct citizen *c;

	town_init(&t, 1);
	t.tracker_conf.certificate_lifetime = 300 * P2V_SECOND;
	town_tracker(&t);
	c = newcomer("");
	town_run(&t, 10 * P2V_SECOND);
	cr_assert_eq(t.tracker_at.node.metrics.v[P2V_M_ENROLLED], 1);
	town_run(&t, 180 * P2V_SECOND);
	cr_assert_eq(t.tracker_at.node.metrics.v[P2V_M_ENROLLED], 1);
	town_run(&t, 20 * P2V_SECOND); /* two thirds have passed */
	cr_assert_eq(t.tracker_at.node.metrics.v[P2V_M_ENROLLED], 2);
	town_run(&t, 1000 * P2V_SECOND);
	cr_assert_eq(t.tracker_at.node.metrics.v[P2V_M_ENROLLED], 7);
	cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), 1);
	/* It was away until its certificate ended: it comes back as a guest does. */
	p2v_machine_freeze(t.tracker_at.machine, true);
	town_run(&t, 1000 * P2V_SECOND);
	cr_assert_eq(c->at.ends, 0, "forgotten");
	p2v_machine_freeze(t.tracker_at.machine, false);
	town_run(&t, 150 * P2V_SECOND);
	cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), 1);
	cr_assert_gt(c->at.ends, 0);
	town_fini(&t);
}

/* The tracker's word is twelve hours, but its issuer ends before that. */
Test(overlay, a_certificate_that_ends_before_its_time_is_renewed_before_that)
{
	struct citizen *c;

	town_init(&t, 1);
	town_tracker(&t);
	c = newcomer("");
	c->at.lifetime = 90;
	town_run(&t, 55 * P2V_SECOND);
	cr_assert_eq(t.tracker_at.node.metrics.v[P2V_M_ENROLLED], 1);
	town_run(&t, 10 * P2V_SECOND);
	cr_assert_eq(t.tracker_at.node.metrics.v[P2V_M_ENROLLED], 2);
	town_fini(&t);
}

/* ---- what is told of a node ---- */

Test(overlay, capacity_is_declared_in_steps)
{
	struct citizen *a, *b;
	struct p2v_select_peer view;

	village(1, 2, 4);
	a = &t.nodes[0];
	b = &t.nodes[1];
	town_run(&t, 10 * P2V_SECOND);
	p2v_partner_view(node_partner(b, &a->at), &view);
	cr_assert_eq(view.capacity, 0);
	cr_assert(view.flags & P2V_PEER_PARTNER);
	cr_assert_eq(view.id, p2v_id_short(place_id(&a->at)));
	cr_assert_geq(view.rtt, 20 * P2V_MSEC);
	cr_assert_geq(view.near_bits, 96, "they see where both are");
	p2v_overlay_set_capacity(a->overlay, 300000, false);
	town_run(&t, P2V_SECOND);
	p2v_partner_view(node_partner(b, &a->at), &view);
	cr_assert_eq(view.capacity, 262144);
	p2v_overlay_set_capacity(a->overlay, 50000, false);
	cr_assert_eq(p2v_overlay_capacity(a->overlay), 0, "so little may be all that was wanted");
	p2v_overlay_set_capacity(a->overlay, 50000, true);
	cr_assert_eq(p2v_overlay_capacity(a->overlay), 32768, "so little is all that there is");
	p2v_overlay_set_capacity(a->overlay, 400000, false);
	cr_assert_eq(p2v_overlay_capacity(a->overlay), 262144);
	a->conf.upload_limit = 800000;
	cr_assert_eq(p2v_overlay_capacity(a->overlay), 100000);
	a->conf.upload_enabled = false;
	cr_assert_eq(p2v_overlay_capacity(a->overlay), 0);
	p2v_overlay_set_capacity(a->overlay, 10, false);
	cr_assert_eq(p2v_overlay_capacity(a->overlay), 0);
	p2v_overlay_view(b->overlay, &view);
	cr_assert(view.flags & P2V_PEER_SELF);
	town_fini(&t);
}

static size_t described(struct citizen *c, uint8_t addresses[6][18])
{
	uint8_t bytes[512];
	union p2v_msg d;
	struct p2v_err err;
	size_t n = p2v_overlay_describe(c->overlay, bytes, sizeof bytes);

	cr_assert_gt(n, 0);
	cr_assert_eq(
		p2v_msg_read(P2V_MSG_descriptor, (struct p2v_bytes){ bytes, n }, &d, &err), P2V_OK);
	cr_assert_arr_eq(d.descriptor.id.p, place_id(&c->at), 32);
	cr_assert_eq(d.descriptor.flags, c->conf.upload_enabled ? 0 : 1);
	for (size_t i = 0; i < d.descriptor.addresses.n; i++)
		memcpy(addresses[i], d.descriptor.addresses.v[i].p, 18);
	return d.descriptor.addresses.n;
}

static struct p2v_addr interfaces[8];

static size_t many_interfaces(void *self, struct p2v_addr *out, size_t max)
{
	(void)self;
	for (size_t i = 0; i < max && i < 8; i++)
		out[i] = interfaces[i];
	return max < 8 ? max : 8;
}

Test(overlay, addresses_that_it_tells)
{
	struct p2v_world_ops ops;
	struct citizen *c;
	uint8_t v[6][18];

	town_init(&t, 1);
	c = town_node(&t);
	c->conf.announce_local = false;
	node_start(c, &town_news);
	cr_assert_eq(described(c, v), 0, "it knows of none");
	c->conf.announce_local = true;
	cr_assert_eq(described(c, v), 1);
	cr_assert_arr_eq(v[0], c->at.addr.ip, 16);
	cr_assert_eq(v[0][16] << 8 | v[0][17], 7000, "with the port of its socket");
	town_tracker(&t);
	town_run(&t, 70 * P2V_SECOND);
	cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), 1);
	cr_assert_eq(described(c, v), 1, "what the tracker sees is what it has itself");
	c->conf.announce_local = false;
	c->conf.upload_enabled = false;
	cr_assert_eq(described(c, v), 1, "what the tracker sees is no secret");
	/* More than fit: the observed one, which is among them, and the first of the others. */
	ops = *c->at.node.world.ops;
	ops.interfaces = many_interfaces;
	c->at.node.world.ops = &ops;
	c->conf.announce_local = true;
	for (uint8_t i = 0; i < 8; i++)
		interfaces[i] = i == 2 ? c->at.addr : p2v_addr_v4(0xc0a80000u + i, 9);
	cr_assert_eq(described(c, v), 5);
	cr_assert_arr_eq(v[0], c->at.addr.ip, 16);
	for (uint8_t i = 1; i < 5; i++) {
		cr_assert_eq(v[i][15], i < 3 ? i - 1 : i, "%d", v[i][15]);
		cr_assert_eq(v[i][16] << 8 | v[i][17], 7000);
	}
	town_fini(&t);
}

Test(overlay, what_is_known_of_a_partner)
{
	struct p2v_partner *p;
	struct p2v_select_peer view;

	village(1, 2, 4);
	town_run(&t, 10 * P2V_SECOND);
	p = p2v_partner_first(t.nodes[0].overlay);
	p2v_partner_asked(p, 5000);
	p2v_partner_asked(p, -2000);
	p2v_partner_delivered(p, 1000, P2V_SECOND);
	p2v_partner_view(p, &view);
	cr_assert_eq(view.asked, 3000);
	cr_assert_eq(view.rate, 1000);
	p2v_partner_asked(p, -9000);
	p2v_partner_delivered(p, 2000, P2V_SECOND);
	for (int i = 0; i < 4; i++)
		p2v_partner_failed(p);
	p2v_partner_view(p, &view);
	cr_assert_eq(view.asked, 0);
	cr_assert_eq(view.rate, 1300);
	cr_assert_eq(view.failures, 4);
	cr_assert_geq(view.age, 5 * P2V_SECOND);
	town_run(&t, 11 * P2V_SECOND);
	p2v_partner_view(p, &view);
	cr_assert_eq(view.failures, 2);
	town_run(&t, 100 * P2V_SECOND);
	p2v_partner_view(p, &view);
	cr_assert_eq(view.failures, 0);
	town_fini(&t);
}

/* ---- ends ---- */

/* Wherever it stands, it can be ended, and those who are left are told. */
Test(overlay, ended_at_any_time)
{
	for (int when = 0; when < 60; when++) {
		village(1, 3, 4);
		node_start(town_node(&t), &town_news);
		town_run(&t, when * 10 * P2V_MSEC);
		node_end(&t.nodes[3]);
		town_run(&t, 10 * P2V_SECOND);
		for (size_t i = 0; i < 3; i++)
			cr_assert_eq(node_partners(&t.nodes[i]), 2);
		node_start(&t.nodes[3], &town_news);
		town_run(&t, 15 * P2V_SECOND);
		cr_assert_eq(node_partners(&t.nodes[3]), 3);
		town_fini(&t);
	}
}

Test(overlay, a_partner_that_dies_is_missed)
{
	village(1, 5, 4);
	town_run(&t, 20 * P2V_SECOND);
	cr_assert_eq(node_partners(&t.nodes[0]), 4);
	p2v_machine_kill(t.nodes[4].at.machine);
	town_run(&t, 120 * P2V_SECOND);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(node_partners(&t.nodes[i]), 3);
	town_run(&t, 200 * P2V_SECOND);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(node_gauge(&t.nodes[i], P2V_M_PEERS_KNOWN), 3, "and forgotten");
	town_fini(&t);
}
