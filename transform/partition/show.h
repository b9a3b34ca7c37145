/* show: what a group's current view and its ended windows are, as fields of a batch.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_PARTITION_SHOW_H
#define RS_TRANSFORM_PARTITION_SHOW_H

#include "base/view.h"
#include "transform/group/groups.h"

struct rs_shower {
    struct rs_groups *groups;
    struct rs_pane_scratch *scratch;
    struct rs_view_batch *batch;
    int64_t now_us;
    struct rs_slice key; /* rendered */
};

/* Appends a VIEW operation. False: nothing, since only ended windows are shown and none is held. A sliding
 * group's leave_due is set. */
bool rs_show_view(struct rs_shower *s, uint32_t number, uint32_t flags);
/* Whether windows and panes are one and the same: sessions, and tumbling windows of which none is filled. */
bool rs_show_by_pane(const struct rs_groups *gs);
/* Of the window with this end, which there is. */
uint32_t rs_show_pane_ending(const struct rs_groups *gs, const struct rs_group *group, int64_t end_us);
/* Appends a HISTORY operation for the window that is this pane. */
void rs_show_pane(struct rs_shower *s, uint32_t pane, bool announced);
/* The same for the window that ends at end_us, where they are not; it has events or is filled. */
void rs_show_window(struct rs_shower *s, uint32_t number, int64_t end_us, bool announced);
/* Appends HISTORY operations without fields for sessions that are stale, which takes away what they were. */
void rs_show_stale(struct rs_shower *s, uint32_t number);
/* Smallest end >= `from` of a window with content, RS_WINDOW_NEVER: none. */
int64_t rs_show_next_end(const struct rs_groups *gs, const struct rs_group *group, int64_t from);
/* The same of the first window that can be rendered whole from what is held. */
int64_t rs_show_held_from(const struct rs_groups *gs, uint32_t number);

#endif
