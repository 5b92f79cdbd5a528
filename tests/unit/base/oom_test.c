/* oom_test.c - what the base room does when memory runs out: it says so, and keeps what it had. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "framework/base/hash.h"
#include "framework/base/json.h"
#include "framework/base/options.h"
#include "framework/base/policy.h"
#include "framework/base/slice.h"
#include "framework/base/url.h"
#include "tests/unit/fake_world.h"
#include "tests/unit/oom.h"

TestSuite(oom, .timeout = 60);

Test(oom, texts)
{
	struct p2v_text t = { 0 };

	oom_after(0);
	cr_assert_null(p2v_str_dup(p2v_str_of("x")));
	p2v_text_puts(&t, "lost");
	oom_after(-1);
	cr_assert(t.oom);
	cr_assert_null(t.p);
	p2v_text_fini(&t);
	p2v_text_puts(&t, "kept");
	oom_after(0);
	p2v_text_printf(&t, "%100s", "");
	oom_after(-1);
	cr_assert(t.oom);
	cr_assert_str_eq(t.p, "kept");
	p2v_text_fini(&t);
}

Test(oom, json_is_told_by_its_text)
{
	struct p2v_text t = { 0 };
	struct p2v_json j = { &t, false };

	oom_after(1);
	p2v_json_open(&j, NULL, '[');
	for (int i = 0; i < 100; i++)
		p2v_json_text(&j, NULL, "a \"text\"\n");
	p2v_json_close(&j, ']');
	oom_after(-1);
	cr_assert(t.oom);
	p2v_text_fini(&t);
}

Test(oom, resolving_a_url)
{
	struct p2v_text out = { 0 };
	int rc = P2V_ENOMEM;
	long n = 0;

	for (; rc != P2V_OK; n++) {
		oom_after(n);
		rc = p2v_url_resolve(p2v_str_of("http://h/a/b?c"), p2v_str_of("../d e"), &out);
		oom_after(-1);
		cr_assert(rc == P2V_OK || rc == P2V_ENOMEM);
		if (rc == P2V_OK)
			cr_assert_str_eq(out.p, "http://h/d%20e");
		p2v_text_fini(&out);
	}
	cr_assert_gt(n, 2);
}

Test(oom, slices)
{
	struct p2v_slice s;

	oom_after(0);
	cr_assert_null(p2v_buf_new(1));
	s = p2v_slice_copy("x", 1);
	oom_after(-1);
	cr_assert_null(s.p);
	cr_assert_eq(s.n, 0);
	p2v_slice_drop(&s);
}

Test(oom, the_state_of_a_plugin)
{
	static const struct p2v_plugin plugin = {
		.kind = P2V_KIND_CC, .name = "x", .state_size = 8
	};
	struct fake_world w;
	struct p2v_node n;
	struct p2v_policy p;

	fake_world_node(&w, &n);
	p2v_policy_init(&p, &n, &plugin, NULL);
	oom_after(0);
	cr_assert_null(p2v_policy_state(&p));
	oom_after(-1);
}

Test(oom, messages_about_options_do_without_their_ranges)
{
	struct conf {
		uint32_t n;
	} c = { 7 };
	static const struct p2v_option o = P2V_OPT_U32(struct conf, n, "1", 1, 5, "1", "n");
	struct p2v_err err;

	oom_after(0);
	cr_assert_eq(p2v_option_set(&o, &c, "9", &err), P2V_ECONF);
	cr_assert_str_eq(err.text, "9 is above the range ");
	cr_assert_eq(p2v_option_set(&o, &c, "x", &err), P2V_ECONF);
	cr_assert_str_eq(err.text, "'x' is not right");
	oom_after(-1);
	cr_assert_eq(c.n, 7);
}

struct entry {
	int key;
	UT_hash_handle hh;
};

/* The first add needs memory; later ones when the table grows, where uthash stays with fewer
 * buckets. */
Test(oom, hashes)
{
	struct entry *t = NULL, *found, v[200];
	size_t added = 0;

	oom_after(0);
	v[0].key = 0;
	HASH_ADD_INT(t, key, &v[0]);
	cr_assert_not(P2V_HASH_ADDED(hh, &v[0]));
	cr_assert_null(t);
	oom_after(2);
	for (int i = 0; i < 200; i++) {
		v[i].key = i;
		HASH_ADD_INT(t, key, &v[i]);
		added += P2V_HASH_ADDED(hh, &v[i]);
	}
	oom_after(-1);
	cr_assert_eq(HASH_COUNT(t), added);
	for (int i = 0; i < 200; i++) {
		HASH_FIND_INT(t, &i, found);
		cr_assert_eq(found, P2V_HASH_ADDED(hh, &v[i]) ? &v[i] : NULL, "%d", i);
	}
	HASH_CLEAR(hh, t);
}
