#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/time/text.h"
#include "tests/lib/random.h"

#define SECOND RS_US_PER_SECOND

static void test_days_count_both_ways(void **state)
{
    (void)state;
    int year;
    int month;
    int day;
    int64_t expected = RS_DAY_MIN;
    for (int y = 1; y <= 9999; y++) {
        for (int m = 1; m <= 12; m++) {
            for (int d = 1; d <= 31; d++) {
                if (!rs_civil_valid(y, m, d)) {
                    continue;
                }
                if (rs_days_from_civil(y, m, d) != expected) {
                    fail_msg("%d-%d-%d", y, m, d);
                }
                rs_civil_from_days(expected, &year, &month, &day);
                if (year != y || month != m || day != d) {
                    fail_msg("day %lld is not %d-%d-%d", (long long)expected, year, month, day);
                }
                expected++;
            }
        }
    }
    assert_int_equal(expected, RS_DAY_MAX + 1);
    assert_int_equal(rs_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(rs_days_from_civil(2000, 3, 1), 11017);
    rs_civil_from_days(RS_DAY_MIN - 1, &year, &month, &day);
    assert_int_equal(year, 0);
    assert_int_equal(month, 12);
    assert_int_equal(day, 31);
}

static void test_calendar_rules(void **state)
{
    (void)state;
    assert_true(rs_civil_valid(2024, 2, 29));
    assert_false(rs_civil_valid(2023, 2, 29));
    assert_false(rs_civil_valid(1900, 2, 29));
    assert_true(rs_civil_valid(2000, 2, 29));
    assert_false(rs_civil_valid(2023, 4, 31));
    assert_false(rs_civil_valid(2023, 0, 1));
    assert_false(rs_civil_valid(2023, 13, 1));
    assert_false(rs_civil_valid(2023, 1, 0));
    assert_false(rs_civil_valid(0, 1, 1));
    assert_false(rs_civil_valid(10000, 1, 1));
}

static void expect_iso(const char *text, int64_t wanted)
{
    struct rs_error error;
    int64_t us = 12345;
    if (rs_time_parse_iso(rs_slice_text(text), NULL, &us, &error) != 0) {
        fail_msg("%s: %s", text, error.text);
    }
    if (us != wanted) {
        fail_msg("%s: %lld, not %lld", text, (long long)us, (long long)wanted);
    }
}

static void test_iso_times(void **state)
{
    (void)state;
    const int64_t base = INT64_C(1609459200) * SECOND; /* 2021-01-01 */
    expect_iso("1970-01-01", 0);
    expect_iso("1970-01-01T00:00:00Z", 0);
    expect_iso("2021-01-01T00:00", base);
    expect_iso("2021-01-01t00:00:00z", base);
    expect_iso("2021-01-01 01:02:03", base + 3723 * SECOND);
    expect_iso("2021-01-01 01:02:03.5", base + 3723 * SECOND + 500000);
    expect_iso("2021-01-01 01:02:03,000001", base + 3723 * SECOND + 1);
    expect_iso("2021-01-01T01:02:03.123456789Z", base + 3723 * SECOND + 123456);
    expect_iso("2021-01-01T01:02:03+01:00", base + 123 * SECOND);
    expect_iso("2021-01-01T01:02:03-0130", base + (3723 + 5400) * SECOND);
    expect_iso("2021-01-01T01:02+01", base + 120 * SECOND);
    expect_iso("1969-12-31T23:59:59.999999Z", -1);
    expect_iso("1969-12-31T23:59:59.9999999Z", -1);
    expect_iso("0001-01-01T00:00:00Z", RS_TIME_MIN_US);
    expect_iso("9999-12-31T23:59:59.999999999Z", RS_TIME_MAX_US);
}

static void expect_no_iso(const char *text, const char *wanted)
{
    struct rs_error error;
    int64_t us = 12345;
    assert_int_equal(rs_time_parse_iso(rs_slice_text(text), NULL, &us, &error), RS_ERECORD);
    assert_string_equal(error.text, wanted);
    assert_int_equal(error.class, RS_CLASS_BAD_RECORD);
    assert_int_equal(us, 12345);
}

static void test_bad_iso_times(void **state)
{
    (void)state;
    static const char shape[] = "not a time in ISO 8601, such as 2026-01-31 or 2026-01-31T23:59:59.5Z";
    static const char *const shapes[] = {
        "",
        "2021",
        "2021-1-1",
        "2021-01-01T",
        "2021-01-01T00",
        "2021-01-01T00:0",
        "2021-01-01T00:00:0",
        "2021-01-01T00:00:00.",
        "2021-01-01T00:00:00.1234567890",
        "2021-01-01T00:00:00+",
        "2021-01-01T00:00:00+1",
        "2021-01-01T00:00:00+01:",
        "2021-01-01T00:00:00+24:00",
        "2021-01-01T00:00:00+01:60",
        "2021-01-01 ",
        " 2021-01-01",
        "2021-01-01Z",
        "2021-01-01T00:00:00Zx",
        "20210101",
        "-2021-01-01",
        "12021-01-01",
        "2021/01/01",
        "2021-01-01T00:00:00 Z",
        "2021-01-01T-1:00",
        "2021-01-01T00:00.5",
    };
    static const char calendar[] = "the date does not exist in the calendar";
    static const char clock[] = "the time of day does not exist (00:00:00 to 23:59:59)";
    static const char range[] = "the time is outside the years 1 to 9999";
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        expect_no_iso(shapes[i], shape);
    }
    expect_no_iso("2021-02-29", calendar);
    expect_no_iso("2021-13-01", calendar);
    expect_no_iso("2021-00-01", calendar);
    expect_no_iso("0000-01-01", calendar);
    expect_no_iso("2021-01-01T24:00:00", clock);
    expect_no_iso("2021-01-01T23:60:00", clock);
    expect_no_iso("2016-12-31T23:59:60Z", clock);
    expect_no_iso("0001-01-01T00:00:00+00:01", range);
    expect_no_iso("9999-12-31T23:59:59-00:01", range);
}

