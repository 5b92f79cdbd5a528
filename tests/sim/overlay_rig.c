/* overlay_rig.c - a town for tests of the overlay. */
#include <config.h>

#include "tests/sim/overlay_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"

extern const struct p2v_plugin p2v_cc_newreno_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_select_random_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_registry_memory_LTX_p2v_plugin;

const struct p2v_id town_news = { { 'n' } }, town_sport = { { 's' } };

static void defaults(const struct p2v_option *table, void *conf)
{
	struct p2v_err err;

	cr_assert_eq(p2v_options_default(table, sizeof *table, conf, &err), P2V_OK);
}

/* ---- places ---- */

static struct place *place_of(void *crypto)
{
	return P2V_OF(crypto, struct place, sim_crypto);
}

static int64_t place_expires(void *self)
{
	struct place *p = place_of(self);

	return p->ends ? p->ends : p->plain ? 0 : INT64_MAX;
}

static int place_install(void *self, const struct p2v_chain *chain, struct p2v_err *err)
{
	struct place *p = place_of(self);

	(void)err;
	p->ends = chain->n == 0 ? 0
				: p->node.world.ops->wall(p->node.world.self) +
					  (int64_t)p->lifetime * P2V_SECOND;
	return P2V_OK;
}

struct p2v_str pem_of(const struct p2v_text *t)
{
	return (struct p2v_str){ t->p, t->n };
}

static void make_simple(struct place *p, enum p2v_standing role)
{
	struct p2v_crypto crypto;

	p2v_sim_crypto_init(&p->sim_crypto, p->node.seed);
	crypto = p2v_sim_crypto(&p->sim_crypto);
	p->ops = *crypto.ops;
	p->ops.expires = place_expires;
	p->ops.install = place_install;
	p->node.crypto = (struct p2v_crypto){ &p->ops, &p->sim_crypto };
	p->records = p2v_sim_records_new(&p->node, &p->sim_crypto.id, role, NULL);
	cr_assert(p->records);
}

static void shown(void *ctx, struct p2v_bytes key, const struct p2v_chain *chain)
{
	struct place *p = ctx;
	struct p2v_err err;

	if (p2v_dtls_credentials(p->dtls, key, chain->v, chain->n, &err) < 0)
		cr_assert_fail("%s", err.text);
}

static void must(int rc, const struct p2v_err *err)
{
	if (rc < 0)
		cr_assert_fail("%s", err->text);
}

/* The tracker with all that it needs, anybody else with a fresh key. */
static void make_secure(struct town *t, struct place *p, enum p2v_standing role)
{
	struct p2v_authority *a = &t->authority;
	struct p2v_trust trust;
	struct p2v_err err;

	if (!a->ca.p)
		must(p2v_authority_make(
			     "town", p->node.world.ops->wall(p->node.world.self), 365, a, &err),
			&err);
	must(p2v_identity_new(&p->node, &p->identity, &err), &err);
	p->node.crypto = p2v_identity_crypto(p->identity);
	trust = p2v_identity_trust(p->identity);
	must(p2v_dtls_new(&p->node, &trust, &p->dtls, &err), &err);
	must(p2v_identity_authority(p->identity, pem_of(&a->ca), &err), &err);
	if (role == P2V_IS_TRACKER) {
		must(p2v_identity_issuer(
			     p->identity, pem_of(&a->issuer), pem_of(&a->issuer_key), &err),
			&err);
		must(p2v_identity_key(p->identity, pem_of(&a->tracker_key), &err), &err);
		must(p2v_identity_certificate(p->identity, pem_of(&a->tracker), true, &err), &err);
		p2v_identity_admit_guests(p->identity, true);
	}
	must(p2v_identity_on_change(p->identity, shown, p, &err), &err);
}

struct p2v_records place_records(const struct place *p)
{
	return p->dtls ? p2v_dtls_records(p->dtls) : p2v_sim_records(p->records);
}

