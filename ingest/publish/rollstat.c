#include "ingest/publish/rollstat.h"

#include <avro.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "base/kafka/config.h"
#include "ingest/encode/framing.h"
#include "ingest/encode/key.h"
#include "ingest/encode/message.h"
#include "ingest/encode/put.h"
#include "ingest/publish/check.h"
#include "ingest/publish/publisher.h"
#include "ingest/publish/registered.h"
#include "ingest/read/row_plan.h"
#include "schemas/stream.h"

#define REGISTRY_TIMEOUT_MS 30000 /* as of an event */

struct rollstat {
    struct rs_config *config;
    struct rs_streams *streams;
    const struct rs_stream *stream;
    struct rs_mapping mapping; /* nothing is mapped: fields are set by their own names */
    struct rs_framing_prefix prefix;
    char *key_fields; /* NULL: the stream's */
    rollstat_options options;
    struct rs_publisher *publisher;
    struct rs_check check;

    /* for values of libavro, which need no event */
    pthread_mutex_t mutex;
    struct rs_key_maker *key;
    struct rs_message_maker *message;
    struct rs_buf value;
    avro_schema_t known; /* the last schema found to be the stream's; holds a reference */
};

struct rollstat_event {
    struct rollstat *owner;
    struct rs_row_plan *plan;
    struct rs_key_maker *key;
    struct rs_message_maker *message;
    struct rs_cell *cells;
    struct rs_buf *texts; /* per field */
    size_t count;
    struct rs_buf value;
};

/* ---- errors ---- */

static int public_code(int code)
{
    switch (code) {
    case 0: return ROLLSTAT_OK;
    case RS_ENOMEM: return ROLLSTAT_MEMORY;
    case RS_ERECORD: return ROLLSTAT_REJECTED;
    case RS_ETIMEOUT: return ROLLSTAT_TIMEOUT;
    case RS_EPRODUCER: return ROLLSTAT_FATAL;
    case RS_EBROKER:
    case RS_EIO: return ROLLSTAT_ENVIRONMENT;
    default: return ROLLSTAT_INVALID;
    }
}

static int tell(rollstat_error *out, int code, const char *text)
{
    if (out) {
        out->code = code;
        (void)snprintf(out->text, sizeof out->text, "%.*s", (int)sizeof out->text - 1, text);
    }
    return code;
}

/* Of a call that waits, RS_EINVAL means the interruption. */
static int tell_waiting(rollstat_error *out, int rc, const struct rs_error *error)
{
    if (rc == 0) {
        return ROLLSTAT_OK;
    }
    return tell(out, rc == RS_EINVAL ? ROLLSTAT_INTERRUPTED : public_code(rc), error->text);
}

const char *rollstat_version(void)
{
    return RS_VERSION;
}

/* ---- opening ---- */

static void on_failure(void *self, const struct rs_publisher_failure *failure)
{
    const struct rollstat *r = self;
    const rollstat_failure told = {
        .size = sizeof told,
        .key = failure->key.data,
        .key_size = failure->key.size,
        .value = failure->value.data,
        .value_size = failure->value.size,
        .tag = failure->tag,
        .text = failure->text,
    };
    r->options.on_failure(r->options.self, &told);
}

static void on_log(void *self, int level, const char *text)
{
    const struct rollstat *r = self;
    r->options.on_log(r->options.self, level, text);
}

static void on_wait(void *self, const char *text)
{
    const struct rollstat *r = self;
    r->options.on_wait(r->options.self, text);
}

/* Callers built against an older header hand over fewer members; those they lack stay 0. */
static void take_options(struct rollstat *r, const rollstat_options *options)
{
    if (options && options->size >= sizeof options->size) {
        memcpy(&r->options, options, options->size < sizeof r->options ? options->size : sizeof r->options);
    }
}

static int complaints(const struct rs_config *config, struct rs_error *error)
{
    struct rs_buf text = {0};
    rs_config_report(config, &text);
    size_t size = text.size > 0 && text.data[text.size - 1] == '\n' ? text.size - 1 : text.size;
    int rc = rs_fail(error, RS_ECONFIG, "%.*s", (int)size, text.data ? (const char *)text.data : "");
    rs_buf_fini(&text);
    return rc;
}

