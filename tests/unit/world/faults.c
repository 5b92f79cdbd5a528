/* faults.c - see faults.h. */
#include <config.h>

#include "tests/unit/world/faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Seen by shared libraries too: libcurl looks names up. */
#define EXPORTED __attribute__((visibility("default")))

struct faults p2v_faults;

/* libc's own function of that name. ISO C has no conversion from object to function pointers. */
static void next_function(const char *name, void *fn)
{
	void *p = dlsym(RTLD_NEXT, name);

	memcpy(fn, &p, sizeof p);
}

static unsigned segments_of(struct msghdr *m)
{
	struct cmsghdr *cm = CMSG_FIRSTHDR(m);
	uint16_t seg = 0;

	if (cm)
		memcpy(&seg, CMSG_DATA(cm), sizeof seg);
	return seg ? (unsigned)((m->msg_iov[0].iov_len + seg - 1) / seg) : 1;
}

static int send_one(int fd, struct mmsghdr *m, int flags)
{
	static int (*next)(int, struct mmsghdr *, unsigned, int);
	bool segments = m->msg_hdr.msg_controllen > 0;
	int r, error = segments ? p2v_faults.segments_errno : p2v_faults.plain_errno;

	if (!next)
		next_function("sendmmsg", &next);
	if (p2v_faults.full)
		error = EAGAIN;
	if (error) {
		p2v_faults.segments_refused += segments && !p2v_faults.full;
		errno = error;
		return -1;
	}
	if (p2v_faults.send_budget > 0 && --p2v_faults.send_budget == 0)
		p2v_faults.full = true;
	p2v_faults.plain_sent += !segments;
	if (segments_of(&m->msg_hdr) > p2v_faults.most_segments)
		p2v_faults.most_segments = segments_of(&m->msg_hdr);
	r = next(fd, m, 1, flags);
	p2v_faults.failed += r < 0;
	return r;
}

/* One by one, so that each message can have its own fate; as the kernel does, an error is told only
 * for the first. */
EXPORTED int sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	for (unsigned i = 0; i < n; i++)
		if (send_one(fd, &v[i], flags) < 0)
			return i > 0 ? (int)i : -1;
	return (int)n;
}

EXPORTED int getaddrinfo(
	const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct timespec ts = { p2v_faults.lookup_naps / 1000,
		(long)(p2v_faults.lookup_naps % 1000) * 1000000 };

	if (!next)
		next_function("getaddrinfo", &next);
	if (p2v_faults.lookup_naps)
		(void)nanosleep(&ts, NULL);
	return next(host, service, hints, out);
}

EXPORTED int socket(int domain, int type, int protocol)
{
	static int (*next)(int, int, int);

	if (!next)
		next_function("socket", &next);
	if (p2v_faults.no_ipv6 && domain == AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return next(domain, type, protocol);
}
