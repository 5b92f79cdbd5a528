/* boxes.h - bytes in network order, and the boxes of ISO/IEC 14496-12 and of what is made like
 * them. */
#ifndef P2V_MANIFEST_BOXES_H
#define P2V_MANIFEST_BOXES_H

#include <peer2view/base.h>

struct boxes {
	const uint8_t *p;
	size_t n;
	size_t at; /* [B] where p stands in what was begun with */
	bool bad;  /* it wanted more than there is, or is itself cut short */
};

struct boxes boxes_of(struct p2v_bytes b);
/** Take a number of n bytes. @return 0 where there are not so many; then b->bad is set */
uint64_t boxes_take(struct boxes *b, size_t n);
/** Take a text that ends with a zero. */
void boxes_skip_text(struct boxes *b);
/** Take the next box.
 * @param type  [out] its four letters as a number
 * @param body  [out] what stands in it, as far as it came: bad says that it is not all
 * @return false: there is none, or what stands there is none */
bool boxes_next(struct boxes *b, uint32_t *type, struct boxes *body);
/** @return P2V_EPARSE, with the byte at which b stands and why in err */
int boxes_refuse(struct p2v_err *err, const struct boxes *b, const char *why);

#endif
