/* loader_test.c - the load rule, on plugins that were built wrong on purpose (tests/abi/bad) and on
 * right ones (tests/abi/good). */
#include <config.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <peer2view/cc.h>
#include <peer2view/manifest.h>
#include "framework/base/options.h"
#include "framework/host/abi.h"
#include "framework/host/dl.h"
#include "framework/host/loader.h"

static char *folder(const char *which)
{
	const char *build = getenv("P2V_BUILDDIR");
	char *path = NULL;

	cr_assert_not_null(build, "P2V_BUILDDIR is not set: run it by make check");
	cr_assert(asprintf(&path, "%s/tests/abi/%s/.libs", build, which) > 0);
	return path;
}

static struct p2v_loader *loader_of(const char *which)
{
	struct p2v_loader *ld = NULL;
	struct p2v_err err = { 0 };
	char *path = folder(which);

	cr_assert_eq(p2v_loader_new(path, &ld, &err), P2V_OK, "%s", err.text);
	free(path);
	return ld;
}

/* The plugin must be refused with a sentence that names its file and has all the words. */
static void refused_as(uint32_t kind, const char *name, int code, const char *const *words)
{
	struct p2v_loader *ld = loader_of("modules");
	const struct p2v_plugin *p = NULL;
	struct p2v_err err = { 0 };
	char file[80];

	cr_expect_eq(p2v_loader_get(ld, kind, name, &p, &err), code, "%s: %s", name, err.text);
	cr_expect_null(p);
	(void)snprintf(file, sizeof file, "p2v_cc_%s.so: ", name);
	cr_expect_not_null(strstr(err.text, file), "%s: %s", name, err.text);
	for (; *words; words++)
		cr_expect_not_null(
			strstr(err.text, *words), "'%s' is not in: %s", *words, err.text);
	p2v_loader_free(ld);
}

#define REFUSED(name, ...) \
	refused_as(P2V_KIND_CC, name, P2V_EABI, (const char *const[]){ __VA_ARGS__, NULL })

TestSuite(loader, .timeout = 60);

Test(loader, wrong_magic)
{
	REFUSED("magic", "0x12345678", "0x70327621");
}

Test(loader, other_major)
{
	REFUSED("major", "ABI 2.0", "speaks 1.0", "major");
}

Test(loader, newer_minor)
{
	REFUSED("minor", "ABI 1.7", "newer", "1.0");
}

Test(loader, unknown_kind)
{
	REFUSED("unknown_kind", "kind number 99", "highest is 7");
}

Test(loader, kind_other_than_the_file_says)
{
	REFUSED("other_kind", "kind cache (number 5)", "cc (number 3)");
}

Test(loader, other_kind_version)
{
	REFUSED("kind_abi", "version 6 of kind cc", "drives version 1");
}

Test(loader, name_other_than_the_file_says)
{
	REFUSED("other_name", "'someone'", "'other_name'");
}

Test(loader, missing_text)
{
	REFUSED("no_text", "lacks the text 'license'");
}

Test(loader, missing_operation)
{
	REFUSED("no_op", "'on_loss'", "kind cc must have");
}

Test(loader, no_operations)
{
	REFUSED("no_ops", "no operations");
}

Test(loader, shorter_operations_lack_what_lies_behind)
{
	char theirs[40], ours[40];

	(void)snprintf(
		theirs, sizeof theirs, "have %zu bytes", offsetof(struct p2v_cc_ops, on_ecn));
	(void)snprintf(ours, sizeof ours, "host's %zu", sizeof(struct p2v_cc_ops));
	REFUSED("short_ops", "'view'", theirs, ours);
}

Test(loader, descriptor_shorter_than_the_first_version)
{
	REFUSED("short_descriptor", "its descriptor has", "the shortest");
}

Test(loader, no_descriptor)
{
	REFUSED("no_descriptor", "exports no p2v_cc_no_descriptor_LTX_p2v_plugin");
}

Test(loader, option_behind_its_struct)
{
	REFUSED("bad_offset", "option window", "struct of 2 bytes");
}

