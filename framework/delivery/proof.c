/* proof.c - who vouches for bytes: statements about chunks and heads, signed by whoever fetched
 * them from the CDN. */
#include <string.h>

#include "framework/base/wire.h"
#include "framework/delivery/inside.h"

static const char tag[] = "p2v fragment statement 1\n";

/* SHA-256 of: tag, fragment key, length, generation, fetch time, index, SHA-256 of the content. */
static void statement_digest(struct p2v_node *n, const struct p2v_statement *s, uint32_t index,
	struct p2v_bytes content, int64_t fetched, uint8_t out[P2V_DIGEST_SIZE])
{
	uint8_t numbers[28], inner[P2V_DIGEST_SIZE];
	struct p2v_writer w = p2v_writer_of(numbers, sizeof numbers);
	struct p2v_bytes parts[4];

	p2v_write_be(&w, s->length, 8);
	p2v_write_be(&w, s->generation, 8);
	p2v_write_be(&w, (uint64_t)fetched, 8);
	p2v_write_be(&w, index, 4);
	n->crypto.ops->digest(n->crypto.self, &content, 1, inner);
	parts[0] = (struct p2v_bytes){ (const uint8_t *)tag, sizeof tag - 1 };
	parts[1] = (struct p2v_bytes){ s->key->b, sizeof s->key->b };
	parts[2] = (struct p2v_bytes){ numbers, sizeof numbers };
	parts[3] = (struct p2v_bytes){ inner, sizeof inner };
	n->crypto.ops->digest(n->crypto.self, parts, 4, out);
}

int p2v_proof_sign(struct p2v_node *n, const struct p2v_statement *s, uint32_t index,
	struct p2v_bytes content, struct p2v_proof *p)
{
	uint8_t digest[P2V_DIGEST_SIZE];
	int rc;

	if (p->made)
		return P2V_OK;
	p->signer = *n->crypto.ops->id(n->crypto.self);
	statement_digest(n, s, index, content, p->fetched, digest);
	rc = n->crypto.ops->sign(n->crypto.self, digest, p->signature);
	p->made = rc == P2V_OK;
	return rc;
}

int p2v_proof_check(struct p2v_node *n, const struct p2v_statement *s, uint32_t index,
	struct p2v_bytes content, const struct p2v_proof *p)
{
	uint8_t digest[P2V_DIGEST_SIZE];

	statement_digest(n, s, index, content, p->fetched, digest);
	return n->crypto.ops->verify(n->crypto.self, &p->signer, digest, p->signature);
}

uint64_t p2v_generation(
	struct p2v_node *n, uint64_t length, struct p2v_str etag, struct p2v_str last_modified)
{
	uint8_t number[8], digest[P2V_DIGEST_SIZE];
	struct p2v_writer w = p2v_writer_of(number, sizeof number);
	struct p2v_bytes parts[4] = { { number, sizeof number },
		{ (const uint8_t *)etag.p, etag.n }, { (const uint8_t *)"\n", 1 },
		{ (const uint8_t *)last_modified.p, last_modified.n } };
	uint64_t v = 0;

	p2v_write_be(&w, length, 8);
	n->crypto.ops->digest(n->crypto.self, parts, 4, digest);
	for (int i = 0; i < 8; i++)
		v = v << 8 | digest[i];
	return v >> 2; /* it travels as a varint */
}
