/* main.c - the program p2v-link: carries packets between TUN devices in two network namespaces, as
 * lines (line.h) say. One thread, which sleeps until a packet comes or is due: at 20 Mbit/s that
 * takes a tenth of a processor, and the kernel's timers wake a real-time thread within some
 * 50 us, so that nothing needs to spin. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "sdk/lab/cli.h"

enum { PACKET_MAX = 65536, BATCH = 64, FIFO_PRIORITY = 10 };

#define NAME     P2V_LINK_NAME
#define MS       INT64_C(1000000)
#define SECOND   (1000 * MS)
#define FORMAT_S 1e9

struct link {
	struct p2v_link_cli cli;
	struct p2v_line line[2]; /* line i goes from device i to the other */
	int tun[2];
	FILE *trace;
	p2v_nsec begun, lap, late_max;
	uint64_t late;    /* packets that came out more than 1 ms after they were due */
	uint64_t refused; /* that the far device did not take */
	bool fifo, trace_broken;
	uint8_t buffer[PACKET_MAX];
};

static volatile sig_atomic_t stopped;

static void on_signal(int signo)
{
	(void)signo;
	stopped = 1;
}

static p2v_nsec clock_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (p2v_nsec)t.tv_sec * SECOND + t.tv_nsec;
}

/* ---- devices ---- */

static int open_netns(const char *name, struct p2v_err *err)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof path, "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return p2v_fail(err, P2V_ENOENT, "namespace %s: %s", path, strerror(errno));
	return fd;
}

/* No IFF_VNET_HDR and no TUNSETOFFLOAD: the kernel cuts what it sends into packets as they are on a
 * wire. */
static int open_tun(const char *device, struct p2v_err *err)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return p2v_fail(err, P2V_EPERM, "/dev/net/tun: %s", strerror(errno));
	(void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
	if (ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	(void)p2v_fail(err, P2V_EPERM, "device %s: %s", device, strerror(errno));
	(void)close(fd);
	return P2V_EPERM;
}

/* A device belongs to the namespace in which it was opened, wherever its file is used. */
static int open_tun_in(const char *netns, const char *device, struct p2v_err *err)
{
	int ns = open_netns(netns, err), fd;

	if (ns < 0)
		return ns;
	if (setns(ns, CLONE_NEWNET) < 0)
		fd = p2v_fail(err, P2V_EPERM, "namespace %s: %s", netns, strerror(errno));
	else
		fd = open_tun(device, err);
	(void)close(ns);
	return fd;
}

/* ---- carrying ---- */

static void deliver(struct link *k, int from, p2v_nsec now)
{
	struct p2v_line_packet *packet;

	while ((packet = p2v_line_get(&k->line[from], now)) != NULL) {
		p2v_nsec late = now - packet->due;

		k->late += late > MS;
		if (late > k->late_max)
			k->late_max = late;
		if (write(k->tun[!from], packet->p, packet->n) != (ssize_t)packet->n)
			k->refused++;
		free(packet);
	}
}

/* @return P2V_OK; P2V_ENOMEM; P2V_EIO: the device is gone */
static int collect(struct link *k, int from)
{
	p2v_nsec now = clock_now();

	for (int i = 0; i < BATCH; i++) {
		ssize_t n = read(k->tun[from], k->buffer, sizeof k->buffer);
		int rc;

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? P2V_OK : P2V_EIO;
		rc = p2v_line_put(&k->line[from], now, k->buffer, (size_t)n);
		if (rc < 0)
			return rc;
	}
	return P2V_OK;
}

static void write_lap(struct link *k, p2v_nsec now)
{
	static const char *const names[] = { "forth", "back" };
	struct p2v_text t = { 0 };
	struct p2v_json j = { .out = &t };

	p2v_json_open(&j, NULL, '{');
	p2v_json_real(&j, "at_s", (double)(now - k->begun) / FORMAT_S, 4);
	for (int i = 0; i < 2; i++) {
		p2v_json_open(&j, names[i], '{');
		p2v_line_lap(&k->line[i], &j);
		p2v_json_close(&j, '}');
	}
	p2v_json_close(&j, '}');
	p2v_text_puts(&t, "\n");
	if (t.oom || fwrite(t.p, 1, t.n, k->trace) != t.n || fflush(k->trace) != 0)
		k->trace_broken = true;
	p2v_text_fini(&t);
}

static p2v_nsec least(p2v_nsec a, p2v_nsec b)
{
	return a < b ? a : b;
}

/* @return when there is something to do without a packet coming */
static p2v_nsec next_due(const struct link *k)
{
	p2v_nsec due = least(p2v_line_due(&k->line[0]), p2v_line_due(&k->line[1]));

	if (k->trace)
		due = least(due, k->lap);
	if (k->cli.seconds)
		due = least(due, k->begun + k->cli.seconds * 1000);
	return due;
}

/* Signals are let through only while it sleeps, so that none is missed.
 * @return P2V_OK; or what collect says */
static int sleep_and_collect(struct link *k, const sigset_t *signals)
{
	struct pollfd polls[2] = { { .fd = k->tun[0], .events = POLLIN },
		{ .fd = k->tun[1], .events = POLLIN } };
	p2v_nsec due = next_due(k), left = due - clock_now();
	struct timespec t = { 0, 0 };
	int rc = P2V_OK;

	if (left > 0) {
		t.tv_sec = left / SECOND;
		t.tv_nsec = left % SECOND;
	}
	if (ppoll(polls, 2, due == INT64_MAX ? NULL : &t, signals) < 0)
		return errno == EINTR ? P2V_OK : P2V_EIO;
	for (int i = 0; i < 2 && rc == P2V_OK; i++)
		if (polls[i].revents)
			rc = collect(k, i);
	return rc;
}

static int carry(struct link *k, const sigset_t *signals, struct p2v_err *err)
{
	while (!stopped) {
		p2v_nsec now = clock_now();
		int rc;

		if (k->cli.seconds && now >= k->begun + k->cli.seconds * 1000)
			return P2V_OK;
		deliver(k, 0, now);
		deliver(k, 1, now);
		if (k->trace && now >= k->lap) {
			write_lap(k, now);
			k->lap += k->cli.every * 1000;
		}
		rc = sleep_and_collect(k, signals);
		if (rc == P2V_ENOMEM)
			return p2v_fail(err, rc, "no memory");
		if (rc < 0)
			return p2v_fail(err, rc, "a device: %s", strerror(errno));
	}
	return P2V_OK;
}

/* ---- a run ---- */

/* What is asked for and not allowed is done without: the statistics tell. */
static void hurry(struct link *k)
{
	struct sched_param fifo = { .sched_priority = FIFO_PRIORITY };

	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	if (!k->cli.fifo)
		return;
	k->fifo = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo) == 0;
	(void)mlockall(MCL_CURRENT | MCL_FUTURE);
}

