/* dtl_box.c - one endpoint, and remotes that are no more than a record layer. */
#include "tests/sim/dtl_box.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"

/* ---- the network ---- */

static void box_sent(struct p2v_udp *from, const struct p2v_addr *to, const uint8_t *p, size_t n)
{
	struct box *b = P2V_OF(from->wire, struct box, wire);

	b->out_bytes += n;
	queue_put(&b->out, to, 0, p, n);
}

static void box_entropy(void *self, void *buf, size_t n)
{
	struct box *b = P2V_OF((struct fake_world *)self, struct box, wire.base);

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

void box_look(struct box *b)
{
	long now = held() - b->before;

	b->most = now > b->most ? now : b->most;
}

void box_to_remotes(struct box *b)
{
	const struct slot *s;

	while ((s = queue_take(&b->out, b->wire.base.now))) {
		struct remote *r = find(b, &s->addr);

		if (r && r->record)
			r->record->ops->input(r->record, s->p, s->n, &r->up);
	}
}

void box_to_endpoint(struct box *b)
{
	const struct slot *s;

	while ((s = queue_take(&b->in, b->wire.base.now))) {
		b->in_bytes += s->n;
		wire_receive(&b->wire.udp[0], s);
		box_look(b);
	}
}

/* Remotes send their flights again.
 * @return when the next will; P2V_NEVER */
static p2v_usec remotes_retry(struct box *b)
{
	p2v_usec first = P2V_NEVER;

	for (size_t i = 0; i < b->n_remotes; i++) {
		struct remote *r = &b->remote[i];
		p2v_usec due = r->record ? r->record->ops->deadline(r->record, b->wire.base.now)
					 : P2V_NEVER;

		if (due <= b->wire.base.now) {
			r->record->ops->timeout(r->record, b->wire.base.now, &r->up);
			due = r->record->ops->deadline(r->record, b->wire.base.now);
		}
		first = due < first ? due : first;
	}
	return first;
}

void box_run(struct box *b, p2v_usec time)
{
	p2v_usec end = b->wire.base.now + time;

	do {
		p2v_usec due, retry;

		box_to_remotes(b);
		box_to_endpoint(b);
		wire_fire(&b->wire);
		retry = remotes_retry(b);
		due = p2v_timers_next(&b->wire.base.timers);
		due = retry < due ? retry : due;
		if (b->in.n || b->out.n)
			b->wire.base.now += b->hop;
		else if (due > b->wire.base.now)
			b->wire.base.now = due < end ? due : end;
	} while (b->wire.base.now < end);
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

struct box *box_new(bool dtls, const struct p2v_dtl_conf *conf)
{
	const struct p2v_plugin *cc = &p2v_cc_dtl_LTX_p2v_plugin;
	struct p2v_dtl_conf usual = net_conf();
	struct p2v_addr bind = { .port = 4433 };
	struct box *b = calloc(1, sizeof *b);
	struct p2v_records own;

	cr_assert(b);
	wire_init(&b->wire, box_sent);
	b->wire.ops.entropy = box_entropy;
	b->hop = P2V_MSEC / 10;
	p2v_random_init(&b->random, 1, "box");
	p2v_node_init(&b->node, &b->wire.world, 1);
	authority_make(&b->ca, "P-256");
	shown_make(&b->shown, &b->ca, "P-256", -2000000000, 2000000000);
	b->judge = (struct judge){ .authority = &b->ca, .world = &b->wire.world };
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

void box_free(struct box *b)
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

void box_mark(struct box *b)
{
	b->before = held();
	b->most = 0;
}

/* ---- remotes ---- */

static void remote_emit(void *ctx, const uint8_t *p, size_t n)
{
	struct remote *r = ctx;

	queue_put(&r->box->in, &r->addr, 0, p, n);
}

void remote_frames(struct remote *r, const void *frames, size_t n)
{
	uint8_t buf[1400], out[ROOM];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);
	ptrdiff_t k;

	p2v_packet_begin(&w, r->next++, r->box->wire.base.now);
	p2v_write_bytes(&w, frames, n);
	k = r->record->ops->seal(r->record, buf, p2v_written(&w), out, sizeof out);
	if (k > 0)
		remote_emit(r, out, (size_t)k);
}

void remote_frame(struct remote *r, const struct p2v_frame *f)
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

struct remote *remote_new(struct box *b)
{
	struct remote *r = &b->remote[b->n_remotes];

	cr_assert(b->n_remotes < REMOTES);
	*r = (struct remote){ .box = b, .addr = remote_addr(b->n_remotes) };
	b->n_remotes++;
	r->up = (struct p2v_record_up){ .ctx = r, .emit = remote_emit, .packet = remote_packet };
	cr_assert_eq(b->remotes.ops->dial(b->remotes.self, &r->up, &r->record, NULL), P2V_OK);
	return r;
}

void remote_drop(struct remote *r)
{
	r->record->ops->free(r->record);
	r->record = NULL;
}

void remote_stream(struct remote *r, uint64_t id, uint64_t offset, size_t n)
{
	static const uint8_t bytes[1100];
	struct p2v_frame f = { .type = P2V_F_STREAM,
		.u.stream = { .id = id, .offset = offset, .data = { bytes, n } } };

	remote_frame(r, &f);
}
