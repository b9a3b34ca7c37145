#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time/civil.h"
#include "transform/pane/window.h"

static void test_floor_is_mathematical(void **state)
{
    (void)state;
    assert_int_equal(rs_floor_to(7, 5), 5);
    assert_int_equal(rs_floor_to(5, 5), 5);
    assert_int_equal(rs_floor_to(0, 5), 0);
    assert_int_equal(rs_floor_to(-1, 5), -5);
    assert_int_equal(rs_floor_to(-5, 5), -5);
    assert_int_equal(rs_floor_to(-6, 5), -10);
    assert_int_equal(rs_floor_ms(1999), 1);
    assert_int_equal(rs_floor_ms(-1), -1);
    assert_int_equal(rs_floor_ms(-1000), -1);
    assert_int_equal(rs_floor_ms(-1001), -2);
}

static void test_tumbling(void **state)
{
    (void)state;
    struct rs_window w;
    rs_window_init(&w, RS_WINDOW_TUMBLING, 60, 60);
    assert_int_equal(w.slice_us, 60);
    assert_int_equal(rs_window_panes(&w), 1);
    assert_int_equal(rs_window_first_end(&w, 0), 60);
    assert_int_equal(rs_window_last_end(&w, 0), 60);
    assert_int_equal(rs_window_first_end(&w, 59), 60);
    assert_int_equal(rs_window_first_end(&w, 60), 120);
    assert_int_equal(rs_window_first_end(&w, -1), 0);
    assert_int_equal(rs_window_last_end(&w, -1), 0);
    assert_int_equal(rs_window_slice(&w, -1), -60);
    assert_int_equal(rs_window_leave(&w, 0), 120);
}

static void test_sliding_as_long_as_it_moves_is_tumbling(void **state)
{
    (void)state;
    struct rs_window w;
    rs_window_init(&w, RS_WINDOW_SLIDING, 60, 60);
    assert_int_equal(w.kind, RS_WINDOW_TUMBLING);
    rs_window_init(&w, RS_WINDOW_SLIDING, 60, 20);
    assert_int_equal(w.kind, RS_WINDOW_SLIDING);
}

/* size 10 every 4: panes of 2, ends 0 4 8 12 …, windows [-6,4) [-2,8) [2,12) [6,16) */
static void test_every_need_not_divide_the_size(void **state)
{
    (void)state;
    struct rs_window w;
    rs_window_init(&w, RS_WINDOW_SLIDING, 10, 4);
    assert_int_equal(w.slice_us, 2);
    assert_int_equal(rs_window_panes(&w), 5);
    assert_int_equal(rs_window_first_end(&w, 3), 4);
    assert_int_equal(rs_window_last_end(&w, 3), 12);
    assert_int_equal(rs_window_last_end(&w, 1), 8);
    assert_int_equal(rs_window_leave(&w, 0), 12);
    assert_int_equal(rs_window_leave(&w, 2), 16);
    /* Every time of a pane has the same windows. */
    for (int64_t pane = -20; pane < 20; pane += 2) {
        assert_int_equal(rs_window_first_end(&w, pane), rs_window_first_end(&w, pane + 1));
        assert_int_equal(rs_window_last_end(&w, pane), rs_window_last_end(&w, pane + 1));
    }
}

static void test_all_has_one_pane(void **state)
{
    (void)state;
    struct rs_window w;
    rs_window_init(&w, RS_WINDOW_ALL, 0, 0);
    assert_int_equal(w.slice_us, 0);
    assert_int_equal(rs_window_panes(&w), 1);
    assert_int_equal(rs_window_slice(&w, -123456), 0);
    assert_int_equal(rs_window_slice(&w, 123456), 0);
}

static void test_offset_moves_all_ends(void **state)
{
    (void)state;
    struct rs_window w;
    struct rs_window moved;
    rs_window_init(&w, RS_WINDOW_SLIDING, 10, 4);
    rs_window_init(&moved, RS_WINDOW_SLIDING, 10, 4);
    moved.offset_us = 3;
    for (int64_t t = -40; t < 40; t++) {
        assert_int_equal(rs_window_slice(&moved, t + 3), rs_window_slice(&w, t) + 3);
        assert_int_equal(rs_window_first_end(&moved, t + 3), rs_window_first_end(&w, t) + 3);
        assert_int_equal(rs_window_last_end(&moved, t + 3), rs_window_last_end(&w, t) + 3);
        assert_int_equal(rs_window_leave(&moved, t + 3), rs_window_leave(&w, t) + 3);
        assert_int_equal(rs_window_passed(&moved, t + 3), rs_window_passed(&w, t) + 3);
        assert_int_equal(rs_window_number(&moved, t + 3), rs_window_number(&w, t));
        assert_int_equal(rs_window_end_at(&moved, t), rs_window_end_at(&w, t) + 3);
    }
}

/* A month has one pane; its window, ends and numbers are those of the cell. */
static void test_by_the_calendar(void **state)
{
    (void)state;
    struct rs_window w;
    const int64_t day = RS_US_PER_DAY;
    rs_window_init_calendar(&w, RS_WINDOW_TUMBLING, RS_CALENDAR_MONTH, NULL);
    assert_int_equal(rs_window_panes(&w), 1);
    assert_true(rs_window_ends(&w));
    assert_int_equal(w.slice_us, 28 * day);
    assert_int_equal(rs_window_slice(&w, 40 * day), 31 * day);
    assert_int_equal(rs_window_first_end(&w, 40 * day), 59 * day);
    assert_int_equal(rs_window_last_end(&w, 40 * day), 59 * day);
    assert_int_equal(rs_window_leave(&w, 31 * day), 90 * day);
    assert_int_equal(rs_window_passed(&w, 59 * day), 59 * day);
    assert_int_equal(rs_window_passed(&w, 59 * day - 1), 31 * day);
    assert_int_equal(rs_window_next_end(&w, 59 * day), 90 * day);
    assert_int_equal(rs_window_start(&w, 59 * day), 31 * day);
    assert_int_equal(rs_window_slice_end(&w, 31 * day), 59 * day);
    assert_int_equal(rs_window_end_at(&w, rs_window_number(&w, 58 * day)), 31 * day);
    assert_string_equal(rs_window_cell_text(&w), "1mo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floor_is_mathematical),
        cmocka_unit_test(test_tumbling),
        cmocka_unit_test(test_sliding_as_long_as_it_moves_is_tumbling),
        cmocka_unit_test(test_every_need_not_divide_the_size),
        cmocka_unit_test(test_all_has_one_pane),
        cmocka_unit_test(test_offset_moves_all_ends),
        cmocka_unit_test(test_by_the_calendar),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
