/* report.c - figures made of what a run left, and comparison viewer by viewer. */
#include "sdk/sim/cli/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- percentiles and means ---- */

/* [ms] @param which  offset of a p2v_usec in struct p2v_seen */
static double percentile_of(const struct p2v_play *p, size_t which, unsigned percent)
{
	double *v = calloc(p->n + 1, sizeof *v), r;
	size_t n = 0;

	if (!v)
		return (double)NAN;
	for (size_t i = 0; i < p->n; i++) {
		p2v_usec t;

		memcpy(&t, (const char *)&p->viewers[i] + which, sizeof t);
		if (p->viewers[i].played && t != P2V_UNKNOWN)
			v[n++] = (double)t / 1e3;
	}
	r = p2v_percentile(v, n, percent);
	free(v);
	return r;
}

/* [bit/s] by time played */
static double mean_bitrate(const struct p2v_play *p)
{
	double bits = 0, time = 0;

	for (size_t i = 0; i < p->n; i++) {
		bits += (double)p->viewers[i].bitrate * (double)p->viewers[i].media;
		time += (double)p->viewers[i].media;
	}
	return bits / time;
}

/* ---- shares ---- */

static void sums_between(const struct p2v_play *p, struct p2v_sums *t)
{
	const struct p2v_sums *b = &p->before;

	*t = p->after;
	t->p2p -= b->p2p;
	t->cdn -= b->cdn;
	t->down -= b->down;
	t->down_p2p -= b->down_p2p;
	t->wasted -= b->wasted;
	t->datagrams -= b->datagrams;
	t->origin -= b->origin;
	t->loaded -= b->loaded;
	t->distinct -= b->distinct;
	t->upload -= b->upload;
	t->integrity -= b->integrity;
	for (size_t i = 0; i < P2V_WHYS; i++)
		t->why[i] -= b->why[i];
}

static void put_why(const struct p2v_sums *t, struct p2v_summary *out)
{
	double all = 0;

	for (size_t i = 0; i < P2V_WHYS; i++)
		all += (double)t->why[i];
	for (size_t i = 0; i < P2V_WHYS; i++)
		p2v_summary_real(
			out, (enum p2v_figure_id)(P2V_FIG_cdn_alone + i), (double)t->why[i] / all);
}

static void put_shares(
	const struct p2v_scenario *s, const struct p2v_play *p, struct p2v_summary *out)
{
	struct p2v_sums t;
	double played, savings, once, lines, bound;

	sums_between(p, &t);
	played = (double)(t.p2p + t.cdn);
	savings = (double)t.p2p / played;
	once = 1 - (double)t.distinct / (double)t.loaded;
	lines = s->run->eta * t.upload / (double)t.loaded;
	bound = once < lines ? once : lines;
	p2v_summary_real(out, P2V_FIG_savings, savings);
	p2v_summary_real(out, P2V_FIG_offload, 1 - (double)t.origin / played);
	p2v_summary_real(out, P2V_FIG_bound, bound);
	p2v_summary_real(out, P2V_FIG_achieved, bound > 0 ? savings / bound : (double)NAN);
	p2v_summary_real(out, P2V_FIG_wasted_share, (double)t.wasted / (double)t.down);
	p2v_summary_real(out, P2V_FIG_overhead_share,
		t.datagrams > t.down_p2p ? 1 - (double)t.down_p2p / (double)t.datagrams
					 : (double)NAN);
	p2v_summary_count(out, P2V_FIG_p2p_bytes, t.p2p);
	p2v_summary_count(out, P2V_FIG_cdn_bytes, t.cdn);
	p2v_summary_count(out, P2V_FIG_origin_bytes, t.origin);
	p2v_summary_count(out, P2V_FIG_integrity_failures, t.integrity);
	put_why(&t, out);
}

/* ---- who met whom ---- */

