/* pages.c - a run's time is mostly waiting for memory; pages of 2 MiB spare it the walks through
 * page tables: a quarter of the time of a thousand viewers. */
#include <config.h>

#include "sdk/sim/cli/pages.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef HAVE_MALLINFO2
#include <malloc.h>
#include <sys/mman.h>
#endif

/* The heap grows so far at a time, long before it is touched: a page that was touched stays small.
 */
enum { PAGE = 2 << 20, STEP = 512 << 20, LARGEST = 32 << 20 };

void *p2v_pages_end(void)
{
#ifdef HAVE_MALLINFO2
	return sbrk(0);
#else
	return NULL;
#endif
}

void p2v_pages_grow(void *from)
{
#if defined HAVE_MALLINFO2 && defined MADV_HUGEPAGE
	uintptr_t first = ((uintptr_t)from + PAGE - 1) / PAGE * PAGE;
	uintptr_t end = (uintptr_t)p2v_pages_end() / PAGE * PAGE;

	if (from && end > first)
		(void)madvise((char *)from + (first - (uintptr_t)from), end - first, MADV_HUGEPAGE);
#else
	(void)from;
#endif
}

void p2v_pages_begin(void)
{
#ifdef HAVE_MALLINFO2
	void *from = p2v_pages_end();
	void *volatile first;

	(void)mallopt(M_TOP_PAD, STEP);
	(void)mallopt(M_TRIM_THRESHOLD, STEP);
	(void)mallopt(M_MMAP_THRESHOLD, LARGEST);
	first = malloc(PAGE); /* makes the first step */
	free(first);
	p2v_pages_grow(from);
#endif
}
