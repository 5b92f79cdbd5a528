/* client.c - the end that measures: it opens the streams, moves their priorities, looks at the
 * session several times an interval, and takes the server's word for what arrived there. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "sdk/perf/inside.h"

#define SAMPLE_MAX (200 * P2V_MSEC) /* between two looks */

struct flow {
	struct p2v_perf_client *client;
	struct p2v_stream *stream; /* NULL: not opened yet, or ended */
	uint64_t left;             /* [B] to be written */
	uint64_t got;              /* [B] that arrived here */
	bool opened, ended;
};

struct p2v_perf_client {
	struct p2v_perf_end *end;
	void (*told)(void *ctx, const struct p2v_perf_interval *i);
	struct p2v_session *session;
	struct p2v_stream *control;
	struct flow flow[P2V_PERF_STREAMS];
	double priority[P2V_PERF_STREAMS];
	size_t n_opened, n_ended;
	p2v_usec dialled, begun, cpu, period;
	struct p2v_timer sample, change, end_timer;
	size_t next_change;
	uint64_t steps; /* samples in an interval */
	bool concluding, done;

	struct p2v_perf_report there;        /* the newest */
	uint8_t in[2 * P2V_PERF_REPORT_MAX]; /* of the control stream */
	size_t in_n;
	struct p2v_perf_report at_start; /* of the interval; here or there */
	struct p2v_perf_result result;
};

static p2v_usec now_of(const struct p2v_perf_client *c)
{
	return p2v_now(c->end->w);
}

/* ---- the end ---- */

/* What the receiver has: the server's word, or our own count. */
static void received(const struct p2v_perf_client *c, struct p2v_perf_report *out)
{
	*out = c->there;
	if (!c->end->cli->reverse)
		return;
	out->t = now_of(c) - c->begun;
	out->got = 0;
	out->n = c->end->cli->streams;
	for (size_t i = 0; i < out->n; i++) {
		out->got_of[i] = c->flow[i].got;
		out->got += c->flow[i].got;
	}
}

static void take_totals(struct p2v_perf_client *c)
{
	struct p2v_perf_result *r = &c->result;
	struct p2v_perf_report got;

	if (!r->opened)
		return;
	received(c, &got);
	if (r->elapsed == 0)
		r->elapsed = got.t;
	r->bytes = got.got;
	memcpy(r->bytes_of, got.got_of, sizeof r->bytes_of);
	r->cpu_here = p2v_perf_cpu() - c->cpu;
	r->cpu_there = c->there.cpu;
	if (c->end->cli->reverse)
		r->sender = c->there.info;
	else if (c->session)
		p2v_session_info(c->session, &r->sender);
}

static void finish(struct p2v_perf_client *c)
{
	if (c->done)
		return;
	c->done = true;
	take_totals(c);
	p2v_disarm(c->end->w, &c->sample);
	p2v_disarm(c->end->w, &c->change);
	p2v_disarm(c->end->w, &c->end_timer);
	if (c->session)
		p2v_session_close(c->session, P2V_DTL_DONE, "");
	else
		c->end->finished(c->end->ctx);
}

static void fail(struct p2v_perf_client *c, int code, const char *text)
{
	if (!c->done && c->result.err.code == P2V_OK)
		(void)p2v_fail(&c->result.err, code, "%s", text);
	finish(c);
}

/* All is sent, or the time is over: ask for the last report. */
static void conclude(struct p2v_perf_client *c)
{
	if (c->concluding || c->done)
		return;
	c->concluding = true;
	if (!c->control) {
		finish(c);
		return;
	}
	for (size_t i = 0; i < c->end->cli->streams; i++)
		if (c->flow[i].stream)
			p2v_stream_reset(c->flow[i].stream, P2V_DTL_DONE);
	p2v_stream_finish(c->control);
}

/* ---- streams ---- */

static double highest(const struct p2v_perf_client *c)
{
	double p = 0;

	for (size_t i = 0; i < c->end->cli->streams; i++)
		if (c->priority[i] > p)
			p = c->priority[i];
	return p;
}

static void move_priority(struct p2v_perf_client *c, const struct flow *f)
{
	double p = c->priority[f - c->flow];

	if (!f->stream)
		return;
	if (c->end->cli->reverse)
		p2v_stream_request_priority(f->stream, p, P2V_NEVER);
	else
		p2v_stream_set_priority(f->stream, p, P2V_NEVER);
}

