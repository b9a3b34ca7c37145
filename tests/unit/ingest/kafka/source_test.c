/* The Kafka source on librdkafka's mock cluster. One thread plays the control thread and all workers. The
 * mock waits 3 s for a group's first members, so the members of all tests are opened together, at the start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "ingest/kafka/internal.h"
#include "ingest/kafka/source.h"
#include "tests/lib/mock_kafka.h"

#define PATIENCE_US (60 * INT64_C(1000000))
#define WORKERS     2
#define PARTITIONS  4
#define OFFSETS_MAX 512
#define MANY        3000 /* records; several batches */

static struct rs_mock_kafka mock;
static struct rs_config *config;

struct seen {
    bool assigned, reading;
    uint32_t worker;
    int assignments, revocations, stops;
    int64_t offsets[OFFSETS_MAX];
    int count;
    int64_t next; /* offset that has to come next: the mock's logs have no gaps */
};

struct member {
    struct rs_stream stream;
    struct rs_streams streams;
    struct rs_kafka_source *source;
    int64_t start;
    bool keep_revoked; /* read on what is revoked */
    bool keep_held;    /* do not release runs */
    bool took[WORKERS];
    struct seen seen[PARTITIONS];
    char log[8192];
    char stop_text[RS_ERROR_TEXT_MAX];
};

static struct member reader, late_start, lost_offset, missing, first, second, again, deferred, newcomer;

/* ---- helpers ---- */

static void report(void *ctx, enum rs_log_level level, const char *text)
{
    struct member *member = ctx;
    size_t used = strlen(member->log);

    (void)level;
    (void)snprintf(member->log + used, sizeof member->log - used, "%s\n", text);
}

static void open_member(struct member *member, const char *name, const char *topic, int64_t start)
{
    struct rs_error error = {0};

    memset(member, 0, sizeof *member);
    member->stream = (struct rs_stream){.name = name, .topic = topic};
    member->streams = (struct rs_streams){.group = topic, .items = &member->stream, .count = 1};
    member->start = start;
    const struct rs_kafka_source_options options = {
        .streams = &member->streams,
        .kafka = rs_config_root(config),
        .workers = WORKERS,
        .clock = rs_clock_system(),
        .report = {report, member},
    };
    if (rs_kafka_source_new(&options, &member->source, &error) != 0) {
        fail_msg("%s", error.text);
    }
}

static void produce(const char *topic, int32_t partition, int count)
{
    for (int i = 0; i < count; i++) {
        char value[32];
        (void)snprintf(value, sizeof value, "value %d", i);
        rs_mock_kafka_produce(&mock, topic, partition, "k", value, 1700000000123 + i);
    }
    rs_mock_kafka_flush(&mock);
}

static void on_records(struct member *member, const struct rs_source_event *event)
{
    struct seen *seen = &member->seen[event->partition];

    assert_true(seen->reading);
    for (size_t i = 0; i < event->count; i++) {
        if (seen->count < OFFSETS_MAX) {
            seen->offsets[seen->count++] = event->records[i].offset;
        }
        assert_int_equal(event->records[i].offset, seen->next);
        seen->next++;
        assert_memory_equal(event->records[i].key.data, "k", 1);
        assert_memory_equal(event->records[i].value.data, "value ", 6);
        assert_non_null(event->records[i].origin);
        assert_true(event->records[i].timestamp_us >= INT64_C(1700000000123000));
        assert_int_equal(event->records[i].timestamp_us % 1000, 0);
    }
}

static void start(struct member *member, int32_t partition, int64_t offset)
{
    struct rs_source table = rs_kafka_source_table(member->source);
    struct rs_error error;

    assert_int_equal(table.ops->start(table.self, 0, partition, offset, &error), 0);
    member->seen[partition].reading = true;
    member->seen[partition].next = offset == RS_OFFSET_BEGINNING ? 0 : offset;
}

static void let_go(struct member *member, int32_t partition)
{
    struct rs_source table = rs_kafka_source_table(member->source);

    member->seen[partition].assigned = member->seen[partition].reading = false;
    table.ops->done(table.self, 0, partition);
}