Test(loader, option_with_a_bad_default)
{
	REFUSED("bad_default", "option window", "below the range 1200 to 1000000");
}

Test(loader, options_without_length)
{
	REFUSED("bad_stride", "0 bytes each");
}

Test(loader, too_much_state)
{
	REFUSED("greedy", "1099511627776 bytes of state");
}

Test(loader, unresolved_symbol_shows_the_linkers_words)
{
	refused_as(P2V_KIND_CC, "unresolved", P2V_EIO,
		(const char *const[]){ "undefined symbol: p2v_nobody_has_this", NULL });
}

Test(loader, not_an_elf_file)
{
	char dir[] = "/tmp/p2v_loader_XXXXXX", file[80];
	struct p2v_loader *ld = NULL;
	const struct p2v_plugin *p = NULL;
	struct p2v_err err = { 0 };
	FILE *f;

	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(file, sizeof file, "%s/p2v_cc_text.so", dir);
	f = fopen(file, "w");
	cr_assert_not_null(f);
	cr_assert(fputs("this is no shared object\n", f) >= 0);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(p2v_loader_new(dir, &ld, &err), P2V_OK, "%s", err.text);
	cr_expect_eq(p2v_loader_get(ld, P2V_KIND_CC, "text", &p, &err), P2V_EIO);
	cr_expect_not_null(strstr(err.text, file), "%s", err.text);
	cr_expect(strstr(err.text, "ELF") || strstr(err.text, "too short"), "%s", err.text);
	p2v_loader_free(ld);
	(void)unlink(file);
	(void)rmdir(dir);
}

Test(loader, longer_structs_load)
{
	struct p2v_loader *ld = loader_of("modules");
	const struct p2v_plugin *p = NULL;
	struct p2v_option copy;
	struct p2v_err err = { 0 };
	uint32_t window = 0;

	cr_assert_eq(p2v_loader_get(ld, P2V_KIND_CC, "longer", &p, &err), P2V_OK, "%s", err.text);
	cr_expect_str_eq(p->name, "longer");
	cr_expect_not_null(p->ops.cc->view);
	cr_expect_null(p->ops.cc->on_ecn);
	cr_expect_null(p2v_option_at(p->options, p->option_size, 1, &copy));
	cr_assert_eq(p2v_options_default(p->options, p->option_size, &window, &err), P2V_OK);
	cr_expect_eq(window, 24000);
	p2v_loader_free(ld);
}

Test(loader, right_plugin)
{
	struct p2v_loader *ld = loader_of("plugins");
	const struct p2v_plugin *p = NULL, *again = NULL;
	struct p2v_err err = { 0 };

	cr_assert_eq(p2v_loader_get(ld, P2V_KIND_CC, "fixture", &p, &err), P2V_OK, "%s", err.text);
	cr_expect_eq(p->kind, P2V_KIND_CC);
	cr_expect_str_eq(p->summary, "one window, for tests");
	cr_expect_not_null(strstr(p2v_loader_file(ld, p), "/p2v_cc_fixture.so"));
	cr_assert_eq(p2v_loader_get(ld, P2V_KIND_CC, "fixture", &again, &err), P2V_OK);
	cr_expect_eq(p, again, "one copy is handed out");
	p2v_loader_free(ld);
}

Test(loader, unknown_plugin_names_the_nearest)
{
	struct p2v_loader *ld = loader_of("plugins");
	const struct p2v_plugin *p = NULL;
	struct p2v_err err = { 0 };

	cr_expect_eq(p2v_loader_get(ld, P2V_KIND_CC, "fixtur", &p, &err), P2V_ENOENT);
	cr_expect_not_null(strstr(err.text, "cc.fixtur "), "%s", err.text);
	cr_expect_not_null(strstr(err.text, "did you mean fixture?"), "%s", err.text);
	cr_expect_eq(p2v_loader_get(ld, P2V_KIND_CC, "zzzzzzzz", &p, &err), P2V_ENOENT);
	cr_expect_null(strstr(err.text, "did you mean"), "%s", err.text);
	cr_expect_eq(p2v_loader_get(ld, 77, "fixture", &p, &err), P2V_ENOENT);
	p2v_loader_free(ld);
}

