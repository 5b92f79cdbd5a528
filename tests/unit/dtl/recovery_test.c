/* recovery_test.c - round trips, losses, probes and rates against cases that were worked out by
 * hand from RFC 9002. */
#include <criterion/criterion.h>

#include "framework/base/random.h"
#include "framework/dtl/recovery.h"

TestSuite(recovery, .timeout = 60);

enum { SIZE = 1200 };
#define MS P2V_MSEC

/* What became of each packet's one reference; its offset is the packet's number. */
struct fates {
	unsigned acked[4096], lost[4096], again[4096];
};

static void settle(void *ctx, const struct p2v_ref *ref, enum p2v_fate fate)
{
	struct fates *f = ctx;

	cr_assert(ref->offset < 4096);
	(fate == P2V_FATE_ACKED         ? f->acked
		: fate == P2V_FATE_LOST ? f->lost
					: f->again)[ref->offset]++;
}

static void send_at(struct p2v_recovery *r, p2v_usec now)
{
	struct p2v_ref ref = { .offset = r->next };

	cr_assert_eq(p2v_recovery_reserve(r), P2V_OK);
	p2v_recovery_ref(r, &ref);
	p2v_recovery_sent(r, now, SIZE, true, 0);
}

/* Acknowledge the packets lo … hi. */
static struct p2v_outcome ack(
	struct p2v_recovery *r, p2v_usec now, uint64_t lo, uint64_t hi, p2v_usec delay)
{
	struct p2v_frame_ack a = { .n = 1, .delay = delay, .range = { { lo, hi + 1 } } };
	struct p2v_outcome o;
	struct p2v_err err;

	a.echo = hi >= r->oldest ? (uint32_t)r->sent[hi & (r->sent_cap - 1)].time : 0;
	cr_assert_eq(p2v_recovery_ack(r, &a, 0, now, &o, &err), P2V_OK, "%s", err.text);
	return o;
}

/* RFC 9002 5.2, 5.3. */
Test(recovery, round_trip_time)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;
	struct p2v_outcome o;

	p2v_recovery_init(&r, settle, &f);
	cr_assert_eq(p2v_recovery_pto(&r), 333 * MS + 4 * 333 * MS / 2 + 25 * MS);
	send_at(&r, 0);
	o = ack(&r, 100 * MS, 0, 0, 10 * MS);
	cr_assert_eq(o.rtt, 100 * MS, "the first sample counts whole");
	cr_assert_eq(r.srtt, 100 * MS);
	cr_assert_eq(r.rttvar, 50 * MS);
	cr_assert_eq(r.min_rtt, 100 * MS);
	send_at(&r, 200 * MS);
	o = ack(&r, 340 * MS, 1, 1, 20 * MS);
	cr_assert_eq(o.rtt, 120 * MS, "140 less 20");
	cr_assert_eq(r.srtt, (7 * 100 * MS + 120 * MS) / 8);
	cr_assert_eq(r.rttvar, (3 * 50 * MS + 20 * MS) / 4);
	send_at(&r, 400 * MS);
	o = ack(&r, 505 * MS, 2, 2, 20 * MS);
	cr_assert_eq(o.rtt, 100 * MS, "for the controller never below the least");
	cr_assert_eq(r.srtt, (7 * ((7 * 100 * MS + 120 * MS) / 8) + 105 * MS) / 8,
		"a delay that would go below the least is not believed");
	send_at(&r, 600 * MS);
	o = ack(&r, 800 * MS, 3, 3, 90 * MS);
	cr_assert_eq(o.rtt, 175 * MS, "nor more than the remote may hold back");
	send_at(&r, 900 * MS);
	o = ack(&r, 980 * MS, 4, 4, 0);
	cr_assert_eq(r.min_rtt, 80 * MS);
	p2v_recovery_fini(&r);
}

