#include "transform/plan/compare.h"

#include <string.h>

#include "transform/plan/slots.h"

/* ---- which fields ---- */

/* Numbers that are integers times a power of ten. What a scalar with a logical type counts (days, times of day)
 * compares with its like alone. */
static bool exact(const struct rs_field_type *type)
{
    return type->kind == RS_VALUE_DECIMAL || rs_field_is_plain_integer(type);
}

static bool same_symbols(const struct rs_schema *a, const struct rs_schema *b)
{
    if (a->symbol_count != b->symbol_count) {
        return false;
    }
    for (size_t i = 0; i < a->symbol_count; i++) {
        if (strcmp(a->symbols[i], b->symbols[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool alike(const struct rs_field_type *a, const struct rs_field_type *b)
{
    if (exact(a) || exact(b)) {
        return exact(a) && exact(b);
    }
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case RS_VALUE_INT:
        return a->schema->kind == RS_AVRO_ENUM
                   ? b->schema->kind == RS_AVRO_ENUM && same_symbols(a->schema, b->schema)
                   : a->schema->logical == b->schema->logical;
    case RS_VALUE_BYTES:
        return a->schema->kind == b->schema->kind && a->schema->logical == b->schema->logical;
    default: return true;
    }
}

bool rs_fields_comparable(struct rs_config *config, const struct rs_config_node *where,
                          const char *const paths[2], const struct rs_field_type *const types[2],
                          struct rs_alignment *out)
{
    *out = (struct rs_alignment){0};
    if (!rs_field_type_known(types[0]) || !rs_field_type_known(types[1])) {
        return true;
    }
    if (!alike(types[0], types[1])) {
        bool real = types[0]->kind == RS_VALUE_DOUBLE || types[1]->kind == RS_VALUE_DOUBLE;
        rs_config_complain(config, where, "%s is %s and %s is %s, which cannot be compared%s", paths[0],
                           rs_field_type_name(types[0]), paths[1], rs_field_type_name(types[1]),
                           real ? "; give a float or double a scale" : "");
        return false;
    }
    if (exact(types[0])) {
        int more = types[0]->scale - types[1]->scale;
        out->left = (uint8_t)(more < 0 ? -more : 0);
        out->right = (uint8_t)(more > 0 ? more : 0);
    }
    return true;
}

/* ---- their values ---- */

static rs_i128 number(const struct rs_value *value)
{
    return value->kind == RS_VALUE_DECIMAL && value->wide ? value->w : value->i;
}

static enum rs_order order(rs_i128 a, rs_i128 b)
{
    return a < b ? RS_ORDER_LESS : a > b ? RS_ORDER_GREATER : RS_ORDER_EQUAL;
}

/* Most grow within 64 bits. */
static bool order_narrow(const struct rs_value *left, const struct rs_value *right, struct rs_alignment by,
                         enum rs_order *out)
{
    int64_t a = left->i;
    int64_t b = right->i;
    if (left->wide || right->wide || by.left > 18 || by.right > 18 ||
        __builtin_mul_overflow(a, (int64_t)rs_pow10_u64[by.left], &a) ||
        __builtin_mul_overflow(b, (int64_t)rs_pow10_u64[by.right], &b)) {
        return false;
    }
    *out = a < b ? RS_ORDER_LESS : a > b ? RS_ORDER_GREATER : RS_ORDER_EQUAL;
    return true;
}

/* What outgrows 128 bits is further from zero than anything that does not. */
static enum rs_order order_aligned(rs_i128 left, rs_i128 right, struct rs_alignment by)
{
    rs_i128 grown;
    if (by.left) {
        bool out = __builtin_mul_overflow(left, (rs_i128)rs_pow10_u128(by.left), &grown);
        return out ? order(left, 0) : order(grown, right);
    }
    bool out = __builtin_mul_overflow(right, (rs_i128)rs_pow10_u128(by.right), &grown);
    return out ? order(0, right) : order(left, grown);
}

static enum rs_order order_bytes(struct rs_slice a, struct rs_slice b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int by = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return by ? order(by, 0) : order((rs_i128)a.size, (rs_i128)b.size);
}

enum rs_order rs_values_order(const struct rs_value *left, const struct rs_value *right,
                              struct rs_alignment alignment)
{
    switch ((enum rs_value_kind)left->kind) {
    case RS_VALUE_BYTES: return order_bytes(left->s, right->s);
    case RS_VALUE_TIME:
        return left->i != right->i ? order(left->i, right->i) : order(left->nanos, right->nanos);
    case RS_VALUE_DOUBLE: break;
    default:
        if (right->kind != RS_VALUE_DOUBLE) {
            enum rs_order narrow;
            return order_narrow(left, right, alignment, &narrow)
                       ? narrow
                       : order_aligned(number(left), number(right), alignment);
        }
        break;
    }
    /* One with a declared scale is a double still where it is not finite. */
    double a = left->kind == RS_VALUE_DOUBLE ? left->d : 0;
    double b = right->kind == RS_VALUE_DOUBLE ? right->d : 0;
    return a < b ? RS_ORDER_LESS : a > b ? RS_ORDER_GREATER : a == b ? RS_ORDER_EQUAL : RS_ORDER_NONE;
}