Test(loader, missing_folder_of_the_configuration)
{
	struct p2v_loader *ld = NULL;
	struct p2v_err err = { 0 };

	cr_expect_eq(p2v_loader_new("/nowhere/at/all", &ld, &err), P2V_ECONF);
	cr_expect_null(ld);
	cr_expect_not_null(strstr(err.text, "/nowhere/at/all"), "%s", err.text);
}

struct count {
	unsigned good, bad;
	char order[400];
};

static void count_good(void *ctx, const struct p2v_plugin *p, const char *file)
{
	struct count *c = ctx;
	size_t used = strlen(c->order);

	(void)file;
	c->good++;
	(void)snprintf(c->order + used, sizeof c->order - used, "%u.%s ", p->kind, p->name);
}

static void count_bad(void *ctx, const char *file, const struct p2v_err *why)
{
	struct count *c = ctx;

	cr_expect_not_null(strstr(why->text, file), "%s: %s", file, why->text);
	c->bad++;
}

Test(loader, each_tells_the_good_in_order)
{
	struct p2v_loader *ld = loader_of("plugins");
	struct count c = { 0 };
	struct p2v_loader_visitor v = { &c, count_good, count_bad };
	struct p2v_err err = { 0 };

	/* Other folders of the search path may have more. */
	cr_assert_eq(setenv("P2V_PLUGIN_PATH", "", 1), 0);
	p2v_loader_free(ld);
	ld = loader_of("plugins");
	cr_assert_eq(p2v_loader_each(ld, 0, &v, &err), P2V_OK);
	cr_expect_eq(c.bad, 0);
	cr_expect_str_eq(c.order, "1.fixture 2.fixture 3.fixture 3.spare 5.fixture 6.fixture "
				  "7.fixture ");
	c = (struct count){ 0 };
	cr_assert_eq(p2v_loader_each(ld, P2V_KIND_CC, &v, &err), P2V_OK);
	cr_expect_str_eq(c.order, "3.fixture 3.spare ");
	p2v_loader_free(ld);
}

Test(loader, each_reports_the_bad_and_goes_on)
{
	struct count c = { 0 };
	struct p2v_loader_visitor v = { &c, count_good, count_bad };
	struct p2v_err err = { 0 };
	struct p2v_loader *ld;

	cr_assert_eq(setenv("P2V_PLUGIN_PATH", "", 1), 0);
	ld = loader_of("modules");
	cr_assert_eq(p2v_loader_each(ld, 0, &v, &err), P2V_OK);
	cr_expect_str_eq(c.order, "3.longer ");
	cr_expect_eq(c.bad, 19, "%u", c.bad);
	p2v_loader_free(ld);
}

Test(loader, the_first_folder_wins)
{
	char *good = folder("plugins"), *bad = folder("modules"), *both = NULL;
	struct p2v_loader *ld = NULL;
	struct p2v_err err = { 0 };

	cr_assert(asprintf(&both, "%s::%s", bad, good) > 0);
	cr_assert_eq(setenv("P2V_PLUGIN_PATH", good, 1), 0);
	cr_assert_eq(p2v_loader_new(both, &ld, &err), P2V_OK, "%s", err.text);
	cr_expect(strncmp(p2v_loader_path(ld), bad, strlen(bad)) == 0);
	cr_expect_str_eq(p2v_loader_path(ld) + strlen(bad) + 1 + strlen(good) + 1, good);
	p2v_loader_free(ld);
	free(both);
	free(good);
	free(bad);
}

