/* session_seal.c - packets under the keys that a handshake gave. */
#include "framework/dtl/session_seal.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>

/* ---- keys ---- */

/* HKDF-Expand (RFC 5869 2.3) of at most one block: HMAC(secret, label | 1). */
static bool expand(const uint8_t secret[P2V_SEAL_SECRET], const char *label, uint8_t *out, size_t n)
{
	uint8_t info[32], block[EVP_MAX_MD_SIZE];
	size_t k = strlen(label);
	unsigned size = 0;
	bool ok;

	memcpy(info, label, k);
	info[k] = 1;
	ok = HMAC(EVP_sha256(), secret, P2V_SEAL_SECRET, info, k + 1, block, &size) && size >= n;
	if (ok)
		memcpy(out, block, n);
	OPENSSL_cleanse(block, sizeof block);
	return ok;
}

static int use_secret(struct p2v_seal_key *k, const EVP_CIPHER *cipher, int seals)
{
	uint8_t key[EVP_MAX_KEY_LENGTH];
	bool ok = expand(k->secret, "p2v key", key, (size_t)EVP_CIPHER_get_key_length(cipher)) &&
		  expand(k->secret, "p2v iv", k->iv, sizeof k->iv);

	if (ok && !k->ctx)
		k->ctx = EVP_CIPHER_CTX_new();
	ok = ok && k->ctx && EVP_CipherInit_ex2(k->ctx, cipher, key, k->iv, seals, NULL);
	OPENSSL_cleanse(key, sizeof key);
	return ok ? P2V_OK : P2V_ENOMEM;
}

/* The key of the next era; who has it cannot tell those before. */
static int next_key(const struct p2v_seal_key *now, struct p2v_seal_key *next,
	const EVP_CIPHER *cipher, int seals)
{
	*next = (struct p2v_seal_key){ .era = now->era + 1 };
	if (!expand(now->secret, "p2v next", next->secret, sizeof next->secret))
		return P2V_ENOMEM;
	return use_secret(next, cipher, seals);
}

static void key_fini(struct p2v_seal_key *k)
{
	EVP_CIPHER_CTX_free(k->ctx);
	OPENSSL_cleanse(k, sizeof *k);
}

static int turn_key(struct p2v_seal_key *k, const EVP_CIPHER *cipher, int seals)
{
	struct p2v_seal_key next;
	int code = next_key(k, &next, cipher, seals);

	if (code != P2V_OK) {
		key_fini(&next);
		return code;
	}
	key_fini(k);
	*k = next;
	return P2V_OK;
}

int p2v_seal_init(struct p2v_seal *s, const EVP_CIPHER *cipher, const uint8_t out[P2V_SEAL_SECRET],
	const uint8_t in[P2V_SEAL_SECRET], uint64_t per_key)
{
	*s = (struct p2v_seal){ .cipher = cipher, .per_key = per_key };
	memcpy(s->out.secret, out, P2V_SEAL_SECRET);
	memcpy(s->in.secret, in, P2V_SEAL_SECRET);
	if (use_secret(&s->out, cipher, 1) == P2V_OK && use_secret(&s->in, cipher, 0) == P2V_OK &&
		expand(out, "p2v cid", s->cid_out, sizeof s->cid_out) &&
		expand(in, "p2v cid", s->cid_in, sizeof s->cid_in))
		return P2V_OK;
	p2v_seal_fini(s);
	return P2V_ENOMEM;
}

void p2v_seal_fini(struct p2v_seal *s)
{
	key_fini(&s->out);
	key_fini(&s->in);
}

/* ---- datagrams ---- */

/* The number is xored into the nonce, RFC 9001 5.3: so it is authenticated as well. */
static void nonce_of(const struct p2v_seal_key *k, uint64_t number, uint8_t out[P2V_SEAL_NONCE])
{
	memcpy(out, k->iv, P2V_SEAL_NONCE);
	for (int i = 0; i < 8; i++)
		out[P2V_SEAL_NONCE - 1 - i] ^= (uint8_t)(number >> 8 * i);
}