/* Reports go before data, but must not make the session more urgent than that. */
static void move_control(struct p2v_perf_client *c)
{
	if (!c->control)
		return;
	p2v_stream_set_priority(c->control, highest(c), 0);
	if (c->end->cli->reverse)
		p2v_stream_request_priority(c->control, highest(c), now_of(c));
}

static void change_fired(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_perf_client *c = t->owner;
	const struct p2v_perf_cli *cli = c->end->cli;

	while (c->next_change < cli->n_changes &&
		c->begun + cli->change[c->next_change].at <= now) {
		memcpy(c->priority, cli->change[c->next_change++].priority, sizeof c->priority);
		for (size_t i = 0; i < cli->streams; i++)
			move_priority(c, &c->flow[i]);
		move_control(c);
	}
	if (c->next_change < cli->n_changes)
		p2v_arm(c->end->w, t, c->begun + cli->change[c->next_change].at);
}

static bool hello(struct p2v_perf_client *c, struct p2v_stream *t, const struct p2v_perf_hello *h)
{
	uint8_t bytes[P2V_PERF_HELLO];
	struct p2v_slice s;

	p2v_perf_hello_put(h, bytes);
	s = p2v_slice_copy(bytes, sizeof bytes);
	if (s.n && p2v_stream_write(t, s) == P2V_OK)
		return true;
	fail(c, P2V_ENOMEM, "no memory for a stream");
	return false;
}

static void fill(struct p2v_perf_client *c, struct flow *f)
{
	if (!c->concluding && p2v_perf_fill(&c->end->source, f->stream, &f->left) == P2V_ENOMEM)
		fail(c, P2V_ENOMEM, "no memory for what is sent");
}

/* @return false: not now, or it failed */
static bool open_flow(struct p2v_perf_client *c, struct flow *f)
{
	const struct p2v_perf_cli *cli = c->end->cli;
	size_t i = (size_t)(f - c->flow);
	struct p2v_perf_hello h = { .kind = cli->reverse ? P2V_PERF_SOURCE : P2V_PERF_SINK,
		.index = i,
		.bytes = cli->bytes };

	/* The first streams take what is left over. */
	if (cli->bytes != UINT64_MAX)
		h.bytes = cli->bytes / cli->streams + (i < cli->bytes % cli->streams);
	if (p2v_stream_open(c->session, &f->stream) != P2V_OK)
		return false;
	f->client = c;
	f->opened = true;
	c->n_opened++;
	p2v_stream_set_user(f->stream, f);
	p2v_stream_set_priority(f->stream, c->priority[i], P2V_NEVER);
	move_priority(c, f);
	if (!hello(c, f->stream, &h))
		return false;
	f->left = h.bytes;
	if (cli->reverse)
		p2v_stream_finish(f->stream);
	else
		fill(c, f);
	return true;
}

/* As many as the server allows now; the others when it allows more. */
static void open_flows(struct p2v_perf_client *c)
{
	while (c->n_opened < c->end->cli->streams && !c->done)
		if (!open_flow(c, &c->flow[c->n_opened]))
			return;
}

/* ---- looking ---- */

/* The sender, now. */
static struct p2v_session_info sender_of(const struct p2v_perf_client *c)
{
	struct p2v_session_info i = c->there.info;

	if (!c->end->cli->reverse)
		p2v_session_info(c->session, &i);
	return i;
}

static void take_sample(struct p2v_perf_client *c, const struct p2v_session_info *i)
{
	struct p2v_perf_result *r = &c->result;

	if (i->srtt == 0)
		return;
	r->samples++;
	r->rtt += ((double)i->srtt - r->rtt) / (double)r->samples;
	r->queue += ((double)i->queued - r->queue) / (double)r->samples;
	if (i->queued > r->queue_max)
		r->queue_max = i->queued;
}

static bool room_for_interval(struct p2v_perf_result *r)
{
	size_t cap = r->cap_intervals ? 2 * r->cap_intervals : 64;
	struct p2v_perf_interval *v;

	if (r->n_intervals < r->cap_intervals)
		return true;
	v = realloc(r->interval, cap * sizeof *v);
	if (!v)
		return false;
	r->interval = v;
	r->cap_intervals = cap;
	return true;
}

/* [bit/s] */
static double rate(uint64_t bytes, p2v_usec time)
{
	return time > 0 ? (double)bytes * 8e6 / (double)time : 0;
}

