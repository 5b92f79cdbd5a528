/* route.c - from a player's target to the CDN's URL and back: mounts, the open form, the proxy
 * form. Never an open proxy: a host is reached because the configuration names it, or because a
 * manifest or redirect of a channel did; a channel's origin is reached below its folder alone. */
#include <stdlib.h>
#include <string.h>

#include "framework/base/url.h"
#include "framework/gateway/inside.h"

#define OPEN_FORM "/x/"

static struct p2v_host *host_find(const struct p2v_gateway *g, struct p2v_str origin)
{
	P2V_LIST_EACH (it, &g->hosts) {
		struct p2v_host *h = P2V_OF(it, struct p2v_host, in_gateway);

		if (p2v_str_is(origin, h->origin))
			return h;
	}
	return NULL;
}

static struct p2v_host *host_add(struct p2v_gateway *g, struct p2v_str origin)
{
	struct p2v_host *h;

	if (g->n_hosts >= P2V_HOSTS_MAX)
		return NULL;
	h = calloc(1, sizeof *h);
	if (!h || !(h->origin = p2v_str_dup(origin))) {
		free(h);
		return NULL;
	}
	p2v_list_push(&g->hosts, &h->in_gateway);
	g->n_hosts++;
	return h;
}

/* An opened host is a channel of its own, made when it is first used. */
static int open_host(struct p2v_gateway *g, struct p2v_str origin, struct p2v_host **out)
{
	struct p2v_host *h = host_find(g, origin);
	struct p2v_text mount = { 0 }, folder = { 0 };
	struct p2v_channel_conf conf = {
		.swarm = "", .identity = P2V_IDENTITY_PATH_QUERY, .identity_regex = ""
	};
	struct p2v_err err;
	size_t scheme;
	int rc;

	if (!h && !(h = host_add(g, origin)))
		return P2V_ENOMEM;
	*out = h;
	if (h->feed)
		return P2V_OK;
	scheme = p2v_str_find(origin, ':');
	p2v_text_printf(&mount, OPEN_FORM "%.*s/%.*s", (int)scheme, origin.p,
		(int)(origin.n - scheme - 3), origin.p + scheme + 3);
	p2v_text_printf(&folder, "%s/", h->origin);
	conf.mount = mount.oom ? "/" : mount.p;
	conf.origin = folder.oom ? "" : folder.p;
	rc = p2v_channel_init(&h->channel, h->origin, &conf, &g->node->crypto, &err);
	p2v_text_fini(&mount);
	p2v_text_fini(&folder);
	if (rc < 0)
		return rc;
	h->own_channel = true;
	h->channel.conf.mount = h->channel.mount;
	h->channel.conf.origin = h->channel.origin;
	h->feed = p2v_delivery_feed(g->delivery, &h->channel);
	return h->feed ? P2V_OK : P2V_ENOMEM;
}

/* Whether the configuration opens this host; a name without a port opens the scheme's own. */
static bool opened(const struct p2v_gateway *g, const struct p2v_url *u)
{
	struct p2v_str rest = p2v_str_of(g->conf->open_hosts), line, name;
	char with_port[280];

	(void)snprintf(with_port, sizeof with_port, "%.*s:%u", P2V_STR(u->host), u->port);
	while (p2v_str_split(&rest, '\n', &line))
		while (p2v_str_split(&line, ' ', &name)) {
			bool default_port = u->port ==
					    (p2v_str_is_nocase(u->scheme, "https") ? 443 : 80);

			if (name.n && (p2v_str_is_nocase(name, with_port) ||
					      (default_port && name.n == u->host.n &&
						      strncmp(name.p, u->host.p, name.n) == 0)))
				return true;
		}
	return false;
}

/* The URL as all write it: scheme and host in lower case, no default port, no dot segments. */
static int canonical(struct p2v_str url, struct p2v_text *out)
{
	struct p2v_text plain = { 0 };
	struct p2v_url u;
	int rc = p2v_url_resolve(url, url, &plain);

	if (rc == P2V_OK && (p2v_url_split((struct p2v_str){ plain.p, plain.n }, &u) < 0 ||
				    !p2v_url_is_http(&u)))
		rc = P2V_EPARSE;
	if (rc == P2V_OK) {
		p2v_url_origin(&u, out);
		p2v_text_str(out, u.path.n ? u.path : p2v_str_of("/"));
		if (u.query.p) {
			p2v_text_puts(out, "?");
			p2v_text_str(out, u.query);
		}
		rc = out->oom ? P2V_ENOMEM : P2V_OK;
	}
	p2v_text_fini(&plain);
	return rc;
}

/* The channel whose origin's folder holds this URL, however the player wrote it: so an event is
 * one channel by all forms. */
static struct p2v_channel *channel_of(const struct p2v_gateway *g, const char *url)
{
	struct p2v_channel *best = NULL;

	for (size_t i = 0; i < g->n_channels; i++) {
		struct p2v_channel *c = &g->channels[i];
		struct p2v_text target = { 0 }, back = { 0 };

		if ((!best || strlen(c->origin) > strlen(best->origin)) &&
			p2v_channel_to_agent(c, url, &target) && !target.oom &&
			p2v_channel_to_origin(c, (struct p2v_str){ target.p, target.n }, &back) ==
				P2V_OK)
			best = c;
		p2v_text_fini(&target);
		p2v_text_fini(&back);
	}
	return best;
}

