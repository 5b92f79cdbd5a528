/* oom.c - allocations that fail on demand. */
#include "tests/unit/oom.h"

#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static long left = -1;
static bool struck;
static long count;

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
	return refuse() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return refuse() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return refuse() ? NULL : __real_realloc(p, n);
}
