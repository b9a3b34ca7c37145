#include "base/clock.h"

#include <stddef.h>
#include <time.h>

#include "base/error.h"

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    RS_ASSERT(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_monotonic_us(void *self)
{
    (void)self;
    return read_us(CLOCK_MONOTONIC);
}

static int64_t system_wall_us(void *self)
{
    (void)self;
    return read_us(CLOCK_REALTIME);
}

const struct rs_clock *rs_clock_system(void)
{
    static const struct rs_clock clock = {NULL, system_monotonic_us, system_wall_us};
    return &clock;
}

static int64_t virtual_monotonic_us(void *self)
{
    return ((const struct rs_clock_virtual *)self)->monotonic_us;
}

static int64_t virtual_wall_us(void *self)
{
    return ((const struct rs_clock_virtual *)self)->wall_us;
}

void rs_clock_virtual_init(struct rs_clock_virtual *v, int64_t wall_us)
{
    *v = (struct rs_clock_virtual){
        .clock = {v, virtual_monotonic_us, virtual_wall_us},
        .wall_us = wall_us,
    };
}

void rs_clock_virtual_advance(struct rs_clock_virtual *v, int64_t by_us)
{
    RS_ASSERT(by_us >= 0);
    v->monotonic_us += by_us;
    v->wall_us += by_us;
}
