/* segments.c - the fragments of one Representation in one Period: by template, by list, or one
 * whole file. ISO/IEC 23009-1 5.3.9. */
#include <string.h>

#include "plugins/manifest/dash/dash.h"

/* Of an event without end, or with a long memory, so many fragments back are listed where a rule
 * makes them: nobody shares older ones. */
#define NEWEST UINT64_C(4096)

/* What tells of fragments, the lowest level first: what a lower one does not say, a higher one
 * does. */
struct info {
	const struct xml_node *v[DASH_LEVELS];
	size_t n;
};

struct fragments {
	struct dash *d;
	const struct dash_source *s;
	struct info info;
	struct dash_values values;
	uint64_t scale, offset, first;      /* timescale, presentationTimeOffset, startNumber */
	uint64_t last;                      /* endNumber; UINT64_MAX: none */
	p2v_usec early;                     /* [us] availabilityTimeOffset */
	struct p2v_str media;               /* template; absent: of a list */
	const struct xml_node *in_list;     /* the next SegmentURL; NULL: none, or by template */
	struct p2v_manifest_segment common; /* what all of them share */
	char init[DASH_URI_MAX];
	bool told; /* one of them was */
};

/* ---- inheritance ---- */

static void find_info(const struct dash_source *s, const char *kind, struct info *out)
{
	const struct xml_node *const levels[DASH_LEVELS] = { s->representation, s->adaptation,
		s->period->e };

	out->n = 0;
	for (size_t i = 0; i < DASH_LEVELS; i++) {
		const struct xml_node *e = xml_child(levels[i], kind);

		if (e)
			out->v[out->n++] = e;
	}
}

static const struct xml_node *with_attr(const struct info *x, const char *name)
{
	for (size_t i = 0; i < x->n; i++)
		if (xml_attr_of(x->v[i], name).p)
			return x->v[i];
	return NULL;
}

static const struct xml_node *child_of(const struct info *x, const char *name)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct xml_node *e = xml_child(x->v[i], name);

		if (e)
			return e;
	}
	return NULL;
}

static uint64_t number_of(struct fragments *f, const char *name, uint64_t otherwise)
{
	return telling_number(&f->d->telling, with_attr(&f->info, name), name, otherwise);
}

/* ---- one fragment ---- */

/* [us] on the presentation's time of a time in the media's own units. */
static p2v_usec place(const struct fragments *f, uint64_t t)
{
	p2v_usec start = f->s->period->start;

	return t >= f->offset ? start + words_usec(t - f->offset, f->scale)
			      : start - words_usec(f->offset - t, f->scale);
}

/* @return false: nothing more can be told */
static bool fill_media(struct fragments *f, struct p2v_manifest_segment *x, char *buf)
{
	const char *why;
	size_t n;

	if (!f->media.p) { /* a list */
		x->uri = xml_attr_of(f->in_list, "media");
		x->uri = x->uri.p ? x->uri : (struct p2v_str){ "", 0 };
		(void)dash_take_range(xml_attr_of(f->in_list, "mediaRange"), &x->range);
		f->in_list = xml_next(f->in_list, "SegmentURL");
		return true;
	}
	n = dash_fill(f->media, &f->values, buf, &why);
	if (n == 0) {
		telling_warn(&f->d->telling, f->s->representation,
			"the template '%.*s' has %s: its fragments are left out",
			WORDS_CUT(f->media), why);
		return false;
	}
	x->uri = (struct p2v_str){ buf, n };
	return true;
}

/* @param t  in the media's units: where it starts; span: how long it is
 * @return false: it is the last one */
static bool tell(struct fragments *f, uint64_t t, uint64_t span)
{
	struct dash *d = f->d;
	struct p2v_manifest_segment x = f->common;
	p2v_usec end = place(f, t + span);
	char buf[DASH_URI_MAX];

	x.t = place(f, t);
	x.dur = end - x.t;
	if (x.t >= f->s->period->end || (!f->media.p && !f->in_list))
		return false;
	f->values.time = t;
	if (!fill_media(f, &x, buf))
		return false;
	f->values.number++;
	if (end <= f->s->period->start)
		return true; /* media that came before the Period begins */
	x.dur += x.t < 0 ? x.t : 0;
	x.t = x.t > 0 ? x.t : 0;
	x.n = (uint64_t)x.t;
	x.disc = f->s->disc && !f->told;
	x.has_pdt = d->dynamic;
	x.pdt = d->available + x.t;
	f->told = true;
	return telling_segment(&d->telling, &x);
}

/* ---- by SegmentTimeline ---- */

/* [units] where the last run of a timeline ends that goes on as long as it can. */
static bool open_end(const struct fragments *f, uint64_t *out)
{
	const struct dash_period *p = f->s->period;
	p2v_usec end = p->end;
	double units;

	if (end == P2V_NEVER && f->d->dynamic)
		end = f->d->wall - f->d->available + f->early;
	if (end == P2V_NEVER || end < p->start)
		return false;
	units = (double)(end - p->start) * (double)f->scale / 1e6 + (double)f->offset;
	*out = units < 9e18 ? (uint64_t)(units + 0.5) : 0;
	return *out > 0;
}

