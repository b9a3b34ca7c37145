/* The script against a real Redis: the fence in every combination, and each operation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sink/redis/script.h"
#include "tests/unit/sink/batches.h"
#include "tests/unit/sink/redis_server.h"

static struct redis_server server;
static redisContext *redis;
static struct rs_redis_packer *packer;
static char sha[64];

static int start(void **state)
{
    struct rs_error error;
    (void)state;
    if (!redis_server_available()) {
        return 0;
    }
    redis_server_start(&server, 0, NULL);
    redis = redis_server_connect(&server);
    redisReply *reply = redis_do(redis, "SCRIPT LOAD %s", rs_redis_script_text());
    snprintf(sha, sizeof sha, "%s", reply->str);
    freeReplyObject(reply);
    int code = rs_redis_packer_new("rs", test_metas, 3, &packer, &error);
    return code == 0 ? rs_redis_packer_identify(packer, "g", "c", &error) : code;
}

static int stop(void **state)
{
    (void)state;
    if (redis) {
        redisFree(redis);
    }
    rs_redis_packer_free(&packer);
    redis_server_kill(&server);
    return 0;
}

static int flush(void **state)
{
    (void)state;
    if (redis) {
        freeReplyObject(redis_do(redis, "FLUSHALL"));
    }
    return 0;
}

static void need_redis(void)
{
    if (!redis) {
        print_message("skipped: there is no redis-server in PATH\n");
        skip();
    }
}

/* Sends all calls of a batch and returns the last answer. */
static struct rs_redis_answer run_batch(struct rs_view_batch *batch, unsigned *calls)
{
    struct rs_redis_cursor cursor = {0};
    struct rs_redis_answer answer = {0};
    struct rs_error error;
    unsigned count = 0;
    rs_buf_reset(&batch->conflicts);
    while (!rs_redis_cursor_done(&cursor, batch)) {
        struct rs_buf command = {0};
        redisReply *reply = NULL;
        assert_int_equal(rs_redis_pack(packer, batch, sha, &cursor, &command, &error), 0);
        assert_int_equal(redisAppendFormattedCommand(redis, (char *)command.data, command.size), REDIS_OK);
        assert_int_equal(redisGetReply(redis, (void **)&reply), REDIS_OK);
        if (reply->type == REDIS_REPLY_ERROR) {
            fail_msg("%s", reply->str);
        }
        assert_int_equal(rs_redis_answer_read(reply, &answer, &batch->conflicts, &error), 0);
        freeReplyObject(reply);
        rs_buf_fini(&command);
        count++;
    }
    if (calls) {
        *calls = count;
    }
    return answer;
}

static struct rs_redis_answer run_and_free(struct rs_view_batch *batch)
{
    struct rs_redis_answer answer = run_batch(batch, NULL);
    rs_view_batch_free(&batch);
    return answer;
}

/* ---- the fence ---- */

static void expect_fence(const char *held, uint64_t token, int64_t offset, int64_t shown,
                         enum rs_batch_result result, const char *fence_after)
{
    static const char *const values[] = {"7", "", "", "", "", "7", NULL};
    struct rs_view_batch *batch = new_batch(4, token, offset, shown);
    struct rs_redis_fence held_fence;
    struct rs_redis_fence mine = rs_redis_fence_of(batch);
    freeReplyObject(redis_do(redis, "FLUSHALL"));
    if (held) {
        freeReplyObject(redis_do(redis, "SET rs:fence:g:t.trades:4 %s", held));
    }
    put_view(batch, 0, 0, "X", values, 5);
    struct rs_redis_answer answer = run_and_free(batch);
    assert_int_equal(answer.result, result);
    assert_string_equal(redis_text(redis, "GET rs:fence:g:t.trades:4"), fence_after);
    assert_string_equal(redis_text(redis, "EXISTS rs:t1m:X rs:t1m:index"),
                        result == RS_BATCH_APPLIED ? "2" : "0");
    bool well_formed = held && rs_redis_fence_parse(rs_slice_text(held), &held_fence);
    assert_int_equal(answer.found, well_formed);
    if (well_formed) {
        assert_int_equal(rs_redis_fence_compare(&answer.fence, &held_fence), 0);
    }
    /* The judgement in C, which the memory store uses, is the same. */
    assert_int_equal(rs_redis_fence_judge(well_formed ? &held_fence : NULL, &mine), result);
}

