/* Pieces leave in Redis what the script leaves: random batches are written both ways, into two databases. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sink/redis/arguments.h"
#include "sink/redis/piece.h"
#include "tests/lib/random.h"
#include "tests/unit/sink/batches.h"
#include "tests/unit/sink/redis_server.h"

static struct redis_server server;
static redisContext *redis;
static char sha[RS_REDIS_SHA_SIZE + 1];
static struct rs_redis_packer *packer;
static struct rs_redis_piecer *piecer;

static int start(void **state)
{
    struct rs_error error;
    (void)state;
    assert_int_equal(rs_redis_packer_new("rs", test_metas, 3, &packer, &error), 0);
    assert_int_equal(rs_redis_packer_identify(packer, "g", "c", &error), 0);
    assert_int_equal(rs_redis_piecer_new("rs", test_metas, 3, &piecer, &error), 0);
    assert_int_equal(rs_redis_piecer_identify(piecer, "g", "c", &error), 0);
    if (redis_server_available()) {
        redis_server_start(&server, 0, NULL);
        redis = redis_server_connect(&server);
        redisReply *reply = redis_do(redis, "SCRIPT LOAD %s", rs_redis_script_text());
        snprintf(sha, sizeof sha, "%s", reply->str);
        freeReplyObject(reply);
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (redis) {
        redisFree(redis);
    }
    redis_server_kill(&server);
    rs_redis_packer_free(&packer);
    rs_redis_piecer_free(&piecer);
    return 0;
}

static void need_redis(void)
{
    if (!redis) {
        print_message("skipped: there is no redis-server in PATH\n");
        skip();
    }
    freeReplyObject(redis_do(redis, "FLUSHALL"));
}

static redisReply *next_reply(void)
{
    redisReply *reply = NULL;
    assert_int_equal(redisGetReply(redis, (void **)&reply), REDIS_OK);
    assert_non_null(reply);
    return reply;
}

static void select_database(int number)
{
    freeReplyObject(redis_do(redis, "SELECT %d", number));
}

static void call_script(struct rs_view_batch *batch, struct rs_redis_cursor *cursor)
{
    struct rs_redis_answer answer;
    struct rs_error error;
    struct rs_buf command = {0};
    assert_int_equal(rs_redis_pack(packer, batch, sha, cursor, &command, &error), 0);
    assert_int_equal(redisAppendFormattedCommand(redis, (char *)command.data, command.size), REDIS_OK);
    redisReply *reply = next_reply();
    assert_int_equal(rs_redis_answer_read(reply, &answer, &batch->conflicts, &error), 0);
    assert_int_equal(answer.result, RS_BATCH_APPLIED);
    freeReplyObject(reply);
    rs_buf_fini(&command);
}

static void by_script(struct rs_view_batch *batch)
{
    struct rs_redis_cursor cursor = {0};
    while (!rs_redis_cursor_done(&cursor, batch)) {
        call_script(batch, &cursor);
    }
}

/* Whether all that is read lets the piece be written. */
static bool arm(const struct rs_redis_piece *piece, const struct rs_redis_fence *held)
{
    struct rs_buf command = {0};
    bool good = true;
    rs_redis_piece_arm(piecer, piece, &command);
    assert_false(command.failed);
    assert_int_equal(redisAppendFormattedCommand(redis, (char *)command.data, command.size), REDIS_OK);
    rs_buf_fini(&command);
    for (uint32_t at = 0; at < rs_redis_piece_answers(piece); at++) {
        redisReply *reply = next_reply();
        good = rs_redis_piece_permits(piecer, piece, at, reply, held) && good;
        freeReplyObject(reply);
    }
    return good;
}

static void execute(struct rs_redis_piece *piece)
{
    rs_redis_put_count(&piece->body, 1);
    rs_redis_put_text(&piece->body, "EXEC");
    assert_int_equal(redisAppendFormattedCommand(redis, (char *)piece->body.data, piece->body.size),
                     REDIS_OK);
    for (uint32_t i = 0; i < piece->commands; i++) {
        redisReply *reply = next_reply();
        assert_string_equal(reply->str, "QUEUED");
        freeReplyObject(reply);
    }
    redisReply *reply = next_reply();
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, piece->commands);
    for (size_t i = 0; i < reply->elements; i++) {
        assert_int_not_equal(reply->element[i]->type, REDIS_REPLY_ERROR);
    }
    freeReplyObject(reply);
}

