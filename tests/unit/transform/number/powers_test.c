/* Sums of powers against products of GMP's, and against those of other widths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/lib/random.h"
#include "transform/number/accumulator.h"
#include "transform/number/exact.h"
#include "transform/number/powers.h"

static const rs_i128 max128 = (rs_i128)(~(rs_u128)0 >> 1);

static void power_of(const struct rs_exact *x, unsigned power, struct rs_exact *out)
{
    struct rs_exact square;
    struct rs_exact cube;
    rs_exact_multiply(&square, x, x);
    rs_exact_multiply(&cube, &square, x);
    *out = cube;
    if (power == 4) {
        rs_exact_multiply(out, &cube, x);
    }
}

static void assert_exact(const struct rs_exact *got, const struct rs_exact *want)
{
    assert_int_equal(got->negative, want->negative);
    assert_int_equal(got->size, want->size);
    assert_memory_equal(got->limb, want->limb, want->size * sizeof want->limb[0]);
}

static void assert_power(rs_i128 x, unsigned power, size_t limbs)
{
    uint64_t sum[RS_FOURTH128_LIMBS] = {0};
    struct rs_exact value;
    struct rs_exact want;
    struct rs_exact got;
    rs_exact_set_i128(&value, x);
    power_of(&value, power, &want);
    rs_power_move(sum, limbs, x, power, false);
    rs_exact_set_limbs(&got, sum, limbs);
    assert_exact(&got, &want);
    rs_power_move(sum, limbs, x, power, true);
    for (size_t i = 0; i < limbs; i++) {
        assert_true(sum[i] == 0);
    }
}

static void test_powers_are_those_of_gmp(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    assert_power(-max128 - 1, 3, RS_CUBE128_LIMBS);
    assert_power(-max128 - 1, 4, RS_FOURTH128_LIMBS);
    for (int i = 0; i < 5000; i++) {
        int64_t x = rs_random_int64(&random);
        rs_i128 w = rs_random_int128(&random);
        assert_power(x, 3, RS_CUBE64_LIMBS);
        assert_power(x, 4, RS_FOURTH64_LIMBS);
        assert_power(w, 3, RS_CUBE128_LIMBS);
        assert_power(w, 4, RS_FOURTH128_LIMBS);
    }
}

/* The largest sums there can be keep their sign: 2^10 of the extremes stand for all, as the limbs have 62 - 10 bits
 * more. */
static void test_sums_of_extremes_do_not_wrap(void **state)
{
    (void)state;
    uint64_t cubes[RS_CUBE64_LIMBS] = {0};
    uint64_t fourths[RS_FOURTH64_LIMBS] = {0};
    for (int i = 0; i < 1 << 10; i++) {
        rs_power_move(cubes, RS_CUBE64_LIMBS, INT64_MIN, 3, false);
        rs_power_move(fourths, RS_FOURTH64_LIMBS, INT64_MIN, 4, false);
    }
    assert_memory_equal(cubes, ((const uint64_t[]){0, 0, 0, (uint64_t)-128}), sizeof cubes);
    assert_memory_equal(fourths, ((const uint64_t[]){0, 0, 0, 0, 64}), sizeof fourths);
}

/* A narrow sum is the low end of the wide one, and says when it is no longer all of it. */
static void check_narrow(int64_t x, unsigned power)
{
    uint64_t narrow[2] = {0};
    uint64_t wide[RS_FOURTH64_LIMBS] = {0};
    bool wrapped = power == 3 ? rs_narrow_cube_add(narrow, x) : rs_narrow_fourth_add(narrow, x);
    rs_power_move(wide, RS_FOURTH64_LIMBS, x, power, false);
    assert_memory_equal(narrow, wide, sizeof narrow);
    uint64_t sign = narrow[1] >> 63 != 0 ? UINT64_MAX : 0;
    bool whole = wide[2] == sign && wide[3] == sign && wide[4] == sign;
    assert_true(wrapped || whole);
}

