/* rules: what the configuration demands of an event before it counts, judged in configuration order.
 * Thread: immutable after loading. Patterns use the C library's matcher, which may allocate; nothing else
 * does.
 * Owns: compiled patterns (rs_rules_fini); the rest is the arena's. */
#ifndef RS_TRANSFORM_PLAN_RULES_H
#define RS_TRANSFORM_PLAN_RULES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/config/config.h"
#include "base/reason.h"
#include "schemas/program.h"
#include "transform/plan/slots.h"

struct rs_rule;
struct rs_rules {
    struct rs_rule *items;
    size_t count;
};

/* Reads `rules`; wrong: complaints. `node` may be NULL: no rules. */
void rs_rules_load(struct rs_config *config, struct rs_slots *slots, const struct rs_config_node *node,
                   struct rs_rules *out);
void rs_rules_fini(struct rs_rules *rules);

/* Number of the first rule that does not hold, or -1. */
int rs_rules_check(const struct rs_rules *rules, const struct rs_value *values);
/* RS_REASON_RULE, or RS_REASON_NOT_FINITE for `finite`. */
enum rs_reason rs_rules_reason(const struct rs_rules *rules, int rule);
/* "rule price: gt 0 does not hold". Shows the rule, never the value. */
const char *rs_rules_text(const struct rs_rules *rules, int rule);
/* "price: gt 0", for machines; and the slot of its field. */
const char *rs_rules_name(const struct rs_rules *rules, int rule);
int rs_rules_slot(const struct rs_rules *rules, int rule);

#endif
