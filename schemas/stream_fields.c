/* The fields of a stream that say when an event was and which it is: `time`, `id`; and `scale`. */
#include <stdio.h>
#include <string.h>

#include "schemas/stream_internal.h"

/* ---- time ---- */

/* The unit that a plain number counts; STAMP: none is said, or after a complaint. */
static enum rs_time_form read_unit(struct rs_stream_loader *l, const struct rs_config_node *time)
{
    static const struct {
        const char *text;
        enum rs_time_form form;
    } units[] = {{"s", RS_TIME_FORM_SECONDS},
                 {"ms", RS_TIME_FORM_MILLIS},
                 {"us", RS_TIME_FORM_MICROS},
                 {"ns", RS_TIME_FORM_NANOS}};
    const char *text = rs_stream_read_text(l, time, "unit");

    for (size_t i = 0; text && i < sizeof units / sizeof *units; i++) {
        if (strcmp(text, units[i].text) == 0) {
            return units[i].form;
        }
    }
    if (text) {
        rs_config_complain(l->config, rs_config_get(time, "unit"),
                           "`unit` is what the numbers count since 1970: s, ms, us or ns");
    }
    return RS_TIME_FORM_STAMP;
}

static void check_time(struct rs_stream_loader *l, const struct rs_config_node *where,
                       const struct rs_config_node *unit, struct rs_stream *stream)
{
    const struct rs_field_type *type = &stream->time_type;
    bool date = type->schema->logical == RS_LOGICAL_DATE;
    if (type->kind == RS_VALUE_TIME || date) {
        stream->time_form = date ? RS_TIME_FORM_DATE : RS_TIME_FORM_STAMP;
        if (unit) {
            rs_config_complain(l->config, unit,
                               "`unit` is for plain numbers: field '%s' is a %s, whose type says what it "
                               "counts; leave `unit` out",
                               stream->time_path, date ? "date" : "timestamp");
        }
        return;
    }
    if (rs_field_is_plain_integer(type) && unit) {
        return; /* and if the unit is wrong, that has been said */
    }
    char mend[256] = "";
    if (rs_field_is_plain_integer(type)) {
        (void)snprintf(
            mend, sizeof mend,
            "; of a plain number say what it counts since 1970, as in time: {field: %.100s, unit: ms}",
            stream->time_path);
    }
    rs_config_complain(
        l->config, where,
        "field '%s' cannot be the time of the event: its type has to be a timestamp (millis, micros "
        "or nanos) or a date%s%s%s",
        stream->time_path, type->schema->ignored ? ", and is " : "",
        type->schema->ignored ? type->schema->ignored : "", mend);
}

void rs_stream_read_time(struct rs_stream_loader *l, const struct rs_config_node *node,
                         struct rs_stream *stream)
{
    static const char *const known[] = {"field", "unit", NULL};
    const char what[] = "the field that holds the time of the event";
    const struct rs_config_node *time = rs_config_get(node, "time");
    const struct rs_config_node *where = time;
    const struct rs_config_node *unit = NULL;

    if (time && rs_config_kind(time) == RS_CONFIG_MAPPING) {
        rs_config_expect_mapping(l->config, time, "time", known);
        stream->time_path = rs_stream_need_text(l, time, "field", what);
        where = rs_config_get(time, "field");
        unit = rs_config_get(time, "unit");
        stream->time_form = read_unit(l, time);
    } else {
        stream->time_path = rs_stream_need_text(l, node, "time", what);
    }
    if (rs_stream_find_field(l, where, stream, &stream->time_path, &stream->time_type)) {
        check_time(l, where, unit, stream);
    }
}

/* ---- scale ---- */

/* What is wrong here is for transform's reader of the same mapping to name. */
void rs_stream_read_scales(struct rs_stream_loader *l, const struct rs_config_node *node,
                           struct rs_stream *stream)
{
    const struct rs_config_node *list = rs_config_get(node, "scale");
    size_t count = list && rs_config_kind(list) == RS_CONFIG_MAPPING ? rs_config_size(list) : 0;
    struct rs_stream_scale *scales = rs_arena_array(&l->memory->arena, count + 1, sizeof *scales);
    l->failed = l->failed || !scales;
    for (size_t i = 0; i < count && scales; i++) {
        const struct rs_config_node *key = NULL;
        const struct rs_config_node *value = NULL;
        rs_i128 digits = -1;
        struct rs_error ignored;
        rs_config_pair(list, i, &key, &value);
        const char *text = rs_config_text(value);
        if (rs_config_text(key) && text && rs_decimal_parse(rs_slice_text(text), 0, &digits, &ignored) == 0 &&
            digits >= 0 && digits <= 18) {
            scales[stream->scale_count++] = (struct rs_stream_scale){
                .path = rs_stream_keep(l, rs_config_text(key)), .digits = (int)digits};
        }
    }
    stream->scales = scales;
}

