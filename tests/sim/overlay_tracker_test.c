/* overlay_tracker_test.c - a tracker, asked well and badly, and trackers that answer badly. */
#include "tests/sim/overlay_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tracker, .timeout = 120);
TestSuite(rogue_tracker, .timeout = 120);

static struct town t;
static struct citizen *c;
static struct caller *k;

/* ---- at the tracker ---- */

static void visit(enum p2v_standing role)
{
	k = town_caller(&t, role);
	cr_assert(caller_dial(&t, k, &t.tracker_at.addr));
}

static void open_tracker(void)
{
	town_init(&t, 1);
	town_tracker(&t);
}

static void crowd(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		visit(P2V_IS_PEER);
		caller_join(k, &town_news, 0);
		town_run(&t, 50 * P2V_MSEC);
	}
}

Test(tracker, introductions)
{
	unsigned met[TOWN_CALLERS] = { 0 };

	open_tracker();
	t.tracker_conf.introduce = 3;
	crowd(12);
	cr_assert_eq(k->peers.descriptors.n, 0, "it wanted none");
	for (int round = 0; round < 200; round++) {
		caller_join(k, &town_news, 30);
		town_run(&t, P2V_SECOND / 2);
		cr_assert_eq(k->heard[P2V_MSG_peers], (unsigned)round + 2);
		cr_assert_eq(k->peers.descriptors.n, 3);
		cr_assert_eq(k->peers.members, 12);
		cr_assert_eq(k->peers.again, 10000);
		for (size_t i = 0; i < 3; i++)
			for (size_t j = 0; j < t.n_callers; j++)
				met[j] += memcmp(&k->introduced[i], place_id(&t.callers[j].at),
						  32) == 0;
		for (size_t j = 0; j < 11; j++)
			if (round % 50 == 0)
				caller_join(&t.callers[j], &town_news, 0);
	}
	cr_assert_eq(met[11], 0, "never itself");
	for (size_t j = 0; j < 11; j++)
		cr_assert(met[j] > 25 && met[j] < 90, "%zu: %u of 600", j, met[j]);
	/* It is told its address. */
	cr_assert_arr_eq(k->observed, k->at.addr.ip, 16);
	cr_assert_eq(k->observed[16] << 8 | k->observed[17], 6000);
	town_fini(&t);
}

/* What the tracker sees stands before what a member says. */
Test(tracker, the_address_that_it_sees_comes_first)
{
	struct p2v_addr lie = p2v_addr_v4(0x08080808, 53);

	open_tracker();
	visit(P2V_IS_PEER);
	k->at.addr = lie;
	caller_join(k, &town_news, 0);
	visit(P2V_IS_PEER);
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->peers.descriptors.n, 1);
	cr_assert_eq(k->n_addresses[0], 2);
	cr_assert_arr_eq(k->addresses[0][0], t.callers[0].observed, 18);
	cr_assert_eq(k->addresses[0][0][16] << 8 | k->addresses[0][0][17], 6000);
	cr_assert_arr_eq(k->addresses[0][1], lie.ip, 16);
	/* Whoever tells the truth is listed once. */
	caller_join(&t.callers[0], &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(t.callers[0].n_addresses[0], 1);
	town_fini(&t);
}

Test(tracker, swarms_are_apart)
{
	open_tracker();
	crowd(3);
	visit(P2V_IS_PEER);
	caller_join(k, &town_sport, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->peers.descriptors.n, 0);
	cr_assert_eq(k->peers.members, 1);
	town_fini(&t);
}

Test(tracker, whoever_says_goodbye_is_gone_at_once)
{
	open_tracker();
	crowd(3);
	p2v_session_close(t.callers[0].session, P2V_DTL_DONE, "bye");
	town_run(&t, P2V_SECOND);
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->peers.descriptors.n, 1);
	town_fini(&t);
}

Test(tracker, a_node_that_leaves_says_goodbye)
{
	open_tracker();
	c = town_node(&t);
	node_start(c, &town_news);
	town_run(&t, 5 * P2V_SECOND);
	crowd(1);
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->peers.descriptors.n, 1);
	c->conf.p2p_enabled = false;
	p2v_overlay_reconfigured(c->overlay);
	town_run(&t, P2V_SECOND);
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->peers.descriptors.n, 0);
	town_fini(&t);
}

