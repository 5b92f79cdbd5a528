/* identity.h - who a node is, and whom it believes: its key and certificate, the authority it
 * trusts, the certificates it has seen. The real maker of struct p2v_crypto, and the judge of
 * handshakes. No files here: PEM texts go in and out. */
#ifndef P2V_OVERLAY_IDENTITY_H
#define P2V_OVERLAY_IDENTITY_H

#include "framework/base/node.h"
#include "framework/base/text.h"
#include "framework/dtl/record.h"

struct p2v_identity;

/** An identity with a fresh key, no certificate, and no authority: everyone is refused until one is
 * set.
 * @param node  [in] outlives it: the clock and the log */
P2V_MUST_USE int p2v_identity_new(
	struct p2v_node *node, struct p2v_identity **out, struct p2v_err *err);
void p2v_identity_free(struct p2v_identity *me);

struct p2v_crypto p2v_identity_crypto(struct p2v_identity *me);
struct p2v_trust p2v_identity_trust(struct p2v_identity *me);

/** Whom to believe. @param pem  [in] the authority's certificate */
P2V_MUST_USE int p2v_identity_authority(
	struct p2v_identity *me, struct p2v_str pem, struct p2v_err *err);
/** Use this key instead of the fresh one. @param pem  [in] P-256 private key */
P2V_MUST_USE int p2v_identity_key(struct p2v_identity *me, struct p2v_str pem, struct p2v_err *err);
/** Show these certificates, the leaf first. They are shown even when our own authority would refuse
 * them: it is the others' part to judge.
 * @param fixed  they were given to this node: they are neither renewed nor forgotten
 * @return P2V_OK; P2V_ECONF: no certificate in the text, or not of our key */
P2V_MUST_USE int p2v_identity_certificate(
	struct p2v_identity *me, struct p2v_str pem, bool fixed, struct p2v_err *err);
/** Hold an issuing key, as a tracker does. @param pem  [in] certificates of the issuer; its private
 * key */
P2V_MUST_USE int p2v_identity_issuer(struct p2v_identity *me, struct p2v_str certificate,
	struct p2v_str key, struct p2v_err *err);
/** Whether strangers that only prove to hold a key may shake hands: trackers say yes, so that they
 * can enrol. */
void p2v_identity_admit_guests(struct p2v_identity *me, bool yes);

/** Called whenever what the transport should show has changed.
 * @param key    [in] DER (PKCS #8)
 * @param chain  [in] a self-signed certificate while there is no better one */
typedef void (*p2v_identity_shown)(void *ctx, struct p2v_bytes key, const struct p2v_chain *chain);
/** Also calls it now. */
P2V_MUST_USE int p2v_identity_on_change(
	struct p2v_identity *me, p2v_identity_shown fn, void *ctx, struct p2v_err *err);

/** The private key as PEM, for keeping it. */
P2V_MUST_USE int p2v_identity_export_key(
	struct p2v_identity *me, struct p2v_text *out, struct p2v_err *err);
/** What is shown now as PEM, the leaf first. */
P2V_MUST_USE int p2v_identity_export_certificate(
	struct p2v_identity *me, struct p2v_text *out, struct p2v_err *err);

/** Everything that a new authority consists of, as PEM texts. */
struct p2v_authority {
	struct p2v_text ca, ca_key; /* agents pin ca; ca_key is kept offline */
	struct p2v_text issuer,
		issuer_key; /* the tracker issues with it: it can make peers, but no trackers */
	struct p2v_text tracker, tracker_key; /* by which agents know the tracker */
};
/** Make one.
 * @param name  [in] for the certificates' subjects
 * @param wall  [us] now, since 1970
 * @param days  that it is valid; issuer and tracker half as long */
P2V_MUST_USE int p2v_authority_make(const char *name, int64_t wall, uint32_t days,
	struct p2v_authority *out, struct p2v_err *err);
void p2v_authority_fini(struct p2v_authority *a);

#endif
