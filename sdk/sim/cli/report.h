/* report.h - what is told of a run, and of two runs compared. */
#ifndef P2V_SIM_CLI_REPORT_H
#define P2V_SIM_CLI_REPORT_H

#include "sdk/sim/cli/play.h"
#include "sdk/sim/cli/summary.h"

#define P2V_SERIES_HEAD "t_s,viewers,savings,buffering,bitrate_bps,cdn_bps,p2p_bps\n"

/** @param cdn  [in] the same audience from the CDN alone; NULL: there was no such run */
void p2v_report_summary(const struct p2v_scenario *s, const struct p2v_play *p,
	const struct p2v_play *cdn, struct p2v_summary *out);
/** A line a viewer, as CSV. @param cdn  [in] as above */
void p2v_report_viewers(const struct p2v_scenario *s, const struct p2v_play *p,
	const struct p2v_play *cdn, FILE *out);
/** A line for each two classes of NAT box that met, as CSV. @param p  [in] with pairs */
void p2v_report_pairs(const struct p2v_play *p, FILE *out);

#endif
