/* viewer.c - one viewer of a swarm: how it comes, what runs on its machine, how it leaves, and what
 * is left of it then. */
#include <stdlib.h>
#include <string.h>

#include "sdk/sim/box.h"
#include "sdk/sim/share.h"
#include "sdk/sim/swarm/inside.h"

#define VIEWERS_IP 0x0a010000u /* 10.1.0.0 */
#define HOMES_IP   0xac100000u /* 172.16.0.0: those behind boxes, among themselves */

/* ---- coming ---- */

static int start_agent(struct p2v_swarm_seat *v, struct p2v_err *err)
{
	struct p2v_swarm *s = v->swarm;
	const struct p2v_swarm_conf *c = &s->conf;
	const struct p2v_channel_conf *channel = &c->channel;
	struct p2v_seat *l = v->live;
	const char *name = "live";
	struct p2v_agent_setup setup = { .node = &l->node,
		.version = "sim",
		.gateway = &c->gateway,
		.overlay = v->visitor && !v->visitor->person.gives ? &s->taking : &c->overlay,
		.transport = &c->transport,
		.delivery = &c->delivery,
		.channels = &channel,
		.channel_names = &name,
		.n_channels = 1,
		.select = c->plugins.select,
		.cc = c->plugins.cc,
		.cache = c->plugins.cache,
		.players = { c->plugins.player },
		.n_players = 1,
		.manifests = { c->plugins.manifest },
		.n_manifests = 1,
		.shelf = s->shelf };

	l->records = p2v_sim_records_new(&l->node, &l->crypto.id, P2V_IS_PEER, NULL);
	if (!l->records)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a viewer");
	setup.records = p2v_sim_records(l->records);
	if (p2v_agent_new(&setup, &l->agent, err) < 0)
		return err->code;
	return p2v_meetings_watch(v, err);
}

/* @return a number for a place in the stream, above 0 */
static uint64_t place_of(const struct p2v_media_place *at, uint64_t off)
{
	return p2v_mix64(p2v_mix64(p2v_mix64(at->fragment) ^ at->rendition) ^ off) | 1;
}

/* Which media file a URL names: most of the time the same as before.
 * @return false: none */
static bool find_place(struct p2v_swarm_seat *v, const char *url)
{
	struct p2v_seat *l = v->live;

	if (!l->checked.p || strcmp(l->checked.p, url) != 0) {
		p2v_text_fini(&l->checked);
		p2v_text_puts(&l->checked, url);
		l->placed = p2v_origin_place(v->swarm->origin, url, &l->place);
	}
	return l->placed == P2V_OK;
}

/* Every byte that a player is given is compared with what the origin wrote. With flows it is most
 * of the time the very memory that the encoder has; else those of a buffer that many hold are
 * compared once for each place that it is found to belong to. */
static void check_body(void *ctx, const char *url, uint64_t off, struct p2v_bytes b)
{
	struct p2v_swarm_seat *v = ctx;
	struct p2v_swarm *s = v->swarm;
	struct p2v_sim_shared *shared;
	uint64_t place;
	int rc;

	if (!find_place(v, url))
		return;
	shared = s->conf.flows ? NULL : p2v_sim_shared_at(s->sim, b.p, b.n);
	place = shared ? place_of(&v->live->place, v->live->place.from + off) : 0;
	if (shared && shared->place == place)
		return;
	rc = p2v_encoder_match_at(p2v_origin_encoder(s->origin), &v->live->place, off, b);
	if (rc == P2V_EINTEGRITY)
		s->polluted++;
	else if (rc >= 0 && shared)
		shared->place = place;
}

static void note_fragment(void *ctx, const struct p2v_player_fragment *f)
{
	struct p2v_swarm *s = ((struct p2v_swarm_seat *)ctx)->swarm;
	uint64_t key = f->n << 16 | (uint64_t)f->rendition << 2 | (uint64_t)f->audio << 1 | f->init;
	struct p2v_loaded *l;

	HASH_FIND(hh, s->loaded, &key, sizeof key, l);
	if (l || !(l = calloc(1, sizeof *l)))
		return;
	l->key = key;
	HASH_ADD(hh, s->loaded, key, sizeof l->key, l);
	if (P2V_HASH_ADDED(hh, l))
		s->distinct += f->bytes;
	else
		free(l);
}

static struct p2v_player_conf player_conf(const struct p2v_swarm_seat *v)
{
	struct p2v_player_conf c = v->swarm->conf.player;

	if (v->visitor && v->visitor->person.own_abr)
		c.abr = v->visitor->person.abr;
	return c;
}

