/* Sums of int64 that leave the narrow form. The oracle is a pane whose inputs are declared int128: it is given
 * the same numbers, shares no sum with the other, and has one form only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/lib/random.h"
#include "tests/lib/refused_calloc.h"
#include "transform/pane/pane.h"

#define COUNT(array) (sizeof array / sizeof((array)[0]))
#define PANES        4
#define STEPS        400

/* A sum of its own for the weights of vwap too, where x can be absent. */
static const struct rs_stat_spec stats[] = {
    {RS_STAT_COUNT, "n", -1, -1, NULL},       {RS_STAT_COUNT, "values", 0, -1, NULL},
    {RS_STAT_SUM, "sum", 0, -1, NULL},        {RS_STAT_MEAN, "mean", 0, -1, NULL},
    {RS_STAT_MIN, "min", 0, -1, NULL},        {RS_STAT_MAX, "max", 0, -1, NULL},
    {RS_STAT_OHLC, "x", 0, -1, NULL},         {RS_STAT_VARIANCE_POP, "variance", 0, -1, NULL},
    {RS_STAT_STDDEV, "sd", 0, -1, NULL},      {RS_STAT_VWAP, "vwap", 0, 1, NULL},
    {RS_STAT_SUM, "weight", 1, -1, NULL},     {RS_STAT_RATE, "rate", 0, -1, NULL},
    {RS_STAT_PCT_CHANGE, "pct", 1, -1, NULL},
};
static const struct rs_stat_spec sum_only[] = {{RS_STAT_SUM, "sum", 0, -1, NULL}};
static const struct rs_stat_spec spread[] = {{RS_STAT_MEAN, "mean", 0, -1, NULL},
                                             {RS_STAT_VARIANCE_POP, "variance", 0, -1, NULL}};

/* Panes of one layout, and their texts. */
struct bed {
    struct rs_pane_layout *layout;
    struct rs_pane_scratch *scratch;
    void *panes[PANES];
    struct rs_buf text;
};

static void bed_open(struct bed *bed, const struct rs_stat_spec *specs, size_t count,
                     const struct rs_num_type *types)
{
    struct rs_error error;
    *bed = (struct bed){.scratch = rs_pane_scratch_new()};
    assert_int_equal(rs_pane_layout_new(specs, count, types, 2, &bed->layout, &error), 0);
    for (size_t i = 0; i < PANES; i++) {
        bed->panes[i] = malloc(rs_pane_size(bed->layout));
        assert_non_null(bed->panes[i]);
        rs_pane_init(bed->layout, bed->panes[i]);
    }
}

static void bed_open64(struct bed *bed, const struct rs_stat_spec *specs, size_t count)
{
    bed_open(bed, specs, count,
             (const struct rs_num_type[]){{RS_NUM_INT64, 0, true}, {RS_NUM_INT64, 0, true}});
}

static void bed_close(struct bed *bed)
{
    for (size_t i = 0; i < PANES; i++) {
        rs_pane_fini(bed->layout, bed->panes[i]);
        free(bed->panes[i]);
    }
    rs_buf_fini(&bed->text);
    rs_pane_scratch_free(&bed->scratch);
    rs_pane_layout_free(&bed->layout);
}

static void collect(void *ctx, size_t field, const char *text, size_t size)
{
    struct bed *bed = ctx;
    rs_buf_printf(&bed->text, "%s%s=%.*s", bed->text.size > 0 ? " " : "",
                  rs_pane_field_name(bed->layout, field), (int)size, text);
}

static const char *rendered(struct bed *bed, size_t pane, const void *previous)
{
    rs_buf_reset(&bed->text);
    rs_pane_render(bed->layout, bed->panes[pane], previous, 1000000, bed->scratch, collect, bed);
    rs_buf_char(&bed->text, '\0');
    assert_false(bed->text.failed);
    return (const char *)bed->text.data;
}

static bool is_wide(const struct bed *bed, size_t pane)
{
    return rs_pane_heap_bytes(bed->layout, bed->panes[pane]) > 0;
}

static void add64(struct bed *bed, size_t pane, int64_t x, int64_t time_us)
{
    const struct rs_num inputs[] = {{.present = true, .i = x}, {.present = true, .i = x}};
    rs_pane_add(bed->layout, bed->panes[pane], inputs, time_us, 0);
}

static void assert_same_bytes(struct bed *bed, size_t a, size_t b)
{
    struct rs_buf x = {0};
    struct rs_buf y = {0};
    rs_pane_save(bed->layout, bed->panes[a], &x);
    rs_pane_save(bed->layout, bed->panes[b], &y);
    assert_false(x.failed || y.failed);
    assert_true(rs_slice_equal(rs_buf_slice(&x), rs_buf_slice(&y)));
    rs_buf_fini(&x);
    rs_buf_fini(&y);
}

