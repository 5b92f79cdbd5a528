/* httpc.c - the HTTP client, on libcurl's multi interface: connections are kept and shared, HTTP/2
 * where the server has it. libcurl runs our callbacks from inside its own functions, and may not be
 * called from there: all that the core asks for is noted, and done by a task. */
#include <config.h>

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "framework/base/http.h"
#include "framework/base/url.h"
#include "framework/world/inside.h"

#define CONNECT_TIMEOUT (5 * P2V_SECOND)
#define IDLE_TIMEOUT    (10 * P2V_SECOND)

enum {
	REDIRECTS_MAX = 5,
	BUFFER = 65536,      /* [B] of one transfer: what is read at once */
	HEADERS_MAX = 65536, /* [B] of one response's */
	IDLE_CONNECTIONS = 32
};

struct p2v_httpc {
	struct p2v_loop *loop;
	CURLM *multi;
	struct p2v_timer timer;
	struct p2v_task work;
	struct p2v_list fetches; /* all */
	struct p2v_list pending; /* those that wait for `work` */
	struct p2v_list sockets;
};

/* One of libcurl's sockets. */
struct sock {
	struct p2v_list in_client;
	struct p2v_httpc *client;
	struct p2v_watch *watch;
	curl_socket_t fd;
};

/* A header line, as offsets into the text of all: the text moves while it grows. */
struct line {
	size_t name, name_n, value, value_n;
};

struct p2v_fetch {
	struct p2v_list in_client, in_pending;
	struct p2v_httpc *client;
	CURL *easy;
	struct curl_slist *headers;
	const struct p2v_fetch_handler *handler;
	void *ctx;
	struct p2v_timer idle;
	p2v_usec idle_timeout, heard;
	struct p2v_text text; /* of the response's headers */
	struct line *lines;
	size_t n_lines, cap_lines;
	bool added, dead;
	bool paused, held; /* what the core wants; what libcurl was told */
	bool redirects, decode;
	bool in_head, told;
	int code; /* why a callback refused to go on; P2V_OK: it did not */
	struct p2v_err err;
};

static void check_done(struct p2v_httpc *c);
static void ask_for_work(struct p2v_fetch *f);

/* ---- the end of a fetch ---- */

static void fetch_free(struct p2v_fetch *f)
{
	struct p2v_httpc *c = f->client;

	p2v_loop_disarm(c->loop, &f->idle);
	p2v_list_remove(&f->in_client);
	p2v_list_remove(&f->in_pending);
	if (f->added)
		(void)curl_multi_remove_handle(c->multi, f->easy);
	curl_easy_cleanup(f->easy);
	curl_slist_free_all(f->headers);
	p2v_text_fini(&f->text);
	free(f->lines);
	free(f);
}

/* The last word of a fetch; never from inside libcurl. */
static void fetch_done(struct p2v_fetch *f, int code, const struct p2v_err *err)
{
	const struct p2v_fetch_handler *h = f->handler;
	struct p2v_err copy = { P2V_OK, "" };
	void *ctx = f->ctx;
	bool dead = f->dead;

	if (code < 0)
		copy = *err;
	fetch_free(f);
	if (!dead)
		h->done(ctx, code, &copy);
}

/* libcurl's own sentences name hosts and addresses, which belong in no log. */
static void fetch_failed(struct p2v_fetch *f, CURLcode result)
{
	struct p2v_err err = f->err;

	if (f->code < 0) {
		fetch_done(f, f->code, &err);
		return;
	}
	(void)p2v_fail(&err, result == CURLE_OPERATION_TIMEDOUT ? P2V_ETIMEDOUT : P2V_EIO,
		"the HTTP request failed: %s", curl_easy_strerror(result));
	fetch_done(f, err.code, &err);
}

static void fetch_ended(struct p2v_fetch *f, CURLcode result)
{
	if (result == CURLE_OK && !f->told)
		result = CURLE_WEIRD_SERVER_REPLY; /* interim responses, and no last one */
	if (result == CURLE_OK)
		fetch_done(f, P2V_OK, NULL);
	else
		fetch_failed(f, result);
}

