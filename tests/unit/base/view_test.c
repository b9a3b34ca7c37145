#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/record.h"
#include "base/view.h"

static void expect_slice(struct rs_slice got, const char *wanted)
{
    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
}

static void expect_field(const struct rs_op *op, size_t *cursor, uint32_t number, const char *text)
{
    struct rs_op_field field;
    assert_true(rs_op_field_next(op, cursor, &field));
    assert_int_equal(field.field, number);
    expect_slice(field.text, text);
}

static void fill(struct rs_view_batch *b)
{
    rs_batch_view_begin(b, 3, RS_OP_FIRST, rs_slice_text("BJ:data"));
    rs_batch_field(b, 0, "12.5", 4);
    rs_batch_field(b, 7, "", 0);
    rs_batch_field(b, 65535, "1e+21", 5);
    rs_batch_end(b, -5);
    rs_batch_history_begin(b, 4, rs_slice_text(""), INT64_MIN);
    rs_batch_end(b, 0);
    rs_batch_drop(b, 4294967295u, rs_slice_text("gone"));
}

static void test_a_session_says_how_far_it_reaches(void **state)
{
    (void)state;
    struct rs_view_batch *b = rs_view_batch_new();
    struct rs_op op;
    size_t cursor = 0;
    assert_non_null(b);
    rs_batch_session_begin(b, 4, rs_slice_text("k"), -7, 9);
    rs_batch_field(b, 0, "1", 1);
    rs_batch_end(b, 0);
    rs_batch_session_begin(b, 4, rs_slice_text("k"), 20, 20);
    rs_batch_end(b, 0);
    rs_batch_history_begin(b, 4, rs_slice_text("k"), 30);
    rs_batch_end(b, 0);
    assert_true(rs_batch_next(b, &cursor, &op));
    assert_int_equal(op.kind, RS_OP_HISTORY);
    assert_int_equal(op.flags, RS_OP_SESSION);
    assert_int_equal(op.score_ms, -7);
    assert_int_equal(op.last_ms, 9);
    assert_int_equal(op.field_count, 1);
    assert_true(rs_batch_next(b, &cursor, &op));
    assert_int_equal(op.score_ms, 20);
    assert_int_equal(op.last_ms, 20);
    assert_int_equal(op.field_count, 0);
    assert_true(rs_batch_next(b, &cursor, &op));
    assert_int_equal(op.flags, 0);
    assert_int_equal(op.last_ms, 30);
    assert_false(rs_batch_next(b, &cursor, &op));
    rs_view_batch_free(&b);
}

static void test_what_goes_in_comes_out(void **state)
{
    (void)state;
    struct rs_view_batch *b = rs_view_batch_new();
    struct rs_op op;
    struct rs_op_field field;
    size_t cursor = 0;
    assert_non_null(b);
    fill(b);
    assert_int_equal(b->op_count, 3);

    assert_true(rs_batch_next(b, &cursor, &op));
    assert_int_equal(op.kind, RS_OP_VIEW);
    assert_int_equal(op.aggregate, 3);
    assert_int_equal(op.flags, RS_OP_FIRST);
    assert_int_equal(op.change_ms, -5);
    assert_int_equal(op.field_count, 3);
    expect_slice(op.key, "BJ:data");
    size_t at = 0;
    expect_field(&op, &at, 0, "12.5");
    expect_field(&op, &at, 7, "");
    expect_field(&op, &at, 65535, "1e+21");
    assert_false(rs_op_field_next(&op, &at, &field));

    assert_true(rs_batch_next(b, &cursor, &op));
    assert_int_equal(op.kind, RS_OP_HISTORY);
    assert_int_equal(op.aggregate, 4);
    assert_int_equal(op.flags, 0);
    assert_true(op.score_ms == INT64_MIN);
    assert_int_equal(op.field_count, 0);
    expect_slice(op.key, "");
    at = 0;
    assert_false(rs_op_field_next(&op, &at, &field));

    assert_true(rs_batch_next(b, &cursor, &op));
    assert_int_equal(op.kind, RS_OP_DROP);
    assert_int_equal(op.aggregate, 4294967295u);
    expect_slice(op.key, "gone");
    assert_false(rs_batch_next(b, &cursor, &op));
    assert_false(rs_batch_next(b, &cursor, &op));
    rs_view_batch_free(&b);
    assert_null(b);
}

