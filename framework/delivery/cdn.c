/* cdn.c - fetching fragments from the CDN: whole, or only what is missing of them, by Range. When
 * is decided in plan.c. */
#include <stdlib.h>
#include <string.h>

#include "framework/delivery/inside.h"

#define HEADERS_MAX     2048u /* [B] of a fragment's headers that are kept and shared */
#define RETRY_FIRST     (250 * P2V_MSEC)
#define HOLE_MAX        4u /* [chunks] */
#define RETRY_MAX       (1 * P2V_SECOND)
#define CONNECT_TIMEOUT (3 * P2V_SECOND)
#define IDLE_TIMEOUT    (5 * P2V_SECOND) /* another server of the CDN may be well */
#define RATE_UNKNOWN                                                                          \
	125000u /* [B/s] before the first fetch: one Mbit/s, so that nobody waits too long at \
		   first */
#define WAIT_UNKNOWN  (200 * P2V_MSEC)
#define RATE_MIN_TIME (300 * P2V_MSEC)
#define COLLAPSE      4u /* to what part of what is usual one fetch has to fall to be believed */
#define QUICK         8  /* times as fast as it plays: there is room for more beside it */
#define RATE_MIN_SIZE 32768u /* [B] of a body from which a rate can be read */

struct p2v_cdn_job {
	struct p2v_fragment *fragment;
	struct p2v_fetch *fetch;
	uint64_t first, pos; /* [B] in the fragment: where it began, where the next byte belongs */
	uint64_t skip;       /* [B] of the body before ours: the server ignored our Range */
	uint64_t got;        /* [B] of body */
	uint64_t end; /* [B] in the fragment, where this answer's body ends; P2V_LENGTH_UNKNOWN */
	bool ranged;
	bool tail; /* all from `first` on, of a body that nobody said the length of */
	bool hint; /* asked for before it was there: how long that took says nothing of the line */
	p2v_usec started, head_at;
	int64_t fetched; /* [us] wall time */
	uint32_t status;
	enum p2v_metric bytes; /* the counter of its bytes */
};

/* ---- what fetches have cost ---- */

static uint64_t cautious_rate(const struct p2v_delivery *d)
{
	size_t k = d->n_rates < P2V_RATES ? d->n_rates : P2V_RATES;
	uint64_t rates[P2V_RATES] = { 0 }, lately = 0, last;

	for (size_t i = 0; i < k; i++) { /* insertion sort of at most 16 */
		size_t j = i;

		for (; j > 0 && rates[j - 1] > d->rates[i]; j--)
			rates[j] = rates[j - 1];
		rates[j] = d->rates[i];
	}
	last = d->rates[(d->n_rates - 1) % P2V_RATES];
	/* The best of two may be chance; a fall to a quarter is not. */
	if (last < rates[k / 5] / COLLAPSE)
		return last ? last : 1;
	for (size_t i = 0; i < k && i < 2; i++) {
		uint64_t one = d->rates[(d->n_rates - 1 - i) % P2V_RATES];

		lately = one > lately ? one : lately;
	}
	/* The 20th percentile; less, when the line became thinner a moment ago. */
	lately = lately < rates[k / 5] ? lately : rates[k / 5];
	return lately ? lately : 1;
}

static p2v_usec longest_wait(const struct p2v_delivery *d)
{
	size_t k = d->n_rates < P2V_RATES ? d->n_rates : P2V_RATES;
	p2v_usec wait = 0;

	for (size_t i = 0; i < k; i++)
		wait = d->waits[i] > wait ? d->waits[i] : wait;
	return wait;
}

/* What follows from it is asked for much more often than it changes. */
void p2v_cdn_remember(struct p2v_delivery *d, uint64_t rate, p2v_usec wait)
{
	size_t i = d->n_rates++ % P2V_RATES;

	d->rates[i] = rate;
	d->waits[i] = wait;
	d->cdn_rate = cautious_rate(d);
	d->cdn_wait = longest_wait(d);
}

uint64_t p2v_cdn_rate(const struct p2v_delivery *d)
{
	return d->n_rates > 0 ? d->cdn_rate : RATE_UNKNOWN;
}

