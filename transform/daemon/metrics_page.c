/* /metrics. Numbers are taken from snapshots at the time of the scrape. */
#include <dirent.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/metrics.h"
#include "transform/daemon/numbers.h"

#define LABELS_MAX 5

/* A histogram in a struct of several. */
struct duration {
    const char *metric, *help;
    size_t at;
};

/* The text format wants all samples of a family together, and snapshots come by worker: each family walks
 * them once. */
struct scrape {
    const struct rs_daemon *daemon;
    struct rs_buf *out;
    const struct rs_number *number;
    const struct duration *duration; /* where there is no number */
    uint32_t worker;
};

/* ---- numbers of the tables ---- */

static void write_accounting(struct rs_buf *out, const char *name, const struct rs_label *labels,
                             const struct rs_accounting *events)
{
    const struct {
        const char *outcome;
        uint64_t count;
    } samples[] = {{"applied", events->applied},
                   {"late", events->late},
                   {"duplicate", events->duplicate},
                   {"rejected", events->rejected},
                   {"filtered", events->filtered}};
    struct rs_label all[LABELS_MAX] = {{NULL, NULL}};
    size_t count = 0;

    for (; labels && labels[count].name; count++) {
        all[count] = labels[count];
    }
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        all[count] = (struct rs_label){"outcome", samples[i].outcome};
        rs_metrics_unsigned(out, name, all, samples[i].count);
    }
}

static void write_number(const struct scrape *scrape, const struct rs_label *labels, const void *base)
{
    const struct rs_number *number = scrape->number;
    if (number->form == RS_NUMBER_ACCOUNTING) {
        write_accounting(scrape->out, number->metric, labels, rs_number_accounting(number, base));
        return;
    }
    int64_t value = rs_number_value(number, scrape->daemon, base);
    if (number->form == RS_NUMBER_TIME && value != RS_TIME_NONE) {
        rs_metrics_seconds(scrape->out, number->metric, labels, value);
    } else if (number->form != RS_NUMBER_TIME && (number->form != RS_NUMBER_OFFSET || value >= 0)) {
        rs_metrics_unsigned(scrape->out, number->metric, labels, (uint64_t)value);
    }
}

static void write_family(const struct scrape *scrape)
{
    rs_metrics_family(scrape->out, scrape->number->metric, scrape->number->type, scrape->number->help);
}

/* A stream's own topic needs no label: there is one. `base` may be of another struct than the snapshot's own: that of its state log. */
static void write_of_partition(const struct scrape *scrape, uint32_t stream, int32_t partition,
                               const void *base)
{
    char number[16];

    (void)snprintf(number, sizeof number, "%" PRId32, partition);
    const struct rs_stream *input = &scrape->daemon->settings->streams->items[stream];
    const struct rs_label own[] = {{"stream", input->name}, {"partition", number}, {NULL, NULL}};
    const struct rs_label listed[] = {
        {"stream", input->name}, {"topic", input->topic}, {"partition", number}, {NULL, NULL}};
    write_number(scrape, input->listed ? listed : own, base);
}

static void partition_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->partition_count; i++) {
        const struct rs_worker_partition_status *status = &snapshot->partitions[i];
        write_of_partition(ctx, status->stream, status->partition, status);
    }
}

static void log_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->partition_count; i++) {
        const struct rs_worker_partition_status *status = &snapshot->partitions[i];
        if (status->has_log) {
            write_of_partition(ctx, status->stream, status->partition, &status->log);
        }
    }
}

static void counted_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count_count; i++) {
        const struct rs_worker_partition_counts *counts = &snapshot->counts[i];
        write_of_partition(ctx, counts->stream, counts->partition, counts);
    }
}

static void aggregate_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    const struct scrape *scrape = ctx;
    size_t count = 0;
    const struct rs_aggregate_meta *metas = rs_engine_metas(scrape->daemon->settings->engine, &count);
    char number[16];

    (void)snprintf(number, sizeof number, "%" PRIu32, scrape->worker);
    for (size_t i = 0; i < snapshot->aggregate_count; i++) {
        const struct rs_label labels[] = {
            {"aggregate", metas[snapshot->aggregates[i].aggregate].name},
            {"worker", number},
            {NULL, NULL},
        };
        write_number(scrape, labels, &snapshot->aggregates[i]);
    }
}

