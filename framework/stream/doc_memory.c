/* doc_memory.c - where a document lies. */
#include "framework/stream/doc_memory.h"

#include <stdalign.h>
#include <stdlib.h>

#include "framework/base/list.h"

/* [B] The first chunk, and the largest: each is twice the one before, so that a small document,
 * which most are, takes little. */
enum { CHUNK_MIN = 1024, CHUNK_MAX = 32768, LONG = 4096 };

struct chunk {
	struct chunk *next;
	alignas(max_align_t) unsigned char p[];
};

struct array {
	struct p2v_list in_memory;
	size_t cap; /* items */
	alignas(max_align_t) unsigned char p[];
};

struct p2v_doc_memory {
	struct chunk *chunks;
	size_t used, room; /* [B] of the first chunk */
	size_t total;      /* [B] of all */
	struct p2v_list arrays;
	bool over;
};

struct p2v_doc_memory *p2v_doc_memory_new(void)
{
	struct p2v_doc_memory *m = calloc(1, sizeof *m);

	if (m)
		p2v_list_init(&m->arrays);
	return m;
}

void p2v_doc_memory_free(struct p2v_doc_memory *m)
{
	if (!m)
		return;
	while (m->chunks) {
		struct chunk *c = m->chunks;

		m->chunks = c->next;
		free(c);
	}
	P2V_LIST_EACH (it, &m->arrays)
		free(P2V_OF(it, struct array, in_memory));
	free(m);
}

static bool within(struct p2v_doc_memory *m, size_t more)
{
	m->over = more > P2V_DOC_MEMORY_MAX - m->total;
	return !m->over;
}

void *p2v_doc_take(struct p2v_doc_memory *m, size_t size)
{
	size_t unit = alignof(max_align_t), need;
	struct chunk *c;

	if (!within(m, size + unit))
		return NULL;
	need = (size + unit - 1) / unit * unit;
	if (!m->chunks || need > m->room - m->used) {
		size_t room = m->room < CHUNK_MAX / 2 ? 2 * m->room : CHUNK_MAX;

		room = room > CHUNK_MIN ? room : CHUNK_MIN;
		room = need > room ? need : room;
		c = within(m, room) ? malloc(sizeof *c + room) : NULL;
		if (!c)
			return NULL;
		c->next = m->chunks;
		m->chunks = c;
		m->used = 0;
		m->room = room;
		m->total += room;
	}
	m->used += need;
	return m->chunks->p + m->used - need;
}

void *p2v_doc_grow(struct p2v_doc_memory *m, void *v, size_t n, size_t size)
{
	struct array *a = v ? (struct array *)(void *)((unsigned char *)v -
						       offsetof(struct array, p))
			    : NULL;
	size_t cap = a ? a->cap : 0, more = cap ? cap : 8;
	struct array *b;

	if (n < cap)
		return v;
	/* A long one gets much longer: moving it costs more than room that nobody touches. */
	if (cap >= LONG)
		more = within(m, 3 * cap * size) ? 3 * cap : cap / 8;
	if (!within(m, more * size))
		return NULL;
	if (a)
		p2v_list_remove(&a->in_memory);
	b = realloc(a, sizeof *b + (cap + more) * size);
	if (!b) {
		if (a)
			p2v_list_push(&m->arrays, &a->in_memory);
		return NULL;
	}
	p2v_list_push(&m->arrays, &b->in_memory);
	b->cap = cap + more;
	m->total += more * size;
	return b->p;
}

bool p2v_doc_over(const struct p2v_doc_memory *m)
{
	return m->over;
}
