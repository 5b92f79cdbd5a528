/* still.h - a world in which nothing happens: for commands that put a pure room to work once,
 * without a loop or a network. */
#ifndef P2V_HOST_STILL_H
#define P2V_HOST_STILL_H

#include "framework/base/world.h"

/** @return a world whose clock stands at 0 and whose timers never fire. Its log goes to stderr. Its
 * network has no functions: whoever calls them breaks a promise. */
struct p2v_world p2v_still_world(void);

#endif
