#include "base/histogram.h"

#include <stddef.h>

const int64_t rs_histogram_bound_us[RS_HISTOGRAM_BUCKETS - 1] = {
    100,    200,    500,    1000,    2000,    5000,    10000,    20000,    50000,
    100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000, 60000000, 600000000};

static void add_to_sum(struct rs_histogram *histogram, int64_t us)
{
    int64_t sum = 0;

    if (!__builtin_add_overflow(histogram->sum_us, us, &sum)) {
        histogram->sum_us = sum;
    }
}

void rs_histogram_add(struct rs_histogram *histogram, int64_t us)
{
    size_t bucket = 0;

    us = us > 0 ? us : 0;
    while (bucket < RS_HISTOGRAM_BUCKETS - 1 && us > rs_histogram_bound_us[bucket]) {
        bucket++;
    }
    histogram->buckets[bucket]++;
    histogram->count++;
    add_to_sum(histogram, us);
}

void rs_histogram_merge(struct rs_histogram *into, const struct rs_histogram *from)
{
    for (size_t i = 0; i < RS_HISTOGRAM_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
    into->count += from->count;
    add_to_sum(into, from->sum_us);
}
