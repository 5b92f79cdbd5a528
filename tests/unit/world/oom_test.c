/* oom_test.c - every allocation of a short life on the real world fails once, in turn: nothing may
 * crash, leak or hang. A plain program, so that leaks can be looked for. The linker puts our
 * functions in the place of libc's for the world's own objects; libcurl is given them. */
#include <config.h>

#include <curl/curl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "framework/world/loop.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t each);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t each);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
CURL *__real_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void);
CURLM *__real_curl_multi_init(void);
CURLM *__wrap_curl_multi_init(void);
struct curl_slist *__real_curl_slist_append(struct curl_slist *l, const char *s);
struct curl_slist *__wrap_curl_slist_append(struct curl_slist *l, const char *s);
struct MHD_Response *__real_MHD_create_response_from_callback(uint64_t n, size_t block,
	MHD_ContentReaderCallback fn, void *ctx, MHD_ContentReaderFreeCallback done);
struct MHD_Response *__wrap_MHD_create_response_from_callback(uint64_t n, size_t block,
	MHD_ContentReaderCallback fn, void *ctx, MHD_ContentReaderFreeCallback done);
struct MHD_Response *__real_MHD_create_response_from_iovec(
	const struct MHD_IoVec *v, unsigned n, MHD_ContentReaderFreeCallback done, void *ctx);
struct MHD_Response *__wrap_MHD_create_response_from_iovec(
	const struct MHD_IoVec *v, unsigned n, MHD_ContentReaderFreeCallback done, void *ctx);

static unsigned long count, fail_at; /* allocations so far; the one that fails, 0: none */

static bool refuse(void)
{
	return ++count == fail_at;
}

void *__wrap_malloc(size_t n)
{
	return refuse() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t each)
{
	return refuse() ? NULL : __real_calloc(n, each);
}

void *__wrap_realloc(void *p, size_t n)
{
	return refuse() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return refuse() ? NULL : __real_strdup(s);
}

CURL *__wrap_curl_easy_init(void)
{
	return refuse() ? NULL : __real_curl_easy_init();
}

CURLM *__wrap_curl_multi_init(void)
{
	return refuse() ? NULL : __real_curl_multi_init();
}

struct curl_slist *__wrap_curl_slist_append(struct curl_slist *l, const char *s)
{
	return refuse() ? NULL : __real_curl_slist_append(l, s);
}

struct MHD_Response *__wrap_MHD_create_response_from_callback(uint64_t n, size_t block,
	MHD_ContentReaderCallback fn, void *ctx, MHD_ContentReaderFreeCallback over)
{
	return refuse() ? NULL : __real_MHD_create_response_from_callback(n, block, fn, ctx, over);
}

struct MHD_Response *__wrap_MHD_create_response_from_iovec(
	const struct MHD_IoVec *v, unsigned n, MHD_ContentReaderFreeCallback over, void *ctx)
{
	return refuse() ? NULL : __real_MHD_create_response_from_iovec(v, n, over, ctx);
}

/* ---- a short life ---- */

struct life {
	struct p2v_loop *loop;
	struct p2v_world w;
	struct p2v_http_server *server;
	struct p2v_udp *u;
	struct p2v_exchange *x;
	unsigned dones, asked, gone, looked_up, arrived;
	unsigned begun, looking; /* fetches and lookups that were accepted */
	size_t bytes;
};

static void request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	static const struct p2v_header v[] = { { { "X-A", 3 }, { "b", 1 } } };
	struct life *k = ctx;
	const struct p2v_reply r = { .status = 200,
		.length = rq->target.n > 1 ? P2V_LENGTH_UNKNOWN : 3000,
		.headers = v,
		.n_headers = 1 };

	k->asked++;
	k->w.ops->http_reply(k->w.self, x, &r);
	for (int i = 0; i < 3; i++) {
		struct p2v_slice s = p2v_slice_copy("0123456789", 10);

		for (int j = 0; j < 100; j++)
			k->w.ops->http_write(k->w.self, x, p2v_slice_ref(s));
		p2v_slice_drop(&s);
	}
	if (rq->target.n > 1)
		k->x = x; /* ended later */
	else
		k->w.ops->http_end(k->w.self, x);
}

static void drained(void *ctx, struct p2v_exchange *x)
{
	(void)ctx;
	(void)x;
}

static void gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	struct life *k = ctx;

	(void)whole;
	k->gone++;
	if (k->x == x)
		k->x = NULL;
}

static void head(void *ctx, const struct p2v_fetch_head *h)
{
	(void)ctx;
	(void)h;
}

static void body(void *ctx, struct p2v_bytes b)
{
	((struct life *)ctx)->bytes += b.n;
}

