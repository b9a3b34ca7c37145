/* Types to ops. */
#include "schemas/program_emit.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define GROW_FROM 64 /* first size of the arrays that grow with the program */

/* ---- growing ---- */

static bool idle(const struct rs_program_compiler *c)
{
    return c->failed || c->dry;
}

/* Ops and their notes are two arrays with one capacity: that of the ops, which grow last. */
static bool reserve_op(struct rs_program_compiler *c)
{
    struct rs_program *program = c->program;
    size_t count = program->op_count;
    size_t notes_capacity = c->op_capacity;
    const char **notes = rs_array_grow(program->notes, count, &notes_capacity, GROW_FROM, sizeof *notes);
    if (!notes) {
        return false;
    }
    program->notes = notes;
    struct rs_program_op *ops = rs_array_grow(program->ops, count, &c->op_capacity, GROW_FROM, sizeof *ops);
    if (!ops) {
        return false;
    }
    program->ops = ops;
    return true;
}

size_t rs_program_emit(struct rs_program_compiler *c, struct rs_program_op op)
{
    struct rs_program *program = c->program;
    if (idle(c) || !reserve_op(c)) {
        c->failed = c->failed || !c->dry;
        return 0;
    }
    if (op.code == RS_PROGRAM_SKIP_STRING && program->limits.lenient_utf8) {
        op.code = RS_PROGRAM_SKIP_BYTES;
    }
    program->ops[program->op_count] = op;
    program->notes[program->op_count] = c->note;
    return program->op_count++;
}

void rs_program_emit_code(struct rs_program_compiler *c, enum rs_program_code code)
{
    rs_program_emit(c, (struct rs_program_op){.code = (uint8_t)code});
}

/* Makes the op at `from` lead to the op that comes next. */
static void land(struct rs_program_compiler *c, size_t from)
{
    if (!idle(c)) {
        c->program->ops[from].b = c->program->op_count - from;
        c->landing = c->program->op_count;
    }
}

/* Runs of values of fixed width that nobody wants are skipped in one step. */
static void emit_skip(struct rs_program_compiler *c, uint32_t size)
{
    struct rs_program *program = c->program;
    if (program->op_count > c->landing && !c->failed) {
        struct rs_program_op *last = &program->ops[program->op_count - 1];
        if (last->code == RS_PROGRAM_SKIP && last->a <= UINT32_MAX - size) {
            last->a += size;
            return;
        }
    }
    rs_program_emit(c, (struct rs_program_op){.code = RS_PROGRAM_SKIP, .a = size});
}

/* ---- values ---- */

bool rs_program_is_leaf(const struct rs_program_compiler *c, struct rs_program_part part)
{
    return part.from < part.to && c->wants[part.from].count == part.steps;
}

static uint64_t largest_quick_decimal(int precision)
{
    uint64_t power = 1;
    for (int i = 0; i < precision && i < 18; i++) {
        power *= 10;
    }
    return precision > 18 ? (uint64_t)INT64_MAX : power - 1;
}

static struct rs_program_op decimal_op(const struct rs_schema *type, bool keep)
{
    if (type->kind == RS_AVRO_FIXED) {
        return (struct rs_program_op){.code = keep ? RS_PROGRAM_FIXED_DECIMAL : RS_PROGRAM_SKIP_FIXED_DECIMAL,
                                      .a = (uint32_t)type->precision,
                                      .b = type->fixed_size};
    }
    return (struct rs_program_op){.code = keep ? RS_PROGRAM_DECIMAL : RS_PROGRAM_SKIP_DECIMAL,
                                  .a = (uint32_t)type->precision,
                                  .b = largest_quick_decimal(type->precision)};
}

