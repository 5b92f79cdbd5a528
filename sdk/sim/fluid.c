/* fluid.c - weighted max-min shares, worked out anew only where something changed.
 *
 * Each link keeps a level, the rate of a weight of 1 that it limits; a flow has the least of its
 * weight times its links' levels, and of its own limit. A link works out its level from what its
 * flows could have elsewhere, and looks again when those rates no longer fill it or overfill it:
 * that is the asynchronous procedure of Charny, Clark and Jain (ICC 1995), which comes to rest in
 * the one max-min allocation. A change spreads only as far as it moves somebody's rate by more than
 * the tolerance. Flows and links are visited in the order in which they came, so sums are the same
 * in every run. */
#include "sdk/sim/fluid.h"

#include <assert.h>
#include <stdlib.h>

#include "sdk/sim/inside.h"

enum { VISITS_MOST = 1 << 20 }; /* flows looked at in one settling; the rest in the next */
#define ASIDE_TURN (250 * P2V_MSEC)
#define LOAD_MOST  0.9  /* of a link that small things may take from flows */
#define RATE_LEAST 1e-3 /* [B/s] so that everything ends some day */

/** What a flow asks of a link. */
struct p2v_fluid_share {
	struct p2v_fluid_flow *flow;
	double most; /* [B/s] that it can have elsewhere */
};

static size_t class_of(const struct p2v_fluid_flow *f)
{
	return f->weight > 0 ? 0 : 1;
}

