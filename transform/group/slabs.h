/* slabs: items of one size, named by 32-bit numbers, in slabs that never move. The first slabs are small.
 * A population that has outgrown them gets its slabs out of larger chunks on huge pages, where the system
 * has them: at a million groups every line of a group would otherwise cost a walk through the page tables
 * as well. Room is reserved before a batch, so that taking an item on the event path cannot fail. Freed
 * items are used again first; slabs go back only with the pool.
 * Thread: its owner's. */
#ifndef RS_TRANSFORM_GROUP_SLABS_H
#define RS_TRANSFORM_GROUP_SLABS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transform/group/index.h"

#define RS_SLABS_SHIFT 10
#define RS_SLABS_SLAB  (1u << RS_SLABS_SHIFT)

struct rs_slabs {
    uint8_t **items;
    uint32_t slab_count, slab_capacity;
    void **chunks; /* what the slabs were allocated as */
    uint32_t chunk_count, chunk_capacity;
    uint32_t item_size; /* a multiple of 8, at least 8; items of a multiple of 64 are aligned to it */
    uint32_t touched;   /* items ever taken */
    uint32_t free_head; /* freed items, linked through their first bytes */
    uint32_t free_count;
};

void rs_slabs_init(struct rs_slabs *slabs, size_t item_size);
void rs_slabs_fini(struct rs_slabs *slabs);
bool rs_slabs_reserve(struct rs_slabs *slabs, uint32_t more); /* false: out of memory */
/* Makes items 0 to count - 1 usable by number, without taking them; for slabs that run beside others. */
bool rs_slabs_cover(struct rs_slabs *slabs, uint32_t count);
uint32_t rs_slabs_take(struct rs_slabs *slabs); /* needs room; the item is not cleared */
void rs_slabs_give(struct rs_slabs *slabs, uint32_t item);

static inline void *rs_slabs_at(const struct rs_slabs *slabs, uint32_t item)
{
    return slabs->items[item >> RS_SLABS_SHIFT] + (size_t)(item & (RS_SLABS_SLAB - 1)) * slabs->item_size;
}

static inline uint32_t rs_slabs_live(const struct rs_slabs *slabs)
{
    return slabs->touched - slabs->free_count;
}

/* Bytes that items ever used take up; slabs beyond are not touched and cost no memory. */
static inline size_t rs_slabs_bytes(const struct rs_slabs *slabs)
{
    return (size_t)slabs->touched * slabs->item_size;
}

#endif
