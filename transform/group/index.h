/* index: open addressing from a 32-bit hash to a 32-bit number, 8 bytes a slot, linear probing. What a
 * number stands for, and whether it is really the one looked for, is the caller's to compare: several
 * entries may share a hash. Removal shifts the run back, so there are no tombstones and a lookup never
 * slows down with age.
 * Thread: its owner's. */
#ifndef RS_TRANSFORM_GROUP_INDEX_H
#define RS_TRANSFORM_GROUP_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefetch.h"

#define RS_NONE UINT32_MAX /* no such group, pane or entry */

struct rs_index {
    uint64_t *slots; /* hash << 32 | number + 1; 0: empty */
    uint32_t mask;   /* slot count - 1; slots NULL: 0 */
    uint32_t count;
};

/* Room for `more` further entries; false: out of memory, nothing changed. */
bool rs_index_reserve(struct rs_index *index, uint32_t more);
void rs_index_fini(struct rs_index *index);
/* Needs room (rs_index_reserve). */
void rs_index_insert(struct rs_index *index, uint32_t hash, uint32_t number);
/* The entry must be there. */
void rs_index_remove(struct rs_index *index, uint32_t hash, uint32_t number);

static inline void rs_index_prefetch(const struct rs_index *index, uint32_t hash)
{
    rs_prefetch(&index->slots[hash & index->mask]);
}

/* Next number with this hash; *cursor starts as the hash and is moved on. RS_NONE: no further one. Needs
 * slots. */
static inline uint32_t rs_index_next(const struct rs_index *index, uint32_t hash, uint32_t *cursor)
{
    for (uint32_t at = *cursor;; at++) {
        uint64_t slot = index->slots[at & index->mask];
        if (slot == 0) {
            return RS_NONE;
        }
        if ((uint32_t)(slot >> 32) == hash) {
            *cursor = at + 1;
            return (uint32_t)slot - 1;
        }
    }
}

static inline size_t rs_index_bytes(const struct rs_index *index)
{
    return index->slots ? ((size_t)index->mask + 1) * sizeof *index->slots : 0;
}

#endif
