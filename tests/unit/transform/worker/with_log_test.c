/* The worker and a durable state log, in virtual time: crashes, hand-overs, doubts, dead letters. */
#include "tests/lib/fake_log.h"
#include "tests/lib/virtual_clock.h"
#include "tests/lib/worker_fixture.h"
#include "transform/statelog/protocol.h"
#include "transform/statelog/record.h"

static struct fake_log shared;
static struct fake_io io, other_io;
static struct rs_durable_log *durable, *other;

static struct rs_durable_log *open_log(struct fixture *f, struct fake_io *with)
{
    struct rs_durable_log *log = NULL;
    fake_io_init(with, &shared);
    const struct rs_durable_log_options options = {
        .workers = 1,
        .io = fake_io_table(with),
        .streams = f->streams,
        .clock = &f->clock.clock,
    };
    OK(rs_durable_log_new(&options, &log, &f->error));
    return log;
}

static int setup_log(void **state)
{
    memset(&shared, 0, sizeof shared);
    shared.committed = -1;
    int rc = setup(state);
    struct fixture *f = *state;
    durable = open_log(f, &io);
    other = open_log(f, &other_io);
    f->other_log = rs_durable_log_table(durable);
    return rc;
}

static int teardown_log(void **state)
{
    int rc = teardown(state);
    rs_durable_log_free(&durable);
    rs_durable_log_free(&other);
    fake_io_free(&io);
    fake_io_free(&other_io);
    fake_log_free(&shared);
    return rc;
}

/* The process is gone, with all that was under way; another begins. */
static void crash(struct fixture *f)
{
    rs_worker_free(&f->worker);
    rs_durable_log_free(&durable);
    fake_io_free(&io);
    durable = open_log(f, &io);
    f->other_log = rs_durable_log_table(durable);
    OK(rs_memory_source_tell(f->source, RS_SOURCE_REVOKED, 0, 0, NULL, &f->error));
    struct rs_source table = rs_memory_source_table(f->source);
    struct rs_source_event event;
    while (table.ops->take(table.self, 0, &event)) {
        if (event.kind == RS_SOURCE_RECORDS) {
            table.ops->release(table.self, 0);
        } else if (event.kind == RS_SOURCE_REVOKED) {
            table.ops->done(table.self, 0, 0);
        }
    }
    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
}

static void test_an_idle_worker_sleeps(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
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

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
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

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
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

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    for (int i = 0; i < 3; i++) {
        run_for(f, 2 * SECOND);
        fake_fate(&io, FAKE_FINE); /* the chunk */
        fake_fate(&io, fates[i]);  /* the seal */
        append(f, 0, T0 + i * SECOND, "a", 1);
        run_for(f, 3 * SECOND);
        assert_int_equal(rs_memory_source_committed(f->source, 0, 0), i + 1);
        char expected[8];
        (void)snprintf(expected, sizeof expected, "%d", i + 1);
        assert_field(f, "minute", "a", "n", expected);
    }
    assert_non_null(strstr(f->said, "the state log is read again"));
}

static void test_a_lost_partition_is_dropped_and_claimed_again_if_still_assigned(void **state)
{
    struct fixture *f = *state;
    struct rs_state_log table = rs_durable_log_table(other);
    struct rs_state_event event;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    OK(table.ops->claim(table.self, (struct rs_partition_id){0, 0, 0}, &f->error));
    while (table.ops->take(table.self, 0, &event)) {
    }
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_CLAIMING);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 1);
    assert_non_null(strstr(f->said, "the state log has another claim, so this instance drops it"));
    run_for(f, 10 * SECOND);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_RUNNING);
    run_for(f, 2 * SECOND);
    assert_field(f, "minute", "a", "n", "2");
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
}

/* One who was paused while claiming takes the partition, changes what Redis holds and goes away: neither
 * input nor time would ever make the idle owner write. */
