/* librollstat: publishes events of one rollstat stream to Kafka.
 *
 * A publisher is opened from the daemon's own configuration: topic, schema, key and framing of the stream,
 * and the `kafka` section, come from there. Events are checked against the schema before anything is sent. To a
 * stream with `format: json` they go as JSON that says the same.
 * Publishing is idempotent with acks=all: an event that is taken is written once, in order per key, or
 * reported as failed.
 *
 *   #include <rollstat.h>
 *   #include <stdio.h>
 *
 *   int publish_one(const char *config)
 *   {
 *       rollstat_error error = {0};
 *       rollstat *trades = rollstat_open(config, "trades", NULL, &error);
 *       rollstat_event *event = rollstat_event_new(trades, &error);
 *       int rc = ROLLSTAT_INVALID;
 *       if (trades != NULL && event != NULL) {
 *           int price = rollstat_event_field(event, "price"); // prepare what is set often
 *           (void)rollstat_set_string(event, rollstat_event_field(event, "trade_id"), "T-1");
 *           (void)rollstat_set_string(event, rollstat_event_field(event, "exchange"), "SHDE");
 *           (void)rollstat_set_string(event, rollstat_event_field(event, "product"), "port-traffic");
 *           (void)rollstat_set_string(event, rollstat_event_field(event, "currency"), "CNY");
 *           (void)rollstat_set_string(event, price, "12.50"); // a decimal is its digits
 *           (void)rollstat_set_int64(event, rollstat_event_field(event, "quantity"), 3);
 *           (void)rollstat_set_time(event, rollstat_event_field(event, "executed_at"), 1767225600000000);
 *           rc = rollstat_publish(trades, event, NULL, &error);
 *       }
 *       rollstat_event_free(&event);
 *       if (trades != NULL && rollstat_close(&trades, 10000, rc == 0 ? &error : NULL) != 0 && rc == 0) {
 *           rc = error.code;
 *       }
 *       if (rc != 0) {
 *           fprintf(stderr, "%s\n", error.text);
 *       }
 *       return rc;
 *   }
 *
 * Threads: a publisher may be used by any number of threads; an event by one at a time. The callbacks run on
 *          a thread of the publisher's own, never inside a call, and must not call rollstat_close.
 * Memory:  strings and bytes that are handed over are copied.
 * Waiting: rollstat_publish returns at once while the queue to the broker has room (100,000 events, 64 MiB,
 *          unless the `kafka` section says otherwise); else it waits for room, up to the timeout. Only
 *          connect, flush and close wait too.
 * ABI:     structures begin with their size or are opaque; functions and codes are only added within a
 *          soname. */
#ifndef ROLLSTAT_H
#define ROLLSTAT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ROLLSTAT_API __attribute__((visibility("default")))
#else
#define ROLLSTAT_API
#endif

enum rollstat_code {
    ROLLSTAT_OK = 0,
    ROLLSTAT_INVALID = -1,     /* the configuration or an argument is wrong; the text says how to mend it */
    ROLLSTAT_ENVIRONMENT = -2, /* the broker refuses or is away */
    ROLLSTAT_REJECTED = -3,    /* the event does not suit the schema; the next one may */
    ROLLSTAT_TIMEOUT = -4,
    ROLLSTAT_INTERRUPTED = -5, /* by rollstat_interrupt */
    ROLLSTAT_FATAL = -6,       /* nothing more can be published through this publisher; close it */
    ROLLSTAT_MEMORY = -7
};

typedef struct rollstat rollstat;
typedef struct rollstat_event rollstat_event;
struct avro_value; /* avro_value_t of libavro */

/* Why a call failed. Calls fill it only when they fail; NULL is taken everywhere. */
typedef struct rollstat_error {
    int code; /* enum rollstat_code */
    char text[1020];
} rollstat_error;

/* An event that was taken but could not be delivered. Pointers live until the callback returns. */
typedef struct rollstat_failure {
    size_t size; /* of this structure */
    const void *key;
    size_t key_size;
    const void *value; /* the message: framed Avro, or JSON */
    size_t value_size;
    void *tag; /* as given to rollstat_publish */
    const char *text;
} rollstat_failure;

enum rollstat_registry {
    ROLLSTAT_REGISTRY_NONE = 0, /* `framing` gives the id */
    ROLLSTAT_REGISTRY_LOOK_UP = 1,
    ROLLSTAT_REGISTRY_REGISTER = 2 /* the schema, where the registry does not have it */
};

typedef struct rollstat_options {
    size_t size;         /* sizeof(rollstat_options) */
    const char *brokers; /* instead of kafka: {bootstrap.servers}; NULL: as configured */
    const char *key;     /* "field,field"; NULL: the stream's */
    const char *framing; /* bare, confluent:ID, single-object; NULL: the stream's, else bare */
    int64_t timeout_ms;  /* of one event, up to its acknowledgement; 0: as configured, else 30,000 */
    void (*on_failure)(void *self, const rollstat_failure *failure);
    void (*on_log)(void *self, int level, const char *text); /* of librdkafka; level as in syslog */
    void *self;
    /* No broker has answered for a second or two: for whom is waited and why, now and then; and that one
     * answers again. */
    void (*on_wait)(void *self, const char *text);
    /* Who says which id the schema has, for the framing confluent. Not 0: schemas: {registry} of the
     * configuration, under the subject TOPIC-value; rollstat_open then waits for it, up to timeout_ms. */
    int registry; /* enum rollstat_registry */
} rollstat_options;

