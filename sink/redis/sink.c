#include "sink/redis/sink.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "sink/redis/evictions.h"
#include "sink/redis/writer.h"

/* Finished batches on their way back to one worker. */
struct outbox {
    pthread_mutex_t lock;
    struct rs_view_batches batches;
    int wake; /* readable while there is something */
};

struct rs_redis_sink {
    struct rs_redis_config config;
    struct rs_redis_sink_options options;
    struct rs_redis_writer **writers;
    uint32_t writer_count;
    struct outbox *outboxes;
    uint32_t outbox_count;
    pthread_mutex_t lock;
    _Atomic uint64_t generation;         /* written under `lock` */
    uint64_t losses;                     /* under `lock` */
    struct rs_redis_evictions evictions; /* under `lock` */
    _Atomic uint64_t evicted;            /* newest count */
    char cluster[RS_REDIS_CLUSTER_MAX];  /* under `lock` */
    bool cluster_known;                  /* under `lock` */
    _Atomic size_t unwritten;            /* handed back without a result */
    bool stopped;
};

/* ---- what writers call ---- */

static uint64_t sink_generation(void *self)
{
    struct rs_redis_sink *sink = self;
    return atomic_load(&sink->generation);
}

/* Needs the lock. */
static void grow_generation(struct rs_redis_sink *sink)
{
    atomic_fetch_add(&sink->generation, 1);
    sink->losses++;
    rs_redis_evictions_repaired(&sink->evictions);
}

static void report_repair(struct rs_redis_sink *sink, const char *how)
{
    rs_report(&sink->options.report, RS_LOG_WARNING, "Redis: %s; everything is published again", how);
}

static void sink_lost(void *self, uint64_t generation, const char *how)
{
    struct rs_redis_sink *sink = self;
    pthread_mutex_lock(&sink->lock);
    bool news = atomic_load(&sink->generation) == generation;
    if (news) {
        grow_generation(sink);
    }
    pthread_mutex_unlock(&sink->lock);
    if (news) {
        report_repair(sink, how);
    }
}

/* As everywhere here, the report is made without the lock: it calls code of the sink's owner. */
static void sink_gone(void *self, uint64_t generation, uint64_t seen)
{
    struct rs_redis_sink *sink = self;
    int64_t now_us = rs_clock_mono(sink->options.clock);
    pthread_mutex_lock(&sink->lock);
    bool news = atomic_load(&sink->generation) == generation &&
                rs_redis_evictions_gone(&sink->evictions, seen, now_us);
    if (news) {
        grow_generation(sink);
    }
    pthread_mutex_unlock(&sink->lock);
    if (news) {
        report_repair(sink, "Redis was emptied");
    }
}

static void report_evictions(struct rs_redis_sink *sink, uint64_t evicted, int64_t pause_us)
{
    rs_report(&sink->options.report, RS_LOG_WARNING,
              "Redis: it evicts keys at maxmemory (%" PRIu64 " so far): everything is published again, and "
              "not once more within %" PRId64 " s. Set maxmemory-policy noeviction and a larger maxmemory",
              evicted, pause_us / 1000000);
}

/* To publish everything into a Redis that evicts makes it evict again: whether and when is for
 * evictions.h. */
static void sink_counted(void *self, uint64_t evicted)
{
    struct rs_redis_sink *sink = self;
    int64_t now_us = rs_clock_mono(sink->options.clock);
    pthread_mutex_lock(&sink->lock);
    enum rs_redis_evictions_verdict verdict = rs_redis_evictions_count(&sink->evictions, evicted, now_us);
    atomic_store(&sink->evicted, evicted);
    int64_t pause_us = sink->evictions.pause_us;
    if (verdict != RS_EVICTIONS_NONE) {
        grow_generation(sink);
    }
    pthread_mutex_unlock(&sink->lock);
    if (verdict == RS_EVICTIONS_EMPTIED) {
        report_repair(sink, "Redis was emptied");
    } else if (verdict == RS_EVICTIONS_AGAIN) {
        report_evictions(sink, evicted, pause_us);
    }
}

