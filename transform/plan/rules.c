#include "transform/plan/rules.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "transform/plan/condition.h"

enum kind { REQUIRED, COMPARE, IN, NOT_IN, PATTERN, MIN_LENGTH, MAX_LENGTH, FINITE };

struct rs_rule {
    enum kind kind;
    int slot;
    enum rs_compare compare;
    struct rs_literal literal;
    struct rs_literal_set set;
    int64_t length; /* characters */
    regex_t pattern;
    bool pattern_compiled;
    const char *name, *text;
};

static const char *const rule_keys[] = {"required",   "eq",         "ne",     "lt",     "le",
                                        "gt",         "ge",         "in",     "not_in", "pattern",
                                        "min_length", "max_length", "finite", NULL};

/* ---- loading ---- */

static void describe(struct rs_slots *slots, const struct rs_config_node *value, const char *key,
                     struct rs_rule *rule)
{
    char name[464];
    char text[512];
    const char *constant = rs_config_text(value);
    snprintf(name, sizeof name, "%.200s: %s%s%.200s", slots->paths[rule->slot], key, constant ? " " : "",
             constant ? constant : "");
    snprintf(text, sizeof text, "rule %s does not hold", name);
    rule->name = rs_arena_text(slots->arena, name);
    rule->text = rs_arena_text(slots->arena, text);
}

static bool load_flag(struct rs_config *config, const struct rs_config_node *value, const char *key)
{
    const char *text = rs_config_text(value);
    if (!text || strcmp(text, "true") != 0) {
        rs_config_complain(config, value, "%s can only be true; leave it out otherwise", key);
        return false;
    }
    return true;
}

static bool is_text(struct rs_config *config, const struct rs_config_node *key, const char *path,
                    const struct rs_field_type *type)
{
    if (rs_field_type_known(type) && type->schema->kind != RS_AVRO_STRING) {
        rs_config_complain(config, key, "%s is for strings, and %s is %s", rs_config_text(key), path,
                           rs_field_type_name(type));
        return false;
    }
    return true;
}

/* The pattern has to match the whole text, not a part of it. */
static bool load_pattern(struct rs_config *config, struct rs_slots *slots, const struct rs_config_node *value,
                         struct rs_rule *rule)
{
    const char *text = rs_config_text(value);
    if (!text) {
        rs_config_complain(config, value, "pattern is a POSIX extended regular expression");
        return false;
    }
    size_t size = strlen(text) + 5;
    char *whole = rs_arena_alloc(slots->arena, size);
    if (!whole) {
        return false;
    }
    snprintf(whole, size, "^(%s)$", text);
    int rc = regcomp(&rule->pattern, whole, REG_EXTENDED | REG_NOSUB);
    if (rc != 0) {
        char why[128];
        regerror(rc, &rule->pattern, why, sizeof why);
        rs_config_complain(config, value, "pattern: %s", why);
        return false;
    }
    rule->pattern_compiled = true;
    return true;
}

static bool load_length(struct rs_config *config, const struct rs_config_node *value, const char *key,
                        struct rs_rule *rule)
{
    struct rs_error error;
    rs_i128 wide = -1;
    const char *text = rs_config_text(value);
    if (!text || rs_decimal_parse(rs_slice_text(text), 0, &wide, &error) < 0 || wide < 0 ||
        wide > INT32_MAX) {
        rs_config_complain(config, value, "%s is a number of characters", key);
        return false;
    }
    rule->length = (int64_t)wide;
    return true;
}

static bool load_kind(const char *key, struct rs_rule *rule)
{
    static const struct {
        const char *key;
        enum kind kind;
    } kinds[] = {{"required", REQUIRED},    {"in", IN},         {"not_in", NOT_IN},
                 {"pattern", PATTERN},      {"finite", FINITE}, {"min_length", MIN_LENGTH},
                 {"max_length", MAX_LENGTH}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(key, kinds[i].key) == 0) {
            rule->kind = kinds[i].kind;
            return true;
        }
    }
    rule->kind = COMPARE;
    return rs_compare_parse(key, &rule->compare);
}