static int start(struct link *k, struct p2v_err *err)
{
	static const char *const names[] = { "forth", "back" };

	for (int i = 0; i < 2; i++) {
		k->tun[i] = open_tun_in(k->cli.netns[i], k->cli.device, err);
		if (k->tun[i] < 0)
			return k->tun[i];
		p2v_line_init(&k->line[i], &k->cli.line[i], k->cli.seed, names[i]);
	}
	if (k->cli.trace) {
		k->trace = fopen(k->cli.trace, "we");
		if (!k->trace)
			return p2v_fail(err, P2V_EIO, "%s: %s", k->cli.trace, strerror(errno));
	}
	hurry(k);
	k->begun = clock_now();
	k->lap = k->begun + k->cli.every * 1000;
	return P2V_OK;
}

static bool tell_result(struct link *k)
{
	static const char *const names[] = { "forth", "back" };
	struct p2v_text t = { 0 };
	struct p2v_json j = { .out = &t };
	struct rusage used;
	bool good;

	(void)getrusage(RUSAGE_SELF, &used);
	p2v_json_open(&j, NULL, '{');
	p2v_json_real(&j, "seconds", (double)(clock_now() - k->begun) / FORMAT_S, 3);
	p2v_json_real(&j, "cpu_s",
		(double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
			(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
		3);
	p2v_json_bool(&j, "fifo", k->fifo);
	p2v_json_u64(&j, "late", k->late);
	p2v_json_real(&j, "late_max_ms", (double)k->late_max / 1e6, 3);
	p2v_json_u64(&j, "refused", k->refused);
	for (int i = 0; i < 2; i++) {
		p2v_json_open(&j, names[i], '{');
		p2v_line_json(&k->line[i], &j);
		p2v_json_close(&j, '}');
	}
	p2v_json_close(&j, '}');
	p2v_text_puts(&t, "\n");
	good = !t.oom && fwrite(t.p, 1, t.n, stdout) == t.n && fflush(stdout) == 0;
	if (!good)
		(void)fputs(NAME ": cannot write to the standard output\n", stderr);
	p2v_text_fini(&t);
	return good;
}

static bool close_trace(struct link *k)
{
	bool broken = k->trace_broken;

	if (k->trace)
		broken |= fclose(k->trace) != 0;
	if (broken)
		(void)fprintf(
			stderr, NAME ": %s: not all of the trace could be written\n", k->cli.trace);
	return !broken;
}

/* Block what ends it; *old is the mask for sleeping. */
static void catch_signals(sigset_t *old)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &mask, old);
	(void)sigdelset(old, SIGINT);
	(void)sigdelset(old, SIGTERM);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	static struct link k;
	struct p2v_err err = { .code = P2V_OK };
	sigset_t signals;
	bool good;
	int code;

	k.tun[0] = k.tun[1] = -1;
	code = p2v_link_cli_read(&k.cli, argc, argv);
	if (code >= 0)
		return code;
	catch_signals(&signals);
	good = start(&k, &err) == P2V_OK;
	if (good) {
		(void)fputs(NAME ": ready\n", stderr);
		good = carry(&k, &signals, &err) == P2V_OK;
		good &= tell_result(&k);
	}
	if (err.code < 0)
		(void)fprintf(stderr, NAME ": %s\n", err.text);
	good &= close_trace(&k);
	for (int i = 0; i < 2; i++) {
		if (k.tun[i] >= 0) {
			p2v_line_fini(&k.line[i]);
			(void)close(k.tun[i]);
		}
	}
	return good ? P2V_TOOL_OK : P2V_TOOL_FAILED;
}
