#include "tests/lib/partition_state.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/reader.h"
#include "transform/group/bytes.h"
#include "transform/partition/internal.h"

/* A partition as bytes, little-endian:
 *   "RSP" version | stream time | next offset | accounting | steady time | expiry | ids | aggregates |
 *   XXH3-64 of all before
 * Aggregates stand in configuration order, each with the fingerprint of its definition; keys of dropped
 * groups and groups stand in the order of their keys. What only speeds things up (folds, lists, numbers of
 * slots) is left out, and so is what was in flight: it has to be emitted again. */
#define STATE_VERSION 2
static const char magic[3] = {'R', 'S', 'P'};

/* ---- saving ---- */

void rs_dedup_save(const struct rs_dedup *d, struct rs_buf *out)
{
    rs_dedup_save_time(d, out);
    rs_write_u32(out, d->count);
    rs_dedup_write(d, d->first_number, d->count, out);
}

static void save_panes(const struct rs_groups *gs, uint32_t number, struct rs_buf *out)
{
    const struct rs_group *g = rs_group_at(gs, number);
    uint32_t count = 0;
    for (uint32_t at = g->oldest; at != RS_NONE; at = rs_node_at(gs, at)->newer) {
        count++;
    }
    if (gs->aggregate->window.kind == RS_WINDOW_SLIDING) {
        rs_write_i64(out, rs_sliding_at(gs, number)->gone_newest);
    }
    rs_write_u32(out, count);
    for (uint32_t at = g->oldest; at != RS_NONE; at = rs_node_at(gs, at)->newer) {
        rs_form_pane(gs, rs_node_at(gs, at), out);
    }
}

static void save_registers(const struct rs_groups *gs, const struct rs_upsert_group *g, struct rs_buf *out)
{
    rs_write_u32(out, g->count);
    for (uint32_t i = 0; i < g->count; i++) {
        rs_form_register(gs, rs_register_at(gs, g, i), out);
    }
}

static void save_events(const struct rs_groups *gs, uint32_t number, struct rs_buf *out)
{
    struct rs_last_cursor cursor = rs_last_begin(gs, number, true);
    rs_write_u32(out, ((const struct rs_last_group *)rs_group_at(gs, number))->count);
    for (const struct rs_last_event *e; (e = rs_last_next(gs, &cursor, true));) {
        rs_form_event(gs, e, out);
    }
}

static void save_group(const struct rs_groups *gs, uint32_t number, struct rs_buf *out)
{
    const struct rs_group *g = rs_group_at(gs, number);
    rs_form_key(rs_group_key(gs, g), out);
    rs_write_i64(out, g->clock_us);
    rs_write_i64(out, rs_group_pending(gs, number));
    if (gs->aggregate->upsert) {
        save_registers(gs, (const struct rs_upsert_group *)g, out);
    } else if (gs->last.capacity) {
        save_events(gs, number, out);
    } else {
        save_panes(gs, number, out);
    }
}

struct keyed {
    struct rs_slice key;
    uint32_t number;
};

static int by_key(const void *a, const void *b)
{
    struct rs_slice x = ((const struct keyed *)a)->key;
    struct rs_slice y = ((const struct keyed *)b)->key;
    size_t shorter = x.size < y.size ? x.size : y.size;
    int order = shorter ? memcmp(x.data, y.data, shorter) : 0;
    return order ? order : (x.size > y.size) - (x.size < y.size);
}

/* Groups whose keys have to be deleted, or those that are there, by key. A dropped key may have come and gone
 * again: once is enough. */
static size_t sorted(const struct rs_groups *gs, bool dropped, struct keyed *out)
{
    size_t count = 0;
    for (uint32_t i = 0; i < gs->groups.touched; i++) {
        const struct rs_group *g = rs_group_at(gs, i);
        if (rs_groups_live(gs, i) && !(g->flags & RS_GROUP_CLEARED) &&
            dropped == !!(g->flags & RS_GROUP_DROPPED)) {
            out[count++] = (struct keyed){rs_group_key(gs, g), i};
        }
    }
    if (count > 1) {
        qsort(out, count, sizeof *out, by_key);
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || by_key(&out[kept - 1], &out[i]) != 0) {
            out[kept++] = out[i];
        }
    }
    return kept;
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct rs_gone_entry *)a)->hash;
    uint64_t y = ((const struct rs_gone_entry *)b)->hash;
    return (x > y) - (x < y);
}