int rs_stream_scale_of(const struct rs_stream *stream, const char *path)
{
    for (size_t i = 0; i < stream->scale_count; i++) {
        if (stream->scales[i].path && strcmp(stream->scales[i].path, path) == 0) {
            return stream->scales[i].digits;
        }
    }
    return -1;
}

bool rs_stream_is_decimal(const struct rs_stream *stream, const char *path, const struct rs_field_type *type)
{
    return type->kind == RS_VALUE_DECIMAL ||
           (type->kind == RS_VALUE_DOUBLE && rs_stream_scale_of(stream, path) >= 0);
}

/* ---- id ---- */

static bool identifies(const struct rs_stream *stream, const char *path, const struct rs_field_type *type)
{
    return type->kind == RS_VALUE_BYTES || rs_stream_is_decimal(stream, path, type) ||
           (type->kind == RS_VALUE_INT && type->schema->kind != RS_AVRO_ENUM);
}

/* One field of the id, taken into the list unless it is wrong. */
static void add_id(struct rs_stream_loader *l, const struct rs_config_node *where, struct rs_stream *stream,
                   const char **paths)
{
    struct rs_field_type type;
    const char *text = rs_config_text(where);
    if (!text || *text == '\0') {
        rs_config_complain(l->config, where,
                           "`id` is a field or a list of fields, as in [exchange, trade_id]");
        return;
    }
    const char *path = rs_stream_keep(l, text);
    for (size_t i = 0; path && i < stream->id_count; i++) {
        if (strcmp(paths[i], path) == 0) {
            rs_config_complain(l->config, where, "field '%s' is part of the id already", path);
            return;
        }
    }
    if (rs_stream_find_field(l, where, stream, &path, &type) && !identifies(stream, path, &type)) {
        rs_config_complain(l->config, where,
                           "field '%s' cannot identify an event: its type has to be string, bytes, "
                           "fixed, uuid, int, long or decimal, or float or double with a declared scale",
                           path);
    }
    if (path) {
        paths[stream->id_count++] = path;
    }
}

static void read_fields_of_id(struct rs_stream_loader *l, const struct rs_config_node *id,
                              struct rs_stream *stream)
{
    bool list = rs_config_kind(id) == RS_CONFIG_SEQUENCE;
    size_t count = list ? rs_config_size(id) : 1;
    if (list && (count == 0 || count > RS_STREAM_ID_MAX)) {
        rs_config_complain(l->config, id, "an id is made of 1 to %d fields", RS_STREAM_ID_MAX);
        return;
    }
    const char **paths = rs_arena_array(&l->memory->arena, count, sizeof *paths);
    l->failed = l->failed || !paths;
    stream->id_paths = paths;
    for (size_t i = 0; i < count && !l->failed; i++) {
        add_id(l, list ? rs_config_item(id, i) : id, stream, paths);
    }
}

void rs_stream_read_id(struct rs_stream_loader *l, const struct rs_config_node *node,
                       struct rs_stream *stream)
{
    static const char *const needy[] = {"dedup", "dedup_max"};
    const struct rs_config_node *id = rs_config_get(node, "id");
    if (id) {
        read_fields_of_id(l, id, stream);
    }
    stream->dedup_us = 600 * RS_US_PER_SECOND;
    stream->dedup_max = 10000000;
    rs_config_duration(l->config, node, "dedup", 1, RS_STREAM_DURATION_MAX_US, &stream->dedup_us);
    rs_config_int(l->config, node, "dedup_max", 1, RS_STREAM_GROUPS_MAX, &stream->dedup_max);
    for (size_t i = 0; i < 2 && !id; i++) {
        if (rs_config_get(node, needy[i])) {
            rs_config_complain(l->config, rs_config_get(node, needy[i]),
                               "`%s` needs `id`, the field that identifies an event", needy[i]);
        }
    }
}
