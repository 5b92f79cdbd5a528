/* session_test.c - DTLS records without a network: two ends hand each other datagrams. */
#include <criterion/criterion.h>

#include "framework/dtl/session_inside.h"
#include "sdk/sim/world.h"
#include "tests/sim/dtl_certs.h"

TestSuite(session, .timeout = 120);

enum { QUEUE = 64, DGRAM = 2048 };

struct side {
	struct p2v_node *node;
	struct p2v_dtls *dtls;
	struct p2v_records records;
	struct p2v_record *record;
	struct p2v_record_up up;
	struct judge judge;
	struct shown shown;
	uint8_t out[QUEUE][DGRAM]; /* what it emitted and nobody took */
	size_t out_n[QUEUE], n;
	uint64_t bytes; /* emitted in all */
	size_t largest;
	unsigned packets;
	uint8_t packet[DGRAM];
	size_t packet_n;
};

struct scene {
	struct p2v_sim *sim;
	struct p2v_node node;
	struct p2v_addr from;
	struct authority ca;
	struct side a, b; /* a calls b */
};

static void emit(void *ctx, const uint8_t *p, size_t n)
{
	struct side *s = ctx;

	cr_assert(n <= P2V_MSS, "%zu bytes in one datagram", n);
	cr_assert(s->n < QUEUE);
	memcpy(s->out[s->n], p, n);
	s->out_n[s->n++] = n;
	s->bytes += n;
	s->largest = n > s->largest ? n : s->largest;
}

static void on_packet(void *ctx, const uint8_t *p, size_t n)
{
	struct side *s = ctx;

	cr_assert(n <= sizeof s->packet);
	s->packets++;
	memcpy(s->packet, p, n);
	s->packet_n = n;
}

static void side_init(struct scene *c, struct side *s, const char *curve)
{
	struct p2v_trust t;
	struct p2v_err err;

	s->node = &c->node;
	s->up = (struct p2v_record_up){ .ctx = s, .emit = emit, .packet = on_packet };
	s->judge = (struct judge){ .authority = &c->ca, .world = &c->node.world };
	t = judge_trust(&s->judge);
	cr_assert_eq(p2v_dtls_new(&c->node, &t, &s->dtls, &err), P2V_OK, "%s", err.text);
	s->records = p2v_dtls_records(s->dtls);
	shown_make(&s->shown, &c->ca, curve, -60, 3600);
}

static int credentials(struct side *s)
{
	return p2v_dtls_credentials(s->dtls, (struct p2v_bytes){ s->shown.key, s->shown.key_n },
		s->shown.chain, 2, NULL);
}

static void scene_init(struct scene *c)
{
	struct p2v_addr ip = p2v_addr_v4(0x0a000001, 0);
	struct p2v_link link = { .delay = 0 };
	struct p2v_machine *m;
	struct p2v_world w;

	memset(c, 0, sizeof *c);
	c->sim = p2v_sim_new(1);
	m = p2v_machine_new(c->sim, "n", &ip, &link);
	w = p2v_machine_world(m);
	p2v_node_init(&c->node, &w, 1);
	c->from = p2v_addr_v4(0x0a000002, 5000);
	authority_make(&c->ca, "P-256");
	side_init(c, &c->a, "P-256");
	side_init(c, &c->b, "P-256");
	cr_assert_eq(credentials(&c->a), P2V_OK);
	cr_assert_eq(credentials(&c->b), P2V_OK);
}

static void side_fini(struct side *s)
{
	if (s->record)
		s->record->ops->free(s->record);
	p2v_dtls_free(s->dtls);
}

static void scene_fini(struct scene *c)
{
	side_fini(&c->a);
	side_fini(&c->b);
	authority_fini(&c->ca);
	p2v_node_fini(&c->node);
	p2v_sim_free(c->sim);
}

static void call(struct scene *c)
{
	struct p2v_err err;

	cr_assert_eq(c->a.records.ops->dial(c->a.records.self, &c->a.up, &c->a.record, &err),
		P2V_OK, "%s", err.text);
	cr_assert_eq(c->a.n, 1);
}

