/* sender.c - windows over fluid flows. */
#include "sdk/sim/sender.h"

/* A link's queue is looked at now and then: the more flows it has, the less any of them moves it.
 */
enum { WAIT_MANY = 16 };
#define WAIT_FRESH     (5 * P2V_MSEC)
#define WAIT_FRESH_FEW P2V_MSEC
#define WINDOW_MAX     (4.0 * 1024 * 1024)
#define WINDOW_MIN     2 /* segments */
#define IDLE_RESET     (200 * P2V_MSEC)
#define TARGET         (25 * P2V_MSEC) /* of a scavenger */
#define DELAY_MIN      (4 * P2V_MSEC)  /* RFC 9406 4.2 */
#define DELAY_MAX      (16 * P2V_MSEC)
enum { CSS_ROUNDS = 5, CSS_DIVISOR = 4 };
#define PACE 1.25 /* RFC 9002 7.7 */

static p2v_usec now_of(const struct p2v_sender *s)
{
	return s->flow.net->sim->now;
}

/* ---- queues ---- */

/* [B] of s that stand before its bottleneck: what its window holds beyond the path. */
static double standing(const struct p2v_sender *s, double flight)
{
	double path = s->flow.rate * (double)s->rtt / 1e6;

	return flight > path ? flight - path : 0;
}

static p2v_usec look(const struct p2v_machine *m, struct p2v_fluid_link *l)
{
	double bytes = 0, most = m->link.queue ? (double)m->link.queue : P2V_FLUID_UNLIMITED;

	for (size_t class = 0; class < P2V_FLUID_CLASSES; class ++)
		P2V_LIST_EACH (it, &l->flows[class]) {
			struct p2v_fluid_flow *f = P2V_OF(it, struct p2v_fluid_hop, in_link)->flow;
			struct p2v_sender *s = P2V_OF(f, struct p2v_sender, flow);
			double stands = standing(s, p2v_sender_in_flight(s));

			if (stands > 0 && p2v_fluid_bottleneck(f) == l)
				bytes += stands;
		}
	l->drop = bytes > most ? (bytes - most) / bytes : 0;
	bytes = bytes < most ? bytes : most;
	return (p2v_usec)(bytes * 1e6 / l->capacity);
}

/* @param number  of that link: who knows it need not touch the machine */
static p2v_usec wait_at(struct p2v_machine *m, struct p2v_fluid *net, uint32_t number, bool up)
{
	struct p2v_fluid_queue *q = &net->queues[number];
	struct p2v_fluid_link *l;
	p2v_usec now = net->sim->now;

	if (q->n == 0)
		return 0;
	if (q->wait_at > 0 && now - q->wait_at < (q->n > WAIT_MANY ? WAIT_FRESH : WAIT_FRESH_FEW))
		return q->wait;
	l = up ? &m->up : &m->down;
	if (l->capacity >= P2V_FLUID_UNLIMITED)
		return 0;
	q->wait = look(m, l);
	q->wait_at = now;
	return q->wait;
}

p2v_usec p2v_link_wait(struct p2v_machine *m, bool up)
{
	return wait_at(m, &m->sim->fluid, up ? m->up.number : m->down.number, up);
}

double p2v_path_loss(struct p2v_machine *from, struct p2v_machine *to)
{
	double up = p2v_link_wait(from, true) > 0 ? from->up.drop : 0;
	double down = p2v_link_wait(to, false) > 0 ? to->down.drop : 0;

	return 1 - (1 - from->link.loss) * (1 - up) * (1 - down);
}

static p2v_usec time_on(const struct p2v_fluid_link *l, size_t n)
{
	return (p2v_usec)((double)n * 1e6 / l->capacity);
}

p2v_usec p2v_small_arrival(struct p2v_machine *from, struct p2v_machine *to, size_t n)
{
	p2v_usec at = from->sim->now + p2v_path_delay(from, to);

	if (from == to)
		return at;
	at += p2v_link_wait(from, true) + time_on(&from->up, n);
	at += p2v_link_wait(to, false) + time_on(&to->down, n);
	p2v_fluid_aside(&from->up, n);
	p2v_fluid_aside(&to->down, n);
	return at;
}

double p2v_sender_passed(const struct p2v_sender *s)
{
	return s->total + (s->flow.runs ? s->goal - p2v_fluid_left(&s->flow) : 0);
}

double p2v_sender_in_flight(const struct p2v_sender *s)
{
	double waits = s->backlog - (p2v_sender_passed(s) - s->total);

	/* A goal may be the least that is worth an event, which is more than waits. */
	if (!s->flow.runs || waits < 0)
		return 0;
	return waits < s->cwnd ? waits : s->cwnd;
}