Test(loader, two_loaders_live_side_by_side)
{
	struct p2v_loader *a = loader_of("plugins"), *b = loader_of("plugins"), *bad;
	const struct p2v_plugin *pa = NULL, *pb = NULL, *none = NULL;
	struct p2v_err err = { 0 };

	cr_assert_eq(p2v_loader_get(a, P2V_KIND_CC, "fixture", &pa, &err), P2V_OK);
	cr_assert_eq(p2v_loader_get(b, P2V_KIND_CC, "fixture", &pb, &err), P2V_OK);
	cr_expect_neq(pa, pb);
	p2v_loader_free(a);
	cr_expect_str_eq(pb->summary, "one window, for tests");
	p2v_loader_free(b);
	bad = loader_of("modules");
	cr_expect_eq(p2v_loader_get(bad, P2V_KIND_CC, "unresolved", &none, &err), P2V_EIO);
	cr_expect_not_null(strstr(err.text, "p2v_nobody_has_this"), "%s", err.text);
	p2v_loader_free(bad);
}

/* ---- a host of version 1.1, whose structs have grown, and plugins of version 1.0 ---- */

struct later_ops {
	struct p2v_cc_ops now;
	void (*later)(void *st);
};

struct later_plugin {
	struct p2v_plugin now;
	const char *later;
	uint64_t more[8];
};

static const struct p2v_abi_op later_mandatory[] = { { "view", offsetof(struct p2v_cc_ops, view) },
	{ NULL, 0 } };
static const struct p2v_abi_op too_much[] = { { "later", offsetof(struct later_ops, later) },
	{ NULL, 0 } };

/** What was taken points into the module, which stays open as long. */
struct later_module {
	struct p2v_dl *dl;
	void *module;
};

static int take_as_later(struct later_module *m, const struct p2v_abi_op *mandatory,
	struct p2v_plugin **out, struct p2v_err *err)
{
	const struct p2v_abi_kind kinds[] = {
		{ P2V_KIND_CC, P2V_CC_ABI, sizeof(struct later_ops), mandatory }, { 0, 0, 0, NULL }
	};
	const struct p2v_abi host = { P2V_ABI_MAJOR, P2V_ABI_MINOR + 1, sizeof(struct later_plugin),
		kinds };
	char *dir = folder("plugins"), *file = NULL;
	int rc;

	cr_assert(asprintf(&file, "%s/p2v_cc_fixture.so", dir) > 0);
	cr_assert_eq(p2v_dl_new(&m->dl, err), P2V_OK, "%s", err->text);
	cr_assert_eq(p2v_dl_open(m->dl, file, &m->module, err), P2V_OK, "%s", err->text);
	rc = p2v_abi_take(&host, p2v_dl_symbol(m->module, "p2v_plugin"), P2V_KIND_CC, "fixture",
		file, out, err);
	free(file);
	free(dir);
	return rc;
}

static void later_close(struct later_module *m)
{
	p2v_dl_close(m->module);
	p2v_dl_free(m->dl);
}

Test(loader, older_plugin_in_a_newer_host_gets_zeros)
{
	const struct later_plugin *p;
	const struct later_ops *ops;
	struct p2v_plugin *taken = NULL;
	struct later_module m = { NULL, NULL };
	struct p2v_err err = { 0 };

	cr_assert_eq(take_as_later(&m, later_mandatory, &taken, &err), P2V_OK, "%s", err.text);
	p = (const struct later_plugin *)(const void *)taken;
	ops = (const struct later_ops *)(const void *)p->now.ops.cc;
	cr_expect_str_eq(p->now.name, "fixture");
	cr_expect_null(p->later);
	for (size_t i = 0; i < 8; i++)
		cr_expect_eq(p->more[i], 0);
	cr_expect_not_null(ops->now.view);
	cr_expect_null(ops->later);
	free(taken);
	later_close(&m);
}

Test(loader, older_plugin_lacks_what_a_newer_host_must_have)
{
	struct p2v_plugin *taken = NULL;
	struct later_module m = { NULL, NULL };
	struct p2v_err err = { 0 };

	cr_expect_eq(take_as_later(&m, too_much, &taken, &err), P2V_EABI);
	cr_expect_null(taken);
	cr_expect_not_null(strstr(err.text, "'later'"), "%s", err.text);
	later_close(&m);
}
