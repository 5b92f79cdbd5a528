/* status.c - the status pages. */
#include "framework/gateway/status.h"

#include <string.h>

/* What a node does, and with whom, is for whoever sits at this machine: not for pages of other
 * sites. */
static const struct p2v_str nobody = { NULL, 0 };

static void send_text(const struct p2v_node *n, struct p2v_exchange *x, uint32_t status, bool head,
	const char *type, struct p2v_str allowed, struct p2v_str text)
{
	const struct p2v_world *w = &n->world;
	struct p2v_header headers[5] = { { p2v_str_of("Content-Type"), p2v_str_of(type) },
		{ p2v_str_of("Cache-Control"), p2v_str_of("no-store") },
		{ p2v_str_of("X-Content-Type-Options"), p2v_str_of("nosniff") } };
	struct p2v_reply r = {
		.status = status, .length = text.n, .headers = headers, .n_headers = 3
	};
	struct p2v_slice body = p2v_slice_copy(text.p, text.n);

	if (allowed.p)
		headers[r.n_headers++] = (struct p2v_header){
			p2v_str_of("Access-Control-Allow-Origin"), allowed
		};
	if (status == 405)
		headers[r.n_headers++] = (struct p2v_header){ p2v_str_of("Allow"),
			p2v_str_of("GET, HEAD") };
	if (!body.p)
		r.length = 0;
	w->ops->http_reply(w->self, x, &r);
	if (!head && body.n)
		w->ops->http_write(w->self, x, body);
	else
		p2v_slice_drop(&body);
	w->ops->http_end(w->self, x);
}

void p2v_status_text(const struct p2v_node *node, struct p2v_exchange *x, uint32_t status,
	bool head, struct p2v_str allowed, const char *text)
{
	char line[400];
	int n = snprintf(line, sizeof line, "%s\n", text);

	send_text(node, x, status, head, "text/plain; charset=utf-8", allowed,
		(struct p2v_str){
			line, n > 0 && (size_t)n < sizeof line ? (size_t)n : sizeof line - 1 });
}

static bool same_name(struct p2v_str a, struct p2v_str b)
{
	char lower[256];

	if (a.n != b.n || a.n >= sizeof lower)
		return false;
	memcpy(lower, a.p, a.n);
	lower[a.n] = 0;
	return p2v_str_is_nocase(b, lower);
}

bool p2v_status_host_allowed(const struct p2v_status *s, const struct p2v_http_request *rq)
{
	static const char *const local[] = { "localhost", "127.0.0.1", "[::1]", NULL };
	struct p2v_str host = p2v_header_get(rq->headers, rq->n_headers, "host"), rest, one;
	struct p2v_addr ip;
	size_t n;

	if (!host.p)
		return true; /* HTTP/1.0: no browser */
	/* Whoever writes a whole URL takes us for a proxy, and Host does not count (RFC 9112
	 * 3.2.2). No page can make a browser do so. */
	if (p2v_str_starts(rq->target, "http://") || p2v_str_starts(rq->target, "https://"))
		return true;
	host = p2v_str_trim(host);
	for (n = host.n; n > 0 && host.p[n - 1] >= '0' && host.p[n - 1] <= '9'; n--) {
	}
	if (n > 0 && n < host.n && host.p[n - 1] == ':')
		host.n = n - 1;
	for (size_t i = 0; local[i]; i++)
		if (p2v_str_is_nocase(host, local[i]))
			return true;
	rest = p2v_str_of(s->allow_hosts);
	while (p2v_str_split(&rest, '\n', &one))
		for (struct p2v_str name; p2v_str_split(&one, ' ', &name);)
			if (name.n && (p2v_str_is(name, "*") || same_name(name, host)))
				return true;
	/* An address is no name: nobody can point it elsewhere. */
	if (host.n > 2 && host.p[0] == '[')
		host = (struct p2v_str){ host.p + 1, host.n - 2 };
	return p2v_addr_parse_ip(host, &ip) == P2V_OK;
}

static void send_stats(const struct p2v_status *s, struct p2v_exchange *x, bool head)
{
	struct p2v_text t = { 0 };
	struct p2v_json j = { &t, false };
	const struct p2v_node *n = s->node;
	char id[2 * P2V_DIGEST_SIZE + 1];

	p2v_json_open(&j, NULL, '{');
	p2v_json_text(&j, "role", s->role);
	p2v_json_text(&j, "version", s->version);
	p2v_json_text(&j, "id", p2v_hex(n->crypto.ops->id(n->crypto.self)->b, P2V_DIGEST_SIZE, id));
	p2v_json_real(&j, "uptime_s", (double)(p2v_now(&n->world) - s->started) / 1e6, 3);
	p2v_json_open(&j, "counters", '{');
	p2v_metrics_json(&n->metrics, &j);
	p2v_json_close(&j, '}');
	if (s->json)
		s->json(s->ctx, &j);
	p2v_json_close(&j, '}');
	p2v_text_puts(&t, "\n");
	if (t.oom)
		p2v_status_text(n, x, 500, head, nobody, "no memory");
	else
		send_text(
			n, x, 200, head, "application/json", nobody, (struct p2v_str){ t.p, t.n });
	p2v_text_fini(&t);
}

static void send_metrics(const struct p2v_status *s, struct p2v_exchange *x, bool head)
{
	struct p2v_text t = { 0 };

	p2v_metrics_prometheus(&s->node->metrics, &t);
	if (t.oom)
		p2v_status_text(s->node, x, 500, head, nobody, "no memory");
	else
		send_text(s->node, x, 200, head, "text/plain; version=0.0.4; charset=utf-8", nobody,
			(struct p2v_str){ t.p, t.n });
	p2v_text_fini(&t);
}

bool p2v_status_answer(const struct p2v_status *s, struct p2v_exchange *x,
	const struct p2v_http_request *rq, struct p2v_str allowed)
{
	bool head = p2v_str_is(rq->method, "HEAD");
	const char *why;
	char version[128];

	if (p2v_str_is(rq->target, "/healthz")) {
		p2v_status_text(s->node, x, 200, head, nobody, "ok");
	} else if (p2v_str_is(rq->target, "/readyz")) {
		why = s->ready ? s->ready(s->ctx) : NULL;
		p2v_status_text(s->node, x, why ? 503 : 200, head, allowed, why ? why : "ready");
	} else if (p2v_str_is(rq->target, "/version")) {
		(void)snprintf(version, sizeof version,
			"{\"name\":\"peer2view\",\"version\":\"%s\",\"role\":\"%s\"}\n", s->version,
			s->role);
		send_text(s->node, x, 200, head, "application/json", nobody, p2v_str_of(version));
	} else if (p2v_str_is(rq->target, "/metrics")) {
		send_metrics(s, x, head);
	} else if (p2v_str_is(rq->target, "/stats.json")) {
		send_stats(s, x, head);
	} else {
		return false;
	}
	return true;
}
