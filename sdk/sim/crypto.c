/* crypto.c - struct p2v_crypto without cryptography. A certificate is just the id of whom it is
 * for. */
#include "sdk/sim/crypto.h"

#include <string.h>

#include "sdk/sim/share.h"

static uint64_t word_at(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	if (n >= 8)
		return p2v_load64(p);
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

enum { LONG_PART = 1024 }; /* [B] chunks of media, not names */

/* What many machines hold is read once. */
static void absorb_long(const struct p2v_sim *sim, uint64_t state[4], const uint8_t *p, size_t n)
{
	const struct p2v_sim_shared *known = sim ? p2v_sim_shared_at(sim, p, n) : NULL;
	struct p2v_lanes fresh = known ? known->lanes : p2v_lanes_of(p, n);

	for (size_t k = 0; k < 4; k++)
		state[k] = p2v_mix64(state[k] ^ fresh.v[k]);
}

/* Each word goes into all four. */
static void absorb(const struct p2v_sim *sim, uint64_t state[4], const uint8_t *p, size_t n)
{
	state[0] ^= n;
	if (n >= LONG_PART) {
		absorb_long(sim, state, p, n);
		return;
	}
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = word_at(p + i, n - i);

		for (int k = 0; k < 4; k++)
			state[k] = p2v_mix64(state[k] ^ v) + state[(k + 1) & 3];
	}
}

static void squeeze(const uint64_t state[4], uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = p2v_mix64(state[i / 8 % 4] + i / 32);

		for (size_t j = i; j < n && j < i + 8; j++, word >>= 8)
			out[j] = (uint8_t)word;
	}
}

static void digest(
	void *self, const struct p2v_bytes *parts, size_t n, uint8_t out[P2V_DIGEST_SIZE])
{
	struct p2v_sim_crypto *c = self;
	uint64_t state[4] = { 1, 2, 3, 4 };

	c->digests++;
	for (size_t i = 0; i < n; i++)
		absorb(c->sim, state, parts[i].p, parts[i].n);
	squeeze(state, out, P2V_DIGEST_SIZE);
}

enum { MARK = 8 }; /* [B] of a signature: nobody here forges one that would need more */

static void mark(const struct p2v_id *by, const uint8_t *what, uint8_t *out)
{
	uint64_t state[4] = { 5, 6, 7, 8 };

	absorb(NULL, state, by->b, sizeof by->b);
	absorb(NULL, state, what, P2V_DIGEST_SIZE);
	squeeze(state, out, MARK);
	memset(out + MARK, 0, P2V_SIGNATURE_SIZE - MARK);
}

static const struct p2v_id *id(void *self)
{
	return &((struct p2v_sim_crypto *)self)->id;
}

static int sign(void *self, const uint8_t what[P2V_DIGEST_SIZE], uint8_t out[P2V_SIGNATURE_SIZE])
{
	struct p2v_sim_crypto *c = self;

	c->signatures++;
	mark(&c->id, what, out);
	out[0] ^= c->forges;
	return P2V_OK;
}

static int verify(void *self, const struct p2v_id *by, const uint8_t what[P2V_DIGEST_SIZE],
	const uint8_t signature[P2V_SIGNATURE_SIZE])
{
	uint8_t right[P2V_SIGNATURE_SIZE];

	((struct p2v_sim_crypto *)self)->checks++;
	mark(by, what, right);
	return memcmp(right, signature, sizeof right) == 0 ? P2V_OK : P2V_EINTEGRITY;
}

static int learn(void *self, const struct p2v_chain *chain, struct p2v_id *who, struct p2v_err *err)
{
	(void)self;
	if (chain->n == 0 || chain->v[0].n != sizeof who->b)
		return p2v_fail(err, P2V_EPERM, "that is no certificate");
	memcpy(who->b, chain->v[0].p, sizeof who->b);
	return P2V_OK;
}

static int chain(void *self, const struct p2v_id *who, struct p2v_chain *out)
{
	struct p2v_sim_crypto *c = self;

	memcpy(c->chain, who->b, sizeof c->chain);
	*out = (struct p2v_chain){ .v = { { c->chain, sizeof c->chain } }, .n = 1 };
	return P2V_OK;
}

static bool allows(void *self, const struct p2v_id *who, const struct p2v_id *channel)
{
	(void)self;
	(void)who;
	(void)channel;
	return true;
}

static int64_t expires(void *self)
{
	(void)self;
	return INT64_MAX;
}

static int install(void *self, const struct p2v_chain *got, struct p2v_err *err)
{
	struct p2v_id who;
	int rc = learn(self, got, &who, err);

	if (rc == P2V_OK && memcmp(&who, id(self), sizeof who) != 0)
		rc = p2v_fail(err, P2V_EPERM, "that certificate is somebody else's");
	return rc;
}

static int issue(void *self, const struct p2v_id *who, const struct p2v_id *channels, size_t n,
	uint64_t lifetime, struct p2v_chain *out, struct p2v_err *err)
{
	struct p2v_sim_crypto *c = self;

	(void)channels;
	(void)n;
	(void)lifetime;
	(void)err;
	memcpy(c->issued, who->b, sizeof c->issued);
	*out = (struct p2v_chain){ .v = { { c->issued, sizeof c->issued } }, .n = 1 };
	return P2V_OK;
}

void p2v_sim_crypto_init(struct p2v_sim_crypto *c, uint64_t seed)
{
	struct p2v_random r;

	memset(c, 0, sizeof *c);
	p2v_random_init(&r, seed, "id");
	for (size_t i = 0; i < sizeof c->id.b; i++)
		c->id.b[i] = (uint8_t)(p2v_random_next(&r) >> 56);
}

struct p2v_crypto p2v_sim_crypto(struct p2v_sim_crypto *c)
{
	static const struct p2v_crypto_ops ops = { .signature_size = MARK,
		.digest = digest,
		.id = id,
		.sign = sign,
		.verify = verify,
		.learn = learn,
		.chain = chain,
		.allows = allows,
		.expires = expires,
		.install = install,
		.issue = issue };

	return (struct p2v_crypto){ &ops, c };
}
