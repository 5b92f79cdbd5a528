/* overlay_rogue_test.c - members that break the rules, at a node and at a tracker, and trackers
 * that answer badly: what they gain is nothing, and nobody else pays for it. */
#include "tests/sim/overlay_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rogue_member, .timeout = 120);

static struct town t;
static struct citizen *c;
static struct caller *k;

/* One node that nobody introduces to anybody, and somebody who calls it. */
static void meet(void)
{
	town_init(&t, 1);
	c = town_node(&t);
	c->conf.tracker = "";
	node_start(c, &town_news);
	k = town_caller(&t, P2V_IS_PEER);
	cr_assert(caller_dial(&t, k, &c->at.addr));
}

static void befriend(void)
{
	meet();
	caller_hello(k, place_id(&k->at), &town_news, 1);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(c->ups, 1);
	cr_assert_eq(k->heard[P2V_MSG_hello], 1);
}

/* Whoever was banned is closed out before it can say anything, for an hour. */
static void check_banned(const char *why)
{
	unsigned ups = c->ups;

	cr_assert_eq(k->closed, 1);
	cr_assert_eq(town_logged(&t, "event=partner_banned"), 1);
	cr_assert_geq(town_logged(&t, why), 1, "%s", t.lines);
	cr_assert_eq(node_partners(c), 0);
	for (int i = 0; i < 3; i++) {
		if (caller_dial(&t, k, &c->at.addr) && k->talk.stream)
			caller_hello(k, place_id(&k->at), &town_news, 1);
		town_run(&t, 10 * P2V_SECOND);
		cr_assert_not(k->session);
		cr_assert_eq(c->ups, ups);
	}
	town_run(&t, 3600 * P2V_SECOND);
	cr_assert(caller_dial(&t, k, &c->at.addr));
	caller_hello(k, place_id(&k->at), &town_news, 1);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(c->ups, ups + 1, "an hour has passed");
	town_fini(&t);
}

Test(rogue_member, speaks_before_its_hello)
{
	struct p2v_msg_have have = { .key = { town_news.b, 32 }, .length = 10, .state = 2 };

	meet();
	caller_say(k, P2V_MSG_have, &have);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(c->messages, 0);
	check_banned("it spoke before its hello");
}

Test(rogue_member, says_that_it_is_somebody_else)
{
	meet();
	caller_hello(k, place_id(&c->at), &town_news, 1);
	town_run(&t, P2V_SECOND);
	check_banned("its hello describes somebody else");
}

Test(rogue_member, describes_nobody)
{
	static const uint8_t nonsense[] = { 0xff };
	struct p2v_msg_hello m = { .version = P2V_PROTOCOL_VERSION,
		.descriptor = { nonsense, sizeof nonsense },
		.channels = { .v = { { town_news.b, 32 } }, .n = 1 } };

	meet();
	caller_say(k, P2V_MSG_hello, &m);
	town_run(&t, P2V_SECOND);
	check_banned("its hello describes somebody else");
}

Test(rogue_member, says_what_is_for_trackers)
{
	befriend();
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(c->downs, 1);
	check_banned("a message that is not for this stream");
}

Test(rogue_member, breaks_a_bound)
{
	static const uint8_t have[] = { 35, 2, 4 << 1, 3 }; /* state 3, and no key */

	befriend();
	caller_write(k, have, sizeof have);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(c->messages, 0);
	check_banned("event=partner_banned");
}

Test(rogue_member, says_too_much_at_once)
{
	static const uint8_t head[] = { 35, 0x80, 0x00, 0x90, 0x01 }; /* 36865 bytes */

	befriend();
	caller_write(k, head, sizeof head);
	town_run(&t, P2V_SECOND);
	check_banned("event=partner_banned");
}

Test(rogue_member, messages_of_tomorrow_are_skipped)
{
	static const uint8_t news[] = { 40, 3, 1, 2, 3 };
	struct p2v_msg_news m = { .rendition = 5, .newest = 1 };

	befriend();
	caller_write(k, news, sizeof news);
	caller_say(k, P2V_MSG_news, &m);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(c->messages, 1);
	cr_assert_eq(node_partners(c), 1);
	town_fini(&t);
}