static void place_fini(struct place *p)
{
	p2v_sim_records_free(p->records);
	p2v_dtls_free(p->dtls);
	p2v_identity_free(p->identity);
	p2v_node_fini(&p->node);
}

static void place_init(struct town *t, struct place *p, const char *name, enum p2v_standing role)
{
	const struct p2v_plugin *cc = &p2v_cc_newreno_LTX_p2v_plugin;
	struct p2v_addr ip = p2v_addr_v4(0x0a000001u + (uint32_t)t->places++, 0);
	struct p2v_world world;

	p->sim = t->sim;
	p->machine = p2v_machine_new(t->sim, name, &ip, &t->link);
	cr_assert(p->machine);
	world = p2v_machine_world(p->machine);
	p2v_node_init(&p->node, &world, t->places + 7);
	p->node.log_level = P2V_LOG_DEBUG;
	if (t->secure)
		make_secure(t, p, role);
	else
		make_simple(p, role);
	cr_assert(cc->conf_size <= sizeof p->cc_conf);
	cr_assert_eq(p2v_options_default(cc->options, cc->option_size, p->cc_conf, NULL), P2V_OK);
	p2v_policy_init(&p->cc, &p->node, cc, p->cc_conf);
	defaults(p2v_dtl_options, &p->transport);
	p->addr = ip;
}

const struct p2v_id *place_id(const struct place *p)
{
	return p->node.crypto.ops->id(p->node.crypto.self);
}

/* ---- the town ---- */

void town_init(struct town *t, uint64_t seed)
{
	memset(t, 0, sizeof *t);
	t->sim = p2v_sim_new(seed);
	cr_assert(t->sim);
	t->log = open_memstream(&t->lines, &t->n_lines);
	cr_assert(t->log);
	p2v_sim_set_log(t->sim, t->log);
	t->link = (struct p2v_link){ .up = 12500000, .down = 12500000, .delay = 5 * P2V_MSEC };
	defaults(p2v_tracker_options, &t->tracker_conf);
	t->tracker_conf.listen = "*:8790";
}

void town_init_secure(struct town *t, uint64_t seed)
{
	town_init(t, seed);
	t->secure = true;
}

void town_tracker(struct town *t)
{
	const struct p2v_plugin *plugin = &p2v_registry_memory_LTX_p2v_plugin;
	struct p2v_records records;
	struct p2v_err err;

	if (!t->tracker_at.machine) {
		place_init(t, &t->tracker_at, "tracker", P2V_IS_TRACKER);
		p2v_sim_name(t->sim, "tracker", &t->tracker_at.addr);
		cr_assert(plugin->conf_size <= sizeof t->registry_conf);
		cr_assert_eq(p2v_options_default(
				     plugin->options, plugin->option_size, t->registry_conf, &err),
			P2V_OK);
		p2v_policy_init(&t->registry, &t->tracker_at.node, plugin, t->registry_conf);
	}
	records = place_records(&t->tracker_at);
	if (p2v_tracker_new(&t->tracker_at.node, &t->tracker_conf, &t->tracker_at.transport,
		    &records, &t->tracker_at.cc, &t->registry, &t->tracker, &err) < 0)
		cr_assert_fail("%s", err.text);
	t->tracker_at.addr.port = 8790;
}

void town_tracker_ends(struct town *t)
{
	p2v_tracker_free(t->tracker);
	t->tracker = NULL;
}

void town_fini(struct town *t)
{
	for (size_t i = 0; i < t->n_nodes; i++) {
		node_end(&t->nodes[i]);
		place_fini(&t->nodes[i].at);
	}
	for (size_t i = 0; i < t->n_callers; i++) {
		p2v_talk_close(&t->callers[i].talk);
		p2v_dtl_free(t->callers[i].dtl);
		place_fini(&t->callers[i].at);
	}
	town_tracker_ends(t);
	place_fini(&t->tracker_at);
	p2v_authority_fini(&t->authority);
	p2v_sim_free(t->sim);
	(void)fclose(t->log);
	free(t->lines);
}

