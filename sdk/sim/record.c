/* record.c - the record layer of virtual time. Its first bytes are those of live datagrams (22
 * handshake, 48 a packet, 21 the end), so that the endpoint sorts them as it does there.
 *
 *   call    22 fe fd 01  caller's number (8)  id (32)  role
 *   answer  22 fe fd 02  caller's number (8)  own number (8)  id (32)  role
 *   refusal 22 fe fd 03  caller's number (8)  sentence
 *   packet  48 connection id (4)  tag, its low 6 bytes  packet  16 bytes that stand for the AEAD's
 *   end     21 fe fd     tag (8)
 *
 * The tag is made of both numbers, so that what is left of an older session is told apart; and of
 * the tag the two connection ids. */
#include "sdk/sim/record.h"

#include <stdlib.h>

#include "framework/base/list.h"
#include "framework/base/random.h"
#include "framework/base/wire.h"

enum { TYPE_END = 21, TYPE_SHAKE = 22, VERSION = 0xfefd, CALL = 1, ANSWER = 2, REFUSAL = 3 };
#define TAG_MASK    ((UINT64_C(1) << 48) - 1)
#define FIRST_RETRY (250 * P2V_MSEC)
#define LAST_RETRY  P2V_SECOND

struct p2v_sim_records {
	struct p2v_node *node;
	struct p2v_id id;
	enum p2v_standing role;
	bool judged;
	struct p2v_trust trust;
};

/* What packets need lies beside what they need of `base`, which begins with it. */
struct sim_record {
	struct p2v_sim_records *of;
	uint64_t ours, theirs, rival; /* numbers; rival: of a call that gave way to ours */
	p2v_usec wait;
	p2v_usec retry;
	uint64_t tag;
	struct p2v_record base;
};

static struct sim_record *record_of(struct p2v_record *r)
{
	return P2V_OF(r, struct sim_record, base);
}

static uint64_t entropy(struct p2v_sim_records *of)
{
	uint64_t v;

	of->node->world.ops->entropy(of->node->world.self, &v, sizeof v);
	return v;
}

/* ---- what is sent ---- */

static void put_head(struct p2v_writer *w, uint8_t type)
{
	p2v_write_be(w, type, 1);
	p2v_write_be(w, VERSION, 2);
}

static void put_self(struct p2v_writer *w, const struct p2v_sim_records *of)
{
	p2v_write_bytes(w, of->id.b, sizeof of->id.b);
	p2v_write_be(w, of->role, 1);
}

static void emit_call(struct sim_record *r, const struct p2v_record_up *up)
{
	uint8_t buf[64];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);

	put_head(&w, TYPE_SHAKE);
	p2v_write_be(&w, CALL, 1);
	p2v_write_be(&w, r->ours, 8);
	put_self(&w, r->of);
	up->emit(up->ctx, buf, p2v_written(&w));
}

static void emit_answer(struct sim_record *r, const struct p2v_record_up *up)
{
	uint8_t buf[64];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);

	put_head(&w, TYPE_SHAKE);
	p2v_write_be(&w, ANSWER, 1);
	p2v_write_be(&w, r->theirs, 8);
	p2v_write_be(&w, r->ours, 8);
	put_self(&w, r->of);
	up->emit(up->ctx, buf, p2v_written(&w));
}

static void emit_refusal(
	struct sim_record *r, const struct p2v_err *why, const struct p2v_record_up *up)
{
	uint8_t buf[300];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);

	put_head(&w, TYPE_SHAKE);
	p2v_write_be(&w, REFUSAL, 1);
	p2v_write_be(&w, r->theirs, 8);
	p2v_write_bytes(&w, why->text, strlen(why->text));
	up->emit(up->ctx, buf, p2v_written(&w));
}

/* ---- what arrives ---- */

/* @return the kind of a handshake datagram and its caller's number; 0: it is none */
static int shake_kind(const uint8_t *p, size_t n, uint64_t *number, struct p2v_reader *rest)
{
	struct p2v_reader r = p2v_reader_of(p, n);
	uint64_t type, version, kind;

	if (n == 0 || p[0] != TYPE_SHAKE)
		return 0; /* as most are */
	type = p2v_read_be(&r, 1);
	version = p2v_read_be(&r, 2);
	kind = p2v_read_be(&r, 1);
	*number = p2v_read_be(&r, 8);
	*rest = r;
	return !r.bad && type == TYPE_SHAKE && version == VERSION && kind >= CALL && kind <= REFUSAL
		       ? (int)kind
		       : 0;
}

