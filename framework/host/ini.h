/* ini.h - the text of an ini file as sections and keys with their lines, nothing of what they mean.
 * Reading stops at the first thing that is wrong. */
#ifndef P2V_HOST_INI_H
#define P2V_HOST_INI_H

#include <peer2view/base.h>

#define P2V_INI_MAX (1u << 20) /* [B] largest file that is read */

struct p2v_ini_entry {
	char *key, *value; /* without blanks and comments around them; UTF-8 */
	unsigned line;     /* counts from 1 */
};

/** [name] or [name arg]. */
struct p2v_ini_section {
	char *name, *arg; /* arg NULL: there is none */
	unsigned line;
	struct p2v_ini_entry *entries; /* shape (n), in the order of the file */
	size_t n, cap;
};

struct p2v_ini {
	char *file;                       /* as the caller named it, for messages */
	struct p2v_ini_section *sections; /* shape (n), in the order of the file */
	size_t n, cap;
	char **sets; /* shape (n_sets): what p2v_ini_set was given, for messages */
	size_t n_sets;
};

/* Lines from here on are no lines of the file, but numbers of what p2v_ini_set was given. */
#define P2V_INI_SETS (1u << 24)

/** Read text that is in memory already.
 * @param file  [in] its name, for messages; copied
 * @param text  [in] any bytes, borrowed until return
 * @param out   [out] freed by p2v_ini_free
 * @return P2V_OK; P2V_ECONF with "FILE:LINE: …"; P2V_ENOMEM */
P2V_MUST_USE int p2v_ini_parse(
	const char *file, struct p2v_str text, struct p2v_ini **out, struct p2v_err *err);

/** Read a file.
 * @return as p2v_ini_parse; P2V_EIO with "FILE: …": it is not there, a folder, unreadable, or
 * larger than P2V_INI_MAX */
P2V_MUST_USE int p2v_ini_read(const char *file, struct p2v_ini **out, struct p2v_err *err);

/** Set a key as if it stood in the file; what the file says of it counts no more.
 * @param text  [in] "SECTION.KEY=VALUE", where SECTION is what stands between the brackets; copied
 * @return P2V_OK; P2V_ECONF with "--set TEXT: …"; P2V_ENOMEM */
P2V_MUST_USE int p2v_ini_set(struct p2v_ini *ini, const char *text, struct p2v_err *err);

/** NULL is allowed. */
void p2v_ini_free(struct p2v_ini *ini);

#endif
