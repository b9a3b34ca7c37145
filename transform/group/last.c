#include "transform/group/last.h"

#include <math.h>

#include "base/prefetch.h"

#define CHUNK_EVENTS 16u /* a small N gets smaller chunks, which still leave room to move on in */

/* ---- where things are ---- */

static struct rs_last_group *group_at(const struct rs_groups *gs, uint32_t number)
{
    return (struct rs_last_group *)rs_group_at(gs, number);
}

static struct rs_last_chunk *chunk_at(const struct rs_groups *gs, uint32_t number)
{
    return rs_slabs_at(&gs->chunks, number);
}

static struct rs_last_event *event_at(const struct rs_groups *gs, struct rs_last_chunk *chunk, uint32_t at)
{
    return (struct rs_last_event *)(void *)((uint8_t *)chunk->events +
                                            (size_t)(chunk->first + at) * gs->last.event_size);
}

static uint64_t *values_of(const struct rs_groups *gs, struct rs_last_event *e)
{
    return e->words + gs->last.bit_words;
}

static uint32_t changed_bit(const struct rs_groups *gs)
{
    return gs->aggregate->input_count;
}

static bool is_changed(const struct rs_groups *gs, const struct rs_last_event *e)
{
    return rs_last_present(e, changed_bit(gs));
}

static enum rs_num_kind kind_of(const struct rs_aggregate *a, uint32_t i)
{
    return a->plan->inputs.types[a->inputs[i]].kind;
}

static size_t value_words(enum rs_num_kind kind)
{
    return kind == RS_NUM_INT128 ? 2 : 1;
}

static bool before(int64_t time_us, int64_t order, const struct rs_last_event *e)
{
    return time_us < e->time_us || (time_us == e->time_us && order < e->order);
}

/* ---- memory ---- */

static uint32_t bit_words(const struct rs_aggregate *a)
{
    return a->input_count / 64 + 1;
}

size_t rs_last_event_bytes(const struct rs_aggregate *a)
{
    size_t words = bit_words(a);
    for (uint32_t i = 0; i < a->input_count; i++) {
        words += value_words(kind_of(a, i));
    }
    return sizeof(struct rs_last_event) + words * sizeof(uint64_t);
}

/* The pane is no slice of time: rs_node_holds is never true. */
void rs_last_init(struct rs_groups *gs)
{
    const struct rs_aggregate *a = gs->aggregate;
    uint64_t last = (uint64_t)a->window.last;
    gs->last.bit_words = bit_words(a);
    gs->last.event_size = (uint32_t)rs_last_event_bytes(a);
    gs->span_us = 0;
    gs->last.capacity = 2 * last < CHUNK_EVENTS ? (uint32_t)(2 * last) : CHUNK_EVENTS;
    rs_slabs_init(&gs->chunks,
                  sizeof(struct rs_last_chunk) + (size_t)gs->last.capacity * gs->last.event_size);
}

/* An event takes one chunk at most. */
bool rs_last_reserve(struct rs_groups *gs, uint32_t events)
{
    return rs_slabs_reserve(&gs->chunks, events);
}

/* Links a new chunk behind `older` (RS_NONE: as the oldest). */
static uint32_t chunk_new(struct rs_groups *gs, struct rs_last_group *g, uint32_t older)
{
    uint32_t number = rs_slabs_take(&gs->chunks);
    struct rs_last_chunk *chunk = chunk_at(gs, number);
    uint32_t *from_older = older == RS_NONE ? &g->oldest : &chunk_at(gs, older)->newer;
    *chunk = (struct rs_last_chunk){.older = older, .newer = *from_older};
    *from_older = number;
    if (chunk->newer == RS_NONE) {
        g->newest = number;
    } else {
        chunk_at(gs, chunk->newer)->older = number;
    }
    return number;
}

static void start(struct rs_last_group *g)
{
    g->oldest = RS_NONE;
    g->newest = RS_NONE;
}

