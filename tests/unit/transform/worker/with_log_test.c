/* The worker and a durable state log, in virtual time: crashes, doubts, damage, dead letters. */
#include <stdio.h>

#include "tests/lib/worker_log_fixture.h"
#include "transform/partition/seal.h"
#include "transform/worker/internal.h"

static void test_an_idle_worker_sleeps(void **state)
{
    struct fixture *f = *state;

    begin(f);
    run_for(f, SECOND);
    for (int i = 0; i < 10; i++) {
        int64_t due = rs_worker_step(f->worker);
        assert_true(due > f->clock.monotonic_us);
        rs_clock_virtual_advance(&f->clock, due - f->clock.monotonic_us);
    }
    append(f, 0, T0, "a", 1);
    run_for(f, 3 * SECOND);
    assert_true(rs_worker_step(f->worker) > f->clock.monotonic_us);
}

static void test_a_crash_loses_nothing_and_counts_nothing_twice(void **state)
{
    struct fixture *f = *state;

    begin(f);
    append(f, 0, T0, "a", 5);
    append(f, 0, T0 + SECOND, "a", 6);
    run_for(f, 2 * SECOND);
    append(f, 0, T0 + 2 * SECOND, "a", 7);
    run_for(f, 10 * MS);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 3);
    append(f, 0, T0 + 3 * SECOND, "a", 8);
    run_for(f, 10 * MS); /* shown, but not sealed: the last batch is younger than commit_every */
    assert_field(f, "minute", "a", "total", "26");
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 3);
    crash(f);
    run_for(f, 100 * MS);
    assert_int_equal(rs_memory_source_started(f->source, 0, 0), 3);
    assert_field(f, "minute", "a", "total", "26");
    assert_field(f, "minute", "a", "n", "4");
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.state.events.consumed, 4);
    assert_int_equal(one.status.state.events.applied, 4);
    assert_true(one.status.has_log);
}

static void test_the_seal_waits_for_the_dead_letters_it_covers(void **state)
{
    struct fixture *f = *state;

    begin(f);
    f->letters.acknowledged = 1;
    append(f, 0, T0, "a", 1);
    append_bad(f, 0);
    run_for(f, 1500 * MS);
    append(f, 0, T0, "a", 1); /* after the batch was begun: not in it */
    run_for(f, 5 * SECOND);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), -1);
    assert_field(f, "minute", "a", "n", "2"); /* shown all the same */
    f->letters.acknowledged = 2;
    run_for(f, 10 * MS);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
    crash(f);
    run_for(f, SECOND);
    assert_int_equal(rs_memory_source_started(f->source, 0, 0), 2);
    assert_int_equal(f->letters.count, 1); /* acknowledged before the seal, so not sent again */
}

static void test_a_doubtful_append_is_settled_by_the_log(void **state)
{
    struct fixture *f = *state;
    const enum fake_fate fates[] = {FAKE_LOST_ACK, FAKE_LOST_RECORD, FAKE_NO_OFFSET};

    begin(f);
    for (int i = 0; i < 3; i++) {
        run_for(f, 2 * SECOND);
        fake_fate(&f->kept->io, FAKE_FINE); /* the chunk */
        fake_fate(&f->kept->io, fates[i]);  /* the seal */
        append(f, 0, T0 + i * SECOND, "a", 1);
        run_for(f, 3 * SECOND);
        assert_int_equal(rs_memory_source_committed(f->source, 0, 0), i + 1);
        char expected[8];
        (void)snprintf(expected, sizeof expected, "%d", i + 1);
        assert_field(f, "minute", "a", "n", expected);
    }
    assert_non_null(strstr(f->reports.text, "the state log is read again"));
}

