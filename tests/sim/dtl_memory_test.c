/* dtl_memory_test.c - what one endpoint holds while others flood it, counted in bytes of the heap:
 * bounded by what sdk/doc/performance.md says, and given back afterwards. The network is the test
 * itself, which allocates nothing. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"
#include "framework/dtl/packet.h"
#include "tests/sim/dtl_certs.h"
#include "tests/sim/dtl_net.h"
#include "tests/sim/held.h"
#include "tests/unit/fake_world.h"

TestSuite(dtl_memory, .timeout = 300);

enum { SLOTS = 4096, ROOM = 2048, REMOTES = 4096, KB = 1024 };

struct p2v_udp {
	const struct p2v_udp_handler *handler;
	void *ctx;
};

struct slot {
	struct p2v_addr addr; /* of the remote */
	size_t n;
	uint8_t p[ROOM];
};

struct queue {
	struct slot slot[SLOTS];
	size_t first, n;
};

struct box;

/* A remote: a record layer, and packets that the test makes. */
struct remote {
	struct box *box;
	struct p2v_addr addr;
	struct p2v_record *record;
	struct p2v_record_up up;
	struct p2v_session *session; /* the endpoint's */
	uint64_t next;               /* number of its next packet */
	uint64_t top;                /* one above the largest that it saw */
	uint32_t stamp;
	uint64_t every; /* a dumb one acknowledges each so-many-th packet; 0: none */
	bool dumb, closed;
	uint64_t close_code;
	uint64_t max_data, max_stream, sent; /* [B] granted in all, on stream 0, and sent on it */
};

/* An endpoint and the world around it. */
struct box {
	struct fake_world base;
	struct p2v_world_ops ops;
	struct p2v_world world;
	struct p2v_udp udp;
	struct p2v_node node;
	struct p2v_policy cc;
	uint8_t cc_conf[NET_CONF];
	struct p2v_random random;
	p2v_usec hop;                   /* one way */
	struct p2v_sim_records *sim[2]; /* the endpoint's, the remotes' */
	struct p2v_dtls *dtls[2];
	struct p2v_records remotes;
	struct p2v_dtl *dtl;
	struct queue in, out; /* to the endpoint, and from it */
	struct remote remote[REMOTES];
	size_t n_remotes;
	uint64_t in_bytes, out_bytes;
	unsigned opened, closed;
	bool reads;
	struct authority ca;
	struct judge judge;
	struct shown shown;
	long before, most; /* [B] held, without the endpoint's guests */
};

/* ---- the network ---- */

static void queue_put(struct queue *q, const struct p2v_addr *addr, const void *p, size_t n)
{
	struct slot *s = &q->slot[(q->first + q->n) % SLOTS];

	cr_assert(q->n < SLOTS && n <= ROOM);
	s->addr = *addr;
	s->n = n;
	memcpy(s->p, p, n);
	q->n++;
}

static const struct slot *queue_get(struct queue *q)
{
	const struct slot *s = &q->slot[q->first];

	if (q->n == 0)
		return NULL;
	q->first = (q->first + 1) % SLOTS;
	q->n--;
	return s;
}

static struct box *box_of(void *self)
{
	return P2V_OF((struct fake_world *)self, struct box, base);
}

static int box_open(void *self, const struct p2v_addr *bind, const struct p2v_udp_handler *h,
	void *ctx, struct p2v_udp **out, struct p2v_addr *bound, struct p2v_err *err)
{
	struct box *b = box_of(self);

	(void)err;
	b->udp = (struct p2v_udp){ h, ctx };
	*bound = *bind;
	*out = &b->udp;
	return P2V_OK;
}

static size_t box_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n)
{
	struct box *b = box_of(self);

	(void)u;
	for (size_t i = 0; i < n; i++) {
		b->out_bytes += v[i].n;
		queue_put(&b->out, &v[i].addr, v[i].p, v[i].n);
	}
	return n;
}

static size_t box_segments(void *self, struct p2v_udp *u)
{
	(void)self;
	(void)u;
	return 1;
}

static void box_close(void *self, struct p2v_udp *u)
{
	(void)self;
	(void)u;
}

static void box_entropy(void *self, void *buf, size_t n)
{
	struct box *b = box_of(self);

	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)p2v_random_next(&b->random);
}

static struct p2v_addr remote_addr(size_t i)
{
	return p2v_addr_v4(0x0b000000u + (uint32_t)i, 4433);
}

