/* Taking a partition over: claim, restore, run. Actions of lifecycle.c.
 *
 * Two may claim at once, as after a rebalance of which one has not heard yet:
 *
 *     log   … seal │ CLAIM of a │ CLAIM of b │ batch of a: void │ batch of b
 *     a     restores up to its claim, runs, and hears of b by the gap in its own offsets (LOST) or at the fence
 *           (FENCED): it drops the partition, and claims again only if it still has it after a while
 *     b     restores up to its own claim, so that nothing counts that a has appended behind it */
#include <inttypes.h>
#include <string.h>

#include "transform/worker/internal.h"

/* ---- the claim ---- */

/* The state is there before the claim is sent, so that memory that is short stops nobody who has the
 * partition now. It stays for the next try where only the log refused. */
enum rs_life rs_claim_send(struct rs_worker *worker, struct rs_worker_partition *owned,
                           struct rs_cause *cause)
{
    const struct rs_state_log *log = &worker->options.log;
    int rc = 0;

    if (!owned->state) {
        rc = rs_partition_new(worker->options.engine, owned->stream->index, owned->partition, &owned->state,
                              &cause->error);
    }
    if (rc == 0) {
        rc = log->ops->claim(log->self, rs_worker_partition_id(worker, owned), owned->start, &cause->error);
    }
    return rc == 0 ? RS_LIFE_NONE : RS_LIFE_NOT_CLAIMED;
}

enum rs_life rs_claim_later(struct rs_worker *worker, struct rs_worker_partition *owned,
                            struct rs_cause *cause)
{
    owned->claim_due_us = worker->now_us + RS_WORKER_AGAIN_US;
    rs_worker_partition_trouble(worker, owned, RS_LOG_ERROR,
                                "stream %s partition %" PRId32 ": cannot take it over yet: %s",
                                rs_stream_label(owned->stream), owned->partition, cause->error.text);
    return RS_LIFE_NONE;
}

/* ---- restoring ---- */

static enum rs_life restored(int rc, const struct rs_error *error)
{
    if (rc == 0) {
        return RS_LIFE_NONE;
    }
    return error->class == RS_CLASS_RETRY ? RS_LIFE_UNREADY : RS_LIFE_UNREADABLE;
}

/* A piece of the state, in the order of the log. VOID: what came so far does not count, it begins anew. */
enum rs_life rs_claim_restore(struct rs_worker *worker, struct rs_worker_partition *owned,
                              struct rs_cause *cause)
{
    const struct rs_state_event *event = cause->log;
    struct rs_error *error = &cause->error;
    int rc = 0;

    switch (event->kind) {
    case RS_STATE_BATCH:
        owned->next_offset = event->seal.next_offset; /* so that the lag of one that stops here is told */
        rc = rs_partition_restore_batch(owned->state, event->bytes, error);
        break;
    case RS_STATE_CHUNK: rc = rs_partition_restore_chunk(owned->state, event->bytes, error); break;
    default: /* VOID */
        owned->next_offset = 0;
        rs_worker_partition_free_state(worker, owned);
        rc = rs_partition_new(worker->options.engine, owned->stream->index, owned->partition, &owned->state,
                              error);
        break;
    }
    return restored(rc, error);
}

static void report_notes(struct rs_worker *worker)
{
    struct rs_slice rest = rs_buf_slice(&worker->notes);

    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = !end ? rest.size : (size_t)(end - rest.data);
        rs_report(&worker->options.report, RS_LOG_WARNING, "%.*s", (int)size, (const char *)rest.data);
        size += size < rest.size ? 1 : 0;
        rest = rs_slice_of(rest.data + size, rest.size - size);
    }
    rs_buf_reset(&worker->notes);
}

/* The oldest record may have any offset: then the first one tells. */
static int64_t start_of(const struct rs_state_event *event)
{
    return event->seal.next_offset >= 0 ? event->seal.next_offset : 0;
}

static int begin_state(struct rs_worker *worker, struct rs_worker_partition *owned,
                       const struct rs_state_event *event, struct rs_error *error)
{
    int rc = 0;

    if (event->sealed) {
        rc = rs_partition_restore_end(owned->state, &event->seal, &worker->notes, error);
        report_notes(worker);
    } else if (rs_worker_log_is_durable(worker)) {
        rs_partition_seal_enable(owned->state, start_of(event));
    }
    return rc;
}

enum rs_life rs_claim_won(struct rs_worker *worker, struct rs_worker_partition *owned, struct rs_cause *cause)
{
    owned->next_offset = start_of(cause->log);
    int rc = begin_state(worker, owned, cause->log, &cause->error);
    return rc == 0 ? RS_LIFE_RESTORED : restored(rc, &cause->error);
}

/* The input begins where the last seal ended, which is what makes the state a fold of the whole input:
 * nothing is left out and nothing comes twice. Whatever the owner before had published beyond that, this one
 * does again, and the fence keeps it from showing that as older values. */
enum rs_life rs_claim_run(struct rs_worker *worker, struct rs_worker_partition *owned, struct rs_cause *cause)
{
    const struct rs_source *source = &worker->options.source;
    const struct rs_state_event *event = cause->log;

    rs_worker_partition_begin_counting(worker, owned);
    owned->records_us = worker->now_us;
    rs_worker_partition_want_scan(worker, owned);
    owned->wants_schema = false;
    owned->token = event->token;
    owned->committed = event->sealed ? event->seal.next_offset : -1;
    owned->touched = true;
    owned->unsure = 0;
    owned->again_us = worker->now_us;
    owned->commit_due_us = worker->now_us + worker->options.commit_every_us;
    owned->commit_silent_us = worker->now_us + rs_worker_partition_silence_us(worker, owned);
    if (source->ops->start(source->self, owned->stream->index, owned->partition, event->seal.next_offset,
                           &cause->error) != 0) {
        return RS_LIFE_FAILED;
    }
    if (event->sealed && source->ops->committed) { /* the owner that sealed it may not have lived to say so */
        source->ops->committed(source->self, owned->stream->index, owned->partition, event->seal.next_offset);
    }
    return RS_LIFE_NONE;
}
