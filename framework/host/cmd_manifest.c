/* cmd_manifest.c - peer2view manifest: one manifest, from a file or the network, as the node would
 * understand it. */
#include <config.h>

#include "framework/host/commands.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "framework/base/options.h"
#include "framework/base/url.h"
#include "framework/host/http_get.h"
#include "framework/host/loader.h"
#include "framework/host/still.h"
#include "framework/stream/doc.h"

/* Every manifest plugin that can be loaded, with its default options. */
struct readers {
	struct p2v_node node;
	struct p2v_policy *v; /* shape (n) */
	void **confs;         /* shape (n) */
	size_t n;
	const char *program;
	int code;
};

/* A manifest's text, and where it came from. */
struct source {
	struct p2v_text text;
	struct p2v_text url;
	char *type; /* Content-Type; NULL: not known */
};

/* ---- plugins ---- */

static void add_reader(void *vctx, const struct p2v_plugin *p, const char *file)
{
	struct readers *r = vctx;
	void *conf = calloc(1, p->conf_size ? (size_t)p->conf_size : 1);
	void **confs = realloc(r->confs, (r->n + 1) * sizeof *confs);
	struct p2v_policy *v;

	(void)file;
	if (confs)
		r->confs = confs;
	v = realloc(r->v, (r->n + 1) * sizeof *v);
	if (v)
		r->v = v;
	if (!conf || !confs || !v ||
		p2v_options_default(p->options, p->option_size, conf, NULL) < 0) {
		r->code = P2V_ENOMEM;
		free(conf);
		return;
	}
	confs[r->n] = conf;
	v[r->n++] = (struct p2v_policy){ .plugin = p, .conf = conf };
}

static void tell_bad(void *vctx, const char *file, const struct p2v_err *why)
{
	struct readers *r = vctx;

	(void)file;
	(void)fprintf(stderr, "%s: %s\n", r->program, why->text);
}

static int load_readers(struct p2v_loader *ld, struct readers *r, struct p2v_err *err)
{
	struct p2v_loader_visitor v = { r, add_reader, tell_bad };
	struct p2v_world world = p2v_still_world();
	int rc;

	p2v_node_init(&r->node, &world, 1);
	rc = p2v_loader_each(ld, P2V_KIND_MANIFEST, &v, err);
	if (rc == P2V_OK && r->code < 0)
		rc = p2v_fail(err, r->code, "no memory for the manifest plugins");
	if (rc == P2V_OK && r->n == 0)
		rc = p2v_fail(
			err, P2V_ENOENT, "there is no manifest plugin in %s", p2v_loader_path(ld));
	/* A policy's environment points to the policy, so it is made where the policy stays. */
	for (size_t i = 0; i < r->n && rc == P2V_OK; i++)
		p2v_policy_init(&r->v[i], &r->node, r->v[i].plugin, r->confs[i]);
	return rc;
}

static void drop_readers(struct readers *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->confs[i]);
	free(r->confs);
	free(r->v);
	p2v_node_fini(&r->node);
}

/* ---- the text ---- */

static bool is_http(const char *name)
{
	struct p2v_url u;

	return p2v_url_split(p2v_str_of(name), &u) == P2V_OK && p2v_url_is_http(&u);
}

static bool is_absolute(const char *name)
{
	struct p2v_url u;

	return p2v_url_split(p2v_str_of(name), &u) == P2V_OK && u.scheme.p;
}

static int fetch(const char *url, struct source *s, struct p2v_err *err)
{
	struct p2v_got got;
	int rc = p2v_http_get(url, P2V_MANIFEST_MAX, &got, err);

	if (rc < 0)
		return rc;
	if (got.status != 200) {
		rc = p2v_fail(err, P2V_EIO, "%s: answered with status %ld", url, got.status);
	} else {
		s->text = got.body;
		got.body = (struct p2v_text){ 0 };
		s->type = got.type;
		got.type = NULL;
		p2v_text_puts(&s->url, got.url);
	}
	p2v_got_fini(&got);
	return rc;
}

static int read_stream(FILE *f, const char *name, struct source *s, struct p2v_err *err)
{
	char block[16384];
	size_t n;

	errno = 0;
	while ((n = fread(block, 1, sizeof block, f)) > 0) {
		p2v_text_add(&s->text, block, n);
		if (s->text.n > P2V_MANIFEST_MAX)
			return p2v_fail(err, P2V_ELIMIT, "%s: larger than %u bytes", name,
				P2V_MANIFEST_MAX);
	}
	if (ferror(f))
		return p2v_fail(err, P2V_EIO, "%s: cannot be read: %s", name, strerror(errno));
	return P2V_OK;
}

/* A file's URL, so that relative URIs have something to be relative to. Bytes that a URL cannot
 * have are escaped. */
