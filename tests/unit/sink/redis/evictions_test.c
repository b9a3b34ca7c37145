#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/redis/evictions.h"

#define SECOND INT64_C(1000000)

static void test_the_first_count_is_where_it_begins(void **state)
{
    struct rs_redis_evictions e = {0};
    (void)state;
    assert_int_equal(rs_redis_evictions_count(&e, 500, SECOND), RS_EVICTIONS_NONE);
    assert_int_equal(rs_redis_evictions_count(&e, 500, 2 * SECOND), RS_EVICTIONS_NONE);
    assert_int_equal(rs_redis_evictions_count(&e, 501, 3 * SECOND), RS_EVICTIONS_AGAIN);
}

/* One key is evicted each second, for a day. */
static void test_pauses_grow_while_it_evicts(void **state)
{
    struct rs_redis_evictions e = {0};
    int64_t last_us = 0;
    int repairs = 0;
    (void)state;
    for (int64_t second = 0; second < 86400; second++) {
        if (rs_redis_evictions_count(&e, (uint64_t)second, second * SECOND) == RS_EVICTIONS_NONE) {
            continue;
        }
        assert_true(repairs == 0 || second * SECOND - last_us >= RS_EVICTION_MIN_US);
        assert_true(repairs < 6 || second * SECOND - last_us == RS_EVICTION_MAX_US);
        last_us = second * SECOND;
        repairs++;
    }
    assert_true(repairs > 86400 / 300 && repairs < 86400 / 300 + 6);
}

static void test_quiet_begins_anew(void **state)
{
    struct rs_redis_evictions e = {0};
    uint64_t count = 0;
    int64_t now = SECOND;
    (void)state;
    assert_int_equal(rs_redis_evictions_count(&e, count, now), RS_EVICTIONS_NONE);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(rs_redis_evictions_count(&e, ++count, now), RS_EVICTIONS_AGAIN);
        now += e.pause_us;
    }
    assert_int_equal(e.pause_us, 8 * RS_EVICTION_MIN_US);
    now += e.pause_us;
    assert_int_equal(rs_redis_evictions_count(&e, ++count, now), RS_EVICTIONS_AGAIN);
    assert_int_equal(e.pause_us, RS_EVICTION_MIN_US);
}

static void test_what_comes_in_a_pause_is_answered_after_it(void **state)
{
    struct rs_redis_evictions e = {0};
    (void)state;
    (void)rs_redis_evictions_count(&e, 0, 0);
    assert_int_equal(rs_redis_evictions_count(&e, 1, SECOND), RS_EVICTIONS_AGAIN);
    assert_int_equal(rs_redis_evictions_count(&e, 2, 2 * SECOND), RS_EVICTIONS_NONE);
    assert_int_equal(rs_redis_evictions_count(&e, 2, SECOND + RS_EVICTION_MIN_US), RS_EVICTIONS_AGAIN);
    assert_int_equal(rs_redis_evictions_count(&e, 2, 100 * SECOND), RS_EVICTIONS_NONE);
}

static void test_a_fence_is_gone_at_once_outside_a_pause(void **state)
{
    struct rs_redis_evictions e = {0};
    (void)state;
    assert_true(rs_redis_evictions_gone(&e, 0, SECOND));
    rs_redis_evictions_repaired(&e);
    assert_true(rs_redis_evictions_gone(&e, 0, SECOND));
}

static void test_a_fence_in_a_pause_is_told_by_the_count(void **state)
{
    struct rs_redis_evictions e = {0};
    (void)state;
    (void)rs_redis_evictions_count(&e, 0, 0);
    assert_int_equal(rs_redis_evictions_count(&e, 7, SECOND), RS_EVICTIONS_AGAIN);
    /* Nothing evicted since it was seen: emptied. */
    assert_false(rs_redis_evictions_gone(&e, 7, 2 * SECOND));
    assert_int_equal(rs_redis_evictions_count(&e, 7, 3 * SECOND), RS_EVICTIONS_EMPTIED);
    rs_redis_evictions_repaired(&e);
    assert_int_equal(rs_redis_evictions_count(&e, 7, 4 * SECOND), RS_EVICTIONS_NONE);
    /* Of two the one that was seen later decides: had it been evicted, the count would have grown. */
    assert_false(rs_redis_evictions_gone(&e, 7, 4 * SECOND));
    assert_false(rs_redis_evictions_gone(&e, 5, 4 * SECOND));
    assert_int_equal(rs_redis_evictions_count(&e, 7, 5 * SECOND), RS_EVICTIONS_EMPTIED);
    /* The count grew: evicted, and owed until the pause is over. */
    assert_false(rs_redis_evictions_gone(&e, 7, 6 * SECOND));
    assert_int_equal(rs_redis_evictions_count(&e, 8, 7 * SECOND), RS_EVICTIONS_NONE);
    assert_int_equal(rs_redis_evictions_count(&e, 8, 12 * SECOND), RS_EVICTIONS_AGAIN);
}

/* What was published for another reason is not published once more for the evictions before it. */
static void test_a_repair_answers_all_before_it(void **state)
{
    struct rs_redis_evictions e = {0};
    (void)state;
    (void)rs_redis_evictions_count(&e, 0, 0);
    (void)rs_redis_evictions_count(&e, 1, SECOND);
    assert_int_equal(rs_redis_evictions_count(&e, 2, 2 * SECOND), RS_EVICTIONS_NONE);
    rs_redis_evictions_repaired(&e);
    assert_int_equal(rs_redis_evictions_count(&e, 2, 60 * SECOND), RS_EVICTIONS_NONE);
}

static void test_another_server_counts_from_anew(void **state)
{
    struct rs_redis_evictions e = {0};
    (void)state;
    (void)rs_redis_evictions_count(&e, 1000, 0);
    rs_redis_evictions_restart(&e);
    assert_int_equal(rs_redis_evictions_count(&e, 2000, SECOND), RS_EVICTIONS_NONE);
    assert_int_equal(rs_redis_evictions_count(&e, 3, 2 * SECOND), RS_EVICTIONS_NONE); /* CONFIG RESETSTAT */
    assert_int_equal(rs_redis_evictions_count(&e, 4, 3 * SECOND), RS_EVICTIONS_AGAIN);
    assert_false(rs_redis_evictions_gone(&e, 4, 4 * SECOND));
    assert_int_equal(rs_redis_evictions_count(&e, 0, 5 * SECOND), RS_EVICTIONS_EMPTIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_count_is_where_it_begins),
        cmocka_unit_test(test_pauses_grow_while_it_evicts),
        cmocka_unit_test(test_quiet_begins_anew),
        cmocka_unit_test(test_what_comes_in_a_pause_is_answered_after_it),
        cmocka_unit_test(test_a_fence_is_gone_at_once_outside_a_pause),
        cmocka_unit_test(test_a_fence_in_a_pause_is_told_by_the_count),
        cmocka_unit_test(test_a_repair_answers_all_before_it),
        cmocka_unit_test(test_another_server_counts_from_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
