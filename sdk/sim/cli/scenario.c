/* scenario.c - the sections of a scenario file, and what becomes of them. */
#include <config.h>

#include "sdk/sim/cli/scenario.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "framework/base/text.h"
#include "framework/host/sections.h"

const char *const p2v_fidelities[] = { "packet", "flow", NULL };
static const char *const levels[] = { "error", "warn", "info", "debug", NULL };

/* ---- sections of the simulator's own ---- */

/** Bound from [servers]. */
struct servers_conf {
	p2v_usec cdn_rtt, cdn_think, cdn_max_age, tracker_rtt;
	uint64_t cdn_rate;
};

/** Bound from [stream]. */
struct stream_conf {
	const char *bitrates;
};

/* clang-format off */
#define R struct p2v_run_conf
static const struct p2v_option run_options[] = {
	P2V_OPT_U32(R, peers, "100", 1, 100000, "1", "viewers that come"),
	P2V_OPT_USEC(R, duration, "300s", 1e6, 86400e6, "s", "virtual time, from the encoder's start to the end"),
	P2V_OPT_USEC(R, warm_up, "10s", 0, 3600e6, "s", "before the first viewer may come"),
	P2V_OPT_USEC(R, from, "0s", 0, 86400e6, "s", "savings, offload and other shares of bytes count from here on; times and bit rates of viewers always count"),
	P2V_OPT_USEC(R, sample, "5s", 1e5, 3600e6, "s", "between two lines of the time series"),
	P2V_OPT_U64(R, seed, "1", 0, 1e18, "1", "of every random stream"),
	P2V_OPT_ENUM(R, fidelity, "packet", p2v_fidelities, "how exactly transfers are simulated: every datagram, or flows that share lines, in less time"),
	P2V_OPT_USEC(R, coalesce, "500us", 0, 5e3, "us", "how long a machine waits for more datagrams once one is there, to take them together, as network cards and wireless links do; with packets"),
	P2V_OPT_REAL(R, eta, "0.9", 0.01, 1, "1", "part of an upload that can carry media, for the bound: the rest are headers and slack"),
	P2V_OPT_USEC(R, longer_by, "100ms", 0, 60e6, "ms", "a viewer waited longer than from the CDN alone when it was by more than this"),
	P2V_OPT_REAL(R, lower_by, "0.01", 0, 1, "1", "a viewer's bit rate was lower when it was by more than this part"),
	P2V_OPT_TEXT(R, snapshots, "", 0, 180, "times at which the overlay is written down, separated by commas; with --out the end always is"),
	P2V_OPT_ENUM(R, log_level, "warn", levels, "the least important log lines of the nodes that are made, and hashed"),
	P2V_OPT_TEXT(R, plugin_path, "", 0, 180, "folders to look for plugins in before the usual ones, separated by colons"),
	P2V_OPT_END
};
#undef R

static const struct p2v_option servers_options[] = {
	P2V_OPT_USEC(struct servers_conf, cdn_rtt, "30ms", 0, 10e6, "ms", "round trip between a viewer and the CDN, the viewer's own line included"),
	P2V_OPT_U64(struct servers_conf, cdn_rate, "0", 0, 1e13, "bit/s", "what the CDN sends at most, to all together; 0: no limit"),
	P2V_OPT_USEC(struct servers_conf, cdn_think, "0ms", 0, 10e6, "ms", "before each answer of the CDN"),
	P2V_OPT_USEC(struct servers_conf, cdn_max_age, "1h", 0, 86400e6, "s", "how long the CDN lets media be cached"),
	P2V_OPT_USEC(struct servers_conf, tracker_rtt, "40ms", 0, 10e6, "ms", "round trip between a viewer and the tracker"),
	P2V_OPT_END
};

static const struct p2v_option stream_options[] = {
	P2V_OPT_TEXT(struct stream_conf, bitrates, "380k,700k,1400k", 1, 180, "bit rates of the renditions in bit/s, rising, separated by commas; one: no choice for players"),
	P2V_OPT_END
};

static const struct p2v_option plugins_options[] = {
	P2V_OPT_TEXT(struct p2v_plugins_conf, manifest, "hls", 1, 60, "How players and agents read the stream's manifests; the encoder makes HLS"),
	P2V_OPT_TEXT(struct p2v_plugins_conf, select, "capacity", 1, 60, "Whom to be partner with, whom to ask, and who goes to the CDN"),
	P2V_OPT_TEXT(struct p2v_plugins_conf, cc, "dtl", 1, 60, "Congestion control towards peers"),
	P2V_OPT_TEXT(struct p2v_plugins_conf, cache, "window", 1, 60, "What to fetch ahead of the player, and what to keep for others"),
	P2V_OPT_TEXT(struct p2v_plugins_conf, player, "generic", 1, 60, "What the agent takes its player for"),
	P2V_OPT_TEXT(struct p2v_plugins_conf, registry, "memory", 1, 60, "Where the tracker keeps its swarms"),
	P2V_OPT_END
};

