/* origin.c - a virtual origin: requests, conditions, ranges, faults, counts. What the files hold is
 * the encoder's business. */
#include "sdk/sim/cdn/origin.h"

#include <stdlib.h>
#include <string.h>

#include "framework/base/hash.h"
#include "framework/base/http.h"
#include "framework/base/list.h"
#include "framework/base/options.h"
#include "framework/base/url.h"

enum { WRITE_MAX = 64 * 1024, DATED = 64 };
#define PACE (20 * P2V_MSEC) /* [us] between the pieces of a capped answer */

struct fault {
	struct p2v_list in_origin;
	int id;
	uint32_t hits;
	struct p2v_origin_fault f;
};

struct url_count {
	UT_hash_handle hh;
	struct p2v_origin_kind_count n;
	char target[];
};

/* A second, as HTTP writes it. */
struct dated {
	int64_t second;
	char text[32]; /* empty: none yet */
};

struct p2v_origin {
	struct p2v_world w;
	struct p2v_origin_conf conf;
	char max_age[40];          /* of media files, as a header field has it */
	struct dated dated[DATED]; /* by their seconds */
	struct p2v_encoder *encoder;
	struct p2v_http_server *server;
	struct p2v_addr addr;
	struct p2v_list faults;
	int fault_ids;
	struct p2v_list jobs;
	struct url_count *urls;
	struct p2v_origin_count count;
	bool closed;
};

/** One request. */
struct job {
	struct p2v_list in_origin;
	struct p2v_origin *origin;
	struct p2v_exchange *x;
	struct p2v_timer timer; /* a delay, or the pace */
	struct p2v_file file;
	bool found, head_only, replied, finished;
	char *held; /* target of a request that is held until there is what it asks for */
	struct p2v_origin_fault fault;
	struct url_count *url;
	struct p2v_range range;
	char match[128], since[64]; /* If-None-Match, If-Modified-Since */
	uint64_t at, end;           /* [B] of the file */
};

/* ---- configuration, life ---- */

void p2v_origin_conf_default(struct p2v_origin_conf *conf)
{
	static const struct p2v_encoder_rendition renditions[] = {
		{ .name = "v0", .bitrate = 380000, .w = 320, .h = 180 },
		{ .name = "v1", .bitrate = 700000, .w = 640, .h = 360 },
		{ .name = "v2", .bitrate = 1400000, .w = 1280, .h = 720 }
	};

	memset(conf, 0, sizeof *conf);
	/* The table's defaults are checked by a test; they bind. */
	(void)!p2v_options_default(
		p2v_encoder_options, sizeof(struct p2v_option), &conf->encoder, NULL);
	conf->encoder.renditions = renditions;
	conf->encoder.n = sizeof renditions / sizeof renditions[0];
	conf->folder = "/live";
	conf->max_age = 60 * P2V_SECOND;
}

static void origin_free(struct p2v_origin *o)
{
	struct url_count *u, *next;

	p2v_encoder_free(o->encoder);
	p2v_origin_heal(o, 0);
	HASH_ITER (hh, o->urls, u, next) {
		HASH_DEL(o->urls, u);
		free(u);
	}
	free(o);
}

static void job_free(struct job *j)
{
	p2v_disarm(&j->origin->w, &j->timer);
	p2v_slice_drop(&j->file.text);
	p2v_list_remove(&j->in_origin);
	free(j->held);
	free(j);
}

void p2v_origin_free(struct p2v_origin *o)
{
	if (!o)
		return;
	o->closed = true;
	P2V_LIST_EACH (it, &o->jobs)
		p2v_disarm(&o->w, &P2V_OF(it, struct job, in_origin)->timer);
	o->w.ops->http_close(o->w.self, o->server);
	if (p2v_list_empty(&o->jobs))
		origin_free(o);
}

const struct p2v_addr *p2v_origin_addr(const struct p2v_origin *o)
{
	return &o->addr;
}

struct p2v_encoder *p2v_origin_encoder(struct p2v_origin *o)
{
	return o->encoder;
}

/* ---- faults ---- */

