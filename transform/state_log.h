/* state log: who owns an input partition, and what its state was when it was last sealed.
 * The table below is all that a worker knows of it. A claim takes the partition over from whoever had it: it
 * yields the fencing token, then the sealed state in chunks, then the offset from which the input has to be
 * read again. A commit seals a batch of changed groups together with the input offset they stand for.
 * Everything is asynchronous: calls only begin something, `take` tells how it went, so that a worker never
 * blocks and a test can put any delay in between.
 *
 * The in-memory log remembers nothing. Its claims restore no state and begin the input at its oldest record.
 * Its token is the wall clock of the claim in milliseconds, or one more than the last where that is larger:
 * larger than any before in the process, and larger than those of other processes as far as the machines'
 * clocks agree. A log on Kafka takes the offset of its claim record instead, which is a total order without
 * any clock. Thread: every call on the worker's thread that is named; each worker its own partitions. Limits:
 * tokens stay below 2^53, since Redis scripts count in doubles. */
#ifndef RS_TRANSFORM_STATE_LOG_H
#define RS_TRANSFORM_STATE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

#define RS_STATE_TOKEN_MAX ((UINT64_C(1) << 53) - 1)

struct rs_state_key {
    uint32_t worker;
    uint32_t stream;
    int32_t partition;
};

enum rs_state_event_kind {
    RS_STATE_CHUNK,     /* while restoring: `bytes` are groups as rs_partition_save wrote them */
    RS_STATE_CLAIMED,   /* the partition is ours and restored: read the input from `next_offset`, publish with
                           `token` */
    RS_STATE_COMMITTED, /* sealed: the state up to `next_offset` survives a crash */
    RS_STATE_LOST,      /* another claim was seen: drop the partition, nothing written since counts */
    RS_STATE_FAILED, /* the log cannot go on with this partition: `error` names partition, offset and remedy
                      */
};

struct rs_state_event {
    enum rs_state_event_kind kind;
    struct rs_state_key key;
    uint64_t token;
    int64_t next_offset;          /* RS_OFFSET_BEGINNING: nothing was sealed */
    int64_t now_shown_us;         /* CLAIMED: RS_TIME_NONE when nothing was sealed */
    struct rs_slice bytes;        /* lives until the next `take` of this worker */
    const struct rs_error *error; /* as `bytes` */
};

/* What one seal covers. */
struct rs_state_batch {
    uint64_t token;
    int64_t next_offset; /* the state is the fold of the input before this offset */
    int64_t now_shown_us;
    struct rs_slice chunk; /* changed groups, and in a sweep also clean ones; copied */
    bool sweep_begins; /* the first batch of a sweep: once the sweep is verified the log may be trimmed up to
                          here */
};

struct rs_state_log_ops {
    /* Begins to take the partition over: CHUNK events, then CLAIMED or FAILED. */
    RS_MUST_USE int (*claim)(void *self, struct rs_state_key key, struct rs_error *error);
    /* Begins to seal: COMMITTED, LOST or FAILED follows. One batch of a partition is under way at a time. */
    RS_MUST_USE int (*commit)(void *self, struct rs_state_key key, const struct rs_state_batch *batch,
                              struct rs_error *error);
    /* Lets go of the partition at any point; no event about it comes afterwards. */
    void (*release)(void *self, struct rs_state_key key);
    /* Next event for the worker; never blocks. */
    bool (*take)(void *self, uint32_t worker, struct rs_state_event *out);
    int (*wake_fd)(void *self, uint32_t worker); /* readable when `take` has something; -1: poll */
};

struct rs_state_log {
    void *self;
    const struct rs_state_log_ops *ops;
};

struct rs_memory_log;

RS_MUST_USE int rs_memory_log_new(uint32_t workers, const struct rs_clock *clock, struct rs_memory_log **out,
                                  struct rs_error *error);
void rs_memory_log_free(struct rs_memory_log **log);
struct rs_state_log rs_memory_log_table(struct rs_memory_log *log);

#endif
