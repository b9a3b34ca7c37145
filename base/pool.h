/* pool: blocks of one size from large chunks, with a free list.
 * Chunks grow from 4 KiB to 256 KiB and go back to the system only at fini: a pool serves populations that
 * come and go at about one level, such as panes. Accounting is exact, so that a memory limit can be kept.
 * Owns:   its chunks.
 * Thread: one at a time.
 * Limits: block sizes from 1 byte to 64 KiB. */
#ifndef RS_BASE_POOL_H
#define RS_BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

struct rs_pool_chunk;
struct rs_pool_free;

struct rs_pool {
    size_t block_size; /* rounded up to a multiple of 16 */
    struct rs_pool_chunk *chunks;
    struct rs_pool_free *free; /* returned blocks, newest first: their cache lines are warm */
    uint8_t *fresh;            /* never used blocks of the newest chunk */
    size_t fresh_count;
    size_t next_chunk_size;
    size_t used_blocks;
    size_t total_bytes; /* taken from malloc */
};

void rs_pool_init(struct rs_pool *pool, size_t block_size);
void rs_pool_fini(struct rs_pool *pool); /* frees all blocks, also those in use */

/* A block aligned to 16, content undefined; NULL when out of memory. */
void *rs_pool_get(struct rs_pool *pool);
/* Takes a block of this pool; NULL is allowed. */
void rs_pool_put(struct rs_pool *pool, void *block);

static inline size_t rs_pool_used_bytes(const struct rs_pool *pool)
{
    return pool->used_blocks * pool->block_size;
}

#endif