static void worker_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    const struct scrape *scrape = ctx;
    char number[16];

    (void)snprintf(number, sizeof number, "%" PRIu32, scrape->worker);
    const struct rs_label labels[] = {{"worker", number}, {NULL, NULL}};
    if (scrape->number) {
        write_number(scrape, labels, snapshot);
    } else {
        const uint8_t *durations = (const void *)&snapshot->durations;
        rs_metrics_histogram(scrape->out, scrape->duration->metric, labels,
                             (const void *)(durations + scrape->duration->at));
    }
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
    static const struct {
        const struct rs_numbers *numbers;
        void (*read)(void *ctx, const struct rs_worker_snapshot *snapshot);
    } tables[] = {{&rs_partition_numbers, partition_snapshot},
                  {&rs_log_numbers, log_snapshot},
                  {&rs_counted_numbers, counted_snapshot},
                  {&rs_aggregate_numbers, aggregate_snapshot},
                  {&rs_worker_numbers, worker_snapshot}};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        for (size_t k = 0; k < tables[i].numbers->count; k++) {
            scrape->number = &tables[i].numbers->rows[k];
            if (scrape->number->metric) {
                write_family(scrape);
                each_worker(scrape, tables[i].read);
            }
        }
    }
}

/* ---- how long things take ---- */

static void write_durations(struct scrape *scrape)
{
    static const struct duration rows[] = {
        {"rollstat_publish_delay_seconds", "From taking records to handing their views to the sink.",
         offsetof(struct rs_worker_durations, publish)},
        {"rollstat_batch_seconds", "From handing a batch of views to the sink to its having been written.",
         offsetof(struct rs_worker_durations, batch)},
        {"rollstat_seal_seconds", "From beginning a batch of the state log to its acknowledgement.",
         offsetof(struct rs_worker_durations, seal)},
    };
    scrape->number = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scrape->duration = &rows[i];
        rs_metrics_family(scrape->out, rows[i].metric, RS_METRIC_HISTOGRAM, rows[i].help);
        each_worker(scrape, worker_snapshot);
    }
}

struct stream_delay {
    uint32_t stream;
    size_t at;
    struct rs_histogram sum; /* over the workers */
};

static void delay_snapshot(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    struct stream_delay *delay = ctx;
    const uint8_t *delays = (const void *)&snapshot->delays[delay->stream];

    rs_histogram_merge(&delay->sum, (const void *)(delays + delay->at));
}

