/* The memory store by itself, and against Redis: the same random batches give the same content. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sink/memory/store.h"
#include "sink/redis/sink.h"
#include "tests/lib/random.h"
#include "tests/unit/sink/batches.h"
#include "tests/unit/sink/redis_server.h"

static const char *const some[] = {"1", "2.5", "0", "60000", "100", "1", NULL};
static const char *const fewer[] = {"0", "", "", "", "", "0", NULL};

static struct rs_memory_store *new_store(void)
{
    struct rs_memory_store *store = NULL;
    struct rs_error error;
    assert_int_equal(rs_memory_store_new("rs", test_metas, 3, &store, &error), 0);
    return store;
}

static struct rs_view_batch *apply(struct rs_memory_store *store, struct rs_view_batch *batch)
{
    struct rs_view_sink table = rs_memory_store_table(store);
    table.ops->submit(table.self, &batch);
    assert_null(batch);
    return table.ops->finished(table.self, 0);
}

static void apply_and_free(struct rs_memory_store *store, struct rs_view_batch *batch,
                           enum rs_batch_result result)
{
    struct rs_view_batch *done = apply(store, batch);
    assert_non_null(done);
    assert_int_equal(done->result, result);
    rs_view_batch_free(&done);
}

static char *print_store(const struct rs_memory_store *store)
{
    char *text = NULL;
    size_t size = 0;
    struct rs_error error;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(rs_memory_store_print(store, out, &error), 0);
    fclose(out);
    return text;
}

static void test_prints_keys_in_order(void **state)
{
    struct rs_memory_store *store = new_store();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    (void)state;
    put_view(batch, 0, RS_OP_FIRST, "B", some, 500);
    put_view(batch, 0, RS_OP_FIRST, "A:%20\"", fewer, 500);
    put_view(batch, 0, RS_OP_FIRST, "A", some, 400);
    put_view(batch, 1, RS_OP_FIRST, "", some, 500);
    put_history(batch, "B", 60000, "2");
    put_history(batch, "B", 0, "1");
    apply_and_free(store, batch, RS_BATCH_APPLIED);
    char *text = print_store(store);
    assert_string_equal(
        text,
        "{\"key\":\"rs:meta\",\"type\":\"hash\",\"value\":{\"t1m\":{\"window\":\"1m\"},\"total\":{},"
        "\"tally\":{}}}\n"
        "{\"key\":\"rs:t1m:A\",\"type\":\"hash\",\"value\":{\"trades\":\"1\",\"volume\":\"2.5\",\"window_"
        "start\":0,"
        "\"window_end\":60000,\"event_time\":100,\"events\":1}}\n"
        "{\"key\":\"rs:t1m:A:%20\\\"\",\"type\":\"hash\",\"value\":{\"trades\":\"0\",\"events\":0}}\n"
        "{\"key\":\"rs:t1m:B\",\"type\":\"hash\",\"value\":{\"trades\":\"1\",\"volume\":\"2.5\",\"window_"
        "start\":0,"
        "\"window_end\":60000,\"event_time\":100,\"events\":1}}\n"
        "{\"key\":\"rs:t1m:B:history\",\"type\":\"zset\",\"value\":[[0,{\"window_start\":0,\"events\":1,"
        "\"revision\":0}],[60000,{\"window_start\":60000,\"events\":2,\"revision\":0}]]}\n"
        "{\"key\":\"rs:t1m:index\",\"type\":\"zset\",\"value\":[[400,\"A\"],[500,\"A:%20\\\"\"],[500,\"B\"]]}"
        "\n"
        "{\"key\":\"rs:total\",\"type\":\"hash\",\"value\":{\"trades\":\"1\",\"volume\":\"2.5\",\"window_"
        "start\":0,"
        "\"window_end\":60000,\"event_time\":100,\"events\":1}}\n"
        "{\"key\":\"rs:total:index\",\"type\":\"zset\",\"value\":[[500,\"\"]]}\n");
    free(text);
    rs_memory_store_free(&store);
}

static void test_can_be_asked(void **state)
{
    struct rs_memory_store *store = new_store();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    struct rs_memory_store_counts counts;
    (void)state;
    put_view(batch, 0, 0, "B", some, 500);
    put_history(batch, "B", 60000, "2");
    apply_and_free(store, batch, RS_BATCH_APPLIED);
    assert_true(rs_slice_equal(rs_memory_store_field(store, "t1m", "B", "volume"), rs_slice_text("2.5")));
    assert_null(rs_memory_store_field(store, "t1m", "B", "revision").data);
    assert_null(rs_memory_store_field(store, "t1m", "C", "volume").data);
    assert_null(rs_memory_store_field(store, "none", "B", "volume").data);
    assert_true(rs_slice_equal(rs_memory_store_history(store, "t1m", "B", 60000),
                               rs_slice_text("{\"window_start\":60000,\"events\":2,\"revision\":0}")));
    assert_null(rs_memory_store_history(store, "t1m", "B", 0).data);
    rs_memory_store_counts(store, &counts);
    assert_int_equal(counts.hashes, 1);
    assert_int_equal(counts.history_members, 1);
    assert_int_equal(counts.operations, 2);
    assert_false(rs_memory_store_failed(store));
    rs_memory_store_free(&store);
}

static void test_keeps_only_the_newest_history(void **state)
{
    struct rs_memory_store *store = new_store();
    (void)state;
    for (int64_t i = 0; i < 1000; i++) {
        struct rs_view_batch *batch = new_batch(0, 1, i, 0);
        put_history(batch, "B", i, "2");
        put_history(batch, "B", i - 2, "3"); /* a correction of the oldest that is kept */
        apply_and_free(store, batch, RS_BATCH_APPLIED);
    }
    char *text = print_store(store);
    assert_non_null(strstr(text, "\"value\":[[997,{\"window_start\":997,\"events\":3,\"revision\":0}],"
                                 "[998,{\"window_start\":998,\"events\":2,\"revision\":0}],"
                                 "[999,{\"window_start\":999,\"events\":2,\"revision\":0}]]}"));
    free(text);
    rs_memory_store_free(&store);
}