/* Saves the pane and loads it into itself. */
static void reload(struct bed *bed, size_t pane)
{
    struct rs_buf bytes = {0};
    struct rs_error error;
    size_t used = 0;
    rs_pane_save(bed->layout, bed->panes[pane], &bytes);
    assert_int_equal(rs_pane_load(bed->layout, bed->panes[pane], rs_buf_slice(&bytes), &used, &error), 0);
    assert_int_equal(used, bytes.size);
    rs_buf_fini(&bytes);
}

/* ---- at the boundary ---- */

/* One more than the largest, back again, and down to the smallest: what was there leaves no trace in texts and
 * bytes. */
static void test_a_sum_goes_over_the_boundary_and_comes_back(void **state)
{
    (void)state;
    struct bed bed;
    for (int sign = 1; sign >= -1; sign -= 2) {
        int64_t limit = sign > 0 ? INT64_MAX : INT64_MIN;
        bed_open64(&bed, sum_only, COUNT(sum_only));
        add64(&bed, 0, limit - sign, 1);
        add64(&bed, 0, sign, 2);
        assert_false(is_wide(&bed, 0));
        assert_string_equal(rendered(&bed, 0, NULL),
                            sign > 0 ? "sum=9223372036854775807" : "sum=-9223372036854775808");
        add64(&bed, 0, sign, 3);
        assert_true(is_wide(&bed, 0));
        assert_string_equal(rendered(&bed, 0, NULL),
                            sign > 0 ? "sum=9223372036854775808" : "sum=-9223372036854775809");
        reload(&bed, 0);
        assert_true(is_wide(&bed, 0));
        add64(&bed, 0, -sign, 4);
        assert_int_equal(rs_pane_events(bed.panes[0]), 4);
        assert_int_equal(rs_pane_newest_us(bed.panes[0]), 4);
        const int64_t other[] = {-sign, sign, 0, limit};
        for (int i = 0; i < 4; i++) {
            add64(&bed, 1, other[i], i + 1);
        }
        assert_false(is_wide(&bed, 1));
        assert_string_equal(rendered(&bed, 0, NULL),
                            sign > 0 ? "sum=9223372036854775807" : "sum=-9223372036854775808");
        assert_same_bytes(&bed, 0, 1);
        reload(&bed, 0);
        assert_false(is_wide(&bed, 0)); /* where there is the choice, narrow */
        assert_same_bytes(&bed, 0, 1);
        bed_close(&bed);
    }
}

/* 2^62 twice is 2^63 and -2^63 is not; the square of -2^63 is 2^126, and two of them leave 128 bits. */
static void test_squares_widen_by_themselves(void **state)
{
    (void)state;
    struct bed bed;
    bed_open64(&bed, spread, COUNT(spread));
    add64(&bed, 0, INT64_MIN, 1);
    assert_false(is_wide(&bed, 0));
    assert_string_equal(rendered(&bed, 0, NULL), "mean=-9223372036854776000 variance=0");
    add64(&bed, 0, INT64_MAX, 2);
    assert_false(is_wide(&bed, 0)); /* 2^126 + (2^63 - 1)^2, and the sum is -1 */
    add64(&bed, 0, 1, 3);
    assert_false(is_wide(&bed, 0));
    add64(&bed, 0, INT64_MAX, 4);
    assert_true(is_wide(&bed, 0));
    add64(&bed, 1, INT64_MIN, 1);
    add64(&bed, 1, 0, 2);
    assert_false(is_wide(&bed, 1));
    add64(&bed, 1, INT64_MAX, 3);
    add64(&bed, 1, -1, 4);
    rs_pane_subtract(bed.layout, bed.panes[0], bed.panes[1]);
    assert_int_equal(rs_pane_events(bed.panes[0]), 0);
    bed_close(&bed);
}

/* ---- against the oracle ---- */

struct twins {
    struct rs_random random;
    struct bed ours, oracle;
    bool required[2];
    size_t merged[2][2]; /* into a narrow or a wide one, from the same */
};

static void twins_open(struct twins *t)
{
    struct rs_num_type types[2];
    for (size_t i = 0; i < 2; i++) {
        t->required[i] = rs_random_one_in(&t->random, 2);
        types[i] =
            (struct rs_num_type){RS_NUM_INT64, (int)rs_random_below(&t->random, 3) * 6, t->required[i]};
    }
    bed_open(&t->ours, stats, COUNT(stats), types);
    types[0].kind = types[1].kind = RS_NUM_INT128;
    bed_open(&t->oracle, stats, COUNT(stats), types);
}

static int64_t draw(struct rs_random *random)
{
    static const int64_t edges[] = {INT64_MIN,     INT64_MIN + 1, INT64_MAX, INT64_MAX - 1,
                                    INT64_MIN / 2, INT64_MAX / 2, 1,         -1};
    return rs_random_one_in(random, 2) ? edges[rs_random_below(random, COUNT(edges))]
                                       : rs_random_int64(random);
}