int p2v_origin_fail(struct p2v_origin *o, const struct p2v_origin_fault *f)
{
	struct fault *added = calloc(1, sizeof *added);

	if (!added)
		return P2V_ENOMEM;
	added->id = ++o->fault_ids;
	added->f = *f;
	p2v_list_push(&o->faults, &added->in_origin);
	return added->id;
}

void p2v_origin_heal(struct p2v_origin *o, int id)
{
	P2V_LIST_EACH (it, &o->faults) {
		struct fault *f = P2V_OF(it, struct fault, in_origin);

		if (id == 0 || f->id == id) {
			p2v_list_remove(it);
			free(f);
		}
	}
}

static bool holds(struct p2v_str text, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= text.n; i++)
		if (memcmp(text.p + i, part, n) == 0)
			return true;
	return false;
}

static void hit(struct p2v_origin *o, struct p2v_str target, struct p2v_origin_fault *out)
{
	P2V_LIST_EACH (it, &o->faults) {
		struct fault *f = P2V_OF(it, struct fault, in_origin);

		if (!holds(target, f->f.match) || (f->f.count && f->hits >= f->f.count))
			continue;
		f->hits++;
		*out = f->f;
		return;
	}
}

/* ---- counts ---- */

static struct url_count *url_count(struct p2v_origin *o, struct p2v_str target)
{
	struct url_count *u;

	HASH_FIND(hh, o->urls, target.p, target.n, u);
	if (u)
		return u;
	u = calloc(1, sizeof *u + target.n + 1);
	if (!u)
		return NULL;
	memcpy(u->target, target.p, target.n);
	HASH_ADD(hh, o->urls, target, target.n, u);
	if (!P2V_HASH_ADDED(hh, u)) {
		free(u);
		return NULL;
	}
	return u;
}

static void count(struct job *j, uint64_t requests, uint64_t bytes)
{
	struct p2v_origin_count *c = &j->origin->count;
	struct p2v_origin_kind_count *v[3] = { &c->all, j->found ? &c->kind[j->file.kind] : NULL,
		j->url ? &j->url->n : NULL };

	for (size_t i = 0; i < 3; i++) {
		if (v[i]) {
			v[i]->requests += requests;
			v[i]->bytes += bytes;
		}
	}
}

void p2v_origin_count(const struct p2v_origin *o, struct p2v_origin_count *out)
{
	*out = o->count;
}

struct p2v_origin_kind_count p2v_origin_count_of(const struct p2v_origin *o, const char *target)
{
	struct url_count *u;

	HASH_FIND(hh, o->urls, target, strlen(target), u);
	return u ? u->n : (struct p2v_origin_kind_count){ 0, 0 };
}

/* ---- answers ---- */

static const char *content_type(const struct p2v_origin *o, enum p2v_file_kind kind)
{
	if (kind == P2V_FILE_MASTER || kind == P2V_FILE_PLAYLIST)
		return "application/vnd.apple.mpegurl";
	return kind == P2V_FILE_INIT || o->conf.encoder.init ? "video/mp4" : "video/mp2t";
}

static char *put_2(char *at, unsigned v)
{
	*at++ = (char)('0' + v / 10 % 10);
	*at++ = (char)('0' + v % 10);
	return at;
}

static char *put_text(char *at, const char *text)
{
	size_t n = strlen(text);

	memcpy(at, text, n);
	return at + n;
}

/* Wed, 21 Oct 2015 07:28:00 GMT (RFC 9110 5.6.7) */
static void put_date(char *at, int64_t wall)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	struct p2v_date d = p2v_date_of(wall);

	at = put_text(put_text(at, days[d.weekday % 7]), ", ");
	at = put_text(put_2(at, d.day), " ");
	at = put_text(put_text(at, months[d.month % 12]), " ");
	at = put_text(put_2(put_2(at, d.year / 100), d.year % 100), " ");
	at = put_text(put_2(at, d.hour), ":");
	at = put_text(put_2(at, d.minute), ":");
	at = put_text(put_2(at, d.second), " GMT");
	*at = 0;
}

/* Many ask for what was made in few seconds. @return lives until the next call */
static const char *http_date(struct p2v_origin *o, int64_t wall)
{
	int64_t second = wall / P2V_SECOND;
	struct dated *d = &o->dated[(uint64_t)second % DATED];

	if (!d->text[0] || d->second != second)
		put_date(d->text, wall);
	d->second = second;
	return d->text;
}

