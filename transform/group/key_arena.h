/* key arena: the long group keys of one aggregate, named by 32-bit references, freed and used again by
 * size class. Only keys too long for the group itself come here. A key is a two-byte length and its bytes,
 * rounded up to eight.
 * Thread: its owner's.
 * Limits: RS_GROUP_KEY_MAX bytes a key, 32 GiB of keys. */
#ifndef RS_TRANSFORM_GROUP_KEY_ARENA_H
#define RS_TRANSFORM_GROUP_KEY_ARENA_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"
#include "transform/plan/group_key.h"

#define RS_KEY_UNIT        8u
#define RS_KEY_CHUNK_SHIFT 13 /* 8192 units: 64 KiB */
#define RS_KEY_CLASSES     ((RS_GROUP_KEY_MAX + 2u + RS_KEY_UNIT - 1) / RS_KEY_UNIT + 1)

struct rs_key_arena {
    uint8_t **chunks;
    uint32_t chunk_count, chunk_capacity;
    uint32_t at;                        /* units used of the chunk that is being filled */
    uint32_t filling;                   /* number of that chunk; chunk_count: none yet */
    uint32_t free_head[RS_KEY_CLASSES]; /* by size in units */
};

void rs_key_arena_init(struct rs_key_arena *arena);
void rs_key_arena_fini(struct rs_key_arena *arena);
/* Room for `count` keys of `bytes` raw bytes together; false: out of memory. */
bool rs_key_arena_reserve(struct rs_key_arena *arena, size_t count, size_t bytes);
uint32_t rs_key_arena_put(struct rs_key_arena *arena, struct rs_slice key); /* needs room */
void rs_key_arena_give(struct rs_key_arena *arena, uint32_t ref);

static inline uint8_t *rs_key_arena_at(const struct rs_key_arena *arena, uint32_t ref)
{
    return arena->chunks[ref >> RS_KEY_CHUNK_SHIFT] +
           (size_t)(ref & ((1u << RS_KEY_CHUNK_SHIFT) - 1)) * RS_KEY_UNIT;
}

static inline struct rs_slice rs_key_arena_get(const struct rs_key_arena *arena, uint32_t ref)
{
    const uint8_t *at = rs_key_arena_at(arena, ref);
    uint16_t size;
    memcpy(&size, at, sizeof size);
    return rs_slice_of(at + sizeof size, size);
}

static inline size_t rs_key_arena_bytes(const struct rs_key_arena *arena)
{
    return ((size_t)arena->filling << RS_KEY_CHUNK_SHIFT) * RS_KEY_UNIT + (size_t)arena->at * RS_KEY_UNIT;
}

#endif
