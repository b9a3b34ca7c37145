#include "ingest/encode/key.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/number.h"
#include "base/time/text.h"
#include "base/view.h"
#include "schemas/program.h"
#include "schemas/wire.h"

struct rs_key_maker {
    struct rs_arena arena;
    struct rs_program *program;
    const char **paths;
    struct rs_field_type *types; /* DECIMAL for a float or double with a declared scale */
    struct rs_value *values;
    size_t count;
    struct rs_buf text;
};

static int no_memory(struct rs_error *error)
{
    return rs_fail(error, RS_ENOMEM, "out of memory");
}

static int check_type(const char *path, const struct rs_field_type *type, struct rs_error *error)
{
    bool text = type->kind == RS_VALUE_BYTES && type->schema->kind == RS_AVRO_STRING;
    bool uuid = type->kind == RS_VALUE_BYTES && type->schema->logical == RS_LOGICAL_UUID;
    bool day_time =
        type->schema->logical == RS_LOGICAL_TIME_MILLIS || type->schema->logical == RS_LOGICAL_TIME_MICROS;
    if (text || uuid || type->kind == RS_VALUE_BOOLEAN || type->kind == RS_VALUE_DECIMAL ||
        (type->kind == RS_VALUE_INT && !day_time)) {
        return 0;
    }
    return rs_fail(
        error, RS_EUSAGE,
        "key field \"%s\": a key is made of strings, enums, integers, booleans, dates, decimals and uuids",
        path);
}

static int split_fields(struct rs_key_maker *m, const char *fields, struct rs_error *error)
{
    size_t count = 1;
    for (const char *p = fields; *p != '\0'; p++) {
        count += *p == ',';
    }
    m->paths = rs_arena_array(&m->arena, count, sizeof *m->paths);
    if (!m->paths) {
        return no_memory(error);
    }
    for (const char *p = fields; m->count < count; p += strcspn(p, ",") + 1) {
        const char *path = rs_arena_slice(&m->arena, rs_slice_of(p, strcspn(p, ",")));
        if (!path) {
            return no_memory(error);
        }
        if (path[0] == '\0') {
            return rs_fail(error, RS_EUSAGE, "--key %s: a field's name is empty", fields);
        }
        m->paths[m->count++] = path;
    }
    return 0;
}

static int copy_paths(struct rs_key_maker *m, const char *const *paths, size_t count, struct rs_error *error)
{
    m->paths = rs_arena_array(&m->arena, count + 1, sizeof *m->paths);
    if (!m->paths) {
        return no_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        m->paths[i] = paths[i];
    }
    m->count = count;
    return 0;
}

static int resolve_type(const struct rs_stream *stream, const char *path, struct rs_field_type *type,
                        struct rs_error *error)
{
    int rc = rs_schema_field_type(rs_schema_root(stream->schema), path, type, error);
    if (rc != 0) {
        error->code = RS_EUSAGE;
        (void)rs_error_prefix(error, "key");
        return RS_EUSAGE;
    }
    int scale = rs_stream_scale_of(stream, path);
    if (type->kind == RS_VALUE_DOUBLE && scale >= 0) {
        type->kind = RS_VALUE_DECIMAL;
        type->scale = scale;
    }
    return check_type(path, type, error);
}

static int resolve_types(struct rs_key_maker *m, const struct rs_stream *stream, struct rs_error *error)
{
    m->types = rs_arena_array(&m->arena, m->count + 1, sizeof *m->types);
    m->values = rs_arena_array(&m->arena, m->count + 1, sizeof *m->values);
    if (!m->types || !m->values) {
        return no_memory(error);
    }
    for (size_t i = 0; i < m->count; i++) {
        int rc = resolve_type(stream, m->paths[i], &m->types[i], error);
        if (rc != 0) {
            return rc;
        }
    }
    return rs_program_compile(rs_schema_root(stream->schema), m->paths, m->count, stream->limits, &m->program,
                              error);
}

