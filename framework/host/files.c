/* files.c - whole small files. */
#include <config.h>

#include "framework/host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

static int fail(struct p2v_err *err, const char *path, const char *what)
{
	return p2v_fail(err, errno == ENOENT ? P2V_ENOENT : P2V_EIO, "%s: %s: %s", path, what,
		strerror(errno));
}

int p2v_file_read(const char *path, struct p2v_text *out, struct p2v_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = P2V_OK;
	char buf[4096];
	ssize_t n = 0;

	if (fd < 0)
		return fail(err, path, "cannot be opened");
	while (rc == P2V_OK && (n = read(fd, buf, sizeof buf)) > 0) {
		p2v_text_add(out, buf, (size_t)n);
		if (out->n > FILE_MAX)
			rc = p2v_fail(err, P2V_ELIMIT, "%s: is larger than 1 MiB", path);
		else if (out->oom)
			rc = p2v_fail(err, P2V_ENOMEM, "%s: no memory to read it", path);
	}
	if (rc == P2V_OK && n < 0)
		rc = fail(err, path, "cannot be read");
	(void)close(fd);
	return rc;
}

static int write_all(int fd, struct p2v_str text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0)
			return -1;
		text.p += n;
		text.n -= (size_t)n;
	}
	return fsync(fd);
}

int p2v_file_write(const char *path, struct p2v_str text, bool secret, struct p2v_err *err)
{
	char *part = malloc(strlen(path) + 8);
	int fd, rc = P2V_OK;

	if (!part)
		return p2v_fail(err, P2V_ENOMEM, "%s: no memory to write it", path);
	(void)sprintf(part, "%s.XXXXXX", path);
	fd = mkstemp(part);
	if (fd < 0) {
		rc = fail(err, path, "cannot be written");
		free(part);
		return rc;
	}
	if (write_all(fd, text) < 0 || fchmod(fd, secret ? 0600 : 0644) < 0)
		rc = fail(err, path, "cannot be written");
	if (close(fd) < 0 && rc == P2V_OK)
		rc = fail(err, path, "cannot be written");
	if (rc == P2V_OK && rename(part, path) < 0)
		rc = fail(err, path, "cannot be put in its place");
	if (rc < 0)
		(void)unlink(part);
	free(part);
	return rc;
}

int p2v_folder_make(const char *path, bool secret, struct p2v_err *err)
{
	struct stat st;

	if (mkdir(path, secret ? 0700 : 0755) == 0)
		return P2V_OK;
	if (errno != EEXIST)
		return fail(err, path, "cannot be made");
	if (stat(path, &st) < 0)
		return fail(err, path, "cannot be looked at");
	return S_ISDIR(st.st_mode) ? P2V_OK : p2v_fail(err, P2V_EIO, "%s: is no folder", path);
}

char *p2v_path_join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *path = malloc(n);

	if (path)
		(void)snprintf(path, n, "%s/%s", dir, name);
	return path;
}
