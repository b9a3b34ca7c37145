/* --replay: files through the same engine, into a memory store instead of Redis. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#include "base/time/text.h"
#include "schemas/record_field.h"
#include "sink/memory/store.h"
#include "transform/daemon/rollstatd.h"
#include "transform/daemon/sample.h"
#include "transform/plan/engine.h"

#define EMIT_EVERY    4096 /* records of a partition between emissions: bounds what is pending */
#define EMIT_BYTES    ((size_t)256 << 10)
#define FAULTS_SHOWN  20 /* lines about rejected events; the rest is counted */
#define REPLAY_WORKER 0

struct replay_partition {
    struct rs_partition *state;
    int64_t next_offset;
    uint64_t unemitted;
};

struct replay {
    const struct rs_settings *settings;
    const struct rs_replay_options *options;
    const struct rs_stream *stream;
    struct rs_memory_store *store;
    struct rs_view_sink sink;
    struct rs_view_batch *batch; /* NULL while the store has it */
    struct rs_rows_options row_options;
    struct rs_rows *rows;
    struct replay_partition *partitions;
    struct rs_row row; /* the one that is being applied */
    int32_t round_robin;
    uint64_t rows_good, shown;
    uint64_t reasons[RS_REASON_COUNT];
    struct rs_sample *sample; /* NULL: keys and accounting are what is wanted */
};

/* ---- rejected events: counted, and shown with the place they came from ---- */

static bool count_dead_letter(void *self, const struct rs_dead_letter *letter)
{
    struct replay *replay = self;

    replay->reasons[letter->reason]++;
    if (replay->shown++ < FAULTS_SHOWN) {
        fprintf(stderr, "%s:%" PRIu64 ": %s: %s\n", replay->row.file, replay->row.line,
                rs_reason_name(letter->reason), letter->text);
    } else if (replay->shown == FAULTS_SHOWN + 1) {
        fprintf(stderr, "(further rejected events are only counted)\n");
    }
    return true;
}

static int64_t all_acknowledged(void *self, uint32_t stream, int32_t partition)
{
    (void)self;
    (void)stream;
    (void)partition;
    return INT64_MAX;
}

static const struct rs_dead_letter_ops dead_letter_ops = {.put = count_dead_letter,
                                                          .acknowledged = all_acknowledged};

/* ---- emitting ---- */

static int emit(struct replay *replay, int32_t number, struct rs_error *error)
{
    struct replay_partition *partition = &replay->partitions[number];

    partition->unemitted = 0;
    for (;;) { /* to the end: an answer may let out what had to wait for it */
        struct rs_view_batch *batch = replay->batch;
        rs_view_batch_reset(batch);
        (void)rs_partition_emit(partition->state, batch, EMIT_BYTES);
        batch->stream = replay->stream->index;
        batch->stream_name = replay->stream->name;
        batch->partition = number;
        batch->worker = REPLAY_WORKER;
        batch->token = 1;
        if (batch->ops.failed) {
            return rs_fail(error, RS_ENOMEM, "out of memory");
        }
        if (batch->op_count == 0) {
            return 0;
        }
        replay->batch = NULL;
        replay->sink.ops->submit(replay->sink.self, &batch);
        replay->batch = replay->sink.ops->finished(replay->sink.self, REPLAY_WORKER);
        RS_ASSERT(replay->batch != NULL);
        rs_partition_settle(partition->state, replay->batch);
    }
}

/* As idle time would: all partitions are shown as of the newest event of any. One far ahead that no other
 * group confirms is not that, but where it is alone in its partition it is shown there. */
