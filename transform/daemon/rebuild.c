/* --rebuild: a claim in the state log of each partition that makes all before it void, so that whoever owns
 * the partition reads its input again. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/kafka/ask.h"
#include "base/kafka/client.h"
#include "base/kafka/config.h"
#include "base/source.h"
#include "base/time/text.h"
#include "transform/daemon/internal.h"
#include "transform/statelog/kafka.h"
#include "transform/statelog/record.h"

#define ASK_MS     10000
#define ANSWERS_US (60 * INT64_C(1000000))

/* An input partition. */
struct input {
    uint32_t stream;
    int32_t partition;
    int64_t low, high;
    int64_t from;      /* to be read again from here */
    int64_t oldest_us; /* time of the record at `low`; RS_TIME_NONE: none, or not known */
    int64_t claim;     /* where the claim stands in the state log; -1: nowhere */
    bool answered;
};

struct rebuild {
    const struct rs_settings *settings;
    const struct rs_rebuild_options *options;
    rd_kafka_t *consumer;
    struct rs_kafka_log *log;
    struct rs_append_log io;
    struct input *inputs;
    size_t count;
    size_t open; /* claims without an answer */
    size_t failed;
};

static const struct rs_stream *stream_of(const struct rebuild *rebuild, const struct input *input)
{
    return &rebuild->settings->streams->items[input->stream];
}

/* ---- what there is to read ---- */

/* Its connections are the only ones that are spoken of: a command that waits has to say for what. */
static void client_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    bool failed = strcmp(facility, "FAIL") == 0;

    (void)client;
    rs_log(failed ? RS_LOG_WARNING : rs_kafka_log_level(facility, level), "Kafka: %s", text);
}

static int open_consumer(struct rebuild *rebuild, struct rs_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    int rc = rs_settings_kafka(rebuild->settings, &conf, error);

    if (rc == 0) {
        rc = rs_kafka_config_set(conf, "enable.auto.offset.store", "false", error);
    }
    if (rc != 0) {
        if (conf) {
            rd_kafka_conf_destroy(conf);
        }
        return rc;
    }
    rd_kafka_conf_set_log_cb(conf, client_log);
    return rs_kafka_client_new(RD_KAFKA_CONSUMER, &conf, "kafka", &rebuild->consumer, error);
}

static int add_inputs(struct rebuild *rebuild, uint32_t stream, int32_t partitions, struct rs_error *error)
{
    struct input *grown =
        realloc(rebuild->inputs, (rebuild->count + (size_t)partitions) * sizeof *rebuild->inputs);

    if (!grown) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    rebuild->inputs = grown;
    for (int32_t i = 0; i < partitions; i++) {
        rebuild->inputs[rebuild->count++] =
            (struct input){.stream = stream, .partition = i, .oldest_us = RS_TIME_NONE, .claim = -1};
    }
    return 0;
}

static int find_partitions(struct rebuild *rebuild, const struct rs_stream *stream, struct rs_error *error)
{
    int32_t partitions = 0;
    rd_kafka_resp_err_t code = rs_kafka_ask_partitions(rebuild->consumer, stream->topic, ASK_MS, &partitions);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rs_fail(error, RS_EBROKER, "stream %s: topic %s cannot be looked at: %s", stream->name,
                       stream->topic, rd_kafka_err2str(code));
    }
    return add_inputs(rebuild, stream->index, partitions, error);
}

static int find_topics(struct rebuild *rebuild, struct rs_error *error)
{
    int taken = 0;
    rd_kafka_resp_err_t code = rs_kafka_ask_topics(rebuild->consumer, ASK_MS, rs_streams_learn,
                                                   rebuild->settings->streams, &taken, error);

    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? taken
               : rs_fail(error, RS_EBROKER, "the topics that match patterns cannot be looked for: %s",
                         rd_kafka_err2str(code));
}

static int find_inputs(struct rebuild *rebuild, struct rs_error *error)
{
    const struct rs_streams *streams = rebuild->settings->streams;
    const struct rs_stream *only =
        !rebuild->options->stream ? NULL : rs_streams_find(streams, rebuild->options->stream);
    int rc = 0;

    if (rebuild->options->stream && !only) {
        return rs_fail(error, RS_EUSAGE, "--stream: there is no stream \"%s\" in the configuration",
                       rebuild->options->stream);
    }
    if (rs_streams_have_patterns(streams)) {
        rc = find_topics(rebuild, error);
    }
    for (size_t i = 0; rc == 0 && i < streams->count; i++) {
        if (!streams->items[i].topic) {
            continue;
        }
        if (!only || rs_stream_same(only, &streams->items[i])) {
            rc = find_partitions(rebuild, &streams->items[i], error);
        }
    }
    return rc;
}

static int find_ends(struct rebuild *rebuild, struct input *input, struct rs_error *error)
{
    const char *topic = stream_of(rebuild, input)->topic;
    rd_kafka_resp_err_t code =
        rs_kafka_ask_ends(rebuild->consumer, topic, input->partition, ASK_MS, &input->low, &input->high);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rs_fail(error, RS_EBROKER, "topic %s partition %" PRId32 ": its ends are not known: %s", topic,
                       input->partition, rd_kafka_err2str(code));
    }
    input->from = input->low;
    return 0;
}

