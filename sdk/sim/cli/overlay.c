/* overlay.c - snapshots of the overlay as CSV. */
#include "sdk/sim/cli/overlay.h"

#include <stdlib.h>

#include "framework/base/hash.h"

struct known {
	UT_hash_handle hh;
	uint64_t id;
	size_t viewer;
};

static struct known *all_known(struct p2v_swarm *s, struct known *v)
{
	struct known *table = NULL;

	for (size_t i = 0; i < p2v_swarm_viewers(s); i++) {
		const struct p2v_sim_crypto *c = p2v_swarm_crypto(s, i);
		struct known *k = &v[i];

		if (!c)
			continue;
		k->id = p2v_id_short(&c->id);
		k->viewer = i;
		HASH_ADD(hh, table, id, sizeof k->id, k);
	}
	return table;
}

static size_t write_edges(
	struct p2v_overlay *o, const struct known *table, double t, size_t viewer, FILE *edges)
{
	size_t n = 0;

	for (struct p2v_partner *p = p2v_partner_first(o); p; p = p2v_partner_next(p), n++) {
		struct p2v_select_peer view;
		struct known *k;

		p2v_partner_view(p, &view);
		HASH_FIND(hh, table, &view.id, sizeof view.id, k);
		if (k)
			(void)fprintf(edges, "%.3f,%zu,%zu,%llu,%.1f\n", t, viewer, k->viewer,
				(unsigned long long)view.rate * 8, (double)view.rtt / 1e3);
	}
	return n;
}

static void write_node(struct p2v_swarm *s, size_t i, const struct known *table, double t,
	FILE *nodes, FILE *edges)
{
	struct p2v_overlay *o = p2v_agent_overlay(p2v_swarm_agent(s, i));
	struct p2v_swarm_viewer v;
	char hops[24] = "";

	p2v_swarm_viewer(s, i, &v);
	if (v.metrics->v[P2V_M_DOWN_P2P] + v.metrics->v[P2V_M_DOWN_CDN] > 0)
		(void)snprintf(
			hops, sizeof hops, "%llu", (unsigned long long)v.metrics->v[P2V_M_HOPS]);
	(void)fprintf(nodes, "%.3f,%zu,%llu,%s,%zu,%d,%d\n", t, i,
		(unsigned long long)(v.visitor ? v.visitor->person.upload * 8 : 0), hops,
		write_edges(o, table, t, i, edges), v.visitor ? v.visitor->person.x : 0,
		v.visitor ? v.visitor->person.y : 0);
}

void p2v_overlay_write(struct p2v_swarm *s, FILE *nodes, FILE *edges)
{
	double t = (double)p2v_sim_now(p2v_swarm_sim(s)) / 1e6;
	struct known *v = calloc(p2v_swarm_viewers(s) + 1, sizeof *v), *table;

	if (!v)
		return;
	table = all_known(s, v);
	for (size_t i = 0; i < p2v_swarm_viewers(s); i++)
		if (p2v_swarm_agent(s, i))
			write_node(s, i, table, t, nodes, edges);
	HASH_CLEAR(hh, table);
	free(v);
}
