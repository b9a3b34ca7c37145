#include "tests/lib/kafka_member.h"

#include <stdio.h>

struct rs_mock_kafka mock;
static struct rs_config *config;

/* ---- the cluster ---- */

void open_cluster(const char *const topics[], size_t count)
{
    char text[512];
    struct rs_error error;

    rs_mock_kafka_open(&mock, 1);
    for (size_t i = 0; i < count; i++) {
        rs_mock_kafka_topic(&mock, topics[i], PARTITIONS);
    }
    (void)snprintf(
        text, sizeof text,
        "bootstrap.servers: \"%s\"\nheartbeat.interval.ms: 100\nsession.timeout.ms: 4000\n"
        "topic.metadata.refresh.interval.ms: 500\nfetch.wait.max.ms: 10\nstatistics.interval.ms: 100\n",
        rs_mock_kafka_brokers(&mock));
    if (rs_config_load_text("test", text, &config, &error) != 0) {
        fail_msg("%s", error.text);
    }
}

void close_cluster(void)
{
    rs_mock_kafka_close(&mock);
    rs_config_free(&config);
}

/* ---- members ---- */

static void report(void *ctx, enum rs_log_level level, const char *text)
{
    struct member *member = ctx;
    size_t used = strlen(member->log);

    (void)level;
    (void)snprintf(member->log + used, sizeof member->log - used, "%s\n", text);
}

void open_member(struct member *member, const char *name, const char *topic, int64_t start)
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

void produce(const char *topic, int32_t partition, int count)
{
    for (int i = 0; i < count; i++) {
        char value[32];
        (void)snprintf(value, sizeof value, "value %d", i);
        rs_mock_kafka_produce(&mock, topic, partition, "k", value, 1700000000123 + i);
    }
    rs_mock_kafka_flush(&mock);
}

void on_records(struct member *member, const struct rs_source_event *event)
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

void start(struct member *member, int32_t partition, int64_t offset)
{
    struct rs_source table = rs_kafka_source_table(member->source);
    struct rs_error error;

    assert_int_equal(table.ops->start(table.self, 0, partition, offset, &error), 0);
    member->seen[partition].reading = true;
    member->seen[partition].next = offset == RS_OFFSET_BEGINNING ? 0 : offset;
}

void let_go(struct member *member, int32_t partition)
{
    struct rs_source table = rs_kafka_source_table(member->source);

    member->seen[partition].assigned = member->seen[partition].reading = false;
    table.ops->done(table.self, 0, partition);
}

void on_event(struct member *member, uint32_t worker, const struct rs_source_event *event)
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

void pump(struct member *member)
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

int assigned_count(const struct member *member)
{
    int count = 0;

    for (int i = 0; i < PARTITIONS; i++) {
        count += member->seen[i].assigned ? 1 : 0;
    }
    return count;
}

int records_count(const struct member *member)
{
    int count = 0;

    for (int i = 0; i < PARTITIONS; i++) {
        count += member->seen[i].count;
    }
    return count;
}

void assert_offsets(const struct seen *seen, int64_t from, int count)
{
    assert_int_equal(seen->count, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(seen->offsets[i], from + i);
    }
}
