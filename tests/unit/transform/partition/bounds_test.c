/* What becomes of events that an aggregate does not take. */
#include "tests/unit/transform/seal_run.h"

static bool put_letter(void *self, const struct rs_dead_letter *letter)
{
    rs_buf_printf(self, "%lld %s\n", (long long)letter->record->offset, rs_reason_name(letter->reason));
    return true;
}

static const struct rs_dead_letter_ops letter_ops = {.put = put_letter};

static void expect_letters(const char *stream, const char *aggregates, const struct tick *ticks, size_t count,
                           const char *expected)
{
    struct run r;
    struct rs_buf letters = {0};
    const struct rs_dead_letter_sink sink = {&letters, &letter_ops};
    start(&r, stream, aggregates);
    for (size_t i = 0; i < count; i++) {
        tick_log_add(&r.log, &ticks[i]);
    }
    assert_int_equal(rs_partition_apply(r.partition, tick_log_seal(&r.log), count, &sink), count);
    rs_buf_char(&letters, '\0');
    assert_string_equal((const char *)letters.data, expected);
    rs_buf_fini(&letters);
    stop(&r);
}

/* ---- late ---- */

#define LATE_STREAM(letters)                                                                                 \
    "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 1h, "                 \
    "dead_letters: " letters "}\n"
#define WINDOWED(name, size, more)                                                                           \
    "  " name ": {stream: ticks, window: {tumbling: " size "}, stats: {n: count()}" more "}\n"

/* 1: late for ten seconds alone. 2: late for a minute, too. */
static const struct tick late_ticks[] = {
    {.at_us = 100 * SECOND}, {.at_us = 70 * SECOND}, {.at_us = 10 * SECOND}, {.at_us = 101 * SECOND}};

static void test_each_aggregate_says_what_becomes_of_late_events(void **state)
{
    static const struct {
        const char *stream, *aggregates, *letters;
    } cases[] = {
        {LATE_STREAM("{late: true}"), WINDOWED("a", "10s", "") WINDOWED("b", "1m", ""), "2 late\n"},
        {LATE_STREAM("{late: true}"), WINDOWED("a", "10s", ""), "1 late\n2 late\n"},
        {LATE_STREAM("{late: false}"), WINDOWED("a", "10s", "") WINDOWED("b", "1m", ""), ""},
        {LATE_STREAM("{late: true}"), WINDOWED("a", "10s", ", late: drop"), ""},
        {LATE_STREAM("{late: false}"), WINDOWED("a", "10s", ", late: dead_letter"), "1 late\n2 late\n"},
        /* One of those that call it late keeps it; what another one takes is no dead letter. */
        {LATE_STREAM("{late: false}"), WINDOWED("a", "10s", ", late: dead_letter") WINDOWED("b", "1m", ""),
         "2 late\n"},
        {LATE_STREAM("{late: false}"), WINDOWED("a", "10s", "") WINDOWED("b", "1m", ", late: dead_letter"),
         "2 late\n"},
        {LATE_STREAM("{late: true}"),
         WINDOWED("a", "10s", ", late: drop") WINDOWED("b", "1m", ", late: drop"), ""},
        {LATE_STREAM("{late: true}"),
         WINDOWED("a", "10s",
                  ", late: drop") "  c: {stream: ticks, window: {all: true}, stats: {n: count()}}\n",
         ""},
        {LATE_STREAM("false"), WINDOWED("a", "10s", ", late: drop"), ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_letters(cases[i].stream, cases[i].aggregates, late_ticks, 4, cases[i].letters);
    }
}

static void test_late_is_refused_where_it_says_nothing(void **state)
{
    static const char stream[] = "time: at, lateness: 10s";
    (void)state;
    expect_complaint(stream, "window: {all: true}, late: drop, stats: {v: count()}",
                     "test.yaml:6:49: no event is late for a window that never ends\n");
    expect_complaint(stream, "window: {tumbling: 1s}, late: keep, stats: {v: count()}",
                     "test.yaml:6:52: late is dead_letter or drop\n");
    expect_complaint("time: at, dead_letters: false",
                     "window: {tumbling: 1s}, late: dead_letter, stats: {v: count()}",
                     "test.yaml:6:52: stream ticks has no dead letters: late can only be drop\n");
}

/* ---- groups ---- */

#define TWO_GROUPS                                                                                           \
    "  g: {stream: ticks, by: [product, market], window: {tumbling: 10s}, max_groups: 2, overflow: other, "  \
    "stats: {v: sum(quantity)}}\n"

static void test_groups_beyond_the_cap_are_one(void **state)
{
    struct sealing *f = *state;
    struct run *r = open_writer(
        f, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 64s}\n",
        TWO_GROUPS);
    struct rs_aggregate_status s;
    const struct tick ticks[] = {{.product = "a", .at_us = 100 * SECOND, .quantity = 1},
                                 {.product = "b", .at_us = 101 * SECOND, .quantity = 2},
                                 {.product = "c", .at_us = 101 * SECOND, .quantity = 4},
                                 {.product = "d", .at_us = 102 * SECOND, .quantity = 8},
                                 {.product = "a", .at_us = 103 * SECOND, .quantity = 16}};
    apply(r, ticks, 5);
    assert_events(r, 5, 0, 0, 0, 0);
    assert_emits(
        r,
        "view g/a:%null 103000 first: v=17 window_start=100000 window_end=110000 event_time=103000 events=2\n"
        "view g/b:%null 101000 first: v=2 window_start=100000 window_end=110000 event_time=101000 events=1\n"
        "view g/%other:0 102000 first: v=12 window_start=100000 window_end=110000 event_time=102000 "
        "events=2\n");
    assert_true(rs_partition_aggregate_status(r->partition, 0, &s));
    assert_int_equal(s.folded, 2);
    assert_int_equal(s.groups, 3);
    assert_true(rs_partition_holds(r->partition, 0, rs_slice_text("%other:0")));
    assert_false(rs_partition_holds(r->partition, 0, rs_slice_text("%other:1")));
    assert_false(rs_partition_holds(r->partition, 0, rs_slice_text("c:%null")));
    seal_changes(f, r);
    assert_same_bytes(r, open_restored(f, append_stream, TWO_GROUPS));
}

