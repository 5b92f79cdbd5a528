/* oom.c - identities when memory runs out, ours or OpenSSL's: an error, never a crash, never
 * somebody believed by mistake; and with memory it works again. A program of its own, as it
 * replaces OpenSSL's allocator. */
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tests/unit/oom.h"
#include "tests/unit/overlay/people.h"

#define must(holds) ((holds) ? (void)0 : broken(__LINE__, #holds))

static void broken(int line, const char *what)
{
	(void)printf("Bail out! line %d: %s\n", line, what);
	exit(1);
}

/* ---- OpenSSL's allocations ---- */

/* These pass by what lets our own allocations fail. */
void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);

static long left = -1; /* that pass before they fail; -1: all */
static unsigned long struck;

static bool refuse(void)
{
	if (left < 0 || left-- > 0)
		return false;
	left = 0;
	struck++;
	return true;
}

static void *get(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return refuse() ? NULL : __real_malloc(n);
}

static void *change(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return refuse() ? NULL : __real_realloc(p, n);
}

static void give(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* ---- what is tried ---- */

struct scene {
	struct people p;
	struct person a, b;
	struct p2v_chain issued; /* for a */
	uint8_t bytes[2][4096];
	uint8_t signature[P2V_SIGNATURE_SIZE];
};

static const uint8_t digest[P2V_DIGEST_SIZE] = { 1 };
static const struct p2v_id channel = { { 7 } };

static int try_new(struct scene *s)
{
	struct p2v_identity *me = NULL;
	struct p2v_err err = { P2V_OK, "" };
	int rc = p2v_identity_new(&s->a.node, &me, &err);

	must((rc == P2V_OK) == (me != NULL));
	must(rc == P2V_OK || err.text[0]);
	p2v_identity_free(me);
	return rc;
}

static int try_judge(struct scene *s)
{
	struct p2v_remote r;
	struct p2v_err err;
	struct p2v_chain c = person_chain(&s->a);
	int rc;

	/* Seen before, it would cost nothing: so by somebody who has seen nobody. */
	if (p2v_identity_authority(s->b.me, people_pem(&s->p.authority.ca), &err) < 0)
		return err.code;
	rc = s->b.trust.judge(s->b.trust.ctx, c.v, c.n, true, &r, &err);
	must(rc < 0 || r.role == P2V_IS_PEER);
	return rc;
}

static int try_refuse(struct scene *s)
{
	struct p2v_remote r;
	struct p2v_err err;
	struct p2v_chain c = { .v = { { s->bytes[0], s->issued.v[0].n } }, .n = 1 };
	int rc;

	s->bytes[0][c.v[0].n - 1] ^= 1;
	rc = s->b.trust.judge(s->b.trust.ctx, c.v, c.n, true, &r, &err);
	s->bytes[0][c.v[0].n - 1] ^= 1;
	must(rc < 0); /* nobody is believed for want of memory */
	return P2V_OK;
}

static int try_issue(struct scene *s)
{
	const struct p2v_crypto *t = &s->p.tracker.crypto;
	struct p2v_remote r;
	struct p2v_chain c;
	struct p2v_err err;
	int rc = person_judge(&s->p.tracker, &s->a, &r, &err);

	return rc < 0 ? rc : t->ops->issue(t->self, person_id(&s->a), &channel, 1, 3600, &c, &err);
}

static int try_install(struct scene *s)
{
	struct p2v_err err;

	return s->a.crypto.ops->install(s->a.crypto.self, &s->issued, &err);
}

static int try_sign(struct scene *s)
{
	return s->a.crypto.ops->sign(s->a.crypto.self, digest, s->signature);
}

static int try_verify(struct scene *s)
{
	int rc = s->a.crypto.ops->verify(s->a.crypto.self, person_id(&s->a), digest, s->signature);

	s->signature[3] ^= 1;
	must(s->a.crypto.ops->verify(s->a.crypto.self, person_id(&s->a), digest, s->signature) !=
		P2V_OK);
	s->signature[3] ^= 1;
	return rc;
}

static int try_export(struct scene *s)
{
	struct p2v_text key = { 0 }, cert = { 0 };
	struct p2v_err err;
	int rc = p2v_identity_export_key(s->a.me, &key, &err);

	if (rc == P2V_OK)
		rc = p2v_identity_export_certificate(s->a.me, &cert, &err);
	if (rc == P2V_OK)
		rc = p2v_identity_key(s->b.me, people_pem(&key), &err);
	if (rc == P2V_OK)
		rc = p2v_identity_certificate(s->b.me, people_pem(&cert), false, &err);
	p2v_text_fini(&key);
	p2v_text_fini(&cert);
	return rc;
}

static int try_authority(struct scene *s)
{
	struct p2v_authority a;
	struct p2v_err err;
	int rc = p2v_authority_make("test", PEOPLE_START, 10, &a, &err);

	(void)s;
	must(rc == P2V_OK || !a.ca.p);
	p2v_authority_fini(&a);
	return rc;
}

static const struct {
	const char *name;
	int (*try)(struct scene *s);
} tries[] = { { "new", try_new }, { "issue", try_issue }, { "install", try_install },
	{ "judge", try_judge }, { "refuse", try_refuse }, { "sign", try_sign },
	{ "verify", try_verify }, { "export", try_export }, { "authority", try_authority } };

static void scene_init(struct scene *s)
{
	const struct p2v_crypto *t = &s->p.tracker.crypto;
	struct p2v_remote r;
	struct p2v_chain c;
	struct p2v_err err;

	people_init(&s->p, 365);
	person_init(&s->a, &s->p, &s->p.authority);
	person_init(&s->b, &s->p, &s->p.authority);
	must(person_judge(&s->p.tracker, &s->a, &r, &err) == P2V_OK);
	must(t->ops->issue(t->self, &r.id, NULL, 0, 3600, &c, &err) == P2V_OK);
	s->issued.n = c.n;
	for (size_t i = 0; i < c.n; i++) {
		must(i < 2 && c.v[i].n <= sizeof s->bytes[i]);
		memcpy(s->bytes[i], c.v[i].p, c.v[i].n);
		s->issued.v[i] = (struct p2v_bytes){ s->bytes[i], c.v[i].n };
	}
	must(try_install(s) == P2V_OK);
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
		must(tries[i].try(s) == P2V_OK);
}

static void scene_fini(struct scene *s)
{
	person_fini(&s->a);
	person_fini(&s->b);
	people_fini(&s->p);
}

/* Let one allocation after the other be the first that fails; of OpenSSL's thousands each seventh.
 * @return how many there are, about */
static long sweep(struct scene *s, int (*try)(struct scene *s), bool openssl)
{
	bool missed = true;
	int rc = P2V_OK;
	long n;

	for (n = 0; missed; n += openssl ? 7 : 1) {
		must(n < 20000);
		struck = 0;
		left = openssl ? n : -1;
		oom_after(openssl ? -1 : n);
		rc = try(s);
		missed = struck > 0 || oom_struck();
		left = -1;
		oom_after(-1);
		ERR_clear_error();
	}
	must(rc == P2V_OK); /* nothing was missed, so it works */
	return n - (openssl ? 7 : 1);
}

int main(void)
{
	static struct scene s;
	int number = 0;

	must(CRYPTO_set_mem_functions(get, change, give) == 1);
	scene_init(&s);
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
		for (int openssl = 0; openssl < 2; openssl++) {
			long n = sweep(&s, tries[i].try, openssl);

			(void)printf("ok %d - %s: %ld allocations%s\n", ++number, tries[i].name, n,
				openssl ? " of OpenSSL" : "");
			(void)fflush(stdout);
		}
	scene_fini(&s);
	(void)printf("1..%d\n", number);
	return 0;
}
