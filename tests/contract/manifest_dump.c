/* manifest_dump.c - prints the neutral dump of a manifest, for the golden files and for looking at
 * one by hand: manifest_dump FILE BASE-URL. It links the plugins, so it needs no loader. */
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

int main(int argc, char **argv)
{
	struct p2v_test_manifests m;
	struct p2v_text text, out = { 0 };
	struct p2v_doc *d;
	struct p2v_err err;
	int rc;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: %s FILE BASE-URL\n", argv[0]);
		return 2;
	}
	p2v_test_manifests_init(&m);
	text = read_all(argv[1]);
	rc = p2v_doc_parse(&m.all, (struct p2v_str){ text.p, text.n }, argv[2],
		(struct p2v_str){ NULL, 0 }, &d, &err);
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
