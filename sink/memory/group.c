#include "sink/memory/group.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static void drop_members(struct rs_memory_group *group)
{
    for (uint32_t i = 0; i < group->count; i++) {
        free(group->members[group->first + i].fields);
    }
    free(group->members);
    group->members = NULL;
    group->first = group->count = group->capacity = 0;
}

void rs_memory_group_clear(struct rs_memory_group *group)
{
    drop_members(group);
    free(group->view);
    group->view = NULL;
    group->view_size = group->view_capacity = 0;
    group->indexed = group->owned = false;
}

void rs_memory_groups_fini(struct rs_memory_groups *groups)
{
    for (size_t i = 0; i < groups->capacity; i++) {
        if (groups->slots[i]) {
            rs_memory_group_clear(groups->slots[i]);
            free(groups->slots[i]);
        }
    }
    free(groups->slots);
    *groups = (struct rs_memory_groups){0};
}

/* ---- the table ---- */

/* The slot with the key, or the empty one where it belongs. The table is never full. */
static size_t probe(const struct rs_memory_groups *groups, uint64_t hash, struct rs_slice key)
{
    size_t mask = groups->capacity - 1;
    size_t at = (size_t)hash & mask;
    for (;; at = (at + 1) & mask) {
        const struct rs_memory_group *group = groups->slots[at];
        if (!group ||
            (group->hash == hash && rs_slice_equal(rs_slice_of(group->key, group->key_size), key))) {
            return at;
        }
    }
}

static bool grow(struct rs_memory_groups *groups)
{
    struct rs_memory_groups larger = {.capacity = groups->capacity ? 2 * groups->capacity : 64,
                                      .count = groups->count};
    larger.slots = calloc(larger.capacity, sizeof(struct rs_memory_group *));
    if (!larger.slots) {
        return false;
    }
    for (size_t i = 0; i < groups->capacity; i++) {
        struct rs_memory_group *group = groups->slots[i];
        if (group) {
            larger.slots[probe(&larger, group->hash, rs_slice_of(group->key, group->key_size))] = group;
        }
    }
    free(groups->slots);
    *groups = larger;
    return true;
}

struct rs_memory_group *rs_memory_groups_find(const struct rs_memory_groups *groups, struct rs_slice key)
{
    return groups->capacity ? groups->slots[probe(groups, XXH3_64bits(key.data, key.size), key)] : NULL;
}

/* Half full at most. It grows before the key is looked for, so that the place that is found stays right. */
struct rs_memory_group *rs_memory_groups_at(struct rs_memory_groups *groups, struct rs_slice key)
{
    uint64_t hash = XXH3_64bits(key.data, key.size);
    if (2 * (groups->count + 1) > groups->capacity && !grow(groups)) {
        return NULL;
    }
    size_t at = probe(groups, hash, key);
    if (groups->slots[at]) {
        return groups->slots[at];
    }
    struct rs_memory_group *group = calloc(1, sizeof *group + key.size);
    if (!group) {
        return NULL;
    }
    group->hash = hash;
    group->key_size = (uint32_t)key.size;
    if (key.size > 0) {
        memcpy(group->key, key.data, key.size);
    }
    groups->slots[at] = group;
    groups->count++;
    return group;
}

/* ---- one group ---- */

bool rs_memory_group_set_view(struct rs_memory_group *group, struct rs_slice fields)
{
    if (fields.size == 0) { /* Redis has no empty hashes */
        free(group->view);
        group->view = NULL;
        group->view_size = group->view_capacity = 0;
        return true;
    }
    if (fields.size > group->view_capacity) {
        uint8_t *view = realloc(group->view, fields.size);
        if (!view) {
            return false;
        }
        group->view = view;
        group->view_capacity = (uint32_t)fields.size;
    }
    memcpy(group->view, fields.data, fields.size);
    group->view_size = (uint32_t)fields.size;
    return true;
}

/* Index in members[] of the first with a score of at least `score_ms`; first + count when there is none. */
static uint32_t lower_bound(const struct rs_memory_group *group, int64_t score_ms)
{
    uint32_t low = group->first;
    uint32_t high = group->first + group->count;
    if (group->count > 0 && group->members[high - 1].score_ms < score_ms) {
        return high;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (group->members[middle].score_ms < score_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct rs_memory_member *rs_memory_group_member(const struct rs_memory_group *group, int64_t score_ms)
{
    uint32_t at = lower_bound(group, score_ms);
    bool there = at < group->first + group->count && group->members[at].score_ms == score_ms;
    return there ? &group->members[at] : NULL;
}

/* Room for one more at the end: what left at the front is reused before memory grows. */
static bool make_room(struct rs_memory_group *group)
{
    if (group->first + group->count < group->capacity) {
        return true;
    }
    if (group->first > group->count / 2) {
        memmove(group->members, group->members + group->first, group->count * sizeof *group->members);
        group->first = 0;
        return true;
    }
    uint32_t capacity = group->capacity ? 2 * group->capacity : 4;
    struct rs_memory_member *members = realloc(group->members, capacity * sizeof *members);
    if (!members) {
        return false;
    }
    group->members = members;
    group->capacity = capacity;
    return true;
}

static void trim(struct rs_memory_group *group, uint32_t keep)
{
    while (group->count > keep) {
        struct rs_memory_member *oldest = &group->members[group->first];
        free(oldest->fields);
        oldest->fields = NULL;
        group->first++;
        group->count--;
    }
    if (group->count == 0) {
        drop_members(group);
    }
}

void rs_memory_group_cut_history(struct rs_memory_group *group, int64_t from_ms, int64_t to_ms)
{
    uint32_t at = lower_bound(group, from_ms);
    uint32_t end = group->first + group->count;
    uint32_t to = at;
    for (; to < end && group->members[to].score_ms <= to_ms; to++) {
        free(group->members[to].fields);
    }
    if (to > at) {
        memmove(group->members + at, group->members + to, (end - to) * sizeof *group->members);
        group->count -= to - at;
        trim(group, group->count);
    }
}

/* A window that is published again takes its own place, as in Redis, where its score names it. */
bool rs_memory_group_put_history(struct rs_memory_group *group, int64_t score_ms, struct rs_slice fields,
                                 uint32_t keep)
{
    uint8_t *copy = malloc(fields.size + 1);
    if (!copy || !make_room(group)) {
        free(copy);
        return false;
    }
    memcpy(copy, fields.data, fields.size);
    struct rs_memory_member member = {.score_ms = score_ms, .fields = copy, .size = (uint32_t)fields.size};
    uint32_t at = lower_bound(group, score_ms);
    uint32_t end = group->first + group->count;
    if (at < end && group->members[at].score_ms == score_ms) {
        free(group->members[at].fields);
        group->members[at] = member;
        return true;
    }
    memmove(group->members + at + 1, group->members + at, (end - at) * sizeof *group->members);
    group->members[at] = member;
    group->count++;
    trim(group, keep);
    return true;
}
