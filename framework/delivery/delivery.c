/* delivery.c - feeds, the beat, and what the status pages show. */
#include "framework/delivery/delivery.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "framework/delivery/inside.h"

#define BEAT          (1 * P2V_SECOND)
#define VIEWER_FORGET (30 * P2V_SECOND)

const struct p2v_option p2v_delivery_options[] = {
	P2V_OPT_U64(struct p2v_delivery_conf, cache, "16Mi", 1 << 20, 1e12, "B",
		"media kept in memory, for the player and for peers"),
	P2V_OPT_U64(struct p2v_delivery_conf, max_fragment, "32Mi", 65536, 1e9, "B",
		"larger bodies pass through without being shared"),
	P2V_OPT_U32(struct p2v_delivery_conf, sources, "5", 1, 32, "1",
		"partners asked at a time for one fragment"),
	P2V_OPT_U32(struct p2v_delivery_conf, uploads, "32", 1, 1024, "1",
		"transfers to partners at a time"),
	P2V_OPT_USEC(struct p2v_delivery_conf, standby, "300ms", 1e4, 10e6, "ms",
		"how long the next in the election waits for the one before it to begin"),
	P2V_OPT_USEC(struct p2v_delivery_conf, margin, "1s", 1e5, 30e6, "ms",
		"time before the player's buffer would be dry, beside what a fetch takes, in which only the CDN is trusted"),
	P2V_OPT_USEC(struct p2v_delivery_conf, hold, "3s", 0, 60e6, "ms",
		"how long a miss, or an error of the CDN that may pass, is kept from the player"),
	P2V_OPT_USEC(struct p2v_delivery_conf, stale, "30s", 0, 3600e6, "s",
		"how old a manifest may be that is served while the CDN fails"),
	P2V_OPT_USEC(struct p2v_delivery_conf, poll, "200ms", 2e4, 10e6, "ms",
		"how soon a manifest that should have changed is looked at again"),
	P2V_OPT_REAL(struct p2v_delivery_conf, reveal, "0", 0, 1, "1",
		"how long a new fragment of a live stream is kept from a player that has enough to play, so that partners bring it first, in target durations"),
	P2V_OPT_USEC(struct p2v_delivery_conf, idle, "10s", 1e6, 600e6, "s",
		"without a request for so long, a rendition is no longer followed"),
	P2V_OPT_END
};

static const char *const forwarded_names[P2V_FORWARDED] = { "Authorization", "Cookie", "Referer",
	"Origin", "User-Agent" };

/* ---- feeds ---- */

static void *open_state(struct p2v_policy *p, struct p2v_err *err)
{
	void *st = p2v_policy_state(p);
	int rc;

	if (!st)
		return NULL;
	rc = p->plugin->kind == P2V_KIND_SELECT
		     ? p->plugin->ops.select->open(st, &p->env, p->conf, err)
		     : p->plugin->ops.cache->open(st, &p->env, p->conf, err);
	if (rc == P2V_OK)
		return st;
	free(st);
	return NULL;
}

static void feed_free(struct p2v_feed *feed)
{
	const struct p2v_delivery_policies *p = &feed->d->policies;

	P2V_LIST_EACH (it, &feed->playlists)
		p2v_playlist_free(P2V_OF(it, struct p2v_playlist, in_feed));
	P2V_LIST_EACH (it, &feed->viewers)
		p2v_viewer_free(P2V_OF(it, struct p2v_viewer, in_feed));
	if (feed->select_state && p->select->plugin->ops.select->close)
		p->select->plugin->ops.select->close(feed->select_state);
	if (feed->cache_state && p->cache->plugin->ops.cache->close)
		p->cache->plugin->ops.cache->close(feed->cache_state);
	free(feed->select_state);
	free(feed->cache_state);
	for (size_t i = 0; i < P2V_FORWARDED; i++)
		free(feed->forward[i]);
	p2v_list_remove(&feed->in_delivery);
	free(feed);
}

static void join(struct p2v_feed *feed)
{
	if (feed->joined || !feed->d->overlay)
		return;
	feed->joined = p2v_overlay_join(feed->d->overlay, &feed->channel->id) == P2V_OK;
}

struct p2v_feed *p2v_delivery_feed(struct p2v_delivery *d, struct p2v_channel *channel)
{
	struct p2v_feed *feed;
	struct p2v_err err;

	P2V_LIST_EACH (it, &d->feeds) {
		feed = P2V_OF(it, struct p2v_feed, in_delivery);
		if (feed->channel == channel) {
			join(feed); /* there may have been no memory for it */
			return feed;
		}
	}
	feed = calloc(1, sizeof *feed);
	if (!feed)
		return NULL;
	feed->d = d;
	feed->channel = channel;
	p2v_list_init(&feed->playlists);
	p2v_list_init(&feed->renditions);
	p2v_list_init(&feed->viewers);
	p2v_list_init(&feed->waiting);
	p2v_list_push(&d->feeds, &feed->in_delivery);
	feed->select_state = open_state(d->policies.select, &err);
	feed->cache_state = feed->select_state ? open_state(d->policies.cache, &err) : NULL;
	if (!feed->cache_state) {
		feed_free(feed);
		return NULL;
	}
	join(feed);
	return feed;
}

