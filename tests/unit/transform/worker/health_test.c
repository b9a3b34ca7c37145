/* What a worker says of its partitions: each reason for which one can stop or wait, in virtual time. */
#include "tests/lib/worker_log_fixture.h"

/* ---- reasons ---- */

static void begin_quietly(struct fixture *f)
{
    begin(f);
    run_for(f, 100 * MS);
}

static void input_stops(struct fixture *f)
{
    begin_quietly(f);
    tell(f, RS_SOURCE_STOPPED, 0);
}

static void log_is_lost(struct fixture *f)
{
    f->kept->shared.committed = 7;
    begin_quietly(f);
}

static void letters_are_refused(struct fixture *f)
{
    begin_quietly(f);
    f->letters.acknowledged = 0;
    append_bad(f, 0);
}

static void letters_are_accepted(struct fixture *f)
{
    f->letters.acknowledged = INT64_MAX;
}

static void letters_are_full(struct fixture *f)
{
    begin_quietly(f);
    f->letters.full = true;
    append_bad(f, 0);
}

static void letters_have_room(struct fixture *f)
{
    f->letters.full = false;
}

static void log_is_stuck(struct fixture *f)
{
    begin_quietly(f);
    fake_fate(&f->kept->io, FAKE_DELAYED);
    fake_fate(&f->kept->io, FAKE_DELAYED);
    append(f, 0, T0, "a", 1);
}

static void log_answers(struct fixture *f)
{
    fake_land(&f->kept->io);
}

static void claim_is_stuck(struct fixture *f)
{
    fake_fate(&f->kept->io, FAKE_DELAYED);
    begin_quietly(f);
}

static void redis_is_away(struct fixture *f)
{
    rs_memory_store_set_away(f->store, true);
    begin_quietly(f);
}

static void redis_is_back(struct fixture *f)
{
    rs_memory_store_set_away(f->store, false);
}

static void redis_shows_more(struct fixture *f)
{
    rs_memory_store_set_fence(f->store, "ticks", 0, 0, 3, T0);
    begin_quietly(f);
    append(f, 0, T0, "a", 1);
}

static void input_catches_up(struct fixture *f)
{
    append(f, 0, T0, "a", 1);
    append(f, 0, T0, "a", 1);
}

static void redis_shows_what_never_was(struct fixture *f)
{
    redis_shows_more(f);
    run_for(f, 40 * SECOND);
}

static void a_newer_token(struct fixture *f)
{
    rs_memory_store_set_fence(f->store, "ticks", 0, 1000, 0, T0);
    begin_quietly(f);
}

static void the_fence_is_gone(struct fixture *f)
{
    rs_memory_store_set_fence(f->store, "ticks", 0, 0, 0, T0);
}

static void names_are_anothers(struct fixture *f)
{
    rs_memory_store_set_refusal(f->store, "its names are those of group other");
    begin_quietly(f);
    append(f, 0, T0, "a", 1);
}

/* The newest answer counts: Redis does not speak of tokens any more. */
static void names_are_anothers_after_a_newer_token(struct fixture *f)
{
    a_newer_token(f);
    run_for(f, SECOND);
    rs_memory_store_set_refusal(f->store, "its names are those of group other");
}

static void names_are_ours(struct fixture *f)
{
    rs_memory_store_set_refusal(f->store, NULL);
    the_fence_is_gone(f);
}

static void history_is_full(struct fixture *f)
{
    open_worker(f, 1 * MS, 1);
    assign(f, 0);
    run_for(f, 100 * MS);
    rs_memory_store_set_away(f->store, true);
    for (int i = 0; i < 6; i++) {
        append(f, 0, T0 + i * MINUTE, "a", 1);
        run_for(f, SECOND);
    }
    append(f, 0, T0 + 6 * MINUTE, "a", 1);
}

