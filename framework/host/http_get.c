/* http_get.c - one HTTP request, by libcurl's easy interface. */
#include "framework/host/http_get.h"

#include <stdlib.h>

#include <curl/curl.h>

struct sink {
	struct p2v_text *body;
	size_t max;
	bool too_long;
};

static size_t take(char *p, size_t size, size_t n, void *ctx)
{
	struct sink *s = ctx;

	n *= size;
	if (n > s->max - s->body->n) {
		s->too_long = true;
		return 0;
	}
	p2v_text_add(s->body, p, n);
	return s->body->oom ? 0 : n;
}

/* 7.85 renamed the option and deprecated the old one. */
#if LIBCURL_VERSION_NUM >= 0x075500
#define PROTOCOLS CURLOPT_PROTOCOLS_STR
#define HTTP_ONLY "http,https"
#else
#define PROTOCOLS CURLOPT_PROTOCOLS
#define HTTP_ONLY ((long)(CURLPROTO_HTTP | CURLPROTO_HTTPS))
#endif

static bool set_options(CURL *h, const char *url, char *why, struct sink *sink)
{
	return curl_easy_setopt(h, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(h, PROTOCOLS, HTTP_ONLY) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_MAXREDIRS, 5L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, 5L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_TIMEOUT, 30L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_WRITEDATA, sink) == CURLE_OK;
}

static int take_answer(CURL *h, struct p2v_got *out)
{
	const char *url = NULL, *type = NULL;

	(void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &out->status);
	(void)curl_easy_getinfo(h, CURLINFO_EFFECTIVE_URL, &url);
	(void)curl_easy_getinfo(h, CURLINFO_CONTENT_TYPE, &type);
	out->url = p2v_str_dup(p2v_str_of(url));
	out->type = type ? p2v_str_dup(p2v_str_of(type)) : NULL;
	return out->url && (out->type || !type) ? P2V_OK : P2V_ENOMEM;
}

int p2v_http_get(const char *url, size_t max, struct p2v_got *out, struct p2v_err *err)
{
	char why[CURL_ERROR_SIZE] = "";
	struct sink sink = { &out->body, max, false };
	CURL *h = curl_easy_init();
	CURLcode c;
	int rc = P2V_OK;

	*out = (struct p2v_got){ 0 };
	if (!h)
		return p2v_fail(err, P2V_ENOMEM, "%s: no memory", url);
	if (!set_options(h, url, why, &sink)) {
		curl_easy_cleanup(h);
		return p2v_fail(err, P2V_EIO, "%s: libcurl lacks what is needed", url);
	}
	c = curl_easy_perform(h);
	if (sink.too_long)
		rc = p2v_fail(err, P2V_ELIMIT, "%s: the answer is longer than %zu bytes", url, max);
	else if (out->body.oom)
		rc = p2v_fail(err, P2V_ENOMEM, "%s: no memory", url);
	else if (c != CURLE_OK)
		rc = p2v_fail(err, c == CURLE_OPERATION_TIMEDOUT ? P2V_ETIMEDOUT : P2V_EIO,
			"%s: %s", url, *why ? why : curl_easy_strerror(c));
	else if (take_answer(h, out) < 0)
		rc = p2v_fail(err, P2V_ENOMEM, "%s: no memory", url);
	curl_easy_cleanup(h);
	if (rc < 0)
		p2v_got_fini(out);
	return rc;
}

void p2v_got_fini(struct p2v_got *g)
{
	p2v_text_fini(&g->body);
	free(g->url);
	free(g->type);
	*g = (struct p2v_got){ 0 };
}
