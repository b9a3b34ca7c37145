/* Fields of the record itself: as time, group, condition, rule, id, version and input; of Avro and of JSON; and what
 * is rejected for them. */
#include "tests/unit/transform/engine_run.h"

struct header {
    const char *name, *value;
    size_t size;
};

/* Headers by name, the last first, as a source would answer. */
struct headers {
    const struct header *items;
    size_t count;
    bool damaged;
};

static bool find_header(const struct rs_record *record, const char *name, struct rs_slice *out)
{
    const struct headers *headers = record->origin;
    *out = (struct rs_slice){0};
    for (size_t i = headers->count; i-- > 0;) {
        if (strcmp(headers->items[i].name, name) == 0) {
            *out = rs_slice_of(headers->items[i].value, headers->items[i].size);
            break;
        }
    }
    return !headers->damaged;
}

struct told {
    int count;
    enum rs_reason reason;
    char field[64];
};

static bool put(void *self, const struct rs_dead_letter *letter)
{
    struct told *told = self;
    told->count++;
    told->reason = letter->reason;
    (void)snprintf(told->field, sizeof told->field, "%s", letter->field ? letter->field : "-");
    assert_true(letter->byte == -1);
    return true;
}

static const struct rs_dead_letter_ops ops = {.put = put};

/* One record more behind those that there were. */
static enum rs_reason give(struct run *r, struct rs_record record, struct told *told)
{
    static int64_t offset = 0;
    const struct tick tick = {.product = "a", .at_us = 10 * SECOND, .quantity = 5, .no_revision = true};
    const struct rs_dead_letter_sink sink = {.self = told, .ops = &ops};
    struct rs_buf bytes = {0};
    *told = (struct told){0};
    tick_encode(&tick, &bytes);
    record.value = rs_buf_slice(&bytes);
    record.offset = offset++;
    assert_int_equal(rs_partition_apply(r->partition, &record, 1, &sink), 1);
    rs_buf_fini(&bytes);
    return told->reason;
}

static void test_the_time_of_the_record(void **state)
{
    (void)state;
    struct run r;
    struct told told;
    start(
        &r, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: $timestamp}\n",
        "  g:\n    stream: ticks\n    window: {tumbling: 1m}\n    stats: {n: count(), p: max($partition)}\n");
    assert_int_equal(give(&r, (struct rs_record){.timestamp_us = 61 * SECOND}, &told), RS_REASON_NONE);
    assert_int_equal(give(&r, (struct rs_record){.timestamp_us = 119 * SECOND}, &told), RS_REASON_NONE);
    assert_int_equal(give(&r, (struct rs_record){.timestamp_us = RS_TIME_NONE}, &told), RS_REASON_FIELD_NULL);
    assert_string_equal(told.field, "$timestamp");
    assert_emits(&r, "view g/ 119000 first: n=2 p=0 window_start=60000 window_end=120000 event_time=119000 "
                     "events=2\n");
    stop(&r);
}

static void test_groups_and_conditions(void **state)
{
    (void)state;
    struct run r;
    struct told told;
    static const struct header two[] = {{"source", "x", 1}, {"source", "lse", 3}, {"other", "y", 1}};
    static const struct header null[] = {{"source", "x", 1}, {"source", NULL, 0}};
    struct headers none = {0};
    struct headers last = {.items = two, .count = 3};
    struct headers nothing = {.items = null, .count = 2};
    start(&r, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at}\n",
          "  g:\n    stream: ticks\n    by: [$topic, $header.source, product, $key, $partition]\n"
          "    where: {$key: {ne: k2}}\n    window: {all: true}\n    stats: {n: count($header.other)}\n");
    struct rs_record record = {.key = rs_slice_text("k1"), .timestamp_us = RS_TIME_NONE};
    assert_int_equal(give(&r, record, &told), RS_REASON_NONE); /* of a source that has no headers */
    record.header = find_header;
    record.origin = &none;
    assert_int_equal(give(&r, record, &told), RS_REASON_NONE);
    record.origin = &nothing;
    assert_int_equal(give(&r, record, &told), RS_REASON_NONE);
    record.origin = &last;
    assert_int_equal(give(&r, record, &told), RS_REASON_NONE);
    record.key = rs_slice_text("k2");
    assert_int_equal(give(&r, record, &told), RS_REASON_NONE);
    record.key = (struct rs_slice){0};
    assert_int_equal(give(&r, record, &told), RS_REASON_NONE); /* a comparison with null does not hold */
    record.key = rs_slice_of("", 0);
    assert_int_equal(give(&r, record, &told), RS_REASON_NONE);
    assert_events(&r, 5, 0, 0, 0, 2);
    assert_emits(&r, "view g/t:%null:a:k1:0 10000 first: n=0 event_time=10000 events=3\n"
                     "view g/t:lse:a:k1:0 10000 first: n=1 event_time=10000 events=1\n"
                     "view g/t:lse:a::0 10000 first: n=1 event_time=10000 events=1\n");
    stop(&r);
}

