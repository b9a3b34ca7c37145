/* One connection's writer by itself, with the test in the sink's place: order, faults, stopping, and what it
 * tells of the store. A real redis-server where one is needed. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sink/redis/writer.h"
#include "tests/unit/sink/batches.h"
#include "tests/unit/sink/redis_server.h"

#define SECOND      INT64_C(1000000)
#define PATIENCE_US (60 * SECOND)
#define GENERATION  5

struct fixture {
    struct redis_server server;
    redisContext *redis;
    struct rs_redis_config config;
    struct rs_redis_writer *writer;
    pthread_mutex_t lock; /* guards what follows: the writer's thread writes it */
    bool cluster_known;
    struct rs_view_batches batches; /* finished */
    int finished, lost, gone, restarted, counted, foreign;
    uint64_t generation, seen; /* of the newest loss */
    char how[128];
    pthread_t owner; /* the test's thread, on which nothing of this is called */
};

static int64_t now_us(void)
{
    return rs_clock_mono(rs_clock_system());
}

/* ---- the test as the sink ---- */

static void enter(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    f->foreign += pthread_equal(pthread_self(), f->owner) ? 1 : 0;
}

static void leave(struct fixture *f)
{
    pthread_mutex_unlock(&f->lock);
}

static bool host_cluster(void *self, char out[RS_REDIS_CLUSTER_MAX])
{
    struct fixture *f = self;
    enter(f);
    bool known = f->cluster_known;
    leave(f);
    if (known) {
        (void)snprintf(out, RS_REDIS_CLUSTER_MAX, "c");
    }
    return known;
}

static uint64_t host_generation(void *self)
{
    (void)self;
    return GENERATION;
}

static void host_lost(void *self, uint64_t generation, const char *how)
{
    struct fixture *f = self;
    enter(f);
    f->lost++;
    f->generation = generation;
    (void)snprintf(f->how, sizeof f->how, "%s", how);
    leave(f);
}

static void host_gone(void *self, uint64_t generation, uint64_t seen)
{
    struct fixture *f = self;
    enter(f);
    f->gone++;
    f->generation = generation;
    f->seen = seen;
    leave(f);
}

static void host_counted(void *self, uint64_t evicted)
{
    struct fixture *f = self;
    (void)evicted;
    enter(f);
    f->counted++;
    leave(f);
}

static void host_restarted(void *self)
{
    struct fixture *f = self;
    enter(f);
    f->restarted++;
    leave(f);
}

static uint64_t host_evicted(void *self)
{
    (void)self;
    return 17;
}

static void host_finished(void *self, struct rs_view_batch *batch)
{
    struct fixture *f = self;
    enter(f);
    rs_view_batches_push(&f->batches, batch);
    f->finished++;
    leave(f);
}

static void start(struct fixture *f, uint32_t number)
{
    struct rs_error error;
    const struct rs_redis_writer_host host = {.self = f,
                                              .config = &f->config,
                                              .metas = test_metas,
                                              .meta_count = 2,
                                              .clock = rs_clock_system(),
                                              .group = "g",
                                              .cluster = host_cluster,
                                              .generation = host_generation,
                                              .lost = host_lost,
                                              .gone = host_gone,
                                              .counted = host_counted,
                                              .restarted = host_restarted,
                                              .evicted = host_evicted,
                                              .finished = host_finished};
    assert_int_equal(rs_redis_writer_start(&host, number, &f->writer, &error), 0);
}

/* ---- fixture ---- */

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    pthread_mutex_init(&f->lock, NULL);
    f->owner = pthread_self();
    f->cluster_known = true;
    *state = f;
    rs_redis_config_default(&f->config);
    (void)snprintf(f->config.address.host, sizeof f->config.address.host, "127.0.0.1");
    f->config.address.port = 1; /* nobody listens there */
    f->config.timeout_us = PATIENCE_US;
    return 0;
}

static void stop(struct fixture *f, int64_t within_us)
{
    rs_redis_writer_stop(f->writer, now_us() + within_us);
    rs_redis_writer_join(f->writer);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->writer) {
        stop(f, 0);
        rs_redis_writer_free(&f->writer);
        assert_null(f->writer);
    }
    rs_view_batches_fini(&f->batches);
    assert_int_equal(f->foreign, 0);
    if (f->redis) {
        redisFree(f->redis);
        redis_server_kill(&f->server);
    }
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

static struct fixture *with_redis(void **state)
{
    struct fixture *f = *state;
    if (!redis_server_available()) {
        print_message("skipped: there is no redis-server in PATH\n");
        skip();
    }
    redis_server_start(&f->server, 0, NULL);
    f->redis = redis_server_connect(&f->server);
    f->config.address.port = f->server.port;
    return f;
}

