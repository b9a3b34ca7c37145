/* worker: takes the records of its partitions, applies them, and hands what changed to the sink.
 * It is a state machine that never blocks: rs_worker_step does what can be done now and says when it has to
 * be called again at the latest. In the daemon a thread sleeps in between, on the descriptors of source, sink
 * and state log; a test calls it in virtual time.
 *
 * A partition's life: assigned → claimed from the state log (token, state, start offset) → read, applied,
 * published, committed → revoked: all that goes on until another instance has claimed it → let go. Where
 * nobody claims it, and when the worker stops, what is dirty is published and the state committed within a
 * deadline first. A partition that was lost to another's claim or fenced is dropped at once.
 *
 * Time shown: once a partition has been read to its end, what is shown advances at the rate of the monotonic
 * clock from where it stood, so that windows end and drain in silence too. It never jumps to the wall clock.
 *
 * Back-pressure: where dead letters have no room, the memory limit is reached or too many ended windows wait
 * for the sink, the worker takes nothing more, which in the end stops the fetching. It goes on publishing all
 * the while.
 *
 * Thread: the worker's own; rs_worker_snapshot, rs_worker_progress and rs_worker_stop any.
 * Owns:   the state of its partitions, `batches` view batches. */
#ifndef RS_TRANSFORM_WORKER_WORKER_H
#define RS_TRANSFORM_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/dead_letter.h"
#include "base/error.h"
#include "base/histogram.h"
#include "base/report.h"
#include "base/source.h"
#include "base/view.h"
#include "schemas/stream.h"
#include "transform/partition/partition.h"
#include "transform/statelog/log.h"

struct rs_worker;

struct rs_worker_options {
    uint32_t index;
    const struct rs_engine *engine;
    const struct rs_streams *streams;
    struct rs_source source;
    struct rs_view_sink sink;
    struct rs_dead_letter_sink dead_letters;
    struct rs_state_log log;
    const struct rs_clock *clock;
    const char *prefix; /* of the sink's keys, for advice in messages */
    int64_t publish_every_us;
    int64_t commit_every_us;
    uint64_t memory_limit;  /* bytes of state of this worker */
    uint64_t history_limit; /* ended windows of this worker that wait for the sink */
    uint32_t batches; /* view batches in circulation, at least 2: one may hold what a scan found while another
                         drops it */
    uint32_t batch_bytes;    /* about so large */
    int64_t leave_within_us; /* for publishing and committing what is let go */
    /* What an operator should read. On the worker's thread. */
    struct rs_report report;
};

RS_MUST_USE int rs_worker_new(const struct rs_worker_options *options, struct rs_worker **out,
                              struct rs_error *error);
/* Batches still with the sink are the sink's to free. */
void rs_worker_free(struct rs_worker **worker);

/* One turn. Returns the monotonic time by which the next one is due: `now` or earlier when there is more to
 * do. */
int64_t rs_worker_step(struct rs_worker *worker);

/* Steps until asked to stop and all partitions are let go; sleeps in poll(2). The thread's main function. */
void rs_worker_run(struct rs_worker *worker);
/* Asks for an orderly end: no more input, publish and commit what there is within leave_within_us. */
void rs_worker_stop(struct rs_worker *worker);
/* After a stop: nothing is owned any more. */
bool rs_worker_stopped(const struct rs_worker *worker);
/* Grows with every step, so that a watchdog sees a worker that hangs. */
uint64_t rs_worker_progress(const struct rs_worker *worker);

enum rs_partition_phase {
    RS_PARTITION_CLAIMING,
    RS_PARTITION_RUNNING,
    RS_PARTITION_LEAVING,
    RS_PARTITION_STOPPED, /* cannot go on: see `error` */
    RS_PARTITION_FENCED,  /* another instance publishes it with a newer token */
};
const char *rs_partition_phase_name(enum rs_partition_phase phase);

