/* The daemon's life: building the parts, the control loop, signals, systemd, an orderly end. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/thread.h"
#include "transform/daemon/internal.h"

#define SECOND_US             INT64_C(1000000)
#define JOIN_WAIT_US          (20 * SECOND_US)
#define LEAVE_WITHIN_US       (3 * SECOND_US) /* of a group's rebalance timeout, 45 s by default */
#define OTHER_MEMBERS_WAIT_US (SECOND_US / 2)
#define HAND_OVER_US          (2 * SECOND_US)  /* librdkafka lets a member join once a second */
#define STOP_WITHIN_US        (10 * SECOND_US) /* workers; below systemd's 90 s together with the rest */
#define GROUP_CLOSE_MS        5000
#define LETTERS_BYTES         ((size_t)16 << 20)
#define BATCHES               8
#define BATCH_BYTES           (120 * 1024) /* with an operation more it still fits a buffer of 128 KiB */
#define CONTROL_MS            100
#define EXIT_HURRIED          RS_EXIT_ENVIRONMENT

/* ---- building ---- */

static int open_sink(struct rs_daemon *daemon, struct rs_error *error)
{
    struct rs_redis_sink_options options = {
        .config = &daemon->settings->redis,
        .workers = daemon->settings->workers,
        .clock = daemon->clock,
        .report = rs_report_to_log(),
        .group = daemon->settings->streams->group,
    };

    options.metas = rs_engine_metas(daemon->settings->engine, &options.meta_count);
    return rs_redis_sink_new(&options, &daemon->sink, error);
}

static int open_dead_letters(struct rs_daemon *daemon, struct rs_error *error)
{
    const struct rs_streams *streams = daemon->settings->streams;
    size_t room = rs_streams_room(streams);
    const char **topics = calloc(2 * room, sizeof(const char *));

    if (!topics) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    rd_kafka_conf_t *conf = NULL;
    int rc = rs_settings_kafka(daemon->settings, &conf, error);
    if (rc != 0) {
        free(topics);
        return rc;
    }
    for (size_t i = 0; i < streams->count; i++) {
        topics[i] = streams->items[i].dead_letters ? streams->items[i].dead_letter_topic : NULL;
        topics[room + i] = streams->items[i].topic;
    }
    const struct rs_dead_letters_options options = {
        .conf = conf,
        .topics = topics,
        .input_topics = topics + room,
        .streams = room,
        .max_bytes = LETTERS_BYTES,
        .replication_factor = daemon->settings->replication_factor,
        .clock = daemon->clock,
        .report = rs_report_to_log(),
    };
    rc = rs_dead_letters_new(&options, &daemon->dead_letters, error);
    free(topics);
    return rc;
}

static int open_registry(struct rs_daemon *daemon, struct rs_error *error)
{
    const struct rs_registry_options options = {
        .config = &daemon->settings->streams->schema_registry,
        .clock = daemon->clock,
        .report = rs_report_to_log(),
    };

    if (options.config->url_count == 0) {
        return 0;
    }
    int rc = rs_registry_new(&options, &daemon->registry, error);
    if (rc != 0) {
        return rc;
    }
    const struct rs_registry_asker asker = rs_registry_asker(daemon->registry);
    return rs_engine_learn(daemon->settings->engine, &asker, rs_report_to_log(), error);
}

static int open_source(struct rs_daemon *daemon, struct rs_error *error)
{
    const struct rs_kafka_source_options options = {
        .streams = daemon->settings->streams,
        .kafka = daemon->settings->kafka,
        .workers = daemon->settings->workers,
        .topic_seen = rs_daemon_topic_seen,
        .topic_ctx = daemon,
        .clock = daemon->clock,
        .report = rs_report_to_log(),
    };

    return rs_kafka_source_new(&options, &daemon->source, error);
}