static unsigned in_pieces(struct rs_view_batch *batch, struct rs_redis_fence held)
{
    struct rs_redis_piece piece = {0};
    struct rs_redis_cursor cursor = {0};
    unsigned count = 0;
    while (!rs_redis_cursor_done(&cursor, batch)) {
        if (!rs_redis_piece_pack(piecer, batch, &cursor, true, RS_REDIS_PIECE_COST, &piece)) {
            call_script(batch, &cursor); /* a few are left */
            continue;
        }
        assert_true(arm(&piece, &held));
        execute(&piece);
        rs_buf_put(&batch->conflicts, piece.conflicts.data, piece.conflicts.size);
        held = rs_redis_fence_of(batch);
        cursor = piece.to;
        count++;
    }
    rs_redis_piece_fini(&piece);
    return count;
}

/* ---- batches ---- */

static const char *const keys[] = {"a", "b%20c", "d", "index", "history", "e", "f", "gg"};
#define KEY_COUNT (sizeof keys / sizeof *keys)

static void put_random(struct rs_view_batch *batch, struct rs_random *random)
{
    static const char *const texts[] = {"", "1", "2.5", "-17", "1733900400000"};
    const char *values[8] = {0};
    uint32_t aggregate = (uint32_t)rs_random_below(random, 3);
    const char *key = aggregate == 1 ? "" : keys[rs_random_below(random, KEY_COUNT)];
    uint32_t flags = rs_random_one_in(random, 5) ? RS_OP_FIRST : 0;
    for (uint32_t i = 0; i < 6; i++) {
        values[i] = texts[rs_random_below(random, 5)];
    }
    if (aggregate == 0 && rs_random_one_in(random, 3)) {
        int64_t score = rs_random_between(random, 0, 5) * 60000;
        int64_t last = score + rs_random_between(random, 0, 2) * 60000;
        switch (rs_random_below(random, 4)) {
        case 0: put_session(batch, key, score, last, "4"); break;
        case 1: put_session(batch, key, score, last, NULL); break;
        default: put_history(batch, key, score, "3");
        }
    } else {
        put_view(batch, aggregate, flags, key, values, rs_random_between(random, 1, 99));
    }
}

/* Every group is this partition's. */
static struct rs_view_batch *first_batch(void)
{
    static const char *const values[] = {"7", "7", "7", "7", "7", "7", NULL};
    struct rs_view_batch *batch = new_batch(4, 9, 10, 0);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        put_view(batch, 0, RS_OP_FIRST, keys[i], values, 1);
        put_view(batch, 2, RS_OP_FIRST, keys[i], values, 1);
    }
    put_view(batch, 1, RS_OP_FIRST, "", values, 1);
    return batch;
}

/* Enough for a piece: the first is announced since nothing is before it, and one because it says so. */
static struct rs_view_batch *plain_batch_of_history(void)
{
    struct rs_view_batch *batch = new_batch(4, 9, 20, 0);
    for (int i = 0; i < 40; i++) {
        put_history(batch, i == 0 ? "a" : "d", i * 60000, "1");
    }
    rs_batch_history_begin(batch, 0, rs_slice_text("e"), 60000);
    rs_batch_announce(batch);
    rs_batch_field(batch, 5, "1", 1);
    rs_batch_end(batch, 0);
    return batch;
}

static void expect_equal_databases(void)
{
    select_database(0);
    redisReply *names = redis_do(redis, "KEYS *");
    char *size = strdup(redis_text(redis, "DBSIZE"));
    select_database(1);
    assert_string_equal(redis_text(redis, "DBSIZE"), size);
    free(size);
    for (size_t i = 0; i < names->elements; i++) {
        static const char *const reads[] = {"GET %s", "HGETALL %s", "ZRANGE %s 0 -1 WITHSCORES", "TYPE %s"};
        for (size_t k = 0; k < 4; k++) {
            char *texts[2];
            for (int database = 0; database < 2; database++) {
                select_database(database);
                const char *order = k == 1 ? "EVAL %s 1 %s" : NULL;
                texts[database] = strdup(
                    order ? redis_text(
                                redis, order,
                                "local h = redis.pcall('HGETALL', KEYS[1]) if h.err then return 0 end "
                                "local p = {} for i = 1, #h, 2 do p[#p + 1] = h[i] .. '=' .. h[i + 1] end "
                                "table.sort(p) return p",
                                names->element[i]->str)
                          : redis_text(redis, reads[k], names->element[i]->str));
            }
            if (strcmp(texts[0], texts[1]) != 0) {
                fail_msg("%s: by the script %s, in pieces %s", names->element[i]->str, texts[0], texts[1]);
            }
            free(texts[0]);
            free(texts[1]);
        }
    }
    freeReplyObject(names);
}

