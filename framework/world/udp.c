/* udp.c - datagrams in batches: recvmmsg and sendmmsg, with segments (UDP_SEGMENT) and merged
 * arrivals (UDP_GRO) where the kernel has them. What the network refuses is lost, as it would be a
 * hop later. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "framework/world/inside.h"

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
	IN_BATCH = 16,          /* records in one `received` */
	IN_SIZE = 65536,        /* [B] what UDP_GRO may merge into one record */
	IN_ROUNDS = 4,          /* batches of one socket in one turn: others want theirs */
	OUT_BATCH = 32,         /* messages in one sendmmsg */
	SEGMENTS_MAX = 64,      /* of one message, as all kernels with UDP_SEGMENT have it */
	SEGMENTS_WISH = 48,     /* what callers are told; of 1300 bytes they fill one message */
	MESSAGE_MAX = 65000,    /* [B] of one message, below what IP and UDP headers leave */
	REFUSALS_MAX = 8,       /* of segments in a row: then the path has none */
	RECEIVE_WISH = 4 << 20, /* [B] of socket buffers; the kernel gives what it allows */
	SEND_WISH = 1 << 20
};

/* Room for the one control message that a record may have: the size of its segments. */
struct control {
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))];
};

/* Buffers for what arrives, shared by the sockets of a loop. */
struct inbox {
	struct mmsghdr msgs[IN_BATCH];
	struct iovec iov[IN_BATCH];
	struct sockaddr_storage from[IN_BATCH];
	struct control control[IN_BATCH];
	struct p2v_dgram v[IN_BATCH];
	uint8_t data[IN_BATCH][IN_SIZE]; /* resident only as far as it was ever filled */
};

struct p2v_udp_room {
	struct p2v_list sockets;
	struct inbox inbox;
};

/* Where in a list of records the sending stands. */
struct cursor {
	size_t i, off;
	size_t plain_to; /* up to this offset of record i segments are refused */
};

struct p2v_udp {
	struct p2v_list in_room;
	struct p2v_loop *loop;
	struct p2v_watch *watch;
	const struct p2v_udp_handler *handler;
	void *ctx;
	int fd;
	bool v4, segments;
	bool busy, dead; /* closed inside one of its callbacks */
	unsigned refusals;
	struct p2v_dgram rest; /* of a record that was taken, but not wholly sent */
	struct cursor rest_at;
	uint8_t *rest_buf;
};

struct outbox {
	struct mmsghdr msgs[OUT_BATCH];
	struct iovec iov[OUT_BATCH];
	struct sockaddr_storage to[OUT_BATCH];
	struct control control[OUT_BATCH];
	size_t n;
};

/* ---- sending ---- */

static size_t segment_of(const struct p2v_dgram *d)
{
	return d->seg && d->seg < d->n ? d->seg : d->n;
}

/* @return [B] of the next message: a run of segments, or one datagram */
static size_t piece_of(const struct p2v_udp *u, const struct p2v_dgram *d, const struct cursor *c)
{
	size_t seg = segment_of(d), left = d->n - c->off, most = MESSAGE_MAX / seg;

	if (!u->segments || c->off < c->plain_to || most < 2)
		return left < seg ? left : seg;
	most = (most < SEGMENTS_MAX ? most : SEGMENTS_MAX) * seg;
	return left < most ? left : most;
}

static void advance(struct cursor *c, const struct p2v_dgram *d, size_t piece)
{
	c->off += piece;
	if (c->off >= d->n)
		*c = (struct cursor){ .i = c->i + 1 };
}

static void out_segments(struct msghdr *m, struct control *control, uint16_t seg)
{
	struct cmsghdr *cm;

	m->msg_control = control->room;
	m->msg_controllen = CMSG_SPACE(sizeof seg);
	memset(control, 0, sizeof *control);
	cm = CMSG_FIRSTHDR(m);
	cm->cmsg_level = SOL_UDP;
	cm->cmsg_type = UDP_SEGMENT;
	cm->cmsg_len = CMSG_LEN(sizeof seg);
	memcpy(CMSG_DATA(cm), &seg, sizeof seg);
}

/* Add the piece at the cursor as a message; one whose address this socket cannot reach has no
 * name, and the kernel refuses it. */
static void out_add(struct outbox *o, const struct p2v_udp *u, const struct p2v_dgram *d,
	size_t off, size_t piece)
{
	struct msghdr *m = &o->msgs[o->n].msg_hdr;

	memset(&o->msgs[o->n], 0, sizeof o->msgs[o->n]);
	o->iov[o->n] = (struct iovec){ (void *)(uintptr_t)(d->p + off), piece };
	m->msg_iov = &o->iov[o->n];
	m->msg_iovlen = 1;
	m->msg_name = &o->to[o->n];
	m->msg_namelen = p2v_addr_to_kernel(&d->addr, u->v4, &o->to[o->n]);
	if (piece > segment_of(d))
		out_segments(m, &o->control[o->n], d->seg);
	o->n++;
}

