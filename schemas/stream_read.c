/* The settings of one stream. */
#include <string.h>

#include "base/clock.h"
#include "base/time/text.h"
#include "base/unit.h"
#include "schemas/record_field.h"
#include "schemas/stream_internal.h"

#define RECORD_BYTES_MAX (INT64_C(1) << 30)
#define PERIODS_MAX      1000000

/* ---- schema, framing ---- */

static void read_schema(struct rs_stream_loader *l, const struct rs_config_node *node,
                        struct rs_stream *stream)
{
    stream->schema_path =
        rs_stream_need_text(l, node, "schema", "the file with the Avro schema of the events");
    if (!stream->schema_path) {
        return;
    }
    const struct rs_config_node *where = rs_config_get(node, "schema");
    const struct rs_stream_schema *schema = rs_stream_schema(l, where, stream->schema_path);
    if (!schema) {
        return;
    }
    if (rs_schema_root(schema->document)->kind != RS_AVRO_RECORD) {
        rs_config_complain(l->config, where, "the schema of a stream has to be a record, not of type %s",
                           rs_schema_kind_name(rs_schema_root(schema->document)->kind));
        return;
    }
    const char *odd = rs_schema_odd_name(schema->document);
    if (odd) {
        rs_config_warn(
            l->config, where,
            "the schema's name '%s' is outside Avro's grammar (letters, digits and '_'): it is read, "
            "but other programs may refuse the schema",
            odd);
    }
    stream->schema = schema->document;
    stream->writer = schema->number;
}

/* The header comes first; a record without it is read as one of framing confluent. */
static void read_header_framing(struct rs_stream_loader *l, const struct rs_config_node *where,
                                struct rs_stream *stream)
{
    stream->framing = (struct rs_frame_options){.framing = RS_FRAMING_CONFLUENT, .header = true};
    if (stream->format == RS_FORMAT_JSON) {
        rs_config_complain(l->config, where,
                           "framing confluent-header is Avro's: that of JSON is auto, bare or confluent");
    } else if (!l->has_registry) {
        rs_config_complain(l->config, where,
                           "framing confluent-header needs `schemas: {registry: URL}`, which says what the "
                           "GUIDs of the headers stand for");
    }
}

static void read_framing(struct rs_stream_loader *l, const struct rs_config_node *node,
                         struct rs_stream *stream)
{
    const char *text = rs_stream_read_text(l, node, "framing");
    const struct rs_config_node *where = rs_config_get(node, "framing");
    if (!text) {
        return;
    }
    if (strcmp(text, "confluent-header") == 0) {
        read_header_framing(l, where, stream);
    } else if (rs_framing_parse(text, &stream->framing.framing) != 0) {
        static const char *const known[] = {"auto",          "bare", "confluent", "confluent-header",
                                            "single-object", NULL};
        const char *nearest = rs_nearest_name(text, known);
        rs_config_complain(l->config, where,
                           "`framing` is auto, bare, confluent, confluent-header or single-object%s%s%s",
                           !nearest ? "" : "; did you mean '", !nearest ? "" : nearest, !nearest ? "" : "'?");
    } else if (stream->framing.framing == RS_FRAMING_CONFLUENT && !l->has_ids && !l->has_registry &&
               stream->format == RS_FORMAT_AVRO) {
        rs_config_complain(
            l->config, where,
            "framing confluent needs `schemas: {registry: URL}`, or `schemas: {ids: {ID: FILE}}`, "
            "which say what the ids stand for");
    }
}

/* ---- where it begins ---- */

static const char *const start_forms = "`start` is earliest, latest, a time such as 2024-07-01T00:00:00Z, or "
                                       "a duration back from now such as -24h";

static void read_start(struct rs_stream_loader *l, const struct rs_config_node *node,
                       struct rs_stream *stream)
{
    const char *text = rs_stream_read_text(l, node, "start");
    struct rs_error error;
    int64_t us = 0;
    if (!text || strcmp(text, "earliest") == 0) {
        return;
    }
    if (strcmp(text, "latest") == 0) {
        stream->start = RS_START_LATEST;
        return;
    }
    if (text[0] == '-' && rs_duration_parse(text + 1, &us, &error) == 0 && us <= RS_STREAM_DURATION_MAX_US) {
        us = rs_clock_wall(rs_clock_system()) - us;
    } else if (text[0] == '-' || rs_time_parse_iso(rs_slice_text(text), NULL, &us, &error) != 0) {
        rs_config_complain(l->config, rs_config_get(node, "start"), "%s", start_forms);
        return;
    }
    stream->start = RS_START_TIME;
    stream->start_us = us > 0 ? us : 0;
}

