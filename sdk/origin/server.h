/* server.h - a stream served by HTTP, on any world. Requests for what is about to come are held
 * until it is there. */
#ifndef P2V_SDK_ORIGIN_SERVER_H
#define P2V_SDK_ORIGIN_SERVER_H

#include "framework/base/world.h"
#include "sdk/origin/stream.h"

/** Everything is below this folder, but for the clock, which is /time. */
#define P2V_CMAF_FOLDER "/live/"

struct p2v_cmaf_server;

/** Listen.
 * @param w      [in] copied
 * @param s      [in] outlives the server; its renditions are all added
 * @param bound  [out] where it listens
 * @return P2V_OK; P2V_EIO, P2V_ENOMEM with err */
P2V_MUST_USE int p2v_cmaf_server_new(const struct p2v_world *w, const struct p2v_cmaf_stream *s,
	const struct p2v_addr *bind, struct p2v_cmaf_server **out, struct p2v_addr *bound,
	struct p2v_err *err);
/** Stop: what is under way is cut. NULL is allowed. */
void p2v_cmaf_server_free(struct p2v_cmaf_server *v);

/** The stream has grown, or ended: whoever waits for that is answered. */
void p2v_cmaf_server_grown(struct p2v_cmaf_server *v);

#endif
