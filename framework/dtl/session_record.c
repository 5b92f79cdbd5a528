/* session_record.c - one session's records: OpenSSL shakes hands between two buffers of ours, and
 * packets go under the keys that come of it (session_seal.c). It never sees a socket or a clock:
 * lost flights are sent again by us, as they were (see sdk/doc/protocol.md), for OpenSSL would look
 * at the wall clock. */
#include "framework/dtl/session_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum {
	PACKET_MAX = 2048, /* [B] larger ones are nobody's */
	TYPE_CCS = 20,
	TYPE_ALERT = 21,
	TYPE_SHAKE = 22,
	HEADER = 13,       /* [B] of a record: type, version, epoch, number, length */
	HELLO_RANDOM = 27, /* [B] from the datagram's start to a ClientHello's random */
	FLIGHT_MAX = 16384 /* [B] no handshake of ours comes near it */
};
#define FIRST_RETRY (250 * P2V_MSEC)
#define LEAST_RETRY (50 * P2V_MSEC)
#define LAST_RETRY  P2V_SECOND
#define ECHO_PAUSE  (50 * P2V_MSEC)

static struct dtls_record *record_of(struct p2v_record *r)
{
	return (struct dtls_record *)(void *)r;
}

/* ---- the last flight ---- */

static void forget_flight(struct dtls_record *r)
{
	free(r->flight);
	r->flight = NULL;
	r->flight_n = r->flight_cap = 0;
}

static void keep(struct dtls_record *r, const uint8_t *p, size_t n)
{
	size_t need;

	if (r->flight_over)
		r->flight_n = 0;
	r->flight_over = false;
	need = r->flight_n + 2 + n;
	if (need > FLIGHT_MAX)
		return;
	if (need > r->flight_cap) {
		uint8_t *v = realloc(r->flight, need);

		if (!v)
			return; /* it will not be sent again: the handshake may time out */
		r->flight = v;
		r->flight_cap = need;
	}
	r->flight[r->flight_n] = (uint8_t)(n >> 8);
	r->flight[r->flight_n + 1] = (uint8_t)n;
	memcpy(r->flight + r->flight_n + 2, p, n);
	r->flight_n = need;
}

static void send_flight(struct dtls_record *r, const struct p2v_record_up *up)
{
	for (size_t i = 0; i < r->flight_n;) {
		size_t n = (size_t)r->flight[i] << 8 | r->flight[i + 1];

		up->emit(up->ctx, r->flight + i + 2, n);
		i += 2 + n;
	}
}

/* ---- the BIO: OpenSSL reads one datagram and writes datagrams ---- */

static int bio_read(BIO *b, char *buf, int n)
{
	struct dtls_record *r = BIO_get_data(b);
	size_t k = r->in_n;

	BIO_clear_retry_flags(b);
	if (!r->in) {
		BIO_set_retry_read(b);
		return -1;
	}
	if (k > (size_t)n)
		k = (size_t)n; /* as a socket does: the rest of the datagram is lost */
	memcpy(buf, r->in, k);
	r->in = NULL;
	return (int)k;
}

static int bio_write(BIO *b, const char *p, int n)
{
	struct dtls_record *r = BIO_get_data(b);
	size_t k = (size_t)n;

	BIO_clear_retry_flags(b);
	if (!r->up)
		return n;
	if (!r->listening && r->base.state == P2V_RECORD_HANDSHAKE)
		keep(r, (const uint8_t *)p, k);
	r->up->emit(r->up->ctx, (const uint8_t *)p, k);
	return n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH: return 1;
	case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return 28;
	default: return 0;
	}
}

BIO_METHOD *p2v_dtls_bio_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "peer2view datagrams");

	if (m && (!BIO_meth_set_read(m, bio_read) || !BIO_meth_set_write(m, bio_write) ||
			 !BIO_meth_set_ctrl(m, bio_ctrl))) {
		BIO_meth_free(m);
		m = NULL;
	}
	return m;
}

/* ---- birth and death ---- */

/* An hour, in the microseconds of the wall clock: OpenSSL's own retransmission never comes. */
static unsigned no_timer(SSL *ssl, unsigned us)
{
	(void)ssl;
	(void)us;
	return 3600000000u;
}

static void note_alert(const SSL *ssl, int where, int ret)
{
	struct dtls_record *r = SSL_get_app_data(ssl);

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		r->alert = ret & 0xff;
}

static struct dtls_record *record_new(struct p2v_dtls *d, bool client)
{
	struct dtls_record *r = calloc(1, sizeof *r);
	BIO *bio;

