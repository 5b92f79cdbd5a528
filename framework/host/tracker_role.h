/* tracker_role.h - sections of the ini that only a live tracker reads. */
#ifndef P2V_HOST_TRACKER_ROLE_H
#define P2V_HOST_TRACKER_ROLE_H

#include <peer2view/option.h>

/** Bound from [authority]. */
struct p2v_authority_conf {
	const char *directory;
};
extern const struct p2v_option p2v_authority_options[];

/** Bound from [status]. */
struct p2v_status_conf {
	const char *listen, *allow_hosts;
};
extern const struct p2v_option p2v_status_options[];

#endif
