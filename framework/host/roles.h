/* roles.h - which roles this program has. */
#ifndef P2V_HOST_ROLES_H
#define P2V_HOST_ROLES_H

#include "framework/host/role.h"

extern const struct p2v_role p2v_agent_role, p2v_tracker_role;

/** @return NULL-ended */
const struct p2v_role *const *p2v_roles(void);

#endif