static const struct p2v_choice_rule choices[] = { { P2V_KIND_MANIFEST, false, 1 },
	{ P2V_KIND_SELECT, false, 1 }, { P2V_KIND_CC, false, 1 }, { P2V_KIND_CACHE, false, 1 },
	{ P2V_KIND_PLAYER, false, 1 }, { P2V_KIND_REGISTRY, false, 1 }, { 0, false, 0 } };

static const struct p2v_section sections[] = {
	{ "run", false, 1, run_options, sizeof(struct p2v_run_conf), NULL, "The run itself: how many, how long, what is measured." },
	{ "population", false, 1, p2v_population_options, sizeof(struct p2v_population_conf), p2v_population_check,
		"The viewers: their lines, places and habits." },
	{ "arrivals", false, 1, p2v_arrivals_options, sizeof(struct p2v_arrivals_conf), NULL, "When viewers come." },
	{ "stays", false, 1, p2v_stays_options, sizeof(struct p2v_stays_conf), NULL, "How long viewers stay." },
	{ "event", true, 1, p2v_fault_options, sizeof(struct p2v_fault_conf), NULL, "Something that goes wrong." },
	{ "stream", false, 1, stream_options, sizeof(struct stream_conf), NULL, "What is watched." },
	{ "encoder", false, 1, p2v_encoder_options, sizeof(struct p2v_encoder_conf), NULL, "How the stream is cut and listed." },
	{ "servers", false, 1, servers_options, sizeof(struct servers_conf), NULL, "The CDN and the tracker." },
	{ "player", false, 1, p2v_player_options, sizeof(struct p2v_player_conf), NULL, "How players play." },
	{ P2V_SECTION_PLUGINS, false, 1, plugins_options, sizeof(struct p2v_plugins_conf), NULL,
		"Which plugin answers which question, as in an agent's configuration. A plugin's own options stand in a section "
		"[KIND.NAME], such as [select.capacity]." },
	{ "gateway", false, 1, p2v_gateway_options, sizeof(struct p2v_gateway_conf), NULL, "The agents' side of the players." },
	{ "overlay", false, 1, p2v_overlay_options, sizeof(struct p2v_overlay_conf), NULL, "The agents' side of other agents." },
	{ "delivery", false, 1, p2v_delivery_options, sizeof(struct p2v_delivery_conf), NULL, "Where fragments come from, and when." },
	{ "transport", false, 1, p2v_dtl_options, sizeof(struct p2v_dtl_conf), NULL, "Sessions between nodes." },
	{ "tracker", false, 1, p2v_tracker_options, sizeof(struct p2v_tracker_conf), NULL, "How the tracker introduces agents." },
	{ NULL, false, 0, NULL, 0, NULL, NULL }
};
/* clang-format on */

static const struct p2v_schema schema = { sections, choices, NULL, NULL };

const struct p2v_schema *p2v_scenario_schema(void)
{
	return &schema;
}

/* ---- lists ---- */

static int blame(const struct p2v_scenario *s, struct p2v_err *err, const char *fmt, ...)
	P2V_PRINTF(3, 4);
static int blame(const struct p2v_scenario *s, struct p2v_err *err, const char *fmt, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return p2v_config_blame(s->config, P2V_ECONF, why, err);
}

static int take_renditions(struct p2v_scenario *s, struct p2v_err *err)
{
	const struct stream_conf *c = p2v_config_get(s->config, "stream");
	struct p2v_str rest = p2v_str_of(c->bitrates), word;
	struct p2v_encoder_conf *e = &s->swarm.origin.encoder;
	size_t n = 0;

	while (p2v_str_split(&rest, ',', &word)) {
		struct p2v_encoder_rendition *r = &s->renditions[n];

		if (n == P2V_RENDITIONS_MAX)
			return blame(s, err, "[stream] bitrates: more than %d", P2V_RENDITIONS_MAX);
		word = p2v_str_trim(word);
		if (p2v_parse_size(word, &r->bitrate) < 0 || r->bitrate < 8000 ||
			r->bitrate > 1000000000)
			return blame(s, err,
				"[stream] bitrates: '%.*s' is no bit rate from 8k to 1G",
				P2V_STR(word));
		if (n && r->bitrate <= s->renditions[n - 1].bitrate)
			return blame(s, err,
				"[stream] bitrates: '%.*s' is not above the one before",
				P2V_STR(word));
		(void)snprintf(s->rendition_names[n], sizeof s->rendition_names[n], "v%zu", n);
		r->name = s->rendition_names[n++];
	}
	e->renditions = s->renditions;
	e->n = n;
	return P2V_OK;
}

