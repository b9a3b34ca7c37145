#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sink/redis/internal.h"
#include "sink/redis/rights.h"

#define BACKOFF_MIN_US  INT64_C(50000)
#define BACKOFF_MAX_US  INT64_C(2000000)
#define REPORT_EVERY_US INT64_C(10000000)

void rs_redis_writer_finish_head(struct rs_redis_writer *w)
{
    struct rs_view_batch *batch = rs_view_batches_pop(&w->queue);
    if (batch->result != RS_BATCH_APPLIED) {
        rs_buf_reset(&batch->conflicts);
    }
    rs_redis_counts_finished(&w->counts, batch, w->queue.first);
    w->host.finished(w->host.self, batch);
}

static int64_t backoff_us(struct rs_redis_writer *w)
{
    unsigned shift = w->attempts < 6 ? w->attempts : 6;
    int64_t full = BACKOFF_MIN_US << shift;
    full = full > BACKOFF_MAX_US ? BACKOFF_MAX_US : full;
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return full / 2 + (int64_t)(w->random % (uint64_t)(full / 2 + 1));
}

static void rewind_native(struct rs_redis_native *native)
{
    native->phase = RS_NATIVE_PLAIN;
    native->ready.batch = NULL;
    native->busy = false;
    native->batch = NULL;
    native->scripted = false;
    native->firsts_of = NULL;
}

/* Everything unanswered is sent again, from the first call of its batch: a call that arrived does no harm
 * twice. */
void rs_redis_writer_rewind(struct rs_redis_writer *w)
{
    for (struct rs_view_batch *batch = w->queue.first; batch; batch = batch->next) {
        batch->result = RS_BATCH_NONE;
        rs_buf_reset(&batch->conflicts);
    }
    w->next = w->queue.first;
    w->cursor = (struct rs_redis_cursor){0};
    w->calls = (struct rs_redis_calls){0};
    w->checks_inflight = 0;
    w->meta_inflight = false;
    rewind_native(&w->native);
}

/* The connection goes, and with it what Redis still had to answer; all of that is sent again. The same
 * fault is reported every ten seconds at most, and only then are missing rights asked for, which takes a
 * connection. */
void rs_redis_writer_fail(struct rs_redis_writer *w, enum rs_redis_fault fault, bool write, const char *text)
{
    int64_t now = rs_redis_writer_now(w);
    bool report = fault != w->reported || now - w->report_us >= REPORT_EVERY_US;
    char message[RS_ERROR_TEXT_MAX];
    snprintf(message, sizeof message, "Redis: %s (%s: %s)", text, rs_redis_fault_name(fault),
             rs_redis_fault_hint(fault));
    if (fault == RS_REDIS_NOPERM && report) {
        rs_redis_rights_text(w->host.config, w->rights, sizeof w->rights);
    }
    if (fault == RS_REDIS_NOPERM && w->rights[0] != '\0') {
        memcpy(message, w->rights, sizeof w->rights);
    }
    if (w->context) {
        redisFree(w->context);
        w->context = NULL;
    }
    rs_redis_writer_rewind(w);
    w->fault = fault;
    w->write_fault = write;
    w->suspect |= fault == RS_REDIS_READONLY || fault == RS_REDIS_MASTERDOWN;
    w->retry_us = now + backoff_us(w);
    w->attempts++;
    rs_redis_counts_connected(&w->counts, false);
    rs_redis_counts_error(&w->counts, fault, message);
    if (report) {
        w->reported = fault;
        w->report_us = now;
        w->mending = true;
        rs_report(&w->host.report, RS_LOG_ERROR, "%s", message);
    }
}

/* An answered check does not end a fault of writing: a Redis that refuses to write may well answer reads. */
void rs_redis_writer_succeed(struct rs_redis_writer *w, bool write)
{
    if (w->write_fault && !write) {
        return;
    }
    w->attempts = 0;
    w->write_fault = false;
    if (w->fault == RS_REDIS_FINE) {
        return;
    }
    w->fault = RS_REDIS_FINE;
    rs_redis_counts_fault(&w->counts, RS_REDIS_FINE);
    if (w->mending) { /* `reported` stays: what comes and goes is reported every ten seconds, not each time */
        w->mending = false;
        rs_report(&w->host.report, RS_LOG_INFO, "Redis: writing again");
    }
}

bool rs_redis_writer_is_other_server(const struct rs_redis_writer *w, const char *run_id)
{
    return run_id[0] != '\0' && w->run_id[0] != '\0' && strcmp(run_id, w->run_id) != 0;
}

