/* A group that arrives in two partitions: whatever its window and whatever else is happening to it, it is
 * counted once, falls silent, and goes on being kept. Every window kind meets every order of the events in
 * its life, up to a length. */
#include "tests/sim/engine_log.h"
#include "tests/unit/transform/engine_run.h"
#include "transform/partition/internal.h"

#define APPEND "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 64s}\n"
#define UPSERT                                                                                               \
    "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, expire: 64s,\n"                              \
    "          upsert: {version: revision, value: price, max_periods: 3}}\n"
#define AGGREGATE(window, more)                                                                              \
    "  a:\n    stream: ticks\n    by: [product]\n    window: {" window "}\n" more                            \
    "    stats: {n: count(), s: sum(price), f: first(price), l: last(price)}\n"
#define HISTORY "    history: 3\n"

static const struct kind {
    const char *name, *stream, *aggregate;
} kinds[] = {
    {"tumbling", APPEND, AGGREGATE("tumbling: 10s", "")},
    {"tumbling with history", APPEND, AGGREGATE("tumbling: 10s", HISTORY)},
    {"sliding", APPEND, AGGREGATE("sliding: 30s, every: 10s", "")},
    {"sliding with history", APPEND, AGGREGATE("sliding: 30s, every: 10s", HISTORY)},
    {"sliding, not divided by every", APPEND, AGGREGATE("sliding: 25s, every: 10s", HISTORY)},
    {"tumbling, with an offset", APPEND, AGGREGATE("tumbling: 10s, offset: 3s", HISTORY)},
    {"sliding, with an offset", APPEND, AGGREGATE("sliding: 30s, every: 10s, offset: 4s", HISTORY)},
    {"session", APPEND, AGGREGATE("session: 10s", "")},
    {"session with history", APPEND, AGGREGATE("session: 10s", HISTORY)},
    {"all", APPEND, AGGREGATE("all: true", "")},
    {"tumbling with change", APPEND,
     "  a:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 10s}\n" HISTORY
     "    stats: {c: change(price)}\n"},
    {"upsert, last", UPSERT, AGGREGATE("last: 2", "")},
    {"upsert, all", UPSERT, AGGREGATE("all: true", "")},
    {"upsert, tumbling", UPSERT, AGGREGATE("tumbling: 10s", "")},
    {"upsert, tumbling with history", UPSERT, AGGREGATE("tumbling: 10s", HISTORY)},
    {"upsert, sliding", UPSERT, AGGREGATE("sliding: 30s, every: 10s", "")},
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* ---- what can happen ---- */

struct life {
    struct run run;
    struct engine_log log;
    struct rs_view_batch *held; /* in flight */
    int64_t now_us, offset;
    uint64_t ops; /* of the last emission */
};

static void life_tick(struct life *l, const char *product, int64_t at_us)
{
    struct rs_buf bytes = {0};
    const struct tick tick = {.product = product, .at_us = at_us, .price = 150, .revision = l->offset};
    (void)tick_encode(&tick, &bytes);
    const struct rs_record record = {
        .offset = l->offset++, .timestamp_us = RS_TIME_NONE, .value = rs_buf_slice(&bytes)};
    assert_int_equal(rs_partition_apply(l->run.partition, &record, 1, NULL), 1);
    rs_buf_fini(&bytes);
}

/* Two windows end, in one of which news come late. */
static void life_events(struct life *l)
{
    life_tick(l, "a", l->now_us);
    life_tick(l, "a", l->now_us + 11 * SECOND);
    life_tick(l, "a", l->now_us + 5 * SECOND);
    life_tick(l, "a", l->now_us + 25 * SECOND);
    l->now_us += 25 * SECOND;
}

/* The time of others goes on until the group is dropped: enough of them that none looks like a wrong clock.
 */
static void life_expiry(struct life *l)
{
    l->now_us += 200 * SECOND;
    for (int i = 0; i < 24; i++) {
        life_tick(l, "b", l->now_us + i * SECOND / 10);
    }
}

static void life_emit(struct life *l, struct rs_view_batch *batch)
{
    while (rs_partition_emit(l->run.partition, batch, 1 << 20)) {
    }
    l->ops = batch->op_count;
}

/* `conflicts`: every operation on the group "a" is answered with its being another partition's. */
static void life_settle(struct life *l, struct rs_view_batch *batch, bool conflicts,
                        enum rs_batch_result result)
{
    struct rs_op op;
    size_t cursor = 0;
    for (uint32_t number = 0; conflicts && rs_batch_next(batch, &cursor, &op); number++) {
        if (rs_slice_equal(op.key, rs_slice_text("a"))) {
            rs_buf_put(&batch->conflicts, &number, sizeof number);
        }
    }
    batch->result = result;
    rs_partition_settle(l->run.partition, batch);
}

static void life_publish(struct life *l, bool conflicts, enum rs_batch_result result)
{
    struct rs_view_batch *batch = rs_view_batch_new();
    assert_non_null(batch);
    life_emit(l, batch);
    life_settle(l, batch, conflicts, result);
    rs_view_batch_free(&batch);
}

static void life_held(struct life *l, bool conflicts, enum rs_batch_result result)
{
    if (l->held) {
        life_settle(l, l->held, conflicts, result);
        rs_view_batch_free(&l->held);
    }
}

static void life_hold(struct life *l)
{
    life_held(l, true, RS_BATCH_APPLIED);
    l->held = rs_view_batch_new();
    assert_non_null(l->held);
    life_emit(l, l->held);
}

/* Another instance takes over. */
static void life_restore(struct life *l)
{
    struct rs_error error;
    int64_t next = 0;
    engine_log_begin(&l->log, l->run.partition, (struct rs_state_plan){0});
    while (l->log.open) {
        assert_true(engine_log_step(&l->log, l->run.partition));
    }
    rs_view_batch_free(&l->held);
    rs_partition_free(&l->run.partition);
    assert_int_equal(rs_partition_new(l->run.fixture.engine, 0, 0, &l->run.partition, &error), 0);
    if (engine_log_restore(&l->log, l->run.partition, &next, &error) < 0) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(next, l->offset);
}

static void life_describe(struct life *l)
{
    struct rs_buf json = {0};
    (void)rs_partition_describe_group(l->run.partition, 0, rs_slice_text("a"), &json);
    rs_buf_fini(&json);
}

static void life_step(struct life *l, char step)
{
    switch (step) {
    case 'e': life_events(l); break;
    case 'c': life_publish(l, true, RS_BATCH_APPLIED); break;
    case 'a': life_publish(l, false, RS_BATCH_APPLIED); break;
    case 'b': life_publish(l, true, RS_BATCH_BEHIND); break;
    case 'h': life_hold(l); break;
    case 'H': life_held(l, true, RS_BATCH_APPLIED); break;
    case 'B': life_held(l, false, RS_BATCH_BEHIND); break;
    case 't':
        l->now_us += 15 * SECOND;
        rs_partition_show(l->run.partition, l->now_us);
        break;
    case 'p': rs_partition_republish(l->run.partition); break;
    case 'x': life_expiry(l); break;
    case 'r': life_restore(l); break;
    case 'd': life_describe(l); break;
    default: fail_msg("no step %c", step);
    }
}

static void life_begin(struct life *l)
{
    struct rs_error error;
    l->now_us = 100 * SECOND;
    l->offset = 0;
    assert_int_equal(rs_partition_new(l->run.fixture.engine, 0, 0, &l->run.partition, &error), 0);
    rs_partition_seal_enable(l->run.partition, 0);
    life_events(l);
}

static void life_end(struct life *l)
{
    rs_view_batch_free(&l->held);
    engine_log_free(&l->log);
    l->log = (struct engine_log){0};
    rs_partition_free(&l->run.partition);
}

static uint64_t conflicts(const struct life *l)
{
    struct rs_partition_status s;
    rs_partition_status(l->run.partition, &s);
    return s.conflicts;
}

static void open_kind(struct life *l, const struct kind *kind)
{
    *l = (struct life){0};
    start(&l->run, kind->stream, kind->aggregate);
    rs_partition_free(&l->run.partition);
}

/* ---- tests ---- */

static void test_it_is_counted_once_and_falls_silent(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct life l;
        print_message("%s\n", kinds[k].name);
        open_kind(&l, &kinds[k]);
        life_begin(&l);
        life_step(&l, 'h');
        life_step(&l, 'e');
        life_step(&l, 'c'); /* two batches name it */
        life_step(&l, 'H');
        assert_int_equal(conflicts(&l), 1);
        for (const char *step = "eactapa"; *step; step++) {
            life_step(&l, *step);
            assert_true(*step != 'a' || l.ops == 0);
        }
        assert_int_equal(conflicts(&l), 1);
        /* Whoever takes over finds it out again. */
        life_step(&l, 'r');
        life_step(&l, 'p');
        life_step(&l, 'c');
        assert_true(l.ops > 0);
        assert_int_equal(conflicts(&l), 1);
        life_step(&l, 'a');
        assert_int_equal(l.ops, 0);
        /* Dropped and back, it is a new group. */
        life_step(&l, 'x');
        life_step(&l, 'a');
        life_step(&l, 'e');
        life_step(&l, 'c');
        assert_int_equal(conflicts(&l), 2);
        life_end(&l);
        stop(&l.run);
    }
}

/* Whatever comes in whatever order: no crash, no failed assertion, and the balance holds. */
static void test_every_order_of_what_can_happen(void **state)
{
    (void)state;
    static const char steps[] = "ecabhHBtpxrd";
    enum { LENGTH = 3, STEPS = sizeof steps - 1 };
    for (size_t k = 0; k < KINDS; k++) {
        struct life l;
        open_kind(&l, &kinds[k]);
        for (int number = 0; number < STEPS * STEPS * STEPS; number++) {
            char order[LENGTH + 1] = {0};
            for (int i = 0, rest = number; i < LENGTH; i++, rest /= STEPS) {
                order[i] = steps[rest % STEPS];
            }
            life_begin(&l);
            for (int i = 0; i < LENGTH; i++) {
                life_step(&l, order[i]);
            }
            life_step(&l, 'H');
            life_step(&l, 'c');
            life_end(&l);
        }
        stop(&l.run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_counted_once_and_falls_silent),
        cmocka_unit_test(test_every_order_of_what_can_happen),
    };
    return cmocka_run_group_tests_name("conflict", tests, NULL, NULL);
}