static struct rs_program_op long_op(const struct rs_schema *type, bool keep)
{
    switch (type->logical) {
    case RS_LOGICAL_TIMESTAMP_MILLIS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS:
        return (struct rs_program_op){.code = keep ? RS_PROGRAM_MILLIS : RS_PROGRAM_SKIP_LONG};
    case RS_LOGICAL_TIMESTAMP_NANOS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_NANOS:
        return (struct rs_program_op){.code = keep ? RS_PROGRAM_NANOS : RS_PROGRAM_SKIP_LONG};
    case RS_LOGICAL_TIMESTAMP_MICROS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MICROS:
        return (struct rs_program_op){.code = keep ? RS_PROGRAM_LONG : RS_PROGRAM_SKIP_LONG,
                                      .kind = RS_VALUE_TIME};
    default:
        return (struct rs_program_op){.code = keep ? RS_PROGRAM_LONG : RS_PROGRAM_SKIP_LONG,
                                      .kind = RS_VALUE_INT};
    }
}

static struct rs_program_op kept_op(const struct rs_schema *type)
{
    switch (type->kind) {
    case RS_AVRO_BOOLEAN: return (struct rs_program_op){.code = RS_PROGRAM_BOOLEAN};
    case RS_AVRO_INT: return (struct rs_program_op){.code = RS_PROGRAM_INT, .kind = RS_VALUE_INT};
    case RS_AVRO_LONG: return long_op(type, true);
    case RS_AVRO_FLOAT: return (struct rs_program_op){.code = RS_PROGRAM_FLOAT};
    case RS_AVRO_DOUBLE: return (struct rs_program_op){.code = RS_PROGRAM_DOUBLE};
    case RS_AVRO_BYTES: return (struct rs_program_op){.code = RS_PROGRAM_BYTES};
    case RS_AVRO_FIXED:
        return (struct rs_program_op){.code = RS_PROGRAM_FIXED, .a = (uint32_t)type->fixed_size};
    case RS_AVRO_ENUM:
        return (struct rs_program_op){.code = RS_PROGRAM_ENUM, .a = (uint32_t)type->symbol_count};
    default: return (struct rs_program_op){.code = RS_PROGRAM_STRING};
    }
}

static struct rs_program_op skipped_op(const struct rs_schema *type)
{
    switch (type->kind) {
    case RS_AVRO_BOOLEAN: return (struct rs_program_op){.code = RS_PROGRAM_SKIP_BOOLEAN};
    case RS_AVRO_INT: return (struct rs_program_op){.code = RS_PROGRAM_SKIP_INT};
    case RS_AVRO_LONG: return long_op(type, false);
    case RS_AVRO_FLOAT: return (struct rs_program_op){.code = RS_PROGRAM_SKIP, .a = 4};
    case RS_AVRO_DOUBLE: return (struct rs_program_op){.code = RS_PROGRAM_SKIP, .a = 8};
    case RS_AVRO_BYTES: return (struct rs_program_op){.code = RS_PROGRAM_SKIP_BYTES};
    case RS_AVRO_FIXED:
        return (struct rs_program_op){.code = RS_PROGRAM_SKIP, .a = (uint32_t)type->fixed_size};
    case RS_AVRO_ENUM:
        return (struct rs_program_op){.code = RS_PROGRAM_SKIP_ENUM, .a = (uint32_t)type->symbol_count};
    default: return (struct rs_program_op){.code = RS_PROGRAM_SKIP_STRING};
    }
}

struct rs_program_op rs_program_simple_op(const struct rs_schema *type, bool keep)
{
    struct rs_program_op op = keep ? kept_op(type) : skipped_op(type);
    /* One of more digits than a number here has matters only to who wants it. */
    if (type->logical == RS_LOGICAL_DECIMAL && (keep || type->precision <= RS_I128_DIGITS)) {
        op = decimal_op(type, keep);
    } else if (type->logical == RS_LOGICAL_UUID && type->kind == RS_AVRO_STRING) {
        op.code = keep ? RS_PROGRAM_UUID : RS_PROGRAM_SKIP_UUID;
    }
    return op;
}

static void emit_simple(struct rs_program_compiler *c, const struct rs_schema *type,
                        struct rs_program_part part)
{
    bool keep = rs_program_is_leaf(c, part);
    struct rs_program_op op = rs_program_simple_op(type, keep);
    if (op.code == RS_PROGRAM_SKIP) {
        emit_skip(c, op.a);
        return;
    }
    op.slot = (uint16_t)(keep ? c->wants[part.from].slot : 0);
    rs_program_emit(c, op);
}

