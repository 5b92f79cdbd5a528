/* manifests.h - the manifest plugins, linked into a test and put to use in a world in which nothing
 * happens. A new plugin adds its symbol here, and all tests of the kind run on it. */
#ifndef P2V_TESTS_MANIFESTS_H
#define P2V_TESTS_MANIFESTS_H

#include "framework/stream/doc.h"
#include "tests/unit/fake_world.h"

extern const struct p2v_plugin p2v_manifest_hls_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_manifest_dash_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_manifest_smooth_LTX_p2v_plugin;
extern const struct p2v_plugin p2v_manifest_hds_LTX_p2v_plugin;

enum { P2V_TEST_MANIFESTS = 4 };

struct p2v_test_manifests {
	struct fake_world world;
	struct p2v_node node;
	struct p2v_policy policies[P2V_TEST_MANIFESTS];
	struct p2v_manifests all;
};

static inline void p2v_test_manifests_init(struct p2v_test_manifests *m)
{
	static const struct p2v_plugin *const plugins[P2V_TEST_MANIFESTS] = {
		&p2v_manifest_hls_LTX_p2v_plugin, &p2v_manifest_dash_LTX_p2v_plugin,
		&p2v_manifest_smooth_LTX_p2v_plugin, &p2v_manifest_hds_LTX_p2v_plugin
	};

	fake_world_node(&m->world, &m->node);
	for (size_t i = 0; i < P2V_TEST_MANIFESTS; i++)
		p2v_policy_init(&m->policies[i], &m->node, plugins[i], NULL);
	m->all = (struct p2v_manifests){ .v = m->policies, .n = P2V_TEST_MANIFESTS };
}

#endif
