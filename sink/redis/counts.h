/* redis counts: what one writer has done and suffered, for whoever asks.
 * Thread: any. */
#ifndef RS_SINK_REDIS_COUNTS_H
#define RS_SINK_REDIS_COUNTS_H

#include <pthread.h>

#include "base/clock.h"
#include "base/view.h"
#include "sink/redis/status.h"

struct rs_redis_counts {
    pthread_mutex_t lock;
    const struct rs_clock *clock;
    struct rs_redis_status status;
    int64_t oldest_taken_us; /* of the oldest unfinished batch; 0: there is none */
};

void rs_redis_counts_init(struct rs_redis_counts *counts, const struct rs_clock *clock);
void rs_redis_counts_fini(struct rs_redis_counts *counts);

void rs_redis_counts_connected(struct rs_redis_counts *counts, bool connected);
void rs_redis_counts_error(struct rs_redis_counts *counts, enum rs_redis_fault fault, const char *text);
void rs_redis_counts_fault(struct rs_redis_counts *counts, enum rs_redis_fault fault);
void rs_redis_counts_submitted(struct rs_redis_counts *counts, const struct rs_view_batch *batch);
/* `head`: the oldest unfinished batch now; NULL: not known here. */
void rs_redis_counts_finished(struct rs_redis_counts *counts, const struct rs_view_batch *batch,
                              const struct rs_view_batch *head);
void rs_redis_counts_replaced(struct rs_redis_counts *counts, uint32_t keys);
void rs_redis_counts_answered(struct rs_redis_counts *counts, size_t bytes, int64_t duration_us);

/* Adds to `out`; ages and faults: the worst of both. */
void rs_redis_counts_add_to(struct rs_redis_counts *counts, struct rs_redis_status *out);

#endif
