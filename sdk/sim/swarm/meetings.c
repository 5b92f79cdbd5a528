/* meetings.c - who called whom and who got a session, where NAT boxes are in the way. What counts
 * is seen from outside: from the overlay's calls, and from where a session's datagrams go. */
#include <stdlib.h>

#include "sdk/sim/box.h"
#include "sdk/sim/swarm/inside.h"

struct acquaintance {
	UT_hash_handle hh;
	struct p2v_id id;
	const struct p2v_swarm_seat *seat;
};

/** Two viewers that had to do with each other. */
struct meeting {
	UT_hash_handle hh;
	uint64_t pair[2]; /* their numbers, the lower one first */
	bool tried, connected;
};

struct p2v_meetings {
	struct acquaintance *by_id; /* all that came */
	struct meeting *met;
	struct p2v_pairs pairs;
};

static struct p2v_pair_count *count_of(
	struct p2v_meetings *m, const struct p2v_swarm_seat *v, const struct p2v_swarm_seat *w)
{
	size_t a = p2v_person_class(&v->visitor->person);
	size_t b = p2v_person_class(&w->visitor->person);

	return a < b ? &m->pairs.v[a][b] : &m->pairs.v[b][a];
}

static const struct p2v_swarm_seat *seat_of(struct p2v_meetings *m, const struct p2v_id *id)
{
	struct acquaintance *a;

	HASH_FIND(hh, m->by_id, id, sizeof *id, a);
	return a ? a->seat : NULL;
}

/* @return NULL: no memory */
static struct meeting *meeting(
	struct p2v_meetings *m, const struct p2v_swarm_seat *v, const struct p2v_swarm_seat *w)
{
	uint64_t a = v->number, b = w->number;
	uint64_t pair[2] = { a < b ? a : b, a < b ? b : a };
	struct meeting *t;

	HASH_FIND(hh, m->met, pair, sizeof pair, t);
	if (t || !(t = calloc(1, sizeof *t)))
		return t;
	t->pair[0] = pair[0];
	t->pair[1] = pair[1];
	HASH_ADD(hh, m->met, pair, sizeof t->pair, t);
	if (P2V_HASH_ADDED(hh, t))
		return t;
	free(t);
	return NULL;
}

static void called(void *ctx, const struct p2v_id *peer)
{
	const struct p2v_swarm_seat *v = ctx, *w;
	struct p2v_meetings *m = v->swarm->meetings;
	struct meeting *t;

	w = seat_of(m, peer);
	t = w ? meeting(m, v, w) : NULL;
	if (t && !t->tried) {
		t->tried = true;
		count_of(m, v, w)->tried++;
	}
}

/* Both ends hear of a session; the one that called counts it. */
static void reached(void *ctx, const struct p2v_id *peer, struct p2v_session *s)
{
	const struct p2v_swarm_seat *v = ctx, *w;
	struct p2v_meetings *m = v->swarm->meetings;
	struct p2v_session_info info;
	struct p2v_pair_count *c;
	struct meeting *t;

	p2v_session_info(s, &info);
	w = seat_of(m, peer);
	t = w && info.dialled ? meeting(m, v, w) : NULL;
	if (!t)
		return;
	c = count_of(m, v, w);
	c->sessions++;
	c->direct += p2v_machine_is_at(w->machine, &info.addr);
	if (!t->connected) {
		t->connected = true;
		c->connected++;
	}
}

int p2v_meetings_watch(struct p2v_swarm_seat *v, struct p2v_err *err)
{
	struct p2v_overlay_watch watch = { v, called, reached };
	struct p2v_meetings *m = v->swarm->meetings;
	struct acquaintance *a;

	if (!m)
		return P2V_OK;
	a = calloc(1, sizeof *a);
	if (!a)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a viewer");
	a->id = v->live->crypto.id;
	a->seat = v;
	HASH_ADD(hh, m->by_id, id, sizeof a->id, a);
	if (!P2V_HASH_ADDED(hh, a)) {
		free(a);
		return p2v_fail(err, P2V_ENOMEM, "no memory for a viewer");
	}
	p2v_overlay_set_watch(p2v_agent_overlay(v->live->agent), &watch);
	return P2V_OK;
}

int p2v_meetings_new(struct p2v_swarm *s, struct p2v_err *err)
{
	const struct p2v_audience *a = s->conf.audience;
	bool boxed = false;

	for (size_t i = 0; a && i < a->n; i++)
		boxed |= a->v[i].person.boxed;
	if (!boxed)
		return P2V_OK;
	s->meetings = calloc(1, sizeof *s->meetings);
	return s->meetings ? P2V_OK : p2v_fail(err, P2V_ENOMEM, "no memory for viewers");
}

void p2v_meetings_free(struct p2v_swarm *s)
{
	struct p2v_meetings *m = s->meetings;
	struct acquaintance *a, *a_next;
	struct meeting *t, *t_next;

	if (!m)
		return;
	HASH_ITER (hh, m->by_id, a, a_next) {
		HASH_DEL(m->by_id, a);
		free(a);
	}
	HASH_ITER (hh, m->met, t, t_next) {
		HASH_DEL(m->met, t);
		free(t);
	}
	free(m);
}

const struct p2v_pairs *p2v_swarm_pairs(const struct p2v_swarm *s)
{
	return s->meetings ? &s->meetings->pairs : NULL;
}