static int finish(struct replay *replay, struct rs_error *error)
{
    int64_t newest_us = RS_TIME_NONE;
    struct rs_partition_status status;

    for (int32_t i = 0; i < replay->options->partitions; i++) {
        rs_partition_rest(replay->partitions[i].state, INT64_MAX, false);
        rs_partition_status(replay->partitions[i].state, &status);
        newest_us = status.now_shown_us > newest_us ? status.now_shown_us : newest_us;
    }
    for (int32_t i = 0; i < replay->options->partitions; i++) {
        if (newest_us != RS_TIME_NONE) {
            rs_partition_rest(replay->partitions[i].state, INT64_MAX, true);
            rs_partition_show(replay->partitions[i].state, newest_us);
        }
        int rc = emit(replay, i, error);
        if (rc != 0) {
            return rc;
        }
    }
    if (rs_memory_store_failed(replay->store)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    return 0;
}

/* ---- rows ---- */

/* The partitioner of the publisher; without a key rows go round robin. */
static int32_t partition_of(struct replay *replay, struct rs_slice key)
{
    int32_t count = replay->options->partitions;

    if (!key.data) {
        replay->round_robin = (replay->round_robin + 1) % count;
        return replay->round_robin;
    }
    return rd_kafka_msg_partitioner_murmur2(NULL, key.data, key.size, count, NULL, NULL);
}

static const struct rs_rules *rules_of(const struct replay *replay)
{
    return rs_engine_rules(replay->settings->engine, replay->stream->index);
}

static int apply(struct replay *replay, struct rs_error *error)
{
    const struct rs_dead_letter_sink letters = {.self = replay, .ops = &dead_letter_ops};
    const struct rs_dead_letter_sink *wanted = replay->sample ? NULL : &letters;
    int32_t number = partition_of(replay, replay->row.key);
    struct replay_partition *partition = &replay->partitions[number];
    const struct rs_record record = {
        .key = replay->row.key,
        .value = replay->row.value,
        .offset = partition->next_offset,
        .timestamp_us = RS_TIME_NONE,
    };

    if (rs_partition_apply(partition->state, &record, 1, wanted) != 1) {
        return rs_fail(error, RS_ENOMEM, "%s:%" PRIu64 ": out of memory", replay->row.file, replay->row.line);
    }
    partition->next_offset++;
    replay->rows_good++;
    if (replay->sample) {
        rs_sample_row(replay->sample, rules_of(replay), &replay->row);
    }
    return ++partition->unemitted >= EMIT_EVERY ? emit(replay, number, error) : 0;
}

static void tell_bad_row(struct replay *replay, const struct rs_error *error)
{
    if (!replay->sample || replay->shown++ < FAULTS_SHOWN) {
        fprintf(stderr, "%s\n", error->text);
    } else if (replay->shown == FAULTS_SHOWN + 1) {
        fprintf(stderr, "(further rows that cannot be read are only counted)\n");
    }
}

static int read_rows(struct replay *replay, struct rs_error *error)
{
    for (;;) {
        int rc = rs_rows_next(replay->rows, &replay->row, error);
        if (rc == 0) {
            return 0;
        }
        if (rc == RS_ERECORD) {
            tell_bad_row(replay, error);
            continue;
        }
        if (rc < 0) {
            return rc;
        }
        rc = apply(replay, error);
        if (rc != 0) {
            return rc;
        }
    }
}

/* ---- the accounting ---- */

static void print_accounting(const char *what, const struct rs_accounting *events)
{
    fprintf(stderr,
            "%s: consumed %" PRIu64 " = applied %" PRIu64 " + late %" PRIu64 " + duplicate %" PRIu64
            " + rejected %" PRIu64 " + filtered %" PRIu64,
            what, events->consumed, events->applied, events->late, events->duplicate, events->rejected,
            events->filtered);
}

static void print_aggregate(const struct replay *replay, const struct rs_aggregate_meta *meta,
                            uint32_t number)
{
    struct rs_aggregate_status sum = {0};
    char what[256];

    for (int32_t i = 0; i < replay->options->partitions; i++) {
        struct rs_aggregate_status status;
        if (!rs_partition_aggregate_status(replay->partitions[i].state, number, &status)) {
            return;
        }
        rs_accounting_add(&sum.events, &status.events);
        sum.groups += status.groups;
        sum.panes += status.panes;
        sum.not_finite += status.not_finite;
    }
    (void)snprintf(what, sizeof what, "aggregate %s", meta->name);
    print_accounting(what, &sum.events);
    fprintf(stderr, "; groups %" PRIu64 ", panes %" PRIu64, sum.groups, sum.panes);
    if (sum.not_finite > 0) {
        fprintf(stderr, "; not finite and passed by: %" PRIu64, sum.not_finite);
    }
    fputc('\n', stderr);
}

static void print_ahead(int32_t number, const struct rs_partition_status *status)
{
    char time[RS_TIME_TEXT_MAX];
    char others[RS_TIME_TEXT_MAX];

    if (status->events_ahead == 0) {
        return;
    }
    int time_size = (int)rs_time_format(status->ahead_time_us, time); /* neither is terminated */
    int others_size = (int)rs_time_format(status->ahead_of_us, others);
    fprintf(stderr,
            "partition %" PRId32 ": %" PRIu64
            " events were far ahead of the others when they came, the latest with the "
            "time %.*s, where the others were at %.*s: a gap in the input, or a clock that was wrong\n",
            number, status->events_ahead, time_size, time, others_size, others);
}

/* Returns whether any input was rejected. */
static bool print_summary(const struct replay *replay)
{
    size_t meta_count = 0;
    const struct rs_aggregate_meta *metas = rs_engine_metas(replay->settings->engine, &meta_count);
    uint64_t bad = rs_rows_rejected(replay->rows);
    uint64_t rejected = bad;

    fprintf(stderr, "rows: %" PRIu64 " read, %" PRIu64 " bad\n", replay->rows_good + bad, bad);
    for (int32_t i = 0; i < replay->options->partitions; i++) {
        struct rs_partition_status status;
        char what[64];
        rs_partition_status(replay->partitions[i].state, &status);
        (void)snprintf(what, sizeof what, "partition %" PRId32, i);
        print_accounting(what, &status.events);
        fprintf(stderr, "; conflicts %" PRIu64 ", expired groups %" PRIu64 "\n", status.conflicts,
                status.expired_groups);
        print_ahead(i, &status);
        rejected += status.events.rejected;
    }
    for (size_t i = 0; i < meta_count; i++) {
        print_aggregate(replay, &metas[i], (uint32_t)i);
    }
    for (size_t i = 1; i < RS_REASON_COUNT; i++) {
        if (replay->reasons[i] > 0) {
            fprintf(stderr, "reason %s: %" PRIu64 "\n", rs_reason_name((enum rs_reason)i),
                    replay->reasons[i]);
        }
    }
    return rejected > 0;
}

/* ---- life ---- */

static void note(void *self, const char *text)
{
    (void)self;
    fprintf(stderr, "%s\n", text);
}

static int find_stream(struct replay *replay, struct rs_error *error)
{
    const struct rs_streams *streams = replay->settings->streams;
    const char *wanted = replay->options->stream;

    if (!wanted && streams->named == 1) {
        replay->stream = &streams->items[0];
        return 0;
    }
    if (!wanted) {
        return rs_fail(error, RS_EUSAGE, "%s needs --stream NAME: the configuration has %zu streams",
                       replay->options->sample ? "--sample" : "--replay", streams->named);
    }
    replay->stream = rs_streams_find(streams, wanted);
    if (!replay->stream) {
        return rs_fail(error, RS_EUSAGE, "--stream: the configuration has no stream \"%s\"", wanted);
    }
    return 0;
}

/* Rows of files are no records: all of them would be rejected. */
static int check_time(const struct replay *replay, struct rs_error *error)
{
    const struct rs_stream *stream = replay->stream;

    RS_ASSERT(stream && stream->time_path);
    if (!rs_record_field_is(stream->time_path)) {
        return 0;
    }
    return rs_fail(
        error, RS_EUSAGE,
        "stream %s takes its time from %s, and rows of files have none: for --replay, `time` has to be a "
        "field of the events",
        stream->name, stream->time_path);
}

static int open_partitions(struct replay *replay, struct rs_error *error)
{
    size_t count = (size_t)replay->options->partitions;

    replay->partitions = calloc(count, sizeof *replay->partitions);
    if (!replay->partitions) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        int rc = rs_partition_new(replay->settings->engine, replay->stream->index, (int32_t)i,
                                  &replay->partitions[i].state, error);
        if (rc != 0) {
            return rc;
        }
        if (replay->sample) {
            rs_partition_count_into(replay->partitions[i].state, &replay->sample->now);
        }
    }
    return 0;
}

