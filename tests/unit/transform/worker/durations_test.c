/* How long things take, as those who watch see it. */
#include "tests/lib/virtual_clock.h"
#include "tests/lib/worker_fixture.h"

struct durations {
    struct rs_worker_durations worker;
    struct rs_worker_delays stream;
};

static void read_durations(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    struct durations *out = ctx;

    out->worker = snapshot->durations;
    out->stream = snapshot->delays[0];
}

static struct durations durations_of(struct fixture *f)
{
    struct durations out;

    run_for(f, 250 * MS);
    rs_worker_snapshot(f->worker, read_durations, &out);
    return out;
}

/* Before the records that it shows first came, another had been in the log for three seconds. */
static void test_a_batch_is_as_old_as_its_oldest_record(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = f->clock.wall_us;

    begin(f);
    append_arrived(f, 0, now_us - 60 * SECOND, "a", 1, now_us - 3 * SECOND);
    append_arrived(f, 0, now_us - 10 * SECOND, "b", 1, now_us - 1 * SECOND);
    run_for(f, 2 * SECOND);
    struct durations out = durations_of(f);
    assert_int_equal(out.stream.arrival.count, 1);
    assert_in_range(out.stream.arrival.sum_us, 3 * SECOND, 3 * SECOND + 250 * MS);
    assert_int_equal(out.stream.event.count, 1);
    assert_in_range(out.stream.event.sum_us, 10 * SECOND, 10 * SECOND + 250 * MS);
    assert_int_equal(out.worker.batch.count, 1);
    assert_int_equal(out.worker.publish.count, 1);
    assert_true(out.worker.seal.count >= 1);
}

/* What is shown by time alone, or sent again, has no record that is new. */
static void test_nothing_new_has_no_age(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = f->clock.wall_us;

    begin(f);
    append_arrived(f, 0, now_us, "a", 1, now_us);
    struct durations before = durations_of(f);
    run_for(f, 200 * SECOND); /* windows end */
    struct durations after = durations_of(f);
    assert_true(after.worker.batch.count > before.worker.batch.count);
    assert_int_equal(after.stream.arrival.count, before.stream.arrival.count);
    assert_int_equal(after.stream.event.count, before.stream.event.count);
}

/* A clock that is ahead, of a producer or of a broker, makes nothing younger than new. */
static void test_times_ahead_are_none(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = f->clock.wall_us;

    begin(f);
    append_arrived(f, 0, now_us + 100 * SECOND, "a", 1, now_us + 50 * SECOND);
    struct durations out = durations_of(f);
    assert_int_equal(out.stream.arrival.count, 1);
    assert_int_equal(out.stream.arrival.sum_us, 0);
    assert_int_equal(out.stream.event.sum_us, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_batch_is_as_old_as_its_oldest_record),
        TEST(test_nothing_new_has_no_age),
        TEST(test_times_ahead_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
