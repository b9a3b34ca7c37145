#include "transform/group/groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/prefetch.h"
#include "transform/group/changes.h"
#include "transform/group/fold.h"
#include "transform/group/last.h"
#include "transform/group/upsert.h"

_Static_assert(sizeof(struct rs_group) == 64, "a group is one cache line");

static size_t group_size(const struct rs_aggregate *a)
{
    if (a->upsert) {
        return sizeof(struct rs_upsert_group);
    }
    return a->window.kind == RS_WINDOW_LAST ? sizeof(struct rs_last_group) : sizeof(struct rs_group);
}

static size_t rest_size(const struct rs_aggregate *a)
{
    if (!a->upsert && a->window.kind == RS_WINDOW_SLIDING) {
        return sizeof(struct rs_sliding_rest);
    }
    return a->history ? sizeof(struct rs_group_rest) : 0;
}

/* Scratch panes of the earlier periods that statistics refer to. */
static int make_references(struct rs_groups *gs, struct rs_error *error)
{
    const struct rs_aggregate *a = gs->aggregate;
    const struct rs_pane_reference *ignored;
    size_t count = rs_pane_references(a->layout, &ignored);
    if (count == 0) {
        return 0;
    }
    gs->references = calloc(count, a->pane_size);
    gs->referred = calloc(count, sizeof *gs->referred);
    if (!gs->references || !gs->referred) {
        free(gs->references);
        gs->references = NULL;
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        rs_pane_init(a->layout, gs->references + i * a->pane_size);
    }
    return 0;
}

/* Slabs of what the aggregate's window never needs stay without memory: their item_size is 0 or nothing is
 * ever reserved in them. On failure what was made is for rs_groups_fini. */
