#include "transform/worker/worker.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/thread.h"
#include "transform/worker/internal.h"

#define POLL_US (1 * RS_WORKER_MS)  /* where a table has no descriptor to sleep on */
#define LOOK_US (20 * RS_WORKER_MS) /* while a partition is not at its end */

/* ---- life ---- */

/* On failure what was made is for rs_worker_free, which takes half a worker. */
static int init(struct rs_worker *worker, struct rs_error *error)
{
    size_t aggregates = 0;

    (void)rs_engine_metas(worker->options.engine, &aggregates);
    worker->aggregate_statuses = calloc(aggregates + 1, sizeof *worker->aggregate_statuses);
    worker->outcome_count = worker->options.streams->named;
    worker->outcomes = calloc(worker->outcome_count + 1, sizeof *worker->outcomes);
    worker->outcome_statuses = calloc(worker->outcome_count + 1, sizeof *worker->outcome_statuses);
    worker->delays = calloc(worker->outcome_count + 1, sizeof *worker->delays);
    worker->delay_statuses = calloc(worker->outcome_count + 1, sizeof *worker->delay_statuses);
    worker->aggregate_counts = calloc(aggregates + 1, sizeof *worker->aggregate_counts);
    if (!worker->aggregate_statuses || !worker->outcomes || !worker->outcome_statuses || !worker->delays ||
        !worker->delay_statuses || !worker->aggregate_counts) {
        return rs_fail(error, RS_ENOMEM, "worker: out of memory");
    }
    if (rs_wake_open(&worker->stop_fd, error) != 0) {
        return rs_error_prefix(error, "worker");
    }
    return rs_worker_batches_new(worker, error);
}

int rs_worker_new(const struct rs_worker_options *options, struct rs_worker **out, struct rs_error *error)
{
    struct rs_worker *worker = calloc(1, sizeof *worker);

    if (!worker) {
        return rs_fail(error, RS_ENOMEM, "worker: out of memory");
    }
    worker->options = *options;
    worker->stop_fd = -1;
    worker->generation = options->sink.ops->generation(options->sink.self);
    pthread_mutex_init(&worker->snapshot_mutex, NULL);
    int rc = init(worker, error);
    if (rc != 0) {
        rs_worker_free(&worker);
        return rc;
    }
    *out = worker;
    return 0;
}

void rs_worker_free(struct rs_worker **pointer)
{
    struct rs_worker *worker = *pointer;

    if (!worker) {
        return;
    }
    for (size_t i = 0; i < worker->owned_count; i++) {
        rs_worker_partition_free_state(worker, worker->owned[i]);
        free(worker->owned[i]->counted);
        free(worker->owned[i]);
    }
    rs_worker_batches_free(worker);
    rs_wake_close(&worker->stop_fd);
    rs_worker_counts_free(worker);
    pthread_mutex_destroy(&worker->snapshot_mutex);
    free(worker->owned);
    free(worker->partition_statuses);
    free(worker->aggregate_statuses);
    free(worker->outcomes);
    free(worker->outcome_statuses);
    free(worker->delays);
    free(worker->delay_statuses);
    rs_buf_fini(&worker->notes);
    free(worker);
    *pointer = NULL;
}

/* ---- steps ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When what is shown changes by time alone. */
static int64_t show_due(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    struct rs_partition_status status;
    int64_t due = rs_partition_next_due(owned->state);

    if (due == INT64_MAX) {
        return RS_WORKER_NEVER;
    }
    rs_partition_status(owned->state, &status);
    int64_t left = due - status.now_shown_us;
    return worker->now_us + (left > RS_WORKER_MS ? left : RS_WORKER_MS);
}

/* When the partition needs the next turn if nothing comes from outside; what does come wakes the worker.
 * Where no batch is free, the sink's answer is what to wait for: a time that has passed would make the
 * worker spin. */
static int64_t owned_due(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    int64_t due = RS_WORKER_NEVER;

    switch (owned->phase) {
    case RS_PHASE_WAITING: due = owned->claim_due_us; break;
    case RS_PHASE_LEAVING:
    case RS_PHASE_CLOSING:
    case RS_PHASE_DROPPED:
        due = earlier(owned->leave_by_us, worker->now_us + LOOK_US);
        due = earlier(due, rs_worker_partition_commit_due(worker, owned));
        break;
    case RS_PHASE_RUNNING:
    case RS_PHASE_SERVING:
        due = owned->at_end ? show_due(worker, owned) : worker->now_us + LOOK_US;
        due = earlier(due, rs_worker_partition_commit_due(worker, owned));
        due = owned->phase == RS_PHASE_SERVING ? earlier(due, owned->leave_by_us) : due;
        due = owned->wants_schema ? earlier(due, owned->schema_due_us) : due;
        break;
    default: break; /* it waits for the log, or for an operator */
    }
    if (!worker->starved) {
        due = earlier(due, rs_worker_partition_ask_due(owned));
        due = earlier(due, rs_worker_partition_scan_due(owned));
        due = rs_worker_partition_publishable(owned) ? earlier(due, worker->publish_due_us) : due;
    }
    return due;
}

