/* Back-pressure: the limits, the run of records that waits for room, and what is reported about that. */
#include <inttypes.h>

#include "transform/worker/internal.h"

#define LIMITS_EVERY_US (5 * RS_WORKER_MS)
#define REPORT_EVERY_US (30 * INT64_C(1000000))

const char *rs_waiting_name(enum rs_waiting waiting)
{
    switch (waiting) {
    case RS_WAITING_DEAD_LETTERS: return "dead_letters";
    case RS_WAITING_MEMORY: return "memory";
    case RS_WAITING_HISTORY: return "history";
    case RS_WAITING_STATE_LOG: return "state_log";
    case RS_WAITING_CLAIM: return "claim";
    case RS_WAITING_RESTORE: return "restore";
    case RS_WAITING_FENCE: return "fence";
    case RS_WAITING_BEHIND: return "input_behind_redis";
    case RS_WAITING_REDIS: return "redis";
    case RS_WAITING_NAMES: return "redis_names";
    case RS_WAITING_SCHEMA: return "schema_registry";
    case RS_WAITING_NOT: break;
    }
    return "nothing";
}

/* ---- limits ---- */

/* Redis has shown it further than it is: it publishes nothing before it gets there, so that what it holds
 * leaves only when input goes on. It had the same state there before. */
static bool behind_fence(const struct rs_worker_partition *owned)
{
    return owned->next_offset < owned->quiet_until;
}

/* A partition behind its fence counts for the numbers that are shown, but not for the limits: input that
 * waited for it would wait for ever. */
void rs_worker_measure(struct rs_worker *worker)
{
    worker->memory_bytes = worker->limited_bytes = 0;
    worker->pending_history = worker->limited_history = 0;
    worker->limits_due_us = worker->now_us + LIMITS_EVERY_US;
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct rs_partition_status status;
        if (worker->owned[i]->state) {
            rs_partition_status(worker->owned[i]->state, &status);
            bool counts = !behind_fence(worker->owned[i]);
            worker->memory_bytes += status.memory_bytes;
            worker->pending_history += status.pending_history;
            worker->limited_bytes += counts ? status.memory_bytes : 0;
            worker->limited_history += counts ? status.pending_history : 0;
        }
    }
}

/* History is named before memory: windows that wait for Redis take memory too, and may be why it is short. */
enum rs_waiting rs_worker_limit(const struct rs_worker *worker)
{
    if (worker->limited_history > worker->options.history_limit) {
        return RS_WAITING_HISTORY;
    }
    if (worker->limited_bytes > worker->options.memory_limit) {
        return RS_WAITING_MEMORY;
    }
    for (size_t i = 0; i < worker->owned_count; i++) {
        if (rs_worker_partition_commit_stuck(worker, worker->owned[i])) {
            return RS_WAITING_STATE_LOG;
        }
    }
    return RS_WAITING_NOT;
}

/* In the words of whoever has to act: which topic, which key of the configuration, what to look at first. */
static void report_waiting(struct rs_worker *worker, enum rs_waiting waiting)
{
    const struct rs_stream *stream = &worker->options.streams->items[worker->held.stream];

    switch (waiting) {
    case RS_WAITING_DEAD_LETTERS:
        rs_report(
            &worker->options.report, RS_LOG_WARNING,
            "stream %s: input waits: the dead-letter topic %s takes nothing at present, or memory is short",
            stream->name, stream->dead_letter_topic);
        break;
    case RS_WAITING_MEMORY:
        rs_report(&worker->options.report, RS_LOG_ERROR,
                  "input waits: the state of worker %" PRIu32 " holds %" PRIu64
                  " bytes, its share of limits.memory is "
                  "%" PRIu64 ". Raise limits.memory, or keep fewer groups, shorter windows or less lateness",
                  worker->options.index, worker->memory_bytes, worker->options.memory_limit);
        break;
    case RS_WAITING_HISTORY:
        rs_report(&worker->options.report, RS_LOG_ERROR,
                  "input waits: %" PRIu64 " ended windows of worker %" PRIu32
                  " wait for Redis (limits.pending_history)",
                  worker->pending_history, worker->options.index);
        break;
    case RS_WAITING_STATE_LOG:
        rs_report(&worker->options.report, RS_LOG_ERROR,
                  "input waits: the state log has not answered for a while; are its brokers up, is the disk "
                  "full, are enough replicas in sync?");
        break;
    default: break; /* of a partition alone */
    }
}

/* A wait is reported once it has lasted a second, then every half a minute; its end only if it was. */
void rs_worker_set_waiting(struct rs_worker *worker, enum rs_waiting waiting)
{
    if (waiting != RS_WAITING_NOT && worker->waiting == RS_WAITING_NOT) {
        worker->waits++;
        worker->waiting_since_us = worker->now_us;
        worker->waiting_reported_us =
            worker->now_us - REPORT_EVERY_US + INT64_C(1000000); /* short waits are not worth a line */
    }
    if (waiting == RS_WAITING_NOT && worker->waiting != RS_WAITING_NOT &&
        worker->waiting_reported_us > worker->waiting_since_us) {
        rs_report(&worker->options.report, RS_LOG_INFO, "input goes on after %" PRId64 " ms",
                  (worker->now_us - worker->waiting_since_us) / RS_WORKER_MS);
    }
    worker->waiting = waiting;
    if (waiting != RS_WAITING_NOT && worker->now_us - worker->waiting_reported_us >= REPORT_EVERY_US) {
        worker->waiting_reported_us = worker->now_us;
        report_waiting(worker, waiting);
    }
}

/* ---- the run that is held ---- */

void rs_worker_release_run(struct rs_worker *worker)
{
    rs_worker_set_waiting(worker, RS_WAITING_NOT);
    worker->holding = false;
    worker->held.count = 0;
    worker->options.source.ops->release(worker->options.source.self, worker->options.index);
}

/* A partition that goes takes its held run with it: should it come back, its records come anew. */
void rs_worker_partition_forget_run(struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    if (worker->holding && worker->held.stream == owned->stream->index &&
        worker->held.partition == owned->partition) {
        rs_worker_release_run(worker);
    }
}
