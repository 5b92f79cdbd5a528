/* places.c - where the URIs of an MPD stand, and what they are relative to. */
#include <string.h>

#include "plugins/manifest/dash/dash.h"

void dash_base(struct dash *d, const struct xml_node *const *levels, size_t n)
{
	struct p2v_str uris[DASH_BASES];
	size_t k = 0;

	for (size_t i = 0; i < n && k < DASH_BASES; i++) {
		/* Of several the first counts; the others are for when that one fails. */
		const struct xml_node *e = xml_child(levels[i], "BaseURL");

		if (xml_text(e).n)
			uris[k++] = xml_text(e);
	}
	telling_base(&d->telling, uris, k);
}

struct walk {
	struct dash *d;
	bool based; /* there is a BaseURL */
	const struct xml_node *levels[DASH_BASES];
	size_t n; /* levels whose BaseURL counts here */
};

static void tell(struct walk *w, size_t n, struct p2v_manifest_uri *u, enum p2v_uri_role role)
{
	struct dash *d = w->d;

	dash_base(d, w->levels, n);
	u->role = role;
	telling_uri(&d->telling, u);
}

/* What is relative to a folder may be relative to several, as those below have bases of their own,
 * and follows wherever those are led. Where there are none it is told as all else. */
static bool leads_away(const struct walk *w, struct p2v_str uri)
{
	const char *colon = uri.n ? memchr(uri.p, ':', uri.n) : NULL;

	return uri.n && (!w->based || uri.p[0] == '/' || colon);
}

/* Attributes of one element stand in any order. */
static void tell_attrs(struct walk *w, const struct xml_node *e)
{
	static const char *const names[] = { "media", "initialization", "index",
		"bitstreamSwitching", "sourceURL" };
	struct p2v_manifest_uri v[sizeof names / sizeof names[0]];
	size_t n = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct p2v_manifest_uri u;
		size_t at = n;

		if (!leads_away(w, xml_attr_of(e, names[i])) ||
			!xml_attr_place(&w->d->tree, e, names[i], &u))
			continue;
		if (xml_is(e, "SegmentTemplate"))
			xml_fill_from(&w->d->tree, &u, '$');
		for (; at && v[at - 1].off > u.off; at--)
			v[at] = v[at - 1];
		v[at] = u;
		n++;
	}
	for (size_t i = 0; i < n; i++)
		tell(w, w->n, &v[i], P2V_URI_MEDIA);
}

static bool is_level(const struct xml_node *e)
{
	return xml_is(e, "MPD") || xml_is(e, "Period") || xml_is(e, "AdaptationSet") ||
	       xml_is(e, "Representation");
}

static bool tells_media(const struct xml_node *e)
{
	static const char *const names[] = { "SegmentTemplate", "SegmentURL", "Initialization",
		"RepresentationIndex", "BitstreamSwitching" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (xml_is(e, names[i]))
			return true;
	return false;
}

static void walk(struct walk *w, const struct xml_node *e)
{
	bool level = is_level(e) && w->n < DASH_BASES;
	struct p2v_manifest_uri u;

	if (xml_is(e, "SegmentTimeline")) /* the longest of all, and without a URI */
		return;
	if (level)
		w->levels[w->n++] = e;
	if (xml_is(e, "BaseURL") && xml_text_place(e, &u))
		tell(w, w->n ? w->n - 1 : 0, &u, P2V_URI_BASE);
	else if ((xml_is(e, "Location") || xml_is(e, "PatchLocation")) && xml_text_place(e, &u))
		tell(w, 0, &u, P2V_URI_MANIFEST);
	else if (tells_media(e))
		tell_attrs(w, e);
	for (const struct xml_node *c = e->first; c && w->d->telling.rc == P2V_OK; c = c->next)
		walk(w, c);
	if (level)
		w->n--;
}

static bool has_base(const struct xml_node *e)
{
	for (const struct xml_node *c = e->first; c; c = c->next)
		if (xml_is(c, "BaseURL") || (is_level(c) && has_base(c)))
			return true;
	return false;
}

void dash_places(struct dash *d)
{
	struct walk w = { .d = d, .based = has_base(d->mpd) };

	walk(&w, d->mpd);
	dash_base(d, NULL, 0);
}
