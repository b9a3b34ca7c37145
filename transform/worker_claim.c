/* The worker and the state log: taking partitions over, committing, handing them over. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "transform/worker_parts.h"

#define CLAIM_RETRY_US (1000 * RS_WORKER_MS)

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
            rs_worker_say(worker, RS_LOG_ERROR,
                          "stream %s partition %" PRId32 ": cannot take it over yet: %s", owned->stream->name,
                          owned->partition, error.text);
        }
    }
}

static void on_claimed(struct rs_worker *worker, struct rs_owned *owned, const struct rs_state_event *event)
{
    struct rs_error error;
    const struct rs_source *source = &worker->options.source;

    owned->token = event->token;
    owned->next_offset = event->next_offset >= 0 ? event->next_offset : 0;
    if (event->now_shown_us != RS_TIME_NONE) {
        rs_partition_show(owned->state, event->now_shown_us);
    }
    owned->phase = RS_PARTITION_RUNNING;
    owned->touched = true;
    owned->commit_due_us = worker->now_us + worker->options.commit_every_us;
    if (source->ops->start(source->self, owned->stream->index, owned->partition, event->next_offset,
                           &error) != 0) {
        rs_owned_fail(worker, owned, RS_PARTITION_STOPPED, "%s", error.text);
    }
}

static void on_chunk(struct rs_worker *worker, struct rs_owned *owned, const struct rs_state_event *event)
{
    struct rs_error error;

    if (rs_partition_load(owned->state, event->bytes, &error) != 0) {
        rs_owned_fail(worker, owned, RS_PARTITION_STOPPED, "stream %s partition %" PRId32 ": %s",
                      owned->stream->name, owned->partition, error.text);
    }
}

static void on_committed(struct rs_worker *worker, struct rs_owned *owned, const struct rs_state_event *event)
{
    const struct rs_source *source = &worker->options.source;

    owned->committing = false;
    owned->committed = event->next_offset;
    if (source->ops->committed != NULL) {
        source->ops->committed(source->self, owned->stream->index, owned->partition, event->next_offset);
    }
}

static void on_log_event(struct rs_worker *worker, struct rs_owned *owned, const struct rs_state_event *event)
{
    switch (event->kind) {
    case RS_STATE_CHUNK:
        if (owned->phase == RS_PARTITION_CLAIMING) {
            on_chunk(worker, owned, event);
        }
        break;
    case RS_STATE_CLAIMED:
        if (owned->phase == RS_PARTITION_CLAIMING) {
            on_claimed(worker, owned, event);
        }
        break;
    case RS_STATE_COMMITTED: on_committed(worker, owned, event); break;
    case RS_STATE_LOST:
        rs_owned_fail(worker, owned, RS_PARTITION_FENCED,
                      "stream %s partition %" PRId32
                      ": another instance has claimed it, so this one drops it",
                      owned->stream->name, owned->partition);
        break;
    case RS_STATE_FAILED: rs_owned_fail(worker, owned, RS_PARTITION_STOPPED, "%s", event->error->text); break;
    }
}

void rs_worker_log_events(struct rs_worker *worker)
{
    const struct rs_state_log *log = &worker->options.log;
    struct rs_state_event event;

    while (log->ops->take(log->self, worker->options.index, &event)) {
        struct rs_owned *owned = rs_worker_find(worker, event.key.stream, event.key.partition);
        if (owned != NULL) {
            on_log_event(worker, owned, &event);
        }
    }
}

/* ---- committing ---- */

/* Dead letters are acknowledged before what they belong to counts as done. */
static int64_t durable_offset(const struct rs_worker *worker, const struct rs_owned *owned)
{
    const struct rs_dead_letter_sink *letters = &worker->options.letters;
    int64_t acknowledged = letters->ops->acknowledged(letters->self, owned->stream->index, owned->partition);

    return acknowledged < owned->next_offset ? acknowledged : owned->next_offset;
}

static bool commit(struct rs_worker *worker, struct rs_owned *owned)
{
    struct rs_partition_status status;
    struct rs_error error;

    owned->commit_due_us = worker->now_us + worker->options.commit_every_us;
    int64_t offset = durable_offset(worker, owned);
    if (owned->committing || offset <= owned->committed || offset == 0) {
        return false;
    }
    rs_partition_status(owned->state, &status);
    struct rs_state_batch batch = {
        .token = owned->token,
        .next_offset = offset,
        .now_shown_us = status.now_shown_us,
    };
    if (worker->options.log.ops->commit(worker->options.log.self, rs_owned_key(worker, owned), &batch,
                                        &error) != 0) {
        rs_worker_say(worker, RS_LOG_ERROR, "stream %s partition %" PRId32 ": not committed yet: %s",
                      owned->stream->name, owned->partition, error.text);
        return false;
    }
    owned->committing = true;
    return true;
}

void rs_worker_commits(struct rs_worker *worker)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct rs_owned *owned = worker->owned[i];
        if (owned->phase == RS_PARTITION_RUNNING && worker->now_us >= owned->commit_due_us) {
            (void)commit(worker, owned);
        }
    }
}

/* ---- handing over ---- */

void rs_owned_leave(struct rs_worker *worker, struct rs_owned *owned)
{
    if (owned->phase != RS_PARTITION_RUNNING) {
        rs_owned_let_go(worker, owned);
        return;
    }
    owned->phase = RS_PARTITION_LEAVING;
    owned->leave_by_us = worker->now_us + worker->options.leave_within_us;
}

void rs_owned_let_go(struct rs_worker *worker, struct rs_owned *owned)
{
    size_t at = 0;

    while (worker->owned[at] != owned) {
        at++;
    }
    rs_owned_forget_run(worker, owned);
    worker->options.log.ops->release(worker->options.log.self, rs_owned_key(worker, owned));
    worker->options.source.ops->done(worker->options.source.self, owned->stream->index, owned->partition);
    memmove(&worker->owned[at], &worker->owned[at + 1],
            (worker->owned_count - at - 1) * sizeof(struct rs_owned *));
    worker->owned_count--;
    rs_partition_free(&owned->state);
    free(owned);
}

/* What is dirty goes out first, then the commit; whichever does not happen in time is left to the successor,
 * which folds the same records again. */
static bool left(struct rs_worker *worker, struct rs_owned *owned)
{
    if (worker->now_us >= owned->leave_by_us) {
        return true;
    }
    if (rs_owned_publishable(owned) || owned->in_flight > 0) {
        return false;
    }
    if (!owned->last_commit && !owned->committing && durable_offset(worker, owned) == owned->next_offset) {
        owned->last_commit = true;
        if (!commit(worker, owned)) {
            return true;
        }
    }
    return owned->last_commit && !owned->committing;
}

void rs_worker_leaving(struct rs_worker *worker)
{
    for (size_t i = worker->owned_count; i-- > 0;) {
        struct rs_owned *owned = worker->owned[i];
        if (owned->phase == RS_PARTITION_LEAVING && left(worker, owned)) {
            rs_owned_let_go(worker, owned);
        }
    }
}