	if (!r)
		return NULL;
	r->base.ops = &p2v_dtls_ops;
	r->base.client = client;
	r->of = d;
	r->retry = P2V_NEVER;
	r->patience = FIRST_RETRY;
	r->sent = r->echoed = P2V_UNKNOWN;
	r->alert = -1;
	r->ssl = SSL_new(d->ctx);
	bio = r->ssl ? BIO_new(d->bio) : NULL;
	if (!bio) {
		p2v_dtls_record_free(r);
		return NULL;
	}
	BIO_set_data(bio, r);
	BIO_set_init(bio, 1);
	SSL_set_bio(r->ssl, bio, bio);
	SSL_set_app_data(r->ssl, r);
	SSL_set_info_callback(r->ssl, note_alert);
	SSL_set_mtu(r->ssl, P2V_MSS);
	DTLS_set_timer_cb(r->ssl, no_timer);
	if (client)
		SSL_set_connect_state(r->ssl);
	else
		SSL_set_accept_state(r->ssl);
	return r;
}

void p2v_dtls_record_free(struct dtls_record *r)
{
	if (!r)
		return;
	SSL_free(r->ssl);
	p2v_seal_fini(&r->seal);
	forget_flight(r);
	free(r->base.why);
	free(r);
}

static void dtls_free(struct p2v_record *base)
{
	p2v_dtls_record_free(record_of(base));
}

/* ---- the handshake ---- */

/* Alerts by which a remote says that it will not have us: RFC 5246 section 7.2.2. */
static bool refuses(int alert)
{
	return alert == SSL_AD_HANDSHAKE_FAILURE ||
	       (alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_CERTIFICATE_UNKNOWN) ||
	       alert == SSL_AD_UNKNOWN_CA || alert == SSL_AD_ACCESS_DENIED;
}

static void fail(struct dtls_record *r)
{
	struct p2v_err *why = p2v_record_wrong(&r->base);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	r->base.state = P2V_RECORD_FAILED;
	r->retry = P2V_NEVER;
	if (r->base.refused)
		; /* our judge has said why */
	else if (r->alert >= 0 && refuses(r->alert))
		(void)p2v_fail(why, P2V_EPERM, "the remote refused us: %s",
			SSL_alert_desc_string_long(r->alert));
	else if (r->alert >= 0)
		(void)p2v_fail(why, P2V_EPROTO, "the remote broke off: %s",
			SSL_alert_desc_string_long(r->alert));
	else
		(void)p2v_fail(why, P2V_EPROTO, "the handshake failed: %s",
			reason ? reason : "no reason given");
}

/* Keys of our own from the handshake, by RFC 5705. Without RFC 7627 they would not be bound to it.
 */
static int take_keys(struct dtls_record *r, struct p2v_err *err)
{
	static const char label[] = "EXPERIMENTAL peer2view packets 1";
	const SSL_CIPHER *suite = SSL_get_current_cipher(r->ssl);
	const EVP_CIPHER *cipher = EVP_get_cipherbynid(SSL_CIPHER_get_cipher_nid(suite));
	uint8_t both[2 * P2V_SEAL_SECRET], *ours = both, *theirs = both;
	int code;

	if (SSL_get_extms_support(r->ssl) != 1)
		return p2v_fail(err, P2V_EPROTO, "the remote has no extended master secret");
	*(r->base.client ? &theirs : &ours) += P2V_SEAL_SECRET;
	code = cipher && SSL_export_keying_material(r->ssl, both, sizeof both, label,
				 sizeof label - 1, NULL, 0, 0) == 1
		       ? p2v_seal_init(&r->seal, cipher, ours, theirs, P2V_SEAL_PER_KEY)
		       : P2V_ENOMEM;
	OPENSSL_cleanse(both, sizeof both);
	return code == P2V_OK ? code : p2v_fail(err, code, "no memory for a session's keys");
}

static void come_up(struct dtls_record *r)
{
	struct p2v_err err, *why;

	r->retry = P2V_NEVER;
	if (take_keys(r, &err) != P2V_OK) {
		why = p2v_record_wrong(&r->base);
		if (why)
			*why = err;
		r->base.state = P2V_RECORD_FAILED;
		return;
	}
	r->base.state = P2V_RECORD_UP;
	r->base.head = P2V_SEAL_HEAD;
	r->base.overhead = P2V_SEAL_HEAD + P2V_SEAL_TAG;
	for (int i = 0; i < P2V_SEAL_CID; i++)
		r->base.cid = r->base.cid << 8 | r->seal.cid_in[i];
	/* All that is left to say is in the flight: most of a session's memory goes. */
	SSL_free(r->ssl);
	r->ssl = NULL;
	/* The end that had the last word cannot know whether it was heard. */
	if (r->base.client)
		forget_flight(r);
}

