/* log kafka, inside: what the workers, the delivery thread and the keeper thread of a Kafka log share. Private
 * to transform/statelog/kafka*.c and their test.
 * Lock: `lock` guards what is marked with it. librdkafka is called under it only where the call cannot block
 * (producing, taking from a queue without waiting). */
#ifndef RS_TRANSFORM_STATELOG_KAFKA_INTERNAL_H
#define RS_TRANSFORM_STATELOG_KAFKA_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/fifo.h"
#include "base/thread.h"
#include "transform/statelog/kafka.h"

#define RS_KAFKA_LOG_BATCH    256
#define RS_KAFKA_LOG_AGAIN_US INT64_C(1000000) /* after a topic was found unfit or refused a record */

struct rs_kafka_log_partition;

/* An event on its way to a worker. An append becomes its own answer, so that answering needs no memory. */
struct rs_kafka_log_note {
    struct rs_kafka_log_note *next;
    struct rs_kafka_log_partition *key;
    uint32_t worker;
    uint64_t epoch;      /* of the key when it was made: older than the key's, nobody wants to hear of it */
    uint64_t generation; /* appends: see rs_kafka_log_partition */
    struct rs_append_event event;
    struct rs_error *error; /* NULL, or its own, or no_memory's */
    size_t size;
    uint8_t bytes[]; /* the record; freed with the note */
};

RS_FIFO(rs_kafka_log_notes, rs_kafka_log_note);

enum rs_kafka_log_phase {
    RS_KAFKA_LOG_IDLE,
    RS_KAFKA_LOG_WANTED,   /* the keeper has to find the log's beginning and to start fetching */
    RS_KAFKA_LOG_FETCHING, /* records of this reading may arrive */
};

/* One partition. Made at its first use, freed with the log. */
struct rs_kafka_log_partition {
    uint32_t stream;   /* never changes */
    int32_t partition; /* never changes */
    uint32_t worker;   /* lock: of the newest call */
    uint64_t epoch;    /* lock: grows when the key is forgotten */

    /* Appending; lock. A record that is refused makes its generation refused; the next one begins when the
     * worker has heard of it. */
    struct rs_kafka_log_notes waiting;
    struct rs_kafka_log_note *sent;
    uint64_t generation;
    bool refused;

    /* Reading; lock. */
    enum rs_kafka_log_phase phase;
    struct rs_kafka_log_note *broken; /* made with the reading, in case it breaks */
    int64_t first, next, until, committed;
    uint64_t first_batch; /* of the worker; earlier ones hold records of an earlier reading */

    /* The keeper's. */
    bool fetched;               /* librdkafka fetches it */
    int64_t seen_next, seen_us; /* when `next` was last seen to grow; lock */
};

struct rs_kafka_log_topic {
    const struct rs_stream *stream;
    char *name;
    rd_kafka_topic_t *handle;             /* of the consumer */
    rd_kafka_topic_t *target;             /* lock: of the producer; NULL until something is appended */
    struct rs_kafka_log_partition **keys; /* by partition; lock */
    size_t key_count;                     /* lock */
    bool ready;                           /* lock: is there and fit */
    bool check;                           /* lock: the keeper has to look at it */
    int32_t partitions;                   /* lock: as of the last look */
    char not_grown[512]; /* keeper, and lock: why it was not given the partitions that its input has; or empty
                          */
    int64_t check_at_us; /* lock: not before */
    size_t refused_bytes;     /* lock: of a record that was too large for it; 0: none since it was judged */
    bool unverified_reported; /* keeper: warned that the settings cannot be seen */
};

struct rs_kafka_log_worker {
    int wake_fd;
    struct rs_kafka_log_notes notes; /* lock */
    bool wants_room;                 /* lock: an append was refused for lack of it */
    uint64_t batch;                  /* lock: number of the current batch */
    /* the worker's own */
    struct rs_kafka_log_note *held;
    rd_kafka_message_t *held_message;
    rd_kafka_queue_t *queue;
    rd_kafka_message_t *messages[RS_KAFKA_LOG_BATCH];
    size_t count, at;
    struct rs_kafka_log_partition *ended; /* its last record was handed out: END is next */
    bool dry;                             /* since its queue was last found empty nothing came */
    _Atomic bool nudge;                   /* worker to keeper: see kafka_read.c */
};

struct rs_kafka_log {
    struct rs_kafka_log_options options;
    pthread_mutex_t lock;
    struct rs_kafka_log_topic *topics; /* by stream index */
    struct rs_kafka_log_worker *workers;
    struct rs_kafka_log_status status; /* lock */
    bool stopping;                     /* lock: nothing new is begun */
    int64_t deadline_us;               /* lock */

