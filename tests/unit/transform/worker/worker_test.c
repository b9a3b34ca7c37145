/* The worker in virtual time, between a log in memory and a store in memory. */
#include "tests/lib/virtual_clock.h"
#include "tests/lib/worker_fixture.h"

#include <pthread.h>

static void test_the_first_change_goes_out_at_once_and_the_next_after_the_interval(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 100 * MS, 1000);
    assign(f, 0);
    run_for(f, 500 * MS);
    append(f, 0, T0 + SECOND, "a", 7);
    (void)rs_worker_step(f->worker);
    assert_field(f, "minute", "a", "total", "7");
    append(f, 0, T0 + 2 * SECOND, "a", 3);
    int64_t due = rs_worker_step(f->worker);
    assert_field(f, "minute", "a", "total", "7");
    assert_true(due <= f->clock.monotonic_us + 100 * MS);
    rs_clock_virtual_advance(&f->clock, 99 * MS);
    (void)rs_worker_step(f->worker);
    assert_field(f, "minute", "a", "total", "7");
    rs_clock_virtual_advance(&f->clock, 1 * MS);
    (void)rs_worker_step(f->worker);
    assert_field(f, "minute", "a", "total", "10");
}

static void test_windows_end_in_idle_time_at_wall_clock_rate(void **state)
{
    struct fixture *f = *state;

    begin(f);
    append(f, 0, T0 + 10 * SECOND, "a", 1);
    run_for(f, 0);
    run_for(f, 49 * SECOND + 900 * MS);
    assert_false(has_history(f, "a", T0));
    run_for(f, 102 * MS);
    assert_true(has_history(f, "a", T0));
    assert_field(f, "minute", "a", "total", "1");
}

static void test_a_sliding_window_drains_second_by_second(void **state)
{
    struct fixture *f = *state;

    begin(f);
    append(f, 0, T0, "a", 1);
    append(f, 0, T0 + 3 * SECOND, "a", 1);
    run_for(f, 1 * MS);
    assert_field(f, "slide", "a", "n", "2");
    run_for(f, 5900 * MS); /* shown: T0 + 8.9 s, window from T0 - 1 s on */
    assert_field(f, "slide", "a", "n", "2");
    run_for(f, 200 * MS);
    assert_field(f, "slide", "a", "n", "2");
    run_for(f, 1 * SECOND); /* T0 + 10.1 s: the window begins after T0 */
    assert_field(f, "slide", "a", "n", "1");
    run_for(f, 3 * SECOND);
    assert_field(f, "slide", "a", "n", "0");
    assert_field(f, "slide", "a", "event_time", "");
}

static void test_shown_time_never_jumps_over_time_the_worker_missed(void **state)
{
    struct fixture *f = *state;

    begin(f);
    append(f, 0, T0, "a", 1);
    int64_t before = look(f, 0).status.state.now_shown_us;
    assert_true(before >= T0);
    rs_clock_virtual_advance(&f->clock, 3600 * SECOND);
    int64_t after = look(f, 0).status.state.now_shown_us;
    assert_true(after - before <= 3 * SECOND);
}

static void test_shown_time_stands_still_while_records_wait(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 10 * MS);
    f->letters.full = true;
    append_bad(f, 0);
    int64_t before = look(f, 0).status.state.now_shown_us;
    struct one_partition later = look(f, 0);
    assert_int_equal(later.status.state.now_shown_us, before);
    assert_false(later.status.at_end);
}

/* Records that are in the log and do not come are no silence: lag says so, and time does not go on without
 * them. */
static void test_what_a_transaction_holds_back_is_lag_and_no_end(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 2 * SECOND);
    assert_true(look(f, 0).status.at_end);
    rs_memory_source_withhold(f->source, 0, 0, 1001);
    run_for(f, 2 * SECOND);
    struct one_partition held = look(f, 0);
    assert_false(held.status.at_end);
    assert_int_equal(held.status.end_offset - held.status.state.next_offset, 1001);
    run_for(f, 100 * SECOND);
    assert_int_equal(look(f, 0).status.state.now_shown_us, held.status.state.now_shown_us);
    append(f, 0, T0 + SECOND, "a",
           1); /* the transaction has ended: what it held back comes, or was aborted */
    run_for(f, 1 * SECOND);
    assert_true(look(f, 0).status.at_end);
    run_for(f, 10 * SECOND);
    assert_true(look(f, 0).status.state.now_shown_us > held.status.state.now_shown_us);
}

