/* What the files of the worker share. Private to transform/worker. */
#ifndef RS_TRANSFORM_WORKER_INTERNAL_H
#define RS_TRANSFORM_WORKER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "transform/partition/seal.h"
#include "transform/worker/lifecycle.h"
#include "transform/worker/worker.h"

#define RS_WORKER_MS    INT64_C(1000)
#define RS_WORKER_NEVER INT64_MAX
/* Between batches without news: an owner that writes nothing would never hear that the log has another claim.
 */
#define RS_WORKER_SILENT_US (10000 * RS_WORKER_MS)
/* Until a run that found no room is tried again. */
#define RS_WORKER_RETRY_US (2 * RS_WORKER_MS)
/* Until what failed at once is tried again. */
#define RS_WORKER_AGAIN_US (1000 * RS_WORKER_MS)
/* After a loss: longer than the group takes to tell a member that it is out. */
#define RS_WORKER_RECLAIM_US (10000 * RS_WORKER_MS)

/* Of a batch of the state log. It goes round within RUNNING, SERVING, LEAVING and CLOSING (lifecycle.h), many
 * times in each; whatever else happens to the partition ends it. */
enum rs_commit_phase {
    RS_COMMIT_NOT,
    RS_COMMIT_WRITING,      /* the batch is being filled, chunks go out */
    RS_COMMIT_DEAD_LETTERS, /* filled; the seal waits for the dead letters it covers */
    RS_COMMIT_SENT,         /* sealed; the log has to answer */
};

/* One partition from ASSIGNED to `done`. Its phase is one member. The flags below are no phases:
 * - asking, asked, refused: what the sink has said about the fence. It may say so in any phase that owns,
 *   again and again, and the partition reads and seals all the same.
 * - scan_wanted, scanning, scan_anew: a walk through Redis beside all else, begun anew when Redis loses data.
 * - doubted, fenced: why it waits. They outlive the phases: from a loss, through the next claim, until a
 *   batch is sealed, or taken by Redis, which shows that the trouble is over.
 * - kept_us: a length of time after it was assigned again, whatever phases come then.
 * - at_end, fed, touched: where the input and the output stand, which changes with each turn.
 * - behind_reported, counting: that something was reported, or that there is memory to count with. */
struct rs_worker_partition {
    const struct rs_stream *stream;
    int64_t start; /* of the newest assignment: where to begin without state; -1: at the oldest record */
    int32_t partition;
    uint32_t epoch;      /* tells its batches from those of an earlier claim */
    enum rs_phase phase; /* changed by lifecycle.c alone */
    struct rs_partition *state;
    uint64_t token;
    int64_t next_offset;
    /* claim */
    int64_t claim_due_us; /* WAITING: when to try (again) */
    uint32_t unsure;      /* claims in a row that came to nothing */
    /* time shown */
    bool at_end;
    int64_t tick_us; /* monotonic time up to which what is shown has advanced; valid at_end */
    int64_t end_offset;
    int64_t end_checked_us;
    bool fed;           /* records came in this step */
    int64_t records_us; /* when records came last, or it was claimed */
    /* publishing */
    bool asking, asked; /* the sink about the fence: under way, answered */
    int64_t heard_us;   /* when the sink last answered for a batch of this partition, or had none to answer */
    bool touched;       /* the engine may have something to emit */
    int64_t arrived_us; /* Kafka's time of the oldest record that is not submitted; RS_TIME_NONE: none */
    uint32_t in_flight;
    int64_t quiet_until;     /* the fence is ahead: publish nothing below this offset; 0: no such offset */
    int64_t quiet_shown_us;  /* and show nothing older than this; RS_TIME_NONE: not known */
    int64_t behind_since_us; /* the log's end is below quiet_until since then; 0: it is not */
    bool behind_reported;
    bool refused;         /* the names in Redis are another consumer group's, see `error` */
    int64_t ask_again_us; /* refused: when to ask again */
    int64_t again_us;     /* when groups were last given leave to be sent again */
    /* looking for what Redis has and the partition does not: scan.c */
    bool scan_wanted, scanning, scan_anew;
    uint32_t scan_aggregate;
    uint64_t scan_cursor;
    int64_t scan_due_us;
    /* committing */
    int64_t committed; /* -1: nothing yet */
    int64_t commit_due_us;
    int64_t commit_silent_us; /* the same where nothing is new */
    enum rs_commit_phase commit;
    int64_t commit_begun_us, commit_retry_us;
    struct rs_seal seal; /* of the batch that is filled */
    struct rs_slice head;
    bool sweep_ends;
    /* leaving */
    int64_t kept_us;        /* when it was last assigned again before it was let go; 0: never */
    uint32_t kept_reclaims; /* how often it was claimed again at once since then */
    int64_t leave_by_us;    /* SERVING, LEAVING, CLOSING: until then at the longest */
    /* the schema of its next record is being asked for, and it is not read: schemas.c */
    bool wants_schema;
    int64_t schema_offset; /* of that record */
    int64_t schema_since_us, schema_due_us;
    /* health: health.c */
    enum rs_waiting waits_for; /* as of the last look */
    int64_t unwell_us;         /* since when it does not run; 0: it does */
    bool doubted;              /* the log was in doubt, and has sealed nothing since */
    bool fenced;               /* Redis refused it, and has taken nothing since */
    char error[RS_ERROR_TEXT_MAX];
    int64_t error_reported_us;
    uint64_t ahead_reported;   /* events far ahead, of those that were reported */
    int64_t ahead_reported_us; /* when; 0: never */
    /* counting: how much of the state's totals this process's counters have; see counts.c */
    bool counting;
    struct rs_counted *counted; /* the partition, then the aggregates */
};

