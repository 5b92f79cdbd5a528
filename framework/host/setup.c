/* setup.c - an ini file read, its plugins loaded, all of it bound. */
#include "framework/host/setup.h"

#include "framework/host/sections.h"

int p2v_setup_init(struct p2v_setup *out, const char *file, struct p2v_err *err)
{
	const struct p2v_main_conf *conf;
	struct p2v_err why;
	int rc;

	*out = (struct p2v_setup){ NULL, NULL };
	rc = p2v_config_read(p2v_schema(), file, &out->config, err);
	if (rc < 0)
		return rc;
	conf = p2v_config_get(out->config, P2V_SECTION_MAIN);
	rc = p2v_loader_new(conf->plugin_path, &out->loader, &why);
	if (rc < 0)
		(void)p2v_fail(err, rc, "%s: %s", file, why.text);
	else
		rc = p2v_config_bind(out->config, out->loader, err);
	if (rc < 0)
		p2v_setup_fini(out);
	return rc;
}

void p2v_setup_fini(struct p2v_setup *s)
{
	p2v_config_free(s->config);
	p2v_loader_free(s->loader);
	*s = (struct p2v_setup){ NULL, NULL };
}
