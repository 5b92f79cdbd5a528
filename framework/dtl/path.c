/* path.c - where a session's remote is, and how it is followed to another address. */
#include "framework/dtl/path.h"

#include "framework/dtl/inside.h"

void p2v_path_seen(struct p2v_session *s, p2v_usec now)
{
	struct p2v_path *p = &s->path;
	const struct p2v_world *w = &s->dtl->node->world;

	if (p->asks && p2v_addr_equal(&p->to, p->from)) {
		p->room += P2V_PATH_TIMES * p->size;
		return;
	}
	/* One at a time: who can send from many addresses makes us ask no faster. */
	if (p->asks && now - p->began < p2v_recovery_pto(&s->recovery))
		return;
	p->asks = true;
	p->to = *p->from;
	p->tries = 0;
	p->room = P2V_PATH_TIMES * p->size;
	p->began = p->due = now;
	w->ops->entropy(w->self, p->token, sizeof p->token);
}

void p2v_path_challenged(struct p2v_session *s, const uint8_t token[P2V_PATH_TOKEN])
{
	struct p2v_path *p = &s->path;

	p->answers = true;
	p->back = p->from ? *p->from : s->addr;
	memcpy(p->answer, token, sizeof p->answer);
}

void p2v_path_proven(struct p2v_session *s, const uint8_t token[P2V_PATH_TOKEN], p2v_usec now)
{
	struct p2v_path *p = &s->path;

	/* An answer that comes too late, or another way, proves nothing. */
	if (!p->asks || !p->from || !p2v_addr_equal(&p->to, p->from) ||
		memcmp(p->token, token, sizeof p->token) != 0)
		return;
	p->asks = false;
	p2v_session_move(s, &p->to, now);
}

static void send(struct p2v_session *s, p2v_usec now, const struct p2v_addr *to,
	enum p2v_frame_type type, const uint8_t token[P2V_PATH_TOKEN])
{
	struct p2v_frame f = { .type = type };

	memcpy(f.u.token, token, sizeof f.u.token);
	p2v_session_send_apart(s, now, to, &f);
}

void p2v_path_flush(struct p2v_session *s, p2v_usec now)
{
	struct p2v_path *p = &s->path;
	size_t size = s->record->overhead + P2V_PACKET_HEADER + 1 + P2V_PATH_TOKEN;

	if (p->answers)
		send(s, now, &p->back, P2V_F_PATH_RESPONSE, p->answer);
	p->answers = false;
	if (!p->asks || now < p->due)
		return;
	if (p->tries == P2V_PATH_TRIES) {
		p->asks = false;
		return;
	}
	p->due = now + (p2v_recovery_pto(&s->recovery) << p->tries);
	p->tries++;
	if (p->room < size)
		return;
	p->room -= size;
	send(s, now, &p->to, P2V_F_PATH_CHALLENGE, p->token);
}

p2v_usec p2v_path_deadline(const struct p2v_session *s)
{
	return s->path.asks ? s->path.due : P2V_NEVER;
}
