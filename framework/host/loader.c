/* loader.c - finding plugins in folders, or in the program itself, and opening them. */
#include <config.h>

#include "framework/host/loader.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "framework/base/list.h"
#include "framework/base/policy.h"
#include "framework/base/text.h"
#include "framework/host/abi.h"
#include "framework/host/dl.h"

#define PREFIX           "p2v_"
#define SUFFIX           ".so"
#define PLUGIN_NAME_SIZE 64u /* [B] of a plugin's name with its NUL */
#define BUILT_IN         "built in"

/* A plugin that there may be: a file of the right name, or a module of the program. */
struct found {
	uint32_t kind; /* 0: its file name names no kind that this host knows */
	char name[PLUGIN_NAME_SIZE];
	char *file; /* a path, or what p2v_dl_open takes */
	bool built_in;
	unsigned place; /* number of its folder: the least wins */
};

struct found_list {
	struct found *v;
	size_t n, cap;
	bool oom;
};

struct loaded {
	struct p2v_list item;
	void *module;
	struct p2v_plugin *plugin;
	char *file;
};

struct p2v_loader {
	struct p2v_dl *dl;
	struct p2v_text path; /* folders, separated by colons */
	struct p2v_list loaded;
};

/* ---- where to look ---- */

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void add_folder(struct p2v_loader *ld, struct p2v_str folder)
{
	if (folder.n == 0)
		return;
	if (ld->path.n)
		p2v_text_puts(&ld->path, ":");
	p2v_text_str(&ld->path, folder);
}

static int add_configured(struct p2v_loader *ld, const char *plugin_path, struct p2v_err *err)
{
	struct p2v_str rest = p2v_str_of(plugin_path), folder;

	while (p2v_str_split(&rest, ':', &folder)) {
		char *path;
		bool there;

		if (folder.n == 0)
			continue;
		path = p2v_str_dup(folder);
		if (!path)
			return p2v_fail(err, P2V_ENOMEM, "no memory for the plugin path");
		there = is_folder(path);
		free(path);
		if (!there)
			return p2v_fail(err, P2V_ECONF, "plugin_path: there is no folder %.*s",
				P2V_STR(folder));
		add_folder(ld, folder);
	}
	return P2V_OK;
}

/* Before installation the modules lie beside the program, where libtool puts them. */
static bool add_uninstalled(struct p2v_loader *ld)
{
	static const char *const beside[] = { "/modules/.libs", "/modules" };
	char exe[4096], path[4200];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	char *slash;

	if (n <= 0)
		return false;
	exe[n] = 0;
	slash = strrchr(exe, '/');
	if (!slash)
		return false;
	*slash = 0;
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "%s%s", exe, beside[i]);
		if (is_folder(path)) {
			add_folder(ld, p2v_str_of(path));
			return true;
		}
	}
	return false;
}

static int set_path(struct p2v_loader *ld, const char *plugin_path, struct p2v_err *err)
{
	const char *env = secure_getenv("P2V_PLUGIN_PATH");
	struct p2v_str rest = p2v_str_of(env), folder;
	int rc = add_configured(ld, plugin_path, err);

	if (rc < 0)
		return rc;
	while (p2v_str_split(&rest, ':', &folder))
		add_folder(ld, folder);
	if (!env && !add_uninstalled(ld))
		add_folder(ld, p2v_str_of(P2V_PLUGIN_DIR));
	return ld->path.oom ? p2v_fail(err, P2V_ENOMEM, "no memory for the plugin path") : P2V_OK;
}

int p2v_loader_new(const char *plugin_path, struct p2v_loader **out, struct p2v_err *err)
{
	struct p2v_loader *ld = calloc(1, sizeof *ld);
	int rc;

	if (!ld)
		return p2v_fail(err, P2V_ENOMEM, "no memory for the plugin loader");
	p2v_list_init(&ld->loaded);
	rc = set_path(ld, plugin_path, err);
	if (rc == P2V_OK)
		rc = p2v_dl_new(&ld->dl, err);
	if (rc < 0) {
		p2v_loader_free(ld);
		return rc;
	}
	*out = ld;
	return P2V_OK;
}

void p2v_loader_free(struct p2v_loader *ld)
{
	if (!ld)
		return;
	P2V_LIST_EACH (it, &ld->loaded) {
		struct loaded *l = P2V_OF(it, struct loaded, item);

		free(l->plugin);
		p2v_dl_close(l->module);
		free(l->file);
		free(l);
	}
	p2v_dl_free(ld->dl);
	p2v_text_fini(&ld->path);
	free(ld);
}

const char *p2v_loader_path(const struct p2v_loader *ld)
{
	return ld->path.p ? ld->path.p : "";
}

