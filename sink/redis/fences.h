/* redis fences: what this process has last written into the fence of each partition it publishes, to notice
 * that Redis has lost it.
 * Thread: the writer's.
 * Owns: its table. */
#ifndef RS_SINK_REDIS_FENCES_H
#define RS_SINK_REDIS_FENCES_H

#include "sink/redis/script.h"

struct rs_redis_fence_entry {
    uint32_t stream, input;
    int32_t partition;
    const char *topic; /* borrowed from the configuration, as in a batch */
    bool owned;        /* written by us, and nobody has taken it since */
    struct rs_redis_fence fence;
    uint64_t generation; /* the sink's when it was last acknowledged */
    uint64_t evicted;    /* keys that Redis had evicted when the fence was last seen */
};

struct rs_redis_fences {
    struct rs_redis_fence_entry *items;
    size_t count, capacity;
};

void rs_redis_fences_fini(struct rs_redis_fences *fences);
/* The partition's entry, made if need be. NULL: out of memory; it then goes unwatched. */
struct rs_redis_fence_entry *rs_redis_fences_at(struct rs_redis_fences *fences,
                                                const struct rs_view_batch *batch);
/* NULL: it has none. */
struct rs_redis_fence_entry *rs_redis_fences_find(const struct rs_redis_fences *fences,
                                                  const struct rs_view_batch *batch);
/* Whether `found` (NULL: no fence) shows that writes we were answered for are gone. Notices a new owner. */
bool rs_redis_fence_lost(struct rs_redis_fence_entry *entry, const struct rs_redis_fence *found);
/* The highest generation among owned entries; false: none is owned. */
bool rs_redis_fences_generation(const struct rs_redis_fences *fences, uint64_t *out);
/* Nothing is expected of Redis any more: it was lost and is being filled anew. */
void rs_redis_fences_forget(struct rs_redis_fences *fences);

#endif
