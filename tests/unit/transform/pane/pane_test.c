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

#include "base/record.h"
#include "tests/lib/refused_calloc.h"
#include "transform/pane/pane.h"

#define COUNT(array) (sizeof array / sizeof((array)[0]))

/* A layout with room for a pane and for what it renders, "name=text name=text". */
struct bed {
    struct rs_pane_layout *layout;
    struct rs_pane_scratch *scratch;
    void *pane;
    void *other;
    char text[4096];
};

static void bed_open(struct bed *bed, const struct rs_stat_spec *stats, size_t count,
                     const struct rs_num_type *types, size_t type_count)
{
    struct rs_error error;
    assert_int_equal(rs_pane_layout_new(stats, count, types, type_count, &bed->layout, &error), 0);
    bed->scratch = rs_pane_scratch_new();
    bed->pane = malloc(rs_pane_size(bed->layout));
    bed->other = malloc(rs_pane_size(bed->layout));
    assert_true(bed->scratch && bed->pane && bed->other);
    rs_pane_init(bed->layout, bed->pane);
    rs_pane_init(bed->layout, bed->other);
}

static void bed_close(struct bed *bed)
{
    rs_pane_fini(bed->layout, bed->pane);
    rs_pane_fini(bed->layout, bed->other);
    free(bed->pane);
    free(bed->other);
    rs_pane_scratch_free(&bed->scratch);
    rs_pane_layout_free(&bed->layout);
    assert_null(bed->scratch);
    assert_null(bed->layout);
}

static void collect(void *ctx, size_t field, const char *text, size_t size)
{
    struct bed *bed = ctx;
    size_t at = strlen(bed->text);
    snprintf(bed->text + at, sizeof bed->text - at, "%s%s=%.*s", at > 0 ? " " : "",
             rs_pane_field_name(bed->layout, field), (int)size, text);
}

static void assert_renders(struct bed *bed, const void *previous, int64_t window_us, const char *want)
{
    bed->text[0] = '\0';
    rs_pane_render(bed->layout, bed->pane, previous, window_us, bed->scratch, collect, bed);
    assert_string_equal(bed->text, want);
}

static struct rs_num num_i(int64_t value)
{
    return (struct rs_num){.present = true, .i = value};
}
static struct rs_num num_w(rs_i128 value)
{
    return (struct rs_num){.present = true, .w = value};
}
static struct rs_num num_d(double value)
{
    return (struct rs_num){.present = true, .d = value};
}

static const struct rs_num null = {.present = false};

static bool add(struct bed *bed, struct rs_num x, struct rs_num w, int64_t time_us, int64_t order)
{
    return rs_pane_add(bed->layout, bed->pane, (const struct rs_num[]){x, w}, time_us, order).finite;
}

/* ---- layout ---- */

static const struct rs_stat_spec trade_stats[] = {
    {RS_STAT_COUNT, "trades", -1, -1, NULL}, {RS_STAT_SUM, "volume", 1, -1, NULL},
    {RS_STAT_MEAN, "mean", 0, -1, NULL},     {RS_STAT_MIN, "low", 0, -1, NULL},
    {RS_STAT_MAX, "high", 0, -1, NULL},      {RS_STAT_STDDEV, "sd", 0, -1, NULL},
    {RS_STAT_VWAP, "vwap", 0, 1, NULL},      {RS_STAT_OHLC, "price", 0, -1, NULL},
};

/* The head with the order of the newest, 24; sum of x 8, squares 16, min, max, first, last 8 each, key of
 * first 16; sum of w 8; products 16. */
