/* A consumer without a group: partitions are read from offsets that were asked for first, so that what is produced
 * after the tool has said where it begins is shown. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/kafka/ask.h"
#include "base/kafka/client.h"
#include "base/kafka/config.h"
#include "base/kafka/headers.h"
#include "transform/tap/internal.h"

#define WAIT_MS 100

struct tapped {
    const struct rs_stream *input;
    rd_kafka_topic_t *handle; /* shared by those of a topic; NULL: not begun */
    int32_t number;
    int64_t next, end; /* end: where it ended in the beginning */
};

struct rs_tap_reader {
    const struct rs_tap_request *request;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    char last_error[256]; /* what librdkafka complained of last; empty: nothing */
    struct tapped *partitions;
    size_t count, capacity;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

/* ---- the client ---- */

/* While it runs a broker that is away comes back, or does not: said once, and read on. */
static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct rs_tap_reader *reader = opaque;
    (void)client;
    (void)code;
    if (strncmp(reader->last_error, reason, sizeof reader->last_error - 1) == 0) {
        return;
    }
    (void)snprintf(reader->last_error, sizeof reader->last_error, "%s", reason);
    if (reader->queue) {
        fprintf(stderr, "%s: %s\n", rs_tap_info.name, reader->last_error);
    }
}

static int open_client(struct rs_tap_reader *reader, const struct rs_config_node *section,
                       struct rs_error *error)
{
    static const char *const settings[][2] = {
        {"auto.offset.reset", "error"}, /* a trim under our feet has to be seen */
        {"enable.partition.eof", "true"},
        {"check.crcs", "true"},
        {"allow.auto.create.topics", "false"},
        {"queued.max.messages.kbytes", "16384"},
        {"log_level", "0"}, /* errors come through on_error */
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = rs_kafka_config_apply(section, conf, error);
    rc = rc == 0 ? rs_kafka_config_set_all(conf, settings, error) : rc;
    if (rc < 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, reader);
    return rs_kafka_client_new(RD_KAFKA_CONSUMER, &conf, "kafka", &reader->client, error);
}

static int refused(struct rs_tap_reader *reader, const char *topic, rd_kafka_resp_err_t code,
                   struct rs_error *error)
{
    (void)rd_kafka_poll(reader->client, 0); /* complaints come with polling */
    bool more = reader->last_error[0] != '\0';
    return rs_fail(error, RS_EBROKER, "topic %s: %s%s%s", topic, rd_kafka_err2str(code), more ? ": " : "",
                   reader->last_error);
}

static int ask_ends(struct rs_tap_reader *reader, const struct tapped *of, int64_t *first, int64_t *end,
                    struct rs_error *error)
{
    rd_kafka_resp_err_t code = rs_kafka_ask_ends(reader->client, of->input->topic, of->number,
                                                 (int)reader->request->timeout_s * 1000, first, end);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : refused(reader, of->input->topic, code, error);
}

/* ---- where to begin ---- */

static int begin_at(struct rs_tap_reader *reader, const struct rs_stream *input, int32_t number,
                    struct rs_error *error)
{
    struct tapped at = {.input = input, .number = number};
    int64_t from = reader->request->from;
    int64_t first = 0;
    int rc = ask_ends(reader, &at, &first, &at.end, error);
    if (rc == 0 && from >= 0 && (from < first || from > at.end)) {
        rc = rs_usage_fail(&rs_tap_info, error,
                           "--from: partition %" PRId32 " of topic %s holds the offsets %" PRId64
                           " to %" PRId64,
                           number, input->topic, first, at.end);
    }
    if (rc < 0) {
        return rc;
    }
    at.next = from >= 0 ? from : from == RS_TAP_EARLIEST ? first : at.end;
    struct tapped *partitions =
        rs_array_grow(reader->partitions, reader->count, &reader->capacity, 16, sizeof *partitions);
    if (!partitions) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    reader->partitions = partitions;
    partitions[reader->count++] = at;
    return 0;
}

static int begin_topic(struct rs_tap_reader *reader, const struct rs_stream *input, struct rs_error *error)
{
    const struct rs_tap_request *request = reader->request;
    int32_t count = 0;
    rd_kafka_resp_err_t code =
        rs_kafka_ask_partitions(reader->client, input->topic, (int)request->timeout_s * 1000, &count);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return refused(reader, input->topic, code, error);
    }
    if (request->partition >= count) {
        return rs_usage_fail(&rs_tap_info, error, "--partition: topic %s has %" PRId32 " partitions",
                             input->topic, count);
    }
    if (request->from >= 0 && (reader->count > 0 || (request->partition < 0 && count > 1))) {
        return rs_usage_fail(&rs_tap_info, error,
                             "--from: an offset is of one partition: --topic and --partition say of which");
    }
    int rc = 0;
    for (int32_t i = 0; rc == 0 && i < count; i++) {
        rc = request->partition < 0 || request->partition == i ? begin_at(reader, input, i, error) : 0;
    }
    return rc;
}

static int begin_topics(struct rs_tap_reader *reader, const struct rs_streams *streams,
                        const struct rs_stream *stream, struct rs_error *error)
{
    const struct rs_tap_request *request = reader->request;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < streams->count; i++) {
        const struct rs_stream *input = &streams->items[i];
        bool wanted = rs_stream_same(input, stream) && input->topic &&
                      (!request->topic || strcmp(request->topic, input->topic) == 0);
        rc = wanted ? begin_topic(reader, input, error) : 0;
    }
    if (rc == 0 && reader->count == 0) {
        return rs_usage_fail(&rs_tap_info, error, "stream %s reads no topic %s", stream->name,
                             request->topic ? request->topic : "that the configuration names");
    }
    return rc;
}

