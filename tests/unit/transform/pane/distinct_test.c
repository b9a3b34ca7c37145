#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/lib/random.h"
#include "tests/lib/refused_calloc.h"
#include "transform/pane/distinct.h"
#include "transform/pane/pane.h"

#define TRIALS         1000
#define STANDARD_ERROR (1.04 / 64)

struct bed {
    struct rs_num_type type;
    struct rs_pane_layout *layout;
    struct rs_pane_scratch *scratch;
    void *panes[3];
    uint64_t rendered;
};

static void bed_open(struct bed *bed, enum rs_num_kind kind)
{
    const struct rs_stat_spec spec = {RS_STAT_DISTINCT, "d", 0, -1, NULL};
    struct rs_error error;
    bed->type = (struct rs_num_type){kind, 0, false};
    assert_int_equal(rs_pane_layout_new(&spec, 1, &bed->type, 1, &bed->layout, &error), 0);
    bed->scratch = rs_pane_scratch_new();
    assert_non_null(bed->scratch);
    for (int i = 0; i < 3; i++) {
        bed->panes[i] = malloc(rs_pane_size(bed->layout));
        assert_non_null(bed->panes[i]);
        rs_pane_init(bed->layout, bed->panes[i]);
    }
}

static void bed_close(struct bed *bed)
{
    for (int i = 0; i < 3; i++) {
        rs_pane_fini(bed->layout, bed->panes[i]);
        free(bed->panes[i]);
    }
    rs_pane_scratch_free(&bed->scratch);
    rs_pane_layout_free(&bed->layout);
}

static void take(void *ctx, size_t field, const char *text, size_t size)
{
    struct bed *bed = ctx;
    struct rs_error error;
    rs_i128 value = 0;
    (void)field;
    assert_int_equal(rs_decimal_parse(rs_slice_of(text, size), 0, &value, &error), 0);
    bed->rendered = (uint64_t)value;
}

/* UINT64_MAX: absent. */
static uint64_t count_of(struct bed *bed, int pane)
{
    bed->rendered = UINT64_MAX;
    rs_pane_render(bed->layout, bed->panes[pane], NULL, 0, bed->scratch, take, bed);
    return bed->rendered;
}

static void add(struct bed *bed, int pane, struct rs_num value)
{
    size_t before = rs_pane_heap_bytes(bed->layout, bed->panes[pane]);
    value.present = true;
    struct rs_pane_added added = rs_pane_add(bed->layout, bed->panes[pane], &value, 1, 1);
    assert_int_equal(rs_pane_heap_bytes(bed->layout, bed->panes[pane]) - before, added.heap_bytes);
}

static void save(struct bed *bed, int pane, struct rs_buf *out)
{
    rs_buf_reset(out);
    rs_pane_save(bed->layout, bed->panes[pane], out);
    assert_false(out->failed);
}

/* ---- tests ---- */

static void test_nothing_is_none(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, RS_NUM_DOUBLE);
    assert_int_equal(count_of(&bed, 0), 0);
    rs_pane_add(bed.layout, bed.panes[0], &(struct rs_num){.present = false}, 1, 1);
    assert_false(
        rs_pane_add(bed.layout, bed.panes[0], &(struct rs_num){.present = true, .d = NAN}, 1, 1).finite);
    assert_int_equal(count_of(&bed, 0), 0);
    add(&bed, 0, (struct rs_num){.d = 0.0});
    add(&bed, 0, (struct rs_num){.d = -0.0});
    assert_int_equal(count_of(&bed, 0), 1);
    bed_close(&bed);
}

static struct rs_num number(enum rs_num_kind kind, int64_t i)
{
    switch (kind) {
    case RS_NUM_INT64: return (struct rs_num){.i = i};
    case RS_NUM_INT128: return (struct rs_num){.w = (rs_i128)i << (i % 2 ? 64 : 0)};
    case RS_NUM_DOUBLE: return (struct rs_num){.d = (double)i / 8};
    }
    return (struct rs_num){0};
}

