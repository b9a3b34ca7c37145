#include "transform/group/changes.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "transform/group/bytes.h"
#include "transform/group/last.h"
#include "transform/group/upsert.h"

#define ENTRY_BYTES      ((size_t)64 << 10) /* a larger group is cut at panes */
#define WHOLE_REMEMBERED 4096               /* groups over whose sizes is averaged */

/* ---- chunks ---- */

void rs_chunks_cut(struct rs_chunks *chunks, size_t least)
{
    size_t last = chunks->taken;
    if (chunks->cuts.size > chunks->cut * sizeof last) {
        memcpy(&last, chunks->cuts.data + chunks->cuts.size - sizeof last, sizeof last);
    }
    if (chunks->out.size - last >= least) {
        rs_buf_put(&chunks->cuts, &chunks->out.size, sizeof chunks->out.size);
    }
}

/* ---- entries ---- */

size_t rs_entry_begin(struct rs_buf *out, enum rs_entry_kind kind)
{
    rs_buf_char(out, (char)kind);
    rs_write_u32(out, 0);
    return out->size;
}

static void patch_u32(struct rs_buf *out, size_t at, uint32_t value)
{
    uint32_t little = htole32(value);
    if (!out->failed) {
        memcpy(out->data + at, &little, sizeof little);
    }
}

void rs_entry_end(struct rs_buf *out, size_t begun)
{
    patch_u32(out, begun - sizeof(uint32_t), (uint32_t)(out->size - begun));
}

static uint32_t set_of(const struct rs_groups *gs)
{
    return gs->aggregate->position;
}

static void put_key(const struct rs_groups *gs, const struct rs_group *g, enum rs_entry_kind kind,
                    struct rs_buf *out)
{
    struct rs_slice key = rs_group_key(gs, g);
    if (rs_buf_reserve(out, 1 + 3 * sizeof(uint32_t) + key.size)) { /* once: a million may go together */
        rs_buf_char(out, (char)kind);
        rs_write_u32(out, (uint32_t)(2 * sizeof(uint32_t) + key.size));
        rs_write_u32(out, set_of(gs));
        rs_form_key(key, out);
    }
}

/* An entry of a group that is being written. */
struct group_entry {
    size_t begun, count_at;
    uint32_t count;
};

/* The number of panes is not known before they are written: 0 holds its place until group_end. */
static struct group_entry group_begin(const struct rs_groups *gs, uint32_t number, enum rs_entry_kind kind,
                                      int64_t oldest_us, struct rs_buf *out)
{
    const struct rs_group *g = rs_group_at(gs, number);
    bool sliding = !gs->aggregate->upsert && gs->aggregate->window.kind == RS_WINDOW_SLIDING;
    struct group_entry entry = {.begun = rs_entry_begin(out, kind)};
    rs_write_u32(out, set_of(gs));
    rs_form_key(rs_group_key(gs, g), out);
    rs_write_i64(out, g->clock_us);
    rs_write_i64(out, rs_group_pending(gs, number));
    rs_write_i64(out, sliding ? rs_sliding_at(gs, number)->gone_newest : RS_TIME_NONE);
    rs_write_i64(out, oldest_us);
    entry.count_at = out->size;
    rs_write_u32(out, 0);
    return entry;
}

static void group_end(struct group_entry *entry, struct rs_buf *out)
{
    patch_u32(out, entry->count_at, entry->count);
    rs_entry_end(out, entry->begun);
}

/* ---- groups ---- */

static enum rs_entry_kind kind_of(const struct rs_group *g)
{
    return g->flags & (RS_GROUP_WHOLE | RS_GROUP_FRESH) ? RS_ENTRY_WHOLE : RS_ENTRY_CHANGED;
}

/* Where the panes that have to be told begin: changed ones are the newest in a row, unless it was noted
 * otherwise. */
static uint32_t first_changed(const struct rs_groups *gs, uint32_t number)
{
    const struct rs_group *g = rs_group_at(gs, number);
    bool sliding = gs->aggregate->window.kind == RS_WINDOW_SLIDING;
    int64_t from_us = sliding ? rs_sliding_at(gs, number)->changed_from : RS_WINDOW_NEVER;
    if (g->flags & (RS_GROUP_WHOLE | RS_GROUP_SCATTERED)) {
        return g->oldest;
    }
    uint32_t first = RS_NONE;
    for (uint32_t at = g->newest; at != RS_NONE; at = rs_node_at(gs, at)->older) {
        const struct rs_node *node = rs_node_at(gs, at);
        if (!(node->flags & RS_NODE_CHANGED) && node->start_us < from_us) {
            break;
        }
        first = at;
    }
    return first;
}

