#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/lib/random.h"
#include "tests/lib/refused_calloc.h"
#include "transform/pane/pane.h"
#include "transform/pane/profile.h"

static const struct rs_num_type types[] = {{RS_NUM_INT64, 2, false}, {RS_NUM_INT64, 0, false}};

struct bed {
    struct rs_stat_param step;
    struct rs_pane_layout *layout;
    struct rs_pane_scratch *scratch;
    void *panes[3];
    struct rs_buf text; /* of both fields */
};

static void bed_open(struct bed *bed, int64_t step)
{
    struct rs_error error;
    *bed = (struct bed){.step = {true, step, 2}};
    const struct rs_stat_spec spec = {RS_STAT_PROFILE, "p", 0, 1, &bed->step};
    assert_int_equal(rs_pane_layout_new(&spec, 1, types, 2, &bed->layout, &error), 0);
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
    rs_buf_fini(&bed->text);
    rs_pane_scratch_free(&bed->scratch);
    rs_pane_layout_free(&bed->layout);
}

static void add(struct bed *bed, int pane, int64_t price, int64_t quantity)
{
    const struct rs_num inputs[] = {{.present = true, .i = price}, {.present = true, .i = quantity}};
    size_t before = rs_pane_heap_bytes(bed->layout, bed->panes[pane]);
    struct rs_pane_added added = rs_pane_add(bed->layout, bed->panes[pane], inputs, 1, 1);
    assert_int_equal(rs_pane_heap_bytes(bed->layout, bed->panes[pane]) - before, added.heap_bytes);
}

static void take(void *ctx, size_t field, const char *text, size_t size)
{
    struct bed *bed = ctx;
    rs_buf_printf(&bed->text, "%s%s=%.*s", bed->text.size > 0 ? " " : "",
                  rs_pane_field_name(bed->layout, field), (int)size, text);
}

static const char *shown(struct bed *bed, int pane)
{
    rs_buf_reset(&bed->text);
    rs_pane_render(bed->layout, bed->panes[pane], NULL, 0, bed->scratch, take, bed);
    return rs_buf_cstr(&bed->text);
}

static void save(struct bed *bed, int pane, struct rs_buf *out)
{
    rs_buf_reset(out);
    rs_pane_save(bed->layout, bed->panes[pane], out);
    assert_false(out->failed);
}

/* ---- tests ---- */

static void test_quantities_are_summed_by_steps(void **state)
{
    (void)state;
    struct bed bed;
    const struct rs_num half[] = {{.present = true, .i = 7}, {.present = false}};
    bed_open(&bed, 25);
    rs_pane_add(bed.layout, bed.panes[0], half, 1, 1);
    assert_string_equal(shown(&bed, 0), "");
    add(&bed, 0, 124, 7);
    assert_string_equal(shown(&bed, 0), "p=[[1,7]] p_step=0.25");
    add(&bed, 0, 125, 5);
    add(&bed, 0, 100, -9);
    add(&bed, 0, -1, 3);
    add(&bed, 0, -25, 4);
    add(&bed, 0, -26, 1);
    assert_string_equal(shown(&bed, 0), "p=[[-0.5,1],[-0.25,7],[1,-2],[1.25,5]] p_step=0.25");
    bed_close(&bed);
}

static void test_extremes_have_a_level(void **state)
{
    (void)state;
    struct bed bed;
    const int64_t steps[] = {1, 3, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bed_open(&bed, steps[i]);
        for (int k = 0; k < 3; k++) {
            add(&bed, 0, INT64_MIN, INT64_MAX);
            add(&bed, 0, INT64_MAX, INT64_MIN);
        }
        const char *text = shown(&bed, 0);
        assert_non_null(strstr(text, ",27670116110564327421]"));  /* three times INT64_MAX */
        assert_non_null(strstr(text, ",-27670116110564327424]")); /* and INT64_MIN */
        bed_close(&bed);
    }
    bed_open(&bed, 1);
    bed.step = (struct rs_stat_param){true, INT64_MAX, 0}; /* a hundred times any price */
    add(&bed, 0, INT64_MIN, 1);
    add(&bed, 0, INT64_MAX, 2);
    assert_string_equal(shown(&bed, 0), "p=[[-9223372036854775807,1],[0,2]] p_step=9223372036854775807");
    bed_close(&bed);
}

/* One more than fit: the step is doubled, and nothing is lost. */
static void test_the_step_is_doubled_where_there_are_too_many(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, 1);
    for (int64_t i = 0; i < RS_PROFILE_LEVELS; i++) {
        add(&bed, 0, 100 + i, i);
    }
    assert_non_null(strstr(shown(&bed, 0), "p=[[1,0],[1.01,1],"));
    assert_non_null(strstr(shown(&bed, 0), "p_step=0.01"));
    add(&bed, 0, 99, 1000);
    assert_non_null(strstr(shown(&bed, 0), "p=[[0.98,1000],[1,1],[1.02,5],"));
    assert_non_null(strstr(shown(&bed, 0), "p_step=0.02"));
    bed_close(&bed);
}