/* RFC 9002 6.1.1. */
Test(recovery, lost_by_packets)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;
	struct p2v_outcome o;

	p2v_recovery_init(&r, settle, &f);
	for (int i = 0; i < 10; i++)
		send_at(&r, i);
	cr_assert_eq(r.in_flight, 10 * SIZE);
	o = ack(&r, 50 * MS, 2, 2, 0);
	cr_assert_eq(o.lost_packets, 0, "2 - 0 is below the threshold");
	cr_assert_eq(o.acked_bytes, SIZE);
	o = ack(&r, 51 * MS, 3, 3, 0);
	cr_assert_eq(o.lost_packets, 1);
	cr_assert_eq(f.lost[0], 1);
	cr_assert_eq(o.lost_sent, 0);
	o = ack(&r, 52 * MS, 9, 9, 0);
	cr_assert_eq(o.lost_packets, 4, "1, 4, 5 and 6");
	cr_assert_eq(o.lost_sent, 6);
	cr_assert(!f.lost[7] && !f.lost[8]);
	cr_assert_eq(r.in_flight, 2 * SIZE);
	p2v_recovery_fini(&r);
}

/* RFC 9002 6.1.2: 9/8 of the round trip. */
Test(recovery, lost_by_time)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;
	struct p2v_outcome o;

	p2v_recovery_init(&r, settle, &f);
	send_at(&r, 0);
	send_at(&r, 5 * MS);
	o = ack(&r, 85 * MS, 1, 1, 0);
	cr_assert_eq(o.lost_packets, 0);
	cr_assert_eq(p2v_recovery_deadline(&r), 90 * MS, "9/8 of 80 ms after it left");
	cr_assert_eq(p2v_recovery_timeout(&r, 89 * MS, &o), 0);
	cr_assert_eq(o.lost_packets, 0);
	cr_assert_eq(p2v_recovery_timeout(&r, 90 * MS, &o), 0, "a loss needs no probe");
	cr_assert_eq(o.lost_packets, 1);
	cr_assert_eq(f.lost[0], 1);
	cr_assert_eq(p2v_recovery_deadline(&r), P2V_NEVER, "nothing is under way");
	p2v_recovery_fini(&r);
}

/* RFC 9002 6.2. */
Test(recovery, probes_back_off)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;
	struct p2v_outcome o;
	p2v_usec pto;

	p2v_recovery_init(&r, settle, &f);
	send_at(&r, 0);
	(void)ack(&r, 40 * MS, 0, 0, 0);
	pto = 40 * MS + 4 * 20 * MS + 25 * MS;
	cr_assert_eq(p2v_recovery_pto(&r), pto);
	send_at(&r, 50 * MS);
	send_at(&r, 60 * MS);
	cr_assert_eq(p2v_recovery_deadline(&r), 60 * MS + pto);
	cr_assert_eq(p2v_recovery_timeout(&r, 60 * MS + pto, &o), 2);
	cr_assert_eq(o.lost_packets, 0, "a time-out says nothing about losses");
	cr_assert_eq(p2v_recovery_deadline(&r), 60 * MS + 2 * pto);
	p2v_recovery_requeue(&r, 2);
	cr_assert(f.again[1] == 1 && f.again[2] == 1 && !f.lost[1]);
	cr_assert_eq(r.in_flight, 2 * SIZE);
	send_at(&r, 60 * MS + pto);
	cr_assert_eq(p2v_recovery_deadline(&r), 60 * MS + pto + 2 * pto);
	cr_assert_eq(p2v_recovery_timeout(&r, 60 * MS + 3 * pto, &o), 2);
	cr_assert_eq(r.pto_count, 2);
	(void)ack(&r, 700 * MS, 3, 3, 0);
	cr_assert_eq(r.pto_count, 0, "an answer ends it");
	p2v_recovery_fini(&r);
}

