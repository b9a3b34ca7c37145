/* What the threads of a Kafka log tell each other: notes on their way to the workers' mailboxes,
 * and what both clients report.
 * The table, the writer and the keeper stand above this file and do not stand on each other for it. */
#include <stdlib.h>

#include "transform/statelog/kafka_internal.h"

/* What a note says when there is no memory for its own error. Never written, never freed. */
static struct rs_error no_memory = {
    .code = RS_ENOMEM, .class = RS_CLASS_RETRY, .text = "state log: out of memory"};

/* ---- notes ---- */

void rs_kafka_log_note_free(struct rs_kafka_log_note *note)
{
    if (note && note->error != &no_memory) {
        free(note->error);
    }
    free(note);
}

/* The record of a note is not under way any more: there may be room for others. */
static void settle(struct rs_kafka_log *log, const struct rs_kafka_log_note *note)
{
    if (note->size == 0) {
        return;
    }
    log->status.pending--;
    log->status.pending_bytes -= note->size;
    for (uint32_t i = 0; i < log->options.workers; i++) {
        if (log->workers[i].wants_room) {
            log->workers[i].wants_room = false;
            rs_wake(log->workers[i].wake_fd);
        }
    }
}

/* Where there is no memory for the error, that becomes the error: a worker hears of a refusal in any case. */
void rs_kafka_log_send(struct rs_kafka_log *log, struct rs_kafka_log_note *note, const struct rs_error *error)
{
    struct rs_kafka_log_worker *worker = &log->workers[note->worker];

    settle(log, note);
    if (note->epoch != note->key->epoch) {
        rs_kafka_log_note_free(note);
        return;
    }
    if (error) {
        note->error = malloc(sizeof *note->error);
        if (!note->error) {
            note->error = &no_memory;
        } else {
            *note->error = *error;
        }
    }
    rs_kafka_log_notes_push(&worker->notes, note);
    rs_wake(worker->wake_fd);
}

static void drop_waiting(struct rs_kafka_log *log, struct rs_kafka_log_partition *key)
{
    struct rs_kafka_log_note *note = NULL;

    while ((note = rs_kafka_log_notes_pop(&key->waiting))) {
        settle(log, note);
        rs_kafka_log_note_free(note);
    }
}

void rs_kafka_log_abandon(struct rs_kafka_log *log, struct rs_kafka_log_partition *key)
{
    drop_waiting(log, key);
    if (key->phase != RS_KAFKA_LOG_IDLE) {
        key->phase = RS_KAFKA_LOG_IDLE;
        rs_kafka_log_note_free(key->broken);
        key->broken = NULL;
        rs_wake(log->keeper_fd); /* to stop the fetching */
    }
}

/* One BROKEN is enough, since the partition is over with it. The reading's own note carries it, made
 * beforehand; without a reading, the first record that waits becomes its own answer. With neither, nobody
 * waits for one. */
void rs_kafka_log_break(struct rs_kafka_log *log, struct rs_kafka_log_partition *key,
                        const struct rs_error *error)
{
    struct rs_kafka_log_note *note = key->broken;

    key->broken = NULL;
    if (!note) {
        note = rs_kafka_log_notes_pop(&key->waiting);
    }
    rs_kafka_log_abandon(log, key);
    if (note) {
        note->event.kind = RS_APPEND_BROKEN;
        rs_kafka_log_send(log, note, error);
    }
}

/* ---- keys ---- */

struct rs_kafka_log_partition *rs_kafka_log_find(const struct rs_kafka_log *log, uint32_t stream,
                                                 int32_t partition)
{
    const struct rs_kafka_log_topic *topic = &log->topics[stream];

    return partition >= 0 && (size_t)partition < topic->key_count ? topic->keys[partition] : NULL;
}

bool rs_kafka_log_fit(const struct rs_kafka_log *log, const struct rs_kafka_log_partition *key)
{
    const struct rs_kafka_log_topic *topic = &log->topics[key->stream];

    return topic->ready && key->partition < topic->partitions;
}

/* ---- errors that are no answer ---- */

void rs_kafka_log_on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    const struct rs_kafka_log *log = opaque;

    (void)client;
    switch ((rd_kafka_resp_err_t)code) {
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN: break;
    default: rs_report(&log->options.report, RS_LOG_WARNING, "state log: %s", reason); break;
    }
}
