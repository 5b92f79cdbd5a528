/* loop.c - libev: descriptors, one timerfd for all timers, deferred work, bells and signals. No
 * socket is opened here. */
#include <config.h>

#include "framework/world/loop.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "framework/base/timers.h"
#include "framework/world/inside.h"

struct p2v_loop {
	struct ev_loop *ev;
	struct ev_prepare before_wait;
	struct ev_check after_wait;
	struct ev_idle busy; /* active: do not wait, there is work */
	struct ev_io clock;
	int timerfd;
	p2v_usec now;
	p2v_usec clock_due; /* what timerfd is set to; P2V_NEVER: nothing */
	struct p2v_timers timers;
	struct p2v_list tasks;
	struct p2v_list signals;
	struct p2v_rooms rooms;
	bool running, stopping;
};

struct p2v_watch {
	struct ev_io io;
	struct p2v_loop *loop;
	void (*ready)(void *ctx, int events);
	void *ctx;
};

struct p2v_wake {
	struct ev_async async;
	struct p2v_loop *loop;
	void (*rung)(void *ctx);
	void *ctx;
};

struct signal_hook {
	struct ev_signal signal;
	struct p2v_list in_loop;
	void (*fn)(void *ctx, int signo);
	void *ctx;
};

/* ---- time ---- */

static void sample(struct p2v_loop *l)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	l->now = (p2v_usec)ts.tv_sec * P2V_SECOND + ts.tv_nsec / 1000;
}

p2v_usec p2v_loop_now(const struct p2v_loop *l)
{
	return l->now;
}

void p2v_loop_arm(struct p2v_loop *l, struct p2v_timer *t, p2v_usec due)
{
	p2v_timers_arm(&l->timers, t, due > l->now ? due : l->now);
}

void p2v_loop_disarm(struct p2v_loop *l, struct p2v_timer *t)
{
	p2v_timers_disarm(&l->timers, t);
}

/* Fire what is due, but no more timers than there were: one that arms itself again at once must not
 * starve the sockets. */
static void fire_timers(struct p2v_loop *l)
{
	struct p2v_timer *t;

	for (size_t n = l->timers.n; n > 0 && (t = p2v_timers_pop(&l->timers, l->now)); n--)
		t->fire(t, l->now);
}

static void clock_ready(struct ev_loop *ev, struct ev_io *io, int events)
{
	struct p2v_loop *l = io->data;
	uint64_t expirations;

	(void)ev;
	(void)events;
	/* It only ends the wait: after_wait has fired the timers already. */
	if (read(l->timerfd, &expirations, sizeof expirations) == sizeof expirations)
		l->clock_due = P2V_NEVER;
}

/* Set the timerfd when the first timer is due earlier than it is set to. Where it is set too early,
 * one turn for nothing is cheaper than a system call each time that a timer moves. */
static void set_clock(struct p2v_loop *l)
{
	p2v_usec next = p2v_timers_next(&l->timers);
	struct itimerspec at = { .it_value = { 0, 0 } };

	if (next >= l->clock_due)
		return;
	at.it_value.tv_sec = (time_t)(next / P2V_SECOND);
	at.it_value.tv_nsec = (long)(next % P2V_SECOND) * 1000;
	if (timerfd_settime(l->timerfd, TFD_TIMER_ABSTIME, &at, NULL) == 0)
		l->clock_due = next;
}

/* ---- a turn: before_wait, the wait, after_wait, descriptors ---- */

static void run_tasks(struct p2v_loop *l)
{
	struct p2v_list batch;

	if (p2v_list_empty(&l->tasks))
		return;
	/* Tasks that are queued from now on wait for the next turn. */
	p2v_list_before(&l->tasks, &batch);
	while (l->tasks.next != &batch) {
		struct p2v_task *t = P2V_OF(l->tasks.next, struct p2v_task, in_loop);

		p2v_task_cancel(t);
		t->run(t);
	}
	p2v_list_remove(&batch);
}

static void before_wait(struct ev_loop *ev, struct ev_prepare *w, int events)
{
	struct p2v_loop *l = w->data;

	(void)events;
	run_tasks(l);
	if (!p2v_list_empty(&l->tasks) || p2v_timers_next(&l->timers) <= l->now) {
		ev_idle_start(ev, &l->busy);
	} else {
		ev_idle_stop(ev, &l->busy);
		set_clock(l);
	}
}