static void on_event(struct member *member, uint32_t worker, const struct rs_source_event *event)
{
    struct rs_source table = rs_kafka_source_table(member->source);
    struct seen *seen = &member->seen[event->partition];

    switch (event->kind) {
    case RS_SOURCE_RECORDS:
        on_records(member, event);
        member->took[worker] = true;
        if (!member->keep_held) {
            table.ops->release(table.self, worker);
        }
        break;
    case RS_SOURCE_ASSIGNED:
        seen->assignments++;
        seen->worker = worker;
        if (!seen->assigned) { /* or else it is kept, and read on */
            seen->assigned = true;
            start(member, event->partition, member->start);
        }
        break;
    case RS_SOURCE_REVOKED:
        seen->revocations++;
        if (!member->keep_revoked) {
            let_go(member, event->partition);
        }
        break;
    case RS_SOURCE_STOPPED:
        seen->stops++;
        (void)snprintf(member->stop_text, sizeof member->stop_text, "%s", event->error->text);
        break;
    }
}

static void pump(struct member *member)
{
    if (!member) {
        return;
    }
    struct rs_source table = rs_kafka_source_table(member->source);
    rs_kafka_source_poll(member->source);
    for (uint32_t worker = 0; worker < WORKERS; worker++) {
        struct rs_source_event event;
        while (table.ops->take(table.self, worker, &event)) {
            on_event(member, worker, &event);
        }
    }
}

/* Pumps one or two members until the condition holds. */
#define PUMP_UNTIL(condition, a, b)                                                                          \
    do {                                                                                                     \
        int64_t until = rs_clock_mono(rs_clock_system()) + PATIENCE_US;                                      \
        while (!(condition) && rs_clock_mono(rs_clock_system()) < until) {                                   \
            pump(a);                                                                                         \
            pump(b);                                                                                         \
            (void)poll(NULL, 0, 2);                                                                          \
        }                                                                                                    \
        assert_true(condition);                                                                              \
    } while (0)

#define NOBODY ((struct member *)NULL)

static int assigned_count(const struct member *member)
{
    int count = 0;

    for (int i = 0; i < PARTITIONS; i++) {
        count += member->seen[i].assigned ? 1 : 0;
    }
    return count;
}

static int records_count(const struct member *member)
{
    int count = 0;

    for (int i = 0; i < PARTITIONS; i++) {
        count += member->seen[i].count;
    }
    return count;
}

static void assert_offsets(const struct seen *seen, int64_t from, int count)
{
    assert_int_equal(seen->count, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(seen->offsets[i], from + i);
    }
}

/* ---- setup ---- */

static int setup(void **state)
{
    char text[512];
    struct rs_error error;

    (void)state;
    rs_mock_kafka_open(&mock, 1);
    static const char *const topics[] = {"reader", "late_start", "lost_offset", "missing",
                                         "moving", "again",      "deferred"};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        rs_mock_kafka_topic(&mock, topics[i], PARTITIONS);
    }
    rd_kafka_mock_topic_set_error(mock.cluster, "missing", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    (void)snprintf(
        text, sizeof text,
        "bootstrap.servers: \"%s\"\nheartbeat.interval.ms: 100\nsession.timeout.ms: 4000\n"
        "topic.metadata.refresh.interval.ms: 500\nfetch.wait.max.ms: 10\nstatistics.interval.ms: 100\n",
        rs_mock_kafka_brokers(&mock));
    if (rs_config_load_text("test", text, &config, &error) != 0) {
        return -1;
    }
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce("reader", i, 100);
        produce("late_start", i, 50);
        produce("lost_offset", i, 10);
        produce("moving", i, 20);
        produce("again", i, i == 0 ? MANY : 300);
        produce("deferred", i, 30);
    }
    open_member(&reader, "reader", "reader", RS_OFFSET_BEGINNING);
    open_member(&late_start, "late", "late_start", 40);
    open_member(&lost_offset, "lost", "lost_offset", 1000);
    open_member(&missing, "missing", "missing", RS_OFFSET_BEGINNING);
    open_member(&first, "moving", "moving", RS_OFFSET_BEGINNING);
    open_member(&again, "again", "again", RS_OFFSET_BEGINNING);
    open_member(&deferred, "deferred", "deferred", RS_OFFSET_BEGINNING);
    return 0;
}

