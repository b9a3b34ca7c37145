/* rollstat-state: what the state logs of a group hold, and why a number is what it is. It never writes. */
#include "transform/statetool/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/reader.h"
#include "base/usage.h"
#include "transform/plan/load.h"
#include "transform/statelog/kafka.h"

#define TIMEOUT_S     30
#define TIMEOUT_S_MAX 3600
/* How often a log that is trimmed while it is read is begun again. */
#define READINGS_MAX 5

static const struct rs_option options[] = {
    {"config", 'c', "FILE", "the configuration, see rollstat.yaml(5)"},
    {"stream", 's', "NAME", "only this stream's logs"},
    {"partition", 'p', "N", "only this partition"},
    {"records", 'r', NULL, "list every record and what became of it"},
    {"group", 'g', "AGGREGATE",
     "restore the state, and print what it holds of the group KEY of this aggregate;\n"
     "KEY as in Redis, VALUE:VALUE, and none where the aggregate has no groups"},
    {"json", 'j', NULL, "one JSON object a line"},
    {"timeout", 't', "SECONDS", "how long the broker may take to answer (default 30)"},
    {NULL, '\0', NULL, NULL}};

static const struct rs_program_info info = {
    .name = "rollstat-state",
    .synopsis = "-c FILE [OPTION]... [--group AGGREGATE [KEY]]",
    .summary =
        "Reads the state logs of a group, judges them as rollstatd would at a start, and prints who owns\n"
        "each partition, up to where its state is sealed, and whether that state is whole. Writes nothing.",
    .options = options,
    .footer =
        "Exit codes: 0 ok; 1 usage or configuration, or no such group; 2 environment (broker, no log);\n"
        "3 a log is damaged.",
};

struct request {
    const char *config, *stream, *aggregate, *key;
    int64_t partition; /* -1: all */
    int64_t timeout_s;
    bool records, json;
};

/* What the command works with. */
struct tool {
    struct request request;
    struct rs_loaded loaded; /* its engine: with --group */
    const struct rs_stream *only;
    uint32_t aggregate; /* its number */
    struct rs_kafka_reader *kafka;
    size_t found; /* groups printed */
    size_t logs;  /* read */
    bool damaged, absent;
};

/* ---- command line ---- */

static int take_operand(struct request *request, const char *value, struct rs_error *error)
{
    if (request->key) {
        return rs_usage_fail(&info, error, "\"%s\" is one KEY too many", value);
    }
    request->key = value;
    return 0;
}

static int take(void *ctx, const struct rs_option *option, const char *value, struct rs_error *error)
{
    struct request *request = ctx;
    if (!option) {
        return take_operand(request, value, error);
    }
    switch (option->letter) {
    case 'c': request->config = value; return 0;
    case 's': request->stream = value; return 0;
    case 'g': request->aggregate = value; return 0;
    case 'r': request->records = true; return 0;
    case 'j': request->json = true; return 0;
    case 'p': return rs_usage_number(&info, option->name, value, 0, INT32_MAX, &request->partition, error);
    default: return rs_usage_number(&info, option->name, value, 1, TIMEOUT_S_MAX, &request->timeout_s, error);
    }
}

static int check_request(struct request *request, struct rs_error *error)
{
    if (!request->config) {
        return rs_usage_fail(&info, error, "--config FILE is missing");
    }
    if (request->key && !request->aggregate) {
        return rs_usage_fail(&info, error, "\"%s\": a KEY is for --group", request->key);
    }
    if (request->records && request->aggregate) {
        return rs_usage_fail(&info, error, "--records and --group exclude each other");
    }
    return 0;
}

/* ---- configuration ---- */

static int find_aggregate(struct tool *tool, struct rs_error *error)
{
    size_t count = 0;
    const struct rs_aggregate_meta *metas = rs_engine_metas(tool->loaded.engine, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(metas[i].name, tool->request.aggregate) != 0) {
            continue;
        }
        if (tool->only && tool->only->first != metas[i].stream_index) {
            return rs_usage_fail(&info, error, "--group: aggregate \"%s\" belongs to stream \"%s\"",
                                 metas[i].name, metas[i].stream);
        }
        tool->aggregate = (uint32_t)i;
        tool->only = &tool->loaded.streams->items[metas[i].stream_index];
        return 0;
    }
    return rs_usage_fail(&info, error, "--group: the configuration has no aggregate \"%s\"",
                         tool->request.aggregate);
}

