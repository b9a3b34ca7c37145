/* Schema and wanted paths to op list. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "schemas/program_ops.h"

#define GROW_FROM 64 /* first size of the arrays that grow with the program */

/* One record that is called rather than written out. */
struct subroutine {
    const struct rs_schema *schema;
    size_t start;
};

struct compiler {
    struct rs_program *program;
    size_t op_capacity, target_capacity;
    struct rs_program_route *wants; /* sorted by their steps, each way once */
    size_t want_count;
    struct subroutine *subroutines; /* grows while it is worked through */
    size_t subroutine_count, subroutine_capacity;
    size_t landing;   /* newest op that something leads to: it must stay an op of its own */
    const char *note; /* field at hand */
    bool failed;      /* out of memory: sticky */
};

/* The part of `wants` that runs through the type at hand, after `depth` steps, and where the type stands. */
struct part {
    size_t from, to;
    size_t steps;
    uint32_t depth; /* records, arrays and maps around it, counted from the frame's base */
    bool in_frame;  /* inside a loop or a subroutine: the base is not known */
};

static void emit_type(struct compiler *c, const struct rs_schema *type, struct part part);

/* ---- growing ---- */

/* Ops and their notes are two arrays with one capacity: that of the ops, which grow last. */
static bool reserve_op(struct compiler *c)
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

static size_t emit(struct compiler *c, struct rs_program_op op)
{
    struct rs_program *program = c->program;
    if (c->failed || !reserve_op(c)) {
        c->failed = true;
        return 0;
    }
    program->ops[program->op_count] = op;
    program->notes[program->op_count] = c->note;
    return program->op_count++;
}

static void emit_code(struct compiler *c, enum rs_program_code code)
{
    emit(c, (struct rs_program_op){.code = (uint8_t)code});
}

/* Makes the op at `from` lead to the op that comes next. */
static void land(struct compiler *c, size_t from)
{
    if (!c->failed) {
        c->program->ops[from].b = c->program->op_count - from;
        c->landing = c->program->op_count;
    }
}

/* Runs of values of fixed width that nobody wants are skipped in one step. */
static void emit_skip(struct compiler *c, uint32_t size)
{
    struct rs_program *program = c->program;
    if (program->op_count > c->landing && !c->failed) {
        struct rs_program_op *last = &program->ops[program->op_count - 1];
        if (last->code == RS_PROGRAM_SKIP && last->a <= UINT32_MAX - size) {
            last->a += size;
            return;
        }
    }
    emit(c, (struct rs_program_op){.code = RS_PROGRAM_SKIP, .a = size});
}

/* ---- values ---- */

static bool is_leaf(const struct compiler *c, struct part part)
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

static void emit_simple(struct compiler *c, const struct rs_schema *type, struct part part)
{
    bool keep = is_leaf(c, part);
    struct rs_program_op op = keep ? kept_op(type) : skipped_op(type);
    /* One of more digits than a number here has matters only to who wants it. */
    if (type->logical == RS_LOGICAL_DECIMAL && (keep || type->precision <= RS_I128_DIGITS)) {
        op = decimal_op(type, keep);
    } else if (type->logical == RS_LOGICAL_UUID && type->kind == RS_AVRO_STRING) {
        op.code = keep ? RS_PROGRAM_UUID : RS_PROGRAM_SKIP_UUID;
    }
    if (op.code == RS_PROGRAM_SKIP) {
        emit_skip(c, op.a);
        return;
    }
    op.slot = (uint16_t)(keep ? c->wants[part.from].slot : 0);
    emit(c, op);
}

/* ---- unions ---- */

static void emit_nulls(struct compiler *c, struct part part)
{
    for (size_t i = part.from; i < part.to; i++) {
        emit(c, (struct rs_program_op){.code = RS_PROGRAM_SET_NULL, .slot = (uint16_t)c->wants[i].slot});
    }
}

/* The null branch of one wanted field is done by the op itself; several have their nulls set behind the other
 * branch. */
static void emit_nullable(struct compiler *c, const struct rs_schema *type, int null_branch, struct part part)
{
    size_t wanted = part.to - part.from;
    size_t nullable =
        emit(c, (struct rs_program_op){.code = wanted == 1 ? RS_PROGRAM_NULLABLE_SLOT : RS_PROGRAM_NULLABLE,
                                       .slot = (uint16_t)(wanted == 1 ? c->wants[part.from].slot : 0),
                                       .a = (uint32_t)null_branch});
    emit_type(c, type->branches[1 - null_branch], part);
    if (wanted <= 1) {
        land(c, nullable);
        return;
    }
    size_t jump = emit(c, (struct rs_program_op){.code = RS_PROGRAM_JUMP});
    land(c, nullable);
    emit_nulls(c, part);
    land(c, jump);
}

