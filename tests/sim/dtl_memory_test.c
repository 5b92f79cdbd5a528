/* dtl_memory_test.c - what one endpoint holds while others flood it, counted in bytes of the heap:
 * bounded by what sdk/doc/performance.md says, and given back afterwards. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/sim/dtl_box.h"

TestSuite(dtl_memory, .timeout = 300);

/* ---- strangers ---- */

static void spray(struct box *b, const struct p2v_addr *from, const void *p, size_t n)
{
	queue_put(&b->in, from, 0, p, n);
	box_to_endpoint(b);
	box_to_remotes(b); /* to nobody */
}

/* First flights, cookies of others, and garbage, each from an address of its own: nothing is kept,
 * and no more is sent than came. */
Test(dtl_memory, strangers_leave_nothing)
{
	struct box *b = box_new(true, NULL);
	static struct slot first, cookie;
	uint8_t junk[ROOM];

	(void)remote_new(b);
	first = *queue_take(&b->in, b->wire.base.now);
	spray(b, &first.addr, first.p, first.n); /* the answer goes to the remote */
	cookie = *queue_take(&b->in, b->wire.base.now);
	remote_drop(&b->remote[0]);
	box_mark(b);
	for (uint32_t i = 1; i <= 30000; i++) {
		struct p2v_addr from = p2v_addr_v4(0x0c000000u + i, (uint16_t)(i % 60000 + 1));
		size_t n = 1 + i % (ROOM - 1);

		net_pattern(i, 0, junk, n);
		spray(b, &from, first.p, first.n);
		spray(b, &from, cookie.p, cookie.n);
		spray(b, &from, junk, n);
		junk[0] = 22; /* as of a handshake */
		spray(b, &from, junk, n);
		memcpy(junk, cookie.p, n < 60 ? n : 60); /* and its head */
		spray(b, &from, junk, n);
	}
	cr_assert_eq(b->opened, 0);
	cr_assert(b->in_bytes > 30000 * 500);
	cr_assert(b->out_bytes <= b->in_bytes, "%llu bytes for %llu",
		(unsigned long long)b->out_bytes, (unsigned long long)b->in_bytes);
	cr_log_info("150000 datagrams of strangers: %ld B at most", b->most);
	cr_assert(b->most <= 4 * KB, "%ld B", b->most);
	cr_assert(held() - b->before <= 4 * KB, "%ld B stay", held() - b->before);
	box_free(b);
}

/* A caller whose handshake goes no further than this. */
enum step { SHOWS_ITS_COOKIE, SHOWS_ITS_CERTIFICATE };

/* Of the flight that waits the last record does not arrive. */
static void cut_last_record(struct box *b)
{
	struct slot *last = &b->in.slot[(b->in.first + b->in.n - 1) % SLOTS];
	size_t at = 0, next;

	if (b->in.n == 0)
		return; /* there was no answer */
	while ((next = at + 13 + (size_t)(last->p[at + 11] << 8 | last->p[at + 12])) < last->n)
		at = next;
	last->n = at;
	b->in.n -= at == 0;
}

static void begin_handshake(struct box *b, enum step step)
{
	struct remote *r = remote_new(b);

	box_to_endpoint(b);
	box_to_remotes(b);
	if (step == SHOWS_ITS_CERTIFICATE) {
		box_to_endpoint(b);
		box_to_remotes(b);
		cut_last_record(b);
	}
	remote_drop(r);
	box_to_endpoint(b);
	box_to_remotes(b);
}

/* They are too many, and end nothing: they have half of the places, and the memory comes back. */
static void check_half_done(enum step step)
{
	struct box *b = box_new(true, NULL);
	const long places = 512;

	box_mark(b);
	for (int i = 0; i < 1500; i++)
		begin_handshake(b, step);
	cr_log_info("half-done handshakes: %ld B, %ld each", b->most, b->most / places);
	cr_assert(b->most > places * 20 * KB, "they were there: %ld B", b->most);
	cr_assert(b->most < places * 80 * KB, "%ld B", b->most);
	box_run(b, 15 * P2V_SECOND);
	cr_assert_eq(b->opened, 0);
	cr_assert(held() - b->before < 64 * KB, "%ld B stay", held() - b->before);
	box_free(b);
}