static void end_interval(struct p2v_perf_client *c, const struct p2v_session_info *info)
{
	struct p2v_perf_report r, *b = &c->at_start;
	struct p2v_perf_interval *i;
	p2v_usec time;

	received(c, &r);
	r.info = *info;
	if (!room_for_interval(&c->result)) {
		fail(c, P2V_ENOMEM, "no memory for what was measured");
		return;
	}
	time = r.t - b->t;
	i = &c->result.interval[c->result.n_intervals++];
	*i = (struct p2v_perf_interval){ .t = now_of(c) - c->begun,
		.goodput = rate(r.got - b->got, time),
		.cwnd = info->cwnd,
		.pace = info->pace,
		.in_flight = info->in_flight,
		.srtt = info->srtt,
		.queue = info->queued,
		.lost = info->lost - b->info.lost,
		.resent = info->resent - b->info.resent };
	for (size_t k = 0; k < c->end->cli->streams; k++)
		i->goodput_of[k] = rate(r.got_of[k] - b->got_of[k], time);
	memcpy(i->priority, c->priority, sizeof i->priority);
	*b = r;
	if (c->told)
		c->told(c->end->ctx, i);
}

/* What is left of the last interval, if it is worth a line. */
static void end_last_interval(struct p2v_perf_client *c)
{
	const struct p2v_perf_result *r = &c->result;
	p2v_usec last = r->n_intervals ? r->interval[r->n_intervals - 1].t : 0;
	struct p2v_session_info info = sender_of(c);

	if (now_of(c) - c->begun - last > c->period)
		end_interval(c, &info);
}

static void time_over(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_perf_client *c = t->owner;

	(void)now;
	/* What is measured by time ends now, whatever the last report says of it. */
	if (c->end->cli->reverse)
		c->result.elapsed = now - c->begun;
	end_last_interval(c);
	conclude(c);
}

static void sample_fired(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_perf_client *c = t->owner;
	const struct p2v_perf_cli *cli = c->end->cli;
	struct p2v_session_info here, info;
	uint64_t step = (uint64_t)((now - c->begun) / c->period);

	p2v_session_info(c->session, &here);
	if (cli->give_up && here.silence > cli->give_up) {
		fail(c, P2V_ETIMEDOUT, "the server went silent");
		return;
	}
	info = sender_of(c);
	open_flows(c);
	if (!c->concluding) {
		take_sample(c, &info);
		if (step / c->steps > c->result.n_intervals)
			end_interval(c, &info);
	}
	if (!c->done)
		p2v_arm(c->end->w, t, c->begun + (p2v_usec)(step + 1) * c->period);
}

/* ---- the server's word ---- */

static void read_reports(struct p2v_perf_client *c, struct p2v_stream *t)
{
	const uint8_t *p;
	size_t n, used;

	while ((n = p2v_stream_peek(t, &p)) > 0) {
		if (n > sizeof c->in - c->in_n)
			n = sizeof c->in - c->in_n;
		memcpy(c->in + c->in_n, p, n);
		p2v_stream_consume(t, n);
		c->in_n += n;
		while ((used = p2v_perf_report_get(c->in, c->in_n, &c->there)) > 0) {
			if (used == SIZE_MAX) {
				fail(c, P2V_EPROTO, "the server is no p2v-perf");
				return;
			}
			memmove(c->in, c->in + used, c->in_n - used);
			c->in_n -= used;
		}
	}
	if (!p2v_stream_eof(t))
		return;
	if (!c->concluding)
		fail(c, P2V_EPROTO, "the server is no p2v-perf");
	else
		finish(c);
}

static void on_readable(void *ctx, struct p2v_stream *t)
{
	struct p2v_perf_client *c = ((struct p2v_perf_end *)ctx)->of;
	struct flow *f = p2v_stream_user(t);

	if (t == c->control)
		read_reports(c, t);
	else if (f)
		f->got += p2v_perf_drain(t);
}

static void on_writable(void *ctx, struct p2v_stream *t)
{
	struct flow *f = p2v_stream_user(t);

	(void)ctx;
	if (f && !f->client->end->cli->reverse)
		fill(f->client, f);
}

