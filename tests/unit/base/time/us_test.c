#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time/text.h"
#include "base/time/us.h"

static void expect_nanos(int64_t ns, int64_t us, int rest)
{
    int found = -1;
    assert_int_equal(rs_us_from_nanos(ns, &found), us);
    assert_int_equal(found, rest);
}

static void test_nanoseconds_are_floored(void **state)
{
    (void)state;
    expect_nanos(0, 0, 0);
    expect_nanos(999, 0, 999);
    expect_nanos(1000, 1, 0);
    expect_nanos(-1, -1, 999);
    expect_nanos(-999, -1, 1);
    expect_nanos(-1000, -1, 0);
    expect_nanos(-1001, -2, 999);
    expect_nanos(INT64_MAX, INT64_C(9223372036854775), 807);
    expect_nanos(INT64_MIN, INT64_C(-9223372036854776), 192);
    assert_true(rs_time_in_range(INT64_C(9223372036854775)));
    assert_true(rs_time_in_range(INT64_C(-9223372036854776)));
}

static void test_milliseconds_that_do_not_fit(void **state)
{
    (void)state;
    assert_int_equal(rs_us_from_millis(-7), -7000);
    assert_int_equal(rs_us_from_millis(INT64_MAX / 1000), INT64_MAX / 1000 * 1000);
    assert_int_equal(rs_us_from_millis(INT64_MIN / 1000), INT64_MIN / 1000 * 1000);
    assert_int_equal(rs_us_from_millis(INT64_MAX / 1000 + 1), INT64_MAX);
    assert_int_equal(rs_us_from_millis(INT64_MIN / 1000 - 1), INT64_MIN);
    assert_false(rs_time_in_range(INT64_MAX));
    assert_false(rs_time_in_range(INT64_MIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nanoseconds_are_floored),
        cmocka_unit_test(test_milliseconds_that_do_not_fit),
    };
    return cmocka_run_group_tests_name("base.time.us", tests, NULL, NULL);
}