/* ---- what is there ---- */

static bool is_name(struct p2v_str s)
{
	if (s.n == 0 || s.n >= PLUGIN_NAME_SIZE)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
			    (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
			return false;
	return true;
}

/* "p2v_<kind>_<name>" taken apart. @return whether it is of that form at all */
static bool read_module_name(struct p2v_str module, struct found *out)
{
	struct p2v_str rest = module, kind;
	char word[PLUGIN_NAME_SIZE];

	if (!p2v_str_starts(module, PREFIX) || !is_name(module))
		return false;
	rest.p += strlen(PREFIX);
	rest.n -= strlen(PREFIX);
	if (!p2v_str_split(&rest, '_', &kind) || !rest.p || rest.n == 0 || kind.n >= sizeof word)
		return false;
	memcpy(word, kind.p, kind.n);
	word[kind.n] = 0;
	out->kind = p2v_kind_of(word);
	memcpy(out->name, rest.p, rest.n);
	out->name[rest.n] = 0;
	return true;
}

static void add_found(
	struct found_list *list, const struct found *f, struct p2v_str folder, const char *file)
{
	struct p2v_text path = { 0 };
	struct found *v;

	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 16;

		v = realloc(list->v, cap * sizeof *v);
		if (!v) {
			list->oom = true;
			return;
		}
		list->v = v;
		list->cap = cap;
	}
	if (folder.n) {
		p2v_text_str(&path, folder);
		p2v_text_puts(&path, "/");
	}
	p2v_text_puts(&path, file);
	if (path.oom) {
		list->oom = true;
		p2v_text_fini(&path);
		return;
	}
	list->v[list->n] = *f;
	list->v[list->n++].file = path.p;
}

static void scan_folder(struct p2v_str folder, unsigned place, struct found_list *list)
{
	char *path = p2v_str_dup(folder);
	const struct dirent *e;
	DIR *dir;

	if (!path) {
		list->oom = true;
		return;
	}
	dir = opendir(path);
	free(path);
	if (!dir)
		return; /* a folder of the search path that is not there is no error */
	while ((e = readdir(dir))) {
		struct found f = { .place = place };
		struct p2v_str file = p2v_str_of(e->d_name);

		if (!p2v_str_ends_nocase(file, SUFFIX))
			continue;
		file.n -= strlen(SUFFIX);
		if (read_module_name(file, &f))
			add_found(list, &f, folder, e->d_name);
	}
	(void)closedir(dir);
}

struct builtin_ctx {
	struct found_list *list;
	unsigned place;
};

static void add_builtin(void *vctx, const char *file, const char *name)
{
	struct builtin_ctx *ctx = vctx;
	struct found f = { .built_in = true, .place = ctx->place };

	if (read_module_name(p2v_str_of(name), &f))
		add_found(ctx->list, &f, p2v_str_of(NULL), file);
}

/* By kind in the order of the kinds' list, by name, by place. */
static int compare(const void *va, const void *vb)
{
	const struct found *a = va, *b = vb;
	int by_name;

	if (a->kind != b->kind)
		return a->kind == 0 || (b->kind && a->kind > b->kind) ? 1 : -1;
	by_name = strcmp(a->name, b->name);
	if (by_name)
		return by_name;
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return strcmp(a->file, b->file);
}

static void drop_found(struct found_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i].file);
	free(list->v);
}

/* All that there is, sorted, without what an earlier folder hides. */
static int scan(struct p2v_loader *ld, struct found_list *list, struct p2v_err *err)
{
	struct p2v_str rest = { ld->path.p, ld->path.n }, folder;
	struct builtin_ctx ctx = { list, 0 };
	size_t kept = 0;

	while (p2v_str_split(&rest, ':', &folder))
		scan_folder(folder, ctx.place++, list);
	p2v_dl_builtin(ld->dl, add_builtin, &ctx);
	if (list->oom) {
		drop_found(list);
		return p2v_fail(err, P2V_ENOMEM, "no memory to list plugins");
	}
	if (list->n)
		qsort(list->v, list->n, sizeof *list->v, compare);
	for (size_t i = 0; i < list->n; i++) {
		struct found *f = &list->v[i];

		if (kept && f->kind && list->v[kept - 1].kind == f->kind &&
			strcmp(list->v[kept - 1].name, f->name) == 0)
			free(f->file);
		else
			list->v[kept++] = *f;
	}
	list->n = kept;
	return P2V_OK;
}

/* ---- opening ---- */

