/* nat.c - tables of mappings and of remotes that were sent to. Whatever was unused for longest
 * stands first in its list, so forgetting costs nothing but what is forgotten. */
#include "sdk/nat/nat.h"

#include <stdlib.h>
#include <string.h>

#include "framework/base/hash.h"
#include "framework/base/list.h"

enum { DRAWS = 32 }; /* of a random port, before the ports above the last draw are tried in turn */

struct key {
	struct p2v_addr here, there;
};

struct mapping {
	struct p2v_list at; /* in `used` or `explicit_ones` */
	UT_hash_handle by_key, by_port;
	struct key key; /* inside; of the remote, what the box looks at */
	uint16_t port;
	bool explicit;
	p2v_usec last;           /* refreshed; of an explicit one: when it ends */
	struct p2v_list remotes; /* the longest unused first */
	size_t n_remotes;
};

/** A remote that may send to a mapping, or one that got in and is answered from where it got in. */
struct remote {
	struct p2v_list at, in_mapping;
	UT_hash_handle hh;
	struct key key;
	struct mapping *mapping;
	p2v_usec last;
};

struct p2v_nat {
	struct p2v_nat_conf conf;
	struct p2v_random *random;
	struct mapping *dynamic, *explicit, *ports; /* hashes: by key, by key, of both by port */
	struct remote *remotes;                     /* hash */
	struct p2v_list used, explicit_ones;        /* mappings */
	struct p2v_list sessions;                   /* remotes */
	size_t n_used, n_explicit, n_sessions, n_ports; /* n_ports: of those that may be given */
	uint16_t next;                                  /* with port contiguity */
	p2v_usec explicit_due;                          /* the first of them ends */
	struct p2v_nat_count count;
};

/* ---- keys ---- */

/* What a box with that scope looks at. */
static struct p2v_addr seen(const struct p2v_addr *a, enum p2v_nat_scope scope)
{
	struct p2v_addr r = *a;

	if (scope == P2V_NAT_EI)
		memset(&r, 0, sizeof r);
	else if (scope == P2V_NAT_HD)
		r.port = 0;
	return r;
}

static struct key mapping_key(
	const struct p2v_nat *n, const struct p2v_addr *inside, const struct p2v_addr *remote)
{
	return (struct key){ *inside, seen(remote, n->conf.type.mapping) };
}

/* Of who may send to a port. No inside address is all zeros, so it is like no reply_key. */
static struct key filter_key(const struct p2v_nat *n, uint16_t port, const struct p2v_addr *remote)
{
	return (struct key){ { .port = port }, seen(remote, n->conf.type.filtering) };
}

/* Of who got in, and is answered from there. */
static struct key reply_key(const struct p2v_addr *inside, const struct p2v_addr *remote)
{
	return (struct key){ *inside, *remote };
}

