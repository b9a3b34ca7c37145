/* `publish` and `delay`: what goes out when, and that the state has no part in it. */
#include "tests/unit/transform/engine_run.h"

static const char both[] =
    "  m: {stream: ticks, window: {tumbling: 10s}, history: 5, stats: {v: sum(quantity)}}\n";
static const char closed[] = "  m: {stream: ticks, window: {tumbling: 10s}, history: 5, publish: closed, "
                             "stats: {v: sum(quantity)}}\n";
static const char delayed[] = "  m: {stream: ticks, window: {tumbling: 10s}, history: 5, publish: closed, "
                              "delay: 25s, stats: {v: sum(quantity)}}\n";

static void tick_at(struct run *r, int64_t second, int64_t quantity)
{
    const struct tick t = {.at_us = second * SECOND, .quantity = quantity};
    apply(r, &t, 1);
}

static void test_closed_shows_windows_as_they_end(void **state)
{
    (void)state;
    struct run r;
    start(&r, append_stream, closed);
    tick_at(&r, 1, 1);
    assert_emits(&r, "");
    tick_at(&r, 2, 1);
    tick_at(&r, 11, 5);
    assert_emits(&r,
                 "view m/ 10000 first: v=2 window_start=0 window_end=10000 event_time=2000 events=2\n"
                 "history m/ 0: v=2 window_start=0 window_end=10000 event_time=2000 events=2 revision=0\n");
    tick_at(&r, 12, 5);
    assert_emits(&r, "");
    tick_at(&r, 3, 7); /* a correction */
    assert_emits(&r,
                 "view m/ 10000: v=9 window_start=0 window_end=10000 event_time=3000 events=3\n"
                 "history m/ 0: v=9 window_start=0 window_end=10000 event_time=3000 events=3 revision=1\n");
    rs_partition_show(r.partition, 30 * SECOND); /* no event needs to come for that */
    assert_emits(
        &r,
        "view m/ 20000: v=10 window_start=10000 window_end=20000 event_time=12000 events=2\n"
        "history m/ 10000: v=10 window_start=10000 window_end=20000 event_time=12000 events=2 revision=0\n");
    rs_partition_republish(r.partition);
    assert_emits(
        &r,
        "view m/ 20000 first: v=10 window_start=10000 window_end=20000 event_time=12000 events=2\n"
        "history m/ 0: v=9 window_start=0 window_end=10000 event_time=3000 events=3 revision=1\n"
        "history m/ 10000: v=10 window_start=10000 window_end=20000 event_time=12000 events=2 revision=0\n");
    stop(&r);
}

static void test_a_delay_holds_all_back(void **state)
{
    (void)state;
    struct run r;
    struct rs_partition_status s;
    start(&r, append_stream, delayed);
    for (int i = 0; i < 4; i++) {
        tick_at(&r, INT64_C(10) * i, i);
    }
    assert_emits(&r, "");
    rs_partition_status(r.partition, &s);
    assert_int_equal(s.panes, 4);
    assert_int_equal(s.pending_history, 0); /* nothing that the sink could let go */
    assert_int_equal(rs_partition_next_due(r.partition), 35 * SECOND);
    rs_partition_show(r.partition, 35 * SECOND - 1);
    assert_emits(&r, "");
    rs_partition_show(r.partition, 35 * SECOND);
    assert_emits(&r, "view m/ 10000 first: v=0 window_start=0 window_end=10000 event_time=0 events=1\n"
                     "history m/ 0: v=0 window_start=0 window_end=10000 event_time=0 events=1 revision=0\n");
    assert_int_equal(rs_partition_next_due(r.partition), 45 * SECOND);
    tick_at(&r, 21, 9); /* of a window that nobody has seen yet */
    assert_emits(&r, "");
    rs_partition_republish(r.partition);
    assert_emits(&r, ""); /* what was shown can change no more, and has left the state */
    rs_partition_show(r.partition, 58 * SECOND);
    assert_emits(
        &r,
        "view m/ 30000 first: v=11 window_start=20000 window_end=30000 event_time=21000 events=2\n"
        "history m/ 10000: v=1 window_start=10000 window_end=20000 event_time=10000 events=1 revision=0\n"
        "history m/ 20000: v=11 window_start=20000 window_end=30000 event_time=21000 events=2 revision=1\n");
    stop(&r);
}

static unsigned announced(struct run *r)
{
    struct rs_view_batch *batch = emit_all(r);
    struct rs_op op;
    size_t cursor = 0;
    unsigned count = 0;
    while (rs_batch_next(batch, &cursor, &op)) {
        count += op.kind == RS_OP_VIEW || op.flags & RS_OP_ANNOUNCED;
    }
    batch->result = RS_BATCH_APPLIED;
    rs_partition_settle(r->partition, batch);
    rs_view_batch_free(&batch);
    return count;
}

