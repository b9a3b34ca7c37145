/* The end of the daemon. Libraries wait while they are closed, for brokers that may be away: that is left to
 * a thread of its own, while the control thread serves pages, watchdog and signals on, the pages as they were
 * last. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/thread.h"
#include "transform/daemon/internal.h"

#define SECOND_US            INT64_C(1000000)
#define SINK_STOP_US         (2 * SECOND_US)
#define DEAD_LETTERS_STOP_US (5 * SECOND_US)
#define LOG_STOP_US          (2 * SECOND_US)
#define GROUP_CLOSE_MS       5000
#define CLOSE_WITHIN_US      (20 * SECOND_US)
#define TURN_MS              100
#define EXIT_HURRIED         RS_EXIT_ENVIRONMENT

/* ---- pages ---- */

static int (*const writers[RS_DAEMON_PAGES])(void *ctx, struct rs_buf *body) = {
    rs_page_metrics, rs_page_livez, rs_page_readyz, rs_page_status};

static int serve(struct rs_daemon *daemon, size_t page, struct rs_buf *body)
{
    const struct rs_daemon_page *kept = &daemon->pages[page];

    if (!daemon->closing) {
        return writers[page](daemon, body);
    }
    rs_buf_put(body, kept->body.data, kept->body.size);
    return kept->status;
}

static int serve_metrics(void *ctx, struct rs_buf *body)
{
    return serve(ctx, 0, body);
}

static int serve_livez(void *ctx, struct rs_buf *body)
{
    return serve(ctx, 1, body);
}

static int serve_readyz(void *ctx, struct rs_buf *body)
{
    return serve(ctx, 2, body);
}

static int serve_status(void *ctx, struct rs_buf *body)
{
    return serve(ctx, 3, body);
}

const struct rs_http_page rs_daemon_pages[RS_DAEMON_PAGES] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", "numbers for Prometheus", serve_metrics},
    {"/livez", "text/plain; charset=utf-8", "200 while every worker makes progress", serve_livez},
    {"/readyz", "text/plain; charset=utf-8", "200 while all is well, else what is not and how to mend it",
     serve_readyz},
    {"/status", "application/json", "all of it: partitions, streams, workers, Kafka, Redis, problems",
     serve_status},
};

/* What they are made of is about to be freed by another thread. */
static void keep_pages(struct rs_daemon *daemon)
{
    for (size_t i = 0; i < RS_DAEMON_PAGES; i++) {
        daemon->pages[i].status = writers[i](daemon, &daemon->pages[i].body);
    }
}

/* ---- the watchdog ---- */

/* Fed only while every worker steps; that it is fed at all shows that the control loop turns. */
void rs_daemon_feed_watchdog(struct rs_daemon *daemon, bool alive)
{
    int64_t now = rs_clock_mono(daemon->clock);

    if (daemon->watchdog_us == 0 || now - daemon->fed_us < daemon->watchdog_us / 8) {
        return;
    }
    daemon->fed_us = now;
    if (alive) {
        rs_notify_passing(&daemon->notify, "WATCHDOG=1");
    } else {
        rs_log(RS_LOG_ERROR, "a worker makes no progress: the watchdog is not fed");
    }
}

/* ---- closing ---- */

static void join_workers(struct rs_daemon *daemon)
{
    for (uint32_t i = 0; daemon->workers && i < daemon->settings->workers; i++) {
        if (daemon->workers[i].started) {
            rs_worker_stop(daemon->workers[i].worker);
            (void)pthread_join(daemon->workers[i].thread, NULL);
        }
    }
}

/* Workers first, who feed all others. Then each has its own time to hand over what it still holds. */
static void stop_all(struct rs_daemon *daemon)
{
    join_workers(daemon);
    rs_daemon_stop_log(daemon, LOG_STOP_US);
    if (daemon->source) {
        rs_kafka_source_close(daemon->source, GROUP_CLOSE_MS);
    }
    size_t unsent =
        !daemon->dead_letters ? 0 : rs_dead_letters_stop(daemon->dead_letters, DEAD_LETTERS_STOP_US);
    if (unsent > 0) {
        rs_log(RS_LOG_WARNING, "%zu dead letters were not acknowledged; their records will be read again",
               unsent);
    }
    if (daemon->sink) {
        (void)rs_redis_sink_stop(daemon->sink, SINK_STOP_US);
    }
}

