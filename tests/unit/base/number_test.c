#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "tests/lib/random.h"

#define RANDOM_DOUBLES 1000000

static rs_i128 parsed(const char *text, int scale)
{
    struct rs_error error;
    rs_i128 value = 0;
    assert_int_equal(rs_decimal_parse(rs_slice_text(text), scale, &value, &error), 0);
    return value;
}

static void assert_format(rs_i128 value, int scale, const char *want)
{
    char text[RS_NUMBER_TEXT_MAX + 1] = {0};
    assert_int_equal(rs_decimal_format(value, scale, text), strlen(want));
    assert_string_equal(text, want);
}

static void test_decimals_are_read_exactly(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int scale;
        int64_t want;
    } cases[] = {
        {"0", 0, 0},
        {"-0", 3, 0},
        {"+7", 0, 7},
        {"1.23", 2, 123},
        {"1.23", 4, 12300},
        {"-0.0001", 4, -1},
        {"00012.5", 1, 125},
        {"1.000000000", 2, 100},
        {"1e3", 0, 1000},
        {"1E+3", 2, 100000},
        {"1.10e1", 0, 11},
        {"12300e-2", 0, 123},
        {"1e-3", 3, 1},
        {"0e99999999999", 0, 0},
        {"0.000e-99999999999", 0, 0},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(parsed(cases[i].text, cases[i].scale) == cases[i].want);
    }
    rs_i128 largest = (rs_i128)(rs_pow10_u128(38) - 1);
    assert_true(parsed("99999999999999999999999999999999999999", 0) == largest);
    assert_true(parsed("-0.99999999999999999999999999999999999999", 38) == -largest);
    assert_true(parsed("1e37", 0) == (rs_i128)rs_pow10_u128(37));
}

static void assert_refused(const char *text, int scale, const char *why)
{
    struct rs_error error;
    rs_i128 value = 42;
    assert_int_equal(rs_decimal_parse(rs_slice_text(text), scale, &value, &error), RS_ERECORD);
    assert_string_equal(error.text, why);
    assert_true(value == 42);
}

static void test_decimals_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    const char *wrong[] = {"",    "+",   "-",  ".5", "5.",  "1.e3", "1e",    "1e+",
                           "abc", "0x1", "1 ", " 1", "1,5", "--1",  "1.2.3", "nan"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_refused(wrong[i], 2, "not a number");
    }
    assert_refused("0.001", 2, "more than 2 digits after the point");
    assert_refused("1e-1", 0, "more than 0 digits after the point");
    assert_refused("1e-99999999999999999999", 38, "more than 38 digits after the point");
    assert_refused("100000000000000000000000000000000000000", 0, "more than 38 digits");
    assert_refused("123456789012345678901234567890123456789", 0, "more than 38 digits");
    assert_refused("10000000000000000000000000000000000000.1", 1, "more than 38 digits");
    assert_refused("1e38", 0, "more than 38 digits");
    assert_refused("1", 38, "more than 38 digits");
    assert_refused("1e99999999999999999999", 0, "more than 38 digits");
}

static void test_decimals_are_written_shortest(void **state)
{
    (void)state;
    assert_format(0, 0, "0");
    assert_format(0, 38, "0");
    assert_format(-1, 38, "-0.00000000000000000000000000000000000001");
    assert_format(12300, 4, "1.23");
    assert_format(-12300, 0, "-12300");
    assert_format(100, 2, "1");
    assert_format(5, 1, "0.5");
    assert_format((rs_i128)(~(rs_u128)0 >> 1), 0, "170141183460469231731687303715884105727");
    assert_format(-(rs_i128)(~(rs_u128)0 >> 1) - 1, 38, "-1.70141183460469231731687303715884105728");
    assert_format(INT64_MIN, 18, "-9.223372036854775808");
    assert_format((rs_i128)rs_pow10_u128(38), 38, "1");
    assert_format((rs_i128)rs_pow10_u128(20) + 1, 20, "1.00000000000000000001");
}

