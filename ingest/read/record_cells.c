#include "ingest/read/record_cells.h"

#include <math.h>

#include "base/number.h"
#include "base/time/us.h"
#include "schemas/wire.h"

struct walk {
    struct rs_record_cells *r;
    const uint8_t *p;
    const uint8_t *end;
    struct rs_slice name; /* of the value that comes next */
    bool no_memory;
    bool long_decimal; /* it stands for more digits than can be read */
};

void rs_record_cells_fini(struct rs_record_cells *r)
{
    rs_cells_fini(&r->cells);
    rs_buf_fini(&r->texts);
}

/* NULL: out of memory. */
static struct rs_cell *add(struct walk *w, enum rs_cell_kind kind)
{
    struct rs_cell *cell = rs_cells_add(&w->r->cells, kind, 0);
    if (!cell) {
        w->no_memory = true;
        return NULL;
    }
    cell->name = w->name;
    return cell;
}

static bool add_integer(struct walk *w, enum rs_cell_kind kind, int64_t value)
{
    struct rs_cell *cell = add(w, kind);
    if (cell) {
        cell->i = value;
    }
    return cell != NULL;
}

static bool add_double(struct walk *w, enum rs_cell_kind kind, double value)
{
    struct rs_cell *cell = add(w, kind);
    if (cell) {
        cell->d = value;
    }
    return cell != NULL;
}

static bool add_text(struct walk *w, enum rs_cell_kind kind, const void *text, size_t size)
{
    struct rs_cell *cell = add(w, kind);
    if (cell) {
        cell->text = rs_slice_of(text, size);
    }
    return cell != NULL;
}

/* Makes room for a text in w->r->texts. Cells whose text lies there follow it where it moves. */
static bool make_room(struct walk *w, size_t size)
{
    struct rs_buf *texts = &w->r->texts;
    struct rs_cells *cells = &w->r->cells;
    uintptr_t before = (uintptr_t)texts->data;
    if (texts->capacity - texts->size >= size) {
        return true;
    }
    if (!rs_buf_reserve(texts, size)) {
        w->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < cells->count; i++) {
        struct rs_cell *cell = &cells->items[i];
        bool has_text = cell->kind == RS_CELL_NUMBER || cell->kind == RS_CELL_UTF8;
        uintptr_t at = has_text ? (uintptr_t)cell->text.data : 0;
        if (before != 0 && at >= before && at < before + texts->size) {
            cell->text.data = texts->data + (at - before);
        }
    }
    return true;
}

/* A cell with a copy of a short text. */
static bool add_copy(struct walk *w, enum rs_cell_kind kind, const char *text, size_t size)
{
    if (!make_room(w, size)) {
        return false;
    }
    uint8_t *to = w->r->texts.data + w->r->texts.size;
    rs_buf_put(&w->r->texts, text, size);
    return add_text(w, kind, to, size);
}

/* ---- scalars ---- */

static bool take_integer(struct walk *w, int64_t *out)
{
    struct rs_wire_number n = rs_wire_varint(w->p, w->end);
    if (!n.p) {
        return false;
    }
    w->p = n.p;
    *out = rs_wire_zigzag(n.value);
    return true;
}

static bool take_bytes(struct walk *w, struct rs_slice *out)
{
    struct rs_wire_number n = rs_wire_length(w->p, w->end);
    if (!n.p) {
        return false;
    }
    *out = rs_slice_of(n.p, (size_t)n.value);
    w->p = n.p + n.value;
    return true;
}

static bool take_fixed(struct walk *w, size_t size, struct rs_slice *out)
{
    if ((size_t)(w->end - w->p) < size) {
        return false;
    }
    *out = rs_slice_of(w->p, size);
    w->p += size;
    return true;
}

static bool walk_integer(struct walk *w, const struct rs_schema *type)
{
    int64_t value = 0;
    char text[RS_NUMBER_TEXT_MAX];
    if (!take_integer(w, &value)) {
        return false;
    }
    switch (type->logical) {
    case RS_LOGICAL_DATE: return add_integer(w, RS_CELL_DATE, value);
    case RS_LOGICAL_TIME_MILLIS: return add_integer(w, RS_CELL_CLOCK, rs_us_from_millis(value));
    case RS_LOGICAL_TIME_MICROS: return add_integer(w, RS_CELL_CLOCK, value);
    case RS_LOGICAL_TIMESTAMP_MILLIS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS: return add_integer(w, RS_CELL_TIME, rs_us_from_millis(value));
    case RS_LOGICAL_TIMESTAMP_MICROS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MICROS: return add_integer(w, RS_CELL_TIME, value);
    case RS_LOGICAL_TIMESTAMP_NANOS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_NANOS: return add_integer(w, RS_CELL_NANOS, value);
    case RS_LOGICAL_NONE:
    case RS_LOGICAL_DECIMAL:
    case RS_LOGICAL_UUID: break;
    }
    return add_copy(w, RS_CELL_NUMBER, text, rs_int64_format(value, text));
}

static bool walk_float(struct walk *w)
{
    struct rs_slice bytes;
    uint32_t bits = 0;
    float value = 0;
    if (!take_fixed(w, sizeof bits, &bytes)) {
        return false;
    }
    memcpy(&bits, bytes.data, sizeof bits);
    bits = le32toh(bits);
    memcpy(&value, &bits, sizeof value);
    return add_double(w, isfinite(value) ? RS_CELL_FLOAT : RS_CELL_DOUBLE, (double)value);
}

static bool walk_double(struct walk *w)
{
    struct rs_slice bytes;
    double value = 0;
    char text[RS_NUMBER_TEXT_MAX];
    if (!take_fixed(w, sizeof value, &bytes)) {
        return false;
    }
    uint64_t bits = rs_wire_load(bytes.data);
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? add_copy(w, RS_CELL_NUMBER, text, rs_double_format(value, text))
                           : add_double(w, RS_CELL_DOUBLE, value);
}

