/* groups: the groups of one aggregate in one partition: found by key, their panes, what of them has to be
 * emitted.
 *
 *   index ──hash──▶ group ──key──▶ key arena
 *                     │──newest──▶ pane ──older──▶ pane … oldest
 *                     └──dirty, due──▶ lists of groups by number
 *
 * Groups and panes are named by 32-bit numbers in slabs, so that a group costs one cache line and a pane
 * 24 bytes beside its content. Room is reserved before a batch; on the event path nothing can fail.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_GROUP_GROUPS_H
#define RS_TRANSFORM_GROUP_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/record.h"
#include "transform/group/gone.h"
#include "transform/group/index.h"
#include "transform/group/key_arena.h"
#include "transform/group/slabs.h"
#include "transform/plan/plan.h"

struct rs_fold;
struct rs_chunks;

enum rs_group_flag {
    RS_GROUP_DIRTY = 1,    /* in the dirty list */
    RS_GROUP_VIEW = 2,     /* its view changed since it was last emitted */
    RS_GROUP_NEW = 4,      /* no publication acknowledged yet to this object, or since the store was lost */
    RS_GROUP_SILENT = 8,   /* another partition owns it: kept, never emitted */
    RS_GROUP_DROPPED = 16, /* expired: out of the index, waits until its keys are deleted */
    /* What of it the state log does not hold yet: changes.c. */
    RS_GROUP_CHANGED_EVEN = 32, /* changed since a batch with an even number began, or an odd one */
    RS_GROUP_CHANGED_ODD = 64,
    RS_GROUP_SCATTERED = 128, /* changed panes are not just the newest ones in a row */
    RS_GROUP_WHOLE = 256,     /* all panes have to be said, changed or not */
    RS_GROUP_FRESH = 512,     /* no batch has told of it: what the log has under its key is another's */
    RS_GROUP_AWAITS =
        1024, /* a former group's keys are not deleted yet: nothing is emitted before they are */
    RS_GROUP_CLEARED = 2048, /* dropped, and while restoring it turned out that its keys are deleted */
    RS_GROUP_STALE = 4096,   /* some of its sessions are RS_NODE_STALE */
    RS_GROUP_CUT =
        8192, /* sessions: what another owner said of it is taken away, though it may be RS_GROUP_NEW */
};

/* What every event touches: one cache line, the key included where it is short enough. */
#define RS_GROUP_KEY_INLINE 22
#define RS_GROUP_FREE       UINT16_MAX

struct rs_group {
    int64_t clock_us;        /* highest event time applied; upsert: highest period */
    int64_t history_from;    /* smallest end of a window with content that has to be emitted; RS_WINDOW_NEVER:
                                none */
    int64_t trim_at_us;      /* clock at which the oldest pane may leave */
    uint32_t newest, oldest; /* panes; RS_NONE: none */
    uint32_t dirty_next;
    uint16_t generation; /* tells a group from what had its number before */
    uint16_t flags;
    uint16_t key_size;                /* RS_GROUP_FREE: this is no group */
    uint8_t key[RS_GROUP_KEY_INLINE]; /* a longer one: its reference in the key arena */
};

/* The rest of a group, where windows end or drain. */
struct rs_group_rest {
    int64_t flight_from; /* smallest window end in flight; RS_WINDOW_NEVER: none */
    uint32_t due_prev, due_next;
    uint32_t due_list;   /* 1 + number of its list in the schedule; 0: in none */
    uint32_t pane_count; /* of sliding windows and sessions */
};

/* A group with a sliding window also remembers what has left, and caches running folds. */
struct rs_sliding_rest {
    struct rs_group_rest rest;
    int64_t gone_newest; /* start of the newest pane that left the state; RS_TIME_NONE: none */
    int64_t leave_due;   /* shown time at which the view next loses a pane */
    struct rs_fold *view, *history;
    int64_t changed_from; /* start of the oldest pane that the state log does not hold yet */
};

/* A group of an upsert stream keeps registers instead of panes (upsert.h). */
struct rs_upsert_group {
    struct rs_group group;
    uint8_t *registers; /* ascending period */
    uint32_t count, capacity;
};

/* A group with a window of its newest events keeps those too, in chunks (last.h). */
struct rs_last_group {
    struct rs_group group;
    int64_t oldest_us, oldest_order; /* key of its oldest event */
    uint32_t oldest, newest;         /* chunks, where there are events */
    uint32_t count;                  /* events */
    bool stale;                      /* the pane is not that of the events */
};

/* What an aggregate's events look like in there; capacity 0: it keeps none. */
struct rs_last_shape {
    uint32_t event_size, bit_words;
    uint32_t capacity; /* events a chunk */
};

