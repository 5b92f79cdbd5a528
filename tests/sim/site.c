/* site.c - a CDN of the test's own. */
#include "tests/sim/site.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/http.h"
#include "framework/base/random.h"

#define PACE (10 * P2V_MSEC)

/** One request. */
struct job {
	struct p2v_list in_site;
	struct site *site;
	struct page *page;
	struct p2v_exchange *x;
	struct p2v_timer timer;
	uint64_t at, end, cut; /* [B] of the page's body */
	bool replied, finished;
};

uint8_t site_byte(uint32_t seed, uint64_t off)
{
	return (uint8_t)(p2v_mix64(((uint64_t)seed << 40) + off / 8) >> (8 * (off % 8)));
}

uint8_t site_body(const struct page *p, uint64_t off)
{
	return p->text ? (uint8_t)p->text[off] : site_byte(p->seed, off);
}

static size_t size_of(const struct page *p)
{
	return !p->text ? p->size : p->text_n ? p->text_n : strlen(p->text);
}

static struct p2v_slice bytes_of(const struct page *p, uint64_t off, size_t n)
{
	struct p2v_buf *b = p2v_buf_new(n);
	struct p2v_slice s;

	cr_assert_not_null(b);
	for (size_t i = 0; i < n; i++)
		b->data[i] = site_body(p, off + i);
	s = p2v_slice_of(b, 0, n);
	p2v_buf_unref(b);
	return s;
}

/* ---- one answer ---- */

static void job_free(struct job *j)
{
	p2v_disarm(&j->site->w, &j->timer);
	p2v_list_remove(&j->in_site);
	free(j);
}

static void feed(struct job *j)
{
	const struct p2v_world *w = &j->site->w;
	struct page *p = j->page;
	uint64_t may = p->rate ? p->rate * (uint64_t)PACE / P2V_SECOND + 1 : UINT64_MAX;
	size_t room;

	while (j->at < j->end && may > 0 && (room = w->ops->http_room(w->self, j->x)) > 0) {
		uint64_t n = j->end - j->at < may ? j->end - j->at : may;

		n = n < room ? n : room;
		if (j->cut && j->at + n > j->cut)
			n = j->cut - j->at;
		if (n == 0) {
			j->finished = true;
			w->ops->http_abort(w->self, j->x);
			return;
		}
		w->ops->http_write(w->self, j->x, bytes_of(p, j->at, (size_t)n));
		j->at += n;
		may -= n;
		p->bytes += n;
	}
	if (j->at == j->end) {
		j->finished = true;
		w->ops->http_end(w->self, j->x);
	} else if (p->rate) {
		p2v_arm(w, &j->timer, p2v_now(w) + PACE);
	}
}

static void head(struct job *j, uint32_t status, uint64_t length, const char *range)
{
	const struct p2v_world *w = &j->site->w;
	const struct page *p = j->page;
	struct p2v_header v[SITE_HEADERS + 4];
	struct p2v_reply r = { .status = status, .length = length, .headers = v };

	v[r.n_headers++] = (struct p2v_header){ p2v_str_of("Content-Type"),
		p2v_str_of(p->type ? p->type : "video/mp2t") };
	if (p->etag)
		v[r.n_headers++] = (struct p2v_header){ p2v_str_of("ETag"), p2v_str_of(p->etag) };
	if (*range)
		v[r.n_headers++] = (struct p2v_header){ p2v_str_of("Content-Range"),
			p2v_str_of(range) };
	for (size_t i = 0; i < SITE_HEADERS && p->extra[i]; i++) {
		struct p2v_str rest = p2v_str_of(p->extra[i]), name;

		cr_assert(p2v_str_split(&rest, ':', &name));
		v[r.n_headers++] = (struct p2v_header){ name, p2v_str_trim(rest) };
	}
	j->replied = true;
	w->ops->http_reply(w->self, j->x, &r);
}

static void empty(struct job *j, uint32_t status)
{
	j->at = j->end = 0;
	head(j, status, 0, "");
	feed(j);
}

/* Where the range that was asked for lies. @return the status */
static uint32_t place(struct job *j, const struct p2v_range *range, char text[96])
{
	uint64_t first, last;

	switch (p2v_range_place(range, j->end, &first, &last)) {
	case P2V_RANGE_OK:
		(void)snprintf(text, 96, "bytes %llu-%llu/%llu", (unsigned long long)first,
			(unsigned long long)last, (unsigned long long)j->end);
		j->at = first;
		j->end = last + 1;
		return 206;
	case P2V_RANGE_BAD:
		(void)snprintf(text, 96, "bytes */%llu", (unsigned long long)j->end);
		j->end = 0;
		return 416;
	case P2V_RANGE_NONE:
	default: return 200;
	}
}