static void test_full_dead_letters_hold_the_record_and_what_follows(void **state)
{
    struct fixture *f = *state;

    begin(f);
    f->letters.full = true;
    append(f, 0, T0, "a", 1);
    append_bad(f, 0);
    append(f, 0, T0, "a", 10);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.state.next_offset, 1);
    assert_int_equal(one.status.state.events.consumed, 1);
    assert_int_equal(one.waiting, RS_WAITING_DEAD_LETTERS);
    assert_field(f, "minute", "a", "total", "1");
    run_for(f, 2 * SECOND);
    assert_non_null(
        strstr(f->reports.text, "input waits: the dead-letter topic ticks.topic.dlq takes nothing"));
    f->letters.full = false;
    one = look(f, 0);
    assert_int_equal(one.status.state.next_offset, 3);
    assert_int_equal(one.status.state.events.applied, 2);
    assert_int_equal(one.status.state.events.rejected, 1);
    assert_int_equal(one.waiting, RS_WAITING_NOT);
    assert_int_equal(one.waits, 1);
    assert_int_equal(f->letters.count, 1);
    assert_int_equal(f->letters.last, RS_REASON_RULE);
    assert_field(f, "minute", "a", "total", "11");
    assert_non_null(strstr(f->reports.text, "input goes on after"));
}

static void test_a_revocation_is_heard_while_input_waits(void **state)
{
    struct fixture *f = *state;

    begin(f);
    assign(f, 1);
    f->letters.full = true;
    append_bad(f, 0);
    append(f, 1, T0, "b", 5);
    run_for(f, 100 * MS);
    assert_field(f, "minute", "b", "total", "");
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 100 * MS);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    assert_field(f, "minute", "b", "total", "5"); /* the run of the partition that left no longer blocks */
    assert_int_equal(f->letters.count, 0);
}

static void test_a_held_run_does_not_outlive_its_ownership(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 10 * MS);
    f->letters.full = true;
    append_bad(f, 0);
    append(f, 0, T0, "a", 10);
    run_for(f, 10 * MS);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 10 * MS);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    assert_int_equal(look(f, 0).waiting, RS_WAITING_NOT);
    f->letters.full = false;
    assign(f, 0);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.state.events.consumed, 3);
    assert_int_equal(one.status.state.next_offset, 3);
    assert_field(f, "minute", "a", "total", "11");
}

static void test_input_waits_for_history_and_loses_none(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 2);
    assign(f, 0);
    rs_memory_store_set_away(f->store, true);
    for (int minute = 0; minute < 5; minute++) {
        append(f, 0, T0 + minute * MINUTE, "a", 100 + minute);
        run_for(f, 300 * MS);
    }
    struct one_partition one = look(f, 0);
    assert_int_equal(one.waiting, RS_WAITING_HISTORY);
    assert_true(one.status.state.next_offset < 5);
    assert_false(has_history(f, "a", T0));
    rs_memory_store_set_away(f->store, false);
    one = look(f, 0);
    assert_int_equal(one.waiting, RS_WAITING_NOT);
    assert_int_equal(one.status.state.next_offset, 5);
    for (int minute = 0; minute < 4; minute++) {
        assert_true(has_history(f, "a", T0 + minute * MINUTE));
    }
    assert_field(f, "minute", "a", "total", "104");
}

static void test_nothing_is_published_before_the_fence_is_passed(void **state)
{
    struct fixture *f = *state;

    rs_memory_store_set_fence(f->store, "ticks", 0, 1, 3, T0 + 20 * SECOND);
    begin(f);
    append(f, 0, T0, "a", 1);
    append(f, 0, T0, "a", 2);
    struct one_partition one = look(f, 0);
    assert_field(f, "minute", "a", "total", "");
    assert_int_equal(one.status.quiet_until, 3);
    assert_non_null(strstr(f->reports.text, "partition 0: Redis shows it up to offset 3 already"));
    append(f, 0, T0, "a", 4);
    one = look(f, 0);
    assert_field(f, "minute", "a", "total", "7");
    assert_int_equal(one.status.quiet_until, 0);
    assert_true(one.status.state.now_shown_us >= T0 + 20 * SECOND); /* readers had seen that already */
    assert_null(strstr(f->reports.text, "deleted and created again"));
}

