/* inside.h - what delivery's files share: feeds, renditions, fragments, and what partners have. */
#ifndef P2V_DELIVERY_INSIDE_H
#define P2V_DELIVERY_INSIDE_H

#include <peer2view/cache.h>
#include <peer2view/player.h>
#include "framework/base/hash.h"
#include "framework/base/http.h"
#include "framework/delivery/chunks.h"
#include "framework/delivery/delivery.h"
#include "framework/stream/directives.h"
#include "framework/stream/timeline.h"

#define P2V_CHUNK     16384u /* [B] */
#define P2V_HOPS_MAX  200u
#define P2V_FORWARDED 5u
#define P2V_MATES_MAX 256u

struct p2v_cdn_job;
struct p2v_holding;
struct p2v_rendition;

/* ---- proofs: who vouches for bytes ---- */

struct p2v_proof {
	struct p2v_id signer;
	int64_t fetched; /* [us] since 1970, by the signer's clock; 0: there is none yet */
	uint8_t signature[P2V_SIGNATURE_SIZE];
	bool made; /* the signature is there; our own are made when somebody asks */
};

/** What all proofs of one fragment say alike. */
struct p2v_statement {
	const struct p2v_id *key;
	uint64_t length, generation;
};

/** Sign a chunk, or (index UINT32_MAX) what the CDN said: content is the chunk's bytes, or total
 * and headers. */
P2V_MUST_USE int p2v_proof_sign(struct p2v_node *n, const struct p2v_statement *s, uint32_t index,
	struct p2v_bytes content, struct p2v_proof *p);
/** @return P2V_OK, P2V_EINTEGRITY, P2V_ENOENT (the signer is not known) */
P2V_MUST_USE int p2v_proof_check(struct p2v_node *n, const struct p2v_statement *s, uint32_t index,
	struct p2v_bytes content, const struct p2v_proof *p);
/** Which content this is: 62 bits of a digest of length and validators. */
uint64_t p2v_generation(
	struct p2v_node *n, uint64_t length, struct p2v_str etag, struct p2v_str last_modified);

/* ---- fragments ---- */

/* The most numerous thing that a node keeps: 64 a megabyte. p2v_fragment_proof tells its proof. */
struct p2v_chunk_state {
	struct p2v_buf *buf; /* NULL: nothing of it */
	int64_t fetched;     /* [us] since 1970, by the signer's clock; of a whole chunk */
	uint32_t filled;     /* [B] from its start; more than 0 and not whole: from the CDN, still
				coming */
	uint32_t
		signer : 28; /* of a whole chunk that came from a peer: in its fragment's signers */
	bool whole : 1, p2p : 1;
	bool theirs : 1; /* buf is somebody else's: it may be kept, and not written to */
	bool made : 1;   /* the signature is there; our own are made when somebody asks */
};

enum p2v_announced { P2V_ANNOUNCED_NOT = 0, P2V_ANNOUNCED_ARRIVING, P2V_ANNOUNCED_COMPLETE };

struct p2v_fragment {
	UT_hash_handle hh;
	struct p2v_delivery *d;
	struct p2v_feed *feed;
	struct p2v_rendition *rendition; /* NULL: no manifest that we follow lists it any more */
	struct p2v_id key;
	char *url;
	struct p2v_manifest_range range;
	p2v_usec t, dur; /* on the rendition's clock; t = P2V_UNKNOWN: initialisation segment */
	p2v_usec whole;  /* [us] duration of the fragment that it is a part of; dur: it is whole */
	uint64_t rendition_key, bitrate;
	int64_t not_before; /* [us] wall time: content fetched earlier was another under the same
			       name */

	/* what is small, in one place: there are many fragments */
	bool live, planning, served, counted;
	bool hint;      /* a part that is promised, and not there yet */
	bool known;     /* length, generation and headers are */
	bool shared;    /* may be offered to peers */
	bool open;      /* its length was not known when it began: nothing that is signed says it */
	bool complete;  /* all is here */
	bool fresh;     /* some of it came a moment ago, and nobody was told yet */
	bool wanted;    /* a player will ask for it, or did */
	bool failed;    /* given up: readers are told `status` */
	bool too_large; /* to be held: it passes through */
	uint8_t announced;             /* enum p2v_announced */
	uint32_t hops;                 /* of its bytes here: 0 straight from the CDN */
	uint32_t relayed;              /* chunks that partners got */
	uint32_t cdn_failures, status; /* of the last attempt */
	uint32_t n_chunks, n_whole, cap_chunks, n_signers;
	uint32_t told;        /* chunks that partners know to be here, while it arrives */
	uint32_t connections; /* to partners, by which its priority is divided */
	uint32_t share,
		share_of; /* what p2v_plan_share said last, at share_at; of 0: nothing yet */