static int load(struct tool *tool, struct rs_error *error)
{
    const struct request *request = &tool->request;
    int rc = rs_loaded_open(request->config, request->aggregate ? RS_LOAD_ENGINE : RS_LOAD_STREAMS,
                            &tool->loaded, error);
    if (rc == 0 && request->stream) {
        tool->only = rs_streams_find(tool->loaded.streams, request->stream);
        rc = tool->only ? 0
                        : rs_usage_fail(&info, error, "--stream: the configuration has no stream \"%s\"",
                                        request->stream);
    }
    return rc == 0 && request->aggregate ? find_aggregate(tool, error) : rc;
}

/* ---- one log ---- */

static int write_out(struct rs_buf *out, struct rs_error *error)
{
    int rc = rs_buf_write(out, stdout, error);
    rs_buf_fini(out);
    return rc;
}

/* What a partition's state holds of the group. */
static int print_group(struct tool *tool, const struct rs_judged_log *log, struct rs_error *error)
{
    struct rs_buf out = {0};
    const char *key = tool->request.key ? tool->request.key : "";
    if (log->restore_error.code < 0) {
        *error = log->restore_error;
        return rs_error_prefix(error, "stream %s, partition %d", rs_stream_label(log->stream),
                               (int)log->partition);
    }
    rs_buf_printf(&out, "{\"type\":\"group\",\"stream\":");
    rs_buf_json_string(&out, rs_slice_text(log->stream->name));
    rs_buf_printf(&out, ",\"input\":");
    rs_buf_json_string(&out, rs_slice_text(log->stream->topic));
    rs_buf_printf(&out, ",\"partition\":%d,\"next_offset\":%lld,\"group\":", (int)log->partition,
                  (long long)log->result.seal.next_offset);
    bool found = rs_partition_describe_group(log->state, tool->aggregate, rs_slice_text(key), &out);
    rs_buf_text(&out, "}\n");
    if (!found) {
        rs_buf_fini(&out);
        return 0;
    }
    tool->found++;
    return write_out(&out, error);
}

static int print_log(struct tool *tool, const struct rs_state_report *report, struct rs_error *error)
{
    struct rs_buf out = {0};
    bool damaged = report->log->damage.code < 0;
    bool group = tool->request.aggregate != NULL;
    tool->damaged =
        tool->damaged || damaged || (report->log->result.sealed && !rs_state_balances(report->log));
    if (group && !damaged) {
        return report->log->result.sealed ? print_group(tool, report->log, error) : 0;
    }
    if (tool->request.records) {
        (tool->request.json ? rs_state_json_records : rs_state_text_records)(report, &out);
    }
    (tool->request.json ? rs_state_json_summary : rs_state_text_summary)(report, &out);
    return write_out(&out, error);
}

static int take_record(void *ctx, const rd_kafka_message_t *message, struct rs_error *error)
{
    return rs_judge_record(ctx, message->offset, rs_slice_of(message->payload, message->len), error);
}

/* Returns RS_KAFKA_TRIMMED when the log was trimmed while it was read. */
static int read_log(struct tool *tool, const char *topic, struct rs_judged_log *log, struct rs_error *error)
{
    uint64_t identity =
        rs_state_identity(tool->loaded.streams->group, rs_stream_input(log->stream), log->partition);
    int rc = rs_kafka_reader_extent(tool->kafka, topic, log->partition, &log->first, &log->end, error);
    if (rc == 0) {
        rc = rs_judge_begin(log, identity, error);
    }
    if (rc == 0) {
        rc = rs_kafka_reader_read(tool->kafka, topic, log->partition, log->first, log->end, take_record, log,
                                  error);
    }
    if (rc == 0) {
        rs_judge_end(log);
    }
    return rc;
}

static int64_t input_end(struct tool *tool, const struct rs_stream *stream, int32_t partition)
{
    int64_t first = 0;
    int64_t end = 0;
    struct rs_error ignored;
    return rs_kafka_reader_extent(tool->kafka, stream->topic, partition, &first, &end, &ignored) == 0 ? end
                                                                                                      : -1;
}

