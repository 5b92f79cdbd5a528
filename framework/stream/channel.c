/* channel.c - channels: mounts, origins, identities. */
#include "framework/stream/channel.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "framework/base/url.h"
#include "framework/base/wire.h"

static const char *const rules[] = { "path", "path+query", "regex", NULL };

const struct p2v_option p2v_channel_options[] = {
	P2V_OPT_TEXT(struct p2v_channel_conf, mount, "", 1, 200,
		"path under which players find the channel, like /news"),
	P2V_OPT_TEXT(struct p2v_channel_conf, origin, "", 1, 2000,
		"the CDN's folder that holds the channel, like https://cdn.example/live/"),
	P2V_OPT_TEXT(struct p2v_channel_conf, swarm, "", 0, 200,
		"agents with the same word here share; by default the origin is that word"),
	P2V_OPT_ENUM(struct p2v_channel_conf, identity, "path+query", rules,
		"what of a URL makes it the same fragment for all viewers: path drops tokens in the query"),
	P2V_OPT_TEXT(struct p2v_channel_conf, identity_regex, "", 0, 500,
		"for identity = regex: an extended regular expression on path?query; its groups are the identity"),
	P2V_OPT_BOOL(struct p2v_channel_conf, share_private, "no",
		"share media that the CDN marks Cache-Control: private or no-store"),
	P2V_OPT_TEXT(struct p2v_channel_conf, player, "", 0, 60,
		"plugin of kind player for all who watch here, such as hlsjs: in a web page a player does not say who it is; by default the one that knows the player's User-Agent best"),
	P2V_OPT_END
};

struct p2v_channel_rule {
	regex_t re;
};

static int set_mount(struct p2v_channel *c, const char *mount, struct p2v_err *err)
{
	size_t n = strlen(mount);
	struct p2v_url u;

	if (mount[0] != '/')
		return p2v_fail(err, P2V_ECONF, "mount: '%s' does not begin with a slash", mount);
	if (p2v_url_split(p2v_str_of(mount), &u) < 0 || u.query.p || u.fragment.p ||
		strstr(mount, "//") || strstr(mount, "/."))
		return p2v_fail(err, P2V_ECONF, "mount: '%s' is no plain path", mount);
	while (n > 0 && mount[n - 1] == '/')
		n--;
	c->mount = p2v_str_dup((struct p2v_str){ mount, n });
	return c->mount ? P2V_OK : p2v_fail(err, P2V_ENOMEM, "no memory for a channel");
}

static int set_origin(struct p2v_channel *c, const char *origin, struct p2v_err *err)
{
	struct p2v_text t = { 0 }, canonical = { 0 };
	struct p2v_url u;
	int rc;

	if (p2v_url_split(p2v_str_of(origin), &u) < 0 || !p2v_url_is_http(&u))
		return p2v_fail(err, P2V_ECONF, "origin: '%s' is no http or https URL", origin);
	if (u.query.p || u.fragment.p)
		return p2v_fail(
			err, P2V_ECONF, "origin: '%s' is a folder, so it has no query", origin);
	p2v_url_origin(&u, &t);
	p2v_text_str(&t, u.path.n ? u.path : p2v_str_of("/"));
	if (t.n && t.p[t.n - 1] != '/')
		p2v_text_puts(&t, "/");
	/* Dot segments would match nothing that is resolved against it. */
	rc = t.oom ? P2V_ENOMEM
		   : p2v_url_resolve((struct p2v_str){ t.p, t.n }, p2v_str_of("./"), &canonical);
	p2v_text_fini(&t);
	if (rc < 0) {
		p2v_text_fini(&canonical);
		return rc == P2V_ENOMEM
			       ? p2v_fail(err, rc, "no memory for a channel")
			       : p2v_fail(err, P2V_ECONF, "origin: '%s' is too long", origin);
	}
	c->origin = canonical.p;
	return P2V_OK;
}

