/* messages_dict.c - the fuzzer's dictionary of messages, made of their table: each message's
 * number, each field's tag, each bound. `--print` writes it; without an argument it speaks TAP: is
 * messages.dict what the table says? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "framework/overlay/messages.h"

static void entry(struct p2v_text *t, const char *name, const char *field, const char *what,
	const struct p2v_writer *w)
{
	p2v_text_printf(t, "%s%s%s_%s=\"", name, *field ? "_" : "", field, what);
	for (const uint8_t *p = w->start; p < w->p; p++)
		p2v_text_printf(t, "\\x%02x", *p);
	p2v_text_puts(t, "\"\n");
}

static void number(
	struct p2v_text *t, const char *name, const char *field, const char *what, uint64_t v)
{
	uint8_t b[8];
	struct p2v_writer w = p2v_writer_of(b, sizeof b);

	p2v_write_varint(&w, v);
	entry(t, name, field, what, &w);
}

/* A field of bytes with its least length, as it stands in a message. */
static void least(struct p2v_text *t, const char *name, const char *field, uint64_t no, size_t n)
{
	uint8_t b[128] = { 0 };
	struct p2v_writer w = p2v_writer_of(b, sizeof b);

	p2v_write_varint(&w, no << 1 | 1);
	p2v_write_varint(&w, n);
	w.p += n;
	entry(t, name, field, "least", &w);
}

static void make(struct p2v_text *t)
{
#define P2V_MESSAGE(name, no) number(t, #name, "", "number", no);
#define P2V_U(name, field, no, max)                         \
	number(t, #name, #field, "tag", (uint64_t)no << 1); \
	number(t, #name, #field, "max", max);
#define P2V_B(name, field, no, min, max)                        \
	number(t, #name, #field, "tag", (uint64_t)no << 1 | 1); \
	number(t, #name, #field, "max", max);                   \
	least(t, #name, #field, no, min);
#define P2V_BN(name, field, no, min, max, count)                \
	number(t, #name, #field, "tag", (uint64_t)no << 1 | 1); \
	number(t, #name, #field, "max", max);                   \
	least(t, #name, #field, no, min);
#include "framework/overlay/messages.def"
}

static int compare(const struct p2v_text *t)
{
	const char *src = getenv("P2V_SRCDIR");
	char path[1024], *was = malloc(t->n + 2);
	FILE *f;
	size_t n = 0;

	(void)snprintf(path, sizeof path, "%s/tests/fuzz/messages.dict", src ? src : ".");
	f = fopen(path, "rb");
	if (f && was)
		n = fread(was, 1, t->n + 2, f);
	if (f)
		(void)fclose(f);
	if (n == t->n && memcmp(was, t->p, n) == 0)
		(void)puts("ok 1 - messages.dict");
	else
		(void)puts(
			"not ok 1 - messages.dict\n# it is not what the table says: make fuzz-dict");
	(void)puts("1..1");
	free(was);
	return 0;
}

int main(int argc, char **argv)
{
	struct p2v_text t = { 0 };
	int rc = 0;

	make(&t);
	if (t.oom)
		rc = 1;
	else if (argc > 1 && strcmp(argv[1], "--print") == 0)
		(void)fputs(t.p, stdout);
	else
		rc = compare(&t);
	p2v_text_fini(&t);
	return rc;
}