/* What a failover of Redis has brought back: a group that the state does not hold. */
static void bring_back(struct fixture *f, int32_t partition, const char *key)
{
    struct rs_view_sink sink = rs_memory_store_table(f->store);
    struct rs_view_batch *batch = rs_view_batch_new();

    assert_non_null(batch);
    batch->stream_name = "ticks";
    batch->partition = partition;
    rs_batch_view_begin(batch, 0, RS_OP_FIRST, rs_slice_text(key));
    rs_batch_field(batch, 0, "7", 1);
    rs_batch_end(batch, 0);
    sink.ops->submit(sink.self, &batch);
    batch = sink.ops->finished(sink.self, 0);
    assert_int_equal(batch->result, RS_BATCH_APPLIED);
    rs_view_batch_free(&batch);
}

static void test_groups_that_a_failover_brought_back_are_dropped(void **state)
{
    struct fixture *f = *state;

    begin(f);
    append(f, 0, T0, "a", 1);
    append(f, 0, T0, "", 2);
    append(f, 0, T0, "x:%", 4);
    run_for(f, SECOND);
    uint64_t before = counts_of(f).hashes;
    rs_memory_store_wipe(f->store);
    bring_back(f, 0, "gone");
    bring_back(f, 0, "%null"); /* no such key can be: the field is never null. It is left alone. */
    bring_back(f, 1, "other");
    run_for(f, 2 * SECOND);
    assert_field(f, "minute", "a", "total", "1");
    assert_field(f, "minute", "", "total", "2");
    assert_field(f, "minute", "x%3A%25", "total", "4");
    assert_null(rs_memory_store_field(f->store, "minute", "gone", "n").data);
    assert_non_null(rs_memory_store_field(f->store, "minute", "other", "n").data);
    assert_in_range(counts_of(f).hashes, before + 1, before + 2);
    append(f, 0, T0 + 1, "gone", 1); /* it may come again */
    run_for(f, SECOND);
    assert_field(f, "minute", "gone", "total", "1");
}

/* A batch without news that the log does not take holds nothing up. */
static void test_a_silent_batch_that_is_stuck_holds_up_no_input(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 2 * SECOND);
    fake_fate(&f->kept->io, FAKE_DELAYED);
    run_for(f, 40 * SECOND);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    assert_field(f, "minute", "a", "n", "2");
    fake_land(&f->kept->io);
    run_for(f, 3 * SECOND);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
}

static void test_input_waits_for_a_log_that_is_stuck(void **state)
{
    struct fixture *f = *state;

    begin(f);
    run_for(f, 100 * MS);
    append(f, 0, T0, "a", 1);
    fake_fate(&f->kept->io, FAKE_DELAYED);
    fake_fate(&f->kept->io, FAKE_DELAYED);
    run_for(f, 20 * SECOND);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    assert_field(f, "minute", "a", "n", "1");
    assert_int_equal(look(f, 0).waiting, RS_WAITING_STATE_LOG);
    assert_non_null(strstr(f->reports.text, "the state log has not answered for a while"));
    fake_land(&f->kept->io);
    run_for(f, SECOND);
    assert_field(f, "minute", "a", "n", "2");
    assert_int_equal(look(f, 0).waiting, RS_WAITING_NOT);
}

/* Where input is read to its end, the next event waits for some hundred groups of a batch, not for all. */
static void test_an_event_goes_before_the_rest_of_a_large_batch(void **state)
{
    struct fixture *f = *state;
    char name[8];

    begin(f);
    for (int i = 0; i < 4000; i++) {
        (void)snprintf(name, sizeof name, "g%d", i);
        append(f, 0, T0, name, 1);
    }
    run_for(f, 500 * MS);
    const struct rs_worker_partition *owned = f->worker->owned[0];
    int appends = f->kept->io.appends;
    rs_clock_virtual_advance(&f->clock, owned->commit_due_us - f->clock.monotonic_us);
    assert_true(rs_worker_step(f->worker) <= f->clock.monotonic_us); /* at once again */
    assert_int_equal(owned->commit, RS_COMMIT_WRITING);
    assert_int_equal(f->kept->io.appends, appends);
    assert_in_range(rs_partition_seal_backlog(owned->state), 1, 128 * 1024);
    append(f, 0, T0, "event", 1);
    rs_clock_virtual_advance(&f->clock, 1 * MS);
    (void)rs_worker_step(f->worker);
    assert_field(f, "minute", "event", "n", "1");
    assert_int_equal(owned->commit, RS_COMMIT_WRITING);
    run_for(f, 100 * MS);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 4000); /* as it was when the batch began */
    crash(f);
    run_for(f, SECOND);
    assert_int_equal(rs_memory_source_started(f->source, 0, 0), 4000);
    assert_field(f, "minute", "g3999", "n", "1");
}

