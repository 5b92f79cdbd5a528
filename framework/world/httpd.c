/* httpd.c - the HTTP server, on libmicrohttpd without its threads: its epoll descriptor is watched
 * by the loop, its time-outs are one timer. What an exchange holds is in sending.c.
 *
 * Nothing that the core asks for is done inside its call. It is noted in the exchange, and a task
 * lets libmicrohttpd ask us (request_came, body_wanted), which is where a connection waits:
 * suspended. A suspended connection is in no epoll set of libmicrohttpd's, which so does not see
 * its client leave; a set of our own does (EPOLLRDHUP). A client that closes only its sending half
 * while it waits for an answer counts as gone, as it does with most servers. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "framework/base/text.h"
#include "framework/world/inside.h"
#include "framework/world/sending.h"

enum {
	CONNECTIONS_MAX = 512,
	BACKLOG = 511,
	MEMORY = 65536,       /* [B] of one connection: bounds a request's line and headers */
	IDLE_SECONDS = 75,    /* without a byte either way, but while an answer is awaited */
	UPLOAD_MAX = 1 << 20, /* [B] of a request's body, which is read and dropped */
	BLOCK = 65536,        /* [B] copied at once where slices cannot be sent as they are */
	PARTS_MAX = 1024,     /* slices that are sent without a copy */
	ROUNDS_MAX = 4        /* of libmicrohttpd in a turn */
};

struct p2v_httpd {
	struct p2v_loop *loop;
	struct p2v_list servers;
};

struct p2v_http_server {
	struct p2v_list in_httpd;
	struct p2v_httpd *httpd;
	struct MHD_Daemon *daemon;
	int departures; /* epoll set that tells which clients leave */
	struct p2v_watch *watch, *departures_watch;
	struct p2v_timer timer;
	struct p2v_task task;
	struct p2v_list conns;
	struct p2v_list sendings; /* exchanges that are not over */
	struct p2v_list changed;  /* those that the task must look at */
	const struct p2v_http_handler *handler;
	void *ctx;
	bool again; /* a connection went or goes on: libmicrohttpd wants another round */
	bool closing, silent;
};

struct p2v_conn {
	struct p2v_list in_server;
	struct p2v_http_server *server;
	struct MHD_Connection *mhd;
	int fd;
	bool suspended;
	bool left; /* the client closed its end */
};

/* ---- exchanges and their connections ---- */

static void look_at(struct p2v_sending *x)
{
	struct p2v_http_server *s = x->server;

	if (p2v_list_empty(&x->in_changed))
		p2v_list_push(&s->changed, &x->in_changed);
	p2v_defer(s->httpd->loop, &s->task);
}

static void resume(struct p2v_conn *c)
{
	if (!c->suspended)
		return;
	c->suspended = false;
	c->server->again = true;
	MHD_resume_connection(c->mhd);
	p2v_defer(c->server->httpd->loop, &c->server->task);
}

static void suspend(struct p2v_conn *c)
{
	c->suspended = true;
	MHD_suspend_connection(c->mhd);
}

/* The core changed something: whoever waits for it goes on. */
static void changed(struct p2v_sending *x)
{
	if (!x->conn)
		look_at(x); /* all was sent before its end was told */
	else if (x->answered ? x->queued > 0 || x->ended || x->aborted : x->replied || x->aborted)
		resume(x->conn);
}

static void tell_gone(struct p2v_sending *x, bool whole)
{
	struct p2v_http_server *s = x->server;

	p2v_sending_drop(x);
	p2v_list_remove(&x->in_server);
	p2v_list_remove(&x->in_changed);
	if (!s->silent)
		s->handler->gone(s->ctx, &x->face, whole);
	p2v_sending_unref(x);
}

/* libmicrohttpd is through with a request, or its client is gone. */
static void request_over(
	void *ctx, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode why)
{
	struct p2v_sending *x = *request;

	(void)ctx;
	(void)mhd;
	if (!x)
		return;
	*request = NULL;
	x->conn = NULL;
	if (!x->asked) {
		p2v_sending_unref(x);
	} else if (why != MHD_REQUEST_TERMINATED_COMPLETED_OK || !x->answered || x->aborted) {
		tell_gone(x, false);
	} else if (x->ended) {
		tell_gone(x, true);
	} else {
		x->sent = true; /* `gone` waits for http_end */
		p2v_sending_drop(x);
	}
}