static void test_fence_in_every_combination(void **state)
{
    /* Differences of token, offset and shown time to the fence that is held. */
    (void)state;
    need_redis();
    for (int t = -1; t <= 1; t++) {
        for (int o = -1; o <= 1; o++) {
            for (int s = -1; s <= 1; s++) {
                char after[64];
                enum rs_batch_result result = RS_BATCH_APPLIED;
                if (t < 0) {
                    result = RS_BATCH_FENCED;
                } else if (o < 0 || (o == 0 && s < 0)) {
                    result = RS_BATCH_BEHIND;
                }
                if (result == RS_BATCH_APPLIED) {
                    snprintf(after, sizeof after, "%d:%d:%d", 10 + t, 100 + o, 1000 + s);
                } else {
                    snprintf(after, sizeof after, "%d:100:1000", result == RS_BATCH_BEHIND ? 10 + t : 10);
                }
                expect_fence("10:100:1000", (uint64_t)(10 + t), 100 + o, 1000 + s, result, after);
            }
        }
    }
}

static void test_fence_compares_numbers_not_texts(void **state)
{
    (void)state;
    need_redis();
    expect_fence("9:100:0", 10, 100, 0, RS_BATCH_APPLIED, "10:100:0");
    expect_fence("10:100:0", 9, 200, 0, RS_BATCH_FENCED, "10:100:0");
    expect_fence("1:99:0", 1, 100, 0, RS_BATCH_APPLIED, "1:100:0");
    expect_fence("1:100:0", 1, 99, 0, RS_BATCH_BEHIND, "1:100:0");
    /* Neighbours beyond 2^53, which a double cannot tell apart. */
    expect_fence("1:5:9007199254740993", 1, 5, INT64_C(9007199254740992), RS_BATCH_BEHIND,
                 "1:5:9007199254740993");
    expect_fence("1:5:9007199254740992", 1, 5, INT64_C(9007199254740993), RS_BATCH_APPLIED,
                 "1:5:9007199254740993");
    expect_fence("9007199254740990:5:1", UINT64_C(9007199254740991), 5, 1, RS_BATCH_APPLIED,
                 "9007199254740991:5:1");
    /* Times before 1970, and none at all. */
    expect_fence("1:5:-10", 1, 5, -9, RS_BATCH_APPLIED, "1:5:-9");
    expect_fence("1:5:-9", 1, 5, -10, RS_BATCH_BEHIND, "1:5:-9");
    expect_fence("1:5:-9", 1, 5, 9, RS_BATCH_APPLIED, "1:5:9");
    expect_fence("1:5:0", 1, 5, INT64_MIN, RS_BATCH_BEHIND, "1:5:0");
    expect_fence("1:5:-9223372036854775808", 1, 5, -1, RS_BATCH_APPLIED, "1:5:-1");
}

static void test_fence_missing_or_damaged_is_taken(void **state)
{
    (void)state;
    need_redis();
    expect_fence(NULL, 1, 5, 7, RS_BATCH_APPLIED, "1:5:7");
    expect_fence("", 1, 5, 7, RS_BATCH_APPLIED, "1:5:7");
    expect_fence("nonsense", 1, 5, 7, RS_BATCH_APPLIED, "1:5:7");
    expect_fence("1:2", 1, 5, 7, RS_BATCH_APPLIED, "1:5:7");
    expect_fence("-1:2:3", 1, 5, 7, RS_BATCH_APPLIED, "1:5:7");
    freeReplyObject(redis_do(redis, "FLUSHALL"));
    freeReplyObject(redis_do(redis, "LPUSH rs:fence:g:t.trades:4 a"));
    struct rs_redis_answer answer = run_and_free(new_batch(4, 1, 5, 7));
    assert_int_equal(answer.result, RS_BATCH_APPLIED);
    assert_false(answer.found);
    assert_string_equal(redis_text(redis, "GET rs:fence:g:t.trades:4"), "1:5:7");
}

static void test_empty_batch_takes_the_fence(void **state)
{
    (void)state;
    need_redis();
    assert_int_equal(run_and_free(new_batch(4, 3, 5, 7)).result, RS_BATCH_APPLIED);
    assert_string_equal(redis_text(redis, "GET rs:fence:g:t.trades:4"), "3:5:7");
    assert_int_equal(run_and_free(new_batch(4, 9, 1, 7)).result, RS_BATCH_BEHIND);
    assert_string_equal(redis_text(redis, "GET rs:fence:g:t.trades:4"), "9:5:7");
    assert_int_equal(run_and_free(new_batch(4, 3, 99, 99)).result, RS_BATCH_FENCED);
    assert_string_equal(redis_text(redis, "KEYS rs:fence:*"), "[rs:fence:g:t.trades:4]");
}

/* ---- operations ---- */

