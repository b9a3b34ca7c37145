/* Keys of groups that are gone. A failover of Redis may bring back what was deleted: then Redis has groups as
 * this partition's that its state does not hold, and which nothing would ever change or delete. So after a
 * take-over or a loss, when everything is sent again, Redis is asked in small pieces which groups it has as
 * the partition's, and those that the state does not hold are dropped as if they had expired. A group that
 * comes into being meanwhile is safe: its first view is submitted after the drop. Only with a durable state
 * log: without one, a state is whole only as far back as the input is kept. */
#include "transform/worker/internal.h"

#define SCAN_EVERY_US (20 * RS_WORKER_MS) /* pieces of some hundred groups */

/* The first aggregate of the stream from `at` on; the number of all: there is none. */
static size_t next_aggregate(const struct rs_worker *worker, const struct rs_worker_partition *owned,
                             size_t at)
{
    size_t count = 0;
    const struct rs_aggregate_meta *metas = rs_engine_metas(worker->options.engine, &count);

    while (at < count && metas[at].stream_index != owned->stream->first) {
        at++;
    }
    return at;
}

static void go_to(struct rs_worker *worker, struct rs_worker_partition *owned, size_t at)
{
    size_t count = 0;

    (void)rs_engine_metas(worker->options.engine, &count);
    at = next_aggregate(worker, owned, at);
    owned->scan_wanted = at < count;
    owned->scan_aggregate = (uint32_t)at;
    owned->scan_cursor = 0;
}

void rs_worker_partition_want_scan(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    if (rs_worker_log_is_durable(worker)) {
        go_to(worker, owned, 0);
        owned->scan_due_us = worker->now_us;
        owned->scan_anew = owned->scanning; /* what is under way was asked of another store */
    }
}

/* While Redis shows the partition further on than it is here, it has groups that are yet to come here. */
static bool may_drop(const struct rs_worker_partition *owned)
{
    return rs_phase_reads(owned->phase) && owned->next_offset >= owned->quiet_until;
}

static bool may_scan(const struct rs_worker_partition *owned)
{
    return owned->scan_wanted && !owned->scanning && owned->state && owned->asked && !owned->refused &&
           may_drop(owned) && !rs_partition_republishing(owned->state);
}

int64_t rs_worker_partition_scan_due(const struct rs_worker_partition *owned)
{
    return may_scan(owned) ? owned->scan_due_us : RS_WORKER_NEVER;
}

static void fill_head(const struct rs_worker_partition *owned, struct rs_view_batch *batch)
{
    struct rs_partition_status status;

    rs_partition_status(owned->state, &status);
    batch->offset = owned->next_offset;
    batch->now_shown_us = status.now_shown_us;
}

/* One piece at a time, and none where batches are short: views come first. */
void rs_worker_partition_scan(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    if (!may_scan(owned) || worker->now_us < owned->scan_due_us) {
        return;
    }
    struct rs_view_batch *batch = rs_worker_get_batch(worker);
    if (!batch) {
        owned->scan_due_us = worker->now_us + SCAN_EVERY_US;
        return;
    }
    fill_head(owned, batch);
    batch->scan = true;
    batch->scan_aggregate = owned->scan_aggregate;
    batch->scan_cursor = owned->scan_cursor;
    owned->scanning = true;
    rs_worker_submit(worker, owned, batch);
}

/* False: no batch is free; the piece is asked for again. */
static bool drop_unheld(struct rs_worker *worker, struct rs_worker_partition *owned,
                        const struct rs_view_batch *found)
{
    struct rs_view_batch *batch = NULL;
    struct rs_slice key;
    size_t cursor = 0;

    while (rs_batch_scanned_next(found, &cursor, &key)) {
        if (rs_partition_holds(owned->state, found->scan_aggregate, key)) {
            continue;
        }
        if (!batch) {
            batch = rs_worker_get_batch(worker);
            if (!batch) {
                return false;
            }
            fill_head(owned, batch);
        }
        rs_batch_drop(batch, found->scan_aggregate, key);
    }
    if (batch) {
        worker->batches_submitted++;
        worker->operations += batch->op_count;
        rs_worker_submit(worker, owned, batch);
    }
    return true;
}

/* The cursor moves on only once what the piece found is on its way to be dropped. Otherwise the same piece
 * is asked for again, which costs a question and loses nothing. */
void rs_worker_partition_scanned(struct rs_worker *worker, struct rs_worker_partition *owned,
                                 const struct rs_view_batch *batch)
{
    bool ours = owned->scanning && !owned->scan_anew;

    owned->scanning = owned->scan_anew = false;
    owned->scan_due_us = worker->now_us + SCAN_EVERY_US;
    if (!ours || batch->result != RS_BATCH_APPLIED || !may_drop(owned) ||
        !drop_unheld(worker, owned, batch)) {
        return;
    }
    owned->scan_cursor = batch->scan_cursor;
    if (batch->scan_cursor == 0) {
        go_to(worker, owned, (size_t)batch->scan_aggregate + 1);
    }
}
