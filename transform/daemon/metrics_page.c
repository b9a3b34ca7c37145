/* /metrics. Numbers are taken from snapshots at the time of the scrape. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/metrics.h"
#include "transform/daemon/internal.h"

#define LABELS_MAX 4

/* The text format wants all samples of a family together, and snapshots come by worker: each family walks
 * them once. */
struct scrape {
    const struct rs_daemon *daemon;
    struct rs_buf *out;
    const struct partition_family *partition_family;
    const struct aggregate_family *aggregate_family;
    const struct worker_family *worker_family;
    const struct counted_family *counted_family;
    uint32_t worker;
};

/* ---- by partition ---- */

struct partition_family {
    const char *name, *help;
    enum rs_metric_type type;
    void (*write)(const struct scrape *scrape, const struct rs_label *labels,
                  const struct rs_worker_partition_status *status);
};

static void write_outcome(const struct scrape *scrape, const char *name, const struct rs_label *labels,
                          const char *outcome, uint64_t value)
{
    struct rs_label all[LABELS_MAX];
    size_t count = 0;

    for (; labels[count].name != NULL; count++) {
        all[count] = labels[count];
    }
    all[count++] = (struct rs_label){"outcome", outcome};
    all[count] = (struct rs_label){NULL, NULL};
    rs_metrics_unsigned(scrape->out, name, all, value);
}

static void write_accounting(const struct scrape *scrape, const char *name, const struct rs_label *labels,
                             const struct rs_accounting *events)
{
    write_outcome(scrape, name, labels, "applied", events->applied);
    write_outcome(scrape, name, labels, "late", events->late);
    write_outcome(scrape, name, labels, "duplicate", events->duplicate);
    write_outcome(scrape, name, labels, "rejected", events->rejected);
    write_outcome(scrape, name, labels, "filtered", events->filtered);
}

static void partition_events(const struct scrape *scrape, const struct rs_label *labels,
                             const struct rs_worker_partition_status *status)
{
    write_accounting(scrape, scrape->partition_family->name, labels, &status->state.events);
}

static void partition_lag(const struct scrape *scrape, const struct rs_label *labels,
                          const struct rs_worker_partition_status *status)
{
    if (status->lag >= 0) {
        rs_metrics_integer(scrape->out, scrape->partition_family->name, labels, status->lag);
    }
}

static void partition_running(const struct scrape *scrape, const struct rs_label *labels,
                              const struct rs_worker_partition_status *status)
{
    rs_metrics_integer(scrape->out, scrape->partition_family->name, labels,
                       status->phase == RS_PARTITION_RUNNING ? 1 : 0);
}

static void partition_stopped(const struct scrape *scrape, const struct rs_label *labels,
                              const struct rs_worker_partition_status *status)
{
    rs_metrics_integer(scrape->out, scrape->partition_family->name, labels,
                       status->health == RS_HEALTH_STOPPED ? 1 : 0);
}

static void partition_waiting(const struct scrape *scrape, const struct rs_label *labels,
                              const struct rs_worker_partition_status *status)
{
    bool waits = status->health == RS_HEALTH_WAITS;

    rs_metrics_seconds(scrape->out, scrape->partition_family->name, labels,
                       waits ? rs_clock_mono(scrape->daemon->clock) - status->since_us : 0);
}

static void partition_stream_time(const struct scrape *scrape, const struct rs_label *labels,
                                  const struct rs_worker_partition_status *status)
{
    if (status->state.stream_time_us != RS_TIME_NONE) {
        rs_metrics_seconds(scrape->out, scrape->partition_family->name, labels, status->state.stream_time_us);
    }
}

static void partition_shown(const struct scrape *scrape, const struct rs_label *labels,
                            const struct rs_worker_partition_status *status)
{
    if (status->state.now_shown_us != RS_TIME_NONE) {
        rs_metrics_seconds(scrape->out, scrape->partition_family->name, labels, status->state.now_shown_us);
    }
}