static void free_all(struct rs_daemon *daemon)
{
    for (uint32_t i = 0; daemon->workers && i < daemon->settings->workers; i++) {
        rs_worker_free(&daemon->workers[i].worker);
    }
    rs_registry_free(&daemon->registry);
    rs_kafka_source_free(&daemon->source);
    rs_dead_letters_free(&daemon->dead_letters);
    rs_redis_sink_free(&daemon->sink);
    rs_daemon_free_log(daemon);
    rs_buf_fini(&daemon->health.lines);
    free(daemon->workers);
    free(daemon->watches);
    while (daemon->refused_count > 0) {
        free(daemon->refused_topics[--daemon->refused_count]);
    }
    daemon->workers = NULL;
}

struct closer {
    struct rs_daemon *daemon;
    int done_fd;
};

static void *close_parts(void *argument)
{
    const struct closer *closer = argument;

    stop_all(closer->daemon);
    free_all(closer->daemon);
    rs_wake(closer->done_fd);
    return NULL;
}

static bool was_told_to_end(struct rs_daemon *daemon)
{
    struct signalfd_siginfo info;
    bool told = false;

    while (read(daemon->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        told = told || info.ssi_signo != SIGHUP;
        if (info.ssi_signo == SIGHUP) {
            rs_daemon_reload_want(daemon);
        }
    }
    return told;
}

/* Whatever a library waits for while it is closed: a second signal, or CLOSE_WITHIN_US, ends the process. All
 * that has to last is sealed or not by then. */
static void serve_until_closed(struct rs_daemon *daemon, const struct closer *closer)
{
    int64_t by_us = rs_clock_mono(daemon->clock) + CLOSE_WITHIN_US;
    struct pollfd fds[] = {
        {.fd = closer->done_fd, .events = POLLIN},
        {.fd = daemon->signal_fd, .events = POLLIN},
        {.fd = daemon->http ? rs_http_fd(daemon->http) : -1, .events = POLLIN},
    };

    for (;;) {
        (void)poll(fds, sizeof fds / sizeof fds[0], TURN_MS);
        rs_notify_turn(&daemon->notify);
        if ((fds[0].revents & POLLIN) != 0) {
            return;
        }
        bool again = (fds[1].revents & POLLIN) != 0 && was_told_to_end(daemon);
        if (again && (rs_daemon_reload_forget(daemon) || !daemon->stopping)) { /* the first such signal */
            daemon->told_to_end = true;
            again = false;
        }
        if (again || rs_clock_mono(daemon->clock) >= by_us) {
            rs_log(RS_LOG_WARNING,
                   again ? "second signal: ending at once" : "closing takes too long: ending at once");
            _exit(EXIT_HURRIED);
        }
        if (daemon->http) {
            rs_http_run(daemon->http);
        }
        rs_daemon_feed_watchdog(daemon, true);
    }
}

/* Without a thread it is closed all the same, and nothing is served meanwhile. */
static void close_on_thread(struct rs_daemon *daemon)
{
    struct closer closer = {.daemon = daemon};
    struct rs_error ignored;
    pthread_t thread;

    if (rs_wake_open(&closer.done_fd, &ignored) != 0 ||
        rs_thread_start(&thread, close_parts, &closer, "closing", &ignored) != 0) {
        stop_all(daemon);
        free_all(daemon);
    } else {
        serve_until_closed(daemon, &closer);
        (void)pthread_join(thread, NULL);
    }
    rs_wake_close(&closer.done_fd);
}

/* Closing goes on in a thread while this one keeps serving the pages, as they were last, and the watchdog. */
void rs_daemon_close(struct rs_daemon *daemon)
{
    bool complete = daemon->workers && daemon->source && daemon->dead_letters && daemon->sink;

    for (uint32_t i = 0; complete && i < daemon->settings->workers; i++) {
        complete = daemon->workers[i].worker != NULL;
    }
    if (complete) {
        keep_pages(daemon);
    } else {
        rs_http_free(&daemon->http); /* they have nothing to say */
    }
    daemon->closing = true;
    close_on_thread(daemon);
    rs_http_free(&daemon->http);
    for (size_t i = 0; i < RS_DAEMON_PAGES; i++) {
        rs_buf_fini(&daemon->pages[i].body);
    }
}