/* What events came to, and what else only grows. */
struct rs_counted {
    struct rs_accounting events;
    uint64_t not_finite, folded, expired, conflicts, ahead;
};

struct rs_worker {
    struct rs_worker_options options;
    int64_t now_us; /* monotonic, at the start of the step */
    struct rs_worker_partition **owned;
    size_t owned_count, owned_capacity;
    uint32_t next_epoch;
    /* input */
    struct rs_source_event held; /* a run that is not applied to its end; kind RECORDS, count 0: none */
    bool holding;
    bool drained;            /* the source had nothing more in this step */
    int64_t retry_us;        /* when to try the held run again */
    int64_t schema_since_us; /* since when the held run waits for the schema of its first record */
    enum rs_waiting waiting;
    int64_t waiting_since_us;
    int64_t waiting_reported_us;
    uint64_t waits;
    int64_t limits_due_us;
    uint64_t memory_bytes, pending_history;
    uint64_t limited_bytes, limited_history; /* what the limits judge of these: input.c */
    bool log_more; /* the state log may have more to say: it has its turn again at once */
    /* output */
    struct rs_view_batch *free_batches;
    uint32_t batches_out;
    uint64_t generation;
    int64_t publish_due_us;
    size_t publish_next;    /* round robin */
    size_t commit_next;     /* the same */
    size_t commit_room;     /* bytes that batches may still be filled with in this turn */
    bool starved;           /* no free batch: wait for the sink */
    int64_t dirty_since_us; /* oldest input that is not submitted; 0: none */
    struct rs_log_limit conflict_limit;
    uint64_t batches_submitted, batches_behind, batches_fenced, operations;
    struct rs_worker_durations durations;
    struct rs_buf notes;
    /* other threads */
    _Atomic uint64_t steps;
    _Atomic bool stop, stopped;
    bool stopping; /* `stop` was seen */
    int stop_fd;
    pthread_mutex_t snapshot_mutex;
    int64_t snapshot_due_us;
    struct rs_worker_snapshot snapshot; /* mutex */
    struct rs_worker_partition_status *partition_statuses;
    size_t partition_capacity;
    struct rs_worker_aggregate_status *aggregate_statuses;
    struct rs_outcomes *outcomes; /* by stream */
    size_t outcome_count;
    struct rs_outcomes *outcome_statuses;      /* the same; mutex */
    struct rs_worker_delays *delays;           /* by stream */
    struct rs_worker_delays *delay_statuses;   /* the same; mutex */
    struct rs_worker_partition_counts *counts; /* of every partition there ever was */
    size_t count_count, count_capacity;
    struct rs_counted *aggregate_counts;
};