#define PARTITION_NUMBER(function, field)                                                                    \
    static void function(const struct scrape *scrape, const struct rs_label *labels,                         \
                         const struct rs_worker_partition_status *status)                                    \
    {                                                                                                        \
        rs_metrics_unsigned(scrape->out, scrape->partition_family->name, labels, status->state.field);       \
    }
PARTITION_NUMBER(partition_groups, groups)
PARTITION_NUMBER(partition_panes, panes)
PARTITION_NUMBER(partition_memory, memory_bytes)
PARTITION_NUMBER(partition_dirty, dirty_views)
PARTITION_NUMBER(partition_history, pending_history)
PARTITION_NUMBER(partition_forgotten, forgotten_groups)

static void partition_steady(const struct scrape *scrape, const struct rs_label *labels,
                             const struct rs_worker_partition_status *status)
{
    if (status->state.steady_time_us != RS_TIME_NONE) {
        rs_metrics_seconds(scrape->out, scrape->partition_family->name, labels, status->state.steady_time_us);
    }
}

/* Only of a log that remembers. */
static void log_claim(const struct scrape *scrape, const struct rs_label *labels,
                      const struct rs_worker_partition_status *status)
{
    if (status->has_log && status->log.claim >= 0) {
        rs_metrics_integer(scrape->out, scrape->partition_family->name, labels, status->log.claim);
    }
}

static void log_sealed(const struct scrape *scrape, const struct rs_label *labels,
                       const struct rs_worker_partition_status *status)
{
    if (status->has_log && status->log.sealed_at >= 0) {
        rs_metrics_integer(scrape->out, scrape->partition_family->name, labels, status->log.sealed_at);
    }
}

static void log_restoring(const struct scrape *scrape, const struct rs_label *labels,
                          const struct rs_worker_partition_status *status)
{
    if (status->has_log) {
        rs_metrics_integer(scrape->out, scrape->partition_family->name, labels,
                           status->log.restoring ? 1 : 0);
    }
}

#define LOG_NUMBER(function, field)                                                                          \
    static void function(const struct scrape *scrape, const struct rs_label *labels,                         \
                         const struct rs_worker_partition_status *status)                                    \
    {                                                                                                        \
        if (status->has_log) {                                                                               \
            rs_metrics_unsigned(scrape->out, scrape->partition_family->name, labels, status->log.field);     \
        }                                                                                                    \
    }
LOG_NUMBER(log_bytes, log_bytes)
LOG_NUMBER(log_live, live_bytes)
LOG_NUMBER(log_batches, batches)
LOG_NUMBER(log_sweeps, sweeps)
LOG_NUMBER(log_trims, trims)
LOG_NUMBER(log_restored, restored_records)

