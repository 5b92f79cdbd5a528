/* held.c - what OpenSSL allocates, beside what we do. Its allocations never fail on demand. */
#include "tests/sim/held.h"

#include <malloc.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "tests/unit/oom.h"

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);

static long count, by_openssl;

static long size_of(void *p)
{
	return p ? (long)malloc_usable_size(p) : 0;
}

static void *openssl_malloc(size_t n, const char *file, int line)
{
	void *p = __real_malloc(n);

	(void)file;
	(void)line;
	count++;
	by_openssl += size_of(p);
	return p;
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
	long before = size_of(p);
	void *q = __real_realloc(p, n);

	(void)file;
	(void)line;
	count++;
	if (q)
		by_openssl += size_of(q) - before;
	return q;
}

static void openssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	by_openssl -= size_of(p);
	__real_free(p);
}

/* Before anybody uses OpenSSL: later it would not take them any more. */
__attribute__((constructor)) static void count_openssl(void)
{
	(void)CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
}

long held_count(void)
{
	return oom_count() + count;
}

long held(void)
{
	return oom_held() + by_openssl;
}
