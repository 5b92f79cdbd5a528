/* xml.h - a manifest in XML as a tree: elements with their attributes, their text, and where they
 * stand in the body, so that a URI can be put in the place of another. Read by expat; document type
 * declarations are refused, and with them every entity bomb. */
#ifndef P2V_MANIFEST_XML_H
#define P2V_MANIFEST_XML_H

#include <peer2view/manifest.h>

/** [B] A tree may take this much: a body of 16 MiB whose elements have attributes stays below. */
#define XML_MEMORY_MAX ((size_t)384 << 20)
#define XML_DEPTH_MAX  32u

struct xml_attr {
	struct p2v_str name, value; /* the name as written, the value without escapes */
};

struct xml_node {
	struct p2v_str name;    /* without its prefix */
	struct p2v_str text;    /* of an element without children, trimmed; absent: none */
	struct xml_attr *attrs; /* shape (n_attrs) */
	uint32_t n_attrs, line;
	struct xml_node *parent, *first, *last, *next;
	size_t off, text_off;   /* [B] of its start tag, of its text, in the body */
	uint32_t len, text_len; /* [B] the same; text_len 0: it has no one place */
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
 * XML_MEMORY_MAX; P2V_ENOMEM */
P2V_MUST_USE int xml_read(struct p2v_str body, struct xml_tree *t, struct p2v_err *err);
void xml_free(struct xml_tree *t);

/** @return room that lasts as long as the tree, for what is worked out from it; NULL: no memory, or
 * over the bound */
void *xml_take(struct xml_tree *t, size_t size);

/** @return the attribute's value; absent: there is none. xml_attr_of(NULL, …) is absent. */
struct p2v_str xml_attr_of(const struct xml_node *e, const char *name);
/** @return the first child of that name, the next sibling of that name; NULL: none. e may be NULL.
 */
struct xml_node *xml_child(const struct xml_node *e, const char *name);
struct xml_node *xml_next(const struct xml_node *e, const char *name);
/** @return the element's own text, never absent */
struct p2v_str xml_text(const struct xml_node *e);

/** Where an attribute's value stands in the body.
 * @return false: there is no such attribute, or no place to tell */
bool xml_attr_place(const struct xml_tree *t, const struct xml_node *e, const char *name,
	struct p2v_manifest_uri *out);
/** It is a template: from the first `mark` on. */
void xml_fill_from(const struct xml_tree *t, struct p2v_manifest_uri *u, char mark);
/** Where an element's text stands. */
bool xml_text_place(
	const struct xml_tree *t, const struct xml_node *e, struct p2v_manifest_uri *out);

#endif
