/* identity.c - whom a node believes: certificates judged and remembered, signatures made and
 * checked. How keys and certificates are made and read is in identity_certs.c. */
#include "framework/overlay/identity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "framework/base/hash.h"
#include "framework/base/slice.h"
#include "framework/overlay/identity_certs.h"

enum { KNOWN_MAX = 4096, ISSUERS_MAX = 16 };

/** A certificate that we have seen and believed. */
struct known {
	struct p2v_id id;
	EVP_PKEY *key;
	X509 *leaf;
	struct p2v_slice der;
	struct p2v_slice issuer; /* DER of whoever issued it, without the authority's own; empty:
				    the authority itself */
	int64_t until;           /* [us] wall time */
	enum p2v_standing role;
	UT_hash_handle hh;
};

struct p2v_identity {
	struct p2v_node *node;
	EVP_MD *sha256;
	EVP_PKEY *key;
	struct p2v_id id;
	X509_STORE *store; /* the authority; NULL: none yet */
	struct p2v_slice chain[P2V_CHAIN_MAX];
	size_t n_chain;
	X509 *leaf; /* of the chain, NULL: none */
	X509 *issuers[ISSUERS_MAX];
	size_t n_issuers;
	X509 *issuing[P2V_CHAIN_MAX]; /* our own issuer's certificates, when we are a tracker */
	size_t n_issuing;
	EVP_PKEY *issuing_key;
	struct p2v_slice issued[P2V_CHAIN_MAX]; /* what issue() handed out last */
	size_t n_issued;
	bool guests;
	bool fixed; /* the certificate was given, not enrolled for: it is neither renewed nor
		       forgotten */
	struct known *known;
	p2v_identity_shown shown;
	void *shown_ctx;
};

static struct p2v_slice der_of(X509 *c)
{
	unsigned char *der = NULL;
	int n = i2d_X509(c, &der);
	struct p2v_slice s = { NULL, NULL, 0 };

	if (n > 0)
		s = p2v_slice_copy(der, (size_t)n);
	OPENSSL_free(der);
	return s;
}

static bool same(struct p2v_slice a, struct p2v_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void chain_drop(struct p2v_slice *v, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		p2v_slice_drop(&v[i]);
	*n = 0;
}

static int64_t until_of(X509 *c)
{
	struct tm tm;
	int64_t days, y, m;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(c), &tm) != 1)
		return 0;
	/* Days since 1970 of a proleptic Gregorian date (Hinnant's days_from_civil): timegm is not
	 * ISO C. */
	y = tm.tm_year + 1900 - (tm.tm_mon < 2);
	m = (tm.tm_mon + 10) % 12;
	days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + tm.tm_mday - 1 - 719468;
	return (((days * 24 + tm.tm_hour) * 60 + tm.tm_min) * 60 + tm.tm_sec) * P2V_SECOND;
}

static int64_t wall(const struct p2v_identity *me)
{
	return me->node->world.ops->wall(me->node->world.self);
}

/* ---- what was seen and believed ---- */

static void known_free(struct p2v_identity *me, struct known *k)
{
	HASH_DEL(me->known, k);
	EVP_PKEY_free(k->key);
	X509_free(k->leaf);
	p2v_slice_drop(&k->der);
	p2v_slice_drop(&k->issuer);
	free(k);
}

static struct known *known_find(struct p2v_identity *me, const struct p2v_id *id)
{
	struct known *k;

	HASH_FIND(hh, me->known, id, sizeof *id, k);
	if (k && k->until < wall(me)) {
		known_free(me, k);
		return NULL;
	}
	return k;
}

static struct known *known_add(struct p2v_identity *me, X509 *leaf, const struct p2v_id *id,
	enum p2v_standing role, X509 *issuer)
{
	struct known *k = known_find(me, id);