/* How often a run of fragments comes. */
static uint64_t runs(struct fragments *f, const struct xml_node *e, uint64_t t, uint64_t span)
{
	struct p2v_str r = xml_attr_of(e, "r"), next = xml_attr_of(xml_next(e, "S"), "t");
	uint64_t n = 0, end;

	if (!r.p)
		return 1;
	if (r.n && r.p[0] == '-') {
		if (next.p ? !words_number(next, INT64_MAX, &end) : !open_end(f, &end)) {
			telling_warn(&f->d->telling, e,
				"nothing says how often it comes: once is taken");
			return 1;
		}
		if (end <= t)
			return 0;
		/* Before another run it ends where that begins; else only whole ones are there. */
		return (end - t + (next.p || f->s->period->end != P2V_NEVER ? span - 1 : 0)) / span;
	}
	if (!words_number(r, INT32_MAX, &n))
		telling_warn(&f->d->telling, e, "'%.*s' is no number: once is taken", WORDS_CUT(r));
	return n + 1;
}

static void by_timeline(struct fragments *f, const struct xml_node *timeline)
{
	uint64_t t = 0, span, number = f->values.number;

	for (const struct xml_node *e = xml_child(timeline, "S"); e; e = xml_next(e, "S")) {
		uint64_t n;

		if (!words_number(xml_attr_of(e, "d"), INT64_MAX / 4, &span) || span == 0) {
			telling_warn(&f->d->telling, e,
				"a run of fragments without a duration is left out");
			continue;
		}
		if (xml_attr_of(e, "t").p)
			t = telling_number(&f->d->telling, e, "t", t);
		if (xml_attr_of(e, "n").p)
			number = telling_number(&f->d->telling, e, "n", number);
		n = runs(f, e, t, span);
		for (f->values.number = number; n; n--, number++) {
			if (t > INT64_MAX || number > f->last || !tell(f, t, span))
				return;
			t += span;
		}
	}
}

/* ---- by duration ---- */

/* [us] the end of fragment i - 1, which is the start of fragment i, from the Period's start. */
static p2v_usec edge(const struct fragments *f, uint64_t i, uint64_t span)
{
	return words_usec(i * span, f->scale);
}

/* How many whole fragments there are within so long. The estimate is off by one at most. */
static uint64_t whole(const struct fragments *f, p2v_usec length, uint64_t span)
{
	double n = (double)length * (double)f->scale / 1e6 / (double)span;
	uint64_t i;

	if (length <= 0 || n * (double)span > 4e18)
		return 0;
	i = (uint64_t)n;
	while (i && edge(f, i, span) > length)
		i--;
	while (edge(f, i + 1, span) <= length)
		i++;
	return i;
}

/* Fragments from *from to *to - 1 can be fetched now. */
static void window(struct fragments *f, uint64_t span, uint64_t *from, uint64_t *to)
{
	struct dash *d = f->d;
	const struct dash_period *p = f->s->period;
	p2v_usec length = p->end - p->start, now = d->wall - d->available + f->early - p->start;
	int64_t next;

	*from = 0;
	if (p->end == P2V_NEVER)
		length = P2V_NEVER;
	if (length != P2V_NEVER) {
		*to = whole(f, length, span);
		*to += edge(f, *to, span) < length;
	}
	if (!d->dynamic)
		return;
	if (length == P2V_NEVER || now < length) {
		*to = whole(f, now, span);
		next = d->available + p->start - f->early + edge(f, *to + 1, span);
		d->again = d->again == 0 || next < d->again ? next : d->again;
	}
	if (d->window != P2V_NEVER && now > d->window)
		*from = whole(f, now - d->window, span);
	if (*from<*to && * to - *from> NEWEST)
		*from = *to - NEWEST;
}

static void by_duration(struct fragments *f, uint64_t span)
{
	uint64_t from = 0, to = 0;

	if (!f->d->dynamic && f->s->period->end == P2V_NEVER && f->media.p) {
		telling_warn(&f->d->telling, f->s->representation,
			"nothing says how long it is: it is left out");
		return;
	}
	if (f->media.p)
		window(f, span, &from, &to);
	else /* a list has as many as it has */
		to = UINT64_MAX;
	if (f->last != UINT64_MAX && f->last - f->first + 1 < to)
		to = f->last - f->first + 1;
	f->values.number = f->first + from;
	for (uint64_t i = from; i < to && i * span <= INT64_MAX; i++)
		if (!tell(f, f->offset + i * span, span))
			return;
}

/* ---- what all of them share ---- */

static void find_init(struct fragments *f)
{
	const struct xml_node *e = child_of(&f->info, "Initialization");
	struct p2v_str tmpl = xml_attr_of(with_attr(&f->info, "initialization"), "initialization");
	const char *why;
	size_t n;

	if (tmpl.p) {
		n = dash_fill(tmpl, &f->values, f->init, &why);
		if (n)
			f->common.map.uri = (struct p2v_str){ f->init, n };
		else
			telling_warn(&f->d->telling, f->s->representation,
				"the template '%.*s' has %s", WORDS_CUT(tmpl), why);
	} else if (e) {
		struct p2v_str range = xml_attr_of(e, "range");

		f->common.map.uri = xml_attr_of(e, "sourceURL");
		if (!f->common.map.uri.p)
			f->common.map.uri = (struct p2v_str){ "", 0 };
		if (range.p && !dash_take_range(range, &f->common.map.range))
			telling_warn(&f->d->telling, e, "'%.*s' is no range", WORDS_CUT(range));
	}
}

