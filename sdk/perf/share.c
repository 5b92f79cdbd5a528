/* share.c - what both ends of a measurement do: bytes from nowhere, bytes to nowhere, and the
 * processor's time. */
#include <config.h>

#include <stdlib.h>
#include <sys/resource.h>

#include "framework/base/random.h"
#include "sdk/perf/inside.h"

enum {
	SOURCE_SIZE = 256 * 1024, /* [B] */
	ENOUGH = 1024 * 1024      /* [B] that wait to be sent: more than one turn takes */
};

p2v_usec p2v_perf_cpu(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (p2v_usec)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * P2V_SECOND + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

int p2v_perf_source_init(struct p2v_perf_source *s, struct p2v_err *err)
{
	struct p2v_random r;

	s->buf = p2v_buf_new(SOURCE_SIZE);
	if (!s->buf)
		return p2v_fail(err, P2V_ENOMEM, "no memory for what is sent");
	p2v_random_init(&r, 1, "perf");
	for (size_t i = 0; i < SOURCE_SIZE; i++)
		s->buf->data[i] = (uint8_t)p2v_random_next(&r);
	return P2V_OK;
}

void p2v_perf_source_fini(struct p2v_perf_source *s)
{
	p2v_buf_unref(s->buf);
	s->buf = NULL;
}

int p2v_perf_fill(struct p2v_perf_source *s, struct p2v_stream *t, uint64_t *left)
{
	while (*left && p2v_stream_unsent(t) < ENOUGH) {
		size_t n = *left < SOURCE_SIZE ? (size_t)*left : SOURCE_SIZE;
		int code = p2v_stream_write(t, p2v_slice_of(s->buf, 0, n));

		if (code != P2V_OK)
			return code;
		if (*left != UINT64_MAX)
			*left -= n;
		if (*left == 0)
			p2v_stream_finish(t);
	}
	return P2V_OK;
}

uint64_t p2v_perf_drain(struct p2v_stream *t)
{
	const uint8_t *p;
	uint64_t all = 0;
	size_t n;

	while ((n = p2v_stream_peek(t, &p)) > 0) {
		p2v_stream_consume(t, n);
		all += n;
	}
	return all;
}
