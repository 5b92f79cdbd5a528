/* couple.c - two viewers of one CDN. */
#include "tests/sim/couple.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"

#define TRACKER_IP 0x0a000003u
#define BEHIND     (6 * P2V_SECOND) /* the second viewer */
#define BUFFER     (6 * P2V_SECOND)

static void defaults(const struct p2v_option *table, void *conf)
{
	struct p2v_err err;

	if (p2v_options_default(table, sizeof *table, conf, &err) < 0)
		cr_assert_fail("%s", err.text);
}

/* ---- life ---- */

static void start_tracker(struct couple *c)
{
	struct booth *b = &c->v[0].booth;
	const struct p2v_swarm_plugins *p = &b->conf.plugins;
	struct p2v_agent_plugin cc = booth_plugin(b, p->cc),
				registry = booth_plugin(b, p->registry);
	struct p2v_addr ip = p2v_addr_v4(TRACKER_IP, 0);
	struct p2v_machine *m = p2v_machine_new(b->sim, "tracker", &ip, &b->conf.box_link);
	struct p2v_records records;
	struct p2v_world world;
	struct p2v_err err;

	cr_assert_not_null(m);
	p2v_sim_name(b->sim, "tracker", &ip);
	world = p2v_machine_world(m);
	defaults(p2v_dtl_options, &c->transport);
	defaults(p2v_tracker_options, &c->tracker_conf);
	c->tracker_conf.listen = "*:8790";
	p2v_node_init(&c->tracker_node, &world, 99);
	p2v_sim_crypto_init(&c->tracker_crypto, 99);
	c->tracker_node.crypto = p2v_sim_crypto(&c->tracker_crypto);
	c->tracker_records = p2v_sim_records_new(
		&c->tracker_node, &c->tracker_crypto.id, P2V_IS_TRACKER, NULL);
	cr_assert_not_null(c->tracker_records);
	records = p2v_sim_records(c->tracker_records);
	p2v_policy_init(&c->cc, &c->tracker_node, cc.plugin, cc.conf);
	p2v_policy_init(&c->registry, &c->tracker_node, registry.plugin, registry.conf);
	if (p2v_tracker_new(&c->tracker_node, &c->tracker_conf, &c->transport, &records, &c->cc,
		    &c->registry, &c->tracker, &err) < 0)
		cr_assert_fail("%s", err.text);
}

void couple_open(struct couple *c, const struct booth_conf *conf)
{
	struct booth_conf both = *conf;

	memset(c, 0, sizeof *c);
	both.overlay.tracker = "tracker:8790";
	booth_open(&c->v[0].booth, &both);
	start_tracker(c);
	booth_join(&c->v[1].booth, &c->v[0].booth, &both, 1);
	c->cdn = &c->v[0].booth.cdn;
	couple_run(c, 2 * P2V_SECOND); /* they have met */
}

void couple_close(struct couple *c)
{
	for (size_t i = 0; i < 2; i++)
		p2v_player_free(c->v[i].player);
	booth_close(&c->v[1].booth);
	p2v_tracker_free(c->tracker);
	p2v_sim_records_free(c->tracker_records);
	p2v_node_fini(&c->tracker_node);
	booth_close(&c->v[0].booth);
	while (c->n_texts)
		free(c->texts[--c->n_texts]);
}

void couple_run(struct couple *c, p2v_usec time)
{
	booth_run(&c->v[0].booth, time);
}

/* ---- the CDN ---- */

static char *keep(struct couple *c, char *text)
{
	cr_assert_not_null(text);
	cr_assert_lt(c->n_texts, (size_t)COUPLE_TEXTS);
	return c->texts[c->n_texts++] = text;
}

const char *couple_text(struct couple *c, const char *fmt, ...)
{
	struct p2v_text t = { 0 };
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	cr_assert_lt(vsnprintf(line, sizeof line, fmt, ap), (int)sizeof line);
	va_end(ap);
	p2v_text_puts(&t, line);
	return keep(c, t.p);
}

