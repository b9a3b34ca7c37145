/* Clients of the mock cluster, made and ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "base/kafka/client.h"
#include "base/thread.h"
#include "tests/lib/mock_kafka.h"

#define PATIENCE_MS 60000

static void test_what_librdkafka_has_against_it_is_told(void **state)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *client = NULL;
    struct rs_error error;

    (void)state;
    rs_mock_kafka_set(conf, "enable.idempotence", "true");
    rs_mock_kafka_set(conf, "acks", "1");
    assert_int_equal(rs_kafka_client_new(RD_KAFKA_PRODUCER, &conf, "dead letters", &client, &error),
                     RS_ECONFIG);
    assert_null(conf);
    assert_null(client);
    assert_non_null(strstr(error.text, "dead letters: `acks` must be set to `all`"));
}

static bool is_awake(int fd, int timeout_ms)
{
    struct pollfd at = {.fd = fd, .events = POLLIN};

    return poll(&at, 1, timeout_ms) == 1;
}

/* Delivery reports, which come while the test's own thread polls or flushes. */
static int reported;
static rd_kafka_resp_err_t reason;

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    (void)producer;
    (void)opaque;
    reported++;
    reason = message->err;
}

static rd_kafka_t *make(rd_kafka_conf_t *conf)
{
    rd_kafka_t *client = NULL;
    struct rs_error error;

    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    assert_int_equal(rs_kafka_client_new(RD_KAFKA_PRODUCER, &conf, "test", &client, &error), 0);
    assert_null(conf);
    return client;
}

static void produce(rd_kafka_t *client)
{
    reported = 0;
    assert_int_equal(rd_kafka_producev(client, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(0),
                                       RD_KAFKA_V_VALUE("v", 1), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void test_a_queue_wakes_until_it_is_freed(void **state)
{
    struct rs_mock_kafka mock = {0};
    struct rs_error error;
    int fd = -1;

    (void)state;
    rs_mock_kafka_open(&mock, 1);
    rs_mock_kafka_topic(&mock, "t", 1);
    rd_kafka_t *client = make(rs_mock_kafka_conf(&mock));
    assert_int_equal(rs_wake_open(&fd, &error), 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(client);
    rs_kafka_queue_wakes(queue, fd);
    assert_false(is_awake(fd, 0));
    produce(client);
    assert_true(is_awake(fd, PATIENCE_MS));
    while (reported == 0) {
        rs_wake_clear(fd);
        (void)rd_kafka_poll(client, 0);
        assert_true(reported > 0 || is_awake(fd, PATIENCE_MS));
    }
    assert_int_equal(reason, RD_KAFKA_RESP_ERR_NO_ERROR);
    rs_kafka_queue_free(&queue);
    assert_null(queue);
    rs_kafka_queue_free(&queue);
    rs_wake_clear(fd);
    produce(client); /* the client has the queue still; what comes into it wakes nobody */
    assert_int_equal(rd_kafka_flush(client, PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_false(is_awake(fd, 0));
    rd_kafka_destroy(client);
    rs_wake_close(&fd);
    rs_mock_kafka_close(&mock);
}

static void test_giving_up_reports_what_was_not_delivered(void **state)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    (void)state;
    rs_mock_kafka_set(conf, "bootstrap.servers", "127.0.0.1:1"); /* nobody listens there */
    rs_mock_kafka_set(conf, "log_level", "0");
    rd_kafka_t *client = make(conf);
    produce(client);
    rs_kafka_producer_give_up(client);
    assert_int_equal(reported, 1);
    assert_int_equal(reason, RD_KAFKA_RESP_ERR__PURGE_QUEUE);
    rd_kafka_destroy(client);
}

static void test_lines_go_to_the_log_queue(void **state)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct rs_error error;

    (void)state;
    rs_mock_kafka_set(conf, "bootstrap.servers", "127.0.0.1:1");
    rs_mock_kafka_set(conf, "log.queue", "true");
    rs_mock_kafka_set(conf, "debug", "all");
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_LOG);
    rd_kafka_t *client = make(conf);
    assert_int_equal(rs_kafka_client_log_to(client, NULL, &error), 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(client);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_type(event), RD_KAFKA_EVENT_LOG);
    rd_kafka_event_destroy(event);
    rs_kafka_queue_free(&queue);
    rd_kafka_destroy(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_librdkafka_has_against_it_is_told),
        cmocka_unit_test(test_a_queue_wakes_until_it_is_freed),
        cmocka_unit_test(test_giving_up_reports_what_was_not_delivered),
        cmocka_unit_test(test_lines_go_to_the_log_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
