/* rollstatd daemon: the running parts, as the control loop and the pages see them. Private to
 * transform/rollstatd_*.c. */
#ifndef RS_TRANSFORM_ROLLSTATD_DAEMON_H
#define RS_TRANSFORM_ROLLSTATD_DAEMON_H

#include <pthread.h>

#include "base/http.h"
#include "ingest/kafka_source.h"
#include "sink/dead_letters.h"
#include "sink/redis_sink.h"
#include "transform/rollstatd.h"
#include "transform/state_log.h"
#include "transform/worker.h"

struct rs_daemon_worker {
    struct rs_worker *worker;
    pthread_t thread;
    bool started;
    uint64_t seen_steps; /* at the last look */
    int64_t seen_us;     /* when they last grew; monotonic */
};

struct rs_daemon {
    const struct rs_settings *settings;
    const char *path;
    const struct rs_clock *clock;
    int64_t started_us; /* wall */
    struct rs_memory_log *log;
    struct rs_redis_sink *sink;
    struct rs_dead_letters *letters;
    struct rs_kafka_source *source;
    struct rs_daemon_worker *workers; /* settings->workers of them */
    struct rs_http *http;             /* NULL: off */
    int signal_fd;
    bool stopping;
    bool notified_ready;
    int64_t stop_by_us;
    int64_t watchdog_us;     /* WATCHDOG_USEC; 0: none */
    int64_t housekeeping_us; /* next turn of it */
};

/* No worker has been silent for longer than `within_us`. */
bool rs_daemon_alive(const struct rs_daemon *daemon, int64_t within_us);
/* Joined, topics there, brokers and Redis reached. `why` is set when not. */
bool rs_daemon_ready(struct rs_daemon *daemon, const char **why);

/* What the line under `systemctl status` and the pages add up. */
struct rs_daemon_totals {
    uint64_t partitions, groups, lag, consumed, memory_bytes;
};
void rs_daemon_totals(const struct rs_daemon *daemon, struct rs_daemon_totals *out);

/* Pages: rollstatd_pages.c, rollstatd_status.c. `ctx` is the daemon. */
int rs_page_metrics(void *ctx, struct rs_buf *body);
int rs_page_livez(void *ctx, struct rs_buf *body);
int rs_page_readyz(void *ctx, struct rs_buf *body);
int rs_page_status(void *ctx, struct rs_buf *body);
#define RS_DAEMON_STUCK_US                                                                                   \
    (10 * INT64_C(1000000)) /* a worker that has not stepped for so long does not live */

#endif