typedef struct rollstat_statistics {
    size_t size;        /* sizeof(rollstat_statistics), set by the caller */
    uint64_t published; /* events taken */
    uint64_t delivered; /* acknowledged by all in-sync replicas */
    uint64_t failed;
    uint64_t queued; /* taken, neither delivered nor failed yet */
    uint64_t bytes;  /* of keys and values taken */
} rollstat_statistics;

ROLLSTAT_API const char *rollstat_version(void);

/* Opens a publisher for one stream of a configuration file. Does not wait for a broker, but for a schema registry
 * that is to be asked. NULL: error says why;
 * what is wrong with the configuration is named with line and column. `options` may be NULL. */
ROLLSTAT_API rollstat *rollstat_open(const char *config, const char *stream, const rollstat_options *options,
                                     rollstat_error *error);

/* Waits until a broker has answered for the topic. */
ROLLSTAT_API int rollstat_connect(rollstat *publisher, int64_t timeout_ms, rollstat_error *error);

/* ---- events ---- */

/* NULL when out of memory, or when `publisher` is NULL. Free it before the publisher is closed. */
ROLLSTAT_API rollstat_event *rollstat_event_new(rollstat *publisher, rollstat_error *error);
ROLLSTAT_API void rollstat_event_free(rollstat_event **event);
/* All fields are unset again: the schema's default, else null; a field that has neither must be set.
 * Publishing leaves fields set. */
ROLLSTAT_API void rollstat_event_clear(rollstat_event *event);

/* Number of a field ("price", "venue.country"), for the setters; the same for all events of a publisher. -1:
 * no such field. Arrays, maps and unions of several types are one field each, set by their JSON text. */
ROLLSTAT_API int rollstat_event_field(const rollstat_event *event, const char *path);
/* Name of a field; NULL behind the last. */
ROLLSTAT_API const char *rollstat_event_field_name(const rollstat_event *event, int field);

/* Setters return ROLLSTAT_OK, ROLLSTAT_INVALID (no such field) or ROLLSTAT_MEMORY. Whether the value suits
 * the field's type is told when the event is published.
 *   - string, text: any type, read as rollstat-publish reads a cell: decimals from their digits, enums by
 *     symbol, times as ISO 8601
 *   - int64: int, long, decimal, float, double (up to 2^53), boolean (0, 1)
 *   - double: float, double; never a decimal, whose digits it would change
 *   - time: timestamps and dates, in microseconds since 1970-01-01T00:00:00Z; a string gets it in ISO 8601.
 *     What the type cannot hold (microseconds in timestamp-millis, a time of day in a date) is refused
 *   - bytes: bytes, fixed, and a string where they are UTF-8 */
ROLLSTAT_API int rollstat_set_string(rollstat_event *event, int field, const char *text);
ROLLSTAT_API int rollstat_set_text(rollstat_event *event, int field, const char *text, size_t size);
ROLLSTAT_API int rollstat_set_int64(rollstat_event *event, int field, int64_t value);
ROLLSTAT_API int rollstat_set_double(rollstat_event *event, int field, double value);
ROLLSTAT_API int rollstat_set_boolean(rollstat_event *event, int field, int value);
ROLLSTAT_API int rollstat_set_time(rollstat_event *event, int field, int64_t microseconds);
ROLLSTAT_API int rollstat_set_bytes(rollstat_event *event, int field, const void *data, size_t size);
ROLLSTAT_API int rollstat_set_null(rollstat_event *event, int field);

/* ---- publishing; `tag` comes back in rollstat_failure ---- */

/* Encodes, checks and queues the event. The event may be changed or freed afterwards. */
ROLLSTAT_API int rollstat_publish(rollstat *publisher, rollstat_event *event, void *tag,
                                  rollstat_error *error);

/* The same for a value made with libavro against the stream's schema; ROLLSTAT_REJECTED where its schema is
 * another. */
ROLLSTAT_API int rollstat_publish_avro(rollstat *publisher, struct avro_value *value, void *tag,
                                       rollstat_error *error);

/* Queues what is encoded and framed already. Only its size is checked. `key` NULL: none. */
ROLLSTAT_API int rollstat_publish_bytes(rollstat *publisher, const void *key, size_t key_size,
                                        const void *value, size_t value_size, void *tag,
                                        rollstat_error *error);

/* Waits until every event taken so far is delivered or has failed. ROLLSTAT_TIMEOUT: some still wait. */
ROLLSTAT_API int rollstat_flush(rollstat *publisher, int64_t timeout_ms, rollstat_error *error);

ROLLSTAT_API void rollstat_get_statistics(rollstat *publisher, rollstat_statistics *out);

/* on != 0: calls that wait, in any thread, return ROLLSTAT_INTERRUPTED, now and until on == 0.
 * Async-signal-safe. */
ROLLSTAT_API void rollstat_interrupt(rollstat *publisher, int on);

/* Flushes, then frees and sets *publisher to NULL, whatever the flush came to. ROLLSTAT_TIMEOUT: what was
 * still queued is given up. ROLLSTAT_ENVIRONMENT: events had failed. NULL is ignored. */
ROLLSTAT_API int rollstat_close(rollstat **publisher, int64_t timeout_ms, rollstat_error *error);

#ifdef __cplusplus
}
#endif

#endif