static void response_freed(void *ctx)
{
	p2v_sending_unref(ctx);
}

/* ---- the body ---- */

/* libmicrohttpd can send more of a body that was not whole when its reply came. */
static ssize_t body_wanted(void *ctx, uint64_t position, char *buf, size_t max)
{
	struct p2v_sending *x = ctx;
	size_t n;

	(void)position;
	if (x->aborted || !x->conn)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = p2v_sending_copy(x, buf, max);
	if (n > 0) {
		if (x->full && x->queued <= P2V_ROOM_AGAIN)
			look_at(x);
		return (ssize_t)n;
	}
	if (x->ended && x->length == P2V_LENGTH_UNKNOWN)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (x->ended || x->conn->left)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	suspend(x->conn);
	return 0;
}

/* A reply that is whole goes out from where it lies. */
static struct MHD_Response *response_of_parts(struct p2v_sending *x)
{
	size_t n = x->n_parts - x->first;
	struct MHD_IoVec *iov = calloc(n + 1, sizeof *iov);
	struct MHD_Response *r;

	if (!iov)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		iov[i].iov_base = x->parts[x->first + i].p;
		iov[i].iov_len = x->parts[x->first + i].n;
	}
	r = MHD_create_response_from_iovec(iov, (unsigned)n, response_freed, x);
	free(iov);
	return r;
}

static struct MHD_Response *response_new(struct p2v_sending *x)
{
	bool whole = x->ended && !x->bodiless && x->n_parts - x->first <= PARTS_MAX &&
		     (x->length == P2V_LENGTH_UNKNOWN || x->length == x->queued);
	uint64_t length = x->length == P2V_LENGTH_UNKNOWN ? MHD_SIZE_UNKNOWN : x->length;
	struct MHD_Response *r;

	if (whole)
		r = response_of_parts(x);
	else
		r = MHD_create_response_from_callback(
			length, x->bodiless ? 1 : BLOCK, body_wanted, x, response_freed);
	if (!r)
		return NULL;
	x->refs++;
	/* libmicrohttpd would end the body that it does not send with a last chunk: better no
	 * chunks, at the cost of the connection. */
	if (x->bodiless && x->length == P2V_LENGTH_UNKNOWN)
		(void)MHD_set_response_options(r, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	return r;
}

static void response_headers(struct MHD_Response *r, const struct p2v_text *headers)
{
	size_t at = 0;

	while (at < headers->n) {
		const char *name = headers->p + at, *value = name + strlen(name) + 1;

		(void)MHD_add_response_header(r, name, value);
		at = (size_t)(value - headers->p) + strlen(value) + 1;
	}
}

static enum MHD_Result answer(struct p2v_sending *x)
{
	struct MHD_Response *r;
	enum MHD_Result ok;

	if (x->aborted)
		return MHD_NO;
	if (!x->replied) {
		if (x->conn->left)
			return MHD_NO;
		suspend(x->conn);
		return MHD_YES;
	}
	r = response_new(x);
	if (!r)
		return MHD_NO;
	response_headers(r, &x->headers);
	x->answered = true;
	ok = MHD_queue_response(x->conn->mhd, x->status, r);
	MHD_destroy_response(r);
	return ok;
}

/* ---- requests ---- */

static struct p2v_conn *conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(
		mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return i ? i->socket_context : NULL;
}

/* The request line is there, as the client wrote it. */
static void *target_came(void *ctx, const char *uri, struct MHD_Connection *mhd)
{
	struct p2v_conn *c = conn_of(mhd);
	struct p2v_sending *x = c ? p2v_sending_new(uri ? uri : "") : NULL;

	(void)ctx;
	if (x) {
		x->server = c->server;
		x->conn = c;
		p2v_list_push(&c->server->sendings, &x->in_server);
	}
	return x;
}

struct gathering {
	struct p2v_header *v;
	size_t n, max;
	bool bad;
};

static bool has_control(struct p2v_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

static enum MHD_Result gather(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_n,
	const char *value, size_t value_n)
{
	struct gathering *g = ctx;
	struct p2v_header h = { { name, name_n }, { value ? value : "", value ? value_n : 0 } };

	(void)kind;
	h.value = p2v_str_trim(h.value);
	g->bad = g->bad || has_control(h.name) || has_control(h.value);
	if (g->n < g->max)
		g->v[g->n++] = h;
	return MHD_YES;
}

static struct p2v_addr client_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(
		mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct p2v_addr a = { .port = 0 };
	struct sockaddr_storage ss;

	if (!i || !i->client_addr)
		return a;
	memset(&ss, 0, sizeof ss);
	memcpy(&ss, i->client_addr,
		i->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						      : sizeof(struct sockaddr_in));
	p2v_addr_from_kernel(&ss, &a);
	return a;
}

static enum MHD_Result refuse(struct MHD_Connection *mhd, unsigned status)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	(void)MHD_add_response_header(r, "Connection", "close");
	ok = MHD_queue_response(mhd, status, r);
	MHD_destroy_response(r);
	return ok;
}

/* The request is there: ask the core. */
static enum MHD_Result ask(struct p2v_sending *x, const char *method)
{
	struct p2v_http_server *s = x->server;
	struct MHD_Connection *mhd = x->conn->mhd;
	int n = MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, NULL, NULL);
	struct gathering g = { .max = n > 0 ? (size_t)n : 0 };
	struct p2v_http_request rq = { .method = p2v_str_of(method),
		.target = p2v_str_of(x->target),
		.from = client_of(mhd) };