static void save_gone(const struct rs_gone *gone, struct rs_buf *out)
{
    size_t size = (gone->count + 1) * sizeof(struct rs_gone_entry);
    struct rs_gone_entry *list = malloc(size);
    if (!list) {
        out->failed = true;
        return;
    }
    if (gone->count) {
        memcpy(list, gone->heap, gone->count * sizeof *list);
        qsort(list, gone->count, sizeof *list, by_hash);
    }
    rs_write_i64(out, gone->forgotten_newest_us);
    rs_write_u64(out, gone->forgotten);
    rs_write_u32(out, gone->count);
    for (uint32_t i = 0; i < gone->count; i++) {
        rs_write_u64(out, list[i].hash);
        rs_write_i64(out, list[i].newest_us);
    }
    free(list);
}

static void save_groups(const struct rs_groups *gs, struct rs_buf *out)
{
    struct keyed *list = malloc((rs_slabs_live(&gs->groups) + 1) * sizeof *list);
    if (!list) {
        out->failed = true;
        return;
    }
    rs_write_u64(out, gs->aggregate->fingerprint);
    rs_write_u64(out, gs->applied);
    rs_write_u64(out, gs->late);
    rs_write_u64(out, gs->filtered);
    rs_write_u64(out, gs->limited);
    rs_write_u64(out, gs->not_finite);
    save_gone(&gs->gone, out);
    size_t dropped = sorted(gs, true, list);
    rs_write_u32(out, (uint32_t)dropped);
    for (size_t i = 0; i < dropped; i++) {
        rs_form_key(list[i].key, out);
    }
    size_t live = sorted(gs, false, list);
    rs_write_u32(out, (uint32_t)live);
    for (size_t i = 0; i < live; i++) {
        save_group(gs, list[i].number, out);
    }
    free(list);
}

void rs_partition_save(const struct rs_partition *p, struct rs_buf *out)
{
    size_t start = out->size;
    rs_buf_put(out, magic, sizeof magic);
    rs_buf_char(out, STATE_VERSION);
    rs_write_i64(out, p->stream_time_us);
    rs_write_i64(out, p->next_offset);
    const struct rs_accounting *e = &p->events;
    const uint64_t counts[] = {e->consumed, e->applied,  e->late,           e->duplicate,
                               e->rejected, e->filtered, p->rejected_early, p->expired};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        rs_write_u64(out, counts[i]);
    }
    rs_steady_save(&p->steady, out);
    rs_write_i64(out, p->expire_at_us);
    rs_write_u64(out, p->expire_checked);
    rs_dedup_save(&p->dedup, out);
    rs_write_u32(out, p->group_sets);
    for (uint32_t i = 0; i < p->group_sets; i++) {
        save_groups(&p->groups[i], out);
    }
    if (!out->failed) {
        rs_write_u64(out, XXH3_64bits(out->data + start, out->size - start));
    }
}

/* ---- loading ---- */

int rs_dedup_load(struct rs_dedup *d, struct rs_reader *reader, struct rs_error *error)
{
    int rc = rs_dedup_load_time(d, reader, error);
    if (rc < 0) {
        return rc;
    }
    uint32_t count = rs_read_u32(reader);
    if (reader->failed || reader->rest.size / sizeof(struct rs_dedup_entry) < count || count > d->max) {
        return rs_fail(error, RS_ESTATE, "the list of ids is damaged");
    }
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct rs_dedup_entry entry;
        entry.id.low = rs_read_u64(reader);
        entry.id.high = rs_read_u64(reader);
        entry.time_us = rs_read_i64(reader);
        entry.clock_us = rs_read_i64(reader);
        rc = rs_dedup_restore(d, &entry, error);
    }
    return rc;
}

static int load_pane(struct rs_form_reader *l, uint32_t number)
{
    const struct rs_group *g = rs_group_at(l->gs, number);
    int64_t start_us;
    uint32_t flags;
    int rc = rs_form_read_start(l, &start_us, &flags);
    if (rc < 0) {
        return rc;
    }
    if (g->newest != RS_NONE && rs_node_at(l->gs, g->newest)->start_us >= start_us) {
        return rs_form_damaged(l, "the order of panes");
    }
    if (!rs_slabs_reserve(&l->gs->panes, 1)) {
        return rs_form_no_memory(l);
    }
    struct rs_node *node = rs_group_replace(l->gs, number, start_us);
    node->flags = flags;
    return rs_form_read_pane(l, node);
}

