/* changes: what changed of the groups, as entries for the state log (partition/seal.h has their form). A group
 * is gathered once, with its first change since a batch began; it is written when its turn in the batch has
 * come, or before an event changes it again. What belongs to every event is inline in groups.h.
 *
 * Two lists take turns (struct rs_unsealed): one gathers what changes now, the other belongs to the batch
 * that is being written. A group's flag says which one it waits in:
 *
 *     gather EVEN ──begin──▶ write EVEN, gather ODD ──begin──▶ write ODD, gather EVEN ──▶ …
 *
 * A batch is the state as of its beginning, and events go on while it is written. So a group that still waits
 * in its list is written before an event changes it, and no group is ever copied. While EVEN is written:
 *
 *     its turn   EVEN ──write──▶ none
 *     an event   EVEN ──write──▶ none ──change──▶ ODD      rs_groups_change, rs_groups_changed
 *                none ──change──▶ ODD
 *                 ODD ──change──▶ ODD
 *
 * What was written early is not looked for in the list: a number whose group has lost the flag is passed by.
 * Invariant: once a batch is sealed, the log has every group that has neither flag as it is. A batch that
 * cannot be sealed ends the partition, since what was taken from the lists is not put back.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_GROUP_CHANGES_H
#define RS_TRANSFORM_GROUP_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "transform/group/groups.h"

enum rs_entry_kind {
    RS_ENTRY_CHANGED = 1,
    RS_ENTRY_WHOLE = 2,
    RS_ENTRY_DROPPED = 3,
    RS_ENTRY_DELETE = 4,
    RS_ENTRY_CLEARED = 5,
    RS_ENTRY_IDS = 6,
    RS_ENTRY_GONE = 7,
};

#define RS_GROUP_CHANGED_BOTH (RS_GROUP_CHANGED_EVEN | RS_GROUP_CHANGED_ODD)

/* About; with one entry more a chunk is still far below a broker's limit. */
#define RS_CHUNK_BYTES ((size_t)128 << 10)

/* Entries of the batch under way, cut into chunks. */
struct rs_chunks {
    bool open;          /* there is a batch */
    struct rs_buf out;  /* entries not taken yet */
    struct rs_buf cuts; /* size_t: ends of chunks in `out` */
    size_t cut, taken;  /* number of the next cut, bytes of `out` before it */
};

/* Ends a chunk when there is at least so much for one. */
void rs_chunks_cut(struct rs_chunks *chunks, size_t least);

/* Returns where the entry's content begins; end: its length is written in front of that. */
size_t rs_entry_begin(struct rs_buf *out, enum rs_entry_kind kind);
void rs_entry_end(struct rs_buf *out, size_t begun);

/* Dropped groups, as one entry. */
void rs_groups_put_gone(const struct rs_groups *gs, const struct rs_gone_entry *entries, uint32_t count,
                        struct rs_buf *out);

/* Room for `more` further numbers. These return false where memory is out. */
bool rs_changed_reserve(struct rs_changed *list, uint32_t more);
bool rs_changed_push(struct rs_changed *list, uint32_t number);

#endif
