#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/lib/virtual_clock.h"

static void test_virtual_time_moves_only_when_told(void **state)
{
    (void)state;
    struct rs_clock_virtual v;
    rs_clock_virtual_init(&v, 1600000000000000);
    assert_int_equal(rs_clock_mono(&v.clock), 0);
    assert_int_equal(rs_clock_wall(&v.clock), 1600000000000000);
    rs_clock_virtual_advance(&v, 250);
    assert_int_equal(rs_clock_mono(&v.clock), 250);
    assert_int_equal(rs_clock_wall(&v.clock), 1600000000000250);
}

static void test_system_time_does_not_go_back(void **state)
{
    (void)state;
    const struct rs_clock *clock = rs_clock_system();
    int64_t first = rs_clock_mono(clock);
    assert_true(rs_clock_mono(clock) >= first);
    assert_true(rs_clock_wall(clock) > INT64_C(1700000000) * 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_virtual_time_moves_only_when_told),
        cmocka_unit_test(test_system_time_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
