/* What an event's time may do to others: expiry, and the time that is shown. */
#include "tests/unit/transform/engine_run.h"

#include "base/record.h"

#define DAY (86400 * SECOND)

static const char stream[] =
    "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 1d}\n";
static const char aggregates[] = "  m:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 1m}\n   "
                                 " history: 5\n    stats: {n: count()}\n"
                                 "  s:\n    stream: ticks\n    by: [product]\n    window: {sliding: 1m, "
                                 "every: 10s}\n    stats: {n: count()}\n";

static void apply_one(struct run *r, const char *product, int64_t at_us)
{
    const struct tick t = {.product = product, .at_us = at_us};
    apply(r, &t, 1);
}

static struct rs_partition_status status_of(const struct run *r)
{
    struct rs_partition_status s;
    rs_partition_status(r->partition, &s);
    return s;
}

static void discard(struct run *r)
{
    partition_drain(&r->fixture, r->partition, NULL, NULL);
}

static void test_one_clock_ahead_is_its_own_business(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, aggregates);
    apply_one(&r, "a", 100 * SECOND);
    apply_one(&r, "b", 101 * SECOND);
    discard(&r);
    apply_one(&r, "c", 30 * DAY);
    struct rs_partition_status s = status_of(&r);
    assert_int_equal(s.now_shown_us, 101 * SECOND);
    assert_int_equal(s.stream_time_us, 30 * DAY);
    assert_int_equal(s.expired_groups, 0);
    assert_int_equal(s.events_ahead, 1);
    assert_int_equal(s.ahead_offset, 2);
    assert_int_equal(s.ahead_time_us, 30 * DAY);
    assert_int_equal(s.ahead_of_us, 101 * SECOND);
    assert_emits(&r, "view m/c 2592000000 first: n=1 window_start=2592000000 window_end=2592060000 "
                     "event_time=2592000000 events=1\n"
                     "view s/c 2592000000 first: n=1 window_start=2591950000 window_end=2592010000 "
                     "event_time=2592000000 events=1\n");
    apply_one(&r, "a", 102 * SECOND); /* nobody else is late or gone, and windows hold what they held */
    assert_events(&r, 4, 0, 0, 0, 0);
    assert_emits(&r,
                 "view m/a 102000: n=2 window_start=60000 window_end=120000 event_time=102000 events=2\n"
                 "view s/a 102000: n=2 window_start=50000 window_end=110000 event_time=102000 events=2\n");
    apply_one(&r, "c", 30 * DAY + 60 * SECOND); /* a group ends its own windows */
    assert_emits(&r, "view m/c 2592060000: n=1 window_start=2592060000 window_end=2592120000 "
                     "event_time=2592060000 events=1\n"
                     "history m/c 2592000000: n=1 window_start=2592000000 window_end=2592060000 "
                     "event_time=2592000000 events=1 revision=0\n"
                     "view s/c 2592060000: n=1 window_start=2592010000 window_end=2592070000 "
                     "event_time=2592060000 events=1\n");
    stop(&r);
}

/* The first of all events is the wrong one: before anything is shown the others correct it. */
static void test_the_first_clock_is_wrong(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, aggregates);
    apply_one(&r, "c", 30 * DAY);
    apply_one(&r, "a", 100 * SECOND);
    apply_one(&r, "b", 101 * SECOND);
    assert_int_equal(status_of(&r).now_shown_us, 101 * SECOND);
    stop(&r);
}

/* The daemon's own clock: nothing is far ahead that is about now, and the first event says nothing beyond. */
static void test_the_daemons_clock_is_a_witness(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, aggregates);
    rs_partition_witness(r.partition, 100 * SECOND);
    apply_one(&r, "c", 30 * DAY);
    discard(&r);
    assert_int_equal(status_of(&r).now_shown_us, 180 * SECOND); /* 60 s a window, lateness, max_future */
    for (int64_t i = 0; i < 20; i++) {
        apply_one(&r, i % 2 ? "a" : "b", (100 + i) * SECOND);
    }
    rs_partition_witness(r.partition, 5 * DAY);
    apply_one(&r, "a", 5 * DAY + SECOND);
    assert_int_equal(status_of(&r).now_shown_us, 5 * DAY + SECOND);
    apply_one(&r, "a", 9 * DAY);
    assert_int_equal(status_of(&r).now_shown_us, 5 * DAY + SECOND);
    stop(&r);
}

static void test_the_only_group_at_rest(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, aggregates);
    apply_one(&r, "a", 100 * SECOND);
    rs_partition_rest(r.partition, INT64_MAX, true);
    apply_one(&r, "a", 2 * DAY);
    assert_int_equal(status_of(&r).now_shown_us, 100 * SECOND);
    rs_partition_rest(r.partition, DAY, true); /* not beyond the limit */
    rs_partition_rest(r.partition, INT64_MAX, false);
    assert_int_equal(status_of(&r).now_shown_us, 100 * SECOND);
    rs_partition_rest(r.partition, INT64_MAX, true);
    assert_int_equal(status_of(&r).now_shown_us, 2 * DAY);
    stop(&r);
}