/* RFC 9002 7.6: lost without a break over 3 (srtt + 4 rttvar + ack delay). */
Test(recovery, persistent_congestion)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;
	struct p2v_outcome o;
	p2v_usec span = 3 * (40 * MS + 60 * MS + 25 * MS); /* rttvar is 15 ms by then */

	p2v_recovery_init(&r, settle, &f);
	send_at(&r, 0);
	(void)ack(&r, 40 * MS, 0, 0, 0);
	send_at(&r, 50 * MS);
	send_at(&r, 50 * MS + span);
	for (int i = 0; i < 3; i++)
		send_at(&r, 51 * MS + span);
	o = ack(&r, 91 * MS + span, 5, 5, 0);
	cr_assert_eq(o.lost_packets, 2);
	cr_assert(!o.persistent, "not longer than");
	p2v_recovery_fini(&r);

	p2v_recovery_init(&r, settle, &f);
	send_at(&r, 0);
	(void)ack(&r, 40 * MS, 0, 0, 0);
	send_at(&r, 50 * MS);
	send_at(&r, 51 * MS + span);
	for (int i = 0; i < 3; i++)
		send_at(&r, 52 * MS + span);
	o = ack(&r, 92 * MS + span, 5, 5, 0);
	cr_assert_eq(o.lost_packets, 2);
	cr_assert(o.persistent);
	p2v_recovery_fini(&r);

	/* one that arrived between them breaks the run */
	p2v_recovery_init(&r, settle, &f);
	send_at(&r, 0);
	(void)ack(&r, 40 * MS, 0, 0, 0);
	send_at(&r, 50 * MS);
	send_at(&r, 60 * MS);
	send_at(&r, 51 * MS + span);
	for (int i = 0; i < 3; i++)
		send_at(&r, 52 * MS + span);
	(void)ack(&r, 90 * MS, 2, 2, 0);
	o = ack(&r, 92 * MS + span, 6, 6, 0);
	cr_assert_eq(o.lost_packets, 2);
	cr_assert(!o.persistent);
	p2v_recovery_fini(&r);

	/* nor is what left before the first sample counted */
	p2v_recovery_init(&r, settle, &f);
	send_at(&r, 0);
	send_at(&r, 2000 * MS);
	send_at(&r, 2000 * MS);
	send_at(&r, 2000 * MS);
	send_at(&r, 2000 * MS);
	o = ack(&r, 2040 * MS, 4, 4, 0);
	cr_assert_eq(o.lost_packets, 2);
	cr_assert(!o.persistent);
	p2v_recovery_fini(&r);
}

/* A packet that was declared lost arrives: the thresholds grow, and nothing breaks. */
Test(recovery, late_packets_widen_the_thresholds)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;
	struct p2v_outcome o;

	p2v_recovery_init(&r, settle, &f);
	for (int i = 0; i < 8; i++)
		send_at(&r, 0);
	o = ack(&r, 40 * MS, 5, 5, 0);
	cr_assert_eq(o.lost_packets, 3, "0, 1 and 2");
	o = ack(&r, 41 * MS, 0, 5, 0);
	cr_assert_eq(r.spurious, 3);
	cr_assert_eq(r.packet_threshold, 6);
	cr_assert_eq(f.lost[0], 1);
	cr_assert_eq(f.acked[0], 0, "what it carried has gone again already");
	cr_assert_eq(f.acked[3], 1);
	(void)ack(&r, 42 * MS, 0, 5, 0);
	cr_assert_eq(r.spurious, 3, "counted once");
	for (int i = 0; i < 8; i++)
		send_at(&r, 100 * MS);
	o = ack(&r, 140 * MS, 12, 12, 0);
	cr_assert_eq(o.lost_packets, 2, "6 is six behind, 7 is too old");
	cr_assert(!f.lost[8] && !f.lost[9], "three behind is near now");
	p2v_recovery_fini(&r);
}

