/* packet.c - datagrams under way: what they carry, copied or lent, and the room for it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/sim/inside.h"

/* ---- room ---- */

/* Most are acknowledgements and what surrounds media, messages, or full. Larger ones are the
 * heap's. */
static const uint32_t class_size[P2V_PACKET_CLASSES] = { 96, 320, 1472 };

static unsigned class_of(size_t n)
{
	unsigned c = 0;

	while (c < P2V_PACKET_CLASSES && n > class_size[c])
		c++;
	return c;
}

static struct p2v_packet_way *room_for(struct p2v_sim *s, size_t own)
{
	unsigned c = class_of(own);
	struct p2v_packet_way *k = c < P2V_PACKET_CLASSES ? s->spare[c] : NULL;

	if (k)
		s->spare[c] = k->next;
	else
		k = malloc(sizeof *k + (c < P2V_PACKET_CLASSES ? class_size[c] : own));
	return k;
}

void p2v_packet_free(struct p2v_sim *s, struct p2v_packet_way *k)
{
	unsigned c = class_of(k->own);

	for (unsigned i = 0; i < k->n_lent; i++)
		p2v_slice_drop(&k->lent[i].slice);
	if (c == P2V_PACKET_CLASSES) {
		free(k);
		return;
	}
	k->next = s->spare[c];
	s->spare[c] = k;
}

void p2v_packets_fini(struct p2v_sim *s)
{
	struct p2v_packet_way *k;

	p2v_lends_clear(s);
	free(s->room);
	free(s->desk);
	for (unsigned c = 0; c < P2V_PACKET_CLASSES; c++)
		while ((k = s->spare[c])) {
			s->spare[c] = k->next;
			free(k);
		}
}

/* ---- what is lent ---- */

/* Machines write what they send here; the copies of what is delivered lie on the desk. */
uint8_t *p2v_sim_udp_room(void *self, size_t n)
{
	struct p2v_sim *s = ((struct p2v_machine *)self)->sim;

	/* Whoever asks, asks for as much; what was given out stays where it is. */
	if (!s->desk)
		s->desk = malloc((size_t)P2V_DESK_PLACES * P2V_DESK_PLACE);
	if (!s->room && s->desk) {
		s->room = malloc(n);
		s->room_n = s->room ? n : 0;
	}
	return n <= s->room_n ? s->room : NULL;
}

static void drop_lends(struct p2v_sim *s, size_t left)
{
	while (s->n_lends > left)
		p2v_slice_drop(&s->lends[--s->n_lends].slice);
}

void p2v_lends_clear(struct p2v_sim *s)
{
	drop_lends(s, 0);
	s->next_lend = 0;
}

bool p2v_sim_udp_lend(void *self, const uint8_t *at, const struct p2v_slice *slice)
{
	struct p2v_sim *s = ((struct p2v_machine *)self)->sim;
	size_t n = s->n_lends;

	while (n && s->lends[n - 1].at >= at)
		n--;
	drop_lends(s, n); /* that datagram was never sent: another is written in its place */
	if (!slice || slice->n < P2V_LEND_LEAST || n == P2V_LENDS)
		return false;
	assert(at >= s->room && at + slice->n <= s->room + s->room_n);
	s->lends[s->n_lends++] = (struct p2v_lend){ at, p2v_slice_ref(*slice) };
	return true;
}

struct p2v_slice p2v_sim_udp_lent(void *self, const uint8_t *p, size_t n, size_t *off)
{
	struct p2v_sim *s = ((struct p2v_machine *)self)->sim;
	uintptr_t place = (uintptr_t)p - (uintptr_t)s->desk;
	size_t i = place / P2V_DESK_PLACE, base = place % P2V_DESK_PLACE;
	const struct p2v_packet_way *k = i < s->n_on_desk ? s->on_desk[i] : NULL;

