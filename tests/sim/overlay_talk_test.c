/* overlay_talk_test.c - a conversation between two ends: what arrives, what is too much, and how it
 * ends. */
#include "tests/sim/overlay_rig.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/oom.h"

TestSuite(talk, .timeout = 120);

static struct town t;
static struct caller *a, *b;
static unsigned broken;
static struct p2v_err why;

static void on_broken(struct p2v_talk *k, const struct p2v_err *err)
{
	struct p2v_msg_news m = { .rendition = 1 };

	cr_assert_not(k->stream, "it is over when it is told");
	cr_assert_eq(p2v_talk_send(k, P2V_MSG_news, &m), P2V_ECLOSED);
	broken++;
	why = *err;
}

static void begin(void)
{
	struct p2v_msg_news m = { .rendition = 1 };

	town_init(&t, 1);
	a = town_caller(&t, P2V_IS_PEER);
	b = town_caller(&t, P2V_IS_PEER);
	b->answers = true;
	cr_assert(caller_dial(&t, a, &b->at.addr));
	caller_say(a, P2V_MSG_news, &m); /* a stream that nothing is written on is not seen */
	town_run(&t, P2V_SECOND);
	cr_assert_eq(b->heard[P2V_MSG_news], 1);
	b->talk.broken = on_broken;
}

Test(talk, both_ways)
{
	struct p2v_msg_news m = { .rendition = 1 };

	begin();
	for (int i = 0; i < 100; i++) {
		caller_say(a, P2V_MSG_news, &m);
		caller_say(b, P2V_MSG_news, &m);
	}
	town_run(&t, P2V_SECOND);
	cr_assert_eq(b->heard[P2V_MSG_news], 101);
	cr_assert_eq(a->heard[P2V_MSG_news], 100);
	cr_assert_eq(broken, 0);
	town_fini(&t);
}

static size_t length;

static void measure(struct p2v_talk *k, uint64_t number, const union p2v_msg *msg)
{
	(void)k;
	cr_assert_eq(number, P2V_MSG_peers);
	length = 0;
	for (size_t i = 0; i < msg->peers.descriptors.n; i++)
		for (size_t j = 0; j < msg->peers.descriptors.v[i].n; j++) {
			cr_assert_eq(msg->peers.descriptors.v[i].p[j], (uint8_t)(i + j));
			length++;
		}
}

/* From one datagram to dozens, and on both sides of the buffer on the stack. */
Test(talk, messages_of_all_sizes)
{
	static uint8_t bytes[64][512];
	struct p2v_msg_peers m = { .channel = { town_news.b, 32 } };

	begin();
	b->talk.message = measure;
	for (size_t i = 0; i < 64; i++)
		for (size_t j = 0; j < 512; j++)
			bytes[i][j] = (uint8_t)(i + j);
	for (size_t n = 0; n <= 64; n++) {
		size_t each = n == 64 ? 512 : 37 * (n % 13 + 1);

		m.descriptors.n = n;
		for (size_t i = 0; i < n; i++)
			m.descriptors.v[i] = (struct p2v_bytes){ bytes[i], each };
		caller_say(a, P2V_MSG_peers, &m);
		length = SIZE_MAX;
		town_run(&t, P2V_SECOND);
		cr_assert_eq(length, n * each);
	}
	town_fini(&t);
}

static unsigned taken;

static void take_three(struct p2v_talk *k, uint64_t number, const union p2v_msg *msg)
{
	cr_assert_eq(number, P2V_MSG_gone);
	cr_assert_eq(msg->gone.keys.n, 2);
	if (++taken == 3)
		p2v_talk_close(k);
	/* What it is being told of is still there. */
	cr_assert_arr_eq(msg->gone.keys.v[0].p, town_news.b, 32);
	cr_assert_arr_eq(msg->gone.keys.v[1].p, town_sport.b, 32);
}

