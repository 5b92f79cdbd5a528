/* overlay.c - the transport's upcalls sorted to whom they concern, and the overlay's own beat. */
#include "framework/overlay/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "framework/overlay/inside.h"

#define BEAT (1 * P2V_SECOND)

const struct p2v_option p2v_overlay_options[] = {
	P2V_OPT_TEXT(struct p2v_overlay_conf, tracker, "", 0, 255,
		"host:port of the tracker; without one the agent is a plain caching proxy"),
	P2V_OPT_TEXT(struct p2v_overlay_conf, listen, "[::]:0", 3, 64,
		"address:port of the one UDP socket that all peers use; port 0: any"),
	P2V_OPT_TEXT(struct p2v_overlay_conf, token, "", 0, 2048,
		"what to show a tracker that admits by token"),
	P2V_OPT_BOOL_LIVE(struct p2v_overlay_conf, p2p_enabled, "yes",
		"no: a plain caching proxy, at once; partners are left"),
	P2V_OPT_BOOL_LIVE(struct p2v_overlay_conf, upload_enabled, "yes",
		"no: take from peers, give nothing"),
	P2V_OPT_U64_LIVE(struct p2v_overlay_conf, upload_limit, "0", 0, 1e12, "bit/s",
		"most that is sent to peers, all together; 0: no limit"),
	P2V_OPT_U64_LIVE(struct p2v_overlay_conf, upload_capacity, "0", 0, 1e12, "bit/s",
		"what this viewer's line can send, if known; 0: measured"),
	P2V_OPT_U32(struct p2v_overlay_conf, partners, "8", 1, 64, "1",
		"partners that are looked for; twice as many may come by themselves"),
	P2V_OPT_U32(struct p2v_overlay_conf, min_swarm, "2", 2, 100000, "1",
		"viewers of a channel below which nobody is called"),
	P2V_OPT_U32(struct p2v_overlay_conf, activation, "100", 0, 100, "%",
		"share of viewers that take part, drawn by their ids: for a careful roll-out"),
	P2V_OPT_BOOL(struct p2v_overlay_conf, announce_local, "yes",
		"tell members of the same channel the addresses of this host's own interfaces, so that neighbours meet directly"),
	P2V_OPT_END
};

bool p2v_overlay_active(const struct p2v_overlay *o)
{
	const struct p2v_id *id = o->node->crypto.ops->id(o->node->crypto.self);

	return o->conf->p2p_enabled && p2v_id_short(id) % 100 < o->conf->activation;
}

bool p2v_overlay_may_upload(const struct p2v_overlay *o)
{
	return o->conf->upload_enabled && !o->resting && p2v_overlay_active(o);
}

bool p2v_overlay_rest(struct p2v_overlay *o, bool on)
{
	if (o->resting == on)
		return false;
	o->resting = on;
	p2v_partner_rejoined(o);
	return true;
}

/* ---- the transport's upcalls ---- */

static void on_opened(void *ctx, struct p2v_session *s)
{
	struct p2v_overlay *o = ctx;
	struct p2v_session_info info;

	if (p2v_link_opened(o, s) || p2v_peers_opened(o, s))
		return;
	p2v_session_info(s, &info);
	if (info.dialled)
		p2v_session_close(s, P2V_DTL_DONE, "no longer wanted");
	else
		p2v_partner_begin(o, s, false);
}

static void on_closed(void *ctx, struct p2v_session *s, const struct p2v_err *why)
{
	struct p2v_overlay *o = ctx;
	struct p2v_partner *p = p2v_session_user(s);

	if (p2v_link_closed(o, s, why) || p2v_peers_closed(o, s, why))
		return;
	if (p) {
		p2v_log(o->node, P2V_LOG_INFO, "partner_lost", "peer=%016llx why=\"%s\"",
			(unsigned long long)p2v_id_short(&p->id), why->text);
		p2v_partner_end(p);
	}
}

static void on_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	struct p2v_partner *p = p2v_session_user(s);

	(void)ctx;
	if (p)
		p2v_partner_accepted(p, t);
	else
		p2v_stream_release(t);
}

static void on_readable(void *ctx, struct p2v_stream *t)
{
	struct p2v_stream_owner *w = p2v_stream_user(t);

	(void)ctx;
	if (w)
		w->readable(w, t);
}

static void on_writable(void *ctx, struct p2v_stream *t)
{
	struct p2v_stream_owner *w = p2v_stream_user(t);

	(void)ctx;
	if (w)
		w->writable(w, t);
}

