/* packet_test.c - datagrams that refer to their writer's buffer. */
#include "tests/unit/sim/pair.h"

#include <string.h>

TestSuite(sim_packet, .timeout = 60);

enum { MEDIA = 4000, SEG = 1000 };

struct ear {
	struct p2v_world world;
	struct p2v_udp *u;
	struct p2v_addr at;
	size_t n, lent; /* datagrams, and pieces of them that were lent */
	uint8_t got[8][1500];
	size_t got_n[8];
	struct p2v_slice kept;
};

static void take(struct ear *e, const struct p2v_dgram *d)
{
	uint8_t *out = e->got[e->n];
	struct p2v_slice s;
	size_t off;

	memcpy(out, d->p, d->n);
	e->got_n[e->n++] = d->n;
	for (size_t done = 0; done < d->n; done += off + s.n) {
		s = e->world.ops->udp_lent(e->world.self, d->p + done, d->n - done, &off);
		if (s.n == 0)
			break;
		memcpy(out + done + off, s.p, s.n);
		e->lent++;
		p2v_slice_drop(&e->kept);
		e->kept = s;
	}
}

static void received(void *ctx, const struct p2v_dgram *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		take(ctx, &v[i]);
}

static void received_all(void *ctx, const struct p2v_dgram *v, size_t n)
{
	struct ear *e = ctx;

	for (size_t i = 0; i < n; i++) {
		memcpy(e->got[e->n], v[i].p, v[i].n);
		e->got_n[e->n++] = v[i].n;
	}
}

static const struct p2v_udp_handler asking = { .received = received, .asks = true };
static const struct p2v_udp_handler plain = { .received = received_all };

struct rig {
	struct pair p;
	struct ear from, to;
	struct p2v_buf *media;
	uint8_t *room;
	uint8_t want[8][1500];
};

static void listen_on(struct ear *e, struct p2v_machine *m, const struct p2v_udp_handler *h)
{
	struct p2v_addr any = { .port = 9 };
	struct p2v_err err;

	memset(e, 0, sizeof *e);
	e->world = p2v_machine_world(m);
	cr_assert_eq(
		e->world.ops->udp_open(e->world.self, &any, h, e, &e->u, &e->at, &err), P2V_OK);
}

static void rig_open(struct rig *r, const struct p2v_link *near, const struct p2v_udp_handler *h)
{
	struct p2v_link far = { .delay = 1000 };

	pair_open(&r->p, near, &far);
	listen_on(&r->from, r->p.near, &plain);
	listen_on(&r->to, r->p.far, h);
	r->media = p2v_buf_new(MEDIA);
	for (size_t i = 0; i < MEDIA; i++)
		r->media->data[i] = (uint8_t)(i * 7 + i / 256);
	r->room = r->from.world.ops->udp_room(r->from.world.self, 65536);
	cr_assert(r->room);
	memset(r->room, 0xee, 65536);
}

static void rig_close(struct rig *r)
{
	p2v_slice_drop(&r->to.kept);
	r->from.world.ops->udp_close(r->from.world.self, r->from.u);
	r->to.world.ops->udp_close(r->to.world.self, r->to.u);
	pair_close(&r->p);
	cr_assert_eq(r->media->refs, 1, "nobody keeps what is over");
	p2v_buf_unref(r->media);
}

/* Into datagram i of the room, at off: n bytes of media, lent. */
static void lend(struct rig *r, size_t i, size_t off, size_t n)
{
	const struct p2v_world *w = &r->from.world;
	struct p2v_slice s = p2v_slice_of(r->media, off, n);

	cr_assert(w->ops->udp_lend(w->self, r->room + i * SEG + off, &s));
	memcpy(r->want[i] + off, s.p, n);
	p2v_slice_drop(&s);
}

/* Datagrams of all that is not lent, numbered. */
static void begin(struct rig *r, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		memset(r->want[i], (int)i, SEG);
		memset(r->room + i * SEG, (int)i, SEG);
	}
}

static void send_all(struct rig *r, size_t count)
{
	struct p2v_dgram d = {
		.addr = r->to.at, .p = r->room, .n = count * SEG, .seg = count > 1 ? SEG : 0
	};

	cr_assert_eq(r->from.world.ops->udp_send(r->from.world.self, r->from.u, &d, 1), 1);
	memset(r->room, 0xdd, 65536); /* another machine's turn */
	p2v_sim_run(r->p.sim, P2V_NEVER);
}