static void test_a_layout_holds_only_what_is_needed(void **state)
{
    (void)state;
    struct bed bed;
    const struct rs_num_type required[] = {{RS_NUM_INT64, 4, true}, {RS_NUM_INT64, 0, true}};
    const struct rs_num_type nullable[] = {{RS_NUM_INT64, 4, false}, {RS_NUM_INT64, 0, false}};
    bed_open(&bed, trade_stats, COUNT(trade_stats), required, 2);
    assert_int_equal(rs_pane_size(bed.layout), 120);
    assert_false(rs_pane_needs_previous(bed.layout));
    bed_close(&bed);
    bed_open(&bed, trade_stats, COUNT(trade_stats), nullable, 2);
    assert_int_equal(rs_pane_size(bed.layout),
                     144); /* a count of x, a key of last, other weights for vwap; no order */
    bed_close(&bed);
    bed_open(&bed, trade_stats, 1, NULL, 0);
    assert_int_equal(rs_pane_size(bed.layout), 16);
    bed_close(&bed);
    const struct rs_stat_spec change[] = {{RS_STAT_PCT_CHANGE, "change", 0, -1, NULL}};
    bed_open(&bed, change, 1, required, 1);
    assert_true(rs_pane_needs_previous(bed.layout));
    bed_close(&bed);
}

static void test_fields_are_named_in_order(void **state)
{
    (void)state;
    struct bed bed;
    const struct rs_num_type types[] = {{RS_NUM_INT64, 4, true}, {RS_NUM_INT64, 0, true}};
    const char *want[] = {"trades", "volume",     "mean",       "low",       "high",       "sd",
                          "vwap",   "price_open", "price_high", "price_low", "price_close"};
    bed_open(&bed, trade_stats, COUNT(trade_stats), types, 2);
    assert_int_equal(rs_pane_field_count(bed.layout), COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_string_equal(rs_pane_field_name(bed.layout, i), want[i]);
    }
    bed_close(&bed);
}

static void assert_no_layout(struct rs_stat_spec spec, struct rs_num_type type, const char *why)
{
    struct rs_error error;
    struct rs_pane_layout *layout = NULL;
    assert_int_equal(rs_pane_layout_new(&spec, 1, &type, 1, &layout, &error), RS_ECONFIG);
    assert_string_equal(error.text, why);
    assert_null(layout);
}

static void test_statistics_over_too_few_inputs_are_refused(void **state)
{
    (void)state;
    const struct rs_num_type plain = {RS_NUM_INT64, 0, false};
    assert_no_layout((struct rs_stat_spec){RS_STAT_SUM, "a", -1, -1, NULL}, plain,
                     "a: sum needs a numeric field");
    assert_no_layout((struct rs_stat_spec){RS_STAT_OHLC, "b", 1, -1, NULL}, plain,
                     "b: ohlc needs a numeric field");
    assert_no_layout((struct rs_stat_spec){RS_STAT_VWAP, "c", 0, -1, NULL}, plain,
                     "c: vwap needs a price and a weight");
    assert_no_layout((struct rs_stat_spec){RS_STAT_COUNT, "d", 3, -1, NULL}, plain,
                     "d: count needs a numeric field");
    assert_no_layout((struct rs_stat_spec){RS_STAT_MIN, "e", 0, -1, NULL},
                     (struct rs_num_type){RS_NUM_INT64, 39, false},
                     "e: the scale of its input is not within 0..38");
}

/* ---- statistics ---- */

static void test_trades_give_their_statistics(void **state)
{
    (void)state;
    struct bed bed;
    const struct rs_num_type types[] = {{RS_NUM_INT64, 2, true}, {RS_NUM_INT64, 0, true}};
    bed_open(&bed, trade_stats, COUNT(trade_stats), types, 2);
    assert_int_equal(rs_pane_events(bed.pane), 0);
    assert_true(rs_pane_newest_us(bed.pane) == RS_TIME_NONE);
    assert_true(add(&bed, num_i(1050), num_i(10), 2000, 8));
    assert_true(add(&bed, num_i(1000), num_i(30), 1000, 7));
    assert_true(add(&bed, num_i(1100), num_i(20), 3000, 9));
    assert_true(add(&bed, num_i(975), num_i(0), 2500, 10));
    assert_int_equal(rs_pane_events(bed.pane), 4);
    assert_int_equal(rs_pane_newest_us(bed.pane), 3000);
    assert_renders(
        &bed, NULL, 0,
        "trades=4 volume=60 mean=10.3125 low=9.75 high=11 sd=0.5543389456520863 vwap=10.416666666666666 "
        "price_open=10 price_high=11 price_low=9.75 price_close=11");
    bed_close(&bed);
}

