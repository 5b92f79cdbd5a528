/* tell_test.c - which partners hear of a fragment, and when: what is sent to them is caught on its
 * way from room to room (the linker's --wrap). */
#include <criterion/criterion.h>

#include "framework/overlay/inside.h"
#include "tests/unit/delivery/shelf.h"

TestSuite(tell, .timeout = 60);

enum { PARTNERS = 4, CHUNKS = 20, OTHER = 99 };

/** What one partner heard. */
struct heard {
	unsigned have, gone, follow, news;
	struct p2v_msg_have last;
	uint8_t chunks[32];
};

static struct {
	struct shelf shelf;
	struct p2v_overlay_conf conf;
	struct p2v_overlay overlay;
	struct p2v_swarm swarm;
	struct p2v_partner partner[PARTNERS];
	struct heard heard[PARTNERS];
	struct p2v_fragment *f;
} t;

void __wrap_p2v_partner_send(struct p2v_partner *p, enum p2v_message number, const void *msg);
void __wrap_p2v_partner_send_slice(struct p2v_partner *p, const struct p2v_slice *s);

void __wrap_p2v_partner_send(struct p2v_partner *p, enum p2v_message number, const void *msg)
{
	struct heard *h = &t.heard[p - t.partner];

	(void)msg;
	h->gone += number == P2V_MSG_gone;
	h->follow += number == P2V_MSG_follow;
	h->news += number == P2V_MSG_news;
}

void __wrap_p2v_partner_send_slice(struct p2v_partner *p, const struct p2v_slice *s)
{
	struct heard *h = &t.heard[p - t.partner];
	struct p2v_bytes body;
	union p2v_msg m;
	struct p2v_err err;
	uint64_t number;

	cr_assert_eq(p2v_msg_next((struct p2v_bytes){ s->p, s->n }, &number, &body, &err),
		(ptrdiff_t)s->n);
	cr_assert_eq(number, P2V_MSG_have);
	cr_assert_eq(p2v_msg_read(number, body, &m, &err), P2V_OK);
	h->have++;
	h->last = m.have;
	memset(h->chunks, 0, sizeof h->chunks);
	if (m.have.chunks.n)
		memcpy(h->chunks, m.have.chunks.p, m.have.chunks.n);
}

static const struct p2v_overlay_handler *up(void)
{
	return p2v_delivery_overlay_handler();
}

/* Partners that share the channel, and a fragment of 20 chunks of which nothing is known. */
static void begin(bool live)
{
	memset(&t, 0, sizeof t);
	shelf_open(&t.shelf);
	t.conf = (struct p2v_overlay_conf){
		.p2p_enabled = true, .upload_enabled = true, .activation = 100
	};
	t.swarm = (struct p2v_swarm){ .channel = t.shelf.channel.id };
	t.overlay = (struct p2v_overlay){
		.node = &t.shelf.node, .conf = &t.conf, .swarms = &t.swarm, .n_swarms = 1
	};
	t.shelf.d->overlay = &t.overlay;
	t.shelf.rendition.timeline.live = live;
	for (size_t i = 0; i < PARTNERS; i++) {
		t.partner[i] = (struct p2v_partner){
			.overlay = &t.overlay, .channels = 1, .up = true
		};
		up()->up(t.shelf.d, &t.partner[i]);
	}
	t.f = shelf_fragment(&t.shelf, "http://cdn/live/a.ts");
	cr_assert_not_null(t.f);
}

static void end(void)
{
	for (size_t i = 0; i < PARTNERS; i++)
		up()->down(t.shelf.d, &t.partner[i]);
	t.shelf.d->overlay = NULL;
	shelf_close(&t.shelf);
}

static void follow(size_t i, uint64_t rendition, bool on)
{
	union p2v_msg m = { .follow = { .rendition = rendition, .on = on } };

	up()->message(t.shelf.d, &t.partner[i], P2V_MSG_follow, &m);
}

/* Partner i has it: the chunks that the bits of `chunks` say, or (state 2) all. */
static void have(size_t i, uint32_t state, uint32_t hops, uint64_t generation, uint32_t chunks)
{
	uint8_t bytes[4] = { (uint8_t)chunks, (uint8_t)(chunks >> 8), (uint8_t)(chunks >> 16),
		(uint8_t)(chunks >> 24) };
	union p2v_msg m = { .have = { .key = { t.f->key.b, sizeof t.f->key.b },
				    .length = (uint64_t)CHUNKS * P2V_CHUNK,
				    .generation = generation,
				    .state = state,
				    .hops = hops,
				    .rendition = 7,
				    .chunks = { bytes, state == 2 ? 0 : sizeof bytes } } };

	up()->message(t.shelf.d, &t.partner[i], P2V_MSG_have, &m);
}

