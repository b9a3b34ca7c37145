#include "schemas/program_default.h"

#include <string.h>

#include "base/array.h"
#include "base/time/us.h"
#include "schemas/schema_internal.h"
#include "schemas/wire.h"

static int no_memory(struct rs_error *error)
{
    return rs_fail(error, RS_ENOMEM, "out of memory");
}

/* ---- one value ---- */

/* Defaults of bytes and fixed are text whose code points, all below 256, are the bytes. */
static struct rs_slice unescape(char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char lead = (unsigned char)text[i];
        text[count++] =
            (char)(lead < 0x80 ? lead : (unsigned char)(lead << 6 | ((unsigned char)text[++i] & 0x3f)));
    }
    return rs_slice_of(text, count);
}

static int bytes_value(struct rs_arena *arena, const struct rs_schema *type, const json_t *json,
                       struct rs_value *out, struct rs_error *error)
{
    size_t size = json_string_length(json);
    char *text = rs_arena_slice(arena, rs_slice_of(json_string_value(json), size));
    if (!text) {
        return no_memory(error);
    }
    out->kind = RS_VALUE_BYTES;
    out->s = type->kind == RS_AVRO_STRING ? rs_slice_of(text, size) : unescape(text, size);
    if (type->kind == RS_AVRO_STRING && type->logical == RS_LOGICAL_UUID &&
        !rs_wire_uuid(out->s.data, out->s.size)) {
        return rs_fail(error, RS_ESCHEMA, "is no uuid");
    }
    if (type->logical != RS_LOGICAL_DECIMAL) {
        return 0;
    }
    rs_i128 number;
    if (!rs_wire_decimal(out->s.data, out->s.size, type->precision, &number)) {
        return rs_fail(error, RS_ESCHEMA, "has more digits than its precision or %d", RS_I128_DIGITS);
    }
    rs_value_set_decimal(out, number);
    return 0;
}

static void integer_value(const struct rs_schema *type, int64_t number, struct rs_value *out)
{
    int rest = 0;
    out->kind = RS_VALUE_INT;
    out->i = number;
    switch (type->logical) {
    case RS_LOGICAL_TIMESTAMP_MILLIS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS: out->i = rs_us_from_millis(number); break;
    case RS_LOGICAL_TIMESTAMP_NANOS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_NANOS: out->i = rs_us_from_nanos(number, &rest); break;
    case RS_LOGICAL_TIMESTAMP_MICROS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MICROS: break;
    default: return;
    }
    out->kind = RS_VALUE_TIME;
    out->nanos = (uint16_t)rest;
}

/* The parser has seen to it that the value is one of the type. */
int rs_program_default_value(struct rs_arena *arena, const struct rs_schema *type, const json_t *json,
                             struct rs_value *out, struct rs_error *error)
{
    *out = (struct rs_value){0};
    switch (type->kind) {
    case RS_AVRO_NULL: return 0;
    case RS_AVRO_BOOLEAN:
        out->kind = RS_VALUE_BOOLEAN;
        out->i = json_is_true(json);
        return 0;
    case RS_AVRO_INT:
    case RS_AVRO_LONG: integer_value(type, json_integer_value(json), out); return 0;
    case RS_AVRO_FLOAT:
    case RS_AVRO_DOUBLE:
        out->kind = RS_VALUE_DOUBLE;
        out->d = json_number_value(json);
        out->d = type->kind == RS_AVRO_FLOAT ? (double)(float)out->d : out->d;
        return 0;
    case RS_AVRO_ENUM:
        out->kind = RS_VALUE_INT;
        out->i = (int64_t)rs_schema_symbol(type, json_string_value(json));
        return 0;
    default: return bytes_value(arena, type, json, out, error);
    }
}

const struct rs_schema *rs_program_default_type(const struct rs_schema *type, const json_t *json)
{
    for (size_t i = 0; i < type->branch_count; i++) {
        uint32_t left = RS_SCHEMA_DEFAULT_STEPS;
        if (rs_schema_default_fits(type->branches[i], json, &left)) {
            return type->branches[i];
        }
    }
    return type->kind == RS_AVRO_UNION ? NULL : type;
}

static int emit_constant(struct rs_program_compiler *c, const struct rs_schema *type, const json_t *json,
                         size_t slot, struct rs_error *error)
{
    struct rs_program *program = c->program;
    struct rs_value *constants = rs_array_grow(program->constants, program->constant_count,
                                               &c->constant_capacity, 8, sizeof *constants);
    if (!constants) {
        return no_memory(error);
    }
    program->constants = constants;
    int code =
        rs_program_default_value(&program->arena, type, json, &constants[program->constant_count], error);
    if (code == 0) {
        rs_program_emit(c, (struct rs_program_op){.code = RS_PROGRAM_CONSTANT,
                                                  .slot = (uint16_t)slot,
                                                  .b = program->constant_count});
        program->constant_count += !c->dry;
    }
    return code;
}

/* ---- what holds it ---- */

static int emit_value(struct rs_program_compiler *c, const struct rs_schema *type, const json_t *json,
                      struct rs_program_part part, struct rs_error *error);

static int emit_record_default(struct rs_program_compiler *c, const struct rs_schema *record,
                               const json_t *json, struct rs_program_part part, struct rs_error *error)
{
    int code = 0;
    for (size_t from = part.from; from < part.to && code == 0;) {
        size_t number = c->wants[from].steps[part.steps];
        const struct rs_schema_field *field = &record->fields[number];
        struct rs_program_part inside = rs_program_wants_of(c, part, number);
        const json_t *value = json_object_get(json, field->name);
        code = value ? emit_value(c, field->type, value, inside, error)
                     : rs_program_emit_default(c, field, inside, error);
        from = inside.to;
    }
    return code;
}

static int emit_value(struct rs_program_compiler *c, const struct rs_schema *type, const json_t *json,
                      struct rs_program_part part, struct rs_error *error)
{
    const struct rs_schema *actual = rs_program_default_type(type, json);
    if (!actual) {
        return rs_fail(error, RS_ESCHEMA, "is too involved");
    }
    if (actual->kind == RS_AVRO_NULL) {
        rs_program_emit_nulls(c, part);
        return 0;
    }
    return rs_program_is_leaf(c, part) ? emit_constant(c, actual, json, c->wants[part.from].slot, error)
                                       : emit_record_default(c, actual, json, part, error);
}

int rs_program_emit_default(struct rs_program_compiler *c, const struct rs_schema_field *field,
                            struct rs_program_part part, struct rs_error *error)
{
    json_t *json = json_loads(field->default_json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!json) {
        return no_memory(error);
    }
    const char *note = c->note;
    c->note = field->name;
    int code = emit_value(c, field->type, json, part, error);
    c->note = note;
    json_decref(json);
    return code;
}