p2v_usec p2v_cdn_estimate(const struct p2v_delivery *d, uint64_t n)
{
	p2v_usec wait = d->n_rates > 0 ? d->cdn_wait : WAIT_UNKNOWN;

	return wait + (p2v_usec)(n < UINT64_MAX / P2V_SECOND ? n * P2V_SECOND / p2v_cdn_rate(d)
							     : UINT64_MAX / 4);
}

/* ---- headers ---- */

/* What belongs to one connection, one viewer or one moment is not part of the fragment. */
static bool travels(struct p2v_str name)
{
	static const char *const not_shared[] = { "connection", "keep-alive", "transfer-encoding",
		"te", "trailer", "upgrade", "proxy-authenticate", "proxy-authorization",
		"set-cookie", "set-cookie2", "content-length", "content-range", "accept-ranges",
		"date", "age", "via", "alt-svc", "report-to", "nel", "strict-transport-security",
		"x-p2v-source", "cache-status", NULL };

	for (size_t i = 0; not_shared[i]; i++)
		if (p2v_str_is_nocase(name, not_shared[i]))
			return false;
	return true;
}

static void keep_headers(const struct p2v_fetch_head *h, struct p2v_text *out)
{
	static const char *const first[] = { "content-type", "content-encoding", "etag",
		"last-modified", "cache-control", "expires", "access-control-allow-origin", NULL };

	/* Those that players need come first, so that the limit cuts others. */
	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < h->n_headers; i++) {
			const struct p2v_header *v = &h->headers[i];
			bool early = false;

			for (size_t k = 0; first[k]; k++)
				early |= p2v_str_is_nocase(v->name, first[k]);
			if (early != (pass == 0) || !travels(v->name) ||
				out->n + v->name.n + v->value.n + 4 > HEADERS_MAX)
				continue;
			p2v_text_str(out, v->name);
			p2v_text_puts(out, ": ");
			p2v_text_str(out, v->value);
			p2v_text_puts(out, "\r\n");
		}
	}
}

static struct p2v_str header(const struct p2v_fetch_head *h, const char *name)
{
	return p2v_header_get(h->headers, h->n_headers, name);
}

static bool may_share(const struct p2v_fragment *f, const struct p2v_fetch_head *h)
{
	struct p2v_cache_control c = p2v_cache_control_parse(header(h, "cache-control"));

	return f->feed->channel->conf.share_private || !(c.no_store || c.is_private);
}

/* ---- the end of a job ---- */

static void job_free(struct p2v_fragment *f)
{
	free(f->job);
	f->job = NULL;
}

void p2v_cdn_cancel(struct p2v_fragment *f)
{
	const struct p2v_world *w = &f->d->node->world;

	if (!f->job)
		return;
	/* What was given up because it was slow tells most about the line. */
	if (f->job->head_at && !f->job->hint &&
		p2v_now(w) - f->job->head_at >= p2v_scale(f->dur, RATE_MIN_TIME))
		p2v_cdn_remember(f->d,
			f->job->got * P2V_SECOND / (uint64_t)(p2v_now(w) - f->job->head_at),
			f->job->head_at - f->job->started);
	if (f->job->fetch)
		w->ops->fetch_cancel(w->self, f->job->fetch);
	job_free(f);
}

void p2v_cdn_needless(struct p2v_fragment *f)
{
	/* An answer that has run to its end closes by itself, and leaves its connection for the
	 * next. */
	if (f->job && (f->job->status == 0 || f->job->pos < f->job->end))
		p2v_cdn_cancel(f);
}

/* Who waits for it here goes elsewhere. */
static void withdraw(struct p2v_fragment *f)
{
	if (f->known)
		return;
	f->hops = P2V_HOPS_MAX;
	p2v_serve_cancel_all(f);
	p2v_mates_retract(f);
}