static const struct rs_stat_spec all_stats[] = {
    {RS_STAT_COUNT, "n", 0, -1, NULL},           {RS_STAT_SUM, "sum", 0, -1, NULL},
    {RS_STAT_MEAN, "mean", 0, -1, NULL},         {RS_STAT_MIN, "min", 0, -1, NULL},
    {RS_STAT_MAX, "max", 0, -1, NULL},           {RS_STAT_RANGE, "range", 0, -1, NULL},
    {RS_STAT_FIRST, "first", 0, -1, NULL},       {RS_STAT_LAST, "last", 0, -1, NULL},
    {RS_STAT_VWAP, "vwap", 0, 1, NULL},          {RS_STAT_VARIANCE, "var", 0, -1, NULL},
    {RS_STAT_VARIANCE_POP, "varp", 0, -1, NULL}, {RS_STAT_STDDEV, "sd", 0, -1, NULL},
    {RS_STAT_STDDEV_POP, "sdp", 0, -1, NULL},    {RS_STAT_RATE, "rate", 0, -1, NULL},
    {RS_STAT_CHANGE, "change", 0, -1, NULL},     {RS_STAT_PCT_CHANGE, "pct", 0, -1, NULL},
};

static void open_all(struct bed *bed, enum rs_num_kind kind, int scale)
{
    const struct rs_num_type types[] = {{kind, scale, false}, {kind, scale, false}};
    bed_open(bed, all_stats, COUNT(all_stats), types, 2);
}

static void test_what_has_no_value_is_absent(void **state)
{
    (void)state;
    struct bed bed;
    open_all(&bed, RS_NUM_INT64, 0);
    assert_renders(&bed, NULL, 0, "n=0 sum=0");
    assert_renders(&bed, bed.other, 1000000, "n=0 sum=0 rate=0");
    assert_true(add(&bed, null, num_i(7), 1, 1));
    assert_int_equal(rs_pane_events(bed.pane), 1);
    assert_renders(&bed, NULL, 0, "n=0 sum=0");
    assert_true(add(&bed, num_i(5), null, 1, 2));
    assert_renders(&bed, NULL, 500000,
                   "n=1 sum=5 mean=5 min=5 max=5 range=0 first=5 last=5 varp=0 sdp=0 rate=10");
    assert_true(add(&bed, num_i(7), num_i(0), 1, 3)); /* weight 0 */
    assert_renders(
        &bed, NULL, 0,
        "n=2 sum=12 mean=6 min=5 max=7 range=2 first=5 last=7 var=2 varp=1 sd=1.4142135623730951 sdp=1");
    bed_close(&bed);
}

static void test_change_is_against_the_previous_pane(void **state)
{
    (void)state;
    struct bed bed;
    const struct rs_stat_spec stats[] = {{RS_STAT_CHANGE, "change", 0, -1, NULL},
                                         {RS_STAT_PCT_CHANGE, "pct", 0, -1, NULL}};
    const struct rs_num_type type = {RS_NUM_INT64, 1, true};
    struct rs_num x = num_i(-40);
    bed_open(&bed, stats, COUNT(stats), &type, 1);
    rs_pane_add(bed.layout, bed.pane, &x, 1, 1);
    assert_renders(&bed, NULL, 0, "");
    assert_renders(&bed, bed.other, 0, "");
    x.i = 0;
    rs_pane_add(bed.layout, bed.other, &x, 0, 0);
    assert_renders(&bed, bed.other, 0, "change=-4");
    x.i = -30;
    rs_pane_add(bed.layout, bed.other, &x, 0, 1);
    assert_renders(&bed, bed.other, 0, "change=-1 pct=-33.333333333333336");
    bed_close(&bed);
}