static int teardown(void **state)
{
    struct member *const members[] = {&reader, &late_start, &lost_offset, &missing, &first,
                                      &second, &again,      &deferred,    &newcomer};

    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        rs_kafka_source_free(&members[i]->source);
    }
    rs_mock_kafka_close(&mock);
    rs_config_free(&config);
    return 0;
}

/* ---- tests ---- */

static void test_all_partitions_are_read_in_order_and_spread_evenly(void **state)
{
    int by_worker[WORKERS] = {0};
    struct rs_kafka_source_status status;

    (void)state;
    PUMP_UNTIL(records_count(&reader) >= PARTITIONS * 100, &reader, NOBODY);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_offsets(&reader.seen[i], 0, 100);
        assert_int_equal(reader.seen[i].assignments, 1);
        by_worker[reader.seen[i].worker]++;
    }
    assert_int_equal(by_worker[0], 2);
    assert_int_equal(by_worker[1], 2);
    rs_kafka_source_status(reader.source, &status);
    assert_true(status.joined);
    assert_int_equal(status.partitions, PARTITIONS);
    assert_int_equal(status.skipped, 0);
    assert_null(status.fatal);
}

static void test_end_offset_follows_the_log(void **state)
{
    struct rs_source table = rs_kafka_source_table(reader.source);

    (void)state;
    PUMP_UNTIL(table.ops->end_offset(table.self, 0, 1) == 100, &reader, NOBODY);
    produce("reader", 1, 5);
    PUMP_UNTIL(reader.seen[1].count == 105, &reader, NOBODY);
    PUMP_UNTIL(table.ops->end_offset(table.self, 0, 1) == 105, &reader, NOBODY);
    assert_int_equal(table.ops->end_offset(table.self, 0, PARTITIONS), -1);
}

/* Markers of transactions occupy offsets too. The mock writes none, so the log is made to look as if its last
 * three records were markers, and statistics say how far it was read. */
static void test_the_last_record_is_the_end_where_markers_follow(void **state)
{
    struct rs_source table = rs_kafka_source_table(reader.source);
    struct rs_kafka_part *part = rs_kafka_part_find(reader.source, 0, 0);
    int64_t delivered = atomic_load(&part->delivered);

    (void)state;
    PUMP_UNTIL(table.ops->end_offset(table.self, 0, 0) == 100, &reader, NOBODY);
    assert_int_equal(delivered, 100);
    atomic_store(&part->delivered, 97);
    atomic_store(&part->fetched_to, -1);
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 100);
    rs_kafka_control_statistics(reader.source,
                                "{\"ts\":9000000000000000,\"topics\":{\"reader\":{\"partitions\":{\"0\":{"
                                "\"next_offset\":100,\"fetchq_cnt\":2}}}}}");
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 100); /* two records still wait in the queue */
    rs_kafka_control_statistics(reader.source,
                                "{\"ts\":9000000000000000,\"topics\":{\"reader\":{\"partitions\":{\"0\":{"
                                "\"next_offset\":100,\"fetchq_cnt\":0}}}}}");
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 97);
    rs_kafka_control_statistics(reader.source, "not json");
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 97);
    atomic_store(&part->delivered,
                 -1); /* restored, and nothing has come since: it ends where reading began */
    int64_t expected = part->expected;
    part->expected = 98;
    assert_int_equal(table.ops->end_offset(table.self, 0, 0), 98);
    part->expected = expected;
    rs_kafka_control_statistics(reader.source,
                                "{\"ts\":1,\"topics\":{\"reader\":{\"partitions\":{\"0\":{\"next_offset\":99,"
                                "\"fetchq_cnt\":0}}}}}");
    assert_int_equal(atomic_load(&part->fetched_to), 100); /* told before the partition was fetched */
    atomic_store(&part->delivered, delivered);
}