	if (k)
		known_free(me, k);
	else if (HASH_COUNT(me->known) >= KNOWN_MAX)
		known_free(me, me->known); /* the one that was added first */
	k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	k->id = *id;
	k->role = role;
	k->until = until_of(leaf);
	k->key = X509_get_pubkey(leaf);
	k->der = der_of(leaf);
	if (issuer)
		k->issuer = der_of(issuer);
	if (X509_up_ref(leaf))
		k->leaf = leaf;
	HASH_ADD(hh, me->known, id, sizeof k->id, k);
	if (P2V_HASH_ADDED(hh, k) && k->key && k->leaf && k->der.p && (!issuer || k->issuer.p))
		return k;
	if (P2V_HASH_ADDED(hh, k)) {
		known_free(me, k);
	} else {
		EVP_PKEY_free(k->key);
		X509_free(k->leaf);
		p2v_slice_drop(&k->der);
		p2v_slice_drop(&k->issuer);
		free(k);
	}
	return NULL;
}

/* Remember an issuer that a chain brought along, so that leaves can come without it later. */
static void issuer_remember(struct p2v_identity *me, X509 *c)
{
	for (size_t i = 0; i < me->n_issuers; i++)
		if (X509_cmp(me->issuers[i], c) == 0)
			return;
	if (me->n_issuers < ISSUERS_MAX && X509_up_ref(c))
		me->issuers[me->n_issuers++] = c;
}

/* ---- judging ---- */

static int refuse(X509_STORE_CTX *ctx, X509 *leaf, struct p2v_err *err)
{
	int e = X509_STORE_CTX_get_error(ctx);
	BIO *when;
	char date[64] = "?";

	switch (e) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		when = BIO_new(BIO_s_mem());
		if (when && ASN1_TIME_print(when, X509_get0_notAfter(leaf)) == 1) {
			int n = BIO_read(when, date, sizeof date - 1);

			date[n > 0 ? n : 0] = 0;
		}
		BIO_free(when);
		return p2v_fail(err, P2V_EPERM, "the certificate expired on %s", date);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return p2v_fail(
			err, P2V_EPERM, "the certificate is not valid yet: is a clock wrong?");
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return p2v_fail(err, P2V_EPERM, "the certificate is of another authority");
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return p2v_fail(
			err, P2V_EPERM, "the certificate is of no authority, it is self-signed");
	default:
		return p2v_fail(err, P2V_EPERM, "the certificate does not verify: %s",
			X509_verify_cert_error_string(e));
	}
}

/* Verify leaf up to our authority.
 * @param issuer  [out] who issued it, NULL: the authority itself; borrowed from the table of
 * issuers */
static int verify_chain(struct p2v_identity *me, X509 *leaf, STACK_OF(X509) * untrusted,
	X509 **issuer, struct p2v_err *err)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int rc = P2V_ENOMEM;

	*issuer = NULL;
	if (!ctx || X509_STORE_CTX_init(ctx, me->store, leaf, untrusted) != 1) {
		rc = p2v_ssl_fail(err, P2V_ENOMEM, "no memory to verify a certificate");
		goto out;
	}
	X509_STORE_CTX_set_time(ctx, 0, (time_t)(wall(me) / P2V_SECOND));
	if (X509_verify_cert(ctx) != 1) {
		rc = refuse(ctx, leaf, err);
		goto out;
	}
	rc = P2V_OK;
	for (int i = 1; i + 1 < sk_X509_num(X509_STORE_CTX_get0_chain(ctx)); i++) {
		X509 *c = sk_X509_value(X509_STORE_CTX_get0_chain(ctx), i);

		issuer_remember(me, c);
		for (size_t k = 0; i == 1 && k < me->n_issuers; k++)
			if (X509_cmp(me->issuers[k], c) == 0)
				*issuer = me->issuers[k];
	}
	/* An issuing key lies on a machine that is online: it may make peers, but no trackers. */
	if (p2v_cert_role(leaf) == P2V_IS_TRACKER &&
		sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) != 2)
		rc = p2v_fail(err, P2V_EPERM,
			"a tracker's certificate must come from the authority itself");
	else if (p2v_cert_role(leaf) == P2V_IS_GUEST)
		rc = p2v_fail(
			err, P2V_EPERM, "the certificate is neither a peer's nor a tracker's");
out:
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

