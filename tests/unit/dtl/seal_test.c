/* seal_test.c - packets under keys: what is opened is what was closed, once, and nothing else. */
#include <criterion/criterion.h>

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "framework/dtl/session_seal.h"

TestSuite(seal, .timeout = 60);

enum { CAP = 1500 };

struct pair {
	struct p2v_seal a, b;
};

static const uint8_t to_b[P2V_SEAL_SECRET] = { 1, 2, 3 }, to_a[P2V_SEAL_SECRET] = { 9, 8, 7 };

static void pair_init(struct pair *p, const EVP_CIPHER *cipher, uint64_t per_key)
{
	cr_assert_eq(p2v_seal_init(&p->a, cipher, to_b, to_a, per_key), P2V_OK);
	cr_assert_eq(p2v_seal_init(&p->b, cipher, to_a, to_b, per_key), P2V_OK);
}

static void pair_fini(struct pair *p)
{
	p2v_seal_fini(&p->a);
	p2v_seal_fini(&p->b);
}

static size_t close_text(struct p2v_seal *s, const char *text, uint8_t out[CAP])
{
	ptrdiff_t n = p2v_seal_close(s, (const uint8_t *)text, strlen(text), out, CAP);

	cr_assert_eq(n, (ptrdiff_t)strlen(text) + P2V_SEAL_HEAD + P2V_SEAL_TAG);
	return (size_t)n;
}

static bool opens(struct p2v_seal *s, const uint8_t *d, size_t n, const char *text)
{
	uint8_t out[CAP];
	ptrdiff_t k = p2v_seal_open(s, d, n, out, sizeof out);

	cr_assert(k >= 0 || k == P2V_EINTEGRITY);
	return k == (ptrdiff_t)strlen(text) && memcmp(out, text, (size_t)k) == 0;
}

Test(seal, opens_what_was_closed)
{
	const EVP_CIPHER *ciphers[] = { EVP_aes_128_gcm(), EVP_aes_256_gcm(),
		EVP_chacha20_poly1305() };

	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		uint8_t d[CAP], e[CAP];
		size_t n, k;

		pair_init(&p, ciphers[i], P2V_SEAL_PER_KEY);
		for (int j = 0; j < 3; j++) {
			n = close_text(&p.a, "to b", d);
			cr_assert(opens(&p.b, d, n, "to b"));
			n = close_text(&p.b, "and to a", d);
			cr_assert(opens(&p.a, d, n, "and to a"));
		}
		n = close_text(&p.a, "", d);
		cr_assert(opens(&p.b, d, n, ""));
		n = close_text(&p.a, "mine", d);
		cr_assert_not(opens(&p.a, d, n, "mine"), "a mirror is no remote");
		n = close_text(&p.a, "in place", d);
		p.a.next--; /* to have the same bytes again */
		memcpy(e + P2V_SEAL_HEAD, "in place", 8);
		k = (size_t)p2v_seal_close(&p.a, e + P2V_SEAL_HEAD, 8, e, sizeof e);
		cr_assert_eq(k, n);
		cr_assert_eq(memcmp(d, e, n), 0);
		pair_fini(&p);
	}
}

static void expand(const char *label, uint8_t *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM v[] = { OSSL_PARAM_construct_utf8_string(
				   OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)to_b, sizeof to_b),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)label, strlen(label)),
		OSSL_PARAM_END };

	cr_assert_eq(EVP_KDF_derive(ctx, out, n, v), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* The same datagram, made as sdk/doc/protocol.md says it by other means. */
Test(seal, is_what_the_protocol_says)
{
	uint8_t key[16], iv[12], d[CAP], want[CAP] = { 48, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2 };
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	struct pair p;
	size_t n;
	int k = 0;

	pair_init(&p, EVP_aes_128_gcm(), P2V_SEAL_PER_KEY);
	p.a.next = 0x0102;
	n = close_text(&p.a, "as it is written", d);
	expand("p2v key", key, sizeof key);
	expand("p2v iv", iv, sizeof iv);
	expand("p2v cid", want + 1, 4);
	iv[10] ^= 1;
	iv[11] ^= 2;
	cr_assert(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv));
	cr_assert(EVP_EncryptUpdate(ctx, want + 11, &k, (const uint8_t *)"as it is written", 16));
	cr_assert(EVP_EncryptFinal_ex(ctx, want + 11 + k, &k));
	cr_assert(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, want + 11 + 16));
	cr_assert_eq(n, 11u + 16 + 16);
	cr_assert_eq(memcmp(d, want, n), 0);
	EVP_CIPHER_CTX_free(ctx);
	pair_fini(&p);
}

