/* population.c - the presets of lines, and how one viewer is drawn. */
#include "sdk/sim/swarm/population.h"

#include <stdio.h>
#include <string.h>

#include "sdk/sim/swarm/draw.h"

#define KBIT (1000.0 / 8) /* [B/s] */
/* What a line without upload still sends: acknowledgements and requests. */
#define TRICKLE     (64 * KBIT)
#define QUEUE_LEAST (24 * 1500) /* [B] as many datagrams as the smallest of home routers hold */

enum { UP_GNUTELLA, UP_CLIVE, UP_MODERN, UP_HOMOGENEOUS };

const struct p2v_preset p2v_uploads[] = {
	{ "gnutella",
		"down/up kbit/s: 784/128 20 %, 1500/384 40 %, 3000/1000 25 %, 10000/5000 15 %",
		"classes and shares as measured of Gnutella's hosts by Saroiu, Gummadi and Gribble "
		"(MMCN 2002), in the rounding that P2P streaming papers use since Bharambe, Herley "
		"and Padmanabhan (INFOCOM 2006)" },
	{ "clive",
		"skewed: of 1000 viewers 493 upload nothing, 209 100, 94 200, 58 uniform from 300 to "
		"1900, 146 2000 kbit/s; down 10 Mbit/s",
		"the distribution of CLive's evaluation (Payberah, Kavalionak, Kumaresan, Montresor "
		"and Haridi: CLive, P2P 2012); the download is ours" },
	{ "modern",
		"85 % lognormal with median 15 Mbit/s and sigma 1, 15 % uniform from 0.25 to 2 Mbit/s; "
		"half of a line's upload is usable; down four times the upload, at least 20 Mbit/s",
		"own: fixed lines of today with a tail of poor ones; no single measurement behind it" },
	{ "homogeneous", "every line alike: population.up and population.down",
		"own: the case that theory solves" },
	{ NULL, NULL, NULL }
};
static const char *const upload_names[] = { "gnutella", "clive", "modern", "homogeneous", NULL };

const struct p2v_preset p2v_nats[] = { { "open", "every viewer can be called directly",
					       "own: the case without the problem" },
	{ "realistic",
		"population.nat_open of the viewers (20 %) are open; of the others EI-PP-PD 46.6 %, "
		"PD-RD-PD 12.4 %, EI-RD-PD 9.9 %, EI-PP-EI 9.3 %, EI-RD-EI 7.7 %, EI-PP-HD 4.6 %, "
		"EI-PC-EI 4.4 %, PD-PP-PD 2.6 %, PD-PP-EI 0.7 %, PD-RD-EI 0.6 %, EI-PC-PD 0.6 %, "
		"EI-RD-HD 0.4 %, HD-RD-PD 0.2 %",
		"types: NATCracker (Roverso, El-Ansary and Haridi: NAT combinations matter, ICCCN "
		"2009); shares: those that the design of this project was made for, not checked "
		"against a publication; the share of open ones is ours" },
	{ "EI-PP-EI … PD-RD-PD",
		"every viewer is behind a box of that type: mapping (EI: one port for all remotes, HD: "
		"one for each host, PD: one for each host and port), allocation (PP: the port of the "
		"inside, PC: the next free one, RD: a random one), filtering (EI: anybody gets in, HD: "
		"hosts that were sent to, PD: hosts and ports that were)",
		"mapping and filtering: RFC 4787 4.1 and 5; allocation and the names: NATCracker" },
	{ NULL, NULL, NULL } };
static const char *const nat_names[] = { "open", "realistic", "EI-PP-EI", "EI-PP-HD", "EI-PP-PD",
	"EI-PC-EI", "EI-PC-HD", "EI-PC-PD", "EI-RD-EI", "EI-RD-HD", "EI-RD-PD", "HD-PP-EI",
	"HD-PP-HD", "HD-PP-PD", "HD-PC-EI", "HD-PC-HD", "HD-PC-PD", "HD-RD-EI", "HD-RD-HD",
	"HD-RD-PD", "PD-PP-EI", "PD-PP-HD", "PD-PP-PD", "PD-PC-EI", "PD-PC-HD", "PD-PC-PD",
	"PD-RD-EI", "PD-RD-HD", "PD-RD-PD", NULL };

