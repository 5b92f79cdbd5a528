/* abi.c - the load rule. Every refusal is a sentence of its own with both numbers. */
#include "framework/host/abi.h"

#include <stdlib.h>
#include <string.h>

#include <peer2view/cache.h>
#include <peer2view/cc.h>
#include <peer2view/manifest.h>
#include <peer2view/player.h>
#include <peer2view/registry.h>
#include <peer2view/select.h>
#include "framework/base/options.h"
#include "framework/base/policy.h"

#define CONF_MAX    (1u << 20)  /* [B] */
#define STATE_MAX   (64u << 20) /* [B] */
#define OPTIONS_MAX 256u
#define ALIGN       16u /* [B] as calloc aligns */

/* Descriptors begin with as many bytes as version 1.0 had; an honest plugin has no fewer. */
#define FIRST_PLUGIN_SIZE (offsetof(struct p2v_plugin, ops) + sizeof(const void *))
#define FIRST_OPTION_SIZE (offsetof(struct p2v_option, choices) + sizeof(const char *const *))

/* The one table of what a plugin must have; what is not here may be NULL. */
/* clang-format off */
#define OP(K, f) { #f, offsetof(struct p2v_##K##_ops, f) }
#define OP_END   { NULL, 0 }
/* clang-format on */
static const struct p2v_abi_op manifest_ops[] = { OP(manifest, probe), OP(manifest, parse),
	OP_END };
static const struct p2v_abi_op select_ops[] = { OP(select, open), OP(select, partners),
	OP(select, sources), OP(select, fetchers), OP_END };
static const struct p2v_abi_op cc_ops[] = { OP(cc, open), OP(cc, on_ack), OP(cc, on_loss),
	OP(cc, view), OP_END };
static const struct p2v_abi_op cache_ops[] = { OP(cache, open), OP(cache, ahead), OP(cache, keep),
	OP_END };
static const struct p2v_abi_op player_ops[] = { OP(player, match), OP(player, open),
	OP(player, on_request), OP(player, on_served), OP(player, due), OP(player, view), OP_END };
static const struct p2v_abi_op registry_ops[] = { OP(registry, open), OP(registry, close),
	OP(registry, put), OP(registry, drop), OP(registry, sample), OP(registry, count), OP_END };

static const struct p2v_abi_kind own_kinds[] = {
	{ P2V_KIND_MANIFEST, P2V_MANIFEST_ABI, sizeof(struct p2v_manifest_ops), manifest_ops },
	{ P2V_KIND_SELECT, P2V_SELECT_ABI, sizeof(struct p2v_select_ops), select_ops },
	{ P2V_KIND_CC, P2V_CC_ABI, sizeof(struct p2v_cc_ops), cc_ops },
	{ P2V_KIND_CACHE, P2V_CACHE_ABI, sizeof(struct p2v_cache_ops), cache_ops },
	{ P2V_KIND_PLAYER, P2V_PLAYER_ABI, sizeof(struct p2v_player_ops), player_ops },
	{ P2V_KIND_REGISTRY, P2V_REGISTRY_ABI, sizeof(struct p2v_registry_ops), registry_ops },
	{ 0, 0, 0, NULL }
};

static const struct p2v_abi own = { P2V_ABI_MAJOR, P2V_ABI_MINOR, sizeof(struct p2v_plugin),
	own_kinds };

const struct p2v_abi *p2v_abi_own(void)
{
	return &own;
}

/* What may be read before the size is known to be enough: the four frozen fields. */
static int check_frozen(const struct p2v_abi *host, const struct p2v_plugin *raw, const char *file,
	struct p2v_err *err)
{
	if (raw->magic != P2V_MAGIC)
		return p2v_fail(err, P2V_EABI,
			"%s: its magic number is 0x%08x, a peer2view plugin has 0x%08x", file,
			raw->magic, P2V_MAGIC);
	if (raw->abi_major != host->major)
		return p2v_fail(err, P2V_EABI,
			"%s: made for plugin ABI %u.%u, this host speaks %u.%u: the major versions "
			"must be equal",
			file, raw->abi_major, raw->abi_minor, host->major, host->minor);
	if (raw->abi_minor > host->minor)
		return p2v_fail(err, P2V_EABI,
			"%s: made for plugin ABI %u.%u, newer than this host's %u.%u", file,
			raw->abi_major, raw->abi_minor, host->major, host->minor);
	if (raw->size < FIRST_PLUGIN_SIZE)
		return p2v_fail(err, P2V_EABI,
			"%s: its descriptor has %u bytes, the shortest that ABI %u.0 knows has %zu",
			file, raw->size, host->major, FIRST_PLUGIN_SIZE);
	return P2V_OK;
}