/* Nothing came for idle_timeout. The timer is left alone when something comes; it looks here. */
static void fetch_idle(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_fetch *f = P2V_OF(t, struct p2v_fetch, idle);
	struct p2v_err err;

	if (f->dead)
		return;
	if (f->paused || f->held)
		f->heard = now;
	if (now - f->heard < f->idle_timeout) {
		p2v_loop_arm(f->client->loop, t, f->heard + f->idle_timeout);
		return;
	}
	(void)p2v_fail(&err, P2V_ETIMEDOUT, "the server sent nothing for %lld ms",
		(long long)(f->idle_timeout / P2V_MSEC));
	fetch_done(f, P2V_ETIMEDOUT, &err);
}

/* From inside libcurl: the transfer cannot go on. */
static size_t refuse(struct p2v_fetch *f, int code, const char *why)
{
	f->code = p2v_fail(&f->err, code, "%s", why);
	return 0;
}

/* ---- the response's head ---- */

static bool lines_grow(struct p2v_fetch *f)
{
	size_t cap = f->cap_lines ? 2 * f->cap_lines : 16;
	struct line *v;

	if (f->n_lines < f->cap_lines)
		return true;
	v = realloc(f->lines, cap * sizeof *v);
	if (!v)
		return false;
	f->lines = v;
	f->cap_lines = cap;
	return true;
}

static bool line_add(struct p2v_fetch *f, struct p2v_str s)
{
	size_t colon = p2v_str_find(s, ':');
	struct p2v_str name = { s.p, colon }, value;
	struct line *l;

	if (f->n_lines > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		/* Folded, as long ago: it belongs to the value before it. */
		value = p2v_str_trim(s);
		p2v_text_puts(&f->text, " ");
		p2v_text_str(&f->text, value);
		f->lines[f->n_lines - 1].value_n += value.n + 1;
		return !f->text.oom;
	}
	if (colon == s.n)
		return true;
	if (!lines_grow(f))
		return false;
	value = p2v_str_trim((struct p2v_str){ s.p + colon + 1, s.n - colon - 1 });
	l = &f->lines[f->n_lines++];
	*l = (struct line){ f->text.n, name.n, f->text.n + name.n, value.n };
	p2v_text_str(&f->text, name);
	p2v_text_str(&f->text, value);
	return !f->text.oom;
}

static struct p2v_header line_at(const struct p2v_fetch *f, size_t i)
{
	const struct line *l = &f->lines[i];

	return (struct p2v_header){ { f->text.p + l->name, l->name_n },
		{ f->text.p + l->value, l->value_n } };
}

static struct p2v_str line_get(const struct p2v_fetch *f, const char *name)
{
	for (size_t i = 0; i < f->n_lines; i++) {
		struct p2v_header h = line_at(f, i);

		if (p2v_str_is_nocase(h.name, name))
			return h.value;
	}
	return (struct p2v_str){ NULL, 0 };
}

/* Whether libcurl undoes the body's coding, so that the headers speak of bytes that nobody sees. */
static bool decoded(const struct p2v_fetch *f)
{
	struct p2v_str coding = line_get(f, "Content-Encoding");

	return f->decode && coding.n > 0 && !p2v_str_is_nocase(coding, "identity");
}

static uint64_t body_length(const struct p2v_fetch *f, long status)
{
	uint64_t n = P2V_LENGTH_UNKNOWN;

	if (status == 204 || status == 304)
		return 0;
	if (decoded(f) || line_get(f, "Transfer-Encoding").p)
		return n;
	if (p2v_parse_u64(line_get(f, "Content-Length"), 0, UINT64_MAX - 1, &n) < 0)
		return P2V_LENGTH_UNKNOWN;
	return n;
}