static void failed(struct p2v_fragment *f, uint32_t status, const char *why)
{
	p2v_usec pause = RETRY_FIRST << (f->cdn_failures < 2 ? f->cdn_failures : 2);

	p2v_cdn_cancel(f);
	if (f->hint && status >= 400 && status < 500) { /* nobody said that it is there */
		f->cdn_again = f->ready_at;
		withdraw(f);
		p2v_plan(f);
		return;
	}
	withdraw(f);
	f->cdn_failures++;
	f->status = status;
	f->cdn_again = p2v_now(&f->d->node->world) + (pause < RETRY_MAX ? pause : RETRY_MAX);
	p2v_count(&f->d->node->metrics, P2V_M_CDN_ERRORS, 1);
	p2v_log(f->d->node, P2V_LOG_WARN, "cdn_error", "fragment=%016llx status=%u why=\"%s\"",
		(unsigned long long)p2v_id_short(&f->key), status, why);
	p2v_plan(f);
}

/* Nobody holds it, so nobody shares it; players get it as the CDN sends it. */
static void too_large(struct p2v_fragment *f)
{
	p2v_cdn_cancel(f);
	p2v_fragment_reset(f);
	f->too_large = true;
	p2v_fragment_fail(f, 413);
}

/* ---- one answer ---- */

/* Place the body: where its first byte belongs, how long the fragment is, of how long a whole.
 * @return NULL, or why the answer is of no use */
static const char *place(
	struct p2v_cdn_job *j, const struct p2v_fetch_head *h, uint64_t *length, uint64_t *total)
{
	struct p2v_fragment *f = j->fragment;
	uint64_t off = f->range.set ? f->range.off : 0, first, last;

	*total = P2V_LENGTH_UNKNOWN;
	if (h->status == 206) {
		if (!j->ranged || p2v_content_range_parse(
					  header(h, "content-range"), &first, &last, total) < 0)
			return "a part that was not asked for";
		if (first != off + j->first)
			return "another part than was asked for";
		if (*total == P2V_LENGTH_UNKNOWN && !f->range.set && !f->known)
			return "a part of it does not know of how much";
		*length = *total;
		j->end = last + 1 - off;
	} else {
		j->pos = 0;
		j->skip = off;
		*length = *total = h->length;
		j->end = h->length == P2V_LENGTH_UNKNOWN || h->length < off ? P2V_LENGTH_UNKNOWN
									    : h->length - off;
	}
	if (f->range.set) {
		if (*total != P2V_LENGTH_UNKNOWN && *total <= off)
			return "the byte range lies beyond the end";
		*length = *total != P2V_LENGTH_UNKNOWN && *total - off < f->range.len
				  ? *total - off
				  : f->range.len;
	} else if (*length == P2V_LENGTH_UNKNOWN && f->known) {
		*length = f->length;
	}
	return NULL;
}

static bool same_length(const struct p2v_fragment *f, uint64_t length)
{
	return f->length == length || (f->open && f->length == P2V_LENGTH_UNKNOWN);
}

/* A length that was not known may be by now. @return whether there is memory */
static bool grown(struct p2v_fragment *f, uint64_t length)
{
	if (f->length != P2V_LENGTH_UNKNOWN || length == P2V_LENGTH_UNKNOWN)
		return true;
	if (length < f->held || length > f->d->conf->max_fragment ||
		(length > 0 && p2v_fragment_grow(f, (uint32_t)((length - 1) / P2V_CHUNK)) < 0)) {
		failed(f, 502, "it has another length than bytes");
		return false;
	}
	f->length = length;
	f->complete = f->n_whole == f->n_chunks;
	return true;
}

/* @return whether the body is to be read on */
static bool accept(
	struct p2v_cdn_job *j, const struct p2v_fetch_head *h, uint64_t length, uint64_t total)
{
	struct p2v_fragment *f = j->fragment;
	uint64_t signed_length = f->known && f->open ? P2V_LENGTH_UNKNOWN : length;
	uint64_t generation = p2v_generation(
		f->d->node, signed_length, header(h, "etag"), header(h, "last-modified"));
	struct p2v_proof proof = { .fetched = j->fetched };
	struct p2v_text headers = { 0 };
	int rc;