struct page *couple_put(struct couple *c, const char *target, const char *type, const char *text)
{
	return site_put(c->cdn, &(struct page){ .target = target, .type = type, .text = text });
}

struct page *couple_put_media(
	struct couple *c, const char *target, const char *word, unsigned n, size_t size)
{
	struct p2v_text t = { 0 };

	for (unsigned line = 0; t.n < size; line++)
		p2v_text_printf(&t, "%s %02u %06u\n", word, n, line);
	cr_assert_not(t.oom);
	return site_put(c->cdn, &(struct page){ .target = target,
					.text = keep(c, t.p),
					.text_n = size,
					.etag = couple_text(c, "\"%s-%u\"", word, n) });
}

/* ---- watching ---- */

static void on_body(void *ctx, const char *url, uint64_t off, struct p2v_bytes b)
{
	static const char agent[] = "http://127.0.0.1:8780";
	struct couple_viewer *v = ctx;
	struct booth *first = v->booth.first ? v->booth.first : &v->booth;
	const struct page *p;

	cr_assert_eq(strncmp(url, agent, strlen(agent)), 0, "%s is not the agent's", url);
	p = site_find(&first->cdn, p2v_str_of(url + strlen(agent)));
	cr_assert_not_null(p, "%s is no page", url);
	for (size_t i = 0; i < b.n; i++)
		v->wrong += b.p[i] != site_body(p, off + i);
	v->compared += b.n;
}

void couple_watch(struct couple *c, size_t viewer, const char *path)
{
	struct couple_viewer *v = &c->v[viewer];
	struct p2v_agent_plugin plugin = booth_plugin(&v->booth, v->booth.conf.plugins.manifest);
	struct p2v_player_hooks hooks = { .ctx = v, .body = on_body };
	struct p2v_player_conf conf;
	char url[256];
	struct p2v_err err;

	defaults(p2v_player_options, &conf);
	conf.max_buffer = BUFFER; /* it does not load all of a short film at once */
	p2v_policy_init(&v->manifest, &v->booth.node, plugin.plugin, plugin.conf);
	v->manifests = (struct p2v_manifests){ &v->manifest, 1, NULL };
	(void)snprintf(url, sizeof url, "http://127.0.0.1:8780%s", path);
	if (p2v_player_new(&v->booth.box, &v->manifests, &conf, url, &hooks, &v->player, &err) < 0)
		cr_assert_fail("%s", err.text);
}

static bool over(const struct couple *c)
{
	struct p2v_player_status a, b;

	p2v_player_status(c->v[0].player, &a);
	p2v_player_status(c->v[1].player, &b);
	return a.ended && b.ended;
}

void couple_play(struct couple *c, const char *first, const char *second)
{
	couple_watch(c, 0, first);
	couple_run(c, BEHIND);
	couple_watch(c, 1, second);
	for (int i = 0; i < 120 && !over(c); i++)
		couple_run(c, P2V_SECOND);
	for (size_t i = 0; i < 2; i++) {
		struct p2v_player_result r;

		p2v_player_result(c->v[i].player, &r);
		cr_assert(r.ended && r.code == P2V_OK, "viewer %zu: %s", i, r.error);
		cr_assert_eq(r.stalls, 0);
		cr_assert_eq(r.skipped, 0);
		cr_assert_gt(c->v[i].compared, 0);
		cr_assert_eq(c->v[i].wrong, 0, "viewer %zu was given %llu wrong bytes", i,
			(unsigned long long)c->v[i].wrong);
		cr_assert_eq(couple_count(c, i, P2V_M_INTEGRITY), 0);
		cr_assert_eq(couple_count(c, i, P2V_M_RESULT_FAILED), 0);
	}
}

uint64_t couple_count(const struct couple *c, size_t viewer, enum p2v_metric m)
{
	return c->v[viewer].booth.node.metrics.v[m];
}

uint64_t couple_heard(const struct couple *c, size_t word)
{
	return c->v[0].booth.words[word].seen;
}
