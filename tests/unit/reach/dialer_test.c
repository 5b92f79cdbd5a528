/* dialer_test.c - reaching a peer at one of several addresses, in virtual time: who is called when,
 * who wins, and what becomes of the others. */
#include <criterion/criterion.h>
#include <string.h>

#include <peer2view/plugin.h>
#include "framework/base/options.h"
#include "framework/base/policy.h"
#include "framework/reach/dialer.h"
#include "sdk/sim/record.h"
#include "sdk/sim/world.h"

TestSuite(dialer, .timeout = 120);

extern const struct p2v_plugin p2v_cc_newreno_LTX_p2v_plugin;

enum { HOSTS = 9, PORT = 7000 };
#define MS P2V_MSEC

struct host {
	struct p2v_machine *machine;
	struct p2v_node node;
	struct p2v_policy cc;
	uint8_t cc_conf[256];
	struct p2v_dtl_conf conf;
	struct p2v_id id;
	struct p2v_sim_records *records;
	struct p2v_dtl *dtl;
	struct p2v_addr addr;
	unsigned opened, closed;
	p2v_usec called; /* when it first opened a session */
};

static struct p2v_sim *sim;
static struct host hosts[HOSTS];
static size_t n_hosts;
static struct p2v_dial dial;
static struct host *me;

/* What the dialer told. */
static unsigned done, judged;
static struct p2v_session *got;
static struct p2v_err why;
static p2v_usec when;
static bool again;            /* start anew when it is done */
static uint32_t max_sessions; /* of hosts; 0: the default */

static void opened(void *ctx, struct p2v_session *s)
{
	struct host *h = ctx;

	h->opened++;
	h->called = p2v_sim_now(sim);
	if (h == me)
		cr_assert(p2v_dial_opened(&dial, s), "it called nobody else");
}

static void closed(void *ctx, struct p2v_session *s, const struct p2v_err *err)
{
	struct host *h = ctx;

	h->closed++;
	if (h == me)
		(void)p2v_dial_closed(&dial, s, err);
}

static void stream(void *ctx, struct p2v_stream *t)
{
	(void)ctx;
	(void)t;
}

static void accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	(void)ctx;
	(void)s;
	(void)t;
}

static void ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	(void)ctx;
	(void)t;
	(void)code;
	(void)reason;
}

/* A host whose peer id begins with that letter. */
static struct host *host(char id, p2v_usec delay)
{
	static const struct p2v_dtl_handler handler = { .opened = opened,
		.closed = closed,
		.accepted = accepted,
		.readable = stream,
		.writable = stream,
		.ended = ended };
	const struct p2v_plugin *cc = &p2v_cc_newreno_LTX_p2v_plugin;
	struct host *h = &hosts[n_hosts++];
	struct p2v_link link = { .delay = delay };
	struct p2v_addr ip = p2v_addr_v4(0x0a000000u + (uint32_t)n_hosts, 0),
			bind = { .port = PORT };
	struct p2v_records records;
	struct p2v_world world;
	struct p2v_err err;
	char name[16];

	cr_assert_leq(n_hosts, HOSTS);
	(void)snprintf(name, sizeof name, "h%zu", n_hosts);
	h->machine = p2v_machine_new(sim, name, &ip, &link);
	cr_assert(h->machine);
	world = p2v_machine_world(h->machine);
	p2v_node_init(&h->node, &world, n_hosts);
	h->id = (struct p2v_id){ { (uint8_t)id } };
	cr_assert_leq(cc->conf_size, sizeof h->cc_conf);
	cr_assert_eq(p2v_options_default(cc->options, cc->option_size, h->cc_conf, &err), P2V_OK);
	p2v_policy_init(&h->cc, &h->node, cc, h->cc_conf);
	cr_assert_eq(p2v_options_default(p2v_dtl_options, sizeof *p2v_dtl_options, &h->conf, &err),
		P2V_OK);
	if (max_sessions)
		h->conf.max_sessions = max_sessions;
	h->records = p2v_sim_records_new(
		&h->node, &h->id, id == 'T' ? P2V_IS_TRACKER : P2V_IS_PEER, NULL);
	cr_assert(h->records);
	records = p2v_sim_records(h->records);
	cr_assert_eq(p2v_dtl_new(&h->node, &h->conf, &records, &h->cc, &bind, &handler, h, &h->dtl,
			     &err),
		P2V_OK);
	h->addr = ip;
	h->addr.port = PORT;
	return h;
}

static void begin(void)
{
	sim = p2v_sim_new(1);
	cr_assert(sim);
	me = host('m', 5 * MS);
}

static void end(void)
{
	p2v_dial_cancel(&dial);
	for (size_t i = 0; i < n_hosts; i++) {
		p2v_dtl_free(hosts[i].dtl);
		p2v_sim_records_free(hosts[i].records);
		p2v_node_fini(&hosts[i].node);
	}
	p2v_sim_free(sim);
}