/* A new owner that has read past its predecessor's offset before Redis answers it for the first time is
 * behind nothing, and yet readers have seen a later time than its input leads to. */
static void test_shown_time_goes_on_behind_a_fence_that_is_passed(void **state)
{
    struct fixture *f = *state;

    rs_memory_store_set_fence(f->store, "ticks", 0, 1, 1, T0 + 90 * SECOND);
    open_worker(f, 1 * MS, 1000);
    assign(f, 1);
    run_for(f, SECOND);
    rs_memory_store_set_away(f->store, true);
    for (int i = 0; i < 8; i++) { /* until no batch is free for the other partition to ask with */
        append(f, 1, T0, "b", 1);
        run_for(f, 100 * MS);
    }
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    append(f, 0, T0, "a", 2);
    run_for(f, SECOND);
    rs_memory_store_set_away(f->store, false);
    run_for(f, SECOND);
    struct one_partition one = look(f, 0);
    assert_field(f, "minute", "a", "total", "3");
    assert_true(one.status.state.now_shown_us >= T0 + 90 * SECOND);
    assert_true(has_history(f, "a", T0));
}

/* Nothing of it can leave before input has come so far: to wait for that would be for ever. */
static void test_input_behind_the_fence_does_not_wait_for_history(void **state)
{
    struct fixture *f = *state;

    rs_memory_store_set_fence(f->store, "ticks", 0, 1, 8, T0);
    open_worker(f, 1 * MS, 2);
    assign(f, 0);
    for (int minute = 0; minute < 8; minute++) {
        append(f, 0, T0 + minute * MINUTE, "a", 100 + minute);
        run_for(f, 300 * MS);
    }
    struct one_partition one = look(f, 0);
    assert_int_equal(one.waiting, RS_WAITING_NOT);
    assert_int_equal(one.status.state.next_offset, 8);
    for (int minute = 3; minute < 7; minute++) {
        assert_true(has_history(f, "a", T0 + minute * MINUTE));
    }
}

static void test_what_was_shown_later_is_not_shown_earlier_again(void **state)
{
    struct fixture *f = *state;

    rs_memory_store_set_fence(f->store, "ticks", 0, 1, 3, T0 + 30 * SECOND);
    open_worker(f, 1 * MS, 1000);
    for (int i = 0; i < 5; i++) {
        append(f, 0, T0, "a", 1);
    }
    assign(f, 0);
    (void)rs_worker_step(f->worker);
    struct fence fence = fence_of(f);
    assert_true(fence.token > 1); /* taken before anything was published */
    assert_int_equal(fence.offset, 3);
    for (int i = 0; i < 20; i++) { /* the first that is published is past the fence in both */
        run_for(f, 1 * MS);
        struct rs_slice n = rs_memory_store_field(f->store, "slide", "a", "n");
        assert_true(!n.data || (n.size == 1 && n.data[0] == '0'));
    }
    assert_field(f, "slide", "a", "n", "0");
    assert_field(f, "minute", "a", "n", "5");
}

static void test_a_fence_beyond_the_log_is_told_once(void **state)
{
    struct fixture *f = *state;

    rs_memory_store_set_fence(f->store, "ticks", 0, 1, 1000, T0);
    begin_with_one(f, 29 * SECOND);
    assert_null(strstr(f->reports.text, "deleted and created again"));
    run_for(f, 3 * SECOND);
    const char *told = strstr(f->reports.text, "the topic seems to have been deleted and created again");
    assert_non_null(told);
    assert_non_null(strstr(f->reports.text, "delete the Redis key rs:fence:test:ticks.topic:0"));
    run_for(f, 60 * SECOND);
    assert_null(strstr(told + 1, "the topic seems to have been deleted"));
}

/* The names in Redis are another consumer group's: publishing waits, input and state go on, and once the
 * names are given over everything is there. */
