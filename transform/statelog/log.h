/* state log: who owns an input partition, and what its state was when it was last sealed.
 * The table below is all that a worker knows of it. A claim takes the partition over from whoever had it: it
 * yields the fencing token, then the sealed state batch by batch, then the offset from which the input has to
 * be read again. A batch of changed groups goes in as chunks and counts once its seal, which names the input
 * offset it stands for, is in the log. Everything is asynchronous: calls only begin something, `take` tells
 * how it went, so that a worker never blocks and a test can put any delay in between.
 *
 * Two logs have this table: the durable one (protocol.h), and the one in memory, which keeps nothing:
 * its claims restore no state and begin the input at `start`. Its token is the wall clock of the
 * claim in milliseconds, or one more than the last where that is larger: larger than any before in the
 * process, and larger than those of other processes as far as the machines' clocks agree.
 * Thread: every call on the worker's thread that is named; each worker its own partitions.
 * Limits: tokens stay below 2^53, since Redis scripts count in doubles. */
#ifndef RS_TRANSFORM_STATELOG_LOG_H
#define RS_TRANSFORM_STATELOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"
#include "transform/plan/accounting.h"

#define RS_STATE_TOKEN_MAX ((UINT64_C(1) << 53) - 1)

struct rs_partition_id {
    uint32_t worker;
    uint32_t stream;
    int32_t partition;
};

/* What a seal says of the partition, beside the engine's own head. */
struct rs_seal {
    int64_t next_offset; /* the state is the fold of the input before this offset */
    int64_t stream_time_us;
    int64_t now_shown_us;
    struct rs_accounting events;
};

enum rs_state_event_kind {
    RS_STATE_BATCH,     /* restoring: a batch begins; `bytes` is its head, for rs_partition_restore_batch */
    RS_STATE_CHUNK,     /* restoring: `bytes` is a chunk of that batch, for rs_partition_restore_chunk */
    RS_STATE_VOID,      /* restoring: what was handed over so far does not count: begin afresh */
    RS_STATE_CLAIMED,   /* ours, and all batches were handed over: read the input, publish with `token` */
    RS_STATE_COMMITTED, /* sealed: the state up to `seal.next_offset` survives a crash */
    RS_STATE_LOST,      /* another claim was seen: drop the partition, nothing written since counts */
    RS_STATE_UNSURE,    /* what became of an append is not known (`error`): claim again, the log decides */
    RS_STATE_FAILED,    /* the log cannot go on with this partition: `error` says where and the remedy */
    RS_STATE_MORE,      /* nothing to tell yet, but there is more to look through: come again */
};

struct rs_state_event {
    enum rs_state_event_kind kind;
    struct rs_partition_id id;
    uint64_t token;
    bool sealed;           /* CLAIMED: there was a batch. Else the state begins empty, at seal.next_offset */
    struct rs_seal seal;   /* BATCH: its own; CLAIMED: of the last batch; COMMITTED: next_offset alone */
    struct rs_slice bytes; /* lives until the next `take` of this worker */
    const struct rs_error *error; /* as `bytes` */
};

/* What a batch is to carry beside what changed. */
struct rs_state_plan {
    bool sweep_begins;    /* clean groups from the first one on: a new sweep */
    uint64_t slice_bytes; /* about so many bytes of clean groups; 0: none */
};

/* Of one partition, for people and metrics. */
struct rs_state_log_status {
    int64_t claim;                  /* offset of our claim; -1: not known yet */
    int64_t sealed_at;              /* offset of our last seal; -1: none */
    uint64_t log_bytes, live_bytes; /* of the log from its base on; of the newest complete sweep */
    uint64_t batches, sweeps, trims;
    bool restoring;
    uint64_t restored_records, restored_bytes;
    int64_t restore_at, restore_until; /* offsets */
};

struct rs_state_log_ops {
    /* Begins to take the partition over: BATCH and CHUNK events, then CLAIMED or FAILED. `start`: where the input
     * begins if there is no state, and no earlier claim without one said otherwise; -1: at its oldest record. */
    RS_MUST_USE int (*claim)(void *self, struct rs_partition_id id, int64_t start, struct rs_error *error);
    /* What the next batch is to carry. NULL: this log is not durable; a seal alone tells how far the input
     * is done, and no batch is made. */
    struct rs_state_plan (*plan)(void *self, struct rs_partition_id id);
    /* Adds a chunk to the batch that is open, or opens one. Copies. RS_ELIMIT: no room now, come again. */
    RS_MUST_USE int (*chunk)(void *self, struct rs_partition_id id, struct rs_slice bytes,
                             struct rs_error *error);
    /* Seals the batch; COMMITTED, LOST, UNSURE or FAILED follows, and until then no other batch is opened.
     * `sweep_ends`: the sweep's last clean group is in this batch. Copies. RS_ELIMIT as above. */
    RS_MUST_USE int (*seal)(void *self, struct rs_partition_id id, const struct rs_seal *seal,
                            struct rs_slice head, bool sweep_ends, struct rs_error *error);
    /* Lets go of the partition at any point; no event about it comes afterwards. */
    void (*release)(void *self, struct rs_partition_id id);
    /* Next event for the worker; never blocks. */
    bool (*take)(void *self, uint32_t worker, struct rs_state_event *out);
    /* NULL where there is nothing to tell; false: no such partition. On the worker's thread. */
    bool (*status)(void *self, struct rs_partition_id id, struct rs_state_log_status *out);
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
