/* bootstrap.h - the bootstrap of an HTTP Dynamic Streaming medium: which fragments there are. */
#ifndef P2V_HDS_BOOTSTRAP_H
#define P2V_HDS_BOOTSTRAP_H

#include <peer2view/base.h>

enum { HDS_RUNS_MAX = 100000 };

struct hds_segment_run {
	uint32_t first, fragments; /* number of its first segment; fragments in each */
	uint64_t before;           /* fragments in the runs before it */
};

struct hds_fragment_run {
	uint32_t first;
	uint64_t t;        /* [units] when the first begins */
	uint32_t duration; /* [units]; 0: a break */
	uint8_t why;       /* of a break: 0 the end, bit 0 numbers break, bit 1 times break */
};

struct hds_bootstrap {
	bool live;
	uint64_t scale, run_scale; /* of now; of the runs */
	uint64_t now; /* [1/scale s] live: when the newest fragment began; else where it ends */
	struct hds_segment_run *segments;   /* shape (n_segments) */
	struct hds_fragment_run *fragments; /* shape (n_fragments) */
	size_t n_segments, n_fragments;
};

/** Read an `abst` box (Adobe Flash Video File Format Specification 10.1, 2.11.2).
 * @param b    [in] any bytes
 * @param out  [out] freed by hds_bootstrap_fini in any case
 * @return P2V_OK; P2V_EPARSE with err naming the byte; P2V_ENOMEM */
P2V_MUST_USE int hds_bootstrap_read(
	struct p2v_bytes b, struct hds_bootstrap *out, struct p2v_err *err);
void hds_bootstrap_fini(struct hds_bootstrap *b);

/** @return the segment that a fragment lies in */
uint64_t hds_segment_of(const struct hds_bootstrap *b, uint64_t fragment);

/** How many fragments a run has: up to the next run, or to what is there now. */
uint64_t hds_run_length(const struct hds_bootstrap *b, size_t run);

#endif
