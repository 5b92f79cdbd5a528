/* identity_test.c - keys, certificates, enrolment, renewal, what is remembered and what is kept.
 * Who is refused is in identity_refusal_test.c. */
#include "tests/unit/overlay/identity_hand.h"

TestSuite(identity, .timeout = 300);

/* ---- one alone ---- */

Test(identity, fresh)
{
	struct people p;
	struct person a, b;
	struct p2v_chain c;
	struct p2v_text pem = { 0 };
	struct p2v_err err;

	people_init(&p, 365);
	person_init(&a, &p, NULL);
	person_init(&b, &p, NULL);
	cr_assert_not(is(person_id(&a), person_id(&b)));
	cr_assert_eq(expires(&a), 0, "it has no certificate");
	cr_assert_eq(a.crypto.ops->chain(a.crypto.self, person_id(&a), &c), P2V_ENOENT);
	cr_assert_not(allows(&a, person_id(&a), &news));
	cr_assert_eq(a.shown, 1);
	cr_assert_gt(a.leaf.n, 0, "it shows a certificate that it made itself");
	cr_assert_eq(a.issuer.n, 0);
	cr_assert_eq(p2v_identity_export_certificate(a.me, &pem, &err), P2V_OK);
	cr_assert_eq(pem.n, 0, "which is not worth keeping");
	refuses(&a, &b, "no authority is set");
	refuses(&a, &p.tracker, "no authority is set");
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
}

Test(identity, digest)
{
	static const char want[] =
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	struct p2v_bytes parts[3] = { { (const uint8_t *)"a", 1 }, { NULL, 0 },
		{ (const uint8_t *)"bc", 2 } };
	struct people p;
	struct person a;
	uint8_t out[P2V_DIGEST_SIZE];
	char hex[2 * P2V_DIGEST_SIZE + 1];

	people_init(&p, 365);
	person_init(&a, &p, NULL);
	for (int i = 0; i < 2; i++) {
		a.crypto.ops->digest(a.crypto.self, parts, 3, out);
		cr_assert_str_eq(p2v_hex(out, sizeof out, hex), want, "FIPS 180-4, \"abc\"");
	}
	person_fini(&a);
	people_fini(&p);
}

Test(identity, an_authority)
{
	struct people p;
	struct hand h;
	X509 *tracker;

	people_init(&p, 100);
	hand_init(&h, &p.authority);
	tracker = read_cert(&p.authority.tracker);
	cr_assert_eq(X509_check_ca(h.ca), 1);
	cr_assert_eq(X509_get_pathlen(h.ca), 1);
	cr_assert_eq(X509_check_ca(h.issuer), 1);
	cr_assert_eq(X509_get_pathlen(h.issuer), 0, "it makes leaves alone");
	cr_assert_eq(X509_check_ca(tracker), 0);
	cr_assert_eq(X509_verify(h.issuer, h.ca_key), 1);
	cr_assert_eq(X509_verify(tracker, h.ca_key), 1);
	cr_assert_eq(p2v_cert_role(tracker), P2V_IS_TRACKER);
	cr_assert_eq(p2v_cert_role(h.issuer), P2V_IS_GUEST);
	X509_free(tracker);
	hand_fini(&h);
	people_fini(&p);
}

