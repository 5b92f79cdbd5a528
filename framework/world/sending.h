/* sending.h - what one exchange of the HTTP server holds: what was promised in the reply, and the
 * slices that wait to be sent. The connection and its library are httpd.c's. */
#ifndef P2V_WORLD_SENDING_H
#define P2V_WORLD_SENDING_H

#include "framework/base/list.h"
#include "framework/base/text.h"
#include "framework/base/world.h"

#define P2V_ROOM       (256u * 1024u)  /* [B] queued in an exchange when it is full … */
#define P2V_ROOM_AGAIN (P2V_ROOM / 2u) /* … until it is down to this */

struct p2v_conn;

struct p2v_sending {
	struct p2v_exchange face; /* first: what the core has of it */
	struct p2v_list in_server, in_changed;
	struct p2v_http_server *server;
	struct p2v_conn *conn; /* NULL: the connection is through with it */
	unsigned refs;         /* the server's, and the response's */
	char *target;
	uint64_t upload;     /* [B] of the request's body, dropped */
	bool begun, asked;   /* the headers came; the core was asked */
	bool answered, sent; /* the library has the response; has sent all of it */
	bool replied, ended, aborted, full;
	bool head, bodiless; /* no body is sent, whatever is written */
	uint32_t status;
	uint64_t length, given;  /* [B] of the body: promised, written so far */
	struct p2v_text headers; /* name, NUL, value, NUL, … */
	struct p2v_slice *parts; /* queued: from first to n_parts */
	size_t first, n_parts, cap_parts;
	size_t off;      /* [B] of the first that are sent */
	uint64_t queued; /* [B] */
};

/** @param target  [in] copied
 * @return one with one reference, NULL: no memory */
struct p2v_sending *p2v_sending_new(const char *target);
/** The last reference frees it and its slices. */
void p2v_sending_unref(struct p2v_sending *x);

/** Note a reply. A header that would break the message's framing or lines is left out. */
void p2v_sending_reply(struct p2v_sending *x, const struct p2v_reply *r);
/** Queue a slice, whose reference is taken. More than was promised, or no memory for it, aborts:
 * the client must not take a wrong body for a right one. */
void p2v_sending_push(struct p2v_sending *x, struct p2v_slice s);
/** Take bytes from the queue. @return [B] copied, at most max */
size_t p2v_sending_copy(struct p2v_sending *x, char *buf, size_t max);
/** Let go of all that is queued. */
void p2v_sending_drop(struct p2v_sending *x);
/** @return [B] that fit now, 0 when it is full */
size_t p2v_sending_room(const struct p2v_sending *x);

#endif