/* However often each comes; with one more it is an estimate. */
static void test_the_number_is_exact_to_the_limit(void **state)
{
    (void)state;
    for (int kind = RS_NUM_INT64; kind <= RS_NUM_DOUBLE; kind++) {
        struct bed bed;
        bed_open(&bed, (enum rs_num_kind)kind);
        for (int64_t i = 0; i < RS_DISTINCT_EXACT; i++) {
            for (int64_t k = 0; k < 3; k++) {
                add(&bed, 0, number((enum rs_num_kind)kind, i - k < 0 ? i : i - k));
            }
            assert_int_equal(count_of(&bed, 0), i + 1);
        }
        add(&bed, 0, number((enum rs_num_kind)kind, RS_DISTINCT_EXACT));
        assert_in_range(count_of(&bed, 0), RS_DISTINCT_EXACT - 15, RS_DISTINCT_EXACT + 15);
        bed_close(&bed);
    }
}

/* The mean error of many trials against what chance allows, and their spread against the stated error. */
static void assert_spread(struct rs_random *random, uint64_t values)
{
    struct bed bed;
    double sum = 0;
    double squares = 0;
    bed_open(&bed, RS_NUM_INT64);
    for (int trial = 0; trial < TRIALS; trial++) {
        uint64_t first = rs_random_next(random);
        rs_pane_fini(bed.layout, bed.panes[0]);
        for (uint64_t i = 0; i < values; i++) {
            const struct rs_num value = {.present = true, .i = (int64_t)(first + i)};
            (void)rs_pane_add(bed.layout, bed.panes[0], &value, 1, 1);
        }
        double error = ((double)count_of(&bed, 0) - (double)values) / (double)values;
        sum += error;
        squares += error * error;
    }
    double bias = sum / TRIALS;
    double spread = sqrt(squares / TRIALS);
    print_message("%6lu values: bias %+.4f %%, standard error %.4f %%\n", (unsigned long)values, 100 * bias,
                  100 * spread);
    assert_true(fabs(bias) < 4 * STANDARD_ERROR / sqrt(TRIALS));
    assert_true(spread < 1.1 * STANDARD_ERROR);
    bed_close(&bed);
}

static void test_a_thousand_trials_stay_within_the_standard_error(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    const uint64_t counts[] = {257, 400, 1000, 3000, 10000, 20000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_spread(&random, counts[i]);
    }
}

/* Hashes with hashes, with registers, registers with registers. */
static void test_any_order_and_any_merging_give_the_same_bytes(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    struct rs_buf want = {0};
    struct rs_buf got = {0};
    for (int64_t count = 1; count < 20000; count = count * 2 + 1) {
        struct bed bed;
        bed_open(&bed, RS_NUM_INT64);
        for (int64_t i = 0; i < count; i++) {
            add(&bed, 0, number(RS_NUM_INT64, i));
        }
        save(&bed, 0, &want);
        for (int round = 0; round < 4; round++) {
            rs_pane_fini(bed.layout, bed.panes[1]);
            rs_pane_fini(bed.layout, bed.panes[2]);
            int64_t cut = rs_random_between(&random, 0, count);
            for (int64_t i = count - 1; i >= 0; i--) {
                add(&bed, i < cut ? 1 : 2, number(RS_NUM_INT64, i));
                add(&bed, i < cut ? 1 : 2,
                    number(RS_NUM_INT64, i)); /* once more changes nothing but events */
            }
            rs_pane_merge(bed.layout, bed.panes[1 + round % 2], bed.panes[2 - round % 2]);
            save(&bed, 1 + round % 2, &got);
            assert_int_equal(count_of(&bed, 1 + round % 2), count_of(&bed, 0));
            size_t head = 32; /* of a pane with other numbers of events */
            if (want.size > 2 * head) {
                assert_memory_equal(got.data + got.size - (want.size - head), want.data + head,
                                    want.size - head);
            }
        }
        bed_close(&bed);
    }
    rs_buf_fini(&want);
    rs_buf_fini(&got);
}

