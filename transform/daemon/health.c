/* Is the daemon ready, and if not, why: one list of problems, which /readyz, /status, the metrics, the log
 * and the line under `systemctl status` all read. What a partition does is its worker's judgement
 * (worker/health.c); what concerns all of them is added here. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "transform/daemon/internal.h"

bool rs_daemon_alive(const struct rs_daemon *daemon, int64_t within_us)
{
    int64_t now = rs_clock_mono(daemon->clock);

    for (uint32_t i = 0; i < daemon->settings->workers; i++) {
        if (now - daemon->workers[i].seen_us > within_us) {
            return false;
        }
    }
    return true;
}

/* Two walks over the snapshots, so that what stopped comes before what waits. */
struct walk {
    struct rs_daemon *daemon;
    struct rs_daemon_health *health;
    enum rs_health wanted;
    int64_t now_us;
    uint64_t restoring;
    char first[RS_ERROR_TEXT_MAX];
};

static void add(struct rs_daemon_health *health, const char *format, ...) RS_PRINTF(2, 3);

static void add(struct rs_daemon_health *health, const char *format, ...)
{
    char text[RS_ERROR_TEXT_MAX + 128];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (health->count == 0) {
        memcpy(health->summary, text, sizeof text);
    }
    if (health->count++ < RS_DAEMON_PROBLEMS) {
        rs_buf_text(&health->lines, text);
        rs_buf_char(&health->lines, '\n');
    }
}

/* How many partitions, and in the summary why the first of them. */
static void headline(struct rs_daemon_health *health, const char *before, uint64_t some, uint64_t all,
                     const char *after, const char *why)
{
    bool first = health->count == 0;

    add(health, "%s%" PRIu64 " of %" PRIu64 " partitions%s", before, some, all, after);
    if (first && why[0] != '\0') {
        size_t used = strlen(health->summary);
        (void)snprintf(health->summary + used, sizeof health->summary - used, ": %s", why);
    }
}

/* ---- what concerns all partitions ---- */

static void add_kafka(const struct rs_daemon *daemon, const struct rs_kafka_source_status *source,
                      struct rs_daemon_health *health)
{
    const struct rs_streams *streams = daemon->settings->streams;

    if (source->brokers_down) {
        add(health, "waiting for Kafka at %s", source->brokers_why);
    }
    for (size_t i = 0; source->topics_missing && i < streams->count; i++) {
        if (rs_kafka_source_topic_missing(daemon->source, i)) {
            add(health,
                "stream %s: topic %s does not exist. Create it with: kafka-topics.sh --bootstrap-server "
                "HOST:PORT "
                "--create --topic %s --partitions N",
                streams->items[i].name, streams->items[i].topic, streams->items[i].topic);
        }
    }
    for (size_t i = 0; i < streams->named; i++) {
        if (rs_kafka_source_finds_none(daemon->source, i)) {
            add(health, "stream %s: there is no topic yet that matches /%s/, and that this user may describe",
                streams->items[i].name, streams->items[i].pattern_text);
        }
    }
    if (!source->joined && !source->brokers_down) {
        add(health, "has not joined the consumer group yet");
    }
}

static void add_redis(const struct rs_daemon *daemon, struct rs_daemon_health *health)
{
    struct rs_redis_status sink;

    rs_redis_sink_status(daemon->sink, &sink);
    if (!sink.connected) {
        add(health, "Redis cannot be reached%s%s", sink.last_error[0] != '\0' ? ": " : "", sink.last_error);
    }
}

static void add_dead_letters(const struct rs_daemon *daemon, struct rs_daemon_health *health)
{
    struct rs_dead_letters_status letters;

    rs_dead_letters_status(daemon->dead_letters, &letters);
    if (letters.topics_missing > 0) {
        add(health, "a dead-letter topic does not exist; the log and /status say how to make it");
    } else if (letters.failing) {
        add(health, "dead letters cannot be written, and their partitions wait; see /status");
    } else if (letters.stalled) {
        add(health, "dead letters have had no answer for a while, and their partitions wait");
    }
}

/* ---- partitions ---- */

static bool counts(const struct walk *walk, const struct rs_worker_partition_status *status)
{
    return status->health == RS_HEALTH_STOPPED || !walk->daemon->was_ready ||
           walk->now_us - status->since_us >= RS_DAEMON_WAIT_US;
}