/* @return the remote at an address; NULL: nobody */
static struct remote *find(struct box *b, const struct p2v_addr *a)
{
	for (size_t i = 0; i < b->n_remotes; i++)
		if (memcmp(&b->remote[i].addr, a, sizeof *a) == 0)
			return &b->remote[i];
	return NULL;
}

static void look(struct box *b)
{
	long now = held() - b->before;

	b->most = now > b->most ? now : b->most;
}

static void to_remotes(struct box *b)
{
	const struct slot *s;

	while ((s = queue_get(&b->out))) {
		struct remote *r = find(b, &s->addr);

		if (r && r->record)
			r->record->ops->input(r->record, s->p, s->n, &r->up);
	}
}

static void to_endpoint(struct box *b)
{
	const struct slot *s;

	while ((s = queue_get(&b->in))) {
		struct p2v_dgram d = { .addr = s->addr, .p = s->p, .n = s->n };

		b->in_bytes += s->n;
		b->udp.handler->received(b->udp.ctx, &d, 1);
		look(b);
	}
}

static void box_run(struct box *b, p2v_usec time)
{
	p2v_usec end = b->base.now + time;

	do {
		struct p2v_timer *t;
		p2v_usec due;

		to_remotes(b);
		to_endpoint(b);
		while ((t = p2v_timers_pop(&b->base.timers, b->base.now)))
			t->fire(t, b->base.now);
		due = p2v_timers_next(&b->base.timers);
		if (b->in.n || b->out.n)
			b->base.now += b->hop;
		else if (due > b->base.now)
			b->base.now = due < end ? due : end;
	} while (b->base.now < end);
}

/* ---- the endpoint's application ---- */

static void on_opened(void *ctx, struct p2v_session *s)
{
	struct box *b = ctx;
	struct p2v_session_info info;
	struct remote *r;

	b->opened++;
	p2v_session_info(s, &info);
	r = find(b, &info.addr);
	if (r)
		r->session = s;
}

static void on_closed(void *ctx, struct p2v_session *s, const struct p2v_err *why)
{
	(void)s;
	(void)why;
	((struct box *)ctx)->closed++;
}

static void on_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	(void)ctx;
	(void)s;
	(void)t;
}

static void on_readable(void *ctx, struct p2v_stream *t)
{
	const uint8_t *p;
	size_t n;

	while (((struct box *)ctx)->reads && (n = p2v_stream_peek(t, &p)) > 0)
		p2v_stream_consume(t, n);
}

static void on_writable(void *ctx, struct p2v_stream *t)
{
	(void)ctx;
	(void)t;
}

static void on_ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	(void)ctx;
	(void)t;
	(void)code;
	(void)reason;
}

static const struct p2v_dtl_handler handler = { .opened = on_opened,
	.closed = on_closed,
	.accepted = on_accepted,
	.readable = on_readable,
	.writable = on_writable,
	.ended = on_ended };

/* ---- the endpoint ---- */

static struct p2v_records dtls_records(struct box *b, int i)
{
	struct p2v_trust trust = judge_trust(&b->judge);

	cr_assert_eq(p2v_dtls_new(&b->node, &trust, &b->dtls[i], NULL), P2V_OK);
	cr_assert_eq(
		p2v_dtls_credentials(b->dtls[i], (struct p2v_bytes){ b->shown.key, b->shown.key_n },
			b->shown.chain, 2, NULL),
		P2V_OK);
	return p2v_dtls_records(b->dtls[i]);
}

static struct p2v_records sim_records(struct box *b, int i)
{
	struct p2v_id id = { { (uint8_t)i } };

	b->sim[i] = p2v_sim_records_new(&b->node, &id, P2V_IS_PEER, NULL);
	cr_assert(b->sim[i]);
	return p2v_sim_records(b->sim[i]);
}

static struct box *box_new(bool dtls, const struct p2v_dtl_conf *conf)
{
	const struct p2v_plugin *cc = &p2v_cc_dtl_LTX_p2v_plugin;
	struct p2v_dtl_conf usual = net_conf();
	struct p2v_addr bind = { .port = 4433 };
	struct box *b = calloc(1, sizeof *b);
	struct p2v_records own;