Test(identity, an_authority_of_a_hundred_years)
{
	struct p2v_authority a;
	struct p2v_err err;
	X509 *ca;
	struct tm tm;

	cr_assert_eq(
		p2v_authority_make("long", PEOPLE_START, 36525, &a, &err), P2V_OK, "%s", err.text);
	ca = read_cert(&a.ca);
	cr_assert_eq(ASN1_TIME_to_tm(X509_get0_notAfter(ca), &tm), 1);
	cr_assert(tm.tm_year + 1900 == 2126 && tm.tm_mon == 0 && tm.tm_mday == 2, "%d-%d-%d",
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	X509_free(ca);
	p2v_authority_fini(&a);
	cr_assert_eq(
		p2v_authority_make("A name of more than the 64 letters that X.520 has room for, "
				   "as this one",
			PEOPLE_START, 10, &a, &err),
		P2V_ENOMEM);
	cr_assert(strstr(err.text, "could not be made: "), "%s", err.text);
	cr_assert_null(a.ca.p);
}

/* Until when, in all sorts of years: compared with what the C library's calendar says. */
Test(identity, ends_of_certificates)
{
	static const int64_t days[] = { 0, 1, 58, 59, 60, 365, 789, 790, 1154, 5000, 8825, 10957,
		25567, 36524 };
	struct people p;
	struct hand h;
	struct person a;

	people_init(&p, 50000);
	hand_init(&h, &p.authority);
	for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
		struct p2v_cert_wish w = wish("peer", -2);
		struct p2v_text key = { 0 }, pem = { 0 };
		struct p2v_err err;
		X509 *c;

		w.until = PEOPLE_START + (days[i] * 86400 + 3 * 3600 + 25 * 60 + 45) * P2V_SECOND;
		c = p2v_cert_make(h.key, h.ca, h.ca_key, &w);
		cr_assert(c && p2v_cert_to_pem(c, &pem) && p2v_key_to_pem(h.key, &key));
		person_init(&a, &p, NULL);
		cr_assert_eq(
			p2v_identity_key(a.me, people_pem(&key), &err), P2V_OK, "%s", err.text);
		cr_assert_eq(p2v_identity_certificate(a.me, people_pem(&pem), false, &err), P2V_OK,
			"%s", err.text);
		cr_assert_eq(expires(&a), w.until, "day %lld", (long long)days[i]);
		person_fini(&a);
		X509_free(c);
		p2v_text_fini(&key);
		p2v_text_fini(&pem);
	}
	hand_fini(&h);
	people_fini(&p);
}

/* ---- enrolment ---- */

Test(identity, enrolment)
{
	struct people p;
	struct person a, b;

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &p.authority);
	believes(&p.tracker, &a, P2V_IS_GUEST);
	believes(&a, &p.tracker, P2V_IS_TRACKER);
	refuses(&b, &a, "self-signed");
	person_enrol(&a, &p, NULL, 0, 3600);
	cr_assert_eq(a.shown, 2);
	cr_assert_gt(a.issuer.n, 0, "it comes with its issuer");
	cr_assert_eq(expires(&a), PEOPLE_START + 3600 * P2V_SECOND);
	believes(&b, &a, P2V_IS_PEER);
	believes(&p.tracker, &a, P2V_IS_PEER);
	believes(&b, &a, P2V_IS_PEER);
	cr_assert(allows(&b, person_id(&a), &news) && allows(&a, person_id(&a), &sports));
	cr_assert_not(allows(&a, person_id(&b), &news), "of whom nothing is known");
	refuses(&a, &b, "self-signed");
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
}

/* Whoever was issued a certificate is a member at once, not only in its next handshake. */
Test(identity, what_was_issued_is_remembered)
{
	struct people p;
	struct person a;

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	believes(&p.tracker, &a, P2V_IS_GUEST);
	cr_assert_not(allows(&p.tracker, person_id(&a), &news));
	person_enrol(&a, &p, &news, 1, 3600);
	cr_assert(allows(&p.tracker, person_id(&a), &news));
	cr_assert_not(allows(&p.tracker, person_id(&a), &sports));
	person_fini(&a);
	people_fini(&p);
}

Test(identity, membership_of_channels)
{
	struct p2v_id many[16];
	struct people p;
	struct person a, b;

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &p.authority);
	for (uint8_t i = 0; i < 16; i++)
		many[i] = (struct p2v_id){ { 100, i } };
	person_enrol(&a, &p, many, 16, 3600);
	believes(&b, &a, P2V_IS_PEER);
	for (uint8_t i = 0; i < 16; i++) {
		struct p2v_id other = { { 101, i } };

		cr_assert(allows(&b, person_id(&a), &many[i]));
		cr_assert(allows(&a, person_id(&a), &many[i]));
		cr_assert_not(allows(&b, person_id(&a), &other));
	}
	cr_assert_not(allows(&b, person_id(&a), &news));
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
}

Test(identity, renewal)
{
	struct people p;
	struct person a, b;

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &p.authority);
	person_enrol(&a, &p, &news, 1, 3600);
	believes(&b, &a, P2V_IS_PEER);
	p.world.now += 3000 * P2V_SECOND;
	person_enrol(&a, &p, &sports, 1, 3600);
	cr_assert_eq(expires(&a), PEOPLE_START + 6600 * P2V_SECOND);
	cr_assert(allows(&b, person_id(&a), &news), "as b has seen it last");
	believes(&b, &a, P2V_IS_PEER);
	cr_assert(allows(&b, person_id(&a), &sports) && !allows(&b, person_id(&a), &news));
	p.world.now += 3599 * P2V_SECOND;
	believes(&b, &a, P2V_IS_PEER);
	p.world.now += P2V_SECOND;
	cr_assert_not(allows(&b, person_id(&a), &sports), "it has ended");
	refuses(&b, &a, "the certificate expired on Jan  1 01:50:00 2026");
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
}