void rs_last_clear(struct rs_groups *gs, uint32_t number)
{
    struct rs_last_group *g = group_at(gs, number);
    for (uint32_t at = g->count ? g->oldest : RS_NONE; at != RS_NONE;) {
        uint32_t newer = chunk_at(gs, at)->newer;
        rs_slabs_give(&gs->chunks, at);
        at = newer;
    }
    g->count = 0;
    start(g);
}

static void prefetch_place(const struct rs_groups *gs, const struct rs_last_chunk *chunk, uint32_t at)
{
    const uint8_t *event = (const uint8_t *)chunk->events + (size_t)(chunk->first + at) * gs->last.event_size;
    rs_prefetch(event);
    rs_prefetch(event + gs->last.event_size);
}

/* In two passes, as the places of events are told by their chunks. */
void rs_last_prefetch(const struct rs_groups *gs, const uint32_t *found, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct rs_last_group *g = found[i] == RS_NONE ? NULL : group_at(gs, found[i]);
        if (g && g->count) {
            rs_prefetch(chunk_at(gs, g->oldest));
            rs_prefetch(chunk_at(gs, g->newest));
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct rs_last_group *g = found[i] == RS_NONE ? NULL : group_at(gs, found[i]);
        if (g && g->count) {
            prefetch_place(gs, chunk_at(gs, g->oldest), 0);
            prefetch_place(gs, chunk_at(gs, g->newest), chunk_at(gs, g->newest)->count - 1u);
        }
    }
}

/* ---- events and values ---- */

/* Passed by are NaN and infinities: what the pane never counts need not be kept. Returns false for those. */
static bool store(const struct rs_groups *gs, struct rs_last_event *e, const struct rs_event *event)
{
    uint64_t *value = values_of(gs, e);
    bool finite = true;
    uint64_t present = 0;
    e->time_us = event->time_us;
    e->order = event->order;
    for (uint32_t i = 0; i < gs->aggregate->input_count; i++) {
        const struct rs_num *n = &event->inputs[gs->aggregate->inputs[i]];
        enum rs_num_kind kind = kind_of(gs->aggregate, i);
        bool counts = n->present && (kind != RS_NUM_DOUBLE || isfinite(n->d));
        finite &= counts || !n->present;
        present |= counts ? UINT64_C(1) << (i % 64) : 0;
        if (i % 64 == 63) {
            e->words[i / 64] = present;
            present = 0;
        }
        *value++ = counts ? (uint64_t)n->i : 0;
        if (kind == RS_NUM_INT128) {
            *value++ = counts ? (uint64_t)((rs_u128)n->w >> 64) : 0;
        }
    }
    e->words[gs->aggregate->input_count / 64] = present;
    return finite;
}

/* Only those inputs are set that the aggregate has, and its pane looks at. */
static void load(const struct rs_groups *gs, struct rs_last_event *e, struct rs_num *inputs)
{
    const uint64_t *value = values_of(gs, e);
    for (uint32_t i = 0; i < gs->aggregate->input_count; i++) {
        struct rs_num *n = &inputs[gs->aggregate->inputs[i]];
        size_t words = value_words(kind_of(gs->aggregate, i));
        n->present = rs_last_present(e, i);
        memcpy(&n->w, value, words * sizeof *value);
        value += words;
    }
}

/* ---- the pane ---- */

static void *pane_of(const struct rs_groups *gs, const struct rs_last_group *g)
{
    return rs_node_at(gs, g->group.newest)->pane;
}

static size_t heap_bytes(const struct rs_groups *gs, const void *pane)
{
    return rs_pane_heap_bytes(gs->aggregate->layout, pane);
}

static void pane_add(struct rs_groups *gs, void *pane, const struct rs_num *inputs, int64_t time_us,
                     int64_t order)
{
    struct rs_pane_added added = rs_pane_add(gs->aggregate->layout, pane, inputs, time_us, order);
    gs->heap_bytes += added.heap_bytes; /* what is not finite is counted by store() */
}