Test(recovery, acks_of_what_was_never_sent)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_frame_ack a = { .n = 1, .range = { { 0, 2 } } };
	struct p2v_recovery r;
	struct p2v_outcome o;
	struct p2v_err err;

	p2v_recovery_init(&r, settle, &f);
	cr_assert_eq(p2v_recovery_ack(&r, &a, 0, 1, &o, &err), P2V_EPROTO);
	send_at(&r, 7);
	cr_assert_eq(p2v_recovery_ack(&r, &a, 0, 9, &o, &err), P2V_EPROTO);
	cr_assert(strstr(err.text, "never sent"));
	a.range[0].hi = 1;
	cr_assert_eq(p2v_recovery_ack(&r, &a, 0, 9, &o, &err), P2V_EPROTO);
	cr_assert(strstr(err.text, "cannot have seen"));
	cr_assert_eq(f.acked[0], 0);
	a.echo = 7;
	cr_assert_eq(p2v_recovery_ack(&r, &a, 0, 9, &o, &err), P2V_OK);
	cr_assert_eq(f.acked[0], 1);
	cr_assert_eq(p2v_recovery_ack(&r, &a, 0, 10, &o, &err), P2V_OK, "again is no news");
	cr_assert_eq(o.acked_bytes, 0);
	p2v_recovery_fini(&r);
}

/* One-way delay: the remote's clock at arrival less ours at departure, whatever lies between them.
 */
Test(recovery, one_way_delay)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_frame_ack a = {
		.n = 1, .delay = 3000, .echo = 0xfffffff0, .range = { { 0, 1 } }
	};
	struct p2v_recovery r;
	struct p2v_outcome o;

	p2v_recovery_init(&r, settle, &f);
	send_at(&r, 0xfffffff0);
	cr_assert_eq(p2v_recovery_ack(&r, &a, 3000 + 0x10, INT64_C(0x100010000), &o, NULL), P2V_OK);
	cr_assert_eq(o.owd, 0x20, "clocks that wrapped: %lld", (long long)o.owd);
	p2v_recovery_fini(&r);
}

/* Packets that ask for no ACK are not in flight, and hold nothing back. */
Test(recovery, acks_alone_cost_nothing)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;

	p2v_recovery_init(&r, settle, &f);
	for (int i = 0; i < 100000; i++) {
		cr_assert_eq(p2v_recovery_reserve(&r), P2V_OK);
		p2v_recovery_sent(&r, i, 60, false, 5);
	}
	cr_assert_eq(r.in_flight, 0);
	cr_assert_eq(r.sent_cap, 32, "and the ring stays small");
	cr_assert_eq(p2v_recovery_deadline(&r), P2V_NEVER);
	p2v_recovery_fini(&r);
}

Test(recovery, the_remote_knows_what_we_acknowledged)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;
	struct p2v_outcome o;

	p2v_recovery_init(&r, settle, &f);
	for (uint64_t i = 0; i < 3; i++) {
		cr_assert_eq(p2v_recovery_reserve(&r), P2V_OK);
		p2v_recovery_sent(&r, 0, SIZE, true, 10 * (i + 1));
	}
	o = ack(&r, 1000, 0, 1, 0);
	cr_assert_eq(o.ack_below, 20);
	p2v_recovery_fini(&r);
}

/* 10 packets a round trip of 100 ms: 120 kB/s, and what the application holds back does not count.
 */
Test(recovery, delivery_rate)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;
	p2v_usec now = 0;

	p2v_recovery_init(&r, settle, &f);
	cr_assert_eq(p2v_recovery_rate(&r), 0);
	for (int i = 0; i < 100; i++) {
		send_at(&r, now);
		if (i >= 10)
			(void)ack(&r, now, (uint64_t)i - 10, (uint64_t)i - 10, 0);
		now += 10 * MS;
	}
	cr_assert_eq(
		p2v_recovery_rate(&r), 120000, "%llu", (unsigned long long)p2v_recovery_rate(&r));
	for (int i = 100; i < 200; i++) {
		p2v_recovery_app_limited(&r);
		send_at(&r, now);
		(void)ack(&r, now, (uint64_t)i - 10, (uint64_t)i - 10, 0);
		now += 20 * MS;
	}
	cr_assert_eq(p2v_recovery_rate(&r), 120000);
	p2v_recovery_fini(&r);
}

/* Whatever order of sending, losing and acknowledging: each reference is settled once, and the
 * bytes in flight are those of the packets that are open. */
