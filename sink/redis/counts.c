#include "sink/redis/counts.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void rs_redis_counts_init(struct rs_redis_counts *counts, const struct rs_clock *clock)
{
    memset(counts, 0, sizeof *counts);
    pthread_mutex_init(&counts->lock, NULL);
    counts->clock = clock;
}

void rs_redis_counts_fini(struct rs_redis_counts *counts)
{
    pthread_mutex_destroy(&counts->lock);
}

void rs_redis_counts_connected(struct rs_redis_counts *counts, bool connected)
{
    pthread_mutex_lock(&counts->lock);
    if (counts->status.connected != connected) {
        counts->status.connected = connected;
        counts->status.since_us = rs_clock_wall(counts->clock);
    }
    counts->status.connects += connected;
    pthread_mutex_unlock(&counts->lock);
}

void rs_redis_counts_error(struct rs_redis_counts *counts, enum rs_redis_fault fault, const char *text)
{
    pthread_mutex_lock(&counts->lock);
    counts->status.errors++;
    counts->status.fault = fault;
    counts->status.last_error_us = rs_clock_wall(counts->clock);
    size_t size = strlen(text);
    size_t most = sizeof counts->status.last_error - 1;
    size = size > most ? rs_utf8_cut((const uint8_t *)text, most) : size; /* paths hold any script */
    memcpy(counts->status.last_error, text, size);
    counts->status.last_error[size] = '\0';
    pthread_mutex_unlock(&counts->lock);
}

void rs_redis_counts_fault(struct rs_redis_counts *counts, enum rs_redis_fault fault)
{
    pthread_mutex_lock(&counts->lock);
    counts->status.fault = fault;
    pthread_mutex_unlock(&counts->lock);
}

void rs_redis_counts_submitted(struct rs_redis_counts *counts, const struct rs_view_batch *batch)
{
    pthread_mutex_lock(&counts->lock);
    if (counts->status.queued++ == 0) {
        counts->oldest_taken_us = batch->taken_us;
    }
    pthread_mutex_unlock(&counts->lock);
}

static void count_operations(const struct rs_view_batch *batch, struct rs_redis_status *status)
{
    struct rs_op op;
    size_t cursor = 0;
    while (rs_batch_next(batch, &cursor, &op)) {
        status->views += op.kind == RS_OP_VIEW;
        status->history += op.kind == RS_OP_HISTORY;
        status->drops += op.kind == RS_OP_DROP;
    }
}

/* Where the next batch is not known here, it was submitted after this one, whose time then stands for it
 * until it is finished: its age may look too high, and never too low. */
void rs_redis_counts_finished(struct rs_redis_counts *counts, const struct rs_view_batch *batch,
                              const struct rs_view_batch *head)
{
    struct rs_redis_status *status = &counts->status;
    pthread_mutex_lock(&counts->lock);
    status->queued--;
    if (status->queued == 0) {
        counts->oldest_taken_us = 0;
    } else {
        counts->oldest_taken_us = head ? head->taken_us : batch->taken_us;
    }
    status->behind += batch->result == RS_BATCH_BEHIND;
    status->fenced += batch->result == RS_BATCH_FENCED;
    if (batch->result == RS_BATCH_APPLIED) {
        status->batches++;
        status->conflicts += batch->conflicts.size / sizeof(uint32_t);
        count_operations(batch, status);
    }
    pthread_mutex_unlock(&counts->lock);
}

void rs_redis_counts_replaced(struct rs_redis_counts *counts, uint32_t keys)
{
    pthread_mutex_lock(&counts->lock);
    counts->status.replaced += keys;
    pthread_mutex_unlock(&counts->lock);
}

void rs_redis_counts_answered(struct rs_redis_counts *counts, size_t bytes, int64_t duration_us)
{
    pthread_mutex_lock(&counts->lock);
    rs_histogram_add(&counts->status.round_trips, duration_us);
    counts->status.bytes += bytes;
    pthread_mutex_unlock(&counts->lock);
}

static void add_counters(const struct rs_redis_status *from, struct rs_redis_status *out)
{
    out->batches += from->batches;
    out->views += from->views;
    out->history += from->history;
    out->drops += from->drops;
    out->bytes += from->bytes;
    out->conflicts += from->conflicts;
    out->behind += from->behind;
    out->fenced += from->fenced;
    out->replaced += from->replaced;
    out->connects += from->connects;
    out->errors += from->errors;
    out->queued += from->queued;
    rs_histogram_merge(&out->round_trips, &from->round_trips);
}

void rs_redis_counts_add_to(struct rs_redis_counts *counts, struct rs_redis_status *out)
{
    int64_t now_us = rs_clock_mono(counts->clock);
    pthread_mutex_lock(&counts->lock);
    const struct rs_redis_status *from = &counts->status;
    int64_t age_us = counts->oldest_taken_us ? now_us - counts->oldest_taken_us : 0;
    out->connected = out->connected && from->connected;
    out->since_us = from->since_us > out->since_us ? from->since_us : out->since_us;
    out->oldest_us = age_us > out->oldest_us ? age_us : out->oldest_us;
    out->fault = out->fault == RS_REDIS_FINE ? from->fault : out->fault;
    if (from->last_error_us > out->last_error_us) {
        out->last_error_us = from->last_error_us;
        memcpy(out->last_error, from->last_error, sizeof out->last_error);
    }
    add_counters(from, out);
    pthread_mutex_unlock(&counts->lock);
}