	g.v = calloc(g.max + 1, sizeof *g.v);
	if (!g.v)
		return MHD_NO;
	(void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, gather, &g);
	if (g.bad || rq.target.n == 0 || has_control(rq.target)) {
		free(g.v);
		return refuse(mhd, MHD_HTTP_BAD_REQUEST);
	}
	rq.headers = g.v;
	rq.n_headers = g.n;
	x->asked = true;
	x->head = strcmp(method, "HEAD") == 0;
	s->handler->request(s->ctx, &x->face, &rq);
	free(g.v);
	return answer(x);
}

/* libmicrohttpd calls it when the headers are there, for each piece of a body, when the request is
 * whole, and then whenever the connection is resumed until there is a response. */
static enum MHD_Result request_came(void *ctx, struct MHD_Connection *mhd, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_n,
	void **request)
{
	struct p2v_sending *x = *request;

	(void)ctx;
	(void)mhd;
	(void)url;
	(void)version;
	(void)upload;
	if (!x || x->server->closing)
		return MHD_NO;
	if (!x->begun) {
		x->begun = true;
		return MHD_YES;
	}
	if (*upload_n > 0) {
		x->upload += *upload_n;
		*upload_n = 0;
		return x->upload > UPLOAD_MAX ? MHD_NO : MHD_YES;
	}
	return x->asked ? answer(x) : ask(x, method);
}

/* ---- connections ---- */

static struct p2v_conn *conn_new(struct p2v_http_server *s, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(
		mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct epoll_event ev = { .events = EPOLLRDHUP | EPOLLET };
	struct p2v_conn *c = i ? calloc(1, sizeof *c) : NULL;

	if (!c)
		return NULL;
	c->server = s;
	c->mhd = mhd;
	c->fd = i->connect_fd;
	ev.data.ptr = c;
	(void)epoll_ctl(s->departures, EPOLL_CTL_ADD, c->fd, &ev);
	p2v_list_push(&s->conns, &c->in_server);
	return c;
}

/* One without a struct p2v_conn is served nothing: see target_came. */
static void connection_changed(void *ctx, struct MHD_Connection *mhd, void **socket_context,
	enum MHD_ConnectionNotificationCode what)
{
	struct p2v_http_server *s = ctx;
	struct p2v_conn *c = *socket_context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = conn_new(s, mhd);
		return;
	}
	s->again = true;
	*socket_context = NULL;
	if (!c)
		return;
	(void)epoll_ctl(s->departures, EPOLL_CTL_DEL, c->fd, NULL);
	p2v_list_remove(&c->in_server);
	free(c);
}

static void somebody_left(void *ctx, int events)
{
	struct p2v_http_server *s = ctx;
	struct epoll_event ev[64];
	int n = epoll_wait(s->departures, ev, 64, 0);

	(void)events;
	for (int i = 0; i < n; i++) {
		struct p2v_conn *c = ev[i].data.ptr;

		c->left = true;
		resume(c);
	}
}

/* ---- the server ---- */

