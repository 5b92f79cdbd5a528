/* tracker.c - sessions of members: enrol, join, introductions. */
#include "framework/tracker/tracker.h"

#include <stdlib.h>
#include <string.h>

#include <peer2view/registry.h>
#include "framework/base/list.h"
#include "framework/base/text.h"
#include "framework/overlay/talk.h"

#define CHANNELS_EACH 16u
#define INTRODUCE_MAX 30u
#define SESSIONS      65536u /* at once, unless told otherwise: some 600 MB when all are taken */
#define SPEAK_WAIT    (10 * P2V_SECOND) /* a session that says nothing for so long is closed */

/* What a member may ask, so that none can keep the tracker busy: time to its credit pays for each
 * message. Sixteen channels, all of them looking for partners, cost half of what comes in. */
#define CREDIT_MAX (4 * P2V_SECOND)
#define COST_ENROL (1 * P2V_SECOND)
#define COST_JOIN  (P2V_SECOND / 16)

static const char *const admits[] = { "open", "token", NULL };

const struct p2v_option p2v_tracker_options[] = {
	P2V_OPT_TEXT(struct p2v_tracker_conf, listen, "[::]:8790", 3, 64,
		"address:port of the UDP socket that agents call"),
	P2V_OPT_ENUM(struct p2v_tracker_conf, admit, "open", admits,
		"whom to admit: anybody, or who shows one of the tokens"),
	P2V_OPT_TEXT_MANY(struct p2v_tracker_conf, tokens, "", 0, 2048,
		"a token that admits; may stand several times"),
	P2V_OPT_USEC(struct p2v_tracker_conf, certificate_lifetime, "12h", 60e6, 30 * 86400e6, "s",
		"how long a member's certificate is valid; it is renewed after two thirds of that"),
	P2V_OPT_USEC(struct p2v_tracker_conf, heartbeat, "10s", 1e6, 600e6, "s",
		"how often members tell that they are there"),
	P2V_OPT_USEC(struct p2v_tracker_conf, expire, "35s", 2e6, 3600e6, "s",
		"silence after which a member is forgotten"),
	P2V_OPT_U32(struct p2v_tracker_conf, introduce, "30", 1, INTRODUCE_MAX, "1",
		"most peers in one introduction"),
	P2V_OPT_END
};

/** One node's session. */
struct member {
	struct p2v_list in_tracker;
	struct p2v_tracker *tracker;
	struct p2v_session *session;
	struct p2v_talk talk;
	struct p2v_timer timer; /* it has to speak */
	p2v_usec credit, credit_at;
	struct p2v_id id;
	bool vouched; /* it holds our certificate, from before or from us */
	struct p2v_id channels[CHANNELS_EACH];
	size_t n_channels;
	struct answer *answers; /* samples under way */
};

/** One introduction on its way: the registry may answer later, when the member is gone already. */
struct answer {
	struct answer *next;
	struct member *member; /* NULL: gone */
	struct p2v_id channel;
	struct p2v_slice found[INTRODUCE_MAX];
	size_t n;
};

struct p2v_tracker {
	struct p2v_node *node;
	const struct p2v_tracker_conf *conf;
	struct p2v_dtl *dtl;
	struct p2v_policy *registry;
	void *state;
	struct p2v_list members;
	uint64_t n_members;
};

static const struct p2v_registry_ops *registry(const struct p2v_tracker *t)
{
	return t->registry->plugin->ops.registry;
}

static void tell(struct member *m, enum p2v_message number, const void *msg)
{
	if (p2v_talk_send(&m->talk, number, msg) < 0)
		p2v_session_close(m->session, P2V_DTL_INTERNAL, "it does not read what it is told");
}

static void refuse(
	struct member *m, uint32_t number, uint32_t code, const char *text, p2v_usec retry)
{
	struct p2v_msg_refused r = { .number = number,
		.code = code,
		.text = { (const uint8_t *)text, strlen(text) },
		.retry = (uint64_t)(retry / P2V_MSEC) };

