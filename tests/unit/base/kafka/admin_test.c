/* Requests to brokers, as far as they are answered without one: on a real one topics are made by
 * tests/integration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/kafka/admin.h"
#include "tests/lib/mock_kafka.h"

#define PATIENCE_MS 60000

static rd_kafka_t *make(rd_kafka_conf_t *conf)
{
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);

    assert_non_null(client);
    return client;
}

static rd_kafka_t *without_brokers(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rs_mock_kafka_set(conf, "log_level", "0");
    return make(conf);
}

static void test_a_topic_that_cannot_be_is_not_asked_for(void **state)
{
    static const char *const settings[][2] = {{"cleanup.policy", "delete"}, {NULL, NULL}};
    struct rs_kafka_new_topic topic = {
        .name = "t", .partitions = -2, .replication_factor = -1, .settings = settings};
    rd_kafka_t *client = without_brokers();
    rd_kafka_queue_t *answers = rd_kafka_queue_new(client);

    (void)state;
    assert_false(rs_kafka_topic_make(client, &topic, answers, NULL));
    topic.partitions = 1;
    topic.replication_factor = -2;
    assert_false(rs_kafka_topic_make(client, &topic, answers, NULL));
    assert_int_equal(rd_kafka_queue_length(answers), 0);
    rd_kafka_queue_destroy(answers);
    rd_kafka_destroy(client);
}

/* Two brokers at once are a request that librdkafka refuses by itself, and so the only one that is answered
 * here: the mock cluster makes no topics. */
static void test_an_answer_has_its_opaque_and_says_what_failed(void **state)
{
    rd_kafka_t *client = without_brokers();
    rd_kafka_queue_t *answers = rd_kafka_queue_new(client);
    rd_kafka_ConfigResource_t *both[] = {rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, "1"),
                                         rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, "2")};
    const char *why = NULL;
    int tag = 0;

    (void)state;
    rd_kafka_AdminOptions_t *options =
        rs_kafka_admin_options(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, &tag);
    rd_kafka_DescribeConfigs(client, both, 2, options, answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = rd_kafka_queue_poll(answers, PATIENCE_MS);
    assert_non_null(event);
    assert_ptr_equal(rd_kafka_event_opaque(event), &tag);
    assert_int_equal(rs_kafka_topic_answer(event, &why), rd_kafka_event_error(event));
    assert_int_not_equal(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_string_equal(why, rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy_array(both, 2);
    rd_kafka_queue_destroy(answers);
    rd_kafka_destroy(client);
}

static void test_no_answer_is_a_timeout(void **state)
{
    const char *why = NULL;

    (void)state;
    assert_int_equal(rs_kafka_topic_answer(NULL, &why), RD_KAFKA_RESP_ERR__TIMED_OUT);
    assert_string_equal(why, rd_kafka_err2str(RD_KAFKA_RESP_ERR__TIMED_OUT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_topic_that_cannot_be_is_not_asked_for),
        cmocka_unit_test(test_an_answer_has_its_opaque_and_says_what_failed),
        cmocka_unit_test(test_no_answer_is_a_timeout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
