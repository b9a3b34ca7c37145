#include "sink/redis/fences.h"

#include <stdlib.h>

#include "base/array.h"

void rs_redis_fences_fini(struct rs_redis_fences *fences)
{
    free(fences->items);
    *fences = (struct rs_redis_fences){0};
}

struct rs_redis_fence_entry *rs_redis_fences_find(const struct rs_redis_fences *fences,
                                                  const struct rs_view_batch *batch)
{
    for (size_t i = 0; i < fences->count; i++) {
        struct rs_redis_fence_entry *entry = &fences->items[i];
        if (entry->partition == batch->partition && entry->input == batch->input &&
            entry->stream == batch->stream) {
            return entry;
        }
    }
    return NULL;
}

struct rs_redis_fence_entry *rs_redis_fences_at(struct rs_redis_fences *fences,
                                                const struct rs_view_batch *batch)
{
    struct rs_redis_fence_entry *entry = rs_redis_fences_find(fences, batch);
    if (entry) {
        return entry;
    }
    struct rs_redis_fence_entry *items =
        rs_array_grow(fences->items, fences->count, &fences->capacity, 16, sizeof *items);
    if (!items) {
        return NULL;
    }
    fences->items = items;
    entry = &fences->items[fences->count++];
    *entry = (struct rs_redis_fence_entry){
        .stream = batch->stream,
        .input = batch->input,
        .partition = batch->partition,
        .topic = batch->topic,
    };
    return entry;
}

bool rs_redis_fence_lost(struct rs_redis_fence_entry *entry, const struct rs_redis_fence *found)
{
    if (!entry->owned) {
        return false;
    }
    if (!found) {
        return true;
    }
    if (found->token > entry->fence.token) {
        entry->owned = false;
        return false;
    }
    return rs_redis_fence_compare(found, &entry->fence) < 0;
}

bool rs_redis_fences_generation(const struct rs_redis_fences *fences, uint64_t *out)
{
    bool any = false;
    for (size_t i = 0; i < fences->count; i++) {
        const struct rs_redis_fence_entry *entry = &fences->items[i];
        if (entry->owned && (!any || entry->generation > *out)) {
            *out = entry->generation;
            any = true;
        }
    }
    return any;
}

void rs_redis_fences_forget(struct rs_redis_fences *fences)
{
    for (size_t i = 0; i < fences->count; i++) {
        fences->items[i].owned = false;
    }
}