const struct p2v_channel *p2v_feed_channel(const struct p2v_feed *f)
{
	return f->channel;
}

void p2v_feed_forward(struct p2v_feed *f, const struct p2v_header *v, size_t n)
{
	for (size_t i = 0; i < P2V_FORWARDED; i++) {
		struct p2v_str value = p2v_header_get(v, n, forwarded_names[i]);

		if (f->forward[i] && value.p && p2v_str_is(value, f->forward[i]))
			continue;
		free(f->forward[i]);
		f->forward[i] = value.p ? p2v_str_dup(value) : NULL;
	}
}

size_t p2v_feed_headers(const struct p2v_feed *f, struct p2v_header *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < P2V_FORWARDED && n < max; i++)
		if (f->forward[i])
			out[n++] = (struct p2v_header){ p2v_str_of(forwarded_names[i]),
				p2v_str_of(f->forward[i]) };
	return n;
}

/* ---- the beat ---- */

uint64_t p2v_delivery_parts(const struct p2v_delivery *d)
{
	uint64_t most = 0;

	P2V_LIST_EACH (it, &d->feeds) {
		const struct p2v_feed *feed = P2V_OF(it, struct p2v_feed, in_delivery);

		P2V_LIST_EACH (at, &feed->renditions) {
			const struct p2v_rendition *r = P2V_OF(at, struct p2v_rendition, in_feed);
			uint64_t rate = r->timeline.bitrate / 8;

			if (r->followed && r->by_part && rate > most)
				most = rate;
		}
	}
	return most;
}

/* Who fetches parts has to be able to pass them on to a few at once, and whoever never did never
 * showed that it can. So a line counts as good enough until it is found to be full: that is soon,
 * and then it counts as what it is. */
static uint64_t declared(const struct p2v_delivery *d)
{
	uint64_t least = d->governor.was_full ? 0 : 4 * p2v_delivery_parts(d);

	return d->capacity_seen > least ? d->capacity_seen : least;
}

/* What this node can upload: what the line was found to carry, else the most that it did in a
 * second lately. Of parts even a line that carries little says so, as there is no time to find it
 * out again. */
static void measure_upload(struct p2v_delivery *d, p2v_usec now)
{
	p2v_usec ran = now - d->window_at;
	bool parts = p2v_delivery_parts(d) > 0;
	uint64_t rate;

	if (ran < BEAT)
		return;
	rate = d->uploaded_window * P2V_SECOND / (uint64_t)ran;
	/* Forgotten slowly, as a quiet second says nothing about the line. */
	d->capacity_seen = rate > d->capacity_seen ? rate
						   : d->capacity_seen - d->capacity_seen / 256;
	if (p2v_governor_known(d))
		d->capacity_seen = p2v_governor_rate(d);
	d->uploaded_window = 0;
	d->window_at = now;
	if (d->overlay)
		p2v_overlay_set_capacity(d->overlay, declared(d), d->governor.was_full && parts);
}

static void beat(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_delivery *d = t->owner;

	P2V_LIST_EACH (it, &d->feeds) {
		struct p2v_feed *feed = P2V_OF(it, struct p2v_feed, in_delivery);

		P2V_LIST_EACH (at, &feed->viewers) {
			struct p2v_viewer *v = P2V_OF(at, struct p2v_viewer, in_feed);

			if (now - v->seen > VIEWER_FORGET)
				p2v_viewer_free(v);
		}
		join(feed);
		p2v_follow_beat(feed, now);
	}
	measure_upload(d, now);
	p2v_governor_beat(d, now);
	p2v_delivery_evict(d);
	p2v_arm(&d->node->world, t, now + BEAT);
}

void p2v_delivery_tidy(struct p2v_delivery *d)
{
	p2v_gauge(&d->node->metrics, P2V_M_CACHE_BYTES, d->held);
	if (d->held > d->conf->cache)
		p2v_arm(&d->node->world, &d->beat, p2v_now(&d->node->world));
}

/* ---- life ---- */

int p2v_delivery_new(struct p2v_node *node, const struct p2v_delivery_conf *conf,
	const struct p2v_delivery_policies *policies, struct p2v_delivery **out,
	struct p2v_err *err)
{
	struct p2v_delivery *d = calloc(1, sizeof *d);

	if (!d)
		return p2v_fail(err, P2V_ENOMEM, "no memory for delivery");
	d->node = node;
	d->conf = conf;
	d->policies = *policies;
	p2v_list_init(&d->feeds);
	p2v_list_init(&d->mates);
	p2v_serve_init(d);
	d->window_at = p2v_now(&node->world);
	d->beat.fire = beat;
	d->beat.owner = d;
	p2v_arm(&node->world, &d->beat, p2v_now(&node->world) + BEAT);
	*out = d;
	return P2V_OK;
}