/* ---- lateness ---- */

static void refuse_on_upsert(struct rs_stream_loader *l, const struct rs_config_node *node, const char *key)
{
    if (rs_config_get(node, key)) {
        rs_config_complain(l->config, rs_config_get(node, key),
                           "`%s` has no place on an upsert stream: its events are never late", key);
    }
}

static void read_lateness(struct rs_stream_loader *l, const struct rs_config_node *node,
                          struct rs_stream *stream)
{
    stream->expire_set = rs_config_get(node, "expire") != NULL;
    stream->max_past_us = INT64_MAX;
    stream->expire_us = stream->upsert ? INT64_MAX : INT64_C(7) * 86400 * RS_US_PER_SECOND;
    rs_config_duration(l->config, node, "expire", RS_US_PER_SECOND, RS_STREAM_DURATION_MAX_US,
                       &stream->expire_us);
    if (stream->upsert) {
        refuse_on_upsert(l, node, "lateness");
        refuse_on_upsert(l, node, "max_future");
        refuse_on_upsert(l, node, "max_past");
        stream->max_future_us = INT64_MAX;
        return;
    }
    rs_config_duration(l->config, node, "max_past", 0, RS_STREAM_DURATION_MAX_US, &stream->max_past_us);
    stream->lateness_us = 30 * RS_US_PER_SECOND;
    rs_config_duration(l->config, node, "lateness", 0, RS_STREAM_DURATION_MAX_US, &stream->lateness_us);
    stream->max_future_us = stream->lateness_us;
    rs_config_duration(l->config, node, "max_future", 0, RS_STREAM_DURATION_MAX_US, &stream->max_future_us);
    if (stream->max_future_us > stream->lateness_us) {
        rs_config_warn(
            l->config, rs_config_get(node, "max_future"),
            "`max_future` is above `lateness`: an event from the future can make others of its group late");
    }
}

/* ---- upsert ---- */

static void check_version(struct rs_stream_loader *l, const struct rs_config_node *upsert,
                          struct rs_stream *stream)
{
    struct rs_field_type type;
    const struct rs_config_node *where = rs_config_get(upsert, "version");
    if (rs_stream_find_field(l, where, stream, &stream->version_path, &type) &&
        !rs_field_is_plain_integer(&type)) {
        rs_config_complain(l->config, where,
                           "field '%s' cannot be the version: its type has to be int or long",
                           stream->version_path);
    }
}

static void check_value(struct rs_stream_loader *l, const struct rs_config_node *upsert,
                        struct rs_stream *stream)
{
    struct rs_field_type type;
    const struct rs_config_node *where = rs_config_get(upsert, "value");
    if (rs_stream_find_field(l, where, stream, &stream->value_path, &type) && !type.nullable) {
        rs_config_warn(l->config, where, "field '%s' cannot be null, so that nothing can be withdrawn",
                       stream->value_path);
    }
}

static void read_upsert(struct rs_stream_loader *l, const struct rs_config_node *node,
                        struct rs_stream *stream)
{
    const struct rs_config_node *upsert = rs_config_get(node, "upsert");
    stream->max_periods = 10000;
    if (!upsert) {
        return;
    }
    stream->upsert = true;
    static const char *const known[] = {"version", "value", "max_periods", "key_fields", NULL};
    rs_config_expect_mapping(l->config, upsert, "upsert", known);
    if (rs_config_kind(upsert) != RS_CONFIG_MAPPING) {
        return;
    }
    stream->version_path = rs_stream_need_text(
        l, upsert, "version", "the field whose highest number counts, as in upsert: {version: revision}");
    stream->value_path = rs_stream_read_text(l, upsert, "value");
    rs_config_int(l->config, upsert, "max_periods", 1, PERIODS_MAX, &stream->max_periods);
    check_version(l, upsert, stream);
    check_value(l, upsert, stream);
}

