/* governor.c - how fast a node may upload without hurting its own viewer: a queue that uploads
 * build in the line's uplink delays the player's requests and acknowledgements too. The sum of all
 * uploads is held where round trips stay short. It stands above the congestion controllers, which
 * each see one path only. Source: own; the target and the measure are LEDBAT's (RFC 6817 3.4.2:
 * one-way delay above its least, at most 100 ms), what the line carries is what partners
 * acknowledge while its queue stands. */
#include "framework/base/timers.h"
#include "framework/delivery/inside.h"

#define INTERVAL   (100 * P2V_MSEC)
#define TARGET     (60 * P2V_MSEC) /* of queueing delay */
#define RATE_FIRST 125000.0        /* [B/s] */
#define RATE_LEAST 16384.0         /* a chunk a second */
#define RATE_MOST  1e9
#define RATE_POOR  32768.0 /* on less, a chunk keeps the viewer's own requests waiting for 0.5 s */
#define POOR_LOOKS 2u      /* in a row: the first may come before anything was acknowledged */
#define REST       (60 * P2V_SECOND) /* the first time; twice as long each time */
#define RESTS_MOST 5u
#define KNOWN_FOR  (60 * P2V_SECOND) /* after the line was found to be full */
#define OURS_LEAST 3u /* partners, so that the line that is full is not one of theirs */
#define SESSIONS   64u

static void insert(p2v_usec *v, size_t n, p2v_usec x)
{
	for (; n > 0 && v[n - 1] > x; n--)
		v[n] = v[n - 1];
	v[n] = x;
}

/** What all partners' sessions tell. */
struct look {
	uint64_t arrived; /* [B] at partners that are served, since the last look */
	uint64_t others;  /* … at all others: messages */
	p2v_usec queued;  /* how long what we send waits on its way, … */
	p2v_usec srtt;    /* … and the longest round trip, where something is under way */
	bool ours;        /* it waits on its way to each of several partners */
};

static uint64_t arrived(struct p2v_mate *m, const struct p2v_session_info *info)
{
	uint64_t gone = info->lost + info->in_flight, before = m->arrived;
	uint64_t all = info->sent > gone ? info->sent - gone : 0;

	m->arrived = all > before ? all : before;
	return m->arrived - before;
}

struct delays {
	p2v_usec v[SESSIONS]; /* shape (n), the least first */
	size_t n;
};

static void take(struct look *l, struct delays *s, const struct p2v_session_info *info)
{
	if (s->n == SESSIONS || info->in_flight == 0)
		return;
	insert(s->v, s->n++, info->queued);
	l->srtt = info->srtt > l->srtt ? info->srtt : l->srtt;
}

static p2v_usec median(const struct delays *s)
{
	return s->n ? s->v[(s->n - 1) / 2] : 0;
}

/* The queue is the median of the partners that something is under way to: one partner's own full
 * line does not count, ours delays them all. Those to whom only messages go are asked when those
 * that are being served say that it stands, and near the edge when nobody is served. */
static struct look look(struct p2v_delivery *d)
{
	struct delays delays = { .n = 0 };
	struct look l = { 0, 0, 0, 0, false };
	bool all, parts = p2v_delivery_parts(d) > 0;

	P2V_LIST_EACH (it, &d->governor.served) {
		struct p2v_mate *m = P2V_OF(it, struct p2v_mate, in_served);
		struct p2v_session_info info;
		uint64_t more;

		p2v_session_info(p2v_partner_session(m->partner), &info);
		more = arrived(m, &info);
		l.arrived += more;
		if (more == 0 && info.in_flight == 0 && p2v_list_empty(&m->serves))
			p2v_list_remove(&m->in_served); /* all that it was sent is there */
		take(&l, &delays, &info);
	}
	all = median(&delays) > TARGET || (parts && p2v_list_empty(&d->governor.served));
	if (all || parts)
		P2V_LIST_EACH (it, &d->mates) {
			struct p2v_mate *m = P2V_OF(it, struct p2v_mate, in_delivery);
			struct p2v_session_info info;

			if (!p2v_list_empty(&m->in_served))
				continue;
			p2v_session_info(p2v_partner_session(m->partner), &info);
			if (parts)
				l.others += arrived(m, &info);
			if (all)
				take(&l, &delays, &info);
		}
	l.queued = median(&delays);
	l.ours = delays.n >= OURS_LEAST && delays.v[0] > TARGET;
	return l;
}

/* A line that carries next to nothing is its viewer's alone: nothing is offered, so nobody asks,
 * and what a chunk and the messages about it would take of it is not missed elsewhere. */
static void judge(struct p2v_delivery *d, const struct look *l, double carries, p2v_usec now)
{
	struct p2v_governor *g = &d->governor;

	/* What was under way when the rest began tells nothing new. */
	if (!l->ours || !d->overlay || now < g->rest_until)
		return;
	if (carries >= RATE_POOR)
		g->poor = g->rests = 0;
	else
		g->poor++;
	if (g->poor < POOR_LOOKS)
		return;
	g->poor = 0;
	g->rest_until = now + (REST << (g->rests < RESTS_MOST ? g->rests : RESTS_MOST));
	g->rests++;
	p2v_log(d->node, P2V_LOG_INFO, "uplink_thin", "kbit=%.0f rest_s=%lld", carries * 8e-3,
		(long long)((g->rest_until - now) / P2V_SECOND));
	(void)p2v_overlay_rest(d->overlay, true);
	p2v_mates_tell_all_gone(d);
	p2v_serve_stop(d);
}