static int load_panes(struct rs_form_reader *l, uint32_t number)
{
    if (l->gs->aggregate->window.kind == RS_WINDOW_SLIDING) {
        rs_sliding_at(l->gs, number)->gone_newest = rs_read_i64(&l->reader);
    }
    uint32_t count = rs_read_u32(&l->reader);
    if (l->reader.failed || count == 0) {
        return rs_form_damaged(l, "a group");
    }
    for (uint32_t i = 0; i < count; i++) {
        int rc = load_pane(l, number);
        if (rc < 0) {
            return rc;
        }
    }
    rs_group_restored(l->gs, number);
    return 0;
}

static int load_registers(struct rs_form_reader *l, uint32_t number)
{
    struct rs_upsert_group *g = (struct rs_upsert_group *)rs_group_at(l->gs, number);
    uint32_t count = rs_read_u32(&l->reader);
    int64_t before_us = INT64_MIN;
    for (uint32_t i = 0; i < count && !l->reader.failed; i++) {
        if (!rs_upsert_reserve(l->gs, number)) {
            return rs_form_no_memory(l);
        }
        struct rs_register *r = rs_register_at(l->gs, g, i);
        int rc = rs_form_read_register(l, r);
        if (rc < 0) {
            return rc;
        }
        if (r->period_us <= before_us) {
            return rs_form_damaged(l, "the order of registers");
        }
        before_us = r->period_us;
        g->count++;
        l->gs->pane_count++;
    }
    return l->reader.failed || count == 0 ? rs_form_damaged(l, "a group") : 0;
}

static int load_events(struct rs_form_reader *l, uint32_t number)
{
    struct rs_last_event *e = malloc(l->gs->last.event_size);
    uint32_t count = rs_read_u32(&l->reader);
    int rc = l->reader.failed || count == 0 ? rs_form_damaged(l, "a group") : 0;
    rc = rc == 0 && !e ? rs_form_no_memory(l) : rc;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = rs_form_read_event(l, e);
        rc = rc == 0 && !rs_last_reserve(l->gs, 1) ? rs_form_no_memory(l) : rc;
        if (rc == 0) {
            rs_last_restore(l->gs, number, e);
        }
    }
    free(e);
    return rc;
}

static int load_group(struct rs_form_reader *l, struct rs_slice *before)
{
    struct rs_slice key;
    int rc = rs_form_read_key(l, &key);
    if (rc < 0) {
        return rc;
    }
    if (before->data && by_key(&(struct keyed){.key = *before}, &(struct keyed){.key = key}) >= 0) {
        return rs_form_damaged(l, "the order of groups");
    }
    *before = key;
    uint32_t number = rs_groups_add(l->gs, rs_key_hash(key), key);
    struct rs_group *g = rs_group_at(l->gs, number);
    g->clock_us = rs_read_i64(&l->reader);
    g->history_from = rs_read_i64(&l->reader);
    if (l->reader.failed) {
        return rs_form_damaged(l, "a group");
    }
    rs_groups_touch(l->gs, number, g, RS_GROUP_VIEW);
    if (l->gs->last.capacity) {
        return load_events(l, number);
    }
    return l->gs->aggregate->upsert ? load_registers(l, number) : load_panes(l, number);
}

static int load_gone(struct rs_form_reader *l)
{
    struct rs_gone *gone = &l->gs->gone;
    int64_t newest_us = rs_read_i64(&l->reader);
    uint64_t forgotten = rs_read_u64(&l->reader);
    uint32_t count = rs_read_u32(&l->reader);
    if (count > gone->max) {
        return rs_form_damaged(l, "the table of dropped groups");
    }
    for (uint32_t i = 0; i < count && !l->reader.failed; i++) {
        struct rs_gone_entry entry = {.hash = rs_read_u64(&l->reader)};
        entry.newest_us = rs_read_i64(&l->reader);
        if (!rs_gone_reserve(gone, (uint64_t)gone->count + 1)) {
            return rs_form_no_memory(l);
        }
        rs_gone_put(gone, entry);
    }
    gone->forgotten_newest_us = newest_us;
    gone->forgotten = forgotten;
    return 0;
}