int rs_tap_reader_new(const struct rs_tap_request *request, const struct rs_config_node *kafka,
                      const struct rs_streams *streams, const struct rs_stream *stream,
                      struct rs_tap_reader **out, struct rs_error *error)
{
    struct rs_tap_reader *reader = calloc(1, sizeof *reader);
    *out = reader;
    if (!reader) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    reader->request = request;
    int rc = open_client(reader, kafka, error);
    return rc == 0 ? begin_topics(reader, streams, stream, error) : rc;
}

void rs_tap_reader_free(struct rs_tap_reader **pointer)
{
    struct rs_tap_reader *reader = *pointer;
    if (!reader) {
        return;
    }
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->partitions[i].handle) {
            (void)rd_kafka_consume_stop(reader->partitions[i].handle, reader->partitions[i].number);
            rd_kafka_topic_destroy(reader->partitions[i].handle);
        }
    }
    if (reader->queue) {
        rd_kafka_queue_destroy(reader->queue);
    }
    if (reader->client) {
        rd_kafka_destroy(reader->client);
    }
    free(reader->partitions);
    free(reader);
    *pointer = NULL;
}

size_t rs_tap_reader_slots(const struct rs_tap_reader *reader)
{
    return reader->count;
}

/* ---- reading ---- */

static int start(struct rs_tap_reader *reader, struct tapped *at, struct rs_error *error)
{
    at->handle = at->handle ? at->handle : rd_kafka_topic_new(reader->client, at->input->topic, NULL);
    return at->handle && rd_kafka_consume_start_queue(at->handle, at->number, at->next, reader->queue) == 0
               ? 0
               : refused(reader, at->input->topic, rd_kafka_last_error(), error);
}

static int start_all(struct rs_tap_reader *reader, struct rs_error *error)
{
    int rc = 0;
    reader->queue = rd_kafka_queue_new(reader->client);
    if (!reader->queue) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; rc == 0 && i < reader->count; i++) {
        rc = start(reader, &reader->partitions[i], error);
    }
    return rc;
}

/* What was trimmed is told: the reading goes on behind it. */
static int start_again(struct rs_tap_reader *reader, struct tapped *at, struct rs_error *error)
{
    int64_t first = 0;
    int64_t end = 0;
    int rc = ask_ends(reader, at, &first, &end, error);
    if (rc < 0) {
        return rc;
    }
    fprintf(stderr,
            "%s: partition %" PRId32 " of topic %s does not hold offset %" PRId64
            " any more; going on at %" PRId64 "\n",
            rs_tap_info.name, at->number, at->input->topic, at->next, first);
    (void)rd_kafka_consume_stop(at->handle, at->number);
    at->next = first;
    return start(reader, at, error);
}

static struct tapped *tapped_of(const struct rs_tap_reader *reader, const rd_kafka_message_t *message)
{
    const char *topic = message->rkt ? rd_kafka_topic_name(message->rkt) : "";
    for (size_t i = 0; i < reader->count; i++) {
        struct tapped *at = &reader->partitions[i];
        if (at->number == message->partition && strcmp(at->input->topic, topic) == 0) {
            return at;
        }
    }
    return NULL;
}

static int64_t time_of(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t ms = rd_kafka_message_timestamp(message, &type);
    bool known = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms >= 0 && ms <= INT64_MAX / 1000;
    return known ? ms * 1000 : RS_TIME_NONE;
}

static int take_message(struct rs_tap_reader *reader, rd_kafka_message_t *message, rs_tap_take *take,
                        void *ctx, struct rs_error *error)
{
    struct tapped *at = tapped_of(reader, message);
    if (!at) {
        return 0;
    }
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        return start_again(reader, at, error);
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        at->next = at->next > message->offset ? at->next : message->offset;
        return 0;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rs_kafka_is_away(message->err) ? 0 : refused(reader, at->input->topic, message->err, error);
    }
    at->next = message->offset + 1;
    if (reader->request->end && message->offset >= at->end) {
        return 0;
    }
    struct rs_tap_event event = {
        .input = at->input,
        .partition = at->number,
        .slot = (size_t)(at - reader->partitions),
        .record = {.key = rs_slice_of(message->key, message->key_len),
                   .value = rs_slice_of(message->payload, message->len),
                   .offset = message->offset,
                   .timestamp_us = time_of(message),
                   .origin = message,
                   .header = rs_kafka_header},
    };
    return take(ctx, &event, error);
}

/* With --end: whether all was read. Markers of transactions are no records: there the end is what librdkafka says. */
static bool at_end(const struct rs_tap_reader *reader)
{
    bool all = reader->request->end;
    for (size_t i = 0; i < reader->count && all; i++) {
        all = reader->partitions[i].next >= reader->partitions[i].end;
    }
    return all;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

int rs_tap_reader_run(struct rs_tap_reader *reader, rs_tap_take *take, rs_tap_idle *idle, void *ctx,
                      struct rs_error *error)
{
    catch_signals();
    int rc = start_all(reader, error);
    while (rc == 0 && !stopped && !at_end(reader)) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(reader->queue, WAIT_MS);
        if (message) {
            rc = take_message(reader, message, take, ctx, error);
            rd_kafka_message_destroy(message);
        } else {
            rc = idle(ctx, error);
        }
        (void)rd_kafka_poll(reader->client, 0);
    }
    return rc == RS_TAP_ENOUGH ? 0 : rc;
}