static bool tell_head(struct p2v_fetch *f, long status)
{
	struct p2v_header *v = calloc(f->n_lines + 1, sizeof *v);
	struct p2v_fetch_head h = { .status = (uint32_t)status, .headers = v };
	bool coded = decoded(f);
	char *url = NULL;

	if (!v)
		return false;
	for (size_t i = 0; i < f->n_lines; i++) {
		struct p2v_header one = line_at(f, i);

		if (coded && (p2v_str_is_nocase(one.name, "Content-Encoding") ||
				     p2v_str_is_nocase(one.name, "Content-Length")))
			continue;
		v[h.n_headers++] = one;
	}
	(void)curl_easy_getinfo(f->easy, CURLINFO_EFFECTIVE_URL, &url);
	h.url = p2v_str_of(url ? url : "");
	h.length = body_length(f, status);
	f->told = true;
	f->handler->head(f->ctx, &h);
	free(v);
	return true;
}

/* The empty line: is this the response that counts? */
static size_t head_ends(struct p2v_fetch *f, size_t n)
{
	long status = 0;

	(void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	f->in_head = false;
	if (status < 200)
		return n;
	if (f->redirects && status >= 300 && status < 400 && line_get(f, "Location").n > 0) {
		/* libcurl goes on to the next place, and its connecting has a limit of its own. */
		p2v_loop_disarm(f->client->loop, &f->idle);
		return n;
	}
	if (!tell_head(f, status))
		return refuse(f, P2V_ENOMEM, "no memory for the headers of a response");
	return f->dead ? 0 : n;
}

static size_t header_came(char *p, size_t size, size_t count, void *ctx)
{
	struct p2v_fetch *f = ctx;
	size_t n = size * count;
	struct p2v_str s = { p, n };

	if (f->dead || f->code < 0)
		return 0;
	f->heard = p2v_loop_now(f->client->loop);
	if (f->told)
		return n; /* a trailer */
	if (!f->in_head && p2v_str_starts(s, "HTTP/")) {
		f->in_head = true;
		f->n_lines = 0;
		f->text.n = 0;
		return n;
	}
	while (s.n > 0 && (s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n'))
		s.n--;
	if (s.n == 0)
		return f->in_head ? head_ends(f, n) : n;
	if (f->text.n + s.n > HEADERS_MAX)
		return refuse(f, P2V_EIO, "the headers of the response are too long");
	if (!line_add(f, s))
		return refuse(f, P2V_ENOMEM, "no memory for the headers of a response");
	return n;
}

static size_t body_came(char *p, size_t size, size_t count, void *ctx)
{
	struct p2v_fetch *f = ctx;
	size_t n = size * count;

	if (f->dead || f->code < 0)
		return 0;
	if (f->paused) {
		f->held = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	f->heard = p2v_loop_now(f->client->loop);
	if (n > 0)
		f->handler->body(f->ctx, (struct p2v_bytes){ (const uint8_t *)p, n });
	return f->dead ? 0 : n;
}

/* The connection is up and the request is about to leave: from now on silence counts. */
static int request_leaves(
	void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
	struct p2v_fetch *f = ctx;
	struct p2v_loop *l = f->client->loop;

	(void)remote_ip;
	(void)local_ip;
	(void)remote_port;
	(void)local_port;
	f->heard = p2v_loop_now(l);
	p2v_loop_arm(l, &f->idle, f->heard + f->idle_timeout);
	return CURL_PREREQFUNC_OK;
}

/* ---- libcurl's sockets and timer ---- */

static void sock_ready(void *ctx, int events)
{
	struct sock *s = ctx;
	struct p2v_httpc *c = s->client;
	int running;

	(void)curl_multi_socket_action(c->multi, s->fd,
		(events & P2V_READ ? CURL_CSELECT_IN : 0) |
			(events & P2V_WRITE ? CURL_CSELECT_OUT : 0),
		&running);
	check_done(c);
}

static void sock_free(struct sock *s)
{
	p2v_list_remove(&s->in_client);
	p2v_watch_free(s->watch);
	free(s);
}

static struct sock *sock_new(struct p2v_httpc *c, curl_socket_t fd)
{
	struct sock *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->client = c;
	s->fd = fd;
	s->watch = p2v_watch_new(c->loop, fd, 0, sock_ready, s);
	if (!s->watch) {
		free(s);
		return NULL;
	}
	p2v_list_push(&c->sockets, &s->in_client);
	return s;
}

static void unwatched(CURL *easy)
{
	char *private = NULL;
	struct p2v_fetch *f;

	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private) != CURLE_OK || !private)
		return;
	f = (struct p2v_fetch *)(void *)private;
	f->code = p2v_fail(&f->err, P2V_ENOMEM, "no memory for a connection");
	ask_for_work(f);
}

static int sock_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
	struct p2v_httpc *c = ctx;
	struct sock *s = assigned;

	if (what == CURL_POLL_REMOVE) {
		if (s)
			sock_free(s);
		return 0;
	}
	if (!s) {
		s = sock_new(c, fd);
		if (!s) {
			/* An error of this callback is more than libcurl bears: end the fetch. */
			unwatched(easy);
			return 0;
		}
		(void)curl_multi_assign(c->multi, fd, s);
	}
	p2v_watch_set(s->watch,
		(what & CURL_POLL_IN ? P2V_READ : 0) | (what & CURL_POLL_OUT ? P2V_WRITE : 0));
	return 0;
}

static void timer_fired(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_httpc *c = P2V_OF(t, struct p2v_httpc, timer);
	int running;

	(void)now;
	(void)curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_done(c);
}

/* libcurl measures by its own look at the clock, which is ahead of the loop's. */
static int timer_wanted(CURLM *multi, long ms, void *ctx)
{
	struct p2v_httpc *c = ctx;
	struct timespec ts;

	(void)multi;
	if (ms < 0) {
		p2v_loop_disarm(c->loop, &c->timer);
		return 0;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	p2v_loop_arm(c->loop, &c->timer,
		ms == 0 ? p2v_loop_now(c->loop)
			: (p2v_usec)ts.tv_sec * P2V_SECOND + ts.tv_nsec / 1000 + (ms + 1) * 1000);
	return 0;
}

/* ---- the work that callbacks left ---- */

static void check_done(struct p2v_httpc *c)
{
	const CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left))) {
		CURLcode result = m->data.result;
		char *private = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		fetch_ended((struct p2v_fetch *)(void *)private, result);
	}
}

