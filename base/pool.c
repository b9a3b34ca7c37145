#include "base/pool.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"

#define POOL_ALIGN         16
#define POOL_BLOCK_MAX     ((size_t)64 * 1024)
#define POOL_CHUNK_FIRST   ((size_t)4 * 1024)
#define POOL_CHUNK_LARGEST ((size_t)256 * 1024)

struct rs_pool_chunk {
    alignas(POOL_ALIGN) struct rs_pool_chunk *next;
};

struct rs_pool_free {
    struct rs_pool_free *next;
};

void rs_pool_init(struct rs_pool *pool, size_t block_size)
{
    RS_ASSERT(block_size > 0 && block_size <= POOL_BLOCK_MAX);
    *pool = (struct rs_pool){
        .block_size = (block_size + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN,
        .next_chunk_size = POOL_CHUNK_FIRST,
    };
}

void rs_pool_fini(struct rs_pool *pool)
{
    struct rs_pool_chunk *chunk = pool->chunks;
    while (chunk != NULL) {
        struct rs_pool_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *pool = (struct rs_pool){.block_size = pool->block_size, .next_chunk_size = POOL_CHUNK_FIRST};
}

static bool add_chunk(struct rs_pool *pool)
{
    size_t room = pool->next_chunk_size - sizeof(struct rs_pool_chunk);
    size_t count = room / pool->block_size;
    if (count == 0) {
        count = 1;
    }
    size_t size = sizeof(struct rs_pool_chunk) + count * pool->block_size;
    struct rs_pool_chunk *chunk = malloc(size);
    if (chunk == NULL) {
        return false;
    }
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    pool->fresh = (uint8_t *)(chunk + 1);
    pool->fresh_count = count;
    pool->total_bytes += size;
    if (pool->next_chunk_size < POOL_CHUNK_LARGEST) {
        pool->next_chunk_size *= 2;
    }
    return true;
}

void *rs_pool_get(struct rs_pool *pool)
{
    struct rs_pool_free *block = pool->free;
    if (block != NULL) {
        pool->free = block->next;
        pool->used_blocks++;
        return block;
    }
    if (pool->fresh_count == 0 && !add_chunk(pool)) {
        return NULL;
    }
    void *fresh = pool->fresh;
    pool->fresh += pool->block_size;
    pool->fresh_count--;
    pool->used_blocks++;
    return fresh;
}

void rs_pool_put(struct rs_pool *pool, void *block)
{
    if (block == NULL) {
        return;
    }
    RS_ASSERT(pool->used_blocks > 0);
    struct rs_pool_free *returned = block;
    returned->next = pool->free;
    pool->free = returned;
    pool->used_blocks--;
}
