#include "transform/plan/literal.h"

#include <string.h>

#include "base/time/text.h"
#include "transform/plan/slots.h"

/* ---- by type ---- */

static bool whole(struct rs_config *config, const struct rs_config_node *node, const char *path,
                  const struct rs_field_type *type, struct rs_slice text, struct rs_literal *out)
{
    struct rs_error error;
    if (rs_decimal_parse(text, type->kind == RS_VALUE_DECIMAL ? type->scale : 0, &out->w, &error) < 0) {
        rs_config_complain(config, node, "%s (%s): %s", path, rs_field_type_name(type), error.text);
        return false;
    }
    return true;
}

static bool symbol(struct rs_config *config, const struct rs_config_node *node, const char *path,
                   const struct rs_schema *schema, const char *text, struct rs_literal *out)
{
    const char *known[512];
    size_t count = 0;
    for (size_t i = 0; i < schema->symbol_count; i++) {
        if (strcmp(schema->symbols[i], text) == 0) {
            out->w = (rs_i128)i;
            return true;
        }
        if (count < 511) {
            known[count++] = schema->symbols[i];
        }
    }
    known[count] = NULL;
    const char *near = rs_nearest_name(text, known);
    rs_config_complain(config, node, "\"%s\" is not a symbol of %s%s%s%s", text, path,
                       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return false;
}

static bool integer_like(struct rs_config *config, const struct rs_config_node *node, const char *path,
                         const struct rs_field_type *type, const char *text, struct rs_literal *out)
{
    if (type->schema->kind == RS_AVRO_ENUM) {
        return symbol(config, node, path, type->schema, text, out);
    }
    if (type->schema->logical != RS_LOGICAL_DATE) {
        return whole(config, node, path, type, rs_slice_text(text), out);
    }
    int64_t days;
    struct rs_error error;
    if (rs_date_parse(rs_slice_text(text), &days, &error) < 0) {
        rs_config_complain(config, node, "%s is a date: %s", path, error.text);
        return false;
    }
    out->w = days;
    return true;
}

static bool time_of(struct rs_config *config, const struct rs_config_node *node, const char *path,
                    const char *text, struct rs_literal *out)
{
    int64_t us;
    int ns;
    struct rs_error error;
    if (rs_time_parse_iso_exact(rs_slice_text(text), NULL, &us, &ns, &error) < 0) {
        rs_config_complain(config, node, "%s is a timestamp: %s", path, error.text);
        return false;
    }
    out->w = (rs_i128)us * 1000 + ns;
    return true;
}

static bool text_of(struct rs_config *config, struct rs_arena *arena, const struct rs_config_node *node,
                    const char *path, const struct rs_field_type *type, const char *text,
                    struct rs_literal *out)
{
    if (type->schema->kind != RS_AVRO_STRING) {
        rs_config_complain(config, node, "%s is %s, which cannot be compared with a constant", path,
                           rs_field_type_name(type));
        return false;
    }
    const char *copy = rs_arena_text(arena, text);
    out->s = rs_slice_text(copy ? copy : "");
    return copy != NULL;
}

static bool boolean(struct rs_config *config, const struct rs_config_node *node, const char *path,
                    const char *text, struct rs_literal *out)
{
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0) {
        rs_config_complain(config, node, "%s is a boolean: write true or false", path);
        return false;
    }
    out->w = yes;
    return true;
}

static bool real(struct rs_config *config, const struct rs_config_node *node, const char *path,
                 const char *text, struct rs_literal *out)
{
    struct rs_error error;
    if (rs_double_parse(rs_slice_text(text), &out->d, &error) < 0) {
        rs_config_complain(config, node, "%s (a number): %s", path, error.text);
        return false;
    }
    return true;
}

bool rs_literal_parse(struct rs_config *config, struct rs_arena *arena, const struct rs_config_node *node,
                      const char *path, const struct rs_field_type *type, struct rs_literal *out)
{
    const char *text = rs_config_text(node);
    if (!text) {
        rs_config_complain(config, node, "%s is compared with a single value here%s", path,
                           rs_config_kind(node) == RS_CONFIG_NULL ? "; for null write is_null: true" : "");
        return false;
    }
    *out = (struct rs_literal){.kind = type->kind};
    if (!rs_field_type_known(type)) {
        return true;
    }
    switch (type->kind) {
    case RS_VALUE_BOOLEAN: return boolean(config, node, path, text, out);
    case RS_VALUE_INT: return integer_like(config, node, path, type, text, out);
    case RS_VALUE_TIME: return time_of(config, node, path, text, out);
    case RS_VALUE_DECIMAL: return whole(config, node, path, type, rs_slice_text(text), out);
    case RS_VALUE_DOUBLE: return real(config, node, path, text, out);
    case RS_VALUE_BYTES: return text_of(config, arena, node, path, type, text, out);
    case RS_VALUE_NULL: break;
    }
    rs_config_complain(config, node, "%s cannot be compared", path);
    return false;
}

/* ---- order ---- */

static enum rs_order order_i128(rs_i128 a, rs_i128 b)
{
    return a < b ? RS_ORDER_LESS : a > b ? RS_ORDER_GREATER : RS_ORDER_EQUAL;
}

static enum rs_order order_double(double a, double b)
{
    return a < b ? RS_ORDER_LESS : a > b ? RS_ORDER_GREATER : a == b ? RS_ORDER_EQUAL : RS_ORDER_NONE;
}

static enum rs_order order_text(struct rs_slice a, struct rs_slice b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    if (order == 0) {
        return a.size < b.size ? RS_ORDER_LESS : a.size > b.size ? RS_ORDER_GREATER : RS_ORDER_EQUAL;
    }
    return order < 0 ? RS_ORDER_LESS : RS_ORDER_GREATER;
}

enum rs_order rs_literal_compare(const struct rs_value *value, const struct rs_literal *literal)
{
    switch ((enum rs_value_kind)value->kind) {
    case RS_VALUE_DOUBLE: return order_double(value->d, literal->d);
    case RS_VALUE_BYTES: return order_text(value->s, literal->s);
    case RS_VALUE_DECIMAL: return order_i128(value->wide ? value->w : value->i, literal->w);
    case RS_VALUE_TIME: return order_i128((rs_i128)value->i * 1000 + value->nanos, literal->w);
    default: return order_i128(value->i, literal->w);
    }
}

enum rs_order rs_literal_order(const struct rs_literal *a, const struct rs_literal *b)
{
    switch (a->kind) {
    case RS_VALUE_DOUBLE: return order_double(a->d, b->d);
    case RS_VALUE_BYTES: return order_text(a->s, b->s);
    default: return order_i128(a->w, b->w);
    }
}
