/* An event that is late changes nothing, and one that is not late is not late behind itself: so what was judged can
 * be judged again afterwards. */
#include "transform/partition/look.h"

#include "transform/group/last.h"
#include "transform/group/upsert.h"
#include "transform/pane/window.h"
#include "transform/partition/internal.h"

static int64_t upsert_late_us(const struct rs_groups *gs, const struct rs_upsert_group *group,
                              int64_t time_us)
{
    return group && rs_upsert_late(gs, group, time_us) ? rs_register_at(gs, group, 0)->period_us - time_us
                                                       : -1;
}

static int64_t group_late_us(const struct rs_groups *gs, const struct rs_group *group, struct rs_slice key,
                             int64_t time_us, int64_t order)
{
    if (!rs_group_late(gs, group, key, time_us, order)) {
        return -1;
    }
    if (group && gs->last.capacity) { /* without a group nothing is late there */
        return ((const struct rs_last_group *)group)->oldest_us - time_us;
    }
    int64_t clock_us = group ? group->clock_us : rs_gone_newest(&gs->gone, key);
    const struct rs_window *w = &gs->aggregate->window;
    int64_t end_us = rs_groups_sessions(gs) ? time_us + w->size_us : rs_window_last_end(w, time_us);
    return clock_us - gs->lateness_us - end_us;
}

static int64_t late_us(const struct rs_partition *p, const struct rs_groups *gs)
{
    const struct rs_event_key *key = rs_batch_key(p, 0, gs->aggregate->key);
    struct rs_slice bytes = rs_batch_key_bytes(p, key);
    struct rs_target target = {bytes, key->hash, rs_groups_find(gs, key->hash, bytes)};
    if (target.number == RS_NONE) {
        (void)rs_partition_fold(p, gs, &target);
    }
    struct rs_group *group = target.number == RS_NONE ? NULL : rs_group_at(gs, target.number);
    int64_t time_us = p->batch.judged[0].time_us;
    int64_t order = rs_event_order(p->batch.judged[0].nanos, p->next_offset - 1);
    return gs->aggregate->upsert ? upsert_late_us(gs, (const struct rs_upsert_group *)group, time_us)
                                 : group_late_us(gs, group, target.key, time_us, order);
}

bool rs_partition_look(const struct rs_partition *p, uint32_t number, struct rs_look *out)
{
    const struct rs_groups *gs = number < p->group_sets ? &p->groups[number] : NULL;
    if (!gs) {
        return false;
    }
    const struct rs_aggregate *a = gs->aggregate;
    *out = (struct rs_look){.aggregate = a->index, .clause = -1};
    if (!(p->batch.judged[0].passes >> a->position & 1)) {
        out->what = RS_LOOK_FILTERED;
        out->clause = a->where ? rs_condition_failing(a->where, p->batch.values) : -1;
        return true;
    }
    int64_t late = late_us(p, gs);
    out->what = late < 0 ? RS_LOOK_APPLIED : RS_LOOK_LATE;
    out->late_us = late < 0 ? 0 : late;
    return true;
}

int64_t rs_partition_look_time(const struct rs_partition *p)
{
    const struct rs_judged *j = &p->batch.judged[0];
    return j->reason == RS_REASON_NONE ? j->time_us : RS_TIME_NONE;
}
