/* pipe_flow.c - connections of the virtual network at flow fidelity: a response's body is a flow
 * (sdk/sim/sender.h), requests and heads are messages beside it, and what a machine says to itself
 * costs one event for all that is said at once. */
#include "sdk/sim/pipe.h"

enum { SMALL = 4096 };                           /* [B] of a body that goes beside the flow */
enum { PARCEL_MIN = 16384, PARCEL_MAX = 65536 }; /* [B] that arrive at once */
enum { UNREAD_MAX = 1 << 20 };                   /* [B] on the way, or read by nobody yet */
#define PARCEL_TIME 0.005                        /* [s] what passes within it may arrive at once */
#define SEGMENT     1500.0
#define WIRE        (1500.0 / 1448.0)

static double wire(uint64_t n)
{
	return (double)n * WIRE;
}

static struct p2v_pipe *pipe_of(struct p2v_sender *w)
{
	return P2V_OF(w, struct p2v_pipe, sender);
}

/* ---- loopback ---- */

static void handed(struct p2v_event *e, bool dropped)
{
	struct p2v_pipe *st = P2V_OF(e, struct p2v_pipe, hand);
	struct p2v_list *it;

	st->refs++;
	while ((it = p2v_list_first(&st->arriving))) {
		struct p2v_piece *k = P2V_OF(it, struct p2v_piece, at);

		p2v_list_remove(it);
		p2v_pipe_deliver(k, dropped);
	}
	p2v_pipe_unref(st);
}

static void look_hand(const struct p2v_event *e, unsigned step)
{
	const struct p2v_pipe *st = P2V_OF((void *)(uintptr_t)e, struct p2v_pipe, hand);

	if (step == 0) {
		p2v_touch_lines(st, 5);
		p2v_touch(e->timer.owner);
	} else if (step == 1) {
		p2v_touch_lines(st->fetch, 4);
		p2v_touch_lines(st->arriving.next, 3);
	}
}

static const struct p2v_event_kind handed_kind = { .run = handed, .look = look_hand };

static void hand_over(struct p2v_piece *k)
{
	struct p2v_pipe *st = k->stream;

	p2v_list_push(&st->arriving, &k->at);
	if (!p2v_timer_armed(&st->hand.timer))
		p2v_event_at(&st->hand, st->sim->now + p2v_path_delay(st->client, st->server));
}

/* ---- the network ---- */

static void arrived(struct p2v_event *e, bool dropped)
{
	struct p2v_piece *k = P2V_OF(e, struct p2v_piece, event);

	p2v_pipe_deliver(k, dropped);
}

/* The piece, its connection and the fetch that reads it. */
static void look_piece(const struct p2v_event *e, unsigned step)
{
	const struct p2v_piece *k = P2V_OF((void *)(uintptr_t)e, struct p2v_piece, event);

	switch (step) {
	case 0:
		p2v_touch_lines(k, 3);
		p2v_touch_lines(k->stream, 5);
		p2v_touch(e->timer.owner);
		break;
	case 1:
		p2v_touch_lines(k->stream->fetch, 4);
		p2v_touch(k->head);
		p2v_touch(k->body.p);
		break;
	default: p2v_touch(k->body.buf); break;
	}
}

static const struct p2v_event_kind arrived_kind = { .run = arrived, .look = look_piece };

static void arrive_at(struct p2v_piece *k, p2v_usec at)
{
	struct p2v_pipe *st = k->stream;

	st->arrival = at > st->arrival ? at : st->arrival + st->sim->apart;
	st->left = st->sim->now;
	p2v_event_init(&k->event, st->sim, st->client, &arrived_kind);
	p2v_event_at(&k->event, st->arrival);
}

void p2v_pipe_flow_send(struct p2v_piece *k, size_t n)
{
	struct p2v_pipe *st = k->stream;

	if (st->client == st->server) {
		st->left = st->sim->now;
		hand_over(k);
		return;
	}
	st->server->count.stream_sent_bytes += n;
	st->client->count.stream_received_bytes += n;
	arrive_at(k, p2v_small_arrival(st->server, st->client, n));
}

void p2v_pipe_flow_call(struct p2v_sim_call *c)
{
	struct p2v_pipe *st = c->stream;

	if (st->client != st->server) {
		st->client->count.stream_sent_bytes += c->wire;
		st->server->count.stream_received_bytes += c->wire;
	}
	p2v_event_at(&c->event, p2v_small_arrival(st->client, st->server, c->wire));
}

