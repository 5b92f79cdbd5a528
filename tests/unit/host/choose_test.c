/* choose_test.c - the plugins that a configuration chooses, and reloading. The plugins are those of
 * tests/abi. */
#include <config.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "framework/host/config.h"
#include "framework/host/sections.h"

static char *file; /* of the ini that a test writes; each test is its own process */
static struct p2v_loader *loader;

static void write_ini(const char *text)
{
	FILE *f = fopen(file, "w");

	cr_assert_not_null(f);
	cr_assert(fputs(text, f) >= 0);
	cr_assert_eq(fclose(f), 0);
}

static void set_up(void)
{
	const char *build = getenv("P2V_BUILDDIR");
	char *path = NULL;
	struct p2v_err err = { 0 };
	int fd;

	cr_assert_not_null(build, "P2V_BUILDDIR is not set: run it by make check");
	cr_assert(asprintf(&path, "%s/tests/abi/plugins/.libs", build) > 0);
	cr_assert_eq(setenv("P2V_PLUGIN_PATH", path, 1), 0);
	free(path);
	cr_assert_eq(p2v_loader_new(NULL, &loader, &err), P2V_OK, "%s", err.text);
	file = strdup("/tmp/p2v_choose_XXXXXX");
	fd = mkstemp(file);
	cr_assert_geq(fd, 0);
	(void)close(fd);
}

static void tear_down(void)
{
	(void)unlink(file);
	free(file);
	p2v_loader_free(loader);
}

TestSuite(choose, .timeout = 60, .init = set_up, .fini = tear_down);

#define TRACKER                                                                           \
	"[authority]\ndirectory = x\n[peer2view]\nrole = tracker\n[plugins]\nregistry = " \
	"fixture\ncc = spare\n"
#define AGENT                                                                                     \
	"[plugins]\nselect = fixture\ncc = fixture\ncache = fixture\nplayer = fixture\nmanifest " \
	"= *\n"

/* As p2v_cc_fixture.c has it. */
struct fixture_conf {
	bool eager;
	uint32_t window;
	uint64_t limit;
	p2v_usec hold;
	double gain;
	const char *label, *notes;
	uint32_t mode;
	bool loud;
};

static int load(struct p2v_config **out, struct p2v_err *err)
{
	int rc = p2v_config_read(p2v_schema(), file, out, err);

	if (rc == P2V_OK)
		rc = p2v_config_bind(*out, loader, err);
	return rc;
}

static void refused(const char *text, const char *message)
{
	struct p2v_config *c = NULL;
	struct p2v_err err = { 0 };
	const char *shown = err.text;

	write_ini(text);
	cr_expect_lt(load(&c, &err), 0);
	if (strncmp(shown, file, strlen(file)) == 0)
		shown += strlen(file);
	cr_expect_str_eq(shown, message);
	p2v_config_free(c);
}

static const struct fixture_conf *cc_conf(const struct p2v_config *c)
{
	size_t n = 0;
	const struct p2v_choice *v = p2v_config_choices(c, P2V_KIND_CC, &n);

	cr_assert_eq(n, 1);
	return v->conf;
}

Test(choose, agent)
{
	struct p2v_config *c = NULL;
	const struct p2v_choice *v;
	struct p2v_err err = { 0 };
	size_t n;

	write_ini(AGENT "[cc.fixture]\nwindow = 64k\nnotes = a\nnotes = b\n");
	cr_assert_eq(load(&c, &err), P2V_OK, "%s", err.text);
	cr_expect_eq(cc_conf(c)->window, 64000);
	cr_expect_eq(cc_conf(c)->hold, 250 * P2V_MSEC);
	cr_expect_str_eq(cc_conf(c)->notes, "a\nb");
	cr_expect_str_eq(cc_conf(c)->label, "plain");
	v = p2v_config_choices(c, P2V_KIND_MANIFEST, &n);
	cr_expect_eq(n, 1);
	cr_expect_str_eq(v->plugin->name, "fixture");
	cr_expect_null(p2v_config_choices(c, P2V_KIND_REGISTRY, &n));
	cr_expect_eq(n, 0);
	p2v_config_free(c);
}

Test(choose, tracker)
{
	struct p2v_config *c = NULL;
	struct p2v_err err = { 0 };
	size_t n;

	write_ini(TRACKER);
	cr_assert_eq(load(&c, &err), P2V_OK, "%s", err.text);
	cr_expect_not_null(p2v_config_choices(c, P2V_KIND_REGISTRY, &n));
	cr_expect_eq(n, 1);
	cr_expect_null(p2v_config_choices(c, P2V_KIND_PLAYER, &n));
	p2v_config_free(c);
}

Test(choose, errors_name_file_and_line)
{
	refused(AGENT "[cc.fixture]\nwindw = 5\n",
		":8: [cc.fixture] has no key 'windw'; did you mean 'window'?");
	refused(AGENT "[cc.fixture]\nwindow = 5\n",
		":8: window: 5 is below the range 1200 to 1000000");
	refused(AGENT "[cc.fixture]\nlimit = 2k\n",
		":7: [cc.fixture]: window 12000 is above limit 2000");
}