static bool sink_cluster(void *self, char out[RS_REDIS_CLUSTER_MAX])
{
    struct rs_redis_sink *sink = self;
    pthread_mutex_lock(&sink->lock);
    bool known = sink->cluster_known;
    memcpy(out, sink->cluster, RS_REDIS_CLUSTER_MAX);
    pthread_mutex_unlock(&sink->lock);
    return known;
}

void rs_redis_sink_cluster(struct rs_redis_sink *sink, const char *cluster)
{
    pthread_mutex_lock(&sink->lock);
    if (!sink->cluster_known) {
        snprintf(sink->cluster, sizeof sink->cluster, "%s", cluster);
        sink->cluster_known = true;
    }
    pthread_mutex_unlock(&sink->lock);
    for (uint32_t i = 0; i < sink->writer_count; i++) {
        rs_redis_writer_wake(sink->writers[i]);
    }
}

static void sink_restarted(void *self)
{
    struct rs_redis_sink *sink = self;
    pthread_mutex_lock(&sink->lock);
    rs_redis_evictions_restart(&sink->evictions);
    pthread_mutex_unlock(&sink->lock);
}

static uint64_t sink_evicted(void *self)
{
    struct rs_redis_sink *sink = self;
    return atomic_load(&sink->evicted);
}

/* Written to when the list was empty, and read from when it is again (table_finished), both under the
 * lock: the descriptor is readable exactly as long as something is in the list. */
static void sink_finished(void *self, struct rs_view_batch *batch)
{
    struct rs_redis_sink *sink = self;
    RS_ASSERT(batch->worker < sink->outbox_count);
    struct outbox *outbox = &sink->outboxes[batch->worker];
    if (batch->result == RS_BATCH_NONE) {
        atomic_fetch_add(&sink->unwritten, 1);
    }
    pthread_mutex_lock(&outbox->lock);
    bool empty = !outbox->batches.first;
    rs_view_batches_push(&outbox->batches, batch);
    if (empty) {
        rs_wake(outbox->wake);
    }
    pthread_mutex_unlock(&outbox->lock);
}

/* ---- the table ---- */

static void table_submit(void *self, struct rs_view_batch **batch)
{
    struct rs_redis_sink *sink = self;
    struct rs_view_batch *taken = *batch;
    RS_ASSERT(!sink->stopped && taken->worker < sink->outbox_count && taken->stream_name && taken->topic);
    RS_ASSERT(taken->token < UINT64_C(1) << 53);
    *batch = NULL;
    uint32_t writer = (taken->input * 31 + (uint32_t)taken->partition) % sink->writer_count;
    rs_redis_writer_submit(sink->writers[writer], taken);
}

static struct rs_view_batch *table_finished(void *self, uint32_t worker)
{
    struct rs_redis_sink *sink = self;
    RS_ASSERT(worker < sink->outbox_count);
    struct outbox *outbox = &sink->outboxes[worker];
    pthread_mutex_lock(&outbox->lock);
    struct rs_view_batch *batch = rs_view_batches_pop(&outbox->batches);
    if (batch && !outbox->batches.first) {
        rs_wake_clear(outbox->wake);
    }
    pthread_mutex_unlock(&outbox->lock);
    return batch;
}

static int table_wake_fd(void *self, uint32_t worker)
{
    struct rs_redis_sink *sink = self;
    RS_ASSERT(worker < sink->outbox_count);
    return sink->outboxes[worker].wake;
}

static const struct rs_view_sink_ops table = {.submit = table_submit,
                                              .finished = table_finished,
                                              .generation = sink_generation,
                                              .wake_fd = table_wake_fd};

struct rs_view_sink rs_redis_sink_table(struct rs_redis_sink *sink)
{
    return (struct rs_view_sink){.self = sink, .ops = &table};
}

/* ---- life ---- */

/* Only those that are whole are counted: on failure rs_redis_sink_free takes the others. */
static int open_outboxes(struct rs_redis_sink *sink, uint32_t count, struct rs_error *error)
{
    sink->outboxes = calloc(count, sizeof *sink->outboxes);
    if (!sink->outboxes) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (; sink->outbox_count < count; sink->outbox_count++) {
        struct outbox *outbox = &sink->outboxes[sink->outbox_count];
        int code = rs_wake_open(&outbox->wake, error);
        if (code != 0) {
            return code;
        }
        pthread_mutex_init(&outbox->lock, NULL);
    }
    return 0;
}