	/* content */
	uint64_t length, total, generation;
	struct p2v_slice headers;
	struct p2v_chunk_state head;    /* who vouches for what the CDN said; no bytes */
	struct p2v_chunk_state *chunks; /* shape (n_chunks) */
	uint8_t *signatures; /* shape (1 + cap_chunks, crypto.ops->signature_size): the head's, and
				the chunks'; NULL: none is made */
	uint64_t *here;      /* shape (p2v_chunk_words(n_chunks)): the whole ones */
	struct p2v_id *signers; /* shape (n_signers): of the head and chunks from peers */
	uint64_t held, from_p2p, from_cdn;    /* [B] */
	p2v_usec first_at, last_at;           /* when its bytes came */
	uint64_t told_to[P2V_MATES_MAX / 64]; /* partners that believe that it is here, by slot */
	p2v_usec told_at;
	struct p2v_timer *tell_timer; /* there is more to tell, in a moment; NULL: there is not */

	/* people */
	struct p2v_list readers, asks, serves;
	struct p2v_holding *holding; /* NULL: no partner has it */
	struct p2v_list in_waiting;  /* of its feed, while somebody reads it */

	/* plan */
	double priority;
	p2v_usec connections_at; /* when there were so many last */
	p2v_usec share_at;
	p2v_usec listed_at; /* now() when we first saw it listed */
	p2v_usec ready_at;  /* now() when it was, or of what is promised should be, there */
	p2v_usec asked;     /* a player asked for it; P2V_UNKNOWN: none waits */
	p2v_usec first_asked;
	struct p2v_timer timer;
	struct p2v_cdn_job *job; /* NULL: nothing is fetched from the CDN */
	p2v_usec cdn_again;      /* not before: the last attempt failed */
	p2v_usec used;
};

/* Times that decide were found with fragments of two seconds, and a player that has some of them.
 * Where fragments are shorter, players have less, in proportion: with parts of 0.3 s one. */
#define P2V_SCALE_OF    (2 * P2V_SECOND)
#define P2V_SCALE_LEAST (200 * P2V_MSEC) /* shorter ones are no reason to ask more often */

/** @param dur  [us] of a fragment or part; 0: unknown, or it has none
 * @param time  [us] found with fragments of two seconds; longer ones change nothing
 * @return [us] */
static inline p2v_usec p2v_scale(p2v_usec dur, p2v_usec time)
{
	if (dur <= 0 || dur >= P2V_SCALE_OF)
		return time;
	return time * (dur > P2V_SCALE_LEAST ? dur : P2V_SCALE_LEAST) / P2V_SCALE_OF;
}

/** @return the fragment of that entry, made when it is not there; NULL: no memory */
struct p2v_fragment *p2v_fragment_get(
	struct p2v_feed *feed, struct p2v_rendition *r, struct p2v_timeline_entry *e);
struct p2v_fragment *p2v_fragment_find(struct p2v_delivery *d, const struct p2v_id *key);
/** @return the fragment of an entry of a timeline; NULL: there is none yet */
struct p2v_fragment *p2v_fragment_listed(
	struct p2v_delivery *d, const struct p2v_timeline_entry *e);
void p2v_fragment_free(struct p2v_fragment *f);
/** Nobody reads it, sends it, or fetches it. */
bool p2v_fragment_idle(const struct p2v_fragment *f);
struct p2v_statement p2v_fragment_statement(const struct p2v_fragment *f);
/** Make room for a chunk of a fragment whose length is not known. @return P2V_ENOMEM */
P2V_MUST_USE int p2v_fragment_grow(struct p2v_fragment *f, uint32_t index);
/** Length, generation and headers are known from now on. length may be unknown until the end: then
 * f is open for good.
 * @return P2V_ENOMEM */
P2V_MUST_USE int p2v_fragment_set_known(struct p2v_fragment *f, uint64_t length, uint64_t total,
	uint64_t generation, struct p2v_str headers, const struct p2v_proof *proof);
/** @param s       [in] length and generation; the key is f's
 * @param headers  [in] any; .p may be NULL when there are none
 * @return whether this very head with this very proof is what is known of f, so that it need not be
 * checked again */
bool p2v_fragment_head_is(const struct p2v_fragment *f, const struct p2v_statement *s,
	uint64_t total, struct p2v_bytes headers, const struct p2v_proof *proof);