static int open_worker(struct rs_daemon *daemon, uint32_t index, struct rs_error *error)
{
    const struct rs_settings *settings = daemon->settings;
    const struct rs_worker_options options = {
        .index = index,
        .engine = settings->engine,
        .streams = settings->streams,
        .source = rs_kafka_source_table(daemon->source),
        .sink = rs_redis_sink_table(daemon->sink),
        .dead_letters = rs_dead_letters_table(daemon->dead_letters),
        .log = rs_daemon_log(daemon),
        .clock = daemon->clock,
        .prefix = settings->redis.prefix,
        .publish_every_us = settings->redis.publish_every_us,
        .commit_every_us = settings->commit_every_us,
        .memory_limit = (uint64_t)settings->memory_limit / settings->workers,
        .history_limit = (uint64_t)settings->history_limit / settings->workers + 1,
        .batches = BATCHES,
        .batch_bytes = BATCH_BYTES,
        .leave_within_us = LEAVE_WITHIN_US,
        .report = rs_report_to_log(),
    };

    return rs_worker_new(&options, &daemon->workers[index].worker, error);
}

static int open_http(struct rs_daemon *daemon, struct rs_error *error)
{
    const struct rs_http_options options = {
        .listen = daemon->settings->http_listen,
        .pages = rs_daemon_pages,
        .page_count = RS_DAEMON_PAGES,
        .ctx = daemon,
    };

    if (!options.listen) {
        return 0;
    }
    int rc = rs_http_new(&options, &daemon->http, error);
    if (rc == RS_EIO) {
        return rs_error_prefix(error, "choose another address with http: {listen: HOST:PORT}, or http: off");
    }
    return rc;
}

/* Before any thread is made, so that all of them inherit the mask. */
static int open_signals(struct rs_daemon *daemon, struct rs_error *error)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGPIPE); /* a peer that hung up shows in the result of the write */
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0) {
        return rs_fail(error, RS_EIO, "signals cannot be blocked");
    }
    sigdelset(&signals, SIGPIPE);
    daemon->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (daemon->signal_fd < 0) {
        return rs_fail(error, RS_EIO, "no descriptor for signals: %s", strerrordesc_np(errno));
    }
    return 0;
}

static void *worker_main(void *argument)
{
    rs_worker_run(argument);
    return NULL;
}

static int start_workers(struct rs_daemon *daemon, struct rs_error *error)
{
    for (uint32_t i = 0; i < daemon->settings->workers; i++) {
        struct rs_daemon_worker *worker = &daemon->workers[i];
        worker->seen_us = rs_clock_mono(daemon->clock);
        int rc = rs_thread_start(&worker->thread, worker_main, worker->worker, "a worker", error);
        if (rc != 0) {
            return rc;
        }
        worker->started = true;
    }
    return 0;
}

/* Signals are blocked before there is any thread, and workers come last, who use all the others. */
static int open_all(struct rs_daemon *daemon, struct rs_error *error)
{
    daemon->workers = calloc(daemon->settings->workers, sizeof *daemon->workers);
    if (!daemon->workers) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    int rc = open_signals(daemon, error);
    if (rc == 0) {
        rc = open_http(daemon, error);
    }
    if (rc == 0) {
        rc = rs_daemon_open_log(daemon, error);
    }
    if (rc == 0) {
        rc = open_sink(daemon, error);
    }
    if (rc == 0) {
        rc = open_dead_letters(daemon, error);
    }
    if (rc == 0) {
        rc = open_registry(daemon, error);
    }
    if (rc == 0) {
        rc = open_source(daemon, error);
    }
    for (uint32_t i = 0; rc == 0 && i < daemon->settings->workers; i++) {
        rc = open_worker(daemon, i, error);
    }
    return rc == 0 ? start_workers(daemon, error) : rc;
}

/* ---- health ---- */

