/* Where the Kafka source reads on when a worker starts it again from elsewhere: each record has to be the next one, see
 * on_records. */
#include "tests/lib/kafka_member.h"

#define MANY 3000 /* records; several batches */

static struct member again, lost_offset;

static int setup(void **state)
{
    static const char *const topics[] = {"again", "lost_offset"};

    (void)state;
    open_cluster(topics, sizeof topics / sizeof topics[0]);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce("lost_offset", i, 10);
        produce("again", i, i == 0 ? MANY : 300);
    }
    open_member(&again, "again", "again", RS_OFFSET_BEGINNING);
    open_member(&lost_offset, "lost", "lost_offset", 1000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rs_kafka_source_free(&again.source);
    rs_kafka_source_free(&lost_offset.source);
    close_cluster();
    return 0;
}

static void test_an_offset_that_is_not_there_stops_the_partition(void **state)
{
    struct rs_kafka_source_status status;

    (void)state;
    PUMP_UNTIL(lost_offset.seen[0].stops + lost_offset.seen[1].stops + lost_offset.seen[2].stops +
                       lost_offset.seen[3].stops ==
                   PARTITIONS,
               &lost_offset, NOBODY);
    assert_int_equal(records_count(&lost_offset), 0);
    assert_non_null(strstr(lost_offset.stop_text, "stream lost: topic lost_offset partition "));
    assert_non_null(strstr(lost_offset.stop_text, "ends at offset 10, but offset 1000 is to be read"));
    rs_kafka_source_status(lost_offset.source, &status);
    assert_int_equal(status.stopped, PARTITIONS);
}

static bool all_read(const struct member *member)
{
    for (int i = 0; i < PARTITIONS; i++) {
        if (member->seen[i].next != (i == 0 ? MANY : 300)) {
            return false;
        }
    }
    return true;
}

static void test_reading_starts_again_before_and_behind(void **state)
{
    static const int64_t offsets[] = {5, MANY - 10, 0, RS_OFFSET_BEGINNING, MANY, 1};

    (void)state;
    PUMP_UNTIL(all_read(&again), &again, NOBODY);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        start(&again, 0, offsets[i]);
        PUMP_UNTIL(all_read(&again), &again, NOBODY);
    }
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(again.seen[i].assignments, 1);
        assert_int_equal(again.seen[i].revocations, 0);
    }
}

static void test_reading_starts_again_while_records_wait(void **state)
{
    struct rs_kafka_worker *worker = &again.source->workers[again.seen[0].worker];

    (void)state;
    start(&again, 0, 0);
    again.keep_held = true;
    PUMP_UNTIL(again.seen[0].next > 0 && rd_kafka_queue_length(worker->queue) > 0, &again, NOBODY);
    assert_true(worker->held > 0);
    start(&again, 0, 7);
    for (int i = 0; i < 20; i++) {
        pump(&again); /* the line is drawn while the run is held, and behind it what waits in the batch */
    }
    assert_int_equal(again.seen[0].next, 7);
    assert_memory_equal(worker->records[0].value.data, "value ", 6); /* the run on loan is whole */
    again.keep_held = false;
    struct rs_source table = rs_kafka_source_table(again.source);
    table.ops->release(table.self, again.seen[0].worker);
    PUMP_UNTIL(all_read(&again), &again, NOBODY);
}

/* A batch holds records of several partitions. Those behind the run on loan are of the earlier reading. */
static void test_the_rest_of_a_batch_is_of_the_earlier_reading(void **state)
{
    struct rs_source table = rs_kafka_source_table(again.source);
    uint32_t index = again.seen[1].worker;
    struct rs_kafka_worker *worker = &again.source->workers[index];
    struct rs_source_event event = {0};
    int32_t peer = again.seen[2].worker == index ? 2 : 3;

    (void)state;
    produce("again", 1, 10);
    produce("again", peer, 10);
    for (int i = 0; i < 20000 && rd_kafka_queue_length(worker->queue) < 20; i++) {
        rs_kafka_source_poll(again.source);
        (void)poll(NULL, 0, 1);
    }
    assert_true(table.ops->take(table.self, index, &event));
    assert_int_equal(event.kind, RS_SOURCE_RECORDS);
    on_records(&again, &event);
    assert_int_equal(worker->count - worker->at, 10);
    int32_t other = event.partition == 1 ? peer : 1;
    start(&again, other, 100);
    struct rs_source_partition *partition = rs_source_partition_find(again.source, 0, other);
    for (int i = 0; i < 20000 && !partition->fetched; i++) {
        rs_kafka_source_poll(again.source);
        assert_false(table.ops->take(table.self, index, &event));
        rs_kafka_source_poll(again.source);
    }
    assert_true(partition->fetched);
    table.ops->release(table.self, index);
    PUMP_UNTIL(again.seen[1].next == 310 && again.seen[peer].next == 310, &again, NOBODY);
}