/* For people: what cannot be read does not matter. */
static void find_oldest(struct rebuild *rebuild, struct input *input)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;

    if (input->low == 0 || input->low == input->high) {
        return;
    }
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rebuild->consumer, stream_of(rebuild, input)->topic, NULL);
    if (rd_kafka_consume_start(topic, input->partition, input->low) == 0) {
        rd_kafka_message_t *message = rd_kafka_consume(topic, input->partition, ASK_MS / 2);
        if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            int64_t time_ms = rd_kafka_message_timestamp(message, &type);
            bool usable =
                type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && time_ms >= 0 && time_ms <= RS_TIME_MAX_US / 1000;
            input->oldest_us = usable ? time_ms * 1000 : RS_TIME_NONE;
        }
        if (message) {
            rd_kafka_message_destroy(message);
        }
        (void)rd_kafka_consume_stop(topic, input->partition);
    }
    rd_kafka_topic_destroy(topic);
}

/* --from, or where the stream begins by `start`: a time is the first record at or after it, past the end where there
 * is none. */
static int find_start(struct rebuild *rebuild, struct input *input, struct rs_error *error)
{
    const struct rs_stream *stream = stream_of(rebuild, input);
    bool has_from = rebuild->options->has_from;
    int64_t offset = -1;

    if (!has_from && stream->start == RS_START_EARLIEST) {
        return 0;
    }
    if (has_from || stream->start == RS_START_TIME) {
        int64_t time_us = has_from ? rebuild->options->from_us : stream->start_us;
        rd_kafka_resp_err_t code = rs_kafka_ask_time(rebuild->consumer, stream->topic, input->partition,
                                                     time_us / 1000, ASK_MS, &offset);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return rs_fail(error, RS_EBROKER, "%s: offsets of that time are not known: %s",
                           has_from ? "--from" : "start", rd_kafka_err2str(code));
        }
    }
    input->from = offset >= 0 ? offset : input->high;
    return 0;
}

static int look(struct rebuild *rebuild, struct rs_error *error)
{
    int rc = find_inputs(rebuild, error);

    for (size_t i = 0; rc == 0 && i < rebuild->count; i++) {
        rc = find_ends(rebuild, &rebuild->inputs[i], error);
        if (rc == 0) {
            find_oldest(rebuild, &rebuild->inputs[i]);
        }
    }
    for (size_t i = 0; rc == 0 && i < rebuild->count; i++) {
        rc = find_start(rebuild, &rebuild->inputs[i], error);
    }
    return rc;
}

/* ---- claims ---- */

static int open_log(struct rebuild *rebuild, struct rs_error *error)
{
    struct rs_kafka_log_options options = {
        .streams = rebuild->settings->streams,
        .workers = 1,
        .replication_factor = rebuild->settings->replication_factor,
        .clock = rs_clock_system(),
        .report = rs_report_to_log(),
    };
    int rc = rs_settings_kafka(rebuild->settings, &options.conf, error);

    if (rc == 0) {
        rc = rs_kafka_log_new(&options, &rebuild->log, error);
    }
    if (rc == 0) {
        rebuild->io = rs_kafka_log_table(rebuild->log);
    }
    return rc;
}

static struct rs_partition_id key_of(const struct input *input)
{
    return (struct rs_partition_id){.worker = 0, .stream = input->stream, .partition = input->partition};
}

static int claim(struct rebuild *rebuild, size_t index, const char *instance, struct rs_error *error)
{
    const struct input *input = &rebuild->inputs[index];
    const struct rs_stream *stream = stream_of(rebuild, input);
    struct rs_buf bytes = {0};
    struct rs_state_record record = {
        .kind = RS_RECORD_CLAIM,
        .identity =
            rs_state_identity(rebuild->settings->streams->group, rs_stream_input(stream), input->partition),
        .claim = {.flags = RS_CLAIM_REBUILD,
                  /* Retention may take more before somebody reads: "the oldest there is" stays right. */
                  .from_offset = input->from == input->low ? RS_OFFSET_BEGINNING : input->from,
                  .wall_us = rs_clock_wall(rs_clock_system()),
                  .fingerprint = rs_engine_fingerprint(rebuild->settings->engine, input->stream),
                  .instance = rs_slice_text(instance),
                  .version = rs_slice_text(RS_VERSION)},
    };

    ssize_t got = getrandom(record.owner.bytes, sizeof record.owner.bytes, 0);
    RS_ASSERT(got == (ssize_t)sizeof record.owner.bytes);
    (void)rs_state_record_write(&record, &bytes);
    int rc = bytes.failed ? rs_fail(error, RS_ENOMEM, "out of memory")
                          : rebuild->io.ops->append(rebuild->io.self, key_of(input), rs_buf_slice(&bytes),
                                                    index, error);
    rs_buf_fini(&bytes);
    rebuild->open += rc == 0 ? 1 : 0;
    return rc;
}

