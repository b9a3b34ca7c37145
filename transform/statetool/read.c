#include <stdlib.h>
#include <string.h>

#include "base/kafka/ask.h"
#include "base/kafka/client.h"
#include "base/kafka/config.h"
#include "transform/statetool/internal.h"

struct rs_state_kafka {
    rd_kafka_t *client;
    int timeout_ms;
    char last_error[256]; /* what librdkafka complained of last; empty: nothing */
};

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct rs_state_kafka *kafka = opaque;
    (void)client;
    (void)code;
    size_t size = strnlen(reason, sizeof kafka->last_error - 1);
    memcpy(kafka->last_error, reason, size);
    kafka->last_error[size] = '\0';
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

static int open_client(struct rs_state_kafka *kafka, const struct rs_config_node *section,
                       struct rs_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = configure(conf, section, error);
    if (rc < 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, kafka);
    return rs_kafka_client_new(RD_KAFKA_CONSUMER, &conf, "kafka", &kafka->client, error);
}

int rs_state_kafka_new(const struct rs_config_node *section, int timeout_ms, struct rs_state_kafka **out,
                       struct rs_error *error)
{
    struct rs_state_kafka *kafka = calloc(1, sizeof *kafka);
    if (!kafka) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    kafka->timeout_ms = timeout_ms;
    int rc = open_client(kafka, section, error);
    if (rc < 0) {
        rs_state_kafka_free(&kafka);
        return rc;
    }
    *out = kafka;
    return 0;
}

void rs_state_kafka_free(struct rs_state_kafka **kafka)
{
    if (*kafka) {
        if ((*kafka)->client) {
            rd_kafka_destroy((*kafka)->client);
        }
        free(*kafka);
        *kafka = NULL;
    }
}

/* The broker's answer, and what went wrong before it where that is known. */
static int refused(struct rs_state_kafka *kafka, const char *topic, rd_kafka_resp_err_t code,
                   struct rs_error *error)
{
    (void)rd_kafka_poll(kafka->client, 0); /* complaints come with polling */
    bool more = kafka->last_error[0] != '\0';
    return rs_fail(error, RS_EBROKER, "topic %s: %s%s%s", topic, rd_kafka_err2str(code), more ? ": " : "",
                   kafka->last_error);
}

int rs_state_kafka_partitions(struct rs_state_kafka *kafka, const char *topic, int32_t *count,
                              struct rs_error *error)
{
    *count = 0;
    rd_kafka_resp_err_t code = rs_kafka_ask_partitions(kafka->client, topic, kafka->timeout_ms, count);
    bool absent = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || absent ? 0 : refused(kafka, topic, code, error);
}

int rs_state_kafka_extent(struct rs_state_kafka *kafka, const char *topic, int32_t partition, int64_t *first,
                          int64_t *end, struct rs_error *error)
{
    rd_kafka_resp_err_t code =
        rs_kafka_ask_ends(kafka->client, topic, partition, kafka->timeout_ms, first, end);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : refused(kafka, topic, code, error);
}

/* ---- reading ---- */

struct reading {
    struct rs_state_kafka *kafka;
    const char *topic;
    int64_t next, end;
    int (*take)(void *ctx, int64_t offset, struct rs_slice bytes, struct rs_error *error);
    void *ctx;
};

/* What a message is: records, the end, or trouble. Transactions leave gaps, which the judge sees. */
static int take_message(struct reading *r, const rd_kafka_message_t *message, struct rs_error *error)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF: r->next = r->end; return 0;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: return 1;
    default: return refused(r->kafka, r->topic, message->err, error);
    }
    if (message->offset >= r->end) {
        r->next = r->end;
        return 0;
    }
    r->next = message->offset + 1;
    return r->take(r->ctx, message->offset, rs_slice_of(message->payload, message->len), error);
}

/* One by one: a batch would wait for its last record where the log has ended. */
static int read_on(struct reading *r, rd_kafka_topic_t *handle, int32_t partition, struct rs_error *error)
{
    int rc = 0;
    while (rc == 0 && r->next < r->end) {
        rd_kafka_message_t *message = rd_kafka_consume(handle, partition, r->kafka->timeout_ms);
        if (!message) {
            return refused(r->kafka, r->topic, RD_KAFKA_RESP_ERR__TIMED_OUT, error);
        }
        rc = take_message(r, message, error);
        rd_kafka_message_destroy(message);
    }
    return rc;
}

int rs_state_kafka_read(struct rs_state_kafka *kafka, const char *topic, int32_t partition, int64_t first,
                        int64_t end,
                        int (*take)(void *ctx, int64_t offset, struct rs_slice bytes, struct rs_error *error),
                        void *ctx, struct rs_error *error)
{
    struct reading r = {.kafka = kafka, .topic = topic, .next = first, .end = end, .take = take, .ctx = ctx};
    if (first >= end) {
        return 0;
    }
    rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka->client, topic, NULL);
    if (!handle || rd_kafka_consume_start(handle, partition, first) != 0) {
        rd_kafka_resp_err_t code = rd_kafka_last_error();
        if (handle) {
            rd_kafka_topic_destroy(handle);
        }
        return refused(kafka, topic, code, error);
    }
    int rc = read_on(&r, handle, partition, error);
    (void)rd_kafka_consume_stop(handle, partition);
    rd_kafka_topic_destroy(handle);
    return rc;
}
