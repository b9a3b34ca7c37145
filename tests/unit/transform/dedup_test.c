#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "transform/dedup.h"
#include "transform/reader.h"

static struct rs_dedup_id id_of(const char *text)
{
    return rs_dedup_hash(rs_slice_text(text));
}

/* One record; whether it was a duplicate. */
static bool arrive(struct rs_dedup *d, const char *text, int64_t ts)
{
    assert_true(rs_dedup_reserve(d, 1));
    struct rs_dedup_id id = id_of(text ? text : "");
    bool seen = text && rs_dedup_seen(d, id, ts);
    rs_dedup_arrive(d, text ? &id : NULL, ts);
    return seen;
}

static void test_within_the_horizon(void **state)
{
    (void)state;
    struct rs_dedup d;
    rs_dedup_init(&d, 100, 1000);
    assert_false(arrive(&d, "a", 0));
    assert_true(arrive(&d, "a", 50));
    assert_true(arrive(&d, "a", 100));  /* the horizon itself still counts */
    assert_false(arrive(&d, "a", 101)); /* a duplicate refreshes nothing */
    assert_true(arrive(&d, "a", 201));
    rs_dedup_fini(&d);
}

static void test_time_goes_on_with_any_record(void **state)
{
    (void)state;
    struct rs_dedup d;
    rs_dedup_init(&d, 100, 1000);
    assert_false(arrive(&d, "a", 0));
    assert_false(arrive(&d, NULL, 500));
    assert_int_equal(d.count, 0);
    assert_false(arrive(&d, "a", 10)); /* the clock stays at 500 */
    assert_int_equal(d.clock_us, 500);
    assert_true(arrive(&d, "a", 600));
    rs_dedup_fini(&d);
}

static void test_a_full_list_forgets_the_oldest(void **state)
{
    (void)state;
    struct rs_dedup d;
    rs_dedup_init(&d, 1000000, 3);
    assert_false(arrive(&d, "a", 1));
    assert_false(arrive(&d, "b", 1));
    assert_false(arrive(&d, "c", 1));
    assert_false(arrive(&d, "d", 1));
    assert_int_equal(d.count, 3);
    assert_true(arrive(&d, "b", 1));
    assert_false(arrive(&d, "a", 1));
    rs_dedup_fini(&d);
}

static void test_many_ids_and_what_a_copy_remembers(void **state)
{
    (void)state;
    char text[16];
    struct rs_dedup d;
    struct rs_buf bytes = {0};
    struct rs_error error;
    rs_dedup_init(&d, 5000, 100000);
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_false(arrive(&d, text, i));
    }
    assert_int_equal(d.count, 5001);
    assert_false(rs_dedup_seen(&d, id_of("14998"), 19999));
    assert_true(rs_dedup_seen(&d, id_of("14999"), 19999));
    rs_dedup_save(&d, &bytes);
    struct rs_dedup copy;
    rs_dedup_init(&copy, 5000, 100000);
    struct rs_reader reader = {.rest = rs_buf_slice(&bytes)};
    assert_int_equal(rs_dedup_load(&copy, &reader, &error), 0);
    assert_int_equal(reader.rest.size, 0);
    assert_int_equal(copy.count, 5001);
    assert_true(rs_dedup_seen(&copy, id_of("14999"), 19999));
    assert_false(rs_dedup_seen(&copy, id_of("14999"), 20000));
    rs_dedup_fini(&copy);
    /* Times that do not ascend were never written by us. */
    bytes.data[12 + 16 + 1] ^= 0xFF;
    rs_dedup_init(&copy, 5000, 100000);
    reader = (struct rs_reader){.rest = rs_buf_slice(&bytes)};
    assert_int_equal(rs_dedup_load(&copy, &reader, &error), RS_ESTATE);
    rs_dedup_fini(&copy);
    rs_dedup_fini(&d);
    rs_buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_within_the_horizon),
        cmocka_unit_test(test_time_goes_on_with_any_record),
        cmocka_unit_test(test_a_full_list_forgets_the_oldest),
        cmocka_unit_test(test_many_ids_and_what_a_copy_remembers),
    };
    return cmocka_run_group_tests_name("dedup", tests, NULL, NULL);
}
