#include "transform/partition/internal.h"

static uint64_t memory_of(const struct rs_groups *gs)
{
    return rs_index_bytes(&gs->index) + rs_slabs_bytes(&gs->groups) + rs_slabs_bytes(&gs->rests) +
           rs_slabs_bytes(&gs->panes) + rs_slabs_bytes(&gs->revisions) + rs_slabs_bytes(&gs->chunks) +
           rs_key_arena_bytes(&gs->keys) + rs_gone_bytes(&gs->gone) + gs->register_bytes + gs->fold_bytes +
           gs->heap_bytes + gs->schedule.heap_capacity * sizeof(struct rs_due) +
           ((size_t)gs->unsealed.gathering.capacity + gs->unsealed.writing.capacity) * sizeof(uint32_t);
}

/* Asked for often: all of it is counted as it changes, nothing is walked through. */
void rs_partition_status(const struct rs_partition *p, struct rs_partition_status *out)
{
    *out = (struct rs_partition_status){
        .events = p->events,
        .next_offset = p->next_offset,
        .stream_time_us = p->stream_time_us,
        .now_shown_us = p->front.at_us > p->now_shown_us ? p->front.at_us : p->now_shown_us,
        .steady_time_us = p->steady.clock_us,
        .events_ahead = p->front.ahead,
        .ahead_offset = p->front.ahead_offset,
        .ahead_time_us = p->front.ahead_time_us,
        .ahead_of_us = p->front.ahead_of_us,
        .conflicts = p->conflicts,
        .expired_groups = p->expired,
    };
    out->memory_bytes = p->dedup.capacity * sizeof(struct rs_dedup_entry) + rs_index_bytes(&p->dedup.index) +
                        p->sealing.chunks.out.capacity;
    for (uint32_t i = 0; i < p->group_sets; i++) {
        const struct rs_groups *gs = &p->groups[i];
        out->groups += gs->count;
        out->forgotten_groups += gs->gone.forgotten;
        out->panes += gs->pane_count;
        out->memory_bytes += memory_of(gs);
        out->dirty_views += gs->dirty_count + rs_schedule_due(gs);
        out->pending_history += gs->owed;
    }
}

/* What was judged before any aggregate saw it counts for each of them, from where the aggregate began on. */
bool rs_partition_aggregate_status(const struct rs_partition *p, uint32_t aggregate,
                                   struct rs_aggregate_status *out)
{
    for (uint32_t i = 0; i < p->group_sets; i++) {
        const struct rs_groups *gs = &p->groups[i];
        if (gs->aggregate->index != aggregate) {
            continue;
        }
        *out = (struct rs_aggregate_status){
            .events = {.consumed = p->events.consumed - gs->since.consumed,
                       .applied = gs->applied,
                       .late = gs->late,
                       .duplicate = p->events.duplicate - gs->since.duplicate,
                       .rejected = p->rejected_early - gs->since.rejected + gs->limited,
                       .filtered = gs->filtered},
            .groups = gs->count,
            .panes = gs->pane_count,
            .not_finite = gs->not_finite,
            .folded = gs->folded,
        };
        return true;
    }
    return false;
}

bool rs_partition_holds(const struct rs_partition *p, uint32_t aggregate, struct rs_slice key)
{
    uint8_t raw[RS_GROUP_KEY_MAX];

    for (uint32_t i = 0; i < p->group_sets; i++) {
        const struct rs_groups *gs = &p->groups[i];
        if (gs->aggregate->index == aggregate) {
            size_t size = rs_key_parse(&gs->aggregate->by, key, raw);
            struct rs_slice bytes = rs_slice_of(raw, size);
            return size == RS_KEY_TOO_LONG || rs_groups_find(gs, rs_key_hash(bytes), bytes) != RS_NONE;
        }
    }
    return true;
}