Test(choose, one_or_many)
{
	refused("[plugins]\nmanifest = fixture\nselect = fixture\n\ncc = fixture, spare\n",
		":5: cc takes one plugin, not 'fixture, spare'");
	refused("[plugins]\nmanifest = fixture\nselect = *\n",
		":3: select takes one plugin, not '*'");
	refused("[plugins]\nmanifest = fixture,, fixture\n",
		":2: manifest: a plugin's name is empty");
	refused("[plugins]\nmanifest = fixture, fixture\n", ":2: manifest: 'fixture' stands twice");
}

Test(choose, plugin_that_is_not_there)
{
	struct p2v_config *c = NULL;
	struct p2v_err err = { 0 };

	write_ini("[plugins]\nmanifest = *\nselect = fixure\n");
	cr_expect_eq(load(&c, &err), P2V_ENOENT);
	cr_expect_not_null(
		strstr(err.text, ":3: there is no plugin select.fixure in "), "%s", err.text);
	p2v_config_free(c);
	c = NULL;
	write_ini(AGENT "[cc.spair]\n");
	cr_expect_eq(load(&c, &err), P2V_ENOENT);
	cr_expect_not_null(strstr(err.text, ":7: there is no plugin cc.spair in "), "%s", err.text);
	p2v_config_free(c);
}

Test(choose, section_of_a_plugin_that_is_not_chosen)
{
	struct p2v_config *c = NULL;
	struct p2v_err err = { 0 };

	write_ini(TRACKER "[cc.fixture]\nwindow = 64k\n");
	cr_assert_eq(load(&c, &err), P2V_OK, "%s", err.text);
	p2v_config_free(c);
	refused(TRACKER "[cc.fixture]\nwindow = 1\n",
		":9: window: 1 is below the range 1200 to 1000000");
	refused(TRACKER "[cc.spare]\nwindow = 1\n", ":9: [cc.spare] has no key 'window'");
}

/* ---- reload ---- */

struct told {
	char text[400];
};

static void tell(void *ctx, const char *section, const char *option, bool live)
{
	struct told *t = ctx;
	size_t used = strlen(t->text);

	(void)snprintf(t->text + used, sizeof t->text - used, "%s/%s%s ", section,
		option ? option : "", live ? "" : "!");
}

Test(choose, reload_applies_live_options_and_names_the_others)
{
	struct p2v_config *c = NULL;
	struct told t = { "" };
	struct p2v_reload_report report = { &t, tell };
	struct p2v_err err = { 0 };
	const struct fixture_conf *conf;
	const struct p2v_main_conf *main_conf;

	write_ini(AGENT "[cc.fixture]\nwindow = 64k\n");
	cr_assert_eq(load(&c, &err), P2V_OK, "%s", err.text);
	conf = cc_conf(c);
	main_conf = p2v_config_get(c, "peer2view");
	write_ini(AGENT "[cc.fixture]\nwindow = 32k\nloud = yes\n[peer2view]\nlog_level = debug\n");
	cr_assert_eq(p2v_config_reload(c, loader, &report, &err), P2V_OK, "%s", err.text);
	cr_expect_str_eq(t.text, "peer2view/log_level cc.fixture/window! cc.fixture/loud ");
	cr_expect_eq(conf, cc_conf(c), "the conf stays at its place");
	cr_expect_eq(conf->window, 64000);
	cr_expect(conf->loud);
	cr_expect_eq(main_conf->log_level, P2V_LOG_DEBUG);
	t.text[0] = 0;
	cr_assert_eq(p2v_config_reload(c, loader, &report, &err), P2V_OK, "%s", err.text);
	cr_expect_str_eq(t.text, "cc.fixture/window! ", "what waits for a restart is told again");
	p2v_config_free(c);
}

Test(choose, reload_with_an_error_changes_nothing)
{
	struct p2v_config *c = NULL;
	struct told t = { "" };
	struct p2v_reload_report report = { &t, tell };
	struct p2v_err err = { 0 };

	write_ini(AGENT);
	cr_assert_eq(load(&c, &err), P2V_OK, "%s", err.text);
	write_ini(AGENT "[cc.fixture]\nloud = yes\nwindow = much\n");
	cr_expect_eq(p2v_config_reload(c, loader, &report, &err), P2V_ECONF);
	cr_expect_not_null(strstr(err.text, ":9: window: 'much'"), "%s", err.text);
	cr_expect_str_eq(t.text, "");
	cr_expect_not(cc_conf(c)->loud);
	cr_assert_eq(unlink(file), 0);
	cr_expect_eq(p2v_config_reload(c, loader, &report, &err), P2V_EIO);
	cr_expect_not(cc_conf(c)->loud);
	p2v_config_free(c);
}
