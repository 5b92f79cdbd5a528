/* config.h - what an ini file means: its sections bound to conf structs by their option tables, the
 * plugins that it chooses, and what of it may change while the program runs. Which sections there
 * are is the schema's business (sections.h), how the text looks is ini.h's. */
#ifndef P2V_HOST_CONFIG_H
#define P2V_HOST_CONFIG_H

#include <peer2view/option.h>
#include "framework/host/loader.h"

enum { P2V_ROLE_AGENT = 1u << 0, P2V_ROLE_TRACKER = 1u << 1 };
#define P2V_ROLES_ALL (P2V_ROLE_AGENT | P2V_ROLE_TRACKER)

/** One kind of section. */
struct p2v_section {
	const char *name;                 /* NULL ends a table */
	bool named;                       /* [name NAME], any number; else [name], once or never */
	uint32_t roles;                   /* P2V_ROLE_*: who reads it */
	const struct p2v_option *options; /* ended by P2V_OPT_END. A P2V_T_TEXT option with the
					     default "" and min > 0 must be given. */
	size_t conf_size;                 /* [B] */
	/** Rules between options. May be NULL. */
	int (*check)(const void *conf, struct p2v_err *err);
	const char *help; /* some sentences for the manual */
};

/** A kind of plugins that the section [plugins] chooses, by an option of the kind's name. */
struct p2v_choice_rule {
	uint32_t kind;  /* P2V_KIND_*; 0 ends a table */
	bool many;      /* a list, separated by commas, or "*": all that there are */
	uint32_t roles; /* who uses it */
};

/** All that a configuration can say. */
struct p2v_schema {
	const struct p2v_section *sections;
	const struct p2v_choice_rule *choices; /* each needs its P2V_T_TEXT option in [plugins] */
	const char *role_section;              /* single; its enum option "role" … */
	const char *const *roles;              /* … has these choices: number i is role 1 << i.
						  Both NULL: there is one role, 1 << 0 */
};

#define P2V_SECTION_PLUGINS "plugins"
#define P2V_OPTION_ROLE     "role"

struct p2v_config;

/** A plugin that the configuration chose, with its options. */
struct p2v_choice {
	const struct p2v_plugin *plugin;
	const void *conf; /* bound and checked; as long as the configuration lives */
};

/** Read a file and bind every section that the framework itself knows. Nothing is loaded yet.
 * @param schema  [in] outlives the configuration
 * @param out     [out] freed by p2v_config_free
 * @return P2V_OK; P2V_ECONF with "FILE:LINE: …" for the first thing that is wrong; P2V_EIO with
 * "FILE: …"; P2V_ENOMEM */
P2V_MUST_USE int p2v_config_read(const struct p2v_schema *schema, const char *file,
	struct p2v_config **out, struct p2v_err *err);
/** The same with some keys set otherwise.
 * @param sets  [in] shape (n): as p2v_ini_set takes them; errors in them begin with "--set TEXT: "
 */
P2V_MUST_USE int p2v_config_read_set(const struct p2v_schema *schema, const char *file,
	const char *const *sets, size_t n, struct p2v_config **out, struct p2v_err *err);
/** The same of text in memory. */
P2V_MUST_USE int p2v_config_parse(const struct p2v_schema *schema, const char *file,
	struct p2v_str text, struct p2v_config **out, struct p2v_err *err);
/** NULL is allowed. */
void p2v_config_free(struct p2v_config *c);

/** Load what [plugins] chooses for the file's role, and bind the sections [KIND.NAME]. A section of
 * a plugin that is not chosen is checked all the same. Once.
 * @param ld  [in] outlives the configuration
 * @return as p2v_config_read; P2V_ENOENT, P2V_EABI: of the loader, with "FILE:LINE: …" */
P2V_MUST_USE int p2v_config_bind(struct p2v_config *c, struct p2v_loader *ld, struct p2v_err *err);

/** @return one of P2V_ROLE_* */
uint32_t p2v_config_role(const struct p2v_config *c);
/** @return its name as in the file */
const char *p2v_config_role_name(const struct p2v_config *c);
const char *p2v_config_file(const struct p2v_config *c);
/** Say where in the file the reason of an error stands.
 * @param why  [in] "[SECTION] KEY: …", as the rooms of the product put it, or any other sentence
 * @param err  [out] "FILE:LINE: [SECTION] KEY: …" with the line of the key, else of the section's
 * head; "FILE: …" where it is in none
 * @return code */
int p2v_config_blame(const struct p2v_config *c, int code, const char *why, struct p2v_err *err);

/** @return the conf struct of a single section of the schema, defaults where the file says nothing;
 * stays at its place for the configuration's life */
const void *p2v_config_get(const struct p2v_config *c, const char *section);
/** @return how many sections [section NAME] there are */
size_t p2v_config_count(const struct p2v_config *c, const char *section);
/** @param i     0 … count - 1, in the order of the file
 * @param name  [out] may be NULL; NAME
 * @return its conf struct, as p2v_config_get */
const void *p2v_config_at(
	const struct p2v_config *c, const char *section, size_t i, const char **name);
/** What was chosen of a kind, after p2v_config_bind. The order is the file's.
 * @param n  [out] 0 for a kind that the role does not use */
const struct p2v_choice *p2v_config_choices(const struct p2v_config *c, uint32_t kind, size_t *n);

/** Who is told what a reload found changed. */
struct p2v_reload_report {
	void *ctx;
	/** @param section  "[channel news]" without its brackets
	 * @param option   NULL: the whole section is new, or gone
	 * @param live     it is in effect now; else it needs a restart */
	void (*changed)(void *ctx, const char *section, const char *option, bool live);
};

/** Read the file again, whole and with all its plugins; then put the new values of options that are
 * P2V_OPT_LIVE into the conf structs that are in use, and tell of the others. When anything is
 * wrong, nothing changes.
 * @param c   [inout] bound
 * @param ld  [in] as it was bound with
 * @return as p2v_config_read and p2v_config_bind */
P2V_MUST_USE int p2v_config_reload(struct p2v_config *c, struct p2v_loader *ld,
	const struct p2v_reload_report *report, struct p2v_err *err);

#endif
