/* raw_ssl.c - contexts, handshakes and sessions of OpenSSL alone. */
#include <config.h>

#include "tests/bench/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

void die(const char *what)
{
	unsigned long e = ERR_peek_last_error();

	(void)fprintf(
		stderr, "raw: %s: %s\n", what, e ? ERR_reason_error_string(e) : strerror(errno));
	exit(1);
}

int64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t cpu_us(int children)
{
	struct rusage u, c = { 0 };

	(void)getrusage(RUSAGE_SELF, &u);
	if (children)
		(void)getrusage(RUSAGE_CHILDREN, &c);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec + c.ru_utime.tv_sec +
			 c.ru_stime.tv_sec) *
		       1000000 +
	       u.ru_utime.tv_usec + u.ru_stime.tv_usec + c.ru_utime.tv_usec + c.ru_stime.tv_usec;
}

/* ---- contexts ---- */

static X509 *make_cert(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

	if (!x || !X509_set_version(x, 2) || !ASN1_INTEGER_set(X509_get_serialNumber(x), 1) ||
		!X509_gmtime_adj(X509_getm_notBefore(x), -3600) ||
		!X509_gmtime_adj(X509_getm_notAfter(x), 86400) ||
		!X509_NAME_add_entry_by_txt(
			name, "CN", MBSTRING_ASC, (const unsigned char *)"raw", -1, -1, 0) ||
		!X509_set_issuer_name(x, name) || !X509_set_pubkey(x, key) ||
		!X509_sign(x, key, EVP_sha256()))
		die("certificate");
	return x;
}

static int take_any(X509_STORE_CTX *store, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static int cookie(SSL *ssl, unsigned char *out, unsigned *n)
{
	(void)ssl;
	memset(out, 0x5a, 16);
	*n = 16;
	return 1;
}

static int cookie_fits(SSL *ssl, const unsigned char *in, unsigned n)
{
	(void)ssl;
	return n == 16 && in[0] == 0x5a;
}

SSL_CTX *raw_context(int dtls)
{
	SSL_CTX *ctx = SSL_CTX_new(dtls ? DTLS_method() : TLS_method());
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *cert = key ? make_cert(key) : NULL;
	int version = dtls ? DTLS1_2_VERSION : TLS1_3_VERSION;

	if (!ctx || !cert || !SSL_CTX_use_certificate(ctx, cert) ||
		!SSL_CTX_use_PrivateKey(ctx, key) || !SSL_CTX_set_min_proto_version(ctx, version) ||
		!SSL_CTX_set_max_proto_version(ctx, version) ||
		!SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256") ||
		!SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") ||
		!SSL_CTX_set1_groups_list(ctx, "X25519:P-256"))
		die("context");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, take_any, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_options(
		ctx, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | (dtls ? SSL_OP_COOKIE_EXCHANGE : 0));
	SSL_CTX_set_cookie_generate_cb(ctx, cookie);
	SSL_CTX_set_cookie_verify_cb(ctx, cookie_fits);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

/* ---- handshakes, over a pair of sockets ---- */

struct pair {
	int fd[2];
	struct sockaddr_in at[2];
	SSL *ssl[2];
};

static int bound(struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t n = sizeof *at;

	*at = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof *at) < 0 ||
		getsockname(fd, (struct sockaddr *)at, &n) < 0)
		die("socket");
	return fd;
}

static void pair_open(struct pair *p)
{
	for (int i = 0; i < 2; i++)
		p->fd[i] = bound(&p->at[i]);
	for (int i = 0; i < 2; i++)
		if (connect(p->fd[i], (struct sockaddr *)&p->at[1 - i], sizeof p->at[0]) < 0)
			die("connect");
}

static void pair_shake(struct pair *p, SSL_CTX *ctx)
{
	int up[2] = { 0, 0 };

	for (int i = 0; i < 2; i++) {
		BIO *bio = BIO_new_dgram(p->fd[i], BIO_NOCLOSE);

		p->ssl[i] = SSL_new(ctx);
		if (!p->ssl[i] || !bio)
			die("session");
		BIO_ctrl_set_connected(bio, &p->at[1 - i]);
		SSL_set_bio(p->ssl[i], bio, bio);
		SSL_set_mtu(p->ssl[i], 1200);
	}
	SSL_set_connect_state(p->ssl[0]);
	SSL_set_accept_state(p->ssl[1]);
	for (int turns = 0; !up[0] || !up[1]; turns++)
		for (int i = 0; i < 2; i++) {
			int k = up[i] ? 1 : SSL_do_handshake(p->ssl[i]);

			ERR_clear_error();
			if (k != 1 && (SSL_get_error(p->ssl[i], k) != SSL_ERROR_WANT_READ ||
					      turns > 1000000))
				die("handshake");
			up[i] = k == 1;
		}
}

void raw_handshakes(int n)
{
	SSL_CTX *ctx = raw_context(1);
	struct pair p;
	int64_t cpu, begun;

	pair_open(&p);
	cpu = cpu_us(0);
	begun = now_us();
	for (int i = 0; i < n; i++) {
		pair_shake(&p, ctx);
		SSL_free(p.ssl[0]);
		SSL_free(p.ssl[1]);
	}
	(void)printf("{\"handshakes\":%d,\"cpu_us\":%lld,\"us\":%lld,\"per_cpu_s\":%.1f}\n", n,
		(long long)(cpu_us(0) - cpu), (long long)(now_us() - begun),
		n * 1e6 / (double)(cpu_us(0) - cpu));
	SSL_CTX_free(ctx);
}

void raw_heap(int n)
{
	SSL_CTX *ctx = raw_context(1);
	struct pair *v = calloc((size_t)n + 1, sizeof *v);
	size_t before = 0;

	/* One session first: what OpenSSL makes once is not one session's. */
	for (int i = 0; v && i <= n; i++) {
		pair_open(&v[i]);
		pair_shake(&v[i], ctx);
		if (i == 0)
			before = mallinfo2().uordblks;
	}
	(void)printf("{\"sessions\":%d,\"heap_per_session\":%.0f}\n", 2 * n,
		(double)(mallinfo2().uordblks - before) / (2.0 * n));
	for (int i = 0; v && i <= n; i++)
		for (int k = 0; k < 2; k++) {
			SSL_free(v[i].ssl[k]);
			(void)close(v[i].fd[k]);
		}
	free(v);
	SSL_CTX_free(ctx);
}