static int set_rule(struct p2v_channel *c, struct p2v_err *err)
{
	int rc;

	if (c->conf.identity != P2V_IDENTITY_REGEX)
		return *c->conf.identity_regex
			       ? p2v_fail(err, P2V_ECONF,
					 "identity_regex is set, but identity is %s",
					 rules[c->conf.identity])
			       : P2V_OK;
	c->rule = calloc(1, sizeof *c->rule);
	if (!c->rule)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a channel");
	rc = regcomp(&c->rule->re, c->conf.identity_regex, REG_EXTENDED);
	if (rc != 0) {
		char why[96];

		(void)regerror(rc, &c->rule->re, why, sizeof why);
		free(c->rule);
		c->rule = NULL;
		return p2v_fail(
			err, rc == REG_ESPACE ? P2V_ENOMEM : P2V_ECONF, "identity_regex: %s", why);
	}
	if (c->rule->re.re_nsub == 0 || c->rule->re.re_nsub > 8)
		return p2v_fail(err, P2V_ECONF,
			"identity_regex: it needs one to eight groups in parentheses");
	return P2V_OK;
}

static struct p2v_bytes bytes_of(const char *text)
{
	return (struct p2v_bytes){ (const uint8_t *)text, strlen(text) };
}

int p2v_channel_init(struct p2v_channel *c, const char *name, const struct p2v_channel_conf *conf,
	const struct p2v_crypto *crypto, struct p2v_err *err)
{
	struct p2v_bytes parts[2] = { bytes_of("p2v channel 1\n") };
	int rc;

	*c = (struct p2v_channel){ .conf = *conf };
	c->name = p2v_str_dup(p2v_str_of(name));
	if (!c->name)
		return p2v_fail(err, P2V_ENOMEM, "no memory for a channel");
	if ((rc = set_mount(c, conf->mount, err)) < 0 ||
		(rc = set_origin(c, conf->origin, err)) < 0 || (rc = set_rule(c, err)) < 0) {
		p2v_channel_fini(c);
		return rc;
	}
	parts[1] = bytes_of(*conf->swarm ? conf->swarm : c->origin);
	crypto->ops->digest(crypto->self, parts, 2, c->id.b);
	c->id_short = p2v_id_short(&c->id);
	return P2V_OK;
}

void p2v_channel_fini(struct p2v_channel *c)
{
	if (c->rule) {
		regfree(&c->rule->re);
		free(c->rule);
	}
	free(c->name);
	free(c->mount);
	free(c->origin);
	*c = (struct p2v_channel){ .name = NULL };
}

/* Whether a path climbs by dots or slashes that are written as %2E, %2F or %5C: an origin may read
 * them as what they mean, after we took them for names. */
static bool climbs_in_disguise(struct p2v_str path)
{
	char last[3] = "";
	size_t n = 0; /* of the segment, at most 3 */
	bool disguised = false;

	for (size_t i = 0; i <= path.n; i++) {
		char c = i < path.n && path.p[i] != '?' ? path.p[i] : 0, hex[3] = "";
		bool escaped = c == '%' && i + 2 < path.n;

		if (escaped) {
			hex[0] = (char)path.p[i + 1];
			hex[1] = (char)(path.p[i + 2] | 32);
			c = strcmp(hex, "2e") == 0   ? '.'
			    : strcmp(hex, "2f") == 0 ? '/'
			    : strcmp(hex, "5c") == 0 ? '/'
						     : '%';
			disguised |= c != '%';
		}
		if (c == 0 || c == '/') {
			if (disguised && n == 2 && memcmp(last, "..", 2) == 0)
				return true;
			n = 0;
			disguised = escaped;
		} else {
			if (n < 2)
				last[n] = c;
			n += n < 3;
		}
		if (c == 0)
			break;
		i += escaped && c != '%' ? 2 : 0;
	}
	return false;
}

/* "./" keeps a first segment with a colon from being taken for a scheme. */
static int resolve_below(const struct p2v_channel *c, struct p2v_str path, struct p2v_text *url)
{
	struct p2v_text ref = { 0 };
	int rc;

	p2v_text_puts(&ref, "./");
	p2v_text_str(&ref, path);
	rc = ref.oom ? P2V_ENOMEM
		     : p2v_url_resolve(
			       p2v_str_of(c->origin), (struct p2v_str){ ref.p, ref.n }, url);
	p2v_text_fini(&ref);
	return rc;
}