p2v_usec p2v_sender_queued(const struct p2v_sender *s)
{
	p2v_usec wait = wait_at(s->from, s->flow.net, s->up, true) +
			wait_at(s->to, s->flow.net, s->down, false);
	p2v_usec since = now_of(s) - s->busy_at;

	/* What arrives now left before: no longer ago than sending began. */
	return s->flow.runs && since < wait ? since : wait;
}

/* ---- rounds ---- */

static bool full(struct p2v_machine *m, bool up)
{
	double room = (double)m->link.queue;
	const struct p2v_fluid_link *l = up ? &m->up : &m->down;

	return room > 0 && (double)p2v_link_wait(m, up) * l->capacity / 1e6 >= 0.99 * room;
}

static bool overflows(const struct p2v_sender *s)
{
	struct p2v_fluid_link *l = p2v_fluid_bottleneck(&s->flow);

	return l && ((l == &s->from->up && full(s->from, true)) ||
			    (l == &s->to->down && full(s->to, false)));
}

/* Whether chance would have lost one of the round's segments. */
static bool unlucky(const struct p2v_sender *s, double bytes)
{
	double p = s->kind->chance ? s->from->link.loss : 0, all = 1;

	for (double n = 0; p > 0 && n < bytes; n += s->kind->segment)
		all *= 1 - p;
	return p > 0 && p2v_random_unit(&s->flow.net->sim->network) >= all;
}

void p2v_sender_loss(struct p2v_sender *s, p2v_usec still)
{
	double least = WINDOW_MIN * s->kind->segment, cwnd = s->cwnd * s->kind->beta;
	p2v_usec now = now_of(s);

	s->lost += s->kind->segment;
	if (still > s->rtt && s->round_at < now + still - s->rtt)
		s->round_at = now + still - s->rtt;
	if (s->cut_at >= 0 && now - s->cut_at < s->rtt)
		return;
	s->cut_at = now;
	s->prior = s->cwnd;
	s->cwnd = cwnd > least ? cwnd : least;
	s->ssthresh = s->cwnd;
	s->budget = s->budget < s->cwnd ? s->budget : s->cwnd;
}

/* Slow start, conservative once delay rises (RFC 9406 4.2), or congestion avoidance (RFC 9438
 * 4.3).
 * @param used  [B] that count: the rest was acknowledged when nothing waited for the window */
static void grow(struct p2v_sender *s, double used, p2v_usec delay)
{
	p2v_usec rise = s->rtt / 8 < DELAY_MIN ? DELAY_MIN : s->rtt / 8;
	double step = s->kind->segment * (s->weight > 0 ? s->weight : 1);

	rise = rise < DELAY_MAX ? rise : DELAY_MAX;
	if (s->kind->delay && delay > rise && s->cwnd < s->ssthresh && s->css == 0)
		s->css = 1;
	if (s->css && s->css++ > CSS_ROUNDS && s->cwnd < s->ssthresh)
		s->ssthresh = s->cwnd;
	if (s->cwnd < s->ssthresh)
		s->cwnd += s->css ? used / CSS_DIVISOR : used;
	else
		s->cwnd += step * (s->cwnd < s->prior ? s->kind->alpha : 1) * used / s->cwnd;
	s->cwnd = s->cwnd < WINDOW_MAX ? s->cwnd : WINDOW_MAX;
}

static void pace(struct p2v_sender *s)
{
	double rate = PACE * s->cwnd * 1e6 / (double)(s->rtt > 0 ? s->rtt : 1);

	if (s->kind->paced)
		p2v_fluid_limit(&s->flow, rate);
}

/* A round trip is over, and the window has passed. */
static void turn(struct p2v_sender *s)
{
	double used = s->cwnd - s->budget, share = s->flow.rate;
	p2v_usec now = now_of(s), took = now - s->round_at, delay = 0;

	if (share > 0)
		delay = (p2v_usec)(standing(s, s->cwnd) * 1e6 / share);
	if (used > 0 && took > 0)
		s->rate = used * 1e6 / (double)took;
	if (used > 0 && (unlucky(s, used) || overflows(s)))
		p2v_sender_loss(s, 0);
	else if (s->weight <= 0 && delay > TARGET)
		s->cwnd = share * (double)(s->rtt + TARGET) / 1e6;
	else if (used > 0 && !s->fresh)
		grow(s, used, delay);
	s->fresh = false;
	if (s->cwnd < WINDOW_MIN * s->kind->segment)
		s->cwnd = WINDOW_MIN * s->kind->segment;
	s->budget = s->cwnd;
	s->round_at = now;
	pace(s);
}

/* @return whether the window lets something go now; else the next round is waited for */
static bool open_round(struct p2v_sender *s)
{
	double block = s->kind->block < s->cwnd ? s->kind->block : s->cwnd;
	p2v_usec due = s->round_at + s->rtt;

	if (s->budget >= 1)
		return true;
	if (block > 0 && s->share > 0)
		due += (p2v_usec)(block * 1e6 / s->share);
	if (now_of(s) < due) {
		p2v_event_at(&s->wait, due);
		return false;
	}
	turn(s);
	return true;
}