	if (f->known && (f->generation != generation || !same_length(f, length))) {
		/* The CDN has another content now, and it is right: what peers or an earlier answer
		 * brought is not. */
		p2v_log(f->d->node, P2V_LOG_WARN, "content_changed", "fragment=%016llx",
			(unsigned long long)p2v_id_short(&f->key));
		p2v_fragment_reset(f);
		if (h->status == 206) {
			p2v_cdn_cancel(f);
			(void)p2v_cdn_begin(f, P2V_WHY_OTHER);
			return false;
		}
	}
	if (f->known)
		return grown(f, length);
	if (length != P2V_LENGTH_UNKNOWN && length > f->d->conf->max_fragment) {
		too_large(f);
		return false;
	}
	keep_headers(h, &headers);
	rc = headers.oom
		     ? P2V_ENOMEM
		     : p2v_fragment_set_known(f, length, total, generation,
			       (struct p2v_str){ headers.p ? headers.p : "", headers.n }, &proof);
	p2v_text_fini(&headers);
	if (rc < 0) {
		failed(f, 500, "no memory");
		return false;
	}
	f->hops = 0;
	f->shared = may_share(f, h);
	p2v_fragment_progress(f);
	return f->job == j;
}

/* What an answer says of byte ranges. One whose content is another says nothing. */
static void learn_ranges(const struct p2v_cdn_job *j, const struct p2v_fetch_head *h)
{
	struct p2v_fragment *f = j->fragment;

	if (h->status == 206 ||
		(!j->ranged && p2v_str_is_nocase(header(h, "accept-ranges"), "bytes")))
		f->feed->ranges = true;
	else if (j->ranged && h->status == 200 && f->known && f->open &&
		 f->generation == p2v_generation(f->d->node, P2V_LENGTH_UNKNOWN, header(h, "etag"),
					  header(h, "last-modified")))
		f->feed->ranges = false;
}

/* The rest alone cannot be had, or does not say where it ends: all of it, then. */
static void whole_instead(struct p2v_fragment *f)
{
	f->feed->ranges = false;
	p2v_cdn_cancel(f);
	(void)p2v_cdn_begin(f, P2V_WHY_OTHER);
}

static bool tail_failed(const struct p2v_cdn_job *j, const struct p2v_fetch_head *h)
{
	uint64_t first, last, total;

	if (!j->tail || h->status == 200)
		return false;
	return h->status == 416 ||
	       (h->status == 206 && (p2v_content_range_parse(header(h, "content-range"), &first,
					     &last, &total) < 0 ||
					    total == P2V_LENGTH_UNKNOWN));
}

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct p2v_cdn_job *j = ctx;
	struct p2v_fragment *f = j->fragment;
	uint64_t length, total;
	const char *why;

	j->head_at = p2v_now(&f->d->node->world);
	j->fetched = f->d->node->world.ops->wall(f->d->node->world.self);
	j->status = h->status;
	if (tail_failed(j, h)) {
		whole_instead(f);
		return;
	}
	learn_ranges(j, h);
	if (h->status != 200 && h->status != 206) {
		failed(f, h->status, "an error status");
		return;
	}
	why = place(j, h, &length, &total);
	if (why)
		failed(f, 502, why);
	else
		(void)accept(j, h, length, total);
}

/* Within on_body. */
static struct p2v_buf *buffer_of(const struct p2v_cdn_job *j)
{
	const struct p2v_world *w = &j->fragment->d->node->world;

	return w->ops->fetch_buffer ? w->ops->fetch_buffer(w->self, j->fetch) : NULL;
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	struct p2v_cdn_job *j = ctx;
	struct p2v_fragment *f = j->fragment;
	uint64_t skipped = j->skip < b.n ? j->skip : b.n;
	ptrdiff_t fresh;
	size_t ours;

	j->got += b.n;
	p2v_count(&f->d->node->metrics, P2V_M_DOWN_CDN, b.n);
	p2v_count(&f->d->node->metrics, j->bytes, b.n);
	j->skip -= skipped;
	b.p += skipped;
	b.n -= (size_t)skipped;
	if (f->range.set && f->known && j->pos + b.n > f->length) { /* the rest is not ours */
		ours = j->pos < f->length ? (size_t)(f->length - j->pos) : 0;
		skipped += b.n - ours;
		b.n = ours;
	}
	fresh = p2v_fragment_fill(f, j->pos, b, buffer_of(j), j->fetched);
	if (fresh < 0) {
		failed(f, 502, fresh == P2V_EPROTO ? "more bytes than it promised" : "no memory");
		return;
	}
	if (fresh > 0) /* it gives after all: what counts is how often it failed since */
		f->cdn_failures = 0;
	skipped += b.n - (size_t)fresh;
	p2v_count(&f->d->node->metrics, P2V_M_WASTED_DUPLICATE, skipped);
	j->pos += b.n;
	if (j->pos > f->d->conf->max_fragment && f->length == P2V_LENGTH_UNKNOWN) {
		too_large(f);
		return;
	}
	if (fresh > 0)
		p2v_fragment_progress(f);
}

