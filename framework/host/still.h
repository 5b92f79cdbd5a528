/* still.h - a world in which nothing happens: for commands that put pure rooms to work once,
 * without a loop or a network. */
#ifndef P2V_HOST_STILL_H
#define P2V_HOST_STILL_H

#include "framework/base/world.h"

/** @return a world whose clock stands at 0 and whose timers never fire; the date is today's. Its
 * log goes to stderr. All that is sent, fetched or looked up is taken, and never answered; servers
 * get no requests. */
struct p2v_world p2v_still_world(void);

#endif
