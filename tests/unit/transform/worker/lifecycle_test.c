/* Every event in every phase: where it leads, and that there is no way where there is no row. */
#include "tests/lib/worker_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transform/worker/internal.h"

#define PHASES "WRUSLCDTBFG" /* as in enum rs_phase: waiting … running (U) … stopped (T) … gone */
#define NO_ROW '!'

/* With a log that knows no claims of others: what is revoked is leaving at once. */
static const struct {
    enum rs_life event;
    const char *name;
    const char *next; /* by phase */
} ways[] = {
    {RS_LIFE_ASSIGNED, "assigned", "WRUUU!WTTF"},
    {RS_LIFE_REVOKED, "revoked", "GGLLLCDGGG"},
    {RS_LIFE_SOURCE_STOPPED, "source stopped", "WRTBBTBTBT"},
    {RS_LIFE_CLAIM_DUE, "claim due", "R!!!!!!!!!"},
    {RS_LIFE_SERVED, "served", "!!!L!!!!!!"},
    {RS_LIFE_LEFT, "left", "!!!GGGG!G!"},
    {RS_LIFE_END, "end", "GGCLLCDGGG"},
    {RS_LIFE_STATE, "state", "!R!!!!!!!!"},
    {RS_LIFE_CLAIMED, "claimed", "!U!!!!!!!!"},
    {RS_LIFE_LOST, "lost", "!WWDDD!WD!"},
    {RS_LIFE_UNSURE, "unsure", "!WWDDD!WD!"},
    {RS_LIFE_LOG_FAILED, "log failed", "!TTBBT!TB!"},
    {RS_LIFE_FENCED, "fenced", "!!WDDD!WD!"},
    {RS_LIFE_FENCED_FOR_GOOD, "fenced for good", "!!F!DF!FD!"},
    {RS_LIFE_NOT_CLAIMED, "not claimed", "!W!!!!!!!!"},
    {RS_LIFE_RESTORED, "restored", "!U!!!!!!!!"},
    {RS_LIFE_UNREADY, "unready", "!W!!!!!!!!"},
    {RS_LIFE_UNREADABLE, "unreadable", "!T!!!!!!!!"},
    {RS_LIFE_UNWRITTEN, "unwritten", "!!WDDD!!!!"},
    {RS_LIFE_FAILED, "failed", "!!TBBT!!!!"},
};

/* A partition in that phase. */
static struct rs_worker_partition *owned_in(struct fixture *f, enum rs_phase phase)
{
    assign(f, 0);
    run_for(f, 10 * MS);
    assert_int_equal(f->worker->owned_count, 1);
    struct rs_worker_partition *owned = f->worker->owned[0];
    assert_int_equal(owned->phase, RS_PHASE_RUNNING);
    owned->phase = phase;
    return owned;
}

static void let_go(struct fixture *f)
{
    f->worker->owned[0]->phase = RS_PHASE_STOPPED;
    assert_false(rs_worker_partition_event(f->worker, f->worker->owned[0], RS_LIFE_REVOKED));
}

static char raise_event(struct fixture *f, struct rs_worker_partition *owned, enum rs_life event)
{
    const struct rs_error error = {.class = RS_CLASS_FATAL, .code = RS_ESTATE, .text = "why"};
    const struct rs_state_event log = {
        .kind = RS_STATE_VOID, .error = &error, .token = 7, .seal = {.next_offset = RS_OFFSET_BEGINNING}};
    const struct rs_view_batch batch = {0};
    struct rs_cause cause = {.log = &log, .batch = &batch, .error = error};

    bool there = rs_worker_partition_event_with(f->worker, owned, event, &cause);
    return PHASES[there ? owned->phase : RS_PHASE_GONE];
}

/* In a process of its own, since it ends by an assertion. */
static bool has_no_row(struct fixture *f, struct rs_worker_partition *owned, enum rs_life event)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        (void)raise_event(f, owned, event);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_each_event_leads_where_the_table_says(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(sizeof ways / sizeof ways[0], RS_LIFE_COUNT - 1);
    open_worker(f, 1 * MS, 1000);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        for (int phase = 0; phase < RS_PHASE_COUNT; phase++) {
            struct rs_worker_partition *owned = owned_in(f, (enum rs_phase)phase);
            char wanted = ways[i].next[phase];
            char next = NO_ROW;
            if (wanted != NO_ROW || !has_no_row(f, owned, ways[i].event)) {
                next = raise_event(f, owned, ways[i].event);
            }
            if (next != wanted) {
                fail_msg("%s: from %c to %c, not %c", ways[i].name, PHASES[phase], next, wanted);
            }
            if (next != 'G') {
                let_go(f);
            }
        }
    }
}

static void test_a_claim_that_is_refused_is_waited_for(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    struct rs_worker_partition *owned = owned_in(f, RS_PHASE_WAITING);
    f->log.refuse = true;
    assert_int_equal(raise_event(f, owned, RS_LIFE_CLAIM_DUE), 'W');
    assert_true(owned->claim_due_us > f->worker->now_us);
}

/* All within one turn: it was to go, and could not go on; now it is ours again, and somebody has to hear. */
static void test_what_broke_on_its_way_out_is_told_of_when_it_comes_back(void **state)
{
    struct fixture *f = *state;

    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
    append(f, 0, T0, "a", 1);
    run_for(f, 10 * MS);
    tell(f, RS_SOURCE_REVOKED, 0);
    tell(f, RS_SOURCE_STOPPED, 0);
    tell(f, RS_SOURCE_ASSIGNED, 0);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.phase, RS_PARTITION_STOPPED);
    assert_int_equal(one.status.health, RS_HEALTH_STOPPED);
    assert_string_equal(one.status.why, "offset 3 is gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_event_leads_where_the_table_says),
        TEST(test_a_claim_that_is_refused_is_waited_for),
        TEST(test_what_broke_on_its_way_out_is_told_of_when_it_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
