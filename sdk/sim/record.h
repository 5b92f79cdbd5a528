/* record.h - the record layer of virtual time: no cryptography, two datagrams of handshake, and
 * datagrams as large as those of live sessions, so that sizes and counts are those of the real one.
 */
#ifndef P2V_SIM_RECORD_H
#define P2V_SIM_RECORD_H

#include "framework/base/node.h"
#include "framework/dtl/record.h"

#define P2V_SIM_RECORD_OVERHEAD 27u /* [B] that a datagram is larger than its packet */
#define P2V_SIM_RECORD_HEAD     11u /* [B] of them, before the packet */

struct p2v_sim_records;

/** @param node   [in] outlives it: the clock, entropy for the handshake's numbers
 * @param id     [in] who this node says it is; copied
 * @param trust  [in] judges the other end, whose chain is one element of 33 bytes: its id and its
 * role; copied. NULL: everyone is taken at their word
 * @return NULL: no memory */
struct p2v_sim_records *p2v_sim_records_new(struct p2v_node *node, const struct p2v_id *id,
	enum p2v_standing role, const struct p2v_trust *trust);
void p2v_sim_records_free(struct p2v_sim_records *r); /* after every session of it */
struct p2v_records p2v_sim_records(struct p2v_sim_records *r);

#endif
