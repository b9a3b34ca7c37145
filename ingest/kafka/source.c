#include "ingest/kafka/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/client.h"
#include "base/kafka/config.h"
#include "ingest/kafka/internal.h"

/* What an operator may change in `kafka`. Records wait in librdkafka's queues with about 300 bytes of their
 * own each, so the thresholds are what bounds memory: what a fetch brings comes on top of queued.min.messages. A fetch is answered as soon as there is anything to
 * read, hence the wait costs no latency; short it gives partitions that were just added their turn sooner. */
#define FETCH_MAX_BYTES "1048576"

static const char *const defaults[][2] = {
    {"client.id", "rollstatd"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "50"},
    {"fetch.message.max.bytes", "1048576"},
    {"fetch.max.bytes", FETCH_MAX_BYTES},
    {"queued.min.messages", "4000"},
    {"queued.max.messages.kbytes", "4096"},
    {"socket.nagle.disable", "true"},
    {"topic.metadata.refresh.interval.ms", "5000"},
    {"statistics.interval.ms", "1000"},
    {"reconnect.backoff.max.ms", "2000"},
    /* A member hears of a rebalance with its next heartbeat, and the partitions of an instance that stops are
     * nobody's until all have heard. The session's length is how long those of an instance that died are. */
    {"heartbeat.interval.ms", "100"},
    {"session.timeout.ms", "10000"},
    {NULL, NULL},
};

/* Known to newer versions only. */
static const char *const newer[][2] = {
    /* First, see make_conf. */
    {"fetch.queue.backoff.ms", "10"},
    {"group.protocol", "classic"},
};

static const char *const ours[][2] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"partition.assignment.strategy", "cooperative-sticky"},
    {"enable.partition.eof", "false"},
    {"log.queue", "true"},
    {NULL, NULL},
};

/* librdkafka refuses a client whose fetch is smaller than the largest message that the section allows. */
static int make_fetch_fit(const struct rs_config_node *kafka, rd_kafka_conf_t *conf, struct rs_error *error)
{
    char largest[32] = "";
    size_t size = sizeof largest;

    if ((kafka && rs_config_get(kafka, "fetch.max.bytes")) ||
        rd_kafka_conf_get(conf, "message.max.bytes", largest, &size) != RD_KAFKA_CONF_OK ||
        strtoll(largest, NULL, 10) <= strtoll(FETCH_MAX_BYTES, NULL, 10)) {
        return 0;
    }
    return rs_kafka_config_set(conf, "fetch.max.bytes", largest, error);
}

/* Defaults, then what the operator has set, then what this source depends on, which nobody may change. */
static int make_conf(struct rs_kafka_source *source, bool counts, rd_kafka_conf_t **out,
                     struct rs_error *error)
{
    const struct rs_kafka_source_options *options = &source->options;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = rs_kafka_config_set_all(conf, defaults, error);

    for (size_t i = 0; i < sizeof newer / sizeof newer[0]; i++) {
        bool known = rs_kafka_config_try(conf, newer[i][0], newer[i][1]);
        source->must_nudge = source->must_nudge || (i == 0 && !known);
    }
    if (rc == 0) {
        rc = rs_kafka_config_apply(options->kafka, conf, error);
    }
    if (rc == 0) {
        rc = make_fetch_fit(options->kafka, conf, error);
    }
    if (rc == 0) {
        rc = rs_kafka_config_set_all(conf, ours, error);
    }
    if (rc == 0) {
        rc = rs_kafka_config_set(conf, "group.id", options->streams->group, error);
    }
    if (rc == 0 && !counts) {
        rc = rs_kafka_config_set(conf, "statistics.interval.ms", "0", error);
    }
    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG |
                                       RD_KAFKA_EVENT_STATS | RD_KAFKA_EVENT_OFFSET_COMMIT);
    *out = conf;
    return 0;
}

/* Log lines come through the queue like everything else, so that all is handled on the thread that polls. */
static int open_consumer(struct rs_kafka_source *source, bool counts, rd_kafka_t **out_rk,
                         rd_kafka_queue_t **out_queue, struct rs_error *error)
{
    rd_kafka_conf_t *conf = NULL;
    int rc = make_conf(source, counts, &conf, error);

    if (rc == 0) {
        rc = rs_kafka_client_new(RD_KAFKA_CONSUMER, &conf, "kafka", out_rk, error);
    }
    if (rc != 0) {
        return rc;
    }
    (void)rd_kafka_poll_set_consumer(*out_rk);
    *out_queue = rd_kafka_queue_get_consumer(*out_rk);
    rs_kafka_queue_wakes(*out_queue, source->control_fd);
    return rs_kafka_client_log_to(*out_rk, *out_queue, error);
}

static int open_worker(struct rs_kafka_source *source, struct rs_kafka_worker *worker, struct rs_error *error)
{
    int rc = rs_wake_open(&worker->wake_fd, error);

    if (rc != 0) {
        return rc;
    }
    worker->queue = rd_kafka_queue_new(source->fetcher);
    rs_kafka_queue_wakes(worker->queue, worker->wake_fd);
    return 0;
}

