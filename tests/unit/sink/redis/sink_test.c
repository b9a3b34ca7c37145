/* The sink against a real Redis that is killed, stopped, emptied, filled up and made a replica. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sink/redis/script.h"
#include "tests/unit/sink/redis_fixture.h"

/* ---- tests ---- */

static void test_batches_are_written_in_order(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    for (int64_t offset = 1; offset <= 200; offset++) {
        submit_view(f, 0, 1, offset, "G");
    }
    for (int64_t offset = 1; offset <= 200; offset++) {
        expect_finished(f, RS_BATCH_APPLIED, offset);
    }
    struct pollfd fd = {.fd = f->table.ops->wake_fd(f->table.self, 0), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 0), 0);
    assert_string_equal(redis_text(f->redis, "HGET rs:t1m:G volume"), "2.5");
    assert_string_equal(redis_text(f->redis, "ZSCORE rs:t1m:index G"), "200");
    assert_string_equal(redis_text(f->redis, "GET rs:fence:g:t.trades:0"), "1:200:0");
    assert_true(eventually(f, has_meta, 2));
    assert_string_equal(redis_text(f->redis, "HGET rs:meta t1m"),
                        "{\"group\":\"g\",\"cluster\":\"c\",\"window\":\"1m\"}");
    struct rs_redis_status status = status_of(f);
    assert_true(status.connected);
    assert_int_equal(status.batches, 200);
    assert_int_equal(status.views, 200);
    assert_int_equal(status.queued, 0);
    assert_int_equal(status.oldest_us, 0);
    assert_int_equal(status.errors, 0);
    assert_int_equal(status.generation, 1);
    assert_true(status.round_trips.count >= 200);
}

static void test_finished_batches_go_to_their_worker(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    struct rs_view_batch *batch = new_batch(3, 1, 7, 0);
    batch->worker = 1;
    submit(f, batch);
    submit_view(f, 0, 1, 1, "G");
    expect_finished(f, RS_BATCH_APPLIED, 1);
    struct pollfd fd = {.fd = f->table.ops->wake_fd(f->table.self, 1), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 5000), 1);
    assert_null(f->table.ops->finished(f->table.self, 0));
    batch = f->table.ops->finished(f->table.self, 1);
    assert_non_null(batch);
    assert_int_equal(batch->partition, 3);
    rs_view_batch_free(&batch);
}

static void test_fenced_and_behind_are_answered(void **state)
{
    struct fixture *f = need_redis(state);
    freeReplyObject(redis_do(f->redis, "MSET rs:fence:g:t.trades:0 9:50:700 rs:fence:g:t.trades:1 9:50:700"));
    start_sink(f);
    submit_view(f, 0, 8, 60, "G");
    expect_finished(f, RS_BATCH_FENCED, 60);
    submit_view(f, 1, 10, 40, "G");
    struct rs_view_batch *batch = finished(f, PATIENCE_US);
    assert_non_null(batch);
    assert_int_equal(batch->result, RS_BATCH_BEHIND);
    assert_int_equal(batch->fence_offset, 50);
    assert_int_equal(batch->fence_now_shown_us, 700);
    rs_view_batch_free(&batch);
    assert_string_equal(redis_text(f->redis, "MGET rs:fence:g:t.trades:0 rs:fence:g:t.trades:1"),
                        "[9:50:700 10:50:700]");
    assert_string_equal(redis_text(f->redis, "EXISTS rs:t1m:G"), "0");
    struct rs_redis_status status = status_of(f);
    assert_int_equal(status.fenced, 1);
    assert_int_equal(status.behind, 1);
    assert_int_equal(status.batches, 0);
}

