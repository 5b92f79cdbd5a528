/* manifest_dump.c - prints the neutral dump of a manifest, for the golden files and for looking at
 * one by hand: manifest_dump FILE BASE-URL [PLUGIN CONTEXT], the latter for what means nothing
 * without another manifest. It links the plugins, so it needs no loader. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/contract/manifests.h"

static struct p2v_text read_all(const char *path)
{
	struct p2v_text t = { 0 };
	FILE *f = fopen(path, "rb");
	char buf[65536];
	size_t n;

	if (!f) {
		perror(path);
		exit(2);
	}
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		p2v_text_add(&t, buf, n);
	(void)fclose(f);
	return t;
}

/* Templates are filled in for this time of day: 2026-01-01T00:10:00Z. */
#define WALL (INT64_C(1767226200) * P2V_SECOND)

int main(int argc, char **argv)
{
	struct p2v_test_manifests m;
	struct p2v_doc_in in;
	struct p2v_text text, out = { 0 };
	struct p2v_doc *d;
	struct p2v_err err;
	int rc;

	if (argc != 3 && argc != 5) {
		(void)fprintf(stderr, "usage: %s FILE BASE-URL [PLUGIN CONTEXT]\n", argv[0]);
		return 2;
	}
	p2v_test_manifests_init(&m);
	text = read_all(argv[1]);
	in = (struct p2v_doc_in){ .text = { text.p, text.n },
		.url = argv[2],
		.wall = WALL,
		.proto = argc > 4 ? argv[3] : NULL,
		.context = argc > 4 ? argv[4] : NULL };
	rc = p2v_doc_parse(&m.all, &in, &d, &err);
	if (rc < 0) {
		(void)printf("%s\n", err.text);
	} else {
		p2v_doc_json(d, &out);
		(void)printf("%s\n", out.p);
		p2v_doc_free(d);
	}
	p2v_text_fini(&text);
	p2v_text_fini(&out);
	return rc < 0;
}
