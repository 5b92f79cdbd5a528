/* session.c - DTLS 1.2 by OpenSSL: what all sessions of a node share, that is its certificates, the
 * cookie that stands before any state, and the call to whoever judges the remote. One session's
 * records are in session_record.c. */
#include "framework/dtl/session_inside.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>

enum { CHAIN_MAX = 8 };
#define SECRET_LIFE (60 * P2V_SECOND)

/* ---- the cookie: RFC 6347 section 4.2.1 ---- */

/* Secrets are drawn when a call needs one, and two are kept, so that a cookie is good for one to
 * two lives. */
static void refresh_secret(struct p2v_dtls *d)
{
	struct p2v_world *w = &d->node->world;
	p2v_usec now = p2v_now(w);

	if (d->secret_made != P2V_UNKNOWN && now - d->secret_made < SECRET_LIFE)
		return;
	if (d->secret_made == P2V_UNKNOWN || now - d->secret_made >= 2 * SECRET_LIFE)
		w->ops->entropy(w->self, d->secret[1], sizeof d->secret[1]);
	else
		memcpy(d->secret[1], d->secret[0], sizeof d->secret[1]);
	w->ops->entropy(w->self, d->secret[0], sizeof d->secret[0]);
	d->secret_made = now;
}

static bool make_cookie(
	const struct p2v_dtls *d, int which, uint8_t out[EVP_MAX_MD_SIZE], unsigned *n)
{
	uint8_t who[18];

	memcpy(who, d->from->ip, 16);
	who[16] = (uint8_t)(d->from->port >> 8);
	who[17] = (uint8_t)d->from->port;
	return HMAC(EVP_sha256(), d->secret[which], P2V_COOKIE_SECRET, who, sizeof who, out, n);
}

static struct p2v_dtls *of_ssl(SSL *ssl)
{
	return ((struct dtls_record *)SSL_get_app_data(ssl))->of;
}

static int cookie_generate(SSL *ssl, unsigned char *cookie, unsigned *n)
{
	struct p2v_dtls *d = of_ssl(ssl);

	refresh_secret(d);
	return make_cookie(d, 0, cookie, n);
}

static int cookie_verify(SSL *ssl, const unsigned char *cookie, unsigned n)
{
	struct p2v_dtls *d = of_ssl(ssl);
	uint8_t want[EVP_MAX_MD_SIZE];
	unsigned k = 0;

	refresh_secret(d);
	for (int i = 0; i < 2; i++)
		if (make_cookie(d, i, want, &k) && k == n && CRYPTO_memcmp(want, cookie, n) == 0)
			return 1;
	return 0;
}

/* ---- who the remote is ---- */

static int judge_chain(struct dtls_record *r, const STACK_OF(X509) * sk, struct p2v_err *err)
{
	struct p2v_bytes chain[CHAIN_MAX];
	int most = sk_X509_num(sk), code = P2V_ENOMEM;
	size_t n = 0;

	if (most < 1 || most > CHAIN_MAX)
		return p2v_fail(err, P2V_EPERM, "it shows %d certificates", most);
	for (; n < (size_t)most; n++) {
		unsigned char *der = NULL;
		int len = i2d_X509(sk_X509_value(sk, (int)n), &der);

		if (len <= 0) {
			(void)p2v_fail(err, P2V_ENOMEM, "no memory for a certificate");
			goto fail;
		}
		chain[n] = (struct p2v_bytes){ der, (size_t)len };
	}
	code = r->of->trust.judge(r->of->trust.ctx, chain, n, r->base.client, &r->base.remote, err);
fail:
	for (size_t i = 0; i < n; i++)
		OPENSSL_free((void *)(uintptr_t)chain[i].p);
	return code;
}

