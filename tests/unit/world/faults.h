/* faults.h - system calls that the test program puts in the place of libc's, to make them fail as
 * real ones do on other machines: a full socket, a driver without segments, a slow name server. */
#ifndef P2V_TESTS_UNIT_WORLD_FAULTS_H
#define P2V_TESTS_UNIT_WORLD_FAULTS_H

#include <stdbool.h>

/** What is wrong with the machine. Each test is a process of its own, so it is set for one test. */
struct faults {
	unsigned send_budget; /* messages until a socket is full; 0: no limit */
	bool full;            /* the budget is used up: EAGAIN until it is set again */
	int segments_errno;   /* what sendmmsg says to a message with segments; 0: it sends it */
	unsigned segments_refused;
	unsigned most_segments; /* in one message that was sent */
	unsigned failed;        /* messages that the kernel itself refused */
	unsigned plain_sent;    /* messages without segments that were sent */
	int plain_errno;        /* what it says to the others; 0: it sends them */
	unsigned lookup_naps;   /* [ms] that a name lookup takes longer; 0: none */
	bool no_ipv6;           /* socket(AF_INET6) fails */
};

extern struct faults p2v_faults;

#endif
