/* identity.c - a node's own key and certificates, what it shows of them, and its signatures. Whom
 * it believes is in identity_judge.c, how keys and certificates are made and read in
 * identity_certs.c.
 */
#include "framework/overlay/identity_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

static void chain_drop(struct p2v_slice *v, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		p2v_slice_drop(&v[i]);
	*n = 0;
}

/* ---- struct p2v_crypto ---- */

static void crypto_digest(
	void *self, const struct p2v_bytes *parts, size_t n, uint8_t out[P2V_DIGEST_SIZE])
{
	struct p2v_identity *me = self;
	int ok = EVP_DigestInit_ex(me->digest, me->sha256, NULL);

	for (size_t i = 0; i < n; i++)
		ok &= EVP_DigestUpdate(me->digest, parts[i].p, parts[i].n);
	ok &= EVP_DigestFinal_ex(me->digest, out, NULL);
	assert(ok == 1); /* all that it needs is there since the identity was made */
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
	struct p2v_known *k = NULL;

	if (memcmp(by, &me->id, sizeof *by) != 0) {
		k = p2v_known_find(me, by);
		if (!k || k->role != P2V_IS_PEER)
			return P2V_ENOENT;
	}
	return signature_fits(k ? k->key : me->key, digest, signature) ? P2V_OK : P2V_EINTEGRITY;
}

static int crypto_learn(
	void *self, const struct p2v_chain *chain, struct p2v_id *who, struct p2v_err *err)
{
	struct p2v_remote r;
	int rc = p2v_identity_judge(self, chain->v, chain->n, false, &r, err);

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
	struct p2v_bytes issuer;
	struct p2v_known *k;

	out->n = 0;
	if (memcmp(who, &me->id, sizeof *who) == 0) {
		if (!me->leaf)
			return P2V_ENOENT;
		out->v[out->n++] = (struct p2v_bytes){ me->chain[0].p, me->chain[0].n };
		return P2V_OK; /* whoever we speak with has our issuers from the handshake */
	}
	k = p2v_known_find(me, who);
	if (!k || k->role != P2V_IS_PEER)
		return P2V_ENOENT;
	out->v[out->n++] = (struct p2v_bytes){ k->der.p, k->der.n };
	issuer = (struct p2v_bytes){ k->issuer.p, k->issuer.n };
	if (issuer.n && !(me->n_chain > 1 && p2v_slice_is(me->chain[1], issuer)))
		out->v[out->n++] = issuer;
	return P2V_OK;
}

static bool crypto_allows(void *self, const struct p2v_id *who, const struct p2v_id *channel)
{
	struct p2v_identity *me = self;
	struct p2v_known *k;
	X509 *leaf;
	bool allowed;

	if (memcmp(who, &me->id, sizeof *who) == 0)
		return me->leaf && p2v_cert_allows(me->leaf, channel);
	k = p2v_known_find(me, who);
	if (!k || k->role != P2V_IS_PEER)
		return false;
	leaf = p2v_cert_from_der((struct p2v_bytes){ k->der.p, k->der.n });
	allowed = leaf && p2v_cert_allows(leaf, channel);
	X509_free(leaf);
	return allowed;
}

static int64_t crypto_expires(void *self)
{
	struct p2v_identity *me = self;

	if (me->fixed)
		return INT64_MAX;
	return me->leaf ? p2v_cert_until(me->leaf) : 0;
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
			.from = p2v_identity_wall(me) - 86400 * P2V_SECOND,
			.until = p2v_identity_wall(me) + INT64_C(3650) * 86400 * P2V_SECOND };
		X509 *c = p2v_cert_make(me->key, NULL, NULL, &w);

		if (c)
			self_signed = p2v_cert_slice(c);
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
		chain[k] = p2v_cert_slice(certs[k]);
		if (!chain[k].p) {
			chain_drop(chain, &k);
			return p2v_ssl_fail(err, P2V_ENOMEM, "no memory for a certificate");
		}
		if (k > 0)
			p2v_issuer_remember(me, certs[k]);
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
	if (rc == P2V_OK)
		rc = p2v_identity_verify(me, certs[0], chain->v, n, &issuer, err);
	if (rc == P2V_OK)
		rc = set_chain(me, certs, n, err);
	for (size_t i = 0; i < P2V_CHAIN_MAX; i++)
		X509_free(certs[i]);
	ERR_clear_error();
	return rc;
}

/* Its own issuer's end bounds what an issuer can promise. */
static int64_t issuing_until(const struct p2v_identity *me, int64_t wish)
{
	for (size_t i = 0; i < me->n_issuing; i++)
		if (p2v_cert_until(me->issuing[i]) < wish)
			wish = p2v_cert_until(me->issuing[i]);
	return wish;
}

