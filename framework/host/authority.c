/* authority.c - a new authority, written to files. */
#include <config.h>

#include "framework/host/authority.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "framework/host/files.h"
#include "framework/overlay/identity.h"

const char *const p2v_authority_files[P2V_AUTHORITY_FILES] = { "ca.pem", "ca.key", "issuer.pem",
	"issuer.key", "tracker.pem", "tracker.key" };

static int write_member(const char *dir, const char *name, const struct p2v_text *text, bool secret,
	struct p2v_err *err)
{
	char *path = p2v_path_join(dir, name);
	int rc = path ? p2v_file_write(path, (struct p2v_str){ text->p, text->n }, secret, err)
		      : p2v_fail(err, P2V_ENOMEM, "no memory for a path");

	free(path);
	return rc;
}

static int none_yet(const char *dir, struct p2v_err *err)
{
	for (size_t i = 0; i < P2V_AUTHORITY_FILES; i++) {
		char *path = p2v_path_join(dir, p2v_authority_files[i]);
		bool there = path && access(path, F_OK) == 0;

		free(path);
		if (there)
			return p2v_fail(err, P2V_EPERM,
				"%s: there is an authority already (%s); it is not overwritten",
				dir, p2v_authority_files[i]);
	}
	return P2V_OK;
}

int p2v_authority_init(const struct p2v_authority_wish *wish, struct p2v_err *err)
{
	int64_t wall = (int64_t)time(NULL) * P2V_SECOND;
	struct p2v_authority a;
	int rc = p2v_folder_make(wish->dir, true, err);

	if (rc == P2V_OK)
		rc = none_yet(wish->dir, err);
	if (rc < 0)
		return rc;
	rc = p2v_authority_make(wish->name, wall, wish->days, &a, err);
	if (rc < 0)
		return rc;
	{
		const struct p2v_text *texts[P2V_AUTHORITY_FILES] = { &a.ca, &a.ca_key, &a.issuer,
			&a.issuer_key, &a.tracker, &a.tracker_key };

		for (size_t i = 0; rc == P2V_OK && i < P2V_AUTHORITY_FILES; i++)
			rc = write_member(
				wish->dir, p2v_authority_files[i], texts[i], i % 2 == 1, err);
	}
	p2v_authority_fini(&a);
	return rc;
}