static void test_a_held_run_keeps_others_back(void **state)
{
    struct rs_source table = rs_kafka_source_table(reader.source);
    uint32_t worker = reader.seen[2].worker;
    struct rs_source_event event;

    (void)state;
    reader.keep_held = true;
    memset(reader.took, 0, sizeof reader.took);
    int before = reader.seen[2].count;
    produce("reader", 2, 3);
    PUMP_UNTIL(reader.took[worker], &reader, NOBODY);
    int taken = reader.seen[2].count - before;
    produce("reader", 2, 3);
    for (int i = 0; i < 50; i++) {
        rs_kafka_source_poll(reader.source);
        assert_false(table.ops->take(table.self, worker, &event));
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(reader.seen[2].count, before + taken);
    reader.keep_held = false;
    table.ops->release(table.self, worker);
    PUMP_UNTIL(reader.seen[2].count == before + 6, &reader, NOBODY);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(reader.seen[2].offsets[before + i], before + i);
    }
}

static void test_descriptor_wakes_a_sleeping_worker(void **state)
{
    struct rs_source table = rs_kafka_source_table(reader.source);
    uint32_t worker = reader.seen[3].worker;
    struct pollfd fd = {.fd = table.ops->wake_fd(table.self, worker), .events = POLLIN};
    struct rs_source_event event;

    (void)state;
    pump(&reader);
    while (table.ops->take(table.self, worker, &event)) {
        on_event(&reader, worker, &event);
    }
    assert_int_equal(poll(&fd, 1, 0), 0);
    produce("reader", 3, 1);
    assert_int_equal(poll(&fd, 1, 5000), 1);
    PUMP_UNTIL(reader.seen[3].count == 101, &reader, NOBODY);
}

static void test_reading_begins_where_the_worker_says(void **state)
{
    (void)state;
    PUMP_UNTIL(records_count(&late_start) >= PARTITIONS * 10, &late_start, NOBODY);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_offsets(&late_start.seen[i], 40, 10);
    }
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

static void test_a_missing_topic_is_told_and_waited_for(void **state)
{
    struct rs_kafka_source_status status;

    (void)state;
    PUMP_UNTIL(strstr(missing.log, "does not exist") != NULL, &missing, NOBODY);
    assert_non_null(strstr(missing.log,
                           "stream missing: topic missing does not exist; waiting for it. Create it with: "
                           "kafka-topics.sh --bootstrap-server HOST:PORT --create --topic missing"));
    rs_kafka_source_status(missing.source, &status);
    assert_true(status.topics_missing);
    rd_kafka_mock_topic_set_error(mock.cluster, "missing", RD_KAFKA_RESP_ERR_NO_ERROR);
    PUMP_UNTIL(assigned_count(&missing) == PARTITIONS, &missing, NOBODY);
    PUMP_UNTIL((rs_kafka_source_status(missing.source, &status), !status.topics_missing), &missing, NOBODY);
}

static void test_partitions_move_to_a_second_member_and_back(void **state)
{
    (void)state;
    PUMP_UNTIL(records_count(&first) == PARTITIONS * 20, &first, NOBODY);
    open_member(&second, "moving", "moving", 15);
    PUMP_UNTIL(assigned_count(&first) == 2 && assigned_count(&second) == 2, &first, &second);
    PUMP_UNTIL(records_count(&second) == 2 * 5, &first, &second);
    for (int i = 0; i < PARTITIONS; i++) {
        produce("moving", i, 10);
    }
    PUMP_UNTIL(records_count(&first) + records_count(&second) == PARTITIONS * 20 + 10 + PARTITIONS * 10,
               &first, &second);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_true(first.seen[i].assigned != second.seen[i].assigned);
        assert_int_equal(first.seen[i].assignments, 1); /* what stayed was never taken away */
        assert_int_equal(first.seen[i].revocations, first.seen[i].assigned ? 0 : 1);
        assert_offsets(&first.seen[i], 0, first.seen[i].assigned ? 30 : 20);
        if (second.seen[i].assigned) {
            assert_offsets(&second.seen[i], 15, 15);
        }
    }
    first.start = 25;
    rs_kafka_source_free(&second.source);
    PUMP_UNTIL(assigned_count(&first) == PARTITIONS, &first, NOBODY);
    PUMP_UNTIL(records_count(&first) == 2 * 30 + 2 * (20 + 5), &first, NOBODY);
}