	p2v_count(&m->tracker->node->metrics, P2V_M_ENROL_REFUSED, 1);
	p2v_log_once(m->tracker->node, P2V_LOG_WARN, "refused", p2v_id_short(&m->id) ^ code,
		"peer=%016llx what=%s why=\"%s\"", (unsigned long long)p2v_id_short(&m->id),
		p2v_msg_name(number), text);
	tell(m, P2V_MSG_refused, &r);
}

/* ---- enrol ---- */

/* The same time for every wrong token: no hint of how much of it was right. */
static bool equal_always(struct p2v_str a, struct p2v_bytes b)
{
	unsigned differ = a.n != b.n;

	for (size_t i = 0; i < a.n; i++)
		differ |= (unsigned)((unsigned char)a.p[i] ^ (b.n ? b.p[i % b.n] : 0));
	return differ == 0;
}

static bool admitted(const struct p2v_tracker *t, struct p2v_bytes token)
{
	struct p2v_str rest = p2v_str_of(t->conf->tokens), one;
	bool found = false;

	if (t->conf->admit == 0)
		return true;
	while (p2v_str_split(&rest, '\n', &one))
		found |= one.n > 0 && equal_always(one, token);
	return found;
}

static void on_enrol(struct member *m, const struct p2v_msg_enrol *q)
{
	struct p2v_tracker *t = m->tracker;
	struct p2v_crypto *c = &t->node->crypto;
	struct p2v_msg_enrolled a = { .lifetime = (uint64_t)(t->conf->certificate_lifetime /
							     P2V_SECOND) };
	struct p2v_id channels[CHANNELS_EACH];
	struct p2v_chain chain;
	struct p2v_err err;

	if (q->version != P2V_PROTOCOL_VERSION) {
		refuse(m, P2V_MSG_enrol, 3, "the tracker speaks another version", 0);
		return;
	}
	if (!admitted(t, q->token)) {
		refuse(m, P2V_MSG_enrol, 1,
			q->token.n ? "the token is not known" : "a token is needed", 0);
		return;
	}
	for (size_t i = 0; i < q->channels.n; i++)
		memcpy(channels[i].b, q->channels.v[i].p, sizeof channels[i].b);
	if (c->ops->issue(c->self, &m->id, channels, q->channels.n, a.lifetime, &chain, &err) < 0) {
		p2v_log(t->node, P2V_LOG_ERROR, "issue_failed", "why=\"%s\"", err.text);
		refuse(m, P2V_MSG_enrol, 4, "no certificate can be issued now", 10 * P2V_SECOND);
		return;
	}
	for (size_t i = 0; i < chain.n; i++)
		a.chain.v[a.chain.n++] = chain.v[i];
	m->vouched = true;
	p2v_count(&t->node->metrics, P2V_M_ENROLLED, 1);
	tell(m, P2V_MSG_enrolled, &a);
}

/* ---- join ---- */

static void answer_entry(void *ctx, const struct p2v_registry_entry *e)
{
	struct answer *a = ctx;

	if (a->n < INTRODUCE_MAX) {
		a->found[a->n] = p2v_slice_copy(e->value.p, e->value.n);
		a->n += a->found[a->n].p != NULL;
	}
}

static void answer_done(void *ctx, int code)
{
	struct answer *a = ctx;
	struct member *m = a->member;

	(void)code; /* what was found is better than nothing */
	if (m) {
		struct p2v_tracker *t = m->tracker;
		struct p2v_msg_peers r = { .channel = { a->channel.b, sizeof a->channel.b },
			.again = (uint64_t)(t->conf->heartbeat / P2V_MSEC),
			.members = registry(t)->count(t->state, a->channel.b) };
		struct p2v_session_info info;
		uint8_t observed[18];

		p2v_session_info(m->session, &info);
		memcpy(observed, info.addr.ip, 16);
		observed[16] = (uint8_t)(info.addr.port >> 8);
		observed[17] = (uint8_t)info.addr.port;
		r.observed = (struct p2v_bytes){ observed, sizeof observed };
		for (size_t i = 0; i < a->n; i++)
			r.descriptors.v[r.descriptors.n++] = (struct p2v_bytes){ a->found[i].p,
				a->found[i].n };
		tell(m, P2V_MSG_peers, &r);
		for (struct answer **q = &m->answers; *q; q = &(*q)->next)
			if (*q == a) {
				*q = a->next;
				break;
			}
	}
	for (size_t i = 0; i < a->n; i++)
		p2v_slice_drop(&a->found[i]);
	free(a);
}