/** Bytes from the CDN at that offset. What is there already is passed over.
 * @param in  [in] the buffer that they lie in, borrowed: it is kept where it is a chunk's; NULL:
 * all is copied
 * @return [B] that were new, or P2V_ENOMEM */
ptrdiff_t p2v_fragment_fill(struct p2v_fragment *f, uint64_t off, struct p2v_bytes b,
	struct p2v_buf *in, int64_t fetched);
/** A verified chunk from a peer; takes the reference. @return whether it was kept: it was new, and
 * there was memory */
bool p2v_fragment_put(struct p2v_fragment *f, uint32_t index, struct p2v_buf *buf, uint32_t n,
	const struct p2v_proof *proof, uint32_t hops);
/** Who vouches for a whole chunk: when nobody does yet, we do from now on.
 * @param p  [out] @return P2V_OK, or as p2v_proof_sign */
P2V_MUST_USE int p2v_fragment_proof(struct p2v_fragment *f, uint32_t index, struct p2v_proof *p);
/** … and for what the CDN said. @param content  [in] of it, as p2v_proof_sign */
P2V_MUST_USE int p2v_fragment_head_proof(
	struct p2v_fragment *f, struct p2v_bytes content, struct p2v_proof *p);
/** The body ended: an unknown length is known now. */
void p2v_fragment_ended(struct p2v_fragment *f, uint64_t length);
/** Forget all content: it was another than the CDN has now. Readers that had bytes of it fail. */
void p2v_fragment_reset(struct p2v_fragment *f);
/** Its name means something else now: forget all content, and believe nobody's that was fetched
 * before that moment.
 * @param not_before  [us] wall time */
void p2v_fragment_renew(struct p2v_fragment *f, int64_t not_before);
/** Have its readers look at it, soon. */
void p2v_readings_wake(struct p2v_fragment *f);
/** Tell readers, partners that wait, and the plan that something changed. */
void p2v_fragment_progress(struct p2v_fragment *f);
void p2v_fragment_fail(struct p2v_fragment *f, uint32_t status);
/** Our own player wants it no longer: unless another reads it or a partner waits for it, it leaves
 * the line. What is here stays. */
void p2v_fragment_leave(struct p2v_fragment *f);
uint32_t p2v_fragment_chunk_size(
	const struct p2v_fragment *f, uint32_t index); /* [B]; the length is known */
uint64_t p2v_fragment_missing(
	const struct p2v_fragment *f); /* [B]; 0 also when the length is unknown */
/** @return whether that chunk is whole; not so beyond the end */
static inline bool p2v_fragment_has(const struct p2v_fragment *f, uint32_t index)
{
	return index < f->n_chunks && f->here[index / P2V_WORD] >> index % P2V_WORD & 1;
}

/* ---- feeds and renditions ---- */

struct p2v_rendition {
	struct p2v_list in_feed;
	struct p2v_feed *feed;
	struct p2v_playlist *playlist;
	char *variant, *set; /* its track's, in the manifest; set NULL: it is alone */
	uint64_t key;
	struct p2v_timeline timeline;
	p2v_usec followed_at;
	bool followed; /* the player reads it */
	bool by_part;  /* … part by part, before fragments are whole */
	bool quick;    /* … and the CDN brought the last one several times as fast as it plays */
	p2v_usec read_at;  /* a player last asked for a fragment of it; P2V_UNKNOWN: never */
	p2v_usec position; /* media time asked for so far; P2V_UNKNOWN: nothing yet */
	struct p2v_foretold *foretold; /* NULL: nothing was, ever */
	uint64_t listed;       /* number plus one of the last one that the manifest lists, where the
				  timeline goes on behind it; 0: it does not */
	uint64_t told_newest;  /* what partners were told */
	uint64_t next_bitrate; /* [bit/s] of the next higher variant; 0: there is none */
	uint32_t track;        /* enum p2v_player_track */
};

#define P2V_READINGS 4u