static void add_both(struct twins *t, size_t pane)
{
    struct rs_num inputs[2];
    struct rs_num wide[2];
    int64_t time_us = rs_random_between(&t->random, 0, 20);
    int64_t order = rs_random_between(&t->random, 0, 3);
    for (size_t i = 0; i < 2; i++) {
        bool present = t->required[i] || !rs_random_one_in(&t->random, 4);
        int64_t value = draw(&t->random);
        inputs[i] = (struct rs_num){.present = present, .i = value};
        wide[i] = (struct rs_num){.present = present, .w = value};
    }
    rs_pane_add(t->ours.layout, t->ours.panes[pane], inputs, time_us, order);
    rs_pane_add(t->oracle.layout, t->oracle.panes[pane], wide, time_us, order);
}

static void merge_both(struct twins *t, size_t into, size_t from, bool subtract)
{
    t->merged[is_wide(&t->ours, into)][is_wide(&t->ours, from)]++;
    void (*combine)(const struct rs_pane_layout *, void *, const void *) =
        subtract ? rs_pane_subtract : rs_pane_merge;
    combine(t->ours.layout, t->ours.panes[into], t->ours.panes[from]);
    combine(t->oracle.layout, t->oracle.panes[into], t->oracle.panes[from]);
}

static void copy_both(struct twins *t, size_t to, size_t from)
{
    rs_pane_copy(t->ours.layout, t->ours.panes[to], t->ours.panes[from]);
    rs_pane_copy(t->oracle.layout, t->oracle.panes[to], t->oracle.panes[from]);
    assert_same_bytes(&t->ours, to, from);
}

/* Extrema are gone, and come back from a copy. */
static void clear_both(struct twins *t, size_t pane, size_t copy)
{
    copy_both(t, copy, pane);
    rs_pane_clear_extrema(t->ours.layout, t->ours.panes[pane]);
    rs_pane_clear_extrema(t->oracle.layout, t->oracle.panes[pane]);
    rs_pane_merge_extrema(t->ours.layout, t->ours.panes[pane], t->ours.panes[copy]);
    rs_pane_merge_extrema(t->oracle.layout, t->oracle.panes[pane], t->oracle.panes[copy]);
}

static void assert_twins(struct twins *t, size_t pane, size_t previous)
{
    const char *ours = rendered(&t->ours, pane, t->ours.panes[previous]);
    const char *want = rendered(&t->oracle, pane, t->oracle.panes[previous]);
    assert_string_equal(ours, want);
    assert_int_equal(rs_pane_events(t->ours.panes[pane]), rs_pane_events(t->oracle.panes[pane]));
    assert_true(rs_pane_newest_us(t->ours.panes[pane]) == rs_pane_newest_us(t->oracle.panes[pane]));
}

static void step(struct twins *t)
{
    size_t a = rs_random_below(&t->random, PANES);
    size_t b = (a + 1 + rs_random_below(&t->random, PANES - 1)) % PANES;
    switch (rs_random_below(&t->random, 9)) {
    case 0: /* as a window slides: the other comes in and goes */
        merge_both(t, a, b, false);
        assert_twins(t, a, b);
        merge_both(t, a, b, true);
        break;
    case 1: merge_both(t, a, b, false); break;
    case 2: clear_both(t, a, b); break;
    case 3:
        reload(&t->ours, a);
        reload(&t->oracle, a);
        break;
    case 4:
        rs_pane_fini(t->ours.layout, t->ours.panes[a]);
        rs_pane_fini(t->oracle.layout, t->oracle.panes[a]);
        break;
    default: add_both(t, a); break;
    }
    assert_twins(t, a, b);
}

static void test_both_forms_show_what_the_oracle_shows(void **state)
{
    (void)state;
    struct twins *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->random = rs_random_of_run();
    for (int world = 0; world < 60; world++) {
        twins_open(t);
        for (int i = 0; i < STEPS; i++) {
            step(t);
        }
        bed_close(&t->ours);
        bed_close(&t->oracle);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_true(t->merged[i / 2][i % 2] > 100);
    }
    free(t);
}