/* One that joined others stands in their place; one that goes on again leaves none. */
static void test_a_session_takes_what_it_joined(void **state)
{
    struct rs_memory_store *store = new_store();
    struct rs_view_batch *batch = new_batch(0, 1, 10, 0);
    (void)state;
    put_session(batch, "B", 100, 150, "1");
    put_session(batch, "B", 200, 200, "2");
    put_session(batch, "B", 300, 310, "3");
    put_session(batch, "B", 90, 200, "5");
    apply_and_free(store, batch, RS_BATCH_APPLIED);
    char *text = print_store(store);
    assert_non_null(strstr(text, "\"value\":[[90,{\"window_start\":90,\"events\":5,\"revision\":0}],"
                                 "[300,{\"window_start\":300,\"events\":3,\"revision\":0}]]}"));
    free(text);
    batch = new_batch(0, 1, 11, 0);
    put_session(batch, "B", 250, 400, NULL);
    apply_and_free(store, batch, RS_BATCH_APPLIED);
    text = print_store(store);
    assert_non_null(strstr(text, "\"value\":[[90,{\"window_start\":90,\"events\":5,\"revision\":0}]]}"));
    free(text);
    batch = new_batch(0, 1, 12, 0);
    put_session(batch, "B", 90, 400, NULL);
    put_session(batch, "C", 90, 400, NULL);
    apply_and_free(store, batch, RS_BATCH_APPLIED);
    text = print_store(store);
    assert_null(strstr(text, "history\",\"type"));
    free(text);
    rs_memory_store_free(&store);
}