/* owned.c */
struct rs_worker_partition *rs_worker_find(const struct rs_worker *worker, uint32_t stream,
                                           int32_t partition);
/* Reported, and kept as the reason why the partition does not run. The same again is not said again
 * for a while. */
void rs_worker_partition_trouble(struct rs_worker *worker, struct rs_worker_partition *owned,
                                 enum rs_log_level level, const char *format, ...) RS_PRINTF(4, 5);
struct rs_partition_id rs_worker_partition_id(const struct rs_worker *worker,
                                              const struct rs_worker_partition *owned);
/* The state log outlives the process, so that it knows of other claims. */
bool rs_worker_log_is_durable(const struct rs_worker *worker);
/* Appends the key of the partition's fence. */
void rs_worker_fence_key(const struct rs_worker *worker, const struct rs_worker_partition *owned,
                         struct rs_buf *out);
bool rs_worker_partition_publishable(const struct rs_worker_partition *owned);

/* batches.c */
int rs_worker_batches_new(struct rs_worker *worker, struct rs_error *error);
void rs_worker_batches_free(struct rs_worker *worker);
/* NULL: all are with the sink. */
struct rs_view_batch *rs_worker_get_batch(struct rs_worker *worker);
void rs_worker_put_batch(struct rs_worker *worker, struct rs_view_batch *batch);
void rs_worker_submit(struct rs_worker *worker, struct rs_worker_partition *owned,
                      struct rs_view_batch *batch);

/* wait.c */
void rs_worker_measure(struct rs_worker *worker);
/* What input has to wait for whatever it brings. */
enum rs_waiting rs_worker_limit(const struct rs_worker *worker);
void rs_worker_set_waiting(struct rs_worker *worker, enum rs_waiting waiting);
/* The held run is done with: the source may bring the next. */
void rs_worker_release_run(struct rs_worker *worker);
void rs_worker_partition_forget_run(struct rs_worker *worker, const struct rs_worker_partition *owned);

/* input.c */
void rs_worker_source_events(struct rs_worker *worker);
void rs_worker_end_offsets(struct rs_worker *worker);
void rs_worker_advance(struct rs_worker *worker);

/* schemas.c */
/* The held run waits for a schema: true, and its partition gives it back where that takes long. */
bool rs_worker_await_schema(struct rs_worker *worker, struct rs_worker_partition *owned, bool progress);
/* Reads on where the schema has come. */
void rs_worker_schemas(struct rs_worker *worker);

/* publish.c */
void rs_worker_settle(struct rs_worker *worker);
void rs_worker_check_generation(struct rs_worker *worker);
void rs_worker_publish(struct rs_worker *worker);
/* When the sink is next asked about the fence where nothing is published. */
int64_t rs_worker_partition_ask_due(const struct rs_worker_partition *owned);

/* scan.c */
/* After a take-over or a loss: once everything is sent again, Redis is asked what else it has of the
 * partition. */
void rs_worker_partition_want_scan(struct rs_worker *worker, struct rs_worker_partition *owned);
void rs_worker_partition_scan(struct rs_worker *worker, struct rs_worker_partition *owned);
void rs_worker_partition_scanned(struct rs_worker *worker, struct rs_worker_partition *owned,
                                 const struct rs_view_batch *batch);
int64_t rs_worker_partition_scan_due(const struct rs_worker_partition *owned);

/* Actions of lifecycle.c, by no one else to be called. Each returns the event that its outcome is, NONE as a
 * rule. The phase is the next one already. */
typedef enum rs_life (*rs_worker_partition_action)(struct rs_worker *worker,
                                                   struct rs_worker_partition *owned, struct rs_cause *cause);
#define RS_OWNED_ACTION(name)                                                                                \
    enum rs_life name(struct rs_worker *worker, struct rs_worker_partition *owned, struct rs_cause *cause)

/* claim.c: taking over */
RS_OWNED_ACTION(rs_claim_send);
RS_OWNED_ACTION(rs_claim_later);
RS_OWNED_ACTION(rs_claim_restore);
RS_OWNED_ACTION(rs_claim_won); /* the state is whole, or will never be */
RS_OWNED_ACTION(rs_claim_run);