struct p2v_playlist {
	struct p2v_list in_feed;
	struct p2v_feed *feed;
	char *url, *final_url;
	struct p2v_manifest_range range; /* of the URL's body; not set: all of it */
	uint64_t viewer_tag; /* of Cookie and Authorization: a manifest may be one viewer's own */
	struct p2v_slice body;
	struct p2v_text type, etag, last_modified;
	struct p2v_header *headers; /* shape (n_headers), with their texts: for players */
	size_t n_headers;
	struct p2v_doc *doc;
	struct p2v_rendition *
		*renditions; /* shape (n_renditions): one a track that lists fragments */
	size_t n_renditions;
	p2v_usec fetched; /* when it was last found to be current; P2V_UNKNOWN: never */
	p2v_usec asked;   /* by a player; P2V_UNKNOWN: never */
	p2v_usec started; /* of the fetch under way, or the last */
	p2v_usec failing; /* since when the CDN fails; P2V_UNKNOWN: it does not */
	char why[128];    /* … and how */
	uint32_t status, unchanged;
	struct p2v_cache_control freshness;
	struct p2v_fetch *fetch;
	struct p2v_text in; /* body under way */
	uint32_t in_status;
	bool held, held_for_part; /* the fetch under way is one that the CDN holds until there is
				     more than `held_at`: a part, or a fragment */
	struct p2v_edge held_at;
	struct p2v_doc *late[P2V_READINGS]; /* shape (n_late): the last readings, the newest last,
					       where players wait for each */
	size_t n_late;
	p2v_usec hold_again; /* the CDN did not hold a request: not before that is it asked to */
	p2v_usec part_asked; /* when a player last waited for a part; P2V_UNKNOWN: never */
	struct p2v_list waiters;
	struct p2v_timer timer;
	bool fresh; /* the last reading listed something new */
	bool known; /* it was understood once */
	bool again; /* news came during the fetch */
};

struct p2v_viewer {
	struct p2v_list in_feed;
	struct p2v_feed *feed;
	struct p2v_addr from;
	uint64_t tag; /* of its User-Agent */
	struct p2v_policy *policy;
	void *state;
	p2v_usec seen;
	bool watches; /* it has asked for picture or sound */
};

struct p2v_feed {
	struct p2v_list in_delivery;
	struct p2v_delivery *d;
	struct p2v_channel *channel;
	void *select_state, *cache_state;
	struct p2v_list playlists, renditions, viewers;
	struct p2v_list waiting;      /* fragments that players read now */
	char *forward[P2V_FORWARDED]; /* values, by forwarded_names */
	bool joined;
	bool ranges; /* its CDN said, or showed, that it takes byte ranges */
};

struct p2v_reading {
	struct p2v_list in_fragment;
	struct p2v_fragment *fragment;
	struct p2v_viewer *viewer; /* NULL: forgotten since */
	const struct p2v_reading_handler *handler;
	void *ctx;
	uint64_t pos;
	p2v_usec opened, hold;  /* hold: [us] for which a miss is kept from it */
	bool hit, lost;         /* lost: the content changed under it */
	struct p2v_timer timer; /* `ready` runs from here, never inside another's call */
};

/* ---- partners ---- */

#define P2V_FOLLOWS_MAX  16u
#define P2V_TRADED       256u  /* chunks of a fragment that are told of while it arrives: 4 MiB */
#define P2V_HOLDINGS_MAX 1024u /* of one partner; it forgets first what it told first */

/** What delivery knows of a partner. */
struct p2v_mate {
	struct p2v_list in_delivery;
	struct p2v_delivery *d;
	struct p2v_partner *partner;
	uint32_t slot; /* its bit in what is noted for each partner */
	struct p2v_following {
		uint64_t rendition, newest;
	} * follows; /* shape (n_follows), P2V_FOLLOWS_MAX at most */
	uint32_t n_follows;
	uint32_t n_holds; /* struct p2v_holder of it */
	struct p2v_list asks, serves;
	p2v_usec slow_until;       /* it let us down: others first */
	struct p2v_list in_served; /* of the governor */
	uint64_t arrived;          /* [B] of ours at it, as last seen */
};

#define P2V_LENGTH_OPEN UINT32_MAX       /* it is told of without a length */
#define P2V_LENGTH_MUCH (UINT32_MAX - 1) /* too large to be held */

/** One partner has one fragment. */
struct p2v_holder {
	struct p2v_mate *mate;
	uint64_t generation;
	p2v_usec not_before; /* it refused until then */
	union {
		uint64_t word, *words; /* words: shape (P2V_TRADED / P2V_WORD) */
	} told;                        /* arriving: chunks that are there; p2v_holder_told */
	uint32_t length;     /* [B]; P2V_LENGTH_OPEN; P2V_LENGTH_MUCH: as much or more, too large */
	uint8_t state, hops; /* as in the message have */
	bool many;           /* told.words counts; else there are none beyond told.word */
};

/** Who has a fragment. */
struct p2v_holding {
	UT_hash_handle hh;
	struct p2v_id key;
	struct p2v_holder *v; /* shape (n), in the order in which they told of it first */
	uint32_t n, cap;
	struct p2v_fragment *fragment; /* NULL: it is none of ours */
};

/** Walk those who have a fragment: h is its struct p2v_holder *. Nobody may come or go in the
 * body. */
