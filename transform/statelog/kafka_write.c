/* Appending: the producer, and the thread that serves its deliveries. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/client.h"
#include "base/kafka/config.h"
#include "transform/statelog/kafka_internal.h"

#define POLL_MS 50 /* between looks at what needs no delivery: the end, a broken producer, a full queue */

/* A claim or a seal waits for its acknowledgement, and a record never for another one to travel with. */
static const char *const settings[][2] = {
    {"enable.idempotence", "true"},      /* implies acks=all and order */
    {"message.timeout.ms", "0"},         /* never: an answer that did not come leaves open what happened */
    {"message.max.bytes", "1000000000"}, /* the broker is the judge */
    {"linger.ms", "0"},
    {"socket.nagle.disable", "true"},
    {"topic.metadata.refresh.interval.ms", "5000"},
    {"statistics.interval.ms", "0"},
    {NULL, NULL},
};

/* ---- handing over ---- */

static void note_error(struct rs_kafka_log *log, const struct rs_error *error)
{
    log->status.refused++;
    log->status.writable = false;
    log->status.last_error_us = rs_clock_wall(log->options.clock);
    (void)snprintf(log->status.last_error, sizeof log->status.last_error, "%.*s",
                   (int)sizeof log->status.last_error - 1, error->text);
}

/* Not the broker's verdict but our own: the producer is being replaced or closed. */
static bool ours(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
           code == RD_KAFKA_RESP_ERR__FATAL;
}

/* Whatever the broker has against the topic, it is looked at, in a while, before more goes into it. */
static void look_again(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic)
{
    topic->ready = false;
    topic->check = true;
    topic->check_at_us = rs_clock_mono(log->options.clock) + RS_KAFKA_LOG_AGAIN_US;
    rs_wake(log->keeper_fd);
}

static bool too_large(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

/* The record is refused, and all of its ownership that wait behind it. */
static void refuse(struct rs_kafka_log *log, struct rs_kafka_log_note *note, rd_kafka_resp_err_t code)
{
    struct rs_kafka_log_partition *key = note->key;
    struct rs_kafka_log_topic *topic = &log->topics[key->stream];
    bool current = note->epoch == key->epoch && note->generation == key->generation;
    char remedy[512];
    struct rs_error error;

    rs_kafka_log_remedy(code, "Write", topic->name, remedy, sizeof remedy);
    (void)rs_fail(&error, RS_EBROKER, "state log: topic %s partition %" PRId32 " cannot be written: %s%s",
                  topic->name, key->partition, rd_kafka_err2str(code), remedy);
    note_error(log, &error);
    if (!ours(code)) {
        look_again(log, topic);
    }
    if (too_large(code)) {
        topic->refused_bytes = note->size;
    }
    note->event.kind = RS_APPEND_REFUSED;
    rs_kafka_log_send(log, note, &error);
    if (!current) {
        return;
    }
    key->refused = true;
    while ((note = rs_kafka_log_notes_pop(&key->waiting))) {
        note->event.kind = RS_APPEND_REFUSED;
        rs_kafka_log_send(log, note, &error);
    }
}

static bool comes_again(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR__FATAL:         /* the producer is about to be replaced */
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC: /* its metadata may be older than the topic */
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return true;
    default: return false;
    }
}

/* A handle makes the producer look for the topic's leaders at once; of a bare name it would take notice
 * within a second. There is none before the topic is: looking could make it, with the broker's settings. */
static rd_kafka_topic_t *target_of(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic)
{
    if (!topic->target) {
        topic->target = rd_kafka_topic_new(log->producer, topic->name, NULL);
    }
    return topic->target;
}

/* One record of a key at a time, whatever order the producer promises: behind one that is refused none may
 * reach the log. What cannot be handed over just now stays first in line, and retry_stuck comes back to
 * it. */
void rs_kafka_log_pump(struct rs_kafka_log *log, struct rs_kafka_log_partition *key)
{
    struct rs_kafka_log_note *note = key->waiting.first;

    if (!note || key->sent || !log->producer || !rs_kafka_log_fit(log, key)) {
        return;
    }
    rd_kafka_topic_t *target = target_of(log, &log->topics[key->stream]);
    if (!target) {
        refuse(log, rs_kafka_log_notes_pop(&key->waiting), rd_kafka_last_error());
        return;
    }
    /* No copy: the bytes are the note's until the delivery report. */
    rd_kafka_resp_err_t code =
        rd_kafka_producev(log->producer, RD_KAFKA_V_RKT(target), RD_KAFKA_V_PARTITION(key->partition),
                          RD_KAFKA_V_VALUE(note->bytes, note->size), RD_KAFKA_V_OPAQUE(note), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        key->sent = rs_kafka_log_notes_pop(&key->waiting);
    } else if (comes_again(code)) {
        log->stuck = true;
    } else {
        refuse(log, rs_kafka_log_notes_pop(&key->waiting), code);
    }
}

static void each_key(struct rs_kafka_log *log,
                     void (*visit)(struct rs_kafka_log *log, struct rs_kafka_log_partition *key))
{
    for (size_t i = 0; i < log->options.streams->count; i++) {
        for (size_t j = 0; j < log->topics[i].key_count; j++) {
            if (log->topics[i].keys[j]) {
                visit(log, log->topics[i].keys[j]);
            }
        }
    }
}

/* ---- deliveries ---- */

/* Only now may the key's next record go. After a refusal nothing waits any more, unless the key was
 * forgotten and claimed again: then what waits is the new ownership's, and goes. */
