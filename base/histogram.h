/* histogram: how long something took, counted in buckets that all of the program's histograms have in common, so that
 * they can be compared and added.
 * Adding one costs a search among RS_HISTOGRAM_BUCKETS bounds: for what happens by batch, not by event.
 * Thread: the owner's; it is a plain value. */
#ifndef RS_BASE_HISTOGRAM_H
#define RS_BASE_HISTOGRAM_H

#include <stdint.h>

/* Upper bounds in microseconds, each included; the last bucket has none. */
#define RS_HISTOGRAM_BUCKETS 19
extern const int64_t rs_histogram_bound_us[RS_HISTOGRAM_BUCKETS - 1];

struct rs_histogram {
    uint64_t buckets[RS_HISTOGRAM_BUCKETS]; /* each by itself */
    uint64_t count;
    int64_t sum_us; /* stays where it is rather than overflow */
};

/* A negative time, as between two clocks that disagree, is none. */
void rs_histogram_add(struct rs_histogram *histogram, int64_t us);
void rs_histogram_merge(struct rs_histogram *into, const struct rs_histogram *from);

#endif