/* clang-format off */
#define C struct p2v_population_conf
const struct p2v_option p2v_population_options[] = {
	P2V_OPT_ENUM(C, upload, "modern", upload_names, "how fast the viewers' lines are: a preset, see p2v-sim list-presets"),
	P2V_OPT_U64(C, up, "5M", 1000, 1e11, "bit/s", "upload of each line, with upload = homogeneous"),
	P2V_OPT_U64(C, down, "20M", 1000, 1e11, "bit/s", "download of each line, with upload = homogeneous"),
	P2V_OPT_REAL(C, scale, "1", 0.001, 1000, "1", "all uploads times this: to ask what happens when lines get faster"),
	P2V_OPT_USEC(C, rtt, "60ms", 0, 10e6, "ms", "median round trip between two viewers; they lie on a plane, uniform in a square"),
	P2V_OPT_USEC(C, access, "5ms", 0, 1e6, "ms", "one way over a viewer's own line: a part of every round trip"),
	P2V_OPT_USEC(C, queue, "200ms", 1e3, 10e6, "ms", "longest wait in the queue before a line, in either direction; every queue holds 24 datagrams at least, which is longer on slow lines"),
	P2V_OPT_REAL(C, loss, "0", 0, 0.2, "1", "part of the datagrams that leave a viewer and are lost by chance"),
	P2V_OPT_ENUM(C, nat, "open", nat_names, "NAT boxes between the viewers and the network: a preset, see p2v-sim list-presets"),
	P2V_OPT_REAL(C, nat_open, "0.2", 0, 1, "1", "with nat = realistic: share of the viewers that are open"),
	P2V_OPT_USEC(C, nat_timeout, "30s", 1e6, 86400e6, "s", "silence after which boxes forget mappings and remotes; RFC 4787 asks for 2 minutes, 30 s were seen"),
	P2V_OPT_BOOL(C, nat_inbound_refresh, "no", "what comes in keeps a mapping, too, not only what goes out"),
	P2V_OPT_REAL(C, nat_hairpin, "0.24", 0, 1, "1", "share of the boxes that lead a datagram to their own outside address back in (0.24: Ford, Srisuresh and Kegel, USENIX 2005)"),
	P2V_OPT_U32(C, household, "1", 1, 64, "1", "viewers at one place, behind one box where there are boxes: so many that come one after another; each has a line of its own"),
	P2V_OPT_REAL(C, free_riders, "0", 0, 1, "1", "share of the viewers that take and give nothing"),
	P2V_OPT_REAL(C, polluters, "0", 0, 1, "1", "share of the viewers whose signatures are forged: what they pass on must be refused"),
	P2V_OPT_REAL(C, slow, "0", 0, 1, "1", "share of the viewers whose line sends no faster than slow_up"),
	P2V_OPT_U64(C, slow_up, "100k", 1000, 1e11, "bit/s", "upload of the slow ones"),
	P2V_OPT_REAL(C, abr_buffer, "0", 0, 1, "1", "share of the viewers whose player chooses renditions by buffer"),
	P2V_OPT_REAL(C, abr_fixed, "0", 0, 1, "1", "share of the viewers whose player stays on player.rendition"),
	P2V_OPT_END
};
#undef C
/* clang-format on */

