/* box.h - NAT boxes of the virtual network: between machines and the rest, one behind another where
 * a carrier has one, too. What a box does is in sdk/nat; here is where it stands. */
#ifndef P2V_SIM_BOX_H
#define P2V_SIM_BOX_H

#include "sdk/nat/nat.h"
#include "sdk/sim/world.h"

struct p2v_sim_box;

/** Add a box; it lives as long as the simulation.
 * @param conf    [in] copied; its outside address is no machine's and no other box's
 * @param behind  [in] the box that it stands behind itself; NULL: none
 * @return NULL with err: as p2v_nat_new, or the address is taken */
struct p2v_sim_box *p2v_sim_box_new(struct p2v_sim *s, const struct p2v_nat_conf *conf,
	struct p2v_sim_box *behind, struct p2v_err *err);
/** Put a machine behind a box, before it does anything. Its address is then known there and in no
 * other place, but still no other machine's. Datagrams between two machines behind one box cross
 * no line; HTTP passes outwards, and inwards never. */
void p2v_machine_set_box(struct p2v_machine *m, struct p2v_sim_box *b);
/** @return NULL: it is open */
struct p2v_sim_box *p2v_machine_box(const struct p2v_machine *m);
/** @return borrowed: to be looked at, or rebooted */
struct p2v_nat *p2v_sim_box_nat(struct p2v_sim_box *b);
/** Whether a machine is what others reach at an address: its own, or that of a box before it. */
bool p2v_machine_is_at(const struct p2v_machine *m, const struct p2v_addr *a);

#endif