static void test_an_idle_owner_that_lost_everything_notices(void **state)
{
    struct fixture *f = *state;
    struct rs_state_log table = rs_durable_log_table(other);
    struct rs_state_event event;
    uint64_t token = 0;
    uint64_t now = 0;
    int64_t offset = 0;
    int64_t shown_us = 0;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 5 * MINUTE); /* every window has ended and drained */
    OK(table.ops->claim(table.self, (struct rs_partition_id){0, 0, 0}, &f->error));
    while (table.ops->take(table.self, 0, &event)) {
        token = event.kind == RS_STATE_CLAIMED ? event.token : token;
    }
    assert_true(rs_memory_store_fence(f->store, "ticks", 0, &now, &offset, &shown_us));
    assert_true(token > now);
    rs_memory_store_set_fence(f->store, "ticks", 0, token, offset, shown_us);
    struct rs_memory_store_counts before, after;
    rs_memory_store_counts(f->store, &before);
    run_for(f, 21 * SECOND);
    assert_non_null(strstr(f->said, "Redis has a newer token, so this instance drops it"));
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_RUNNING);
    assert_true(rs_memory_store_fence(f->store, "ticks", 0, &now, &offset, &shown_us));
    assert_true(now > token);
    rs_memory_store_counts(f->store, &after);
    assert_true(after.operations > before.operations);
}

static void ask_for_a_rebuild(struct fixture *f, int64_t from)
{
    struct rs_buf bytes = {0};
    const struct rs_state_record record = {
        .kind = RS_RECORD_CLAIM,
        .identity = rs_state_identity(f->streams->group, f->streams->items[0].name, 0),
        .token = -1,
        .claim = {.flags = RS_CLAIM_REBUILD, .from_offset = from},
    };
    (void)rs_state_record_write(&record, &bytes);
    rs_buf_put(&shared.records[shared.end++], bytes.data, bytes.size);
    rs_buf_fini(&bytes);
}

/* Another instance claims the partition, at the fence too if asked. */
static uint64_t claim_elsewhere(struct fixture *f)
{
    struct rs_state_log table = rs_durable_log_table(other);
    struct rs_state_event event;
    uint64_t token = 0;

    OK(table.ops->claim(table.self, (struct rs_partition_id){0, 0, 0}, &f->error));
    while (table.ops->take(table.self, 0, &event)) {
        token = event.kind == RS_STATE_CLAIMED ? event.token : token;
    }
    assert_true(token > 0);
    return token;
}

static void test_what_is_revoked_is_served_until_another_claims_it(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    run_for(f, 100 * MS);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), -1);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 10 * MS);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 1); /* sealed at once, and then often */
    append(f, 0, T0 + 1, "a", 2);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_LEAVING);
    assert_field(f, "minute", "a", "total", "3");
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
    run_for(f, 5 * SECOND);
    assert_true(rs_memory_source_owned(f->source, 0, 0));
    (void)claim_elsewhere(f);
    append(f, 0, T0 + 2, "a", 4);
    run_for(f, 500 * MS);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0),
                     2); /* what it sealed since does not count */
    int64_t end = shared.end;
    run_for(f, 60 * SECOND);
    assert_int_equal(shared.end, end); /* it does not claim again */
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

static uint64_t hashes(struct fixture *f)
{
    struct rs_memory_store_counts counts;

    rs_memory_store_counts(f->store, &counts);
    return counts.hashes;
}

static void test_groups_that_a_failover_brought_back_are_dropped(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    append(f, 0, T0, "", 2);
    append(f, 0, T0, "x:%", 4);
    run_for(f, SECOND);
    uint64_t before = hashes(f);
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
    assert_in_range(hashes(f), before + 1, before + 2);
    append(f, 0, T0 + 1, "gone", 1); /* it may come again */
    run_for(f, SECOND);
    assert_field(f, "minute", "gone", "total", "1");
}

struct totals {
    uint64_t counted, state, aggregate_counted, aggregate_state;
};

static void read_totals(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    struct totals *totals = ctx;

    *totals = (struct totals){0};
    for (size_t i = 0; i < snapshot->count_count; i++) {
        totals->counted += snapshot->counts[i].events.applied;
    }
    for (size_t i = 0; i < snapshot->partition_count; i++) {
        totals->state += snapshot->partitions[i].state.events.applied;
    }
    totals->aggregate_counted = snapshot->aggregates[0].events.applied;
    totals->aggregate_state = snapshot->aggregates[0].state.events.applied;
}

