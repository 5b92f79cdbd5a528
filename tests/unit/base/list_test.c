/* list_test.c - the list with a sentinel, and hash tables that tell of no memory. */
#include <criterion/criterion.h>

#include "framework/base/hash.h"
#include "framework/base/list.h"

TestSuite(list, .timeout = 60);

struct item {
	int v;
	struct p2v_list link;
};

static int digits(struct p2v_list *h)
{
	int n = 0;

	P2V_LIST_EACH (it, h)
		n = n * 10 + P2V_OF(it, struct item, link)->v;
	return n;
}

Test(list, order_and_removal)
{
	struct p2v_list h;
	struct item a = { .v = 1 }, b = { .v = 2 }, c = { .v = 3 };

	p2v_list_init(&h);
	cr_assert(p2v_list_empty(&h));
	cr_assert_null(p2v_list_first(&h));
	p2v_list_push(&h, &a.link);
	p2v_list_push(&h, &b.link);
	p2v_list_push_front(&h, &c.link);
	cr_assert_eq(digits(&h), 312);
	cr_assert_eq(p2v_list_first(&h), &c.link);
	p2v_list_remove(&a.link);
	p2v_list_remove(&a.link);
	cr_assert_eq(digits(&h), 32);
	p2v_list_before(&b.link, &a.link);
	cr_assert_eq(digits(&h), 312);
}

Test(list, removal_on_the_way)
{
	struct p2v_list h;
	struct item v[5];

	p2v_list_init(&h);
	for (int i = 0; i < 5; i++) {
		v[i].v = i + 1;
		p2v_list_push(&h, &v[i].link);
	}
	P2V_LIST_EACH (it, &h)
		if (P2V_OF(it, struct item, link)->v % 2)
			p2v_list_remove(it);
	cr_assert_eq(digits(&h), 24);
	P2V_LIST_EACH (it, &h)
		p2v_list_remove(it);
	cr_assert(p2v_list_empty(&h));
}

struct entry {
	int key;
	UT_hash_handle hh;
};

Test(list, hashes_walk_in_order_of_insertion)
{
	struct entry *t = NULL, v[100], *found, *e, *next;
	int k = 0;

	for (int i = 0; i < 100; i++) {
		v[i].key = (i * 37) % 100;
		HASH_ADD_INT(t, key, &v[i]);
		cr_assert(P2V_HASH_ADDED(hh, &v[i]));
	}
	HASH_ITER (hh, t, e, next)
		cr_assert_eq(e->key, (k++ * 37) % 100);
	cr_assert_eq(k, 100);
	HASH_FIND_INT(t, &(int){ 63 }, found);
	cr_assert_not_null(found);
	HASH_CLEAR(hh, t);
}
