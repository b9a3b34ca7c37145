/* What can be checked about a type once its parts are known: logical types and the defaults of fields. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "schemas/schema_internal.h"

/* ---- logical types ---- */

/* Largest number of decimal digits that always fit into `size` bytes of two's complement. */
static int fixed_digits(size_t size)
{
    /* floor(log10(2^(8n-1) - 1)); log10(2) to 12 digits keeps the floor right far beyond any precision of
     * interest, and more than 1000 digits are never told apart. */
    if (size == 0) {
        return 0;
    }
    if (size > 400) {
        return 1000;
    }
    return (int)((int64_t)(8 * size - 1) * INT64_C(301029995663) / INT64_C(1000000000000));
}

/* The field keeps its plain type; the text is for who would use it as what it says. */
RS_PRINTF(4, 5)
static int ignore(struct rs_schema_parser *p, struct rs_schema *node, enum rs_logical logical,
                  const char *format, ...)
{
    char why[160];
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    snprintf(text, sizeof text, "%s (its logicalType %s is ignored: %s)", rs_schema_kind_name(node->kind),
             rs_schema_logical_name(logical), why);
    node->ignored = rs_arena_text(&p->document->arena, text);
    return !node->ignored ? rs_schema_no_memory(p) : 0;
}

static int parse_decimal(struct rs_schema_parser *p, const json_t *object, struct rs_schema *node)
{
    const enum rs_logical decimal = RS_LOGICAL_DECIMAL;
    const json_t *precision = json_object_get(object, "precision");
    const json_t *scale = json_object_get(object, "scale");
    json_int_t digits = json_integer_value(precision);
    json_int_t after = !scale ? 0 : json_integer_value(scale);
    if (!json_is_integer(precision) || digits < 1 || digits > INT32_MAX) {
        return ignore(p, node, decimal, "it needs a precision, the number of digits, of 1 or more");
    }
    if (scale && !json_is_integer(scale)) {
        return ignore(p, node, decimal, "its scale is not an integer");
    }
    if (after < 0 || after > digits) {
        return ignore(p, node, decimal, "its scale, %lld, is not from 0 to its precision, %lld",
                      (long long)after, (long long)digits);
    }
    if (after > RS_SCALE_MAX) {
        return ignore(p, node, decimal, "a scale above %d, here %lld, is not supported", RS_SCALE_MAX,
                      (long long)after);
    }
    if (node->kind == RS_AVRO_FIXED && digits > fixed_digits(node->fixed_size)) {
        return ignore(p, node, decimal, "a fixed of %zu bytes holds at most %d digits, not %lld",
                      node->fixed_size, fixed_digits(node->fixed_size), (long long)digits);
    }
    node->logical = decimal;
    node->precision = (int)digits;
    node->scale = (int)after;
    return 0;
}

static bool logical_suits(enum rs_logical logical, const struct rs_schema *node)
{
    switch (logical) {
    case RS_LOGICAL_NONE: return false;
    case RS_LOGICAL_DECIMAL: return node->kind == RS_AVRO_BYTES || node->kind == RS_AVRO_FIXED;
    case RS_LOGICAL_UUID:
        return node->kind == RS_AVRO_STRING || (node->kind == RS_AVRO_FIXED && node->fixed_size == 16);
    case RS_LOGICAL_DATE:
    case RS_LOGICAL_TIME_MILLIS: return node->kind == RS_AVRO_INT;
    default: return node->kind == RS_AVRO_LONG;
    }
}

static const char *suitable(enum rs_logical logical)
{
    switch (logical) {
    case RS_LOGICAL_DECIMAL: return "it belongs to bytes or fixed";
    case RS_LOGICAL_UUID: return "it belongs to string, or fixed of 16 bytes";
    case RS_LOGICAL_DATE:
    case RS_LOGICAL_TIME_MILLIS: return "it belongs to int";
    default: return "it belongs to long";
    }
}

int rs_schema_parse_logical(struct rs_schema_parser *p, const json_t *object, struct rs_schema *node)
{
    const char *text = json_string_value(json_object_get(object, "logicalType"));
    if (!text) {
        return 0;
    }
    for (int i = RS_LOGICAL_DECIMAL; i <= RS_LOGICAL_LOCAL_TIMESTAMP_NANOS; i++) {
        enum rs_logical logical = (enum rs_logical)i;
        if (strcmp(text, rs_schema_logical_name(logical)) != 0) {
            continue;
        }
        if (!logical_suits(logical, node)) {
            return ignore(p, node, logical, "%s", suitable(logical));
        }
        if (logical == RS_LOGICAL_DECIMAL) {
            return parse_decimal(p, object, node);
        }
        node->logical = logical;
    }
    return 0;
}

/* ---- defaults ---- */