static void on_ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	struct p2v_stream_owner *w = p2v_stream_user(t);

	(void)ctx;
	if (w)
		w->ended(w, t, code, reason);
}

static const struct p2v_dtl_handler dtl_handler = { .opened = on_opened,
	.closed = on_closed,
	.accepted = on_accepted,
	.readable = on_readable,
	.writable = on_writable,
	.ended = on_ended };

/* ---- the beat ---- */

static void drop_all(struct p2v_overlay *o, const char *why)
{
	P2V_LIST_EACH (it, &o->partners)
		p2v_partner_drop(P2V_OF(it, struct p2v_partner, in_overlay), false, why);
}

static void beat(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_overlay *o = t->owner;
	struct p2v_metrics *m = &o->node->metrics;

	if (!p2v_overlay_active(o)) {
		p2v_link_stop(o);
		p2v_peers_rest(o);
		drop_all(o, "switched off");
	} else {
		p2v_link_start(o);
		p2v_peers_tend(o);
	}
	p2v_gauge(m, P2V_M_PEERS_KNOWN, o->n_peers);
	p2v_gauge(m, P2V_M_PEERS_CONNECTING, p2v_peers_dialling(o));
	p2v_gauge(m, P2V_M_PEERS_PARTNER, p2v_partner_count(o));
	p2v_gauge(m, P2V_M_TRACKER_UP, o->link.state == P2V_LINK_UP);
	p2v_arm(&o->node->world, &o->timer, now + BEAT);
}

void p2v_overlay_reconfigured(struct p2v_overlay *o)
{
	/* Partners elect by what we say that we can send. */
	if (p2v_overlay_active(o))
		p2v_partner_rejoined(o);
	p2v_arm(&o->node->world, &o->timer, p2v_now(&o->node->world));
}

/* ---- life ---- */

static int open_parts(struct p2v_overlay *o, const struct p2v_dtl_conf *transport,
	const struct p2v_records *records, struct p2v_policy *cc, struct p2v_err *err)
{
	struct p2v_policy *select = o->select;
	struct p2v_addr bind;
	struct p2v_err why;
	int rc;

	if (p2v_addr_parse(o->conf->listen, &bind, &why) < 0)
		return p2v_fail(err, P2V_ECONF, "listen: %s", why.text);
	o->select_state = p2v_policy_state(select);
	if (!o->select_state)
		return p2v_fail(
			err, P2V_ENOMEM, "no memory for plugin select.%s", select->plugin->name);
	rc = select->plugin->ops.select->open(o->select_state, &select->env, select->conf, err);
	if (rc < 0) {
		free(o->select_state);
		o->select_state = NULL;
		return rc;
	}
	return p2v_dtl_new(o->node, transport, records, cc, &bind, &dtl_handler, o, &o->dtl, err);
}

int p2v_overlay_new(struct p2v_node *node, const struct p2v_overlay_conf *conf,
	const struct p2v_dtl_conf *transport, const struct p2v_records *records,
	struct p2v_policy *cc, struct p2v_policy *select, const struct p2v_overlay_handler *h,
	void *ctx, struct p2v_overlay **out, struct p2v_err *err)
{
	struct p2v_overlay *o = calloc(1, sizeof *o);
	int rc;

	if (!o)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the overlay");
	o->node = node;
	o->conf = conf;
	o->select = select;
	o->handler = h;
	o->ctx = ctx;
	o->link.overlay = o;
	o->capacity = conf->upload_capacity / 8;
	p2v_list_init(&o->partners);
	rc = open_parts(o, transport, records, cc, err);
	if (rc < 0) {
		p2v_overlay_free(o);
		return rc;
	}
	o->timer.fire = beat;
	o->timer.owner = o;
	p2v_arm(&node->world, &o->timer, p2v_now(&node->world));
	*out = o;
	return P2V_OK;
}

void p2v_overlay_free(struct p2v_overlay *o)
{
	if (!o)
		return;
	p2v_disarm(&o->node->world, &o->timer);
	if (o->dtl)
		p2v_link_stop(o);
	p2v_peers_free(o);
	P2V_LIST_EACH (it, &o->partners)
		p2v_partner_end(P2V_OF(it, struct p2v_partner, in_overlay));
	p2v_dtl_free(o->dtl);
	if (o->select_state) {
		if (o->select->plugin->ops.select->close)
			o->select->plugin->ops.select->close(o->select_state);
		free(o->select_state);
	}
	free(o->swarms);
	free(o);
}

void p2v_overlay_set_watch(struct p2v_overlay *o, const struct p2v_overlay_watch *w)
{
	o->watch = w ? *w : (struct p2v_overlay_watch){ .ctx = NULL };
}