static void assert_totals(struct fixture *f, uint64_t counted, uint64_t state)
{
    struct totals totals;

    run_for(f, 250 * MS);
    rs_worker_snapshot(f->worker, read_totals, &totals);
    assert_int_equal(totals.counted, counted);
    assert_int_equal(totals.aggregate_counted, counted);
    assert_int_equal(totals.state, state);
    assert_int_equal(totals.aggregate_state, state);
}

/* What a partition's state has counted moves with it, and comes back with what another process did; the
 * counters of this process only rise, by what it did itself. */
static void test_counters_only_rise(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    run_for(f, 100 * MS);
    append(f, 0, T0, "a", 1);
    append(f, 0, T0 + 1, "a", 2);
    assert_totals(f, 2, 2);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 10 * MS);
    append(f, 0, T0 + 2, "a", 4); /* between two snapshots */
    run_for(f, 10 * MS);
    (void)claim_elsewhere(f);
    run_for(f, 500 * MS);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    assert_totals(f, 3, 0);
    assign(f, 0);
    run_for(f, 500 * MS);
    struct totals totals;
    run_for(f, 250 * MS);
    rs_worker_snapshot(f->worker, read_totals, &totals);
    assert_int_equal(totals.state, 3);
    assert_in_range(totals.counted, 3, 4); /* what was not sealed is done again */
    append(f, 0, T0 + 3, "a", 8);
    assert_totals(f, totals.counted + 1, 4);
}

/* Redis tells first. */
static void test_what_is_revoked_is_dropped_when_it_is_fenced(void **state)
{
    struct fixture *f = *state;
    uint64_t token = 0;
    int64_t offset = 0;
    int64_t shown_us = 0;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 100 * MS);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 100 * MS);
    assert_true(rs_memory_store_fence(f->store, "ticks", 0, &token, &offset, &shown_us));
    rs_memory_store_set_fence(f->store, "ticks", 0, token + 7, offset, shown_us);
    append(f, 0, T0 + 1, "a", 2);
    run_for(f, 10 * MS);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    assert_field(f, "minute", "a", "total", "1");
    assert_null(strstr(f->said, "was deleted and created again")); /* nothing to worry about */
}

static void test_what_nobody_claims_is_sealed_and_let_go(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    run_for(f, 100 * MS);
    append(f, 0, T0, "a", 1);
    append(f, 0, T0 + 1, "b", 2);
    run_for(f, 10 * MS);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 29 * SECOND);
    assert_true(rs_memory_source_owned(f->source, 0, 0));
    append(f, 0, T0 + 2, "b", 3);
    run_for(f, 2 * SECOND);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 3);
    assign(f, 0);
    run_for(f, 100 * MS);
    assert_int_equal(rs_memory_source_started(f->source, 0, 0), 3);
    assert_field(f, "minute", "b", "total", "5");
}

static void test_what_comes_back_before_it_is_let_go_is_kept(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    uint64_t token = look(f, 0).status.token;
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, SECOND);
    assign(f, 0);
    append(f, 0, T0 + 1, "a", 2);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_RUNNING);
    run_for(f, 60 * SECOND);
    assert_true(rs_memory_source_owned(f->source, 0, 0));
    assert_field(f, "minute", "a", "total", "3");
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
    assert_int_equal(look(f, 0).status.token, token); /* nobody had to claim it */
}

/* Away and back, before it has heard that the other had claimed it: neither input nor a silent batch is due.
 */
static void test_what_was_claimed_in_between_is_claimed_again_at_once(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    for (int i = 0; i < 5; i++) {
        tell(f, RS_SOURCE_REVOKED, 0);
        run_for(f, i * 40 * MS);
        uint64_t other_token = claim_elsewhere(f);
        assign(f, 0);
        run_for(f, 250 * MS);
        struct one_partition one = look(f, 0);
        assert_int_equal(one.status.phase, RS_PARTITION_RUNNING);
        assert_true(one.status.token > other_token);
        append(f, 0, T0 + 1, "a", 1);
        run_for(f, 2 * SECOND);
        assert_int_equal(rs_memory_source_committed(f->source, 0, 0), i + 2);
        run_for(f, 20 * SECOND);
    }
}

