#include "transform/group/gone.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"
#include "base/record.h"

void rs_gone_init(struct rs_gone *g)
{
    *g = (struct rs_gone){.max = RS_GONE_MAX, .forgotten_newest_us = RS_TIME_NONE};
}

void rs_gone_fini(struct rs_gone *g)
{
    free(g->heap);
    g->heap = NULL;
    g->count = g->capacity = 0;
    rs_index_fini(&g->index);
}

uint64_t rs_gone_hash(struct rs_slice key)
{
    return XXH3_64bits(key.data, key.size);
}

/* Never for more than `max`: from there on one goes for each that comes. Only what is there is copied, for
 * memory that was never touched costs nothing: as a rule few groups go of the many that there is room for. */
bool rs_gone_reserve(struct rs_gone *g, uint64_t groups)
{
    uint32_t wanted = groups < g->max ? (uint32_t)groups : g->max;
    if (wanted <= g->capacity) {
        return true;
    }
    uint64_t doubled = (uint64_t)g->capacity * 2 + 16;
    uint32_t capacity = doubled > g->max ? g->max : (uint32_t)doubled;
    capacity = wanted > capacity ? wanted : capacity;
    struct rs_gone_entry *grown = malloc(capacity * sizeof *grown);
    if (!grown) {
        return false;
    }
    if (g->count > 0) {
        memcpy(grown, g->heap, g->count * sizeof *grown);
    }
    free(g->heap);
    g->heap = grown;
    if (!rs_index_reserve(&g->index, capacity - g->index.count)) {
        return false;
    }
    g->capacity = capacity;
    return true;
}

static bool older(const struct rs_gone_entry *a, const struct rs_gone_entry *b)
{
    return a->newest_us < b->newest_us || (a->newest_us == b->newest_us && a->hash < b->hash);
}

static uint32_t find(const struct rs_gone *g, uint64_t hash)
{
    uint32_t cursor = (uint32_t)hash;
    while (g->index.slots) {
        uint32_t place = rs_index_next(&g->index, (uint32_t)hash, &cursor);
        if (place == RS_NONE || g->heap[place].hash == hash) {
            return place;
        }
    }
    return RS_NONE;
}

static void set(struct rs_gone *g, uint32_t place, struct rs_gone_entry entry)
{
    g->heap[place] = entry;
    rs_index_insert(&g->index, (uint32_t)entry.hash, place);
}

static void clear(struct rs_gone *g, uint32_t place)
{
    rs_index_remove(&g->index, (uint32_t)g->heap[place].hash, place);
}

/* The entry belongs at `place`, which is free, or further towards the first. */
static void rise(struct rs_gone *g, uint32_t place, struct rs_gone_entry entry)
{
    while (place > 0 && older(&entry, &g->heap[(place - 1) / 2])) {
        uint32_t above = (place - 1) / 2;
        struct rs_gone_entry moved = g->heap[above];
        clear(g, above);
        set(g, place, moved);
        place = above;
    }
    set(g, place, entry);
}

/* The entry belongs at `place`, which is free, or below it. */
static void sink(struct rs_gone *g, uint32_t place, struct rs_gone_entry entry)
{
    for (;;) {
        uint32_t below = place * 2 + 1;
        if (below + 1 < g->count && older(&g->heap[below + 1], &g->heap[below])) {
            below++;
        }
        if (below >= g->count || !older(&g->heap[below], &entry)) {
            break;
        }
        struct rs_gone_entry moved = g->heap[below];
        clear(g, below);
        set(g, place, moved);
        place = below;
    }
    set(g, place, entry);
}

static void forget(struct rs_gone *g, int64_t newest_us)
{
    g->forgotten++;
    if (newest_us > g->forgotten_newest_us) {
        g->forgotten_newest_us = newest_us;
    }
}

/* Full: whichever is the oldest is forgotten, be it the new one, so that what is kept does not hang on the
 * order in which groups went. */
void rs_gone_put(struct rs_gone *g, struct rs_gone_entry entry)
{
    uint32_t place = find(g, entry.hash);
    if (place != RS_NONE) {
        if (entry.newest_us > g->heap[place].newest_us) {
            clear(g, place);
            sink(g, place, entry);
        }
    } else if (g->count < g->max) {
        RS_ASSERT(g->count < g->capacity);
        rise(g, g->count++, entry);
    } else if (older(&entry, &g->heap[0])) {
        forget(g, entry.newest_us);
    } else {
        forget(g, g->heap[0].newest_us);
        clear(g, 0);
        sink(g, 0, entry);
    }
}

int64_t rs_gone_newest(const struct rs_gone *g, struct rs_slice key)
{
    if (g->count == 0) {
        return g->forgotten_newest_us;
    }
    uint32_t place = find(g, rs_gone_hash(key));
    return place == RS_NONE ? g->forgotten_newest_us : g->heap[place].newest_us;
}
