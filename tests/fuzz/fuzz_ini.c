/* fuzz_ini.c - any bytes as a configuration file: it is refused with one line that names the file,
 * or understood, and then everything in it can be asked for. */
#include <stdlib.h>
#include <string.h>

#include "framework/base/policy.h"
#include "framework/host/sections.h"
#include "tests/fuzz/target.h"

static void ask(const struct p2v_config *c)
{
	const struct p2v_main_conf *main_conf = p2v_config_get(c, P2V_SECTION_MAIN);
	size_t count;

	must(p2v_config_role(c) == 1u << main_conf->role);
	must(strlen(main_conf->plugin_path) <= 180);
	must(main_conf->log_level <= P2V_LOG_DEBUG);
	for (const struct p2v_section *s = p2v_schema()->sections; s->name; s++) {
		for (size_t i = 0; s->named && i < p2v_config_count(c, s->name); i++) {
			const char *name = NULL;

			must(p2v_config_at(c, s->name, i, &name) != NULL);
			must(name && *name);
		}
		must(s->named || p2v_config_get(c, s->name));
	}
	must(!p2v_config_choices(c, P2V_KIND_CC, &count) && count == 0);
}

void fuzz_one(const uint8_t *p, size_t n)
{
	struct p2v_config *c = NULL;
	struct p2v_err err = { .text = "" };
	int rc = p2v_config_parse(
		p2v_schema(), "x.ini", (struct p2v_str){ (const char *)p, n }, &c, &err);

	if (rc == P2V_OK) {
		ask(c);
		p2v_config_free(c);
	} else {
		must(rc == P2V_ECONF && err.code == rc && !c);
		must(strncmp(err.text, "x.ini:", 6) == 0);
		must(!strchr(err.text, '\n'));
	}
}
