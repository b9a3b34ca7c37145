/* Powers of two and logarithms in whole numbers: what they must hold on every machine, to the bit where it is known, and against
 * libm within what both may be off by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "tests/lib/random.h"
#include "transform/number/logarithm.h"

#define ROUNDS 20000

static void test_powers(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    assert_true(rs_power_of_two(0) == UINT64_C(1) << 62);
    assert_true(rs_power_of_two(UINT64_C(1) << 63) == UINT64_C(0x5a827999fcef3242)); /* sqrt(2) */
    assert_true(rs_power_of_two(UINT64_MAX) < UINT64_C(1) << 63);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t fraction = rs_random_next(&random);
        uint64_t power = rs_power_of_two(fraction);
        double wanted = exp2(ldexp((double)(fraction >> 11), -53));
        assert_true(fabs(ldexp((double)power, -62) - wanted) <= 4 * DBL_EPSILON);
        assert_true(power >= UINT64_C(1) << 62 && power < UINT64_C(1) << 63);
        assert_true(fraction > UINT64_MAX - 64 || rs_power_of_two(fraction + 64) >= power);
    }
}

static double log_of(double a, double b)
{
    return rs_log_of_ratio(rs_positive_of_double(a), rs_positive_of_double(b));
}

static void test_logarithms(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    assert_true(log_of(3, 3) == 0);
    assert_true(log_of(2, 1) == 0x1.62e42fefa39efp-1);
    assert_true(log_of(1, 2) == -0x1.62e42fefa39efp-1);
    assert_true(log_of(10, 1) == 0x1.26bb1bbb55516p+1);
    assert_true(log_of(1 + DBL_EPSILON, 1) == DBL_EPSILON * (1 - DBL_EPSILON / 2));
    assert_true(log_of(DBL_MAX, DBL_TRUE_MIN) == log(DBL_MAX) - log(DBL_TRUE_MIN));
    for (int i = 0; i < ROUNDS; i++) {
        double b =
            ldexp((double)(1 + rs_random_below(&random, 1u << 30)), (int)rs_random_below(&random, 40) - 20);
        double a = rs_random_one_in(&random, 2) ? nextafter(b, HUGE_VAL)
                                                : b * (0.5 + (double)rs_random_below(&random, 1000));
        double wanted = log1p((a - b) / b);
        assert_true(log_of(a, b) == -log_of(b, a));
        assert_true(fabs(log_of(a, b) - wanted) <= 8 * DBL_EPSILON * fabs(wanted));
    }
}

/* A decimal and a double of one value are the same number. */
static void test_whole_numbers(void **state)
{
    (void)state;
    struct rs_positive largest = rs_positive_of_whole(((rs_u128)1 << 127) - 1);
    struct rs_positive next = rs_positive_of_whole(((rs_u128)1 << 127) - 2);
    assert_true(rs_log_of_ratio(rs_positive_of_whole(1000), rs_positive_of_whole(999)) == log_of(1000, 999));
    assert_true(rs_log_of_ratio(largest, next) == 0x1p-127);
    assert_true(rs_log_of_ratio(largest, rs_positive_of_whole(1)) == 127 * 0x1.62e42fefa39efp-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_powers),
        cmocka_unit_test(test_logarithms),
        cmocka_unit_test(test_whole_numbers),
    };
    return cmocka_run_group_tests_name("logarithm", tests, NULL, NULL);
}