static void test_a_damaged_log_stops_this_partition_only(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 2 * SECOND);
    int64_t end = f->kept->shared.end;
    f->kept->shared.records[1].data[50] ^= 1;
    crash(f);
    run_for(f, SECOND);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.phase, RS_PARTITION_STOPPED);
    assert_non_null(strstr(one.status.error, "state log test.state.ticks partition 0: "));
    append(f, 0, T0, "a", 1);
    run_for(f, 5 * SECOND);
    assert_int_equal(f->kept->shared.end, end + 1); /* the claim */
    assert_field(f, "minute", "a", "n", "1");
}

static void test_a_rebuild_from_an_offset_begins_there_also_after_a_crash(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++) {
        append(f, 0, T0, "a", 1);
    }
    ask_for_a_rebuild(f, 3);
    begin(f);
    run_for(f, 5 * SECOND);
    assert_int_equal(rs_memory_source_started(f->source, 0, 0), 3);
    assert_true(f->kept->shared.end <= 3); /* the two claims, and one seal */
    crash(f);
    run_for(f, SECOND);
    assert_int_equal(rs_memory_source_started(f->source, 0, 0), 3);
    append(f, 0, T0, "a", 1);
    run_for(f, SECOND);
    assert_field(f, "minute", "a", "n", "1");
}

static void test_a_stopped_partition_with_an_open_batch_holds_up_no_other(void **state)
{
    struct fixture *f = *state;

    f->other_log = (struct rs_state_log){0};
    begin(f);
    assign(f, 1);
    run_for(f, 100 * MS);
    f->letters.acknowledged = 0; /* the seal waits for dead letters */
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    tell(f, RS_SOURCE_STOPPED, 0); /* retention took what it was to read next */
    f->letters.acknowledged = INT64_MAX;
    run_for(f, 30 * SECOND);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_STOPPED);
    append(f, 1, T0, "b", 1);
    run_for(f, SECOND);
    assert_field(f, "minute", "b", "n", "1");
}

static void test_no_free_batch_is_no_reason_to_spin(void **state)
{
    struct fixture *f = *state;
    int at_once = 0;

    f->other_log = (struct rs_state_log){0};
    open_worker(f, 1 * MS, 1000);
    rs_memory_store_set_away(f->store, true);
    for (int p = 0; p < 6; p++) { /* more than there are batches */
        append(f, p, T0, "b", 1);
        assign(f, p);
    }
    run_for(f, 12 * SECOND);
    for (int i = 0; i < 100; i++) {
        at_once += rs_worker_step(f->worker) <= f->clock.monotonic_us;
    }
    assert_true(at_once < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_an_idle_worker_sleeps),
        LOG_TEST(test_a_crash_loses_nothing_and_counts_nothing_twice),
        LOG_TEST(test_the_seal_waits_for_the_dead_letters_it_covers),
        LOG_TEST(test_a_doubtful_append_is_settled_by_the_log),
        LOG_TEST(test_groups_that_a_failover_brought_back_are_dropped),
        LOG_TEST(test_a_silent_batch_that_is_stuck_holds_up_no_input),
        LOG_TEST(test_input_waits_for_a_log_that_is_stuck),
        LOG_TEST(test_an_event_goes_before_the_rest_of_a_large_batch),
        LOG_TEST(test_a_damaged_log_stops_this_partition_only),
        LOG_TEST(test_a_rebuild_from_an_offset_begins_there_also_after_a_crash),
        LOG_TEST(test_a_stopped_partition_with_an_open_batch_holds_up_no_other),
        LOG_TEST(test_no_free_batch_is_no_reason_to_spin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