/* @return P2V_OK; P2V_EPERM: refused, and base.why says why; P2V_EPROTO */
static int judge(struct sim_record *r, struct p2v_reader *self, bool dialled)
{
	const struct p2v_trust *t = &r->of->trust;
	struct p2v_err err, *why;
	const uint8_t *p = self->p;
	struct p2v_bytes chain = { p, sizeof(struct p2v_id) + 1 };
	const uint8_t *id = p2v_read_bytes(self, sizeof(struct p2v_id));
	uint64_t role = p2v_read_be(self, 1);

	if (self->bad || p2v_reader_left(self) || role > P2V_IS_TRACKER)
		return P2V_EPROTO;
	memcpy(r->base.remote.id.b, id, sizeof r->base.remote.id.b);
	r->base.remote.role = (enum p2v_standing)role;
	if (r->of->judged &&
		t->judge(t->ctx, &chain, 1, dialled, &r->base.remote, &err) != P2V_OK) {
		err.code = P2V_EPERM;
		why = p2v_record_wrong(&r->base);
		if (why)
			*why = err;
		r->base.refused = true;
		r->base.state = P2V_RECORD_FAILED;
		return P2V_EPERM;
	}
	return P2V_OK;
}

/* @return what packets of that end carry */
static uint32_t cid_of(const struct sim_record *r, bool client)
{
	return (uint32_t)p2v_mix64(r->tag + (client ? 1 : 2));
}

static void come_up(struct sim_record *r, uint64_t caller, uint64_t called)
{
	r->tag = p2v_mix64(p2v_mix64(caller) ^ called);
	r->base.cid = cid_of(r, !r->base.client);
	r->base.state = P2V_RECORD_UP;
	r->retry = P2V_NEVER;
}

static void sim_free(struct p2v_record *base)
{
	free(base->why);
	free(record_of(base));
}

static const struct p2v_records_ops ops;

static struct sim_record *record_new(struct p2v_sim_records *of, bool client)
{
	struct sim_record *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->base.ops = &ops;
	r->base.overhead = P2V_SIM_RECORD_OVERHEAD;
	r->base.head = P2V_SIM_RECORD_HEAD;
	r->base.open = true;
	r->base.client = client;
	r->of = of;
	r->ours = entropy(of);
	r->retry = P2V_NEVER;
	return r;
}

static int sim_dial(
	void *self, const struct p2v_record_up *up, struct p2v_record **out, struct p2v_err *err)
{
	struct p2v_sim_records *of = self;
	struct sim_record *r = record_new(of, true);

	if (!r)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a record state");
	r->wait = FIRST_RETRY;
	r->retry = p2v_now(&of->node->world) + r->wait;
	emit_call(r, up);
	*out = &r->base;
	return P2V_OK;
}

static int sim_accept(void *self, const struct p2v_addr *from, const uint8_t *p, size_t n,
	const struct p2v_record_up *up, struct p2v_record **out)
{
	struct p2v_reader rest;
	struct sim_record *r;
	uint64_t number;

	(void)from;
	*out = NULL;
	if (shake_kind(p, n, &number, &rest) != CALL)
		return P2V_EPROTO;
	r = record_new(self, false);
	if (!r)
		return P2V_ENOMEM;
	r->theirs = number;
	switch (judge(r, &rest, false)) {
	case P2V_OK:
		come_up(r, r->theirs, r->ours);
		emit_answer(r, up);
		break;
	case P2V_EPERM: emit_refusal(r, p2v_record_why(&r->base), up); break;
	default: sim_free(&r->base); return P2V_EPROTO;
	}
	*out = &r->base;
	return P2V_OK;
}

/* The call with the smaller number stands when both ends call. */
static enum p2v_record_class sim_classify(struct p2v_record *base, const uint8_t *p, size_t n)
{
	struct sim_record *r = record_of(base);
	struct p2v_reader rest;
	uint64_t number;
	int kind = shake_kind(p, n, &number, &rest);

	if (kind == 0)
		return P2V_RECORD_DATA;
	if (kind != CALL)
		return P2V_RECORD_SHAKE;
	if (number == r->ours || (r->rival && number == r->rival))
		return P2V_RECORD_STALE;
	if (!base->client && number == r->theirs)
		return P2V_RECORD_SHAKE; /* our answer was lost */
	if (base->client && base->state == P2V_RECORD_HANDSHAKE && number > r->ours) {
		r->rival = number;
		return P2V_RECORD_STALE;
	}
	return P2V_RECORD_CALL;
}

