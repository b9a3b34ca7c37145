#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/time/civil.h"
#include "base/time/text.h"
#include "transform/tap/internal.h"

struct rs_tap_fields {
    const struct rs_stream *stream;
    struct rs_decoder *decoder; /* NULL: no field was named */
    struct rs_learned_table table;
    char *names[RS_TAP_FIELDS_MAX]; /* own copies; those of --by first */
    struct rs_field_type types[RS_TAP_FIELDS_MAX];
    struct rs_value values[RS_TAP_FIELDS_MAX];
    const char *wanted[RS_TAP_FIELDS_MAX]; /* by --by */
    size_t by_count, count;
    uint8_t *text; /* as rs_decoder_run wants it */
    bool read;
};

/* ---- which ---- */

static int add(struct rs_tap_fields *fields, const char *option, const char *name, size_t size,
               struct rs_error *error)
{
    struct rs_error why;
    if (fields->count == RS_TAP_FIELDS_MAX) {
        return rs_usage_fail(&rs_tap_info, error, "more than %d fields", RS_TAP_FIELDS_MAX);
    }
    char *copy = strndup(name, size);
    if (!copy) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    fields->names[fields->count] = copy;
    int rc = rs_schema_field_type(rs_schema_root(fields->stream->schema), copy, &fields->types[fields->count],
                                  &why);
    fields->count++;
    return rc == 0 ? 0 : rs_usage_fail(&rs_tap_info, error, "--%s: %s", option, why.text);
}

static int add_all(struct rs_tap_fields *fields, const struct rs_tap_request *request, struct rs_error *error)
{
    int rc = 0;
    for (size_t i = 0; i < request->by_count && rc == 0; i++) {
        const char *equals = strchr(request->by[i], '=');
        if (!equals) {
            return rs_usage_fail(&rs_tap_info, error, "--by: \"%s\" is not FIELD=VALUE", request->by[i]);
        }
        fields->wanted[fields->count] = equals + 1;
        rc = add(fields, "by", request->by[i], (size_t)(equals - request->by[i]), error);
    }
    fields->by_count = fields->count;
    for (size_t i = 0; i < request->field_count && rc == 0; i++) {
        for (const char *at = request->fields[i]; at && rc == 0;) {
            const char *comma = strchr(at, ',');
            rc = add(fields, "fields", at, comma ? (size_t)(comma - at) : strlen(at), error);
            at = comma ? comma + 1 : NULL;
        }
    }
    return rc;
}

static int open_decoder(struct rs_tap_fields *fields, const struct rs_streams *streams,
                        struct rs_registry *registry, struct rs_error *error)
{
    static const struct rs_report nobody;
    const struct rs_stream *stream = fields->stream;
    const char *const *paths = (const char *const *)fields->names;
    if (fields->count == 0) {
        return 0;
    }
    if (stream->format == RS_FORMAT_JSON) {
        return rs_decoder_new_json(rs_schema_root(stream->schema), stream->framing.framing, paths,
                                   fields->count, stream->limits, &stream->json, &fields->decoder, error);
    }
    int rc = rs_decoder_new(streams->registry, stream->framing.framing, stream->writer, paths, fields->count,
                            stream->limits, &fields->decoder, error);
    if (rc < 0 || !registry) {
        return rc;
    }
    const struct rs_registry_asker asker = rs_registry_asker(registry);
    return rs_decoder_learn(fields->decoder, &asker, paths, stream->name, nobody, error);
}

int rs_tap_fields_new(const struct rs_tap_request *request, const struct rs_streams *streams,
                      const struct rs_stream *stream, struct rs_registry *registry,
                      struct rs_tap_fields **out, struct rs_error *error)
{
    struct rs_tap_fields *fields = calloc(1, sizeof *fields);
    *out = fields;
    if (!fields) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    fields->stream = stream;
    fields->text = malloc((size_t)stream->max_record_bytes + 1);
    int rc = fields->text ? add_all(fields, request, error) : rs_fail(error, RS_ENOMEM, "out of memory");
    return rc == 0 ? open_decoder(fields, streams, registry, error) : rc;
}

void rs_tap_fields_free(struct rs_tap_fields **pointer)
{
    struct rs_tap_fields *fields = *pointer;
    if (!fields) {
        return;
    }
    if (fields->decoder) {
        rs_learned_table_fini(&fields->table, rs_decoder_learned(fields->decoder));
    }
    rs_decoder_free(&fields->decoder);
    for (size_t i = 0; i < fields->count; i++) {
        free(fields->names[i]);
    }
    free(fields->text);
    free(fields);
    *pointer = NULL;
}

/* ---- values ---- */

struct asking {
    struct rs_tap_fields *fields;
    struct rs_slice message;
    enum rs_reason reason;
};

static bool waits(void *self)
{
    struct asking *a = self;
    struct rs_tap_fields *fields = a->fields;
    a->reason =
        rs_decoder_learned(fields->decoder)
            ? rs_decoder_run_learning(fields->decoder, &fields->table, a->message, fields->values, NULL)
            : rs_decoder_run(fields->decoder, a->message, fields->text, fields->values, NULL);
    return a->reason == RS_DECODER_WAITS;
}