void rs_redis_writer_lose_server(struct rs_redis_writer *w, uint64_t generation, const char *how)
{
    w->host.lost(w->host.self, generation, how);
    rs_redis_fences_forget(&w->fences);
}

/* ---- sending ---- */

/* With nothing under way the time-out begins anew: Redis had nothing to answer until now. */
int rs_redis_writer_append(struct rs_redis_writer *w, const struct rs_buf *command, struct rs_redis_call call)
{
    if (redisAppendFormattedCommand(w->context, (const char *)command->data, command->size) != REDIS_OK) {
        return RS_ENOMEM;
    }
    call.bytes = command->size;
    call.sent_us = rs_redis_writer_now(w);
    if (w->calls.count == 0) {
        w->progress_us = call.sent_us;
    }
    rs_redis_calls_push(&w->calls, &call);
    return 0;
}

bool rs_redis_writer_writes_meta(const struct rs_redis_writer *w)
{
    return w->number == 0 && w->host.meta_count > 0 && !w->meta_inflight;
}

bool rs_redis_writer_meta_due(const struct rs_redis_writer *w)
{
    return rs_redis_writer_writes_meta(w) &&
           (w->meta_wanted || w->meta_generation != w->host.generation(w->host.self));
}

bool rs_redis_writer_checks_due(const struct rs_redis_writer *w)
{
    return rs_redis_writer_meta_due(w) || (w->checks_inflight == 0 && rs_redis_writer_now(w) >= w->check_us);
}

/* ---- answers ---- */

void rs_redis_writer_note_replaced(struct rs_redis_writer *w, uint32_t count)
{
    if (count == 0) {
        return;
    }
    rs_redis_counts_replaced(&w->counts, count);
    rs_report(&w->host.report, RS_LOG_WARNING,
              "Redis: %" PRIu32 " keys under %s: held another type and were replaced; does "
              "another program write there?",
              count, w->host.config->prefix);
}

/* False: the fence is as good as it was. */
bool rs_redis_writer_judge_loss(struct rs_redis_writer *w, struct rs_redis_fence_entry *entry,
                                const struct rs_redis_fence *found)
{
    if (!rs_redis_fence_lost(entry, found)) {
        return false;
    }
    if (found) {
        w->host.lost(w->host.self, entry->generation, "writes that Redis had acknowledged are gone");
    } else {
        w->host.gone(w->host.self, entry->generation, entry->evicted);
    }
    return true;
}

/* What was found is compared with what we expected before the new is noted. A batch that was BEHIND has
 * left the offset that Redis held under our token. */
static void watch_fence(struct rs_redis_writer *w, const struct rs_view_batch *batch,
                        const struct rs_redis_answer *answer)
{
    struct rs_redis_fence_entry *entry = rs_redis_fences_at(&w->fences, batch);
    if (!entry) {
        return;
    }
    rs_redis_writer_judge_loss(w, entry, answer->found ? &answer->fence : NULL);
    entry->owned = answer->result < RS_BATCH_FENCED;
    entry->evicted = w->host.evicted(w->host.self);
    entry->fence = rs_redis_fence_of(batch);
    if (answer->result == RS_BATCH_BEHIND) {
        entry->fence.offset = answer->fence.offset;
        entry->fence.now_shown_us = answer->fence.now_shown_us;
    }
    entry->generation = w->host.generation(w->host.self);
}

/* The fence is judged before the batch is handed back, so that a loss has raised the generation by then. */
void rs_redis_writer_settle(struct rs_redis_writer *w, struct rs_view_batch *batch, bool last,
                            const struct rs_redis_answer *answer)
{
    watch_fence(w, batch, answer);
    batch->fence_old = answer->fence_old;
    if (answer->lost) {
        w->host.lost(w->host.self, w->host.generation(w->host.self),
                     "an index or owner key held another type");
    }
    rs_redis_writer_note_replaced(w, answer->replaced);
    if (answer->result > batch->result) { /* of several calls the worst: the batch is then published anew */
        batch->result = answer->result;
    }
    if (answer->found && rs_batch_hears_fence(batch, answer->result)) {
        batch->fence_offset = answer->fence.offset;
        batch->fence_now_shown_us = answer->fence.now_shown_us;
    }
    rs_redis_writer_succeed(w, true);
    if (last) {
        RS_ASSERT(batch == w->queue.first);
        if (w->native.firsts_of == batch) {
            w->native.firsts_of = NULL; /* the room goes round, and is another batch then */
        }
        rs_redis_writer_finish_head(w);
    }
}