/* The other's claim was under way when the partition came back. */
static void test_a_claim_that_comes_after_the_partition_is_heard_of(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 100 * MS);
    assign(f, 0);
    run_for(f, 5 * SECOND);
    uint64_t other_token = claim_elsewhere(f);
    run_for(f, 500 * MS);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.phase, RS_PARTITION_RUNNING);
    assert_true(one.status.token > other_token);
    for (int i = 0; i < 3; i++) { /* a few times: the other is not to be fought for the partition */
        (void)claim_elsewhere(f);
        run_for(f, 500 * MS);
    }
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_CLAIMING);
    run_for(f, 12 * SECOND);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_RUNNING);
    int64_t end = shared.end;
    run_for(f, 120 * SECOND);
    assert_true(shared.end - end <=
                14); /* a claim, and a silent batch now and then: no longer five a second */
}

/* Redis tells first. */
static void test_what_comes_back_and_is_fenced_is_claimed_again_at_once(void **state)
{
    struct fixture *f = *state;
    uint64_t token = 0;
    int64_t offset = 0;
    int64_t shown_us = 0;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 100 * MS);
    assert_true(rs_memory_store_fence(f->store, "ticks", 0, &token, &offset, &shown_us));
    rs_memory_store_set_fence(f->store, "ticks", 0, claim_elsewhere(f), offset, shown_us);
    append(f, 0, T0, "a", 1);
    assign(f, 0);
    run_for(f, 500 * MS);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_RUNNING);
    assert_field(f, "minute", "a", "n", "2");
}

/* Nothing was ever read or sealed: there is nothing to serve on, and no seal would tell of another's claim.
 */
static void test_what_was_never_sealed_is_let_go_at_once(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    run_for(f, SECOND);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 1 * MS);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    tell(f, RS_SOURCE_REVOKED, 0); /* now there is something: sealed at once, and served */
    run_for(f, 100 * MS);
    assert_true(rs_memory_source_owned(f->source, 0, 0));
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 1);
    assert_field(f, "minute", "a", "n", "1");
}

/* Neither input nor Redis tells, so a batch without news has to. */
static void test_a_silent_owner_hears_of_a_claim(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    ask_for_a_rebuild(f, 0);
    run_for(f, 11 * SECOND);
    assert_non_null(strstr(f->said, "the state log has another claim"));
    run_for(f, 11 * SECOND);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_RUNNING);
    assert_field(f, "minute", "a", "n", "1");
    int64_t end = shared.end;
    run_for(f, 60 * SECOND);
    assert_true(shared.end - end <= 7); /* seals, and few of them */
}

/* It was about to be let go, and what came meanwhile was passed over. */
static void test_what_comes_back_while_it_leaves_misses_nothing(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    f->letters.acknowledged = 0; /* the last seal waits for dead letters */
    tell(f, RS_SOURCE_REVOKED, 0);
    append(f, 0, T0 + 1, "a", 2);
    run_for(f, 31 * SECOND);
    append(f, 0, T0 + 2, "a", 4);
    run_for(f, 100 * MS);
    assert_field(f, "minute", "a", "total", "3");
    assign(f, 0);
    f->letters.acknowledged = INT64_MAX;
    run_for(f, 3 * SECOND);
    assert_field(f, "minute", "a", "total", "7");
    assert_int_equal(look(f, 0).status.state.events.consumed, 3);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 3);
}

/* A batch without news that the log does not take holds nothing up. */
static void test_a_silent_batch_that_is_stuck_holds_up_no_input(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    fake_fate(&io, FAKE_DELAYED);
    run_for(f, 40 * SECOND);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    assert_field(f, "minute", "a", "n", "2");
    fake_land(&io);
    run_for(f, 3 * SECOND);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
}

/* The group takes a partition away while the worker stops: what is on its way is sealed all the same. */
static void test_a_revocation_does_not_cut_a_stop_short(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    run_for(f, 100 * MS);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    f->letters.acknowledged = 0; /* the seal waits for dead letters */
    append(f, 0, T0 + 1, "a", 2);
    run_for(f, 10 * MS);
    rs_worker_stop(f->worker);
    run_for(f, 10 * MS);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 10 * MS);
    f->letters.acknowledged = INT64_MAX;
    run_for(f, 500 * MS);
    assert_true(rs_worker_stopped(f->worker));
    assert_field(f, "minute", "a", "total", "3");
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
}

