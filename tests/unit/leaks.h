/* leaks.h - included before every unit test of a sanitizer build: a case that leaves memory behind
 * fails. Criterion looks at what a case says while it runs, not at how its process ends, where
 * leaks are found otherwise; and what the process prints is lost.
 */
#ifndef P2V_TESTS_UNIT_LEAKS_H
#define P2V_TESTS_UNIT_LEAKS_H

/* Ahead of every system header, as the tests' own inclusion of it comes too late. */
#include <config.h>

#include <criterion/criterion.h>
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>
#include <string.h>

/* What is repeated for the sake of a figure, and no other code, is repeated less often here. */
#define P2V_TESTS_SANITIZED 1

static void (*p2v_leakless)(void);

/* A parameterised case is called with its parameter, which another one does not look at. */
static void p2v_test_and_look(void *param)
{
	const char *options = getenv("ASAN_OPTIONS");

	((void (*)(void *))p2v_leakless)(param);
	if (options && strstr(options, "detect_leaks=1"))
		cr_assert_eq(
			__lsan_do_recoverable_leak_check(), 0, "the case leaves memory behind");
}

static inline void p2v_leakless_test(void (*test)(void))
{
	p2v_leakless = test;
	criterion_internal_test_main((void (*)(void))p2v_test_and_look);
}
#define criterion_internal_test_main p2v_leakless_test

#endif
