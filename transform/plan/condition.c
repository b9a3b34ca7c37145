#include "transform/plan/condition.h"

#include <stdlib.h>
#include <string.h>

#define CONDITION_DEPTH_MAX 32

enum kind { AND, OR, NOT, COMPARE, IN, NOT_IN, IS_NULL, IS_NOT_NULL };

struct rs_condition {
    enum kind kind;
    int slot;
    enum rs_compare compare;
    struct rs_literal literal;
    struct rs_literal_set set;
    const struct rs_condition **children;
    size_t child_count;
};

static const char *const condition_keys[] = {"eq", "ne", "lt",     "le",      "gt",
                                             "ge", "in", "not_in", "is_null", NULL};

/* ---- comparisons ---- */

bool rs_compare_parse(const char *key, enum rs_compare *out)
{
    static const char *const names[] = {"eq", "ne", "lt", "le", "gt", "ge"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(key, names[i]) == 0) {
            *out = (enum rs_compare)i;
            return true;
        }
    }
    return false;
}

bool rs_compare_allowed(struct rs_config *config, const struct rs_config_node *where, const char *path,
                        const struct rs_field_type *type, enum rs_compare compare)
{
    if (!rs_field_type_known(type)) {
        return true;
    }
    bool ordered = type->kind != RS_VALUE_BOOLEAN && type->schema->kind != RS_AVRO_ENUM;
    if (!ordered && compare != RS_CMP_EQ && compare != RS_CMP_NE) {
        rs_config_complain(config, where, "%s is %s, which has no order: use eq, ne, in or not_in", path,
                           rs_field_type_name(type));
        return false;
    }
    return true;
}

bool rs_compare_holds(enum rs_compare compare, enum rs_order order)
{
    switch (compare) {
    case RS_CMP_EQ: return order == RS_ORDER_EQUAL;
    case RS_CMP_NE: return order != RS_ORDER_EQUAL;
    case RS_CMP_LT: return order == RS_ORDER_LESS;
    case RS_CMP_LE: return order == RS_ORDER_LESS || order == RS_ORDER_EQUAL;
    case RS_CMP_GT: return order == RS_ORDER_GREATER;
    case RS_CMP_GE: return order == RS_ORDER_GREATER || order == RS_ORDER_EQUAL;
    }
    return false;
}

/* ---- sets ---- */

static int by_order(const void *a, const void *b)
{
    return (int)rs_literal_order(a, b);
}

bool rs_literal_set_load(struct rs_config *config, struct rs_arena *arena, const struct rs_config_node *node,
                         const char *path, const struct rs_field_type *type, struct rs_literal_set *out)
{
    if (rs_config_kind(node) != RS_CONFIG_SEQUENCE || rs_config_size(node) == 0) {
        rs_config_complain(config, node, "%s: a list of values is expected, as in [A, B]", path);
        return false;
    }
    size_t count = rs_config_size(node);
    struct rs_literal *items = rs_arena_alloc(arena, count * sizeof *items);
    bool right = items != NULL;
    for (size_t i = 0; items && i < count; i++) {
        right &= rs_literal_parse(config, arena, rs_config_item(node, i), path, type, &items[i]);
    }
    if (right) {
        qsort(items, count, sizeof *items, by_order);
        *out = (struct rs_literal_set){items, count};
    }
    return right;
}

/* The set is sorted. What has no order, NaN, is in no set. */
bool rs_literal_set_has(const struct rs_literal_set *set, const struct rs_value *value)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        switch (rs_literal_compare(value, &set->items[middle])) {
        case RS_ORDER_EQUAL: return true;
        case RS_ORDER_LESS: high = middle; break;
        case RS_ORDER_GREATER: low = middle + 1; break;
        case RS_ORDER_NONE: return false;
        }
    }
    return false;
}

/* ---- loading ---- */

struct loader {
    struct rs_config *config;
    struct rs_slots *slots;
    int depth;
};

static struct rs_condition *load_all(struct loader *l, const struct rs_config_node *node);