static void watch_workers(struct rs_daemon *daemon)
{
    int64_t now = rs_clock_mono(daemon->clock);

    for (uint32_t i = 0; i < daemon->settings->workers; i++) {
        struct rs_daemon_worker *worker = &daemon->workers[i];
        uint64_t steps = rs_worker_progress(worker->worker);
        if (steps != worker->seen_steps || rs_worker_stopped(worker->worker)) {
            worker->seen_steps = steps;
            worker->seen_us = now;
        }
    }
}

static void add_totals(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    struct rs_daemon_totals *totals = ctx;

    totals->memory_bytes += snapshot->memory_bytes;
    for (size_t i = 0; i < snapshot->partition_count; i++) {
        const struct rs_worker_partition_status *partition = &snapshot->partitions[i];
        totals->partitions++;
        totals->groups += partition->state.groups;
        totals->consumed += partition->state.events.consumed;
        totals->lag += partition->lag > 0 ? (uint64_t)partition->lag : 0;
    }
}

void rs_daemon_totals(const struct rs_daemon *daemon, struct rs_daemon_totals *out)
{
    *out = (struct rs_daemon_totals){0};
    for (uint32_t i = 0; i < daemon->settings->workers; i++) {
        rs_worker_snapshot(daemon->workers[i].worker, add_totals, out);
    }
}

/* The names in Redis are the group's in this Kafka cluster. Its id comes with the first metadata. */
static void pass_on_cluster(struct rs_daemon *daemon)
{
    char cluster[RS_KAFKA_CLUSTER_MAX];

    if (!daemon->cluster_passed_on && rs_kafka_source_cluster(daemon->source, cluster)) {
        daemon->cluster_passed_on = true;
        rs_redis_sink_cluster(daemon->sink, cluster);
    }
}

/* ---- systemd ---- */

static void notify_status(struct rs_daemon *daemon)
{
    struct rs_daemon_totals totals;
    const struct rs_daemon_health *health = rs_daemon_health(daemon);

    rs_daemon_totals(daemon, &totals);
    rs_notify_passing(&daemon->notify,
                      "STATUS=%s%s; %" PRIu64 " partitions, %" PRIu64 " groups, %" PRIu64
                      " events consumed, lag %" PRIu64,
                      health->ready ? "running" : "not ready: ", health->summary, totals.partitions,
                      totals.groups, totals.consumed, totals.lag);
}

/* Once a second, or four times in the watchdog's time, so that one turn that is late does not starve it. */
static void housekeeping(struct rs_daemon *daemon)
{
    int64_t now = rs_clock_mono(daemon->clock);

    if (now < daemon->housekeeping_us) {
        return;
    }
    daemon->housekeeping_us = now + SECOND_US;
    if (daemon->watchdog_us > 0 && daemon->watchdog_us / 4 < SECOND_US) {
        daemon->housekeeping_us = now + daemon->watchdog_us / 4;
    }
    watch_workers(daemon);
    rs_daemon_report_restoring(daemon);
    rs_daemon_report_health(daemon);
    rs_daemon_report_outcomes(daemon);
    notify_status(daemon);
    rs_daemon_feed_watchdog(daemon, rs_daemon_alive(daemon, daemon->watchdog_us / 2));
}

/* ---- signals ---- */

static void enter(struct rs_daemon *daemon, enum rs_daemon_stop_phase phase, int64_t within_us)
{
    daemon->stop.phase = phase;
    daemon->stop.phase_by_us = rs_clock_mono(daemon->clock) + within_us;
}

static void begin_stop(struct rs_daemon *daemon, const char *why)
{
    rs_log(RS_LOG_INFO, "stopping: %s", why);
    if (!daemon->reload.under_way) {
        rs_notify_state(&daemon->notify, "STOPPING=1");
    }
    daemon->stopping = true;
    daemon->stop.by_us = rs_clock_mono(daemon->clock) + OTHER_MEMBERS_WAIT_US + HAND_OVER_US + STOP_WITHIN_US;
    enter(daemon, RS_DAEMON_ASKING, OTHER_MEMBERS_WAIT_US);
    rs_kafka_source_ask_other_members(daemon->source);
}

