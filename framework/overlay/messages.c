/* messages.c - one codec for all messages, driven by the table that messages.def gives. */
#include "framework/overlay/messages.h"

#include <assert.h>

enum kind { U, B, BN };

struct field {
	const char *name;
	enum kind kind;
	uint32_t number;
	size_t offset;       /* of the value, or of v[] */
	size_t count_offset; /* of n, for BN */
	uint64_t min, max;
	size_t count;
};

struct message {
	const char *name;
	uint32_t number;
	size_t size;
	const struct field *fields;
	size_t n;
};

#define P2V_MESSAGE(name, number) static const struct field fields_##name[] = {
#define P2V_U(name, field, number, max) \
	{ #field, U, number, offsetof(struct p2v_msg_##name, field), 0, 0, max, 1 },
#define P2V_B(name, field, number, min, max) \
	{ #field, B, number, offsetof(struct p2v_msg_##name, field), 0, min, max, 1 },
#define P2V_BN(name, field, number, min, max, count)                    \
	{ #field, BN, number, offsetof(struct p2v_msg_##name, field.v), \
		offsetof(struct p2v_msg_##name, field.n), min, max, count },
#define P2V_END(name) \
	}             \
	;
#include "framework/overlay/messages.def"

static const struct message messages[] = {
#define P2V_MESSAGE(name, number)                                      \
	{ #name, number, sizeof(struct p2v_msg_##name), fields_##name, \
		sizeof fields_##name / sizeof *fields_##name },
#include "framework/overlay/messages.def"
};

/* Where each number's message stands in `messages`. */
enum place {
#define P2V_MESSAGE(name, number) AT_##name,
#include "framework/overlay/messages.def"
};

enum { NUMBERS = 64 };

static const uint8_t place_of[NUMBERS] = {
#define P2V_MESSAGE(name, number) [number] = AT_##name + 1,
#include "framework/overlay/messages.def"
};

static const struct message *find(uint64_t number)
{
	size_t at = number < NUMBERS ? place_of[number] : 0;

	return at ? &messages[at - 1] : NULL;
}

const char *p2v_msg_name(uint64_t number)
{
	const struct message *m = find(number);

	return m ? m->name : NULL;
}

static size_t count_of(const struct field *f, const void *msg)
{
	size_t n = 1;

	if (f->kind == BN)
		memcpy(&n, (const char *)msg + f->count_offset, sizeof n);
	return n;
}

static uint64_t number_at(const struct field *f, const void *msg)
{
	uint64_t v;

	memcpy(&v, (const char *)msg + f->offset, sizeof v);
	return v;
}

static struct p2v_bytes bytes_at(const struct field *f, const void *msg, size_t i)
{
	struct p2v_bytes v;

	memcpy(&v, (const char *)msg + f->offset + i * sizeof v, sizeof v);
	return v;
}

static void write_bytes(const struct field *f, struct p2v_bytes b, struct p2v_writer *w)
{
	assert(b.n >= f->min && b.n <= f->max);
	p2v_write_varint(w, f->number << 1 | 1);
	p2v_write_varint(w, b.n);
	p2v_write_bytes(w, b.p, b.n);
}

static void write_field(const struct field *f, const void *msg, struct p2v_writer *w)
{
	size_t n = count_of(f, msg);
	uint64_t v;

	switch (f->kind) {
	case U:
		v = number_at(f, msg);
		assert(v <= f->max);
		if (v == 0)
			break;
		p2v_write_varint(w, f->number << 1);
		p2v_write_varint(w, v);
		break;
	case B:
		if (bytes_at(f, msg, 0).n > 0 || f->min > 0)
			write_bytes(f, bytes_at(f, msg, 0), w);
		break;
	case BN:
		assert(n <= f->count);
		for (size_t i = 0; i < n; i++)
			write_bytes(f, bytes_at(f, msg, i), w);
		break;
	}
}

void p2v_msg_write_body(enum p2v_message number, const void *msg, struct p2v_writer *w)
{
	const struct message *m = find(number);

	assert(m);
	for (size_t k = 0; k < m->n; k++)
		write_field(&m->fields[k], msg, w);
}

void p2v_msg_write(enum p2v_message number, const void *msg, struct p2v_writer *w)
{
	uint8_t *head = w->p;
	struct p2v_writer body;
	size_t n;

	if (w->full || p2v_writer_left(w) < P2V_MESSAGE_HEAD) {
		w->full = true;
		return;
	}
	body = p2v_writer_of(head + P2V_MESSAGE_HEAD, p2v_writer_left(w) - P2V_MESSAGE_HEAD);
	p2v_msg_write_body(number, msg, &body);
	n = p2v_written(&body);
	if (body.full || n > P2V_MESSAGE_MAX) {
		w->full = true;
		return;
	}
	p2v_write_varint(w, number);
	p2v_write_varint(w, n);
	memmove(w->p, body.start, n);
	w->p += n;
}

static int read_number(const struct message *m, const struct field *f, uint64_t v, void *out,
	size_t *seen, struct p2v_err *err)
{
	if (v > f->max)
		return p2v_fail(err, P2V_EPROTO, "%s: field %s is %llu, above %llu", m->name,
			f->name, (unsigned long long)v, (unsigned long long)f->max);
	memcpy((char *)out + f->offset + *seen * sizeof v, &v, sizeof v);
	++*seen;
	return P2V_OK;
}

static int read_bytes(const struct message *m, const struct field *f, struct p2v_bytes b, void *out,
	size_t *seen, struct p2v_err *err)
{
	if (b.n < f->min || b.n > f->max)
		return p2v_fail(err, P2V_EPROTO,
			"%s: field %s has %zu bytes, %llu to %llu are allowed", m->name, f->name,
			b.n, (unsigned long long)f->min, (unsigned long long)f->max);
	memcpy((char *)out + f->offset + *seen * sizeof b, &b, sizeof b);
	++*seen;
	return P2V_OK;
}

/* @return where the field of that number stands; m->n: m has none */
static size_t field_of(const struct message *m, uint64_t number)
{
	size_t k = 0;

	if (number - 1 < m->n && m->fields[number - 1].number == number) /* nearly all are so */
		return (size_t)number - 1;
	while (k < m->n && m->fields[k].number != number)
		k++;
	return k;
}

/* Read one field's value; m's own goes to out, another's is skipped. */
static int read_field(const struct message *m, uint64_t tag, struct p2v_reader *r, void *out,
	size_t *seen, struct p2v_err *err)
{
	size_t k = field_of(m, tag >> 1);
	const struct field *f = &m->fields[k];
	bool is_bytes = tag & 1;
	uint64_t v = p2v_read_varint(r);
	struct p2v_bytes b = { NULL, 0 };

	if (is_bytes && !r->bad) {
		b.n = v > p2v_reader_left(r) ? SIZE_MAX : (size_t)v;
		b.p = p2v_read_bytes(r, b.n);
	}
	if (r->bad)
		return p2v_fail(err, P2V_EPROTO, "%s: cut short", m->name);
	if (k == m->n)
		return P2V_OK;
	if ((f->kind != U) != is_bytes)
		return p2v_fail(
			err, P2V_EPROTO, "%s: field %s is of the wrong kind", m->name, f->name);
	if (seen[k] >= f->count)
		return p2v_fail(err, P2V_EPROTO, "%s: field %s stands more than %zu times", m->name,
			f->name, f->count);
	return is_bytes ? read_bytes(m, f, b, out, &seen[k], err)
			: read_number(m, f, v, out, &seen[k], err);
}

int p2v_msg_read(uint64_t number, struct p2v_bytes body, union p2v_msg *out, struct p2v_err *err)
{
	const struct message *m = find(number);
	struct p2v_reader r = p2v_reader_of(body.p, body.n);
	size_t seen[8] = { 0 };
	int rc;

	if (!m)
		return p2v_fail(
			err, P2V_ENOENT, "message %llu is unknown", (unsigned long long)number);
	assert(m->n <= sizeof seen / sizeof seen[0]);
	memset(out, 0, m->size);
	while (p2v_reader_left(&r) > 0) {
		uint64_t tag = p2v_read_varint(&r);

		if ((rc = read_field(m, tag, &r, out, seen, err)) < 0)
			return rc;
	}
	for (size_t k = 0; k < m->n; k++) {
		const struct field *f = &m->fields[k];

		if (f->kind == B && f->min > 0 && seen[k] == 0)
			return p2v_fail(
				err, P2V_EPROTO, "%s: field %s is missing", m->name, f->name);
		if (f->kind == BN)
			memcpy((char *)out + f->count_offset, &seen[k], sizeof seen[k]);
	}
	return P2V_OK;
}

ptrdiff_t p2v_msg_next(
	struct p2v_bytes in, uint64_t *number, struct p2v_bytes *body, struct p2v_err *err)
{
	struct p2v_reader r = p2v_reader_of(in.p, in.n);
	uint64_t n;

	*number = p2v_read_varint(&r);
	n = p2v_read_varint(&r);
	if (r.bad)
		return 0;
	if (n > P2V_MESSAGE_MAX)
		return p2v_fail(err, P2V_EPROTO, "a message of %llu bytes is too long",
			(unsigned long long)n);
	if (p2v_reader_left(&r) < n)
		return 0;
	*body = (struct p2v_bytes){ r.p, (size_t)n };
	return r.p + n - in.p;
}

void p2v_msg_dump(enum p2v_message number, const void *msg, struct p2v_text *out)
{
	const struct message *m = find(number);

	assert(m);
	p2v_text_printf(out, "%s{", m->name);
	for (size_t k = 0; k < m->n; k++) {
		const struct field *f = &m->fields[k];

		for (size_t i = 0; i < count_of(f, msg); i++) {
			p2v_text_printf(out, "%s%s=", k || i ? " " : "", f->name);
			if (f->kind == U) {
				p2v_text_printf(out, "%llu", (unsigned long long)number_at(f, msg));
			} else {
				struct p2v_bytes b = bytes_at(f, msg, i);

				for (size_t j = 0; j < b.n; j++)
					p2v_text_printf(out, "%02x", b.p[j]);
			}
		}
	}
	p2v_text_puts(out, "}");
}

void p2v_msg_document(struct p2v_text *out)
{
	static const char *const kinds[] = { "integer", "bytes", "list of bytes" };

	p2v_text_puts(out,
		"| message | no. | field | no. | kind | bounds |\n|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		const struct message *m = &messages[i];

		for (size_t k = 0; k < m->n; k++) {
			const struct field *f = &m->fields[k];

			p2v_text_printf(out, "| %s | %u | %s | %u | %s | ", k ? "" : m->name,
				m->number, f->name, f->number, kinds[f->kind]);
			if (f->kind != U)
				p2v_text_printf(out, "%llu to %llu bytes",
					(unsigned long long)f->min, (unsigned long long)f->max);
			else
				p2v_text_printf(out, "at most %llu", (unsigned long long)f->max);
			if (f->count > 1)
				p2v_text_printf(out, ", at most %zu times", f->count);
			p2v_text_puts(out, " |\n");
		}
	}
}