static void test_view_replaces_all_fields(void **state)
{
    static const char *const full[] = {"2", "7.5", "60000", "120000", "61000", "2", NULL};
    static const char *const fewer[] = {"3", "", "60000", "120000", "", "3", NULL};
    (void)state;
    need_redis();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_view(batch, 0, 0, "A:B", full, 61000);
    put_view(batch, 0, 0, "A:C", fewer, 62000);
    put_view(batch, 1, 0, "", full, 63000);
    run_and_free(batch);
    assert_string_equal(
        redis_text(redis, "HGETALL rs:t1m:A:B"),
        "[trades 2 volume 7.5 window_start 60000 window_end 120000 event_time 61000 events 2]");
    assert_string_equal(redis_text(redis, "HGETALL rs:t1m:A:C"),
                        "[trades 3 window_start 60000 window_end 120000 events 3]");
    assert_string_equal(redis_text(redis, "HGET rs:total volume"), "7.5");
    assert_string_equal(redis_text(redis, "ZRANGE rs:t1m:index 0 -1 WITHSCORES"), "[A:B 61000 A:C 62000]");
    assert_string_equal(redis_text(redis, "ZRANGE rs:total:index 0 -1 WITHSCORES"), "[ 63000]");
    batch = new_batch(0, 1, 11, 0);
    put_view(batch, 0, 0, "A:B", fewer, 64000);
    run_and_free(batch);
    assert_string_equal(redis_text(redis, "HGETALL rs:t1m:A:B"),
                        "[trades 3 window_start 60000 window_end 120000 events 3]");
    assert_string_equal(redis_text(redis, "ZSCORE rs:t1m:index A:B"), "64000");
}

static void test_later_view_of_a_group_in_one_batch_wins(void **state)
{
    static const char *const one[] = {"1", "", "", "", "", "1", NULL};
    static const char *const two[] = {"2", "5", "", "", "", "2", NULL};
    (void)state;
    need_redis();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_view(batch, 0, 0, "G", one, 1);
    put_view(batch, 0, 0, "G", two, 2);
    put_view(batch, 1, 0, "", two, 2);
    put_view(batch, 0, 0, "G", one, 3);
    run_and_free(batch);
    assert_string_equal(redis_text(redis, "HGETALL rs:t1m:G"), "[trades 1 events 1]");
    assert_string_equal(redis_text(redis, "ZSCORE rs:t1m:index G"), "3");
}

static void test_first_view_drops_fields_of_an_earlier_configuration(void **state)
{
    static const char *const values[] = {"1", "", "", "", "", "1", NULL};
    (void)state;
    need_redis();
    freeReplyObject(redis_do(redis, "HSET rs:t1m:G median 4 trades 9"));
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_view(batch, 0, RS_OP_FIRST, "G", values, 1);
    run_and_free(batch);
    assert_string_equal(redis_text(redis, "HGETALL rs:t1m:G"), "[trades 1 events 1]");
    assert_string_equal(redis_text(redis, "HGETALL rs:owners:t1m"), "[%owner g:c G 0]");
}

static void test_every_change_is_published(void **state)
{
    static const char *const values[] = {"1", "", "", "", "", "1", NULL};
    (void)state;
    need_redis();
    redisContext *subscriber = redis_server_connect(&server);
    freeReplyObject(redis_do(subscriber, "PSUBSCRIBE rs:*"));
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_view(batch, 0, 0, "A:%20", values, 1);
    put_view(batch, 1, 0, "", values, 1);
    rs_batch_drop(batch, 0, rs_slice_text("Z"));
    run_and_free(batch);
    static const char *const expected[] = {"[pmessage rs:* rs:t1m:updates A:%20]",
                                           "[pmessage rs:* rs:t1m:updates Z]",
                                           "[pmessage rs:* rs:total:updates ]"};
    for (size_t i = 0; i < 3; i++) {
        redisReply *reply = NULL;
        char line[128];
        assert_int_equal(redisGetReply(subscriber, (void **)&reply), REDIS_OK);
        snprintf(line, sizeof line, "[%s %s %s %s]", reply->element[0]->str, reply->element[1]->str,
                 reply->element[2]->str, reply->element[3]->str);
        assert_string_equal(line, expected[i]);
        freeReplyObject(reply);
    }
    redisFree(subscriber);
}

static void test_history_replaces_and_trims(void **state)
{
    (void)state;
    need_redis();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_history(batch, "G", 60000, "1");
    put_history(batch, "G", 120000, "2");
    put_history(batch, "G", -60000, "0");
    put_history(batch, "G", 60000, "11");
    run_and_free(batch);
    assert_string_equal(redis_text(redis, "ZRANGE rs:t1m:G:history 0 -1 WITHSCORES"),
                        "[{\"window_start\":-60000,\"events\":0,\"revision\":0} -60000 "
                        "{\"window_start\":60000,\"events\":11,\"revision\":0} 60000 "
                        "{\"window_start\":120000,\"events\":2,\"revision\":0} 120000]");
    batch = new_batch(0, 1, 11, 0);
    put_history(batch, "G", 180000, "3");
    put_history(batch, "G", -120000, "9"); /* older than the three that are kept */
    run_and_free(batch);
    assert_string_equal(redis_text(redis, "ZRANGE rs:t1m:G:history 0 -1 WITHSCORES"),
                        "[{\"window_start\":60000,\"events\":11,\"revision\":0} 60000 "
                        "{\"window_start\":120000,\"events\":2,\"revision\":0} 120000 "
                        "{\"window_start\":180000,\"events\":3,\"revision\":0} 180000]");
}

