/* overlay_dtls_test.c - nodes and a tracker with certificates and OpenSSL's DTLS, over the virtual
 * network: how one comes in, and how all others stay out. Keys are random, so runs are checked for
 * what comes of them, not for equal events. */
#include "tests/sim/overlay_rig.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(overlay_dtls, .timeout = 300);

static struct town t;

static void village(size_t n)
{
	town_init_secure(&t, 1);
	t.tracker_conf.certificate_lifetime = 300 * P2V_SECOND;
	town_tracker(&t);
	for (size_t i = 0; i < n; i++)
		node_start(town_node(&t), &town_news);
	town_run(&t, 15 * P2V_SECOND);
}

static uint64_t enrolled(void)
{
	return t.tracker_at.node.metrics.v[P2V_M_ENROLLED];
}

/* Everybody is somebody, and nobody else is. */
static void check_mesh(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(node_gauge(&t.nodes[i], P2V_M_TRACKER_UP), 1);
		cr_assert_eq(node_partners(&t.nodes[i]), n - 1, "%zu has %zu", i,
			node_partners(&t.nodes[i]));
	}
}

Test(overlay_dtls, newcomers_enrol_and_become_partners)
{
	struct p2v_msg_news news = { .rendition = 1, .newest = 2 };
	int64_t ends;

	village(4);
	cr_assert_eq(enrolled(), 4);
	check_mesh(4);
	for (size_t i = 0; i < 4; i++)
		for (struct p2v_partner *p = p2v_partner_first(t.nodes[i].overlay); p;
			p = p2v_partner_next(p)) {
			cr_assert_eq(p2v_session_remote(p2v_partner_session(p))->role, P2V_IS_PEER);
			p2v_partner_send(p, P2V_MSG_news, &news);
		}
	town_run(&t, P2V_SECOND);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(t.nodes[i].messages, 3);
	/* After two thirds of its life each certificate is renewed, and no partner notices. */
	ends = t.nodes[0].at.node.crypto.ops->expires(t.nodes[0].at.node.crypto.self);
	town_run(&t, 230 * P2V_SECOND);
	cr_assert_eq(enrolled(), 8);
	cr_assert_gt(t.nodes[0].at.node.crypto.ops->expires(t.nodes[0].at.node.crypto.self), ends);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(t.nodes[i].downs, 0);
	check_mesh(4);
	cr_assert_eq(town_logged(&t, "certificate_refused"), 0);
	town_fini(&t);
}

Test(overlay_dtls, whoever_comes_back_with_its_certificate_is_known)
{
	village(2);
	cr_assert_eq(enrolled(), 2);
	node_end(&t.nodes[1]);
	town_run(&t, 10 * P2V_SECOND);
	cr_assert_eq(node_partners(&t.nodes[0]), 0);
	node_start(&t.nodes[1], &town_news);
	town_run(&t, 15 * P2V_SECOND);
	cr_assert_eq(enrolled(), 2, "it shows what it has");
	check_mesh(2);
	town_fini(&t);
}

Test(overlay_dtls, guests_without_the_token_meet_nobody)
{
	struct citizen *guest;

	town_init_secure(&t, 1);
	t.tracker_conf.admit = 1;
	t.tracker_conf.tokens = "secret";
	town_tracker(&t);
	for (int i = 0; i < 3; i++) {
		struct citizen *c = town_node(&t);

		c->conf.token = i < 2 ? "secret" : "guess";
		node_start(c, &town_news);
	}
	guest = &t.nodes[2];
	town_run(&t, 100 * P2V_SECOND);
	cr_assert_eq(enrolled(), 2);
	check_mesh(2);
	cr_assert_eq(node_gauge(guest, P2V_M_TRACKER_UP), 0);
	cr_assert_eq(node_gauge(guest, P2V_M_PEERS_KNOWN), 0);
	cr_assert_eq(guest->at.node.crypto.ops->expires(guest->at.node.crypto.self), 0);
	town_fini(&t);
}

/* It stands outside: neither the tracker nor a member takes it in, whoever calls, however often it
 * tries; and each of them says so once. */
static void check_outside(struct citizen *c, const char *why)
{
	struct p2v_session *s;
	struct p2v_err err;
	struct citizen *member = &t.nodes[0];
	unsigned downs = member->downs;
	size_t lines;

	town_run(&t, 100 * P2V_SECOND);
	cr_assert_eq(node_gauge(c, P2V_M_TRACKER_UP), 0);
	cr_assert_eq(node_gauge(c, P2V_M_PEERS_KNOWN), 0);
	lines = town_logged(&t, "event=certificate_refused");
	cr_assert_eq(lines, 1, "%zu", lines);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(p2v_dtl_dial(c->overlay->dtl, &member->at.addr, &s, &err), P2V_OK);
		town_run(&t, 10 * P2V_SECOND);
	}
	lines = town_logged(&t, "event=certificate_refused");
	cr_assert_eq(lines, 2, "the tracker and the member: %zu", lines);
	cr_assert_eq(town_logged(&t, why), 2, "%s", t.lines);
	cr_assert_eq(c->ups, 0);
	cr_assert_eq(member->downs, downs);
	cr_assert_eq(node_partners(member), 1);
}

