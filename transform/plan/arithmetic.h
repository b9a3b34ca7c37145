/* arithmetic: a statistic that is made of others of its aggregate, `share: 100 * volume / total`: their names,
 * numbers, + - * / and brackets, a minus in front. What comes of it is in pane/derived.h.
 *   - A name may hold '-' and '.', as those of statistics do: a minus between two of them stands behind a blank.
 *   - ohlc is used by the names of its fields. One of these may use another, but none itself, however far around.
 * Thread: one while loading.
 * Limits: RS_DERIVED_STEPS_MAX; brackets nest up to RS_ARITHMETIC_DEPTH_MAX. */
#ifndef RS_TRANSFORM_PLAN_ARITHMETIC_H
#define RS_TRANSFORM_PLAN_ARITHMETIC_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/config/config.h"
#include "transform/plan/stat.h"

#define RS_ARITHMETIC_DEPTH_MAX 8

/* Whether a text is meant as arithmetic and not as name(field). */
bool rs_arithmetic_meant(const char *text);

/* Reads all of kind RS_STAT_DERIVED in `stats`, of which everything else is loaded and which stand in the mapping
 * `node`. Wrong: complaints, false. */
bool rs_arithmetic_load(struct rs_config *config, struct rs_arena *arena, const struct rs_config_node *node,
                        struct rs_stats *stats);

#endif
