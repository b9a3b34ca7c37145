/* rollstatd daemon: the running parts, as the control loop and the pages see them. Private to
 * transform/rollstatd_*.c. */
#ifndef RS_TRANSFORM_ROLLSTATD_DAEMON_H
#define RS_TRANSFORM_ROLLSTATD_DAEMON_H

#include <pthread.h>

#include "base/http.h"
#include "ingest/kafka_source.h"
#include "sink/dead_letters.h"
#include "sink/redis_sink.h"
#include "transform/durable_log.h"
#include "transform/log_kafka.h"
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
    int64_t started_us;               /* wall */
    struct rs_memory_log *memory_log; /* or, by `state: {log: …}`: */
    struct rs_log_kafka *kafka_log;
    struct rs_durable_log *durable_log;
    char instance[320];     /* host and process, in claims */
    uint64_t *fingerprints; /* by stream, in claims */
    struct rs_redis_sink *sink;
    struct rs_dead_letters *letters;
    struct rs_kafka_source *source;
    struct rs_daemon_worker *workers; /* settings->workers of them */
    struct rs_http *http;             /* NULL: off */
    int signal_fd;
    bool stopping;
    bool notified_ready;
    int64_t hand_over_by_us; /* stopping: until then the workers serve on what others are to claim */
    bool workers_told;       /* to stop */
    int64_t stop_by_us;
    int64_t watchdog_us;       /* WATCHDOG_USEC; 0: none */
    int64_t housekeeping_us;   /* next turn of it */
    int64_t restoring_told_us; /* last line about a long restore; 0: nothing is being restored */
    char why[96];              /* of rs_daemon_ready */
};

/* No worker has been silent for longer than `within_us`. */
bool rs_daemon_alive(const struct rs_daemon *daemon, int64_t within_us);
/* Joined, topics there, brokers and Redis reached, all partitions restored. `why` is set when not. */
bool rs_daemon_ready(struct rs_daemon *daemon, const char **why);

/* What the line under `systemctl status` and the pages add up. */
struct rs_daemon_totals {
    uint64_t partitions, groups, lag, consumed, memory_bytes;
};
void rs_daemon_totals(const struct rs_daemon *daemon, struct rs_daemon_totals *out);

/* ---- the state log: rollstatd_log.c ---- */

int rs_daemon_open_log(struct rs_daemon *daemon, struct rs_error *error);
struct rs_state_log rs_daemon_log(const struct rs_daemon *daemon);
/* After the workers have ended: what they appended is waited for. */
void rs_daemon_stop_log(struct rs_daemon *daemon, int64_t within_us);
void rs_daemon_free_log(struct rs_daemon *daemon);
/* Host and process, for people who read claims. */
void rs_daemon_instance(char *out, size_t size);

struct rs_daemon_restoring {
    uint64_t claiming, partitions; /* partitions: not restored yet, and all that are owned */
    uint64_t records, bytes;       /* of state logs, read so far for those that are being restored */
};
void rs_daemon_restoring(const struct rs_daemon *daemon, struct rs_daemon_restoring *out);
/* A line every few seconds while it goes on. */
void rs_daemon_tell_restoring(struct rs_daemon *daemon);

/* Pages: rollstatd_pages.c, rollstatd_status.c. `ctx` is the daemon. */
int rs_page_metrics(void *ctx, struct rs_buf *body);
int rs_page_livez(void *ctx, struct rs_buf *body);
int rs_page_readyz(void *ctx, struct rs_buf *body);
int rs_page_status(void *ctx, struct rs_buf *body);
#define RS_DAEMON_STUCK_US                                                                                   \
    (10 * INT64_C(1000000)) /* a worker that has not stepped for so long does not live */

#endif
