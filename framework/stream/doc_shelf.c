/* doc_shelf.c - documents that were read lately. */
#include "framework/stream/doc_shelf.h"

#include <stdlib.h>

#include "framework/base/list.h"

/* Some renditions, through the proxy and without it, and what has just been before. */
enum { KEPT_MAX = 32 };

struct kept {
	struct p2v_list in_shelf;
	const struct p2v_plugin *plugin;
	const void *conf;
	struct p2v_doc *doc;
};

struct p2v_doc_shelf {
	struct p2v_list all; /* asked for last first */
	size_t n;
};

struct p2v_doc_shelf *p2v_doc_shelf_new(void)
{
	struct p2v_doc_shelf *s = calloc(1, sizeof *s);

	if (s)
		p2v_list_init(&s->all);
	return s;
}

static void drop(struct p2v_doc_shelf *s, struct kept *k)
{
	p2v_list_remove(&k->in_shelf);
	p2v_doc_free(k->doc);
	free(k);
	s->n--;
}

void p2v_doc_shelf_free(struct p2v_doc_shelf *s)
{
	if (!s)
		return;
	P2V_LIST_EACH (it, &s->all)
		drop(s, P2V_OF(it, struct kept, in_shelf));
	free(s);
}

struct p2v_doc *p2v_doc_shelf_find(
	struct p2v_doc_shelf *s, const struct p2v_policy *by, const struct p2v_doc_in *in)
{
	P2V_LIST_EACH (it, &s->all) {
		struct kept *k = P2V_OF(it, struct kept, in_shelf);

		if (k->plugin != by->plugin || k->conf != by->conf || !p2v_doc_is_of(k->doc, in))
			continue;
		p2v_list_remove(it);
		p2v_list_push_front(&s->all, it);
		return p2v_doc_ref(k->doc);
	}
	return NULL;
}

void p2v_doc_shelf_put(struct p2v_doc_shelf *s, const struct p2v_policy *by, struct p2v_doc *d)
{
	struct kept *k = malloc(sizeof *k);

	if (!k)
		return;
	if (s->n == KEPT_MAX)
		drop(s, P2V_OF(s->all.prev, struct kept, in_shelf));
	*k = (struct kept){ .plugin = by->plugin, .conf = by->conf, .doc = p2v_doc_ref(d) };
	p2v_list_push_front(&s->all, &k->in_shelf);
	s->n++;
}
