/* live_origin.c - for tests of programs: a live stream out of arithmetic, served on a free port of
 * this machine's loopback until the standard input ends. Prints the URL of its master manifest. */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "framework/base/options.h"
#include "framework/world/loop.h"
#include "sdk/sim/cdn/origin.h"

struct served {
	struct p2v_loop *loop;
	struct p2v_world w;
	struct p2v_timer tick;
};

/* Whoever started this keeps its standard input open for as long as it wants the stream. */
static void on_tick(struct p2v_timer *t, p2v_usec now)
{
	struct served *s = t->owner;
	char c;

	if (read(STDIN_FILENO, &c, 1) == 0)
		p2v_loop_stop(s->loop);
	else
		p2v_arm(&s->w, t, now + 100 * P2V_MSEC);
}

/* Arguments NAME=VALUE are the encoder's options. */
static int configure(struct p2v_origin_conf *conf, int argc, char **argv, struct p2v_err *err)
{
	p2v_origin_conf_default(conf);
	for (int i = 1; i < argc; i++) {
		struct p2v_str value = p2v_str_of(argv[i]), name;
		struct p2v_option copy;
		const struct p2v_option *o = NULL;
		char key[32];

		if (p2v_str_split(&value, '=', &name) && value.p && name.n < sizeof key) {
			(void)snprintf(key, sizeof key, "%.*s", P2V_STR(name));
			o = p2v_option_find(p2v_encoder_options, sizeof copy, key, &copy);
		}
		if (!o)
			return p2v_fail(err, P2V_ECONF, "'%s' is no option", argv[i]);
		if (p2v_option_set(o, &conf->encoder, value.p, err) < 0)
			return P2V_ECONF;
	}
	return P2V_OK;
}

int main(int argc, char **argv)
{
	const struct p2v_addr any_port = p2v_addr_v4(0x7f000001, 0);
	struct served s = { .tick = { .fire = on_tick } };
	struct p2v_origin_conf conf;
	struct p2v_origin *o = NULL;
	struct p2v_err err = { P2V_OK, "" };

	if (configure(&conf, argc, argv, &err) < 0 || p2v_loop_new(&s.loop, &err) < 0)
		goto fail;
	s.w = p2v_loop_world(s.loop);
	if (p2v_origin_new(&s.w, &conf, &any_port, &o, &err) < 0)
		goto fail;
	s.tick.owner = &s;
	(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	p2v_arm(&s.w, &s.tick, p2v_now(&s.w));
	printf("http://127.0.0.1:%u/live/master.m3u8\n", p2v_origin_addr(o)->port);
	(void)fflush(stdout);
	p2v_loop_run(s.loop);
	p2v_origin_free(o);
	p2v_loop_turn(s.loop, 0);
	p2v_loop_turn(s.loop, P2V_MSEC);
	p2v_loop_free(s.loop);
	return 0;
fail:
	(void)fprintf(stderr, "live_origin: %s\n", err.text);
	p2v_loop_free(s.loop);
	return 1;
}