/* One byte in each datagram: a message is whole when its last byte is there. */
Test(rogue_member, speaks_slowly)
{
	uint8_t bytes[64];
	struct p2v_writer w = p2v_writer_of(bytes, sizeof bytes);
	struct p2v_msg_have have = { .key = { town_news.b, 32 }, .length = 10, .state = 2 };

	befriend();
	p2v_msg_write(P2V_MSG_have, &have, &w);
	for (size_t i = 0; i < p2v_written(&w); i++) {
		cr_assert_eq(c->messages, 0);
		caller_write(k, bytes + i, 1);
		town_run(&t, 50 * P2V_MSEC);
	}
	cr_assert_eq(c->messages, 1);
	town_fini(&t);
}

Test(rogue_member, never_says_hello)
{
	uint8_t start[] = { 32, 40, 1 };

	meet();
	caller_write(k, start, sizeof start); /* half a hello is none */
	town_run(&t, 4 * P2V_SECOND);
	cr_assert_eq(k->closed, 0);
	town_run(&t, 2 * P2V_SECOND);
	cr_assert_eq(k->closed, 1);
	cr_assert(strstr(k->why.text, "it did not say hello"), "%s", k->why.text);
	cr_assert_eq(c->ups, 0);
	town_fini(&t);
}

Test(rogue_member, opens_transfers_before_its_hello)
{
	struct p2v_stream *s;

	meet();
	caller_write(k, "\x20", 1); /* the first stream is the conversation */
	town_run(&t, P2V_SECOND);
	for (int i = 0; i < 10; i++) {
		cr_assert_eq(p2v_stream_open(k->session, &s), P2V_OK);
		cr_assert_eq(p2v_stream_write(s, p2v_slice_copy((const uint8_t *)"x", 1)), P2V_OK);
	}
	town_run(&t, P2V_SECOND);
	cr_assert_eq(c->transfers, 0);
	cr_assert_eq(k->closed, 0);
	town_fini(&t);
}

Test(rogue_member, ends_the_conversation_amid_transfers)
{
	struct p2v_stream *s;

	befriend();
	c->hold = true;
	for (int i = 0; i < 10; i++) {
		cr_assert_eq(p2v_stream_open(k->session, &s), P2V_OK);
		cr_assert_eq(p2v_stream_write(s, p2v_slice_copy((const uint8_t *)"x", 1)), P2V_OK);
	}
	town_run(&t, P2V_SECOND);
	cr_assert_eq(c->transfers, 10);
	p2v_stream_finish(k->talk.stream);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(c->downs, 1);
	cr_assert_eq(c->ended, 10, "each transfer is told its end before the partner goes");
	cr_assert_eq(k->closed, 1);
	cr_assert(strstr(k->why.text, "the remote ended the conversation"), "%s", k->why.text);
	cr_assert_eq(town_logged(&t, "event=partner_banned"), 0, "that is no crime");
	town_fini(&t);
}

/* A flood of hellos, each with other channels, costs memory neither here nor above. */
Test(rogue_member, floods)
{
	struct p2v_id none = { { 1 } };
	struct p2v_link_count count;

	befriend();
	node_join(c, &town_sport);
	for (int i = 0; i < 2000; i++) {
		caller_hello(k, place_id(&k->at), i & 1 ? &town_sport : &none, 1);
		if (i % 100 == 0)
			town_run(&t, 100 * P2V_MSEC);
	}
	town_run(&t, 10 * P2V_SECOND);
	cr_assert_eq(node_partners(c), 1);
	cr_assert_eq(c->shares, 1000);
	cr_assert(p2v_partner_in(p2v_partner_first(c->overlay), &town_sport));
	cr_assert_not(p2v_partner_in(p2v_partner_first(c->overlay), &town_news));
	p2v_machine_count(c->at.machine, &count);
	cr_assert_leq(k->heard[P2V_MSG_hello], 2, "no hello is answered by a hello");
	town_fini(&t);
}