static void test_whole_numbers_are_written(void **state)
{
    (void)state;
    char text[RS_NUMBER_TEXT_MAX];
    char want[32];
    int64_t values[] = {0, 1, -1, 9, 10, 99, 100, INT64_MAX, INT64_MIN, 0, 0};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        int size = snprintf(want, sizeof want, "%lld", (long long)values[i]);
        assert_int_equal(rs_int64_format(values[i], text), size);
        assert_memory_equal(text, want, (size_t)size);
    }
    uint64_t power = 1;
    for (int i = 0; i < 20; i++, power *= 10) { /* both sides of every change of length */
        for (uint64_t v = power - 1; v <= power + 1; v++) {
            int size = snprintf(want, sizeof want, "%llu", (unsigned long long)v);
            assert_int_equal(rs_u64_digits(v, text), size);
            assert_memory_equal(text, want, (size_t)size);
        }
    }
    assert_int_equal(rs_u128_digits(~(rs_u128)0, text), 39);
    assert_memory_equal(text, "340282366920938463463374607431768211455", 39);
}

static void test_decimals_survive_the_round_trip(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    rs_i128 limit = (rs_i128)rs_pow10_u128(38);
    for (int i = 0; i < 100000; i++) {
        rs_i128 value = (rs_i128)((rs_u128)rs_random_next(&random) << 64 | rs_random_next(&random)) >>
                        rs_random_next(&random) % 120;
        value %= limit;
        int scale = (int)(rs_random_next(&random) % (RS_SCALE_MAX + 1));
        char text[RS_NUMBER_TEXT_MAX + 1];
        text[rs_decimal_format(value, scale, text)] = '\0';
        assert_true(parsed(text, scale) == value);
    }
}

/* ---- doubles ---- */

static void assert_text(double value, const char *want)
{
    char text[RS_NUMBER_TEXT_MAX + 1] = {0};
    assert_int_equal(rs_double_format(value, text), strlen(want));
    assert_string_equal(text, want);
}

static void test_doubles_have_the_notation_of_ecmascript(void **state)
{
    (void)state;
    assert_text(0.0, "0");
    assert_text(-0.0, "0");
    assert_text(1.0, "1");
    assert_text(-1.5, "-1.5");
    assert_text(0.1, "0.1");
    assert_text(0.1 + 0.2, "0.30000000000000004");
    assert_text(1e21, "1e+21");
    assert_text(123456789012345680000.0, "123456789012345680000");
    assert_text(999999999999999900000.0, "999999999999999900000");
    assert_text(1e-6, "0.000001");
    assert_text(1e-7, "1e-7");
    assert_text(1.5e-7, "1.5e-7");
    assert_text(123e-20, "1.23e-18");
    assert_text(9007199254740991.0, "9007199254740991");
    assert_text(9007199254740993.0, "9007199254740992");
    assert_text(2e-323, "2e-323");
    assert_text(5e-324, "5e-324");
    assert_text(DBL_MIN, "2.2250738585072014e-308");
    assert_text(-DBL_MAX, "-1.7976931348623157e+308");
    assert_text(9.5367431640625e-7, "9.5367431640625e-7");
}

static double reread(const char *text, size_t size)
{
    struct rs_error error;
    double value = 0;
    assert_int_equal(rs_double_parse(rs_slice_of(text, size), &value, &error), 0);
    return value;
}

static void test_doubles_read_back_the_same(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    char text[RS_NUMBER_TEXT_MAX];
    for (int i = 0; i < RANDOM_DOUBLES; i++) {
        uint64_t bits = rs_random_next(&random);
        double value = 0;
        if ((bits >> 52 & 0x7ff) == 0x7ff) {
            continue;
        }
        memcpy(&value, &bits, sizeof value);
        size_t size = rs_double_format(value, text);
        assert_in_range(size, 1, 25);
        double again = reread(text, size);
        assert_memory_equal(&again, &value, sizeof value);
    }
}

static void test_powers_of_two_and_neighbours_read_back_the_same(void **state)
{
    (void)state;
    char text[RS_NUMBER_TEXT_MAX];
    for (uint64_t exponent = 0; exponent < 0x7ff; exponent++) {
        for (uint64_t b = (exponent << 52) + (exponent == 0) - (exponent > 0); b <= (exponent << 52) + 1;
             b++) {
            double value = 0;
            memcpy(&value, &b, sizeof value);
            double again = reread(text, rs_double_format(value, text));
            assert_memory_equal(&again, &value, sizeof value);
        }
    }
}

