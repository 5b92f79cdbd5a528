/* proof_test.c - who vouches for bytes, and which content is which. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/delivery/shelf.h"

TestSuite(proof, .timeout = 60);

struct pair {
	struct fake_world world;
	struct p2v_node one, two;
	struct p2v_sim_crypto c1, c2;
};

static void begin(struct pair *p)
{
	fake_world_node(&p->world, &p->one);
	fake_world_node(&p->world, &p->two);
	p2v_sim_crypto_init(&p->c1, 1);
	p2v_sim_crypto_init(&p->c2, 2);
	p->one.crypto = p2v_sim_crypto(&p->c1);
	p->two.crypto = p2v_sim_crypto(&p->c2);
}

static const struct p2v_bytes content = { (const uint8_t *)"some bytes", 10 };

Test(proof, whoever_knows_the_signer_can_check_it)
{
	struct p2v_id key = { { 1, 2, 3 } };
	struct p2v_statement s = { &key, 1000, 77 };
	struct p2v_proof proof = { .fetched = 123456 };
	struct pair p;

	begin(&p);
	cr_assert_eq(p2v_proof_sign(&p.one, &s, 4, content, &proof), P2V_OK);
	cr_assert(proof.made);
	cr_assert_eq(memcmp(&proof.signer, &p.c1.id, sizeof proof.signer), 0);
	cr_assert_eq(p2v_proof_check(&p.one, &s, 4, content, &proof), P2V_OK);
	cr_assert_eq(p2v_proof_check(&p.two, &s, 4, content, &proof), P2V_OK);
}

/* Nothing of what it says can be another. */
Test(proof, it_says_one_thing_alone)
{
	struct p2v_id key = { { 1, 2, 3 } }, other = { { 1, 2, 4 } };
	struct p2v_statement s = { &key, 1000, 77 }, t;
	struct p2v_proof proof = { .fetched = 123456 }, q;
	struct p2v_bytes less = { content.p, 9 };
	struct p2v_bytes another = { (const uint8_t *)"some bytez", 10 };
	struct pair p;

	begin(&p);
	cr_assert_eq(p2v_proof_sign(&p.one, &s, 4, content, &proof), P2V_OK);
	t = s;
	t.key = &other;
	cr_assert_eq(p2v_proof_check(&p.two, &t, 4, content, &proof), P2V_EINTEGRITY);
	t = s;
	t.length++;
	cr_assert_eq(p2v_proof_check(&p.two, &t, 4, content, &proof), P2V_EINTEGRITY);
	t = s;
	t.generation++;
	cr_assert_eq(p2v_proof_check(&p.two, &t, 4, content, &proof), P2V_EINTEGRITY);
	cr_assert_eq(p2v_proof_check(&p.two, &s, 5, content, &proof), P2V_EINTEGRITY);
	cr_assert_eq(p2v_proof_check(&p.two, &s, UINT32_MAX, content, &proof), P2V_EINTEGRITY);
	cr_assert_eq(p2v_proof_check(&p.two, &s, 4, less, &proof), P2V_EINTEGRITY);
	cr_assert_eq(p2v_proof_check(&p.two, &s, 4, another, &proof), P2V_EINTEGRITY);
	q = proof;
	q.fetched++;
	cr_assert_eq(p2v_proof_check(&p.two, &s, 4, content, &q), P2V_EINTEGRITY);
	q = proof;
	q.signature[P2V_SIGNATURE_SIZE / 2] ^= 1;
	cr_assert_eq(p2v_proof_check(&p.two, &s, 4, content, &q), P2V_EINTEGRITY);
	q = proof;
	q.signer = p.c2.id;
	cr_assert_lt(p2v_proof_check(&p.two, &s, 4, content, &q), 0);
}

/* What another signed is passed on as it is. */
Test(proof, it_is_made_once)
{
	struct p2v_id key = { { 1 } };
	struct p2v_statement s = { &key, 1000, 77 };
	struct p2v_proof proof = { .fetched = 1 }, kept;
	struct pair p;

	begin(&p);
	cr_assert_eq(p2v_proof_sign(&p.one, &s, 0, content, &proof), P2V_OK);
	kept = proof;
	cr_assert_eq(p2v_proof_sign(&p.two, &s, 0, content, &proof), P2V_OK);
	cr_assert_eq(memcmp(&kept, &proof, sizeof kept), 0);
	cr_assert_eq(p.c2.signatures, 0);
}

Test(proof, a_generation_is_a_length_and_validators)
{
	struct p2v_str a = p2v_str_of("\"a\""), none = { NULL, 0 };
	struct p2v_str date = p2v_str_of("Mon, 01 Jan 2024 00:00:00 GMT");
	uint64_t g;
	struct pair p;

	begin(&p);
	g = p2v_generation(&p.one, 1000, a, date);
	cr_assert_eq(p2v_generation(&p.two, 1000, a, date), g, "the same everywhere");
	cr_assert_leq(g, P2V_VARINT_MAX);
	cr_assert_neq(p2v_generation(&p.one, 1001, a, date), g);
	cr_assert_neq(p2v_generation(&p.one, 1000, p2v_str_of("\"b\""), date), g);
	cr_assert_neq(p2v_generation(&p.one, 1000, a, none), g);
	cr_assert_neq(p2v_generation(&p.one, 1000, none, date), g);
	/* Where one ends and the other begins counts. */
	cr_assert_neq(p2v_generation(&p.one, 1, p2v_str_of("ab"), p2v_str_of("c")),
		p2v_generation(&p.one, 1, p2v_str_of("a"), p2v_str_of("bc")));
}
