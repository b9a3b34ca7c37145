#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/lib/random.h"
#include "transform/number/exact.h"

static struct rs_exact exact_of(rs_i128 value)
{
    struct rs_exact out;
    rs_exact_set_i128(&out, value);
    return out;
}

static void assert_double(double got, double want)
{
    if (memcmp(&got, &want, sizeof want) != 0) {
        fail_msg("%a, not %a", got, want);
    }
}

static void assert_ratio(rs_i128 numerator, rs_i128 denominator, int exponent, double want)
{
    struct rs_exact n = exact_of(numerator);
    struct rs_exact d = exact_of(denominator);
    assert_double(rs_exact_ratio(&n, &d, exponent), want);
}

static void test_halves_round_to_even(void **state)
{
    (void)state;
    const rs_i128 two53 = (rs_i128)1 << 53;
    assert_ratio(two53 + 1, 1, 0, 0x1p53);
    assert_ratio(two53 + 3, 1, 0, 0x1p53 + 4);
    assert_ratio(-two53 - 1, 1, 0, -0x1p53);
    assert_ratio(3 * (two53 + 1) + 1, 3, 0, 0x1p53 + 2); /* a third above the half */
    assert_ratio(3 * (two53 + 3) - 1, 3, 0, 0x1p53 + 2); /* a third below it */
    assert_ratio(((two53 + 1) << 60) + 1, 1, -60, 0x1p53 + 2);
    assert_ratio(2 * two53 - 1, 2, 0, 0x1p53); /* 2^53 - 1/2, to even */
    const struct rs_exact longer = {.size = 4, .limb = {1, 0, 0, (UINT64_C(1) << 53) + 1}};
    const struct rs_exact one = {.size = 1, .limb = {1}};
    assert_double(rs_exact_ratio(&longer, &one, -192), 0x1p53 + 2); /* decided by the limb that is cut off */
    assert_ratio(1, 3, 0, 1.0 / 3.0);
    assert_ratio(1, -10, 0, -0.1);
    assert_ratio(0, 7, 0, 0.0);
    assert_ratio(0, -7, 0, 0.0);
}

static void test_subnormals_round_to_even(void **state)
{
    (void)state;
    assert_ratio(1, 1, -1074, 0x1p-1074);
    assert_ratio(1, 1, -1075, 0.0); /* exactly half of the smallest */
    assert_ratio(3, 1, -1075, 0x1p-1073);
    assert_ratio(5, 1, -1075, 0x1p-1073);
    assert_ratio(1, 1, -1076, 0.0);
    assert_ratio(1, 1, -2000, 0.0);
    assert_ratio(((rs_i128)1 << 100) + 1, 1, -1175, 0x1p-1074); /* a little above the half */
    assert_ratio(((rs_i128)1 << 53) - 1, 1, -1075, 0x1p-1022);  /* up into the normal ones */
    assert_ratio(((rs_i128)1 << 52) - 1, 1, -1074, 0x0.fffffffffffffp-1022);
    assert_ratio(1, 3, -1073, 0x1p-1074); /* two thirds of the smallest */
    assert_ratio(1, 3, -1074, 0.0);       /* a third */
}

static void test_the_largest_is_followed_by_infinity(void **state)
{
    (void)state;
    const rs_i128 two54 = (rs_i128)1 << 54;
    assert_ratio(two54 - 2, 1, 970, DBL_MAX);
    assert_ratio(two54 - 1, 1, 970, (double)INFINITY); /* the half, to even */
    assert_ratio(-(two54 - 1), 1, 970, -(double)INFINITY);
    assert_ratio(((two54 - 1) << 60) - 1, 1, 910, DBL_MAX);
    assert_ratio(1, 1, 5000, (double)INFINITY);
}

static void assert_root(rs_i128 numerator, rs_i128 denominator, int exponent, double want)
{
    struct rs_exact n = exact_of(numerator);
    struct rs_exact d = exact_of(denominator);
    assert_double(rs_exact_root(&n, &d, exponent), want);
}

static void test_roots_round_to_even(void **state)
{
    (void)state;
    const rs_i128 half = ((rs_i128)1 << 53) + 1; /* between two doubles */
    assert_root(0, 5, 0, 0.0);
    assert_root(4, 1, 0, 2.0);
    assert_root(2, 1, 0, sqrt(2.0));
    assert_root(1, 4, 0, 0.5);
    assert_root(half * half, 1, 0, 0x1p53);
    assert_root(half * half + 1, 1, 0, 0x1p53 + 2);
    assert_root(half * half - 1, 1, 0, 0x1p53);
    assert_root(1, 1, -2148, 0x1p-1074);
    assert_root(1, 1, -2150, 0.0); /* half of the smallest */
    assert_root(((rs_i128)1 << 100) + 1, 1, -2250, 0x1p-1074);
    assert_root(9, 1, -2150, 0x1p-1073);
    assert_root(1, 1, 2048, (double)INFINITY);
}

