/* dl.c - libltdl with a loader of our own. The stock one binds lazily, so a missing symbol would
 * show only when it is called; and when an open fails, the last of libltdl's loaders overwrites
 * what the others said with "file not found". */
#include <config.h>

#include "framework/host/dl.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <ltdl.h>

#define LOADER_NAME "peer2view"

#if defined(__SANITIZE_ADDRESS__)
#define KEEP_MAPPED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_MAPPED true
#endif
#endif
#ifndef KEEP_MAPPED
#define KEEP_MAPPED false
#endif

/* One for the process, found again through libltdl, which keeps one list of loaders. */
struct shared {
	lt_dlvtable vtable; /* first: libltdl hands its address back */
	unsigned users;
	char why[252]; /* what the dynamic linker said last */
};

struct p2v_dl {
	struct shared *shared;
	lt_dlinterface_id id;
};

static lt_module module_open(lt_user_data data, const char *file, lt_dladvise advise)
{
	struct shared *s = data;
	void *m = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	(void)advise;
	if (!m) {
		const char *why = dlerror();

		(void)snprintf(s->why, sizeof s->why, "%s", why ? why : "it cannot be opened");
	}
	return m;
}

static int module_close(lt_user_data data, lt_module module)
{
	(void)data;
	return KEEP_MAPPED ? 0 : dlclose(module);
}

static void *find_symbol(lt_user_data data, lt_module module, const char *name)
{
	(void)data;
	return dlsym(module, name);
}

static int join(struct shared **out)
{
	struct shared *s = (struct shared *)(void *)lt_dlloader_find(LOADER_NAME);

	if (!s) {
		s = calloc(1, sizeof *s);
		if (!s)
			return P2V_ENOMEM;
		s->vtable = (lt_dlvtable){ .name = LOADER_NAME,
			.sym_prefix = "",
			.module_open = module_open,
			.module_close = module_close,
			.find_sym = find_symbol,
			.dlloader_data = s,
			.priority = LT_DLLOADER_PREPEND };
		if (lt_dlloader_add(&s->vtable) != 0) {
			free(s);
			return P2V_EIO;
		}
		/* It fails when another user of libltdl has modules open: then the stock loader
		 * stays, behind ours. What it returns is the caller's to free, as lt_dlexit does.
		 */
		free(lt_dlloader_remove("lt_dlopen"));
	}
	s->users++;
	*out = s;
	return P2V_OK;
}

int p2v_dl_new(struct p2v_dl **out, struct p2v_err *err)
{
	struct p2v_dl *dl = calloc(1, sizeof *dl);
	int rc = P2V_ENOMEM;

	if (!dl)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the plugin loader");
	if (lt_dlinit() != 0) {
		rc = p2v_fail(err, P2V_EIO, "libltdl does not start: %s", lt_dlerror());
		free(dl);
		return rc;
	}
	dl->id = lt_dlinterface_register("peer2view", NULL);
	if (dl->id)
		rc = join(&dl->shared);
	if (rc < 0) {
		(void)p2v_fail(err, rc, "libltdl takes no loader: %s", lt_dlerror());
		if (dl->id)
			lt_dlinterface_free(dl->id);
		(void)lt_dlexit();
		free(dl);
		return rc;
	}
	*out = dl;
	return P2V_OK;
}

void p2v_dl_free(struct p2v_dl *dl)
{
	struct shared *s;

	if (!dl)
		return;
	s = dl->shared;
	lt_dlinterface_free(dl->id);
	/* libltdl refuses to remove a loader that still has modules; then it, and what it points
	 * to, stays until the last lt_dlexit closes them. */
	if (--s->users == 0 && lt_dlloader_remove(LOADER_NAME)) {
		(void)lt_dlexit();
		free(s);
	} else {
		(void)lt_dlexit();
	}
	free(dl);
}

int p2v_dl_open(struct p2v_dl *dl, const char *file, void **module, struct p2v_err *err)
{
	const char *why = dl->shared->why;
	const char *prefix = file;
	lt_dlhandle h;

	dl->shared->why[0] = 0;
	h = lt_dlopen(file);
	if (h) {
		*module = h;
		return P2V_OK;
	}
	if (!*why)
		why = lt_dlerror();
	/* The dynamic linker mostly begins with the file's name itself. */
	if (why && strncmp(why, file, strlen(file)) == 0)
		prefix = "";
	return p2v_fail(err, P2V_EIO, "%s%s%s", prefix, *prefix ? ": " : "",
		why ? why : "it cannot be opened");
}

void p2v_dl_close(void *module)
{
	(void)lt_dlclose(module);
}

const void *p2v_dl_symbol(void *module, const char *symbol)
{
	return lt_dlsym(module, symbol);
}

static int keep_open(lt_dlhandle h)
{
	(void)h;
	return 0;
}

void p2v_dl_builtin(
	struct p2v_dl *dl, void (*fn)(void *ctx, const char *file, const char *name), void *ctx)
{
	lt_dlhandle h = NULL;

	(void)lt_dlpreload_open("@PROGRAM@", keep_open);
	while ((h = lt_dlhandle_iterate(dl->id, h))) {
		const lt_dlinfo *info = lt_dlgetinfo(h);

		if (info && info->filename && !strchr(info->filename, '/') && info->name)
			fn(ctx, info->filename, info->name);
	}
}
