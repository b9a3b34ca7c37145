/* The worker's judgement of each partition: does it run, what does it wait for, why did it stop. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "transform/worker/internal.h"

#define SHORT_US (2000 * RS_WORKER_MS) /* a batch of the state log under way for less is no wait */
#define HEARD_US (5000 * RS_WORKER_MS) /* so long may Redis take for an answer */

const char *rs_health_name(enum rs_health health)
{
    switch (health) {
    case RS_HEALTH_RUNS: return "runs";
    case RS_HEALTH_WAITS: return "waits";
    case RS_HEALTH_STOPPED: return "stopped";
    }
    return "unknown";
}

void rs_worker_partition_heard(struct rs_worker_partition *owned, enum rs_batch_result result)
{
    if (result == RS_BATCH_FENCED) {
        owned->fenced = true;
    } else if (result == RS_BATCH_APPLIED || result == RS_BATCH_BEHIND) {
        owned->fenced = false;
    }
}

/* ---- what it waits for ---- */

/* Of one that runs: what keeps its input from being sealed. */
static enum rs_waiting log_waits(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    if (owned->commit == RS_COMMIT_NOT || worker->now_us - owned->commit_begun_us < SHORT_US) {
        return RS_WAITING_NOT;
    }
    return owned->commit == RS_COMMIT_DEAD_LETTERS ? RS_WAITING_DEAD_LETTERS : RS_WAITING_STATE_LOG;
}

/* Of several reasons the one that has to be mended first: who may write at all, then what stops all input
 * of the worker, then what keeps this partition from being sealed, then from being shown. */
static enum rs_waiting running_waits(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    enum rs_waiting waits = log_waits(worker, owned);

    if (owned->refused) { /* the newer answer: a fence would have ended it */
        return RS_WAITING_NAMES;
    }
    if (owned->fenced) {
        return RS_WAITING_FENCE;
    }
    if (worker->waiting != RS_WAITING_NOT && !owned->at_end) {
        return worker->waiting;
    }
    if (waits == RS_WAITING_NOT && owned->doubted) {
        waits = RS_WAITING_STATE_LOG;
    }
    if (waits != RS_WAITING_NOT) {
        return waits;
    }
    if (owned->wants_schema) {
        return RS_WAITING_SCHEMA;
    }
    if (!owned->asked || (owned->in_flight > 0 && worker->now_us - owned->heard_us >= HEARD_US)) {
        return RS_WAITING_REDIS;
    }
    return owned->next_offset < owned->quiet_until ? RS_WAITING_BEHIND : RS_WAITING_NOT;
}

/* What is to be another's needs no judgement: this instance merely serves it on. */
static enum rs_waiting waits_for(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    const struct rs_state_log *log = &worker->options.log;
    struct rs_state_log_status status = {.claim = -1};

    if (owned->phase == RS_PHASE_RUNNING) {
        return running_waits(worker, owned);
    }
    if (owned->phase != RS_PHASE_WAITING && owned->phase != RS_PHASE_RESTORING) {
        return RS_WAITING_NOT;
    }
    if (owned->fenced) {
        return RS_WAITING_FENCE;
    }
    bool known =
        log->ops->status && log->ops->status(log->self, rs_worker_partition_id(worker, owned), &status);
    return known && status.claim >= 0 ? RS_WAITING_RESTORE : RS_WAITING_CLAIM;
}

static bool stopped(const struct rs_worker_partition *owned)
{
    return owned->phase == RS_PHASE_STOPPED || owned->phase == RS_PHASE_FENCED;
}

/* A doubt about the log ends with the next seal, or where there is nothing to seal. */
static void judge(const struct rs_worker *worker, struct rs_worker_partition *owned)
{
    if (rs_phase_reads(owned->phase) && owned->at_end && owned->commit == RS_COMMIT_NOT &&
        owned->next_offset <= (owned->committed > 0 ? owned->committed : 0)) {
        owned->doubted = false;
    }
    owned->waits_for = waits_for(worker, owned);
    if (owned->waits_for == RS_WAITING_NOT && !stopped(owned)) {
        owned->unwell_us = 0;
        if (rs_phase_reads(owned->phase)) {
            owned->error[0] = '\0';
        }
    } else if (owned->unwell_us == 0) {
        owned->unwell_us = worker->now_us;
    }
}

void rs_worker_judge(struct rs_worker *worker)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        judge(worker, worker->owned[i]);
    }
}

/* ---- in words ---- */

static void explain_schema(const struct rs_worker_partition *owned, struct rs_error *out)
{
    struct rs_error why;
    struct rs_registry_key key;
    char name[RS_REGISTRY_KEY_TEXT];

    if (owned->wants_schema && rs_partition_wants_schema(owned->state, &key)) {
        rs_registry_key_name(&key, name);
        rs_partition_schema_why(owned->state, &why);
        (void)rs_fail(out, RS_EIO,
                      "its record at offset %" PRId64
                      " is of schema %s, and the schema registry does not say what that is: %s",
                      owned->schema_offset, name, why.text);
    } else {
        (void)rs_fail(out, RS_EIO, "the schema registry is being asked");
    }
}

