/* raw.h - the other end of a connection, byte by byte: scripted servers, clients that misbehave,
 * and a loop to drive meanwhile. No HTTP library here: what is sent is what is written. */
#ifndef P2V_TESTS_UNIT_WORLD_RAW_H
#define P2V_TESTS_UNIT_WORLD_RAW_H

#include "framework/world/loop.h"

struct raw_rig {
	struct p2v_loop *loop;
	struct p2v_world world;
};

void raw_open(struct raw_rig *r);
void raw_close(struct raw_rig *r);
/** Run the loop until cond(ctx). @return false: half a minute passed */
bool raw_until(struct raw_rig *r, bool (*cond)(void *ctx), void *ctx);
/** Run the loop for a while, for what must not happen. */
void raw_idle(struct raw_rig *r, p2v_usec time);
/** The time, not the loop's. */
p2v_usec raw_clock(void);

/* ---- clients ---- */

/** Connect to 127.0.0.1. @return a non-blocking socket */
int raw_connect(uint16_t port);
/** Send all of a text, running the loop while the socket is full. */
void raw_send(struct raw_rig *r, int fd, const char *text);
/** Receive until `end` has arrived, the buffer is full, or the connection ended.
 * @param end  [in] NULL: until the connection ends
 * @return [B] received; the buffer is NUL-ended. *how: 0: found or full; 1: end of stream; errno */
size_t raw_recv(struct raw_rig *r, int fd, char *buf, size_t size, const char *end, int *how);
/** Close so that the other end sees a reset. */
void raw_reset(int fd);

/* ---- servers, each on a thread of its own ---- */

struct raw_server;

/** One connection's script: reads and writes as it likes; the connection is closed when it returns.
 * @param nth  0 for the first connection */
typedef void (*raw_script)(struct raw_server *s, int fd, unsigned nth);

struct raw_server *raw_serve(raw_script script);
uint16_t raw_port(const struct raw_server *s);
/** @return requests that scripts have read so far */
unsigned raw_requests(struct raw_server *s);
unsigned raw_connections(struct raw_server *s);
/** Let the scripts that wait in raw_hold go on, end the thread, free the server. */
void raw_stop(struct raw_server *s);

/* For scripts. */

/** Read one request's line and headers. @return false: the client left */
bool raw_request(struct raw_server *s, int fd, char *buf, size_t size);
void raw_say(int fd, const char *text);
/** Wait until the client leaves or the server is stopped. */
void raw_hold(struct raw_server *s, int fd);
/** Wait a little, for what comes in two pieces. */
void raw_nap(unsigned ms);

#endif