/* A body that may have come as it was made shows what the line carries at least. */
static void carried(const struct p2v_cdn_job *j, p2v_usec took)
{
	struct p2v_delivery *d = j->fragment->d;
	uint64_t rate = j->got * P2V_SECOND / (uint64_t)(took > P2V_MSEC ? took : P2V_MSEC);

	if (d->n_rates > 0 && j->got >= RATE_MIN_SIZE && rate > p2v_cdn_rate(d))
		p2v_cdn_remember(d, rate, d->waits[(d->n_rates - 1) % P2V_RATES]);
}

static void on_done(void *ctx, int code, const struct p2v_err *err)
{
	struct p2v_cdn_job *j = ctx;
	struct p2v_fragment *f = j->fragment;
	p2v_usec now = p2v_now(&f->d->node->world), took = now - j->head_at;

	j->fetch = NULL;
	if (code < 0) {
		failed(f, code == P2V_ETIMEDOUT ? 504 : 502, err->text);
		return;
	}
	if (j->hint)
		carried(j, took);
	else if (j->got >= RATE_MIN_SIZE)
		p2v_cdn_remember(f->d,
			j->got * P2V_SECOND / (uint64_t)(took > P2V_MSEC ? took : P2V_MSEC),
			j->head_at - j->started);
	if (f->rendition && !j->hint)
		f->rendition->quick = took < f->dur / QUICK;
	if (f->length == P2V_LENGTH_UNKNOWN) /* its generation was taken without, and stays so */
		p2v_fragment_ended(f, j->pos);
	f->cdn_failures = 0;
	job_free(f);
	p2v_fragment_progress(f);
	if (!f->complete)
		p2v_plan(f);
}

static const struct p2v_fetch_handler handler = { on_head, on_body, on_done };

/* ---- begin ---- */

static void count_why(struct p2v_fragment *f, enum p2v_why why)
{
	static const enum p2v_metric ids[] = { P2V_M_CDN_WHY_ALONE, P2V_M_CDN_WHY_ELECTED,
		P2V_M_CDN_WHY_STANDBY, P2V_M_CDN_WHY_DEADLINE, P2V_M_CDN_WHY_START,
		P2V_M_CDN_WHY_OTHER };

	p2v_count(&f->d->node->metrics, ids[why], 1);
	p2v_log(f->d->node, P2V_LOG_DEBUG, "cdn_fetch", "fragment=%016llx why=%d missing=%llu",
		(unsigned long long)p2v_id_short(&f->key), (int)why,
		(unsigned long long)p2v_fragment_missing(f));
}

/* Near the deadline: partners bring it too slowly, all who have it are busy, or nobody has it. */
static enum p2v_metric bytes_of(const struct p2v_fragment *f, enum p2v_why why)
{
	static const enum p2v_metric ids[] = { P2V_M_CDN_BYTES_ALONE, P2V_M_CDN_BYTES_ELECTED,
		P2V_M_CDN_BYTES_STANDBY, P2V_M_CDN_BYTES_NOBODY, P2V_M_CDN_BYTES_START,
		P2V_M_CDN_BYTES_OTHER };

	if (why != P2V_WHY_DEADLINE)
		return ids[why];
	if (!p2v_list_empty(&f->asks))
		return P2V_M_CDN_BYTES_LATE;
	return p2v_ask_again(f, p2v_now(&f->d->node->world)) != P2V_NEVER ? P2V_M_CDN_BYTES_BUSY
									  : ids[why];
}