/* A member's own word about its addresses is kept, but what we see of it stands first. */
static size_t with_observed(const struct member *m, struct p2v_bytes descriptor, uint8_t *out,
	size_t cap, struct p2v_err *err)
{
	struct p2v_writer w = p2v_writer_of(out, cap);
	struct p2v_session_info info;
	struct p2v_msg_descriptor d;
	uint8_t observed[18];
	union p2v_msg in;

	if (p2v_msg_read(P2V_MSG_descriptor, descriptor, &in, err) < 0)
		return 0;
	if (memcmp(in.descriptor.id.p, m->id.b, sizeof m->id.b) != 0) {
		(void)p2v_fail(err, P2V_EPROTO, "the descriptor is somebody else's");
		return 0;
	}
	p2v_session_info(m->session, &info);
	memcpy(observed, info.addr.ip, 16);
	observed[16] = (uint8_t)(info.addr.port >> 8);
	observed[17] = (uint8_t)info.addr.port;
	d = in.descriptor;
	d.addresses.n = 0;
	d.addresses.v[d.addresses.n++] = (struct p2v_bytes){ observed, sizeof observed };
	for (size_t i = 0; i < in.descriptor.addresses.n; i++)
		if (d.addresses.n < sizeof d.addresses.v / sizeof d.addresses.v[0] &&
			memcmp(in.descriptor.addresses.v[i].p, observed, sizeof observed) != 0)
			d.addresses.v[d.addresses.n++] = in.descriptor.addresses.v[i];
	p2v_msg_write_body(P2V_MSG_descriptor, &d, &w);
	return w.full ? 0 : p2v_written(&w);
}

static bool remember_channel(struct member *m, const struct p2v_id *channel)
{
	for (size_t i = 0; i < m->n_channels; i++)
		if (memcmp(&m->channels[i], channel, sizeof *channel) == 0)
			return true;
	if (m->n_channels == CHANNELS_EACH)
		return false;
	m->channels[m->n_channels++] = *channel;
	return true;
}

static void on_join(struct member *m, const struct p2v_msg_join *q)
{
	struct p2v_tracker *t = m->tracker;
	struct p2v_err err = { P2V_OK, "" };
	struct p2v_registry_entry e = { .swarm = q->channel.p, .peer = m->id.b };
	struct p2v_registry_reader reader = { .entry = answer_entry, .done = answer_done };
	const struct p2v_crypto *crypto = &t->node->crypto;
	struct p2v_chain own;
	uint8_t descriptor[640];
	struct p2v_id channel;
	struct answer *a;
	uint32_t want;

	memcpy(channel.b, q->channel.p, sizeof channel.b);
	if (!m->vouched) {
		refuse(m, P2V_MSG_join, 5, "enrol first", P2V_SECOND);
		return;
	}
	if (crypto->ops->chain(crypto->self, &m->id, &own) < 0) {
		refuse(m, P2V_MSG_join, 5, "its certificate has ended", P2V_SECOND);
		return;
	}
	if (!crypto->ops->allows(crypto->self, &m->id, &channel)) {
		refuse(m, P2V_MSG_join, 2, "its certificate is not for that channel", 0);
		return;
	}
	e.value = (struct p2v_bytes){ descriptor,
		with_observed(m, q->descriptor, descriptor, 512, &err) };
	e.expires = p2v_now(&t->node->world) + t->conf->expire;
	if (e.value.n == 0 || !remember_channel(m, &channel)) {
		refuse(m, P2V_MSG_join, 2, e.value.n ? "too many channels" : err.text, 0);
		return;
	}
	if (registry(t)->put(t->state, &e, &err) < 0) {
		p2v_log(t->node, P2V_LOG_ERROR, "registry_failed", "why=\"%s\"", err.text);
		refuse(m, P2V_MSG_join, 4, "the registry has no room", 10 * P2V_SECOND);
		return;
	}
	a = calloc(1, sizeof *a);
	if (!a)
		return;
	a->member = m;
	a->channel = channel;
	a->next = m->answers;
	m->answers = a;
	reader.ctx = a;
	want = q->want < t->conf->introduce ? (uint32_t)q->want : t->conf->introduce;
	registry(t)->sample(t->state, channel.b, m->id.b, want, &reader);
}

