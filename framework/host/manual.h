/* manual.h - manual pages (troff, for man(1)) and sample ini files, written from the tables that
 * the program itself works by: what is said there once is not said again here. */
#ifndef P2V_HOST_MANUAL_H
#define P2V_HOST_MANUAL_H

#include "framework/host/command.h"
#include "framework/host/config.h"

/** PROGRAM(1), from the table of commands. */
void p2v_manual_program(const struct p2v_program *p, struct p2v_text *out);
/** peer2view.ini(5), from the table of sections. */
void p2v_manual_ini(
	const struct p2v_program *p, const struct p2v_schema *schema, struct p2v_text *out);
/** p2v_KIND_NAME(7). */
void p2v_manual_plugin(
	const struct p2v_program *p, const struct p2v_plugin *plugin, struct p2v_text *out);

/** The sections that a role reads, every option with its help and its default, commented out but
 * for the role itself.
 * @param role  one of P2V_ROLE_* */
void p2v_sample_schema(const struct p2v_program *p, const struct p2v_schema *schema, uint32_t role,
	struct p2v_text *out);
/** A plugin's section, in the same way. */
void p2v_sample_plugin(const struct p2v_plugin *plugin, struct p2v_text *out);

#endif
