#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"

static void expect_text(struct rs_buf *buf, const char *wanted)
{
    assert_false(buf->failed);
    assert_string_equal(rs_buf_cstr(buf), wanted);
    assert_int_equal(buf->size, strlen(wanted));
    rs_buf_reset(buf);
}

static void test_appends_in_all_forms(void **state)
{
    (void)state;
    struct rs_buf buf = {0};
    rs_buf_put(&buf, NULL, 0);
    assert_int_equal(rs_buf_slice(&buf).size, 0);
    rs_buf_put(&buf, "ab", 2);
    rs_buf_text(&buf, "cd");
    rs_buf_char(&buf, 'e');
    rs_buf_printf(&buf, "%d-%s", 42, "x");
    rs_buf_printf(&buf, "%s", "");
    expect_text(&buf, "abcde42-x");
    rs_buf_fini(&buf);
    assert_null(buf.data);
}

static void test_grows_past_every_size(void **state)
{
    (void)state;
    struct rs_buf buf = {0};
    for (int i = 0; i < 10000; i++) {
        rs_buf_printf(&buf, "%04d", i);
    }
    assert_int_equal(buf.size, 40000);
    assert_memory_equal(buf.data + 4936, "1234", 4);
    assert_memory_equal(buf.data + 39996, "9999", 4);
    rs_buf_fini(&buf);
}

static void test_failure_is_sticky_until_reset(void **state)
{
    (void)state;
    struct rs_buf buf = {0};
    rs_buf_text(&buf, "kept");
    assert_false(rs_buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    rs_buf_text(&buf, "ignored");
    rs_buf_char(&buf, 'x');
    rs_buf_printf(&buf, "%d", 1);
    assert_null(rs_buf_cstr(&buf));
    assert_int_equal(buf.size, 4);
    rs_buf_reset(&buf);
    rs_buf_text(&buf, "again");
    expect_text(&buf, "again");
    rs_buf_fini(&buf);
}

static void test_json_strings(void **state)
{
    (void)state;
    struct rs_buf buf = {0};
    rs_buf_json_string(&buf, rs_slice_text(""));
    expect_text(&buf, "\"\"");
    rs_buf_json_string(&buf, rs_slice_text("a\"b\\c/\b\f\n\r\t\x01\x1F\x7F"));
    expect_text(&buf, "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\"");
    rs_buf_json_string(&buf, rs_slice_of("\0x", 2));
    expect_text(&buf, "\"\\u0000x\"");
    rs_buf_json_string(&buf, rs_slice_text("\xE5\x8C\x97 \xF0\x9F\x98\x80"));
    expect_text(&buf, "\"\xE5\x8C\x97 \xF0\x9F\x98\x80\"");
    rs_buf_json_string(&buf, rs_slice_text("a\xFFz\xE2\x82"));
    expect_text(&buf, "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\"");
    rs_buf_fini(&buf);
}

static void test_bytes_from_outside_are_made_printable(void **state)
{
    struct rs_buf buf = {0};
    (void)state;
    rs_buf_printable(&buf, rs_slice_text("a\xc3\xa9\x1b[2J\n\xc2\x9b\xff\xe4\xb8z\x7f"));
    assert_string_equal(rs_buf_cstr(&buf), "a\xc3\xa9?[2J?????z?");
    rs_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_in_all_forms),
        cmocka_unit_test(test_grows_past_every_size),
        cmocka_unit_test(test_failure_is_sticky_until_reset),
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_bytes_from_outside_are_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
