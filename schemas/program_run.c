/* The loop that runs an op list over a message. Each op is a small function, inlined into the loop; the
 * position and the op go in and out by value, so that they stay in registers. Each op jumps to the next one
 * by itself (labels as values, which gcc and clang have): with one jump in a switch the processor guesses the
 * next op wrong more often, and a trade takes a tenth longer. */
#include "base/time/us.h"
#include "schemas/program_ops.h"
#include "schemas/wire.h"

struct frame {
    const struct rs_program_op *op;  /* first op of the loop's body, or the one to return to */
    const struct rs_program_op *end; /* op behind the loop */
    uint64_t left;                   /* items still to come in the block */
    const uint8_t *block_end;        /* NULL: the writer did not say */
    uint32_t base;                   /* depth to go back to */
};

/* What seldom changes; lives in memory. */
struct walk {
    const struct rs_program *program;
    struct frame *frames;
    size_t top;
    uint32_t base;
    uint64_t items;
    enum rs_reason reason;
};

/* What never changes during a run; never has its address taken by anything that is not inlined. */
struct run {
    const uint8_t *end;
    struct rs_value *values;
    struct walk *walk;
};

struct at {
    const uint8_t *p;
    const struct rs_program_op *op;
};

#define STEP RS_WIRE_INLINE struct at

static const struct rs_program_op stop_op = {.code = RS_PROGRAM_STOP};

static __attribute__((noinline, cold)) struct at refuse(struct walk *walk, const uint8_t *p, uint64_t reason)
{
    walk->reason = (enum rs_reason)reason;
    return (struct at){p, &stop_op};
}

STEP ahead(const uint8_t *p, const struct rs_program_op *op)
{
    return (struct at){p, op + 1};
}

STEP step_end(struct at at, const struct run *r)
{
    if (RS_WIRE_UNLIKELY(at.p != r->end) && !at.op->a) { /* a: lenient_trailing */
        return refuse(r->walk, at.p, RS_REASON_TRAILING);
    }
    return (struct at){at.p, &stop_op};
}

/* ---- fixed width ---- */

STEP step_skip(struct at at, const struct run *r)
{
    if (RS_WIRE_UNLIKELY((uint64_t)(r->end - at.p) < at.op->a)) {
        return refuse(r->walk, at.p, RS_REASON_TRUNCATED);
    }
    return ahead(at.p + at.op->a, at.op);
}

STEP step_fixed(struct at at, const struct run *r)
{
    struct rs_value *value = &r->values[at.op->slot];
    value->kind = RS_VALUE_BYTES;
    value->s = rs_slice_of(at.p, at.op->a);
    return step_skip(at, r);
}

STEP boolean(struct at at, const struct run *r, bool keep)
{
    if (RS_WIRE_UNLIKELY(at.p == r->end || *at.p > 1)) {
        return refuse(r->walk, at.p, at.p == r->end ? RS_REASON_TRUNCATED : RS_REASON_BOOLEAN);
    }
    if (keep) {
        r->values[at.op->slot].kind = RS_VALUE_BOOLEAN;
        r->values[at.op->slot].i = *at.p;
    }
    return ahead(at.p + 1, at.op);
}

STEP step_boolean(struct at at, const struct run *r)
{
    return boolean(at, r, true);
}

STEP step_skip_boolean(struct at at, const struct run *r)
{
    return boolean(at, r, false);
}

STEP step_float(struct at at, const struct run *r)
{
    if (RS_WIRE_UNLIKELY(r->end - at.p < 4)) {
        return refuse(r->walk, at.p, RS_REASON_TRUNCATED);
    }
    uint32_t bits;
    memcpy(&bits, at.p, sizeof bits);
    bits = le32toh(bits);
    float number;
    memcpy(&number, &bits, sizeof number);
    r->values[at.op->slot].kind = RS_VALUE_DOUBLE;
    r->values[at.op->slot].d = (double)number;
    return ahead(at.p + 4, at.op);
}