static void test_drop_removes_every_trace(void **state)
{
    static const char *const values[] = {"1", "", "", "", "", "1", NULL};
    (void)state;
    need_redis();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_view(batch, 0, RS_OP_FIRST, "G", values, 1);
    put_history(batch, "G", 60000, "1");
    put_view(batch, 0, RS_OP_FIRST, "K", values, 1);
    run_and_free(batch);
    batch = new_batch(0, 1, 11, 0);
    put_history(batch, "G", 120000, "1");
    rs_batch_drop(batch, 0, rs_slice_text("G"));
    run_and_free(batch);
    assert_string_equal(redis_text(redis, "EXISTS rs:t1m:G rs:t1m:G:history"), "0");
    assert_string_equal(redis_text(redis, "ZRANGE rs:t1m:index 0 -1"), "[K]");
    assert_string_equal(redis_text(redis, "HGETALL rs:owners:t1m"), "[%owner g:c K 0]");
    /* Dropped and come again in one batch, in this order. */
    batch = new_batch(0, 1, 12, 0);
    rs_batch_drop(batch, 0, rs_slice_text("K"));
    put_view(batch, 0, RS_OP_FIRST, "K", values, 9);
    run_and_free(batch);
    assert_string_equal(redis_text(redis, "ZRANGE rs:t1m:index 0 -1 WITHSCORES"), "[K 9]");
    batch = new_batch(0, 1, 13, 0);
    rs_batch_drop(batch, 0, rs_slice_text("K"));
    run_and_free(batch);
    assert_string_equal(redis_text(redis, "KEYS rs:[ft]*"), "[rs:fence:g:t.trades:0]");
}

static void test_a_group_of_another_partition_is_refused(void **state)
{
    static const char *const values[] = {"1", "", "", "", "", "1", NULL};
    static const char *const others[] = {"5", "", "", "", "", "5", NULL};
    (void)state;
    need_redis();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_view(batch, 0, RS_OP_FIRST, "G", values, 1);
    run_and_free(batch);
    batch = new_batch(1, 1, 10, 0);
    put_view(batch, 0, RS_OP_FIRST, "H", others, 2);
    put_view(batch, 0, RS_OP_FIRST, "G", others, 2);
    put_history(batch, "G", 60000, "5");
    put_history(batch, "H", 60000, "5");
    rs_batch_drop(batch, 0, rs_slice_text("G"));
    run_batch(batch, NULL);
    const uint32_t expected[] = {1, 2};
    assert_int_equal(batch->conflicts.size, sizeof expected);
    assert_memory_equal(batch->conflicts.data, expected, sizeof expected);
    rs_view_batch_free(&batch);
    assert_string_equal(redis_text(redis, "HGET rs:t1m:G trades"), "1");
    assert_string_equal(redis_text(redis, "HGET rs:t1m:H trades"), "5");
    assert_string_equal(redis_text(redis, "EXISTS rs:t1m:G:history rs:t1m:H:history"), "1");
    assert_string_equal(redis_text(redis, "ZRANGE rs:t1m:index 0 -1 WITHSCORES"), "[G 1 H 2]");
    assert_string_equal(redis_text(redis, "HMGET rs:owners:t1m G H"), "[0 1]");
}

static void test_a_group_named_index_is_refused(void **state)
{
    static const char *const values[] = {"1", "", "", "", "", "1", NULL};
    (void)state;
    need_redis();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_view(batch, 0, RS_OP_FIRST, "G", values, 1);
    put_view(batch, 0, RS_OP_FIRST, "index", values, 1);
    run_batch(batch, NULL);
    const uint32_t expected[] = {1};
    assert_int_equal(batch->conflicts.size, sizeof expected);
    assert_memory_equal(batch->conflicts.data, expected, sizeof expected);
    rs_view_batch_free(&batch);
    assert_string_equal(redis_text(redis, "ZRANGE rs:t1m:index 0 -1"), "[G]");
}

