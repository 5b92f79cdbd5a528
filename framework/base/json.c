/* json.c - writing JSON (RFC 8259). */
#include "framework/base/json.h"

static void lead(struct p2v_json *j, const char *key)
{
	if (j->comma)
		p2v_text_puts(j->out, ",");
	j->comma = false;
	if (key) {
		p2v_json_text(j, NULL, key);
		p2v_text_puts(j->out, ":");
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

void p2v_json_str(struct p2v_json *j, const char *key, struct p2v_str v)
{
	const unsigned char *s = (const unsigned char *)v.p;

	lead(j, key);
	p2v_text_puts(j->out, "\"");
	for (size_t i = 0; i < v.n;) {
		size_t k = p2v_utf8((struct p2v_str){ v.p + i, v.n - i });

		if (k == 0) {
			p2v_text_puts(j->out, "\xef\xbf\xbd");
			k = 1;
		} else if (s[i] == '"' || s[i] == '\\') {
			p2v_text_printf(j->out, "\\%c", s[i]);
		} else if (s[i] == '\n') {
			p2v_text_puts(j->out, "\\n");
		} else if (s[i] < ' ' || s[i] == 127) {
			p2v_text_printf(j->out, "\\u%04x", s[i]);
		} else {
			p2v_text_add(j->out, v.p + i, k);
		}
		i += k;
	}
	p2v_text_puts(j->out, "\"");
}

void p2v_json_text(struct p2v_json *j, const char *key, const char *v)
{
	p2v_json_str(j, key, p2v_str_of(v));
}

void p2v_json_u64(struct p2v_json *j, const char *key, uint64_t v)
{
	lead(j, key);
	p2v_text_printf(j->out, "%llu", (unsigned long long)v);
}

void p2v_json_i64(struct p2v_json *j, const char *key, int64_t v)
{
	lead(j, key);
	p2v_text_printf(j->out, "%lld", (long long)v);
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