/* The chain's further certificates and all issuers that we know. */
static STACK_OF(X509) *
	untrusted_of(struct p2v_identity *me, const struct p2v_bytes *chain, size_t n)
{
	STACK_OF(X509) *sk = sk_X509_new_null();

	for (size_t i = 1; sk && i < n && i < P2V_CHAIN_MAX; i++) {
		X509 *c = p2v_cert_from_der(chain[i]);

		if (c && sk_X509_push(sk, c) <= 0)
			X509_free(c);
	}
	for (size_t i = 0; sk && i < me->n_issuers; i++)
		if (X509_up_ref(me->issuers[i]) && sk_X509_push(sk, me->issuers[i]) <= 0)
			X509_free(me->issuers[i]);
	return sk;
}

static int believe(struct p2v_identity *me, X509 *leaf, const struct p2v_bytes *chain, size_t n,
	const struct p2v_id *id, struct p2v_remote *out, struct p2v_err *err)
{
	STACK_OF(X509) *untrusted = untrusted_of(me, chain, n);
	X509 *issuer = NULL;
	enum p2v_standing role = p2v_cert_role(leaf);
	int rc = P2V_OK;

	if (me->guests && X509_self_signed(leaf, 1) == 1)
		role = P2V_IS_GUEST;
	else if (!me->store)
		rc = p2v_fail(err, P2V_EPERM, "no authority is set, so nobody is believed");
	else
		rc = verify_chain(me, leaf, untrusted, &issuer, err);
	if (rc == P2V_OK && !known_add(me, leaf, id, role, issuer))
		rc = p2v_fail(err, P2V_ENOMEM, "no memory to remember a certificate");
	if (rc == P2V_OK)
		*out = (struct p2v_remote){ *id, role };
	sk_X509_pop_free(untrusted, X509_free);
	ERR_clear_error();
	return rc;
}

static int judge(void *ctx, const struct p2v_bytes *chain, size_t n, bool dialled,
	struct p2v_remote *out, struct p2v_err *err)
{
	struct p2v_identity *me = ctx;
	struct p2v_err why = { P2V_OK, "" };
	X509 *leaf = n ? p2v_cert_from_der(chain[0]) : NULL;
	EVP_PKEY *key = leaf ? X509_get0_pubkey(leaf) : NULL;
	struct p2v_id id;
	struct known *k;
	int rc;

	if (!key || !EVP_PKEY_is_a(key, "EC") || !p2v_key_id(key, &id)) {
		X509_free(leaf);
		ERR_clear_error();
		p2v_count(&me->node->metrics, P2V_M_HANDSHAKES_REFUSED, 1);
		return p2v_fail(err, P2V_EPERM, "the certificate cannot be read");
	}
	k = known_find(me, &id);
	if (k && same(k->der, chain[0]) && (k->role != P2V_IS_GUEST || me->guests)) {
		*out = (struct p2v_remote){ id, k->role };
		rc = P2V_OK;
	} else {
		rc = believe(me, leaf, chain, n, &id, out, &why);
	}
	if (rc < 0) {
		p2v_count(&me->node->metrics, P2V_M_HANDSHAKES_REFUSED, 1);
		p2v_log_once(me->node, P2V_LOG_WARN, "certificate_refused", p2v_id_short(&id),
			"peer=%016llx dialled=%d why=\"%s\"", (unsigned long long)p2v_id_short(&id),
			dialled, why.text);
		(void)p2v_fail(err, rc, "%s", why.text);
	}
	X509_free(leaf);
	return rc;
}

struct p2v_trust p2v_identity_trust(struct p2v_identity *me)
{
	return (struct p2v_trust){ me, judge };
}

/* ---- struct p2v_crypto ---- */

static void crypto_digest(
	void *self, const struct p2v_bytes *parts, size_t n, uint8_t out[P2V_DIGEST_SIZE])
{
	struct p2v_identity *me = self;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, me->sha256, NULL) == 1;

	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	if (!ok || EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		memset(out, 0, P2V_DIGEST_SIZE); /* no memory: a digest that matches nothing */
	EVP_MD_CTX_free(ctx);
}

