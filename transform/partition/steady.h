/* steady: the time of a stream of records that a minority of wrong clocks cannot move.
 * The median of the times of 255 of the latest records: of all records at first, then of every eighth, so
 * that a producer who sends in batches does not make a majority by sending 130 in a row. It follows from the
 * records alone. With right clocks it lags behind the newest record by half of the samples, that is by 1,020
 * records at most, and never runs ahead of it.
 *
 * The clock is the median that does not go back: where times come in any order, what was reached stays. Only
 * when 255 samples in a row say that it was wrong, after a time in which most clocks were, does it go back to
 * what they say; and freely before there are 255.
 * Thread: the owning worker.
 * Limits: 6 KiB. A sample costs about a hundred instructions, more where times come in any order. */
#ifndef RS_TRANSFORM_PARTITION_STEADY_H
#define RS_TRANSFORM_PARTITION_STEADY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define RS_STEADY_SAMPLES 255
#define RS_STEADY_STRIDE  8
#define RS_STEADY_ROOM    512

struct rs_steady {
    int64_t ring[RS_STEADY_SAMPLES]; /* in the order of their arrival; `next` is the oldest once it is full */
    int64_t room[RS_STEADY_ROOM]; /* the same, ascending, from `first` on: nothing moves where the lowest one
                                     leaves and a higher one comes */
    uint32_t first, count, next;
    uint32_t below;   /* samples in a row at which the median was below the clock */
    uint64_t seen;    /* records, sampled or not */
    int64_t clock_us; /* RS_TIME_NONE: no record yet */
};

enum rs_steady_move { RS_STEADY_STAYS, RS_STEADY_UP, RS_STEADY_DOWN };

void rs_steady_init(struct rs_steady *s);

/* A record came: whether it is a sample, which has to be taken then. */
static inline bool rs_steady_samples(struct rs_steady *s)
{
    uint64_t number = s->seen++;
    return number < RS_STEADY_SAMPLES || number % RS_STEADY_STRIDE == 0;
}
/* What became of the clock. */
enum rs_steady_move rs_steady_take(struct rs_steady *s, int64_t time_us);

/* The lower one where their number is even; RS_TIME_NONE: no sample. */
int64_t rs_steady_median(const struct rs_steady *s);
/* How far a record is from the next as a rule: the denser of the two quarters of the samples beside the
 * median, spread evenly. 0: there are too few. */
int64_t rs_steady_gap(const struct rs_steady *s);
/* The highest sample that is reached from the median in steps of at most `step_us`. */
int64_t rs_steady_reach(const struct rs_steady *s, int64_t step_us);

/* u64 seen | i64 clock | u32 below | u32 count | count x i64, oldest first. RS_ESTATE. */
void rs_steady_save(const struct rs_steady *s, struct rs_buf *out);
struct rs_reader;
RS_MUST_USE int rs_steady_load(struct rs_steady *s, struct rs_reader *reader, struct rs_error *error);

#endif