Test(dtl_memory, handshakes_that_stop_at_the_cookie)
{
	check_half_done(SHOWS_ITS_COOKIE);
}

Test(dtl_memory, handshakes_that_stop_at_the_end)
{
	check_half_done(SHOWS_ITS_CERTIFICATE);
}

/* While they come without end, whoever means it gets in. */
Test(dtl_memory, a_good_caller_among_them)
{
	struct box *b = box_new(true, NULL);

	for (int i = 0; i < 600; i++)
		begin_handshake(b, SHOWS_ITS_COOKIE);
	(void)remote_new(b);
	for (int i = 0; i < 600 && !b->opened; i++) {
		box_run(b, 10 * P2V_MSEC);
		begin_handshake(b, SHOWS_ITS_COOKIE);
	}
	cr_assert_eq(b->opened, 1, "it is in");
	cr_assert(b->wire.base.now < 6 * P2V_SECOND, "after %lld us", (long long)b->wire.base.now);
	box_free(b);
}

/* More at once than have places, and all of them mean it: nobody has to give way. */
Test(dtl_memory, a_crowd_of_good_callers)
{
	enum { N = 900 };
	struct box *b = box_new(true, NULL);

	b->hop = 20 * P2V_MSEC;
	for (int i = 0; i < N; i++)
		(void)remote_new(b);
	box_run(b, 3 * P2V_SECOND);
	cr_assert_eq(b->opened, N, "%u", b->opened);
	cr_assert_eq(b->closed, 0);
	box_free(b);
}

/* Sessions that are up and rest, of remotes that went without a word. */
Test(dtl_memory, sessions_that_rest)
{
	struct box *b = box_new(true, NULL);
	enum { N = 300 };
	long each;

	(void)remote_new(b); /* the first brings what all share */
	box_run(b, P2V_SECOND);
	box_mark(b);
	for (size_t i = 0; i < N; i++)
		(void)remote_new(b);
	box_run(b, 2 * P2V_SECOND);
	cr_assert_eq(b->opened, N + 1, "%u", b->opened);
	for (size_t i = 0; i <= N; i++)
		remote_drop(&b->remote[i]);
	each = (held() - b->before) / N;
	cr_log_info("a session that rests: %ld B", each);
	cr_assert(each > 4 * KB && each < 10 * KB, "%ld B each", each);
	box_run(b, 70 * P2V_SECOND);
	cr_assert_eq(b->closed, N + 1);
	cr_assert(held() - b->before < 32 * KB, "%ld B stay", held() - b->before);
	box_free(b);
}

/* ---- remotes that are let in ---- */

enum {
	BLOCK = 16 * KB,
	STREAMS = 256,
	WINDOW = 1024 * KB,
	SPARE = 64 * BLOCK /* blocks that an endpoint keeps for the next streams */
};

/* One remote's session with a reader or none; what it does, and what that costs. */
static void check_remote(const char *what, void (*act)(struct remote *r), bool reads, long bound)
{
	struct box *b = box_new(false, NULL);
	struct remote *r = remote_new(b);

	box_run(b, P2V_SECOND);
	b->reads = reads;
	box_mark(b);
	act(r);
	box_look(b);
	cr_log_info("%s: %ld B", what, b->most);
	cr_assert(b->most <= bound, "%s: %ld B of %ld", what, b->most, bound);
	remote_drop(r);
	box_run(b, 70 * P2V_SECOND);
	cr_assert_eq(b->closed, 1);
	cr_assert(
		held() - b->before <= SPARE + 32 * KB, "%s: %ld B stay", what, held() - b->before);
	box_free(b);
}

static void streams_of_one_byte(struct remote *r)
{
	for (uint64_t i = 0; i < STREAMS; i++) {
		remote_stream(r, 4 * i, 0, 1);
		box_to_endpoint(r->box);
	}
	cr_assert(r->box->most > STREAMS * BLOCK);
}

/* A byte each in two blocks of every stream, as far from the reader as may be. */
static void two_blocks_of_each_stream(struct remote *r)
{
	for (uint64_t i = 0; i < STREAMS; i++) {
		for (uint64_t at = 0; at < BLOCK - 1; at += 1023)
			remote_stream(r, 4 * i, at, at + 1023 < BLOCK ? 1023 : BLOCK - 1 - at);
		remote_stream(r, 4 * i, BLOCK, 1);
		box_run(r->box, P2V_MSEC);
	}
	cr_assert(!r->closed);
}