static void gone(size_t i)
{
	union p2v_msg m = { .gone = { .keys = { .n = 1 } } };

	m.gone.keys.v[0] = (struct p2v_bytes){ t.f->key.b, sizeof t.f->key.b };
	up()->message(t.shelf.d, &t.partner[i], P2V_MSG_gone, &m);
}

static void known(void)
{
	shelf_known(t.f, (uint64_t)CHUNKS * P2V_CHUNK);
	t.f->shared = true;
	p2v_fragment_progress(t.f);
}

/* Chunks come from a partner at 3 hops. */
static void come(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		cr_assert(shelf_put(t.f, i));
		p2v_fragment_progress(t.f);
	}
}

static void pass(p2v_usec time)
{
	struct p2v_timer *due;

	t.shelf.world.now += time;
	while ((due = p2v_timers_pop(&t.shelf.world.timers, t.shelf.world.now)))
		due->fire(due, t.shelf.world.now);
}

/* ---- who ---- */

Test(tell, whoever_follows_hears_the_others_do_not)
{
	begin(true);
	follow(0, 7, true);
	follow(1, OTHER, true);
	known();
	come(0, CHUNKS);
	cr_assert_gt(t.heard[0].have, 1);
	cr_assert_eq(t.heard[0].last.state, P2V_ANNOUNCED_COMPLETE);
	cr_assert_eq(t.heard[0].last.hops, 4);
	cr_assert_eq(t.heard[1].have, 0);
	cr_assert_eq(t.heard[2].have, 0);
	end();
}

Test(tell, a_late_follower_hears_of_what_is_there)
{
	begin(true);
	known();
	come(0, 6);
	cr_assert_eq(t.heard[0].have, 0);
	follow(0, OTHER, true);
	cr_assert_eq(t.heard[0].have, 0);
	follow(0, 7, true);
	cr_assert_eq(t.heard[0].have, 1);
	cr_assert_eq(t.heard[0].last.state, P2V_ANNOUNCED_ARRIVING);
	cr_assert_eq(t.heard[0].chunks[0], 0x3f);
	follow(0, 7, true); /* that is no news */
	cr_assert_eq(t.heard[0].have, 1);
	/* What came while it read something else it hears of when it is back. */
	follow(0, 7, false);
	come(6, CHUNKS);
	cr_assert_eq(t.heard[0].have, 1);
	follow(0, 7, true);
	cr_assert_eq(t.heard[0].have, 2);
	cr_assert_eq(t.heard[0].last.state, P2V_ANNOUNCED_COMPLETE);
	end();
}

/* Of one that follows more than can be noted nobody knows what it does not follow. */
Test(tell, who_follows_too_much_hears_all)
{
	begin(true);
	for (uint64_t i = 0; i < P2V_FOLLOWS_MAX; i++)
		follow(0, 1000 + i, true);
	known();
	cr_assert_eq(t.heard[0].have, 1);
	end();
}

Test(tell, who_has_it_whole_hears_nothing)
{
	begin(true);
	for (size_t i = 0; i < 3; i++)
		follow(i, 7, true);
	have(0, P2V_ANNOUNCED_COMPLETE, 1, 5, 0);
	have(1, P2V_ANNOUNCED_COMPLETE, 1, 6, 0); /* another content under that name */
	known();
	come(0, CHUNKS);
	cr_assert_eq(t.heard[0].have, 0);
	cr_assert_gt(t.heard[1].have, 1);
	cr_assert_gt(t.heard[2].have, 1);
	end();
}

/* ---- when ---- */

/* Further from the CDN it may ask for all that will come, and knows so already. */
Test(tell, who_can_wait_for_it_hears_twice)
{
	begin(true);
	follow(0, 7, true);
	known();
	come(0, 1);
	have(0, P2V_ANNOUNCED_ARRIVING, 9, 5, 0);
	for (uint32_t i = 1; i < CHUNKS; i++) {
		come(i, i + 1);
		pass(100 * P2V_MSEC);
		cr_assert_eq(t.heard[0].have, i < CHUNKS - 1 ? 1 : 2);
	}
	cr_assert_eq(t.heard[0].last.state, P2V_ANNOUNCED_COMPLETE);
	end();
}