static bool must_poll(const struct rs_worker *worker)
{
    const struct rs_worker_options *options = &worker->options;

    return options->source.ops->wake_fd(options->source.self, options->index) < 0 ||
           (worker->batches_out > 0 && options->sink.ops->wake_fd(options->sink.self, options->index) < 0);
}

/* At once while the source or the log may have more: both are taken in portions, and their descriptors need
 * not be readable because of what is left. */
static int64_t next_step(const struct rs_worker *worker)
{
    int64_t due = worker->snapshot_due_us;

    if ((!worker->drained && !worker->holding) || worker->log_more) {
        return worker->now_us;
    }
    if (worker->holding) {
        due = earlier(due, worker->retry_us);
    }
    if (must_poll(worker)) {
        due = earlier(due, worker->now_us + POLL_US);
    }
    for (size_t i = 0; i < worker->owned_count; i++) {
        due = earlier(due, owned_due(worker, worker->owned[i]));
    }
    return due;
}

/* The order has reasons. Answers of the sink come first, so that a partition which was lost takes no more
 * input. Time advances before records are taken: whatever comes now, until now there was silence. What
 * leaves is looked at after publishing and sealing had their turns. The log is heard twice, as it may have
 * answered at once. */
int64_t rs_worker_step(struct rs_worker *worker)
{
    worker->now_us = rs_clock_mono(worker->options.clock);
    rs_worker_settle(worker);
    rs_worker_check_generation(worker);
    rs_worker_advance(worker);
    if (!worker->stopping && atomic_load(&worker->stop)) {
        rs_worker_end(worker);
    }
    rs_worker_schemas(worker);
    rs_worker_source_events(worker);
    rs_worker_claims(worker);
    rs_worker_log_events(worker);
    rs_worker_end_offsets(worker);
    rs_worker_publish(worker);
    rs_worker_commits(worker);
    rs_worker_leaving(worker);
    rs_worker_log_events(worker);
    rs_worker_take_snapshot(worker);
    atomic_fetch_add_explicit(&worker->steps, 1, memory_order_relaxed);
    if (worker->stopping && worker->owned_count == 0) {
        atomic_store(&worker->stopped, true);
    }
    return next_step(worker);
}

/* ---- the thread ---- */

/* Descriptors are hints: whatever woke the worker, a step looks at everything. */
static void sleep_until(struct rs_worker *worker, int64_t due_us)
{
    const struct rs_worker_options *options = &worker->options;
    int64_t left_us = due_us - rs_clock_mono(options->clock);
    struct pollfd fds[] = {
        {.fd = worker->stop_fd, .events = POLLIN},
        {.fd = options->source.ops->wake_fd(options->source.self, options->index), .events = POLLIN},
        {.fd = options->sink.ops->wake_fd(options->sink.self, options->index), .events = POLLIN},
        {.fd = options->log.ops->wake_fd(options->log.self, options->index), .events = POLLIN},
    };

    if (left_us <= 0) {
        return;
    }
    if (worker->holding) {
        fds[1].fd = -1; /* readable because of what we do not take: the retry is what to wait for */
    }
    struct timespec timeout = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    (void)ppoll(fds, sizeof fds / sizeof fds[0], &timeout, NULL);
    if (fds[0].revents != 0) {
        rs_wake_clear(worker->stop_fd);
    }
}

void rs_worker_run(struct rs_worker *worker)
{
    while (!rs_worker_stopped(worker)) {
        int64_t due_us = rs_worker_step(worker);
        worker->durations.busy_us += rs_clock_mono(worker->options.clock) - worker->now_us;
        sleep_until(worker, due_us);
    }
}

void rs_worker_stop(struct rs_worker *worker)
{
    atomic_store(&worker->stop, true);
    rs_wake(worker->stop_fd);
}

bool rs_worker_stopped(const struct rs_worker *worker)
{
    return atomic_load(&worker->stopped);
}

uint64_t rs_worker_progress(const struct rs_worker *worker)
{
    return atomic_load_explicit(&worker->steps, memory_order_relaxed);
}