static void done(void *ctx, int code, const struct p2v_err *err)
{
	(void)code;
	(void)err;
	((struct life *)ctx)->dones++;
}

static void found(void *ctx, const struct p2v_addr *v, size_t n, const struct p2v_err *err)
{
	(void)v;
	(void)n;
	(void)err;
	((struct life *)ctx)->looked_up++;
}

static void received(void *ctx, const struct p2v_dgram *v, size_t n)
{
	(void)v;
	((struct life *)ctx)->arrived += (unsigned)n;
}

static void writable(void *ctx)
{
	(void)ctx;
}

static const struct p2v_http_handler http_handler = { request, drained, gone };
static const struct p2v_fetch_handler fetch_handler = { head, body, done };
static const struct p2v_udp_handler udp_handler = { .received = received, .writable = writable };

static void fetch(struct life *k, uint16_t port, const char *path, bool decode)
{
	const struct p2v_header v[] = { { { "X-A", 3 }, { "b", 1 } }, { { "X-B", 3 }, { "", 0 } } };
	struct p2v_fetch *f = NULL;
	struct p2v_err err;
	char url[64];
	struct p2v_fetch_request rq = { .url = url,
		.headers = v,
		.n_headers = 2,
		.ranged = true,
		.last = 9,
		.decode = decode,
		.redirects = decode,
		.idle_timeout = 2 * P2V_SECOND };

	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
	k->begun += k->w.ops->fetch(k->w.self, &rq, &fetch_handler, k, &f, &err) == P2V_OK;
}

static void look_up(struct life *k, const char *host)
{
	struct p2v_lookup *l = NULL;
	struct p2v_err err;

	k->looking += k->w.ops->resolve(k->w.self, host, 1, found, k, &l, &err) == P2V_OK;
}

/* One request without libcurl, so that the server is met even when that fails. */
static int plain_client(uint16_t port)
{
	static const char rq[] = "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n";
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&in, sizeof in) == 0)
		(void)!send(fd, rq, sizeof rq - 1, MSG_NOSIGNAL);
	return fd;
}

static void live(struct life *k)
{
	struct p2v_addr at = p2v_addr_v4(0x7f000001, 0), bound = at;
	struct p2v_dgram d = { .p = (const uint8_t *)"hello", .n = 5 };
	struct p2v_err err = { P2V_OK, "" };
	int plain = -1;

	if (k->w.ops->udp_open(k->w.self, &at, &udp_handler, k, &k->u, &d.addr, &err) == P2V_OK)
		(void)k->w.ops->udp_send(k->w.self, k->u, &d, 1);
	if (k->w.ops->http_listen(k->w.self, &at, &http_handler, k, &k->server, &bound, &err) ==
		P2V_OK) {
		plain = plain_client(bound.port);
		fetch(k, bound.port, "/", false);
		fetch(k, bound.port, "/streams", true);
	}
	look_up(k, "127.0.0.1");
	look_up(k, "localhost");
	for (int turn = 0; turn < 3000; turn++) {
		if (k->dones == k->begun && k->looked_up == k->looking && turn > 5)
			break;
		p2v_loop_turn(k->loop, P2V_MSEC);
		if (k->x && turn % 4 == 3) {
			k->w.ops->http_end(k->w.self, k->x);
			k->x = NULL;
		}
	}
	if (plain >= 0)
		(void)close(plain);
}

/* @return whether it went as it should: all that was accepted came to an end */
static bool one_life(void)
{
	struct life k = { .loop = NULL };
	struct p2v_err err = { P2V_OK, "" };
	bool well;

	if (p2v_loop_new(&k.loop, &err) < 0)
		return err.code < 0;
	k.w = p2v_loop_world(k.loop);
	live(&k);
	well = k.dones == k.begun && k.looked_up == k.looking;
	p2v_loop_free(k.loop);
	return well;
}

int main(void)
{
	unsigned long lives = 0, hung = 0;

	(void)unsetenv("http_proxy");
	(void)unsetenv("all_proxy");
	(void)unsetenv("ALL_PROXY");
	do {
		count = 0;
		fail_at = ++lives;
		if (!one_life()) {
			printf("# it hung when allocation %lu failed\n", fail_at);
			hung++;
		}
	} while (count >= fail_at && lives < 5000);
	printf("%s 1 - a life goes on, or ends with an error, whichever of %lu allocations fails\n",
		hung ? "not ok" : "ok", lives - 1);
	printf("%s 2 - the last of them had nothing to fail\n", lives < 5000 ? "ok" : "not ok");
	printf("1..2\n");
	return hung || lives >= 5000 ? 1 : 0;
}