static void test_values_of_another_type_are_replaced(void **state)
{
    static const char *const values[] = {"1", "", "", "", "", "1", NULL};
    (void)state;
    need_redis();
    freeReplyObject(redis_do(redis, "SET rs:t1m:G stray"));
    freeReplyObject(redis_do(redis, "SET rs:t1m:G:history stray"));
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_view(batch, 0, 0, "G", values, 1);
    put_history(batch, "G", 60000, "1");
    struct rs_redis_answer answer = run_and_free(batch);
    assert_int_equal(answer.replaced, 2);
    assert_false(answer.lost);
    assert_string_equal(redis_text(redis, "HGET rs:t1m:G trades"), "1");
    assert_string_equal(redis_text(redis, "ZCARD rs:t1m:G:history"), "1");
    /* The index and the owners hold other groups too: they have to be written again. */
    freeReplyObject(redis_do(redis, "SET rs:t1m:index stray"));
    freeReplyObject(redis_do(redis, "SET rs:owners:t1m stray"));
    batch = new_batch(0, 1, 11, 0);
    put_view(batch, 0, RS_OP_FIRST, "G", values, 4);
    answer = run_and_free(batch);
    assert_int_equal(answer.replaced, 2);
    assert_true(answer.lost);
    assert_string_equal(redis_text(redis, "ZRANGE rs:t1m:index 0 -1 WITHSCORES"), "[G 4]");
    assert_string_equal(redis_text(redis, "HGETALL rs:owners:t1m"), "[%owner g:c G 0]");
}

/* A group of one empty value had the aggregate's own name as its key, and its history that of the hash of the
 * value "history": the two erased each other. */
static void test_an_empty_value_meets_no_other_key(void **state)
{
    static const char *const values[] = {"1", "", "", "", "", "1", NULL};
    (void)state;
    need_redis();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_view(batch, 0, RS_OP_FIRST, "", values, 1);
    put_view(batch, 0, RS_OP_FIRST, "history", values, 2);
    put_history(batch, "", 60000, "1");
    put_history(batch, "history", 60000, "2");
    assert_int_equal(run_and_free(batch).replaced, 0);
    assert_string_equal(redis_text(redis, "HGETALL rs:t1m:"), "[trades 1 events 1]");
    assert_string_equal(redis_text(redis, "HGETALL rs:t1m:history"), "[trades 1 events 1]");
    assert_string_equal(redis_text(redis, "ZCARD rs:t1m::history"), "1");
    assert_string_equal(redis_text(redis, "ZCARD rs:t1m:history:history"), "1");
    batch = new_batch(0, 1, 11, 0);
    rs_batch_drop(batch, 0, rs_slice_text(""));
    run_and_free(batch);
    assert_string_equal(redis_text(redis, "EXISTS rs:t1m: rs:t1m::history"), "0");
    assert_string_equal(redis_text(redis, "EXISTS rs:t1m:history rs:t1m:history:history"), "2");
}

static void test_keys_of_earlier_versions_move(void **state)
{
    static const char *const values[] = {"1", "", "", "", "", "1", NULL};
    (void)state;
    need_redis();
    freeReplyObject(redis_do(redis, "HSET rs:t1m trades 7"));
    freeReplyObject(redis_do(redis, "ZADD rs:t1m:history 0 old"));
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    put_view(batch, 0, RS_OP_FIRST, "", values, 1);
    run_and_free(batch);
    assert_string_equal(redis_text(redis, "EXISTS rs:t1m rs:t1m:history"), "0");
    assert_string_equal(redis_text(redis, "ZRANGE rs:t1m::history 0 -1"), "[old]");
}

static void test_large_batches_become_several_calls(void **state)
{
    static const char *const values[] = {"1", "2", "3", "4", "5", "6", NULL};
    unsigned calls = 0;
    (void)state;
    need_redis();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "g%d", i);
        put_view(batch, (uint32_t)(i % 2) * 2, i % 3 ? 0 : RS_OP_FIRST, key, values, i);
    }
    assert_int_equal(run_batch(batch, &calls).result, RS_BATCH_APPLIED);
    assert_int_equal(calls, 18); /* of 56 views, which cost 18 each */
    rs_view_batch_free(&batch);
    assert_string_equal(redis_text(redis, "ZCARD rs:t1m:index"), "500");
    assert_string_equal(redis_text(redis, "ZCARD rs:tally:index"), "500");
    assert_string_equal(redis_text(redis, "HGETALL rs:tally:g999"),
                        "[trades 1 volume 2 window_start 3 window_end 4 event_time 5 events 6]");
}

static void test_wide_views_stay_below_the_limits_of_lua(void **state)
{
    enum { WIDE = 1500 };
    static char names[WIDE][8];
    static const char *pointers[WIDE];
    struct rs_aggregate_meta wide = {
        .name = "wide", .fields = pointers, .field_count = WIDE, .grouped = true, .json = "{}"};
    struct rs_redis_packer *ours = packer;
    struct rs_error error;
    unsigned calls = 0;
    (void)state;
    need_redis();
    for (int i = 0; i < WIDE; i++) {
        snprintf(names[i], sizeof names[i], "f%d", i);
        pointers[i] = names[i];
    }
    assert_int_equal(rs_redis_packer_new("rs", &wide, 1, &packer, &error), 0);
    assert_int_equal(rs_redis_packer_identify(packer, "g", "c", &error), 0);
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    for (uint32_t group = 0; group < 20; group++) {
        char key[8];
        snprintf(key, sizeof key, "%u", group);
        rs_batch_view_begin(batch, 0, 0, rs_slice_text(key));
        for (uint32_t i = 0; i < WIDE; i++) {
            rs_batch_field(batch, i, "1.25", 4);
        }
        rs_batch_end(batch, 1);
    }
    assert_int_equal(run_batch(batch, &calls).result, RS_BATCH_APPLIED);
    assert_true(calls >= 3);
    rs_view_batch_free(&batch);
    rs_redis_packer_free(&packer);
    packer = ours;
    assert_string_equal(redis_text(redis, "HLEN rs:wide:19"), "1500");
}

