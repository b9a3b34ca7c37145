#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time/pattern.h"
#include "base/time/text.h"

#define SECOND RS_US_PER_SECOND

static struct rs_time_pattern pattern_of(const char *text)
{
    struct rs_error error;
    struct rs_time_pattern pattern = {0};
    if (rs_time_pattern_check(text, &pattern, &error) != 0) {
        fail_msg("%s: %s", text, error.text);
    }
    return pattern;
}

static void expect(const char *format, const char *text, const char *iso)
{
    struct rs_error error;
    struct rs_time_pattern pattern = pattern_of(format);
    int64_t us = 0;
    int ns;
    int64_t wanted = 1;
    if (rs_time_parse_pattern(&pattern, rs_slice_text(text), NULL, &us, &ns, &error) != 0) {
        fail_msg("%s as %s: %s", text, format, error.text);
    }
    assert_int_equal(rs_time_parse_iso(rs_slice_text(iso), NULL, &wanted, &error), 0);
    if (us != wanted) {
        fail_msg("%s as %s: %lld, not %lld", text, format, (long long)us, (long long)wanted);
    }
}

static void test_all_conversions(void **state)
{
    (void)state;
    expect("%Y-%m-%d", "2021-06-05", "2021-06-05");
    expect("%Y%m%d%H%M%S", "20210605040302", "2021-06-05T04:03:02");
    expect("%d/%m/%Y", "5/6/2021", "2021-06-05");
    expect("%m/%d/%Y %H:%M", "12/31/2021 9:5", "2021-12-31T09:05");
    expect("%Y-%m-%d %H:%M:%S.%f", "2021-06-05 04:03:02.5", "2021-06-05T04:03:02.5");
    expect("%Y-%m-%d %H:%M:%S.%f", "2021-06-05 04:03:02.123456789", "2021-06-05T04:03:02.123456");
    expect("%Y-%m-%dT%H:%M:%S%z", "2021-06-05T04:03:02+02:00", "2021-06-05T02:03:02");
    expect("%Y-%m-%dT%H:%M:%S%z", "2021-06-05T04:03:02Z", "2021-06-05T04:03:02");
    expect("%Y-%m-%dT%H:%M:%S %z", "2021-06-05T04:03:02 -0530", "2021-06-05T09:33:02");
    expect("%Y %j", "2024 366", "2024-12-31");
    expect("%Y %j", "2023 1", "2023-01-01");
    expect("%d %b %Y", "5 Jun 2021", "2021-06-05");
    expect("%d %b %Y", "5 JUNE 2021", "2021-06-05");
    expect("%b %d, %Y", "september 09, 2021", "2021-09-09");
    expect("%d%b%Y", "05May2021", "2021-05-05");
    expect("%s", "1609459200", "2021-01-01");
    expect("%s", "-1", "1969-12-31T23:59:59");
    expect("%s.%f", "1609459200.25", "2021-01-01T00:00:00.25");
    expect("%s.%f", "-0.25", "1969-12-31T23:59:59.75");
    expect("%s.%f", "-0.0000001", "1969-12-31T23:59:59.999999");
    expect("100%% %Y-%m-%d", "100%  \t2021-06-05", "2021-06-05");
    expect("at  %Y-%m-%d", "at 2021-06-05", "2021-06-05");
}

static void expect_mismatch(const char *format, const char *text, const char *wanted)
{
    struct rs_error error;
    struct rs_time_pattern pattern = pattern_of(format);
    int64_t us = 99;
    int ns;
    assert_int_equal(rs_time_parse_pattern(&pattern, rs_slice_text(text), NULL, &us, &ns, &error),
                     RS_ERECORD);
    assert_string_equal(error.text, wanted);
    assert_int_equal(us, 99);
}