static void on_ended(void *ctx, struct p2v_stream *t, int code, uint64_t reason)
{
	struct p2v_perf_client *c = ((struct p2v_perf_end *)ctx)->of;
	struct flow *f = p2v_stream_user(t);

	(void)reason;
	if (t == c->control) {
		c->control = NULL;
		return;
	}
	f->stream = NULL;
	f->ended = true;
	c->n_ended++;
	if (c->concluding || c->done || code == P2V_ECANCELED)
		return; /* on purpose, or `closed` will tell */
	if (code != P2V_OK) {
		fail(c, code, "the server cut a stream");
		return;
	}
	if (c->n_ended < c->end->cli->streams)
		return;
	c->result.elapsed = now_of(c) - c->begun;
	end_last_interval(c);
	conclude(c);
}

/* ---- the session ---- */

static void on_opened(void *ctx, struct p2v_session *s)
{
	struct p2v_perf_client *c = ((struct p2v_perf_end *)ctx)->of;
	const struct p2v_perf_cli *cli = c->end->cli;
	struct p2v_world *w = c->end->w;
	struct p2v_perf_hello h = { .kind = P2V_PERF_CONTROL, .period = (uint64_t)c->period };

	c->begun = now_of(c);
	c->cpu = p2v_perf_cpu();
	c->result.opened = true;
	c->result.handshake = c->begun - c->dialled;
	if (p2v_stream_open(s, &c->control) != P2V_OK) {
		fail(c, P2V_ENOMEM, "no memory for a stream");
		return;
	}
	p2v_stream_set_user(c->control, NULL);
	move_control(c);
	if (!hello(c, c->control, &h))
		return;
	open_flows(c);
	p2v_arm(w, &c->sample, c->begun + c->period);
	if (cli->n_changes)
		p2v_arm(w, &c->change, c->begun + cli->change[0].at);
	if (cli->seconds)
		p2v_arm(w, &c->end_timer, c->begun + cli->seconds);
}

static void on_closed(void *ctx, struct p2v_session *s, const struct p2v_err *why)
{
	struct p2v_perf_end *end = ctx;
	struct p2v_perf_client *c = end->of;

	if (!c->done && c->result.err.code == P2V_OK)
		(void)p2v_fail(&c->result.err, why->code,
			c->result.opened ? "%s" : "no session: %s", why->text);
	if (!c->done)
		take_totals(c);
	(void)s;
	c->session = NULL;
	if (c->done)
		end->finished(end->ctx);
	else
		finish(c);
}

static void on_accepted(void *ctx, struct p2v_session *s, struct p2v_stream *t)
{
	(void)ctx;
	(void)s;
	p2v_stream_release(t); /* servers open none */
}

const struct p2v_dtl_handler p2v_perf_client_handler = { .opened = on_opened,
	.closed = on_closed,
	.accepted = on_accepted,
	.readable = on_readable,
	.writable = on_writable,
	.ended = on_ended };

int p2v_perf_client_new(struct p2v_perf_end *end,
	void (*told)(void *ctx, const struct p2v_perf_interval *i), struct p2v_perf_client **out)
{
	struct p2v_perf_client *c = calloc(1, sizeof *c);

	*out = c;
	if (!c)
		return P2V_ENOMEM;
	c->end = end;
	c->told = told;
	c->steps = (uint64_t)((end->cli->interval + SAMPLE_MAX - 1) / SAMPLE_MAX);
	c->period = end->cli->interval / (p2v_usec)c->steps;
	memcpy(c->priority, end->cli->priority, sizeof c->priority);
	c->sample.fire = sample_fired;
	c->change.fire = change_fired;
	c->end_timer.fire = time_over;
	c->sample.owner = c->change.owner = c->end_timer.owner = c;
	end->of = c;
	return P2V_OK;
}

void p2v_perf_client_dial(struct p2v_perf_client *c, const struct p2v_addr *to)
{
	struct p2v_err err;

	c->dialled = now_of(c);
	if (p2v_dtl_dial(c->end->dtl, to, &c->session, &err) != P2V_OK)
		fail(c, err.code, err.text);
}

void p2v_perf_client_stop(struct p2v_perf_client *c)
{
	if (!c->result.opened || c->concluding)
		fail(c, P2V_ECANCELED, "interrupted before there was a result");
	else
		time_over(&c->end_timer, now_of(c));
}

const struct p2v_perf_result *p2v_perf_client_result(const struct p2v_perf_client *c)
{
	return &c->result;
}

void p2v_perf_client_free(struct p2v_perf_client *c)
{
	if (!c)
		return;
	p2v_disarm(c->end->w, &c->sample);
	p2v_disarm(c->end->w, &c->change);
	p2v_disarm(c->end->w, &c->end_timer);
	free(c->result.interval);
	free(c);
}
