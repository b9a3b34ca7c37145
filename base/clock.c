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
