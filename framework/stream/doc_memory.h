/* doc_memory.h - where a document lies: small things one behind the other in chunks, growing arrays
 * each by itself, all freed together, all counted against one bound. */
#ifndef P2V_STREAM_DOC_MEMORY_H
#define P2V_STREAM_DOC_MEMORY_H

#include <peer2view/base.h>

/** [B] A document may take this much. A manifest of P2V_MANIFEST_MAX whose fragments have names of
 * a usual length stays far below; what goes above is made to. */
#define P2V_DOC_MEMORY_MAX ((size_t)256 << 20)

struct p2v_doc_memory;

/** @return NULL: no memory */
struct p2v_doc_memory *p2v_doc_memory_new(void);
void p2v_doc_memory_free(struct p2v_doc_memory *m); /* NULL is allowed */

/** @return size bytes, aligned for anything, undefined; NULL: no memory, or over the bound */
void *p2v_doc_take(struct p2v_doc_memory *m, size_t size);

/** Make room for one more item of an array.
 * @param v      [in] the array, from this function, or NULL at first; dead when another is returned
 * @param n      items in it
 * @param size   [B] of an item
 * @return the array with room for n + 1 items; NULL: no memory, or over the bound; then v is as
 * before */
void *p2v_doc_grow(struct p2v_doc_memory *m, void *v, size_t n, size_t size);

/** @return whether the bound, not the machine, was what refused last */
bool p2v_doc_over(const struct p2v_doc_memory *m);

#endif
