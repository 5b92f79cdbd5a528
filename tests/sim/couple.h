/* couple.h - two viewers of one CDN of the test's own: each has an agent, and watches by a
 * measuring player whose every byte is compared with the CDN's. What the agents send each other can
 * be listened to. */
#ifndef P2V_TESTS_SIM_COUPLE_H
#define P2V_TESTS_SIM_COUPLE_H

#include "framework/tracker/tracker.h"
#include "sdk/player/player.h"
#include "tests/sim/booth.h"

enum { COUPLE_TEXTS = 256 };

struct couple_viewer {
	struct booth booth;
	struct p2v_policy manifest;
	struct p2v_manifests manifests;
	struct p2v_player *player;
	uint64_t compared, wrong; /* [B] that the player was given; … that the CDN never wrote */
};

struct couple {
	struct couple_viewer v[2];
	struct p2v_node tracker_node;
	struct p2v_sim_crypto tracker_crypto;
	struct p2v_sim_records *tracker_records;
	struct p2v_policy cc, registry;
	struct p2v_dtl_conf transport;
	struct p2v_tracker_conf tracker_conf;
	struct p2v_tracker *tracker;
	struct site *cdn;
	char *texts[COUPLE_TEXTS];
	size_t n_texts;
};

/** @param conf  [in] of both agents; its tracker is ours */
void couple_open(struct couple *c, const struct booth_conf *conf);
void couple_close(struct couple *c);
/** Let that much virtual time pass. */
void couple_run(struct couple *c, p2v_usec time);
/** A viewer begins to watch. @param path  [in] of the manifest at its agent */
void couple_watch(struct couple *c, size_t viewer, const char *path);
/** The usual course: the first watches, the second joins some seconds behind it, and both play to
 * the end, all of it right, and without a stall. */
void couple_play(struct couple *c, const char *first, const char *second);
/** @return a text in printf's words, for as long as c */
P2V_PRINTF(2, 3) const char *couple_text(struct couple *c, const char *fmt, ...);
/** Put a page up. @return the site's own copy */
struct page *couple_put(struct couple *c, const char *target, const char *type, const char *text);
/** A fragment: lines of that word, its number and a counter, so that it is known wherever it is. */
struct page *couple_put_media(
	struct couple *c, const char *target, const char *word, unsigned n, size_t size);
uint64_t couple_count(const struct couple *c, size_t viewer, enum p2v_metric m);
/** @return datagrams between the agents that had that word: see booth_listen */
uint64_t couple_heard(const struct couple *c, size_t word);

#endif