static void test_what_is_refused_waits_and_is_told(void **state)
{
    struct fixture *f = *state;

    rs_memory_store_set_refusal(f->store,
                                "aggregate minute under prefix rs belongs to consumer group market");
    begin(f);
    append(f, 0, T0, "a", 1);
    append(f, 0, T0 + 90 * SECOND, "a", 2);
    run_for(f, 25 * SECOND); /* the same is told again after 30 */
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.waits_for, RS_WAITING_NAMES);
    assert_int_equal(one.status.phase, RS_PARTITION_RUNNING);
    assert_int_equal(one.status.state.next_offset, 2);
    assert_non_null(strstr(one.status.error, "belongs to consumer group market"));
    assert_field(f, "minute", "a", "total", "");
    const char *told =
        strstr(f->reports.text, "0 stream ticks partition 0 is not published: aggregate minute");
    assert_non_null(told);
    assert_null(strstr(strchr(told, '\n'), "is not published"));
    rs_memory_store_set_refusal(f->store, NULL);
    run_for(f, 5 * SECOND);
    one = look(f, 0);
    assert_int_equal(one.status.waits_for, RS_WAITING_NOT);
    assert_string_equal(one.status.error, "");
    assert_field(f, "minute", "a", "total", "2");
    assert_true(has_history(f, "a", T0));
}

/* Another group had the names for a while: what it wrote under them would stay where nothing changes. */
static void test_what_was_published_before_a_refusal_is_sent_again_after_it(void **state)
{
    struct fixture *f = *state;

    begin(f);
    append(f, 0, T0, "a", 1);
    append(f, 0, T0, "b", 2);
    run_for(f, 5 * MINUTE);
    uint64_t before = counts_of(f).operations;
    assert_true(before >= 2);
    run_for(f, MINUTE);
    assert_int_equal(counts_of(f).operations, before);
    rs_memory_store_set_refusal(f->store, "the names belong to consumer group market");
    run_for(f, MINUTE);
    assert_int_equal(look(f, 0).status.waits_for, RS_WAITING_NAMES);
    rs_memory_store_set_refusal(f->store, NULL);
    run_for(f, MINUTE);
    assert_true(counts_of(f).operations >= before + 2);
}

static void test_a_larger_token_makes_the_worker_drop_the_partition(void **state)
{
    struct fixture *f = *state;

    rs_memory_store_set_fence(f->store, "ticks", 0, RS_STATE_TOKEN_MAX, 0, T0);
    begin(f);
    assign(f, 1);
    append(f, 0, T0, "a", 1);
    append(f, 1, T0, "b", 2);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.phase, RS_PARTITION_FENCED);
    assert_non_null(strstr(one.status.error, "another instance publishes it with a newer token"));
    assert_non_null(strstr(f->reports.text, "0 stream ticks partition 0: another instance publishes it"));
    append(f, 0, T0, "a", 1);
    append(f, 1, T0, "b", 2);
    run_for(f, 100 * MS);
    assert_field(f, "minute", "a", "total", "");
    assert_field(f, "minute", "b", "total", "4");
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 10 * MS);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
}

static void test_a_wiped_store_is_filled_again(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 10 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    append(f, 0, T0, "b", 2);
    run_for(f, 50 * MS);
    rs_memory_store_wipe(f->store);
    assert_field(f, "minute", "a", "total", "");
    run_for(f, 50 * MS);
    assert_field(f, "minute", "a", "total", "1");
    assert_field(f, "minute", "b", "total", "2");
    assert_field(f, "slide", "b", "n", "1");
}

static void test_a_revoked_partition_is_published_and_committed_first(void **state)
{
    struct fixture *f = *state;

    open_worker(f, SECOND, 1000);
    assign(f, 0);
    run_for(f, 10 * MS);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    assert_field(f, "minute", "a", "total", "1");
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 2 * SECOND);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    assert_field(f, "minute", "a", "total", "2");
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
    assert_int_equal(f->log.releases, 1);
    assert_int_equal(look(f, 0).count, 0);
}

/* Without a durable log a revoked partition leaves at once; here Redis is away, so that it takes long.
 */
static void test_a_partition_that_comes_back_while_it_leaves_misses_nothing(void **state)
{
    struct fixture *f = *state;

    begin(f);
    run_for(f, 10 * MS);
    rs_memory_store_set_away(f->store, true);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 10 * MS);
    append(f, 0, T0, "a", 2);
    run_for(f, 10 * MS);
    assign(f, 0);
    rs_memory_store_set_away(f->store, false);
    run_for(f, SECOND);
    assert_field(f, "minute", "a", "total", "3");
    assert_int_equal(look(f, 0).status.state.events.consumed, 2);
}

