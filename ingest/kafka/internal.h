/* kafka source, inside: what the control thread and the workers of a Kafka source share. Private to
 * ingest/kafka/.
 * A source partition is one partition from its assignment to the `done` of its worker. The control thread makes
 * and frees it; the worker holds it between taking ASSIGNED and calling `done`.
 * Lock: `mutex` guards the table, the phases and the mailboxes; it is never held across a call into
 * librdkafka. */
#ifndef RS_INGEST_KAFKA_INTERNAL_H
#define RS_INGEST_KAFKA_INTERNAL_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/fifo.h"
#include "base/kafka/fault.h"
#include "base/thread.h"
#include "ingest/kafka/source.h"

/* Of the fetching. */
enum rs_kafka_phase {
    RS_KAFKA_CLAIMING, /* told to the worker, which has not answered yet; or it has paused it */
    RS_KAFKA_READY,    /* the worker gave `start_offset`; the control thread has to fetch */
    RS_KAFKA_READING,
    RS_KAFKA_RESTARTING,  /* to be read from elsewhere; the control thread has to end the fetch */
    RS_KAFKA_FETCH_ENDED, /* nothing is fetched; the worker has to draw the line, then READY */
};

/* Of the ownership. */
enum rs_kafka_hold {
    RS_KAFKA_OURS,
    RS_KAFKA_REVOKED, /* told to the worker, which has not let go */
    RS_KAFKA_GONE,    /* the worker let go: nothing is mailed any more, the control thread has to free it */
};

/* `start_offset`: wherever the worker stands when it draws the line. */
#define RS_KAFKA_GO_ON (-1)
/* The same: nowhere, until it is told. */
#define RS_KAFKA_PAUSED (-3)

struct rs_source_partition;

/* A message to a worker; each partition has one of every kind, so that telling needs no memory. */
struct rs_kafka_mail {
    enum rs_source_event_kind kind;
    struct rs_source_partition *partition;
    struct rs_kafka_mail *next;
    bool queued;
};

RS_FIFO(rs_kafka_mails, rs_kafka_mail);

/* The ends of a partition, asked for when an offset was refused; the mutex guards it. */
struct rs_kafka_ends {
    enum {
        RS_KAFKA_ENDS_IDLE,
        RS_KAFKA_ENDS_ASKED,
        RS_KAFKA_ENDS_UNDER_WAY, /* at the asker */
        RS_KAFKA_ENDS_KNOWN,     /* the control thread has to look */
    } state;
    uint64_t number;   /* of the question: an answer to an older one counts for nothing */
    int64_t refused;   /* the offset that it is about */
    int64_t low, high; /* -1: the broker refuses to say */
};

/* Where a partition without state begins, which the worker is told with the assignment. */
enum rs_kafka_start {
    RS_KAFKA_START_KNOWN,
    RS_KAFKA_START_ASKED,
    RS_KAFKA_START_UNSAID, /* no answer; asked again when all others have been asked */
    RS_KAFKA_START_ANSWERED,
};

struct rs_source_partition {
    const struct rs_stream *stream;
    int32_t number; /* in the topic */
    uint32_t worker;
    enum rs_kafka_phase phase; /* mutex */
    enum rs_kafka_hold hold;   /* mutex */
    int64_t start_offset;      /* mutex */
    struct rs_kafka_ends ends; /* mutex */
    enum rs_kafka_start start; /* mutex */
    int64_t start_at;     /* mutex until KNOWN; an offset, RS_OFFSET_BEGINNING, or -1: none was asked for */
    bool nudge;           /* mutex: see rs_kafka_control_nudge */
    bool wants_high;      /* mutex: nothing is fetched, so that no answer to a fetch tells of the end */
    _Atomic int64_t high; /* the end as it was asked for then; -1: not known */
    bool fetched;         /* control: the fetcher has it assigned */
    rd_kafka_queue_t *queue; /* control */
    struct rs_kafka_mail assigned, revoked, stopped;
    struct rs_kafka_mail fence; /* not an event of the worker's; see rs_source_partition_fence */
    struct rs_error stop_error;
    int64_t refused_at;     /* control: offset that was fetched again last, and how often in a row */
    uint32_t refused_times; /* control */
    int64_t fetched_us;     /* control: when fetching began; statistics of earlier do not count */
    _Atomic bool has_stopped;
    _Atomic int64_t out_of_range; /* worker to control: this offset was refused; -1: none */
    /* worker */
    bool reading;
    bool from_oldest;          /* RS_OFFSET_BEGINNING was asked for */
    int64_t expected;          /* next offset; below it nothing is passed on */
    uint64_t first_batch;      /* records of earlier batches belong to an earlier ownership or reading */
    _Atomic int64_t committed; /* sealed up to here; -1: not known */
    int64_t told;              /* control: and the group was told */
    _Atomic int64_t delivered; /* offset after the last record passed on; -1: none */
    _Atomic int64_t
        fetched_to; /* librdkafka had read the log up to here with nothing left in its queue; -1: not known */
};

