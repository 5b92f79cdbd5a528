/* addr_test.c - addresses and their text. */
#include <criterion/criterion.h>

#include <string.h>

#include "framework/base/addr.h"
#include "framework/base/text.h"

TestSuite(addr, .timeout = 60);

static struct p2v_addr addr(const char *text)
{
	struct p2v_addr a;
	struct p2v_err err;

	cr_assert_eq(p2v_addr_parse(text, &a, &err), P2V_OK, "%s: %s", text, err.text);
	return a;
}

Test(addr, text_both_ways)
{
	static const struct {
		const char *in, *out;
	} v[] = { { "192.0.2.1:80", "192.0.2.1:80" },
		{ "[2001:DB8:0::1]:443", "[2001:db8::1]:443" }, { "*:0", "[::]:0" },
		{ "[::]:1", "[::]:1" }, { "0.0.0.0:7", "0.0.0.0:7" },
		{ "[::ffff:192.0.2.1]:9", "192.0.2.1:9" },
		{ "255.255.255.255:65535", "255.255.255.255:65535" },
		{ "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
			"[1111:2222:3333:4444:5555:6666:7777:8888]:65535" } };
	char buf[P2V_ADDR_TEXT];

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_addr a = addr(v[i].in);

		cr_assert_str_eq(p2v_addr_text(&a, buf), v[i].out);
	}
}

Test(addr, each_refusal_says_why)
{
	static const struct {
		const char *in, *why;
	} v[] = { { "192.0.2.1", "no port" }, { "2001:db8::1", "ambiguous" },
		{ "2001:db8::1:80", "ambiguous" }, { "192.0.2.1:", "no port" },
		{ "192.0.2.1:65536", "no port" }, { "192.0.2.1:8x", "no port" },
		{ "localhost:80", "no IP address" }, { "256.0.0.1:80", "no IP address" },
		{ "[2001:db8::1:80", "ambiguous" }, { "[]:80", "no IP address" },
		{ ":80", "no IP" } };
	struct p2v_addr a = { .port = 5 };
	struct p2v_err err;

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		cr_assert_eq(p2v_addr_parse(v[i].in, &a, &err), P2V_EPARSE, "%s", v[i].in);
		cr_assert_eq(err.code, P2V_EPARSE);
		cr_assert_not_null(strstr(err.text, v[i].why), "%s: %s", v[i].in, err.text);
	}
	cr_assert_eq(a.port, 5, "untouched on error");
	cr_assert_eq(p2v_addr_parse("x", &a, NULL), P2V_EPARSE);
}

Test(addr, parse_ip_is_quiet_and_strict)
{
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4 ", "::g", "fe80::1%eth0", "[::1]",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999" };
	struct p2v_addr a = { .port = 3 };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(p2v_addr_parse_ip(p2v_str_of(bad[i]), &a), P2V_EPARSE, "%s", bad[i]);
	cr_assert_eq(p2v_addr_parse_ip((struct p2v_str){ "1.2.3.4\0", 8 }, &a), P2V_EPARSE);
	cr_assert_eq(p2v_addr_parse_ip((struct p2v_str){ "1.2.3.45", 7 }, &a), P2V_OK);
	cr_assert_eq(a.ip[15], 4);
	cr_assert_eq(a.port, 3, "the port is the caller's");
}

Test(addr, kinds)
{
	static const struct {
		const char *text;
		bool v4, any, loopback, private;
	} v[] = { { "0.0.0.0:1", true, true, false, true }, { "[::]:1", false, true, false, true },
		{ "127.0.0.1:1", true, false, true, true },
		{ "127.255.0.1:1", true, false, true, true },
		{ "[::1]:1", false, false, true, true }, { "10.1.2.3:1", true, false, false, true },
		{ "172.16.0.1:1", true, false, false, true },
		{ "172.32.0.1:1", true, false, false, false },
		{ "172.15.0.1:1", true, false, false, false },
		{ "192.168.9.9:1", true, false, false, true },
		{ "192.169.0.1:1", true, false, false, false },
		{ "169.254.1.1:1", true, false, false, true },
		{ "8.8.8.8:1", true, false, false, false },
		{ "[fd00::1]:1", false, false, false, true },
		{ "[fe80::1]:1", false, false, false, true },
		{ "[2001:db8::1]:1", false, false, false, false } };

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct p2v_addr a = addr(v[i].text);

		cr_assert_eq(p2v_addr_is_v4(&a), v[i].v4, "%s", v[i].text);
		cr_assert_eq(p2v_addr_is_any(&a), v[i].any, "%s", v[i].text);
		cr_assert_eq(p2v_addr_is_loopback(&a), v[i].loopback, "%s", v[i].text);
		cr_assert_eq(p2v_addr_is_private(&a), v[i].private, "%s", v[i].text);
	}
}

Test(addr, equal_and_near)
{
	struct p2v_addr a = p2v_addr_v4(0xc0000201, 80), b = addr("192.0.2.1:80"),
			c = addr("192.0.2.1:81"), d = addr("192.0.2.129:80"),
			e = addr("64.0.2.1:80"), f = addr("[2001:db8::1]:1"),
			g = addr("[2001:db8:8000::1]:1");

	cr_assert(p2v_addr_equal(&a, &b));
	cr_assert_not(p2v_addr_equal(&a, &c));
	cr_assert_eq(p2v_addr_near_bits(&a, &c), 128, "the port does not count");
	cr_assert_eq(p2v_addr_near_bits(&a, &d), 96 + 24);
	cr_assert_eq(p2v_addr_near_bits(&a, &e), 96);
	cr_assert_eq(p2v_addr_near_bits(&f, &g), 32);
}