static const struct p2v_id *crypto_id(void *self)
{
	return &((struct p2v_identity *)self)->id;
}

static int crypto_sign(
	void *self, const uint8_t digest[P2V_DIGEST_SIZE], uint8_t out[P2V_SIGNATURE_SIZE])
{
	struct p2v_identity *me = self;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(me->key, NULL);
	unsigned char der[80];
	const unsigned char *p = der;
	size_t n = sizeof der;
	ECDSA_SIG *sig = NULL;
	bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
		  EVP_PKEY_sign(ctx, der, &n, digest, P2V_DIGEST_SIZE) == 1;

	if (ok)
		sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32;
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok ? P2V_OK : P2V_ENOMEM;
}

static bool signature_fits(EVP_PKEY *key, const uint8_t *digest, const uint8_t *signature)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	unsigned char *der = NULL;
	int n;
	bool ok;

	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(sig);
		EVP_PKEY_CTX_free(ctx);
		return false;
	}
	n = i2d_ECDSA_SIG(sig, &der);
	ok = n > 0 && ctx && EVP_PKEY_verify_init(ctx) == 1 &&
	     EVP_PKEY_verify(ctx, der, (size_t)n, digest, P2V_DIGEST_SIZE) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

static int crypto_verify(void *self, const struct p2v_id *by, const uint8_t digest[P2V_DIGEST_SIZE],
	const uint8_t signature[P2V_SIGNATURE_SIZE])
{
	struct p2v_identity *me = self;
	struct known *k = NULL;

	if (memcmp(by, &me->id, sizeof *by) != 0) {
		k = known_find(me, by);
		if (!k || k->role == P2V_IS_GUEST)
			return P2V_ENOENT;
	}
	return signature_fits(k ? k->key : me->key, digest, signature) ? P2V_OK : P2V_EINTEGRITY;
}

static int crypto_learn(
	void *self, const struct p2v_chain *chain, struct p2v_id *who, struct p2v_err *err)
{
	struct p2v_remote r;
	int rc = judge(self, chain->v, chain->n, false, &r, err);

	if (rc < 0)
		return rc;
	if (r.role != P2V_IS_PEER)
		return p2v_fail(err, P2V_EPERM, "the certificate is no peer's");
	*who = r.id;
	return P2V_OK;
}

static int crypto_chain(void *self, const struct p2v_id *who, struct p2v_chain *out)
{
	struct p2v_identity *me = self;
	struct known *k;

	out->n = 0;
	if (memcmp(who, &me->id, sizeof *who) == 0) {
		if (!me->leaf)
			return P2V_ENOENT;
		out->v[out->n++] = (struct p2v_bytes){ me->chain[0].p, me->chain[0].n };
		return P2V_OK; /* whoever we speak with has our issuers from the handshake */
	}
	k = known_find(me, who);
	if (!k || k->role != P2V_IS_PEER)
		return P2V_ENOENT;
	out->v[out->n++] = (struct p2v_bytes){ k->der.p, k->der.n };
	if (k->issuer.n && !(me->n_chain > 1 && same(me->chain[1], (struct p2v_bytes){ k->issuer.p,
									   k->issuer.n })))
		out->v[out->n++] = (struct p2v_bytes){ k->issuer.p, k->issuer.n };
	return P2V_OK;
}

static bool crypto_allows(void *self, const struct p2v_id *who, const struct p2v_id *channel)
{
	struct p2v_identity *me = self;
	struct known *k;

	if (memcmp(who, &me->id, sizeof *who) == 0)
		return me->leaf && p2v_cert_allows(me->leaf, channel);
	k = known_find(me, who);
	return k && k->role == P2V_IS_PEER && p2v_cert_allows(k->leaf, channel);
}

static int64_t crypto_expires(void *self)
{
	struct p2v_identity *me = self;

	if (me->fixed)
		return INT64_MAX;
	return me->leaf ? until_of(me->leaf) : 0;
}

/* ---- what this node shows ---- */