/* ---- whose the names are ---- */

static void be(const char *group, const char *cluster)
{
    struct rs_error error;
    assert_int_equal(rs_redis_packer_identify(packer, group, cluster, &error), 0);
}

static int be_ourselves_again(void **state)
{
    (void)state;
    if (packer) {
        be("g", "c");
    }
    return flush(state);
}

static enum rs_batch_result write_one(uint64_t token, int64_t offset)
{
    static const char *const values[] = {"1", "", "", "", "", "1", NULL};
    struct rs_view_batch *batch = new_batch(0, token, offset, 0);
    put_view(batch, 0, RS_OP_FIRST, "G", values, 1);
    put_history(batch, "G", 60000, "1");
    return run_and_free(batch).result;
}

/* All that is in Redis, as one number. */
static const char *digest(void)
{
    static char text[64];
    redisReply *reply =
        redis_do(redis, "EVAL %s 0",
                 "local keys, all = redis.call('KEYS', '*'), {} table.sort(keys) "
                 "for _, key in ipairs(keys) do all[#all + 1] = key .. redis.call('DUMP', key) end "
                 "return redis.sha1hex(table.concat(all))");
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    snprintf(text, sizeof text, "%s", reply->str);
    freeReplyObject(reply);
    return text;
}

static void run_meta(void)
{
    struct rs_buf command = {0};
    struct rs_error error;
    redisReply *reply = redis_do(redis, "SCRIPT LOAD %s", rs_redis_meta_script_text());
    char meta_sha[64];
    snprintf(meta_sha, sizeof meta_sha, "%s", reply->str);
    freeReplyObject(reply);
    assert_int_equal(rs_redis_pack_meta(packer, meta_sha, true, &command, &error), 0);
    assert_int_equal(redisAppendFormattedCommand(redis, (char *)command.data, command.size), REDIS_OK);
    assert_int_equal(redisGetReply(redis, (void **)&reply), REDIS_OK);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    freeReplyObject(reply);
    rs_buf_fini(&command);
}

static void test_another_group_or_cluster_touches_nothing(void **state)
{
    static const struct {
        const char *group, *cluster;
        bool refused;
    } others[] = {{"h", "c", true}, {"h", "d", true},  {"g", "d", true}, {"g:", "c", true}, {"", "c", true},
                  {"h", "", true},  {"g:c", "", true}, {"g", "", false}, {"g", "c", false}, {"G", "c", true}};
    (void)state;
    need_redis();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char before[64];
        freeReplyObject(redis_do(redis, "FLUSHALL"));
        be("g", "c");
        run_meta();
        assert_int_equal(write_one(7, 100), RS_BATCH_APPLIED);
        snprintf(before, sizeof before, "%s", digest());
        be(others[i].group, others[i].cluster);
        assert_int_equal(write_one(9, 5000), others[i].refused ? RS_BATCH_REFUSED : RS_BATCH_APPLIED);
        if (others[i].refused) {
            run_meta();
            assert_string_equal(digest(), before);
        }
        be("g", "c");
        assert_int_equal(write_one(9, 6000), RS_BATCH_APPLIED);
    }
}

/* Fence and aggregates apart, so that they may live under one prefix. */
static void test_groups_with_other_aggregates_live_together(void **state)
{
    struct rs_aggregate_meta other = test_metas[0];
    struct rs_redis_packer *ours = packer, *theirs = NULL;
    struct rs_error error;
    (void)state;
    need_redis();
    other.name = "other";
    assert_int_equal(rs_redis_packer_new("rs", &other, 1, &theirs, &error), 0);
    assert_int_equal(write_one(7, 100), RS_BATCH_APPLIED);
    packer = theirs;
    be("h", "c");
    assert_int_equal(write_one(3, 5), RS_BATCH_APPLIED);
    be("g", "d"); /* the same group of another cluster: its fences would meet */
    assert_int_equal(write_one(9, 500), RS_BATCH_REFUSED);
    packer = ours;
    assert_int_equal(write_one(7, 101), RS_BATCH_APPLIED);
    assert_string_equal(redis_text(redis, "GET rs:fence:g:t.trades:0"), "7:101:0");
    assert_string_equal(redis_text(redis, "GET rs:fence:h:t.trades:0"), "3:5:0");
    rs_redis_packer_free(&theirs);
}

