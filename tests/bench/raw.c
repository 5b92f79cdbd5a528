/* raw.c - what the transport is compared with: bytes from one process to another over loopback, by
 * DTLS records in datagrams, by TLS over TCP, by TCP. Nothing is acknowledged, sent again, or
 * ordered but by the kernel; a sender only waits for the receiver, by a counter that both see.
 * Prints bytes, time, and the processor time of both. */
#include <config.h>

#include "tests/bench/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
	BATCH = 65000,   /* [B] of a run of segments */
	SEGMENTS = 44,   /* in a run */
	AHEAD = 1 << 20, /* [B] that may be between the ends: less than a socket holds */
	BIG = 16384      /* [B] of a record over TCP */
};

/* What both processes see. */
struct shared {
	_Atomic uint64_t got; /* [B] */
	_Atomic int over;
};

/* One end of DTLS: OpenSSL reads `in`, and writes to a run of equal records. */
struct end {
	int fd;
	SSL *ssl;
	const uint8_t *in;
	size_t in_n;
	int collect;   /* records go into a run */
	size_t seg, n; /* [B] of a record; of the run */
	uint8_t run[BATCH];
};

/* ---- datagrams ---- */

static int bio_read(BIO *b, char *buf, int n)
{
	struct end *e = BIO_get_data(b);
	size_t k = e->in_n < (size_t)n ? e->in_n : (size_t)n;

	BIO_clear_retry_flags(b);
	if (!e->in) {
		BIO_set_retry_read(b);
		return -1;
	}
	memcpy(buf, e->in, k);
	e->in = NULL;
	return (int)k;
}

static void send_run(struct end *e)
{
	struct iovec iov = { e->run, e->n };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint16_t seg = (uint16_t)e->seg;

	if (e->n > e->seg) {
		struct cmsghdr *cm;

		m.msg_control = control;
		m.msg_controllen = sizeof control;
		cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_UDP;
		cm->cmsg_type = UDP_SEGMENT;
		cm->cmsg_len = CMSG_LEN(sizeof seg);
		memcpy(CMSG_DATA(cm), &seg, sizeof seg);
	}
	while (sendmsg(e->fd, &m, 0) < 0)
		if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			die("send");
	e->n = 0;
}

static int bio_write(BIO *b, const char *p, int n)
{
	struct end *e = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (!e->collect)
		return (int)send(e->fd, p, (size_t)n, 0);
	memcpy(e->run + e->n, p, (size_t)n);
	e->seg = (size_t)n;
	e->n += (size_t)n;
	return n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH ? 1 : cmd == BIO_CTRL_DGRAM_GET_MTU_OVERHEAD ? 28 : 0;
}

static void end_open(struct end *e, SSL_CTX *ctx, int fd)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "raw");
	BIO *bio;

	memset(e, 0, sizeof *e);
	e->fd = fd;
	if (!m || !BIO_meth_set_read(m, bio_read) || !BIO_meth_set_write(m, bio_write) ||
		!BIO_meth_set_ctrl(m, bio_ctrl))
		die("bio");
	bio = BIO_new(m);
	e->ssl = SSL_new(ctx);
	if (!bio || !e->ssl)
		die("session");
	BIO_set_data(bio, e);
	BIO_set_init(bio, 1);
	SSL_set_bio(e->ssl, bio, bio);
	SSL_set_mtu(e->ssl, 1472);
}

static void end_shake(struct end *e)
{
	uint8_t buf[2048];

	for (;;) {
		int k = SSL_do_handshake(e->ssl);
		struct pollfd p = { .fd = e->fd, .events = POLLIN };
		ssize_t n;

		if (k == 1)
			return;
		if (SSL_get_error(e->ssl, k) != SSL_ERROR_WANT_READ || poll(&p, 1, 5000) != 1)
			die("handshake");
		n = recv(e->fd, buf, sizeof buf, 0);
		if (n < 0)
			die("receive");
		e->in = buf;
		e->in_n = (size_t)n;
	}
}

static void take_records(struct end *e, struct shared *s, const uint8_t *p, size_t n, size_t seg)
{
	uint8_t plain[2048];

	for (size_t off = 0; off < n; off += seg) {
		int k;

		e->in = p + off;
		e->in_n = n - off < seg ? n - off : seg;
		k = SSL_read(e->ssl, plain, sizeof plain);
		if (k > 0)
			atomic_fetch_add(&s->got, (uint64_t)k);
	}
}

