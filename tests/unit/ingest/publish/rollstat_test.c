/* librollstat as its users see it: the shared library and its header, against librdkafka's mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <avro.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ingest/publish/rollstat.h"
#include "tests/lib/mock_kafka.h"

#define PRODUCE     0     /* ApiKey */
#define PATIENCE_MS 60000 /* for what has to happen: a verdict must not depend on how busy the machine is */
#define SPREAD      4     /* partitions of the topic "spread" */

/* The example in the header, cut out of it by tests.cmake. */
int publish_one(const char *config);

static const char tick_schema[] =
    "{\"type\":\"record\",\"name\":\"Tick\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"string\"},"
    "{\"name\":\"side\",\"type\":{\"type\":\"enum\",\"name\":\"Side\",\"symbols\":[\"BUY\",\"SELL\"]},"
    "\"default\":\"SELL\"},"
    "{\"name\":\"price\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":"
    "2}},"
    "{\"name\":\"weight\",\"type\":[\"null\",\"double\"],\"default\":null},"
    "{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
    "{\"name\":\"raw\",\"type\":[\"null\",\"bytes\"],\"default\":null},"
    "{\"name\":\"ok\",\"type\":\"boolean\",\"default\":true},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"default\":[]},"
    "{\"name\":\"venue\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":"
    "\"city\",\"type\":\"string\"}]}],\"default\":null}"
    "]}";

static char directory[] = "/tmp/rollstat-lib-XXXXXX";
static char config_path[64];
static char schema_path[64];
static struct rs_mock_kafka mock;

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* `kafka` is further lines of the section. */
static const char *write_config(const char *brokers, const char *kafka)
{
    char text[4096];
    char cwd[1024];
    assert_non_null(getcwd(cwd, sizeof cwd));
    (void)snprintf(text, sizeof text,
                   "group: g\n"
                   "kafka:\n  bootstrap.servers: %s\n%s"
                   "schemas:\n  directory: %s/schemas\n"
                   "streams:\n"
                   "  ticks:\n    topic: ticks\n    schema: %s\n    time: at\n    key: [id]\n"
                   "  spread:\n    topic: spread\n    schema: %s\n    time: at\n    key: [id]\n"
                   "  trades:\n    topic: trades\n    schema: trade.avsc\n    time: executed_at\n    key: "
                   "[exchange, product]\n",
                   brokers, kafka, cwd, schema_path, schema_path);
    write_text(config_path, text);
    return config_path;
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) {
        return -1;
    }
    (void)snprintf(config_path, sizeof config_path, "%s/c.yaml", directory);
    (void)snprintf(schema_path, sizeof schema_path, "%s/tick.avsc", directory);
    write_text(schema_path, tick_schema);
    rs_mock_kafka_open(&mock, 1);
    rs_mock_kafka_topic(&mock, "ticks", 1);
    rs_mock_kafka_topic(&mock, "trades", 1);
    rs_mock_kafka_topic(&mock, "spread", SPREAD);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rs_mock_kafka_close(&mock);
    (void)unlink(config_path);
    (void)unlink(schema_path);
    return rmdir(directory);
}

static double now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* What a publisher's callback has seen. Filled on its thread, read behind a flush. */
struct seen {
    atomic_int count;
    pthread_t thread;
    void *tag;
    char key[64];
    char text[128];
};

static void on_failure(void *self, const rollstat_failure *failure)
{
    struct seen *seen = self;
    seen->thread = pthread_self();
    seen->tag = failure->tag;
    (void)snprintf(seen->key, sizeof seen->key, "%.*s", (int)failure->key_size, (const char *)failure->key);
    (void)snprintf(seen->text, sizeof seen->text, "%s", failure->text);
    atomic_fetch_add(&seen->count, 1);
}

static rollstat *open_ticks(const char *kafka, int64_t timeout_ms, struct seen *seen)
{
    rollstat_error error = {0};
    const rollstat_options options = {.size = sizeof options,
                                      .timeout_ms = timeout_ms,
                                      .on_failure = seen ? on_failure : NULL,
                                      .self = seen};
    rollstat *r = rollstat_open(write_config(rs_mock_kafka_brokers(&mock), kafka), "ticks", &options, &error);
    if (!r) {
        fail_msg("%s", error.text);
    }
    return r;
}

