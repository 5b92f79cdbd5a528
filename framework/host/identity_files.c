/* identity_files.c - identities out of files. */
#include "framework/host/identity_files.h"

#include <stdlib.h>
#include <string.h>

#include "framework/host/authority.h"
#include "framework/host/files.h"

#define KEY_FILE         "peer.key"
#define CERTIFICATE_FILE "peer.pem"

const struct p2v_option p2v_identity_options[] = {
	P2V_OPT_TEXT(struct p2v_identity_conf, authority, "", 0, 1000,
		"file with the certificate of the authority whose members are believed (ca.pem); needed with a tracker"),
	P2V_OPT_TEXT(struct p2v_identity_conf, certificate, "", 0, 1000,
		"file with certificates given to this node, its own first; by default it enrols with the tracker"),
	P2V_OPT_TEXT(struct p2v_identity_conf, key, "", 0, 1000,
		"file with the private key of that certificate"),
	P2V_OPT_TEXT(struct p2v_identity_conf, directory, "", 0, 1000,
		"folder in which key and certificate are kept between runs; by default each run is a new peer"),
	P2V_OPT_END
};

int p2v_identity_conf_check(const void *vconf, struct p2v_err *err)
{
	const struct p2v_identity_conf *conf = vconf;

	if (!*conf->certificate != !*conf->key)
		return p2v_fail(err, P2V_ECONF, "certificate and key come together");
	if (*conf->certificate && *conf->directory)
		return p2v_fail(err, P2V_ECONF,
			"a node whose certificate is given keeps none in a directory");
	return P2V_OK;
}

/* Hand a file's text to a setter of the identity, and name option and file in what goes wrong. */
static int use_file(struct p2v_keys *k, const char *option, const char *path,
	int (*use)(struct p2v_identity *me, struct p2v_str pem, struct p2v_err *err),
	struct p2v_err *err)
{
	struct p2v_text text = { 0 };
	struct p2v_err why;
	int rc = p2v_file_read(path, &text, &why);

	if (rc < 0) {
		(void)p2v_fail(err, rc, "%s: %s", option, why.text);
	} else {
		rc = use(k->identity, (struct p2v_str){ text.p ? text.p : "", text.n }, &why);
		if (rc < 0)
			(void)p2v_fail(err, rc, "%s: %s: %s", option, path, why.text);
	}
	p2v_text_fini(&text);
	return rc;
}

static int use_fixed(struct p2v_identity *me, struct p2v_str pem, struct p2v_err *err)
{
	return p2v_identity_certificate(me, pem, true, err);
}

static int use_kept(struct p2v_identity *me, struct p2v_str pem, struct p2v_err *err)
{
	return p2v_identity_certificate(me, pem, false, err);
}

/* ---- keeping them ---- */

static int save(struct p2v_keys *k, const char *name, struct p2v_text *text, bool secret,
	struct p2v_err *err)
{
	char *path = p2v_path_join(k->directory, name);
	int rc = path && !text->oom
			 ? p2v_file_write(path, (struct p2v_str){ text->p, text->n }, secret, err)
			 : p2v_fail(err, P2V_ENOMEM, "no memory to keep %s", name);

	free(path);
	return rc;
}

static void shown(void *ctx, struct p2v_bytes key, const struct p2v_chain *chain)
{
	struct p2v_keys *k = ctx;
	struct p2v_text text = { 0 };
	struct p2v_err err;
	int rc = p2v_dtls_credentials(k->dtls, key, chain->v, chain->n, &err);

	if (rc < 0)
		p2v_log(k->node, P2V_LOG_ERROR, "credentials", "why=\"%s\"", err.text);
	if (k->directory && p2v_identity_export_certificate(k->identity, &text, &err) == P2V_OK &&
		text.n > 0 && save(k, CERTIFICATE_FILE, &text, false, &err) < 0)
		p2v_log(k->node, P2V_LOG_WARN, "certificate_not_kept", "why=\"%s\"", err.text);
	p2v_text_fini(&text);
}

static int keep_new_key(struct p2v_keys *k, struct p2v_err *err)
{
	struct p2v_text text = { 0 };
	struct p2v_err why;
	int rc = p2v_identity_export_key(k->identity, &text, &why);

	if (rc == P2V_OK)
		rc = save(k, KEY_FILE, &text, true, &why);
	if (rc < 0)
		(void)p2v_fail(err, rc, "directory: %s", why.text);
	if (text.p)
		memset(text.p, 0, text.n);
	p2v_text_fini(&text);
	return rc;
}

/* What an earlier run left; a certificate that is of no use any more is left alone, as a new one
 * will come. */
static int use_kept_files(
	struct p2v_keys *k, const char *key, const char *certificate, struct p2v_err *err)
{
	struct p2v_err why;
	int rc = use_file(k, "directory", key, p2v_identity_key, err);