ptrdiff_t p2v_seal_close(struct p2v_seal *s, const uint8_t *p, size_t n, uint8_t *out, size_t cap)
{
	struct p2v_seal_key *k = &s->out;
	uint8_t nonce[P2V_SEAL_NONCE], *to = out + P2V_SEAL_HEAD;
	int len = 0, end = 0;

	if (s->next >= P2V_SEAL_NUMBERS || cap < n + P2V_SEAL_HEAD + P2V_SEAL_TAG)
		return P2V_ELIMIT;
	if (s->next / s->per_key != k->era && turn_key(k, s->cipher, 1) != P2V_OK)
		return P2V_ENOMEM;
	nonce_of(k, s->next, nonce);
	if (!EVP_EncryptInit_ex2(k->ctx, NULL, NULL, nonce, NULL) ||
		(n && !EVP_EncryptUpdate(k->ctx, to, &len, p, (int)n)) ||
		!EVP_EncryptFinal_ex(k->ctx, to + len, &end) ||
		!EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_GET_TAG, P2V_SEAL_TAG, to + n))
		return P2V_ENOMEM;
	out[0] = P2V_SEAL_TYPE;
	memcpy(out + 1, s->cid_out, P2V_SEAL_CID);
	for (int i = 0; i < P2V_SEAL_NUMBER; i++)
		out[P2V_SEAL_HEAD - 1 - i] = (uint8_t)(s->next >> 8 * i);
	s->next++;
	return (ptrdiff_t)(n + P2V_SEAL_HEAD + P2V_SEAL_TAG);
}

/* ---- replays: RFC 4303 3.4.3 ---- */

static uint64_t *word_of(struct p2v_seal *s, uint64_t number)
{
	return &s->window[number / 64 % (P2V_SEAL_WINDOW / 64)];
}

static bool may_be_new(struct p2v_seal *s, uint64_t number)
{
	if (number >= s->seen)
		return true;
	/* The newest word of 64 is shared with the oldest, which is forgotten. */
	if (s->seen - number > P2V_SEAL_WINDOW - 64)
		return false;
	return !(*word_of(s, number) >> number % 64 & 1);
}

static void mark(struct p2v_seal *s, uint64_t number)
{
	if (number >= s->seen) {
		uint64_t from = (s->seen + 63) / 64, to = number / 64;

		if (to - from > P2V_SEAL_WINDOW / 64 && to >= from)
			from = to - P2V_SEAL_WINDOW / 64;
		for (uint64_t w = from; w <= to; w++)
			*word_of(s, w * 64) = 0;
		s->seen = number + 1;
	}
	*word_of(s, number) |= UINT64_C(1) << number % 64;
}

/* ---- opening ---- */

static bool decrypt(
	const struct p2v_seal_key *k, uint64_t number, const uint8_t *p, size_t n, uint8_t *out)
{
	uint8_t nonce[P2V_SEAL_NONCE];
	int len = 0, end = 0;

	nonce_of(k, number, nonce);
	return EVP_DecryptInit_ex2(k->ctx, NULL, NULL, nonce, NULL) &&
	       (n == 0 || EVP_DecryptUpdate(k->ctx, out, &len, p, (int)n)) &&
	       EVP_CIPHER_CTX_ctrl(
		       k->ctx, EVP_CTRL_AEAD_SET_TAG, P2V_SEAL_TAG, (void *)(uintptr_t)(p + n)) &&
	       EVP_DecryptFinal_ex(k->ctx, out + len, &end) > 0;
}

/* The first datagram of the next era brings its key with it, when it proves good. */
static bool decrypt_next(
	struct p2v_seal *s, uint64_t number, const uint8_t *p, size_t n, uint8_t *out)
{
	struct p2v_seal_key next;
	bool good = next_key(&s->in, &next, s->cipher, 0) == P2V_OK &&
		    decrypt(&next, number, p, n, out);

	if (!good) {
		key_fini(&next);
		return false;
	}
	key_fini(&s->in);
	s->in = next;
	return true;
}

ptrdiff_t p2v_seal_open(struct p2v_seal *s, const uint8_t *p, size_t n, uint8_t *out, size_t cap)
{
	uint64_t number = 0, era;
	size_t size = n - P2V_SEAL_HEAD - P2V_SEAL_TAG;
	bool good;

	if (n < P2V_SEAL_HEAD + P2V_SEAL_TAG || p[0] != P2V_SEAL_TYPE || size > cap ||
		memcmp(p + 1, s->cid_in, P2V_SEAL_CID) != 0)
		return P2V_EINTEGRITY;
	for (int i = P2V_SEAL_HEAD - P2V_SEAL_NUMBER; i < P2V_SEAL_HEAD; i++)
		number = number << 8 | p[i];
	if (!may_be_new(s, number))
		return P2V_EINTEGRITY;
	era = number / s->per_key;
	if (era == s->in.era)
		good = decrypt(&s->in, number, p + P2V_SEAL_HEAD, size, out);
	else
		good = era == s->in.era + 1 &&
		       decrypt_next(s, number, p + P2V_SEAL_HEAD, size, out);
	if (!good) {
		ERR_clear_error();
		return P2V_EINTEGRITY;
	}
	mark(s, number);
	return (ptrdiff_t)size;
}
