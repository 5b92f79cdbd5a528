/* oom.c - the host when memory runs out: each allocation of a whole run fails in turn, once. Every
 * time the run must end with P2V_ENOMEM and give back all it had. A plain program that speaks TAP:
 * its own malloc, calloc, realloc and free stand before the C library's (ld --wrap), in our objects
 * alone. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "framework/base/text.h"
#include "framework/host/config.h"
#include "framework/host/sections.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

#define BLOCKS 4096u

static unsigned count;   /* allocations of this run so far */
static unsigned fail_at; /* number of the one that fails; 0: none */
/* Blocks that our objects allocated and hold. What libraries allocate and we free is none of them.
 */
static void *held[BLOCKS];

static void hold(void *was, void *is)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (held[i] == was) {
			held[i] = is;
			return;
		}
	}
	if (!was)
		abort(); /* more blocks than this test was made for */
}

static unsigned balance(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BLOCKS; i++)
		n += held[i] != NULL;
	return n;
}

static void start(unsigned which)
{
	memset(held, 0, sizeof held);
	count = 0;
	fail_at = which;
}

static bool fails(void)
{
	return ++count == fail_at;
}

void *__wrap_malloc(size_t n)
{
	void *p = fails() ? NULL : __real_malloc(n);

	if (p)
		hold(NULL, p);
	return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : __real_calloc(n, size);

	if (p)
		hold(NULL, p);
	return p;
}

void *__wrap_realloc(void *p, size_t n)
{
	uintptr_t was = (uintptr_t)p;
	void *q = fails() ? NULL : __real_realloc(p, n);

	if (q)
		hold((void *)was, q);
	return q;
}

void __wrap_free(void *p)
{
	if (p)
		hold(p, NULL);
	__real_free(p);
}

static const char text[] =
	"[peer2view]\nlog_level = debug\n[plugins]\nselect = fixture\ncc = fixture\n"
	"cache = fixture\nplayer = fixture\nmanifest = *\n"
	"[cc.fixture]\nwindow = 64k\nnotes = a\nnotes = b\n[cc.spare]\n";

static char file[] = "/tmp/p2v_oom_XXXXXX";

static void ignore(void *ctx, const char *section, const char *option, bool live)
{
	(void)ctx;
	(void)section;
	(void)option;
	(void)live;
}

static int parse(struct p2v_err *err)
{
	struct p2v_config *c = NULL;
	int rc = p2v_config_parse(p2v_schema(), "t.ini", p2v_str_of(text), &c, err);

	p2v_config_free(c);
	return rc;
}

static int load(struct p2v_err *err)
{
	const struct p2v_reload_report report = { NULL, ignore };
	struct p2v_loader *ld = NULL;
	struct p2v_config *c = NULL;
	int rc = p2v_loader_new(NULL, &ld, err);

	if (rc == P2V_OK)
		rc = p2v_config_read(p2v_schema(), file, &c, err);
	if (rc == P2V_OK)
		rc = p2v_config_bind(c, ld, err);
	if (rc == P2V_OK)
		rc = p2v_config_reload(c, ld, &report, err);
	p2v_config_free(c);
	p2v_loader_free(ld);
	return rc;
}

static int missing(struct p2v_err *err)
{
	const struct p2v_plugin *p;
	struct p2v_loader *ld = NULL;
	int rc = p2v_loader_new(NULL, &ld, err);

	if (rc == P2V_OK)
		rc = p2v_loader_get(ld, P2V_KIND_CC, "fixtuer", &p, err);
	p2v_loader_free(ld);
	return rc == P2V_ENOENT ? P2V_OK : rc;
}

/* @return whether the run came to its end with every allocation failing once */
static bool exhaust(unsigned number, const char *name, int (*fn)(struct p2v_err *err))
{
	struct p2v_err err = { .text = "" };
	unsigned all;
	bool good;
	int rc;

	start(0);
	rc = fn(&err);
	all = count;
	good = rc == P2V_OK && balance() == 0 && all > 10;
	if (!good)
		(void)printf("# without a failure: %d, %s, %u blocks left, %u allocations\n", rc,
			err.text, balance(), all);
	for (unsigned i = 1; i <= all; i++) {
		start(i);
		err = (struct p2v_err){ .text = "" };
		rc = fn(&err);
		if (rc == P2V_ENOMEM && err.code == P2V_ENOMEM && *err.text && balance() == 0)
			continue;
		good = false;
		(void)printf("# allocation %u of %u: %d, %s, %u blocks left\n", i, all, rc,
			err.text, balance());
	}
	(void)printf("%s %u - %s: %u allocations\n", good ? "ok" : "not ok", number, name, all);
	return good;
}

int main(void)
{
	const char *build = getenv("P2V_BUILDDIR");
	char path[4096];
	bool good;
	int fd = mkstemp(file);

	(void)snprintf(path, sizeof path, "%s/tests/abi/plugins/.libs", build ? build : ".");
	if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)(sizeof text - 1) ||
		close(fd) != 0 || setenv("P2V_PLUGIN_PATH", path, 1) != 0) {
		(void)printf("Bail out! cannot write %s\n", file);
		return 1;
	}
	(void)printf("1..3\n");
	good = exhaust(1, "a configuration", parse);
	good = exhaust(2, "plugins, and a reload", load) && good;
	good = exhaust(3, "a plugin that is not there", missing) && good;
	(void)unlink(file);
	return !good;
}