/* ---- sessions ---- */

static bool can_pay(struct member *m, p2v_usec cost)
{
	p2v_usec now = p2v_now(&m->tracker->node->world);

	m->credit += now - m->credit_at;
	m->credit = m->credit < CREDIT_MAX ? m->credit : CREDIT_MAX;
	m->credit_at = now;
	if (m->credit < cost)
		return false;
	m->credit -= cost;
	return true;
}

static void on_message(struct p2v_talk *k, uint64_t number, const union p2v_msg *msg)
{
	struct member *m = k->user;

	if (!can_pay(m, number == P2V_MSG_enrol ? COST_ENROL : COST_JOIN)) {
		p2v_log_once(m->tracker->node, P2V_LOG_WARN, "too_often", p2v_id_short(&m->id),
			"peer=%016llx", (unsigned long long)p2v_id_short(&m->id));
		p2v_session_close(m->session, P2V_DTL_PROTOCOL, "it asks too often");
		p2v_talk_close(k);
		return;
	}
	/* Two heartbeats of silence end a session; its entries stay until they expire. */
	p2v_arm(&m->tracker->node->world, &m->timer,
		p2v_now(&m->tracker->node->world) + 2 * m->tracker->conf->heartbeat + SPEAK_WAIT);
	if (number == P2V_MSG_enrol)
		on_enrol(m, &msg->enrol);
	else if (number == P2V_MSG_join)
		on_join(m, &msg->join);
	else {
		p2v_session_close(
			m->session, P2V_DTL_PROTOCOL, "a message that is not for a tracker");
		p2v_talk_close(k);
	}
}

static void on_broken(struct p2v_talk *k, const struct p2v_err *err)
{
	struct member *m = k->user;

	p2v_session_close(
		m->session, err->code == P2V_EPROTO ? P2V_DTL_PROTOCOL : P2V_DTL_DONE, err->text);
}

static void silent(struct p2v_timer *timer, p2v_usec now)
{
	struct member *m = timer->owner;

	(void)now;
	p2v_session_close(m->session, P2V_DTL_IDLE, "it said nothing");
}

static void on_opened(void *ctx, struct p2v_session *s)
{
	struct p2v_tracker *t = ctx;
	struct member *m = calloc(1, sizeof *m);

	if (!m) {
		p2v_session_close(s, P2V_DTL_INTERNAL, "no memory");
		return;
	}
	m->tracker = t;
	m->session = s;
	m->id = p2v_session_remote(s)->id;
	m->vouched = p2v_session_remote(s)->role == P2V_IS_PEER;
	m->credit = CREDIT_MAX;
	m->credit_at = p2v_now(&t->node->world);
	m->timer.fire = silent;
	m->timer.owner = m;
	p2v_list_push(&t->members, &m->in_tracker);
	p2v_gauge(&t->node->metrics, P2V_M_SWARM_MEMBERS, ++t->n_members);
	p2v_session_set_user(s, m);
	p2v_arm(&t->node->world, &m->timer, p2v_now(&t->node->world) + SPEAK_WAIT);
}

static void member_end(struct member *m, bool forget)
{
	struct p2v_tracker *t = m->tracker;

	for (size_t i = 0; forget && i < m->n_channels; i++)
		registry(t)->drop(t->state, m->channels[i].b, m->id.b);
	for (struct answer *a = m->answers; a; a = a->next)
		a->member = NULL;
	p2v_disarm(&t->node->world, &m->timer);
	p2v_talk_close(&m->talk);
	p2v_session_set_user(m->session, NULL);
	p2v_list_remove(&m->in_tracker);
	p2v_gauge(&t->node->metrics, P2V_M_SWARM_MEMBERS, --t->n_members);
	free(m);
}