static void assert_loads(struct bed *bed, struct rs_buf *bytes)
{
    struct rs_buf again = {0};
    struct rs_error error;
    size_t used = 0;
    save(bed, 0, bytes);
    assert_int_equal(rs_pane_load(bed->layout, bed->panes[1], rs_buf_slice(bytes), &used, &error), 0);
    assert_int_equal(used, bytes->size);
    save(bed, 1, &again);
    assert_true(rs_slice_equal(rs_buf_slice(&again), rs_buf_slice(bytes)));
    rs_buf_fini(&again);
}

/* What loads at all is the canonical form of some pane. */
static void damage(struct bed *bed, struct rs_buf *bytes, size_t at, uint8_t value)
{
    struct rs_buf again = {0};
    struct rs_error error;
    size_t used = 0;
    uint8_t right = bytes->data[at];
    bytes->data[at] = value;
    if (rs_pane_load(bed->layout, bed->panes[1], rs_buf_slice(bytes), &used, &error) == 0) {
        save(bed, 1, &again);
        assert_true(rs_slice_equal(rs_buf_slice(&again), rs_slice_of(bytes->data, used)));
        (void)count_of(bed, 1);
        rs_pane_merge(bed->layout, bed->panes[1], bed->panes[0]);
        (void)count_of(bed, 1);
    }
    bytes->data[at] = right;
    rs_buf_fini(&again);
}

static void test_it_is_restored_and_damage_is_refused(void **state)
{
    (void)state;
    const int64_t counts[] = {1, 9, RS_DISTINCT_EXACT, 300, 2500, 3000, 30000};
    struct rs_random random = rs_random_of_run();
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct rs_buf bytes = {0};
        struct rs_error error;
        struct bed bed;
        size_t used = 0;
        bed_open(&bed, RS_NUM_INT64);
        for (int64_t k = 0; k < counts[i]; k++) {
            add(&bed, 0, number(RS_NUM_INT64, k));
        }
        assert_loads(&bed, &bytes);
        for (size_t cut = 0; cut < bytes.size; cut += 1 + bytes.size / 200) {
            assert_int_equal(
                rs_pane_load(bed.layout, bed.panes[1], rs_slice_of(bytes.data, cut), &used, &error),
                RS_ESTATE);
        }
        for (size_t at = 0; at < 2000; at++) {
            damage(&bed, &bytes, at < 20 ? at % bytes.size : rs_random_below(&random, bytes.size),
                   (uint8_t)rs_random_next(&random));
        }
        rs_buf_fini(&bytes);
        bed_close(&bed);
    }
}

static void test_without_memory_it_is_absent(void **state)
{
    (void)state;
    int refusals = 0;
    for (int at = 1; at < 12; at++) {
        struct bed bed;
        struct rs_buf bytes = {0};
        bed_open(&bed, RS_NUM_INT64);
        refused_calloc = at;
        for (int64_t i = 0; i < 1000; i++) {
            add(&bed, 0, number(RS_NUM_INT64, i));
        }
        bool refused = refused_calloc == 0;
        refused_calloc = 0;
        refusals += refused;
        assert_true(rs_pane_whole(bed.layout, bed.panes[0]) == !refused);
        assert_true((count_of(&bed, 0) == UINT64_MAX) == refused);
        rs_pane_save(bed.layout, bed.panes[0], &bytes);
        assert_true(bytes.failed == refused);
        rs_buf_fini(&bytes);
        bed_close(&bed);
    }
    assert_int_equal(refusals, 8); /* rooms of 8 to 512, and registers */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_none),
        cmocka_unit_test(test_the_number_is_exact_to_the_limit),
        cmocka_unit_test(test_a_thousand_trials_stay_within_the_standard_error),
        cmocka_unit_test(test_any_order_and_any_merging_give_the_same_bytes),
        cmocka_unit_test(test_it_is_restored_and_damage_is_refused),
        cmocka_unit_test(test_without_memory_it_is_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
