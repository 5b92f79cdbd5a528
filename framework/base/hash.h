/* hash.h - hash tables: uthash from the distribution, with allocation failure reported instead of
 * fatal. A table walks in order of insertion, so walks are deterministic. After HASH_ADD*, test
 * P2V_HASH_ADDED(hh, item). */
#ifndef P2V_BASE_HASH_H
#define P2V_BASE_HASH_H

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION     HASH_JEN
#include <uthash.h>

/* Most tables of a node hold a dozen or two; those that hold more grow. */
#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define HASH_INITIAL_NUM_BUCKETS      16U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 4U

/** Whether the last HASH_ADD of item worked: uthash leaves hh.tbl NULL when memory ran out. */
#define P2V_HASH_ADDED(hh, item) ((item)->hh.tbl != NULL)

#endif