static void reply(
	struct job *j, uint32_t status, uint64_t length, const struct p2v_header *v, size_t n)
{
	struct p2v_origin *o = j->origin;
	struct p2v_reply r = { status, length, v, n };

	o->count.errors += status >= 400;
	o->count.unchanged += status == 304;
	o->count.partial += status == 206;
	j->replied = true;
	o->w.ops->http_reply(o->w.self, j->x, &r);
}

static void finish(struct job *j)
{
	j->finished = true;
	j->origin->w.ops->http_end(j->origin->w.self, j->x);
}

/* An answer without a body. */
static void reply_status(struct job *j, uint32_t status)
{
	struct p2v_header v[2] = { { p2v_str_of("Access-Control-Allow-Origin"), p2v_str_of("*") },
		{ p2v_str_of("Location"), p2v_str_of(j->fault.location) } };

	j->at = j->end = 0;
	reply(j, status, 0, v, j->fault.location ? 2 : 1);
	finish(j);
}

/* Hand over what there is room for, or what the pace allows. */
static void feed(struct job *j)
{
	struct p2v_origin *o = j->origin;
	uint64_t allowed = j->fault.rate ? j->fault.rate * (uint64_t)PACE / P2V_SECOND + 1
					 : UINT64_MAX;
	size_t room;

	while (j->at < j->end && allowed && (room = o->w.ops->http_room(o->w.self, j->x))) {
		uint64_t n = j->end - j->at < allowed ? j->end - j->at : allowed;
		struct p2v_slice s;

		n = n < room ? n : room;
		s = p2v_encoder_read(
			o->encoder, &j->file, j->at, n < WRITE_MAX ? (size_t)n : WRITE_MAX);
		if (!s.p) {
			j->finished = true;
			o->w.ops->http_abort(o->w.self, j->x);
			return;
		}
		j->at += s.n;
		allowed -= s.n;
		count(j, 0, s.n);
		o->w.ops->http_write(o->w.self, j->x, s);
	}
	if (j->at == j->end)
		finish(j); /* short of what was promised, that breaks the connection */
	else if (j->fault.rate)
		p2v_arm(&o->w, &j->timer, p2v_now(&o->w) + PACE);
}

/* @return whether the client has this very file already (RFC 9110 13.2.2) */
static bool unchanged(const struct job *j, const char *date)
{
	if (j->match[0])
		return holds(p2v_str_of(j->match), j->file.etag) || strcmp(j->match, "*") == 0;
	return strcmp(j->since, date) == 0;
}

/* The header fields of a file, and their texts. */
struct fields {
	struct p2v_header v[7];
	const char *date;
	char range[80];
};

static void fields_fill(const struct job *j, struct fields *f)
{
	struct p2v_origin *o = j->origin;
	bool asked_again = j->file.kind <= P2V_FILE_PLAYLIST || j->file.growing;

	f->date = http_date(o, j->file.made);
	f->v[0] = (struct p2v_header){ p2v_str_of("Content-Type"),
		p2v_str_of(content_type(o, j->file.kind)) };
	f->v[1] = (struct p2v_header){ p2v_str_of("ETag"), p2v_str_of(j->file.etag) };
	f->v[2] = (struct p2v_header){ p2v_str_of("Last-Modified"), p2v_str_of(f->date) };
	f->v[3] = (struct p2v_header){ p2v_str_of("Cache-Control"),
		p2v_str_of(asked_again ? "no-cache" : o->max_age) };
	f->v[4] = (struct p2v_header){ p2v_str_of("Access-Control-Allow-Origin"), p2v_str_of("*") };
	f->v[5] = (struct p2v_header){ p2v_str_of("Accept-Ranges"), p2v_str_of("bytes") };
}

