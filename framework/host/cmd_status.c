/* cmd_status.c - peer2view status: what a running node says of itself, for people or as it is. It
 * knows no member by name: whatever the node tells is shown. */
#include "framework/host/commands.h"

#include <string.h>

#include <jansson.h>

#include "framework/host/http_get.h"

#define ANSWER_MAX (16u << 20) /* [B] */
#define COLUMNS    16u
#define DEPTH_MAX  8u

/* ---- a table ---- */

static bool is_scalar(const json_t *v)
{
	return !json_is_object(v) && !json_is_array(v);
}

/* @return a printf-like text of a scalar, cut to size */
static const char *scalar_text(const json_t *v, char *to, size_t size)
{
	switch (json_typeof(v)) {
	case JSON_STRING: (void)snprintf(to, size, "%s", json_string_value(v)); break;
	case JSON_INTEGER:
		(void)snprintf(to, size, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL: (void)snprintf(to, size, "%.3f", json_real_value(v)); break;
	case JSON_TRUE: (void)snprintf(to, size, "yes"); break;
	case JSON_FALSE: (void)snprintf(to, size, "no"); break;
	default: (void)snprintf(to, size, "-"); break;
	}
	for (char *c = to; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	return to;
}

/* " (12.3 MB)" behind a number of bytes that is long to read. */
static void put_scale(struct p2v_text *out, const char *key, const json_t *v)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };
	double n = json_is_integer(v) ? (double)json_integer_value(v) : 0;
	size_t i = 0;

	if (!strstr(key, "bytes") || n < 10000)
		return;
	for (n /= 1000; n >= 1000 && i < 3; i++)
		n /= 1000;
	p2v_text_printf(out, "  (%.1f %s)", n, units[i]);
}

static void indent(struct p2v_text *out, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		p2v_text_puts(out, "  ");
}

/* Whether all are objects of scalars: then they are rows. */
static bool is_table(json_t *array)
{
	size_t i;
	json_t *row, *cell;
	const char *key;

	json_array_foreach (array, i, row) {
		if (!json_is_object(row))
			return false;
		json_object_foreach (row, key, cell)
			if (!is_scalar(cell))
				return false;
	}
	return json_array_size(array) > 0;
}

/* Columns are the members of the first row. */
static void put_table(struct p2v_text *out, json_t *array, unsigned depth)
{
	const char *names[COLUMNS], *key;
	int width[COLUMNS];
	char text[64];
	size_t n = 0, i;
	json_t *row, *cell;

	json_object_foreach (json_array_get(array, 0), key, cell) {
		if (n == COLUMNS)
			break;
		width[n] = (int)strlen(key);
		names[n++] = key;
	}
	json_array_foreach (array, i, row) {
		for (size_t k = 0; k < n; k++) {
			int w = (int)strlen(
				scalar_text(json_object_get(row, names[k]), text, sizeof text));

			width[k] = w > width[k] ? w : width[k];
		}
	}
	indent(out, depth);
	for (size_t k = 0; k < n; k++)
		p2v_text_printf(out, "%-*s%s", width[k], names[k], k + 1 < n ? "  " : "\n");
	json_array_foreach (array, i, row) {
		indent(out, depth);
		for (size_t k = 0; k < n; k++)
			p2v_text_printf(out, "%-*s%s", width[k],
				scalar_text(json_object_get(row, names[k]), text, sizeof text),
				k + 1 < n ? "  " : "\n");
	}
}

static void put_object(struct p2v_text *out, json_t *object, unsigned depth);

static void put_array(struct p2v_text *out, json_t *array, unsigned depth)
{
	size_t i;
	json_t *v;
	char text[256];

	if (is_table(array)) {
		put_table(out, array, depth);
		return;
	}
	json_array_foreach (array, i, v) {
		indent(out, depth);
		p2v_text_printf(out, "%zu:", i + 1);
		if (is_scalar(v)) {
			p2v_text_printf(out, " %s\n", scalar_text(v, text, sizeof text));
			continue;
		}
		p2v_text_puts(out, "\n");
		if (json_is_object(v))
			put_object(out, v, depth + 1);
		else if (depth < DEPTH_MAX)
			put_array(out, v, depth + 1);
	}
}

