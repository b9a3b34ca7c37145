/* A message as JSON. Walks the schema rather than the op list: it shares the wire primitives with the op list
 * but not the compiler, so that tests can hold one against the other. Recursion is bounded by limits.depth,
 * and in types without bytes by RS_SCHEMA_DEPTH_MAX. */
#include <math.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/time/text.h"
#include "base/time/us.h"
#include "schemas/program_ops.h"
#include "schemas/program_place.h"
#include "schemas/wire.h"

struct writer {
    const struct rs_program *program;
    const uint8_t *p;
    const uint8_t *end;
    uint64_t items;
    uint32_t depth;
    struct rs_buf *out;
};

static enum rs_reason write_value(struct writer *w, const struct rs_schema *type);

/* Takes over a position that was read; on a refusal the position stays at the value that is wrong. */
static enum rs_reason accept(struct writer *w, struct rs_wire_number number)
{
    if (!number.p) {
        return (enum rs_reason)number.value;
    }
    w->p = number.p;
    return RS_REASON_NONE;
}

/* ---- scalars ---- */

static enum rs_reason write_boolean(struct writer *w)
{
    if (w->p == w->end) {
        return RS_REASON_TRUNCATED;
    }
    if (*w->p > 1) {
        return RS_REASON_BOOLEAN;
    }
    rs_buf_text(w->out, *w->p++ == 1 ? "true" : "false");
    return RS_REASON_NONE;
}

static void put_quoted(struct writer *w, const char *text, size_t size)
{
    rs_buf_char(w->out, '"');
    rs_buf_put(w->out, text, size);
    rs_buf_char(w->out, '"');
}

static void put_integer(struct writer *w, int64_t value)
{
    char text[RS_NUMBER_TEXT_MAX];
    rs_buf_put(w->out, text, rs_int64_format(value, text));
}

/* `stored` is the number as it was written, for times that have no text. */
static void put_time(struct writer *w, int64_t us, int ns, int64_t stored)
{
    char text[RS_TIME_TEXT_MAX];
    if (rs_time_in_range(us)) {
        put_quoted(w, text, rs_time_format_exact(us, ns, text));
    } else {
        put_integer(w, stored);
    }
}

static void put_nanos(struct writer *w, int64_t stored)
{
    int rest = 0;
    int64_t us = rs_us_from_nanos(stored, &rest);
    put_time(w, us, rest, stored);
}

static enum rs_reason write_int(struct writer *w, const struct rs_schema *type)
{
    struct rs_wire_number number = rs_wire_int(w->p, w->end);
    if (!number.p) {
        return accept(w, number);
    }
    int64_t value = rs_wire_zigzag(number.value);
    char text[RS_TIME_TEXT_MAX];
    if (type->logical == RS_LOGICAL_DATE && value >= RS_DAY_MIN && value <= RS_DAY_MAX) {
        put_quoted(w, text, rs_date_format(value, text));
    } else {
        put_integer(w, value);
    }
    return accept(w, number);
}

static enum rs_reason write_long(struct writer *w, const struct rs_schema *type)
{
    struct rs_wire_number number = rs_wire_varint(w->p, w->end);
    if (!number.p) {
        return accept(w, number);
    }
    int64_t value = rs_wire_zigzag(number.value);
    switch (type->logical) {
    case RS_LOGICAL_TIMESTAMP_MILLIS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS: put_time(w, rs_us_from_millis(value), 0, value); break;
    case RS_LOGICAL_TIMESTAMP_MICROS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MICROS: put_time(w, value, 0, value); break;
    case RS_LOGICAL_TIMESTAMP_NANOS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_NANOS: put_nanos(w, value); break;
    default: put_integer(w, value); break;
    }
    return accept(w, number);
}