Test(rogue_member, does_not_read)
{
	struct p2v_msg_gone m = { .keys = { .n = 32 } };
	struct p2v_partner *p;
	int sent = 0;

	befriend();
	for (size_t i = 0; i < 32; i++)
		m.keys.v[i] = (struct p2v_bytes){ town_news.b, 32 };
	k->deaf = true;
	while ((p = p2v_partner_first(c->overlay)) && sent < 100000) {
		p2v_partner_send(p, P2V_MSG_gone, &m);
		if (++sent % 100 == 0)
			town_run(&t, P2V_SECOND);
	}
	cr_assert_lt(sent, 100000, "it is dropped");
	cr_assert_gt(sent, 400, "but not at the first pause");
	town_run(&t, P2V_SECOND);
	cr_assert_eq(c->downs, 1);
	cr_assert(strstr(k->why.text, "it does not read"), "%s", k->why.text);
	town_fini(&t);
}

Test(rogue_member, is_no_peer)
{
	for (int role = 0; role < 2; role++) {
		town_init(&t, 1);
		c = town_node(&t);
		c->conf.tracker = "";
		node_start(c, &town_news);
		k = town_caller(&t, role ? P2V_IS_TRACKER : P2V_IS_GUEST);
		if (caller_dial(&t, k, &c->at.addr) && k->talk.stream)
			caller_hello(k, place_id(&k->at), &town_news, 1);
		town_run(&t, P2V_SECOND);
		cr_assert_eq(k->closed, 1);
		cr_assert_eq(c->ups, 0);
		town_fini(&t);
	}
}

/* Many who call and say nothing keep a node from nobody. */
Test(rogue_member, a_silent_crowd)
{
	struct p2v_err err;

	town_init(&t, 1);
	town_tracker(&t);
	for (size_t i = 0; i < 3; i++)
		town_node(&t)->conf.partners = 2;
	t.nodes[1].conf.min_swarm = t.nodes[2].conf.min_swarm = 1000; /* they call nobody */
	for (size_t i = 0; i < 3; i++)
		node_start(&t.nodes[i], NULL);
	for (size_t i = 0; i < 8; i++)
		(void)town_caller(&t, P2V_IS_PEER);
	for (int turn = 0; turn < 80; turn++) {
		for (size_t i = 0; i < 8; i++)
			if (!t.callers[i].session)
				(void)!p2v_dtl_dial(t.callers[i].dtl, &t.nodes[0].at.addr,
					&t.callers[i].session, &err);
		town_run(&t, P2V_SECOND / 4);
		if (turn == 20)
			for (size_t i = 0; i < 3; i++)
				node_join(&t.nodes[i], &town_news);
	}
	cr_assert_geq(t.callers[0].closed, 2, "they were closed out, and came again");
	cr_assert_eq(node_partners(&t.nodes[0]), 2);
	town_fini(&t);
}

/* Sixty-four who break the rules push nobody off the list who broke them later. */
Test(rogue_member, bans_are_kept_in_bounds)
{
	town_init(&t, 1);
	c = town_node(&t);
	c->conf.tracker = "";
	node_start(c, &town_news);
	for (uint8_t i = 0; i < 100; i++) {
		struct p2v_id id = { { 9, i } };

		p2v_peers_ban(c->overlay, &id);
		p2v_peers_ban(c->overlay, &id); /* again takes no further place */
		cr_assert(p2v_peers_banned(c->overlay, &id));
	}
	for (uint8_t i = 0; i < 100; i++) {
		struct p2v_id id = { { 9, i } };

		cr_assert_eq(p2v_peers_banned(c->overlay, &id), i >= 100 - P2V_BANS_MAX);
	}
	town_run(&t, 3601 * P2V_SECOND);
	for (uint8_t i = 0; i < 100; i++) {
		struct p2v_id id = { { 9, i } };

		cr_assert_not(p2v_peers_banned(c->overlay, &id));
	}
	town_fini(&t);
}
