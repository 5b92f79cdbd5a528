/* sockets.c - addresses as the kernel has them, bound sockets, and the host's interfaces: what
 * datagrams and the HTTP server have in common. */
#include <config.h>

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "framework/world/inside.h"

unsigned p2v_addr_to_kernel(const struct p2v_addr *a, bool v4, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (v4) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;

		if (!p2v_addr_is_v4(a) && !p2v_addr_is_any(a))
			return 0;
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		if (p2v_addr_is_v4(a))
			memcpy(&in->sin_addr, a->ip + 12, 4);
		return sizeof *in;
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		memcpy(&in6->sin6_addr, a->ip, 16);
		return sizeof *in6;
	}
}

void p2v_addr_from_kernel(const struct sockaddr_storage *ss, struct p2v_addr *out)
{
	if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

		memcpy(out->ip, &in6->sin6_addr, 16);
		out->port = ntohs(in6->sin6_port);
	} else {
		const struct sockaddr_in *in = (const struct sockaddr_in *)ss;

		*out = p2v_addr_v4(ntohl(in->sin_addr.s_addr), ntohs(in->sin_port));
	}
}

static int open_family(int type, const struct p2v_addr *bind_to, bool v4)
{
	struct sockaddr_storage ss;
	socklen_t n = p2v_addr_to_kernel(bind_to, v4, &ss);
	int on = 1, off = 0, e;
	int fd = socket(v4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!v4 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0)
		goto fail;
	/* A server's old connections must not keep it from its port; two datagram sockets must not
	 * share one. */
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&ss, n) == 0)
		return fd;
fail:
	e = errno;
	(void)close(fd);
	errno = e;
	return -1;
}

int p2v_socket_bound(
	int type, const struct p2v_addr *to, bool *v4, struct p2v_addr *bound, struct p2v_err *err)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof ss;
	char text[P2V_ADDR_TEXT];
	int fd;

	*v4 = p2v_addr_is_v4(to);
	fd = open_family(type, to, *v4);
	if (fd < 0 && !*v4 && p2v_addr_is_any(to) && errno != EADDRINUSE && errno != EACCES) {
		*v4 = true;
		fd = open_family(type, to, true);
	}
	if (fd < 0) {
		int why = errno;

		return p2v_fail(err, P2V_EIO, "cannot listen at %s: %s", p2v_addr_text(to, text),
			strerror(why));
	}
	memset(&ss, 0, sizeof ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0) {
		(void)p2v_fail(err, P2V_EIO, "cannot tell the bound port: %s", strerror(errno));
		(void)close(fd);
		return P2V_EIO;
	}
	p2v_addr_from_kernel(&ss, bound);
	return fd;
}

static bool means_nothing_elsewhere(const struct p2v_addr *a)
{
	const uint8_t *q = a->ip + 12;

	if (p2v_addr_is_loopback(a) || p2v_addr_is_any(a))
		return true;
	if (p2v_addr_is_v4(a))
		return q[0] == 169 && q[1] == 254;
	return a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

static bool listed(const struct p2v_addr *v, size_t n, const struct p2v_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (p2v_addr_equal(&v[i], a))
			return true;
	return false;
}

size_t p2v_real_interfaces(void *self, struct p2v_addr *out, size_t max)
{
	struct ifaddrs *all = NULL;
	size_t n = 0;

	(void)self;
	if (getifaddrs(&all) != 0)
		return 0;
	for (struct ifaddrs *i = all; i && n < max; i = i->ifa_next) {
		struct sockaddr_storage ss;
		struct p2v_addr a;

		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
			continue;
		memset(&ss, 0, sizeof ss);
		if (i->ifa_addr->sa_family == AF_INET)
			memcpy(&ss, i->ifa_addr, sizeof(struct sockaddr_in));
		else if (i->ifa_addr->sa_family == AF_INET6)
			memcpy(&ss, i->ifa_addr, sizeof(struct sockaddr_in6));
		else
			continue;
		p2v_addr_from_kernel(&ss, &a);
		a.port = 0;
		if (!means_nothing_elsewhere(&a) && !listed(out, n, &a))
			out[n++] = a;
	}
	freeifaddrs(all);
	return n;
}