	cr_assert(b);
	b->ops = fake_world_ops;
	b->ops.udp_open = box_open;
	b->ops.udp_send = box_send;
	b->ops.udp_segments = box_segments;
	b->ops.udp_close = box_close;
	b->ops.entropy = box_entropy;
	b->world = (struct p2v_world){ &b->ops, &b->base };
	b->base.now = P2V_SECOND;
	b->hop = P2V_MSEC / 10;
	p2v_random_init(&b->random, 1, "box");
	p2v_node_init(&b->node, &b->world, 1);
	authority_make(&b->ca, "P-256");
	shown_make(&b->shown, &b->ca, "P-256", -2000000000, 2000000000);
	b->judge = (struct judge){ .authority = &b->ca, .world = &b->world };
	cr_assert_eq(p2v_options_default(cc->options, cc->option_size, b->cc_conf, NULL), P2V_OK);
	p2v_policy_init(&b->cc, &b->node, cc, b->cc_conf);
	own = dtls ? dtls_records(b, 0) : sim_records(b, 0);
	b->remotes = dtls ? dtls_records(b, 1) : sim_records(b, 1);
	b->reads = true;
	cr_assert_eq(p2v_dtl_new(&b->node, conf ? conf : &usual, &own, &b->cc, &bind, &handler, b,
			     &b->dtl, NULL),
		P2V_OK);
	return b;
}

static void box_free(struct box *b)
{
	p2v_dtl_free(b->dtl);
	for (size_t i = 0; i < b->n_remotes; i++)
		if (b->remote[i].record)
			b->remote[i].record->ops->free(b->remote[i].record);
	for (int i = 0; i < 2; i++) {
		p2v_sim_records_free(b->sim[i]);
		p2v_dtls_free(b->dtls[i]);
	}
	authority_fini(&b->ca);
	free(b);
}

/* From here on what is held counts. */
static void mark(struct box *b)
{
	b->before = held();
	b->most = 0;
}

/* ---- remotes ---- */

static void remote_emit(void *ctx, const uint8_t *p, size_t n)
{
	struct remote *r = ctx;

	queue_put(&r->box->in, &r->addr, p, n);
}

static void remote_frames(struct remote *r, const void *frames, size_t n)
{
	uint8_t buf[1400], out[ROOM];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);
	ptrdiff_t k;

	p2v_packet_begin(&w, r->next++, r->box->base.now);
	p2v_write_bytes(&w, frames, n);
	k = r->record->ops->seal(r->record, buf, p2v_written(&w), out, sizeof out);
	if (k > 0)
		remote_emit(r, out, (size_t)k);
}

static void remote_frame(struct remote *r, const struct p2v_frame *f)
{
	uint8_t buf[1400];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);

	if (p2v_frame_put(&w, f))
		remote_frames(r, buf, p2v_written(&w));
}

static void acknowledge(struct remote *r, uint64_t lo, uint64_t hi)
{
	struct p2v_frame ack = { .type = P2V_F_ACK,
		.u.ack = { .echo = r->stamp, .n = 1, .range = { { lo, hi } } } };

	remote_frame(r, &ack);
}

static void note_frame(struct remote *r, const struct p2v_frame *f)
{
	r->closed = r->closed || f->type == P2V_F_CLOSE;
	if (f->type == P2V_F_CLOSE)
		r->close_code = f->u.close.code;
	if (f->type == P2V_F_MAX_DATA && f->u.max.max > r->max_data)
		r->max_data = f->u.max.max;
	if (f->type == P2V_F_MAX_STREAM_DATA && f->u.max.id == 0 && f->u.max.max > r->max_stream)
		r->max_stream = f->u.max.max;
	if (f->type == P2V_F_SETTINGS && f->u.settings.max_stream_data > r->max_stream)
		r->max_stream = f->u.settings.max_stream_data;
}

static void remote_packet(void *ctx, const uint8_t *p, size_t n)
{
	struct remote *r = ctx;
	struct p2v_packet k;
	struct p2v_frame f;
	struct p2v_err err;
	bool elicits = false;

	if (p2v_packet_open((struct p2v_bytes){ p, n }, r->top, &k, &err) != P2V_OK)
		return;
	if (k.number >= r->top) {
		r->top = k.number + 1;
		r->stamp = k.stamp;
	}
	while (p2v_frame_next(&k.frames, &f, &err) > 0) {
		elicits = elicits || p2v_frame_elicits(f.type);
		note_frame(r, &f);
	}
	if (elicits && !r->dumb)
		acknowledge(r, 0, r->top);
	else if (elicits && r->every && k.number % r->every == 0)
		acknowledge(r, k.number, k.number + 1);
}