static void put_pairs(
	const struct p2v_scenario *s, const struct p2v_play *p, struct p2v_summary *out)
{
	struct p2v_pair_count t = { .tried = 0 };
	uint64_t boxed = 0;

	for (size_t i = 0; i < p->n; i++)
		boxed += p->viewers[i].came && s->audience.v[i].person.boxed;
	p2v_summary_count(out, P2V_FIG_nat_viewers, boxed);
	if (!p->pairs)
		return;
	for (size_t a = 0; a < P2V_PAIR_CLASSES; a++)
		for (size_t b = a; b < P2V_PAIR_CLASSES; b++) {
			const struct p2v_pair_count *c = &p->pairs->v[a][b];

			t.tried += c->tried;
			t.connected += c->connected;
			t.sessions += c->sessions;
			t.direct += c->direct;
		}
	p2v_summary_real(out, P2V_FIG_direct_share, (double)t.direct / (double)t.sessions);
	p2v_summary_count(out, P2V_FIG_nat_tried, t.tried);
	p2v_summary_count(out, P2V_FIG_nat_connected, t.connected);
}

static const char *class_name(size_t class, char name[P2V_NAT_NAME])
{
	return class ? p2v_nat_type_text(p2v_nat_type_at((unsigned)class - 1), name) : "open";
}

void p2v_report_pairs(const struct p2v_play *p, FILE *out)
{
	char one[P2V_NAT_NAME], two[P2V_NAT_NAME];

	(void)fputs("nat,other_nat,tried,connected,sessions,direct\n", out);
	for (size_t a = 0; a < P2V_PAIR_CLASSES; a++)
		for (size_t b = a; b < P2V_PAIR_CLASSES; b++) {
			const struct p2v_pair_count *c = &p->pairs->v[a][b];

			if (c->tried || c->sessions)
				(void)fprintf(out, "%s,%s,%llu,%llu,%llu,%llu\n",
					class_name(a, one), class_name(b, two),
					(unsigned long long)c->tried,
					(unsigned long long)c->connected,
					(unsigned long long)c->sessions,
					(unsigned long long)c->direct);
		}
}

/* ---- viewer by viewer ---- */

static void put_comparison(const struct p2v_scenario *s, const struct p2v_play *p,
	const struct p2v_play *cdn, struct p2v_summary *out)
{
	double longer = 0, lower = 0, n = 0, rates = 0;

	for (size_t i = 0; i < p->n && i < cdn->n; i++) {
		const struct p2v_seen *a = &p->viewers[i], *b = &cdn->viewers[i];

		if (!a->came || !b->came)
			continue;
		n++;
		longer += a->buffering > b->buffering + s->run->longer_by;
		if (!a->played || !b->played)
			continue;
		rates++;
		lower += (double)a->bitrate < (double)b->bitrate * (1 - s->run->lower_by);
	}
	p2v_summary_real(out, P2V_FIG_longer_share, longer / n);
	p2v_summary_real(out, P2V_FIG_lower_share, lower / rates);
	p2v_summary_real(out, P2V_FIG_startup_ms_p95_cdn,
		percentile_of(cdn, offsetof(struct p2v_seen, startup), 95));
	p2v_summary_real(out, P2V_FIG_latency_ms_p95_cdn,
		percentile_of(cdn, offsetof(struct p2v_seen, latency), 95));
	p2v_summary_real(out, P2V_FIG_mean_bitrate_cdn, mean_bitrate(cdn));
	p2v_summary_real(out, P2V_FIG_stalled_s_cdn, (double)cdn->stalled / 1e6);
}

static void put_viewers(const struct p2v_play *p, struct p2v_summary *out)
{
	size_t came = 0, played = 0;

	for (size_t i = 0; i < p->n; i++) {
		came += p->viewers[i].came;
		played += p->viewers[i].played;
	}
	p2v_summary_count(out, P2V_FIG_viewers, came);
	p2v_summary_count(out, P2V_FIG_played, played);
	p2v_summary_real(out, P2V_FIG_startup_ms_p50,
		percentile_of(p, offsetof(struct p2v_seen, startup), 50));
	p2v_summary_real(out, P2V_FIG_startup_ms_p95,
		percentile_of(p, offsetof(struct p2v_seen, startup), 95));
	p2v_summary_real(out, P2V_FIG_latency_ms_p50,
		percentile_of(p, offsetof(struct p2v_seen, latency), 50));
	p2v_summary_real(out, P2V_FIG_latency_ms_p95,
		percentile_of(p, offsetof(struct p2v_seen, latency), 95));
	p2v_summary_real(out, P2V_FIG_mean_bitrate, mean_bitrate(p));
	p2v_summary_count(out, P2V_FIG_stalls, p->stalls);
	p2v_summary_real(out, P2V_FIG_stalled_s, (double)p->stalled / 1e6);
}