static void test_any_order_and_any_merging_give_the_same_bytes(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    struct rs_buf want = {0};
    struct rs_buf got = {0};
    for (int round = 0; round < 60; round++) {
        struct bed bed;
        int64_t prices[1000];
        size_t count = 1 + rs_random_below(&random, 1000);
        int64_t spread = (int64_t)1 << rs_random_below(&random, 40);
        bed_open(&bed, rs_random_between(&random, 1, 9));
        for (size_t i = 0; i < count; i++) {
            prices[i] = rs_random_between(&random, -spread, spread);
            add(&bed, 0, prices[i], (int64_t)i);
        }
        save(&bed, 0, &want);
        size_t cut = rs_random_below(&random, count + 1);
        for (size_t i = count; i > 0; i--) {
            add(&bed, i > cut ? 1 : 2, prices[i - 1], (int64_t)i - 1);
        }
        rs_pane_merge(bed.layout, bed.panes[1 + round % 2], bed.panes[2 - round % 2]);
        save(&bed, 1 + round % 2, &got);
        assert_true(rs_slice_equal(rs_buf_slice(&got), rs_buf_slice(&want)));
        bed_close(&bed);
    }
    rs_buf_fini(&want);
    rs_buf_fini(&got);
}

/* What loads at all is the canonical form of some pane. */
static void test_it_is_restored_and_damage_is_refused(void **state)
{
    (void)state;
    for (int64_t count = 1; count < 400; count += 133) {
        struct rs_buf bytes = {0};
        struct rs_buf again = {0};
        struct rs_error error;
        struct bed bed;
        size_t used = 0;
        bed_open(&bed, 1);
        for (int64_t i = 0; i < count; i++) {
            add(&bed, 0, 3 * i - 500, i % 3 ? i : INT64_MAX);
            add(&bed, 0, 3 * i - 500, INT64_MAX);
        }
        save(&bed, 0, &bytes);
        for (size_t cut = 0; cut < bytes.size; cut += 1 + bytes.size / 100) {
            assert_int_equal(
                rs_pane_load(bed.layout, bed.panes[1], rs_slice_of(bytes.data, cut), &used, &error),
                RS_ESTATE);
        }
        for (size_t i = 0; i < bytes.size * 8; i++) {
            bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
            if (rs_pane_load(bed.layout, bed.panes[1], rs_buf_slice(&bytes), &used, &error) == 0) {
                save(&bed, 1, &again);
                assert_true(rs_slice_equal(rs_buf_slice(&again), rs_slice_of(bytes.data, used)));
                rs_pane_merge(bed.layout, bed.panes[1], bed.panes[0]);
                (void)shown(&bed, 1);
            }
            bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
        }
        assert_int_equal(rs_pane_load(bed.layout, bed.panes[1], rs_buf_slice(&bytes), &used, &error), 0);
        save(&bed, 1, &again);
        assert_true(rs_slice_equal(rs_buf_slice(&again), rs_buf_slice(&bytes)));
        rs_buf_fini(&bytes);
        rs_buf_fini(&again);
        bed_close(&bed);
    }
}

static void test_without_memory_it_is_absent(void **state)
{
    (void)state;
    int refusals = 0;
    for (int at = 1; at < 10; at++) {
        struct rs_buf bytes = {0};
        struct bed bed;
        bed_open(&bed, 1);
        refused_calloc = at;
        for (int64_t i = 0; i < 300; i++) {
            add(&bed, 0, i, i);
        }
        bool refused = refused_calloc == 0;
        refused_calloc = 0;
        refusals += refused;
        assert_true((shown(&bed, 0)[0] == '\0') == refused);
        rs_pane_save(bed.layout, bed.panes[0], &bytes);
        assert_true(bytes.failed == refused);
        rs_buf_fini(&bytes);
        bed_close(&bed);
    }
    assert_int_equal(refusals, 7); /* rooms of 8 to 512 */
}

static void test_what_cannot_be_exact_is_refused(void **state)
{
    (void)state;
    const struct rs_stat_param fine = {true, 1, 3};
    const struct rs_stat_param none = {true, 0, 0};
    const struct rs_num_type doubles[] = {{RS_NUM_DOUBLE, 0, false}, {RS_NUM_DOUBLE, 0, false}};
    struct rs_pane_layout *layout = NULL;
    struct rs_error error;
    const struct rs_stat_spec specs[] = {{RS_STAT_PROFILE, "p", 0, 1, &fine},
                                         {RS_STAT_PROFILE, "p", 0, 1, &none},
                                         {RS_STAT_PROFILE, "p", 0, 1, NULL},
                                         {RS_STAT_PROFILE, "p", 0, -1, &fine}};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        assert_int_equal(rs_pane_layout_new(&specs[i], 1, types, 2, &layout, &error), RS_ECONFIG);
    }
    assert_int_equal(rs_pane_layout_new(specs, 1, doubles, 2, &layout, &error), RS_ECONFIG);
    assert_null(layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantities_are_summed_by_steps),
        cmocka_unit_test(test_extremes_have_a_level),
        cmocka_unit_test(test_the_step_is_doubled_where_there_are_too_many),
        cmocka_unit_test(test_any_order_and_any_merging_give_the_same_bytes),
        cmocka_unit_test(test_it_is_restored_and_damage_is_refused),
        cmocka_unit_test(test_without_memory_it_is_absent),
        cmocka_unit_test(test_what_cannot_be_exact_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