/* All of the window, and nobody reads. */
static void all_of_the_window(struct remote *r)
{
	for (uint64_t i = 0; i < 4; i++)
		for (uint64_t at = 0; at < WINDOW / 4; at += 1024) {
			remote_stream(r, 4 * i, at, 1024);
			box_run(r->box, P2V_MSEC);
		}
	cr_assert(!r->closed);
	cr_assert(r->box->most >= WINDOW);
}

/* One byte here, one there, in all streams. */
static void holes_in_all_streams(struct remote *r)
{
	for (uint64_t k = 0; k < 2000 && !r->closed; k++)
		for (uint64_t i = 0; i < STREAMS && !r->closed; i++) {
			remote_stream(r, 4 * i, 1 + 2 * k, 1);
			if (i % 64 == 63)
				box_run(r->box, P2V_MSEC / 5);
		}
	cr_assert(r->closed);
	cr_assert_eq(r->close_code, P2V_DTL_FLOW, "%llu", (unsigned long long)r->close_code);
}

/* Streams that are opened and cut, one after the other. */
static void streams_that_come_and_go(struct remote *r)
{
	for (uint64_t i = 0; i < 20000; i++) {
		struct p2v_frame cut = { .type = P2V_F_RESET,
			.u.cut = { .id = 4 * i, .code = 1, .size = 100 } };

		remote_stream(r, 4 * i, 50, 50);
		remote_frame(r, &cut);
		box_run(r->box, P2V_MSEC / 5);
	}
}

Test(dtl_memory, streams_and_fragments)
{
	long bound = STREAMS * 2 * BLOCK + WINDOW + 512 * KB;

	check_remote(
		"a byte in each stream", streams_of_one_byte, false, STREAMS * BLOCK + 512 * KB);
	check_remote("two blocks of each", two_blocks_of_each_stream, true, bound);
	check_remote("all of the window", all_of_the_window, false, WINDOW + 256 * KB);
	check_remote("holes", holes_in_all_streams, true, bound);
	check_remote("streams that come and go", streams_that_come_and_go, true, 64 * KB);
}

/* ---- remotes that we send to ---- */

/* The application writes ahead what it may, from one buffer. */
static void write_ahead(struct remote *r, struct p2v_stream *t[], size_t n, struct p2v_buf *buf)
{
	(void)r;
	for (size_t i = 0; i < n; i++)
		while (p2v_stream_unsent(t[i]) < 64 * KB)
			cr_assert_eq(p2v_stream_write(t[i], p2v_slice_of(buf, 0, BLOCK)), P2V_OK);
}

/* @param every   the remote acknowledges each so-many-th of our packets; 0: none
 * @param grants  it lets us send as much as we like; else what it must, and never more */
static void check_sending(uint64_t every, bool grants, p2v_usec time, long bound)
{
	enum { N = 16 };
	struct box *b = box_new(false, NULL);
	struct remote *r = remote_new(b);
	struct p2v_buf *buf = p2v_buf_new(BLOCK);
	struct p2v_stream *t[N];
	struct p2v_frame max = { .type = P2V_F_MAX_DATA, .u.max.max = UINT64_C(1) << 40 };
	struct p2v_frame more = { .type = P2V_F_SETTINGS,
		.u.settings = { .version = 1,
			.max_data = UINT64_C(1) << 40,
			.max_stream_data = UINT64_C(1) << 40,
			.max_streams = 64,
			.ack_delay = 25000 } };

	cr_assert(buf);
	memset(buf->data, 1, BLOCK);
	box_run(b, P2V_SECOND);
	if (grants) {
		remote_frame(r, &max);
		remote_frame(r, &more);
	}
	box_run(b, P2V_SECOND);
	box_mark(b);
	r->dumb = true;
	r->every = every;
	for (size_t i = 0; i < N; i++)
		cr_assert_eq(p2v_stream_open(r->session, &t[i]), P2V_OK);
	for (p2v_usec end = b->wire.base.now + time; b->wire.base.now < end && !b->closed;) {
		write_ahead(r, t, N, buf);
		box_run(b, 5 * P2V_MSEC);
		box_look(b);
	}
	cr_log_info("one in %llu acknowledged: %ld B, %llu packets", (unsigned long long)every,
		b->most, (unsigned long long)r->top);
	cr_assert(b->most <= bound, "%ld B of %ld", b->most, bound);
	remote_drop(r);
	box_run(b, 70 * P2V_SECOND);
	cr_assert_eq(b->closed, 1);
	cr_assert(held() - b->before <= 32 * KB, "%ld B stay", held() - b->before);
	p2v_buf_unref(buf);
	box_free(b);
}