/* Clear, or by which scheme it is protected; a key's own place is the player's business. */
static void find_key(struct fragments *f)
{
	const struct xml_node *const levels[] = { f->s->representation, f->s->adaptation };

	for (size_t i = 0; i < 2; i++)
		for (const struct xml_node *e = xml_child(levels[i], "ContentProtection"); e;
			e = xml_next(e, "ContentProtection")) {
			struct p2v_str value = xml_attr_of(e, "value");

			if (!f->common.key.method.p)
				f->common.key.method = (struct p2v_str){ "CENC", 4 };
			if (words_is(xml_attr_of(e, "schemeIdUri"),
				    "urn:mpeg:dash:mp4protection:2011") &&
				value.n)
				f->common.key.method = value;
		}
}

static void find_common(struct fragments *f)
{
	struct p2v_str early = xml_attr_of(
		with_attr(&f->info, "availabilityTimeOffset"), "availabilityTimeOffset");
	char as_duration[40];
	p2v_usec us;

	f->scale = number_of(f, "timescale", 1);
	if (f->scale == 0 || f->scale > UINT32_MAX) {
		telling_warn(&f->d->telling, f->s->representation,
			"its time scale cannot be: 1 is taken");
		f->scale = 1;
	}
	f->offset = number_of(f, "presentationTimeOffset", 0);
	f->first = f->values.number = number_of(f, "startNumber", 1);
	f->last = number_of(f, "endNumber", UINT64_MAX);
	if (f->last < f->first)
		f->last = f->first;
	if (early.p && early.n < 30) {
		(void)snprintf(as_duration, sizeof as_duration, "PT%.*sS", P2V_STR(early));
		if (dash_take_duration((struct p2v_str){ as_duration, strlen(as_duration) }, &us))
			f->early = us;
	}
	find_init(f);
	find_key(f);
}

static void by_rule(struct fragments *f, const char *kind)
{
	const struct xml_node *timeline, *e;
	uint64_t span;

	find_common(f);
	if (strcmp(kind, "SegmentTemplate") == 0) {
		e = with_attr(&f->info, "media");
		f->media = xml_attr_of(e, "media");
	} else {
		f->in_list = e = child_of(&f->info, "SegmentURL");
	}
	if (!e) {
		telling_warn(
			&f->d->telling, f->info.v[0], "it says nothing of where its fragments are");
		return;
	}
	timeline = child_of(&f->info, "SegmentTimeline");
	span = number_of(f, "duration", 0);
	if (timeline)
		by_timeline(f, timeline);
	else if (span && span < INT64_MAX / 4)
		by_duration(f, span);
	else
		telling_warn(&f->d->telling, f->info.v[0],
			"it says nothing of how long its fragments are");
}

/* ---- one file ---- */

/* A file with an index (sidx), which tells of its fragments; without one it is not listed, as
 * nobody wants all of it at once. */
static void one_file(struct fragments *f)
{
	struct dash *d = f->d;
	const struct xml_node *e = with_attr(&f->info, "indexRange");
	struct p2v_manifest_child c = { .uri = { "", 0 } };
	char context[128 + DASH_SET_MAX], set[DASH_SET_MAX];

	find_common(f);
	if (!e || !dash_take_range(xml_attr_of(e, "indexRange"), &c.range))
		return;
	c.context.p = context;
	c.context.n = (size_t)snprintf(context, sizeof context, "sidx %llu %llu %llu %.*s %.*s",
		(unsigned long long)(c.range.off + c.range.len),
		(unsigned long long)f->s->period->start, (unsigned long long)f->values.bandwidth,
		P2V_STR(dash_set(f->s, set)), P2V_STR(dash_type(f->s)));
	telling_child(&d->telling, &c);
}

void dash_segments(struct dash *d, const struct dash_source *s)
{
	static const char *const kinds[] = { "SegmentTemplate", "SegmentList", "SegmentBase" };
	const struct xml_node *const levels[] = { d->mpd, s->period->e, s->adaptation,
		s->representation };
	struct fragments f = { .d = d, .s = s, .values = { .id = { NULL, 0 } } };

	if (d->dynamic && !s->period->placed)
		return; /* announced, not there yet */
	f.values.id = xml_attr_of(s->representation, "id");
	(void)words_number(
		xml_attr_of(s->representation, "bandwidth"), INT64_MAX, &f.values.bandwidth);
	dash_base(d, levels, 4);
	for (size_t i = 0; i < 2; i++) {
		find_info(s, kinds[i], &f.info);
		if (f.info.n) {
			by_rule(&f, kinds[i]);
			return;
		}
	}
	find_info(s, kinds[2], &f.info);
	if (f.info.n)
		one_file(&f);
}