/* Hand over what `from` emitted: to `to`'s session, or to its door. */
static void carry(struct scene *c, struct side *from, struct side *to)
{
	size_t n = from->n;

	from->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (to->record)
			to->record->ops->input(to->record, from->out[i], from->out_n[i], &to->up);
		else
			(void)to->records.ops->accept(to->records.self, &c->from, from->out[i],
				from->out_n[i], &to->up, &to->record);
	}
}

static void shake(struct scene *c)
{
	call(c);
	for (int i = 0; i < 6; i++) {
		carry(c, &c->a, &c->b);
		carry(c, &c->b, &c->a);
	}
	cr_assert_eq(c->a.record->state, P2V_RECORD_UP);
	cr_assert_eq(c->b.record->state, P2V_RECORD_UP);
}

static size_t seal(struct side *s, const char *text, uint8_t out[DGRAM])
{
	ptrdiff_t n = s->record->ops->seal(
		s->record, (const uint8_t *)text, strlen(text), out, P2V_MSS);

	cr_assert(n > 0);
	return (size_t)n;
}

Test(session, shakes_hands_and_speaks)
{
	static struct scene c;
	uint8_t d[DGRAM];
	size_t n;

	scene_init(&c);
	shake(&c);
	cr_assert(c.a.record->client && !c.b.record->client);
	cr_assert_eq(memcmp(c.a.record->remote.id.b, c.b.shown.id.b, 32), 0);
	cr_assert_eq(memcmp(c.b.record->remote.id.b, c.a.shown.id.b, 32), 0);
	cr_assert_eq(c.a.record->overhead, 27, "11 + 16");
	cr_assert_eq(c.a.record->head, 11);
	n = seal(&c.a, "hello", d);
	cr_assert_eq(n, 5 + c.a.record->overhead);
	c.b.record->ops->input(c.b.record, d, n, &c.b.up);
	cr_assert_eq(c.b.packets, 1);
	cr_assert_eq(memcmp(c.b.packet, "hello", 5), 0);
	n = seal(&c.b, "and back", d);
	c.a.record->ops->input(c.a.record, d, n, &c.a.up);
	cr_assert_eq(memcmp(c.a.packet, "and back", 8), 0);
	scene_fini(&c);
}

Test(session, the_largest_packet_fills_a_datagram)
{
	static struct scene c;
	static uint8_t p[P2V_MSS];
	uint8_t d[DGRAM];
	struct p2v_record *r;

	scene_init(&c);
	shake(&c);
	r = c.a.record;
	cr_assert_eq(r->ops->seal(r, p, P2V_MSS - r->overhead, d, P2V_MSS), (ptrdiff_t)P2V_MSS);
	cr_assert(r->ops->seal(r, p, P2V_MSS - r->overhead + 1, d, P2V_MSS) < 0);
	scene_fini(&c);
}

Test(session, replays_and_forgeries_are_dropped)
{
	static struct scene c;
	uint8_t d[DGRAM];
	size_t n;

	scene_init(&c);
	shake(&c);
	n = seal(&c.a, "once", d);
	for (int i = 0; i < 3; i++)
		c.b.record->ops->input(c.b.record, d, n, &c.b.up);
	cr_assert_eq(c.b.packets, 1);
	n = seal(&c.a, "untouched", d);
	for (size_t i = 0; i < n; i++) {
		d[i] ^= 0x10;
		c.b.record->ops->input(c.b.record, d, n, &c.b.up);
		d[i] ^= 0x10;
	}
	cr_assert_eq(c.b.packets, 1);
	cr_assert_eq(c.b.record->state, P2V_RECORD_UP, "and end nothing");
	for (size_t i = 0; i <= n; i++)
		c.b.record->ops->input(c.b.record, d, i, &c.b.up);
	cr_assert_eq(c.b.packets, 2);
	scene_fini(&c);
}

