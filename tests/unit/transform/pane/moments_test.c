/* Covariance to r2, skewness and kurtosis: values worked out by hand, edges, and how panes hold their sums. Random
 * data are compared with fractions in tests/oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/lib/refused_calloc.h"
#include "transform/pane/pane.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct rs_stat_spec pair_stats[] = {
    {RS_STAT_COVARIANCE, "cov", 0, 1, NULL},  {RS_STAT_COVARIANCE_POP, "covp", 1, 0, NULL},
    {RS_STAT_CORRELATION, "cor", 0, 1, NULL}, {RS_STAT_SLOPE, "slope", 0, 1, NULL},
    {RS_STAT_INTERCEPT, "icept", 0, 1, NULL}, {RS_STAT_R2, "r2", 0, 1, NULL},
};
static const struct rs_stat_spec moment_stats[] = {
    {RS_STAT_SKEWNESS, "skew", 0, -1, NULL},
    {RS_STAT_SKEWNESS_POP, "skewp", 0, -1, NULL},
    {RS_STAT_KURTOSIS, "kurt", 0, -1, NULL},
    {RS_STAT_KURTOSIS_POP, "kurtp", 0, -1, NULL},
};

struct bed {
    struct rs_pane_layout *layout;
    struct rs_pane_scratch *scratch;
    void *pane;
    char text[4096];
};

static void bed_open(struct bed *bed, const struct rs_stat_spec *stats, size_t count, struct rs_num_type x,
                     struct rs_num_type y)
{
    const struct rs_num_type types[] = {x, y};
    struct rs_error error;
    assert_int_equal(rs_pane_layout_new(stats, count, types, 2, &bed->layout, &error), 0);
    bed->scratch = rs_pane_scratch_new();
    bed->pane = malloc(rs_pane_size(bed->layout));
    assert_true(bed->scratch && bed->pane);
    rs_pane_init(bed->layout, bed->pane);
}

static void bed_close(struct bed *bed)
{
    rs_pane_fini(bed->layout, bed->pane);
    free(bed->pane);
    rs_pane_scratch_free(&bed->scratch);
    rs_pane_layout_free(&bed->layout);
}

static void collect(void *ctx, size_t field, const char *text, size_t size)
{
    struct bed *bed = ctx;
    size_t at = strlen(bed->text);
    snprintf(bed->text + at, sizeof bed->text - at, "%s%s=%.*s", at > 0 ? " " : "",
             rs_pane_field_name(bed->layout, field), (int)size, text);
}

static void assert_renders(struct bed *bed, const char *want)
{
    bed->text[0] = '\0';
    rs_pane_render(bed->layout, bed->pane, NULL, 0, bed->scratch, collect, bed);
    assert_string_equal(bed->text, want);
}

static void add(struct bed *bed, struct rs_num x, struct rs_num y)
{
    (void)rs_pane_add(bed->layout, bed->pane, (const struct rs_num[]){x, y}, 0, 0);
}

static struct rs_num num_i(int64_t value)
{
    return (struct rs_num){.present = true, .i = value};
}
static struct rs_num num_d(double value)
{
    return (struct rs_num){.present = true, .d = value};
}
static const struct rs_num null = {.present = false};

static const struct rs_num_type whole = {RS_NUM_INT64, 0, true};
static const struct rs_num_type nullable = {RS_NUM_INT64, 0, false};
static const struct rs_num_type real = {RS_NUM_DOUBLE, 0, false};

/* ---- two inputs ---- */

/* y = 2 x + 1, and y in hundredths: a line without a residue, to the last digit. */
static void test_a_line_is_found_exactly(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, pair_stats, COUNT(pair_stats), (struct rs_num_type){RS_NUM_INT64, 2, true}, whole);
    assert_renders(&bed, "");
    for (int64_t x = 0; x < 5; x++) {
        add(&bed, num_i((2 * x + 1) * 100), num_i(x));
    }
    assert_renders(&bed, "cov=5 covp=4 cor=1 slope=2 icept=1 r2=1");
    bed_close(&bed);
}

