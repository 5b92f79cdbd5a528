/* box_test.c - datagrams and HTTP through NAT boxes of the virtual network: where they go, what
 * the other end sees, and which lines they cross. */
#include "tests/unit/sim/pair.h"

#include "sdk/sim/box.h"

TestSuite(sim_box, .timeout = 60);

struct ear {
	struct p2v_sim *sim;
	struct p2v_machine *machine;
	struct p2v_udp *u;
	struct p2v_addr at, from;
	unsigned n;
	p2v_usec when;
};

static void on_received(void *ctx, const struct p2v_dgram *v, size_t n)
{
	struct ear *e = ctx;

	e->n += (unsigned)n;
	e->from = v[n - 1].addr;
	e->when = p2v_sim_now(e->sim);
}

static void on_writable(void *ctx)
{
	(void)ctx;
}

static const struct p2v_udp_handler handler = { .received = on_received, .writable = on_writable };

static struct p2v_machine *machine(struct p2v_sim *s, const char *ip)
{
	static const struct p2v_link link = { .delay = 10000 };
	struct p2v_machine *m;
	struct p2v_addr a;

	cr_assert_eq(p2v_addr_parse_ip(p2v_str_of(ip), &a), P2V_OK);
	m = p2v_machine_new(s, ip, &a, &link);
	cr_assert(m);
	return m;
}

static struct p2v_sim_box *box(
	struct p2v_sim *s, const char *type, const char *ip, struct p2v_sim_box *behind)
{
	struct p2v_nat_conf c;
	struct p2v_sim_box *b;
	struct p2v_err err;

	p2v_nat_conf_default(&c);
	cr_assert_eq(p2v_nat_type_parse(p2v_str_of(type), &c.type), P2V_OK);
	cr_assert_eq(p2v_addr_parse_ip(p2v_str_of(ip), &c.outside), P2V_OK);
	b = p2v_sim_box_new(s, &c, behind, &err);
	if (!b)
		cr_assert_fail("%s", err.text);
	return b;
}

static void listen_on(struct ear *e, struct p2v_sim *s, struct p2v_machine *m, uint16_t port)
{
	struct p2v_world w = p2v_machine_world(m);
	struct p2v_addr any = { .port = port };
	struct p2v_err err;

	*e = (struct ear){ .sim = s, .machine = m };
	cr_assert_eq(w.ops->udp_open(w.self, &any, &handler, e, &e->u, &e->at, &err), P2V_OK);
}

static void stop(struct ear *e)
{
	struct p2v_world w = p2v_machine_world(e->machine);

	w.ops->udp_close(w.self, e->u);
}

/* Send one, and wait until it is there. @return whether `to` got it */
static bool reaches(struct ear *from, const struct p2v_addr *a, struct ear *to)
{
	struct p2v_world w = p2v_machine_world(from->machine);
	struct p2v_dgram d = { .addr = *a, .p = (const uint8_t *)"x", .n = 1 };
	unsigned before = to->n;

	cr_assert_eq(w.ops->udp_send(w.self, from->u, &d, 1), 1);
	p2v_sim_run(to->sim, p2v_sim_now(to->sim) + P2V_SECOND);
	return to->n == before + 1;
}

static struct p2v_addr addr(const char *text)
{
	struct p2v_addr a;
	struct p2v_err err;

	cr_assert_eq(p2v_addr_parse(text, &a, &err), P2V_OK);
	return a;
}

static void lawful(struct p2v_sim *s)
{
	struct p2v_sim_ledger l;

	p2v_sim_ledger(s, &l);
	cr_assert_eq(l.in_flight, 0);
	cr_assert_eq(l.sent, l.received + l.lost);
	cr_assert_eq(l.sent_bytes, l.received_bytes + l.lost_bytes);
}