static void test_can_be_away_and_wiped_and_fenced(void **state)
{
    struct rs_memory_store *store = new_store();
    struct rs_view_sink table = rs_memory_store_table(store);
    uint64_t token;
    int64_t offset, shown;
    (void)state;
    rs_memory_store_set_away(store, true);
    assert_null(apply(store, new_batch(0, 1, 10, 0)));
    assert_null(apply(store, new_batch(0, 1, 11, 0)));
    rs_memory_store_set_away(store, false);
    for (int64_t i = 10; i < 12; i++) {
        struct rs_view_batch *batch = table.ops->finished(table.self, 0);
        assert_non_null(batch);
        assert_int_equal(batch->offset, i);
        rs_view_batch_free(&batch);
    }
    assert_true(rs_memory_store_fence(store, "trades", 0, &token, &offset, &shown));
    assert_int_equal(offset, 11);
    uint64_t before = table.ops->generation(table.self);
    rs_memory_store_wipe(store);
    assert_int_equal(table.ops->generation(table.self), before + 1);
    assert_false(rs_memory_store_fence(store, "trades", 0, &token, &offset, &shown));
    rs_memory_store_set_fence(store, "trades", 0, 5, 100, 7);
    apply_and_free(store, new_batch(0, 4, 200, 0), RS_BATCH_FENCED);
    struct rs_view_batch *behind = apply(store, new_batch(0, 6, 100, 6));
    assert_int_equal(behind->result, RS_BATCH_BEHIND);
    assert_int_equal(behind->fence_offset, 100);
    assert_int_equal(behind->fence_now_shown_us, 7);
    rs_view_batch_free(&behind);
    assert_true(rs_memory_store_fence(store, "trades", 0, &token, &offset, &shown));
    assert_int_equal(token, 6);
    rs_memory_store_free(&store);
}

/* ---- against Redis ---- */

static struct rs_random source = {1};

static uint32_t below(uint32_t limit)
{
    return (uint32_t)rs_random_below(&source, limit);
}

static void random_fields(struct rs_view_batch *batch, uint32_t aggregate)
{
    for (uint32_t field = 0; field < 6; field++) {
        char text[32];
        int size = snprintf(text, sizeof text, "%d.%02u", (int)below(2000) - 1000, below(100));
        if (field == 5 || below(4)) {
            rs_batch_field(batch, field, text, (size_t)size);
        }
    }
    if (aggregate == 0 && below(2)) {
        rs_batch_field(batch, 6, "1", 1);
    }
}

static void random_op(struct rs_view_batch *batch)
{
    static const char *const keys[] = {"A", "B", "C:x", "%null", "index", "", "history"};
    uint32_t aggregate = below(3);
    struct rs_slice key = rs_slice_text(aggregate == 1 ? "" : keys[below(7)]);
    switch (below(8)) {
    case 0: rs_batch_drop(batch, aggregate, key); break;
    case 1:
    case 2: {
        /* Members of a sorted set are unique as texts, so a window's text holds its start, as the engine's
         * does. */
        int64_t score = (int64_t)below(6) * 60000 - 120000;
        char start[24];
        rs_batch_history_begin(batch, aggregate, key, score);
        rs_batch_field(batch, 2, start, (size_t)snprintf(start, sizeof start, "%lld", (long long)score));
        rs_batch_field(batch, 5, below(2) ? "7" : "8", 1);
        rs_batch_end(batch, 0);
        break;
    }
    default:
        rs_batch_view_begin(batch, aggregate, below(3) ? 0 : RS_OP_FIRST, key);
        random_fields(batch, 1);
        rs_batch_end(batch, (int64_t)below(1000) - 500);
    }
}

/* Two batches with the same operations. */
static void random_batches(struct rs_view_batch *out[2])
{
    struct rs_random begin = source;
    for (int i = 0; i < 2; i++) {
        source = begin;
        out[i] = new_batch((int32_t)below(3), 1 + below(2), below(5), (int64_t)below(3));
        for (uint32_t n = below(12); n > 0; n--) {
            random_op(out[i]);
        }
    }
}