Test(identity, a_certificate_that_ended_is_forgotten)
{
	struct p2v_chain none = { .n = 0 }, c;
	struct people p;
	struct person a;
	struct p2v_err err;

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	person_enrol(&a, &p, NULL, 0, 60);
	p.world.now += 61 * P2V_SECOND;
	refuses(&p.tracker, &a, "expired");
	cr_assert_eq(install(&a, &none, &err), P2V_OK);
	cr_assert_eq(expires(&a), 0);
	cr_assert_eq(a.shown, 3);
	cr_assert_eq(a.issuer.n, 0);
	cr_assert_eq(a.crypto.ops->chain(a.crypto.self, person_id(&a), &c), P2V_ENOENT);
	believes(&p.tracker, &a, P2V_IS_GUEST);
	person_enrol(&a, &p, NULL, 0, 60);
	believes(&p.tracker, &a, P2V_IS_PEER);
	person_fini(&a);
	people_fini(&p);
}

Test(identity, what_is_not_installed)
{
	static const uint8_t garbage[] = { 0x30, 3, 1, 2, 3 };
	struct people p, q;
	struct person a, b, alone;
	struct p2v_chain c;
	struct p2v_err err;

	people_init(&p, 365);
	people_init(&q, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &p.authority);
	person_init(&alone, &p, NULL);
	believes(&p.tracker, &a, P2V_IS_GUEST);
	believes(&q.tracker, &a, P2V_IS_GUEST);
	believes(&p.tracker, &alone, P2V_IS_GUEST);
	cr_assert_eq(issue(&p, person_id(&a), 3600, &c, &err), P2V_OK);
	cr_assert_eq(install(&b, &c, &err), P2V_ECONF);
	cr_assert_str_eq(err.text, "the certificate is not of this node's private key");
	c.n = 1;
	cr_assert_eq(install(&a, &c, &err), P2V_EPERM, "without its issuer");
	c = (struct p2v_chain){ .v = { { garbage, sizeof garbage } }, .n = 1 };
	cr_assert_eq(install(&a, &c, &err), P2V_EPERM);
	cr_assert_str_eq(err.text, "certificate 1 of the chain cannot be read");
	cr_assert_eq(issue(&q, person_id(&a), 3600, &c, &err), P2V_OK);
	cr_assert_eq(install(&a, &c, &err), P2V_EPERM);
	cr_assert_str_eq(err.text, "the certificate is of another authority");
	cr_assert_eq(issue(&p, person_id(&alone), 3600, &c, &err), P2V_OK);
	cr_assert_eq(install(&alone, &c, &err), P2V_EPERM);
	cr_assert_str_eq(err.text, "no authority is set");
	cr_assert_eq(issue(&p, person_id(&a), 60, &c, &err), P2V_OK);
	p.world.now += 60 * P2V_SECOND;
	cr_assert_eq(install(&a, &c, &err), P2V_EPERM);
	cr_assert(strstr(err.text, "the certificate expired on"), "%s", err.text);
	p.world.now -= 7200 * P2V_SECOND;
	cr_assert_eq(install(&a, &c, &err), P2V_EPERM);
	cr_assert(strstr(err.text, "is a clock wrong?"), "%s", err.text);
	cr_assert(a.shown == 1 && expires(&a) == 0, "nothing of this has changed it");
	person_fini(&a);
	person_fini(&b);
	person_fini(&alone);
	people_fini(&p);
	people_fini(&q);
}

Test(identity, what_is_not_issued)
{
	struct people p;
	struct person a;
	struct p2v_chain c;
	struct p2v_err err;

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	cr_assert_eq(issue(&p, person_id(&a), 60, &c, &err), P2V_ENOENT);
	cr_assert_str_eq(err.text, "that key has not been seen in a handshake");
	cr_assert_eq(a.crypto.ops->issue(a.crypto.self, person_id(&a), NULL, 0, 60, &c, &err),
		P2V_EPERM);
	cr_assert_str_eq(err.text, "this node holds no issuing key");
	person_fini(&a);
	people_fini(&p);
}