static int start(struct p2v_swarm_seat *v, struct p2v_err *err)
{
	const struct p2v_swarm_conf *c = &v->swarm->conf;
	struct p2v_world world = p2v_machine_world(v->machine);
	struct p2v_player_hooks hooks = { .ctx = v, .body = check_body, .fragment = note_fragment };
	struct p2v_player_conf player = player_conf(v);
	struct p2v_seat *l = v->live;
	char url[96];
	int rc = P2V_OK;

	p2v_node_init(&l->node, &world, c->seed * 1000003 + v->number + 1);
	l->node.log_level = c->log_level;
	p2v_sim_crypto_init(&l->crypto, l->node.seed);
	l->crypto.sim = v->swarm->sim;
	l->crypto.forges = v->visitor && v->visitor->person.polluter;
	l->node.crypto = p2v_sim_crypto(&l->crypto);
	p2v_policy_init(
		&l->manifest, &l->node, c->plugins.manifest.plugin, c->plugins.manifest.conf);
	l->manifests = (struct p2v_manifests){ &l->manifest, 1, v->swarm->shelf };
	if (c->p2p || c->agents)
		rc = start_agent(v, err);
	(void)snprintf(url, sizeof url, "http://%s%s/live/master.m3u8",
		l->agent ? "127.0.0.1" : "origin", l->agent ? ":8780" : "");
	return rc < 0 ? rc
		      : p2v_player_new(
				&world, &l->manifests, &player, url, &hooks, &l->player, err);
}

static void leave(void *ctx)
{
	struct p2v_swarm_seat *v = ctx;

	p2v_swarm_leave(v->swarm, v->number, v->visitor->abrupt);
}

static void come(void *ctx)
{
	struct p2v_swarm_seat *v = ctx;
	struct p2v_err err = { P2V_ENOMEM, "no memory" };

	v->from = p2v_sim_now(v->swarm->sim);
	v->live = calloc(1, sizeof *v->live);
	if (!v->live || start(v, &err) < 0) {
		(void)fprintf(stderr, "viewer %zu: %s\n", v->number, err.text);
		abort(); /* the scenario would be another one */
	}
	if (v->visitor && v->visitor->leaves != P2V_NEVER)
		p2v_sim_at(v->swarm->sim, v->visitor->leaves, leave, v);
}

/* ---- leaving ---- */

static void seat_free(struct p2v_seat *l)
{
	p2v_player_free(l->player);
	p2v_agent_free(l->agent);
	p2v_sim_records_free(l->records);
	p2v_text_fini(&l->checked);
	p2v_node_fini(&l->node);
	free(l);
}

static void unplug(void *ctx)
{
	p2v_machine_kill(ctx);
}

/* The machine stays: others still send to it, and its counters are asked for. */
void p2v_swarm_leave(struct p2v_swarm *s, size_t viewer, bool abrupt)
{
	struct p2v_swarm_seat *v = &s->viewers[viewer];

	if (!v->live)
		return;
	v->trace = calloc(1, sizeof *v->trace);
	if (!v->trace)
		abort(); /* as above */
	v->until = p2v_sim_now(s->sim);
	if (abrupt)
		p2v_machine_kill(v->machine);
	p2v_player_stop(v->live->player);
	p2v_player_result(v->live->player, &v->trace->player);
	v->trace->had_agent = v->live->agent != NULL;
	v->trace->metrics = v->live->node.metrics;
	seat_free(v->live);
	v->live = NULL;
	if (!abrupt) /* its last words are still on their way out */
		p2v_sim_at(s->sim, v->until + P2V_SECOND, unplug, v->machine);
}

/* ---- all of them ---- */

/* @return the box that viewer i is behind: a neighbour's, if one came before it; NULL with err */
static struct p2v_sim_box *box_of(struct p2v_swarm *s, size_t i, struct p2v_err *err)
{
	const struct p2v_person *who = &s->viewers[i].visitor->person;
	struct p2v_nat_conf c;

	if (i && s->viewers[i - 1].visitor->person.home == who->home)
		return p2v_machine_box(s->viewers[i - 1].machine);
	p2v_nat_conf_default(&c);
	c.type = who->nat;
	c.hairpin = who->hairpin;
	c.timeout = s->conf.nat_timeout;
	c.inbound_refresh = s->conf.nat_inbound_refresh;
	c.outside = p2v_addr_v4(VIEWERS_IP + (uint32_t)i + 1, 0);
	return p2v_sim_box_new(s->sim, &c, NULL, err);
}

static int put_behind(struct p2v_swarm *s, size_t i, struct p2v_err *err)
{
	struct p2v_sim_box *b = box_of(s, i, err);

	if (!b)
		return err->code;
	p2v_machine_set_box(s->viewers[i].machine, b);
	return P2V_OK;
}