static int no_stream(const struct rs_streams *streams, const char *name, struct rs_error *error)
{
    const char **names = calloc(streams->named + 1, sizeof *names);
    const char *nearest = NULL;
    for (size_t i = 0; names && i < streams->named; i++) {
        names[i] = streams->items[i].name;
    }
    if (names) {
        nearest = rs_nearest_name(name, names);
    }
    if (nearest) {
        (void)rs_fail(error, RS_ECONFIG, "the configuration has no stream \"%s\"; did you mean \"%s\"?", name,
                      nearest);
    } else {
        (void)rs_fail(error, RS_ECONFIG, "the configuration has no stream \"%s\"; it has %s", name,
                      streams->named > 0 ? streams->items[0].name : "none");
    }
    free(names);
    return RS_ECONFIG;
}

static int load(struct rollstat *r, const char *path, const char *stream, struct rs_error *error)
{
    int rc = rs_config_load_file(path, &r->config, error);
    if (rc == RS_EIO) {
        return rs_fail(error, RS_ECONFIG, "%s", error->text); /* an argument is wrong, not the environment */
    }
    if (rc != 0) {
        return rc;
    }
    static const char *const used[] = {"group", "kafka", "schemas", "streams", "aggregates", NULL};
    rs_config_use_only(r->config, used);
    if (r->options.registry == ROLLSTAT_REGISTRY_NONE) {
        rs_config_pass_by(r->config, "schemas.registry");
    }
    const struct rs_config_node *root = rs_config_root(r->config);
    rc = root ? rs_streams_load(r->config, &r->streams, error) : RS_ECONFIG;
    if (root && (rs_config_get(root, "kafka") || !r->options.brokers)) {
        rs_kafka_config_check(r->config, rs_config_get(root, "kafka"));
    }
    if (rs_config_complaints(r->config) > 0) {
        return complaints(r->config, error);
    }
    if (rc != 0) {
        return rc;
    }
    r->stream = rs_streams_find(r->streams, stream);
    if (!r->stream) {
        return no_stream(r->streams, stream, error);
    }
    if (r->stream->listed || !r->stream->topic) {
        return rs_fail(
            error, RS_ECONFIG,
            "stream \"%s\" reads several topics: to publish, give it `topic: NAME`, the one to write to, in "
            "a configuration of the publisher's own",
            stream);
    }
    return 0;
}

/* The prefix of what is published. A registry is asked by its owner's leave. */
static int set_framing(struct rollstat *r, struct rs_error *error)
{
    static const _Atomic bool never = false; /* nobody has the publisher yet who could interrupt */
    char framing[RS_REGISTERED_FRAMING_MAX];
    const struct rs_registered asked = {
        .registry = &r->streams->schema_registry,
        .stream = r->stream,
        .enter = r->options.registry == ROLLSTAT_REGISTRY_REGISTER,
        .timeout_us = (r->options.timeout_ms > 0 ? r->options.timeout_ms : REGISTRY_TIMEOUT_MS) * 1000,
        .stop = &never,
        .on_wait = r->options.on_wait ? on_wait : NULL,
        .self = r,
    };
    if (r->options.registry == ROLLSTAT_REGISTRY_NONE) {
        return rs_framing_prefix_of(r->stream, r->options.framing, &r->prefix, error);
    }
    if (r->options.framing && strcmp(r->options.framing, "confluent") != 0) {
        return rs_fail(error, RS_EINVAL, "a registry finds the id for framing confluent, not for %s",
                       r->options.framing);
    }
    int rc = rs_registered_framing(&asked, framing, error);
    return rc == 0 ? rs_framing_prefix_of(r->stream, framing, &r->prefix, error) : rc;
}

static int set_up(struct rollstat *r, struct rs_error *error)
{
    const struct rs_schema *schema = rs_schema_root(r->stream->schema);
    const struct rs_publisher_options options = {
        .kafka = rs_config_get(rs_config_root(r->config), "kafka"),
        .topic = r->stream->topic,
        .brokers = r->options.brokers,
        .timeout_ms = r->options.timeout_ms,
        .on_failure = r->options.on_failure ? on_failure : NULL,
        .on_log = r->options.on_log ? on_log : NULL,
        .on_wait = r->options.on_wait ? on_wait : NULL,
        .self = r,
    };
    rs_mapping_init(&r->mapping, schema);
    int rc = set_framing(r, error);
    if (rc == 0 && r->options.key) {
        r->key_fields = strdup(r->options.key);
        rc = r->key_fields ? 0 : rs_fail(error, RS_ENOMEM, "out of memory");
    }
    if (rc == 0) {
        rc = rs_key_maker_new(r->stream, r->key_fields, &r->key, error);
    }
    if (rc == 0) {
        rc = rs_message_maker_new(r->stream, &r->prefix, &r->message, error);
    }
    if (rc == 0) {
        rc = rs_check_init(&r->check, r->stream, error);
    }
    return rc == 0 ? rs_publisher_new(&options, &r->publisher, error) : rc;
}

