#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/record.h"
#include "transform/dlqtool/internal.h"

#define READINGS_MAX 5 /* of a partition that is trimmed meanwhile */

const struct rs_config_node *rs_dlq_kafka(const struct rs_dlq_tool *tool)
{
    return rs_config_get(rs_config_root(tool->loaded.document), "kafka");
}

/* ---- streams ---- */

static bool wanted(const struct rs_dlq_tool *tool, const struct rs_stream *stream)
{
    const char *only = tool->request.stream;
    return stream->topic && stream->dead_letters && (!only || strcmp(stream->name, only) == 0);
}

const struct rs_stream *rs_dlq_next_stream(const struct rs_dlq_tool *tool, const struct rs_stream *after)
{
    size_t from = after ? (size_t)after->index + 1 : 0;
    for (size_t i = from; i < tool->loaded.streams->count; i++) {
        if (wanted(tool, &tool->loaded.streams->items[i])) {
            return &tool->loaded.streams->items[i];
        }
    }
    return NULL;
}

/* Whether a stream in front of it has the same dead-letter topic, which is then read already. */
static bool repeated(const struct rs_dlq_tool *tool, const struct rs_stream *stream)
{
    for (const struct rs_stream *at = rs_dlq_next_stream(tool, NULL); at != stream;
         at = rs_dlq_next_stream(tool, at)) {
        if (strcmp(at->dead_letter_topic, stream->dead_letter_topic) == 0) {
            return true;
        }
    }
    return false;
}

static const struct rs_stream *stream_of(const struct rs_dlq_tool *tool, const struct rs_dlq_letter *letter)
{
    for (size_t i = 0; i < tool->loaded.streams->count; i++) {
        const char *topic = tool->loaded.streams->items[i].topic;
        if (topic && rs_slice_equal(rs_slice_text(topic), letter->input)) {
            return &tool->loaded.streams->items[i];
        }
    }
    return NULL;
}

/* ---- one partition ---- */

struct reading {
    struct rs_dlq_tool *tool;
    const char *topic;
    rs_dlq_each *each;
    void *ctx;
    uint64_t foreign;
    int64_t example;
    const char *why;
};

static int take_record(void *ctx, const rd_kafka_message_t *message, struct rs_error *error)
{
    struct reading *r = ctx;
    struct rs_dlq_letter letter;
    const char *why = NULL;
    enum rs_dlq_kind kind = rs_dlq_letter_parse(r->topic, message, &letter, &why);
    if (kind == RS_DLQ_FOREIGN) {
        r->example = message->offset;
        r->why = why;
        r->foreign++;
        return 0;
    }
    return r->each(r->ctx, kind, &letter, error);
}

struct following {
    rs_kafka_take *take;
    void *ctx;
    int64_t next;
};

static int follow(void *ctx, const rd_kafka_message_t *message, struct rs_error *error)
{
    struct following *f = ctx;
    f->next = message->offset + 1;
    return f->take(f->ctx, message, error);
}

int rs_dlq_read_records(struct rs_kafka_reader *reader, const char *topic, int32_t partition, int64_t first,
                        int64_t end, rs_kafka_take *take, void *ctx, struct rs_error *error)
{
    struct following f = {.take = take, .ctx = ctx, .next = first};
    int64_t now_end = 0;
    int rc = RS_KAFKA_TRIMMED;
    for (int i = 0; rc == RS_KAFKA_TRIMMED && i < READINGS_MAX; i++) {
        rc = rs_kafka_reader_read(reader, topic, partition, f.next, end, follow, &f, error);
        if (rc == RS_KAFKA_TRIMMED) {
            int asked = rs_kafka_reader_extent(reader, topic, partition, &first, &now_end, error);
            rc = asked < 0 ? asked : rc;
            f.next = first > f.next ? first : f.next;
        }
    }
    return rc != RS_KAFKA_TRIMMED
               ? rc
               : rs_fail(error, RS_EBROKER,
                         "topic %s, partition %" PRId32 " is trimmed faster than it can be read", topic,
                         partition);
}

int rs_dlq_read(struct rs_dlq_tool *tool, const char *topic, int32_t partition, int64_t first, int64_t end,
                rs_dlq_each *each, void *ctx, struct rs_error *error)
{
    struct reading r = {.tool = tool, .topic = topic, .each = each, .ctx = ctx};
    int rc = rs_dlq_read_records(tool->kafka, topic, partition, first, end, take_record, &r, error);
    tool->foreign += tool->quiet ? 0 : r.foreign;
    if (r.foreign > 0 && !tool->quiet) {
        fprintf(stderr,
                "%s: topic %s partition %" PRId32 ": %" PRIu64
                " record%s no dead letter of rollstat, and left out; for example offset %" PRId64 ": %s\n",
                rs_dlq_info.name, topic, partition, r.foreign, r.foreign == 1 ? " is" : "s are", r.example,
                r.why);
    }
    return rc;
}