static void after_wait(struct ev_loop *ev, struct ev_check *w, int events)
{
	struct p2v_loop *l = w->data;

	(void)ev;
	(void)events;
	sample(l);
	fire_timers(l);
}

static void still_busy(struct ev_loop *ev, struct ev_idle *w, int events)
{
	(void)ev;
	(void)w;
	(void)events;
}

void p2v_task_init(struct p2v_task *t, void (*run)(struct p2v_task *t))
{
	p2v_list_init(&t->in_loop);
	t->run = run;
}

void p2v_defer(struct p2v_loop *l, struct p2v_task *t)
{
	if (p2v_list_empty(&t->in_loop))
		p2v_list_push(&l->tasks, &t->in_loop);
}

void p2v_task_cancel(struct p2v_task *t)
{
	p2v_list_remove(&t->in_loop);
}

/* ---- descriptors and bells ---- */

static int to_ev(int events)
{
	return (events & P2V_READ ? EV_READ : 0) | (events & P2V_WRITE ? EV_WRITE : 0);
}

static void watch_ready(struct ev_loop *ev, struct ev_io *io, int events)
{
	struct p2v_watch *w = io->data;

	(void)ev;
	w->ready(w->ctx, (events & EV_READ ? P2V_READ : 0) | (events & EV_WRITE ? P2V_WRITE : 0));
}

struct p2v_watch *p2v_watch_new(
	struct p2v_loop *l, int fd, int events, void (*ready)(void *ctx, int events), void *ctx)
{
	struct p2v_watch *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->loop = l;
	w->ready = ready;
	w->ctx = ctx;
	ev_io_init(&w->io, watch_ready, fd, to_ev(events));
	w->io.data = w;
	if (events)
		ev_io_start(l->ev, &w->io);
	return w;
}

void p2v_watch_set(struct p2v_watch *w, int events)
{
	int fd = w->io.fd;

	if (ev_is_active(&w->io) && (w->io.events & (EV_READ | EV_WRITE)) == to_ev(events))
		return;
	ev_io_stop(w->loop->ev, &w->io);
	ev_io_set(&w->io, fd, to_ev(events));
	if (events)
		ev_io_start(w->loop->ev, &w->io);
}

void p2v_watch_free(struct p2v_watch *w)
{
	if (!w)
		return;
	ev_io_stop(w->loop->ev, &w->io);
	free(w);
}

static void wake_rung(struct ev_loop *ev, struct ev_async *a, int events)
{
	struct p2v_wake *w = a->data;

	(void)ev;
	(void)events;
	w->rung(w->ctx);
}

struct p2v_wake *p2v_wake_new(struct p2v_loop *l, void (*rung)(void *ctx), void *ctx)
{
	struct p2v_wake *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->loop = l;
	w->rung = rung;
	w->ctx = ctx;
	ev_async_init(&w->async, wake_rung);
	w->async.data = w;
	ev_async_start(l->ev, &w->async);
	return w;
}

void p2v_wake_ring(struct p2v_wake *w)
{
	ev_async_send(w->loop->ev, &w->async);
}

void p2v_wake_free(struct p2v_wake *w)
{
	if (!w)
		return;
	ev_async_stop(w->loop->ev, &w->async);
	free(w);
}

/* ---- signals ---- */

static void signal_came(struct ev_loop *ev, struct ev_signal *s, int events)
{
	struct signal_hook *h = s->data;

	(void)ev;
	(void)events;
	h->fn(h->ctx, s->signum);
}

static struct signal_hook *hook_of(struct p2v_loop *l, int signo)
{
	P2V_LIST_EACH (it, &l->signals) {
		struct signal_hook *h = P2V_OF(it, struct signal_hook, in_loop);

		if (h->signal.signum == signo)
			return h;
	}
	return NULL;
}

static void hook_free(struct p2v_loop *l, struct signal_hook *h)
{
	ev_signal_stop(l->ev, &h->signal);
	p2v_list_remove(&h->in_loop);
	free(h);
}

int p2v_loop_on_signal(struct p2v_loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx)
{
	struct signal_hook *h = hook_of(l, signo);

	if (!fn) {
		if (h)
			hook_free(l, h);
		return P2V_OK;
	}
	if (!h) {
		h = calloc(1, sizeof *h);
		if (!h)
			return P2V_ENOMEM;
		ev_signal_init(&h->signal, signal_came, signo);
		h->signal.data = h;
		p2v_list_push(&l->signals, &h->in_loop);
		ev_signal_start(l->ev, &h->signal);
	}
	h->fn = fn;
	h->ctx = ctx;
	return P2V_OK;
}