static enum rs_reason write_floating(struct writer *w, size_t size)
{
    if ((size_t)(w->end - w->p) < size) {
        return RS_REASON_TRUNCATED;
    }
    double value;
    if (size == sizeof(float)) {
        uint32_t bits;
        memcpy(&bits, w->p, sizeof bits);
        bits = le32toh(bits);
        float narrow;
        memcpy(&narrow, &bits, sizeof narrow);
        value = (double)narrow;
    } else {
        uint64_t bits = rs_wire_load(w->p);
        memcpy(&value, &bits, sizeof value);
    }
    w->p += size;
    char text[RS_NUMBER_TEXT_MAX];
    if (isfinite(value)) {
        rs_buf_put(w->out, text, rs_double_format(value, text));
    } else {
        rs_buf_text(w->out, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    }
    return RS_REASON_NONE;
}

static enum rs_reason write_enum(struct writer *w, const struct rs_schema *type)
{
    struct rs_wire_number number = rs_wire_index(w->p, w->end, type->symbol_count, RS_REASON_ENUM_INDEX);
    if (number.p) {
        put_quoted(w, type->symbols[number.value], strlen(type->symbols[number.value]));
    }
    return accept(w, number);
}

/* ---- bytes ---- */

static void put_byte_text(struct writer *w, const uint8_t *s, size_t size)
{
    rs_buf_char(w->out, '"');
    for (size_t i = 0; i < size; i++) {
        rs_buf_printf(w->out, "\\u%04x", (unsigned)s[i]);
    }
    rs_buf_char(w->out, '"');
}

static enum rs_reason write_decimal(struct writer *w, const struct rs_schema *type, const uint8_t *s,
                                    size_t size)
{
    rs_i128 value;
    if (!rs_wire_decimal(s, size, type->precision, &value)) {
        if (type->precision <= RS_I128_DIGITS) {
            return RS_REASON_DECIMAL;
        }
        put_byte_text(w, s, size);
        w->p = s + size;
        return RS_REASON_NONE;
    }
    char text[RS_NUMBER_TEXT_MAX];
    rs_buf_put(w->out, text, rs_decimal_format(value, type->scale, text));
    w->p = s + size;
    return RS_REASON_NONE;
}

static enum rs_reason write_bytes(struct writer *w, const struct rs_schema *type)
{
    struct rs_wire_number length = rs_wire_length(w->p, w->end);
    if (!length.p) {
        return accept(w, length);
    }
    if (type->logical == RS_LOGICAL_DECIMAL) {
        return write_decimal(w, type, length.p, length.value);
    }
    put_byte_text(w, length.p, length.value);
    w->p = length.p + length.value;
    return RS_REASON_NONE;
}

static enum rs_reason write_fixed(struct writer *w, const struct rs_schema *type)
{
    if ((size_t)(w->end - w->p) < type->fixed_size) {
        return RS_REASON_TRUNCATED;
    }
    if (type->logical == RS_LOGICAL_DECIMAL) {
        return write_decimal(w, type, w->p, type->fixed_size);
    }
    if (type->logical == RS_LOGICAL_UUID) {
        char text[RS_WIRE_UUID_TEXT];
        rs_wire_uuid_text(w->p, text);
        put_quoted(w, text, sizeof text);
    } else {
        put_byte_text(w, w->p, type->fixed_size);
    }
    w->p += type->fixed_size;
    return RS_REASON_NONE;
}

static enum rs_reason write_string(struct writer *w, const struct rs_schema *type)
{
    struct rs_wire_number length = rs_wire_length(w->p, w->end);
    if (!length.p) {
        return accept(w, length);
    }
    if (type && type->logical == RS_LOGICAL_UUID) {
        if (!rs_wire_uuid(length.p, length.value)) {
            return RS_REASON_UUID;
        }
    } else if (!rs_utf8_valid(length.p, length.value)) {
        return RS_REASON_UTF8;
    }
    rs_buf_json_string(w->out, rs_slice_of(length.p, length.value));
    w->p = length.p + length.value;
    return RS_REASON_NONE;
}

/* ---- composites ---- */

static enum rs_reason write_union(struct writer *w, const struct rs_schema *type)
{
    struct rs_wire_number branch = rs_wire_index(w->p, w->end, type->branch_count, RS_REASON_UNION_INDEX);
    enum rs_reason reason = accept(w, branch);
    return reason != RS_REASON_NONE ? reason : write_value(w, type->branches[branch.value]);
}

static enum rs_reason write_item(struct writer *w, const struct rs_schema *type, bool first)
{
    if (!first) {
        rs_buf_char(w->out, ',');
    }
    if (type->kind == RS_AVRO_MAP) {
        enum rs_reason reason = write_string(w, NULL);
        if (reason != RS_REASON_NONE) {
            return reason;
        }
        rs_buf_char(w->out, ':');
    }
    return write_value(w, type->items);
}

static enum rs_reason write_items(struct writer *w, const struct rs_schema *type)
{
    bool empty_items = type->kind == RS_AVRO_ARRAY && type->items->zero_size;
    bool first = true;
    for (;;) {
        struct rs_wire_block block;
        enum rs_reason reason = accept(w, rs_wire_block(w->p, w->end, empty_items, &w->items, &block));
        if (reason != RS_REASON_NONE || block.count == 0) {
            return reason;
        }
        for (uint64_t i = 0; i < block.count; i++, first = false) {
            reason = write_item(w, type, first);
            if (reason != RS_REASON_NONE) {
                return reason;
            }
        }
        if (block.block_end && block.block_end != w->p) {
            return RS_REASON_BLOCK;
        }
    }
}

static enum rs_reason write_record(struct writer *w, const struct rs_schema *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const char *name = type->fields[i].name;
        rs_buf_printf(w->out, "%s\"%s\":", i == 0 ? "" : ",", name);
        enum rs_reason reason = write_value(w, type->fields[i].type);
        if (reason != RS_REASON_NONE) {
            return reason;
        }
    }
    return RS_REASON_NONE;
}

