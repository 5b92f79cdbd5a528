/* theatre.c - a player in virtual time, for the tests of the measuring player. */
#include "tests/unit/player/theatre.h"

#include <string.h>

#include "framework/base/options.h"

static void on_body(void *ctx, const char *url, uint64_t off, struct p2v_bytes b)
{
	struct theatre *t = ctx;
	int generation;

	if (!t->origin) {
		t->bodies += b.n;
		return;
	}
	generation = p2v_origin_match(t->origin, url, off, b);
	if (generation < 0) {
		t->torn++;
		return;
	}
	t->bodies += b.n;
	if ((uint32_t)generation > t->newest)
		t->newest = (uint32_t)generation;
}

static void on_fragment(void *ctx, const struct p2v_player_fragment *f)
{
	struct theatre *t = ctx;
	struct theatre_note *n = &t->notes[t->n_notes];

	cr_assert_lt(t->n_notes, THEATRE_NOTES);
	t->n_notes++;
	n->f = *f;
	n->f.url = NULL;
	(void)snprintf(n->url, sizeof n->url, "%s", f->url);
}

static void on_trace(void *ctx, const char *line)
{
	struct theatre *t = ctx;
	size_t n = strlen(t->trace);

	(void)snprintf(t->trace + n, sizeof t->trace - n, "%s\n", line);
}

static void on_ended(void *ctx, int code, const struct p2v_err *err)
{
	struct theatre *t = ctx;

	t->ends++;
	t->end_code = code;
	(void)snprintf(t->end_text, sizeof t->end_text, "%.190s", err->text);
}

void theatre_open(struct theatre *t)
{
	struct p2v_link near = { .delay = 2000 }, far = { .delay = 8000 };
	struct p2v_addr a = p2v_addr_v4(0x0a000001, 0), b = p2v_addr_v4(0x0a000002, 0);
	struct p2v_err err;

	memset(t, 0, sizeof *t);
	t->sim = p2v_sim_new(11);
	t->home = p2v_machine_new(t->sim, "home", &a, &near);
	t->cdn = p2v_machine_new(t->sim, "cdn", &b, &far);
	p2v_sim_name(t->sim, "cdn", &b);
	t->w = p2v_machine_world(t->home);
	p2v_test_manifests_init(&t->manifests);
	p2v_origin_conf_default(&t->oc);
	cr_assert_eq(
		p2v_options_default(p2v_player_options, sizeof(struct p2v_option), &t->pc, &err),
		P2V_OK, "%s", err.text);
}

void theatre_play(struct theatre *t, const char *url)
{
	struct p2v_world far = p2v_machine_world(t->cdn);
	struct p2v_err err;

	cr_assert_eq(p2v_origin_new(&far, &t->oc, NULL, &t->origin, &err), P2V_OK);
	theatre_watch(t, url);
}

void theatre_watch(struct theatre *t, const char *url)
{
	struct p2v_player_hooks hooks = { t, on_body, on_fragment, on_trace, on_ended };
	struct p2v_err err;

	cr_assert_eq(
		p2v_player_new(&t->w, &t->manifests.all, &t->pc, url, &hooks, &t->player, &err),
		P2V_OK, "%s", err.text);
}

void theatre_run(struct theatre *t, double until)
{
	(void)p2v_sim_run(t->sim, (p2v_usec)(until * 1e6));
	cr_assert_eq(t->torn, 0, "bytes that no encoder wrote");
}

struct p2v_player_result theatre_result(struct theatre *t)
{
	struct p2v_player_result r;

	p2v_player_result(t->player, &r);
	return r;
}

void theatre_cap(struct theatre *t, uint64_t rate)
{
	struct p2v_link l = { .delay = 2000, .down = rate / 8, .queue = rate ? 64000 : 0 };

	p2v_machine_set_link(t->home, &l);
}

void theatre_close(struct theatre *t)
{
	p2v_player_free(t->player);
	p2v_origin_free(t->origin);
	p2v_sim_free(t->sim);
}