static struct loaded *find_loaded(const struct p2v_loader *ld, uint32_t kind, const char *name)
{
	P2V_LIST_EACH (it, &ld->loaded) {
		struct loaded *l = P2V_OF(it, struct loaded, item);

		if (l->plugin->kind == kind && strcmp(l->plugin->name, name) == 0)
			return l;
	}
	return NULL;
}

static int open_found(struct p2v_loader *ld, const struct found *f, const struct p2v_plugin **out,
	struct p2v_err *err)
{
	const char *shown = f->built_in ? BUILT_IN : f->file;
	struct loaded *l = calloc(1, sizeof *l);
	const struct p2v_plugin *raw;
	int rc;

	if (!l)
		return p2v_fail(err, P2V_ENOMEM, "%s: no memory", shown);
	l->file = p2v_str_dup(p2v_str_of(shown));
	rc = l->file ? p2v_dl_open(ld->dl, f->file, &l->module, err)
		     : p2v_fail(err, P2V_ENOMEM, "%s: no memory", shown);
	if (rc < 0)
		goto fail;
	raw = p2v_dl_symbol(l->module, "p2v_plugin");
	if (raw)
		rc = p2v_abi_take(p2v_abi_own(), raw, f->kind, f->name, shown, &l->plugin, err);
	else
		rc = p2v_fail(err, P2V_EABI, "%s: it exports no p2v_%s_%s_LTX_p2v_plugin", shown,
			p2v_kind_name(f->kind), f->name);
	if (rc < 0)
		goto fail;
	p2v_list_push(&ld->loaded, &l->item);
	*out = l->plugin;
	return P2V_OK;
fail:
	if (l->module)
		p2v_dl_close(l->module);
	free(l->file);
	free(l);
	return rc;
}

static int not_found(const struct p2v_loader *ld, const struct found_list *list, uint32_t kind,
	const char *name, struct p2v_err *err)
{
	const char **names = calloc(list->n + 1, sizeof *names), *near;
	size_t n = 0;

	if (!names)
		return p2v_fail(err, P2V_ENOMEM, "no memory to list plugins");
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].kind == kind)
			names[n++] = list->v[i].name;
	near = p2v_text_nearest(name, names);
	(void)p2v_fail(err, P2V_ENOENT, "there is no plugin %s.%.64s in %s%s%s%s",
		p2v_kind_name(kind), name, p2v_loader_path(ld), near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	free(names);
	return P2V_ENOENT;
}

int p2v_loader_get(struct p2v_loader *ld, uint32_t kind, const char *name,
	const struct p2v_plugin **out, struct p2v_err *err)
{
	const struct loaded *l = find_loaded(ld, kind, name);
	struct found_list list = { 0 };
	int rc;

	if (l) {
		*out = l->plugin;
		return P2V_OK;
	}
	if (!p2v_kind_name(kind))
		return p2v_fail(
			err, P2V_ENOENT, "there is no kind of plugins with number %u", kind);
	rc = scan(ld, &list, err);
	if (rc < 0)
		return rc;
	rc = P2V_ENOENT;
	for (size_t i = 0; i < list.n && rc == P2V_ENOENT; i++)
		if (list.v[i].kind == kind && strcmp(list.v[i].name, name) == 0)
			rc = open_found(ld, &list.v[i], out, err);
	if (rc == P2V_ENOENT)
		rc = not_found(ld, &list, kind, name, err);
	drop_found(&list);
	return rc;
}

static void visit(struct p2v_loader *ld, const struct found *f, const struct p2v_loader_visitor *v)
{
	const char *shown = f->built_in ? BUILT_IN : f->file;
	const struct loaded *l = f->kind ? find_loaded(ld, f->kind, f->name) : NULL;
	const struct p2v_plugin *p = l ? l->plugin : NULL;
	struct p2v_err why;

	if (f->kind == 0)
		(void)p2v_fail(&why, P2V_EABI,
			"%s: its file name says no kind that this host knows", shown);
	else if (p || open_found(ld, f, &p, &why) == P2V_OK) {
		v->good(v->ctx, p, p2v_loader_file(ld, p));
		return;
	}
	v->bad(v->ctx, shown, &why);
}

int p2v_loader_each(struct p2v_loader *ld, uint32_t kind, const struct p2v_loader_visitor *v,
	struct p2v_err *err)
{
	struct found_list list = { 0 };
	int rc = scan(ld, &list, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < list.n; i++)
		if (kind == 0 || list.v[i].kind == kind)
			visit(ld, &list.v[i], v);
	drop_found(&list);
	return P2V_OK;
}

const char *p2v_loader_file(const struct p2v_loader *ld, const struct p2v_plugin *p)
{
	const struct loaded *l = find_loaded(ld, p->kind, p->name);

	return l ? l->file : "";
}
