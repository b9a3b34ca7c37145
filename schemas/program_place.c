/* The third walk over a message, beside the op list and the JSON text: it shares their wire primitives and
 * neither's code, and the tests hold the three against each other. Recursion is bounded by limits.depth; types
 * without bytes are not walked. */
#include "schemas/program_place.h"

#include <string.h>

#include "base/number.h"
#include "schemas/program_ops.h"
#include "schemas/wire.h"

/* Of the two that walk ends with, one is no fault: the value that was looked for is reached. */
#define FOUND RS_REASON_COUNT

/* Each step but the last is into a record, array or map with bytes, and their depth has a limit. */
#define STEPS_MAX (RS_PROGRAM_DEPTH_MAX + 1)

struct walk {
    const struct rs_program *program;
    const uint8_t *start, *p, *end;
    const uint8_t *value; /* first byte of the value under way, with the index of its union */
    uint64_t items;
    uint32_t depth;
    const char *wanted; /* what is left of the path below the record under way; NULL: not on the way */
    const struct rs_visitor *visitor;
    struct rs_place *place;
    struct rs_place_step
        *steps; /* STEPS_MAX of them; the caller's, as clearing them costs more than a walk */
    size_t count;
};

static enum rs_reason walk_value(struct walk *w, const struct rs_schema *type);

/* ---- where ---- */

/* At most what fits; true: more would have followed. Every rejected message comes through here. */
static bool put_step(char *out, size_t *size, const struct rs_place_step *step)
{
    char number[RS_NUMBER_TEXT_MAX];
    const char *text = step->name;
    size_t length;
    if (text) {
        length = strlen(text);
    } else {
        length = 1 + rs_int64_format((int64_t)step->item, number + 1);
        number[0] = '[';
        number[length++] = ']';
        text = number;
    }
    bool point = step->name && *size > 0;
    size_t room = RS_PLACE_PATH_MAX - 1 - *size;
    bool cut = length + point > room;
    if (point && room > 0) {
        out[(*size)++] = '.';
        room--;
    }
    memcpy(out + *size, text, cut && length > room ? room : length);
    *size = cut ? RS_PLACE_PATH_MAX - 1 : *size + length;
    out[*size] = '\0';
    return cut;
}

/* A cut path loses a part of its last name, which may be any UTF-8. */
static void put_cut(char *path)
{
    size_t size = RS_PLACE_PATH_MAX - sizeof "...";
    while (size > 0 && ((unsigned char)path[size] & 0xC0) == 0x80) {
        size--;
    }
    memcpy(path + size, "...", sizeof "...");
}

void rs_place_put_path(const struct rs_place_step *steps, size_t count, bool backwards,
                       char out[RS_PLACE_PATH_MAX])
{
    size_t size = 0;
    bool cut = false;
    out[0] = '\0';
    for (size_t i = 0; i < count && !cut; i++) {
        cut = put_step(out, &size, &steps[backwards ? count - 1 - i : i]);
    }
    if (cut) {
        put_cut(out);
    }
}

static void set_place(const struct walk *w, const uint8_t *at)
{
    w->place->at = (size_t)(at - w->start);
    rs_place_put_path(w->steps, w->count, false, w->place->path);
}

/* ---- scalars: each leaves the position at the value when it refuses it ---- */

static enum rs_reason accept(struct walk *w, struct rs_wire_number number)
{
    if (!number.p) {
        return (enum rs_reason)number.value;
    }
    w->p = number.p;
    return RS_REASON_NONE;
}

static enum rs_reason take(struct walk *w, size_t size)
{
    if ((size_t)(w->end - w->p) < size) {
        return RS_REASON_TRUNCATED;
    }
    w->p += size;
    return RS_REASON_NONE;
}

static enum rs_reason walk_boolean(struct walk *w)
{
    if (w->p<w->end && * w->p> 1) {
        return RS_REASON_BOOLEAN;
    }
    return take(w, 1);
}

static enum rs_reason check_decimal(const struct rs_schema *type, struct rs_slice bytes)
{
    rs_i128 value;
    bool wide = type->precision > RS_I128_DIGITS; /* of these any number of bytes is one */
    return wide || rs_wire_decimal(bytes.data, bytes.size, type->precision, &value) ? RS_REASON_NONE
                                                                                    : RS_REASON_DECIMAL;
}

/* Also the key of a map. Most of a large message is texts. */
static inline enum rs_reason walk_text(struct walk *w)
{
    struct rs_wire_number length = rs_wire_length(w->p, w->end);
    if (!length.p) {
        return (enum rs_reason)length.value;
    }
    if (!w->program->limits.lenient_utf8 && !rs_wire_utf8(length.p, length.value, w->end)) {
        return RS_REASON_UTF8;
    }
    w->p = length.p + length.value;
    return RS_REASON_NONE;
}