int p2v_population_check(const void *vconf, struct p2v_err *err)
{
	const struct p2v_population_conf *c = vconf;

	if (c->free_riders + c->polluters + c->slow > 1)
		return p2v_fail(err, P2V_ECONF,
			"free_riders, polluters and slow together are more than all viewers");
	if (c->abr_buffer + c->abr_fixed > 1)
		return p2v_fail(err, P2V_ECONF,
			"abr_buffer and abr_fixed together are more than all viewers");
	if (c->rtt < 4 * c->access)
		return p2v_fail(err, P2V_ECONF,
			"rtt is less than four times access: a round trip crosses both lines twice");
	return P2V_OK;
}

/* A stream of random numbers for one purpose of one viewer. */
static struct p2v_random stream(uint64_t seed, const char *purpose, uint64_t number)
{
	struct p2v_random r;
	char name[64];

	(void)snprintf(name, sizeof name, "%s/%llu", purpose, (unsigned long long)number);
	p2v_random_init(&r, seed, name);
	return r;
}

/* ---- lines: [B/s] up and down ---- */

static void gnutella(struct p2v_random *r, double *up, double *down)
{
	static const struct {
		double until, down, up; /* cumulative share; kbit/s */
	} classes[] = { { 0.20, 784, 128 }, { 0.60, 1500, 384 }, { 0.85, 3000, 1000 },
		{ 1.01, 10000, 5000 } };
	double u = p2v_random_unit(r);
	size_t i = 0;

	while (u >= classes[i].until)
		i++;
	*up = classes[i].up * KBIT;
	*down = classes[i].down * KBIT;
}

static void clive(struct p2v_random *r, double *up, double *down)
{
	double u = p2v_random_unit(r);

	*down = 10000 * KBIT;
	if (u < 0.493)
		*up = 0;
	else if (u < 0.702)
		*up = 100 * KBIT;
	else if (u < 0.796)
		*up = 200 * KBIT;
	else if (u < 0.854)
		*up = p2v_draw_uniform(r, 300, 1900) * KBIT;
	else
		*up = 2000 * KBIT;
}

static void modern(struct p2v_random *r, double *up, double *down)
{
	double whole = p2v_draw_chance(r, 0.15) ? p2v_draw_uniform(r, 250, 2000)
						: p2v_draw_lognormal(r, 15000, 1);

	*up = whole / 2 * KBIT;
	*down = (4 * whole > 20000 ? 4 * whole : 20000) * KBIT;
}

static void draw_line(
	const struct p2v_population_conf *c, struct p2v_random *r, double *up, double *down)
{
	switch (c->upload) {
	case UP_GNUTELLA: gnutella(r, up, down); break;
	case UP_CLIVE: clive(r, up, down); break;
	case UP_MODERN: modern(r, up, down); break;
	default:
		*up = (double)c->up / 8;
		*down = (double)c->down / 8;
		break;
	}
	*up *= c->scale;
}

/* ---- NAT boxes ---- */

static struct p2v_nat_type realistic(struct p2v_random *r)
{
	static const struct {
		struct p2v_nat_type type;
		double percent;
	} all[] = {
		{ { P2V_NAT_EI, P2V_NAT_PP, P2V_NAT_PD }, 46.6 },
		{ { P2V_NAT_PD, P2V_NAT_RD, P2V_NAT_PD }, 12.4 },
		{ { P2V_NAT_EI, P2V_NAT_RD, P2V_NAT_PD }, 9.9 },
		{ { P2V_NAT_EI, P2V_NAT_PP, P2V_NAT_EI }, 9.3 },
		{ { P2V_NAT_EI, P2V_NAT_RD, P2V_NAT_EI }, 7.7 },
		{ { P2V_NAT_EI, P2V_NAT_PP, P2V_NAT_HD }, 4.6 },
		{ { P2V_NAT_EI, P2V_NAT_PC, P2V_NAT_EI }, 4.4 },
		{ { P2V_NAT_PD, P2V_NAT_PP, P2V_NAT_PD }, 2.6 },
		{ { P2V_NAT_PD, P2V_NAT_PP, P2V_NAT_EI }, 0.7 },
		{ { P2V_NAT_PD, P2V_NAT_RD, P2V_NAT_EI }, 0.6 },
		{ { P2V_NAT_EI, P2V_NAT_PC, P2V_NAT_PD }, 0.6 },
		{ { P2V_NAT_EI, P2V_NAT_RD, P2V_NAT_HD }, 0.4 },
		{ { P2V_NAT_HD, P2V_NAT_RD, P2V_NAT_PD }, 0.2 },
	};
	double u = 100 * p2v_random_unit(r);
	size_t i = 0;

