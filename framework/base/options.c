/* options.c - binding text to conf structs by their option tables. */
#include "framework/base/options.h"

#include <string.h>

const struct p2v_option *p2v_option_at(
	const struct p2v_option *table, uint32_t stride, size_t i, struct p2v_option *copy)
{
	const char *at;

	if (!table)
		return NULL;
	at = (const char *)table + i * stride;
	if (stride == sizeof *copy)
		return ((const struct p2v_option *)(const void *)at)->name ? (const void *)at
									   : NULL;
	memset(copy, 0, sizeof *copy);
	memcpy(copy, at, stride < sizeof *copy ? stride : sizeof *copy);
	return copy->name ? copy : NULL;
}

const struct p2v_option *p2v_option_find(
	const struct p2v_option *table, uint32_t stride, const char *name, struct p2v_option *copy)
{
	const struct p2v_option *o;

	for (size_t i = 0; (o = p2v_option_at(table, stride, i, copy)); i++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

const char *p2v_option_nearest(const struct p2v_option *table, uint32_t stride, const char *name)
{
	const char *one[2] = { NULL, NULL }, *best = NULL;
	unsigned least = UINT32_MAX;
	struct p2v_option copy;
	const struct p2v_option *o;

	for (size_t i = 0; (o = p2v_option_at(table, stride, i, &copy)); i++) {
		one[0] = o->name;
		if (p2v_text_nearest(name, one)) {
			unsigned d = p2v_text_distance(name, o->name, 64);

			if (d < least) {
				least = d;
				best = o->name;
			}
		}
	}
	return best;
}

size_t p2v_option_size(const struct p2v_option *o)
{
	switch (o->type) {
	case P2V_T_BOOL: return sizeof(bool);
	case P2V_T_U32:
	case P2V_T_ENUM: return sizeof(uint32_t);
	case P2V_T_U64: return sizeof(uint64_t);
	case P2V_T_USEC: return sizeof(p2v_usec);
	case P2V_T_REAL: return sizeof(double);
	case P2V_T_TEXT: return sizeof(const char *);
	}
	return 0;
}

static int bad_range(const struct p2v_option *o, const char *text, bool above, struct p2v_err *err)
{
	struct p2v_text t = { 0 };

	p2v_option_range_text(o, &t);
	(void)p2v_fail(err, P2V_ECONF, "%s is %s the range %s", text, above ? "above" : "below",
		t.p ? t.p : "");
	p2v_text_fini(&t);
	return P2V_ECONF;
}

static int bad_type(const struct p2v_option *o, const char *text, struct p2v_err *err)
{
	struct p2v_text t = { 0 };

	p2v_option_type_text(o, &t);
	(void)p2v_fail(err, P2V_ECONF, "'%s' is not %s", text, t.p ? t.p : "right");
	p2v_text_fini(&t);
	return P2V_ECONF;
}

static int set_number(
	const struct p2v_option *o, char *field, const char *text, struct p2v_err *err)
{
	struct p2v_str s = p2v_str_of(text);
	uint64_t u = 0;
	p2v_usec us = 0;
	double d = 0;
	int rc;

	if (o->type == P2V_T_USEC) {
		rc = p2v_parse_usec(s, *o->unit ? o->unit : "us", &us);
		d = (double)us;
	} else if (o->type == P2V_T_REAL) {
		rc = p2v_parse_real(s, &d);
	} else {
		rc = p2v_parse_size(s, &u);
		d = (double)u;
	}
	if (rc < 0)
		return bad_type(o, text, err);
	if (o->type == P2V_T_U32 && u > UINT32_MAX) /* whatever the table promises */
		return bad_range(o, text, true, err);
	if (d < o->min || d > o->max)
		return bad_range(o, text, d > o->max, err);
	if (o->type == P2V_T_USEC)
		memcpy(field, &us, sizeof us);
	else if (o->type == P2V_T_REAL)
		memcpy(field, &d, sizeof d);
	else if (o->type == P2V_T_U64)
		memcpy(field, &u, sizeof u);
	else
		memcpy(field, &(uint32_t){ (uint32_t)u }, sizeof(uint32_t));
	return P2V_OK;
}

static int set_enum(const struct p2v_option *o, char *field, const char *text, struct p2v_err *err)
{
	for (uint32_t i = 0; o->choices && o->choices[i]; i++) {
		if (strcmp(o->choices[i], text) == 0) {
			memcpy(field, &i, sizeof i);
			return P2V_OK;
		}
	}
	return bad_type(o, text, err);
}

int p2v_option_set(const struct p2v_option *o, void *conf, const char *text, struct p2v_err *err)
{
	char *field = (char *)conf + o->offset;
	size_t n = strlen(text);
	bool b;

	switch (o->type) {
	case P2V_T_BOOL:
		if (p2v_parse_bool(p2v_str_of(text), &b) < 0)
			return bad_type(o, text, err);
		memcpy(field, &b, sizeof b);
		return P2V_OK;
	case P2V_T_TEXT:
		if ((double)n < o->min || (double)n > o->max)
			return p2v_fail(err, P2V_ECONF,
				"a text of %zu bytes, %.0f to %.0f are allowed", n, o->min, o->max);
		memcpy(field, &text, sizeof text);
		return P2V_OK;
	case P2V_T_ENUM: return set_enum(o, field, text, err);
	case P2V_T_U32:
	case P2V_T_U64:
	case P2V_T_USEC:
	case P2V_T_REAL: return set_number(o, field, text, err);
	}
	return p2v_fail(err, P2V_EABI, "option %s has type %d, which this host does not know",
		o->name, (int)o->type);
}

int p2v_options_default(
	const struct p2v_option *table, uint32_t stride, void *conf, struct p2v_err *err)
{
	const struct p2v_option *o;
	struct p2v_option copy;

	for (size_t i = 0; (o = p2v_option_at(table, stride, i, &copy)); i++) {
		struct p2v_err why;
		struct p2v_option free_length = *o;

		free_length.min =
			o->type == P2V_T_TEXT
				? 0
				: o->min; /* a text that must be given is empty until then */
		if (p2v_option_set(&free_length, conf, o->dflt, &why) < 0)
			return p2v_fail(err, P2V_ECONF, "option %s: its own default: %s", o->name,
				why.text);
	}
	return P2V_OK;
}

void p2v_option_type_text(const struct p2v_option *o, struct p2v_text *out)
{
	switch (o->type) {
	case P2V_T_BOOL: p2v_text_puts(out, "yes or no"); break;
	case P2V_T_U32:
	case P2V_T_U64: p2v_text_puts(out, "a whole number (like 1200, 64k or 4Mi)"); break;
	case P2V_T_USEC: p2v_text_puts(out, "a length of time (like 250ms, 1.5s or 10m)"); break;
	case P2V_T_REAL: p2v_text_puts(out, "a number (like 0.7)"); break;
	case P2V_T_TEXT: p2v_text_puts(out, "a text"); break;
	case P2V_T_ENUM:
		p2v_text_puts(out, "one of");
		for (size_t i = 0; o->choices && o->choices[i]; i++)
			p2v_text_printf(out, "%s %s", i ? "," : "", o->choices[i]);
		break;
	}
}

static void add_bound(const struct p2v_option *o, double v, struct p2v_text *out)
{
	if (o->type == P2V_T_USEC && v >= 1e6)
		p2v_text_printf(out, "%.15gs", v / 1e6);
	else if (o->type == P2V_T_USEC && v >= 1e3)
		p2v_text_printf(out, "%gms", v / 1e3);
	else if (o->type == P2V_T_USEC)
		p2v_text_printf(out, "%gus", v);
	else if (o->type == P2V_T_REAL)
		p2v_text_printf(out, "%g", v);
	else
		p2v_text_printf(out, "%.0f", v);
}

void p2v_option_range_text(const struct p2v_option *o, struct p2v_text *out)
{
	if (o->type == P2V_T_BOOL || o->type == P2V_T_TEXT || o->type == P2V_T_ENUM)
		return;
	add_bound(o, o->min, out);
	p2v_text_puts(out, " to ");
	add_bound(o, o->max, out);
}