int p2v_channel_to_origin(const struct p2v_channel *c, struct p2v_str target, struct p2v_text *url)
{
	size_t mount = strlen(c->mount), origin = strlen(c->origin), from = url->n;
	int rc;

	if (!p2v_str_starts(target, c->mount) ||
		(target.n > mount && target.p[mount] != '/' && target.p[mount] != '?'))
		return P2V_ENOENT;
	if (climbs_in_disguise(target))
		return P2V_EPARSE;
	for (target.p += mount, target.n -= mount; target.n && target.p[0] == '/'; target.p++)
		target.n--;
	if (p2v_url_is_plain(target) && origin + target.n <= P2V_URL_MAX) {
		p2v_text_puts(url, c->origin);
		p2v_text_str(url, target);
		return url->oom ? P2V_ENOMEM : P2V_OK;
	}
	rc = resolve_below(c, target, url);
	if (rc == P2V_OK &&
		(url->n - from < origin || memcmp(url->p + from, c->origin, origin) != 0))
		rc = P2V_EPARSE;
	return rc;
}

bool p2v_channel_to_agent(const struct p2v_channel *c, const char *url, struct p2v_text *target)
{
	size_t n = strlen(c->origin);

	if (strncmp(url, c->origin, n) != 0)
		return false;
	p2v_text_puts(target, c->mount);
	p2v_text_puts(target, "/");
	p2v_text_puts(target, url + n);
	return true;
}

/* What the identity rule leaves of a URL. An expression that does not match leaves all of it: two
 * viewers then share less than they could, but never the wrong thing. */
static void canonical(const struct p2v_channel *c, const char *url, struct p2v_text *out)
{
	size_t n = strlen(c->origin);
	const char *rest = strncmp(url, c->origin, n) == 0 ? url + n : url;
	regmatch_t m[9];

	if (c->rule && regexec(&c->rule->re, rest, 9, m, 0) == 0) {
		for (size_t i = 1; i <= c->rule->re.re_nsub; i++)
			if (m[i].rm_so >= 0) {
				p2v_text_add(
					out, rest + m[i].rm_so, (size_t)(m[i].rm_eo - m[i].rm_so));
				p2v_text_puts(out, "\n");
			}
		return;
	}
	p2v_text_puts(out, rest);
	if (c->conf.identity == P2V_IDENTITY_PATH && out->p && strchr(out->p, '?'))
		out->n = (size_t)(strchr(out->p, '?') - out->p);
}

static void key_of(const struct p2v_channel *c, const struct p2v_crypto *crypto, const char *tag,
	const char *url, const uint8_t tail[16], struct p2v_id *out)
{
	struct p2v_text t = { 0 };
	struct p2v_bytes parts[4];

	canonical(c, url, &t);
	parts[0] = bytes_of(tag);
	parts[1] = (struct p2v_bytes){ c->id.b, sizeof c->id.b };
	parts[2] = (struct p2v_bytes){ tail, 16 };
	/* Out of memory the whole URL is the identity: less is shared, but never the wrong thing.
	 */
	parts[3] = t.oom ? bytes_of(url) : (struct p2v_bytes){ (const uint8_t *)t.p, t.n };
	crypto->ops->digest(crypto->self, parts, 4, out->b);
	p2v_text_fini(&t);
}

void p2v_channel_fragment_key(const struct p2v_channel *c, const struct p2v_crypto *crypto,
	const char *url, const struct p2v_manifest_range *range, struct p2v_id *out)
{
	uint8_t tail[16];
	struct p2v_writer w = p2v_writer_of(tail, sizeof tail);

	p2v_write_be(&w, range && range->set ? range->off : 0, 8);
	p2v_write_be(&w, range && range->set ? range->len : UINT64_MAX, 8);
	key_of(c, crypto, "p2v fragment 1\n", url, tail, out);
}

uint64_t p2v_channel_rendition_key(const struct p2v_channel *c, const struct p2v_crypto *crypto,
	const char *url, const char *variant)
{
	const struct p2v_bytes name = { (const uint8_t *)variant, strlen(variant) };
	uint8_t tail[16];
	struct p2v_writer w = p2v_writer_of(tail, sizeof tail);
	struct p2v_id id = { { 0 } };

	if (strcmp(variant, "0") != 0)
		crypto->ops->digest(crypto->self, &name, 1, id.b);
	p2v_write_be(&w, p2v_id_short(&id), 8);
	p2v_write_be(&w, 0, 8);
	key_of(c, crypto, "p2v rendition 1\n", url, tail, &id);
	return p2v_id_short(&id) >> 2;
}