/* [chunks] that come in the time that another request would wait for its head. */
static uint32_t hole(const struct p2v_delivery *d)
{
	p2v_usec wait = p2v_cdn_estimate(d, 0), one = p2v_cdn_estimate(d, P2V_CHUNK) - wait;
	p2v_usec n = wait / (one > 0 ? one : 1);

	return n < HOLE_MAX ? (uint32_t)n : HOLE_MAX;
}

/* The bytes from the first that are missing and that no partner brings. What is here between two
 * gaps is fetched again where it is less than another request would cost. */
static void span(const struct p2v_fragment *f, uint64_t *first, uint64_t *last)
{
	uint32_t a = 0, z, next, n, most = hole(f->d);

	if (f->n_chunks > 0 && f->known && f->length != P2V_LENGTH_UNKNOWN &&
		p2v_ask_gap(f, 0, &a, &n)) {
		for (z = a + n; p2v_ask_gap(f, z, &next, &n) && next - z <= most; z = next + n) {
		}
	} else {
		while (a < f->n_chunks && f->chunks[a].whole)
			a++;
		z = f->n_chunks;
	}
	*first = (uint64_t)a * P2V_CHUNK + (a < f->n_chunks ? f->chunks[a].filled : 0);
	*last = P2V_LENGTH_UNKNOWN;
	if (f->known && f->length != P2V_LENGTH_UNKNOWN && z < f->n_chunks)
		*last = (uint64_t)z * P2V_CHUNK - 1;
}

/* A validator by which bytes of one answer may be joined with those of another (RFC 9110 13.1.5).
 */
static bool strong(struct p2v_str etag)
{
	return etag.n > 0 && !p2v_str_starts(etag, "W/");
}

int p2v_cdn_begin(struct p2v_fragment *f, enum p2v_why why)
{
	const struct p2v_world *w = &f->d->node->world;
	struct p2v_header headers[P2V_FORWARDED + 1];
	struct p2v_fetch_request rq = { .url = f->url,
		.redirects = true,
		.headers = headers,
		.connect_timeout = CONNECT_TIMEOUT,
		.idle_timeout = IDLE_TIMEOUT };
	struct p2v_str etag = p2v_header_block_get(
		(struct p2v_str){ (const char *)f->headers.p, f->headers.n }, "etag");
	struct p2v_cdn_job *j;
	struct p2v_err err;

	if (f->job)
		return P2V_OK;
	if (p2v_now(w) < f->cdn_again)
		return P2V_EAGAIN;
	j = calloc(1, sizeof *j);
	if (!j)
		return P2V_ENOMEM;
	j->fragment = f;
	j->started = p2v_now(w);
	j->hint = f->hint;
	span(f, &j->first, &rq.last);
	if (f->known && f->length == P2V_LENGTH_UNKNOWN) {
		/* Where nothing is known to continue by: from the start again. */
		j->tail = f->feed->ranges && strong(etag) && j->first > 0;
		j->first = j->tail ? j->first : 0;
	}
	j->pos = j->first;
	rq.n_headers = p2v_feed_headers(f->feed, headers, P2V_FORWARDED);
	rq.ranged = j->ranged = f->range.set || j->first > 0 || rq.last != P2V_LENGTH_UNKNOWN;
	rq.first = j->first + (f->range.set ? f->range.off : 0);
	if (f->range.set)
		rq.last = f->range.off +
			  (rq.last == P2V_LENGTH_UNKNOWN ? f->range.len - 1 : rq.last);
	if (j->first > 0 && strong(etag))
		headers[rq.n_headers++] = (struct p2v_header){ p2v_str_of("If-Range"), etag };
	f->job = j;
	j->bytes = bytes_of(f, why);
	count_why(f, why);
	if (w->ops->fetch(w->self, &rq, &handler, j, &j->fetch, &err) == P2V_OK) {
		p2v_mates_promise(f);
		return P2V_OK;
	}
	job_free(f);
	f->cdn_failures++;
	f->status = 502;
	f->cdn_again = p2v_now(w) + RETRY_FIRST;
	p2v_log(f->d->node, P2V_LOG_WARN, "cdn_error", "fragment=%016llx why=\"%s\"",
		(unsigned long long)p2v_id_short(&f->key), err.text);
	return P2V_EAGAIN;
}
