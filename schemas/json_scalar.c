/* What the numbers and texts of a JSON message stand for. */
#include <math.h>

#include "base/number.h"
#include "base/time/text.h"
#include "base/time/us.h"
#include "schemas/json_internal.h"
#include "schemas/wire.h"

#define US_PER_MS 1000

#define POW10_MAX 18 /* of 10^n in 63 bits */

/* ---- integers and decimals ---- */

/* digits × 10^up, signed; false: it may not fit 64 bits, and the long way tells. */
static bool scaled(const struct rs_json_number *number, int scale, int64_t *out)
{
    int up = scale - number->scale;
    int64_t magnitude;
    if (!number->exact || up < 0 || up > POW10_MAX || number->digits > INT64_MAX ||
        __builtin_mul_overflow((int64_t)number->digits, (int64_t)rs_pow10_u64[up], &magnitude)) {
        return false;
    }
    *out = number->negative ? -magnitude : magnitude;
    return true;
}

enum rs_reason rs_json_to_integer(const struct rs_json_number *number, bool wide, int64_t *out)
{
    if (!scaled(number, 0, out)) {
        struct rs_error ignored;
        rs_i128 value = 0;
        if (rs_decimal_parse(number->text, 0, &value, &ignored) != 0 || !rs_wire_fits_64(value)) {
            return RS_REASON_NUMBER;
        }
        *out = (int64_t)value;
    }
    return wide || (*out >= INT32_MIN && *out <= INT32_MAX) ? RS_REASON_NONE : RS_REASON_NUMBER;
}

enum rs_reason rs_json_to_decimal(const struct rs_json_number *number, const struct rs_schema *schema,
                                  struct rs_value *out)
{
    int64_t narrow;
    rs_i128 value = 0;
    if (scaled(number, schema->scale, &narrow)) {
        value = narrow;
    } else {
        struct rs_error ignored;
        if (rs_decimal_parse(number->text, schema->scale, &value, &ignored) != 0) {
            return RS_REASON_NUMBER;
        }
    }
    int digits = schema->precision < RS_I128_DIGITS ? schema->precision : RS_I128_DIGITS;
    rs_u128 magnitude = value < 0 ? -(rs_u128)value : (rs_u128)value;
    if (magnitude >= rs_pow10_u128(digits)) {
        return RS_REASON_DECIMAL;
    }
    rs_value_set_decimal(out, value);
    return RS_REASON_NONE;
}

/* ---- doubles ---- */

static bool quick_double(const struct rs_json_number *number, double *out)
{
    double value;
    if (!number->exact || !rs_double_exact(number->digits, -number->scale, &value)) {
        return false;
    }
    *out = number->negative ? -value : value;
    return true;
}

enum rs_reason rs_json_to_double(const struct rs_json_number *number, bool single, double *out)
{
    struct rs_error ignored;
    float value = 0;
    if (!single) {
        return quick_double(number, out) || rs_double_parse(number->text, out, &ignored) == 0
                   ? RS_REASON_NONE
                   : RS_REASON_NUMBER;
    }
    int rc = rs_float_parse(number->text, &value, &ignored);
    *out = (double)value;
    return rc == 0 ? RS_REASON_NONE : RS_REASON_NUMBER;
}

/* ---- times ---- */

static int64_t unit_ns(enum rs_time_rule_kind kind)
{
    switch (kind) {
    case RS_TIME_RULE_SECONDS: return 1000000000;
    case RS_TIME_RULE_MILLIS: return 1000000;
    case RS_TIME_RULE_MICROS: return 1000;
    default: return 1;
    }
}

static enum rs_time_rule_kind own_unit(enum rs_logical logical)
{
    switch (logical) {
    case RS_LOGICAL_TIMESTAMP_MILLIS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS: return RS_TIME_RULE_MILLIS;
    case RS_LOGICAL_TIMESTAMP_NANOS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_NANOS: return RS_TIME_RULE_NANOS;
    default: return RS_TIME_RULE_MICROS;
    }
}

/* A time of the type's own unit: digits below it are not cut off. */
static enum rs_reason put_time(struct rs_exact_time time, const struct rs_schema *schema,
                               struct rs_value *out)
{
    enum rs_time_rule_kind unit = own_unit(schema->logical);
    if ((unit != RS_TIME_RULE_NANOS && time.ns != 0) ||
        (unit == RS_TIME_RULE_MILLIS && time.us % US_PER_MS != 0)) {
        return RS_REASON_TIME_FORM;
    }
    *out = (struct rs_value){.kind = RS_VALUE_TIME, .nanos = (uint16_t)time.ns, .i = time.us};
    return RS_REASON_NONE;
}