static void test_redis_may_come_later(void **state)
{
    struct fixture *f = need_redis(state);
    redis_server_kill(&f->server);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    assert_true(eventually(f, has_fault, RS_REDIS_CONNECT));
    assert_null(finished(f, 50 * 1000));
    assert_true(status_of(f).oldest_us > 0);
    assert_int_equal(status_of(f).queued, 1);
    restart_server(f, NULL);
    expect_finished(f, RS_BATCH_APPLIED, 5);
    assert_int_equal(generation(f), 1);
    assert_true(reported(f, "0 Redis: redis://127.0.0.1:"));
    assert_true(reported(f, "is Redis running"));
    assert_true(eventually(f, has_fault, RS_REDIS_FINE));
    assert_true(reported(f, "writing again"));
}

static void test_killed_server_is_a_loss(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    redis_server_kill(&f->server);
    assert_true(eventually(f, is_connected, 0));
    for (int64_t offset = 6; offset < 60; offset++) {
        submit_view(f, 0, 1, offset, "H");
    }
    restart_server(f, NULL);
    for (int64_t offset = 6; offset < 60; offset++) {
        expect_finished(f, RS_BATCH_APPLIED, offset);
        assert_int_equal(generation(f), 2); /* grown before the batch was handed back */
    }
    assert_string_equal(redis_text(f->redis, "GET rs:fence:g:t.trades:0"), "1:59:0");
    assert_true(eventually(f, has_meta, 2));
    assert_true(reported(f, "everything is published again"));
    assert_int_equal(status_of(f).losses, 1);
}

static void test_flush_is_noticed_while_idle(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    assert_true(eventually(f, has_meta, 2));
    freeReplyObject(redis_do(f->redis, "FLUSHALL"));
    assert_true(eventually(f, has_generation, 2));
    assert_true(eventually(f, has_meta, 2));
    wait_for_looks(f, 2);
    assert_int_equal(generation(f), 2); /* told once */
}

static void test_flush_is_noticed_by_the_next_batch(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    freeReplyObject(redis_do(f->redis, "FLUSHALL"));
    submit_view(f, 0, 1, 6, "H");
    expect_finished(f, RS_BATCH_APPLIED, 6);
    assert_int_equal(generation(f), 2);
}

static void test_older_fence_is_a_loss(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    submit_view(f, 1, 1, 5, "H");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    expect_finished(f, RS_BATCH_APPLIED, 5);
    freeReplyObject(redis_do(f->redis, "SET rs:fence:g:t.trades:1 1:4:0"));
    assert_true(eventually(f, has_generation, 2));
}

static void test_a_new_owner_is_no_loss(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    freeReplyObject(redis_do(f->redis, "SET rs:fence:g:t.trades:0 2:5:0"));
    wait_for_looks(f, 2); /* so that the second began after the fence was set */
    freeReplyObject(redis_do(f->redis, "FLUSHALL"));
    wait_for_looks(f, 2);
    assert_int_equal(generation(f), 1); /* nothing of ours was lost */
}

static void test_flush_counts_once_for_all_connections(void **state)
{
    struct fixture *f = need_redis(state);
    f->config.connections = 4;
    start_sink(f);
    for (int32_t partition = 0; partition < 16; partition++) {
        submit_view(f, partition, 1, 5, "G");
    }
    for (int32_t partition = 0; partition < 16; partition++) {
        expect_finished(f, RS_BATCH_APPLIED, 5);
    }
    freeReplyObject(redis_do(f->redis, "FLUSHALL"));
    assert_true(eventually(f, has_generation, 2));
    wait_for_looks(f, 3 * 4); /* of each connection */
    assert_int_equal(generation(f), 2);
    assert_int_equal(status_of(f).connects, 4);
}

static void test_flushed_script_is_loaded_again(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    freeReplyObject(redis_do(f->redis, "SCRIPT FLUSH"));
    for (int64_t offset = 6; offset < 40; offset++) {
        submit_view(f, 0, 1, offset, "H");
    }
    for (int64_t offset = 6; offset < 40; offset++) {
        expect_finished(f, RS_BATCH_APPLIED, offset);
    }
    assert_int_equal(generation(f), 1);
    assert_true(reported(f, "noscript"));
}