/* @return the status; j->at, j->end: what to send */
static uint32_t place(struct job *j, struct fields *f, uint64_t size)
{
	uint64_t a = 0, b = 0;
	char *at = f->range;
	enum p2v_range_kind kind = p2v_range_place(&j->range, size, &a, &b);

	j->at = kind == P2V_RANGE_OK ? a : 0;
	j->end = kind == P2V_RANGE_OK ? b + 1 : kind == P2V_RANGE_NONE ? size : 0;
	if (kind == P2V_RANGE_NONE)
		return 200;
	at = put_text(at, "bytes ");
	if (kind == P2V_RANGE_BAD) {
		*at++ = '*';
	} else {
		at += p2v_decimal(a, at);
		*at++ = '-';
		at += p2v_decimal(b, at);
	}
	*at++ = '/';
	at += p2v_decimal(size, at);
	f->v[6] = (struct p2v_header){ p2v_str_of("Content-Range"),
		{ f->range, (size_t)(at - f->range) } };
	return kind == P2V_RANGE_OK ? 206 : 416;
}

static void reply_file(struct job *j)
{
	uint64_t size = j->file.size, cut = j->fault.short_by;
	struct fields f;
	uint32_t status;

	fields_fill(j, &f);
	if (unchanged(j, f.date)) {
		reply(j, 304, 0, f.v, 6);
		finish(j);
		return;
	}
	if (j->fault.admits) {
		size -= cut < size ? cut : size;
		cut = 0;
	}
	status = place(j, &f, size);
	reply(j, status, j->fault.no_length ? P2V_LENGTH_UNKNOWN : j->end - j->at, f.v,
		status == 200 ? 6 : 7);
	if (j->head_only)
		j->end = j->at;
	j->end -= cut < j->end - j->at ? cut : j->end - j->at;
	feed(j);
}

static void answer(struct job *j)
{
	if (j->fault.status)
		reply_status(j, j->fault.status);
	else if (!j->found)
		reply_status(j, 404);
	else
		reply_file(j);
}

static struct p2v_str below(const struct p2v_origin *o, struct p2v_str target);

static void find(struct job *j, struct p2v_str target)
{
	struct p2v_origin *o = j->origin;

	p2v_slice_drop(&j->file.text);
	j->found = p2v_encoder_find(o->encoder, below(o, target), p2v_now(&o->w), &j->file) ==
		   P2V_OK;
}

static void on_timer(struct p2v_timer *t, p2v_usec now)
{
	struct job *j = t->owner;

	(void)now;
	if (j->held)
		find(j, p2v_str_of(j->held));
	if (j->replied)
		feed(j);
	else
		answer(j);
}

/* ---- requests ---- */

/* The path of a target or URL below the stream's folder. Absent: elsewhere. */
static struct p2v_str below(const struct p2v_origin *o, struct p2v_str target)
{
	size_t n = strlen(o->conf.folder);
	struct p2v_url u;

	if (p2v_url_split(target, &u) < 0 || u.path.n <= n || u.path.p[n] != '/' ||
		!p2v_str_starts(u.path, o->conf.folder))
		return (struct p2v_str){ NULL, 0 };
	return (struct p2v_str){ u.path.p + n + 1, u.path.n - n - 1 };
}

static void keep(char *out, size_t size, const struct p2v_http_request *rq, const char *name)
{
	struct p2v_str v = p2v_header_get(rq->headers, rq->n_headers, name);
	size_t n = v.n < size ? v.n : size - 1;

	if (n)
		memcpy(out, v.p, n);
	out[n] = 0;
}

/* A range that depends on a validator holds only for that very file (RFC 9110 13.1.5). */
static struct p2v_range asked_range(const struct job *j, const struct p2v_http_request *rq)
{
	struct p2v_str range = p2v_header_get(rq->headers, rq->n_headers, "Range");
	struct p2v_str only = p2v_header_get(rq->headers, rq->n_headers, "If-Range");

	if (j->fault.ignores_range ||
		(only.p && !p2v_str_is(only, j->file.etag) &&
			!p2v_str_is(only, http_date(j->origin, j->file.made))))
		return (struct p2v_range){ .set = false };
	return p2v_range_parse(range);
}

static struct job *job_new(struct p2v_origin *o, struct p2v_exchange *x)
{
	struct job *j = calloc(1, sizeof *j);

	if (!j)
		return NULL;
	j->origin = o;
	j->x = x;
	j->timer.fire = on_timer;
	j->timer.owner = j;
	x->user = j;
	p2v_list_push(&o->jobs, &j->in_origin);
	return j;
}

