/* ini.c - inih, with what it lets pass made an error. inih cuts lines at a length that was fixed
 * when it was built, shortens the names of sections, reads indented lines as more of the value
 * above, skips what it does not understand and goes on; so each line is looked at before inih gets
 * it, and the first thing that is wrong ends the reading. */
#include <config.h>

#include "framework/host/ini.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ini.h>

#include "framework/base/text.h"

#define NAME_SIZE 49u /* [B] most of a section's name that every build of inih keeps */

#define SECTIONS_MAX 1024u

struct reader {
	struct p2v_ini *ini;
	struct p2v_str rest; /* what was not read yet */
	unsigned line;       /* of what was read last */
	int code;            /* P2V_OK, or why reading ended */
	struct p2v_err *err;
};

static P2V_PRINTF(2, 3) int fail_at(struct reader *r, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->code = p2v_fail(r->err, P2V_ECONF, "%s:%u: %s", r->ini->file, r->line, text);
	return r->code;
}

static int no_memory(struct reader *r)
{
	r->code = p2v_fail(r->err, P2V_ENOMEM, "%s: no memory", r->ini->file);
	return r->code;
}

static int check_bytes(struct reader *r, struct p2v_str line)
{
	while (line.n) {
		size_t k = p2v_utf8(line);

		if (k == 0)
			return fail_at(r, "byte 0x%02x is not UTF-8", (unsigned char)line.p[0]);
		if (k == 1 && ((unsigned char)line.p[0] < ' ' || line.p[0] == 127) &&
			line.p[0] != '\t')
			return fail_at(
				r, "a control character, byte 0x%02x", (unsigned char)line.p[0]);
		line.p += k;
		line.n -= k;
	}
	return P2V_OK;
}

/* Make room for one more of `size` bytes. @return the array, NULL: no memory */
static void *grow(void *v, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? 2 * *cap : 8;

	if (n < *cap)
		return v;
	v = realloc(v, more * size);
	if (v)
		*cap = more;
	return v;
}

static int add_section(struct reader *r, struct p2v_str name, struct p2v_str arg)
{
	struct p2v_ini *ini = r->ini;
	struct p2v_ini_section *v, *s;

	for (size_t i = 0; i < ini->n; i++) {
		s = &ini->sections[i];
		if (p2v_str_is(name, s->name) && (s->arg ? p2v_str_is(arg, s->arg) : arg.p == NULL))
			return fail_at(r, "section [%.*s%s%.*s] stands in line %u already",
				P2V_STR(name), arg.p ? " " : "", P2V_STR(arg), s->line);
	}
	if (ini->n >= SECTIONS_MAX)
		return fail_at(r, "more than %u sections", SECTIONS_MAX);
	v = grow(ini->sections, ini->n, &ini->cap, sizeof *v);
	if (!v)
		return no_memory(r);
	ini->sections = v;
	s = &v[ini->n++];
	*s = (struct p2v_ini_section){
		.name = p2v_str_dup(name), .arg = arg.p ? p2v_str_dup(arg) : NULL, .line = r->line
	};
	return s->name && (s->arg || !arg.p) ? P2V_OK : no_memory(r);
}

static bool is_comment(struct p2v_str s)
{
	return s.n && (s.p[0] == ';' || s.p[0] == '#');
}

/* [name], [name arg]; behind it at most a comment. */
static int read_section(struct reader *r, struct p2v_str line)
{
	size_t end = p2v_str_find(line, ']'), blank;
	struct p2v_str name, arg = { NULL, 0 }, behind;

	if (end == line.n)
		return fail_at(r, "']' is missing behind the section's name");
	behind = p2v_str_trim((struct p2v_str){ line.p + end + 1, line.n - end - 1 });
	if (behind.n && !is_comment(behind))
		return fail_at(r, "there is text behind the section's ']'");
	name = p2v_str_trim((struct p2v_str){ line.p + 1, end - 1 });
	if (name.n == 0)
		return fail_at(r, "a section without a name");
	if (name.n > NAME_SIZE)
		return fail_at(r, "a section's name of %zu bytes, at most %u are taken", name.n,
			NAME_SIZE);
	for (blank = 0; blank < name.n && name.p[blank] != ' ' && name.p[blank] != '\t';)
		blank++;
	if (blank < name.n) {
		arg = p2v_str_trim((struct p2v_str){ name.p + blank, name.n - blank });
		name.n = blank;
	}
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == ';' || name.p[i] == '#')
			return fail_at(r, "'%c' in a section's name", name.p[i]);
	for (size_t i = 0; i < arg.n; i++)
		if (strchr(" \t;#", arg.p[i]))
			return fail_at(r, "a blank, ';' or '#' in the name '%.*s'", P2V_STR(arg));
	return add_section(r, name, arg);
}