static int take_snapshots(struct p2v_scenario *s, struct p2v_err *err)
{
	struct p2v_str rest = p2v_str_of(s->run->snapshots), word;

	while (*s->run->snapshots && p2v_str_split(&rest, ',', &word)) {
		p2v_usec t;

		word = p2v_str_trim(word);
		if (s->n_snapshots == P2V_SNAPSHOTS_MAX)
			return blame(s, err, "[run] snapshots: more than %d", P2V_SNAPSHOTS_MAX);
		if (p2v_parse_usec(word, "s", &t) < 0 || t > s->run->duration)
			return blame(s, err, "[run] snapshots: '%.*s' is no time within the run",
				P2V_STR(word));
		if (s->n_snapshots && t <= s->snapshots[s->n_snapshots - 1])
			return blame(s, err, "[run] snapshots: '%.*s' is not after the one before",
				P2V_STR(word));
		s->snapshots[s->n_snapshots++] = t;
	}
	return P2V_OK;
}

static int take_faults(struct p2v_scenario *s, struct p2v_err *err)
{
	size_t n = p2v_config_count(s->config, "event");
	const char *name;

	if (n > P2V_FAULTS_MAX)
		return blame(
			s, err, "there are more than %d sections [event NAME]", P2V_FAULTS_MAX);
	for (; s->n_faults < n; s->n_faults++) {
		const struct p2v_fault_conf *f = p2v_config_at(
			s->config, "event", s->n_faults, &name);

		if (f->at >= s->run->duration)
			return blame(s, err, "[event %s] at: the run is over then", name);
		s->faults[s->n_faults] = f;
	}
	return P2V_OK;
}

/* ---- the swarm ---- */

static struct p2v_agent_plugin plugin(const struct p2v_scenario *s, uint32_t kind)
{
	size_t n;
	const struct p2v_choice *c = p2v_config_choices(s->config, kind, &n);

	return (struct p2v_agent_plugin){ c->plugin, c->conf };
}

/* A server is near everybody: its distance is in its own link. */
static struct p2v_link server_link(const struct p2v_scenario *s, p2v_usec rtt, uint64_t rate)
{
	p2v_usec far = rtt / 2 - s->population->access;

	return (struct p2v_link){
		.up = rate / 8, .delay = far > 0 ? far : 0, .queue = rate ? (1 << 20) : 0
	};
}

static int fill(struct p2v_scenario *s, struct p2v_err *err)
{
	const struct p2v_config *c = s->config;
	const struct servers_conf *servers = p2v_config_get(c, "servers");
	struct p2v_swarm_conf *w = &s->swarm;
	int rc = p2v_swarm_conf_default(w, err);

	if (rc < 0)
		return rc;
	w->seed = s->run->seed;
	w->coalesce = s->run->coalesce;
	w->log_level = (enum p2v_log_level)s->run->log_level;
	w->origin.encoder = *(const struct p2v_encoder_conf *)p2v_config_get(c, "encoder");
	w->origin.think = servers->cdn_think;
	w->origin.max_age = servers->cdn_max_age;
	w->origin_link = server_link(s, servers->cdn_rtt, servers->cdn_rate);
	w->tracker_link = server_link(s, servers->tracker_rtt, 0);
	w->player = *(const struct p2v_player_conf *)p2v_config_get(c, "player");
	w->gateway = *(const struct p2v_gateway_conf *)p2v_config_get(c, "gateway");
	w->overlay = *(const struct p2v_overlay_conf *)p2v_config_get(c, "overlay");
	w->delivery = *(const struct p2v_delivery_conf *)p2v_config_get(c, "delivery");
	w->transport = *(const struct p2v_dtl_conf *)p2v_config_get(c, "transport");
	w->transport.spare_blocks = 2;
	w->tracker = *(const struct p2v_tracker_conf *)p2v_config_get(c, "tracker");
	w->tracker.listen = "*:8790";
	w->nat_timeout = s->population->nat_timeout;
	w->nat_inbound_refresh = s->population->nat_inbound_refresh;
	w->flows = s->run->fidelity == P2V_FIDELITY_FLOW;
	w->plugins = (struct p2v_swarm_plugins){ .select = plugin(s, P2V_KIND_SELECT),
		.cc = plugin(s, P2V_KIND_CC),
		.cache = plugin(s, P2V_KIND_CACHE),
		.player = plugin(s, P2V_KIND_PLAYER),
		.manifest = plugin(s, P2V_KIND_MANIFEST),
		.registry = plugin(s, P2V_KIND_REGISTRY) };
	return take_renditions(s, err);
}

