/* rollstatd daemon: the running parts, as the control loop and the pages see them. Private to
 * transform/daemon/. */
#ifndef RS_TRANSFORM_DAEMON_INTERNAL_H
#define RS_TRANSFORM_DAEMON_INTERNAL_H

#include <pthread.h>

#include "base/http.h"
#include "ingest/kafka/source.h"
#include "schemas/registry/registry.h"
#include "sink/deadletter/dead_letters.h"
#include "sink/redis/sink.h"
#include "transform/daemon/rollstatd.h"
#include "transform/partition/outcomes.h"
#include "transform/statelog/kafka.h"
#include "transform/statelog/log.h"
#include "transform/statelog/protocol.h"
#include "transform/worker/worker.h"

struct rs_daemon_worker {
    struct rs_worker *worker;
    pthread_t thread;
    bool started;
    uint64_t seen_steps; /* at the last look */
    int64_t seen_us;     /* when they last grew; monotonic */
};

/* What is owed to systemd: see notify.c. */
#define RS_NOTIFY_OWED 8
struct rs_notify {
    char owed[RS_NOTIFY_OWED][96];
    size_t count;
};
/* READY=1 and the like: sent in their order, later where the manager does not read just now. Never waits. */
void rs_notify_state(struct rs_notify *notify, const char *format, ...) RS_PRINTF(2, 3);
/* STATUS= and WATCHDOG=1: sent now or not at all. */
void rs_notify_passing(struct rs_notify *notify, const char *format, ...) RS_PRINTF(2, 3);
/* Sends what is owed. */
void rs_notify_turn(struct rs_notify *notify);

/* Where others take over, the group is left first: what they have not claimed yet is served until they have.
 */
enum rs_daemon_stop_phase {
    RS_DAEMON_ASKING,       /* whether there are others */
    RS_DAEMON_HANDING_OVER, /* the group is being left */
    RS_DAEMON_ENDING,       /* the workers were told to stop */
};

struct rs_daemon_stop {
    enum rs_daemon_stop_phase phase;
    int64_t phase_by_us; /* the next phase begins then at the latest */
    int64_t by_us;       /* and then the process ends, with workers that still run */
};

/* Reloads of this process: reload.c. */
struct rs_daemon_reload {
    uint64_t asked; /* of the two, and what is under way */
    uint64_t applied, refused;
    int64_t last_us;   /* wall; 0: there was none */
    bool last_refused; /* and why, one a line: */
    struct rs_buf lines;
    int64_t wanted_us;         /* monotonic: SIGHUP came; 0: no more */
    bool under_way;            /* the parts are being ended, to begin anew with: */
    struct rs_settings fresh;  /* empty: none */
    struct rs_settings former; /* until the parts of what is new are open */
};

/* A page as it was when closing began: from then on it is served from here. */
struct rs_daemon_page {
    struct rs_buf body;
    int status;
};
#define RS_DAEMON_PAGES 4

/* What keeps the daemon from being ready, each in words with its remedy: health.c. */
struct rs_daemon_health {
    bool ready;
    uint64_t partitions;       /* owned */
    uint64_t stopped, waiting; /* of these; waiting: for longer than a moment, as `ready` counts it */
    struct rs_buf lines;       /* the problems, one a line, the gravest first; at most RS_DAEMON_PROBLEMS */
    size_t count;              /* of all problems */
    char summary[RS_ERROR_TEXT_MAX + 128]; /* one line; empty when ready */
};
#define RS_DAEMON_PROBLEMS 64

#define RS_DAEMON_REFUSED 64

struct rs_daemon {
    const struct rs_settings *settings;
    const struct rs_daemon_options *options;
    const struct rs_clock *clock;
    int64_t started_us;               /* wall */
    struct rs_memory_log *memory_log; /* or, by `state: {log: …}`: */
    struct rs_kafka_log *kafka_log;
    struct rs_durable_log *durable_log;
    char instance[320];     /* host and process, in claims */
    uint64_t *fingerprints; /* by stream, in claims */
    struct rs_redis_sink *sink;
    struct rs_dead_letters *dead_letters;
    struct rs_registry *registry; /* of schemas; NULL: none */
    struct rs_kafka_source *source;
    struct rs_daemon_worker *workers; /* settings->workers of them */
    struct rs_http *http;             /* NULL: off */
    int signal_fd;
    struct rs_notify notify;
    bool stopping;
    bool told_to_end; /* while parts that could not be opened were closed */
    struct rs_daemon_stop stop;
    struct rs_daemon_reload reload;
    bool cluster_passed_on;        /* to the sink */
    int64_t watchdog_us;           /* WATCHDOG_USEC; 0: none */
    int64_t fed_us;                /* when it was fed last */
    int64_t housekeeping_us;       /* next turn of it */
    int64_t restoring_reported_us; /* last line about a long restore; 0: nothing is being restored */
    bool closing;                  /* see close.c */
    struct rs_daemon_page pages[RS_DAEMON_PAGES];
    struct rs_daemon_health health;
    bool was_ready, reported_ready, reported_not_ready;
    int64_t not_ready_us;                    /* monotonic: since when; 0: ready */
    char *refused_topics[RS_DAEMON_REFUSED]; /* told once each */
    size_t refused_count;
    struct rs_outcome_watch *watches; /* by stream; NULL until the first look */
};

