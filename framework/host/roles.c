/* roles.c - which roles this program has. */
#include "framework/host/roles.h"

const struct p2v_role *const *p2v_roles(void)
{
	static const struct p2v_role *const roles[] = { &p2v_agent_role, &p2v_tracker_role, NULL };

	return roles;
}
