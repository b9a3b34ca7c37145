/* memory group: what a memory store holds of one group, and the table it is found in.
 * Thread: one.
 * Owns: copies of keys, fields and history members. */
#ifndef RS_SINK_MEMORY_GROUP_H
#define RS_SINK_MEMORY_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Encoded fields as in a batch, read with rs_op_field_next. */
struct rs_memory_member {
    int64_t score_ms;
    uint8_t *fields;
    uint32_t size;
};

struct rs_memory_group {
    uint64_t hash;
    uint8_t *view; /* encoded fields; NULL: no hash */
    uint32_t view_size, view_capacity;
    bool indexed, owned;
    int32_t owner;    /* partition */
    int64_t score_ms; /* in the index */
    /* Ascending by score, in members[first, first + count): old ones leave at the front, new ones come at the
     * end. */
    struct rs_memory_member *members;
    uint32_t first, count, capacity;
    uint32_t key_size;
    uint8_t key[];
};

struct rs_memory_groups {
    struct rs_memory_group **slots; /* open addressing, a power of two */
    size_t capacity, count;
};

void rs_memory_groups_fini(struct rs_memory_groups *groups);
struct rs_memory_group *rs_memory_groups_find(const struct rs_memory_groups *groups, struct rs_slice key);
/* Found or made; NULL: out of memory. */
struct rs_memory_group *rs_memory_groups_at(struct rs_memory_groups *groups, struct rs_slice key);

/* All return false when out of memory, with the group unchanged. */
bool rs_memory_group_set_view(struct rs_memory_group *group, struct rs_slice fields);
bool rs_memory_group_put_history(struct rs_memory_group *group, int64_t score_ms, struct rs_slice fields,
                                 uint32_t keep);
/* Takes members away whose score is within [from_ms, to_ms]. */
void rs_memory_group_cut_history(struct rs_memory_group *group, int64_t from_ms, int64_t to_ms);
const struct rs_memory_member *rs_memory_group_member(const struct rs_memory_group *group, int64_t score_ms);
/* The group is gone; its place in the table stays. */
void rs_memory_group_clear(struct rs_memory_group *group);

#endif
