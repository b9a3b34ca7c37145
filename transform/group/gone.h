/* gone: which groups an aggregate has dropped, and the newest event time of each: an event of a group that is
 * not there is late only where that very group has held it before. A group is known by the 64-bit XXH3 of its
 * key: should two keys ever meet in one (among 65,536 with probability 10^-10), the later of both times
 * counts for both, so that an event may be called late that is not, and none is counted twice.
 *
 * Bound: of more than RS_GONE_MAX groups those with the oldest times are forgotten one by one, and then
 * groups that are not known are judged by the newest time that was forgotten. What is kept hangs on which
 * groups went, not on the order in which they did.
 * Thread: the owning worker.
 * Limits: 24 bytes a group, 1.5 MiB for an aggregate of a partition. */
#ifndef RS_TRANSFORM_GROUP_GONE_H
#define RS_TRANSFORM_GROUP_GONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "transform/group/index.h"

#define RS_GONE_MAX 65536

struct rs_gone_entry {
    uint64_t hash;
    int64_t newest_us;
};

struct rs_gone {
    struct rs_gone_entry *heap; /* the oldest time is the first */
    uint32_t count, capacity, max;
    struct rs_index index;       /* by the lower half of the hash, to places in the heap */
    uint64_t forgotten;          /* groups, */
    int64_t forgotten_newest_us; /* and the newest time among theirs; RS_TIME_NONE: none */
};

void rs_gone_init(struct rs_gone *g);
void rs_gone_fini(struct rs_gone *g);
uint64_t rs_gone_hash(struct rs_slice key);
/* Room for so many in all; false: out of memory. */
bool rs_gone_reserve(struct rs_gone *g, uint64_t groups);
/* Needs room. Where it is there already, the later time stays. */
void rs_gone_put(struct rs_gone *g, struct rs_gone_entry entry);
/* What an event of a group that is not there is judged by; RS_TIME_NONE: it is not late. */
int64_t rs_gone_newest(const struct rs_gone *g, struct rs_slice key);

static inline uint64_t rs_gone_bytes(const struct rs_gone *g)
{
    return g->capacity * sizeof(struct rs_gone_entry) + rs_index_bytes(&g->index);
}

#endif
