/* The worker's output: batches of views on their way to the sink and back. */
#include <inttypes.h>
#include <string.h>

#include "transform/worker/internal.h"

#define AGAIN_RATE     UINT64_C(20000) /* groups of a partition that are sent again in a second, at least, */
#define AGAIN_WITHIN_S 4               /* or as many as it takes to be done in so many seconds */
#define ASK_EVERY_US   (10000 * RS_WORKER_MS) /* about the fence, by an owner that publishes nothing */
#define REFUSED_US     (2000 * RS_WORKER_MS)  /* until a refused owner asks again */

/* ---- answers of the sink ---- */

/* Names the first group of a batch that another partition has; the engine counts all of them. */
static void report_conflicts(struct rs_worker *worker, struct rs_worker_partition *owned,
                             const struct rs_view_batch *batch)
{
    uint32_t wanted = 0;
    uint32_t number = 0;
    size_t cursor = 0;
    size_t meta_count = 0;
    struct rs_partition_status status;
    struct rs_op op;

    if (batch->conflicts.size < sizeof wanted ||
        !rs_log_allowed(&worker->conflict_limit, 1, worker->now_us)) {
        return;
    }
    memcpy(&wanted, batch->conflicts.data, sizeof wanted);
    while (rs_batch_next(batch, &cursor, &op)) {
        if (number++ == wanted) {
            rs_partition_status(owned->state, &status);
            rs_report(&worker->options.report, RS_LOG_WARNING,
                      "aggregate %s: group %.*s is in partition %" PRId32
                      " of topic %s and in another one; only the other's part of it is published (so it "
                      "is with %" PRIu64 " groups of this partition so far). Either their events are not "
                      "published with the group's fields as "
                      "the key; or partitions were added to the topic, and the groups have moved: then "
                      "give the aggregate a "
                      "new name, under which it begins anew",
                      rs_engine_metas(worker->options.engine, &meta_count)[op.aggregate].name,
                      (int)op.key.size, (const char *)op.key.data, owned->partition, owned->stream->topic,
                      status.conflicts);
            return;
        }
    }
}

/* Redis may show the partition further on already, as an earlier owner left it: publishing waits until the
 * input is there, so that what is shown does not go back. */
static void on_behind(struct rs_worker *worker, struct rs_worker_partition *owned,
                      const struct rs_view_batch *batch)
{
    worker->batches_behind++;
    if (batch->fence_offset > owned->next_offset && batch->fence_offset != owned->quiet_until) {
        rs_report(&worker->options.report, RS_LOG_INFO,
                  "stream %s partition %" PRId32 ": Redis shows it up to offset %" PRId64
                  " already; publishing goes on there (now at %" PRId64 ")",
                  rs_stream_label(owned->stream), owned->partition, batch->fence_offset, owned->next_offset);
        owned->behind_since_us = 0;
        owned->behind_reported = false;
    }
    owned->quiet_until = batch->fence_offset;
    owned->quiet_shown_us = batch->fence_now_shown_us;
}

static void on_fenced(struct rs_worker *worker, struct rs_worker_partition *owned,
                      const struct rs_view_batch *batch)
{
    struct rs_cause cause = {.batch = batch};

    worker->batches_fenced++;
    (void)rs_worker_partition_event_with(
        worker, owned, rs_worker_log_is_durable(worker) ? RS_LIFE_FENCED : RS_LIFE_FENCED_FOR_GOOD, &cause);
}

/* The names are another consumer group's. Publishing waits as it does while Redis is away: the state goes on,
 * ended windows stay in it, and nothing of the other's is touched. Asking goes on, for the operator may give
 * the names over. */
static void on_refused(struct rs_worker *worker, struct rs_worker_partition *owned,
                       const struct rs_view_batch *batch)
{
    owned->asked = false;
    owned->ask_again_us = worker->now_us + REFUSED_US;
    owned->refused = true;
    rs_worker_partition_trouble(worker, owned, RS_LOG_ERROR,
                                "stream %s partition %" PRId32 " is not published: %.*s",
                                rs_stream_label(owned->stream), owned->partition, (int)batch->refusal.size,
                                (const char *)batch->refusal.data);
}

