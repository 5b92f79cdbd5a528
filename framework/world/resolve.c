/* resolve.c - names to addresses. getaddrinfo blocks, so each lookup has a thread of its own, a few
 * at once; the loop is woken with the result. Threads touch their own job and the pool, nothing
 * else. */
#include <config.h>

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "framework/base/text.h"
#include "framework/world/inside.h"

enum {
	THREADS_MAX = 4,
	WAITING_MAX = 256, /* lookups that wait for a thread */
	ANSWERS_MAX = 16
};

/* What threads share with the loop. It outlives the resolver while threads run. */
struct pool {
	pthread_mutex_t lock;
	struct p2v_wake *wake; /* NULL: the resolver is gone, jobs are of no use to anyone */
	struct p2v_list finished;
	unsigned refs; /* the resolver's and the threads' */
};

struct p2v_resolver {
	struct p2v_loop *loop;
	struct pool *pool;
	struct p2v_list waiting, ready;
	unsigned running, n_waiting;
	struct p2v_task tell;
};

struct p2v_lookup {
	struct p2v_list link; /* in waiting, ready, or the pool's finished */
	struct p2v_resolver *resolver;
	struct pool *pool;
	p2v_lookup_done done;
	void *ctx;
	bool running, waiting, cancelled; /* the loop's; threads do not look */
	uint16_t port;
	size_t n;
	struct p2v_addr v[ANSWERS_MAX];
	struct p2v_err err;
	char host[];
};

/* ---- threads ---- */

static void look_up(struct p2v_lookup *k)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM }, *all = NULL;
	int r = getaddrinfo(k->host, NULL, &hints, &all);

	if (r != 0) {
		(void)p2v_fail(&k->err, r == EAI_NONAME ? P2V_ENOENT : P2V_EIO,
			"the name lookup failed: %s", gai_strerror(r));
		return;
	}
	for (struct addrinfo *ai = all; ai && k->n < ANSWERS_MAX; ai = ai->ai_next) {
		struct sockaddr_storage ss;

		if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
			continue;
		memset(&ss, 0, sizeof ss);
		memcpy(&ss, ai->ai_addr, ai->ai_addrlen);
		p2v_addr_from_kernel(&ss, &k->v[k->n]);
		k->v[k->n++].port = k->port;
	}
	freeaddrinfo(all);
	if (k->n == 0)
		(void)p2v_fail(&k->err, P2V_ENOENT, "the name has no address");
}

/* Drop a reference under the lock, which is given up. */
static void pool_unref(struct pool *p)
{
	bool last = --p->refs == 0;

	(void)pthread_mutex_unlock(&p->lock);
	if (last) {
		(void)pthread_mutex_destroy(&p->lock);
		free(p);
	}
}

static void *thread_main(void *arg)
{
	struct p2v_lookup *k = arg;
	struct pool *p = k->pool;

	look_up(k);
	(void)pthread_mutex_lock(&p->lock);
	if (p->wake) {
		p2v_list_push(&p->finished, &k->link);
		p2v_wake_ring(p->wake);
	} else {
		free(k);
	}
	pool_unref(p);
	return NULL;
}

