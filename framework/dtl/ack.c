/* ack.c - the receiver's side of acknowledgements: a bounded list of ranges, the newest of which
 * are told. */
#include "framework/dtl/ack.h"

#include <string.h>

void p2v_acks_init(struct p2v_acks *a, p2v_usec delay)
{
	*a = (struct p2v_acks){ .due = P2V_NEVER, .delay = delay, .every = P2V_ACK_EVERY };
}

uint64_t p2v_acks_expected(const struct p2v_acks *a)
{
	return a->n ? a->range[a->n - 1].hi : a->floor;
}

bool p2v_acks_seen(const struct p2v_acks *a, uint64_t number)
{
	if (number < a->floor)
		return true;
	for (size_t i = a->n; i-- > 0 && a->range[i].hi > number;)
		if (a->range[i].lo <= number)
			return true;
	return false;
}

static void drop_oldest(struct p2v_acks *a, size_t k)
{
	a->floor = a->range[k - 1].hi;
	a->n -= k;
	memmove(a->range, a->range + k, a->n * sizeof *a->range);
}

static void insert(struct p2v_acks *a, uint64_t number)
{
	size_t i = a->n;

	while (i > 0 && a->range[i - 1].lo > number)
		i--;
	/* Range i - 1 begins below number, range i above it. */
	if (i > 0 && a->range[i - 1].hi == number) {
		a->range[i - 1].hi++;
		if (i < a->n && a->range[i].lo == number + 1) {
			a->range[i - 1].hi = a->range[i].hi;
			a->n--;
			memmove(a->range + i, a->range + i + 1, (a->n - i) * sizeof *a->range);
		}
		return;
	}
	if (i < a->n && a->range[i].lo == number + 1) {
		a->range[i].lo--;
		return;
	}
	if (a->n == P2V_ACK_KEPT) {
		if (i == 0)
			return; /* older than all that are remembered; it will be sent again */
		drop_oldest(a, 1);
		i--;
	}
	memmove(a->range + i + 1, a->range + i, (a->n - i) * sizeof *a->range);
	a->range[i] = (struct p2v_span){ number, number + 1 };
	a->n++;
}

/* Where many packets come in a round trip, an eighth of them is acknowledged together, as
 * draft-ietf-quic-ack-frequency lets a sender ask for. */
static void measure(struct p2v_acks *a, p2v_usec now)
{
	p2v_usec took = now - a->turn_began;
	uint64_t every;

	a->turn++;
	if (took < a->rtt || a->rtt == 0)
		return;
	every = (uint64_t)a->turn * (uint64_t)a->rtt / (uint64_t)took / P2V_ACK_PARTS;
	a->every = every < P2V_ACK_EVERY  ? P2V_ACK_EVERY
		   : every > P2V_ACK_MOST ? P2V_ACK_MOST
					  : (uint32_t)every;
	a->turn = 0;
	a->turn_began = now;
}

/* @return [us] that what is owed may wait: the end of a burst is told of within an eighth of a
 * round trip */
static p2v_usec patience(const struct p2v_acks *a)
{
	p2v_usec part = a->rtt / P2V_ACK_PARTS;

	if (a->owed < P2V_ACK_EVERY)
		return a->delay;
	if (part < P2V_MSEC)
		part = P2V_MSEC;
	return part < a->delay ? part : a->delay;
}

void p2v_acks_got(struct p2v_acks *a, uint64_t number, uint32_t stamp, p2v_usec now, bool elicits)
{
	uint64_t expected = p2v_acks_expected(a);

	insert(a, number);
	if (number >= expected) {
		a->largest_time = now;
		a->largest_stamp = stamp;
	}
	if (!elicits)
		return;
	a->owed++;
	measure(a, now);
	if (number != expected)
		a->hurry = P2V_ACK_HURRY; /* a gap opened or closed: the sender wants to know, and
					     to count what comes after it; 13.2.1 */
	if (a->hurry) {
		a->hurry--;
		a->at_once = true;
	}
	if (a->due == P2V_NEVER || a->due > now + patience(a))
		a->due = now + patience(a);
}

bool p2v_acks_due(const struct p2v_acks *a, p2v_usec now)
{
	return a->owed && (a->at_once || a->owed >= a->every || now >= a->due);
}

bool p2v_acks_fill(const struct p2v_acks *a, p2v_usec now, struct p2v_frame_ack *out)
{
	if (a->n == 0)
		return false;
	out->delay = now - a->largest_time;
	out->echo = a->largest_stamp;
	out->n = a->n;
	for (size_t i = 0; i < a->n; i++)
		out->range[i] = a->range[a->n - 1 - i];
	return true;
}

void p2v_acks_told(struct p2v_acks *a)
{
	a->owed = 0;
	a->at_once = false;
	a->due = P2V_NEVER;
}

void p2v_acks_forget(struct p2v_acks *a, uint64_t below)
{
	size_t k = 0;

	/* The largest stays, for every ACK begins with it. */
	while (k + 1 < a->n && a->range[k].hi <= below)
		k++;
	if (k)
		drop_oldest(a, k);
	if (a->n && a->range[0].lo < below && a->range[0].hi > below) {
		a->range[0].lo = below;
		a->floor = below;
	}
}
