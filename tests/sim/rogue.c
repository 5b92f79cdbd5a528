/* rogue.c - a remote that sends what no correct end would. */
#include "tests/sim/rogue.h"

#include <string.h>

static void emit(void *ctx, const uint8_t *p, size_t n)
{
	rogue_datagram(ctx, p, n);
}

static void note_frame(struct rogue *r, const struct p2v_frame *f)
{
	switch (f->type) {
	case P2V_F_CLOSE:
		r->closed = true;
		r->close_code = f->u.close.code;
		memcpy(r->close_text, f->u.close.text.p, f->u.close.text.n);
		r->close_text[f->u.close.text.n] = '\0';
		break;
	case P2V_F_STREAM: r->stream_bytes += f->u.stream.data.n; break;
	case P2V_F_RESET: r->resets++; break;
	case P2V_F_STOP: r->stops++; break;
	case P2V_F_MAX_DATA: r->max_data = f->u.max.max; break;
	case P2V_F_MAX_STREAM_DATA: r->max_stream_data = f->u.max.max; break;
	case P2V_F_MAX_STREAMS: r->max_streams = f->u.max.max; break;
	case P2V_F_SETTINGS: r->settings = f->u.settings; break;
	default: break;
	}
}

static void packet(void *ctx, const uint8_t *p, size_t n)
{
	struct rogue *r = ctx;
	struct p2v_packet k;
	struct p2v_frame f;
	struct p2v_err err;
	bool elicits = false;

	if (p2v_packet_open((struct p2v_bytes){ p, n }, r->lowest_unsent, &k, &err) != P2V_OK)
		return;
	r->packets++;
	if (k.number >= r->lowest_unsent) {
		r->lowest_unsent = k.number + 1;
		r->largest = k.number;
		r->stamp = k.stamp;
	}
	while (p2v_frame_next(&k.frames, &f, &err) > 0) {
		elicits = elicits || p2v_frame_elicits(f.type);
		note_frame(r, &f);
		if (f.type == P2V_F_PATH_CHALLENGE && !r->dumb) {
			f.type = P2V_F_PATH_RESPONSE;
			rogue_frame(r, &f);
		}
	}
	if (elicits && !r->dumb) {
		struct p2v_frame ack = { .type = P2V_F_ACK,
			.u.ack = { .echo = r->stamp, .n = 1, .range = { { 0, r->largest + 1 } } } };

		rogue_frame(r, &ack);
	}
}

static void received(void *ctx, const struct p2v_dgram *v, size_t n)
{
	struct rogue *r = ctx;

	for (size_t i = 0; i < n; i++) {
		r->datagrams++;
		r->last_n = v[i].n < sizeof r->last ? v[i].n : sizeof r->last;
		memcpy(r->last, v[i].p, r->last_n);
		if (r->record)
			r->record->ops->input(r->record, v[i].p, v[i].n, &r->up);
	}
}

static const struct p2v_udp_handler handler = { .received = received };

bool rogue_init(struct rogue *r, struct p2v_sim *sim, uint8_t number, const struct p2v_addr *to)
{
	static const struct p2v_link link = { .delay = 5 * P2V_MSEC };
	struct p2v_addr ip = p2v_addr_v4(0x0a000100u + number, 0), bind = { .port = 4433 };
	struct p2v_id id = { { number } };
	struct p2v_world w;

	memset(r, 0, sizeof *r);
	r->to = *to;
	r->machine = p2v_machine_new(sim, "rogue", &ip, &link);
	if (!r->machine)
		return false;
	w = p2v_machine_world(r->machine);
	p2v_node_init(&r->node, &w, number);
	r->up = (struct p2v_record_up){ .ctx = r, .emit = emit, .packet = packet };
	r->records = p2v_sim_records_new(&r->node, &id, P2V_IS_PEER, NULL);
	return r->records &&
	       w.ops->udp_open(w.self, &bind, &handler, r, &r->udp, &r->addr, NULL) == P2V_OK;
}

void rogue_fini(struct rogue *r)
{
	if (r->record)
		r->record->ops->free(r->record);
	if (r->udp)
		r->node.world.ops->udp_close(r->node.world.self, r->udp);
	p2v_sim_records_free(r->records);
	p2v_node_fini(&r->node);
}

bool rogue_dial(struct rogue *r)
{
	struct p2v_records records = p2v_sim_records(r->records);

	return records.ops->dial(records.self, &r->up, &r->record, NULL) == P2V_OK;
}

bool rogue_move(struct rogue *r, const struct p2v_addr *to)
{
	if (p2v_machine_rebind(r->machine, &r->addr, to) != P2V_OK)
		return false;
	r->addr = *to;
	return true;
}

void rogue_datagram(struct rogue *r, const void *p, size_t n)
{
	struct p2v_dgram d = { .addr = r->to, .p = p, .n = n };

	(void)r->node.world.ops->udp_send(r->node.world.self, r->udp, &d, 1);
}

void rogue_packet(struct rogue *r, const void *p, size_t n)
{
	uint8_t out[4096];
	ptrdiff_t k = r->record->ops->seal(r->record, p, n, out, sizeof out);

	if (k > 0)
		rogue_datagram(r, out, (size_t)k);
}

void rogue_send(struct rogue *r, const void *frames, size_t n)
{
	uint8_t buf[4000];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);

	p2v_packet_begin(&w, r->next++, p2v_now(&r->node.world));
	p2v_write_bytes(&w, frames, n);
	if (!w.full)
		rogue_packet(r, buf, p2v_written(&w));
}

void rogue_frame(struct rogue *r, const struct p2v_frame *f)
{
	uint8_t buf[3900];
	struct p2v_writer w = p2v_writer_of(buf, sizeof buf);

	if (p2v_frame_put(&w, f))
		rogue_send(r, buf, p2v_written(&w));
}
