/* hash.h - hash tables: uthash from the distribution, with allocation failure reported instead of
 * fatal. A table walks in order of insertion, so walks are deterministic. After HASH_ADD*, test
 * P2V_HASH_ADDED(hh, item). */
#ifndef P2V_BASE_HASH_H
#define P2V_BASE_HASH_H

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION     HASH_JEN
#include <uthash.h>

/** Whether the last HASH_ADD of item worked: uthash leaves hh.tbl NULL when memory ran out. */
#define P2V_HASH_ADDED(hh, item) ((item)->hh.tbl != NULL)

#endif
