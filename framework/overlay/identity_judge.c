/* identity_judge.c - whom a node believes: chains verified up to its authority, and the
 * certificates that it remembers of others. What it shows of itself is in identity.c. */
#include "framework/overlay/identity_inside.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

struct p2v_slice p2v_cert_slice(X509 *c)
{
	unsigned char *der = NULL;
	int n = i2d_X509(c, &der);
	struct p2v_slice s = { NULL, NULL, 0 };

	if (n > 0)
		s = p2v_slice_copy(der, (size_t)n);
	OPENSSL_free(der);
	return s;
}

int64_t p2v_cert_until(X509 *c)
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

int64_t p2v_identity_wall(const struct p2v_identity *me)
{
	return me->node->world.ops->wall(me->node->world.self);
}

/* ---- what was seen and believed ---- */

static void known_free(struct p2v_identity *me, struct p2v_known *k)
{
	if (P2V_HASH_ADDED(hh, k))
		HASH_DEL(me->by_id, k);
	p2v_list_remove(&k->in_known);
	EVP_PKEY_free(k->key);
	p2v_slice_drop(&k->der);
	p2v_slice_drop(&k->issuer);
	free(k);
}

struct p2v_known *p2v_known_find(struct p2v_identity *me, const struct p2v_id *id)
{
	struct p2v_known *k;

	HASH_FIND(hh, me->by_id, id, sizeof *id, k);
	if (k && k->until <= p2v_identity_wall(me)) {
		known_free(me, k);
		return NULL;
	}
	if (k) {
		p2v_list_remove(&k->in_known);
		p2v_list_push(&me->known, &k->in_known);
	}
	return k;
}

struct p2v_known *p2v_known_add(struct p2v_identity *me, X509 *leaf, const struct p2v_id *id,
	enum p2v_standing role, X509 *issuer)
{
	struct p2v_known *k = p2v_known_find(me, id);

	if (k)
		known_free(me, k);
	else if (HASH_COUNT(me->by_id) >= (me->guests ? P2V_KNOWN_GUESTS_MAX : P2V_KNOWN_MAX))
		known_free(me, P2V_OF(p2v_list_first(&me->known), struct p2v_known, in_known));
	k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	k->id = *id;
	k->role = role;
	k->until = p2v_cert_until(leaf);
	k->key = X509_get_pubkey(leaf);
	k->der = p2v_cert_slice(leaf);
	if (issuer) {
		k->issuer = p2v_cert_slice(issuer);
		if (p2v_cert_until(issuer) < k->until)
			k->until = p2v_cert_until(issuer);
	}
	p2v_list_push(&me->known, &k->in_known);
	HASH_ADD(hh, me->by_id, id, sizeof k->id, k);
	if (P2V_HASH_ADDED(hh, k) && k->key && k->der.p && (!issuer || k->issuer.p))
		return k;
	known_free(me, k);
	return NULL;
}

void p2v_known_clear(struct p2v_identity *me)
{
	while (!p2v_list_empty(&me->known))
		known_free(me, P2V_OF(p2v_list_first(&me->known), struct p2v_known, in_known));
}

void p2v_issuer_remember(struct p2v_identity *me, X509 *c)
{
	for (size_t i = 0; i < me->n_issuers; i++)
		if (X509_cmp(me->issuers[i], c) == 0)
			return;
	if (!X509_up_ref(c))
		return;
	if (me->n_issuers == P2V_ISSUERS_MAX) {
		X509_free(me->issuers[0]);
		memmove(me->issuers, me->issuers + 1,
			(P2V_ISSUERS_MAX - 1) * sizeof me->issuers[0]);
		me->n_issuers--;
	}
	me->issuers[me->n_issuers++] = c;
}

/* ---- judging ---- */

static int expired(X509_STORE_CTX *ctx, struct p2v_err *err)
{
	X509 *c = X509_STORE_CTX_get_current_cert(ctx);
	BIO *when = c ? BIO_new(BIO_s_mem()) : NULL;
	char date[64] = "?";

	if (when && ASN1_TIME_print(when, X509_get0_notAfter(c)) == 1) {
		int n = BIO_read(when, date, sizeof date - 1);

		date[n > 0 ? n : 0] = 0;
	}
	BIO_free(when);
	return p2v_fail(err, P2V_EPERM, "the %s expired on %s",
		X509_STORE_CTX_get_error_depth(ctx) > 0 ? "issuer's certificate" : "certificate",
		date);
}