/* ---- tests ---- */

/* What a subscriber hears of a batch, in order, up to what is published behind it. */
static void heard(redisContext *subscriber, struct rs_buf *out)
{
    freeReplyObject(redis_do(redis, "PUBLISH rs:t1m:updates end"));
    for (bool more = true; more;) {
        redisReply *reply = NULL;
        assert_int_equal(redisGetReply(subscriber, (void **)&reply), REDIS_OK);
        more = strcmp(reply->element[3]->str, "end") != 0;
        rs_buf_printf(out, "%s ", reply->element[3]->str);
        freeReplyObject(reply);
    }
    rs_buf_char(out, '\0');
}

static void expect_heard(redisContext *subscriber, const char *expected)
{
    struct rs_buf lines = {0};
    heard(subscriber, &lines);
    assert_string_equal((const char *)lines.data, expected);
    rs_buf_fini(&lines);
}

/* A window is announced where it says so, and where its view may have been in the piece before. */
static void test_windows_are_announced(void **state)
{
    (void)state;
    need_redis();
    redisContext *subscriber = redis_server_connect(&server);
    struct rs_view_batch *first = first_batch();
    struct rs_view_batch *batch = plain_batch_of_history();
    by_script(first);
    freeReplyObject(redis_do(subscriber, "PSUBSCRIBE rs:t1m:*"));
    assert_int_equal(in_pieces(batch, rs_redis_fence_of(first)), 1);
    expect_heard(subscriber, "a e end ");
    by_script(batch);
    expect_heard(subscriber, "a e end ");
    freeReplyObject(redis_do(redis, "HSET rs:owners:t1m e 5"));
    by_script(batch);
    expect_heard(subscriber, "a end "); /* e is another partition's */
    redisFree(subscriber);
    rs_view_batch_free(&first);
    rs_view_batch_free(&batch);
}

static void test_pieces_leave_what_the_script_leaves(void **state)
{
    struct rs_random random = rs_random_of_run();
    unsigned pieces = 0;
    (void)state;
    need_redis();
    for (int round = 0; round < 60; round++) {
        struct rs_view_batch *first = first_batch();
        struct rs_view_batch *batch = new_batch(4, 9, 11 + round, round);
        for (int64_t i = rs_random_between(&random, 4, 300); i > 0; i--) {
            put_random(batch, &random);
        }
        freeReplyObject(redis_do(redis, "FLUSHALL"));
        for (int database = 0; database < 2; database++) {
            select_database(database);
            by_script(first);
        }
        struct rs_redis_fence held = rs_redis_fence_of(first);
        rs_buf_reset(&batch->conflicts);
        pieces += in_pieces(batch, held);
        size_t conflicts = batch->conflicts.size;
        select_database(0);
        rs_buf_reset(&batch->conflicts);
        by_script(batch);
        assert_int_equal(batch->conflicts.size, conflicts);
        expect_equal_databases();
        rs_view_batch_free(&first);
        rs_view_batch_free(&batch);
    }
    assert_true(pieces > 120);
}

#define MEMBER(start, events) "{\"window_start\":" #start ",\"events\":" #events ",\"revision\":0} " #start

/* One that joined others stands in their place; one that goes on again leaves none. */
static void test_a_session_takes_what_it_joined(void **state)
{
    (void)state;
    need_redis();
    for (int way = 0; way < 2; way++) {
        freeReplyObject(redis_do(redis, "FLUSHALL"));
        struct rs_view_batch *first = first_batch();
        struct rs_view_batch *batch = new_batch(4, 9, 11, 0);
        by_script(first);
        put_session(batch, "a", 100, 150, "1");
        put_session(batch, "a", 200, 200, "2");
        put_history(batch, "a", 500, "9"); /* a section of its own in the script */
        put_session(batch, "a", 300, 310, "3");
        put_session(batch, "a", 90, 200, "5");
        put_session(batch, "d", 250, 400, NULL);
        if (way == 0) {
            by_script(batch);
        } else {
            assert_int_equal(in_pieces(batch, rs_redis_fence_of(first)), 1);
        }
        assert_string_equal(redis_text(redis, "ZRANGE rs:t1m:a:history 0 -1 WITHSCORES"),
                            "[" MEMBER(90, 5) " " MEMBER(300, 3) " " MEMBER(500, 9) "]");
        assert_string_equal(redis_text(redis, "EXISTS rs:t1m:d:history"), "0");
        struct rs_view_batch *next = new_batch(4, 9, 12, 0);
        put_session(next, "a", 250, 400, NULL);
        by_script(next);
        assert_string_equal(redis_text(redis, "ZRANGE rs:t1m:a:history 0 -1 WITHSCORES"),
                            "[" MEMBER(90, 5) " " MEMBER(500, 9) "]");
        rs_view_batch_free(&first);
        rs_view_batch_free(&batch);
        rs_view_batch_free(&next);
    }
}