static void look_at_changed(struct p2v_http_server *s)
{
	while (!p2v_list_empty(&s->changed)) {
		struct p2v_sending *x = P2V_OF(
			p2v_list_first(&s->changed), struct p2v_sending, in_changed);

		p2v_list_remove(&x->in_changed);
		if (x->sent && (x->ended || x->aborted)) {
			tell_gone(x, !x->aborted);
		} else if (x->full && x->queued <= P2V_ROOM_AGAIN) {
			x->full = false;
			if (!x->ended && !x->aborted && !s->closing)
				s->handler->drained(s->ctx, &x->face);
		}
	}
}

/* Let libmicrohttpd do what there is to do, and set the timer for what it has yet to do. */
static void server_run(struct p2v_http_server *s)
{
	struct p2v_loop *l = s->httpd->loop;
	unsigned long long ms = 0;
	bool timed = false;

	for (int round = 0; round < ROUNDS_MAX && !s->closing; round++) {
		s->again = false;
		(void)MHD_run(s->daemon);
		look_at_changed(s);
		timed = MHD_get_timeout(s->daemon, &ms) == MHD_YES;
		if (!s->again && !(timed && ms == 0))
			break;
	}
	if (s->again || (timed && ms == 0))
		p2v_defer(l, &s->task);
	if (timed && ms > 0)
		p2v_loop_arm(l, &s->timer, p2v_loop_now(l) + ((p2v_usec)ms + 1) * P2V_MSEC);
	else
		p2v_loop_disarm(l, &s->timer);
}

static void server_ready(void *ctx, int events)
{
	(void)events;
	server_run(ctx);
}

static void server_timer(struct p2v_timer *t, p2v_usec now)
{
	(void)now;
	server_run(P2V_OF(t, struct p2v_http_server, timer));
}

/* Stop for good, with `gone` for each exchange. */
static void server_free(struct p2v_http_server *s)
{
	struct p2v_loop *l = s->httpd->loop;

	s->closing = true;
	p2v_watch_free(s->watch);
	p2v_watch_free(s->departures_watch);
	P2V_LIST_EACH (it, &s->conns)
		resume(P2V_OF(it, struct p2v_conn, in_server));
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	while (!p2v_list_empty(&s->sendings))
		tell_gone(
			P2V_OF(p2v_list_first(&s->sendings), struct p2v_sending, in_server), false);
	p2v_task_cancel(&s->task);
	p2v_loop_disarm(l, &s->timer);
	if (s->departures >= 0)
		(void)close(s->departures);
	p2v_list_remove(&s->in_httpd);
	free(s);
}

static void server_task(struct p2v_task *t)
{
	struct p2v_http_server *s = P2V_OF(t, struct p2v_http_server, task);

	if (!s->closing) {
		look_at_changed(s);
		server_run(s);
	}
	if (s->closing)
		server_free(s);
}

static struct p2v_httpd *httpd_of(struct p2v_loop *l)
{
	struct p2v_rooms *rooms = p2v_loop_rooms(l);

	if (!rooms->httpd) {
		rooms->httpd = calloc(1, sizeof *rooms->httpd);
		if (rooms->httpd) {
			rooms->httpd->loop = l;
			p2v_list_init(&rooms->httpd->servers);
		}
	}
	return rooms->httpd;
}

static struct p2v_http_server *server_new(struct p2v_httpd *d)
{
	struct p2v_http_server *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->httpd = d;
	p2v_list_push(&d->servers, &s->in_httpd);
	p2v_list_init(&s->conns);
	p2v_list_init(&s->sendings);
	p2v_list_init(&s->changed);
	s->timer.fire = server_timer;
	p2v_task_init(&s->task, server_task);
	s->departures = epoll_create1(EPOLL_CLOEXEC);
	return s;
}

/* TURBO spares a system call at each close, and lets an abort reset the connection where an end of
 * stream would look like the end of the body. */
static struct MHD_Daemon *daemon_new(struct p2v_http_server *s, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0, NULL,
		NULL, request_came, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
		request_over, s, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, s,
		MHD_OPTION_URI_LOG_CALLBACK, target_came, s, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_STRICT_FOR_CLIENT,
		1, MHD_OPTION_END);
}