static void put_redis_pairs(struct rs_buf *out, redisContext *redis, const char *key)
{
    redisReply *reply = redis_do(redis, "HGETALL %s", key);
    rs_buf_char(out, '{');
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        bool statistic =
            strcmp(reply->element[i]->str, "trades") == 0 || strcmp(reply->element[i]->str, "volume") == 0;
        const char *quote = statistic ? "\"" : "";
        rs_buf_printf(out, "%s\"%s\":%s%s%s", i ? "," : "", reply->element[i]->str, quote,
                      reply->element[i + 1]->str, quote);
    }
    rs_buf_char(out, '}');
    freeReplyObject(reply);
}

static void put_redis_members(struct rs_buf *out, redisContext *redis, const char *key)
{
    bool history = strlen(key) > 8 && strcmp(key + strlen(key) - 8, ":history") == 0;
    redisReply *reply = redis_do(redis, "ZRANGE %s 0 -1 WITHSCORES", key);
    rs_buf_char(out, '[');
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const char *quote = history ? "" : "\"";
        rs_buf_printf(out, "%s[%s,%s%s%s]", i ? "," : "", reply->element[i + 1]->str, quote,
                      reply->element[i]->str, quote);
    }
    rs_buf_char(out, ']');
    freeReplyObject(reply);
}

static int compare_replies(const void *a, const void *b)
{
    return strcmp((*(redisReply *const *)a)->str, (*(redisReply *const *)b)->str);
}

/* What Redis holds in the notation of --replay. Fields of a hash come in the order they were written, which
 * the memory store does not keep: both sides' fields are compared sorted, see sort_fields. */
static char *print_redis(redisContext *redis)
{
    struct rs_buf out = {0};
    redisReply *keys = redis_do(redis, "KEYS *");
    qsort(keys->element, keys->elements, sizeof *keys->element, compare_replies);
    for (size_t i = 0; i < keys->elements; i++) {
        const char *key = keys->element[i]->str;
        redisReply *type = redis_do(redis, "TYPE %s", key);
        bool hash = strcmp(type->str, "hash") == 0;
        if (strncmp(key, "rs:fence:", 9) != 0 && strncmp(key, "rs:owners", 9) != 0 &&
            strcmp(key, "rs:meta") != 0) {
            rs_buf_printf(&out, "{\"key\":\"%s\",\"type\":\"%s\",\"value\":", key, type->str);
            (hash ? put_redis_pairs : put_redis_members)(&out, redis, key);
            rs_buf_text(&out, "}\n");
        }
        freeReplyObject(type);
    }
    freeReplyObject(keys);
    rs_buf_char(&out, '\0');
    assert_false(out.failed);
    return (char *)out.data;
}

/* Sorts what stands between the braces of each hash's value, in place. */
static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_fields(char *text)
{
    for (char *value = strstr(text, "\"hash\",\"value\":{"); value;
         value = strstr(value, "\"hash\",\"value\":{")) {
        char *begin = value + strlen("\"hash\",\"value\":{");
        char *end = strchr(begin, '}');
        char *copy = strndup(begin, (size_t)(end - begin));
        char *parts[16];
        char *rest = copy;
        char *at = begin;
        size_t count = 0;
        for (char *part = strsep(&rest, ","); part && count < 16; part = strsep(&rest, ",")) {
            parts[count++] = part;
        }
        qsort(parts, count, sizeof *parts, compare_texts);
        for (size_t i = 0; i < count; i++) {
            at += sprintf(at, "%s%s", i ? "," : "", parts[i]);
        }
        *at = '}';
        free(copy);
        value = begin;
    }
}

