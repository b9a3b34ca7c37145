/* Dead letters into librdkafka's mock cluster: content, acknowledgement, a topic that cannot be written. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sink/deadletter/dead_letters.h"
#include "tests/lib/dead_letter_box.h"
#include "tests/lib/kept_reports.h"
#include "tests/lib/mock_kafka.h"

#define SECOND      INT64_C(1000000)
#define PATIENCE_US (60 * SECOND)
#define DLQ         "trades.dlq"

struct fixture {
    struct rs_mock_kafka mock;
    struct rs_dead_letters *letters;
    struct rs_dead_letter_sink table;
    struct kept_reports reports;
};

static void open_letters(struct fixture *f, size_t max_bytes)
{
    static const char *const topics[] = {DLQ, NULL};
    static const char *const inputs[] = {"trades", "quiet"};
    struct rs_error error;
    struct rs_dead_letters_options options = {.conf = rs_mock_kafka_conf(&f->mock),
                                              .topics = topics,
                                              .input_topics = inputs,
                                              .streams = 2,
                                              .max_bytes = max_bytes,
                                              .clock = rs_clock_system(),
                                              .report = kept_reports_to(&f->reports)};
    assert_int_equal(rs_dead_letters_new(&options, &f->letters, &error), 0);
    f->table = rs_dead_letters_table(f->letters);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    kept_reports_init(&f->reports);
    rs_mock_kafka_open(&f->mock, 1);
    rs_mock_kafka_topic(&f->mock, DLQ, 2);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rs_dead_letters_free(&f->letters);
    rs_mock_kafka_close(&f->mock);
    kept_reports_fini(&f->reports);
    free(f);
    return 0;
}

static bool put(struct fixture *f, int32_t partition, const struct rs_record *record, enum rs_reason reason,
                const char *text)
{
    struct rs_dead_letter letter = {
        .stream = 0, .partition = partition, .record = record, .reason = reason, .text = text};
    return f->table.ops->put(f->table.self, &letter);
}

static bool acknowledged(struct fixture *f, int32_t partition, int64_t offset, int64_t within_us)
{
    int64_t end = rs_clock_mono(rs_clock_system()) + within_us;
    while (f->table.ops->acknowledged(f->table.self, 0, partition) <= offset) {
        if (rs_clock_mono(rs_clock_system()) > end) {
            return false;
        }
        usleep(2000);
    }
    return true;
}

static struct rs_dead_letters_status status_of(struct fixture *f)
{
    struct rs_dead_letters_status status;
    rs_dead_letters_status(f->letters, &status);
    return status;
}

/* A consumer of all of the dead-letter topic from its beginning. */
static rd_kafka_t *new_reader(struct fixture *f)
{
    return rs_mock_kafka_reader(&f->mock, DLQ, 2, RD_KAFKA_OFFSET_BEGINNING);
}

static rd_kafka_message_t *read_message(rd_kafka_t *reader)
{
    for (int i = 0; i < 100; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 100);
        if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return message;
        }
        if (message) {
            rd_kafka_message_destroy(message);
        }
    }
    fail_msg("no dead letter came");
    return NULL;
}