/* ---- unions ---- */

void rs_program_emit_nulls(struct rs_program_compiler *c, struct rs_program_part part)
{
    for (size_t i = part.from; i < part.to; i++) {
        rs_program_emit(
            c, (struct rs_program_op){.code = RS_PROGRAM_SET_NULL, .slot = (uint16_t)c->wants[i].slot});
    }
}

/* The null branch of one wanted field is done by the op itself; several have their nulls set behind the other
 * branch. */
static void emit_nullable(struct rs_program_compiler *c, const struct rs_schema *type, int null_branch,
                          struct rs_program_part part)
{
    size_t wanted = part.to - part.from;
    size_t nullable = rs_program_emit(
        c, (struct rs_program_op){.code = wanted == 1 ? RS_PROGRAM_NULLABLE_SLOT : RS_PROGRAM_NULLABLE,
                                  .slot = (uint16_t)(wanted == 1 ? c->wants[part.from].slot : 0),
                                  .a = (uint32_t)null_branch});
    rs_program_emit_type(c, type->branches[1 - null_branch], part);
    if (wanted <= 1) {
        land(c, nullable);
        return;
    }
    size_t jump = rs_program_emit(c, (struct rs_program_op){.code = RS_PROGRAM_JUMP});
    land(c, nullable);
    rs_program_emit_nulls(c, part);
    land(c, jump);
}

size_t rs_program_add_targets(struct rs_program_compiler *c, size_t count)
{
    struct rs_program *program = c->program;
    size_t first = program->target_count;
    for (size_t i = 0; i < count && !idle(c); i++) {
        uint32_t *targets = rs_array_grow(program->targets, program->target_count, &c->target_capacity,
                                          GROW_FROM, sizeof *targets);
        if (!targets) {
            c->failed = true;
            return 0;
        }
        program->targets = targets;
        program->targets[program->target_count++] = 0;
    }
    return first;
}

void rs_program_set_target(struct rs_program_compiler *c, size_t number, size_t from)
{
    if (!idle(c)) {
        c->program->targets[number] = (uint32_t)(c->program->op_count - from);
        c->landing = c->program->op_count;
    }
}

void rs_program_land_chain(struct rs_program_compiler *c, size_t jump)
{
    while (jump != 0 && !idle(c)) {
        size_t next = c->program->ops[jump].b;
        land(c, jump);
        jump = next;
    }
}

static void emit_union(struct rs_program_compiler *c, const struct rs_schema *type,
                       struct rs_program_part part)
{
    int null_branch = rs_program_null_branch(type);
    if (null_branch >= 0) {
        emit_nullable(c, type, null_branch, part);
        return;
    }
    size_t first = rs_program_add_targets(c, type->branch_count);
    size_t at = rs_program_emit(
        c, (struct rs_program_op){.code = RS_PROGRAM_UNION, .a = (uint32_t)type->branch_count, .b = first});
    size_t chain = 0;
    for (size_t i = 0; i < type->branch_count; i++) {
        rs_program_set_target(c, first + i, at);
        rs_program_emit_type(c, type->branches[i], part);
        if (i + 1 < type->branch_count) {
            chain = rs_program_emit(c, (struct rs_program_op){.code = RS_PROGRAM_JUMP, .b = chain});
        }
    }
    rs_program_land_chain(c, chain);
}

/* ---- loops and records ---- */

static void emit_blocks(struct rs_program_compiler *c, const struct rs_schema *type,
                        struct rs_program_part part)
{
    bool map = type->kind == RS_AVRO_MAP;
    if (!map && type->items->zero_size) {
        rs_program_emit(c, (struct rs_program_op){.code = RS_PROGRAM_EMPTY_BLOCKS, .a = part.depth + 1});
        return;
    }
    size_t blocks =
        rs_program_emit(c, (struct rs_program_op){.code = RS_PROGRAM_BLOCKS, .a = part.depth + 1});
    if (map) {
        rs_program_emit_code(c, RS_PROGRAM_SKIP_STRING);
    }
    rs_program_emit_type(c, type->items, (struct rs_program_part){.in_frame = true});
    rs_program_emit_code(c, RS_PROGRAM_NEXT);
    land(c, blocks);
}

