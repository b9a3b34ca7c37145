/* Cutting a letter: it gets smaller with every cut, keeps what fits, and says what is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sink/deadletter/message.h"

static uint8_t bytes[2 << 20];

static struct rs_dead_letter_message *letter_of(size_t key, size_t value, const char *text)
{
    struct rs_record record = {.key = rs_slice_of(bytes, key),
                               .value = rs_slice_of(bytes, value),
                               .offset = 5,
                               .timestamp_us = INT64_C(1733900459123000)};
    static char rule[460];
    memset(rule, 'r', sizeof rule - 1);
    const struct rs_dead_letter from = {.record = &record,
                                        .reason = RS_REASON_RULE,
                                        .text = text,
                                        .rule = rule,
                                        .field = "venue.codes[3]",
                                        .byte = INT64_C(1048575),
                                        .schema = "single-object:0123456789abcdef"};
    struct rs_dead_letter_message *letter = rs_dead_letter_message_new(&from, "sales");
    assert_non_null(letter);
    return letter;
}

/* As if the record had carried them. */
static void add_original_headers(struct rs_dead_letter_message *letter, size_t count, size_t size)
{
    rd_kafka_headers_t *fresh = rd_kafka_headers_new(count);
    const char *name = NULL;
    const void *value = NULL;
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rd_kafka_header_add(fresh, "trace", -1, bytes, (ssize_t)size), 0);
    }
    for (size_t i = 0; rd_kafka_header_get_all(letter->headers, i, &name, &value, &length) == 0; i++) {
        assert_int_equal(rd_kafka_header_add(fresh, name, -1, value, (ssize_t)length), 0);
    }
    rd_kafka_headers_destroy(letter->headers);
    letter->headers = fresh;
    letter->original_headers = count;
}

/* What it takes in Kafka, at most: names and numbers of up to five bytes before each part. */
static size_t weight(const struct rs_dead_letter_message *letter)
{
    const char *name = NULL;
    const void *value = NULL;
    size_t length = 0;
    size_t total = 61 + 30 + letter->key_left + letter->value_left;
    for (size_t i = 0; rd_kafka_header_get_all(letter->headers, i, &name, &value, &length) == 0; i++) {
        total += strlen(name) + length + 10;
    }
    return total;
}

static int64_t number_in(const struct rs_dead_letter_message *letter, const char *name)
{
    const void *value = NULL;
    size_t size = 0;
    char text[32];
    if (rd_kafka_header_get_last(letter->headers, name, &value, &size) != 0) {
        return -1;
    }
    assert_true(size < sizeof text);
    memcpy(text, value, size);
    text[size] = '\0';
    return strtoll(text, NULL, 10);
}

static void test_the_largest_part_goes_first(void **state)
{
    (void)state;
    struct rs_dead_letter_message *letter = letter_of(600000, 500000, NULL);
    assert_true(rs_dead_letter_message_cut(letter));
    assert_int_equal(letter->key_left, RS_DEAD_LETTER_KEY_KEPT);
    assert_int_equal(letter->value_left, 500000);
    assert_int_equal(number_in(letter, "rollstat.key_cut"), 600000);
    assert_int_equal(number_in(letter, "rollstat.value_dropped"), -1);
    assert_true(rs_dead_letter_message_cut(letter));
    assert_int_equal(letter->value_left, 0);
    assert_int_equal(number_in(letter, "rollstat.value_dropped"), 500000);
    rs_dead_letter_message_free(letter);

    letter = letter_of(10, 20, NULL);
    add_original_headers(letter, 3, 100000);
    assert_true(rs_dead_letter_message_cut(letter));
    assert_int_equal(number_in(letter, "rollstat.headers_cut"), 300000);
    assert_int_equal(letter->key_left, 10);
    assert_int_equal(letter->value_left, 20);
    assert_true(weight(letter) < 1500);
    rs_dead_letter_message_free(letter);
}