/* However many windows go out at once, readers are told once. */
static void test_windows_without_a_view_are_announced(void **state)
{
    (void)state;
    struct run r;
    start(&r, append_stream, both);
    tick_at(&r, 1, 1);
    assert_int_equal(announced(&r), 1);
    rs_partition_show(r.partition, 10 * SECOND);
    assert_int_equal(announced(&r), 1);
    assert_int_equal(announced(&r), 0);
    tick_at(&r, 12, 1);
    tick_at(&r, 22, 1);
    assert_int_equal(announced(&r), 1);
    struct rs_view_batch *batch;
    tick_at(&r, 32, 1);
    batch = emit_all(&r); /* a window is in flight */
    tick_at(&r, 42, 1);
    assert_int_equal(announced(&r), 1); /* the view alone */
    batch->result = RS_BATCH_APPLIED;
    rs_partition_settle(r.partition, batch);
    rs_view_batch_free(&batch);
    assert_int_equal(announced(&r), 1); /* the window that had to wait */
    stop(&r);
}

static void test_the_state_is_the_same(void **state)
{
    (void)state;
    struct run r[4];
    static const char filled[] =
        "  m: {stream: ticks, window: {tumbling: 10s}, history: 5, fill: zero, stats: {v: sum(quantity)}}\n";
    const char *const aggregates[] = {both, closed, delayed, filled};
    for (int i = 0; i < 4; i++) {
        start(&r[i], append_stream, aggregates[i]);
        assert_int_equal(rs_engine_fingerprint(r[i].fixture.engine, 0),
                         rs_engine_fingerprint(r[0].fixture.engine, 0));
    }
    for (int i = 0; i < 4; i++) {
        stop(&r[i]);
    }
}

/* A filler is announced as a window is; a late event takes its place and changes those behind it; a store that was lost
 * gets them again. */
static void test_windows_without_events_are_filled(void **state)
{
    (void)state;
    struct run r;
    start(&r, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 1h, expire: 2h}\n",
          "  m: {stream: ticks, window: {tumbling: 10s}, history: 2, publish: closed, fill: previous, stats: "
          "{v: "
          "sum(quantity)}}\n");
    tick_at(&r, 1, 5);
    rs_partition_show(r.partition, 20 * SECOND);
    static const char filled[] =
        "history m/ 0: v=5 window_start=0 window_end=10000 event_time=1000 events=1 revision=0\n"
        "history m/ 10000: v=5 window_start=10000 window_end=20000 events=0 filled=previous revision=0\n";
    struct rs_buf lines = {0};
    for (int i = 0; i < 2; i++) {
        rs_buf_reset(&lines);
        partition_drain(&r.fixture, r.partition, note, &lines);
        rs_buf_char(&lines, '\0');
        assert_non_null(strstr((const char *)lines.data, filled));
        rs_partition_republish(r.partition);
    }
    rs_buf_fini(&lines);
    assert_int_equal(rs_partition_next_due(r.partition), 30 * SECOND);
    (void)announced(&r);
    tick_at(&r, 12, 7);
    assert_emits(
        &r,
        "view m/ 20000: v=7 window_start=10000 window_end=20000 event_time=12000 events=1\n"
        "history m/ 10000: v=7 window_start=10000 window_end=20000 event_time=12000 events=1 revision=0\n");
    rs_partition_show(r.partition, 3000 * SECOND);
    assert_emits(
        &r,
        "view m/ 40000: v=7 window_start=30000 window_end=40000 events=0 filled=previous\n"
        "history m/ 20000: v=7 window_start=20000 window_end=30000 events=0 filled=previous revision=0\n"
        "history m/ 30000: v=7 window_start=30000 window_end=40000 events=0 filled=previous revision=0\n");
    assert_int_equal(rs_partition_next_due(r.partition), INT64_MAX); /* as many as are kept */
    stop(&r);
}

/* As many as are kept would reach beyond all times, and what is told in microseconds. */
static void test_long_windows_are_filled_to_the_end_of_time(void **state)
{
    (void)state;
    static const char *const windows[] = {"36525d", "1y", "1d"};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        char aggregate[200];
        snprintf(aggregate, sizeof aggregate,
                 "  m: {stream: ticks, window: {tumbling: %s}, history: 1000000, fill: zero, stats: {v: "
                 "sum(quantity)}}\n",
                 windows[i]);
        struct run r;
        start(&r,
              "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 0s, expire: 36525d}\n",
              aggregate);
        tick_at(&r, 1, 5);
        int64_t due = INT64_MIN;
        for (int k = 0; k < 3; k++) {
            (void)announced(&r);
            int64_t next = rs_partition_next_due(r.partition);
            assert_true(next > due && next < INT64_MAX);
            due = next;
            rs_partition_show(r.partition, due);
        }
        stop(&r);
    }
}

static void test_what_is_refused(void **state)
{
    static const char stream[] = "time: at, lateness: 10s";
    (void)state;
    expect_complaint(stream, "window: {tumbling: 10s}, publish: closed, stats: {v: count()}",
                     "test.yaml:6:56: closed windows are kept by `history`: publish: closed needs it, as in "
                     "history: 60\n");
    expect_complaint(
        stream, "window: {tumbling: 10s}, history: 2, delay: 1h, stats: {v: count()}",
        "test.yaml:6:66: a window that has not ended cannot be shown as it was before: delay needs "
        "publish: closed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_shows_windows_as_they_end),
        cmocka_unit_test(test_a_delay_holds_all_back),
        cmocka_unit_test(test_windows_without_a_view_are_announced),
        cmocka_unit_test(test_the_state_is_the_same),
        cmocka_unit_test(test_windows_without_events_are_filled),
        cmocka_unit_test(test_long_windows_are_filled_to_the_end_of_time),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
