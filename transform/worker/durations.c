/* How long things take, for those who watch: from arrival to what readers see, batches, seals, turns. */
#include "transform/worker/internal.h"

/* Of the records that no batch has shown so far, the oldest one tells. Kafka's time of it is the broker's or the
 * producer's wall clock. */
void rs_worker_partition_arrived(struct rs_worker_partition *owned, const struct rs_record *oldest)
{
    if (owned->arrived_us == RS_TIME_NONE) {
        owned->arrived_us = oldest->timestamp_us;
    }
}

/* A batch without anything new, such as of groups that are sent again, says nothing of delays. */
void rs_worker_partition_carries(const struct rs_worker_partition *owned, struct rs_view_batch *batch)
{
    struct rs_partition_status status;

    batch->arrived_us = owned->arrived_us;
    batch->event_us = RS_TIME_NONE;
    if (owned->arrived_us != RS_TIME_NONE) {
        rs_partition_status(owned->state, &status);
        batch->event_us = status.stream_time_us;
    }
}

static void add_since(struct rs_histogram *histogram, int64_t now_us, int64_t since_us)
{
    int64_t us = 0;

    if (since_us != RS_TIME_NONE && !__builtin_sub_overflow(now_us, since_us, &us)) {
        rs_histogram_add(histogram, us);
    }
}

void rs_worker_answered(struct rs_worker *worker, const struct rs_worker_partition *owned,
                        const struct rs_view_batch *batch)
{
    struct rs_worker_delays *delays = &worker->delays[owned->stream->first];

    if (batch->result != RS_BATCH_APPLIED || batch->op_count == 0) {
        return;
    }
    int64_t wall_us = rs_clock_wall(worker->options.clock);
    rs_histogram_add(&worker->durations.batch, worker->now_us - batch->submitted_us);
    add_since(&delays->arrival, wall_us, batch->arrived_us);
    add_since(&delays->event, wall_us, batch->event_us);
}