/* Text whose code points are bytes, as defaults of bytes and fixed are written; SIZE_MAX when one is above
 * 255. */
static size_t byte_text_size(const json_t *value)
{
    const unsigned char *text = (const unsigned char *)json_string_value(value);
    size_t size = json_string_length(value);
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] > 0xc3) {
            return SIZE_MAX; /* leads a code point above 255; jansson has seen to it that the UTF-8 is valid
                              */
        }
        count += (text[i] & 0xc0) != 0x80;
    }
    return count;
}

static bool is_symbol(const struct rs_schema *type, const json_t *value)
{
    const char *text = json_string_value(value);
    return text && rs_schema_symbol(type, text) != SIZE_MAX;
}

static bool items_fit(const struct rs_schema *type, const json_t *value, uint32_t *left)
{
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(value, i, item)
    {
        if (!rs_schema_default_fits(type->items, item, left)) {
            return false;
        }
    }
    return json_is_array(value);
}

static bool map_fits(const struct rs_schema *type, json_t *value, uint32_t *left)
{
    const char *key = NULL;
    json_t *item = NULL;
    json_object_foreach(value, key, item)
    {
        if (!rs_schema_default_fits(type->items, item, left)) {
            return false;
        }
    }
    return json_is_object(value);
}

/* A field that is left out needs a default of its own, which is checked where it is written. */
static bool record_fits(const struct rs_schema *type, const json_t *value, uint32_t *left)
{
    size_t present = 0;
    for (size_t i = 0; i < type->field_count; i++) {
        const json_t *item = json_object_get(value, type->fields[i].name);
        if (!item ? !type->fields[i].has_default
                  : !rs_schema_default_fits(type->fields[i].type, item, left)) {
            return false;
        }
        present += item != NULL;
    }
    return json_is_object(value) && present == json_object_size(value);
}

static bool integer_fits(const struct rs_schema *type, const json_t *value)
{
    json_int_t number = json_integer_value(value);
    return json_is_integer(value) &&
           (type->kind == RS_AVRO_LONG || (number >= INT32_MIN && number <= INT32_MAX));
}

static bool any_branch_fits(const struct rs_schema *type, const json_t *value, uint32_t *left)
{
    for (size_t i = 0; i < type->branch_count; i++) {
        if (rs_schema_default_fits(type->branches[i], value, left)) {
            return true;
        }
    }
    return false;
}

/* Recursion goes down the JSON, whose depth jansson bounds. */
bool rs_schema_default_fits(const struct rs_schema *type, const json_t *value, uint32_t *left)
{
    if (*left == 0) {
        return false;
    }
    --*left;
    switch (type->kind) {
    case RS_AVRO_NULL: return json_is_null(value);
    case RS_AVRO_BOOLEAN: return json_is_boolean(value);
    case RS_AVRO_INT:
    case RS_AVRO_LONG: return integer_fits(type, value);
    case RS_AVRO_FLOAT:
    case RS_AVRO_DOUBLE: return json_is_number(value);
    case RS_AVRO_STRING: return json_is_string(value);
    case RS_AVRO_BYTES: return json_is_string(value) && byte_text_size(value) != SIZE_MAX;
    case RS_AVRO_FIXED: return json_is_string(value) && byte_text_size(value) == type->fixed_size;
    case RS_AVRO_ENUM: return is_symbol(type, value);
    case RS_AVRO_ARRAY: return items_fit(type, value, left);
    case RS_AVRO_MAP: return map_fits(type, (json_t *)value, left);
    case RS_AVRO_UNION: return any_branch_fits(type, value, left);
    case RS_AVRO_RECORD: return record_fits(type, value, left);
    }
    return false;
}

int rs_schema_check_defaults(struct rs_schema_parser *p)
{
    for (const struct rs_schema_default *kept = p->defaults; kept; kept = kept->next) {
        const struct rs_schema *type = kept->field->type;
        uint32_t left = RS_SCHEMA_DEFAULT_STEPS;
        if (!rs_schema_default_fits(type, kept->value, &left)) {
            if (left == 0) {
                return rs_fail(p->error, RS_ESCHEMA, "%s: the default of field '%s' of %s is too involved",
                               p->name, rs_schema_shown(p, kept->field->name),
                               rs_schema_shown(p, kept->record));
            }
            bool is_union = type->kind == RS_AVRO_UNION;
            return rs_fail(p->error, RS_ESCHEMA, "%s: the default of field '%s' of %s is not a value of %s%s",
                           p->name, rs_schema_shown(p, kept->field->name), rs_schema_shown(p, kept->record),
                           is_union ? "any branch of its union" : "its type, ",
                           is_union ? "" : rs_schema_kind_name(type->kind));
        }
    }
    return 0;
}
