/* identity_refusal_test.c - all the ways in which a certificate can be wrong. */
#include "tests/unit/overlay/identity_hand.h"

TestSuite(refusal, .timeout = 300);

Test(refusal, of_another_authority)
{
	struct people p, q;
	struct person a, b;

	people_init(&p, 365);
	people_init(&q, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &q.authority);
	person_enrol(&b, &q, NULL, 0, 3600);
	refuses(&a, &b, "the certificate is of another authority");
	refuses(&p.tracker, &b, "the certificate is of another authority");
	refuses(&a, &q.tracker, "the certificate is of another authority");
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
	people_fini(&q);
}

Test(refusal, guests_are_for_those_who_admit_them)
{
	struct people p;
	struct person guest, a;

	people_init(&p, 365);
	person_init(&guest, &p, NULL);
	person_init(&a, &p, &p.authority);
	refuses(&a, &guest, "the certificate is of no authority, it is self-signed");
	p2v_identity_admit_guests(a.me, true);
	believes(&a, &guest, P2V_IS_GUEST);
	p2v_identity_admit_guests(a.me, false);
	refuses(&a, &guest, "self-signed");
	person_fini(&guest);
	person_fini(&a);
	people_fini(&p);
}

/* A guest may call itself what it likes. */
Test(refusal, a_guest_who_calls_itself_a_tracker)
{
	struct p2v_cert_wish w = wish("tracker", -2);
	struct people p;
	struct hand h;
	struct person x;
	struct p2v_remote r;
	struct p2v_err err;

	people_init(&p, 365);
	hand_init(&h, &p.authority);
	dress(&x, p2v_cert_make(h.key, NULL, NULL, &w), NULL);
	cr_assert_eq(person_judge(&p.tracker, &x, &r, &err), P2V_OK);
	cr_assert_eq(r.role, P2V_IS_GUEST);
	person_fini(&x);
	hand_fini(&h);
	people_fini(&p);
}

/* Somebody shows a certificate of `unit` that `by` made. */
static void made_by(const char *unit, bool by_issuer, const char *why)
{
	struct p2v_cert_wish w = wish(unit, -2);
	struct people p;
	struct person a, x;
	struct p2v_remote r;
	struct p2v_err err;
	struct hand h;

	people_init(&p, 365);
	hand_init(&h, &p.authority);
	person_init(&a, &p, &p.authority);
	dress(&x,
		p2v_cert_make(h.key, by_issuer ? h.issuer : h.ca,
			by_issuer ? h.issuer_key : h.ca_key, &w),
		by_issuer ? h.issuer : NULL);
	if (why)
		refuses(&a, &x, why);
	else
		cr_assert_eq(person_judge(&a, &x, &r, &err), P2V_OK, "%s", err.text);
	person_fini(&a);
	person_fini(&x);
	hand_fini(&h);
	people_fini(&p);
}

Test(refusal, who_may_make_whom)
{
	made_by("peer", true, NULL);
	made_by("peer", false, NULL);
	made_by("tracker", false, NULL);
	made_by("tracker", true, "a tracker's certificate must come from the authority itself");
	made_by("issuer", false, "neither a peer's nor a tracker's");
	made_by("authority", true, "neither a peer's nor a tracker's");
	made_by("viewer", true, "neither a peer's nor a tracker's");
}