Test(tracker, whoever_goes_silent_expires)
{
	open_tracker();
	crowd(3);
	p2v_machine_kill(t.callers[0].at.machine);
	for (int i = 0; i < 4; i++) {
		caller_join(k, &town_news, 30);
		caller_join(&t.callers[1], &town_news, 0);
		town_run(&t, 8 * P2V_SECOND);
		cr_assert_eq(k->peers.descriptors.n, 2, "%d", i);
	}
	caller_join(&t.callers[1], &town_news, 0);
	town_run(&t, 10 * P2V_SECOND);
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->peers.descriptors.n, 1);
	cr_assert(memcmp(&k->introduced[0], place_id(&t.callers[1].at), 32) == 0);
	town_fini(&t);
}

Test(tracker, says_nothing)
{
	open_tracker();
	visit(P2V_IS_PEER);
	caller_write(k, "\x13", 1);
	town_run(&t, 9 * P2V_SECOND);
	cr_assert_eq(k->closed, 0);
	town_run(&t, 3 * P2V_SECOND);
	cr_assert_eq(k->closed, 1);
	cr_assert(strstr(k->why.text, "it said nothing"), "%s", k->why.text);
	town_fini(&t);
}

static void check_refused(uint32_t number, uint32_t code, const char *text)
{
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_refused], 1);
	cr_assert_eq(k->refused.number, number);
	cr_assert_eq(k->refused.code, code);
	cr_assert_str_eq(k->text, text);
	cr_assert_eq(k->heard[P2V_MSG_peers], 0);
	k->heard[P2V_MSG_refused] = 0;
}

Test(tracker, guests_enrol_before_they_join)
{
	struct p2v_msg_enrol enrol = { .version = P2V_PROTOCOL_VERSION };

	open_tracker();
	crowd(1);
	visit(P2V_IS_GUEST);
	caller_join(k, &town_news, 30);
	check_refused(P2V_MSG_join, 5, "enrol first");
	enrol.version = 99;
	caller_say(k, P2V_MSG_enrol, &enrol);
	check_refused(P2V_MSG_enrol, 3, "the tracker speaks another version");
	caller_join(k, &town_news, 30);
	check_refused(P2V_MSG_join, 5, "enrol first");
	enrol.version = P2V_PROTOCOL_VERSION;
	caller_say(k, P2V_MSG_enrol, &enrol);
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_enrolled], 1);
	cr_assert_eq(k->heard[P2V_MSG_peers], 1);
	cr_assert_eq(k->peers.descriptors.n, 1);
	town_fini(&t);
}

Test(tracker, tokens)
{
	static const char *const wrong[] = { "", "s", "secre", "secretx", "secret\n", "\n" };
	struct p2v_msg_enrol enrol = { .version = P2V_PROTOCOL_VERSION };

	town_init(&t, 1);
	t.tracker_conf.admit = 1;
	t.tracker_conf.tokens = "\nother\nsecret";
	town_tracker(&t);
	visit(P2V_IS_GUEST);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		enrol.token = (struct p2v_bytes){ (const uint8_t *)wrong[i], strlen(wrong[i]) };
		caller_say(k, P2V_MSG_enrol, &enrol);
		check_refused(P2V_MSG_enrol, 1,
			*wrong[i] ? "the token is not known" : "a token is needed");
	}
	enrol.token = (struct p2v_bytes){ (const uint8_t *)"secret", 6 };
	caller_say(k, P2V_MSG_enrol, &enrol);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_enrolled], 1);
	town_fini(&t);
}

static void join_as(const struct p2v_id *id)
{
	uint8_t descriptor[512];
	struct p2v_msg_join m = { .channel = { town_news.b, 32 }, .want = 30 };

	m.descriptor = (struct p2v_bytes){ descriptor, caller_describe(id, NULL, descriptor) };
	caller_say(k, P2V_MSG_join, &m);
}

Test(tracker, nobody_joins_for_somebody_else)
{
	open_tracker();
	crowd(2);
	visit(P2V_IS_PEER);
	join_as(place_id(&t.callers[0].at));
	check_refused(P2V_MSG_join, 2, "the descriptor is somebody else's");
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->peers.members, 3);
	town_fini(&t);
}

