/* replay.c - runs a fuzz target over files, where there is no fuzzing engine: over nothing at all,
 * as engines do, and over each file named
 * on the command line, each file in folders named there, or, without any, over the target's own
 * corpus. Speaks TAP, one line a file; a crash ends it before its plan, which the driver sees. */
#define _POSIX_C_SOURCE 200809L /* scandir, strdup */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/target.h"

static unsigned files;

static _Noreturn void bail(const char *path)
{
	(void)printf("Bail out! cannot read %s\n", path);
	exit(1);
}

/* The bytes lie at the end of their allocation, so that a sanitizer sees each one too far. */
static void replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	const char *slash = strrchr(path, '/');
	uint8_t *p;
	long n = 0;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0)
		bail(path);
	p = malloc(n ? (size_t)n : 1);
	if (!p || fread(p, 1, (size_t)n, f) != (size_t)n)
		bail(path);
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(p, (size_t)n);
	free(p);
	(void)printf("ok %u - %s\n", ++files, slash ? slash + 1 : path);
	(void)fflush(stdout);
}

static char *join(const char *a, const char *b)
{
	size_t n = strlen(a) + strlen(b) + 2;
	char *s = malloc(n);

	if (!s)
		bail(a);
	(void)snprintf(s, n, "%s/%s", a, b);
	return s;
}

static int is_seen(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void replay(const char *path)
{
	struct stat st;
	struct dirent **v;
	int n;

	if (stat(path, &st) != 0)
		bail(path);
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	n = scandir(path, &v, is_seen, alphasort);
	if (n < 0)
		bail(path);
	for (int i = 0; i < n; i++) {
		char *file = join(path, v[i]->d_name);

		replay(file);
		free(file);
		free(v[i]);
	}
	free(v);
}

/* fuzz_NAME has its corpus in tests/fuzz/corpus/NAME. */
static char *own_corpus(const char *program)
{
	const char *src = getenv("P2V_SRCDIR"), *name = program;
	char *corpora = join(src ? src : ".", "tests/fuzz/corpus"), *own;

	for (const char *p = program; (p = strstr(p, "fuzz_")); p += strlen("fuzz_"))
		name = p + strlen("fuzz_");
	own = join(corpora, name);
	free(corpora);
	return own;
}

int main(int argc, char **argv)
{
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	if (argc < 2) {
		char *own = own_corpus(argv[0]);

		replay(own);
		free(own);
	}
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	(void)printf("1..%u\n", files);
	return files == 0;
}
