#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/lib/random.h"
#include "tests/lib/refused_calloc.h"
#include "transform/pane/pane.h"
#include "transform/pane/quantile.h"

#define VALUES   3000
#define PLACES   101 /* quantiles 0, 0.01 ... 1 */
#define PROMISED 0.01L
#define KEPT     0.0078126L /* 1/128, and a little for the arithmetic of this test */

/* A layout of all quantiles of one input, and a pane. */
struct bed {
    struct rs_num_type type;
    struct rs_stat_param params[PLACES];
    struct rs_stat_spec stats[PLACES];
    struct rs_pane_layout *layout;
    struct rs_pane_scratch *scratch;
    void *pane;
    void *other;
    struct rs_num values[VALUES];
    size_t count;
    rs_i128 texts[PLACES]; /* what was rendered: decimals at the scale, */
    double doubles[PLACES];
    size_t rendered;
};

static struct bed *bed_new(enum rs_num_kind kind, int scale)
{
    struct bed *bed = calloc(1, sizeof *bed);
    struct rs_error error;
    assert_non_null(bed);
    bed->type = (struct rs_num_type){kind, scale, kind != RS_NUM_DOUBLE};
    for (int i = 0; i < PLACES; i++) {
        bed->params[i] = (struct rs_stat_param){true, i, 2};
        bed->stats[i] = (struct rs_stat_spec){RS_STAT_QUANTILE, "q", 0, -1, &bed->params[i]};
    }
    assert_int_equal(rs_pane_layout_new(bed->stats, PLACES, &bed->type, 1, &bed->layout, &error), 0);
    bed->scratch = rs_pane_scratch_new();
    bed->pane = malloc(rs_pane_size(bed->layout));
    bed->other = malloc(rs_pane_size(bed->layout));
    assert_true(bed->scratch && bed->pane && bed->other);
    rs_pane_init(bed->layout, bed->pane);
    rs_pane_init(bed->layout, bed->other);
    return bed;
}

static void bed_free(struct bed *bed)
{
    rs_pane_fini(bed->layout, bed->pane);
    rs_pane_fini(bed->layout, bed->other);
    free(bed->pane);
    free(bed->other);
    rs_pane_scratch_free(&bed->scratch);
    rs_pane_layout_free(&bed->layout);
    free(bed);
}

static void take(void *ctx, size_t field, const char *text, size_t size)
{
    struct bed *bed = ctx;
    struct rs_error error;
    if (bed->type.kind == RS_NUM_DOUBLE) {
        assert_int_equal(rs_double_parse(rs_slice_of(text, size), &bed->doubles[field], &error), 0);
    } else {
        assert_int_equal(
            rs_decimal_parse(rs_slice_of(text, size), bed->type.scale, &bed->texts[field], &error), 0);
    }
    bed->rendered++;
}

static void render(struct bed *bed)
{
    bed->rendered = 0;
    rs_pane_render(bed->layout, bed->pane, NULL, 0, bed->scratch, take, bed);
}

static void add(struct bed *bed, void *pane, struct rs_num value)
{
    size_t before = rs_pane_heap_bytes(bed->layout, pane);
    struct rs_pane_added added = rs_pane_add(bed->layout, pane, &value, 1, 1);
    assert_true(added.finite);
    assert_int_equal(rs_pane_heap_bytes(bed->layout, pane) - before, added.heap_bytes);
}

static void give(struct bed *bed, struct rs_num value)
{
    assert_true(bed->count < VALUES);
    value.present = true;
    bed->values[bed->count++] = value;
    add(bed, bed->pane, value);
}

static void give_double(struct bed *bed, double value)
{
    give(bed, (struct rs_num){.d = value});
}

static void give_int(struct bed *bed, int64_t value)
{
    give(bed, (struct rs_num){.i = value});
}

/* ---- what is right ---- */

static enum rs_num_kind sorted_kind;

static int compare(const void *a, const void *b)
{
    const struct rs_num *x = a;
    const struct rs_num *y = b;
    switch (sorted_kind) {
    case RS_NUM_INT64: return x->i < y->i ? -1 : x->i > y->i;
    case RS_NUM_INT128: return x->w < y->w ? -1 : x->w > y->w;
    case RS_NUM_DOUBLE: return x->d < y->d ? -1 : x->d > y->d;
    }
    return 0;
}

