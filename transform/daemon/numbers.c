#include "transform/daemon/numbers.h"

#include <string.h>

#define FIELD(base, field) offsetof(base, field), sizeof(((const base *)0)->field), NULL
#define GAUGE(metric, key, form, field, help)                                                                \
    {                                                                                                        \
        metric, help, key, RS_METRIC_GAUGE, RS_NUMBER_##form, FIELD(BASE, field)                             \
    }
#define COUNTER(metric, key, form, field, help)                                                              \
    {                                                                                                        \
        metric, help, key, RS_METRIC_COUNTER, RS_NUMBER_##form, FIELD(BASE, field)                           \
    }
#define STATUS(key, form, field)                                                                             \
    {                                                                                                        \
        NULL, NULL, key, RS_METRIC_GAUGE, RS_NUMBER_##form, FIELD(BASE, field)                               \
    }
#define VALUE(metric, key, form, value, help)                                                                \
    {                                                                                                        \
        metric, help, key, RS_METRIC_GAUGE, RS_NUMBER_##form, 0, 0, value                                    \
    }
#define NUMBERS(name, rows) const struct rs_numbers name = {(rows), sizeof(rows) / sizeof *(rows)}

/* ---- by partition ---- */

static int64_t partition_running(const struct rs_daemon *daemon, const void *base)
{
    (void)daemon;
    return ((const struct rs_worker_partition_status *)base)->phase == RS_PARTITION_RUNNING;
}

static int64_t partition_stopped(const struct rs_daemon *daemon, const void *base)
{
    (void)daemon;
    return ((const struct rs_worker_partition_status *)base)->health == RS_HEALTH_STOPPED;
}

static int64_t partition_waiting(const struct rs_daemon *daemon, const void *base)
{
    const struct rs_worker_partition_status *status = base;
    return status->health == RS_HEALTH_WAITS ? rs_clock_mono(daemon->clock) - status->since_us : 0;
}

#define BASE struct rs_worker_partition_status
static const struct rs_number partition_rows[] = {
    GAUGE("rollstat_state_events", NULL, ACCOUNTING, state.events,
          "Events that the state of a partition holds, by what became of them."),
    GAUGE("rollstat_lag_records", NULL, OFFSET, lag, "Records that are in Kafka and not yet applied."),
    VALUE("rollstat_partition_running", NULL, FLAG, partition_running,
          "1: read and published; 0: claiming, leaving, stopped or fenced."),
    VALUE("rollstat_partition_stopped", NULL, FLAG, partition_stopped,
          "1: goes on only when somebody has mended what /readyz names."),
    VALUE("rollstat_partition_waiting_seconds", NULL, TIME, partition_waiting,
          "Since when it waits for what /status names; 0: it does not."),
    GAUGE("rollstat_stream_time_seconds", "stream_time", TIME, state.stream_time_us,
          "Highest event time seen."),
    GAUGE("rollstat_steady_time_seconds", "steady_time", TIME, state.steady_time_us,
          "Event time that a minority of wrong clocks cannot move; groups expire by it."),
    GAUGE("rollstat_shown_time_seconds", "now_shown", TIME, state.now_shown_us,
          "Time as of which windows are shown."),
    STATUS("events", ACCOUNTING, state.events),
    GAUGE("rollstat_groups", "groups", COUNT, state.groups, "Groups in the state."),
    GAUGE("rollstat_panes", "panes", COUNT, state.panes, "Panes in the state."),
    GAUGE("rollstat_state_bytes", "memory_bytes", COUNT, state.memory_bytes, "Memory of the state."),
    GAUGE("rollstat_dirty_views", "dirty_views", COUNT, state.dirty_views,
          "Views that changed and are not published yet."),
    GAUGE("rollstat_pending_history", "pending_history", COUNT, state.pending_history,
          "Ended windows that Redis has not acknowledged."),
    STATUS("conflicts", COUNT, state.conflicts),
    STATUS("expired_groups", COUNT, state.expired_groups),
    GAUGE("rollstat_forgotten_groups", "forgotten_groups", COUNT, state.forgotten_groups,
          "Dropped groups beyond the 65536 newest of an aggregate: older events of unknown groups may be "
          "late."),
    STATUS("events_ahead", COUNT, state.events_ahead),
};
#undef BASE
NUMBERS(rs_partition_numbers, partition_rows);