struct rs_kafka_worker {
    rd_kafka_queue_t *queue;
    int wake_fd;
    struct rs_kafka_mails mails; /* mutex */
    _Atomic bool has_mail;
    uint32_t partitions; /* control: load */
    /* the worker's own */
    rd_kafka_message_t *messages[RS_KAFKA_BATCH];
    struct rs_record records[RS_KAFKA_BATCH];
    size_t count, at, held; /* messages: in the batch, next, held by the caller before `at` */
    uint64_t batch;         /* number of the current batch */
    size_t peak;            /* most that waited in the queue since the last nudge */
    int64_t nudged_us;
    _Atomic bool nudge;     /* worker to control: see rs_kafka_control_nudge */
    const void *last_topic; /* cache: librdkafka's handle of the last run and its stream */
    const struct rs_stream *last_stream;
};

/* Partitions of one stream by their numbers. */
struct rs_kafka_table {
    struct rs_source_partition **partitions;
    size_t size;
};

/* Names of topics. */
struct rs_kafka_names {
    char **items;
    size_t count, capacity;
    bool known;
};

/* The thread that waits for brokers; see asker.c. */
struct rs_kafka_asker {
    pthread_t thread;
    bool runs;
    int fd;
    _Atomic bool ending;
    _Atomic bool topics_wanted, topics_known;
    _Atomic bool topics_unsure;  /* of a topic nobody said whether it is there */
    bool *missing;               /* by input; mutex */
    _Atomic bool names_wanted;   /* of all topics */
    struct rs_kafka_names names; /* mutex: the answer; `known` until it was taken */
    _Atomic bool group_wanted;
    _Atomic int other_members; /* enum rs_other_members */
    /* the asker's own */
    int64_t nudge_at_us, ends_at_us, start_at_us; /* not before */
    int64_t start_reported_us, names_at_us, names_reported_us;
};

#define RS_KAFKA_BROKERS_MAX 64

struct rs_kafka_broker {
    char address[RS_KAFKA_ADDRESS_MAX];
    char reason[RS_KAFKA_REASON_MAX]; /* of the last failure; empty: it answered since */
    int64_t away_us;                  /* since when it is told to be away; 0: it is not */
    int64_t reported_us;              /* last line about it */
    int64_t rx;                       /* responses as of the last statistics */
    int64_t heard_us;                 /* when there was a response last, or nothing to respond to */
    bool up, silent, wanted;          /* as of the last statistics */
};

/* Control. Those beyond the bound are not spoken of. */
struct rs_kafka_brokers {
    struct rs_kafka_broker items[RS_KAFKA_BROKERS_MAX];
    size_t count;
};

