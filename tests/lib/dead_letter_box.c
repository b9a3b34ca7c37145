#include "tests/lib/dead_letter_box.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct unacknowledged {
    uint32_t stream;
    int32_t partition;
    int64_t oldest;
};

struct rs_dead_letter_box {
    struct rs_arena arena;
    struct rs_boxed_dead_letter *items;
    size_t count, capacity, limit;
    uint64_t totals[RS_REASON_COUNT];
    struct unacknowledged *pending; /* the oldest of each partition, while held */
    size_t pending_count;
    bool full, held;
};

static bool copy_letter(struct rs_dead_letter_box *box, const struct rs_dead_letter *from)
{
    const struct rs_record *record = from->record;
    const char *text = rs_arena_text(&box->arena, from->text ? from->text : rs_reason_text(from->reason));
    const char *key = rs_arena_slice(&box->arena, record->key);
    const char *value = rs_arena_slice(&box->arena, record->value);
    if (!text || !key || !value) {
        return false;
    }
    box->items[box->count++] = (struct rs_boxed_dead_letter){
        .stream = from->stream,
        .partition = from->partition,
        .offset = record->offset,
        .timestamp_us = record->timestamp_us,
        .reason = from->reason,
        .text = text,
        .key = rs_slice_of(record->key.data ? key : NULL, record->key.size),
        .value = rs_slice_of(record->value.data ? value : NULL, record->value.size)};
    return true;
}

static bool grow(struct rs_dead_letter_box *box)
{
    size_t capacity = box->capacity ? 2 * box->capacity : 64;
    struct rs_boxed_dead_letter *items = realloc(box->items, capacity * sizeof *items);
    if (!items) {
        return false;
    }
    box->items = items;
    box->capacity = capacity;
    return true;
}

/* False: out of memory. */
static bool hold(struct rs_dead_letter_box *box, const struct rs_dead_letter *from)
{
    for (size_t i = 0; i < box->pending_count; i++) {
        struct unacknowledged *entry = &box->pending[i];
        if (entry->partition == from->partition && entry->stream == from->stream) {
            entry->oldest = from->record->offset < entry->oldest ? from->record->offset : entry->oldest;
            return true;
        }
    }
    struct unacknowledged *pending = realloc(box->pending, (box->pending_count + 1) * sizeof *pending);
    if (!pending) {
        return false;
    }
    box->pending = pending;
    pending[box->pending_count++] = (struct unacknowledged){
        .stream = from->stream, .partition = from->partition, .oldest = from->record->offset};
    return true;
}

static bool table_put(void *self, const struct rs_dead_letter *from)
{
    struct rs_dead_letter_box *box = self;
    RS_ASSERT(from->reason > RS_REASON_NONE && from->reason < RS_REASON_COUNT);
    if (box->full || (box->held && !hold(box, from))) {
        return false;
    }
    if (box->count < box->limit && ((box->count == box->capacity && !grow(box)) || !copy_letter(box, from))) {
        return false;
    }
    box->totals[from->reason]++;
    return true;
}

static int64_t table_acknowledged(void *self, uint32_t stream, int32_t partition)
{
    const struct rs_dead_letter_box *box = self;
    for (size_t i = 0; i < box->pending_count; i++) {
        if (box->pending[i].partition == partition && box->pending[i].stream == stream) {
            return box->pending[i].oldest;
        }
    }
    return INT64_MAX;
}

static const struct rs_dead_letter_ops table = {.put = table_put, .acknowledged = table_acknowledged};

struct rs_dead_letter_sink rs_dead_letter_box_table(struct rs_dead_letter_box *box)
{
    return (struct rs_dead_letter_sink){.self = box, .ops = &table};
}

int rs_dead_letter_box_new(size_t limit, struct rs_dead_letter_box **out, struct rs_error *error)
{
    struct rs_dead_letter_box *box = calloc(1, sizeof *box);
    if (!box) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    box->limit = limit;
    *out = box;
    return 0;
}

void rs_dead_letter_box_free(struct rs_dead_letter_box **out)
{
    struct rs_dead_letter_box *box = *out;
    if (!box) {
        return;
    }
    rs_arena_fini(&box->arena);
    free(box->items);
    free(box->pending);
    free(box);
    *out = NULL;
}

void rs_dead_letter_box_set_full(struct rs_dead_letter_box *box, bool full)
{
    box->full = full;
}

void rs_dead_letter_box_set_held(struct rs_dead_letter_box *box, bool held)
{
    box->held = held;
    box->pending_count = held ? box->pending_count : 0;
}

size_t rs_dead_letter_box_count(const struct rs_dead_letter_box *box)
{
    return box->count;
}

struct rs_boxed_dead_letter rs_dead_letter_box_at(const struct rs_dead_letter_box *box, size_t index)
{
    RS_ASSERT(index < box->count);
    return box->items[index];
}

uint64_t rs_dead_letter_box_total(const struct rs_dead_letter_box *box, enum rs_reason reason)
{
    uint64_t total = 0;
    for (size_t i = RS_REASON_NONE + 1; i < RS_REASON_COUNT; i++) {
        total += reason == RS_REASON_NONE || reason == i ? box->totals[i] : 0;
    }
    return total;
}