static void test_dates(void **state)
{
    (void)state;
    struct rs_error error;
    int64_t days = -5;
    assert_int_equal(rs_date_parse(rs_slice_text("2000-03-01"), &days, &error), 0);
    assert_int_equal(days, 11017);
    assert_int_equal(rs_date_parse(rs_slice_text("2000-03-01T00:00"), &days, &error), RS_ERECORD);
    assert_string_equal(error.text, "not a date like 2026-01-31");
    assert_int_equal(rs_date_parse(rs_slice_text("2001-02-29"), &days, &error), RS_ERECORD);
    assert_string_equal(error.text, "the date does not exist in the calendar");
    assert_int_equal(days, 11017);
}

static void expect_period(const char *text, const char *start)
{
    struct rs_error error;
    int64_t days = 0;
    int64_t wanted = 1;
    if (rs_period_parse(rs_slice_text(text), &days, &error) != 0) {
        fail_msg("%s: %s", text, error.text);
    }
    assert_int_equal(rs_date_parse(rs_slice_text(start), &wanted, &error), 0);
    assert_int_equal(days, wanted);
}

static void test_periods(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "21",      "2021-",    "2021-13",  "2021-00", "2021-Q0",    "2021-Q5",
        "2021-Q",   "2021-H3", "2021-W53", "2021-W00", "2021-W1", "2021-06-31", "2021-6",
        "2021-06-", "2021Q1x", "2021-q1",  "202106",   "0000",    "2021-06-1",  "2021/06"};
    expect_period("2021", "2021-01-01");
    expect_period("2021-06", "2021-06-01");
    expect_period("2021-06-15", "2021-06-15");
    expect_period("2021-Q1", "2021-01-01");
    expect_period("2021-Q2", "2021-04-01");
    expect_period("2021-Q3", "2021-07-01");
    expect_period("2021Q4", "2021-10-01");
    expect_period("2021-H1", "2021-01-01");
    expect_period("2021H2", "2021-07-01");
    expect_period("2021-W01", "2021-01-04");
    expect_period("2020-W01", "2019-12-30");
    expect_period("2020-W53", "2020-12-28");
    expect_period("0001", "0001-01-01");
    expect_period("9999-Q4", "9999-10-01");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rs_error error;
        int64_t days = 77;
        if (rs_period_parse(rs_slice_text(bad[i]), &days, &error) != RS_ERECORD) {
            fail_msg("%s was read", bad[i]);
        }
        assert_string_equal(error.text,
                            "not a period like 2026, 2026-H1, 2026-Q1, 2026-01, 2026-W05 or 2026-01-31");
        assert_int_equal(days, 77);
    }
}

