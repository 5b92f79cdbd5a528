/* overlay.h - who is partner of whom at a moment, written down. */
#ifndef P2V_SIM_CLI_OVERLAY_H
#define P2V_SIM_CLI_OVERLAY_H

#include <stdio.h>

#include "sdk/sim/swarm/swarm.h"

#define P2V_NODES_HEAD "t_s,viewer,upload_bps,hops,partners,x_us,y_us\n"
#define P2V_EDGES_HEAD "t_s,viewer,partner,rate_bps,rtt_ms\n"

/** A line a viewer, and a line a partner that it has: how fast that one lately delivered to it.
 * hops: the distance from the source of what the viewer plays, 0 straight from the CDN; empty:
 * unknown. */
void p2v_overlay_write(struct p2v_swarm *s, FILE *nodes, FILE *edges);

#endif