static float float_of(uint32_t bits)
{
    float value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void test_floats_have_the_digits_of_floats(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *text;
    } cases[] = {
        {19.99F, "19.99"},      {0.1F, "0.1"},
        {-2.5F, "-2.5"},        {0.0F, "0"},
        {-0.0F, "0"},           {16777216.0F, "16777216"},
        {1e10F, "10000000000"}, {3.4028235e38F, "3.4028235e+38"},
        {1e-45F, "1e-45"},      {1.1754944e-38F, "1.1754944e-38"},
        {0.3F, "0.3"},          {123456.79F, "123456.79"},
    };
    char text[RS_NUMBER_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = rs_float_format(cases[i].value, text);
        text[size] = '\0';
        assert_string_equal(text, cases[i].text);
    }
}

/* The text reads back as the same float, and none with a digit less does. */
static void expect_shortest(uint32_t bits)
{
    char text[RS_NUMBER_TEXT_MAX];
    char shorter[RS_NUMBER_TEXT_MAX];
    float value = float_of(bits);
    text[rs_float_format(value, text)] = '\0';
    assert_true(strtof(text, NULL) == value);
    int count = 0;
    int zeros = 0;
    for (const char *p = text; *p != '\0' && *p != 'e'; p++) {
        count += *p != '.' && *p != '-' && (count > 0 || *p != '0');
        zeros = *p == '0' ? zeros + 1 : *p == '.' ? zeros : 0;
    }
    if (count - zeros > 1) {
        (void)snprintf(shorter, sizeof shorter, "%.*e", count - zeros - 2, (double)value);
        assert_true(strtof(shorter, NULL) != value);
    }
}

static void test_floats_read_back_the_same_from_the_fewest_digits(void **state)
{
    (void)state;
    struct rs_random random = {1};
    for (uint32_t exponent = 0; exponent < 0xff; exponent++) {
        expect_shortest((exponent << 23) + (exponent == 0));
        expect_shortest((exponent << 23) + 1);
        expect_shortest((exponent << 23) + 0x7fffff);
    }
    for (int i = 0; i < 300000; i++) {
        expect_shortest((uint32_t)(rs_random_next(&random) >> 16) % 0x7f7fffff + 1);
    }
}

static void test_doubles_are_read_with_one_rounding(void **state)
{
    (void)state;
    struct rs_error error;
    double value = 42;
    char longest[2000];
    assert_true(reread("1e23", 4) == 1e23);
    assert_true(reread("2.4703282292062328e-324", 23) == 5e-324);
    assert_true(reread("2.4703282292062327e-324", 23) == 0);
    assert_true(reread("-9007199254740993", 17) == -9007199254740992.0);
    memset(longest, '0', sizeof longest);
    memcpy(longest, "9007199254740993.", 17);
    assert_true(reread(longest, sizeof longest) == 9007199254740992.0); /* a tie, to even */
    longest[sizeof longest - 1] = '1';
    assert_true(reread(longest, sizeof longest) == 9007199254740994.0); /* above it, 2,000 digits on */
    assert_int_equal(rs_double_parse(rs_slice_text("1e309"), &value, &error), RS_ERECORD);
    assert_string_equal(error.text, "beyond the range of a double");
    assert_int_equal(rs_double_parse(rs_slice_text("inf"), &value, &error), RS_ERECORD);
    assert_string_equal(error.text, "not a number");
    assert_true(value == 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals_are_read_exactly),
        cmocka_unit_test(test_decimals_that_do_not_fit_are_refused),
        cmocka_unit_test(test_decimals_are_written_shortest),
        cmocka_unit_test(test_whole_numbers_are_written),
        cmocka_unit_test(test_decimals_survive_the_round_trip),
        cmocka_unit_test(test_doubles_have_the_notation_of_ecmascript),
        cmocka_unit_test(test_doubles_read_back_the_same),
        cmocka_unit_test(test_powers_of_two_and_neighbours_read_back_the_same),
        cmocka_unit_test(test_floats_have_the_digits_of_floats),
        cmocka_unit_test(test_floats_read_back_the_same_from_the_fewest_digits),
        cmocka_unit_test(test_doubles_are_read_with_one_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
