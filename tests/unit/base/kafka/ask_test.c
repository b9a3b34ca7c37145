/* Questions about the ends of a partition, to the mock cluster: answered, and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/kafka/ask.h"
#include "tests/lib/mock_kafka.h"

#define HANGS_MS 120000 /* the mock's answers, where it is to hang */
#define ASK_MS   300
#define BOUND_US                                                                                             \
    (HANGS_MS / 2 * INT64_C(1000)) /* a busy machine is slow, but a bound that is none is far beyond */

static struct rs_mock_kafka mock;
static rd_kafka_t *client;

static int setup(void **state)
{
    (void)state;
    rs_mock_kafka_open(&mock, 1);
    rs_mock_kafka_topic(&mock, "t", 1);
    for (int i = 0; i < 3; i++) {
        rs_mock_kafka_produce(&mock, "t", 0, NULL, "v", 0);
    }
    rs_mock_kafka_flush(&mock);
    client = rd_kafka_new(RD_KAFKA_CONSUMER, rs_mock_kafka_conf(&mock), NULL, 0);
    return !client ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    rd_kafka_destroy(client);
    rs_mock_kafka_close(&mock);
    return 0;
}

static void test_both_ends(void **state)
{
    int64_t low = -7;
    int64_t high = -7;

    (void)state;
    assert_int_equal(rs_kafka_ask_ends(client, "t", 0, 30000, &low, &high), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(low, 0);
    assert_int_equal(high, 3);
}

static void test_partitions_of_a_topic(void **state)
{
    int32_t count = -7;
    char name[1024] = ""; /* librdkafka refuses it */

    (void)state;
    assert_int_equal(rs_kafka_ask_partitions(client, "t", 30000, &count), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(count, 1);
    count = -7;
    rd_kafka_mock_topic_set_error(mock.cluster, "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(rs_kafka_ask_partitions(client, "gone", 30000, &count),
                     RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    memset(name, 'x', sizeof name - 1);
    assert_int_equal(rs_kafka_ask_partitions(client, name, 30000, &count), RD_KAFKA_RESP_ERR__INVALID_ARG);
    assert_int_equal(count, -7);
}

static void test_a_broker_that_hangs_is_not_waited_for(void **state)
{
    int64_t low = -7;
    int64_t high = -7;
    int32_t count = -7;

    (void)state;
    rd_kafka_mock_broker_set_rtt(mock.cluster, 1, HANGS_MS);
    int64_t began_us = rs_clock_mono(rs_clock_system());
    rd_kafka_resp_err_t code = rs_kafka_ask_ends(client, "t", 0, ASK_MS, &low, &high);
    assert_true(rs_clock_mono(rs_clock_system()) - began_us < BOUND_US);
    assert_true(rs_kafka_is_away(code));
    assert_int_equal(low, -7);
    assert_int_equal(high, -7);
    assert_true(rs_kafka_is_away(rs_kafka_ask_partitions(client, "t", ASK_MS, &count)));
    assert_true(rs_clock_mono(rs_clock_system()) - began_us < BOUND_US);
    assert_int_equal(count, -7);
    rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 0);
}

static void test_a_broker_that_is_gone_is_not_waited_for(void **state)
{
    int64_t low = -7;
    int64_t high = -7;

    (void)state;
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    int64_t began_us = rs_clock_mono(rs_clock_system());
    rd_kafka_resp_err_t code = rs_kafka_ask_ends(client, "t", 0, ASK_MS, &low, &high);
    assert_true(rs_clock_mono(rs_clock_system()) - began_us < BOUND_US);
    assert_true(rs_kafka_is_away(code));
    rd_kafka_mock_broker_set_up(mock.cluster, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ends),
        cmocka_unit_test(test_partitions_of_a_topic),
        cmocka_unit_test(test_a_broker_that_hangs_is_not_waited_for),
        cmocka_unit_test(test_a_broker_that_is_gone_is_not_waited_for),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