static const struct partition_family partition_families[] = {
    {"rollstat_state_events", "Events that the state of a partition holds, by what became of them.",
     RS_METRIC_GAUGE, partition_events},
    {"rollstat_lag_records", "Records that are in Kafka and not yet applied.", RS_METRIC_GAUGE,
     partition_lag},
    {"rollstat_partition_running", "1: read and published; 0: claiming, leaving, stopped or fenced.",
     RS_METRIC_GAUGE, partition_running},
    {"rollstat_partition_stopped", "1: goes on only when somebody has mended what /readyz names.",
     RS_METRIC_GAUGE, partition_stopped},
    {"rollstat_partition_waiting_seconds", "Since when it waits for what /status names; 0: it does not.",
     RS_METRIC_GAUGE, partition_waiting},
    {"rollstat_stream_time_seconds", "Highest event time seen.", RS_METRIC_GAUGE, partition_stream_time},
    {"rollstat_steady_time_seconds",
     "Event time that a minority of wrong clocks cannot move; groups expire by it.", RS_METRIC_GAUGE,
     partition_steady},
    {"rollstat_shown_time_seconds", "Time as of which windows are shown.", RS_METRIC_GAUGE, partition_shown},
    {"rollstat_groups", "Groups in the state.", RS_METRIC_GAUGE, partition_groups},
    {"rollstat_panes", "Panes in the state.", RS_METRIC_GAUGE, partition_panes},
    {"rollstat_state_bytes", "Memory of the state.", RS_METRIC_GAUGE, partition_memory},
    {"rollstat_dirty_views", "Views that changed and are not published yet.", RS_METRIC_GAUGE,
     partition_dirty},
    {"rollstat_pending_history", "Ended windows that Redis has not acknowledged.", RS_METRIC_GAUGE,
     partition_history},
    {"rollstat_forgotten_groups",
     "Dropped groups beyond the 65536 newest of an aggregate: older events of unknown groups may be late.",
     RS_METRIC_GAUGE, partition_forgotten},
    {"rollstat_state_log_claim_offset", "Where our claim stands in the state log.", RS_METRIC_GAUGE,
     log_claim},
    {"rollstat_state_log_sealed_offset", "Where our last seal stands in the state log.", RS_METRIC_GAUGE,
     log_sealed},
    {"rollstat_state_log_bytes", "Records of the state log since the newest complete sweep began.",
     RS_METRIC_GAUGE, log_bytes},
    {"rollstat_state_log_live_bytes", "Records of the newest complete sweep.", RS_METRIC_GAUGE, log_live},
    {"rollstat_state_log_batches_total", "Batches sealed.", RS_METRIC_COUNTER, log_batches},
    {"rollstat_state_log_sweeps_total", "Sweeps completed.", RS_METRIC_COUNTER, log_sweeps},
    {"rollstat_state_log_trims_total", "Trims done.", RS_METRIC_COUNTER, log_trims},
    {"rollstat_state_log_restoring", "1: the state is being read from the log.", RS_METRIC_GAUGE,
     log_restoring},
    {"rollstat_state_log_restored_records_total", "Records read to restore the state.", RS_METRIC_COUNTER,
     log_restored},
};

static void partition_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    const struct scrape *scrape = ctx;

    for (size_t i = 0; i < snapshot->partition_count; i++) {
        const struct rs_worker_partition_status *status = &snapshot->partitions[i];
        char number[16];
        (void)snprintf(number, sizeof(number), "%" PRId32, status->partition);
        const struct rs_label labels[] = {
            {"stream", scrape->daemon->settings->streams->items[status->stream].name},
            {"partition", number},
            {NULL, NULL},
        };
        scrape->partition_family->write(scrape, labels, status);
    }
}

/* ---- by partition, of this process: these only rise ---- */

struct counted_family {
    const char *name, *help;
    void (*write)(const struct scrape *scrape, const struct rs_label *labels,
                  const struct rs_worker_partition_counts *counts);
};

static void counted_events(const struct scrape *scrape, const struct rs_label *labels,
                           const struct rs_worker_partition_counts *counts)
{
    write_accounting(scrape, scrape->counted_family->name, labels, &counts->events);
}

static void counted_conflicts(const struct scrape *scrape, const struct rs_label *labels,
                              const struct rs_worker_partition_counts *counts)
{
    rs_metrics_unsigned(scrape->out, scrape->counted_family->name, labels, counts->conflicts);
}

static void counted_expired(const struct scrape *scrape, const struct rs_label *labels,
                            const struct rs_worker_partition_counts *counts)
{
    rs_metrics_unsigned(scrape->out, scrape->counted_family->name, labels, counts->expired_groups);
}

static void counted_ahead(const struct scrape *scrape, const struct rs_label *labels,
                          const struct rs_worker_partition_counts *counts)
{
    rs_metrics_unsigned(scrape->out, scrape->counted_family->name, labels, counts->events_ahead);
}

static const struct counted_family counted_families[] = {
    {"rollstat_events_total", "Events by what became of them, since this process began.", counted_events},
    {"rollstat_group_conflicts_total",
     "Groups that are in another partition, too, and are published from there.", counted_conflicts},
    {"rollstat_expired_groups_total", "Groups dropped because nothing came for `expire`.", counted_expired},
    {"rollstat_events_ahead_total",
     "Events far ahead of the partition's time when they came: a clock that is wrong, or a gap.",
     counted_ahead},
};