static int start_writers(struct rs_redis_sink *sink, struct rs_error *error)
{
    struct rs_redis_writer_host host = {.self = sink,
                                        .config = &sink->config,
                                        .metas = sink->options.metas,
                                        .meta_count = sink->options.meta_count,
                                        .clock = sink->options.clock,
                                        .group = sink->options.group,
                                        .cluster = sink_cluster,
                                        .generation = sink_generation,
                                        .lost = sink_lost,
                                        .gone = sink_gone,
                                        .counted = sink_counted,
                                        .restarted = sink_restarted,
                                        .evicted = sink_evicted,
                                        .finished = sink_finished,
                                        .report = sink->options.report};
    sink->writers = calloc(sink->config.connections, sizeof(struct rs_redis_writer *));
    if (!sink->writers) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < sink->config.connections; i++) {
        int code = rs_redis_writer_start(&host, i, &sink->writers[i], error);
        if (code != 0) {
            return code;
        }
        sink->writer_count++;
    }
    return 0;
}

/* The configuration is copied, since its password is wiped when the sink is freed. */
int rs_redis_sink_new(const struct rs_redis_sink_options *options, struct rs_redis_sink **out,
                      struct rs_error *error)
{
    RS_ASSERT(options->workers > 0 && options->config->connections > 0 && options->group);
    struct rs_redis_sink *sink = calloc(1, sizeof *sink);
    if (!sink) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    sink->config = *options->config;
    sink->options = *options;
    sink->options.config = &sink->config;
    atomic_init(&sink->generation, 1);
    atomic_init(&sink->unwritten, 0);
    atomic_init(&sink->evicted, 0);
    pthread_mutex_init(&sink->lock, NULL);
    int code = open_outboxes(sink, options->workers, error);
    if (code == 0) {
        code = start_writers(sink, error);
    }
    if (code != 0) {
        rs_redis_sink_free(&sink);
        return code;
    }
    *out = sink;
    return 0;
}

size_t rs_redis_sink_stop(struct rs_redis_sink *sink, int64_t within_us)
{
    int64_t deadline_us = rs_clock_mono(sink->options.clock) + within_us;
    sink->stopped = true;
    for (uint32_t i = 0; i < sink->writer_count; i++) {
        rs_redis_writer_stop(sink->writers[i], deadline_us);
    }
    for (uint32_t i = 0; i < sink->writer_count; i++) {
        rs_redis_writer_join(sink->writers[i]);
    }
    return atomic_load(&sink->unwritten);
}

static void outbox_fini(struct outbox *outbox)
{
    rs_view_batches_fini(&outbox->batches);
    rs_wake_close(&outbox->wake);
    pthread_mutex_destroy(&outbox->lock);
}

/* The writers first: up to their end they put batches into the outboxes. */
void rs_redis_sink_free(struct rs_redis_sink **out)
{
    struct rs_redis_sink *sink = *out;
    if (!sink) {
        return;
    }
    if (!sink->stopped) {
        rs_redis_sink_stop(sink, 0);
    }
    for (uint32_t i = 0; i < sink->writer_count; i++) {
        rs_redis_writer_free(&sink->writers[i]);
    }
    for (uint32_t i = 0; i < sink->outbox_count; i++) {
        outbox_fini(&sink->outboxes[i]);
    }
    free(sink->writers);
    free(sink->outboxes);
    pthread_mutex_destroy(&sink->lock);
    explicit_bzero(&sink->config, sizeof sink->config); /* the password */
    free(sink);
    *out = NULL;
}

void rs_redis_sink_status(struct rs_redis_sink *sink, struct rs_redis_status *out)
{
    *out = (struct rs_redis_status){.connected = true, .generation = atomic_load(&sink->generation)};
    pthread_mutex_lock(&sink->lock);
    out->losses = sink->losses;
    pthread_mutex_unlock(&sink->lock);
    for (uint32_t i = 0; i < sink->writer_count; i++) {
        rs_redis_writer_status(sink->writers[i], out);
    }
}
