/* option.h - the one truth about an option. A table of these is walked to bind an ini file, to
 * check ranges, to name the nearest key, and to print --help, man pages, sample ini files and JSON.
 */
#ifndef PEER2VIEW_OPTION_H
#define PEER2VIEW_OPTION_H

#include <peer2view/base.h>

enum p2v_opt_type {
	P2V_T_BOOL = 1, /* field: bool;          text: yes no true false on off 1 0 */
	P2V_T_U32,      /* field: uint32_t;      text: 1200, 64k, 16M (k = 1000, Ki = 1024, …) */
	P2V_T_U64,      /* field: uint64_t;      same text */
	P2V_T_USEC,     /* field: p2v_usec;      text: 250ms, 2s, 1.5s, 10m, 2h; a bare number is in
			   `unit` */
	P2V_T_REAL,     /* field: double;        text: 0.7 */
	P2V_T_TEXT, /* field: const char *;  text: as it stands; min and max bound its length [B] */
	P2V_T_ENUM  /* field: uint32_t;      text: one of choices; the field gets its index */
};

enum {
	P2V_OPT_LIVE = 1u << 0,    /* may change while the program runs (SIGHUP) */
	P2V_OPT_REPEATED = 1u << 1 /* P2V_T_TEXT: may stand again; values are joined by '\n' */
};

struct p2v_option {
	const char *name; /* the key in the ini file */
	const char *unit; /* "B", "bit/s", "us", "1" for a bare number, "" for text */
	const char *dflt; /* the default, exactly as it would stand in the ini file */
	const char *help; /* one sentence for the person who sets it */
	enum p2v_opt_type type;
	uint32_t flags;    /* P2V_OPT_* */
	uint32_t offset;   /* [B] of the field in the conf struct */
	uint32_t reserved; /* 0 */
	double min, max;   /* inclusive, in the field's own unit (microseconds for P2V_T_USEC) */
	const char *const *choices; /* P2V_T_ENUM: NULL-ended; else NULL */
};

/* offsetof, refused by the compiler unless field f of T has type c. */
#define P2V_AT(T, f, c) \
	((uint32_t)(offsetof(T, f) + 0 * sizeof(char[_Generic(((T *)0)->f, c : 1)])))

/* clang-format off */
#define P2V_OPT_(T, f, d, lo, hi, u, h, t, c) \
	.name = #f, .unit = (u), .dflt = (d), .help = (h), .type = (t), .offset = P2V_AT(T, f, c), \
	.min = (double)(lo), .max = (double)(hi)

#define P2V_OPT_BOOL(T, f, d, h)            { P2V_OPT_(T, f, d, 0, 1, "", h, P2V_T_BOOL, bool) }
#define P2V_OPT_U32(T, f, d, lo, hi, u, h)  { P2V_OPT_(T, f, d, lo, hi, u, h, P2V_T_U32, uint32_t) }
#define P2V_OPT_U64(T, f, d, lo, hi, u, h)  { P2V_OPT_(T, f, d, lo, hi, u, h, P2V_T_U64, uint64_t) }
#define P2V_OPT_USEC(T, f, d, lo, hi, u, h) { P2V_OPT_(T, f, d, lo, hi, u, h, P2V_T_USEC, p2v_usec) }
#define P2V_OPT_REAL(T, f, d, lo, hi, u, h) { P2V_OPT_(T, f, d, lo, hi, u, h, P2V_T_REAL, double) }
#define P2V_OPT_TEXT(T, f, d, lo, hi, h) \
	{ P2V_OPT_(T, f, d, lo, hi, "", h, P2V_T_TEXT, const char *) }
#define P2V_OPT_ENUM(T, f, d, list, h) \
	{ P2V_OPT_(T, f, d, 0, 0, "", h, P2V_T_ENUM, uint32_t), .choices = (list) }
/* The same for options that may change while the program runs, and for those that may stand several times. */
#define P2V_OPT_BOOL_LIVE(T, f, d, h) \
	{ P2V_OPT_(T, f, d, 0, 1, "", h, P2V_T_BOOL, bool), .flags = P2V_OPT_LIVE }
#define P2V_OPT_U64_LIVE(T, f, d, lo, hi, u, h) \
	{ P2V_OPT_(T, f, d, lo, hi, u, h, P2V_T_U64, uint64_t), .flags = P2V_OPT_LIVE }
#define P2V_OPT_ENUM_LIVE(T, f, d, list, h) \
	{ P2V_OPT_(T, f, d, 0, 0, "", h, P2V_T_ENUM, uint32_t), .choices = (list), .flags = P2V_OPT_LIVE }
#define P2V_OPT_TEXT_MANY(T, f, d, lo, hi, h) \
	{ P2V_OPT_(T, f, d, lo, hi, "", h, P2V_T_TEXT, const char *), .flags = P2V_OPT_REPEATED }
#define P2V_OPT_END { .name = NULL }
/* clang-format on */

#endif
