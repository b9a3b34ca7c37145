/* `rules` as they are written, to what rules.c judges by. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "transform/plan/rules_internal.h"

#define NAME_PART_MAX 200 /* bytes of a path or constant in a rule's name */

#define REASON_MAX 64 /* bytes: it is a header of dead letters and a label of metrics */

static const char *const rule_keys[] = {
    "required", "eq",      "ne",         "lt",         "le",     "gt",      "ge",     "in",
    "not_in",   "pattern", "min_length", "max_length", "finite", "on_fail", "reason", NULL};

/* What all tests of one mapping have in common. */
struct tests {
    struct rs_config *config;
    struct rs_slots *slots;
    struct rs_rules *out;
    uint16_t slot;
    enum rs_on_fail on_fail;
    const char *reason;
    const struct rs_config_node *where; /* of on_fail */
};

/* ---- names ---- */

static bool name_taken(const struct rs_rules *rules, const char *name)
{
    for (size_t i = 0; i + 1 < rules->count; i++) { /* the last one is about to get its own */
        if (rules->items[i].name && strcmp(rules->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A name is a label of metrics, too: it is cut between characters. */
static int shown(const char *text)
{
    size_t size = text ? strlen(text) : 0;
    return (int)(size > NAME_PART_MAX ? rs_utf8_cut((const uint8_t *)text, NAME_PART_MAX) : size);
}

/* Texts that the environment or a file put in never show. */
static void describe(const struct tests *t, const struct rs_config_node *value, const char *key,
                     struct rs_rule *rule)
{
    char name[512];
    char text[640];
    const char *constant = rs_config_shown(value);
    const struct rs_config_node *field =
        rs_config_kind(value) == RS_CONFIG_MAPPING ? rs_config_get(value, "field") : NULL;
    constant = field ? rs_config_text(field) : constant;
    const char *path = t->slots->paths[rule->slot];
    int size = snprintf(name, sizeof name - 8, "%.*s: %s%s%.*s%s", shown(path), path, key,
                        field      ? " {field: "
                        : constant ? " "
                                   : "",
                        shown(constant), constant ? constant : "", field ? "}" : "");
    for (int i = 2; name_taken(t->out, name) && i <= RS_RULES_MAX; i++) {
        snprintf(name + size, sizeof name - (size_t)size, " #%d", i);
    }
    snprintf(text, sizeof text, "rule %s does not hold%s%s", name, rule->reason ? ": " : "",
             rule->reason ? rule->reason : "");
    rule->name = rs_arena_text(t->slots->arena, name);
    rule->text = rs_arena_text(t->slots->arena, text);
}

/* ---- tests ---- */

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

static bool load_pattern(struct rs_config *config, const struct rs_config_node *value, struct rs_rule *rule)
{
    struct rs_error error;
    const char *text = rs_config_text(value);
    if (!text) {
        rs_config_complain(config, value, "pattern is a POSIX extended regular expression");
        return false;
    }
    if (rs_pattern_compile(text, &rule->pattern, &error) < 0) {
        rs_config_complain(config, value, "pattern: %s", error.text);
        return false;
    }
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

static int64_t clamp(rs_i128 w)
{
    return w < INT64_MIN ? INT64_MIN : w > INT64_MAX ? INT64_MAX : (int64_t)w;
}

/* A constant that no int64 equals leaves all of them on one side, or none. */
static void set_range(struct rs_rule *rule, rs_i128 w)
{
    rs_i128 low = INT64_MIN;
    rs_i128 high = INT64_MAX;
    switch (rule->compare) {
    case RS_CMP_EQ:
    case RS_CMP_NE: low = high = w; break;
    case RS_CMP_LT: high = w - 1; break;
    case RS_CMP_LE: high = w; break;
    case RS_CMP_GT: low = w + 1; break;
    case RS_CMP_GE: low = w; break;
    }
    bool none = low > INT64_MAX || high < INT64_MIN;
    rule->low = none ? 1 : clamp(low);
    rule->high = none ? 0 : clamp(high);
    rule->inside = rule->compare != RS_CMP_NE;
}

static bool load_constant(const struct tests *t, const struct rs_config_node *value, struct rs_rule *rule)
{
    const struct rs_field_type *type = &t->slots->types[rule->slot];
    if (!rs_literal_parse(t->config, t->slots->arena, value, t->slots->paths[rule->slot], type,
                          &rule->literal)) {
        return false;
    }
    if (type->kind == RS_VALUE_INT || type->kind == RS_VALUE_BOOLEAN || type->kind == RS_VALUE_DECIMAL) {
        rule->plain = (uint8_t)type->kind;
        set_range(rule, rule->literal.w);
    }
    if (type->kind == RS_VALUE_BYTES && (rule->compare == RS_CMP_EQ || rule->compare == RS_CMP_NE)) {
        rule->kind = RS_RULE_SAME;
        rule->inside = rule->compare == RS_CMP_EQ;
    }
    return true;
}

/* Neighbours among whole numbers and symbols are a range. */
static bool load_set(const struct tests *t, const struct rs_config_node *value, struct rs_rule *rule)
{
    const struct rs_field_type *type = &t->slots->types[rule->slot];
    if (!rs_literal_set_load(t->config, t->slots->arena, value, t->slots->paths[rule->slot], type,
                             &rule->set)) {
        return false;
    }
    bool whole = type->kind == RS_VALUE_INT || type->kind == RS_VALUE_BOOLEAN;
    for (size_t i = 1; whole && i < rule->set.count; i++) {
        whole = rule->set.items[i].w - rule->set.items[i - 1].w <= 1;
    }
    rs_i128 low = rule->set.items[0].w;
    rs_i128 high = rule->set.items[rule->set.count - 1].w;
    if (whole && low >= INT64_MIN && high <= INT64_MAX) {
        rule->plain = (uint8_t)type->kind;
        rule->low = (int64_t)low;
        rule->high = (int64_t)high;
        rule->inside = rule->kind == RS_RULE_IN;
    }
    return true;
}

/* {field: other} in the place of a constant. */
static bool load_other(const struct tests *t, const struct rs_config_node *value, struct rs_rule *rule)
{
    const struct rs_config_node *where = rs_config_get(value, "field");
    const char *path = where ? rs_config_text(where) : NULL;
    if (!path || rs_config_size(value) != 1) {
        rs_config_complain(t->config, value, "a comparison is with a constant or {field: NAME}");
        return false;
    }
    int other = rs_slots_want(t->slots, t->config, where, path);
    if (other < 0) {
        return false;
    }
    rule->kind = RS_RULE_FIELD;
    rule->other = (uint16_t)other;
    if (rule->other == rule->slot) {
        rs_config_complain(t->config, where, "%s is compared with itself", path);
        return false;
    }
    const char *const paths[] = {t->slots->paths[rule->slot], t->slots->paths[other]};
    const struct rs_field_type *const types[] = {&t->slots->types[rule->slot], &t->slots->types[other]};
    return rs_fields_comparable(t->config, where, paths, types, &rule->alignment);
}

static bool load_kind(const char *key, struct rs_rule *rule)
{
    static const struct {
        const char *key;
        enum rs_rule_kind kind;
    } kinds[] = {{"required", RS_RULE_REQUIRED},     {"in", RS_RULE_IN},
                 {"not_in", RS_RULE_NOT_IN},         {"pattern", RS_RULE_PATTERN},
                 {"finite", RS_RULE_FINITE},         {"min_length", RS_RULE_MIN_LENGTH},
                 {"max_length", RS_RULE_MAX_LENGTH}, {NULL, RS_RULE_COMPARE}};
    for (size_t i = 0; kinds[i].key; i++) {
        if (strcmp(key, kinds[i].key) == 0) {
            rule->kind = kinds[i].kind;
            return true;
        }
    }
    rule->kind = RS_RULE_COMPARE;
    return rs_compare_parse(key, &rule->compare);
}

static bool load_finite(const struct tests *t, const struct rs_config_node *key,
                        const struct rs_config_node *value, const struct rs_field_type *type)
{
    if (rs_field_type_known(type) && type->schema->kind != RS_AVRO_FLOAT &&
        type->schema->kind != RS_AVRO_DOUBLE) {
        rs_config_complain(t->config, key, "finite is for float and double, and %s is %s",
                           t->slots->paths[t->slot], rs_field_type_name(type));
        return false;
    }
    return load_flag(t->config, value, "finite");
}

static bool load_required(const struct tests *t, const struct rs_config_node *key,
                          const struct rs_config_node *value)
{
    if (t->on_fail == RS_ON_FAIL_NULL) {
        rs_config_complain(t->config, key, "required with on_fail: null changes nothing: leave it out");
        return false;
    }
    return load_flag(t->config, value, "required");
}

static bool load_rule(const struct tests *t, const struct rs_config_node *key,
                      const struct rs_config_node *value, struct rs_rule *rule)
{
    const char *path = t->slots->paths[rule->slot];
    const struct rs_field_type *type = &t->slots->types[rule->slot];
    const char *name = rs_config_text(key);
    if (!load_kind(name, rule)) {
        return false;
    }
    describe(t, value, name, rule);
    switch (rule->kind) {
    case RS_RULE_REQUIRED: return load_required(t, key, value);
    case RS_RULE_SAME:
    case RS_RULE_FIELD:
    case RS_RULE_COMPARE:
        return rs_compare_allowed(t->config, key, path, type, rule->compare) &&
               (rs_config_kind(value) == RS_CONFIG_MAPPING ? load_other(t, value, rule)
                                                           : load_constant(t, value, rule));
    case RS_RULE_IN:
    case RS_RULE_NOT_IN: return load_set(t, value, rule);
    case RS_RULE_PATTERN: return is_text(t->config, key, path, type) && load_pattern(t->config, value, rule);
    case RS_RULE_MIN_LENGTH:
    case RS_RULE_MAX_LENGTH:
        return is_text(t->config, key, path, type) && load_length(t->config, value, name, rule);
    case RS_RULE_FINITE: return load_finite(t, key, value, type);
    }
    return false;
}

/* ---- a field's rules ---- */

/* A rule that rejects nothing has a bit, by which a record that it does not hold for remembers it. */
static bool give_bit(const struct tests *t, const struct rs_config_node *key, struct rs_rule *rule)
{
    struct rs_rules *rules = t->out;
    if (rule->on_fail == RS_ON_FAIL_REJECT) {
        return true;
    }
    if (rules->noted_count == RS_RULES_NOTED_MAX) {
        rs_config_complain(t->config, key, "more than %d rules of one stream reject nothing",
                           RS_RULES_NOTED_MAX);
        return false;
    }
    rule->bit = (uint8_t)rules->noted_count;
    rules->noted[rules->noted_count++] = (uint16_t)(rule - rules->items);
    return true;
}

static void add_rule(const struct tests *t, const struct rs_config_node *key,
                     const struct rs_config_node *value)
{
    struct rs_rules *rules = t->out;
    if (rules->count == RS_RULES_MAX) {
        rs_config_complain(t->config, key, "more than %d rules of one stream", RS_RULES_MAX);
        return;
    }
    struct rs_rule *items = rs_arena_grow(t->slots->arena, rules->items, rules->count, sizeof *items);
    if (!items) {
        rs_config_complain(t->config, key, "out of memory");
        return;
    }
    rules->items = items;
    struct rs_rule *rule = &items[rules->count++];
    *rule = (struct rs_rule){.plain = RS_RULE_NEVER_PLAIN,
                             .slot = t->slot,
                             .on_fail = t->on_fail,
                             .reason = t->reason,
                             .where = t->where};
    if (!load_rule(t, key, value, rule) || !rule->name || !rule->text || !give_bit(t, key, rule)) {
        rs_pattern_free(&rule->pattern);
        rules->count--;
    }
}

static bool load_on_fail(struct tests *t, const struct rs_config_node *node)
{
    static const char *const names[] = {"reject", "count", "null", NULL};
    t->where = rs_config_get(node, "on_fail");
    if (!t->where) {
        return true;
    }
    bool null = rs_config_kind(t->where) == RS_CONFIG_NULL && !rs_config_empty(t->where);
    const char *text = null ? "null" : rs_config_text(t->where);
    for (size_t i = 0; text && names[i]; i++) {
        if (strcmp(text, names[i]) == 0) {
            t->on_fail = (enum rs_on_fail)i;
            return true;
        }
    }
    const char *near = text ? rs_nearest_name(text, names) : NULL;
    rs_config_complain(t->config, t->where, "on_fail is reject, count or null%s%s%s",
                       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return false;
}

static bool load_reason(struct tests *t, const struct rs_config_node *node)
{
    const struct rs_config_node *where = rs_config_get(node, "reason");
    const char *text = where ? rs_config_text(where) : NULL;
    if (!where) {
        return true;
    }
    bool right = text && text[0] != '\0' && strlen(text) <= REASON_MAX;
    for (const char *at = text; right && *at; at++) {
        right = (unsigned char)*at >= ' ' && *at != 0x7F;
    }
    if (!right) {
        rs_config_complain(
            t->config, where,
            "reason is a text of 1 to %d bytes on one line, which dead letters and metrics show", REASON_MAX);
        return false;
    }
    t->reason = rs_arena_text(t->slots->arena, rs_config_shown(where));
    return t->reason != NULL;
}

/* {gt: 0, le: 100, on_fail: count} */
static void load_tests(struct tests t, const struct rs_config_node *node)
{
    static const char *const settings[] = {"on_fail", "reason"};
    size_t tests = 0;
    (void)rs_config_expect_mapping(t.config, node, "a rule", rule_keys);
    if (rs_config_kind(node) != RS_CONFIG_MAPPING) {
        return;
    }
    bool right = load_on_fail(&t, node);
    right &= load_reason(&t, node);
    for (size_t i = 0; i < rs_config_size(node); i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(node, i, &key, &value);
        bool setting = false;
        for (size_t k = 0; k < 2 && rs_config_text(key); k++) {
            setting |= strcmp(rs_config_text(key), settings[k]) == 0;
        }
        if (!setting && rs_config_text(key)) {
            add_rule(&t, key, value);
            tests++;
        }
    }
    if (tests == 0 && right && rs_config_size(node) > 0) {
        rs_config_complain(t.config, node,
                           "on_fail and reason belong to tests, as in {gt: 0, on_fail: count}");
    }
}

static void load_field(struct rs_config *config, struct rs_slots *slots, const struct rs_config_node *field,
                       const struct rs_config_node *node, struct rs_rules *out)
{
    const char *path = rs_config_text(field);
    int slot = path ? rs_slots_want(slots, config, field, path) : -1;
    struct tests t = {.config = config, .slots = slots, .out = out, .slot = (uint16_t)slot};
    bool list = rs_config_kind(node) == RS_CONFIG_SEQUENCE;
    if (slot < 0) {
        if (!list) {
            (void)rs_config_expect_mapping(config, node, "a rule", rule_keys);
        }
        return;
    }
    for (size_t i = 0; list && i < rs_config_size(node); i++) {
        load_tests(t, rs_config_item(node, i));
    }
    if (list && rs_config_size(node) == 0) {
        rs_config_complain(config, node, "a list of rules is of one at least, as in [{gt: 0}]");
    }
    if (!list) {
        load_tests(t, node);
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
        rs_pattern_free(&rules->items[i].pattern);
    }
    *rules = (struct rs_rules){0};
}