static void answer(struct job *j)
{
	struct page *p = j->page;
	struct p2v_str seen = p2v_str_of(p->seen);
	struct p2v_range range = p2v_range_parse(p2v_header_block_get(seen, "range"));
	struct p2v_str match = p2v_header_block_get(seen, "if-none-match");
	struct p2v_str only = p2v_header_block_get(seen, "if-range");
	bool fails = p->requests <= p->fail_first;
	char text[96] = "";
	uint32_t status;

	if (fails && p->fail_status) {
		empty(j, p->fail_status);
		return;
	}
	if (p->etag && match.n && p2v_str_is(match, p->etag)) {
		p->unchanged++;
		empty(j, 304);
		return;
	}
	j->cut = fails && p->fail_cut ? p->fail_cut : p->cut;
	j->end = size_of(p);
	if (p->ignores_range || (only.n && (!p->etag || !p2v_str_is(only, p->etag))))
		range.set = false;
	status = p->status ? p->status : place(j, &range, text);
	head(j, status, p->chunked ? P2V_LENGTH_UNKNOWN : j->end - j->at, text);
	if (strcmp(p->method, "HEAD") == 0)
		j->at = j->end;
	feed(j);
}

static void fire(struct p2v_timer *t, p2v_usec now)
{
	struct job *j = t->owner;

	(void)now;
	if (j->replied)
		feed(j);
	else
		answer(j);
}

/* ---- requests ---- */

static void note(struct page *p, const struct p2v_http_request *rq)
{
	struct p2v_str range = p2v_header_get(rq->headers, rq->n_headers, "range");
	struct p2v_range r = p2v_range_parse(range);
	size_t n = 0;

	if (p->requests++ == 0)
		p->from = rq->from;
	p->from.port = rq->from.port; /* of another connection */
	p->others += !p2v_addr_equal(&p->from, &rq->from);
	p->ranged += r.set;
	p->first = r.first;
	p->last = r.last;
	(void)snprintf(p->method, sizeof p->method, "%.*s", P2V_STR(rq->method));
	p->seen[0] = 0;
	for (size_t i = 0; i < rq->n_headers && n < sizeof p->seen - 1; i++)
		n += (size_t)snprintf(p->seen + n, sizeof p->seen - n, "%.*s: %.*s\n",
			P2V_STR(rq->headers[i].name), P2V_STR(rq->headers[i].value));
	cr_assert_lt(n, sizeof p->seen, "the request's header fields do not fit");
}

struct page *site_find(struct site *s, struct p2v_str target)
{
	P2V_LIST_EACH (it, &s->pages) {
		struct page *p = P2V_OF(it, struct page, in_site);

		if (p2v_str_is(target, p->target))
			return p;
	}
	return NULL;
}

static void on_request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	static struct page nothing = { .target = "", .status = 404, .text = "no such page" };
	struct site *s = ctx;
	struct job *j = calloc(1, sizeof *j);
	struct page *p = site_find(s, rq->target);
	p2v_usec due;

	cr_assert_not_null(j);
	s->strangers += !p;
	j->site = s;
	j->page = p ? p : &nothing;
	j->x = x;
	j->timer.fire = fire;
	j->timer.owner = j;
	x->user = j;
	p2v_list_push(&s->jobs, &j->in_site);
	note(j->page, rq);
	if (j->page->for_others && !p2v_addr_equal(&j->page->from, &rq->from)) {
		j->page = j->page->for_others;
		note(j->page, rq);
	}
	if (j->page->mute || (j->page->fail_mute && j->page->requests <= j->page->fail_first))
		return;
	due = p2v_now(&s->w) + j->page->think;
	due = due > j->page->ready ? due : j->page->ready;
	if (due > p2v_now(&s->w))
		p2v_arm(&s->w, &j->timer, due);
	else
		answer(j);
}

static void on_drained(void *ctx, struct p2v_exchange *x)
{
	struct job *j = x->user;

	(void)ctx;
	if (j->replied && !j->finished && !j->page->rate)
		feed(j);
}

static void on_gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	(void)ctx;
	(void)whole;
	job_free(x->user);
}

void site_open(struct site *s, const struct p2v_world *w, uint16_t port)
{
	static const struct p2v_http_handler handler = { on_request, on_drained, on_gone };
	const struct p2v_addr any = { .port = port };
	struct p2v_addr bound;
	struct p2v_err err;

	memset(s, 0, sizeof *s);
	s->w = *w;
	p2v_list_init(&s->pages);
	p2v_list_init(&s->jobs);
	if (w->ops->http_listen(w->self, &any, &handler, s, &s->server, &bound, &err) < 0)
		cr_assert_fail("%s", err.text);
}

void site_close(struct site *s)
{
	/* What is under way ends with the world. */
	P2V_LIST_EACH (it, &s->jobs)
		p2v_disarm(&s->w, &P2V_OF(it, struct job, in_site)->timer);
	s->w.ops->http_close(s->w.self, s->server);
	P2V_LIST_EACH (it, &s->pages)
		free(P2V_OF(it, struct page, in_site));
	p2v_list_init(&s->pages);
}

struct page *site_put(struct site *s, const struct page *p)
{
	struct page *own = malloc(sizeof *own);

	cr_assert_not_null(own);
	*own = *p;
	p2v_list_push(&s->pages, &own->in_site);
	return own;
}

bool site_saw(const struct page *p, const char *line)
{
	struct p2v_str rest = p2v_str_of(p->seen), one;

	while (p2v_str_split(&rest, '\n', &one))
		if (p2v_str_is_nocase(one, line))
			return true;
	return false;
}
