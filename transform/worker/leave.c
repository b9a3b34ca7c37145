/* A partition that is to go, or comes back: serving on, draining, letting go, keeping. Actions of
 * lifecycle.c. */
#include <stdlib.h>
#include <string.h>

#include "transform/worker/internal.h"

#define SERVE_ON_US (30000 * RS_WORKER_MS) /* a partition that nobody else claims */

/* ---- going ---- */

/* A batch is due at once and then every now and then, even without news: an append is how this instance hears
 * of the next owner's claim. A log that is not durable knows no claims of others, so that nothing would end
 * the serving. */
enum rs_life rs_leave_serve_on(struct rs_worker *worker, struct rs_worker_partition *owned,
                               struct rs_cause *cause)
{
    (void)cause;
    if (!rs_worker_log_is_durable(worker)) {
        return RS_LIFE_SERVED;
    }
    if (owned->committed <= 0 && !rs_worker_partition_unsealed(owned)) {
        return RS_LIFE_LEFT; /* there is nothing yet to show or to seal, nor would a seal tell of a claim */
    }
    owned->leave_by_us = worker->now_us + SERVE_ON_US;
    owned->commit_due_us = owned->commit_silent_us = worker->now_us;
    return RS_LIFE_NONE;
}

/* No more input: what is dirty is published and sealed. */
enum rs_life rs_leave_drain(struct rs_worker *worker, struct rs_worker_partition *owned,
                            struct rs_cause *cause)
{
    (void)cause;
    owned->commit_due_us = worker->now_us;
    owned->leave_by_us = worker->now_us + worker->options.leave_within_us;
    return RS_LIFE_NONE;
}

/* What is dirty goes out first, then the last batch; whichever does not happen in time is left to the
 * successor, which folds the same records again. */
bool rs_leave_done(const struct rs_worker *worker, const struct rs_worker_partition *owned)
{
    if (worker->now_us >= owned->leave_by_us) {
        return true;
    }
    if (rs_worker_partition_publishable(owned) || owned->in_flight > 0) {
        return false;
    }
    return owned->commit == RS_COMMIT_NOT && !rs_worker_partition_unsealed(owned);
}

/* The log is released before the source hears that the worker is done: whoever gets the partition next, be it
 * another worker of this process, finds no trace of this ownership. Frees `owned`. */
enum rs_life rs_leave_let_go(struct rs_worker *worker, struct rs_worker_partition *owned,
                             struct rs_cause *cause)
{
    size_t at = 0;

    (void)cause;
    while (worker->owned[at] != owned) {
        at++;
    }
    rs_worker_partition_forget_run(worker, owned);
    worker->options.log.ops->release(worker->options.log.self, rs_worker_partition_id(worker, owned));
    worker->options.source.ops->done(worker->options.source.self, owned->stream->index, owned->partition);
    memmove(&worker->owned[at], &worker->owned[at + 1],
            (worker->owned_count - at - 1) * sizeof(struct rs_worker_partition *));
    worker->owned_count--;
    rs_worker_partition_free_state(worker, owned);
    free(owned->counted);
    free(owned);
    return RS_LIFE_NONE;
}

/* ---- coming back ---- */

/* The log tells at once whether another has claimed it meanwhile, and is listened to for a while, since a
 * claim may still be under way. */
enum rs_life rs_leave_keep(struct rs_worker *worker, struct rs_worker_partition *owned,
                           struct rs_cause *cause)
{
    (void)cause;
    owned->kept_us = worker->now_us;
    owned->kept_reclaims = 0;
    owned->commit_silent_us = worker->now_us;
    return RS_LIFE_NONE;
}

enum rs_life rs_leave_keep_claim(struct rs_worker *worker, struct rs_worker_partition *owned,
                                 struct rs_cause *cause)
{
    owned->claim_due_us = worker->now_us;
    return rs_leave_keep(worker, owned, cause);
}

/* While it left, records were passed over. */
enum rs_life rs_leave_keep_reading(struct rs_worker *worker, struct rs_worker_partition *owned,
                                   struct rs_cause *cause)
{
    const struct rs_source *source = &worker->options.source;
    int64_t from = owned->next_offset > 0 ? owned->next_offset : RS_OFFSET_BEGINNING;

    (void)rs_leave_keep(worker, owned, cause);
    rs_worker_partition_forget_run(worker, owned);
    owned->at_end = false;
    owned->wants_schema = false;
    int rc = source->ops->start(source->self, owned->stream->index, owned->partition, from, &cause->error);
    return rc == 0 ? RS_LIFE_NONE : RS_LIFE_FAILED;
}