enum rs_node_flag {
    RS_NODE_OWED = 1,    /* counted as a window that waits for the sink */
    RS_NODE_CARRY = 2,   /* holds older panes' last values for `change`: no window of its own any more */
    RS_NODE_CHANGED = 4, /* the state log does not hold it as it is */
    RS_NODE_SHOWN = 8, /* sessions: history, or the view of ended ones, may have it as it was when it ended */
    RS_NODE_STALE = 16, /* sessions: history may have in its place what has to go first */
};

struct rs_node {
    int64_t start_us;
    uint32_t older, newer;
    uint32_t revision; /* tumbling: events after the window's end by the group's clock. Sliding: list of
                          struct rs_revision */
    uint32_t flags;
    uint64_t pane[]; /* aggregate->pane_size bytes */
};

/* Sliding with history: `count` events of a pane came when the group's clock had passed window end `end_us`.
 */
struct rs_revision {
    int64_t end_us;
    uint32_t count;
    uint32_t next;
};

struct rs_due {
    int64_t due_us;
    uint32_t number;
};

/* Which groups are due when: lists by the number of a window's end, and one of those that are due now. Sessions
 * end at any time: their groups are in a heap, a group's place in which is its due_list. */
#define RS_SCHEDULE_NEVER INT64_MIN
struct rs_schedule {
    uint32_t *heads, *tails; /* ring of `size` lists; number `size` is the list of those due */
    uint32_t size;           /* 0: the aggregate has nothing that ends */
    const struct rs_window *window;
    int64_t at; /* all until here is in the due list; heap: shown time. RS_SCHEDULE_NEVER: not begun */
    bool sessions;
    struct rs_due *heap; /* the first is due next */
    uint32_t heap_count, heap_capacity;
};

/* Groups by number, each once, unless its slot was used again meanwhile. */
struct rs_changed {
    uint32_t *numbers;
    uint32_t count, capacity;
};

/* What the state log has to be told of an aggregate's groups. Two lists take turns: one gathers what changes
 * now, the other belongs to the batch that is being written. */
struct rs_unsealed {
    struct rs_changed gathering, writing;
    uint16_t gather_flag; /* RS_GROUP_CHANGED_EVEN or _ODD; 0: nobody asks for batches, nothing is gathered */
    uint16_t write_flag;  /* the other one while a batch is open, else 0 */
    uint32_t written;     /* of `writing`, so far */
    uint32_t whole_count; /* groups written whole of late, */
    uint64_t whole_bytes; /* and how much that was: what a sweep has to reckon with */
    struct rs_buf drops; /* entries for the next batch of groups that are gone, in the order of their going */
    struct rs_chunks *chunks; /* of the partition */
    bool failed;              /* memory ran out: the next batch would not be whole */
};

/* From where on an aggregate counts that was added to a running stream; all zero (time_us RS_TIME_NONE): from
 * the beginning. The counts are the partition's of that moment. */
struct rs_since {
    int64_t offset, time_us;
    uint64_t consumed, duplicate, rejected;
};

struct rs_groups {
    const struct rs_aggregate *aggregate;
    uint64_t span_us;             /* of a pane, by the calendar of the shortest; `all`: without end */
    struct rs_calendar_cell cell; /* by the calendar: the one that was asked for last; else never one */
    int64_t lateness_us;
    struct rs_index index;
    struct rs_slabs groups;
    struct rs_slabs rests; /* by the group's number; item_size 0: nothing ends */
    struct rs_slabs panes;
    struct rs_slabs revisions;
    struct rs_slabs chunks; /* of events */
    struct rs_last_shape last;
    struct rs_key_arena keys;
    struct rs_schedule schedule;
    uint32_t dirty_head, dirty_tail, dirty_count;
    uint32_t count;      /* live groups: dropped ones that wait are not among them */
    uint32_t to_delete;  /* dropped ones whose keys are not deleted yet; the index still has them */
    uint32_t pane_count; /* panes or registers */
    uint64_t register_bytes, fold_bytes;
    uint64_t heap_bytes; /* what panes hold outside of their slab, and of folds the sums */
    uint64_t owed;       /* panes whose windows wait for the sink */
    struct rs_gone gone; /* dropped groups */
    uint64_t applied, late, filtered, limited, not_finite;
    uint64_t folded; /* applied to the group of others, since the process began: no part of the state */
    struct rs_unsealed unsealed;
    struct rs_since since;
    void *total, *previous; /* scratch panes for rendering */
    uint8_t *references;    /* the same of rs_pane_references, one after the other; NULL: none */
    const void **referred;  /* those of them that are there, else NULL */
    uint8_t *spare;         /* upsert: first registers of the next new group */
};

