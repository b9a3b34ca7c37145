/* The daemon's state log: opening and closing it, and how far the partitions are restored. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transform/daemon/internal.h"

#define REPORT_EVERY_US (5 * INT64_C(1000000)) /* lines about a long restore */

void rs_daemon_instance(char *out, size_t size)
{
    char host[256] = "";

    if (gethostname(host, sizeof host - 1) != 0) {
        host[0] = '\0';
    }
    (void)snprintf(out, size, "%s pid %ld", host[0] != '\0' ? host : "a host without name", (long)getpid());
}

static int open_kafka(struct rs_daemon *daemon, struct rs_error *error)
{
    const struct rs_settings *settings = daemon->settings;
    struct rs_kafka_log_options options = {
        .streams = settings->streams,
        .workers = settings->workers,
        .replication_factor = settings->replication_factor,
        .clock = daemon->clock,
        .report = rs_report_to_log(),
    };
    int rc = rs_settings_kafka(settings, &options.conf, error);

    return rc != 0 ? rc : rs_kafka_log_new(&options, &daemon->kafka_log, error);
}

static int take_fingerprints(struct rs_daemon *daemon, struct rs_error *error)
{
    const size_t streams = daemon->settings->streams->count;

    daemon->fingerprints =
        calloc(rs_streams_room(daemon->settings->streams) + 1, sizeof *daemon->fingerprints);
    if (!daemon->fingerprints) {
        return rs_fail(error, RS_ENOMEM, "state log: out of memory");
    }
    for (uint32_t i = 0; i < streams; i++) {
        daemon->fingerprints[i] = rs_engine_fingerprint(daemon->settings->engine, i);
    }
    return 0;
}

static int open_durable(struct rs_daemon *daemon, struct rs_error *error)
{
    rs_daemon_instance(daemon->instance, sizeof daemon->instance);
    int rc = take_fingerprints(daemon, error);
    if (rc != 0) {
        return rc;
    }
    const struct rs_durable_log_options options = {
        .workers = daemon->settings->workers,
        .io = rs_kafka_log_table(daemon->kafka_log),
        .streams = daemon->settings->streams,
        .clock = daemon->clock,
        .instance = daemon->instance,
        .fingerprints = daemon->fingerprints,
        .report = rs_report_to_log(),
    };

    return rs_durable_log_new(&options, &daemon->durable_log, error);
}

int rs_daemon_open_log(struct rs_daemon *daemon, struct rs_error *error)
{
    if (daemon->settings->state_in_memory) {
        return rs_memory_log_new(daemon->settings->workers, daemon->clock, &daemon->memory_log, error);
    }
    int rc = open_kafka(daemon, error);
    return rc == 0 ? open_durable(daemon, error) : rc;
}

struct rs_state_log rs_daemon_log(const struct rs_daemon *daemon)
{
    return daemon->memory_log ? rs_memory_log_table(daemon->memory_log)
                              : rs_durable_log_table(daemon->durable_log);
}

void rs_daemon_stop_log(struct rs_daemon *daemon, int64_t within_us)
{
    size_t unsent = !daemon->kafka_log ? 0 : rs_kafka_log_stop(daemon->kafka_log, within_us);

    if (unsent > 0) {
        rs_log(RS_LOG_WARNING,
               "%zu records of the state log were not acknowledged; whoever takes over reads the input again "
               "from the last seal",
               unsent);
    }
}

void rs_daemon_free_log(struct rs_daemon *daemon)
{
    rs_durable_log_free(&daemon->durable_log);
    rs_kafka_log_free(&daemon->kafka_log);
    rs_memory_log_free(&daemon->memory_log);
    free(daemon->fingerprints);
}

/* ---- restoring ---- */

static void add_partition(struct rs_daemon_restoring *out, const struct rs_worker_partition_status *partition)
{
    const struct rs_state_log_status *log = &partition->log;

    out->partitions++;
    if (partition->phase != RS_PARTITION_CLAIMING) {
        return;
    }
    out->claiming++;
    if (partition->has_log && log->restoring) {
        out->records += log->restored_records;
        out->bytes += log->restored_bytes;
    }
}

static void add_worker(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->partition_count; i++) {
        add_partition(ctx, &snapshot->partitions[i]);
    }
}

void rs_daemon_restoring(const struct rs_daemon *daemon, struct rs_daemon_restoring *out)
{
    struct rs_kafka_source_status source;

    *out = (struct rs_daemon_restoring){0};
    for (uint32_t i = 0; i < daemon->settings->workers; i++) {
        rs_worker_snapshot(daemon->workers[i].worker, add_worker, out);
    }
    /* What is assigned and not yet seen by a worker has to be restored, too. */
    rs_kafka_source_status(daemon->source, &source);
    if (source.partitions > out->partitions) {
        out->claiming += source.partitions - out->partitions;
        out->partitions = source.partitions;
    }
}

void rs_daemon_report_restoring(struct rs_daemon *daemon)
{
    struct rs_daemon_restoring now;
    int64_t time = rs_clock_mono(daemon->clock);

    rs_daemon_restoring(daemon, &now);
    if (now.claiming == 0) {
        daemon->restoring_reported_us = 0;
        return;
    }
    if (daemon->restoring_reported_us == 0) {
        daemon->restoring_reported_us = time; /* a short one is not worth a line */
    }
    if (time - daemon->restoring_reported_us >= REPORT_EVERY_US) {
        daemon->restoring_reported_us = time;
        rs_log(RS_LOG_INFO,
               "restoring %" PRIu64 " of %" PRIu64 " partitions: %" PRIu64 " records, %" PRIu64
               " MiB of their state logs read so far",
               now.claiming, now.partitions, now.records, now.bytes >> 20);
    }
}