void town_run(struct town *t, p2v_usec time)
{
	(void)p2v_sim_run(t->sim, p2v_sim_now(t->sim) + time);
}

size_t town_logged(struct town *t, const char *text)
{
	size_t n = 0;

	(void)fflush(t->log);
	for (const char *p = t->lines; p && (p = strstr(p, text)); p++)
		n++;
	return n;
}

/* ---- nodes ---- */

static void on_up(void *ctx, struct p2v_partner *p)
{
	struct citizen *c = ctx;

	c->ups++;
	cr_assert(!p2v_partner_user(p));
	p2v_partner_set_user(p, c);
}

static void on_shares(void *ctx, struct p2v_partner *p)
{
	struct citizen *c = ctx;

	c->shares++;
	cr_assert_eq(p2v_partner_user(p), c, "shares comes after up");
}

static void on_down(void *ctx, struct p2v_partner *p)
{
	struct citizen *c = ctx;

	c->downs++;
	cr_assert_eq(p2v_partner_user(p), c, "down comes after up, and once");
	p2v_partner_set_user(p, NULL);
}

static void on_message(void *ctx, struct p2v_partner *p, uint64_t number, const union p2v_msg *msg)
{
	struct citizen *c = ctx;

	(void)msg;
	c->messages++;
	cr_assert_eq(p2v_partner_user(p), c, "messages come from partners");
	cr_assert(number >= P2V_MSG_follow && number <= P2V_MSG_gone);
}

static void held(struct p2v_stream_owner *o, struct p2v_stream *t)
{
	(void)o;
	(void)t;
}

static void held_ended(struct p2v_stream_owner *o, struct p2v_stream *t, int code, uint64_t reason)
{
	struct citizen *c = P2V_OF(o, struct citizen, owner);

	(void)t;
	(void)code;
	(void)reason;
	c->ended++;
}

static void on_transfer(void *ctx, struct p2v_partner *p, struct p2v_stream *t)
{
	struct citizen *c = ctx;

	c->transfers++;
	cr_assert_eq(p2v_partner_user(p), c, "transfers come from partners");
	if (c->hold) {
		c->owner = (struct p2v_stream_owner){ held, held, held_ended };
		p2v_stream_set_user(t, &c->owner);
	} else {
		p2v_stream_release(t);
	}
}

struct citizen *town_node(struct town *t)
{
	struct citizen *c = &t->nodes[t->n_nodes];
	char name[32];

	cr_assert(t->n_nodes < TOWN_NODES);
	(void)snprintf(name, sizeof name, "node%zu", t->n_nodes++);
	place_init(t, &c->at, name, P2V_IS_PEER);
	defaults(p2v_overlay_options, &c->conf);
	c->conf.tracker = "tracker:8790";
	c->conf.listen = "*:7000";
	p2v_policy_init(&c->select, &c->at.node, &p2v_select_random_LTX_p2v_plugin, NULL);
	return c;
}

struct citizen *town_node_with(
	struct town *t, const struct p2v_text *key, const struct p2v_text *certificate)
{
	struct citizen *c = town_node(t);
	struct p2v_err err;

	must(p2v_identity_key(c->at.identity, pem_of(key), &err), &err);
	must(p2v_identity_certificate(c->at.identity, pem_of(certificate), true, &err), &err);
	return c;
}

void node_start(struct citizen *c, const struct p2v_id *channel)
{
	static const struct p2v_overlay_handler handler = { .up = on_up,
		.shares = on_shares,
		.down = on_down,
		.message = on_message,
		.transfer = on_transfer };
	struct p2v_records records = place_records(&c->at);
	struct p2v_err err;

	if (p2v_overlay_new(&c->at.node, &c->conf, &c->at.transport, &records, &c->at.cc,
		    &c->select, &handler, c, &c->overlay, &err) < 0)
		cr_assert_fail("%s", err.text);
	c->at.addr.port = p2v_overlay_bound(c->overlay).port;
	if (channel)
		node_join(c, channel);
}