RS_MUST_USE int rs_groups_init(struct rs_groups *gs, const struct rs_aggregate *aggregate,
                               struct rs_error *error);
void rs_groups_fini(struct rs_groups *gs);
/* Room for `events` further events with keys of `key_bytes` bytes together; false: out of memory. */
bool rs_groups_reserve(struct rs_groups *gs, uint32_t events, size_t key_bytes);

static inline struct rs_group *rs_group_at(const struct rs_groups *gs, uint32_t number)
{
    return rs_slabs_at(&gs->groups, number);
}

static inline bool rs_groups_sessions(const struct rs_groups *gs)
{
    return gs->aggregate->window.kind == RS_WINDOW_SESSION;
}

static inline struct rs_node *rs_node_at(const struct rs_groups *gs, uint32_t number)
{
    return rs_slabs_at(&gs->panes, number);
}

static inline struct rs_group_rest *rs_rest_at(const struct rs_groups *gs, uint32_t number)
{
    return rs_slabs_at(&gs->rests, number);
}

static inline struct rs_sliding_rest *rs_sliding_at(const struct rs_groups *gs, uint32_t number)
{
    return rs_slabs_at(&gs->rests, number);
}

/* What `delay` makes of a shown time. */
static inline int64_t rs_groups_delayed(const struct rs_groups *gs, int64_t now_us)
{
    int64_t delay_us = gs->aggregate->delay_us;
    return now_us < RS_TIME_NONE + delay_us ? RS_TIME_NONE : now_us - delay_us;
}

/* Smallest end of a window that the sink has not acknowledged, in flight or not. */
static inline int64_t rs_group_pending(const struct rs_groups *gs, uint32_t number)
{
    int64_t from = rs_group_at(gs, number)->history_from;
    int64_t flight = gs->aggregate->history ? rs_rest_at(gs, number)->flight_from : RS_WINDOW_NEVER;
    return from < flight ? from : flight;
}

static inline uint32_t rs_group_key_ref(const struct rs_group *group)
{
    uint32_t ref;
    memcpy(&ref, group->key, sizeof ref);
    return ref;
}

static inline struct rs_slice rs_group_key(const struct rs_groups *gs, const struct rs_group *group)
{
    if (group->key_size <= RS_GROUP_KEY_INLINE) {
        return rs_slice_of(group->key, group->key_size);
    }
    return rs_key_arena_get(&gs->keys, rs_group_key_ref(group));
}

