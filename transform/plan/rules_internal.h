/* rules internal: a rule as it is judged, between the files that load rules and judge by them. Private to
 * rules*.c.
 * Thread: as rules.h. */
#ifndef RS_TRANSFORM_PLAN_RULES_INTERNAL_H
#define RS_TRANSFORM_PLAN_RULES_INTERNAL_H

#include "transform/plan/compare.h"
#include "transform/plan/condition.h"
#include "transform/plan/pattern.h"
#include "transform/plan/rules.h"

enum rs_rule_kind {
    RS_RULE_REQUIRED,
    RS_RULE_COMPARE,
    RS_RULE_SAME,  /* eq and ne of texts */
    RS_RULE_FIELD, /* with another field */
    RS_RULE_IN,
    RS_RULE_NOT_IN,
    RS_RULE_PATTERN,
    RS_RULE_MIN_LENGTH,
    RS_RULE_MAX_LENGTH,
    RS_RULE_FINITE,
};

#define RS_RULE_NEVER_PLAIN UINT8_MAX /* no kind of value */

struct rs_rule {
    /* A value of this kind that is not wide is judged by its `i` alone: whether low <= i <= high is what is
     * wanted. */
    uint8_t plain;
    bool inside;
    uint16_t slot;
    int64_t low, high;
    enum rs_rule_kind kind;
    enum rs_compare compare;
    uint16_t other; /* slot; FIELD */
    struct rs_alignment alignment;
    enum rs_on_fail on_fail;
    uint8_t bit;    /* among those that reject nothing */
    int64_t length; /* characters */
    struct rs_literal literal;
    struct rs_literal_set set;
    struct rs_pattern *pattern;
    const char *name, *text, *reason;
    const struct rs_config_node *where; /* its `on_fail` */
};

#endif