static bool is_text(const struct rs_schema *type)
{
    return type->kind == RS_AVRO_STRING && type->logical != RS_LOGICAL_UUID &&
           type->logical != RS_LOGICAL_DECIMAL;
}

static enum rs_reason walk_sized(struct walk *w, const struct rs_schema *type)
{
    if (is_text(type)) {
        return walk_text(w);
    }
    struct rs_wire_number length = rs_wire_length(w->p, w->end);
    enum rs_reason reason = RS_REASON_NONE;
    if (!length.p) {
        return accept(w, length);
    }
    struct rs_slice bytes = rs_slice_of(length.p, length.value);
    if (type->logical == RS_LOGICAL_UUID) {
        reason = rs_wire_uuid(bytes.data, bytes.size) ? RS_REASON_NONE : RS_REASON_UUID;
    } else if (type->logical == RS_LOGICAL_DECIMAL) {
        reason = check_decimal(type, bytes);
    }
    w->p = reason == RS_REASON_NONE ? bytes.data + bytes.size : w->p;
    return reason;
}

static enum rs_reason walk_fixed(struct walk *w, const struct rs_schema *type)
{
    struct rs_slice bytes = rs_slice_of(w->p, type->fixed_size);
    if ((size_t)(w->end - w->p) >= bytes.size && type->logical == RS_LOGICAL_DECIMAL) {
        enum rs_reason reason = check_decimal(type, bytes);
        if (reason != RS_REASON_NONE) {
            return reason;
        }
    }
    return take(w, bytes.size);
}

static enum rs_reason walk_scalar(struct walk *w, const struct rs_schema *type)
{
    switch (type->kind) {
    case RS_AVRO_BOOLEAN: return walk_boolean(w);
    case RS_AVRO_INT: return accept(w, rs_wire_int(w->p, w->end));
    case RS_AVRO_LONG: return accept(w, rs_wire_varint(w->p, w->end));
    case RS_AVRO_FLOAT: return take(w, sizeof(float));
    case RS_AVRO_DOUBLE: return take(w, sizeof(double));
    case RS_AVRO_BYTES:
    case RS_AVRO_STRING: return walk_sized(w, type);
    case RS_AVRO_FIXED: return walk_fixed(w, type);
    case RS_AVRO_ENUM:
        return accept(w, rs_wire_index(w->p, w->end, type->symbol_count, RS_REASON_ENUM_INDEX));
    default: return RS_REASON_NONE;
    }
}

static enum rs_reason visit_scalar(struct walk *w, const struct rs_schema *type)
{
    const uint8_t *from = w->p;
    const uint8_t *value = w->value;
    enum rs_reason reason = walk_scalar(w, type);
    if (reason == RS_REASON_NONE && w->visitor) {
        set_place(w, value);
        const struct rs_visited visited = {.place = w->place,
                                           .size = (size_t)(w->p - value),
                                           .type = type,
                                           .datum = rs_slice_of(from, (size_t)(w->p - from))};
        w->visitor->visit(w->visitor->self, &visited);
    }
    return reason;
}

/* ---- composites ---- */

static bool is_composite(const struct rs_schema *type)
{
    return type->kind == RS_AVRO_RECORD || type->kind == RS_AVRO_ARRAY || type->kind == RS_AVRO_MAP;
}

/* The steps stay as they are when a value is refused: they are its path. */
static enum rs_reason walk_step(struct walk *w, const struct rs_schema *type, struct rs_place_step step)
{
    RS_ASSERT(w->count < STEPS_MAX);
    w->steps[w->count++] = step;
    w->value = w->p;
    enum rs_reason reason = walk_value(w, type);
    w->count -= reason == RS_REASON_NONE;
    return reason;
}

/* Whether `wanted` begins with the name: its rest, empty at the end of the path; else NULL. */
static const char *after_name(const char *wanted, const char *name)
{
    size_t size = strlen(name);
    if (strncmp(wanted, name, size) != 0 || (wanted[size] != '\0' && wanted[size] != '.')) {
        return NULL;
    }
    return wanted + size + (wanted[size] == '.');
}

static enum rs_reason walk_record(struct walk *w, const struct rs_schema *type)
{
    const char *wanted = w->wanted;
    enum rs_reason reason = RS_REASON_NONE;
    for (size_t i = 0; i < type->field_count && reason == RS_REASON_NONE; i++) {
        const char *name = type->fields[i].name;
        w->wanted = wanted ? after_name(wanted, name) : NULL;
        if (w->wanted && w->wanted[0] == '\0') {
            w->place->at = (size_t)(w->p - w->start);
            return FOUND;
        }
        reason = walk_step(w, type->fields[i].type, (struct rs_place_step){.name = name});
    }
    return reason;
}