void node_end(struct citizen *c)
{
	p2v_overlay_free(c->overlay);
	c->overlay = NULL;
	cr_assert_eq(c->ups, c->downs, "whoever came up went down");
}

void node_join(struct citizen *c, const struct p2v_id *channel)
{
	cr_assert_eq(p2v_overlay_join(c->overlay, channel), P2V_OK);
}

size_t node_partners(const struct citizen *c)
{
	size_t n = 0;

	for (struct p2v_partner *p = p2v_partner_first(c->overlay); p; p = p2v_partner_next(p))
		n++;
	return n;
}

struct p2v_partner *node_partner(const struct citizen *c, const struct place *who)
{
	for (struct p2v_partner *p = p2v_partner_first(c->overlay); p; p = p2v_partner_next(p))
		if (memcmp(p2v_partner_id(p), place_id(who), sizeof(struct p2v_id)) == 0)
			return p;
	return NULL;
}

uint64_t node_gauge(const struct citizen *c, enum p2v_metric m)
{
	return c->at.node.metrics.v[m];
}

/* ---- callers ---- */

static void heard(struct p2v_talk *talk, uint64_t number, const union p2v_msg *msg)
{
	struct caller *k = talk->user;

	cr_assert(number < HEARD_MAX);
	k->heard[number]++;
	if (number == P2V_MSG_refused) {
		k->refused = msg->refused;
		(void)snprintf(k->text, sizeof k->text, "%.*s", (int)msg->refused.text.n,
			(const char *)msg->refused.text.p);
	}
	if (number == P2V_MSG_peers) {
		k->peers = msg->peers;
		cr_assert_eq(msg->peers.observed.n, 18);
		memcpy(k->observed, msg->peers.observed.p, 18);
		for (size_t i = 0; i < msg->peers.descriptors.n; i++) {
			union p2v_msg d;
			struct p2v_err err;

			if (p2v_msg_read(
				    P2V_MSG_descriptor, msg->peers.descriptors.v[i], &d, &err) < 0)
				cr_assert_fail("%s", err.text);
			memcpy(&k->introduced[i], d.descriptor.id.p, sizeof k->introduced[i]);
			k->n_addresses[i] = d.descriptor.addresses.n;
			for (size_t j = 0; j < d.descriptor.addresses.n; j++)
				memcpy(k->addresses[i][j], d.descriptor.addresses.v[j].p, 18);
		}
	}
}

static void broke(struct p2v_talk *talk, const struct p2v_err *err)
{
	struct caller *k = talk->user;

	(void)err;
	k->broken++;
}

static void call_opened(void *ctx, struct p2v_session *s)
{
	struct caller *k = ctx;

	(void)s;
	k->opened++;
}

static void call_closed(void *ctx, struct p2v_session *s, const struct p2v_err *why)
{
	struct caller *k = ctx;

	k->closed++;
	k->why = *why;
	if (s != k->session)
		return;
	k->session = NULL;
	p2v_talk_close(&k->talk);
}

static void call_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	struct caller *k = ctx;

	(void)s;
	k->accepted++;
	if (k->answers && !k->talk.stream)
		caller_talk(k, t);
}

static void call_readable(void *ctx, struct p2v_stream *t)
{
	struct p2v_stream_owner *o = p2v_stream_user(t);
	struct caller *k = ctx;

	if (o && !k->deaf)
		o->readable(o, t);
}

static void call_writable(void *ctx, struct p2v_stream *t)
{
	(void)ctx;
	(void)t;
}

static void call_ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	struct p2v_stream_owner *o = p2v_stream_user(t);

	(void)ctx;
	if (o)
		o->ended(o, t, code, reason);
}