static void file_url(const char *path, struct p2v_text *out)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/"
		"-._~!$&'()*+,;=:@";
	char *absolute = realpath(path, NULL);

	p2v_text_puts(out, "file://");
	for (const char *c = absolute ? absolute : "/-"; *c; c++) {
		if (strchr(plain, *c))
			p2v_text_add(out, c, 1);
		else
			p2v_text_printf(out, "%%%02X", (unsigned char)*c);
	}
	free(absolute);
}

static int read_file(const char *name, struct source *s, struct p2v_err *err)
{
	bool standard = strcmp(name, "-") == 0;
	FILE *f = standard ? stdin : fopen(name, "rb");
	int rc;

	if (!f)
		return p2v_fail(err, P2V_EIO, "%s: cannot be opened: %s", name, strerror(errno));
	rc = read_stream(f, name, s, err);
	if (!standard)
		(void)fclose(f);
	file_url(standard ? "" : name, &s->url);
	return rc;
}

static int read_source(const char *name, const char *base, struct source *s, struct p2v_err *err)
{
	int rc = is_http(name) ? fetch(name, s, err) : read_file(name, s, err);

	if (rc == P2V_OK && base) {
		p2v_text_fini(&s->url);
		p2v_text_puts(&s->url, base);
	}
	if (rc == P2V_OK && (s->text.oom || s->url.oom))
		rc = p2v_fail(err, P2V_ENOMEM, "%s: no memory", name);
	return rc;
}

static void drop_source(struct source *s)
{
	p2v_text_fini(&s->text);
	p2v_text_fini(&s->url);
	free(s->type);
}

/* ---- the command ---- */

static int dump(const struct p2v_args *args, struct readers *r, struct p2v_err *err)
{
	const struct p2v_manifests all = { .v = r->v, .n = r->n };
	struct source s = { .type = NULL };
	struct p2v_text out = { 0 };
	struct p2v_doc *doc;
	struct p2v_err why;
	int rc = read_source(args->operands[0], p2v_args_get(args, "base"), &s, err);
	int code = P2V_EXIT_OK;

	if (rc == P2V_OK) {
		const struct p2v_doc_in in = { .text = { s.text.p ? s.text.p : "", s.text.n },
			.url = s.url.p,
			.type = p2v_str_of(s.type),
			.wall = (int64_t)time(NULL) * P2V_SECOND };

		rc = p2v_doc_parse(&all, &in, &doc, &why);
		if (rc < 0)
			(void)p2v_fail(err, rc, "%s: %s", args->operands[0], why.text);
	}
	if (rc == P2V_OK) {
		p2v_doc_json(doc, &out);
		p2v_text_puts(&out, "\n");
		code = p2v_args_print(args, &out);
		p2v_doc_free(doc);
	}
	p2v_text_fini(&out);
	drop_source(&s);
	return rc < 0 ? P2V_EXIT_FAILED : code;
}

static int run(const struct p2v_args *args)
{
	struct readers r = { .program = args->program->name };
	const char *base = p2v_args_get(args, "base");
	struct p2v_loader *ld = NULL;
	struct p2v_err err = { .code = P2V_OK };
	int code = P2V_EXIT_FAILED;

	if (base && !is_absolute(base))
		return p2v_args_wrong(args, "--base takes an absolute URL, not '%s'", base);
	if (p2v_loader_new(NULL, &ld, &err) == P2V_OK && load_readers(ld, &r, &err) == P2V_OK)
		code = dump(args, &r, &err);
	if (err.code < 0)
		(void)p2v_args_failed(args, &err);
	drop_readers(&r);
	p2v_loader_free(ld);
	return code;
}

static const struct p2v_switch switches[] = {
	{ "json", 'j', NULL, "Print one JSON object: the default, and the only form." },
	{ "base", 'b', "URL",
		"What relative URIs are relative to, instead of where the manifest came from." },
	{ NULL, 0, NULL, NULL }
};

static const struct p2v_example examples[] = {
	{ "peer2view manifest https://cdn.example/live/master.m3u8 --json | jq '.variants[].bw'",
		"The bit rates of a live stream." },
	{ "peer2view manifest index.m3u8 --base https://cdn.example/live/index.m3u8 --json",
		"A file, as if it came from there." },
	{ "curl -s URL | peer2view manifest - --base URL --json | jq .errors",
		"What was dropped or repaired." },
	{ NULL, NULL }
};

const struct p2v_command p2v_cmd_manifest = { .name = "manifest",
	.operands = "FILE|URL|-",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Tell what a manifest means",
	.about =
		"Reads a manifest with the plugin that fits best, and prints what it says in a form "
		"that is the same for every protocol: times in microseconds, URIs as written and "
		"resolved. What was dropped or repaired stands in the member errors. It fails, with "
		"one line that names the line or byte, when no plugin understands it.",
	.switches = switches,
	.examples = examples,
	.run = run };