/* A group too large for one entry goes in several: only the first may be WHOLE, which takes away what the
 * log has of it; those that follow add to it. All of them give `oldest`, so that panes which left go there
 * too. */
static void put_panes(struct rs_groups *gs, uint32_t number, struct rs_buf *out)
{
    const struct rs_group *g = rs_group_at(gs, number);
    int64_t oldest_us = rs_node_at(gs, g->oldest)->start_us;
    struct group_entry entry = group_begin(gs, number, kind_of(g), oldest_us, out);
    for (uint32_t at = first_changed(gs, number); at != RS_NONE; at = rs_node_at(gs, at)->newer) {
        struct rs_node *node = rs_node_at(gs, at);
        if (!(g->flags & RS_GROUP_WHOLE) && !(node->flags & RS_NODE_CHANGED)) {
            continue;
        }
        if (out->size - entry.begun >= ENTRY_BYTES) {
            group_end(&entry, out);
            rs_chunks_cut(gs->unsealed.chunks, RS_CHUNK_BYTES);
            entry = group_begin(gs, number, RS_ENTRY_CHANGED, oldest_us, out);
        }
        rs_form_pane(gs, node, out);
        node->flags &= ~(uint32_t)RS_NODE_CHANGED;
        entry.count++;
    }
    group_end(&entry, out);
    if (gs->aggregate->window.kind == RS_WINDOW_SLIDING) {
        rs_sliding_at(gs, number)->changed_from = RS_WINDOW_NEVER;
    }
}

/* As put_panes. Registers are an array, so all of them are looked through. */
static void put_registers(struct rs_groups *gs, uint32_t number, struct rs_buf *out)
{
    struct rs_upsert_group *g = (struct rs_upsert_group *)rs_group_at(gs, number);
    int64_t oldest_us = rs_register_at(gs, g, 0)->period_us;
    struct group_entry entry = group_begin(gs, number, kind_of(&g->group), oldest_us, out);
    for (uint32_t i = 0; i < g->count; i++) {
        struct rs_register *r = rs_register_at(gs, g, i);
        if (!(g->group.flags & RS_GROUP_WHOLE) && !(r->flags & RS_REGISTER_CHANGED)) {
            continue;
        }
        if (out->size - entry.begun >= ENTRY_BYTES) {
            group_end(&entry, out);
            rs_chunks_cut(gs->unsealed.chunks, RS_CHUNK_BYTES);
            entry = group_begin(gs, number, RS_ENTRY_CHANGED, oldest_us, out);
        }
        rs_form_register(gs, r, out);
        r->flags &= ~(uint32_t)RS_REGISTER_CHANGED;
        entry.count++;
    }
    group_end(&entry, out);
}

/* As put_panes. Events that fell out need not be told: the newest N of what the log has are those that are
 * left. */
static void put_events(struct rs_groups *gs, uint32_t number, struct rs_buf *out)
{
    const struct rs_group *g = rs_group_at(gs, number);
    bool whole = g->flags & RS_GROUP_WHOLE;
    int64_t oldest_us = rs_last_oldest_us(gs, number);
    struct group_entry entry = group_begin(gs, number, kind_of(g), oldest_us, out);
    struct rs_last_cursor cursor = rs_last_begin(gs, number, whole);
    for (const struct rs_last_event *e; (e = rs_last_next(gs, &cursor, whole));) {
        if (out->size - entry.begun >= ENTRY_BYTES) {
            group_end(&entry, out);
            rs_chunks_cut(gs->unsealed.chunks, RS_CHUNK_BYTES);
            entry = group_begin(gs, number, RS_ENTRY_CHANGED, oldest_us, out);
        }
        rs_form_event(gs, e, out);
        rs_last_told(gs, &cursor);
        entry.count++;
    }
    group_end(&entry, out);
}

static void note_whole(struct rs_unsealed *u, size_t bytes)
{
    u->whole_bytes += bytes;
    if (++u->whole_count == WHOLE_REMEMBERED) {
        u->whole_bytes /= 2;
        u->whole_count /= 2;
    }
}