/* RFC 6347 4.2.1: the first call is answered with less than it brought, and leaves no trace. */
Test(session, a_call_without_a_cookie_keeps_nothing)
{
	static struct scene c;
	uint8_t hello[DGRAM];
	size_t n;

	scene_init(&c);
	call(&c);
	n = c.a.out_n[0];
	memcpy(hello, c.a.out[0], n);
	for (int i = 0; i < 1000; i++) {
		struct p2v_record *r = NULL;
		struct p2v_addr from = p2v_addr_v4(0x0b000000u + (uint32_t)i, 99);

		c.b.n = 0;
		c.b.bytes = 0;
		cr_assert_eq(
			c.b.records.ops->accept(c.b.records.self, &from, hello, n, &c.b.up, &r),
			P2V_OK);
		cr_assert_null(r);
		cr_assert(c.b.bytes > 0 && c.b.bytes <= n, "%llu for %zu",
			(unsigned long long)c.b.bytes, n);
	}
	c.b.n = 0;
	c.a.n = 0;
	memcpy(c.a.out[0], hello, n);
	c.a.n = 1;
	for (int i = 0; i < 6; i++) {
		carry(&c, &c.a, &c.b);
		carry(&c, &c.b, &c.a);
	}
	cr_assert_eq(c.a.record->state, P2V_RECORD_UP, "the true caller still comes through");
	scene_fini(&c);
}

/* A cookie is good for one address, and for a while. */
Test(session, a_cookie_is_bound_to_its_address_and_time)
{
	static struct scene c;
	struct p2v_addr other = p2v_addr_v4(0x0a000003, 5000), port;
	struct p2v_record *r = NULL;
	uint8_t hello[DGRAM];
	size_t n;

	scene_init(&c);
	call(&c);
	carry(&c, &c.a, &c.b);
	carry(&c, &c.b, &c.a);
	cr_assert_eq(c.a.n, 1, "the call with its cookie");
	n = c.a.out_n[0];
	memcpy(hello, c.a.out[0], n);
	port = c.from;
	port.port++;
	(void)c.b.records.ops->accept(c.b.records.self, &other, hello, n, &c.b.up, &r);
	cr_assert_null(r);
	(void)c.b.records.ops->accept(c.b.records.self, &port, hello, n, &c.b.up, &r);
	cr_assert_null(r);
	(void)p2v_sim_run(c.sim, 61 * P2V_SECOND);
	(void)c.b.records.ops->accept(c.b.records.self, &c.from, hello, n, &c.b.up, &r);
	cr_assert_not_null(r, "good across one change of the secret");
	r->ops->free(r);
	r = NULL;
	(void)p2v_sim_run(c.sim, 300 * P2V_SECOND);
	(void)c.b.records.ops->accept(c.b.records.self, &c.from, hello, n, &c.b.up, &r);
	cr_assert_null(r, "but not for ever");
	scene_fini(&c);
}

Test(session, garbage_at_the_door)
{
	static struct scene c;
	struct p2v_random rnd;
	uint8_t hello[DGRAM];
	size_t n;

	scene_init(&c);
	call(&c);
	n = c.a.out_n[0];
	p2v_random_init(&rnd, 1, "garbage");
	for (int i = 0; i < 20000; i++) {
		struct p2v_record *r = NULL;
		size_t len = i % 2 ? n : p2v_random_below(&rnd, n + 1);

		memcpy(hello, c.a.out[0], n);
		for (int k = 0; k < 3; k++)
			hello[p2v_random_below(&rnd, n)] = (uint8_t)p2v_random_next(&rnd);
		c.b.n = 0;
		(void)c.b.records.ops->accept(c.b.records.self, &c.from, hello, len, &c.b.up, &r);
		cr_assert_null(r);
	}
	c.b.n = 0;
	for (int i = 0; i < 6; i++) {
		carry(&c, &c.a, &c.b);
		carry(&c, &c.b, &c.a);
	}
	cr_assert_eq(c.a.record->state, P2V_RECORD_UP);
	scene_fini(&c);
}