/* Only of a durable log. */
#define BASE struct rs_state_log_status
static const struct rs_number log_rows[] = {
    GAUGE("rollstat_state_log_claim_offset", "claim", OFFSET, claim,
          "Where our claim stands in the state log."),
    GAUGE("rollstat_state_log_sealed_offset", "sealed_at", OFFSET, sealed_at,
          "Where our last seal stands in the state log."),
    GAUGE("rollstat_state_log_bytes", "log_bytes", COUNT, log_bytes,
          "Records of the state log since the newest complete sweep began."),
    GAUGE("rollstat_state_log_live_bytes", "live_bytes", COUNT, live_bytes,
          "Records of the newest complete sweep."),
    COUNTER("rollstat_state_log_batches_total", "batches", COUNT, batches, "Batches sealed."),
    COUNTER("rollstat_state_log_sweeps_total", "sweeps", COUNT, sweeps, "Sweeps completed."),
    COUNTER("rollstat_state_log_trims_total", "trims", COUNT, trims, "Trims done."),
    GAUGE("rollstat_state_log_restoring", "restoring", FLAG, restoring,
          "1: the state is being read from the log."),
    COUNTER("rollstat_state_log_restored_records_total", "restored_records", COUNT, restored_records,
            "Records read to restore the state."),
    STATUS("restored_bytes", COUNT, restored_bytes),
};
#undef BASE
NUMBERS(rs_log_numbers, log_rows);

/* Of this process: these only rise. */
#define BASE struct rs_worker_partition_counts
static const struct rs_number counted_rows[] = {
    COUNTER("rollstat_events_total", NULL, ACCOUNTING, events,
            "Events by what became of them, since this process began."),
    COUNTER("rollstat_group_conflicts_total", NULL, COUNT, conflicts,
            "Groups that are in another partition, too, and are published from there."),
    COUNTER("rollstat_expired_groups_total", NULL, COUNT, expired_groups,
            "Groups dropped because nothing came for `expire`."),
    COUNTER("rollstat_events_ahead_total", NULL, COUNT, events_ahead,
            "Events far ahead of the partition's time when they came: a clock that is wrong, or a gap."),
};
#undef BASE
NUMBERS(rs_counted_numbers, counted_rows);

/* ---- by aggregate, by worker ---- */

#define BASE struct rs_worker_aggregate_status
static const struct rs_number aggregate_rows[] = {
    COUNTER("rollstat_aggregate_events_total", NULL, ACCOUNTING, events,
            "Events by what became of them in an aggregate, since this process began."),
    GAUGE("rollstat_aggregate_state_events", NULL, ACCOUNTING, state.events,
          "Events that the states of this process hold in an aggregate: falls when a partition moves away."),
    GAUGE("rollstat_aggregate_groups", NULL, COUNT, state.groups, "Groups of an aggregate."),
    COUNTER("rollstat_aggregate_not_finite_total", NULL, COUNT, not_finite,
            "NaN and infinities passed by, since this process began."),
    COUNTER("rollstat_aggregate_folded_total", NULL, COUNT, folded,
            "Events beyond max_groups that went into the group %other, since this process began."),
};
#undef BASE
NUMBERS(rs_aggregate_numbers, aggregate_rows);

static int64_t worker_waiting(const struct rs_daemon *daemon, const void *base)
{
    (void)daemon;
    return ((const struct rs_worker_snapshot *)base)->waiting_for != RS_WAITING_NOT;
}

static int64_t worker_memory_limit(const struct rs_daemon *daemon, const void *base)
{
    (void)base;
    return daemon->settings->memory_limit / daemon->settings->workers;
}

#define BASE struct rs_worker_snapshot
static const struct rs_number worker_rows[] = {
    STATUS("partitions", COUNT, partition_count),
    COUNTER("rollstat_worker_steps_total", "steps", COUNT, steps, "Turns of a worker."),
    GAUGE("rollstat_worker_memory_bytes", "memory_bytes", COUNT, memory_bytes,
          "Memory of the states of a worker."),
    VALUE("rollstat_worker_memory_limit_bytes", NULL, COUNT, worker_memory_limit,
          "A worker's part of limits.memory: beyond it the input waits."),
    STATUS("pending_history", COUNT, pending_history),
    STATUS("batches", COUNT, batches_submitted),
    COUNTER("rollstat_worker_operations_total", "operations", COUNT, operations,
            "Views, ended windows and drops handed to the sink."),
    VALUE("rollstat_worker_waiting", NULL, FLAG, worker_waiting,
          "1: takes no input, for want of memory, dead letters or history."),
    COUNTER("rollstat_worker_busy_seconds_total", NULL, TIME, durations.busy_us,
            "Time that a worker did not sleep: a second each second is all of a core."),
    COUNTER("rollstat_worker_waits_total", NULL, COUNT, waits, "How often input had to wait."),
};
#undef BASE
NUMBERS(rs_worker_numbers, worker_rows);

/* ---- of the process ---- */

static int64_t kafka_stopped(const struct rs_daemon *daemon, const void *base)
{
    (void)base;
    return (int64_t)daemon->health.stopped;
}

static int64_t kafka_waiting(const struct rs_daemon *daemon, const void *base)
{
    (void)base;
    return (int64_t)daemon->health.waiting;
}