static void stop_workers(struct rs_daemon *daemon)
{
    enter(daemon, RS_DAEMON_ENDING, STOP_WITHIN_US);
    for (uint32_t i = 0; i < daemon->settings->workers; i++) {
        rs_worker_stop(daemon->workers[i].worker);
    }
}

/* One step after the other, none of which waits. Where nobody says whether there are others, there may be. */
static void go_on_stopping(struct rs_daemon *daemon)
{
    struct rs_kafka_source_status source;
    enum rs_other_members other_members = rs_kafka_source_other_members(daemon->source);
    bool late = rs_clock_mono(daemon->clock) >= daemon->stop.phase_by_us;

    rs_kafka_source_status(daemon->source, &source);
    if (daemon->stop.phase == RS_DAEMON_ASKING && other_members == RS_OTHER_MEMBERS_NONE) {
        stop_workers(daemon);
    } else if (daemon->stop.phase == RS_DAEMON_ASKING &&
               (other_members == RS_OTHER_MEMBERS_POSSIBLE || late)) {
        rs_log(RS_LOG_INFO, "leaving the group; what others take over is served until they have it");
        enter(daemon, RS_DAEMON_HANDING_OVER, HAND_OVER_US);
        rs_kafka_source_leave(daemon->source, GROUP_CLOSE_MS);
    } else if (daemon->stop.phase == RS_DAEMON_HANDING_OVER && (late || source.partitions == 0)) {
        stop_workers(daemon);
    }
}

/* A reload that is under way becomes an end. Another one while parts end for the first comes when the new ones run: the
 * file may have changed since the first one read it. */
static void on_signal(struct rs_daemon *daemon, uint32_t number)
{
    if (number == SIGHUP) {
        rs_daemon_reload_want(daemon);
    } else if (rs_daemon_reload_forget(daemon)) {
        return;
    } else if (daemon->stopping) {
        rs_log(RS_LOG_WARNING, "second signal: ending at once");
        _exit(EXIT_HURRIED);
    } else {
        begin_stop(daemon, number == SIGINT ? "interrupted" : "terminated");
    }
}

static void serve_signals(struct rs_daemon *daemon)
{
    struct signalfd_siginfo info;

    while (read(daemon->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        on_signal(daemon, info.ssi_signo);
    }
}

/* A consumer that has not joined its group yet cannot be ended by older versions of librdkafka, and would stay beside the
 * next one (rs_kafka_member_free): joining is waited for, where brokers let it. */
static void serve_reload(struct rs_daemon *daemon)
{
    struct rs_kafka_source_status source;

    if (daemon->reload.wanted_us == 0 || daemon->stopping) {
        return;
    }
    rs_kafka_source_status(daemon->source, &source);
    if (!source.joined && rs_clock_mono(daemon->clock) - daemon->reload.wanted_us < JOIN_WAIT_US) {
        return;
    }
    daemon->reload.wanted_us = 0;
    if (rs_daemon_reload(daemon)) {
        begin_stop(daemon, "for the new configuration");
    }
}

/* ---- the control loop ---- */

static void turn(struct rs_daemon *daemon)
{
    struct pollfd fds[] = {
        {.fd = daemon->signal_fd, .events = POLLIN},
        {.fd = rs_kafka_source_fd(daemon->source), .events = POLLIN},
        {.fd = daemon->http ? rs_http_fd(daemon->http) : -1, .events = POLLIN},
    };

    (void)poll(fds, sizeof fds / sizeof fds[0], CONTROL_MS);
    serve_signals(daemon);
    serve_reload(daemon);
    rs_kafka_source_poll(daemon->source);
    pass_on_cluster(daemon);
    if (daemon->http) {
        rs_http_run(daemon->http);
    }
    rs_notify_turn(&daemon->notify);
    housekeeping(daemon);
}

static bool all_stopped(const struct rs_daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->settings->workers; i++) {
        if (!rs_worker_stopped(daemon->workers[i].worker)) {
            return false;
        }
    }
    return true;
}

