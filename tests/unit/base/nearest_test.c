#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/nearest.h"

static const char *const known[] = {"lateness", "max_future", "publish_every", "id",   "by",
                                    "window",   "price_open", "price_close",   "vwap", NULL};

static void test_slips_of_the_hand_are_found(void **state)
{
    (void)state;
    assert_string_equal(rs_nearest_name("latness", known), "lateness");
    assert_string_equal(rs_nearest_name("latenses", known), "lateness");
    assert_string_equal(rs_nearest_name("Lateness", known), "lateness");
    assert_string_equal(rs_nearest_name("max-future", known), "max_future");
    assert_string_equal(rs_nearest_name("maxfuture", known), "max_future");
    assert_string_equal(rs_nearest_name("windwo", known), "window");
    assert_string_equal(rs_nearest_name("windows", known), "window");
    assert_string_equal(rs_nearest_name("price_clsoe", known), "price_close");
    assert_string_equal(rs_nearest_name("wvap", known), "vwap");
    assert_string_equal(rs_nearest_name("ids", known), "id");
}

static void test_strangers_are_not(void **state)
{
    (void)state;
    assert_null(rs_nearest_name("history", known));
    assert_null(rs_nearest_name("", known));
    assert_null(rs_nearest_name("xy", known));
    assert_null(rs_nearest_name("q", known));
    assert_null(rs_nearest_name("a_name_that_is_far_longer_than_any_name_there_is_and_does_not_fit_the_table",
                                known));
    assert_null(rs_nearest_name("x", (const char *const[]){NULL}));
}

/* Of two at the same distance the first in the list wins, so that texts are stable. */
static void test_ties_go_to_the_first(void **state)
{
    (void)state;
    static const char *const twins[] = {"price_b", "price_a", NULL};
    assert_string_equal(rs_nearest_name("price_c", twins), "price_b");
    assert_string_equal(rs_nearest_name("price_a", twins), "price_a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slips_of_the_hand_are_found),
        cmocka_unit_test(test_strangers_are_not),
        cmocka_unit_test(test_ties_go_to_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