static void test_narrow_sums_tell_when_they_wrap(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    const int64_t limits[] = {0, 1, INT64_MAX, RS_NARROW_CUBE_MAX, RS_NARROW_FOURTH_MAX};
    for (size_t i = 0; i < 5; i++) {
        for (int64_t off = -1; off <= 1 && (limits[i] != INT64_MAX || off <= 0); off++) {
            check_narrow(limits[i] + off, 3);
            check_narrow(-limits[i] - off, 3);
            check_narrow(limits[i] + off, 4);
            check_narrow(-limits[i] - off, 4);
        }
    }
    check_narrow(INT64_MIN, 3);
    check_narrow(INT64_MIN, 4);
    for (int i = 0; i < 10000; i++) {
        int64_t x = rs_random_int64(&random);
        check_narrow(x, 3);
        check_narrow(x, 4);
    }
    uint64_t sum[2] = {0};
    for (int i = 0; i < 7; i++) { /* 7 * 2^124 < 2^127 <= 8 * 2^124 */
        assert_false(rs_narrow_fourth_add(sum, RS_NARROW_FOURTH_MAX));
    }
    assert_true(rs_narrow_fourth_add(sum, RS_NARROW_FOURTH_MAX));
}

/* ---- doubles ---- */

#define SUPER_LIMBS 11 /* room for either kind */

static void read_double(double x, struct rs_exact *out)
{
    uint64_t sum[SUPER_LIMBS];
    struct rs_super_value value;
    rs_super_init(&rs_super_sum, sum);
    rs_super_add(&rs_super_sum, sum, x);
    rs_super_read(&rs_super_sum, sum, &value);
    rs_exact_set_magnitude(out, value.limb, value.size, value.at, value.negative);
}

/* Both in units of the smallest that the kind can hold. */
static void assert_super(const struct rs_super_kind *kind, bool (*add)(uint64_t *, double), unsigned power,
                         double x)
{
    uint64_t sum[SUPER_LIMBS];
    struct rs_super_value value;
    struct rs_exact one;
    struct rs_exact want;
    struct rs_exact got;
    read_double(x, &one);
    power_of(&one, power, &want);
    rs_super_init(kind, sum);
    assert_false(add(sum, x));
    rs_super_read(kind, sum, &value);
    rs_exact_set_magnitude(&got, value.limb, value.size, value.at, value.negative);
    /* A power of a sum's unit is 2^(-1088 * power), which is no more than that of the kind. */
    rs_exact_shift_limbs(&want, (size_t)(rs_super_sum.lowest * (int)power - kind->lowest) / 64);
    assert_exact(&got, &want);
    rs_super_fini(kind, sum);
}

static void test_powers_of_doubles_lose_nothing(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    const double edges[] = {0.0,     -0.0,    1.0,     -1.0,     5e-324,
                            -5e-324, DBL_MIN, DBL_MAX, -DBL_MAX, 0x1.fffffffffffffp0};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        assert_super(&rs_super_cube, rs_super_add_cube, 3, edges[i]);
        assert_super(&rs_super_fourth, rs_super_add_fourth, 4, edges[i]);
    }
    for (int i = 0; i < 5000; i++) {
        uint64_t bits = rs_random_next(&random);
        double x = 0;
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x)) {
            assert_super(&rs_super_cube, rs_super_add_cube, 3, x);
            assert_super(&rs_super_fourth, rs_super_add_fourth, 4, x);
        }
    }
}

static void test_sums_of_powers_span_all_doubles(void **state)
{
    (void)state;
    uint64_t sum[SUPER_LIMBS];
    struct rs_super_value value;
    struct rs_super_value small;
    rs_super_init(&rs_super_fourth, sum);
    rs_super_add_fourth(sum, 5e-324);
    rs_super_read(&rs_super_fourth, sum, &small);
    assert_true(rs_super_add_fourth(sum, DBL_MAX));
    assert_int_equal(rs_super_heap_bytes(&rs_super_fourth, sum), 133 * 8);
    rs_super_add_fourth(sum, -DBL_MAX);
    rs_super_read(&rs_super_fourth, sum, &value);
    assert_int_equal(value.at + value.size, 68 + 65);
    assert_int_equal(value.at, small.at);
    rs_super_fini(&rs_super_fourth, sum);
    rs_super_init(&rs_super_cube, sum);
    rs_super_add_cube(sum, 5e-324);
    assert_true(rs_super_add_cube(sum, DBL_MAX));
    rs_super_add_cube(sum, -DBL_MAX);
    rs_super_add_cube(sum, -5e-324);
    rs_super_read(&rs_super_cube, sum, &value);
    assert_int_equal(value.size, 0);
    rs_super_fini(&rs_super_cube, sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_powers_are_those_of_gmp),
        cmocka_unit_test(test_sums_of_extremes_do_not_wrap),
        cmocka_unit_test(test_narrow_sums_tell_when_they_wrap),
        cmocka_unit_test(test_powers_of_doubles_lose_nothing),
        cmocka_unit_test(test_sums_of_powers_span_all_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
