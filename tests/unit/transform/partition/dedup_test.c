#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/reader.h"
#include "tests/lib/partition_state.h"
#include "transform/partition/dedup.h"

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

static void test_time_goes_on_with_most_records(void **state)
{
    (void)state;
    struct rs_dedup d;
    rs_dedup_init(&d, 100, 1000);
    assert_false(arrive(&d, "a", 0));
    assert_false(arrive(&d, NULL, 500));
    assert_int_equal(d.count, 1); /* one record is no majority */
    assert_true(arrive(&d, "a", 10));
    assert_false(arrive(&d, NULL, 510));
    assert_false(arrive(&d, NULL, 520));
    assert_int_equal(d.count, 1); /* nor are three of five: ids of before may be many */
    for (int i = 0; i < 250; i++) {
        assert_false(arrive(&d, NULL, 500));
    }
    assert_int_equal(d.count, 0);
    assert_int_equal(d.steady.clock_us, 500);
    assert_false(arrive(&d, NULL, 530));
    assert_false(arrive(&d, "a", 10)); /* it came at 500, whatever it says */
    assert_true(arrive(&d, "a", 600));
    assert_false(arrive(&d, "a", 601));
    assert_int_equal(d.count, 2); /* the former one is still there */
    assert_true(arrive(&d, "a", 701));
    rs_dedup_fini(&d);
}

/* One producer's clock is ahead by far: its record is not judged by others, nor others by it. */
static void test_a_wrong_clock_forgets_nothing(void **state)
{
    (void)state;
    char text[16];
    struct rs_dedup d;
    rs_dedup_init(&d, 100, 100000);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_false(arrive(&d, text, i));
        if (i % 10 == 0) {
            snprintf(text, sizeof text, "w%d", i);
            assert_false(arrive(&d, text, i + 1000000));
        }
    }
    assert_true(arrive(&d, "990", 1000));
    assert_true(arrive(&d, "w990", 1000000 + 1000));
    assert_true(arrive(&d, "w990", 1000)); /* with the right clock */
    assert_in_range(d.count, 110, 1500);   /* those of the wrong clock do not pile up either */
    rs_dedup_fini(&d);
}

/* Most clocks were ahead for a while: what came then is forgotten in time, too. */
static void test_it_recovers_from_a_wrong_majority(void **state)
{
    (void)state;
    char text[16];
    struct rs_dedup d;
    rs_dedup_init(&d, 100, 100000);
    for (int i = 0; i < 9000; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_false(arrive(&d, text, i >= 2000 && i < 4000 ? i + 1000000 : i));
    }
    assert_in_range(d.steady.clock_us, 7900, 9000);
    assert_in_range(d.count, 100, 1200);
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
    assert_in_range(d.count, 5001, 5001 + 1024); /* steady time lags */
    assert_false(rs_dedup_seen(&d, id_of("14998"), 19999));
    assert_true(rs_dedup_seen(&d, id_of("14999"), 19999));
    rs_dedup_save(&d, &bytes);
    struct rs_dedup copy;
    rs_dedup_init(&copy, 5000, 100000);
    struct rs_reader reader = {.rest = rs_buf_slice(&bytes)};
    assert_int_equal(rs_dedup_load(&copy, &reader, &error), 0);
    assert_int_equal(reader.rest.size, 0);
    assert_int_equal(copy.count, d.count);
    assert_true(rs_dedup_seen(&copy, id_of("14999"), 19999));
    assert_false(rs_dedup_seen(&copy, id_of("14999"), 20000));
    rs_dedup_fini(&copy);
    /* An id that came after its record was never written by us. */
    bytes.data[bytes.size - 1] ^= 0x40;
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
        cmocka_unit_test(test_time_goes_on_with_most_records),
        cmocka_unit_test(test_a_wrong_clock_forgets_nothing),
        cmocka_unit_test(test_it_recovers_from_a_wrong_majority),
        cmocka_unit_test(test_a_full_list_forgets_the_oldest),
        cmocka_unit_test(test_many_ids_and_what_a_copy_remembers),
    };
    return cmocka_run_group_tests_name("dedup", tests, NULL, NULL);
}