static void test_stopped_server_times_out(void **state)
{
    struct fixture *f = need_redis(state);
    f->config.connect_timeout_us = f->config.timeout_us = 300 * 1000;
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    redis_server_pause(&f->server);
    submit_view(f, 0, 1, 6, "G");
    bool timed_out = eventually(f, has_fault, RS_REDIS_TIMEOUT);
    int64_t age_us = status_of(f).oldest_us;
    redis_server_resume(&f->server);
    assert_true(timed_out);
    assert_true(age_us >= 300 * 1000);
    expect_finished(f, RS_BATCH_APPLIED, 6);
    assert_int_equal(generation(f), 1); /* the same server, with all we wrote */
    assert_true(status_of(f).errors >= 1);
}

static void test_full_memory_is_waited_for(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    freeReplyObject(redis_do(f->redis, "CONFIG SET maxmemory 1"));
    submit_view(f, 0, 1, 6, "H");
    assert_true(eventually(f, has_fault, RS_REDIS_OOM));
    assert_null(finished(f, 200 * 1000));
    assert_true(has_fault(f, RS_REDIS_OOM));
    assert_true(reported(f, "maxmemory"));
    freeReplyObject(redis_do(f->redis, "CONFIG SET maxmemory 0"));
    expect_finished(f, RS_BATCH_APPLIED, 6);
    assert_true(eventually(f, has_fault, RS_REDIS_FINE));
    assert_int_equal(generation(f), 1);
    assert_string_equal(redis_text(f->redis, "HGET rs:t1m:H trades"), "1");
}

static void test_evicted_keys_are_a_loss(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    wait_for_looks(f, 2); /* the count of evictions so far is known */
    freeReplyObject(redis_do(f->redis, "CONFIG SET maxmemory-policy allkeys-random"));
    freeReplyObject(redis_do(f->redis, "CONFIG SET maxmemory 3mb"));
    for (int i = 0; i < 300; i++) {
        freeReplyObject(redis_do(f->redis, "SET filler:%d %s", i, rs_redis_script_text()));
    }
    assert_true(eventually(f, has_generation, 2));
    assert_true(reported(f, "Set maxmemory-policy noeviction") || reported(f, "Redis was emptied"));
}

static void test_failing_disk_is_waited_for(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    freeReplyObject(redis_do(f->redis, "CONFIG SET min-replicas-to-write 1"));
    submit_view(f, 0, 1, 6, "H");
    assert_true(eventually(f, has_fault, RS_REDIS_NOREPLICAS));
    freeReplyObject(redis_do(f->redis, "CONFIG SET min-replicas-to-write 0"));
    expect_finished(f, RS_BATCH_APPLIED, 6);
}

static bool is_busy(struct fixture *f, int64_t unused)
{
    (void)unused;
    return strncmp(redis_text(f->redis, "PING"), "BUSY", 4) == 0;
}

static void test_busy_server_is_waited_for(void **state)
{
    struct fixture *f = need_redis(state);
    redisContext *hog = redis_server_connect(&f->server);
    freeReplyObject(redis_do(f->redis, "CONFIG SET busy-reply-threshold 20"));
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    redisAppendCommand(hog, "EVAL %s 0", "while true do end");
    int done = 0;
    assert_int_equal(redisBufferWrite(hog, &done), REDIS_OK);
    assert_true(eventually(f, is_busy, 0));
    submit_view(f, 0, 1, 6, "H");
    assert_true(eventually(f, has_fault, RS_REDIS_BUSY));
    freeReplyObject(redis_do(f->redis, "SCRIPT KILL"));
    expect_finished(f, RS_BATCH_APPLIED, 6);
    redisFree(hog);
}