static void test_too_few_and_constant_ones_have_no_value(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, pair_stats, COUNT(pair_stats), nullable, nullable);
    add(&bed, num_i(4), null);
    add(&bed, null, num_i(4));
    assert_renders(&bed, "");
    add(&bed, num_i(4), num_i(9));
    assert_renders(&bed, "covp=0");
    add(&bed, num_i(4), num_i(10)); /* the dependent one is constant: a level line */
    assert_renders(&bed, "cov=0 covp=0 slope=0 icept=4");
    rs_pane_fini(bed.layout, bed.pane);
    add(&bed, num_i(4), num_i(9));
    add(&bed, num_i(5), num_i(9)); /* a line that stands upright */
    assert_renders(&bed, "cov=0 covp=0");
    bed_close(&bed);
}

/* Only events that have both, of which the inputs' own sums know nothing. */
static void test_events_that_lack_one_do_not_count(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, pair_stats, COUNT(pair_stats), whole, real);
    add(&bed, num_i(1), num_d(1));
    add(&bed, num_i(700), null);
    add(&bed, num_i(800), num_d((double)INFINITY));
    add(&bed, num_i(-3), num_d(2));
    add(&bed, num_i(900), num_d((double)NAN));
    assert_renders(&bed, "cov=-2 covp=-1 cor=-1 slope=-4 icept=5 r2=1");
    bed_close(&bed);
}

static void test_doubles_of_all_magnitudes(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, pair_stats, COUNT(pair_stats), real, real);
    add(&bed, num_d(1e308), num_d(5e-324));
    add(&bed, num_d(-1e308), num_d(-5e-324));
    assert_renders(
        &bed,
        "cov=9.881312916824931e-16 covp=4.9406564584124655e-16 cor=1 icept=0 r2=1"); /* the slope is beyond all doubles */
    add(&bed, num_d(-0.0), num_d(0.0));
    assert_renders(&bed, "cov=4.9406564584124655e-16 covp=3.293770972274977e-16 cor=1 icept=0 r2=1");
    bed_close(&bed);
}

/* Two statistics of one pair share its sums, whichever stands first; required integers share all but one. */
static void test_pairs_share_their_sums(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, pair_stats, 1, whole, whole);
    size_t one = rs_pane_size(bed.layout);
    assert_int_equal(one, 16 + 2 * 8 + 16); /* events and newest, two sums, products */
    bed_close(&bed);
    bed_open(&bed, pair_stats, 2, whole, whole);
    assert_int_equal(rs_pane_size(bed.layout), one);
    bed_close(&bed);
    bed_open(&bed, pair_stats, COUNT(pair_stats), nullable, nullable);
    assert_int_equal(rs_pane_size(bed.layout), 16 + 8 + 2 * (8 + 16) + 16); /* a count of both */
    bed_close(&bed);
}

static void test_extremes_widen_and_come_back(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, pair_stats, COUNT(pair_stats), whole, nullable);
    void *gone = malloc(rs_pane_size(bed.layout));
    assert_non_null(gone);
    rs_pane_init(bed.layout, gone);
    add(&bed, num_i(1), num_i(2));
    add(&bed, num_i(3), num_i(4));
    const struct rs_num extremes[] = {num_i(INT64_MIN), num_i(INT64_MAX)};
    for (int i = 0; i < 4; i++) {
        (void)rs_pane_add(bed.layout, gone, extremes, 0, 0);
    }
    assert_true(rs_pane_heap_bytes(bed.layout, gone) > 0);
    rs_pane_merge(bed.layout, bed.pane, gone);
    assert_renders(&bed,
                   "cov=-2.2685491128062564e+37 covp=-1.8904575940052136e+37 cor=-1 slope=-1 icept=5 r2=1");
    rs_pane_subtract(bed.layout, bed.pane, gone);
    assert_renders(&bed, "cov=2 covp=1 cor=1 slope=1 icept=-1 r2=1");
    rs_pane_fini(bed.layout, gone);
    free(gone);
    bed_close(&bed);
}

/* ---- powers ---- */

