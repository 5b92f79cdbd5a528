/* base.h - the words that every plugin and every room of the framework share: error codes, time,
 * borrowed bytes and text, and the error record. No functions but inline ones: plugins link
 * nothing. */
#ifndef PEER2VIEW_BASE_H
#define PEER2VIEW_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Every function that can fail returns P2V_OK or one of these. */
enum {
	P2V_OK = 0,
	P2V_EAGAIN = -1,     /* not now: too little known, or no room; ask again */
	P2V_ENOMEM = -2,     /* an allocation failed */
	P2V_EPARSE = -3,     /* the input is not what its format says */
	P2V_ECONF = -4,      /* a setting is wrong */
	P2V_EABI = -5,       /* a plugin was built for another host */
	P2V_EIO = -6,        /* the outside failed: socket, file, HTTP */
	P2V_EPERM = -7,      /* not allowed */
	P2V_ENOENT = -8,     /* no such thing */
	P2V_ETIMEDOUT = -9,  /* it took too long */
	P2V_ELIMIT = -10,    /* a bound was reached */
	P2V_EPROTO = -11,    /* a peer broke the protocol */
	P2V_ECLOSED = -12,   /* the other side ended it */
	P2V_ECANCELED = -13, /* our side ended it */
	P2V_EINTEGRITY = -14 /* bytes that do not match their signature */
};

#define P2V_MSS 1200u /* [B] payload of one datagram that every path carries */

/** Microseconds since an arbitrary epoch, monotonic; or a length of time. */
typedef int64_t p2v_usec;
#define P2V_NEVER   INT64_MAX
#define P2V_UNKNOWN INT64_MIN
#define P2V_MSEC    INT64_C(1000)
#define P2V_SECOND  INT64_C(1000000)

/** Borrowed bytes: valid until the call that they were passed to returns. */
struct p2v_bytes {
	const uint8_t *p;
	size_t n; /* [B] */
};

/** Borrowed text, not NUL-ended. p == NULL: absent, which is not the same as empty. */
struct p2v_str {
	const char *p;
	size_t n; /* [B] */
};

/** Printf arguments for a p2v_str: printf("%.*s", P2V_STR(s)). */
#define P2V_STR(s) ((int)(s).n), ((s).p ? (s).p : "")

/** What went wrong, told once by the deepest function that knows, framed by its callers. */
struct p2v_err {
	int code;       /* P2V_E* */
	char text[252]; /* one sentence, no full stop, NUL-ended, cut where it does not fit */
};

#if defined(__GNUC__)
#define P2V_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define P2V_MUST_USE     __attribute__((warn_unused_result))
#else
#define P2V_PRINTF(f, a)
#define P2V_MUST_USE
#endif

/** Fill an error record.
 * @param err   [out] may be NULL: then only the code is returned
 * @param code  P2V_E*
 * @param fmt   printf format of one sentence
 * @return code, so that a caller can write `return p2v_fail(err, P2V_EPARSE, "…");` */
static inline P2V_PRINTF(3, 4) int p2v_fail(struct p2v_err *err, int code, const char *fmt, ...)
{
	if (err) {
		va_list ap;

		va_start(ap, fmt);
		err->code = code;
		(void)vsnprintf(err->text, sizeof err->text, fmt, ap);
		va_end(ap);
	}
	return code;
}

#endif
