/* pipe.c - connections of the virtual network: a window, pieces, and the order in which they
 * arrive.
 *
 * What is modelled: bytes cross both machines' links behind whatever else is there, in pieces of at
 * most 16 KiB with a 52 B header for each 1448 B; propagation delay; slow start from 10 segments,
 * as many bytes again for each byte acknowledged, up to 4 MiB (RFC 5681, RFC 6928), back to 10
 * after an idle time longer than a time-out. A piece that meets a full queue, or chance loss, is
 * not lost but marked, as by ECN: its acknowledgement halves the window, at most once a window (RFC
 * 3168), and from there on it grows by a segment a round trip. So streams share a bottleneck as
 * Reno's do, and leave its queue about as long as it is. What is not: retransmission, delayed
 * acknowledgements and their bytes, the receiver's window (a reader that pauses holds back
 * acknowledgements instead), and a window for requests. */
#include "sdk/sim/pipe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENT = 1448, SEGMENT_HEADER = 52 }; /* [B] Ethernet's 1500 with IP, TCP, time stamps */
enum { PIECE = 16 * 1024, WINDOW_START = 10 * SEGMENT, WINDOW_MAX = 4 << 20 };
#define IDLE_MAX   (60 * P2V_SECOND) /* [us] an unused connection is kept */
#define IDLE_RESET (200 * P2V_MSEC)  /* [us] beside a round trip: the least time-out of Linux */

/* ---- headers ---- */

size_t p2v_pipe_wire(size_t n)
{
	return n + (n ? (n + SEGMENT - 1) / SEGMENT : 1) * SEGMENT_HEADER;
}

size_t p2v_headers_size(const struct p2v_header *v, size_t n, size_t *wire)
{
	size_t size = 0;

	for (size_t i = 0; i < n; i++) {
		size += v[i].name.n + v[i].value.n + 2;
		*wire += v[i].name.n + v[i].value.n + 4; /* ": " and the line's end */
	}
	return size;
}

static struct p2v_str copy_text(struct p2v_str s, char **text)
{
	char *at = *text;

	if (s.n)
		memcpy(at, s.p, s.n);
	at[s.n] = 0;
	*text += s.n + 1;
	return (struct p2v_str){ at, s.n };
}

char *p2v_headers_copy(struct p2v_header *out, const struct p2v_header *v, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++) {
		out[i].name = copy_text(v[i].name, &text);
		out[i].value = copy_text(v[i].value, &text);
	}
	return text;
}

/* ---- life ---- */

static p2v_usec round_trip(const struct p2v_pipe *st)
{
	return 2 * p2v_path_delay(st->client, st->server);
}

static void piece_free(struct p2v_piece *k)
{
	struct p2v_pipe *st = k->stream;

	p2v_list_remove(&k->at);
	p2v_slice_drop(&k->body);
	free(k->head);
	p2v_pools_give(&st->sim->pools, k, sizeof *k);
	p2v_pipe_unref(st);
}

static struct p2v_piece *piece_new(struct p2v_pipe *st, enum p2v_piece_kind kind)
{
	struct p2v_piece *k = p2v_pools_take(&st->sim->pools, sizeof *k);

	if (!k)
		return NULL;
	p2v_list_init(&k->at);
	k->stream = st;
	k->kind = kind;
	st->refs++;
	return k;
}

static void left(struct p2v_event *e, bool dropped)
{
	struct p2v_pipe *st = P2V_OF(e, struct p2v_pipe, leave);

	if (!dropped && st->x)
		p2v_exchange_lost(st->x, true);
	p2v_pipe_unref(st);
}

static const struct p2v_event_kind left_kind = { .run = left };

struct p2v_pipe *p2v_pipe_new(struct p2v_machine *client, struct p2v_machine *server,
	const struct p2v_addr *to, bool secure, uint64_t server_id)
{
	struct p2v_pipe *st = calloc(1, sizeof *st);

	if (!st)
		return NULL;
	st->sim = client->sim;
	st->client = client;
	st->server = server;
	st->from = client == server ? p2v_addr_v4(0x7f000001, 0) : client->ip;
	st->from.port = p2v_machine_port(client);
	st->to = *to;
	st->id = ++client->sim->ids;
	st->server_id = server_id;
	st->refs = 1;
	st->secure = secure;
	st->cwnd = WINDOW_START;
	st->ssthresh = UINT64_MAX;
	p2v_list_init(&st->queue);
	p2v_list_push(&client->connections, &st->in_client);
	p2v_list_push(&server->serves, &st->in_server);
	p2v_event_init(&st->leave, st->sim, server, &left_kind);
	p2v_pipe_flow_init(st);
	return st;
}