static long double as_real(enum rs_num_kind kind, const struct rs_num *value)
{
    return kind == RS_NUM_DOUBLE ? (long double)value->d
                                 : (long double)(kind == RS_NUM_INT64 ? value->i : value->w);
}

/* Each quantile against the value at its place; returns the worst relative error. */
static long double worst_error(struct bed *bed)
{
    long double worst = 0;
    sorted_kind = bed->type.kind;
    qsort(bed->values, bed->count, sizeof *bed->values, compare);
    render(bed);
    assert_int_equal(bed->rendered, PLACES);
    for (size_t i = 0; i < PLACES; i++) {
        size_t place = (i * bed->count + 99) / 100;
        long double want = as_real(bed->type.kind, &bed->values[place > 0 ? place - 1 : 0]);
        long double got =
            bed->type.kind == RS_NUM_DOUBLE ? (long double)bed->doubles[i] : (long double)bed->texts[i];
        long double error = got == want ? 0 : fabsl(got - want) / fabsl(want);
        worst = error > worst ? error : worst;
    }
    return worst;
}

static void assert_within_promise(struct bed *bed)
{
    long double worst = worst_error(bed);
    if (worst > KEPT) {
        fail_msg("a quantile is off by %Lg of itself", worst);
    }
    assert_true(KEPT < PROMISED);
}

/* ---- tests ---- */

static void test_without_values_there_is_no_quantile(void **state)
{
    (void)state;
    struct bed *bed = bed_new(RS_NUM_DOUBLE, 0);
    render(bed);
    assert_int_equal(bed->rendered, 0);
    rs_pane_add(bed->layout, bed->pane, &(struct rs_num){.present = false}, 1, 1);
    assert_false(
        rs_pane_add(bed->layout, bed->pane, &(struct rs_num){.present = true, .d = NAN}, 1, 1).finite);
    render(bed);
    assert_int_equal(bed->rendered, 0);
    assert_int_equal(rs_pane_heap_bytes(bed->layout, bed->pane), 0);
    give_double(bed, -0.0);
    render(bed);
    assert_int_equal(bed->rendered, PLACES);
    assert_true(bed->doubles[50] == 0 && signbit(bed->doubles[50]) == 0);
    bed_free(bed);
}

/* Up to the limit each is one of the values, to the digit. */
static void test_few_values_give_exact_quantiles(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    for (int kind = RS_NUM_INT64; kind <= RS_NUM_DOUBLE; kind++) {
        struct bed *bed = bed_new((enum rs_num_kind)kind, 4);
        for (int i = 0; i < RS_QUANTILE_EXACT; i++) {
            struct rs_num value = {0};
            switch (kind) {
            case RS_NUM_INT64: value.i = rs_random_int64(&random); break;
            case RS_NUM_INT128: value.w = (rs_i128)rs_random_int64(&random) * 1000003; break;
            default: value.d = ldexp((double)rs_random_int64(&random), -70);
            }
            give(bed, value);
            assert_true(worst_error(bed) == 0);
        }
        bed_free(bed);
    }
}

static void test_the_median_is_the_lower_of_two(void **state)
{
    (void)state;
    struct bed *bed = bed_new(RS_NUM_INT64, 1);
    for (int64_t i = 10; i > 0; i--) {
        give_int(bed, i);
    }
    render(bed);
    assert_true(bed->texts[0] == 1 && bed->texts[50] == 5 && bed->texts[51] == 6 && bed->texts[100] == 10);
    bed_free(bed);
}

/* Heavy tails, tiny and huge ones, both signs, next to each other, all the same. */
static double drawn(struct rs_random *random, int distribution)
{
    double uniform = (double)(rs_random_next(random) >> 11) * 0x1p-53;
    double sign = rs_random_next(random) % 2 == 0 ? 1 : -1;
    uint64_t bits = rs_random_next(random);
    double any = 0;
    switch (distribution) {
    case 0: return uniform;
    case 1: return 1 / (uniform * uniform * uniform + 1e-12); /* Pareto's kind */
    case 2: return sign * ldexp(uniform, (int)(bits % 600) - 300);
    case 3: return ldexp(floor(uniform * 4096), -1074) * sign; /* subnormal */
    case 4: return ldexp(1 + uniform, -1023) * sign;           /* about the least normal one */
    case 5: return 42.17;
    case 6: return bits % 10 == 0 ? 0 : sign * floor(uniform * 100) / 100;
    case 7: return ldexp(1, (int)(bits % 2000) - 1000) * (bits >> 60 == 0 ? 1 - 0x1p-53 : 1);
    case 8: return sign * DBL_MAX * uniform;
    default:
        do {
            memcpy(&any, &bits, sizeof any);
            bits = rs_random_next(random);
        } while (!isfinite(any));
        return any;
    }
}