static size_t add_targets(struct compiler *c, size_t count)
{
    struct rs_program *program = c->program;
    size_t first = program->target_count;
    for (size_t i = 0; i < count && !c->failed; i++) {
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

static void set_target(struct compiler *c, size_t number, size_t from)
{
    if (!c->failed) {
        c->program->targets[number] = (uint32_t)(c->program->op_count - from);
        c->landing = c->program->op_count;
    }
}

/* Jumps to the end are chained through `b` until the end is known; 0 ends the chain, as no jump is op 0. */
static void land_chain(struct compiler *c, size_t jump)
{
    while (jump != 0 && !c->failed) {
        size_t next = c->program->ops[jump].b;
        land(c, jump);
        jump = next;
    }
}

static void emit_union(struct compiler *c, const struct rs_schema *type, struct part part)
{
    int null_branch = rs_program_null_branch(type);
    if (null_branch >= 0) {
        emit_nullable(c, type, null_branch, part);
        return;
    }
    size_t first = add_targets(c, type->branch_count);
    size_t at = emit(
        c, (struct rs_program_op){.code = RS_PROGRAM_UNION, .a = (uint32_t)type->branch_count, .b = first});
    size_t chain = 0;
    for (size_t i = 0; i < type->branch_count; i++) {
        set_target(c, first + i, at);
        emit_type(c, type->branches[i], part);
        if (i + 1 < type->branch_count) {
            chain = emit(c, (struct rs_program_op){.code = RS_PROGRAM_JUMP, .b = chain});
        }
    }
    land_chain(c, chain);
}

/* ---- loops and records ---- */

static void emit_blocks(struct compiler *c, const struct rs_schema *type, struct part part)
{
    bool map = type->kind == RS_AVRO_MAP;
    if (!map && type->items->zero_size) {
        emit(c, (struct rs_program_op){.code = RS_PROGRAM_EMPTY_BLOCKS, .a = part.depth + 1});
        return;
    }
    size_t blocks = emit(c, (struct rs_program_op){.code = RS_PROGRAM_BLOCKS, .a = part.depth + 1});
    if (map) {
        emit_code(c, RS_PROGRAM_SKIP_STRING);
    }
    emit_type(c, type->items, (struct part){.in_frame = true});
    emit_code(c, RS_PROGRAM_NEXT);
    land(c, blocks);
}

static void emit_call(struct compiler *c, const struct rs_schema *record, struct part part)
{
    size_t number = 0;
    while (number < c->subroutine_count && c->subroutines[number].schema != record) {
        number++;
    }
    if (number == c->subroutine_count) {
        struct subroutine *subroutines =
            rs_array_grow(c->subroutines, number, &c->subroutine_capacity, GROW_FROM, sizeof *subroutines);
        if (!subroutines) {
            c->failed = true;
            return;
        }
        c->subroutines = subroutines;
        c->subroutines[c->subroutine_count++] = (struct subroutine){.schema = record};
    }
    emit(c, (struct rs_program_op){.code = RS_PROGRAM_CALL, .a = part.depth + 1, .b = number});
}

/* `part` is that of the fields; the wants are sorted, so those of each field are a run of their own. */
static void emit_fields(struct compiler *c, const struct rs_schema *record, struct part part)
{
    const char *note = c->note;
    size_t from = part.from;
    for (size_t i = 0; i < record->field_count; i++) {
        size_t to = from;
        while (to < part.to && c->wants[to].steps[part.steps] == i) {
            to++;
        }
        c->note = record->fields[i].name;
        emit_type(c, record->fields[i].type,
                  (struct part){.from = from,
                                .to = to,
                                .steps = part.steps + 1,
                                .depth = part.depth,
                                .in_frame = part.in_frame});
        from = to;
    }
    c->note = note;
}

static void emit_record(struct compiler *c, const struct rs_schema *record, struct part part)
{
    if (part.from == part.to && record->uses > 1) {
        emit_call(c, record, part);
        return;
    }
    if (part.in_frame) {
        emit(c, (struct rs_program_op){.code = RS_PROGRAM_ENTER, .a = part.depth + 1});
    } else if (part.depth + 1 > c->program->limits.depth) {
        emit_code(c, RS_PROGRAM_TOO_DEEP);
        return;
    }
    part.depth++;
    emit_fields(c, record, part);
}

static void emit_type(struct compiler *c, const struct rs_schema *type, struct part part)
{
    if (c->failed || (part.from == part.to && type->zero_size)) {
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

static void emit_subroutines(struct compiler *c)
{
    for (size_t i = 0; i < c->subroutine_count && !c->failed; i++) {
        c->subroutines[i].start = c->program->op_count;
        c->note = c->subroutines[i].schema->name;
        emit_fields(c, c->subroutines[i].schema, (struct part){.in_frame = true});
        c->note = NULL;
        emit_code(c, RS_PROGRAM_RETURN);
    }
    for (size_t i = 0; i < c->program->op_count && !c->failed; i++) {
        struct rs_program_op *op = &c->program->ops[i];
        if (op->code == RS_PROGRAM_CALL) {
            op->b = c->subroutines[op->b].start;
        }
    }
}

/* ---- wanted fields ---- */

static int compare_routes(const void *left, const void *right)
{
    const struct rs_program_route *a = left;
    const struct rs_program_route *b = right;
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        if (a->steps[i] != b->steps[i]) {
            return a->steps[i] < b->steps[i] ? -1 : 1;
        }
    }
    /* One way is never the beginning of another: a field is either a value or a record. Then by slot. */
    return a->slot < b->slot ? -1 : a->slot > b->slot;
}

static bool same_route(const struct rs_program_route *a, const struct rs_program_route *b)
{
    return a->count == b->count && memcmp(a->steps, b->steps, a->count * sizeof *a->steps) == 0;
}

static int find_wants(struct compiler *c, const char *const *paths, size_t count, struct rs_error *error)
{
    if (count > RS_PROGRAM_SLOTS_MAX) {
        return rs_fail(error, RS_ECONFIG, "more than %d fields are wanted", RS_PROGRAM_SLOTS_MAX);
    }
    c->wants = calloc(count + 1, sizeof *c->wants);
    if (!c->wants) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        struct rs_field_type type;
        int code = rs_program_find(c->program->schema, paths[i], &type, &c->wants[i], error);
        if (code != 0) {
            return code;
        }
        c->wants[i].slot = i;
        c->want_count++;
    }
    qsort(c->wants, count, sizeof *c->wants, compare_routes);
    return 0;
}

/* Keeps one of the wants that go the same way, and has the others copied at the end. */
static size_t set_repeats_aside(struct compiler *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->want_count; i++) {
        if (kept > 0 && same_route(&c->wants[kept - 1], &c->wants[i])) {
            continue;
        }
        struct rs_program_route swapped = c->wants[kept];
        c->wants[kept++] = c->wants[i];
        c->wants[i] = swapped;
    }
    return kept;
}

static void emit_copies(struct compiler *c, size_t kept)
{
    for (size_t i = kept; i < c->want_count; i++) {
        size_t first = 0;
        while (!same_route(&c->wants[first], &c->wants[i])) {
            first++;
        }
        emit(c, (struct rs_program_op){.code = RS_PROGRAM_COPY,
                                       .slot = (uint16_t)c->wants[i].slot,
                                       .a = (uint32_t)c->wants[first].slot});
    }
}

static void compiler_fini(struct compiler *c)
{
    for (size_t i = 0; i < c->want_count; i++) {
        free(c->wants[i].steps);
    }
    free(c->wants);
    free(c->subroutines);
}

static int compile(struct compiler *c, const char *const *paths, size_t count, struct rs_error *error)
{
    int code = find_wants(c, paths, count, error);
    if (code != 0) {
        return code;
    }
    size_t kept = set_repeats_aside(c);
    emit_type(c, c->program->schema, (struct part){.to = kept});
    emit_copies(c, kept);
    emit_code(c, RS_PROGRAM_END);
    emit_subroutines(c);
    return c->failed ? rs_fail(error, RS_ENOMEM, "out of memory") : 0;
}

int rs_program_compile(const struct rs_schema *schema, const char *const *paths, size_t count,
                       struct rs_program_limits limits, struct rs_program **out, struct rs_error *error)
{
    RS_ASSERT(limits.depth >= 1 && limits.depth <= RS_PROGRAM_DEPTH_MAX);
    struct rs_program *program = calloc(1, sizeof *program);
    if (!program) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    program->schema = schema;
    program->limits = limits;
    program->slot_count = count;
    struct compiler compiler = {.program = program};
    int code = compile(&compiler, paths, count, error);
    compiler_fini(&compiler);
    if (code != 0) {
        rs_program_free(&program);
        return code;
    }
    *out = program;
    return 0;
}

void rs_program_free(struct rs_program **program)
{
    if (!program || !*program) {
        return;
    }
    free((*program)->ops);
    free(*(void **)&(*program)->notes);
    free((*program)->targets);
    free(*program);
    *program = NULL;
}