/* lose.c: dropping, stopping */
RS_OWNED_ACTION(rs_lose_claimed);
RS_OWNED_ACTION(rs_lose_handed_over); /* the same of one that was to go */
RS_OWNED_ACTION(rs_lose_unsure);
RS_OWNED_ACTION(rs_lose_unready);
RS_OWNED_ACTION(rs_lose_unreadable);
RS_OWNED_ACTION(rs_lose_unwritten);
RS_OWNED_ACTION(rs_lose_fenced);
RS_OWNED_ACTION(rs_lose_published); /* the same of one that was to go */
RS_OWNED_ACTION(rs_lose_for_good);
RS_OWNED_ACTION(rs_lose_fail);
RS_OWNED_ACTION(rs_lose_log);

/* leave.c: going, coming back */
RS_OWNED_ACTION(rs_leave_serve_on);
RS_OWNED_ACTION(rs_leave_drain);
RS_OWNED_ACTION(rs_leave_let_go); /* frees `owned` */
RS_OWNED_ACTION(rs_leave_keep);
RS_OWNED_ACTION(rs_leave_keep_claim);
RS_OWNED_ACTION(rs_leave_keep_reading);
/* Of one that drains: nothing is left to do, or no time to do it. */
bool rs_leave_done(const struct rs_worker *worker, const struct rs_worker_partition *owned);

/* commit.c: sealing */
/* Before the partitions have their turns: how much all of them may write now. */
void rs_worker_commit_turn(struct rs_worker *worker);
/* A turn of the partition's batch, the next one begun when it is due. Returns what became of the partition.
 */
RS_OWNED_ACTION(rs_worker_partition_commit);
void rs_worker_partition_committed(struct rs_worker *worker, struct rs_worker_partition *owned,
                                   int64_t next_offset);
int64_t rs_worker_partition_commit_due(const struct rs_worker *worker,
                                       const struct rs_worker_partition *owned);
/* Input has been applied that no batch has sealed. */
bool rs_worker_partition_unsealed(const struct rs_worker_partition *owned);
/* The batch under way is so old that input has to wait for it. */
bool rs_worker_partition_commit_stuck(const struct rs_worker *worker,
                                      const struct rs_worker_partition *owned);
/* It was given back lately, so that a claim of whoever had it in between may be in the log or on its way. */
bool rs_worker_partition_kept_lately(const struct rs_worker *worker, const struct rs_worker_partition *owned);
/* Between its batches without news. */
int64_t rs_worker_partition_silence_us(const struct rs_worker *worker,
                                       const struct rs_worker_partition *owned);

/* counts.c: totals of a state move with its partition, counters of a process only rise. */
void rs_worker_partition_begin_counting(struct rs_worker *worker, struct rs_worker_partition *owned);
/* Adds what came since the last call. Needs snapshot_mutex. */
void rs_worker_partition_count(struct rs_worker *worker, struct rs_worker_partition *owned);
/* Counts, and frees the state. */
void rs_worker_partition_free_state(struct rs_worker *worker, struct rs_worker_partition *owned);
void rs_worker_counts_free(struct rs_worker *worker);

/* durations.c */
void rs_worker_partition_arrived(struct rs_worker_partition *owned, const struct rs_record *oldest);
/* Notes in the batch what of the partition it will show. */
void rs_worker_partition_carries(const struct rs_worker_partition *owned, struct rs_view_batch *batch);
void rs_worker_answered(struct rs_worker *worker, const struct rs_worker_partition *owned,
                        const struct rs_view_batch *batch);

/* snapshot.c */
void rs_worker_take_snapshot(struct rs_worker *worker);

/* health.c */
void rs_worker_judge(struct rs_worker *worker);
void rs_worker_partition_health(const struct rs_worker *worker, const struct rs_worker_partition *owned,
                                struct rs_worker_partition_status *out);
/* The sink has answered for the partition. */
void rs_worker_partition_heard(struct rs_worker_partition *owned, enum rs_batch_result result);

#endif