/* A remote that begins its handshake; box_run goes on with it. */
static struct remote *remote_new(struct box *b)
{
	struct remote *r = &b->remote[b->n_remotes];

	cr_assert(b->n_remotes < REMOTES);
	*r = (struct remote){ .box = b, .addr = remote_addr(b->n_remotes) };
	b->n_remotes++;
	r->up = (struct p2v_record_up){ .ctx = r, .emit = remote_emit, .packet = remote_packet };
	cr_assert_eq(b->remotes.ops->dial(b->remotes.self, &r->up, &r->record, NULL), P2V_OK);
	return r;
}

/* It goes without a word. */
static void remote_drop(struct remote *r)
{
	r->record->ops->free(r->record);
	r->record = NULL;
}

static void remote_stream(struct remote *r, uint64_t id, uint64_t offset, size_t n)
{
	static const uint8_t bytes[1100];
	struct p2v_frame f = { .type = P2V_F_STREAM,
		.u.stream = { .id = id, .offset = offset, .data = { bytes, n } } };

	remote_frame(r, &f);
}

/* ---- strangers ---- */

static void spray(struct box *b, const struct p2v_addr *from, const void *p, size_t n)
{
	queue_put(&b->in, from, p, n);
	to_endpoint(b);
	to_remotes(b); /* to nobody */
}

/* First flights, cookies of others, and garbage, each from an address of its own: nothing is kept,
 * and no more is sent than came. */
Test(dtl_memory, strangers_leave_nothing)
{
	struct box *b = box_new(true, NULL);
	static struct slot first, cookie;
	uint8_t junk[ROOM];

	(void)remote_new(b);
	first = *queue_get(&b->in);
	spray(b, &first.addr, first.p, first.n); /* the answer goes to the remote */
	cookie = *queue_get(&b->in);
	remote_drop(&b->remote[0]);
	mark(b);
	for (uint32_t i = 1; i <= 30000; i++) {
		struct p2v_addr from = p2v_addr_v4(0x0c000000u + i, (uint16_t)(i % 60000 + 1));
		size_t n = 1 + i % (ROOM - 1);

		net_pattern(i, 0, junk, n);
		spray(b, &from, first.p, first.n);
		spray(b, &from, cookie.p, cookie.n);
		spray(b, &from, junk, n);
		junk[0] = 22; /* as of a handshake */
		spray(b, &from, junk, n);
		memcpy(junk, cookie.p, n < 60 ? n : 60); /* and its head */
		spray(b, &from, junk, n);
	}
	cr_assert_eq(b->opened, 0);
	cr_assert(b->in_bytes > 30000 * 500);
	cr_assert(b->out_bytes <= b->in_bytes, "%llu bytes for %llu",
		(unsigned long long)b->out_bytes, (unsigned long long)b->in_bytes);
	cr_log_info("150000 datagrams of strangers: %ld B at most", b->most);
	cr_assert(b->most <= 4 * KB, "%ld B", b->most);
	cr_assert(held() - b->before <= 4 * KB, "%ld B stay", held() - b->before);
	box_free(b);
}

/* A caller whose handshake goes no further than this. */
enum step { SHOWS_ITS_COOKIE, SHOWS_ITS_CERTIFICATE };

/* Of the flight that waits the last record does not arrive. */
static void cut_last_record(struct box *b)
{
	struct slot *last = &b->in.slot[(b->in.first + b->in.n - 1) % SLOTS];
	size_t at = 0, next;

	if (b->in.n == 0)
		return; /* there was no answer */
	while ((next = at + 13 + (size_t)(last->p[at + 11] << 8 | last->p[at + 12])) < last->n)
		at = next;
	last->n = at;
	b->in.n -= at == 0;
}

static void begin_handshake(struct box *b, enum step step)
{
	struct remote *r;

	/* Who has gone has a place for the next. */
	b->n_remotes = b->n_remotes >= REMOTES / 2 ? 1 : b->n_remotes;
	r = remote_new(b);
	to_endpoint(b);
	to_remotes(b);
	if (step == SHOWS_ITS_CERTIFICATE) {
		to_endpoint(b);
		to_remotes(b);
		cut_last_record(b);
	}
	remote_drop(r);
	to_endpoint(b);
	to_remotes(b);
}

