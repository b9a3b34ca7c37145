/* Tombstones of upsert streams: what they withdraw, what comes later, which keys they take, and that the state says it
 * all, at any cut of the log. */
#include "tests/lib/partition_state.h"
#include "tests/lib/random.h"
#include "tests/unit/transform/engine_run.h"

#define STREAM(MORE)                                                                                         \
    "streams:\n  ticks: {topic: t, schema: tick.avsc, time: day,\n"                                          \
    "          upsert: {version: revision, value: price, key_fields: [market, product]" MORE "}}\n"
#define AGGREGATES                                                                                           \
    "  g:\n    stream: ticks\n    by: [market, product]\n    window: {last: 2}\n    stats: {n: count(), p: " \
    "sum(price)}\n"

struct told {
    int letters;
    enum rs_reason reason;
};

static bool put(void *self, const struct rs_dead_letter *letter)
{
    struct told *told = self;
    told->letters++;
    told->reason = letter->reason;
    return true;
}

static const struct rs_dead_letter_ops ops = {.put = put};

static int give(struct rs_partition *p, int64_t offset, const char *key, const struct tick *tick)
{
    struct told told = {0};
    const struct rs_dead_letter_sink sink = {.self = &told, .ops = &ops};
    struct rs_buf bytes = {0};
    struct rs_record record = {.offset = offset, .timestamp_us = RS_TIME_NONE};
    record.key = key ? rs_slice_text(key) : (struct rs_slice){0};
    if (tick) {
        tick_encode(tick, &bytes);
        record.value = rs_buf_slice(&bytes);
    }
    assert_int_equal(rs_partition_apply(p, &record, 1, &sink), 1);
    rs_buf_fini(&bytes);
    assert_true(told.letters == 0 || told.reason == RS_REASON_TOMBSTONE);
    return told.letters;
}

/* A month without a period has no length to divide by. */
static void test_a_month_is_withdrawn(void **state)
{
    (void)state;
    struct run r;
    start(&r, STREAM(""),
          "  c:\n    stream: ticks\n    by: [market, product]\n    window: {tumbling: 1mo}\n    stats: {n: "
          "count(), "
          "r: rate()}\n");
    const struct tick tick = {.market = "m", .product = "a", .day = 1, .price = 100, .revision = 7};
    (void)give(r.partition, 0, "any", &tick);
    (void)give(r.partition, 1, "m:a", NULL);
    assert_emits(&r, "view c/m:a 86400000 first: n=0 events=0\n");
    stop(&r);
}

static void test_all_before_it_is_withdrawn(void **state)
{
    (void)state;
    struct run r;
    start(&r, STREAM(""), AGGREGATES);
    const struct tick first = {.market = "m", .product = "a", .day = 1, .price = 100, .revision = 7};
    const struct tick second = {.market = "m", .product = "a", .day = 2, .price = 200, .revision = 9};
    const struct tick other = {.market = "m", .product = "b", .day = 1, .price = 300, .revision = 1};
    (void)give(r.partition, 0, "any", &first);
    (void)give(r.partition, 1, "any", &second);
    (void)give(r.partition, 2, "any", &other);
    assert_emits(&r, "view g/m:a 172800000 first: n=2 p=3 window_start=86400000 window_end=172800000 "
                     "event_time=172800000 events=2\n"
                     "view g/m:b 86400000 first: n=1 p=3 window_start=86400000 window_end=86400000 "
                     "event_time=86400000 events=1\n");
    assert_int_equal(give(r.partition, 3, "m:a", NULL), 0);
    assert_emits(&r, "view g/m:a 172800000: n=0 p=0 events=0\n");
    /* A lower version than those that are withdrawn. */
    const struct tick later = {.market = "m", .product = "a", .day = 1, .price = 500, .revision = INT64_MIN};
    (void)give(r.partition, 4, "any", &later);
    assert_emits(&r,
                 "view g/m:a 86400000: n=1 p=5 window_start=86400000 window_end=86400000 event_time=86400000 "
                 "events=1\n");
    assert_int_equal(give(r.partition, 5, "m:none", NULL), 0); /* nothing is there: filtered */
    assert_events(&r, 5, 0, 0, 0, 1);
    stop(&r);
}