static bool keys_equal(const struct key *a, const struct key *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* ---- remotes ---- */

static void remote_free(struct p2v_nat *n, struct remote *r)
{
	HASH_DEL(n->remotes, r);
	p2v_list_remove(&r->at);
	p2v_list_remove(&r->in_mapping);
	r->mapping->n_remotes--;
	n->n_sessions--;
	free(r);
}

static struct remote *remote_find(const struct p2v_nat *n, const struct key *k)
{
	struct remote *r;

	HASH_FIND(hh, n->remotes, k, sizeof *k, r);
	return r;
}

static void remote_touch(struct p2v_nat *n, struct remote *r, p2v_usec now)
{
	r->last = now;
	p2v_list_remove(&r->at);
	p2v_list_push(&n->sessions, &r->at);
	p2v_list_remove(&r->in_mapping);
	p2v_list_push(&r->mapping->remotes, &r->in_mapping);
}

/* @return whether there is room for one more */
static bool remote_room(struct p2v_nat *n, struct mapping *m)
{
	bool each = m->n_remotes >= n->conf.remotes_max;

	if (!each && n->n_sessions < n->conf.sessions_max)
		return true;
	if (n->conf.full == P2V_NAT_FULL_DROP)
		return false;
	remote_free(n, each ? P2V_OF(m->remotes.next, struct remote, in_mapping)
			    : P2V_OF(n->sessions.next, struct remote, at));
	return true;
}

/* @return whether it is remembered */
static bool remember(struct p2v_nat *n, struct mapping *m, const struct key *k, p2v_usec now)
{
	struct remote *r = remote_find(n, k);

	if (r) {
		remote_touch(n, r, now);
		return true;
	}
	r = remote_room(n, m) ? calloc(1, sizeof *r) : NULL;
	if (!r)
		return false;
	r->key = *k;
	r->mapping = m;
	r->last = now;
	HASH_ADD(hh, n->remotes, key, sizeof r->key, r);
	if (!P2V_HASH_ADDED(hh, r)) {
		free(r);
		return false;
	}
	p2v_list_push(&n->sessions, &r->at);
	p2v_list_push(&m->remotes, &r->in_mapping);
	m->n_remotes++;
	n->n_sessions++;
	return true;
}

/* ---- ports ---- */

static struct mapping *port_find(const struct p2v_nat *n, uint16_t port)
{
	struct mapping *m;

	HASH_FIND(by_port, n->ports, &port, sizeof port, m);
	return m;
}

static bool is_given(const struct p2v_nat *n, uint16_t port)
{
	return port >= n->conf.port_min && port <= n->conf.port_max;
}

static size_t span(const struct p2v_nat *n)
{
	return (size_t)(n->conf.port_max - n->conf.port_min) + 1;
}

static uint16_t after(const struct p2v_nat *n, uint16_t port)
{
	return port >= n->conf.port_max ? n->conf.port_min : (uint16_t)(port + 1);
}

static uint16_t draw(struct p2v_nat *n)
{
	return (uint16_t)(n->conf.port_min + p2v_random_below(n->random, span(n)));
}

/* The first free one from there on; one is free. */
static uint16_t scan(const struct p2v_nat *n, uint16_t port)
{
	while (port_find(n, port))
		port = after(n, port);
	return port;
}

static uint16_t pick_random(struct p2v_nat *n)
{
	uint16_t port = draw(n);

	for (size_t i = 0; i < DRAWS && port_find(n, port); i++)
		port = draw(n);
	return scan(n, port);
}

/* @return 0: none is free */
static uint16_t pick(struct p2v_nat *n, enum p2v_nat_allocation how, uint16_t preserved)
{
	uint16_t port;

	if (how == P2V_NAT_PP && preserved && !port_find(n, preserved))
		return preserved;
	if (n->n_ports >= span(n))
		return 0;
	if (how != P2V_NAT_PC)
		return pick_random(n);
	port = scan(n, n->next);
	n->next = after(n, port);
	return port;
}

/* ---- mappings ---- */

static void mapping_free(struct p2v_nat *n, struct mapping *m)
{
	P2V_LIST_EACH (it, &m->remotes)
		remote_free(n, P2V_OF(it, struct remote, in_mapping));
	if (m->explicit)
		HASH_DELETE(by_key, n->explicit, m);
	else
		HASH_DELETE(by_key, n->dynamic, m);
	HASH_DELETE(by_port, n->ports, m);
	p2v_list_remove(&m->at);
	n->n_ports -= is_given(n, m->port);
	n->n_used -= !m->explicit;
	n->n_explicit -= m->explicit;
	free(m);
}

/* @return NULL: no memory */
static struct mapping *mapping_new(
	struct p2v_nat *n, const struct key *k, uint16_t port, bool explicit, p2v_usec last)
{
	struct mapping *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->key = *k;
	m->port = port;
	m->explicit = explicit;
	m->last = last;
	p2v_list_init(&m->remotes);
	HASH_ADD(by_port, n->ports, port, sizeof m->port, m);
	if (!P2V_HASH_ADDED(by_port, m)) {
		free(m);
		return NULL;
	}
	if (explicit)
		HASH_ADD(by_key, n->explicit, key, sizeof m->key, m);
	else
		HASH_ADD(by_key, n->dynamic, key, sizeof m->key, m);
	if (!P2V_HASH_ADDED(by_key, m)) {
		HASH_DELETE(by_port, n->ports, m);
		free(m);
		return NULL;
	}
	p2v_list_push(explicit ? &n->explicit_ones : &n->used, &m->at);
	n->n_ports += is_given(n, port);
	n->n_used += !explicit;
	n->n_explicit += explicit;
	return m;
}

static void mapping_touch(struct p2v_nat *n, struct mapping *m, p2v_usec now)
{
	if (m->explicit)
		return;
	m->last = now;
	p2v_list_remove(&m->at);
	p2v_list_push(&n->used, &m->at);
}

static void expire_explicit(struct p2v_nat *n, p2v_usec now)
{
	if (now < n->explicit_due)
		return;
	n->explicit_due = P2V_NEVER;
	P2V_LIST_EACH (it, &n->explicit_ones) {
		struct mapping *m = P2V_OF(it, struct mapping, at);

		if (m->last <= now)
			mapping_free(n, m);
		else if (m->last < n->explicit_due)
			n->explicit_due = m->last;
	}
}

/* Forget what was not refreshed in time. A mapping that goes takes its remotes along. */
static void expire(struct p2v_nat *n, p2v_usec now)
{
	struct p2v_list *it;

	while ((it = p2v_list_first(&n->sessions)) &&
		P2V_OF(it, struct remote, at)->last + n->conf.timeout <= now)
		remote_free(n, P2V_OF(it, struct remote, at));
	while ((it = p2v_list_first(&n->used)) &&
		P2V_OF(it, struct mapping, at)->last + n->conf.timeout <= now) {
		mapping_free(n, P2V_OF(it, struct mapping, at));
		n->count.expired++;
	}
	expire_explicit(n, now);
}

static bool evict(struct p2v_nat *n)
{
	struct p2v_list *it = p2v_list_first(&n->used);

	if (n->conf.full == P2V_NAT_FULL_DROP || !it)
		return false;
	mapping_free(n, P2V_OF(it, struct mapping, at));
	n->count.evicted++;
	return true;
}

/* @return NULL: no room, no port, no memory */
static struct mapping *mapping_make(struct p2v_nat *n, const struct key *k, p2v_usec now)
{
	enum p2v_nat_allocation how = n->conf.type.allocation;
	struct mapping *m;
	uint16_t port;

	if (n->n_used >= n->conf.mappings_max && !evict(n))
		return NULL;
	port = pick(n, how, k->here.port);
	if (port == 0 && evict(n))
		port = pick(n, how, k->here.port);
	m = port ? mapping_new(n, k, port, false, now) : NULL;
	n->count.made += m != NULL;
	return m;
}

static struct mapping *explicit_find(const struct p2v_nat *n, const struct p2v_addr *inside)
{
	struct key k = { .here = *inside };
	struct mapping *m;

	HASH_FIND(by_key, n->explicit, &k, sizeof k, m);
	return m;
}

/* Where a datagram to that remote leaves, as far as there is a place already. */
static struct mapping *mapping_find(
	const struct p2v_nat *n, const struct p2v_addr *src, const struct p2v_addr *dst)
{
	struct mapping *m = n->explicit ? explicit_find(n, src) : NULL;
	struct key k = mapping_key(n, src, dst);
	struct remote *r;

	if (m)
		return m;
	HASH_FIND(by_key, n->dynamic, &k, sizeof k, m);
	if (m || n->conf.type.mapping == P2V_NAT_EI)
		return m;
	k = reply_key(src, dst);
	r = remote_find(n, &k);
	return r ? r->mapping : NULL;
}

/* ---- datagrams ---- */

static enum p2v_nat_verdict outward(struct p2v_nat *n, const struct p2v_addr *src,
	const struct p2v_addr *dst, p2v_usec now, struct p2v_addr *shown)
{
	struct mapping *m;
	struct key k;

	expire(n, now);
	m = mapping_find(n, src, dst);
	if (!m) {
		k = mapping_key(n, src, dst);
		m = mapping_make(n, &k, now);
	}
	if (!m)
		return P2V_NAT_FULL;
	mapping_touch(n, m, now);
	k = filter_key(n, m->port, dst);
	if (!m->explicit && n->conf.type.filtering != P2V_NAT_EI && !remember(n, m, &k, now))
		return P2V_NAT_FULL;
	k = reply_key(src, dst);
	if (n->conf.type.mapping != P2V_NAT_EI && remote_find(n, &k))
		remote_touch(n, remote_find(n, &k), now);
	*shown = n->conf.outside;
	shown->port = m->port;
	return P2V_NAT_PASS;
}

/* A box that maps by remote answers whoever got in by a mapping for another from where it got in:
 * else nothing that came first from outside would ever be answered. Where it got in twice, the
 * first stays. */
static void let_in(struct p2v_nat *n, struct mapping *m, const struct p2v_addr *src, p2v_usec now)
{
	struct key own = mapping_key(n, &m->key.here, src);
	struct key reply = reply_key(&m->key.here, src);
	struct remote *r;

	if (m->explicit || keys_equal(&own, &m->key))
		return;
	r = remote_find(n, &reply);
	if (!r || r->mapping == m)
		(void)remember(n, m, &reply, now); /* full: it is answered from elsewhere */
}

static enum p2v_nat_verdict inward(struct p2v_nat *n, uint16_t port, const struct p2v_addr *src,
	p2v_usec now, struct p2v_addr *inside)
{
	struct remote *r = NULL;
	struct mapping *m;
	struct key k;

	expire(n, now);
	m = port_find(n, port);
	if (!m)
		return P2V_NAT_UNKNOWN;
	if (!m->explicit && n->conf.type.filtering != P2V_NAT_EI) {
		k = filter_key(n, port, src);
		r = remote_find(n, &k);
		if (!r)
			return P2V_NAT_FILTERED;
	}
	if (n->conf.inbound_refresh) {
		mapping_touch(n, m, now);
		if (r)
			remote_touch(n, r, now);
	}
	let_in(n, m, src, now);
	*inside = m->key.here;
	return P2V_NAT_PASS;
}

enum p2v_nat_verdict p2v_nat_out(struct p2v_nat *n, const struct p2v_addr *src,
	const struct p2v_addr *dst, p2v_usec now, struct p2v_addr *shown)
{
	enum p2v_nat_verdict v = outward(n, src, dst, now, shown);

	n->count.out[v]++;
	return v;
}

enum p2v_nat_verdict p2v_nat_in(struct p2v_nat *n, uint16_t port, const struct p2v_addr *src,
	p2v_usec now, struct p2v_addr *inside)
{
	enum p2v_nat_verdict v = inward(n, port, src, now, inside);

	n->count.in[v]++;
	return v;
}

enum p2v_nat_verdict p2v_nat_hairpin(struct p2v_nat *n, const struct p2v_addr *src, uint16_t port,
	p2v_usec now, struct p2v_addr *shown, struct p2v_addr *inside)
{
	struct p2v_addr dst = n->conf.outside, from;
	enum p2v_nat_verdict v;

	dst.port = port;
	if (!n->conf.hairpin) {
		n->count.out[P2V_NAT_NO_HAIRPIN]++;
		return P2V_NAT_NO_HAIRPIN;
	}
	v = p2v_nat_out(n, src, &dst, now, &from);
	if (v == P2V_NAT_PASS)
		v = p2v_nat_in(n, port, &from, now, inside);
	if (v != P2V_NAT_PASS)
		return v;
	*shown = n->conf.hairpin_inside ? *src : from;
	n->count.hairpins++;
	return v;
}

bool p2v_nat_holder(const struct p2v_nat *n, uint16_t port, p2v_usec now, struct p2v_addr *inside)
{
	const struct mapping *m = port_find(n, port);

	if (!m || (m->explicit ? m->last <= now : m->last + n->conf.timeout <= now))
		return false;
	*inside = m->key.here;
	return true;
}

/* ---- explicit mappings ---- */

int p2v_nat_map(struct p2v_nat *n, const struct p2v_addr *inside, uint16_t port, p2v_usec until,
	p2v_usec now, uint16_t *given)
{
	struct key k = { .here = *inside };
	struct mapping *m;

	expire(n, now);
	if (until < n->explicit_due)
		n->explicit_due = until;
	m = explicit_find(n, inside);
	if (m && (port == 0 || port == m->port || port_find(n, port))) {
		m->last = until;
		*given = m->port;
		return P2V_OK;
	}
	if (m)
		mapping_free(n, m);
	if (n->n_explicit >= n->conf.mappings_max)
		return P2V_ELIMIT;
	port = pick(n, port ? P2V_NAT_PP : P2V_NAT_RD, port);
	if (port == 0)
		return P2V_ELIMIT;
	if (!mapping_new(n, &k, port, true, until))
		return P2V_ENOMEM;
	*given = port;
	return P2V_OK;
}

int p2v_nat_unmap(struct p2v_nat *n, const struct p2v_addr *inside)
{
	struct mapping *m = explicit_find(n, inside);

	if (!m)
		return P2V_ENOENT;
	mapping_free(n, m);
	return P2V_OK;
}

/* ---- life ---- */

void p2v_nat_conf_default(struct p2v_nat_conf *conf)
{
	*conf = (struct p2v_nat_conf){ .type = { P2V_NAT_EI, P2V_NAT_PP, P2V_NAT_PD },
		.port_min = 1024,
		.port_max = UINT16_MAX,
		.timeout = 120 * P2V_SECOND,
		.hairpin = true,
		.mappings_max = 4096,
		.remotes_max = 4096,
		.sessions_max = 65536,
		.full = P2V_NAT_FULL_OLDEST };
}

static int check(const struct p2v_nat_conf *c, struct p2v_err *err)
{
	if (c->port_min == 0 || c->port_min > c->port_max)
		return p2v_fail(err, P2V_ECONF, "ports from %u to %u", c->port_min, c->port_max);
	if (c->timeout <= 0)
		return p2v_fail(err, P2V_ECONF, "the time-out is not above 0");
	if (c->mappings_max == 0 || c->mappings_max > P2V_NAT_MAPPINGS)
		return p2v_fail(err, P2V_ECONF, "%u mappings: 1 to %d are possible",
			c->mappings_max, P2V_NAT_MAPPINGS);
	if (c->remotes_max == 0 || c->sessions_max == 0 || c->sessions_max > P2V_NAT_SESSIONS)
		return p2v_fail(err, P2V_ECONF, "%u remotes of %u: 1 to %d are possible",
			c->remotes_max, c->sessions_max, P2V_NAT_SESSIONS);
	return P2V_OK;
}

int p2v_nat_new(const struct p2v_nat_conf *conf, struct p2v_random *random, struct p2v_nat **out,
	struct p2v_err *err)
{
	struct p2v_nat *n;
	int rc = check(conf, err);

	if (rc < 0)
		return rc;
	n = calloc(1, sizeof *n);
	if (!n)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a NAT box");
	n->conf = *conf;
	n->conf.outside.port = 0;
	n->random = random;
	p2v_list_init(&n->used);
	p2v_list_init(&n->explicit_ones);
	p2v_list_init(&n->sessions);
	n->explicit_due = P2V_NEVER;
	n->next = draw(n);
	*out = n;
	return P2V_OK;
}

static void forget(struct p2v_nat *n)
{
	P2V_LIST_EACH (it, &n->used)
		mapping_free(n, P2V_OF(it, struct mapping, at));
	P2V_LIST_EACH (it, &n->explicit_ones)
		mapping_free(n, P2V_OF(it, struct mapping, at));
}

void p2v_nat_reboot(struct p2v_nat *n)
{
	forget(n);
	n->next = draw(n);
	n->count.reboots++;
}

void p2v_nat_free(struct p2v_nat *n)
{
	if (!n)
		return;
	forget(n);
	free(n);
}

const struct p2v_nat_conf *p2v_nat_conf_of(const struct p2v_nat *n)
{
	return &n->conf;
}

void p2v_nat_count(const struct p2v_nat *n, struct p2v_nat_count *out)
{
	*out = n->count;
}

size_t p2v_nat_mappings(struct p2v_nat *n, p2v_usec now)
{
	expire(n, now);
	return n->n_used + n->n_explicit;
}
