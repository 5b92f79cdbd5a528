/* identity_files.h - a node's identity out of files, and back into them. */
#ifndef P2V_HOST_IDENTITY_FILES_H
#define P2V_HOST_IDENTITY_FILES_H

#include <peer2view/option.h>
#include "framework/dtl/session.h"
#include "framework/overlay/identity.h"

/** Bound from [identity]. */
struct p2v_identity_conf {
	const char *authority;   /* certificate of whom this node believes */
	const char *certificate; /* given to this node, instead of enrolling */
	const char *key;
	const char *directory; /* where key and certificate are kept between runs; empty: nowhere */
};
extern const struct p2v_option p2v_identity_options[];
int p2v_identity_conf_check(const void *conf, struct p2v_err *err);

/** A node's identity and the transport's record layer, which always shows what the identity says.
 */
struct p2v_keys {
	struct p2v_identity *identity;
	struct p2v_dtls *dtls;
	const char *directory; /* NULL: certificates are not kept */
	struct p2v_node *node;
};

/** An agent's. Sets node->crypto.
 * @param conf  [in] outlives k
 * @return P2V_OK; P2V_E* with err naming option and file */
P2V_MUST_USE int p2v_keys_of_agent(struct p2v_keys *k, struct p2v_node *node,
	const struct p2v_identity_conf *conf, struct p2v_err *err);
/** A tracker's. @param directory  [in] as `peer2view authority init` makes it */
P2V_MUST_USE int p2v_keys_of_tracker(
	struct p2v_keys *k, struct p2v_node *node, const char *directory, struct p2v_err *err);
void p2v_keys_fini(struct p2v_keys *k);

#endif