/* The next owner did not wait, and its token is newer. */
static void test_a_partition_that_is_fenced_while_it_leaves_is_let_go(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 100 * MS);
    struct fence fence = fence_of(f);
    rs_memory_store_set_away(f->store, true);
    append(f, 0, T0, "a", 2);
    run_for(f, 10 * MS);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 10 * MS);
    assert_true(rs_memory_source_owned(f->source, 0, 0));
    move_fence(f, fence.token + 7);
    rs_memory_store_set_away(f->store, false);
    run_for(f, 100 * MS);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
}

static void test_a_stop_passes_a_partition_that_cannot_go_on(void **state)
{
    struct fixture *f = *state;

    begin(f);
    run_for(f, 10 * MS);
    rs_memory_store_set_away(f->store, true);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    rs_worker_stop(f->worker);
    run_for(f, 10 * MS);
    tell(f, RS_SOURCE_STOPPED, 0);
    run_for(f, 100 * MS);
    assert_true(rs_worker_stopped(f->worker));
}

static void test_a_store_that_is_away_delays_a_revocation_only_so_long(void **state)
{
    struct fixture *f = *state;

    begin(f);
    append(f, 0, T0, "a", 1);
    rs_memory_store_set_away(f->store, true);
    run_for(f, 10 * MS);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 1900 * MS);
    assert_true(rs_memory_source_owned(f->source, 0, 0));
    run_for(f, 200 * MS);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    /* The partition comes back; the batch of its first life is not taken for one of its second. */
    assign(f, 0);
    run_for(f, 10 * MS);
    append(f, 0, T0, "a", 2);
    run_for(f, 10 * MS);
    rs_memory_store_set_away(f->store, false);
    run_for(f, 100 * MS);
    assert_field(f, "minute", "a", "total", "3");
}

static void test_the_lag_of_a_stopped_partition_is_told(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 1 * SECOND);
    tell(f, RS_SOURCE_STOPPED, 0);
    rs_memory_source_withhold(f->source, 0, 0, 7);
    run_for(f, 2 * SECOND);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.phase, RS_PARTITION_STOPPED);
    assert_int_equal(one.status.end_offset - one.status.state.next_offset, 7);
    assert_false(one.status.at_end);
}

static void test_a_stopped_partition_keeps_its_views_and_says_why(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 10 * MS);
    tell(f, RS_SOURCE_STOPPED, 0);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.phase, RS_PARTITION_STOPPED);
    assert_string_equal(one.status.error, "offset 3 is gone");
    rs_memory_store_wipe(f->store);
    run_for(f, 10 * MS);
    assert_field(f, "minute", "a", "total", "1");
}

static void test_reading_begins_only_when_the_claim_is_answered(void **state)
{
    struct fixture *f = *state;

    f->log.refuse = true;
    begin_with_one(f, 500 * MS);
    assert_int_equal(f->log.claims, 1);
    assert_non_null(strstr(f->reports.text, "cannot take it over yet: the state topic is away"));
    f->log.refuse = false;
    f->log.delay = true;
    run_for(f, SECOND);
    assert_int_equal(f->log.claims, 2);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_CLAIMING);
    assert_int_equal(rs_memory_source_taken(f->source, 0, 0), 0);
    f->log.delay = false;
    run_for(f, 10 * MS);
    assert_int_equal(rs_memory_source_started(f->source, 0, 0), RS_OFFSET_BEGINNING);
    assert_field(f, "minute", "a", "total", "1");
}

static void test_commits_wait_for_dead_letters(void **state)
{
    struct fixture *f = *state;

    begin(f);
    f->letters.acknowledged = 1;
    append(f, 0, T0, "a", 1);
    append_bad(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 3 * SECOND);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), -1);
    f->letters.acknowledged = INT64_MAX;
    run_for(f, 2 * SECOND);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 3);
}