/* They are too many, and end nothing: they have half of the places, and the memory comes back. */
static void check_half_done(enum step step)
{
	struct box *b = box_new(true, NULL);
	const long places = 512;

	(void)remote_new(b); /* stays without an answer for now */
	b->in.n = 0;
	mark(b);
	for (int i = 0; i < 1500; i++)
		begin_handshake(b, step);
	cr_log_info("half-done handshakes: %ld B, %ld each", b->most, b->most / places);
	cr_assert(b->most > places * 20 * KB, "they were there: %ld B", b->most);
	cr_assert(b->most < places * 100 * KB, "%ld B", b->most);
	box_run(b, 15 * P2V_SECOND);
	cr_assert_eq(b->opened, 0);
	cr_assert(held() - b->before < 64 * KB, "%ld B stay", held() - b->before);
	box_free(b);
}

Test(dtl_memory, handshakes_that_stop_at_the_cookie)
{
	check_half_done(SHOWS_ITS_COOKIE);
}

Test(dtl_memory, handshakes_that_stop_at_the_end)
{
	check_half_done(SHOWS_ITS_CERTIFICATE);
}

/* While they come without end, whoever means it gets in. */
Test(dtl_memory, a_good_caller_among_them)
{
	struct box *b = box_new(true, NULL);
	struct remote *good;

	(void)remote_new(b);
	b->in.n = 0;
	for (int i = 0; i < 600; i++)
		begin_handshake(b, SHOWS_ITS_COOKIE);
	good = remote_new(b);
	good->addr = p2v_addr_v4(0x0d000001u, 4433);
	for (int i = 0; i < 600 && !b->opened; i++) {
		b->n_remotes = 1 + REMOTES / 2;
		box_run(b, 10 * P2V_MSEC);
		if (good->record->ops->deadline(good->record, b->base.now) <= b->base.now)
			good->record->ops->timeout(good->record, b->base.now, &good->up);
		b->n_remotes = 602 + (size_t)i;
		begin_handshake(b, SHOWS_ITS_COOKIE);
	}
	cr_assert_eq(b->opened, 1, "it is in");
	cr_assert(b->base.now < 6 * P2V_SECOND, "after %lld us", (long long)b->base.now);
	box_free(b);
}

/* Sessions that are up and rest, of remotes that went without a word. */
Test(dtl_memory, sessions_that_rest)
{
	struct box *b = box_new(true, NULL);
	enum { N = 300 };
	long each;

	(void)remote_new(b); /* the first brings what all share */
	box_run(b, P2V_SECOND);
	mark(b);
	for (size_t i = 0; i < N; i++)
		(void)remote_new(b);
	box_run(b, 2 * P2V_SECOND);
	cr_assert_eq(b->opened, N + 1, "%u", b->opened);
	for (size_t i = 0; i <= N; i++)
		remote_drop(&b->remote[i]);
	each = (held() - b->before) / N;
	cr_log_info("a session that rests: %ld B", each);
	cr_assert(each > 4 * KB && each < 10 * KB, "%ld B each", each);
	box_run(b, 70 * P2V_SECOND);
	cr_assert_eq(b->closed, N + 1);
	cr_assert(held() - b->before < 32 * KB, "%ld B stay", held() - b->before);
	box_free(b);
}

/* ---- remotes that are let in ---- */

enum {
	BLOCK = 16 * KB,
	STREAMS = 256,
	WINDOW = 1024 * KB,
	SPARE = 64 * BLOCK /* blocks that an endpoint keeps for the next streams */
};

/* One remote's session with a reader or none; what it does, and what that costs. */
static void check_remote(const char *what, void (*act)(struct remote *r), bool reads, long bound)
{
	struct box *b = box_new(false, NULL);
	struct remote *r = remote_new(b);

	box_run(b, P2V_SECOND);
	b->reads = reads;
	mark(b);
	act(r);
	look(b);
	cr_log_info("%s: %ld B", what, b->most);
	cr_assert(b->most <= bound, "%s: %ld B of %ld", what, b->most, bound);
	remote_drop(r);
	box_run(b, 70 * P2V_SECOND);
	cr_assert_eq(b->closed, 1);
	cr_assert(
		held() - b->before <= SPARE + 32 * KB, "%s: %ld B stay", what, held() - b->before);
	box_free(b);
}

