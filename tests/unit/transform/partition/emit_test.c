/* What the sink answers, and what has to be sent again: history, drops, conflicts, budgets. */
#include "tests/unit/transform/engine_run.h"

/* ---- expiry ---- */

static const char expiring_stream[] =
    "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 64s}\n";
static const char expiring_aggregate[] = "  e:\n    stream: ticks\n    by: [product]\n    window: {tumbling: "
                                         "10s}\n    history: 3\n    stats: {v: sum(quantity)}\n";

static void test_expiry_drops_groups_and_remembers_how_new_they_were(void **state)
{
    (void)state;
    struct run r;
    start(&r, expiring_stream, expiring_aggregate);
    const struct tick first[] = {{.product = "old", .at_us = 100 * SECOND, .quantity = 1},
                                 {.product = "new", .at_us = 164 * SECOND, .quantity = 1},
                                 {.product = "new", .at_us = 164 * SECOND, .quantity = 1}};
    apply(&r, first, 3);
    assert_emits(
        &r,
        "view e/old 100000 first: v=1 window_start=100000 window_end=110000 event_time=100000 events=1\n"
        "history e/old 100000: v=1 window_start=100000 window_end=110000 event_time=100000 events=1 "
        "revision=0\n"
        "view e/new 164000 first: v=2 window_start=160000 window_end=170000 event_time=164000 events=2\n");
    const struct tick second[] = {
        {.product = "new", .at_us = 165 * SECOND, .quantity = 1},
        {.product = "new", .at_us = 165 * SECOND, .quantity = 1},
        {.product = "new", .at_us = 165 * SECOND, .quantity = 1},
        {.product = "new", .at_us = 165 * SECOND, .quantity = 1}, /* most are there */
        {.product = "old",
         .at_us = 89 * SECOND,
         .quantity = 1}, /* [80,90): the dropped could have held it: late */
        {.product = "old", .at_us = 91 * SECOND, .quantity = 7},
        {.product = "other", .at_us = 20 * SECOND, .quantity = 1}}; /* none of it was */
    apply(&r, second, 7);
    assert_events(&r, 9, 1, 0, 0, 0);
    assert_emits(
        &r, "view e/new 165000: v=6 window_start=160000 window_end=170000 event_time=165000 events=6\n"
            "drop e/old\n"
            "view e/other 20000 first: v=1 window_start=20000 window_end=30000 event_time=20000 events=1\n"
            "history e/other 20000: v=1 window_start=20000 window_end=30000 event_time=20000 events=1 "
            "revision=0\n"
            "view e/old 91000 first: v=7 window_start=90000 window_end=100000 event_time=91000 events=1\n"
            "history e/old 90000: v=7 window_start=90000 window_end=100000 event_time=91000 events=1 "
            "revision=0\n");
    struct rs_partition_status s;
    rs_partition_status(r.partition, &s);
    assert_int_equal(s.expired_groups, 1);
    assert_int_equal(s.groups, 3);
    stop(&r);
}

/* A group that comes back under a dropped one's key is held back until the key's deletion is acknowledged:
 * one that has to be repeated takes nothing of it. */
static void test_a_drop_that_comes_again(void **state)
{
    (void)state;
    struct run r;
    start(&r, expiring_stream, expiring_aggregate);
    const struct tick first[] = {{.product = "old", .at_us = 100 * SECOND, .quantity = 1},
                                 {.product = "new", .at_us = 164 * SECOND, .quantity = 1},
                                 {.product = "new", .at_us = 165 * SECOND, .quantity = 1},
                                 {.product = "new", .at_us = 165 * SECOND, .quantity = 1},
                                 {.product = "new", .at_us = 165 * SECOND, .quantity = 1}};
    apply(&r, first, 5);
    struct rs_view_batch *refused = emit_all(&r);
    assert_int_equal(refused->op_count, 2);
    const struct tick second[] = {{.product = "old", .at_us = 160 * SECOND, .quantity = 5}};
    apply(&r, second, 1);
    assert_emits(&r, "");
    refused->result = RS_BATCH_BEHIND;
    rs_partition_settle(r.partition, refused);
    assert_emits(
        &r,
        "drop e/old\n"
        "view e/new 165000 first: v=4 window_start=160000 window_end=170000 event_time=165000 events=4\n"
        "view e/old 160000 first: v=5 window_start=160000 window_end=170000 event_time=160000 events=1\n");
    rs_view_batch_free(&refused);
    stop(&r);
}

/* The group that an event belongs to is there until the event's own time has ended it. */
static void test_an_event_that_ends_its_own_group(void **state)
{
    (void)state;
    struct run r;
    start(&r,
          "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, expire: 64s, upsert: {version: "
          "revision}}\n",
          "  u:\n    stream: ticks\n    by: [product]\n    window: {last: 2}\n    stats: {n: count()}\n");
    for (int i = 0; i < 20; i++) {
        const struct tick t = {.product = "a", .at_us = i * 1000 * SECOND};
        apply(&r, &t, 1);
    }
    assert_events(&r, 20, 0, 0, 0, 0);
    stop(&r);
}