static size_t segment_of(struct msghdr *m)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(m); cm; cm = CMSG_NXTHDR(m, cm))
		if (cm->cmsg_level == SOL_UDP && cm->cmsg_type == UDP_GRO) {
			int seg;

			memcpy(&seg, CMSG_DATA(cm), sizeof seg);
			return (size_t)seg;
		}
	return 0;
}

static void receive_records(struct end *e, struct shared *s)
{
	static uint8_t buf[65536];
	struct pollfd p = { .fd = e->fd, .events = POLLIN };

	while (!atomic_load(&s->over)) {
		struct iovec iov = { buf, sizeof buf };
		_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
		struct msghdr m = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof control };
		ssize_t n = recvmsg(e->fd, &m, MSG_DONTWAIT);

		if (n > 0) {
			size_t seg = segment_of(&m);

			take_records(e, s, buf, (size_t)n, seg ? seg : (size_t)n);
		} else {
			(void)poll(&p, 1, 100);
		}
	}
}

/* Wait for the receiver; what does not come in time is lost, and forgotten. */
static void wait_for(struct shared *s, uint64_t *sent)
{
	const struct timespec little = { 0, 20000 };
	int i;

	for (i = 0; *sent - atomic_load(&s->got) > AHEAD && i < 200; i++)
		(void)nanosleep(&little, NULL);
	if (i == 200)
		*sent = atomic_load(&s->got);
}

static void send_records(
	struct end *e, struct shared *s, const uint8_t *plain, size_t size, int64_t until)
{
	uint64_t sent = 0;

	e->collect = 1;
	while (now_us() < until) {
		size_t runs = e->seg ? SEGMENTS : 1;

		for (size_t i = 0; i < runs; i++)
			if (SSL_write(e->ssl, plain, (int)size) != (int)size)
				die("write");
		send_run(e);
		sent += runs * size;
		wait_for(s, &sent);
	}
}

/* One datagram a send: each record goes out by itself. */
static void send_singles(
	struct end *e, struct shared *s, const uint8_t *plain, size_t size, int64_t until)
{
	uint64_t sent = 0;

	while (now_us() < until)
		for (int i = 0; i < 32; i++) {
			if (SSL_write(e->ssl, plain, (int)size) != (int)size && errno != EAGAIN)
				die("write");
			sent += size;
			wait_for(s, &sent);
		}
}