/* Returns the exit code. */
static int control(struct rs_daemon *daemon)
{
    int code = RS_EXIT_OK;

    /* Started means: the configuration is accepted, all threads run, and the pages are served. Kafka and
     * Redis may be away: they are waited for, however long that takes, and nothing that systemd starts waits
     * with us. What is awaited say the status line and /readyz. */
    rs_notify_state(&daemon->notify, "READY=1");
    while (!daemon->stopping || !all_stopped(daemon)) {
        struct rs_kafka_source_status status;
        turn(daemon);
        rs_kafka_source_status(daemon->source, &status);
        if (status.fatal && !daemon->stopping) {
            code = RS_EXIT_USAGE; /* of all that is fatal to a consumer, an id used twice is what can happen
                                     here */
            begin_stop(daemon, status.fatal);
        }
        if (daemon->stopping) {
            go_on_stopping(daemon);
        }
        if (daemon->stopping && rs_clock_mono(daemon->clock) >= daemon->stop.by_us) {
            rs_log(RS_LOG_ERROR, "a worker does not stop: ending without it");
            _exit(EXIT_HURRIED);
        }
    }
    return code;
}

/* One configuration: its parts begin, run, and have ended. *opened: they all began. */
static int run_parts(struct rs_daemon *daemon, bool *opened, struct rs_error *error)
{
    const struct rs_settings *settings = daemon->settings;
    int rc = open_all(daemon, error);

    *opened = rc == 0;
    if (rc == 0) {
        rs_log(RS_LOG_INFO, "rollstat %s: %zu stream%s, %" PRIu32 " worker%s, group %s", RS_VERSION,
               settings->streams->named, settings->streams->named == 1 ? "" : "s", settings->workers,
               settings->workers == 1 ? "" : "s", settings->streams->group);
        rs_daemon_reload_applied(daemon);
        rc = control(daemon);
    }
    rs_daemon_close(daemon);
    return rc;
}

/* All but what outlives a reload. */
static void begin_anew(struct rs_daemon *daemon, const struct rs_settings *settings,
                       const struct rs_daemon_options *options)
{
    const struct rs_daemon kept = *daemon;

    if (kept.options && kept.signal_fd >= 0) {
        (void)close(kept.signal_fd);
    }
    *daemon = (struct rs_daemon){
        .settings = settings,
        .options = options,
        .clock = rs_clock_system(),
        .started_us = kept.started_us,
        .watchdog_us = kept.watchdog_us,
        .fed_us = kept.fed_us,
        .notify = kept.notify,
        .reload = kept.reload,
        .signal_fd = -1,
    };
    rs_log_set_form(settings->log_form);
    if (!options->has_level) {
        rs_log_set_level(settings->log_level);
    }
}

int rs_daemon_run(struct rs_settings *settings, const struct rs_daemon_options *options,
                  struct rs_error *error)
{
    static struct rs_daemon daemon; /* larger than a stack likes */
    uint64_t watchdog_us = 0;
    bool opened = false;
    int rc;

    daemon.started_us = rs_clock_wall(rs_clock_system());
    if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
        daemon.watchdog_us = (int64_t)watchdog_us;
    }
    for (;;) {
        begin_anew(&daemon, settings, options);
        rc = run_parts(&daemon, &opened, error);
        if (daemon.reload.under_way) {
            rs_daemon_reload_swap(&daemon, settings);
        } else if (!opened && daemon.reload.former.document) {
            rs_daemon_reload_failed(&daemon, settings, error);
            if (daemon.told_to_end) {
                rc = RS_EXIT_OK;
                break;
            }
        } else {
            break;
        }
    }
    rs_buf_fini(&daemon.reload.lines);
    if (rc >= 0) {
        rs_log(RS_LOG_INFO, "stopped");
    }
    return rc;
}
