/* overlay_chaos_test.c - a town where everything happens at once: nodes come and go and are
 * switched off and on, the tracker freezes and restarts, links lose datagrams, and callers say
 * whatever comes to their mind. When it is over, the honest have each other. */
#include "tests/sim/overlay_rig.h"

#include <criterion/criterion.h>
#include <string.h>

#include "framework/base/random.h"

TestSuite(overlay_chaos, .timeout = 600);

enum { CITIZENS = 5, CALLERS = 4 };

static struct town t;
static struct p2v_random r;

static uint64_t below(uint64_t n)
{
	return p2v_random_below(&r, n);
}

static struct p2v_id some_channel(void)
{
	struct p2v_id id = below(2) ? town_news : town_sport;

	id.b[31] = below(3) ? 0 : (uint8_t)below(20);
	return id;
}

/* ---- callers ---- */

static void say_noise(struct caller *k)
{
	uint8_t bytes[64];
	size_t n = 1 + below(sizeof bytes);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)below(256);
	if (below(2)) { /* a head that could be one */
		static const uint8_t numbers[] = { 1, 16, 17, 18, 19, 20, 32, 33, 34, 35, 36, 48 };

		bytes[0] = numbers[below(sizeof numbers)];
		bytes[1 % sizeof bytes] = (uint8_t)below(20);
	}
	caller_write(k, bytes, n);
}

static void say_something(struct caller *k)
{
	struct p2v_id channels[2] = { some_channel(), some_channel() };
	struct p2v_msg_enrol enrol = { .version = below(9) ? P2V_PROTOCOL_VERSION : 2 };
	struct p2v_msg_have have = { .key = { channels[0].b, 32 }, .state = below(3) };
	struct p2v_msg_follow follow = { .rendition = below(9), .on = below(2) };
	struct p2v_msg_peers peers = { .channel = { channels[0].b, 32 }, .members = below(100) };

	switch (below(10)) {
	case 0:
	case 1:
	case 2:
		caller_hello(k, place_id(below(20) ? &k->at : &t.nodes[below(CITIZENS)].at),
			channels, below(3));
		break;
	case 3:
	case 4: caller_join(k, &channels[0], (uint32_t)below(65)); break;
	case 5: caller_say(k, P2V_MSG_enrol, &enrol); break;
	case 6: caller_say(k, P2V_MSG_have, &have); break;
	case 7: caller_say(k, P2V_MSG_follow, &follow); break;
	case 8: caller_say(k, P2V_MSG_peers, &peers); break;
	default: say_noise(k);
	}
}

static void act(struct caller *k)
{
	struct p2v_stream *s;
	struct p2v_err err;

	if (!k->session) {
		struct p2v_addr to = below(4) ? t.nodes[below(CITIZENS)].at.addr
					      : t.tracker_at.addr;

		k->deaf = below(8) == 0;
		if (p2v_dtl_dial(k->dtl, &to, &k->session, &err) < 0)
			k->session = NULL;
		return;
	}
	if (!k->talk.stream) {
		if (p2v_stream_open(k->session, &s) == P2V_OK)
			caller_talk(k, s);
		return;
	}
	switch (below(12)) {
	case 0: p2v_session_close(k->session, below(300), "so long"); break;
	case 1: p2v_talk_close(&k->talk); break;
	case 2: p2v_stream_finish(k->talk.stream); break;
	case 3:
	case 4:
		if (p2v_stream_open(k->session, &s) < 0)
			break;
		(void)!p2v_stream_write(s, p2v_slice_copy((const uint8_t *)"\x30\x02\x00\x01", 4));
		if (below(2))
			p2v_stream_reset(s, below(900));
		break;
	default: say_something(k);
	}
}

/* ---- nodes ---- */

