#include "base/kafka/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/kafka/ask.h"
#include "base/kafka/client.h"
#include "base/kafka/config.h"

struct rs_kafka_reader {
    rd_kafka_t *client;
    int timeout_ms;
    char last_error[256]; /* what librdkafka complained of last; empty: nothing */
};

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct rs_kafka_reader *reader = opaque;
    (void)client;
    (void)code;
    size_t size = strnlen(reason, sizeof reader->last_error - 1);
    memcpy(reader->last_error, reason, size);
    reader->last_error[size] = '\0';
}

/* A reader without a group: it takes no part in who owns what, and commits nothing. */
static int configure(rd_kafka_conf_t *conf, const struct rs_config_node *section, struct rs_error *error)
{
    static const char *const settings[][2] = {
        {"auto.offset.reset", "error"}, /* a trim under our feet has to be seen */
        {"enable.partition.eof", "true"},
        {"check.crcs", "true"},
        {"allow.auto.create.topics", "false"},
        {"log_level", "0"}, /* errors come through on_error */
        {NULL, NULL},
    };
    int rc = rs_kafka_config_apply(section, conf, error);
    return rc == 0 ? rs_kafka_config_set_all(conf, settings, error) : rc;
}

static int open_client(struct rs_kafka_reader *reader, const struct rs_config_node *section,
                       struct rs_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = configure(conf, section, error);
    if (rc < 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, reader);
    return rs_kafka_client_new(RD_KAFKA_CONSUMER, &conf, "kafka", &reader->client, error);
}

int rs_kafka_reader_new(const struct rs_config_node *section, int timeout_ms, struct rs_kafka_reader **out,
                        struct rs_error *error)
{
    struct rs_kafka_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    reader->timeout_ms = timeout_ms;
    int rc = open_client(reader, section, error);
    if (rc < 0) {
        rs_kafka_reader_free(&reader);
        return rc;
    }
    *out = reader;
    return 0;
}

void rs_kafka_reader_free(struct rs_kafka_reader **reader)
{
    if (*reader) {
        if ((*reader)->client) {
            rd_kafka_destroy((*reader)->client);
        }
        free(*reader);
        *reader = NULL;
    }
}

/* The broker's answer, and what went wrong before it where that is known. */
static int refused(struct rs_kafka_reader *reader, const char *topic, rd_kafka_resp_err_t code,
                   struct rs_error *error)
{
    (void)rd_kafka_poll(reader->client, 0); /* complaints come with polling */
    bool more = reader->last_error[0] != '\0';
    return rs_fail(error, RS_EBROKER, "topic %s: %s%s%s", topic, rd_kafka_err2str(code), more ? ": " : "",
                   reader->last_error);
}

int rs_kafka_reader_partitions(struct rs_kafka_reader *reader, const char *topic, int32_t *count,
                               struct rs_error *error)
{
    *count = 0;
    rd_kafka_resp_err_t code = rs_kafka_ask_partitions(reader->client, topic, reader->timeout_ms, count);
    bool absent = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || absent ? 0 : refused(reader, topic, code, error);
}

int rs_kafka_reader_topics(struct rs_kafka_reader *reader, rs_kafka_take_topic *take, void *ctx,
                           struct rs_error *error)
{
    int taken = 0;
    rd_kafka_resp_err_t code =
        rs_kafka_ask_topics(reader->client, reader->timeout_ms, take, ctx, &taken, error);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? taken : refused(reader, "names", code, error);
}

int rs_kafka_reader_extent(struct rs_kafka_reader *reader, const char *topic, int32_t partition,
                           int64_t *first, int64_t *end, struct rs_error *error)
{
    rd_kafka_resp_err_t code =
        rs_kafka_ask_ends(reader->client, topic, partition, reader->timeout_ms, first, end);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : refused(reader, topic, code, error);
}

/* ---- reading ---- */

struct reading {
    struct rs_kafka_reader *reader;
    const char *topic;
    int64_t next, end;
    rs_kafka_take *take;
    void *ctx;
};

/* What a message is: records, the end, or trouble. Transactions leave gaps, which whoever takes them sees. */
static int take_message(struct reading *r, const rd_kafka_message_t *message, struct rs_error *error)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF: r->next = r->end; return 0;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: return RS_KAFKA_TRIMMED;
    default: return refused(r->reader, r->topic, message->err, error);
    }
    if (message->offset >= r->end) {
        r->next = r->end;
        return 0;
    }
    r->next = message->offset + 1;
    return r->take(r->ctx, message, error);
}

/* One by one: a batch would wait for its last record where the log has ended. */
static int read_on(struct reading *r, rd_kafka_topic_t *handle, int32_t partition, struct rs_error *error)
{
    int rc = 0;
    while (rc == 0 && r->next < r->end) {
        rd_kafka_message_t *message = rd_kafka_consume(handle, partition, r->reader->timeout_ms);
        if (!message) {
            return refused(r->reader, r->topic, RD_KAFKA_RESP_ERR__TIMED_OUT, error);
        }
        rc = take_message(r, message, error);
        rd_kafka_message_destroy(message);
    }
    return rc;
}

int rs_kafka_reader_read(struct rs_kafka_reader *reader, const char *topic, int32_t partition, int64_t first,
                         int64_t end, rs_kafka_take *take, void *ctx, struct rs_error *error)
{
    struct reading r = {
        .reader = reader, .topic = topic, .next = first, .end = end, .take = take, .ctx = ctx};
    if (first >= end) {
        return 0;
    }
    rd_kafka_topic_t *handle = rd_kafka_topic_new(reader->client, topic, NULL);
    if (!handle || rd_kafka_consume_start(handle, partition, first) != 0) {
        rd_kafka_resp_err_t code = rd_kafka_last_error();
        if (handle) {
            rd_kafka_topic_destroy(handle);
        }
        return refused(reader, topic, code, error);
    }
    int rc = read_on(&r, handle, partition, error);
    (void)rd_kafka_consume_stop(handle, partition);
    rd_kafka_topic_destroy(handle);
    return rc;
}