/* What inih would skip without a word. */
static int check_key(struct reader *r, struct p2v_str line)
{
	size_t eq = p2v_str_find(line, '='), colon = p2v_str_find(line, ':');
	struct p2v_str key = p2v_str_trim((struct p2v_str){ line.p, eq });

	if (eq == line.n)
		return fail_at(r, "'=' is missing: a line is KEY = VALUE, [SECTION] or a comment");
	if (colon < eq)
		return fail_at(r, "':' before the '=': a line is KEY = VALUE");
	if (key.n == 0)
		return fail_at(r, "no key before the '='");
	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] == ';' || key.p[i] == ' ' || key.p[i] == '\t')
			return fail_at(r, "a blank or ';' in the key '%.*s'", P2V_STR(key));
	if (r->ini->n == 0)
		return fail_at(r, "key '%.*s' stands before the first [SECTION]", P2V_STR(key));
	return P2V_OK;
}

static int check_line(struct reader *r, struct p2v_str line)
{
	int rc = check_bytes(r, line);

	if (rc < 0 || line.n == 0 || is_comment(line))
		return rc;
	return line.p[0] == '[' ? read_section(r, line) : check_key(r, line);
}

/* inih's fgets: one line into at most `size` bytes with its end; NULL ends the reading. */
static char *next_line(char *to, int size, void *stream)
{
	struct reader *r = stream;
	struct p2v_str line;

	if (r->code != P2V_OK || !p2v_str_split(&r->rest, '\n', &line))
		return NULL;
	if (r->line++ == 0 && p2v_str_starts(line, "\xef\xbb\xbf")) {
		line.p += 3;
		line.n -= 3;
	}
	line = p2v_str_trim(line);
	if (check_line(r, line) < 0)
		return NULL;
	if (line.n + 3 > (size_t)size) {
		if (!is_comment(line)) {
			(void)fail_at(
				r, "a line of %zu bytes, at most %d are taken", line.n, size - 3);
			return NULL;
		}
		line.n = 0;
	}
	if (line.n)
		memcpy(to, line.p, line.n);
	to[line.n] = '\n';
	to[line.n + 1] = 0;
	return to;
}

/* inih's handler. @return 1 to go on */
static int take_entry(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;
	struct p2v_ini_section *s;
	struct p2v_ini_entry *v;

	(void)section; /* next_line saw it whole; inih may have cut it */
	if (r->code != P2V_OK)
		return 0;
	if (!key || !value)
		return 1; /* some builds tell sections too */
	s = &r->ini->sections[r->ini->n - 1];
	v = grow(s->entries, s->n, &s->cap, sizeof *v);
	if (!v) {
		(void)no_memory(r);
		return 0;
	}
	s->entries = v;
	v = &s->entries[s->n++];
	*v = (struct p2v_ini_entry){ p2v_str_dup(p2v_str_of(key)), p2v_str_dup(p2v_str_of(value)),
		r->line };
	if (!v->key || !v->value)
		(void)no_memory(r);
	return r->code == P2V_OK;
}

int p2v_ini_parse(const char *file, struct p2v_str text, struct p2v_ini **out, struct p2v_err *err)
{
	struct reader r = { .ini = calloc(1, sizeof *r.ini), .rest = text, .err = err };
	int bad;

	if (!r.ini)
		return p2v_fail(err, P2V_ENOMEM, "%s: no memory", file);
	r.ini->file = p2v_str_dup(p2v_str_of(file));
	if (!r.ini->file) {
		free(r.ini);
		return p2v_fail(err, P2V_ENOMEM, "%s: no memory", file);
	}
	bad = ini_parse_stream(next_line, &r, take_entry, &r);
	if (r.code == P2V_OK && bad) {
		r.line = bad > 0 ? (unsigned)bad : r.line;
		(void)fail_at(&r, "inih does not take this line");
	}
	if (r.code < 0) {
		p2v_ini_free(r.ini);
		return r.code;
	}
	*out = r.ini;
	return P2V_OK;
}

static int read_all(FILE *f, const char *file, struct p2v_text *text, struct p2v_err *err)
{
	char block[4096];
	size_t n;

	while ((n = fread(block, 1, sizeof block, f)) > 0) {
		p2v_text_add(text, block, n);
		if (text->n > P2V_INI_MAX)
			return p2v_fail(
				err, P2V_EIO, "%s: larger than %u bytes", file, P2V_INI_MAX);
	}
	if (ferror(f))
		return p2v_fail(err, P2V_EIO, "%s: cannot be read: %s", file, strerror(errno));
	return text->oom ? p2v_fail(err, P2V_ENOMEM, "%s: no memory", file) : P2V_OK;
}