/* ---- a new configuration: reload.c ---- */

/* True: what is new is right, and the parts have to end. */
bool rs_daemon_reload(struct rs_daemon *daemon);
/* The parts have ended for it. */
void rs_daemon_reload_swap(struct rs_daemon *daemon, struct rs_settings *settings);
/* The parts of what is new are open, or could not be: then the former ones are back in *settings. */
void rs_daemon_reload_applied(struct rs_daemon *daemon);
void rs_daemon_reload_failed(struct rs_daemon *daemon, struct rs_settings *settings,
                             const struct rs_error *error);
/* SIGHUP, at any time. */
void rs_daemon_reload_want(struct rs_daemon *daemon);
/* The daemon is told to end. True: a reload is under way, and becomes an end. */
bool rs_daemon_reload_forget(struct rs_daemon *daemon);

/* No worker has been silent for longer than `within_us`. */
bool rs_daemon_alive(const struct rs_daemon *daemon, int64_t within_us);

/* Ready: joined, topics there, brokers and Redis reached, and every owned partition runs. One that stopped
 * makes the daemon not ready at once. One that waits does so at once until the daemon was ready for the first
 * time; later only when it has waited for RS_DAEMON_WAIT_US, so that partitions that come and go in a
 * rebalance, or a broker that is slow for a moment, change nothing. Control thread; valid until the next
 * call. */
const struct rs_daemon_health *rs_daemon_health(struct rs_daemon *daemon);
#define RS_DAEMON_WAIT_US (10 * INT64_C(1000000))
/* Says in the log when that changes. */
void rs_daemon_report_health(struct rs_daemon *daemon);

/* What the line under `systemctl status` and the pages add up. */
struct rs_daemon_totals {
    uint64_t partitions, groups, lag, consumed, memory_bytes;
};
void rs_daemon_totals(const struct rs_daemon *daemon, struct rs_daemon_totals *out);

/* ---- the state log: log.c ---- */

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
void rs_daemon_report_restoring(struct rs_daemon *daemon);

/* ---- topics of patterns: inputs.c ---- */

/* As rs_kafka_source_options.topic_seen; `ctx` is the daemon. */
const struct rs_stream *rs_daemon_topic_seen(void *ctx, const char *topic);

/* ---- the end: close.c ---- */

/* The pages of the daemon, RS_DAEMON_PAGES of them. */
extern const struct rs_http_page rs_daemon_pages[RS_DAEMON_PAGES];
/* Closes and frees everything that was opened. Pages, watchdog and signals are served meanwhile: a second
 * signal ends the process at once, and so does closing that takes too long. */
void rs_daemon_close(struct rs_daemon *daemon);
/* Sends WATCHDOG=1 if it is time to. `alive`: the workers step, or have ended. */
void rs_daemon_feed_watchdog(struct rs_daemon *daemon, bool alive);

/* ---- what became of records: outcomes.c ---- */

void rs_daemon_outcomes(const struct rs_daemon *daemon, uint32_t stream, struct rs_outcomes *out);
/* A line for each stream that takes nothing or refuses something; rate-limited. */
void rs_daemon_report_outcomes(struct rs_daemon *daemon);

/* Pages: metrics_page.c, status_page.c. `ctx` is the daemon. */
int rs_page_metrics(void *ctx, struct rs_buf *body);
int rs_page_livez(void *ctx, struct rs_buf *body);
int rs_page_readyz(void *ctx, struct rs_buf *body);
int rs_page_status(void *ctx, struct rs_buf *body);
#define RS_DAEMON_STUCK_US                                                                                   \
    (10 * INT64_C(1000000)) /* a worker that has not stepped for so long does not live */

#endif