static void test_the_newest_start_counts(void **state)
{
    (void)state;
    start(&again, 0, 700);
    start(&again, 0, 40);
    PUMP_UNTIL(all_read(&again), &again, NOBODY);
    start(&again, 0, 40);
    rs_kafka_source_poll(again.source); /* the fetch has ended, the line is not drawn */
    start(&again, 0, 900);
    PUMP_UNTIL(all_read(&again), &again, NOBODY);
}

/* Starts at any point of all that a start begins. */
static void test_reading_starts_again_at_any_time(void **state)
{
    struct rs_source table = rs_kafka_source_table(again.source);
    uint32_t random = 20261125;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct rs_source_event event;
        random = random * 1664525 + 1013904223;
        uint32_t die = random >> 24;
        uint32_t worker = die & 1;
        if (die < 20) {
            start(&again, (int32_t)(random >> 8 & 3), (random >> 12) % 300);
        } else if (die < 120) {
            rs_kafka_source_poll(again.source);
        } else if (table.ops->take(table.self, worker, &event)) {
            on_event(&again, worker, &event);
        }
    }
    PUMP_UNTIL(all_read(&again), &again, NOBODY);
}

/* An error of a fetch that was ended may show up later: the log has the offset, and reading goes on. */
static void test_a_refusal_is_checked_against_the_log(void **state)
{
    struct rs_source_partition *partition = rs_source_partition_find(again.source, 0, 0);

    (void)state;
    start(&again, 0, 10);
    PUMP_UNTIL(again.seen[0].next > 10, &again, NOBODY);
    atomic_store(&partition->out_of_range, again.seen[0].next);
    atomic_store(&again.source->answered, true);
    PUMP_UNTIL(again.seen[0].next == MANY, &again, NOBODY);
    produce("again", 0, 1);
    PUMP_UNTIL(again.seen[0].next == MANY + 1, &again, NOBODY);
    assert_int_equal(again.seen[0].stops, 0);
}

static void test_a_stopped_partition_is_revived(void **state)
{
    struct rs_kafka_source_status status;

    (void)state;
    start(&lost_offset, 0, 4);
    PUMP_UNTIL(lost_offset.seen[0].next == 10, &lost_offset, NOBODY);
    rs_kafka_source_status(lost_offset.source, &status);
    assert_int_equal(status.stopped, PARTITIONS - 1);
    start(&lost_offset, 0, 2000);
    PUMP_UNTIL(lost_offset.seen[0].stops == 2, &lost_offset, NOBODY);
    assert_non_null(strstr(lost_offset.stop_text, "but offset 2000 is to be read"));
}

/* The worker reads on from elsewhere before it has heard that the partition stopped. */
static void test_a_stop_that_was_overtaken_is_not_told(void **state)
{
    struct rs_source table = rs_kafka_source_table(lost_offset.source);
    struct rs_source_partition *partition = rs_source_partition_find(lost_offset.source, 0, 1);
    struct rs_source_event event;

    (void)state;
    int stops = lost_offset.seen[1].stops;
    start(&lost_offset, 1, 3);
    PUMP_UNTIL(lost_offset.seen[1].next == 10, &lost_offset, NOBODY);
    start(&lost_offset, 1, 500);
    for (int i = 0; i < 20000 && !atomic_load(&partition->has_stopped); i++) {
        rs_kafka_source_poll(lost_offset.source);
        if (!atomic_load(&partition->has_stopped)) {
            assert_false(table.ops->take(table.self, lost_offset.seen[1].worker, &event));
        }
        (void)poll(NULL, 0, 1);
    }
    assert_true(atomic_load(&partition->has_stopped));
    start(&lost_offset, 1, 3);
    PUMP_UNTIL(lost_offset.seen[1].next == 10, &lost_offset, NOBODY);
    assert_int_equal(lost_offset.seen[1].stops, stops);
}

/* Workers may still be answering when the daemon stops: nothing may be begun any more. */
static void test_leaving_waits_for_no_start(void **state)
{
    (void)state;
    start(&again, 0, 0);
    start(&again, 1, 0);
    rs_kafka_source_free(&again.source);
    assert_null(again.source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_offset_that_is_not_there_stops_the_partition),
        cmocka_unit_test(test_reading_starts_again_before_and_behind),
        cmocka_unit_test(test_reading_starts_again_while_records_wait),
        cmocka_unit_test(test_the_newest_start_counts),
        cmocka_unit_test(test_reading_starts_again_at_any_time),
        cmocka_unit_test(test_the_rest_of_a_batch_is_of_the_earlier_reading),
        cmocka_unit_test(test_a_refusal_is_checked_against_the_log),
        cmocka_unit_test(test_a_stopped_partition_is_revived),
        cmocka_unit_test(test_a_stop_that_was_overtaken_is_not_told),
        cmocka_unit_test(test_leaving_waits_for_no_start),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