static void on_closed(void *ctx, struct p2v_session *s, const struct p2v_err *why)
{
	struct member *m = p2v_session_user(s);

	(void)ctx;
	/* Whoever says goodbye is gone; who went silent may come back under another address before
	 * it expires. */
	if (m)
		member_end(m, why->code == P2V_ECLOSED);
}

static void on_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *stream)
{
	struct member *m = p2v_session_user(s);

	(void)ctx;
	if (!m || m->talk.stream) {
		p2v_stream_release(stream);
		return;
	}
	m->talk.user = m;
	m->talk.message = on_message;
	m->talk.broken = on_broken;
	p2v_talk_begin(&m->talk, stream);
}

static void on_readable(void *ctx, struct p2v_stream *s)
{
	struct p2v_stream_owner *o = p2v_stream_user(s);

	(void)ctx;
	if (o)
		o->readable(o, s);
}

static void on_writable(void *ctx, struct p2v_stream *s)
{
	(void)ctx;
	(void)s;
}

static void on_ended(void *ctx, struct p2v_stream *s, int code, uint64_t reason)
{
	struct p2v_stream_owner *o = p2v_stream_user(s);

	(void)ctx;
	if (o)
		o->ended(o, s, code, reason);
}

static const struct p2v_dtl_handler dtl_handler = { .opened = on_opened,
	.closed = on_closed,
	.accepted = on_accepted,
	.readable = on_readable,
	.writable = on_writable,
	.ended = on_ended };

/* ---- life ---- */

static int check(const struct p2v_tracker_conf *conf, struct p2v_addr *bind, struct p2v_err *err)
{
	struct p2v_err why;

	if (p2v_addr_parse(conf->listen, bind, &why) < 0)
		return p2v_fail(err, P2V_ECONF, "listen: %s", why.text);
	if (conf->admit == 1 && !*conf->tokens)
		return p2v_fail(err, P2V_ECONF,
			"admit = token, but no tokens are given: nobody could come in");
	if (conf->expire < 2 * conf->heartbeat)
		return p2v_fail(err, P2V_ECONF,
			"expire is shorter than two heartbeats: members would be forgotten");
	return P2V_OK;
}

int p2v_tracker_new(struct p2v_node *node, const struct p2v_tracker_conf *conf,
	const struct p2v_dtl_conf *transport, const struct p2v_records *records,
	struct p2v_policy *cc, struct p2v_policy *reg, struct p2v_tracker **out,
	struct p2v_err *err)
{
	struct p2v_dtl_conf sessions = *transport;
	struct p2v_tracker *t;
	struct p2v_addr bind;
	int rc = check(conf, &bind, err);

	if (rc < 0)
		return rc;
	t = calloc(1, sizeof *t);
	if (!t)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the tracker");
	t->node = node;
	t->conf = conf;
	t->registry = reg;
	p2v_list_init(&t->members);
	t->state = p2v_policy_state(reg);
	rc = t->state ? registry(t)->open(t->state, &reg->env, reg->conf, err)
		      : p2v_fail(err, P2V_ENOMEM, "no memory for plugin registry.%s",
				reg->plugin->name);
	if (rc < 0) {
		free(t->state);
		t->state = NULL;
	} else {
		if (sessions.max_sessions == 0)
			sessions.max_sessions = SESSIONS;
		rc = p2v_dtl_new(
			node, &sessions, records, cc, &bind, &dtl_handler, t, &t->dtl, err);
	}
	if (rc < 0)
		p2v_tracker_free(t);
	else
		*out = t;
	return rc;
}

void p2v_tracker_free(struct p2v_tracker *t)
{
	if (!t)
		return;
	P2V_LIST_EACH (it, &t->members)
		member_end(P2V_OF(it, struct member, in_tracker), false);
	p2v_dtl_free(t->dtl);
	if (t->state)
		registry(t)->close(t->state);
	free(t->state);
	free(t);
}

struct p2v_addr p2v_tracker_bound(const struct p2v_tracker *t)
{
	return p2v_dtl_bound(t->dtl);
}