int rs_groups_init(struct rs_groups *gs, const struct rs_aggregate *aggregate, struct rs_error *error)
{
    *gs = (struct rs_groups){.aggregate = aggregate,
                             .lateness_us = aggregate->plan->stream->lateness_us,
                             .dirty_head = RS_NONE,
                             .dirty_tail = RS_NONE,
                             .cell = {.start_us = RS_TIME_NONE, .end_us = RS_TIME_NONE},
                             .since = {.time_us = RS_TIME_NONE}};
    rs_gone_init(&gs->gone);
    gs->span_us = aggregate->window.slice_us ? (uint64_t)aggregate->window.slice_us : UINT64_MAX;
    if (rs_groups_sessions(gs)) {
        gs->span_us = 0; /* no pane holds an event unasked */
    }
    rs_slabs_init(&gs->groups, group_size(aggregate));
    if (rest_size(aggregate)) {
        rs_slabs_init(&gs->rests, rest_size(aggregate));
    }
    rs_slabs_init(&gs->panes, sizeof(struct rs_node) + aggregate->pane_size);
    rs_slabs_init(&gs->revisions, sizeof(struct rs_revision));
    if (!aggregate->upsert && aggregate->window.kind == RS_WINDOW_LAST) {
        rs_last_init(gs);
    }
    rs_key_arena_init(&gs->keys);
    gs->total = calloc(1, aggregate->pane_size);
    gs->previous = calloc(1, aggregate->pane_size);
    if (!gs->total || !gs->previous) {
        free(gs->total);
        free(gs->previous);
        gs->total = gs->previous = NULL;
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    rs_pane_init(aggregate->layout, gs->total);
    rs_pane_init(aggregate->layout, gs->previous);
    int rc = make_references(gs, error);
    return rc < 0 ? rc : rs_schedule_init(&gs->schedule, aggregate, error);
}

static void free_references(struct rs_groups *gs)
{
    const struct rs_pane_reference *ignored;
    size_t count = gs->references ? rs_pane_references(gs->aggregate->layout, &ignored) : 0;
    for (size_t i = 0; i < count; i++) {
        rs_pane_fini(gs->aggregate->layout, gs->references + i * gs->aggregate->pane_size);
    }
    free(gs->references);
    free((void *)gs->referred);
}

static void empty_group(struct rs_groups *gs, uint32_t number)
{
    if (gs->aggregate->upsert) {
        rs_upsert_clear(gs, (struct rs_upsert_group *)rs_group_at(gs, number));
    } else {
        rs_group_clear(gs, number);
    }
}

/* Also of one that was not initialised to the end: all of it is zero or made. */
void rs_groups_fini(struct rs_groups *gs)
{
    for (uint32_t i = 0; i < gs->groups.touched; i++) {
        if (rs_groups_live(gs, i)) {
            empty_group(gs, i);
        }
    }
    if (gs->total) {
        rs_pane_fini(gs->aggregate->layout, gs->total);
        rs_pane_fini(gs->aggregate->layout, gs->previous);
    }
    free(gs->total);
    free(gs->previous);
    free_references(gs);
    free(gs->spare);
    rs_index_fini(&gs->index);
    rs_gone_fini(&gs->gone);
    rs_slabs_fini(&gs->groups);
    rs_slabs_fini(&gs->rests);
    rs_slabs_fini(&gs->panes);
    rs_slabs_fini(&gs->revisions);
    rs_slabs_fini(&gs->chunks);
    rs_key_arena_fini(&gs->keys);
    free(gs->unsealed.gathering.numbers);
    free(gs->unsealed.writing.numbers);
    rs_buf_fini(&gs->unsealed.drops);
    rs_schedule_fini(&gs->schedule);
}

/* Room for each event to change a group that is not in the list yet, since rs_groups_gather runs on the
 * event path. */
static bool reserve_changed(struct rs_groups *gs, uint32_t events)
{
    return gs->unsealed.gather_flag == 0 || rs_changed_reserve(&gs->unsealed.gathering, events);
}

bool rs_groups_reserve(struct rs_groups *gs, uint32_t events, size_t key_bytes)
{
    bool revisions = gs->aggregate->window.kind == RS_WINDOW_SLIDING && gs->aggregate->history > 0;
    return rs_index_reserve(&gs->index, events) && rs_slabs_reserve(&gs->groups, events) &&
           (gs->rests.item_size == 0 || rs_slabs_cover(&gs->rests, gs->groups.touched + events)) &&
           rs_schedule_cover(&gs->schedule, gs->groups.touched + events) &&
           (gs->aggregate->upsert || rs_slabs_reserve(&gs->panes, events)) &&
           (!revisions || rs_slabs_reserve(&gs->revisions, events)) &&
           (gs->last.capacity == 0 || rs_last_reserve(gs, events)) && reserve_changed(gs, events) &&
           (!gs->aggregate->expires ||
            rs_gone_reserve(&gs->gone, (uint64_t)gs->count + events + gs->gone.count)) &&
           rs_key_arena_reserve(&gs->keys, events, key_bytes);
}

/* ---- panes and the heap ---- */

static size_t heap_bytes(const struct rs_groups *gs, const void *pane)
{
    return rs_pane_heap_bytes(gs->aggregate->layout, pane);
}

void rs_groups_pane_empty(struct rs_groups *gs, void *pane)
{
    gs->heap_bytes -= heap_bytes(gs, pane);
    rs_pane_fini(gs->aggregate->layout, pane);
}

void rs_groups_pane_merge(struct rs_groups *gs, void *into, const void *from)
{
    gs->heap_bytes -= heap_bytes(gs, into);
    rs_pane_merge(gs->aggregate->layout, into, from);
    gs->heap_bytes += heap_bytes(gs, into);
}

void rs_groups_pane_merge_sums(struct rs_groups *gs, void *into, const void *from)
{
    gs->heap_bytes -= heap_bytes(gs, into);
    rs_pane_merge_sums(gs->aggregate->layout, into, from);
    gs->heap_bytes += heap_bytes(gs, into);
}

/* Without parts extrema take no memory. */
void rs_groups_pane_clear_extrema(struct rs_groups *gs, void *pane)
{
    bool parts = rs_pane_has_parts(gs->aggregate->layout);

    gs->heap_bytes -= parts ? heap_bytes(gs, pane) : 0;
    rs_pane_clear_extrema(gs->aggregate->layout, pane);
    gs->heap_bytes += parts ? heap_bytes(gs, pane) : 0;
}

void rs_groups_pane_merge_extrema(struct rs_groups *gs, void *into, const void *from)
{
    bool parts = rs_pane_has_parts(gs->aggregate->layout);

    gs->heap_bytes -= parts ? heap_bytes(gs, into) : 0;
    rs_pane_merge_extrema(gs->aggregate->layout, into, from);
    gs->heap_bytes += parts ? heap_bytes(gs, into) : 0;
}

void rs_groups_pane_subtract(struct rs_groups *gs, void *from, const void *gone)
{
    gs->heap_bytes -= heap_bytes(gs, from);
    rs_pane_subtract(gs->aggregate->layout, from, gone);
    gs->heap_bytes += heap_bytes(gs, from);
}

int rs_groups_pane_load(struct rs_groups *gs, void *pane, struct rs_slice bytes, size_t *used,
                        struct rs_error *error)
{
    gs->heap_bytes -= heap_bytes(gs, pane);
    int rc = rs_pane_load(gs->aggregate->layout, pane, bytes, used, error);
    gs->heap_bytes += heap_bytes(gs, pane);
    return rc;
}

/* ---- finding ---- */

/* A key may be there twice or more: one live group, and dropped ones whose keys Redis still has. */
static uint32_t find(const struct rs_groups *gs, uint32_t hash, struct rs_slice key, bool dropped)
{
    uint32_t cursor = hash;
    if (!gs->index.slots) {
        return RS_NONE;
    }
    for (;;) {
        uint32_t number = rs_index_next(&gs->index, hash, &cursor);
        if (number == RS_NONE) {
            return number;
        }
        const struct rs_group *g = rs_group_at(gs, number);
        if (dropped == !!(g->flags & RS_GROUP_DROPPED) && rs_group_key_is(gs, g, key)) {
            return number;
        }
    }
}

uint32_t rs_groups_find(const struct rs_groups *gs, uint32_t hash, struct rs_slice key)
{
    return find(gs, hash, key, false);
}

#define LINE_BYTES 64

/* Of a pane the lines that a few statistics take up; the rest of a larger one follows by itself. */
#define PREFETCH_BYTES 256

static void prefetch_group(const struct rs_groups *gs, const struct rs_group *g)
{
    if (g->key_size > RS_GROUP_KEY_INLINE) {
        rs_prefetch(rs_key_arena_at(&gs->keys, rs_group_key_ref(g)));
    }
    if (g->newest == RS_NONE) {
        return;
    }
    const uint8_t *node = (const uint8_t *)rs_node_at(gs, g->newest);
    size_t size = gs->panes.item_size < PREFETCH_BYTES ? gs->panes.item_size : PREFETCH_BYTES;
    size += (uintptr_t)node % LINE_BYTES; /* as if it began with its line, so that the last one is met */
    for (size_t at = 0; at < size; at += LINE_BYTES) {
        rs_prefetch(node + at);
    }
}

/* Three passes, so that the cache misses of a batch overlap instead of following each other: places in the
 * index, then groups, then their keys and newest panes. What is found is a guess until the key is
 * compared. */
void rs_groups_look_up(const struct rs_groups *gs, const uint32_t *hashes, uint32_t count, uint32_t *found)
{
    for (uint32_t i = 0; i < count && gs->index.slots; i++) {
        rs_index_prefetch(&gs->index, hashes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cursor = hashes[i];
        found[i] = gs->index.slots ? rs_index_next(&gs->index, hashes[i], &cursor) : RS_NONE;
        if (found[i] != RS_NONE) {
            rs_prefetch(rs_group_at(gs, found[i]));
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (found[i] != RS_NONE) {
            prefetch_group(gs, rs_group_at(gs, found[i]));
        }
    }
    if (gs->last.capacity) {
        rs_last_prefetch(gs, found, count);
    }
}

static void put_key(struct rs_groups *gs, struct rs_group *g, struct rs_slice key)
{
    g->key_size = (uint16_t)key.size;
    if (key.size > RS_GROUP_KEY_INLINE) {
        uint32_t ref = rs_key_arena_put(&gs->keys, key);
        memcpy(g->key, &ref, sizeof ref);
    } else if (key.size) {
        memcpy(g->key, key.data, key.size);
    }
}

/* The slot may have been another group's. */
static void start_rest(struct rs_groups *gs, uint32_t number)
{
    if (gs->rests.item_size == 0) {
        return;
    }
    struct rs_group_rest *rest = rs_rest_at(gs, number);
    memset(rest, 0, gs->rests.item_size);
    rest->flight_from = RS_WINDOW_NEVER;
    if (gs->rests.item_size == sizeof(struct rs_sliding_rest)) {
        struct rs_sliding_rest *sliding = rs_sliding_at(gs, number);
        sliding->gone_newest = RS_TIME_NONE;
        sliding->leave_due = RS_WINDOW_NEVER;
        sliding->changed_from = RS_WINDOW_NEVER;
    }
}

/* The generation goes on from that of the group which had the slot before: a receipt from the sink that is
 * meant for that one must not be taken for one of this. While dropped groups of the same key wait for
 * their deletion, the new one waits too. */
uint32_t rs_groups_add(struct rs_groups *gs, uint32_t hash, struct rs_slice key)
{
    bool fresh = gs->groups.free_count == 0;
    uint32_t number = rs_slabs_take(&gs->groups);
    struct rs_group *g = rs_group_at(gs, number);
    /* A slot used before still holds its generation: only its first bytes were the free list's. */
    uint16_t generation = fresh ? 0 : g->generation;
    memset(g, 0, gs->groups.item_size);
    *g = (struct rs_group){.clock_us = RS_TIME_NONE,
                           .history_from = RS_WINDOW_NEVER,
                           .trim_at_us = RS_WINDOW_NEVER,
                           .newest = RS_NONE,
                           .oldest = RS_NONE,
                           .generation = (uint16_t)(generation + 1),
                           .flags = RS_GROUP_NEW | RS_GROUP_FRESH};
    put_key(gs, g, key);
    start_rest(gs, number);
    if (gs->to_delete && find(gs, hash, key, true) != RS_NONE) {
        g->flags |= RS_GROUP_AWAITS;
    }
    rs_index_insert(&gs->index, hash, number);
    gs->count++;
    return number;
}

bool rs_groups_live(const struct rs_groups *gs, uint32_t number)
{
    return rs_group_at(gs, number)->key_size != RS_GROUP_FREE;
}

/* It stays in the index, and in the dirty list until the sink has deleted its keys (rs_groups_release).
 * What an open batch has to say of it is written first, since the panes go here. */
void rs_groups_drop(struct rs_groups *gs, uint32_t number)
{
    struct rs_group *g = rs_group_at(gs, number);
    rs_groups_change(gs, number, g);
    gs->count--;
    gs->to_delete++;
    rs_schedule_at(gs, number, RS_WINDOW_NEVER);
    empty_group(gs, number);
    g->flags |= RS_GROUP_DROPPED;
    if (gs->rests.item_size) {
        rs_rest_at(gs, number)->flight_from = RS_WINDOW_NEVER;
    }
    g->generation++; /* receipts for its views are void */
    if (!(g->flags & RS_GROUP_DIRTY)) {
        rs_groups_push(gs, number, g);
    }
    rs_groups_note_drop(gs, g);
}

/* The index forgets it, and a group that came back under the key may go out, unless there is another. */
static void deleted(struct rs_groups *gs, uint32_t number)
{
    const struct rs_group *g = rs_group_at(gs, number);
    struct rs_slice key = rs_group_key(gs, g);
    uint32_t hash = rs_key_hash(key);
    rs_index_remove(&gs->index, hash, number);
    gs->to_delete--;
    if (gs->to_delete && find(gs, hash, key, true) != RS_NONE) {
        return;
    }
    rs_groups_note_cleared(gs, g);
    uint32_t successor = find(gs, hash, key, false);
    if (successor != RS_NONE) {
        struct rs_group *back = rs_group_at(gs, successor);
        back->flags = (uint16_t)(back->flags & ~RS_GROUP_AWAITS);
        rs_groups_touch(gs, successor, back, RS_GROUP_VIEW | RS_GROUP_NEW);
    }
}

void rs_groups_cleared(struct rs_groups *gs, uint32_t hash, struct rs_slice key)
{
    uint32_t number = gs->to_delete ? find(gs, hash, key, true) : RS_NONE;
    while (number != RS_NONE) {
        deleted(gs, number);
        rs_group_at(gs, number)->flags |= RS_GROUP_CLEARED; /* freed when its turn in the dirty list comes */
        number = find(gs, hash, key, true);
    }
}

void rs_groups_release(struct rs_groups *gs, uint32_t number)
{
    struct rs_group *g = rs_group_at(gs, number);
    if (!(g->flags & RS_GROUP_CLEARED)) {
        deleted(gs, number);
    }
    if (g->key_size > RS_GROUP_KEY_INLINE) {
        rs_key_arena_give(&gs->keys, rs_group_key_ref(g));
    }
    g->generation++;
    g->key_size = RS_GROUP_FREE;
    g->flags = 0;
    rs_slabs_give(&gs->groups, number);
}

void rs_groups_push(struct rs_groups *gs, uint32_t number, struct rs_group *group)
{
    group->flags |= RS_GROUP_DIRTY;
    group->dirty_next = RS_NONE;
    if (gs->dirty_tail == RS_NONE) {
        gs->dirty_head = number;
    } else {
        rs_group_at(gs, gs->dirty_tail)->dirty_next = number;
    }
    gs->dirty_tail = number;
    gs->dirty_count++;
}

void rs_groups_push_front(struct rs_groups *gs, uint32_t number, struct rs_group *group)
{
    group->flags |= RS_GROUP_DIRTY;
    group->dirty_next = gs->dirty_head;
    if (gs->dirty_tail == RS_NONE) {
        gs->dirty_tail = number;
    }
    gs->dirty_head = number;
    gs->dirty_count++;
}

/* The flag is taken off: a change from now on puts the group into the list again, though it is in flight. */
uint32_t rs_groups_pop(struct rs_groups *gs)
{
    uint32_t number = gs->dirty_head;
    if (number == RS_NONE) {
        return number;
    }
    struct rs_group *g = rs_group_at(gs, number);
    gs->dirty_head = g->dirty_next;
    if (gs->dirty_head == RS_NONE) {
        gs->dirty_tail = RS_NONE;
    }
    g->flags = (uint16_t)(g->flags & ~RS_GROUP_DIRTY);
    gs->dirty_count--;
    return number;
}