void p2v_governor_beat(struct p2v_delivery *d, p2v_usec now)
{
	/* Near the edge the queue that messages build is in the way, too. */
	if (p2v_delivery_parts(d) > 0)
		p2v_governor_busy(d);
	if (!d->overlay || now < d->governor.rest_until || !p2v_overlay_rest(d->overlay, false))
		return;
	d->governor.proven = false;
	for (struct p2v_fragment *f = d->fragments; f; f = f->hh.next)
		p2v_mates_tell_have(f);
}

/* The queue stands: this is what the line carries. @param carries  [B/s] of chunks */
static void slow_down(struct p2v_delivery *d, double carries, p2v_usec now)
{
	struct p2v_governor *g = &d->governor;

	/* One look may be wrong, where it is known what the line carried a moment ago. */
	if (p2v_governor_known(d) && carries < 0.7 * g->rate)
		carries = 0.7 * g->rate;
	g->rate = carries < g->rate ? carries : g->rate;
	g->rate = g->rate > RATE_LEAST ? g->rate : RATE_LEAST;
	g->full_at = now;
	g->was_full = true;
}

/* What a line carries of which nothing is known is found out with one chunk at a time: who plays a
 * second behind the edge has no time to wait behind a few of them. So fast it came, it may go on.
 */
static void try_out(struct p2v_delivery *d, const struct look *l, p2v_usec now)
{
	struct p2v_governor *g = &d->governor;
	double came;

	if (g->proven || g->trial == 0 || p2v_delivery_parts(d) == 0)
		return;
	g->proven = l->arrived >= g->trial;
	came = (double)g->tried * 1e6 / (double)(now - g->tried_at);
	if (g->proven && came < g->rate)
		g->rate = came > RATE_LEAST ? came : RATE_LEAST;
	g->trial -= g->proven ? g->trial : l->arrived;
	if (p2v_list_empty(&g->served)) /* whoever was sent it is gone */
		g->trial = 0;
}

static double most_of(double a, double b)
{
	return a > b ? a : b;
}

static void adjust(struct p2v_delivery *d, p2v_usec now)
{
	struct p2v_governor *g = &d->governor;
	double seconds = (double)(now - g->since) / 1e6;
	struct look l = look(d);
	double sent = (double)g->sent / seconds, through = (double)l.arrived / seconds;
	double all = (double)(l.arrived + l.others) / seconds;

	/* Chunks are large, and a slow line carries few in an interval. */
	g->out += (sent - g->out) / 4;
	g->through += (through - g->through) / 4;
	g->all += (all - g->all) / 4;
	g->queued = l.queued;
	try_out(d, &l, now);
	if (l.queued > TARGET && now >= g->hold_until) {
		judge(d, &l, 0.9 * most_of(all, g->all), now);
		if (!p2v_list_empty(&g->served))
			slow_down(d, 0.9 * most_of(through, g->through), now);
		g->hold_until = now + (2 * l.srtt > 3 * INTERVAL ? 2 * l.srtt : 3 * INTERVAL);
	} else if (l.queued <= TARGET / 2 && g->out > 0.7 * g->rate && now >= g->hold_until) {
		/* Quickly while nothing is known of the line, gently near where it was full. */
		g->rate *= p2v_governor_known(d) ? 1.05 : 1.25;
		g->rate = g->rate < RATE_MOST ? g->rate : RATE_MOST;
	}
	g->sent = 0;
	g->since = now;
}

static void fire(struct p2v_timer *t, p2v_usec now)
{
	struct p2v_delivery *d = t->owner;

	adjust(d, now);
	if (d->n_serves > 0 || p2v_delivery_parts(d) > 0)
		p2v_arm(&d->node->world, t, now + INTERVAL);
	p2v_serve_pump(d);
}

void p2v_governor_init(struct p2v_delivery *d)
{
	d->governor = (struct p2v_governor){ .rate = RATE_FIRST };
	p2v_list_init(&d->governor.served);
	d->governor.timer.fire = fire;
	d->governor.timer.owner = d;
}

void p2v_governor_fini(struct p2v_delivery *d)
{
	p2v_disarm(&d->node->world, &d->governor.timer);
}

void p2v_governor_busy(struct p2v_delivery *d)
{
	p2v_usec now = p2v_now(&d->node->world);

	if (p2v_timer_armed(&d->governor.timer))
		return;
	d->governor.sent = 0;
	d->governor.since = now;
	(void)look(d); /* what came before does not count */
	p2v_arm(&d->node->world, &d->governor.timer, now + INTERVAL);
}

void p2v_governor_sent(struct p2v_delivery *d, struct p2v_mate *m, uint64_t n)
{
	struct p2v_session_info info;

	d->governor.sent += n;
	if (!d->governor.proven && d->governor.trial == 0 && p2v_delivery_parts(d) > 0) {
		d->governor.trial = d->governor.tried = n;
		d->governor.tried_at = p2v_now(&d->node->world);
	}
	if (!p2v_list_empty(&m->in_served))
		return;
	p2v_list_push(&d->governor.served, &m->in_served);
	p2v_session_info(p2v_partner_session(m->partner), &info);
	(void)arrived(m, &info); /* the messages that went before do not count */
}

bool p2v_governor_known(const struct p2v_delivery *d)
{
	return d->governor.was_full && p2v_now(&d->node->world) - d->governor.full_at < KNOWN_FOR;
}

bool p2v_governor_trying(const struct p2v_delivery *d)
{
	const struct p2v_governor *g = &d->governor;

	return !g->proven && (g->trial > 0 || g->queued > TARGET) && p2v_delivery_parts(d) > 0;
}

uint64_t p2v_governor_rate(const struct p2v_delivery *d)
{
	uint64_t limit = d->overlay ? p2v_overlay_upload_limit(d->overlay) : 0,
		 rate = (uint64_t)d->governor.rate;

	return limit && limit < rate ? limit : rate;
}