static int refuse(X509_STORE_CTX *ctx, struct p2v_err *err)
{
	int e = X509_STORE_CTX_get_error(ctx);

	switch (e) {
	case X509_V_ERR_CERT_HAS_EXPIRED: return expired(ctx, err);
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

/* An issuing key lies on a machine that is online: it may make peers, but no trackers. */
static int check_role(X509 *leaf, int length, struct p2v_err *err)
{
	switch (p2v_cert_role(leaf)) {
	case P2V_IS_PEER: return P2V_OK;
	case P2V_IS_TRACKER:
		return length == 2
			       ? P2V_OK
			       : p2v_fail(err, P2V_EPERM,
					 "a tracker's certificate must come from the authority itself");
	default:
		return p2v_fail(
			err, P2V_EPERM, "the certificate is neither a peer's nor a tracker's");
	}
}

/* Issuers of a chain that verified, without the authority itself, are remembered.
 * @return the leaf's; NULL: the authority itself */
static X509 *remember_issuers(struct p2v_identity *me, STACK_OF(X509) * verified)
{
	int n = sk_X509_num(verified);
	X509 *first = n > 2 ? sk_X509_value(verified, 1) : NULL;

	for (int i = n - 2; i > 0; i--)
		p2v_issuer_remember(me, sk_X509_value(verified, i));
	for (size_t k = 0; first && k < me->n_issuers; k++)
		if (X509_cmp(me->issuers[k], first) == 0)
			return me->issuers[k];
	return NULL;
}

int p2v_identity_verify(struct p2v_identity *me, X509 *leaf, const struct p2v_bytes *chain,
	size_t n, X509 **issuer, struct p2v_err *err)
{
	STACK_OF(X509) *untrusted = untrusted_of(me, chain, n), *verified;
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int rc;

	*issuer = NULL;
	if (!ctx || !untrusted || X509_STORE_CTX_init(ctx, me->store, leaf, untrusted) != 1) {
		rc = p2v_ssl_fail(err, P2V_ENOMEM, "no memory to verify a certificate");
		goto out;
	}
	X509_STORE_CTX_set_time(ctx, 0, (time_t)(p2v_identity_wall(me) / P2V_SECOND));
	if (X509_verify_cert(ctx) != 1) {
		rc = refuse(ctx, err);
		goto out;
	}
	verified = X509_STORE_CTX_get0_chain(ctx);
	*issuer = remember_issuers(me, verified);
	rc = sk_X509_num(verified) > 2 && !*issuer
		     ? p2v_fail(err, P2V_ENOMEM, "no memory to remember an issuer")
		     : check_role(leaf, sk_X509_num(verified), err);
out:
	X509_STORE_CTX_free(ctx);
	sk_X509_pop_free(untrusted, X509_free);
	ERR_clear_error();
	return rc;
}

static int believe(struct p2v_identity *me, X509 *leaf, const struct p2v_bytes *chain, size_t n,
	const struct p2v_id *id, struct p2v_remote *out, struct p2v_err *err)
{
	X509 *issuer = NULL;
	enum p2v_standing role = p2v_cert_role(leaf);
	int rc = P2V_OK;

	if (me->guests && X509_self_signed(leaf, 1) == 1)
		role = P2V_IS_GUEST;
	else if (!me->store)
		rc = p2v_fail(err, P2V_EPERM, "no authority is set, so nobody is believed");
	else
		rc = p2v_identity_verify(me, leaf, chain, n, &issuer, err);
	if (rc == P2V_OK && !p2v_known_add(me, leaf, id, role, issuer))
		rc = p2v_fail(err, P2V_ENOMEM, "no memory to remember a certificate");
	if (rc == P2V_OK)
		*out = (struct p2v_remote){ *id, role };
	ERR_clear_error();
	return rc;
}

static int judge_leaf(struct p2v_identity *me, X509 *leaf, const struct p2v_bytes *chain, size_t n,
	struct p2v_remote *out, struct p2v_err *err)
{
	EVP_PKEY *key = leaf ? X509_get0_pubkey(leaf) : NULL;
	struct p2v_known *k;

	if (!key)
		return p2v_fail(err, P2V_EPERM, "the certificate cannot be read");
	if (!p2v_key_id(key, &out->id))
		return p2v_ssl_fail(err, P2V_ENOMEM, "the key's id could not be computed");
	if (!p2v_key_is_p256(key))
		return p2v_fail(err, P2V_EPERM, "the certificate's key is not of P-256");
	k = p2v_known_find(me, &out->id);
	if (!k || !p2v_slice_is(k->der, chain[0]) || (k->role == P2V_IS_GUEST && !me->guests))
		return believe(me, leaf, chain, n, &out->id, out, err);
	out->role = k->role;
	return P2V_OK;
}

int p2v_identity_judge(void *self, const struct p2v_bytes *chain, size_t n, bool dialled,
	struct p2v_remote *out, struct p2v_err *err)
{
	struct p2v_identity *me = self;
	struct p2v_err why = { P2V_OK, "" };
	X509 *leaf = n ? p2v_cert_from_der(chain[0]) : NULL;
	uint64_t peer;
	int rc;

	memset(out, 0, sizeof *out);
	rc = judge_leaf(me, leaf, chain, n, out, &why);
	peer = p2v_id_short(&out->id);
	if (rc < 0) {
		p2v_log_once(me->node, P2V_LOG_WARN, "certificate_refused", peer,
			"peer=%016llx dialled=%d why=\"%s\"", (unsigned long long)peer, dialled,
			why.text);
		(void)p2v_fail(err, rc, "%s", why.text);
	}
	X509_free(leaf);
	ERR_clear_error();
	return rc;
}

struct p2v_trust p2v_identity_trust(struct p2v_identity *me)
{
	return (struct p2v_trust){ me, p2v_identity_judge };
}