static rollstat_event *make_tick(rollstat *r, const char *id)
{
    rollstat_error error = {0};
    rollstat_event *e = rollstat_event_new(r, &error);
    assert_non_null(e);
    assert_int_equal(rollstat_set_string(e, rollstat_event_field(e, "id"), id), ROLLSTAT_OK);
    assert_int_equal(rollstat_set_string(e, rollstat_event_field(e, "price"), "1.50"), ROLLSTAT_OK);
    assert_int_equal(rollstat_set_time(e, rollstat_event_field(e, "at"), 1), ROLLSTAT_OK);
    return e;
}

/* The newest message of partition 0, as "KEY hex". */
static void expect_newest(const char *topic, const char *wanted)
{
    char text[512] = "";
    rd_kafka_t *rk = rs_mock_kafka_reader(&mock, topic, 1, RD_KAFKA_OFFSET_TAIL(1));
    rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, PATIENCE_MS);
    assert_non_null(m);
    assert_int_equal(m->err, RD_KAFKA_RESP_ERR_NO_ERROR);
    int n = snprintf(text, sizeof text, "%.*s ", (int)m->key_len, (const char *)m->key);
    for (size_t i = 0; i < m->len; i++) {
        n += snprintf(text + n, sizeof text - (size_t)n, "%02x", ((const uint8_t *)m->payload)[i]);
    }
    rd_kafka_message_destroy(m);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    assert_string_equal(text, wanted);
}

static void expect_open_fails(const char *config, const char *stream, int code, const char *text)
{
    rollstat_error error = {0};
    assert_null(rollstat_open(config, stream, NULL, &error));
    assert_int_equal(error.code, code);
    if (!strstr(error.text, text)) {
        fail_msg("\"%s\" is not in \"%s\"", text, error.text);
    }
}

static void test_open_errors(void **state)
{
    (void)state;
    assert_string_equal(rollstat_version(), "0.1.0");
    expect_open_fails("/nonexistent.yaml", "ticks", ROLLSTAT_INVALID, "/nonexistent.yaml");
    expect_open_fails(write_config("x:1", ""), "tick", ROLLSTAT_INVALID,
                      "the configuration has no stream \"tick\"; did you mean \"ticks\"?");
    expect_open_fails(write_config("x:1", "  linger.msec: 5\n"), "ticks", ROLLSTAT_INVALID,
                      ":4:3: librdkafka knows no property \"linger.msec\"");
    expect_open_fails(write_config("x:1", "  acks: 1\n"), "ticks", ROLLSTAT_INVALID,
                      ":4:3: kafka: \"acks\" is set by rollstat");
    expect_open_fails(write_config("x:1", "  enable.idempotence: false\n"), "ticks", ROLLSTAT_INVALID,
                      "\"enable.idempotence\" is set by rollstat");
    write_text(config_path, "streams: [\n");
    expect_open_fails(config_path, "ticks", ROLLSTAT_INVALID, "c.yaml:");
    assert_null(rollstat_open("/nonexistent.yaml", "ticks", NULL, NULL));
}

