/* folder.c - files of a result, and programs that work on them. */
#include <config.h>

#include "sdk/sim/cli/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

int p2v_folder_make(const char *folder, struct p2v_err *err)
{
	if (mkdir(folder, 0777) == 0 || errno == EEXIST)
		return P2V_OK;
	return p2v_fail(err, P2V_EIO, "%s: cannot be made: %s", folder, strerror(errno));
}

FILE *p2v_folder_open(const char *folder, const char *name, const char *mode, struct p2v_err *err)
{
	char path[1024];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, mode);
	if (!f)
		(void)p2v_fail(err, P2V_EIO, "%s: cannot be opened: %s", path, strerror(errno));
	return f;
}

int p2v_folder_close(FILE *f, const char *folder, struct p2v_err *err)
{
	bool bad = f && ferror(f);

	if (f && fclose(f) != 0)
		bad = true;
	return bad ? p2v_fail(err, P2V_EIO, "%s: cannot be written to", folder) : P2V_OK;
}

int p2v_folder_run(const char *const *argv, const char *in, const char *out, struct p2v_err *err)
{
	posix_spawn_file_actions_t files;
	char *copy[64];
	size_t n = 0;
	pid_t pid;
	int rc, status;

	for (; argv[n] && n < 63; n++) /* posix_spawn does not change them */
		memcpy(&copy[n], &argv[n], sizeof copy[n]);
	copy[n] = NULL;
	if (posix_spawn_file_actions_init(&files) != 0)
		return p2v_fail(err, P2V_ENOMEM, "no memory");
	rc = posix_spawn_file_actions_addopen(&files, 0, in ? in : "/dev/null", O_RDONLY, 0);
	if (rc == 0 && out)
		rc = posix_spawn_file_actions_addopen(
			&files, 1, out, O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (rc == 0)
		rc = posix_spawnp(&pid, argv[0], &files, NULL, copy, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	if (rc != 0)
		return p2v_fail(err, rc == ENOENT ? P2V_ENOENT : P2V_EIO, "%s: %s", argv[0],
			rc == ENOENT ? "it is not installed" : strerror(rc));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return p2v_fail(err, P2V_EIO, "%s: %s", argv[0], strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