/* A place that becomes free is the next new group's. */
static void test_an_expired_group_gives_its_place_to_the_next(void **state)
{
    struct sealing *f = *state;
    struct run *r = open_writer(
        f, "streams:\n  ticks: {topic: t, schema: tick.avsc, time: at, lateness: 10s, expire: 64s}\n",
        TWO_GROUPS);
    struct tick ticks[12] = {{.product = "a", .at_us = 100 * SECOND, .quantity = 1},
                             {.product = "b", .at_us = 164 * SECOND, .quantity = 2}};
    for (int i = 2; i < 12; i++) {
        ticks[i] = (struct tick){.product = "c", .at_us = 165 * SECOND, .quantity = 1};
    }
    apply(r, ticks, 12);
    rs_partition_show(r->partition, 165 * SECOND);
    struct rs_buf lines = {0};
    partition_drain(&r->fixture, r->partition, note, &lines);
    rs_buf_char(&lines, '\0');
    assert_non_null(strstr((const char *)lines.data, "view g/%other:0 165000 first: v=3 "));
    assert_non_null(strstr((const char *)lines.data, "view g/c:%null 165000 first: v=7 "));
    rs_buf_fini(&lines);
}

static void test_overflow_is_refused_where_it_says_nothing(void **state)
{
    static const char stream[] = "time: at, lateness: 10s";
    (void)state;
    expect_complaint(stream, "window: {tumbling: 1s}, overflow: other, stats: {v: count()}",
                     "test.yaml:6:56: without `by` there is one group: overflow has no place here\n");
    expect_complaint(stream, "by: [], window: {tumbling: 1s}, overflow: other, stats: {v: count()}",
                     "test.yaml:6:64: without `by` there is one group: overflow has no place here\n");
    expect_complaint(stream, "by: [product], window: {tumbling: 1s}, overflow: fold, stats: {v: count()}",
                     "test.yaml:6:71: overflow is reject or other\n");
    expect_complaint("time: at, upsert: {version: revision}",
                     "by: [product], window: {tumbling: 1s}, overflow: other, stats: {v: count()}",
                     "test.yaml:6:71: a period of an upsert stream has one value, and groups cannot share "
                     "it: overflow can only be reject\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_aggregate_says_what_becomes_of_late_events),
        cmocka_unit_test(test_late_is_refused_where_it_says_nothing),
        SEAL_TEST(test_groups_beyond_the_cap_are_one),
        SEAL_TEST(test_an_expired_group_gives_its_place_to_the_next),
        cmocka_unit_test(test_overflow_is_refused_where_it_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
