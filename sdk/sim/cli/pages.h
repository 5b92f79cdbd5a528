/* pages.h - large pages for a process that walks through hundreds of megabytes in no order. */
#ifndef P2V_SIM_CLI_PAGES_H
#define P2V_SIM_CLI_PAGES_H

/** Once, at the start: memory comes from one growing heap, in large steps. */
void p2v_pages_begin(void);
/** Now and then: ask for large pages where the heap has grown. Nothing happens where the system has
 * none.
 * @param from  [in] where the heap ended at the start of the run: p2v_pages_end */
void p2v_pages_grow(void *from);
/** @return where the heap ends now */
void *p2v_pages_end(void);

#endif