static bool server_watch(struct p2v_http_server *s)
{
	const union MHD_DaemonInfo *i = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct p2v_loop *l = s->httpd->loop;

	if (!i || s->departures < 0)
		return false;
	s->watch = p2v_watch_new(l, i->epoll_fd, P2V_READ, server_ready, s);
	s->departures_watch = p2v_watch_new(l, s->departures, P2V_READ, somebody_left, s);
	return s->watch && s->departures_watch;
}

int p2v_real_listen(void *self, const struct p2v_addr *to, const struct p2v_http_handler *h,
	void *ctx, struct p2v_http_server **out, struct p2v_addr *bound, struct p2v_err *err)
{
	struct p2v_httpd *d = httpd_of(self);
	struct p2v_http_server *s = d ? server_new(d) : NULL;
	bool v4;
	int fd;

	if (!s)
		return p2v_fail(err, P2V_ENOMEM, "no memory for an HTTP server");
	s->handler = h;
	s->ctx = ctx;
	fd = p2v_socket_bound(SOCK_STREAM, to, &v4, bound, err);
	if (fd < 0)
		goto fail;
	if (listen(fd, BACKLOG) < 0) {
		(void)p2v_fail(
			err, P2V_EIO, "cannot listen on port %u: %s", bound->port, strerror(errno));
		goto fail;
	}
	s->daemon = daemon_new(s, fd);
	if (!s->daemon) {
		(void)p2v_fail(err, P2V_ENOMEM, "the HTTP server does not start");
		goto fail;
	}
	fd = -1; /* the daemon's */
	if (!server_watch(s)) {
		(void)p2v_fail(err, P2V_ENOMEM, "no memory for an HTTP server");
		goto fail;
	}
	/* It puts its sockets into its epoll set when it first runs. */
	p2v_defer(d->loop, &s->task);
	*out = s;
	return P2V_OK;
fail:
	if (fd >= 0)
		(void)close(fd);
	server_free(s);
	return err ? err->code : P2V_EIO;
}

/* ---- the core's calls ---- */

static struct p2v_sending *of(struct p2v_exchange *x)
{
	return P2V_OF(x, struct p2v_sending, face);
}

/* An aborted exchange whose bytes are with the kernel waits for nobody: cut its connection. Without
 * a length the client takes a plain end for the end of the body, unless it was promised chunks: so
 * it sees a reset. */
static void cut(struct p2v_sending *x)
{
	struct linger reset = { .l_onoff = 1 };

	if (!x->conn)
		return;
	if (x->replied && x->length == P2V_LENGTH_UNKNOWN)
		(void)setsockopt(x->conn->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (x->answered && !x->conn->suspended)
		(void)shutdown(x->conn->fd, SHUT_RDWR);
}

static void note(struct p2v_sending *x)
{
	if (x->aborted)
		cut(x);
	changed(x);
}

void p2v_real_reply(void *self, struct p2v_exchange *face, const struct p2v_reply *r)
{
	struct p2v_sending *x = of(face);

	(void)self;
	if (x->aborted)
		return;
	p2v_sending_reply(x, r);
	note(x);
}

void p2v_real_write(void *self, struct p2v_exchange *face, struct p2v_slice s)
{
	struct p2v_sending *x = of(face);

	(void)self;
	p2v_sending_push(x, s);
	note(x);
}

size_t p2v_real_room(void *self, struct p2v_exchange *face)
{
	(void)self;
	return p2v_sending_room(of(face));
}

void p2v_real_end(void *self, struct p2v_exchange *face)
{
	struct p2v_sending *x = of(face);

	(void)self;
	assert(!x->ended && (x->replied || x->aborted));
	x->ended = true;
	note(x);
}

void p2v_real_abort(void *self, struct p2v_exchange *face)
{
	struct p2v_sending *x = of(face);

	(void)self;
	if (x->aborted)
		return;
	x->aborted = true;
	note(x);
}

void p2v_real_close(void *self, struct p2v_http_server *s)
{
	int fd = MHD_quiesce_daemon(s->daemon);

	(void)self;
	assert(!s->closing);
	if (fd >= 0)
		(void)close(fd);
	s->closing = true;
	p2v_defer(s->httpd->loop, &s->task);
}

void p2v_httpd_fini(struct p2v_httpd *d)
{
	if (!d)
		return;
	P2V_LIST_EACH (it, &d->servers) {
		struct p2v_http_server *s = P2V_OF(it, struct p2v_http_server, in_httpd);

		s->silent = true;
		server_free(s);
	}
	free(d);
}