Test(seal, forgeries_are_dropped)
{
	struct pair p;
	uint8_t d[CAP], out[CAP];
	size_t n;

	pair_init(&p, EVP_aes_128_gcm(), P2V_SEAL_PER_KEY);
	n = close_text(&p.a, "untouched", d);
	for (size_t i = 0; i < n * 8; i++) {
		d[i / 8] ^= (uint8_t)(1u << i % 8);
		cr_assert_eq(
			p2v_seal_open(&p.b, d, n, out, sizeof out), P2V_EINTEGRITY, "bit %zu", i);
		d[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(p2v_seal_open(&p.b, d, i, out, sizeof out), P2V_EINTEGRITY);
	cr_assert_eq(p2v_seal_open(&p.b, d, n, out, 8), P2V_EINTEGRITY, "too large");
	cr_assert(opens(&p.b, d, n, "untouched"), "and nothing of it is remembered");
	pair_fini(&p);
}

Test(seal, each_number_opens_once)
{
	enum { ALL = 5000 };
	static uint8_t d[ALL][40];
	struct pair p;
	size_t n = 0;

	pair_init(&p, EVP_aes_128_gcm(), P2V_SEAL_PER_KEY);
	for (int i = 0; i < ALL; i++)
		n = close_text(&p.a, "x", d[i]);
	cr_assert(opens(&p.b, d[10], n, "x"));
	for (int i = 0; i < 10; i++)
		cr_assert(opens(&p.b, d[i], n, "x"), "%d came late", i);
	for (int i = 0; i <= 10; i++)
		cr_assert_not(opens(&p.b, d[i], n, "x"), "%d came again", i);
	/* Blocks of 100, each from its end: nothing is lost, nothing passes twice. */
	for (int from = 11; from + 100 < 2000; from += 100)
		for (int i = 99; i >= 0; i--) {
			cr_assert(opens(&p.b, d[from + i], n, "x"));
			cr_assert_not(opens(&p.b, d[from + i], n, "x"));
		}
	/* A gap that is wider than the window, and what lies before it. */
	cr_assert(opens(&p.b, d[4500], n, "x"));
	for (int i = 0; i < 4500; i++)
		if (i < 1911)
			cr_assert_not(opens(&p.b, d[i], n, "x"), "%d came again", i);
		else if (4501 - i > P2V_SEAL_WINDOW)
			cr_assert_not(opens(&p.b, d[i], n, "x"), "%d is too old", i);
		else if (4501 - i <= P2V_SEAL_WINDOW - 64)
			cr_assert(opens(&p.b, d[i], n, "x"), "%d was never there", i);
	cr_assert_not(opens(&p.b, d[4500], n, "x"));
	pair_fini(&p);
}

Test(seal, keys_turn)
{
	enum { PER_KEY = 16, ALL = 200 };
	static uint8_t d[ALL][40];
	struct pair p;
	size_t n = 0;

	pair_init(&p, EVP_aes_128_gcm(), PER_KEY);
	for (int i = 0; i < ALL; i++)
		n = close_text(&p.a, "x", d[i]);
	cr_assert_eq(p.a.out.era, (ALL - 1) / PER_KEY);
	cr_assert_neq(memcmp(p.a.out.secret, to_b, sizeof to_b), 0);
	for (int i = 0; i < 40; i++)
		cr_assert(opens(&p.b, d[i], n, "x"), "%d", i);
	cr_assert_eq(p.b.in.era, 2);
	/* A forgery that claims the next key does not turn it. */
	d[50][20] ^= 1;
	cr_assert_not(opens(&p.b, d[50], n, "x"));
	cr_assert_eq(p.b.in.era, 2);
	d[50][20] ^= 1;
	cr_assert(opens(&p.b, d[52], n, "x"), "the first of an era may be lost");
	cr_assert_eq(p.b.in.era, 3);
	cr_assert(opens(&p.b, d[50], n, "x"));
	cr_assert_not(opens(&p.b, d[45], n, "x"), "stragglers of the old key are lost");
	cr_assert_not(opens(&p.b, d[90], n, "x"), "no era is left out");
	for (int i = 64; i < ALL; i++)
		cr_assert(opens(&p.b, d[i], n, "x"), "%d", i);
	pair_fini(&p);
}

Test(seal, knows_its_limits)
{
	static const uint8_t text[100];
	struct pair p;
	uint8_t d[CAP];

	pair_init(&p, EVP_aes_128_gcm(), P2V_SEAL_PER_KEY);
	cr_assert_eq(p2v_seal_close(&p.a, text, 100, d, 126), P2V_ELIMIT);
	cr_assert_eq(p2v_seal_close(&p.a, text, 100, d, 127), 127);
	p.a.next = P2V_SEAL_NUMBERS;
	cr_assert_eq(
		p2v_seal_close(&p.a, text, 100, d, sizeof d), P2V_ELIMIT, "no number comes twice");
	pair_fini(&p);
}
