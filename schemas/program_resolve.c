#include "schemas/program_resolve.h"

#include <string.h>

#include "base/buf.h"
#include "schemas/program_default.h"
#include "schemas/resolve.h"

/* A writer's unions may hold many records whose names match the reader's, and these such unions: what is wanted
 * of them is written out for each way through, so that a small schema would make a program of any size. */
#define PAIRS_MAX 100000
#define OPS_MAX   200000

static bool too_involved(const struct rs_program_compiler *c)
{
    return c->pairs > PAIRS_MAX || c->program->op_count > OPS_MAX;
}

/* ---- what is wrong ---- */

/* Bytes of the path of what is at hand: so many steps of the first wanted path that runs through it. */
static int path_size(const struct rs_program_compiler *c, struct rs_program_part part, const char **path)
{
    *path = c->paths[c->wants[part.from].slot];
    size_t size = 0;
    for (size_t i = 0; i < part.steps; i++) {
        size += strcspn(*path + size, ".") + (i + 1 < part.steps);
    }
    return (int)size;
}

static int finish(struct rs_buf *text, struct rs_error *error)
{
    int code = text->failed ? rs_fail(error, RS_ENOMEM, "out of memory")
                            : rs_fail(error, RS_ESCHEMA, "%.*s", (int)text->size, (const char *)text->data);
    rs_buf_fini(text);
    return code;
}

/* "its field 'price' is double, not decimal(18, 2): why" */
static int differs(const struct rs_program_compiler *c, struct rs_program_part part, enum rs_break kind,
                   const struct rs_schema *writer, const struct rs_schema *reader, struct rs_error *error)
{
    struct rs_buf text = {0};
    const char *path = NULL;
    int size = path_size(c, part, &path);
    rs_buf_printf(&text, size == 0 ? "it is " : "its field '%.*s' is ", size, path);
    rs_resolve_put_type(writer, &text);
    rs_buf_text(&text, ", not ");
    rs_resolve_put_type(reader, &text);
    rs_buf_text(&text, ": ");
    rs_resolve_put_why(kind, writer, reader, &text);
    return finish(&text, error);
}

static int lacks(const struct rs_program_compiler *c, struct rs_program_part part,
                 const struct rs_schema *reader, struct rs_error *error)
{
    struct rs_buf text = {0};
    const char *path = NULL;
    int size = path_size(c, part, &path);
    rs_buf_printf(&text, "it has no field '%.*s': ", size, path);
    rs_resolve_put_why(RS_BREAK_FIELD, reader, reader, &text);
    return finish(&text, error);
}

static int bad_default(const struct rs_program_compiler *c, struct rs_program_part part,
                       struct rs_error *error)
{
    const char *path = NULL;
    int size = path_size(c, part, &path);
    if (error->code != RS_ESCHEMA) {
        return error->code;
    }
    struct rs_error clause = *error;
    return rs_fail(error, RS_ESCHEMA, "it has no field '%.*s', and the default of that %.200s", size, path,
                   clause.text);
}

/* ---- values ---- */

static bool is_text(const struct rs_schema *type)
{
    return type->kind == RS_AVRO_STRING;
}

/* The type by which the writer's bytes are read: its own, but meaning what the reader says where only the
 * reader says something; text where one of both is text. */
static struct rs_schema meaning(const struct rs_schema *writer, const struct rs_schema *reader)
{
    struct rs_schema type = *writer;
    bool same_kind = writer->kind == reader->kind;
    bool texts = is_text(writer) || is_text(reader);
    type.kind = texts ? RS_AVRO_STRING : writer->kind;
    if (writer->logical == RS_LOGICAL_NONE && (same_kind || texts)) {
        type.logical = reader->logical;
        type.precision = reader->precision;
        type.scale = reader->scale;
    } else if (reader->logical == RS_LOGICAL_NONE && !is_text(writer)) {
        type.logical = RS_LOGICAL_NONE;
    }
    return type;
}

static void emit_enum(struct rs_program_compiler *c, const struct rs_schema *writer,
                      const struct rs_schema *reader, size_t slot)
{
    struct rs_program_op op = rs_program_simple_op(writer, true);
    op.slot = (uint16_t)slot;
    if (!rs_schema_same_symbols(writer, reader)) {
        op.code = RS_PROGRAM_ENUM_MAP;
        op.b = rs_program_add_targets(c, writer->symbol_count);
        for (size_t i = 0; i < writer->symbol_count && !c->failed && !c->dry; i++) {
            size_t symbol = rs_resolve_symbol(writer, i, reader);
            c->program->targets[op.b + i] = symbol == SIZE_MAX ? UINT32_MAX : (uint32_t)symbol;
        }
    }
    rs_program_emit(c, op);
}

