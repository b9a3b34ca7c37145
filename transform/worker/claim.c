/* The worker and the state log: taking partitions over, and losing them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "transform/worker/internal.h"

#define CLAIM_RETRY_US   (1000 * RS_WORKER_MS)
#define UNSURE_US        (100 * RS_WORKER_MS) /* doubled with each claim in a row that came to nothing */
#define UNSURE_DOUBLINGS 6
#define RECLAIMS_MAX                                                                                         \
    3 /* at once, after it was given back: claims of the other that were under way are few                   \
       */
#define EVENTS_PER_TURN 64
#define BYTES_PER_TURN  ((size_t)512 << 10) /* of stored state: some milliseconds */

/* ---- taking over ---- */

static int claim(struct rs_worker *worker, struct rs_owned *owned, struct rs_error *error)
{
    if (owned->state == NULL) {
        int rc = rs_partition_new(worker->options.engine, owned->stream->index, owned->partition,
                                  &owned->state, error);
        if (rc != 0) {
            return rc;
        }
    }
    return worker->options.log.ops->claim(worker->options.log.self, rs_owned_key(worker, owned), error);
}

void rs_worker_claims(struct rs_worker *worker)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct rs_owned *owned = worker->owned[i];
        struct rs_error error;
        if (owned->phase != RS_PARTITION_CLAIMING || worker->now_us < owned->claim_due_us) {
            continue;
        }
        owned->claim_due_us = RS_WORKER_NEVER;
        if (claim(worker, owned, &error) != 0) {
            owned->claim_due_us = worker->now_us + CLAIM_RETRY_US;
            rs_owned_trouble(worker, owned, RS_LOG_ERROR,
                             "stream %s partition %" PRId32 ": cannot take it over yet: %s",
                             owned->stream->name, owned->partition, error.text);
        }
    }
}

void rs_owned_claim_again(struct rs_worker *worker, struct rs_owned *owned, int64_t after_us)
{
    worker->options.log.ops->release(worker->options.log.self, rs_owned_key(worker, owned));
    rs_owned_free_state(worker, owned);
    rs_owned_forget_run(worker, owned);
    /* One that leaves, or is another's to claim, is done with that. */
    bool over = owned->phase == RS_PARTITION_LEAVING || owned->revoked;
    owned->phase = over ? RS_PARTITION_LEAVING : RS_PARTITION_CLAIMING;
    owned->claim_due_us = worker->now_us + after_us;
    owned->epoch = ++worker->next_epoch; /* what is still with the sink is another's now */
    owned->in_flight = 0;
    owned->asking = owned->asked = owned->touched = owned->refused = owned->scanning = false;
    owned->at_end = false;
    owned->ahead_told = 0;
    owned->commit = RS_COMMIT_NOT;
    owned->quiet_until = 0;
    owned->quiet_shown_us = RS_TIME_NONE;
}

/* ---- restoring ---- */

static void stop(struct rs_worker *worker, struct rs_owned *owned, const struct rs_error *error)
{
    const char *group = worker->options.streams->group;

    if (error->class == RS_CLASS_RETRY) {
        rs_owned_trouble(worker, owned, RS_LOG_ERROR,
                         "stream %s partition %" PRId32 ": cannot be restored yet: %s", owned->stream->name,
                         owned->partition, error->text);
        owned->doubted = true;
        rs_owned_claim_again(worker, owned, CLAIM_RETRY_US);
        return;
    }
    worker->options.log.ops->release(worker->options.log.self, rs_owned_key(worker, owned));
    rs_owned_fail(worker, owned, RS_PARTITION_STOPPED,
                  "stream %s partition %" PRId32 ": state log %s.state.%s partition %" PRId32
                  ": %s. To read its input again: rollstatd -c FILE --rebuild --stream %s, then restart",
                  owned->stream->name, owned->partition, group, owned->stream->name, owned->partition,
                  error->text, owned->stream->name);
    rs_owned_free_state(worker, owned);
}

static void on_restoring(struct rs_worker *worker, struct rs_owned *owned, const struct rs_state_event *event)
{
    struct rs_error error;
    int rc = 0;

    switch (event->kind) {
    case RS_STATE_BATCH:
        owned->next_offset = event->seal.next_offset; /* so that the lag of one that stops here is told */
        rc = rs_partition_restore_batch(owned->state, event->bytes, &error);
        break;
    case RS_STATE_CHUNK: rc = rs_partition_restore_chunk(owned->state, event->bytes, &error); break;
    default: /* VOID */
        owned->next_offset = 0;
        rs_owned_free_state(worker, owned);
        rc = rs_partition_new(worker->options.engine, owned->stream->index, owned->partition, &owned->state,
                              &error);
        break;
    }
    if (rc != 0) {
        stop(worker, owned, &error);
    }
}

static void say_notes(struct rs_worker *worker)
{
    struct rs_slice rest = rs_buf_slice(&worker->notes);

    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        rs_worker_say(worker, RS_LOG_WARNING, "%.*s", (int)size, (const char *)rest.data);
        size += size < rest.size ? 1 : 0;
        rest = rs_slice_of(rest.data + size, rest.size - size);
    }
    rs_buf_reset(&worker->notes);
}

/* The oldest record may have any offset: then the first one tells. */
static int64_t start_of(const struct rs_state_event *event)
{
    return event->seal.next_offset >= 0 ? event->seal.next_offset : 0;
}