static void let_all_go(struct member *member)
{
    struct rs_kafka_source_status status;

    for (int32_t i = 0; i < PARTITIONS; i++) {
        if (member->seen[i].assigned) {
            let_go(member, i);
        }
    }
    PUMP_UNTIL((rs_kafka_source_status(member->source, &status), status.partitions == 0), member, NOBODY);
}

static void test_who_leaves_reads_on_until_the_workers_let_go(void **state)
{
    int before = records_count(&first);

    (void)state;
    first.keep_revoked = true;
    rs_kafka_source_close(first.source, 20000);
    assert_true(rd_kafka_consumer_closed(first.source->member));
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce("moving", i, 3);
    }
    PUMP_UNTIL(records_count(&first) == before + PARTITIONS * 3, &first, NOBODY);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_true(first.seen[i].revocations > 0);
    }
    let_all_go(&first);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce("moving", i, 3);
    }
    for (int i = 0; i < 100; i++) {
        pump(&first);
        (void)poll(NULL, 0, 2);
    }
    assert_int_equal(records_count(&first), before + PARTITIONS * 3);
}

static enum rs_other_members ask_other_members(struct member *member)
{
    rs_kafka_source_ask_other_members(member->source);
    PUMP_UNTIL(rs_kafka_source_other_members(member->source) != RS_OTHER_MEMBERS_UNKNOWN, member, NOBODY);
    return rs_kafka_source_other_members(member->source);
}

/* No answer is no answer: whoever takes it for "nobody" stops before the others have what was its own. Asking
 * holds nothing up meanwhile. */
static void test_a_group_that_cannot_be_listed_may_have_others(void **state)
{
    (void)state;
    assert_int_equal(ask_other_members(&again), RS_OTHER_MEMBERS_NONE); /* the mock knows no such question */
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    assert_int_equal(ask_other_members(&again), RS_OTHER_MEMBERS_POSSIBLE);
    rd_kafka_mock_broker_set_up(mock.cluster, 1);
}

/* ---- reading from elsewhere; each record has to be the next one, see on_records ---- */

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
    struct rs_kafka_part *part = rs_kafka_part_find(again.source, 0, other);
    for (int i = 0; i < 20000 && !part->fetched; i++) {
        rs_kafka_source_poll(again.source);
        assert_false(table.ops->take(table.self, index, &event));
        rs_kafka_source_poll(again.source);
    }
    assert_true(part->fetched);
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
    struct rs_kafka_part *part = rs_kafka_part_find(again.source, 0, 0);

    (void)state;
    start(&again, 0, 10);
    PUMP_UNTIL(again.seen[0].next > 10, &again, NOBODY);
    atomic_store(&part->out_of_range, again.seen[0].next);
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
    struct rs_kafka_part *part = rs_kafka_part_find(lost_offset.source, 0, 1);
    struct rs_source_event event;

    (void)state;
    int stops = lost_offset.seen[1].stops;
    start(&lost_offset, 1, 3);
    PUMP_UNTIL(lost_offset.seen[1].next == 10, &lost_offset, NOBODY);
    start(&lost_offset, 1, 500);
    for (int i = 0; i < 20000 && !atomic_load(&part->has_stopped); i++) {
        rs_kafka_source_poll(lost_offset.source);
        if (!atomic_load(&part->has_stopped)) {
            assert_false(table.ops->take(table.self, lost_offset.seen[1].worker, &event));
        }
        (void)poll(NULL, 0, 1);
    }
    assert_true(atomic_load(&part->has_stopped));
    start(&lost_offset, 1, 3);
    PUMP_UNTIL(lost_offset.seen[1].next == 10, &lost_offset, NOBODY);
    assert_int_equal(lost_offset.seen[1].stops, stops);
}

static int revoked_count(const struct member *member)
{
    int count = 0;

    for (int i = 0; i < PARTITIONS; i++) {
        count += member->seen[i].revocations;
    }
    return count;
}

