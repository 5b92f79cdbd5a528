/* http.h - what HTTP messages mean, without a socket: headers, ranges, freshness, dates. */
#ifndef P2V_BASE_HTTP_H
#define P2V_BASE_HTTP_H

#include "framework/base/text.h"
#include "framework/base/world.h"

/** @return the value of the first header of that name (case ignored); absent when there is none */
struct p2v_str p2v_header_get(const struct p2v_header *v, size_t n, const char *name);

/** The same from a block of "Name: value\r\n" lines. */
struct p2v_str p2v_header_block_get(struct p2v_str block, const char *name);
/** Take the next line off such a block. @return false: none is left */
bool p2v_header_block_next(struct p2v_str *block, struct p2v_header *out);

/** @return a copy of n header fields with their texts, in one block for free(); NULL: no memory */
struct p2v_header *p2v_headers_dup(const struct p2v_header *v, size_t n);

enum p2v_range_kind {
	P2V_RANGE_NONE = 0, /* no header, another unit, several ranges: answer 200 with the whole */
	P2V_RANGE_OK,       /* answer 206 */
	P2V_RANGE_BAD       /* beyond the end: answer 416 */
};

/** One range as a player asked for it, before the length is known (RFC 9110 14.1.2). */
struct p2v_range {
	bool set, suffix;     /* suffix: the last `first` bytes */
	uint64_t first, last; /* inclusive; last = UINT64_MAX: open */
};

/** Read "bytes=a-b", "bytes=a-", "bytes=-n". Anything else gives set == false, as RFC 9110 allows.
 */
struct p2v_range p2v_range_parse(struct p2v_str header);
/** Place a range in a body.
 * @param first, last  [out] inclusive, only with P2V_RANGE_OK */
enum p2v_range_kind p2v_range_place(
	const struct p2v_range *r, uint64_t length, uint64_t *first, uint64_t *last);

/** Read "bytes a-b/total" of a 206. total = P2V_LENGTH_UNKNOWN for "*". @return P2V_OK or
 * P2V_EPARSE */
P2V_MUST_USE int p2v_content_range_parse(
	struct p2v_str header, uint64_t *first, uint64_t *last, uint64_t *total);

struct p2v_cache_control {
	bool no_store, no_cache, is_private, must_revalidate;
	bool has_max_age;
	p2v_usec max_age; /* s-maxage is for shared caches; this one is the viewer's own */
};
struct p2v_cache_control p2v_cache_control_parse(struct p2v_str header);

#endif
