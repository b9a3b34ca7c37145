#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/lib/random.h"
#include "tests/lib/refused_calloc.h"
#include "transform/number/accumulator.h"

#define VALUES 200

static const rs_i128 max128 = (rs_i128)(~(rs_u128)0 >> 1);

static void assert_limbs(const uint64_t *got, size_t count, const uint64_t *want)
{
    assert_memory_equal(got, want, count * sizeof *want);
}

/* ---- integers ---- */

static void test_sums_of_int64_hold_their_extremes(void **state)
{
    (void)state;
    uint64_t sum[RS_SUM64_LIMBS] = {0};
    uint64_t products[RS_PRODUCT64_LIMBS] = {0};
    for (int i = 0; i < 1 << 10; i++) {
        rs_sum64_add(sum, INT64_MIN);
        rs_product64_add(products, INT64_MIN, INT64_MIN);
    }
    assert_limbs(sum, RS_SUM64_LIMBS, (const uint64_t[]){0, -(UINT64_C(1) << 9)});
    assert_limbs(products, RS_PRODUCT64_LIMBS, (const uint64_t[]){0, 0, UINT64_C(1) << 8});
    for (int i = 0; i < 1 << 10; i++) {
        rs_sum64_add(sum, INT64_MAX);
        rs_product64_add(products, INT64_MIN, INT64_MAX);
    }
    assert_limbs(sum, RS_SUM64_LIMBS, (const uint64_t[]){-(UINT64_C(1) << 10), UINT64_MAX});
    assert_limbs(products, RS_PRODUCT64_LIMBS, (const uint64_t[]){0, UINT64_C(1) << 9, 0});
}

static void test_sums_of_int128_hold_their_extremes(void **state)
{
    (void)state;
    uint64_t sum[RS_SUM128_LIMBS] = {0};
    uint64_t products[RS_PRODUCT128_LIMBS] = {0};
    for (int i = 0; i < 8; i++) {
        rs_sum128_add(sum, -max128 - 1);
        rs_product128_add(products, -max128 - 1, -max128 - 1);
    }
    assert_limbs(sum, RS_SUM128_LIMBS, (const uint64_t[]){0, 0, (uint64_t)-4});
    assert_limbs(products, RS_PRODUCT128_LIMBS, (const uint64_t[]){0, 0, 0, 0, 2});
    for (int i = 0; i < 8; i++) {
        rs_sum128_add(sum, max128);
        rs_product128_add(products, max128, -max128 - 1);
    }
    assert_limbs(sum, RS_SUM128_LIMBS, (const uint64_t[]){(uint64_t)-8, UINT64_MAX, UINT64_MAX});
    assert_limbs(products, RS_PRODUCT128_LIMBS, (const uint64_t[]){0, 0, 4, 0, 0});
}

static void test_products_of_int128_agree_with_those_of_int64(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    uint64_t narrow[RS_PRODUCT64_LIMBS] = {0};
    uint64_t wide[RS_PRODUCT128_LIMBS] = {0};
    for (int i = 0; i < 10000; i++) {
        int64_t a = rs_random_int64(&random);
        int64_t b = rs_random_int64(&random);
        rs_product64_add(narrow, a, b);
        rs_product128_add(wide, a, b);
        uint64_t sign = narrow[2] >> 63 != 0 ? UINT64_MAX : 0;
        assert_limbs(wide, 3, narrow);
        assert_true(wide[3] == sign && wide[4] == sign);
    }
}

static void test_what_was_added_can_be_taken_away(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    uint64_t sum[RS_PRODUCT128_LIMBS] = {0};
    uint64_t all[RS_PRODUCT128_LIMBS] = {0};
    uint64_t part[RS_PRODUCT128_LIMBS] = {0};
    for (int i = 0; i < 1000; i++) {
        rs_i128 a = rs_random_int128(&random);
        rs_i128 b = rs_random_int128(&random);
        rs_product128_add(all, a, b);
        rs_product128_add((rs_random_next(&random) & 1) != 0 ? part : sum, a, b);
    }
    rs_limbs_subtract(all, part, RS_PRODUCT128_LIMBS);
    assert_limbs(all, RS_PRODUCT128_LIMBS, sum);
    rs_limbs_add(all, part, RS_PRODUCT128_LIMBS);
    rs_limbs_subtract(all, sum, RS_PRODUCT128_LIMBS);
    assert_limbs(all, RS_PRODUCT128_LIMBS, part);
}

