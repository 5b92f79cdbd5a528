/* keep_test.c - what arrives, kept as it is: a transport that was handed a buffer gives the reader
 * a reference to it; where packets were copied it says that it has none to give. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/sim/dtl_net.h"

TestSuite(keep, .timeout = 60);

#ifdef FIDELITY_FLOW
enum { KEEPS = 1 };
#else
enum { KEEPS = 0 };
#endif

enum { SIZE = 16384 };

/* Send a buffer whole from one end to another, which does not read yet. */
static struct p2v_buf *send_one(struct net *net, uint64_t up, struct p2v_stream **at)
{
	const struct p2v_link near = { .up = up, .down = up, .delay = 5000 };
	struct p2v_buf *b = p2v_buf_new(SIZE);
	struct p2v_stream *t;
	struct p2v_session *s;
	struct end *from, *to;

	cr_assert(b);
	net_pattern(3, 0, b->data, SIZE);
	net_init(net, 5, &p2v_cc_cubic_LTX_p2v_plugin);
	from = net_end(net, &near);
	to = net_end(net, &near);
	to->idle = true;
	s = net_connect(from, to);
	cr_assert_eq(p2v_stream_open(s, &t), P2V_OK);
	cr_assert_eq(p2v_stream_write(t, p2v_slice_of(b, 0, SIZE)), P2V_OK);
	net_run(net, 3 * P2V_SECOND);
	cr_assert_not(p2v_list_empty(&to->xfers));
	*at = P2V_OF(to->xfers.next, struct xfer, in_end)->stream;
	return b;
}

static void drain(struct net *net, struct p2v_stream *t, struct p2v_buf *b)
{
	const uint8_t *p;
	size_t n, got = 0;

	while ((n = p2v_stream_peek(t, &p)) > 0) {
		struct p2v_slice s = p2v_stream_peek_slice(t);

		cr_assert_leq(got + n, SIZE);
		cr_assert_eq(memcmp(p, b->data + got, n), 0);
		/* With packets it is kept where the virtual world lends it, else copied. */
		cr_assert(s.buf || !KEEPS);
		if (s.buf) {
			cr_assert_eq(s.buf, b);
			cr_assert_eq(s.p, b->data + got);
			cr_assert_eq(s.n, n);
			cr_assert_eq(s.p, p);
		}
		got += n;
		p2v_stream_consume(t, n);
		if (s.buf) /* it outlives what the stream held */
			cr_assert_eq(memcmp(s.p, b->data + got - n, n), 0);
		p2v_slice_drop(&s);
	}
	cr_assert_eq(got, SIZE);
	cr_assert_null(p2v_stream_peek_slice(t).buf, "there is nothing to keep");
	net_fini(net);
	cr_assert_eq(b->refs, 1);
	p2v_buf_unref(b);
}

Test(keep, a_buffer_that_was_written_whole)
{
	struct net net;
	struct p2v_stream *t;
	struct p2v_buf *b = send_one(&net, 12500000, &t);

	drain(&net, t, b);
}

/* So slow that it comes in parts. */
Test(keep, a_buffer_that_comes_in_parts)
{
	struct net net;
	struct p2v_stream *t;
	struct p2v_buf *b = send_one(&net, 50000, &t);

	drain(&net, t, b);
}