static void test_int64_extremes_are_exact(void **state)
{
    (void)state;
    struct bed bed;
    open_all(&bed, RS_NUM_INT64, 0);
    add(&bed, num_i(INT64_MIN), num_i(INT64_MIN), 1, 1);
    add(&bed, num_i(INT64_MAX), num_i(INT64_MIN), 2, 2);
    add(&bed, num_i(INT64_MIN), num_i(INT64_MIN), 3, 3);
    assert_renders(&bed, NULL, 0,
                   "n=3 sum=-9223372036854775809 mean=-3074457345618258400 min=-9223372036854775808 "
                   "max=9223372036854775807 range=18446744073709551615 first=-9223372036854775808 "
                   "last=-9223372036854775808 vwap=-3074457345618258400 var=1.1342745564031281e+38 "
                   "varp=7.561830376020854e+37 sd=10650232656628343000 sdp=8695878550221855000");
    bed_close(&bed);
}

static void test_decimals_of_38_digits_are_exact(void **state)
{
    (void)state;
    struct bed bed;
    rs_i128 most = (rs_i128)rs_pow10_u128(38) - 1;
    open_all(&bed, RS_NUM_INT128, 2);
    for (int i = 0; i < 12; i++) {
        add(&bed, num_w(i == 5 ? -most : most), num_w(most), i, i);
    }
    assert_renders(
        &bed, NULL, 0,
        "n=12 sum=9999999999999999999999999999999999999.9 mean=8.333333333333333e+35 "
        "min=-999999999999999999999999999999999999.99 max=999999999999999999999999999999999999.99 "
        "range=1999999999999999999999999999999999999.98 first=999999999999999999999999999999999999.99 "
        "last=999999999999999999999999999999999999.99 vwap=8.333333333333333e+35 "
        "var=3.3333333333333335e+71 varp=3.0555555555555556e+71 sd=5.7735026918962576e+35 "
        "sdp=5.527707983925666e+35");
    bed_close(&bed);
}

static void test_doubles_lose_nothing(void **state)
{
    (void)state;
    struct bed bed;
    open_all(&bed, RS_NUM_DOUBLE, 0);
    add(&bed, num_d(1e308), num_d(1), 1, 1);
    add(&bed, num_d(-1e308), num_d(1), 2, 2);
    add(&bed, num_d(1e-308), num_d(1), 3, 3);
    /* the variance is beyond the largest double, its root is not */
    assert_renders(
        &bed, NULL, 0,
        "n=3 sum=1e-308 mean=3.33333333333333e-309 min=-1e+308 max=1e+308 first=1e+308 last=1e-308 "
        "vwap=3.33333333333333e-309 sd=1e+308 sdp=8.16496580927726e+307");
    assert_true(rs_pane_heap_bytes(bed.layout, bed.pane) > 0);
    assert_true(rs_pane_whole(bed.layout, bed.pane));
    rs_pane_fini(bed.layout, bed.pane);
    assert_int_equal(rs_pane_heap_bytes(bed.layout, bed.pane), 0);
    add(&bed, num_d(DBL_MAX), num_d(0.5), 1, 1);
    add(&bed, num_d(DBL_MAX), num_d(0.5), 1, 2);
    assert_renders(
        &bed, NULL, 0, /* the sum is beyond as well */
        "n=2 mean=1.7976931348623157e+308 min=1.7976931348623157e+308 max=1.7976931348623157e+308 range=0 "
        "first=1.7976931348623157e+308 last=1.7976931348623157e+308 vwap=1.7976931348623157e+308 var=0 "
        "varp=0 "
        "sd=0 sdp=0");
    rs_pane_fini(bed.layout, bed.pane);
    add(&bed, num_d(5e-324), num_d(5e-324), 1, 1);
    add(&bed, num_d(1.5e-323), num_d(5e-324), 1, 2);
    assert_renders(
        &bed, NULL, 0,
        "n=2 sum=2e-323 mean=1e-323 min=5e-324 max=1.5e-323 range=1e-323 first=5e-324 last=1.5e-323 "
        "vwap=1e-323 var=0 varp=0 sd=5e-324 sdp=5e-324");
    bed_close(&bed);
}