/* ---- the loop ---- */

/* The loop's own watchers do not keep ev_run from returning, nor do they end it: p2v_loop_stop
 * does.
 */
static void watchers_start(struct p2v_loop *l)
{
	ev_prepare_init(&l->before_wait, before_wait);
	l->before_wait.data = l;
	ev_prepare_start(l->ev, &l->before_wait);
	ev_check_init(&l->after_wait, after_wait);
	l->after_wait.data = l;
	/* First of all that is pending, so that every callback of a turn sees its time. */
	ev_set_priority(&l->after_wait, EV_MAXPRI);
	ev_check_start(l->ev, &l->after_wait);
	ev_idle_init(&l->busy, still_busy);
	ev_io_init(&l->clock, clock_ready, l->timerfd, EV_READ);
	l->clock.data = l;
	ev_io_start(l->ev, &l->clock);
}

int p2v_loop_new(struct p2v_loop **out, struct p2v_err *err)
{
	struct p2v_loop *l = calloc(1, sizeof *l);
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (!l)
		return p2v_fail(err, P2V_ENOMEM, "no memory for an event loop");
	p2v_list_init(&l->tasks);
	p2v_list_init(&l->signals);
	l->clock_due = P2V_NEVER;
	l->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->timerfd < 0) {
		(void)p2v_fail(err, P2V_EIO, "cannot make a timer: %s", strerror(errno));
		goto fail;
	}
	l->ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (!l->ev) {
		(void)p2v_fail(err, P2V_EIO, "cannot make an event loop");
		goto fail;
	}
	(void)sigaction(SIGPIPE, &ignore, NULL);
	sample(l);
	watchers_start(l);
	*out = l;
	return P2V_OK;
fail:
	if (l->timerfd >= 0)
		(void)close(l->timerfd);
	free(l);
	return err ? err->code : P2V_EIO;
}

void p2v_loop_free(struct p2v_loop *l)
{
	if (!l)
		return;
	assert(!l->running);
	p2v_httpd_fini(l->rooms.httpd);
	p2v_httpc_fini(l->rooms.httpc);
	p2v_udp_fini(l->rooms.udp);
	p2v_resolver_fini(l->rooms.resolver);
	free(l->rooms.ca);
	P2V_LIST_EACH (it, &l->signals)
		hook_free(l, P2V_OF(it, struct signal_hook, in_loop));
	ev_idle_stop(l->ev, &l->busy);
	ev_io_stop(l->ev, &l->clock);
	ev_prepare_stop(l->ev, &l->before_wait);
	ev_check_stop(l->ev, &l->after_wait);
	ev_loop_destroy(l->ev);
	(void)close(l->timerfd);
	free(l);
}

struct p2v_world p2v_loop_world(struct p2v_loop *l)
{
	return (struct p2v_world){ &p2v_real_ops, l };
}

struct p2v_rooms *p2v_loop_rooms(struct p2v_loop *l)
{
	return &l->rooms;
}

int p2v_loop_set_ca(struct p2v_loop *l, const char *path)
{
	char *copy = path ? strdup(path) : NULL;

	if (path && !copy)
		return P2V_ENOMEM;
	free(l->rooms.ca);
	l->rooms.ca = copy;
	return P2V_OK;
}

void p2v_loop_set_segments(struct p2v_loop *l, bool on)
{
	l->rooms.no_segments = !on;
}

void p2v_loop_run(struct p2v_loop *l)
{
	assert(!l->running);
	l->running = true;
	if (!l->stopping)
		(void)ev_run(l->ev, 0);
	l->stopping = false;
	l->running = false;
}

void p2v_loop_stop(struct p2v_loop *l)
{
	l->stopping = true;
	ev_break(l->ev, EVBREAK_ALL);
}

static void waited_enough(struct p2v_timer *t, p2v_usec now)
{
	(void)t;
	(void)now;
}

void p2v_loop_turn(struct p2v_loop *l, p2v_usec wait)
{
	struct p2v_timer timer = { .fire = waited_enough };

	assert(!l->running);
	l->running = true;
	if (wait > 0) {
		sample(l);
		p2v_loop_arm(l, &timer, l->now + wait);
	}
	(void)ev_run(l->ev, wait > 0 ? EVRUN_ONCE : EVRUN_NOWAIT);
	p2v_loop_disarm(l, &timer);
	l->stopping = false;
	l->running = false;
}
