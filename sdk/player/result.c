/* result.c - the player's figures: as a struct, as JSON, and as trace lines. */
#include <string.h>

#include "sdk/player/inside.h"

void p2v_player_status(struct p2v_player *p, struct p2v_player_status *out)
{
	p2v_usec now = p2v_now(&p->w);
	int64_t wall = p2v_player_wall(p);

	if (!p->over)
		p2v_buffer_advance(&p->buffer, now, wall);
	*out = (struct p2v_player_status){ .started = p->buffer.startup != P2V_UNKNOWN,
		.stalled = p->buffer.state == P2V_BUFFER_STALLED,
		.ended = p->over,
		.buffer = p2v_buffer_ahead(&p->buffer, 0),
		.latency = p->over ? p->r.latency_last : p2v_buffer_latency(&p->buffer, now, wall),
		.played = p->buffer.played,
		.bitrate = p->buffer.last_bitrate,
		.estimate = p->n_tracks ? p2v_abr_estimate(&p->abr) : 0,
		.stalls = p->buffer.stalls,
		.bytes = p->r.bytes };
	if (p->n_tracks > 1 && p2v_buffer_ahead(&p->buffer, 1) < out->buffer)
		out->buffer = p2v_buffer_ahead(&p->buffer, 1);
}

void p2v_player_result(struct p2v_player *p, struct p2v_player_result *out)
{
	const struct p2v_buffer *b = &p->buffer;
	p2v_usec now = p2v_now(&p->w);

	if (!p->over) {
		p2v_buffer_advance(&p->buffer, now, p2v_player_wall(p));
		p->r.wall = now - p->begun;
		p->r.stalled = p2v_buffer_stalled(b, now);
		p->r.latency_last = p2v_buffer_latency(b, now, p2v_player_wall(p));
	}
	*out = p->r;
	out->played = b->startup != P2V_UNKNOWN;
	out->startup = b->startup;
	out->stalls = b->stalls;
	out->buffering = out->stalled + (out->played ? b->startup : p->r.wall);
	out->played_media = b->played;
	out->skipped_media = b->jumped;
	out->mean_bitrate = b->played > 0 ? (uint64_t)(b->bits / (double)b->played + 0.5) : 0;
	out->switches = b->switches;
	out->played_fragments = b->begun;
	out->latency_median = p2v_buffer_latency_median(b);
	if (out->latency_last == P2V_UNKNOWN && b->n_latency)
		out->latency_last = b->latency[b->n_latency - 1] * P2V_MSEC;
}

/* [us] as [ms]; what is not known is left out. */
static void ms(struct p2v_json *j, const char *key, p2v_usec v)
{
	if (v != P2V_UNKNOWN)
		p2v_json_real(j, key, (double)v / 1e3, 3);
}

void p2v_player_result_json(const struct p2v_player_result *r, struct p2v_json *j)
{
	p2v_json_bool(j, "played", r->played);
	p2v_json_bool(j, "ended", r->ended);
	if (r->code < 0)
		p2v_json_text(j, "error", r->error);
	ms(j, "wall_ms", r->wall);
	ms(j, "startup_ms", r->startup);
	p2v_json_u64(j, "stalls", r->stalls);
	ms(j, "stall_ms", r->stalled);
	ms(j, "buffering_ms", r->buffering);
	ms(j, "played_ms", r->played_media);
	ms(j, "skipped_ms", r->skipped_media);
	p2v_json_u64(j, "mean_bitrate_bps", r->mean_bitrate);
	p2v_json_u64(j, "renditions", r->renditions);
	p2v_json_u64(j, "switches", r->switches);
	ms(j, "latency_ms_p50", r->latency_median);
	ms(j, "latency_ms_last", r->latency_last);
	p2v_json_u64(j, "bytes", r->bytes);
	p2v_json_u64(j, "media_bytes", r->media_bytes);
	p2v_json_u64(j, "fragments", r->fragments);
	p2v_json_u64(j, "played_fragments", r->played_fragments);
	p2v_json_u64(j, "parts", r->parts);
	p2v_json_u64(j, "hints", r->hints);
	p2v_json_u64(j, "held", r->held);
	p2v_json_u64(j, "requests", r->requests);
	p2v_json_u64(j, "misses", r->misses);
	p2v_json_u64(j, "errors", r->errors);
	p2v_json_u64(j, "timeouts", r->timeouts);
	p2v_json_u64(j, "abandoned", r->abandoned);
	p2v_json_u64(j, "skipped", r->skipped);
	p2v_json_u64(j, "resyncs", r->resyncs);
	p2v_json_u64(j, "restarts", r->restarts);
}

/* ---- trace ---- */

static void line_begin(struct p2v_player *p, struct p2v_json *j, const char *event)
{
	p2v_json_open(j, NULL, '{');
	ms(j, "t_ms", p2v_now(&p->w) - p->begun);
	p2v_json_text(j, "event", event);
}

static void line_end(struct p2v_player *p, struct p2v_json *j)
{
	p2v_json_close(j, '}');
	if (!j->out->oom)
		p->hooks.trace(p->hooks.ctx, j->out->p);
	p2v_text_fini(j->out);
}

void p2v_player_trace_event(struct p2v_player *p, const char *event, const char *text)
{
	struct p2v_text t = { 0 };
	struct p2v_json j = { .out = &t };

	if (!p->hooks.trace)
		return;
	line_begin(p, &j, event);
	if (text)
		p2v_json_text(&j, "text", text);
	line_end(p, &j);
}

void p2v_player_trace_fragment(struct p2v_player *p, const struct p2v_player_fragment *f)
{
	struct p2v_text t = { 0 };
	struct p2v_json j = { .out = &t };

	if (!p->hooks.trace)
		return;
	line_begin(p, &j, f->init ? "init" : f->partial ? "part" : "fragment");
	p2v_json_text(&j, "track", f->audio ? "audio" : "video");
	p2v_json_u64(&j, "n", f->n);
	if (f->partial)
		p2v_json_u64(&j, "part", f->i);
	p2v_json_u64(&j, "rendition", f->rendition);
	p2v_json_u64(&j, "bitrate_bps", f->bitrate);
	p2v_json_u64(&j, "bytes", f->bytes);
	ms(&j, "first_ms", f->first - f->asked);
	ms(&j, "load_ms", f->done - f->asked);
	ms(&j, "buffer_ms", p2v_buffer_ahead(&p->buffer, f->audio ? 1 : 0));
	ms(&j, "latency_ms", p2v_buffer_latency(&p->buffer, p2v_now(&p->w), p2v_player_wall(p)));
	p2v_json_u64(&j, "estimate_bps", p2v_abr_estimate(&p->abr));
	p2v_json_text(&j, "url", f->url);
	line_end(p, &j);
}