int rs_key_maker_new(const struct rs_stream *stream, const char *fields, struct rs_key_maker **out,
                     struct rs_error *error)
{
    struct rs_key_maker *m = calloc(1, sizeof *m);
    if (!m) {
        return no_memory(error);
    }
    int rc =
        fields ? split_fields(m, fields, error) : copy_paths(m, stream->key_paths, stream->key_count, error);
    if (rc == 0) {
        rc = resolve_types(m, stream, error);
    }
    if (rc != 0) {
        rs_key_maker_free(&m);
        return rc;
    }
    *out = m;
    return 0;
}

void rs_key_maker_free(struct rs_key_maker **maker)
{
    struct rs_key_maker *m = *maker;
    if (!m) {
        return;
    }
    rs_program_free(&m->program);
    rs_buf_fini(&m->text);
    rs_arena_fini(&m->arena);
    free(m);
    *maker = NULL;
}

static size_t format_integer(const struct rs_schema *schema, int64_t value, char *out)
{
    if (schema->logical == RS_LOGICAL_DATE && value >= RS_DAY_MIN && value <= RS_DAY_MAX) {
        return rs_date_format(value, out);
    }
    return rs_int64_format(value, out);
}

/* In the text that the daemon gives such a part in its keys (rs_key_render). */
static void append_part(struct rs_buf *to, const struct rs_field_type *type, const struct rs_value *value)
{
    char text[RS_NUMBER_TEXT_MAX] = "";
    struct rs_slice part = rs_slice_of(text, 0);
    switch ((enum rs_value_kind)value->kind) {
    case RS_VALUE_NULL: rs_buf_text(to, "%null"); return;
    case RS_VALUE_BOOLEAN: part = rs_slice_text(value->i != 0 ? "true" : "false"); break;
    case RS_VALUE_INT:
        if (type->schema->kind == RS_AVRO_ENUM) {
            part = rs_slice_text(type->schema->symbols[value->i]);
        } else {
            part.size = format_integer(type->schema, value->i, text);
        }
        break;
    case RS_VALUE_DECIMAL:
        part.size = rs_decimal_format(value->wide ? value->w : (rs_i128)value->i, type->scale, text);
        break;
    case RS_VALUE_BYTES:
        part = value->s;
        if (type->schema->kind == RS_AVRO_FIXED) {
            rs_wire_uuid_text(value->s.data, text);
            part = rs_slice_of(text, RS_WIRE_UUID_TEXT);
        }
        break;
    case RS_VALUE_TIME:
    case RS_VALUE_DOUBLE: break; /* refused by check_type */
    }
    rs_key_append(to, part);
}

/* As the daemon does: a double with a declared scale is a decimal. */
static bool scale_value(const struct rs_field_type *type, struct rs_value *value)
{
    int64_t scaled;
    if (type->kind != RS_VALUE_DECIMAL || value->kind != RS_VALUE_DOUBLE) {
        return true;
    }
    if (!rs_double_to_scale(value->d, type->scale, &scaled)) {
        return false;
    }
    *value = (struct rs_value){.kind = RS_VALUE_DECIMAL, .i = scaled};
    return true;
}

/* Read with the daemon's own decoder: what that would refuse gets no key. */
int rs_key_make(struct rs_key_maker *m, struct rs_slice datum, struct rs_slice *out, struct rs_error *error)
{
    size_t at = 0;
    enum rs_reason reason = rs_program_run(m->program, datum, m->values, &at);
    if (reason != RS_REASON_NONE) {
        return rs_fail(error, RS_ERECORD, "the daemon would refuse this event as %s: %s",
                       rs_reason_name(reason), rs_reason_text(reason));
    }
    if (m->count == 0) {
        *out = rs_slice_of(NULL, 0);
        return 0;
    }
    rs_buf_reset(&m->text);
    for (size_t i = 0; i < m->count; i++) {
        if (i > 0) {
            rs_buf_char(&m->text, ':');
        }
        if (!scale_value(&m->types[i], &m->values[i])) {
            return rs_fail(error, RS_ERECORD,
                           "%s is part of the key, and NaN, infinite or too large for its declared scale",
                           m->paths[i]);
        }
        append_part(&m->text, &m->types[i], &m->values[i]);
    }
    if (m->text.failed) {
        return no_memory(error);
    }
    /* A key of empty fields is empty, which is not the same as none. */
    *out = m->text.data ? rs_buf_slice(&m->text) : rs_slice_of("", 0);
    return 0;
}
