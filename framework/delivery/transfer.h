/* transfer.h - what both ends of a transfer share: the messages before chunks, and who signed what
 * on one stream. */
#ifndef P2V_DELIVERY_TRANSFER_H
#define P2V_DELIVERY_TRANSFER_H

#include "framework/delivery/inside.h"

#define P2V_SIGNERS_MAX 16u /* different signers on one stream */

struct p2v_signers {
	struct p2v_id id[P2V_SIGNERS_MAX];
	uint8_t number[P2V_SIGNERS_MAX];
	size_t n;
};

/** @return the signer of that number; NULL: not introduced on this stream */
static inline const struct p2v_id *p2v_signers_find(const struct p2v_signers *s, uint64_t number)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->number[i] == number)
			return &s->id[i];
	return NULL;
}

/** What a head's proof is about: total and headers.
 * @param out  [out] shape (8 + headers.n) @return [B] */
static inline size_t p2v_head_content(uint64_t total, struct p2v_bytes headers, uint8_t *out)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(total >> (56 - 8 * i));
	if (headers.n)
		memcpy(out + 8, headers.p, headers.n);
	return 8 + headers.n;
}

#define P2V_HEAD_CONTENT_MAX (8u + 2048u)

#endif