void rs_stream_read(struct rs_stream_loader *l, const struct rs_config_node *node, struct rs_stream *stream)
{
    static const char *const known[] = {"format",       "json",      "topic",     "topics",
                                        "start",        "schema",    "framing",   "time",
                                        "id",           "dedup",     "dedup_max", "lateness",
                                        "max_future",   "max_past",  "expire",    "upsert",
                                        "rules",        "scale",     "key",       "max_record_bytes",
                                        "max_items",    "max_depth", "lenient",   "max_groups",
                                        "dead_letters", "calendar",  NULL};
    if (rs_config_kind(node) != RS_CONFIG_MAPPING) {
        rs_config_complain(l->config, node, "the settings of stream '%s' are missing: topic, schema, time",
                           stream->name);
        stream->unread = true;
        stream->expire_us = INT64_MAX;
        stream->max_periods = PERIODS_MAX;
        return;
    }
    rs_config_expect_mapping(l->config, node, "a stream", known);
    rs_stream_read_topics(l, node, stream);
    read_start(l, node, stream);
    rs_stream_read_format(l, node, stream);
    read_framing(l, node, stream);
    stream->max_record_bytes = 1 << 20;
    rs_config_bytes(l->config, node, "max_record_bytes", 1, RECORD_BYTES_MAX, &stream->max_record_bytes);
    rs_stream_read_budget(l, node, stream);
    stream->max_groups = 10000000;
    rs_config_int(l->config, node, "max_groups", 1, RS_STREAM_GROUPS_MAX, &stream->max_groups);
    read_schema(l, node, stream);
    rs_stream_read_json(l, node, stream);
    rs_stream_read_time(l, node, stream);
    rs_stream_read_scales(l, node, stream);
    rs_stream_read_id(l, node, stream);
    read_upsert(l, node, stream);
    read_lateness(l, node, stream);
}

/* ---- key ---- */

/* Whether a field's value can stand in a key; *why is for people when not. */
static bool keyable(const struct rs_field_type *type, const char **why)
{
    *why = NULL;
    switch (type->kind) {
    case RS_VALUE_TIME: *why = "a time has a value of its own for each event"; break;
    case RS_VALUE_DOUBLE:
        *why = "floating-point numbers that look alike may differ; `scale` makes them decimals";
        break;
    case RS_VALUE_BYTES:
        *why = type->schema->kind == RS_AVRO_STRING || type->schema->logical == RS_LOGICAL_UUID
                   ? NULL
                   : "bytes have no text";
        break;
    case RS_VALUE_INT:
        if (type->schema->logical == RS_LOGICAL_TIME_MILLIS ||
            type->schema->logical == RS_LOGICAL_TIME_MICROS) {
            *why = "a time has a value of its own for each event";
        }
        break;
    default: break;
    }
    return !*why;
}

/* A list of fields, or one field alone; *count is how many. */
static const struct rs_config_node *listed(const struct rs_config_node *list, size_t index, size_t *count)
{
    enum rs_config_kind kind = !list ? RS_CONFIG_NULL : rs_config_kind(list);
    if (kind == RS_CONFIG_SEQUENCE) {
        *count = rs_config_size(list);
        return index < *count ? rs_config_item(list, index) : NULL;
    }
    *count = kind == RS_CONFIG_SCALAR;
    return index < *count ? list : NULL;
}

static bool lists(const struct rs_config_node *list, const char *path)
{
    size_t count = 0;
    const struct rs_config_node *item = NULL;
    for (size_t i = 0; (item = listed(list, i, &count)); i++) {
        const char *text = rs_config_text(item);
        if (text && strcmp(text, path) == 0) {
            return true;
        }
    }
    return false;
}