static struct rs_view_batch *plain_batch(void)
{
    struct rs_view_batch *batch = first_batch();
    batch->offset = 20;
    return batch;
}

static void expect_permission(bool wanted, const char *change)
{
    struct rs_redis_piece piece = {0};
    struct rs_redis_cursor cursor = {0};
    struct rs_view_batch *first = first_batch();
    struct rs_view_batch *batch = plain_batch();
    struct rs_redis_fence held = rs_redis_fence_of(first);
    freeReplyObject(redis_do(redis, "FLUSHALL"));
    by_script(first);
    if (change) {
        freeReplyObject(redis_do(redis, change));
    }
    assert_true(rs_redis_piece_pack(piecer, batch, &cursor, true, RS_REDIS_PIECE_COST, &piece));
    if (arm(&piece, &held) != wanted) {
        fail_msg("%s", change ? change : "nothing changed");
    }
    freeReplyObject(redis_do(redis, "DISCARD"));
    rs_redis_piece_fini(&piece);
    rs_view_batch_free(&first);
    rs_view_batch_free(&batch);
}

static void test_what_is_not_as_expected_forbids(void **state)
{
    (void)state;
    need_redis();
    expect_permission(true, NULL);
    expect_permission(false, "SET rs:fence:g:t.trades:4 10:10:0");
    expect_permission(false, "SET rs:fence:g:t.trades:4 9:11:0");
    expect_permission(false, "SET rs:fence:g:t.trades:4 9:9:0");
    expect_permission(false, "SET rs:fence:g:t.trades:4 x");
    expect_permission(false, "DEL rs:fence:g:t.trades:4");
    expect_permission(false, "HSET rs:owners g d");
    expect_permission(false, "HDEL rs:owners g");
    expect_permission(false, "HSET rs:owners:total %%owner h:c");
    expect_permission(false, "HDEL rs:owners:total %%owner");
    expect_permission(false, "HSET rs:owners:t1m gg 5");
    expect_permission(false, "HDEL rs:owners:t1m gg");
    expect_permission(true, "HSET rs:owners:t1m other 5");
}

/* Deletions, and first publications where they are not wanted; what is left in front is worth it or not. */
static void test_the_script_is_left_what_is_its(void **state)
{
    static const char *const values[] = {"1", "", "", "", "", "1", NULL};
    struct rs_redis_piece piece = {0};
    struct rs_redis_cursor cursor = {0};
    struct rs_view_batch *batch = new_batch(4, 9, 10, 0);
    (void)state;
    for (int i = 0; i < 20; i++) {
        put_view(batch, 0, 0, keys[0], values, 1);
    }
    put_view(batch, 0, RS_OP_FIRST, keys[1], values, 1);
    rs_batch_drop(batch, 0, rs_slice_text(keys[2]));
    assert_true(rs_redis_piece_pack(piecer, batch, &cursor, true, RS_REDIS_PIECE_COST, &piece));
    assert_int_equal(piece.to.op, 21);
    assert_true(piece.first);
    assert_false(piece.last);
    assert_true(rs_redis_piece_pack(piecer, batch, &cursor, false, RS_REDIS_PIECE_COST, &piece));
    assert_int_equal(piece.to.op, 20);
    assert_false(piece.first);
    cursor = piece.to;
    assert_false(rs_redis_piece_pack(piecer, batch, &cursor, true, RS_REDIS_PIECE_COST, &piece));
    assert_null(piece.batch);
    rs_redis_piece_fini(&piece);
    rs_view_batch_free(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_leave_what_the_script_leaves),
        cmocka_unit_test(test_windows_are_announced),
        cmocka_unit_test(test_a_session_takes_what_it_joined),
        cmocka_unit_test(test_what_is_not_as_expected_forbids),
        cmocka_unit_test(test_the_script_is_left_what_is_its),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