void p2v_pipe_unref(struct p2v_pipe *st)
{
	assert(st->refs > 0);
	if (--st->refs)
		return;
	p2v_list_remove(&st->in_client);
	p2v_list_remove(&st->in_server);
	p2v_pipe_flow_fini(st);
	free(st);
}

static bool resting(const struct p2v_pipe *st)
{
	return !st->closed && !st->fetch && !st->x && p2v_list_empty(&st->queue);
}

struct p2v_pipe *p2v_pipe_idle(
	struct p2v_machine *client, const struct p2v_addr *to, bool secure, uint64_t server_id)
{
	p2v_usec now = client->sim->now;
	struct p2v_pipe *found = NULL;

	P2V_LIST_EACH (it, &client->connections) {
		struct p2v_pipe *st = P2V_OF(it, struct p2v_pipe, in_client);

		if (!resting(st))
			continue;
		if (now - st->idle_since > IDLE_MAX)
			p2v_pipe_leave(st);
		else if (st->server_id == server_id && st->secure == secure &&
			 p2v_addr_equal(&st->to, to))
			found = st;
	}
	return found;
}

void p2v_pipe_rest(struct p2v_pipe *st)
{
	st->fetch = NULL;
	st->idle_since = st->sim->now;
	if (!st->closed && !resting(st))
		p2v_pipe_leave(st);
}

void p2v_pipe_leave(struct p2v_pipe *st)
{
	st->fetch = NULL;
	if (st->closed)
		return;
	st->closed = true;
	/* The reference of the client's end goes over to the event. */
	p2v_event_at(&st->leave, st->sim->now + p2v_path_delay(st->client, st->server));
}

/* ---- client to server ---- */

static void call_run(struct p2v_event *e, bool dropped)
{
	struct p2v_sim_call *c = P2V_OF(e, struct p2v_sim_call, event);
	struct p2v_pipe *st = c->stream;

	if (!dropped && !st->closed)
		p2v_httpd_request(st, c);
	free(c);
	p2v_pipe_unref(st);
}

static const struct p2v_event_kind call_kind = { .run = call_run };

static void call_arrive(struct p2v_event *e, bool dropped)
{
	struct p2v_sim_call *c = P2V_OF(e, struct p2v_sim_call, event);
	struct p2v_pipe *st = c->stream;
	p2v_usec at = st->sim->now;

	if (dropped || st->server->dead) {
		free(c);
		p2v_pipe_unref(st);
		return;
	}
	if (st->client != st->server) {
		at = p2v_link_pass(st->server, false, c->wire, false);
		st->server->count.stream_received_bytes += c->wire;
	}
	p2v_event_init(e, st->sim, st->server, &call_kind);
	p2v_event_at(e, at);
}

static const struct p2v_event_kind call_arrive_kind = { .run = call_arrive };

void p2v_pipe_ask(struct p2v_pipe *st, struct p2v_sim_call *c)
{
	p2v_usec at = st->sim->now;

	c->stream = st;
	c->wire = p2v_pipe_wire(c->wire);
	st->refs++;
	if (st->sim->flows) {
		p2v_event_init(&c->event, st->sim, st->server, &call_kind);
		p2v_pipe_flow_call(c);
		return;
	}
	if (st->client != st->server) {
		at = p2v_link_pass(st->client, true, c->wire, false);
		st->client->count.stream_sent_bytes += c->wire;
	}
	p2v_event_init(&c->event, st->sim, NULL, &call_arrive_kind);
	p2v_event_at(&c->event, at + p2v_path_delay(st->client, st->server));
}

/* ---- server to client ---- */

void p2v_pipe_deliver(struct p2v_piece *k, bool dropped)
{
	if (dropped || !k->stream->fetch)
		piece_free(k);
	else
		p2v_fetch_take(k->stream->fetch, k);
}

