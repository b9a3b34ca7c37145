/* The settings of a stream whose messages are JSON. */
#include <string.h>

#include "base/config/config.h"
#include "schemas/stream_internal.h"

void rs_stream_read_format(struct rs_stream_loader *l, const struct rs_config_node *node,
                           struct rs_stream *stream)
{
    const char *text = NULL;
    const struct rs_config_node *where = rs_config_get(node, "format");
    if (!rs_config_string(l->config, node, "format", &text) || !text) {
        return;
    }
    if (strcmp(text, "json") == 0) {
        stream->format = RS_FORMAT_JSON;
    } else if (strcmp(text, "avro") != 0) {
        rs_config_complain(l->config, where, "`format` is avro or json");
    }
}

static void read_unknown(struct rs_stream_loader *l, const struct rs_config_node *json,
                         struct rs_stream *stream)
{
    const char *text = NULL;
    if (!rs_config_string(l->config, json, "unknown", &text) || !text) {
        return;
    }
    stream->json.refuse_unknown = strcmp(text, "refuse") == 0;
    if (!stream->json.refuse_unknown && strcmp(text, "pass") != 0) {
        rs_config_complain(
            l->config, rs_config_get(json, "unknown"),
            "`unknown` says what is done with fields that the schema does not declare: pass or refuse");
    }
}

/* A zone, a form or a field that is wrong, with the reason. */
static void complain(struct rs_stream_loader *l, const struct rs_config_node *where, int code,
                     const struct rs_error *error)
{
    if (code == RS_ENOMEM) {
        l->failed = true;
    } else if (code != 0) {
        rs_config_complain(l->config, where, "%s", error->text);
    }
}

static void read_zone(struct rs_stream_loader *l, const struct rs_config_node *json, struct rs_stream *stream)
{
    const char *text = NULL;
    struct rs_error error;
    if (rs_config_string(l->config, json, "zone", &text) && text) {
        complain(l, rs_config_get(json, "zone"), rs_zone_load(text, &stream->zone, &error), &error);
    }
}

/* Whether times of the field can be given in the form: it has to be a time, or a date and no count. */
static bool fits(struct rs_stream_loader *l, const struct rs_config_node *key, const struct rs_stream *stream,
                 const struct rs_json_time *time)
{
    struct rs_field_type type;
    struct rs_error error;
    int code = rs_schema_field_type(rs_schema_root(stream->schema), time->path, &type, &error);
    if (code != 0) {
        complain(l, key, code, &error);
        return false;
    }
    bool date = type.schema->logical == RS_LOGICAL_DATE;
    if (type.kind != RS_VALUE_TIME && !date) {
        bool number = rs_field_is_plain_integer(&type);
        rs_config_complain(l->config, key, "field '%s' is neither a timestamp nor a date%s", time->path,
                           number
                               ? "; what a plain number counts is said where it is the time of the event, as "
                                 "in time: {field: NAME, unit: ms}"
                               : "");
        return false;
    }
    if (date && rs_time_rule_counts(&time->rule)) {
        rs_config_complain(l->config, key,
                           "field '%s' is a date: as a number it counts days, and needs no form", time->path);
        return false;
    }
    return true;
}

static void read_time_form(struct rs_stream_loader *l, struct rs_stream *stream,
                           const struct rs_config_node *key, const struct rs_config_node *value,
                           struct rs_json_time *times)
{
    struct rs_json_time *time = &times[stream->json.time_count];
    const char *form = rs_config_text(value);
    struct rs_error error;
    time->path = rs_stream_keep(l, rs_config_text(key));
    form = rs_stream_keep(l, form);
    if (!time->path || !form) {
        rs_config_complain(l->config, value, "the form of a time is iso, period, s, ms, us, ns or a pattern");
        return;
    }
    int code = rs_time_rule_parse(form, stream->zone, &time->rule, &error);
    if (code != 0) {
        complain(l, value, code, &error);
    } else if (!stream->schema || fits(l, key, stream, time)) {
        stream->json.time_count++;
    }
}

static void read_times(struct rs_stream_loader *l, const struct rs_config_node *json,
                       struct rs_stream *stream)
{
    const struct rs_config_node *node = rs_config_get(json, "times");
    if (!node) {
        return;
    }
    if (rs_config_kind(node) != RS_CONFIG_MAPPING) {
        rs_config_complain(l->config, node,
                           "`times` is a mapping from fields to forms, as in {executed_at: ms}");
        return;
    }
    size_t count = rs_config_size(node);
    struct rs_json_time *times = rs_arena_array(&l->memory->arena, count + 1, sizeof *times);
    l->failed = l->failed || !times;
    stream->json.times = times;
    for (size_t i = 0; i < count && !l->failed; i++) {
        const struct rs_config_node *key = NULL;
        const struct rs_config_node *value = NULL;
        rs_config_pair(node, i, &key, &value);
        read_time_form(l, stream, key, value, times);
    }
}

void rs_stream_read_json(struct rs_stream_loader *l, const struct rs_config_node *node,
                         struct rs_stream *stream)
{
    const struct rs_config_node *json = rs_config_get(node, "json");
    if (stream->format == RS_FORMAT_JSON && stream->framing.framing == RS_FRAMING_SINGLE_OBJECT) {
        rs_config_complain(l->config, rs_config_get(node, "framing"),
                           "framing single-object is Avro's: that of JSON is auto, bare or confluent");
    }
    if (!json) {
        return;
    }
    if (stream->format != RS_FORMAT_JSON) {
        rs_config_complain(l->config, json, "`json` is for streams with `format: json`");
        return;
    }
    static const char *const known[] = {"unknown", "times", "zone", NULL};
    rs_config_expect_mapping(l->config, json, "json", known);
    if (rs_config_kind(json) == RS_CONFIG_MAPPING) {
        read_unknown(l, json, stream);
        read_zone(l, json, stream);
        read_times(l, json, stream);
    }
}