static void emit_call(struct rs_program_compiler *c, const struct rs_schema *record,
                      struct rs_program_part part)
{
    size_t number = 0;
    while (number < c->subroutine_count && c->subroutines[number].schema != record) {
        number++;
    }
    if (number == c->subroutine_count) {
        struct rs_program_subroutine *subroutines =
            rs_array_grow(c->subroutines, number, &c->subroutine_capacity, GROW_FROM, sizeof *subroutines);
        if (!subroutines) {
            c->failed = true;
            return;
        }
        c->subroutines = subroutines;
        c->subroutines[c->subroutine_count++] = (struct rs_program_subroutine){.schema = record};
    }
    rs_program_emit(c, (struct rs_program_op){.code = RS_PROGRAM_CALL, .a = part.depth + 1, .b = number});
}

struct rs_program_part rs_program_wants_of(const struct rs_program_compiler *c, struct rs_program_part part,
                                           size_t field)
{
    struct rs_program_part inside = part;
    while (inside.from < part.to && c->wants[inside.from].steps[part.steps] != field) {
        inside.from++;
    }
    inside.to = inside.from;
    while (inside.to < part.to && c->wants[inside.to].steps[part.steps] == field) {
        inside.to++;
    }
    inside.steps++;
    return inside;
}

/* `part` is that of the fields. */
static void emit_fields(struct rs_program_compiler *c, const struct rs_schema *record,
                        struct rs_program_part part)
{
    const char *note = c->note;
    for (size_t i = 0; i < record->field_count; i++) {
        c->note = record->fields[i].name;
        rs_program_emit_type(c, record->fields[i].type, rs_program_wants_of(c, part, i));
    }
    c->note = note;
}

bool rs_program_enter(struct rs_program_compiler *c, struct rs_program_part part)
{
    if (part.in_frame) {
        rs_program_emit(c, (struct rs_program_op){.code = RS_PROGRAM_ENTER, .a = part.depth + 1});
    } else if (part.depth + 1 > c->program->limits.depth) {
        rs_program_emit_code(c, RS_PROGRAM_TOO_DEEP);
        return false;
    }
    return true;
}

static void emit_record(struct rs_program_compiler *c, const struct rs_schema *record,
                        struct rs_program_part part)
{
    if (part.from == part.to && record->uses > 1) {
        emit_call(c, record, part);
        return;
    }
    if (rs_program_enter(c, part)) {
        part.depth++;
        emit_fields(c, record, part);
    }
}

void rs_program_emit_type(struct rs_program_compiler *c, const struct rs_schema *type,
                          struct rs_program_part part)
{
    if (idle(c) || (part.from == part.to && type->zero_size)) {
        return;
    }
    switch (type->kind) {
    case RS_AVRO_UNION: emit_union(c, type, part); break;
    case RS_AVRO_RECORD: emit_record(c, type, part); break;
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP: emit_blocks(c, type, part); break;
    default: emit_simple(c, type, part); break;
    }
}

void rs_program_emit_subroutines(struct rs_program_compiler *c)
{
    for (size_t i = 0; i < c->subroutine_count && !c->failed; i++) {
        c->subroutines[i].start = c->program->op_count;
        c->note = c->subroutines[i].schema->name;
        emit_fields(c, c->subroutines[i].schema, (struct rs_program_part){.in_frame = true});
        c->note = NULL;
        rs_program_emit_code(c, RS_PROGRAM_RETURN);
    }
    for (size_t i = 0; i < c->program->op_count && !c->failed; i++) {
        struct rs_program_op *op = &c->program->ops[i];
        if (op->code == RS_PROGRAM_CALL) {
            op->b = c->subroutines[op->b].start;
        }
    }
}