	while (i + 1 < sizeof all / sizeof all[0] && u >= all[i].percent)
		u -= all[i++].percent;
	return all[i].type;
}

static void draw_box(
	const struct p2v_population_conf *c, struct p2v_random *r, struct p2v_person *out)
{
	bool open = p2v_draw_chance(r, c->nat_open);

	out->hairpin = p2v_draw_chance(r, c->nat_hairpin);
	out->boxed = c->nat >= P2V_NATS_TYPE || (c->nat == P2V_NATS_REALISTIC && !open);
	out->nat = c->nat >= P2V_NATS_TYPE ? p2v_nat_type_at(c->nat - P2V_NATS_TYPE) : realistic(r);
}

/* ---- one viewer ---- */

/* Two points that are uniform in a unit square are 0.5120 apart in the median. */
#define MEDIAN_APART 0.5120

static void draw_place(
	const struct p2v_population_conf *c, struct p2v_random *r, struct p2v_person *out)
{
	double side = ((double)c->rtt / 2 - 2 * (double)c->access) / MEDIAN_APART;

	out->x = (int32_t)(side * p2v_random_unit(r));
	out->y = (int32_t)(side * p2v_random_unit(r));
}

static void draw_habits(
	const struct p2v_population_conf *c, struct p2v_random *r, struct p2v_person *out)
{
	double u = p2v_random_unit(r), abr = p2v_random_unit(r);

	out->free_rider = u < c->free_riders;
	out->polluter = !out->free_rider && u < c->free_riders + c->polluters;
	out->slow = !out->free_rider && !out->polluter &&
		    u < c->free_riders + c->polluters + c->slow;
	out->own_abr = abr < c->abr_buffer + c->abr_fixed;
	out->abr = abr < c->abr_buffer ? P2V_ABR_BUFFER : P2V_ABR_FIXED;
}

static uint64_t queue_of(const struct p2v_population_conf *c, double rate)
{
	double n = rate * (double)c->queue / 1e6;

	return n > QUEUE_LEAST ? (uint64_t)n : QUEUE_LEAST;
}

void p2v_person_draw(
	const struct p2v_population_conf *c, uint64_t seed, uint64_t number, struct p2v_person *out)
{
	uint64_t home = number / c->household;
	struct p2v_random line = stream(seed, "line", number), place = stream(seed, "place", home);
	struct p2v_random habits = stream(seed, "habits", number), nat = stream(seed, "nat", home);
	double up, down;

	memset(out, 0, sizeof *out);
	out->home = home;
	draw_box(c, &nat, out);
	draw_habits(c, &habits, out);
	draw_place(c, &place, out);
	draw_line(c, &line, &up, &down);
	if (out->slow && up > (double)c->slow_up / 8)
		up = (double)c->slow_up / 8;
	out->gives = up > 0 && !out->free_rider;
	out->upload = out->gives ? (uint64_t)up : 0;
	if (up < TRICKLE)
		up = TRICKLE;
	out->link = (struct p2v_link){ .up = (uint64_t)up,
		.down = (uint64_t)down,
		.delay = c->access,
		.queue = queue_of(c, down),
		.queue_up = queue_of(c, up),
		.loss = c->loss };
}

size_t p2v_person_class(const struct p2v_person *p)
{
	return p->boxed ? 1 + p2v_nat_type_number(p->nat) : 0;
}