int p2v_ini_read(const char *file, struct p2v_ini **out, struct p2v_err *err)
{
	FILE *f = fopen(file, "r");
	struct p2v_text text = { 0 };
	struct stat st;
	int rc;

	if (!f)
		return p2v_fail(err, P2V_EIO, "%s: cannot be opened: %s", file, strerror(errno));
	if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode))
		rc = p2v_fail(err, P2V_EIO, "%s: is a folder, not a file", file);
	else
		rc = read_all(f, file, &text, err);
	(void)fclose(f);
	if (rc == P2V_OK)
		rc = p2v_ini_parse(
			file, (struct p2v_str){ text.p ? text.p : "", text.n }, out, err);
	p2v_text_fini(&text);
	return rc;
}

/* ---- keys from the command line ---- */

static int bad_set(const char *text, struct p2v_err *err, const char *why)
{
	return p2v_fail(err, P2V_ECONF, "--set %.100s: %s", text, why);
}

/* The section of that name, made where it is not there. @return NULL: no memory */
static struct p2v_ini_section *section_for(struct reader *r, struct p2v_str title)
{
	struct p2v_str name = title, arg = { NULL, 0 };
	size_t blank = p2v_str_find(title, ' ');

	if (blank < title.n) {
		name.n = blank;
		arg = p2v_str_trim((struct p2v_str){ title.p + blank, title.n - blank });
	}
	for (size_t i = 0; i < r->ini->n; i++) {
		struct p2v_ini_section *s = &r->ini->sections[i];

		if (p2v_str_is(name, s->name) && (s->arg ? p2v_str_is(arg, s->arg) : !arg.p))
			return s;
	}
	return add_section(r, name, arg) < 0 ? NULL : &r->ini->sections[r->ini->n - 1];
}

static void forget(struct p2v_ini_section *s, struct p2v_str key)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (p2v_str_is(key, s->entries[i].key)) {
			free(s->entries[i].key);
			free(s->entries[i].value);
		} else {
			s->entries[kept++] = s->entries[i];
		}
	}
	s->n = kept;
}

static int put_entry(
	struct reader *r, struct p2v_str title, struct p2v_str key, struct p2v_str value)
{
	struct p2v_ini_section *s = section_for(r, title);
	struct p2v_ini_entry *v;

	if (!s)
		return r->code;
	forget(s, key);
	v = grow(s->entries, s->n, &s->cap, sizeof *v);
	if (!v)
		return no_memory(r);
	s->entries = v;
	v = &s->entries[s->n++];
	*v = (struct p2v_ini_entry){ p2v_str_dup(key), p2v_str_dup(value), r->line };
	return v->key && v->value ? P2V_OK : no_memory(r);
}

static int keep_set(struct p2v_ini *ini, const char *text, struct p2v_err *err)
{
	char **v = realloc(ini->sets, (ini->n_sets + 1) * sizeof(char *));

	if (v) {
		ini->sets = v;
		v[ini->n_sets] = p2v_str_dup(p2v_str_of(text));
	}
	if (!v || !v[ini->n_sets])
		return p2v_fail(err, P2V_ENOMEM, "--set: no memory");
	ini->n_sets++;
	return P2V_OK;
}

int p2v_ini_set(struct p2v_ini *ini, const char *text, struct p2v_err *err)
{
	struct reader r = { .ini = ini, .err = err };
	struct p2v_str all = p2v_str_of(text), title, key;
	size_t eq = p2v_str_find(all, '='), dot = eq;
	int rc;

	if (eq == all.n)
		return bad_set(text, err, "there is no '=': it wants SECTION.KEY=VALUE");
	while (dot > 0 && text[dot - 1] != '.')
		dot--;
	if (dot == 0)
		return bad_set(text, err, "there is no section: it wants SECTION.KEY=VALUE");
	title = p2v_str_trim((struct p2v_str){ text, dot - 1 });
	key = p2v_str_trim((struct p2v_str){ text + dot, eq - dot });
	if (!title.n || !key.n)
		return bad_set(text, err, "it wants SECTION.KEY=VALUE");
	if (title.n > NAME_SIZE || all.n > 1000)
		return bad_set(text, err, "it is too long");
	rc = keep_set(ini, text, err);
	r.line = P2V_INI_SETS + (unsigned)ini->n_sets - 1;
	if (rc < 0 || check_bytes(&r, all) < 0)
		return rc < 0 ? rc : bad_set(text, err, "it is no text");
	rc = put_entry(
		&r, title, key, p2v_str_trim((struct p2v_str){ text + eq + 1, all.n - eq - 1 }));
	return rc < 0 ? rc : P2V_OK;
}

void p2v_ini_free(struct p2v_ini *ini)
{
	if (!ini)
		return;
	for (size_t i = 0; i < ini->n_sets; i++)
		free(ini->sets[i]);
	free(ini->sets);
	for (size_t i = 0; i < ini->n; i++) {
		struct p2v_ini_section *s = &ini->sections[i];

		for (size_t k = 0; k < s->n; k++) {
			free(s->entries[k].key);
			free(s->entries[k].value);
		}
		free(s->entries);
		free(s->name);
		free(s->arg);
	}
	free(ini->sections);
	free(ini->file);
	free(ini);
}