/* A member that issues, and an issuer that makes an issuer. */
static void grandchild(int path, const char *why)
{
	struct p2v_cert_wish parent = wish(path == -2 ? "peer" : "issuer", path),
			     child = wish("peer", -2);
	struct people p;
	struct person a, x;
	struct hand h;
	EVP_PKEY *key = p2v_key_new();
	X509 *between;
	struct p2v_chain c;
	struct p2v_remote r;
	struct p2v_err err;
	unsigned char *der = NULL;

	people_init(&p, 365);
	hand_init(&h, &p.authority);
	person_init(&a, &p, &p.authority);
	between = p2v_cert_make(h.key, h.issuer, h.issuer_key, &parent);
	cr_assert(between);
	dress(&x, p2v_cert_make(key, between, h.key, &child), between);
	c = person_chain(&x);
	cr_assert_gt(i2d_X509(h.issuer, &der), 0);
	c.v[c.n++] = (struct p2v_bytes){ der, (size_t)i2d_X509(h.issuer, NULL) };
	cr_assert_eq(a.trust.judge(a.trust.ctx, c.v, c.n, false, &r, &err), P2V_EPERM);
	cr_assert(strstr(err.text, why), "%s", err.text);
	OPENSSL_free(der);
	X509_free(between);
	EVP_PKEY_free(key);
	person_fini(&a);
	person_fini(&x);
	hand_fini(&h);
	people_fini(&p);
}

Test(refusal, members_issue_nothing)
{
	grandchild(-2, "does not verify: invalid CA certificate");
	grandchild(0, "does not verify: path length constraint exceeded");
}

Test(refusal, not_in_its_time)
{
	struct p2v_cert_wish w = wish("peer", -2);
	struct people p;
	struct person a, x;
	struct hand h;

	people_init(&p, 365);
	hand_init(&h, &p.authority);
	person_init(&a, &p, &p.authority);
	w.until = PEOPLE_START - 1;
	w.from = PEOPLE_START - 3600 * P2V_SECOND;
	dress(&x, p2v_cert_make(h.key, h.ca, h.ca_key, &w), NULL);
	refuses(&a, &x, "the certificate expired on Dec 31 23:59:59 2025");
	person_fini(&x);
	w.from = PEOPLE_START + 60 * P2V_SECOND;
	w.until = PEOPLE_START + 3600 * P2V_SECOND;
	dress(&x, p2v_cert_make(h.key, h.ca, h.ca_key, &w), NULL);
	refuses(&a, &x, "the certificate is not valid yet: is a clock wrong?");
	p.world.now += 60 * P2V_SECOND;
	{
		struct p2v_remote r;
		struct p2v_err err;

		cr_assert_eq(person_judge(&a, &x, &r, &err), P2V_OK, "%s", err.text);
	}
	person_fini(&x);
	person_fini(&a);
	hand_fini(&h);
	people_fini(&p);
}

/* The leaf is good, the issuer is not any more: also for those who know the leaf. */
Test(refusal, an_issuer_that_has_expired)
{
	struct p2v_cert_wish issuer = wish("issuer", 0), leaf = wish("peer", -2);
	struct people p;
	struct person a, b, x;
	struct hand h;
	X509 *short_lived;
	struct p2v_remote r;
	struct p2v_err err;

	people_init(&p, 365);
	hand_init(&h, &p.authority);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &p.authority);
	issuer.until = PEOPLE_START + 100 * P2V_SECOND;
	short_lived = p2v_cert_make(h.issuer_key, h.ca, h.ca_key, &issuer);
	dress(&x, p2v_cert_make(h.key, short_lived, h.issuer_key, &leaf), short_lived);
	cr_assert_eq(person_judge(&a, &x, &r, &err), P2V_OK, "%s", err.text);
	p.world.now += 100 * P2V_SECOND;
	refuses(&a, &x, "the issuer's certificate expired on Jan  1 00:01:40 2026");
	refuses(&b, &x, "the issuer's certificate expired on Jan  1 00:01:40 2026");
	X509_free(short_lived);
	person_fini(&x);
	person_fini(&a);
	person_fini(&b);
	hand_fini(&h);
	people_fini(&p);
}