static void counted_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    const struct scrape *scrape = ctx;

    for (size_t i = 0; i < snapshot->count_count; i++) {
        const struct rs_worker_partition_counts *counts = &snapshot->counts[i];
        char number[16];
        (void)snprintf(number, sizeof(number), "%" PRId32, counts->partition);
        const struct rs_label labels[] = {
            {"stream", scrape->daemon->settings->streams->items[counts->stream].name},
            {"partition", number},
            {NULL, NULL},
        };
        scrape->counted_family->write(scrape, labels, counts);
    }
}

/* ---- by aggregate ---- */

struct aggregate_family {
    const char *name, *help;
    enum rs_metric_type type;
    void (*write)(const struct scrape *scrape, const struct rs_label *labels,
                  const struct rs_worker_aggregate_status *status);
};

static void aggregate_events(const struct scrape *scrape, const struct rs_label *labels,
                             const struct rs_worker_aggregate_status *status)
{
    write_accounting(scrape, scrape->aggregate_family->name, labels, &status->events);
}

static void aggregate_state_events(const struct scrape *scrape, const struct rs_label *labels,
                                   const struct rs_worker_aggregate_status *status)
{
    write_accounting(scrape, scrape->aggregate_family->name, labels, &status->state.events);
}

static void aggregate_groups(const struct scrape *scrape, const struct rs_label *labels,
                             const struct rs_worker_aggregate_status *status)
{
    rs_metrics_unsigned(scrape->out, scrape->aggregate_family->name, labels, status->state.groups);
}

static void aggregate_not_finite(const struct scrape *scrape, const struct rs_label *labels,
                                 const struct rs_worker_aggregate_status *status)
{
    rs_metrics_unsigned(scrape->out, scrape->aggregate_family->name, labels, status->not_finite);
}

static const struct aggregate_family aggregate_families[] = {
    {"rollstat_aggregate_events_total",
     "Events by what became of them in an aggregate, since this process began.", RS_METRIC_COUNTER,
     aggregate_events},
    {"rollstat_aggregate_state_events",
     "Events that the states of this process hold in an aggregate: falls when a partition moves away.",
     RS_METRIC_GAUGE, aggregate_state_events},
    {"rollstat_aggregate_groups", "Groups of an aggregate.", RS_METRIC_GAUGE, aggregate_groups},
    {"rollstat_aggregate_not_finite_total", "NaN and infinities passed by, since this process began.",
     RS_METRIC_COUNTER, aggregate_not_finite},
};

static void aggregate_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    const struct scrape *scrape = ctx;
    size_t count = 0;
    const struct rs_aggregate_meta *metas = rs_engine_metas(scrape->daemon->settings->engine, &count);
    char number[16];

    (void)snprintf(number, sizeof(number), "%" PRIu32, scrape->worker);
    for (size_t i = 0; i < snapshot->aggregate_count; i++) {
        const struct rs_label labels[] = {
            {"aggregate", metas[snapshot->aggregates[i].aggregate].name},
            {"worker", number},
            {NULL, NULL},
        };
        scrape->aggregate_family->write(scrape, labels, &snapshot->aggregates[i]);
    }
}

/* ---- by worker ---- */

struct worker_family {
    const char *name, *help;
    enum rs_metric_type type;
    void (*write)(const struct scrape *scrape, const struct rs_label *labels,
                  const struct rs_worker_snapshot *snapshot);
};

static void worker_steps(const struct scrape *scrape, const struct rs_label *labels,
                         const struct rs_worker_snapshot *snapshot)
{
    rs_metrics_unsigned(scrape->out, scrape->worker_family->name, labels, snapshot->steps);
}

static void worker_operations(const struct scrape *scrape, const struct rs_label *labels,
                              const struct rs_worker_snapshot *snapshot)
{
    rs_metrics_unsigned(scrape->out, scrape->worker_family->name, labels, snapshot->operations);
}

