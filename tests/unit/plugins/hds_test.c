/* hds_test.c - manifest/hds: bootstraps. Whole manifests are in tests/data/hds. */
#include <stdlib.h>

#include "plugins/manifest/hds/bootstrap.h"
#include "tests/unit/stream/read.h"

/* Runs of segments, first and fragments in each. */
static uint64_t segment_of(struct hds_segment_run *v, size_t n, uint64_t fragment)
{
	struct hds_bootstrap b = { .segments = v, .n_segments = n };
	uint64_t before = 0;

	for (size_t i = 0; i < n; i++) {
		if (i)
			before += (uint64_t)(v[i].first - v[i - 1].first) * v[i - 1].fragments;
		v[i].before = before;
	}
	return hds_segment_of(&b, fragment);
}

Test(hds, segments)
{
	struct hds_segment_run one[] = { { 1, 10, 0 } };
	struct hds_segment_run three[] = { { 1, 2, 0 }, { 3, 5, 0 }, { 4, 1, 0 } };
	static const uint64_t want[] = { 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 4, 5, 6 };
	struct hds_segment_run live[] = { { 1, UINT32_MAX, 0 } };
	struct hds_segment_run none[] = { { 7, 0, 0 } };

	cr_assert_eq(segment_of(one, 1, 1), 1);
	cr_assert_eq(segment_of(one, 1, 10), 1);
	cr_assert_eq(segment_of(one, 1, 11), 2);
	for (uint64_t i = 0; i < sizeof want / sizeof want[0]; i++)
		cr_expect_eq(segment_of(three, 3, i), want[i], "%llu", (unsigned long long)i);
	cr_assert_eq(segment_of(live, 1, 123456), 1);
	cr_assert_eq(segment_of(none, 1, 5), 7);
	cr_assert_eq(segment_of(NULL, 0, 5), 1);
}

static uint64_t length(struct hds_fragment_run *v, size_t n, size_t run, uint64_t now, bool live)
{
	struct hds_bootstrap b = { .live = live,
		.scale = 10,
		.run_scale = 1000,
		.now = now,
		.fragments = v,
		.n_fragments = n };

	return hds_run_length(&b, run);
}

Test(hds, runs)
{
	struct hds_fragment_run v[] = { { 1, 0, 4000, 0 }, { 0, 0, 0, 1 }, { 4, 20000, 3000, 0 },
		{ 0, 0, 0, 0 } };

	cr_assert_eq(length(v, 4, 0, 280, false), 3, "up to the next one");
	cr_assert_eq(length(v, 4, 1, 280, false), 0, "a break has none");
	cr_assert_eq(length(v, 4, 2, 280, false), 3, "to the end, the last one shorter");
	cr_assert_eq(length(v, 4, 2, 200, false), 0);
	cr_assert_eq(length(v, 4, 2, 260, false), 2);
	cr_assert_eq(length(v, 4, 2, 200, true), 1, "the newest begins now");
	cr_assert_eq(length(v, 4, 2, 199, true), 0);
	cr_assert_eq(length(v, 4, 2, 260, true), 3);
}
