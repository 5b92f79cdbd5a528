/* held.h - all memory of a test program: ours (tests/unit/oom.h) and OpenSSL's. */
#ifndef P2V_TESTS_HELD_H
#define P2V_TESTS_HELD_H

/** @return how many allocations there were since the program began */
long held_count(void);
/** @return [B] that were allocated and not freed, rounded up as the allocator does */
long held(void);

#endif