static const struct p2v_abi_kind *find_kind(const struct p2v_abi *host, uint32_t kind)
{
	for (const struct p2v_abi_kind *k = host->kinds; k->kind; k++)
		if (k->kind == kind)
			return k;
	return NULL;
}

static int check_kind(const struct p2v_abi *host, const struct p2v_plugin *p, uint32_t kind,
	const char *file, const struct p2v_abi_kind **out, struct p2v_err *err)
{
	const struct p2v_abi_kind *k = find_kind(host, p->kind);

	if (!k) {
		uint32_t most = 0;

		for (k = host->kinds; k->kind; k++)
			most = k->kind > most ? k->kind : most;
		return p2v_fail(err, P2V_EABI,
			"%s: it is of kind number %u, which this host does not know (its highest "
			"is %u)",
			file, p->kind, most);
	}
	if (p->kind != kind)
		return p2v_fail(err, P2V_EABI,
			"%s: it is of kind %s (number %u), its file name says %s (number %u)", file,
			p2v_kind_name(p->kind), p->kind, p2v_kind_name(kind), kind);
	if (p->kind_abi != k->abi)
		return p2v_fail(err, P2V_EABI,
			"%s: made for version %u of kind %s, this host drives version %u", file,
			p->kind_abi, p2v_kind_name(kind), k->abi);
	*out = k;
	return P2V_OK;
}

static int check_texts(
	const struct p2v_plugin *p, const char *name, const char *file, struct p2v_err *err)
{
	const struct {
		const char *what, *text;
	} texts[] = { { "version", p->version }, { "summary", p->summary }, { "source", p->source },
		{ "license", p->license } };

	if (!p->name || strcmp(p->name, name) != 0)
		return p2v_fail(err, P2V_EABI,
			"%s: it calls itself '%.40s', its file name says '%s'", file,
			p->name ? p->name : "", name);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (!texts[i].text)
			return p2v_fail(err, P2V_EABI, "%s: its descriptor lacks the text '%s'",
				file, texts[i].what);
	if (p->conf_size > CONF_MAX)
		return p2v_fail(err, P2V_EABI,
			"%s: it wants %llu bytes of options, at most %u are given", file,
			(unsigned long long)p->conf_size, CONF_MAX);
	if (p->state_size > STATE_MAX)
		return p2v_fail(err, P2V_EABI,
			"%s: it wants %llu bytes of state, at most %u are given", file,
			(unsigned long long)p->state_size, STATE_MAX);
	return P2V_OK;
}