static struct rs_condition *node_new(struct loader *l, enum kind kind, size_t children)
{
    struct rs_condition *c = rs_arena_alloc(l->slots->arena, sizeof *c);
    if (!c) {
        rs_config_complain(l->config, NULL, "out of memory");
        return NULL;
    }
    c->kind = kind;
    c->children = children ? rs_arena_alloc(l->slots->arena, children * sizeof(struct rs_condition *)) : NULL;
    return c;
}

static bool adopt(struct rs_condition *parent, const struct rs_condition *child)
{
    if (!parent || !parent->children || !child) {
        return false;
    }
    parent->children[parent->child_count++] = child;
    return true;
}

static struct rs_condition *load_test(struct loader *l, int slot, const char *key,
                                      const struct rs_config_node *key_node,
                                      const struct rs_config_node *value)
{
    const char *path = l->slots->paths[slot];
    const struct rs_field_type *type = &l->slots->types[slot];
    struct rs_condition *c = node_new(l, COMPARE, 0);
    if (!c) {
        return NULL;
    }
    c->slot = slot;
    bool right;
    if (rs_compare_parse(key, &c->compare)) {
        right = rs_compare_allowed(l->config, key_node, path, type, c->compare) &&
                rs_literal_parse(l->config, l->slots->arena, value, path, type, &c->literal);
    } else if (strcmp(key, "in") == 0 || strcmp(key, "not_in") == 0) {
        c->kind = key[0] == 'i' ? IN : NOT_IN;
        right = rs_literal_set_load(l->config, l->slots->arena, value, path, type, &c->set);
    } else if (strcmp(key, "is_null") == 0) {
        const char *text = rs_config_text(value);
        right = text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0);
        c->kind = right && text[0] == 't' ? IS_NULL : IS_NOT_NULL;
        if (!right) {
            rs_config_complain(l->config, value, "is_null is true or false");
        }
    } else {
        right = false; /* unknown, which is complained about already */
    }
    return right ? c : NULL;
}

/* price: {gt: 0, le: 100}, or a plain scalar that must be equal */
static struct rs_condition *load_field(struct loader *l, const struct rs_config_node *key,
                                       const struct rs_config_node *value)
{
    int slot = rs_slots_want(l->slots, l->config, key, rs_config_text(key));
    if (slot < 0) {
        return NULL;
    }
    if (rs_config_kind(value) != RS_CONFIG_MAPPING) {
        return load_test(l, slot, "eq", key, value);
    }
    bool right = rs_config_expect_mapping(l->config, value, "a condition", condition_keys);
    struct rs_condition *all = node_new(l, AND, rs_config_size(value));
    right &= all != NULL;
    for (size_t i = 0; i < rs_config_size(value); i++) {
        const struct rs_config_node *name;
        const struct rs_config_node *constant;
        rs_config_pair(value, i, &name, &constant);
        right &= adopt(all, load_test(l, slot, rs_config_text(name), name, constant));
    }
    return right ? all : NULL;
}

static struct rs_condition *load_list(struct loader *l, enum kind kind, const char *key,
                                      const struct rs_config_node *node)
{
    if (rs_config_kind(node) != RS_CONFIG_SEQUENCE || rs_config_size(node) == 0) {
        rs_config_complain(l->config, node, "\"%s\" takes a list of conditions", key);
        return NULL;
    }
    struct rs_condition *c = node_new(l, kind, rs_config_size(node));
    bool right = c != NULL;
    for (size_t i = 0; i < rs_config_size(node); i++) {
        right &= adopt(c, load_all(l, rs_config_item(node, i)));
    }
    return right ? c : NULL;
}

static struct rs_condition *load_pair(struct loader *l, const struct rs_config_node *key,
                                      const struct rs_config_node *value)
{
    const char *name = rs_config_text(key);
    if (name && strcmp(name, "and") == 0) {
        return load_list(l, AND, name, value);
    }
    if (name && strcmp(name, "or") == 0) {
        return load_list(l, OR, name, value);
    }
    if (name && strcmp(name, "not") == 0) {
        struct rs_condition *c = node_new(l, NOT, 1);
        return adopt(c, load_all(l, value)) ? c : NULL;
    }
    return name ? load_field(l, key, value) : NULL;
}

