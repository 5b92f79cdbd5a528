/* sidx.h - the index of a file of several fragments. */
#ifndef P2V_DASH_SIDX_H
#define P2V_DASH_SIDX_H

#include <peer2view/manifest.h>

/** Read the boxes of an index range. Their context is "sidx ANCHOR START BANDWIDTH SET TYPE":
 * the file's byte behind the index, [us] where the file's Period begins, and what its track is.
 * @return as p2v_manifest_ops.parse (ISO/IEC 14496-12 8.16.3) */
int dash_sidx(const struct p2v_manifest_in *in, const struct p2v_manifest_sink *sink,
	struct p2v_err *err);

#endif
