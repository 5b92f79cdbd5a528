/* sessions.c - what a session of the transport costs: processor time of a handshake, heap of a
 * session that is idle. Both ends are in this process, over loopback, with the real world, DTLS and
 * certificates; to be compared with raw.c's figures of OpenSSL alone. */
#include <config.h>

#include <ltdl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "framework/base/options.h"
#include "framework/dtl/dtl.h"
#include "framework/dtl/session.h"
#include "framework/host/loader.h"
#include "framework/overlay/identity.h"
#include "framework/world/loop.h"

enum { SERVERS = 10 };

struct bench {
	struct p2v_loop *loop;
	struct p2v_world w;
	struct p2v_node node;
	struct p2v_loader *loader;
	void *cc_conf;
	struct p2v_policy cc;
	struct p2v_identity *identity;
	struct p2v_dtls *dtls;
	struct p2v_dtl_conf conf;
	struct p2v_dtl *server[SERVERS];
	struct p2v_dtl **client;
	size_t clients;
	struct p2v_session *dialled;
	size_t up;     /* ends that opened */
	size_t closed; /* ends that closed */
	bool stay;     /* sessions are not closed again */
};

static _Noreturn void give_up(const char *why)
{
	(void)fprintf(stderr, "sessions: %s\n", why);
	exit(1);
}

static void must(int code, const struct p2v_err *err)
{
	if (code < 0)
		give_up(err->text);
}

/* ---- a node ---- */

static int trust(void *ctx, const struct p2v_bytes *chain, size_t n, bool dialled,
	struct p2v_remote *out, struct p2v_err *err)
{
	struct p2v_node *node = ctx;

	(void)n;
	(void)dialled;
	(void)err;
	node->crypto.ops->digest(node->crypto.self, chain, 1, out->id.b);
	out->role = P2V_IS_GUEST;
	return P2V_OK;
}

static void show(void *ctx, struct p2v_bytes key, const struct p2v_chain *chain)
{
	struct bench *b = ctx;
	struct p2v_err err;

	must(p2v_dtls_credentials(b->dtls, key, chain->v, chain->n, &err), &err);
}

static void set_up(struct bench *b)
{
	struct p2v_trust t = { &b->node, trust };
	const struct p2v_plugin *p;
	struct p2v_err err;

	must(p2v_loop_new(&b->loop, &err), &err);
	b->w = p2v_loop_world(b->loop);
	p2v_node_init(&b->node, &b->w, 0);
	must(p2v_loader_new(NULL, &b->loader, &err), &err);
	must(p2v_loader_get(b->loader, P2V_KIND_CC, "cubic", &p, &err), &err);
	b->cc_conf = calloc(1, (size_t)p->conf_size + 1);
	if (!b->cc_conf)
		give_up("no memory");
	must(p2v_options_default(p->options, p->option_size, b->cc_conf, &err), &err);
	p2v_policy_init(&b->cc, &b->node, p, b->cc_conf);
	must(p2v_identity_new(&b->node, &b->identity, &err), &err);
	b->node.crypto = p2v_identity_crypto(b->identity);
	must(p2v_dtls_new(&b->node, &t, &b->dtls, &err), &err);
	must(p2v_identity_on_change(b->identity, show, b, &err), &err);
	must(p2v_options_default(p2v_dtl_options, sizeof *p2v_dtl_options, &b->conf, &err), &err);
}

/* ---- upcalls ---- */

static void on_opened(void *ctx, struct p2v_session *s)
{
	struct bench *b = ctx;

	b->up++;
	if (!b->stay && s == b->dialled)
		p2v_session_close(s, P2V_DTL_DONE, "");
}

static void on_closed(void *ctx, struct p2v_session *s, const struct p2v_err *why)
{
	struct bench *b = ctx;

	(void)s;
	if (b->stay)
		give_up(why->text);
	b->closed++;
}

static void on_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	(void)ctx;
	(void)s;
	p2v_stream_release(t);
}

static void on_stream(void *ctx, struct p2v_stream *t)
{
	(void)ctx;
	(void)t;
}

static void on_ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	(void)ctx;
	(void)t;
	(void)code;
	(void)reason;
}