static void run(p2v_usec time)
{
	(void)p2v_sim_run(sim, p2v_sim_now(sim) + time);
}

static struct p2v_addr nobody(uint8_t n)
{
	return p2v_addr_v4(0x0a0000c8u + n, PORT);
}

static void start(const struct p2v_addr *v, size_t n, char want);

static void on_done(struct p2v_dial *d, struct p2v_session *s, const struct p2v_err *err)
{
	cr_assert_eq(d, &dial);
	cr_assert_not(d->active, "it is over when it is told");
	done++;
	got = s;
	why = *err;
	when = p2v_sim_now(sim);
	if (again) {
		again = false;
		start(d->addrs, 1, 'a');
	}
}

static void start(const struct p2v_addr *v, size_t n, char want)
{
	struct p2v_id id = { { (uint8_t)want } };
	unsigned before = done;

	dial.done = on_done;
	p2v_dial_start(&dial, &me->node, me->dtl, want ? &id : NULL, v, n);
	cr_assert_eq(done, before, "never inside the call");
	cr_assert(dial.active);
}

static void check_reached(const struct host *h)
{
	struct p2v_session_info info;

	cr_assert_eq(done, 1);
	cr_assert(got);
	p2v_session_info(got, &info);
	cr_assert(p2v_addr_equal(&info.addr, &h->addr));
	cr_assert_arr_eq(p2v_session_remote(got)->id.b, h->id.b, 32);
}

Test(dialer, one_address)
{
	struct host *a;

	begin();
	a = host('a', 5 * MS);
	start(&a->addr, 1, 'a');
	run(P2V_SECOND);
	check_reached(a);
	run(60 * P2V_SECOND);
	cr_assert_eq(done, 1);
	cr_assert_eq(a->opened, 1);
	cr_assert_eq(a->closed, 0, "the session is the owner's");
	end();
}

Test(dialer, no_address)
{
	begin();
	start(NULL, 0, 'a');
	run(MS);
	cr_assert_eq(done, 1);
	cr_assert_not(got);
	cr_assert_str_eq(why.text, "it has no address");
	end();
}

Test(dialer, the_next_is_called_after_a_while)
{
	struct p2v_addr v[3];
	struct host *a;

	begin();
	a = host('a', 5 * MS);
	v[0] = nobody(0);
	v[1] = nobody(1);
	v[2] = a->addr;
	start(v, 3, 'a');
	run(P2V_SECOND);
	check_reached(a);
	cr_assert_geq(a->called, 2 * P2V_DIAL_STAGGER);
	cr_assert_leq(when, 2 * P2V_DIAL_STAGGER + 100 * MS);
	run(60 * P2V_SECOND);
	cr_assert_eq(done, 1, "the calls that were given up tell nothing");
	cr_assert_eq(me->closed, 2);
	end();
}

Test(dialer, the_first_that_answers_wins)
{
	struct p2v_addr v[2];
	struct host *far, *near;

	begin();
	far = host('a', 400 * MS);
	near = host('a', 5 * MS);
	v[0] = far->addr;
	v[1] = near->addr;
	start(v, 2, 'a');
	run(P2V_SECOND / 2);
	check_reached(near);
	run(120 * P2V_SECOND);
	cr_assert_eq(done, 1);
	cr_assert_eq(far->opened, far->closed, "nobody keeps half a session");
	cr_assert_eq(near->closed, 0);
	end();
}

Test(dialer, a_wrong_peer_does_not_hold_up_the_right_one)
{
	struct p2v_addr v[2];
	struct host *a, *b;

	begin();
	b = host('b', 5 * MS);
	a = host('a', 5 * MS);
	v[0] = b->addr;
	v[1] = a->addr;
	start(v, 2, 'a');
	run(P2V_SECOND);
	check_reached(a);
	cr_assert_lt(a->called, P2V_DIAL_STAGGER, "it is called as soon as the first was wrong");
	cr_assert_eq(b->closed, 1);
	end();
}

Test(dialer, nobody_is_right)
{
	struct p2v_addr v[2];
	struct host *b, *c;

	begin();
	b = host('b', 5 * MS);
	c = host('c', 5 * MS);
	v[0] = b->addr;
	v[1] = c->addr;
	start(v, 2, 'a');
	run(P2V_SECOND);
	cr_assert_eq(done, 1);
	cr_assert_not(got);
	cr_assert_eq(why.code, P2V_EPERM);
	cr_assert_str_eq(why.text, "another peer answered at its address");
	cr_assert_eq(b->closed + c->closed, 2);
	end();
}

