/* gates: the `where` of single statistics, `{stat: sum(quantity), where: {side: BUY}}`. A condition is an input of its
 * own, 1 where it holds and absent else, so that it is judged once an event however many statistics ask; theirs are
 * absent where it does not hold, and panes know nothing of it. Conditions are the same where they are written the
 * same.
 * Thread: one while loading. */
#ifndef RS_TRANSFORM_PLAN_GATES_H
#define RS_TRANSFORM_PLAN_GATES_H

#include "base/config/config.h"
#include "transform/plan/inputs.h"

/* Number of the input of the condition `where`, added if new; -1 after a complaint. */
int rs_gate_want(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where);

/* Appends the condition as it is written, in one line: "{side: BUY}". `shown`: without what came from the environment
 * or a file. */
void rs_gate_print(const struct rs_config_node *where, bool shown, struct rs_buf *out);

#endif
