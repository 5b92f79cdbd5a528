/* folder.h - the folder that a run's results go to. */
#ifndef P2V_SIM_CLI_FOLDER_H
#define P2V_SIM_CLI_FOLDER_H

#include <stdio.h>

#include "framework/base/text.h"

/** Make it, if it is not there; its parent is. @return P2V_OK or P2V_EIO */
P2V_MUST_USE int p2v_folder_make(const char *folder, struct p2v_err *err);
/** Open a file in it. @param mode  as fopen's @return NULL with err */
FILE *p2v_folder_open(const char *folder, const char *name, const char *mode, struct p2v_err *err);
/** Close what was written. NULL is allowed. @return P2V_OK; P2V_EIO: not all of it is there */
P2V_MUST_USE int p2v_folder_close(FILE *f, const char *folder, struct p2v_err *err);

/** Run a program and wait for its end.
 * @param argv  [in] NULL-ended; argv[0] is looked up in PATH
 * @param in    [in] a file for its standard input; NULL: nothing
 * @param out   [in] one that its standard output is appended to; NULL: ours
 * @return its exit status; P2V_ENOENT: there is no such program; P2V_EIO */
int p2v_folder_run(const char *const *argv, const char *in, const char *out, struct p2v_err *err);

#endif