/* As near to the CDN it can have only what is here, and cares for what it lacks. */
Test(tell, who_is_as_near_hears_of_chunks_that_it_lacks)
{
	begin(true);
	follow(0, 7, true);
	follow(1, 7, true);
	have(0, P2V_ANNOUNCED_ARRIVING, 4, 5, 0);
	have(1, P2V_ANNOUNCED_ARRIVING, 4, 5, 0xffff);
	t.f->hops = 4;
	known();
	cr_assert_eq(t.heard[0].have, 0, "there is nothing yet");
	pass(P2V_SECOND);
	come(0, 4);
	cr_assert_eq(t.heard[0].have, 1);
	cr_assert_eq(t.heard[0].chunks[0], 0x0f);
	pass(P2V_SECOND);
	come(4, 16);
	pass(P2V_SECOND);
	cr_assert_eq(t.heard[0].chunks[1], 0xff);
	cr_assert_eq(t.heard[1].have, 0, "it has all that is here");
	come(16, CHUNKS);
	cr_assert_eq(t.heard[1].have, 1);
	end();
}

/* A fast line brings many chunks at once: that is one message, and the last ones are in it. */
Test(tell, a_burst_is_told_once)
{
	begin(true);
	follow(0, 7, true);
	have(0, P2V_ANNOUNCED_ARRIVING, 4, 5, 0);
	t.f->hops = 4;
	known();
	pass(P2V_SECOND);
	come(0, 4);
	cr_assert_eq(t.heard[0].have, 1);
	come(4, 18);
	cr_assert_eq(t.heard[0].have, 1);
	pass(59 * P2V_MSEC);
	cr_assert_eq(t.heard[0].have, 1);
	pass(1 * P2V_MSEC);
	cr_assert_eq(t.heard[0].have, 2);
	cr_assert_eq(t.heard[0].chunks[2], 0x03);
	pass(P2V_SECOND);
	cr_assert_eq(t.heard[0].have, 2);
	come(18, CHUNKS);
	cr_assert_eq(t.heard[0].have, 3, "the end waits for nothing");
	end();
}

/* ---- gone ---- */

/* A film is wound back: who has thrown a part of it away hears where it is. */
Test(tell, who_has_it_no_longer_hears_where_it_is)
{
	begin(false);
	follow(0, 7, true);
	follow(1, OTHER, true);
	have(0, P2V_ANNOUNCED_COMPLETE, 1, 5, 0);
	have(1, P2V_ANNOUNCED_COMPLETE, 1, 5, 0);
	known();
	come(0, CHUNKS);
	cr_assert_eq(t.heard[0].have, 0);
	gone(0);
	gone(1);
	cr_assert_eq(t.heard[0].have, 1);
	cr_assert_eq(t.heard[0].last.state, P2V_ANNOUNCED_COMPLETE);
	cr_assert_eq(t.heard[1].have, 0);
	gone(0);
	cr_assert_eq(t.heard[0].have, 1, "it said so before");
	/* What is listed no longer nobody comes back to. */
	have(2, P2V_ANNOUNCED_COMPLETE, 1, 5, 0);
	follow(2, 7, true);
	t.f->rendition = NULL;
	gone(2);
	cr_assert_eq(t.heard[2].have, 0);
	end();
}

Test(tell, only_who_was_told_hears_that_it_is_gone)
{
	begin(true);
	follow(0, 7, true);
	follow(1, 7, true);
	have(1, P2V_ANNOUNCED_COMPLETE, 1, 5, 0);
	known();
	come(0, CHUNKS);
	p2v_mates_tell_gone(t.shelf.d, &t.f, 1);
	cr_assert_eq(t.heard[0].gone, 1);
	cr_assert_eq(t.heard[1].gone + t.heard[2].gone, 0);
	p2v_mates_tell_gone(t.shelf.d, &t.f, 1);
	cr_assert_eq(t.heard[0].gone, 1);
	end();
}

/* Another content under the same name: partners are told so, and hear of it anew. */
Test(tell, a_new_content_is_told_anew)
{
	begin(true);
	follow(0, 7, true);
	known();
	come(0, 8);
	p2v_fragment_reset(t.f);
	cr_assert_eq(t.heard[0].gone, 1);
	t.heard[0].have = 0;
	pass(P2V_SECOND);
	cr_assert_eq(t.heard[0].have, 0);
	known();
	cr_assert_eq(t.heard[0].have, 1);
	cr_assert_eq(t.heard[0].last.chunks.n, 0);
	end();
}

/* A place that a partner left is another's, who was told of nothing yet. */
Test(tell, a_new_partner_was_told_of_nothing)
{
	begin(true);
	follow(0, 7, true);
	known();
	come(0, CHUNKS);
	up()->down(t.shelf.d, &t.partner[0]);
	up()->up(t.shelf.d, &t.partner[0]);
	p2v_mates_tell_gone(t.shelf.d, &t.f, 1);
	cr_assert_eq(t.heard[0].gone, 0);
	t.heard[0].have = 0;
	follow(0, 7, true);
	cr_assert_eq(t.heard[0].have, 1);
	end();
}
