#include "transform/group/key_arena.h"

#include <stdlib.h>

#include "base/error.h"
#include "transform/group/index.h"

#define CHUNK_UNITS (1u << RS_KEY_CHUNK_SHIFT)

static uint32_t units_of(size_t key_size)
{
    return (uint32_t)((key_size + sizeof(uint16_t) + RS_KEY_UNIT - 1) / RS_KEY_UNIT);
}

void rs_key_arena_init(struct rs_key_arena *arena)
{
    *arena = (struct rs_key_arena){0};
    for (size_t i = 0; i < RS_KEY_CLASSES; i++) {
        arena->free_head[i] = RS_NONE;
    }
}

void rs_key_arena_fini(struct rs_key_arena *arena)
{
    for (uint32_t i = 0; i < arena->chunk_count; i++) {
        free(arena->chunks[i]);
    }
    free(arena->chunks);
    rs_key_arena_init(arena);
}

/* Chunks are never moved or given back: keys are read by reference all the time. */
static bool add_chunk(struct rs_key_arena *arena)
{
    if (arena->chunk_count >= UINT32_MAX >> RS_KEY_CHUNK_SHIFT) {
        return false;
    }
    if (arena->chunk_count == arena->chunk_capacity) {
        uint32_t wider = arena->chunk_capacity ? arena->chunk_capacity * 2 : 8;
        uint8_t **chunks = realloc(arena->chunks, wider * sizeof *chunks);
        if (!chunks) {
            return false;
        }
        arena->chunks = chunks;
        arena->chunk_capacity = wider;
    }
    uint8_t *chunk = malloc((size_t)CHUNK_UNITS * RS_KEY_UNIT);
    if (!chunk) {
        return false;
    }
    arena->chunks[arena->chunk_count++] = chunk;
    return true;
}

bool rs_key_arena_reserve(struct rs_key_arena *arena, size_t count, size_t bytes)
{
    /* Rounding wastes under two units a key; at each change of chunk one key's worth may be left unused. */
    size_t units = bytes / RS_KEY_UNIT + 2 * count;
    units += (units / CHUNK_UNITS + 1) * RS_KEY_CLASSES;
    size_t chunks = arena->filling + (arena->at + units) / CHUNK_UNITS + 1;
    while (arena->chunk_count < chunks) {
        if (!add_chunk(arena)) {
            return false;
        }
    }
    return true;
}

/* A place that was given back is used again only for a key of the same number of units; its first bytes
 * link it to the next such place. So memory of one size never serves another: that is the price for taking
 * and giving in constant time. */
uint32_t rs_key_arena_put(struct rs_key_arena *arena, struct rs_slice key)
{
    RS_ASSERT(key.size <= RS_GROUP_KEY_MAX);
    uint32_t units = units_of(key.size);
    uint32_t ref = arena->free_head[units];
    if (ref != RS_NONE) {
        memcpy(&arena->free_head[units], rs_key_arena_at(arena, ref), sizeof ref);
    } else {
        if (arena->at + units > CHUNK_UNITS) {
            arena->filling++;
            arena->at = 0;
        }
        RS_ASSERT(arena->filling < arena->chunk_count);
        ref = (arena->filling << RS_KEY_CHUNK_SHIFT) + arena->at;
        arena->at += units;
    }
    uint16_t size = (uint16_t)key.size;
    uint8_t *at = rs_key_arena_at(arena, ref);
    memcpy(at, &size, sizeof size);
    if (size) {
        memcpy(at + sizeof size, key.data, size);
    }
    return ref;
}

void rs_key_arena_give(struct rs_key_arena *arena, uint32_t ref)
{
    uint32_t units = units_of(rs_key_arena_get(arena, ref).size);
    memcpy(rs_key_arena_at(arena, ref), &arena->free_head[units], sizeof ref);
    arena->free_head[units] = ref;
}