static int show(struct p2v_identity *me, struct p2v_err *err)
{
	struct p2v_chain chain = { .n = 0 };
	struct p2v_slice self_signed = { NULL, NULL, 0 };
	unsigned char *key = NULL;
	int n;

	if (!me->shown)
		return P2V_OK;
	if (me->n_chain == 0) {
		char hex[2 * P2V_DIGEST_SIZE + 1];
		struct p2v_cert_wish w = { .name = p2v_hex(me->id.b, P2V_DIGEST_SIZE, hex),
			.unit = "guest",
			.path = -2,
			.from = wall(me) - 86400 * P2V_SECOND,
			.until = wall(me) + INT64_C(3650) * 86400 * P2V_SECOND };
		X509 *c = p2v_cert_make(me->key, NULL, NULL, &w);

		if (c)
			self_signed = der_of(c);
		X509_free(c);
		if (!self_signed.p)
			return p2v_ssl_fail(
				err, P2V_ENOMEM, "a self-signed certificate could not be made");
		chain.v[chain.n++] = (struct p2v_bytes){ self_signed.p, self_signed.n };
	}
	for (size_t i = 0; i < me->n_chain; i++)
		chain.v[chain.n++] = (struct p2v_bytes){ me->chain[i].p, me->chain[i].n };
	{
		PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(me->key);

		n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &key) : -1;
		PKCS8_PRIV_KEY_INFO_free(info);
	}
	if (n > 0)
		me->shown(me->shown_ctx, (struct p2v_bytes){ key, (size_t)n }, &chain);
	OPENSSL_clear_free(key, n > 0 ? (size_t)n : 0);
	p2v_slice_drop(&self_signed);
	return n > 0 ? P2V_OK
		     : p2v_ssl_fail(err, P2V_ENOMEM, "the private key could not be encoded");
}

static int set_chain(struct p2v_identity *me, X509 **certs, size_t n, struct p2v_err *err)
{
	struct p2v_slice chain[P2V_CHAIN_MAX] = { { NULL, NULL, 0 } };
	size_t k = 0;

	if (X509_check_private_key(certs[0], me->key) != 1) {
		ERR_clear_error();
		return p2v_fail(
			err, P2V_ECONF, "the certificate is not of this node's private key");
	}
	for (; k < n; k++) {
		chain[k] = der_of(certs[k]);
		if (!chain[k].p) {
			chain_drop(chain, &k);
			return p2v_ssl_fail(err, P2V_ENOMEM, "no memory for a certificate");
		}
		if (k > 0)
			issuer_remember(me, certs[k]);
	}
	chain_drop(me->chain, &me->n_chain);
	X509_free(me->leaf);
	memcpy(me->chain, chain, sizeof chain);
	me->n_chain = n;
	me->leaf = X509_up_ref(certs[0]) ? certs[0] : NULL;
	return show(me, err);
}

static int crypto_install(void *self, const struct p2v_chain *chain, struct p2v_err *err)
{
	struct p2v_identity *me = self;
	X509 *certs[P2V_CHAIN_MAX] = { NULL }, *issuer;
	STACK_OF(X509) *untrusted = NULL;
	int rc = P2V_OK;
	size_t n = 0;

	for (; n < chain->n && rc == P2V_OK; n++)
		if (!(certs[n] = p2v_cert_from_der(chain->v[n])))
			rc = p2v_fail(err, P2V_EPERM, "certificate %zu of the chain cannot be read",
				n + 1);
	if (rc == P2V_OK && me->fixed)
		rc = p2v_fail(err, P2V_EPERM, "the certificate was given, and is not replaced");
	if (rc == P2V_OK && n == 0) {
		chain_drop(me->chain, &me->n_chain);
		X509_free(me->leaf);
		me->leaf = NULL;
		return show(me, err);
	}
	if (rc == P2V_OK && !me->store)
		rc = p2v_fail(err, P2V_EPERM, "no authority is set");
	if (rc == P2V_OK) {
		untrusted = untrusted_of(me, chain->v, n);
		rc = verify_chain(me, certs[0], untrusted, &issuer, err);
	}
	if (rc == P2V_OK)
		rc = set_chain(me, certs, n, err);
	sk_X509_pop_free(untrusted, X509_free);
	for (size_t i = 0; i < P2V_CHAIN_MAX; i++)
		X509_free(certs[i]);
	ERR_clear_error();
	return rc;
}

