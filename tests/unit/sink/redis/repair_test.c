/* What Redis loses is noticed: failover, old snapshots, changed servers, evictions. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/sink/redis_fixture.h"

static const char *awaited; /* text of a report */
static redisContext *copy;  /* another server */

static bool is_reported(struct fixture *f, int64_t wanted)
{
    return reported(f, awaited) == (bool)wanted;
}

static void expect_report(struct fixture *f, const char *text)
{
    awaited = text;
    if (!eventually(f, is_reported, true)) {
        fail_msg("no report with \"%s\", but\n%s", text, f->reports.text);
    }
}

static bool is_synced(struct fixture *f, int64_t wanted)
{
    (void)f;
    return (strstr(redis_text(copy, "INFO replication"), "master_link_status:up") != NULL) == (bool)wanted;
}

/* Gives `copy` all that was written so far; then it stands alone. */
static void fill_copy(struct fixture *f)
{
    freeReplyObject(redis_do(f->redis, "CONFIG SET repl-diskless-sync-delay 0"));
    freeReplyObject(redis_do(copy, "REPLICAOF 127.0.0.1 %d", f->server.port));
    assert_true(eventually(f, is_synced, true));
    freeReplyObject(redis_do(copy, "REPLICAOF NO ONE"));
}

static void write_one(struct fixture *f, int64_t offset, const char *key)
{
    submit_view(f, 0, 1, offset, key);
    expect_finished(f, RS_BATCH_APPLIED, offset);
}

/* ---- another server at the address ---- */

static void test_failover_that_lost_writes_is_a_loss(void **state)
{
    struct fixture *f = need_redis(state);
    struct redis_server replica;
    redis_server_start(&replica, 0, NULL);
    copy = redis_server_connect(&replica);
    start_sink(f);
    write_one(f, 5, "G");
    fill_copy(f);
    write_one(f, 6, "H"); /* acknowledged, and never replicated */
    assert_string_equal(redis_text(copy, "EXISTS rs:t1m:G rs:t1m:H"), "1");
    redis_server_kill(&f->server);
    freeReplyObject(redis_do(copy, "CONFIG SET port %d", f->server.port));
    assert_true(eventually(f, has_generation, 2));
    expect_report(f, "another server took over; everything is published again");
    write_one(f, 7, "H");
    assert_string_equal(redis_text(copy, "EXISTS rs:t1m:G rs:t1m:H"), "2");
    assert_int_equal(generation(f), 2);
    redisFree(copy);
    redis_server_kill(&replica);
}

static void test_an_old_snapshot_is_a_loss(void **state)
{
    struct fixture *f = need_redis(state);
    char folder[] = "/tmp/rs-rdb-XXXXXX";
    char file[64];
    const char *arguments[] = {"--dir", folder, NULL};
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/dump.rdb", folder);
    redis_server_kill(&f->server);
    restart_server(f, arguments);
    start_sink(f);
    write_one(f, 5, "G");
    freeReplyObject(redis_do(f->redis, "SAVE"));
    write_one(f, 6, "H");
    redis_server_kill(&f->server);
    restart_server(f, arguments);
    assert_true(eventually(f, has_generation, 2));
    assert_string_equal(redis_text(f->redis, "GET rs:fence:g:t.trades:0"), "1:5:0");
    write_one(f, 7, "H");
    assert_int_equal(generation(f), 2);
    unlink(file);
    rmdir(folder);
}

/* ---- a proxy that changes the server behind connections that live on ---- */

struct proxy {
    int listener, port;
    _Atomic int target; /* port */
    _Atomic bool ends;
    pthread_t thread;
};

static int connect_to(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* false: closed. */
static bool pass_on(int from, int to)
{
    char bytes[65536];
    ssize_t size = recv(from, bytes, sizeof bytes, 0);
    return size > 0 && send(to, bytes, (size_t)size, MSG_NOSIGNAL) == size;
}

/* The server is changed while nothing is under way. */
static void serve(struct proxy *proxy, int client)
{
    int target = atomic_load(&proxy->target);
    int server = connect_to(target);
    bool alive = server >= 0;
    while (alive && !atomic_load(&proxy->ends)) {
        struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        int ready = poll(fds, 2, 50);
        if (ready == 0 && atomic_load(&proxy->target) != target) {
            close(server);
            target = atomic_load(&proxy->target);
            server = connect_to(target);
            alive = server >= 0;
        } else if (ready > 0) {
            alive = (fds[0].revents == 0 || pass_on(client, server)) &&
                    (fds[1].revents == 0 || pass_on(server, client));
        }
    }
    close(server);
    close(client);
}

static void *run_proxy(void *argument)
{
    struct proxy *proxy = argument;
    while (!atomic_load(&proxy->ends)) {
        struct pollfd fd = {.fd = proxy->listener, .events = POLLIN};
        if (poll(&fd, 1, 20) > 0) {
            serve(proxy, accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC));
        }
    }
    return NULL;
}

static void start_proxy(struct proxy *proxy, int target)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(proxy->listener, 8), 0);
    assert_int_equal(getsockname(proxy->listener, (struct sockaddr *)&address, &size), 0);
    proxy->port = ntohs(address.sin_port);
    atomic_init(&proxy->target, target);
    atomic_init(&proxy->ends, false);
    assert_int_equal(pthread_create(&proxy->thread, NULL, run_proxy, proxy), 0);
}