static int draw(struct p2v_scenario *s, struct p2v_err *err)
{
	struct p2v_err why;
	int rc = p2v_audience_draw(s->population, p2v_config_get(s->config, "arrivals"),
		p2v_config_get(s->config, "stays"), s->run->seed, s->run->peers, s->run->warm_up,
		s->run->duration, &s->audience, &why);

	if (rc == P2V_ELIMIT)
		return blame(s, err, "[stays] %s", why.text);
	if (rc < 0)
		return p2v_fail(err, rc, "%s", why.text);
	s->swarm.audience = &s->audience;
	return P2V_OK;
}

static int check_run(const struct p2v_scenario *s, struct p2v_err *err)
{
	if (s->run->warm_up >= s->run->duration)
		return blame(s, err, "[run] warm_up: the run is over before anybody comes");
	if (s->run->from >= s->run->duration)
		return blame(s, err, "[run] from: the run is over before anything counts");
	return P2V_OK;
}

static void take_name(struct p2v_scenario *s, const char *file)
{
	const char *base = strrchr(file, '/');
	char *end;

	(void)snprintf(s->name, sizeof s->name, "%.60s", base ? base + 1 : file);
	end = strrchr(s->name, '.');
	if (end && strcmp(end, ".ini") == 0)
		*end = 0;
}

/* Before installation they lie in the build folder; and the tree may have been installed elsewhere
 * than it was configured for. */
static bool beside_program(const char *name, char *out, size_t size)
{
	static const char *const beside[] = { "conf/scenarios", "../share/peer2view/scenarios" };
	char self[900], *end;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0)
		return false;
	self[n] = 0;
	end = strrchr(self, '/');
	if (end)
		*end = 0;
	for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
		(void)snprintf(out, size, "%s/%s/%s.ini", self, beside[i], name);
		if (access(out, R_OK) == 0)
			return true;
	}
	return false;
}

/* A folder of that name is likely the result of an earlier run of that scenario. */
static bool is_file(const char *name)
{
	struct stat at;

	return stat(name, &at) == 0 && !S_ISDIR(at.st_mode) && access(name, R_OK) == 0;
}

bool p2v_scenario_find(const char *name, char *out, size_t size)
{
	if (strchr(name, '/') || is_file(name)) {
		(void)snprintf(out, size, "%s", name);
		return true;
	}
	if (beside_program(name, out, size))
		return true;
	(void)snprintf(out, size, "%s/%s.ini", P2V_SCENARIO_DIR, name);
	return access(out, R_OK) == 0;
}

int p2v_scenario_init(struct p2v_scenario *s, const char *name, const char *const *sets, size_t n,
	struct p2v_err *err)
{
	char file[1024];
	int rc;

	memset(s, 0, sizeof *s);
	if (!p2v_scenario_find(name, file, sizeof file))
		return p2v_fail(err, P2V_ENOENT,
			"%s: there is no such file, and no scenario of that name in %s", name,
			P2V_SCENARIO_DIR);
	take_name(s, file);
	rc = p2v_config_read_set(&schema, file, sets, n, &s->config, err);
	if (rc < 0)
		return rc;
	s->run = p2v_config_get(s->config, "run");
	s->population = p2v_config_get(s->config, "population");
	rc = check_run(s, err);
	if (rc == P2V_OK)
		rc = p2v_loader_new(s->run->plugin_path, &s->loader, err);
	if (rc == P2V_OK)
		rc = p2v_config_bind(s->config, s->loader, err);
	if (rc == P2V_OK)
		rc = fill(s, err);
	if (rc == P2V_OK)
		rc = take_snapshots(s, err);
	if (rc == P2V_OK)
		rc = take_faults(s, err);
	return rc < 0 ? rc : draw(s, err);
}

void p2v_scenario_fini(struct p2v_scenario *s)
{
	p2v_audience_fini(&s->audience);
	p2v_config_free(s->config);
	p2v_loader_free(s->loader);
}