struct rs_kafka_source {
    struct rs_kafka_source_options options;
    struct rs_kafka_asker asker;
    struct rs_kafka_brokers brokers;
    rd_kafka_t *member;
    rd_kafka_t *fetcher;
    rd_kafka_queue_t *member_queue, *fetcher_queue; /* the consumer queues */
    rd_kafka_topic_t **topics;                      /* of the fetcher, by stream index */
    int control_fd;
    _Atomic bool answered; /* a worker answered: look through the partitions */
    pthread_mutex_t mutex;
    struct rs_kafka_table *tables; /* by stream index; mutex */
    struct rs_kafka_worker *workers;
    bool closing;          /* the member has left or is about to */
    bool all_revoked;      /* closing: the workers were told of all partitions */
    int64_t left_by_us;    /* closing: the group is waited for until then */
    int64_t highs_due_us;  /* control: when to ask again for ends that no fetch tells */
    int64_t commit_due_us; /* control: when the group is next told of what is sealed */
    bool must_nudge;       /* this librdkafka does not know fetch.queue.backoff.ms */
    size_t nudge_next;     /* control: round robin over the partitions of a stream */
    uint64_t ends_asked;   /* control: numbers questions about the ends of partitions */
    int64_t topics_due_us; /* control: when to look for missing topics again; 0: none known missing */
    int64_t topics_reported_us;
    bool *missing;       /* by input */
    bool *present;       /* control: by input, of those of patterns: it is there */
    uint8_t *unseen;     /* control: by input: looks in a row that did not find it, though it was there */
    bool subscribed;     /* control, with patterns: to what is there now */
    bool looked;         /* control: topics were looked for */
    int64_t look_due_us; /* control: when to look for topics of patterns again */
    struct rs_kafka_source_status status;
    struct rs_error fatal;
    _Atomic uint64_t skipped;
};

/* NULL when the partition is not owned. Needs the mutex. */
struct rs_source_partition *rs_source_partition_find(const struct rs_kafka_source *source, uint32_t stream,
                                                     int32_t partition);
/* Puts the message into the mailbox of its partition's worker and wakes it, unless that has let go. */
void rs_kafka_mail_send(struct rs_kafka_source *source, struct rs_kafka_mail *mail);
/* Takes it out again: true if it was still there. Needs the mutex. */
bool rs_kafka_mail_cancel(struct rs_kafka_source *source, struct rs_kafka_mail *mail);

/* The control thread's part, in control.c. */
void rs_kafka_serve_events(struct rs_kafka_source *source, rd_kafka_queue_t *queue, int timeout_ms);
void rs_kafka_control_revoke_all(struct rs_kafka_source *source);
void rs_kafka_control_answers(struct rs_kafka_source *source);
void rs_kafka_control_topics(struct rs_kafka_source *source);
/* Tells the group what is sealed, for lag monitoring: now and then, or at once. */
void rs_kafka_control_commit(struct rs_kafka_source *source, bool at_once);
/* Past its thresholds librdkafka before 2.2 looks at a queue again only when something wakes the broker's
 * thread, or after a second. Asking for the ends of a partition wakes it: the asker does. */
void rs_kafka_control_nudge(struct rs_kafka_source *source);
/* Has the ends of partitions asked for that are owned and not fetched: they stopped, or are not claimed yet.
 */
void rs_kafka_control_highs(struct rs_kafka_source *source);
void rs_kafka_control_statistics(struct rs_kafka_source *source, const char *json);
void rs_kafka_parts_free(struct rs_kafka_source *source);

/* Topics of patterns and the subscription, in topics.c. The first waits until topics were looked for, where there are
 * patterns. */
RS_MUST_USE int rs_kafka_topics_begin(struct rs_kafka_source *source, struct rs_error *error);
void rs_kafka_control_look(struct rs_kafka_source *source);
void rs_kafka_names_fini(struct rs_kafka_names *names);

/* The thread that waits for brokers, in asker.c. */
RS_MUST_USE int rs_kafka_asker_start(struct rs_kafka_source *source, struct rs_error *error);
/* Bounded by the questions under way, a second or two. */
void rs_kafka_asker_stop(struct rs_kafka_source *source);

/* Control, in brokers.c: an error, which is kept where it names a broker (false: it does not), and the
 * parsed statistics (json_t). */
bool rs_kafka_broker_failed(struct rs_kafka_source *source, const char *text);
void rs_kafka_brokers_statistics(struct rs_kafka_source *source, const void *json);

/* The end of the membership, in group.c. */
void rs_kafka_group_turn(struct rs_kafka_source *source);
void rs_kafka_member_free(struct rs_kafka_source *source);

/* The workers' part, in worker.c. */
extern const struct rs_source_ops rs_kafka_worker_ops;
void rs_kafka_worker_drop(struct rs_kafka_worker *worker);

#endif