static int open_store(struct replay *replay, struct rs_error *error)
{
    size_t meta_count = 0;
    const struct rs_aggregate_meta *metas = rs_engine_metas(replay->settings->engine, &meta_count);
    int rc = rs_memory_store_new(replay->settings->redis.prefix, metas, meta_count, &replay->store, error);

    if (rc != 0) {
        return rc;
    }
    replay->sink = rs_memory_store_table(replay->store);
    replay->batch = rs_view_batch_new();
    return !replay->batch ? rs_fail(error, RS_ENOMEM, "out of memory") : 0;
}

static int open_all(struct replay *replay, struct rs_error *error)
{
    int rc = find_stream(replay, error);

    if (rc == 0 && replay->options->sample) {
        replay->sample = calloc(1, sizeof *replay->sample);
        rc = !replay->sample ? rs_fail(error, RS_ENOMEM, "out of memory") : 0;
    }
    if (rc == 0) {
        rc = check_time(replay, error);
    }
    if (rc == 0) {
        rc = open_store(replay, error);
    }
    if (rc == 0) {
        rc = open_partitions(replay, error);
    }
    if (rc == 0) {
        replay->row_options = replay->options->rows;
        replay->row_options.note = note;
        rc = rs_rows_open(replay->stream, &replay->row_options, replay->options->files,
                          replay->options->file_count, &replay->rows, error);
    }
    return rc;
}

static void close_all(struct replay *replay)
{
    rs_rows_free(&replay->rows);
    for (int32_t i = 0; replay->partitions && i < replay->options->partitions; i++) {
        rs_partition_free(&replay->partitions[i].state);
    }
    free(replay->partitions);
    free(replay->sample);
    rs_view_batch_free(&replay->batch);
    rs_memory_store_free(&replay->store);
}

/* Rows that cannot be read have been told one by one. Returns the exit code. */
static int report(struct replay *replay, struct rs_error *error)
{
    if (replay->sample) {
        replay->sample->bad = rs_rows_rejected(replay->rows);
        return rs_sample_print(replay->sample, replay->stream, rules_of(replay)) ? RS_EXIT_REJECTED
                                                                                 : RS_EXIT_OK;
    }
    int rc = rs_memory_store_print(replay->store, stdout, error);
    if (rc == 0) {
        rc = print_summary(replay) ? RS_EXIT_REJECTED : RS_EXIT_OK;
    }
    return rc;
}

int rs_replay(const struct rs_settings *settings, const struct rs_replay_options *options,
              struct rs_error *error)
{
    struct replay replay = {.settings = settings, .options = options, .round_robin = -1};
    int rc = open_all(&replay, error);

    if (rc == 0) {
        rc = read_rows(&replay, error);
    }
    if (rc == 0) {
        rc = rs_rows_finish(replay.rows, error);
    }
    if (rc == 0) {
        rc = finish(&replay, error);
    }
    if (rc == 0) {
        rc = report(&replay, error);
    }
    close_all(&replay);
    return rc;
}