static void came(const struct rig *r, size_t place, size_t i)
{
	cr_assert_lt(place, r->to.n);
	cr_assert_eq(r->to.got_n[place], SEG);
	cr_assert_arr_eq(r->to.got[place], r->want[i], SEG);
}

static void some(struct rig *r)
{
	begin(r, 4);
	lend(r, 0, 100, 800); /* in the middle */
	lend(r, 2, 0, 300);   /* at the beginning, */
	lend(r, 2, 500, 500); /* and to the end */
	lend(r, 3, 0, SEG);   /* nothing else */
}

Test(sim_packet, who_asks_gets_the_writers_buffer)
{
	static struct rig r;
	struct p2v_link link = { .up = 0 };

	rig_open(&r, &link, &asking);
	some(&r);
	send_all(&r, 4);
	cr_assert_eq(r.to.n, 4);
	for (size_t i = 0; i < 4; i++)
		came(&r, i, i);
	cr_assert_eq(r.to.lent, 4);
	cr_assert_eq(r.to.kept.buf, r.media);
	rig_close(&r);
}

Test(sim_packet, who_does_not_ask_finds_all_bytes)
{
	static struct rig r;
	struct p2v_link link = { .up = 0 };

	rig_open(&r, &link, &plain);
	some(&r);
	send_all(&r, 4);
	cr_assert_eq(r.to.n, 4);
	for (size_t i = 0; i < 4; i++)
		came(&r, i, i);
	rig_close(&r);
}

Test(sim_packet, more_pieces_than_places_are_copied)
{
	static struct rig r;
	struct p2v_link link = { .up = 0 };

	rig_open(&r, &link, &asking);
	begin(&r, 2);
	for (size_t off = 0; off < SEG; off += 250)
		lend(&r, 0, off + 10, 200);
	lend(&r, 1, 10, 200);
	send_all(&r, 2);
	came(&r, 0, 0);
	came(&r, 1, 1);
	cr_assert_eq(r.to.lent, 1);
	rig_close(&r);
}

/* A datagram that was begun and never sent: another one is written in its place. */
Test(sim_packet, what_is_taken_back_was_never_lent)
{
	static struct rig r;
	struct p2v_link link = { .up = 0 };
	const struct p2v_world *w = &r.from.world;

	rig_open(&r, &link, &asking);
	begin(&r, 2);
	lend(&r, 0, 100, 500);
	lend(&r, 1, 100, 500);
	cr_assert_not(w->ops->udp_lend(w->self, r.room + SEG, NULL));
	memset(r.want[1], 1, SEG);
	send_all(&r, 2);
	came(&r, 0, 0);
	came(&r, 1, 1);
	begin(&r, 1); /* and nothing is left of them for the next */
	send_all(&r, 1);
	came(&r, 2, 0);
	cr_assert_eq(r.to.lent, 1);
	rig_close(&r);
}

/* Each says its number in its first byte. */
static void numbered(struct rig *r)
{
	begin(r, 3);
	for (size_t i = 0; i < 3; i++)
		lend(r, i, 100, 800);
}

/* What is lost, what comes twice, and what is under way when all ends lets go of its buffer. */
Test(sim_packet, a_buffer_outlives_what_becomes_of_datagrams)
{
	struct p2v_link link = { .up = 0, .loss = 0.3, .duplicate = 0.5 };
	static struct rig r;
	struct p2v_dgram d = { .n = 3 * SEG, .seg = SEG };
	size_t sent = 0, all = 0;

	rig_open(&r, &link, &asking);
	for (int k = 0; k < 50; k++, sent += 3) {
		numbered(&r);
		r.to.n = 0;
		send_all(&r, 3);
		for (size_t i = 0; i < r.to.n; i++)
			came(&r, i, r.to.got[i][0]);
		all += r.to.n;
		cr_assert_eq(r.media->refs, r.to.kept.n ? 2 : 1);
	}
	cr_assert_neq(all, sent);
	numbered(&r);
	d.addr = r.to.at;
	d.p = r.room;
	cr_assert_eq(r.from.world.ops->udp_send(r.from.world.self, r.from.u, &d, 1), 1);
	cr_assert_gt(r.media->refs, 1);
	rig_close(&r); /* with these in mid-air */
}
