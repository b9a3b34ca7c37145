/* seal parts: what seal.c and restore.c share. Private to them and to the partition that embeds it.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_PARTITION_SEAL_INTERNAL_H
#define RS_TRANSFORM_PARTITION_SEAL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "transform/partition/dedup.h"
#include "transform/statelog/log.h"

#define RS_HEAD_FORMAT        2
#define RS_HEAD_FORMAT_OLDEST 1

enum rs_entry_kind {
    RS_ENTRY_CHANGED = 1,
    RS_ENTRY_WHOLE = 2,
    RS_ENTRY_DROPPED = 3,
    RS_ENTRY_DELETE = 4,
    RS_ENTRY_CLEARED = 5,
    RS_ENTRY_IDS = 6,
    RS_ENTRY_GONE = 7,
};

struct rs_seal_batch {
    bool enabled, open;
    uint32_t set; /* whose list is being written */
    struct rs_seal seal;
    struct rs_buf head;
    struct rs_buf out;   /* entries not taken yet */
    struct rs_buf cuts;  /* size_t: ends of chunks in `out` */
    size_t cut, taken;   /* number of the next cut, bytes of `out` before it */
    uint64_t ids_sealed; /* number after the last id that a batch has told */
    /* sweep */
    bool sweeping, sweep_ends;
    uint32_t sweep_set, sweep_at;
    uint64_t sweep_id, sweep_ids_end; /* ids from here, before there, are still to be told again */
};

/* An id while restoring: batches tell them in any order and more than once. */
struct rs_restored_id {
    uint64_t number;
    struct rs_dedup_entry entry;
};

struct rs_restoring {
    uint32_t format; /* of the batch that is being restored */
    int32_t *sets;   /* of the stored aggregates: number among ours, -1: not configured any more */
    uint32_t set_count;
    bool *known; /* of our aggregates: the last head has it */
    struct rs_restored_id *ids;
    size_t id_count, id_capacity;
    uint64_t first_id;
    uint32_t ids_live;
    struct rs_buf removed; /* names, comma between */
};

void rs_restoring_fini(struct rs_restoring *restoring);

#endif
