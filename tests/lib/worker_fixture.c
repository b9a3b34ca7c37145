#include "tests/lib/worker_fixture.h"
#include "tests/lib/bytes.h"
#include "tests/lib/virtual_clock.h"

#include <stdio.h>
#include <stdlib.h>

static const char configuration[] = "group: test\n"
                                    "schemas: {directory: tests/unit/transform/worker}\n"
                                    "streams:\n"
                                    "  ticks:\n"
                                    "    topic: ticks.topic\n"
                                    "    schema: tick.avsc\n"
                                    "    time: at\n"
                                    "    max_future: 365d\n"
                                    "    rules: {size: {ge: 0}}\n"
                                    "aggregates:\n"
                                    "  minute:\n"
                                    "    stream: ticks\n"
                                    "    by: [name]\n"
                                    "    window: {tumbling: 1m}\n"
                                    "    history: 5\n"
                                    "    stats: {n: count(), total: sum(size)}\n"
                                    "  slide:\n"
                                    "    stream: ticks\n"
                                    "    by: [name]\n"
                                    "    window: {sliding: 10s, every: 1s}\n"
                                    "    stats: {n: count()}\n";

/* ---- dead letters that can be full ---- */

static bool put_letter(void *self, const struct rs_dead_letter *letter)
{
    struct letters *letters = self;

    if (letters->full) {
        return false;
    }
    letters->count++;
    letters->last = letter->reason;
    letters->byte = letter->byte;
    (void)snprintf(letters->field, sizeof letters->field, "%s", letter->field ? letter->field : "");
    return true;
}

static int64_t acknowledged(void *self, uint32_t stream, int32_t partition)
{
    const struct letters *letters = self;

    (void)stream;
    (void)partition;
    return letters->acknowledged;
}

static const struct rs_dead_letter_ops letter_ops = {.put = put_letter, .acknowledged = acknowledged};

/* ---- a state log whose claims can be refused or delayed ---- */

static int slow_claim(void *self, struct rs_partition_id id, int64_t start, struct rs_error *error)
{
    struct slow_log *log = self;

    log->claims++;
    if (log->refuse) {
        return rs_fail(error, RS_EBROKER, "the state topic is away");
    }
    return log->inner.ops->claim(log->inner.self, id, start, error);
}

static int slow_chunk(void *self, struct rs_partition_id id, struct rs_slice bytes, struct rs_error *error)
{
    struct slow_log *log = self;

    return log->inner.ops->chunk(log->inner.self, id, bytes, error);
}

static int slow_seal(void *self, struct rs_partition_id id, const struct rs_seal *seal, struct rs_slice head,
                     bool sweep_ends, struct rs_error *error)
{
    struct slow_log *log = self;

    return log->inner.ops->seal(log->inner.self, id, seal, head, sweep_ends, error);
}

static void slow_release(void *self, struct rs_partition_id id)
{
    struct slow_log *log = self;

    log->releases++;
    log->inner.ops->release(log->inner.self, id);
}

static bool slow_take(void *self, uint32_t worker, struct rs_state_event *out)
{
    struct slow_log *log = self;

    return !log->delay && log->inner.ops->take(log->inner.self, worker, out);
}

static int slow_wake_fd(void *self, uint32_t worker)
{
    (void)self;
    (void)worker;
    return -1;
}

static const struct rs_state_log_ops slow_ops = {
    .claim = slow_claim,
    .chunk = slow_chunk,
    .seal = slow_seal,
    .release = slow_release,
    .take = slow_take,
    .wake_fd = slow_wake_fd,
};

/* ---- the whole set-up ---- */

void open_worker(struct fixture *f, int64_t publish_every_us, uint64_t history_limit)
{
    const struct rs_worker_options options = {
        .index = 0,
        .engine = f->engine,
        .streams = f->streams,
        .source = rs_memory_source_table(f->source),
        .sink = rs_memory_store_table(f->store),
        .dead_letters = {.self = &f->letters, .ops = &letter_ops},
        .log = f->other_log.ops ? f->other_log : (struct rs_state_log){.self = &f->log, .ops = &slow_ops},
        .clock = &f->clock.clock,
        .prefix = "rs",
        .publish_every_us = publish_every_us,
        .commit_every_us = SECOND,
        .memory_limit = 64 << 20,
        .history_limit = history_limit,
        .batches = 4,
        .batch_bytes = 4096,
        .leave_within_us = 2 * SECOND,
        .report = kept_reports_to(&f->reports),
    };

    OK(rs_worker_new(&options, &f->worker, &f->error));
}

int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    size_t meta_count = 0;

    assert_non_null(f);
    *state = f;
    kept_reports_init(&f->reports);
    OK(rs_config_load_text("test.yaml", configuration, &f->config, &f->error));
    OK(rs_streams_load(f->config, &f->streams, &f->error));
    OK(rs_engine_load(f->config, f->streams, &f->engine, &f->error));
    assert_int_equal(rs_config_complaints(f->config), 0);
    rs_clock_virtual_init(&f->clock, WALL_US);
    rs_clock_virtual_advance(&f->clock, 1000 * SECOND);
    OK(rs_memory_source_new(1, 8, &f->source, &f->error));
    const struct rs_aggregate_meta *metas = rs_engine_metas(f->engine, &meta_count);
    OK(rs_memory_store_new("rs", metas, meta_count, &f->store, &f->error));
    OK(rs_memory_log_new(1, &f->clock.clock, &f->memory_log, &f->error));
    f->log.inner = rs_memory_log_table(f->memory_log);
    f->letters.acknowledged = INT64_MAX;
    return 0;
}