static void submit(struct fixture *f, int32_t partition, uint64_t token, int64_t offset)
{
    static const char *const view[] = {"1", "2.5", "0", "60000", "100", "1", NULL};
    struct rs_view_batch *batch = new_batch(partition, token, offset, 0);
    char key[16];
    (void)snprintf(key, sizeof key, "k%d", (int)partition);
    put_view(batch, 0, 0, key, view, offset);
    rs_redis_writer_submit(f->writer, batch);
}

static int read_count(struct fixture *f, const int *count)
{
    pthread_mutex_lock(&f->lock);
    int value = *count;
    pthread_mutex_unlock(&f->lock);
    return value;
}

static struct rs_redis_status status_of(struct fixture *f)
{
    struct rs_redis_status status = {.connected = true};
    rs_redis_writer_status(f->writer, &status);
    return status;
}

#define WAIT_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        int64_t until = now_us() + PATIENCE_US;                                                              \
        while (!(condition)) {                                                                               \
            assert_true(now_us() < until);                                                                   \
            (void)poll(NULL, 0, 2);                                                                          \
        }                                                                                                    \
    } while (0)

static void expect_results(struct fixture *f, enum rs_batch_result result, int count)
{
    WAIT_UNTIL(read_count(f, &f->finished) >= count);
    assert_int_equal(read_count(f, &f->finished), count);
    int64_t offset = 0;
    for (const struct rs_view_batch *batch = f->batches.first; batch; batch = batch->next) {
        assert_int_equal(batch->result, result);
        assert_int_equal(batch->offset, ++offset);
    }
    assert_int_equal(offset, count);
}

/* ---- without a server ---- */

static void test_it_goes_on_trying_and_gives_back_what_it_could_not_write(void **state)
{
    struct fixture *f = *state;
    start(f, 0);
    submit(f, 0, 1, 1);
    submit(f, 0, 1, 2);
    WAIT_UNTIL(status_of(f).errors >= 3);
    struct rs_redis_status status = status_of(f);
    assert_int_equal(status.fault, RS_REDIS_CONNECT);
    assert_int_equal(status.queued, 2);
    assert_false(status.connected);
    assert_non_null(strstr(status.last_error, "127.0.0.1"));
    assert_int_equal(read_count(f, &f->finished), 0);
    stop(f, 0);
    expect_results(f, RS_BATCH_NONE, 2);
    assert_int_equal(status_of(f).queued, 0);
}

/* ---- with one ---- */

static void test_batches_finish_in_the_order_in_which_they_came(void **state)
{
    struct fixture *f = with_redis(state);
    start(f, 0);
    for (int i = 0; i < 200; i++) { /* more than are under way at a time */
        submit(f, i % 7, 1, i + 1);
    }
    expect_results(f, RS_BATCH_APPLIED, 200);
    struct rs_redis_status status = status_of(f);
    assert_int_equal(status.batches, 200);
    assert_int_equal(status.views, 200);
    assert_int_equal(status.errors, 0);
    assert_string_equal(redis_text(f->redis, "HGET rs:t1m:k3 volume"), "2.5");
}

static void test_nothing_is_written_before_the_cluster_is_known(void **state)
{
    struct fixture *f = with_redis(state);
    f->cluster_known = false;
    start(f, 0);
    submit(f, 0, 1, 1);
    WAIT_UNTIL(status_of(f).connected);
    rs_redis_writer_wake(f->writer);
    assert_string_equal(redis_text(f->redis, "DBSIZE"), "0");
    assert_int_equal(read_count(f, &f->finished), 0);
    pthread_mutex_lock(&f->lock);
    f->cluster_known = true;
    pthread_mutex_unlock(&f->lock);
    rs_redis_writer_wake(f->writer);
    expect_results(f, RS_BATCH_APPLIED, 1);
}

static void test_the_first_writer_alone_cares_for_what_is_the_servers(void **state)
{
    struct fixture *f = with_redis(state);
    start(f, 1);
    submit(f, 0, 1, 1);
    expect_results(f, RS_BATCH_APPLIED, 1);
    stop(f, 0);
    assert_int_equal(f->counted, 0);
    assert_string_equal(redis_text(f->redis, "EXISTS rs:meta"), "0");
    rs_redis_writer_free(&f->writer);
    start(f, 0);
    WAIT_UNTIL(read_count(f, &f->counted) > 0);
    WAIT_UNTIL(strcmp(redis_text(f->redis, "HLEN rs:meta"), "2") == 0);
}

