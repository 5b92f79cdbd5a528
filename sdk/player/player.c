/* player.c - the measuring player's life: the master manifest, the tracks, the buffer's turns, the
 * end. Lists are in track.c, fragments in fetching.c, figures in result.c. */
#include "sdk/player/player.h"

#include <stdlib.h>
#include <string.h>

#include "framework/base/url.h"
#include "sdk/player/inside.h"

static const char *const low_latency_kinds[] = { "auto", "no", NULL };

/* clang-format off */
const struct p2v_option p2v_player_options[] = {
	P2V_OPT_ENUM(struct p2v_player_conf, abr, "throughput", p2v_abr_kinds,
		"how renditions are chosen: by throughput as hls.js does, by buffer as BOLA does, or not at all"),
	P2V_OPT_U32(struct p2v_player_conf, rendition, "0", 0, 1000, "1",
		"with abr = fixed, which one is played, counted from the lowest; above the last: the last"),
	P2V_OPT_USEC(struct p2v_player_conf, abr_fast, "3s", 1e5, 3.6e9, "s", "half-life of the fast throughput average"),
	P2V_OPT_USEC(struct p2v_player_conf, abr_slow, "9s", 1e5, 3.6e9, "s", "half-life of the slow throughput average"),
	P2V_OPT_U64(struct p2v_player_conf, abr_initial, "500k", 1, 1e12, "bit/s", "estimate before anything was measured"),
	P2V_OPT_REAL(struct p2v_player_conf, abr_keep, "0.95", 0.1, 2, "1",
		"part of the estimate that renditions up to the present one may need"),
	P2V_OPT_REAL(struct p2v_player_conf, abr_rise, "0.7", 0.1, 2, "1",
		"part of the estimate that renditions above the present one may need"),
	P2V_OPT_BOOL(struct p2v_player_conf, abandon, "yes",
		"give up a fragment that comes too slowly for a lower rendition's"),
	P2V_OPT_ENUM(struct p2v_player_conf, low_latency, "auto", low_latency_kinds,
		"auto: where a playlist offers parts and held requests, use them and stay at its PART-HOLD-BACK; or not at all"),
	P2V_OPT_BOOL(struct p2v_player_conf, preload_hints, "yes",
		"ask for an announced part before it is there, as AVPlayer and Shaka do; hls.js does not"),
	P2V_OPT_U32(struct p2v_player_conf, start_fragments, "3", 1, 1000, "1",
		"how many fragments behind the live edge playback starts"),
	P2V_OPT_USEC(struct p2v_player_conf, start_buffer, "0s", 0, 3.6e9, "s", "media that must be there before playback starts"),
	P2V_OPT_USEC(struct p2v_player_conf, resume_buffer, "0s", 0, 3.6e9, "s", "media that must be there before a stall ends"),
	P2V_OPT_USEC(struct p2v_player_conf, max_buffer, "30s", 1e5, 3.6e9, "s", "no fragment is loaded while this much media is ahead"),
	P2V_OPT_USEC(struct p2v_player_conf, connect_timeout, "5s", 1e4, 3.6e9, "s", "longest time until a connection is up"),
	P2V_OPT_USEC(struct p2v_player_conf, idle_timeout, "10s", 1e4, 3.6e9, "s", "longest time without a byte"),
	P2V_OPT_USEC(struct p2v_player_conf, load_timeout, "2m", 1e4, 3.6e9, "s", "longest time for one request"),
	P2V_OPT_U32(struct p2v_player_conf, error_retries, "6", 0, 1000, "1", "how often a fragment is asked for again after an error"),
	P2V_OPT_U32(struct p2v_player_conf, timeout_retries, "4", 0, 1000, "1", "how often a fragment is asked for again after a time-out"),
	P2V_OPT_U32(struct p2v_player_conf, miss_rounds, "3", 0, 1000, "1",
		"how often a fragment that no rendition has is looked for again before it is skipped"),
	P2V_OPT_USEC(struct p2v_player_conf, retry_delay, "1s", 1e3, 3.6e9, "s", "wait after the first error; it doubles with each"),
	P2V_OPT_USEC(struct p2v_player_conf, retry_delay_max, "8s", 1e3, 3.6e9, "s", "longest wait after an error"),
	P2V_OPT_USEC(struct p2v_player_conf, give_up, "30s", 1e5, 3.6e9, "s", "the stream cannot be played when all requests failed for so long"),
	P2V_OPT_END
};
/* clang-format on */

/* ---- the end ---- */

