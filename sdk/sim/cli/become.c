/* become.c - the other program lies beside this one, where it is built and where it is installed.
 */
#include <config.h>

#include "sdk/sim/cli/become.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "sdk/sim/cli/commands.h"

static struct {
	char **argv; /* NULL: this is no program of the two */
	enum p2v_fidelity own;
} self;

int p2v_sim_main(enum p2v_fidelity own, int argc, char **argv)
{
	self.own = own;
	self.argv = argv;
	return p2v_program_main(p2v_sim_program(), argc, argv);
}

int p2v_sim_become(enum p2v_fidelity wanted, struct p2v_err *err)
{
	const char *name = wanted == P2V_FIDELITY_FLOW ? "p2v-sim-flow" : "p2v-sim";
	char path[PATH_MAX + 16], *end;
	ssize_t n;

	if (!self.argv || wanted == self.own)
		return P2V_OK;
	n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	path[n > 0 ? n : 0] = 0;
	end = strrchr(path, '/');
	(void)snprintf(end ? end + 1 : path, 16, "%s", name);
	(void)execv(path, self.argv);
	return p2v_fail(err, P2V_ENOENT, "[run] fidelity = %s needs %s: %s", p2v_fidelities[wanted],
		path, strerror(errno));
}
