/* leaks.h - for plain test programs: look for leaks at the end, where the build has a checker for
 * them. The test environment turns it off, because of Criterion; a plain program turns it on again.
 */
#ifndef P2V_TESTS_UNIT_WORLD_LEAKS_H
#define P2V_TESTS_UNIT_WORLD_LEAKS_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define P2V_LEAK_CHECKER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define P2V_LEAK_CHECKER 1
#endif
#endif

/** Call it first in main: the program may begin anew.
 * @param argv  [in] of main */
static inline void p2v_look_for_leaks(char **argv)
{
#ifdef P2V_LEAK_CHECKER
	const char *options = getenv("ASAN_OPTIONS");

	if (options && strstr(options, "detect_leaks=0") &&
		setenv("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=1", 1) == 0)
		(void)execv("/proc/self/exe", argv);
#else
	(void)argv;
#endif
}

#endif
