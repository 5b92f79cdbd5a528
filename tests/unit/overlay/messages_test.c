/* messages_test.c - the codec of messages, driven by the very table that it was made of: each
 * message with each of its bounds kept and broken. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdlib.h>

#include "framework/base/random.h"
#include "framework/overlay/messages.h"

TestSuite(messages, .timeout = 120);

/* ---- the table, as this test reads it ---- */

enum kind { NUMBER, BYTES, LIST };

struct field {
	const char *name;
	enum kind kind;
	uint64_t number, min, max;
	size_t count, at, n_at;
};

struct message {
	const char *name;
	enum p2v_message number;
	size_t size, n;
	const struct field *fields;
};

#define P2V_MESSAGE(name, number) static const struct field name##_fields[] = {
#define P2V_U(name, field, number, max) \
	{ #field, NUMBER, number, 0, max, 1, offsetof(struct p2v_msg_##name, field), 0 },
#define P2V_B(name, field, number, min, max) \
	{ #field, BYTES, number, min, max, 1, offsetof(struct p2v_msg_##name, field), 0 },
#define P2V_BN(name, field, number, min, max, count)                                       \
	{ #field, LIST, number, min, max, count, offsetof(struct p2v_msg_##name, field.v), \
		offsetof(struct p2v_msg_##name, field.n) },
#define P2V_END(name) \
	}             \
	;
#include "framework/overlay/messages.def"

static const struct message table[] = {
#define P2V_MESSAGE(name, number)                               \
	{ #name, P2V_MSG_##name, sizeof(struct p2v_msg_##name), \
		sizeof name##_fields / sizeof *name##_fields, name##_fields },
#include "framework/overlay/messages.def"
};
enum { MESSAGES = sizeof table / sizeof *table, ROOM = P2V_MESSAGE_HEAD + P2V_MESSAGE_MAX };

/* Any bytes that a field may show, so long as they are not all alike. */
static const uint8_t *pattern(void)
{
	static uint8_t p[8192];

	for (size_t i = 0; i < sizeof p; i++)
		p[i] = (uint8_t)(i * 7 + i / 256);
	return p;
}

static void *at(void *msg, size_t offset)
{
	return (char *)msg + offset;
}

static void set(const struct field *f, void *msg, size_t i, uint64_t v)
{
	struct p2v_bytes b = { v ? pattern() + i : NULL, (size_t)v };

	if (f->kind == NUMBER)
		memcpy(at(msg, f->at), &v, sizeof v);
	else
		memcpy(at(msg, f->at + i * sizeof b), &b, sizeof b);
}

static void set_count(const struct field *f, void *msg, size_t n)
{
	if (f->kind == LIST)
		memcpy(at(msg, f->n_at), &n, sizeof n);
}

static size_t count(const struct field *f, const void *msg)
{
	size_t n = 1;

	if (f->kind == LIST)
		memcpy(&n, (const char *)msg + f->n_at, sizeof n);
	return n;
}

/* The least that a message can be. */
static void least(const struct message *m, void *msg)
{
	memset(msg, 0, sizeof(union p2v_msg));
	for (size_t k = 0; k < m->n; k++)
		if (m->fields[k].kind != LIST)
			set(&m->fields[k], msg, 0, m->fields[k].min);
}

static void fill_field(const struct field *f, void *msg, uint64_t v, size_t n)
{
	for (size_t i = 0; i < (f->kind == LIST ? n : 1); i++)
		set(f, msg, i, v);
	set_count(f, msg, n);
}

static void most(const struct message *m, void *msg)
{
	memset(msg, 0, sizeof(union p2v_msg));
	for (size_t k = 0; k < m->n; k++)
		fill_field(&m->fields[k], msg, m->fields[k].max, m->fields[k].count);
}

static bool equal(const struct message *m, const void *a, const void *b)
{
	for (size_t k = 0; k < m->n; k++) {
		const struct field *f = &m->fields[k];

		if (count(f, a) != count(f, b))
			return false;
		for (size_t i = 0; i < count(f, a); i++) {
			const char *p = (const char *)a + f->at, *q = (const char *)b + f->at;
			struct p2v_bytes x, y;

			if (f->kind == NUMBER && memcmp(p, q, 8) != 0)
				return false;
			if (f->kind == NUMBER)
				continue;
			memcpy(&x, p + i * sizeof x, sizeof x);
			memcpy(&y, q + i * sizeof y, sizeof y);
			if (x.n != y.n || (x.n && memcmp(x.p, y.p, x.n) != 0))
				return false;
		}
	}
	return true;
}

static size_t write_all(const struct message *m, const void *msg, uint8_t out[ROOM])
{
	struct p2v_writer w = p2v_writer_of(out, ROOM);

	p2v_msg_write(m->number, msg, &w);
	cr_assert(!w.full, "%s does not fit", m->name);
	return p2v_written(&w);
}

static size_t write_body(const struct message *m, const void *msg, uint8_t out[ROOM])
{
	struct p2v_writer w = p2v_writer_of(out, ROOM);

	p2v_msg_write_body(m->number, msg, &w);
	cr_assert(!w.full, "%s does not fit", m->name);
	return p2v_written(&w);
}

/* What was written is read the same, and written the same again. */
static void round_trip(const struct message *m, const void *msg)
{
	static uint8_t out[ROOM], again[ROOM];
	struct p2v_bytes body;
	union p2v_msg got;
	struct p2v_err err;
	uint64_t number;
	size_t n = write_all(m, msg, out);

	cr_assert_eq(
		p2v_msg_next((struct p2v_bytes){ out, n }, &number, &body, &err), (ptrdiff_t)n);
	cr_assert_eq(number, m->number);
	cr_assert_eq(p2v_msg_read(number, body, &got, &err), P2V_OK, "%s", err.text);
	cr_assert(equal(m, msg, &got), "%s", m->name);
	cr_assert_eq(write_all(m, &got, again), n);
	cr_assert_arr_eq(out, again, n);
}

/* Reading these fields gives this sentence. */
static void refused(const struct message *m, const struct p2v_writer *w, const char *fmt, ...)
{
	union p2v_msg got;
	struct p2v_err err = { P2V_OK, "" };
	char want[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(want, sizeof want, fmt, ap);
	va_end(ap);
	cr_assert(!w->full);
	cr_assert_eq(
		p2v_msg_read(m->number, (struct p2v_bytes){ w->start, p2v_written(w) }, &got, &err),
		P2V_EPROTO, "%s: %s", m->name, want);
	cr_assert_eq(err.code, P2V_EPROTO);
	cr_assert_str_eq(err.text, want);
}

static void put_number(struct p2v_writer *w, uint64_t field, uint64_t v)
{
	p2v_write_varint(w, field << 1);
	p2v_write_varint(w, v);
}

static void put_bytes(struct p2v_writer *w, uint64_t field, size_t n)
{
	p2v_write_varint(w, field << 1 | 1);
	p2v_write_varint(w, n);
	p2v_write_bytes(w, pattern(), n);
}

/* ---- what is kept ---- */

Test(messages, each_at_its_least_and_at_its_most)
{
	union p2v_msg msg;

	for (size_t i = 0; i < MESSAGES; i++) {
		least(&table[i], &msg);
		round_trip(&table[i], &msg);
		most(&table[i], &msg);
		round_trip(&table[i], &msg);
	}
}

Test(messages, each_field_alone_at_its_bounds)
{
	union p2v_msg msg;

	for (size_t i = 0; i < MESSAGES; i++)
		for (size_t k = 0; k < table[i].n; k++) {
			const struct field *f = &table[i].fields[k];

			least(&table[i], &msg);
			fill_field(f, &msg, f->max, f->count);
			round_trip(&table[i], &msg);
			fill_field(f, &msg, f->min, f->count);
			round_trip(&table[i], &msg);
			fill_field(f, &msg, f->max, f->kind == LIST ? 0 : 1);
			round_trip(&table[i], &msg);
			least(&table[i], &msg);
			fill_field(f, &msg, f->min < f->max ? f->min + 1 : f->max, 1);
			round_trip(&table[i], &msg);
		}
}

static uint64_t draw(struct p2v_random *r, uint64_t min, uint64_t max)
{
	/* Of any order of magnitude, as a varint has four sizes. */
	uint64_t span = (max - min) >> p2v_random_below(r, 62);

	return min + p2v_random_below(r, span + 1);
}

Test(messages, random_values)
{
	struct p2v_random r;
	union p2v_msg msg;

	p2v_random_init(&r, 1, "messages");
	for (int turn = 0; turn < 200; turn++)
		for (size_t i = 0; i < MESSAGES; i++) {
			memset(&msg, 0, sizeof msg);
			for (size_t k = 0; k < table[i].n; k++) {
				const struct field *f = &table[i].fields[k];
				size_t n = (size_t)p2v_random_below(&r, f->count + 1);

				for (size_t j = 0; j < (f->kind == LIST ? n : 1); j++)
					set(f, &msg, j, draw(&r, f->min, f->max));
				set_count(f, &msg, n);
			}
			round_trip(&table[i], &msg);
		}
}

Test(messages, one_behind_the_other)
{
	static uint8_t stream[4096];
	struct p2v_writer w = p2v_writer_of(stream, sizeof stream);
	union p2v_msg msg;
	size_t off = 0;

	for (size_t i = 0; i < MESSAGES; i++) {
		least(&table[i], &msg);
		p2v_msg_write(table[i].number, &msg, &w);
	}
	cr_assert(!w.full);
	for (size_t i = 0; i < MESSAGES; i++) {
		struct p2v_bytes body;
		struct p2v_err err;
		uint64_t number;
		ptrdiff_t n = p2v_msg_next(
			(struct p2v_bytes){ stream + off, p2v_written(&w) - off }, &number, &body,
			&err);

		cr_assert_gt(n, 0);
		cr_assert_eq(number, table[i].number);
		cr_assert_str_eq(p2v_msg_name(number), table[i].name);
		off += (size_t)n;
	}
	cr_assert_eq(off, p2v_written(&w));
}

/* ---- what is not known is skipped ---- */

Test(messages, unknown_fields_are_skipped_wherever_they_stand)
{
	static uint8_t body[ROOM], with[ROOM];
	union p2v_msg msg, got;
	struct p2v_err err;

	for (size_t i = 0; i < MESSAGES; i++) {
		struct p2v_writer w = p2v_writer_of(with, sizeof with);
		size_t n;

		least(&table[i], &msg);
		n = write_body(&table[i], &msg, body);
		put_number(&w, 63, 5);
		put_bytes(&w, 1000000, 300);
		p2v_write_bytes(&w, body, n);
		put_bytes(&w, 63, 0);
		put_number(&w, P2V_VARINT_MAX >> 1, P2V_VARINT_MAX);
		cr_assert(!w.full);
		cr_assert_eq(p2v_msg_read(table[i].number,
				     (struct p2v_bytes){ with, p2v_written(&w) }, &got, &err),
			P2V_OK, "%s", err.text);
		cr_assert(equal(&table[i], &msg, &got), "%s", table[i].name);
	}
}

Test(messages, unknown_messages_are_told_apart)
{
	union p2v_msg got;
	struct p2v_err err;

	cr_assert_eq(
		p2v_msg_read(999, (struct p2v_bytes){ pattern(), 100 }, &got, &err), P2V_ENOENT);
	cr_assert_str_eq(err.text, "message 999 is unknown");
	cr_assert_null(p2v_msg_name(999));
	cr_assert_null(p2v_msg_name(0));
}

Test(messages, fields_in_any_order)
{
	uint8_t b[200];
	struct p2v_writer w = p2v_writer_of(b, sizeof b);
	union p2v_msg got;
	struct p2v_err err;

	put_number(&w, 4, 1000);
	put_number(&w, 1, 16);
	put_number(&w, 2, 4);
	cr_assert_eq(
		p2v_msg_read(P2V_MSG_refused, (struct p2v_bytes){ b, p2v_written(&w) }, &got, &err),
		P2V_OK);
	cr_assert(got.refused.number == 16 && got.refused.code == 4 && got.refused.retry == 1000);
	cr_assert_eq(got.refused.text.n, 0);
}

/* ---- what breaks a bound ---- */

/* All that a message must have, but for one field. */
static struct p2v_writer without(const struct message *m, size_t left_out, uint8_t out[ROOM])
{
	struct p2v_writer w = p2v_writer_of(out, ROOM);

	for (size_t k = 0; k < m->n; k++)
		if (k != left_out && m->fields[k].kind == BYTES && m->fields[k].min > 0)
			put_bytes(&w, m->fields[k].number, (size_t)m->fields[k].min);
	return w;
}

static void break_number(const struct message *m, size_t k)
{
	static uint8_t b[ROOM];
	const struct field *f = &m->fields[k];
	struct p2v_writer w = without(m, k, b);

	if (f->max < P2V_VARINT_MAX) {
		put_number(&w, f->number, f->max + 1);
		refused(m, &w, "%s: field %s is %llu, above %llu", m->name, f->name,
			(unsigned long long)f->max + 1, (unsigned long long)f->max);
	}
	w = without(m, k, b);
	put_number(&w, f->number, 0);
	put_number(&w, f->number, 0);
	refused(m, &w, "%s: field %s stands more than 1 times", m->name, f->name);
	w = without(m, k, b);
	put_bytes(&w, f->number, 1);
	refused(m, &w, "%s: field %s is of the wrong kind", m->name, f->name);
}

static void break_bytes(const struct message *m, size_t k)
{
	static uint8_t b[2 * ROOM];
	const struct field *f = &m->fields[k];
	unsigned long long min = f->min, max = f->max;
	struct p2v_writer w = without(m, k, b);

	put_bytes(&w, f->number, (size_t)max + 1);
	refused(m, &w, "%s: field %s has %llu bytes, %llu to %llu are allowed", m->name, f->name,
		max + 1, min, max);
	w = without(m, k, b);
	if (min > 0) {
		put_bytes(&w, f->number, (size_t)min - 1);
		refused(m, &w, "%s: field %s has %llu bytes, %llu to %llu are allowed", m->name,
			f->name, min - 1, min, max);
	}
	w = p2v_writer_of(b, sizeof b);
	for (size_t i = 0; i <= f->count; i++)
		put_bytes(&w, f->number, (size_t)min);
	refused(m, &w, "%s: field %s stands more than %zu times", m->name, f->name, f->count);
	w = without(m, k, b);
	put_number(&w, f->number, 1);
	refused(m, &w, "%s: field %s is of the wrong kind", m->name, f->name);
	w = without(m, k, b);
	if (f->kind == BYTES && min > 0)
		refused(m, &w, "%s: field %s is missing", m->name, f->name);
}

Test(messages, each_bound_that_is_broken_has_its_sentence)
{
	for (size_t i = 0; i < MESSAGES; i++)
		for (size_t k = 0; k < table[i].n; k++) {
			if (table[i].fields[k].kind == NUMBER)
				break_number(&table[i], k);
			else
				break_bytes(&table[i], k);
		}
}

/* Where a body of messages ends too early: never more is read than is there. */
Test(messages, truncated_at_every_byte)
{
	static uint8_t body[ROOM];
	union p2v_msg msg, got;
	struct p2v_err err;

	for (size_t i = 0; i < MESSAGES; i++) {
		size_t n, step;

		most(&table[i], &msg);
		n = write_body(&table[i], &msg, body);
		step = n > 8000 ? 7
				: 1; /* a prime, so that each place within a field has its turn */
		for (size_t cut = 0; cut < n; cut += step) {
			/* The bytes lie at the end of an allocation, for a sanitizer to watch. */
			uint8_t *p = malloc(cut ? cut : 1);
			int rc;

			cr_assert(p);
			memcpy(p, body, cut);
			rc = p2v_msg_read(
				table[i].number, (struct p2v_bytes){ p, cut }, &got, &err);
			cr_assert(rc == P2V_OK || rc == P2V_EPROTO);
			cr_assert(rc == P2V_OK || strstr(err.text, "cut short") ||
					  strstr(err.text, "is missing"),
				"%s", err.text);
			cr_assert(rc != P2V_OK || !equal(&table[i], &msg, &got));
			free(p);
		}
	}
}

Test(messages, not_whole_yet)
{
	static uint8_t out[ROOM];
	union p2v_msg msg;
	struct p2v_bytes body;
	struct p2v_err err;
	uint64_t number;

	for (size_t i = 0; i < MESSAGES; i++) {
		size_t n;

		most(&table[i], &msg);
		n = write_all(&table[i], &msg, out);
		for (size_t cut = 0; cut < n; cut++)
			cr_assert_eq(
				p2v_msg_next((struct p2v_bytes){ out, cut }, &number, &body, &err),
				0, "%s at %zu of %zu", table[i].name, cut, n);
	}
}

Test(messages, too_long)
{
	uint8_t b[16];
	struct p2v_writer w = p2v_writer_of(b, sizeof b);
	struct p2v_bytes body;
	struct p2v_err err;
	uint64_t number;

	p2v_write_varint(&w, 35);
	p2v_write_varint(&w, P2V_MESSAGE_MAX);
	cr_assert_eq(
		p2v_msg_next((struct p2v_bytes){ b, p2v_written(&w) }, &number, &body, &err), 0);
	w = p2v_writer_of(b, sizeof b);
	p2v_write_varint(&w, 35);
	p2v_write_varint(&w, P2V_MESSAGE_MAX + 1);
	cr_assert_eq(p2v_msg_next((struct p2v_bytes){ b, p2v_written(&w) }, &number, &body, &err),
		P2V_EPROTO);
	cr_assert_str_eq(err.text, "a message of 36865 bytes is too long");
	w = p2v_writer_of(b, sizeof b);
	p2v_write_varint(&w, P2V_VARINT_MAX);
	p2v_write_varint(&w, P2V_VARINT_MAX);
	cr_assert_eq(p2v_msg_next((struct p2v_bytes){ b, p2v_written(&w) }, &number, &body, &err),
		P2V_EPROTO);
}

/* A length within a field that reaches far beyond the end, as far as a number can. */
Test(messages, lengths_that_lie)
{
	uint64_t lies[] = { 1, 63, 1 << 20, UINT64_C(1) << 32, P2V_VARINT_MAX };
	union p2v_msg got;
	struct p2v_err err;

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		uint8_t b[32];
		struct p2v_writer w = p2v_writer_of(b, sizeof b);

		p2v_write_varint(&w, 99 << 1 | 1);
		p2v_write_varint(&w, lies[i]);
		cr_assert_eq(p2v_msg_read(P2V_MSG_gone, (struct p2v_bytes){ b, p2v_written(&w) },
				     &got, &err),
			P2V_EPROTO);
		cr_assert_str_eq(err.text, "gone: cut short");
	}
}

/* ---- writing ---- */

Test(messages, a_writer_that_is_too_small_is_full)
{
	static uint8_t out[ROOM];
	union p2v_msg msg;

	for (size_t i = 0; i < MESSAGES; i++) {
		size_t n;

		most(&table[i], &msg);
		n = write_all(&table[i], &msg, out);
		for (size_t cap = 0; cap<n; cap += n> 4000 ? 101 : 1) {
			struct p2v_writer w = p2v_writer_of(out, cap);

			p2v_msg_write(table[i].number, &msg, &w);
			cr_assert(w.full, "%s in %zu of %zu", table[i].name, cap, n);
			cr_assert_eq(p2v_written(&w), 0, "nothing, rather than a part");
		}
	}
}

Test(messages, a_number_beyond_its_bound_is_never_written, .signal = SIGABRT)
{
	struct p2v_msg_request q = { .key = { pattern(), 32 }, .priority = 4001 };
	uint8_t out[200];
	struct p2v_writer w = p2v_writer_of(out, sizeof out);

	p2v_msg_write(P2V_MSG_request, &q, &w);
}

Test(messages, a_field_that_must_be_there_is_never_left_out, .signal = SIGABRT)
{
	struct p2v_msg_request q = { .priority = 1 };
	uint8_t out[200];
	struct p2v_writer w = p2v_writer_of(out, sizeof out);

	p2v_msg_write(P2V_MSG_request, &q, &w);
}

Test(messages, a_list_beyond_its_bound_is_never_written, .signal = SIGABRT)
{
	struct p2v_msg_gone q = { .keys = { .n = 33 } };
	uint8_t out[200];
	struct p2v_writer w = p2v_writer_of(out, sizeof out);

	p2v_msg_write(P2V_MSG_gone, &q, &w);
}

/* ---- telling ---- */

Test(messages, dump)
{
	static const uint8_t key[32] = { 0xab, 1 };
	struct p2v_msg_have q = { .key = { key, 32 }, .length = 5, .state = 2 };
	struct p2v_msg_gone none = { .keys.n = 0 };
	struct p2v_msg_enrolled two = { .chain = { { { key, 2 }, { key, 1 } }, 2 },
		.lifetime = 60 };
	struct p2v_text t = { 0 };

	p2v_msg_dump(P2V_MSG_have, &q, &t);
	cr_assert_str_eq(t.p,
		"have{key=ab01000000000000000000000000000000000000000000000000000000000000 length=5 "
		"generation=0 state=2 hops=0 rendition=0 chunks=}");
	p2v_text_fini(&t);
	p2v_msg_dump(P2V_MSG_gone, &none, &t);
	cr_assert_str_eq(t.p, "gone{}");
	p2v_text_fini(&t);
	p2v_msg_dump(P2V_MSG_enrolled, &two, &t);
	cr_assert_str_eq(t.p, "enrolled{chain=ab01 chain=ab lifetime=60}");
	p2v_text_fini(&t);
}

Test(messages, the_document_has_a_row_for_each_field)
{
	struct p2v_text t = { 0 };
	size_t rows = 0, lines = 0;

	p2v_msg_document(&t);
	cr_assert(!t.oom);
	for (size_t i = 0; i < MESSAGES; i++)
		for (size_t k = 0; k < table[i].n; k++) {
			const struct field *f = &table[i].fields[k];
			char row[200];

			(void)snprintf(row, sizeof row, "| %s | %u | %s | %llu | ",
				k ? "" : table[i].name, table[i].number, f->name,
				(unsigned long long)f->number);
			cr_assert(strstr(t.p, row), "%s", row);
			rows++;
		}
	for (const char *c = t.p; *c; c++)
		lines += *c == '\n';
	cr_assert_eq(lines, rows + 2, "and two of heading");
	cr_assert(strstr(t.p, "| have | 35 | key | 1 | bytes | 32 to 32 bytes |\n"));
	cr_assert(strstr(t.p, "|  | 36 | ") == NULL);
	cr_assert(strstr(t.p,
		"| gone | 36 | keys | 1 | list of bytes | 32 to 32 bytes, at most 32 times |\n"));
	cr_assert(strstr(t.p, "|  | 52 | length | 2 | integer | at most 16384 |\n"));
	p2v_text_fini(&t);
}

static void read_all(const char *path, struct p2v_text *out)
{
	const char *root = getenv("P2V_SRCDIR");
	char name[1024], buf[4096];
	FILE *f;
	size_t n;

	(void)snprintf(name, sizeof name, "%s/%s", root ? root : ".", path);
	f = fopen(name, "r");
	cr_assert(f, "%s can be read", name);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		p2v_text_add(out, buf, n);
	(void)fclose(f);
	cr_assert(!out->oom);
}

/* Whoever writes another node reads the document, not the table. */
Test(messages, the_specification_has_this_table)
{
	struct p2v_text doc = { 0 }, t = { 0 };
	const char *at, *end;

	read_all("sdk/doc/protocol.md", &doc);
	p2v_msg_document(&t);
	at = strstr(doc.p, "| message | no. | field |");
	cr_assert(at, "the document has a table of messages");
	end = strstr(at, "\n\n");
	cr_assert(end);
	cr_assert_eq((size_t)(end + 1 - at), t.n, "the document's table has another length");
	for (size_t i = 0, line = 1; i < t.n; line += t.p[i++] == '\n')
		cr_assert_eq(at[i], t.p[i], "row %zu of the document's table differs", line);
	p2v_text_fini(&doc);
	p2v_text_fini(&t);
}

/* Numbers are for ever: whoever changes one changes what is spoken. */
Test(messages, numbers_stand_once)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		for (size_t j = 0; j < i; j++)
			cr_assert_neq(table[i].number, table[j].number);
		for (size_t k = 0; k < table[i].n; k++)
			for (size_t j = 0; j < k; j++)
				cr_assert_neq(table[i].fields[k].number, table[i].fields[j].number);
	}
	cr_assert(P2V_MSG_enrol == 16 && P2V_MSG_enrolled == 17 && P2V_MSG_refused == 18 &&
		  P2V_MSG_join == 19 && P2V_MSG_peers == 20);
	cr_assert(P2V_MSG_hello == 32 && P2V_MSG_follow == 33 && P2V_MSG_news == 34 &&
		  P2V_MSG_have == 35 && P2V_MSG_gone == 36);
	cr_assert(P2V_MSG_request == 48 && P2V_MSG_refuse == 49 && P2V_MSG_signer == 50 &&
		  P2V_MSG_meta == 51 && P2V_MSG_chunk == 52);
}