/* Values of one scalar type that nobody wants to see. */
static enum rs_reason walk_scalars(struct walk *w, const struct rs_schema *type,
                                   const struct rs_wire_block *block, uint64_t first)
{
    bool keys = type->kind == RS_AVRO_MAP;
    bool texts = is_text(type->items);
    for (uint64_t i = 0; i < block->count; i++) {
        enum rs_reason reason = keys ? walk_text(w) : RS_REASON_NONE;
        if (reason != RS_REASON_NONE) {
            return reason;
        }
        w->value = w->p;
        reason = texts ? walk_text(w) : walk_scalar(w, type->items);
        if (reason != RS_REASON_NONE) {
            RS_ASSERT(w->count < STEPS_MAX);
            w->steps[w->count++] = (struct rs_place_step){.item = first + i};
            return reason;
        }
    }
    return RS_REASON_NONE;
}

static enum rs_reason walk_each(struct walk *w, const struct rs_schema *type,
                                const struct rs_wire_block *block, uint64_t first)
{
    enum rs_reason reason = RS_REASON_NONE;
    for (uint64_t i = 0; i < block->count && reason == RS_REASON_NONE; i++) {
        reason = type->kind == RS_AVRO_MAP ? walk_text(w) : RS_REASON_NONE;
        if (reason == RS_REASON_NONE) {
            reason = walk_step(w, type->items, (struct rs_place_step){.item = first + i});
        }
    }
    return reason;
}

static enum rs_reason walk_block(struct walk *w, const struct rs_schema *type,
                                 const struct rs_wire_block *block, uint64_t first)
{
    enum rs_reason reason = RS_REASON_NONE;
    bool empty = type->kind == RS_AVRO_ARRAY && type->items->zero_size;
    if (!empty) {
        bool plain = !w->visitor && !is_composite(type->items) && type->items->kind != RS_AVRO_UNION;
        reason = plain ? walk_scalars(w, type, block, first) : walk_each(w, type, block, first);
    }
    bool lies = reason == RS_REASON_NONE && block->block_end && block->block_end != w->p;
    return lies ? RS_REASON_BLOCK : reason;
}

static enum rs_reason walk_items(struct walk *w, const struct rs_schema *type)
{
    bool empty = type->kind == RS_AVRO_ARRAY && type->items->zero_size;
    uint64_t first = 0;
    w->wanted = NULL;
    for (;;) {
        struct rs_wire_block block;
        enum rs_reason reason = accept(w, rs_wire_block(w->p, w->end, empty, &w->items, &block));
        if (reason != RS_REASON_NONE || block.count == 0) {
            return reason;
        }
        reason = walk_block(w, type, &block, first);
        if (reason != RS_REASON_NONE) {
            return reason;
        }
        first += block.count;
    }
}

static enum rs_reason walk_composite(struct walk *w, const struct rs_schema *type)
{
    if (type->zero_size) {
        return RS_REASON_NONE;
    }
    if (++w->depth > w->program->limits.depth) {
        return RS_REASON_DEPTH;
    }
    enum rs_reason reason = type->kind == RS_AVRO_RECORD ? walk_record(w, type) : walk_items(w, type);
    w->depth--;
    return reason;
}

static enum rs_reason walk_value(struct walk *w, const struct rs_schema *type)
{
    if (type->kind == RS_AVRO_UNION) {
        struct rs_wire_number branch = rs_wire_index(w->p, w->end, type->branch_count, RS_REASON_UNION_INDEX);
        enum rs_reason reason = accept(w, branch);
        if (reason != RS_REASON_NONE) {
            return reason;
        }
        type = type->branches[branch.value];
    }
    return is_composite(type) ? walk_composite(w, type) : visit_scalar(w, type);
}

/* ---- the message ---- */

static struct walk begin(const struct rs_program *program, struct rs_slice message,
                         struct rs_place_step *steps, struct rs_place *place)
{
    const uint8_t *start = !message.data ? (const uint8_t *)"" : message.data;
    place->at = 0;
    place->path[0] = '\0';
    return (struct walk){.program = program,
                         .start = start,
                         .p = start,
                         .value = start,
                         .end = start + message.size,
                         .items = program->limits.items,
                         .place = place,
                         .steps = steps};
}

enum rs_reason rs_program_visit(const struct rs_program *program, struct rs_slice message,
                                const struct rs_visitor *visitor, struct rs_place *place)
{
    struct rs_place_step steps[STEPS_MAX];
    struct walk walk = begin(program, message, steps, place);
    walk.visitor = visitor;
    enum rs_reason reason = walk_value(&walk, program->schema);
    if (reason == RS_REASON_NONE && walk.p != walk.end && !program->limits.lenient_trailing) {
        reason = RS_REASON_TRAILING;
    }
    set_place(&walk, walk.p);
    return reason;
}

bool rs_program_find_value(const struct rs_program *program, struct rs_slice message, const char *path,
                           size_t *at)
{
    struct rs_place_step steps[STEPS_MAX];
    struct rs_place place;
    struct walk walk = begin(program, message, steps, &place);
    walk.wanted = path;
    bool found = walk_value(&walk, program->schema) == FOUND;
    *at = found ? place.at : *at;
    return found;
}
