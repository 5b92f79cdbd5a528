/* type.c - the 27 types by name. */
#include "sdk/nat/nat.h"

#include <string.h>

static const char scopes[3][3] = { "EI", "HD", "PD" };
static const char allocations[3][3] = { "PP", "PC", "RD" };

struct p2v_nat_type p2v_nat_type_at(unsigned i)
{
	return (struct p2v_nat_type){ .mapping = (enum p2v_nat_scope)(i / 9 % 3),
		.allocation = (enum p2v_nat_allocation)(i / 3 % 3),
		.filtering = (enum p2v_nat_scope)(i % 3) };
}

unsigned p2v_nat_type_number(struct p2v_nat_type t)
{
	return 9 * (unsigned)t.mapping + 3 * (unsigned)t.allocation + (unsigned)t.filtering;
}

char *p2v_nat_type_text(struct p2v_nat_type t, char out[P2V_NAT_NAME])
{
	memcpy(out, scopes[t.mapping], 2);
	out[2] = '-';
	memcpy(out + 3, allocations[t.allocation], 2);
	out[5] = '-';
	memcpy(out + 6, scopes[t.filtering], 3);
	return out;
}

int p2v_nat_type_parse(struct p2v_str text, struct p2v_nat_type *out)
{
	char name[P2V_NAT_NAME];

	for (unsigned i = 0; i < P2V_NAT_TYPES; i++) {
		struct p2v_nat_type t = p2v_nat_type_at(i);

		if (text.n == P2V_NAT_NAME - 1 &&
			memcmp(p2v_nat_type_text(t, name), text.p, text.n) == 0) {
			*out = t;
			return P2V_OK;
		}
	}
	return P2V_EPARSE;
}
