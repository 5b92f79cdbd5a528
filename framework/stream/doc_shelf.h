/* doc_shelf.h - documents that were read lately, for a process in which many nodes read the same
 * manifests, as the simulator is. What a document says depends on nothing but the plugin, its
 * options, the text and where that came from, so whoever reads the same gets the same document. */
#ifndef P2V_STREAM_DOC_SHELF_H
#define P2V_STREAM_DOC_SHELF_H

#include "framework/stream/doc.h"

/** @return NULL: no memory */
struct p2v_doc_shelf *p2v_doc_shelf_new(void);
/** Documents that are in use stay until they are freed. */
void p2v_doc_shelf_free(struct p2v_doc_shelf *s); /* NULL is allowed */

/** @param by   [in] the plugin, with its options, that would read it
 * @param in    [in] what it would read; no child
 * @return the document of it with a further reference, for p2v_doc_free; NULL: not here */
struct p2v_doc *p2v_doc_shelf_find(
	struct p2v_doc_shelf *s, const struct p2v_policy *by, const struct p2v_doc_in *in);
/** Keep d, which `by` has just read, with a reference of its own; where there is no more room, or
 * no memory, what was not asked for the longest time goes, or d is not kept. */
void p2v_doc_shelf_put(struct p2v_doc_shelf *s, const struct p2v_policy *by, struct p2v_doc *d);

#endif