Test(identity, an_issuer_promises_no_more_than_it_has)
{
	struct people p;
	struct person a;
	struct p2v_chain c;
	struct p2v_err err;

	people_init(&p, 2); /* the issuer has half of that */
	person_init(&a, &p, &p.authority);
	person_enrol(&a, &p, NULL, 0, 30 * 86400);
	cr_assert_eq(expires(&a), PEOPLE_START + 86400 * P2V_SECOND);
	p.world.now += 86400 * P2V_SECOND;
	cr_assert_eq(install(&a, &(struct p2v_chain){ .n = 0 }, &err), P2V_OK);
	believes(&p.tracker, &a, P2V_IS_GUEST);
	cr_assert_eq(issue(&p, person_id(&a), 60, &c, &err), P2V_EPERM);
	cr_assert_str_eq(err.text, "the issuer's own certificate has expired");
	person_fini(&a);
	people_fini(&p);
}

Test(identity, an_issuing_key_has_to_fit)
{
	struct people p, q;
	struct person a;
	struct p2v_chain c;
	struct p2v_err err;

	people_init(&p, 365);
	people_init(&q, 365);
	person_init(&a, &p, &p.authority);
	cr_assert_eq(p2v_identity_issuer(p.tracker.me, people_pem(&p.authority.issuer),
			     people_pem(&q.authority.issuer_key), &err),
		P2V_ECONF);
	cr_assert_str_eq(err.text, "the issuing key does not fit the issuer's certificate");
	cr_assert_eq(p2v_identity_issuer(p.tracker.me, people_pem(&p.authority.issuer_key),
			     people_pem(&p.authority.issuer_key), &err),
		P2V_ECONF);
	cr_assert_str_eq(err.text, "there is no issuer's certificate in it");
	believes(&p.tracker, &a, P2V_IS_GUEST);
	cr_assert_eq(issue(&p, person_id(&a), 60, &c, &err), P2V_EPERM, "no half of it is kept");
	cr_assert_eq(p2v_identity_issuer(p.tracker.me, people_pem(&p.authority.issuer),
			     people_pem(&p.authority.issuer_key), &err),
		P2V_OK);
	cr_assert_eq(p2v_identity_issuer(p.tracker.me, people_pem(&p.authority.issuer),
			     people_pem(&p.authority.issuer_key), &err),
		P2V_OK, "again");
	cr_assert_eq(issue(&p, person_id(&a), 60, &c, &err), P2V_OK);
	person_fini(&a);
	people_fini(&p);
	people_fini(&q);
}

/* ---- chains that travel ---- */

Test(identity, chains_are_passed_on)
{
	struct people p;
	struct person a, b, d, e;
	struct p2v_chain c;
	struct p2v_id who;
	struct p2v_err err;

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &p.authority);
	person_init(&d, &p, &p.authority);
	person_init(&e, &p, &p.authority);
	person_enrol(&a, &p, NULL, 0, 3600);
	person_enrol(&b, &p, NULL, 0, 3600);
	c = person_chain(&a);
	cr_assert_eq(
		b.crypto.ops->chain(b.crypto.self, person_id(&a), &c), P2V_ENOENT, "not seen yet");
	c = person_chain(&a);
	cr_assert_eq(learn(&b, &c, &who, &err), P2V_OK, "%s", err.text);
	cr_assert(is(&who, person_id(&a)));
	/* b has the same issuer, which whoever it speaks with has from b's handshake. */
	cr_assert_eq(b.crypto.ops->chain(b.crypto.self, &who, &c), P2V_OK);
	cr_assert_eq(c.n, 1);
	cr_assert_eq(learn(&d, &c, &who, &err), P2V_EPERM, "d has not met b");
	believes(&d, &b, P2V_IS_PEER);
	cr_assert_eq(learn(&d, &c, &who, &err), P2V_OK, "%s", err.text);
	cr_assert(is(&who, person_id(&a)));
	/* d shows no issuer of its own, so it passes a's on. */
	cr_assert_eq(d.crypto.ops->chain(d.crypto.self, &who, &c), P2V_OK);
	cr_assert_eq(c.n, 2);
	cr_assert_eq(learn(&e, &c, &who, &err), P2V_OK, "%s", err.text);
	cr_assert_eq(a.crypto.ops->chain(a.crypto.self, person_id(&a), &c), P2V_OK);
	cr_assert_eq(c.n, 1);
	cr_assert(p2v_id_short(person_id(&a)) != 0);
	person_fini(&a);
	person_fini(&b);
	person_fini(&d);
	person_fini(&e);
	people_fini(&p);
}

