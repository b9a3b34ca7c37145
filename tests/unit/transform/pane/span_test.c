/* Spans: what lies a day to a year before, over ends of months, leap years and the beginning of all time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/record.h"
#include "base/time/civil.h"
#include "transform/pane/span.h"

/* A time of day that has to stay, before 1970 too. */
#define CLOCK INT64_C(86399999999)

static int64_t at(int year, int month, int day)
{
    return rs_days_from_civil(year, month, day) * RS_US_PER_DAY + CLOCK;
}

static void test_the_same_day(void **state)
{
    (void)state;
    assert_int_equal(rs_span_before(at(2024, 3, 1), RS_SPAN_DAY), at(2024, 2, 29));
    assert_int_equal(rs_span_before(at(1900, 3, 1), RS_SPAN_DAY), at(1900, 2, 28));
    assert_int_equal(rs_span_before(at(2025, 1, 3), RS_SPAN_WEEK), at(2024, 12, 27));
    assert_int_equal(rs_span_before(at(2025, 1, 15), RS_SPAN_MONTH), at(2024, 12, 15));
    assert_int_equal(rs_span_before(at(2025, 2, 15), RS_SPAN_QUARTER), at(2024, 11, 15));
    assert_int_equal(rs_span_before(at(1961, 5, 9), RS_SPAN_YEAR), at(1960, 5, 9));
}

static void test_ends_of_months(void **state)
{
    (void)state;
    assert_int_equal(rs_span_before(at(2024, 2, 29), RS_SPAN_YEAR), at(2023, 2, 28));
    assert_int_equal(rs_span_before(at(2025, 2, 28), RS_SPAN_YEAR), at(2024, 2, 29));
    assert_int_equal(rs_span_before(at(2024, 2, 28), RS_SPAN_YEAR), at(2023, 2, 28)); /* there is no other */
    assert_int_equal(rs_span_before(at(2024, 2, 29), RS_SPAN_MONTH), at(2024, 1, 31));
    assert_int_equal(rs_span_before(at(2023, 3, 30), RS_SPAN_MONTH), at(2023, 2, 28));
    assert_int_equal(rs_span_before(at(2023, 5, 31), RS_SPAN_QUARTER), at(2023, 2, 28));
    assert_int_equal(rs_span_before(at(2023, 6, 30), RS_SPAN_QUARTER), at(2023, 3, 31));
    assert_int_equal(rs_span_before(at(2023, 12, 31), RS_SPAN_QUARTER), at(2023, 9, 30));
}

static void test_before_all_time(void **state)
{
    (void)state;
    assert_int_equal(rs_span_before(at(1, 1, 1), RS_SPAN_DAY), RS_TIME_NONE);
    assert_int_equal(rs_span_before(at(1, 1, 7), RS_SPAN_WEEK), RS_TIME_NONE);
    assert_int_equal(rs_span_before(at(1, 1, 8), RS_SPAN_WEEK), at(1, 1, 1));
    assert_int_equal(rs_span_before(at(1, 1, 31), RS_SPAN_MONTH), RS_TIME_NONE);
    assert_int_equal(rs_span_before(at(1, 2, 1), RS_SPAN_MONTH), at(1, 1, 1));
    assert_int_equal(rs_span_before(at(1, 3, 31), RS_SPAN_QUARTER), RS_TIME_NONE);
    assert_int_equal(rs_span_before(at(1, 12, 31), RS_SPAN_YEAR), RS_TIME_NONE);
    assert_int_equal(rs_span_before(at(2, 1, 1), RS_SPAN_YEAR), at(1, 1, 1));
    assert_int_equal(rs_span_before(RS_TIME_MAX_US, RS_SPAN_YEAR), at(9998, 12, 31));
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"1y", "1q", "1mo", "1w", "1d"};
    static const char *const wrong[] = {"", "1", "y", "2y", "1m", "1yr", "365d", " 1y"};
    int64_t span = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_true(rs_span_read(rs_slice_text(texts[i]), &span));
        assert_true(span <= 0);
        assert_string_equal(rs_span_text(span), texts[i]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(rs_span_read(rs_slice_text(wrong[i]), &span));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_day),
        cmocka_unit_test(test_ends_of_months),
        cmocka_unit_test(test_before_all_time),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