static void stop_proxy(struct proxy *proxy)
{
    atomic_store(&proxy->ends, true);
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
}

/* Even when its fences are no older: a batch of several calls may have lost the last of them. */
static void test_a_server_changed_behind_the_connection_is_a_loss(void **state)
{
    struct fixture *f = need_redis(state);
    struct redis_server other;
    struct proxy proxy;
    redis_server_start(&other, 0, NULL); /* before there are connections that it would inherit */
    copy = redis_server_connect(&other);
    start_proxy(&proxy, f->server.port);
    f->config.address.port = proxy.port;
    f->config.connections = 1; /* the proxy serves one */
    start_sink(f);
    write_one(f, 5, "G");
    fill_copy(f);
    assert_string_equal(redis_text(copy, "GET rs:fence:g:t.trades:0"), "1:5:0");
    atomic_store(&proxy.target, other.port);
    assert_true(eventually(f, has_generation, 2));
    expect_report(f, "another server answers; everything is published again");
    write_one(f, 6, "H");
    assert_string_equal(redis_text(copy, "EXISTS rs:t1m:H"), "1");
    assert_int_equal(generation(f), 2);
    rs_redis_sink_free(&f->sink);
    stop_proxy(&proxy);
    redisFree(copy);
    redis_server_kill(&other);
}

/* ---- what is lost before or beside the views ---- */

static void test_meta_alone_is_written_again(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    assert_true(eventually(f, has_meta, 2));
    freeReplyObject(redis_do(f->redis, "FLUSHALL"));
    assert_true(eventually(f, has_meta, 2));
    assert_int_equal(generation(f), 1); /* no view was there to lose */
}

/* ---- eviction ---- */

static void limit_memory(struct fixture *f, int64_t more)
{
    const char *info = redis_text(f->redis, "INFO memory");
    const char *used = strstr(info, "used_memory:");
    assert_non_null(used);
    freeReplyObject(redis_do(f->redis, "CONFIG SET maxmemory-policy allkeys-lru"));
    freeReplyObject(redis_do(f->redis, "CONFIG SET maxmemory %" PRId64,
                             more == 0 ? 0 : strtoll(used + strlen("used_memory:"), NULL, 10) + more));
}

/* Views of a megabyte and more. */
static void submit_many(struct fixture *f, int64_t offset)
{
    char key[1000];
    struct rs_view_batch *batch = new_batch(0, 1, offset, 0);
    memset(key, 'k', sizeof key);
    for (int i = 0; i < 1000; i++) {
        snprintf(key + 900, sizeof key - 900, "%d", i);
        put_view(batch, 0, 0, key, one_view, offset);
    }
    submit(f, batch);
}

static int64_t fast_us(void *self)
{
    (void)self;
    return 20 * now_us();
}

static int64_t fast_wall_us(void *self)
{
    (void)self;
    return rs_clock_wall(rs_clock_system());
}

/* 100 s, twenty times as fast. An engine publishes everything whenever it is told to, which evicts again. */
static void test_an_eviction_storm_is_backed_off_from(void **state)
{
    static const struct rs_clock fast = {.monotonic_us = fast_us, .wall_us = fast_wall_us};
    struct fixture *f = need_redis(state);
    f->clock = &fast;
    f->config.timeout_us = f->config.connect_timeout_us = 200 * SECOND;
    start_sink(f);
    submit_many(f, 1);
    expect_finished(f, RS_BATCH_APPLIED, 1);
    limit_memory(f, -400000);
    uint64_t published = 1;
    int64_t offset = 1;
    for (int64_t end = now_us() + 5 * SECOND; now_us() < end;) {
        struct rs_view_batch *batch = finished(f, 20000);
        rs_view_batch_free(&batch);
        if (generation(f) != published) {
            published = generation(f);
            submit_many(f, ++offset);
        }
    }
    expect_report(f, "and not once more within 10 s. Set maxmemory-policy noeviction");
    assert_true(strtoll(strstr(redis_text(f->redis, "INFO stats"), "evicted_keys:") + 13, NULL, 10) > 1000);
    uint64_t losses = status_of(f).losses;
    if (losses < 3 || losses > 6) {
        fail_msg("%" PRIu64 " times\n%s", losses, f->reports.text);
    }
}

static void test_flush_is_noticed_within_a_pause(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_many(f, 1);
    expect_finished(f, RS_BATCH_APPLIED, 1);
    limit_memory(f, -400000);
    expect_report(f, "and not once more within 10 s");
    limit_memory(f, 0);
    write_one(f, 2, "G");
    wait_for_looks(f, 3); /* at the fence and the count, after the last eviction */
    uint64_t before = generation(f);
    freeReplyObject(redis_do(f->redis, "FLUSHALL"));
    assert_true(eventually(f, has_generation, (int64_t)before + 1));
    expect_report(f, "Redis was emptied; everything is published again");
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(test_failover_that_lost_writes_is_a_loss),
        LIVE(test_an_old_snapshot_is_a_loss),
        LIVE(test_a_server_changed_behind_the_connection_is_a_loss),
        LIVE(test_meta_alone_is_written_again),
        LIVE(test_an_eviction_storm_is_backed_off_from),
        LIVE(test_flush_is_noticed_within_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
