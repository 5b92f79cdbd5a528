/* oom.c - allocations that fail on demand, and how much is held. */
#include "tests/unit/oom.h"

#include <malloc.h>
#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static long left = -1;
static bool struck;
static long count;
static long held;

void oom_after(long after)
{
	left = after;
	struck = false;
}

bool oom_struck(void)
{
	return struck;
}

long oom_count(void)
{
	return count;
}

long oom_held(void)
{
	return held;
}

static long size_of(void *p)
{
	return p ? (long)malloc_usable_size(p) : 0;
}

static void *hold(void *p)
{
	held += size_of(p);
	return p;
}

static bool refuse(void)
{
	count++;
	if (left < 0)
		return false;
	if (left > 0) {
		left--;
		return false;
	}
	struck = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return refuse() ? NULL : hold(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return refuse() ? NULL : hold(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	long before = size_of(p);
	void *q = refuse() ? NULL : __real_realloc(p, n);

	if (q)
		held += size_of(q) - before;
	return q;
}

void __wrap_free(void *p)
{
	held -= size_of(p);
	__real_free(p);
}
