/* inside.h - what the files of the real world share with each other, and with nobody else. libev
 * stays in loop.c: the others defer work and are woken by threads through this.
 */
#ifndef P2V_WORLD_INSIDE_H
#define P2V_WORLD_INSIDE_H

#include "framework/base/list.h"
#include "framework/world/loop.h"

/* ---- loop.c ---- */

/** Work for later in this turn or the next one: after the callback that asked for it. Embedded in
 * whoever waits; zeroed = not queued. */
struct p2v_task {
	struct p2v_list in_loop;
	void (*run)(struct p2v_task *t); /* set by the owner; it may free the task */
};

void p2v_task_init(struct p2v_task *t, void (*run)(struct p2v_task *t));
/** Queue it; a queued one keeps its place. */
void p2v_defer(struct p2v_loop *l, struct p2v_task *t);
void p2v_task_cancel(struct p2v_task *t);

/** A bell that any thread can ring. */
struct p2v_wake;

/** @param rung  [in] called on the loop, once for one or more rings
 * @return NULL: no memory */
struct p2v_wake *p2v_wake_new(struct p2v_loop *l, void (*rung)(void *ctx), void *ctx);
/** From any thread, while the bell is not freed. */
void p2v_wake_ring(struct p2v_wake *w);
void p2v_wake_free(struct p2v_wake *w);

/** @return [us] monotonic, sampled once a turn */
p2v_usec p2v_loop_now(const struct p2v_loop *l);
void p2v_loop_arm(struct p2v_loop *l, struct p2v_timer *t, p2v_usec due);
void p2v_loop_disarm(struct p2v_loop *l, struct p2v_timer *t);

/** What each room keeps for the life of the loop; NULL until first used. The rooms' fini functions
 * take NULL. */
struct p2v_rooms {
	struct p2v_udp_room *udp;
	struct p2v_httpc *httpc;
	struct p2v_httpd *httpd;
	struct p2v_resolver *resolver;
	char *ca;         /* see p2v_loop_set_ca */
	bool no_segments; /* see p2v_loop_set_segments */
};

struct p2v_rooms *p2v_loop_rooms(struct p2v_loop *l);

/* ---- world.c: the table of operations ---- */

extern const struct p2v_world_ops p2v_real_ops; /* its self is the loop */

/* ---- udp.c ---- */

int p2v_real_udp_open(void *self, const struct p2v_addr *bind, const struct p2v_udp_handler *h,
	void *ctx, struct p2v_udp **out, struct p2v_addr *bound, struct p2v_err *err);
size_t p2v_real_udp_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n);
size_t p2v_real_udp_segments(void *self, struct p2v_udp *u);
void p2v_real_udp_close(void *self, struct p2v_udp *u);
void p2v_udp_fini(struct p2v_udp_room *r);

/* ---- httpc.c ---- */

int p2v_real_fetch(void *self, const struct p2v_fetch_request *rq,
	const struct p2v_fetch_handler *h, void *ctx, struct p2v_fetch **out, struct p2v_err *err);
void p2v_real_fetch_pause(void *self, struct p2v_fetch *f, bool pause);
void p2v_real_fetch_cancel(void *self, struct p2v_fetch *f);
void p2v_httpc_fini(struct p2v_httpc *c);

/* ---- httpd.c ---- */

int p2v_real_listen(void *self, const struct p2v_addr *bind, const struct p2v_http_handler *h,
	void *ctx, struct p2v_http_server **out, struct p2v_addr *bound, struct p2v_err *err);
void p2v_real_reply(void *self, struct p2v_exchange *x, const struct p2v_reply *r);
void p2v_real_write(void *self, struct p2v_exchange *x, struct p2v_slice s);
size_t p2v_real_room(void *self, struct p2v_exchange *x);
void p2v_real_end(void *self, struct p2v_exchange *x);
void p2v_real_abort(void *self, struct p2v_exchange *x);
void p2v_real_close(void *self, struct p2v_http_server *s);
void p2v_httpd_fini(struct p2v_httpd *d);

/* ---- resolve.c ---- */

int p2v_real_resolve(void *self, const char *host, uint16_t port, p2v_lookup_done done, void *ctx,
	struct p2v_lookup **out, struct p2v_err *err);
void p2v_real_resolve_cancel(void *self, struct p2v_lookup *l);
void p2v_resolver_fini(struct p2v_resolver *r);

/* ---- sockets.c: addresses as the kernel has them ---- */

size_t p2v_real_interfaces(void *self, struct p2v_addr *out, size_t max);

struct sockaddr_storage;

/** @param v4  write a sockaddr_in, for a socket of IPv4 alone
 * @return [B] written; 0: the address is none of IPv4's */
unsigned p2v_addr_to_kernel(const struct p2v_addr *a, bool v4, struct sockaddr_storage *out);
void p2v_addr_from_kernel(const struct sockaddr_storage *ss, struct p2v_addr *out);
/** Make a bound socket, non-blocking and closed on exec; dual-stack for ::, or IPv4 alone where the
 * host has no IPv6.
 * @param type   SOCK_DGRAM, SOCK_STREAM
 * @param v4     [out] it is a socket of IPv4 alone
 * @param bound  [out] where it is bound
 * @return the descriptor; P2V_EIO with err */
int p2v_socket_bound(int type, const struct p2v_addr *bind, bool *v4, struct p2v_addr *bound,
	struct p2v_err *err);

#endif
