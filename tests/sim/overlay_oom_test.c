/* overlay_oom_test.c - memory runs out in a town, at every allocation in turn: nobody breaks, and
 * when memory is back, everybody finds everybody again. */
#include "tests/sim/overlay_rig.h"

#include <criterion/criterion.h>

#include "tests/unit/oom.h"

TestSuite(overlay_oom, .timeout = 300);

static struct town t;

static void village(size_t n)
{
	town_init(&t, 1);
	town_tracker(&t);
	for (size_t i = 0; i < n; i++) {
		struct citizen *c = town_node(&t);

		c->at.plain = true;
		c->at.lifetime = 600;
		node_start(c, &town_news);
	}
}

static void check_whole(size_t n, long after)
{
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(node_partners(&t.nodes[i]), n - 1, "%zu has %zu partners after %ld", i,
			node_partners(&t.nodes[i]), after);
}

/* While they come together. */
Test(overlay_oom, at_the_start)
{
	bool struck = true;

	for (long after = 0; struck && after < 4000; after += after < 100 ? 1 : 13) {
		village(3);
		oom_after(after);
		town_run(&t, P2V_SECOND);
		struck = oom_struck();
		oom_after(-1);
		node_join(&t.nodes[1], &town_sport);
		town_run(&t, 240 * P2V_SECOND);
		check_whole(3, after);
		town_fini(&t);
	}
}

/* While they are together and speak, and one of them leaves. */
Test(overlay_oom, amid_talk)
{
	struct p2v_msg_gone gone = { .keys = { .n = 32 } };
	bool struck = true;

	for (size_t i = 0; i < 32; i++) /* too long for the stack's buffer */
		gone.keys.v[i] = (struct p2v_bytes){ town_news.b, 32 };
	for (long after = 0; struck && after < 4000; after += after < 100 ? 1 : 13) {
		village(4);
		town_run(&t, 20 * P2V_SECOND);
		check_whole(4, -1);
		oom_after(after);
		for (size_t i = 0; i < 4; i++)
			for (struct p2v_partner *p = p2v_partner_first(t.nodes[i].overlay), *next;
				p; p = next) {
				next = p2v_partner_next(p);
				p2v_partner_send(p, P2V_MSG_gone, &gone);
			}
		(void)!p2v_overlay_join(t.nodes[1].overlay, &town_sport);
		p2v_overlay_set_capacity(t.nodes[2].overlay, 1000000, false);
		node_end(&t.nodes[3]);
		t.nodes[3].ups = t.nodes[3].downs = 0;
		town_run(&t, P2V_SECOND);
		struck = oom_struck();
		oom_after(-1);
		town_run(&t, 240 * P2V_SECOND);
		check_whole(3, after);
		town_fini(&t);
	}
}

Test(overlay_oom, nothing_is_made_halfway)
{
	static const struct p2v_overlay_handler none;
	struct p2v_records records;
	struct p2v_overlay *o = NULL;
	struct p2v_tracker *tracker = NULL;
	struct citizen *c;
	struct p2v_err err;
	int rc = P2V_ENOMEM;
	long n;

	town_init(&t, 1);
	c = town_node(&t);
	c->conf.tracker = "";
	records = place_records(&c->at);
	for (n = 0; rc < 0; n++) {
		cr_assert_lt(n, 1000);
		oom_after(n);
		rc = p2v_overlay_new(&c->at.node, &c->conf, &c->at.transport, &records, &c->at.cc,
			&c->select, &none, NULL, &o, &err);
		oom_after(-1);
		cr_assert(rc == P2V_OK || err.text[0]);
		cr_assert(rc == P2V_OK || rc == P2V_ENOMEM || rc == P2V_EIO, "%d", rc);
	}
	cr_assert_geq(n, 3);
	p2v_overlay_free(o);
	town_tracker(&t);
	town_tracker_ends(&t);
	records = place_records(&t.tracker_at);
	for (n = 0, rc = P2V_ENOMEM; rc < 0; n++) {
		cr_assert_lt(n, 1000);
		oom_after(n);
		rc = p2v_tracker_new(&t.tracker_at.node, &t.tracker_conf, &t.tracker_at.transport,
			&records, &t.tracker_at.cc, &t.registry, &tracker, &err);
		oom_after(-1);
		cr_assert(rc == P2V_OK || rc == P2V_ENOMEM || rc == P2V_EIO, "%d", rc);
	}
	cr_assert_geq(n, 3);
	p2v_tracker_free(tracker);
	town_fini(&t);
}