Test(dialer, nobody_answers)
{
	struct p2v_addr v[2] = { nobody(0), nobody(1) };

	begin();
	start(v, 2, 'a');
	run(me->conf.handshake_timeout - MS);
	cr_assert_eq(done, 0);
	run(P2V_DIAL_STAGGER + 2 * P2V_SECOND);
	cr_assert_eq(done, 1);
	cr_assert_not(got);
	cr_assert_eq(why.code, P2V_ETIMEDOUT);
	end();
}

Test(dialer, six_addresses_at_most)
{
	struct p2v_addr v[8];
	struct host *a;

	begin();
	a = host('a', 5 * MS);
	for (uint8_t i = 0; i < 8; i++)
		v[i] = nobody(i);
	v[6] = v[7] = a->addr;
	start(v, 8, 'a');
	run(60 * P2V_SECOND);
	cr_assert_eq(done, 1);
	cr_assert_not(got);
	cr_assert_eq(a->opened, 0);
	cr_assert_eq(me->closed, 6);
	end();
}

Test(dialer, the_same_address_twice)
{
	struct p2v_addr v[3];
	struct host *a;

	begin();
	a = host('a', 5 * MS);
	v[0] = v[1] = v[2] = a->addr;
	start(v, 3, 'a');
	run(P2V_SECOND);
	check_reached(a);
	cr_assert_eq(a->opened, 1);
	done = 0;
	start(v, 3, 'a'); /* there is a session with it already */
	run(P2V_SECOND);
	cr_assert_eq(done, 1);
	cr_assert_not(got);
	cr_assert_eq(why.code, P2V_EAGAIN);
	end();
}

Test(dialer, given_up)
{
	struct p2v_addr v[2];
	struct host *a;

	for (p2v_usec after = 0; after < 500 * MS; after += 3 * MS) {
		n_hosts = 0;
		done = 0;
		memset(hosts, 0, sizeof hosts);
		memset(&dial, 0, sizeof dial);
		begin();
		a = host('a', 40 * MS);
		v[0] = nobody(0);
		v[1] = a->addr;
		start(v, 2, 'a');
		run(after);
		if (!done) {
			p2v_dial_cancel(&dial);
			p2v_dial_cancel(&dial);
			run(120 * P2V_SECOND);
			cr_assert_eq(done, 0, "no word after that");
			cr_assert_eq(a->opened, a->closed);
		}
		end();
	}
	cr_assert_eq(done, 1, "the last ones came too late");
}

Test(dialer, anew_from_within)
{
	struct host *a;

	begin();
	a = host('a', 5 * MS);
	again = true;
	start(&a->addr, 1, 'x');
	run(P2V_SECOND);
	cr_assert_eq(done, 2);
	/* The session that was wrong may still be ending, and then the address is not free. */
	cr_assert(got || why.code == P2V_EAGAIN, "%s", why.text);
	end();
}

/* ---- anybody ---- */

Test(dialer, whoever_answers)
{
	struct host *b;

	begin();
	b = host('b', 5 * MS);
	start(&b->addr, 1, 0);
	run(P2V_SECOND);
	check_reached(b);
	end();
}

static int is_tracker(struct p2v_dial *d, struct p2v_session *s, struct p2v_err *err)
{
	cr_assert_eq(d, &dial);
	judged++;
	return p2v_session_remote(s)->role == P2V_IS_TRACKER
		       ? P2V_OK
		       : p2v_fail(err, P2V_EPERM, "that is no tracker");
}

Test(dialer, the_owner_judges)
{
	struct p2v_addr v[3];
	struct host *b, *t;

	begin();
	b = host('b', 5 * MS);
	t = host('T', 5 * MS);
	v[0] = b->addr;
	v[1] = nobody(0);
	v[2] = t->addr;
	dial.right = is_tracker;
	start(v, 3, 0);
	run(P2V_SECOND);
	check_reached(t);
	cr_assert_eq(judged, 2);
	done = 0;
	v[2] = b->addr;
	start(v, 1, 0);
	run(P2V_SECOND);
	cr_assert_eq(done, 1);
	cr_assert_not(got);
	cr_assert_str_eq(why.text, "that is no tracker");
	end();
}

/* ---- what the transport refuses ---- */

Test(dialer, no_room_for_a_session)
{
	struct p2v_addr v[5] = { nobody(0), nobody(1), nobody(2), nobody(3), nobody(4) };
	struct host *a;

	max_sessions = 3;
	begin();
	a = host('a', 5 * MS);
	v[4] = a->addr;
	start(v, 5, 'a');
	run(60 * P2V_SECOND);
	cr_assert_eq(done, 1);
	cr_assert_not(got);
	cr_assert_eq(me->closed, 3, "as many as there was room for");
	cr_assert_eq(a->opened, 0);
	done = 0;
	start(v + 4, 1, 'a');
	run(P2V_SECOND);
	check_reached(a);
	done = 0;
	max_sessions = 0;
	end();
}
