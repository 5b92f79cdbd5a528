/* doc_json.c - the neutral dump of a document (sdk/doc/manifest-json.md). Keys are written in the
 * order of the alphabet, because p2v_json writes what it is told in the order it is told. */
#include "framework/stream/doc.h"

static void text(struct p2v_json *j, const char *key, const char *v)
{
	if (v)
		p2v_json_text(j, key, v);
}

static void number(struct p2v_json *j, const char *key, uint64_t v)
{
	if (v)
		p2v_json_u64(j, key, v);
}

static void range(struct p2v_json *j, const struct p2v_manifest_range *r)
{
	if (!r->set)
		return;
	p2v_json_open(j, "range", '[');
	p2v_json_u64(j, NULL, r->off);
	p2v_json_u64(j, NULL, r->len);
	p2v_json_close(j, ']');
}

static void date(struct p2v_json *j, const char *key, int64_t us)
{
	char buf[P2V_DATE_TEXT];

	p2v_json_text(j, key, p2v_date_text(us, buf));
}

/* ---- fragments ---- */

static void key(struct p2v_json *j, const struct p2v_doc_segment *s)
{
	char iv[33];

	if (!s->key)
		return;
	p2v_json_open(j, "key", '{');
	if (s->key->has_iv)
		p2v_json_text(j, "iv", p2v_hex(s->key->iv, sizeof s->key->iv, iv));
	p2v_json_text(j, "method", s->key->method);
	text(j, "uri", s->key->at.uri);
	text(j, "url", s->key->at.url);
	p2v_json_close(j, '}');
}

static void map(struct p2v_json *j, const struct p2v_doc_segment *s)
{
	if (!s->init)
		return;
	p2v_json_open(j, "map", '{');
	range(j, &s->init->range);
	text(j, "uri", s->init->at.uri);
	text(j, "url", s->init->at.url);
	p2v_json_close(j, '}');
}

/* @param numbered  the fragment's number is told, too */
static void part(struct p2v_json *j, const struct p2v_doc_part *p, bool numbered)
{
	p2v_json_open(j, NULL, '{');
	p2v_json_i64(j, "dur_us", p->dur);
	p2v_json_bool(j, "gap", p->gap);
	p2v_json_u64(j, "i", p->i);
	p2v_json_bool(j, "independent", p->independent);
	if (numbered)
		p2v_json_u64(j, "n", p->n);
	range(j, &p->range);
	text(j, "uri", p->at.uri);
	text(j, "url", p->at.url);
	p2v_json_close(j, '}');
}

/* Hints are told elsewhere: they are not there yet. */
static void parts(struct p2v_json *j, const struct p2v_doc_part *v, size_t n, bool numbered)
{
	bool open = false;

	for (size_t i = 0; i < n; i++) {
		if (v[i].hint)
			continue;
		if (!open)
			p2v_json_open(j, "parts", '[');
		open = true;
		part(j, &v[i], numbered);
	}
	if (open)
		p2v_json_close(j, ']');
}

static void segment(struct p2v_json *j, const struct p2v_doc_segment *s)
{
	p2v_json_open(j, NULL, '{');
	p2v_json_bool(j, "disc", s->disc);
	p2v_json_i64(j, "dur_us", s->dur);
	p2v_json_bool(j, "gap", s->gap);
	key(j, s);
	map(j, s);
	p2v_json_u64(j, "n", s->n);
	parts(j, s->parts, s->n_parts, false);
	if (s->has_pdt)
		date(j, "pdt", s->pdt);
	range(j, &s->range);
	p2v_json_i64(j, "t_us", s->t);
	text(j, "uri", s->at.uri);
	text(j, "url", s->at.url);
	p2v_json_close(j, '}');
}

static void track(struct p2v_json *j, const struct p2v_doc_track *t)
{
	p2v_json_open(j, NULL, '{');
	number(j, "bw", t->bw);
	parts(j, t->parts, t->n_parts, true);
	p2v_json_open(j, "segments", '[');
	for (size_t i = 0; i < t->n; i++)
		segment(j, &t->segments[i]);
	p2v_json_close(j, ']');
	if (t->type && *t->type)
		p2v_json_text(j, "type", t->type);
	text(j, "variant", t->variant);
	p2v_json_close(j, '}');
}

/* ---- variants, renditions, low latency ---- */

static void variant(struct p2v_json *j, const struct p2v_doc_variant *v)
{
	p2v_json_open(j, NULL, '{');
	text(j, "audio", v->audio);
	p2v_json_u64(j, "avg_bw", v->avg_bw);
	p2v_json_u64(j, "bw", v->bw);
	text(j, "codecs", v->codecs);
	number(j, "h", v->h);
	text(j, "id", v->id);
	p2v_json_bool(j, "iframes", v->iframes);
	text(j, "subtitles", v->subtitles);
	text(j, "uri", v->at.uri);
	text(j, "url", v->at.url);
	text(j, "video", v->video);
	number(j, "w", v->w);
	p2v_json_close(j, '}');
}

