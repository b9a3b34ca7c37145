#include "transform/group/slabs.h"

#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include "base/error.h"

#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_FROM ((size_t)16 << 20) /* below, what a last huge page leaves unused would weigh more */
#define SLABS_MAX (UINT32_MAX / RS_SLABS_SLAB - 4096)

void rs_slabs_init(struct rs_slabs *slabs, size_t item_size)
{
    RS_ASSERT(item_size >= 8 && item_size % 8 == 0 && item_size < 1u << 24);
    *slabs = (struct rs_slabs){.item_size = (uint32_t)item_size, .free_head = RS_NONE};
}

void rs_slabs_fini(struct rs_slabs *slabs)
{
    for (uint32_t i = 0; i < slabs->chunk_count; i++) {
        free(slabs->chunks[i]);
    }
    free(slabs->chunks);
    free(slabs->items);
    *slabs = (struct rs_slabs){.free_head = RS_NONE};
}

/* Room for one more pointer. */
static bool widen(void ***list, uint32_t count, uint32_t *capacity)
{
    if (count < *capacity) {
        return true;
    }
    uint32_t wider = *capacity ? *capacity * 2 : 8;
    void **moved = realloc(*list, wider * sizeof *moved);
    if (!moved) {
        return false;
    }
    *list = moved;
    *capacity = wider;
    return true;
}

/* A chunk of whole slabs; *count of them. The rest of the last huge page is left untouched and costs nothing
 * then. */
static void *new_chunk(const struct rs_slabs *slabs, uint32_t *count)
{
    size_t slab = (size_t)RS_SLABS_SLAB * slabs->item_size;
    *count = 1;
    if (slabs->slab_count * slab < HUGE_FROM) {
        return aligned_alloc(64, slab); /* 1,024 items: a multiple of 64 whatever their size */
    }
    size_t size = (slab / HUGE_PAGE + 1) * 2 * HUGE_PAGE;
    void *chunk = aligned_alloc(HUGE_PAGE, size);
    if (chunk) {
        (void)madvise(chunk, size, MADV_HUGEPAGE); /* a wish; without it the chunk is as good, and slower */
    }
    *count = (uint32_t)(size / slab);
    return chunk;
}

/* A chunk holds several slabs where it is on huge pages. Where memory runs out between them, those listed
 * so far are of use; the rest is freed with the chunk. */
static bool add_chunk(struct rs_slabs *slabs)
{
    uint32_t count;
    if (!widen(&slabs->chunks, slabs->chunk_count, &slabs->chunk_capacity)) {
        return false;
    }
    uint8_t *chunk = new_chunk(slabs, &count);
    if (!chunk) {
        return false;
    }
    slabs->chunks[slabs->chunk_count++] = chunk;
    for (uint32_t i = 0; i < count; i++) {
        if (!widen((void ***)&slabs->items, slabs->slab_count, &slabs->slab_capacity)) {
            return i > 0;
        }
        slabs->items[slabs->slab_count++] = chunk + (size_t)i * RS_SLABS_SLAB * slabs->item_size;
    }
    return true;
}

bool rs_slabs_reserve(struct rs_slabs *slabs, uint32_t more)
{
    while ((uint64_t)slabs->slab_count * RS_SLABS_SLAB - slabs->touched + slabs->free_count < more) {
        if (slabs->slab_count >= SLABS_MAX || !add_chunk(slabs)) {
            return false;
        }
    }
    return true;
}

bool rs_slabs_cover(struct rs_slabs *slabs, uint32_t count)
{
    if (count > slabs->touched) {
        if (!rs_slabs_reserve(slabs, count - slabs->touched)) {
            return false;
        }
        slabs->touched = count;
    }
    return true;
}

uint32_t rs_slabs_take(struct rs_slabs *slabs)
{
    if (slabs->free_count) {
        uint32_t item = slabs->free_head;
        memcpy(&slabs->free_head, rs_slabs_at(slabs, item), sizeof slabs->free_head);
        slabs->free_count--;
        return item;
    }
    RS_ASSERT(slabs->touched < (uint64_t)slabs->slab_count * RS_SLABS_SLAB);
    return slabs->touched++;
}

void rs_slabs_give(struct rs_slabs *slabs, uint32_t item)
{
    memcpy(rs_slabs_at(slabs, item), &slabs->free_head, sizeof slabs->free_head);
    slabs->free_head = item;
    slabs->free_count++;
}
