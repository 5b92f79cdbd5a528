/* addr.c - addresses and their text. inet_pton and inet_ntop are pure; no socket is met here. */
#include "framework/base/addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "framework/base/text.h"

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

int p2v_addr_parse_ip(struct p2v_str text, struct p2v_addr *out)
{
	char buf[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	if (text.n == 0 || text.n >= sizeof buf || memchr(text.p, 0, text.n))
		return P2V_EPARSE;
	memcpy(buf, text.p, text.n);
	buf[text.n] = 0;
	if (inet_pton(AF_INET, buf, ip) == 1) {
		memcpy(out->ip, v4_prefix, 12);
		memcpy(out->ip + 12, ip, 4);
		return P2V_OK;
	}
	if (inet_pton(AF_INET6, buf, ip) == 1) {
		memcpy(out->ip, ip, 16);
		return P2V_OK;
	}
	return P2V_EPARSE;
}

int p2v_addr_parse(const char *text, struct p2v_addr *out, struct p2v_err *err)
{
	struct p2v_str s = p2v_str_of(text), ip, port;
	struct p2v_addr a = { .port = 0 };
	uint64_t n = 0;
	const char *colon = NULL;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ':')
			colon = s.p + i;
	if (!colon)
		return p2v_fail(err, P2V_EPARSE, "'%s' has no port: write ADDRESS:PORT", text);
	ip = (struct p2v_str){ s.p, (size_t)(colon - s.p) };
	port = (struct p2v_str){ colon + 1, s.n - ip.n - 1 };
	if (p2v_parse_u64(port, 0, UINT16_MAX, &n) < 0)
		return p2v_fail(err, P2V_EPARSE, "'%.*s' in '%s' is no port (0 to 65535)",
			P2V_STR(port), text);
	if (ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']') {
		ip.p++;
		ip.n -= 2;
	} else if (memchr(ip.p, ':', ip.n)) {
		return p2v_fail(err, P2V_EPARSE,
			"'%s' is ambiguous: write an IPv6 address in brackets", text);
	}
	if (!p2v_str_is(ip, "*") && p2v_addr_parse_ip(ip, &a) < 0)
		return p2v_fail(
			err, P2V_EPARSE, "'%.*s' in '%s' is no IP address", P2V_STR(ip), text);
	a.port = (uint16_t)n;
	*out = a;
	return P2V_OK;
}

char *p2v_addr_text(const struct p2v_addr *a, char out[P2V_ADDR_TEXT])
{
	char ip[INET6_ADDRSTRLEN];

	if (p2v_addr_is_v4(a)) {
		(void)inet_ntop(AF_INET, a->ip + 12, ip, sizeof ip);
		(void)snprintf(out, P2V_ADDR_TEXT, "%s:%u", ip, a->port);
	} else {
		(void)inet_ntop(AF_INET6, a->ip, ip, sizeof ip);
		(void)snprintf(out, P2V_ADDR_TEXT, "[%s]:%u", ip, a->port);
	}
	return out;
}

bool p2v_addr_equal(const struct p2v_addr *a, const struct p2v_addr *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, 16) == 0;
}

bool p2v_addr_is_v4(const struct p2v_addr *a)
{
	return memcmp(a->ip, v4_prefix, 12) == 0;
}

bool p2v_addr_is_any(const struct p2v_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->ip, zero, 16) == 0 ||
	       (p2v_addr_is_v4(a) && memcmp(a->ip + 12, zero, 4) == 0);
}

bool p2v_addr_is_loopback(const struct p2v_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return p2v_addr_is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, one, 16) == 0;
}

bool p2v_addr_is_private(const struct p2v_addr *a)
{
	const uint8_t *q = a->ip + 12;

	if (p2v_addr_is_loopback(a) || p2v_addr_is_any(a))
		return true;
	if (p2v_addr_is_v4(a))
		return q[0] == 10 || (q[0] == 172 && (q[1] & 0xf0) == 16) ||
		       (q[0] == 192 && q[1] == 168) || (q[0] == 169 && q[1] == 254);
	return (a->ip[0] & 0xfe) == 0xfc || (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80);
}

struct p2v_addr p2v_addr_v4(uint32_t ip, uint16_t port)
{
	struct p2v_addr a = { .port = port };

	memcpy(a.ip, v4_prefix, 12);
	for (unsigned i = 0; i < 4; i++)
		a.ip[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

uint32_t p2v_addr_near_bits(const struct p2v_addr *a, const struct p2v_addr *b)
{
	/* All of IPv4 begins alike. */
	uint32_t i = memcmp(a->ip, b->ip, 12) == 0 ? 12 : 0, bits;
	unsigned differs;

	while (i < sizeof a->ip && a->ip[i] == b->ip[i])
		i++;
	if (i == sizeof a->ip)
		return 128;
	differs = a->ip[i] ^ b->ip[i];
	for (bits = 0; !(differs & 0x80); differs <<= 1)
		bits++;
	return 8 * i + bits;
}
