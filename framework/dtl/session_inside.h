/* session_inside.h - what the two files of the DTLS record layer share. */
#ifndef P2V_DTL_SESSION_INSIDE_H
#define P2V_DTL_SESSION_INSIDE_H

#include <openssl/ssl.h>

#include "framework/dtl/session.h"
#include "framework/dtl/session_seal.h"

enum {
	P2V_COOKIE_SECRET = 32, /* [B] */
	P2V_HELLO_RANDOM = 32   /* [B] */
};

struct p2v_dtls {
	struct p2v_node *node;
	struct p2v_trust trust;
	SSL_CTX *ctx;
	BIO_METHOD *bio;
	bool ready;                           /* there are credentials */
	struct dtls_record *listener;         /* ready for the next call */
	const struct p2v_addr *from;          /* of the call that is being worked on */
	uint8_t secret[2][P2V_COOKIE_SECRET]; /* the newer first */
	p2v_usec secret_made;
};

struct dtls_record {
	struct p2v_record base;
	struct p2v_dtls *of;
	SSL *ssl;                       /* for the handshake alone; NULL: it has ended well */
	struct p2v_seal seal;           /* of packets; from P2V_RECORD_UP on */
	const struct p2v_record_up *up; /* during a call */
	const uint8_t *in;              /* a datagram that OpenSSL did not read yet */
	size_t in_n;
	bool listening; /* no address is proven yet: keep nothing */

	/* The last flight of the handshake, as datagrams with their lengths, to be sent again. */
	uint8_t *flight;
	size_t flight_n, flight_cap;
	bool flight_over; /* the next datagram begins a new one */
	p2v_usec retry, wait;
	p2v_usec patience; /* the first `wait` of a flight */
	p2v_usec sent;     /* when the flight left; P2V_UNKNOWN: it left more than once */
	p2v_usec echoed;   /* when the last flight was sent again because the remote did so */

	uint8_t caller[P2V_HELLO_RANDOM]; /* random of the ClientHello */
	int alert;                        /* that the remote sent; -1: none */
};

/* session_record.c */
extern const struct p2v_records_ops p2v_dtls_ops;
BIO_METHOD *p2v_dtls_bio_new(void);
/** Free a record state; NULL is allowed. */
void p2v_dtls_record_free(struct dtls_record *r);

#endif