/* A new flight left: the round trip of the one before tells how long to wait for its answer (RFC
 * 9147 5.8.2), unless that was sent more than once (Karn and Partridge 1987). */
static void begin_patience(struct dtls_record *r)
{
	p2v_usec now = p2v_now(&r->of->node->world);

	if (r->sent != P2V_UNKNOWN)
		r->patience = 2 * (now - r->sent);
	if (r->patience < LEAST_RETRY)
		r->patience = LEAST_RETRY;
	if (r->patience > LAST_RETRY)
		r->patience = LAST_RETRY;
	r->sent = now;
	r->wait = r->patience;
	r->retry = now + r->wait;
}

static void shake(struct dtls_record *r)
{
	int k = SSL_do_handshake(r->ssl);

	if (k == 1)
		come_up(r);
	else if (SSL_get_error(r->ssl, k) != SSL_ERROR_WANT_READ)
		fail(r);
	else if (!r->flight_over)
		begin_patience(r);
}

static void enter(struct dtls_record *r, const struct p2v_record_up *up, const uint8_t *p, size_t n)
{
	ERR_clear_error();
	r->up = up;
	r->in = p;
	r->in_n = n;
}

static void leave(struct dtls_record *r)
{
	ERR_clear_error();
	r->up = NULL;
	r->in = NULL;
}

static int dtls_dial(
	void *self, const struct p2v_record_up *up, struct p2v_record **out, struct p2v_err *err)
{
	struct p2v_dtls *d = self;
	struct dtls_record *r;

	if (!d->ready)
		return p2v_fail(err, P2V_EPERM, "this node has no certificate yet");
	r = record_new(d, true);
	if (!r) {
		ERR_clear_error();
		return p2v_fail(err, P2V_ENOMEM, "no memory for a DTLS session");
	}
	enter(r, up, NULL, 0);
	r->flight_over = true;
	shake(r);
	leave(r);
	(void)SSL_get_client_random(r->ssl, r->caller, sizeof r->caller);
	*out = &r->base;
	return P2V_OK;
}

/* @return the random of a ClientHello that begins this datagram; NULL: it is something else */
static const uint8_t *hello_random(const uint8_t *p, size_t n)
{
	static const uint8_t no_offset[3] = { 0, 0, 0 };

	return n >= HELLO_RANDOM + P2V_HELLO_RANDOM && p[0] == TYPE_SHAKE && p[3] == 0 &&
			       p[4] == 0 && p[HEADER] == 1 &&
			       memcmp(p + HEADER + 6, no_offset, 3) == 0
		       ? p + HELLO_RANDOM
		       : NULL;
}

static int dtls_accept(void *self, const struct p2v_addr *from, const uint8_t *p, size_t n,
	const struct p2v_record_up *up, struct p2v_record **out)
{
	struct p2v_dtls *d = self;
	const uint8_t *hello = hello_random(p, n);
	struct dtls_record *r;
	BIO_ADDR *ignored;
	int k;

	*out = NULL;
	if (!d->ready || !hello)
		return P2V_EPROTO;
	if (!d->listener)
		d->listener = record_new(d, false);
	ignored = d->listener ? BIO_ADDR_new() : NULL;
	if (!ignored) {
		ERR_clear_error();
		return P2V_ENOMEM;
	}
	r = d->listener;
	r->listening = true;
	d->from = from;
	enter(r, up, p, n);
	k = DTLSv1_listen(r->ssl, ignored);
	BIO_ADDR_free(ignored);
	if (k > 0) {
		d->listener = NULL;
		r->listening = false;
		r->flight_over = true;
		memcpy(r->caller, hello, sizeof r->caller);
		shake(r);
		*out = &r->base;
	}
	d->from = NULL;
	leave(r);
	return P2V_OK;
}

/* ---- when both ends call, and when the remote calls anew ---- */

static enum p2v_record_class classify_hello(const struct dtls_record *r, const uint8_t *random)
{
	int order = memcmp(random, r->caller, sizeof r->caller);

