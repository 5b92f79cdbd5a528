/* channel.h - one live event as the agent knows it: where its CDN is, under which path players find
 * it, which swarm shares it, and what makes two URLs the same fragment. */
#ifndef P2V_STREAM_CHANNEL_H
#define P2V_STREAM_CHANNEL_H

#include <peer2view/manifest.h>
#include <peer2view/option.h>
#include "framework/base/crypto.h"
#include "framework/base/text.h"

enum p2v_identity_rule { P2V_IDENTITY_PATH = 0, P2V_IDENTITY_PATH_QUERY, P2V_IDENTITY_REGEX };

/** Bound from [channel NAME]. */
struct p2v_channel_conf {
	const char *mount;          /* path on the agent, "/news" */
	const char *origin;         /* "https://cdn.example/live/" */
	const char *swarm;          /* who writes the same shares; empty: the origin itself */
	uint32_t identity;          /* enum p2v_identity_rule */
	const char *identity_regex; /* its groups, joined, are the identity of path?query */
	bool share_private;         /* share what the CDN marks private or no-store */
	const char *player;         /* name of the plugin; NULL or empty: by what players say */
};
extern const struct p2v_option p2v_channel_options[];

struct p2v_channel {
	char *name;
	char *mount;      /* without a slash at its end; "" is the root */
	char *origin;     /* canonical, ends with a slash */
	struct p2v_id id; /* of the swarm */
	uint64_t id_short;
	struct p2v_channel_conf conf;
	struct p2v_channel_rule *rule; /* compiled identity_regex; NULL: none */
};

/** @param name  [in] for messages and metrics; copied
 * @param conf   [in] copied; its texts outlive the channel
 * @return P2V_OK; P2V_ECONF with err naming the option; P2V_ENOMEM */
P2V_MUST_USE int p2v_channel_init(struct p2v_channel *c, const char *name,
	const struct p2v_channel_conf *conf, const struct p2v_crypto *crypto, struct p2v_err *err);
void p2v_channel_fini(struct p2v_channel *c);

/** Where a request of a player leads.
 * @param target  [in] path?query as the player wrote it
 * @param url     [inout] the CDN's URL is appended
 * @return P2V_OK; P2V_ENOENT: not under this mount; P2V_EPARSE: it would leave the origin's folder;
 * P2V_ENOMEM */
P2V_MUST_USE int p2v_channel_to_origin(
	const struct p2v_channel *c, struct p2v_str target, struct p2v_text *url);

/** The agent's path for a URL of the CDN.
 * @return whether the URL lies under this channel's origin; then the path?query is appended */
bool p2v_channel_to_agent(const struct p2v_channel *c, const char *url, struct p2v_text *target);

/** The fragment key of a URL and byte range: the same for every viewer, whatever their tokens.
 * @param range  [in] NULL or not set: the whole body */
void p2v_channel_fragment_key(const struct p2v_channel *c, const struct p2v_crypto *crypto,
	const char *url, const struct p2v_manifest_range *range, struct p2v_id *out);
/** The rendition key: 62 leading bits of a digest of the channel and the manifest's canonical URL
 * and track.
 * @param variant  [in] the track's; "0" where a manifest has one track alone */
uint64_t p2v_channel_rendition_key(const struct p2v_channel *c, const struct p2v_crypto *crypto,
	const char *url, const char *variant);

#endif