static void test_not_a_number_and_infinities_are_passed_by(void **state)
{
    (void)state;
    struct bed bed;
    open_all(&bed, RS_NUM_DOUBLE, 0);
    assert_true(add(&bed, num_d(2), num_d(3), 1, 1));
    assert_false(add(&bed, num_d((double)NAN), num_d(5), 2, 2));
    assert_false(add(&bed, num_d(-(double)INFINITY), num_d(5), 3, 3));
    assert_false(add(&bed, num_d(4), num_d((double)INFINITY), 4, 4));
    assert_int_equal(rs_pane_events(bed.pane), 4);
    assert_renders(&bed, NULL, 0,
                   "n=2 sum=6 mean=3 min=2 max=4 range=2 first=2 last=4 vwap=2 var=2 varp=1 "
                   "sd=1.4142135623730951 sdp=1");
    bed_close(&bed);
}

static void test_minus_zero_is_zero(void **state)
{
    (void)state;
    struct bed bed;
    struct bed other;
    open_all(&bed, RS_NUM_DOUBLE, 0);
    open_all(&other, RS_NUM_DOUBLE, 0);
    add(&bed, num_d(0.0), num_d(1), 1, 1);
    add(&bed, num_d(-0.0), num_d(1), 2, 2);
    add(&other, num_d(-0.0), num_d(1), 2, 2);
    add(&other, num_d(0.0), num_d(1), 1, 1);
    struct rs_buf a = {0};
    struct rs_buf b = {0};
    rs_pane_save(bed.layout, bed.pane, &a);
    rs_pane_save(other.layout, other.pane, &b);
    assert_true(rs_slice_equal(rs_buf_slice(&a), rs_buf_slice(&b)));
    rs_buf_fini(&a);
    rs_buf_fini(&b);
    bed_close(&bed);
    bed_close(&other);
}

/* The offset decides between equal times, the value between equal keys, whichever comes first. */
static void test_ties_are_broken_alike_in_any_order(void **state)
{
    (void)state;
    const struct {
        int64_t x;
        int64_t order;
    } events[] = {{5, 2}, {3, 1}, {9, 1}, {4, 3}, {6, 3}};
    for (int required = 0; required < 2; required++) {
        for (size_t start = 0; start < COUNT(events); start++) {
            struct bed bed;
            const struct rs_stat_spec stats[] = {{RS_STAT_FIRST, "first", 0, -1, NULL},
                                                 {RS_STAT_LAST, "last", 0, -1, NULL}};
            const struct rs_num_type type = {RS_NUM_INT64, 0, required != 0};
            bed_open(&bed, stats, COUNT(stats), &type, 1);
            for (size_t i = 0; i < COUNT(events); i++) {
                size_t at = (start + i) % COUNT(events);
                struct rs_num x = num_i(events[at].x);
                rs_pane_add(bed.layout, i < 2 ? bed.pane : bed.other, &x, 1000, events[at].order);
            }
            rs_pane_merge(bed.layout, bed.pane, bed.other);
            assert_renders(&bed, NULL, 0, "first=3 last=6");
            bed_close(&bed);
        }
    }
}

