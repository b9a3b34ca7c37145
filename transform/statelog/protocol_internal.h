/* log owners: what a durable log knows of each partition, and how its files find it. Private to
 * transform/statelog/protocol.c and owners.c.
 * Thread: each worker its own owners. */
#ifndef RS_TRANSFORM_STATELOG_PROTOCOL_INTERNAL_H
#define RS_TRANSFORM_STATELOG_PROTOCOL_INTERNAL_H

#include "transform/statelog/protocol.h"
#include "transform/statelog/reader.h"

enum rs_durable_phase {
    RS_DURABLE_CLAIMING, /* the claim is on its way */
    RS_DURABLE_READING,
    RS_DURABLE_OWNED,
    RS_DURABLE_OVER, /* lost, unsure or failed: the worker has had that event, and no other follows */
};

struct rs_log_owner {
    struct rs_partition_id id;
    enum rs_durable_phase phase;
    int64_t start;             /* where the input begins if the log says nothing; -1: at its oldest record */
    struct rs_owner signature; /* on all its records */
    int64_t token;             /* offset of the claim; -1: not known yet */
    int64_t next;              /* where our next record has to stand */
    struct rs_state_reader *reader;
    struct rs_error error;
    /* a gap in our offsets: the log is read to see whether another claim lies in it */
    bool checking;
    int64_t check_until; /* the newest record behind a gap; -1: none */
    bool doubted;        /* the check is of a claim whose log is damaged: `damage`; is it another's by now? */
    bool superseded;     /* a check has seen a later claim */
    struct rs_error damage;
    int64_t sealed; /* a seal stands here, but the worker hears of it only after the check; -1: none */
    /* the open batch */
    bool open;
    uint64_t batch, chunk_sum;
    uint64_t slice_bytes;              /* of clean groups that it was to have */
    uint64_t batch_begun, batch_bytes; /* `written` when it was opened; size of the one before */
    uint32_t chunks;
    int64_t sealing_offset; /* input offset of the seal under way */
    int64_t sealing_sweep;  /* sweep_start of the seal under way; -1: it ends no sweep */
    /* sweep and trim; `written` counts bytes, so that differences of it are sizes */
    uint64_t written, base, sweep_base;
    uint64_t sweep_changes; /* of what was written since sweep_base, about: what had changed */
    uint64_t live_bytes;
    bool sweeping, trimming;
    int64_t sweep_start;
    int64_t trim_to; /* verified; -1: nothing to trim */
    bool trim_reported;
    struct rs_state_log_status status;
};

struct rs_log_owners {
    struct rs_log_owner **items;
    size_t count, capacity;
    struct rs_buf scratch;
    /* a batch that is being handed over: its chunks come one by one */
    struct rs_log_owner *handing;
    bool head_handed;
    struct rs_slice head;
    struct rs_seal seal;
    size_t handed;
};

struct rs_durable_log {
    struct rs_durable_log_options options;
    struct rs_log_owners workers[];
};

struct rs_log_owners *rs_log_owners_of(struct rs_durable_log *log, uint32_t worker);
/* NULL: there is none. */
struct rs_log_owner *rs_durable_find(struct rs_durable_log *log, struct rs_partition_id id);
/* A new one, empty; NULL: out of memory. */
struct rs_log_owner *rs_durable_add(struct rs_durable_log *log, struct rs_partition_id id);
/* Drops it; the append log forgets it too. */
void rs_durable_forget(struct rs_durable_log *log, struct rs_partition_id id);
void rs_log_owner_free(struct rs_log_owner *owner);
const struct rs_stream *rs_durable_stream(const struct rs_durable_log *log, const struct rs_log_owner *owner);
/* What all its records bear. */
uint64_t rs_durable_identity(const struct rs_durable_log *log, struct rs_partition_id id);
void rs_durable_report(const struct rs_durable_log *log, enum rs_log_level level,
                       const struct rs_log_owner *owner, const struct rs_error *why);

#endif