static void test_replica_is_refused_and_then_suspect(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    freeReplyObject(redis_do(f->redis, "REPLICAOF 127.0.0.1 1"));
    submit_view(f, 0, 1, 6, "H");
    assert_true(eventually(f, has_fault, RS_REDIS_READONLY));
    freeReplyObject(redis_do(f->redis, "REPLICAOF NO ONE"));
    expect_finished(f, RS_BATCH_APPLIED, 6);
    assert_int_equal(generation(f), 2); /* it may have been filled with another's data meanwhile */
}

static void test_stray_types_are_replaced(void **state)
{
    struct fixture *f = need_redis(state);
    freeReplyObject(redis_do(f->redis, "MSET rs:meta a rs:t1m:G b"));
    freeReplyObject(redis_do(f->redis, "LPUSH rs:fence:g:t.trades:0 c"));
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    assert_true(eventually(f, has_meta, 2));
    assert_string_equal(redis_text(f->redis, "HGET rs:t1m:G trades"), "1");
    assert_string_equal(redis_text(f->redis, "GET rs:fence:g:t.trades:0"), "1:5:0");
    assert_int_equal(status_of(f).replaced, 2);
    assert_true(reported(f, "held another type"));
    /* A lost index is filled again by publishing everything. */
    freeReplyObject(redis_do(f->redis, "SET rs:t1m:index d"));
    submit_view(f, 0, 1, 6, "G");
    expect_finished(f, RS_BATCH_APPLIED, 6);
    assert_int_equal(generation(f), 2);
    assert_int_equal(status_of(f).replaced, 3);
}

static void test_password_is_sent_and_never_shown(void **state)
{
    struct fixture *f = need_redis(state);
    freeReplyObject(redis_do(f->redis, "CONFIG SET requirepass geheim123"));
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    assert_true(eventually(f, has_fault, RS_REDIS_NOAUTH));
    rs_redis_sink_free(&f->sink);
    snprintf(f->config.address.password, sizeof f->config.address.password, "falsch456");
    start_sink(f);
    assert_true(eventually(f, has_fault, RS_REDIS_WRONGPASS));
    assert_false(reported(f, "falsch456"));
    assert_null(strstr(status_of(f).last_error, "falsch456"));
    rs_redis_sink_free(&f->sink);
    snprintf(f->config.address.password, sizeof f->config.address.password, "geheim123");
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    assert_false(reported(f, "geheim123"));
}