/* The keys go with the extrema: what is added to a cleared pane is first and last in it. */
static void test_cleared_extrema_begin_anew(void **state)
{
    (void)state;
    for (int required = 0; required < 2; required++) {
        struct bed bed;
        const struct rs_stat_spec stats[] = {{RS_STAT_SUM, "sum", 0, -1, NULL},
                                             {RS_STAT_OHLC, "x", 0, -1, NULL}};
        const struct rs_num_type type = {RS_NUM_INT64, 0, required != 0};
        bed_open(&bed, stats, COUNT(stats), &type, 1);
        for (int64_t i = 1; i <= 3; i++) {
            struct rs_num x = num_i(100 * i);
            rs_pane_add(bed.layout, bed.pane, &x, 50 - i, i);
        }
        assert_renders(&bed, NULL, 0, "sum=600 x_open=300 x_high=300 x_low=100 x_close=100");
        rs_pane_clear_extrema(bed.layout, bed.pane);
        assert_true(rs_pane_newest_us(bed.pane) == RS_TIME_NONE);
        for (int64_t i = 1; i <= 2; i++) {
            struct rs_num x = num_i(i);
            rs_pane_add(bed.layout, bed.pane, &x, i, i);
        }
        assert_renders(&bed, NULL, 0, "sum=603 x_open=1 x_high=2 x_low=1 x_close=2");
        bed_close(&bed);
    }
}

/* Two required inputs share one key; a nullable one beside them has its own. */
static void test_inputs_share_the_keys_of_first_and_last(void **state)
{
    (void)state;
    struct bed bed;
    const struct rs_stat_spec stats[] = {
        {RS_STAT_FIRST, "x1", 0, -1, NULL}, {RS_STAT_LAST, "x2", 0, -1, NULL},
        {RS_STAT_FIRST, "y1", 1, -1, NULL}, {RS_STAT_LAST, "y2", 1, -1, NULL},
        {RS_STAT_FIRST, "z1", 2, -1, NULL}, {RS_STAT_LAST, "z2", 2, -1, NULL},
    };
    const struct rs_num_type types[] = {
        {RS_NUM_INT64, 0, true}, {RS_NUM_INT128, 0, true}, {RS_NUM_DOUBLE, 0, false}};
    const struct {
        int64_t time_us;
        struct rs_num z;
    } events[] = {{20, null}, {10, num_d(1)}, {5, null}, {40, num_d(3)}, {50, null}, {30, num_d(2)}};
    bed_open(&bed, stats, COUNT(stats), types, 3);
    for (size_t i = 0; i < COUNT(events); i++) {
        const struct rs_num inputs[] = {num_i(events[i].time_us), num_w(-events[i].time_us), events[i].z};
        rs_pane_add(bed.layout, i % 2 == 0 ? bed.pane : bed.other, inputs, events[i].time_us, (int64_t)i);
    }
    rs_pane_merge(bed.layout, bed.pane, bed.other);
    assert_renders(&bed, NULL, 0, "x1=5 x2=50 y1=-5 y2=-50 z1=1 z2=3");
    assert_int_equal(rs_pane_newest_us(bed.pane), 50);
    bed_close(&bed);
}

/* ---- bytes ---- */

static int load(struct bed *bed, const uint8_t *bytes, size_t size)
{
    struct rs_error error;
    size_t used = 0;
    int rc = rs_pane_load(bed->layout, bed->pane, rs_slice_of(bytes, size), &used, &error);
    assert_true(rc != 0 || used == size);
    assert_true(rc == 0 || strcmp(error.text, "the bytes of a pane are damaged or of another layout") == 0);
    return rc;
}

