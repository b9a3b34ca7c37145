#include "transform/group/session.h"

uint32_t rs_session_ended(const struct rs_groups *gs, const struct rs_group *group, int64_t now_us)
{
    uint32_t at = group->newest;
    while (at != RS_NONE && rs_session_end(gs, rs_node_at(gs, at)) > now_us) {
        at = rs_node_at(gs, at)->older;
    }
    return at != RS_NONE && rs_node_at(gs, at)->flags & RS_NODE_CARRY ? RS_NONE : at;
}

void rs_session_stale(struct rs_groups *gs, uint32_t number)
{
    struct rs_group *g = rs_group_at(gs, number);
    g->flags = (uint16_t)(g->flags | RS_GROUP_STALE);
    for (uint32_t at = g->newest; at != RS_NONE; at = rs_node_at(gs, at)->older) {
        rs_node_at(gs, at)->flags |= RS_NODE_STALE;
    }
}

void rs_session_unshown(struct rs_groups *gs, uint32_t number)
{
    struct rs_group *g = rs_group_at(gs, number);
    g->flags = (uint16_t)(g->flags & ~(unsigned)RS_GROUP_STALE);
    for (uint32_t at = g->newest; at != RS_NONE; at = rs_node_at(gs, at)->older) {
        rs_node_at(gs, at)->flags &= ~(uint32_t)(RS_NODE_STALE | RS_NODE_SHOWN);
    }
}
