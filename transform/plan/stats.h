/* stats: the statistics of an aggregate as they are written, `vwap: vwap(price, quantity)`.
 * Thread: one while loading. */
#ifndef RS_TRANSFORM_PLAN_STATS_H
#define RS_TRANSFORM_PLAN_STATS_H

#include <stdbool.h>

#include "base/config/config.h"
#include "transform/plan/inputs.h"
#include "transform/plan/stat.h"

/* Reads `stats`; wrong: complaints, false. */
bool rs_stats_load(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *node,
                   struct rs_stats *out);

#endif
