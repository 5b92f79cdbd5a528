/* identity_inside.h - what the identity files share: the node's own key and chain, whom it
 * believes, and the certificates that it has seen. */
#ifndef P2V_OVERLAY_IDENTITY_INSIDE_H
#define P2V_OVERLAY_IDENTITY_INSIDE_H

#include <string.h>

#include "framework/base/hash.h"
#include "framework/base/list.h"
#include "framework/base/slice.h"
#include "framework/overlay/identity_certs.h"

enum {
	P2V_KNOWN_MAX = 1024,          /* a viewer's machine has little memory */
	P2V_KNOWN_GUESTS_MAX = 131072, /* of a tracker: more than it can have sessions, for it asks
					  about each member again and again */
	P2V_ISSUERS_MAX = 16
};

/** A certificate that we have seen and believed. */
struct p2v_known {
	struct p2v_id id;
	EVP_PKEY *key;
	struct p2v_slice der;    /* parsed when it is asked, as that takes half the room */
	struct p2v_slice issuer; /* DER of whoever issued it, without the authority's own; empty:
				    the authority itself */
	int64_t until;           /* [us] wall time */
	enum p2v_standing role;
	struct p2v_list in_known;
	UT_hash_handle hh;
};

struct p2v_identity {
	struct p2v_node *node;
	EVP_MD *sha256;
	EVP_MD_CTX *digest; /* made once, so that a digest needs no memory */
	EVP_PKEY *key;
	struct p2v_id id;
	X509_STORE *store; /* the authority; NULL: none yet */
	struct p2v_slice chain[P2V_CHAIN_MAX];
	size_t n_chain;
	X509 *leaf;                     /* of the chain, NULL: none */
	X509 *issuers[P2V_ISSUERS_MAX]; /* the latest last */
	size_t n_issuers;
	X509 *issuing[P2V_CHAIN_MAX]; /* our own issuer's certificates, when we are a tracker */
	size_t n_issuing;
	EVP_PKEY *issuing_key;
	struct p2v_slice issued[P2V_CHAIN_MAX]; /* what issue() handed out last */
	size_t n_issued;
	bool guests;
	bool fixed; /* the certificate was given, not enrolled for: it is neither renewed nor
		       forgotten */
	struct p2v_known *by_id;
	struct p2v_list known; /* the one that was of use last, last */
	p2v_identity_shown shown;
	void *shown_ctx;
};

static inline bool p2v_slice_is(struct p2v_slice a, struct p2v_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ---- identity_judge.c ---- */

/** @return what is known of a peer; NULL: nothing, or its certificate has ended */
struct p2v_known *p2v_known_find(struct p2v_identity *me, const struct p2v_id *id);
/** Remember a certificate that was verified; it takes the place of an older one of that id.
 * @param issuer  [in] NULL: the authority itself
 * @return NULL: no memory */
struct p2v_known *p2v_known_add(struct p2v_identity *me, X509 *leaf, const struct p2v_id *id,
	enum p2v_standing role, X509 *issuer);
void p2v_known_clear(struct p2v_identity *me);
/** Remember an issuer that a chain brought along, so that leaves can come without it later. */
void p2v_issuer_remember(struct p2v_identity *me, X509 *c);
/** The judge of handshakes and of chains that come from elsewhere.
 * @return P2V_OK; P2V_EPERM, P2V_ENOMEM with err, and a line in the log */
int p2v_identity_judge(void *me, const struct p2v_bytes *chain, size_t n, bool dialled,
	struct p2v_remote *out, struct p2v_err *err);
/** Verify a chain up to our authority, which has to be set.
 * @param leaf    [in] the certificate of chain[0]
 * @param issuer  [out] who issued it, borrowed from the table of issuers; NULL: the authority
 * itself
 * @return P2V_OK; P2V_EPERM, P2V_ENOMEM with err */
int p2v_identity_verify(struct p2v_identity *me, X509 *leaf, const struct p2v_bytes *chain,
	size_t n, X509 **issuer, struct p2v_err *err);
/** @return its DER; .p == NULL: no memory */
struct p2v_slice p2v_cert_slice(X509 *c);
/** @return [us] since 1970, from when on it is no longer valid */
int64_t p2v_cert_until(X509 *c);
int64_t p2v_identity_wall(const struct p2v_identity *me);

#endif