static void test_what_is_rejected(void **state)
{
    (void)state;
    struct run r;
    struct told told;
    static const struct header bad[] = {{"h", "\xff", 1}};
    static const struct header good[] = {{"h", "ab", 2}};
    struct headers headers = {.items = good, .count = 1};
    start(&r,
          "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at,\n"
          "    rules: {$header.h: {required: true, max_length: 2}, $key: {in: [a, b]}}}\n",
          "  g:\n    stream: ticks\n    window: {all: true}\n    stats: {n: count(), o: max($offset)}\n");
    struct rs_record record = {
        .key = rs_slice_text("a"), .timestamp_us = RS_TIME_NONE, .origin = &headers, .header = find_header};
    assert_int_equal(give(&r, record, &told), RS_REASON_NONE);
    record.key = rs_slice_text("c");
    assert_int_equal(give(&r, record, &told), RS_REASON_RULE);
    assert_string_equal(told.field, "$key");
    record.key = rs_slice_text("\xc0\x80");
    assert_int_equal(give(&r, record, &told), RS_REASON_UTF8);
    assert_string_equal(told.field, "$key");
    record.key = (struct rs_slice){0}; /* null passes `in` */
    assert_int_equal(give(&r, record, &told), RS_REASON_NONE);
    headers.items = bad;
    assert_int_equal(give(&r, record, &told), RS_REASON_UTF8);
    assert_string_equal(told.field, "$header.h");
    headers.count = 0;
    assert_int_equal(give(&r, record, &told), RS_REASON_RULE);
    assert_string_equal(told.field, "$header.h");
    headers.damaged = true;
    assert_int_equal(give(&r, record, &told), RS_REASON_HEADERS);
    assert_string_equal(told.field, "$header.h");
    assert_events(&r, 2, 0, 0, 5, 0);
    stop(&r);
}

static void test_ids(void **state)
{
    (void)state;
    struct run r;
    struct told told;
    start(&r, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, id: [$topic, $key]}\n",
          "  g:\n    stream: ticks\n    window: {all: true}\n    stats: {n: count()}\n");
    struct rs_record record = {.key = rs_slice_text("a"), .timestamp_us = SECOND * 10};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(give(&r, record, &told), RS_REASON_NONE);
    }
    record.key = (struct rs_slice){0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(give(&r, record, &told), RS_REASON_NONE); /* no id: never a duplicate */
    }
    record.key = rs_slice_text("b");
    assert_int_equal(give(&r, record, &told), RS_REASON_NONE);
    assert_events(&r, 5, 0, 2, 0, 0);
    stop(&r);
}

static void test_the_offset_as_version(void **state)
{
    (void)state;
    struct run r;
    struct told told;
    start(&r, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: day, upsert: {version: $offset}}\n",
          "  g:\n    stream: ticks\n    by: [$key]\n    window: {last: 2}\n    stats: {q: last(quantity)}\n");
    struct rs_record record = {.key = rs_slice_text("a"), .timestamp_us = RS_TIME_NONE};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(give(&r, record, &told), RS_REASON_NONE);
    }
    assert_emits(&r, "view g/a 0 first: q=5 window_start=0 window_end=0 event_time=0 events=1\n");
    stop(&r);
}

/* JSON sets every slot that the message has not to null before it reads. */
static void test_json(void **state)
{
    (void)state;
    struct run r;
    struct told told = {0};
    const struct rs_dead_letter_sink sink = {.self = &told, .ops = &ops};
    static const char message[] =
        "{\"id\":null,\"market\":null,\"product\":\"p\",\"side\":\"BUY\",\"at\":10000000,\"price\":null,"
        "\"quantity\":1,"
        "\"ratio\":0,\"day\":0,\"open\":false,\"big\":0,\"revision\":null,\"paid\":0}";
    start(&r, "streams:\n  ticks: {topic: t, schema: tick.avsc, format: json, time: $timestamp}\n",
          "  g:\n    stream: ticks\n    by: [$key, product, $topic]\n    window: {all: true}\n    stats: {n: "
          "count()}\n");
    const struct rs_record record = {
        .key = rs_slice_text("\xe6\x95\xb0"), .value = rs_slice_text(message), .timestamp_us = 7 * SECOND};
    assert_int_equal(rs_partition_apply(r.partition, &record, 1, &sink), 1);
    assert_int_equal(told.count, 0);
    assert_emits(&r, "view g/\xe6\x95\xb0:p:t 7000 first: n=1 event_time=7000 events=1\n");
    stop(&r);
}

static void test_complaints(void **state)
{
    (void)state;
    expect_complaint(
        "time: $timestmp", "window: {all: true}, stats: {n: count()}",
        "test.yaml:4:46: Tick has no field '$timestmp', nor has its record: there are $topic, $partition, "
        "$offset, $timestamp, $key and $header.NAME\n");
    expect_complaint(
        "time: $key", "window: {all: true}, stats: {n: count()}",
        "test.yaml:4:46: field '$key' cannot be the time of the event: its type has to be a timestamp "
        "(millis, micros or nanos) or a date\n");
    expect_complaint(
        "time: {field: $timestamp, unit: ms}", "window: {all: true}, stats: {n: count()}",
        "test.yaml:4:72: `unit` is for plain numbers: field '$timestamp' is a timestamp, whose type says "
        "what it counts; leave `unit` out\n");
    expect_complaint(
        "time: at, id: $timestamp", "window: {all: true}, stats: {n: count()}",
        "test.yaml:4:54: field '$timestamp' cannot identify an event: its type has to be string, bytes, "
        "fixed, uuid, int, long or decimal, or float or double with a declared scale\n");
    expect_complaint(
        "time: at, key: [$topic, product]", "window: {all: true}, stats: {n: count()}",
        "test.yaml:4:56: field '$topic' cannot be part of a key: it is the record's own, which is made with "
        "the key\n");
    expect_complaint(
        "time: at", "by: [$timestamp], window: {all: true}, stats: {n: sum($topic)}",
        "test.yaml:6:27: $timestamp is timestamp; groups are made by string, enum, integer, boolean, date, "
        "decimal or uuid fields\n"
        "test.yaml:6:72: $topic is string; statistics are made of int, long, float, double and decimal "
        "fields\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_time_of_the_record),
        cmocka_unit_test(test_groups_and_conditions),
        cmocka_unit_test(test_what_is_rejected),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_the_offset_as_version),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_complaints),
    };
    return cmocka_run_group_tests_name("transform.partition.record", tests, NULL, NULL);
}
