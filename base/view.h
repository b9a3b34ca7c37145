/* view: what the engine says about groups, on its way to a sink.
 * A batch holds operations of one partition as flat bytes. The worker that owns the partition fills it; the
 * sink applies it as a whole or not at all, puts the outcome in, and hands the same object back. The number
 * of batches in circulation is fixed, which bounds the queue: with none free, changes stay in the state and
 * coalesce there.
 * Thread: whoever holds the batch. */
#ifndef RS_BASE_VIEW_H
#define RS_BASE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fifo.h"
#include "base/slice.h"

/* What a sink has to know about an aggregate. Immutable after the configuration was compiled. */
struct rs_aggregate_meta {
    const char *name;
    const char *stream; /* name of its stream */
    uint32_t stream_index;
    uint32_t history;          /* ended windows kept per group; 0: none */
    const char *const *fields; /* names in the order of the operations' field numbers */
    uint32_t field_count;      /* includes window_start, window_end, event_time, events */
    uint32_t filled;     /* number of the field that says how a gap was filled, a text; 0: there is none */
    uint32_t stat_count; /* how many of them, from the first on, are statistics */
    bool grouped;        /* has group fields: a key is part of the names in Redis even when it is empty */
    const char *json;    /* value in rs:meta: group fields, statistics, units, window */
};

enum rs_op_kind {
    RS_OP_VIEW = 1,    /* current values of a group: replaces all of the hash's fields */
    RS_OP_HISTORY = 2, /* one ended window: replaces the members from its score to `last_ms`, keeps the newest
                          `history`; without fields it only takes those away */
    RS_OP_DROP = 3,    /* the group is gone: hash, history, index and owner entry */
};

/* Flag on RS_OP_VIEW: first publication of the group by this owner: check rs:owners. */
#define RS_OP_FIRST 1u
/* Flag on RS_OP_HISTORY: nothing else of the group says in this batch that it has changed, so this does. */
#define RS_OP_ANNOUNCED 2u
/* Flag on RS_OP_HISTORY: a session, which stands in the place of those that it has joined. */
#define RS_OP_SESSION 4u

struct rs_op_field {
    uint32_t field;       /* number in rs_aggregate_meta.fields */
    struct rs_slice text; /* the number exactly as Redis gets it */
};

/* A decoded operation; slices point into the batch. */
struct rs_op {
    enum rs_op_kind kind;
    uint32_t flags;
    uint32_t aggregate;   /* number of the aggregate */
    struct rs_slice key;  /* "<v1>:<v2>", percent-encoded */
    int64_t change_ms;    /* VIEW: score in the index */
    uint32_t field_count; /* VIEW, HISTORY: fields that have a value; read them with rs_op_field_next */
    int64_t score_ms;     /* HISTORY: window start */
    int64_t last_ms; /* HISTORY: the highest score of members that it replaces; the start but of sessions */
    struct rs_slice fields; /* encoded fields */
};

enum rs_batch_result {
    RS_BATCH_NONE = 0,
    RS_BATCH_APPLIED, /* written and acknowledged */
    RS_BATCH_BEHIND,  /* nothing written: the fence has seen `fence_offset`, past `offset`; token was taken */
    RS_BATCH_FENCED,  /* nothing written: a larger token holds the fence; the partition is lost */
    RS_BATCH_REFUSED, /* nothing written: the names are another consumer group's; see `refusal` */
};

struct rs_view_batch {
    /* set by the worker */
    uint32_t stream;         /* number of the stream, as its aggregates have it */
    uint32_t input;          /* number of the input: of this topic of the stream */
    const char *stream_name; /* of the input; among inputs there is one of each name */
    const char *topic;
    const char *owner_topic; /* the topic, where a number alone does not tell the stream's partitions apart */
    int32_t partition;
    uint32_t worker;      /* whom to hand it back to */
    uint32_t epoch;       /* the worker's own: tells a partition that came back from what it was */
    int64_t submitted_us; /* the same: monotonic */
    int64_t
        arrived_us; /* the same: when the oldest new record in it came to Kafka; RS_TIME_NONE: none is new */
    int64_t event_us; /* the same: time of the newest event then; RS_TIME_NONE: as above */
    uint64_t token;   /* fencing token, < 2^53 */
    int64_t offset;   /* next input offset: the views are folds of [0, offset) */
    int64_t now_shown_us;
    struct rs_buf ops;
    uint32_t op_count;
    size_t open_at;        /* where the operation being filled begins in `ops` */
    bool open;             /* between begin and end */
    uint32_t open_fields;  /* of that operation so far */
    struct rs_buf receipt; /* the engine's own note of what to acknowledge; opaque to sinks */
    /* A scan instead of operations: which groups of an aggregate does the store have as this partition's? It
     * is answered in pieces. */
    bool scan;
    uint32_t scan_aggregate;
    uint64_t scan_cursor; /* 0: from the beginning. Set by the sink: where to go on; 0: that was all */
    /* set by the sink */
    struct rs_buf scanned; /* scan: their keys, read with rs_batch_scanned_next */
    enum rs_batch_result result;
    int64_t fence_offset;       /* BEHIND */
    int64_t taken_us;           /* the sink's own: when it was submitted */
    int64_t fence_now_shown_us; /* BEHIND, and of a batch without operations whenever a fence was there: up to
                                   when it had been shown; INT64_MIN: not known */
    bool fence_old;             /* FENCED: by the fence of an earlier version, rs_fence_key_old */
    struct rs_buf refusal;      /* REFUSED: whose the names are, and what helps */
    struct rs_buf conflicts;    /* APPLIED: uint32_t op numbers (native order) whose group another partition
                                   owns; nothing was written for them */
    struct rs_view_batch *next; /* free list or queue link of its holder */
};

