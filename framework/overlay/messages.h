/* messages.h - messages between nodes as structs, and their bytes. On a stream a message is its
 * number, its length and its fields; a field is (number << 1 | kind), then a varint (kind 0) or a
 * length and bytes (kind 1). */
#ifndef P2V_OVERLAY_MESSAGES_H
#define P2V_OVERLAY_MESSAGES_H

#include "framework/base/crypto.h"
#include "framework/base/text.h"
#include "framework/base/wire.h"

#define P2V_PROTOCOL_VERSION 1u
#define P2V_MESSAGE_MAX      36864u /* [B] longest message, without its head */
#define P2V_MESSAGE_HEAD     8u     /* [B] room for number and length */

enum p2v_message {
#define P2V_MESSAGE(name, number) P2V_MSG_##name = number,
#include "framework/overlay/messages.def"
};

/* struct p2v_msg_hello { uint64_t version; struct p2v_bytes descriptor; … }: bytes are borrowed. */
#define P2V_MESSAGE(name, number)            struct p2v_msg_##name {
#define P2V_U(name, field, number, max)      uint64_t field;
#define P2V_B(name, field, number, min, max) struct p2v_bytes field;
#define P2V_BN(name, field, number, min, max, count) \
	struct {                                     \
		struct p2v_bytes v[count];           \
		size_t n;                            \
	} field;
#define P2V_END(name) \
	}             \
	;
#include "framework/overlay/messages.def"

/** Room for any message's struct. */
union p2v_msg {
#define P2V_MESSAGE(name, number) struct p2v_msg_##name name;
#include "framework/overlay/messages.def"
};

/** Write a message with its head, as it goes onto a stream. Values beyond the bounds of
 * messages.def are a broken promise.
 * @param msg  [in] the struct of that message
 * @param w    [inout] marked full when it does not fit */
void p2v_msg_write(enum p2v_message number, const void *msg, struct p2v_writer *w);
/** Write the fields alone: for messages inside messages. */
void p2v_msg_write_body(enum p2v_message number, const void *msg, struct p2v_writer *w);

/** Read the fields of one message.
 * @param body  [in] without its head
 * @param out   [out] its bytes point into body
 * @return P2V_OK; P2V_ENOENT: a number that this version does not know, to be skipped; P2V_EPROTO
 * with err: malformed, out of bounds, or without a field that must be there */
P2V_MUST_USE int p2v_msg_read(
	uint64_t number, struct p2v_bytes body, union p2v_msg *out, struct p2v_err *err);

/** Take the next message off the front of what lies on a stream.
 * @param number, body  [out] borrowed from `in`
 * @return [B] that it takes, its head included; 0: it is not whole yet; P2V_EPROTO with err: too
 * long */
ptrdiff_t p2v_msg_next(
	struct p2v_bytes in, uint64_t *number, struct p2v_bytes *body, struct p2v_err *err);

/** @return "hello"; NULL: unknown */
const char *p2v_msg_name(uint64_t number);
/** Tell a message for logs, tests and the fuzzer: name{field=value …}, bytes as hex. */
void p2v_msg_dump(enum p2v_message number, const void *msg, struct p2v_text *out);
/** The message table as Markdown, for sdk/doc/protocol.md. */
void p2v_msg_document(struct p2v_text *out);

#endif
