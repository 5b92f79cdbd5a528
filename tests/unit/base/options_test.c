/* options_test.c - binding text to conf structs: each type, each refusal and its words, tables of
 * older and newer plugins. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "framework/base/options.h"

TestSuite(options, .timeout = 60);

struct conf {
	bool on;
	uint32_t window;
	uint64_t limit;
	p2v_usec wait;
	double part;
	const char *name;
	uint32_t mode;
};

static const char *const modes[] = { "open", "token", "jwt", NULL };

static const struct p2v_option table[] = { P2V_OPT_BOOL(struct conf, on, "yes", "switch"),
	P2V_OPT_U32(struct conf, window, "64k", 1200, 1e7, "B", "window"),
	P2V_OPT_U64(struct conf, limit, "0", 0, 1e18, "B", "limit"),
	P2V_OPT_USEC(struct conf, wait, "250ms", 1000, 2e6, "ms", "wait"),
	P2V_OPT_REAL(struct conf, part, "0.5", 0.1, 0.95, "1", "part"),
	P2V_OPT_TEXT(struct conf, name, "", 1, 8, "name"),
	P2V_OPT_ENUM(struct conf, mode, "token", modes, "mode"), P2V_OPT_END };

static const struct p2v_option *find(const char *name)
{
	static struct p2v_option copy; /* in a process of its own */
	const struct p2v_option *o = p2v_option_find(table, sizeof table[0], name, &copy);

	cr_assert_not_null(o);
	return o;
}

Test(options, defaults_are_bound)
{
	struct conf c;
	struct p2v_err err;

	memset(&c, 0, sizeof c);
	cr_assert_eq(p2v_options_default(table, sizeof table[0], &c, &err), P2V_OK, "%s", err.text);
	cr_assert(c.on);
	cr_assert_eq(c.window, 64000);
	cr_assert_eq(c.limit, 0);
	cr_assert_eq(c.wait, 250000);
	cr_assert_float_eq(c.part, 0.5, 1e-12);
	cr_assert_str_eq(c.name, "", "a text that must be given is empty until then");
	cr_assert_eq(c.mode, 1);
}

Test(options, each_type_takes_its_text)
{
	struct conf c;

	memset(&c, 0, sizeof c);
	cr_assert_eq(p2v_option_set(find("on"), &c, "off", NULL), P2V_OK);
	cr_assert_not(c.on);
	cr_assert_eq(p2v_option_set(find("window"), &c, "4Mi", NULL), P2V_OK);
	cr_assert_eq(c.window, 4194304);
	cr_assert_eq(p2v_option_set(find("limit"), &c, "1000000000000", NULL), P2V_OK);
	cr_assert_eq(c.limit, UINT64_C(1000000000000));
	cr_assert_eq(p2v_option_set(find("wait"), &c, "1.5s", NULL), P2V_OK);
	cr_assert_eq(c.wait, 1500000);
	cr_assert_eq(p2v_option_set(find("wait"), &c, "7", NULL), P2V_OK);
	cr_assert_eq(c.wait, 7000, "a bare number is in the option's unit");
	cr_assert_eq(p2v_option_set(find("part"), &c, "0.95", NULL), P2V_OK);
	cr_assert_float_eq(c.part, 0.95, 1e-12);
	cr_assert_eq(p2v_option_set(find("name"), &c, "12345678", NULL), P2V_OK);
	cr_assert_str_eq(c.name, "12345678");
	cr_assert_eq(p2v_option_set(find("mode"), &c, "jwt", NULL), P2V_OK);
	cr_assert_eq(c.mode, 2);
}

Test(options, each_refusal_has_its_words)
{
	static const struct {
		const char *name, *text, *words;
	} v[] = { { "on", "maybe", "'maybe' is not yes or no" },
		{ "window", "many", "'many' is not a whole number (like 1200, 64k or 4Mi)" },
		{ "window", "-5", "'-5' is not a whole number (like 1200, 64k or 4Mi)" },
		{ "window", "12", "12 is below the range 1200 to 10000000" },
		{ "window", "16M", "16M is above the range 1200 to 10000000" },
		{ "limit", "1.5", "'1.5' is not a whole number (like 1200, 64k or 4Mi)" },
		{ "wait", "soon", "'soon' is not a length of time (like 250ms, 1.5s or 10m)" },
		{ "wait", "3s", "3s is above the range 1ms to 2s" },
		{ "wait", "1us", "1us is below the range 1ms to 2s" },
		{ "part", "half", "'half' is not a number (like 0.7)" },
		{ "part", "1", "1 is above the range 0.1 to 0.95" },
		{ "name", "", "a text of 0 bytes, 1 to 8 are allowed" },
		{ "name", "123456789", "a text of 9 bytes, 1 to 8 are allowed" },
		{ "mode", "Open", "'Open' is not one of open, token, jwt" } };
	struct conf c, before;

	memset(&c, 0, sizeof c);
	cr_assert_eq(p2v_options_default(table, sizeof table[0], &c, NULL), P2V_OK);
	before = c;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_err err;

		cr_assert_eq(p2v_option_set(find(v[i].name), &c, v[i].text, &err), P2V_ECONF,
			"%s=%s", v[i].name, v[i].text);
		cr_expect_str_eq(err.text, v[i].words, "%s=%s: %s", v[i].name, v[i].text, err.text);
		cr_assert_eq(err.code, P2V_ECONF);
	}
	cr_assert_eq(memcmp(&c, &before, sizeof c), 0, "untouched by what was refused");
}