static int check_option(const struct p2v_option *o, uint64_t conf_size, struct p2v_err *err)
{
	size_t size = p2v_option_size(o);

	for (const char *c = o->name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_'))
			return p2v_fail(err, P2V_EABI,
				"option '%.40s' has a name with more than small letters, digits and "
				"underscores in it",
				o->name);
	if (!o->unit || !o->dflt || !o->help)
		return p2v_fail(
			err, P2V_EABI, "option %.40s lacks its unit, default or help", o->name);
	if (size == 0)
		return p2v_fail(err, P2V_EABI,
			"option %.40s has type %d, which this host does not know", o->name,
			(int)o->type);
	if (o->offset % size != 0 || conf_size < size || o->offset > conf_size - size)
		return p2v_fail(err, P2V_EABI,
			"option %.40s lies at byte %u of a struct of %llu bytes", o->name,
			o->offset, (unsigned long long)conf_size);
	if (o->type == P2V_T_ENUM && (!o->choices || !o->choices[0]))
		return p2v_fail(err, P2V_EABI, "option %.40s has no choices", o->name);
	return P2V_OK;
}

int p2v_abi_options(
	const struct p2v_option *table, uint32_t stride, uint64_t conf_size, struct p2v_err *err)
{
	struct p2v_option copy, other;
	const struct p2v_option *o;
	void *conf;
	int rc;

	if (!table)
		return P2V_OK;
	if (stride < FIRST_OPTION_SIZE || stride % sizeof(void *) != 0)
		return p2v_fail(err, P2V_EABI,
			"its options have %u bytes each, at least %zu are due", stride,
			FIRST_OPTION_SIZE);
	for (size_t i = 0; (o = p2v_option_at(table, stride, i, &copy)); i++) {
		if (i >= OPTIONS_MAX)
			return p2v_fail(err, P2V_EABI, "its option table does not end after %u",
				OPTIONS_MAX);
		rc = check_option(o, conf_size, err);
		if (rc < 0)
			return rc;
		for (size_t k = 0; k < i; k++)
			if (strcmp(p2v_option_at(table, stride, k, &other)->name, o->name) == 0)
				return p2v_fail(
					err, P2V_EABI, "option %.40s stands twice", o->name);
	}
	conf = calloc(1, conf_size ? (size_t)conf_size : 1);
	if (!conf)
		return p2v_fail(err, P2V_ENOMEM, "no memory");
	rc = p2v_options_default(table, stride, conf, err);
	free(conf);
	return rc < 0 ? P2V_EABI : P2V_OK;
}

/* Copy what both sides know; out is zeroed. */
static void take(void *out, size_t ours, const void *theirs, size_t size)
{
	memcpy(out, theirs, size < ours ? size : ours);
}

static int take_ops(const struct p2v_abi_kind *k, struct p2v_plugin *p, void *ops, const char *file,
	struct p2v_err *err)
{
	uint32_t size;

	if (!p->ops.any)
		return p2v_fail(err, P2V_EABI, "%s: it has no operations", file);
	memcpy(&size, p->ops.any, sizeof size);
	take(ops, k->ops_size, p->ops.any, size);
	for (const struct p2v_abi_op *op = k->mandatory; op->name; op++) {
		void (*fn)(void);

		memcpy(&fn, (const char *)ops + op->offset, sizeof fn);
		if (!fn)
			return p2v_fail(err, P2V_EABI,
				"%s: the operation '%s', which kind %s must have, is missing (its "
				"operations have %u bytes, the host's %zu)",
				file, op->name, p2v_kind_name(k->kind), size, k->ops_size);
	}
	p->ops.any = ops;
	return P2V_OK;
}

int p2v_abi_take(const struct p2v_abi *host, const struct p2v_plugin *raw, uint32_t kind,
	const char *name, const char *file, struct p2v_plugin **out, struct p2v_err *err)
{
	size_t room = (host->plugin_size + ALIGN - 1) / ALIGN * ALIGN;
	const struct p2v_abi_kind *k = NULL;
	struct p2v_plugin *p = NULL, head;
	struct p2v_err why;
	int rc = check_frozen(host, raw, file, err);

	if (rc < 0)
		return rc;
	memset(&head, 0, sizeof head);
	take(&head, sizeof head, raw, raw->size);
	rc = check_kind(host, &head, kind, file, &k, err);
	if (rc == P2V_OK)
		rc = check_texts(&head, name, file, err);
	if (rc < 0)
		return rc;
	rc = p2v_abi_options(head.options, head.option_size, head.conf_size, &why);
	if (rc < 0)
		return p2v_fail(err, rc, "%s: %s", file, why.text);
	p = calloc(1, room + k->ops_size);
	if (!p)
		return p2v_fail(err, P2V_ENOMEM, "%s: no memory", file);
	take(p, host->plugin_size, raw, raw->size);
	rc = take_ops(k, p, (char *)p + room, file, err);
	if (rc < 0) {
		free(p);
		return rc;
	}
	*out = p;
	return P2V_OK;
}