    /* kafka_write.c */
    rd_kafka_conf_t *producer_conf;
    rd_kafka_t *producer; /* lock; NULL while it is being replaced */
    bool stuck;           /* lock: a record could not be handed to the producer just now */
    pthread_t writer;
    bool writer_runs;

    /* kafka_read.c */
    rd_kafka_t *consumer;
    rd_kafka_queue_t *answers; /* of trims */
    int keeper_fd;
    pthread_t keeper;
    bool keeper_runs;
    bool must_nudge; /* this librdkafka does not know fetch.queue.backoff.ms */
    _Atomic bool ending;
    struct rs_kafka_log_notes trims; /* lock: under way at the broker */
    bool group_reported;             /* keeper: warned that the group's offsets cannot be seen */
};

/* ---- kafka_notes.c ---- */

/* NULL: none such. Needs the lock. */
struct rs_kafka_log_partition *rs_kafka_log_find(const struct rs_kafka_log *log, uint32_t stream,
                                                 int32_t partition);
/* Whether the key's topic is there, fit, and has its partition. Needs the lock. */
bool rs_kafka_log_fit(const struct rs_kafka_log *log, const struct rs_kafka_log_partition *key);
void rs_kafka_log_note_free(struct rs_kafka_log_note *note);
/* Takes the note: into its worker's mailbox, or away when its key has been forgotten. `error`: copied; may be
 * NULL. Needs the lock. */
void rs_kafka_log_send(struct rs_kafka_log *log, struct rs_kafka_log_note *note,
                       const struct rs_error *error);
/* Drops what waits to be appended and ends the reading. Needs the lock. */
void rs_kafka_log_abandon(struct rs_kafka_log *log, struct rs_kafka_log_partition *key);
/* Ends all that is under way or wanted of the key with BROKEN. Needs the lock. */
void rs_kafka_log_break(struct rs_kafka_log *log, struct rs_kafka_log_partition *key,
                        const struct rs_error *error);

/* Of both clients, as librdkafka's error_cb. Brokers that are away are the input consumer's to report; what is
 * fatal to the producer shows when that is replaced, and to the consumer, which is in no group, nothing is. */
void rs_kafka_log_on_error(rd_kafka_t *client, int code, const char *reason, void *opaque);

/* ---- kafka_write.c ---- */

int rs_kafka_log_writer_open(struct rs_kafka_log *log, rd_kafka_conf_t *conf, struct rs_error *error);
void rs_kafka_log_writer_close(struct rs_kafka_log *log);
/* Hands the key's next record to the producer, if it may go now. Needs the lock. */
void rs_kafka_log_pump(struct rs_kafka_log *log, struct rs_kafka_log_partition *key);

/* ---- kafka_read.c ---- */

int rs_kafka_log_keeper_open(struct rs_kafka_log *log, rd_kafka_conf_t *conf, struct rs_error *error);
void rs_kafka_log_keeper_close(struct rs_kafka_log *log);
/* The consumer's handle of a topic that has its name; before its input is counted. */
RS_MUST_USE int rs_kafka_log_open_topic(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic,
                                        struct rs_error *error);
/* The worker's next RECORD, END or BROKEN from its queue. Without the lock. */
bool rs_kafka_log_read_take(struct rs_kafka_log *log, uint32_t worker, struct rs_append_event *out);

/* ---- kafka_admin.c; all on the keeper's thread unless said otherwise, and without the lock ---- */

enum rs_kafka_log_fitness {
    RS_KAFKA_LOG_FIT,
    RS_KAFKA_LOG_UNFIT,   /* `error` says why */
    RS_KAFKA_LOG_UNKNOWN, /* the broker does not answer: look again */
};
/* Sees to it that the topic is there and fit. */
enum rs_kafka_log_fitness rs_kafka_log_topic_check(struct rs_kafka_log *log, struct rs_kafka_log_topic *topic,
                                                   int32_t *partitions, struct rs_error *error);
/* What is wrong when the topic has no such partition. */
void rs_kafka_log_too_few(const struct rs_kafka_log_topic *topic, int32_t partition, int32_t partitions,
                          struct rs_error *error);
/* Offsets that the group has committed for input partitions, into the list; -1: none. False: not known yet.
 */
bool rs_kafka_log_committed(struct rs_kafka_log *log, rd_kafka_topic_partition_list_t *list);
/* Begins a trim; any thread. Takes the note. */
void rs_kafka_log_trim(struct rs_kafka_log *log, struct rs_kafka_log_note *note, int64_t before);
void rs_kafka_log_trim_answers(struct rs_kafka_log *log);
/* What an operator has to do about an error of the broker's, or "": which right is missing for `operation`.
 */
void rs_kafka_log_remedy(rd_kafka_resp_err_t code, const char *operation, const char *topic, char *out,
                         size_t size);

#endif