/* Nothing waits any more: of the round that ends here, those acknowledgements count that find half
 * of the window under way (RFC 7661). */
static void rest(struct p2v_sender *s)
{
	double used = s->cwnd - s->budget - s->cwnd / 2;

	s->idle_at = now_of(s);
	if (used > 0 && !s->fresh)
		grow(s, used, 0);
}

static void begin(struct p2v_sender *s)
{
	p2v_usec now = now_of(s);
	struct p2v_fluid_link *path[] = { &s->from->up, &s->to->down };
	double next = s->kind->next(s);

	if (next <= 0)
		return;
	if (s->idle_at >= 0 && now - s->idle_at > s->rtt) {
		if (s->kind->idle && now - s->idle_at > s->rtt + IDLE_RESET &&
			s->cwnd > s->kind->initial)
			s->cwnd = s->kind->initial;
		s->budget = s->cwnd;
		s->round_at = now;
	}
	if (s->idle_at >= 0) {
		s->busy_at = now;
		s->fresh = s->kind->limited;
	}
	s->idle_at = -1;
	if (!open_round(s))
		return;
	s->goal = next < s->budget ? next : s->budget;
	pace(s);
	p2v_fluid_start(&s->flow, path, 2, s->weight, s->flow.limit, s->goal);
}

static void took(struct p2v_sender *s, double bytes)
{
	s->budget -= bytes;
	s->total += bytes;
	s->goal = p2v_fluid_left(&s->flow);
	s->share = s->flow.rate;
	s->kind->passed(s, bytes);
}

static void reached(struct p2v_fluid_flow *f)
{
	struct p2v_sender *s = P2V_OF(f, struct p2v_sender, flow);
	double next;

	took(s, s->goal);
	next = s->kind->next(s);
	if (next > 0 && open_round(s)) {
		s->goal = next < s->budget ? next : s->budget;
		p2v_fluid_goal(f, s->goal);
		return;
	}
	p2v_fluid_stop(f);
	if (next <= 0)
		rest(s);
}

static void waited(struct p2v_event *e, bool dropped)
{
	struct p2v_sender *s = P2V_OF(e, struct p2v_sender, wait);

	if (!dropped && !s->flow.runs)
		begin(s);
}

static const struct p2v_event_kind waited_kind = { .run = waited };

void p2v_sender_push(struct p2v_sender *s)
{
	double done, next;

	if (!s->flow.runs) {
		if (!p2v_timer_armed(&s->wait.timer))
			begin(s);
		return;
	}
	done = s->goal - p2v_fluid_left(&s->flow);
	if (done > 0)
		took(s, done);
	next = s->kind->next(s);
	if (next <= 0 || s->budget < 1) {
		p2v_fluid_stop(&s->flow);
		if (next > 0)
			begin(s);
		else
			rest(s);
		return;
	}
	s->goal = next < s->budget ? next : s->budget;
	p2v_fluid_goal(&s->flow, s->goal);
}

void p2v_sender_weigh(struct p2v_sender *s, double weight)
{
	s->weight = weight;
	p2v_fluid_weigh(&s->flow, weight);
}

/* What the end of a goal touches: the sender, its links, what its owner says. */
static void look_ahead(const struct p2v_event *e, unsigned step)
{
	const struct p2v_sender *s = P2V_OF((void *)(uintptr_t)e, struct p2v_sender, flow.event);

	if (step == 0) {
		p2v_touch_lines(s, 7);
		return;
	}
	if (step == 1) {
		p2v_touch_lines(&s->from->up, 3);
		p2v_touch_lines(&s->to->down, 3);
	}
	s->kind->look(s, step);
}

static const struct p2v_event_kind goal_kind = { .run = p2v_fluid_fired, .look = look_ahead };

void p2v_sender_init(struct p2v_sender *s, const struct p2v_sender_kind *kind,
	struct p2v_machine *from, struct p2v_machine *to)
{
	struct p2v_sim *sim = from->sim;

	*s = (struct p2v_sender){ .kind = kind,
		.from = from,
		.to = to,
		.up = from->up.number,
		.down = to->down.number,
		.weight = 1,
		.cwnd = kind->initial,
		.budget = kind->initial,
		.ssthresh = P2V_FLUID_UNLIMITED,
		.rtt = 2 * p2v_path_delay(from, to),
		.round_at = sim->now,
		.idle_at = sim->now,
		.cut_at = -1 };
	p2v_fluid_flow_init(&s->flow, &sim->fluid, reached);
	s->flow.event.kind = &goal_kind;
	s->flow.limit = P2V_FLUID_UNLIMITED;
	p2v_event_init(&s->wait, sim, NULL, &waited_kind);
}

void p2v_sender_fini(struct p2v_sender *s)
{
	p2v_fluid_stop(&s->flow);
	p2v_event_cancel(&s->wait);
}