Test(sim_box, the_way_out_opens_the_way_in)
{
	struct p2v_sim *s = p2v_sim_new(1);
	struct p2v_machine *home = machine(s, "192.168.0.2"), *a = machine(s, "10.0.0.1"),
			   *z = machine(s, "10.0.0.2");
	struct p2v_addr shown = addr("10.9.0.1:5000");
	struct ear in, out, stranger;

	p2v_machine_set_box(home, box(s, "EI-PP-PD", "10.9.0.1", NULL));
	listen_on(&in, s, home, 5000);
	listen_on(&out, s, a, 9);
	listen_on(&stranger, s, z, 9);
	cr_assert_not(reaches(&out, &shown, &in), "nothing was sent yet");
	cr_assert(reaches(&in, &out.at, &out));
	cr_assert(p2v_addr_equal(&out.from, &shown));
	cr_assert(reaches(&out, &shown, &in));
	cr_assert(p2v_addr_equal(&in.from, &out.at));
	cr_assert_not(reaches(&stranger, &shown, &in));
	cr_assert_not(reaches(&out, &in.at, &in), "its own address means nothing outside");
	cr_assert(p2v_machine_is_at(home, &shown));
	cr_assert(p2v_machine_is_at(home, &in.at));
	cr_assert_not(p2v_machine_is_at(home, &out.at));
	lawful(s);
	stop(&in);
	stop(&out);
	stop(&stranger);
	p2v_sim_free(s);
}

Test(sim_box, what_is_under_way_meets_the_box_as_it_is_then)
{
	struct p2v_sim *s = p2v_sim_new(1);
	struct p2v_machine *home = machine(s, "192.168.0.2"), *a = machine(s, "10.0.0.1");
	struct p2v_addr shown = addr("10.9.0.1:5000");
	struct p2v_world w = p2v_machine_world(a);
	struct p2v_dgram d = { .addr = shown, .p = (const uint8_t *)"x", .n = 1 };
	struct ear in, out;

	p2v_machine_set_box(home, box(s, "EI-PP-PD", "10.9.0.1", NULL));
	listen_on(&in, s, home, 5000);
	listen_on(&out, s, a, 9);
	cr_assert_eq(w.ops->udp_send(w.self, out.u, &d, 1), 1);
	p2v_sim_run(s, 15000);
	cr_assert(reaches(&in, &out.at, &out), "5 ms before the other is at the box");
	cr_assert_eq(in.n, 1, "which is how two ends punch their ways");
	stop(&in);
	stop(&out);
	p2v_sim_free(s);
}

Test(sim_box, neighbours_need_no_line)
{
	struct p2v_sim *s = p2v_sim_new(1);
	struct p2v_machine *a = machine(s, "192.168.0.2"), *z = machine(s, "192.168.0.3");
	struct p2v_sim_box *b = box(s, "PD-RD-PD", "10.9.0.1", NULL);
	struct p2v_link_count c;
	struct ear one, two;
	p2v_usec began;

	p2v_machine_set_box(a, b);
	p2v_machine_set_box(z, b);
	listen_on(&one, s, a, 5000);
	listen_on(&two, s, z, 5000);
	began = p2v_sim_now(s);
	cr_assert(reaches(&one, &two.at, &two));
	cr_assert(p2v_addr_equal(&two.from, &one.at));
	cr_assert_eq(two.when - began, 1000);
	cr_assert_eq(p2v_nat_mappings(p2v_sim_box_nat(b), p2v_sim_now(s)), 0);
	p2v_machine_count(z, &c);
	cr_assert_eq(c.received, 1);
	lawful(s);
	stop(&one);
	stop(&two);
	p2v_sim_free(s);
}

Test(sim_box, hairpin_leads_back_home)
{
	struct p2v_sim *s = p2v_sim_new(1);
	struct p2v_machine *a = machine(s, "192.168.0.2"), *z = machine(s, "192.168.0.3"),
			   *far = machine(s, "10.0.0.1");
	struct p2v_sim_box *b = box(s, "EI-PP-EI", "10.9.0.1", NULL);
	struct p2v_addr at_a = addr("10.9.0.1:5000"), at_z = addr("10.9.0.1:6000");
	struct ear one, two, server;

	p2v_machine_set_box(a, b);
	p2v_machine_set_box(z, b);
	listen_on(&one, s, a, 5000);
	listen_on(&two, s, z, 6000);
	listen_on(&server, s, far, 9);
	cr_assert(reaches(&two, &server.at, &server));
	cr_assert(reaches(&one, &at_z, &two));
	cr_assert(p2v_addr_equal(&two.from, &at_a));
	cr_assert(reaches(&two, &at_a, &one));
	lawful(s);
	stop(&one);
	stop(&two);
	stop(&server);
	p2v_sim_free(s);
}