#define P2V_HOLDERS_EACH(h, f)                                                       \
	for (struct p2v_holder *h = (f)->holding ? (f)->holding->v : NULL,           \
			       *h##_end = (f)->holding ? h + (f)->holding->n : NULL; \
		h != h##_end; h++)

/** @return word w of the chunks that it told to be there */
static inline uint64_t p2v_holder_told(const struct p2v_holder *h, uint32_t w)
{
	if (h->many)
		return w < P2V_TRADED / P2V_WORD ? h->told.words[w] : 0;
	return w == 0 ? h->told.word : 0;
}

/** A fragment comes to be: partners may have told of it before. */
void p2v_holding_join(struct p2v_fragment *f);
/** … and goes. */
void p2v_holding_part(struct p2v_fragment *f);
/** @return how many have it */
static inline size_t p2v_fragment_holders(const struct p2v_fragment *f)
{
	return f->holding ? f->holding->n : 0;
}
/** @return whether what h told of is the content that is known of f */
static inline bool p2v_holder_same(const struct p2v_holder *h, const struct p2v_fragment *f)
{
	return (f->open ? h->length == P2V_LENGTH_OPEN : h->length == f->length) &&
	       h->generation == f->generation;
}
/** @return what that partner has of it, until somebody comes or goes; NULL: nothing */
struct p2v_holder *p2v_fragment_holder(const struct p2v_fragment *f, const struct p2v_mate *m);
/** It has that fragment no longer. @param h  [in] of that holding, which may be gone, too */
void p2v_holder_free(struct p2v_holding *of, struct p2v_holder *h);
bool p2v_mate_follows(const struct p2v_mate *m, uint64_t rendition);
/** @return whether that partner has all chunks, or will have without our help
 * @param hops  of ours */
bool p2v_holder_brings_all(const struct p2v_holder *h, uint32_t hops);
/** @return which chunks of word w that partner has now, or will have without our help */
uint64_t p2v_holder_brings(const struct p2v_holder *h, uint32_t hops, uint32_t w);
/** What select plugins see of a mate with regard to a fragment. */
void p2v_mate_view(
	const struct p2v_mate *m, const struct p2v_fragment *f, struct p2v_select_peer *out);

/** @return what it told of a rendition that it follows; NULL: it does not */
struct p2v_following *p2v_mate_following(struct p2v_mate *m, uint64_t rendition);

/* ---- tell.c ---- */

/** Note what m is told from now on. @return false: there is no place */
bool p2v_mate_enrol(struct p2v_mate *m);
void p2v_mate_discharge(struct p2v_mate *m);
/** All that concerns the channels that it shares with us. */
void p2v_mate_introduce(struct p2v_mate *m);
/** It begins to follow a rendition: what is here of it? */
void p2v_mate_listens(struct p2v_mate *m, uint64_t rendition);
/** It has that fragment no longer, and may not know that it is here. */
void p2v_mate_lost(struct p2v_mate *m, struct p2v_fragment *f);
/** It is asked for at the CDN and will come: partners may ask for it here. */
void p2v_mates_promise(struct p2v_fragment *f);
/** What was told to be coming does not come. */
void p2v_mates_retract(struct p2v_fragment *f);
/** There may be news of f for partners. */
void p2v_mates_tell_have(struct p2v_fragment *f);
/** Nothing more is told of f unless something new comes. */
void p2v_tell_rest(struct p2v_fragment *f);
/** To whoever was told of them. @param v  [in] shape (n), n at most 32 */
void p2v_mates_tell_gone(struct p2v_delivery *d, struct p2v_fragment *const *v, size_t n);
/** Nothing of what partners were told of is to be had here any more. */
void p2v_mates_tell_all_gone(struct p2v_delivery *d);
void p2v_mates_tell_follow(struct p2v_rendition *r, bool on);
void p2v_mates_tell_news(struct p2v_rendition *r);
uint64_t p2v_rendition_newest(
	const struct p2v_rendition *r); /* sequence number plus one; 0: none */

/* ---- manifests that others tell of (child.c) ---- */

/** @param parent  [out] which told of p; as it was before where none did
 * @return NULL: none did */
const struct p2v_doc_child *p2v_child_of(
	const struct p2v_playlist *p, const struct p2v_doc **parent);
/** @return the manifest that lists p, and tells something of what it lists: of several the one that
 * was asked for last; NULL: there is none */
const struct p2v_playlist *p2v_master_of(const struct p2v_playlist *p);
/** Whether one manifest told of the manifests of both, as of one content at other bit rates. */
bool p2v_children_alike(const struct p2v_rendition *a, const struct p2v_rendition *b);
/** Bring up to date which bit rate comes next, of r and of those that are alike; of r alone nothing
 * changes where no manifest told of its own. */
void p2v_children_rank(struct p2v_rendition *r);
/** Have the manifests that p just told of read, once. */
void p2v_children_read(struct p2v_playlist *p);
/** A player reads a URL that no manifest lists: if there is an index in that file, read it. */
void p2v_children_read_file(struct p2v_feed *feed, const char *url);
/** Whether a manifest told of that one: its name alone need not say what it is. */
bool p2v_children_name(const struct p2v_feed *feed, const char *url);

/* ---- from partners (ask.c, receive.c), to partners (serve.c), from the CDN (cdn.c) ---- */

/** Ask partners for what is missing and nobody brings. @return whether any is being asked now */
bool p2v_ask_more(struct p2v_fragment *f);
/** A partner told what it has of f. @return whether it can be asked for something now */
bool p2v_source_new(const struct p2v_fragment *f, const struct p2v_holder *h);
/** @return when a partner that has what is missing can be asked again, soon; P2V_NEVER: there is
 * none
 */
p2v_usec p2v_ask_again(const struct p2v_fragment *f, p2v_usec now);
void p2v_ask_cancel_all(struct p2v_fragment *f);
void p2v_ask_cancel_mate(struct p2v_mate *m);
/** [chunks] that no ask brings and that are not here, from `from` on: the first such run. */
bool p2v_ask_gap(const struct p2v_fragment *f, uint32_t from, uint32_t *first, uint32_t *count);
/** Give up what makes no progress; f->planning is set. */
void p2v_ask_check(struct p2v_fragment *f, p2v_usec now);
/** @return when to do so again; P2V_NEVER: nobody is asked */
p2v_usec p2v_ask_check_at(const struct p2v_fragment *f);
/** Leave to partners only what they will bring in the time that is left [us], by how fast they were
 * so far. */
void p2v_ask_trim(struct p2v_fragment *f, p2v_usec now, p2v_usec left);
/** Move the transfers' priority and deadline. */
void p2v_ask_urgency(struct p2v_fragment *f);

void p2v_serve_begin(struct p2v_mate *m, struct p2v_stream *t);
void p2v_serve_progress(struct p2v_fragment *f);
void p2v_serve_cancel_all(struct p2v_fragment *f);
void p2v_serve_cancel_mate(struct p2v_mate *m);
/** Nothing is given any more: whoever waits goes elsewhere. */
void p2v_serve_stop(struct p2v_delivery *d);
/** What may be sent is something else now: have those that wait for that go on. */
void p2v_serve_pump(struct p2v_delivery *d);
void p2v_serve_init(struct p2v_delivery *d);
void p2v_serve_fini(struct p2v_delivery *d);

enum p2v_why {
	P2V_WHY_ALONE = 0,
	P2V_WHY_ELECTED,
	P2V_WHY_STANDBY,
	P2V_WHY_DEADLINE,
	P2V_WHY_START,
	P2V_WHY_OTHER
};
/** Fetch what is missing from the CDN. @return P2V_OK, also when it has begun already */
int p2v_cdn_begin(struct p2v_fragment *f, enum p2v_why why);
void p2v_cdn_cancel(struct p2v_fragment *f);
/** All is here: an answer that still brings bytes is cut. */
void p2v_cdn_needless(struct p2v_fragment *f);
/** A fetch from the CDN has ended. @param rate  [B/s] @param wait  [us] until its head */
void p2v_cdn_remember(struct p2v_delivery *d, uint64_t rate, p2v_usec wait);
/** [B/s] that the CDN gave lately, cautiously. */
uint64_t p2v_cdn_rate(const struct p2v_delivery *d);
/** [us] that n bytes would take from the CDN, cautiously. */
p2v_usec p2v_cdn_estimate(const struct p2v_delivery *d, uint64_t n);

/* ---- governor.c ---- */

/** What this node may send to all partners together. */
struct p2v_governor {
	double rate;         /* [B/s] */
	double out, through; /* [B/s] that went out, that arrived, over some intervals */
	uint64_t sent;       /* [B] since `since` */
	p2v_usec since, hold_until, full_at, rest_until;
	uint32_t poor,
		rests; /* looks in a row that found a thin line; times that it was left alone */
	bool was_full;
	bool proven;           /* a chunk that was sent alone has arrived */
	uint64_t trial, tried; /* [B] of the one under way that has not arrived, and of all of it */
	p2v_usec tried_at;
	p2v_usec queued;        /* how long what we sent waited on its way, as seen last */
	double all;             /* [B/s] that arrived, messages among it, over some intervals */
	struct p2v_list served; /* struct p2v_mate: to whom chunks are under way, or were */
	struct p2v_timer timer;
};

void p2v_governor_init(struct p2v_delivery *d);
void p2v_governor_fini(struct p2v_delivery *d);
/** There is something to send: watch the line. */
void p2v_governor_busy(struct p2v_delivery *d);
/** n bytes of chunks go to m. */
void p2v_governor_sent(struct p2v_delivery *d, struct p2v_mate *m, uint64_t n);
/** Every second: a line that was left alone may be tried again. */
void p2v_governor_beat(struct p2v_delivery *d, p2v_usec now);
/** @return [B/s] that may be sent now, the configured limit regarded */
uint64_t p2v_governor_rate(const struct p2v_delivery *d);
/** @return whether nothing may be sent until what was sent before has arrived, and the line is free
 */
bool p2v_governor_trying(const struct p2v_delivery *d);
/** @return whether the line was found to be full lately, so that the rate says what it carries */
bool p2v_governor_known(const struct p2v_delivery *d);

/* ---- waiting.c ---- */

/** A player waits for a manifest, from now on. @param done  [in] called once, never in this call
 * @return NULL: no memory */
struct p2v_waiter *p2v_waiting_new(struct p2v_playlist *p, const struct p2v_directives *want,
	void (*done)(void *, const struct p2v_manifest_answer *), void *ctx);
/** @return whether another request need not wait for another fetch: it was fetched a moment ago, or
 * the CDN will tell when there is more */
bool p2v_waiting_fresh(const struct p2v_playlist *p);
/** @return whether somebody waits for what a good reading does not tell of yet */
bool p2v_waiting_more(const struct p2v_playlist *p);
/** A manifest is here: answer all who wait for it, or tell them to wait for what it tells of. */
void p2v_waiting_answer(struct p2v_playlist *p);
/** The manifest goes: nobody is answered any more. */
void p2v_waiting_cancel(struct p2v_playlist *p);
/** A fragment is whole: whoever was kept waiting for it need wait no longer. */
void p2v_waiting_complete(const struct p2v_fragment *f);

/* ---- holding.c ---- */

/** @return whether the next fetch should be one that the CDN holds until there is more */
bool p2v_holding_may(const struct p2v_playlist *p, p2v_usec now);
/** … of what: note it. @param url  [inout] the playlist's, to which what is asked is appended */
void p2v_holding_begin(struct p2v_playlist *p, struct p2v_text *url);
/** A request that was to be held was answered with a manifest, which is p->doc now. */
void p2v_holding_answered(struct p2v_playlist *p);
/** … or with an error. */
void p2v_holding_refused(struct p2v_playlist *p);
/** @return whether players of p, whose doc is there, wait for its parts or read them */
bool p2v_holding_by_part(const struct p2v_playlist *p);
/** @return whether the CDN holds a request for a fragment, and a part of it is waited for by now */
bool p2v_holding_too_long(const struct p2v_playlist *p);
/** Keep p->doc, which is new, for players that ask for what it was the first to tell of. */
void p2v_holding_keep(struct p2v_playlist *p);
/** Let go of all that is kept. */
void p2v_holding_drop(struct p2v_playlist *p);
/** What to tell whoever asks for that: no more than it asked for, where that was kept.
 * @return p->doc, or one before it */
const struct p2v_doc *p2v_holding_find(
	const struct p2v_playlist *p, const struct p2v_directives *want);
/** @return the least time from the beginning of one such request to the next */
p2v_usec p2v_holding_gap(const struct p2v_playlist *p);

/* ---- reveal.c ---- */

/** When a player that asked for this manifest is answered: now, or a little later, so that partners
 * have brought what the manifest tells it of.
 * @param want   [in] what it asked to be told of
 * @param since  [in] now() when it asked, or when that was there
 * @return now() or before: at once */
p2v_usec p2v_reveal_at(
	const struct p2v_playlist *p, const struct p2v_directives *want, p2v_usec since);

/* ---- plan.c ---- */

/** Decide what to do about a fragment now, and when to look again. */
void p2v_plan(struct p2v_fragment *f);
/** The same for what should be fetched ahead in a rendition. */
void p2v_plan_ahead(struct p2v_rendition *r);
/** The same for all that is under way: partners came or went. */
void p2v_plan_all(struct p2v_delivery *d);
/** Until when partners are waited for: then the CDN has to bring what is missing. P2V_NEVER: for
 * ever */
p2v_usec p2v_plan_latest(const struct p2v_fragment *f);
/** Which share of a new fragment this node asks for first, so that those who want it at the same
 * time bring different parts of it and trade them. @return its place among `of`; of == 1: from the
 * start
 */
uint32_t p2v_plan_share(struct p2v_fragment *f, uint32_t *of);
/** [us] how long after the one before it each in the election begins. */
p2v_usec p2v_plan_standby(const struct p2v_fragment *f);
/** When a fragment should be at the player. */
void p2v_plan_due(const struct p2v_fragment *f, struct p2v_player_due *out);

/* ---- viewer.c ---- */

void p2v_viewer_free(struct p2v_viewer *v);
struct p2v_player_frag p2v_viewer_frag(const struct p2v_fragment *f);

/* ---- rendition.c ---- */

void p2v_rendition_free(struct p2v_rendition *r);
/** A manifest was read: bring its renditions up to date with p->doc, and tell partners what is new.
 */
void p2v_renditions_update(struct p2v_playlist *p);
/** More is foretold. */
void p2v_rendition_read_on(struct p2v_rendition *r);

/* ---- what fragments tell of those to come (foretold.c) ---- */

enum { FORETOLD_MAX = 16 };

/** What fragments told of those to come, and the manifest does not list yet. */
struct p2v_foretold {
	struct p2v_doc_segment v[FORETOLD_MAX]; /* each with a URL of its own */
	size_t n;
};

/** A reading, and what goes on behind it. */
struct p2v_foretold_view {
	struct p2v_doc doc;
	struct p2v_doc_track track;
	struct p2v_doc_segment *segments; /* to be freed */
};

void p2v_foretold_free(struct p2v_foretold *x); /* NULL is allowed */
/** A fragment is here. */
void p2v_foretold_read(const struct p2v_fragment *f);
/** What its manifest lists now of a rendition, and what is foretold beyond.
 * @param track  [inout] its index in the playlist's document, and then in what is returned
 * @param view   [out] room for that; its segments are to be freed when it was used
 * @return as long as view and the document are there */
const struct p2v_doc *p2v_foretold_join(
	struct p2v_rendition *r, size_t *track, struct p2v_foretold_view *view);

/* ---- follow.c ---- */

void p2v_playlist_free(struct p2v_playlist *p);
/** News of a rendition: look at its manifest now. */
void p2v_follow_news(struct p2v_delivery *d, uint64_t rendition, uint64_t newest);
/** Unfollow what is no longer read, forget what is no longer asked for. */
void p2v_follow_beat(struct p2v_feed *feed, p2v_usec now);
/** Have a range of a file read as a manifest, once. */
void p2v_playlist_read(
	struct p2v_feed *feed, const char *url, const struct p2v_manifest_range *range);
/** A player asked for a fragment, or a part of one, of it. */
void p2v_follow_read(struct p2v_rendition *r, const struct p2v_timeline_entry *e);

/* ---- delivery.c ---- */

#define P2V_RATES 16u

struct p2v_delivery {
	struct p2v_node *node;
	const struct p2v_delivery_conf *conf;
	struct p2v_delivery_policies policies;
	struct p2v_overlay *overlay; /* NULL: no peers */
	struct p2v_list feeds, mates;
	uint64_t slots[P2V_MATES_MAX / 64]; /* those that partners have */
	struct p2v_fragment *fragments;
	struct p2v_holding *holdings, *told_last; /* told_last: found last; NULL: none */
	uint64_t held;                            /* [B] */
	uint64_t rates[P2V_RATES];                /* [B/s] of late fetches from the CDN */
	p2v_usec waits[P2V_RATES];                /* [us] until their heads */
	size_t n_rates;
	uint64_t cdn_rate; /* [B/s] that they say, cautiously; */
	p2v_usec cdn_wait; /* … and the longest wait. Of n_rates > 0 */
	struct p2v_timer beat;
	bool stopping;

	/* serving */
	struct p2v_list serves; /* the most urgent first */
	size_t n_serves;
	double tokens; /* [B] that upload_limit lets out now */
	p2v_usec tokens_at;
	struct p2v_timer serve_timer;
	struct p2v_governor governor;
	uint64_t uploaded_window, capacity_seen; /* [B], [B/s] */
	p2v_usec window_at;
};

/** Drop what the cache policy says; frees fragments, so only the beat calls it. */
void p2v_delivery_evict(struct p2v_delivery *d);
/** @return [B/s] the bit rate of what is read here part by part, near the live edge; 0: nothing is
 */
uint64_t p2v_delivery_parts(const struct p2v_delivery *d);
/** Memory may be above its limit: have the beat come at once. */
void p2v_delivery_tidy(struct p2v_delivery *d);

#endif
