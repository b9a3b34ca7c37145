/* What librdkafka refuses of the events that wait in a stage. */
#include "ingest/publish/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/mock_kafka.h"

#define PATIENCE_MS 60000

struct fixture {
    struct rs_mock_kafka mock;
    rd_kafka_t *producer;
    struct rs_stage stage;
    struct rs_stage_refusal refusal;
    struct rs_error error;
};

static struct fixture *f;

static struct rs_slice text(const char *string)
{
    return rs_slice_of(string, strlen(string));
}

static void add(const char *value, void *tag)
{
    assert_int_equal(rs_stage_add(&f->stage, text("k"), text(value), tag, &f->error), RS_STAGE_TAKEN);
}

/* Two events go to librdkafka at once: with the second it knows the topic, and its partitioner is told how many
 * partitions that has. */
static int setup(void **state)
{
    char message[512];
    (void)state;
    f = calloc(1, sizeof *f);
    assert_non_null(f);
    rs_mock_kafka_open(&f->mock, 1);
    rs_mock_kafka_topic(&f->mock, "t", 2);
    rd_kafka_conf_t *conf = rs_mock_kafka_conf(&f->mock);
    rs_mock_kafka_set(conf, "enable.idempotence", "true");
    rs_mock_kafka_set(conf, "message.max.bytes", "2000");
    f->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof message);
    assert_non_null(f->producer);
    rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();
    rs_stage_configure(&f->stage, topic_conf);
    f->stage.topic = rd_kafka_topic_new(f->producer, "t", topic_conf);
    assert_non_null(f->stage.topic);
    f->stage.max_bytes = 100000; /* more than librdkafka takes, so that it is the one to refuse */
    for (int i = 0; i < 2; i++) {
        add(i == 0 ? "first" : "second", NULL);
        assert_int_equal(rd_kafka_flush(f->producer, PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(f->stage.told, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rd_kafka_topic_destroy(f->stage.topic);
    rd_kafka_destroy(f->producer);
    rs_mock_kafka_close(&f->mock);
    rs_stage_fini(&f->stage);
    rs_buf_fini(&f->refusal.bytes);
    free(f);
    return 0;
}

static void expect_refused(const char *value, size_t size, void *tag, const char *why)
{
    assert_true(rs_stage_take_refused(&f->stage, &f->refusal));
    assert_int_equal(f->refusal.key_size, 1);
    assert_int_equal(f->refusal.bytes.size, 1 + size);
    assert_memory_equal(f->refusal.bytes.data, "k", 1);
    assert_memory_equal(f->refusal.bytes.data + 1, value, size);
    assert_ptr_equal(f->refusal.tag, tag);
    assert_string_equal(f->refusal.text, why);
}

/* One that is too large stays to be taken out; the others are sent, in order, and once. */
static void test_one_of_a_run(void **state)
{
    static const char *const values[] = {"first", "second", "a", "b"};
    char large[3000];
    int tags[3];
    (void)state;
    memset(large, 'x', sizeof large);
    add("a", &tags[0]);
    assert_int_equal(
        rs_stage_add(&f->stage, text("k"), rs_slice_of(large, sizeof large), &tags[1], &f->error),
        RS_STAGE_TAKEN);
    add("b", &tags[2]);
    assert_int_equal(rs_stage_send(&f->stage, &f->error), RS_ERECORD);
    expect_refused(large, sizeof large, &tags[1], "Broker: Message size too large");
    assert_false(rs_stage_take_refused(&f->stage, &f->refusal));
    assert_int_equal(f->stage.count, 0);
    assert_int_equal(rs_stage_send(&f->stage, &f->error), RS_STAGE_TAKEN);
    assert_int_equal(rd_kafka_flush(f->producer, PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_t *reader = rs_mock_kafka_reader(&f->mock, "t", 2, RD_KAFKA_OFFSET_BEGINNING);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(reader, PATIENCE_MS);
        assert_non_null(m);
        assert_int_equal(m->err, 0);
        assert_int_equal(m->len, strlen(values[i]));
        assert_memory_equal(m->payload, values[i], m->len);
        rd_kafka_message_destroy(m);
    }
    rd_kafka_destroy(reader);
}

/* After a fatal error each is refused in its turn. */
static void test_all_after_a_fatal_error(void **state)
{
    int tags[2];
    (void)state;
    add("a", &tags[0]);
    add("b", &tags[1]);
    assert_int_equal(rd_kafka_test_fatal_error(f->producer, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                               "as a test wants it"),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rs_stage_send(&f->stage, &f->error), RS_EPRODUCER);
    expect_refused("a", 1, &tags[0], "Local: Fatal error");
    assert_int_equal(rs_stage_send(&f->stage, &f->error), RS_EPRODUCER);
    expect_refused("b", 1, &tags[1], "Local: Fatal error");
    assert_int_equal(rs_stage_send(&f->stage, &f->error), RS_STAGE_TAKEN);
    assert_int_equal(f->stage.count, 0);
    assert_false(rs_stage_take_refused(&f->stage, &f->refusal));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_of_a_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_after_a_fatal_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