/* The user of deploy/redis-acl. */
static void make_listed_user(struct fixture *f)
{
    char line[2048];
    const char *argv[64];
    int argc = 0;
    FILE *file = fopen("deploy/redis-acl", "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_int_equal(fgetc(file), EOF); /* one line */
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    char *rest = line;
    for (char *word = strsep(&rest, " "); word && argc < 64; word = strsep(&rest, " ")) {
        argv[argc++] = word;
    }
    redisReply *reply = redisCommandArgv(f->redis, argc, argv, NULL);
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
    freeReplyObject(redis_do(f->redis, "ACL SETUSER rollstat >pw"));
}

/* The list in deploy/redis-acl is what is needed. */
static void test_listed_commands_suffice(void **state)
{
    struct fixture *f = need_redis(state);
    make_listed_user(f);
    /* Those that only look after what earlier versions and failovers left, and the commands --forget and
     * --take-over: a user made for an earlier version goes on. */
    freeReplyObject(
        redis_do(f->redis, "ACL SETUSER rollstat -hget -hlen -hkeys -hscan -zcard -zrange -renamenx -scan"));
    snprintf(f->config.address.username, sizeof f->config.address.username, "rollstat");
    snprintf(f->config.address.password, sizeof f->config.address.password, "pw");
    f->config.address.database = 2;
    start_sink(f);
    struct rs_view_batch *batch = new_batch(0, 1, 5, 0);
    put_view(batch, 0, RS_OP_FIRST, "G", one_view, 1);
    put_view(batch, 0, 0, "H", one_view, 1);
    put_history(batch, "G", 0, "1");
    rs_batch_drop(batch, 0, rs_slice_text("H"));
    submit(f, batch);
    expect_finished(f, RS_BATCH_APPLIED, 5);
    wait_for_looks(f, 2); /* at fences and statistics */
    struct rs_redis_status status = status_of(f);
    assert_int_equal(status.errors, 0);
    assert_int_equal(status.fault, RS_REDIS_FINE);
    freeReplyObject(redis_do(f->redis, "ACL SETUSER rollstat -zadd"));
    submit_view(f, 0, 1, 6, "G");
    assert_true(eventually(f, has_fault, RS_REDIS_NOPERM));
    freeReplyObject(redis_do(f->redis, "ACL SETUSER rollstat +zadd"));
    expect_finished(f, RS_BATCH_APPLIED, 6);
    freeReplyObject(redis_do(f->redis, "SELECT 2"));
    assert_string_equal(redis_text(f->redis, "HGET rs:t1m:G trades"), "1");
}

static bool has_watched(struct fixture *f, int64_t wanted)
{
    return (strstr(redis_text(f->redis, "INFO commandstats"), "cmdstat_exec:calls=") != NULL) == (bool)wanted;
}

static void submit_views(struct fixture *f, int64_t offset)
{
    struct rs_view_batch *batch = new_batch(0, 1, offset, 0);
    for (int i = 0; i < 20; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        put_view(batch, 0, 0, key, one_view, offset);
    }
    submit(f, batch);
    expect_finished(f, RS_BATCH_APPLIED, offset);
}

/* A user who was made for an earlier version may not use transactions. */
static void test_without_transactions_scripts_write(void **state)
{
    static const char *const missing[] = {"-watch -multi -exec -discard", "-multi", "-watch", "-exec"};
    struct fixture *f = need_redis(state);
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        make_listed_user(f);
        char command[128];
        snprintf(command, sizeof command, "ACL SETUSER rollstat %s", missing[i]);
        freeReplyObject(redis_do(f->redis, command));
        snprintf(f->config.address.username, sizeof f->config.address.username, "rollstat");
        snprintf(f->config.address.password, sizeof f->config.address.password, "pw");
        f->reports.text[0] = '\0';
        start_sink(f);
        for (int64_t offset = 1; offset <= 5; offset++) {
            submit_views(f, 10 * (int64_t)i + offset);
        }
        if (!reported(f, "lacks rights: +")) {
            fail_msg("%s: %s", missing[i], f->reports.text);
        }
        assert_int_equal(kept_reports_count(&f->reports, "written without transactions"), 1);
        assert_string_equal(redis_text(f->redis, "HGET rs:t1m:k19 volume"), "2.5");
        rs_redis_sink_free(&f->sink);
    }
    make_listed_user(f);
    freeReplyObject(redis_do(f->redis, "CONFIG RESETSTAT"));
    start_sink(f);
    submit_views(f, 100);
    assert_true(has_watched(f, 0));
    submit_views(f, 101);
    assert_true(has_watched(f, 1));
}

static bool misses_rights(struct fixture *f, int64_t unused)
{
    (void)unused;
    return reported(f, "lacks rights");
}

static bool has_errors(struct fixture *f, int64_t count)
{
    return status_of(f).errors >= (uint64_t)count;
}

/* Each right that is missing is named as ACL SETUSER would give it, once, and again after ten seconds at
 * most. */