static void test_a_cluster_that_was_not_known_is_learnt(void **state)
{
    (void)state;
    need_redis();
    be("g", "");
    assert_int_equal(write_one(1, 1), RS_BATCH_APPLIED);
    be("g", "c");
    assert_int_equal(write_one(1, 2), RS_BATCH_APPLIED);
    assert_string_equal(redis_text(redis, "HGET rs:owners:t1m %%owner"), "g:c");
    assert_string_equal(redis_text(redis, "HGET rs:owners g"), "c");
    be("g", "d");
    assert_int_equal(write_one(1, 3), RS_BATCH_REFUSED);
}

static void test_a_refusal_names_the_other(void **state)
{
    struct rs_buf text = {0};
    struct rs_buf command = {0};
    struct rs_redis_cursor cursor = {0};
    struct rs_error error;
    redisReply *reply = NULL;
    (void)state;
    need_redis();
    assert_int_equal(write_one(1, 1), RS_BATCH_APPLIED);
    be("h", "c");
    struct rs_view_batch *batch = new_batch(0, 1, 1, 0);
    assert_int_equal(rs_redis_pack(packer, batch, sha, &cursor, &command, &error), 0);
    assert_int_equal(redisAppendFormattedCommand(redis, (char *)command.data, command.size), REDIS_OK);
    assert_int_equal(redisGetReply(redis, (void **)&reply), REDIS_OK);
    rs_redis_refusal_text(packer, reply, &text);
    rs_buf_char(&text, '\0');
    assert_string_equal(
        (char *)text.data,
        "aggregate t1m under prefix rs belongs to consumer group g (cluster c), not to group h "
        "(cluster c): give this one another redis.prefix or aggregate name. If that one is gone for "
        "good: rollstatd -c FILE --take-over");
    freeReplyObject(reply);
    rs_view_batch_free(&batch);
    rs_buf_fini(&text);
    rs_buf_fini(&command);
}

/* ---- what an earlier version left ---- */

static void leave_as_an_earlier_version(const char *fence)
{
    freeReplyObject(redis_do(redis, "HSET rs:owners:t1m G 0"));
    freeReplyObject(redis_do(redis, "HSET rs:t1m:G trades 9 events 9"));
    freeReplyObject(redis_do(redis, "HSET rs:meta t1m {}"));
    freeReplyObject(redis_do(redis, "SET rs:fence:trades:0 %s", fence));
}

static void test_the_fence_of_an_earlier_version_holds(void **state)
{
    (void)state;
    need_redis();
    leave_as_an_earlier_version("7:100:50");
    run_meta(); /* which claims the names first */
    assert_int_equal(write_one(6, 500), RS_BATCH_FENCED);
    assert_string_equal(redis_text(redis, "GET rs:fence:trades:0"), "7:100:50");
    assert_int_equal(write_one(8, 99), RS_BATCH_BEHIND);
    assert_string_equal(redis_text(redis, "HGET rs:t1m:G trades"), "9");
    assert_string_equal(redis_text(redis, "GET rs:fence:g:t.trades:0"), "8:100:50");
    /* Its writers are refused from then on: they compare tokens as numbers of any length. */
    assert_string_equal(redis_text(redis, "GET rs:fence:trades:0"), "9007199254740991:100:50");
    assert_int_equal(write_one(8, 101), RS_BATCH_APPLIED);
    assert_string_equal(redis_text(redis, "HGET rs:t1m:G trades"), "1");
    /* Once taken over it tells nothing: the new one may be deleted, as the log advises after a new state
     * topic. */
    freeReplyObject(redis_do(redis, "DEL rs:fence:g:t.trades:0"));
    assert_int_equal(write_one(2, 3), RS_BATCH_APPLIED);
}

static void test_an_earlier_writer_without_a_fence_is_shut_out_too(void **state)
{
    (void)state;
    need_redis();
    leave_as_an_earlier_version("7:100:50");
    freeReplyObject(redis_do(redis, "DEL rs:fence:trades:0"));
    assert_int_equal(write_one(2, 3), RS_BATCH_APPLIED);
    assert_string_equal(redis_text(redis, "GET rs:fence:trades:0"), "9007199254740991:3:0");
}

/* A group of other aggregates that reads a stream of the same name has nothing to do with that fence. */
static void test_the_fence_of_others_is_not_compared(void **state)
{
    (void)state;
    need_redis();
    freeReplyObject(redis_do(redis, "HSET rs:owners:theirs G 0"));
    freeReplyObject(redis_do(redis, "SET rs:fence:trades:0 7:100:50"));
    assert_int_equal(write_one(1, 1), RS_BATCH_APPLIED);
    assert_string_equal(redis_text(redis, "GET rs:fence:trades:0"), "7:100:50");
}

/* ---- what needs no server ---- */

