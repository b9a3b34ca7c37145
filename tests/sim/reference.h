/* reference: what one partition's state and views have to be after any prefix of its input.
 * One rs_partition is fed the input in one go, with no log, no Redis and no faults, and remembered after each
 * record. That it folds rightly is not taken on trust: at the end of a seed, and at prefixes in between, it
 * is compared with engine_model, which shares no code with it. */
#ifndef RS_TESTS_REFERENCE_H
#define RS_TESTS_REFERENCE_H

#include "tests/sim/cluster.h"

/* What there is to see after `offset` records, shown as of `shown_us`; nothing was ever acknowledged, so all
 * windows that ended are there. */
struct rendering {
    int64_t offset, shown_us;
    uint64_t used; /* the larger, the later */
    struct rs_view_batch *batch;
    struct rs_partition
        *emitted;        /* what `batch` was taken from, as it is then; NULL: that went into `bytes` */
    struct rs_buf bytes; /* the state once all was acknowledged; empty: not asked for yet */
};

struct reference *reference_new(struct sim *sim, uint32_t partition);
void reference_free(struct reference *r);

struct rs_accounting reference_counts(const struct reference *r, int64_t offset);
/* Whether a group with the key of `drop` had expired by then. */
bool reference_dropped(const struct reference *r, int64_t offset, const struct rs_op *drop);
bool reference_letter(const struct reference *r,
                      int64_t offset); /* whether this record goes to the dead letters */

/* Both live until the next call of either. */
const struct rs_view_batch *reference_render(struct reference *r, int64_t offset, int64_t shown_us);
/* Whether an operation says nothing but that what was said of a session is not so any more. */
static inline bool op_takes_back(const struct rs_op *op)
{
    return op->flags & RS_OP_SESSION && op->kind == RS_OP_HISTORY && op->field_count == 0;
}
/* Whether history keeps as many newer windows, which are all in `batch`. */
bool reference_pushed_out(const struct sim *sim, const struct rs_view_batch *batch, const struct rs_op *op);
/* The bytes of its state once all of that was acknowledged. */
struct rs_slice reference_bytes(struct reference *r, int64_t offset, int64_t shown_us);
/* The operation of `batch` that `op` names; false: none. */
bool reference_find(const struct rs_view_batch *batch, const struct rs_op *op, struct rs_op *found);
/* Windows that a partition whose history was all acknowledged still holds. */
const struct rs_view_batch *reference_held(struct reference *r, int64_t offset, int64_t shown_us);
/* Shows, emits, acknowledges until nothing is left; each operation goes to `see` (may be NULL). */
typedef void op_seen(void *ctx, const struct rs_op *op);
void drain(struct rs_partition *p, int64_t shown_us, op_seen *see, void *ctx);
/* How far the model says that the events alone lead the time that is shown, at least. RS_TIME_NONE: there are
 * none. */
int64_t reference_front(const struct reference *r);
/* Whether some prefix of the first `offset` records is made of wrong clocks for the most part. */
bool reference_outvoted(const struct reference *r, int64_t offset);
/* Against the model. */
void reference_check(struct reference *r, int64_t offset, int64_t shown_us);

#endif