Test(recovery, every_packet_is_settled_once)
{
	struct p2v_random rnd;

	p2v_random_init(&rnd, 5, "recovery");
	for (int round = 0; round < 200; round++) {
		static struct fates f;
		struct p2v_recovery r;
		p2v_usec now = 0;

		f = (struct fates){ { 0 }, { 0 }, { 0 } };
		p2v_recovery_init(&r, settle, &f);
		while (r.next < 2000) {
			uint64_t burst = p2v_random_below(&rnd, 20), hi, lo;
			struct p2v_outcome o;

			now += (p2v_usec)p2v_random_below(&rnd, 5000);
			while (burst--)
				send_at(&r, now);
			if (r.next == r.oldest || p2v_random_below(&rnd, 8) == 0)
				continue;
			now += 1 + (p2v_usec)p2v_random_below(&rnd, 20000);
			hi = r.oldest + p2v_random_below(&rnd, r.next - r.oldest);
			lo = hi - p2v_random_below(&rnd, hi < 12 ? hi + 1 : 12);
			(void)ack(&r, now, lo, hi, 0);
			if (p2v_random_below(&rnd, 4) == 0)
				(void)p2v_recovery_timeout(&r, now, &o);
			cr_assert_eq(r.in_flight, (uint64_t)r.open * SIZE);
		}
		for (uint64_t i = 0; i < r.next; i++)
			cr_assert(f.acked[i] + f.lost[i] <= 1);
		for (uint64_t i = 0; i < r.oldest; i++)
			cr_assert_eq(f.acked[i] + f.lost[i], 1);
		p2v_recovery_fini(&r);
	}
}

/* RFC 9000 14.4: what is lost of probes for the path's MTU is no sign of congestion. */
Test(recovery, probes_for_the_mtu)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;
	struct p2v_outcome o;

	p2v_recovery_init(&r, settle, &f);
	for (int round = 0; round < 2; round++) {
		uint64_t first = r.next;

		cr_assert_eq(p2v_recovery_reserve(&r), P2V_OK);
		p2v_recovery_sent(&r, 0, 1472, true, 0);
		p2v_recovery_mtu_probe(&r);
		for (int i = 0; i < 4; i++)
			send_at(&r, 0);
		cr_assert_eq(r.in_flight, 1472 + 4 * SIZE);
		o = ack(&r, 40 * MS, round ? first : first + 1, first + 4, 0);
		cr_assert_eq(o.probe_acked, round ? 1472 : 0);
		cr_assert_eq(o.probe_lost, round ? 0 : 1472);
		cr_assert_eq(o.lost_packets, 0);
		cr_assert_eq(o.lost_bytes, 0);
		cr_assert_eq(r.in_flight, 0);
	}
	cr_assert_eq(r.lost_bytes, 0);
	p2v_recovery_fini(&r);
}

/* Full packets that vanish count only while no later one arrives. */
Test(recovery, full_packets_that_vanish)
{
	struct fates f = { { 0 }, { 0 }, { 0 } };
	struct p2v_recovery r;
	struct p2v_outcome o;

	p2v_recovery_init(&r, settle, &f);
	r.full = 1400;
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(p2v_recovery_reserve(&r), P2V_OK);
		p2v_recovery_sent(&r, 0, 1450, true, 0);
	}
	for (int i = 0; i < 4; i++)
		send_at(&r, 0);
	o = ack(&r, 40 * MS, 3, 6, 0);
	cr_assert_eq(o.full_lost, 3);
	cr_assert(!o.full_acked);
	cr_assert_eq(o.lost_packets, 3, "they may have been lost to congestion, too");
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(p2v_recovery_reserve(&r), P2V_OK);
		p2v_recovery_sent(&r, 50 * MS, 1450, true, 0);
	}
	o = ack(&r, 90 * MS, 11, 11, 0);
	cr_assert(o.full_acked);
	cr_assert_eq(o.lost_packets, 2);
	cr_assert_eq(o.full_lost, 0, "a later one arrived");
	p2v_recovery_fini(&r);
}