STEP step_double(struct at at, const struct run *r)
{
    if (RS_WIRE_UNLIKELY(r->end - at.p < 8)) {
        return refuse(r->walk, at.p, RS_REASON_TRUNCATED);
    }
    uint64_t bits = rs_wire_load(at.p);
    r->values[at.op->slot].kind = RS_VALUE_DOUBLE;
    memcpy(&r->values[at.op->slot].d, &bits, sizeof bits);
    return ahead(at.p + 8, at.op);
}

/* ---- integers ---- */

STEP keep_integer(struct at at, const struct run *r, struct rs_wire_number number)
{
    r->values[at.op->slot].kind = at.op->kind;
    r->values[at.op->slot].nanos = 0;
    r->values[at.op->slot].i = rs_wire_zigzag(number.value);
    return ahead(number.p, at.op);
}

STEP step_int(struct at at, const struct run *r)
{
    struct rs_wire_number number = rs_wire_int(at.p, r->end);
    return RS_WIRE_LIKELY(number.p != NULL) ? keep_integer(at, r, number)
                                            : refuse(r->walk, at.p, number.value);
}

STEP step_skip_int(struct at at, const struct run *r)
{
    struct rs_wire_number number = rs_wire_int(at.p, r->end);
    return RS_WIRE_LIKELY(number.p != NULL) ? ahead(number.p, at.op) : refuse(r->walk, at.p, number.value);
}

STEP step_long(struct at at, const struct run *r)
{
    struct rs_wire_number number = rs_wire_varint(at.p, r->end);
    return RS_WIRE_LIKELY(number.p != NULL) ? keep_integer(at, r, number)
                                            : refuse(r->walk, at.p, number.value);
}

STEP step_skip_long(struct at at, const struct run *r)
{
    struct rs_wire_number number = rs_wire_varint(at.p, r->end);
    return RS_WIRE_LIKELY(number.p != NULL) ? ahead(number.p, at.op) : refuse(r->walk, at.p, number.value);
}

/* A time in any unit may be any long; whether it is one of the years 1 to 9999 matters where it is used. */
STEP step_millis(struct at at, const struct run *r)
{
    struct rs_wire_number number = rs_wire_varint(at.p, r->end);
    if (RS_WIRE_UNLIKELY(!number.p)) {
        return refuse(r->walk, at.p, number.value);
    }
    r->values[at.op->slot].kind = RS_VALUE_TIME;
    r->values[at.op->slot].nanos = 0;
    r->values[at.op->slot].i = rs_us_from_millis(rs_wire_zigzag(number.value));
    return ahead(number.p, at.op);
}

STEP step_nanos(struct at at, const struct run *r)
{
    struct rs_wire_number number = rs_wire_varint(at.p, r->end);
    if (RS_WIRE_UNLIKELY(!number.p)) {
        return refuse(r->walk, at.p, number.value);
    }
    int rest = 0;
    r->values[at.op->slot].kind = RS_VALUE_TIME;
    r->values[at.op->slot].i = rs_us_from_nanos(rs_wire_zigzag(number.value), &rest);
    r->values[at.op->slot].nanos = (uint16_t)rest;
    return ahead(number.p, at.op);
}

STEP step_enum(struct at at, const struct run *r)
{
    struct rs_wire_number number = rs_wire_index(at.p, r->end, at.op->a, RS_REASON_ENUM_INDEX);
    if (RS_WIRE_UNLIKELY(!number.p)) {
        return refuse(r->walk, at.p, number.value);
    }
    r->values[at.op->slot].kind = RS_VALUE_INT;
    r->values[at.op->slot].i = (int64_t)number.value;
    return ahead(number.p, at.op);
}