#define BASE struct rs_kafka_source_status
static const struct rs_number kafka_rows[] = {
    GAUGE("rollstat_kafka_joined", "joined", FLAG, joined, "1: member of the consumer group."),
    GAUGE("rollstat_kafka_brokers_down", "brokers_down", FLAG, brokers_down, "1: no broker can be reached."),
    GAUGE("rollstat_kafka_topics_missing", "topics_missing", FLAG, topics_missing,
          "1: a topic does not exist."),
    GAUGE("rollstat_kafka_partitions", "partitions", COUNT, partitions, "Partitions owned."),
    VALUE("rollstat_kafka_partitions_stopped", "partitions_stopped", COUNT, kafka_stopped,
          "Partitions that cannot go on."),
    VALUE("rollstat_kafka_partitions_waiting", "partitions_waiting", COUNT, kafka_waiting,
          "Partitions that wait, and for long."),
    COUNTER("rollstat_kafka_rebalances_total", "rebalances", COUNT, rebalances,
            "Assignments and revocations."),
    COUNTER("rollstat_kafka_skipped_records_total", "skipped_records", COUNT, skipped,
            "Records that came again."),
};
#undef BASE
NUMBERS(rs_kafka_numbers, kafka_rows);

#define BASE struct rs_redis_status
static const struct rs_number redis_rows[] = {
    GAUGE("rollstat_redis_connected", "connected", FLAG, connected, "1: all connections stand."),
    COUNTER("rollstat_redis_views_total", "views", COUNT, views, "Views acknowledged."),
    COUNTER("rollstat_redis_history_total", "history", COUNT, history, "Ended windows acknowledged."),
    COUNTER("rollstat_redis_drops_total", "drops", COUNT, drops, "Dropped groups acknowledged."),
    COUNTER("rollstat_redis_bytes_total", NULL, COUNT, bytes, "Bytes of acknowledged batches."),
    STATUS("conflicts", COUNT, conflicts),
    COUNTER("rollstat_redis_errors_total", "errors", COUNT, errors, "Failures of a connection."),
    COUNTER("rollstat_redis_losses_total", "losses", COUNT, losses,
            "How often Redis was lost, wiped or went back."),
    COUNTER("rollstat_redis_behind_total", NULL, COUNT, behind,
            "Batches refused because Redis shows more already."),
    COUNTER("rollstat_redis_fenced_total", NULL, COUNT, fenced, "Batches refused because of a newer token."),
    COUNTER("rollstat_redis_replaced_keys_total", NULL, COUNT, replaced,
            "Keys that held a value of another type."),
    GAUGE("rollstat_redis_queued_batches", "queued_batches", COUNT, queued, "Batches not yet acknowledged."),
};
#undef BASE
NUMBERS(rs_redis_numbers, redis_rows);

#define BASE struct rs_registry_status
static const struct rs_number registry_rows[] = {
    GAUGE("rollstat_schema_registry_waiting", "waiting", COUNT, waiting,
          "Schemas that were asked for and have no answer."),
    GAUGE("rollstat_schema_registry_failing", "failing", FLAG, failing,
          "1: the last question had no answer of use."),
    COUNTER("rollstat_schema_registry_requests_total", "requests", COUNT, requests, "HTTP requests."),
    COUNTER("rollstat_schema_registry_failures_total", "failures", COUNT, failures,
            "HTTP requests without an answer of use."),
    COUNTER("rollstat_schema_registry_found_total", "found", COUNT, found, "Schemas found."),
    COUNTER("rollstat_schema_registry_from_cache_total", "from_cache", COUNT, from_cache,
            "Schemas found in the cache on disk."),
    COUNTER("rollstat_schema_registry_unknown_total", "unknown", COUNT, unknown,
            "Questions that the registry answered with: there is no such schema."),
    COUNTER("rollstat_schema_registry_refused_total", "refused", COUNT, refused,
            "Schemas that are no Avro, or too large."),
    COUNTER("rollstat_schema_registry_changed_total", "changed", COUNT, changed,
            "Ids whose schema was not what it had been, which must never be."),
};
#undef BASE
NUMBERS(rs_registry_numbers, registry_rows);

int64_t rs_number_value(const struct rs_number *number, const struct rs_daemon *daemon, const void *base)
{
    const uint8_t *at = (const uint8_t *)base + number->at;
    bool flag;
    uint32_t small;
    int64_t value;
    switch (number->size) {
    case 0: return number->value(daemon, base);
    case sizeof flag: memcpy(&flag, at, sizeof flag); return flag;
    case sizeof small: memcpy(&small, at, sizeof small); return small;
    default:
        RS_ASSERT(number->size == sizeof value);
        memcpy(&value, at, sizeof value);
        return value;
    }
}

const struct rs_accounting *rs_number_accounting(const struct rs_number *number, const void *base)
{
    RS_ASSERT(number->form == RS_NUMBER_ACCOUNTING);
    return (const struct rs_accounting *)(const void *)((const uint8_t *)base + number->at);
}