static void test_mismatches_name_the_place(void **state)
{
    (void)state;
    expect_mismatch("%Y-%m-%d", "",
                    "the text does not match the time pattern \"%Y-%m-%d\" from its byte 1 on");
    expect_mismatch("%Y-%m-%d", "2021-06",
                    "the text does not match the time pattern \"%Y-%m-%d\" from its byte 8 on");
    expect_mismatch("%Y-%m-%d", "2021-06-05x",
                    "the text does not match the time pattern \"%Y-%m-%d\" from its byte 11 on");
    expect_mismatch("%Y-%m-%d", "2021/06/05",
                    "the text does not match the time pattern \"%Y-%m-%d\" from its byte 5 on");
    expect_mismatch("%d %b %Y", "5 Foo 2021",
                    "the text does not match the time pattern \"%d %b %Y\" from its byte 3 on");
    expect_mismatch("%Y-%m-%d", "2021-02-30", "the date does not exist in the calendar");
    expect_mismatch("%Y %j", "2023 366", "the date does not exist in the calendar");
    expect_mismatch("%Y %j", "2023 0",
                    "the text does not match the time pattern \"%Y %j\" from its byte 7 on");
    expect_mismatch("%Y-%m-%d %H", "2021-02-03 24", "the time of day does not exist (00:00:00 to 23:59:59)");
    expect_mismatch("%s", "999999999999", "the time is outside the years 1 to 9999");
    expect_mismatch("%s", "1234567890123",
                    "the text does not match the time pattern \"%s\" from its byte 13 on");
}

static void expect_refused(const char *format, const char *wanted)
{
    struct rs_error error;
    struct rs_time_pattern pattern = {.text = "kept"};
    assert_int_equal(rs_time_pattern_check(format, &pattern, &error), RS_EINVAL);
    assert_string_equal(error.text, wanted);
    assert_string_equal(pattern.text, "kept");
}

static void test_patterns_are_checked(void **state)
{
    (void)state;
    expect_refused("%Y-%m-%d %Q",
                   "the time pattern \"%Y-%m-%d %Q\" has an unknown conversion; known are %Y %m %d %H "
                   "%M %S %f %j %b %z %s %%");
    expect_refused("%Y-%m-%d %",
                   "the time pattern \"%Y-%m-%d %\" has an unknown conversion; known are %Y %m %d %H %M "
                   "%S %f %j %b %z %s %%");
    expect_refused("%Y-%m-%d %d", "the time pattern \"%Y-%m-%d %d\" has %d twice");
    static const char *const open[] = {"",      "x",           "%H:%M", "%Y",    "%Y-%m",
                                       "%m-%d", "%Y-%m-%d %j", "%s %Y", "%s %H", "%s %z"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        struct rs_error error;
        struct rs_time_pattern pattern;
        if (rs_time_pattern_check(open[i], &pattern, &error) != RS_EINVAL) {
            fail_msg("%s was accepted", open[i]);
        }
    }
    expect_refused("%Y-%m",
                   "the time pattern \"%Y-%m\" leaves the date open; it needs %Y %m %d, %Y %b %d, %Y %j, or "
                   "%s alone");
}

static void test_zones_apply_where_the_text_has_none(void **state)
{
    (void)state;
    struct rs_error error;
    struct rs_zone *zone = NULL;
    int64_t us = 0;
    int ns;
    assert_int_equal(rs_zone_load("+08:00", &zone, &error), 0);
    struct rs_time_pattern local = pattern_of("%Y-%m-%d %H");
    struct rs_time_pattern offset = pattern_of("%Y-%m-%d %H%z");
    assert_false(local.has_zone);
    assert_true(offset.has_zone);
    assert_int_equal(rs_time_parse_pattern(&local, rs_slice_text("1970-01-01 09"), zone, &us, &ns, &error),
                     0);
    assert_int_equal(us, 3600 * SECOND);
    assert_int_equal(rs_time_parse_pattern(&offset, rs_slice_text("1970-01-01 09Z"), zone, &us, &ns, &error),
                     0);
    assert_int_equal(us, 32400 * SECOND);
    rs_zone_free(&zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_conversions),
        cmocka_unit_test(test_mismatches_name_the_place),
        cmocka_unit_test(test_patterns_are_checked),
        cmocka_unit_test(test_zones_apply_where_the_text_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