static void test_many_doubles_stay_within_the_stated_error(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    for (int distribution = 0; distribution < 10; distribution++) {
        struct bed *bed = bed_new(RS_NUM_DOUBLE, 0);
        for (int i = 0; i < VALUES; i++) {
            give_double(bed, drawn(&random, distribution));
        }
        assert_within_promise(bed);
        bed_free(bed);
    }
}

static void test_many_integers_stay_within_the_stated_error(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    for (int wide = 0; wide < 2; wide++) {
        struct bed *bed = bed_new(wide ? RS_NUM_INT128 : RS_NUM_INT64, 0);
        for (int i = 0; i < VALUES - 2; i++) {
            rs_i128 value = wide ? rs_random_int128(&random) / 10 : rs_random_int64(&random);
            value >>= rs_random_below(&random, wide ? 120 : 60);
            give(bed, wide ? (struct rs_num){.w = value} : (struct rs_num){.i = (int64_t)value});
        }
        if (!wide) { /* the largest that there are, which have no 38 digits */
            give_int(bed, INT64_MIN);
            give_int(bed, INT64_MAX);
        }
        assert_within_promise(bed);
        bed_free(bed);
    }
}

static void test_the_least_128_bit_number_has_a_bin(void **state)
{
    (void)state;
    struct bed *bed = bed_new(RS_NUM_INT128, 0);
    const rs_i128 least = -(rs_i128)(~(rs_u128)0 >> 1) - 1;
    struct rs_buf bytes = {0};
    struct rs_error error;
    size_t used = 0;
    for (int i = 0; i < 40; i++) {
        give(bed, (struct rs_num){.w = least});
    }
    rs_pane_save(bed->layout, bed->pane, &bytes);
    assert_int_equal(rs_pane_load(bed->layout, bed->other, rs_buf_slice(&bytes), &used, &error), 0);
    assert_int_equal(used, bytes.size);
    rs_buf_fini(&bytes);
    bed_free(bed);
}

/* Below 2^7 units a bin is one number; the ends are always exact. */
static void test_small_numbers_and_both_ends_are_exact(void **state)
{
    (void)state;
    struct bed *bed = bed_new(RS_NUM_INT64, 2);
    for (int i = 0; i < 2000; i++) {
        give_int(bed, i % 255 - 127);
    }
    assert_true(worst_error(bed) == 0);
    give_int(bed, INT64_C(987654321987654321));
    give_int(bed, INT64_C(-987654321987654321));
    render(bed);
    assert_true(bed->texts[0] == INT64_C(-987654321987654321) &&
                bed->texts[100] == INT64_C(987654321987654321));
    bed_free(bed);
}

static void save(struct bed *bed, const void *pane, struct rs_buf *out)
{
    rs_buf_reset(out);
    rs_pane_save(bed->layout, pane, out);
    assert_false(out->failed);
}

/* On both sides of the limit; as pane's laws have it, but with many bins. */
static void test_any_order_and_any_merging_give_the_same_bytes(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    struct rs_buf want = {0};
    struct rs_buf got = {0};
    struct bed *bed = bed_new(RS_NUM_DOUBLE, 0);
    for (size_t count = RS_QUANTILE_EXACT - 1; count < 700; count = count * 3 / 2) {
        while (bed->count < count) {
            give_double(bed, drawn(&random, 2));
        }
        save(bed, bed->pane, &want);
        void *third = malloc(rs_pane_size(bed->layout));
        assert_non_null(third);
        rs_pane_init(bed->layout, third);
        for (int round = 0; round < 20; round++) {
            rs_pane_fini(bed->layout, bed->other);
            rs_pane_fini(bed->layout, third);
            size_t cut = rs_random_below(&random, count + 1);
            for (size_t i = count; i > 0; i--) {
                add(bed, i > cut ? third : bed->other, bed->values[i - 1]);
            }
            rs_pane_merge(bed->layout, round % 2 ? bed->other : third, round % 2 ? third : bed->other);
            save(bed, round % 2 ? bed->other : third, &got);
            assert_true(rs_slice_equal(rs_buf_slice(&got), rs_buf_slice(&want)));
        }
        rs_pane_fini(bed->layout, third);
        free(third);
    }
    rs_buf_fini(&want);
    rs_buf_fini(&got);
    bed_free(bed);
}