/* ---- bodies ---- */

static double next(struct p2v_sender *w)
{
	const struct p2v_pipe *st = pipe_of(w);
	double most = w->flow.rate * PARCEL_TIME;
	uint64_t n = PARCEL_MIN;

	if (st->closed || st->queued == 0 || st->inflight >= UNREAD_MAX || st->server->dead ||
		st->client->dead)
		return 0;
	if (most > PARCEL_MIN)
		n = most < PARCEL_MAX ? (uint64_t)most : PARCEL_MAX;
	n = n < st->queued ? n : st->queued;
	return wire(n) - st->passed;
}

/* Send off the first n bytes of the queue. */
static void send_off(struct p2v_pipe *st, uint64_t n, p2v_usec at)
{
	struct p2v_list *it;

	st->queued -= n;
	st->inflight += n;
	st->sent += n;
	st->server->count.stream_sent_bytes += (uint64_t)wire(n);
	st->client->count.stream_received_bytes += (uint64_t)wire(n);
	while (n && (it = p2v_list_first(&st->queue))) {
		struct p2v_piece *k = p2v_pipe_take(P2V_OF(it, struct p2v_piece, at), n);

		if (!k)
			return; /* no memory: the reader will miss it and complain */
		n -= k->body.n;
		arrive_at(k, at);
	}
}

static void passed(struct p2v_sender *w, double bytes)
{
	struct p2v_pipe *st = pipe_of(w);
	uint64_t n;

	st->passed += bytes;
	w->backlog -= bytes;
	n = (uint64_t)((st->passed + 0.5) / WIRE);
	n = n < st->queued ? n : st->queued;
	if (n == 0)
		return;
	st->passed -= wire(n);
	st->passed = st->passed > 0 ? st->passed : 0;
	st->refs++;
	send_off(st, n, st->sim->now + p2v_path_delay(st->client, st->server));
	if (st->x)
		p2v_exchange_progress(st->x);
	p2v_pipe_unref(st);
}

static void look_goal(const struct p2v_sender *w, unsigned step)
{
	const struct p2v_pipe *st = pipe_of((struct p2v_sender *)(uintptr_t)w);

	if (step == 1) {
		p2v_touch_lines(st, 5);
	} else {
		p2v_touch_lines(st->x, 2);
		p2v_touch(st->queue.next);
	}
}

static const struct p2v_sender_kind kind = { .segment = SEGMENT,
	.initial = 10 * SEGMENT,
	.block = PARCEL_MIN, /* as pipe.c has it */
	.beta = 0.5,
	.alpha = 1,
	.chance = true,
	.idle = true,
	.next = next,
	.passed = passed,
	.look = look_goal };

void p2v_pipe_flow_init(struct p2v_pipe *st)
{
	p2v_list_init(&st->arriving);
	p2v_event_init(&st->hand, st->sim, st->client, &handed_kind);
	p2v_sender_init(&st->sender, &kind, st->server, st->client);
}

void p2v_pipe_flow_fini(struct p2v_pipe *st)
{
	p2v_event_cancel(&st->hand);
	p2v_sender_fini(&st->sender);
}

void p2v_pipe_flow_pump(struct p2v_pipe *st)
{
	struct p2v_list *it;

	if (st->client == st->server) {
		while ((it = p2v_list_first(&st->queue))) {
			p2v_list_remove(it);
			hand_over(P2V_OF(it, struct p2v_piece, at));
		}
		st->sent += st->queued;
		st->queued = 0;
		st->left = st->sim->now;
	} else if (st->queued && st->queued <= SMALL && p2v_sender_idle(&st->sender)) {
		send_off(st, st->queued,
			p2v_small_arrival(st->server, st->client, (size_t)wire(st->queued)));
	} else {
		st->sender.backlog = wire(st->queued) - st->passed;
		if (!st->sender.flow.runs)
			p2v_sender_push(&st->sender);
	}
}

uint64_t p2v_pipe_waiting(const struct p2v_pipe *st)
{
	uint64_t flight = st->sim->flows ? (uint64_t)(p2v_sender_in_flight(&st->sender) / WIRE) : 0;

	return flight < st->queued ? st->queued - flight : 0;
}

void p2v_pipe_flow_stop(struct p2v_pipe *st)
{
	st->passed = 0;
	st->sender.backlog = 0;
	p2v_sender_fini(&st->sender);
}
