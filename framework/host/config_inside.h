/* config_inside.h - how a configuration looks inside: for bound.c, which binds one section,
 * config.c, which reads a file, choose.c, which adds plugins, and reload.c, which compares two. */
#ifndef P2V_HOST_CONFIG_INSIDE_H
#define P2V_HOST_CONFIG_INSIDE_H

#include "framework/host/config.h"
#include "framework/host/ini.h"

/** One section, bound: of the schema, or of a plugin. */
struct p2v_bound {
	char *title;            /* as between the brackets */
	const char *name, *arg; /* borrowed of the schema or the plugin, and of the ini */
	const struct p2v_section *section; /* NULL: a plugin's */
	const struct p2v_plugin *plugin;   /* NULL: the schema's */
	const struct p2v_option *options;
	uint32_t stride;
	int (*check)(const void *conf, struct p2v_err *err);
	size_t conf_size;
	unsigned line;   /* of its head; 0: it does not stand in the file */
	unsigned *lines; /* shape (options): where each was set; 0: nowhere */
	void *conf;
};

/** Texts that confs point to and that are not in the ini. */
struct p2v_kept_text {
	struct p2v_kept_text *next;
	char text[];
};

struct p2v_config {
	const struct p2v_schema *schema;
	struct p2v_ini *ini;
	uint32_t role;
	struct p2v_bound **bound; /* shape (n_bound) */
	size_t n_bound, cap_bound;
	struct p2v_choice *choices; /* shape (n_choices), grouped by kind */
	size_t n_choices;
	struct p2v_kept_text *kept;
};

/** @return a copy of a text, put into the list; NULL: no memory */
char *p2v_text_keep(struct p2v_kept_text **list, struct p2v_str text);
void p2v_text_drop(struct p2v_kept_text **list);

/** Fill err with "FILE:LINE: …", or "FILE: …" for line 0. @return code */
int p2v_config_fail(const struct p2v_config *c, unsigned line, struct p2v_err *err, int code,
	const char *fmt, ...) P2V_PRINTF(5, 6);
/** @return P2V_ENOMEM */
int p2v_config_no_memory(const struct p2v_config *c, struct p2v_err *err);

/** @return the section of the schema, bound; NULL: there is none. arg NULL: a single one. */
struct p2v_bound *p2v_config_find(const struct p2v_config *c, const char *name, const char *arg);
/** @return NULL: none of that name */
const struct p2v_section *p2v_schema_section(const struct p2v_schema *schema, const char *name);
/** @param name    [in] of a section, such as "cc.cubic"
 * @param plugin  [out] what stands behind its dot
 * @return the rule of the kind before its dot; NULL: it is no plugin's section */
const struct p2v_choice_rule *p2v_schema_plugin(
	const struct p2v_schema *schema, const char *name, const char **plugin);

/** Put a new section with all its defaults into c.
 * @param like  [in] what it is to be bound by; its title, lines and conf are made here
 * @param out   [out] owned by c */
P2V_MUST_USE int p2v_bound_add(struct p2v_config *c, const struct p2v_bound *like,
	struct p2v_bound **out, struct p2v_err *err);
void p2v_bound_free(struct p2v_bound *b);
/** Bind what stands in the file. */
P2V_MUST_USE int p2v_bound_entries(struct p2v_config *c, struct p2v_bound *b,
	const struct p2v_ini_section *s, struct p2v_err *err);
/** Nothing that must be given is missing, and the values go together. */
P2V_MUST_USE int p2v_bound_finish(
	const struct p2v_config *c, const struct p2v_bound *b, struct p2v_err *err);
/** Run its check(), if any, on a conf. @return P2V_OK or P2V_ECONF with "FILE:LINE: [title]: …" */
P2V_MUST_USE int p2v_bound_check(const struct p2v_config *c, const struct p2v_bound *b,
	const void *conf, struct p2v_err *err);

#endif
