/* The bytes are read as the decoder reads them (schemas/wire.h), but only what decides the length is looked at:
 * of a record that the decoder will refuse the end has to be found all the same, or the rest of its block would
 * be lost with it. */
#include "ingest/read/container_extent.h"

#include "schemas/wire.h"

/* Deeper nesting than the decoder allows is refused there with its reason; this one guards the stack. */
#define RS_EXTENT_DEPTH_MAX 300
/* Items of arrays and maps in one record: without bytes of their own they would be walked for ever. */
#define RS_EXTENT_ITEMS_MAX 1000000

struct walk {
    const uint8_t *p;
    const uint8_t *end;
    uint64_t items;
    unsigned depth;
};

static bool get_long(struct walk *w, int64_t *out)
{
    struct rs_wire_number n = rs_wire_varint(w->p, w->end);
    if (!n.p) {
        return false;
    }
    w->p = n.p;
    *out = rs_wire_zigzag(n.value);
    return true;
}

static bool skip(struct walk *w, int64_t size)
{
    if (size < 0 || size > w->end - w->p) {
        return false;
    }
    w->p += size;
    return true;
}

static bool skip_long_prefixed(struct walk *w)
{
    struct rs_wire_number n = rs_wire_length(w->p, w->end);
    if (!n.p) {
        return false;
    }
    w->p = n.p + n.value;
    return true;
}

static bool walk_value(struct walk *w, const struct rs_schema *type);

static bool walk_items(struct walk *w, const struct rs_schema *type)
{
    for (;;) {
        int64_t count = 0;
        int64_t size = 0;
        if (!get_long(w, &count) || count == INT64_MIN || (count < 0 && !get_long(w, &size))) {
            return false;
        }
        if (count == 0) {
            return true;
        }
        count = count < 0 ? -count : count;
        for (int64_t i = 0; i < count; i++) {
            if (++w->items > RS_EXTENT_ITEMS_MAX || (type->kind == RS_AVRO_MAP && !skip_long_prefixed(w)) ||
                !walk_value(w, type->items)) {
                return false;
            }
        }
    }
}

static bool walk_record(struct walk *w, const struct rs_schema *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (!walk_value(w, type->fields[i].type)) {
            return false;
        }
    }
    return true;
}

static bool walk_union(struct walk *w, const struct rs_schema *type)
{
    int64_t branch = 0;
    return get_long(w, &branch) && branch >= 0 && (uint64_t)branch < type->branch_count &&
           walk_value(w, type->branches[branch]);
}

static bool walk_kind(struct walk *w, const struct rs_schema *type)
{
    int64_t number = 0;
    switch (type->kind) {
    case RS_AVRO_NULL: return true;
    case RS_AVRO_BOOLEAN: return skip(w, 1);
    case RS_AVRO_INT:
    case RS_AVRO_LONG:
    case RS_AVRO_ENUM: return get_long(w, &number);
    case RS_AVRO_FLOAT: return skip(w, 4);
    case RS_AVRO_DOUBLE: return skip(w, 8);
    case RS_AVRO_BYTES:
    case RS_AVRO_STRING: return skip_long_prefixed(w);
    case RS_AVRO_FIXED: return type->fixed_size <= INT32_MAX && skip(w, (int64_t)type->fixed_size);
    case RS_AVRO_ARRAY:
    case RS_AVRO_MAP: return walk_items(w, type);
    case RS_AVRO_UNION: return walk_union(w, type);
    case RS_AVRO_RECORD: return walk_record(w, type);
    }
    return false;
}

static bool walk_value(struct walk *w, const struct rs_schema *type)
{
    if (w->depth == RS_EXTENT_DEPTH_MAX) {
        return false;
    }
    w->depth++;
    bool good = walk_kind(w, type);
    w->depth--;
    return good;
}

long rs_container_extent(const struct rs_schema *type, struct rs_slice bytes)
{
    struct walk w = {.p = bytes.data, .end = bytes.data + bytes.size};
    return walk_value(&w, type) ? (long)(w.p - bytes.data) : -1;
}