static void work_on(struct p2v_fetch *f)
{
	struct p2v_httpc *c = f->client;
	CURLcode r;

	if (f->dead) {
		fetch_free(f);
		return;
	}
	if (f->code < 0) {
		fetch_failed(f, CURLE_OUT_OF_MEMORY);
		return;
	}
	if (!f->added) {
		f->added = curl_multi_add_handle(c->multi, f->easy) == CURLM_OK;
		if (!f->added)
			fetch_failed(f, CURLE_OUT_OF_MEMORY);
		return;
	}
	if (!f->held || f->paused)
		return;
	f->held = false;
	f->heard = p2v_loop_now(c->loop);
	r = curl_easy_pause(f->easy, CURLPAUSE_CONT); /* runs body_came with what was held */
	if (r != CURLE_OK)
		fetch_failed(f, r);
}

static void work(struct p2v_task *t)
{
	struct p2v_httpc *c = P2V_OF(t, struct p2v_httpc, work);
	struct p2v_list batch;
	int running;

	/* Fetches that callbacks begin from here on wait for the next turn. */
	p2v_list_before(&c->pending, &batch);
	while (c->pending.next != &batch) {
		struct p2v_list *it = c->pending.next;

		p2v_list_remove(it);
		work_on(P2V_OF(it, struct p2v_fetch, in_pending));
	}
	p2v_list_remove(&batch);
	/* Begin at once what was added, rather than when libcurl's timer fires. */
	(void)curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_done(c);
}

static void ask_for_work(struct p2v_fetch *f)
{
	if (p2v_list_empty(&f->in_pending))
		p2v_list_push(&f->client->pending, &f->in_pending);
	p2v_defer(f->client->loop, &f->client->work);
}

/* ---- the interface ---- */