Test(identity, only_peers_sign)
{
	struct people p;
	struct person guest;
	struct p2v_chain c;
	struct p2v_id who;
	struct p2v_err err;
	uint8_t sig[P2V_SIGNATURE_SIZE];

	people_init(&p, 365);
	person_init(&guest, &p, &p.authority);
	c = person_chain(&p.tracker);
	cr_assert_eq(learn(&guest, &c, &who, &err), P2V_EPERM);
	cr_assert_str_eq(err.text, "the certificate is no peer's");
	sign(&p.tracker, sig);
	cr_assert_eq(verify(&guest, person_id(&p.tracker), sig), P2V_ENOENT);
	c = person_chain(&guest);
	cr_assert_eq(learn(&p.tracker, &c, &who, &err), P2V_EPERM);
	cr_assert_str_eq(err.text, "the certificate is no peer's");
	sign(&guest, sig);
	cr_assert_eq(verify(&p.tracker, person_id(&guest), sig), P2V_ENOENT);
	cr_assert_eq(p.tracker.crypto.ops->chain(p.tracker.crypto.self, person_id(&guest), &c),
		P2V_ENOENT);
	cr_assert_not(allows(&p.tracker, person_id(&guest), &news));
	person_fini(&guest);
	people_fini(&p);
}

Test(identity, signatures)
{
	struct people p;
	struct person a, b;
	struct p2v_chain c;
	struct p2v_id who;
	struct p2v_err err;
	uint8_t sig[P2V_SIGNATURE_SIZE], zero[P2V_SIGNATURE_SIZE] = { 0 }, ones[P2V_SIGNATURE_SIZE];

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &p.authority);
	person_enrol(&a, &p, NULL, 0, 3600);
	memset(ones, 0xff, sizeof ones);
	sign(&a, sig);
	cr_assert_eq(verify(&a, person_id(&a), sig), P2V_OK, "by ourselves");
	cr_assert_eq(verify(&b, person_id(&a), sig), P2V_ENOENT);
	c = person_chain(&a);
	cr_assert_eq(learn(&b, &c, &who, &err), P2V_OK);
	cr_assert_eq(verify(&b, &who, sig), P2V_OK);
	cr_assert_eq(verify(&b, person_id(&b), sig), P2V_EINTEGRITY, "not we");
	for (size_t i = 0; i < sizeof sig; i++) {
		sig[i] ^= 1;
		cr_assert_eq(verify(&b, &who, sig), P2V_EINTEGRITY, "byte %zu", i);
		sig[i] ^= 1;
	}
	cr_assert_eq(verify(&b, &who, zero), P2V_EINTEGRITY);
	cr_assert_eq(verify(&b, &who, ones), P2V_EINTEGRITY);
	/* r and s keep their 32 bytes when they begin with zeros. */
	for (int i = 0; i < 600; i++) {
		sign(&a, sig);
		cr_assert_eq(verify(&b, &who, sig), P2V_OK);
	}
	p.world.now += 3600 * P2V_SECOND;
	cr_assert_eq(verify(&b, &who, sig), P2V_ENOENT, "its certificate has ended");
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
}

/* ---- how much is remembered ---- */

static struct p2v_id show_one_more(struct people *p, struct hand *h, struct person *a)
{
	struct p2v_cert_wish w = wish("peer", -2);
	EVP_PKEY *key = p2v_key_new();
	struct person x;
	struct p2v_remote r;
	struct p2v_err err;

	(void)p;
	dress(&x, p2v_cert_make(key, h->ca, h->ca_key, &w), NULL);
	cr_assert_eq(person_judge(a, &x, &r, &err), P2V_OK, "%s", err.text);
	person_fini(&x);
	EVP_PKEY_free(key);
	return r.id;
}

Test(identity, the_one_of_no_use_for_longest_is_forgotten)
{
	struct people p;
	struct person a;
	struct hand h;
	struct p2v_id first, second;

	people_init(&p, 365);
	hand_init(&h, &p.authority);
	person_init(&a, &p, &p.authority);
	first = show_one_more(&p, &h, &a);
	second = show_one_more(&p, &h, &a);
	for (int i = 2; i < 1024; i++)
		(void)show_one_more(&p, &h, &a);
	cr_assert(allows(&a, &first, &news), "of use");
	(void)show_one_more(&p, &h, &a);
	cr_assert(allows(&a, &first, &news));
	cr_assert_not(allows(&a, &second, &news));
	hand_fini(&h);
	person_fini(&a);
	people_fini(&p);
}