Test(refusal, keys_of_other_kinds)
{
	struct p2v_cert_wish w = wish("peer", -2);
	struct people p;
	struct person a, x;
	struct hand h;
	EVP_PKEY *keys[3] = { EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"), EVP_RSA_gen(1024) };

	people_init(&p, 365);
	hand_init(&h, &p.authority);
	person_init(&a, &p, &p.authority);
	for (int i = 0; i < 3; i++) {
		dress(&x, p2v_cert_make(keys[i], h.ca, h.ca_key, &w), NULL);
		refuses(&a, &x, "the certificate's key is not of P-256");
		person_fini(&x);
		EVP_PKEY_free(keys[i]);
	}
	person_fini(&a);
	hand_fini(&h);
	people_fini(&p);
}

Test(refusal, what_cannot_be_read)
{
	struct people p;
	struct person a, b;
	struct p2v_remote r;
	struct p2v_err err;
	struct p2v_chain c;
	uint8_t longer[2048];

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &p.authority);
	person_enrol(&a, &p, NULL, 0, 3600);
	c = person_chain(&a);
	cr_assert_eq(b.trust.judge(b.trust.ctx, c.v, 0, true, &r, &err), P2V_EPERM);
	cr_assert_str_eq(err.text, "the certificate cannot be read");
	for (size_t cut = 0; cut < a.leaf.n; cut += 3) {
		c.v[0].n = cut;
		cr_assert_eq(b.trust.judge(b.trust.ctx, c.v, c.n, true, &r, &err), P2V_EPERM);
	}
	cr_assert(a.leaf.n + 1 < sizeof longer);
	memcpy(longer, a.leaf.p, a.leaf.n);
	longer[a.leaf.n] = 0;
	c.v[0] = (struct p2v_bytes){ longer, a.leaf.n + 1 };
	cr_assert_eq(b.trust.judge(b.trust.ctx, c.v, c.n, true, &r, &err), P2V_EPERM);
	cr_assert_str_eq(
		err.text, "the certificate cannot be read", "what follows is not ours to guess");
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
}

/* Each bit of a certificate that is turned makes it another one, which nobody vouches for. */
Test(refusal, no_bit_can_be_turned)
{
	struct people p;
	struct person a, b;
	struct p2v_chain c;
	uint8_t bent[2048];

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &p.authority);
	person_enrol(&a, &p, &news, 1, 3600);
	c = person_chain(&a);
	memcpy(bent, a.leaf.p, a.leaf.n);
	c.v[0].p = bent;
	for (size_t i = 0; i < a.leaf.n; i++) {
		struct p2v_remote r;
		struct p2v_err err;

		bent[i] ^= (uint8_t)(1u << i % 8);
		cr_assert(b.trust.judge(b.trust.ctx, c.v, c.n, true, &r, &err) < 0, "byte %zu", i);
		bent[i] ^= (uint8_t)(1u << i % 8);
	}
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
}

Test(refusal, refusals_are_logged_once)
{
	struct people p, q;
	struct person a, b;
	struct p2v_remote r;
	struct p2v_err err;
	char want[200];

	people_init(&p, 365);
	people_init(&q, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &q.authority);
	person_enrol(&b, &q, NULL, 0, 86400);
	for (int i = 0; i < 5; i++)
		refuses(&a, &b, "another authority");
	cr_assert_eq(p.world.lines, 1);
	(void)snprintf(want, sizeof want,
		"event=certificate_refused peer=%016llx dialled=1 "
		"why=\"the certificate is of another authority\"",
		(unsigned long long)p2v_id_short(person_id(&b)));
	cr_assert_str_eq(p.world.line, want);
	cr_assert_eq(p.world.level, P2V_LOG_WARN);
	p.world.now += 600 * P2V_SECOND;
	refuses(&a, &b, "another authority");
	cr_assert_eq(p.world.lines, 2, "ten minutes later once more");
	cr_assert_eq(a.node.metrics.v[P2V_M_HANDSHAKES_REFUSED], 0, "the transport counts them");
	cr_assert_eq(person_judge(&a, &p.tracker, &r, &err), P2V_OK);
	cr_assert_eq(p.world.lines, 2);
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
	people_fini(&q);
}