/* Descriptors are -1 before anything returns: rs_kafka_source_free closes all others. */
static int allocate(struct rs_kafka_source *source, struct rs_error *error)
{
    size_t room = rs_streams_room(source->options.streams);

    source->tables = calloc(room, sizeof *source->tables);
    source->topics = calloc(room, sizeof(rd_kafka_topic_t *));
    source->missing = calloc(room, sizeof *source->missing);
    source->present = calloc(room, sizeof *source->present);
    source->unseen = calloc(room, sizeof *source->unseen);
    source->workers = calloc(source->options.workers, sizeof *source->workers);
    for (uint32_t i = 0; source->workers && i < source->options.workers; i++) {
        source->workers[i].wake_fd = -1;
    }
    if (!source->tables || !source->topics || !source->missing || !source->present || !source->unseen ||
        !source->workers) {
        return rs_fail(error, RS_ENOMEM, "kafka: out of memory");
    }
    int rc = rs_wake_open(&source->control_fd, error);
    return rc == 0 ? rs_wake_open(&source->asker.fd, error) : rc;
}

/* Subscribed last: from then on the group may assign partitions, and all that serves them has to be there. */
int rs_kafka_source_new(const struct rs_kafka_source_options *options, struct rs_kafka_source **out,
                        struct rs_error *error)
{
    struct rs_kafka_source *source = calloc(1, sizeof *source);

    if (!source) {
        return rs_fail(error, RS_ENOMEM, "kafka: out of memory");
    }
    source->options = *options;
    source->control_fd = -1;
    source->asker.fd = -1;
    pthread_mutex_init(&source->mutex, NULL);
    int rc = allocate(source, error);
    if (rc == 0) {
        rc = open_consumer(source, true, &source->fetcher, &source->fetcher_queue, error);
    }
    if (rc == 0) {
        rc = open_consumer(source, false, &source->member, &source->member_queue, error);
    }
    for (uint32_t i = 0; rc == 0 && i < options->workers; i++) {
        rc = open_worker(source, &source->workers[i], error);
    }
    if (rc == 0) {
        rc = rs_kafka_asker_start(source, error);
    }
    if (rc == 0) {
        rc = rs_kafka_topics_begin(source, error);
    }
    if (rc != 0) {
        rs_kafka_source_free(&source);
        return rc;
    }
    *out = source;
    return 0;
}

struct rs_source rs_kafka_source_table(struct rs_kafka_source *source)
{
    return (struct rs_source){.self = source, .ops = &rs_kafka_worker_ops};
}

int rs_kafka_source_fd(const struct rs_kafka_source *source)
{
    return source->control_fd;
}

void rs_kafka_source_poll(struct rs_kafka_source *source)
{
    rs_wake_clear(source->control_fd);
    rs_kafka_serve_events(source, source->member_queue, 0);
    rs_kafka_serve_events(source, source->fetcher_queue, 0);
    rs_kafka_control_answers(source);
    rs_kafka_group_turn(source);
    if (!source->closing) {
        rs_kafka_control_commit(source, false);
        rs_kafka_control_nudge(source);
        rs_kafka_control_highs(source);
        rs_kafka_control_topics(source);
        rs_kafka_control_look(source);
    }
}

void rs_kafka_source_status(struct rs_kafka_source *source, struct rs_kafka_source_status *out)
{
    source->status.skipped = atomic_load(&source->skipped);
    *out = source->status;
}

bool rs_kafka_source_topic_missing(const struct rs_kafka_source *source, size_t stream)
{
    return source->missing[stream];
}

bool rs_kafka_source_cluster(struct rs_kafka_source *source, char out[RS_KAFKA_CLUSTER_MAX])
{
    char *id = rd_kafka_clusterid(source->member, 0); /* without time it only looks at what is there */

    id = !id ? rd_kafka_clusterid(source->fetcher, 0) : id;
    if (!id && !source->status.joined) {
        return false;
    }
    (void)snprintf(out, RS_KAFKA_CLUSTER_MAX, "%s", !id ? "" : id);
    if (id) {
        rd_kafka_mem_free(source->member, id);
    }
    return true;
}

/* Messages, queues and handles go before the client that they belong to. */
static void destroy_fetcher(struct rs_kafka_source *source)
{
    rs_kafka_parts_free(source);
    for (uint32_t i = 0; i < source->options.workers; i++) {
        rs_kafka_worker_drop(&source->workers[i]);
        rs_kafka_queue_free(&source->workers[i].queue);
    }
    for (size_t i = 0; i < source->options.streams->count; i++) {
        if (source->topics[i]) {
            rd_kafka_topic_destroy(source->topics[i]);
        }
    }
    rs_kafka_queue_free(&source->fetcher_queue);
    rd_kafka_destroy_flags(source->fetcher, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

/* The thread that asks brokers ends first, since it asks through both clients. */
void rs_kafka_source_free(struct rs_kafka_source **pointer)
{
    struct rs_kafka_source *source = *pointer;

    if (!source) {
        return;
    }
    rs_kafka_asker_stop(source);
    if (source->member) {
        rs_kafka_member_free(source);
    }
    if (source->fetcher) {
        destroy_fetcher(source);
    }
    for (uint32_t i = 0; source->workers && i < source->options.workers; i++) {
        rs_wake_close(&source->workers[i].wake_fd);
    }
    for (size_t i = 0; source->tables && i < source->options.streams->count; i++) {
        free(source->tables[i].partitions);
    }
    rs_wake_close(&source->control_fd);
    rs_wake_close(&source->asker.fd);
    free(source->tables);
    free(source->topics);
    free(source->missing);
    free(source->present);
    free(source->unseen);
    free(source->workers);
    pthread_mutex_destroy(&source->mutex);
    free(source);
    *pointer = NULL;
}
