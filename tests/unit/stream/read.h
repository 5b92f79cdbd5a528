/* read.h - reading playlists in tests of what stands above the plugin. */
#ifndef P2V_TESTS_READ_H
#define P2V_TESTS_READ_H

#include <criterion/criterion.h>

#include "tests/contract/manifests.h"

/** Read with all plugins; the document is the caller's.
 * @param proto,context  [in] of what told of it; NULL: nothing did */
static inline int try_read_given(const char *proto, const char *context, struct p2v_str text,
	const char *url, struct p2v_doc **d, struct p2v_err *err)
{
	static struct p2v_test_manifests m; /* each test is a process of its own */

	if (!m.all.v)
		p2v_test_manifests_init(&m);
	return p2v_doc_parse(&m.all,
		&(struct p2v_doc_in){
			.text = text, .url = url, .proto = proto, .context = context },
		d, err);
}

static inline int try_read(
	const char *text, size_t n, const char *url, struct p2v_doc **d, struct p2v_err *err)
{
	return try_read_given(NULL, NULL, (struct p2v_str){ text, n }, url, d, err);
}

static inline struct p2v_doc *read_at(const char *text, const char *url)
{
	struct p2v_doc *d;
	struct p2v_err err;

	cr_assert_eq(try_read(text, strlen(text), url, &d, &err), P2V_OK, "%s", err.text);
	return d;
}

static inline struct p2v_doc *read_text(const char *text)
{
	return read_at(text, "http://h/live/index.m3u8");
}

#endif