/* The engine has had an answer for this schema, so that a second one comes at once, or none does. */
void rs_tap_fields_read(struct rs_tap_fields *fields, const struct rs_record *record)
{
    struct rs_slice message = record->value;
    struct asking asking = {.fields = fields, .message = message};
    fields->read = false;
    if (!fields->decoder || !message.data || message.size > (uint64_t)fields->stream->max_record_bytes) {
        return;
    }
    fields->table.header = (struct rs_slice){0};
    if (fields->stream->framing.header) {
        (void)record->header(record, RS_REGISTRY_HEADER, &fields->table.header);
    }
    fields->read = rs_asking_await(waits, &asking, 1000000) && asking.reason == RS_REASON_NONE;
}

/* A text as it is, other bytes as hexadecimal digits. */
static void put_bytes(const struct rs_field_type *type, struct rs_slice bytes, bool json, struct rs_buf *out)
{
    if (type->schema->kind == RS_AVRO_STRING && json) {
        rs_buf_json_string(out, bytes);
        return;
    }
    if (type->schema->kind == RS_AVRO_STRING) {
        rs_buf_put(out, bytes.data, bytes.size);
        return;
    }
    rs_buf_text(out, json ? "\"" : "");
    for (size_t i = 0; i < bytes.size; i++) {
        rs_buf_printf(out, "%02x", bytes.data[i]);
    }
    rs_buf_text(out, json ? "\"" : "");
}

/* Numbers, dates and times; without quotes. */
static void put_plain(const struct rs_field_type *type, const struct rs_value *value, struct rs_buf *out)
{
    char text[RS_NUMBER_TEXT_MAX + RS_TIME_TEXT_MAX];
    size_t size = 0;
    const struct rs_schema *schema = type->schema;
    switch ((enum rs_value_kind)value->kind) {
    case RS_VALUE_BOOLEAN: rs_buf_text(out, value->i ? "true" : "false"); return;
    case RS_VALUE_DOUBLE: size = rs_double_format(value->d, text); break;
    case RS_VALUE_DECIMAL:
        size = rs_decimal_format(value->wide ? value->w : value->i, type->scale, text);
        break;
    case RS_VALUE_TIME:
        size = rs_time_in_range(value->i) ? rs_time_format_exact(value->i, value->nanos, text)
                                          : rs_int64_format(value->i, text);
        break;
    default:
        if (schema->kind == RS_AVRO_ENUM && (uint64_t)value->i < schema->symbol_count) {
            rs_buf_text(out, schema->symbols[value->i]);
            return;
        }
        size = schema->logical == RS_LOGICAL_DATE && value->i >= RS_DAY_MIN && value->i <= RS_DAY_MAX
                   ? rs_date_format(value->i, text)
                   : rs_int64_format(value->i, text);
    }
    rs_buf_put(out, text, size);
}

static bool is_number(const struct rs_field_type *type, const struct rs_value *value)
{
    return value->kind == RS_VALUE_BOOLEAN || value->kind == RS_VALUE_DECIMAL ||
           (value->kind == RS_VALUE_DOUBLE && value->d - value->d == 0) ||
           (value->kind == RS_VALUE_INT && type->schema->kind != RS_AVRO_ENUM &&
            type->schema->logical != RS_LOGICAL_DATE);
}

static void put_value(const struct rs_tap_fields *fields, size_t number, bool json, struct rs_buf *out)
{
    const struct rs_field_type *type = &fields->types[number];
    const struct rs_value *value = &fields->values[number];
    if (value->kind == RS_VALUE_NULL) {
        rs_buf_text(out, "null");
    } else if (value->kind == RS_VALUE_BYTES) {
        put_bytes(type, value->s, json, out);
    } else {
        bool quoted = json && !is_number(type, value);
        rs_buf_text(out, quoted ? "\"" : "");
        put_plain(type, value, out);
        rs_buf_text(out, quoted ? "\"" : "");
    }
}

bool rs_tap_fields_match(const struct rs_tap_fields *fields)
{
    struct rs_buf text = {0};
    bool match = fields->by_count == 0 || fields->read;
    for (size_t i = 0; i < fields->by_count && match; i++) {
        rs_buf_reset(&text);
        put_value(fields, i, false, &text);
        match = !text.failed && rs_slice_equal(rs_buf_slice(&text), rs_slice_text(fields->wanted[i]));
    }
    rs_buf_fini(&text);
    return match;
}

size_t rs_tap_fields_shown(const struct rs_tap_fields *fields)
{
    return fields->read ? fields->count - fields->by_count : 0;
}

const char *rs_tap_field_name(const struct rs_tap_fields *fields, size_t number)
{
    return fields->names[fields->by_count + number];
}

void rs_tap_field_put(const struct rs_tap_fields *fields, size_t number, bool json, struct rs_buf *out)
{
    struct rs_buf text = {0};
    if (json) {
        put_value(fields, fields->by_count + number, true, out);
        return;
    }
    put_value(fields, fields->by_count + number, false, &text);
    rs_buf_printable(out, rs_buf_slice(&text));
    out->failed |= text.failed;
    rs_buf_fini(&text);
}