/* The pane loses its oldest event, or is stale from now on. */
static void pane_remove(struct rs_groups *gs, struct rs_last_group *g, struct rs_last_event *e)
{
    struct rs_num inputs[RS_INPUTS_MAX];
    void *pane = pane_of(gs, g);
    if (g->stale) {
        return;
    }
    load(gs, e, inputs);
    gs->heap_bytes -= heap_bytes(gs, pane);
    g->stale = !rs_pane_remove(gs->aggregate->layout, pane, inputs, e->time_us, e->order);
    gs->heap_bytes += heap_bytes(gs, pane);
}

const void *rs_last_pane(struct rs_groups *gs, uint32_t number)
{
    struct rs_last_group *g = group_at(gs, number);
    struct rs_num inputs[RS_INPUTS_MAX];
    void *pane = pane_of(gs, g);
    if (!g->stale) {
        return pane;
    }
    rs_groups_pane_empty(gs, pane);
    for (uint32_t at = g->oldest; at != RS_NONE; at = chunk_at(gs, at)->newer) {
        struct rs_last_chunk *chunk = chunk_at(gs, at);
        for (uint32_t i = 0; i < chunk->count; i++) {
            struct rs_last_event *e = event_at(gs, chunk, i);
            load(gs, e, inputs);
            pane_add(gs, pane, inputs, e->time_us, e->order);
        }
    }
    g->stale = false;
    return pane;
}

/* ---- going and coming ---- */

/* Whether an event is older than all that a group keeps, which is full. */
bool rs_last_late(const struct rs_groups *gs, const struct rs_group *group, int64_t time_us, int64_t order)
{
    const struct rs_last_group *g = (const struct rs_last_group *)group;
    return g && g->count >= gs->aggregate->window.last &&
           (time_us < g->oldest_us || (time_us == g->oldest_us && order < g->oldest_order));
}

int64_t rs_last_oldest_us(const struct rs_groups *gs, uint32_t number)
{
    return group_at(gs, number)->oldest_us;
}

static void note_oldest(const struct rs_groups *gs, struct rs_last_group *g)
{
    const struct rs_last_event *e = event_at(gs, chunk_at(gs, g->oldest), 0);
    g->oldest_us = e->time_us;
    g->oldest_order = e->order;
}

/* There are others: the group has just grown beyond its number. */
static void drop_oldest(struct rs_groups *gs, struct rs_last_group *g)
{
    struct rs_last_chunk *chunk = chunk_at(gs, g->oldest);
    struct rs_last_event *e = event_at(gs, chunk, 0);
    pane_remove(gs, g, e);
    chunk->changed -= is_changed(gs, e);
    chunk->first++;
    chunk->count--;
    g->count--;
    if (chunk->count == 0) {
        uint32_t gone = g->oldest;
        g->oldest = chunk->newer;
        chunk_at(gs, g->oldest)->older = RS_NONE;
        rs_slabs_give(&gs->chunks, gone);
    }
}

static void move_events(const struct rs_groups *gs, struct rs_last_event *to,
                        const struct rs_last_event *from, size_t count)
{
    memmove(to, from, count * gs->last.event_size);
}

/* The newer half of a full chunk, or nothing where the place is behind its end, goes into a new one. */
static uint32_t split(struct rs_groups *gs, struct rs_last_group *g, uint32_t number, uint32_t *at)
{
    uint32_t fresh = chunk_new(gs, g, number);
    struct rs_last_chunk *chunk = chunk_at(gs, number);
    struct rs_last_chunk *next = chunk_at(gs, fresh);
    uint32_t stay = *at == chunk->count ? chunk->count : chunk->count / 2u;
    next->count = (uint16_t)(chunk->count - stay);
    move_events(gs, event_at(gs, next, 0), event_at(gs, chunk, stay), next->count);
    chunk->count = (uint16_t)stay;
    for (uint32_t i = 0; i < next->count; i++) {
        next->changed += is_changed(gs, event_at(gs, next, i));
    }
    chunk->changed -= next->changed;
    if (*at < stay || (*at == stay && next->count > 0)) {
        return number;
    }
    *at -= stay;
    return fresh;
}

