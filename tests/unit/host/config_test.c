/* config_test.c - ini files bound by tables of the test's own: every error with its file and line,
 * and what a reload changes. */
#include <config.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "framework/base/options.h"
#include "framework/host/config.h"
#include "framework/host/ini.h"

struct node_conf {
	uint32_t role, level;
	const char *note;
	uint64_t low, high;
};

struct channel_conf {
	const char *origin, *rules;
	p2v_usec delay;
	double share;
	bool open;
	uint32_t most;
};

struct plugins_conf {
	const char *cc, *player;
};

static const char *const roles[] = { "agent", "tracker", NULL };
static const char *const levels[] = { "low", "high", NULL };

static int check_node(const void *vconf, struct p2v_err *err)
{
	const struct node_conf *conf = vconf;

	if (conf->low > conf->high)
		return p2v_fail(err, P2V_ECONF, "low %llu is above high %llu",
			(unsigned long long)conf->low, (unsigned long long)conf->high);
	return P2V_OK;
}

static const struct p2v_option node_options[] = { P2V_OPT_ENUM(struct node_conf, role, "agent",
							  roles, "Role"),
	P2V_OPT_ENUM_LIVE(struct node_conf, level, "low", levels, "Level"),
	{ P2V_OPT_(struct node_conf, note, "none", 0, 50, "", "Note", P2V_T_TEXT, const char *),
		.flags = P2V_OPT_LIVE },
	P2V_OPT_U64_LIVE(struct node_conf, low, "10", 0, 1000, "B", "Low mark"),
	P2V_OPT_U64(struct node_conf, high, "100", 0, 1000, "B", "High mark"), P2V_OPT_END };

static const struct p2v_option channel_options[] = { P2V_OPT_TEXT(struct channel_conf, origin, "",
							     1, 40, "Origin"),
	P2V_OPT_TEXT_MANY(struct channel_conf, rules, "", 0, 20, "Rules"),
	P2V_OPT_USEC(struct channel_conf, delay, "2s", 0, 10e6, "s", "Delay"),
	P2V_OPT_REAL(struct channel_conf, share, "0.5", 0, 1, "1", "Share"),
	P2V_OPT_BOOL(struct channel_conf, open, "no", "Open"),
	P2V_OPT_U32(struct channel_conf, most, "8", 1, 64, "1", "Most"), P2V_OPT_END };

static const struct p2v_option plugins_options[] = {
	P2V_OPT_TEXT(struct plugins_conf, cc, "fixture", 1, 60, "Congestion control"),
	P2V_OPT_TEXT(struct plugins_conf, player, "*", 1, 60, "Players"), P2V_OPT_END
};

static const struct p2v_section sections[] = { { "node", false, P2V_ROLES_ALL, node_options,
						       sizeof(struct node_conf), check_node, "" },
	{ "channel", true, P2V_ROLE_AGENT, channel_options, sizeof(struct channel_conf), NULL, "" },
	{ "plugins", false, P2V_ROLES_ALL, plugins_options, sizeof(struct plugins_conf), NULL, "" },
	{ NULL, false, 0, NULL, 0, NULL, NULL } };
static const struct p2v_choice_rule choices[] = { { P2V_KIND_CC, false, P2V_ROLES_ALL },
	{ P2V_KIND_PLAYER, true, P2V_ROLE_AGENT }, { 0, false, 0 } };
static const struct p2v_schema schema = { sections, choices, "node", roles };

/* The same with a section that must be there. */
static const struct p2v_section strict_sections[] = { { "node", false, P2V_ROLES_ALL, node_options,
							      sizeof(struct node_conf), NULL, "" },
	{ "source", false, P2V_ROLE_AGENT, channel_options, sizeof(struct channel_conf), NULL, "" },
	{ NULL, false, 0, NULL, 0, NULL, NULL } };
static const struct p2v_choice_rule no_choices[] = { { 0, false, 0 } };
static const struct p2v_schema strict = { strict_sections, no_choices, "node", roles };

TestSuite(config, .timeout = 60);

static struct p2v_config *parse(const char *text)
{
	struct p2v_config *c = NULL;
	struct p2v_err err = { 0 };

	cr_assert_eq(p2v_config_parse(&schema, "t.ini", p2v_str_of(text), &c, &err), P2V_OK, "%s",
		err.text);
	return c;
}

static void wrong_n(const char *text, size_t n, const char *message)
{
	struct p2v_config *c = NULL;
	struct p2v_err err = { 0 };
	int rc = p2v_config_parse(&schema, "t.ini", (struct p2v_str){ text, n }, &c, &err);

	cr_expect_eq(rc, P2V_ECONF, "accepted or %d: %s", rc, err.text);
	cr_expect_null(c);
	cr_expect_str_eq(err.text, message);
	cr_expect_eq(err.code, P2V_ECONF);
}