/* Of a wait for which nothing has gone wrong that would have a text of its own. */
static void explain(const struct rs_worker *worker, const struct rs_worker_partition *owned,
                    const struct rs_worker_partition_status *status, struct rs_error *out)
{
    const char *stream = rs_stream_input(owned->stream);
    const char *group = worker->options.streams->group;

    switch (owned->waits_for) {
    case RS_WAITING_CLAIM:
        (void)rs_fail(
            out, RS_EBROKER,
            "its claim in the state log has no answer yet. If this lasts: does topic %s.state.%s have "
            "this partition, are its brokers up, is a disk full, are enough replicas in sync?",
            group, stream);
        break;
    case RS_WAITING_RESTORE:
        (void)rs_fail(out, RS_EBROKER, "its state is being read: %" PRIu64 " records of the state log so far",
                      status->log.restored_records);
        break;
    case RS_WAITING_FENCE: (void)rs_fail(out, RS_EBROKER, "Redis has a newer token for it"); break;
    case RS_WAITING_BEHIND:
        (void)rs_fail(out, RS_EBROKER,
                      "Redis shows it up to offset %" PRId64 " already; it is published again from there on",
                      owned->quiet_until);
        break;
    case RS_WAITING_NAMES:
        (void)rs_fail(out, RS_EBROKER, "its names in Redis belong to another consumer group");
        break;
    case RS_WAITING_REDIS: (void)rs_fail(out, RS_EBROKER, "Redis has not answered for it yet"); break;
    case RS_WAITING_DEAD_LETTERS:
        (void)rs_fail(
            out, RS_EBROKER,
            "its dead letters are not accepted. Does topic %s exist, may the daemon write to it, are "
            "its brokers up?",
            owned->stream->dead_letter_topic);
        break;
    case RS_WAITING_MEMORY:
        (void)rs_fail(out, RS_EBROKER,
                      "no memory is left for its input: raise limits.memory, or keep fewer groups, shorter "
                      "windows or less lateness");
        break;
    case RS_WAITING_HISTORY:
        (void)rs_fail(out, RS_EBROKER,
                      "too many ended windows wait for Redis (limits.pending_history): is Redis up and fast "
                      "enough?");
        break;
    case RS_WAITING_STATE_LOG:
        (void)rs_fail(
            out, RS_EBROKER,
            "the state log has not answered for a while: are its brokers up, is a disk full, are enough "
            "replicas in sync?");
        break;
    case RS_WAITING_SCHEMA: explain_schema(owned, out); break;
    case RS_WAITING_NOT: (void)rs_fail(out, RS_EBROKER, "nothing"); break;
    }
    (void)rs_error_prefix(out, "stream %s partition %" PRId32 " waits", rs_stream_label(owned->stream),
                          owned->partition);
}

/* The last trouble is the reason where it is of what it waits for; other waits have come without one. */
static bool explains(const struct rs_worker_partition *owned)
{
    switch (owned->waits_for) {
    case RS_WAITING_CLAIM:
    case RS_WAITING_RESTORE:
    case RS_WAITING_NAMES:
    case RS_WAITING_FENCE: return true;
    case RS_WAITING_STATE_LOG: return owned->doubted;
    case RS_WAITING_BEHIND: return owned->behind_reported;
    default: return false;
    }
}

/* Of one that never was restored nobody knows how far it was: all that Kafka has counts then. */
static int64_t lag_of(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    int64_t lag = owned->end_offset - owned->next_offset;

    if (owned->end_offset < 0) {
        return -1;
    }
    return lag < 0 || (owned->at_end && worker->waiting == RS_WAITING_NOT) ? 0 : lag;
}

/* The lag is given of every partition, and matters most of one that stopped. `why` is empty where it runs. */
void rs_worker_partition_health(const struct rs_worker *worker, const struct rs_worker_partition *owned,
                                struct rs_worker_partition_status *out)
{
    struct rs_error text;

    out->lag = lag_of(worker, owned);
    out->since_us = owned->unwell_us;
    out->waits_for = owned->waits_for;
    if (stopped(owned)) {
        out->health = RS_HEALTH_STOPPED;
        memcpy(out->why, owned->error, sizeof out->why);
    } else if (owned->waits_for != RS_WAITING_NOT) {
        out->health = RS_HEALTH_WAITS;
        explain(worker, owned, out, &text);
        memcpy(out->why, owned->error[0] != '\0' && explains(owned) ? owned->error : text.text,
               sizeof out->why);
    }
}
