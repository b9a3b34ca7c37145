/* session: the sessions of a group as the store has them, and as they are sought by their ends. Which there are, and what
 * an event does to them, is in group.h.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_GROUP_SESSION_H
#define RS_TRANSFORM_GROUP_SESSION_H

#include "transform/group/group.h"

/* What history has of the group is not known, or not whether it was told. */
void rs_session_stale(struct rs_groups *gs, uint32_t number);
/* The store has none of the group's sessions. */
void rs_session_unshown(struct rs_groups *gs, uint32_t number);
/* The newest that has ended by then; RS_NONE: none. */
uint32_t rs_session_ended(const struct rs_groups *gs, const struct rs_group *group, int64_t now_us);

#endif
