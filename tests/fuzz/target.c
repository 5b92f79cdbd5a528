/* target.c - between the engine and a target. */
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_fail(const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: does not hold\n", file, line);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n == 0)
		fuzz_one(NULL, 0);
	fuzz_one(p, n);
	return 0;
}