static void out_fill(struct outbox *o, const struct p2v_udp *u, const struct p2v_dgram *v, size_t n,
	struct cursor c)
{
	for (o->n = 0; o->n < OUT_BATCH && c.i < n;) {
		const struct p2v_dgram *d = &v[c.i];
		size_t piece;

		if (d->n == 0) { /* an empty datagram carries nothing: as good as sent */
			advance(&c, d, 0);
			continue;
		}
		piece = piece_of(u, d, &c);
		out_add(o, u, d, c.off, piece);
		advance(&c, d, piece);
	}
}

static void skip_empty(const struct p2v_dgram *v, size_t n, struct cursor *c)
{
	while (c->i < n && v[c->i].n == 0)
		advance(c, &v[c->i], 0);
}

/* The message at the cursor was refused. Segments are sent one by one instead; a single datagram is
 * lost, and where it was too large for the interface, the segments were not to blame. */
static void refused(struct p2v_udp *u, const struct p2v_dgram *d, struct cursor *c, int error)
{
	size_t piece = piece_of(u, d, c);

	if (piece <= segment_of(d)) {
		if (error == EMSGSIZE)
			u->refusals = 0;
		advance(c, d, piece);
		return;
	}
	c->plain_to = c->off + piece;
	if (error == EIO || ++u->refusals >= REFUSALS_MAX)
		u->segments = false;
}

/* Send from the cursor on. @return false: the socket is full, the cursor tells how far it went */
static bool push(struct p2v_udp *u, const struct p2v_dgram *v, size_t n, struct cursor *c)
{
	struct outbox o;

	for (skip_empty(v, n, c); c->i < n; skip_empty(v, n, c)) {
		int sent;

		out_fill(&o, u, v, n, *c);
		sent = sendmmsg(u->fd, o.msgs, (unsigned)o.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return false;
		if (sent < 0 && errno != EINTR)
			refused(u, &v[c->i], c, errno);
		for (int k = 0; k < sent; k++) {
			skip_empty(v, n, c);
			if (o.msgs[k].msg_hdr.msg_control)
				u->refusals = 0;
			advance(c, &v[c->i], o.iov[k].iov_len);
		}
	}
	return true;
}

/* Keep what was not sent of a record that was begun: its owner takes it for sent. */
static void keep_rest(struct p2v_udp *u, const struct p2v_dgram *d, const struct cursor *c)
{
	uint8_t *buf = malloc(d->n);

	if (!buf)
		return; /* lost, as on a full link */
	memcpy(buf, d->p, d->n);
	u->rest = *d;
	u->rest.p = u->rest_buf = buf;
	u->rest_at = *c;
	u->rest_at.i = 0;
}

/* @return false: the socket is still full */
static bool push_rest(struct p2v_udp *u)
{
	if (!u->rest_buf)
		return true;
	if (!push(u, &u->rest, 1, &u->rest_at))
		return false;
	free(u->rest_buf);
	u->rest_buf = NULL;
	return true;
}

size_t p2v_real_udp_send(void *self, struct p2v_udp *u, const struct p2v_dgram *v, size_t n)
{
	struct cursor c = { .i = 0 };

	(void)self;
	assert(!u->dead);
	if (push_rest(u) && push(u, v, n, &c))
		return n;
	if (c.off > 0) {
		keep_rest(u, &v[c.i], &c);
		c.i++;
	}
	p2v_watch_set(u->watch, P2V_READ | P2V_WRITE);
	return c.i;
}

size_t p2v_real_udp_segments(void *self, struct p2v_udp *u)
{
	(void)self;
	return u->segments ? SEGMENTS_WISH : 1;
}

/* ---- receiving ---- */

static void in_reset(struct inbox *in)
{
	for (int i = 0; i < IN_BATCH; i++) {
		in->iov[i] = (struct iovec){ in->data[i], IN_SIZE };
		in->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &in->from[i],
			.msg_namelen = sizeof in->from[i],
			.msg_iov = &in->iov[i],
			.msg_iovlen = 1,
			.msg_control = in->control[i].room,
			.msg_controllen = sizeof in->control[i] };
	}
}

/* @return [B] of each of the datagrams that the kernel merged; 0: it did not */
static uint16_t in_segment(struct msghdr *m)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(m); cm; cm = CMSG_NXTHDR(m, cm)) {
		int seg;

		if (cm->cmsg_level != SOL_UDP || cm->cmsg_type != UDP_GRO)
			continue;
		memcpy(&seg, CMSG_DATA(cm), sizeof seg);
		return seg > 0 && seg <= UINT16_MAX ? (uint16_t)seg : 0;
	}
	return 0;
}

