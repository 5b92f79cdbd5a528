/* fuzz_messages.c - any bytes as what lies on a stream: message after message is taken off; each
 * that can be read is written again, and then reads as it did. */
#include <stdlib.h>
#include <string.h>

#include "framework/overlay/messages.h"
#include "tests/fuzz/target.h"

static uint8_t out[P2V_MESSAGE_HEAD + P2V_MESSAGE_MAX];

static void again(uint64_t number, const union p2v_msg *msg)
{
	struct p2v_writer w = p2v_writer_of(out, sizeof out);
	struct p2v_text was = { 0 }, is = { 0 };
	struct p2v_bytes body;
	union p2v_msg got;
	struct p2v_err err;
	uint64_t k;

	p2v_msg_write((enum p2v_message)number, msg, &w);
	must(!w.full);
	must(p2v_msg_next((struct p2v_bytes){ out, p2v_written(&w) }, &k, &body, &err) ==
		(ptrdiff_t)p2v_written(&w));
	must(k == number && p2v_msg_read(k, body, &got, &err) == P2V_OK);
	p2v_msg_dump((enum p2v_message)number, msg, &was);
	p2v_msg_dump((enum p2v_message)number, &got, &is);
	must(was.n == is.n && memcmp(was.p, is.p, was.n) == 0);
	must(strncmp(is.p, p2v_msg_name(number), strlen(p2v_msg_name(number))) == 0);
	p2v_text_fini(&was);
	p2v_text_fini(&is);
}

static void read_one(uint64_t number, struct p2v_bytes body)
{
	struct p2v_err err = { P2V_OK, "" };
	union p2v_msg msg;
	int rc = p2v_msg_read(number, body, &msg, &err);

	must(rc == P2V_OK || (rc == err.code && err.text[0]));
	must((rc == P2V_ENOENT) == (p2v_msg_name(number) == NULL));
	if (rc != P2V_OK)
		return;
	again(number, &msg);
	/* Descriptors travel inside other messages. */
	if (number == P2V_MSG_hello)
		read_one(P2V_MSG_descriptor, msg.hello.descriptor);
	else if (number == P2V_MSG_join)
		read_one(P2V_MSG_descriptor, msg.join.descriptor);
	for (size_t i = 0; number == P2V_MSG_peers && i < msg.peers.descriptors.n; i++)
		read_one(P2V_MSG_descriptor, msg.peers.descriptors.v[i]);
}

void fuzz_one(const uint8_t *p, size_t n)
{
	struct p2v_bytes body;
	struct p2v_err err;
	uint64_t number;
	ptrdiff_t k;

	while ((k = p2v_msg_next((struct p2v_bytes){ p, n }, &number, &body, &err)) > 0) {
		must((size_t)k <= n && body.p >= p && body.p + body.n == p + k);
		read_one(number, body);
		p += k;
		n -= (size_t)k;
	}
	must(k == 0 || (k == P2V_EPROTO && err.code == P2V_EPROTO));
}
