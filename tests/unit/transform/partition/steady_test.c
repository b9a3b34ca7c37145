#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/reader.h"
#include "base/record.h"
#include "transform/partition/steady.h"

static enum rs_steady_move note(struct rs_steady *s, int64_t time_us)
{
    return rs_steady_samples(s) ? rs_steady_take(s, time_us) : RS_STEADY_STAYS;
}

static void test_the_lower_median_of_few(void **state)
{
    (void)state;
    struct rs_steady s;
    rs_steady_init(&s);
    assert_true(rs_steady_median(&s) == RS_TIME_NONE && s.clock_us == RS_TIME_NONE);
    assert_int_equal(note(&s, 1000), RS_STEADY_UP);
    assert_int_equal(s.clock_us, 1000);
    assert_int_equal(note(&s, 10), RS_STEADY_DOWN); /* there are too few to insist */
    assert_int_equal(s.clock_us, 10);
    assert_int_equal(note(&s, 20), RS_STEADY_UP);
    assert_int_equal(s.clock_us, 20);
    assert_int_equal(note(&s, 30), RS_STEADY_STAYS);
    assert_int_equal(s.clock_us, 20);
}

static void test_it_follows_right_clocks(void **state)
{
    (void)state;
    struct rs_steady s;
    rs_steady_init(&s);
    for (int64_t i = 0; i < 100000; i++) {
        (void)note(&s, i);
        assert_true(s.clock_us <= i && s.clock_us >= i - 128 * RS_STEADY_STRIDE);
    }
    assert_int_equal(s.count, RS_STEADY_SAMPLES);
    assert_int_equal(rs_steady_gap(&s), 1);
}

/* Four of ten records are of a clock that is far ahead, or far behind, for ever. */
static void test_a_minority_does_not_move_it(void **state)
{
    (void)state;
    for (int64_t by = -1000000000; by <= 1000000000; by += 2000000000) {
        struct rs_steady s;
        rs_steady_init(&s);
        for (int64_t i = 0; i < 50000; i++) {
            bool wrong = i % 10 >= 6;
            (void)note(&s, wrong ? i + by : i);
            assert_true(i < 255 || (s.clock_us <= i && s.clock_us >= i - 3000));
        }
    }
}

/* A thousand records in a row make no majority either. */
static void test_a_burst_does_not_move_it(void **state)
{
    (void)state;
    struct rs_steady s;
    rs_steady_init(&s);
    for (int64_t i = 0; i < 10000; i++) {
        (void)note(&s, i >= 5000 && i < 6000 ? i + 1000000000 : i);
        assert_true(s.clock_us <= i);
    }
}

static void test_a_wrong_majority_passes(void **state)
{
    (void)state;
    struct rs_steady s;
    int downs = 0;
    rs_steady_init(&s);
    for (int64_t i = 0; i < 20000; i++) {
        downs += note(&s, i >= 5000 && i < 10000 ? i + 1000000000 : i) == RS_STEADY_DOWN;
    }
    assert_int_equal(downs, 1);
    assert_true(s.clock_us <= 20000 && s.clock_us > 18000);
}

/* Half of it is old: what was reached stays, as long as the newer times come again. */
static void test_a_backfill_beside_live_events(void **state)
{
    (void)state;
    struct rs_steady s;
    rs_steady_init(&s);
    for (int64_t i = 0; i < 20000; i++) {
        bool old = i >= 5000 && (i / 700) % 2 == 0;
        bool down = note(&s, old ? i - 1000000000 : i) == RS_STEADY_DOWN;
        assert_false(down);
    }
    assert_true(s.clock_us > 15000);
}

static void test_reach(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 10, 20, 30, 40, 55, 90, 95};
    struct rs_steady s;
    rs_steady_init(&s);
    assert_true(rs_steady_reach(&s, 10) == RS_TIME_NONE);
    for (size_t i = 0; i < 8; i++) {
        (void)note(&s, times[i]);
    }
    assert_int_equal(rs_steady_reach(&s, 5), 30);
    assert_int_equal(rs_steady_reach(&s, 10), 40);
    assert_int_equal(rs_steady_reach(&s, 15), 55);
    assert_int_equal(rs_steady_reach(&s, 35), 95);
    assert_int_equal(rs_steady_gap(&s), 10); /* 20 to 30; above it is 12 */
}

static void test_stored_and_back(void **state)
{
    (void)state;
    struct rs_error error;
    for (int64_t records = 0; records < 5000; records = records * 3 + 1) {
        struct rs_steady s;
        struct rs_steady copy;
        struct rs_buf bytes = {0};
        struct rs_buf again = {0};
        rs_steady_init(&s);
        for (int64_t i = 0; i < records; i++) {
            (void)note(&s, i * 7919 % 1000);
        }
        rs_steady_save(&s, &bytes);
        struct rs_reader reader = {.rest = rs_buf_slice(&bytes)};
        assert_int_equal(rs_steady_load(&copy, &reader, &error), 0);
        assert_int_equal(reader.rest.size, 0);
        for (int64_t i = 0; i < 1000; i++) {
            assert_int_equal(note(&s, i), note(&copy, i));
            assert_int_equal(s.clock_us, copy.clock_us);
        }
        rs_steady_save(&copy, &again);
        for (size_t i = 0; i < bytes.size; i++) {
            reader = (struct rs_reader){.rest = rs_slice_of(bytes.data, i)};
            assert_int_equal(rs_steady_load(&copy, &reader, &error), RS_ESTATE);
        }
        rs_buf_fini(&bytes);
        rs_buf_fini(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_lower_median_of_few),
        cmocka_unit_test(test_it_follows_right_clocks),
        cmocka_unit_test(test_a_minority_does_not_move_it),
        cmocka_unit_test(test_a_burst_does_not_move_it),
        cmocka_unit_test(test_a_wrong_majority_passes),
        cmocka_unit_test(test_a_backfill_beside_live_events),
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_stored_and_back),
    };
    return cmocka_run_group_tests_name("steady", tests, NULL, NULL);
}