static void expect_text(int64_t us, const char *wanted)
{
    char text[RS_TIME_TEXT_MAX];
    size_t size = rs_time_format(us, text);
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(text, wanted, size);
    expect_iso(wanted, us);
}

static void test_writing(void **state)
{
    (void)state;
    char text[RS_TIME_TEXT_MAX];
    expect_text(0, "1970-01-01T00:00:00Z");
    expect_text(-1, "1969-12-31T23:59:59.999999Z");
    expect_text(INT64_C(1767225600123456), "2026-01-01T00:00:00.123456Z");
    expect_text(INT64_C(1767225600500000), "2026-01-01T00:00:00.5Z");
    expect_text(INT64_C(1767225600000010), "2026-01-01T00:00:00.00001Z");
    expect_text(INT64_C(1767311999000000), "2026-01-01T23:59:59Z");
    expect_text(RS_TIME_MIN_US, "0001-01-01T00:00:00Z");
    expect_text(RS_TIME_MAX_US, "9999-12-31T23:59:59.999999Z");
    assert_int_equal(rs_date_format(RS_DAY_MIN, text), 10);
    assert_memory_equal(text, "0001-01-01", 10);
    assert_int_equal(rs_date_format(RS_DAY_MAX, text), 10);
    assert_memory_equal(text, "9999-12-31", 10);
}

static void test_nanoseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        int ns;
        const char *text;
    } cases[] = {{0, 900, "1970-01-01T00:00:00.0000009Z"},
                 {0, 1, "1970-01-01T00:00:00.000000001Z"},
                 {-1, 999, "1969-12-31T23:59:59.999999999Z"},
                 {-1, 0, "1969-12-31T23:59:59.999999Z"},
                 {RS_TIME_MAX_US, 999, "9999-12-31T23:59:59.999999999Z"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[RS_TIME_TEXT_MAX];
        struct rs_error error;
        int64_t us = 7;
        int ns = 7;
        size_t size = rs_time_format_exact(cases[i].us, cases[i].ns, text);
        assert_true(rs_slice_equal(rs_slice_of(text, size), rs_slice_text(cases[i].text)));
        assert_int_equal(rs_time_parse_iso_exact(rs_slice_text(cases[i].text), NULL, &us, &ns, &error), 0);
        assert_true(us == cases[i].us && ns == cases[i].ns);
    }
}

static void test_what_is_written_is_read_back(void **state)
{
    (void)state;
    struct rs_random random = {7};
    const uint64_t span = (uint64_t)(RS_TIME_MAX_US - RS_TIME_MIN_US);
    for (int i = 0; i < 100000; i++) {
        int64_t us = RS_TIME_MIN_US + (int64_t)rs_random_below(&random, span);
        struct rs_error error;
        char text[RS_TIME_TEXT_MAX];
        int64_t back = 0;
        size_t size = rs_time_format(us, text);
        assert_int_equal(rs_time_parse_iso(rs_slice_of(text, size), NULL, &back, &error), 0);
        assert_true(back == us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_count_both_ways),
        cmocka_unit_test(test_calendar_rules),
        cmocka_unit_test(test_iso_times),
        cmocka_unit_test(test_bad_iso_times),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_nanoseconds),
        cmocka_unit_test(test_what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
