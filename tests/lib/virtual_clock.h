/* virtual clock: time that moves only when told to.
 * Thread: one. */
#ifndef RS_TESTS_LIB_VIRTUAL_CLOCK_H
#define RS_TESTS_LIB_VIRTUAL_CLOCK_H

#include "base/clock.h"
#include "base/error.h"

struct rs_clock_virtual {
    struct rs_clock clock; /* pass &v.clock */
    int64_t monotonic_us;
    int64_t wall_us;
};

static inline int64_t rs_clock_virtual_mono(void *self)
{
    return ((const struct rs_clock_virtual *)self)->monotonic_us;
}

static inline int64_t rs_clock_virtual_wall(void *self)
{
    return ((const struct rs_clock_virtual *)self)->wall_us;
}

static inline void rs_clock_virtual_init(struct rs_clock_virtual *v, int64_t wall_us)
{
    *v = (struct rs_clock_virtual){
        .clock = {v, rs_clock_virtual_mono, rs_clock_virtual_wall},
        .wall_us = wall_us,
    };
}

static inline void rs_clock_virtual_advance(struct rs_clock_virtual *v, int64_t by_us)
{
    RS_ASSERT(by_us >= 0);
    v->monotonic_us += by_us;
    v->wall_us += by_us;
}

#endif