Test(tracker, sixteen_channels_each)
{
	struct p2v_id id = { { 0 } };

	open_tracker();
	visit(P2V_IS_PEER);
	for (uint8_t i = 0; i < 16; i++) {
		id.b[0] = i;
		caller_join(k, &id, 30);
	}
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_peers], 16);
	k->heard[P2V_MSG_peers] = 0;
	id.b[0] = 16;
	caller_join(k, &id, 30);
	check_refused(P2V_MSG_join, 2, "too many channels");
	id.b[0] = 3;
	caller_join(k, &id, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_peers], 1, "one that it is in");
	town_fini(&t);
}

static bool not_sport(void *self, const struct p2v_id *who, const struct p2v_id *channel)
{
	(void)self;
	(void)who;
	return memcmp(channel, &town_sport, sizeof *channel) != 0;
}

Test(tracker, certificates_tell_which_channels)
{
	open_tracker();
	t.tracker_at.ops.allows = not_sport;
	visit(P2V_IS_PEER);
	caller_join(k, &town_sport, 30);
	check_refused(P2V_MSG_join, 2, "its certificate is not for that channel");
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_peers], 1);
	town_fini(&t);
}

Test(tracker, no_room)
{
	open_tracker();
	memcpy(t.registry_conf, &(uint32_t){ 2 }, 4); /* max_members stands first */
	crowd(2);
	visit(P2V_IS_PEER);
	caller_join(k, &town_news, 30);
	check_refused(P2V_MSG_join, 4, "the registry has no room");
	cr_assert_eq(k->refused.retry, 10000);
	town_fini(&t);
}

/* Sixteen channels each second can be paid for; more cannot. */
Test(tracker, asks_too_often)
{
	open_tracker();
	visit(P2V_IS_PEER);
	for (int s = 0; s < 30; s++)
		for (int i = 0; i < 16; i++) {
			caller_join(k, &town_news, 30);
			town_run(&t, P2V_SECOND / 16);
		}
	cr_assert_eq(k->closed, 0);
	for (int i = 0; i < 200; i++)
		caller_join(k, &town_news, 30);
	town_run(&t, 2 * P2V_SECOND);
	cr_assert_eq(k->closed, 1);
	cr_assert(strstr(k->why.text, "it asks too often"), "%s", k->why.text);
	cr_assert_leq(k->heard[P2V_MSG_peers], 480 + 64 + 2);
	cr_assert_eq(town_logged(&t, "event=too_often"), 1);
	town_fini(&t);
}

Test(tracker, enrolling_again_and_again)
{
	struct p2v_msg_enrol enrol = { .version = P2V_PROTOCOL_VERSION };

	open_tracker();
	visit(P2V_IS_GUEST);
	for (int i = 0; i < 20; i++)
		caller_say(k, P2V_MSG_enrol, &enrol);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->closed, 1);
	cr_assert_leq(t.tracker_at.node.metrics.v[P2V_M_ENROLLED], 5);
	town_fini(&t);
}

Test(tracker, does_not_read)
{
	open_tracker();
	crowd(20);
	k->deaf = true;
	for (int i = 0; i < 20000 && k->session; i++) {
		if (k->talk.stream)
			caller_join(k, &town_news, 30);
		town_run(&t, P2V_SECOND / 8);
		for (size_t j = 0; i % 50 == 0 && j < 19; j++)
			caller_join(&t.callers[j], &town_news, 0);
	}
	cr_assert_not(k->session, "it is not kept");
	cr_assert(strstr(k->why.text, "it does not read"), "%s", k->why.text);
	town_fini(&t);
}

Test(tracker, messages_that_are_not_for_it)
{
	struct p2v_msg_news news = { .rendition = 1 };

	open_tracker();
	visit(P2V_IS_PEER);
	caller_say(k, P2V_MSG_news, &news);
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->closed, 1);
	cr_assert_eq(k->heard[P2V_MSG_peers], 0);
	visit(P2V_IS_PEER);
	caller_write(k, "\x13\x01\xff", 3);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->closed, 1);
	town_fini(&t);
}

/* ---- a tracker, or whoever holds its key, that answers badly ---- */

/* A caller whose certificate makes it a tracker, and who answers nothing but what a test lets it.
 */
static void sham(void)
{
	town_init(&t, 1);
	k = town_caller(&t, P2V_IS_TRACKER);
	p2v_sim_name(t.sim, "tracker", &k->at.addr);
	c = town_node(&t);
	c->conf.tracker = "tracker:6000";
	node_start(c, &town_news);
}