static void test_a_group_in_two_partitions_is_told(void **state)
{
    struct fixture *f = *state;

    begin(f);
    assign(f, 1);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    append(f, 1, T0, "a", 100);
    append(f, 1, T0, "c", 3);
    struct one_partition one = look(f, 1);
    assert_field(f, "minute", "a", "total", "1");
    assert_field(f, "minute", "c", "total", "3");
    assert_int_equal(one.status.state.conflicts, 2); /* in both aggregates */
    assert_non_null(strstr(
        f->reports.text, "aggregate minute: group a is in partition 1 of topic ticks.topic and in another"));
}

static void test_an_event_far_ahead_is_told_with_both_times(void **state)
{
    struct fixture *f = *state;

    begin(f);
    for (int i = 0; i < 6; i++) {
        append(f, 0, T0, i % 2 ? "a" : "b", 1);
    }
    append(f, 0, T0 + 30 * 24 * 60 * MINUTE, "c", 1);
    run_for(f, 10 * MS);
    assert_non_null(strstr(f->reports.text,
                           "1 events are far ahead of the others, the latest at offset 6 with the time "
                           "2020-10-13T12:27:00Z, where the others are at 2020-09-13T12:27:00Z. They"));
}

static void test_stop_publishes_commits_and_ends(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 10 * SECOND, 1000);
    assign(f, 0);
    run_for(f, 10 * MS);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    rs_worker_stop(f->worker);
    run_for(f, 1900 * MS);
    assert_true(rs_worker_stopped(f->worker));
    assert_field(f, "minute", "a", "total", "2");
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
    assign(f, 1);
    run_for(f, 10 * MS);
    assert_int_equal(look(f, 1).count, 0);
}

static void *run_thread(void *worker)
{
    rs_worker_run(worker);
    return NULL;
}

static void test_the_thread_sleeps_and_ends_when_told(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;

    open_worker(f, 1 * MS, 1000);
    assert_int_equal(pthread_create(&thread, NULL, run_thread, f->worker), 0);
    while (rs_worker_progress(f->worker) == 0) {
    }
    rs_worker_stop(f->worker);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(rs_worker_stopped(f->worker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_change_goes_out_at_once_and_the_next_after_the_interval),
        TEST(test_windows_end_in_idle_time_at_wall_clock_rate),
        TEST(test_a_sliding_window_drains_second_by_second),
        TEST(test_shown_time_never_jumps_over_time_the_worker_missed),
        TEST(test_shown_time_stands_still_while_records_wait),
        TEST(test_what_a_transaction_holds_back_is_lag_and_no_end),
        TEST(test_full_dead_letters_hold_the_record_and_what_follows),
        TEST(test_a_revocation_is_heard_while_input_waits),
        TEST(test_a_held_run_does_not_outlive_its_ownership),
        TEST(test_input_waits_for_history_and_loses_none),
        TEST(test_nothing_is_published_before_the_fence_is_passed),
        TEST(test_shown_time_goes_on_behind_a_fence_that_is_passed),
        TEST(test_input_behind_the_fence_does_not_wait_for_history),
        TEST(test_what_was_shown_later_is_not_shown_earlier_again),
        TEST(test_a_fence_beyond_the_log_is_told_once),
        TEST(test_what_is_refused_waits_and_is_told),
        TEST(test_what_was_published_before_a_refusal_is_sent_again_after_it),
        TEST(test_a_larger_token_makes_the_worker_drop_the_partition),
        TEST(test_a_wiped_store_is_filled_again),
        TEST(test_a_revoked_partition_is_published_and_committed_first),
        TEST(test_a_store_that_is_away_delays_a_revocation_only_so_long),
        TEST(test_a_partition_that_comes_back_while_it_leaves_misses_nothing),
        TEST(test_a_partition_that_is_fenced_while_it_leaves_is_let_go),
        TEST(test_a_stop_passes_a_partition_that_cannot_go_on),
        TEST(test_the_lag_of_a_stopped_partition_is_told),
        TEST(test_a_stopped_partition_keeps_its_views_and_says_why),
        TEST(test_reading_begins_only_when_the_claim_is_answered),
        TEST(test_commits_wait_for_dead_letters),
        TEST(test_a_group_in_two_partitions_is_told),
        TEST(test_an_event_far_ahead_is_told_with_both_times),
        TEST(test_stop_publishes_commits_and_ends),
        TEST(test_the_thread_sleeps_and_ends_when_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
