/* doc_shelf_test.c - documents that several nodes share: who gets the same one, and how long it
 * stays. */
#include <criterion/criterion.h>

#include <string.h>

#include "framework/stream/doc_shelf.h"
#include "tests/contract/manifests.h"
#include "tests/unit/oom.h"

TestSuite(doc_shelf, .timeout = 60);

#define FIRST "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%u\n#EXTINF:2,\ns%u.ts\n"

/* Two nodes with plugins of their own, and one shelf. */
struct pair {
	struct p2v_test_manifests a, b;
	struct p2v_doc_shelf *shelf;
};

static void pair_open(struct pair *p)
{
	p2v_test_manifests_init(&p->a);
	p2v_test_manifests_init(&p->b);
	p->shelf = p2v_doc_shelf_new();
	cr_assert_not_null(p->shelf);
	p->a.all.shelf = p->b.all.shelf = p->shelf;
}

static struct p2v_doc_in of(const char *text, const char *url)
{
	return (struct p2v_doc_in){ .text = p2v_str_of(text), .url = url };
}

static struct p2v_doc *read_as(
	const struct p2v_test_manifests *m, const char *text, const char *url)
{
	const struct p2v_doc_in in = of(text, url);
	struct p2v_doc *d;
	struct p2v_err err;

	cr_assert_eq(p2v_doc_parse(&m->all, &in, &d, &err), P2V_OK, "%s", err.text);
	return d;
}

static const char *nth(unsigned i)
{
	static char text[200];

	(void)snprintf(text, sizeof text, FIRST, i, i);
	return text;
}

static struct p2v_doc *find(struct pair *p, const struct p2v_policy *by, const char *text)
{
	const struct p2v_doc_in in = of(text, "http://h/l/i.m3u8");

	return p2v_doc_shelf_find(p->shelf, by, &in);
}

Test(doc_shelf, what_is_the_same_is_read_once)
{
	struct p2v_doc *one, *two, *elsewhere, *later;
	struct pair p;

	pair_open(&p);
	one = read_as(&p.a, nth(1), "http://h/l/i.m3u8");
	two = read_as(&p.b, nth(1), "http://h/l/i.m3u8");
	elsewhere = read_as(&p.b, nth(1), "http://other/l/i.m3u8");
	later = read_as(&p.b, nth(2), "http://h/l/i.m3u8");
	cr_assert_eq(one, two);
	cr_assert_neq(one, elsewhere);
	cr_assert_neq(one, later);
	cr_assert_str_eq(one->tracks[0].segments[0].at.url, "http://h/l/s1.ts");
	cr_assert_str_eq(elsewhere->tracks[0].segments[0].at.url, "http://other/l/s1.ts");
	cr_assert_str_eq(later->tracks[0].segments[0].at.url, "http://h/l/s2.ts");
	p2v_doc_free(one);
	p2v_doc_free(elsewhere);
	p2v_doc_free(later);
	p2v_doc_shelf_free(p.shelf);
	cr_assert_str_eq(
		two->tracks[0].segments[0].at.url, "http://h/l/s1.ts", "who holds it keeps it");
	p2v_doc_free(two);
}

Test(doc_shelf, other_plugins_and_options_read_anew)
{
	static const struct p2v_plugin other = { .name = "other" };
	static const int conf = 1;
	struct p2v_policy by;
	struct p2v_doc *d;
	struct pair p;

	pair_open(&p);
	p2v_doc_free(read_as(&p.a, nth(1), "http://h/l/i.m3u8"));
	by = p.b.policies[0];
	d = find(&p, &by, nth(1));
	cr_assert_not_null(d);
	p2v_doc_free(d);
	by.conf = &conf;
	cr_assert_null(find(&p, &by, nth(1)));
	by.conf = p.b.policies[0].conf;
	by.plugin = &other;
	cr_assert_null(find(&p, &by, nth(1)));
	p2v_doc_shelf_free(p.shelf);
}

Test(doc_shelf, what_is_refused_is_not_kept)
{
	const struct p2v_doc_in in = of("#EXTM3U\n", "http://h/l/i.m3u8");
	struct p2v_doc *d;
	struct pair p;

	pair_open(&p);
	for (int i = 0; i < 2; i++)
		cr_assert_lt(p2v_doc_parse(&p.a.all, &in, &d, NULL), 0);
	cr_assert_null(d);
	p2v_doc_shelf_free(p.shelf);
}

Test(doc_shelf, what_is_asked_for_stays)
{
	struct p2v_doc *d;
	struct pair p;

	pair_open(&p);
	for (unsigned i = 0; i < 100; i++) {
		p2v_doc_free(read_as(&p.a, nth(i), "http://h/l/i.m3u8"));
		p2v_doc_free(read_as(&p.a, nth(0), "http://h/l/i.m3u8"));
	}
	d = find(&p, &p.a.policies[0], nth(0));
	cr_assert_not_null(d);
	p2v_doc_free(d);
	d = find(&p, &p.a.policies[0], nth(99));
	cr_assert_not_null(d);
	p2v_doc_free(d);
	cr_assert_null(find(&p, &p.a.policies[0], nth(60)), "it gave way to others");
	p2v_doc_shelf_free(p.shelf);
}

Test(doc_shelf, a_document_knows_its_text)
{
	struct p2v_doc_in in;
	struct p2v_doc *d;
	struct pair p;

	pair_open(&p);
	p.a.all.shelf = NULL;
	d = read_as(&p.a, nth(1), "http://h/l/i.m3u8");
	in = of(nth(1), "http://h/l/i.m3u8");
	cr_assert(p2v_doc_is_of(d, &in));
	in = of(nth(2), "http://h/l/i.m3u8");
	cr_assert_not(p2v_doc_is_of(d, &in));
	in = of(nth(10), "http://h/l/i.m3u8");
	cr_assert_not(p2v_doc_is_of(d, &in));
	in = of(nth(1), "http://h/l/i.m3u8?x");
	cr_assert_not(p2v_doc_is_of(d, &in));
	cr_assert_null(find(&p, &p.a.policies[0], nth(1)), "no shelf was given");
	p2v_doc_free(d);
	p2v_doc_shelf_free(p.shelf);
	p2v_doc_shelf_free(NULL);
}

/* Without memory for a place on the shelf the document is there all the same. */
Test(doc_shelf, without_memory_nothing_is_lost)
{
	const struct p2v_doc_in in = of(nth(1), "http://h/l/i.m3u8");
	bool unkept = false;
	struct p2v_doc *d;
	struct pair p;
	long before, failures = 0;
	int rc;

	pair_open(&p);
	before = oom_held();
	for (long after = 0; after < 100; after++) {
		oom_after(after);
		rc = p2v_doc_parse(&p.a.all, &in, &d, NULL);
		if (!oom_struck() && rc == P2V_OK) {
			oom_after(-1);
			p2v_doc_free(d);
			break;
		}
		oom_after(-1);
		if (rc == P2V_OK) {
			unkept = true;
			cr_assert_null(find(&p, &p.a.policies[0], nth(1)));
			p2v_doc_free(d);
		} else {
			cr_assert_eq(rc, P2V_ENOMEM);
			failures++;
		}
		cr_assert_eq(oom_held(), before);
	}
	cr_assert(unkept && failures > 3);
	d = find(&p, &p.a.policies[0], nth(1));
	cr_assert_not_null(d);
	p2v_doc_free(d);
	p2v_doc_shelf_free(p.shelf);
}
