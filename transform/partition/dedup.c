#include "transform/partition/dedup.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/reader.h"

void rs_dedup_init(struct rs_dedup *d, int64_t horizon_us, int64_t max)
{
    *d = (struct rs_dedup){.horizon_us = horizon_us};
    rs_steady_init(&d->steady);
    d->max = max < INT32_MAX ? (uint32_t)max : INT32_MAX;
}

void rs_dedup_fini(struct rs_dedup *d)
{
    free(d->ring);
    d->ring = NULL;
    rs_index_fini(&d->index);
}

struct rs_dedup_id rs_dedup_hash(struct rs_slice bytes)
{
    XXH128_hash_t hash = XXH3_128bits(bytes.data, bytes.size);
    return (struct rs_dedup_id){hash.low64, hash.high64};
}

static struct rs_dedup_entry *entry_at(const struct rs_dedup *d, uint32_t nth)
{
    return &d->ring[(d->first + nth) & (d->capacity - 1)];
}

/* The ids move to the beginning of the new ring, so every place changes, and the index is made anew. Nothing
 * changes before there is memory for both. */
static bool widen(struct rs_dedup *d)
{
    uint32_t capacity = d->capacity ? d->capacity * 2 : 1024;
    struct rs_dedup_entry *ring = calloc(capacity, sizeof *ring);
    if (!ring) {
        return false;
    }
    struct rs_index index = {0};
    if (!rs_index_reserve(&index, capacity)) {
        free(ring);
        return false;
    }
    for (uint32_t i = 0; i < d->count; i++) {
        ring[i] = *entry_at(d, i);
        rs_index_insert(&index, (uint32_t)ring[i].id.low, i);
    }
    free(d->ring);
    rs_index_fini(&d->index);
    d->ring = ring;
    d->index = index;
    d->capacity = capacity;
    d->first = 0;
    return true;
}

bool rs_dedup_reserve(struct rs_dedup *d, uint32_t more)
{
    while (d->capacity < (uint64_t)d->count + more) {
        if (d->capacity >= UINT32_C(1) << 31 || !widen(d)) {
            return false;
        }
    }
    return true;
}

/* An id may be held more than once, where it came again when the horizon was over: one of them in time is
 * enough. Both sides are times of years 1 to 9999 and the horizon is a duration: no overflow. */
bool rs_dedup_seen(const struct rs_dedup *d, struct rs_dedup_id id, int64_t timestamp_us)
{
    uint32_t cursor = (uint32_t)id.low;
    while (d->index.slots && d->ring) {
        uint32_t place = rs_index_next(&d->index, (uint32_t)id.low, &cursor);
        if (place == RS_NONE) {
            return false;
        }
        const struct rs_dedup_entry *entry = &d->ring[place];
        if (entry->id.low == id.low && entry->id.high == id.high &&
            timestamp_us - d->horizon_us <= entry->time_us) {
            return true;
        }
    }
    return false;
}

/* The steady time has left the oldest id behind. The first records after an upgrade meet many ids and are no
 * majority yet: they make none forgotten. */
static bool outlived(const struct rs_dedup *d)
{
    if (d->steady.seen < RS_STEADY_SAMPLES) {
        return false;
    }
    int64_t clock_us = entry_at(d, 0)->clock_us;
    if (d->first_number < d->back_number && clock_us > d->back_us) {
        clock_us = d->back_us;
    }
    return clock_us < d->steady.clock_us - d->horizon_us;
}

static void pass_time(struct rs_dedup *d, int64_t timestamp_us)
{
    if (rs_steady_samples(&d->steady) && rs_steady_take(&d->steady, timestamp_us) == RS_STEADY_DOWN) {
        d->back_number = d->first_number + d->count;
        d->back_us = d->steady.clock_us;
    }
}

static void forget_oldest(struct rs_dedup *d)
{
    rs_index_remove(&d->index, (uint32_t)entry_at(d, 0)->id.low, d->first);
    d->first = (d->first + 1) & (d->capacity - 1);
    d->first_number++;
    d->count--;
}

/* Whether the id is known is asked before time passes, as the record's outcome was: what this record makes
 * forgotten was still there for it. A new id counts from its own timestamp or the steady time, whichever
 * is later. */
void rs_dedup_arrive(struct rs_dedup *d, const struct rs_dedup_id *id, int64_t timestamp_us)
{
    bool known = !id || rs_dedup_seen(d, *id, timestamp_us);
    pass_time(d, timestamp_us);
    while (d->count && outlived(d)) {
        forget_oldest(d);
    }
    if (known) {
        return;
    }
    int64_t clock_us = d->steady.clock_us;
    if (d->count == d->max) {
        forget_oldest(d);
    }
    RS_ASSERT(d->count < d->capacity);
    uint32_t place = (d->first + d->count) & (d->capacity - 1);
    d->ring[place] = (struct rs_dedup_entry){
        .id = *id, .time_us = timestamp_us > clock_us ? timestamp_us : clock_us, .clock_us = clock_us};
    rs_index_insert(&d->index, (uint32_t)id->low, place);
    d->count++;
}

static void put_entry(const struct rs_dedup_entry *entry, struct rs_buf *out)
{
    rs_write_u64(out, entry->id.low);
    rs_write_u64(out, entry->id.high);
    rs_write_i64(out, entry->time_us);
    rs_write_i64(out, entry->clock_us);
}

void rs_dedup_write(const struct rs_dedup *d, uint64_t from, uint32_t count, struct rs_buf *out)
{
    RS_ASSERT(from >= d->first_number && from + count <= d->first_number + d->count);
    for (uint32_t i = 0; i < count; i++) {
        put_entry(entry_at(d, (uint32_t)(from - d->first_number) + i), out);
    }
}

void rs_dedup_begin(struct rs_dedup *d, uint64_t first_number, uint32_t left_out)
{
    RS_ASSERT(d->count == 0);
    d->back_number += first_number; /* it was counted from the oldest id */
    d->first_number = first_number + left_out;
}

/* Ids come back in the order in which they arrived, without time passing. None counts from before the
 * clock at which it came, and there are at most `max`: anything else is damage. */
int rs_dedup_restore(struct rs_dedup *d, const struct rs_dedup_entry *entry, struct rs_error *error)
{
    if (!rs_dedup_reserve(d, 1)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    RS_ASSERT(d->ring && d->count < d->capacity);
    if (d->count == d->max || entry->time_us < entry->clock_us) {
        return rs_fail(error, RS_ESTATE, "the list of ids is damaged");
    }
    uint32_t place = (d->first + d->count) & (d->capacity - 1);
    d->ring[place] = *entry;
    rs_index_insert(&d->index, (uint32_t)entry->id.low, place);
    d->count++;
    return 0;
}

/* Ids that are gone need no numbers: as distance from the oldest there is, equal states give equal bytes
 * whatever number a copy begins with. */
void rs_dedup_save_time(const struct rs_dedup *d, struct rs_buf *out)
{
    uint64_t ids = d->back_number > d->first_number ? d->back_number - d->first_number : 0;
    rs_write_u64(out, ids);
    rs_write_i64(out, ids ? d->back_us : 0);
    rs_steady_save(&d->steady, out);
}

int rs_dedup_load_time(struct rs_dedup *d, struct rs_reader *reader, struct rs_error *error)
{
    d->back_number = rs_read_u64(reader);
    d->back_us = rs_read_i64(reader);
    return rs_steady_load(&d->steady, reader, error);
}