int teardown(void **state)
{
    struct fixture *f = *state;

    rs_worker_free(&f->worker);
    rs_memory_log_free(&f->memory_log);
    rs_memory_store_free(&f->store);
    rs_memory_source_free(&f->source);
    rs_engine_free(&f->engine);
    rs_streams_free(&f->streams);
    rs_config_free(&f->config);
    kept_reports_fini(&f->reports);
    free(f);
    return 0;
}

/* ---- events ---- */

void append(struct fixture *f, int32_t partition, int64_t at_us, const char *name, int64_t quantity)
{
    append_arrived(f, partition, at_us, name, quantity, RS_TIME_NONE);
}

void append_arrived(struct fixture *f, int32_t partition, int64_t at_us, const char *name, int64_t quantity,
                    int64_t arrived_us)
{
    uint8_t value[128];
    size_t size = bytes_long(value, at_us);
    const struct rs_slice text = rs_slice_text(name);

    size += bytes_long(value + size, (int64_t)text.size);
    memcpy(value + size, text.data, text.size);
    size += text.size;
    size += bytes_long(value + size, quantity);
    const struct rs_record record = {.value = rs_slice_of(value, size), .timestamp_us = arrived_us};
    OK(rs_memory_source_append(f->source, 0, partition, &record, 0, &f->error));
}

void append_bad(struct fixture *f, int32_t partition)
{
    append(f, partition, T0, "bad", -1);
}

void run_for(struct fixture *f, int64_t us)
{
    int64_t until = f->clock.monotonic_us + us;

    for (;;) {
        int64_t due = rs_worker_step(f->worker);
        if (due <= f->clock.monotonic_us) {
            due = f->clock.monotonic_us + 1;
        }
        if (due > f->clock.monotonic_us + 100 * MS) {
            due = f->clock.monotonic_us + 100 * MS;
        }
        if (due > until) {
            rs_clock_virtual_advance(&f->clock, until - f->clock.monotonic_us);
            (void)rs_worker_step(f->worker);
            return;
        }
        rs_clock_virtual_advance(&f->clock, due - f->clock.monotonic_us);
    }
}

void begin(struct fixture *f)
{
    open_worker(f, 1 * MS, 1000);
    assign(f, 0);
}

void begin_with_one(struct fixture *f, int64_t us)
{
    begin(f);
    append(f, 0, T0, "a", 1);
    run_for(f, us);
}

/* ---- what came of it ---- */

void assert_field(struct fixture *f, const char *aggregate, const char *key, const char *field,
                  const char *expected)
{
    struct rs_slice text = rs_memory_store_field(f->store, aggregate, key, field);
    char found[64];

    (void)snprintf(found, sizeof found, "%.*s", (int)text.size, !text.data ? "" : (const char *)text.data);
    assert_string_equal(found, expected);
}

bool has_history(struct fixture *f, const char *key, int64_t start_us)
{
    return rs_memory_store_history(f->store, "minute", key, start_us / 1000).data != NULL;
}

struct rs_memory_store_counts counts_of(const struct fixture *f)
{
    struct rs_memory_store_counts counts;

    rs_memory_store_counts(f->store, &counts);
    return counts;
}

struct fence fence_of(const struct fixture *f)
{
    struct fence fence;

    assert_true(rs_memory_store_fence(f->store, "ticks", 0, &fence.token, &fence.offset, &fence.shown_us));
    return fence;
}

void move_fence(struct fixture *f, uint64_t token)
{
    struct fence fence = fence_of(f);

    rs_memory_store_set_fence(f->store, "ticks", 0, token, fence.offset, fence.shown_us);
}

static void read_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    struct one_partition *one = ctx;

    one->count = snapshot->partition_count;
    one->waiting = snapshot->waiting_for;
    one->waits = snapshot->waits;
    for (size_t i = 0; i < snapshot->partition_count; i++) {
        if (snapshot->partitions[i].partition == one->partition) {
            one->status = snapshot->partitions[i];
        }
    }
}

struct one_partition look(struct fixture *f, int32_t partition)
{
    struct one_partition one = {.partition = partition};

    run_for(f, 250 * MS); /* snapshots are at most 200 ms old */
    rs_worker_snapshot(f->worker, read_snapshot, &one);
    return one;
}

void assign(struct fixture *f, int32_t partition)
{
    OK(rs_memory_source_assign(f->source, 0, 0, partition, &f->error));
}

void tell(struct fixture *f, enum rs_source_event_kind kind, int32_t partition)
{
    struct rs_error why;

    (void)rs_fail(&why, RS_ESTATE, "offset 3 is gone");
    OK(rs_memory_source_tell(f->source, kind, 0, partition, &why, &f->error));
}