static void wrong(const char *text, const char *message)
{
	wrong_n(text, strlen(text), message);
}

Test(config, defaults)
{
	struct p2v_config *c = parse("");
	const struct node_conf *node = p2v_config_get(c, "node");

	cr_expect_eq(p2v_config_role(c), P2V_ROLE_AGENT);
	cr_expect_str_eq(p2v_config_role_name(c), "agent");
	cr_expect_str_eq(node->note, "none");
	cr_expect_eq(node->high, 100);
	cr_expect_eq(p2v_config_count(c, "channel"), 0);
	p2v_config_free(c);
}

Test(config, every_type)
{
	struct p2v_config *c = parse("\xef\xbb\xbf# a comment\n"
				     "[node]\n"
				     "  level = high   ; and why\r\n"
				     "note=a=b:c;d\n"
				     "\n"
				     "[channel news] ; main\n"
				     "origin = https://cdn.example/live/\n"
				     "rules = one\n"
				     "rules = two\n"
				     "rules = three\n"
				     "delay = 1500ms\n"
				     "share = 0.25\n"
				     "open = yes\n"
				     "most = 64\n"
				     "[ channel\tsport ]\n"
				     "origin = \xc3\xa9");
	const struct node_conf *node = p2v_config_get(c, "node");
	const struct channel_conf *ch;
	const char *name = NULL;

	cr_expect_eq(node->level, 1);
	cr_expect_str_eq(node->note, "a=b:c;d");
	cr_assert_eq(p2v_config_count(c, "channel"), 2);
	ch = p2v_config_at(c, "channel", 0, &name);
	cr_expect_str_eq(name, "news");
	cr_expect_str_eq(ch->origin, "https://cdn.example/live/");
	cr_expect_str_eq(ch->rules, "one\ntwo\nthree");
	cr_expect_eq(ch->delay, 1500 * P2V_MSEC);
	cr_expect_eq(ch->share, 0.25);
	cr_expect(ch->open);
	cr_expect_eq(ch->most, 64);
	ch = p2v_config_at(c, "channel", 1, &name);
	cr_expect_str_eq(name, "sport");
	cr_expect_str_eq(ch->origin, "\xc3\xa9");
	cr_expect_eq(ch->delay, 2 * P2V_SECOND);
	p2v_config_free(c);
}

Test(config, unknown_section)
{
	wrong("[nodes]\n", "t.ini:1: there is no section [nodes]; did you mean [node]?");
	wrong("\n[zzzzzz]\n", "t.ini:2: there is no section [zzzzzz]");
	wrong("[cc]\n", "t.ini:1: there is no section [cc]; the options of a plugin stand in "
			"[cc.NAME]");
	wrong("[select.any]\n", "t.ini:1: there is no section [select.any]");
}

Test(config, named_and_single_sections)
{
	wrong("[channel]\n", "t.ini:1: [channel] needs a name: [channel NAME]");
	wrong("[node x]\n", "t.ini:1: [node] takes no name behind it");
	wrong("[cc.fixture x]\n", "t.ini:1: [cc.fixture] takes no name behind it");
	wrong("[channel a b]\n", "t.ini:1: a blank, ';' or '#' in the name 'a b'");
}

Test(config, unknown_key)
{
	wrong("[node]\nlevl = high\n", "t.ini:2: [node] has no key 'levl'; did you mean 'level'?");
	wrong("[node]\nzzzzzzz = high\n", "t.ini:2: [node] has no key 'zzzzzzz'");
	wrong("[channel a]\norigni = x\n",
		"t.ini:2: [channel a] has no key 'origni'; did you mean 'origin'?");
}

Test(config, wrong_types)
{
	wrong("[node]\nlevel = middle\n", "t.ini:2: level: 'middle' is not one of low, high");
	wrong("[node]\nhigh = much\n",
		"t.ini:2: high: 'much' is not a whole number (like 1200, 64k or 4Mi)");
	wrong("[channel a]\norigin = x\ndelay = soon\n",
		"t.ini:3: delay: 'soon' is not a length of time (like 250ms, 1.5s or 10m)");
	wrong("[channel a]\norigin = x\nshare = 1e3\n",
		"t.ini:3: share: '1e3' is not a number (like 0.7)");
	wrong("[channel a]\norigin = x\nopen = perhaps\n",
		"t.ini:3: open: 'perhaps' is not yes or no");
	wrong("[channel a]\norigin = x\nmost = -1\n",
		"t.ini:3: most: '-1' is not a whole number (like 1200, 64k or 4Mi)");
}

