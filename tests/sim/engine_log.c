#include "tests/sim/engine_log.h"

#include <stdlib.h>
#include <string.h>

static void batch_fini(struct engine_batch *batch)
{
    rs_buf_fini(&batch->head);
    rs_buf_fini(&batch->chunks);
}

void engine_log_give_up(struct engine_log *log)
{
    rs_buf_reset(&log->filling.head);
    rs_buf_reset(&log->filling.chunks);
    log->open = log->sweeping = false;
}

void engine_log_free(struct engine_log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        batch_fini(&log->batches[i]);
    }
    batch_fini(&log->filling);
    free(log->batches);
}

void engine_log_begin(struct engine_log *log, struct rs_partition *p, struct rs_state_plan plan)
{
    if (plan.sweep_begins) {
        log->sweeping = true;
        log->sweep_from = log->count;
    }
    log->open = true;
    rs_partition_seal_begin(p, plan);
}

static void forget_before(struct engine_log *log, size_t from)
{
    for (size_t i = 0; i < from; i++) {
        batch_fini(&log->batches[i]);
    }
    memmove(log->batches, log->batches + from, (log->count - from) * sizeof *log->batches);
    log->count -= from;
}

static void seal(struct engine_log *log, struct rs_partition *p)
{
    struct rs_slice head;
    bool sweep_ends = false;
    rs_partition_seal_end(p, &log->filling.seal, &head, &sweep_ends);
    rs_buf_put(&log->filling.head, head.data, head.size);
    if (log->count == log->capacity) {
        log->capacity = log->capacity * 2 + 8;
        log->batches = realloc(log->batches, log->capacity * sizeof *log->batches);
    }
    log->batches[log->count++] = log->filling;
    log->filling = (struct engine_batch){0};
    log->open = false;
    if (sweep_ends) {
        forget_before(log, log->sweep_from);
        log->sweeping = false;
    }
}

bool engine_log_step(struct engine_log *log, struct rs_partition *p)
{
    struct rs_slice chunk;
    switch (rs_partition_seal_step(p, &chunk)) {
    case RS_SEAL_WORKING: break;
    case RS_SEAL_CHUNK: {
        uint32_t size = (uint32_t)chunk.size;
        rs_buf_put(&log->filling.chunks, &size, sizeof size);
        rs_buf_put(&log->filling.chunks, chunk.data, chunk.size);
        rs_partition_seal_taken(p);
        break;
    }
    case RS_SEAL_COMPLETE: seal(log, p); break;
    case RS_SEAL_FAILED: return false;
    }
    return true;
}

int engine_log_restore_batch(const struct engine_batch *batch, struct rs_partition *fresh,
                             struct rs_error *error)
{
    int rc = rs_partition_restore_batch(fresh, rs_buf_slice(&batch->head), error);
    for (size_t at = 0; rc == 0 && at < batch->chunks.size;) {
        uint32_t size;
        memcpy(&size, batch->chunks.data + at, sizeof size);
        rc = rs_partition_restore_chunk(fresh, rs_slice_of(batch->chunks.data + at + sizeof size, size),
                                        error);
        at += sizeof size + size;
    }
    return rc;
}

int engine_log_restore(const struct engine_log *log, struct rs_partition *fresh, int64_t *next,
                       struct rs_error *error)
{
    struct rs_buf notes = {0};
    int rc = 0;
    *next = 0;
    if (log->count == 0) {
        rs_partition_seal_enable(fresh, 0);
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < log->count; i++) {
        rc = engine_log_restore_batch(&log->batches[i], fresh, error);
    }
    if (rc == 0) {
        *next = log->batches[log->count - 1].seal.next_offset;
        rc = rs_partition_restore_end(fresh, &log->batches[log->count - 1].seal, &notes, error);
    }
    rs_buf_fini(&notes);
    return rc;
}