/* An authority may have many issuers in its life; the last ones are known. */
Test(identity, issuers_come_and_go)
{
	struct people p;
	struct person a, x, alone;
	struct hand h;
	struct p2v_remote r;
	struct p2v_err err;

	people_init(&p, 365);
	hand_init(&h, &p.authority);
	person_init(&a, &p, &p.authority);
	for (int i = 0; i < 20; i++) {
		struct p2v_cert_wish issuer = wish("issuer", 0), leaf = wish("peer", -2);
		EVP_PKEY *issuer_key = p2v_key_new(), *key = p2v_key_new();
		X509 *by = p2v_cert_make(issuer_key, h.ca, h.ca_key, &issuer);

		dress(&x, p2v_cert_make(h.key, by, issuer_key, &leaf), by);
		dress(&alone, p2v_cert_make(key, by, issuer_key, &leaf), NULL);
		refuses(&a, &alone, "another authority");
		cr_assert_eq(person_judge(&a, &x, &r, &err), P2V_OK, "%s", err.text);
		cr_assert_eq(person_judge(&a, &alone, &r, &err), P2V_OK, "%s", err.text);
		person_fini(&x);
		person_fini(&alone);
		X509_free(by);
		EVP_PKEY_free(issuer_key);
		EVP_PKEY_free(key);
	}
	hand_fini(&h);
	person_fini(&a);
	people_fini(&p);
}

/* ---- what is kept in files ---- */

Test(identity, keys_and_certificates_are_kept)
{
	struct people p;
	struct person a, b;
	struct p2v_text key = { 0 }, pem = { 0 };
	struct p2v_err err;

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	person_enrol(&a, &p, NULL, 0, 3600);
	cr_assert_eq(p2v_identity_export_key(a.me, &key, &err), P2V_OK);
	cr_assert_eq(p2v_identity_export_certificate(a.me, &pem, &err), P2V_OK);
	person_init(&b, &p, &p.authority);
	cr_assert_eq(p2v_identity_certificate(b.me, people_pem(&pem), false, &err), P2V_ECONF);
	cr_assert_str_eq(err.text, "the certificate is not of this node's private key");
	cr_assert_eq(p2v_identity_key(b.me, people_pem(&key), &err), P2V_OK, "%s", err.text);
	cr_assert(is(person_id(&a), person_id(&b)));
	cr_assert_eq(p2v_identity_certificate(b.me, people_pem(&pem), false, &err), P2V_OK);
	cr_assert_eq(expires(&b), PEOPLE_START + 3600 * P2V_SECOND);
	cr_assert_eq(b.shown, 3);
	cr_assert(b.leaf.n == a.leaf.n && memcmp(b.leaf.p, a.leaf.p, a.leaf.n) == 0);
	cr_assert(b.issuer.n == a.issuer.n && memcmp(b.issuer.p, a.issuer.p, a.issuer.n) == 0);
	person_enrol(&b, &p, NULL, 0, 7200);
	cr_assert_eq(expires(&b), PEOPLE_START + 7200 * P2V_SECOND, "it is renewed");
	p2v_text_fini(&key);
	p2v_text_fini(&pem);
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
}

