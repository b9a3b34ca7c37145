#include "transform/partition/internal.h"

/* A check looks at every group, so it is made 64 times an expiry at most: a group lives up to 1/64 longer
 * than asked. Times may go through the same weeks again and again, where a file is sorted by group: so a
 * check also waits until an eighth as many records have come as there are groups. */
#define CHECKS_PER_EXPIRY 64
#define GROUPS_PER_RECORD 8

int64_t rs_expire_step(const struct rs_stream *stream)
{
    int64_t step = stream->expire_us / CHECKS_PER_EXPIRY;
    return step > 1000000 ? step : 1000000;
}

/* What goes is noted in the table of dropped groups: an event that comes later under the key is judged by
 * that. */
static void expire_groups(struct rs_partition *p, struct rs_groups *gs)
{
    int64_t oldest_us = p->steady.clock_us - p->plan->stream->expire_us;
    for (uint32_t i = 0; i < gs->groups.touched; i++) {
        if (!rs_groups_live(gs, i)) {
            continue;
        }
        const struct rs_group *g = rs_group_at(gs, i);
        if (g->flags & RS_GROUP_DROPPED || g->clock_us >= oldest_us) {
            continue;
        }
        struct rs_gone_entry entry = {rs_gone_hash(rs_group_key(gs, g)), g->clock_us};
        rs_gone_put(&gs->gone, entry);
        rs_groups_note_gone(gs, &entry);
        rs_groups_drop(gs, i);
        p->expired++;
    }
}

bool rs_partition_expires_now(const struct rs_partition *p)
{
    uint64_t groups = 0;
    for (uint32_t i = 0; i < p->group_sets; i++) {
        groups += p->groups[i].aggregate->expires ? p->groups[i].count : 0;
    }
    return p->events.consumed >= p->expire_checked &&
           (p->events.consumed - p->expire_checked) * GROUPS_PER_RECORD >= groups;
}

void rs_partition_expire(struct rs_partition *p)
{
    int64_t step = rs_expire_step(p->plan->stream);
    p->expire_at_us = rs_floor_to(p->steady.clock_us, step) + step;
    p->expire_checked = p->events.consumed;
    for (uint32_t i = 0; i < p->group_sets; i++) {
        if (p->groups[i].aggregate->expires) {
            expire_groups(p, &p->groups[i]);
        }
    }
}