/* What loads at all is the canonical form of some pane. */
static void damage(struct bed *bed)
{
    struct rs_buf bytes = {0};
    struct rs_buf again = {0};
    struct rs_error error;
    size_t used = 0;
    save(bed, bed->pane, &bytes);
    for (size_t cut = 0; cut < bytes.size; cut++) {
        assert_int_equal(rs_pane_load(bed->layout, bed->other, rs_slice_of(bytes.data, cut), &used, &error),
                         RS_ESTATE);
    }
    for (size_t i = 0; i < bytes.size * 256; i++) {
        uint8_t right = bytes.data[i / 256];
        bytes.data[i / 256] = (uint8_t)i;
        if (rs_pane_load(bed->layout, bed->other, rs_buf_slice(&bytes), &used, &error) == 0) {
            save(bed, bed->other, &again);
            assert_true(rs_slice_equal(rs_buf_slice(&again), rs_slice_of(bytes.data, used)));
            rs_pane_merge(bed->layout, bed->other, bed->pane);
        }
        bytes.data[i / 256] = right;
    }
    rs_buf_fini(&bytes);
    rs_buf_fini(&again);
}

static void test_damaged_bytes_are_refused(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    for (int kind = RS_NUM_INT64; kind <= RS_NUM_DOUBLE; kind++) {
        for (size_t count = 5; count < 50; count += 40) {
            struct bed *bed = bed_new((enum rs_num_kind)kind, 0);
            for (size_t i = 0; i < count; i++) {
                int64_t value = rs_random_between(&random, -5000, 5000);
                give(bed, kind == RS_NUM_INT64    ? (struct rs_num){.i = value}
                          : kind == RS_NUM_INT128 ? (struct rs_num){.w = value}
                                                  : (struct rs_num){.d = (double)value / 16});
            }
            damage(bed);
            bed_free(bed);
        }
    }
}

/* At each allocation there is: the quantiles are absent then, and the pane is not saved. */
static void test_without_memory_quantiles_are_absent(void **state)
{
    (void)state;
    struct rs_buf bytes = {0};
    int refusals = 0;
    for (int at = 1; at < 12; at++) {
        struct bed *bed = bed_new(RS_NUM_DOUBLE, 0);
        refused_calloc = at;
        for (int i = 0; i < 300; i++) {
            add(bed, bed->pane, (struct rs_num){.present = true, .d = ldexp(1, i)});
        }
        bool refused = refused_calloc == 0;
        refused_calloc = 0;
        refusals += refused;
        assert_true(rs_pane_whole(bed->layout, bed->pane) == !refused);
        render(bed);
        assert_int_equal(bed->rendered, refused ? 0 : PLACES);
        rs_buf_reset(&bytes);
        rs_pane_save(bed->layout, bed->pane, &bytes);
        assert_true(bytes.failed == refused);
        rs_pane_merge(bed->layout, bed->other, bed->pane);
        assert_true(rs_pane_whole(bed->layout, bed->other) == !refused);
        bed_free(bed);
    }
    assert_true(refusals >= 6);
    rs_buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_values_there_is_no_quantile),
        cmocka_unit_test(test_few_values_give_exact_quantiles),
        cmocka_unit_test(test_the_median_is_the_lower_of_two),
        cmocka_unit_test(test_many_doubles_stay_within_the_stated_error),
        cmocka_unit_test(test_many_integers_stay_within_the_stated_error),
        cmocka_unit_test(test_the_least_128_bit_number_has_a_bin),
        cmocka_unit_test(test_small_numbers_and_both_ends_are_exact),
        cmocka_unit_test(test_any_order_and_any_merging_give_the_same_bytes),
        cmocka_unit_test(test_damaged_bytes_are_refused),
        cmocka_unit_test(test_without_memory_quantiles_are_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
