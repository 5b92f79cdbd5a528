/* json.h - writing JSON: objects, arrays, values, in the order in which they are told. Reading it
 * is not needed here. */
#ifndef P2V_BASE_JSON_H
#define P2V_BASE_JSON_H

#include "framework/base/text.h"

struct p2v_json {
	struct p2v_text *out; /* where it goes; out->oom tells when it did not fit */
	bool comma;           /* the next value stands behind another */
};

/* In every call `key` is NULL inside an array and at the top. */
void p2v_json_open(struct p2v_json *j, const char *key, char bracket); /* '{' or '[' */
void p2v_json_close(struct p2v_json *j, char bracket);                 /* '}' or ']' */
void p2v_json_str(struct p2v_json *j, const char *key,
	struct p2v_str v); /* bytes that are no UTF-8 become U+FFFD */
void p2v_json_text(struct p2v_json *j, const char *key, const char *v);
void p2v_json_u64(struct p2v_json *j, const char *key, uint64_t v);
void p2v_json_i64(struct p2v_json *j, const char *key, int64_t v);
void p2v_json_real(
	struct p2v_json *j, const char *key, double v, int decimals); /* null when not finite */
void p2v_json_bool(struct p2v_json *j, const char *key, bool v);

#endif
