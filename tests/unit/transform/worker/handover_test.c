/* A partition between two instances, in virtual time: revoked, served on, claimed by the other, given back. */
#include "tests/lib/worker_log_fixture.h"

static void test_a_lost_partition_is_dropped_and_claimed_again_if_still_assigned(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 2 * SECOND);
    (void)claim_elsewhere(f);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_CLAIMING);
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 1);
    assert_non_null(strstr(f->reports.text, "the state log has another claim, so this instance drops it"));
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

    begin_with_one(f, 5 * MINUTE); /* every window has ended and drained */
    uint64_t token = claim_elsewhere(f);
    assert_true(token > fence_of(f).token);
    move_fence(f, token);
    uint64_t before = counts_of(f).operations;
    run_for(f, 21 * SECOND);
    assert_non_null(strstr(f->reports.text, "Redis has a newer token, so this instance drops it"));
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_RUNNING);
    assert_true(fence_of(f).token > token);
    assert_true(counts_of(f).operations > before);
}

static void test_what_is_revoked_is_served_until_another_claims_it(void **state)
{
    struct fixture *f = *state;

    begin(f);
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
    int64_t end = f->kept->shared.end;
    run_for(f, 60 * SECOND);
    assert_int_equal(f->kept->shared.end, end); /* it does not claim again */
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

    begin(f);
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

    begin_with_one(f, 100 * MS);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 100 * MS);
    struct fence fence = fence_of(f);
    move_fence(f, fence.token + 7);
    append(f, 0, T0 + 1, "a", 2);
    run_for(f, 10 * MS);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    assert_field(f, "minute", "a", "total", "1");
    assert_null(strstr(f->reports.text, "was deleted and created again")); /* nothing to worry about */
}

static void test_what_nobody_claims_is_sealed_and_let_go(void **state)
{
    struct fixture *f = *state;

    begin(f);
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

    begin_with_one(f, 2 * SECOND);
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

    begin_with_one(f, 2 * SECOND);
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

    begin_with_one(f, 2 * SECOND);
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
    int64_t end = f->kept->shared.end;
    run_for(f, 120 * SECOND);
    assert_true(f->kept->shared.end - end <=
                14); /* a claim, and a silent batch now and then: no longer five a second */
}

/* Redis tells first. */
static void test_what_comes_back_and_is_fenced_is_claimed_again_at_once(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 2 * SECOND);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 100 * MS);
    move_fence(f, claim_elsewhere(f));
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

    begin(f);
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

    begin_with_one(f, 2 * SECOND);
    ask_for_a_rebuild(f, 0);
    run_for(f, 11 * SECOND);
    assert_non_null(strstr(f->reports.text, "the state log has another claim"));
    run_for(f, 11 * SECOND);
    assert_int_equal(look(f, 0).status.phase, RS_PARTITION_RUNNING);
    assert_field(f, "minute", "a", "n", "1");
    int64_t end = f->kept->shared.end;
    run_for(f, 60 * SECOND);
    assert_true(f->kept->shared.end - end <= 7); /* seals, and few of them */
}

/* It was about to be let go, and what came meanwhile was passed over. */
static void test_what_comes_back_while_it_leaves_misses_nothing(void **state)
{
    struct fixture *f = *state;

    begin_with_one(f, 2 * SECOND);
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

/* The group takes a partition away while the worker stops: what is on its way is sealed all the same. */
static void test_a_revocation_does_not_cut_a_stop_short(void **state)
{
    struct fixture *f = *state;

    begin(f);
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

    begin_with_one(f, 2 * SECOND);
    tell(f, RS_SOURCE_REVOKED, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    rs_worker_stop(f->worker);
    run_for(f, 500 * MS);
    assert_true(rs_worker_stopped(f->worker));
    assert_int_equal(rs_memory_source_committed(f->source, 0, 0), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_what_was_claimed_in_between_is_claimed_again_at_once),
        LOG_TEST(test_a_claim_that_comes_after_the_partition_is_heard_of),
        LOG_TEST(test_what_comes_back_and_is_fenced_is_claimed_again_at_once),
        LOG_TEST(test_what_was_never_sealed_is_let_go_at_once),
        LOG_TEST(test_a_lost_partition_is_dropped_and_claimed_again_if_still_assigned),
        LOG_TEST(test_an_idle_owner_that_lost_everything_notices),
        LOG_TEST(test_what_is_revoked_is_served_until_another_claims_it),
        LOG_TEST(test_counters_only_rise),
        LOG_TEST(test_what_is_revoked_is_dropped_when_it_is_fenced),
        LOG_TEST(test_what_nobody_claims_is_sealed_and_let_go),
        LOG_TEST(test_what_comes_back_before_it_is_let_go_is_kept),
        LOG_TEST(test_a_silent_owner_hears_of_a_claim),
        LOG_TEST(test_what_comes_back_while_it_leaves_misses_nothing),
        LOG_TEST(test_a_revocation_does_not_cut_a_stop_short),
        LOG_TEST(test_a_stop_ends_the_serving),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
