/* files.h - whole small files, in and out: keys, certificates. */
#ifndef P2V_HOST_FILES_H
#define P2V_HOST_FILES_H

#include "framework/base/text.h"

/** Read a file of at most 1 MiB.
 * @param out  [inout] appended to
 * @return P2V_OK; P2V_ENOENT, P2V_EIO, P2V_ELIMIT, P2V_ENOMEM with err naming the file */
P2V_MUST_USE int p2v_file_read(const char *path, struct p2v_text *out, struct p2v_err *err);

/** Write a file at once or not at all: a new file takes the old one's place when it is whole and on
 * the disk.
 * @param secret  only the owner may read it
 * @return P2V_OK or P2V_EIO with err naming the file */
P2V_MUST_USE int p2v_file_write(
	const char *path, struct p2v_str text, bool secret, struct p2v_err *err);

/** Make a folder if it is not there. @param secret  only the owner may look into it */
P2V_MUST_USE int p2v_folder_make(const char *path, bool secret, struct p2v_err *err);

/** @return DIR/NAME; NULL: no memory. Freed by free(). */
char *p2v_path_join(const char *dir, const char *name);

#endif