static void datagram_sockets(int fd[2], int merge)
{
	struct sockaddr_in at[2];
	int on = 1, size = 4 << 20;

	for (int i = 0; i < 2; i++) {
		socklen_t n = sizeof at[i];

		at[i] = (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		fd[i] = socket(AF_INET, SOCK_DGRAM, 0);
		if (fd[i] < 0 || bind(fd[i], (struct sockaddr *)&at[i], sizeof at[i]) < 0 ||
			getsockname(fd[i], (struct sockaddr *)&at[i], &n) < 0)
			die("socket");
		(void)setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
		(void)setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
		if (merge && setsockopt(fd[i], SOL_UDP, UDP_GRO, &on, sizeof on) < 0)
			die("UDP_GRO");
	}
	for (int i = 0; i < 2; i++)
		if (connect(fd[i], (struct sockaddr *)&at[1 - i], sizeof at[0]) < 0)
			die("connect");
}

static void run_dtls(struct shared *s, int sender, int fd, int merge, size_t size,
	const uint8_t *plain, int64_t time)
{
	static struct end e;
	SSL_CTX *ctx = raw_context(1);

	end_open(&e, ctx, fd);
	if (sender) {
		SSL_set_connect_state(e.ssl);
		end_shake(&e);
		if (merge)
			send_records(&e, s, plain, size, now_us() + time);
		else
			send_singles(&e, s, plain, size, now_us() + time);
	} else {
		SSL_set_accept_state(e.ssl);
		end_shake(&e);
		receive_records(&e, s);
	}
}

/* ---- TCP, with and without TLS ---- */

static void stream_sockets(int fd[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	int l = socket(AF_INET, SOCK_STREAM, 0);

	if (l < 0 || bind(l, (struct sockaddr *)&at, sizeof at) < 0 || listen(l, 1) < 0 ||
		getsockname(l, (struct sockaddr *)&at, &n) < 0)
		die("socket");
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (fd[0] < 0 || connect(fd[0], (struct sockaddr *)&at, sizeof at) < 0)
		die("connect");
	fd[1] = accept(l, NULL, NULL);
	if (fd[1] < 0)
		die("accept");
	(void)close(l);
}

static void run_stream(
	struct shared *s, int sender, int fd, int tls, const uint8_t *plain, int64_t time)
{
	static uint8_t buf[BIG];
	SSL *ssl = tls ? SSL_new(raw_context(0)) : NULL;
	int64_t until;

	if (ssl) {
		if (!SSL_set_fd(ssl, fd) || (sender ? SSL_connect(ssl) : SSL_accept(ssl)) != 1)
			die("handshake");
	}
	until = now_us() + time;
	while (!atomic_load(&s->over)) {
		ssize_t n;

		if (sender && now_us() >= until)
			return;
		if (sender)
			n = ssl ? SSL_write(ssl, plain, BIG) : write(fd, plain, BIG);
		else
			n = ssl ? SSL_read(ssl, buf, BIG) : read(fd, buf, BIG);
		if (n <= 0)
			return;
		if (!sender)
			atomic_fetch_add(&s->got, (uint64_t)n);
	}
}

/* ---- two processes ---- */

enum kind { DTLS_SEGMENTS, DTLS_SINGLE, TLS, TCP };

static void play(struct shared *s, enum kind kind, int sender, int fd, size_t size, int64_t time)
{
	static uint8_t plain[BIG];

	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (uint8_t)(i * 2654435761u >> 13);
	if (kind <= DTLS_SINGLE)
		run_dtls(s, sender, fd, kind == DTLS_SEGMENTS, size, plain, time);
	else
		run_stream(s, sender, fd, kind == TLS, plain, time);
}

static void measure(enum kind kind, size_t size, int64_t time)
{
	struct shared *s = mmap(
		NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t begun, cpu;
	int fd[2];
	pid_t child;

	if (s == MAP_FAILED)
		die("memory");
	if (kind <= DTLS_SINGLE)
		datagram_sockets(fd, kind == DTLS_SEGMENTS);
	else
		stream_sockets(fd);
	child = fork();
	if (child < 0)
		die("fork");
	(void)close(fd[child ? 1 : 0]);
	if (child == 0) {
		play(s, kind, 0, fd[1], size, time);
		_exit(0);
	}
	cpu = cpu_us(1);
	begun = now_us();
	play(s, kind, 1, fd[0], size, time);
	time = now_us() - begun;
	atomic_store(&s->over, 1);
	(void)shutdown(fd[0], SHUT_RDWR);
	(void)close(fd[0]);
	(void)waitpid(child, NULL, 0);
	cpu = cpu_us(1) - cpu;
	(void)printf(
		"{\"bytes\":%llu,\"seconds\":%.6f,\"goodput_bps\":%.0f,\"cpu_s_per_gb\":%.4f}\n",
		(unsigned long long)s->got, (double)time / 1e6, (double)s->got * 8e6 / (double)time,
		(double)cpu * 1e3 / (double)s->got);
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "dtls-segments", "dtls-single", "tls", "tcp" };
	double seconds = argc > 2 ? atof(argv[2]) : 0;
	int n = argc > 2 ? atoi(argv[2]) : 0;
	size_t size = argc > 3 ? (size_t)atoi(argv[3]) : 1400;

	for (size_t i = 0; argc > 2 && i < sizeof names / sizeof *names; i++)
		if (strcmp(argv[1], names[i]) == 0 && seconds > 0 && size >= 64 && size <= 1420) {
			measure((enum kind)i, size, (int64_t)(seconds * 1e6));
			return 0;
		}
	if (argc == 3 && n > 0 && strcmp(argv[1], "handshakes") == 0) {
		raw_handshakes(n);
	} else if (argc == 3 && n > 0 && strcmp(argv[1], "heap") == 0) {
		raw_heap(n);
	} else {
		(void)fputs("usage: raw dtls-segments|dtls-single|tls|tcp SECONDS [SIZE]\n"
			    "       raw handshakes|heap N\n",
			stderr);
		return 2;
	}
	return 0;
}
