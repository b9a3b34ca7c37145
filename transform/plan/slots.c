#include "transform/plan/slots.h"

#include <string.h>

void *rs_arena_grow(struct rs_arena *arena, void *items, size_t count, size_t item_size)
{
    /* Powers of two are the only sizes at which the array is full. */
    if (count != 0 && (count & (count - 1)) != 0) {
        return items;
    }
    void *wider = rs_arena_array(arena, count ? count * 2 : 1, item_size);
    if (wider && count) {
        memcpy(wider, items, count * item_size);
    }
    return wider;
}

/* False: out of memory. */
static bool append_record(struct rs_slots *slots, const char *path)
{
    enum rs_record_field field;
    const char *header = NULL;
    if (!rs_record_field_find(path, &field, &header)) {
        return true;
    }
    struct rs_record_op *ops = rs_arena_grow(slots->arena, slots->record, slots->record_count, sizeof *ops);
    if (!ops) {
        return false;
    }
    slots->record = ops;
    slots->decoded[slots->count] = NULL;
    ops[slots->record_count++] =
        (struct rs_record_op){.field = field, .slot = (int)slots->count, .header = header};
    return true;
}

/* Paths and types grow in step, as rs_arena_grow takes the count alone for a sign that an array is full. */
static int append(struct rs_slots *slots, const char *path, const struct rs_field_type *type,
                  struct rs_error *error)
{
    if (slots->count == RS_SLOTS_MAX) {
        return rs_fail(error, RS_ELIMIT, "more than %d fields of one stream are used", RS_SLOTS_MAX);
    }
    const char **paths = rs_arena_grow(slots->arena, slots->paths, slots->count, sizeof *paths);
    const char **decoded = rs_arena_grow(slots->arena, slots->decoded, slots->count, sizeof *decoded);
    struct rs_field_type *types = rs_arena_grow(slots->arena, slots->types, slots->count, sizeof *types);
    const char *copy = rs_arena_text(slots->arena, path);
    if (!paths || !decoded || !types || !copy) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    slots->paths = paths;
    slots->decoded = decoded;
    slots->types = types;
    paths[slots->count] = copy;
    decoded[slots->count] = copy;
    types[slots->count] = *type;
    if (!append_record(slots, copy)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    return (int)slots->count++;
}

/* A slot for each calendar. */
static int add_session(struct rs_slots *slots, struct rs_error *error)
{
    static const struct rs_schema boolean = {.kind = RS_AVRO_BOOLEAN};
    static const struct rs_field_type type = {.kind = RS_VALUE_BOOLEAN, .schema = &boolean};
    if (!slots->calendar) {
        return rs_fail(error, RS_ECONFIG,
                       RS_IN_SESSION " needs `calendar: FILE`, of this aggregate or of its stream");
    }
    for (size_t i = 0; i < slots->session_count; i++) {
        if (slots->session[i].sessions == slots->calendar) {
            return slots->session[i].slot;
        }
    }
    struct rs_session_op *ops =
        rs_arena_grow(slots->arena, slots->session, slots->session_count, sizeof *ops);
    if (!ops) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    slots->session = ops;
    int slot = append(slots, RS_IN_SESSION, &type, error);
    if (slot >= 0) {
        slots->decoded[slot] = NULL;
        ops[slots->session_count++] = (struct rs_session_op){slot, slots->calendar};
    }
    return slot;
}

static int add(struct rs_slots *slots, const char *path, struct rs_error *error)
{
    if (strcmp(path, RS_IN_SESSION) == 0) {
        return add_session(slots, error);
    }
    for (size_t i = 0; i < slots->count; i++) {
        if (strcmp(slots->paths[i], path) == 0) {
            return (int)i;
        }
    }
    struct rs_field_type type = {0};
    int rc = !slots->schema ? 0 : rs_event_field_type(slots->schema, path, &type, error);
    return rc < 0 ? rc : append(slots, path, &type, error);
}

int rs_slots_want(struct rs_slots *slots, struct rs_config *config, const struct rs_config_node *where,
                  const char *path)
{
    struct rs_error error;
    int slot = add(slots, path, &error);
    if (slot < 0) {
        rs_config_complain(config, where, "%s", error.text);
    }
    return slot;
}

bool rs_field_type_known(const struct rs_field_type *type)
{
    return type->schema != NULL;
}

static const char *logical_name(enum rs_logical logical)
{
    switch (logical) {
    case RS_LOGICAL_DATE: return "date";
    case RS_LOGICAL_UUID: return "uuid";
    case RS_LOGICAL_TIME_MILLIS:
    case RS_LOGICAL_TIME_MICROS: return "time of day";
    default: return NULL;
    }
}

const char *rs_field_type_name(const struct rs_field_type *type)
{
    const char *logical = logical_name(type->schema->logical);
    if (logical) {
        return logical;
    }
    switch (type->kind) {
    case RS_VALUE_TIME: return "timestamp";
    case RS_VALUE_DECIMAL:
        if (type->schema->logical == RS_LOGICAL_DECIMAL) {
            return "decimal";
        }
        break; /* a double with a declared scale */
    default: break;
    }
    return rs_schema_type_name(type->schema);
}
