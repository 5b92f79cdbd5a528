/* fuzz_url.c - URLs and addresses: the first line is a base, the second a reference; the whole is
 * read as an address, too. */
#include <stdlib.h>
#include <string.h>

#include "framework/base/addr.h"
#include "framework/base/url.h"
#include "framework/stream/doc_url.h"
#include "tests/fuzz/target.h"

static void split(struct p2v_str s)
{
	struct p2v_text origin = { 0 };
	struct p2v_url u;

	if (p2v_url_split(s, &u) < 0)
		return;
	must(u.path.p && p2v_url_same_origin(&u, &u));
	must(u.path.n + u.query.n + u.fragment.n + u.authority.n + u.scheme.n <= s.n);
	if (p2v_url_is_http(&u)) {
		struct p2v_url again;

		p2v_url_origin(&u, &origin);
		must(p2v_url_split((struct p2v_str){ origin.p, origin.n }, &again) == P2V_OK);
		must(p2v_url_same_origin(&u, &again));
	}
	p2v_text_fini(&origin);
}

/* What was resolved is absolute, and resolving against it changes nothing. */
static void resolve(struct p2v_str base, struct p2v_str ref)
{
	struct p2v_text out = { 0 }, again = { 0 };
	struct p2v_url u;

	if (p2v_url_resolve(base, ref, &out) == P2V_OK) {
		struct p2v_str url = { out.p, out.n };

		must(out.n <= P2V_URL_MAX && p2v_url_split(url, &u) == P2V_OK);
		must(u.scheme.p && u.authority.p && !u.fragment.p);
		must(p2v_url_resolve(url, p2v_str_of(""), &again) == P2V_OK);
		must(p2v_str_equal(url, (struct p2v_str){ again.p, again.n }));
	} else {
		must(out.n == 0);
	}
	p2v_text_fini(&out);
	p2v_text_fini(&again);
}

/* The short way of documents gives what the long way gives. */
static void compare(struct p2v_str base, struct p2v_str ref)
{
	struct p2v_text want = { 0 };
	struct p2v_doc_urls u;
	char *text = p2v_str_dup(base);

	must(text != NULL);
	if (strlen(text) == base.n && base.n > 0 && p2v_doc_urls_init(&u, text) == P2V_OK) {
		int rc = p2v_url_resolve(base, ref, &want);

		must(p2v_doc_urls_resolve(&u, ref) == rc);
		must(rc < 0 || strcmp(u.out.p, want.p) == 0);
		p2v_doc_urls_fini(&u);
	}
	p2v_text_fini(&want);
	free(text);
}

static void address(struct p2v_str s)
{
	char *text = p2v_str_dup(s), buf[P2V_ADDR_TEXT];
	struct p2v_addr a, again;
	struct p2v_err err;

	must(text != NULL);
	if (p2v_addr_parse(text, &a, &err) == P2V_OK) {
		must(p2v_addr_parse(p2v_addr_text(&a, buf), &again, &err) == P2V_OK);
		must(p2v_addr_equal(&a, &again));
		must(p2v_addr_near_bits(&a, &again) == 128);
	} else {
		must(err.code == P2V_EPARSE && err.text[0]);
	}
	if (p2v_addr_parse_ip(s, &a) == P2V_OK)
		(void)p2v_addr_is_private(&a);
	free(text);
}

void fuzz_one(const uint8_t *p, size_t n)
{
	struct p2v_str ref = { (const char *)p, n }, base;

	split(ref);
	address(ref);
	(void)p2v_str_split(&ref, '\n', &base);
	if (!ref.p)
		ref = p2v_str_of("");
	resolve(base, ref);
	compare(base, ref);
}