static void write_delays(const struct rs_daemon *daemon, struct rs_buf *out)
{
    static const struct duration rows[] = {
        {"rollstat_arrival_to_visible_seconds",
         "Age of a written batch's oldest new record, by Kafka's time of it.",
         offsetof(struct rs_worker_delays, arrival)},
        {"rollstat_event_to_visible_seconds", "Age of a written batch's newest event, by its own time.",
         offsetof(struct rs_worker_delays, event)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rs_metrics_family(out, rows[i].metric, RS_METRIC_HISTOGRAM, rows[i].help);
        for (uint32_t k = 0; k < daemon->settings->streams->named; k++) {
            struct stream_delay delay = {.stream = k, .at = rows[i].at};
            const struct rs_label labels[] = {{"stream", daemon->settings->streams->items[k].name},
                                              {NULL, NULL}};
            for (uint32_t worker = 0; worker < daemon->settings->workers; worker++) {
                rs_worker_snapshot(daemon->workers[worker].worker, delay_snapshot, &delay);
            }
            rs_metrics_histogram(out, rows[i].metric, labels, &delay.sum);
        }
    }
}

/* Numbers that there are once. */
static void write_table(struct scrape *scrape, const struct rs_numbers *numbers, const void *base)
{
    for (size_t i = 0; i < numbers->count; i++) {
        scrape->number = &numbers->rows[i];
        if (scrape->number->metric) {
            write_family(scrape);
            write_number(scrape, NULL, base);
        }
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

static void write_redis(struct scrape *scrape)
{
    struct rs_buf *out = scrape->out;
    struct rs_redis_status status;

    rs_redis_sink_status(scrape->daemon->sink, &status);
    write_table(scrape, &rs_redis_numbers, &status);
    rs_metrics_family(out, "rollstat_redis_staleness_seconds", RS_METRIC_GAUGE, "Age of the oldest of them.");
    rs_metrics_seconds(out, "rollstat_redis_staleness_seconds", NULL, status.oldest_us);
    rs_metrics_family(out, "rollstat_redis_call_seconds", RS_METRIC_HISTOGRAM, "Round trips to Redis.");
    rs_metrics_histogram(out, "rollstat_redis_call_seconds", NULL, &status.round_trips);
}

static void write_registry(struct scrape *scrape)
{
    struct rs_registry_status status;

    if (scrape->daemon->registry) {
        rs_registry_status(scrape->daemon->registry, &status);
        write_table(scrape, &rs_registry_numbers, &status);
    }
}

static void write_kafka(struct scrape *scrape)
{
    struct rs_kafka_source_status source;

    rs_kafka_source_status(scrape->daemon->source, &source);
    write_table(scrape, &rs_kafka_numbers, &source);
}

static void write_rejected(const struct rs_daemon *daemon, struct rs_buf *out)
{
    static const char name[] = "rollstat_rejected_total";
    const struct rs_streams *streams = daemon->settings->streams;

    rs_metrics_family(out, name, RS_METRIC_COUNTER, "Records this process rejected, by reason.");
    for (size_t i = 0; i < streams->named; i++) {
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

/* As many as the configuration has rules. */
static void write_rules(const struct rs_daemon *daemon, struct rs_buf *out)
{
    static const char name[] = "rollstat_rule_failures_total";
    const struct rs_streams *streams = daemon->settings->streams;

    rs_metrics_family(out, name, RS_METRIC_COUNTER,
                      "Records that a rule did not hold for, whatever became of them.");
    for (size_t i = 0; i < streams->named; i++) {
        const struct rs_rules *rules = rs_engine_rules(daemon->settings->engine, (uint32_t)i);
        struct rs_outcomes outcomes;
        rs_daemon_outcomes(daemon, (uint32_t)i, &outcomes);
        for (size_t k = 0; k < rules->count; k++) {
            const char *reason = rs_rules_own_reason(rules, (int)k);
            const struct rs_label labels[] = {{"stream", streams->items[i].name},
                                              {"rule", rs_rules_name(rules, (int)k)},
                                              {"on_fail", rs_on_fail_name(rs_rules_on_fail(rules, (int)k))},
                                              {"reason", reason ? reason : ""},
                                              {NULL, NULL}};
            rs_metrics_unsigned(out, name, labels, outcomes.rules[k]);
        }
    }
}

static void write_dead_letters(const struct rs_daemon *daemon, struct rs_buf *out)
{
    struct rs_dead_letters_status letters;

    rs_dead_letters_status(daemon->dead_letters, &letters);
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

    if (!daemon->kafka_log) {
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

/* Number `index` of statm, in bytes: 0 all that is mapped, 1 what of it is resident. */
static uint64_t statm_bytes(int index)
{
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file) {
        return 0;
    }
    const char *at = fgets(line, sizeof line, file);
    (void)fclose(file);
    for (; at && index > 0; index--) {
        at = strchr(at + 1, ' ');
    }
    return !at ? 0 : strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* But the one with which they are counted. */
static uint64_t open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    uint64_t count = 0;

    if (!directory) {
        return 0;
    }
    /* A stream of its own. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(directory);
    return count > 0 ? count - 1 : 0;
}

/* Names and meanings are those that Prometheus' own clients give every process. */
static void write_usage(struct rs_buf *out)
{
    struct timespec used = {0};
    struct rlimit files = {0};

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    rs_metrics_family(out, "process_cpu_seconds_total", RS_METRIC_COUNTER,
                      "Time of processors used, user and system.");
    rs_metrics_seconds(out, "process_cpu_seconds_total", NULL,
                       used.tv_sec * INT64_C(1000000) + used.tv_nsec / 1000);
    gauge(out, "process_resident_memory_bytes", "Resident memory.", statm_bytes(1));
    gauge(out, "process_virtual_memory_bytes", "Mapped memory.", statm_bytes(0));
    gauge(out, "process_open_fds", "Open descriptors.", open_descriptors());
    gauge(out, "process_max_fds", "Descriptors that may be open.", files.rlim_cur);
}

static void write_process(const struct rs_daemon *daemon, struct rs_buf *out)
{
    const struct rs_label version[] = {{"version", RS_VERSION}, {NULL, NULL}};

    rs_metrics_family(out, "rollstat_build_info", RS_METRIC_GAUGE, "Version.");
    rs_metrics_integer(out, "rollstat_build_info", version, 1);
    write_usage(out);
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
    write_durations(&scrape);
    write_delays(scrape.daemon, body);
    write_kafka(&scrape);
    write_rejected(scrape.daemon, body);
    write_rules(scrape.daemon, body);
    write_dead_letters(scrape.daemon, body);
    write_log(scrape.daemon, body);
    write_redis(&scrape);
    write_registry(&scrape);
    return 200;
}