STEP step_skip_enum(struct at at, const struct run *r)
{
    struct rs_wire_number number = rs_wire_index(at.p, r->end, at.op->a, RS_REASON_ENUM_INDEX);
    return RS_WIRE_LIKELY(number.p != NULL) ? ahead(number.p, at.op) : refuse(r->walk, at.p, number.value);
}

/* ---- bytes and text ---- */

enum text_check { CHECK_NOTHING, CHECK_UTF8, CHECK_UUID };

STEP text(struct at at, const struct run *r, enum text_check check, bool keep)
{
    struct rs_wire_number length = rs_wire_length(at.p, r->end);
    if (RS_WIRE_UNLIKELY(!length.p)) {
        return refuse(r->walk, at.p, length.value);
    }
    if (check == CHECK_UTF8 && RS_WIRE_UNLIKELY(!rs_wire_utf8(length.p, length.value, r->end))) {
        return refuse(r->walk, at.p, RS_REASON_UTF8);
    }
    if (check == CHECK_UUID && RS_WIRE_UNLIKELY(!rs_wire_uuid(length.p, length.value))) {
        return refuse(r->walk, at.p, RS_REASON_UUID);
    }
    if (keep) {
        r->values[at.op->slot].kind = RS_VALUE_BYTES;
        r->values[at.op->slot].s = rs_slice_of(length.p, length.value);
    }
    return ahead(length.p + length.value, at.op);
}

STEP step_bytes(struct at at, const struct run *r)
{
    return text(at, r, CHECK_NOTHING, true);
}

STEP step_skip_bytes(struct at at, const struct run *r)
{
    return text(at, r, CHECK_NOTHING, false);
}

STEP step_string(struct at at, const struct run *r)
{
    return text(at, r, CHECK_UTF8, true);
}

STEP step_skip_string(struct at at, const struct run *r)
{
    return text(at, r, CHECK_UTF8, false);
}

STEP step_uuid(struct at at, const struct run *r)
{
    return text(at, r, CHECK_UUID, true);
}

STEP step_skip_uuid(struct at at, const struct run *r)
{
    return text(at, r, CHECK_UUID, false);
}

/* ---- decimals ---- */

static __attribute__((noinline)) bool keep_wide(const uint8_t *s, size_t size, uint32_t digits,
                                                struct rs_value *out)
{
    rs_i128 number;
    if (!rs_wire_decimal(s, size, (int)digits, &number)) {
        return false;
    }
    if (out) {
        rs_value_set_decimal(out, number);
    }
    return true;
}

/* One to eight bytes that are not the message's last are read with one load. `largest` (10^digits - 1, at
 * most INT64_MAX) bounds what is settled here, on both sides of zero by one unsigned comparison. */
RS_WIRE_INLINE bool quick_decimal(const uint8_t *s, size_t size, const uint8_t *end, uint64_t largest,
                                  int64_t *out)
{
    if (RS_WIRE_UNLIKELY(size - 1 > 7 || end - s < 8)) {
        return false;
    }
    *out = (int64_t)__builtin_bswap64(rs_wire_load(s)) >> (64 - 8 * size);
    return (uint64_t)*out + largest <= 2 * largest;
}

STEP decimal(struct at at, const struct run *r, bool keep)
{
    struct rs_wire_number length = rs_wire_length(at.p, r->end);
    if (RS_WIRE_UNLIKELY(!length.p)) {
        return refuse(r->walk, at.p, length.value);
    }
    struct rs_value *value = keep ? &r->values[at.op->slot] : NULL;
    int64_t quick = 0;
    if (RS_WIRE_LIKELY(quick_decimal(length.p, length.value, r->end, at.op->b, &quick))) {
        if (keep) {
            value->kind = RS_VALUE_DECIMAL;
            value->wide = false;
            value->i = quick;
        }
    } else if (!keep_wide(length.p, length.value, at.op->a, value)) {
        return refuse(r->walk, at.p, RS_REASON_DECIMAL);
    }
    return ahead(length.p + length.value, at.op);
}