static bool load_rule(struct rs_config *config, struct rs_slots *slots, const struct rs_config_node *key,
                      const struct rs_config_node *value, struct rs_rule *rule)
{
    const char *path = slots->paths[rule->slot];
    const struct rs_field_type *type = &slots->types[rule->slot];
    const char *name = rs_config_text(key);
    if (!load_kind(name, rule)) {
        return false;
    }
    describe(slots, value, name, rule);
    switch (rule->kind) {
    case REQUIRED: return load_flag(config, value, name);
    case COMPARE:
        return rs_compare_allowed(config, key, path, type, rule->compare) &&
               rs_literal_parse(config, slots->arena, value, path, type, &rule->literal);
    case IN:
    case NOT_IN: return rs_literal_set_load(config, slots->arena, value, path, type, &rule->set);
    case PATTERN: return is_text(config, key, path, type) && load_pattern(config, slots, value, rule);
    case MIN_LENGTH:
    case MAX_LENGTH: return is_text(config, key, path, type) && load_length(config, value, name, rule);
    case FINITE:
        if (rs_field_type_known(type) && type->schema->kind != RS_AVRO_FLOAT &&
            type->schema->kind != RS_AVRO_DOUBLE) {
            rs_config_complain(config, key, "finite is for float and double, and %s is %s", path,
                               rs_field_type_name(type));
            return false;
        }
        return load_flag(config, value, name);
    }
    return false;
}

/* A rule with a fault is taken off again, unless its pattern was compiled: then it stays, for
 * rs_rules_fini to free that. */
static void load_field(struct rs_config *config, struct rs_slots *slots, const struct rs_config_node *field,
                       const struct rs_config_node *tests, struct rs_rules *out)
{
    const char *path = rs_config_text(field);
    int slot = path ? rs_slots_want(slots, config, field, path) : -1;
    (void)rs_config_expect_mapping(config, tests, "a rule", rule_keys);
    if (slot < 0 || rs_config_kind(tests) != RS_CONFIG_MAPPING) {
        return;
    }
    for (size_t i = 0; i < rs_config_size(tests); i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(tests, i, &key, &value);
        struct rs_rule *items = rs_arena_grow(slots->arena, out->items, out->count, sizeof *items);
        if (!items) {
            rs_config_complain(config, key, "out of memory");
            return;
        }
        out->items = items;
        struct rs_rule *rule = &items[out->count];
        *rule = (struct rs_rule){.slot = slot};
        out->count++;
        if (!load_rule(config, slots, key, value, rule) && !rule->pattern_compiled) {
            out->count--;
        }
    }
}

void rs_rules_load(struct rs_config *config, struct rs_slots *slots, const struct rs_config_node *node,
                   struct rs_rules *out)
{
    *out = (struct rs_rules){0};
    if (!node) {
        return;
    }
    if (rs_config_kind(node) != RS_CONFIG_MAPPING) {
        rs_config_complain(config, node, "rules is a mapping from field to rules, as in {price: {gt: 0}}");
        return;
    }
    for (size_t i = 0; i < rs_config_size(node); i++) {
        const struct rs_config_node *field;
        const struct rs_config_node *tests;
        rs_config_pair(node, i, &field, &tests);
        load_field(config, slots, field, tests, out);
    }
}

void rs_rules_fini(struct rs_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->items[i].pattern_compiled) {
            regfree(&rules->items[i].pattern);
        }
    }
    *rules = (struct rs_rules){0};
}

/* ---- judging ---- */

/* Strings were validated as UTF-8: every byte that is no continuation starts a character. */
static int64_t characters(struct rs_slice text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += (text.data[i] & 0xC0) != 0x80;
    }
    return count;
}

static bool matches(const struct rs_rule *rule, struct rs_slice text)
{
    if (text.size > INT32_MAX) {
        return false;
    }
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)text.size};
    const char *start = text.size ? (const char *)text.data : "";
    return regexec(&rule->pattern, start, 1, &range, REG_STARTEND) == 0;
}

/* Null passes all rules but `required`: whether a field may be missing is a question of its own. */
static bool holds(const struct rs_rule *rule, const struct rs_value *value)
{
    if (value->kind == RS_VALUE_NULL) {
        return rule->kind != REQUIRED;
    }
    switch (rule->kind) {
    case REQUIRED: return true;
    case COMPARE: return rs_compare_holds(rule->compare, rs_literal_compare(value, &rule->literal));
    case IN: return rs_literal_set_has(&rule->set, value);
    case NOT_IN: return !rs_literal_set_has(&rule->set, value);
    case PATTERN: return matches(rule, value->s);
    case MIN_LENGTH: return characters(value->s) >= rule->length;
    case MAX_LENGTH: return characters(value->s) <= rule->length;
    case FINITE: return value->kind != RS_VALUE_DOUBLE || isfinite(value->d);
    }
    return false;
}

int rs_rules_check(const struct rs_rules *rules, const struct rs_value *values)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (!holds(&rules->items[i], &values[rules->items[i].slot])) {
            return (int)i;
        }
    }
    return -1;
}

enum rs_reason rs_rules_reason(const struct rs_rules *rules, int rule)
{
    return rules->items[rule].kind == FINITE ? RS_REASON_NOT_FINITE : RS_REASON_RULE;
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
