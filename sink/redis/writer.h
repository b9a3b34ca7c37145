/* redis writer: one connection's thread and queue, inside redis_sink.
 * Thread: submit and status any; the rest its own, but start and join, which are the sink's owner's.
 * Owns: its batches, context and packer. */
#ifndef RS_SINK_REDIS_WRITER_H
#define RS_SINK_REDIS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/report.h"
#include "base/view.h"
#include "sink/redis/config.h"
#include "sink/redis/status.h"

#define RS_REDIS_CLUSTER_MAX 128 /* of the Kafka cluster's id, with its end */

struct rs_redis_writer;

/* What a writer needs of the sink around it. */
struct rs_redis_writer_host {
    void *self;
    const struct rs_redis_config *config;
    const struct rs_aggregate_meta *metas;
    size_t meta_count;
    const struct rs_clock *clock;
    const char *group; /* consumer group */
    /* False: the Kafka cluster is not known yet. */
    bool (*cluster)(void *self, char out[RS_REDIS_CLUSTER_MAX]);
    uint64_t (*generation)(void *self);
    /* The store is not what it was when this writer's newest acknowledged write was made, in `generation`.
     * The sink's generation grows unless it has grown since. */
    void (*lost)(void *self, uint64_t generation, const char *how);
    /* As lost, for a fence that is gone and may have been evicted: it was there when the count of evictions
     * was `seen`. */
    void (*gone)(void *self, uint64_t generation, uint64_t seen);
    /* What INFO says: the server, and how many keys it has evicted. Writer 0 only. */
    void (*counted)(void *self, uint64_t evicted);
    void (*restarted)(void *self);   /* another server: its count begins anew */
    uint64_t (*evicted)(void *self); /* newest count */
    void (*finished)(void *self, struct rs_view_batch *batch);
    struct rs_report report;
};

RS_MUST_USE int rs_redis_writer_start(const struct rs_redis_writer_host *host, uint32_t number,
                                      struct rs_redis_writer **out, struct rs_error *error);
void rs_redis_writer_submit(struct rs_redis_writer *writer, struct rs_view_batch *batch);
void rs_redis_writer_wake(struct rs_redis_writer *writer);                      /* there is news for it */
void rs_redis_writer_stop(struct rs_redis_writer *writer, int64_t deadline_us); /* monotonic; does not wait */
void rs_redis_writer_join(
    struct rs_redis_writer *writer); /* afterwards unwritten batches were handed to `finished` */
void rs_redis_writer_free(struct rs_redis_writer **writer);
/* Adds this writer's counts; ages and faults: the worst. */
void rs_redis_writer_status(struct rs_redis_writer *writer, struct rs_redis_status *out);

#endif