static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    struct rs_kafka_log *log = opaque;
    struct rs_kafka_log_note *note = message->_private;
    struct rs_kafka_log_partition *key = note->key;

    (void)producer;
    pthread_mutex_lock(&log->lock);
    RS_ASSERT(key->sent == note);
    key->sent = NULL;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        log->status.appended++;
        log->status.writable = true;
        /* A retry that the broker knew already is acknowledged without an offset. */
        note->event.offset = message->offset >= 0 ? message->offset : -1;
        rs_kafka_log_send(log, note, NULL);
    } else {
        refuse(log, note, message->err);
    }
    rs_kafka_log_pump(log, key);
    pthread_mutex_unlock(&log->lock);
}

/* ---- the producer ---- */

/* Partitions may have queued records while there was none: they go at once. */
static int open_producer(struct rs_kafka_log *log, struct rs_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(log->producer_conf);
    rd_kafka_t *producer = NULL;
    int rc = rs_kafka_client_new(RD_KAFKA_PRODUCER, &conf, "state log", &producer, error);

    if (rc != 0) {
        return rc;
    }
    pthread_mutex_lock(&log->lock);
    log->producer = producer;
    log->status.producers++;
    log->status.writable = true;
    each_key(log, rs_kafka_log_pump);
    pthread_mutex_unlock(&log->lock);
    return 0;
}

static void refuse_sent(struct rs_kafka_log *log, struct rs_kafka_log_partition *key)
{
    struct rs_kafka_log_note *note = key->sent;

    if (note) {
        key->sent = NULL;
        refuse(log, note, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT);
    }
}

/* What is on its way is REFUSED: it may be in the log or not. */
static void close_producer(struct rs_kafka_log *log)
{
    pthread_mutex_lock(&log->lock);
    rd_kafka_t *producer = log->producer;
    log->producer = NULL;
    pthread_mutex_unlock(&log->lock);
    if (!producer) {
        return;
    }
    rs_kafka_producer_give_up(producer);
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < log->options.streams->count; i++) {
        if (log->topics[i].target) {
            rd_kafka_topic_destroy(log->topics[i].target);
            log->topics[i].target = NULL;
        }
    }
    pthread_mutex_unlock(&log->lock);
    rd_kafka_destroy(producer);
    pthread_mutex_lock(&log->lock);
    each_key(log, refuse_sent);
    pthread_mutex_unlock(&log->lock);
}

/* An idempotent producer that met a fatal error never sends again. The new one knows nothing of what the
 * old had under way, so all of that is refused and the log decides, when the partitions are claimed again. */
static void replace_broken(struct rs_kafka_log *log)
{
    char reason[256];
    struct rs_error error;

    if (log->producer) {
        if (rd_kafka_fatal_error(log->producer, reason, sizeof reason) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return;
        }
        rs_report(&log->options.report, RS_LOG_WARNING,
                  "state log: the producer is replaced: %s; partitions whose records were on their way are "
                  "claimed again",
                  reason);
        close_producer(log);
    }
    if (open_producer(log, &error) != 0) {
        rs_report(&log->options.report, RS_LOG_ERROR, "%s", error.text);
        (void)poll(NULL, 0, 1000);
    }
}

/* ---- the thread ---- */

static void retry_stuck(struct rs_kafka_log *log)
{
    pthread_mutex_lock(&log->lock);
    if (log->stuck) {
        log->stuck = false;
        each_key(log, rs_kafka_log_pump);
    }
    pthread_mutex_unlock(&log->lock);
}

static bool go_on(struct rs_kafka_log *log)
{
    pthread_mutex_lock(&log->lock);
    bool more =
        !log->stopping || (log->status.pending > 0 && rs_clock_mono(log->options.clock) < log->deadline_us);
    pthread_mutex_unlock(&log->lock);
    return more;
}

static void *run(void *argument)
{
    struct rs_kafka_log *log = argument;

    while (go_on(log)) {
        replace_broken(log);
        if (log->producer) {
            (void)rd_kafka_poll(log->producer, POLL_MS);
        }
        retry_stuck(log);
    }
    return NULL;
}

/* The configuration is kept, for the producers that may have to replace this one. */
int rs_kafka_log_writer_open(struct rs_kafka_log *log, rd_kafka_conf_t *conf, struct rs_error *error)
{
    log->producer_conf = rd_kafka_conf_dup(conf);
    int rc = rs_kafka_config_set_all(log->producer_conf, settings, error);
    if (rc != 0) {
        return rc;
    }
    rd_kafka_conf_set_opaque(log->producer_conf, log);
    rd_kafka_conf_set_dr_msg_cb(log->producer_conf, on_delivery);
    rd_kafka_conf_set_error_cb(log->producer_conf, rs_kafka_log_on_error);
    rc = open_producer(log, error);
    if (rc == 0) {
        rc = rs_thread_start(&log->writer, run, log, "writing the state log", error);
    }
    log->writer_runs = rc == 0;
    return rc;
}

void rs_kafka_log_writer_close(struct rs_kafka_log *log)
{
    if (log->writer_runs) {
        (void)pthread_join(log->writer, NULL);
        log->writer_runs = false;
    }
    size_t pending = log->status.pending;
    close_producer(log);
    log->status.pending = pending; /* what is refused for being late was not acknowledged */
    if (log->producer_conf) {
        rd_kafka_conf_destroy(log->producer_conf);
        log->producer_conf = NULL;
    }
}