void rs_groups_write(struct rs_groups *gs, uint32_t number)
{
    struct rs_group *g = rs_group_at(gs, number);
    struct rs_buf *out = &gs->unsealed.chunks->out;
    size_t before = out->size;
    if (g->flags & RS_GROUP_DROPPED) { /* an earlier batch says so, or the beginning of this one */
        if ((g->flags & (RS_GROUP_WHOLE | RS_GROUP_CLEARED)) == RS_GROUP_WHOLE) {
            put_key(gs, g, RS_ENTRY_DELETE, out);
        }
    } else if (gs->aggregate->upsert) {
        put_registers(gs, number, out);
    } else if (gs->last.capacity) {
        put_events(gs, number, out);
    } else {
        put_panes(gs, number, out);
    }
    if (g->flags & RS_GROUP_WHOLE) {
        note_whole(&gs->unsealed, out->size - before);
    }
    g->flags = (uint16_t)(g->flags &
                          ~(RS_GROUP_CHANGED_BOTH | RS_GROUP_SCATTERED | RS_GROUP_WHOLE | RS_GROUP_FRESH));
    rs_chunks_cut(gs->unsealed.chunks, RS_CHUNK_BYTES);
}

/* ---- gathering ---- */

bool rs_changed_reserve(struct rs_changed *list, uint32_t more)
{
    if (list->capacity - list->count >= more) {
        return true;
    }
    /* A quarter of slack, not a half: all groups are in the lists of a partition that reads a backlog. */
    uint32_t wanted = list->count + more;
    uint32_t capacity = wanted + wanted / 4 + 64;
    uint32_t *grown = realloc(list->numbers, capacity * sizeof *grown);
    if (!grown) {
        return false;
    }
    list->numbers = grown;
    list->capacity = capacity;
    return true;
}

bool rs_changed_push(struct rs_changed *list, uint32_t number)
{
    if (!rs_changed_reserve(list, 1)) {
        return false;
    }
    list->numbers[list->count++] = number;
    return true;
}

void rs_groups_gather(struct rs_groups *gs, uint32_t number, struct rs_group *group)
{
    struct rs_unsealed *u = &gs->unsealed;
    if (u->gather_flag & ~(unsigned)group->flags) {
        group->flags = (uint16_t)(group->flags | u->gather_flag);
        u->failed = !rs_changed_push(&u->gathering, number) || u->failed;
    }
}

void rs_groups_note_drop(struct rs_groups *gs, const struct rs_group *group)
{
    struct rs_unsealed *u = &gs->unsealed;
    if (u->gather_flag) {
        put_key(gs, group, RS_ENTRY_DROPPED, &u->drops);
        u->failed = u->failed || u->drops.failed;
    }
}

void rs_groups_put_gone(const struct rs_groups *gs, const struct rs_gone_entry *entries, uint32_t count,
                        struct rs_buf *out)
{
    size_t begun = rs_entry_begin(out, RS_ENTRY_GONE);
    rs_write_u32(out, set_of(gs));
    for (uint32_t i = 0; i < count; i++) {
        rs_write_u64(out, entries[i].hash);
        rs_write_i64(out, entries[i].newest_us);
    }
    rs_entry_end(out, begun);
}

void rs_groups_note_gone(struct rs_groups *gs, const struct rs_gone_entry *entry)
{
    struct rs_unsealed *u = &gs->unsealed;
    if (u->gather_flag) {
        rs_groups_put_gone(gs, entry, 1, &u->drops);
        u->failed = u->failed || u->drops.failed;
    }
}

/* Said in the batch that is open too: what a group that is back under the key has had acknowledged is told
 * as of when it is written, so this has to stand before it. */
void rs_groups_note_cleared(struct rs_groups *gs, const struct rs_group *group)
{
    struct rs_unsealed *u = &gs->unsealed;
    if (u->gather_flag == 0) {
        return;
    }
    put_key(gs, group, RS_ENTRY_CLEARED, &u->drops);
    u->failed = u->failed || u->drops.failed;
    if (u->chunks->open) {
        put_key(gs, group, RS_ENTRY_CLEARED, &u->chunks->out);
        rs_chunks_cut(u->chunks, RS_CHUNK_BYTES);
    }
}