STEP step_decimal(struct at at, const struct run *r)
{
    return decimal(at, r, true);
}

STEP step_skip_decimal(struct at at, const struct run *r)
{
    return decimal(at, r, false);
}

STEP fixed_decimal(struct at at, const struct run *r, bool keep)
{
    if (RS_WIRE_UNLIKELY((uint64_t)(r->end - at.p) < at.op->b)) {
        return refuse(r->walk, at.p, RS_REASON_TRUNCATED);
    }
    if (RS_WIRE_UNLIKELY(!keep_wide(at.p, at.op->b, at.op->a, keep ? &r->values[at.op->slot] : NULL))) {
        return refuse(r->walk, at.p, RS_REASON_DECIMAL);
    }
    return ahead(at.p + at.op->b, at.op);
}

STEP step_fixed_decimal(struct at at, const struct run *r)
{
    return fixed_decimal(at, r, true);
}

STEP step_skip_fixed_decimal(struct at at, const struct run *r)
{
    return fixed_decimal(at, r, false);
}

/* ---- unions ---- */

STEP step_nullable(struct at at, const struct run *r)
{
    struct rs_wire_number branch = rs_wire_index(at.p, r->end, 2, RS_REASON_UNION_INDEX);
    if (RS_WIRE_UNLIKELY(!branch.p)) {
        return refuse(r->walk, at.p, branch.value);
    }
    return (struct at){branch.p, at.op + (branch.value == at.op->a ? at.op->b : 1)};
}

STEP step_nullable_slot(struct at at, const struct run *r)
{
    r->values[at.op->slot].kind = RS_VALUE_NULL; /* the other branch overwrites it */
    return step_nullable(at, r);
}

STEP step_union(struct at at, const struct run *r)
{
    struct rs_wire_number branch = rs_wire_index(at.p, r->end, at.op->a, RS_REASON_UNION_INDEX);
    if (RS_WIRE_UNLIKELY(!branch.p)) {
        return refuse(r->walk, at.p, branch.value);
    }
    return (struct at){branch.p, at.op + r->walk->program->targets[at.op->b + branch.value]};
}

STEP step_jump(struct at at, const struct run *r)
{
    (void)r;
    return (struct at){at.p, at.op + at.op->b};
}

STEP step_set_null(struct at at, const struct run *r)
{
    r->values[at.op->slot].kind = RS_VALUE_NULL;
    return ahead(at.p, at.op);
}

STEP step_copy(struct at at, const struct run *r)
{
    r->values[at.op->slot] = r->values[at.op->a];
    return ahead(at.p, at.op);
}

/* ---- what another schema wrote ---- */

STEP step_constant(struct at at, const struct run *r)
{
    r->values[at.op->slot] = r->walk->program->constants[at.op->b];
    return ahead(at.p, at.op);
}

STEP step_enum_map(struct at at, const struct run *r)
{
    struct rs_wire_number number = rs_wire_index(at.p, r->end, at.op->a, RS_REASON_ENUM_INDEX);
    if (RS_WIRE_UNLIKELY(!number.p)) {
        return refuse(r->walk, at.p, number.value);
    }
    uint32_t symbol = r->walk->program->targets[at.op->b + number.value];
    if (RS_WIRE_UNLIKELY(symbol == UINT32_MAX)) {
        return refuse(r->walk, at.p, RS_REASON_SCHEMA_INCOMPATIBLE);
    }
    r->values[at.op->slot].kind = RS_VALUE_INT;
    r->values[at.op->slot].i = symbol;
    return ahead(number.p, at.op);
}

