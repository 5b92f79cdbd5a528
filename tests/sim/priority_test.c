/* priority_test.c - which priorities partners are asked for: a transfer's own is divided among its
 * connections, and rises as its time runs out. The calls that carry it are watched on their way
 * from room to room (the linker's --wrap). */
#include <criterion/criterion.h>

#include <stdio.h>

#include "framework/delivery/transfer.h"
#include "tests/sim/swarm_rig.h"

TestSuite(priority, .timeout = 300, .init = rig_init, .fini = rig_fini);

/* ---- what is watched ---- */

enum { ASKS = 64 };

/** PRIORITY frames that one look at a fragment gave rise to. */
static struct {
	const struct p2v_stream *stream[ASKS];
	double priority[ASKS];
	size_t n;
} sent;

static struct {
	unsigned spread[4];   /* times that a fragment came from so many partners at once */
	unsigned moves;       /* PRIORITY frames, … */
	unsigned looks;       /* … and occasions for one */
	unsigned late;        /* looks at what is asked for when little time was left */
	unsigned early, idle; /* … at what is far ahead; of those, gentle ones */
	unsigned wrong;       /* parts that are not what they should be */
	unsigned untold;      /* parts that were moved, and no frame said so */
	double least, most;   /* of all priorities */
	double worst_sum;     /* of one transfer's parts, above what it may be */
} seen;

void __real_p2v_stream_request_priority(struct p2v_stream *t, double priority, p2v_usec deadline);
void __wrap_p2v_stream_request_priority(struct p2v_stream *t, double priority, p2v_usec deadline);
void __real_p2v_ask_urgency(struct p2v_fragment *f);
void __wrap_p2v_ask_urgency(struct p2v_fragment *f);

void __wrap_p2v_stream_request_priority(struct p2v_stream *t, double priority, p2v_usec deadline)
{
	cr_assert_lt(sent.n, ASKS);
	sent.stream[sent.n] = t;
	sent.priority[sent.n++] = priority;
	__real_p2v_stream_request_priority(t, priority, deadline);
}

static bool was_told(const struct p2v_ask *a)
{
	for (size_t i = 0; i < sent.n; i++)
		if (sent.stream[i] == a->stream && sent.priority[i] == a->priority)
			return true;
	return false;
}

/* What a partner was told last is near enough to what it should be for no frame to be due. */
static bool near(double told, double part)
{
	return part <= told * P2V_ASK_RISE * 1.001 && part >= told * P2V_ASK_FALL * 0.999;
}

static void note_time(const struct p2v_fragment *f)
{
	p2v_usec left = p2v_plan_latest(f) - p2v_now(&f->d->node->world);

	seen.least = f->priority < seen.least ? f->priority : seen.least;
	seen.most = f->priority > seen.most ? f->priority : seen.most;
	if (f->asked != P2V_UNKNOWN) {
		seen.late += left < 500 * P2V_MSEC && f->priority > 2;
	} else if (left > 15 * P2V_SECOND && f->rendition &&
		   f->t > f->rendition->position + f->dur) {
		seen.early++;
		seen.idle += f->priority < 0.4;
	}
}

/* Each ask's part, as its partner knows it: by the request, or by PRIORITY since. */
void __wrap_p2v_ask_urgency(struct p2v_fragment *f)
{
	size_t n = p2v_ask_partners(f), k = 0;
	double before[ASKS], sum = 0, part;

	P2V_LIST_EACH (it, &f->asks) {
		cr_assert_lt(k, ASKS);
		before[k++] = P2V_OF(it, struct p2v_ask, in_fragment)->priority;
	}
	sent.n = 0;
	__real_p2v_ask_urgency(f);
	if (n == 0)
		return;
	/* Never among fewer than bring it. */
	part = p2v_ask_part(f);
	cr_assert_leq(part, p2v_ask_share(f->priority, n) * 1.001);
	k = 0;
	P2V_LIST_EACH (it, &f->asks) {
		const struct p2v_ask *a = P2V_OF(it, struct p2v_ask, in_fragment);
		bool first = true;

		seen.untold += a->priority != before[k++] && !was_told(a);
		seen.wrong += !near(a->priority, part);
		for (struct p2v_list *b = f->asks.next; b != it; b = b->next)
			first &= P2V_OF(b, struct p2v_ask, in_fragment)->mate != a->mate;
		sum += first ? a->priority : 0;
	}
	seen.spread[n < 3 ? n : 3]++;
	seen.moves += (unsigned)sent.n;
	seen.looks += (unsigned)k;
	/* Nobody was told to fall by less than P2V_ASK_FALL. */
	sum -= f->priority / P2V_ASK_FALL;
	seen.worst_sum = sum > seen.worst_sum ? sum : seen.worst_sum;
	note_time(f);
}

