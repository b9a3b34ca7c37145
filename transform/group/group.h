/* group: the panes of one group of an append stream: adding, lateness, what is final and may leave.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_GROUP_GROUP_H
#define RS_TRANSFORM_GROUP_GROUP_H

#include "transform/group/groups.h"
#include "transform/pane/pane.h"

struct rs_event {
    int64_t time_us;
    int64_t order;               /* of events within one microsecond: rs_event_order */
    const struct rs_num *inputs; /* of the stream */
};

/* The nanoseconds below the microsecond stand above the offset: by time, then by offset. So state keeps times
 * of 64 bits and looks as ever where no event has such digits. Offsets have 53 bits, which a partition that
 * takes a million records a second fills in 285 years; beyond that, lower digits decide which of two events
 * of one nanosecond came first. */
#define RS_EVENT_OFFSET_BITS 53
static inline int64_t rs_event_order(unsigned nanos, int64_t offset)
{
    return nanos == 0 ? offset
                      : (int64_t)nanos << RS_EVENT_OFFSET_BITS |
                            (offset & ((INT64_C(1) << RS_EVENT_OFFSET_BITS) - 1));
}

/* Whether a time is of this pane. By the calendar "no" may be said of a pane longer than the shortest: who
 * asks looks further then. */
static inline bool rs_node_holds(const struct rs_groups *gs, const struct rs_node *node, int64_t time_us)
{
    return (uint64_t)time_us - (uint64_t)node->start_us < gs->span_us ||
           (node->start_us == gs->cell.start_us && time_us >= gs->cell.start_us && time_us < gs->cell.end_us);
}

/* In last.h; by their keys alone. */
bool rs_last_late(const struct rs_groups *gs, const struct rs_group *group, int64_t time_us, int64_t order);

/* Whether an event of this key is late: for a group by its own clock, for one that is not there (group NULL)
 * by that of the group that was dropped under its key. Most events are of their group's newest pane or of
 * what comes next, and not late whatever the clock. */
bool rs_group_late_by_clock(const struct rs_groups *gs, const struct rs_group *group, struct rs_slice key,
                            int64_t time_us);
static inline bool rs_group_late(const struct rs_groups *gs, const struct rs_group *group,
                                 struct rs_slice key, int64_t time_us, int64_t order)
{
    if (!rs_window_ends(&gs->aggregate->window)) {
        return gs->last.capacity && rs_last_late(gs, group, time_us, order);
    }
    if (group && group->newest != RS_NONE && rs_node_holds(gs, rs_node_at(gs, group->newest), time_us)) {
        return false;
    }
    return rs_group_late_by_clock(gs, group, key, time_us);
}
/* Adds an event that is not late. Needs room. */
void rs_group_add(struct rs_groups *gs, uint32_t number, const struct rs_event *event);

/* The sink has acknowledged the windows from `from_us` to what is pending now: they are owed no more. Trims.
 */
void rs_group_settle(struct rs_groups *gs, uint32_t number, int64_t from_us);
void rs_group_clear(struct rs_groups *gs, uint32_t number); /* frees panes, folds and revisions */

/* Oldest pane with start >= at, and newest with start < at; RS_NONE: none. */
uint32_t rs_group_from(const struct rs_groups *gs, const struct rs_group *group, int64_t at_us);
uint32_t rs_group_before(const struct rs_groups *gs, const struct rs_group *group, int64_t at_us);

/* End of the first window that holds the pane. */
int64_t rs_node_first_end(const struct rs_groups *gs, const struct rs_node *node);
/* With `fill`: end of the last window that is filled behind a group's newest pane. */
int64_t rs_group_last_filled(const struct rs_groups *gs, const struct rs_node *node);
/* The last end up to end_us of a window behind the pane's that is filled, or its own. */
int64_t rs_group_filled_until(const struct rs_groups *gs, const struct rs_node *node, int64_t end_us);
/* Smallest end >= `from` of a window that has events, or is filled; RS_WINDOW_NEVER: none. */
int64_t rs_group_next_end(const struct rs_groups *gs, const struct rs_group *group, int64_t from);
/* Smallest end of a window that could be rendered whole from the panes held. */
int64_t rs_group_held_from(const struct rs_groups *gs, uint32_t number);
/* Revision of the window that ends at end_us. */
uint64_t rs_group_revision(const struct rs_groups *gs, const struct rs_group *group, int64_t end_us);

/* For restoring: the pane with this start, emptied, or a new one in its place among the others. Needs room.
 */
struct rs_node *rs_group_replace(struct rs_groups *gs, uint32_t number, int64_t start_us);
/* For restoring: takes away panes that start before `oldest_us`. */
void rs_group_remove_before(struct rs_groups *gs, uint32_t number, int64_t oldest_us);
/* All panes of a loaded group are there: sets what follows from them. */
void rs_group_restored(struct rs_groups *gs, uint32_t number);
/* For loading and adding: `count` events of the pane that belong to revisions of windows up to end_us. Needs
 * room. */
void rs_node_revise(struct rs_groups *gs, struct rs_node *node, int64_t end_us, uint32_t count);

/* ---- sessions ---- */

/* Events less than a gap apart are of one session; a session is a pane, from its first event to its last and the
 * gap:
 *
 *     ├─ gap ─┤           ├─ gap ─┤
 *     e  e    e       ┆   e        ┆        sessions [first, last + gap), in order of time, none over another
 *     └───── one ─────┘   └─ next ─┘
 *               e                           an event touches at most two: it begins a session, extends one to
 *                                           either side, or joins two
 *
 * Late is what comes when the session it would belong to has ended at or before the watermark: the one that holds
 * its time, or, where none does, the one that it would begin. So no event changes a session whose end and a gap
 * more are behind the watermark: it is final. Which sessions there are follows from the events that are not late,
 * in whatever order they come.
 *
 * Joining takes members from history, of which the newest `history` are kept: older ones come back. So as many
 * final sessions stay in the state.
 *
 * What joined others says so by itself: it is as long as they were together. That is how history and the state log
 * know what went. */
static inline int64_t rs_session_end(const struct rs_groups *gs, const struct rs_node *node)
{
    return rs_pane_newest_us(node->pane) + gs->aggregate->window.size_us;
}

/* Clock less lateness from which on no event changes the session. */
static inline int64_t rs_session_final_at(const struct rs_groups *gs, const struct rs_node *node)
{
    return rs_session_end(gs, node) + gs->aggregate->window.size_us;
}

/* For restoring: `node` of the group was just read. Those that it has joined since they were written go. False: it
 * says what cannot be. */
RS_MUST_USE bool rs_session_restored(struct rs_groups *gs, uint32_t group, struct rs_node *node);

#endif
