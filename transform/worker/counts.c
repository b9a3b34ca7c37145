/* The counters of a worker. A state has totals of all the partition's life, which move with it to another
 * process; what is rated over time are the counters of a process, which only rise. They get what a state's
 * totals grow by while this process has it, at each snapshot and before the state is freed. */
#include <stdlib.h>

#include "base/array.h"
#include "transform/worker/internal.h"

static struct rs_counted read_partition(const struct rs_worker_partition *owned)
{
    struct rs_partition_status status;

    rs_partition_status(owned->state, &status);
    return (struct rs_counted){.events = status.events,
                               .expired = status.expired_groups,
                               .conflicts = status.conflicts,
                               .ahead = status.events_ahead};
}

/* Zero for an aggregate of another stream. */
static struct rs_counted read_aggregate(const struct rs_worker_partition *owned, size_t aggregate)
{
    struct rs_aggregate_status status;

    if (!rs_partition_aggregate_status(owned->state, (uint32_t)aggregate, &status)) {
        return (struct rs_counted){0};
    }
    return (struct rs_counted){
        .events = status.events, .not_finite = status.not_finite, .folded = status.folded};
}

/* A state that was rebuilt begins at 0 again. */
static uint64_t grown(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

/* Each number by itself: one that began again does not make the others count twice. */
static struct rs_counted growth(const struct rs_counted *now, const struct rs_counted *before)
{
    const struct rs_accounting *a = &now->events;
    const struct rs_accounting *b = &before->events;

    return (struct rs_counted){
        .events = {.consumed = grown(a->consumed, b->consumed),
                   .applied = grown(a->applied, b->applied),
                   .late = grown(a->late, b->late),
                   .duplicate = grown(a->duplicate, b->duplicate),
                   .rejected = grown(a->rejected, b->rejected),
                   .filtered = grown(a->filtered, b->filtered)},
        .not_finite = grown(now->not_finite, before->not_finite),
        .folded = grown(now->folded, before->folded),
        .expired = grown(now->expired, before->expired),
        .conflicts = grown(now->conflicts, before->conflicts),
        .ahead = grown(now->ahead, before->ahead),
    };
}

/* The partition's counters, made if need be. NULL: out of memory. */
static struct rs_worker_partition_counts *counts_of(struct rs_worker *worker,
                                                    const struct rs_worker_partition *owned)
{
    for (size_t i = 0; i < worker->count_count; i++) {
        struct rs_worker_partition_counts *counts = &worker->counts[i];
        if (counts->stream == owned->stream->index && counts->partition == owned->partition) {
            return counts;
        }
    }
    struct rs_worker_partition_counts *all =
        rs_array_grow(worker->counts, worker->count_count, &worker->count_capacity, 16, sizeof *all);
    if (!all) {
        return NULL;
    }
    worker->counts = all;
    worker->snapshot.counts = all;
    struct rs_worker_partition_counts *counts = &worker->counts[worker->count_count++];
    *counts =
        (struct rs_worker_partition_counts){.stream = owned->stream->index, .partition = owned->partition};
    return counts;
}

static size_t aggregates_of(const struct rs_worker *worker)
{
    size_t count = 0;

    (void)rs_engine_metas(worker->options.engine, &count);
    return count;
}

/* What the state has counted by now was counted by whoever had it before: this process adds only what
 * comes. */
void rs_worker_partition_begin_counting(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    size_t aggregates = aggregates_of(worker);

    if (!owned->counted) {
        owned->counted = calloc(aggregates + 1, sizeof *owned->counted);
    }
    owned->counting = owned->counted != NULL;
    if (!owned->counting) {
        return; /* out of memory: not counted this time */
    }
    owned->counted[0] = read_partition(owned);
    for (size_t i = 0; i < aggregates; i++) {
        owned->counted[i + 1] = read_aggregate(owned, i);
    }
}

/* Once for each aggregate: how many there are is told by the counter. */
static void report_folded(const struct rs_worker *worker, size_t aggregate, uint64_t more)
{
    size_t count = 0;
    if (more > 0 && worker->aggregate_counts[aggregate].folded == 0) {
        rs_report(
            &worker->options.report, RS_LOG_WARNING,
            "aggregate %s: a partition holds max_groups groups, and events of further ones go into its group "
            "%%other from now on; rollstat_aggregate_folded_total counts them",
            rs_engine_metas(worker->options.engine, &count)[aggregate].name);
    }
}

void rs_worker_partition_count(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    size_t aggregates = aggregates_of(worker);

    if (!owned->counting || !owned->state) {
        return;
    }
    struct rs_worker_partition_counts *counts = counts_of(worker, owned);
    if (!counts) {
        return;
    }
    struct rs_counted now = read_partition(owned);
    struct rs_counted more = growth(&now, &owned->counted[0]);
    owned->counted[0] = now;
    rs_accounting_add(&counts->events, &more.events);
    counts->expired_groups += more.expired;
    counts->conflicts += more.conflicts;
    counts->events_ahead += more.ahead;
    for (size_t i = 0; i < aggregates; i++) {
        now = read_aggregate(owned, i);
        more = growth(&now, &owned->counted[i + 1]);
        owned->counted[i + 1] = now;
        rs_accounting_add(&worker->aggregate_counts[i].events, &more.events);
        worker->aggregate_counts[i].not_finite += more.not_finite;
        report_folded(worker, i, more.folded);
        worker->aggregate_counts[i].folded += more.folded;
    }
}

void rs_worker_partition_free_state(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    if (owned->counting) {
        pthread_mutex_lock(&worker->snapshot_mutex); /* another thread may be reading the counters */
        rs_worker_partition_count(worker, owned);
        pthread_mutex_unlock(&worker->snapshot_mutex);
    }
    owned->counting = false;
    owned->arrived_us = RS_TIME_NONE; /* whoever reads it again shows it anew */
    rs_partition_free(&owned->state);
}

void rs_worker_counts_free(struct rs_worker *worker)
{
    free(worker->counts);
    free(worker->aggregate_counts);
}