static void test_a_revoked_partition_is_read_by_both_until_one_lets_go(void **state)
{
    struct rs_kafka_source_status status;
    int32_t goes = -1;

    (void)state;
    PUMP_UNTIL(records_count(&deferred) == PARTITIONS * 30, &deferred, NOBODY);
    deferred.keep_revoked = true;
    open_member(&newcomer, "deferred", "deferred", 0);
    PUMP_UNTIL(assigned_count(&newcomer) == 2 && revoked_count(&deferred) == 2, &deferred, &newcomer);
    assert_int_equal(assigned_count(&deferred), PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        goes = deferred.seen[i].revocations > 0 ? i : goes;
        produce("deferred", i, 5);
    }
    PUMP_UNTIL(records_count(&deferred) == PARTITIONS * 35 && records_count(&newcomer) == 2 * 35, &deferred,
               &newcomer);
    start(&deferred, goes, 12); /* whoever has not let go may also read from elsewhere */
    PUMP_UNTIL(deferred.seen[goes].next == 35, &deferred, &newcomer);
    let_go(&deferred, goes);
    PUMP_UNTIL((rs_kafka_source_status(deferred.source, &status), status.partitions == PARTITIONS - 1),
               &deferred, &newcomer);
    produce("deferred", goes, 5);
    PUMP_UNTIL(newcomer.seen[goes].next == 40, &deferred, &newcomer);
    assert_int_equal(deferred.seen[goes].next, 35);
    struct rs_source table = rs_kafka_source_table(deferred.source);
    struct rs_error error;
    assert_int_equal(table.ops->start(table.self, 0, goes, 0, &error), RS_EINVAL);
}

/* Of the two that moved one is still read here, and the other was let go. */
static void test_what_comes_back_is_kept_or_read_anew(void **state)
{
    int32_t kept = -1;
    int32_t anew = -1;

    (void)state;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        kept = deferred.seen[i].revocations > 0 && deferred.seen[i].assigned ? i : kept;
        anew = deferred.seen[i].assigned ? anew : i;
    }
    int count = deferred.seen[kept].count;
    deferred.start = 38;
    rs_kafka_source_free(&newcomer.source);
    PUMP_UNTIL(deferred.seen[kept].assignments == 2 && deferred.seen[anew].assignments == 2, &deferred,
               NOBODY);
    produce("deferred", kept, 5);
    PUMP_UNTIL(deferred.seen[kept].next == 40 && deferred.seen[anew].next == 40, &deferred, NOBODY);
    assert_int_equal(deferred.seen[kept].count, count + 5); /* nothing came again */
}

static void test_a_lost_session_interrupts_nothing(void **state)
{
    int lost = 0;

    (void)state;
    int before = deferred.seen[0].assignments;
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    PUMP_UNTIL(strstr(deferred.log, "lost 4 partitions") != NULL, &deferred, NOBODY);
    rd_kafka_mock_broker_set_up(mock.cluster, 1);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        produce("deferred", i, 5);
        lost += deferred.seen[i].assigned;
    }
    assert_int_equal(lost, PARTITIONS);
    PUMP_UNTIL(deferred.seen[0].assignments == before + 1, &deferred, NOBODY);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        PUMP_UNTIL(deferred.seen[i].next >= 40, &deferred, NOBODY);
    }
}

/* The worker hears of neither when a revocation is taken back before it has read of it. */
static void test_what_is_taken_back_in_time_is_not_told(void **state)
{
    struct rs_kafka_part *part = rs_kafka_part_find(deferred.source, 0, 1);
    int assignments = deferred.seen[1].assignments;
    int revocations = deferred.seen[1].revocations;

    (void)state;
    rs_kafka_control_revoke_all(deferred.source);
    pthread_mutex_lock(&deferred.source->mutex);
    assert_true(part->revoked.queued);
    assert_true(rs_kafka_mail_cancel(deferred.source, &part->revoked));
    assert_false(rs_kafka_mail_cancel(deferred.source, &part->revoked));
    pthread_mutex_unlock(&deferred.source->mutex);
    pump(&deferred);
    assert_int_equal(deferred.seen[1].assignments, assignments);
    assert_int_equal(deferred.seen[1].revocations, revocations);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_true(i == 1 || deferred.seen[i].revocations > 0);
    }
}