static inline uint64_t rs_group_key_word(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* As memcmp would say, but of the group's cache line alone: memcmp of today's machines loads 32 bytes whatever
 * the size, and where those cross a line, waits for the next group's, which nobody has fetched. Words overlap
 * where the size is no multiple of theirs. */
static inline bool rs_group_key_is(const struct rs_groups *gs, const struct rs_group *group,
                                   struct rs_slice key)
{
    const uint8_t *a = group->key;
    const uint8_t *b = key.data;
    size_t last = key.size - sizeof(uint64_t);
    if (group->key_size != key.size) {
        return false;
    }
    if (key.size > RS_GROUP_KEY_INLINE || key.size < sizeof(uint64_t)) {
        return rs_slice_equal(rs_group_key(gs, group), key);
    }
    uint64_t differ = (rs_group_key_word(a) ^ rs_group_key_word(b)) |
                      (rs_group_key_word(a + last) ^ rs_group_key_word(b + last));
    if (key.size > 2 * sizeof(uint64_t)) {
        differ |= rs_group_key_word(a + sizeof(uint64_t)) ^ rs_group_key_word(b + sizeof(uint64_t));
    }
    return differ == 0;
}

/* Number of the live group with this key, or RS_NONE: no dropped one. */
uint32_t rs_groups_find(const struct rs_groups *gs, uint32_t hash, struct rs_slice key);
/* The first group with each hash, RS_NONE if there is none, with what adding to it will touch on its way into
 * the cache: the misses of a whole batch overlap. Whether the key is right is for the caller to see. */
void rs_groups_look_up(const struct rs_groups *gs, const uint32_t *hashes, uint32_t count, uint32_t *found);
/* Panes that stay, those of nodes and of folds, are changed by these, which count what they hold on the heap;
 * what an event adds there is told by rs_pane_add. */
void rs_groups_pane_empty(struct rs_groups *gs, void *pane);
void rs_groups_pane_merge(struct rs_groups *gs, void *into, const void *from);
void rs_groups_pane_merge_sums(struct rs_groups *gs, void *into, const void *from);
void rs_groups_pane_subtract(struct rs_groups *gs, void *from, const void *gone);
void rs_groups_pane_clear_extrema(struct rs_groups *gs, void *pane);
void rs_groups_pane_merge_extrema(struct rs_groups *gs, void *into, const void *from);
RS_MUST_USE int rs_groups_pane_load(struct rs_groups *gs, void *pane, struct rs_slice bytes, size_t *used,
                                    struct rs_error *error);

/* A new, empty group; needs room, and the key not to be there. */
uint32_t rs_groups_add(struct rs_groups *gs, uint32_t hash, struct rs_slice key);
/* Frees what a group holds; its keys are deleted when it is next emitted. Until then a new group under the
 * key is not emitted: a deletion that has to be repeated would take what that one has published. */
void rs_groups_drop(struct rs_groups *gs, uint32_t number);
/* The keys of a dropped group are deleted: frees it for good. */
void rs_groups_release(struct rs_groups *gs, uint32_t number);
/* While restoring: the keys of dropped groups with this key are deleted. */
void rs_groups_cleared(struct rs_groups *gs, uint32_t hash, struct rs_slice key);
/* Whether slot `number` holds a group; for walking 0..gs->groups.touched. */
bool rs_groups_live(const struct rs_groups *gs, uint32_t number);

/* ---- the dirty list: first in, first out ---- */
void rs_groups_push(struct rs_groups *gs, uint32_t number, struct rs_group *group);
void rs_groups_push_front(struct rs_groups *gs, uint32_t number, struct rs_group *group);
uint32_t rs_groups_pop(struct rs_groups *gs); /* RS_NONE: empty */

static inline void rs_groups_touch(struct rs_groups *gs, uint32_t number, struct rs_group *group,
                                   unsigned flags)
{
    if ((group->flags & (flags | RS_GROUP_DIRTY)) != (flags | RS_GROUP_DIRTY)) {
        bool in = group->flags & RS_GROUP_DIRTY;
        group->flags = (uint16_t)(group->flags | flags);
        if (!in) {
            rs_groups_push(gs, number, group);
        }
    }
}

/* ---- changes.c ---- */
/* Writes what the batch that is open has to say of the group, as it is now. */
void rs_groups_write(struct rs_groups *gs, uint32_t number);
/* Into the list of what the next batch says, unless it is there. */
void rs_groups_gather(struct rs_groups *gs, uint32_t number, struct rs_group *group);

/* The group goes: the next batch says so. */
void rs_groups_note_drop(struct rs_groups *gs, const struct rs_group *group);
/* What of it the table of dropped groups holds: the next batch says so. */
void rs_groups_note_gone(struct rs_groups *gs, const struct rs_gone_entry *entry);
/* Its keys are deleted: the batch that is open says so, and the next one. */
void rs_groups_note_cleared(struct rs_groups *gs, const struct rs_group *group);

/* To be called before anything of a group changes that a batch would say: where one is open that holds the
 * group as it was, it is written first. */
static inline void rs_groups_change(struct rs_groups *gs, uint32_t number, const struct rs_group *group)
{
    if (group->flags & gs->unsealed.write_flag) {
        rs_groups_write(gs, number);
    }
}

/* The group has changed, and with it its view. */
static inline void rs_groups_changed(struct rs_groups *gs, uint32_t number, struct rs_group *group)
{
    unsigned wanted = RS_GROUP_VIEW | RS_GROUP_DIRTY | gs->unsealed.gather_flag;
    if ((group->flags & wanted) == wanted) {
        return;
    }
    rs_groups_touch(gs, number, group, RS_GROUP_VIEW);
    rs_groups_gather(gs, number, group);
}

/* ---- schedule.c ---- */
RS_MUST_USE int rs_schedule_init(struct rs_schedule *s, const struct rs_aggregate *aggregate,
                                 struct rs_error *error);
void rs_schedule_fini(struct rs_schedule *s);
/* Room for all groups with a number below `count`; false: out of memory. */
bool rs_schedule_cover(struct rs_schedule *s, uint32_t count);
/* The group becomes due when shown time reaches `due_us`, a multiple of every; RS_WINDOW_NEVER: not at all.
 */
void rs_schedule_at(struct rs_groups *gs, uint32_t number, int64_t due_us);
void rs_schedule_advance(struct rs_groups *gs, int64_t now_us);
bool rs_schedule_due(const struct rs_groups *gs);     /* whether one is due */
uint32_t rs_schedule_pop(struct rs_groups *gs);       /* one that is due, or RS_NONE */
int64_t rs_schedule_next(const struct rs_groups *gs); /* RS_WINDOW_NEVER: none waits */

#endif