/* The rarer conversions are one function out of the loop, whose registers they would take. */
static __attribute__((noinline)) void convert(struct rs_value *value, const struct rs_program_op *op)
{
    int rest = 0;
    switch ((enum rs_program_code)op->code) {
    case RS_PROGRAM_AS_FLOAT: /* rounded once, to the float that the reader has */
        value->kind = RS_VALUE_DOUBLE;
        value->d = (double)(float)value->i;
        break;
    case RS_PROGRAM_AS_MILLIS:
        value->kind = RS_VALUE_TIME;
        value->i = rs_us_from_millis(value->i);
        break;
    case RS_PROGRAM_AS_NANOS:
        value->kind = RS_VALUE_TIME;
        value->i = rs_us_from_nanos(value->i, &rest);
        value->nanos = (uint16_t)rest;
        break;
    default: value->i *= (int64_t)op->b; break; /* TIMES, of 32-bit times of the day: the product fits */
    }
}

STEP step_convert(struct at at, const struct run *r)
{
    convert(&r->values[at.op->slot], at.op);
    return ahead(at.p, at.op);
}

STEP step_as_double(struct at at, const struct run *r)
{
    struct rs_value *value = &r->values[at.op->slot];
    value->kind = RS_VALUE_DOUBLE;
    value->d = (double)value->i;
    return ahead(at.p, at.op);
}

static __attribute__((noinline)) bool rescale_wide(struct rs_value *value, uint32_t appended, uint64_t digits)
{
    rs_i128 number = value->wide ? value->w : value->i;
    rs_i128 product;
    rs_i128 most = (rs_i128)rs_pow10_u128((int)digits) - 1;
    if (__builtin_mul_overflow(number, (rs_i128)rs_pow10_u128((int)appended), &product) || product > most ||
        product < -most) {
        return false;
    }
    rs_value_set_decimal(value, product);
    return true;
}

/* What fits 64 bits has its digits: the reader's type holds all that the writer's does. Only where that is
 * more than RS_I128_DIGITS can a value be too long. */
STEP step_rescale(struct at at, const struct run *r)
{
    struct rs_value *value = &r->values[at.op->slot];
    int64_t product;
    if (RS_WIRE_LIKELY(!value->wide && at.op->kind) &&
        RS_WIRE_LIKELY(!__builtin_mul_overflow(value->i, (int64_t)at.op->b, &product))) {
        value->i = product;
        return ahead(at.p, at.op);
    }
    return RS_WIRE_LIKELY(rescale_wide(value, at.op->a & 0xff, at.op->a >> 8))
               ? ahead(at.p, at.op)
               : refuse(r->walk, at.p, RS_REASON_DECIMAL);
}

STEP step_incompatible(struct at at, const struct run *r)
{
    return refuse(r->walk, at.p, RS_REASON_SCHEMA_INCOMPATIBLE);
}

/* ---- depth, loops, calls ---- */

RS_WIRE_INLINE bool too_deep(const struct walk *walk, uint32_t known)
{
    return walk->base + known > walk->program->limits.depth;
}

/* The frames suffice: each is pushed at a depth of its own, and no depth is beyond limits.depth. */
static struct frame *push(struct walk *walk, uint32_t known)
{
    struct frame *frame = &walk->frames[walk->top++];
    frame->base = walk->base;
    walk->base += known;
    return frame;
}

static struct at pop(struct walk *walk, const uint8_t *p, const struct rs_program_op *op)
{
    walk->base = walk->frames[--walk->top].base;
    return (struct at){p, op};
}

/* Reads the header of the next block of the loop on top, and goes to its first item or out of the loop. */
static struct at next_block(struct walk *walk, const uint8_t *p, const uint8_t *end)
{
    struct frame *frame = &walk->frames[walk->top - 1];
    struct rs_wire_block block;
    struct rs_wire_number header = rs_wire_block(p, end, false, &walk->items, &block);
    if (!header.p) {
        return refuse(walk, p, header.value);
    }
    if (block.count == 0) {
        return pop(walk, header.p, frame->end);
    }
    frame->left = block.count;
    frame->block_end = block.block_end;
    return (struct at){header.p, frame->op};
}