static int claim_all(struct rebuild *rebuild, struct rs_error *error)
{
    char process[320];
    char instance[340];
    int rc = 0;

    rs_daemon_instance(process, sizeof process);
    (void)snprintf(instance, sizeof instance, "%s --rebuild", process);
    for (size_t i = 0; rc == 0 && i < rebuild->count; i++) {
        rc = claim(rebuild, i, instance, error);
    }
    return rc;
}

static struct input *input_of(struct rebuild *rebuild, struct rs_partition_id key)
{
    for (size_t i = 0; i < rebuild->count; i++) {
        if (rebuild->inputs[i].stream == key.stream && rebuild->inputs[i].partition == key.partition) {
            return &rebuild->inputs[i];
        }
    }
    return NULL;
}

static void on_answer(struct rebuild *rebuild, const struct rs_append_event *event)
{
    struct input *input = input_of(rebuild, event->id);

    if (!input || input->answered) {
        return;
    }
    input->answered = true;
    rebuild->open--;
    if (event->kind == RS_APPEND_DONE) {
        input->claim = event->offset;
        return;
    }
    rebuild->failed++;
    rs_log(RS_LOG_ERROR, "stream %s partition %" PRId32 " is not rebuilt: %s",
           rs_stream_label(stream_of(rebuild, input)), input->partition, event->error->text);
}

static int await_answers(struct rebuild *rebuild, struct rs_error *error)
{
    const struct rs_clock *clock = rs_clock_system();
    struct pollfd fd = {.fd = rebuild->io.ops->wake_fd(rebuild->io.self, 0), .events = POLLIN};
    int64_t deadline = rs_clock_mono(clock) + ANSWERS_US;
    struct rs_append_event event;

    while (rebuild->open > 0 && rs_clock_mono(clock) < deadline) {
        if (rebuild->io.ops->take(rebuild->io.self, 0, &event)) {
            on_answer(rebuild, &event);
        } else {
            (void)poll(&fd, 1, 1000);
        }
    }
    return rebuild->open == 0
               ? 0
               : rs_fail(error, RS_ETIMEOUT,
                         "%zu of %zu partitions: the state log was not acknowledged within %d s; "
                         "whether they are rebuilt is not known: run it again",
                         rebuild->open, rebuild->count, (int)(ANSWERS_US / 1000000));
}

/* ---- telling ---- */

static void print_gone(const struct input *input)
{
    char time[RS_TIME_TEXT_MAX];

    if (input->low == 0 || input->from > input->low) {
        return;
    }
    printf("; offsets 0 to %" PRId64 " are gone", input->low - 1);
    if (input->oldest_us != RS_TIME_NONE) {
        printf(", the oldest record left is of %.*s", (int)rs_time_format(input->oldest_us, time), time);
    }
}

static void print_input(const struct rebuild *rebuild, const struct input *input)
{
    int64_t records = input->high - input->from;

    printf("stream %s partition %" PRId32 ": will be read again from offset %" PRId64 ", %" PRId64 " %s",
           rs_stream_label(stream_of(rebuild, input)), input->partition, input->from, records,
           records == 1 ? "record" : "records");
    print_gone(input);
    printf("\n");
}

static int report_outcome(const struct rebuild *rebuild)
{
    for (size_t i = 0; i < rebuild->count; i++) {
        if (rebuild->inputs[i].answered && (rebuild->failed == 0 || rebuild->inputs[i].claim >= 0)) {
            print_input(rebuild, &rebuild->inputs[i]);
        }
    }
    if (rebuild->failed == 0) {
        rs_log(RS_LOG_INFO,
               "an instance that runs takes this up when it next writes to the state log; restart it "
               "where nothing new comes in");
    }
    return rebuild->failed == 0 ? RS_EXIT_OK : RS_EXIT_ENVIRONMENT;
}

int rs_rebuild(const struct rs_settings *settings, const struct rs_rebuild_options *options,
               struct rs_error *error)
{
    struct rebuild rebuild = {.settings = settings, .options = options};

    if (settings->state_in_memory) {
        return rs_fail(
            error, RS_EUSAGE,
            "--rebuild: with state: {log: memory} nothing is kept: a restart reads the input again");
    }
    int rc = open_consumer(&rebuild, error);
    if (rc == 0) {
        rc = look(&rebuild, error);
    }
    if (rc == 0) {
        rc = open_log(&rebuild, error);
    }
    if (rc == 0) {
        rc = claim_all(&rebuild, error);
    }
    if (rc == 0) {
        rc = await_answers(&rebuild, error);
        int code = report_outcome(&rebuild);
        rc = rc == 0 ? code : rc;
    }
    rs_kafka_log_free(&rebuild.log);
    if (rebuild.consumer) {
        rd_kafka_destroy(rebuild.consumer);
    }
    free(rebuild.inputs);
    return rc;
}
