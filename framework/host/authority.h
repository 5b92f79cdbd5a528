/* authority.h - what `peer2view authority init` asks for: the keys and certificates of a new
 * authority, written to files. */
#ifndef P2V_HOST_AUTHORITY_H
#define P2V_HOST_AUTHORITY_H

#include <peer2view/base.h>

struct p2v_authority_wish {
	const char *dir;  /* made when it is not there; it must be empty of an authority */
	const char *name; /* common name in its certificate */
	uint32_t days;    /* that the authority is valid; its tracker half as long */
};

/** The files of an authority: its certificate and key, those of the issuer that a tracker holds,
 * and the tracker's own. Keys have the odd numbers. */
enum { P2V_AUTHORITY_FILES = 6 };
extern const char *const p2v_authority_files[P2V_AUTHORITY_FILES];

/** Make an authority.
 * @return P2V_OK; P2V_EPERM: there is one already; P2V_EIO: a file cannot be written; P2V_ENOMEM */
P2V_MUST_USE int p2v_authority_init(const struct p2v_authority_wish *wish, struct p2v_err *err);

#endif