/* Whoever had the names may have written anything under them meanwhile, as after a loss. */
static void on_accepted(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    if (owned->refused) {
        owned->refused = false;
        rs_partition_republish(owned->state);
        rs_worker_partition_want_scan(worker, owned);
        rs_report(&worker->options.report, RS_LOG_INFO, "stream %s partition %" PRId32 ": Redis takes it now",
                  rs_stream_label(owned->stream), owned->partition);
    }
}

/* What the batch did goes into the state before its answer is judged, for an answer may drop the partition
 * and its state. An empty batch was the question about the fence; NONE is no answer to it, and it is asked
 * again. */
static void settle_one(struct rs_worker *worker, struct rs_worker_partition *owned,
                       const struct rs_view_batch *batch)
{
    owned->in_flight--;
    owned->heard_us = worker->now_us;
    owned->touched = true; /* what changed while it was away could not be emitted */
    if (!owned->state) {
        return;
    }
    rs_worker_answered(worker, owned, batch);
    if (batch->scan) {
        rs_worker_partition_scanned(worker, owned, batch);
    } else if (batch->op_count > 0) {
        rs_partition_settle(owned->state, batch);
    } else {
        owned->asking = false;
        owned->asked = batch->result != RS_BATCH_NONE;
        if (batch->fence_now_shown_us != RS_TIME_NONE) {
            owned->quiet_shown_us = batch->fence_now_shown_us; /* readers have seen that already */
        }
    }
    rs_worker_partition_heard(owned, batch->result);
    if (batch->result == RS_BATCH_APPLIED || batch->result == RS_BATCH_BEHIND) {
        on_accepted(worker, owned);
    }
    switch (batch->result) {
    case RS_BATCH_APPLIED: report_conflicts(worker, owned, batch); break;
    case RS_BATCH_BEHIND: on_behind(worker, owned, batch); break;
    case RS_BATCH_FENCED: on_fenced(worker, owned, batch); break;
    case RS_BATCH_REFUSED: on_refused(worker, owned, batch); break;
    case RS_BATCH_NONE: break;
    }
}

void rs_worker_settle(struct rs_worker *worker)
{
    const struct rs_view_sink *sink = &worker->options.sink;
    struct rs_view_batch *batch = NULL;

    while ((batch = sink->ops->finished(sink->self, worker->options.index))) {
        struct rs_worker_partition *owned = rs_worker_find(worker, batch->input, batch->partition);
        worker->batches_out--;
        if (owned && owned->epoch == batch->epoch) {
            settle_one(worker, owned, batch);
        }
        rs_worker_put_batch(worker, batch);
    }
}

/* After a loss nothing of the old fences is sure, so no partition stays quiet because of one. */
void rs_worker_check_generation(struct rs_worker *worker)
{
    uint64_t generation = worker->options.sink.ops->generation(worker->options.sink.self);

    if (generation == worker->generation) {
        return;
    }
    worker->generation = generation;
    for (size_t i = 0; i < worker->owned_count; i++) {
        struct rs_worker_partition *owned = worker->owned[i];
        if (owned->state) {
            rs_partition_republish(owned->state);
            rs_worker_partition_want_scan(worker, owned);
            owned->touched = true;
            owned->quiet_until = 0;
        }
    }
}

/* ---- emitting ---- */

/* The fence of a predecessor that idled further than we did holds for what is shown, too. */
static void catch_up_shown(struct rs_worker_partition *owned)
{
    if (owned->quiet_shown_us != RS_TIME_NONE) {
        rs_partition_show(owned->state, owned->quiet_shown_us);
        owned->quiet_shown_us = RS_TIME_NONE;
    }
}

int64_t rs_worker_partition_ask_due(const struct rs_worker_partition *owned)
{
    if (!rs_phase_owns(owned->phase) || owned->in_flight > 0) {
        return RS_WORKER_NEVER;
    }
    return owned->refused ? owned->ask_again_us : owned->heard_us + ASK_EVERY_US;
}

/* Before anything else a new owner asks with an empty batch how far the partition was shown. That takes the
 * fence from whoever had it, and nothing is published that readers have seen newer. Later it asks now and
 * then where it has nothing to publish: one who was paused while claiming may have taken the partition, have
 * changed keys and be gone again, and without input neither the log nor Redis would ever tell. */