/* A lost flight comes again when its time has come, twice as late each time, byte for byte. */
Test(session, flights_are_sent_again)
{
	static struct scene c;
	uint8_t first[DGRAM];
	size_t n;
	p2v_usec due, wait = 250 * P2V_MSEC;

	scene_init(&c);
	call(&c);
	n = c.a.out_n[0];
	memcpy(first, c.a.out[0], n);
	for (int i = 0; i < 6; i++) {
		p2v_usec now = p2v_sim_now(c.sim);

		due = c.a.record->ops->deadline(c.a.record, now);
		cr_assert_eq(due, now + wait);
		c.a.n = 0;
		c.a.record->ops->timeout(c.a.record, due - 1, &c.a.up);
		cr_assert_eq(c.a.n, 0);
		(void)p2v_sim_run(c.sim, due);
		c.a.record->ops->timeout(c.a.record, due, &c.a.up);
		cr_assert_eq(c.a.n, 1);
		cr_assert_eq(c.a.out_n[0], n);
		cr_assert_eq(memcmp(c.a.out[0], first, n), 0);
		wait = 2 * wait > P2V_SECOND ? P2V_SECOND : 2 * wait;
	}
	scene_fini(&c);
}

/* @param rtt    [us] until the first flight is answered
 * @param again  it was sent twice by then
 * @return [us] how long the second waits for its answer */
static p2v_usec patience(p2v_usec rtt, bool again)
{
	static struct scene c;
	p2v_usec now, wait;

	scene_init(&c);
	call(&c);
	carry(&c, &c.a, &c.b);
	now = p2v_sim_now(c.sim);
	(void)p2v_sim_run(c.sim, now + rtt);
	if (again)
		c.a.record->ops->timeout(c.a.record, now + rtt, &c.a.up);
	c.a.n = 0;
	carry(&c, &c.b, &c.a);
	cr_assert_eq(c.a.n, 1, "the cookie is shown");
	now = p2v_sim_now(c.sim);
	wait = c.a.record->ops->deadline(c.a.record, now) - now;
	scene_fini(&c);
	return wait;
}

/* Two round trips, within bounds; where it is not known which sending was answered, the usual. */
Test(session, the_round_trip_tells_how_long_to_wait)
{
	cr_assert_eq(patience(100 * P2V_MSEC, false), 200 * P2V_MSEC);
	cr_assert_eq(patience(1 * P2V_MSEC, false), 50 * P2V_MSEC);
	cr_assert_eq(patience(800 * P2V_MSEC, false), P2V_SECOND);
	cr_assert_eq(patience(300 * P2V_MSEC, true), 250 * P2V_MSEC);
}

/* The end of the handshake is lost: the client's flight comes again, and brings it. */
Test(session, the_last_word_is_repeated)
{
	static struct scene c;
	uint8_t d[DGRAM];
	size_t n;

	scene_init(&c);
	call(&c);
	while (!c.b.record || c.b.record->state != P2V_RECORD_UP) {
		carry(&c, &c.a, &c.b);
		if (c.b.record && c.b.record->state == P2V_RECORD_UP)
			break;
		carry(&c, &c.b, &c.a);
	}
	cr_assert(c.b.n > 0);
	c.b.n = 0; /* lost */
	cr_assert_eq(c.a.record->state, P2V_RECORD_HANDSHAKE);
	n = seal(&c.b, "early", d);
	c.a.record->ops->input(c.a.record, d, n, &c.a.up);
	(void)p2v_sim_run(c.sim, P2V_SECOND);
	c.a.record->ops->timeout(c.a.record, P2V_SECOND, &c.a.up);
	cr_assert(c.a.n > 0);
	carry(&c, &c.a, &c.b);
	cr_assert(c.b.n > 0 && c.b.n <= 2, "once, not for each datagram of the flight");
	carry(&c, &c.b, &c.a);
	cr_assert_eq(c.a.record->state, P2V_RECORD_UP);
	scene_fini(&c);
}