static void input_shake(struct sim_record *r, int kind, uint64_t number, struct p2v_reader *rest,
	const struct p2v_record_up *up)
{
	if (kind == CALL) {
		if (!r->base.client && r->base.state == P2V_RECORD_UP && number == r->theirs)
			emit_answer(r, up);
		return;
	}
	if (!r->base.client || r->base.state != P2V_RECORD_HANDSHAKE || number != r->ours)
		return;
	if (kind == REFUSAL) {
		size_t k = p2v_reader_left(rest);

		(void)p2v_fail(p2v_record_wrong(&r->base), P2V_EPERM, "the remote refused us: %.*s",
			(int)(k < 160 ? k : 160), (const char *)rest->p);
		r->base.state = P2V_RECORD_FAILED;
		return;
	}
	r->theirs = p2v_read_be(rest, 8);
	r->tag = p2v_mix64(p2v_mix64(r->ours) ^ r->theirs);
	switch (judge(r, rest, true)) {
	case P2V_OK: come_up(r, r->ours, r->theirs); break;
	case P2V_EPERM: r->base.ops->close(&r->base, up); break;
	default: break; /* garbled: the next answer may be better */
	}
}

static void sim_input(
	struct p2v_record *base, const uint8_t *p, size_t n, const struct p2v_record_up *up)
{
	struct sim_record *r = record_of(base);
	struct p2v_reader d = p2v_reader_of(p, n), rest;
	uint64_t number, type, version;
	uint32_t cid;
	int kind = shake_kind(p, n, &number, &rest);

	if (kind) {
		input_shake(r, kind, number, &rest, up);
		return;
	}
	if (base->state != P2V_RECORD_UP)
		return;
	if (p2v_record_cid(p, n, &cid)) {
		(void)p2v_read_be(&d, 5);
		if (n >= P2V_SIM_RECORD_OVERHEAD && cid == base->cid &&
			p2v_read_be(&d, 6) == (r->tag & TAG_MASK))
			up->packet(up->ctx, d.p, n - P2V_SIM_RECORD_OVERHEAD);
		return;
	}
	type = p2v_read_be(&d, 1);
	version = p2v_read_be(&d, 2);
	if (type == TYPE_END && version == VERSION && p2v_read_be(&d, 8) == r->tag && !d.bad)
		base->state = P2V_RECORD_CLOSED;
}

static ptrdiff_t sim_seal(
	struct p2v_record *base, const uint8_t *p, size_t n, uint8_t *out, size_t cap)
{
	const struct sim_record *r = record_of(base);
	struct p2v_writer w = p2v_writer_of(out, cap);

	if (n + P2V_SIM_RECORD_OVERHEAD > cap)
		return P2V_ELIMIT;
	p2v_write_be(&w, P2V_RECORD_PACKET, 1);
	p2v_write_be(&w, cid_of(r, base->client), 4);
	p2v_write_be(&w, r->tag & TAG_MASK, 6);
	if (p == w.p)
		w.p += n; /* it stands there already */
	else
		p2v_write_bytes(&w, p, n);
	memset(w.p, 0, P2V_SIM_RECORD_OVERHEAD - P2V_SIM_RECORD_HEAD);
	return (ptrdiff_t)(n + P2V_SIM_RECORD_OVERHEAD);
}

static p2v_usec sim_deadline(const struct p2v_record *base, p2v_usec now)
{
	(void)now;
	return P2V_OF(base, const struct sim_record, base)->retry;
}

static void sim_timeout(struct p2v_record *base, p2v_usec now, const struct p2v_record_up *up)
{
	struct sim_record *r = record_of(base);

	if (base->state != P2V_RECORD_HANDSHAKE || now < r->retry)
		return;
	r->wait = r->wait < LAST_RETRY / 2 ? 2 * r->wait : LAST_RETRY;
	r->retry = now + r->wait;
	emit_call(r, up);
}

static void sim_close(struct p2v_record *base, const struct p2v_record_up *up)
{
	uint8_t buf[16];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);

	put_head(&w, TYPE_END);
	p2v_write_be(&w, record_of(base)->tag, 8);
	up->emit(up->ctx, buf, p2v_written(&w));
}

static const struct p2v_records_ops ops = { .dial = sim_dial,
	.accept = sim_accept,
	.classify = sim_classify,
	.input = sim_input,
	.seal = sim_seal,
	.deadline = sim_deadline,
	.timeout = sim_timeout,
	.close = sim_close,
	.free = sim_free };

struct p2v_sim_records *p2v_sim_records_new(struct p2v_node *node, const struct p2v_id *id,
	enum p2v_standing role, const struct p2v_trust *trust)
{
	struct p2v_sim_records *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->node = node;
	r->id = *id;
	r->role = role;
	r->judged = trust != NULL;
	if (trust)
		r->trust = *trust;
	return r;
}

void p2v_sim_records_free(struct p2v_sim_records *r)
{
	free(r);
}

struct p2v_records p2v_sim_records(struct p2v_sim_records *r)
{
	return (struct p2v_records){ &ops, r };
}