static void test_keys(void **state)
{
    (void)state;
    struct run r;
    static const char *const wrong[] = {NULL, "", "m", "m:a:b", "m:a%", "m: a", "m:%61", "m:a\xff"};
    start(&r, STREAM(""), AGGREGATES);
    const struct tick tick = {.product = "", .day = 1, .price = 100, .revision = 7};
    (void)give(r.partition, 0, NULL, &tick);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(give(r.partition, 1 + (int64_t)i, wrong[i], NULL), 1);
    }
    assert_int_equal(give(r.partition, 20, "%null:", NULL), 0);
    assert_events(&r, 2, 0, 0, 8, 0);
    stop(&r);
    /* The key of a lone "index" is not that of its hash in Redis. */
    start(&r,
          "streams:\n  ticks: {topic: t, schema: tick.avsc, time: day, upsert: {version: revision, "
          "key_fields: [product]}}\n",
          "  g:\n    stream: ticks\n    by: [product]\n    window: {last: 2}\n    stats: {n: count()}\n");
    const struct tick index = {.product = "index", .day = 1, .revision = 7};
    (void)give(r.partition, 0, NULL, &index);
    assert_int_equal(give(r.partition, 1, "%69ndex", NULL), 1);
    assert_int_equal(give(r.partition, 2, "index", NULL), 0);
    assert_emits(&r, "view g/%69ndex 86400000 first: n=0 events=0\n");
    stop(&r);
    /* Without the fields of the key it is a dead letter, as ever. */
    start(&r, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: day, upsert: {version: revision}}\n",
          "  g:\n    stream: ticks\n    by: [product]\n    window: {last: 2}\n    stats: {n: count()}\n");
    assert_int_equal(give(r.partition, 0, "index", NULL), 1);
    stop(&r);
}

/* A log that is cut anywhere, its state saved and loaded, ends in the same state. */
static void test_the_state_says_it_all(void **state)
{
    (void)state;
    static const char *const products[] = {"a", "b", "c"};
    struct rs_random random = {7};
    for (int round = 0; round < 40; round++) {
        struct run whole;
        struct run cut;
        struct rs_error error;
        start(&whole, STREAM(", max_periods: 3"), AGGREGATES);
        start(&cut, STREAM(", max_periods: 3"), AGGREGATES);
        int at = (int)(rs_random_below(&random, 60));
        for (int i = 0; i < 60; i++) {
            const char *product = products[rs_random_below(&random, 3)];
            char key[16];
            snprintf(key, sizeof key, "m:%s", product);
            const struct tick tick = {.market = "m",
                                      .product = product,
                                      .day = (int32_t)(rs_random_below(&random, 5)),
                                      .price = (int64_t)(rs_random_below(&random, 100)),
                                      .no_price = rs_random_below(&random, 9) == 0,
                                      .revision = (int64_t)(rs_random_below(&random, 4))};
            bool tombstone = rs_random_below(&random, 6) == 0;
            if (i == at) {
                struct rs_buf bytes = {0};
                struct rs_partition *fresh = NULL;
                rs_partition_save(cut.partition, &bytes);
                assert_int_equal(rs_partition_new(cut.fixture.engine, 0, 0, &fresh, &error), 0);
                assert_int_equal(rs_partition_load(fresh, rs_buf_slice(&bytes), &error), 0);
                rs_partition_free(&cut.partition);
                cut.partition = fresh;
                rs_buf_fini(&bytes);
            }
            assert_int_equal(give(whole.partition, i, key, tombstone ? NULL : &tick), 0);
            assert_int_equal(give(cut.partition, i, key, tombstone ? NULL : &tick), 0);
        }
        struct rs_buf one = {0};
        struct rs_buf two = {0};
        rs_partition_save(whole.partition, &one);
        rs_partition_save(cut.partition, &two);
        assert_int_equal(one.size, two.size);
        assert_memory_equal(one.data, two.data, one.size);
        rs_buf_fini(&one);
        rs_buf_fini(&two);
        stop(&whole);
        stop(&cut);
    }
}

static void test_complaints(void **state)
{
    (void)state;
    const char order[] = "test.yaml:6:26: tombstones of stream ticks withdraw the group of their key: `by` "
                         "has to name the fields of "
                         "its `key_fields`, in that order\n";
    expect_complaint("time: day, upsert: {version: revision, key_fields: [market, product]}",
                     "by: [product, market], window: {last: 1}, stats: {n: count()}", order);
    expect_complaint("time: day, upsert: {version: revision, key_fields: [market, product]}",
                     "by: [market], window: {last: 1}, stats: {n: count()}", order);
    expect_complaint(
        "time: day, upsert: {version: revision, key_fields: []}",
        "by: [market], window: {last: 1}, stats: {n: count()}",
        "test.yaml:4:91: `key_fields` is empty: name the fields that the records' key is made of\n");
    expect_complaint("time: day, upsert: {version: revision, key_fields: [market]}, key: [market]",
                     "by: [market], window: {last: 1}, stats: {n: count()}",
                     "test.yaml:4:107: `key_fields` of `upsert` are the key: leave `key` out\n");
    expect_complaint("time: day, upsert: {version: revision, key_fields: [ratio]}",
                     "by: [market], window: {last: 1}, stats: {n: count()}",
                     "test.yaml:4:92: field 'ratio' cannot be part of a key: floating-point numbers that "
                     "look alike may differ; "
                     "`scale` makes them decimals\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_month_is_withdrawn),
        cmocka_unit_test(test_all_before_it_is_withdrawn),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_the_state_says_it_all),
        cmocka_unit_test(test_complaints),
    };
    return cmocka_run_group_tests_name("transform.partition.tombstone", tests, NULL, NULL);
}
