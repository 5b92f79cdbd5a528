/* telling.h - telling a sink what a manifest means: after the first refusal of a callback, or a
 * failure, nothing more is told; and no manifest tells of more fragments than anybody plays. */
#ifndef P2V_MANIFEST_TELLING_H
#define P2V_MANIFEST_TELLING_H

#include <peer2view/manifest.h>

#include "plugins/manifest/shared/xml.h"

enum { TELLING_FRAGMENTS = 200000 }; /* of one manifest: what goes above is made to */

struct telling {
	const struct p2v_manifest_sink *sink;
	struct p2v_err *err;
	int rc;           /* what the parse ends with */
	p2v_usec longest; /* [us] fragment that was told */
	uint64_t listed;  /* fragments that were told */
	bool cut;         /* there were more than may be told */
};

/** Something was dropped or repaired.
 * @param e  where; NULL: there is no line to name */
void telling_warn(struct telling *t, const struct xml_node *e, const char *fmt, ...)
	P2V_PRINTF(3, 4);
/** The parse is over. */
void telling_fail(struct telling *t, int rc, const char *fmt, ...) P2V_PRINTF(3, 4);

/** An attribute that is a number. @return what it says; where it is absent or no number (told)
 * otherwise */
uint64_t telling_number(
	struct telling *t, const struct xml_node *e, const char *name, uint64_t otherwise);

/** Each tells the sink, unless the parse is over. */
void telling_variant(struct telling *t, const struct p2v_manifest_variant *v);
void telling_track(struct telling *t, const struct p2v_manifest_track *k);
void telling_uri(struct telling *t, const struct p2v_manifest_uri *u);
void telling_base(struct telling *t, const struct p2v_str *uris, size_t n);
void telling_child(struct telling *t, const struct p2v_manifest_child *c);
/** @return whether another one may be told */
bool telling_segment(struct telling *t, const struct p2v_manifest_segment *s);
/** The longest fragment is its target, where it has none. What was cut is told of with it.
 * @param e  as in telling_warn */
void telling_head(struct telling *t, const struct xml_node *e, struct p2v_manifest_head *h);

#endif
