/* Which groups are due when, moved, taken out and dropped in any order, against a plain list of times. */
#include "tests/unit/transform/engine_run.h"

#include "tests/lib/random.h"
#include "transform/partition/internal.h"

#define GROUPS 50

static struct rs_groups *open_groups(struct run *r)
{
    static char names[GROUPS][8];
    start(r, append_stream,
          "  s:\n    stream: ticks\n    by: [product]\n    window: {sliding: 10s, every: 1s}\n    stats: {n: "
          "count()}\n");
    for (int i = 0; i < GROUPS; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        const struct tick t = {.product = names[i], .at_us = -100 * SECOND};
        apply(r, &t, 1);
    }
    return &r->partition->groups[0];
}

static void test_due_in_time(void **state)
{
    (void)state;
    struct run r;
    struct rs_groups *gs = open_groups(&r);
    assert_int_equal(rs_schedule_next(gs), RS_WINDOW_NEVER);
    rs_schedule_advance(gs, 0);
    rs_schedule_at(gs, 3, 2 * SECOND);
    rs_schedule_at(gs, 4, 1 * SECOND);
    rs_schedule_at(gs, 5, 10 * SECOND);
    assert_int_equal(rs_schedule_pop(gs), RS_NONE);
    assert_int_equal(rs_schedule_next(gs), 1 * SECOND);
    rs_schedule_advance(gs, SECOND - 1);
    assert_int_equal(rs_schedule_pop(gs), RS_NONE);
    rs_schedule_advance(gs, 2 * SECOND);
    assert_int_equal(rs_schedule_pop(gs), 4);
    assert_int_equal(rs_schedule_pop(gs), 3);
    assert_int_equal(rs_schedule_pop(gs), RS_NONE);
    assert_int_equal(rs_schedule_next(gs), 10 * SECOND);
    rs_schedule_at(gs, 6, 2 * SECOND); /* has passed: due at once */
    assert_int_equal(rs_schedule_pop(gs), 6);
    rs_schedule_advance(gs, 1000000 * SECOND);
    assert_int_equal(rs_schedule_pop(gs), 5);
    stop(&r);
}

static void test_any_order(void **state)
{
    (void)state;
    struct run r;
    struct rs_random random = rs_random_of_run();
    struct rs_groups *gs = open_groups(&r);
    int64_t due[GROUPS];
    int64_t now = 0;
    rs_schedule_advance(gs, now);
    for (int i = 0; i < GROUPS; i++) {
        due[i] = RS_WINDOW_NEVER;
    }
    for (int step = 0; step < 20000; step++) {
        uint32_t i = (uint32_t)(rs_random_next(&random) % GROUPS);
        uint64_t what = rs_random_next(&random) % 10;
        if (what < 6) {
            due[i] = now + (int64_t)(rs_random_next(&random) % 13) * SECOND;
            rs_schedule_at(gs, i, due[i]);
        } else if (what < 7) {
            due[i] = RS_WINDOW_NEVER;
            rs_schedule_at(gs, i, RS_WINDOW_NEVER);
        } else if (what < 8) {
            now += (int64_t)(rs_random_next(&random) % 5 ? rs_random_next(&random) % 3
                                                         : rs_random_next(&random) % 40) *
                   SECOND;
            rs_schedule_advance(gs, now + (int64_t)(rs_random_next(&random) % 1000000));
        } else {
            uint32_t popped = rs_schedule_pop(gs);
            int64_t first = RS_WINDOW_NEVER;
            for (int k = 0; k < GROUPS; k++) {
                first = due[k] < first ? due[k] : first;
            }
            assert_true((popped != RS_NONE) == (first <= now));
            if (popped != RS_NONE) {
                assert_true(due[popped] <= now);
                due[popped] = RS_WINDOW_NEVER;
            }
        }
        int64_t next = RS_WINDOW_NEVER;
        for (int k = 0; k < GROUPS; k++) {
            next = due[k] > now && due[k] < next ? due[k] : next;
        }
        assert_int_equal(rs_schedule_next(gs), next);
    }
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_in_time),
        cmocka_unit_test(test_any_order),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