static int begin_state(struct rs_worker *worker, struct rs_owned *owned, const struct rs_state_event *event,
                       struct rs_error *error)
{
    int rc = 0;

    if (event->sealed) {
        rc = rs_partition_restore_end(owned->state, &event->seal, &worker->notes, error);
        say_notes(worker);
    } else if (rs_worker_remembers(worker)) {
        rs_partition_seal_enable(owned->state, start_of(event));
    }
    return rc;
}

static void on_claimed(struct rs_worker *worker, struct rs_owned *owned, const struct rs_state_event *event)
{
    struct rs_error error;
    const struct rs_source *source = &worker->options.source;

    owned->next_offset = start_of(event);
    if (begin_state(worker, owned, event, &error) != 0) {
        stop(worker, owned, &error);
        return;
    }
    rs_owned_begin_counting(worker, owned);
    owned->news_us = worker->now_us;
    rs_owned_want_scan(worker, owned);
    owned->token = event->token;
    owned->committed = event->sealed ? event->seal.next_offset : -1;
    owned->phase = RS_PARTITION_RUNNING;
    owned->touched = true;
    owned->unsure = 0;
    owned->again_us = worker->now_us;
    owned->commit_due_us = worker->now_us + worker->options.commit_every_us;
    owned->commit_silent_us = worker->now_us + rs_owned_silence_us(worker, owned);
    if (source->ops->start(source->self, owned->stream->index, owned->partition, event->seal.next_offset,
                           &error) != 0) {
        rs_owned_fail(worker, owned, RS_PARTITION_STOPPED, "%s", error.text);
        return;
    }
    if (event->sealed &&
        source->ops->committed != NULL) { /* the owner that sealed it may not have lived to say so */
        source->ops->committed(source->self, owned->stream->index, owned->partition, event->seal.next_offset);
    }
}

/* ---- losing ---- */

/* The group will take the partition away, or it was a mere rebuild: whoever is still assigned after a while
 * claims again. Where the group has just given it back, the claim is of the one who had it in between. That
 * one may not have heard yet that it is to go; it waits then, so that the two do not take it from each other
 * in turns. */
int64_t rs_owned_lost_wait(const struct rs_worker *worker, struct rs_owned *owned)
{
    if (!rs_owned_kept_lately(worker, owned) || owned->kept_reclaims >= RECLAIMS_MAX) {
        return RS_WORKER_RECLAIM_US;
    }
    owned->kept_reclaims++;
    return 0;
}

static void on_lost(struct rs_worker *worker, struct rs_owned *owned)
{
    rs_owned_trouble(worker, owned, owned->revoked ? RS_LOG_INFO : RS_LOG_WARNING,
                     "stream %s partition %" PRId32
                     ": the state log has another claim, so this instance drops it",
                     owned->stream->name, owned->partition);
    rs_owned_claim_again(worker, owned, rs_owned_lost_wait(worker, owned));
}

static void on_unsure(struct rs_worker *worker, struct rs_owned *owned, const struct rs_error *error)
{
    int64_t after_us = UNSURE_US << (owned->unsure < UNSURE_DOUBLINGS ? owned->unsure : UNSURE_DOUBLINGS);

    rs_owned_trouble(worker, owned, RS_LOG_WARNING,
                     "stream %s partition %" PRId32
                     ": the state log is read again, it is not sure what it holds: %s",
                     owned->stream->name, owned->partition, error->text);
    owned->unsure++;
    owned->doubted = true;
    rs_owned_claim_again(worker, owned, after_us);
}

static void on_log_event(struct rs_worker *worker, struct rs_owned *owned, const struct rs_state_event *event)
{
    switch (event->kind) {
    case RS_STATE_BATCH:
    case RS_STATE_CHUNK:
    case RS_STATE_VOID:
        if (owned->phase == RS_PARTITION_CLAIMING) {
            on_restoring(worker, owned, event);
        }
        break;
    case RS_STATE_CLAIMED:
        if (owned->phase == RS_PARTITION_CLAIMING) {
            on_claimed(worker, owned, event);
        }
        break;
    case RS_STATE_COMMITTED: rs_owned_committed(worker, owned, event->seal.next_offset); break;
    case RS_STATE_LOST: on_lost(worker, owned); break;
    case RS_STATE_UNSURE: on_unsure(worker, owned, event->error); break;
    case RS_STATE_MORE: break;
    case RS_STATE_FAILED:
        rs_owned_fail(worker, owned, RS_PARTITION_STOPPED, "%s", event->error->text);
        rs_owned_free_state(worker, owned);
        break;
    }
}

/* In portions: while one partition is restored the others have their turns. */
void rs_worker_log_events(struct rs_worker *worker)
{
    const struct rs_state_log *log = &worker->options.log;
    struct rs_state_event event;
    size_t bytes = 0;

    for (int i = 0; i < EVENTS_PER_TURN && bytes < BYTES_PER_TURN; i++) {
        if (!log->ops->take(log->self, worker->options.index, &event)) {
            worker->log_more = false;
            return;
        }
        struct rs_owned *owned = rs_worker_find(worker, event.key.stream, event.key.partition);
        bytes += event.bytes.size;
        if (event.kind == RS_STATE_MORE) {
            break;
        }
        if (owned != NULL) {
            on_log_event(worker, owned, &event);
        }
    }
    worker->log_more = true;
}