static void delivered(struct p2v_event *e, bool dropped)
{
	struct p2v_piece *k = P2V_OF(e, struct p2v_piece, event);

	k->stream->passing--;
	p2v_pipe_deliver(k, dropped);
}

static const struct p2v_event_kind delivered_kind = { .run = delivered };

/* The piece is before the client's link. */
static void arrived(struct p2v_event *e, bool dropped)
{
	struct p2v_piece *k = P2V_OF(e, struct p2v_piece, event);
	struct p2v_pipe *st = k->stream;
	struct p2v_machine *m = st->client;
	p2v_usec at = st->sim->now;

	if (dropped || m->dead) {
		piece_free(k);
		return;
	}
	if (m != st->server && k->wire) {
		k->marked |= m->link.queue && p2v_link_waiting(m, false) + k->wire > m->link.queue;
		at = p2v_link_pass(m, false, k->wire, false);
		m->count.stream_received_bytes += k->wire;
	}
	st->passing++;
	p2v_event_init(e, st->sim, m, &delivered_kind);
	if (st->passing == 1 && at <= st->sim->now && !m->frozen) {
		delivered(e, false);
		return;
	}
	st->delivery = at > st->delivery ? at : st->delivery + st->sim->apart;
	p2v_event_at(e, st->delivery);
}

static const struct p2v_event_kind arrived_kind = { .run = arrived };

/* Whether chance would have lost one of the piece's segments. */
static bool unlucky(struct p2v_pipe *st, size_t n)
{
	double p = st->server->link.loss;
	bool hit = false;

	for (size_t i = 0; p > 0 && i < n; i += SEGMENT)
		hit |= p2v_random_unit(&st->sim->network) < p;
	return hit;
}

static void launch(struct p2v_piece *k, size_t wire)
{
	struct p2v_pipe *st = k->stream;
	struct p2v_machine *m = st->server;
	p2v_usec at;

	if (st->sim->flows) {
		p2v_pipe_flow_send(k, wire);
		return;
	}
	st->left = st->sim->now;
	if (m != st->client && wire) {
		k->wire = wire;
		k->marked = (m->link.queue && p2v_link_waiting(m, true) + wire > m->link.queue) ||
			    unlucky(st, k->body.n);
		st->left = p2v_link_pass(m, true, wire, false);
		m->count.stream_sent_bytes += wire;
	}
	at = st->left + p2v_path_delay(st->client, m);
	st->arrival = at > st->arrival ? at : st->arrival + st->sim->apart;
	p2v_event_init(&k->event, st->sim, NULL, &arrived_kind);
	p2v_event_at(&k->event, st->arrival);
}

/* The next piece that the window lets go, taken from the queue. NULL: none, or no memory. */
static struct p2v_piece *next_piece(struct p2v_pipe *st)
{
	struct p2v_list *first = p2v_list_first(&st->queue);
	struct p2v_piece *k = first ? P2V_OF(first, struct p2v_piece, at) : NULL;
	uint64_t room = st->cwnd > st->inflight ? st->cwnd - st->inflight : 0, want, n;

	if (!k)
		return NULL;
	/* No crumbs: wait until an eighth of the window is free, if there is that much to send. */
	want = st->cwnd / 8 < PIECE ? st->cwnd / 8 : PIECE;
	if (room < want && room < st->queued)
		return NULL;
	n = k->body.n < PIECE ? k->body.n : PIECE;
	return p2v_pipe_take(k, n < room ? n : room);
}

struct p2v_piece *p2v_pipe_take(struct p2v_piece *k, uint64_t n)
{
	struct p2v_piece *part;

	if (n >= k->body.n) {
		p2v_list_remove(&k->at);
		return k;
	}
	part = piece_new(k->stream, P2V_PIECE_BODY);
	if (part) {
		part->body = p2v_slice_sub(k->body, 0, (size_t)n);
		k->body.p += n;
		k->body.n -= (size_t)n;
	}
	return part;
}

static void pump(struct p2v_pipe *st)
{
	struct p2v_piece *k;

	if (st->sim->flows) {
		p2v_pipe_flow_pump(st);
		if (st->x)
			p2v_exchange_progress(st->x);
		return;
	}
	/* Who has not sent for a while knows the path no longer (RFC 5681 4.1). */
	if (st->inflight == 0 && st->cwnd > WINDOW_START &&
		st->sim->now - st->sent_at > round_trip(st) + IDLE_RESET)
		st->cwnd = WINDOW_START;
	while ((k = next_piece(st))) {
		size_t n = k->body.n;

		k->seq = st->sent;
		st->queued -= n;
		st->inflight += n;
		st->sent += n;
		launch(k, p2v_pipe_wire(n));
		st->sent_at = st->left;
	}
	if (st->x)
		p2v_exchange_progress(st->x);
}