static void streams_of_one_byte(struct remote *r)
{
	for (uint64_t i = 0; i < STREAMS; i++) {
		remote_stream(r, 4 * i, 0, 1);
		to_endpoint(r->box);
	}
	cr_assert(r->box->most > STREAMS * BLOCK);
}

/* A byte each in two blocks of every stream, as far from the reader as may be. */
static void two_blocks_of_each_stream(struct remote *r)
{
	for (uint64_t i = 0; i < STREAMS; i++) {
		for (uint64_t at = 0; at < BLOCK - 1; at += 1023)
			remote_stream(r, 4 * i, at, at + 1023 < BLOCK ? 1023 : BLOCK - 1 - at);
		remote_stream(r, 4 * i, BLOCK, 1);
		box_run(r->box, P2V_MSEC);
	}
	cr_assert(!r->closed);
}

/* All of the window, and nobody reads. */
static void all_of_the_window(struct remote *r)
{
	for (uint64_t i = 0; i < 4; i++)
		for (uint64_t at = 0; at < WINDOW / 4; at += 1024) {
			remote_stream(r, 4 * i, at, 1024);
			box_run(r->box, P2V_MSEC);
		}
	cr_assert(!r->closed);
	cr_assert(r->box->most >= WINDOW);
}

/* One byte here, one there, in all streams. */
static void holes_in_all_streams(struct remote *r)
{
	for (uint64_t k = 0; k < 2000 && !r->closed; k++)
		for (uint64_t i = 0; i < STREAMS && !r->closed; i++) {
			remote_stream(r, 4 * i, 1 + 2 * k, 1);
			if (i % 64 == 63)
				box_run(r->box, P2V_MSEC / 5);
		}
	cr_assert(r->closed);
	cr_assert_eq(r->close_code, P2V_DTL_FLOW, "%llu", (unsigned long long)r->close_code);
}

/* Streams that are opened and cut, one after the other. */
static void streams_that_come_and_go(struct remote *r)
{
	for (uint64_t i = 0; i < 20000; i++) {
		struct p2v_frame cut = { .type = P2V_F_RESET,
			.u.cut = { .id = 4 * i, .code = 1, .size = 100 } };

		remote_stream(r, 4 * i, 50, 50);
		remote_frame(r, &cut);
		box_run(r->box, P2V_MSEC / 5);
	}
}

Test(dtl_memory, streams_and_fragments)
{
	long bound = STREAMS * 2 * BLOCK + WINDOW + 512 * KB;

	check_remote(
		"a byte in each stream", streams_of_one_byte, false, STREAMS * BLOCK + 512 * KB);
	check_remote("two blocks of each", two_blocks_of_each_stream, true, bound);
	check_remote("all of the window", all_of_the_window, false, WINDOW + 256 * KB);
	check_remote("holes", holes_in_all_streams, true, bound);
	check_remote("streams that come and go", streams_that_come_and_go, true, 64 * KB);
}

/* ---- remotes that we send to ---- */

/* The application writes ahead what it may, from one buffer. */
static void write_ahead(struct remote *r, struct p2v_stream *t[], size_t n, struct p2v_buf *buf)
{
	(void)r;
	for (size_t i = 0; i < n; i++)
		while (p2v_stream_unsent(t[i]) < 64 * KB)
			cr_assert_eq(p2v_stream_write(t[i], p2v_slice_of(buf, 0, BLOCK)), P2V_OK);
}

/* @param every  the remote acknowledges each so-many-th of our packets; 0: none */
static void check_sending(uint64_t every, p2v_usec time, long bound)
{
	enum { N = 16 };
	struct box *b = box_new(false, NULL);
	struct remote *r = remote_new(b);
	struct p2v_buf *buf = p2v_buf_new(BLOCK);
	struct p2v_stream *t[N];
	struct p2v_frame max = { .type = P2V_F_MAX_DATA, .u.max.max = UINT64_C(1) << 40 };
	struct p2v_frame more = { .type = P2V_F_SETTINGS,
		.u.settings = { .version = 1,
			.max_data = UINT64_C(1) << 40,
			.max_stream_data = UINT64_C(1) << 40,
			.max_streams = 64,
			.ack_delay = 25000 } };

	cr_assert(buf);
	memset(buf->data, 1, BLOCK);
	box_run(b, P2V_SECOND);
	remote_frame(r, &max);
	remote_frame(r, &more);
	box_run(b, P2V_SECOND);
	mark(b);
	r->dumb = true;
	r->every = every;
	for (size_t i = 0; i < N; i++)
		cr_assert_eq(p2v_stream_open(r->session, &t[i]), P2V_OK);
	for (p2v_usec end = b->base.now + time; b->base.now < end && !b->closed;) {
		write_ahead(r, t, N, buf);
		box_run(b, 5 * P2V_MSEC);
		look(b);
	}
	cr_log_info("one in %llu acknowledged: %ld B, %llu packets", (unsigned long long)every,
		b->most, (unsigned long long)r->top);
	cr_assert(b->most <= bound, "%ld B of %ld", b->most, bound);
	remote_drop(r);
	box_run(b, 70 * P2V_SECOND);
	cr_assert_eq(b->closed, 1);
	cr_assert(held() - b->before <= 32 * KB, "%ld B stay", held() - b->before);
	p2v_buf_unref(buf);
	box_free(b);
}