/* The chain of what was issued last, kept until the next is. */
static int keep_issued(
	struct p2v_identity *me, X509 *leaf, struct p2v_chain *out, struct p2v_err *err)
{
	chain_drop(me->issued, &me->n_issued);
	me->issued[me->n_issued++] = p2v_cert_slice(leaf);
	for (size_t i = 0; i < me->n_issuing && me->n_issued < P2V_CHAIN_MAX; i++)
		me->issued[me->n_issued++] = p2v_cert_slice(me->issuing[i]);
	out->n = 0;
	for (size_t i = 0; i < me->n_issued; i++) {
		if (!me->issued[i].p)
			return p2v_fail(err, P2V_ENOMEM, "no memory for a certificate");
		out->v[out->n++] = (struct p2v_bytes){ me->issued[i].p, me->issued[i].n };
	}
	return P2V_OK;
}

static int crypto_issue(void *self, const struct p2v_id *who, const struct p2v_id *channels,
	size_t n, uint64_t lifetime, struct p2v_chain *out, struct p2v_err *err)
{
	struct p2v_identity *me = self;
	struct p2v_known *k = p2v_known_find(me, who);
	int64_t wall = p2v_identity_wall(me);
	char hex[2 * P2V_DIGEST_SIZE + 1];
	/* Clocks of viewers are often some minutes off. */
	struct p2v_cert_wish w = { .name = p2v_hex(who->b, P2V_DIGEST_SIZE, hex),
		.unit = "peer",
		.path = -2,
		.from = wall - 3600 * P2V_SECOND,
		.until = issuing_until(me, wall + (int64_t)lifetime * P2V_SECOND),
		.channels = channels,
		.n = n,
		.all_channels = n == 0 };
	X509 *c;
	int rc;

	if (!me->issuing_key)
		return p2v_fail(err, P2V_EPERM, "this node holds no issuing key");
	if (!k)
		return p2v_fail(err, P2V_ENOENT, "that key has not been seen in a handshake");
	if (w.until <= wall)
		return p2v_fail(err, P2V_EPERM, "the issuer's own certificate has expired");
	c = p2v_cert_make(k->key, me->issuing[0], me->issuing_key, &w);
	if (!c)
		return p2v_ssl_fail(err, P2V_ENOMEM, "a certificate could not be made");
	rc = keep_issued(me, c, out, err);
	/* From here on it is what it will be in its next handshake. */
	if (rc == P2V_OK && !p2v_known_add(me, c, who, P2V_IS_PEER, me->issuing[0]))
		rc = p2v_fail(err, P2V_ENOMEM, "no memory to remember a certificate");
	X509_free(c);
	return rc;
}

struct p2v_crypto p2v_identity_crypto(struct p2v_identity *me)
{
	static const struct p2v_crypto_ops ops = { .signature_size = P2V_SIGNATURE_SIZE,
		.digest = crypto_digest,
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

static void issuing_drop(struct p2v_identity *me)
{
	while (me->n_issuing)
		X509_free(me->issuing[--me->n_issuing]);
	EVP_PKEY_free(me->issuing_key);
	me->issuing_key = NULL;
}

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
	me->fixed = false;
	return show(me, err);
}

int p2v_identity_new(struct p2v_node *node, struct p2v_identity **out, struct p2v_err *err)
{
	struct p2v_identity *me = calloc(1, sizeof *me);
	int rc;

	if (!me)
		return p2v_fail(err, P2V_ENOMEM, "no memory for an identity");
	me->node = node;
	p2v_list_init(&me->known);
	me->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	me->digest = EVP_MD_CTX_new();
	if (!me->sha256 || !me->digest || EVP_DigestInit_ex(me->digest, me->sha256, NULL) != 1)
		rc = p2v_ssl_fail(err, P2V_ENOMEM, "OpenSSL gave no SHA-256");
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
	p2v_known_clear(me);
	chain_drop(me->chain, &me->n_chain);
	chain_drop(me->issued, &me->n_issued);
	for (size_t i = 0; i < me->n_issuers; i++)
		X509_free(me->issuers[i]);
	issuing_drop(me);
	X509_free(me->leaf);
	X509_STORE_free(me->store);
	EVP_PKEY_free(me->key);
	EVP_MD_CTX_free(me->digest);
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
	p2v_known_clear(me); /* they were believed on another's word */
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
	if (rc == P2V_OK)
		me->fixed = fixed;
	return rc;
}

int p2v_identity_issuer(struct p2v_identity *me, struct p2v_str certificate, struct p2v_str key,
	struct p2v_err *err)
{
	int rc = P2V_OK;

	issuing_drop(me);
	me->n_issuing = p2v_certs_from_pem(certificate, me->issuing, P2V_CHAIN_MAX - 1);
	me->issuing_key = p2v_key_from_pem(key);
	if (me->n_issuing == 0)
		rc = p2v_fail(err, P2V_ECONF, "there is no issuer's certificate in it");
	else if (!me->issuing_key || X509_check_private_key(me->issuing[0], me->issuing_key) != 1)
		rc = p2v_fail(
			err, P2V_ECONF, "the issuing key does not fit the issuer's certificate");
	if (rc < 0)
		issuing_drop(
			me); /* a key without its certificate would sign what nobody believes */
	ERR_clear_error();
	return rc;
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