static void test_setters(void **state)
{
    rollstat_error error = {0};
    rollstat *r = open_ticks("", PATIENCE_MS, NULL);
    rollstat_event *e = rollstat_event_new(r, &error);
    (void)state;
    assert_int_equal(rollstat_connect(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    assert_int_equal(rollstat_event_field(e, "pricee"), -1);
    assert_int_equal(rollstat_set_int64(e, -1, 1), ROLLSTAT_INVALID);
    assert_int_equal(rollstat_set_null(e, 1000), ROLLSTAT_INVALID);
    assert_string_equal(rollstat_event_field_name(e, rollstat_event_field(e, "venue.city")), "venue.city");
    assert_null(rollstat_event_field_name(e, 1000));

    assert_int_equal(rollstat_publish(r, e, NULL, &error), ROLLSTAT_REJECTED);
    assert_string_equal(error.text, "id: is missing");
    assert_int_equal(rollstat_set_string(e, rollstat_event_field(e, "id"), "a:1"), ROLLSTAT_OK);
    assert_int_equal(rollstat_set_double(e, rollstat_event_field(e, "price"), 0.5), ROLLSTAT_OK);
    assert_int_equal(rollstat_publish(r, e, NULL, &error), ROLLSTAT_REJECTED);
    assert_string_equal(error.text, "price: a decimal is taken from its digits, not from a double");
    assert_int_equal(rollstat_set_int64(e, rollstat_event_field(e, "price"), -2), ROLLSTAT_OK);
    assert_int_equal(rollstat_set_time(e, rollstat_event_field(e, "at"), -1), ROLLSTAT_OK);
    assert_int_equal(rollstat_set_double(e, rollstat_event_field(e, "weight"), 0.5), ROLLSTAT_OK);
    assert_int_equal(rollstat_set_bytes(e, rollstat_event_field(e, "raw"), "\0\xFF", 2), ROLLSTAT_OK);
    assert_int_equal(rollstat_set_boolean(e, rollstat_event_field(e, "ok"), 0), ROLLSTAT_OK);
    assert_int_equal(rollstat_set_string(e, rollstat_event_field(e, "tags"), "[\"x\"]"), ROLLSTAT_OK);
    assert_int_equal(rollstat_set_text(e, rollstat_event_field(e, "venue.city"), "Bei", 3), ROLLSTAT_OK);
    assert_int_equal(rollstat_set_string(e, rollstat_event_field(e, "side"), "BUY"), ROLLSTAT_OK);
    assert_int_equal(rollstat_publish(r, e, NULL, &error), ROLLSTAT_OK);
    assert_int_equal(rollstat_flush(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    expect_newest(
        "ticks",
        "a%3A1 06613a31" /* id */ "00" /* side */ "04ff38" /* price */ "02000000000000e03f" /* weight */
        "01" /* at */ "020400ff" /* raw */ "00" /* ok */ "02027800" /* tags */ "0206426569" /* venue */);
    rollstat_event_clear(e);
    assert_int_equal(rollstat_publish(r, e, NULL, &error), ROLLSTAT_REJECTED);
    rollstat_event_free(&e);
    assert_null(e);
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_OK);
    assert_null(r);
}

static void test_defaults_and_statistics(void **state)
{
    rollstat_error error = {0};
    rollstat_statistics s = {.size = sizeof s};
    rollstat *r = open_ticks("", PATIENCE_MS, NULL);
    rollstat_event *e = make_tick(r, "d");
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(rollstat_publish(r, e, NULL, &error), ROLLSTAT_OK);
    }
    rollstat_event_free(&e);
    assert_int_equal(rollstat_flush(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    rollstat_get_statistics(r, &s);
    assert_int_equal(s.published, 1000);
    assert_int_equal(s.delivered, 1000);
    assert_int_equal(s.failed, 0);
    assert_int_equal(s.queued, 0);
    assert_int_equal(s.bytes, 1000 * (1 + 12));
    struct {
        rollstat_statistics s;
        char beyond;
    } old = {.s = {.size = offsetof(rollstat_statistics, failed)}, .beyond = 7};
    old.s.failed = 99;
    rollstat_get_statistics(r, &old.s);
    assert_int_equal(old.s.delivered, 1000);
    assert_int_equal(old.s.failed, 99);
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_OK);
    expect_newest("ticks", "d 0264"
                           "02"
                           "040096"
                           "00"
                           "02"
                           "00"
                           "01"
                           "00"
                           "00");
}

static void test_example_of_the_header(void **state)
{
    (void)state;
    assert_int_equal(publish_one(write_config(rs_mock_kafka_brokers(&mock), "")), 0);
    expect_newest("trades", "SHDE:port-traffic 06542d31"
                            "0853484445"
                            "18706f72742d74726166666963"
                            "00"
                            "04"
                            "00"
                            "084a817c80"
                            "062dc6c0"
                            "06434e59"
                            "00"
                            "00"
                            "808082e288d2a306"
                            "00");
}

static void test_wrong_owner(void **state)
{
    rollstat_error error = {0};
    rollstat *a = open_ticks("", PATIENCE_MS, NULL);
    rollstat *b = open_ticks("", PATIENCE_MS, NULL);
    rollstat_event *e = make_tick(a, "x");
    (void)state;
    assert_int_equal(rollstat_publish(b, e, NULL, &error), ROLLSTAT_INVALID);
    assert_string_equal(error.text, "the event was made for another publisher");
    rollstat_event_free(&e);
    assert_int_equal(rollstat_close(&a, PATIENCE_MS, NULL), ROLLSTAT_OK);
    assert_int_equal(rollstat_close(&b, PATIENCE_MS, NULL), ROLLSTAT_OK);
    assert_int_equal(rollstat_close(&b, PATIENCE_MS, NULL), ROLLSTAT_OK);
}

static void set_avro(avro_value_t *value, const char *id, int side)
{
    avro_value_t field;
    avro_value_t branch;
    assert_int_equal(avro_value_get_by_name(value, "id", &field, NULL), 0);
    assert_int_equal(avro_value_set_string(&field, id), 0);
    assert_int_equal(avro_value_get_by_name(value, "side", &field, NULL), 0);
    assert_int_equal(avro_value_set_enum(&field, side), 0);
    assert_int_equal(avro_value_get_by_name(value, "price", &field, NULL), 0);
    assert_int_equal(avro_value_set_bytes(&field, "\x07", 1), 0);
    assert_int_equal(avro_value_get_by_name(value, "at", &field, NULL), 0);
    assert_int_equal(avro_value_set_long(&field, 1), 0);
    assert_int_equal(avro_value_get_by_name(value, "weight", &field, NULL), 0);
    assert_int_equal(avro_value_set_branch(&field, 0, &branch), 0);
    assert_int_equal(avro_value_get_by_name(value, "raw", &field, NULL), 0);
    assert_int_equal(avro_value_set_branch(&field, 0, &branch), 0);
    assert_int_equal(avro_value_get_by_name(value, "venue", &field, NULL), 0);
    assert_int_equal(avro_value_set_branch(&field, 0, &branch), 0);
    assert_int_equal(avro_value_get_by_name(value, "ok", &field, NULL), 0);
    assert_int_equal(avro_value_set_boolean(&field, 1), 0);
}

static void test_avro_values(void **state)
{
    rollstat_error error = {0};
    avro_schema_t schema;
    avro_value_t value;
    rollstat *r = open_ticks("", PATIENCE_MS, NULL);
    (void)state;
    assert_int_equal(avro_schema_from_json_length(tick_schema, strlen(tick_schema), &schema), 0);
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    assert_int_equal(avro_generic_value_new(class, &value), 0);
    set_avro(&value, "av", 0);
    assert_int_equal(rollstat_publish_avro(r, &value, NULL, &error), ROLLSTAT_OK);
    assert_int_equal(rollstat_flush(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    expect_newest("ticks", "av 046176"
                           "00"
                           "0207"
                           "00"
                           "02"
                           "00"
                           "01"
                           "00"
                           "00");
    set_avro(&value, "\xFF", 0);
    assert_int_equal(rollstat_publish_avro(r, &value, NULL, &error), ROLLSTAT_REJECTED);
    assert_string_equal(error.text,
                        "the daemon would refuse this event as utf8: a string is not valid UTF-8");
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);

    schema = avro_schema_long();
    class = avro_generic_class_from_schema(schema);
    assert_int_equal(avro_generic_value_new(class, &value), 0);
    assert_int_equal(avro_value_set_long(&value, 1), 0);
    assert_int_equal(rollstat_publish_avro(r, &value, NULL, &error), ROLLSTAT_REJECTED);
    assert_string_equal(error.text, "the value's schema is not the stream's");
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_OK);
}

static void test_delivery_error(void **state)
{
    struct seen seen = {0};
    rollstat_error error = {0};
    rollstat_statistics s = {.size = sizeof s};
    rollstat *r = open_ticks("", PATIENCE_MS, &seen);
    rollstat_event *e = make_tick(r, "refused");
    (void)state;
    rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(rollstat_publish(r, e, &seen, &error), ROLLSTAT_OK);
    assert_int_equal(rollstat_flush(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    assert_int_equal(atomic_load(&seen.count), 1);
    assert_false(pthread_equal(seen.thread, pthread_self()));
    assert_ptr_equal(seen.tag, &seen);
    assert_string_equal(seen.key, "refused");
    assert_string_equal(seen.text, "Broker: Topic authorization failed");
    rollstat_get_statistics(r, &s);
    assert_int_equal(s.published, 1);
    assert_int_equal(s.failed, 1);
    assert_int_equal(s.delivered, 0);
    rollstat_event_free(&e);
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_ENVIRONMENT);
    assert_string_equal(error.text, "1 events could not be delivered");
}

static void test_retried(void **state)
{
    struct seen seen = {0};
    rollstat_error error = {0};
    rollstat *r = open_ticks("  retry.backoff.ms: 10\n", PATIENCE_MS, &seen);
    rollstat_event *e = make_tick(r, "again");
    (void)state;
    rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 2, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    assert_int_equal(rollstat_publish(r, e, NULL, &error), ROLLSTAT_OK);
    rollstat_event_free(&e);
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_OK);
    assert_int_equal(atomic_load(&seen.count), 0);
    expect_newest("ticks", "again 0a616761696e"
                           "02"
                           "040096"
                           "00"
                           "02"
                           "00"
                           "01"
                           "00"
                           "00");
}

static void test_broker_down(void **state)
{
    struct seen seen = {0};
    rollstat_error error = {0};
    rollstat_statistics s = {.size = sizeof s};
    rollstat *r = open_ticks("", 3000, &seen);
    rollstat_event *e = make_tick(r, "down");
    (void)state;
    assert_int_equal(rollstat_connect(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    assert_int_equal(rd_kafka_mock_broker_set_down(mock.cluster, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rollstat_publish(r, e, NULL, &error), ROLLSTAT_OK);
    assert_int_equal(rollstat_flush(r, 100, &error), ROLLSTAT_TIMEOUT);
    assert_string_equal(error.text, "1 events are still not acknowledged after 100 ms");
    rollstat_get_statistics(r, &s);
    assert_int_equal(s.queued, 1);
    assert_int_equal(rollstat_flush(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    assert_int_equal(atomic_load(&seen.count), 1);
    assert_string_equal(seen.text, "Local: Message timed out");
    rollstat_event_free(&e);
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_ENVIRONMENT);
    assert_int_equal(rd_kafka_mock_broker_set_up(mock.cluster, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
}

#define QUEUE 5

/* The call that finds no room waits for it, most likely by now; where it does not wait yet it is told at
 * once. */
static void *interrupt_when_full(void *arg)
{
    rollstat_statistics s = {.size = sizeof s};
    do {
        (void)poll(NULL, 0, 1);
        rollstat_get_statistics(arg, &s);
    } while (s.queued < QUEUE);
    rollstat_interrupt(arg, 1);
    return NULL;
}

static void test_queue_full(void **state)
{
    rollstat_error error = {0};
    pthread_t thread;
    rollstat *r = open_ticks("  queue.buffering.max.messages: 5\n", PATIENCE_MS, NULL);
    rollstat_event *e = make_tick(r, "full");
    (void)state;
    assert_int_equal(rollstat_connect(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    assert_int_equal(rd_kafka_mock_broker_set_down(mock.cluster, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    double start = now();
    int rc = ROLLSTAT_OK;
    int taken = -1;
    assert_int_equal(pthread_create(&thread, NULL, interrupt_when_full, r), 0);
    for (; taken < 1000 && rc == ROLLSTAT_OK; taken++) {
        rc = rollstat_publish(r, e, NULL, &error);
    }
    assert_int_equal(rc, ROLLSTAT_INTERRUPTED);
    assert_in_range(taken, QUEUE, 300);             /* the queue, and what waits before it */
    assert_true(now() - start < PATIENCE_MS / 1e3); /* interrupted, not timed out */
    assert_int_equal(pthread_join(thread, NULL), 0);
    rollstat_interrupt(r, 0);
    /* With the broker back there is room again, and nothing that was taken is lost. */
    assert_int_equal(rd_kafka_mock_broker_set_up(mock.cluster, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    rc = rollstat_publish(r, e, NULL, &error);
    assert_true(rc == ROLLSTAT_OK || rc == ROLLSTAT_TIMEOUT);
    rollstat_event_free(&e);
    rc = rollstat_close(&r, PATIENCE_MS, &error);
    assert_true(rc == ROLLSTAT_OK || rc == ROLLSTAT_ENVIRONMENT);
}

static void test_no_broker(void **state)
{
    rollstat_error error = {0};
    (void)state;
    const rollstat_options options = {.size = sizeof options, .brokers = "127.0.0.1:1"};
    rollstat *r = rollstat_open(write_config("unused:9092", ""), "ticks", &options, &error);
    assert_non_null(r);
    /* The reason is told as soon as the client has one. */
    double deadline = now() + PATIENCE_MS / 1e3;
    do {
        assert_int_equal(rollstat_connect(r, 500, &error), ROLLSTAT_ENVIRONMENT);
    } while (!strstr(error.text, "Connect to") && now() < deadline);
    assert_non_null(
        strstr(error.text, "no broker answered within 500 ms: 127.0.0.1:1/bootstrap: Connect to"));
    rollstat_interrupt(r, 1);
    assert_int_equal(rollstat_connect(r, 60000, &error), ROLLSTAT_INTERRUPTED);
    assert_int_equal(rollstat_close(&r, 0, &error), ROLLSTAT_OK);
}

/* The mock cluster names the topic's partitions beside the topic's error, which Kafka never does, and
 * librdkafka 2.4 to 2.8 follow a null pointer where they do not know such a partition yet
 * (rd_kafka_topic_metadata_update): so the topic is known before it is refused. One that is refused from the
 * start: integration/kafka_refused.py. */
static void test_refused_topic(void **state)
{
    rollstat_error error = {0};
    rollstat *r = open_ticks("", PATIENCE_MS, NULL);
    (void)state;
    assert_int_equal(rollstat_connect(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    rd_kafka_mock_topic_set_error(mock.cluster, "ticks", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(rollstat_connect(r, PATIENCE_MS, &error), ROLLSTAT_ENVIRONMENT);
    assert_string_equal(error.text, "topic \"ticks\" cannot be written: Broker: Topic authorization failed");
    rd_kafka_mock_topic_set_error(mock.cluster, "ticks", RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_OK);
}

static uint64_t publish_until_fatal(rollstat *r, rollstat_event *e, rollstat_error *error)
{
    uint64_t taken = 0;
    int rc = ROLLSTAT_OK;
    for (double deadline = now() + PATIENCE_MS / 1e3; rc == ROLLSTAT_OK && now() < deadline;) {
        rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 1,
                                          RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
        for (int i = 0; i < 10 && rc == ROLLSTAT_OK; i++) {
            rc = rollstat_publish(r, e, NULL, error);
            taken += rc == ROLLSTAT_OK ? 1 : 0;
        }
    }
    rd_kafka_mock_clear_request_errors(mock.cluster, PRODUCE);
    assert_int_equal(rc, ROLLSTAT_FATAL);
    return taken;
}

/* Events go on coming while the producer's end is on its way: each one that was taken is delivered or fails,
 * also one that still waited for others of its partition. */
static void test_fatal(void **state)
{
    struct seen seen = {0};
    rollstat_error error = {0};
    rollstat_statistics s = {.size = sizeof s};
    rollstat *r = open_ticks("", PATIENCE_MS, &seen);
    rollstat_event *e = make_tick(r, "fatal");
    (void)state;
    uint64_t taken = publish_until_fatal(r, e, &error);
    assert_non_null(
        strstr(error.text, "the producer cannot go on, publish again what is not acknowledged: "));
    assert_int_equal(rollstat_flush(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    rollstat_get_statistics(r, &s);
    assert_int_equal(s.queued, 0);
    assert_true(s.failed > 0);
    assert_int_equal(atomic_load(&seen.count), s.failed);
    assert_int_equal(s.published, taken);
    assert_true(s.failed <= taken);
    assert_string_equal(seen.key, "fatal");
    rollstat_event_free(&e);
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_ENVIRONMENT);
}

struct again {
    rollstat *r; /* set before the first failure */
    atomic_int refused;
};

static void publish_again(void *self, const rollstat_failure *failure)
{
    struct again *again = self;
    int rc = rollstat_publish_bytes(again->r, failure->key, failure->key_size, failure->value,
                                    failure->value_size, NULL, NULL);
    atomic_fetch_add(&again->refused, rc == ROLLSTAT_FATAL ? 1 : 0);
}

/* As the text of the error says, but with the same publisher: each is refused at once, and it all ends. */
static void test_fatal_and_published_again(void **state)
{
    struct again again = {0};
    rollstat_error error = {0};
    rollstat_statistics s = {.size = sizeof s};
    const rollstat_options options = {
        .size = sizeof options, .timeout_ms = PATIENCE_MS, .on_failure = publish_again, .self = &again};
    (void)state;
    again.r = rollstat_open(write_config(rs_mock_kafka_brokers(&mock), ""), "ticks", &options, &error);
    assert_non_null(again.r);
    rollstat_event *e = make_tick(again.r, "fatal");
    (void)publish_until_fatal(again.r, e, &error);
    assert_int_equal(rollstat_flush(again.r, PATIENCE_MS, &error), ROLLSTAT_OK);
    rollstat_get_statistics(again.r, &s);
    assert_int_equal(s.queued, 0);
    assert_true(atomic_load(&again.refused) > 0);
    rollstat_event_free(&e);
    assert_int_equal(rollstat_close(&again.r, PATIENCE_MS, &error), ROLLSTAT_ENVIRONMENT);
}

static void test_bytes(void **state)
{
    rollstat_error error = {0};
    rollstat *r = open_ticks("  message.max.bytes: 2000\n", PATIENCE_MS, NULL);
    char big[3000];
    (void)state;
    memset(big, 'x', sizeof big);
    assert_int_equal(rollstat_publish_bytes(r, "k", 1, "\x01\x02", 2, NULL, &error), ROLLSTAT_OK);
    assert_int_equal(rollstat_publish_bytes(r, NULL, 0, big, sizeof big, NULL, &error), ROLLSTAT_REJECTED);
    assert_string_equal(error.text, "the event is larger than message.max.bytes of the kafka section allows");
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_OK);
    expect_newest("ticks", "k 0102");
}

struct publisher_thread {
    rollstat *r;
    int number;
    int failed;
};

static void *publish_many(void *arg)
{
    struct publisher_thread *t = arg;
    char id[32];
    rollstat_error error = {0};
    (void)snprintf(id, sizeof id, "t%d", t->number);
    rollstat_event *e = rollstat_event_new(t->r, &error);
    t->failed += !e;
    for (int i = 0; e && i < 2000; i++) {
        (void)rollstat_set_string(e, rollstat_event_field(e, "id"), id);
        (void)rollstat_set_int64(e, rollstat_event_field(e, "price"), i);
        (void)rollstat_set_time(e, rollstat_event_field(e, "at"), i);
        t->failed += rollstat_publish(t->r, e, NULL, &error) != ROLLSTAT_OK;
    }
    rollstat_event_free(&e);
    return NULL;
}

static void test_threads(void **state)
{
    rollstat_error error = {0};
    rollstat_statistics s = {.size = sizeof s};
    rollstat *r = open_ticks("", PATIENCE_MS, NULL);
    pthread_t threads[4];
    struct publisher_thread t[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        t[i] = (struct publisher_thread){.r = r, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, publish_many, &t[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(t[i].failed, 0);
    }
    assert_int_equal(rollstat_flush(r, PATIENCE_MS, &error), ROLLSTAT_OK);
    rollstat_get_statistics(r, &s);
    assert_int_equal(s.delivered, 8000);
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_OK);
}

/* One consumer over all partitions of "spread", from the oldest record on. */
static rd_kafka_t *read_spread(void)
{
    return rs_mock_kafka_reader(&mock, "spread", SPREAD, RD_KAFKA_OFFSET_BEGINNING);
}

#define KEYS   37
#define EVENTS 20000

/* Until one more event than now is delivered. */
static void wait_for_deliveries(rollstat *r)
{
    rollstat_statistics s = {.size = sizeof s};
    rollstat_get_statistics(r, &s);
    uint64_t before = s.delivered;
    double deadline = now() + PATIENCE_MS / 1e3;
    while (s.delivered == before && s.queued > 0) {
        assert_true(now() < deadline);
        (void)poll(NULL, 0, 1);
        rollstat_get_statistics(r, &s);
    }
}

/* Events of many keys, from the very first on, when the topic is not known yet: each key is in one partition,
 * the one of murmur2, and in the order in which it was published. */
static void test_order_and_partitions(void **state)
{
    rollstat_error error = {0};
    const rollstat_options options = {.size = sizeof options};
    int newest[KEYS] = {0};
    bool seen[SPREAD] = {false};
    (void)state;
    rollstat *r = rollstat_open(write_config(rs_mock_kafka_brokers(&mock), ""), "spread", &options, &error);
    assert_non_null(r);
    for (int i = 1; i <= EVENTS; i++) {
        char key[16];
        int size = snprintf(key, sizeof key, "key-%d", i * 7 % KEYS);
        assert_int_equal(rollstat_publish_bytes(r, key, (size_t)size, &i, sizeof i, NULL, &error),
                         ROLLSTAT_OK);
        if (i % 5000 == 0) {
            wait_for_deliveries(r); /* the publisher's thread sends what waits */
        }
    }
    assert_int_equal(rollstat_close(&r, PATIENCE_MS, &error), ROLLSTAT_OK);
    rd_kafka_t *rk = read_spread();
    for (int i = 0; i < EVENTS; i++) {
        int number;
        int value;
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, PATIENCE_MS);
        assert_non_null(m);
        assert_int_equal(m->err, RD_KAFKA_RESP_ERR_NO_ERROR);
        char key[16];
        (void)snprintf(key, sizeof key, "%.*s", (int)m->key_len, (const char *)m->key);
        assert_int_equal(sscanf(key, "key-%d", &number), 1);
        assert_int_equal(m->partition,
                         rd_kafka_msg_partitioner_murmur2(m->rkt, m->key, m->key_len, SPREAD, NULL, NULL));
        memcpy(&value, m->payload, sizeof value);
        assert_true(value > newest[number]);
        newest[number] = value;
        seen[m->partition] = true;
        rd_kafka_message_destroy(m);
    }
    for (int i = 0; i < SPREAD; i++) {
        assert_true(seen[i]);
    }
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_errors),
        cmocka_unit_test(test_setters),
        cmocka_unit_test(test_defaults_and_statistics),
        cmocka_unit_test(test_example_of_the_header),
        cmocka_unit_test(test_wrong_owner),
        cmocka_unit_test(test_avro_values),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_order_and_partitions),
        cmocka_unit_test(test_delivery_error),
        cmocka_unit_test(test_retried),
        cmocka_unit_test(test_no_broker),
        cmocka_unit_test(test_refused_topic),
        cmocka_unit_test(test_broker_down),
        cmocka_unit_test(test_queue_full),
        cmocka_unit_test(test_fatal),
        cmocka_unit_test(test_fatal_and_published_again),
    };
    return cmocka_run_group_tests_name("rollstat", tests, begin, end);
}
