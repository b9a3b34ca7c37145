/* us: times that count another unit, as microseconds since 1970-01-01T00:00:00Z.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_TIME_US_H
#define RS_BASE_TIME_US_H

#include <stdint.h>

/* Floored, so that order is kept also before 1970; *rest_ns is what is left, 0 to 999. Nanoseconds in 64 bits
 * reach from 1677 to 2262, so every one of them is a time in range. */
static inline int64_t rs_us_from_nanos(int64_t ns, int *rest_ns)
{
    int64_t rest = ns % 1000;
    int64_t below = rest < 0;
    *rest_ns = (int)(rest + below * 1000);
    return ns / 1000 - below;
}

/* INT64_MIN or INT64_MAX where microseconds do not fit: no time in range, as rs_time_in_range will say. */
static inline int64_t rs_us_from_millis(int64_t ms)
{
    int64_t us;
    if (__builtin_expect(__builtin_mul_overflow(ms, INT64_C(1000), &us), 0)) {
        return ms < 0 ? INT64_MIN : INT64_MAX;
    }
    return us;
}

#endif