Test(options, numbers_that_do_not_fit_their_field)
{
	static const struct p2v_option wide = P2V_OPT_U32(
		struct conf, window, "0", 0, 1e12, "B", "a table that promises too much");
	struct conf c = { .window = 5 };
	struct p2v_err err;

	cr_assert_eq(p2v_option_set(&wide, &c, "4294967296", &err), P2V_ECONF);
	cr_assert_eq(c.window, 5);
	cr_assert_eq(p2v_option_set(&wide, &c, "4294967295", &err), P2V_OK);
	cr_assert_eq(c.window, UINT32_MAX);
}

Test(options, a_type_of_a_newer_host)
{
	struct p2v_option o = table[0];
	struct conf c;
	struct p2v_err err;

	o.type = (enum p2v_opt_type)99;
	cr_assert_eq(p2v_option_set(&o, &c, "1", &err), P2V_EABI);
	cr_assert_str_eq(err.text, "option on has type 99, which this host does not know");
}

Test(options, a_default_that_is_wrong_names_its_option)
{
	static const struct p2v_option bad[] = {
		P2V_OPT_U32(struct conf, window, "1", 5, 9, "B", "wrong on purpose"), P2V_OPT_END
	};
	struct conf c;
	struct p2v_err err;

	cr_assert_eq(p2v_options_default(bad, sizeof bad[0], &c, &err), P2V_ECONF);
	cr_assert_str_eq(err.text, "option window: its own default: 1 is below the range 5 to 9");
}

/* ---- tables of other builds ---- */

/* The same table with another stride, as a plugin of another build has it. */
static void *restride(size_t stride)
{
	size_t n = sizeof table / sizeof table[0];
	char *v = calloc(n, stride);

	for (size_t i = 0; i < n; i++)
		memcpy(v + i * stride, &table[i],
			stride < sizeof table[0] ? stride : sizeof table[0]);
	return v;
}

Test(options, a_longer_stride)
{
	struct p2v_option *v = restride(sizeof table[0] + 24), copy;
	uint32_t stride = sizeof table[0] + 24;
	struct conf c;

	memset(&c, 0, sizeof c);
	cr_assert_str_eq(p2v_option_at(v, stride, 6, &copy)->name, "mode");
	cr_assert_null(p2v_option_at(v, stride, 7, &copy));
	cr_assert_eq(p2v_options_default(v, stride, &c, NULL), P2V_OK);
	cr_assert_eq(c.mode, 1);
	free(v);
}

Test(options, a_shorter_stride)
{
	uint32_t stride = offsetof(struct p2v_option, choices);
	struct p2v_option *v = restride(stride), copy;
	const struct p2v_option *o = p2v_option_find(v, stride, "window", &copy);

	cr_assert_not_null(o);
	cr_assert_str_eq(o->dflt, "64k");
	cr_assert_null(o->choices, "what it does not know is zero");
	cr_assert_null(p2v_option_at(v, stride, 7, &copy));
	free(v);
}

Test(options, an_enum_without_choices_is_refused)
{
	struct p2v_option o = table[6];
	struct conf c;
	struct p2v_err err;

	o.choices = NULL;
	cr_assert_eq(p2v_option_set(&o, &c, "open", &err), P2V_ECONF);
}

Test(options, no_table_has_no_options)
{
	struct p2v_option copy;

	cr_assert_null(p2v_option_at(NULL, sizeof copy, 0, &copy));
	cr_assert_null(p2v_option_find(NULL, sizeof copy, "x", &copy));
	cr_assert_null(p2v_option_nearest(NULL, sizeof copy, "x"));
	cr_assert_eq(p2v_options_default(NULL, sizeof copy, NULL, NULL), P2V_OK);
}

Test(options, nearest_name)
{
	cr_assert_str_eq(p2v_option_nearest(table, sizeof table[0], "windw"), "window");
	cr_assert_str_eq(p2v_option_nearest(table, sizeof table[0], "modes"), "mode");
	cr_assert_null(p2v_option_nearest(table, sizeof table[0], "colourfulness"));
}

Test(options, types_and_ranges_in_words)
{
	struct p2v_text t = { 0 };

	p2v_option_type_text(find("mode"), &t);
	cr_assert_str_eq(t.p, "one of open, token, jwt");
	t.n = 0;
	p2v_option_range_text(find("wait"), &t);
	cr_assert_str_eq(t.p, "1ms to 2s");
	t.n = 0;
	p2v_option_range_text(find("part"), &t);
	cr_assert_str_eq(t.p, "0.1 to 0.95");
	t.n = 0;
	p2v_option_range_text(find("name"), &t);
	cr_assert_eq(t.n, 0, "a text has none");
	p2v_text_fini(&t);
}