/* A free place at `at` of the chunk, which may become one of a new chunk's. */
static struct rs_last_event *make_place(struct rs_groups *gs, struct rs_last_group *g, uint32_t *number,
                                        uint32_t at)
{
    struct rs_last_chunk *chunk = chunk_at(gs, *number);
    if (chunk->count == gs->last.capacity) {
        *number = split(gs, g, *number, &at);
        chunk = chunk_at(gs, *number);
    }
    if ((uint32_t)chunk->first + chunk->count < gs->last.capacity) {
        move_events(gs, event_at(gs, chunk, at + 1), event_at(gs, chunk, at), chunk->count - at);
    } else if (at == chunk->count) { /* to the front at once, so that those which follow need not move */
        struct rs_last_event *from = event_at(gs, chunk, 0);
        chunk->first = 0;
        move_events(gs, event_at(gs, chunk, 0), from, chunk->count);
    } else {
        chunk->first--;
        move_events(gs, event_at(gs, chunk, 0), event_at(gs, chunk, 1), at);
    }
    chunk->count++;
    return event_at(gs, chunk, at);
}

/* The chunk and place of the first event that comes behind the key; most come behind all. */
static uint32_t find(const struct rs_groups *gs, const struct rs_last_group *g, int64_t time_us,
                     int64_t order, uint32_t *at)
{
    uint32_t number = g->newest;
    for (;;) {
        struct rs_last_chunk *chunk = chunk_at(gs, number);
        bool within = chunk->count > 0 && !before(time_us, order, event_at(gs, chunk, 0));
        *at = within ? chunk->count : 0;
        while (*at > 0 && before(time_us, order, event_at(gs, chunk, *at - 1))) {
            --*at;
        }
        if (*at > 0 || chunk->older == RS_NONE) {
            return number;
        }
        number = chunk->older;
    }
}

/* The place behind the newest event, where it is free and the event comes there, as nearly all do; else NULL. */
static struct rs_last_event *at_end(const struct rs_groups *gs, struct rs_last_chunk *chunk, int64_t time_us,
                                    int64_t order)
{
    uint32_t count = chunk->count;
    if (count == 0 || chunk->first + count == gs->last.capacity ||
        before(time_us, order, event_at(gs, chunk, count - 1))) {
        return NULL;
    }
    chunk->count++;
    return event_at(gs, chunk, count);
}

/* Returns a place among the group's events, and which chunk it is of. */
static struct rs_last_event *insert(struct rs_groups *gs, struct rs_last_group *g, int64_t time_us,
                                    int64_t order, uint32_t *chunk)
{
    uint32_t at = 0;
    if (g->count == 0) {
        start(g);
        (void)chunk_new(gs, g, RS_NONE);
    }
    *chunk = g->newest;
    struct rs_last_event *behind = at_end(gs, chunk_at(gs, g->newest), time_us, order);
    if (behind) {
        g->count++;
        return behind;
    }
    *chunk = find(gs, g, time_us, order, &at);
    if (*chunk != g->newest || at < chunk_at(gs, *chunk)->count) {
        g->group.flags |= RS_GROUP_SCATTERED;
    }
    struct rs_last_event *e = make_place(gs, g, chunk, at);
    g->count++;
    return e;
}

static void need_pane(struct rs_groups *gs, uint32_t number)
{
    if (rs_group_at(gs, number)->newest == RS_NONE) {
        (void)rs_group_replace(gs, number, 0);
    }
}

