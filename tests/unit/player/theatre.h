/* theatre.h - a virtual origin, a viewer's machine with a link, and a player on it whose fragments
 * are noted: what the tests of the measuring player share. */
#ifndef P2V_TESTS_UNIT_PLAYER_THEATRE_H
#define P2V_TESTS_UNIT_PLAYER_THEATRE_H

#include <criterion/criterion.h>

#include "sdk/player/player.h"
#include "sdk/sim/cdn/origin.h"
#include "sdk/sim/world.h"
#include "tests/contract/manifests.h"

enum { THEATRE_NOTES = 400 };

struct theatre_note {
	struct p2v_player_fragment f; /* its url is not kept */
	char url[100];
};

struct theatre {
	struct p2v_sim *sim;
	struct p2v_machine *home, *cdn;
	struct p2v_world w;
	struct p2v_test_manifests manifests;
	struct p2v_origin_conf oc;
	struct p2v_player_conf pc;
	struct p2v_origin *origin;
	struct p2v_player *player;
	struct theatre_note notes[THEATRE_NOTES];
	size_t n_notes;
	uint64_t bodies; /* [B] that came and were the encoder's */
	uint64_t torn;   /* pieces that were not */
	uint32_t newest; /* the latest generation seen */
	unsigned ends;
	int end_code;
	char end_text[200];
	char trace[60000]; /* lines */
};

/** Machines with 10 ms between them and no rate, and defaults everywhere. */
void theatre_open(struct theatre *t);
/** Start the origin and, at the same moment, the player on this URL. */
void theatre_play(struct theatre *t, const char *url);
/** Start the player alone: the test has a server of its own on t->cdn. */
void theatre_watch(struct theatre *t, const char *url);
/** Virtual seconds since the start. */
void theatre_run(struct theatre *t, double until);
struct p2v_player_result theatre_result(struct theatre *t);
/** Limit what comes to the viewer. @param rate  [bit/s]; 0: no limit */
void theatre_cap(struct theatre *t, uint64_t rate);
void theatre_close(struct theatre *t);

#endif