static void test_a_missing_right_is_named(void **state)
{
    static const struct {
        const char *take, *named;
    } rights[] = {{"resetchannels", "lacks rights: &rs:* ("},
                  {"-publish", "lacks rights: +publish ("},
                  {"-zadd -hset", "lacks rights: +hset, +zadd ("},
                  {"resetkeys ~other:*", "lacks rights: ~rs:* ("},
                  {"-script|load", "lacks rights: +script|load ("},
                  {"-evalsha -del", "lacks rights: +evalsha, +del ("},
                  {"-info", "lacks rights: +info ("}};
    struct fixture *f = need_redis(state);
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
        make_listed_user(f);
        char command[128];
        snprintf(command, sizeof command, "ACL SETUSER rollstat %s", rights[i].take);
        freeReplyObject(redis_do(f->redis, command));
        snprintf(f->config.address.username, sizeof f->config.address.username, "rollstat");
        snprintf(f->config.address.password, sizeof f->config.address.password, "pw");
        f->reports.text[0] = '\0';
        start_sink(f);
        submit_view(f, 0, 1, 6, "G");
        assert_true(eventually(f, has_fault, RS_REDIS_NOPERM));
        (void)eventually(f, misses_rights, 0);
        if (!reported(f, rights[i].named)) {
            fail_msg("%s: %s", rights[i].take, f->reports.text);
        }
        assert_true(eventually(f, has_errors, (int64_t)status_of(f).errors + 4)); /* it goes on trying */
        assert_true(kept_reports_count(&f->reports, "lacks rights") < status_of(f).errors);
        assert_non_null(strstr(status_of(f).last_error, "lacks rights"));
        rs_redis_sink_free(&f->sink);
    }
    freeReplyObject(redis_do(f->redis, "FLUSHALL"));
}

static void test_stop_writes_what_was_submitted(void **state)
{
    struct fixture *f = need_redis(state);
    start_sink(f);
    for (int64_t offset = 1; offset <= 100; offset++) {
        submit_view(f, 0, 1, offset, "G");
    }
    assert_int_equal(rs_redis_sink_stop(f->sink, PATIENCE_US), 0);
    assert_string_equal(redis_text(f->redis, "GET rs:fence:g:t.trades:0"), "1:100:0");
    for (int64_t offset = 1; offset <= 100; offset++) {
        expect_finished(f, RS_BATCH_APPLIED, offset);
    }
}

static void test_stop_ends_in_time_without_redis(void **state)
{
    struct fixture *f = need_redis(state);
    redis_server_kill(&f->server);
    start_sink(f);
    submit_view(f, 0, 1, 1, "G");
    submit_view(f, 0, 1, 2, "G");
    int64_t begun = now_us();
    assert_int_equal(rs_redis_sink_stop(f->sink, 200 * 1000), 2);
    int64_t took = now_us() - begun;
    assert_true(took >= 190 * 1000 && took < PATIENCE_US); /* not: until Redis is back */
    expect_finished(f, RS_BATCH_NONE, 1);
    expect_finished(f, RS_BATCH_NONE, 2);
}

static void test_unix_sockets_work(void **state)
{
    struct fixture *f = need_redis(state);
    char path[80];
    redis_server_kill(&f->server);
    snprintf(path, sizeof path, "/tmp/rs-unix-%d.sock", (int)getpid());
    const char *arguments[] = {"--unixsocket", path, NULL};
    restart_server(f, arguments);
    f->config.address = (struct rs_redis_address){0};
    snprintf(f->config.address.path, sizeof f->config.address.path, "%s", path);
    start_sink(f);
    submit_view(f, 0, 1, 5, "G");
    expect_finished(f, RS_BATCH_APPLIED, 5);
    unlink(path);
}

