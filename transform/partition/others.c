/* Groups beyond `max_groups`, folded into one. Which ones are within it follows from the records alone: the first so
 * many that are live, in the order of their first events; when one expires, the next new group takes its place, and
 * what it had in the other group stays there. */
#include <inttypes.h>
#include <stdio.h>

#include "transform/partition/internal.h"

/* A group belongs to one partition, so that each partition has an other group of its own. */
void rs_partition_name_others(struct rs_partition *p)
{
    char owner[RS_BATCH_OWNER_MAX];
    const char *topic = p->input->listed ? rs_partition_topic(p) : NULL;
    int size = topic ? snprintf(owner, sizeof owner, "%s/%" PRId32, topic, p->partition)
                     : snprintf(owner, sizeof owner, "%" PRId32, p->partition);
    RS_ASSERT(size > 0 && (size_t)size < sizeof owner);
    p->others.size = (uint32_t)rs_key_other(rs_slice_of(owner, (size_t)size), p->others.key);
    p->others.hash = rs_key_hash(rs_slice_of(p->others.key, p->others.size));
}

bool rs_partition_fold(const struct rs_partition *p, const struct rs_groups *gs, struct rs_target *target)
{
    const struct rs_aggregate *a = gs->aggregate;
    if (!a->folds || gs->count < a->max_groups) {
        return false;
    }
    struct rs_slice key = rs_slice_of(p->others.key, p->others.size);
    uint32_t number = rs_groups_find(gs, p->others.hash, key);
    if ((int64_t)gs->count - (number != RS_NONE) < a->max_groups) {
        return false;
    }
    *target = (struct rs_target){key, p->others.hash, number};
    return true;
}