enum rs_waiting {
    RS_WAITING_NOT,
    RS_WAITING_DEAD_LETTERS,
    RS_WAITING_MEMORY,
    RS_WAITING_HISTORY,
    RS_WAITING_STATE_LOG,
    /* of a partition alone: */
    RS_WAITING_CLAIM,   /* its claim is on the way to the state log, or will be tried again */
    RS_WAITING_RESTORE, /* its state is being read */
    RS_WAITING_FENCE,   /* Redis had a newer token, and has taken nothing of this instance since */
    RS_WAITING_BEHIND,  /* Redis shows more than was read so far: nothing is published before that */
    RS_WAITING_REDIS,   /* does not answer */
    RS_WAITING_NAMES,   /* the names in Redis are another consumer group's */
    RS_WAITING_SCHEMA,  /* the registry has not said what wrote its next record */
};
const char *rs_waiting_name(enum rs_waiting waiting);

/* What a partition is doing, in one judgement (health.c) that /readyz, /status, the metrics and the line
 * under `systemctl status` all read.
 * RUNS:    also while a batch of the state log has been under way for less than two seconds, or one of Redis
 *          for less than five: so short a wait is not worth telling.
 * WAITS:   it goes on by itself once what it waits for is there. All other waits count from their beginning.
 * STOPPED: it does not go on before somebody mends what `why` names. */
enum rs_health { RS_HEALTH_RUNS, RS_HEALTH_WAITS, RS_HEALTH_STOPPED };
const char *rs_health_name(enum rs_health health);

struct rs_worker_partition_status {
    uint32_t stream;
    int32_t partition;
    enum rs_partition_phase phase;
    uint64_t token;
    int64_t end_offset;  /* -1: not known */
    int64_t committed;   /* -1: nothing yet */
    int64_t quiet_until; /* publishes nothing before this offset; 0: no such offset */
    bool at_end;
    int64_t
        lag; /* records in Kafka that are not applied yet, also of a partition that stopped; -1: not known */
    enum rs_health health;
    enum rs_waiting waits_for;   /* WAITS */
    int64_t since_us;            /* monotonic: since when it does not run */
    char why[RS_ERROR_TEXT_MAX]; /* with the remedy; empty where it runs */
    struct rs_partition_status state;
    bool has_log; /* a durable one: */
    struct rs_state_log_status log;
    char error[RS_ERROR_TEXT_MAX]; /* why it stopped, or what hindered it last; empty: none */
};

struct rs_worker_aggregate_status {
    uint32_t aggregate;
    struct rs_aggregate_status state; /* summed over the worker's partitions */
    /* By this process since it began, whoever has the partitions now: */
    struct rs_accounting events;
    uint64_t not_finite, folded;
};

/* What this process has done for a partition since it began: unlike the totals of the state, which move with
 * the partition, these only rise. */
struct rs_worker_partition_counts {
    uint32_t stream;
    int32_t partition;
    struct rs_accounting events;
    uint64_t expired_groups, conflicts, events_ahead;
};

struct rs_worker_durations {
    int64_t busy_us;             /* of turns; what is missing from the time that passes was slept */
    struct rs_histogram publish; /* from taking records to submitting their views */
    struct rs_histogram batch;   /* from submitting a batch of views to its having been written */
    struct rs_histogram seal;    /* from beginning a batch of the state log to its acknowledgement */
};

/* Of one stream: how old things are when a batch that shows them has been written. By the wall clocks of two
 * machines. */
struct rs_worker_delays {
    struct rs_histogram arrival; /* the oldest record in it, by Kafka's time */
    struct rs_histogram event;   /* the newest event, by its own time */
};

struct rs_worker_snapshot {
    uint64_t steps;
    uint64_t batches_submitted, batches_behind, batches_fenced, operations;
    uint64_t memory_bytes, pending_history;
    enum rs_waiting waiting_for;
    int64_t waiting_since_us; /* monotonic */
    uint64_t waits;           /* how often input had to wait */
    struct rs_worker_durations durations;
    const struct rs_worker_partition_status *partitions;
    size_t partition_count;
    const struct rs_worker_partition_counts *counts;
    size_t count_count;
    const struct rs_worker_aggregate_status *aggregates;
    size_t aggregate_count;
    const struct rs_outcomes *outcomes; /* by stream */
    size_t outcome_count;
    const struct rs_worker_delays *delays; /* the same */
};

/* Calls `read` with the worker's latest numbers, at most 200 ms old; they live only during the call. */
void rs_worker_snapshot(struct rs_worker *worker,
                        void (*read)(void *ctx, const struct rs_worker_snapshot *snapshot), void *ctx);

#endif