Test(dtl_memory, remotes_that_acknowledge_little)
{
	check_sending(0, 50 * P2V_SECOND, 256 * KB);
	check_sending(2, 5 * P2V_SECOND, 256 * KB);
	check_sending(3, 5 * P2V_SECOND, 256 * KB);
}

/* ---- windows that have grown ---- */

/* Send all that the endpoint granted on the remote's first stream, but for the first `skip` bytes.
 */
static void send_all(struct remote *r, uint64_t skip, uint64_t most)
{
	uint64_t end = r->max_data < r->max_stream ? r->max_data : r->max_stream;

	for (unsigned i = 0; r->sent < end && most && i < 3000; i++) {
		uint64_t n = end - r->sent < 1100 ? end - r->sent : 1100;

		n = n < most ? n : most;
		remote_stream(r, 0, r->sent + skip, n - skip);
		skip = 0;
		r->sent += n;
		most -= n;
	}
}

/* Remotes in turn have their windows grow, rest, and have them given back. Then all of them send
 * all that they were ever granted, and nobody reads: what is kept is bounded as if nothing had been
 * promised, and when it is read the windows work again. */
Test(dtl_memory, promises_that_outlive_their_window)
{
	enum { N = 6, BUDGET = 8 * 1024 * KB };
	struct p2v_dtl_conf conf = net_conf();
	uint64_t promised = 0, dropped;
	struct p2v_session_info info;
	struct box *b;
	long bound = BUDGET + N * (WINDOW + 3 * BLOCK) + 256 * KB;

	conf.receive_memory = BUDGET;
	b = box_new(false, &conf);
	b->hop = 2 * P2V_MSEC;
	for (size_t i = 0; i < N; i++) {
		struct remote *r = remote_new(b);

		box_run(b, P2V_SECOND);
		r->max_data = WINDOW;
		for (int k = 0; k < 100; k++) {
			send_all(r, 0, UINT64_MAX);
			box_run(b, 4 * P2V_MSEC);
		}
		p2v_session_info(r->session, &info);
		cr_assert(info.receive_window >= 8 * WINDOW, "remote %zu: %llu", i,
			(unsigned long long)info.receive_window);
		for (int k = 0; k < 25; k++) {
			box_run(b, P2V_SECOND);
			for (size_t j = 0; j <= i; j++)
				remote_frames(&b->remote[j], "\x01", 1);
		}
		p2v_session_info(r->session, &info);
		cr_assert_eq(info.receive_window, WINDOW, "it was given back");
	}
	b->reads = false;
	mark(b);
	dropped = b->node.metrics.v[P2V_M_DGRAMS_DROPPED];
	for (size_t i = 0; i < N; i++) {
		struct remote *r = &b->remote[i];
		bool first = true;

		promised += r->max_data - r->sent;
		for (int k = 0; k < 40; k++) {
			send_all(r, first ? 1 : 0, UINT64_MAX);
			first = false;
			box_run(b, 4 * P2V_MSEC);
		}
	}
	cr_log_info("%llu B promised, %ld B held", (unsigned long long)promised, b->most);
	cr_assert(promised > 2 * (uint64_t)bound);
	cr_assert(b->most <= bound, "%ld B of %ld", b->most, bound);
	cr_assert(b->most >= BUDGET, "all of the memory is used: %ld B", b->most);
	cr_assert(b->node.metrics.v[P2V_M_DGRAMS_DROPPED] > dropped + 1000);
	cr_assert_eq(b->closed, 0, "nobody broke a rule");
	box_free(b);
}