static void destroy(struct rollstat *r)
{
    rs_publisher_free(&r->publisher);
    rs_key_maker_free(&r->key);
    rs_message_maker_free(&r->message);
    rs_check_fini(&r->check);
    rs_mapping_fini(&r->mapping);
    rs_streams_free(&r->streams);
    rs_config_free(&r->config);
    rs_buf_fini(&r->value);
    if (r->known) {
        avro_schema_decref(r->known);
    }
    (void)pthread_mutex_destroy(&r->mutex);
    free(r->key_fields);
    free(r);
}

rollstat *rollstat_open(const char *config, const char *stream, const rollstat_options *options,
                        rollstat_error *error)
{
    struct rs_error inner;
    struct rollstat *r = calloc(1, sizeof *r);
    if (!r || pthread_mutex_init(&r->mutex, NULL) != 0) {
        free(r);
        (void)tell(error, ROLLSTAT_MEMORY, "out of memory");
        return NULL;
    }
    take_options(r, options);
    int rc = load(r, config, stream, &inner);
    if (rc == 0) {
        rc = set_up(r, &inner);
    }
    if (rc != 0) {
        (void)tell(error, public_code(rc), inner.text);
        destroy(r);
        return NULL;
    }
    return r;
}

int rollstat_connect(rollstat *publisher, int64_t timeout_ms, rollstat_error *error)
{
    struct rs_error inner;
    int rc = rs_publisher_connect(publisher->publisher, timeout_ms, &inner);
    return rc == RS_ETIMEOUT ? tell(error, ROLLSTAT_ENVIRONMENT, inner.text)
                             : tell_waiting(error, rc, &inner);
}

/* ---- events ---- */

static int make_event(struct rollstat *r, struct rollstat_event *e, struct rs_error *error)
{
    int rc = rs_row_plan_new(&r->mapping, RS_ROW_PLAN_FIELDS, NULL, 0, &e->plan, error);
    if (rc == 0) {
        rc = rs_key_maker_new(r->stream, r->key_fields, &e->key, error);
    }
    if (rc == 0) {
        rc = rs_message_maker_new(r->stream, &r->prefix, &e->message, error);
    }
    if (rc == 0) {
        e->count = rs_row_plan_column_count(e->plan);
        e->cells = calloc(e->count + 1, sizeof *e->cells);
        e->texts = calloc(e->count + 1, sizeof *e->texts);
        rc = e->cells && e->texts ? 0 : rs_fail(error, RS_ENOMEM, "out of memory");
    }
    return rc;
}

rollstat_event *rollstat_event_new(rollstat *publisher, rollstat_error *error)
{
    struct rs_error inner;
    if (!publisher) {
        return NULL; /* the error of rollstat_open stays */
    }
    struct rollstat_event *e = calloc(1, sizeof *e);
    if (!e) {
        (void)tell(error, ROLLSTAT_MEMORY, "out of memory");
        return NULL;
    }
    e->owner = publisher;
    int rc = make_event(publisher, e, &inner);
    if (rc != 0) {
        (void)tell(error, public_code(rc), inner.text);
        rollstat_event_free(&e);
    }
    return e;
}

void rollstat_event_free(rollstat_event **event)
{
    struct rollstat_event *e = *event;
    if (!e) {
        return;
    }
    for (size_t i = 0; e->texts && i < e->count; i++) {
        rs_buf_fini(&e->texts[i]);
    }
    rs_row_plan_free(&e->plan);
    rs_key_maker_free(&e->key);
    rs_message_maker_free(&e->message);
    rs_buf_fini(&e->value);
    free(e->texts);
    free(e->cells);
    free(e);
    *event = NULL;
}

void rollstat_event_clear(rollstat_event *event)
{
    for (size_t i = 0; i < event->count; i++) {
        event->cells[i].kind = RS_CELL_ABSENT;
    }
}