/* What is asked for may not be there yet. @return when it is */
static p2v_usec hold(struct job *j, struct p2v_str target)
{
	struct p2v_origin *o = j->origin;
	p2v_usec now = p2v_now(&o->w), until;
	struct p2v_text plain = { 0 };
	struct p2v_directives q;

	p2v_directives_take(target, &q, &plain);
	p2v_text_fini(&plain);
	until = p2v_encoder_held_until(o->encoder, below(o, target), &q, now);
	if (until == P2V_NEVER)
		j->fault.status = 400;
	else if (until > now)
		j->held = p2v_str_dup(target);
	return j->held ? until : now;
}

static void on_request(void *ctx, struct p2v_exchange *x, const struct p2v_http_request *rq)
{
	struct p2v_origin *o = ctx;
	struct job *j = job_new(o, x);
	p2v_usec delay = o->conf.think;

	if (!j) {
		x->user = NULL;
		o->w.ops->http_abort(o->w.self, x);
		return;
	}
	find(j, rq->target);
	j->head_only = p2v_str_is(rq->method, "HEAD");
	j->url = url_count(o, rq->target);
	count(j, 1, 0);
	hit(o, rq->target, &j->fault);
	keep(j->match, sizeof j->match, rq, "If-None-Match");
	keep(j->since, sizeof j->since, rq, "If-Modified-Since");
	if (j->found)
		j->range = asked_range(j, rq);
	if (!j->head_only && !p2v_str_is(rq->method, "GET"))
		j->fault = (struct p2v_origin_fault){ .status = 405 };
	delay += j->fault.delay;
	if (j->fault.silent)
		return;
	if (!j->fault.status)
		delay += hold(j, rq->target) - p2v_now(&o->w);
	if (delay)
		p2v_arm(&o->w, &j->timer, p2v_now(&o->w) + delay);
	else
		answer(j);
}

static void on_drained(void *ctx, struct p2v_exchange *x)
{
	struct job *j = x->user;

	(void)ctx;
	if (j && j->replied && !j->finished && !j->fault.rate)
		feed(j);
}

static void on_gone(void *ctx, struct p2v_exchange *x, bool whole)
{
	struct p2v_origin *o = ctx;

	(void)whole;
	if (x->user)
		job_free(x->user);
	if (o->closed && p2v_list_empty(&o->jobs))
		origin_free(o);
}

int p2v_origin_new(const struct p2v_world *world, const struct p2v_origin_conf *conf,
	const struct p2v_addr *bind, struct p2v_origin **out, struct p2v_err *err)
{
	static const struct p2v_http_handler handler = { on_request, on_drained, on_gone };
	const struct p2v_addr any = { .port = 80 };
	struct p2v_origin *o = calloc(1, sizeof *o);
	int rc;

	if (!o)
		return p2v_fail(err, P2V_ENOMEM, "no memory for an origin");
	o->w = *world;
	o->conf = *conf;
	(void)snprintf(o->max_age, sizeof o->max_age, "max-age=%lld",
		(long long)(conf->max_age / P2V_SECOND));
	p2v_list_init(&o->faults);
	p2v_list_init(&o->jobs);
	o->encoder = p2v_encoder_new(&conf->encoder, p2v_now(world), world->ops->wall(world->self));
	if (!o->encoder) {
		free(o);
		return p2v_fail(err, P2V_ENOMEM, "no memory for an origin");
	}
	rc = world->ops->http_listen(
		world->self, bind ? bind : &any, &handler, o, &o->server, &o->addr, err);
	if (rc < 0) {
		origin_free(o);
		return rc;
	}
	*out = o;
	return P2V_OK;
}

int p2v_origin_place(const struct p2v_origin *o, const char *url, struct p2v_media_place *out)
{
	return p2v_encoder_place(o->encoder, below(o, p2v_str_of(url)), out);
}

int p2v_origin_match(const struct p2v_origin *o, const char *url, uint64_t off, struct p2v_bytes b)
{
	return p2v_encoder_match(o->encoder, below(o, p2v_str_of(url)), off, b);
}
