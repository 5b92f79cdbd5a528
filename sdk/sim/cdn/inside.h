/* inside.h - what the encoder's files share: its state, and what of the stream is listed when. */
#ifndef P2V_SIM_CDN_INSIDE_H
#define P2V_SIM_CDN_INSIDE_H

#include "framework/base/list.h"
#include "sdk/sim/cdn/encoder.h"

enum { P2V_INIT_SIZE = 800, P2V_TOLD_MAX = 8 };
/* The fragment number that an initialisation segment's bytes have. */
#define P2V_INIT_NUMBER UINT64_MAX

/* What the playlists list: fragments first … end - 1 of one generation. */
struct p2v_listed {
	uint64_t first, end;
	uint32_t parts; /* of fragment `end` */
	uint32_t generation;
	int64_t wall;
	bool ended;
};

/* A playlist as it was last made. */
struct p2v_told {
	struct p2v_listed l;
	struct p2v_file file; /* without text: none yet */
};

struct p2v_encoder {
	struct p2v_encoder_conf conf;
	struct p2v_world world; /* where equal bytes may be kept once; ops NULL: nowhere */
	size_t piece;           /* [B] that are kept in one buffer */
	p2v_usec start;         /* when fragment 0 began */
	int64_t wall;           /* [us] of `start` */
	bool ended;
	uint64_t last; /* fragments when it ended */
	uint32_t generation;
	/* Of the generation before: */
	p2v_usec old_start;
	int64_t old_wall;
	uint64_t old_last;
	struct p2v_list cache; /* what was read last first */
	size_t n_cached;
	struct p2v_told told[P2V_TOLD_MAX]; /* by rendition, as far as they go */
};

static inline bool p2v_encoder_has_parts(const struct p2v_encoder *e)
{
	return e->conf.live && e->conf.per_file == 1 && e->conf.part > 0 &&
	       e->conf.part < e->conf.fragment;
}

/** @return what the names of media files end in */
static inline const char *p2v_encoder_extension(const struct p2v_encoder *e)
{
	return e->conf.init ? "m4s" : "ts";
}

/* ---- playlist.c ---- */

/** @param t  [inout] what the master playlist says is added */
void p2v_master_text(const struct p2v_encoder *e, struct p2v_text *t);
/** … and what a rendition's playlist says when that is listed. */
void p2v_playlist_text(const struct p2v_encoder *e, uint32_t rendition, const struct p2v_listed *l,
	struct p2v_text *t);

/* ---- content.c ---- */

void p2v_content_init(struct p2v_encoder *e);
void p2v_content_fini(struct p2v_encoder *e);

#endif