/* Without RFC 7627 the exported keys would not be bound to this handshake. */
Test(session, keys_are_bound_to_the_handshake)
{
	static struct scene c;

	for (int i = 0; i < 2; i++) {
		scene_init(&c);
		(void)SSL_CTX_set_options(
			(i ? &c.b : &c.a)->dtls->ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
		call(&c);
		for (int k = 0; k < 6; k++) {
			carry(&c, &c.a, &c.b);
			carry(&c, &c.b, &c.a);
		}
		cr_assert_eq(c.a.record->state, P2V_RECORD_FAILED);
		cr_assert_eq(c.b.record->state, P2V_RECORD_FAILED);
		cr_assert_str_eq(p2v_record_why(c.a.record)->text,
			"the remote has no extended master secret");
		cr_assert_eq(p2v_record_why(c.a.record)->code, P2V_EPROTO);
		cr_assert_not(c.a.record->refused);
		scene_fini(&c);
	}
}

/* Records of DTLS mean nothing any more once the keys are there, but for the handshake's own. */
Test(session, records_of_dtls_are_dropped_afterwards)
{
	static struct scene c;
	uint8_t d[64] = { 0, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 51 };

	scene_init(&c);
	shake(&c);
	for (int type = 20; type < 64; type++) {
		d[0] = (uint8_t)type;
		c.b.record->ops->input(c.b.record, d, sizeof d, &c.b.up);
		c.a.record->ops->input(c.a.record, d, sizeof d, &c.a.up);
	}
	cr_assert_eq(c.a.packets + c.b.packets, 0);
	cr_assert_eq(c.a.record->state, P2V_RECORD_UP);
	cr_assert_eq(c.b.record->state, P2V_RECORD_UP);
	cr_assert_eq(c.a.n, 0, "a client's last flight was heard");
	scene_fini(&c);
}

Test(session, close_is_heard)
{
	static struct scene c;

	scene_init(&c);
	shake(&c);
	c.a.record->ops->close(c.a.record, &c.a.up);
	carry(&c, &c.a, &c.b);
	cr_assert_eq(c.b.record->state, P2V_RECORD_CLOSED);
	scene_fini(&c);
}

Test(session, credentials_that_are_refused)
{
	static struct scene c;
	struct shown other, wide;
	struct p2v_bytes junk = { (const uint8_t *)"no key", 6 };
	struct p2v_bytes bad[1] = { { (const uint8_t *)"no certificate", 14 } };
	struct p2v_bytes key;
	struct p2v_err err;

	scene_init(&c);
	key = (struct p2v_bytes){ c.a.shown.key, c.a.shown.key_n };
	shown_make(&other, &c.ca, "P-256", -60, 3600);
	shown_make(&wide, &c.ca, "P-384", -60, 3600);
	cr_assert_eq(p2v_dtls_credentials(c.a.dtls, junk, c.a.shown.chain, 2, &err), P2V_ECONF);
	cr_assert(strstr(err.text, "no P-256 key"), "%s", err.text);
	cr_assert_eq(p2v_dtls_credentials(c.a.dtls, (struct p2v_bytes){ wide.key, wide.key_n },
			     wide.chain, 2, &err),
		P2V_ECONF);
	cr_assert(strstr(err.text, "no P-256 key"), "%s", err.text);
	cr_assert_eq(p2v_dtls_credentials(c.a.dtls, key, bad, 1, &err), P2V_ECONF);
	cr_assert(strstr(err.text, "do not parse"), "%s", err.text);
	cr_assert_eq(p2v_dtls_credentials(c.a.dtls, key, c.a.shown.chain, 0, &err), P2V_ECONF);
	cr_assert_eq(p2v_dtls_credentials(c.a.dtls, key, other.chain, 2, &err), P2V_ECONF);
	cr_assert(strstr(err.text, "does not belong"), "%s", err.text);
	shake(&c); /* what was there before still holds */
	scene_fini(&c);
}

Test(session, without_credentials)
{
	static struct scene c;
	struct p2v_trust t;
	struct p2v_dtls *d;
	struct p2v_records records;
	struct p2v_record *r = NULL;
	struct p2v_err err;

	scene_init(&c);
	t = judge_trust(&c.a.judge);
	cr_assert_eq(p2v_dtls_new(&c.node, &t, &d, &err), P2V_OK);
	records = p2v_dtls_records(d);
	cr_assert_eq(records.ops->dial(records.self, &c.a.up, &r, &err), P2V_EPERM);
	cr_assert_null(r);
	call(&c);
	cr_assert_eq(
		records.ops->accept(records.self, &c.from, c.a.out[0], c.a.out_n[0], &c.a.up, &r),
		P2V_EPROTO);
	cr_assert_null(r);
	p2v_dtls_free(d);
	scene_fini(&c);
}

/* When both call, both ends name the same call as the one that stands. */
Test(session, two_calls_one_stands)
{
	for (int i = 0; i < 20; i++) {
		static struct scene c;
		enum p2v_record_class at_a, at_b;
		struct p2v_err err;

		scene_init(&c);
		call(&c);
		cr_assert_eq(c.b.records.ops->dial(c.b.records.self, &c.b.up, &c.b.record, &err),
			P2V_OK);
		at_a = c.a.record->ops->classify(c.a.record, c.b.out[0], c.b.out_n[0]);
		at_b = c.b.record->ops->classify(c.b.record, c.a.out[0], c.a.out_n[0]);
		cr_assert_neq(at_a, at_b);
		cr_assert(at_a == P2V_RECORD_CALL || at_a == P2V_RECORD_STALE);
		cr_assert(at_b == P2V_RECORD_CALL || at_b == P2V_RECORD_STALE);
		cr_assert_eq(c.a.record->ops->classify(c.a.record, c.a.out[0], c.a.out_n[0]),
			P2V_RECORD_STALE, "an echo of one's own");
		scene_fini(&c);
	}
}

/* Nothing protects a handshake from who can forge the remote's address; but it ends with a reason.
 */
Test(session, an_alert_ends_the_handshake)
{
	static const uint8_t alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 80 };
	static struct scene c;

	scene_init(&c);
	call(&c);
	c.a.record->ops->input(c.a.record, alert, sizeof alert, &c.a.up);
	cr_assert_eq(c.a.record->state, P2V_RECORD_FAILED);
	cr_assert_eq(p2v_record_why(c.a.record)->code, P2V_EPROTO);
	cr_assert_str_eq(p2v_record_why(c.a.record)->text, "the remote broke off: internal error");
	cr_assert_eq(c.a.record->ops->deadline(c.a.record, 0), P2V_NEVER);
	scene_fini(&c);
}