static int load_dropped(struct rs_form_reader *l)
{
    uint32_t count = rs_read_u32(&l->reader);
    for (uint32_t i = 0; i < count; i++) {
        struct rs_slice key;
        int rc = rs_form_read_key(l, &key);
        if (rc < 0) {
            return rc;
        }
        rs_groups_drop(l->gs, rs_groups_add(l->gs, rs_key_hash(key), key));
    }
    return 0;
}

static int load_groups(struct rs_form_reader *l)
{
    struct rs_groups *gs = l->gs;
    if (rs_read_u64(&l->reader) != gs->aggregate->fingerprint) {
        return rs_fail(l->error, RS_ESTATE, "stored state is of another definition of aggregate %s",
                       gs->aggregate->name);
    }
    gs->applied = rs_read_u64(&l->reader);
    gs->late = rs_read_u64(&l->reader);
    gs->filtered = rs_read_u64(&l->reader);
    gs->limited = rs_read_u64(&l->reader);
    gs->not_finite = rs_read_u64(&l->reader);
    int rc = load_gone(l);
    rc = rc == 0 ? load_dropped(l) : rc;
    uint32_t count = rc == 0 ? rs_read_u32(&l->reader) : 0;
    struct rs_slice before = {0};
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = load_group(l, &before);
    }
    return rc;
}

static void load_head(struct rs_partition *p, struct rs_reader *reader)
{
    p->stream_time_us = rs_read_i64(reader);
    p->next_offset = rs_read_i64(reader);
    struct rs_accounting *e = &p->events;
    uint64_t *counts[] = {&e->consumed, &e->applied,  &e->late,           &e->duplicate,
                          &e->rejected, &e->filtered, &p->rejected_early, &p->expired};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        *counts[i] = rs_read_u64(reader);
    }
}

static int check_frame(struct rs_slice *bytes, struct rs_error *error)
{
    const size_t head = sizeof magic + 1;
    if (bytes->size < head + sizeof(uint64_t) || memcmp(bytes->data, magic, sizeof magic) != 0) {
        return rs_fail(error, RS_ESTATE, "this is no stored state of a partition");
    }
    if (bytes->data[sizeof magic] != STATE_VERSION) {
        return rs_fail(error, RS_ESTATE, "stored state has format %d, and this version reads %d",
                       bytes->data[sizeof magic], STATE_VERSION);
    }
    size_t body = bytes->size - sizeof(uint64_t);
    struct rs_reader sum = {.rest = rs_slice_of(bytes->data + body, sizeof(uint64_t))};
    if (rs_read_u64(&sum) != XXH3_64bits(bytes->data, body)) {
        return rs_fail(error, RS_ESTATE, "stored state is damaged: its checksum does not match");
    }
    *bytes = rs_slice_of(bytes->data + head, body - head);
    return 0;
}

int rs_partition_load(struct rs_partition *fresh, struct rs_slice bytes, struct rs_error *error)
{
    RS_ASSERT(fresh->events.consumed == 0 && fresh->stream_time_us == RS_TIME_NONE);
    int rc = check_frame(&bytes, error);
    if (rc < 0) {
        return rc;
    }
    struct rs_form_reader l = {.reader = {.rest = bytes}, .error = error};
    load_head(fresh, &l.reader);
    rc = rs_steady_load(&fresh->steady, &l.reader, error);
    int64_t expire_at_us = rs_read_i64(&l.reader);
    fresh->expire_at_us = fresh->expire_at_us == INT64_MAX ? INT64_MAX : expire_at_us;
    fresh->expire_checked = rs_read_u64(&l.reader);
    rc = rc == 0 ? rs_dedup_load(&fresh->dedup, &l.reader, error) : rc;
    if (rc == 0 && rs_read_u32(&l.reader) != fresh->group_sets) {
        rc = rs_fail(error, RS_ESTATE,
                     "stored state is of another configuration: the stream had other aggregates");
    }
    for (uint32_t i = 0; rc == 0 && i < fresh->group_sets; i++) {
        l.gs = &fresh->groups[i];
        rc = load_groups(&l);
    }
    if (rc == 0 && (l.reader.failed || l.reader.rest.size)) {
        rc = rs_fail(error, RS_ESTATE, "stored state is damaged: its length is wrong");
    }
    return rc;
}