static int crypto_issue(void *self, const struct p2v_id *who, const struct p2v_id *channels,
	size_t n, uint64_t lifetime, struct p2v_chain *out, struct p2v_err *err)
{
	struct p2v_identity *me = self;
	struct known *k = known_find(me, who);
	char hex[2 * P2V_DIGEST_SIZE + 1];
	/* Clocks of viewers are often some minutes off. */
	struct p2v_cert_wish w = { .name = p2v_hex(who->b, P2V_DIGEST_SIZE, hex),
		.unit = "peer",
		.path = -2,
		.from = wall(me) - 3600 * P2V_SECOND,
		.until = wall(me) + (int64_t)lifetime * P2V_SECOND,
		.channels = channels,
		.n = n,
		.all_channels = n == 0 };
	X509 *c;

	if (!me->issuing_key)
		return p2v_fail(err, P2V_EPERM, "this node holds no issuing key");
	if (!k)
		return p2v_fail(err, P2V_ENOENT, "that key has not been seen in a handshake");
	c = p2v_cert_make(k->key, me->issuing[0], me->issuing_key, &w);
	if (!c)
		return p2v_ssl_fail(err, P2V_ENOMEM, "a certificate could not be made");
	chain_drop(me->issued, &me->n_issued);
	me->issued[me->n_issued++] = der_of(c);
	X509_free(c);
	for (size_t i = 0; i < me->n_issuing && me->n_issued < P2V_CHAIN_MAX; i++)
		me->issued[me->n_issued++] = der_of(me->issuing[i]);
	out->n = 0;
	for (size_t i = 0; i < me->n_issued; i++) {
		if (!me->issued[i].p)
			return p2v_fail(err, P2V_ENOMEM, "no memory for a certificate");
		out->v[out->n++] = (struct p2v_bytes){ me->issued[i].p, me->issued[i].n };
	}
	return P2V_OK;
}

struct p2v_crypto p2v_identity_crypto(struct p2v_identity *me)
{
	static const struct p2v_crypto_ops ops = { .digest = crypto_digest,
		.id = crypto_id,
		.sign = crypto_sign,
		.verify = crypto_verify,
		.learn = crypto_learn,
		.chain = crypto_chain,
		.allows = crypto_allows,
		.expires = crypto_expires,
		.install = crypto_install,
		.issue = crypto_issue };

	return (struct p2v_crypto){ &ops, me };
}

/* ---- setting it up ---- */

static int set_key(struct p2v_identity *me, EVP_PKEY *key, struct p2v_err *err)
{
	struct p2v_id id;

	if (!key)
		return p2v_ssl_fail(err, P2V_ECONF, "that is no P-256 private key in PEM");
	if (!p2v_key_id(key, &id)) {
		EVP_PKEY_free(key);
		return p2v_ssl_fail(err, P2V_ENOMEM, "the key's id could not be computed");
	}
	EVP_PKEY_free(me->key);
	me->key = key;
	me->id = id;
	chain_drop(me->chain, &me->n_chain);
	X509_free(me->leaf);
	me->leaf = NULL;
	return show(me, err);
}

int p2v_identity_new(struct p2v_node *node, struct p2v_identity **out, struct p2v_err *err)
{
	struct p2v_identity *me = calloc(1, sizeof *me);
	int rc;

	if (!me)
		return p2v_fail(err, P2V_ENOMEM, "no memory for an identity");
	me->node = node;
	me->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!me->sha256)
		rc = p2v_ssl_fail(err, P2V_ENOMEM, "OpenSSL has no SHA-256");
	else
		rc = set_key(me, p2v_key_new(), err);
	if (rc < 0)
		p2v_identity_free(me);
	else
		*out = me;
	return rc;
}

