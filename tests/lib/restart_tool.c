/* restart_tool: rows of a file through one partition of the engine that crashes again and again, at moments of a seed.
 * Usage: restart_tool CONFIG STREAM SEED FILE
 * Beside reading rows it fills batches of state and writes views; a crash leaves what was sealed, and what was written. A
 * second partition takes all rows in one go: in the end both have to have the same bytes. Prints what is written then, as
 * --replay does with one partition. What was shown earlier may have moved the time that is shown further than --replay
 * does, which shows nothing before the end: the last line on stderr says how often it crashed and, in microseconds, that time.
 * Ends with 0, else by SIGABRT. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/read/rows.h"
#include "sink/memory/store.h"
#include "tests/lib/partition_state.h"
#include "tests/lib/random.h"
#include "tests/sim/engine_log.h"
#include "transform/plan/load.h"

#define EMIT_BYTES ((size_t)64 << 10)
#define ROWS_MAX   20000

struct tool {
    struct rs_loaded loaded;
    const struct rs_stream *stream;
    struct rs_buf bytes; /* of all rows, one after another */
    size_t value_starts[ROWS_MAX], key_starts[ROWS_MAX];
    struct rs_record records[ROWS_MAX];
    size_t count, applied;
    struct rs_partition *partition, *plain;
    struct engine_log log;
    struct rs_memory_store *store;
    struct rs_view_sink sink;
    struct rs_view_batch *batch;
    struct rs_random chance;
    uint64_t token, crashes, batches;
    struct rs_error error;
};

static void must(bool right, const char *what, const struct tool *tool)
{
    if (!right) {
        fprintf(stderr, "restart_tool: %s: %s\n", what, tool->error.text);
        abort();
    }
}

/* ---- rows ---- */

static void keep_row(struct tool *tool, const struct rs_row *row)
{
    struct rs_record *record = &tool->records[tool->count];
    must(tool->count < ROWS_MAX, "too many rows", tool);
    *record = (struct rs_record){
        .key = row->key, .value = row->value, .offset = (int64_t)tool->count, .timestamp_us = RS_TIME_NONE};
    tool->value_starts[tool->count] = tool->bytes.size;
    rs_buf_put(&tool->bytes, row->value.data, row->value.size);
    tool->key_starts[tool->count++] = tool->bytes.size;
    rs_buf_put(&tool->bytes, row->key.data, row->key.size);
}

static void read_rows(struct tool *tool, const char *file)
{
    const struct rs_rows_options options = {0};
    struct rs_rows *rows = NULL;
    struct rs_row row;
    int rc = rs_rows_open(tool->stream, &options, &file, 1, &rows, &tool->error);

    must(rc == 0, "the rows cannot be opened", tool);
    while ((rc = rs_rows_next(rows, &row, &tool->error)) != 0) {
        must(rc > 0, "a row cannot be read", tool);
        keep_row(tool, &row);
    }
    rs_rows_free(&rows);
    must(!tool->bytes.failed, "out of memory", tool);
    for (size_t i = 0; i < tool->count; i++) {
        tool->records[i].value.data = tool->bytes.data + tool->value_starts[i];
        if (tool->records[i].key.data) {
            tool->records[i].key.data = tool->bytes.data + tool->key_starts[i];
        }
    }
}

/* ---- what may happen ---- */

static void apply(struct tool *tool, struct rs_partition *p, size_t from, size_t to)
{
    must(rs_partition_apply(p, tool->records + from, to - from, NULL) == to - from, "records were not taken",
         tool);
}

static struct rs_partition *new_partition(struct tool *tool)
{
    struct rs_partition *p = NULL;
    int rc = rs_partition_new(tool->loaded.engine, tool->stream->index, 0, &p, &tool->error);
    must(rc == 0, "no partition", tool);
    return p;
}

static void emit(struct tool *tool)
{
    for (;;) { /* to the end: an answer may let out what had to wait for it */
        rs_view_batch_reset(tool->batch);
        (void)rs_partition_emit(tool->partition, tool->batch, EMIT_BYTES);
        if (tool->batch->op_count == 0) {
            return;
        }
        tool->batch->stream = tool->stream->index;
        tool->batch->stream_name = tool->stream->name;
        tool->batch->token = tool->token;
        tool->sink.ops->submit(tool->sink.self, &tool->batch);
        tool->batch = tool->sink.ops->finished(tool->sink.self, 0);
        must(tool->batch->result == RS_BATCH_APPLIED, "a batch of views was refused", tool);
        rs_partition_settle(tool->partition, tool->batch);
    }
}

static void work_on_batch(struct tool *tool)
{
    struct rs_random *chance = &tool->chance;
    if (!tool->log.open) {
        bool sweep = !tool->log.sweeping && rs_random_one_in(chance, 2);
        struct rs_state_plan plan = {.sweep_begins = sweep};
        if (sweep || tool->log.sweeping) {
            plan.slice_bytes = (uint64_t)rs_random_between(chance, 1, 10000);
        }
        engine_log_begin(&tool->log, tool->partition, plan);
        tool->batches++;
    }
    for (int64_t i = rs_random_between(chance, 1, 40); i > 0 && tool->log.open; i--) {
        must(engine_log_step(&tool->log, tool->partition), "a batch cannot be filled", tool);
    }
}

