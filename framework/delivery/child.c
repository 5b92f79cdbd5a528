/* child.c - manifests that mean something only with another one, which told of them: those that a
 * master lists and hands something to, bootstraps, and indexes, which are a range of a file.
 * Indexes are fetched when a player asks for anything of their file: it reads the index itself, and
 * will ask for what that tells of. */
#include <string.h>

#include "framework/delivery/inside.h"

enum { CHILDREN_MAX = 32 }; /* of one manifest that are read before a player asks */

static bool is_child(const struct p2v_doc_child *c, const struct p2v_playlist *p)
{
	return c->at.url && p2v_manifest_range_same(&c->range, &p->range) &&
	       strcmp(c->at.url, p->url) == 0;
}

const struct p2v_doc_child *p2v_child_of(
	const struct p2v_playlist *p, const struct p2v_doc **parent)
{
	P2V_LIST_EACH (it, &p->feed->playlists) {
		const struct p2v_playlist *q = P2V_OF(it, struct p2v_playlist, in_feed);

		for (size_t i = 0; q->doc && i < q->doc->n_children; i++)
			if (is_child(&q->doc->children[i], p)) {
				*parent = q->doc;
				return &q->doc->children[i];
			}
	}
	return NULL;
}

static bool lists(const struct p2v_doc *d, const char *url)
{
	for (size_t i = 0; i < d->n_variants; i++)
		if (d->variants[i].at.url && strcmp(d->variants[i].at.url, url) == 0)
			return true;
	for (size_t i = 0; i < d->n_renditions; i++)
		if (d->renditions[i].at.url && strcmp(d->renditions[i].at.url, url) == 0)
			return true;
	return false;
}

static bool tells_of(const struct p2v_playlist *q, const struct p2v_playlist *p)
{
	return q->doc && q->doc->context && q->viewer_tag == p->viewer_tag && !p->range.set &&
	       lists(q->doc, p->url);
}

const struct p2v_playlist *p2v_master_of(const struct p2v_playlist *p)
{
	const struct p2v_playlist *found = NULL;

	P2V_LIST_EACH (it, &p->feed->playlists) {
		const struct p2v_playlist *q = P2V_OF(it, struct p2v_playlist, in_feed);

		if (tells_of(q, p) && (!found || q->asked > found->asked))
			found = q;
	}
	return found;
}

bool p2v_children_alike(const struct p2v_rendition *a, const struct p2v_rendition *b)
{
	const struct p2v_doc *of_a = NULL, *of_b = NULL;

	return a->set && b->set && strcmp(a->set, b->set) == 0 &&
	       p2v_child_of(a->playlist, &of_a) && p2v_child_of(b->playlist, &of_b) && of_a == of_b;
}

static uint64_t next_above(const struct p2v_rendition *r)
{
	uint64_t next = 0;

	P2V_LIST_EACH (it, &r->feed->renditions) {
		const struct p2v_rendition *q = P2V_OF(it, struct p2v_rendition, in_feed);
		uint64_t bw = q->timeline.bitrate;

		if (bw > r->timeline.bitrate && (next == 0 || bw < next) &&
			p2v_children_alike(r, q))
			next = bw;
	}
	return next;
}

void p2v_children_rank(struct p2v_rendition *r)
{
	P2V_LIST_EACH (it, &r->feed->renditions) {
		struct p2v_rendition *q = P2V_OF(it, struct p2v_rendition, in_feed);

		if (p2v_children_alike(r, q))
			q->next_bitrate = next_above(q);
	}
}

/* A player may read the fragments of one rendition by the bootstrap of another, as all are cut
 * alike (yt-dlp does): each bootstrap is read once, so that it is known whose fragments those are.
 * From then on that is followed whose fragments are read. */
void p2v_children_read(struct p2v_playlist *p)
{
	for (size_t i = 0; i < p->doc->n_children && i < CHILDREN_MAX; i++) {
		const struct p2v_doc_child *c = &p->doc->children[i];

		if (c->at.url && !c->range.set)
			p2v_playlist_read(p->feed, c->at.url, &c->range);
	}
}

bool p2v_children_name(const struct p2v_feed *feed, const char *url)
{
	P2V_LIST_EACH (it, &feed->playlists) {
		const struct p2v_playlist *q = P2V_OF(it, struct p2v_playlist, in_feed);

		for (size_t i = 0; q->doc && i < q->doc->n_children; i++) {
			const struct p2v_doc_child *c = &q->doc->children[i];

			if (c->at.url && !c->range.set && strcmp(c->at.url, url) == 0)
				return true;
		}
	}
	return false;
}

void p2v_children_read_file(struct p2v_feed *feed, const char *url)
{
	P2V_LIST_EACH (it, &feed->playlists) {
		const struct p2v_playlist *q = P2V_OF(it, struct p2v_playlist, in_feed);

		for (size_t i = 0; q->doc && i < q->doc->n_children; i++) {
			const struct p2v_doc_child *c = &q->doc->children[i];

			if (c->range.set && c->at.url && strcmp(c->at.url, url) == 0)
				p2v_playlist_read(feed, url, &c->range);
		}
	}
}
