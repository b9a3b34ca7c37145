/* redis fixture: a sink beside a real Redis, with what the tests of both ask all the time.
 * Thread: one. */
#ifndef RS_TEST_REDIS_FIXTURE_H
#define RS_TEST_REDIS_FIXTURE_H

#include <pthread.h>

#include "sink/redis/sink.h"
#include "tests/lib/kept_reports.h"
#include "tests/unit/sink/batches.h"
#include "tests/unit/sink/redis_server.h"

#define SECOND INT64_C(1000000)
#define PATIENCE_US                                                                                          \
    (60 * SECOND) /* for what has to happen: a verdict must not depend on how busy the machine is */

extern const char *const one_view[7];

struct fixture {
    struct redis_server server;
    redisContext *redis;
    struct rs_redis_config config;
    const struct rs_clock *clock; /* the sink's; NULL: the system's */
    struct rs_redis_sink *sink;
    struct rs_view_sink table;
    struct kept_reports reports;
};

int set_up(void **state);
int tear_down(void **state);
struct fixture *need_redis(void **state); /* skips where there is none */
void start_sink(struct fixture *f);
void restart_server(struct fixture *f, const char *const *arguments); /* on the same port */
bool reported(struct fixture *f, const char *text);
int64_t now_us(void);
void submit(struct fixture *f, struct rs_view_batch *batch);
void submit_view(struct fixture *f, int32_t partition, uint64_t token, int64_t offset, const char *key);
/* The next finished batch of worker 0, waiting on its descriptor; NULL after `within_us`. */
struct rs_view_batch *finished(struct fixture *f, int64_t within_us);
void expect_finished(struct fixture *f, enum rs_batch_result result, int64_t offset);
uint64_t generation(struct fixture *f);
struct rs_redis_status status_of(struct fixture *f);
/* Waits until `what(f, argument)`; false after PATIENCE_US. */
bool eventually(struct fixture *f, bool (*what)(struct fixture *, int64_t), int64_t argument);
void wait_for_looks(struct fixture *f, int64_t count); /* the sink's, at its fences and what was evicted */
bool has_fault(struct fixture *f, int64_t fault);
bool has_generation(struct fixture *f, int64_t wanted);
bool is_connected(struct fixture *f, int64_t wanted);
bool has_meta(struct fixture *f, int64_t fields);

#endif