static int show_log(struct tool *tool, const struct rs_stream *stream, const char *topic, int32_t partition,
                    struct rs_error *error)
{
    int rc = RS_KAFKA_TRIMMED;
    for (int i = 0; rc == RS_KAFKA_TRIMMED && i < READINGS_MAX; i++) {
        struct rs_judged_log log = {.stream = stream, .partition = partition, .engine = tool->loaded.engine};
        rc = read_log(tool, topic, &log, error);
        if (rc == 0) {
            const struct rs_state_report report = {.config = tool->request.config,
                                                   .topic = topic,
                                                   .input_end = input_end(tool, stream, partition),
                                                   .log = &log};
            tool->logs++;
            rc = print_log(tool, &report, error);
        }
        rs_judge_fini(&log);
    }
    return rc <= 0
               ? rc
               : rs_fail(error, RS_EBROKER, "topic %s, partition %d is trimmed faster than it can be read",
                         topic, (int)partition);
}

/* ---- all logs ---- */

static int show_partitions(struct tool *tool, const struct rs_stream *stream, const char *topic,
                           struct rs_error *error)
{
    int32_t count = 0;
    int64_t only = tool->request.partition;
    int rc = rs_kafka_reader_partitions(tool->kafka, topic, &count, error);
    if (rc == 0 && count == 0) {
        tool->absent = true;
        fprintf(stderr, "%s: stream %s has no state log: there is no topic %s\n", info.name,
                rs_stream_label(stream), topic);
    } else if (rc == 0 && only >= count && !stream->several) {
        return rs_usage_fail(&info, error, "--partition: topic %s has %d partition%s", topic, (int)count,
                             count == 1 ? "" : "s");
    }
    for (int32_t i = 0; rc == 0 && i < count; i++) {
        if (only < 0 || only == i) {
            rc = show_log(tool, stream, topic, i, error);
        }
    }
    return rc;
}

static int show_stream(struct tool *tool, const struct rs_stream *stream, struct rs_error *error)
{
    char *topic = rs_kafka_log_topic(tool->loaded.streams->group, rs_stream_input(stream));
    int rc = topic ? show_partitions(tool, stream, topic, error) : rs_fail(error, RS_ENOMEM, "out of memory");
    free(topic);
    return rc;
}

static int show_all(struct tool *tool, struct rs_error *error)
{
    int rc = rs_kafka_reader_new(rs_config_get(rs_config_root(tool->loaded.document), "kafka"),
                                 (int)tool->request.timeout_s * 1000, &tool->kafka, error);
    if (rc == 0 && rs_streams_have_patterns(tool->loaded.streams)) {
        rc = rs_kafka_reader_topics(tool->kafka, rs_streams_learn, tool->loaded.streams, error);
    }
    for (size_t i = 0; rc == 0 && i < tool->loaded.streams->count; i++) {
        const struct rs_stream *stream = &tool->loaded.streams->items[i];
        if (!stream->topic) {
            continue;
        }
        if (!tool->only || rs_stream_same(tool->only, stream)) {
            rc = show_stream(tool, stream, error);
        }
    }
    return rc;
}

/* ---- the program ---- */

static int complain(const struct rs_error *error)
{
    rs_usage_complain(&info, error);
    return error->code == RS_ESTATE ? RS_EXIT_REJECTED : rs_usage_exit(error);
}

static int outcome(const struct tool *tool)
{
    if (tool->damaged) {
        return RS_EXIT_REJECTED;
    }
    if (tool->absent) {
        return RS_EXIT_ENVIRONMENT;
    }
    if (tool->request.aggregate && tool->found == 0) {
        fprintf(stderr, "%s: no sealed state has a group \"%s\" of aggregate %s\n", info.name,
                tool->request.key ? tool->request.key : "", tool->request.aggregate);
        return RS_EXIT_USAGE;
    }
    return RS_EXIT_OK;
}

static int run(struct tool *tool)
{
    struct rs_error error = {0};
    int rc = load(tool, &error);
    if (rc == 0) {
        rc = show_all(tool, &error);
    }
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        rc = rs_fail(&error, RS_EIO, "the output cannot be written");
    }
    int code = rc < 0 ? complain(&error) : outcome(tool);
    rs_kafka_reader_free(&tool->kafka);
    rs_loaded_close(&tool->loaded);
    return code;
}

int main(int argc, char **argv)
{
    struct rs_error error = {0};
    struct tool tool = {.request = {.partition = -1, .timeout_s = TIMEOUT_S}};
    int rc = rs_usage_read(&info, argc, argv, take, &tool.request, &error);
    if (rc == RS_USAGE_SHOWN) {
        return RS_EXIT_OK;
    }
    if (rc < 0 || check_request(&tool.request, &error) < 0) {
        return complain(&error);
    }
    return run(&tool);
}