struct caller *town_caller(struct town *t, enum p2v_standing role)
{
	static const struct p2v_dtl_handler handler = { .opened = call_opened,
		.closed = call_closed,
		.accepted = call_accepted,
		.readable = call_readable,
		.writable = call_writable,
		.ended = call_ended };
	struct caller *k = &t->callers[t->n_callers];
	struct p2v_records records;
	struct p2v_addr bind = { .port = 6000 };
	char name[32];
	struct p2v_err err;

	cr_assert(t->n_callers < TOWN_CALLERS);
	(void)snprintf(name, sizeof name, "caller%zu", t->n_callers++);
	place_init(t, &k->at, name, role);
	records = place_records(&k->at);
	if (p2v_dtl_new(&k->at.node, &k->at.transport, &records, &k->at.cc, &bind, &handler, k,
		    &k->dtl, &err) < 0)
		cr_assert_fail("%s", err.text);
	k->at.addr.port = 6000;
	return k;
}

void caller_talk(struct caller *k, struct p2v_stream *s)
{
	k->talk.user = k;
	k->talk.message = heard;
	k->talk.broken = broke;
	p2v_talk_begin(&k->talk, s);
}

bool caller_dial(struct town *t, struct caller *k, const struct p2v_addr *to)
{
	struct p2v_stream *stream;
	struct p2v_err err;
	unsigned opened = k->opened, closed = k->closed;

	cr_assert(!k->session);
	if (p2v_dtl_dial(k->dtl, to, &k->session, &err) < 0)
		cr_assert_fail("%s", err.text);
	for (int i = 0; i < 3000 && k->opened == opened && k->closed == closed; i++)
		town_run(t, 10 * P2V_MSEC);
	if (k->opened == opened || !k->session)
		return false;
	if (p2v_stream_open(k->session, &stream) < 0)
		return false;
	caller_talk(k, stream);
	return true;
}

void caller_say(struct caller *k, enum p2v_message number, const void *msg)
{
	int rc = p2v_talk_send(&k->talk, number, msg);

	cr_assert(rc == P2V_OK || rc == P2V_ECLOSED, "%d", rc);
}

void caller_write(struct caller *k, const void *p, size_t n)
{
	cr_assert(k->talk.stream);
	(void)!p2v_stream_write(k->talk.stream, p2v_slice_copy(p, n));
}

size_t caller_describe(const struct p2v_id *id, const struct p2v_addr *addr, uint8_t out[512])
{
	struct p2v_msg_descriptor d = { .id = { id->b, sizeof id->b }, .capacity = 1000000 };
	struct p2v_writer w = p2v_writer_of(out, 512);
	uint8_t a[18];

	if (addr) {
		memcpy(a, addr->ip, 16);
		a[16] = (uint8_t)(addr->port >> 8);
		a[17] = (uint8_t)addr->port;
		d.addresses.v[d.addresses.n++] = (struct p2v_bytes){ a, sizeof a };
	}
	p2v_msg_write_body(P2V_MSG_descriptor, &d, &w);
	cr_assert(!w.full);
	return p2v_written(&w);
}

void caller_hello(
	struct caller *k, const struct p2v_id *as, const struct p2v_id *channels, size_t n)
{
	uint8_t descriptor[512];
	struct p2v_msg_hello m = { .version = P2V_PROTOCOL_VERSION };

	m.descriptor = (struct p2v_bytes){ descriptor, caller_describe(as, NULL, descriptor) };
	for (size_t i = 0; i < n; i++)
		m.channels.v[m.channels.n++] = (struct p2v_bytes){ channels[i].b,
			sizeof channels[i].b };
	caller_say(k, P2V_MSG_hello, &m);
}

void caller_join(struct caller *k, const struct p2v_id *channel, uint32_t want)
{
	uint8_t descriptor[512];
	struct p2v_msg_join m = { .channel = { channel->b, sizeof channel->b }, .want = want };

	m.descriptor = (struct p2v_bytes){ descriptor,
		caller_describe(place_id(&k->at), &k->at.addr, descriptor) };
	caller_say(k, P2V_MSG_join, &m);
}