/* Nothing is written until what had been read is read again, and shown as of no earlier time: as the fence in Redis sees
 * to it. */
static void crash(struct tool *tool)
{
    struct rs_partition *fresh = new_partition(tool);
    int64_t next = 0;
    int64_t offset;
    int64_t shown_us;
    uint64_t token;

    engine_log_give_up(&tool->log);
    must(engine_log_restore(&tool->log, fresh, &next, &tool->error) == 0, "the state does not restore", tool);
    must(next >= 0 && (size_t)next <= tool->applied, "the state is of rows that were not read", tool);
    rs_partition_free(&tool->partition);
    tool->partition = fresh;
    tool->token++;
    tool->crashes++;
    apply(tool, fresh, (size_t)next, tool->applied);
    if (rs_memory_store_fence(tool->store, tool->stream->name, 0, &token, &offset, &shown_us)) {
        rs_partition_show(fresh, shown_us);
    }
}

static void live(struct tool *tool)
{
    struct rs_random *chance = &tool->chance;
    int64_t step = rs_random_between(chance, 1, (int64_t)tool->count / 4 + 2);
    while (tool->applied < tool->count) {
        size_t to = tool->applied + (size_t)rs_random_between(chance, 1, step);
        to = to < tool->count ? to : tool->count;
        apply(tool, tool->partition, tool->applied, to);
        tool->applied = to;
        if (!rs_random_one_in(chance, 3)) {
            work_on_batch(tool);
        }
        if (rs_random_one_in(chance, 3)) {
            emit(tool);
        }
        if (rs_random_one_in(chance, 4)) {
            crash(tool);
        }
    }
    work_on_batch(tool);
    crash(tool);
}

/* ---- the end ---- */

/* As of the newest event: what --replay does. */
static int64_t rest(struct rs_partition *p)
{
    struct rs_partition_status status;
    rs_partition_rest(p, INT64_MAX, false);
    rs_partition_rest(p, INT64_MAX, true);
    rs_partition_status(p, &status);
    return status.now_shown_us;
}

static void compare(struct tool *tool)
{
    struct rs_buf mine = {0};
    struct rs_buf plain = {0};
    struct rs_view_batch *batch = rs_view_batch_new();

    do { /* what is acknowledged goes out of the state */
        rs_view_batch_reset(batch);
        (void)rs_partition_emit(tool->plain, batch, EMIT_BYTES);
        batch->result = RS_BATCH_APPLIED;
        rs_partition_settle(tool->plain, batch);
    } while (batch->op_count > 0);
    rs_partition_save(tool->partition, &mine);
    rs_partition_save(tool->plain, &plain);
    must(!mine.failed && !plain.failed, "out of memory", tool);
    must(rs_slice_equal(rs_buf_slice(&mine), rs_buf_slice(&plain)),
         "the partition that took all in one go has another state", tool);
    rs_buf_fini(&mine);
    rs_buf_fini(&plain);
    rs_view_batch_free(&batch);
}

static void open_all(struct tool *tool, char **argv)
{
    size_t meta_count = 0;
    int rc = rs_loaded_open(argv[1], RS_LOAD_ENGINE, &tool->loaded, &tool->error);

    must(rc == 0, "the configuration does not load", tool);
    tool->stream = rs_streams_find(tool->loaded.streams, argv[2]);
    must(tool->stream != NULL, "no such stream", tool);
    const struct rs_aggregate_meta *metas = rs_engine_metas(tool->loaded.engine, &meta_count);
    rc = rs_memory_store_new("rs", metas, meta_count, &tool->store, &tool->error);
    tool->batch = rs_view_batch_new();
    must(rc == 0 && tool->batch, "out of memory", tool);
    tool->sink = rs_memory_store_table(tool->store);
    tool->chance = (struct rs_random){strtoull(argv[3], NULL, 10)};
    tool->token = 1;
    read_rows(tool, argv[4]);
    tool->plain = new_partition(tool);
    tool->partition = new_partition(tool);
    rs_partition_seal_enable(tool->partition, 0);
}

static void close_all(struct tool *tool)
{
    engine_log_give_up(&tool->log);
    engine_log_free(&tool->log);
    rs_partition_free(&tool->partition);
    rs_partition_free(&tool->plain);
    rs_view_batch_free(&tool->batch);
    rs_memory_store_free(&tool->store);
    rs_loaded_close(&tool->loaded);
    rs_buf_fini(&tool->bytes);
}

int main(int argc, char **argv)
{
    static struct tool tool;

    if (argc != 5) {
        fprintf(stderr, "usage: restart_tool CONFIG STREAM SEED FILE\n");
        return 1;
    }
    open_all(&tool, argv);
    live(&tool);
    apply(&tool, tool.plain, 0, tool.count);
    int64_t shown_us = rest(tool.partition);
    int64_t plain_us = rest(tool.plain);
    shown_us = plain_us > shown_us ? plain_us : shown_us;
    rs_partition_show(tool.partition, shown_us);
    rs_partition_show(tool.plain, shown_us);
    emit(&tool);
    compare(&tool);
    must(rs_memory_store_print(tool.store, stdout, &tool.error) == 0, "nothing can be printed", &tool);
    fprintf(stderr, "%" PRIu64 " crashes, %" PRIu64 " batches, shown %" PRId64 "\n", tool.crashes,
            tool.batches, shown_us);
    close_all(&tool);
    return 0;
}