Test(overlay_dtls, of_another_authority)
{
	struct town other;
	struct p2v_text key = { 0 }, certificate = { 0 };
	struct p2v_err err;
	struct citizen *c;

	town_init_secure(&other, 2);
	town_tracker(&other);
	node_start(town_node(&other), &town_news);
	town_run(&other, 5 * P2V_SECOND);
	cr_assert_eq(p2v_identity_export_key(other.nodes[0].at.identity, &key, &err), P2V_OK);
	cr_assert_eq(
		p2v_identity_export_certificate(other.nodes[0].at.identity, &certificate, &err),
		P2V_OK);
	town_fini(&other);
	village(2);
	c = town_node_with(&t, &key, &certificate);
	node_start(c, &town_news);
	check_outside(c, "the certificate is of another authority");
	town_fini(&t);
	p2v_text_fini(&key);
	p2v_text_fini(&certificate);
}

Test(overlay_dtls, expired)
{
	struct p2v_text key = { 0 }, certificate = { 0 };
	struct p2v_err err;
	struct citizen *c;

	village(3);
	cr_assert_eq(p2v_identity_export_key(t.nodes[2].at.identity, &key, &err), P2V_OK);
	cr_assert_eq(p2v_identity_export_certificate(t.nodes[2].at.identity, &certificate, &err),
		P2V_OK);
	node_end(&t.nodes[2]);
	town_run(&t, 400 * P2V_SECOND);
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(node_partners(&t.nodes[i]), 1);
	c = town_node_with(&t, &key, &certificate);
	node_start(c, &town_news);
	check_outside(c, "the certificate expired on");
	town_fini(&t);
	p2v_text_fini(&key);
	p2v_text_fini(&certificate);
}

Test(overlay_dtls, no_certificate_at_all)
{
	struct caller *k;
	uint64_t before;

	village(2);
	k = town_caller(&t, P2V_IS_GUEST);
	for (int i = 0; i < 5; i++)
		cr_assert_not(caller_dial(&t, k, &t.nodes[0].at.addr));
	cr_assert_eq(k->opened, 0);
	cr_assert_eq(town_logged(&t, "event=certificate_refused"), 1);
	cr_assert_geq(town_logged(&t, "it is self-signed"), 1);
	/* The tracker lets it in, but tells it nothing before it enrolled. */
	cr_assert(caller_dial(&t, k, &t.tracker_at.addr));
	before = enrolled();
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_peers], 0);
	cr_assert_eq(k->refused.code, 5);
	cr_assert_eq(enrolled(), before);
	town_fini(&t);
}

/* A session may outlast the certificate that began it, but is of no use from then on. */
Test(overlay_dtls, a_certificate_that_ends_amid_a_session)
{
	struct p2v_msg_enrol enrol = { .version = P2V_PROTOCOL_VERSION };
	struct caller *k;

	village(1);
	k = town_caller(&t, P2V_IS_GUEST);
	cr_assert(caller_dial(&t, k, &t.tracker_at.addr));
	caller_say(k, P2V_MSG_enrol, &enrol);
	for (int i = 0; i < 29; i++) {
		caller_join(k, &town_news, 30);
		town_run(&t, 10 * P2V_SECOND);
	}
	cr_assert_eq(k->heard[P2V_MSG_peers], 29);
	town_run(&t, 15 * P2V_SECOND); /* 305 s of 300 have passed */
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_peers], 29);
	cr_assert_eq(k->refused.code, 5);
	cr_assert_str_eq(k->text, "its certificate has ended");
	p2v_session_close(k->session, P2V_DTL_DONE, "anew");
	town_run(&t, 5 * P2V_SECOND);
	cr_assert(caller_dial(&t, k, &t.tracker_at.addr));
	caller_say(k, P2V_MSG_enrol, &enrol);
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_peers], 30, "it can come in again");
	town_fini(&t);
}

/* A certificate for one channel is none for another. */
Test(overlay_dtls, members_of_one_channel)
{
	struct p2v_msg_enrol enrol = { .version = P2V_PROTOCOL_VERSION };
	struct caller *k;

	village(1);
	k = town_caller(&t, P2V_IS_GUEST);
	cr_assert(caller_dial(&t, k, &t.tracker_at.addr));
	enrol.channels.v[enrol.channels.n++] = (struct p2v_bytes){ town_sport.b, 32 };
	caller_say(k, P2V_MSG_enrol, &enrol);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_enrolled], 1);
	caller_join(k, &town_news, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_refused], 1);
	cr_assert_str_eq(k->text, "its certificate is not for that channel");
	caller_join(k, &town_sport, 30);
	town_run(&t, P2V_SECOND);
	cr_assert_eq(k->heard[P2V_MSG_peers], 1);
	cr_assert_eq(k->peers.descriptors.n, 0);
	town_fini(&t);
}