static void test_sizes_of_every_part(void **state)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 1023, 1024, 1025, 65536, 1048400, 1048576};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    (void)state;
    for (size_t i = 0; i < (size_t)SIZES * SIZES * SIZES; i++) {
        size_t key = sizes[i % SIZES];
        size_t value = sizes[i / SIZES % SIZES];
        size_t header = sizes[i / SIZES / SIZES];
        struct rs_dead_letter_message *letter = letter_of(key, value, NULL);
        add_original_headers(letter, 1, header);
        size_t before = weight(letter);
        int cuts = 0;
        while (rs_dead_letter_message_cut(letter)) {
            /* The last cut may remove a byte and add the header that says so. */
            assert_true(weight(letter) < before || letter->minimal);
            before = weight(letter);
            cuts++;
        }
        assert_true(cuts >= 1 && cuts <= 4);
        assert_true(letter->minimal && letter->cut);
        assert_true(weight(letter) <= RS_DEAD_LETTER_MINIMAL_MAX);
        assert_int_equal(number_in(letter, "rollstat.key_cut"), key > 0 ? (int64_t)key : -1);
        assert_int_equal(number_in(letter, "rollstat.value_dropped"), value > 0 ? (int64_t)value : -1);
        assert_int_equal(number_in(letter, "rollstat.headers_dropped"), 1);
        assert_int_equal(number_in(letter, "rollstat.offset"), 5);
        rs_dead_letter_message_free(letter);
    }
}

static void test_many_headers_and_a_long_text(void **state)
{
    char text[900];
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text + RS_DEAD_LETTER_TEXT_KEPT - 1, "\xC3\xA4", 2); /* a character that the cut would part */
    text[sizeof text - 1] = '\0';
    struct rs_dead_letter_message *letter = letter_of(0, 0, text);
    add_original_headers(letter, 20000, 50);
    assert_true(rs_dead_letter_message_cut(letter));
    assert_true(letter->minimal);
    assert_int_equal(number_in(letter, "rollstat.headers_dropped"), 20000);
    assert_true(weight(letter) <= RS_DEAD_LETTER_MINIMAL_MAX);
    const void *kept = NULL;
    size_t size = 0;
    assert_int_equal(rd_kafka_header_get_last(letter->headers, "rollstat.text", &kept, &size), 0);
    assert_int_equal(size, RS_DEAD_LETTER_TEXT_KEPT - 1);
    assert_false(rs_dead_letter_message_cut(letter));
    rs_dead_letter_message_free(letter);
}

static void expect_text(const struct rs_dead_letter_message *letter, const char *name, const char *expected)
{
    const void *value = NULL;
    size_t size = 0;
    rd_kafka_resp_err_t code = rd_kafka_header_get_last(letter->headers, name, &value, &size);
    assert_int_equal(code == RD_KAFKA_RESP_ERR_NO_ERROR, expected != NULL);
    assert_true(!expected || (size == strlen(expected) && memcmp(value, expected, size) == 0));
}

/* Where it is wrong is said, and nothing about it where that is not known. A minimal letter keeps what is short. */
static void test_headers_of_the_place(void **state)
{
    (void)state;
    struct rs_dead_letter_message *letter = letter_of(5, 0, NULL);
    expect_text(letter, RS_LETTER_FIELD, "venue.codes[3]");
    expect_text(letter, RS_LETTER_BYTE, "1048575");
    expect_text(letter, RS_LETTER_SCHEMA, "single-object:0123456789abcdef");
    assert_true(rs_dead_letter_message_cut(letter));
    assert_true(letter->minimal);
    expect_text(letter, RS_LETTER_RULE, NULL);
    expect_text(letter, RS_LETTER_FIELD, NULL);
    expect_text(letter, RS_LETTER_BYTE, "1048575");
    expect_text(letter, RS_LETTER_SCHEMA, "single-object:0123456789abcdef");
    rs_dead_letter_message_free(letter);

    struct rs_record record = {.offset = 5, .timestamp_us = RS_TIME_NONE};
    const struct rs_dead_letter plain = {
        .record = &record, .reason = RS_REASON_TOMBSTONE, .byte = -1, .field = ""};
    letter = rs_dead_letter_message_new(&plain, "sales");
    assert_non_null(letter);
    assert_int_equal(rd_kafka_header_cnt(letter->headers), 5);
    expect_text(letter, RS_LETTER_FIELD, NULL);
    expect_text(letter, RS_LETTER_BYTE, NULL);
    rs_dead_letter_message_free(letter);
}

/* Memory is bounded by what letters say they take. */
static void test_memory_is_what_was_copied(void **state)
{
    (void)state;
    struct rs_dead_letter_message *letter = letter_of(1000, 3000, NULL);
    assert_true(letter->memory >= 4000 && letter->memory < 4000 + 4096);
    rs_dead_letter_message_free(letter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_largest_part_goes_first),  cmocka_unit_test(test_sizes_of_every_part),
        cmocka_unit_test(test_many_headers_and_a_long_text), cmocka_unit_test(test_headers_of_the_place),
        cmocka_unit_test(test_memory_is_what_was_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