/* ---- doubles ---- */

#define SUPER_LIMBS 8 /* room for either kind */

static void assert_value(const struct rs_super_kind *kind, const uint64_t *sum,
                         const struct rs_super_value *want)
{
    struct rs_super_value got;
    assert_false(rs_super_lost(sum));
    rs_super_read(kind, sum, &got);
    assert_int_equal(got.size, want->size);
    assert_int_equal(got.negative, want->negative);
    assert_int_equal(got.at, want->at);
    assert_limbs(got.limb, want->size, want->limb);
}

/* The sum of a few values is that of one other value. */
static void assert_sum(const double *values, size_t count, double want)
{
    uint64_t sum[SUPER_LIMBS];
    uint64_t one[SUPER_LIMBS];
    struct rs_super_value value;
    rs_super_init(&rs_super_sum, sum);
    rs_super_init(&rs_super_sum, one);
    for (size_t i = 0; i < count; i++) {
        rs_super_add(&rs_super_sum, sum, values[i]);
    }
    rs_super_add(&rs_super_sum, one, want);
    rs_super_read(&rs_super_sum, one, &value);
    assert_value(&rs_super_sum, sum, &value);
    rs_super_fini(&rs_super_sum, sum);
    rs_super_fini(&rs_super_sum, one);
}

