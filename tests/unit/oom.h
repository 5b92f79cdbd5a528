/* oom.h - allocations that fail on demand, and a count of what is held. A program that links this
 * file is linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free; nothing fails
 * until a test asks for it. */
#ifndef P2V_TESTS_OOM_H
#define P2V_TESTS_OOM_H

#include <stdbool.h>

/** Let the next `after` allocations pass and all that follow fail. -1: let all pass. */
void oom_after(long after);
/** @return whether an allocation was refused since the last oom_after */
bool oom_struck(void);
/** @return how many allocations there were since the program began */
long oom_count(void);
/** @return [B] that were allocated and not freed, rounded up as the allocator does */
long oom_held(void);

#endif