static int take_marker(void *ctx, enum rs_dlq_kind kind, const struct rs_dlq_letter *letter,
                       struct rs_error *error)
{
    return kind == RS_DLQ_MARKER ? rs_dlq_marks_take(ctx, letter, error) : 0;
}

int rs_dlq_read_marks(struct rs_dlq_tool *tool, const char *topic, int32_t partition, int64_t first,
                      int64_t end, struct rs_dlq_marks *marks, struct rs_error *error)
{
    bool quiet = tool->quiet;
    tool->quiet = true;
    int rc = rs_dlq_read(tool, topic, partition, first, end, take_marker, marks, error);
    tool->quiet = quiet;
    return rc;
}

/* ---- all letters ---- */

struct walk {
    struct rs_dlq_tool *tool;
    rs_dlq_take *take;
    void *ctx;
    struct rs_dlq_marks *marks; /* by stream, with --pending; NULL */
};

static int each_letter(void *ctx, enum rs_dlq_kind kind, const struct rs_dlq_letter *letter,
                       struct rs_error *error)
{
    struct walk *w = ctx;
    const struct rs_dlq_request *request = &w->tool->request;
    if (kind != RS_DLQ_LETTER || !rs_dlq_filter_takes(&request->filter, letter)) {
        return 0;
    }
    const struct rs_stream *stream = stream_of(w->tool, letter);
    if (request->stream && (!stream || strcmp(stream->name, request->stream) != 0)) {
        return 0;
    }
    if (w->marks && stream && rs_dlq_marks_have(&w->marks[stream->index], letter->offset)) {
        return 0;
    }
    w->tool->found++;
    int rc = w->take(w->ctx, letter, stream, error);
    bool enough = request->limit > 0 && w->tool->found >= (uint64_t)request->limit;
    return rc == 0 && enough ? RS_DLQ_ENOUGH : rc;
}

static int take_all_markers(void *ctx, enum rs_dlq_kind kind, const struct rs_dlq_letter *letter,
                            struct rs_error *error)
{
    struct walk *w = ctx;
    int rc = 0;
    for (size_t i = 0; kind == RS_DLQ_MARKER && rc == 0 && i < w->tool->loaded.streams->count; i++) {
        rc = rs_dlq_marks_take(&w->marks[i], letter, error);
    }
    return rc;
}

static void end_marks(struct walk *w)
{
    for (size_t i = 0; w->marks && i < w->tool->loaded.streams->count; i++) {
        rs_dlq_marks_fini(&w->marks[i]);
    }
    free(w->marks);
    w->marks = NULL;
}

/* With --pending what was replayed has to be known before the letters, which lie in front of that. */
static int begin_marks(struct walk *w, const char *topic, int32_t partition, int64_t first, int64_t end,
                       struct rs_error *error)
{
    const struct rs_streams *streams = w->tool->loaded.streams;
    if (!w->tool->request.pending) {
        return 0;
    }
    w->marks = calloc(streams->count + 1, sizeof *w->marks);
    if (!w->marks) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < streams->count; i++) {
        w->marks[i].to = rs_slice_text(streams->items[i].topic ? streams->items[i].topic : "");
    }
    w->tool->quiet = true;
    int rc = rs_dlq_read(w->tool, topic, partition, first, end, take_all_markers, w, error);
    w->tool->quiet = false;
    return rc;
}

static int walk_partition(struct walk *w, const char *topic, int32_t partition, struct rs_error *error)
{
    int64_t first = 0;
    int64_t end = 0;
    int rc = rs_kafka_reader_extent(w->tool->kafka, topic, partition, &first, &end, error);
    if (rc == 0) {
        rc = begin_marks(w, topic, partition, first, end, error);
    }
    if (rc == 0) {
        rc = rs_dlq_read(w->tool, topic, partition, first, end, each_letter, w, error);
    }
    end_marks(w);
    return rc;
}

int rs_dlq_walk(struct rs_dlq_tool *tool, rs_dlq_take *take, void *ctx, struct rs_error *error)
{
    struct walk w = {.tool = tool, .take = take, .ctx = ctx};
    int rc = 0;
    for (const struct rs_stream *stream = rs_dlq_next_stream(tool, NULL); stream && rc == 0;
         stream = rs_dlq_next_stream(tool, stream)) {
        int32_t count = 0;
        if (repeated(tool, stream)) {
            continue;
        }
        rc = rs_kafka_reader_partitions(tool->kafka, stream->dead_letter_topic, &count, error);
        for (int32_t i = 0; i < count && rc == 0; i++) {
            rc = walk_partition(&w, stream->dead_letter_topic, i, error);
        }
    }
    return rc == RS_DLQ_ENOUGH ? 0 : rc;
}