/* RFC 5681 3.1, with RFC 7661's rule that a window which is not used does not grow. */
static void acknowledged(struct p2v_event *e, bool dropped)
{
	struct p2v_piece *k = P2V_OF(e, struct p2v_piece, event);
	struct p2v_pipe *st = k->stream;
	uint64_t n = k->wire, before = st->inflight;

	st->inflight -= n;
	if (k->marked && k->seq >= st->recover) {
		st->cwnd = st->cwnd / 2 > 2 * SEGMENT ? st->cwnd / 2 : 2 * SEGMENT;
		st->ssthresh = st->cwnd;
		st->recover = st->sent;
	} else if (before * 2 > st->cwnd) {
		st->cwnd += st->cwnd < st->ssthresh ? n : n * SEGMENT / st->cwnd;
		st->cwnd = st->cwnd < WINDOW_MAX ? st->cwnd : WINDOW_MAX;
	}
	if (!dropped && !st->closed)
		pump(st);
	piece_free(k);
}

static const struct p2v_event_kind acknowledged_kind = { .run = acknowledged };

void p2v_pipe_consumed(struct p2v_piece *k)
{
	struct p2v_pipe *st = k->stream;

	if (st->closed || k->kind != P2V_PIECE_BODY) {
		piece_free(k);
		return;
	}
	p2v_list_remove(&k->at);
	if (st->sim->flows) {
		st->inflight -= k->body.n < st->inflight ? k->body.n : st->inflight;
		if (st->queued && !st->sender.flow.runs)
			pump(st);
		piece_free(k);
		return;
	}
	k->wire = k->body.n;
	p2v_slice_drop(&k->body);
	p2v_event_init(&k->event, st->sim, NULL, &acknowledged_kind);
	p2v_event_at(&k->event, st->sim->now + p2v_path_delay(st->client, st->server));
}

int p2v_pipe_head(struct p2v_pipe *st, struct p2v_sim_head *head)
{
	struct p2v_piece *k = piece_new(st, P2V_PIECE_HEAD);

	if (!k) {
		free(head);
		return P2V_ENOMEM;
	}
	k->head = head;
	launch(k, p2v_pipe_wire(head->wire));
	return P2V_OK;
}

int p2v_pipe_body(struct p2v_pipe *st, struct p2v_slice s)
{
	struct p2v_piece *k = piece_new(st, P2V_PIECE_BODY);

	if (!k) {
		p2v_slice_drop(&s);
		return P2V_ENOMEM;
	}
	k->body = s;
	p2v_list_push(&st->queue, &k->at);
	st->queued += s.n;
	pump(st);
	return P2V_OK;
}

int p2v_pipe_end(struct p2v_pipe *st)
{
	struct p2v_piece *k = piece_new(st, P2V_PIECE_END);

	if (!k)
		return P2V_ENOMEM;
	launch(k, p2v_pipe_wire(0));
	return P2V_OK;
}

static void drop_queue(struct p2v_pipe *st)
{
	P2V_LIST_EACH (it, &st->queue)
		piece_free(P2V_OF(it, struct p2v_piece, at));
	st->queued = 0;
	p2v_pipe_flow_stop(st);
}

void p2v_pipe_cut(struct p2v_pipe *st)
{
	struct p2v_piece *k;

	st->refs++;
	drop_queue(st);
	st->x = NULL;
	/* An idle connection's client finds out when it next looks. */
	k = st->fetch ? piece_new(st, P2V_PIECE_CUT) : NULL;
	if (k)
		launch(k, 0);
	p2v_pipe_unref(st);
}

void p2v_pipe_abandon(struct p2v_pipe *st)
{
	bool held = !st->closed;

	st->refs++;
	st->fetch = NULL;
	st->closed = true;
	drop_queue(st);
	if (held)
		p2v_pipe_unref(st);
	p2v_pipe_unref(st);
}
