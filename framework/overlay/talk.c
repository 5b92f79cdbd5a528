/* talk.c - messages on a stream. */
#include "framework/overlay/talk.h"

static void broken(struct p2v_talk *k, const struct p2v_err *err)
{
	p2v_talk_close(k);
	k->broken(k, err);
}

/* Deliver the whole messages at the front of `in`. @return [B] taken; negative: the talk is over */
static ptrdiff_t deliver(struct p2v_talk *k, struct p2v_bytes in)
{
	size_t done = 0;

	while (k->stream) {
		struct p2v_err err;
		struct p2v_bytes body;
		union p2v_msg msg;
		uint64_t number;
		ptrdiff_t n = p2v_msg_next(
			(struct p2v_bytes){ in.p + done, in.n - done }, &number, &body, &err);
		int rc;

		if (n == 0)
			return (ptrdiff_t)done;
		rc = n < 0 ? (int)n : p2v_msg_read(number, body, &msg, &err);
		if (rc < 0 && rc != P2V_ENOENT) {
			broken(k, &err);
			return -1;
		}
		done += (size_t)n;
		if (rc == P2V_OK)
			k->message(k, number, &msg);
	}
	return -1;
}

/* Deliver what t shows, and take it. The handler may close the talk: it must not free what it is
 * being told from, so that is a slice of our own, or, when a message came in pieces, k->in.
 * @return false: the talk is over */
static bool take(struct p2v_talk *k, struct p2v_stream *t, const uint8_t *p, size_t n)
{
	struct p2v_slice s = p2v_stream_peek_slice(t);
	struct p2v_text before = k->in;
	struct p2v_bytes in;
	ptrdiff_t done;

	if (!s.buf)
		s = p2v_slice_copy(p, n);
	k->in = (struct p2v_text){ NULL, 0, 0, !s.p };
	p2v_stream_consume(t, n);
	if (before.n > 0 && s.p)
		p2v_text_add(&before, (const char *)s.p, s.n);
	in = before.n > 0 ? (struct p2v_bytes){ (const uint8_t *)before.p, before.n }
			  : (struct p2v_bytes){ s.p, s.n };
	k->in.oom |= before.oom;
	done = k->in.oom ? 0 : deliver(k, in);
	if (done >= 0 && (size_t)done < in.n)
		p2v_text_add(&k->in, (const char *)in.p + done, in.n - (size_t)done);
	p2v_text_fini(&before);
	p2v_slice_drop(&s);
	if (done >= 0 && k->in.oom) {
		struct p2v_err err;

		(void)p2v_fail(&err, P2V_ENOMEM, "no memory for a message");
		broken(k, &err);
		return false;
	}
	return done >= 0;
}

static void readable(struct p2v_stream_owner *o, struct p2v_stream *t)
{
	struct p2v_talk *k = (struct p2v_talk *)o;
	const uint8_t *p;
	size_t n;

	while (k->stream == t && (n = p2v_stream_peek(t, &p)) > 0)
		if (!take(k, t, p, n))
			return;
	if (k->stream == t && p2v_stream_eof(t)) {
		struct p2v_err err;

		(void)p2v_fail(&err, P2V_ECLOSED, "the remote ended the conversation");
		broken(k, &err);
	}
}

static void writable(struct p2v_stream_owner *o, struct p2v_stream *t)
{
	(void)o;
	(void)t;
}

static void ended(struct p2v_stream_owner *o, struct p2v_stream *t, int code, uint64_t reason)
{
	struct p2v_talk *k = (struct p2v_talk *)o;
	struct p2v_err err;

	if (k->stream != t)
		return;
	k->stream = NULL; /* gone already: not to be released */
	if (code == P2V_ECLOSED)
		(void)p2v_fail(&err, code, "the remote cut the conversation with code %llu",
			(unsigned long long)reason);
	else if (code < 0)
		(void)p2v_fail(&err, code, "the session ended");
	else
		(void)p2v_fail(&err, P2V_ECLOSED, "the remote ended the conversation");
	broken(k, &err);
}

void p2v_talk_begin(struct p2v_talk *k, struct p2v_stream *t)
{
	k->owner = (struct p2v_stream_owner){ readable, writable, ended };
	k->stream = t;
	p2v_stream_set_user(t, &k->owner);
	p2v_stream_set_priority(t, 4, 0); /* small and few: before any media */
}

int p2v_talk_encode(enum p2v_message number, const void *msg, struct p2v_slice *out)
{
	uint8_t small[1024];
	struct p2v_buf *large = NULL;
	struct p2v_writer w = p2v_writer_of(small, sizeof small);

	*out = (struct p2v_slice){ NULL, NULL, 0 };
	p2v_msg_write(number, msg, &w);
	if (w.full) {
		large = p2v_buf_new(P2V_MESSAGE_HEAD + P2V_MESSAGE_MAX);
		if (!large)
			return P2V_ENOMEM;
		w = p2v_writer_of(large->data, large->size);
		p2v_msg_write(number, msg, &w);
	}
	if (!w.full)
		*out = p2v_slice_copy(w.start, p2v_written(&w));
	p2v_buf_unref(large);
	return w.full ? P2V_ELIMIT : out->p ? P2V_OK : P2V_ENOMEM;
}

int p2v_talk_write(struct p2v_talk *k, struct p2v_slice s)
{
	if (!k->stream || p2v_stream_unsent(k->stream) > P2V_TALK_BACKLOG) {
		p2v_slice_drop(&s);
		return k->stream ? P2V_ELIMIT : P2V_ECLOSED;
	}
	return p2v_stream_write(k->stream, s);
}

int p2v_talk_send(struct p2v_talk *k, enum p2v_message number, const void *msg)
{
	struct p2v_slice s;
	int rc;

	if (!k->stream)
		return P2V_ECLOSED;
	rc = p2v_talk_encode(number, msg, &s);
	return rc < 0 ? rc : p2v_talk_write(k, s);
}

void p2v_talk_close(struct p2v_talk *k)
{
	if (k->stream)
		p2v_stream_release(k->stream);
	k->stream = NULL;
	p2v_text_fini(&k->in);
}