static void rendition(struct p2v_json *j, const struct p2v_doc_rendition *r)
{
	p2v_json_open(j, NULL, '{');
	p2v_json_bool(j, "default", r->dflt);
	text(j, "group", r->group);
	text(j, "lang", r->lang);
	text(j, "name", r->name);
	text(j, "type", r->type);
	text(j, "uri", r->at.uri);
	text(j, "url", r->at.url);
	p2v_json_close(j, '}');
}

static const struct p2v_doc_part *find_hint(const struct p2v_doc *d)
{
	for (size_t i = 0; i < d->n_tracks; i++)
		for (size_t k = 0; k < d->tracks[i].n_parts; k++)
			if (d->tracks[i].parts[k].hint)
				return &d->tracks[i].parts[k];
	return NULL;
}

static void low_latency(struct p2v_json *j, const struct p2v_doc *d)
{
	const struct p2v_doc_part *hint = find_hint(d);
	const struct p2v_manifest_head *h = &d->head;

	if (!hint && !h->can_block && h->part_hold == 0 && h->part_target == 0 &&
		h->skip_until == 0 && h->skipped == 0)
		return;
	p2v_json_open(j, "ll", '{');
	p2v_json_bool(j, "can_block", h->can_block);
	if (hint) {
		p2v_json_open(j, "hint", '{');
		range(j, &hint->range);
		p2v_json_text(j, "type", "PART");
		text(j, "uri", hint->at.uri);
		text(j, "url", hint->at.url);
		p2v_json_close(j, '}');
	}
	number(j, "part_hold_us", (uint64_t)h->part_hold);
	number(j, "part_target_us", (uint64_t)h->part_target);
	number(j, "skip_until_us", (uint64_t)h->skip_until);
	number(j, "skipped", h->skipped);
	p2v_json_close(j, '}');
}

static const char *kind_name(enum p2v_manifest_kind kind)
{
	switch (kind) {
	case P2V_MANIFEST_MASTER: return "master";
	case P2V_MANIFEST_MEDIA: return "media";
	case P2V_MANIFEST_PRESENTATION: break;
	}
	return "presentation";
}

static void errors(struct p2v_json *j, const struct p2v_doc *d)
{
	p2v_json_open(j, "errors", '[');
	for (size_t i = 0; i < d->n_warnings; i++)
		p2v_json_text(j, NULL, d->warnings[i]);
	p2v_json_close(j, ']');
}

static void children(struct p2v_json *j, const struct p2v_doc *d)
{
	if (d->n_children == 0)
		return;
	p2v_json_open(j, "children", '[');
	for (size_t i = 0; i < d->n_children; i++) {
		p2v_json_open(j, NULL, '{');
		range(j, &d->children[i].range);
		text(j, "uri", d->children[i].at.uri);
		text(j, "url", d->children[i].at.url);
		p2v_json_close(j, '}');
	}
	p2v_json_close(j, ']');
}

static void renditions(struct p2v_json *j, const struct p2v_doc *d)
{
	if (d->n_renditions == 0)
		return;
	p2v_json_open(j, "renditions", '[');
	for (size_t i = 0; i < d->n_renditions; i++)
		rendition(j, &d->renditions[i]);
	p2v_json_close(j, ']');
}

void p2v_doc_json(const struct p2v_doc *d, struct p2v_text *out)
{
	const struct p2v_manifest_head *h = &d->head;
	bool master = h->kind == P2V_MANIFEST_MASTER;
	struct p2v_json j = { out, false };

	p2v_json_open(&j, NULL, '{');
	if (*d->base)
		p2v_json_text(&j, "base", d->base);
	children(&j, d);
	if (!master) {
		p2v_json_u64(&j, "disc_seq", h->disc_seq);
		p2v_json_bool(&j, "endlist", h->endlist);
	}
	errors(&j, d);
	p2v_json_text(&j, "kind", kind_name(h->kind));
	p2v_json_bool(&j, "live", h->live);
	low_latency(&j, d);
	p2v_json_text(&j, "proto", d->proto);
	renditions(&j, d);
	if (!master) {
		p2v_json_u64(&j, "seq", h->seq);
		number(&j, "target_us", (uint64_t)h->target);
		p2v_json_open(&j, "tracks", '[');
		for (size_t i = 0; i < d->n_tracks; i++)
			track(&j, &d->tracks[i]);
		p2v_json_close(&j, ']');
	}
	if (h->kind != P2V_MANIFEST_MEDIA) {
		p2v_json_open(&j, "variants", '[');
		for (size_t i = 0; i < d->n_variants; i++)
			variant(&j, &d->variants[i]);
		p2v_json_close(&j, ']');
	}
	number(&j, "version", h->version);
	p2v_json_close(&j, '}');
}
