#include "transform/dedup.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "transform/reader.h"

void rs_dedup_init(struct rs_dedup *d, int64_t horizon_us, int64_t max)
{
    *d = (struct rs_dedup){.horizon_us = horizon_us, .clock_us = RS_TIME_NONE};
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

static bool widen(struct rs_dedup *d)
{
    uint32_t capacity = d->capacity ? d->capacity * 2 : 1024;
    struct rs_dedup_entry *ring = calloc(capacity, sizeof *ring);
    if (!ring) {
        return false;
    }
    /* Places are numbered by the ring, so the index is made anew. */
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

static const struct rs_dedup_entry *find(const struct rs_dedup *d, struct rs_dedup_id id)
{
    uint32_t cursor = (uint32_t)id.low;
    while (d->index.slots) {
        uint32_t place = rs_index_next(&d->index, (uint32_t)id.low, &cursor);
        if (place == RS_NONE || !d->ring) {
            return NULL;
        }
        if (d->ring[place].id.low == id.low && d->ring[place].id.high == id.high) {
            return &d->ring[place];
        }
    }
    return NULL;
}

/* Both sides are times of years 1 to 9999 and the horizon is a duration: no overflow. */
static bool forgotten(const struct rs_dedup *d, const struct rs_dedup_entry *entry, int64_t clock_us)
{
    return entry->clock_us < clock_us - d->horizon_us;
}

static int64_t clock_after(const struct rs_dedup *d, int64_t timestamp_us)
{
    return timestamp_us > d->clock_us ? timestamp_us : d->clock_us;
}

bool rs_dedup_seen(const struct rs_dedup *d, struct rs_dedup_id id, int64_t timestamp_us)
{
    const struct rs_dedup_entry *entry = find(d, id);
    return entry && !forgotten(d, entry, clock_after(d, timestamp_us));
}

static void forget_oldest(struct rs_dedup *d)
{
    rs_index_remove(&d->index, (uint32_t)entry_at(d, 0)->id.low, d->first);
    d->first = (d->first + 1) & (d->capacity - 1);
    d->first_number++;
    d->count--;
}

void rs_dedup_arrive(struct rs_dedup *d, const struct rs_dedup_id *id, int64_t timestamp_us)
{
    d->clock_us = clock_after(d, timestamp_us);
    while (d->count && forgotten(d, entry_at(d, 0), d->clock_us)) {
        forget_oldest(d);
    }
    if (!id || find(d, *id)) {
        return;
    }
    if (d->count == d->max) {
        forget_oldest(d);
    }
    RS_ASSERT(d->count < d->capacity);
    uint32_t place = (d->first + d->count) & (d->capacity - 1);
    d->ring[place] = (struct rs_dedup_entry){.id = *id, .clock_us = d->clock_us};
    rs_index_insert(&d->index, (uint32_t)id->low, place);
    d->count++;
}

static void put_entry(const struct rs_dedup_entry *entry, struct rs_buf *out)
{
    rs_write_u64(out, entry->id.low);
    rs_write_u64(out, entry->id.high);
    rs_write_i64(out, entry->clock_us);
}

void rs_dedup_write(const struct rs_dedup *d, uint64_t from, uint32_t count, struct rs_buf *out)
{
    RS_ASSERT(from >= d->first_number && from + count <= d->first_number + d->count);
    for (uint32_t i = 0; i < count; i++) {
        put_entry(entry_at(d, (uint32_t)(from - d->first_number) + i), out);
    }
}

void rs_dedup_begin(struct rs_dedup *d, uint64_t first_number)
{
    RS_ASSERT(d->count == 0);
    d->first_number = first_number;
}

int rs_dedup_restore(struct rs_dedup *d, const struct rs_dedup_entry *entry, struct rs_error *error)
{
    if (!rs_dedup_reserve(d, 1)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    RS_ASSERT(d->ring && d->count < d->capacity);
    const struct rs_dedup_entry *last = d->count ? entry_at(d, d->count - 1) : NULL;
    if (d->count == d->max || (last && entry->clock_us < last->clock_us) || entry->clock_us > d->clock_us ||
        find(d, entry->id)) {
        return rs_fail(error, RS_ESTATE, "the list of ids is damaged");
    }
    uint32_t place = (d->first + d->count) & (d->capacity - 1);
    d->ring[place] = *entry;
    rs_index_insert(&d->index, (uint32_t)entry->id.low, place);
    d->count++;
    return 0;
}

void rs_dedup_save(const struct rs_dedup *d, struct rs_buf *out)
{
    rs_write_i64(out, d->clock_us);
    rs_write_u32(out, d->count);
    for (uint32_t i = 0; i < d->count; i++) {
        put_entry(entry_at(d, i), out);
    }
}

int rs_dedup_load(struct rs_dedup *d, struct rs_reader *reader, struct rs_error *error)
{
    d->clock_us = rs_read_i64(reader);
    uint32_t count = rs_read_u32(reader);
    if (reader->failed || reader->rest.size / sizeof(struct rs_dedup_entry) < count || count > d->max) {
        return rs_fail(error, RS_ESTATE, "the list of ids is damaged");
    }
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct rs_dedup_entry entry;
        entry.id.low = rs_read_u64(reader);
        entry.id.high = rs_read_u64(reader);
        entry.clock_us = rs_read_i64(reader);
        rc = rs_dedup_restore(d, &entry, error);
    }
    return rc;
}
