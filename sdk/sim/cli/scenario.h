/* scenario.h - a scenario file made into settings of a swarm: its sections, each with its option
 * table, and the plugins that it chooses, loaded as the agent loads them. */
#ifndef P2V_SIM_CLI_SCENARIO_H
#define P2V_SIM_CLI_SCENARIO_H

#include "framework/host/config.h"
#include "sdk/sim/swarm/faults.h"

/** Bound from [run]. */
struct p2v_run_conf {
	uint32_t peers;
	p2v_usec duration, warm_up, from, sample;
	uint64_t seed;
	p2v_usec coalesce;
	uint32_t fidelity; /* enum p2v_fidelity */
	double eta;
	p2v_usec longer_by;
	double lower_by;
	const char *snapshots; /* a list of times */
	uint32_t log_level;
	const char *plugin_path;
};
enum p2v_fidelity { P2V_FIDELITY_PACKET, P2V_FIDELITY_FLOW };
extern const char *const p2v_fidelities[];

enum { P2V_RENDITIONS_MAX = 16, P2V_FAULTS_MAX = 64, P2V_SNAPSHOTS_MAX = 32 };

struct p2v_scenario {
	char name[64];
	struct p2v_config *config;
	struct p2v_loader *loader;
	const struct p2v_run_conf *run;
	const struct p2v_population_conf *population;
	const struct p2v_fault_conf *faults[P2V_FAULTS_MAX];
	size_t n_faults;
	struct p2v_audience audience;
	struct p2v_encoder_rendition renditions[P2V_RENDITIONS_MAX];
	char rendition_names[P2V_RENDITIONS_MAX][8];
	p2v_usec snapshots[P2V_SNAPSHOTS_MAX]; /* rising */
	size_t n_snapshots;
	struct p2v_swarm_conf swarm; /* points into the rest */
};

/** What a scenario file can say. */
const struct p2v_schema *p2v_scenario_schema(void);

/** Read a scenario, load its plugins, draw its audience.
 * @param file  [in] a path, or the name of a scenario that is installed
 * @param sets  [in] shape (n): "SECTION.KEY=VALUE", instead of what the file says
 * @param out   [out] ended by p2v_scenario_fini, also after an error; stays where it is
 * @return P2V_OK; P2V_ECONF with the place; P2V_EIO, P2V_ENOENT, P2V_EABI, P2V_ENOMEM */
P2V_MUST_USE int p2v_scenario_init(struct p2v_scenario *out, const char *file,
	const char *const *sets, size_t n, struct p2v_err *err);
void p2v_scenario_fini(struct p2v_scenario *s);

/** Where a scenario is: the file itself, else NAME.ini among those installed or in the source tree.
 * @param out  [out] @return whether there is one */
bool p2v_scenario_find(const char *name, char *out, size_t size);

#endif
