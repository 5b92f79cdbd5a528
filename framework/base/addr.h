/* addr.h - an IP address and port, and its text. IPv4 travels as IPv4-mapped IPv6, as on a
 * dual-stack socket. */
#ifndef P2V_BASE_ADDR_H
#define P2V_BASE_ADDR_H

#include <peer2view/base.h>

struct p2v_addr {
	uint8_t ip[16];
	uint16_t port; /* host order */
};

#define P2V_ADDR_TEXT 56u /* [B] room for any address's text with its NUL */

/** Read "192.0.2.1:80", "[2001:db8::1]:80", "*:80" (any address). Names are not looked up.
 * @param text  [in] NUL-ended
 * @return P2V_OK or P2V_EPARSE with err */
P2V_MUST_USE int p2v_addr_parse(const char *text, struct p2v_addr *out, struct p2v_err *err);

/** Read an address without a port: "192.0.2.1", "2001:db8::1".
 * @return P2V_OK or P2V_EPARSE, quietly: callers try a name next */
P2V_MUST_USE int p2v_addr_parse_ip(struct p2v_str text, struct p2v_addr *out);

/** @param out  [out] shape (P2V_ADDR_TEXT) @return out */
char *p2v_addr_text(const struct p2v_addr *a, char out[P2V_ADDR_TEXT]);

bool p2v_addr_equal(const struct p2v_addr *a, const struct p2v_addr *b);
bool p2v_addr_is_v4(const struct p2v_addr *a);
bool p2v_addr_is_any(const struct p2v_addr *a);
bool p2v_addr_is_loopback(const struct p2v_addr *a);
/** RFC 1918, RFC 4193, link-local, loopback: an address that means nothing elsewhere. */
bool p2v_addr_is_private(const struct p2v_addr *a);

/** @param a  a.b.c.d, host order, as 0xaabbccdd */
struct p2v_addr p2v_addr_v4(uint32_t ip, uint16_t port);

/** @return leading bits that the two have in common, 0…128; of IPv4 addresses 0…32 scaled to 96…128
 */
uint32_t p2v_addr_near_bits(const struct p2v_addr *a, const struct p2v_addr *b);

#endif
