/* fuzz_film.c - what encoders send to p2v-origin: fed in two pieces, the first byte says where it
 * is cut, and what came of it is listed. */
#include <stdlib.h>

#include "sdk/origin/playlist.h"
#include "tests/fuzz/target.h"

static int feed(struct p2v_cmaf_rendition *r, const uint8_t *p, size_t n)
{
	struct p2v_err err = { .code = P2V_OK };
	int rc = p2v_cmaf_feed(r, (struct p2v_bytes){ p, n }, INT64_C(1767226200000000), &err);

	if (rc < 0 && (err.code != rc || !err.text[0]))
		abort();
	return rc;
}

void fuzz_one(const uint8_t *p, size_t n)
{
	const struct p2v_cmaf_conf conf = {
		.segment = P2V_SECOND, .window = 4 * P2V_SECOND, .memory = 1 << 20
	};
	struct p2v_cmaf_stream s;
	struct p2v_text t = { 0 };
	struct p2v_err err;
	const uint8_t *rest = n ? p + 1 : p;
	size_t left = n ? n - 1 : 0, cut = n ? left * p[0] / 255 : 0;

	p2v_cmaf_init(&s, &conf);
	if (p2v_cmaf_add(&s, "v", &err) < 0)
		abort();
	if (feed(&s.r[0], rest, cut) == P2V_OK &&
		feed(&s.r[0], cut ? rest + cut : rest, left - cut) == P2V_OK &&
		p2v_cmaf_end(&s.r[0], &err) < 0 && !err.text[0])
		abort();
	if (s.ready) {
		p2v_cmaf_master(&s, &t);
		p2v_cmaf_playlist(&s.r[0], true, &t);
		p2v_cmaf_mpd(&s, p2v_str_of("h"), 0, &t);
	}
	p2v_text_fini(&t);
	p2v_cmaf_fini(&s);
}