Test(config, out_of_range)
{
	wrong("[node]\nhigh = 1001\n", "t.ini:2: high: 1001 is above the range 0 to 1000");
	wrong("[channel a]\norigin = x\nmost = 0\n", "t.ini:3: most: 0 is below the range 1 to 64");
	wrong("[channel a]\norigin = x\ndelay = 11s\n",
		"t.ini:3: delay: 11s is above the range 0us to 10s");
	wrong("[channel a]\norigin = x\nshare = 1.5\n",
		"t.ini:3: share: 1.5 is above the range 0 to 1");
	wrong("[channel a]\norigin =\n", "t.ini:2: origin: a text of 0 bytes, 1 to 40 are allowed");
	wrong("[channel a]\nrules = 123456789012345678901\n",
		"t.ini:2: rules: a text of 21 bytes, 0 to 20 are allowed");
}

Test(config, duplicates)
{
	wrong("[node]\nhigh = 1\nlow = 1\nhigh = 1\n",
		"t.ini:4: key 'high' stands in line 2 already");
	wrong("[node]\n[channel a]\norigin = x\n[node]\n",
		"t.ini:4: section [node] stands in line 1 already");
	wrong("[channel a]\norigin = x\n[channel b]\norigin = x\n[ channel  a ]\n",
		"t.ini:5: section [channel a] stands in line 1 already");
}

Test(config, syntax)
{
	wrong("[node]\nhigh 5\n",
		"t.ini:2: '=' is missing: a line is KEY = VALUE, [SECTION] or a comment");
	wrong("[node]\nhigh: 5\n",
		"t.ini:2: '=' is missing: a line is KEY = VALUE, [SECTION] or a comment");
	wrong("[node]\nhigh: a=5\n", "t.ini:2: ':' before the '=': a line is KEY = VALUE");
	wrong("[node]\n = 5\n", "t.ini:2: no key before the '='");
	wrong("[node]\nhi gh = 5\n", "t.ini:2: a blank or ';' in the key 'hi gh'");
	wrong("[node\n", "t.ini:1: ']' is missing behind the section's name");
	wrong("[]\n", "t.ini:1: a section without a name");
	wrong("[node] high = 5\n", "t.ini:1: there is text behind the section's ']'");
	wrong("high = 5\n", "t.ini:1: key 'high' stands before the first [SECTION]");
	wrong("# fine\n[node]\nhigh = 5\n  high = 6\n",
		"t.ini:4: key 'high' stands in line 3 already");
}

Test(config, bytes)
{
	wrong("[node]\nnote = \xe9t\xe9\n", "t.ini:2: byte 0xe9 is not UTF-8");
	wrong("[node]\nnote = a\033[31mb\n", "t.ini:2: a control character, byte 0x1b");
	wrong_n("[node]\nnote = a\0b\n", 18, "t.ini:2: a control character, byte 0x00");
	wrong("# \xff\n", "t.ini:1: byte 0xff is not UTF-8");
}

Test(config, long_lines)
{
	char text[4000];
	struct p2v_config *c = NULL;
	struct p2v_err err = { 0 };
	unsigned most = 0;

	memset(text, 'x', sizeof text);
	memcpy(text, "[node]\nnote = ", 14);
	text[sizeof text - 1] = 0;
	cr_expect_eq(p2v_config_parse(&schema, "t.ini", p2v_str_of(text), &c, &err), P2V_ECONF);
	cr_expect_eq(sscanf(err.text, "t.ini:2: a line of 3992 bytes, at most %u are taken", &most),
		1, "%s", err.text);
	cr_expect_gt(most, 100);
	text[0] = '[';
	memset(text + 1, 'y', 100);
	memcpy(text + 101, "]\n", 3);
	wrong(text, "t.ini:1: a section's name of 100 bytes, at most 49 are taken");
	memset(text, 'x', sizeof text - 1);
	text[0] = ';';
	c = parse(text); /* a comment may be as long as it likes */
	p2v_config_free(c);
}

Test(config, too_many_sections)
{
	struct p2v_text t = { 0 };

	for (unsigned i = 0; i < 1025; i++)
		p2v_text_printf(&t, "[channel c%u]\n", i);
	wrong(t.p, "t.ini:1025: more than 1024 sections");
	p2v_text_fini(&t);
}

Test(config, missing_key)
{
	struct p2v_config *c = NULL;
	struct p2v_err err = { 0 };

	wrong("[node]\n\n[channel a]\ndelay = 1s\n", "t.ini:3: [channel a] lacks the key 'origin'");
	cr_expect_eq(
		p2v_config_parse(&strict, "t.ini", p2v_str_of("[node]\n"), &c, &err), P2V_ECONF);
	cr_expect_str_eq(err.text, "t.ini: section [source] with the key 'origin' is missing");
	/* A tracker does not read it, so it need not be there. */
	cr_expect_eq(p2v_config_parse(
			     &strict, "t.ini", p2v_str_of("[node]\nrole = tracker\n"), &c, &err),
		P2V_OK, "%s", err.text);
	p2v_config_free(c);
}