/* ---- the rule ---- */

Test(priority, a_part_for_each_connection)
{
	static const struct {
		double p;
		size_t n;
		double part;
	} cases[] = { { 4, 0, 4 }, { 4, 1, 4 }, { 4, 4, 1 }, { 3, 2, 1.5 }, { 1, 8, 0.125 },
		/* Whoever waits is no scavenger, however many bring it. */
		{ 1, 20, 0.1 }, { 0.15, 2, 0.1 }, { 0.1, 3, 0.1 },
		/* One is a scavenger by its own will, and stays so. */
		{ 0.09, 1, 0.09 }, { 0.09, 3, 0.03 }, { 0, 3, 0 } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_assert_float_eq(p2v_ask_share(cases[i].p, cases[i].n), cases[i].part, 1e-9,
			"%g among %zu: %g", cases[i].p, cases[i].n,
			p2v_ask_share(cases[i].p, cases[i].n));
}

/* ---- in an event ---- */

static void tell(void)
{
	(void)fprintf(stderr,
		"# from 1, 2, 3 partners: %u %u %u; priorities %.3f to %.3f, moved %u times; late %u; far ahead %u, gently %u\n",
		seen.spread[1], seen.spread[2], seen.spread[3], seen.least, seen.most, seen.moves,
		seen.late, seen.early, seen.idle);
}

/* All connections of a transfer together weigh what it would weigh on one, whatever comes and goes.
 */
Test(priority, connections_of_one_transfer_share_it)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewers = 6;
	conf.viewer_link.up = 500000;
	conf.viewer_link.down = 2500000;
	rig_play(&conf, 60 * P2V_SECOND, &r, NULL);
	tell();
	cr_assert_gt(seen.spread[2], 100);
	cr_assert_gt(seen.spread[3], 100);
	cr_assert_gt(seen.moves, 100);
	cr_assert_eq(seen.wrong, 0);
	cr_assert_eq(seen.untold, 0);
	/* Where parts would be a scavenger's they are more: three times 0.1 for 0.1 at most. */
	cr_assert_leq(seen.worst_sum, 0.25, "%.3f", seen.worst_sum);
	/* What is worth no frame gets none. */
	cr_assert_lt(seen.moves, seen.looks / 5);
	cr_assert_gt(seen.late, 0);
	cr_assert_leq(seen.most, 4);
}

/* Somebody who comes late to a film fetches far ahead, gently; what is needed now, urgently. */
Test(priority, it_rises_as_time_runs_out)
{
	struct p2v_swarm_conf conf = rig_conf();
	struct p2v_swarm_result r;

	conf.viewers = 4;
	conf.apart = 6 * P2V_SECOND;
	conf.origin.encoder.live = false;
	conf.origin.encoder.fragments = 60;
	seen.least = 4;
	rig_play(&conf, 80 * P2V_SECOND, &r, NULL);
	tell();
	cr_assert_eq(r.stalls, 0);
	cr_assert_gt(seen.early, 20);
	cr_assert_geq(seen.idle + seen.early / 20, seen.early);
	cr_assert_lt(seen.least, 0.3);
	cr_assert_gt(seen.most, 1.5);
}
