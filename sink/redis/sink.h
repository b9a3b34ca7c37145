/* redis sink: views into Redis, as the README's key reference says.
 * One thread per connection; a partition always goes by the same one, which keeps its order. Batches are
 * written in pieces: in transactions one at a time, or with calls of write_batch.lua, many in flight; see
 * "The life of a view" in ARCHITECTURE.md. Whatever goes wrong, a batch is kept and
 * sent again until Redis has answered for it: everything written is absolute, so that twice is as good as
 * once. After an error, a batch that Redis had already passed may come back as BEHIND its own partition's
 * fence: it is then simply published anew.
 *
 * Loss is noticed by the server's run id, at each connect and every second, by the fence that every call
 * finds, by the fences of all our partitions looked up every second, and by Redis' count of evicted keys.
 * Then `generation` grows, before any batch that found it so is handed back. Evictions are answered at once
 * the first time, and while they go on less and less often (evictions.h); a fence that is gone then
 * waits for the count to tell eviction from an emptied Redis. <prefix>:meta is looked for every second and
 * written again by itself.
 *
 * Keys under the prefix are this program's: where one holds a value of another type, it is replaced and
 * counted.
 *
 * ACL: deploy/redis-acl lists the rights; which of them are missing is told (rights.h). Without HLEN,
 * HKEYS, ZCARD, RENAMENX, HSCAN it publishes all the same, and without WATCH, MULTI, EXEC, DISCARD by scripts.
 *
 * Thread: `new`, `stop` and `free` by one owner; the table as base/view.h says; `status` any.
 * Owns: batches between submit and finished.
 * Limits: RS_REDIS_INFLIGHT_CALLS calls and RS_REDIS_INFLIGHT_BYTES bytes unanswered per connection (calls.h); the
 * queue is as long as there are batches. */
#ifndef RS_SINK_REDIS_SINK_H
#define RS_SINK_REDIS_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/report.h"
#include "base/view.h"
#include "sink/redis/config.h"
#include "sink/redis/status.h"

struct rs_redis_sink;

struct rs_redis_sink_options {
    const struct rs_redis_config *config;  /* copied */
    const struct rs_aggregate_meta *metas; /* borrowed until free */
    size_t meta_count;
    uint32_t workers;
    const struct rs_clock *clock; /* borrowed */
    const char *group;            /* consumer group; borrowed */
    /* What an operator should read: lost, connected, wiped, replaced. Called on the sink's threads, at most a
     * few times a second. */
    struct rs_report report;
};

/* Starts the threads; does not wait for Redis. RS_ENOMEM, RS_EIO. */
RS_MUST_USE int rs_redis_sink_new(const struct rs_redis_sink_options *options, struct rs_redis_sink **out,
                                  struct rs_error *error);
struct rs_view_sink rs_redis_sink_table(struct rs_redis_sink *sink);

/* Which Kafka cluster the group belongs to; "": the brokers do not tell. Nothing is written before: names
 * under the prefix that belong to another group or cluster are refused. Told once; an id that is longer is
 * cut. Any thread. */
void rs_redis_sink_cluster(struct rs_redis_sink *sink, const char *cluster);

/* Writes what was submitted, for at most `within_us`, then ends the threads. What is not written is handed
 * back by `finished` with RS_BATCH_NONE; returns how many those are. Nothing may be submitted afterwards. An
 * attempt to connect that is under way is not broken off: it takes its connect_timeout on top. */
size_t rs_redis_sink_stop(struct rs_redis_sink *sink, int64_t within_us);
/* Stops first (at once) if need be; frees batches still held. */
void rs_redis_sink_free(struct rs_redis_sink **sink);

void rs_redis_sink_status(struct rs_redis_sink *sink, struct rs_redis_status *out);

#endif
