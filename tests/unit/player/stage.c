/* stage.c - a server whose answers a test writes itself. */
#include "tests/unit/player/stage.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t zeros[16384];

struct job {
	struct p2v_list in_stage;
	struct stage *stage;
	struct p2v_exchange *x;
	struct p2v_timer timer;
	struct stage_answer a;
	size_t at, end;
	bool replied, finished;
};

static void feed(struct job *j)
{
	const struct p2v_world *w = &j->stage->w;
	size_t room;

	while (j->at < j->end && (room = w->ops->http_room(w->self, j->x)) > 0) {
		size_t n = j->end - j->at < room ? j->end - j->at : room;
		struct p2v_slice s;

		n = n < sizeof zeros ? n : sizeof zeros;
		s = j->a.text.n ? p2v_slice_copy(j->a.text.p + j->at, n)
				: p2v_slice_static(zeros, n);
		if (!s.p) {
			j->finished = true;
			w->ops->http_abort(w->self, j->x);
			return;
		}
		w->ops->http_write(w->self, j->x, s);
		j->at += n;
	}
	if (j->at == j->end && !j->finished) {
		j->finished = true;
		w->ops->http_end(w->self, j->x);
	}
}

static void on_due(struct p2v_timer *t, p2v_usec now)
{
	struct job *j = t->owner;
	const struct p2v_header type = { p2v_str_of("Content-Type"), p2v_str_of(j->a.type) };
	struct p2v_reply r = { j->a.status, 0, &type, j->a.type ? 1 : 0 };

	(void)now;
	if (j->a.status == 200)
		j->end = j->a.text.n ? j->a.text.n : j->a.size;
	r.length = j->end;
	j->replied = true;
	j->stage->w.ops->http_reply(j->stage->w.self, j->x, &r);
	feed(j);
}

static void on_request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	struct stage *s = ctx;
	struct job *j = calloc(1, sizeof *j);
	p2v_usec now = p2v_now(&s->w);
	struct stage_asked *a = &s->asked[s->n];

	x->user = NULL;
	if (!j) {
		s->w.ops->http_abort(s->w.self, x);
		return;
	}
	cr_assert(s->n < STAGE_ASKED && rq->target.n < sizeof a->target);
	s->n++;
	a->at = now;
	memcpy(a->target, rq->target.p, rq->target.n);
	*j = (struct job){ .stage = s, .x = x, .a = { .status = 200 } };
	j->timer.fire = on_due;
	j->timer.owner = j;
	x->user = j;
	p2v_list_push(&s->jobs, &j->in_stage);
	s->answer(s->ctx, a->target, now, &j->a);
	if (j->a.text.oom)
		j->a.status = 500;
	p2v_arm(&s->w, &j->timer, j->a.due > now ? j->a.due : now);
}

static void on_drained(void *ctx, struct p2v_exchange *x)
{
	struct job *j = x->user;

	(void)ctx;
	if (j && j->replied && !j->finished)
		feed(j);
}

static void job_free(struct job *j)
{
	p2v_disarm(&j->stage->w, &j->timer);
	p2v_list_remove(&j->in_stage);
	p2v_text_fini(&j->a.text);
	free(j);
}

static void on_gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	(void)ctx;
	(void)whole;
	if (x->user)
		job_free(x->user);
	x->user = NULL;
}

void stage_close(struct stage *s)
{
	P2V_LIST_EACH (it, &s->jobs) {
		struct job *j = P2V_OF(it, struct job, in_stage);

		j->x->user = NULL;
		job_free(j);
	}
}

void stage_open(struct stage *s, const struct p2v_world *w,
	void (*answer)(void *ctx, const char *target, p2v_usec now, struct stage_answer *out),
	void *ctx)
{
	static const struct p2v_http_handler handler = { on_request, on_drained, on_gone };
	const struct p2v_addr any = { .port = 80 };
	struct p2v_addr bound;
	struct p2v_err err;

	memset(s, 0, sizeof *s);
	s->w = *w;
	s->answer = answer;
	s->ctx = ctx;
	p2v_list_init(&s->jobs);
	cr_assert_eq(
		w->ops->http_listen(w->self, &any, &handler, s, &s->server, &bound, &err), P2V_OK);
}

size_t stage_asked_for(const struct stage *s, const char *part, p2v_usec since)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->asked[i].at >= since && strstr(s->asked[i].target, part) != NULL;
	return n;
}
