/* View batches: a fixed number of them goes round between the worker and the sink. */
#include "transform/worker/internal.h"

int rs_worker_batches_new(struct rs_worker *worker, struct rs_error *error)
{
    for (uint32_t i = 0; i < worker->options.batches; i++) {
        struct rs_view_batch *batch = rs_view_batch_new();
        if (!batch) {
            return rs_fail(error, RS_ENOMEM, "worker: out of memory");
        }
        rs_worker_put_batch(worker, batch);
    }
    return 0;
}

void rs_worker_batches_free(struct rs_worker *worker)
{
    while (worker->free_batches) {
        struct rs_view_batch *batch = worker->free_batches;
        worker->free_batches = batch->next;
        rs_view_batch_free(&batch);
    }
}

struct rs_view_batch *rs_worker_get_batch(struct rs_worker *worker)
{
    struct rs_view_batch *batch = worker->free_batches;

    if (batch) {
        worker->free_batches = batch->next;
        rs_view_batch_reset(batch);
    }
    return batch;
}

void rs_worker_put_batch(struct rs_worker *worker, struct rs_view_batch *batch)
{
    batch->next = worker->free_batches;
    worker->free_batches = batch;
}

/* What the answer will be judged by goes with the batch: the epoch tells whether the claim is still the
 * same, and by the token Redis refuses whoever is not the latest. Time without an answer (heard_us) counts
 * from the first batch under way, not from each, since any answer shows that Redis is there. Takes the
 * batch. */
void rs_worker_submit(struct rs_worker *worker, struct rs_worker_partition *owned,
                      struct rs_view_batch *batch)
{
    batch->stream = owned->stream->first;
    batch->input = owned->stream->index;
    batch->stream_name = rs_stream_input(owned->stream);
    batch->topic = owned->stream->topic;
    batch->owner_topic = owned->stream->listed ? owned->stream->topic : NULL;
    batch->partition = owned->partition;
    batch->worker = worker->options.index;
    batch->epoch = owned->epoch;
    batch->submitted_us = worker->now_us;
    batch->token = owned->token;
    batch->fence_now_shown_us = RS_TIME_NONE;
    worker->batches_out++;
    owned->heard_us = owned->in_flight == 0 ? worker->now_us : owned->heard_us;
    owned->in_flight++;
    worker->options.sink.ops->submit(worker->options.sink.self, &batch);
}
