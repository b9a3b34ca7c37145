#include "transform/plan/rules.h"

#include <math.h>
#include <string.h>

#include "transform/plan/rules_internal.h"

/* Strings were validated as UTF-8: every byte that is no continuation starts a character. */
static int64_t characters(struct rs_slice text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += (text.data[i] & 0xC0) != 0x80;
    }
    return count;
}

/* A character has one to four bytes, so that most lengths say enough. */
static bool long_enough(struct rs_slice text, int64_t least)
{
    return text.size >= (uint64_t)least && (text.size >= 4 * (uint64_t)least || characters(text) >= least);
}

static bool short_enough(struct rs_slice text, int64_t most)
{
    return text.size <= (uint64_t)most || (text.size <= 4 * (uint64_t)most && characters(text) <= most);
}

static bool same(struct rs_slice a, struct rs_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Null passes all rules but `required`: whether a field may be missing is a question of its own. */
static bool holds(const struct rs_rule *rule, const struct rs_value *values)
{
    const struct rs_value *value = &values[rule->slot];
    if (value->kind == RS_VALUE_NULL) {
        return rule->kind != RS_RULE_REQUIRED;
    }
    switch (rule->kind) {
    case RS_RULE_REQUIRED: return true;
    case RS_RULE_COMPARE: return rs_compare_holds(rule->compare, rs_literal_compare(value, &rule->literal));
    case RS_RULE_FIELD: {
        const struct rs_value *other = &values[rule->other];
        return other->kind == RS_VALUE_NULL ||
               rs_compare_holds(rule->compare, rs_values_order(value, other, rule->alignment));
    }
    case RS_RULE_IN: return rs_literal_set_has(&rule->set, value);
    case RS_RULE_NOT_IN: return !rs_literal_set_has(&rule->set, value);
    case RS_RULE_PATTERN: return rs_pattern_matches(rule->pattern, value->s);
    case RS_RULE_SAME: return same(value->s, rule->literal.s) == rule->inside;
    case RS_RULE_MIN_LENGTH: return long_enough(value->s, rule->length);
    case RS_RULE_MAX_LENGTH: return short_enough(value->s, rule->length);
    case RS_RULE_FINITE: return value->kind != RS_VALUE_DOUBLE || isfinite(value->d);
    }
    return false;
}

int rs_rules_check(const struct rs_rules *rules, struct rs_value *values, uint64_t *noted)
{
    const struct rs_rule *rule = rules->items;
    *noted = 0;
    for (size_t left = rules->count; left > 0; left--, rule++) {
        struct rs_value *value = &values[rule->slot];
        if (value->kind == rule->plain && !value->wide) {
            if ((value->i >= rule->low && value->i <= rule->high) == rule->inside) {
                continue;
            }
        } else if (holds(rule, values)) {
            continue;
        }
        if (rule->on_fail == RS_ON_FAIL_REJECT) {
            return (int)(rule - rules->items);
        }
        *noted |= UINT64_C(1) << rule->bit;
        if (rule->on_fail == RS_ON_FAIL_NULL) {
            *value = (struct rs_value){.kind = RS_VALUE_NULL};
        }
    }
    return -1;
}

enum rs_reason rs_rules_reason(const struct rs_rules *rules, int rule)
{
    return rules->items[rule].kind == RS_RULE_FINITE ? RS_REASON_NOT_FINITE : RS_REASON_RULE;
}

const char *rs_rules_text(const struct rs_rules *rules, int rule)
{
    return rules->items[rule].text;
}

const char *rs_rules_name(const struct rs_rules *rules, int rule)
{
    return rules->items[rule].name;
}

int rs_rules_slot(const struct rs_rules *rules, int rule)
{
    return rules->items[rule].slot;
}

const char *rs_rules_own_reason(const struct rs_rules *rules, int rule)
{
    return rules->items[rule].reason;
}

enum rs_on_fail rs_rules_on_fail(const struct rs_rules *rules, int rule)
{
    return rules->items[rule].on_fail;
}

const char *rs_on_fail_name(enum rs_on_fail on_fail)
{
    static const char *const names[] = {"reject", "count", "null"};
    return names[on_fail];
}