Test(rogue_tracker, does_not_answer)
{
	sham();
	town_run(&t, 300 * P2V_SECOND);
	cr_assert_eq(node_gauge(c, P2V_M_PEERS_KNOWN), 0);
	cr_assert_geq(k->opened, 4);
	cr_assert_leq(k->opened, 10, "it is called ever more seldom: %u", k->opened);
	cr_assert_geq(town_logged(&t, "it does not answer"), 4);
	town_fini(&t);
}

/* Addresses that a member wrote: a node sends to none that is everybody's, nobody's, or its own. */
Test(rogue_tracker, addresses_that_are_not_called)
{
	static const char *const places[] = { "224.0.0.1:7000", "255.255.255.255:7000",
		"0.0.0.0:7000", "0.1.2.3:7000", "127.0.0.1:7000", "[::1]:7000", "[ff02::1]:7000",
		"[::]:7000", "240.0.0.1:7000", "10.0.0.5:0" };
	struct p2v_link_count before, after;

	open_tracker();
	c = town_node(&t);
	node_start(c, &town_news);
	town_run(&t, 5 * P2V_SECOND);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct p2v_id id = { { 1, (uint8_t)i } };
		uint8_t descriptor[512];
		struct p2v_addr a;
		struct p2v_err err;
		size_t n;

		cr_assert(p2v_addr_parse(places[i], &a, &err) == P2V_OK || i == 9, "%s", places[i]);
		if (i == 9)
			a = p2v_addr_v4(0x0a000005, 0);
		n = caller_describe(&id, &a, descriptor);
		p2v_peers_learn(c->overlay, (struct p2v_bytes){ descriptor, n });
	}
	c->overlay->swarms[0].members = 20;
	p2v_machine_count(c->at.machine, &before);
	p2v_peers_tend(c->overlay);
	cr_assert_eq(p2v_peers_dialling(c->overlay), 0);
	p2v_machine_count(c->at.machine, &after);
	cr_assert_eq(after.sent, before.sent);
	town_fini(&t);
}

/* However many it introduces, a node keeps so many, and the newest are among them. */
Test(rogue_tracker, introduces_the_whole_world)
{
	struct p2v_addr a = p2v_addr_v4(0x0a0000f0, 7000);
	uint8_t descriptor[512];

	open_tracker();
	c = town_node(&t);
	c->conf.min_swarm = 1000;
	node_start(c, &town_news);
	for (uint32_t i = 0; i < 3000; i++) {
		struct p2v_id id = { { 1, (uint8_t)(i >> 8), (uint8_t)i } };
		size_t n = caller_describe(&id, &a, descriptor);

		p2v_peers_learn(c->overlay, (struct p2v_bytes){ descriptor, n });
		if (i % 64 == 63)
			town_run(&t, P2V_SECOND / 10);
		cr_assert_leq(c->overlay->n_peers, P2V_PEERS_MAX);
	}
	cr_assert_eq(c->overlay->n_peers, P2V_PEERS_MAX);
	for (uint32_t i = 2990; i < 3000; i++) {
		struct p2v_id id = { { 1, (uint8_t)(i >> 8), (uint8_t)i } };

		cr_assert(p2v_peers_find(c->overlay, &id), "%u", i);
	}
	town_run(&t, 130 * P2V_SECOND);
	cr_assert_eq(c->overlay->n_peers, 0, "what is not repeated is forgotten");
	town_fini(&t);
}

Test(rogue_tracker, introduces_itself_and_nonsense)
{
	uint8_t descriptor[512];
	size_t n;

	open_tracker();
	c = town_node(&t);
	node_start(c, &town_news);
	n = caller_describe(place_id(&c->at), &c->at.addr, descriptor);
	p2v_peers_learn(c->overlay, (struct p2v_bytes){ descriptor, n });
	for (size_t i = 0; i < n; i++)
		p2v_peers_learn(c->overlay, (struct p2v_bytes){ descriptor, i });
	memset(descriptor, 0xff, sizeof descriptor);
	p2v_peers_learn(c->overlay, (struct p2v_bytes){ descriptor, sizeof descriptor });
	cr_assert_eq(c->overlay->n_peers, 0);
	town_fini(&t);
}
