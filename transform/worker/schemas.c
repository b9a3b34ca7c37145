/* Records whose schema the registry was asked for. Most answers come at once, and the run is held for them. Where
 * one takes longer, the partition alone waits: it gives the run back and is not read, while the others of the
 * worker go on. What it has is published and sealed all the same. */
#include <inttypes.h>

#include "transform/worker/internal.h"

#define HOLD_US       (50 * RS_WORKER_MS) /* a registry nearby answers within a few milliseconds */
#define AGAIN_US      (20 * RS_WORKER_MS) /* between looks whether the answer has come */
#define TELL_AGAIN_US (30000 * RS_WORKER_MS)
#define TELL_US       (1000 * RS_WORKER_MS) /* short waits are not worth a line */

bool rs_worker_await_schema(struct rs_worker *worker, struct rs_worker_partition *owned, bool progress)
{
    const struct rs_source *source = &worker->options.source;
    struct rs_registry_key key;

    if (!rs_partition_wants_schema(owned->state, &key)) {
        return false;
    }
    if (progress || worker->waiting != RS_WAITING_SCHEMA) {
        worker->schema_since_us = worker->now_us;
    }
    if (worker->now_us - worker->schema_since_us < HOLD_US) {
        rs_worker_set_waiting(worker, RS_WAITING_SCHEMA);
        worker->retry_us = worker->now_us + RS_WORKER_RETRY_US;
        return true;
    }
    owned->wants_schema = true;
    owned->schema_offset = worker->held.records[0].offset;
    owned->schema_since_us = worker->now_us;
    owned->schema_due_us = worker->now_us + AGAIN_US;
    rs_worker_release_run(worker);
    source->ops->pause(source->self, owned->stream->index, owned->partition);
    return true;
}

static void report(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    struct rs_error why;
    struct rs_registry_key key;
    char name[RS_REGISTRY_KEY_TEXT];

    if (owned->error[0] != '\0' && worker->now_us - owned->error_reported_us < TELL_AGAIN_US) {
        return; /* reasons may take turns, of several URLs */
    }
    if (worker->now_us - owned->schema_since_us >= TELL_US && rs_partition_wants_schema(owned->state, &key)) {
        rs_registry_key_name(&key, name);
        rs_partition_schema_why(owned->state, &why);
        rs_worker_partition_trouble(
            worker, owned, RS_LOG_WARNING,
            "stream %s partition %" PRId32 " waits at offset %" PRId64 " for schema %s: %s",
            rs_stream_label(owned->stream), owned->partition, owned->schema_offset, name, why.text);
    }
}

static void look(struct rs_worker *worker, struct rs_worker_partition *owned)
{
    const struct rs_source *source = &worker->options.source;
    struct rs_cause cause = {0};

    owned->schema_due_us = worker->now_us + AGAIN_US;
    if (rs_partition_ask_schema(owned->state)) {
        report(worker, owned);
        return;
    }
    owned->wants_schema = false;
    if (source->ops->start(source->self, owned->stream->index, owned->partition, owned->schema_offset,
                           &cause.error) != 0) {
        (void)rs_worker_partition_event_with(worker, owned, RS_LIFE_SOURCE_STOPPED, &cause);
    }
}

/* Backwards: one that fails may go. */
void rs_worker_schemas(struct rs_worker *worker)
{
    for (size_t i = worker->owned_count; i-- > 0;) {
        struct rs_worker_partition *owned = worker->owned[i];
        if (owned->wants_schema && rs_phase_reads(owned->phase) && worker->now_us >= owned->schema_due_us) {
            look(worker, owned);
        }
    }
}