void p2v_delivery_attach(struct p2v_delivery *d, struct p2v_overlay *o)
{
	d->overlay = o;
	P2V_LIST_EACH (it, &d->feeds)
		join(P2V_OF(it, struct p2v_feed, in_delivery));
}

void p2v_delivery_stop(struct p2v_delivery *d)
{
	d->stopping = true;
	p2v_disarm(&d->node->world, &d->beat);
}

void p2v_delivery_free(struct p2v_delivery *d)
{
	if (!d)
		return;
	p2v_delivery_stop(d);
	assert(p2v_list_empty(&d->mates));
	p2v_serve_fini(d);
	while (d->fragments)
		p2v_fragment_free(d->fragments);
	P2V_LIST_EACH (it, &d->feeds)
		feed_free(P2V_OF(it, struct p2v_feed, in_delivery));
	free(d);
}

/* ---- status ---- */

static void rendition_json(const struct p2v_rendition *r, struct p2v_json *j)
{
	char key[20];

	(void)snprintf(key, sizeof key, "%016llx", (unsigned long long)r->key);
	p2v_json_open(j, NULL, '{');
	p2v_json_text(j, "key", key);
	p2v_json_bool(j, "followed", r->followed);
	p2v_json_bool(j, "live", r->timeline.live);
	p2v_json_u64(j, "bitrate_bps", r->timeline.bitrate);
	p2v_json_u64(j, "fragments", r->timeline.n);
	p2v_json_u64(j, "newest", p2v_rendition_newest(r));
	p2v_json_close(j, '}');
}

static void feed_json(const struct p2v_feed *feed, struct p2v_json *j)
{
	p2v_usec now = p2v_now(&feed->d->node->world);

	p2v_json_open(j, NULL, '{');
	p2v_json_text(j, "name", feed->channel->name);
	p2v_json_bool(j, "joined", feed->joined);
	p2v_json_open(j, "viewers", '[');
	P2V_LIST_EACH (it, &feed->viewers) {
		const struct p2v_viewer *v = P2V_OF(it, struct p2v_viewer, in_feed);
		struct p2v_player_view view;

		v->policy->plugin->ops.player->view(v->state, now, &view);
		p2v_json_open(j, NULL, '{');
		p2v_json_text(j, "plugin", v->policy->plugin->name);
		p2v_json_bool(j, "playing", view.playing);
		p2v_json_i64(j, "buffer_ms", view.buffer / P2V_MSEC);
		p2v_json_u64(j, "stalls", view.stalls);
		p2v_json_close(j, '}');
	}
	p2v_json_close(j, ']');
	p2v_json_open(j, "renditions", '[');
	P2V_LIST_EACH (it, &feed->renditions)
		rendition_json(P2V_OF(it, struct p2v_rendition, in_feed), j);
	p2v_json_close(j, ']');
	p2v_json_close(j, '}');
}

static void mate_json(const struct p2v_mate *m, struct p2v_json *j)
{
	struct p2v_session_info info;
	struct p2v_select_peer view;
	char id[20];

	p2v_session_info(p2v_partner_session(m->partner), &info);
	p2v_partner_view(m->partner, &view);
	(void)snprintf(id, sizeof id, "%016llx", (unsigned long long)view.id);
	p2v_json_open(j, NULL, '{');
	p2v_json_text(j, "peer", id);
	p2v_json_i64(j, "rtt_us", info.srtt);
	p2v_json_u64(j, "sent", info.sent);
	p2v_json_u64(j, "received", info.received);
	p2v_json_u64(j, "lost", info.lost);
	p2v_json_u64(j, "rate_bps", view.rate * 8);
	p2v_json_u64(j, "capacity_bps", view.capacity * 8);
	p2v_json_u64(j, "failures", view.failures);
	p2v_json_u64(j, "holds", m->n_holds);
	p2v_json_close(j, '}');
}

void p2v_delivery_json(const struct p2v_delivery *d, struct p2v_json *j)
{
	p2v_json_open(j, "channels", '[');
	P2V_LIST_EACH (it, &d->feeds)
		feed_json(P2V_OF(it, struct p2v_feed, in_delivery), j);
	p2v_json_close(j, ']');
	p2v_json_open(j, "partners", '[');
	P2V_LIST_EACH (it, &d->mates)
		mate_json(P2V_OF(it, struct p2v_mate, in_delivery), j);
	p2v_json_close(j, ']');
	p2v_json_u64(j, "upload_rate_bps", 8 * p2v_governor_rate(d));
	p2v_json_u64(j, "cache_limit", d->conf->cache);
	p2v_json_u64(
		j, "cdn_rate_bps", d->n_rates ? 8 * d->rates[(d->n_rates - 1) % P2V_RATES] : 0);
}