/* The count of a whole number, whatever the unit; out of range as in Avro, for whoever uses the field to say. */
static struct rs_exact_time whole_count(int64_t count, enum rs_time_rule_kind unit)
{
    struct rs_exact_time time = {.us = count};
    int64_t ns = unit_ns(unit);
    if (ns == 1) {
        time.us = rs_us_from_nanos(count, &time.ns);
    } else if (__builtin_mul_overflow(count, ns / 1000, &time.us)) {
        time.us = count < 0 ? INT64_MIN : INT64_MAX;
    }
    return time;
}

enum rs_reason rs_json_count_to_time(const struct rs_json_number *number, const struct rs_json_node *node,
                                     struct rs_value *out)
{
    const struct rs_schema *schema = node->schema;
    const struct rs_time_rule own = {.kind = own_unit(schema->logical)};
    const struct rs_time_rule *rule = node->rule ? node->rule : &own;
    int64_t count;
    if (!rs_time_rule_counts(rule)) {
        return RS_REASON_TIME_FORM;
    }
    if (rs_json_to_integer(number, true, &count) == RS_REASON_NONE) {
        struct rs_exact_time time = whole_count(count, rule->kind);
        bool beyond = time.us == INT64_MIN || time.us == INT64_MAX;
        if (beyond) { /* not to be taken for digits below the unit */
            *out = (struct rs_value){.kind = RS_VALUE_TIME, .i = time.us};
            return RS_REASON_NONE;
        }
        return put_time(time, schema, out);
    }
    struct rs_error ignored;
    struct rs_exact_time time = {0};
    return rs_time_rule_read(rule, NULL, number->text, &time, &ignored) == 0 ? put_time(time, schema, out)
                                                                             : RS_REASON_TIME_FORM;
}

enum rs_reason rs_json_text_to_time(struct rs_slice text, const struct rs_json_node *node,
                                    struct rs_value *out)
{
    static const struct rs_time_rule iso = {.kind = RS_TIME_RULE_ISO};
    const struct rs_time_rule *rule = node->rule ? node->rule : &iso;
    struct rs_exact_time time = {0};
    struct rs_error ignored;
    return rs_time_rule_read(rule, rule->zone, text, &time, &ignored) == 0 ? put_time(time, node->schema, out)
                                                                           : RS_REASON_TIME_FORM;
}

/* A date is the local one that is written, hence read without a zone. */
enum rs_reason rs_json_text_to_date(struct rs_slice text, const struct rs_json_node *node, int64_t *out)
{
    struct rs_error ignored;
    struct rs_exact_time time = {0};
    if (!node->rule || node->rule->kind == RS_TIME_RULE_ISO) {
        return rs_date_parse(text, out, &ignored) == 0 ? RS_REASON_NONE : RS_REASON_TIME_FORM;
    }
    if (rs_time_rule_read(node->rule, NULL, text, &time, &ignored) != 0 || time.ns != 0 ||
        time.us % RS_US_PER_DAY != 0) {
        return RS_REASON_TIME_FORM;
    }
    *out = time.us / RS_US_PER_DAY;
    return RS_REASON_NONE;
}

/* ---- bytes ---- */

bool rs_json_to_bytes(uint8_t *text, size_t *size)
{
    uint8_t *out = text;
    for (size_t i = 0; i < *size;
         i++) { /* valid UTF-8: C2 and C3 lead what is above U+007F and up to U+00FF */
        if (text[i] < 0x80) {
            *out++ = text[i];
        } else if (text[i] == 0xC2 || text[i] == 0xC3) {
            *out++ = (uint8_t)((text[i] & 3) << 6 | (text[i + 1] & 0x3F));
            i++;
        } else {
            return false;
        }
    }
    *size = (size_t)(out - text);
    return true;
}

size_t rs_json_uuid_to_bytes(uint8_t *text)
{
    size_t size = 0;
    for (size_t i = 0; i < RS_WIRE_UUID_TEXT; i += 2) {
        i += text[i] == '-';
        text[size++] = (uint8_t)(rs_json_hex_digit(text[i]) << 4 | rs_json_hex_digit(text[i + 1]));
    }
    return size;
}

bool rs_json_not_finite(struct rs_slice text, double *out)
{
    static const struct {
        const char *name;
        double value;
    } names[] = {{"NaN", (double)NAN}, {"Infinity", (double)INFINITY}, {"-Infinity", -(double)INFINITY}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (rs_slice_equal(text, rs_slice_text(names[i].name))) {
            *out = names[i].value;
            return true;
        }
    }
    return false;
}
