/* dedup: ids of the last `dedup` of a partition's records, in arrival order. An id is the 128-bit XXH3 of
 * its bytes: among 10^7 ids two of them meet by chance with probability 10^-25. A record is a duplicate where
 * its own Kafka timestamp is at most the horizon after that of the record which brought the id; what other
 * records say of the time has no part in it. Ids are forgotten by the steady time of the timestamps, and not
 * before that is of 255 records, so that no few wrong clocks make any forgotten early; all of it follows from
 * the log alone. 40 bytes an id.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_PARTITION_DEDUP_H
#define RS_TRANSFORM_PARTITION_DEDUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/record.h"
#include "transform/group/index.h"
#include "transform/partition/steady.h"

struct rs_dedup_id {
    uint64_t low, high;
};

struct rs_dedup_entry {
    struct rs_dedup_id id;
    int64_t time_us;  /* of its record, or the steady time then, if later */
    int64_t clock_us; /* steady time when it came */
};

struct rs_dedup {
    struct rs_dedup_entry *ring;
    uint32_t capacity; /* a power of two */
    uint32_t first, count;
    uint64_t first_number;   /* of the oldest: ids are numbered in the order of their arrival */
    struct rs_index index;   /* by the low half of the id, to places in the ring */
    struct rs_steady steady; /* of the timestamps */
    /* The steady clock went back once: ids before this number, which came before, count as of then at most.
     */
    uint64_t back_number;
    int64_t back_us;
    int64_t horizon_us;
    uint32_t max;
};

void rs_dedup_init(struct rs_dedup *d, int64_t horizon_us, int64_t max);
void rs_dedup_fini(struct rs_dedup *d);
struct rs_dedup_id rs_dedup_hash(struct rs_slice bytes);
bool rs_dedup_reserve(struct rs_dedup *d, uint32_t more); /* false: out of memory */

static inline void rs_dedup_prefetch(const struct rs_dedup *d, struct rs_dedup_id id)
{
    if (d->index.slots) {
        rs_index_prefetch(&d->index, (uint32_t)id.low);
    }
}

/* Whether a record of this timestamp with this id is a duplicate. Changes nothing. */
bool rs_dedup_seen(const struct rs_dedup *d, struct rs_dedup_id id, int64_t timestamp_us);
/* A record arrived: time passes, old ids are forgotten, and the id (NULL: none) is remembered unless it is
 * there. Needs room. */
void rs_dedup_arrive(struct rs_dedup *d, const struct rs_dedup_id *id, int64_t timestamp_us);

/* For the state log: `count` ids from number `from` on, all of them held, each
 * u64 low | u64 high | i64 time | i64 clock. */
void rs_dedup_write(const struct rs_dedup *d, uint64_t from, uint32_t count, struct rs_buf *out);
/* An empty one, whose time is loaded, gets its ids back, in order; the oldest that was stored has this
 * number, and so many of the oldest are left out. RS_ESTATE, RS_ENOMEM. */
void rs_dedup_begin(struct rs_dedup *d, uint64_t first_number, uint32_t left_out);
RS_MUST_USE int rs_dedup_restore(struct rs_dedup *d, const struct rs_dedup_entry *entry,
                                 struct rs_error *error);

struct rs_reader;
/* The steady time alone: u64 ids that came before it went back | i64 to when | steady time. */
void rs_dedup_save_time(const struct rs_dedup *d, struct rs_buf *out);
RS_MUST_USE int rs_dedup_load_time(struct rs_dedup *d, struct rs_reader *reader, struct rs_error *error);

#endif