void p2v_identity_free(struct p2v_identity *me)
{
	if (!me)
		return;
	while (me->known)
		known_free(me, me->known);
	chain_drop(me->chain, &me->n_chain);
	chain_drop(me->issued, &me->n_issued);
	for (size_t i = 0; i < me->n_issuers; i++)
		X509_free(me->issuers[i]);
	for (size_t i = 0; i < me->n_issuing; i++)
		X509_free(me->issuing[i]);
	X509_free(me->leaf);
	X509_STORE_free(me->store);
	EVP_PKEY_free(me->issuing_key);
	EVP_PKEY_free(me->key);
	EVP_MD_free(me->sha256);
	free(me);
}

int p2v_identity_authority(struct p2v_identity *me, struct p2v_str pem, struct p2v_err *err)
{
	X509 *ca = NULL;
	X509_STORE *store;

	if (p2v_certs_from_pem(pem, &ca, 1) != 1)
		return p2v_fail(err, P2V_ECONF, "there is no certificate in it");
	store = X509_STORE_new();
	if (!store || X509_STORE_add_cert(store, ca) != 1) {
		X509_STORE_free(store);
		X509_free(ca);
		return p2v_ssl_fail(err, P2V_ENOMEM, "no memory for the authority");
	}
	X509_free(ca);
	X509_STORE_free(me->store);
	me->store = store;
	while (me->known) /* they were believed on another's word */
		known_free(me, me->known);
	return P2V_OK;
}

int p2v_identity_key(struct p2v_identity *me, struct p2v_str pem, struct p2v_err *err)
{
	return set_key(me, p2v_key_from_pem(pem), err);
}

int p2v_identity_certificate(
	struct p2v_identity *me, struct p2v_str pem, bool fixed, struct p2v_err *err)
{
	X509 *certs[P2V_CHAIN_MAX] = { NULL };
	size_t n = p2v_certs_from_pem(pem, certs, P2V_CHAIN_MAX);
	int rc = n ? set_chain(me, certs, n, err)
		   : p2v_fail(err, P2V_ECONF, "there is no certificate in it");

	for (size_t i = 0; i < n; i++)
		X509_free(certs[i]);
	me->fixed = rc == P2V_OK && fixed;
	return rc;
}

int p2v_identity_issuer(struct p2v_identity *me, struct p2v_str certificate, struct p2v_str key,
	struct p2v_err *err)
{
	me->n_issuing = p2v_certs_from_pem(certificate, me->issuing, P2V_CHAIN_MAX - 1);
	me->issuing_key = p2v_key_from_pem(key);
	if (me->n_issuing == 0)
		return p2v_fail(err, P2V_ECONF, "there is no issuer's certificate in it");
	if (!me->issuing_key || X509_check_private_key(me->issuing[0], me->issuing_key) != 1)
		return p2v_ssl_fail(
			err, P2V_ECONF, "the issuing key does not fit the issuer's certificate");
	return P2V_OK;
}

void p2v_identity_admit_guests(struct p2v_identity *me, bool yes)
{
	me->guests = yes;
}

int p2v_identity_on_change(
	struct p2v_identity *me, p2v_identity_shown fn, void *ctx, struct p2v_err *err)
{
	me->shown = fn;
	me->shown_ctx = ctx;
	return show(me, err);
}

int p2v_identity_export_key(struct p2v_identity *me, struct p2v_text *out, struct p2v_err *err)
{
	if (!p2v_key_to_pem(me->key, out))
		return p2v_ssl_fail(err, P2V_ENOMEM, "the private key could not be written");
	return P2V_OK;
}

int p2v_identity_export_certificate(
	struct p2v_identity *me, struct p2v_text *out, struct p2v_err *err)
{
	for (size_t i = 0; i < me->n_chain; i++) {
		X509 *c = p2v_cert_from_der((struct p2v_bytes){ me->chain[i].p, me->chain[i].n });
		bool ok = c && p2v_cert_to_pem(c, out);

		X509_free(c);
		if (!ok)
			return p2v_ssl_fail(
				err, P2V_ENOMEM, "the certificate could not be written");
	}
	return P2V_OK;
}