Test(session, an_answer_that_is_none)
{
	static const uint8_t hello[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 2, 0, 0, 4,
		0, 0, 0, 0, 0, 0, 0, 4, 0xff, 0xff, 0, 0 };
	static struct scene c;

	scene_init(&c);
	call(&c);
	c.a.record->ops->input(c.a.record, hello, sizeof hello, &c.a.up);
	cr_assert_eq(c.a.record->state, P2V_RECORD_FAILED);
	cr_assert_eq(p2v_record_why(c.a.record)->code, P2V_EPROTO);
	cr_assert(strncmp(p2v_record_why(c.a.record)->text, "the handshake failed: ", 22) == 0,
		"%s", p2v_record_why(c.a.record)->text);
	scene_fini(&c);
}

/* Garbage that comes with the handshake is dropped; what is meant to come, comes. */
Test(session, shakes_hands_among_garbage)
{
	static struct scene c;
	uint8_t junk[100];
	struct p2v_random rnd;

	scene_init(&c);
	p2v_random_init(&rnd, 1, "junk");
	call(&c);
	for (int i = 0; i < 6; i++) {
		for (int k = 0; k < 20; k++) {
			for (size_t j = 0; j < sizeof junk; j++)
				junk[j] = (uint8_t)p2v_random_next(&rnd);
			junk[0] = (uint8_t)(24 + k % 40); /* of no type that DTLS has */
			c.a.record->ops->input(c.a.record, junk, 1 + (size_t)k * 5, &c.a.up);
			if (c.b.record)
				c.b.record->ops->input(
					c.b.record, junk, 1 + (size_t)k * 5, &c.b.up);
		}
		carry(&c, &c.a, &c.b);
		carry(&c, &c.b, &c.a);
	}
	cr_assert_eq(c.a.record->state, P2V_RECORD_UP);
	cr_assert_eq(c.b.record->state, P2V_RECORD_UP);
	scene_fini(&c);
}
