/* shelf.h - delivery alone, on a fake world: no CDN, no peers; fragments that a test makes. */
#ifndef P2V_TESTS_SHELF_H
#define P2V_TESTS_SHELF_H

#include "framework/delivery/inside.h"
#include "sdk/sim/crypto.h"
#include "tests/unit/fake_world.h"

struct shelf {
	struct fake_world world;
	struct p2v_node node;
	struct p2v_sim_crypto crypto;
	struct p2v_policy select, cache, player;
	uint8_t conf[3][256]; /* their options */
	struct p2v_delivery_conf dconf;
	struct p2v_delivery_policies policies;
	struct p2v_manifests manifests;
	struct p2v_delivery *d;
	struct p2v_channel channel;
	struct p2v_feed *feed;
	struct p2v_playlist playlist; /* that lists the rendition; nobody waits for it */
	struct p2v_rendition rendition;
};

void shelf_open(struct shelf *s);
void shelf_close(struct shelf *s);
/** @return a fragment of that URL, of which nothing is known */
struct p2v_fragment *shelf_fragment(struct shelf *s, const char *url);
/** Its length is known from now on. */
void shelf_known(struct p2v_fragment *f, uint64_t length);
/** @return byte off of every fragment's content */
uint8_t shelf_byte(uint64_t off);
/** Bytes as the CDN brings them. @return as p2v_fragment_fill */
ptrdiff_t shelf_fill(struct p2v_fragment *f, uint64_t off, size_t n);
/** A chunk as a peer brings it. @return as p2v_fragment_put */
bool shelf_put(struct p2v_fragment *f, uint32_t index);

#endif