/* It stops while what was revoked is still served, and what is not claimed is sealed. */
static void test_a_stop_ends_the_serving(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    tell(f, RS_SOURCE_REVOKED, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    rs_worker_stop(f->worker);
    run_for(f, 500 * MS);
    assert_true(rs_worker_stopped(f->worker));
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
}

static void test_input_waits_for_a_log_that_is_stuck(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    run_for(f, 100 * MS);
    append(f, 0, T0, "a", 1);
    fake_fate(&io, FAKE_DELAYED);
    fake_fate(&io, FAKE_DELAYED);
    run_for(f, 20 * SECOND);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    assert_field(f, "minute", "a", "n", "1");
    assert_int_equal(look(f, 0).waiting, RS_WAITING_STATE_LOG);
    assert_non_null(strstr(f->said, "the state log has not answered for a while"));
    fake_land(&io);
    run_for(f, SECOND);
    assert_field(f, "minute", "a", "n", "2");
    assert_int_equal(look(f, 0).waiting, RS_WAITING_NOT);
}

static void test_a_damaged_log_stops_this_partition_only(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    int64_t end = shared.end;
    shared.records[1].data[50] ^= 1;
    crash(f);
    run_for(f, SECOND);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.phase, RS_PARTITION_STOPPED);
    assert_non_null(strstr(one.status.error, "state log test.state.ticks partition 0: "));
    append(f, 0, T0, "a", 1);
    run_for(f, 5 * SECOND);
    assert_int_equal(shared.end, end + 1); /* the claim */
    assert_field(f, "minute", "a", "n", "1");
}

static void test_a_rebuild_from_an_offset_begins_there_also_after_a_crash(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++) {
        append(f, 0, T0, "a", 1);
    }
    ask_for_a_rebuild(f, 3);
    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    run_for(f, 5 * SECOND);
    assert_int_equal(rs_memory_source_started(f->source, 0, 0), 3);
    assert_true(shared.end <= 3); /* the two claims, and one seal */
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
    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
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
#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup_log, teardown_log)
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_an_idle_worker_sleeps),
        LOG_TEST(test_what_was_claimed_in_between_is_claimed_again_at_once),
        LOG_TEST(test_a_claim_that_comes_after_the_partition_is_heard_of),
        LOG_TEST(test_what_comes_back_and_is_fenced_is_claimed_again_at_once),
        LOG_TEST(test_what_was_never_sealed_is_let_go_at_once),
        LOG_TEST(test_a_crash_loses_nothing_and_counts_nothing_twice),
        LOG_TEST(test_the_seal_waits_for_the_dead_letters_it_covers),
        LOG_TEST(test_a_doubtful_append_is_settled_by_the_log),
        LOG_TEST(test_a_lost_partition_is_dropped_and_claimed_again_if_still_assigned),
        LOG_TEST(test_an_idle_owner_that_lost_everything_notices),
        LOG_TEST(test_what_is_revoked_is_served_until_another_claims_it),
        LOG_TEST(test_counters_only_rise),
        LOG_TEST(test_groups_that_a_failover_brought_back_are_dropped),
        LOG_TEST(test_what_is_revoked_is_dropped_when_it_is_fenced),
        LOG_TEST(test_what_nobody_claims_is_sealed_and_let_go),
        LOG_TEST(test_what_comes_back_before_it_is_let_go_is_kept),
        LOG_TEST(test_a_silent_owner_hears_of_a_claim),
        LOG_TEST(test_what_comes_back_while_it_leaves_misses_nothing),
        LOG_TEST(test_a_silent_batch_that_is_stuck_holds_up_no_input),
        LOG_TEST(test_a_revocation_does_not_cut_a_stop_short),
        LOG_TEST(test_a_stop_ends_the_serving),
        LOG_TEST(test_input_waits_for_a_log_that_is_stuck),
        LOG_TEST(test_a_damaged_log_stops_this_partition_only),
        LOG_TEST(test_a_rebuild_from_an_offset_begins_there_also_after_a_crash),
        LOG_TEST(test_a_stopped_partition_with_an_open_batch_holds_up_no_other),
        LOG_TEST(test_no_free_batch_is_no_reason_to_spin),
    };
    return cmocka_run_group_tests_name("worker_log", tests, NULL, NULL);
}
