/* crypto.c - struct p2v_crypto without cryptography. A certificate is just the id of whom it is
 * for. */
#include "sdk/sim/crypto.h"

#include <string.h>

#include "sdk/sim/share.h"

enum { LONG_PART = 1024 }; /* [B] chunks of media, not names */

/* What many machines hold is read once. */
static void absorb_long(const struct p2v_sim *sim, struct p2v_lanes *s, const uint8_t *p, size_t n)
{
	const struct p2v_sim_shared *known = sim ? p2v_sim_shared_at(sim, p, n) : NULL;
	struct p2v_lanes fresh = known ? known->lanes : p2v_lanes_of(p, n);

	for (size_t k = 0; k < 4; k++)
		s->v[k] = p2v_mix64(s->v[k] ^ fresh.v[k]);
}

/* Take up a part: its length, so that parts that meet elsewhere are others, and its bytes. */
static void absorb(const struct p2v_sim *sim, struct p2v_lanes *s, const uint8_t *p, size_t n)
{
	size_t done;

	s->v[0] = p2v_mix64(s->v[0] ^ n);
	if (n >= LONG_PART) {
		absorb_long(sim, s, p, n);
		return;
	}
	done = p2v_lanes_blocks(s, p, n);
	if (done < n) {
		uint8_t rest[32] = { 0 };

		memcpy(rest, p + done, n - done);
		(void)p2v_lanes_blocks(s, rest, sizeof rest);
	}
}

static void put(uint8_t out[8], uint64_t v)
{
	/* Written out, as p2v_load64 is. */
	out[0] = (uint8_t)v;
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)(v >> 16);
	out[3] = (uint8_t)(v >> 24);
	out[4] = (uint8_t)(v >> 32);
	out[5] = (uint8_t)(v >> 40);
	out[6] = (uint8_t)(v >> 48);
	out[7] = (uint8_t)(v >> 56);
}

/* Each of the first four words depends on all that was taken up; those behind them follow from
 * these. */
static void squeeze(struct p2v_lanes *s, uint8_t *out, size_t n)
{
	p2v_lanes_mix(s);
	for (size_t i = 0; i < n / 8; i++)
		put(out + 8 * i, i < 4 ? s->v[i] : p2v_mix64(s->v[i % 4] + i / 4));
}

static void digest(
	void *self, const struct p2v_bytes *parts, size_t n, uint8_t out[P2V_DIGEST_SIZE])
{
	struct p2v_sim_crypto *c = self;
	struct p2v_lanes s = { { 1, 2, 3, 4 } };

	c->digests++;
	for (size_t i = 0; i < n; i++)
		absorb(c->sim, &s, parts[i].p, parts[i].n);
	squeeze(&s, out, P2V_DIGEST_SIZE);
}

enum { MARK = 8 }; /* [B] of a signature: nobody here forges one that would need more */

static void mark(const struct p2v_id *by, const uint8_t *what, uint8_t *out)
{
	struct p2v_lanes s = { { 5, 6, 7, 8 } };

	absorb(NULL, &s, by->b, sizeof by->b);
	absorb(NULL, &s, what, P2V_DIGEST_SIZE);
	squeeze(&s, out, MARK);
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