static void expect_header(const rd_kafka_message_t *message, const char *name, const char *expected)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;
    assert_int_equal(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_resp_err_t err = rd_kafka_header_get_last(headers, name, &value, &size);
    if (!expected) {
        assert_int_equal(err, RD_KAFKA_RESP_ERR__NOENT);
        return;
    }
    assert_int_equal(err, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(value, expected, size);
}

static void close_reader(rd_kafka_t *reader)
{
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
}

static void test_letters_carry_the_original_and_why(void **state)
{
    struct fixture *f = *state;
    static const uint8_t value[] = {0, 1, 0xFF, 0, 7};
    struct rs_record record = {.key = rs_slice_text("K1"),
                               .value = rs_slice_of(value, sizeof value),
                               .offset = 41,
                               .timestamp_us = INT64_C(1733900459123000)};
    open_letters(f, 0);
    assert_int_equal(f->table.ops->acknowledged(f->table.self, 0, 3), INT64_MAX);
    assert_true(put(f, 3, &record, RS_REASON_TRUNCATED, "field price ends early"));
    assert_true(acknowledged(f, 3, 41, PATIENCE_US));
    assert_int_equal(f->table.ops->acknowledged(f->table.self, 0, 3), INT64_MAX);
    rd_kafka_t *reader = new_reader(f);
    rd_kafka_message_t *message = read_message(reader);
    assert_int_equal(message->len, sizeof value);
    assert_memory_equal(message->payload, value, sizeof value);
    assert_int_equal(message->key_len, 2);
    assert_memory_equal(message->key, "K1", 2);
    expect_header(message, "rollstat.reason", "truncated");
    expect_header(message, "rollstat.text", "field price ends early");
    expect_header(message, "rollstat.topic", "trades");
    expect_header(message, "rollstat.partition", "3");
    expect_header(message, "rollstat.offset", "41");
    expect_header(message, "rollstat.time", "2024-12-11T07:00:59.123Z");
    expect_header(message, "rollstat.value_dropped", NULL);
    rd_kafka_message_destroy(message);
    close_reader(reader);
    struct rs_dead_letters_status status = status_of(f);
    assert_int_equal(status.acknowledged, 1);
    assert_int_equal(status.pending, 0);
    assert_int_equal(status.pending_bytes, 0);
    assert_int_equal(status.errors, 0);
}

static void test_null_and_empty_stay_apart(void **state)
{
    struct fixture *f = *state;
    struct rs_record tombstone = {.offset = 1, .timestamp_us = RS_TIME_NONE, .key = rs_slice_of("", 0)};
    struct rs_record empty = {.offset = 2, .timestamp_us = RS_TIME_NONE, .value = rs_slice_of("", 0)};
    open_letters(f, 0);
    assert_true(put(f, 0, &tombstone, RS_REASON_TOMBSTONE, NULL));
    assert_true(put(f, 0, &empty, RS_REASON_TRUNCATED, NULL));
    assert_true(acknowledged(f, 0, 2, PATIENCE_US));
    rd_kafka_t *reader = new_reader(f);
    for (int i = 0; i < 2; i++) {
        rd_kafka_message_t *message = read_message(reader);
        bool first = !message->payload;
        expect_header(message, "rollstat.reason", first ? "tombstone" : "truncated");
        expect_header(message, "rollstat.text",
                      rs_reason_text(first ? RS_REASON_TOMBSTONE : RS_REASON_TRUNCATED));
        expect_header(message, "rollstat.offset", first ? "1" : "2");
        expect_header(message, "rollstat.time", NULL);
        assert_int_equal(message->key != NULL, first);
        assert_int_equal(message->len, 0);
        rd_kafka_message_destroy(message);
    }
    close_reader(reader);
}

static void test_headers_of_the_original_stay(void **state)
{
    struct fixture *f = *state;
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, rs_mock_kafka_conf(&f->mock), NULL, 0);
    assert_non_null(producer);
    assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(DLQ), RD_KAFKA_V_PARTITION(0),
                                       RD_KAFKA_V_VALUE("x", 1), RD_KAFKA_V_HEADER("trace", "abc", 3),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(producer, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
    rd_kafka_t *reader = new_reader(f);
    rd_kafka_message_t *origin = read_message(reader);
    struct rs_record record = {.value = rs_slice_of(origin->payload, origin->len),
                               .offset = 7,
                               .timestamp_us = RS_TIME_NONE,
                               .origin = origin};
    open_letters(f, 0);
    assert_true(put(f, 0, &record, RS_REASON_RULE, "price: must be > 0"));
    rd_kafka_message_destroy(origin); /* the letter keeps copies */
    assert_true(acknowledged(f, 0, 7, PATIENCE_US));
    rd_kafka_message_t *message = read_message(reader);
    expect_header(message, "trace", "abc");
    expect_header(message, "rollstat.reason", "rule");
    assert_int_equal(message->len, 1);
    rd_kafka_message_destroy(message);
    close_reader(reader);
}

/* The fixture's letters go back into their own topic, as another group's stream would bring them. */
static void test_a_ring_ends_after_some_rounds(void **state)
{
    struct fixture *f = *state;
    struct rs_record record = {.value = rs_slice_text("x"), .offset = 1, .timestamp_us = RS_TIME_NONE};
    open_letters(f, 0);
    rd_kafka_t *reader = new_reader(f);
    rd_kafka_message_t *message = NULL;
    for (record.offset = 1; record.offset <= 3; record.offset++) {
        assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
        assert_true(acknowledged(f, 0, record.offset, 60 * SECOND));
        if (message) {
            rd_kafka_message_destroy(message);
        }
        message = read_message(reader);
        record.origin = message;
        assert_int_equal(status_of(f).dropped, 0);
    }
    assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
    assert_true(acknowledged(f, 0, record.offset, 60 * SECOND));
    assert_int_equal(status_of(f).dropped, 1);
    assert_int_equal(status_of(f).acknowledged, 3);
    assert_non_null(
        strstr(status_of(f).last_dropped, "offset 4 (rule) has been a dead letter of this topic 3 times"));
    rd_kafka_message_destroy(message);
    close_reader(reader);
}

static void test_acknowledgement_waits_for_the_oldest(void **state)
{
    struct fixture *f = *state;
    open_letters(f, 0);
    rd_kafka_mock_broker_set_rtt(f->mock.cluster, -1, 300);
    for (int64_t offset = 10; offset < 20; offset++) {
        struct rs_record record = {
            .value = rs_slice_text("x"), .offset = offset, .timestamp_us = RS_TIME_NONE};
        assert_true(put(f, (int32_t)offset % 2, &record, RS_REASON_RULE, NULL));
    }
    assert_int_equal(f->table.ops->acknowledged(f->table.self, 0, 0), 10);
    assert_int_equal(f->table.ops->acknowledged(f->table.self, 0, 1), 11);
    assert_int_equal(f->table.ops->acknowledged(f->table.self, 0, 2), INT64_MAX);
    /* The partition comes back and is read again from an earlier offset. */
    struct rs_record earlier = {.value = rs_slice_text("x"), .offset = 5, .timestamp_us = RS_TIME_NONE};
    assert_true(put(f, 0, &earlier, RS_REASON_RULE, NULL));
    assert_int_equal(f->table.ops->acknowledged(f->table.self, 0, 0), 5);
    rd_kafka_mock_broker_set_rtt(f->mock.cluster, -1, 0);
    assert_true(acknowledged(f, 0, INT64_MAX - 1, PATIENCE_US));
    assert_true(acknowledged(f, 1, INT64_MAX - 1, PATIENCE_US));
    assert_int_equal(status_of(f).acknowledged, 11);
}

static void test_refused_topic_is_tried_again(void **state)
{
    struct fixture *f = *state;
    struct rs_record record = {.value = rs_slice_text("x"), .offset = 3, .timestamp_us = RS_TIME_NONE};
    rd_kafka_mock_push_request_errors(f->mock.cluster, RS_MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    open_letters(f, 0);
    assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
    assert_true(acknowledged(f, 0, 3, PATIENCE_US));
    struct rs_dead_letters_status status = status_of(f);
    /* librdkafka itself refuses the topic until it has looked at it again, within a second. */
    assert_true(status.errors >= 1);
    assert_false(status.failing);
    assert_non_null(strstr(status.last_error, "dead letters: topic trades.dlq cannot be written: "));
    assert_true(kept_reports_have(&f->reports, "topic trades.dlq cannot be written"));
}

static void test_too_large_values_are_left_out_at_last(void **state)
{
    struct fixture *f = *state;
    struct rs_record record = {
        .value = rs_slice_text("a large value"), .offset = 3, .timestamp_us = RS_TIME_NONE};
    rd_kafka_mock_push_request_errors(f->mock.cluster, RS_MOCK_PRODUCE, 2,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    open_letters(f, 0);
    assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
    assert_true(acknowledged(f, 0, 3, PATIENCE_US));
    rd_kafka_t *reader = new_reader(f);
    rd_kafka_message_t *message = read_message(reader);
    assert_int_equal(message->len, 0);
    assert_non_null(message->payload);
    expect_header(message, "rollstat.value_dropped", "13");
    expect_header(message, "rollstat.reason", "rule");
    rd_kafka_message_destroy(message);
    close_reader(reader);
    assert_int_equal(status_of(f).values_dropped, 1);
    assert_int_equal(status_of(f).acknowledged, 1);
}

static void refuse_for_size(struct fixture *f, int times)
{
    for (int i = 0; i < times; i++) {
        rd_kafka_mock_push_request_errors(f->mock.cluster, RS_MOCK_PRODUCE, 1,
                                          RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    }
}

static void test_too_large_keys_are_cut(void **state)
{
    struct fixture *f = *state;
    static uint8_t key[1048400];
    struct rs_record tombstone = {
        .key = rs_slice_of(key, sizeof key), .offset = 3, .timestamp_us = RS_TIME_NONE};
    refuse_for_size(f, 2);
    open_letters(f, 0);
    assert_true(put(f, 0, &tombstone, RS_REASON_TOMBSTONE, NULL));
    assert_true(acknowledged(f, 0, 3, 60 * SECOND));
    rd_kafka_t *reader = new_reader(f);
    rd_kafka_message_t *message = read_message(reader);
    assert_int_equal(message->key_len, 1024);
    assert_null(message->payload);
    expect_header(message, "rollstat.key_cut", "1048400");
    expect_header(message, "rollstat.value_dropped", NULL);
    expect_header(message, "rollstat.reason", "tombstone");
    rd_kafka_message_destroy(message);
    close_reader(reader);
    assert_int_equal(status_of(f).cut, 1);
    assert_int_equal(status_of(f).dropped, 0);
}

static void test_what_fits_no_topic_is_dropped_by_name(void **state)
{
    struct fixture *f = *state;
    struct rs_record record = {
        .key = rs_slice_text("k"), .value = rs_slice_text("v"), .offset = 3, .timestamp_us = RS_TIME_NONE};
    refuse_for_size(f, 3); /* among others, alone, minimal */
    open_letters(f, 0);
    assert_true(put(f, 7, &record, RS_REASON_RULE, NULL));
    assert_true(acknowledged(f, 7, 3, 60 * SECOND));
    assert_true(
        put(f, 7, &(struct rs_record){.offset = 4, .timestamp_us = RS_TIME_NONE}, RS_REASON_RULE, NULL));
    assert_true(acknowledged(f, 7, 4, 60 * SECOND));
    struct rs_dead_letters_status status = status_of(f);
    assert_int_equal(status.dropped, 1);
    assert_int_equal(status.acknowledged, 1);
    assert_int_equal(status.pending, 0);
    assert_int_equal(status.pending_bytes, 0);
    assert_true(
        kept_reports_have(&f->reports, "the record at topic trades partition 7 offset 3 (rule) is left out"));
    assert_true(kept_reports_have(&f->reports, "max.message.bytes"));
}

static void test_what_the_topic_refuses_for_good_is_dropped(void **state)
{
    static const rd_kafka_resp_err_t errors[] = {RD_KAFKA_RESP_ERR_INVALID_RECORD,
                                                 RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
                                                 RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT};
    struct fixture *f = *state;
    struct rs_record record = {.value = rs_slice_text("v"), .timestamp_us = RS_TIME_NONE};
    open_letters(f, 0);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        record.offset = (int64_t)i;
        rd_kafka_mock_push_request_errors(f->mock.cluster, RS_MOCK_PRODUCE, 2, errors[i], errors[i]);
        assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
        assert_true(acknowledged(f, 0, record.offset, 60 * SECOND));
        assert_int_equal(status_of(f).dropped, i + 1);
        /* A good one is not taken along. */
        rd_kafka_mock_push_request_errors(f->mock.cluster, RS_MOCK_PRODUCE, 1, errors[i]);
        assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
        assert_true(acknowledged(f, 0, record.offset, 60 * SECOND));
        assert_int_equal(status_of(f).dropped, i + 1);
    }
}

static void test_small_letters_among_large_ones_stay_whole(void **state)
{
    struct fixture *f = *state;
    struct rs_record record = {.value = rs_slice_text("x"), .timestamp_us = RS_TIME_NONE};
    rd_kafka_mock_push_request_errors(f->mock.cluster, RS_MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    open_letters(f, 0);
    for (record.offset = 0; record.offset < 20; record.offset++) {
        assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
    }
    assert_true(acknowledged(f, 0, 19, PATIENCE_US));
    assert_int_equal(status_of(f).acknowledged, 20);
    assert_int_equal(status_of(f).values_dropped, 0);
}

static void test_put_refuses_when_full(void **state)
{
    struct fixture *f = *state;
    struct rs_record record = {.value = rs_slice_text("x"), .offset = 1, .timestamp_us = RS_TIME_NONE};
    rd_kafka_mock_broker_set_down(f->mock.cluster, 1);
    open_letters(f, 3000);
    assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
    int taken = 1;
    for (record.offset = 2; taken < 100 && put(f, 0, &record, RS_REASON_RULE, NULL); record.offset++) {
        taken++;
    }
    assert_true(taken >= 2 && taken <= 4);
    assert_int_equal(status_of(f).pending, taken);
    rd_kafka_mock_broker_set_up(f->mock.cluster, 1);
    assert_true(acknowledged(f, 0, record.offset, PATIENCE_US));
    assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
}

static void test_a_stream_without_topic_counts_only(void **state)
{
    struct fixture *f = *state;
    struct rs_record record = {.value = rs_slice_text("x"), .offset = 1, .timestamp_us = RS_TIME_NONE};
    struct rs_dead_letter letter = {.stream = 1, .partition = 0, .record = &record, .reason = RS_REASON_RULE};
    open_letters(f, 0);
    assert_true(f->table.ops->put(f->table.self, &letter));
    assert_int_equal(f->table.ops->acknowledged(f->table.self, 1, 0), INT64_MAX);
    assert_int_equal(status_of(f).discarded, 1);
}

static void test_stop_sends_what_is_pending(void **state)
{
    struct fixture *f = *state;
    struct rs_record record = {.value = rs_slice_text("x"), .timestamp_us = RS_TIME_NONE};
    open_letters(f, 0);
    for (record.offset = 0; record.offset < 500; record.offset++) {
        assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
    }
    assert_int_equal(rs_dead_letters_stop(f->letters, PATIENCE_US), 0);
    assert_int_equal(status_of(f).acknowledged, 500);
    assert_false(put(f, 0, &record, RS_REASON_RULE, NULL));
}

static void test_stop_ends_in_time_without_a_broker(void **state)
{
    struct fixture *f = *state;
    struct rs_record record = {.value = rs_slice_text("x"), .offset = 9, .timestamp_us = RS_TIME_NONE};
    rd_kafka_mock_broker_set_down(f->mock.cluster, 1);
    open_letters(f, 0);
    assert_true(put(f, 0, &record, RS_REASON_RULE, NULL));
    assert_int_equal(rs_dead_letters_stop(f->letters, 300 * 1000), 1);
    assert_int_equal(f->table.ops->acknowledged(f->table.self, 0, 0), 9);
}

/* ---- in memory ---- */

static void test_box_keeps_and_counts(void **state)
{
    struct rs_dead_letter_box *box = NULL;
    struct rs_error error;
    struct rs_record record = {
        .key = rs_slice_text("k"), .value = rs_slice_text("v"), .offset = 4, .timestamp_us = 5};
    struct rs_dead_letter letter = {.stream = 2, .partition = 1, .record = &record, .reason = RS_REASON_UTF8};
    (void)state;
    assert_int_equal(rs_dead_letter_box_new(2, &box, &error), 0);
    struct rs_dead_letter_sink table = rs_dead_letter_box_table(box);
    rs_dead_letter_box_set_held(box, true);
    assert_true(table.ops->put(table.self, &letter));
    record.offset = 9;
    letter.reason = RS_REASON_RULE;
    letter.text = "because";
    record.key = rs_slice_of(NULL, 0);
    assert_true(table.ops->put(table.self, &letter));
    assert_true(table.ops->put(table.self, &letter)); /* past the limit: only counted */
    assert_int_equal(table.ops->acknowledged(table.self, 2, 1), 4);
    assert_int_equal(table.ops->acknowledged(table.self, 2, 0), INT64_MAX);
    rs_dead_letter_box_set_held(box, false);
    assert_int_equal(table.ops->acknowledged(table.self, 2, 1), INT64_MAX);
    assert_int_equal(rs_dead_letter_box_count(box), 2);
    struct rs_boxed_dead_letter kept = rs_dead_letter_box_at(box, 0);
    assert_int_equal(kept.offset, 4);
    assert_true(rs_slice_equal(kept.key, rs_slice_text("k")));
    assert_true(rs_slice_equal(kept.value, rs_slice_text("v")));
    assert_string_equal(kept.text, rs_reason_text(RS_REASON_UTF8));
    kept = rs_dead_letter_box_at(box, 1);
    assert_string_equal(kept.text, "because");
    assert_null(kept.key.data);
    assert_int_equal(rs_dead_letter_box_total(box, RS_REASON_RULE), 2);
    assert_int_equal(rs_dead_letter_box_total(box, RS_REASON_NONE), 3);
    rs_dead_letter_box_set_full(box, true);
    assert_false(table.ops->put(table.self, &letter));
    assert_int_equal(rs_dead_letter_box_total(box, RS_REASON_NONE), 3);
    rs_dead_letter_box_free(&box);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_box_keeps_and_counts),
        LIVE(test_letters_carry_the_original_and_why),
        LIVE(test_null_and_empty_stay_apart),
        LIVE(test_headers_of_the_original_stay),
        LIVE(test_a_ring_ends_after_some_rounds),
        LIVE(test_acknowledgement_waits_for_the_oldest),
        LIVE(test_refused_topic_is_tried_again),
        LIVE(test_too_large_values_are_left_out_at_last),
        LIVE(test_too_large_keys_are_cut),
        LIVE(test_what_fits_no_topic_is_dropped_by_name),
        LIVE(test_what_the_topic_refuses_for_good_is_dropped),
        LIVE(test_small_letters_among_large_ones_stay_whole),
        LIVE(test_put_refuses_when_full),
        LIVE(test_a_stream_without_topic_counts_only),
        LIVE(test_stop_sends_what_is_pending),
        LIVE(test_stop_ends_in_time_without_a_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