	if (rc == P2V_ENOENT)
		return keep_new_key(k, err);
	if (rc == P2V_OK && use_file(k, "directory", certificate, use_kept, &why) < 0 &&
		why.code != P2V_ENOENT)
		p2v_log(k->node, P2V_LOG_WARN, "certificate_unread", "why=\"%s\"", why.text);
	return rc;
}

static int use_directory(struct p2v_keys *k, struct p2v_err *err)
{
	char *key = p2v_path_join(k->directory, KEY_FILE),
	     *certificate = p2v_path_join(k->directory, CERTIFICATE_FILE);
	struct p2v_err why;
	int rc = P2V_ENOMEM;

	if (!key || !certificate)
		(void)p2v_fail(err, rc, "directory: no memory for a path");
	else if ((rc = p2v_folder_make(k->directory, true, &why)) < 0)
		(void)p2v_fail(err, rc, "directory: %s", why.text);
	else
		rc = use_kept_files(k, key, certificate, err);
	free(key);
	free(certificate);
	return rc;
}

/* ---- the two roles ---- */

static int begin(struct p2v_keys *k, struct p2v_node *node, struct p2v_err *err)
{
	struct p2v_trust trust;
	int rc;

	*k = (struct p2v_keys){ .node = node };
	rc = p2v_identity_new(node, &k->identity, err);
	if (rc < 0)
		return rc;
	node->crypto = p2v_identity_crypto(k->identity);
	trust = p2v_identity_trust(k->identity);
	return p2v_dtls_new(node, &trust, &k->dtls, err);
}

int p2v_keys_of_agent(struct p2v_keys *k, struct p2v_node *node,
	const struct p2v_identity_conf *conf, struct p2v_err *err)
{
	int rc = begin(k, node, err);

	if (rc == P2V_OK && *conf->authority)
		rc = use_file(k, "authority", conf->authority, p2v_identity_authority, err);
	if (rc == P2V_OK && *conf->key)
		rc = use_file(k, "key", conf->key, p2v_identity_key, err);
	if (rc == P2V_OK && *conf->certificate)
		rc = use_file(k, "certificate", conf->certificate, use_fixed, err);
	if (rc == P2V_OK && *conf->directory) {
		k->directory = conf->directory;
		rc = use_directory(k, err);
	}
	if (rc == P2V_OK)
		rc = p2v_identity_on_change(k->identity, shown, k, err);
	if (rc < 0)
		p2v_keys_fini(k);
	return rc;
}

static int use_issuer(struct p2v_keys *k, const char *pem, const char *key, struct p2v_err *err)
{
	struct p2v_text a = { 0 }, b = { 0 };
	struct p2v_err why;
	int rc = p2v_file_read(pem, &a, &why);

	if (rc == P2V_OK)
		rc = p2v_file_read(key, &b, &why);
	if (rc == P2V_OK)
		rc = p2v_identity_issuer(k->identity, (struct p2v_str){ a.p ? a.p : "", a.n },
			(struct p2v_str){ b.p ? b.p : "", b.n }, &why);
	if (rc < 0)
		(void)p2v_fail(err, rc, "directory: %s", why.text);
	if (b.p)
		memset(b.p, 0, b.n);
	p2v_text_fini(&a);
	p2v_text_fini(&b);
	return rc;
}

int p2v_keys_of_tracker(
	struct p2v_keys *k, struct p2v_node *node, const char *directory, struct p2v_err *err)
{
	char *path[P2V_AUTHORITY_FILES];
	int rc = begin(k, node, err);

	for (size_t i = 0; i < P2V_AUTHORITY_FILES; i++) {
		path[i] = p2v_path_join(directory, p2v_authority_files[i]);
		if (!path[i] && rc == P2V_OK)
			rc = p2v_fail(err, P2V_ENOMEM, "directory: no memory for a path");
	}
	/* In the order of p2v_authority_files: ca, ca key (not needed here, and best elsewhere),
	 * issuer, tracker. */
	if (rc == P2V_OK)
		rc = use_file(k, "directory", path[0], p2v_identity_authority, err);
	if (rc == P2V_OK)
		rc = use_issuer(k, path[2], path[3], err);
	if (rc == P2V_OK)
		rc = use_file(k, "directory", path[5], p2v_identity_key, err);
	if (rc == P2V_OK)
		rc = use_file(k, "directory", path[4], use_fixed, err);
	if (rc == P2V_OK) {
		p2v_identity_admit_guests(k->identity, true);
		rc = p2v_identity_on_change(k->identity, shown, k, err);
	}
	for (size_t i = 0; i < P2V_AUTHORITY_FILES; i++)
		free(path[i]);
	if (rc < 0)
		p2v_keys_fini(k);
	return rc;
}

void p2v_keys_fini(struct p2v_keys *k)
{
	p2v_dtls_free(k->dtls);
	p2v_identity_free(k->identity);
	k->dtls = NULL;
	k->identity = NULL;
}