int rollstat_event_field(const rollstat_event *event, const char *path)
{
    for (size_t i = 0; i < event->count; i++) {
        if (strcmp(rs_row_plan_column(event->plan, i), path) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *rollstat_event_field_name(const rollstat_event *event, int field)
{
    return field >= 0 && (size_t)field < event->count ? rs_row_plan_column(event->plan, (size_t)field) : NULL;
}

static struct rs_cell *cell_at(rollstat_event *event, int field)
{
    return field >= 0 && (size_t)field < event->count ? &event->cells[field] : NULL;
}

static int set_cell(rollstat_event *event, int field, struct rs_cell value)
{
    struct rs_cell *cell = cell_at(event, field);
    if (!cell) {
        return ROLLSTAT_INVALID;
    }
    *cell = value;
    return ROLLSTAT_OK;
}

static int set_copy(rollstat_event *event, int field, enum rs_cell_kind kind, const void *data, size_t size)
{
    struct rs_cell *cell = cell_at(event, field);
    if (!cell) {
        return ROLLSTAT_INVALID;
    }
    struct rs_buf *text = &event->texts[field];
    rs_buf_reset(text);
    if (!rs_buf_reserve(text, size + 1)) {
        return ROLLSTAT_MEMORY;
    }
    rs_buf_put(text, data, size);
    *cell = (struct rs_cell){.kind = (uint8_t)kind};
    cell->text = rs_buf_slice(text);
    return ROLLSTAT_OK;
}

/* Not empty, it may be any type's text; empty it is the empty string, not null as in CSV. */
int rollstat_set_text(rollstat_event *event, int field, const char *text, size_t size)
{
    return set_copy(event, field, size > 0 ? RS_CELL_TEXT : RS_CELL_STRING, text, size);
}

int rollstat_set_string(rollstat_event *event, int field, const char *text)
{
    return rollstat_set_text(event, field, text, strlen(text));
}

int rollstat_set_int64(rollstat_event *event, int field, int64_t value)
{
    return set_cell(event, field, (struct rs_cell){.kind = RS_CELL_INT64, .i = value});
}

int rollstat_set_double(rollstat_event *event, int field, double value)
{
    return set_cell(event, field, (struct rs_cell){.kind = RS_CELL_DOUBLE, .d = value});
}

int rollstat_set_boolean(rollstat_event *event, int field, int value)
{
    return set_cell(event, field, (struct rs_cell){.kind = RS_CELL_BOOLEAN, .i = value != 0});
}

int rollstat_set_time(rollstat_event *event, int field, int64_t microseconds)
{
    return set_cell(event, field, (struct rs_cell){.kind = RS_CELL_TIME, .i = microseconds});
}

int rollstat_set_bytes(rollstat_event *event, int field, const void *data, size_t size)
{
    return set_copy(event, field, RS_CELL_BYTES, data, size);
}

int rollstat_set_null(rollstat_event *event, int field)
{
    return set_cell(event, field, (struct rs_cell){.kind = RS_CELL_NULL});
}

/* ---- publishing ---- */

/* `value` holds the framed event. */
static int check_and_put(struct rollstat *r, struct rs_key_maker *maker, struct rs_message_maker *messages,
                         const struct rs_buf *value, void *tag, struct rs_error *error)
{
    struct rs_slice key = {0};
    struct rs_slice message = {0};
    struct rs_slice datum = rs_slice_of(value->data + r->prefix.size, value->size - r->prefix.size);
    int rc = rs_key_make(maker, datum, &key, error);
    if (rc == 0) {
        rc = rs_check_event(&r->check, datum, error);
    }
    if (rc == 0) {
        rc = rs_message_make(messages, rs_buf_slice(value), &message, error);
    }
    return rc == 0 ? rs_publisher_put(r->publisher, key, message, tag, error) : rc;
}

int rollstat_publish(rollstat *publisher, rollstat_event *event, void *tag, rollstat_error *error)
{
    struct rs_error inner;
    uint32_t at = 0;
    if (event->owner != publisher) {
        return tell(error, ROLLSTAT_INVALID, "the event was made for another publisher");
    }
    rs_buf_reset(&event->value);
    rs_put_raw(&event->value, rs_slice_of(publisher->prefix.bytes, publisher->prefix.size));
    int rc = rs_row_plan_encode(event->plan, event->cells, &event->value, &at, &inner);
    if (rc == 0) {
        rc = check_and_put(publisher, event->key, event->message, &event->value, tag, &inner);
    }
    return tell_waiting(error, rc, &inner);
}

/* libavro tells a schema only by writing it out, without logical types; equal fingerprints are then enough,
 * and the decoder checks the bytes. */
static int check_schema(struct rollstat *r, avro_schema_t schema, struct rs_error *error)
{
    struct rs_schema_document *document = NULL;
    struct rs_buf *json = &r->value; /* free until the value is written */
    if (schema == r->known) {
        return 0;
    }
    rs_buf_reset(json);
    bool room = rs_buf_reserve(json, RS_SCHEMA_BYTES_MAX);
    avro_writer_t writer = room ? avro_writer_memory((const char *)json->data, RS_SCHEMA_BYTES_MAX) : NULL;
    if (!writer) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    bool written = avro_schema_to_json(schema, writer) == 0;
    size_t size = (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
    if (!written) {
        return rs_fail(error, RS_ERECORD, "the value's schema cannot be compared with the stream's: %s",
                       avro_strerror());
    }
    int rc = rs_schema_parse("the value's schema", (const char *)json->data, size, &document, error);
    if (rc != 0) {
        return rs_fail(error, RS_ERECORD, "the value's schema is not the stream's");
    }
    bool same =
        rs_schema_crc64(rs_schema_root(document)) == rs_schema_crc64(rs_schema_root(r->stream->schema));
    rs_schema_free(&document);
    if (!same) {
        return rs_fail(error, RS_ERECORD, "the value's schema is not the stream's");
    }
    if (r->known) {
        avro_schema_decref(r->known);
    }
    r->known = avro_schema_incref(schema);
    return 0;
}

static int write_value(struct rollstat *r, avro_value_t *value, struct rs_error *error)
{
    size_t size = 0;
    if (avro_value_sizeof(value, &size) != 0) {
        return rs_fail(error, RS_ERECORD, "libavro cannot encode the value: %s", avro_strerror());
    }
    rs_buf_reset(&r->value);
    rs_put_raw(&r->value, rs_slice_of(r->prefix.bytes, r->prefix.size));
    if (!rs_buf_reserve(&r->value, size)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    avro_writer_t writer = avro_writer_memory((const char *)r->value.data + r->value.size, (int64_t)size);
    if (!writer) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    int rc = avro_value_write(writer, value);
    r->value.size += (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
    return rc == 0 ? 0 : rs_fail(error, RS_ERECORD, "libavro cannot encode the value: %s", avro_strerror());
}

int rollstat_publish_avro(rollstat *publisher, struct avro_value *value, void *tag, rollstat_error *error)
{
    struct rs_error inner;
    (void)pthread_mutex_lock(&publisher->mutex);
    int rc = check_schema(publisher, avro_value_get_schema(value), &inner);
    if (rc == 0) {
        rc = write_value(publisher, value, &inner);
    }
    if (rc == 0) {
        rc = check_and_put(publisher, publisher->key, publisher->message, &publisher->value, tag, &inner);
    }
    (void)pthread_mutex_unlock(&publisher->mutex);
    return tell_waiting(error, rc, &inner);
}

int rollstat_publish_bytes(rollstat *publisher, const void *key, size_t key_size, const void *value,
                           size_t value_size, void *tag, rollstat_error *error)
{
    struct rs_error inner;
    if ((int64_t)value_size > publisher->stream->max_record_bytes) {
        return tell(error, ROLLSTAT_REJECTED, "the event is larger than max_record_bytes of the stream");
    }
    int rc = rs_publisher_put(publisher->publisher, rs_slice_of(key, key_size),
                              rs_slice_of(value, value_size), tag, &inner);
    return tell_waiting(error, rc, &inner);
}

int rollstat_flush(rollstat *publisher, int64_t timeout_ms, rollstat_error *error)
{
    struct rs_error inner;
    int rc = rs_publisher_flush(publisher->publisher, timeout_ms, &inner);
    return tell_waiting(error, rc, &inner);
}

void rollstat_get_statistics(rollstat *publisher, rollstat_statistics *out)
{
    struct rs_publisher_statistics now;
    rs_publisher_statistics(publisher->publisher, &now);
    const rollstat_statistics all = {
        .size = out->size,
        .published = now.published,
        .delivered = now.delivered,
        .failed = now.failed,
        .queued = now.queued,
        .bytes = now.bytes,
    };
    memcpy(out, &all, out->size < sizeof all ? out->size : sizeof all);
}

void rollstat_interrupt(rollstat *publisher, int on)
{
    rs_publisher_interrupt(publisher->publisher, on != 0);
}

int rollstat_close(rollstat **publisher, int64_t timeout_ms, rollstat_error *error)
{
    struct rollstat *r = *publisher;
    struct rs_publisher_statistics now;
    char text[64];
    if (!r) {
        return ROLLSTAT_OK;
    }
    int rc = rollstat_flush(r, timeout_ms, error);
    rs_publisher_statistics(r->publisher, &now);
    if (rc == ROLLSTAT_OK && now.failed > 0) {
        (void)snprintf(text, sizeof text, "%llu events could not be delivered",
                       (unsigned long long)now.failed);
        rc = tell(error, ROLLSTAT_ENVIRONMENT, text);
    }
    destroy(r);
    *publisher = NULL;
    return rc;
}
