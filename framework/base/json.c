/* json.c - writing JSON (RFC 8259). */
#include "framework/base/json.h"

static void lead(struct p2v_json *j, const char *key)
{
	if (j->comma)
		p2v_text_add(j->out, ",", 1);
	j->comma = false;
	if (key) {
		p2v_json_text(j, NULL, key);
		p2v_text_add(j->out, ":", 1);
	}
	j->comma = true;
}

void p2v_json_open(struct p2v_json *j, const char *key, char bracket)
{
	lead(j, key);
	p2v_text_add(j->out, &bracket, 1);
	j->comma = false;
}

void p2v_json_close(struct p2v_json *j, char bracket)
{
	p2v_text_add(j->out, &bracket, 1);
	j->comma = true;
}

static bool plain(unsigned char c)
{
	return c >= ' ' && c < 127 && c != '"' && c != '\\';
}

/* One character that is not plain. @return [B] how much of s it is */
static size_t add_escaped(struct p2v_text *out, const unsigned char *s, size_t n)
{
	size_t k = p2v_utf8((struct p2v_str){ (const char *)s, n });

	if (k == 0)
		p2v_text_puts(out, "\xef\xbf\xbd");
	else if (s[0] == '"' || s[0] == '\\')
		p2v_text_printf(out, "\\%c", s[0]);
	else if (s[0] == '\n')
		p2v_text_puts(out, "\\n");
	else if (s[0] < ' ' || s[0] == 127)
		p2v_text_printf(out, "\\u%04x", s[0]);
	else
		p2v_text_add(out, (const char *)s, k);
	return k ? k : 1;
}

void p2v_json_str(struct p2v_json *j, const char *key, struct p2v_str v)
{
	const unsigned char *s = (const unsigned char *)v.p;

	lead(j, key);
	p2v_text_add(j->out, "\"", 1);
	for (size_t i = 0; i < v.n;) {
		size_t run = 0;

		while (i + run < v.n && plain(s[i + run]))
			run++;
		if (run)
			p2v_text_add(j->out, v.p + i, run);
		i += run;
		if (i < v.n)
			i += add_escaped(j->out, s + i, v.n - i);
	}
	p2v_text_add(j->out, "\"", 1);
}

void p2v_json_text(struct p2v_json *j, const char *key, const char *v)
{
	p2v_json_str(j, key, p2v_str_of(v));
}

/* Numbers are most of a long dump: printf would take most of its time. */
static void add_u64(struct p2v_text *out, uint64_t v)
{
	char b[20];
	size_t i = sizeof b;

	do
		b[--i] = (char)('0' + v % 10);
	while (v /= 10);
	p2v_text_add(out, b + i, sizeof b - i);
}

void p2v_json_u64(struct p2v_json *j, const char *key, uint64_t v)
{
	lead(j, key);
	add_u64(j->out, v);
}

void p2v_json_i64(struct p2v_json *j, const char *key, int64_t v)
{
	lead(j, key);
	if (v < 0)
		p2v_text_add(j->out, "-", 1);
	add_u64(j->out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void p2v_json_real(struct p2v_json *j, const char *key, double v, int decimals)
{
	lead(j, key);
	if (v - v != 0)
		p2v_text_puts(j->out, "null");
	else
		p2v_text_printf(j->out, "%.*f", decimals, v);
}

void p2v_json_bool(struct p2v_json *j, const char *key, bool v)
{
	lead(j, key);
	p2v_text_puts(j->out, v ? "true" : "false");
}