/* @return how many records of the batch are worth telling */
static size_t in_records(struct inbox *in, size_t n)
{
	size_t told = 0;

	for (size_t i = 0; i < n; i++) {
		struct p2v_dgram *d = &in->v[told];
		size_t size = in->msgs[i].msg_len;
		uint16_t seg = in_segment(&in->msgs[i].msg_hdr);

		if (size == 0 || (in->msgs[i].msg_hdr.msg_flags & MSG_TRUNC))
			continue;
		p2v_addr_from_kernel(&in->from[i], &d->addr);
		d->p = in->data[i];
		d->n = size;
		d->seg = seg < size ? seg : 0;
		told++;
	}
	return told;
}

static void receive(struct p2v_udp *u)
{
	struct inbox *in = &p2v_loop_rooms(u->loop)->udp->inbox;

	for (int round = 0; round < IN_ROUNDS && !u->dead; round++) {
		size_t told;
		int n;

		in_reset(in);
		n = recvmmsg(u->fd, in->msgs, IN_BATCH, MSG_DONTWAIT, NULL);
		if (n <= 0)
			return; /* nothing there, or an error that is consumed by telling it */
		told = in_records(in, (size_t)n);
		if (told > 0)
			u->handler->received(u->ctx, in->v, told);
		if (n < IN_BATCH)
			return;
	}
}

/* ---- sockets ---- */

static void udp_free(struct p2v_udp *u)
{
	p2v_watch_free(u->watch);
	if (u->fd >= 0)
		(void)close(u->fd);
	free(u->rest_buf);
	free(u);
}

static void ready(void *ctx, int events)
{
	struct p2v_udp *u = ctx;

	u->busy = true;
	if (events & P2V_READ)
		receive(u);
	if (!u->dead && (events & P2V_WRITE) && push_rest(u)) {
		p2v_watch_set(u->watch, P2V_READ);
		u->handler->writable(u->ctx);
	}
	u->busy = false;
	if (u->dead)
		udp_free(u);
}

/* Wishes: a kernel that does not grant them is a slower one, not a wrong one. */
static void set_options(struct p2v_udp *u)
{
	int on = 1, in = RECEIVE_WISH, out = SEND_WISH, got = 0;
	int df4 = IP_PMTUDISC_PROBE, df6 = IPV6_PMTUDISC_PROBE;
	socklen_t n = sizeof got;

	(void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &in, sizeof in);
	(void)setsockopt(u->fd, SOL_SOCKET, SO_SNDBUF, &out, sizeof out);
	/* Never fragment; the path's MTU is found by probing (RFC 8899), so that forged ICMP does
	 * not shrink it. A dual-stack socket has both settings. */
	(void)setsockopt(u->fd, IPPROTO_IP, IP_MTU_DISCOVER, &df4, sizeof df4);
	if (!u->v4)
		(void)setsockopt(u->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &df6, sizeof df6);
	(void)setsockopt(u->fd, SOL_UDP, UDP_GRO, &on, sizeof on);
	/* A kernel that does not know segments would send one giant datagram. */
	u->segments = getsockopt(u->fd, SOL_UDP, UDP_SEGMENT, &got, &n) == 0;
}

static struct p2v_udp_room *room_of(struct p2v_loop *l)
{
	struct p2v_rooms *rooms = p2v_loop_rooms(l);

	if (!rooms->udp) {
		rooms->udp = malloc(sizeof *rooms->udp);
		if (rooms->udp)
			p2v_list_init(&rooms->udp->sockets);
	}
	return rooms->udp;
}

int p2v_real_udp_open(void *self, const struct p2v_addr *to, const struct p2v_udp_handler *h,
	void *ctx, struct p2v_udp **out, struct p2v_addr *bound, struct p2v_err *err)
{
	struct p2v_loop *l = self;
	struct p2v_udp_room *room = room_of(l);
	struct p2v_udp *u = room ? calloc(1, sizeof *u) : NULL;

	if (!u)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a socket");
	u->loop = l;
	u->handler = h;
	u->ctx = ctx;
	u->fd = p2v_socket_bound(SOCK_DGRAM, to, &u->v4, bound, err);
	if (u->fd < 0) {
		free(u);
		return P2V_EIO;
	}
	set_options(u);
	if (p2v_loop_rooms(l)->no_segments)
		u->segments = false;
	u->watch = p2v_watch_new(l, u->fd, P2V_READ, ready, u);
	if (!u->watch) {
		udp_free(u);
		return p2v_fail(err, P2V_ENOMEM, "no memory for a socket");
	}
	p2v_list_push(&room->sockets, &u->in_room);
	*out = u;
	return P2V_OK;
}

void p2v_real_udp_close(void *self, struct p2v_udp *u)
{
	(void)self;
	assert(!u->dead);
	p2v_list_remove(&u->in_room);
	if (u->busy)
		u->dead = true;
	else
		udp_free(u);
}

void p2v_udp_fini(struct p2v_udp_room *r)
{
	if (!r)
		return;
	P2V_LIST_EACH (it, &r->sockets)
		udp_free(P2V_OF(it, struct p2v_udp, in_room));
	free(r);
}