static void test_reset_keeps_memory_and_nothing_else(void **state)
{
    (void)state;
    struct rs_view_batch *b = rs_view_batch_new();
    struct rs_op op;
    size_t cursor = 0;
    fill(b);
    rs_buf_text(&b->receipt, "receipt");
    rs_buf_text(&b->conflicts, "1234");
    b->offset = 9;
    b->token = 8;
    b->result = RS_BATCH_BEHIND;
    const uint8_t *memory = b->ops.data;
    rs_view_batch_reset(b);
    assert_ptr_equal(b->ops.data, memory);
    assert_int_equal(b->op_count, 0);
    assert_int_equal(b->receipt.size, 0);
    assert_int_equal(b->conflicts.size, 0);
    assert_int_equal(b->offset, 0);
    assert_int_equal(b->token, 0);
    assert_int_equal(b->arrived_us,
                     RS_TIME_NONE); /* also of batches that carry no records: drops after a scan */
    assert_int_equal(b->event_us, RS_TIME_NONE);
    assert_int_equal(b->result, RS_BATCH_NONE);
    assert_false(rs_batch_next(b, &cursor, &op));
    fill(b);
    assert_int_equal(b->op_count, 3);
    rs_view_batch_free(&b);
    rs_view_batch_free(&b);
}

static void test_a_failed_batch_reads_as_empty(void **state)
{
    (void)state;
    struct rs_view_batch *b = rs_view_batch_new();
    struct rs_op op;
    size_t cursor = 0;
    rs_batch_drop(b, 1, rs_slice_text("k"));
    rs_batch_view_begin(b, 1, 0, rs_slice_text("k"));
    assert_false(rs_buf_reserve(&b->ops, SIZE_MAX));
    rs_batch_field(b, 1, "1", 1);
    rs_batch_end(b, 1);
    fill(b);
    assert_true(b->ops.failed);
    assert_int_equal(b->op_count, 1);
    assert_false(rs_batch_next(b, &cursor, &op));
    rs_view_batch_reset(b);
    fill(b);
    assert_int_equal(b->op_count, 3);
    assert_true(rs_batch_next(b, &cursor, &op));
    rs_view_batch_free(&b);
}

static void test_thousands_of_operations(void **state)
{
    (void)state;
    struct rs_view_batch *b = rs_view_batch_new();
    struct rs_op op;
    char key[32];
    size_t cursor = 0;
    for (int round = 0; round < 2; round++) {
        rs_view_batch_reset(b);
        for (unsigned i = 0; i < 20000; i++) {
            int size = snprintf(key, sizeof key, "group:%u", i);
            rs_batch_view_begin(b, i % 7, 0, rs_slice_of(key, (size_t)size));
            for (unsigned f = 0; f < i % 13; f++) {
                rs_batch_field(b, f, key, (size_t)size);
            }
            rs_batch_end(b, i);
        }
    }
    for (unsigned i = 0; i < 20000; i++) {
        assert_true(rs_batch_next(b, &cursor, &op));
        (void)snprintf(key, sizeof key, "group:%u", i);
        expect_slice(op.key, key);
        assert_int_equal(op.change_ms, i);
        size_t at = 0;
        for (unsigned f = 0; f < i % 13; f++) {
            expect_field(&op, &at, f, key);
        }
        assert_int_equal(op.field_count, i % 13);
    }
    assert_false(rs_batch_next(b, &cursor, &op));
    rs_view_batch_free(&b);
}

static void test_keys_are_percent_encoded(void **state)
{
    (void)state;
    struct rs_buf out = {0};
    rs_key_append(&out, rs_slice_text("a:b%c{d}e f"));
    rs_key_append(&out, rs_slice_text(""));
    rs_buf_char(&out, ':');
    rs_key_append(&out, rs_slice_of("\0\n\x1F\x7F~!/\xE5\x8C\x97", 10));
    expect_slice(rs_buf_slice(&out), "a%3Ab%25c%7Bd%7De%20f:%00%0A%1F%7F~!/\xE5\x8C\x97");
    rs_buf_fini(&out);
}

static void test_every_byte_is_encoded_or_itself(void **state)
{
    (void)state;
    struct rs_buf out = {0};
    for (unsigned c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        rs_buf_reset(&out);
        rs_key_append(&out, rs_slice_of(&byte, 1));
        bool encoded = c <= 0x20 || c == 0x7F || strchr(":%{}", (int)c);
        assert_int_equal(out.size, encoded ? 3 : 1);
        if (encoded) {
            assert_int_equal(strtoul(rs_buf_cstr(&out) + 1, NULL, 16), c);
        }
    }
    rs_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_in_comes_out),
        cmocka_unit_test(test_a_session_says_how_far_it_reaches),
        cmocka_unit_test(test_reset_keeps_memory_and_nothing_else),
        cmocka_unit_test(test_a_failed_batch_reads_as_empty),
        cmocka_unit_test(test_thousands_of_operations),
        cmocka_unit_test(test_keys_are_percent_encoded),
        cmocka_unit_test(test_every_byte_is_encoded_or_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
