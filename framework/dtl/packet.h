/* packet.h - packets and frames of the transport: bytes to meaning and back, byte for byte as
 * sdk/doc/protocol.md, section Transport, has it. No state of a session lives here. */
#ifndef P2V_DTL_PACKET_H
#define P2V_DTL_PACKET_H

#include "framework/base/wire.h"
#include "framework/dtl/ranges.h"

#define P2V_PACKET_VERSION 1u
#define P2V_PACKET_HEADER  8u    /* [B] packet number and send timestamp, 32 bits each */
#define P2V_PRIORITY_UNIT  1024u /* PRIORITY carries priorities in parts of this */
#define P2V_STREAMS_MAX    (UINT64_C(1) << 60) /* streams that one end may ever open */

enum {
	P2V_ACK_RANGES = 64,  /* that one ACK may carry */
	P2V_CLOSE_TEXT = 100, /* [B] */
	P2V_PATH_TOKEN = 8    /* [B] */
};

enum p2v_frame_type {
	P2V_F_PADDING = 0x00,
	P2V_F_PING = 0x01,
	P2V_F_ACK = 0x02,
	P2V_F_RESET = 0x04,
	P2V_F_STOP = 0x05,
	P2V_F_STREAM = 0x08, /* to 0x0f: with the bits below */
	P2V_F_MAX_DATA = 0x10,
	P2V_F_MAX_STREAM_DATA = 0x11,
	P2V_F_MAX_STREAMS = 0x12,
	P2V_F_PRIORITY = 0x13,
	P2V_F_SETTINGS = 0x14,
	P2V_F_PATH_CHALLENGE = 0x1a,
	P2V_F_PATH_RESPONSE = 0x1b,
	P2V_F_CLOSE = 0x1c
};
enum { P2V_STREAM_FIN = 1, P2V_STREAM_LEN = 2, P2V_STREAM_OFF = 4 };

/* Keys of SETTINGS; what is not known is skipped, so that it can grow. */
enum p2v_setting {
	P2V_SET_VERSION = 1,
	P2V_SET_MAX_DATA = 2,
	P2V_SET_MAX_STREAM_DATA = 3,
	P2V_SET_MAX_STREAMS = 4,
	P2V_SET_ACK_DELAY = 5
};

/** What an end grants from the start, before its first MAX_*. */
struct p2v_settings {
	uint64_t version;         /* the highest that it speaks */
	uint64_t max_data;        /* [B] */
	uint64_t max_stream_data; /* [B] */
	uint64_t max_streams;
	p2v_usec ack_delay; /* [us] that it may hold an ACK back */
};

struct p2v_frame_ack {
	p2v_usec delay; /* [us] between the arrival of the largest and this frame */
	uint32_t echo;  /* the send timestamp of the largest */
	size_t n;       /* 1…P2V_ACK_RANGES */
	struct p2v_span range[P2V_ACK_RANGES]; /* descending, apart from each other */
};

struct p2v_frame {
	enum p2v_frame_type type; /* P2V_F_STREAM without its bits */
	union {
		size_t padding; /* [B] in a row */
		struct p2v_frame_ack ack;
		struct {
			uint64_t id, offset;
			struct p2v_bytes data; /* borrowed from the packet */
			bool fin;
		} stream;
		struct {
			uint64_t id, code, size; /* size: [B] final size; of RESET alone */
		} cut;                           /* RESET, STOP */
		struct {
			uint64_t id; /* of MAX_STREAM_DATA alone */
			uint64_t max;
		} max;
		struct {
			uint64_t id;
			uint32_t priority; /* in 1/P2V_PRIORITY_UNIT, at most 4 */
			p2v_usec slack;    /* [us] left until the deadline; P2V_NEVER */
		} priority;
		struct p2v_settings settings;
		uint8_t token[P2V_PATH_TOKEN]; /* PATH_CHALLENGE, PATH_RESPONSE */
		struct {
			uint64_t code;
			struct p2v_str text; /* borrowed from the packet */
		} close;
	} u;
};

struct p2v_packet {
	uint64_t number;
	uint32_t stamp; /* the sender's clock, the low 32 bits of its microseconds */
	struct p2v_reader frames;
};

/** Open a packet.
 * @param expected  the number after the largest that arrived: it completes the truncated number
 * @return P2V_OK; P2V_EPROTO with err */
P2V_MUST_USE int p2v_packet_open(
	struct p2v_bytes b, uint64_t expected, struct p2v_packet *out, struct p2v_err *err);

/** Read the next frame.
 * @param f  [out] borrows from the packet
 * @return 1: a frame; 0: none is left; P2V_EPROTO with err: no correct end sends this */
P2V_MUST_USE int p2v_frame_next(
	struct p2v_reader *frames, struct p2v_frame *f, struct p2v_err *err);

/** @return whether a packet with such a frame asks for an ACK (RFC 9000 13.2; but for those of a
 * path, which are asked again by themselves) */
bool p2v_frame_elicits(enum p2v_frame_type type);
/** @return "STREAM", …, for messages */
const char *p2v_frame_name(enum p2v_frame_type type);

/** Begin a packet. */
void p2v_packet_begin(struct p2v_writer *w, uint64_t number, p2v_usec now);

/** Append a frame of any type. ACK: with as many of its ranges as fit, the highest first. STREAM:
 * always with its length.
 * @return false: it does not fit, and nothing was written */
P2V_MUST_USE bool p2v_frame_put(struct p2v_writer *w, const struct p2v_frame *f);
/** As p2v_frame_put, of an ACK alone. */
P2V_MUST_USE bool p2v_ack_put(struct p2v_writer *w, const struct p2v_frame_ack *a);

/** Append a STREAM frame's head; the caller appends the data.
 * @param have  [B] that could be sent
 * @param fin   whether the stream ends with the last of them
 * @return [B] of data that the caller must append now; SIZE_MAX: not even the head fits. All `have`
 * bytes fit where have is returned, and the frame then carries fin. */
size_t p2v_stream_put(struct p2v_writer *w, uint64_t id, uint64_t offset, uint64_t have, bool fin);

#endif
