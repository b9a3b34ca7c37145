/* seal: a partition's state in pieces, for the state log. A batch holds what changed since the last one, as
 * of the offset at which it was begun, and a slice of what did not, so that after a full round (a sweep) all
 * of the state has been said again.
 *
 * A batch is filled bit by bit while records go on being applied: a group that an event is about to change
 * before its turn has come is written first. So there is no pause, however large the state.
 *
 * A chunk is a run of entries: u8 kind | u32 bytes that follow |
 *   CHANGED, WHOLE   u32 set | u32 n, n bytes key | i64 clock | i64 pending | i64 gone_newest | i64 oldest |
 *                    u32 count | count panes or registers, ascending
 *   DROPPED, DELETE, CLEARED  u32 set | u32 n, n bytes key
 *   IDS              u64 first number | u32 count | count x (u64 low | u64 high | i64 time | i64 clock)
 *   GONE             u32 set | to the end: (u64 hash of a key | i64 newest event time)
 * `set` is a number in the head's list of aggregates. A group too large for one entry goes in several.
 *
 *   CHANGED  replaces the group's head, adds the panes that follow or puts them in place of those with the
 *            same start, and removes what is older than `oldest`
 *   WHOLE    the same, but first takes away all panes there were
 *   DROPPED  the group is gone and its keys have to be deleted; a batch begins with those, so that a group
 *            which came back under the key follows
 *   DELETE   the keys are still to be deleted, told again by a sweep
 *   CLEARED  they are deleted
 *   IDS      numbered in the order of their arrival
 *   GONE     groups that were dropped, as gone.h knows them; the batch with which a sweep begins tells all of
 *            them again
 *
 * The head goes with the seal:
 *   u32 format | u64 rejected early | u64 expired | u64 first id | u32 ids | times | u32 aggregates | of each:
 *       u32 n, n bytes name | u64 fingerprint | i64 since offset | i64 since time |
 *       u64 since: consumed duplicate rejected | u64 applied late filtered limited not_finite |
 *       i64 newest time of the dropped groups that are forgotten | u64 number of those
 *   times: of the ids as in dedup.h | the steady time as in steady.h |
 *       i64 expiry: steady time of the next check | u64 records consumed at the last one |
 *       i64 run | i64 run of others | u32 source of the run (struct rs_front)
 *
 * Format 2 had fingerprints that did not say which input is which (struct rs_aggregate). Format 1, of version 0.1, had i64 id clock before the first id, no times, no number of forgotten groups,
 * and ids without a time of their own; it is still read. What it does not say begins as in a fresh partition:
 * the steady times from the next record on, ids as of their clock, and the newest time of all dropped groups
 * counts for every group that is not there, as it did then. A configuration with other aggregates can thus be
 * told from the same one: new ones begin empty, removed ones are passed by, changed ones are refused.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_PARTITION_SEAL_H
#define RS_TRANSFORM_PARTITION_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "transform/statelog/log.h"

struct rs_partition;

/* From now on changes are gathered for batches. Once, before the first record of a partition that is not
 * restored; rs_partition_restore_end does it too. `next_offset`: where its input begins. */
void rs_partition_seal_enable(struct rs_partition *p, int64_t next_offset);

/* Begins a batch as of now. None is open. */
void rs_partition_seal_begin(struct rs_partition *p, struct rs_state_plan plan);

enum rs_seal_step {
    RS_SEAL_WORKING,  /* some of it is written; come again */
    RS_SEAL_CHUNK,    /* *chunk is ready: the same again until rs_partition_seal_taken */
    RS_SEAL_COMPLETE, /* nothing is left: rs_partition_seal_end */
    RS_SEAL_FAILED,   /* memory ran out: this batch cannot become whole; the partition has to be restored anew
                       */
};
/* One step of bounded work. *chunk lives until the partition is touched in any way. */
enum rs_seal_step rs_partition_seal_step(struct rs_partition *p, struct rs_slice *chunk);
void rs_partition_seal_taken(struct rs_partition *p);
/* The next step only hands out a chunk. */
bool rs_partition_seal_ready(const struct rs_partition *p);
/* Bytes that are written and not taken: they grow with records that are applied, so those have to wait for a
 * log that takes nothing. */
size_t rs_partition_seal_backlog(const struct rs_partition *p);
/* What the seal says, and its head, which lives until the next begin. *sweep_ends: the sweep's last group was
 * in this batch. The batch is closed. */
void rs_partition_seal_end(struct rs_partition *p, struct rs_seal *seal, struct rs_slice *head,
                           bool *sweep_ends);

/* ---- restoring a fresh partition ---- */

/* The batches that count, in order: the head first, then its chunks.
 * Errors: RS_ESTATE (damaged, foreign, or an aggregate was changed in a way that its state does not allow),
 * RS_ENOMEM. */
RS_MUST_USE int rs_partition_restore_batch(struct rs_partition *fresh, struct rs_slice head,
                                           struct rs_error *error);
RS_MUST_USE int rs_partition_restore_chunk(struct rs_partition *fresh, struct rs_slice chunk,
                                           struct rs_error *error);
/* After the last one; `seal` is that of the last batch. Appends lines that an operator should read to
 * `notes`: aggregates that are new, and those that are gone. */
RS_MUST_USE int rs_partition_restore_end(struct rs_partition *fresh, const struct rs_seal *seal,
                                         struct rs_buf *notes, struct rs_error *error);

#endif