static struct p2v_httpc *httpc_of(struct p2v_loop *l)
{
	struct p2v_rooms *rooms = p2v_loop_rooms(l);
	struct p2v_httpc *c = rooms->httpc;

	if (c)
		return c;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	c = calloc(1, sizeof *c);
	if (c)
		c->multi = curl_multi_init();
	if (!c || !c->multi) {
		free(c);
		curl_global_cleanup();
		return NULL;
	}
	c->loop = l;
	c->timer.fire = timer_fired;
	p2v_task_init(&c->work, work);
	p2v_list_init(&c->fetches);
	p2v_list_init(&c->pending);
	p2v_list_init(&c->sockets);
	(void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, sock_wanted);
	(void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	(void)curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	(void)curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	(void)curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
	rooms->httpc = c;
	return c;
}

static bool has_control(struct p2v_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\t')
			return true;
	return false;
}

static int header_add(struct p2v_fetch *f, struct p2v_str name, struct p2v_str value)
{
	struct p2v_text t = { .p = NULL };
	struct curl_slist *more = NULL;

	p2v_text_str(&t, name);
	if (value.n > 0) {
		p2v_text_puts(&t, ": ");
		p2v_text_str(&t, value);
	} else {
		p2v_text_puts(&t, ";"); /* libcurl's way to send an empty one */
	}
	if (!t.oom)
		more = curl_slist_append(f->headers, t.p);
	p2v_text_fini(&t);
	if (!more)
		return P2V_ENOMEM;
	f->headers = more;
	return P2V_OK;
}

/* The range goes out as a plain header: what the server makes of it is for the core to judge. */
static int range_add(struct p2v_fetch *f, const struct p2v_fetch_request *rq)
{
	char range[64];

	if (rq->last == P2V_LENGTH_UNKNOWN)
		(void)snprintf(range, sizeof range, "bytes=%llu-", (unsigned long long)rq->first);
	else
		(void)snprintf(range, sizeof range, "bytes=%llu-%llu",
			(unsigned long long)rq->first, (unsigned long long)rq->last);
	return header_add(f, p2v_str_of("Range"), p2v_str_of(range));
}

static int headers_add(struct p2v_fetch *f, const struct p2v_fetch_request *rq, struct p2v_err *err)
{
	int r = rq->ranged ? range_add(f, rq) : P2V_OK;

	for (size_t i = 0; i < rq->n_headers && r == P2V_OK; i++) {
		const struct p2v_header *h = &rq->headers[i];

		if (h->name.n == 0 || has_control(h->name) || has_control(h->value))
			return p2v_fail(err, P2V_EPARSE,
				"a header of the request has a control character in it");
		r = header_add(f, h->name, h->value);
	}
	if (r == P2V_OK && !p2v_header_get(rq->headers, rq->n_headers, "User-Agent").p)
		r = header_add(f, p2v_str_of("User-Agent"), p2v_str_of("peer2view/" P2V_VERSION));
	return r < 0 ? p2v_fail(err, r, "no memory for an HTTP request") : r;
}

/* They bind redirects too. */
#if LIBCURL_VERSION_NUM >= 0x075500
#define PROTOCOLS CURLOPT_PROTOCOLS_STR
#define HTTP_ONLY "http,https"
#else
#define PROTOCOLS CURLOPT_PROTOCOLS
#define HTTP_ONLY (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)
#endif

/* What the transfer may do. Each setting counts: one that fails leaves a request that is not the
 * one that was asked for. */
static bool set_request(struct p2v_fetch *f, const struct p2v_fetch_request *rq, const char *ca)
{
	CURL *e = f->easy;
	p2v_usec connect = rq->connect_timeout > 0 ? rq->connect_timeout : CONNECT_TIMEOUT;
	bool bad = curl_easy_setopt(e, CURLOPT_URL, rq->url) != CURLE_OK;

	bad |= curl_easy_setopt(e, PROTOCOLS, HTTP_ONLY) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
		       (long)((connect + P2V_MSEC - 1) / P2V_MSEC)) != CURLE_OK;
	if (rq->head)
		bad |= curl_easy_setopt(e, CURLOPT_NOBODY, 1L) != CURLE_OK;
	if (rq->redirects) {
		bad |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L) != CURLE_OK;
		bad |= curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX) != CURLE_OK;
	}
	if (rq->decode)
		bad |= curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "") != CURLE_OK;
	if (ca) {
		bad |= curl_easy_setopt(e, CURLOPT_CAINFO, ca) != CURLE_OK;
		bad |= curl_easy_setopt(e, CURLOPT_CAPATH, NULL) != CURLE_OK;
	}
	return !bad;
}