static void test_another_program_at_the_port_is_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum rs_redis_fault fault;
    } replies[] = {
        {"LOADING Redis is loading the dataset in memory", RS_REDIS_LOADING},
        {"READONLY You can't write against a read only replica.", RS_REDIS_READONLY},
        {"OOM command not allowed when used memory > 'maxmemory'. script: ab, on @user_script:3.",
         RS_REDIS_OOM},
        {"ERR Error running script (call to f_ab): @user_script:9: @user_script: 9: -OOM command not allowed",
         RS_REDIS_OOM},
        {"MISCONF Redis is configured to save RDB snapshots", RS_REDIS_MISCONF},
        {"NOAUTH Authentication required.", RS_REDIS_NOAUTH},
        {"WRONGPASS invalid username-password pair or user is disabled.", RS_REDIS_WRONGPASS},
        {"ERR invalid password", RS_REDIS_WRONGPASS},
        {"NOPERM this user has no permissions to run the 'zadd' command", RS_REDIS_NOPERM},
        {"ERR The user executing the script can't run this command or subcommand script: ab, on "
         "@user_script:1.",
         RS_REDIS_NOPERM},
        {"ERR The user executing the script can't publish to the channel mentioned in the command script: ab",
         RS_REDIS_NOPERM},
        {"ERR The user executing the script can't access at least one of the keys mentioned in the command "
         "arguments script: ab",
         RS_REDIS_NOPERM},
        {"NOPERM ACL failure in script: User u has no permissions to run the 'zadd' command script: ab",
         RS_REDIS_NOPERM},
        {"ERR ACL failure in script: No permissions to access a channel script: ab", RS_REDIS_NOPERM},
        {"ERR ACL failure in script: User u has no permissions to run the 'zadd' command script: ab, on "
         "@user_script:1.",
         RS_REDIS_NOPERM},
        {"ERR ACL failure in script: No permissions to access a key script: ab, on @user_script:1.",
         RS_REDIS_NOPERM},
        {"BUSY Redis is busy running a script.", RS_REDIS_BUSY},
        {"NOSCRIPT No matching script. Please use EVAL.", RS_REDIS_NOSCRIPT},
        {"MASTERDOWN Link with MASTER is down", RS_REDIS_MASTERDOWN},
        {"MOVED 3999 127.0.0.1:6381", RS_REDIS_CLUSTER},
        {"CLUSTERDOWN Hash slot not served", RS_REDIS_CLUSTER},
        {"CROSSSLOT Keys in request don't hash to the same slot", RS_REDIS_CLUSTER},
        {"ERR max number of clients reached", RS_REDIS_MAXCLIENTS},
        {"ERR unknown command `EVALSHA`", RS_REDIS_SCRIPT},
        {"WRONGTYPE Operation against a key", RS_REDIS_SCRIPT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        assert_int_equal(rs_redis_fault_of_reply(replies[i].text), replies[i].fault);
    }
    assert_string_equal(rs_redis_fault_name(RS_REDIS_OOM), "oom");
    assert_string_equal(rs_redis_fault_name(RS_REDIS_FINE), "fine");
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_program_at_the_port_is_told_apart),
        LIVE(test_batches_are_written_in_order),
        LIVE(test_finished_batches_go_to_their_worker),
        LIVE(test_fenced_and_behind_are_answered),
        LIVE(test_redis_may_come_later),
        LIVE(test_killed_server_is_a_loss),
        LIVE(test_flush_is_noticed_while_idle),
        LIVE(test_flush_is_noticed_by_the_next_batch),
        LIVE(test_older_fence_is_a_loss),
        LIVE(test_a_new_owner_is_no_loss),
        LIVE(test_flush_counts_once_for_all_connections),
        LIVE(test_flushed_script_is_loaded_again),
        LIVE(test_stopped_server_times_out),
        LIVE(test_full_memory_is_waited_for),
        LIVE(test_evicted_keys_are_a_loss),
        LIVE(test_failing_disk_is_waited_for),
        LIVE(test_busy_server_is_waited_for),
        LIVE(test_replica_is_refused_and_then_suspect),
        LIVE(test_stray_types_are_replaced),
        LIVE(test_password_is_sent_and_never_shown),
        LIVE(test_listed_commands_suffice),
        LIVE(test_without_transactions_scripts_write),
        LIVE(test_a_missing_right_is_named),
        LIVE(test_stop_writes_what_was_submitted),
        LIVE(test_stop_ends_in_time_without_redis),
        LIVE(test_unix_sockets_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