/* The event that falls out is never the one that came: that would have been late. */
static void inserted(struct rs_groups *gs, struct rs_last_group *g)
{
    if (g->count > gs->aggregate->window.last) {
        drop_oldest(gs, g);
    }
    note_oldest(gs, g);
}

void rs_last_add(struct rs_groups *gs, uint32_t number, const struct rs_event *event)
{
    struct rs_last_group *g = group_at(gs, number);
    uint32_t chunk = RS_NONE;
    need_pane(gs, number);
    struct rs_last_event *e = insert(gs, g, event->time_us, event->order, &chunk);
    gs->not_finite += !store(gs, e, event);
    e->words[changed_bit(gs) / 64] |= UINT64_C(1) << (changed_bit(gs) % 64);
    chunk_at(gs, chunk)->changed++;
    if (!g->stale) {
        pane_add(gs, pane_of(gs, g), event->inputs, event->time_us, event->order);
    }
    inserted(gs, g);
    g->group.clock_us = event->time_us > g->group.clock_us ? event->time_us : g->group.clock_us;
}

/* ---- for the state log ---- */

struct rs_last_cursor rs_last_begin(const struct rs_groups *gs, uint32_t number, bool all)
{
    const struct rs_last_group *g = group_at(gs, number);
    if (all || g->group.flags & RS_GROUP_SCATTERED) {
        return (struct rs_last_cursor){.chunk = g->oldest};
    }
    struct rs_last_cursor cursor = {.chunk = RS_NONE};
    for (uint32_t at = g->newest; at != RS_NONE && chunk_at(gs, at)->changed > 0;
         at = chunk_at(gs, at)->older) {
        cursor.chunk = at;
    }
    return cursor;
}

void rs_last_told(struct rs_groups *gs, const struct rs_last_cursor *cursor)
{
    struct rs_last_chunk *chunk = chunk_at(gs, cursor->chunk);
    struct rs_last_event *e = event_at(gs, chunk, cursor->at - 1);
    if (is_changed(gs, e)) {
        e->words[changed_bit(gs) / 64] &= ~(UINT64_C(1) << (changed_bit(gs) % 64));
        chunk->changed--;
    }
}

const struct rs_last_event *rs_last_next(const struct rs_groups *gs, struct rs_last_cursor *cursor, bool all)
{
    while (cursor->chunk != RS_NONE) {
        struct rs_last_chunk *chunk = chunk_at(gs, cursor->chunk);
        while (cursor->at < chunk->count && (all || chunk->changed > 0)) {
            struct rs_last_event *e = event_at(gs, chunk, cursor->at++);
            if (all || is_changed(gs, e)) {
                return e;
            }
        }
        *cursor = (struct rs_last_cursor){.chunk = chunk->newer};
    }
    return NULL;
}

static struct rs_last_event *same_key(const struct rs_groups *gs, const struct rs_last_group *g,
                                      uint32_t *chunk, const struct rs_last_event *event)
{
    uint32_t at = 0;
    if (g->count == 0) {
        return NULL;
    }
    *chunk = find(gs, g, event->time_us, event->order, &at);
    struct rs_last_event *e = at > 0 ? event_at(gs, chunk_at(gs, *chunk), at - 1) : NULL;
    return e && !before(e->time_us, e->order, event) ? e : NULL;
}

void rs_last_restore(struct rs_groups *gs, uint32_t number, const struct rs_last_event *event)
{
    struct rs_last_group *g = group_at(gs, number);
    uint32_t chunk = RS_NONE;
    need_pane(gs, number);
    g->stale = true;
    struct rs_last_event *e = same_key(gs, g, &chunk, event);
    if (!e) {
        if (rs_last_late(gs, &g->group, event->time_us, event->order)) {
            return;
        }
        e = insert(gs, g, event->time_us, event->order, &chunk);
    }
    memcpy(e, event, gs->last.event_size);
    inserted(gs, g);
}