static void worker_waiting(const struct scrape *scrape, const struct rs_label *labels,
                           const struct rs_worker_snapshot *snapshot)
{
    rs_metrics_integer(scrape->out, scrape->worker_family->name, labels,
                       snapshot->waiting_for == RS_WAITING_NOT ? 0 : 1);
}

static void worker_waits(const struct scrape *scrape, const struct rs_label *labels,
                         const struct rs_worker_snapshot *snapshot)
{
    rs_metrics_unsigned(scrape->out, scrape->worker_family->name, labels, snapshot->waits);
}

static void worker_delay(const struct scrape *scrape, const struct rs_label *labels,
                         const struct rs_worker_snapshot *snapshot)
{
    rs_metrics_histogram(scrape->out, scrape->worker_family->name, labels, rs_worker_bucket_us,
                         snapshot->publish_delay, RS_WORKER_BUCKETS, snapshot->publish_delay_sum_us);
}

static const struct worker_family worker_families[] = {
    {"rollstat_worker_steps_total", "Turns of a worker.", RS_METRIC_COUNTER, worker_steps},
    {"rollstat_worker_operations_total", "Views, ended windows and drops handed to the sink.",
     RS_METRIC_COUNTER, worker_operations},
    {"rollstat_worker_waiting", "1: takes no input, for want of memory, dead letters or history.",
     RS_METRIC_GAUGE, worker_waiting},
    {"rollstat_worker_waits_total", "How often input had to wait.", RS_METRIC_COUNTER, worker_waits},
    {"rollstat_publish_delay_seconds", "From taking records to handing their views to the sink.",
     RS_METRIC_HISTOGRAM, worker_delay},
};

static void worker_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    const struct scrape *scrape = ctx;
    char number[16];

    (void)snprintf(number, sizeof(number), "%" PRIu32, scrape->worker);
    const struct rs_label labels[] = {{"worker", number}, {NULL, NULL}};
    scrape->worker_family->write(scrape, labels, snapshot);
}

static void each_worker(struct scrape *scrape,
                        void (*read)(void *ctx, const struct rs_worker_snapshot *snapshot))
{
    for (uint32_t i = 0; i < scrape->daemon->settings->workers; i++) {
        scrape->worker = i;
        rs_worker_snapshot(scrape->daemon->workers[i].worker, read, scrape);
    }
}

static void write_workers(struct scrape *scrape)
{
    for (size_t i = 0; i < sizeof(partition_families) / sizeof(partition_families[0]); i++) {
        scrape->partition_family = &partition_families[i];
        rs_metrics_family(scrape->out, partition_families[i].name, partition_families[i].type,
                          partition_families[i].help);
        each_worker(scrape, partition_snapshot);
    }
    for (size_t i = 0; i < sizeof(counted_families) / sizeof(counted_families[0]); i++) {
        scrape->counted_family = &counted_families[i];
        rs_metrics_family(scrape->out, counted_families[i].name, RS_METRIC_COUNTER, counted_families[i].help);
        each_worker(scrape, counted_snapshot);
    }
    for (size_t i = 0; i < sizeof(aggregate_families) / sizeof(aggregate_families[0]); i++) {
        scrape->aggregate_family = &aggregate_families[i];
        rs_metrics_family(scrape->out, aggregate_families[i].name, aggregate_families[i].type,
                          aggregate_families[i].help);
        each_worker(scrape, aggregate_snapshot);
    }
    for (size_t i = 0; i < sizeof(worker_families) / sizeof(worker_families[0]); i++) {
        scrape->worker_family = &worker_families[i];
        rs_metrics_family(scrape->out, worker_families[i].name, worker_families[i].type,
                          worker_families[i].help);
        each_worker(scrape, worker_snapshot);
    }
}

/* ---- single numbers ---- */

static void counter(struct rs_buf *out, const char *name, const char *help, uint64_t value)
{
    rs_metrics_family(out, name, RS_METRIC_COUNTER, help);
    rs_metrics_unsigned(out, name, NULL, value);
}

