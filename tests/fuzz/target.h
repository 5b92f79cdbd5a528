/* target.h - what each fuzz target is: a parser that is given any bytes. */
#ifndef P2V_FUZZ_TARGET_H
#define P2V_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/** What an engine, or replay.c, calls. The empty input has an address there; where nothing came
 * there is none: a target is given both. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/** A target has this one.
 * @param p  [in] shape (n); NULL where n is 0, or an address without a byte */
void fuzz_one(const uint8_t *p, size_t n);

/** Ends the program, with the line. */
_Noreturn void fuzz_fail(const char *file, int line);
#define must(holds) ((holds) ? (void)0 : fuzz_fail(__FILE__, __LINE__))

#endif