/* ---- the sink's answers ---- */

static void test_history_waits_for_the_answer(void **state)
{
    (void)state;
    struct run r;
    struct rs_partition_status s;
    start(&r, append_stream,
          "  m:\n    stream: ticks\n    window: {tumbling: 10s}\n    history: 5\n    stats: {v: "
          "sum(quantity)}\n");
    for (int i = 0; i < 6; i++) {
        const struct tick t = {.at_us = i * 10 * SECOND, .quantity = i};
        apply(&r, &t, 1);
    }
    rs_partition_status(r.partition, &s);
    assert_int_equal(s.panes, 6); /* final since long, but nobody has taken them */
    assert_int_equal(s.pending_history, 5);
    struct rs_view_batch *batch = emit_all(&r);
    assert_int_equal(batch->op_count, 6);
    rs_partition_status(r.partition, &s);
    assert_int_equal(s.panes, 6);
    batch->result = RS_BATCH_BEHIND;
    rs_partition_settle(r.partition, batch);
    rs_view_batch_free(&batch);
    batch = emit_all(&r);
    assert_int_equal(batch->op_count, 6);
    batch->result = RS_BATCH_APPLIED;
    rs_partition_settle(r.partition, batch);
    rs_partition_settle(r.partition, batch); /* twice changes nothing */
    rs_view_batch_free(&batch);
    rs_partition_status(r.partition, &s);
    assert_int_equal(s.panes, 2); /* the newest, and one within lateness */
    assert_int_equal(s.pending_history, 0);
    assert_emits(&r, "");
    rs_partition_republish(r.partition);
    assert_emits(
        &r,
        "view m/ 50000 first: v=5 window_start=50000 window_end=60000 event_time=50000 events=1\n"
        "history m/ 40000: v=4 window_start=40000 window_end=50000 event_time=40000 events=1 revision=0\n");
    stop(&r);
}

static void test_a_group_of_another_partition_is_silenced(void **state)
{
    (void)state;
    struct run r;
    struct rs_partition_status s;
    start(&r, append_stream,
          "  m:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 10s}\n    history: 5\n    "
          "stats: {v: sum(quantity)}\n");
    const struct tick ticks[] = {{.product = "a", .at_us = 0, .quantity = 1},
                                 {.product = "b", .at_us = 0, .quantity = 2},
                                 {.product = "a", .at_us = 10 * SECOND, .quantity = 3}};
    apply(&r, ticks, 3);
    struct rs_view_batch *batch = emit_all(&r);
    assert_int_equal(batch->op_count, 4); /* a, its history, b, its history */
    const uint32_t op = 0;
    rs_buf_put(&batch->conflicts, &op, sizeof op);
    batch->result = RS_BATCH_APPLIED;
    rs_partition_settle(r.partition, batch);
    rs_view_batch_free(&batch);
    rs_partition_status(r.partition, &s);
    assert_int_equal(s.conflicts, 1);
    const struct tick more[] = {{.product = "a", .at_us = 35 * SECOND, .quantity = 4},
                                {.product = "b", .at_us = 35 * SECOND, .quantity = 5}};
    apply(&r, more, 2);
    assert_emits(&r, "view m/b 35000: v=5 window_start=30000 window_end=40000 event_time=35000 events=1\n");
    assert_events(&r, 5, 0, 0, 0, 0); /* its events still count */
    rs_partition_republish(r.partition);
    assert_emits(&r,
                 "view m/b 35000 first: v=5 window_start=30000 window_end=40000 event_time=35000 events=1\n");
    rs_partition_status(r.partition, &s);
    assert_int_equal(s.conflicts, 1);
    assert_int_equal(s.dirty_views, 0);
    stop(&r);
}

static void test_emission_keeps_to_its_budget(void **state)
{
    (void)state;
    struct run r;
    char names[200][8];
    start(&r, append_stream,
          "  m:\n    stream: ticks\n    by: [product]\n    window: {all: true}\n    stats: {n: count()}\n"
          "  k:\n    stream: ticks\n    window: {all: true}\n    stats: {n: count()}\n");
    for (int i = 0; i < 200; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        const struct tick t = {.product = names[i], .at_us = SECOND};
        apply(&r, &t, 1);
    }
    struct rs_view_batch *batch = rs_view_batch_new();
    uint32_t ops = 0;
    bool more = true;
    while (more) {
        rs_view_batch_reset(batch);
        more = rs_partition_emit(r.partition, batch, 500);
        assert_true(batch->ops.size < 700);
        ops += batch->op_count;
    }
    assert_int_equal(ops, 201);
    rs_view_batch_free(&batch);
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expiry_drops_groups_and_remembers_how_new_they_were),
        cmocka_unit_test(test_a_drop_that_comes_again),
        cmocka_unit_test(test_an_event_that_ends_its_own_group),
        cmocka_unit_test(test_history_waits_for_the_answer),
        cmocka_unit_test(test_a_group_of_another_partition_is_silenced),
        cmocka_unit_test(test_emission_keeps_to_its_budget),
    };
    return cmocka_run_group_tests_name("emit", tests, NULL, NULL);
}