	for (unsigned j = 0; k && j < k->n_lent; j++) {
		const struct p2v_packet_lent *l = &k->lent[j];

		if (l->at >= base && l->at + l->slice.n <= base + n) {
			*off = l->at - base;
			return p2v_slice_ref(l->slice);
		}
	}
	return (struct p2v_slice){ NULL, NULL, 0 };
}

/* ---- packets ---- */

/* @return how many of the run's lends, from s->next_lend on, are within the n bytes at p */
static size_t lends_within(struct p2v_sim *s, const uint8_t *p, size_t n)
{
	size_t k = 0;

	if (s->n_lends == 0 || p < s->room || p >= s->room + s->room_n)
		return 0;
	while (s->next_lend < s->n_lends && s->lends[s->next_lend].at < p)
		s->next_lend++;
	while (s->next_lend + k < s->n_lends && s->lends[s->next_lend + k].at < p + n)
		k++;
	return k;
}

static struct p2v_packet_way *packet_of(struct p2v_sim *s, size_t n, size_t own)
{
	struct p2v_packet_way *k = room_for(s, own);

	if (!k)
		return NULL;
	k->n = (uint32_t)n;
	k->own = (uint16_t)own;
	k->n_lent = 0;
	return k;
}

/* More pieces than a packet has places for, or one that is too large: they are copied after all. */
static struct p2v_packet_way *whole(
	struct p2v_sim *s, const uint8_t *p, size_t n, const struct p2v_lend *v, size_t lends)
{
	struct p2v_packet_way *k = packet_of(s, n, n);

	if (!k)
		return NULL;
	memcpy(k->p, p, n);
	for (size_t i = 0; i < lends; i++)
		memcpy(k->p + (v[i].at - p), v[i].slice.p, v[i].slice.n);
	return k;
}

struct p2v_packet_way *p2v_packet_new(struct p2v_sim *s, const uint8_t *p, size_t n)
{
	size_t lends = lends_within(s, p, n), own = n, from = 0, at = 0;
	const struct p2v_lend *v = s->lends + s->next_lend;
	struct p2v_packet_way *k;

	if (n > UINT16_MAX)
		return NULL;
	if (lends > P2V_PACKET_LENT || (lends && n > P2V_DESK_PLACE))
		return whole(s, p, n, v, lends);
	for (size_t i = 0; i < lends; i++)
		own -= v[i].slice.n;
	k = packet_of(s, n, own);
	if (!k)
		return NULL;
	for (size_t i = 0; i < lends; i++) {
		size_t off = (size_t)(v[i].at - p);

		memcpy(k->p + at, p + from, off - from);
		at += off - from;
		from = off + v[i].slice.n;
		k->lent[k->n_lent++] = (struct p2v_packet_lent){ (uint32_t)off,
			p2v_slice_ref(v[i].slice) };
	}
	if (n > from)
		memcpy(k->p + at, p + from, n - from);
	return k;
}

void p2v_packet_lay_out(const struct p2v_packet_way *k, uint8_t *out, bool all)
{
	const uint8_t *p = k->p;
	size_t at = 0;

	for (unsigned i = 0; i < k->n_lent; i++) {
		const struct p2v_packet_lent *l = &k->lent[i];

		memcpy(out + at, p, l->at - at);
		p += l->at - at;
		if (all)
			memcpy(out + l->at, l->slice.p, l->slice.n);
		at = l->at + l->slice.n;
	}
	if (k->n > at)
		memcpy(out + at, p, k->n - at);
}

void p2v_packet_mix(struct p2v_sim *s, const struct p2v_packet_way *k)
{
	p2v_sim_mix_bytes(s, k->p, k->own);
	for (unsigned i = 0; i < k->n_lent; i++) {
		const struct p2v_slice *l = &k->lent[i].slice;

		p2v_sim_mix(s, (uint64_t)k->lent[i].at << 32 | l->n);
		p2v_sim_mix(s, p2v_load64(l->p));
		p2v_sim_mix(s, p2v_load64(l->p + l->n - 8));
	}
}