static void test_moments_of_a_few_numbers(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, moment_stats, COUNT(moment_stats), whole, whole);
    assert_renders(&bed, "");
    add(&bed, num_i(1), null);
    assert_renders(&bed, "");
    add(&bed, num_i(2), null);
    assert_renders(&bed, "skewp=0 kurtp=-2");
    add(&bed, num_i(6), null);
    /* m2 = 14/3, m3 = 6, m4 = 98/3 */
    assert_renders(&bed, "skew=1.457862967321305 skewp=0.5951700641394974 kurtp=-1.5");
    add(&bed, num_i(-9), null);
    bed_close(&bed);
}

/* A million equal values: no cancellation leaves a trace. */
static void test_constant_series_have_no_moments(void **state)
{
    (void)state;
    static const struct rs_stat_spec stats[] = {
        {RS_STAT_STDDEV, "sd", 0, -1, NULL},      {RS_STAT_SKEWNESS, "skew", 0, -1, NULL},
        {RS_STAT_KURTOSIS, "kurt", 0, -1, NULL},  {RS_STAT_COVARIANCE, "c", 0, 1, NULL},
        {RS_STAT_CORRELATION, "cor", 0, 1, NULL}, {RS_STAT_SLOPE, "slope", 1, 0, NULL},
    };
    struct bed bed;
    bed_open(&bed, stats, COUNT(stats), real, whole);
    for (int64_t i = 0; i < 1000000; i++) {
        add(&bed, num_d(0.1), num_i(i));
    }
    assert_renders(&bed, "sd=0 c=0");
    bed_close(&bed);
}

static void test_moments_of_doubles_of_all_magnitudes(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, moment_stats, COUNT(moment_stats), real, whole);
    add(&bed, num_d(DBL_MAX), null);
    add(&bed, num_d(5e-324), null);
    add(&bed, num_d(-0.0), null);
    add(&bed, num_d(-DBL_MAX), null);
    /* All but the sign of the skewness is that of {1, 0, 0, -1}: 2^-1074 against 2^1024 is less than half a unit. */
    assert_renders(&bed, "skew=0 skewp=0 kurt=1.5 kurtp=-1");
    bed_close(&bed);
}

/* ---- as bytes, and without memory ---- */

static void test_without_memory_there_is_no_value(void **state)
{
    (void)state;
    struct bed bed;
    struct rs_buf bytes = {0};
    bed_open(&bed, moment_stats, COUNT(moment_stats), whole, whole);
    for (int64_t i = 0; i < 4; i++) {
        add(&bed, num_i(i * i), null);
    }
    refused_calloc = REFUSED_ALL;
    add(&bed, num_i(INT64_MAX), null);
    refused_calloc = 0;
    assert_false(rs_pane_whole(bed.layout, bed.pane));
    assert_renders(&bed, "");
    rs_pane_save(bed.layout, bed.pane, &bytes);
    assert_true(bytes.failed);
    rs_buf_fini(&bytes);
    bed_close(&bed);
}

/* The bytes of panes that existed before are what they were, and a layout says which powers it holds. */
static void test_bytes_are_short_and_of_one_form(void **state)
{
    (void)state;
    struct bed bed;
    struct rs_buf bytes = {0};
    bed_open(&bed, moment_stats, 1, whole, whole);
    add(&bed, num_i(2), null);
    rs_pane_save(bed.layout, bed.pane, &bytes);
    /* events 1, newest 0, sum 2, squares 4, third powers 8 */
    assert_int_equal(bytes.size, 9);
    assert_memory_equal(bytes.data, "\1\1\0\1\2\1\4\1\10", 9);
    rs_buf_fini(&bytes);
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_found_exactly),
        cmocka_unit_test(test_too_few_and_constant_ones_have_no_value),
        cmocka_unit_test(test_events_that_lack_one_do_not_count),
        cmocka_unit_test(test_doubles_of_all_magnitudes),
        cmocka_unit_test(test_pairs_share_their_sums),
        cmocka_unit_test(test_extremes_widen_and_come_back),
        cmocka_unit_test(test_moments_of_a_few_numbers),
        cmocka_unit_test(test_constant_series_have_no_moments),
        cmocka_unit_test(test_moments_of_doubles_of_all_magnitudes),
        cmocka_unit_test(test_without_memory_there_is_no_value),
        cmocka_unit_test(test_bytes_are_short_and_of_one_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