void p2v_player_stop(struct p2v_player *p)
{
	p2v_usec now = p2v_now(&p->w);

	if (p->over)
		return;
	p->over = true;
	p2v_buffer_advance(&p->buffer, now, p2v_player_wall(p));
	p->r.wall = now - p->begun;
	p->r.stalled = p2v_buffer_stalled(&p->buffer, now);
	p->r.latency_last = p2v_buffer_latency(&p->buffer, now, p2v_player_wall(p));
	p2v_load_stop(&p->master);
	p2v_disarm(&p->w, &p->boot);
	p2v_disarm(&p->w, &p->dry);
	for (size_t i = 0; i < p->n_tracks; i++)
		p2v_track_stop(p->tracks[i]);
	for (size_t i = 0; i < p->n_sources; i++)
		p2v_source_stop(p->sources[i]);
}

void p2v_player_over(struct p2v_player *p, int code, const char *why)
{
	struct p2v_err err = { code, "" };

	if (p->over)
		return;
	p2v_player_stop(p);
	p->r.code = code;
	p->r.ended = code == P2V_OK;
	(void)snprintf(p->r.error, sizeof p->r.error, "%s", why);
	(void)snprintf(err.text, sizeof err.text, "%s", why);
	p2v_player_trace_event(p, code == P2V_OK ? "end" : "fatal", why);
	if (p->hooks.ended)
		p->hooks.ended(p->hooks.ctx, code, &err);
}

bool p2v_player_failed(struct p2v_player *p, const struct p2v_load *l, enum p2v_load_end how)
{
	char why[252];

	p->r.misses += how == P2V_LOAD_MISS;
	p->r.errors += how == P2V_LOAD_ERROR;
	p->r.timeouts += how == P2V_LOAD_TIMEOUT;
	p2v_player_trace_event(p, "error", l->why);
	if (p2v_now(&p->w) - p->good < p->conf.give_up)
		return false;
	(void)snprintf(why, sizeof why, "no request went well for %lld ms; the last one: %s",
		(long long)(p->conf.give_up / P2V_MSEC), l->why);
	p2v_player_over(p, how == P2V_LOAD_TIMEOUT ? P2V_ETIMEDOUT : P2V_EIO, why);
	return true;
}

/* ---- playing ---- */

static void tell_state(struct p2v_player *p)
{
	static const char *const names[] = { "starting", "play", "stall", "finish" };

	if (p->buffer.stalls > p->stalls_told && p->buffer.state != P2V_BUFFER_STALLED)
		p2v_player_trace_event(p, "stall", NULL); /* and it is over already */
	p->stalls_told = p->buffer.stalls;
	if (p->buffer.state == p->state_told)
		return;
	p->state_told = p->buffer.state;
	p2v_player_trace_event(p, names[p->state_told], NULL);
}

void p2v_player_moved(struct p2v_player *p)
{
	p2v_usec now = p2v_now(&p->w), dry;

	p2v_buffer_advance(&p->buffer, now, p2v_player_wall(p));
	tell_state(p);
	if (p->buffer.state == P2V_BUFFER_FINISHED) {
		p2v_player_over(p, P2V_OK, "");
		return;
	}
	for (size_t i = 0; i < p->n_tracks && !p->over; i++)
		if (!p->tracks[i]->frag.busy)
			p2v_track_decide(p->tracks[i]);
	if (p->over)
		return;
	dry = p2v_buffer_dry(&p->buffer);
	if (dry == P2V_NEVER)
		p2v_disarm(&p->w, &p->dry);
	else
		p2v_arm(&p->w, &p->dry, dry);
}

static void on_dry(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	p2v_player_moved(t->owner);
}

/* ---- the master manifest ---- */