static void ask(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    struct rs_partition_status status;
    struct rs_view_batch *batch = rs_worker_get_batch(worker);

    if (!batch) {
        worker->starved = true;
        return;
    }
    rs_partition_status(owned->state, &status);
    batch->offset = owned->next_offset;
    batch->now_shown_us = status.now_shown_us;
    owned->asking = true;
    rs_worker_submit(worker, owned, batch);
}

/* After a take-over or a loss all groups are sent again: quickly, but not all at once. */
static void allow_again(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    struct rs_partition_status status;

    if (!rs_partition_republishing(owned->state)) {
        owned->again_us = worker->now_us;
        return;
    }
    rs_partition_status(owned->state, &status);
    int64_t elapsed_us = worker->now_us - owned->again_us;
    elapsed_us =
        elapsed_us > worker->options.publish_every_us ? elapsed_us : worker->options.publish_every_us;
    uint64_t rate = status.groups / AGAIN_WITHIN_S > AGAIN_RATE ? status.groups / AGAIN_WITHIN_S : AGAIN_RATE;
    uint64_t quota = rate * (uint64_t)(elapsed_us < 1000 * RS_WORKER_MS ? elapsed_us : 1000 * RS_WORKER_MS) /
                     (uint64_t)(1000 * RS_WORKER_MS);
    rs_partition_republish_quota(owned->state, quota + 1);
    owned->again_us = worker->now_us;
}

/* False when batches ran out before the partition had said everything. */
static bool emit(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    bool more = true;

    catch_up_shown(owned);
    allow_again(worker, owned);
    while (more) {
        struct rs_view_batch *batch = rs_worker_get_batch(worker);
        if (!batch) {
            return false;
        }
        more = rs_partition_emit(owned->state, batch, worker->options.batch_bytes);
        if (batch->ops.failed || batch->receipt.failed) {
            rs_partition_settle(owned->state, batch); /* out of memory: nothing of it went out */
            rs_worker_put_batch(worker, batch);
            worker->publish_due_us = worker->now_us + worker->options.publish_every_us;
            return true;
        }
        if (batch->op_count == 0) {
            rs_worker_put_batch(worker, batch);
            break;
        }
        worker->batches_submitted++;
        worker->operations += batch->op_count;
        rs_worker_partition_carries(owned, batch);
        rs_worker_submit(worker, owned, batch);
    }
    owned->touched = rs_partition_republishing(owned->state);
    owned->arrived_us = RS_TIME_NONE;
    return true;
}

/* An interval counts from one round to the next, so that after a silence the first change goes out at once. A
 * partition that leaves does not wait for it. Partitions take turns at the batches, so that a large one
 * cannot starve the others. */
void rs_worker_publish(struct rs_worker *worker)
{
    bool due = worker->now_us >= worker->publish_due_us || worker->starved;
    uint64_t before = worker->batches_submitted;

    worker->starved = false;
    for (size_t i = 0; i < worker->owned_count && !worker->starved; i++) {
        size_t at = (worker->publish_next + i) % worker->owned_count;
        struct rs_worker_partition *owned = worker->owned[at];
        bool ask_now =
            (!owned->asked && !owned->refused) || worker->now_us >= rs_worker_partition_ask_due(owned);
        if (rs_phase_owns(owned->phase) && ask_now && !owned->asking) {
            ask(worker, owned);
        }
        rs_worker_partition_scan(worker, owned);
        uint64_t submitted = worker->batches_submitted;
        if (!rs_worker_partition_publishable(owned) || !(due || rs_phase_drains(owned->phase))) {
            continue;
        }
        if (!emit(worker, owned)) {
            worker->starved = true;
            worker->publish_next =
                submitted == worker->batches_submitted ? at : (at + 1) % worker->owned_count;
        }
    }
    if (before == worker->batches_submitted) {
        return;
    }
    worker->publish_due_us = worker->now_us + worker->options.publish_every_us;
    if (due && !worker->starved && worker->dirty_since_us != 0) {
        rs_histogram_add(&worker->durations.publish,
                         rs_clock_mono(worker->options.clock) - worker->dirty_since_us);
        worker->dirty_since_us = 0;
    }
}
