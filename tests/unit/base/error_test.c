#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

static void test_fail_sets_code_class_and_text(void **state)
{
    (void)state;
    struct rs_error error;
    assert_int_equal(rs_fail(&error, RS_ECONFIG, "line %d", 7), RS_ECONFIG);
    assert_int_equal(error.code, RS_ECONFIG);
    assert_int_equal(error.class, RS_CLASS_FATAL);
    assert_string_equal(error.text, "line 7");
    assert_int_equal(rs_fail(&error, RS_ERECORD, "x"), RS_ERECORD);
    assert_int_equal(error.class, RS_CLASS_BAD_RECORD);
    assert_int_equal(rs_fail(&error, RS_EREDIS, "x"), RS_EREDIS);
    assert_int_equal(error.class, RS_CLASS_RETRY);
}

static void test_every_code_is_negative(void **state)
{
    (void)state;
#define CHECK_CODE(name, class, text) assert_true(RS_##name < 0);
    RS_ERROR_CODES(CHECK_CODE)
#undef CHECK_CODE
}

static void test_an_empty_text_becomes_that_of_the_code(void **state)
{
    (void)state;
    struct rs_error error;
    (void)rs_fail(&error, RS_ETIMEOUT, "%s", "");
    assert_string_equal(error.text, "timed out");
}

static void test_prefix_goes_in_front(void **state)
{
    (void)state;
    struct rs_error error;
    (void)rs_fail(&error, RS_EIO, "no such file");
    assert_int_equal(rs_error_prefix(&error, "stream %s", "trades"), RS_EIO);
    assert_int_equal(rs_error_prefix(&error, "a.yaml"), RS_EIO);
    assert_string_equal(error.text, "a.yaml: stream trades: no such file");
}

static void test_an_error_may_quote_itself(void **state)
{
    (void)state;
    struct rs_error error;
    (void)rs_fail(&error, RS_EIO, "inner");
    assert_int_equal(rs_fail(&error, RS_ECONFIG, "outer: %s", error.text), RS_ECONFIG);
    assert_string_equal(error.text, "outer: inner");
}

/* 3-byte characters do not divide 1023, so a cut in the wrong place splits one. */
static void test_long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    struct rs_error error;
    const size_t most = RS_ERROR_TEXT_MAX - 1;
    char text[3 * 1000 + 1];
    for (size_t i = 0; i < 1000; i++) {
        memcpy(text + 3 * i, "\xE2\x82\xAC", 3);
    }
    text[sizeof text - 1] = '\0';
    (void)rs_fail(&error, RS_EIO, "x%s", text);
    assert_int_equal(strlen(error.text), 1 + (most - 1) / 3 * 3);
    assert_true(rs_utf8_valid((const uint8_t *)error.text, strlen(error.text)));
    (void)rs_error_prefix(&error, "ab");
    assert_int_equal(strlen(error.text), 5 + (most - 5) / 3 * 3);
    assert_memory_equal(error.text, "ab: x\xE2", 6);
    assert_true(rs_utf8_valid((const uint8_t *)error.text, strlen(error.text)));
    (void)rs_error_prefix(&error, "%s", text);
    assert_int_equal(strlen(error.text), RS_ERROR_TEXT_MAX - 1);
    assert_true(rs_utf8_valid((const uint8_t *)error.text, strlen(error.text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_sets_code_class_and_text),
        cmocka_unit_test(test_every_code_is_negative),
        cmocka_unit_test(test_an_empty_text_becomes_that_of_the_code),
        cmocka_unit_test(test_prefix_goes_in_front),
        cmocka_unit_test(test_an_error_may_quote_itself),
        cmocka_unit_test(test_long_texts_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