/* Signals are for the thread that runs the loop. */
static bool thread_start(struct p2v_lookup *k)
{
	pthread_attr_t attr;
	pthread_t id;
	sigset_t all, old;
	bool started = false;

	if (pthread_attr_init(&attr) != 0)
		return false;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	(void)pthread_mutex_lock(&k->pool->lock);
	k->pool->refs++;
	(void)pthread_mutex_unlock(&k->pool->lock);
	if (pthread_create(&id, &attr, thread_main, k) == 0) {
		started = true;
	} else {
		(void)pthread_mutex_lock(&k->pool->lock);
		pool_unref(k->pool);
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	return started;
}

/* ---- the loop's side ---- */

static void start_waiting(struct p2v_resolver *r)
{
	while (r->running < THREADS_MAX && !p2v_list_empty(&r->waiting)) {
		struct p2v_lookup *k = P2V_OF(p2v_list_first(&r->waiting), struct p2v_lookup, link);

		p2v_list_remove(&k->link);
		k->waiting = false;
		r->n_waiting--;
		k->running = true;
		r->running++;
		if (thread_start(k))
			continue;
		k->running = false;
		r->running--;
		(void)p2v_fail(&k->err, P2V_ELIMIT, "no thread for a name lookup");
		p2v_list_push(&r->ready, &k->link);
		p2v_defer(r->loop, &r->tell);
	}
}

static void tell_ready(struct p2v_task *t)
{
	struct p2v_resolver *r = P2V_OF(t, struct p2v_resolver, tell);

	while (!p2v_list_empty(&r->ready)) {
		struct p2v_lookup *k = P2V_OF(p2v_list_first(&r->ready), struct p2v_lookup, link);

		p2v_list_remove(&k->link);
		k->done(k->ctx, k->v, k->n, &k->err);
		free(k);
	}
}

/* A thread rang: gather what is finished. */
static void gather(void *ctx)
{
	struct p2v_resolver *r = ctx;

	(void)pthread_mutex_lock(&r->pool->lock);
	while (!p2v_list_empty(&r->pool->finished)) {
		struct p2v_lookup *k = P2V_OF(
			p2v_list_first(&r->pool->finished), struct p2v_lookup, link);

		p2v_list_remove(&k->link);
		k->running = false;
		r->running--;
		if (k->cancelled)
			free(k);
		else
			p2v_list_push(&r->ready, &k->link);
	}
	(void)pthread_mutex_unlock(&r->pool->lock);
	start_waiting(r);
	tell_ready(&r->tell);
}

static struct pool *pool_new(struct p2v_resolver *r)
{
	struct pool *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->refs = 1;
	p2v_list_init(&p->finished);
	p->wake = p2v_wake_new(r->loop, gather, r);
	if (!p->wake || pthread_mutex_init(&p->lock, NULL) != 0) {
		p2v_wake_free(p->wake);
		free(p);
		return NULL;
	}
	return p;
}

static struct p2v_resolver *resolver_of(struct p2v_loop *l)
{
	struct p2v_rooms *rooms = p2v_loop_rooms(l);
	struct p2v_resolver *r = rooms->resolver;

	if (r)
		return r;
	r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->loop = l;
	p2v_list_init(&r->waiting);
	p2v_list_init(&r->ready);
	p2v_task_init(&r->tell, tell_ready);
	r->pool = pool_new(r);
	if (!r->pool) {
		free(r);
		return NULL;
	}
	rooms->resolver = r;
	return r;
}

int p2v_real_resolve(void *self, const char *host, uint16_t port, p2v_lookup_done done, void *ctx,
	struct p2v_lookup **out, struct p2v_err *err)
{
	struct p2v_resolver *r = resolver_of(self);
	size_t n = strlen(host) + 1;
	struct p2v_lookup *k = r ? calloc(1, sizeof *k + n) : NULL;

	if (!k)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a name lookup");
	if (r->n_waiting >= WAITING_MAX) {
		free(k);
		return p2v_fail(err, P2V_ELIMIT, "too many name lookups are waiting");
	}
	k->resolver = r;
	k->pool = r->pool;
	k->done = done;
	k->ctx = ctx;
	k->port = port;
	memcpy(k->host, host, n);
	if (p2v_addr_parse_ip(p2v_str_of(host), &k->v[0]) == P2V_OK) {
		k->v[0].port = port;
		k->n = 1;
		p2v_list_push(&r->ready, &k->link);
		p2v_defer(r->loop, &r->tell);
	} else {
		k->waiting = true;
		r->n_waiting++;
		p2v_list_push(&r->waiting, &k->link);
		start_waiting(r);
	}
	*out = k;
	return P2V_OK;
}

void p2v_real_resolve_cancel(void *self, struct p2v_lookup *k)
{
	(void)self;
	if (k->running) {
		k->cancelled = true; /* its thread cannot be stopped; nobody will hear it */
		return;
	}
	if (k->waiting)
		k->resolver->n_waiting--;
	p2v_list_remove(&k->link);
	free(k);
}

static void free_all(struct p2v_list *lookups)
{
	P2V_LIST_EACH (it, lookups)
		free(P2V_OF(it, struct p2v_lookup, link));
}

void p2v_resolver_fini(struct p2v_resolver *r)
{
	struct p2v_wake *wake;

	if (!r)
		return;
	p2v_task_cancel(&r->tell);
	free_all(&r->waiting);
	free_all(&r->ready);
	(void)pthread_mutex_lock(&r->pool->lock);
	wake = r->pool->wake;
	r->pool->wake = NULL;
	free_all(&r->pool->finished);
	pool_unref(r->pool);
	p2v_wake_free(wake);
	free(r);
}
