/* box.h - a box for tests, and addresses with short names. */
#ifndef P2V_TESTS_NAT_BOX_H
#define P2V_TESTS_NAT_BOX_H

#include <criterion/criterion.h>

#include "framework/base/text.h"
#include "sdk/nat/nat.h"

struct box {
	struct p2v_nat_conf conf;
	struct p2v_random random;
	struct p2v_nat *nat;
};

/** Default settings with that type. */
void box_init(struct box *b, const char *type);
/** Make it of its conf as it is now. */
void box_open(struct box *b);
void box_new(struct box *b, const char *type);
void box_free(struct box *b);

struct p2v_addr inside(uint8_t host, uint16_t port); /* 192.168.0.host */
struct p2v_addr remote(uint8_t host, uint16_t port); /* 203.0.113.host */

/** Send. @return the outside port; 0: dropped */
uint16_t out_at(struct box *b, struct p2v_addr src, struct p2v_addr dst, p2v_usec now);
uint16_t out(struct box *b, struct p2v_addr src, struct p2v_addr dst);
/** @return whether a datagram from src to that port gets in, and to dst */
bool in_at(struct box *b, uint16_t port, struct p2v_addr src, struct p2v_addr dst, p2v_usec now);
bool in(struct box *b, uint16_t port, struct p2v_addr src, struct p2v_addr dst);
enum p2v_nat_verdict verdict_at(struct box *b, uint16_t port, struct p2v_addr src, p2v_usec now);

#endif