/* Records without bytes count for no depth, as in the op list, which does not walk them. */
static enum rs_reason write_composite(struct writer *w, const struct rs_schema *type)
{
    if (w->out->size > RS_PROGRAM_JSON_MAX) {
        return RS_REASON_TOO_LARGE;
    }
    if (!type->zero_size && ++w->depth > w->program->limits.depth) {
        return RS_REASON_DEPTH;
    }
    bool array = type->kind == RS_AVRO_ARRAY;
    rs_buf_char(w->out, array ? '[' : '{');
    enum rs_reason reason = type->kind == RS_AVRO_RECORD ? write_record(w, type) : write_items(w, type);
    rs_buf_char(w->out, array ? ']' : '}');
    w->depth -= !type->zero_size;
    return reason;
}

static enum rs_reason write_value(struct writer *w, const struct rs_schema *type)
{
    switch (type->kind) {
    case RS_AVRO_NULL: rs_buf_text(w->out, "null"); return RS_REASON_NONE;
    case RS_AVRO_BOOLEAN: return write_boolean(w);
    case RS_AVRO_INT: return write_int(w, type);
    case RS_AVRO_LONG: return write_long(w, type);
    case RS_AVRO_FLOAT: return write_floating(w, sizeof(float));
    case RS_AVRO_DOUBLE: return write_floating(w, sizeof(double));
    case RS_AVRO_BYTES: return write_bytes(w, type);
    case RS_AVRO_STRING: return write_string(w, type);
    case RS_AVRO_FIXED: return write_fixed(w, type);
    case RS_AVRO_ENUM: return write_enum(w, type);
    case RS_AVRO_UNION: return write_union(w, type);
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP:
    case RS_AVRO_RECORD: return write_composite(w, type);
    }
    return RS_REASON_NONE;
}

enum rs_reason rs_program_json(const struct rs_program *program, struct rs_slice message, struct rs_buf *out,
                               size_t *at)
{
    const uint8_t *start = !message.data ? (const uint8_t *)"" : message.data;
    struct writer writer = {.program = program,
                            .p = start,
                            .end = start + message.size,
                            .items = program->limits.items,
                            .out = out};
    enum rs_reason reason = write_value(&writer, program->schema);
    if (reason == RS_REASON_NONE && writer.p != writer.end) {
        reason = RS_REASON_TRAILING;
    }
    if (reason == RS_REASON_NONE && out->size > RS_PROGRAM_JSON_MAX) {
        reason = RS_REASON_TOO_LARGE;
    }
    if (at) {
        *at = (size_t)(writer.p - start);
    }
    return reason;
}

enum rs_reason rs_program_value_json(const struct rs_program *program, const struct rs_visited *value,
                                     struct rs_buf *out)
{
    struct writer writer = {.program = program,
                            .p = value->datum.data,
                            .end = value->datum.data + value->datum.size,
                            .items = program->limits.items,
                            .out = out};
    return write_value(&writer, value->type);
}