static void test_one_of_many_that_nobody_speaks_against(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, aggregates);
    for (int64_t i = 0; i <= 20; i++) {
        apply_one(&r, i % 2 ? "a" : "d", i * SECOND);
    }
    apply_one(&r, "b", 4 * DAY);
    apply_one(&r, "b", 4 * DAY + SECOND);
    rs_partition_rest(r.partition, INT64_MAX, true);
    rs_partition_unopposed(r.partition, 4 * DAY); /* not beyond the limit */
    assert_int_equal(status_of(&r).now_shown_us, 20 * SECOND);
    rs_partition_unopposed(r.partition, INT64_MAX);
    assert_int_equal(status_of(&r).now_shown_us, 4 * DAY + SECOND);
    apply_one(&r, "b", 8 * DAY);
    apply_one(&r, "a", 21 * SECOND); /* speaks against it */
    rs_partition_unopposed(r.partition, INT64_MAX);
    assert_int_equal(status_of(&r).now_shown_us, 4 * DAY + SECOND);
    stop(&r);
}

static void test_groups_that_confirm_each_other_at_rest(void **state)
{
    (void)state;
    struct run r;
    start(&r, stream, aggregates);
    for (int64_t i = 0; i <= 20; i++) {
        apply_one(&r, i % 2 ? "a" : "d", i * SECOND);
    }
    apply_one(&r, "b", 4 * DAY);
    rs_partition_rest(r.partition, INT64_MAX, true); /* one of many */
    assert_int_equal(status_of(&r).now_shown_us, 20 * SECOND);
    apply_one(&r, "c", 5 * DAY); /* confirms it */
    apply_one(&r, "c", 6 * DAY);
    assert_int_equal(status_of(&r).now_shown_us, 20 * SECOND); /* more may come that speaks against them */
    rs_partition_rest(r.partition, 3 * DAY, true);
    assert_int_equal(status_of(&r).now_shown_us, 20 * SECOND);
    rs_partition_rest(r.partition, INT64_MAX, true);
    assert_int_equal(status_of(&r).now_shown_us, 4 * DAY);
    rs_partition_unopposed(r.partition, INT64_MAX); /* what is left of it */
    assert_int_equal(status_of(&r).now_shown_us, 6 * DAY);
    apply_one(&r, "b", 8 * DAY);
    apply_one(&r, "c", 9 * DAY);
    apply_one(&r, "a", 21 * SECOND); /* speaks against both */
    rs_partition_rest(r.partition, INT64_MAX, true);
    rs_partition_unopposed(r.partition, INT64_MAX);
    assert_int_equal(status_of(&r).now_shown_us, 6 * DAY);
    stop(&r);
}

/* One event a day, each of another group, some days without any: no jump needs a witness. */
static void test_a_sparse_stream_goes_on(void **state)
{
    (void)state;
    static const char *const products[] = {"a", "b", "c"};
    struct run r;
    start(&r, stream, aggregates);
    for (int64_t day = 0; day < 40; day++) {
        if (day % 7 < 5) {
            apply_one(&r, products[day % 3], day * DAY + 100 * SECOND);
        }
    }
    assert_int_equal(status_of(&r).now_shown_us, 39 * DAY - DAY * (39 % 7 - 4) * (39 % 7 > 4) + 100 * SECOND);
    stop(&r);
}

/* A weekend: the time shown follows when most of the events are behind the gap, and groups expire. */
static void test_a_gap_is_passed(void **state)
{
    (void)state;
    static const char *const products[] = {"a", "b", "c"};
    struct run r;
    start(&r, stream, aggregates);
    apply_one(&r, "quiet", 0);
    for (int64_t i = 0; i < 3000; i++) {
        apply_one(&r, products[i % 3], i * SECOND);
    }
    for (int64_t i = 0; i < 3000; i++) {
        apply_one(&r, products[i % 3], 3 * DAY + i * SECOND);
    }
    assert_int_equal(status_of(&r).now_shown_us, 3 * DAY + 2999 * SECOND);
    assert_int_equal(status_of(&r).expired_groups, 2); /* "quiet", of both aggregates */
    assert_int_equal(status_of(&r).groups, 6);
    stop(&r);
}

/* Four rows of many are 200 days ahead, and a group that only lies in the past comes last. */
static void test_a_backfill_after_an_outlier(void **state)
{
    (void)state;
    static const char *const products[] = {"a", "b", "c"};
    struct run r;
    start(&r, stream, aggregates);
    for (int64_t i = 0; i < 2000; i++) {
        bool wrong = i % 500 == 250;
        apply_one(&r, wrong ? "wrong" : products[i % 3], (wrong ? 200 * DAY : 0) + i * 60 * SECOND);
    }
    for (int64_t i = 0; i < 2000; i++) {
        apply_one(&r, "past", i * SECOND);
    }
    assert_events(&r, 4000, 0, 0, 0, 0);
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_clock_ahead_is_its_own_business),
        cmocka_unit_test(test_the_first_clock_is_wrong),
        cmocka_unit_test(test_the_daemons_clock_is_a_witness),
        cmocka_unit_test(test_the_only_group_at_rest),
        cmocka_unit_test(test_one_of_many_that_nobody_speaks_against),
        cmocka_unit_test(test_groups_that_confirm_each_other_at_rest),
        cmocka_unit_test(test_a_sparse_stream_goes_on),
        cmocka_unit_test(test_a_gap_is_passed),
        cmocka_unit_test(test_a_backfill_after_an_outlier),
    };
    return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