static void gauge(struct rs_buf *out, const char *name, const char *help, uint64_t value)
{
    rs_metrics_family(out, name, RS_METRIC_GAUGE, help);
    rs_metrics_unsigned(out, name, NULL, value);
}

static void write_redis(const struct rs_daemon *daemon, struct rs_buf *out)
{
    struct rs_redis_status status;

    rs_redis_sink_status(daemon->sink, &status);
    gauge(out, "rollstat_redis_connected", "1: all connections stand.", status.connected ? 1 : 0);
    counter(out, "rollstat_redis_views_total", "Views acknowledged.", status.views);
    counter(out, "rollstat_redis_history_total", "Ended windows acknowledged.", status.history);
    counter(out, "rollstat_redis_drops_total", "Dropped groups acknowledged.", status.drops);
    counter(out, "rollstat_redis_bytes_total", "Bytes of acknowledged batches.", status.bytes);
    counter(out, "rollstat_redis_errors_total", "Failures of a connection.", status.errors);
    counter(out, "rollstat_redis_losses_total", "How often Redis was lost, wiped or went back.",
            status.losses);
    counter(out, "rollstat_redis_behind_total", "Batches refused because Redis shows more already.",
            status.behind);
    counter(out, "rollstat_redis_fenced_total", "Batches refused because of a newer token.", status.fenced);
    counter(out, "rollstat_redis_replaced_keys_total", "Keys that held a value of another type.",
            status.replaced);
    gauge(out, "rollstat_redis_queued_batches", "Batches not yet acknowledged.", status.queued);
    rs_metrics_family(out, "rollstat_redis_staleness_seconds", RS_METRIC_GAUGE, "Age of the oldest of them.");
    rs_metrics_seconds(out, "rollstat_redis_staleness_seconds", NULL, status.oldest_us);
    rs_metrics_family(out, "rollstat_redis_call_seconds", RS_METRIC_HISTOGRAM, "Round trips to Redis.");
    rs_metrics_histogram(out, "rollstat_redis_call_seconds", NULL, rs_redis_bucket_us, status.round_trips,
                         RS_REDIS_BUCKETS, status.round_trip_sum_us);
}

static void write_kafka(const struct rs_daemon *daemon, struct rs_buf *out)
{
    struct rs_kafka_source_status source;

    rs_kafka_source_status(daemon->source, &source);
    gauge(out, "rollstat_kafka_joined", "1: member of the consumer group.", source.joined ? 1 : 0);
    gauge(out, "rollstat_kafka_brokers_down", "1: no broker can be reached.", source.brokers_down ? 1 : 0);
    gauge(out, "rollstat_kafka_topics_missing", "1: a topic does not exist.", source.topics_missing ? 1 : 0);
    gauge(out, "rollstat_kafka_partitions", "Partitions owned.", source.partitions);
    gauge(out, "rollstat_kafka_partitions_stopped", "Partitions that cannot go on.", daemon->health.stopped);
    gauge(out, "rollstat_kafka_partitions_waiting", "Partitions that wait, and for long.",
          daemon->health.waiting);
    counter(out, "rollstat_kafka_rebalances_total", "Assignments and revocations.", source.rebalances);
    counter(out, "rollstat_kafka_skipped_records_total", "Records that came again.", source.skipped);
}

static void write_rejected(const struct rs_daemon *daemon, struct rs_buf *out)
{
    static const char name[] = "rollstat_rejected_total";
    const struct rs_streams *streams = daemon->settings->streams;

    rs_metrics_family(out, name, RS_METRIC_COUNTER, "Records this process rejected, by reason.");
    for (size_t i = 0; i < streams->count; i++) {
        struct rs_outcomes outcomes;
        rs_daemon_outcomes(daemon, (uint32_t)i, &outcomes);
        for (unsigned reason = RS_REASON_NONE + 1; reason < RS_REASON_COUNT; reason++) {
            const struct rs_label labels[] = {{"stream", streams->items[i].name},
                                              {"reason", rs_reason_name((enum rs_reason)reason)},
                                              {NULL, NULL}};
            if (outcomes.rejected[reason] > 0) {
                rs_metrics_unsigned(out, name, labels, outcomes.rejected[reason]);
            }
        }
    }
}