/* The worker lets go while mail of a second assignment and revocation waits: it is not read from a part that
 * is freed. */
static void test_what_is_let_go_leaves_no_mail(void **state)
{
    struct rs_kafka_part *part = rs_kafka_part_find(deferred.source, 0, 0);
    int revocations = deferred.seen[0].revocations;
    int assignments = deferred.seen[0].assignments;

    (void)state;
    assert_int_equal(part->hold, RS_KAFKA_REVOKED);
    rs_kafka_mail_send(deferred.source, &part->assigned);
    rs_kafka_mail_send(deferred.source, &part->revoked);
    let_go(&deferred, 0);
    assert_false(part->assigned.queued || part->revoked.queued || part->stopped.queued || part->fence.queued);
    rs_kafka_source_poll(deferred.source);
    assert_null(rs_kafka_part_find(deferred.source, 0, 0));
    pump(&deferred);
    assert_int_equal(deferred.seen[0].assignments, assignments);
    assert_int_equal(deferred.seen[0].revocations, revocations);
}

static void test_the_group_is_told_what_is_sealed(void **state)
{
    struct rs_source table = rs_kafka_source_table(late_start.source);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    (void)state;
    table.ops->committed(table.self, 0, 2, 44);
    rd_kafka_topic_partition_t *entry = rd_kafka_topic_partition_list_add(list, "late_start", 2);
    int64_t until = rs_clock_mono(rs_clock_system()) + PATIENCE_US;
    do {
        pump(&late_start);
        assert_int_equal(rd_kafka_committed(late_start.source->member, list, 5000),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    } while (entry->offset != 44 && rs_clock_mono(rs_clock_system()) < until);
    assert_int_equal(entry->offset, 44);
    rd_kafka_topic_partition_list_destroy(list);
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
        cmocka_unit_test(test_all_partitions_are_read_in_order_and_spread_evenly),
        cmocka_unit_test(test_end_offset_follows_the_log),
        cmocka_unit_test(test_the_last_record_is_the_end_where_markers_follow),
        cmocka_unit_test(test_a_held_run_keeps_others_back),
        cmocka_unit_test(test_descriptor_wakes_a_sleeping_worker),
        cmocka_unit_test(test_reading_begins_where_the_worker_says),
        cmocka_unit_test(test_an_offset_that_is_not_there_stops_the_partition),
        cmocka_unit_test(test_a_missing_topic_is_told_and_waited_for),
        cmocka_unit_test(test_partitions_move_to_a_second_member_and_back),
        cmocka_unit_test(test_who_leaves_reads_on_until_the_workers_let_go),
        cmocka_unit_test(test_reading_starts_again_before_and_behind),
        cmocka_unit_test(test_reading_starts_again_while_records_wait),
        cmocka_unit_test(test_the_newest_start_counts),
        cmocka_unit_test(test_reading_starts_again_at_any_time),
        cmocka_unit_test(test_the_rest_of_a_batch_is_of_the_earlier_reading),
        cmocka_unit_test(test_a_refusal_is_checked_against_the_log),
        cmocka_unit_test(test_a_stopped_partition_is_revived),
        cmocka_unit_test(test_a_stop_that_was_overtaken_is_not_told),
        cmocka_unit_test(test_the_group_is_told_what_is_sealed),
        cmocka_unit_test(test_a_revoked_partition_is_read_by_both_until_one_lets_go),
        cmocka_unit_test(test_a_group_that_cannot_be_listed_may_have_others),
        cmocka_unit_test(test_what_comes_back_is_kept_or_read_anew),
        cmocka_unit_test(test_a_lost_session_interrupts_nothing),
        cmocka_unit_test(test_what_is_taken_back_in_time_is_not_told),
        cmocka_unit_test(test_what_is_let_go_leaves_no_mail),
        cmocka_unit_test(test_leaving_waits_for_no_start),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