/* A mapping holds where all of its pairs do. How deep they nest is bounded, since evaluating them
 * recurses. */
static struct rs_condition *load_all(struct loader *l, const struct rs_config_node *node)
{
    if (rs_config_kind(node) != RS_CONFIG_MAPPING || rs_config_size(node) == 0) {
        rs_config_complain(l->config, node,
                           "a mapping from field to condition is expected, as in {side: {in: [BUY]}}");
        return NULL;
    }
    if (l->depth == CONDITION_DEPTH_MAX) {
        rs_config_complain(l->config, node, "conditions nest deeper than %d", CONDITION_DEPTH_MAX);
        return NULL;
    }
    l->depth++;
    struct rs_condition *all = node_new(l, AND, rs_config_size(node));
    bool right = all != NULL;
    for (size_t i = 0; i < rs_config_size(node); i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(node, i, &key, &value);
        right &= adopt(all, load_pair(l, key, value));
    }
    l->depth--;
    return right ? all : NULL;
}

struct rs_condition *rs_condition_load(struct rs_config *config, struct rs_slots *slots,
                                       const struct rs_config_node *node)
{
    struct loader l = {.config = config, .slots = slots};
    return load_all(&l, node);
}

/* ---- evaluating ---- */

/* and: false wins over unknown; or: true wins. */
static enum rs_truth eval_children(const struct rs_condition *c, const struct rs_value *values,
                                   enum rs_truth decisive)
{
    enum rs_truth result = decisive == RS_FALSE ? RS_TRUE : RS_FALSE;
    for (size_t i = 0; i < c->child_count; i++) {
        enum rs_truth truth = rs_condition_eval(c->children[i], values);
        if (truth == decisive) {
            return truth;
        }
        if (truth == RS_UNKNOWN) {
            result = RS_UNKNOWN;
        }
    }
    return result;
}

/* As in SQL, a comparison with null is unknown, and so is its negation: neither lets an event pass. */
static enum rs_truth eval_value(const struct rs_condition *c, const struct rs_value *value)
{
    if (c->kind == IS_NULL || c->kind == IS_NOT_NULL) {
        return (value->kind == RS_VALUE_NULL) == (c->kind == IS_NULL) ? RS_TRUE : RS_FALSE;
    }
    if (value->kind == RS_VALUE_NULL) {
        return RS_UNKNOWN;
    }
    bool holds;
    if (c->kind == COMPARE) {
        holds = rs_compare_holds(c->compare, rs_literal_compare(value, &c->literal));
    } else {
        holds = rs_literal_set_has(&c->set, value) == (c->kind == IN);
    }
    return holds ? RS_TRUE : RS_FALSE;
}

enum rs_truth rs_condition_eval(const struct rs_condition *c, const struct rs_value *values)
{
    switch (c->kind) {
    case AND: return eval_children(c, values, RS_FALSE);
    case OR: return eval_children(c, values, RS_TRUE);
    case NOT: {
        enum rs_truth truth = rs_condition_eval(c->children[0], values);
        return truth == RS_UNKNOWN ? RS_UNKNOWN : truth == RS_TRUE ? RS_FALSE : RS_TRUE;
    }
    default: return eval_value(c, &values[c->slot]);
    }
}

int rs_condition_failing(const struct rs_condition *c, const struct rs_value *values)
{
    for (size_t i = 0; i < c->child_count; i++) {
        if (rs_condition_eval(c->children[i], values) != RS_TRUE) {
            return (int)i;
        }
    }
    return -1;
}

bool rs_condition_within(const struct rs_condition *c, const bool *allowed)
{
    if (c->kind >= COMPARE) {
        return allowed[c->slot];
    }
    for (size_t i = 0; i < c->child_count; i++) {
        if (!rs_condition_within(c->children[i], allowed)) {
            return false;
        }
    }
    return true;
}
