/* tls_test.c - the HTTP client over TLS and HTTP/2, against nginx. Skipped where nginx or the
 * openssl command is missing. */
#include <config.h>

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "framework/base/http.h"
#include "tests/unit/world/raw.h"

TestSuite(tls, .timeout = 120);

struct tls {
	struct raw_rig rig;
	char dir[64], ca[96];
	pid_t nginx;
	uint16_t port;
};

struct got {
	unsigned dones;
	uint32_t status;
	char proto[32], connection[32];
	size_t n;
	int code;
};

static const char *nginx_path(void)
{
	static const char *const paths[] = { "/usr/sbin/nginx", "/usr/local/sbin/nginx",
		"/usr/bin/nginx" };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

static uint16_t free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t n = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	(void)close(fd);
	return ntohs(in.sin_port);
}

static void write_file(const struct tls *t, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", t->dir, name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_geq(fputs(text, f), 0);
	cr_assert_eq(fclose(f), 0);
}

static bool make_certificate(const struct tls *t)
{
	char command[512];

	(void)snprintf(command, sizeof command,
		"cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		"-keyout key.pem -out ca.pem -days 2 -subj /CN=localhost "
		"-addext subjectAltName=DNS:localhost >/dev/null 2>&1",
		t->dir);
	return system(command) == 0;
}

static void nginx_config(struct tls *t)
{
	static char text[4096], body[300001];

	(void)snprintf(text, sizeof text,
		"daemon off; master_process off; pid %s/pid; error_log %s/log;\n"
		"events { worker_connections 64; }\n"
		"http { access_log off;\n"
		"client_body_temp_path %s/a; proxy_temp_path %s/b; fastcgi_temp_path %s/c;\n"
		"uwsgi_temp_path %s/d; scgi_temp_path %s/e;\n"
		"server { listen 127.0.0.1:%u ssl http2; root %s;\n"
		"ssl_certificate %s/ca.pem; ssl_certificate_key %s/key.pem;\n"
		"add_header X-Proto $server_protocol; add_header X-Connection $connection; } }\n",
		t->dir, t->dir, t->dir, t->dir, t->dir, t->dir, t->dir, t->port, t->dir, t->dir,
		t->dir);
	write_file(t, "conf", text);
	memset(body, 'x', sizeof body - 1);
	write_file(t, "body", body);
}

static bool answers(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool yes;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	yes = connect(fd, (struct sockaddr *)&in, sizeof in) == 0;
	(void)close(fd);
	return yes;
}

static bool nginx_start(struct tls *t)
{
	char conf[96];

	t->port = free_port();
	nginx_config(t);
	(void)snprintf(conf, sizeof conf, "%s/conf", t->dir);
	t->nginx = fork();
	if (t->nginx == 0) {
		(void)execl(nginx_path(), "nginx", "-p", t->dir, "-c", conf, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 1000; i++) {
		if (answers(t->port))
			return true;
		if (waitpid(t->nginx, NULL, WNOHANG) == t->nginx)
			return false; /* somebody took the port, say */
		raw_nap(10);
	}
	return false;
}

static void tls_open(struct tls *t)
{
	memset(t, 0, sizeof *t);
	(void)snprintf(t->dir, sizeof t->dir, "/tmp/p2v-tls-XXXXXX");
	cr_assert_not_null(mkdtemp(t->dir));
	(void)snprintf(t->ca, sizeof t->ca, "%s/ca.pem", t->dir);
	if (!nginx_path() || !make_certificate(t)) {
		(void)rmdir(t->dir);
		cr_skip_test("nginx or openssl is missing");
	}
	for (int i = 0; i < 5; i++)
		if (nginx_start(t))
			break;
	cr_assert(answers(t->port), "nginx does not run");
	raw_open(&t->rig);
}

static void tls_close(struct tls *t)
{
	char command[128];

	raw_close(&t->rig);
	(void)kill(t->nginx, SIGTERM);
	(void)waitpid(t->nginx, NULL, 0);
	(void)snprintf(command, sizeof command, "rm -r %s", t->dir);
	cr_assert_eq(system(command), 0);
}

static void on_head(void *ctx, const struct p2v_fetch_head *h)
{
	struct got *g = ctx;
	struct p2v_str proto = p2v_header_get(h->headers, h->n_headers, "X-Proto");
	struct p2v_str connection = p2v_header_get(h->headers, h->n_headers, "X-Connection");

	g->status = h->status;
	(void)snprintf(g->proto, sizeof g->proto, "%.*s", P2V_STR(proto));
	(void)snprintf(g->connection, sizeof g->connection, "%.*s", P2V_STR(connection));
}

static void on_body(void *ctx, struct p2v_bytes b)
{
	((struct got *)ctx)->n += b.n;
}

static void on_done(void *ctx, int code, const struct p2v_err *err)
{
	struct got *g = ctx;

	(void)err;
	g->dones++;
	g->code = code;
}

static const struct p2v_fetch_handler handler = { on_head, on_body, on_done };

static bool is_done(void *ctx)
{
	return ((struct got *)ctx)->dones > 0;
}

static void begin(struct tls *t, struct got *g, const char *host)
{
	struct p2v_fetch *f = NULL;
	struct p2v_err err = { P2V_OK, "" };
	char url[128];
	struct p2v_fetch_request rq = { .url = url };

	memset(g, 0, sizeof *g);
	(void)snprintf(url, sizeof url, "https://%s:%u/body", host, t->port);
	cr_assert_eq(t->rig.world.ops->fetch(t->rig.world.self, &rq, &handler, g, &f, &err), P2V_OK,
		"%s", err.text);
}

Test(tls, http_2_shares_a_connection)
{
	struct tls t;
	struct got g[12];

	tls_open(&t);
	cr_assert_eq(p2v_loop_set_ca(t.rig.loop, t.ca), P2V_OK);
	begin(&t, &g[0], "localhost");
	cr_assert(raw_until(&t.rig, is_done, &g[0]));
	cr_assert_eq(g[0].code, P2V_OK);
	cr_assert_eq(g[0].status, 200);
	cr_assert_str_eq(g[0].proto, "HTTP/2.0");
	cr_assert_eq(g[0].n, 300000);
	for (int i = 1; i < 12; i++)
		begin(&t, &g[i], "localhost");
	for (int i = 1; i < 12; i++) {
		cr_assert(raw_until(&t.rig, is_done, &g[i]));
		cr_assert_eq(g[i].code, P2V_OK);
		cr_assert_eq(g[i].n, 300000);
		cr_assert_str_eq(g[i].connection, g[0].connection);
	}
	tls_close(&t);
}

Test(tls, whom_we_do_not_trust_we_do_not_ask)
{
	struct tls t;
	struct got g;

	tls_open(&t);
	begin(&t, &g, "localhost"); /* the system does not know this authority */
	cr_assert(raw_until(&t.rig, is_done, &g));
	cr_assert_eq(g.code, P2V_EIO);
	cr_assert_eq(g.status, 0);
	cr_assert_eq(p2v_loop_set_ca(t.rig.loop, t.ca), P2V_OK);
	begin(&t, &g, "127.0.0.1"); /* the certificate is not for this name */
	cr_assert(raw_until(&t.rig, is_done, &g));
	cr_assert_eq(g.code, P2V_EIO);
	begin(&t, &g, "localhost");
	cr_assert(raw_until(&t.rig, is_done, &g));
	cr_assert_eq(g.code, P2V_OK);
	tls_close(&t);
}
