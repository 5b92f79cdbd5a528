/* options.h - binding text to conf structs by their option tables: for plugins and for the
 * framework's own sections. */
#ifndef P2V_BASE_OPTIONS_H
#define P2V_BASE_OPTIONS_H

#include <peer2view/option.h>
#include "framework/base/text.h"

/** @return option number i of a table with that stride, NULL at its end. A plugin built with a
 * shorter struct p2v_option is read as if the fields it does not know were zero: *copy is where
 * that is put. */
const struct p2v_option *p2v_option_at(
	const struct p2v_option *table, uint32_t stride, size_t i, struct p2v_option *copy);
/** @return the option of that name, NULL: there is none */
const struct p2v_option *p2v_option_find(
	const struct p2v_option *table, uint32_t stride, const char *name, struct p2v_option *copy);
/** @return the name nearest to `name`, NULL: none is near */
const char *p2v_option_nearest(const struct p2v_option *table, uint32_t stride, const char *name);

/** @return [B] of the field that an option fills, 0: a type that this host does not know */
size_t p2v_option_size(const struct p2v_option *o);

/** Give every field its default. Texts point into the table.
 * @param conf  [out] zeroed by the caller */
P2V_MUST_USE int p2v_options_default(
	const struct p2v_option *table, uint32_t stride, void *conf, struct p2v_err *err);

/** Bind one value.
 * @param text  [in] NUL-ended; a P2V_T_TEXT field will point to it, so it outlives conf
 * @return P2V_OK or P2V_ECONF with err: "'x' is no size", "12 is above the greatest value 10", …
 * (no key, no place) */
P2V_MUST_USE int p2v_option_set(
	const struct p2v_option *o, void *conf, const char *text, struct p2v_err *err);

/** What kind of value an option wants, for messages and manuals: "a size (16k, 4Mi)", "one of open,
 * token". */
void p2v_option_type_text(const struct p2v_option *o, struct p2v_text *out);
/** The range of an option in its own unit, as a person would write it; nothing where there is none
 * to tell. */
void p2v_option_range_text(const struct p2v_option *o, struct p2v_text *out);

#endif
