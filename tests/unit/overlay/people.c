/* people.c - identities for tests. */
#include "tests/unit/overlay/people.h"

#include <stdlib.h>

/* Under any harness: what has to hold for a test to mean something. */
#define must(holds, why) ((holds) ? (void)0 : fail(__LINE__, why))

static void fail(int line, const char *why)
{
	(void)fprintf(stderr, "# people.c:%d: %s\n", line, why);
	abort();
}

struct p2v_str people_pem(const struct p2v_text *t)
{
	return (struct p2v_str){ t->p, t->n };
}

static void take(struct p2v_slice *s, struct p2v_bytes b)
{
	p2v_slice_drop(s);
	if (b.n)
		*s = p2v_slice_copy(b.p, b.n);
}

static void shown(void *ctx, struct p2v_bytes key, const struct p2v_chain *chain)
{
	struct person *x = ctx;

	must(chain->n >= 1 && chain->n <= 2, "a chain of one or two");
	take(&x->key, key);
	take(&x->leaf, chain->v[0]);
	take(&x->issuer, chain->n > 1 ? chain->v[1] : (struct p2v_bytes){ NULL, 0 });
	x->shown++;
}

void person_init(struct person *x, struct people *p, const struct p2v_authority *authority)
{
	struct p2v_world world = fake_world_of(&p->world);
	struct p2v_err err;

	memset(x, 0, sizeof *x);
	x->world = &p->world;
	p2v_node_init(&x->node, &world, 1);
	must(p2v_identity_new(&x->node, &x->me, &err) == P2V_OK, err.text);
	x->crypto = x->node.crypto = p2v_identity_crypto(x->me);
	x->trust = p2v_identity_trust(x->me);
	if (authority)
		must(p2v_identity_authority(x->me, people_pem(&authority->ca), &err) == P2V_OK,
			err.text);
	must(p2v_identity_on_change(x->me, shown, x, &err) == P2V_OK, err.text);
}

void person_fini(struct person *x)
{
	p2v_identity_free(x->me);
	p2v_node_fini(&x->node);
	p2v_slice_drop(&x->leaf);
	p2v_slice_drop(&x->issuer);
	p2v_slice_drop(&x->key);
}

struct p2v_chain person_chain(const struct person *x)
{
	struct p2v_chain c = { .v = { { x->leaf.p, x->leaf.n } }, .n = 1 };

	if (x->issuer.n)
		c.v[c.n++] = (struct p2v_bytes){ x->issuer.p, x->issuer.n };
	return c;
}

const struct p2v_id *person_id(struct person *x)
{
	return x->crypto.ops->id(x->crypto.self);
}

int person_judge(
	struct person *who, const struct person *x, struct p2v_remote *out, struct p2v_err *err)
{
	struct p2v_chain c = person_chain(x);

	return who->trust.judge(who->trust.ctx, c.v, c.n, true, out, err);
}

void people_init(struct people *p, uint32_t days)
{
	struct p2v_authority *a = &p->authority;
	struct p2v_node ignored;
	struct p2v_err err;

	memset(p, 0, sizeof *p);
	fake_world_node(&p->world, &ignored);
	p->world.now = PEOPLE_START;
	must(p2v_authority_make("test", PEOPLE_START, days, a, &err) == P2V_OK, err.text);
	person_init(&p->tracker, p, a);
	must(p2v_identity_issuer(p->tracker.me, people_pem(&a->issuer), people_pem(&a->issuer_key),
		     &err) == P2V_OK,
		err.text);
	must(p2v_identity_key(p->tracker.me, people_pem(&a->tracker_key), &err) == P2V_OK,
		err.text);
	must(p2v_identity_certificate(p->tracker.me, people_pem(&a->tracker), true, &err) == P2V_OK,
		err.text);
	p2v_identity_admit_guests(p->tracker.me, true);
}

void people_fini(struct people *p)
{
	person_fini(&p->tracker);
	p2v_authority_fini(&p->authority);
}

void person_enrol(struct person *x, struct people *p, const struct p2v_id *channels, size_t n,
	uint64_t lifetime)
{
	const struct p2v_crypto *t = &p->tracker.crypto;
	struct p2v_remote r;
	struct p2v_chain chain;
	struct p2v_err err;

	must(person_judge(&p->tracker, x, &r, &err) == P2V_OK, err.text);
	must(t->ops->issue(t->self, &r.id, channels, n, lifetime, &chain, &err) == P2V_OK,
		err.text);
	must(x->crypto.ops->install(x->crypto.self, &chain, &err) == P2V_OK, err.text);
}
