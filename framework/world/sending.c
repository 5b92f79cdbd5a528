/* sending.c - the queue of one exchange, and the headers of its reply. No socket, no library. */
#include <config.h>

#include "framework/world/sending.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct p2v_sending *p2v_sending_new(const char *target)
{
	struct p2v_sending *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	x->target = strdup(target);
	if (!x->target) {
		free(x);
		return NULL;
	}
	x->refs = 1;
	p2v_list_init(&x->in_server);
	p2v_list_init(&x->in_changed);
	return x;
}

void p2v_sending_drop(struct p2v_sending *x)
{
	for (size_t i = x->first; i < x->n_parts; i++)
		p2v_slice_drop(&x->parts[i]);
	x->first = x->n_parts = x->off = 0;
	x->queued = 0;
}

void p2v_sending_unref(struct p2v_sending *x)
{
	assert(x->refs > 0);
	if (--x->refs > 0)
		return;
	p2v_sending_drop(x);
	p2v_list_remove(&x->in_server);
	p2v_list_remove(&x->in_changed);
	p2v_text_fini(&x->headers);
	free(x->parts);
	free(x->target);
	free(x);
}

/* ---- the reply ---- */

static bool is_token(struct p2v_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == ':')
			return false;
	return s.n > 0;
}

static bool is_value(struct p2v_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

/* What the library writes by itself, from what it knows of body and connection. */
static bool is_framing(struct p2v_str name)
{
	static const char *const names[] = { "Connection", "Content-Length", "Keep-Alive",
		"Trailer", "Transfer-Encoding", "Upgrade" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (p2v_str_is_nocase(name, names[i]))
			return true;
	return false;
}

void p2v_sending_reply(struct p2v_sending *x, const struct p2v_reply *r)
{
	assert(!x->replied && r->status >= 200 && r->status <= 999);
	x->replied = true;
	x->status = r->status;
	x->length = r->length;
	x->bodiless = x->head || r->status == 204 || r->status == 304;
	for (size_t i = 0; i < r->n_headers; i++) {
		const struct p2v_header *h = &r->headers[i];

		if (!is_token(h->name) || !is_value(h->value) || is_framing(h->name))
			continue;
		p2v_text_str(&x->headers, h->name);
		p2v_text_add(&x->headers, "", 1);
		p2v_text_str(&x->headers, h->value);
		p2v_text_add(&x->headers, "", 1);
	}
	if (x->headers.oom)
		x->aborted = true;
}

/* ---- the queue ---- */

static bool make_room(struct p2v_sending *x)
{
	size_t cap = x->cap_parts ? 2 * x->cap_parts : 16;
	struct p2v_slice *v;

	if (x->n_parts < x->cap_parts)
		return true;
	if (x->first > x->cap_parts / 2) { /* most of it is sent: move up instead */
		memmove(x->parts, x->parts + x->first, (x->n_parts - x->first) * sizeof *x->parts);
		x->n_parts -= x->first;
		x->first = 0;
		return true;
	}
	v = realloc(x->parts, cap * sizeof *v);
	if (!v)
		return false;
	x->parts = v;
	x->cap_parts = cap;
	return true;
}

/* A slice that goes on where the last one ends needs no part of its own. */
static bool merge(struct p2v_sending *x, struct p2v_slice *s)
{
	struct p2v_slice *last = x->n_parts > x->first ? &x->parts[x->n_parts - 1] : NULL;

	if (!last || !s->buf || last->buf != s->buf || last->p + last->n != s->p)
		return false;
	last->n += s->n;
	p2v_slice_drop(s);
	return true;
}

void p2v_sending_push(struct p2v_sending *x, struct p2v_slice s)
{
	uint64_t n = s.n;

	assert((x->replied || x->aborted) && !x->ended);
	if (x->aborted || x->bodiless || n == 0) {
		p2v_slice_drop(&s);
		return;
	}
	if (x->length != P2V_LENGTH_UNKNOWN && n > x->length - x->given) {
		x->aborted = true;
		p2v_slice_drop(&s);
		return;
	}
	if (!merge(x, &s)) {
		if (!make_room(x)) {
			x->aborted = true;
			p2v_slice_drop(&s);
			return;
		}
		x->parts[x->n_parts++] = s;
	}
	x->given += n;
	x->queued += n;
	if (x->queued >= P2V_ROOM)
		x->full = true;
}

size_t p2v_sending_copy(struct p2v_sending *x, char *buf, size_t max)
{
	size_t done = 0;

	while (done < max && x->first < x->n_parts) {
		struct p2v_slice *s = &x->parts[x->first];
		size_t n = s->n - x->off < max - done ? s->n - x->off : max - done;

		memcpy(buf + done, s->p + x->off, n);
		done += n;
		x->off += n;
		if (x->off < s->n)
			break;
		p2v_slice_drop(s);
		x->off = 0;
		if (++x->first == x->n_parts)
			x->first = x->n_parts = 0;
	}
	x->queued -= done;
	return done;
}

size_t p2v_sending_room(const struct p2v_sending *x)
{
	if (x->full || x->aborted || x->ended)
		return 0;
	return (size_t)(P2V_ROOM - x->queued);
}