static const struct reason {
    const char *name;
    void (*happens)(struct fixture *f);
    enum rs_health health;
    enum rs_waiting waits_for;
    const char *why;                   /* part of the text: what, or the remedy */
    void (*mended)(struct fixture *f); /* NULL: not without a restart */
} reasons[] = {
    {"nothing", begin_quietly, RS_HEALTH_RUNS, RS_WAITING_NOT, "", begin_quietly},
    {"input", input_stops, RS_HEALTH_STOPPED, RS_WAITING_NOT, "offset 3 is gone", NULL},
    {"lost log", log_is_lost, RS_HEALTH_STOPPED, RS_WAITING_NOT, "rollstatd -c FILE --rebuild --stream ticks",
     NULL},
    {"letters", letters_are_refused, RS_HEALTH_WAITS, RS_WAITING_DEAD_LETTERS,
     "Does topic ticks.topic.dlq exist", letters_are_accepted},
    {"full letters", letters_are_full, RS_HEALTH_WAITS, RS_WAITING_DEAD_LETTERS,
     "Does topic ticks.topic.dlq exist", letters_have_room},
    {"log", log_is_stuck, RS_HEALTH_WAITS, RS_WAITING_STATE_LOG, "the state log has not answered for a while",
     log_answers},
    {"claim", claim_is_stuck, RS_HEALTH_WAITS, RS_WAITING_CLAIM,
     "does topic test.state.ticks have this partition", log_answers},
    {"away", redis_is_away, RS_HEALTH_WAITS, RS_WAITING_REDIS, "Redis has not answered", redis_is_back},
    {"behind", redis_shows_more, RS_HEALTH_WAITS, RS_WAITING_BEHIND, "Redis shows it up to offset 3",
     input_catches_up},
    {"beyond", redis_shows_what_never_was, RS_HEALTH_WAITS, RS_WAITING_BEHIND,
     "the topic seems to have been deleted and created again", input_catches_up},
    {"fence", a_newer_token, RS_HEALTH_WAITS, RS_WAITING_FENCE, "Redis has a newer token", the_fence_is_gone},
    {"names", names_are_anothers, RS_HEALTH_WAITS, RS_WAITING_NAMES, "those of group other", names_are_ours},
    {"names after a fence", names_are_anothers_after_a_newer_token, RS_HEALTH_WAITS, RS_WAITING_NAMES,
     "those of group other", names_are_ours},
    {"history", history_is_full, RS_HEALTH_WAITS, RS_WAITING_HISTORY, "limits.pending_history",
     redis_is_back},
};

static void check(struct fixture *f, const struct reason *reason, bool mended)
{
    struct one_partition one = look(f, 0);
    enum rs_health health = mended ? RS_HEALTH_RUNS : reason->health;
    enum rs_waiting waits_for = mended ? RS_WAITING_NOT : reason->waits_for;

    if (one.status.health != health || one.status.waits_for != waits_for) {
        fail_msg("%s, %s: it %s, for %s (%s)", reason->name, mended ? "mended" : "happened",
                 rs_health_name(one.status.health), rs_waiting_name(one.status.waits_for), one.status.why);
    }
    if (health == RS_HEALTH_RUNS) {
        assert_string_equal(one.status.why, "");
        assert_int_equal(one.status.since_us, 0);
    } else if (!strstr(one.status.why, reason->why)) {
        fail_msg("%s: %s", reason->name, one.status.why);
    }
}

/* As long as the reason is there it is told, without a moment of health in between, since the same time; once
 * it is mended the partition runs. What input comes meanwhile is its lag. */
static void test_each_reason_is_told_for_as_long_as_it_lasts(void **state)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        const struct reason *reason = &reasons[i];
        if (i > 0) {
            assert_int_equal(setup_log(state), 0);
        }
        struct fixture *f = *state;
        reason->happens(f);
        run_for(f, 12 * SECOND);
        int64_t since_us = look(f, 0).status.since_us;
        for (int j = 0; j < 40; j++) {
            check(f, reason, false);
            assert_int_equal(look(f, 0).status.since_us, since_us);
            run_for(f, SECOND);
        }
        if (reason->mended && i > 0) {
            reason->mended(f);
            run_for(f, 30 * SECOND);
            check(f, reason, true);
        }
        if (i + 1 < sizeof reasons / sizeof reasons[0]) {
            assert_int_equal(teardown_log(state), 0);
        }
    }
}

