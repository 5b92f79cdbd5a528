/* box.c - a datagram's way through the boxes before its sender and before its receiver. */
#include "sdk/sim/box.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/sim/inside.h"

struct p2v_sim_box {
	UT_hash_handle hh; /* in the run's, by outside address */
	struct p2v_sim *sim;
	struct p2v_addr outside; /* port 0 */
	struct p2v_sim_box *behind;
	struct p2v_nat *nat;
	struct p2v_random random;
	struct p2v_machine *first; /* of those behind it: where it stands; NULL: nobody yet */
};

static bool same_host(const struct p2v_addr *a, const struct p2v_addr *b)
{
	return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static struct p2v_sim_box *box_at(const struct p2v_sim *s, const struct p2v_addr *a)
{
	struct p2v_sim_box *b;

	HASH_FIND(hh, s->boxes, a->ip, sizeof a->ip, b);
	return b;
}

/* Who has that address in the network behind `level`; NULL is the open one. @return whether
 * anybody has */
static bool resolve(struct p2v_sim *s, struct p2v_sim_box *level, struct p2v_route *r)
{
	struct p2v_machine *m = p2v_sim_machine(s, &r->dst);
	struct p2v_sim_box *b = box_at(s, &r->dst);

	r->box = NULL;
	r->to = NULL;
	if (m && m->box == level) {
		r->to = m;
	} else if (b && b->behind == level) {
		r->box = b;
		r->to = b->first;
	}
	return r->to != NULL;
}

bool p2v_route_out(struct p2v_machine *m, struct p2v_route *r)
{
	struct p2v_sim *s = m->sim;
	struct p2v_sim_box *b = m->box;
	struct p2v_addr dst;

	for (; b; b = b->behind) {
		if (resolve(s, b, r))
			break;
		dst = r->dst;
		if (same_host(&dst, &b->outside)) {
			if (p2v_nat_hairpin(b->nat, &r->from, dst.port, s->now, &r->from,
				    &r->dst) != P2V_NAT_PASS)
				return false;
			return resolve(s, b, r);
		}
		if (p2v_nat_out(b->nat, &r->from, &dst, s->now, &r->from) != P2V_NAT_PASS)
			return false;
	}
	if (!b)
		(void)resolve(s, NULL, r);
	return true;
}

bool p2v_route_in(struct p2v_sim *s, struct p2v_route *r)
{
	while (r->box) {
		struct p2v_sim_box *b = r->box;

		if (p2v_nat_in(b->nat, r->dst.port, &r->from, s->now, &r->dst) != P2V_NAT_PASS ||
			!resolve(s, b, r))
			return false;
	}
	return true;
}

bool p2v_route_crosses(struct p2v_machine *m, struct p2v_machine *to, struct p2v_route *r)
{
	return p2v_route_out(m, r) && p2v_route_in(m->sim, r) && r->to == to;
}

/* ---- boxes ---- */

struct p2v_sim_box *p2v_sim_box_new(struct p2v_sim *s, const struct p2v_nat_conf *conf,
	struct p2v_sim_box *behind, struct p2v_err *err)
{
	struct p2v_sim_box *b;
	char name[P2V_ADDR_TEXT];

	if (box_at(s, &conf->outside) || p2v_sim_machine(s, &conf->outside)) {
		(void)p2v_fail(err, P2V_ECONF, "a NAT box's outside address is taken");
		return NULL;
	}
	b = calloc(1, sizeof *b);
	if (!b) {
		(void)p2v_fail(err, P2V_ENOMEM, "no memory for a NAT box");
		return NULL;
	}
	b->sim = s;
	b->outside = conf->outside;
	b->outside.port = 0;
	b->behind = behind;
	p2v_random_init(&b->random, s->seed, p2v_addr_text(&b->outside, name));
	if (p2v_nat_new(conf, &b->random, &b->nat, err) < 0) {
		free(b);
		return NULL;
	}
	HASH_ADD(hh, s->boxes, outside.ip, sizeof b->outside.ip, b);
	if (P2V_HASH_ADDED(hh, b))
		return b;
	(void)p2v_fail(err, P2V_ENOMEM, "no memory for a NAT box");
	p2v_nat_free(b->nat);
	free(b);
	return NULL;
}

void p2v_sim_boxes_free(struct p2v_sim *s)
{
	struct p2v_sim_box *b, *next;

	HASH_ITER (hh, s->boxes, b, next) {
		HASH_DEL(s->boxes, b);
		p2v_nat_free(b->nat);
		free(b);
	}
}

void p2v_machine_set_box(struct p2v_machine *m, struct p2v_sim_box *b)
{
	m->box = b;
	for (; b && !b->first; b = b->behind)
		b->first = m;
}

struct p2v_sim_box *p2v_machine_box(const struct p2v_machine *m)
{
	return m->box;
}

struct p2v_nat *p2v_sim_box_nat(struct p2v_sim_box *b)
{
	return b->nat;
}

bool p2v_machine_is_at(const struct p2v_machine *m, const struct p2v_addr *a)
{
	if (same_host(&m->ip, a))
		return true;
	for (const struct p2v_sim_box *b = m->box; b; b = b->behind)
		if (same_host(&b->outside, a))
			return true;
	return false;
}