Test(sim_box, a_carriers_box_before_those_of_homes)
{
	struct p2v_sim *s = p2v_sim_new(1);
	struct p2v_machine *a = machine(s, "192.168.0.2"), *z = machine(s, "192.168.1.2"),
			   *far = machine(s, "10.0.0.1");
	struct p2v_sim_box *carrier = box(s, "EI-PC-EI", "10.9.0.1", NULL);
	struct ear one, two, server;
	struct p2v_addr at_a, at_z;

	p2v_machine_set_box(a, box(s, "EI-PP-EI", "100.64.0.1", carrier));
	p2v_machine_set_box(z, box(s, "EI-PP-PD", "100.64.0.2", carrier));
	listen_on(&one, s, a, 5000);
	listen_on(&two, s, z, 5000);
	listen_on(&server, s, far, 9);
	cr_assert(reaches(&one, &server.at, &server));
	at_a = server.from;
	cr_assert(p2v_machine_is_at(a, &at_a));
	cr_assert(reaches(&two, &server.at, &server));
	at_z = server.from;
	cr_assert_eq(at_z.port, (uint16_t)(at_a.port + 1), "one host, two ports");
	cr_assert(reaches(&server, &at_a, &one));
	cr_assert(reaches(&server, &at_z, &two));
	cr_assert_not(reaches(&one, &at_z, &two), "the carrier lets it pass, the home does not");
	cr_assert(reaches(&two, &at_a, &one), "out, back at the carrier, and in");
	cr_assert(p2v_addr_equal(&one.from, &at_z));
	cr_assert(reaches(&one, &at_z, &two));
	lawful(s);
	stop(&one);
	stop(&two);
	stop(&server);
	p2v_sim_free(s);
}

Test(sim_box, a_mapping_that_is_gone_is_nobodys)
{
	struct p2v_sim *s = p2v_sim_new(1);
	struct p2v_machine *home = machine(s, "192.168.0.2"), *far = machine(s, "10.0.0.1");
	struct p2v_sim_box *b = box(s, "EI-RD-EI", "10.9.0.1", NULL);
	struct ear in, out;
	struct p2v_addr first;

	p2v_machine_set_box(home, b);
	listen_on(&in, s, home, 5000);
	listen_on(&out, s, far, 9);
	cr_assert(reaches(&in, &out.at, &out));
	first = out.from;
	p2v_nat_reboot(p2v_sim_box_nat(b));
	cr_assert_not(reaches(&out, &first, &in));
	cr_assert(reaches(&in, &out.at, &out));
	cr_assert_neq(out.from.port, first.port);
	first = out.from;
	p2v_sim_run(s, p2v_sim_now(s) + 121 * P2V_SECOND);
	cr_assert_not(reaches(&out, &first, &in), "it timed out");
	stop(&in);
	stop(&out);
	p2v_sim_free(s);
}

Test(sim_box, http_passes_outwards_and_never_inwards)
{
	static const struct p2v_link link = { .delay = 10000 };
	struct visit v;
	struct pair p;

	pair_open(&p, &link, &link);
	site_open(&p, act_whole);
	p2v_machine_set_box(p.near, box(p.sim, "PD-RD-PD", "10.9.0.1", NULL));
	visit(&v, &p, "http://far/");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(v.code, P2V_OK);
	cr_assert_eq(v.dones, 1);
	pair_close(&p);
	pair_open(&p, &link, &link);
	site_open(&p, act_whole);
	p2v_machine_set_box(p.far, box(p.sim, "EI-PP-EI", "10.9.0.1", NULL));
	visit(&v, &p, "http://far/");
	p2v_sim_run(p.sim, P2V_NEVER);
	cr_assert_eq(v.code, P2V_ETIMEDOUT);
	pair_close(&p);
}