Test(talk, closed_by_whoever_is_being_told)
{
	struct p2v_msg_gone m = { .keys = { .v = { { town_news.b, 32 }, { town_sport.b, 32 } },
					  .n = 2 } };

	begin();
	b->talk.message = take_three;
	for (int i = 0; i < 10; i++)
		caller_say(a, P2V_MSG_gone, &m);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(taken, 3, "and no more");
	cr_assert_eq(broken, 0, "it knows");
	cr_assert_eq(a->broken, 1, "the other is told");
	cr_assert_eq(p2v_talk_send(&b->talk, P2V_MSG_gone, &m), P2V_ECLOSED);
	town_fini(&t);
}

static void check_broken(int code, const char *text)
{
	town_run(&t, P2V_SECOND);
	cr_assert_eq(broken, 1);
	cr_assert_eq(why.code, code);
	cr_assert_str_eq(why.text, text);
	town_fini(&t);
}

Test(talk, the_remote_ends_it)
{
	struct p2v_msg_news m = { .rendition = 1 };

	begin();
	caller_say(a, P2V_MSG_news, &m);
	p2v_stream_finish(a->talk.stream);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(b->heard[P2V_MSG_news], 2, "what came before the end is heard");
	check_broken(P2V_ECLOSED, "the remote ended the conversation");
}

Test(talk, half_a_message_and_the_end)
{
	begin();
	caller_write(a, "\x21\x08\x02", 3);
	p2v_stream_finish(a->talk.stream);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(b->heard[P2V_MSG_follow], 0);
	check_broken(P2V_ECLOSED, "the remote ended the conversation");
}

Test(talk, the_remote_cuts_it)
{
	begin();
	p2v_stream_reset(a->talk.stream, 77);
	check_broken(P2V_ECLOSED, "the remote cut the conversation with code 77");
}

Test(talk, the_session_ends)
{
	begin();
	p2v_session_close(a->session, P2V_DTL_DONE, "so long");
	town_run(&t, P2V_SECOND);
	cr_assert_eq(broken, 1);
	cr_assert_eq(b->closed, 1);
	town_fini(&t);
}

Test(talk, a_backlog)
{
	struct p2v_msg_gone m = { .keys = { .n = 32 } };
	unsigned sent = 0;
	int rc;

	for (size_t i = 0; i < 32; i++)
		m.keys.v[i] = (struct p2v_bytes){ town_news.b, 32 };
	begin();
	while ((rc = p2v_talk_send(&a->talk, P2V_MSG_gone, &m)) == P2V_OK)
		sent++;
	cr_assert_eq(rc, P2V_ELIMIT);
	cr_assert_geq(sent * 1100, P2V_TALK_BACKLOG);
	cr_assert_leq(sent * 1088, P2V_TALK_BACKLOG + 4096);
	town_run(&t, 10 * P2V_SECOND); /* it is heard after all */
	cr_assert_eq(b->heard[P2V_MSG_gone], sent);
	cr_assert_eq(p2v_talk_send(&a->talk, P2V_MSG_gone, &m), P2V_OK);
	town_fini(&t);
}

/* ---- memory that runs out ---- */

Test(talk, no_memory_to_hear)
{
	struct p2v_msg_news m = { .rendition = 1 };

	begin();
	b->deaf = true; /* until it is made to listen */
	caller_say(a, P2V_MSG_news, &m);
	town_run(&t, P2V_SECOND);
	oom_after(0);
	b->talk.owner.readable(&b->talk.owner, b->talk.stream);
	oom_after(-1);
	cr_assert_eq(b->heard[P2V_MSG_news], 1);
	check_broken(P2V_ENOMEM, "no memory for a message");
}

Test(talk, no_memory_to_speak)
{
	struct p2v_msg_gone m = { .keys = { .n = 32 } };
	int rc = P2V_ENOMEM;
	long n;

	for (size_t i = 0; i < 32; i++)
		m.keys.v[i] = (struct p2v_bytes){ town_news.b, 32 };
	begin();
	for (n = 0; rc != P2V_OK; n++) {
		oom_after(n);
		rc = p2v_talk_send(&a->talk, P2V_MSG_gone, &m);
		oom_after(-1);
		cr_assert(rc == P2V_OK || rc == P2V_ENOMEM, "%d", rc);
	}
	cr_assert_geq(n, 3);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(b->heard[P2V_MSG_gone], 1, "whole or not at all");
	cr_assert_eq(broken, 0);
	town_fini(&t);
}
