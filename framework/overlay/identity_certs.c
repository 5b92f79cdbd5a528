/* identity_certs.c - keys and certificates: made, read, written. Whom to believe is identity.c's
 * business. */
#include "framework/overlay/identity_certs.h"

#include <limits.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define CHANNEL_URI "p2v:channel:"

int p2v_ssl_fail(struct p2v_err *err, int code, const char *what)
{
	unsigned long e = ERR_peek_error();
	const char *why = e ? ERR_reason_error_string(e) : NULL;

	(void)p2v_fail(err, code, "%s%s%s", what, why ? ": " : "", why ? why : "");
	ERR_clear_error();
	return code;
}

/* ---- keys ---- */

EVP_PKEY *p2v_key_new(void)
{
	return EVP_EC_gen("P-256");
}

bool p2v_key_is_p256(EVP_PKEY *key)
{
	char group[32] = "";
	size_t n;

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof group, &n) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

EVP_PKEY *p2v_key_from_pem(struct p2v_str pem)
{
	BIO *in = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *key = NULL;

	/* An empty pass phrase, so that an encrypted key is refused instead of asking on a
	 * terminal. */
	if (in)
		key = PEM_read_bio_PrivateKey(in, NULL, NULL, (void *)(uintptr_t) "");
	BIO_free(in);
	if (key && !p2v_key_is_p256(key)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static bool take_pem(BIO *out, struct p2v_text *text)
{
	char *p;
	long n = BIO_get_mem_data(out, &p);

	if (n > 0)
		p2v_text_add(text, p, (size_t)n);
	return n > 0 && !text->oom;
}

bool p2v_key_to_pem(EVP_PKEY *key, struct p2v_text *text)
{
	BIO *out = BIO_new(BIO_s_secmem());
	bool ok = out && PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		  take_pem(out, text);

	BIO_free(out);
	return ok;
}

bool p2v_key_id(EVP_PKEY *key, struct p2v_id *out)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	bool ok = n > 0 && EVP_Digest(der, (size_t)n, out->b, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return ok;
}

/* ---- certificates ---- */

X509 *p2v_cert_from_der(struct p2v_bytes der)
{
	const unsigned char *p = der.p;
	X509 *c = der.n <= LONG_MAX ? d2i_X509(NULL, &p, (long)der.n) : NULL;

	if (c && p != der.p + der.n) { /* something follows the certificate: not ours to guess at */
		X509_free(c);
		c = NULL;
	}
	return c;
}

size_t p2v_certs_from_pem(struct p2v_str pem, X509 **out, size_t max)
{
	BIO *in = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	size_t n = 0;

	while (in && n < max && (out[n] = PEM_read_bio_X509(in, NULL, NULL, NULL)))
		n++;
	BIO_free(in);
	ERR_clear_error();
	return n;
}

bool p2v_cert_to_pem(X509 *c, struct p2v_text *text)
{
	BIO *out = BIO_new(BIO_s_mem());
	bool ok = out && PEM_write_bio_X509(out, c) == 1 && take_pem(out, text);

	BIO_free(out);
	return ok;
}

enum p2v_standing p2v_cert_role(X509 *c)
{
	char unit[32] = "";

	(void)X509_NAME_get_text_by_NID(
		X509_get_subject_name(c), NID_organizationalUnitName, unit, sizeof unit);
	if (strcmp(unit, "peer") == 0)
		return P2V_IS_PEER;
	return strcmp(unit, "tracker") == 0 ? P2V_IS_TRACKER : P2V_IS_GUEST;
}

static bool set_subject(X509 *c, const struct p2v_cert_wish *w)
{
	X509_NAME *name = X509_NAME_new();
	bool ok = name &&
		  X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
			  (const unsigned char *)"peer2view", -1, -1, 0) &&
		  X509_NAME_add_entry_by_txt(
			  name, "OU", MBSTRING_UTF8, (const unsigned char *)w->unit, -1, -1, 0) &&
		  X509_NAME_add_entry_by_txt(
			  name, "CN", MBSTRING_UTF8, (const unsigned char *)w->name, -1, -1, 0) &&
		  X509_set_subject_name(c, name);

	X509_NAME_free(name);
	return ok;
}

static bool set_serial(X509 *c)
{
	unsigned char random[16];
	BIGNUM *n = NULL;
	bool ok;

	if (RAND_bytes(random, sizeof random) != 1)
		return false;
	random[0] &= 0x7f; /* positive, RFC 5280 4.1.2.2 */
	n = BN_bin2bn(random, sizeof random, NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(c));
	BN_free(n);
	return ok;
}

static bool set_time(ASN1_TIME *t, int64_t wall)
{
	return ASN1_TIME_adj(t, 0, 0, 0) &&
	       X509_time_adj_ex(t, 0, 0, &(time_t){ (time_t)(wall / P2V_SECOND) });
}

static bool extend(X509 *c, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx(&ctx, issuer ? issuer : c, c, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(c, e, -1);
	X509_EXTENSION_free(e);
	return ok;
}

static bool set_channels(X509 *c, X509 *issuer, const struct p2v_cert_wish *w)
{
	struct p2v_text names = { 0 };
	char hex[2 * P2V_DIGEST_SIZE + 1];
	bool ok;

	if (!w->all_channels && w->n == 0)
		return true;
	if (w->all_channels)
		p2v_text_puts(&names, "URI:" CHANNEL_URI "*");
	for (size_t i = 0; i < w->n && !w->all_channels; i++)
		p2v_text_printf(&names, "%sURI:" CHANNEL_URI "%s", i ? "," : "",
			p2v_hex(w->channels[i].b, P2V_DIGEST_SIZE, hex));
	ok = !names.oom && extend(c, issuer, NID_subject_alt_name, names.p);
	p2v_text_fini(&names);
	return ok;
}

static bool set_uses(X509 *c, X509 *issuer, const struct p2v_cert_wish *w)
{
	char ca[48];

	if (w->path == -2)
		return extend(c, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
		       extend(c, issuer, NID_key_usage, "critical,digitalSignature") &&
		       extend(c, issuer, NID_ext_key_usage, "clientAuth,serverAuth");
	if (w->path >= 0)
		(void)snprintf(ca, sizeof ca, "critical,CA:TRUE,pathlen:%d", w->path);
	else
		(void)snprintf(ca, sizeof ca, "critical,CA:TRUE");
	return extend(c, issuer, NID_basic_constraints, ca) &&
	       extend(c, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
}

X509 *p2v_cert_make(
	EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const struct p2v_cert_wish *w)
{
	X509 *c = X509_new();

	if (c && X509_set_version(c, X509_VERSION_3) && set_serial(c) && set_subject(c, w) &&
		X509_set_issuer_name(c, X509_get_subject_name(issuer ? issuer : c)) &&
		set_time(X509_getm_notBefore(c), w->from) &&
		set_time(X509_getm_notAfter(c), w->until) && X509_set_pubkey(c, key) &&
		set_uses(c, issuer, w) && extend(c, issuer, NID_subject_key_identifier, "hash") &&
		(!issuer || extend(c, issuer, NID_authority_key_identifier, "keyid:always")) &&
		set_channels(c, issuer, w) && X509_sign(c, issuer ? issuer_key : key, EVP_sha256()))
		return c;
	X509_free(c);
	return NULL;
}

bool p2v_cert_allows(X509 *c, const struct p2v_id *channel)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c, NID_subject_alt_name, NULL, NULL);
	char wanted[sizeof CHANNEL_URI + 2 * P2V_DIGEST_SIZE];
	bool found = false;

	memcpy(wanted, CHANNEL_URI, sizeof CHANNEL_URI - 1);
	(void)p2v_hex(channel->b, P2V_DIGEST_SIZE, wanted + sizeof CHANNEL_URI - 1);
	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
		struct p2v_str uri;

		if (g->type != GEN_URI)
			continue;
		uri.p = (const char *)ASN1_STRING_get0_data(g->d.uniformResourceIdentifier);
		uri.n = (size_t)ASN1_STRING_length(g->d.uniformResourceIdentifier);
		found = p2v_str_is(uri, CHANNEL_URI "*") || p2v_str_is(uri, wanted);
	}
	GENERAL_NAMES_free(names);
	return found;
}

/* ---- a new authority ---- */

static bool make_member(EVP_PKEY *ca_key, X509 *ca, const struct p2v_cert_wish *w,
	struct p2v_text *cert, struct p2v_text *key_pem)
{
	EVP_PKEY *key = p2v_key_new();
	X509 *c = key ? p2v_cert_make(key, ca, ca_key, w) : NULL;
	bool ok = c && p2v_cert_to_pem(c, cert) && p2v_key_to_pem(key, key_pem);

	X509_free(c);
	EVP_PKEY_free(key);
	return ok;
}

int p2v_authority_make(const char *name, int64_t wall, uint32_t days, struct p2v_authority *out,
	struct p2v_err *err)
{
	const int64_t life = (int64_t)days * 86400 * P2V_SECOND, since = wall - 3600 * P2V_SECOND;
	struct p2v_cert_wish ca_wish = {
		.name = name, .unit = "authority", .path = 1, .from = since, .until = wall + life
	};
	struct p2v_cert_wish issuer_wish = {
		.name = name, .unit = "issuer", .path = 0, .from = since, .until = wall + life / 2
	};
	struct p2v_cert_wish tracker_wish = {
		.name = name, .unit = "tracker", .path = -2, .from = since, .until = wall + life / 2
	};
	EVP_PKEY *key = p2v_key_new();
	X509 *ca = key ? p2v_cert_make(key, NULL, NULL, &ca_wish) : NULL;
	bool ok;

	memset(out, 0, sizeof *out);
	ok = ca && p2v_cert_to_pem(ca, &out->ca) && p2v_key_to_pem(key, &out->ca_key) &&
	     make_member(key, ca, &issuer_wish, &out->issuer, &out->issuer_key) &&
	     make_member(key, ca, &tracker_wish, &out->tracker, &out->tracker_key);
	X509_free(ca);
	EVP_PKEY_free(key);
	if (ok)
		return P2V_OK;
	p2v_authority_fini(out);
	return p2v_ssl_fail(err, P2V_ENOMEM, "the authority's certificates could not be made");
}

void p2v_authority_fini(struct p2v_authority *a)
{
	struct p2v_text *texts[] = { &a->ca, &a->ca_key, &a->issuer, &a->issuer_key, &a->tracker,
		&a->tracker_key };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (texts[i]->p)
			OPENSSL_cleanse(texts[i]->p, texts[i]->n);
		p2v_text_fini(texts[i]);
	}
}