	if (order == 0)
		return P2V_RECORD_STALE; /* the call that we answer, or an echo of our own */
	/* Both call: the call with the smaller random stands. A client keeps its random when it
	 * shows its cookie (RFC 6347 4.2.1), so both ends see the same two. */
	if (r->base.client && r->base.state == P2V_RECORD_HANDSHAKE)
		return order < 0 ? P2V_RECORD_CALL : P2V_RECORD_STALE;
	return P2V_RECORD_CALL;
}

static enum p2v_record_class dtls_classify(struct p2v_record *base, const uint8_t *p, size_t n)
{
	const uint8_t *random = hello_random(p, n);

	if (random)
		return classify_hello(record_of(base), random);
	if (n && p[0] == P2V_SEAL_TYPE)
		return P2V_RECORD_DATA;
	if (n < HEADER)
		return P2V_RECORD_STALE;
	if (p[0] == TYPE_CCS || p[0] == TYPE_SHAKE ||
		(p[0] == TYPE_ALERT && p[3] == 0 && p[4] == 0))
		return P2V_RECORD_SHAKE;
	return P2V_RECORD_DATA;
}

/* ---- data ---- */

static void open_packet(
	struct dtls_record *r, const uint8_t *p, size_t n, const struct p2v_record_up *up)
{
	uint8_t packet[PACKET_MAX];
	ptrdiff_t k = p2v_seal_open(&r->seal, p, n, packet, sizeof packet);

	if (k < 0)
		return;
	if (r->flight)
		forget_flight(r); /* it was heard */
	if (k == 0)
		r->base.state = P2V_RECORD_CLOSED;
	else
		up->packet(up->ctx, packet, (size_t)k);
}

/* The remote still sends its last flight, so ours was lost: RFC 6347 4.2.4. */
static void echo_flight(struct dtls_record *r, const struct p2v_record_up *up)
{
	p2v_usec now = p2v_now(&r->of->node->world);

	if (r->echoed != P2V_UNKNOWN && now - r->echoed < ECHO_PAUSE)
		return;
	r->echoed = now;
	send_flight(r, up);
}

static void dtls_input(
	struct p2v_record *base, const uint8_t *p, size_t n, const struct p2v_record_up *up)
{
	struct dtls_record *r = record_of(base);

	if (n && p[0] == P2V_SEAL_TYPE) {
		if (base->state == P2V_RECORD_UP) /* else it came too early, and will come again */
			open_packet(r, p, n, up);
		return;
	}
	if (n < HEADER)
		return; /* an empty read would look like the end to OpenSSL */
	if (base->state == P2V_RECORD_UP && dtls_classify(base, p, n) == P2V_RECORD_SHAKE)
		echo_flight(r, up);
	if (base->state != P2V_RECORD_HANDSHAKE)
		return;
	enter(r, up, p, n);
	r->flight_over = true;
	shake(r);
	leave(r);
}

static ptrdiff_t dtls_seal(
	struct p2v_record *base, const uint8_t *p, size_t n, uint8_t *out, size_t cap)
{
	assert(base->state == P2V_RECORD_UP && n > 0);
	return p2v_seal_close(&record_of(base)->seal, p, n, out, cap);
}

/* ---- timers, and the end ---- */

static p2v_usec dtls_deadline(const struct p2v_record *base, p2v_usec now)
{
	(void)now;
	return ((const struct dtls_record *)(const void *)base)->retry;
}

static void dtls_timeout(struct p2v_record *base, p2v_usec now, const struct p2v_record_up *up)
{
	struct dtls_record *r = record_of(base);

	if (base->state != P2V_RECORD_HANDSHAKE || now < r->retry)
		return;
	r->wait = r->wait < LAST_RETRY / 2 ? 2 * r->wait : LAST_RETRY;
	r->retry = now + r->wait;
	r->sent = P2V_UNKNOWN;
	send_flight(r, up);
}

static void dtls_close(struct p2v_record *base, const struct p2v_record_up *up)
{
	struct dtls_record *r = record_of(base);

	uint8_t end[P2V_SEAL_HEAD + P2V_SEAL_TAG];
	ptrdiff_t n;

	if (base->state != P2V_RECORD_UP)
		return;
	n = p2v_seal_close(&r->seal, NULL, 0, end, sizeof end); /* a packet of nothing */
	if (n > 0)
		up->emit(up->ctx, end, (size_t)n);
}

const struct p2v_records_ops p2v_dtls_ops = { .dial = dtls_dial,
	.accept = dtls_accept,
	.classify = dtls_classify,
	.input = dtls_input,
	.seal = dtls_seal,
	.deadline = dtls_deadline,
	.timeout = dtls_timeout,
	.close = dtls_close,
	.free = dtls_free };
