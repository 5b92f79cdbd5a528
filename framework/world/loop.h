/* loop.h - the real world: one event loop, and the maker of struct p2v_world that runs on it. What
 * the host needs is here; what the core needs is framework/base/world.h. */
#ifndef P2V_WORLD_LOOP_H
#define P2V_WORLD_LOOP_H

#include "framework/base/world.h"

struct p2v_loop;

/** Make a loop. SIGPIPE is ignored in this process from now on: peers and pipes close when they
 * like.
 * @return P2V_OK; P2V_ENOMEM or P2V_EIO with err */
P2V_MUST_USE int p2v_loop_new(struct p2v_loop **out, struct p2v_err *err);

/** Free it with all that is still open on it; no callback runs. NULL is allowed. Not from inside a
 * callback. */
void p2v_loop_free(struct p2v_loop *l);

/** @return the world; valid until the loop is freed */
struct p2v_world p2v_loop_world(struct p2v_loop *l);

/** Run until p2v_loop_stop. A stop that came before it ends it at once. */
void p2v_loop_run(struct p2v_loop *l);
/** From inside a callback: let p2v_loop_run return after this turn. */
void p2v_loop_stop(struct p2v_loop *l);

/** One turn: wait for something to happen, at most `wait`, and run its callbacks.
 * @param wait  [us]; 0: do not wait */
void p2v_loop_turn(struct p2v_loop *l, p2v_usec wait);

/** Call fn for a signal, as a callback of the loop. Only one loop of a process may watch a signal.
 * @param fn  [in] NULL: watch it no longer, and restore its default
 * @return P2V_OK; P2V_ENOMEM */
P2V_MUST_USE int p2v_loop_on_signal(
	struct p2v_loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx);

/** A descriptor that is watched. */
struct p2v_watch;

enum { P2V_READ = 1, P2V_WRITE = 2 };

/** Watch a descriptor, level-triggered.
 * @param events  P2V_READ | P2V_WRITE; 0: nothing yet
 * @param ready   [in] called with what is ready; it may free the watch
 * @return NULL: no memory */
struct p2v_watch *p2v_watch_new(
	struct p2v_loop *l, int fd, int events, void (*ready)(void *ctx, int events), void *ctx);
void p2v_watch_set(struct p2v_watch *w, int events);
/** Before the descriptor is closed. NULL is allowed. */
void p2v_watch_free(struct p2v_watch *w);

/** Whom HTTPS fetches trust.
 * @param path  [in] PEM file with authorities, used instead of the system's; copied; NULL: the
 * system's
 * @return P2V_OK; P2V_ENOMEM */
P2V_MUST_USE int p2v_loop_set_ca(struct p2v_loop *l, const char *path);

/** Whether UDP sockets that are opened from now on may hand several datagrams to the kernel at once
 * (UDP_SEGMENT): on at first, where the kernel can. Some drivers are said to get it wrong. */
void p2v_loop_set_segments(struct p2v_loop *l, bool on);

#endif