static const struct rs_config_node *by_of(const struct rs_config_node *root, size_t index,
                                          const struct rs_stream *stream, bool *mine)
{
    const struct rs_config_node *key = NULL;
    const struct rs_config_node *aggregate = NULL;
    rs_config_pair(rs_config_get(root, "aggregates"), index, &key, &aggregate);
    *mine = false;
    if (rs_config_kind(aggregate) != RS_CONFIG_MAPPING) {
        return NULL;
    }
    const struct rs_config_node *name = rs_config_get(aggregate, "stream");
    const char *text = !name ? NULL : rs_config_text(name);
    *mine = text && strcmp(text, stream->name) == 0;
    return rs_config_get(aggregate, "by");
}

/* Whether every aggregate of the stream groups by `path`. */
static bool shared_by_all(const struct rs_config_node *root, const struct rs_stream *stream, const char *path)
{
    size_t count = rs_config_size(rs_config_get(root, "aggregates"));
    for (size_t i = 0; i < count; i++) {
        bool mine = false;
        const struct rs_config_node *by = by_of(root, i, stream, &mine);
        if (mine && !lists(by, path)) {
            return false;
        }
    }
    return true;
}

/* The `by` of the stream's first aggregate; NULL when there is none. */
static const struct rs_config_node *first_by(const struct rs_config_node *root,
                                             const struct rs_stream *stream)
{
    const struct rs_config_node *aggregates = rs_config_get(root, "aggregates");
    size_t count =
        aggregates && rs_config_kind(aggregates) == RS_CONFIG_MAPPING ? rs_config_size(aggregates) : 0;
    for (size_t i = 0; i < count; i++) {
        bool mine = false;
        const struct rs_config_node *by = by_of(root, i, stream, &mine);
        if (mine) {
            return by;
        }
    }
    return NULL;
}

/* Adds one field to the key. Faults of a `by` are for the aggregates' reader to name. */
static void add_key(struct rs_stream_loader *l, const struct rs_config_node *item, bool complain,
                    struct rs_stream *stream, const char **paths)
{
    const char *path = rs_config_text(item);
    if (!path) {
        if (complain) {
            rs_config_complain(l->config, item, "`key` is a list of fields");
        }
        return;
    }
    struct rs_field_type type;
    struct rs_error error;
    const char *why = NULL;
    if (rs_record_field_is(path)) {
        why = "it is the record's own, which is made with the key";
    } else if (rs_schema_field_type(rs_schema_root(stream->schema), path, &type, &error) != 0) {
        why = error.text;
    } else if (rs_stream_is_decimal(stream, path, &type) || keyable(&type, &why)) {
        paths[stream->key_count++] = rs_stream_keep(l, path);
        return;
    }
    if (complain) {
        rs_config_complain(l->config, item, "field '%s' cannot be part of a key: %s", path, why);
    }
}

void rs_stream_read_key(struct rs_stream_loader *l, const struct rs_config_node *root,
                        struct rs_stream *stream)
{
    const struct rs_config_node *said = rs_config_get(stream->node, "key");
    const struct rs_config_node *fields = rs_config_get(rs_config_get(stream->node, "upsert"), "key_fields");
    const struct rs_config_node *key = fields ? fields : said;
    const struct rs_config_node *list = key ? key : first_by(root, stream);
    if (fields && said) {
        rs_config_complain(l->config, said, "`key_fields` of `upsert` are the key: leave `key` out");
    }
    if (key && rs_config_kind(key) != RS_CONFIG_SEQUENCE && rs_config_kind(key) != RS_CONFIG_SCALAR) {
        rs_config_complain(l->config, key, "`%s` is a list of fields", fields ? "key_fields" : "key");
    }
    size_t count = 0;
    listed(list, 0, &count);
    const char **paths = rs_arena_array(&l->memory->arena, count, sizeof *paths);
    if (!paths) {
        l->failed = true;
        return;
    }
    stream->key_paths = paths;
    for (size_t i = 0; i < count && !l->failed; i++) {
        const struct rs_config_node *item = listed(list, i, &count);
        const char *path = rs_config_text(item);
        if (key || (path && shared_by_all(root, stream, path))) {
            add_key(l, item, key != NULL, stream, paths);
        }
    }
    stream->tombstones = fields && stream->key_count > 0;
    if (fields && count == 0 && rs_config_kind(fields) == RS_CONFIG_SEQUENCE) {
        rs_config_complain(l->config, fields,
                           "`key_fields` is empty: name the fields that the records' key is made of");
    }
}