Test(config, other_role)
{
	wrong("[channel a]\norigin = x\n[node]\nrole = tracker\n",
		"t.ini:1: [channel] is for the role agent, but this file's role is tracker");
	wrong("[node]\nrole = tracker\n[plugins]\nplayer = any\n",
		"t.ini:4: player is for the role agent, but this file's role is tracker");
	wrong("[node]\nrole = tracker\n[player.fixture]\n",
		"t.ini:3: [player.fixture] is for the role agent, but this file's role is tracker");
}

Test(config, rules_between_options)
{
	wrong("\n[node]\nlow = 101\n", "t.ini:2: [node]: low 101 is above high 100");
}

Test(config, files_that_cannot_be_read)
{
	struct p2v_config *c = NULL;
	struct p2v_err err = { 0 };

	cr_expect_eq(p2v_config_read(&schema, "/nowhere/x.ini", &c, &err), P2V_EIO);
	cr_expect_str_eq(err.text, "/nowhere/x.ini: cannot be opened: No such file or directory");
	cr_expect_eq(p2v_config_read(&schema, "/tmp", &c, &err), P2V_EIO);
	cr_expect_str_eq(err.text, "/tmp: is a folder, not a file");
	cr_expect_eq(p2v_config_read(&schema, "/proc/self/mem", &c, &err), P2V_EIO);
	cr_expect_str_eq(err.text, "/proc/self/mem: cannot be read: Input/output error");
	cr_expect_eq(p2v_config_read(&schema, "/dev/zero", &c, &err), P2V_EIO);
	cr_expect_str_eq(err.text, "/dev/zero: larger than 1048576 bytes");
	cr_expect_null(c);
}

/* ---- reload, with tables of the test's own ---- */

struct told {
	char text[200];
};

static void tell(void *ctx, const char *section, const char *option, bool live)
{
	struct told *t = ctx;
	size_t used = strlen(t->text);

	(void)snprintf(t->text + used, sizeof t->text - used, "%s/%s%s ", section,
		option ? option : "", live ? "" : "!");
}

static void put(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	cr_assert_not_null(f);
	cr_assert(fputs(text, f) >= 0);
	cr_assert_eq(fclose(f), 0);
}

static const struct p2v_section live_sections[] = {
	{ "node", false, P2V_ROLES_ALL, node_options, sizeof(struct node_conf), check_node, "" },
	{ "channel", true, P2V_ROLE_AGENT, channel_options, sizeof(struct channel_conf), NULL, "" },
	{ NULL, false, 0, NULL, 0, NULL, NULL }
};
static const struct p2v_schema live = { live_sections, no_choices, "node", roles };

Test(config, reload)
{
	char file[] = "/tmp/p2v_config_XXXXXX";
	struct p2v_loader *ld = NULL;
	struct p2v_config *c = NULL;
	struct p2v_err err = { 0 };
	struct told t = { "" };
	struct p2v_reload_report report = { &t, tell };
	const struct node_conf *node;
	int fd = mkstemp(file);

	cr_assert_geq(fd, 0);
	(void)close(fd);
	cr_assert_eq(p2v_loader_new(NULL, &ld, &err), P2V_OK, "%s", err.text);
	put(file, "[node]\nnote = before\n[channel a]\norigin = x\n");
	cr_assert_eq(p2v_config_read(&live, file, &c, &err), P2V_OK, "%s", err.text);
	cr_assert_eq(p2v_config_bind(c, ld, &err), P2V_OK, "%s", err.text);
	node = p2v_config_get(c, "node");

	put(file, "[node]\nnote = after\n[channel b]\norigin = x\n");
	cr_assert_eq(p2v_config_reload(c, ld, &report, &err), P2V_OK, "%s", err.text);
	cr_expect_str_eq(t.text, "node/note channel a/! channel b/! ");
	cr_expect_str_eq(node->note, "after");
	cr_expect_eq(p2v_config_count(c, "channel"), 1);

	/* high waits for a restart, and low is live: 150 would be above the high mark in use. */
	t.text[0] = 0;
	put(file, "[node]\nnote = third\nlow = 150\nhigh = 200\n");
	cr_expect_eq(p2v_config_reload(c, ld, &report, &err), P2V_ECONF);
	cr_expect_not_null(strstr(err.text, "low 150 is above high 100"), "%s", err.text);
	cr_expect_str_eq(t.text, "");
	cr_expect_str_eq(node->note, "after");
	cr_expect_eq(node->low, 10);
	p2v_config_free(c);
	p2v_loader_free(ld);
	(void)unlink(file);
}