static double random_double(struct rs_random *random)
{
    return ldexp((double)(rs_random_next(random) >> 11 | 1), (int)(rs_random_next(random) % 1800) - 950);
}

/* |x| = mantissa * 2^(64 * limbs + exponent) */
static struct rs_exact exact_of_double(double x, int *exponent)
{
    struct rs_exact out;
    int e = 0;
    uint64_t mantissa = (uint64_t)ldexp(frexp(x, &e), 53);
    *exponent = e - 53;
    rs_exact_set_u128(&out, mantissa);
    return out;
}

/* The machine divides and takes roots with one rounding too, and knows subnormals. */
static void test_ratios_and_roots_agree_with_the_machine(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    for (int i = 0; i < 200000; i++) {
        int a_exponent = 0;
        int b_exponent = 0;
        double a = random_double(&random);
        double b = random_double(&random);
        struct rs_exact n = exact_of_double(a, &a_exponent);
        struct rs_exact d = exact_of_double(b, &b_exponent);
        struct rs_exact one = exact_of(1);
        assert_double(rs_exact_ratio(&n, &d, a_exponent - b_exponent), a / b);
        if (a_exponent % 2 != 0) {
            rs_exact_multiply_u64(&n, 2);
            a_exponent--;
        }
        assert_double(rs_exact_root(&n, &one, a_exponent), sqrt(a));
    }
}

/* (a + b) (a - b) = a^2 - b^2, through every size. */
static void test_arithmetic_keeps_its_laws(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    for (int i = 0; i < 2000; i++) {
        uint64_t limb[12];
        struct rs_exact a;
        struct rs_exact b;
        struct rs_exact sum;
        struct rs_exact difference;
        struct rs_exact left;
        struct rs_exact right;
        for (size_t k = 0; k < 12; k++) {
            limb[k] = rs_random_next(&random) % 4 == 0 ? 0 : rs_random_next(&random);
        }
        size_t split = 1 + rs_random_next(&random) % 11;
        rs_exact_set_limbs(&a, limb, split);
        rs_exact_set_limbs(&b, limb + split, 12 - split);
        struct rs_exact minus_b = b;
        minus_b.negative = b.size > 0 && !b.negative;
        rs_exact_subtract(&sum, &a, &minus_b);
        rs_exact_subtract(&difference, &a, &b);
        rs_exact_multiply(&left, &sum, &difference);
        rs_exact_multiply(&sum, &a, &a);
        rs_exact_multiply(&difference, &b, &b);
        rs_exact_subtract(&right, &sum, &difference);
        rs_exact_subtract(&left, &left, &right);
        assert_int_equal(left.size, 0);
        assert_false(left.negative);
    }
}

static void assert_text(const struct rs_exact *number, int scale, const char *want)
{
    char text[RS_NUMBER_TEXT_MAX + 1] = {0};
    assert_int_equal(rs_exact_format(number, scale, text), strlen(want));
    assert_string_equal(text, want);
}

static void test_long_decimals_are_written_exactly(void **state)
{
    (void)state;
    struct rs_exact number;
    const uint64_t two190[] = {0, 0, UINT64_C(1) << 62};
    const uint64_t minus_two191[] = {0, 0, UINT64_C(1) << 63};
    assert_text(&(struct rs_exact){0}, 5, "0");
    rs_exact_set_limbs(&number, two190, 3);
    assert_text(&number, 0, "1569275433846670190958947355801916604025588861116008628224");
    assert_text(&number, 38, "15692754338466701909.58947355801916604025588861116008628224");
    rs_exact_set_limbs(&number, minus_two191, 3);
    assert_text(&number, 0, "-3138550867693340381917894711603833208051177722232017256448");
    rs_exact_set_u128(&number, rs_pow10_u128(38));
    rs_exact_multiply_pow10(&number, 2);
    assert_text(&number, 0, "10000000000000000000000000000000000000000");
    assert_text(&number, 38, "100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_halves_round_to_even),
        cmocka_unit_test(test_subnormals_round_to_even),
        cmocka_unit_test(test_the_largest_is_followed_by_infinity),
        cmocka_unit_test(test_roots_round_to_even),
        cmocka_unit_test(test_ratios_and_roots_agree_with_the_machine),
        cmocka_unit_test(test_arithmetic_keeps_its_laws),
        cmocka_unit_test(test_long_decimals_are_written_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
