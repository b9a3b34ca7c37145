#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/unit.h"
#include "tests/lib/random.h"

static void expect_duration(const char *text, int64_t wanted)
{
    struct rs_error error;
    int64_t us = -1;
    assert_int_equal(rs_duration_parse(text, &us, &error), 0);
    assert_true(us == wanted);
}

static void test_durations_are_read(void **state)
{
    (void)state;
    expect_duration("0", 0);
    expect_duration("0s", 0);
    expect_duration("7us", 7);
    expect_duration("100ms", 100000);
    expect_duration("30s", 30000000);
    expect_duration("5m", 300000000);
    expect_duration("1h", INT64_C(3600000000));
    expect_duration("7d", INT64_C(604800000000));
    expect_duration("2w", INT64_C(1209600000000));
    expect_duration("1h30m", INT64_C(5400000000));
    expect_duration("1w2d3h4m5s6ms7us", INT64_C(788645006007));
    expect_duration("90m", INT64_C(5400000000));
    expect_duration("0009223372036854775807us", INT64_MAX);
    expect_duration("106751991d4h54s775ms807us", INT64_MAX);
}

static void expect_no_duration(const char *text, const char *wanted)
{
    struct rs_error error;
    int64_t us = -7;
    assert_int_equal(rs_duration_parse(text, &us, &error), RS_EINVAL);
    assert_string_equal(error.text, wanted);
    assert_int_equal(us, -7);
}

static void test_bad_durations_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "5",    "s",     "-5s",  "+5s",         "5 s",
                                      "5s ",  "1.5h", "30m1h", "1h1h", "5sec",        "5S",
                                      "1h30", "00",   "5m-3s", "1e3s", "\xE2\x82\xAC"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char wanted[160];
        (void)snprintf(wanted, sizeof wanted,
                       "\"%s\" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or 2w", bad[i]);
        expect_no_duration(bad[i], wanted);
    }
    expect_no_duration(
        "9223372036854775808us",
        "the duration \"9223372036854775808us\" is too long: at most about 292000 years can be told");
    expect_no_duration("15250285w",
                       "the duration \"15250285w\" is too long: at most about 292000 years can be told");
    expect_no_duration(
        "106751991d4h54s775ms808us",
        "the duration \"106751991d4h54s775ms808us\" is too long: at most about 292000 years can be told");
    expect_no_duration(
        "99999999999999999999s",
        "the duration \"99999999999999999999s\" is too long: at most about 292000 years can be told");
}

static void expect_format(int64_t us, const char *wanted)
{
    char text[RS_DURATION_TEXT_MAX];
    rs_duration_format(us, text, sizeof text);
    assert_string_equal(text, wanted);
}

static void test_durations_are_written(void **state)
{
    (void)state;
    expect_format(0, "0s");
    expect_format(1, "1us");
    expect_format(90000000, "1m30s");
    expect_format(INT64_C(604800000000), "7d");
    expect_format(INT64_C(90061001001), "1d1h1m1s1ms1us");
    expect_format(-90000000, "-1m30s");
    expect_format(INT64_MAX, "106751991d4h54s775ms807us");
    expect_format(INT64_MIN, "-106751991d4h54s775ms808us");
    char small[4];
    rs_duration_format(90000000, small, sizeof small);
    assert_string_equal(small, "1m3");
}

static void test_written_durations_are_read_back(void **state)
{
    (void)state;
    struct rs_random random = {42};
    for (int i = 0; i < 10000; i++) {
        int64_t us = (int64_t)(rs_random_next(&random) >> (1 + i % 60));
        char text[RS_DURATION_TEXT_MAX];
        rs_duration_format(us, text, sizeof text);
        expect_duration(text, us);
    }
}

static void test_sizes_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {
        {"0", 0},          {"512", 512},         {"512B", 512},           {"64KiB", 65536},
        {"1MiB", 1048576}, {"2GiB", 2147483648}, {"1TiB", 1099511627776}, {"5kB", 5000},
        {"5MB", 5000000},  {"5GB", 5000000000},  {"5TB", 5000000000000},  {"9223372036854775807", INT64_MAX},
    };
    struct rs_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t bytes = -1;
        assert_int_equal(rs_bytes_parse(cases[i].text, &bytes, &error), 0);
        assert_true(bytes == cases[i].bytes);
    }
}

static void test_bad_sizes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "KiB", "-1", "1.5MiB", "1 MiB",
                                      "1mib", "1KB", "1K", "1MiBs",  "0x10"};
    struct rs_error error;
    int64_t bytes = -7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char wanted[160];
        assert_int_equal(rs_bytes_parse(bad[i], &bytes, &error), RS_EINVAL);
        (void)snprintf(wanted, sizeof wanted, "\"%s\" is not a size: write it like 512, 64KiB, 1MiB or 2GB",
                       bad[i]);
        assert_string_equal(error.text, wanted);
    }
    assert_int_equal(rs_bytes_parse("9223372036854775808", &bytes, &error), RS_EINVAL);
    assert_string_equal(error.text, "the size \"9223372036854775808\" is too large");
    assert_int_equal(rs_bytes_parse("8388608TiB", &bytes, &error), RS_EINVAL);
    assert_int_equal(bytes, -7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations_are_read),    cmocka_unit_test(test_bad_durations_are_refused),
        cmocka_unit_test(test_durations_are_written), cmocka_unit_test(test_written_durations_are_read_back),
        cmocka_unit_test(test_sizes_are_read),        cmocka_unit_test(test_bad_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