RS_FIFO(rs_view_batches, rs_view_batch);

/* How groups of the batch's partition are marked as its own: "<number>", or "<topic>/<number>". Returns the size. */
#define RS_BATCH_OWNER_MAX 272
size_t rs_batch_owner(const struct rs_view_batch *b, char out[RS_BATCH_OWNER_MAX]);

struct rs_view_batch *rs_view_batch_new(void); /* NULL: out of memory */
void rs_view_batch_free(struct rs_view_batch **batch);
void rs_view_batch_reset(struct rs_view_batch *batch);    /* keeps memory */
void rs_view_batches_fini(struct rs_view_batches *queue); /* frees the batches in it */

/* Filling. VIEW and HISTORY: begin, fields in ascending number, end. Failure is sticky: check
 * batch->ops.failed; a failed batch reads as empty and is good again after a reset. A key has at most
 * RS_VIEW_KEY_MAX bytes, a field's text at most RS_VIEW_TEXT_MAX (asserted). The cost of an operation is a
 * copy of its bytes. */
#define RS_VIEW_KEY_MAX  UINT16_MAX
#define RS_VIEW_TEXT_MAX UINT16_MAX
void rs_batch_view_begin(struct rs_view_batch *b, uint32_t aggregate, uint32_t flags, struct rs_slice key);
void rs_batch_history_begin(struct rs_view_batch *b, uint32_t aggregate, struct rs_slice key,
                            int64_t score_ms);
/* A session's: whatever history has from its first event to its last is of it. No fields: it has not ended. */
void rs_batch_session_begin(struct rs_view_batch *b, uint32_t aggregate, struct rs_slice key,
                            int64_t score_ms, int64_t last_ms);
void rs_batch_field(struct rs_view_batch *b, uint32_t field, const char *text, size_t size);
/* Of the history operation that is open: RS_OP_ANNOUNCED. */
void rs_batch_announce(struct rs_view_batch *b);
void rs_batch_end(struct rs_view_batch *b, int64_t change_ms);
void rs_batch_drop(struct rs_view_batch *b, uint32_t aggregate, struct rs_slice key);

/* Reading. *cursor starts at 0. Returns false at the end. */
bool rs_batch_next(const struct rs_view_batch *b, size_t *cursor, struct rs_op *op);
bool rs_op_field_next(const struct rs_op *op, size_t *cursor, struct rs_op_field *out);

/* Whether the sink is to say what the fence was before: where nothing was written because of it, and to
 * whoever only asks, since a new owner shows nothing older than its predecessor did, wherever their offsets
 * stand. */
static inline bool rs_batch_hears_fence(const struct rs_view_batch *b, enum rs_batch_result result)
{
    return result != RS_BATCH_APPLIED || b->op_count == 0;
}

/* Keys that a scan found. */
void rs_batch_scanned_put(struct rs_view_batch *b, struct rs_slice key);
bool rs_batch_scanned_next(const struct rs_view_batch *b, size_t *cursor, struct rs_slice *key);

/* ---- the sink's table ---- */
struct rs_view_sink_ops {
    /* Takes *batch (never refuses, never blocks) and sets *batch to NULL. Applied in the order submitted per
     * partition. Any worker thread. */
    void (*submit)(void *self, struct rs_view_batch **batch);
    /* A finished batch for this worker, or NULL. That worker's thread only. */
    struct rs_view_batch *(*finished)(void *self, uint32_t worker);
    /* Grows by one whenever the store was lost, wiped or went back: every owned view must be sent again.
     * Any thread. */
    uint64_t (*generation)(void *self);
    /* Descriptor that becomes readable when `finished` has something for this worker; -1: poll instead. */
    int (*wake_fd)(void *self, uint32_t worker);
};

struct rs_view_sink {
    void *self;
    const struct rs_view_sink_ops *ops;
};

/* Appends one key part, percent-encoding (two upper-case hexadecimal digits) ':' '%' '{' '}' space, control
 * characters (below 20 and 7F). Other bytes stand for themselves. */
void rs_key_append(struct rs_buf *out, struct rs_slice part);

/* Appends "<prefix>:fence:<group>:<topic>:<partition>", and the key of versions that knew no groups,
 * "<prefix>:fence:<stream>:<partition>". */
void rs_fence_key(struct rs_buf *out, const char *prefix, const char *group, const char *topic,
                  int32_t partition);
void rs_fence_key_old(struct rs_buf *out, const char *prefix, const char *stream_name, int32_t partition);

#endif
