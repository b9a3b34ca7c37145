#include "transform/partition.h"

/* A check looks at every group, so it is made 64 times an expiry at most: a group lives up to 1/64 longer
 * than asked. */
#define CHECKS_PER_EXPIRY 64

int64_t rs_expire_step(const struct rs_stream *stream)
{
    int64_t step = stream->expire_us / CHECKS_PER_EXPIRY;
    return step > 1000000 ? step : 1000000;
}

static void expire_groups(struct rs_partition *p, struct rs_groups *gs)
{
    int64_t oldest_us = p->stream_time_us - p->plan->stream->expire_us;
    for (uint32_t i = 0; i < gs->groups.touched; i++) {
        if (!rs_groups_live(gs, i)) {
            continue;
        }
        const struct rs_group *g = rs_group_at(gs, i);
        if (g->flags & RS_GROUP_DROPPED || g->clock_us >= oldest_us) {
            continue;
        }
        if (g->clock_us > gs->dropped_newest_us) {
            gs->dropped_newest_us = g->clock_us;
        }
        rs_groups_drop(gs, i);
        p->expired++;
    }
}

void rs_partition_expire(struct rs_partition *p)
{
    int64_t step = rs_expire_step(p->plan->stream);
    p->expire_at_us = rs_floor_to(p->stream_time_us, step) + step;
    for (uint32_t i = 0; i < p->group_sets; i++) {
        if (p->groups[i].aggregate->expires) {
            expire_groups(p, &p->groups[i]);
        }
    }
}
