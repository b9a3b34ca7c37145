/* upsert: registers of one group of an upsert stream, one for each period. The highest version wins, ties
 * by offset, so shuffled delivery ends in the same registers. A register whose winner withdraws its value,
 * or does not pass `where`, stays and counts as absent. Over max_periods the oldest goes.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_GROUP_UPSERT_H
#define RS_TRANSFORM_GROUP_UPSERT_H

#include "transform/group/group.h"

enum rs_register_flag {
    RS_REGISTER_WITHDRAWN = 1,
    RS_REGISTER_FILTERED = 2,
    RS_REGISTER_CHANGED = 4, /* the state log does not hold it as it is */
};
#define RS_REGISTER_ABSENT ((uint32_t)(RS_REGISTER_WITHDRAWN | RS_REGISTER_FILTERED))

#define RS_REGISTER_INPUTS_MAX 128 /* two for each of the most statistics an aggregate can have */

struct rs_register {
    int64_t period_us;
    int64_t version;
    int64_t offset;
    uint32_t revision; /* winning changes after the group's clock had passed the end of the window */
    uint32_t flags;
    uint64_t present[RS_REGISTER_INPUTS_MAX / 64];
    uint64_t values[][2]; /* one for each input of the aggregate */
};

struct rs_change {
    struct rs_event event; /* time: the period; order: the offset */
    int64_t version;
    uint32_t flags;
};

size_t rs_register_size(const struct rs_aggregate *aggregate);
/* Room for one further register of a group (RS_NONE: of a new one); false: out of memory. */
bool rs_upsert_reserve(struct rs_groups *gs, uint32_t number);
/* A group just added takes the room reserved for it. */
void rs_upsert_adopt(struct rs_groups *gs, struct rs_upsert_group *group);
/* Whether the group is full and the period older than all it keeps. */
bool rs_upsert_late(const struct rs_groups *gs, const struct rs_upsert_group *group, int64_t period_us);
/* Applies a change that is not late. Needs room. */
void rs_upsert_apply(struct rs_groups *gs, uint32_t number, const struct rs_change *change);
/* All that came before `order` is withdrawn: every period, whatever its version; of what comes later any version counts. */
void rs_upsert_withdraw(struct rs_groups *gs, uint32_t number, int64_t order);
/* For restoring: puts a register in the place of the one of its period, or among the others. Needs room. */
void rs_upsert_restore(struct rs_groups *gs, struct rs_upsert_group *group, const struct rs_register *r);
void rs_upsert_remove_before(struct rs_groups *gs, struct rs_upsert_group *group, int64_t oldest_us);
void rs_upsert_clear(struct rs_groups *gs, struct rs_upsert_group *group);

static inline struct rs_register *rs_register_at(const struct rs_groups *gs,
                                                 const struct rs_upsert_group *group, uint32_t i)
{
    return (struct rs_register *)(void *)(group->registers + i * rs_register_size(gs->aggregate));
}

static inline bool rs_register_present(const struct rs_register *r)
{
    return (r->flags & RS_REGISTER_ABSENT) == 0;
}

/* Number of the first register with period >= at; the count if there is none. */
uint32_t rs_upsert_from(const struct rs_groups *gs, const struct rs_upsert_group *group, int64_t at_us);
/* Newest present register below number `end`; RS_NONE: none. */
uint32_t rs_upsert_present_before(const struct rs_groups *gs, const struct rs_upsert_group *group,
                                  uint32_t end);
/* Adds a register's values to a pane. `like` not NULL: only inputs that it has too. */
void rs_register_fold(const struct rs_groups *gs, const struct rs_register *r, const struct rs_register *like,
                      void *pane);

/* As in group.h, for the windows of an upsert stream. */
int64_t rs_upsert_next_end(const struct rs_groups *gs, const struct rs_upsert_group *group, int64_t from);

#endif