static const struct p2v_dtl_handler handler = { .opened = on_opened,
	.closed = on_closed,
	.accepted = on_accepted,
	.readable = on_stream,
	.writable = on_stream,
	.ended = on_ended };

static struct p2v_dtl *open_one(struct bench *b)
{
	struct p2v_records records = p2v_dtls_records(b->dtls);
	struct p2v_addr at = p2v_addr_v4(0x7f000001, 0);
	struct p2v_dtl *d;
	struct p2v_err err;

	must(p2v_dtl_new(&b->node, &b->conf, &records, &b->cc, &at, &handler, b, &d, &err), &err);
	return d;
}

/* ---- measures ---- */

static int64_t cpu_us(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

static void dial(struct bench *b, size_t client, size_t server)
{
	struct p2v_addr to = p2v_dtl_bound(b->server[server]);
	struct p2v_err err;

	must(p2v_dtl_dial(b->client[client], &to, &b->dialled, &err), &err);
}

static void handshakes(struct bench *b, int n)
{
	int64_t cpu = 0, spent;

	for (int i = 0; i <= n; i++) {
		if (i == 1)
			cpu = cpu_us(); /* the first makes what is made once */
		b->up = b->closed = 0;
		dial(b, 0, 0);
		while (b->up < 2 || b->closed < 2)
			p2v_loop_turn(b->loop, P2V_SECOND);
	}
	spent = cpu_us() - cpu;
	(void)printf("{\"handshakes\":%d,\"cpu_us\":%lld,\"per_cpu_s\":%.1f}\n", n,
		(long long)spent, n * 1e6 / (double)spent);
}

static void heap(struct bench *b)
{
	size_t before = 0, sessions = SERVERS * b->clients;
	p2v_usec until;

	b->stay = true;
	for (size_t i = 0; i < sessions; i++) {
		if (i == 1)
			before = mallinfo2().uordblks;
		dial(b, i / SERVERS, i % SERVERS);
		while (b->up < 2 * (i + 1))
			p2v_loop_turn(b->loop, P2V_SECOND);
	}
	/* Let all be acknowledged: a session that was just opened is not idle. */
	until = p2v_now(&b->w) + 2 * P2V_SECOND;
	while (p2v_now(&b->w) < until)
		p2v_loop_turn(b->loop, 100 * P2V_MSEC);
	(void)printf("{\"sessions\":%zu,\"heap_per_session\":%.0f}\n", 2 * (sessions - 1),
		(double)(mallinfo2().uordblks - before) / (double)(2 * (sessions - 1)));
}

static void tear_down(struct bench *b)
{
	for (size_t i = 0; i < b->clients; i++)
		p2v_dtl_free(b->client[i]);
	for (size_t i = 0; i < SERVERS; i++)
		p2v_dtl_free(b->server[i]);
	free(b->client);
	p2v_dtls_free(b->dtls);
	p2v_identity_free(b->identity);
	free(b->cc_conf);
	p2v_loader_free(b->loader);
	p2v_loop_free(b->loop);
}

int main(int argc, char **argv)
{
	struct bench b;
	int n = argc == 3 ? atoi(argv[2]) : 0;
	bool shakes = n > 0 && strcmp(argv[1], "handshakes") == 0;

	LTDL_SET_PRELOADED_SYMBOLS();
	if (!shakes && (n < SERVERS || strcmp(argv[1], "heap") != 0)) {
		(void)fprintf(stderr,
			"usage: sessions handshakes N\n       sessions heap N, from "
			"%d on\n",
			SERVERS);
		return 2;
	}
	memset(&b, 0, sizeof b);
	set_up(&b);
	b.clients = shakes ? 1 : (size_t)n / SERVERS;
	b.client = calloc(b.clients, sizeof(struct p2v_dtl *));
	if (!b.client)
		give_up("no memory");
	for (size_t i = 0; i < SERVERS; i++)
		b.server[i] = open_one(&b);
	for (size_t i = 0; i < b.clients; i++)
		b.client[i] = open_one(&b);
	if (shakes)
		handshakes(&b, n);
	else
		heap(&b);
	tear_down(&b);
	return 0;
}