static void test_stopping_writes_what_was_submitted(void **state)
{
    struct fixture *f = with_redis(state);
    start(f, 0);
    for (int i = 0; i < 50; i++) {
        submit(f, i, 1, i + 1);
    }
    stop(f, PATIENCE_US);
    expect_results(f, RS_BATCH_APPLIED, 50);
}

static void test_stopping_waits_no_longer_than_it_may(void **state)
{
    struct fixture *f = with_redis(state);
    start(f, 0);
    submit(f, 0, 1, 1);
    expect_results(f, RS_BATCH_APPLIED, 1);
    redis_server_pause(&f->server);
    submit(f, 0, 1, 2);
    stop(f, SECOND / 10); /* its own time-out is a minute */
    redis_server_resume(&f->server);
    assert_int_equal(f->finished, 2);
    assert_int_equal(f->batches.last->result, RS_BATCH_NONE);
}

static void test_what_was_not_answered_is_sent_again(void **state)
{
    struct fixture *f = with_redis(state);
    int port = f->server.port;
    start(f, 0);
    submit(f, 0, 1, 1);
    expect_results(f, RS_BATCH_APPLIED, 1);
    redisFree(f->redis);
    f->redis = NULL;
    redis_server_pause(&f->server);
    submit(f, 0, 1, 2);
    redis_server_kill(&f->server);
    submit(f, 0, 1, 3);
    redis_server_start(&f->server, port, NULL);
    f->redis = redis_server_connect(&f->server);
    expect_results(f, RS_BATCH_APPLIED, 3);
    assert_true(read_count(f, &f->restarted) > 0);
    assert_int_equal(read_count(f, &f->lost), 1);
    assert_int_equal(f->generation, GENERATION);
    assert_string_equal(f->how, "Redis was restarted, or another server took over");
    assert_int_equal(status_of(f).fault, RS_REDIS_FINE);
}

static void test_a_fence_that_is_gone_is_told_once(void **state)
{
    struct fixture *f = with_redis(state);
    start(f, 0);
    submit(f, 0, 1, 1);
    expect_results(f, RS_BATCH_APPLIED, 1);
    freeReplyObject(redis_do(f->redis, "FLUSHALL"));
    WAIT_UNTIL(read_count(f, &f->gone) > 0);
    assert_int_equal(f->generation, GENERATION);
    assert_int_equal(f->seen, 17);
    int looks = read_count(f, &f->counted);
    WAIT_UNTIL(read_count(f, &f->counted) >= looks + 2);
    assert_int_equal(read_count(f, &f->gone), 1);
    assert_int_equal(read_count(f, &f->lost), 0);
}

static void test_a_fence_that_went_back_is_a_loss(void **state)
{
    struct fixture *f = with_redis(state);
    start(f, 0);
    submit(f, 0, 1, 1);
    submit(f, 0, 1, 2);
    expect_results(f, RS_BATCH_APPLIED, 2);
    freeReplyObject(redis_do(f->redis, "SET rs:fence:g:t.trades:0 1:1:0"));
    WAIT_UNTIL(read_count(f, &f->lost) > 0);
    assert_string_equal(f->how, "writes that Redis had acknowledged are gone");
    assert_int_equal(read_count(f, &f->gone), 0);
}

static void test_a_newer_owner_is_told_to_the_batch(void **state)
{
    struct fixture *f = with_redis(state);
    freeReplyObject(redis_do(f->redis, "SET rs:fence:g:t.trades:0 9:100:0"));
    start(f, 0);
    submit(f, 0, 8, 1);
    expect_results(f, RS_BATCH_FENCED, 1);
    assert_int_equal(status_of(f).fenced, 1);
    assert_string_equal(redis_text(f->redis, "EXISTS rs:t1m:k0"), "0");
    assert_string_equal(redis_text(f->redis, "GET rs:fence:g:t.trades:0"), "9:100:0");
}

int main(void)
{
#define LIVE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        LIVE(test_it_goes_on_trying_and_gives_back_what_it_could_not_write),
        LIVE(test_batches_finish_in_the_order_in_which_they_came),
        LIVE(test_nothing_is_written_before_the_cluster_is_known),
        LIVE(test_the_first_writer_alone_cares_for_what_is_the_servers),
        LIVE(test_stopping_writes_what_was_submitted),
        LIVE(test_stopping_waits_no_longer_than_it_may),
        LIVE(test_what_was_not_answered_is_sent_again),
        LIVE(test_a_fence_that_is_gone_is_told_once),
        LIVE(test_a_fence_that_went_back_is_a_loss),
        LIVE(test_a_newer_owner_is_told_to_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