static bool set_callbacks(struct p2v_fetch *f)
{
	CURL *e = f->easy;
	bool bad = curl_easy_setopt(e, CURLOPT_PRIVATE, f) != CURLE_OK;

	bad |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, header_came) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_HEADERDATA, f) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, body_came) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, f) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, request_leaves) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_PREREQDATA, f) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)BUFFER) != CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) != CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Without it the end of a transfer waits for the thread that looks its host up, and the
	 * whole loop with it. */
	bad |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK;
#endif
	return !bad;
}

static struct p2v_fetch *fetch_new(struct p2v_httpc *c, const struct p2v_fetch_request *rq)
{
	struct p2v_fetch *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->easy = curl_easy_init();
	if (!f->easy) {
		free(f);
		return NULL;
	}
	f->client = c;
	f->idle.fire = fetch_idle;
	f->idle_timeout = rq->idle_timeout > 0 ? rq->idle_timeout : IDLE_TIMEOUT;
	f->redirects = rq->redirects;
	f->decode = rq->decode;
	p2v_list_push(&c->fetches, &f->in_client);
	p2v_list_init(&f->in_pending);
	return f;
}

int p2v_real_fetch(void *self, const struct p2v_fetch_request *rq,
	const struct p2v_fetch_handler *h, void *ctx, struct p2v_fetch **out, struct p2v_err *err)
{
	struct p2v_loop *l = self;
	struct p2v_httpc *c;
	struct p2v_fetch *f;
	struct p2v_url url;
	int r;

	if (p2v_url_split(p2v_str_of(rq->url), &url) < 0 || !p2v_url_is_http(&url))
		return p2v_fail(err, P2V_EPARSE, "the URL is not an absolute one of http or https");
	c = httpc_of(l);
	f = c ? fetch_new(c, rq) : NULL;
	if (!f)
		return p2v_fail(err, P2V_ENOMEM, "no memory for an HTTP request");
	f->handler = h;
	f->ctx = ctx;
	r = headers_add(f, rq, err);
	if (r == P2V_OK && !(set_request(f, rq, p2v_loop_rooms(l)->ca) && set_callbacks(f)))
		r = p2v_fail(err, P2V_ENOMEM, "no memory for an HTTP request");
	if (r < 0) {
		fetch_free(f);
		return r;
	}
	ask_for_work(f);
	*out = f;
	return P2V_OK;
}

void p2v_real_fetch_pause(void *self, struct p2v_fetch *f, bool pause)
{
	(void)self;
	assert(!f->dead);
	f->paused = pause;
	if (!pause && f->held)
		ask_for_work(f);
}

void p2v_real_fetch_cancel(void *self, struct p2v_fetch *f)
{
	(void)self;
	assert(!f->dead);
	f->dead = true;
	ask_for_work(f);
}

void p2v_httpc_fini(struct p2v_httpc *c)
{
	if (!c)
		return;
	P2V_LIST_EACH (it, &c->fetches)
		fetch_free(P2V_OF(it, struct p2v_fetch, in_client));
	(void)curl_multi_cleanup(c->multi);
	P2V_LIST_EACH (left, &c->sockets)
		sock_free(P2V_OF(left, struct sock, in_client));
	p2v_task_cancel(&c->work);
	p2v_loop_disarm(c->loop, &c->timer);
	free(c);
	curl_global_cleanup();
}