static bool starts(const char *s, const char *prefix)
{
	return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Whether a variant is one of those to choose from: with pictures, if any has; with the sound of
 * the first; each bit rate once. */
static bool wanted(const struct p2v_doc *d, size_t i, size_t first)
{
	const struct p2v_doc_variant *v = &d->variants[i];

	if (!v->at.url || v->iframes)
		return false;
	if (d->variants[first].w && !v->w && starts(v->codecs, "mp4a"))
		return false;
	if (!same_text(v->audio, d->variants[first].audio))
		return false;
	for (size_t k = 0; k < i; k++)
		if (d->variants[k].bw == v->bw && wanted(d, k, first))
			return false;
	return true;
}

/* The variant that the others are measured by: the first with pictures, else the first. */
static size_t first_variant(const struct p2v_doc *d)
{
	size_t found = d->n_variants;

	for (size_t i = 0; i < d->n_variants; i++) {
		const struct p2v_doc_variant *v = &d->variants[i];

		if (!v->at.url || v->iframes)
			continue;
		if (v->w)
			return i;
		if (found == d->n_variants)
			found = i;
	}
	return found;
}

/* Add a rendition in its place by bit rate. */
int p2v_player_add_rung(struct p2v_track *k, const char *url, uint64_t bitrate,
	struct p2v_source *source, const char *variant)
{
	struct p2v_rung r;
	size_t i = k->n;

	if (p2v_rung_init(&r, url, bitrate) < 0)
		return P2V_ENOMEM;
	r.source = source;
	if (variant && !(r.variant = p2v_str_dup(p2v_str_of(variant)))) {
		p2v_rung_fini(&r);
		return P2V_ENOMEM;
	}
	for (; i > 0 && k->v[i - 1].bitrate > bitrate; i--)
		k->v[i] = k->v[i - 1];
	k->v[i] = r;
	k->n++;
	return P2V_OK;
}

static const struct p2v_doc_rendition *sound_of(const struct p2v_doc *d, const char *group)
{
	const struct p2v_doc_rendition *found = NULL;

	for (size_t i = 0; i < d->n_renditions; i++) {
		const struct p2v_doc_rendition *r = &d->renditions[i];

		if (!same_text(r->type, "AUDIO") || !same_text(r->group, group) || !r->at.url)
			continue;
		if (r->dflt)
			return r;
		if (!found)
			found = r;
	}
	return found;
}

struct p2v_track *p2v_player_add_track(struct p2v_player *p, size_t n)
{
	struct p2v_track *k = malloc(sizeof *k);

	if (!k || p2v_track_init(k, p, p->n_tracks, n) < 0) {
		free(k);
		return NULL;
	}
	p->tracks[p->n_tracks++] = k;
	return k;
}

void p2v_player_drop_tracks(struct p2v_player *p)
{
	for (size_t i = 0; i < p->n_tracks; i++) {
		p2v_track_fini(p->tracks[i]);
		free(p->tracks[i]);
	}
	p->n_tracks = 0;
	free(p->rates);
	p->rates = NULL;
}

static int make_video(struct p2v_player *p, const struct p2v_doc *d, size_t first)
{
	struct p2v_track *k = p2v_player_add_track(p, d->n_variants);

	if (!k)
		return P2V_ENOMEM;
	for (size_t i = 0; i < d->n_variants; i++)
		if (wanted(d, i, first) && p2v_player_add_rung(k, d->variants[i].at.url,
						   d->variants[i].bw, NULL, NULL) < 0)
			return P2V_ENOMEM;
	return P2V_OK;
}

static int make_sound(struct p2v_player *p, const struct p2v_doc *d, size_t first)
{
	const char *group = d->variants[first].audio;
	const struct p2v_doc_rendition *r = group ? sound_of(d, group) : NULL;
	struct p2v_track *k;

	if (!r)
		return P2V_OK;
	k = p2v_player_add_track(p, 1);
	return k ? p2v_player_add_rung(k, r->at.url, 0, NULL, NULL) : P2V_ENOMEM;
}

/* A lone list of fragments is a stream with one rendition. */
static int make_single(struct p2v_player *p)
{
	struct p2v_track *k = p2v_player_add_track(p, 1);

	return k ? p2v_player_add_rung(k, p->master.from.p, 0, NULL, NULL) : P2V_ENOMEM;
}

static int make_abr(struct p2v_player *p)
{
	const struct p2v_track *k = p->tracks[0];
	struct p2v_abr_conf conf = { .kind = p->conf.abr,
		.fixed = p->conf.rendition,
		.fast = p->conf.abr_fast,
		.slow = p->conf.abr_slow,
		.initial = p->conf.abr_initial,
		.keep = p->conf.abr_keep,
		.rise = p->conf.abr_rise };

	p->rates = calloc(k->n, sizeof *p->rates);
	if (!p->rates)
		return P2V_ENOMEM;
	for (size_t i = 0; i < k->n; i++)
		p->rates[i] = k->v[i].bitrate ? k->v[i].bitrate : 1;
	p2v_abr_init(&p->abr, &conf, p->rates, k->n);
	p->r.renditions = (uint32_t)k->n;
	return P2V_OK;
}

int p2v_player_begin(struct p2v_player *p)
{
	struct p2v_abr_view view = { .live = true, .fragment = P2V_SECOND };
	int rc = make_abr(p);

	if (rc < 0)
		return rc;
	p2v_buffer_fini(&p->buffer);
	p2v_buffer_init(
		&p->buffer, p->n_tracks, p->conf.start_buffer, p->conf.resume_buffer, p->begun);
	p->tracks[0]->cur = p2v_abr_choose(&p->abr, &view);
	return P2V_OK;
}

/* @return P2V_OK; P2V_EPARSE with err: nothing to play; P2V_ENOMEM */
static int set_up(struct p2v_player *p, struct p2v_doc *d, struct p2v_err *err)
{
	bool master = d->head.kind == P2V_MANIFEST_MASTER;
	size_t first = master ? first_variant(d) : 0;
	int rc;

	if (master && first == d->n_variants)
		return p2v_fail(err, P2V_EPARSE, "the master manifest lists nothing to play");
	if (master && d->context)
		p->lists = p2v_doc_ref(d);
	rc = master ? make_video(p, d, first) : make_single(p);
	if (rc == P2V_OK && master)
		rc = make_sound(p, d, first);
	if (rc == P2V_OK)
		rc = p2v_player_begin(p);
	if (rc < 0)
		return p2v_fail(err, rc, "no memory for the renditions");
	if (!master)
		return p2v_track_read(p->tracks[0], d, p->master.asked);
	for (size_t i = 0; i < p->n_tracks; i++)
		p2v_track_list(p->tracks[i]);
	return P2V_OK;
}

static void master_failed(struct p2v_player *p, enum p2v_load_end how)
{
	p2v_usec delay = p->conf.retry_delay << (p->master_tries < 8 ? p->master_tries : 8);

	if (p2v_player_failed(p, &p->master, how))
		return;
	p->master_tries++;
	p2v_arm(&p->w, &p->boot,
		p2v_now(&p->w) +
			(delay < p->conf.retry_delay_max ? delay : p->conf.retry_delay_max));
}

static void master_done(struct p2v_load *l, enum p2v_load_end how)
{
	struct p2v_player *p = l->owner;
	struct p2v_doc *d = NULL;
	struct p2v_err err = { P2V_OK, "" };
	int rc;

	if (how != P2V_LOAD_OK) {
		master_failed(p, how);
		return;
	}
	rc = p2v_load_read(l, &d, &err);
	p->good = p2v_now(&p->w);
	if (rc == P2V_OK) {
		rc = d->head.kind == P2V_MANIFEST_PRESENTATION ? p2v_source_open(p, d, &err)
							       : set_up(p, d, &err);
		p2v_doc_free(d);
	}
	if (rc < 0)
		p2v_player_over(p, rc, err.text[0] ? err.text : "the manifest cannot be read");
	else
		p2v_player_moved(p);
}

static void on_boot(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_player *p = t->owner;

	(void)now;
	p2v_load_start(&p->master, p->url, NULL);
}

/* ---- the interface ---- */

int p2v_player_new(const struct p2v_world *world, const struct p2v_manifests *manifests,
	const struct p2v_player_conf *conf, const char *url, const struct p2v_player_hooks *hooks,
	struct p2v_player **out, struct p2v_err *err)
{
	struct p2v_player *p;
	struct p2v_url u;

	if (p2v_url_split(p2v_str_of(url), &u) < 0 || !p2v_url_is_http(&u))
		return p2v_fail(err, P2V_EPARSE, "'%s' is not an http URL", url);
	p = calloc(1, sizeof *p);
	if (!p)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a player");
	p->url = p2v_str_dup(p2v_str_of(url));
	if (!p->url) {
		free(p);
		return p2v_fail(err, P2V_ENOMEM, "no memory for a player");
	}
	p->w = *world;
	p->manifests = manifests;
	p->conf = *conf;
	if (hooks)
		p->hooks = *hooks;
	p->begun = p->good = p2v_now(world);
	p2v_load_init(&p->master, p, true, master_done, p);
	p2v_buffer_init(&p->buffer, 1, conf->start_buffer, conf->resume_buffer, p->begun);
	p->boot.fire = on_boot;
	p->dry.fire = on_dry;
	p->boot.owner = p->dry.owner = p;
	p2v_arm(world, &p->boot, p->begun);
	*out = p;
	return P2V_OK;
}

void p2v_player_free(struct p2v_player *p)
{
	if (!p)
		return;
	p2v_player_stop(p);
	p2v_load_fini(&p->master);
	p2v_player_drop_tracks(p);
	for (size_t i = 0; i < p->n_sources; i++)
		p2v_source_free(p->sources[i]);
	p2v_doc_free(p->lists);
	p2v_buffer_fini(&p->buffer);
	free(p->url);
	free(p);
}