static void write_letters(const struct rs_daemon *daemon, struct rs_buf *out)
{
    struct rs_dead_letters_status letters;

    rs_dead_letters_status(daemon->letters, &letters);
    counter(out, "rollstat_dead_letters_total", "Dead letters acknowledged.", letters.acknowledged);
    counter(out, "rollstat_dead_letters_cut_total", "Dead letters acknowledged with something left out.",
            letters.cut);
    counter(out, "rollstat_dead_letters_dropped_total", "Dead letters that their topic takes in no size.",
            letters.dropped);
    counter(out, "rollstat_dead_letters_discarded_total", "Dead letters of streams that keep none.",
            letters.discarded);
    counter(out, "rollstat_dead_letters_errors_total", "Deliveries that failed and are tried again.",
            letters.errors);
    gauge(out, "rollstat_dead_letters_pending", "Dead letters not yet acknowledged.", letters.pending);
    gauge(out, "rollstat_dead_letters_topics_missing", "Dead-letter topics that do not exist.",
          letters.topics_missing);
    gauge(out, "rollstat_dead_letters_waiting", "1: refused or without an answer; their partitions wait.",
          letters.topics_missing > 0 || letters.failing || letters.stalled ? 1 : 0);
}

static void write_log(const struct rs_daemon *daemon, struct rs_buf *out)
{
    struct rs_kafka_log_status status;

    if (daemon->kafka_log == NULL) {
        return;
    }
    rs_kafka_log_status(daemon->kafka_log, &status);
    counter(out, "rollstat_state_log_records_total", "Records of the state log acknowledged.",
            status.appended);
    counter(out, "rollstat_state_log_refused_total", "Records of the state log refused.", status.refused);
    counter(out, "rollstat_state_log_trims_refused_total", "Trims of the state log refused.",
            status.trims_refused);
    counter(out, "rollstat_state_log_producers_total", "Producers opened; more than one: one broke.",
            status.producers);
    gauge(out, "rollstat_state_log_pending_bytes", "Bytes of records not acknowledged yet.",
          status.pending_bytes);
    gauge(out, "rollstat_state_log_writable", "0: the newest record was refused, or there is no producer.",
          status.writable ? 1 : 0);
}

/* The second number of statm: resident pages. */
static uint64_t resident_bytes(void)
{
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL) {
        return 0;
    }
    char *read = fgets(line, sizeof(line), file);
    (void)fclose(file);
    const char *second = read == NULL ? NULL : strchr(line, ' ');
    return second == NULL ? 0 : strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void write_process(const struct rs_daemon *daemon, struct rs_buf *out)
{
    const struct rs_label version[] = {{"version", RS_VERSION}, {NULL, NULL}};

    rs_metrics_family(out, "rollstat_build_info", RS_METRIC_GAUGE, "Version.");
    rs_metrics_integer(out, "rollstat_build_info", version, 1);
    gauge(out, "process_resident_memory_bytes", "Resident memory.", resident_bytes());
    rs_metrics_family(out, "process_start_time_seconds", RS_METRIC_GAUGE, "Start time since 1970.");
    rs_metrics_seconds(out, "process_start_time_seconds", NULL, daemon->started_us);
    counter(out, "rollstat_log_dropped_total", "Log lines that could not be written.", rs_log_dropped());
}

int rs_page_metrics(void *ctx, struct rs_buf *body)
{
    struct scrape scrape = {.daemon = ctx, .out = body};
    const struct rs_daemon_health *health = rs_daemon_health(ctx);

    gauge(body, "rollstat_ready", "1: as /readyz says.", health->ready ? 1 : 0);
    write_process(scrape.daemon, body);
    write_workers(&scrape);
    write_kafka(scrape.daemon, body);
    write_rejected(scrape.daemon, body);
    write_letters(scrape.daemon, body);
    write_log(scrape.daemon, body);
    write_redis(scrape.daemon, body);
    return 200;
}
