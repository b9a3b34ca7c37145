/* top source: what rollstat-top reads from Redis: <prefix>:meta, indexes, hashes; and on a connection of its
 * own the updates, since a subscribed connection takes no other commands. Commands: HGETALL, ZREVRANGE,
 * ZCARD, HMGET; SUBSCRIBE.
 * Thread: one; SIGPIPE ignored.
 * Owns: its connections. */
#ifndef RS_SINK_TOP_SOURCE_H
#define RS_SINK_TOP_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/redis/config.h"
#include "sink/redis/connection.h"
#include "sink/top/model.h"

struct rs_top_source {
    const struct rs_redis_config *config; /* borrowed */
    redisContext *data;
    redisContext *updates;
};

/* An aggregate as <prefix>:meta knows it. */
struct rs_top_aggregate {
    char *name;
    char *json;
};
struct rs_top_list {
    struct rs_top_aggregate *items; /* by name */
    size_t count;
};
void rs_top_list_fini(struct rs_top_list *list);

/* All fail with RS_EREDIS (the text says what to do) or RS_ENOMEM; after RS_EREDIS close and open again. */
RS_MUST_USE int rs_top_source_open(struct rs_top_source *source, struct rs_error *error);
void rs_top_source_close(struct rs_top_source *source);

RS_MUST_USE int rs_top_source_list(struct rs_top_source *source, struct rs_top_list *out,
                                   struct rs_error *error);
RS_MUST_USE int rs_top_source_groups(struct rs_top_source *source, const char *aggregate, int64_t *out,
                                     struct rs_error *error);

/* All groups, at most `most` of those that changed last; rows that are gone leave. `now_us` dates what is
 * new. */
RS_MUST_USE int rs_top_source_load(struct rs_top_source *source, struct rs_top_table *table, size_t most,
                                   int64_t now_us, struct rs_error *error);
/* Rows marked dirty. */
RS_MUST_USE int rs_top_source_refresh(struct rs_top_source *source, struct rs_top_table *table,
                                      int64_t now_us, struct rs_error *error);

/* Subscribes to the updates of these aggregates. */
RS_MUST_USE int rs_top_source_follow(struct rs_top_source *source, struct rs_top_table *const *tables,
                                     size_t count, struct rs_error *error);
/* To be polled for reading; -1: not following. */
int rs_top_source_fd(const struct rs_top_source *source);
/* Takes the updates that have come and marks their rows dirty; never waits. At most `most` rows a table. */
RS_MUST_USE int rs_top_source_take(struct rs_top_source *source, struct rs_top_table *const *tables,
                                   size_t count, size_t most, struct rs_error *error);

#endif