static int verify(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct dtls_record *r = SSL_get_app_data(ssl);
	struct p2v_err err = { P2V_EPERM, "the certificate was refused" }, *why;

	(void)arg;
	if (judge_chain(r, X509_STORE_CTX_get0_untrusted(store), &err) == P2V_OK) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	r->base.refused = true;
	why = p2v_record_wrong(&r->base);
	if (why)
		*why = err;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

/* ---- credentials ---- */

static EVP_PKEY *read_key(struct p2v_bytes b)
{
	const unsigned char *p = b.p;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)b.n);
	char group[32] = "";
	size_t n = 0;

	if (key && (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || p != b.p + b.n ||
			   !EVP_PKEY_get_group_name(key, group, sizeof group, &n) ||
			   strcmp(group, "prime256v1") != 0)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/* @return the certificates of the chain but its leaf, which goes to *leaf; NULL: one does not parse
 */
static STACK_OF(X509) * read_chain(const struct p2v_bytes *chain, size_t n, X509 **leaf)
{
	STACK_OF(X509) *sk = sk_X509_new_null();

	*leaf = NULL;
	for (size_t i = 0; sk && i < n; i++) {
		const unsigned char *p = chain[i].p;
		X509 *x = d2i_X509(NULL, &p, (long)chain[i].n);

		if (x && i == 0) {
			*leaf = x;
		} else if (!x || !sk_X509_push(sk, x)) {
			X509_free(x);
			sk_X509_pop_free(sk, X509_free);
			sk = NULL;
		}
	}
	if (!sk) {
		X509_free(*leaf);
		*leaf = NULL;
	}
	return sk;
}

int p2v_dtls_credentials(struct p2v_dtls *d, struct p2v_bytes key, const struct p2v_bytes *chain,
	size_t n, struct p2v_err *err)
{
	EVP_PKEY *pkey = read_key(key);
	X509 *leaf = NULL;
	STACK_OF(X509) *rest = n ? read_chain(chain, n, &leaf) : NULL;
	int code = P2V_OK;

	if (!pkey)
		code = p2v_fail(err, P2V_ECONF, "the private key is no P-256 key");
	else if (!leaf || !rest)
		code = p2v_fail(err, P2V_ECONF, "the certificates do not parse");
	else if (!X509_check_private_key(leaf, pkey))
		code = p2v_fail(
			err, P2V_ECONF, "the private key does not belong to the certificate");
	else if (!SSL_CTX_use_cert_and_key(d->ctx, leaf, pkey, rest, 1))
		code = p2v_fail(err, P2V_ECONF, "the certificate cannot be used: %s",
			ERR_reason_error_string(ERR_peek_last_error()));
	if (code == P2V_OK) {
		d->ready = true;
		p2v_dtls_record_free(d->listener); /* it shows what was true before */
		d->listener = NULL;
	}
	X509_free(leaf);
	sk_X509_pop_free(rest, X509_free);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return code;
}

/* ---- birth and death ---- */

static bool set_up(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
	SSL_CTX_set_cookie_generate_cb(ctx, cookie_generate);
	SSL_CTX_set_cookie_verify_cb(ctx, cookie_verify);
	return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) &&
	       SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) &&
	       SSL_CTX_set_max_send_fragment(ctx, 2048) &&
	       SSL_CTX_set_cipher_list(ctx,
		       "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
		       "ECDHE-ECDSA-CHACHA20-POLY1305") &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256") &&
	       SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256:ECDSA+SHA384:ed25519");
}

int p2v_dtls_new(struct p2v_node *node, const struct p2v_trust *trust, struct p2v_dtls **out,
	struct p2v_err *err)
{
	struct p2v_dtls *d = calloc(1, sizeof *d);

	*out = NULL;
	if (!d)
		return p2v_fail(err, P2V_ENOMEM, "no memory for DTLS");
	d->node = node;
	d->trust = *trust;
	d->secret_made = P2V_UNKNOWN;
	d->bio = p2v_dtls_bio_new();
	d->ctx = SSL_CTX_new(DTLS_method());
	if (!d->bio || !d->ctx || !set_up(d->ctx)) {
		const char *why = ERR_reason_error_string(ERR_peek_last_error());
		int code = p2v_fail(
			err, P2V_ENOMEM, "DTLS cannot be set up: %s", why ? why : "no memory");

		ERR_clear_error();
		p2v_dtls_free(d);
		return code;
	}
	*out = d;
	return P2V_OK;
}

void p2v_dtls_free(struct p2v_dtls *d)
{
	if (!d)
		return;
	p2v_dtls_record_free(d->listener);
	SSL_CTX_free(d->ctx);
	BIO_meth_free(d->bio);
	OPENSSL_cleanse(d->secret, sizeof d->secret);
	free(d);
}

struct p2v_records p2v_dtls_records(struct p2v_dtls *d)
{
	return (struct p2v_records){ &p2v_dtls_ops, d };
}