STEP step_blocks(struct at at, const struct run *r)
{
    if (RS_WIRE_UNLIKELY(too_deep(r->walk, at.op->a))) {
        return refuse(r->walk, at.p, RS_REASON_DEPTH);
    }
    struct frame *frame = push(r->walk, at.op->a);
    frame->op = at.op + 1;
    frame->end = at.op + at.op->b;
    return next_block(r->walk, at.p, r->end);
}

STEP step_next(struct at at, const struct run *r)
{
    RS_ASSERT(r->walk->top > 0);
    struct frame *frame = &r->walk->frames[r->walk->top - 1];
    if (--frame->left > 0) {
        return (struct at){at.p, frame->op};
    }
    if (RS_WIRE_UNLIKELY(frame->block_end && frame->block_end != at.p)) {
        return refuse(r->walk, at.p, RS_REASON_BLOCK);
    }
    return next_block(r->walk, at.p, r->end);
}

/* Items without bytes: nothing to walk, but the counts and sizes have to be right. */
static struct at empty_blocks(struct walk *walk, struct at at, const uint8_t *end)
{
    if (too_deep(walk, at.op->a)) {
        return refuse(walk, at.p, RS_REASON_DEPTH);
    }
    for (;;) {
        struct rs_wire_block block;
        struct rs_wire_number header = rs_wire_block(at.p, end, true, &walk->items, &block);
        if (!header.p) {
            return refuse(walk, at.p, header.value);
        }
        at.p = header.p;
        if (block.count == 0) {
            return ahead(at.p, at.op);
        }
        if (block.block_end && block.block_end != at.p) {
            return refuse(walk, at.p, RS_REASON_BLOCK);
        }
    }
}

STEP step_empty_blocks(struct at at, const struct run *r)
{
    return empty_blocks(r->walk, at, r->end);
}

STEP step_call(struct at at, const struct run *r)
{
    if (RS_WIRE_UNLIKELY(too_deep(r->walk, at.op->a))) {
        return refuse(r->walk, at.p, RS_REASON_DEPTH);
    }
    push(r->walk, at.op->a)->op = at.op + 1;
    return (struct at){at.p, r->walk->program->ops + at.op->b};
}

STEP step_return(struct at at, const struct run *r)
{
    RS_ASSERT(r->walk->top > 0);
    return pop(r->walk, at.p, r->walk->frames[r->walk->top - 1].op);
}

STEP step_enter(struct at at, const struct run *r)
{
    if (RS_WIRE_UNLIKELY(too_deep(r->walk, at.op->a))) {
        return refuse(r->walk, at.p, RS_REASON_DEPTH);
    }
    return ahead(at.p, at.op);
}

STEP step_too_deep(struct at at, const struct run *r)
{
    return refuse(r->walk, at.p, RS_REASON_DEPTH);
}

enum rs_reason rs_program_run(const struct rs_program *program, struct rs_slice message,
                              struct rs_value *values, size_t *at_byte)
{
    struct frame frames[RS_PROGRAM_DEPTH_MAX];
    struct walk walk = {.program = program, .frames = frames, .items = program->limits.items};
    const uint8_t *start = !message.data ? (const uint8_t *)"" : message.data;
    const struct run run = {.end = start + message.size, .values = values, .walk = &walk};
    struct at at = {start, program->ops};
    static const void *const labels[] = {
#define RS_PROGRAM_LABEL(name, function, text) &&do_##name,
        RS_PROGRAM_OPS(RS_PROGRAM_LABEL)
#undef RS_PROGRAM_LABEL
        && out};
    goto *labels[at.op->code];
#define RS_PROGRAM_DO(name, function, text)                                                                  \
    do_##name : at = step_##function(at, &run);                                                              \
    goto *labels[at.op->code];
    RS_PROGRAM_OPS(RS_PROGRAM_DO)
#undef RS_PROGRAM_DO
out:
    if (at_byte) {
        *at_byte = (size_t)(at.p - start);
    }
    return walk.reason;
}