int p2v_overlay_join(struct p2v_overlay *o, const struct p2v_id *channel)
{
	struct p2v_swarm *v;

	for (size_t i = 0; i < o->n_swarms; i++)
		if (memcmp(&o->swarms[i].channel, channel, sizeof *channel) == 0)
			return P2V_OK;
	if (o->n_swarms == P2V_CHANNELS_MAX)
		return P2V_ELIMIT;
	v = realloc(o->swarms, (o->n_swarms + 1) * sizeof *v);
	if (!v)
		return P2V_ENOMEM;
	o->swarms = v;
	o->swarms[o->n_swarms++] = (struct p2v_swarm){ .channel = *channel,
		.join_at = p2v_now(&o->node->world) };
	p2v_partner_rejoined(o);
	p2v_link_join_soon(o);
	return P2V_OK;
}

struct p2v_addr p2v_overlay_bound(const struct p2v_overlay *o)
{
	return p2v_dtl_bound(o->dtl);
}

/* In steps of a factor of two, so that all elect by the same number and are told of a new one
 * seldom. */
void p2v_overlay_set_capacity(struct p2v_overlay *o, uint64_t capacity, bool found)
{
	uint64_t step = 65536;

	if (o->conf->upload_capacity) {
		step = o->conf->upload_capacity / 8;
	} else if (capacity < step && !found) {
		step = 0; /* nobody may have wanted more */
	} else {
		while (step > capacity && step > 1)
			step /= 2;
		while (step <= capacity / 2)
			step *= 2;
	}
	if (step == o->capacity)
		return;
	o->capacity = step;
	p2v_partner_rejoined(o);
}

uint64_t p2v_overlay_upload_limit(const struct p2v_overlay *o)
{
	return o->conf->upload_limit / 8;
}

uint64_t p2v_overlay_capacity(const struct p2v_overlay *o)
{
	uint64_t limit = p2v_overlay_upload_limit(o);

	if (!p2v_overlay_may_upload(o))
		return 0;
	return limit && (limit < o->capacity || o->capacity == 0) ? limit : o->capacity;
}

void p2v_overlay_view(const struct p2v_overlay *o, struct p2v_select_peer *out)
{
	*out = (struct p2v_select_peer){ .id = p2v_id_short(
						 o->node->crypto.ops->id(o->node->crypto.self)),
		.flags = P2V_PEER_SELF | (p2v_overlay_may_upload(o) ? 0 : P2V_PEER_TAKES),
		.hops = UINT32_MAX,
		.capacity = p2v_overlay_capacity(o),
		.near_bits = 128 };
}

/* ---- what we tell of ourselves ---- */

static void put_addr(uint8_t out[18], const struct p2v_addr *a)
{
	memcpy(out, a->ip, 16);
	out[16] = (uint8_t)(a->port >> 8);
	out[17] = (uint8_t)a->port;
}

size_t p2v_overlay_describe(struct p2v_overlay *o, uint8_t *out, size_t cap)
{
	const struct p2v_id *id = o->node->crypto.ops->id(o->node->crypto.self);
	struct p2v_msg_descriptor d = { .id = { id->b, sizeof id->b },
		.capacity = p2v_overlay_capacity(o),
		.flags = p2v_overlay_may_upload(o) ? 0 : 1 };
	struct p2v_addr addrs[P2V_DIAL_ADDRESSES], bound = p2v_dtl_bound(o->dtl);
	uint8_t bytes[P2V_DIAL_ADDRESSES][18];
	struct p2v_writer w = p2v_writer_of(out, cap);
	size_t n = 0, own;

	if (o->link.has_observed)
		addrs[n++] = o->link.observed;
	if (o->conf->announce_local) {
		own = o->node->world.ops->interfaces(
			o->node->world.self, addrs + n, P2V_DIAL_ADDRESSES - n);
		for (size_t i = 0; i < own; i++) {
			addrs[n].port = bound.port;
			if (!o->link.has_observed || !p2v_addr_equal(&addrs[n], &o->link.observed))
				n++;
			else
				memmove(&addrs[n], &addrs[n + 1], (own - i - 1) * sizeof addrs[0]);
		}
	}
	for (size_t i = 0; i < n; i++) {
		put_addr(bytes[i], &addrs[i]);
		d.addresses.v[d.addresses.n++] = (struct p2v_bytes){ bytes[i], 18 };
	}
	p2v_msg_write_body(P2V_MSG_descriptor, &d, &w);
	return w.full ? 0 : p2v_written(&w);
}