/* Other sums stay what they are beside those that widen, and sums of doubles move with the pane. */
static void test_inputs_of_other_types_come_along(void **state)
{
    (void)state;
    struct bed bed;
    const struct rs_num_type types[] = {{RS_NUM_INT64, 0, true}, {RS_NUM_DOUBLE, 0, true}};
    const struct rs_stat_spec mixed[] = {{RS_STAT_SUM, "sum", 0, -1, NULL},
                                         {RS_STAT_SUM, "double", 1, -1, NULL},
                                         {RS_STAT_VWAP, "vwap", 0, 1, NULL},
                                         {RS_STAT_LAST, "last", 1, -1, NULL}};
    bed_open(&bed, mixed, COUNT(mixed), types);
    const double doubles[] = {1e200, 1e-200, 2.5};
    for (int i = 0; i < 3; i++) {
        const struct rs_num inputs[] = {{.present = true, .i = INT64_MAX},
                                        {.present = true, .d = doubles[i]}};
        assert_true(rs_pane_add(bed.layout, bed.panes[0], inputs, i, 0).finite);
    }
    const char *want = "sum=27670116110564327421 double=1e+200 vwap=9223372036854776000 last=2.5";
    assert_string_equal(rendered(&bed, 0, NULL), want);
    reload(&bed, 0);
    assert_string_equal(rendered(&bed, 0, NULL), want);
    rs_pane_copy(bed.layout, bed.panes[1], bed.panes[0]);
    assert_string_equal(rendered(&bed, 1, NULL), want);
    rs_pane_subtract(bed.layout, bed.panes[1], bed.panes[0]);
    assert_int_equal(rs_pane_events(bed.panes[1]), 0);
    bed_close(&bed);
}

/* ---- out of memory ---- */

static void test_without_memory_sums_are_absent_and_never_wrong(void **state)
{
    (void)state;
    struct bed bed;
    struct rs_buf bytes = {0};
    bed_open64(&bed, stats, 6);
    add64(&bed, 0, INT64_MAX, 1);
    refused_calloc = REFUSED_ALL;
    add64(&bed, 0, 5, 2);
    add64(&bed, 0, 7, 3);
    refused_calloc = 0;
    assert_false(rs_pane_whole(bed.layout, bed.panes[0]));
    const char *left = "n=3 values=3 min=5 max=9223372036854775807";
    assert_string_equal(rendered(&bed, 0, NULL), left);
    rs_pane_save(bed.layout, bed.panes[0], &bytes);
    assert_true(bytes.failed);
    rs_pane_copy(bed.layout, bed.panes[1], bed.panes[0]);
    assert_string_equal(rendered(&bed, 1, NULL), left);
    rs_pane_merge(bed.layout, bed.panes[2], bed.panes[0]);
    assert_string_equal(rendered(&bed, 2, NULL), left);
    add64(&bed, 3, INT64_MAX, 1);
    add64(&bed, 3, INT64_MAX, 1);
    assert_true(is_wide(&bed, 3));
    rs_pane_merge(bed.layout, bed.panes[2], bed.panes[3]); /* narrow and lost, with a wide one */
    assert_false(rs_pane_whole(bed.layout, bed.panes[2]));
    assert_int_equal(rs_pane_events(bed.panes[2]), 5);
    rs_pane_merge(bed.layout, bed.panes[3], bed.panes[0]); /* the other way round */
    assert_false(rs_pane_whole(bed.layout, bed.panes[3]));
    assert_string_equal(rendered(&bed, 3, NULL), "n=5 values=5 min=5 max=9223372036854775807");
    for (size_t i = 0; i < PANES; i++) {
        rs_pane_fini(bed.layout, bed.panes[i]);
        assert_true(rs_pane_whole(bed.layout, bed.panes[i]));
        assert_int_equal(rs_pane_events(bed.panes[i]), 0);
    }
    rs_buf_fini(&bytes);
    bed_close(&bed);
}

static void test_without_memory_a_wide_pane_is_not_loaded(void **state)
{
    (void)state;
    struct bed bed;
    struct rs_buf bytes = {0};
    struct rs_error error;
    size_t used = 0;
    bed_open64(&bed, sum_only, COUNT(sum_only));
    add64(&bed, 0, INT64_MAX, 1);
    add64(&bed, 0, INT64_MAX, 2);
    rs_pane_save(bed.layout, bed.panes[0], &bytes);
    refused_calloc = REFUSED_ALL;
    int rc = rs_pane_load(bed.layout, bed.panes[1], rs_buf_slice(&bytes), &used, &error);
    rs_pane_copy(bed.layout, bed.panes[2], bed.panes[0]);
    refused_calloc = 0;
    assert_int_equal(rc, RS_ENOMEM);
    assert_int_equal(rs_pane_events(bed.panes[1]), 0);
    assert_true(rs_pane_whole(bed.layout, bed.panes[1]));
    assert_false(rs_pane_whole(bed.layout, bed.panes[2]));
    rs_buf_fini(&bytes);
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sum_goes_over_the_boundary_and_comes_back),
        cmocka_unit_test(test_squares_widen_by_themselves),
        cmocka_unit_test(test_both_forms_show_what_the_oracle_shows),
        cmocka_unit_test(test_inputs_of_other_types_come_along),
        cmocka_unit_test(test_without_memory_sums_are_absent_and_never_wrong),
        cmocka_unit_test(test_without_memory_a_wide_pane_is_not_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