Test(identity, a_certificate_that_was_given_stays)
{
	struct p2v_cert_wish w = wish("peer", -2);
	struct p2v_chain none = { .n = 0 }, c;
	struct people p, q;
	struct person a;
	struct hand h;
	struct p2v_text key = { 0 }, pem = { 0 };
	struct p2v_err err;
	X509 *leaf;

	people_init(&p, 365);
	people_init(&q, 365);
	hand_init(&h, &q.authority);
	w.until = PEOPLE_START - P2V_SECOND;
	w.from = w.until - P2V_SECOND;
	leaf = p2v_cert_make(h.key, h.ca, h.ca_key, &w);
	cr_assert(p2v_cert_to_pem(leaf, &pem) && p2v_key_to_pem(h.key, &key));
	person_init(&a, &p, &p.authority);
	cr_assert_eq(p2v_identity_key(a.me, people_pem(&key), &err), P2V_OK);
	cr_assert_eq(p2v_identity_certificate(a.me, people_pem(&pem), true, &err), P2V_OK,
		"expired, and of another authority: others judge");
	cr_assert_eq(expires(&a), INT64_MAX);
	refuses(&p.tracker, &a, "another authority");
	refuses(&q.tracker, &a, "expired");
	cr_assert_eq(install(&a, &none, &err), P2V_EPERM);
	cr_assert_str_eq(err.text, "the certificate was given, and is not replaced");
	c = person_chain(&a);
	cr_assert_eq(install(&a, &c, &err), P2V_EPERM);
	cr_assert_eq(p2v_identity_key(a.me, people_pem(&p.authority.tracker_key), &err), P2V_OK);
	cr_assert_eq(expires(&a), 0, "with another key it is of no use");
	X509_free(leaf);
	p2v_text_fini(&key);
	p2v_text_fini(&pem);
	person_fini(&a);
	hand_fini(&h);
	people_fini(&p);
	people_fini(&q);
}

Test(identity, texts_that_are_something_else)
{
	static const char *const texts[] = { "", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		"MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi8\n"
		"-----END ENCRYPTED PRIVATE KEY-----\n" };
	struct people p;
	struct person a;
	struct p2v_err err;
	struct p2v_id was;

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	was = *person_id(&a);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct p2v_str t = p2v_str_of(texts[i]);

		cr_assert_eq(p2v_identity_key(a.me, t, &err), P2V_ECONF);
		cr_assert(strstr(err.text, "that is no P-256 private key in PEM"), "%s", err.text);
		cr_assert_eq(p2v_identity_certificate(a.me, t, true, &err), P2V_ECONF);
		cr_assert_str_eq(err.text, "there is no certificate in it");
		cr_assert_eq(p2v_identity_authority(a.me, t, &err), P2V_ECONF);
		cr_assert_str_eq(err.text, "there is no certificate in it");
	}
	cr_assert(is(&was, person_id(&a)) && a.shown == 1 && expires(&a) == 0);
	believes(&a, &p.tracker, P2V_IS_TRACKER);
	person_fini(&a);
	people_fini(&p);
}

static void key_text(EVP_PKEY *key, const char *pass, struct p2v_text *out)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n;

	cr_assert(PEM_write_bio_PKCS8PrivateKey(b, key, pass ? EVP_aes_128_cbc() : NULL, pass,
			  pass ? (int)strlen(pass) : 0, NULL, NULL) == 1);
	n = BIO_get_mem_data(b, &p);
	p2v_text_add(out, p, (size_t)n);
	BIO_free(b);
}

Test(identity, keys_that_are_not_taken)
{
	EVP_PKEY *p384 = EVP_EC_gen("P-384"), *p256 = p2v_key_new();
	struct people p;
	struct person a;
	struct p2v_text other = { 0 }, secret = { 0 };
	struct p2v_err err;

	people_init(&p, 365);
	person_init(&a, &p, &p.authority);
	key_text(p384, NULL, &other);
	key_text(p256, "secret", &secret);
	cr_assert_eq(p2v_identity_key(a.me, people_pem(&other), &err), P2V_ECONF);
	cr_assert_eq(p2v_identity_key(a.me, people_pem(&secret), &err), P2V_ECONF,
		"nobody is asked on a terminal");
	EVP_PKEY_free(p384);
	EVP_PKEY_free(p256);
	p2v_text_fini(&other);
	p2v_text_fini(&secret);
	person_fini(&a);
	people_fini(&p);
}

Test(identity, another_authority_from_now_on)
{
	struct people p, q;
	struct person a, b;
	struct p2v_err err;

	people_init(&p, 365);
	people_init(&q, 365);
	person_init(&a, &p, &p.authority);
	person_init(&b, &p, &p.authority);
	person_enrol(&b, &p, NULL, 0, 3600);
	believes(&a, &b, P2V_IS_PEER);
	cr_assert_eq(p2v_identity_authority(a.me, people_pem(&q.authority.ca), &err), P2V_OK);
	cr_assert_not(allows(&a, person_id(&b), &news), "known on another's word");
	refuses(&a, &b, "another authority");
	believes(&a, &q.tracker, P2V_IS_TRACKER);
	person_fini(&a);
	person_fini(&b);
	people_fini(&p);
	people_fini(&q);
}
