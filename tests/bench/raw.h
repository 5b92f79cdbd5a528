/* raw.h - what the baseline's two files share: an OpenSSL pair of ends with a certificate made on
 * the spot, and nothing of peer2view. */
#ifndef P2V_BENCH_RAW_H
#define P2V_BENCH_RAW_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

/** Say what went wrong, and exit with 1. */
_Noreturn void die(const char *what);

/** [us] monotonic. */
int64_t now_us(void);
/** [us] of the processor: this process, and with `children` those that it waited for. */
int64_t cpu_us(int children);

/** A context with a fresh P-256 key and a certificate for it, that takes any certificate.
 * @param dtls  DTLS 1.2, else TLS 1.3; AES-128-GCM in both */
SSL_CTX *raw_context(int dtls);

/** Handshakes of DTLS 1.2, both ends in this process over loopback, with certificates of both and
 * with a cookie. Prints how many a second of the processor. */
void raw_handshakes(int n);
/** Sessions that stay, both ends in this process. Prints heap of one. */
void raw_heap(int n);

#endif