static void look_at(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    struct walk *walk = ctx;

    for (size_t i = 0; i < snapshot->partition_count; i++) {
        const struct rs_worker_partition_status *status = &snapshot->partitions[i];
        bool restoring = status->waits_for == RS_WAITING_CLAIM || status->waits_for == RS_WAITING_RESTORE;
        walk->health->partitions++;
        if (status->health != walk->wanted || !counts(walk, status)) {
            continue;
        }
        if (walk->first[0] == '\0') {
            memcpy(walk->first, status->why, sizeof walk->first);
        }
        walk->restoring += restoring ? 1 : 0;
        *(status->health == RS_HEALTH_STOPPED ? &walk->health->stopped : &walk->health->waiting) += 1;
    }
}

static void list(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    struct walk *walk = ctx;

    for (size_t i = 0; i < snapshot->partition_count; i++) {
        const struct rs_worker_partition_status *status = &snapshot->partitions[i];
        if (status->health == walk->wanted && counts(walk, status)) {
            add(walk->health, "%s", status->why);
        }
    }
}

static void each_worker(const struct rs_daemon *daemon, struct walk *walk,
                        void (*read)(void *ctx, const struct rs_worker_snapshot *snapshot))
{
    for (uint32_t i = 0; i < daemon->settings->workers; i++) {
        rs_worker_snapshot(daemon->workers[i].worker, read, walk);
    }
}

static void add_stopped(struct rs_daemon *daemon, struct rs_daemon_health *health)
{
    struct walk walk = {.daemon = daemon, .health = health, .wanted = RS_HEALTH_STOPPED};

    health->partitions = 0;
    each_worker(daemon, &walk, look_at);
    if (health->stopped > 0) {
        headline(health, "", health->stopped, health->partitions, " stopped", walk.first);
    }
    each_worker(daemon, &walk, list);
}

/* What is assigned and not yet seen by a worker has to be restored, too. */
static void add_waiting(struct rs_daemon *daemon, uint64_t assigned, struct rs_daemon_health *health)
{
    struct walk walk = {.daemon = daemon,
                        .health = health,
                        .wanted = RS_HEALTH_WAITS,
                        .now_us = rs_clock_mono(daemon->clock)};

    health->partitions = 0;
    each_worker(daemon, &walk, look_at);
    uint64_t unseen = assigned > health->partitions && !daemon->was_ready ? assigned - health->partitions : 0;
    if (walk.restoring + unseen > 0) {
        headline(health, "restoring ", walk.restoring + unseen, health->partitions + unseen, "", walk.first);
    } else if (health->waiting > 0) {
        headline(health, "", health->waiting, health->partitions, " wait", walk.first);
    }
    each_worker(daemon, &walk, list);
}

const struct rs_daemon_health *rs_daemon_health(struct rs_daemon *daemon)
{
    struct rs_daemon_health *health = &daemon->health;
    struct rs_kafka_source_status source;
    struct rs_buf lines = health->lines;

    rs_buf_reset(&lines);
    *health = (struct rs_daemon_health){.lines = lines};
    rs_kafka_source_status(daemon->source, &source);
    if (daemon->stopping) {
        add(health, "stopping");
    }
    add_kafka(daemon, &source, health);
    add_stopped(daemon, health);
    add_redis(daemon, health);
    add_dead_letters(daemon, health);
    add_waiting(daemon, source.partitions, health);
    health->ready = health->count == 0;
    daemon->was_ready = daemon->was_ready || health->ready;
    return health;
}

/* ---- the log ---- */

/* At the start everything waits for a moment, which is not worth a line; what stopped has one of its own. */
void rs_daemon_report_health(struct rs_daemon *daemon)
{
    int64_t now = rs_clock_mono(daemon->clock);
    const struct rs_daemon_health *health = rs_daemon_health(daemon);

    if (health->ready) {
        daemon->not_ready_us = 0;
    } else if (daemon->not_ready_us == 0) {
        daemon->not_ready_us = now;
    }
    if (daemon->stopping) {
        return;
    }
    if (health->ready && (!daemon->reported_ready || daemon->reported_not_ready)) {
        rs_log(RS_LOG_INFO, "ready: joined group %s, %" PRIu64 " partitions restored",
               daemon->settings->streams->group, health->partitions);
        daemon->reported_ready = true;
        daemon->reported_not_ready = false;
    }
    bool lasts = !health->ready && (health->stopped > 0 || now - daemon->not_ready_us >= RS_DAEMON_WAIT_US);
    if (lasts && !daemon->reported_not_ready) {
        const char *end =
            memchr(health->lines.data, '\n', health->lines.size); /* what stopped has told why */
        int size = !end ? 0 : (int)(end - (const char *)health->lines.data);
        rs_log(RS_LOG_WARNING, "not ready: %.*s", size, (const char *)health->lines.data);
        daemon->reported_not_ready = true;
    }
}