static int seat_new(struct p2v_swarm *s, size_t i, struct p2v_err *err)
{
	struct p2v_swarm_seat *v = &s->viewers[i];
	bool boxed = s->conf.audience && s->conf.audience->v[i].person.boxed;
	struct p2v_addr ip = p2v_addr_v4((boxed ? HOMES_IP : VIEWERS_IP) + (uint32_t)i + 1, 0);
	p2v_usec at = s->conf.warm_up + (p2v_usec)i * s->conf.apart;
	char name[32];

	(void)snprintf(name, sizeof name, "viewer%zu", i);
	*v = (struct p2v_swarm_seat){
		.swarm = s, .number = i, .from = P2V_NEVER, .until = P2V_NEVER
	};
	v->visitor = s->conf.audience ? &s->conf.audience->v[i] : NULL;
	v->machine = p2v_machine_new(
		s->sim, name, &ip, v->visitor ? &v->visitor->person.link : &s->conf.viewer_link);
	if (!v->machine)
		return p2v_fail(err, P2V_ENOMEM, "no memory for viewers");
	if (v->visitor) {
		p2v_machine_place(v->machine, v->visitor->person.x, v->visitor->person.y);
		at = v->visitor->comes;
	}
	if (boxed && put_behind(s, i, err) < 0)
		return err->code;
	p2v_sim_at(s->sim, at, come, v);
	return P2V_OK;
}

int p2v_seats_new(struct p2v_swarm *s, struct p2v_err *err)
{
	size_t n = s->conf.audience ? s->conf.audience->n : s->conf.viewers;
	int rc = P2V_OK;

	s->viewers = calloc(n ? n : 1, sizeof *s->viewers);
	if (!s->viewers)
		return p2v_fail(err, P2V_ENOMEM, "no memory for viewers");
	for (; rc == P2V_OK && s->n < n; s->n++)
		rc = seat_new(s, s->n, err);
	return rc;
}

void p2v_seats_free(struct p2v_swarm *s)
{
	struct p2v_loaded *l, *next;

	for (size_t i = 0; i < s->n; i++) {
		if (s->viewers[i].live)
			seat_free(s->viewers[i].live);
		free(s->viewers[i].trace);
	}
	free(s->viewers);
	HASH_ITER (hh, s->loaded, l, next) {
		HASH_DEL(s->loaded, l);
		free(l);
	}
}

/* ---- looking ---- */

size_t p2v_swarm_viewers(const struct p2v_swarm *s)
{
	return s->n;
}

bool p2v_swarm_is_here(const struct p2v_swarm *s, size_t viewer)
{
	return s->viewers[viewer].live != NULL;
}

struct p2v_machine *p2v_swarm_machine(struct p2v_swarm *s, size_t viewer)
{
	return s->viewers[viewer].machine;
}

struct p2v_player *p2v_swarm_player(struct p2v_swarm *s, size_t viewer)
{
	return s->viewers[viewer].live ? s->viewers[viewer].live->player : NULL;
}

struct p2v_agent *p2v_swarm_agent(struct p2v_swarm *s, size_t viewer)
{
	return s->viewers[viewer].live ? s->viewers[viewer].live->agent : NULL;
}

const struct p2v_metrics *p2v_swarm_metrics(struct p2v_swarm *s, size_t viewer)
{
	const struct p2v_swarm_seat *v = &s->viewers[viewer];

	if (v->trace)
		return v->trace->had_agent ? &v->trace->metrics : NULL;
	return v->live && v->live->agent ? &v->live->node.metrics : NULL;
}

struct p2v_sim_crypto *p2v_swarm_crypto(struct p2v_swarm *s, size_t viewer)
{
	return p2v_swarm_agent(s, viewer) ? &s->viewers[viewer].live->crypto : NULL;
}

void p2v_swarm_viewer(struct p2v_swarm *s, size_t viewer, struct p2v_swarm_viewer *out)
{
	const struct p2v_swarm_seat *v = &s->viewers[viewer];

	*out = (struct p2v_swarm_viewer){ .came = v->from != P2V_NEVER,
		.here = v->live != NULL,
		.from = v->from,
		.until = v->until == P2V_NEVER ? p2v_sim_now(s->sim) : v->until,
		.visitor = v->visitor,
		.metrics = p2v_swarm_metrics(s, viewer) };
	if (v->live)
		p2v_player_result(v->live->player, &out->player);
	else if (v->trace)
		out->player = v->trace->player;
	p2v_machine_count(v->machine, &out->link);
}

uint64_t p2v_swarm_distinct(const struct p2v_swarm *s)
{
	return s->distinct;
}