static bool is_number(const struct rs_schema *type)
{
    return type->kind == RS_AVRO_INT || type->kind == RS_AVRO_LONG;
}

/* From an int that means nothing yet to what a long means. */
static enum rs_program_code long_meaning(const struct rs_schema *reader)
{
    switch (reader->logical) {
    case RS_LOGICAL_TIMESTAMP_MILLIS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS: return RS_PROGRAM_AS_MILLIS;
    case RS_LOGICAL_TIMESTAMP_NANOS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_NANOS: return RS_PROGRAM_AS_NANOS;
    default: return RS_PROGRAM_STOP;
    }
}

static void emit_after(struct rs_program_compiler *c, const struct rs_schema *writer,
                       const struct rs_schema *reader, uint16_t slot)
{
    struct rs_program_op op = {.code = RS_PROGRAM_STOP, .slot = slot};
    if (is_number(writer) && (reader->kind == RS_AVRO_DOUBLE || reader->kind == RS_AVRO_FLOAT)) {
        op.code = reader->kind == RS_AVRO_DOUBLE ? RS_PROGRAM_AS_DOUBLE : RS_PROGRAM_AS_FLOAT;
    } else if (writer->kind == RS_AVRO_INT && reader->kind == RS_AVRO_LONG) {
        op.code = (uint8_t)long_meaning(reader);
        if (writer->logical == RS_LOGICAL_TIME_MILLIS && reader->logical == RS_LOGICAL_TIME_MICROS) {
            op.code = RS_PROGRAM_TIMES;
            op.b = 1000;
        }
    } else if (writer->logical == RS_LOGICAL_DECIMAL && reader->logical == RS_LOGICAL_DECIMAL &&
               reader->scale > writer->scale) {
        op.code = RS_PROGRAM_RESCALE;
        uint32_t appended = (uint32_t)(reader->scale - writer->scale);
        uint32_t digits = (uint32_t)(reader->precision < RS_I128_DIGITS ? reader->precision : RS_I128_DIGITS);
        op.a = digits << 8 | appended;
        op.kind = appended <= 18; /* there is a factor of 64 bits */
        op.b = op.kind ? (uint64_t)rs_pow10_u128((int)appended) : 0;
    }
    if (op.code != RS_PROGRAM_STOP) {
        rs_program_emit(c, op);
    }
}

static bool is_micros(enum rs_logical logical)
{
    return logical == RS_LOGICAL_TIMESTAMP_MICROS || logical == RS_LOGICAL_LOCAL_TIMESTAMP_MICROS;
}

static void emit_leaf(struct rs_program_compiler *c, const struct rs_schema *writer,
                      const struct rs_schema *reader, size_t slot)
{
    if (reader->kind == RS_AVRO_ENUM) {
        emit_enum(c, writer, reader, slot);
        return;
    }
    struct rs_schema type = meaning(writer, reader);
    struct rs_program_op op = rs_program_simple_op(&type, true);
    op.slot = (uint16_t)slot;
    if (writer->kind == RS_AVRO_INT && is_micros(reader->logical)) {
        op.kind = RS_VALUE_TIME;
    }
    rs_program_emit(c, op);
    emit_after(c, writer, reader, op.slot);
}

/* ---- records ---- */

/* Defaults of what is wanted and was not among the writer's fields. */
static int emit_missing(struct rs_program_compiler *c, const struct rs_schema *writer,
                        const struct rs_schema *reader, struct rs_program_part part, struct rs_error *error)
{
    int code = 0;
    for (size_t from = part.from; from < part.to && code == 0;) {
        size_t number = c->wants[from].steps[part.steps];
        struct rs_program_part inside = rs_program_wants_of(c, part, number);
        size_t i = 0;
        while (i < writer->field_count && rs_resolve_field(writer, i, reader) != number) {
            i++;
        }
        from = inside.to;
        if (i < writer->field_count) {
            continue;
        }
        if (!reader->fields[number].has_default) {
            return lacks(c, inside, reader, error);
        }
        code = rs_program_emit_default(c, &reader->fields[number], inside, error);
        code = code != 0 ? bad_default(c, inside, error) : 0;
    }
    return code;
}

