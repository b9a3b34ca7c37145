/* The worker's numbers for other threads. */
#include <stdlib.h>
#include <string.h>

#include "transform/worker/internal.h"

#define SNAPSHOT_EVERY_US (200 * RS_WORKER_MS)

const char *rs_partition_phase_name(enum rs_partition_phase phase)
{
    switch (phase) {
    case RS_PARTITION_CLAIMING: return "claiming";
    case RS_PARTITION_RUNNING: return "running";
    case RS_PARTITION_LEAVING: return "leaving";
    case RS_PARTITION_STOPPED: return "stopped";
    case RS_PARTITION_FENCED: return "fenced";
    }
    return "unknown";
}

/* Others need not know why a partition leaves, nor how far a claim is: health says what it waits for. */
static enum rs_partition_phase shown(enum rs_phase phase)
{
    switch (phase) {
    case RS_PHASE_WAITING:
    case RS_PHASE_RESTORING: return RS_PARTITION_CLAIMING;
    case RS_PHASE_RUNNING: return RS_PARTITION_RUNNING;
    case RS_PHASE_SERVING:
    case RS_PHASE_LEAVING:
    case RS_PHASE_CLOSING:
    case RS_PHASE_DROPPED:
    case RS_PHASE_BROKEN:
    case RS_PHASE_GONE: return RS_PARTITION_LEAVING;
    case RS_PHASE_STOPPED: return RS_PARTITION_STOPPED;
    case RS_PHASE_FENCED: break;
    }
    return RS_PARTITION_FENCED;
}

/* Offsets come from the worker's own members: a partition that stopped has no state, and still says how far
 * it was. */
static void fill_partition(const struct rs_worker *worker, const struct rs_worker_partition *owned,
                           struct rs_worker_partition_status *out)
{
    *out = (struct rs_worker_partition_status){
        .stream = owned->stream->index,
        .partition = owned->partition,
        .phase = shown(owned->phase),
        .token = owned->token,
        .end_offset = owned->end_offset,
        .committed = owned->committed,
        .quiet_until = owned->next_offset < owned->quiet_until ? owned->quiet_until : 0,
        .at_end = owned->at_end,
        .state = {.stream_time_us = RS_TIME_NONE, .now_shown_us = RS_TIME_NONE},
    };
    memcpy(out->error, owned->error, sizeof out->error);
    if (owned->state) {
        rs_partition_status(owned->state, &out->state);
    }
    out->state.next_offset = owned->next_offset;
    const struct rs_state_log *log = &worker->options.log;
    out->has_log =
        log->ops->status && log->ops->status(log->self, rs_worker_partition_id(worker, owned), &out->log);
    rs_worker_partition_health(worker, owned, out);
}

static void sum_aggregate(const struct rs_worker *worker, struct rs_worker_aggregate_status *out)
{
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct rs_aggregate_status status;
        if (worker->owned[i]->state &&
            rs_partition_aggregate_status(worker->owned[i]->state, out->aggregate, &status)) {
            rs_accounting_add(&out->state.events, &status.events);
            out->state.groups += status.groups;
            out->state.panes += status.panes;
            out->state.not_finite += status.not_finite;
        }
    }
}

static size_t fill_aggregates(struct rs_worker *worker)
{
    size_t count = 0;

    (void)rs_engine_metas(worker->options.engine, &count);
    for (size_t i = 0; i < count; i++) {
        worker->aggregate_statuses[i] =
            (struct rs_worker_aggregate_status){.aggregate = (uint32_t)i,
                                                .events = worker->aggregate_counts[i].events,
                                                .not_finite = worker->aggregate_counts[i].not_finite,
                                                .folded = worker->aggregate_counts[i].folded};
        sum_aggregate(worker, &worker->aggregate_statuses[i]);
    }
    return count;
}

static bool make_room(struct rs_worker *worker)
{
    if (worker->owned_count <= worker->partition_capacity) {
        return true;
    }
    struct rs_worker_partition_status *grown =
        realloc(worker->partition_statuses, worker->owned_count * sizeof *worker->partition_statuses);
    if (!grown) {
        return false;
    }
    worker->partition_statuses = grown;
    worker->partition_capacity = worker->owned_count;
    return true;
}

/* With the mutex, so that a reader sees the numbers of one moment. */
static void fill(struct rs_worker *worker)
{
    struct rs_worker_snapshot *out = &worker->snapshot;

    for (size_t i = 0; i < worker->owned_count; i++) {
        rs_worker_partition_count(worker, worker->owned[i]);
        fill_partition(worker, worker->owned[i], &worker->partition_statuses[i]);
    }
    *out = (struct rs_worker_snapshot){
        .steps = atomic_load_explicit(&worker->steps, memory_order_relaxed),
        .batches_submitted = worker->batches_submitted,
        .batches_behind = worker->batches_behind,
        .batches_fenced = worker->batches_fenced,
        .operations = worker->operations,
        .memory_bytes = worker->memory_bytes,
        .pending_history = worker->pending_history,
        .waiting_for = worker->waiting,
        .waiting_since_us = worker->waiting_since_us,
        .waits = worker->waits,
        .durations = worker->durations,
        .partitions = worker->partition_statuses,
        .partition_count = worker->owned_count,
        .counts = worker->counts,
        .count_count = worker->count_count,
        .aggregates = worker->aggregate_statuses,
        .aggregate_count = fill_aggregates(worker),
        .outcomes = worker->outcome_statuses,
        .outcome_count = worker->outcome_count,
        .delays = worker->delay_statuses,
    };
    memcpy(worker->outcome_statuses, worker->outcomes, out->outcome_count * sizeof *worker->outcomes);
    memcpy(worker->delay_statuses, worker->delays, out->outcome_count * sizeof *worker->delays);
}

void rs_worker_take_snapshot(struct rs_worker *worker)
{
    if (worker->now_us < worker->snapshot_due_us) {
        return;
    }
    worker->snapshot_due_us = worker->now_us + SNAPSHOT_EVERY_US;
    rs_worker_measure(worker);
    rs_worker_judge(worker);
    pthread_mutex_lock(&worker->snapshot_mutex);
    if (make_room(worker)) {
        fill(worker);
    }
    pthread_mutex_unlock(&worker->snapshot_mutex);
}

void rs_worker_snapshot(struct rs_worker *worker,
                        void (*read)(void *ctx, const struct rs_worker_snapshot *snapshot), void *ctx)
{
    pthread_mutex_lock(&worker->snapshot_mutex);
    read(ctx, &worker->snapshot);
    pthread_mutex_unlock(&worker->snapshot_mutex);
}