/* Numbers of operations as a set of bits: which are refused matters, not in which order they are named. */
static uint32_t conflict_bits(const struct rs_view_batch *batch)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < batch->conflicts.size; i += sizeof(uint32_t)) {
        uint32_t number;
        memcpy(&number, batch->conflicts.data + i, sizeof number);
        assert_true(number < 32 && !(bits & 1u << number));
        bits |= 1u << number;
    }
    return bits;
}

/* Gives the same random operations to both. */
static void play_round(struct rs_view_sink sink, struct rs_memory_store *store)
{
    struct rs_view_batch *batches[2];
    struct rs_view_batch *from_redis = NULL;
    random_batches(batches);
    sink.ops->submit(sink.self, &batches[0]);
    struct rs_view_batch *from_memory = apply(store, batches[1]);
    while (!(from_redis = sink.ops->finished(sink.self, 0))) {
        struct pollfd fd = {.fd = sink.ops->wake_fd(sink.self, 0), .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 5000), 1);
    }
    assert_int_equal(from_redis->result, from_memory->result);
    assert_int_equal(conflict_bits(from_redis), conflict_bits(from_memory));
    if (from_memory->result != RS_BATCH_APPLIED) {
        assert_int_equal(from_redis->fence_offset, from_memory->fence_offset);
        assert_int_equal(from_redis->fence_now_shown_us, from_memory->fence_now_shown_us);
    }
    rs_view_batch_free(&from_redis);
    rs_view_batch_free(&from_memory);
}

static void compare_contents(redisContext *redis, const struct rs_memory_store *store)
{
    char *mine = print_store(store);
    char *theirs = print_redis(redis);
    char *lines = strchr(mine, '\n') + 1; /* rs:meta sorts first */
    sort_fields(lines);
    sort_fields(theirs);
    assert_string_equal(lines, theirs);
    free(mine);
    free(theirs);
}

/* Else tokens and offsets soon refuse everything. */
static void lower_fences(redisContext *redis, struct rs_memory_store *store)
{
    freeReplyObject(redis_do(redis, "DEL rs:fence:g:t.trades:0 rs:fence:g:t.trades:1 rs:fence:g:t.trades:2"));
    for (int32_t partition = 0; partition < 3; partition++) {
        rs_memory_store_set_fence(store, "trades", partition, 0, 0, INT64_MIN);
    }
}

static void test_holds_what_redis_holds(void **state)
{
    struct redis_server server;
    struct rs_redis_config config;
    struct rs_redis_sink *sink = NULL;
    struct rs_error error;
    (void)state;
    if (!redis_server_available()) {
        print_message("skipped: there is no redis-server in PATH\n");
        skip();
    }
    struct rs_memory_store *store = new_store();
    redis_server_start(&server, 0, NULL);
    redisContext *redis = redis_server_connect(&server);
    rs_redis_config_default(&config);
    config.address.port = server.port;
    snprintf(config.address.host, sizeof config.address.host, "127.0.0.1");
    struct rs_redis_sink_options options = {.group = "g",
                                            .config = &config,
                                            .metas = test_metas,
                                            .meta_count = 3,
                                            .workers = 1,
                                            .clock = rs_clock_system()};
    assert_int_equal(rs_redis_sink_new(&options, &sink, &error), 0);
    rs_redis_sink_cluster(sink, "c");
    for (int round = 0; round < 3000; round++) {
        play_round(rs_redis_sink_table(sink), store);
        if (round % 25 == 0) {
            compare_contents(redis, store);
        }
        if (round % 100 == 99) {
            lower_fences(redis, store);
        }
    }
    rs_redis_sink_free(&sink);
    redisFree(redis);
    redis_server_kill(&server);
    rs_memory_store_free(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prints_keys_in_order),
        cmocka_unit_test(test_can_be_asked),
        cmocka_unit_test(test_keeps_only_the_newest_history),
        cmocka_unit_test(test_a_session_takes_what_it_joined),
        cmocka_unit_test(test_can_be_away_and_wiped_and_fenced),
        cmocka_unit_test(test_holds_what_redis_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
