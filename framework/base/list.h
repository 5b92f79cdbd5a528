/* list.h - an intrusive doubly linked list with a sentinel. No allocation, O(1) removal, order of
 * insertion. */
#ifndef P2V_BASE_LIST_H
#define P2V_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct p2v_list {
	struct p2v_list *prev, *next; /* itself when empty (head) or not linked (item) */
};

/** The struct of type T whose member m is the list item p. */
#define P2V_OF(p, T, m) ((T *)(void *)((char *)(p)-offsetof(T, m)))

/** Walk the list h; the item may be removed in the body, others may not. */
#define P2V_LIST_EACH(it, h)                                                    \
	for (struct p2v_list *it = (h)->next, *it##_next = it->next; it != (h); \
		it = it##_next, it##_next = it->next)

static inline void p2v_list_init(struct p2v_list *l)
{
	l->prev = l->next = l;
}

static inline bool p2v_list_empty(const struct p2v_list *l)
{
	return l->next == l;
}

/** Put item before pos: before the head means last. */
static inline void p2v_list_before(struct p2v_list *pos, struct p2v_list *item)
{
	item->prev = pos->prev;
	item->next = pos;
	pos->prev->next = item;
	pos->prev = item;
}

static inline void p2v_list_push(struct p2v_list *head, struct p2v_list *item)
{
	p2v_list_before(head, item);
}

static inline void p2v_list_push_front(struct p2v_list *head, struct p2v_list *item)
{
	p2v_list_before(head->next, item);
}

/** Unlink; unlinking an item that is not linked does nothing. */
static inline void p2v_list_remove(struct p2v_list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	p2v_list_init(item);
}

static inline struct p2v_list *p2v_list_first(const struct p2v_list *head)
{
	return p2v_list_empty(head) ? NULL : head->next;
}

#endif
