#include "transform/group/index.h"

#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include "base/error.h"

#define INDEX_START 64u
#define HUGE_PAGE   ((size_t)2 << 20)
#define HUGE_FROM   ((size_t)4 << 20)
#define MAPPED_FROM ((size_t)128 << 10)

/* Four fifths full at most: a hit then looks at 3 slots on average, which mostly are of one line (Knuth, TAOCP
 * 6.4). */
static bool roomy(uint64_t slots, uint64_t entries)
{
    return entries * 5 <= slots * 4;
}

static bool is_mapped(uint64_t count)
{
    return count * sizeof(uint64_t) >= MAPPED_FROM && count * sizeof(uint64_t) < HUGE_FROM;
}

/* Zeroed. A table that is not small gets pages of its own, which cost nothing until there is something in them:
 * calloc would clear memory that was used before, and the table of dropped groups has room for many that never
 * come. A large one is on huge pages, where the system has them: every look-up reads a random line of it. */
static uint64_t *new_slots(uint64_t count)
{
    size_t size = count * sizeof(uint64_t);
    if (is_mapped(count)) {
        void *slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return slots == MAP_FAILED ? NULL : slots;
    }
    if (size < MAPPED_FROM) {
        return calloc(count, sizeof(uint64_t));
    }
    uint64_t *slots = aligned_alloc(HUGE_PAGE, size); /* a power of two: a multiple of the page */
    if (slots) {
        (void)madvise(slots, size, MADV_HUGEPAGE);
        memset(slots, 0, size);
    }
    return slots;
}

static void free_slots(uint64_t *slots, uint64_t count)
{
    if (slots && is_mapped(count)) {
        (void)munmap(slots, count * sizeof(uint64_t));
    } else {
        free(slots);
    }
}

static void place(uint64_t *slots, uint32_t mask, uint64_t slot)
{
    uint32_t at = (uint32_t)(slot >> 32);
    while (slots[at & mask] != 0) {
        at++;
    }
    slots[at & mask] = slot;
}

/* Slots carry the whole hash, so that a larger table is filled without a look at any group or key. */
bool rs_index_reserve(struct rs_index *index, uint32_t more)
{
    uint64_t slots = index->slots ? (uint64_t)index->mask + 1 : 0;
    uint64_t wanted = slots ? slots : INDEX_START;
    while (!roomy(wanted, (uint64_t)index->count + more)) {
        wanted *= 2;
    }
    if (wanted == slots) {
        return true;
    }
    if (wanted > UINT64_C(1) << 31) {
        return false;
    }
    uint64_t *fresh = new_slots(wanted);
    if (!fresh) {
        return false;
    }
    for (uint64_t i = 0; i < slots; i++) {
        if (index->slots[i]) {
            place(fresh, (uint32_t)(wanted - 1), index->slots[i]);
        }
    }
    free_slots(index->slots, slots);
    index->slots = fresh;
    index->mask = (uint32_t)(wanted - 1);
    return true;
}

void rs_index_fini(struct rs_index *index)
{
    free_slots(index->slots, (uint64_t)index->mask + 1);
    *index = (struct rs_index){0};
}

void rs_index_insert(struct rs_index *index, uint32_t hash, uint32_t number)
{
    place(index->slots, index->mask, (uint64_t)hash << 32 | (number + 1));
    index->count++;
}

/* No mark is left in the hole: what comes behind it moves up instead (Knuth, TAOCP 6.4, algorithm R), so
 * that look-ups are as short as if the entry had never been there. */
void rs_index_remove(struct rs_index *index, uint32_t hash, uint32_t number)
{
    uint64_t wanted = (uint64_t)hash << 32 | (number + 1);
    uint32_t mask = index->mask;
    uint32_t hole = hash & mask;
    while (index->slots[hole] != wanted) {
        RS_ASSERT(index->slots[hole] != 0);
        hole = (hole + 1) & mask;
    }
    /* An entry after the hole moves into it unless its home lies between the hole and where it is. */
    for (uint32_t at = (hole + 1) & mask; index->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t home = (uint32_t)(index->slots[at] >> 32) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            index->slots[hole] = index->slots[at];
            hole = at;
        }
    }
    index->slots[hole] = 0;
    index->count--;
}
