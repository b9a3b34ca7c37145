/* partition: events of one input partition in, views of its groups out. Pure: no I/O, no clock, no threads.
 * The same code is driven by Kafka, by --replay and by tests in virtual time. State is a function of the
 * records [0, offset) of the partition and of nothing else; `now_shown` decides only what is shown. README,
 * "Semantics", states the rules; the functions below say what they do about them.
 * Thread: a partition belongs to one worker. */
#ifndef RS_TRANSFORM_PARTITION_PARTITION_H
#define RS_TRANSFORM_PARTITION_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/dead_letter.h"
#include "base/error.h"
#include "base/record.h"
#include "base/view.h"
#include "transform/partition/outcomes.h"
#include "transform/plan/accounting.h"
#include "transform/plan/engine.h"

struct rs_partition; /* state of one input partition */

struct rs_partition_status {
    struct rs_accounting events;
    int64_t next_offset;
    int64_t stream_time_us; /* RS_TIME_NONE before the first event */
    int64_t now_shown_us;
    int64_t steady_time_us; /* what groups expire by */
    uint64_t groups, panes, memory_bytes, dirty_views, pending_history, conflicts, expired_groups;
    uint64_t forgotten_groups; /* dropped ones that are not known by name any more: gone.h */
    uint64_t events_ahead; /* far ahead of the others' time, since the process began; the newest of them: */
    int64_t ahead_offset, ahead_time_us, ahead_of_us;
};
struct rs_aggregate_status {
    struct rs_accounting events; /* duplicate and rejected: those of the partition */
    uint64_t groups, panes, not_finite;
    uint64_t folded; /* events of the group of others, since the process began */
};

/* `stream`: index of the input. */
RS_MUST_USE int rs_partition_new(const struct rs_engine *engine, uint32_t stream, int32_t partition,
                                 struct rs_partition **out, struct rs_error *error);
void rs_partition_free(struct rs_partition **partition);

/* Applies records in offset order. Stops early when `letters` has no room, memory is short, or the schema of a
 * record is being asked for: returns how
 * many were taken; the caller comes back with the rest. Offsets must ascend; gaps are fine. Allocates only
 * for new groups and panes. */
size_t rs_partition_apply(struct rs_partition *p, const struct rs_record *records, size_t count,
                          const struct rs_dead_letter_sink *letters);

/* Of whoever judges records of many partitions and shows nothing: the next ones are of this one. Their offsets need
 * not ascend. */
void rs_partition_renumber(struct rs_partition *p, int32_t partition);

/* The last rs_partition_apply stopped at a record of a schema that the registry was asked for: *key. Asking again
 * says whether that is still so; where it is not, the records are taken. Why there is no answer is for people. */
bool rs_partition_wants_schema(const struct rs_partition *p, struct rs_registry_key *key);
bool rs_partition_ask_schema(struct rs_partition *p);
void rs_partition_schema_why(const struct rs_partition *p, struct rs_error *out);

/* What becomes of records is added there, too, from now on; NULL: nowhere. Borrowed. */
void rs_partition_count_into(struct rs_partition *p, struct rs_outcomes *outcomes);

/* Moves what is shown; never backwards (a smaller value is ignored). Event times move it too, inside apply.
 */
void rs_partition_show(struct rs_partition *p, int64_t now_shown_us);
/* The daemon's own clock, as a witness: an event whose time is about that is no jump. RS_TIME_NONE: no clock.
 */
void rs_partition_witness(struct rs_partition *p, int64_t wall_us);
/* No more events are there at present. Those at the end that are ahead of what is shown move it now: where
 * they are of two groups, or (`alone`) where there is one group only; but not beyond `limit_us`. */
void rs_partition_rest(struct rs_partition *p, int64_t limit_us, bool alone);
/* The same has lasted for a while: those at the end move what is shown even if they are of one group alone,
 * but not beyond `limit_us`. */
void rs_partition_unopposed(struct rs_partition *p, int64_t limit_us);
/* The earliest now_shown at which a window will end or drain; INT64_MAX: none. */
int64_t rs_partition_next_due(const struct rs_partition *p);

/* Fills `batch` with changed views, ended windows and drops until about `budget_bytes`. Returns true when
 * more is left. Sets offset and now_shown_us of the batch. What was put in is in flight until
 * rs_partition_settle. */
bool rs_partition_emit(struct rs_partition *p, struct rs_view_batch *batch, size_t budget_bytes);
/* The sink answered. APPLIED: history is acknowledged, conflicts are silenced and counted. Else all of it is
 * changed again. */
void rs_partition_settle(struct rs_partition *p, const struct rs_view_batch *batch);
/* Whether the partition has a group of this key, or it cannot be told. A key that is not held is one whose
 * group has expired, or never was. */
bool rs_partition_holds(const struct rs_partition *p, uint32_t aggregate, struct rs_slice key);
/* The store was lost, or was filled by a predecessor: everything is sent again, all history whose panes are
 * held included. Groups that change come first, the rest as fast as the quota lets it. */
void rs_partition_republish(struct rs_partition *p);
bool rs_partition_republishing(const struct rs_partition *p); /* not all is sent again yet */
/* How many groups may be sent again until the next call; without one, all. */
void rs_partition_republish_quota(struct rs_partition *p, uint64_t groups);

void rs_partition_status(const struct rs_partition *p, struct rs_partition_status *out);
/* For aggregate number `aggregate`; false if it is not of this partition's stream. */
bool rs_partition_aggregate_status(const struct rs_partition *p, uint32_t aggregate,
                                   struct rs_aggregate_status *out);

/* What the state holds of one group, as a JSON object: its clock, its view, every pane or register with its
 * bounds and statistics. `key` as in Redis. False, and nothing is appended: there is no such group.
 * Failure is in json->failed. */
bool rs_partition_describe_group(struct rs_partition *p, uint32_t aggregate, struct rs_slice key,
                                 struct rs_buf *json);

#endif
