/* site.h - a CDN of the test's own: pages that say what a test wants them to say, as slowly, as
 * brokenly and as oddly as it wants, and a count of what was asked of each. */
#ifndef P2V_TESTS_SIM_SITE_H
#define P2V_TESTS_SIM_SITE_H

#include "framework/base/list.h"
#include "framework/base/world.h"

enum { SITE_HEADERS = 8, SITE_SEEN = 4096 };

/** One URL of the site. What is zero is as a good CDN does it. */
struct page {
	const char *target;                /* path?query */
	uint32_t status;                   /* 0: 200 */
	const char *type;                  /* Content-Type; NULL: video/mp2t */
	const char *extra[SITE_HEADERS];   /* further header fields, "Name: value" */
	const char *etag;                  /* with its quotes; NULL: none */
	const char *text;                  /* the body; NULL: `size` bytes of site_byte */
	size_t text_n;                     /* [B] of the text; 0: up to its NUL */
	size_t size;                       /* [B] */
	uint32_t seed;                     /* of those bytes */
	bool chunked, ignores_range, mute; /* mute: no answer at all */
	p2v_usec think;                    /* [us] before the answer */
	p2v_usec ready;                    /* now() before which there is no answer */
	uint64_t rate;                     /* [B/s] at most */
	size_t cut;                        /* [B] after which the connection breaks; 0: never */
	uint32_t fail_first;               /* so many requests … */
	uint32_t fail_status;              /* … get this status … */
	size_t fail_cut;                   /* … or break after so many bytes … */
	bool fail_mute;                    /* … or get no answer */
	struct page *for_others; /* what whoever asks from elsewhere than the first is given */

	/* what was seen */
	uint32_t requests, ranged, unchanged;
	struct p2v_addr from; /* of the first request */
	uint32_t others;      /* requests from elsewhere */
	uint64_t bytes;       /* [B] of bodies handed to the network */
	uint64_t first, last; /* of the last Range; last UINT64_MAX: open */
	char seen[SITE_SEEN]; /* header fields of the last request, "Name: value\n" … */
	char method[8];
	struct p2v_list in_site;
};

struct site {
	struct p2v_world w;
	struct p2v_http_server *server;
	struct p2v_list pages, jobs;
	uint32_t strangers; /* requests for what is no page */
};

/** @param port  where it listens */
void site_open(struct site *s, const struct p2v_world *w, uint16_t port);
/** Before the world's end, which tells how what was under way ended: s has to be there until then.
 */
void site_close(struct site *s);
/** Put a page up. @return the site's own copy, which a test may change */
struct page *site_put(struct site *s, const struct page *p);
/** @param target  [in] path?query
 * @return NULL: there is no such page */
struct page *site_find(struct site *s, struct p2v_str target);
/** @return byte number off of a page's body, within it */
uint8_t site_body(const struct page *p, uint64_t off);
/** @return byte number off of a body of that seed */
uint8_t site_byte(uint32_t seed, uint64_t off);
/** @return whether the page's last request had that header field */
bool site_saw(const struct page *p, const char *line);

#endif