static double weight_of(const struct p2v_fluid_flow *f)
{
	return f->weight > 0 ? f->weight : 1;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* ---- links ---- */

double p2v_fluid_room(const struct p2v_fluid_link *l)
{
	double load = least(l->load, LOAD_MOST * l->capacity);

	return l->capacity - load;
}

/* [B/s] that a class of flows may use together. */
static double class_room(const struct p2v_fluid_link *l, size_t class)
{
	double room = p2v_fluid_room(l), kept = l->n[1] ? P2V_FLUID_TRICKLE * room : 0;

	if (class == 0)
		return room - kept;
	return room - l->used[0] > kept ? room - l->used[0] : kept;
}

/* @return whether a class's level no longer fits: the link is overfull, or holds flows back without
 * being full */
static bool unfit(const struct p2v_fluid_link *l, size_t class)
{
	double room = class_room(l, class), slack = l->net->tolerance * l->capacity;

	slack += 1e-9 * l->capacity; /* sums are not exact */
	if (l->n[class] == 0)
		return false;
	return l->used[class] > room + slack ||
	       (l->level[class] < P2V_FLUID_UNLIMITED && l->used[class] < room - slack);
}

static void look_at(struct p2v_fluid_link *l)
{
	if (p2v_list_empty(&l->in_dirty) && (unfit(l, 0) || unfit(l, 1)))
		p2v_list_push(&l->net->dirty, &l->in_dirty);
}

static void soil(struct p2v_fluid_link *l)
{
	if (p2v_list_empty(&l->in_dirty))
		p2v_list_push(&l->net->dirty, &l->in_dirty);
}

/* @return whether there is a place for the queue of one more link */
static bool more_queues(struct p2v_fluid *net)
{
	uint32_t most = net->most_links ? 2 * net->most_links : 64;
	struct p2v_fluid_queue *v;

	if (net->n_links < net->most_links)
		return true;
	v = realloc(net->queues, most * sizeof *v);
	if (!v)
		return false;
	net->queues = v;
	net->most_links = most;
	return true;
}

bool p2v_fluid_link_init(struct p2v_fluid_link *l, struct p2v_fluid *net, double capacity)
{
	*l = (struct p2v_fluid_link){ .net = net,
		.capacity = capacity > 0 ? capacity : P2V_FLUID_UNLIMITED };
	for (size_t i = 0; i < P2V_FLUID_CLASSES; i++) {
		l->level[i] = P2V_FLUID_UNLIMITED;
		p2v_list_init(&l->flows[i]);
	}
	p2v_list_init(&l->in_dirty);
	if (!more_queues(net))
		return false;
	l->number = net->n_links++;
	net->queues[l->number] = (struct p2v_fluid_queue){ .n = 0 };
	return true;
}

void p2v_fluid_link_set(struct p2v_fluid_link *l, double capacity)
{
	l->capacity = capacity > 0 ? capacity : P2V_FLUID_UNLIMITED;
	if (l->n[0] || l->n[1])
		soil(l);
}

void p2v_fluid_aside(struct p2v_fluid_link *l, uint64_t n)
{
	p2v_usec now = l->net->sim->now, took = now - l->aside_since;

	if (took >= ASIDE_TURN) {
		l->load = (double)l->aside * 1e6 / (double)took;
		l->aside = 0;
		l->aside_since = now;
		look_at(l);
	}
	l->aside += n;
}

/* ---- flows ---- */

void p2v_fluid_init(struct p2v_fluid *net, struct p2v_sim *sim, double tolerance)
{
	*net = (struct p2v_fluid){ .sim = sim, .tolerance = tolerance };
	p2v_list_init(&net->dirty);
	p2v_list_init(&net->moved);
}

void p2v_fluid_fini(struct p2v_fluid *net)
{
	free(net->scratch);
	free(net->queues);
	net->scratch = NULL;
	net->queues = NULL;
	net->room = net->n_links = net->most_links = 0;
}

/* [B/s] that f could have if the link `but` had room for all. */
static double elsewhere(const struct p2v_fluid_flow *f, const struct p2v_fluid_link *but)
{
	double most = f->limit, weight = weight_of(f);
	size_t class = class_of(f);

	for (size_t i = 0; i < P2V_FLUID_PATH; i++) {
		const struct p2v_fluid_link *l = f->hop[i].link;

		if (!l || l == but)
			continue;
		most = least(most, l->level[class] < P2V_FLUID_UNLIMITED ? weight * l->level[class]
									 : l->capacity);
	}
	return most;
}

double p2v_fluid_left(const struct p2v_fluid_flow *f)
{
	double left = f->left - f->rate * (double)(f->net->sim->now - f->at) / 1e6;

	return left > 0 ? left : 0;
}

static void advance(struct p2v_fluid_flow *f)
{
	f->left = p2v_fluid_left(f);
	f->at = f->net->sim->now;
}

static void set_rate(struct p2v_fluid_flow *f, double rate)
{
	size_t class = class_of(f);

	if (rate == f->rate)
		return;
	advance(f);
	for (size_t i = 0; i < P2V_FLUID_PATH; i++)
		if (f->hop[i].link)
			f->hop[i].link->used[class] += rate - f->rate;
	f->rate = rate;
	if (p2v_list_empty(&f->in_moved))
		p2v_list_push(&f->net->moved, &f->in_moved);
}

/* Something about f changed: its rate follows, as far as the levels allow; they follow later. */
static void bid(struct p2v_fluid_flow *f)
{
	set_rate(f, elsewhere(f, NULL));
	for (size_t i = 0; i < P2V_FLUID_PATH; i++)
		if (f->hop[i].link)
			look_at(f->hop[i].link);
}

static void join(struct p2v_fluid_flow *f)
{
	size_t class = class_of(f);

	for (size_t i = 0; i < P2V_FLUID_PATH; i++) {
		struct p2v_fluid_link *l = f->hop[i].link;

		if (!l)
			continue;
		p2v_list_push(&l->flows[class], &f->hop[i].in_link);
		l->n[class]++;
		f->net->queues[l->number].n++;
		l->used[class] += f->rate;
	}
}

static void leave(struct p2v_fluid_flow *f)
{
	size_t class = class_of(f);

	for (size_t i = 0; i < P2V_FLUID_PATH; i++) {
		struct p2v_fluid_link *l = f->hop[i].link;

		if (!l)
			continue;
		p2v_list_remove(&f->hop[i].in_link);
		l->used[class] -= f->rate;
		f->net->queues[l->number].n--;
		if (--l->n[class] == 0) { /* what sums had left over goes with the last */
			l->used[class] = 0;
			l->level[class] = P2V_FLUID_UNLIMITED;
		}
		look_at(l);
	}
}

static void arm(struct p2v_fluid_flow *f)
{
	double rate = f->rate > RATE_LEAST ? f->rate : RATE_LEAST, us = f->left * 1e6 / rate;
	p2v_usec whole = us < 1e15 ? (p2v_usec)us : (p2v_usec)1e15;
	p2v_usec due = f->at + whole + ((double)whole < us ? 1 : 0);

	/* An end that moves later is left to the event that comes too soon. */
	if (due >= f->due)
		return;
	f->due = due;
	p2v_event_at(&f->event, due);
}

void p2v_fluid_fired(struct p2v_event *e, bool dropped)
{
	struct p2v_fluid_flow *f = P2V_OF(e, struct p2v_fluid_flow, event);

	f->due = P2V_NEVER;
	if (dropped || !f->runs)
		return;
	advance(f);
	if (f->left > 1e-3)
		arm(f);
	else
		f->reached(f);
}

static const struct p2v_event_kind fired_kind = { .run = p2v_fluid_fired };

void p2v_fluid_flow_init(
	struct p2v_fluid_flow *f, struct p2v_fluid *net, void (*reached)(struct p2v_fluid_flow *f))
{
	*f = (struct p2v_fluid_flow){ .net = net, .reached = reached, .due = P2V_NEVER };
	p2v_list_init(&f->in_moved);
	for (size_t i = 0; i < P2V_FLUID_PATH; i++) {
		p2v_list_init(&f->hop[i].in_link);
		f->hop[i].flow = f;
	}
	p2v_event_init(&f->event, net->sim, NULL, &fired_kind);
}

void p2v_fluid_start(struct p2v_fluid_flow *f, struct p2v_fluid_link *const *path, size_t n,
	double weight, double limit, double bytes)
{
	assert(!f->runs && n <= P2V_FLUID_PATH && bytes > 0);
	for (size_t i = 0; i < P2V_FLUID_PATH; i++)
		f->hop[i].link = i < n ? path[i] : NULL;
	f->runs = true;
	f->weight = weight;
	f->limit = least(limit, P2V_FLUID_UNLIMITED);
	f->rate = 0;
	f->left = bytes;
	f->at = f->net->sim->now;
	join(f);
	bid(f);
	if (p2v_list_empty(&f->in_moved)) /* a limit of 0: its end is to be armed all the same */
		p2v_list_push(&f->net->moved, &f->in_moved);
}

void p2v_fluid_stop(struct p2v_fluid_flow *f)
{
	if (!f->runs)
		return;
	advance(f);
	leave(f);
	f->runs = false;
	f->rate = 0;
	p2v_list_remove(&f->in_moved);
	p2v_event_cancel(&f->event);
	f->due = P2V_NEVER;
}

void p2v_fluid_goal(struct p2v_fluid_flow *f, double bytes)
{
	assert(f->runs && bytes > 0);
	f->left = bytes;
	f->at = f->net->sim->now;
	if (f->due != P2V_NEVER) {
		p2v_event_cancel(&f->event);
		f->due = P2V_NEVER;
	}
	if (p2v_list_empty(&f->in_moved))
		p2v_list_push(&f->net->moved, &f->in_moved);
}

void p2v_fluid_weigh(struct p2v_fluid_flow *f, double weight)
{
	if (weight == f->weight)
		return;
	if (f->runs)
		leave(f);
	f->weight = weight;
	if (!f->runs)
		return;
	join(f);
	bid(f);
}

void p2v_fluid_limit(struct p2v_fluid_flow *f, double limit)
{
	f->limit = least(limit, P2V_FLUID_UNLIMITED);
	if (f->runs)
		bid(f);
}

struct p2v_fluid_link *p2v_fluid_bottleneck(const struct p2v_fluid_flow *f)
{
	double all = elsewhere(f, NULL);
	size_t class = class_of(f);

	for (size_t i = 0; i < P2V_FLUID_PATH; i++) {
		struct p2v_fluid_link *l = f->hop[i].link;

		if (l && l->level[class] < P2V_FLUID_UNLIMITED &&
			weight_of(f) * l->level[class] <= all)
			return l;
	}
	return NULL;
}

/* ---- settling ---- */

static bool reserve(struct p2v_fluid *net, size_t n)
{
	struct p2v_fluid_share *more;

	if (n <= net->room)
		return true;
	more = realloc(net->scratch, 2 * n * sizeof *more);
	if (!more)
		return false;
	net->scratch = more;
	net->room = 2 * n;
	return true;
}

/* The level at which flows that ask for these shares fill that room: those that cannot have so much
 * elsewhere leave the rest to the others, round by round. */
static double fill(struct p2v_fluid_share *v, size_t n, double room)
{
	double asked = 0, weights = 0, level = 0;
	size_t held = n, before;

	for (size_t i = 0; i < n; i++) {
		asked += v[i].most;
		weights += weight_of(v[i].flow);
	}
	if (asked <= room)
		return P2V_FLUID_UNLIMITED;
	do {
		before = held;
		level = room / weights;
		held = 0;
		for (size_t i = 0; i < before; i++) {
			double w = weight_of(v[i].flow);

			if (v[i].most > level * w) {
				v[held++] = v[i];
				continue;
			}
			room -= v[i].most;
			weights -= w;
		}
	} while (held && held < before);
	return level;
}

static void work_out(struct p2v_fluid_link *l, size_t class)
{
	struct p2v_fluid *net = l->net;
	size_t n = 0;

	if (l->n[class] == 0)
		return;
	if (!reserve(net, l->n[class]))
		abort(); /* shares that are wrong would be another run */
	P2V_LIST_EACH (it, &l->flows[class]) {
		struct p2v_fluid_flow *f = P2V_OF(it, struct p2v_fluid_hop, in_link)->flow;

		net->scratch[n++] = (struct p2v_fluid_share){ f, elsewhere(f, l) };
	}
	l->level[class] = fill(net->scratch, n, class_room(l, class));
	net->visits += n;
	P2V_LIST_EACH (it, &l->flows[class]) {
		struct p2v_fluid_flow *f = P2V_OF(it, struct p2v_fluid_hop, in_link)->flow;
		double rate = elsewhere(f, NULL),
		       by = rate > f->rate ? rate - f->rate : f->rate - rate;

		if (by <= net->tolerance * f->rate)
			continue;
		set_rate(f, rate);
		for (size_t i = 0; i < P2V_FLUID_PATH; i++)
			if (f->hop[i].link && f->hop[i].link != l)
				look_at(f->hop[i].link);
	}
}

void p2v_fluid_settle(struct p2v_fluid *net)
{
	uint64_t most = net->visits + VISITS_MOST;
	struct p2v_list *it;

	while (net->visits < most && (it = p2v_list_first(&net->dirty))) {
		struct p2v_fluid_link *l = P2V_OF(it, struct p2v_fluid_link, in_dirty);

		p2v_list_remove(it);
		for (size_t class = 0; class < P2V_FLUID_CLASSES; class ++)
			work_out(l, class);
		net->settled++;
		net->visits++;
	}
	while ((it = p2v_list_first(&net->moved))) {
		p2v_list_remove(it);
		arm(P2V_OF(it, struct p2v_fluid_flow, in_moved));
	}
}