#define LOAD(bed, ...) load(bed, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* events, newest, count, sum of two limbs */
static void test_integers_have_one_form(void **state)
{
    (void)state;
    struct bed bed;
    const struct rs_stat_spec stats[] = {{RS_STAT_MEAN, "mean", 0, -1, NULL}};
    const struct rs_num_type type = {RS_NUM_INT64, 0, false};
    bed_open(&bed, stats, 1, &type, 1);
    assert_int_equal(LOAD(&bed, 1, 2, 1, 5, 1, 2, 1, 0xff), 0);
    assert_renders(&bed, NULL, 0, "mean=-0.5");
    assert_int_equal(LOAD(&bed, 1, 2, 0, 1, 1, 2, 0xff, 0), 0);
    assert_renders(&bed, NULL, 0, "mean=255");
    assert_int_equal(LOAD(&bed, 0), 0);
    assert_int_equal(LOAD(&bed, 1, 3, 0, 0), 0);               /* three nulls */
    assert_int_equal(LOAD(&bed, 1, 2, 0, 1, 3, 0), RS_ESTATE); /* three values in two events */
    assert_int_equal(LOAD(&bed, 1, 2, 0, 1, 0xff, 0), RS_ESTATE);
    assert_int_equal(LOAD(&bed, 1, 0xff), RS_ESTATE); /* a negative count */
    assert_int_equal(LOAD(&bed, 1, 0), RS_ESTATE);    /* longer than need be: 0, 2, -1 */
    assert_int_equal(LOAD(&bed, 2, 2, 0, 0, 0), RS_ESTATE);
    assert_int_equal(LOAD(&bed, 1, 2, 0, 1, 1, 2, 0xff, 0xff), RS_ESTATE);
    assert_int_equal(LOAD(&bed, 9, 2, 0, 0, 0, 0, 0, 0, 0, 1), RS_ESTATE);          /* longer than its slot */
    assert_int_equal(LOAD(&bed, 1, 2, 8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0), RS_ESTATE); /* no time */
    assert_int_equal(rs_pane_events(bed.pane), 0);
    bed_close(&bed);
}

/* events 1, newest 0, count 1, then the sum: length and sign, place, bytes. 1.0 is at byte 136. */
static void test_sums_of_doubles_have_one_form(void **state)
{
    (void)state;
    struct bed bed;
    const struct rs_stat_spec stats[] = {{RS_STAT_SUM, "sum", 0, -1, NULL}};
    const struct rs_num_type type = {RS_NUM_DOUBLE, 0, false};
    bed_open(&bed, stats, 1, &type, 1);
    assert_int_equal(LOAD(&bed, 1, 1, 0, 3, 0, 136, 0, 1), 0);
    assert_renders(&bed, NULL, 0, "sum=-1");
    assert_int_equal(LOAD(&bed, 1, 1, 0, 4, 0, 135, 0, 0x80, 2), 0);
    assert_renders(&bed, NULL, 0, "sum=2.5");
    assert_int_equal(LOAD(&bed, 1, 1, 0, 2, 0, 15, 1, 0x7f), 0); /* the highest byte of 272 */
    assert_int_equal(LOAD(&bed, 1, 1, 0, 0, 0), 0);
    assert_renders(&bed, NULL, 0, "sum=0");
    assert_int_equal(LOAD(&bed, 1, 1, 0, 1, 0), RS_ESTATE);               /* -0 */
    assert_int_equal(LOAD(&bed, 1, 1, 0, 4, 0, 136, 0, 0, 1), RS_ESTATE); /* zeros at the ends */
    assert_int_equal(LOAD(&bed, 1, 1, 0, 4, 0, 136, 0, 1, 0), RS_ESTATE);
    assert_int_equal(LOAD(&bed, 1, 1, 0, 2, 0, 15, 1, 0x80), RS_ESTATE); /* the sign's bit */
    assert_int_equal(LOAD(&bed, 1, 1, 0, 2, 0, 16, 1, 1), RS_ESTATE);    /* beyond the end */
    assert_int_equal(LOAD(&bed, 1, 1, 0, 0xfe, 0xff, 0xff, 0xff, 1), RS_ESTATE);
    bed_close(&bed);
}

