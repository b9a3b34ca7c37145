/* seal parts: what seal.c and restore.c share. Private to them and to the partition that embeds it.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_PARTITION_SEAL_INTERNAL_H
#define RS_TRANSFORM_PARTITION_SEAL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "transform/group/changes.h"
#include "transform/partition/dedup.h"
#include "transform/statelog/log.h"

#define RS_HEAD_FORMAT        3
#define RS_HEAD_FORMAT_OLDEST 1

struct rs_seal_batch {
    bool enabled;
    uint32_t set; /* whose list is being written */
    struct rs_seal seal;
    struct rs_buf head;
    struct rs_chunks chunks;
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