static void test_doubles_stand_at_their_place(void **state)
{
    (void)state;
    const struct {
        double x;
        struct rs_super_value want;
    } cases[] = {
        {0.0, {0}},
        {-0.0, {0}},
        {1.0, {.size = 1, .at = 17, .limb = {1}}},
        {-3.0, {.negative = true, .size = 1, .at = 17, .limb = {3}}},
        {5e-324, {.size = 1, .at = 0, .limb = {1 << 14}}},
        {DBL_MAX, {.size = 1, .at = 32, .limb = {0xfffffffffffff800}}},
        {0x1.8p0, {.size = 2, .at = 16, .limb = {UINT64_C(1) << 63, 1}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t sum[SUPER_LIMBS];
        rs_super_init(&rs_super_sum, sum);
        rs_super_add(&rs_super_sum, sum, cases[i].x);
        assert_value(&rs_super_sum, sum, &cases[i].want);
        rs_super_fini(&rs_super_sum, sum);
    }
}

static void test_sums_of_doubles_lose_nothing(void **state)
{
    (void)state;
    assert_sum((const double[]){1e308, -1e308, 1e-308}, 3, 1e-308);
    assert_sum((const double[]){1e-308, 1e308, -1e308}, 3, 1e-308);
    assert_sum((const double[]){DBL_MAX, DBL_MAX, -DBL_MAX}, 3, DBL_MAX);
    assert_sum((const double[]){1, 1e100, 1, -1e100}, 4, 2);
    assert_sum((const double[]){5e-324, -1, 1}, 3, 5e-324);
    assert_sum((const double[]){5e-324, -5e-324}, 2, 0);
    assert_sum((const double[]){0x1p-1022, -0x0.fffffffffffffp-1022, -0.0}, 3, 0x0.0000000000001p-1022);
    assert_sum((const double[]){0x1p64, 0x1p128, -0x1p128, 0x1p-64, -0x1p-64}, 5, 0x1p64);
}

/* Limbs that stood in the compact form would wrap without room at their top. */
static void test_sums_outgrow_the_compact_form(void **state)
{
    (void)state;
    uint64_t sum[SUPER_LIMBS];
    uint64_t other[SUPER_LIMBS];
    rs_super_init(&rs_super_sum, sum);
    rs_super_init(&rs_super_sum, other);
    rs_super_add(&rs_super_sum, sum, 1);
    for (int i = 0; i < 8; i++) { /* 1 + 2^192 */
        rs_super_add(&rs_super_sum, sum, 0x1p189);
    }
    assert_value(&rs_super_sum, sum, &(struct rs_super_value){.size = 4, .at = 17, .limb = {1, 0, 0, 1}});
    rs_super_fini(&rs_super_sum, sum);
    rs_super_add(&rs_super_sum, sum, 1);
    rs_super_add(&rs_super_sum, sum, 0x1.8p189);
    rs_super_add(&rs_super_sum, sum, 0x1.8p190);
    assert_value(&rs_super_sum, sum,
                 &(struct rs_super_value){.size = 3, .at = 17, .limb = {1, 0, UINT64_C(9) << 60}});
    rs_super_fini(&rs_super_sum, sum);
    for (int i = 0; i < 2; i++) { /* only the one or only the other has little room */
        rs_super_add(&rs_super_sum, sum, 1);
        rs_super_add(&rs_super_sum, sum, 0x1p189);
        rs_super_add(&rs_super_sum, sum, 0x1.8p189);
        rs_super_add(&rs_super_sum, other, 1);
        rs_super_add(&rs_super_sum, other, 0x1.cp189);
        uint64_t *into = i == 0 ? sum : other;
        rs_super_merge(&rs_super_sum, into, i == 0 ? other : sum, false);
        assert_value(&rs_super_sum, into,
                     &(struct rs_super_value){.size = 3, .at = 17, .limb = {2, 0, UINT64_C(17) << 59}});
        rs_super_fini(&rs_super_sum, sum);
        rs_super_fini(&rs_super_sum, other);
    }
    rs_super_add(&rs_super_sum, sum, -1);
    for (int i = 0; i < 200; i++) { /* -2^200 */
        rs_super_copy(&rs_super_sum, other, sum);
        rs_super_merge(&rs_super_sum, sum, other, false);
    }
    assert_value(&rs_super_sum, sum,
                 &(struct rs_super_value){.negative = true, .size = 1, .at = 20, .limb = {1 << 8}});
    for (int i = 0; i < 100; i++) { /* and back, where `other` has little room itself */
        rs_super_merge(&rs_super_sum, other, sum, (i & 1) == 0);
    }
    assert_value(&rs_super_sum, other,
                 &(struct rs_super_value){.negative = true, .size = 1, .at = 20, .limb = {1 << 7}});
    rs_super_fini(&rs_super_sum, sum);
    rs_super_fini(&rs_super_sum, other);
}

static void test_products_of_doubles_lose_nothing(void **state)
{
    (void)state;
    uint64_t sum[SUPER_LIMBS];
    rs_super_init(&rs_super_product, sum);
    rs_super_add_product(&rs_super_product, sum, 5e-324, 5e-324);
    assert_value(&rs_super_product, sum, &(struct rs_super_value){.size = 1, .at = 0, .limb = {1 << 28}});
    rs_super_add_product(&rs_super_product, sum, DBL_MAX, DBL_MAX);
    rs_super_add_product(&rs_super_product, sum, -DBL_MAX, DBL_MAX);
    assert_value(&rs_super_product, sum, &(struct rs_super_value){.size = 1, .at = 0, .limb = {1 << 28}});
    assert_int_equal(rs_super_heap_bytes(&rs_super_product, sum), 67 * 8);
    rs_super_add_product(&rs_super_product, sum, -5e-324, 5e-324);
    assert_value(&rs_super_product, sum, &(struct rs_super_value){0});
    rs_super_add_scaled(&rs_super_product, sum, -max128 - 1, -0x1p-127);
    assert_value(&rs_super_product, sum, &(struct rs_super_value){.size = 1, .at = 34, .limb = {1}});
    rs_super_fini(&rs_super_product, sum);
    assert_int_equal(rs_super_heap_bytes(&rs_super_product, sum), 0);
}

static void test_ordinary_values_stay_compact(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    uint64_t sum[SUPER_LIMBS];
    uint64_t squares[SUPER_LIMBS];
    rs_super_init(&rs_super_sum, sum);
    rs_super_init(&rs_super_product, squares);
    for (int i = 0; i < 100000; i++) {
        double x = (double)rs_random_int64(&random) / (double)(UINT64_C(1) << (rs_random_next(&random) % 60));
        rs_super_add(&rs_super_sum, sum, x);
        rs_super_add_product(&rs_super_product, squares, x, x);
    }
    assert_int_equal(rs_super_heap_bytes(&rs_super_sum, sum), 0);
    assert_int_equal(rs_super_heap_bytes(&rs_super_product, squares), 0);
}

/* Fills `sum` with values[order[0]], values[order[1]] ... */
static void add_in_order(uint64_t *sum, const double *values, const size_t *order)
{
    for (size_t i = 0; i < VALUES; i++) {
        rs_super_add_product(&rs_super_product, sum, values[order[i]], values[order[i] / 2]);
    }
}

static void test_order_leaves_no_trace(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    for (int round = 0; round < 60; round++) {
        double values[VALUES];
        size_t order[VALUES];
        uint64_t first[SUPER_LIMBS];
        uint64_t sum[SUPER_LIMBS];
        struct rs_super_value want;
        int spread = (int)(rs_random_next(&random) % 11) * 100;
        for (size_t i = 0; i < VALUES; i++) {
            order[i] = i;
            values[i] = ldexp((double)rs_random_int64(&random),
                              (int)(rs_random_next(&random) % (unsigned)(spread + 1)) - spread / 2 - 10);
        }
        rs_super_init(&rs_super_product, first);
        rs_super_init(&rs_super_product, sum);
        add_in_order(first, values, order);
        rs_super_read(&rs_super_product, first, &want);
        rs_random_shuffle(&random, order, VALUES);
        add_in_order(sum, values, order);
        assert_value(&rs_super_product, sum, &want);
        rs_super_merge(&rs_super_product, sum, first, false);
        rs_super_merge(&rs_super_product, sum, first, true);
        assert_value(&rs_super_product, sum, &want);
        rs_super_merge(&rs_super_product, sum, first, true);
        assert_value(&rs_super_product, sum, &(struct rs_super_value){0});
        rs_super_copy(&rs_super_product, sum, first);
        assert_value(&rs_super_product, sum, &want);
        rs_super_fini(&rs_super_product, first);
        rs_super_fini(&rs_super_product, sum);
    }
}

/* ---- out of memory ---- */

static void test_without_memory_a_sum_is_lost_and_says_so(void **state)
{
    (void)state;
    uint64_t sum[SUPER_LIMBS];
    uint64_t other[SUPER_LIMBS];
    rs_super_init(&rs_super_sum, sum);
    rs_super_init(&rs_super_sum, other);
    rs_super_add(&rs_super_sum, sum, 1e300);
    refused_calloc = REFUSED_ALL;
    rs_super_add(&rs_super_sum, sum, 1e-300);
    refused_calloc = 0;
    assert_true(rs_super_lost(sum));
    rs_super_add(&rs_super_sum, sum, 1);
    assert_true(rs_super_lost(sum));
    rs_super_add(&rs_super_sum, other, 1);
    rs_super_merge(&rs_super_sum, other, sum, false);
    assert_true(rs_super_lost(other));
    rs_super_fini(&rs_super_sum, other);
    rs_super_copy(&rs_super_sum, other, sum);
    assert_true(rs_super_lost(other));
    rs_super_fini(&rs_super_sum, sum);
    rs_super_fini(&rs_super_sum, other);
    assert_false(rs_super_lost(sum));
    rs_super_add(&rs_super_sum, sum, 1);
    assert_value(&rs_super_sum, sum, &(struct rs_super_value){.size = 1, .at = 17, .limb = {1}});
    rs_super_fini(&rs_super_sum, sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_of_int64_hold_their_extremes),
        cmocka_unit_test(test_sums_of_int128_hold_their_extremes),
        cmocka_unit_test(test_products_of_int128_agree_with_those_of_int64),
        cmocka_unit_test(test_what_was_added_can_be_taken_away),
        cmocka_unit_test(test_doubles_stand_at_their_place),
        cmocka_unit_test(test_sums_of_doubles_lose_nothing),
        cmocka_unit_test(test_sums_outgrow_the_compact_form),
        cmocka_unit_test(test_products_of_doubles_lose_nothing),
        cmocka_unit_test(test_ordinary_values_stay_compact),
        cmocka_unit_test(test_order_leaves_no_trace),
        cmocka_unit_test(test_without_memory_a_sum_is_lost_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
