/* encoder.h - an encoder that makes an HLS stream out of arithmetic: which files exist at a time,
 * what they hold, and whether bytes are theirs. Pure; origin.h serves it by HTTP. */
#ifndef P2V_SIM_ENCODER_H
#define P2V_SIM_ENCODER_H

#include <peer2view/option.h>
#include "framework/base/text.h"
#include "framework/base/world.h"
#include "framework/stream/directives.h"

struct p2v_encoder_rendition {
	const char *name; /* its folder, such as "v0" */
	uint64_t bitrate; /* [bit/s] */
	uint32_t w, h;    /* [pixels]; 0: not told */
	bool audio;       /* alternative audio, in a group that all others refer to */
};

/** Settings with a table, p2v_encoder_options, and the renditions, which have none. */
struct p2v_encoder_conf {
	bool live;
	p2v_usec fragment, part;
	double hold_back;
	bool blocks, hints;
	uint32_t window, keep, fragments, per_file;
	bool dates, init;
	double vary;
	uint64_t seed;
	const struct p2v_encoder_rendition *renditions; /* shape (n), they outlive the encoder */
	size_t n;
};
extern const struct p2v_option p2v_encoder_options[];

struct p2v_encoder;

enum p2v_file_kind {
	P2V_FILE_MASTER,
	P2V_FILE_PLAYLIST,
	P2V_FILE_INIT,
	P2V_FILE_MEDIA,
	P2V_FILE_KINDS
};

/** A file that exists. */
struct p2v_file {
	enum p2v_file_kind kind;
	uint32_t rendition, generation;
	uint64_t number;       /* of a media file */
	uint64_t from;         /* [B] of its first fragment that come before it: it is a part */
	uint64_t size;         /* [B] */
	int64_t made;          /* [us] since 1970 */
	bool growing;          /* a media file that more fragments will be added to */
	char etag[64];         /* with its quotes */
	struct p2v_slice text; /* of a manifest, whole; drop it */
};

/** @param conf  [in] copied; at least one rendition that is no audio
 * @param now   [us] monotonic: a live stream has been running for window + keep fragments
 * @param wall  [us] since 1970, at the same moment
 * @return NULL: no memory */
struct p2v_encoder *p2v_encoder_new(
	const struct p2v_encoder_conf *conf, p2v_usec now, int64_t wall);
void p2v_encoder_free(struct p2v_encoder *e);
/** Before anything is read: what it makes is kept where that world keeps what many hold, in pieces
 * of 16 KiB.
 * @param w  [in] copied */
void p2v_encoder_share(struct p2v_encoder *e, const struct p2v_world *w);

/** Start again with the same names and other content. Until its first fragment is done, what was
 * there stays; each of its files replaces its namesake. */
void p2v_encoder_restart(struct p2v_encoder *e, p2v_usec now);
/** The event is over: no further fragments, and the manifests say so. */
void p2v_encoder_end(struct p2v_encoder *e, p2v_usec now);

/** @param path  [in] below the stream's folder, without a leading slash
 * @param out   [out] drop out->text
 * @return P2V_OK, P2V_ENOENT, P2V_ENOMEM */
P2V_MUST_USE int p2v_encoder_find(
	struct p2v_encoder *e, struct p2v_str path, p2v_usec now, struct p2v_file *out);
/** @return a piece of the file that begins at off, at most `max` bytes, not empty; .p == NULL: no
 * memory */
struct p2v_slice p2v_encoder_read(
	struct p2v_encoder *e, const struct p2v_file *f, uint64_t off, size_t max);
/** Until when an answer is kept back: a playlist that is asked for by what it should list (RFC
 * 8216bis 6.2.5.2), and a part that was hinted at.
 * @param path  [in] as above @param q  [in] what its query asked for
 * @return now() or before: nothing is to be waited for; P2V_NEVER: it is too far ahead */
p2v_usec p2v_encoder_held_until(const struct p2v_encoder *e, struct p2v_str path,
	const struct p2v_directives *q, p2v_usec now);
/** Which media file a path names. */
struct p2v_media_place {
	uint32_t rendition;
	uint64_t fragment; /* the first one in it; UINT64_MAX: an initialisation segment */
	uint64_t from;     /* [B] of that which come before it: it is a part */
};
/** @param path  [in] as above; the file need not exist any more
 * @return P2V_OK; P2V_ENOENT: no media file */
P2V_MUST_USE int p2v_encoder_place(
	const struct p2v_encoder *e, struct p2v_str path, struct p2v_media_place *out);
/** Whose bytes are these?
 * @param off  [B] where in that file they stand
 * @return the generation that wrote them, 0…; P2V_EINTEGRITY: none */
P2V_MUST_USE int p2v_encoder_match_at(const struct p2v_encoder *e, const struct p2v_media_place *at,
	uint64_t off, struct p2v_bytes b);
/** Both. */
P2V_MUST_USE int p2v_encoder_match(
	const struct p2v_encoder *e, struct p2v_str path, uint64_t off, struct p2v_bytes b);

/** A moment as a calendar has it, UTC. */
struct p2v_date {
	unsigned year, month /* from 0 */, day /* from 1 */, weekday /* from 0, Sunday */;
	unsigned hour, minute, second, us;
};
/** @param wall  [us] since 1970, not before */
struct p2v_date p2v_date_of(int64_t wall);

/** @return [us] that of a fragment's parts number `part`, 0…, lasts; 0: there is none */
p2v_usec p2v_encoder_part(const struct p2v_encoder *e, uint32_t part);
/** @return how many fragments are complete */
uint64_t p2v_encoder_complete(const struct p2v_encoder *e, p2v_usec now);
/** @return when that fragment is complete */
p2v_usec p2v_encoder_due(const struct p2v_encoder *e, uint64_t fragment);
/** @return [B] of media that it keeps at hand, without what it shares */
uint64_t p2v_encoder_held(const struct p2v_encoder *e);
/** @return [B] of that fragment */
uint64_t p2v_encoder_size(const struct p2v_encoder *e, uint32_t rendition, uint64_t fragment);

#endif