static int emit_record_pair(struct rs_program_compiler *c, const struct rs_schema *writer,
                            const struct rs_schema *reader, struct rs_program_part part,
                            struct rs_error *error)
{
    if (!rs_program_enter(c, part)) {
        return 0;
    }
    const char *note = c->note;
    int code = 0;
    part.depth++;
    for (size_t i = 0; i < writer->field_count && code == 0; i++) {
        size_t number = rs_resolve_field(writer, i, reader);
        struct rs_program_part inside = rs_program_wants_of(c, part, number);
        const struct rs_schema *type = writer->fields[i].type;
        c->note = writer->fields[i].name;
        if (inside.from < inside.to) {
            code = rs_program_emit_pair(c, type, reader->fields[number].type, inside, error);
        } else {
            rs_program_emit_type(c, type, inside);
        }
    }
    c->note = note;
    return code != 0 ? code : emit_missing(c, writer, reader, part, error);
}

/* ---- unions ---- */

/* Whether the pair could be compiled. Unions inside one another are asked about once for each level: wanted
 * paths are as deep as they are written, and so are the questions. */
static int try_pair(struct rs_program_compiler *c, const struct rs_schema *writer,
                    const struct rs_schema *reader, struct rs_program_part part, struct rs_error *error)
{
    bool dry = c->dry;
    c->dry = true;
    int code = rs_program_emit_pair(c, writer, reader, part, error);
    c->dry = dry;
    return code;
}

/* Each branch by itself: one that the reader cannot take is refused when it comes. An error where it can take
 * none, or none but null: that would be a field that nobody sees, rather than a fault that somebody mends. */
static int emit_union_pair(struct rs_program_compiler *c, const struct rs_schema *writer,
                           const struct rs_schema *reader, struct rs_program_part part,
                           struct rs_error *error)
{
    size_t first = rs_program_add_targets(c, writer->branch_count);
    size_t at = rs_program_emit(
        c, (struct rs_program_op){.code = RS_PROGRAM_UNION, .a = (uint32_t)writer->branch_count, .b = first});
    size_t chain = 0;
    size_t fit = 0;
    int worst = 0;
    struct rs_error why;
    for (size_t i = 0; i < writer->branch_count; i++) {
        rs_program_set_target(c, first + i, at);
        int code = try_pair(c, writer->branches[i], reader, part, &why);
        if (code == 0 && !c->dry) {
            code = rs_program_emit_pair(c, writer->branches[i], reader, part, &why);
        } else if (code == RS_ESCHEMA) {
            rs_program_emit_code(c, RS_PROGRAM_INCOMPATIBLE);
        }
        if (code != 0 && worst == 0) {
            worst = code;
            *error = why;
        }
        if (code != 0 && (code != RS_ESCHEMA || too_involved(c))) {
            return rs_fail(error, code, "%s", why.text);
        }
        fit += code == 0 && (writer->branches[i]->kind != RS_AVRO_NULL || writer->branch_count == 1);
        if (i + 1 < writer->branch_count) {
            chain = rs_program_emit(c, (struct rs_program_op){.code = RS_PROGRAM_JUMP, .b = chain});
        }
    }
    rs_program_land_chain(c, chain);
    return fit == 0 ? worst : 0;
}

/* ---- pairs ---- */

static int emit_null(struct rs_program_compiler *c, const struct rs_schema *writer,
                     const struct rs_schema *reader, struct rs_program_part part, struct rs_error *error)
{
    if (rs_program_null_branch(reader) < 0) {
        return differs(c, part, RS_BREAK_TYPE, writer, reader, error);
    }
    rs_program_emit_nulls(c, part);
    return 0;
}

int rs_program_emit_pair(struct rs_program_compiler *c, const struct rs_schema *writer,
                         const struct rs_schema *reader, struct rs_program_part part, struct rs_error *error)
{
    if (c->failed) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    c->pairs++;
    if (too_involved(c)) {
        return rs_fail(error, RS_ESCHEMA,
                       "it is too involved: unions of records of one name, in one another");
    }
    if (writer->kind == RS_AVRO_UNION) {
        return emit_union_pair(c, writer, reader, part, error);
    }
    if (writer->kind == RS_AVRO_NULL) {
        return emit_null(c, writer, reader, part, error);
    }
    bool nullable = false;
    const struct rs_schema *type = rs_program_strip_union(reader, &nullable);
    enum rs_break kind = rs_resolve_match(writer, type);
    if (kind != RS_BREAK_NONE) {
        return differs(c, part, kind, writer, type, error);
    }
    if (!rs_program_is_leaf(c, part)) {
        return emit_record_pair(c, writer, type, part, error);
    }
    emit_leaf(c, writer, type, c->wants[part.from].slot);
    return 0;
}