void p2v_report_summary(const struct p2v_scenario *s, const struct p2v_play *p,
	const struct p2v_play *cdn, struct p2v_summary *out)
{
	double seconds = (double)s->run->duration / 1e6;
	char hash[17];

	memset(out, 0, sizeof *out);
	(void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)p->hash);
	p2v_summary_count(out, P2V_FIG_peers, s->run->peers);
	p2v_summary_real(out, P2V_FIG_seconds, seconds);
	p2v_summary_count(out, P2V_FIG_seed, s->run->seed);
	p2v_summary_text(out, P2V_FIG_fidelity, p2v_fidelities[s->run->fidelity]);
	p2v_summary_count(out, P2V_FIG_events, p->events);
	p2v_summary_real(out, P2V_FIG_wall_s, p->wall);
	p2v_summary_real(out, P2V_FIG_cpu_s, p->cpu);
	p2v_summary_real(out, P2V_FIG_speed_x, seconds / p->wall);
	p2v_summary_real(out, P2V_FIG_bytes_per_peer, p->bytes_per_peer);
	p2v_summary_text(out, P2V_FIG_log_hash, hash);
	p2v_summary_text(out, P2V_FIG_scenario, s->name);
	p2v_summary_count(out, P2V_FIG_polluted, p->polluted);
	put_shares(s, p, out);
	put_viewers(p, out);
	put_pairs(s, p, out);
	if (cdn)
		put_comparison(s, p, cdn, out);
}

/* ---- CSV ---- */

static void put_ms(FILE *out, p2v_usec t)
{
	if (t == P2V_UNKNOWN || t == P2V_NEVER)
		(void)fputc(',', out);
	else
		(void)fprintf(out, ",%.3f", (double)t / 1e3);
}

static void put_seen(const struct p2v_seen *v, FILE *out)
{
	put_ms(out, v->played ? v->startup : P2V_UNKNOWN);
	put_ms(out, v->buffering);
	put_ms(out, v->played ? v->latency : P2V_UNKNOWN);
	(void)fprintf(out, ",%u,%llu", v->stalls, (unsigned long long)v->bitrate);
}

static const char *habit(const struct p2v_person *p)
{
	return p->free_rider ? "free-rider" : p->polluter ? "polluter" : p->slow ? "slow" : "usual";
}

void p2v_report_viewers(const struct p2v_scenario *s, const struct p2v_play *p,
	const struct p2v_play *cdn, FILE *out)
{
	(void)fputs("viewer,comes_s,leaves_s,upload_bps,download_bps,habit,nat,startup_ms,"
		    "buffering_ms,latency_ms,stalls,bitrate_bps,p2p_bytes,cdn_bytes,uploaded_bytes,"
		    "datagrams_sent,datagram_bytes_sent,http_bytes_sent,overflowed",
		out);
	if (cdn)
		(void)fputs(",startup_ms_cdn,buffering_ms_cdn,latency_ms_cdn,stalls_cdn,"
			    "bitrate_bps_cdn",
			out);
	(void)fputc('\n', out);
	for (size_t i = 0; i < p->n; i++) {
		const struct p2v_seen *v = &p->viewers[i];
		const struct p2v_person *who = &s->audience.v[i].person;
		char nat[P2V_NAT_NAME];

		if (!v->came)
			continue;
		(void)fprintf(out, "%zu,%.6f,%.6f,%llu,%llu,%s,%s", i, (double)v->from / 1e6,
			(double)v->until / 1e6, (unsigned long long)who->upload * 8,
			(unsigned long long)who->link.down * 8, habit(who),
			class_name(p2v_person_class(who), nat));
		put_seen(v, out);
		(void)fprintf(out, ",%llu,%llu,%llu", (unsigned long long)v->p2p,
			(unsigned long long)v->cdn, (unsigned long long)v->uploaded);
		(void)fprintf(out, ",%llu,%llu,%llu,%llu", (unsigned long long)v->link.sent,
			(unsigned long long)v->link.sent_bytes,
			(unsigned long long)v->link.stream_sent_bytes,
			(unsigned long long)v->link.overflowed);
		if (cdn)
			put_seen(&cdn->viewers[i], out);
		(void)fputc('\n', out);
	}
}