/* Numbers and words first, so that they stand together; then what has parts of its own. */
static void put_object(struct p2v_text *out, json_t *object, unsigned depth)
{
	const char *key;
	json_t *v;
	char text[256];
	int width = 0;

	if (depth > DEPTH_MAX)
		return;
	json_object_foreach (object, key, v)
		if (is_scalar(v) && (int)strlen(key) > width)
			width = (int)strlen(key);
	json_object_foreach (object, key, v) {
		if (!is_scalar(v))
			continue;
		indent(out, depth);
		p2v_text_printf(out, "%-*s  %s", width, key, scalar_text(v, text, sizeof text));
		put_scale(out, key, v);
		p2v_text_puts(out, "\n");
	}
	json_object_foreach (object, key, v) {
		if (is_scalar(v))
			continue;
		indent(out, depth);
		p2v_text_printf(out, "%s:\n", key);
		if (json_is_object(v))
			put_object(out, v, depth + 1);
		else
			put_array(out, v, depth + 1);
	}
}

/* ---- the command ---- */

static int fetch(const char *base, struct p2v_got *got, struct p2v_err *err)
{
	struct p2v_text url = { 0 };
	struct p2v_str at = p2v_str_of(base);
	int rc;

	while (at.n && at.p[at.n - 1] == '/')
		at.n--;
	p2v_text_str(&url, at);
	p2v_text_puts(&url, "/stats.json");
	if (url.oom)
		return p2v_fail(err, P2V_ENOMEM, "no memory");
	rc = p2v_http_get(url.p, ANSWER_MAX, got, err);
	if (rc == P2V_OK && got->status != 200) {
		rc = p2v_fail(err, P2V_EIO, "%s: answered with status %ld", url.p, got->status);
		p2v_got_fini(got);
	}
	p2v_text_fini(&url);
	return rc;
}

static int run(const struct p2v_args *args)
{
	const char *base = p2v_args_get(args, "url");
	struct p2v_text text = { 0 };
	struct p2v_err err;
	struct p2v_got got;
	json_error_t bad;
	json_t *root;
	int code;

	if (fetch(base ? base : "http://127.0.0.1:8780", &got, &err) < 0)
		return p2v_args_failed(args, &err);
	root = json_loadb(got.body.p ? got.body.p : "", got.body.n, JSON_REJECT_DUPLICATES, &bad);
	if (!json_is_object(root)) {
		(void)p2v_fail(&err, P2V_EPARSE, "%s: the answer is no JSON object%s%s", got.url,
			root ? "" : ": ", root ? "" : bad.text);
		code = p2v_args_failed(args, &err);
	} else if (p2v_args_get(args, "json")) {
		p2v_text_puts(&got.body, got.body.p[got.body.n - 1] == '\n' ? "" : "\n");
		code = p2v_args_print(args, &got.body);
	} else {
		put_object(&text, root, 0);
		code = p2v_args_print(args, &text);
	}
	json_decref(root);
	p2v_text_fini(&text);
	p2v_got_fini(&got);
	return code;
}

static const struct p2v_switch switches[] = {
	{ "json", 'j', NULL, "Print the answer as it came, one JSON object." },
	{ "url", 'u', "URL", "Where the node listens; the default is http://127.0.0.1:8780." },
	{ NULL, 0, NULL, NULL }
};

static const struct p2v_example examples[] = { { "peer2view status",
						       "The agent on this machine, as tables." },
	{ "peer2view status --json | jq keys", "What there is, for a script." },
	{ "watch -n 1 peer2view status", "Every second." }, { NULL, NULL } };

const struct p2v_command p2v_cmd_status = { .name = "status",
	.operands = "",
	.summary = "Tell how a running node fares",
	.about =
		"Asks the node for /stats.json and prints it as tables. It fails when the node does "
		"not answer.",
	.switches = switches,
	.examples = examples,
	.run = run };
