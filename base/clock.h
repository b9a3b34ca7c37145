/* clock: time comes in through this table, never from time() in logic.
 * Deadlines use monotonic_us; wall_us only labels things people read.
 * Thread: any for the machine's clocks; a virtual one has one thread. */
#ifndef RS_BASE_CLOCK_H
#define RS_BASE_CLOCK_H

#include <stdint.h>

struct rs_clock {
    void *self;
    int64_t (*monotonic_us)(void *self);
    int64_t (*wall_us)(void *self); /* since 1970-01-01T00:00:00Z */
};

/* The machine's clocks. Any thread. */
const struct rs_clock *rs_clock_system(void);

static inline int64_t rs_clock_mono(const struct rs_clock *c)
{
    return c->monotonic_us(c->self);
}
static inline int64_t rs_clock_wall(const struct rs_clock *c)
{
    return c->wall_us(c->self);
}

#endif
