#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ingest/encode/comma.h"

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        const char *wanted; /* NULL: as it is; "!": a fault */
    } cases[] = {
        {"1.234,56", "1234.56"},
        {"-1.234.567,5", "-1234567.5"},
        {"+12,5", "+12.5"},
        {"0,000", "0.000"},
        {"1.000", "1000"},
        {"1,5E+03", "1.5E+03"},
        {"12", NULL},
        {"", NULL},
        {"abc", NULL},
        {"NaN", NULL},
        {",5", ".5"}, /* for the reader of numbers to judge */
        {"5,", "5."},
        {"1.5", "!"},
        {"1234.567", "!"},
        {"1.23,4", "!"},
        {"1.2345", "!"},
        {"1.234.5", "!"},
        {"..123", "!"},
        {".123", "!"},
        {"1.", "!"},
        {".", "!"},
        {"1,234.56", "!"},
        {"1,234,567", "!"},
        {"1,5,", "!"},
        {"a.123", "!"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[RS_COMMA_TEXT_MAX];
        struct rs_slice number = {0};
        struct rs_error error;
        int rc = rs_comma_number(rs_slice_text(cases[i].text), out, &number, &error);
        if (!cases[i].wanted) {
            assert_int_equal(rc, 0);
        } else if (cases[i].wanted[0] == '!') {
            assert_int_equal(rc, RS_ERECORD);
        } else {
            assert_int_equal(rc, 1);
            assert_int_equal(number.size, strlen(cases[i].wanted));
            assert_memory_equal(number.data, cases[i].wanted, number.size);
        }
    }
}

static void test_long_texts(void **state)
{
    char text[RS_COMMA_TEXT_MAX + 2];
    char out[RS_COMMA_TEXT_MAX];
    struct rs_slice number = {0};
    struct rs_error error;
    (void)state;
    memset(text, '1', sizeof text);
    text[1] = ',';
    assert_int_equal(rs_comma_number(rs_slice_of(text, RS_COMMA_TEXT_MAX), out, &number, &error), 1);
    assert_int_equal(number.size, RS_COMMA_TEXT_MAX);
    assert_int_equal(rs_comma_number(rs_slice_of(text, RS_COMMA_TEXT_MAX + 1), out, &number, &error),
                     RS_ERECORD);
    text[1] = '1';
    assert_int_equal(rs_comma_number(rs_slice_of(text, sizeof text), out, &number, &error), 0);
}

static void test_likely(void **state)
{
    static const char *const likely[] = {"1,5", "1.234,56", "-0,1", "1,000"};
    static const char *const unlikely[] = {"", ",", "1", "1,", ",5", "a,5", "1,234.56", "1,5 EUR", "1, 5"};
    (void)state;
    for (size_t i = 0; i < sizeof likely / sizeof likely[0]; i++) {
        assert_true(rs_comma_likely(rs_slice_text(likely[i])));
    }
    for (size_t i = 0; i < sizeof unlikely / sizeof unlikely[0]; i++) {
        assert_false(rs_comma_likely(rs_slice_text(unlikely[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_long_texts),
                                       cmocka_unit_test(test_likely)};
    return cmocka_run_group_tests_name("comma", tests, NULL, NULL);
}