static int feed_of(struct p2v_gateway *g, const char *url, struct p2v_feed **out)
{
	struct p2v_channel *c = channel_of(g, url);
	struct p2v_text origin = { 0 };
	struct p2v_host *h = NULL;
	struct p2v_url u;
	int rc = P2V_OK;

	if (c) {
		*out = p2v_delivery_feed(g->delivery, c);
		return *out ? P2V_OK : P2V_ENOMEM;
	}
	if (p2v_url_split(p2v_str_of(url), &u) < 0)
		return P2V_EPARSE;
	p2v_url_origin(&u, &origin);
	if (!origin.oom)
		h = host_find(g, (struct p2v_str){ origin.p, origin.n });
	if (origin.oom)
		rc = P2V_ENOMEM;
	else if (!h || !h->feed)
		rc = opened(g, &u) ? open_host(g, (struct p2v_str){ origin.p, origin.n }, &h)
				   : P2V_EPERM;
	p2v_text_fini(&origin);
	if (rc == P2V_OK)
		*out = h->feed;
	return rc;
}

/* A whole URL that the player wants from us. */
static int route_url(struct p2v_request *q, struct p2v_str url)
{
	struct p2v_text text = { 0 };
	int rc = canonical(url, &text);

	if (rc == P2V_OK)
		rc = feed_of(q->gateway, text.p, &q->feed);
	if (rc == P2V_OK)
		q->url = text.p;
	else
		p2v_text_fini(&text);
	return rc;
}

/* "/x/https/host/path?query" */
static int route_open(struct p2v_request *q, struct p2v_str target)
{
	struct p2v_text url = { 0 };
	struct p2v_str scheme;
	int rc;

	q->opened = true;
	target.p += strlen(OPEN_FORM);
	target.n -= strlen(OPEN_FORM);
	if (!p2v_str_split(&target, '/', &scheme) || !target.p)
		return P2V_EPARSE;
	p2v_text_str(&url, scheme);
	p2v_text_puts(&url, "://");
	p2v_text_str(&url, target);
	rc = url.oom ? P2V_ENOMEM : route_url(q, (struct p2v_str){ url.p, url.n });
	p2v_text_fini(&url);
	return rc;
}

static int route_mount(struct p2v_request *q, struct p2v_str target)
{
	struct p2v_gateway *g = q->gateway;
	struct p2v_channel *best = NULL;
	struct p2v_text url = { 0 };
	int rc = P2V_ENOENT;

	for (size_t i = 0; i < g->n_channels; i++) {
		struct p2v_channel *c = &g->channels[i];
		struct p2v_text t = { 0 };
		int one = p2v_channel_to_origin(c, target, &t);

		if (one != P2V_ENOENT && (!best || strlen(c->mount) > strlen(best->mount))) {
			best = c;
			rc = one;
			p2v_text_fini(&url);
			url = t;
		} else {
			p2v_text_fini(&t);
		}
	}
	if (rc == P2V_OK) {
		q->feed = p2v_delivery_feed(g->delivery, best);
		q->url = url.p;
		return q->feed ? P2V_OK : P2V_ENOMEM;
	}
	p2v_text_fini(&url);
	return rc;
}

bool p2v_route_is_proxied(struct p2v_str target)
{
	struct p2v_url u;

	return p2v_url_split(target, &u) == P2V_OK && p2v_url_is_http(&u);
}

int p2v_route(struct p2v_request *q, struct p2v_str target)
{
	if (p2v_route_is_proxied(target)) {
		q->proxied = true;
		return route_url(q, target);
	}
	if (p2v_str_starts(target, OPEN_FORM))
		return route_open(q, target);
	return route_mount(q, target);
}

/* Something of q's feed named this host. @return whether it can be reached from now on */
static bool name_host(struct p2v_request *q, const struct p2v_url *u)
{
	struct p2v_gateway *g = q->gateway;
	struct p2v_text origin = { 0 };
	struct p2v_host *h = NULL;

	p2v_url_origin(u, &origin);
	if (!origin.oom) {
		h = host_find(g, (struct p2v_str){ origin.p, origin.n });
		if (!h)
			h = host_add(g, (struct p2v_str){ origin.p, origin.n });
	}
	p2v_text_fini(&origin);
	if (h && !h->feed)
		h->feed = q->feed;
	return h != NULL;
}

static bool below_mount(const struct p2v_request *q, const char *url)
{
	struct p2v_text path = { 0 };
	bool is = p2v_channel_to_agent(p2v_feed_channel(q->feed), url, &path);

	p2v_text_fini(&path);
	return is;
}

/* It leads back by the form in which it was asked for: whoever uses the open one need not know of
 * mounts. */
bool p2v_route_back(struct p2v_request *q, const char *url, struct p2v_text *out)
{
	struct p2v_url u;

	if (!q->proxied && !q->opened && p2v_channel_to_agent(p2v_feed_channel(q->feed), url, out))
		return true;
	if (p2v_url_split(p2v_str_of(url), &u) < 0 || !p2v_url_is_http(&u))
		return false;
	if (!(q->opened && below_mount(q, url)) && !name_host(q, &u))
		return false;
	if (q->proxied) /* it comes back by itself */
		return false;
	p2v_text_printf(out, OPEN_FORM "%.*s/%.*s", P2V_STR(u.scheme), P2V_STR(u.authority));
	p2v_text_str(out, u.path.n ? u.path : p2v_str_of("/"));
	if (u.query.p) {
		p2v_text_puts(out, "?");
		p2v_text_str(out, u.query);
	}
	return true;
}

void p2v_route_fini(struct p2v_gateway *g)
{
	P2V_LIST_EACH (it, &g->hosts) {
		struct p2v_host *h = P2V_OF(it, struct p2v_host, in_gateway);

		if (h->own_channel)
			p2v_channel_fini(&h->channel);
		free(h->origin);
		free(h);
	}
	p2v_list_init(&g->hosts);
}