static void befall(struct citizen *c)
{
	struct p2v_msg_have have = { .key = { town_news.b, 32 }, .state = 2 };
	struct p2v_id channel = some_channel();
	struct p2v_stream *s;
	struct p2v_partner *p;

	switch (below(40)) {
	case 0:
		node_end(c);
		node_start(c, &town_news);
		break;
	case 1:
		c->conf.p2p_enabled = !c->conf.p2p_enabled;
		p2v_overlay_reconfigured(c->overlay);
		break;
	case 2:
	case 3: (void)!p2v_overlay_join(c->overlay, &channel); break;
	case 4: p2v_overlay_set_capacity(c->overlay, below(10000000), false); break;
	case 5: c->hold = !c->hold; break;
	default: break;
	}
	p = p2v_partner_first(c->overlay);
	for (uint64_t skip = below(4); p && skip; skip--)
		p = p2v_partner_next(p);
	if (!p)
		return;
	switch (below(30)) {
	case 0: p2v_partner_drop(p, below(8) == 0, "chance"); break;
	case 1:
		if (p2v_partner_open(p, &s) == P2V_OK)
			p2v_stream_release(s);
		break;
	default: p2v_partner_send(p, P2V_MSG_have, &have);
	}
}

static void upset(int turn)
{
	if (turn % 97 == 50)
		p2v_machine_freeze(t.tracker_at.machine, true);
	if (turn % 97 == 90)
		p2v_machine_freeze(t.tracker_at.machine, false);
	if (turn % 301 == 300) {
		town_tracker_ends(&t);
		town_run(&t, (p2v_usec)below(3) * P2V_SECOND);
		town_tracker(&t);
	}
	if (turn % 40 == 0) {
		struct p2v_link link = t.link;

		link.loss = below(2) ? 0 : 0.1;
		link.duplicate = 0.02;
		link.reorder = 0.05;
		link.reorder_by = 30 * P2V_MSEC;
		p2v_machine_set_link(t.nodes[below(CITIZENS)].at.machine, &link);
	}
}

static uint64_t live(uint64_t seed)
{
	uint64_t hash;

	p2v_random_init(&r, seed, "chaos");
	town_init(&t, seed);
	town_tracker(&t);
	for (size_t i = 0; i < CITIZENS; i++) {
		struct citizen *c = town_node(&t);

		c->conf.partners = 2 + (uint32_t)below(4);
		c->at.plain = below(2);
		c->at.lifetime = 60 + below(600);
		node_start(c, &town_news);
	}
	for (size_t i = 0; i < CALLERS; i++)
		(void)town_caller(&t, i ? P2V_IS_PEER : P2V_IS_GUEST);
	for (int turn = 1; turn < 700; turn++) {
		for (size_t i = 0; i < CALLERS; i++)
			if (below(2))
				act(&t.callers[i]);
		for (size_t i = 0; i < CITIZENS; i++)
			befall(&t.nodes[i]);
		upset(turn);
		town_run(&t, below(4) ? 20 * P2V_MSEC : P2V_SECOND);
	}
	hash = p2v_sim_hash(t.sim);
	/* Peace: whoever calls is gone, bans end, everybody is switched on. */
	p2v_machine_freeze(t.tracker_at.machine, false);
	for (size_t i = 0; i < CALLERS; i++)
		p2v_machine_kill(t.callers[i].at.machine);
	for (size_t i = 0; i < CITIZENS; i++) {
		t.nodes[i].conf.p2p_enabled = true;
		t.nodes[i].conf.partners = CITIZENS;
		p2v_machine_set_link(t.nodes[i].at.machine, &t.link);
	}
	town_run(&t, 4200 * P2V_SECOND);
	for (size_t i = 0; i < CITIZENS; i++) {
		cr_assert_eq(node_gauge(&t.nodes[i], P2V_M_TRACKER_UP), 1, "seed %d: node%zu",
			(int)seed, i);
		cr_assert_eq(node_partners(&t.nodes[i]), CITIZENS - 1, "seed %d: node%zu has %zu",
			(int)seed, i, node_partners(&t.nodes[i]));
	}
	town_fini(&t);
	return hash;
}

#ifdef P2V_TESTS_SANITIZED
enum { TOWNS = 4 };
#else
enum { TOWNS = 20 };
#endif

Test(overlay_chaos, the_honest_have_each_other_in_the_end)
{
	for (uint64_t seed = 1; seed <= TOWNS; seed++)
		(void)live(seed);
}

Test(overlay_chaos, chaos_too_is_the_same_twice)
{
	cr_assert_eq(live(77), live(77));
}
