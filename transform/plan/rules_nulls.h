/* rules nulls: which fields a rule must not make null.
 * Thread: one while loading. */
#ifndef RS_TRANSFORM_PLAN_RULES_NULLS_H
#define RS_TRANSFORM_PLAN_RULES_NULLS_H

#include "base/config/config.h"
#include "transform/plan/plan.h"

/* Complains about rules with `on_fail: null` whose field cannot do without a value: once all aggregates are
 * loaded. */
void rs_rules_check_nulls(struct rs_config *config, const struct rs_plan *plan);

#endif
