/* shelf.c - delivery alone. */
#include "tests/unit/delivery/shelf.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "framework/base/options.h"

extern const struct p2v_plugin p2v_cache_window_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_player_generic_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_select_capacity_LTX_p2v_plugin;

static void bind(struct shelf *s, size_t i, struct p2v_policy *policy, const struct p2v_plugin *p)
{
	struct p2v_err err;

	cr_assert_leq(p->conf_size, sizeof s->conf[i]);
	if (p2v_options_default(p->options, p->option_size, s->conf[i], &err) < 0)
		cr_assert_fail("%s", err.text);
	p2v_policy_init(policy, &s->node, p, s->conf[i]);
}

void shelf_open(struct shelf *s)
{
	static const struct p2v_channel_conf conf = {
		.mount = "/live", .origin = "http://cdn/live/", .swarm = "", .identity_regex = ""
	};
	struct p2v_err err;

	memset(s, 0, sizeof *s);
	fake_world_node(&s->world, &s->node);
	s->world.now = 1000 * P2V_SECOND;
	p2v_sim_crypto_init(&s->crypto, 1);
	s->node.crypto = p2v_sim_crypto(&s->crypto);
	bind(s, 0, &s->select, &p2v_select_capacity_LTX_p2v_plugin);
	bind(s, 1, &s->cache, &p2v_cache_window_LTX_p2v_plugin);
	bind(s, 2, &s->player, &p2v_player_generic_LTX_p2v_plugin);
	if (p2v_options_default(
		    p2v_delivery_options, sizeof *p2v_delivery_options, &s->dconf, &err) < 0)
		cr_assert_fail("%s", err.text);
	s->policies = (struct p2v_delivery_policies){ &s->select, &s->cache, &s->player, 1,
		&s->manifests };
	cr_assert_eq(p2v_delivery_new(&s->node, &s->dconf, &s->policies, &s->d, &err), P2V_OK);
	cr_assert_eq(p2v_channel_init(&s->channel, "live", &conf, &s->node.crypto, &err), P2V_OK);
	s->feed = p2v_delivery_feed(s->d, &s->channel);
	cr_assert_not_null(s->feed);
	p2v_list_init(&s->playlist.waiters);
	s->rendition.playlist = &s->playlist;
	s->rendition.feed = s->feed;
	s->rendition.key = 7;
	s->rendition.timeline.target = 2 * P2V_SECOND;
}

void shelf_close(struct shelf *s)
{
	p2v_delivery_free(s->d);
	p2v_channel_fini(&s->channel);
	p2v_node_fini(&s->node);
}

struct p2v_fragment *shelf_fragment(struct shelf *s, const char *url)
{
	struct p2v_timeline_entry e = { .url = (char *)(uintptr_t)url, .dur = 2 * P2V_SECOND };

	return p2v_fragment_get(s->feed, &s->rendition, &e);
}

void shelf_known(struct p2v_fragment *f, uint64_t length)
{
	struct p2v_proof proof = { .fetched = 1 };

	cr_assert_eq(p2v_fragment_set_known(f, length, length, 5,
			     p2v_str_of("Content-Type: video/mp2t\r\n"), &proof),
		P2V_OK);
}

uint8_t shelf_byte(uint64_t off)
{
	return (uint8_t)(off * 31 + off / 251);
}

ptrdiff_t shelf_fill(struct p2v_fragment *f, uint64_t off, size_t n)
{
	uint8_t *p = malloc(n + 1);
	ptrdiff_t rc;

	if (!p)
		return P2V_ENOMEM;
	for (size_t i = 0; i < n; i++)
		p[i] = shelf_byte(off + i);
	rc = p2v_fragment_fill(f, off, (struct p2v_bytes){ p, n }, NULL, 1);
	free(p);
	return rc;
}

bool shelf_put(struct p2v_fragment *f, uint32_t index)
{
	static const struct p2v_proof proof = { .fetched = 1, .made = true };
	uint32_t n = p2v_fragment_chunk_size(f, index);
	struct p2v_buf *b = p2v_buf_new(n);

	cr_assert_not_null(b);
	for (uint32_t i = 0; i < n; i++)
		b->data[i] = shelf_byte((uint64_t)index * P2V_CHUNK + i);
	return p2v_fragment_put(f, index, b, n, &proof, 3);
}