static void test_fences_are_parsed_strictly(void **state)
{
    static const char *const bad[] = {"",
                                      ":",
                                      "1",
                                      "1:2",
                                      "1:2:",
                                      "1:2:3:",
                                      "1:2:3 ",
                                      " 1:2:3",
                                      "-1:2:3",
                                      "1:+2:3",
                                      "99999999999999999999:1:1",
                                      "1:9223372036854775808:1",
                                      "1:1:-",
                                      "a:b:c",
                                      NULL};
    struct rs_redis_fence fence;
    (void)state;
    for (size_t i = 0; bad[i]; i++) {
        assert_false(rs_redis_fence_parse(rs_slice_text(bad[i]), &fence));
    }
    assert_true(rs_redis_fence_parse(rs_slice_text("12:-3:-9223372036854775808"), &fence));
    assert_int_equal(fence.token, 12);
    assert_int_equal(fence.offset, -3);
    assert_true(fence.now_shown_us == INT64_MIN);
}

static void test_answers_are_validated(void **state)
{
    redisReply text = {.type = REDIS_REPLY_STRING, .str = (char[]){"OK"}, .len = 2};
    redisReply number = {.type = REDIS_REPLY_INTEGER, .integer = 0};
    redisReply bad_text = {.type = REDIS_REPLY_STRING, .str = (char[]){"x1"}, .len = 2};
    redisReply empty = {.type = REDIS_REPLY_STRING, .str = (char[]){""}, .len = 0};
    redisReply *elements[5] = {&text, &empty, &number, &number, &bad_text};
    redisReply array = {.type = REDIS_REPLY_ARRAY, .elements = 4, .element = elements};
    struct rs_redis_answer answer;
    struct rs_buf conflicts = {0};
    struct rs_error error;
    (void)state;
    assert_int_equal(rs_redis_answer_read(&array, &answer, &conflicts, &error), 0);
    assert_int_equal(answer.result, RS_BATCH_APPLIED);
    array.elements = 5;
    assert_int_equal(rs_redis_answer_read(&array, &answer, &conflicts, &error), RS_EREDIS);
    array.elements = 3;
    assert_int_equal(rs_redis_answer_read(&array, &answer, &conflicts, &error), RS_EREDIS);
    assert_int_equal(rs_redis_answer_read(&text, &answer, &conflicts, &error), RS_EREDIS);
    array.elements = 4;
    elements[0] = &bad_text;
    assert_int_equal(rs_redis_answer_read(&array, &answer, &conflicts, &error), RS_EREDIS);
    assert_int_equal(conflicts.size, 0);
    rs_buf_fini(&conflicts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fences_are_parsed_strictly),
        cmocka_unit_test(test_answers_are_validated),
        cmocka_unit_test_setup(test_fence_in_every_combination, flush),
        cmocka_unit_test_setup(test_fence_compares_numbers_not_texts, flush),
        cmocka_unit_test_setup(test_fence_missing_or_damaged_is_taken, flush),
        cmocka_unit_test_setup(test_empty_batch_takes_the_fence, flush),
        cmocka_unit_test_setup(test_view_replaces_all_fields, flush),
        cmocka_unit_test_setup(test_later_view_of_a_group_in_one_batch_wins, flush),
        cmocka_unit_test_setup(test_first_view_drops_fields_of_an_earlier_configuration, flush),
        cmocka_unit_test_setup(test_every_change_is_published, flush),
        cmocka_unit_test_setup(test_history_replaces_and_trims, flush),
        cmocka_unit_test_setup(test_drop_removes_every_trace, flush),
        cmocka_unit_test_setup(test_a_group_of_another_partition_is_refused, flush),
        cmocka_unit_test_setup(test_a_group_named_index_is_refused, flush),
        cmocka_unit_test_setup(test_values_of_another_type_are_replaced, flush),
        cmocka_unit_test_setup(test_an_empty_value_meets_no_other_key, flush),
        cmocka_unit_test_setup(test_keys_of_earlier_versions_move, flush),
        cmocka_unit_test_setup(test_another_group_or_cluster_touches_nothing, be_ourselves_again),
        cmocka_unit_test_setup(test_groups_with_other_aggregates_live_together, be_ourselves_again),
        cmocka_unit_test_setup(test_a_cluster_that_was_not_known_is_learnt, be_ourselves_again),
        cmocka_unit_test_setup(test_a_refusal_names_the_other, be_ourselves_again),
        cmocka_unit_test_setup(test_the_fence_of_an_earlier_version_holds, be_ourselves_again),
        cmocka_unit_test_setup(test_an_earlier_writer_without_a_fence_is_shut_out_too, be_ourselves_again),
        cmocka_unit_test_setup(test_the_fence_of_others_is_not_compared, be_ourselves_again),
        cmocka_unit_test_setup(test_large_batches_become_several_calls, be_ourselves_again),
        cmocka_unit_test_setup(test_wide_views_stay_below_the_limits_of_lua, flush),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