static bool walk_boolean(struct walk *w)
{
    struct rs_slice byte;
    return take_fixed(w, 1, &byte) && add_integer(w, RS_CELL_BOOLEAN, byte.data[0]);
}

static bool add_decimal(struct walk *w, const struct rs_schema *type, struct rs_slice bytes)
{
    rs_i128 value = 0;
    char text[RS_NUMBER_TEXT_MAX];
    w->long_decimal = !rs_wire_decimal(bytes.data, bytes.size, type->precision, &value);
    return !w->long_decimal && add_copy(w, RS_CELL_NUMBER, text, rs_decimal_format(value, type->scale, text));
}

static bool add_uuid(struct walk *w, struct rs_slice bytes)
{
    char text[RS_WIRE_UUID_TEXT];
    rs_wire_uuid_text(bytes.data, text);
    return add_copy(w, RS_CELL_UTF8, text, sizeof text);
}

static bool walk_bytes(struct walk *w, const struct rs_schema *type)
{
    struct rs_slice bytes;
    if (!(type->kind == RS_AVRO_FIXED ? take_fixed(w, type->fixed_size, &bytes) : take_bytes(w, &bytes))) {
        return false;
    }
    if (type->logical == RS_LOGICAL_DECIMAL) {
        return add_decimal(w, type, bytes);
    }
    if (type->logical == RS_LOGICAL_UUID) {
        return bytes.size == 16 && add_uuid(w, bytes);
    }
    return add_text(w, RS_CELL_BYTES, bytes.data, bytes.size);
}

static bool walk_string(struct walk *w)
{
    struct rs_slice text;
    return take_bytes(w, &text) && add_text(w, RS_CELL_UTF8, text.data, text.size);
}

static bool walk_enum(struct walk *w, const struct rs_schema *type)
{
    int64_t index = 0;
    return take_integer(w, &index) && index >= 0 && (uint64_t)index < type->symbol_count &&
           add_text(w, RS_CELL_UTF8, type->symbols[index], strlen(type->symbols[index]));
}

/* ---- composites ---- */

static bool walk_value(struct walk *w, const struct rs_schema *type);

static bool walk_union(struct walk *w, const struct rs_schema *type)
{
    int64_t branch = 0;
    return take_integer(w, &branch) && branch >= 0 && (uint64_t)branch < type->branch_count &&
           walk_value(w, type->branches[branch]);
}

static bool walk_item(struct walk *w, const struct rs_schema *type)
{
    w->name = (struct rs_slice){0};
    return (type->kind != RS_AVRO_MAP || take_bytes(w, &w->name)) && walk_value(w, type->items);
}

static bool walk_items(struct walk *w, const struct rs_schema *type)
{
    for (;;) {
        int64_t count = 0;
        int64_t size = 0;
        if (!take_integer(w, &count) || count == INT64_MIN || (count < 0 && !take_integer(w, &size))) {
            return false;
        }
        if (count == 0) {
            return true;
        }
        for (int64_t i = count < 0 ? -count : count; i > 0; i--) {
            if (!walk_item(w, type)) {
                return false;
            }
        }
    }
}

static bool walk_fields(struct walk *w, const struct rs_schema *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        w->name = rs_slice_text(type->fields[i].name);
        if (!walk_value(w, type->fields[i].type)) {
            return false;
        }
    }
    return true;
}

static bool walk_composite(struct walk *w, const struct rs_schema *type)
{
    size_t index = w->r->cells.count;
    if (!add(w, type->kind == RS_AVRO_ARRAY ? RS_CELL_ARRAY : RS_CELL_OBJECT) ||
        !(type->kind == RS_AVRO_RECORD ? walk_fields(w, type) : walk_items(w, type))) {
        return false;
    }
    w->r->cells.items[index].end = (uint32_t)w->r->cells.count;
    return true;
}

static bool walk_value(struct walk *w, const struct rs_schema *type)
{
    switch (type->kind) {
    case RS_AVRO_NULL: return add(w, RS_CELL_NULL) != NULL;
    case RS_AVRO_BOOLEAN: return walk_boolean(w);
    case RS_AVRO_INT:
    case RS_AVRO_LONG: return walk_integer(w, type);
    case RS_AVRO_FLOAT: return walk_float(w);
    case RS_AVRO_DOUBLE: return walk_double(w);
    case RS_AVRO_BYTES:
    case RS_AVRO_FIXED: return walk_bytes(w, type);
    case RS_AVRO_STRING: return walk_string(w);
    case RS_AVRO_ENUM: return walk_enum(w, type);
    case RS_AVRO_UNION: return walk_union(w, type);
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP:
    case RS_AVRO_RECORD: return walk_composite(w, type);
    }
    return false;
}

int rs_record_cells_make(struct rs_record_cells *r, const struct rs_schema *type, struct rs_slice record,
                         struct rs_error *error)
{
    struct walk w = {.r = r, .p = record.data, .end = record.data + record.size};
    r->cells.count = 0;
    rs_buf_reset(&r->texts);
    bool good = walk_value(&w, type) && w.p == w.end;
    if (w.no_memory || r->texts.failed) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    if (w.long_decimal) {
        return rs_fail(
            error, RS_ERECORD,
            "%.*s: a decimal with more digits than its precision, or than %d, which is all that can be read",
            (int)w.name.size, (const char *)w.name.data, RS_I128_DIGITS);
    }
    return good ? 0 : rs_fail(error, RS_ERECORD, "the record does not follow the file's schema");
}