Test(dtl_memory, remotes_that_acknowledge_little)
{
	check_sending(0, true, 50 * P2V_SECOND, 64 * KB);
	check_sending(2, true, 5 * P2V_SECOND, 64 * KB);
	check_sending(3, true, 5 * P2V_SECOND, 64 * KB);
}

Test(dtl_memory, remotes_that_read_nothing)
{
	check_sending(1, false, 30 * P2V_SECOND, 64 * KB);
}

/* ---- windows that have grown ---- */

/* Send all that the endpoint granted on the remote's first stream, but for the first `skip` bytes.
 */
static void send_all(struct remote *r, uint64_t skip, uint64_t most)
{
	uint64_t end = r->max_data < r->max_stream ? r->max_data : r->max_stream;

	for (unsigned i = 0; r->sent < end && most && i < 3000; i++) {
		uint64_t n = end - r->sent < 1100 ? end - r->sent : 1100;

		n = n < most ? n : most;
		remote_stream(r, 0, r->sent + skip, n - skip);
		skip = 0;
		r->sent += n;
		most -= n;
	}
}

/* Remotes in turn have their windows grow, rest, and have them given back. Then all of them send
 * all that they were ever granted, and nobody reads: what is kept is bounded as if nothing had been
 * promised, and when it is read the windows work again. */
Test(dtl_memory, promises_that_outlive_their_window)
{
	enum { N = 6, BUDGET = 8 * 1024 * KB };
	struct p2v_dtl_conf conf = net_conf();
	uint64_t promised = 0, dropped;
	struct p2v_session_info info;
	struct box *b;
	long bound = BUDGET + N * (WINDOW + 3 * BLOCK) + 256 * KB;

	conf.receive_memory = BUDGET;
	b = box_new(false, &conf);
	b->hop = 2 * P2V_MSEC;
	for (size_t i = 0; i < N; i++) {
		struct remote *r = remote_new(b);

		box_run(b, P2V_SECOND);
		r->max_data = WINDOW;
		for (int k = 0; k < 100; k++) {
			send_all(r, 0, UINT64_MAX);
			box_run(b, 4 * P2V_MSEC);
		}
		p2v_session_info(r->session, &info);
		cr_assert(info.receive_window >= 8 * WINDOW, "remote %zu: %llu", i,
			(unsigned long long)info.receive_window);
		for (int k = 0; k < 25; k++) {
			box_run(b, P2V_SECOND);
			for (size_t j = 0; j <= i; j++)
				remote_frames(&b->remote[j], "\x01", 1);
		}
		p2v_session_info(r->session, &info);
		cr_assert_eq(info.receive_window, WINDOW, "it was given back");
	}
	b->reads = false;
	box_mark(b);
	dropped = b->node.metrics.v[P2V_M_DGRAMS_DROPPED];
	for (size_t i = 0; i < N; i++) {
		struct remote *r = &b->remote[i];
		bool first = true;

		promised += r->max_data - r->sent;
		for (int k = 0; k < 40; k++) {
			send_all(r, first ? 1 : 0, UINT64_MAX);
			first = false;
			box_run(b, 4 * P2V_MSEC);
		}
	}
	cr_log_info("%llu B promised, %ld B held", (unsigned long long)promised, b->most);
	cr_assert(promised > 2 * (uint64_t)bound);
	cr_assert(b->most <= bound, "%ld B of %ld", b->most, bound);
	cr_assert(b->most >= BUDGET, "all of the memory is used: %ld B", b->most);
	cr_assert(b->node.metrics.v[P2V_M_DGRAMS_DROPPED] > dropped + 1000);
	cr_assert_eq(b->closed, 0, "nobody broke a rule");
	box_free(b);
}