static void test_doubles_that_no_pane_holds_are_refused(void **state)
{
    (void)state;
    struct bed bed;
    const struct rs_stat_spec stats[] = {{RS_STAT_MIN, "min", 0, -1, NULL}};
    const struct rs_num_type type = {RS_NUM_DOUBLE, 0, false};
    bed_open(&bed, stats, 1, &type, 1);
    assert_int_equal(LOAD(&bed, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0xf0, 0xbf), 0);
    assert_renders(&bed, NULL, 0, "min=-1");
    assert_int_equal(LOAD(&bed, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0x80), RS_ESTATE);    /* -0 */
    assert_int_equal(LOAD(&bed, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f), RS_ESTATE); /* infinity */
    assert_int_equal(LOAD(&bed, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0xf0, 0xff), RS_ESTATE); /* NaN */
    bed_close(&bed);
}

/* ---- out of memory ---- */

static void test_without_memory_a_statistic_is_absent_and_never_wrong(void **state)
{
    (void)state;
    struct bed bed;
    struct rs_buf out = {0};
    struct rs_error error;
    size_t used = 0;
    open_all(&bed, RS_NUM_DOUBLE, 0);
    add(&bed, num_d(1e-200), num_d(1), 1, 1);
    rs_pane_copy(bed.layout, bed.other, bed.pane);
    rs_pane_add(bed.layout, bed.other, (const struct rs_num[]){num_d(1e200), num_d(1)}, 2, 2);
    rs_pane_save(bed.layout, bed.other, &out);
    refused_calloc = REFUSED_ALL;
    add(&bed, num_d(1e200), num_d(1), 2, 2);
    int rc = rs_pane_load(bed.layout, bed.other, rs_buf_slice(&out), &used, &error);
    refused_calloc = 0;
    assert_int_equal(rc, RS_ENOMEM);
    assert_int_equal(rs_pane_events(bed.other), 0);
    assert_false(rs_pane_whole(bed.layout, bed.pane));
    assert_renders(&bed, NULL, 0, "n=2 min=1e-200 max=1e+200 range=1e+200 first=1e-200 last=1e+200");
    rs_buf_reset(&out);
    rs_pane_save(bed.layout, bed.pane, &out);
    assert_true(out.failed);
    rs_buf_fini(&out);
    rs_pane_fini(bed.layout, bed.pane);
    assert_true(rs_pane_whole(bed.layout, bed.pane));
    bed_close(&bed);
}

static void test_without_memory_there_is_no_layout(void **state)
{
    (void)state;
    struct rs_error error;
    struct rs_pane_layout *layout = NULL;
    const struct rs_num_type types[] = {{RS_NUM_INT64, 4, true}, {RS_NUM_INT64, 0, true}};
    refused_calloc = REFUSED_ALL;
    int rc = rs_pane_layout_new(trade_stats, COUNT(trade_stats), types, 2, &layout, &error);
    refused_calloc = 0;
    assert_int_equal(rc, RS_ENOMEM);
    assert_null(layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_layout_holds_only_what_is_needed),
        cmocka_unit_test(test_fields_are_named_in_order),
        cmocka_unit_test(test_statistics_over_too_few_inputs_are_refused),
        cmocka_unit_test(test_trades_give_their_statistics),
        cmocka_unit_test(test_what_has_no_value_is_absent),
        cmocka_unit_test(test_change_is_against_the_previous_pane),
        cmocka_unit_test(test_int64_extremes_are_exact),
        cmocka_unit_test(test_decimals_of_38_digits_are_exact),
        cmocka_unit_test(test_doubles_lose_nothing),
        cmocka_unit_test(test_not_a_number_and_infinities_are_passed_by),
        cmocka_unit_test(test_minus_zero_is_zero),
        cmocka_unit_test(test_ties_are_broken_alike_in_any_order),
        cmocka_unit_test(test_cleared_extrema_begin_anew),
        cmocka_unit_test(test_inputs_share_the_keys_of_first_and_last),
        cmocka_unit_test(test_integers_have_one_form),
        cmocka_unit_test(test_sums_of_doubles_have_one_form),
        cmocka_unit_test(test_doubles_that_no_pane_holds_are_refused),
        cmocka_unit_test(test_without_memory_a_statistic_is_absent_and_never_wrong),
        cmocka_unit_test(test_without_memory_there_is_no_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
