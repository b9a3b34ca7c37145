/* rules: what the configuration demands of an event before it counts, judged in configuration order.
 * Thread: immutable after loading. Judging allocates nothing.
 * Owns: compiled patterns (rs_rules_fini); the rest is the arena's. */
#ifndef RS_TRANSFORM_PLAN_RULES_H
#define RS_TRANSFORM_PLAN_RULES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/config/config.h"
#include "base/reason.h"
#include "schemas/program.h"
#include "transform/plan/slots.h"

#define RS_RULES_MAX       256 /* of a stream: each test of a field is one */
#define RS_RULES_NOTED_MAX 64  /* of them such as reject nothing */

/* What becomes of an event that a rule does not hold for. */
enum rs_on_fail {
    RS_ON_FAIL_REJECT,
    RS_ON_FAIL_COUNT, /* only counted */
    RS_ON_FAIL_NULL,  /* counted, and the field is taken as null from here on */
};

struct rs_rule;
struct rs_rules {
    struct rs_rule *items;
    size_t count;
    size_t noted_count;
    uint16_t noted[RS_RULES_NOTED_MAX]; /* rules that reject nothing, by their bit */
};

/* Reads `rules`; wrong: complaints. `node` may be NULL: no rules. */
void rs_rules_load(struct rs_config *config, struct rs_slots *slots, const struct rs_config_node *node,
                   struct rs_rules *out);
void rs_rules_fini(struct rs_rules *rules);

/* Number of the first rule that does not hold and rejects, or -1. *noted: bits of those before it that do not
 * hold either; their fields are nulls in `values` where that is what they are for. */
int rs_rules_check(const struct rs_rules *rules, struct rs_value *values, uint64_t *noted);
/* RS_REASON_RULE, or RS_REASON_NOT_FINITE for `finite`. */
enum rs_reason rs_rules_reason(const struct rs_rules *rules, int rule);
/* "rule price: gt 0 does not hold". Shows the rule, never the value. */
const char *rs_rules_text(const struct rs_rules *rules, int rule);
/* "price: gt 0", for machines: no two rules of a stream have the same; and the slot of its field. */
const char *rs_rules_name(const struct rs_rules *rules, int rule);
int rs_rules_slot(const struct rs_rules *rules, int rule);
/* As configured; NULL: none. */
const char *rs_rules_own_reason(const struct rs_rules *rules, int rule);
enum rs_on_fail rs_rules_on_fail(const struct rs_rules *rules, int rule);
const char *rs_on_fail_name(enum rs_on_fail on_fail);

#endif
