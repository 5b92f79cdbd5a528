/* xml.h - a manifest in XML as a tree: elements with their attributes, their text, and where they
 * stand in the body, so that a URI can be put in the place of another. Read by expat; document type
 * declarations are refused, and with them every entity bomb. */
#ifndef P2V_MANIFEST_XML_H
#define P2V_MANIFEST_XML_H

#include <peer2view/manifest.h>

#include "plugins/manifest/shared/words.h"

/** [B] A tree may take this much: a body of 16 MiB stays below. */
#define XML_MEMORY_MAX ((size_t)384 << 20)
#define XML_DEPTH_MAX  32u

struct xml_attr {
	const struct p2v_str *name; /* as written */
	uint32_t at, n; /* [B] where its value stands behind the element, without escapes */
};

struct xml_text {
	struct p2v_str text; /* trimmed */
	uint32_t off, len;   /* [B] where it stands in the body; len 0: it has no one place */
};

struct xml_node {
	const struct p2v_str *name; /* without its prefix */
	struct xml_node *parent, *first, *next;
	const struct xml_text *own; /* of an element without children; NULL: none */
	uint32_t off, len;          /* [B] where its start tag stands in the body */
	uint32_t line, n_attrs;
	struct xml_attr attrs[]; /* shape (n_attrs) */
};

struct xml_tree {
	struct xml_node *root;
	struct p2v_str body;
	bool placed; /* the body is read byte by byte as ASCII has them: places can be told */
	struct xml_chunk *memory;
};

/** Read a body.
 * @param body  [in] any bytes; borrowed as long as the tree is used
 * @param t     [out] freed by xml_free, which is allowed after an error, too
 * @return P2V_OK; P2V_EPARSE with err naming the line; P2V_ELIMIT: it takes more than
 * XML_MEMORY_MAX, or the body is of 4 GiB; P2V_ENOMEM */
P2V_MUST_USE int xml_read(struct p2v_str body, struct xml_tree *t, struct p2v_err *err);
void xml_free(struct xml_tree *t);

/** @return room that lasts as long as the tree, for what is worked out from it, aligned for
 * pointers and uint64_t; NULL: no memory, or over the bound */
void *xml_take(struct xml_tree *t, size_t size);

/** @return the attribute's value; absent: there is none. e may be NULL. */
struct p2v_str xml_attr(const struct xml_node *e, struct p2v_str name);
/** @return e itself or the first sibling behind it of that name; NULL: none. e may be NULL. */
struct xml_node *xml_named(struct xml_node *e, struct p2v_str name);

static inline bool xml_is(const struct xml_node *e, const char *name)
{
	return words_is(*e->name, name);
}

static inline struct p2v_str xml_attr_of(const struct xml_node *e, const char *name)
{
	return xml_attr(e, words_of(name));
}

/** @return the first child of that name, the next sibling of that name */
static inline struct xml_node *xml_child(const struct xml_node *e, const char *name)
{
	return e ? xml_named(e->first, words_of(name)) : NULL;
}

static inline struct xml_node *xml_next(const struct xml_node *e, const char *name)
{
	return e ? xml_named(e->next, words_of(name)) : NULL;
}

/** @return the element's own text, never absent */
struct p2v_str xml_text(const struct xml_node *e);

/** Where an attribute's value stands in the body.
 * @return false: there is no such attribute, or no place to tell */
bool xml_attr_place(const struct xml_tree *t, const struct xml_node *e, const char *name,
	struct p2v_manifest_uri *out);
/** It is a template: from the first `mark` on. */
void xml_fill_from(const struct xml_tree *t, struct p2v_manifest_uri *u, char mark);
/** Where an element's text stands. */
bool xml_text_place(const struct xml_node *e, struct p2v_manifest_uri *out);

#endif