static void test_the_lag_of_a_stopped_partition_grows(void **state)
{
    struct fixture *f = *state;

    begin_quietly(f);
    append(f, 0, T0, "a", 1);
    run_for(f, 3 * SECOND);
    assert_int_equal(look(f, 0).status.lag, 0);
    tell(f, RS_SOURCE_STOPPED, 0);
    for (int i = 1; i <= 3; i++) {
        append(f, 0, T0, "a", 1);
        run_for(f, 2 * SECOND);
        assert_int_equal(look(f, 0).status.lag, i);
    }
}

/* A worker that takes nothing is not at any end. */
static void test_what_waits_has_a_lag(void **state)
{
    struct fixture *f = *state;

    begin_quietly(f);
    f->letters.full = true;
    append_bad(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    assert_int_equal(look(f, 0).status.lag, 2);
    f->letters.full = false;
    run_for(f, 2 * SECOND);
    assert_int_equal(look(f, 0).status.lag, 0);
}

static int lines_with(const char *text, const char *wanted)
{
    int count = 0;

    while ((text = strstr(text, wanted))) {
        count++;
        text++;
    }
    return count;
}

/* Tried each second, told twice a minute. */
static void test_the_same_trouble_is_not_told_each_time(void **state)
{
    struct fixture *f = *state;

    f->other_log = (struct rs_state_log){0};
    f->log.refuse = true;
    begin_quietly(f);
    run_for(f, 59 * SECOND);
    assert_true(f->log.claims > 50);
    assert_int_equal(lines_with(f->reports.text, "cannot take it over yet"), 2);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.health, RS_HEALTH_WAITS);
    assert_int_equal(one.status.waits_for, RS_WAITING_CLAIM);
    assert_non_null(strstr(one.status.why, "cannot take it over yet"));
    f->log.refuse = false;
    run_for(f, 2 * SECOND);
    assert_int_equal(look(f, 0).status.health, RS_HEALTH_RUNS);
}

/* Who publishes nothing asks now and then, and the answer takes a moment. */
static void test_an_answer_that_takes_a_moment_is_no_wait(void **state)
{
    struct fixture *f = *state;
    uint64_t seen = 0;

    begin_quietly(f);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    for (int i = 0; i < 20; i++) {
        rs_memory_store_set_away(f->store, true);
        run_for(f, SECOND);
        seen += look(f, 0).status.health == RS_HEALTH_RUNS;
        rs_memory_store_set_away(f->store, false);
        run_for(f, 10 * MS);
    }
    assert_int_equal(seen, 20);
}

static void test_fenced_for_good(void **state)
{
    struct fixture *f = *state;

    f->other_log = (struct rs_state_log){0};
    rs_memory_store_set_fence(f->store, "ticks", 0, RS_STATE_TOKEN_MAX, 0, T0);
    begin_quietly(f);
    append(f, 0, T0, "a", 1);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.health, RS_HEALTH_STOPPED);
    assert_non_null(strstr(one.status.why, "another instance publishes it with a newer token"));
    run_for(f, 2 * SECOND);
    assert_int_equal(look(f, 0).status.lag, 1);
}

/* What is to be another's is served on, and nobody's business. */
static void test_a_revoked_partition_is_not_judged(void **state)
{
    struct fixture *f = *state;

    begin_quietly(f);
    append(f, 0, T0, "a", 1);
    run_for(f, 2 * SECOND);
    rs_memory_store_set_away(f->store, true);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 20 * SECOND);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.phase, RS_PARTITION_LEAVING);
    assert_int_equal(one.status.health, RS_HEALTH_RUNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_each_reason_is_told_for_as_long_as_it_lasts),
        LOG_TEST(test_the_lag_of_a_stopped_partition_grows),
        LOG_TEST(test_what_waits_has_a_lag),
        LOG_TEST(test_the_same_trouble_is_not_told_each_time),
        LOG_TEST(test_an_answer_that_takes_a_moment_is_no_wait),
        LOG_TEST(test_fenced_for_good),
        LOG_TEST(test_a_revoked_partition_is_not_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
